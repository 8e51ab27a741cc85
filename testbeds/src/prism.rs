//! Starts Prism (npm, `@stoplight/prism-cli`) on a vendor's description: a server that is not ours, which checks every request
//! against it and answers with the description's examples, or with values of the described types.
//!
//! It refuses what the description does not have: an unknown path (404), a missing or wrong parameter or body (422), a
//! credential of the wrong kind (401). Query parameters that nobody declared it lets through, and its pages never end:
//! [`crate::vendor`] has both.

use serde_json::Value;

use crate::node::{NodeError, NodeServer, Program};

/// A running Prism.
#[derive(Debug)]
pub struct Prism(NodeServer);

impl Prism {
    /// Starts it on an OpenAPI 3 or Swagger 2 description.
    ///
    /// # Errors
    /// [`NodeError`], with the lines that install what is missing.
    pub fn start(description: &Value) -> Result<Self, NodeError> {
        let program = Program {
            package: "@stoplight/prism-cli",
            script: "dist/index.js",
            ours: None,
            file: ("description.json", description.to_string()),
            ready: "Prism is listening",
        };
        let server = NodeServer::start(&program, |port, file| {
            let port = port.to_string();
            let words = ["mock", "--host", "127.0.0.1", "--port", &port, "--multiprocess", "false"];
            words.map(str::to_owned).into_iter().chain([file.display().to_string()]).collect()
        })?;
        Ok(Self(server))
    }

    /// Its port on loopback. Paths begin where the description's begin, without the path of its servers.
    pub const fn port(&self) -> u16 {
        self.0.port()
    }
}
