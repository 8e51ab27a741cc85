//! Where a person comes from: the records, why they are one human, and what the feeds say differently.

use crate::check::Estate;
use crate::diagnostic::visible;
use crate::graph::Text;
use crate::people::{Duplicate, PersonIx, Reason, Suspected};

/// Where a person's records stand, why they are taken for one human, and what the feeds say differently.
pub(super) fn records(estate: &Estate, ix: PersonIx) -> String {
    let people = &estate.people;
    let person = people.person(ix);
    let mut text = String::new();
    if let Some(seen) = person.returned {
        text.push_str(&format!("  returned: the feed has the record again; it was missing after {seen}\n"));
    }
    let record =
        |(system, id): &(Text, Text)| format!("{}:{}", visible(people.text(*system)), visible(people.text(*id)));
    if person.feeds.len() > 1 {
        text.push_str(&format!("  records: {}\n", person.feeds.iter().map(record).collect::<Vec<_>>().join(", ")));
    }
    for reason in &person.joined {
        let why = match reason {
            Reason::Decided { author, reason } => format!("{author} decided so: {reason}"),
            Reason::EmployeeId(id) => format!("they share the employee id `{}`", people.text(*id)),
            Reason::PersonId(id) => format!("they share the key `{}`", people.text(*id)),
            Reason::Returned(address) => format!(
                "they share the full name and the address `{}`, and the employments follow each other",
                people.text(*address)
            ),
        };
        text.push_str(&format!("  one person, because {}\n", visible(&why)));
    }
    for said in &person.said {
        let used = if said.used { "" } else { " (not used)" };
        let (feed, value) = (visible(people.text(said.system)), visible(people.text(said.value)));
        text.push_str(&format!("  {}: {value}, says {feed}{used}\n", said.attribute.as_str()));
    }
    let with = people.duplicates().iter().filter(|duplicate| [duplicate.first, duplicate.second].contains(&ix));
    for Duplicate { first, second, by } in with {
        let other = people.name(if *first == ix { *second } else { *first });
        let why = match by {
            Suspected::OneHuman(address) => {
                format!("may be the same human as {other}: full name and `{}` are the same", people.text(*address))
            }
            Suspected::SameAttribute(heading) => {
                format!("may be the same human as {other}: full name and `{}` are the same", people.text(*heading))
            }
            Suspected::TwoHumans(id) => format!("shares the id `{}` with {other}", people.text(*id)),
        };
        text.push_str(&format!("  {}; policy/persons.toml decides it\n", visible(&why)));
    }
    text
}
