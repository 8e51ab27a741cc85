//! A first manifest with its fixtures: small, commented, and sound from the first minute.

use std::path::{Path, PathBuf};

/// Why nothing was scaffolded.
#[derive(Debug, thiserror::Error)]
pub enum ScaffoldError {
    /// The id cannot be a connector's.
    #[error("`{id}` cannot be a connector's name: use lower-case letters, digits and `-`, a letter first")]
    Id {
        /// The id.
        id: String,
    },
    /// Something is there already.
    #[error("`{}` is there already, and nothing was written", path.display())]
    Exists {
        /// The file or folder.
        path: PathBuf,
    },
    /// A file cannot be written.
    #[error("cannot write `{}`: {source}", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
}

const MANIFEST: &str = include_str!("scaffold/manifest.toml");
const EXCHANGES: &str = include_str!("scaffold/exchanges.json");
const EXPECTED: &str = include_str!("scaffold/expected.json");

/// Writes `ID.toml` and `ID/` with its fixtures into `folder`; says what was written.
///
/// # Errors
/// [`ScaffoldError`]; a file that is there is never overwritten.
pub fn scaffold(id: &str, folder: &Path) -> Result<Vec<PathBuf>, ScaffoldError> {
    let fits = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    if !id.bytes().all(fits) || !id.starts_with(|first: char| first.is_ascii_lowercase()) {
        return Err(ScaffoldError::Id { id: id.to_owned() });
    }
    let fixtures = folder.join(id);
    let files = [
        (folder.join(format!("{id}.toml")), MANIFEST.replace("ID", id)),
        (fixtures.join("exchanges.json"), EXCHANGES.to_owned()),
        (fixtures.join("expected.json"), EXPECTED.to_owned()),
    ];
    if let Some((path, _)) = files.iter().find(|(path, _)| path.exists()) {
        return Err(ScaffoldError::Exists { path: path.clone() });
    }
    std::fs::create_dir_all(&fixtures).map_err(|source| ScaffoldError::Io { path: fixtures.clone(), source })?;
    let mut written = Vec::new();
    for (path, text) in files {
        std::fs::write(&path, text).map_err(|source| ScaffoldError::Io { path: path.clone(), source })?;
        written.push(path);
    }
    Ok(written)
}
