use jiff::Timestamp;
use muster_connectors::record::{GrantOrigin, Lifecycle, PrivilegeLevel, RecordKind};
use muster_reports::view::Severity;

use crate::access::Privilege;
use crate::controls::{LEAVE, LP};
use crate::graph::{Edge, RowState};
use crate::rules::{Facts, Failure, Manual, Need, Population, Rule, Setting, Subject, Verdict, raised};

pub(in crate::rules) static RULE: Rule = Rule {
    id: "LCM-004",
    slug: "grants-left-on-disabled",
    title: "Grants left on disabled account",
    severity: Severity::Low,
    controls: &[LEAVE, LP],
    population: Population::Accounts,
    needs: &[Need::ACCOUNT],
    options: &[Setting {
        name: "days",
        default: 30,
        about: "days for which an account that is off may keep what it holds (a month, in which somebody may come back; directories keep a deleted account as long)",
    }],
    manual: Manual {
        finds: "An account that has been off for the set number of days at least and still holds, directly, what not everybody may: a role, policy or membership above the baseline.",
        matters: "Whoever switches it on again, for a rehire or by mistake, hands out everything at once, without a request and without an approval.",
        evidence: "The account's row, since when it is known to be off, and each grant and membership.",
        fix: "Take the grants away; write down what they were where the account may come back.",
        limits: "No source tells when an account was switched off: it counts from its own end where it has one, else from the earliest of the snapshots looked at that saw it off without a break. Until these reach back far enough it is not evaluated, so a first scan finds none. Invitations hold nothing yet.",
    },
    judge,
};

fn judge(facts: &Facts<'_>, subject: Subject) -> Verdict {
    let Subject::Account(ix) = subject else { return Verdict::NotApplicable };
    let Some(account) = facts.graph.account(ix) else { return Verdict::NotApplicable };
    if facts.is_active(ix) || account.lifecycle == Lifecycle::Pending {
        return Verdict::NotApplicable;
    }
    let direct = facts.graph.edges_from(ix).filter(|edge| {
        let detail = facts.graph.detail(edge);
        detail.state != RowState::Stale && detail.origin == GrantOrigin::Direct
    });
    let (mut held, mut undecided): (Vec<(Edge, PrivilegeLevel)>, Option<String>) = (Vec::new(), None);
    for edge in direct {
        match facts.level(edge.target) {
            Privilege::Certain(PrivilegeLevel::Baseline) => {}
            Privilege::Certain(level) => held.push((edge, level)),
            Privilege::Undecided { at_least: PrivilegeLevel::Baseline, why, .. } => undecided = Some(why),
            Privilege::Undecided { at_least, .. } => held.push((edge, at_least)),
        }
    }
    let node = facts.graph.node(ix);
    if held.is_empty() {
        let unread = [RecordKind::Grant, RecordKind::Membership];
        let unread = unread.into_iter().find_map(|kind| facts.unread_here(node.scope, kind).map(str::to_owned));
        return undecided.or(unread).map_or(Verdict::Pass, Verdict::NotEvaluated);
    }
    let limit = facts.option(&RULE, "days");
    let days = |at: Timestamp| facts.now.duration_since(at).as_hours() / 24;
    let since = match account.expires.at().filter(|at| *at <= facts.now) {
        Some(ended) => ended,
        None => match facts.graph.switched_off(ix) {
            Err(why) => return Verdict::NotEvaluated(format!("the earlier snapshots cannot be read: {why}")),
            Ok(None) => return Verdict::NotEvaluated("it is not known when its row was true".to_owned()),
            Ok(Some(off)) if days(off.first_off) >= limit => off.first_off,
            Ok(Some(off)) if off.last_on.is_some_and(|on| days(on) < limit) => return Verdict::Pass,
            Ok(Some(_)) => {
                return Verdict::NotEvaluated("the snapshots do not reach back to when it was switched off".to_owned());
            }
        },
    };
    if days(since) < limit {
        return Verdict::Pass;
    }
    let names: Vec<&str> = held.iter().take(3).map(|(edge, _)| facts.graph.name(edge.target)).collect();
    let more = if held.len() > names.len() { format!(" and {} more", held.len() - names.len()) } else { String::new() };
    let mut failure = Failure::new(format!(
        "The account {} in {} has been off for {} days at least and still holds {}{more}.",
        facts.graph.name(ix),
        facts.graph.system_name(node.system),
        days(since),
        names.join(", "),
    ))
    .row(facts.account_row(ix, &[("off_since", since.to_string())]));
    for (edge, level) in &held {
        let mut row = facts.edge_row(edge);
        row.facts.insert("privilege".to_owned(), level.to_string());
        failure = failure.row(row);
    }
    if held.iter().any(|(_, level)| *level >= PrivilegeLevel::Privileged) {
        return failure.severity(raised(RULE.severity), "what it holds is privileged").verdict();
    }
    failure.verdict()
}
