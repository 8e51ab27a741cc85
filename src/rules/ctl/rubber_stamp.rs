use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use muster_reports::view::{Evidence, Severity};

use crate::config::policy::Decided;
use crate::controls::REV;
use crate::rules::{Facts, Failure, Manual, Population, Rule, Setting, Subject, Verdict};

pub(in crate::rules) static RULE: Rule = Rule {
    id: "CTL-006",
    slug: "rubber-stamp",
    title: "Rubber-stamp",
    severity: Severity::Medium,
    controls: &[REV],
    population: Population::Reviewers,
    needs: &[],
    options: &[
        Setting {
            name: "at_least",
            default: 20,
            about: "decisions of a reviewer in a campaign below which nothing is concluded (our own default)",
        },
        Setting {
            name: "seconds",
            default: 5,
            about: "median seconds between two decisions below which nobody has read what was asked (our own default)",
        },
        Setting {
            name: "last_hours",
            default: 24,
            about: "hours before the end of a campaign, and after it, that count as its end (our own default)",
        },
        Setting {
            name: "percent_at_end",
            default: 80,
            about: "share of a reviewer's decisions made at the end of the campaign from which on it counts as rushed (our own default)",
        },
    ],
    manual: Manual {
        finds: "A reviewer who decided faster than anybody can read, who kept everything, or who decided nearly everything when the campaign ended.",
        matters: "A review without thought finds nothing and looks as if there were nothing to find. Auditors draw such reviewers first.",
        evidence: "How many decisions, how many of them to keep, the median seconds between two, and the share made at the end.",
        fix: "Let somebody else decide a sample again; ask the reviewer for fewer rows that matter more, and give them what they need to know about each.",
        limits: "Judges reviewers with enough decisions only. To keep everything may be right: the finding asks for a sample, it proves nothing. Where the file tells only the day of decisions, neither their pace nor the rush at the end is known.",
    },
    judge,
};

fn judge(facts: &Facts<'_>, subject: Subject) -> Verdict {
    let Subject::Reviewer(place) = subject else { return Verdict::NotApplicable };
    let (reviewer, Some(reviews)) = (&facts.reviewers()[place], &facts.policy.reviews) else {
        return Verdict::NotApplicable;
    };
    let campaign = &reviews.campaigns[reviewer.campaign];
    let decided: Vec<Decided> = reviewer.items.iter().filter_map(|place| reviews.items[*place].decision).collect();
    let option = |name| facts.option(&RULE, name);
    if decided.is_empty() || (decided.len() as u64) < option("at_least").unsigned_abs() {
        return Verdict::NotApplicable;
    }
    let (all, kept) = (decided.len(), decided.iter().filter(|one| one.keeps).count());
    let mut faults = Vec::new();
    if kept == all {
        faults.push(format!("kept all {all}"));
    }
    let mut row = Evidence {
        system: String::new(),
        table: "campaigns".to_owned(),
        id: campaign.id.clone(),
        facts: std::collections::BTreeMap::from([
            ("reviewer".to_owned(), reviewer.name.clone()),
            ("decided".to_owned(), all.to_string()),
            ("kept".to_owned(), kept.to_string()),
        ]),
        collected: None,
    };
    let is_exact = decided.iter().all(|one| one.is_exact);
    if is_exact {
        let mut instants: Vec<Timestamp> = decided.iter().map(|one| one.at).collect();
        instants.sort_unstable();
        let pace = median_gap(&instants);
        row.facts.insert("median_seconds".to_owned(), pace.to_string());
        if pace < option("seconds") {
            faults.push(format!("took {pace} seconds for each"));
        }
        let zone = facts.options.zone.clone().unwrap_or(TimeZone::UTC);
        let end = campaign.deadline.tomorrow().ok().and_then(|day| day.to_zoned(zone).ok());
        if let Some(end) = end.map(|end| end.timestamp()) {
            let last = SignedDuration::from_hours(option("last_hours").clamp(0, 24 * 366));
            let late = instants.iter().filter(|at| end.duration_since(**at) <= last).count();
            let share = 100 * late as u64 / all as u64;
            row.facts.insert("percent_at_end".to_owned(), share.to_string());
            if share >= option("percent_at_end").unsigned_abs() {
                faults.push(format!("decided {late} of {all} when the campaign ended"));
            }
        }
    }
    if faults.is_empty() {
        return if is_exact {
            Verdict::Pass
        } else {
            Verdict::NotEvaluated("the file tells only the day of decisions".to_owned())
        };
    }
    Failure::new(format!("{} decided {all} rows in {} and {}.", reviewer.name, campaign.id, faults.join(", ")))
        .row(row)
        .verdict()
}

/// The median of the whole seconds between neighbours; the lower one of two.
fn median_gap(sorted: &[Timestamp]) -> i64 {
    let mut gaps: Vec<i64> = sorted.windows(2).map(|pair| pair[1].duration_since(pair[0]).as_secs()).collect();
    gaps.sort_unstable();
    gaps.get(gaps.len().saturating_sub(1) / 2).copied().unwrap_or(i64::MAX)
}
