//! Sign-on through Okta, which HR feeds since March: who is in it, in which groups, and what these groups let people in to.
//!
//! Okta, GitHub and Slack are read through the manifests of the catalogue, from exchanges as `muster connectors record` would write
//! them: `okta/exchanges.json` and so on. AWS Identity Center stands beside the organisation's other answers.

mod github;
mod identity_center;
mod okta;
mod slack;

use jiff::Timestamp;

use super::Files;
use super::clock::{NOW, at, day, iso};
use super::company::{Company, Feed, Holds, Person, Status, account_made};
use super::json::{Json, object};
use super::rng::Rng;
use super::truth::Truth;

/// The day on which Okta came: nobody has an older account there, and who had left before has none.
const SINCE: &str = "2026-03-02T08:00:00Z";

/// A group of Okta: its name, what it is for, whether a rule fills it.
const GROUPS: [(&str, &str, bool); 9] = [
    ("engineering", "Engineering, by department", true),
    ("research", "Research, Data & Insight, by department", true),
    ("design", "Marketing, by department", true),
    ("gh-platform", "Pushed to GitHub: team platform", false),
    ("gh-payments", "Pushed to GitHub: team payments", false),
    ("gh-quality", "Pushed to GitHub: team quality", false),
    ("gh-data", "Pushed to GitHub: team data", false),
    ("aws-developers", "Pushed to AWS Identity Center", false),
    ("slack-oncall", "Pushed to Slack: user group oncall", false),
];

/// Applications of Okta: the vendor's name, the label, and the groups that are assigned it.
const APPS: [(&str, &str, &[&str]); 4] = [
    ("amazon_aws_sso", "AWS IAM Identity Center", &["aws-developers"]),
    ("figma", "Figma", &["design"]),
    ("github_enterprise_organization", "GitHub", &["engineering", "research"]),
    ("slack", "Slack", &["Everyone"]),
];

/// Who is assigned GitHub by name: they run it and are in neither department.
const OWNERS: [&str; 2] = ["ingrid.vestergaard", "rafael.monteiro"];

/// Somebody whom Okta knows.
struct Member<'a> {
    person: &'a Person,
    status: &'static str,
    groups: Vec<&'static str>,
}

/// Writes what the four systems answered, and the policy about them; plants what is wrong there.
pub(crate) fn write(company: &Company, truth: &mut Truth, files: &mut Files) {
    let members = members(company);
    okta::write(&members, truth, files);
    github::write(company, &members, truth, files);
    slack::write(company, &members, truth, files);
    identity_center::write(&members, files);
    files.text("policy/assignments.toml", ASSIGNMENTS);
    for local in ["tomasz.wieczorek", "priya.raghunathan", "bartholomew.quillfeather"] {
        let person = company.get(local);
        let why = format!(
            "{}; the account at Okta, which HR feeds, is switched off, and the one in Slack with it",
            person.story
        );
        truth.finding("LCM-003", "hr", &person.id, person.case, why);
    }
}

const ASSIGNMENTS: &str = r#"# Groups that Okta pushes: their members, and nobody else, hold that access.

[[assignment]]
provider = "okta"
group    = "gh-platform"
app      = "github"
access   = "platform"

[[assignment]]
provider = "okta"
group    = "gh-payments"
app      = "github"
access   = "payments"

[[assignment]]
provider = "okta"
group    = "gh-quality"
app      = "github"
access   = "quality"

[[assignment]]
provider = "okta"
group    = "gh-data"
app      = "github"
access   = "data"

[[assignment]]
provider = "okta"
group    = "aws-developers"
app      = "aws"
access   = "aws-developers"

[[assignment]]
provider = "okta"
group    = "slack-oncall"
app      = "slack"
access   = "oncall"
"#;

/// The systems' tables in `muster.toml`.
pub(crate) fn config(folder: &str) -> String {
    ["okta", "github", "slack"].iter().fold(String::new(), |text, system| {
        text + &format!(
            "\n[[system]]\nname      = \"{system}\"\nconnector = \"{system}\"\nexchanges = \"{folder}{system}\"\n"
        )
    })
}

/// What the inventory says of applications.
pub(crate) const APPLICATIONS: &str = r#"
# Which application of an identity provider is which system. GitHub and Slack bear the systems' names and need no line.
[[application]]
provider    = "okta"
application = "AWS IAM Identity Center"
system      = "aws"
"#;

/// Everybody of the HR feed who has been at work since Okta came. Externals are not in it.
fn members(company: &Company) -> Vec<Member<'_>> {
    let known = company.people.iter().filter(|person| {
        let gone_before = person.has_left() && person.last_day.is_some_and(|last| last < day("2026-03-02"));
        person.feed == Feed::Hr && person.ad != Holds::Nothing && !gone_before
    });
    let mut members: Vec<Member<'_>> = known
        .map(|person| {
            let status = match person.status {
                Status::Future => "STAGED",
                Status::Terminated if person.has_left() => "DEPROVISIONED",
                Status::Active | Status::Leave | Status::Terminated => "ACTIVE",
            };
            Member { person, status, groups: Vec::new() }
        })
        .collect();
    for member in members.iter_mut().filter(|member| member.status != "DEPROVISIONED") {
        member.groups.push("Everyone");
    }
    for member in members.iter_mut().filter(|member| member.status == "ACTIVE") {
        match member.person.department {
            "Engineering" => {
                member.groups.push("engineering");
                member.groups.push(*member.person.rng("team").pick(&["gh-platform", "gh-payments", "gh-quality"]));
            }
            "Research, Data & Insight" => {
                member.groups.push("research");
                if member.person.rng("team").chance(70) {
                    member.groups.push("gh-data");
                }
            }
            "Marketing" => member.groups.push("design"),
            _ => {}
        }
    }
    // Of the engineers in whom nothing is wrong some have AWS by Identity Center, others have IAM users (aws.rs takes every fifth).
    let mut plain = members.iter_mut().filter(|member| {
        member.groups.contains(&"engineering")
            && member.person.case.is_empty()
            && member.person.worker_type == "Employee"
            && member.person.id.as_str() > "005000"
    });
    for (number, member) in (0..).zip(&mut plain) {
        if number % 5 == 3 {
            member.groups.push("aws-developers");
        }
        if number % 5 == 1 {
            member.groups.push("slack-oncall");
        }
    }
    members
}

impl Member<'_> {
    /// Whether Okta lets the member in to an application.
    fn is_assigned(&self, label: &str) -> bool {
        let by_name = label == "GitHub" && OWNERS.contains(&self.person.local.as_str());
        let (.., groups) = APPS.iter().find(|(_, known, _)| *known == label).expect("an application of the list");
        self.status == "ACTIVE" && (by_name || groups.iter().any(|group| self.groups.contains(group)))
    }

    /// Okta's id of the member.
    fn id(&self) -> String {
        okta::user_id(&self.person.local)
    }

    /// When an account that Okta provides was made: with the person's own start, or when Okta came.
    fn made(&self, purpose: &str) -> Timestamp {
        account_made(self.person, purpose).max(at(SINCE))
    }
}

/// An id of letters and digits that belongs to `name` for ever.
fn id_of(prefix: &str, letters: &[u8], length: usize, name: &str) -> String {
    let mut rng = Rng::of(name);
    (0..length).fold(prefix.to_owned(), |mut id, _| {
        id.push(char::from(*rng.pick(letters)));
        id
    })
}

/// Exchanges as they are put together.
#[derive(Default)]
struct Exchanges(Vec<Json>);

impl Exchanges {
    /// A request and its reply.
    fn add(&mut self, request: impl Into<String>, reply: Json) {
        self.0.push(object! { "request" => request.into(), "reply" => reply });
    }

    /// A request and its reply with one header.
    fn with_header(&mut self, request: impl Into<String>, header: &str, value: String, reply: Json) {
        self.0.push(object! {
            "request" => request.into(), "reply_headers" => object! { header => value }, "reply" => reply,
        });
    }

    /// A list in pages of `size`: `request` names the page with its number from 0, `link` the address of one.
    fn pages(&mut self, rows: Vec<Json>, size: usize, address: impl Fn(usize) -> String, base: &str) {
        let pages: Vec<Vec<Json>> =
            if rows.is_empty() { vec![Vec::new()] } else { rows.chunks(size).map(<[Json]>::to_vec).collect() };
        let last = pages.len() - 1;
        for (number, page) in pages.into_iter().enumerate() {
            let request = format!("GET {}", address(number));
            if number < last {
                let next = format!("<{base}{}>; rel=\"next\"", address(number + 1));
                self.with_header(request, "link", next, Json::List(page));
            } else {
                self.add(request, Json::List(page));
            }
        }
    }

    /// `exchanges.json`, an exchange a line: what is read with `config`, signed in to by `auth`.
    fn file(self, recorded: &str, config: &Json, auth: &str) -> String {
        let lines: Vec<String> = self.0.iter().map(Json::compact).collect();
        format!(
            "{{\n\"now\": \"{recorded}\",\n\"config\": {},\n\"auth\": \"{auth}\",\n\"exchanges\": [\n{}\n]\n}}\n",
            config.compact(),
            lines.join(",\n")
        )
    }
}

/// An instant of the estate with its milliseconds, as Okta writes them.
fn millis(instant: Timestamp) -> String {
    iso(instant).replace('Z', ".000Z")
}

/// The instant at which a system was read, that many minutes before [`NOW`].
fn recorded(minutes: i64) -> String {
    iso(at(NOW) - jiff::SignedDuration::from_mins(minutes))
}
