//! Secrets, and where they come from.
//!
//! A [`Secret`] prints as `***` whatever is done to it, is wiped when dropped and is never part of a record, an error or a
//! process argument. Config holds only a [`CredentialSource`].

use std::fmt;
use std::path::{Path, PathBuf};
use std::process::Stdio;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

/// A password, token or key.
#[derive(Clone)]
pub struct Secret(Zeroizing<String>);

impl Secret {
    /// Wraps a secret.
    pub fn new(text: impl Into<String>) -> Self {
        Self(Zeroizing::new(text.into()))
    }

    /// The secret itself, for the one call that needs it.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}

impl fmt::Display for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}

/// Where a secret is kept: `{ env = "NAME" }`, `{ file = "path" }` or `{ command = ["op", "read", "…"] }`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase", deny_unknown_fields)]
pub enum CredentialSource {
    /// An environment variable.
    Env(String),
    /// The first line of a file, relative to the config.
    File(PathBuf),
    /// The first line that a program prints. It is run without a shell.
    Command(Vec<String>),
}

/// Why there is no secret. Never quotes one.
#[derive(Debug, thiserror::Error)]
pub enum SecretError {
    /// The variable is not set or empty.
    #[error("the environment has no `{name}`")]
    NoVariable {
        /// Variable.
        name: String,
        /// A variable that is set and spelled alike.
        similar: Option<String>,
    },
    /// The file cannot be read.
    #[error("cannot read `{}`", path.display())]
    File {
        /// File.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// The file or the program's answer is empty.
    #[error("{0} is empty")]
    Empty(String),
    /// The program cannot be started.
    #[error("cannot run `{program}`")]
    Command {
        /// Program.
        program: String,
        /// Why.
        source: std::io::Error,
    },
    /// The program failed. Its output may hold the secret and is not quoted.
    #[error("`{program}` ended with {status}")]
    CommandFailed {
        /// Program.
        program: String,
        /// Exit status.
        status: std::process::ExitStatus,
    },
}

/// The process environment as it was read once, at the start.
pub type Environment = std::collections::BTreeMap<String, String>;

impl CredentialSource {
    /// Fetches the secret; relative paths count from `folder`.
    ///
    /// # Errors
    /// [`SecretError`] when there is none.
    pub async fn fetch(&self, environment: &Environment, folder: &Path) -> Result<Secret, SecretError> {
        match self {
            Self::Env(name) => match environment.get(name) {
                Some(value) if !value.is_empty() => Ok(Secret::new(value.as_str())),
                Some(_) | None => {
                    Err(SecretError::NoVariable { name: name.clone(), similar: similar_name(name, environment) })
                }
            },
            Self::File(path) => {
                let path = folder.join(path);
                let text = tokio::fs::read_to_string(&path)
                    .await
                    .map(Zeroizing::new)
                    .map_err(|source| SecretError::File { path: path.clone(), source })?;
                first_line(&text).ok_or_else(|| SecretError::Empty(format!("`{}`", path.display())))
            }
            Self::Command(words) => {
                let program = words.first().cloned().unwrap_or_default();
                let output = tokio::process::Command::new(&program)
                    .args(words.iter().skip(1))
                    .current_dir(folder)
                    .stdin(Stdio::null())
                    .stderr(Stdio::null())
                    .kill_on_drop(true)
                    .output()
                    .await
                    .map_err(|source| SecretError::Command { program: program.clone(), source })?;
                if !output.status.success() {
                    return Err(SecretError::CommandFailed { program, status: output.status });
                }
                let text = Zeroizing::new(String::from_utf8_lossy(&output.stdout).into_owned());
                first_line(&text).ok_or_else(|| SecretError::Empty(format!("the answer of `{program}`")))
            }
        }
    }
}

fn first_line(text: &str) -> Option<Secret> {
    text.lines().next().filter(|line| !line.is_empty()).map(Secret::new)
}

fn similar_name(name: &str, environment: &Environment) -> Option<String> {
    environment
        .keys()
        .map(|known| (strsim::jaro_winkler(name, known), known))
        .filter(|(likeness, _)| *likeness > 0.9)
        .max_by(|a, b| a.0.total_cmp(&b.0))
        .map(|(_, known)| known.clone())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_secret_never_shows_and_a_missing_one_names_its_neighbour() {
        let environment = Environment::from([("OKTA_TOKEN".to_owned(), "hunter2".to_owned())]);
        let secret = CredentialSource::Env("OKTA_TOKEN".into()).fetch(&environment, Path::new(".")).await.unwrap();
        assert_eq!(secret.expose(), "hunter2");
        assert_eq!(format!("{secret:?} {secret}"), "*** ***");
        let missing = CredentialSource::Env("OKTA_TOKE".into()).fetch(&environment, Path::new(".")).await.unwrap_err();
        assert!(matches!(missing, SecretError::NoVariable { similar: Some(name), .. } if name == "OKTA_TOKEN"));
    }

    #[tokio::test]
    async fn a_failing_command_does_not_quote_its_output() {
        let source = CredentialSource::Command(vec!["sh".into(), "-c".into(), "echo hunter2; exit 3".into()]);
        let error = source.fetch(&Environment::new(), Path::new(".")).await.unwrap_err();
        assert!(!format!("{error:?}").contains("hunter2"));
    }
}
