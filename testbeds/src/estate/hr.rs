//! The two HR feeds: `hr/people.csv` as a Workday report, `hr/contractors.csv` as somebody's spreadsheet.

use super::clock::{european, iso};
use super::company::{Company, Feed, Person, Status};

const PEOPLE: [&str; 17] = [
    "Worker ID",
    "Position ID",
    "Legal Name",
    "Preferred Name",
    "Work Email",
    "Status",
    "Worker Type",
    "Hire Date",
    "Last Day",
    "Manager ID",
    "Department",
    "Job Title",
    "Location",
    "Cost Centre",
    "Time Zone",
    "Effective",
    "Recorded",
];

/// The columns of the contractors' spreadsheet, in its order.
pub(crate) const CONTRACTORS: &str = "Vertragsnr;Name;E-Mail;Firma;Art;Beginn;Ende;Verantwortlich;Status;Ort;Abteilung";

/// `hr/people.csv`: UTF-8, commas, ISO dates. `keep` says which employments the export contains.
pub(crate) fn people(company: &Company, keep: impl Fn(&Person) -> bool) -> String {
    let mut writer = csv::Writer::from_writer(Vec::new());
    writer.write_record(PEOPLE).expect("memory takes any record");
    for person in company.people.iter().filter(|person| person.feed == Feed::Hr && keep(person)) {
        let legal = match &person.former {
            Some(_) => format!("{} Kellermann-Brandtner", person.given),
            None => person.name(),
        };
        let centre = format!("CC-{:04}", 1000 + 10 * person.department.len());
        let row = [
            person.id.clone(),
            format!("P-{}-{}", person.id, person.hire.year()),
            legal,
            person.name(),
            person.email(),
            status(person).to_owned(),
            person.worker_type.to_owned(),
            person.hire.to_string(),
            person.last_day.map(|last| last.to_string()).unwrap_or_default(),
            person.manager.clone(),
            person.department.to_owned(),
            person.title.to_owned(),
            person.place.city.to_owned(),
            centre,
            person.place.zone.to_owned(),
            person.effective.map(iso).unwrap_or_default(),
            iso(person.recorded),
        ];
        writer.write_record(row).expect("memory takes any record");
    }
    String::from_utf8(writer.into_inner().expect("memory is always flushed")).expect("only text was written")
}

fn status(person: &Person) -> &'static str {
    match person.status {
        Status::Active => "Active",
        Status::Leave => "On Leave",
        Status::Terminated => "Terminated",
        Status::Future => "Pre-Hire",
    }
}

/// `hr/contractors.csv`: Windows-1252, semicolons, German dates, under the header given.
pub(crate) fn contractors(company: &Company, header: &str) -> Vec<u8> {
    let mut text = format!("{header}\n");
    for person in company.people.iter().filter(|person| person.feed == Feed::Contractors) {
        let status = if person.status == Status::Terminated { "beendet" } else { "aktiv" };
        let row = [
            person.id.clone(),
            person.name(),
            person.email(),
            person.company.to_owned(),
            person.worker_type.to_owned(),
            european(person.hire),
            person.last_day.map(european).unwrap_or_default(),
            person.manager.clone(),
            status.to_owned(),
            person.place.city.to_owned(),
            person.department.to_owned(),
        ];
        text.push_str(&row.join(";"));
        text.push('\n');
    }
    windows_1252(&text)
}

/// Text in Windows-1252, for the letters that the contractors' names use: those below U+0100 keep their number, and the
/// few that Windows put into 0x80–0x9F are named. Anything else loses its mark, as it did in the spreadsheet.
fn windows_1252(text: &str) -> Vec<u8> {
    text.chars()
        .map(|letter| match letter {
            'Š' => 0x8a,
            'š' => 0x9a,
            'Ž' => 0x8e,
            'ž' => 0x9e,
            '\u{a0}'..='\u{ff}' | '\0'..='\u{7f}' => u8::try_from(u32::from(letter)).expect("below U+0100"),
            other => super::company::ascii(&other.to_string()).bytes().next().filter(u8::is_ascii).unwrap_or(b'?'),
        })
        .collect()
}
