//! One finding in full, for a terminal.

use muster_reports::view::Finding;

use crate::diagnostic::visible;

/// Its state in a word or two.
pub(super) fn state(finding: &Finding) -> String {
    match &finding.unconfirmed {
        Some(_) => format!("{}, not confirmed", finding.state),
        None if finding.baseline => format!("{}, baseline", finding.state),
        None => finding.state.to_string(),
    }
}

/// A finding in full.
pub(in crate::cli) fn page(finding: &Finding) -> String {
    let mut lines = vec![
        format!("{}: {} ({})", finding.rule, finding.title, finding.severity),
        String::new(),
        visible(&finding.message).into_owned(),
        format!("Severity {}: {}", finding.severity, visible(finding.why_severity())),
    ];
    let why = finding.state_reason.as_ref().map(|why| format!(": {}", visible(why))).unwrap_or_default();
    lines.push(format!("State {}{why}", state(finding)));
    if let Some(cause) = &finding.unconfirmed {
        lines.push(format!("Not confirmed: {}", visible(cause)));
    }
    if let Some(owner) = &finding.owner {
        lines.push(format!("Owner {} ({})", visible(&owner.name), owner.from.as_str()));
    }
    if let Some(fold) = &finding.fold {
        lines.push(format!("One of {} {} (fold {})", fold.members, visible(&fold.root), fold.key));
    }
    if !finding.path.is_empty() {
        lines.push(String::new());
        lines.push("Path".to_owned());
        for step in &finding.path {
            let condition = step.condition.as_ref().map(|text| format!(" ({})", visible(text))).unwrap_or_default();
            lines.push(format!("  {} {} {}{condition}", visible(&step.from), step.relation, visible(&step.to)));
        }
    }
    lines.push(String::new());
    lines.push("Evidence".to_owned());
    for row in &finding.evidence {
        let collected = row.collected.map(|at| format!(", collected {at}")).unwrap_or_default();
        lines.push(format!("  {}.{} {}{collected}", visible(&row.system), row.table, visible(&row.id)));
        for (name, value) in &row.facts {
            lines.push(format!("    {name} = {}", visible(value)));
        }
    }
    lines.push(String::new());
    lines.push(format!("Fix: {}", finding.fix));
    lines.push(format!("Controls: {}", finding.controls.join("; ")));
    lines.push(format!("First seen {}, last seen {}", finding.first_seen, finding.last_seen));
    for (word, at) in [("In order", finding.resolved), ("True again since", finding.regressed)] {
        if let Some(at) = at {
            lines.push(format!("{word} {at}"));
        }
    }
    lines.push(format!("Fingerprint {}", finding.fingerprint));
    lines.push(format!("Evidence hash {}", finding.evidence_hash));
    lines.push(String::new());
    lines.join("\n")
}
