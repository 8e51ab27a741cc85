//! A connector's manual as Markdown and as JSON.

use std::fmt::Write as _;

use muster_connectors::Manual;
use muster_connectors::manifest::Manifest;
use muster_connectors::manifest::model::Risk;
use serde_json::{Value as Json, json};

use super::{Known, exports};

/// The manual as JSON.
pub(super) fn as_json(known: &Known<'_>) -> Json {
    let mut json = match known {
        Known::Native(manual) => native(manual),
        Known::Catalogue(manifest) => declared(manifest),
        Known::Own(manifest) => declared(manifest),
        Known::Export(export) => exports::as_json(export),
    };
    json["source"] = known.source().into();
    json["kinds"] = known.kinds();
    json
}

fn native(manual: &Manual) -> Json {
    json!({
        "name": manual.name,
        "summary": manual.summary,
        "collected": manual.collected,
        "reads": manual.reads,
        "not_read": manual.not_read,
        "needs": manual.needs,
        "permissions": manual.permissions,
        "proven_on": manual.proven_on,
        "settings": (manual.schema)().to_value(),
    })
}

fn declared(manifest: &Manifest) -> Json {
    json!({
        "name": manifest.id(),
        "summary": summary(manifest),
        "collected": OVER_HTTPS,
        "reads": reads(manifest),
        "not_read": manifest.document().not_read,
        "needs": needs(manifest),
        "permissions": permissions(manifest),
        "proven_on": manifest.document().proven_on,
        "file": manifest.file(),
        "settings": manifest.settings_schema(),
    })
}

/// How every manifest's system is reached.
const OVER_HTTPS: &str = "HTTPS, by a manifest; or written exchanges";

/// The least that it needs, in one line.
fn needs(manifest: &Manifest) -> String {
    manifest.document().access.as_ref().map_or(String::new(), |access| access.read.join("; "))
}

/// A row of the table of supported systems: name, how it is collected, what is read, what not, what that needs, what it was
/// proven on.
pub(super) fn row(known: &Known<'_>) -> String {
    let cells = match known {
        Known::Native(manual) => {
            [manual.collected, manual.summary, &manual.not_read.join("; "), manual.needs, manual.proven_on]
                .map(str::to_owned)
        }
        Known::Catalogue(manifest) => cells(manifest),
        Known::Own(manifest) => cells(manifest),
        Known::Export(_) => [const { String::new() }; 5], // the table is of connectors; docs/exports.md has these
    };
    let plain =
        |cell: &String| cell.split_whitespace().collect::<Vec<_>>().join(" ").trim_end_matches('.').replace('|', "\\|");
    format!("| `{}` | {} |", known.name(), cells.iter().map(plain).collect::<Vec<_>>().join(" | "))
}

/// The heading of [`row`]s.
pub(super) const HEADING: &str = "| connector | collected by | reads | does not read | needs | proven on |
| --- | --- | --- | --- | --- | --- |";

fn cells(manifest: &Manifest) -> [String; 5] {
    let proven = manifest.document().proven_on.as_deref().unwrap_or("its author does not say");
    [
        OVER_HTTPS.to_owned(),
        summary(manifest).to_owned(),
        manifest.document().not_read.join("; "),
        needs(manifest),
        proven.to_owned(),
    ]
}

/// One line: what it reads.
pub(super) fn summary(manifest: &Manifest) -> &str {
    manifest.document().summary.as_deref().unwrap_or(&manifest.document().name)
}

/// The manual in Markdown.
pub(super) fn page(known: &Known<'_>) -> String {
    match known {
        Known::Native(manual) => sections(
            (manual.name, manual.summary),
            (&native_reads(manual), manual.permissions),
            &(manual.schema)().to_value(),
            manual.proven_on,
        ),
        Known::Catalogue(manifest) => of_manifest(manifest),
        Known::Own(manifest) => of_manifest(manifest),
        Known::Export(export) => exports::page(export),
    }
}

fn native_reads(manual: &Manual) -> String {
    let mut text = format!("{}\n", manual.reads.trim());
    listed(&mut text, "Not read", manual.not_read);
    text
}

fn of_manifest(manifest: &Manifest) -> String {
    let proven = manifest.document().proven_on.as_deref().unwrap_or("Its author does not say.");
    let page = sections(
        (manifest.id(), summary(manifest)),
        (&reads(manifest), &permissions(manifest)),
        &manifest.settings_schema(),
        proven,
    );
    match exports::of_system(manifest.id()) {
        none if none.is_empty() => page,
        files => format!("{page}\n## Without a token\n\n{files}"),
    }
}

fn sections(head: (&str, &str), text: (&str, &str), schema: &Json, proven: &str) -> String {
    let (name, summary) = head;
    let (reads, permissions) = text;
    format!(
        "# {name}\n\n{summary}\n\n## Reads\n\n{}\n\n## Permissions\n\n{}\n\n## Settings\n\n{}\n## Proven on\n\n{}\n",
        reads.trim(),
        permissions.trim(),
        settings(schema),
        proven.trim(),
    )
}

/// Calls with what becomes of them, what lists hide, what is not read, what can be changed.
fn reads(manifest: &Manifest) -> String {
    let document = manifest.document();
    let mut text = String::from("| call | scope | becomes |\n| --- | --- | --- |\n");
    for (index, (name, stream)) in document.stream.iter().enumerate() {
        let Some(call) = &stream.call else { continue };
        let address = call.address().map_or("", |address| address.source());
        let mut becomes: Vec<String> =
            manifest.yields(index).iter().map(|kind| kind.as_str().replace('_', " ")).collect();
        for (kind, fields) in manifest.enriches(index) {
            let fields: Vec<&str> = fields.into_iter().collect();
            becomes.push(format!("{} of {}", fields.join(", "), kind.as_str().replace('_', " ")));
        }
        let _ = writeln!(text, "| `{} {address}` | `{name}` | {} |", call.method.as_str(), becomes.join("; "));
    }
    let _ = writeln!(
        text,
        "\nThe interface is {}, compared with its documentation on {}.",
        document.api,
        document.checked.get_ref().0
    );
    listed(&mut text, "What its lists hide unless asked, and how it is read here", &document.hidden);
    let empty = document
        .stream
        .iter()
        .filter_map(|(name, stream)| Some(format!("`{name}`: {}", stream.may_be_empty.as_ref()?.get_ref())));
    listed(
        &mut text,
        "Believed when they are empty at first, while the accounts are there",
        &empty.collect::<Vec<_>>(),
    );
    listed(&mut text, "Not read", &document.not_read);
    if !document.action.is_empty() {
        text.push_str("\nCan be changed (declared and tested; nothing carries it out yet):\n\n");
        for (name, action) in document.action.iter() {
            let risk = match action.risk.get_ref() {
                Risk::Reversible => "can be undone".to_owned(),
                Risk::Lossy => format!("can be undone, but loses {}", action.loss.as_deref().unwrap_or_default()),
                Risk::Irreversible => "cannot be undone".to_owned(),
            };
            let _ = writeln!(text, "- `{name}` ({}): {risk}", action.on.as_str());
        }
    }
    text
}

fn listed(text: &mut String, title: &str, lines: &[impl std::fmt::Display]) {
    if !lines.is_empty() {
        let _ = writeln!(text, "\n{title}:\n");
        for line in lines {
            let _ = writeln!(text, "- {line}");
        }
    }
}

fn permissions(manifest: &Manifest) -> String {
    let document = manifest.document();
    let mut text = String::new();
    let needed = document.access.as_ref().map_or(&[][..], |access| &access.read);
    if needed.is_empty() {
        text.push_str("The manifest names no least-privilege permissions.\n");
    }
    for permission in needed {
        let _ = writeln!(text, "- {permission}");
    }
    for (name, stream) in document.stream.iter().filter(|(_, stream)| !stream.needs.is_empty()) {
        let _ = writeln!(text, "- for `{name}`: {}", stream.needs.join(", "));
    }
    for (name, auth) in document.auth.iter() {
        let help = auth.help.as_deref().map_or(String::new(), |help| format!(": {help}"));
        let _ = writeln!(text, "- signs in by `auth = \"{name}\"` ({}){help}", auth.kind.get_ref().as_str());
    }
    text
}

/// One line a setting: name, whether it is required, what it is.
fn settings(schema: &Json) -> String {
    // Of a manifest only the first alternative lists them: recorded exchanges need none.
    let required = schema.get("required").or_else(|| schema.pointer("/anyOf/0/required")).unwrap_or(&Json::Null);
    let required: Vec<&str> = required.as_array().into_iter().flatten().filter_map(Json::as_str).collect();
    let none = serde_json::Map::new();
    let properties = schema["properties"].as_object().unwrap_or(&none);
    let line = |(name, property): (&String, &Json)| {
        let need = if required.contains(&name.as_str()) { " (required)" } else { "" };
        let text =
            property["description"].as_str().unwrap_or_default().split_whitespace().collect::<Vec<_>>().join(" ");
        format!("- `{name}`{need}: {text}\n")
    };
    properties.iter().map(line).collect()
}
