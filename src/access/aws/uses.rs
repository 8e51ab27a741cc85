//! When a grant of a policy was last used, as far as service last accessed data tell.
//!
//! AWS tells it of a principal and a service, not of a policy: a grant counts as used when a service that its policy allows was used by
//! its holder, or by a member of the group that holds it. Of two policies that allow one service both count; that is why unused is certain
//! and used is not.

use jiff::Timestamp;
use muster_connectors::record::PolicyKind;
use muster_effective::aws::document::{Document, Effect, Matcher};
use muster_effective::aws::least_privilege::Use;
use muster_effective::aws::pattern::Glob;
use rustc_hash::FxHashMap;

use crate::graph::{Edge, Graph, NodeIx, NodeKind, Relation, When};

/// What was recorded of one principal's uses; nothing where the source does not say.
pub(crate) fn recorded(graph: &Graph, node: NodeIx) -> Vec<Use> {
    let used = graph.used_by(node).iter().map(|(what, at)| {
        let (service, action) =
            what.split_once(':').map_or((&**what, None), |(service, action)| (service, Some(action)));
        Use { service: service.into(), action: action.map(Into::into), last: at.at(), tracked_since: None }
    });
    used.collect()
}

/// When a principal's rows were true.
pub(crate) fn collected(graph: &Graph, node: NodeIx) -> Option<Timestamp> {
    let node = graph.node(node);
    graph
        .coverage()
        .of_scope(graph.system_name(node.system), graph.scope_name(node.scope))
        .find_map(|row| row.collected)
}

/// The last use of grants, by the edge's place; only of principals that the source says it of.
#[derive(Debug, Default)]
pub(crate) struct Uses {
    of: FxHashMap<u32, When>,
}

impl Uses {
    /// Cost: O(grants · services of the principal); nothing where no source says what was used.
    pub(crate) fn of(graph: &Graph) -> Self {
        let mut all = Self::default();
        if !graph.tells_use() {
            return all;
        }
        for policy in graph.policies().iter().filter(|policy| policy.kind == PolicyKind::Identity) {
            if graph.targets_of(policy).next().is_some() {
                continue;
            }
            let Some(node) = graph.find(policy.system, NodeKind::Entitlement, graph.text(policy.id)) else { continue };
            let document = Document::parse(graph.text(policy.document));
            if document.problems.iter().any(|problem| problem.blinds) {
                continue;
            }
            let services = Services::of(&document);
            for edge in graph.edges_to(node).filter(|edge| edge.relation == Relation::Holds) {
                if let Some(used) = of_holder(graph, edge.source, &services) {
                    all.of.insert(edge.ix, used);
                }
            }
        }
        all
    }

    /// The last use of a grant.
    pub(crate) fn last_use(&self, edge: &Edge) -> Option<When> {
        self.of.get(&edge.ix).copied()
    }
}

/// `None`: of some holder it is not known.
fn of_holder(graph: &Graph, holder: NodeIx, services: &Services) -> Option<When> {
    if graph.account(holder).is_some() {
        return services.last_use(graph.used_by(holder));
    }
    let mut last = When::NEVER;
    for edge in graph.edges_to(holder).filter(|edge| edge.relation == Relation::MemberOf) {
        last = last.max(services.last_use(graph.used_by(edge.source))?);
    }
    Some(last)
}

/// The services that a policy allows something of.
struct Services {
    allowed: Vec<OfStatement>,
}

/// Services that a statement names: those that it allows something of, or that it spares as a whole.
struct OfStatement {
    not: bool,
    patterns: Vec<Glob>,
}

impl Services {
    fn of(document: &Document) -> Self {
        let statements = document.statements.iter().filter(|statement| statement.effect == Effect::Allow);
        let of = |matcher: &Matcher| {
            // `NotAction` spares a whole service only where it names all of it.
            let told =
                matcher.patterns.iter().filter(|pattern| !matcher.not || pattern.ends_with(":*") || &***pattern == "*");
            OfStatement { not: matcher.not, patterns: told.map(|pattern| service(pattern)).collect() }
        };
        Self { allowed: statements.map(|statement| of(&statement.actions)).collect() }
    }

    fn allows(&self, service: &str) -> bool {
        let service = service.to_ascii_lowercase();
        self.allowed.iter().any(|statement| {
            let named = statement.patterns.iter().any(|pattern| pattern.matches(&service));
            named != statement.not
        })
    }

    /// The latest use of any of them; `None` where nothing is known of the principal.
    fn last_use(&self, used: &[(Box<str>, When)]) -> Option<When> {
        if used.is_empty() {
            return None;
        }
        let services = used.iter().filter(|(what, _)| !what.contains(':') && self.allows(what));
        Some(services.map(|(_, at)| *at).max().unwrap_or(When::NEVER))
    }
}

/// The part of an action's pattern that names the service.
fn service(pattern: &str) -> Glob {
    Glob::lowercase(pattern.split(':').next().unwrap_or("*"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn services(statement: &str) -> Services {
        Services::of(&Document::parse(&format!(r#"{{"Version":"2012-10-17","Statement":{statement}}}"#)))
    }

    #[test]
    fn a_policy_is_about_the_services_that_it_allows() {
        let some = services(
            r#"[{"Effect":"Allow","Action":["s3:Get*","ec2:*"],"Resource":"*"},{"Effect":"Deny","Action":"kms:*","Resource":"*"}]"#,
        );
        assert!(some.allows("s3") && some.allows("ec2") && !some.allows("kms") && !some.allows("iam"));
        let all = services(r#"{"Effect":"Allow","Action":"*","Resource":"*"}"#);
        assert!(all.allows("iam"));
        let rest = services(r#"{"Effect":"Allow","NotAction":["iam:*","s3:Get*"],"Resource":"*"}"#);
        assert!(!rest.allows("iam") && rest.allows("s3") && rest.allows("ec2"));
    }

    #[test]
    fn the_latest_use_of_any_service_counts_and_nothing_known_is_unknown() {
        let at = |text: &str| When::known(text.parse().unwrap());
        let some = services(r#"{"Effect":"Allow","Action":["s3:*","ec2:*"],"Resource":"*"}"#);
        let used = [
            ("ec2".into(), at("2026-01-01T00:00:00Z")),
            ("iam".into(), at("2026-05-01T00:00:00Z")),
            ("s3".into(), When::NEVER),
        ];
        assert_eq!(some.last_use(&used), Some(at("2026-01-01T00:00:00Z")));
        assert_eq!(some.last_use(&used[2..]), Some(When::NEVER));
        assert_eq!(some.last_use(&[]), None);
    }
}
