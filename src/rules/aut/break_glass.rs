use jiff::civil::Date;
use jiff::tz::TimeZone;
use muster_connectors::record::{AccountClass, FactState};
use muster_reports::view::Severity;

use crate::config::policy::BreakGlassAccount;
use crate::controls::{EMRG, MFA};
use crate::graph::NodeIx;
use crate::people::{Standing, fold};
use crate::rules::{Facts, Failure, Manual, Need, Population, Rule, Setting, Subject, Verdict};

pub(in crate::rules) static RULE: Rule = Rule {
    id: "AUT-004",
    slug: "break-glass-out-of-spec",
    title: "Break-glass out of spec",
    severity: Severity::High,
    controls: &[EMRG, MFA],
    population: Population::Accounts,
    needs: &[Need::ACCOUNT],
    options: &[Setting {
        name: "tested_days",
        default: 90,
        about: "days since the last drill (Microsoft, \"Manage emergency access admin accounts\": at least every 90 days)",
    }],
    manual: Manual {
        finds: "An account for emergencies, or a tenant's root that can be signed in to, that is not in the register, whose owner has left, that lacks its factor, was used with neither a drill nor a ticket on record, or was not tried for too long.",
        matters: "It can do everything and nobody's absence is noticed by it. On the day it is needed it has to work, and on every other day it has to lie still.",
        evidence: "The account's row with its factors and last use, and its entry in the register.",
        fix: "Enter it in policy/break_glass.toml with owner, factor and seal; try it every quarter and write the day down; write every other use down with its ticket.",
        limits: "Sees the last use only, to the day: a use counts as explained by a drill or ticket of that day or the next to it. Whether a seal is whole is for people to look at; the register says where it is. A root without password and keys is nobody's way in and not judged.",
    },
    judge,
};

fn judge(facts: &Facts<'_>, subject: Subject) -> Verdict {
    let Subject::Account(ix) = subject else { return Verdict::NotApplicable };
    let Some(account) = facts.graph.account(ix).filter(|_| facts.is_active(ix)) else { return Verdict::NotApplicable };
    let registered = facts.break_glass(ix);
    let locked_root = account.is_root && facts.has_no_way_in(ix);
    let meant = facts.people.class(ix).class == AccountClass::BreakGlass || (account.is_root && !locked_root);
    if !meant && !matches!(registered, Ok(Some(_))) {
        return Verdict::NotApplicable;
    }
    let entry = match registered {
        Ok(entry) => entry,
        Err(why) => return Verdict::NotEvaluated(why.to_owned()),
    };
    let (mut faults, mut unknown) = (Vec::new(), None);
    match entry {
        None => faults.push("is not in policy/break_glass.toml".to_owned()),
        Some(entry) => check(facts, ix, entry, &mut faults, &mut unknown),
    }
    if faults.is_empty() {
        return unknown.map_or(Verdict::Pass, |why: &str| Verdict::NotEvaluated(why.to_owned()));
    }
    let mut row = facts
        .account_row(ix, &[("mfa", account.mfa.to_string()), ("last_activity", account.last_activity.to_string())]);
    if let Some(entry) = entry {
        row.facts.insert("registered_at".to_owned(), entry.place.to_string());
        row.facts.insert("registered_owner".to_owned(), entry.owner.clone());
        row.facts.extend(entry.seal.clone().map(|seal| ("seal".to_owned(), seal)));
        row.facts.extend(entry.tested.map(|day| ("tested".to_owned(), day.to_string())));
    }
    Failure::new(format!(
        "The emergency account {} in {} {}.",
        facts.graph.name(ix),
        facts.graph.system_name(facts.graph.node(ix).system),
        faults.join(", "),
    ))
    .row(row)
    .verdict()
}

/// What the register and the account do not agree on, and what cannot be told.
fn check(
    facts: &Facts<'_>,
    ix: NodeIx,
    entry: &BreakGlassAccount,
    faults: &mut Vec<String>,
    unknown: &mut Option<&'static str>,
) {
    let Some(account) = facts.graph.account(ix) else { return };
    match facts.owner(facts.graph.node(ix).system, &entry.owner).map(|owner| facts.people.standing(owner, facts.now)) {
        Some(Standing::Ended { .. }) => faults.push(format!("belongs to {}, who has left", entry.owner)),
        Some(Standing::Employed | Standing::OnLeave | Standing::Future { .. } | Standing::Unknown) => {}
        None => *unknown = Some("policy/break_glass.toml names an owner whom nobody knows"),
    }
    match account.mfa {
        FactState::None | FactState::Never => faults.push("has no second factor".to_owned()),
        FactState::Known => {
            let has = |wanted: &str| facts.graph.factors_of(account).any(|factor| fold(factor).contains(&fold(wanted)));
            if let Some(wanted) = entry.factor.as_deref().filter(|wanted| !has(wanted)) {
                let has: Vec<&str> = facts.graph.factors_of(account).collect();
                faults.push(format!("has {} instead of {wanted}", has.join(", ")));
            }
        }
        FactState::Unreadable | FactState::Unsupported => {
            *unknown = Some("the system does not say which factors the account has");
        }
    }
    let on_record = |used: Date| {
        let days = entry.tested.iter().chain(entry.uses.iter().map(|(day, _)| day));
        days.into_iter().any(|day| (used.duration_since(*day).as_hours() / 24).abs() <= 1)
    };
    match account.last_activity.state() {
        FactState::Known => {
            let used = account.last_activity.at().map(|at| at.to_zoned(TimeZone::UTC).date());
            if let Some(used) = used.filter(|used| !on_record(*used)) {
                faults.push(format!("was used on {used} with neither drill nor ticket on record"));
            }
        }
        FactState::Never | FactState::None => {}
        FactState::Unreadable | FactState::Unsupported => {
            *unknown = Some("the system does not say when the account was last used");
        }
    }
    let since = entry.tested.map(|day| facts.today().duration_since(day).as_hours() / 24);
    match since {
        None => faults.push("was never tried".to_owned()),
        Some(days) if days > facts.option(&RULE, "tested_days") => {
            faults.push(format!("was last tried {days} days ago"));
        }
        Some(_) => {}
    }
}
