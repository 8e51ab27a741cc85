use muster_connectors::record::{AccountClass, PrivilegeLevel, RecordKind};
use muster_reports::view::Severity;

use crate::config::policy::SystemKind;
use crate::controls::LP;
use crate::graph::{NodeKind, Relation};
use crate::people::fold;
use crate::rules::{Facts, Failure, From, Manual, Need, Population, Rule, Subject, Verdict};

pub(in crate::rules) static RULE: Rule = Rule {
    id: "DBG-002",
    slug: "database-superuser",
    title: "Superuser, ALL or grant option",
    severity: Severity::High,
    controls: &[LP],
    population: Population::Edges,
    needs: &[Need { from: From::Own, kind: RecordKind::Grant, field: None, absence: false }],
    options: &[],
    manual: Manual {
        finds: "A grant in a database that makes its holder a superuser, gives all privileges, or lets the holder pass them on (WITH GRANT OPTION, WITH ADMIN OPTION), off the list `allow` of the system in policy/privilege.toml.",
        matters: "A superuser reads every row whatever the application checks, and a grant option lets one mistake breed others.",
        evidence: "The grant with its entitlement and option.",
        fix: "Revoke it, or give a role that names the tables and rights that the work needs.",
        limits: "Told by the entitlement's name, the grant's condition, or the level that the source gives. Roles that the database makes itself are not judged; databases are the systems that policy/inventory.toml marks.",
    },
    judge,
};

/// Words for rights that reach beyond any table, as PostgreSQL, MySQL, Oracle and SQL Server write them.
const WIDE: [&str; 6] = ["superuser", "all privileges", "sysadmin", "db_owner", "grant option", "admin option"];

fn judge(facts: &Facts<'_>, subject: Subject) -> Verdict {
    let Subject::Edge(edge) = subject else { return Verdict::NotApplicable };
    let graph = facts.graph;
    let system = graph.node(edge.target).system;
    if edge.relation != Relation::Holds || !facts.is_kind(system, SystemKind::Database) {
        return Verdict::NotApplicable;
    }
    if let Some(account) = graph.account(edge.source)
        && (account.is_root
            || facts.people.class(edge.source).class == AccountClass::System
            || !facts.is_active(edge.source))
    {
        return Verdict::NotApplicable;
    }
    let texts = [graph.name(edge.target), graph.text_or_empty(graph.detail(&edge).note)].map(fold);
    let level = graph.entitlement(edge.target).and_then(|entitlement| entitlement.privilege);
    let is_wide =
        level == Some(PrivilegeLevel::Admin) || texts.iter().any(|text| WIDE.iter().any(|word| text.contains(word)));
    let allowed = facts.policy.privilege.iter().filter_map(|policy| policy.of(graph.system_name(system)));
    let allowed: Vec<&String> = allowed.flat_map(|entry| &entry.allow).collect();
    let names = [graph.text(graph.node(edge.source).id), graph.name(edge.source)].map(fold);
    if !is_wide && graph.node(edge.target).kind == NodeKind::Unresolved {
        return Verdict::NotEvaluated("no record says what is granted".to_owned());
    }
    if !is_wide || allowed.iter().any(|allowed| names.contains(&fold(allowed))) {
        return Verdict::Pass;
    }
    let what = match graph.node(edge.source).kind {
        NodeKind::Group => "role",
        NodeKind::Account | NodeKind::Entitlement | NodeKind::Resource | NodeKind::Unresolved => "login",
    };
    let with = graph.detail(&edge).note.map_or_else(String::new, |note| format!(" ({})", graph.text(note)));
    Failure::new(format!(
        "The {what} {} holds {}{with} in the database {} and is not on its list.",
        graph.name(edge.source),
        graph.name(edge.target),
        graph.system_name(system),
    ))
    .row(facts.edge_row(&edge))
    .verdict()
}
