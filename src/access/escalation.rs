//! Who is no administrator and can become one: what stored data shows without evaluating policies as a whole.
//!
//! Judged on AWS is what no boundary, service control policy, condition or `Deny` could take back; everything less certain is
//! undecided with its reason. The ways are the well-known ones (Rhino Security Labs, "AWS IAM Privilege Escalation – Methods
//! and Mitigation"): giving oneself a policy, making a key or password for an administrator, passing an administrator's role
//! to a service, assuming a role that trusts one by name. Also here: roles that principals of foreign AWS accounts may assume.

use std::collections::BTreeMap;

use muster_connectors::record::{PolicyKind, PrivilegeLevel};
use rustc_hash::{FxHashMap, FxHashSet};
use serde_json::Value;

use super::aws::documents::{effect, reaches_iam, statements, texts};
use super::{Access, Privilege, is_unconditional, leads_on};
use crate::graph::{Graph, NodeIx, NodeKind, Policy, Reach, RowState, ScopeIx, Step, SystemIx, Text};

/// A way to administration.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
enum Way {
    /// A user may give itself a policy.
    OwnUser,
    /// A role may give itself a policy.
    OwnRole,
    /// May make a key or a password for other users.
    OthersKey,
    /// May pass a role to this service and have it run something.
    Pass(&'static str),
}

/// One action alone that opens a way, when it is allowed on every resource.
const SINGLE: [(&str, Way); 7] = [
    ("iam:attachrolepolicy", Way::OwnRole),
    ("iam:attachuserpolicy", Way::OwnUser),
    ("iam:createaccesskey", Way::OthersKey),
    ("iam:createloginprofile", Way::OthersKey),
    ("iam:putrolepolicy", Way::OwnRole),
    ("iam:putuserpolicy", Way::OwnUser),
    ("iam:updateloginprofile", Way::OthersKey),
];

/// Actions that, together with `iam:PassRole`, run something as the role that is passed, and the service that it trusts.
const PASSED: [(&[&str], &str); 3] = [
    (&["cloudformation:createstack"], "cloudformation.amazonaws.com"),
    (&["ec2:runinstances"], "ec2.amazonaws.com"),
    (&["lambda:createfunction", "lambda:invokefunction"], "lambda.amazonaws.com"),
];

/// What makes an account an administrator who is none.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Escalation {
    /// How, for a sentence: "may …".
    pub how: String,
    /// The way to the grant that allows it.
    pub path: Vec<Step>,
}

/// Ways to administration in one graph.
#[derive(Debug, Default)]
pub struct Escalations {
    ways: Vec<(Way, Reach)>,
    /// What may be a way: a condition, or a grant with one, is between.
    maybe: Option<Reach>,
    /// Who holds a policy that denies something of IAM.
    denied: Option<Reach>,
    /// Users who are administrators, by scope.
    admin_users: FxHashMap<ScopeIx, NodeIx>,
    /// Roles that are administrators, by scope and the service that they trust.
    trusting: FxHashMap<(ScopeIx, &'static str), NodeIx>,
    /// Roles that are administrators and trust an account of the same AWS account by name.
    assumable: FxHashMap<NodeIx, NodeIx>,
    /// Foreign principals that may assume a role.
    foreign: FxHashMap<NodeIx, Vec<String>>,
    systems: FxHashSet<SystemIx>,
}

impl Escalations {
    /// Reads every policy document once and walks backwards from those that open a way.
    ///
    /// Cost: O(documents) and O(V + E) for each way that some document opens.
    pub fn of(graph: &Graph, access: &Access) -> Self {
        let mut all = Self::default();
        let mut opened: BTreeMap<Way, Vec<NodeIx>> = BTreeMap::new();
        let (mut maybe, mut denied) = (Vec::new(), Vec::new());
        let natives = natives(graph);
        for policy in graph.policies().iter().filter(|policy| policy.state != RowState::Stale) {
            match policy.kind {
                PolicyKind::Identity => {
                    all.systems.insert(policy.system);
                    let Some(node) = graph.find(policy.system, NodeKind::Entitlement, graph.text(policy.id)) else {
                        continue;
                    };
                    let Some(statements) = statements(graph.text(policy.document)) else { continue };
                    if statements.iter().any(|one| effect(one) != "allow" && reaches_iam(one)) {
                        denied.push(node);
                    }
                    let sure = ways(statements.iter().filter(|one| one.get("Condition").is_none()));
                    if sure.is_empty() && !ways(statements.iter()).is_empty() {
                        maybe.push(node);
                    }
                    for way in sure {
                        opened.entry(way).or_default().push(node);
                    }
                }
                PolicyKind::Trust => all.trust(graph, access, policy, &natives),
                PolicyKind::Boundary
                | PolicyKind::Scp
                | PolicyKind::Rcp
                | PolicyKind::Resource
                | PolicyKind::RoleDefinition => {}
            }
        }
        if !opened.is_empty() {
            for (ix, account) in graph.accounts().filter(|(ix, _)| all.systems.contains(&graph.node(*ix).system)) {
                let is_user = graph.text_or_empty(account.native_name).contains(":user/");
                if is_user && account.lifecycle.is_active() && is_admin(graph, access, ix) {
                    all.admin_users.entry(graph.node(ix).scope).or_insert(ix);
                }
            }
        }
        let certain =
            |targets: &[NodeIx]| graph.reaching(targets, |e| leads_on(graph, e) && is_unconditional(graph, e));
        let any = |targets: &[NodeIx]| (!targets.is_empty()).then(|| graph.reaching(targets, |e| leads_on(graph, e)));
        maybe.extend(opened.values().flatten());
        all.maybe = any(&maybe);
        all.denied = any(&denied);
        all.ways = opened.into_iter().map(|(way, nodes)| (way, certain(&nodes))).collect();
        all
    }

    /// Reads whom a role trusts.
    fn trust(&mut self, graph: &Graph, access: &Access, policy: &Policy, natives: &Natives) {
        let Some(statements) = statements(graph.text(policy.document)) else { return };
        let roles: Vec<NodeIx> =
            graph.targets_of(policy).filter_map(|id| graph.find(policy.system, NodeKind::Account, id)).collect();
        for statement in statements.iter().filter(|one| effect(one) == "allow") {
            let Some(principal) = statement.get("Principal") else { continue };
            for role in &roles {
                let own = account_number(graph.text_or_empty(graph.account(*role).and_then(|a| a.native_name)));
                for arn in texts(principal, "AWS").unwrap_or_default() {
                    let theirs = account_number(arn);
                    let scope = theirs.map(|number| format!("account/{number}"));
                    let system = graph.system_name(policy.system);
                    let is_ours = scope.is_none_or(|scope| graph.coverage().of_scope(system, &scope).next().is_some());
                    if !is_ours {
                        self.foreign.entry(*role).or_default().push(arn.to_owned());
                    } else if theirs == own
                        && statement.get("Condition").is_none()
                        && let Some(holder) =
                            graph.strings().find(arn).and_then(|arn| natives.get(&(policy.system, arn)))
                        && is_admin(graph, access, *role)
                    {
                        self.assumable.entry(*holder).or_insert(*role);
                    }
                }
                for service in texts(principal, "Service").unwrap_or_default() {
                    if let Some((_, known)) = PASSED.iter().find(|(_, known)| *known == service)
                        && statement.get("Condition").is_none()
                        && is_admin(graph, access, *role)
                    {
                        self.trusting.entry((graph.node(*role).scope, known)).or_insert(*role);
                    }
                }
            }
        }
    }

    /// Whether policies of the account's system are read at all.
    pub fn covers(&self, system: SystemIx) -> bool {
        self.systems.contains(&system)
    }

    /// Foreign principals that may assume a role.
    pub fn foreign(&self, role: NodeIx) -> &[String] {
        self.foreign.get(&role).map_or(&[], Vec::as_slice)
    }

    /// How an account that is no administrator becomes one; `Err` when it may, and what stands between.
    ///
    /// # Errors
    /// Why it cannot be decided.
    pub fn of_account(&self, graph: &Graph, access: &Access, account: NodeIx) -> Result<Option<Escalation>, String> {
        let scope = graph.node(account).scope;
        if let Some(role) = self.assumable.get(&account) {
            let how = format!("may assume the role {}, which trusts it by name", graph.name(*role));
            return Ok(Some(Escalation { how, path: access.proof(*role) }));
        }
        let is_user =
            graph.account(account).is_some_and(|facts| graph.text_or_empty(facts.native_name).contains(":user/"));
        let found = self.ways.iter().filter(|(_, reach)| reach.reaches(account)).find_map(|(way, reach)| {
            let how = match way {
                Way::OwnUser if is_user => "may give itself any policy".to_owned(),
                Way::OwnRole if !is_user => "may give itself any policy".to_owned(),
                Way::OwnUser | Way::OwnRole => return None,
                Way::OthersKey => {
                    let other = self.admin_users.get(&scope).filter(|other| **other != account)?;
                    format!("may make a key or password for the administrator {}", graph.name(*other))
                }
                Way::Pass(service) => {
                    let role = self.trusting.get(&(scope, *service))?;
                    format!("may pass the role {} to {service}", graph.name(*role))
                }
            };
            Some(Escalation { how, path: reach.path(account) })
        });
        let Some(found) = found else {
            let between = self.maybe.as_ref().filter(|_| self.ways.iter().all(|(_, reach)| !reach.reaches(account)));
            return match between.filter(|maybe| maybe.reaches(account)) {
                Some(_) => Err("a way to administration depends on a condition".to_owned()),
                None => Ok(None),
            };
        };
        if let Some(why) = access.above(graph, account) {
            return Err(why.to_owned());
        }
        if self.denied.as_ref().is_some_and(|denied| denied.reaches(account)) {
            return Err("a policy that it holds denies something of IAM".to_owned());
        }
        Ok(Some(found))
    }
}

/// Accounts by the name that documents call them.
type Natives = FxHashMap<(SystemIx, Text), NodeIx>;

/// The accounts of the systems that have trust policies.
fn natives(graph: &Graph) -> Natives {
    let trusting = graph.policies().iter().filter(|policy| policy.kind == PolicyKind::Trust);
    let systems: FxHashSet<SystemIx> = trusting.map(|policy| policy.system).collect();
    if systems.is_empty() {
        return Natives::default();
    }
    let named = graph.accounts().filter_map(|(ix, account)| {
        let system = graph.node(ix).system;
        systems.contains(&system).then_some(())?;
        Some(((system, account.native_name?), ix))
    });
    named.collect()
}

fn is_admin(graph: &Graph, access: &Access, account: NodeIx) -> bool {
    access.privilege(graph, account) == Privilege::Certain(PrivilegeLevel::Admin)
}

/// The number of the AWS account in an ARN, or the number itself.
fn account_number(arn: &str) -> Option<&str> {
    let number = arn.split(':').nth(4).unwrap_or(arn);
    (number.len() == 12 && number.bytes().all(|byte| byte.is_ascii_digit())).then_some(number)
}

/// The ways that statements open together.
fn ways<'s>(statements: impl Iterator<Item = &'s Value> + Clone) -> Vec<Way> {
    let allows = |action: &str| {
        statements.clone().any(|statement| {
            effect(statement) == "allow"
                && texts(statement, "Resource").is_some_and(|resources| resources.contains(&"*"))
                && texts(statement, "Action").is_some_and(|actions| actions.iter().any(|one| matches(one, action)))
        })
    };
    let mut ways: Vec<Way> = SINGLE.iter().filter(|(action, _)| allows(action)).map(|(_, way)| *way).collect();
    if allows("iam:passrole") {
        let run = PASSED.iter().filter(|(actions, _)| actions.iter().all(|action| allows(action)));
        ways.extend(run.map(|(_, service)| Way::Pass(service)));
    }
    ways.sort();
    ways.dedup();
    ways
}

/// Whether a pattern with `*` and `?` matches an action that is in small letters.
fn matches(pattern: &str, action: &str) -> bool {
    let (pattern, action) = (pattern.as_bytes(), action.as_bytes());
    let (mut p, mut a) = (0, 0);
    let mut star: Option<(usize, usize)> = None;
    while a < action.len() {
        match pattern.get(p) {
            Some(b'*') => {
                star = Some((p, a));
                p += 1;
            }
            Some(letter) if *letter == b'?' || letter.eq_ignore_ascii_case(&action[a]) => {
                p += 1;
                a += 1;
            }
            Some(_) | None => match star {
                Some((at, taken)) => {
                    star = Some((at, taken + 1));
                    p = at + 1;
                    a = taken + 1;
                }
                None => return false,
            },
        }
    }
    pattern[p..].iter().all(|letter| *letter == b'*')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(document: &str) -> Vec<Way> {
        ways(statements(document).unwrap().iter())
    }

    #[test]
    fn a_way_is_open_when_every_action_of_it_is_allowed_on_everything() {
        let one = |action: &str, resource: &str| {
            of(&format!(r#"{{"Statement":{{"Effect":"Allow","Action":{action},"Resource":"{resource}"}}}}"#))
        };
        assert_eq!(one(r#""iam:Put*""#, "*"), [Way::OwnUser, Way::OwnRole]);
        assert_eq!(one(r#""iam:CreateAccessKey""#, "*"), [Way::OthersKey]);
        assert_eq!(one(r#""iam:CreateAccessKey""#, "arn:aws:iam::1:user/${aws:username}"), []);
        assert_eq!(one(r#"["iam:PassRole","ec2:Run*"]"#, "*"), [Way::Pass("ec2.amazonaws.com")]);
        assert_eq!(one(r#"["iam:PassRole","lambda:CreateFunction"]"#, "*"), []);
        assert_eq!(one(r#"["ec2:RunInstances"]"#, "*"), []);
    }

    #[test]
    fn patterns_match_as_iam_matches_them() {
        assert!(
            matches("iam:*", "iam:passrole") && matches("*", "iam:passrole") && matches("IAM:Pass?ole", "iam:passrole")
        );
        assert!(!matches("iam:Pass", "iam:passrole") && !matches("s3:*", "iam:passrole"));
    }
}
