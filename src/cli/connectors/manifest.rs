//! `muster connectors check|new`: a manifest's own soundness, and its agreement with what the vendor describes.

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use muster_connectors::manifest::{Description, Manifest, catalogued, compare, scaffold};

use crate::cli::outcome::{Exit, Failure, Outcome};
use crate::cli::output::open;
use crate::cli::session::Session;
use crate::config::manifests::{diagnostics, differences};
use crate::diagnostic::{Diagnostic, Level, SourceText};

/// Checks the manifest at `path`, or the catalogue's of that name.
///
/// # Errors
/// [`Failure`] when it does not load, a description cannot be read, or they disagree.
pub(super) fn check(path: &Path, specs: &[PathBuf], session: &Session) -> Result<Outcome, Failure> {
    let (manifest, text) = load(path)?;
    for warning in diagnostics(manifest.warnings()) {
        session.tell(&warning);
    }
    let beside = path.parent().unwrap_or(Path::new("."));
    let named = manifest.document().test.iter().flat_map(|test| &test.spec).map(|spec| beside.join(spec.get_ref()));
    let specs: Vec<PathBuf> = match (specs.is_empty(), manifest.file()) {
        (false, _) => specs.to_vec(),
        (true, Some(_)) => named.collect(),
        // What a manifest of the catalogue names lies in the source tree and not beside the program.
        (true, None) => Vec::new(),
    };
    let mut descriptions = Vec::with_capacity(specs.len());
    for spec in &specs {
        descriptions.push(Description::load(spec).map_err(|error| {
            Diagnostic::error("MAN004", error.to_string())
                .fix("name another description with --spec, or mend `[test] spec` of the manifest")
        })?);
    }
    let mut out = open(None)?;
    let document = manifest.document();
    let records: Vec<&str> = manifest.kinds().iter().map(|kind| kind.as_str()).collect();
    writeln!(
        out,
        "{}: {} streams, {} actions, records: {}",
        manifest.id(),
        document.stream.len(),
        document.action.len(),
        records.join(", ")
    )?;
    let mut errors = 0;
    if descriptions.is_empty() {
        writeln!(out, "no description to compare with; give one with --spec")?;
    } else {
        let compared = compare(&manifest, &descriptions);
        let told = differences(&compared.problems, text.as_ref());
        for difference in &told {
            session.tell(difference);
        }
        errors = told.iter().filter(|difference| difference.level == Level::Error).count();
        let names: Vec<&str> = descriptions.iter().map(|description| description.name.as_str()).collect();
        writeln!(
            out,
            "compared with {}: {} calls and {} names agree, {} names are of unknown shape there, {errors} do not agree",
            names.join(", "),
            compared.calls,
            compared.names,
            compared.open,
        )?;
    }
    out.close()?;
    match errors {
        0 => Ok(Outcome::answered()),
        1 => Ok(Outcome::new(Exit::Failed, "1 name of the manifest is not in the vendor's description")),
        more => {
            Ok(Outcome::new(Exit::Failed, format!("{more} names of the manifest are not in the vendor's description")))
        }
    }
}

/// The manifest, and its text when it has no file.
fn load(path: &Path) -> Result<(Manifest, Option<Arc<SourceText>>), Failure> {
    let told = |problems: Vec<_>| Failure::Told(diagnostics(&problems));
    if let Some(entry) = path.to_str().and_then(catalogued)
        && !path.exists()
    {
        let text = SourceText { path: format!("{}.toml", entry.id), text: entry.text.to_owned() };
        return Ok((entry.manifest().map_err(told)?, Some(Arc::new(text))));
    }
    Ok((Manifest::load(path).map_err(told)?, None))
}

/// Begins the manifest `name` in `folder`.
///
/// # Errors
/// [`Failure`] when something is there already, or cannot be written.
pub(super) fn new(name: &str, folder: &Path) -> Result<Outcome, Failure> {
    let written = scaffold(name, folder).map_err(|error| {
        Diagnostic::error("MAN005", error.to_string()).fix("choose another name, or another folder with --folder")
    })?;
    let mut out = open(None)?;
    for file in &written {
        writeln!(out, "wrote {}", file.display())?;
    }
    let manifest = written.first().map(|file| file.display().to_string()).unwrap_or_default();
    writeln!(out, "next: muster connectors check {manifest}")?;
    writeln!(out, "then name its folder in muster.toml: [muster] manifests = \"{}\"", folder.display())?;
    out.close()?;
    Ok(Outcome::answered())
}
