//! `muster config show|check|schema`.

use std::io::Write as _;

use clap::{Args, Subcommand, builder::PossibleValuesParser};
use muster_connectors::NATIVE;

use super::answers::ANSWERS;
use super::outcome::{Exit, Failure, Outcome};
use super::output::open;
use super::session::Session;
use crate::config::policy::SCHEMAS;
use crate::config::{Config, Origin, schema, show_duration};
use crate::people::SharedId;
use crate::people::linkage::Kind;

/// Arguments of `muster config`.
#[derive(Debug, Clone, Args)]
pub struct Arguments {
    /// What to do.
    #[command(subcommand)]
    pub action: Action,
}

/// What to do.
#[derive(Debug, Clone, Subcommand)]
pub enum Action {
    /// Show every setting as it counts
    Show {
        /// Say who set each one: a flag, the environment, the file or nobody
        #[arg(long)]
        origin: bool,
    },
    /// Check the config and the policy folder, and nothing else
    Check,
    /// Print the JSON Schema of muster.toml, of a policy file or of an answer, for editors and programs
    Schema {
        /// The file
        #[arg(default_value = CONFIG, value_parser = schema_names())]
        file: String,
    },
}

/// The config's own name among the files with a schema.
const CONFIG: &str = "muster.toml";

fn schema_names() -> PossibleValuesParser {
    let answers = ANSWERS.iter().map(|(name, _)| *name);
    PossibleValuesParser::new([CONFIG].into_iter().chain(SCHEMAS.iter().map(|(name, _)| *name)).chain(answers))
}

/// Shows, checks or describes the config.
///
/// # Errors
/// [`Failure`] when the config cannot be used.
pub fn run(arguments: &Arguments, session: &Session) -> Result<Outcome, Failure> {
    match &arguments.action {
        Action::Schema { file } => {
            let mut out = open(None)?;
            let of_policy = SCHEMAS.iter().chain(ANSWERS).find(|(name, _)| name == file);
            let schema = of_policy.map_or_else(|| schema(NATIVE), |(_, schema)| schema());
            writeln!(out, "{schema:#}")?;
            out.close()?;
            Ok(Outcome::answered())
        }
        Action::Check => {
            let config = session.config()?;
            let systems = config.systems.len();
            Ok(Outcome::new(
                Exit::Clean,
                format!(
                    "`{}` is right: {systems} systems, {} decisions about links",
                    config.file.path,
                    config.policy.decisions().count()
                ),
            ))
        }
        Action::Show { origin } => {
            let origin = *origin;
            let config = session.config()?;
            let mut out = open(None)?;
            let rows = settings(&config);
            let width =
                |column: fn(&Row) -> &str| rows.iter().map(|row| column(row).chars().count()).max().unwrap_or(0);
            let (keys, values) = (width(|row| &row.key), width(|row| &row.value));
            for row in &rows {
                let line = if origin {
                    format!("{:keys$}  {:values$}  {}", row.key, row.value, row.origin)
                } else {
                    format!("{:keys$}  {}", row.key, row.value)
                };
                writeln!(out, "{}", crate::diagnostic::visible(line.trim_end()))?;
            }
            out.close()?;
            Ok(Outcome::answered())
        }
    }
}

struct Row {
    key: String,
    value: String,
    origin: String,
}

fn settings(config: &Config) -> Vec<Row> {
    let row =
        |key: &str, value: String, origin: &Origin| Row { key: key.to_owned(), value, origin: origin.to_string() };
    let now = config.now.value.map_or("the real clock".to_owned(), |now| now.to_string());
    let deadline = config.deadline.value.map_or("none".to_owned(), show_duration);
    let mut rows = vec![
        row("timezone", config.timezone.value.iana_name().unwrap_or("UTC").to_owned(), &config.timezone.origin),
        row("policy", config.policy_folder.value.display().to_string(), &config.policy_folder.origin),
        row("now", now, &config.now.origin),
        row("store", config.store.value.display().to_string(), &config.store.origin),
        row("fail_on", config.fail_on.value.to_string(), &config.fail_on.origin),
        row("deadline", deadline, &config.deadline.origin),
        row("resume_within", show_duration(config.resume_within.value), &config.resume_within.origin),
        row("concurrency", config.concurrency.value.to_string(), &config.concurrency.origin),
        row("fold_over", config.fold_over.value.to_string(), &config.fold_over.origin),
    ];
    let gate_rows = config.gate.limits().map(|(key, value)| (key, value.to_string()));
    rows.extend(gate_rows.into_iter().map(|(key, value)| row(&format!("gate.{key}"), value, &config.gate_origin(key))));
    rows.push(row("drift.compare_days", config.compare_days.value.to_string(), &config.compare_days.origin));
    rows.extend(people(config));
    rows.extend(config.systems.iter().map(|system| {
        let value = format!("{} (connector {})", system.name, system.connector_name);
        row("system", value, &Origin::File(line_of(&system.place)))
    }));
    rows
}

/// `[people]`: how HR feeds become persons, and how accounts are told by likeness.
fn people(config: &Config) -> Vec<Row> {
    let row = |key: &str, value: String| Row {
        key: format!("people.{key}"),
        value,
        origin: config.people_origin(key).to_string(),
    };
    let feeds = |feeds: &[String]| if feeds.is_empty() { "in order of name".to_owned() } else { feeds.join(", ") };
    let shared = |id: &SharedId| match id {
        SharedId::Employee => "employee_id",
        SharedId::Person => "person_id",
    };
    let join: Vec<&str> = config.people.join.iter().map(shared).collect();
    let mut rows = vec![row("precedence", feeds(&config.people.precedence))];
    for (attribute, own) in &config.people.attributes {
        rows.push(row(&format!("attributes.{}", attribute.as_str()), feeds(own)));
    }
    rows.push(row("join", if join.is_empty() { "nothing".to_owned() } else { join.join(", ") }));
    rows.push(row("vanish_days", config.people.vanish_days.to_string()));
    rows.push(row("false_link_rate", config.likeness.false_link_rate.to_string()));
    for (place, pair) in config.likeness.compared.iter().enumerate() {
        let kind = match pair.kind {
            Kind::Text => "text",
            Kind::Phone => "phone",
            Kind::Date => "date",
            Kind::Code => "code",
        };
        let value = format!("{} = {} (as {kind})", pair.person.label(), pair.account.label());
        rows.push(row(&format!("compare.{}", place + 1), value));
    }
    rows
}

fn line_of(place: &crate::diagnostic::Place) -> String {
    format!("{}:{}", place.file.path, place.line_column().0)
}
