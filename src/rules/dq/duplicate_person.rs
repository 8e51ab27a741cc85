use muster_reports::view::{Evidence, Severity};

use crate::controls::{INV, UNIQ};
use crate::people::{PersonIx, Suspected};
use crate::rules::{Facts, Failure, Manual, Need, Population, Rule, Subject, Verdict};

pub(in crate::rules) static RULE: Rule = Rule {
    id: "DQ-001",
    slug: "duplicate-person",
    title: "Duplicate or merged person",
    severity: Severity::Medium,
    controls: &[INV, UNIQ],
    population: Population::Persons,
    needs: &[Need { absence: false, ..Need::ALL_PERSONS }, Need { absence: false, ..Need::ALL_EMPLOYMENTS }],
    options: &[],
    manual: Manual {
        finds: "Two persons of HR who share a work address and the full name, but no id, while both are employed; two who share the full name and the birth date, or the full name and a phone or another attribute that nobody of another name has; or one id that stands for two humans, whose names and addresses have nothing in common, or whose names and birth dates differ.",
        matters: "One human with two records leaves only half: the other record keeps the accounts alive. One id for two humans hands the access of one to the other.",
        evidence: "Both records with their names, addresses and employments, and what they share. Of a birth date, a phone or another attribute only the heading is told, not the value.",
        fix: "Correct it in HR: one employee id for one human. Until then decide it in policy/persons.toml, with `[[merge]]` when it is one human and `[[split]]` when it is two.",
        limits: "Records whose employments follow each other are taken for a rehire and joined, not reported, unless a third person bears the name. Birth dates and other attributes are known where `attributes` of an HR file asks for them; birth dates tell people apart only as ISO 8601 days, and are not asked where more than forty bear one name, two of whom are born on one day by chance. A duplicate under another name and another address is not seen.",
    },
    judge,
};

fn judge(facts: &Facts<'_>, subject: Subject) -> Verdict {
    let Subject::Person(person) = subject else { return Verdict::NotApplicable };
    let people = facts.people;
    let pairs = people.duplicates_of(person);
    let Some(pair) = pairs.first() else { return Verdict::Pass };
    let named = |ix: PersonIx| format!("{} ({})", people.name(ix), people.key(ix));
    let message = match pair.by {
        Suspected::OneHuman(address) => format!(
            "{} and {} are two records in HR with the same name and the address {}: they look like one human.",
            named(pair.first),
            named(person),
            people.text(address),
        ),
        Suspected::SameAttribute(heading) => format!(
            "{} and {} are two records in HR with the same name and the same `{}`: they look like one human.",
            named(pair.first),
            named(person),
            people.text(heading),
        ),
        Suspected::TwoHumans(id) => format!(
            "The id {} stands for {} and for {}: what HR says of them cannot be said of one, so they look like two humans.",
            people.text(id),
            named(pair.first),
            named(person),
        ),
    };
    let mut failure = Failure::new(message);
    for ix in pairs.iter().map(|pair| pair.first).chain([person]) {
        failure = failure.row(person_row(facts, ix));
        for row in facts.employment_rows(ix) {
            failure = failure.row(row);
        }
    }
    failure.verdict()
}

fn person_row(facts: &Facts<'_>, ix: PersonIx) -> Evidence {
    let people = facts.people;
    let person = people.person(ix);
    let texts =
        |texts: &[crate::graph::Text]| texts.iter().map(|text| people.text(*text)).collect::<Vec<_>>().join(" ");
    Evidence {
        system: people.text(person.system).to_owned(),
        table: "persons".to_owned(),
        id: people.text(person.feed_ids[0]).to_owned(),
        facts: [
            ("name", people.name(ix).to_owned()),
            ("emails", texts(&person.emails)),
            ("employee_ids", texts(&person.employee_ids)),
        ]
        .into_iter()
        .map(|(name, value)| (name.to_owned(), value))
        .collect(),
        collected: person.employments.first().and_then(|employment| employment.collected),
    }
}
