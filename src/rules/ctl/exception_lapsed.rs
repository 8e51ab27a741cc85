use muster_reports::view::{Evidence, Severity};

use crate::config::policy::Exception;
use crate::controls::REV;
use crate::people::{Standing, fold};
use crate::rules::{Facts, Failure, Manual, Population, Rule, Setting, Subject, Verdict};

pub(crate) static RULE: Rule = Rule {
    id: "CTL-009",
    slug: "exception-lapsed",
    title: "Exception expired, endless or unowned",
    severity: Severity::Medium,
    controls: &[REV],
    population: Population::Exceptions,
    needs: &[],
    options: &[Setting {
        name: "max_days",
        default: 365,
        about: "longest time for which a risk may be accepted, in days; after it an exception does not count. A year, as ISO 27001 and SOC 2 audits review accepted risks yearly",
    }],
    manual: Manual {
        finds: "An accepted risk whose last day is over, that has no last day or a later one than is allowed, that nobody owns, whose owner has left, or that nobody but its owner approved.",
        matters: "A risk was taken for a while and by somebody. When the time is over or the person gone, nobody takes it any more, and what it covered is open.",
        evidence: "The block in policy/exceptions.toml with its dates and people.",
        fix: "Renew it with a new last day and an approver, give it an owner who works here, or take it back with `muster findings reopen` and repair what it covered.",
        limits: "An owner whom HR does not know is taken for a team. What covers no finding any more is listed by `muster exceptions unused`, not here.",
    },
    judge,
};

fn judge(facts: &Facts<'_>, subject: Subject) -> Verdict {
    let Subject::Exception(place) = subject else { return Verdict::NotApplicable };
    let exception = &facts.policy.exceptions[place];
    if exception.withdrawn {
        return Verdict::NotApplicable;
    }
    let mut wrong = Vec::new();
    let today = facts.today();
    let days = facts.option(&RULE, "max_days");
    match exception.expires {
        Some(expires) if expires < today => wrong.push(format!("expired on {expires}")),
        Some(expires) => {
            let longest = last_day(exception, days);
            if expires > longest {
                wrong.push(format!("runs until {expires}, longer than the {days} days that are allowed"));
            }
        }
        None => wrong.push("has no last day".to_owned()),
    }
    match (&exception.owner, &exception.approver) {
        (_, None) => wrong.push("was approved by nobody".to_owned()),
        (Some(owner), Some(approver)) if fold(owner) == fold(approver) => {
            wrong.push(format!("was approved by {approver}, who owns it"));
        }
        (_, Some(_)) => {}
    }
    let mut unsure = None;
    match &exception.owner {
        None => wrong.push("is owned by nobody".to_owned()),
        Some(owner) => match standing(facts, owner) {
            Owner::Left => wrong.push(format!("is owned by {owner}, who has left")),
            Owner::Unsaid(why) => {
                unsure = Some(format!("whether its owner {owner} still works here cannot be told: {why}"));
            }
            Owner::Here => {}
        },
    }
    match (wrong.is_empty(), unsure) {
        (true, None) => Verdict::Pass,
        (true, Some(why)) => Verdict::NotEvaluated(why),
        (false, _) => Failure::new(format!("The exception {} {}.", exception.about(), wrong.join(", ")))
            .row(row(exception))
            .verdict(),
    }
}

/// The last day on which an exception may count.
pub(crate) fn last_day(exception: &Exception, days: i64) -> jiff::civil::Date {
    let span = jiff::Span::new().try_days(days);
    span.and_then(|span| exception.created.checked_add(span)).unwrap_or(jiff::civil::Date::MAX)
}

enum Owner {
    Here,
    Left,
    Unsaid(String),
}

fn standing(facts: &Facts<'_>, owner: &str) -> Owner {
    match facts.people.find(&fold(owner)).as_slice() {
        [person] => match facts.people.standing(*person, facts.now) {
            Standing::Ended { .. } if facts.people.hr_complete() => Owner::Left,
            Standing::Employed | Standing::OnLeave | Standing::Future { .. } => Owner::Here,
            Standing::Ended { .. } => Owner::Unsaid("HR was not read completely".to_owned()),
            Standing::Unknown => Owner::Unsaid("HR does not say it".to_owned()),
        },
        [] if !facts.people.hr_complete() => Owner::Unsaid("HR was not read completely".to_owned()),
        // Nobody of that name: a team, a mailbox.
        [] | [_, ..] => Owner::Here,
    }
}

fn row(exception: &Exception) -> Evidence {
    let texts = [
        ("owner", exception.owner.clone()),
        ("approver", exception.approver.clone()),
        ("created", Some(exception.created.to_string())),
        ("expires", exception.expires.map(|day| day.to_string())),
        ("reason", Some(exception.reason.clone())),
        ("at", Some(exception.place.to_string())),
    ];
    Evidence {
        system: "muster".to_owned(),
        table: "exceptions".to_owned(),
        id: exception.id.clone(),
        facts: texts.into_iter().filter_map(|(name, text)| Some((name.to_owned(), text?))).collect(),
        collected: None,
    }
}
