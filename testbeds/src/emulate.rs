//! Starts emulate (npm, 0.12.2; the version is pinned, because the same name means another package since 1.0), which holds
//! state as GitHub does: members, teams and repositories that were created are listed, over real pages.

use serde_json::Value;

use crate::node::{NodeError, NodeServer, Program};

/// A running emulator of GitHub.
#[derive(Debug)]
pub struct GithubEmulator(NodeServer);

impl GithubEmulator {
    /// Starts it with `seed`: `{"github": {"users": …, "orgs": …}}`.
    ///
    /// # Errors
    /// [`NodeError`], with the lines that install what is missing.
    pub fn start(seed: &Value) -> Result<Self, NodeError> {
        let program = Program {
            package: "emulate",
            script: "dist/index.js",
            ours: None,
            // JSON is YAML.
            file: ("seed.yaml", seed.to_string()),
            ready: "http://localhost:",
        };
        let server = NodeServer::start(&program, |port, file| {
            let (port, file) = (port.to_string(), file.display().to_string());
            let words = ["start", "--port", &port, "--service", "github", "--seed", &file];
            words.map(str::to_owned).into()
        })?;
        Ok(Self(server))
    }

    /// `http://localhost:PORT`: the name under which it writes its own links.
    pub fn url(&self) -> String {
        format!("http://localhost:{}", self.0.port())
    }
}
