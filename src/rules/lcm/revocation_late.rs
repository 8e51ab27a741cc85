use std::fmt::Write as _;

use jiff::{SignedDuration, Timestamp};
use muster_connectors::record::{EmploymentStatus, FactState, Lifecycle, RecordKind};
use muster_reports::view::Severity;

use crate::controls::LEAVE;
use crate::graph::NodeIx;
use crate::people::{PersonIx, Standing};
use crate::rules::{Facts, Failure, Manual, Need, Population, Rule, Setting, Subject, Verdict};

pub(in crate::rules) static RULE: Rule = Rule {
    id: "LCM-002",
    slug: "revocation-late",
    title: "Revocation SLA missed",
    severity: Severity::High,
    controls: &[LEAVE],
    population: Population::Persons,
    needs: &[Need::ALL_EMPLOYMENTS],
    options: &[
        Setting {
            name: "minutes",
            default: 15,
            about: "minutes in which everything must be off (the target of metric M6, time to revoke: p95 below 15)",
        },
        Setting {
            name: "days",
            default: 90,
            about: "days for which a late but finished revocation stays a finding (a quarter's review)",
        },
    ],
    manual: Manual {
        finds: "A leaver of whom it can be proved that an account or credential still worked later than the set time after the end.",
        matters: "The promise to customers and auditors is a time, and it was not kept. How late it was says which system the leaver process forgets.",
        evidence: "Each account with the last instant at which it is known to have worked and the first at which it was seen off, and the employment.",
        fix: "Finish what is still open (LCM-001, LCM-003), then mend the process: a feed that comes in time, and one trigger for all systems.",
        limits: "Shows a lower bound: an account worked at least until it was last read as active, last used, or its key was read as working. What happened between two readings is not seen, so passing proves no punctuality. The clock starts when the end counts, or when HR wrote it down where that was later (LCM-011 has that delay). Of earlier snapshots some are looked at: every one of the last nights, then ever fewer.",
    },
    judge,
};

fn judge(facts: &Facts<'_>, subject: Subject) -> Verdict {
    let Subject::Person(person) = subject else { return Verdict::NotApplicable };
    let Standing::Ended { at, .. } = facts.people.standing(person, facts.now) else { return Verdict::NotApplicable };
    let accounts: Vec<NodeIx> =
        facts.accounts_of(person).filter(|account| facts.lifecycle(*account) != Lifecycle::Pending).collect();
    // What is in order here may be otherwise where nothing was read.
    let unless_unread = |verdict: Verdict| match facts.unread_anywhere(RecordKind::Account) {
        Some(why) => Verdict::NotEvaluated(format!("an account may lie in what was not read: {why}")),
        None => verdict,
    };
    if accounts.is_empty() {
        return unless_unread(Verdict::NotApplicable);
    }
    let Some(ended) = at else {
        return Verdict::NotEvaluated("HR does not say when the employment ended".to_owned());
    };
    let start = recorded(facts, person, ended).map_or(ended, |recorded| recorded.max(ended));
    let mut worked = Vec::with_capacity(accounts.len());
    for account in &accounts {
        match Worked::of(facts, *account) {
            Ok(one) => worked.push(one),
            Err(why) => return Verdict::NotEvaluated(why),
        }
    }
    let last = worked.iter().filter_map(|one| one.last).max();
    let late = last.map_or(0, |last| last.duration_since(start).as_secs() / 60);
    let open = worked.iter().any(|one| one.works);
    if late <= facts.option(&RULE, "minutes") {
        let sla = SignedDuration::from_mins(facts.option(&RULE, "minutes"));
        let in_time = |one: &Worked| one.off.is_some_and(|off| off.duration_since(start) <= sla);
        let untold = worked.iter().any(|one| !one.told && !one.works && !in_time(one));
        return if untold {
            Verdict::NotEvaluated("nothing tells until when an account that is off now has worked".to_owned())
        } else {
            unless_unread(Verdict::Pass)
        };
    }
    if !open && facts.now.duration_since(start).as_hours() > 24 * facts.option(&RULE, "days") {
        return unless_unread(Verdict::Pass);
    }
    let mut message = format!("{} left on {}, and ", facts.people.name(person), ended.strftime("%Y-%m-%d %H:%M"));
    let span = span(late);
    if open {
        let still = worked.iter().filter(|one| one.works).count();
        write!(message, "{still} of {} accounts still worked {span} later.", accounts.len()).expect("a text grows");
    } else {
        write!(message, "an account worked for {span} at least until it was off.").expect("a text grows");
    }
    let mut failure = Failure::new(message);
    for (account, one) in accounts.iter().zip(&worked) {
        let mut row = facts.account_row(*account, &[("linked", facts.link_reason(*account))]);
        if let Some(last) = one.last {
            row.facts.insert("worked_at".to_owned(), last.to_string());
        }
        if let Some(off) = one.off {
            row.facts.insert("seen_off_at".to_owned(), off.to_string());
        }
        failure = failure.row(row);
    }
    for row in facts.employment_rows(person) {
        failure = failure.row(row);
    }
    failure.verdict()
}

/// When HR wrote the end down that counts from `ended`.
fn recorded(facts: &Facts<'_>, person: PersonIx, ended: Timestamp) -> Option<Timestamp> {
    let employments = facts.people.person(person).employments.iter();
    let mut terminated = employments.filter(|employment| employment.status == EmploymentStatus::Terminated);
    terminated.find(|employment| facts.people.counts_from(employment) == Some(ended))?.recorded
}

/// "3 days", "7 hours", "40 minutes".
fn span(minutes: i64) -> String {
    match minutes {
        ..120 => format!("{minutes} minutes"),
        120..2880 => format!("{} hours", minutes / 60),
        2880.. => format!("{} days", minutes / 1440),
    }
}

/// Until when an account is known to have worked.
struct Worked {
    /// The last instant.
    last: Option<Timestamp>,
    /// Whether it works today.
    works: bool,
    /// Whether its system tells its use, so that no use later is none.
    told: bool,
    /// The first reading that saw it off.
    off: Option<Timestamp>,
}

impl Worked {
    fn of(facts: &Facts<'_>, account: NodeIx) -> Result<Self, String> {
        let details = facts.graph.account(account).ok_or_else(|| "not an account".to_owned())?;
        let read = facts.account_read(account);
        let works =
            facts.is_active(account) || facts.credentials_of(account).any(|(_, credential)| facts.works(credential));
        let used = facts.credentials_of(account).filter_map(|(_, credential)| credential.last_used.at());
        let used = used.chain(details.last_activity.at()).max();
        let switched = if details.lifecycle.is_active() {
            None
        } else {
            facts.graph.switched_off(account).map_err(|why| format!("the earlier snapshots cannot be read: {why}"))?
        };
        let seen = if works { read } else { switched.and_then(|off| off.last_on) };
        let told = match details.last_activity.state() {
            FactState::Known | FactState::Never | FactState::None => true,
            FactState::Unreadable | FactState::Unsupported => false,
        };
        Ok(Self { last: used.max(seen), works, told, off: switched.map(|off| off.first_off) })
    }
}
