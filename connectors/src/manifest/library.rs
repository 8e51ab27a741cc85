//! Every manifest that can be named: those that muster brings along, and those of the user's folder.

use std::path::Path;
use std::sync::Arc;

use super::problem::{Problem, Severity};
use super::{CATALOG, Manifest, catalogued};

/// Manifests by id.
#[derive(Debug, Default)]
pub struct Library {
    own: Vec<Arc<Manifest>>,
}

impl Library {
    /// The catalogue and the manifests (`*.toml`, `*.json`) of a folder. A manifest of the folder may take the place of one of the catalogue;
    /// two of the folder may not have one id.
    ///
    /// # Errors
    /// Every problem of every file; none of them is left out silently.
    pub fn load(folder: &Path) -> Result<Self, Vec<Problem>> {
        let mut problems = Vec::new();
        let mut own: Vec<Arc<Manifest>> = Vec::new();
        let mut files = match std::fs::read_dir(folder).and_then(Iterator::collect::<Result<Vec<_>, _>>) {
            Ok(entries) => entries.into_iter().map(|entry| entry.path()).collect::<Vec<_>>(),
            Err(error) => {
                return Err(vec![at(
                    folder,
                    format!("the folder cannot be read: {error}"),
                    "create it, or correct `manifests` in the config",
                )]);
            }
        };
        files.retain(|file| file.extension().is_some_and(|ending| ending == "toml" || ending == "json"));
        files.sort();
        for file in files {
            match Manifest::load(&file) {
                Ok(manifest) => match own.iter().find(|other| other.id() == manifest.id()) {
                    Some(first) => {
                        let before = first.file().unwrap_or(folder).display();
                        let what = format!("two manifests are called `{}`: this one and {before}", manifest.id());
                        problems.push(at(&file, what, "give one of them another id"));
                    }
                    None => own.push(Arc::new(manifest)),
                },
                Err(found) => problems.extend(found),
            }
        }
        if problems.is_empty() { Ok(Self { own }) } else { Err(problems) }
    }

    /// The manifest called `id`.
    ///
    /// # Errors
    /// Its problems: a catalogued manifest that does not load.
    pub fn find(&self, id: &str) -> Option<Result<Arc<Manifest>, Vec<Problem>>> {
        if let Some(own) = self.own.iter().find(|manifest| manifest.id() == id) {
            return Some(Ok(Arc::clone(own)));
        }
        catalogued(id).map(|entry| entry.manifest().map(Arc::new))
    }

    /// Manifests of the folder, by their file's name.
    pub fn own(&self) -> &[Arc<Manifest>] {
        &self.own
    }

    /// Every id that can be named, sorted.
    pub fn ids(&self) -> Vec<&str> {
        let mut ids: Vec<&str> =
            self.own.iter().map(|manifest| manifest.id()).chain(CATALOG.iter().map(|entry| entry.id)).collect();
        ids.sort_unstable();
        ids.dedup();
        ids
    }
}

fn at(file: &Path, what: String, fix: &str) -> Problem {
    Problem {
        severity: Severity::Error,
        file: Some(file.to_owned()),
        line: 1,
        column: 1,
        span: 0..0,
        what,
        cause: None,
        fix: Some(fix.to_owned()),
    }
}
