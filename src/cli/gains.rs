//! Who gains and who loses what, as a table.

use std::io;

use super::tables::{lines, plain_table, right_align};
use crate::access::aws::compare::Change;
use crate::diagnostic::visible;

/// Actions that the table names for each principal; JSON has all of them.
const LISTED: usize = 4;

/// The first `limit` changes, and under them what was not read.
pub(in crate::cli) fn table(changes: &[Change], limit: usize, out: &mut impl io::Write) -> io::Result<()> {
    let mut all = plain_table(&["principal", "gains", "", "loses", "", "not known", "administration"]);
    let shown = &changes[..changes.len().min(limit)];
    for change in shown {
        let standing = if change.before == change.after {
            change.after.as_str().to_owned()
        } else {
            format!("{} → {}", change.before.as_str(), change.after.as_str())
        };
        all.add_row([
            visible(&change.principal).into_owned(),
            change.gains.len().to_string(),
            visible(&some(&change.gains)).into_owned(),
            change.loses.len().to_string(),
            visible(&some(&change.loses)).into_owned(),
            change.not_known.len().to_string(),
            standing,
        ]);
    }
    right_align(&mut all, &[1, 3, 5]);
    lines(&all, out)?;
    if changes.len() > shown.len() {
        writeln!(out, "  … {} more; `--limit 0` or `-o json` show all", changes.len() - shown.len())?;
    }
    for change in shown {
        for unread in &change.unread {
            writeln!(out, "not read of {}: {}", visible(&change.principal), visible(unread))?;
        }
    }
    Ok(())
}

fn some(actions: &[String]) -> String {
    let more = actions.len().saturating_sub(LISTED);
    let listed = actions.iter().take(LISTED).cloned().collect::<Vec<_>>().join(", ");
    if more == 0 { listed } else { format!("{listed} and {more} more") }
}
