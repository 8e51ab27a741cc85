//! AWS as its own service models say that it answers (those of botocore, in `moto/modelled.py`): requests that the model does not know are
//! refused, answers that are not of its shape keep the server from starting, lists of more than one element come in pages.
//!
//! For what moto does not emulate, and for refusals: the access key `not.SERVICE.Operation` may do everything but that. To that of
//! `slow.SERVICE.Operation` this one call is throttled, to `gone.…` the cluster that it is about is not there, to `page.…` a page for browsers
//! is answered, to `cut.…` nothing. One account, [`ACCOUNT`].

pub mod everything;

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::process::{Child, Command, Stdio};

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::moto::{MotoError, script};
use crate::python::python;

/// The one account.
pub const ACCOUNT: &str = "111122223333";

/// What the account has, and what its caller may do.
#[derive(Debug, Clone, Default, Serialize)]
pub struct World {
    /// Answers by the permission that their call needs (`ecs:ListTasks`); of several the first whose parameters fit.
    pub answers: BTreeMap<String, Vec<Case>>,
    /// Permissions of the caller; everything without.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub allowed: Option<Vec<String>>,
}

/// One answer.
#[derive(Debug, Clone, Serialize)]
pub struct Case {
    /// Parameters that the request has; `@region` is the region that it was signed for.
    pub when: Value,
    /// Of the shape that the model gives the operation's output, all pages in one.
    pub answer: Value,
}

impl World {
    /// One more answer.
    #[must_use]
    pub fn with(mut self, call: &str, when: Value, answer: Value) -> Self {
        self.answers.entry(call.to_owned()).or_default().push(Case { when, answer });
        self
    }
}

/// A running server; stopped when dropped.
#[derive(Debug)]
pub struct ModelledAws {
    server: Child,
    _world: tempfile::NamedTempFile,
    /// `http://127.0.0.1:<port>`.
    pub endpoint: String,
}

impl ModelledAws {
    /// Starts a server on a free port.
    ///
    /// # Errors
    /// [`MotoError`]: without moto, or when an answer is not of its shape, which is said.
    pub fn start(world: &World) -> Result<Self, MotoError> {
        let io = |what: &str| {
            let what = format!("cannot {what}");
            move |source| MotoError::Io { what, source }
        };
        let python = python("moto")?;
        let file = tempfile::NamedTempFile::new().map_err(io("make a file for the world"))?;
        serde_json::to_writer(file.as_file(), world)
            .map_err(|error| MotoError::Failed { what: "the world".into(), output: error.to_string() })?;
        let mut server = Command::new(&python)
            .arg(script("modelled.py"))
            .arg(file.path())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .map_err(io("start modelled.py"))?;
        let mut port = String::new();
        if let Some(out) = server.stdout.take() {
            BufReader::new(out).read_line(&mut port).map_err(io("hear modelled.py"))?;
        }
        let mut started = Self { server, _world: file, endpoint: format!("http://127.0.0.1:{}", port.trim()) };
        if port.trim().is_empty() {
            let mut output = String::new();
            if let Some(mut said) = started.server.stderr.take() {
                said.read_to_string(&mut output).map_err(io("hear modelled.py"))?;
            }
            return Err(MotoError::Failed { what: "modelled.py".into(), output });
        }
        Ok(started)
    }
}

/// A call that arrived.
#[derive(Debug, Clone, Deserialize)]
pub struct Asked {
    /// The permission that it needs.
    pub call: String,
    /// The region that it was signed for.
    pub region: String,
    /// Its parameters.
    pub sent: Value,
}

impl ModelledAws {
    /// Every call so far whose parameters were good, in order of arrival.
    ///
    /// # Errors
    /// [`MotoError`] when the server does not tell.
    pub fn asked(&self) -> Result<Vec<Asked>, MotoError> {
        let io = |source| MotoError::Io { what: "ask modelled.py what was asked".into(), source };
        let mut stream = TcpStream::connect(self.endpoint.trim_start_matches("http://")).map_err(io)?;
        stream.write_all(b"GET /asked HTTP/1.0\r\n\r\n").map_err(io)?;
        let mut told = String::new();
        stream.read_to_string(&mut told).map_err(io)?;
        let body = told.split_once("\r\n\r\n").map_or("", |(_, body)| body);
        serde_json::from_str(body)
            .map_err(|error| MotoError::Failed { what: "what was asked".into(), output: format!("{error}: {told}") })
    }
}

impl Drop for ModelledAws {
    fn drop(&mut self) {
        // Both fail only when the process is gone already.
        let _gone = self.server.kill();
        let _reaped = self.server.wait();
    }
}
