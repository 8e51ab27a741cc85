//! `muster policy what-if`: a proposal applied in memory, and who gains and loses what by it.

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use clap::Args;
use muster_effective::aws::compiled::Compiled;
use muster_effective::aws::document::Document;
use muster_effective::aws::estate::{Account, Estate as Policies, PolicyIx, Step};
use muster_effective::aws::evaluate::Evaluate as _;
use muster_effective::aws::request::Attached;
use schemars::JsonSchema;
use serde::Serialize;

use super::super::outcome::{Failure, Outcome};
use super::super::output::{Choice, open, targets};
use super::super::session::Session;
use super::super::{Which, gains};
use crate::access::aws::Place;
use crate::access::aws::compare::{Change, changes};
use crate::check::Estate;
use crate::diagnostic::{Diagnostic, similar, visible};
use crate::people::fold;

/// Arguments of `muster policy what-if`. Proposals are applied in the order in which they stand here.
#[derive(Debug, Clone, Args)]
pub struct Arguments {
    /// Another document for a policy that is there: its name or ARN, and a file
    #[arg(long, value_name = "POLICY=FILE", value_parser = assignment)]
    pub replace: Vec<(String, PathBuf)>,
    /// Another identity policy for a user, role or group: its name or ARN, and a file
    #[arg(long, value_name = "PRINCIPAL=FILE", value_parser = assignment)]
    pub attach: Vec<(String, PathBuf)>,
    /// One more service control policy on a root, unit or account: its id, and a file
    #[arg(long, value_name = "TARGET=FILE", value_parser = assignment)]
    pub scp: Vec<(String, PathBuf)>,
    /// One more resource control policy on a root, unit or account: its id, and a file
    #[arg(long, value_name = "TARGET=FILE", value_parser = assignment)]
    pub rcp: Vec<(String, PathBuf)>,
    /// Take a policy from a user, role or group, or from a root, unit or account of the organisation
    #[arg(long, value_name = "HOLDER=POLICY", value_parser = pair)]
    pub detach: Vec<(String, String)>,
    /// Put a user into a group
    #[arg(long, value_name = "USER=GROUP", value_parser = pair)]
    pub join: Vec<(String, String)>,
    /// Take a user out of a group
    #[arg(long, value_name = "USER=GROUP", value_parser = pair)]
    pub leave: Vec<(String, String)>,
    /// The system, where several have policies
    #[arg(long, value_name = "NAME")]
    pub system: Option<String>,
    /// Which snapshot.
    #[command(flatten)]
    pub which: Which,
}

fn pair(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((name, value)) if !name.is_empty() && !value.is_empty() => Ok((name.to_owned(), value.to_owned())),
        Some(_) | None => Err("write NAME=VALUE".to_owned()),
    }
}

fn assignment(text: &str) -> Result<(String, PathBuf), String> {
    pair(text).map(|(name, file)| (name, PathBuf::from(file)))
}

/// What `muster policy what-if -o json` prints.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub(crate) struct WhatIf {
    /// What was applied, as sentences.
    pub applied: Vec<String>,
    /// Every principal for whom something changes.
    pub changes: Vec<Change>,
}

/// Applies the proposals and compares.
///
/// # Errors
/// [`Failure`] when there is no proposal, one names nothing that is there, or a file cannot be read.
pub(super) fn run(session: &Session, arguments: &Arguments) -> Result<Outcome, Failure> {
    let config = session.config()?;
    let store = session.existing_store(&config)?;
    let snapshot = session.snapshot(&store, &arguments.which)?;
    let estate = Estate::load(&snapshot, &config, session.now(&config))?;
    let graph = &estate.graph;
    let named = |place: &&Place| arguments.system.as_ref().is_none_or(|name| graph.system_name(place.system) == name);
    let places: Vec<&Place> = estate.access.places(graph).iter().filter(named).collect();
    let [place] = places.as_slice() else {
        let what = format!("{} systems of this snapshot have policies that can be evaluated", places.len());
        return Err(Diagnostic::error("CLI001", what).fix("name one of them with --system").into());
    };
    let before = &place.compiled;
    let mut proposal = Proposal { estate: before.estate().clone(), applied: Vec::new() };
    proposal.apply(arguments)?;
    if proposal.applied.is_empty() {
        return Err(Diagnostic::error("CLI001", "nothing is proposed")
            .fix("give --replace, --attach, --scp, --rcp, --detach, --join or --leave")
            .into());
    }
    let Proposal { estate: proposed, applied } = proposal;
    let after = Compiled::owning(proposed, before.reference());
    write(session, &WhatIf { applied, changes: changes(before, &after, &place.techniques) })?;
    Ok(Outcome::answered())
}

/// The policies of one kind that stand above an account, level by level.
type OfKind = fn(&mut Account) -> &mut Vec<Step>;

struct Proposal {
    estate: Policies,
    applied: Vec<String>,
}

impl Proposal {
    fn apply(&mut self, arguments: &Arguments) -> Result<(), Failure> {
        for (name, file) in &arguments.replace {
            let document = document(file)?;
            let found = self.policies(name)?;
            for at in found {
                self.estate.policies[at as usize].document = Arc::clone(&document);
            }
            self.applied.push(format!("`{name}` says what `{}` says", file.display()));
        }
        for (name, file) in &arguments.attach {
            let policy = self.add(file)?;
            self.hold(name, policy)?;
            self.applied.push(format!("`{name}` holds `{}` as well", file.display()));
        }
        let limits: [(_, OfKind); 2] =
            [(&arguments.scp, |account| &mut account.scps), (&arguments.rcp, |account| &mut account.rcps)];
        for (limits, of_kind) in limits {
            for (target, file) in limits {
                let policy = self.add(file)?;
                self.known(target)?;
                self.stand(target, of_kind)?;
                for step in self.steps(target, of_kind) {
                    step.policies.push(policy);
                }
                self.applied.push(format!("`{}` is attached to `{target}` as well", file.display()));
            }
        }
        for (holder, policy) in &arguments.detach {
            self.detach(holder, policy)?;
            self.applied.push(format!("`{holder}` does not hold `{policy}` any more"));
        }
        for (user, group) in &arguments.join {
            let (at, group_at) = (self.principal(user)?, self.group(group)?);
            let group_entry = &self.estate.groups[group_at];
            let (arn, policies) = (Arc::clone(&group_entry.arn), group_entry.policies.clone());
            let entry = &mut self.estate.principals[at];
            for policy in policies {
                if !entry.identity.contains(&policy) {
                    entry.identity.push(policy);
                    entry.through.push((policy, Arc::clone(&arn)));
                }
            }
            if !entry.groups.contains(&arn) {
                entry.groups.push(arn);
            }
            self.applied.push(format!("`{user}` is in `{group}`"));
        }
        for (user, group) in &arguments.leave {
            let (at, group_at) = (self.principal(user)?, self.group(group)?);
            let arn = Arc::clone(&self.estate.groups[group_at].arn);
            self.take_through(at, &arn, None);
            self.estate.principals[at].groups.retain(|group| *group != arn);
            self.applied.push(format!("`{user}` is not in `{group}` any more"));
        }
        Ok(())
    }

    /// Takes what a principal has through a group, all of it or one policy; what another of its groups gives as well stays.
    fn take_through(&mut self, at: usize, group: &Arc<str>, only: Option<PolicyIx>) {
        let others: Vec<(PolicyIx, Arc<str>)> = self
            .estate
            .groups
            .iter()
            .filter(|other| other.arn != *group && self.estate.principals[at].groups.contains(&other.arn))
            .flat_map(|other| other.policies.iter().map(|policy| (*policy, Arc::clone(&other.arn))))
            .collect();
        let entry = &mut self.estate.principals[at];
        let gone: Vec<PolicyIx> = entry
            .through
            .iter()
            .filter(|(policy, by)| by == group && only.is_none_or(|only| only == *policy))
            .map(|(policy, _)| *policy)
            .collect();
        entry.through.retain(|(policy, by)| !(by == group && gone.contains(policy)));
        for policy in gone {
            match others.iter().find(|(other, _)| *other == policy) {
                Some((_, by)) => entry.through.push((policy, Arc::clone(by))),
                None => entry.identity.retain(|held| *held != policy),
            }
        }
    }

    fn hold(&mut self, name: &str, policy: PolicyIx) -> Result<(), Failure> {
        if let Ok(group) = self.group(name) {
            self.estate.groups[group].policies.push(policy);
            let arn = Arc::clone(&self.estate.groups[group].arn);
            for entry in self.estate.principals.iter_mut().filter(|entry| entry.groups.contains(&arn)) {
                entry.identity.push(policy);
                entry.through.push((policy, Arc::clone(&arn)));
            }
            return Ok(());
        }
        let at = self.principal(name)?;
        self.estate.principals[at].identity.push(policy);
        Ok(())
    }

    fn detach(&mut self, holder: &str, policy: &str) -> Result<(), Failure> {
        let policies = self.policies(policy)?;
        let mut taken = false;
        if let Ok(group) = self.group(holder) {
            let arn = Arc::clone(&self.estate.groups[group].arn);
            for policy in &policies {
                let held = &mut self.estate.groups[group].policies;
                taken |= held.contains(policy);
                held.retain(|one| one != policy);
                for at in 0..self.estate.principals.len() {
                    self.take_through(at, &arn, Some(*policy));
                }
            }
        } else if let Ok(at) = self.principal(holder) {
            let entry = &mut self.estate.principals[at];
            for policy in &policies {
                let own = entry.identity.contains(policy) && !entry.through.iter().any(|(held, _)| held == policy);
                taken |= own;
                entry.identity.retain(|held| held != policy || !own);
            }
        } else {
            self.known(holder)?;
            let of_kind: [OfKind; 2] = [|of| &mut of.scps, |of| &mut of.rcps];
            for kind in of_kind {
                for step in self.steps(holder, kind) {
                    taken |= policies.iter().any(|policy| step.policies.contains(policy));
                    step.policies.retain(|one| !policies.contains(one));
                }
            }
        }
        if taken {
            return Ok(());
        }
        Err(Diagnostic::error("CLI001", format!("`{holder}` does not hold `{policy}` itself"))
            .cause("only what is attached to it directly can be taken from it")
            .fix("`muster access NAME` shows what it holds and by which way; detach from the group, or let the user leave it")
            .into())
    }

    fn add(&mut self, file: &Path) -> Result<PolicyIx, Failure> {
        let document = document(file)?;
        let at = u32::try_from(self.estate.policies.len()).unwrap_or(u32::MAX);
        self.estate.policies.push(Attached { name: file.display().to_string().into(), version: None, document });
        Ok(at)
    }

    fn policies(&self, name: &str) -> Result<Vec<PolicyIx>, Failure> {
        let key = fold(name);
        let bears = |policy: &Attached| {
            fold(&policy.name) == key || policy.name.rsplit('/').next().is_some_and(|last| fold(last) == key)
        };
        let found: Vec<PolicyIx> =
            (0..).zip(&self.estate.policies).filter(|(_, policy)| bears(policy)).map(|(at, _)| at).collect();
        if found.is_empty() {
            let near = similar(
                name,
                self.estate.policies.iter().map(|policy| policy.name.rsplit('/').next().unwrap_or_default()),
            );
            return Err(unknown("policy", name, near));
        }
        Ok(found)
    }

    fn principal(&self, name: &str) -> Result<usize, Failure> {
        let arns = self.estate.principals.iter().map(|entry| &*entry.arn);
        one("user or role", name, arns)
    }

    fn group(&self, name: &str) -> Result<usize, Failure> {
        one("group", name, self.estate.groups.iter().map(|entry| &*entry.arn))
    }

    /// What is attached to a root, unit or account, of one kind of policy: a step of every account below it.
    fn steps<'s>(&'s mut self, target: &'s str, of_kind: OfKind) -> impl Iterator<Item = &'s mut Step> {
        let steps = self.estate.accounts.iter_mut().flat_map(of_kind);
        steps.filter(move |step| *step.name == *target)
    }

    /// Sees to it that a policy of this kind can be attached to a target: where an organisation uses none of it, its accounts have no steps
    /// of it. A step without a resource control policy demands nothing; one without a service control policy would deny everything.
    fn stand(&mut self, target: &str, of_kind: OfKind) -> Result<(), Failure> {
        for account in &mut self.estate.accounts {
            let bare = |step: &Step| Step { name: Arc::clone(&step.name), policies: Vec::new() };
            if account.rcps.is_empty() {
                account.rcps = account.scps.iter().map(bare).collect();
            }
        }
        if self.steps(target, of_kind).next().is_some() {
            return Ok(());
        }
        Err(Diagnostic::error("CLI001", format!("no service control policy is attached to `{target}`"))
            .cause("the organisation uses none, or none of it was read: what one more would mean cannot be told")
            .fix("collect the organisation; where service control policies are enabled, AWS keeps one attached everywhere")
            .into())
    }

    /// Whether there is a root, unit or account of that name.
    fn known(&self, target: &str) -> Result<(), Failure> {
        let steps = || self.estate.accounts.iter().flat_map(|account| account.scps.iter().chain(&account.rcps));
        if steps().any(|step| *step.name == *target) {
            return Ok(());
        }
        let names = steps().map(|step| &*step.name);
        Err(unknown("principal, group, root, unit or account", target, similar(target, names)))
    }
}

/// The place of what bears a name: an ARN, or its last part.
fn one<'a>(what: &str, name: &str, arns: impl Iterator<Item = &'a str> + Clone) -> Result<usize, Failure> {
    let key = fold(name);
    let last = |arn: &'a str| arn.rsplit('/').next().unwrap_or(arn);
    let found: Vec<usize> = arns
        .clone()
        .enumerate()
        .filter(|(_, arn)| fold(arn) == key || fold(last(arn)) == key)
        .map(|(at, _)| at)
        .collect();
    match found.as_slice() {
        [one] => Ok(*one),
        [] => Err(unknown(what, name, similar(name, arns.map(last)))),
        several => Err(Diagnostic::error("CLI001", format!("`{name}` names {} of the kind {what}", several.len()))
            .fix("give the ARN")
            .into()),
    }
}

fn unknown(what: &str, name: &str, near: Option<&str>) -> Failure {
    Diagnostic::error("CLI001", format!("there is no {what} called `{name}`"))
        .maybe_fix(near.map(|near| format!("did you mean `{near}`?")))
        .into()
}

pub(in crate::cli) fn document(file: &Path) -> Result<Arc<Document>, Failure> {
    let text = std::fs::read_to_string(file).map_err(|error| {
        Diagnostic::error("CLI009", format!("cannot read `{}`", file.display()))
            .cause(error.to_string())
            .fix("name a file with a policy document")
    })?;
    let document = Document::parse(&text);
    match document.problems.iter().find(|problem| problem.blinds) {
        None => Ok(Arc::new(document)),
        Some(problem) => {
            let before = &text[..(problem.span.start as usize).min(text.len())];
            let line = before.matches('\n').count() + 1;
            let column = before.len() - before.rfind('\n').map_or(0, |at| at + 1) + 1;
            Err(Diagnostic::error("CLI009", format!("`{}` is no policy document that can be used", file.display()))
                .cause(format!("line {line}, column {column}: {}", problem.what))
                .fix("correct it; `muster policy test` runs cases against it")
                .into())
        }
    }
}

fn write(session: &Session, answer: &WhatIf) -> Result<(), Failure> {
    let choices = [Choice { name: "table", ending: "txt" }, Choice { name: "json", ending: "json" }];
    for (choice, file) in targets(&session.global.output, &choices)? {
        let mut out = open(file.as_deref())?;
        if choice.name == "json" {
            muster_reports::escape::write_json(&mut out, answer)?;
        } else {
            for applied in &answer.applied {
                writeln!(out, "if {}:", visible(applied))?;
            }
            if answer.changes.is_empty() {
                writeln!(out, "nobody gains or loses an action, and nobody's way to administration changes")?;
            } else {
                gains::table(&answer.changes, usize::MAX, &mut out)?;
            }
        }
        out.close()?;
    }
    Ok(())
}
