//! From the text of a case to a [`Case`].

use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::Arc;

use super::{Case, Remark};
use crate::aws::answer::Verdict;
use crate::aws::document::Document;
use crate::aws::document::json::{self, Member, Node, Value};
use crate::aws::request::{Attached, Layers, Level, Mode, Principal, Request};

pub(super) fn case(text: &str) -> Result<Case, Vec<Remark>> {
    let (node, faults) =
        json::read(text, 0).map_err(|fault| vec![remark(&fault.span, format!("no JSON: {}", fault.what))])?;
    let mut reading = Reading { text, faults: Vec::new(), notes: Vec::new(), texts: BTreeMap::new() };
    for fault in faults {
        // Within a policy it is the policy's own problem, and may be what the case is about.
        reading.notes.push(remark(&fault.span, fault.what));
    }
    let case = reading.case(&node);
    reading.faults.sort_by_key(|fault| (fault.span.start, fault.span.end));
    match case {
        Some(case) if reading.faults.is_empty() => Ok(Case { notes: reading.notes, texts: reading.texts, ..case }),
        _ => Err(reading.faults),
    }
}

/// The ARN of a session does not tell its role's path; who writes `assumed-role/AWSServiceRoleFor…` means a service-linked role.
fn with_path(principal: Principal) -> Principal {
    match principal {
        Principal::Session { role, session } if role.contains(":role/AWSServiceRoleFor") && !session.is_empty() => {
            Principal::Session { role: role.replacen(":role/", ":role/aws-service-role/", 1), session }
        }
        other => other,
    }
}

/// An empty list is as good as none: who writes down no boundary means none, not one that allows nothing.
fn some(node: Option<&Node>) -> Option<&Node> {
    node.filter(|node| !matches!(&node.value, Value::Array(nodes) if nodes.is_empty()))
}

fn remark(span: &Range<u32>, what: String) -> Remark {
    Remark { span: span.start as usize..span.end as usize, what }
}

struct Reading<'a> {
    text: &'a str,
    faults: Vec<Remark>,
    notes: Vec<Remark>,
    texts: BTreeMap<Arc<str>, String>,
}

impl Reading<'_> {
    fn fault<T>(&mut self, span: &Range<u32>, what: impl Into<String>) -> Option<T> {
        self.faults.push(remark(span, what.into()));
        None
    }

    /// The members of an object by the known names; others are noted.
    fn members<'n, const N: usize>(
        &mut self,
        node: &'n Node,
        what: &str,
        known: [&str; N],
    ) -> Option<[Option<&'n Node>; N]> {
        let Value::Object(members) = &node.value else {
            return self.fault(&node.span, format!("{what} is {}, it is an object", node.value.kind()));
        };
        let mut found = [None; N];
        for Member { name, span, node } in members {
            match known.iter().position(|known| **known == **name) {
                Some(at) if found[at].is_some() => {
                    self.fault::<()>(span, format!("`{name}` stands twice in {what}: keep one"));
                }
                Some(at) => found[at] = Some(node).filter(|node| node.value != Value::Null),
                None => self.notes.push(remark(span, format!("{what} has a key that nobody reads: {name}"))),
            }
        }
        Some(found)
    }

    fn case(&mut self, node: &Node) -> Option<Case> {
        let [
            id,
            name,
            page,
            mode,
            identity,
            boundaries,
            scps,
            rcps,
            resource,
            session,
            vpce,
            restrict,
            request,
            expected,
            assumed,
        ] = self.members(
            node,
            "the case",
            [
                "id",
                "name",
                "page",
                "mode",
                "identityPolicies",
                "boundaries",
                "scps",
                "rcps",
                "resourcePolicy",
                "sessionPolicy",
                "vpcePolicies",
                "restrictPublicBuckets",
                "request",
                "expected",
                "assumed",
            ],
        )?;
        let id = self.required(node, id, "id", "a name that is unique in the file");
        let name = name.and_then(|node| self.string(node, "name"));
        let page = page.and_then(|node| self.string(node, "page"));
        let mode = match mode.and_then(|node| Some((self.string(node, "mode")?, node))) {
            None => Mode::Strict,
            Some((mode, node)) => match mode.as_str() {
                "strict" => Mode::Strict,
                "open" => Mode::Open,
                other => self.fault(&node.span, format!("`mode` is `{other}`: write `strict` or `open`"))?,
            },
        };
        let mut layers = Layers {
            identity: self.policies(identity, "identity policy").unwrap_or_default(),
            boundary: self.policies(some(boundaries), "permissions boundary"),
            session: self.policies(some(session), "session policy"),
            scps: self.levels(scps, "SCP"),
            rcps: self.levels(rcps, "RCP"),
            resource: None,
            acl: None,
            vpc_endpoint: self.policies(some(vpce), "VPC endpoint policy"),
            restrict_public_buckets: false,
        };
        layers.resource = resource.and_then(|node| self.policy(node, "resource policy"));
        if let Some(node) = restrict {
            match node.value {
                Value::Bool(restrict) => layers.restrict_public_buckets = restrict,
                _ => self.fault(&node.span, "`restrictPublicBuckets` is true or false")?,
            }
        }
        let expected = match self.required(node, expected, "expected", "a verdict") {
            None => None,
            Some(text) => {
                let verdicts =
                    [Verdict::Allowed, Verdict::ExplicitlyDenied, Verdict::ImplicitlyDenied, Verdict::NotEvaluated];
                let span = expected.map_or(node.span.clone(), |node| node.span.clone());
                verdicts.into_iter().find(|verdict| verdict.as_str() == text).or_else(|| {
                    let all = verdicts.map(Verdict::as_str).join(", ");
                    self.fault(&span, format!("`expected` is `{text}`: write one of {all}"))
                })
            }
        };
        let assumed = assumed.map(|node| self.strings(node, "assumed"));
        let Some(request_node) = request else {
            return self.fault(&node.span, "the case has no `request`: add it, with principal, action and resource");
        };
        let request = self.request(request_node, mode);
        Some(Case {
            id: id?,
            name,
            page,
            request: request?,
            layers,
            expected: expected?,
            assumed,
            notes: Vec::new(),
            texts: BTreeMap::new(),
        })
    }

    fn request(&mut self, node: &Node, mode: Mode) -> Option<Request> {
        let [principal, action, resource, account, context] =
            self.members(node, "`request`", ["principal", "action", "resource", "resourceAccount", "context"])?;
        let principal = match principal {
            Some(principal) => self.principal(principal),
            None => self.fault(&node.span, "the request has no `principal`: add an ARN, or {\"type\":\"Anonymous\"}"),
        };
        let action_text = self.required(node, action, "action", "an action as `s3:GetObject`");
        if let Some(text) = &action_text
            && (text.contains(['*', '?']) || !text.contains(':'))
        {
            let span = action.map_or(node.span.clone(), |action| action.span.clone());
            self.fault::<()>(&span, format!("`{text}` is no action: a request names one, as `s3:GetObject`"));
        }
        let resource = self.required(node, resource, "resource", "an ARN, or `*` for actions that know no resource");
        let resource_account = match account {
            None => None,
            Some(node) => {
                let number = self.string(node, "resourceAccount")?;
                if number.len() != 12 || !number.bytes().all(|byte| byte.is_ascii_digit()) {
                    self.fault::<()>(
                        &node.span,
                        format!("`resourceAccount` is `{number}`: an account has twelve digits"),
                    );
                }
                Some(number)
            }
        };
        let context = context.map_or(Some(BTreeMap::new()), |node| self.context(node));
        Some(Request {
            principal: principal?,
            action: action_text?,
            resource: resource?,
            resource_account,
            context: context?,
            mode,
        })
    }

    fn principal(&mut self, node: &Node) -> Option<Principal> {
        if let Value::String(text) = &node.value {
            let provider = text.contains(":saml-provider/") || text.contains(":oidc-provider/");
            return match Principal::from_arn(text) {
                Some(principal) => Some(with_path(principal)),
                None if provider => Some(Principal::Federated { provider: text.to_string() }),
                None if text.contains(".amazonaws.com") => Some(Principal::Service { name: text.to_string() }),
                None => {
                    let what = "is no ARN of a root, user, role or session, no identity provider and no service";
                    self.fault(
                        &node.span,
                        format!(
                            "`principal` is `{text}`, which {what}: who is not signed in is {{\"type\":\"Anonymous\"}}"
                        ),
                    )
                }
            };
        }
        let [kind, arn, name, provider, account, role, session, user] = self.members(
            node,
            "`principal`",
            ["type", "arn", "name", "provider", "account", "role", "session", "user"],
        )?;
        let kind_text = self.required(node, kind, "type", "the kind of principal")?;
        match kind_text.as_str() {
            "Anonymous" => Some(Principal::Anonymous),
            "Service" => {
                Some(Principal::Service { name: self.required(node, name, "name", "as `ec2.amazonaws.com`")? })
            }
            "Federated" => {
                let provider = self.required(node, provider, "provider", "the ARN or name of the identity provider")?;
                Some(Principal::Federated { provider })
            }
            "Root" => Some(Principal::Root { account: self.required(node, account, "account", "twelve digits")? }),
            "User" => Some(Principal::User { arn: self.required(node, arn, "arn", "the user's ARN")? }),
            "Session" => Some(Principal::Session {
                role: self.required(node, role, "role", "the role's ARN")?,
                session: session.and_then(|node| self.string(node, "session")).unwrap_or_default(),
            }),
            "FederatedUser" => Some(Principal::FederatedUser {
                arn: self.required(node, arn, "arn", "as `arn:aws:sts::123456789012:federated-user/name`")?,
                by: user.and_then(|node| self.string(node, "user")),
            }),
            other => {
                let span = kind.map_or(node.span.clone(), |kind| kind.span.clone());
                let known = "Anonymous, Service, Federated, Root, User, Session and FederatedUser";
                self.fault(&span, format!("there is no kind of principal `{other}`: there are {known}"))
            }
        }
    }

    fn context(&mut self, node: &Node) -> Option<BTreeMap<String, Vec<String>>> {
        let Value::Object(members) = &node.value else {
            return self
                .fault(&node.span, format!("`context` is {}, it is an object of keys and values", node.value.kind()));
        };
        let mut context = BTreeMap::new();
        for Member { name, span, node } in members {
            let nodes =
                if let Value::Array(nodes) = &node.value { nodes.as_slice() } else { std::slice::from_ref(node) };
            let mut values = Vec::with_capacity(nodes.len());
            for node in nodes {
                match &node.value {
                    Value::String(text) | Value::Number(text) => values.push(text.to_string()),
                    Value::Bool(value) => values.push(value.to_string()),
                    other => {
                        let what = format!(
                            "a value of `{name}` is {}: leave the key out where the request does not have it",
                            other.kind()
                        );
                        self.fault::<()>(&node.span, what);
                    }
                }
            }
            if context.insert(name.to_ascii_lowercase(), values).is_some() {
                self.fault::<()>(
                    span,
                    format!("the key `{name}` stands twice in `context`, which knows no case: keep one"),
                );
            }
        }
        Some(context)
    }

    /// A list of policies, or the one that stands for it; `None` where there is none.
    fn policies(&mut self, node: Option<&Node>, what: &str) -> Option<Vec<Attached>> {
        let node = node?;
        let nodes = if let Value::Array(nodes) = &node.value { nodes.as_slice() } else { std::slice::from_ref(node) };
        let named = (1..).zip(nodes).map(|(number, node)| (format!("{what} {number}"), node));
        let policies: Vec<Attached> = named.filter_map(|(name, node)| self.policy(node, &name)).collect();
        Some(policies)
    }

    fn levels(&mut self, node: Option<&Node>, what: &str) -> Vec<Level> {
        let Some(node) = node else { return Vec::new() };
        let Value::Array(nodes) = &node.value else {
            self.fault::<()>(&node.span, format!("the {what}s are {}, they are a list of levels", node.value.kind()));
            return Vec::new();
        };
        let levels = nodes.iter().filter_map(|node| {
            let [level, policies] = self.members(node, "a level", ["level", "policies"])?;
            let name = self.required(node, level, "level", "the root, unit or account it is attached to")?;
            let policies = self.policies(policies, &format!("{what} of {name}"));
            let Some(policies) = policies else {
                return self
                    .fault(&node.span, "the level has no `policies`: write an empty list where none is attached");
            };
            Some(Level { name: name.into(), policies })
        });
        levels.collect()
    }

    /// A policy document; a text that has one; or either under `policy` or `document`, with `name` and `version`.
    fn policy(&mut self, node: &Node, name: &str) -> Option<Attached> {
        let wrapped = |name: &str| matches!(&node.value, Value::Object(members) if members.iter().any(|member| *member.name == *name));
        if !wrapped("Statement") && (wrapped("policy") || wrapped("document")) {
            let [own, version, policy, document] =
                self.members(node, "the policy", ["name", "version", "policy", "document"])?;
            let own = own.and_then(|node| self.string(node, "name")).unwrap_or_else(|| name.to_owned());
            let version = version.and_then(|node| self.string(node, "version"));
            let Some(inner) = policy.or(document) else {
                return self.fault(&node.span, "the policy has no document: write it under `policy`");
            };
            return Some(Attached { version: version.map(Into::into), ..self.document(inner, &own)? });
        }
        self.document(node, name)
    }

    fn document(&mut self, node: &Node, name: &str) -> Option<Attached> {
        let span = node.span.start as usize..node.span.end as usize;
        let (text, at) = match &node.value {
            Value::Object(_) => (self.text.get(span)?, Some(node.span.start)),
            Value::String(text) => (&**text, None),
            other => return self.fault(&node.span, format!("the {name} is {}, it is a policy document", other.kind())),
        };
        let document = Document::parse(text);
        for problem in &document.problems {
            let span = at.map_or(node.span.clone(), |at| at + problem.span.start..at + problem.span.end);
            self.notes.push(remark(&span, format!("{name}: {}", problem.what)));
        }
        // Two of the same name would show each other's statements.
        let mut name: Arc<str> = name.into();
        while self.texts.contains_key(&name) {
            name = format!("{name}'").into();
        }
        self.texts.insert(Arc::clone(&name), text.to_owned());
        Some(Attached { name, version: None, document: Arc::new(document) })
    }

    fn required(&mut self, parent: &Node, node: Option<&Node>, name: &str, what: &str) -> Option<String> {
        match node {
            Some(node) => self.string(node, name),
            None => self.fault(&parent.span, format!("`{name}` is missing: add {what}")),
        }
    }

    fn string(&mut self, node: &Node, name: &str) -> Option<String> {
        match &node.value {
            Value::String(text) => Some(text.to_string()),
            other => self.fault(&node.span, format!("`{name}` is {}, it is a text", other.kind())),
        }
    }

    fn strings(&mut self, node: &Node, name: &str) -> Vec<String> {
        let nodes = if let Value::Array(nodes) = &node.value { nodes.as_slice() } else { std::slice::from_ref(node) };
        nodes.iter().filter_map(|node| self.string(node, name)).collect()
    }
}
