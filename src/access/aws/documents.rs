//! AWS: which policies allow everything, and which principals something stands above.
//!
//! This decides one question only: *administrator, whatever boundaries, service control policies and conditions say?* An
//! `Allow` of action `*` on resource `*` without a condition is full administration. A permissions boundary or service control
//! policies above leave it so when they allow everything and no `Deny` of theirs reaches IAM: whoever has all of IAM hands out
//! the rest. Any other makes it undecided. Source: IAM User Guide, "Policy evaluation logic"; Organizations User Guide, "SCP
//! evaluation" (SCPs never bind the management account or service-linked roles).

use muster_connectors::record::{EntitlementKind, PolicyKind, PrivilegeLevel};
use rustc_hash::{FxHashMap, FxHashSet};
use serde_json::Value;

use crate::graph::{Graph, NodeIx, NodeKind, Policy, RowState, ScopeIx, SystemIx, Text};

/// What a document says about administration.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Grants {
    Everything,
    /// Everything, as long as a condition holds, or does not.
    Conditionally,
    Something,
    Unreadable,
}

/// Policy documents by system and id.
#[derive(Debug)]
pub(in crate::access) struct Documents {
    documents: FxHashMap<(SystemIx, Text), Grants>,
    systems: FxHashSet<SystemIx>,
}

/// What stands above principals and may take some of it back.
#[derive(Debug)]
pub(in crate::access) struct Bounds {
    accounts: FxHashMap<NodeIx, String>,
    scopes: FxHashMap<ScopeIx, String>,
}

impl Bounds {
    /// What stands above an account of a scope.
    pub(in crate::access) fn above(&self, scope: ScopeIx, account: NodeIx) -> Option<&str> {
        self.accounts.get(&account).or_else(|| self.scopes.get(&scope)).map(String::as_str)
    }
}

impl Documents {
    /// Reads every identity policy of the graph.
    pub(in crate::access) fn of(graph: &Graph) -> Self {
        let mut systems = FxHashSet::default();
        let mut documents: FxHashMap<(SystemIx, Text), (RowState, Grants)> = FxHashMap::default();
        for policy in graph.policies().iter().filter(|policy| is_aws(policy.kind)) {
            systems.insert(policy.system);
            if policy.kind == PolicyKind::Identity {
                let row = (policy.state, read(graph.text(policy.document)));
                // Several accounts list the same AWS managed policy: the best row counts.
                let known = documents.entry((policy.system, policy.id)).or_insert(row);
                if policy.state < known.0 {
                    *known = row;
                }
            }
        }
        Self { documents: documents.into_iter().map(|(key, (_, grants))| (key, grants)).collect(), systems }
    }

    /// Whether entitlements of `system` are judged by their documents.
    pub(in crate::access) fn covers(&self, system: SystemIx) -> bool {
        self.systems.contains(&system)
    }

    /// Level of an entitlement, or why it cannot be told.
    pub(in crate::access) fn judge(&self, graph: &Graph, ix: NodeIx) -> Result<PrivilegeLevel, String> {
        let node = graph.node(ix);
        let is_policy = graph.entitlement(ix).is_some_and(|entitlement| entitlement.kind == EntitlementKind::Policy);
        if !is_policy {
            return Err(format!("what `{}` allows is told by several policies together", graph.name(ix)));
        }
        match self.documents.get(&(node.system, node.id)) {
            Some(Grants::Everything) => Ok(PrivilegeLevel::Admin),
            Some(Grants::Conditionally) => Err(format!("policy `{}` depends on a condition", graph.name(ix))),
            Some(Grants::Something) => Ok(PrivilegeLevel::Baseline),
            Some(Grants::Unreadable) => Err(format!("the document of policy `{}` cannot be read", graph.name(ix))),
            None => Err(format!("the document of policy `{}` was not collected", graph.name(ix))),
        }
    }

    /// What stands above principals.
    pub(in crate::access) fn bounds(&self, graph: &Graph) -> Bounds {
        let mut accounts = FxHashMap::default();
        let boundaries = graph.policies().iter().filter(|policy| policy.kind == PolicyKind::Boundary);
        for policy in boundaries.filter(|policy| restricts([graph.text(policy.document)].into_iter())) {
            for target in graph.targets_of(policy) {
                if let Some(account) = graph.find(policy.system, NodeKind::Account, target) {
                    let why = format!("permissions boundary `{}` may take some of it back", policy_name(graph, policy));
                    accounts.insert(account, why);
                }
            }
        }
        let organizations: FxHashMap<SystemIx, Organization> =
            self.systems.iter().map(|system| (*system, Organization::of(graph, *system))).collect();
        let above = |(system, scope): (SystemIx, ScopeIx)| {
            Some((scope, organizations.get(&system)?.above(graph.scope_name(scope))?))
        };
        Bounds { accounts, scopes: graph.places().filter_map(above).collect() }
    }
}

/// Whether a document allows everything without a condition.
pub(in crate::access) fn allows_everything(document: &str) -> bool {
    read(document) == Grants::Everything
}

/// Kinds of policy that only AWS has.
fn is_aws(kind: PolicyKind) -> bool {
    match kind {
        PolicyKind::Identity | PolicyKind::Boundary | PolicyKind::Scp | PolicyKind::Rcp => true,
        PolicyKind::Resource | PolicyKind::Trust | PolicyKind::RoleDefinition => false,
    }
}

/// The service control policies of an organisation, by what they are attached to.
#[derive(Debug)]
struct Organization {
    known: bool,
    management: Option<String>,
    parents: FxHashMap<String, String>,
    /// What a root, unit or account may be restricted by: names of the policies attached there.
    restricting: FxHashMap<String, String>,
}

impl Organization {
    fn of(graph: &Graph, system: SystemIx) -> Self {
        let name = graph.system_name(system);
        let mut rows = graph.coverage().of_system(name).filter(|row| row.scope == "organization").peekable();
        let known = rows.peek().is_some() && rows.all(|row| row.proves_absence);
        let mut parents = FxHashMap::default();
        let mut management = None;
        for (ix, resource) in graph.resources().filter(|(ix, _)| graph.node(*ix).system == system) {
            let id = graph.text(graph.node(ix).id).to_owned();
            if graph.text_or_empty(resource.kind) == "aws:management-account" {
                management = Some(id.clone());
            }
            if let Some(parent) = resource.parent {
                parents.insert(id, graph.text(parent).to_owned());
            }
        }
        let mut attached: FxHashMap<&str, Vec<&Policy>> = FxHashMap::default();
        for policy in graph.policies().iter().filter(|p| p.system == system && p.kind == PolicyKind::Scp) {
            for target in graph.targets_of(policy) {
                attached.entry(target).or_default().push(policy);
            }
        }
        // Policies attached to one place add up: one allows, the next takes back.
        attached.retain(|_, policies| restricts(policies.iter().map(|policy| graph.text(policy.document))));
        let named = |policies: &[&Policy]| {
            let taking = policies.iter().filter(|policy| takes_back(graph.text(policy.document)));
            let mut names: Vec<String> = taking.map(|policy| policy_name(graph, policy)).collect();
            if names.is_empty() {
                names.extend(policies.iter().map(|policy| policy_name(graph, policy)));
            }
            names.sort_unstable();
            names.join("`, `")
        };
        let restricting = attached.iter().map(|(target, policies)| ((*target).to_owned(), named(policies))).collect();
        Self { known, management, parents, restricting }
    }

    /// What stands above the account of a scope, if anything.
    fn above(&self, scope: &str) -> Option<String> {
        let account = scope.strip_prefix("account/")?;
        if !self.known {
            return Some("the organisation's service control policies were not read".to_owned());
        }
        if self.management.as_deref() == Some(account) {
            return None;
        }
        let mut at = account;
        // INVARIANT: an OU tree is at most five deep (Organizations quotas); the bound ends a cycle that a stranger made.
        for _ in 0..16 {
            if let Some(policy) = self.restricting.get(at) {
                return Some(format!("service control policy `{policy}` may take some of it back"));
            }
            match self.parents.get(at) {
                Some(parent) => at = parent,
                None => return None,
            }
        }
        None
    }
}

fn policy_name(graph: &Graph, policy: &Policy) -> String {
    graph.text(policy.name.unwrap_or(policy.id)).to_owned()
}

pub(in crate::access) fn statements(document: &str) -> Option<Vec<Value>> {
    let value: Value = serde_json::from_str(document).ok()?;
    match value.get("Statement")? {
        Value::Array(statements) => Some(statements.clone()),
        statement @ Value::Object(_) => Some(vec![statement.clone()]),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => None,
    }
}

fn read(document: &str) -> Grants {
    let Some(statements) = statements(document) else { return Grants::Unreadable };
    // A statement that names no actions, or names them in a way that is none, may mean anything.
    if !statements.iter().all(|statement| texts(statement, "Action").or(texts(statement, "NotAction")).is_some()) {
        return Grants::Unreadable;
    }
    let about_everything = |wanted: &str, conditional: bool| {
        statements.iter().any(|statement| {
            effect(statement) == wanted
                && is_everything(statement)
                && statement.get("Condition").is_some() == conditional
        })
    };
    if about_everything("deny", false) {
        return Grants::Something;
    }
    match (about_everything("allow", false), about_everything("allow", true), about_everything("deny", true)) {
        (true, _, false) => Grants::Everything,
        (true, _, true) | (false, true, _) => Grants::Conditionally,
        (false, false, _) => Grants::Something,
    }
}

/// Whether documents that together bound others may cost an administrator that name.
fn restricts<'d>(documents: impl Iterator<Item = &'d str> + Clone) -> bool {
    let mut allowing = documents.clone().filter_map(statements).flatten();
    let everything = |statement: Value| {
        effect(&statement) == "allow" && is_everything(&statement) && statement.get("Condition").is_none()
    };
    !allowing.any(everything) || documents.into_iter().any(takes_back)
}

/// Whether a document denies something of IAM, or cannot be read.
fn takes_back(document: &str) -> bool {
    let denies = |statements: Vec<Value>| {
        statements.iter().any(|statement| effect(statement) != "allow" && reaches_iam(statement))
    };
    statements(document).is_none_or(denies)
}

/// Whether a statement is, or may be, about an action of IAM, on whatever resource and condition.
pub(in crate::access) fn reaches_iam(statement: &Value) -> bool {
    // A name with a wildcard in its service, or no name at all, may mean anything.
    let is_of_another = |action: &str| {
        action.split_once(':').is_some_and(|(service, _)| {
            !service.contains(['*', '?']) && !service.is_empty() && !service.eq_ignore_ascii_case("iam")
        })
    };
    match (texts(statement, "Action"), texts(statement, "NotAction")) {
        (Some(actions), None) => !actions.iter().all(|action| is_of_another(action)),
        (None, Some(spared)) => !spared.iter().any(|action| action.eq_ignore_ascii_case("iam:*") || *action == "*"),
        (Some(_), Some(_)) | (None, None) => true,
    }
}

pub(in crate::access) fn effect(statement: &Value) -> String {
    statement.get("Effect").and_then(Value::as_str).unwrap_or_default().to_ascii_lowercase()
}

fn is_everything(statement: &Value) -> bool {
    names(statement, "Action", &["*", "*:*"]) && names(statement, "Resource", &["*"])
}

fn names(statement: &Value, key: &str, wanted: &[&str]) -> bool {
    texts(statement, key).is_some_and(|values| values.iter().any(|value| wanted.contains(value)))
}

/// A text or list of texts; `None` when it is missing or something else.
pub(in crate::access) fn texts<'s>(statement: &'s Value, key: &str) -> Option<Vec<&'s str>> {
    match statement.get(key)? {
        Value::String(value) => Some(vec![value]),
        Value::Array(values) => values.iter().map(Value::as_str).collect(),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::Object(_) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_an_unconditional_allow_of_everything_is_administration() {
        let all = r#"{"Statement":{"Effect":"Allow","Action":["s3:Get*","*"],"Resource":"*"}}"#;
        assert_eq!(read(all), Grants::Everything);
        let conditional = r#"{"Statement":[{"Effect":"Allow","Action":"*","Resource":"*","Condition":{"Bool":{"aws:MultiFactorAuthPresent":"true"}}}]}"#;
        assert_eq!(read(conditional), Grants::Conditionally);
        let unless = r#"{"Statement":[{"Effect":"Allow","Action":"*","Resource":"*"},{"Effect":"Deny","Action":"*","Resource":"*","Condition":{"BoolIfExists":{"aws:MultiFactorAuthPresent":"false"}}}]}"#;
        assert_eq!(read(unless), Grants::Conditionally);
        let quarantined = r#"{"Statement":[{"Effect":"Allow","Action":"*","Resource":"*"},{"Effect":"Deny","Action":"*","Resource":"*"}]}"#;
        assert_eq!(read(quarantined), Grants::Something);
        assert_eq!(read(r#"{"Statement":{"Effect":"Allow","Action":["*",7],"Resource":"*"}}"#), Grants::Unreadable);
        assert_eq!(read(r#"{"Statement":{"Effect":"Allow","Resource":"*"}}"#), Grants::Unreadable);
        assert_eq!(read("{"), Grants::Unreadable);
        assert_eq!(read(r#"{"Statement":7}"#), Grants::Unreadable);
    }

    #[test]
    fn what_stands_above_matters_when_it_allows_less_or_denies_something_of_iam() {
        let full = r#"{"Statement":{"Effect":"Allow","Action":"*","Resource":"*"}}"#;
        let deny = |what: &str| format!(r#"{{"Statement":[{{"Effect":"Deny",{what},"Resource":"*"}}]}}"#);
        let with = |document: &str| restricts([full, document].into_iter());
        assert!(!restricts([full].into_iter()));
        for harmless in [
            r#""Action":"organizations:LeaveOrganization""#,
            r#""Action":["cloudtrail:Stop*","guardduty:*"]"#,
            r#""NotAction":["iam:*","sts:*","support:*"],"Condition":{"StringNotEquals":{"aws:RequestedRegion":"eu-central-1"}}"#,
        ] {
            assert!(!with(&deny(harmless)), "{harmless}");
        }
        for telling in [
            r#""Action":"iam:CreateUser""#,
            r#""Action":["s3:*","IAM:Delete*"]"#,
            r#""Action":"*""#,
            r#""Action":"i?m:PassRole""#,
            r#""NotAction":["s3:*"]"#,
            r#""NotAction":["iam:Get*"]"#,
            r#""Action":[7]"#,
        ] {
            assert!(with(&deny(telling)), "{telling}");
        }
        assert!(with("{"), "what cannot be read may deny anything");
        let allow_list = r#"{"Statement":{"Effect":"Allow","Action":["iam:*","s3:*"],"Resource":"*"}}"#;
        assert!(restricts([allow_list].into_iter()), "an allow-list leaves something out");
        assert!(!with(allow_list), "beside full access it adds nothing and takes nothing");
        assert!(restricts(std::iter::empty()));
    }
}
