use jiff::civil::Date;
use jiff::tz::TimeZone;
use muster_connectors::record::RecordKind;
use muster_reports::view::{Evidence, Severity};

use crate::config::policy::{ReviewItem, ReviewScope, Reviews};
use crate::controls::REV;
use crate::rules::reviews::NO_REVIEWS;
use crate::rules::{Facts, Failure, Manual, Population, Rule, Subject, Verdict};

pub(in crate::rules) static RULE: Rule = Rule {
    id: "CTL-005",
    slug: "review-overdue",
    title: "Review overdue or incomplete",
    severity: Severity::High,
    controls: &[REV],
    population: Population::Systems,
    needs: &[],
    options: &[],
    manual: Manual {
        finds: "A system of policy/reviews.toml whose last complete review is older than its period, that never had one, or whose last campaign ended with rows that nobody decided.",
        matters: "Access that nobody confirms stays for ever. PCI DSS 7.2.4 asks for a review every six months, DORA RTS 21(e)(iv) every year, every six months for critical functions.",
        evidence: "The entry of the system, and its campaigns with how much of each was decided.",
        fix: "Decide what is open, or run the next campaign; correct `every_days` where the period is wrong.",
        limits: "A campaign is complete when each of its rows about the system is decided; one without any row about it reviewed nothing. Whether the rows are everything that there was to review, the campaign's own export has to prove. A campaign whose last day is not over is not held against the system.",
    },
    judge,
};

/// How much of a system a campaign decided.
struct Progress<'a> {
    id: &'a str,
    deadline: Date,
    rows: usize,
    open: usize,
    /// The day of the last decision.
    done: Option<Date>,
}

fn judge(facts: &Facts<'_>, subject: Subject) -> Verdict {
    let Subject::System(place) = subject else { return Verdict::NotApplicable };
    let system = facts.systems[place].as_str();
    let has_accounts = || facts.graph.coverage().of_system(system).any(|row| row.kind == RecordKind::Account);
    let Some(reviews) = &facts.policy.reviews else {
        return if has_accounts() { Verdict::NotEvaluated(NO_REVIEWS.to_owned()) } else { Verdict::NotApplicable };
    };
    let Some(scope) = reviews.scopes.iter().find(|scope| scope.system == system) else {
        let why = "policy/reviews.toml does not say how often it has to be reviewed";
        return if has_accounts() { Verdict::NotEvaluated(why.to_owned()) } else { Verdict::NotApplicable };
    };
    let today = facts.today();
    let campaigns = progress(reviews, system, facts);
    let complete = |campaign: &&Progress<'_>| campaign.rows > 0 && campaign.open == 0;
    let last = campaigns.iter().filter(complete).filter_map(|campaign| campaign.done).max();
    let ended = campaigns.iter().filter(|campaign| campaign.deadline < today);
    let mut faults = Vec::new();
    // A campaign that is put right by a later one is past.
    if let Some(short) = ended.max_by_key(|campaign| campaign.deadline).filter(|campaign| !complete(campaign))
        && last.is_none_or(|day| day <= short.deadline)
    {
        let Progress { id, deadline, rows, open, .. } = short;
        faults.push(if *rows == 0 {
            format!("{id}, which ended on {deadline}, asked nothing about it")
        } else {
            format!("{id} ended on {deadline} with {open} of {rows} rows undecided")
        });
    }
    match last {
        None => faults.push("was never reviewed completely".to_owned()),
        Some(day) => {
            let days = today.duration_since(day).as_hours() / 24;
            if days > i64::from(scope.every_days) {
                faults.push(format!("was last reviewed on {day}, which is due every {} days", scope.every_days));
            }
        }
    }
    if faults.is_empty() {
        return Verdict::Pass;
    }
    let failure =
        Failure::new(format!("The access to {system} is not reviewed as it has to be: {}.", faults.join("; ")));
    campaigns
        .iter()
        .fold(failure.row(scope_row(scope)), |failure, campaign| failure.row(row(system, campaign)))
        .verdict()
}

fn progress<'a>(reviews: &'a Reviews, system: &str, facts: &Facts<'_>) -> Vec<Progress<'a>> {
    let zone = facts.options.zone.clone().unwrap_or(TimeZone::UTC);
    let covering =
        reviews.campaigns.iter().enumerate().filter(|(_, campaign)| campaign.systems.iter().any(|of| of == system));
    covering
        .map(|(number, campaign)| {
            let of = |item: &&ReviewItem| item.campaign == number && item.system == system;
            let items: Vec<&ReviewItem> = reviews.items.iter().filter(of).collect();
            let done = items.iter().filter_map(|item| item.decision).map(|decided| decided.at).max();
            Progress {
                id: &campaign.id,
                deadline: campaign.deadline,
                rows: items.len(),
                open: items.iter().filter(|item| item.decision.is_none()).count(),
                done: done.map(|at| at.to_zoned(zone.clone()).date()),
            }
        })
        .collect()
}

fn scope_row(scope: &ReviewScope) -> Evidence {
    let mut facts = std::collections::BTreeMap::from([("every".to_owned(), format!("{} days", scope.every_days))]);
    facts.extend(scope.owner.clone().map(|owner| ("owner".to_owned(), owner)));
    let (table, id) = ("reviews".to_owned(), scope.place.to_string());
    Evidence { system: scope.system.clone(), table, id, facts, collected: None }
}

fn row(system: &str, campaign: &Progress<'_>) -> Evidence {
    let mut facts = std::collections::BTreeMap::from([
        ("deadline".to_owned(), campaign.deadline.to_string()),
        ("rows".to_owned(), campaign.rows.to_string()),
        ("undecided".to_owned(), campaign.open.to_string()),
    ]);
    facts.extend(campaign.done.map(|day| ("last_decision".to_owned(), day.to_string())));
    let (table, id) = ("campaigns".to_owned(), campaign.id.to_owned());
    Evidence { system: system.to_owned(), table, id, facts, collected: None }
}
