use muster_connectors::record::FactState;
use muster_reports::view::Severity;

use crate::controls::LP;
use crate::graph::{NodeIx, NodeKind, Relation};
use crate::rules::{Facts, Failure, Manual, Need, Population, Rule, Setting, Subject, Verdict};

pub(in crate::rules) static RULE: Rule = Rule {
    id: "XPR-002",
    slug: "over-provisioned",
    title: "Over-provisioned",
    severity: Severity::Medium,
    controls: &[LP],
    population: Population::Accounts,
    needs: &[Need::ACCOUNT],
    options: &[
        Setting {
            name: "percent",
            default: 67,
            about: "unused share above which an account is over-provisioned (67: Microsoft's Permission Creep Index calls more than that high)",
        },
        Setting { name: "grants", default: 5, about: "grants below which a share says nothing (our choice)" },
        Setting {
            name: "days",
            default: 90,
            about: "days without use after which a grant counts as unused (as XPR-001)",
        },
        Setting {
            name: "known",
            default: 80,
            about: "percent of the grants whose use must be known (RULES of the catalogue)",
        },
    ],
    manual: Manual {
        finds: "An active account that uses only a small share of what it was granted.",
        matters: "The unused share is risk without any gain. It shows a role that was cut for somebody else.",
        evidence: "How many grants the account holds, of how many the use is known, how many were used.",
        fix: "Give the account a role that covers what it used, and take the rest away.",
        limits: "On AWS, where service last accessed data were collected (`last_accessed = true`), services are counted instead of grants; AWS counts attempts as use, also denied ones. Elsewhere direct grants; what comes through groups is judged where the group's grants are (XPR-001). Accounts with few grants are not judged. Unknown use is not unused: where too little is known nothing is said.",
    },
    judge,
};

fn judge(facts: &Facts<'_>, subject: Subject) -> Verdict {
    let Subject::Account(ix) = subject else { return Verdict::NotApplicable };
    if !facts.is_active(ix) {
        return Verdict::NotApplicable;
    }
    if let Some(verdict) = services(facts, ix) {
        return verdict;
    }
    let (mut granted, mut known, mut used) = (0_i64, 0_i64, 0_i64);
    for edge in facts.graph.edges_from(ix) {
        if edge.relation != Relation::Holds || facts.graph.node(edge.target).kind != NodeKind::Entitlement {
            continue;
        }
        granted += 1;
        let last = facts.last_use(&edge);
        match last.state() {
            FactState::Known => {
                known += 1;
                let days = last.days_before(facts.now).map_or(0, i64::from);
                used += i64::from(days < facts.option(&RULE, "days"));
            }
            FactState::Never | FactState::None => known += 1,
            FactState::Unreadable | FactState::Unsupported => {}
        }
    }
    if granted < facts.option(&RULE, "grants").max(1) {
        return Verdict::NotApplicable;
    }
    if known == 0 || known * 100 < facts.option(&RULE, "known") * granted {
        return Verdict::NotEvaluated("the system says of too few grants when they were last used".to_owned());
    }
    let unused = (known - used) * 100 / known;
    if unused <= facts.option(&RULE, "percent") {
        return Verdict::Pass;
    }
    let counts = [("granted", granted), ("use_known", known), ("used", used)];
    Failure::new(format!(
        "{} uses {used} of {granted} grants in {}: {unused} % of what it holds is unused.",
        facts.graph.name(ix),
        facts.graph.system_name(facts.graph.node(ix).system),
    ))
    .row(facts.account_row(ix, &counts.map(|(name, count)| (name, count.to_string()))))
    .verdict()
}

/// The same by service, where the source tells of each service that the account may use when it last did; `None` elsewhere.
fn services(facts: &Facts<'_>, ix: NodeIx) -> Option<Verdict> {
    let services = || facts.graph.used_by(ix).iter().filter(|(what, _)| !what.contains(':'));
    let granted = i64::try_from(services().count()).unwrap_or(i64::MAX);
    if granted == 0 {
        return None;
    }
    let days = facts.option(&RULE, "days");
    let created = facts.graph.account(ix).and_then(|account| account.created.days_before(facts.now));
    if granted < facts.option(&RULE, "grants").max(1) {
        return Some(Verdict::NotApplicable);
    }
    if created.is_some_and(|age| i64::from(age) < days) {
        return Some(Verdict::Pass);
    }
    let recent = services().filter(|(_, at)| at.days_before(facts.now).is_some_and(|age| i64::from(age) < days));
    let used = i64::try_from(recent.count()).unwrap_or(i64::MAX);
    let unused = (granted - used) * 100 / granted;
    if unused <= facts.option(&RULE, "percent") {
        return Some(Verdict::Pass);
    }
    let never = services().filter(|(_, at)| at.state() == FactState::Never).count();
    let counts = [("services", granted.to_string()), ("used", used.to_string()), ("never_used", never.to_string())];
    let failure = Failure::new(format!(
        "{} used {used} of the {granted} services that its policies allow in {} within {days} days: {unused} % is unused.",
        facts.graph.name(ix),
        facts.graph.system_name(facts.graph.node(ix).system),
    ));
    Some(failure.row(facts.account_row(ix, &counts)).verdict())
}
