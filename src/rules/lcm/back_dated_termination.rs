use jiff::Timestamp;
use muster_connectors::record::{EmploymentStatus, RecordKind};
use muster_reports::view::Severity;

use crate::controls::{LEAVE, LOG};
use crate::people::{Employment, Standing};
use crate::rules::{Facts, Failure, From, Manual, Need, Population, Rule, Setting, Subject, Verdict};

pub(in crate::rules) static RULE: Rule = Rule {
    id: "LCM-011",
    slug: "back-dated-termination",
    title: "Back-dated termination exposure",
    severity: Severity::High,
    controls: &[LEAVE, LOG],
    population: Population::Persons,
    needs: &[Need { from: From::Hr, kind: RecordKind::Employment, field: None, absence: false }],
    options: &[
        Setting {
            name: "tolerance_hours",
            default: 24,
            about: "hours by which HR may write an end down late: a day, for what is entered the morning after",
        },
        Setting {
            name: "days",
            default: 90,
            about: "days for which a late record stays a finding (a quarter's review)",
        },
    ],
    manual: Manual {
        finds: "A termination that HR wrote down after it had taken effect.",
        matters: "From the end to the record nobody could know, so the access of somebody who was gone stayed open. That time is HR's delay, not that of those who switch off.",
        evidence: "The employment with both instants, and the person's accounts with their last use.",
        fix: "Look through what the accounts did between the two instants; find out why the news came late.",
        limits: "Sees the last use of each account only. A feed that does not say when it wrote something down cannot be judged.",
    },
    judge,
};

fn judge(facts: &Facts<'_>, subject: Subject) -> Verdict {
    let Subject::Person(person) = subject else { return Verdict::NotApplicable };
    let Standing::Ended { .. } = facts.people.standing(person, facts.now) else { return Verdict::NotApplicable };
    let ended = |employment: &&Employment| employment.status == EmploymentStatus::Terminated;
    let end = |employment: &Employment| facts.people.counts_from(employment);
    let employments = facts.people.person(person).employments.iter().filter(ended);
    let Some((employment, effective)) =
        employments.filter_map(|employment| Some((employment, end(employment)?))).max_by_key(|(_, at)| *at)
    else {
        return Verdict::NotApplicable;
    };
    let Some(recorded) = employment.recorded else {
        return Verdict::NotEvaluated("HR does not say when it wrote the termination down".to_owned());
    };
    let hours = |from: Timestamp, to: Timestamp| to.duration_since(from).as_hours();
    let late = hours(effective, recorded);
    if late < facts.option(&RULE, "tolerance_hours").max(1)
        || hours(recorded, facts.now) > 24 * facts.option(&RULE, "days")
    {
        return Verdict::Pass;
    }
    let used = |account| {
        let last = facts.graph.account(account)?.last_activity.at()?;
        (last > effective && last <= recorded).then_some(last)
    };
    let uses = facts.accounts_of(person).filter(|account| used(*account).is_some()).count();
    let exposure = match uses {
        0 => "no account is known to have been used in between".to_owned(),
        1 => "an account was used in between".to_owned(),
        more => format!("{more} accounts were used in between"),
    };
    let mut failure = Failure::new(format!(
        "{} left on {}, and HR wrote it down {} days later, on {}; {exposure}.",
        facts.people.name(person),
        effective.strftime("%Y-%m-%d"),
        late / 24,
        recorded.strftime("%Y-%m-%d"),
    ))
    .row(facts.employment_row(employment));
    for account in facts.accounts_of(person) {
        let last = facts.graph.account(account).map(|account| account.last_activity.to_string());
        failure = failure.row(facts.account_row(account, &[("last_activity", last.unwrap_or_default())]));
    }
    if uses == 0 {
        return failure.severity(Severity::Medium, "no account is known to have been used in between").verdict();
    }
    failure.verdict()
}
