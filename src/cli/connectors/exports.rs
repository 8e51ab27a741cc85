//! Files that administrators download, as `muster connectors` and `docs/exports.md` show them.

use std::fmt::Write as _;

use muster_connectors::native::csv::exports::{self, ColumnOf, Export, FileOf};
use serde_json::{Value as Json, json};

/// How the files come here.
const BY_HAND: &str = "a file that an administrator downloads";

/// The description as JSON.
pub(super) fn as_json(export: &Export) -> Json {
    let file = |file: &FileOf<'_>| {
        json!({
            "table": file.table,
            "file": file.file,
            "columns": file.columns.iter().map(|(field, columns)| {
                let columns: Vec<Json> =
                    columns.iter().map(|column| json!({ "names": column.names, "optional": column.optional })).collect();
                ((*field).to_owned(), Json::from(columns))
            }).collect::<serde_json::Map<String, Json>>(),
            "whole": file.whole,
            "leaves_out": file.leaves_out.iter().map(|(what, _)| *what).collect::<Vec<_>>(),
            "withheld": file.withheld.iter().map(|(field, why)| ((*field).to_owned(), Json::from(*why))).collect::<serde_json::Map<String, Json>>(),
        })
    };
    json!({
        "name": export.id,
        "summary": export.summary,
        "collected": BY_HAND,
        "made": export.made,
        "files": export.files().iter().map(file).collect::<Vec<Json>>(),
        "not_read": export.not_read,
        "proven_on": export.proven_on,
        "sources": export.source,
        "checked": export.checked,
        "config": config(export),
    })
}

/// The page of an export in Markdown.
pub(super) fn page(export: &Export) -> String {
    let mut text = format!("# {}\n\n{}.\n\nMade so: {}\n\n", export.id, export.summary, export.made);
    let _ = writeln!(text, "```toml\n{}```", config(export));
    for file in export.files() {
        about(&mut text, &file);
    }
    let _ = writeln!(text, "\nNot in it:\n");
    for line in &export.not_read {
        let _ = writeln!(text, "- {line}");
    }
    if !export.notes.is_empty() {
        text.push_str("\nTo know:\n\n");
        for line in &export.notes {
            let _ = writeln!(text, "- {line}");
        }
    }
    let sources = export.source.iter().map(|url| format!("<{url}>")).collect::<Vec<_>>().join(", ");
    let _ = writeln!(
        text,
        "\n{} Source: {sources}, compared on {}. Proven on {}.",
        export.headings.sentence(),
        export.checked,
        export.proven_on
    );
    text
}

/// What a system's exports are, for the page of its connector; what serves instead where there is none.
pub(super) fn of_system(system: &str) -> String {
    let mut text = String::new();
    for export in exports::of_system(system).filter_map(|shipped| shipped.export().ok()) {
        let _ =
            writeln!(text, "export files: `{}`: {}.\n\n```toml\n{}```\n", export.id, export.summary, config(&export));
    }
    if !text.is_empty() {
        text.push_str("`muster connectors show NAME` tells of each where it is made and what it leaves out.\n");
    } else if let Some(instead) = exports::none(system) {
        let _ = writeln!(text, "export files: none. {instead}");
    }
    text
}

/// What to write into `muster.toml`.
fn config(export: &Export) -> String {
    let system = export.id.split('/').next().unwrap_or(export.id);
    let files = export.files();
    let (key, files) = match files.as_slice() {
        [file] => ("file", format!("\"{}\"", file.file)),
        several => {
            let several: Vec<String> =
                several.iter().map(|file| format!("{} = \"{}\"", file.table, file.file)).collect();
            ("files", format!("{{ {} }}", several.join(", ")))
        }
    };
    let keys = [
        ("name", format!("\"{system}\"")),
        ("connector", "\"csv\"".to_owned()),
        ("export", format!("\"{}\"", export.id)),
        (key, files),
        ("collected", "\"2026-11-02T04:00:00Z\"   # when it was downloaded".to_owned()),
    ];
    let lines = keys.iter().map(|(key, value)| format!("{key:9} = {value}\n"));
    format!("[[system]]\n{}", lines.collect::<String>())
}

/// One file: its columns, and what is not in it.
fn about(text: &mut String, file: &FileOf<'_>) {
    let _ =
        writeln!(text, "\n`{}`, the {}:\n\n| field | column |\n| --- | --- |", file.file, file.table.replace('_', " "));
    for (field, columns) in &file.columns {
        let columns = columns.iter().map(column).collect::<Vec<_>>().join(", ");
        let _ = writeln!(text, "| `{field}` | {columns} |");
    }
    text.push('\n');
    if let Some(why) = file.whole {
        let _ = writeln!(text, "- Whole: {why}.");
    }
    for (what, unless_filled) in &file.leaves_out {
        let when = unless_filled.map_or(String::new(), |heading| format!(" (where no row has a `{heading}`)"));
        let _ = writeln!(
            text,
            "- Leaves out {what}{when}: the file is partial, and who is not in it is not gone. `whole = true` says that nobody is left out here."
        );
    }
    for (field, why) in &file.withheld {
        let _ = writeln!(text, "- `{field}` is not known: {why}.");
    }
    for (heading, why) in &file.skipped {
        let _ = writeln!(text, "- Rows are left out by `{heading}`: {why}.");
    }
}

fn column(column: &ColumnOf) -> String {
    let names =
        column.names.iter().map(|name| format!("`{}`", name.replace('|', "\\|"))).collect::<Vec<_>>().join(" or ");
    if column.optional { format!("{names} (where there is one)") } else { names }
}
