//! AWS: which policies allow everything, and which principals something stands above.
//!
//! This decides one question only: *administrator, whatever boundaries, service control policies and conditions say?* An
//! `Allow` of action `*` on resource `*` without a condition is full administration; a permissions boundary or a service
//! control policy other than the default makes it undecided. Source: IAM User Guide, "Policy evaluation logic";
//! Organizations User Guide, "SCP evaluation" (SCPs never bind the management account or service-linked roles).

use muster_connectors::record::{EntitlementKind, PolicyKind, PrivilegeLevel};
use rustc_hash::{FxHashMap, FxHashSet};
use serde_json::Value;

use super::has_policies;
use crate::graph::{Graph, NodeIx, NodeKind, Policy, SystemIx, Text};

/// What a document says about administration.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Grants {
    Everything,
    Something,
    Unreadable,
}

/// Policy documents by system and id.
#[derive(Debug)]
pub(super) struct Documents {
    documents: FxHashMap<(SystemIx, Text), Grants>,
    systems: FxHashSet<SystemIx>,
}

impl Documents {
    /// Reads every identity policy of the graph.
    pub(super) fn of(graph: &Graph) -> Self {
        let mut systems = FxHashSet::default();
        let mut documents = FxHashMap::default();
        for policy in graph.policies() {
            if policy.kind == PolicyKind::Identity {
                documents.insert((policy.system, policy.id), read(graph.text(policy.document)));
            }
            if !systems.contains(&policy.system) && has_policies(graph, policy.system) {
                systems.insert(policy.system);
            }
        }
        Self { documents, systems }
    }

    /// Whether entitlements of `system` are judged by their documents.
    pub(super) fn covers(&self, system: SystemIx) -> bool {
        self.systems.contains(&system)
    }

    /// Level of an entitlement, or why it cannot be told.
    pub(super) fn judge(&self, graph: &Graph, ix: NodeIx) -> Result<PrivilegeLevel, String> {
        let node = graph.node(ix);
        let is_policy = graph.entitlement(ix).is_some_and(|entitlement| entitlement.kind == EntitlementKind::Policy);
        if !is_policy {
            return Ok(PrivilegeLevel::Baseline);
        }
        match self.documents.get(&(node.system, node.id)) {
            Some(Grants::Everything) => Ok(PrivilegeLevel::Admin),
            Some(Grants::Something) => Ok(PrivilegeLevel::Baseline),
            Some(Grants::Unreadable) => Err(format!("the document of policy `{}` cannot be read", graph.name(ix))),
            None => Err(format!("the document of policy `{}` was not collected", graph.name(ix))),
        }
    }

    /// Principals that something stands above, with what it is.
    pub(super) fn bounds(&self, graph: &Graph) -> FxHashMap<NodeIx, String> {
        let mut bounds = FxHashMap::default();
        for policy in graph.policies().iter().filter(|policy| policy.kind == PolicyKind::Boundary) {
            for target in graph.targets_of(policy) {
                if let Some(account) = graph.find(policy.system, NodeKind::Account, target) {
                    let why = format!("permissions boundary `{}` may take some of it back", policy_name(graph, policy));
                    bounds.insert(account, why);
                }
            }
        }
        for system in &self.systems {
            let organization = Organization::of(graph, *system);
            for (ix, _) in graph.accounts().filter(|(ix, _)| graph.node(*ix).system == *system) {
                if let Some(why) = organization.above(graph.scope_name(graph.node(ix).scope)) {
                    bounds.entry(ix).or_insert(why);
                }
            }
        }
        bounds
    }
}

/// The service control policies of an organisation, by what they are attached to.
#[derive(Debug)]
struct Organization {
    known: bool,
    management: Option<String>,
    parents: FxHashMap<String, String>,
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
        let mut restricting = FxHashMap::default();
        for policy in graph.policies().iter().filter(|p| p.system == system && p.kind == PolicyKind::Scp) {
            if read(graph.text(policy.document)) != Grants::Everything || denies(graph.text(policy.document)) {
                for target in graph.targets_of(policy) {
                    restricting.insert(target.to_owned(), policy_name(graph, policy));
                }
            }
        }
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

fn statements(document: &str) -> Option<Vec<Value>> {
    let value: Value = serde_json::from_str(document).ok()?;
    match value.get("Statement")? {
        Value::Array(statements) => Some(statements.clone()),
        statement @ Value::Object(_) => Some(vec![statement.clone()]),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => None,
    }
}

fn read(document: &str) -> Grants {
    let Some(statements) = statements(document) else { return Grants::Unreadable };
    let denies_all = statements.iter().any(|statement| effect(statement) == "deny" && is_everything(statement));
    if denies_all {
        return Grants::Something;
    }
    let allows_all = statements.iter().any(|statement| {
        effect(statement) == "allow" && is_everything(statement) && statement.get("Condition").is_none()
    });
    if allows_all { Grants::Everything } else { Grants::Something }
}

fn denies(document: &str) -> bool {
    statements(document).is_none_or(|statements| statements.iter().any(|statement| effect(statement) == "deny"))
}

fn effect(statement: &Value) -> String {
    statement.get("Effect").and_then(Value::as_str).unwrap_or_default().to_ascii_lowercase()
}

fn is_everything(statement: &Value) -> bool {
    names(statement, "Action", &["*", "*:*"]) && names(statement, "Resource", &["*"])
}

fn names(statement: &Value, key: &str, wanted: &[&str]) -> bool {
    match statement.get(key) {
        Some(Value::String(value)) => wanted.contains(&value.as_str()),
        Some(Value::Array(values)) => values.iter().filter_map(Value::as_str).any(|value| wanted.contains(&value)),
        Some(Value::Null | Value::Bool(_) | Value::Number(_) | Value::Object(_)) | None => false,
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
        assert_eq!(read(conditional), Grants::Something);
        let quarantined = r#"{"Statement":[{"Effect":"Allow","Action":"*","Resource":"*"},{"Effect":"Deny","Action":"*","Resource":"*"}]}"#;
        assert_eq!(read(quarantined), Grants::Something);
        assert_eq!(read("{"), Grants::Unreadable);
        assert_eq!(read(r#"{"Statement":7}"#), Grants::Unreadable);
    }
}
