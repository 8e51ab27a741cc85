//! Principals of foreign AWS accounts that a role's trust policy lets in by name.

use muster_connectors::record::PolicyKind;
use muster_effective::aws::document::{Document, Effect, PrincipalPattern};
use rustc_hash::FxHashMap;

use crate::graph::{Graph, NodeIx, NodeKind, RowState};

/// Foreign principals by the role that they may assume, as the trust policy names them.
#[derive(Debug, Default)]
pub struct Foreign {
    of: FxHashMap<NodeIx, Vec<String>>,
}

impl Foreign {
    /// Reads every trust policy once. An account of which a scope was read, or that the organisation lists, is none of theirs.
    ///
    /// Cost: O(documents).
    pub fn of(graph: &Graph) -> Self {
        let mut all = Self::default();
        let trusts = graph.policies().iter().filter(|policy| policy.kind == PolicyKind::Trust);
        for policy in trusts.filter(|policy| policy.state != RowState::Stale) {
            let system = graph.system_name(policy.system);
            let is_ours = |number: &str| {
                graph.coverage().of_scope(system, &format!("account/{number}")).next().is_some()
                    || graph.find(policy.system, NodeKind::Resource, number).is_some()
            };
            let document = Document::parse(graph.text(policy.document));
            let statements = document.statements.iter().filter(|statement| statement.effect == Effect::Allow);
            let named = statements.filter_map(|statement| statement.principals.as_ref()).filter(|principals| !principals.not);
            let mut foreign: Vec<String> = named
                .flat_map(|principals| &principals.of)
                .filter_map(|principal| match principal {
                    PrincipalPattern::Account(text) | PrincipalPattern::Arn(text) => Some(text.to_string()),
                    PrincipalPattern::Everyone
                    | PrincipalPattern::Deleted(_)
                    | PrincipalPattern::Service(_)
                    | PrincipalPattern::Federated(_)
                    | PrincipalPattern::CanonicalUser(_) => None,
                })
                .filter(|text| account_number(text).is_some_and(|number| !is_ours(number)))
                .collect();
            foreign.sort();
            foreign.dedup();
            let roles = graph.targets_of(policy).filter_map(|id| graph.find(policy.system, NodeKind::Account, id));
            for role in roles.filter(|_| !foreign.is_empty()) {
                all.of.insert(role, foreign.clone());
            }
        }
        all
    }

    /// Foreign principals that may assume a role.
    pub fn of_role(&self, role: NodeIx) -> &[String] {
        self.of.get(&role).map_or(&[], Vec::as_slice)
    }
}

/// The number of the AWS account in an ARN, or the number itself.
fn account_number(text: &str) -> Option<&str> {
    let number = text.split(':').nth(4).unwrap_or(text);
    (number.len() == 12 && number.bytes().all(|byte| byte.is_ascii_digit())).then_some(number)
}
