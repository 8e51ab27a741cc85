//! From lines to the interned form.

use rustc_hash::FxHashMap;

use super::managed::{self, Managed};
use super::read::{self, Line, ReferenceError, Text};
use super::{About, Action, Cells, ConditionKey, Level, Reference, ResourceType, Risk, Service, ix};

/// What this build ships with.
const SHIPPED: &[u8] = include_bytes!("../../../data/aws-reference.jsonl.gz");

/// A reference that is being read.
#[derive(Debug, Default)]
pub(super) struct Builder {
    about: Vec<About>,
    services: Vec<Service>,
    actions: Vec<Action>,
    resource_types: Vec<ResourceType>,
    resource_at: FxHashMap<Box<str>, u32>,
    keys: Vec<ConditionKey>,
    key_at: FxHashMap<Box<str>, u32>,
    managed: Managed,
}

/// The shipped lines, of managed policies only what is said about them.
pub(super) fn builtin() -> Result<Builder, ReferenceError> {
    let mut builder = Builder::default();
    let path = "the reference data of this build";
    let text = read::unpacked(SHIPPED).map_err(|cause| ReferenceError::File { path: path.to_owned(), cause })?;
    builder.read(&text, path)?;
    Ok(builder)
}

impl Builder {
    /// Adds the lines of a file; `path` is for messages.
    pub(super) fn read(&mut self, text: &str, path: &str) -> Result<(), ReferenceError> {
        for (number, line) in text.lines().enumerate() {
            if line.trim().is_empty() {
                continue;
            }
            let wrong = |what: String, fix| ReferenceError::Line { path: path.to_owned(), line: number + 1, what, fix };
            let line: Line<'_> = serde_json::from_str(line).map_err(|error| {
                wrong(
                    format!("not understood: {error}"),
                    "one JSON object a line, with the fields that the README of the data names",
                )
            })?;
            self.line(&line).map_err(|(what, fix)| wrong(what, fix))?;
        }
        Ok(())
    }

    fn line(&mut self, line: &Line<'_>) -> Result<(), (String, &'static str)> {
        let kinds = [&line.about, &line.service, &line.resource, &line.key, &line.action, &line.policy];
        match kinds.into_iter().flatten().count() {
            1 => {}
            found => {
                return Err((
                    format!("{found} of `about`, `service`, `resource`, `key`, `action`, `policy` are set"),
                    "set exactly one of them: it says what the line is about",
                ));
            }
        }
        if let Some(about) = &line.about {
            self.about(about.as_ref(), line);
        } else if let Some(prefix) = &line.service {
            let prefix = prefix.as_ref().to_ascii_lowercase();
            let name = text_or(line.name.as_ref(), &prefix).into();
            self.services.push(Service { prefix: prefix.into(), name, rcp: line.rcp });
        } else if let Some(name) = &line.resource {
            let at = self.resource_type(name.as_ref());
            self.resource_types[at as usize].arn = line.arn.as_ref().map(|arn| arn.as_ref().into());
        } else if let Some(name) = &line.key {
            let at = self.key(name.as_ref());
            self.keys[at as usize].of = line.of.as_ref().map(|of| of.as_ref().into());
        } else if let Some(name) = &line.action {
            self.action(name.as_ref(), line)?;
        } else if let Some(arn) = &line.policy {
            let policy = managed::policy_of(line).ok_or_else(|| {
                (
                    format!("policy `{}` has no document", arn.as_ref()),
                    "add `document`: the policy as an object or as text",
                )
            })?;
            let arn = managed::of_aws(arn.as_ref())
                .ok_or_else(|| (format!("`{}` is not an ARN", arn.as_ref()), "write `arn:aws:iam::aws:policy/…`"))?;
            self.managed.own.insert(arn.as_ref().into(), policy);
        }
        Ok(())
    }

    fn about(&mut self, of: &str, line: &Line<'_>) {
        if line.replaces {
            match of {
                "actions" => self.actions.clear(),
                "policies" => {
                    self.managed.replaces = true;
                    self.managed.own.clear();
                }
                _ => {}
            }
            self.about.retain(|known| &*known.of != of);
        }
        self.about.push(About {
            of: of.into(),
            source: text_or(line.source.as_ref(), "").into(),
            version: text_or(line.version.as_ref(), "").into(),
            date: text_or(line.date.as_ref(), "").into(),
            licence: text_or(line.licence.as_ref(), "").into(),
        });
    }

    fn action(&mut self, name: &str, line: &Line<'_>) -> Result<(), (String, &'static str)> {
        let lower = name.to_ascii_lowercase();
        let Some((service, _)) =
            lower.split_once(':').filter(|(service, action)| !service.is_empty() && !action.is_empty())
        else {
            return Err((format!("action `{name}` has no service"), "write it as `s3:GetObject`"));
        };
        let mut level = None;
        for part in text_or(line.level.as_ref(), "").split(',').map(str::trim) {
            let found = Level::ALL.into_iter().find(|level| level.as_str().eq_ignore_ascii_case(part));
            let found = found.ok_or_else(|| {
                (
                    format!("action `{name}` has the level `{part}`"),
                    "write List, Read, Write, Tagging or Permissions management",
                )
            })?;
            level = level.max(Some(found));
        }
        let mut risk = Risk::default();
        for class in &line.risk {
            match class.as_ref() {
                "CredentialExposure" => risk.credential_exposure = true,
                "DataAccess" => risk.data_access = true,
                "PrivEsc" => risk.privilege_escalation = true,
                "ResourceExposure" => risk.resource_exposure = true,
                other => {
                    return Err((
                        format!("action `{name}` has the risk `{other}`"),
                        "write CredentialExposure, DataAccess, PrivEsc or ResourceExposure",
                    ));
                }
            }
        }
        let types = line.required.iter().chain(&line.resources);
        let resources = types.map(|of| self.resource_type(&format!("{service}:{}", of.as_ref()))).collect();
        let keys = line.keys.iter().map(|key| self.key(key.as_ref())).collect();
        self.actions.push(Action {
            name: name.into(),
            level: level.expect("splitting a text gives at least one part, and each was a level or an error"),
            resources,
            required: ix(line.required.len()),
            keys,
            risk,
            lower: lower.into(),
        });
        Ok(())
    }

    fn resource_type(&mut self, name: &str) -> u32 {
        if let Some(&at) = self.resource_at.get(name) {
            return at;
        }
        let at = ix(self.resource_types.len());
        self.resource_types.push(ResourceType { name: name.into(), arn: None });
        self.resource_at.insert(name.into(), at);
        at
    }

    fn key(&mut self, name: &str) -> u32 {
        if let Some(&at) = self.key_at.get(name) {
            return at;
        }
        let lower = name.to_ascii_lowercase();
        let at = self.key_at.get(lower.as_str()).copied().unwrap_or_else(|| {
            self.keys.push(ConditionKey { name: name.into(), of: None });
            let at = ix(self.keys.len() - 1);
            self.key_at.insert(lower.into(), at);
            at
        });
        self.key_at.insert(name.into(), at);
        at
    }

    /// Sorted by name, of equal names the last one.
    pub(super) fn finish(mut self) -> Result<Reference, ReferenceError> {
        if !self.managed.replaces {
            let about = managed::about();
            let mut shipped = Self::default();
            shipped.read(&about, "the managed policies of this build")?;
            let at = self.about.iter().position(|about| &*about.of == "policies").unwrap_or(self.about.len());
            self.about.splice(at..at, shipped.about);
        }
        last_of_each(&mut self.actions, |action| &action.lower);
        last_of_each(&mut self.services, |service| &service.prefix);
        let mut order: Vec<u32> = (0..ix(self.keys.len())).collect();
        order.sort_by_cached_key(|&at| self.keys[at as usize].name.to_ascii_lowercase());
        let mut place = vec![0; order.len()];
        for (to, &from) in order.iter().enumerate() {
            place[from as usize] = ix(to);
        }
        for action in &mut self.actions {
            for key in &mut action.keys {
                *key = place[*key as usize];
            }
        }
        Ok(Reference {
            cells: Cells::new(&self.actions),
            about: self.about,
            services: self.services,
            actions: self.actions,
            resource_types: self.resource_types,
            keys: order.into_iter().map(|at| self.keys[at as usize].clone()).collect(),
            managed: self.managed,
        })
    }
}

fn last_of_each<T>(rows: &mut Vec<T>, name: impl Fn(&T) -> &str) {
    rows.sort_by(|a, b| name(a).cmp(name(b)));
    rows.reverse();
    rows.dedup_by(|a, b| name(a) == name(b));
    rows.reverse();
}

fn text_or<'a>(text: Option<&'a Text<'_>>, or: &'a str) -> &'a str {
    text.map_or(or, AsRef::as_ref)
}
