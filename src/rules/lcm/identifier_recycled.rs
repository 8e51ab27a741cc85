use jiff::Timestamp;
use muster_reports::view::{Evidence, Severity};

use crate::controls::UNIQ;
use crate::people::{Former, PersonIx, Standing, fold};
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
        finds: "An account older than the employment of the person who bears its address now, while the address was somebody else's who left not long ago; also where HR no longer says so and an earlier snapshot does.",
        matters: "Whatever trusts the address (invitations, password resets, single sign-on) hands the access of the one who left to the one who came.",
        evidence: "The account's row with its age and addresses, and the employments of both persons, or the row of the earlier snapshot.",
        fix: "Give the newcomer another address, or rename the old account and strip what it holds; let addresses rest before they are given away again.",
        limits: "Looks at work addresses of HR, and at logins that are addresses. An account whose age is not known cannot be told from a new one. Of earlier snapshots those of a week and one a month for thirteen months are looked at; a record that is gone counts as another human only when whoever bears the address now came later and has another name, so that a name change or a rehire under a new number is none.",
    },
    judge,
};

fn judge(facts: &Facts<'_>, subject: Subject) -> Verdict {
    let Subject::Account(ix) = subject else { return Verdict::NotApplicable };
    let Some(account) = facts.graph.account(ix).filter(|_| facts.is_active(ix)) else { return Verdict::NotApplicable };
    let login = account.login.map(|login| facts.graph.text(login)).filter(|login| login.contains('@'));
    let handed_on = facts.graph.emails_of(account).chain(login).find_map(|address| handed_on(facts, &fold(address)));
    let Some(HandedOn { address, bearer, left, holder, came }) = handed_on else { return Verdict::NotApplicable };
    let Some(created) = account.created.at() else {
        return Verdict::NotEvaluated("the system does not say when the account was made".to_owned());
    };
    let rested = came.duration_since(left).as_hours() / 24;
    if created >= left || rested > facts.option(&RULE, "months") * 30 {
        return Verdict::Pass;
    }
    let (name, until) = match bearer {
        Bearer::Person(person) => (facts.people.name(person), "until"),
        Bearer::Earlier(former) => (former.name.as_str(), "when it was last seen on"),
    };
    let mut failure = Failure::new(format!(
        "{address} was {name}'s {until} {} and is {}'s now; the account {} in {} is older than that and still works.",
        left.strftime("%Y-%m-%d"),
        facts.people.name(holder),
        facts.graph.name(ix),
        facts.graph.system_name(facts.graph.node(ix).system),
    ))
    .row(facts.account_row(ix, &[("created", account.created.to_string()), ("address", address)]));
    match bearer {
        Bearer::Person(person) => {
            for row in facts.employment_rows(person) {
                failure = failure.row(row);
            }
        }
        Bearer::Earlier(former) => failure = failure.row(earlier_row(former)),
    }
    for row in facts.employment_rows(holder) {
        failure = failure.row(row);
    }
    failure.verdict()
}

struct HandedOn<'a> {
    address: String,
    bearer: Bearer<'a>,
    left: Timestamp,
    holder: PersonIx,
    came: Timestamp,
}

/// Whose an address was.
#[derive(Clone, Copy)]
enum Bearer<'a> {
    /// Somebody of whom HR still says so.
    Person(PersonIx),
    /// Somebody of whom an earlier snapshot says so.
    Earlier(&'a Former),
}

/// The last two bearers of an address, where one left before the other came.
fn handed_on<'a>(facts: &Facts<'a>, address: &str) -> Option<HandedOn<'a>> {
    let people = facts.people;
    let bears = |person: &PersonIx| people.person(*person).emails.iter().any(|email| people.text(*email) == address);
    let bearers: Vec<PersonIx> = people.find(address).into_iter().filter(bears).collect();
    let came = |person: PersonIx| {
        let starts = people.person(person).employments.iter().filter_map(|employment| employment.start);
        Some(starts.min()?.to_zoned(jiff::tz::TimeZone::UTC).ok()?.timestamp())
    };
    let present = bearers.iter().filter(|person| people.person(**person).vanished.is_none());
    let (came, holder) = present.filter_map(|person| Some((came(*person)?, *person))).max()?;
    let left = |person: PersonIx| match people.standing(person, facts.now) {
        Standing::Ended { at: Some(at), .. } if at <= came => Some((at, person)),
        Standing::Ended { .. }
        | Standing::Employed
        | Standing::OnLeave
        | Standing::Future { .. }
        | Standing::Unknown => None,
    };
    let address = address.to_owned();
    let known = bearers.iter().filter(|person| **person != holder).filter_map(|person| left(*person)).max();
    if let Some((left, former)) = known {
        return Some(HandedOn { address, bearer: Bearer::Person(former), left, holder, came });
    }
    let former = people.former_bearer(&address)?;
    // Whoever was there before got the address when it became free.
    let (left, came) = (former.last_seen, came.max(former.last_seen));
    Some(HandedOn { address, bearer: Bearer::Earlier(former), left, holder, came })
}

/// The row of an earlier snapshot in which the address was somebody else's.
fn earlier_row(former: &Former) -> Evidence {
    Evidence {
        system: former.system.clone(),
        table: "persons".to_owned(),
        id: former.id.clone(),
        facts: [("name", former.name.clone()), ("emails", former.address.clone())]
            .into_iter()
            .map(|(name, value)| (name.to_owned(), value))
            .collect(),
        collected: Some(former.last_seen),
    }
}
