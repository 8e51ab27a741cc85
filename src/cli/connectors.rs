//! `muster connectors`: what can be read, and with which permissions; manifests checked and begun.

mod exchanges;
mod exports;
mod manifest;
mod show;

use std::io::Write as _;
use std::path::PathBuf;

use clap::{Args, Subcommand};
use muster_connectors::NATIVE;
use muster_connectors::manifest::{CATALOG, Library, Manifest};
use muster_connectors::native::csv::exports::{EXPORTS, Export};
use serde_json::{Value as Json, json};

use self::show::{HEADING, as_json, page, row};
use super::outcome::{Failure, Outcome};
use super::output::{Choice, open, targets};
use super::session::Session;
use crate::config::manifests;
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
    /// List every connector: native ones, the catalogue's, and those of your own folder; and the exports that `csv` knows
    List,
    /// Show a connector's manual: what it reads, its settings, the permissions it needs; or what an export holds
    Show {
        /// Connector, or export
        name: String,
    },
    /// Check a manifest, and compare it with the vendor's API description
    Check {
        /// Manifest, or the name of one of the catalogue
        manifest: PathBuf,
        /// The vendor's description as JSON: OpenAPI 3, Swagger 2, Google discovery. Default: what the manifest names
        #[arg(long)]
        spec: Vec<PathBuf>,
    },
    /// Begin a manifest, with comments and fixtures that pass their check
    New {
        /// Name of the connector
        name: String,
        /// Folder to write into
        #[arg(long, default_value = ".")]
        folder: PathBuf,
    },
    /// Run a manifest against a folder of exchanges: records, scope states and changes must be as written there
    Test {
        /// Manifest
        manifest: PathBuf,
        /// Folder with `exchanges.json`, `expected.json` and `actions.json`. Default: what the manifest names
        #[arg(long)]
        fixtures: Option<PathBuf>,
        /// Write what came out as `expected.json`, for you to read
        #[arg(long)]
        accept: bool,
    },
    /// Read a system once and keep the exchanges as a fixture, with everything secret and personal replaced
    Record {
        /// Manifest
        manifest: PathBuf,
        /// TOML file with the system's settings: what would stand in its `[[system]]`
        #[arg(long, value_name = "FILE")]
        settings: PathBuf,
        /// Folder to write into
        #[arg(long, value_name = "FOLDER")]
        to: PathBuf,
    },
}

/// [`CHOICES`] of a list: also the table that the README shows.
const LISTS: [Choice; 3] = [CHOICES[0], CHOICES[1], Choice { name: "markdown", ending: "md" }];
const CHOICES: [Choice; 2] = [Choice { name: "table", ending: "txt" }, Choice { name: "json", ending: "json" }];

/// Does it.
///
/// # Errors
/// [`Failure`] for an unknown connector, and for a manifest that cannot be used.
pub fn run(arguments: &Arguments, session: &Session) -> Result<Outcome, Failure> {
    match &arguments.action {
        Action::List => list(session),
        Action::Show { name } => show(name, session),
        Action::Check { manifest, spec } => manifest::check(manifest, spec, session),
        Action::New { name, folder } => manifest::new(name, folder),
        Action::Test { manifest, fixtures, accept } => exchanges::test(manifest, fixtures.as_deref(), *accept),
        Action::Record { manifest, settings, to } => exchanges::record(manifest, settings, to, session),
    }
}

/// A connector, wherever it comes from.
pub(super) enum Known<'a> {
    /// Written in Rust.
    Native(&'static muster_connectors::Manual),
    /// A manifest of the catalogue.
    Catalogue(Box<Manifest>),
    /// A manifest of the user's folder.
    Own(&'a Manifest),
    /// A vendor's export that `csv` knows.
    Export(Box<Export>),
}

/// The user's manifests, when there is a config that names their folder. A config that cannot be used is no reason not to
/// show what muster brings along; it is told all the same.
fn library(session: &Session) -> Library {
    if !session.config_path().exists() {
        return Library::default();
    }
    match crate::config::manifests::library(&session.config_path()) {
        Ok(library) => library,
        Err(problems) => {
            for problem in &problems {
                session.tell(problem);
            }
            Library::default()
        }
    }
}

fn all(library: &Library) -> Result<Vec<Known<'_>>, Failure> {
    let mut all: Vec<Known<'_>> = NATIVE.iter().copied().map(Known::Native).collect();
    for entry in CATALOG.iter().filter(|entry| library.own().iter().all(|own| own.id() != entry.id)) {
        let manifest = entry.manifest().map_err(|problems| Failure::Told(manifests::diagnostics(&problems)))?;
        all.push(Known::Catalogue(Box::new(manifest)));
    }
    all.extend(library.own().iter().map(|manifest| Known::Own(manifest)));
    for shipped in EXPORTS {
        let export = shipped.export().map_err(|error| {
            let problem = Diagnostic::error("CFG007", error.message);
            match error.fix {
                Some(fix) => problem.fix(fix),
                None => problem,
            }
        })?;
        all.push(Known::Export(Box::new(export)));
    }
    all.sort_by(|a, b| a.name().cmp(b.name()));
    Ok(all)
}

fn list(session: &Session) -> Result<Outcome, Failure> {
    let library = library(session);
    let all = all(&library)?;
    for (choice, file) in targets(&session.global.output, &LISTS)? {
        let mut out = open(file.as_deref())?;
        if choice.name == "markdown" {
            writeln!(out, "{HEADING}")?;
            for known in all.iter().filter(|known| !matches!(known, Known::Export(_))) {
                writeln!(out, "{}", row(known))?;
            }
        } else if choice.name == "json" {
            let list: Vec<Json> = all.iter().map(as_json).collect();
            writeln!(out, "{:#}", Json::from(list))?;
        } else {
            let width = all.iter().map(|known| known.name().len()).max().unwrap_or(0);
            for known in &all {
                writeln!(out, "{:width$}  {:9}  {}", known.name(), known.source(), known.summary())?;
            }
        }
        out.close()?;
    }
    Ok(Outcome::answered())
}

fn show(name: &str, session: &Session) -> Result<Outcome, Failure> {
    let library = library(session);
    let all = all(&library)?;
    let known = find(name, &all)?;
    for (choice, file) in targets(&session.global.output, &CHOICES)? {
        let mut out = open(file.as_deref())?;
        if choice.name == "json" {
            writeln!(out, "{:#}", as_json(known))?;
        } else {
            out.write_all(page(known).as_bytes())?;
        }
        out.close()?;
    }
    Ok(Outcome::answered())
}

fn find<'k, 'l>(name: &str, all: &'k [Known<'l>]) -> Result<&'k Known<'l>, Failure> {
    all.iter().find(|known| known.name() == name).ok_or_else(|| {
        let near = similar(name, all.iter().map(Known::name));
        Diagnostic::error("CFG006", format!("there is no connector `{name}`"))
            .fix(
                near.map_or("`muster connectors list` shows them".to_owned(), |near| format!("did you mean `{near}`?")),
            )
            .into()
    })
}

impl Known<'_> {
    fn name(&self) -> &str {
        match self {
            Self::Native(manual) => manual.name,
            Self::Catalogue(manifest) => manifest.id(),
            Self::Own(manifest) => manifest.id(),
            Self::Export(export) => export.id,
        }
    }

    const fn source(&self) -> &'static str {
        match self {
            Self::Native(_) => "native",
            Self::Catalogue(_) => "catalogue",
            Self::Own(_) => "own",
            Self::Export(_) => "export",
        }
    }

    fn summary(&self) -> &str {
        match self {
            Self::Native(manual) => manual.summary,
            Self::Catalogue(manifest) => show::summary(manifest),
            Self::Own(manifest) => show::summary(manifest),
            Self::Export(export) => &export.summary,
        }
    }

    /// Kinds of record it yields, where that does not depend on its settings.
    fn kinds(&self) -> Json {
        match self {
            Self::Native(_) | Self::Export(_) => Json::Null,
            Self::Catalogue(manifest) => json!(manifest.kinds()),
            Self::Own(manifest) => json!(manifest.kinds()),
        }
    }
}
