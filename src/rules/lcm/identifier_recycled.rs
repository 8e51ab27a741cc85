use jiff::Timestamp;
use muster_reports::view::Severity;

use crate::controls::UNIQ;
use crate::people::{PersonIx, Standing, fold};
use crate::rules::{Facts, Failure, Manual, Need, Population, Rule, Setting, Subject, Verdict};

pub(in crate::rules) static RULE: Rule = Rule {
    id: "LCM-010",
    slug: "identifier-recycled",
    title: "Identifier recycled",
    severity: Severity::High,
    controls: &[UNIQ],
    population: Population::Accounts,
    needs: &[Need { absence: false, ..Need::ALL_PERSONS }, Need::ALL_EMPLOYMENTS, Need::ACCOUNT],
    options: &[Setting {
        name: "months",
        default: 12,
        about: "months for which an address must rest after its bearer left before somebody else gets it (a year, so that mail and invitations run out)",
    }],
    manual: Manual {
        finds: "An account older than the employment of the person who bears its address now, while the address was somebody else's who left not long ago.",
        matters: "Whatever trusts the address (invitations, password resets, single sign-on) hands the access of the one who left to the one who came.",
        evidence: "The account's row with its age and addresses, and the employments of both persons.",
        fix: "Give the newcomer another address, or rename the old account and strip what it holds; let addresses rest before they are given away again.",
        limits: "Looks at work addresses of HR, and at logins that are addresses. An account whose age is not known cannot be told from a new one.",
    },
    judge,
};

fn judge(facts: &Facts<'_>, subject: Subject) -> Verdict {
    let Subject::Account(ix) = subject else { return Verdict::NotApplicable };
    let Some(account) = facts.graph.account(ix).filter(|_| facts.is_active(ix)) else { return Verdict::NotApplicable };
    let login = account.login.map(|login| facts.graph.text(login)).filter(|login| login.contains('@'));
    let handed_on = facts.graph.emails_of(account).chain(login).find_map(|address| handed_on(facts, &fold(address)));
    let Some(HandedOn { address, former, left, holder, came }) = handed_on else { return Verdict::NotApplicable };
    let Some(created) = account.created.at() else {
        return Verdict::NotEvaluated("the system does not say when the account was made".to_owned());
    };
    let rested = came.duration_since(left).as_hours() / 24;
    if created >= left || rested > facts.option(&RULE, "months") * 30 {
        return Verdict::Pass;
    }
    let mut failure = Failure::new(format!(
        "{address} was {}'s until {} and is {}'s now; the account {} in {} is older than that and still works.",
        facts.people.name(former),
        left.strftime("%Y-%m-%d"),
        facts.people.name(holder),
        facts.graph.name(ix),
        facts.graph.system_name(facts.graph.node(ix).system),
    ))
    .row(facts.account_row(ix, &[("created", account.created.to_string()), ("address", address)]));
    for person in [former, holder] {
        for row in facts.employment_rows(person) {
            failure = failure.row(row);
        }
    }
    failure.verdict()
}

struct HandedOn {
    address: String,
    former: PersonIx,
    left: Timestamp,
    holder: PersonIx,
    came: Timestamp,
}

/// The last two bearers of an address, where one left before the other came.
fn handed_on(facts: &Facts<'_>, address: &str) -> Option<HandedOn> {
    let people = facts.people;
    let bears = |person: &PersonIx| people.person(*person).emails.iter().any(|email| people.text(*email) == address);
    let bearers: Vec<PersonIx> = people.find(address).into_iter().filter(bears).collect();
    if bearers.len() < 2 {
        return None;
    }
    let came = |person: PersonIx| {
        let starts = people.person(person).employments.iter().filter_map(|employment| employment.start);
        Some(starts.min()?.to_zoned(jiff::tz::TimeZone::UTC).ok()?.timestamp())
    };
    let (came, holder) = bearers.iter().filter_map(|person| Some((came(*person)?, *person))).max()?;
    let left = |person: PersonIx| match people.standing(person, facts.now) {
        Standing::Ended { at: Some(at), .. } if at <= came => Some((at, person)),
        Standing::Ended { .. }
        | Standing::Employed
        | Standing::OnLeave
        | Standing::Future { .. }
        | Standing::Unknown => None,
    };
    let (left, former) = bearers.iter().filter(|person| **person != holder).filter_map(|person| left(*person)).max()?;
    Some(HandedOn { address: address.to_owned(), former, left, holder, came })
}
