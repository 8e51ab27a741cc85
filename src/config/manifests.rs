//! What is wrong with a manifest, as a person reads it: with its file, line and column like everything else.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use muster_connectors::manifest::{Library, Problem, Severity};
use toml::de::DeTable;

use crate::diagnostic::{Diagnostic, Place, SourceText};

/// The problems as diagnostics: `MAN001` for errors, `MAN002` for warnings. The files are read again to show the lines.
pub fn diagnostics(problems: &[Problem]) -> Vec<Diagnostic> {
    coded(problems, "MAN001", "MAN002", None)
}

/// [`diagnostics`] of differences from the vendor's description: `MAN003` and `MAN002`. `text` is that of a manifest without a file.
pub fn differences(problems: &[Problem], text: Option<&Arc<SourceText>>) -> Vec<Diagnostic> {
    coded(problems, "MAN003", "MAN002", text)
}

/// The catalogue and the manifests of the folder that the config at `path` names, whatever else is wrong with the config.
///
/// # Errors
/// What is wrong with the manifests, or with the TOML.
pub fn library(path: &Path) -> Result<Library, Vec<Diagnostic>> {
    let unreadable =
        |what: String| vec![Diagnostic::error("CFG001", format!("cannot read `{}`", path.display())).cause(what)];
    let text = std::fs::read_to_string(path).map_err(|error| unreadable(error.to_string()))?;
    let root = DeTable::parse(&text).map_err(|error| unreadable(error.message().to_owned()))?;
    let folder = root.get_ref().get("muster").and_then(|muster| muster.get_ref().get("manifests"));
    let Some(folder) = folder.and_then(|folder| folder.get_ref().as_str()) else { return Ok(Library::default()) };
    let beside = path.parent().unwrap_or(Path::new("."));
    Library::load(&beside.join(folder)).map_err(|problems| diagnostics(&problems))
}

fn coded(problems: &[Problem], error: &str, warning: &str, text: Option<&Arc<SourceText>>) -> Vec<Diagnostic> {
    let mut files: BTreeMap<&Path, Option<Arc<SourceText>>> = BTreeMap::new();
    let mut told = Vec::with_capacity(problems.len());
    for problem in problems {
        let file = match &problem.file {
            Some(file) => files.entry(file).or_insert_with(|| source(file)).clone(),
            None => text.cloned(),
        };
        let diagnostic = match problem.severity {
            Severity::Error => Diagnostic::error(error, problem.what.as_str()),
            Severity::Warning => Diagnostic::warning(warning, problem.what.as_str()),
        };
        let mut diagnostic = diagnostic.maybe_fix(problem.fix.clone());
        diagnostic.cause.clone_from(&problem.cause);
        match file {
            Some(file) => diagnostic.place = Some(Place::new(&file, problem.span.clone())),
            None => diagnostic.at = Some(format!("{}:{}", problem.line, problem.column)),
        }
        told.push(diagnostic);
    }
    told
}

fn source(file: &Path) -> Option<Arc<SourceText>> {
    let text = std::fs::read_to_string(file).ok()?;
    Some(Arc::new(SourceText { path: file.display().to_string(), text }))
}
