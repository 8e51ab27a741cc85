//! Rows for spreadsheets and scripts: the findings, or the population the rules were asked about.
//!
//! Comma-separated with a header line, UTF-8 without a byte-order mark. Lines end in LF rather than RFC 4180's CRLF: line
//! tools and version control read the rows as they are, and every CSV reader takes both. A row is always one line: control
//! characters are shown as `\n` or `\u{…}`. A cell that a spreadsheet would take for a formula starts with `'`; whoever
//! needs the exact text takes JSON.
//!
//! A list of findings that is short because a system was not read would look like a good one, so the rows of `csv` say
//! what they are in the first column: `finding`, `not-read` (a part that was not read completely) or `not-evaluated` (a
//! rule that could not judge all of its subjects). Likewise `csv-link-changes` has a row `not-compared` where there was no
//! earlier check to compare with.

use std::io::{self, Write};

use crate::Look;
use crate::escape::{formula_safe, visible};
use crate::format;
use crate::view::{AccountRow, Evidence, Finding, GrantRow, LinkChange, Population, RuleSummary, Step, View};

/// Columns of `csv`. `controls` are separated by `; `, so are the steps of `path` and the rows of `evidence`.
const FINDINGS: [&str; 19] = [
    "row",
    "fingerprint",
    "rule",
    "slug",
    "title",
    "severity",
    "severity_reason",
    "kind",
    "system",
    "id",
    "name",
    "person",
    "message",
    "controls",
    "fix",
    "path",
    "evidence",
    "first_seen",
    "last_seen",
];

/// Columns of `csv-accounts`: the fields of [`AccountRow`].
const ACCOUNTS: [&str; 11] = [
    "system",
    "id",
    "login",
    "name",
    "class",
    "lifecycle",
    "person",
    "situation",
    "privilege",
    "last_activity",
    "scope_state",
];

/// Columns of `csv-grants`: the fields of [`GrantRow`].
const GRANTS: [&str; 8] = [
    "system",
    "principal",
    "principal_name",
    "principal_kind",
    "entitlement",
    "entitlement_name",
    "resource",
    "privilege",
];

/// Columns of `csv-link-changes`: the fields of [`LinkChange`], its two ends apart, and the snapshot that was compared with.
const LINK_CHANGES: [&str; 14] = [
    "change",
    "since",
    "system",
    "account",
    "name",
    "before",
    "before_name",
    "before_strategy",
    "before_confidence",
    "after",
    "after_name",
    "after_strategy",
    "after_confidence",
    "cause",
];

/// Writes the findings and what stands against them.
pub(crate) fn findings(view: &View, _: &dyn Population, _: Look, out: &mut dyn Write) -> io::Result<()> {
    let mut rows = Rows::new(out, &FINDINGS)?;
    let unread = format::unread(view);
    if !view.outcome.complete && !unread.iter().any(format::Unread::hides_rows) {
        rows.write(&gap_row("", "", &view.outcome.reason, ""))?;
    }
    for part in &unread {
        let place = part.place();
        if part.gaps.is_empty() {
            rows.write(&gap_row(part.system, &place, &says(part, ""), ""))?;
        }
        for gap in part.gaps {
            let cause = gap.cause.as_deref().map(|cause| format!(": {cause}")).unwrap_or_default();
            let at = gap.at.as_deref().map(|at| format!(" at {at}")).unwrap_or_default();
            let what = format!("; {} {}{at}{cause}", gap.code, gap.what);
            rows.write(&gap_row(part.system, &place, &says(part, &what), gap.fix.as_deref().unwrap_or_default()))?;
        }
    }
    for rule in &view.rules {
        if let Some(why) = format::not_evaluated(rule) {
            rows.write(&open_row(rule, &why))?;
        }
    }
    for finding in &view.findings {
        rows.write(&finding_row(finding))?;
    }
    rows.finish()
}

/// Streams every account.
pub(crate) fn accounts(_: &View, population: &dyn Population, _: Look, out: &mut dyn Write) -> io::Result<()> {
    let mut rows = Rows::new(out, &ACCOUNTS)?;
    population.accounts(&mut |row| {
        let AccountRow {
            system,
            id,
            login,
            name,
            class,
            lifecycle,
            person,
            situation,
            privilege,
            last_activity,
            scope_state,
        } = row;
        rows.write(&[
            system,
            id,
            login,
            name,
            class,
            lifecycle,
            person,
            situation,
            privilege,
            last_activity,
            scope_state,
        ])
    })?;
    rows.finish()
}

/// Streams every grant.
pub(crate) fn grants(_: &View, population: &dyn Population, _: Look, out: &mut dyn Write) -> io::Result<()> {
    let mut rows = Rows::new(out, &GRANTS)?;
    population.grants(&mut |row| {
        let GrantRow {
            system,
            principal,
            principal_name,
            principal_kind,
            entitlement,
            entitlement_name,
            resource,
            privilege,
        } = row;
        rows.write(&[
            system,
            principal,
            principal_name,
            principal_kind,
            entitlement,
            entitlement_name,
            resource,
            privilege,
        ])
    })?;
    rows.finish()
}

/// Streams every link that is not what it was.
pub(crate) fn link_changes(view: &View, population: &dyn Population, _: Look, out: &mut dyn Write) -> io::Result<()> {
    let mut rows = Rows::new(out, &LINK_CHANGES)?;
    let Some(churn) = &view.people.churn else {
        let row = LINK_CHANGES.map(|column| match column {
            "change" => "not-compared".to_owned(),
            "cause" => "there is no earlier check to compare the links with".to_owned(),
            _ => String::new(),
        });
        rows.write(&row)?;
        return rows.finish();
    };
    let since = churn.since.to_string();
    population.link_changes(&mut |row| {
        let LinkChange { change, system, account, name, before, after, cause } = row;
        let mut cells = vec![change, since.clone(), system, account, name];
        for end in [before, after] {
            match end {
                Some(end) => cells.extend([end.person, end.name, end.strategy, end.confidence.to_string()]),
                None => cells.extend([const { String::new() }; 4]),
            }
        }
        cells.push(cause);
        rows.write(&cells)
    })?;
    rows.finish()
}

fn finding_row(finding: &Finding) -> [String; 19] {
    let subject = &finding.subject;
    [
        "finding".to_owned(),
        finding.fingerprint.clone(),
        finding.rule.clone(),
        finding.slug.clone(),
        finding.title.clone(),
        finding.severity.to_string(),
        finding.severity_reason.clone().unwrap_or_default(),
        subject.kind.clone(),
        subject.system.clone().unwrap_or_default(),
        subject.id.clone(),
        subject.name.clone(),
        subject.person.clone().unwrap_or_default(),
        finding.message.clone(),
        finding.controls.join("; "),
        finding.fix.clone(),
        finding.path.iter().map(step).collect::<Vec<_>>().join("; "),
        finding.evidence.iter().map(evidence).collect::<Vec<_>>().join("; "),
        finding.first_seen.to_string(),
        finding.last_seen.to_string(),
    ]
}

/// A part that was not read; only the columns that tell of it are filled.
fn gap_row(system: &str, place: &str, message: &str, fix: &str) -> [String; 19] {
    let scope = [("kind", "scope"), ("system", system), ("id", place), ("name", place)];
    row(&[&scope[..], &[("row", "not-read"), ("message", message), ("fix", fix)]].concat())
}

/// A rule that could not judge all of its subjects.
fn open_row(rule: &RuleSummary, why: &str) -> [String; 19] {
    let RuleSummary { rule: id, slug, title, controls, .. } = rule;
    let about = [("rule", id.as_str()), ("slug", slug), ("title", title), ("controls", &controls.join("; "))];
    row(&[&about[..], &[("row", "not-evaluated"), ("message", why)]].concat())
}

/// A row of [`FINDINGS`] with these columns filled.
fn row(cells: &[(&str, &str)]) -> [String; 19] {
    FINDINGS.map(|column| {
        cells.iter().find(|(name, _)| *name == column).map(|(_, text)| *text).unwrap_or_default().to_owned()
    })
}

fn says(part: &format::Unread<'_>, what: &str) -> String {
    let withheld =
        if part.withheld.is_empty() { String::new() } else { format!("; withheld: {}", part.withheld.join(", ")) };
    format!("{}, {}{what}{withheld}", part.state, part.extent())
}

/// `from -relation-> to (system) if condition`.
fn step(step: &Step) -> String {
    let condition = step.condition.as_deref().map(|condition| format!(" if {condition}")).unwrap_or_default();
    format!("{} -{}-> {} ({}){condition}", step.from, step.relation, step.to, step.system)
}

/// `system/table/id column=value column=value`.
fn evidence(row: &Evidence) -> String {
    let mut parts = vec![format!("{}/{}/{}", row.system, row.table, row.id)];
    parts.extend(row.facts.iter().map(|(column, value)| format!("{column}={value}")));
    parts.join(" ")
}

/// A CSV writer that makes every cell safe.
struct Rows<'a>(csv::Writer<&'a mut dyn Write>);

impl<'a> Rows<'a> {
    fn new(out: &'a mut dyn Write, header: &[&str]) -> io::Result<Self> {
        let mut writer = csv::Writer::from_writer(out);
        writer.write_record(header)?;
        Ok(Self(writer))
    }

    fn write(&mut self, cells: &[String]) -> io::Result<()> {
        for cell in cells {
            // First against the original: a tab or carriage return at the start is no longer one once it is shown.
            let safe = formula_safe(cell);
            self.0.write_field(visible(&safe).as_bytes())?;
        }
        Ok(self.0.write_record(None::<&[u8]>)?)
    }

    fn finish(mut self) -> io::Result<()> {
        self.0.flush()
    }
}
