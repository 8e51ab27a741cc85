use muster_reports::view::Severity;

use crate::controls::UNIQ;
use crate::graph::NodeIx;
use crate::rules::{Facts, Failure, Manual, Need, Population, Rule, Subject, Verdict};

pub(in crate::rules) static RULE: Rule = Rule {
    id: "ORP-005",
    slug: "duplicate-accounts",
    title: "Duplicate accounts",
    severity: Severity::Medium,
    controls: &[UNIQ],
    population: Population::Accounts,
    needs: &[Need::ALL_PERSONS, Need { absence: true, ..Need::ACCOUNT }],
    options: &[],
    manual: Manual {
        finds: "A further active account of a person who has another of the same class in the same scope of the same system.",
        matters: "The spare account is forgotten when the person moves or leaves, and reviews see only half of what the person can do.",
        evidence: "Both accounts' rows, and why each is taken to be the person's.",
        fix: "Merge what is needed into the account that is kept, then disable the other.",
        limits: "The account used last is taken for the one to keep. The accounts of one person in several accounts of an AWS organisation are no duplicates of each other.",
    },
    judge,
};

fn judge(facts: &Facts<'_>, subject: Subject) -> Verdict {
    let Subject::Account(ix) = subject else { return Verdict::NotApplicable };
    let Some(link) = facts.people.link(ix).filter(|_| facts.is_human(ix) && facts.is_active(ix)) else {
        return Verdict::NotApplicable;
    };
    let node = facts.graph.node(ix);
    let class = facts.people.class(ix).class;
    let rivals = facts.people.accounts_of(link.person).iter().copied().filter(|other| {
        let there = facts.graph.node(*other);
        (there.system, there.scope) == (node.system, node.scope)
            && facts.people.class(*other).class == class
            && facts.is_active(*other)
    });
    // The one to keep: used last, then made last, then the larger id; so exactly one of any set passes.
    let rank = |ix: NodeIx| {
        let account = facts.graph.account(ix);
        (account.and_then(|a| a.last_activity.at()), account.and_then(|a| a.created.at()), ix)
    };
    let Some(kept) = rivals.max_by_key(|other| rank(*other)).filter(|kept| *kept != ix) else { return Verdict::Pass };
    Failure::new(format!(
        "{} has a second active {class} account in {}: {} beside {}.",
        facts.people.name(link.person),
        facts.graph.system_name(node.system),
        facts.graph.name(ix),
        facts.graph.text_or_empty(facts.graph.account(kept).and_then(|account| account.login)),
    ))
    .row(facts.account_row(ix, &[("linked", facts.link_reason(ix))]))
    .row(facts.account_row(kept, &[("linked", facts.link_reason(kept))]))
    .verdict()
}
