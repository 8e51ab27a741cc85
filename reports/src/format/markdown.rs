//! A report that a ticket or a wiki takes: CommonMark with GitHub's tables.
//!
//! Order: verdict, what was not read, findings by severity and rule with their evidence, rules, systems, people, links.

use std::io::{self, Write};

use crate::Look;
use crate::escape::{markdown as prose, markdown_code as code};
use crate::format::{self, Entry, Group, decided, links, minute, plural, thousands};
use crate::view::{Finding, Population, View};

pub(crate) fn render(view: &View, _: &dyn Population, _: Look, out: &mut dyn Write) -> io::Result<()> {
    summary(view, out)?;
    not_read(view, out)?;
    findings(view, out)?;
    decided(view, out)?;
    rules(view, out)?;
    systems(view, out)?;
    people(view, out)?;
    links(view, out)
}

fn summary(view: &View, out: &mut dyn Write) -> io::Result<()> {
    let origin = &view.origin;
    writeln!(out, "# Access report\n\n**{}**\n", prose(&format::verdict(view).headline))?;
    writeln!(out, "| | |\n| --- | --- |")?;
    writeln!(out, "| Outcome | exit code {}: {} |", view.outcome.code, say(&view.outcome.reason))?;
    writeln!(out, "| Complete | {} |", if format::is_incomplete(view) { "**no**" } else { "yes" })?;
    writeln!(out, "| Judged at | {} |", minute(origin.now))?;
    writeln!(out, "| Snapshot | {} |", code(&origin.snapshot))?;
    if let Some(previous) = &origin.previous {
        writeln!(out, "| Previous snapshot | {} |", code(previous))?;
    }
    writeln!(out, "| Config (BLAKE3) | {} |", code(&origin.config))?;
    writeln!(out, "| Tool | {} |", prose(&origin.tool))
}

fn not_read(view: &View, out: &mut dyn Write) -> io::Result<()> {
    let unread = format::unread(view);
    let incomplete = format::is_incomplete(view);
    if incomplete || !unread.is_empty() {
        writeln!(out, "\n## {}\n", if incomplete { "Not read completely" } else { "Read with limits" })?;
    }
    if incomplete && unread.is_empty() {
        writeln!(out, "- The run does not say which part: {}", say(&view.outcome.reason))?;
    }
    for part in unread {
        writeln!(out, "- **{}** {}, {}", prose(part.state), code(&part.place()), part.extent())?;
        for gap in part.gaps {
            let at = gap.at.as_deref().map(|at| format!(" at {}", code(at))).unwrap_or_default();
            writeln!(out, "  - {} {}{at}", code(&gap.code), say(&gap.what))?;
            for (word, text) in [("Cause", &gap.cause), ("Fix", &gap.fix)] {
                if let Some(text) = text {
                    writeln!(out, "    - {word}: {}", say(text))?;
                }
            }
        }
        if !part.withheld.is_empty() {
            let fields: Vec<String> = part.withheld.iter().map(|field| code(field)).collect();
            writeln!(out, "  - Withheld by the source: {}", fields.join(", "))?;
        }
    }
    if view.rules.iter().any(|rule| rule.not_evaluated > 0) {
        writeln!(out, "\n## Not evaluated\n")?;
    }
    for rule in &view.rules {
        if let Some(why) = format::not_evaluated(rule) {
            writeln!(out, "- **{}** {}: {}", prose(&rule.rule), prose(&rule.title), say(&why))?;
        }
    }
    Ok(())
}

fn findings(view: &View, out: &mut dyn Write) -> io::Result<()> {
    if view.live().next().is_none() {
        return Ok(());
    }
    writeln!(out, "\n## Findings")?;
    for Group { severity, rule, slug, title, findings, entries, .. } in format::groups(view) {
        let count = thousands(findings);
        writeln!(out, "\n### {severity}: {} {} ({count})\n\n{}", prose(rule), prose(title), code(slug))?;
        for Entry { finding: each, fold, members } in entries {
            if let Some(fold) = fold {
                let count = thousands(members.len() as u64);
                writeln!(out, "\n#### {count} {}\n\nFold {}; one of them in full:", say(&fold.root), code(&fold.key))?;
            }
            finding(each, out)?;
            if fold.is_some() {
                writeln!(out, "\nThe others:\n")?;
            }
            for other in members.iter().skip(1) {
                writeln!(out, "- {} {}", code(&other.fingerprint), code(&other.subject.name))?;
            }
        }
    }
    Ok(())
}

/// What nobody has to act on, what became of earlier findings, and who has how many.
fn decided(view: &View, out: &mut dyn Write) -> io::Result<()> {
    for section in decided::sections(view) {
        writeln!(out, "\n## {} ({})\n", section.title, thousands(section.lines.len() as u64))?;
        writeln!(out, "| rule | severity | subject | why | fingerprint |\n| --- | --- | --- | --- | --- |")?;
        for line in section.lines {
            let finding = line.finding;
            let why = if line.why.is_empty() { &finding.message } else { &line.why };
            let (rule, name, fingerprint) =
                (prose(&finding.rule), code(&finding.subject.name), code(&finding.fingerprint));
            writeln!(out, "| {rule} | {} | {name} | {} | {fingerprint} |", finding.severity, say(why))?;
        }
    }
    if let Some(baseline) = decided::baseline(view) {
        writeln!(out, "\n## Baseline\n\n{}", prose(&baseline))?;
    }
    if !view.exceptions.is_empty() {
        writeln!(out, "\n## Accepted risks\n\n| id | state | covers | expires | owner | approver | what |")?;
        writeln!(out, "| --- | --- | ---: | --- | --- | --- | --- |")?;
    }
    for one in &view.exceptions {
        let text = |text: &Option<String>| text.as_deref().map(prose).unwrap_or_default();
        let (owner, approver, expires) = (text(&one.owner), text(&one.approver), text(&one.expires));
        let state = if one.state == "in force" { prose(&one.state) } else { format!("**{}**", prose(&one.state)) };
        let what = format!("{}: {}", say(&one.what), prose(&one.reason));
        writeln!(
            out,
            "| {} | {state} | {} | {expires} | {owner} | {approver} | {what} |",
            code(&one.id),
            thousands(one.covers)
        )?;
    }
    if !view.owners.is_empty() {
        writeln!(out, "\n## Owners\n\n| owner | findings | by severity |\n| --- | ---: | --- |")?;
    }
    for count in &view.owners {
        let name = count.owner.as_deref().map_or_else(|| "nobody".to_owned(), prose);
        writeln!(out, "| {name} | {} | {} |", thousands(count.findings), decided::severities(count))?;
    }
    Ok(())
}

fn finding(finding: &Finding, out: &mut dyn Write) -> io::Result<()> {
    let subject = &finding.subject;
    let system = subject.system.as_deref().map(|system| format!(" in {}", code(system))).unwrap_or_default();
    writeln!(out, "\n#### {} {}{system}\n\n{}\n", prose(&subject.kind), code(&subject.name), say(&finding.message))?;
    writeln!(out, "- Fix: {}", say(&finding.fix))?;
    writeln!(out, "- Subject id: {}", code(&subject.id))?;
    if let Some(person) = &subject.person {
        writeln!(out, "- Person: {}", code(person))?;
    }
    match &finding.severity_reason {
        Some(reason) => writeln!(out, "- Severity {} because {}", finding.severity, say(reason))?,
        None => writeln!(out, "- Severity {}: {}", finding.severity, finding.why_severity())?,
    }
    if let Some(state) = decided::state(finding) {
        writeln!(out, "- State {}", say(&state))?;
    }
    if let Some(owner) = &finding.owner {
        writeln!(out, "- Owner: {} ({})", prose(&owner.name), owner.from.as_str())?;
    }
    if !finding.controls.is_empty() {
        writeln!(out, "- Controls: {}", prose(&finding.controls.join(", ")))?;
    }
    writeln!(out, "- First seen {}, last seen {}", minute(finding.first_seen), minute(finding.last_seen))?;
    writeln!(out, "- Fingerprint: {}", code(&finding.fingerprint))?;
    if !finding.path.is_empty() {
        writeln!(out, "\nPath:\n")?;
    }
    for (at, step) in finding.path.iter().enumerate() {
        let condition = step.condition.as_deref().map(|text| format!(", if {}", code(text))).unwrap_or_default();
        let (from, to, system) = (code(&step.from), code(&step.to), code(&step.system));
        writeln!(out, "{}. {from} *{}* {to} ({system}){condition}", at + 1, prose(&step.relation))?;
    }
    if !finding.evidence.is_empty() {
        writeln!(out, "\n| system | table | id | facts | collected |\n| --- | --- | --- | --- | --- |")?;
    }
    for row in &finding.evidence {
        let facts: Vec<String> =
            row.facts.iter().map(|(column, value)| format!("{} = {}", prose(column), code(value))).collect();
        let collected = row.collected.map(minute).unwrap_or_default();
        let (system, table, id) = (code(&row.system), code(&row.table), code(&row.id));
        writeln!(out, "| {system} | {table} | {id} | {} | {collected} |", facts.join("<br>"))?;
    }
    Ok(())
}

fn rules(view: &View, out: &mut dyn Write) -> io::Result<()> {
    if view.rules.is_empty() {
        return Ok(());
    }
    writeln!(out, "\n## Rules\n")?;
    writeln!(out, "| rule | title | severity | population | pass | fail | not evaluated | controls |")?;
    writeln!(out, "| --- | --- | --- | ---: | ---: | ---: | ---: | --- |")?;
    for rule in &view.rules {
        let [population, pass, fail, open] = [rule.population, rule.pass, rule.fail, rule.not_evaluated].map(thousands);
        let (id, title, controls) = (prose(&rule.rule), prose(&rule.title), prose(&rule.controls.join(", ")));
        writeln!(out, "| {id} | {title} | {} | {population} | {pass} | {fail} | {open} | {controls} |", rule.severity)?;
    }
    Ok(())
}

fn systems(view: &View, out: &mut dyn Write) -> io::Result<()> {
    writeln!(out, "\n## Systems\n")?;
    writeln!(out, "| system | connector | scope | records of | state | rows | collected | identity | tenant |")?;
    writeln!(out, "| --- | --- | --- | --- | --- | ---: | --- | --- | --- |")?;
    for system in &view.systems {
        let (name, connector) = (code(&system.name), prose(&system.connector));
        if system.scopes.iter().all(|scope| scope.kinds.is_empty()) {
            writeln!(out, "| {name} | {connector} | | | **nothing was read** | 0 | | | |")?;
        }
        for scope in &system.scopes {
            let collected = scope.collected.map(minute).unwrap_or_default();
            let [identity, tenant] =
                [&scope.identity, &scope.tenant].map(|text| text.as_deref().map(code).unwrap_or_default());
            for kind in &scope.kinds {
                let state =
                    if kind.state == "complete" { prose(&kind.state) } else { format!("**{}**", prose(&kind.state)) };
                let (scope, kind, rows) = (code(&scope.name), prose(&kind.name), thousands(kind.records));
                writeln!(
                    out,
                    "| {name} | {connector} | {scope} | {kind} | {state} | {rows} | {collected} | {identity} | {tenant} |"
                )?;
            }
        }
    }
    let files = || view.systems.iter().flat_map(|system| &system.scopes).flat_map(|scope| &scope.files);
    if files().next().is_some() {
        writeln!(out, "\n| file | SHA-256 |\n| --- | --- |")?;
    }
    for file in files() {
        writeln!(out, "| {} | {} |", code(&file.path), code(&file.sha256))?;
    }
    Ok(())
}

fn people(view: &View, out: &mut dyn Write) -> io::Result<()> {
    let people = &view.people;
    writeln!(out, "\n## People and accounts\n")?;
    writeln!(out, "- {} in HR, {} of them employed", plural(people.persons, "person"), thousands(people.employed))?;
    writeln!(out, "- {}", plural(people.accounts, "account"))?;
    for (title, counts) in [
        ("Linked by", &people.linked),
        ("Situations", &people.situations),
        ("Account classes", &people.classes),
        ("Affiliations", &people.affiliations),
    ] {
        if !counts.is_empty() {
            let parts: Vec<String> =
                counts.iter().map(|(name, n)| format!("{} {}", prose(name), thousands(*n))).collect();
            writeln!(out, "- {title}: {}", parts.join(", "))?;
        }
    }
    Ok(())
}

fn links(view: &View, out: &mut dyn Write) -> io::Result<()> {
    let people = &view.people;
    let coverage = links::coverage(people);
    if !coverage.is_empty() {
        writeln!(out, "\n## Links\n")?;
        writeln!(out, "Accounts of a human class, by what is known of their person.\n")?;
        writeln!(out, "| system | accounts | linked | waiting | nobody's | cannot be said | linked by |")?;
        writeln!(out, "| --- | ---: | ---: | ---: | ---: | ---: | --- |")?;
        for line in &coverage {
            let counts =
                [line.accounts, line.linked, line.waiting, line.nobody, line.unsaid].map(thousands).join(" | ");
            writeln!(out, "| {} | {counts} | {} |", code(line.system), prose(&line.by))?;
        }
        if !people.confidence.is_empty() {
            writeln!(out, "\n| confidence | linked | waiting |\n| --- | ---: | ---: |")?;
            for bucket in &people.confidence {
                let (linked, candidates) = (thousands(bucket.linked), thousands(bucket.candidates));
                writeln!(out, "| {} | {linked} | {candidates} |", links::span(bucket))?;
            }
        }
    }
    if let Some(churn) = &people.churn {
        writeln!(out, "\n### Links that changed\n\n{}.", prose(&links::headline(churn)))?;
        if !churn.changes.is_empty() {
            writeln!(out, "\n| change | account | before | now | cause |\n| --- | --- | --- | --- | --- |")?;
        }
        for links::Changed { change, account, before, after, cause } in links::changes(churn) {
            let (before, after) = (prose(&before), prose(&after));
            writeln!(out, "| {} | {} | {before} | {after} | {} |", prose(change), code(&account), say(cause))?;
        }
        if churn.left_out > 0 {
            writeln!(out, "\n{} more are in the query table `link_changes`.", thousands(churn.left_out))?;
        }
    }
    if !people.decisions.is_empty() {
        writeln!(out, "\n### Decisions that do nothing\n")?;
        for note in &people.decisions {
            let at = note.at.as_deref().map(|at| format!(", at {}", code(at))).unwrap_or_default();
            let rest = [&note.cause, &note.fix].into_iter().flatten().map(|text| format!(" — {}", say(text)));
            writeln!(out, "- {} {}{at}{}", code(&note.code), say(&note.what), rest.collect::<String>())?;
        }
    }
    Ok(())
}

/// A sentence of ours: its `quoted values` become code.
fn say(sentence: &str) -> String {
    let parts = format::quoted(sentence).into_iter().enumerate();
    parts.map(|(at, part)| if at % 2 == 1 { code(part) } else { prose(part) }).collect()
}
