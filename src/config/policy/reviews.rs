//! `reviews.toml`: what has to be reviewed and how often, the campaigns in which that is done, and the decisions of each, from a CSV
//! file beside it.
//!
//! ```text
//!   system,principal,access,resource,reviewer,decision,decided_at
//!   crm,c1004,CRM audit,,joy.jansen@acme.example,revoke,2026-10-05T09:30:00Z
//!   crm,c1010,admin,,ada.alvarez@acme.example,keep,2026-10-05T09:41:12Z
//!   crm,c1003,user,,joy.jansen@acme.example,,
//! ```
//!
//! A row is one question that a campaign asks; without a decision it is undecided, and the campaign is not complete. Other columns
//! are left alone. A file that cannot be read is refused: half a review must not look like a whole one.

use std::path::Path;
use std::sync::Arc;

use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::Value as Json;
use toml::Spanned;

use super::{day, known_system, tables};
use crate::diagnostic::{Diagnostic, Place, SourceText, similar};

/// Columns of a campaign's file, and whether there has to be one.
const COLUMNS: [(&str, bool); 7] = [
    ("system", true),
    ("principal", true),
    ("access", true),
    ("resource", false),
    ("reviewer", true),
    ("decision", true),
    ("decided_at", true),
];

/// What has to be reviewed, and what was.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Reviews {
    /// Systems that have to be reviewed, in file order.
    pub scopes: Vec<ReviewScope>,
    /// Campaigns, in file order.
    pub campaigns: Vec<Campaign>,
    /// What the campaigns ask, campaign by campaign, in file order.
    pub items: Vec<ReviewItem>,
}

impl Reviews {
    /// The campaign that an item is of.
    pub fn campaign_of(&self, item: &ReviewItem) -> &Campaign {
        // INVARIANT: `read` numbers items by the campaign that it has just pushed.
        &self.campaigns[item.campaign]
    }
}

/// A system that has to be reviewed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReviewScope {
    /// System name.
    pub system: String,
    /// Days within which every access has to be decided again.
    pub every_days: u16,
    /// Who answers for it.
    pub owner: Option<String>,
    /// Where it is written.
    pub place: Place,
}

/// A campaign.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Campaign {
    /// Its id.
    pub id: String,
    /// Systems that it covers.
    pub systems: Vec<String>,
    /// Its first day.
    pub opened: Date,
    /// Its last day.
    pub deadline: Date,
    /// Where it is written.
    pub place: Place,
}

/// One question of a campaign: whether somebody keeps an access.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReviewItem {
    /// Place of the campaign in [`Reviews::campaigns`].
    pub campaign: usize,
    /// System name.
    pub system: String,
    /// The account or group, by id, sign-in or native name.
    pub principal: String,
    /// The group or entitlement, by id or name.
    pub access: String,
    /// The resource it is held on, by id or name.
    pub resource: Option<String>,
    /// Who decides.
    pub reviewer: String,
    /// What was decided; `None` while nothing is.
    pub decision: Option<Decided>,
    /// Where it is written.
    pub place: Place,
}

/// A decision of a review.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Decided {
    /// Whether the access stays.
    pub keeps: bool,
    /// When it was decided; the first moment of the day in UTC where only the day is told.
    pub at: Timestamp,
    /// Whether more than the day is told.
    pub is_exact: bool,
}

/// The whole file.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(title = "policy/reviews.toml")]
struct ReviewsFile {
    /// Systems that have to be reviewed.
    #[serde(default)]
    #[schemars(with = "Vec<ScopeTable>")]
    scope: Vec<Spanned<ScopeTable>>,
    /// Campaigns.
    #[serde(default)]
    #[schemars(with = "Vec<CampaignTable>")]
    campaign: Vec<Spanned<CampaignTable>>,
}

/// A system that has to be reviewed.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct ScopeTable {
    /// A system of muster.toml.
    #[schemars(with = "String")]
    system: Spanned<String>,
    /// Days within which every access has to be decided again (PCI DSS 7.2.4: six months; DORA RTS 21(e)(iv): a year).
    #[schemars(with = "u16", range(min = 1))]
    every_days: Spanned<u16>,
    /// Who answers for it.
    owner: Option<String>,
}

/// A campaign.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct CampaignTable {
    /// A short stable name.
    #[schemars(with = "String")]
    id: Spanned<String>,
    /// Systems of muster.toml that it covers.
    #[schemars(with = "Vec<String>", length(min = 1))]
    systems: Vec<Spanned<String>>,
    /// Its first day.
    #[schemars(with = "String")]
    opened: Spanned<toml::value::Datetime>,
    /// Its last day.
    #[schemars(with = "String")]
    deadline: Spanned<toml::value::Datetime>,
    /// The CSV file of its decisions, counted from the policy folder: system, principal, access, resource, reviewer, decision,
    /// decided_at.
    #[schemars(with = "String")]
    file: Spanned<String>,
}

/// The published JSON Schema of the file.
pub(super) fn schema() -> Json {
    schemars::schema_for!(ReviewsFile).to_value()
}

/// The reviews of a file; `folder` is the policy folder, `known` are the systems of the config.
pub(super) fn read(
    file: &Arc<SourceText>,
    folder: &Path,
    known: &[String],
    files: &mut Vec<Arc<SourceText>>,
    problems: &mut Vec<Diagnostic>,
) -> Reviews {
    let Some(tables) = tables::<ReviewsFile>(file, problems) else { return Reviews::default() };
    let mut reviews = Reviews::default();
    for table in tables.scope {
        let place = Place::new(file, table.span());
        let ScopeTable { system, every_days, owner } = table.into_inner();
        problems.extend(known_system(file, &system, known));
        if *every_days.get_ref() == 0 {
            problems.push(
                Diagnostic::error("CFG010", "`every_days` is 0")
                    .place(Place::new(file, every_days.span()))
                    .fix("write the days within which every access has to be decided again, as 180"),
            );
        }
        let (system, every_days) = (system.into_inner(), every_days.into_inner());
        reviews.scopes.push(ReviewScope { system, every_days, owner, place });
    }
    let mut seen = std::collections::BTreeMap::new();
    for table in tables.campaign {
        let place = Place::new(file, table.span());
        let CampaignTable { id, systems, opened, deadline, file: path } = table.into_inner();
        super::roles::unique(file, &id, "campaign", &mut seen, problems);
        problems.extend(systems.iter().filter_map(|system| known_system(file, system, known)));
        let days = (day(file, "opened", &opened, problems), day(file, "deadline", &deadline, problems));
        let (Some(first), Some(last)) = days else { continue };
        if last < first {
            problems.push(
                Diagnostic::error("CFG010", format!("the campaign `{}` ends before it begins", id.get_ref()))
                    .place(Place::new(file, deadline.span()))
                    .fix("correct `opened` or `deadline`"),
            );
        }
        let systems: Vec<String> = systems.into_iter().map(Spanned::into_inner).collect();
        let campaign = Campaign { id: id.into_inner(), systems, opened: first, deadline: last, place };
        let number = reviews.campaigns.len();
        match std::fs::read_to_string(folder.join(path.get_ref())) {
            Ok(text) => {
                let shown = Path::new(&file.path).with_file_name(path.get_ref()).display().to_string();
                let text = Arc::new(SourceText { path: shown, text });
                files.push(Arc::clone(&text));
                reviews.items.extend(items(&text, number, &campaign, problems));
            }
            Err(error) => problems.push(
                Diagnostic::error("CFG010", format!("cannot read the decisions of the campaign `{}`", campaign.id))
                    .place(Place::new(file, path.span()))
                    .cause(error.to_string())
                    .fix("write the path from the policy folder to the campaign's CSV file"),
            ),
        }
        reviews.campaigns.push(campaign);
    }
    reviews
}

/// The rows of a campaign's file.
fn items(
    file: &Arc<SourceText>,
    number: usize,
    campaign: &Campaign,
    problems: &mut Vec<Diagnostic>,
) -> Vec<ReviewItem> {
    let mut reader = csv::ReaderBuilder::new().trim(csv::Trim::All).from_reader(file.text.as_bytes());
    let headings: Vec<String> = match reader.headers() {
        Ok(row) => row.iter().map(|heading| heading.trim_start_matches('\u{feff}').to_lowercase()).collect(),
        Err(error) => {
            problems.push(Diagnostic::error("CFG010", "this is no CSV").cause(error.to_string()).place(start(file)));
            return Vec::new();
        }
    };
    let places = COLUMNS.map(|(column, _)| headings.iter().position(|heading| heading == column));
    for ((column, _), _) in COLUMNS.iter().zip(places).filter(|((_, needed), place)| *needed && place.is_none()) {
        let near = similar(column, headings.iter().map(String::as_str));
        problems.push(Diagnostic::error("CFG010", format!("there is no column `{column}`")).place(start(file)).fix(
            near.map_or_else(
                || format!("the first row names the columns: {}", COLUMNS.map(|(name, _)| name).join(", ")),
                |near| format!("rename `{near}`"),
            ),
        ));
    }
    let mut items = Vec::new();
    if COLUMNS.iter().zip(places).any(|((_, needed), place)| *needed && place.is_none()) {
        return items;
    }
    for row in reader.records() {
        let row = match row {
            Ok(row) => row,
            Err(error) => {
                problems.push(
                    Diagnostic::error("CFG010", "a row cannot be read")
                        .cause(error.to_string())
                        .place(error.position().map_or_else(|| start(file), |at| line(file, at.byte()))),
                );
                continue;
            }
        };
        let begin = row.position().map_or(0, csv::Position::byte);
        let place = line(file, begin);
        let cell = |column: usize| places[column].and_then(|place| row.get(place)).unwrap_or_default();
        match item(cell, number, campaign, place.clone()) {
            Ok(item) => items.push(item),
            Err((what, fix)) => problems.push(Diagnostic::error("CFG010", what).place(place).fix(fix)),
        }
    }
    items
}

/// A row, or what is wrong with it and what to do.
fn item<'c>(
    cell: impl Fn(usize) -> &'c str,
    number: usize,
    campaign: &Campaign,
    place: Place,
) -> Result<ReviewItem, (String, String)> {
    for (column, name) in [(0, "system"), (1, "principal"), (2, "access"), (4, "reviewer")] {
        if cell(column).is_empty() {
            return Err((format!("the row has no `{name}`"), "a row names who holds what, and who decides".to_owned()));
        }
    }
    let system = cell(0).to_owned();
    if !campaign.systems.contains(&system) {
        let fix = format!("add it to `systems` of `{}`, or correct the row", campaign.id);
        return Err((format!("the campaign `{}` does not cover the system `{system}`", campaign.id), fix));
    }
    let keeps = match cell(5).to_lowercase().as_str() {
        "keep" | "kept" | "approve" | "approved" | "certify" | "certified" | "maintain" => Some(true),
        "revoke" | "revoked" | "remove" | "removed" | "reject" | "rejected" | "deny" | "denied" => Some(false),
        "" | "open" | "pending" | "undecided" => None,
        other => {
            return Err((format!("`{other}` is no decision"), "write `keep`, `revoke` or nothing".to_owned()));
        }
    };
    let decision = match (keeps, instant(cell(6))) {
        (None, _) => None,
        (Some(keeps), Some((at, is_exact))) => Some(Decided { keeps, at, is_exact }),
        (Some(_), None) => {
            let fix = "write an instant, as 2026-10-05T09:30:00Z, or a day".to_owned();
            return Err((format!("`{}` is no `decided_at`", cell(6)), fix));
        }
    };
    Ok(ReviewItem {
        campaign: number,
        system,
        principal: cell(1).to_owned(),
        access: cell(2).to_owned(),
        resource: Some(cell(3)).filter(|text| !text.is_empty()).map(str::to_owned),
        reviewer: cell(4).to_owned(),
        decision,
        place,
    })
}

/// An instant, or the first moment of a day in UTC; and whether it is more than a day.
fn instant(text: &str) -> Option<(Timestamp, bool)> {
    if let Ok(at) = text.parse::<Timestamp>() {
        return Some((at, true));
    }
    let day: Date = text.parse().ok().filter(|_| text.len() == "2026-10-05".len())?;
    Some((day.to_zoned(TimeZone::UTC).ok()?.timestamp(), false))
}

fn start(file: &Arc<SourceText>) -> Place {
    line(file, 0)
}

/// The line from a byte on.
fn line(file: &Arc<SourceText>, from: u64) -> Place {
    let from = usize::try_from(from).unwrap_or_default().min(file.text.len());
    let rest = &file.text.as_bytes()[from..];
    let skipped = rest.iter().take_while(|byte| matches!(byte, b'\r' | b'\n')).count();
    let length = rest[skipped..].iter().take_while(|byte| !matches!(byte, b'\r' | b'\n')).count();
    Place::new(file, from + skipped..from + skipped + length)
}

#[cfg(test)]
mod tests {
    use super::*;

    const FILE: &str = "[[scope]]\nsystem = \"crm\"\nevery_days = 180\n\n[[campaign]]\nid = \"q3\"\nsystems = [\"crm\"]\n\
        opened = 2026-09-01\ndeadline = 2026-09-30\nfile = \"q3.csv\"\n";
    const ROWS: &str = "system,principal,access,resource,reviewer,decision,decided_at,comment\n\
        crm,c1,admin,,E9,Revoke,2026-09-12T08:00:00Z,\"no, not any more\"\n\
        crm,c2,user,north,E9,keep,2026-09-13,\n\
        crm,c3,user,,E9,,,\n";

    fn read_text(text: &str, rows: &str) -> (Reviews, Vec<Diagnostic>) {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("q3.csv"), rows).unwrap();
        let file = Arc::new(SourceText { path: "policy/reviews.toml".to_owned(), text: text.to_owned() });
        let mut problems = Vec::new();
        let reviews = read(&file, folder.path(), &["crm".to_owned()], &mut Vec::new(), &mut problems);
        (reviews, problems)
    }

    #[test]
    fn decisions_are_read_with_instants_days_and_what_is_open() {
        let (reviews, problems) = read_text(FILE, ROWS);
        assert_eq!(problems, []);
        assert_eq!(reviews.scopes[0].every_days, 180);
        let told: Vec<_> = reviews.items.iter().map(|item| item.decision.map(|it| (it.keeps, it.is_exact))).collect();
        assert_eq!(told, [Some((false, true)), Some((true, false)), None]);
        assert_eq!(reviews.items[1].resource.as_deref(), Some("north"));
        assert_eq!(reviews.items[2].place.to_string(), "policy/q3.csv:4:1");
    }

    #[test]
    fn what_is_wrong_is_refused_where_it_stands() {
        for (text, rows, what) in [
            (FILE, ROWS.replace("Revoke", "maybe"), "`maybe` is no decision"),
            (FILE, ROWS.replace("2026-09-13", "13.9."), "`13.9.` is no `decided_at`"),
            (FILE, ROWS.replace("crm,c3", "erp,c3"), "the campaign `q3` does not cover the system `erp`"),
            (FILE, ROWS.replace("crm,c3,user", "crm,,user"), "the row has no `principal`"),
            (FILE, ROWS.replace("decided_at", "decided"), "there is no column `decided_at`"),
            (&*FILE.replace("q3.csv", "q4.csv"), ROWS.to_owned(), "cannot read the decisions of the campaign `q3`"),
            (&*FILE.replace("2026-09-30", "2026-08-30"), ROWS.to_owned(), "the campaign `q3` ends before it begins"),
            (&*FILE.replace("180", "0"), ROWS.to_owned(), "`every_days` is 0"),
        ] {
            let (_, problems) = read_text(text, &rows);
            assert_eq!(problems.iter().map(|problem| problem.what.as_str()).collect::<Vec<_>>(), [what]);
            assert!(problems[0].place.is_some() && problems[0].fix.is_some(), "{what}");
        }
    }
}
