//! `muster connectors list|show`: what can be read, and with which permissions.

use std::io::Write as _;

use clap::{Args, Subcommand};
use muster_connectors::{Manual, NATIVE};
use serde_json::Value as Json;

use super::outcome::{Failure, Outcome};
use super::output::{Choice, open, targets};
use super::session::Session;
use crate::diagnostic::{Diagnostic, similar};

/// Arguments of `muster connectors`.
#[derive(Debug, Clone, Args)]
pub struct Arguments {
    /// What to do.
    #[command(subcommand)]
    pub action: Action,
}

/// What to do.
#[derive(Debug, Clone, Subcommand)]
pub enum Action {
    /// List every connector
    List,
    /// Show a connector's manual: what it reads, its settings, the permissions it needs
    Show {
        /// Connector
        name: String,
    },
}

const CHOICES: [Choice; 2] = [Choice { name: "table", ending: "txt" }, Choice { name: "json", ending: "json" }];

/// Prints what the connectors say of themselves.
///
/// # Errors
/// [`Failure`] for an unknown connector.
pub fn run(arguments: &Arguments, session: &Session) -> Result<Outcome, Failure> {
    for (choice, file) in targets(&session.global.output, &CHOICES)? {
        let mut out = open(file.as_deref())?;
        match (&arguments.action, choice.name) {
            (Action::List, "json") => {
                let list: Vec<Json> = NATIVE.iter().map(|manual| as_json(manual)).collect();
                writeln!(out, "{:#}", Json::from(list))?;
            }
            (Action::List, _) => {
                let width = NATIVE.iter().map(|manual| manual.name.len()).max().unwrap_or(0);
                for manual in NATIVE {
                    writeln!(out, "{:width$}  {}", manual.name, manual.summary)?;
                }
            }
            (Action::Show { name }, "json") => writeln!(out, "{:#}", as_json(find(name)?))?,
            (Action::Show { name }, _) => out.write_all(page(find(name)?).as_bytes())?,
        }
        out.close()?;
    }
    Ok(Outcome::answered())
}

fn find(name: &str) -> Result<&'static Manual, Failure> {
    muster_connectors::find(name).ok_or_else(|| {
        let near = similar(name, NATIVE.iter().map(|manual| manual.name));
        Diagnostic::error("CFG006", format!("there is no connector `{name}`"))
            .fix(
                near.map_or("`muster connectors list` shows them".to_owned(), |near| format!("did you mean `{near}`?")),
            )
            .into()
    })
}

fn as_json(manual: &Manual) -> Json {
    serde_json::json!({
        "name": manual.name,
        "summary": manual.summary,
        "reads": manual.reads,
        "permissions": manual.permissions,
        "proven_on": manual.proven_on,
        "settings": (manual.schema)().to_value(),
    })
}

fn page(manual: &Manual) -> String {
    format!(
        "# {}\n\n{}\n\n## Reads\n\n{}\n\n## Permissions\n\n{}\n\n## Settings\n\n{}\n## Proven on\n\n{}\n",
        manual.name,
        manual.summary,
        manual.reads.trim(),
        manual.permissions.trim(),
        settings(&(manual.schema)().to_value()),
        manual.proven_on.trim(),
    )
}

/// One line a setting: name, whether it is required, what it is.
fn settings(schema: &Json) -> String {
    let required: Vec<&str> = schema["required"].as_array().into_iter().flatten().filter_map(Json::as_str).collect();
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
