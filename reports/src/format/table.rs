//! The terminal: what happened first, what was not read next, then the findings, then the totals.
//!
//! Fits [`Look::width`] when it is given; without it nothing is cut or wrapped. Colour repeats what words say.

use std::io::{self, Write};

use comfy_table::{Attribute, Cell, CellAlignment, Color, ColumnConstraint, ContentArrangement, Table, Width};

use crate::Look;
use crate::escape::visible;
use crate::format::{self, Entry, Group, Standing, decided, links, minute, plural, short, thousands};
use crate::view::{Finding, Population, Severity, View};

/// Findings of one rule that are listed; `muster findings --rule` lists them all.
const LISTED: usize = 20;

/// Below this nothing readable fits any more: the terminal then wraps.
const NARROWEST: u16 = 40;

pub(crate) fn render(view: &View, _: &dyn Population, look: Look, out: &mut dyn Write) -> io::Result<()> {
    let mut screen = Screen { look, out };
    verdict(view, &mut screen)?;
    not_read(view, &mut screen)?;
    not_evaluated(view, &mut screen)?;
    findings(view, &mut screen)?;
    decided(view, &mut screen)?;
    rules(view, &mut screen)?;
    systems(view, &mut screen)?;
    people(view, &mut screen)?;
    links(view, &mut screen)
}

fn verdict(view: &View, screen: &mut Screen<'_>) -> io::Result<()> {
    let verdict = format::verdict(view);
    let colour = match verdict.standing {
        Standing::Passed => Color::Green,
        Standing::Open | Standing::Incomplete => Color::Yellow,
        Standing::Findings => view.live().map(|finding| finding.severity).max().map_or(Color::Reset, colour),
    };
    screen.rows(vec![vec![strong(&verdict.headline).fg(colour)]], &[])?;
    let origin = &view.origin;
    let text = format!("{} judged snapshot {} at {}", origin.tool, origin.snapshot, minute(origin.now));
    screen.rows(
        vec![vec![faint(&text)], vec![faint(&format!("exit code {}: {}", view.outcome.code, view.outcome.reason))]],
        &[],
    )
}

fn not_read(view: &View, screen: &mut Screen<'_>) -> io::Result<()> {
    let unread = format::unread(view);
    let incomplete = format::is_incomplete(view);
    if unread.is_empty() && !incomplete {
        return Ok(());
    }
    screen.heading(if incomplete { "NOT READ COMPLETELY" } else { "READ WITH LIMITS" }, Color::Yellow)?;
    let mut rows = Vec::new();
    if unread.is_empty() {
        rows.push(vec![strong("unknown").fg(Color::Yellow), plain("the run does not say which part")]);
    }
    for part in &unread {
        let state = strong(part.state).fg(if part.hides_rows() { Color::Yellow } else { Color::Reset });
        let text = format!("{}, {}", part.place(), part.extent());
        rows.push(vec![state, strong(&text)]);
        let mut says = |text: String| rows.push(vec![plain(""), plain(&text)]);
        for gap in part.gaps {
            says(format!("{} {}", gap.code, gap.what));
            gap.at.iter().for_each(|at| says(format!("at {at}")));
            gap.cause.iter().for_each(|cause| says(format!("cause: {cause}")));
            gap.fix.iter().for_each(|fix| says(format!("fix: {fix}")));
        }
        if !part.withheld.is_empty() {
            says(format!("withheld by the source: {}", part.withheld.join(", ")));
        }
    }
    screen.rows(rows, &[Fit::Content, Fit::Flexible])
}

/// Names the rules; the reasons stand with their totals.
fn not_evaluated(view: &View, screen: &mut Screen<'_>) -> io::Result<()> {
    let open: Vec<_> = view.rules.iter().filter(|rule| rule.not_evaluated > 0).collect();
    if open.is_empty() {
        return Ok(());
    }
    screen.heading("NOT EVALUATED", Color::Yellow)?;
    let rules = open
        .iter()
        .map(|rule| format!("{} ({} of {})", rule.rule, thousands(rule.not_evaluated), thousands(rule.population)));
    let rules = rules.collect::<Vec<_>>().join(", ");
    let text = format!("{} could not judge every subject: {rules}", plural(open.len() as u64, "rule"));
    screen.rows(vec![vec![plain(&text)]], &[])
}

fn findings(view: &View, screen: &mut Screen<'_>) -> io::Result<()> {
    if view.live().next().is_some() {
        screen.heading("FINDINGS", Color::Reset)?;
    }
    for (at, group) in format::groups(view).into_iter().enumerate() {
        if at > 0 {
            writeln!(screen.out)?;
        }
        let Group { severity, rule, slug, title, findings, entries, why } = group;
        let title = format!("{rule} {slug}: {title} ({})", thousands(findings));
        let head = vec![strong(severity.as_str()).fg(colour(severity)), strong(&title)];
        screen.rows(vec![head], &[Fit::Content, Fit::Flexible])?;
        let first = entries[0].finding;
        let all =
            |same: &dyn Fn(&Finding) -> bool| entries.iter().flat_map(|entry| &entry.members).all(|one| same(one));
        let same_owner = all(&|other| other.owner == first.owner);
        let mut rows = Vec::new();
        for Entry { finding, fold, members } in entries.iter().take(LISTED) {
            let subject = &finding.subject;
            let system = subject.system.as_deref().map(|system| format!(" ({system})")).unwrap_or_default();
            let (name, key) = match fold {
                Some(fold) => (format!("{} {}", thousands(members.len() as u64), fold.root), &fold.key),
                None => (format!("{}{system}", subject.name), &finding.fingerprint),
            };
            let example = if fold.is_some() { "one of them: " } else { "" };
            let message = format!("{example}{}", finding.message);
            rows.push(vec![plain(""), plain(&name), plain(&message), faint(short(key))]);
            let own = why.is_none().then(|| format!("{severity}: {}", finding.why_severity()));
            let owner = finding.owner.as_ref().filter(|_| !same_owner).map(|owner| format!("owner: {}", owner.name));
            let notes = own.into_iter().chain(decided::state(finding)).chain(owner).collect::<Vec<_>>().join("; ");
            if !notes.is_empty() {
                rows.push(vec![plain(""), plain(""), faint(&notes), plain("")]);
            }
        }
        screen.rows(rows, &[Fit::Content, Fit::Share(30), Fit::Rest, Fit::Content])?;
        // What all of them have in common stands below them.
        let fix = Some(format!("fix: {}", first.fix)).filter(|_| all(&|other| other.fix == first.fix));
        let reason = why.filter(|_| first.severity_reason.is_some()).map(|why| format!("{severity} because: {why}"));
        let owner = first.owner.as_ref().filter(|_| same_owner).map(|owner| format!("owner: {}", owner.name));
        let notes = [fix, reason, owner];
        for note in notes.into_iter().flatten() {
            screen.rows(vec![vec![plain(""), faint(&note)]], &[Fit::Content, Fit::Flexible])?;
        }
        if entries.len() > LISTED {
            let shown: usize = entries.iter().take(LISTED).map(|entry| entry.members.len()).sum();
            let rest = thousands(findings.saturating_sub(shown as u64));
            let more = format!("and {rest} more: muster findings --rule {rule}");
            screen.rows(vec![vec![plain(""), strong(&more)]], &[Fit::Content, Fit::Flexible])?;
        }
    }
    Ok(())
}

/// What nobody has to act on, what became of earlier findings, and who has how many.
fn decided(view: &View, screen: &mut Screen<'_>) -> io::Result<()> {
    for section in decided::sections(view) {
        let count = section.lines.len();
        screen.heading(&format!("{} ({})", section.title.to_uppercase(), thousands(count as u64)), Color::Reset)?;
        let rows = section.lines.iter().take(LISTED).map(|line| {
            let finding = line.finding;
            let system = finding.subject.system.as_deref().map(|system| format!(" ({system})")).unwrap_or_default();
            let what = if line.why.is_empty() { finding.message.clone() } else { line.why.clone() };
            let name = format!("{}{system}", finding.subject.name);
            vec![plain(&finding.rule), plain(&name), plain(&what), faint(short(&finding.fingerprint))]
        });
        screen.rows(rows.collect(), &[Fit::Content, Fit::Share(30), Fit::Rest, Fit::Content])?;
        if count > LISTED {
            let more = format!("and {} more: muster findings list", thousands((count - LISTED) as u64));
            screen.rows(vec![vec![plain(""), strong(&more)]], &[Fit::Content, Fit::Flexible])?;
        }
    }
    if let Some(baseline) = decided::baseline(view) {
        screen.heading("BASELINE", Color::Reset)?;
        screen.rows(vec![vec![plain(&baseline)]], &[Fit::Flexible])?;
    }
    if !view.exceptions.is_empty() {
        screen.heading("ACCEPTED RISKS", Color::Reset)?;
        let rows = view.exceptions.iter().map(|one| {
            let state = plain(&one.state);
            let state = if one.state == "in force" { state } else { state.fg(Color::Yellow) };
            vec![plain(&one.id), state, plain(&format!("{}: {}", one.what, one.reason))]
        });
        screen.rows(rows.collect(), &[Fit::Content, Fit::Content, Fit::Flexible])?;
    }
    if !view.owners.is_empty() {
        screen.heading("OWNERS", Color::Reset)?;
        let rows = view.owners.iter().map(|count| {
            let name = count.owner.as_deref().unwrap_or("nobody");
            vec![plain(name), number(count.findings), plain(&decided::severities(count))]
        });
        screen.rows(rows.collect(), &[Fit::Flexible, Fit::Content, Fit::Flexible])?;
    }
    Ok(())
}

fn rules(view: &View, screen: &mut Screen<'_>) -> io::Result<()> {
    if view.rules.is_empty() {
        return Ok(());
    }
    screen.heading("RULES", Color::Reset)?;
    let mut rows = vec![header(&["rule", "finds", "population", "pass", "fail", "not evaluated"])];
    for rule in &view.rules {
        let fail = number(rule.fail);
        let open = number(rule.not_evaluated);
        rows.push(vec![
            plain(&rule.rule),
            plain(&rule.slug),
            number(rule.population),
            number(rule.pass),
            if rule.fail > 0 { fail.fg(colour(rule.severity)) } else { fail },
            if rule.not_evaluated > 0 { open.fg(Color::Yellow) } else { open },
        ]);
        if let Some(reason) = rule.reasons.first() {
            rows.push(vec![plain(""), faint(&format!("not evaluated mostly because: {}", reason.cause))]);
        }
    }
    screen.rows(rows, &[Fit::Content, Fit::Flexible, Fit::Content, Fit::Content, Fit::Content, Fit::Content])
}

fn systems(view: &View, screen: &mut Screen<'_>) -> io::Result<()> {
    screen.heading("SYSTEMS", Color::Reset)?;
    let mut rows = vec![header(&["system", "scope", "records of", "state", "rows", "collected"])];
    for system in &view.systems {
        if system.scopes.iter().all(|scope| scope.kinds.is_empty()) {
            rows.push(vec![
                plain(&system.name),
                plain(""),
                plain(""),
                strong("nothing read").fg(Color::Yellow),
                number(0),
            ]);
        }
        for scope in &system.scopes {
            let collected = scope.collected.map_or_else(|| "unknown".to_owned(), minute);
            for kind in &scope.kinds {
                let state = plain(&kind.state);
                rows.push(vec![
                    plain(&system.name),
                    plain(&scope.name),
                    plain(&kind.name),
                    if kind.state == "complete" { state } else { state.fg(Color::Yellow) },
                    number(kind.records),
                    plain(&collected),
                ]);
            }
        }
    }
    screen.rows(rows, &[Fit::Flexible, Fit::Flexible, Fit::Flexible, Fit::Content, Fit::Content, Fit::Flexible])
}

fn people(view: &View, screen: &mut Screen<'_>) -> io::Result<()> {
    let people = &view.people;
    let linked: u64 = people.linked.values().sum();
    screen.heading("PEOPLE AND ACCOUNTS", Color::Reset)?;
    let mut rows = vec![vec![
        plain("people"),
        plain(&format!("{} in HR, {} employed", thousands(people.persons), thousands(people.employed))),
    ]];
    rows.push(vec![
        plain("accounts"),
        plain(&format!("{}, {} linked to a person", thousands(people.accounts), thousands(linked))),
    ]);
    for (title, counts) in [
        ("linked by", &people.linked),
        ("situations", &people.situations),
        ("classes", &people.classes),
        ("affiliations", &people.affiliations),
    ] {
        if !counts.is_empty() {
            let parts: Vec<String> = counts.iter().map(|(name, n)| format!("{name} {}", thousands(*n))).collect();
            rows.push(vec![plain(title), plain(&parts.join(", "))]);
        }
    }
    screen.rows(rows, &[Fit::Content, Fit::Flexible])
}

fn links(view: &View, screen: &mut Screen<'_>) -> io::Result<()> {
    let people = &view.people;
    let coverage = links::coverage(people);
    if !coverage.is_empty() {
        screen.heading("LINKS", Color::Reset)?;
        let mut rows = vec![header(&["system", "accounts", "linked", "waiting", "nobody's", "unsaid", "linked by"])];
        for line in &coverage {
            rows.push(vec![
                plain(line.system),
                number(line.accounts),
                number(line.linked),
                number(line.waiting),
                number(line.nobody),
                number(line.unsaid),
                plain(&line.by),
            ]);
        }
        let counts = [Fit::Content; 5];
        screen.rows(rows, &[&[Fit::Flexible][..], &counts, &[Fit::Flexible]].concat())?;
        if !people.confidence.is_empty() {
            screen.rows(vec![vec![plain(&format!("confidence {}", links::histogram(people)))]], &[Fit::Flexible])?;
        }
    }
    if let Some(churn) = &people.churn {
        screen.heading("LINKS THAT CHANGED", Color::Reset)?;
        let mut rows = vec![vec![plain(&links::headline(churn))]];
        for links::Changed { change, account, before, after, cause } in links::changes(churn).iter().take(LISTED) {
            rows.push(vec![strong(&format!("{change} {account}: {before} → {after}"))]);
            rows.push(vec![plain(&format!("    {cause}"))]);
        }
        let more = churn.changes.len().saturating_sub(LISTED) as u64 + churn.left_out;
        if more > 0 {
            rows.push(vec![faint(&format!("{} more: muster query \"select * from link_changes\"", thousands(more)))]);
        }
        screen.rows(rows, &[Fit::Flexible])?;
    }
    if !people.decisions.is_empty() {
        screen.heading("DECISIONS THAT DO NOTHING", Color::Yellow)?;
        let mut rows = Vec::new();
        for note in &people.decisions {
            rows.push(vec![strong(&format!("{} {}", note.code, note.what))]);
            for (word, text) in [("at", &note.at), ("cause", &note.cause), ("fix", &note.fix)] {
                if let Some(text) = text {
                    rows.push(vec![plain(&format!("    {word}: {text}"))]);
                }
            }
        }
        screen.rows(rows, &[Fit::Flexible])?;
    }
    Ok(())
}

/// How a column takes part in fitting the width.
#[derive(Clone, Copy)]
enum Fit {
    /// As wide as its content: short words and numbers that must not break.
    Content,
    /// Shrinks first.
    Flexible,
    /// Shrinks first and takes what is left, so that the next column ends at the margin.
    Rest,
    /// Percent of the whole, so that the columns of several tables stand below each other.
    Share(u16),
}

/// Where the report is written to, and how that looks.
struct Screen<'a> {
    look: Look,
    out: &'a mut dyn Write,
}

impl Screen<'_> {
    fn heading(&mut self, text: &str, colour: Color) -> io::Result<()> {
        writeln!(self.out)?;
        self.rows(vec![vec![strong(text).fg(colour)]], &[])
    }

    /// Writes aligned columns without borders; wraps cells to the width when there is one.
    fn rows(&mut self, rows: Vec<Vec<Cell>>, fits: &[Fit]) -> io::Result<()> {
        let mut table = Table::new();
        table.load_style(comfy_table::presets::NOTHING).force_no_tty().style_text_only();
        if self.look.colour {
            table.enforce_styling();
        }
        if let Some(width) = self.look.width {
            let fills = fits.iter().any(|fit| matches!(fit, Fit::Rest));
            let arrangement = if fills { ContentArrangement::DynamicFullWidth } else { ContentArrangement::Dynamic };
            table.set_content_arrangement(arrangement).set_width(width.max(NARROWEST));
        }
        table.add_rows(rows);
        for (at, column) in table.column_iter_mut().enumerate() {
            // Two blanks between columns; the first stands at the margin.
            column.set_padding((if at == 0 { 0 } else { 2 }, 0));
            match fits.get(at) {
                Some(Fit::Content) => {
                    column.set_constraint(ColumnConstraint::ContentWidth);
                }
                Some(Fit::Share(percent)) if self.look.width.is_some() => {
                    column.set_constraint(ColumnConstraint::Absolute(Width::Percentage(*percent)));
                }
                Some(Fit::Share(_) | Fit::Flexible | Fit::Rest) | None => {}
            }
        }
        for line in table.lines() {
            writeln!(self.out, "{}", line.trim_end())?;
        }
        Ok(())
    }
}

fn plain(text: &str) -> Cell {
    Cell::new(visible(text))
}

fn strong(text: &str) -> Cell {
    plain(text).add_attribute(Attribute::Bold)
}

fn faint(text: &str) -> Cell {
    plain(text).add_attribute(Attribute::Dim)
}

fn number(number: u64) -> Cell {
    Cell::new(thousands(number)).set_alignment(CellAlignment::Right)
}

fn header(titles: &[&str]) -> Vec<Cell> {
    titles.iter().map(|title| faint(title)).collect()
}

fn colour(severity: Severity) -> Color {
    match severity {
        Severity::Critical | Severity::High => Color::Red,
        Severity::Medium => Color::Yellow,
        Severity::Low => Color::Cyan,
        Severity::Info => Color::Reset,
    }
}
