//! What came back short one night later, and what must therefore not be concluded.

use super::Files;
use super::aws::{MANAGEMENT, PRODUCTION, SANDBOX};
use super::company::Company;
use super::hr;
use super::rng::Rng;
use super::truth::{Planted, Silent, Truth};

/// Of a hundred HR rows so many are missing. (The rows of the rehired come on top.)
const LOST_PERCENT: u64 = 35;

/// Breaks the files of the second night and says what follows.
pub(crate) fn apply(company: &Company, good: &Truth, files: &mut Files, truth: &mut Truth) {
    people(company, files, truth);
    contractors(company, files, truth);
    directory(files, truth);
    cloud(files, truth);
    truth.finding(
        "CTL-001",
        "payroll",
        "payroll",
        "inventory",
        "policy/inventory.toml lists the system; nothing collects it",
    );
    conclusions(truth);
    // A gap in one system is no reason to be blind in another one.
    truth.still = good.findings.iter().filter(|item| stands(item)).cloned().collect();
}

/// Whether a finding of the good night rests on nothing that is missing now: not on people, and not on a system or account
/// that was read in part.
fn stands(finding: &Planted) -> bool {
    let whole = matches!(finding.system.as_str(), "crm" | "expenses") || finding.subject.starts_with(SANDBOX);
    whole && matches!(finding.rule, "AUT-001" | "CRD-005" | "DOR-001" | "ORP-006" | "XPR-004")
}

/// More than a third of the rows is gone, among them the running employments of people who were rehired: read as a list of
/// who works here, the rest says that these have left.
fn people(company: &Company, files: &mut Files, truth: &mut Truth) {
    let rehired = |id: &str| company.people.iter().filter(|person| person.id == id).count() > 1;
    let kept = hr::people(company, |person| {
        let returned = (rehired(&person.id) || person.id == "004102") && person.last_day.is_none();
        !returned && !Rng::of(&format!("lost:{}", person.id)).chance(LOST_PERCENT)
    });
    files.text("hr/people.csv", kept);
    truth.finding(
        "CTL-003",
        "hr",
        "hr",
        "EDG-14",
        "the feed lost more than a third of its rows since the night before",
    );
}

/// The header moved by one column against the data: every name is there, and every value stands under the wrong one.
fn contractors(company: &Company, files: &mut Files, truth: &mut Truth) {
    let header = hr::CONTRACTORS.split_once(';').map_or_else(String::new, |(first, rest)| format!("{rest};{first}"));
    files.bytes("hr/contractors.csv", hr::contractors(company, &header));
    truth.finding(
        "CTL-002",
        "contractors",
        "people",
        "EDG-14",
        "under the shifted header no row has a date where one belongs",
    );
    truth.finding("CTL-003", "contractors", "contractors", "EDG-14", "the header differs from the night before");
}

/// The file ends in the middle of an entry, and without the count that `ldapsearch` writes last.
fn directory(files: &mut Files, truth: &mut Truth) {
    const MARK: &str = "\nobjectSid:: AQUAAAAAAAU";
    edit(files, "ad/corp.ldif", |text| {
        let middle = text.len() * 3 / 5;
        let cut = text[middle..].find(MARK).expect("the second half of the directory has accounts");
        text.truncate(middle + cut + MARK.len());
    });
    let why = "ad/corp.ldif ends within an entry, without its trailer";
    truth.finding("CTL-002", "corp-ad", "dc=acme,dc=example", "truncated", why);
}

/// One account's details are cut off, and in another one a policy document is unreadable.
fn cloud(files: &mut Files, truth: &mut Truth) {
    // As the API returns documents, URL-encoded, and cut off.
    const BROKEN: &str = r#""%7B%22Version%22%3A%222012-10-17%22%2C%22Statement%22%3A%5B%7B%22Eff""#;

    edit(files, &format!("aws/{PRODUCTION}/authorization-details.json"), |text| text.truncate(text.len() / 2));
    let why = "authorization-details.json of this account is cut off";
    truth.finding("CTL-002", "aws", format!("account/{PRODUCTION}"), "truncated", why);

    edit(files, &format!("aws/{MANAGEMENT}/authorization-details.json"), |text| {
        let policies = text.find("\"Policies\": [").expect("every account has policies");
        let policy = policies + text[policies..].find("\"PolicyName\": \"OpsBreakFix\"").expect("the policy exists");
        let open = policy + text[policy..].find("\"Document\": {").expect("it has a document") + "\"Document\": ".len();
        let close = open + text[open..].find("},\n").expect("the version goes on behind the document") + 1;
        text.replace_range(open..close, BROKEN);
    });
    let why = "the document of the policy OpsBreakFix cannot be read";
    truth.finding("CTL-002", "aws", format!("account/{MANAGEMENT}"), "unreadable", why);
}

fn edit(files: &mut Files, path: &str, change: impl FnOnce(&mut String)) {
    let bytes = files.0.remove(path).expect("the fault is in a file that was written");
    let mut text = String::from_utf8(bytes).expect("the file is UTF-8");
    change(&mut text);
    files.text(path, text);
}

/// What must not be concluded from the rest.
fn conclusions(truth: &mut Truth) {
    const EVERYWHERE: [&str; 6] = ["aws", "contractors", "corp-ad", "crm", "expenses", "hr"];
    let hr =
        "both HR feeds are suspect: who is missing there has not left, and who seems to have left may have returned";
    for rule in ["LCM-001", "LCM-003", "LCM-007", "LCM-008", "LCM-014", "ORP-001", "ORP-002", "ORP-005", "ORP-008"] {
        truth.silent.push(Silent { rule, systems: EVERYWHERE.to_vec(), why: hr.to_owned() });
    }
    truth.silent.push(Silent {
        rule: "ORP-006",
        systems: vec!["corp-ad"],
        why: "the directory was read in part: a member that is not in the file may be in the rest of it".to_owned(),
    });
    for (rule, subject, why) in [
        ("XPR-004", "svc-ci", "one of its policies is unreadable"),
        ("XPR-004", "svc-terraform", "its account was cut off"),
    ] {
        let account = if subject == "svc-ci" { MANAGEMENT } else { PRODUCTION };
        truth.undecided(rule, "aws", super::rng::aws_id_of("AIDA", &format!("{account}/{subject}")), "gap", why);
    }
}
