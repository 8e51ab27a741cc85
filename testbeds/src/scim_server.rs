//! Starts scim2-server (PyPI, 0.8.3), a SCIM 2.0 server that holds its resources in memory.
//!
//! Proven on it: Users, Groups, enterprise extension, roles and entitlements, startIndex and cursor paging, ETags, bearer
//! tokens. It is stopped, and its folder deleted, when the guard drops.

use std::fs::File;
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::python::{self, PythonError};

/// How long the server may take to start; it needs about two seconds on an idle machine.
const START: Duration = Duration::from_mins(1);

/// Why there is no SCIM server, or why it did not answer as it should.
#[derive(Debug, thiserror::Error)]
pub enum ScimServerError {
    /// Python or the package is missing.
    #[error(transparent)]
    Python(#[from] PythonError),
    /// It could not be run.
    #[error("cannot run scim2-server")]
    Run(#[from] std::io::Error),
    /// It ended or stayed silent.
    #[error("scim2-server did not start: {0}")]
    NotStarted(String),
    /// It refused a request of the test.
    #[error("scim2-server answered {0}")]
    Refused(String),
}

/// Which paging the server announces and accepts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Paging {
    /// `startIndex` only, as the server does by default.
    Index,
    /// RFC 9865 cursors only.
    Cursor,
}

/// A running server.
#[derive(Debug)]
pub struct ScimServer {
    child: Child,
    port: u16,
    token: String,
    /// Holds configuration and log; deleted with the guard.
    _folder: tempfile::TempDir,
}

impl ScimServer {
    /// Starts a server that wants `token` as its bearer token and returns at most `page` resources at once.
    ///
    /// # Errors
    /// [`ScimServerError`], with the line that installs what is missing.
    pub fn start(token: &str, paging: Paging, page: u32) -> Result<Self, ScimServerError> {
        let program = python::program("scim2_server", "scim2-server")?;
        let mut attempts = 0;
        loop {
            // Between finding a free port and binding it another process may take it: hence a second and third attempt.
            match Self::start_once(&program, token, paging, page) {
                Err(ScimServerError::NotStarted(_)) if attempts < 2 => attempts += 1,
                outcome => return outcome,
            }
        }
    }

    fn start_once(program: &Path, token: &str, paging: Paging, page: u32) -> Result<Self, ScimServerError> {
        let folder = tempfile::tempdir()?;
        let config = folder.path().join("service-provider-config.json");
        std::fs::write(&config, announcement(paging, page).to_string())?;
        let log = folder.path().join("log");
        let output = File::create(&log)?;
        let port = TcpListener::bind(("127.0.0.1", 0))?.local_addr()?.port();
        let child = Command::new(program)
            .args(["--hostname", "127.0.0.1", "--port", &port.to_string(), "--bearer-token", token])
            .arg("--service-provider-config")
            .arg(&config)
            .current_dir(folder.path())
            .stdin(Stdio::null())
            .stdout(output.try_clone()?)
            .stderr(output)
            .spawn()?;
        let mut server = Self { child, port, token: token.to_owned(), _folder: folder };
        let begun = Instant::now();
        while begun.elapsed() < START {
            if let Some(status) = server.child.try_wait()? {
                let log = std::fs::read_to_string(&log).unwrap_or_default();
                return Err(ScimServerError::NotStarted(format!("it ended with {status}: {log}")));
            }
            // Its own log line, not the port, tells that it is our server that listens.
            if std::fs::read_to_string(&log).is_ok_and(|log| log.contains("Serving SCIM"))
                && TcpStream::connect(("127.0.0.1", port)).is_ok()
            {
                return Ok(server);
            }
            std::thread::sleep(Duration::from_millis(50));
        }
        let log = std::fs::read_to_string(&log).unwrap_or_default();
        Err(ScimServerError::NotStarted(format!("no answer within {START:?}: {log}")))
    }

    /// The base of the API: `http://127.0.0.1:PORT/v2`.
    pub fn url(&self) -> String {
        format!("http://127.0.0.1:{}/v2", self.port)
    }

    /// Creates a resource (`/Users`, `/Groups`) and returns the id that the server gave it.
    ///
    /// # Errors
    /// [`ScimServerError::Refused`] with the server's answer.
    pub fn create(&self, endpoint: &str, resource: &Value) -> Result<String, ScimServerError> {
        let (status, answer) = self.send("POST", endpoint, &resource.to_string())?;
        let id = serde_json::from_str::<Value>(&answer).ok().and_then(|made| made["id"].as_str().map(str::to_owned));
        id.filter(|_| status == 201).ok_or(ScimServerError::Refused(format!("{status}: {answer}")))
    }

    /// The body of `GET target` (`/Users?startIndex=1`), as a person would save it with curl.
    ///
    /// # Errors
    /// [`ScimServerError::Refused`] with the server's answer.
    pub fn save(&self, target: &str) -> Result<String, ScimServerError> {
        let (status, answer) = self.send("GET", target, "")?;
        if status == 200 { Ok(answer) } else { Err(ScimServerError::Refused(format!("{status}: {answer}"))) }
    }

    fn send(&self, method: &str, target: &str, body: &str) -> Result<(u16, String), ScimServerError> {
        let mut stream = TcpStream::connect(("127.0.0.1", self.port))?;
        stream.set_read_timeout(Some(Duration::from_secs(30)))?;
        let (token, port, length) = (&self.token, self.port, body.len());
        write!(
            stream,
            "{method} /v2{target} HTTP/1.0\r\nhost: 127.0.0.1:{port}\r\nauthorization: Bearer {token}\r\ncontent-type: \
             application/scim+json\r\ncontent-length: {length}\r\n\r\n{body}"
        )?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer)?;
        let (head, body) = answer.split_once("\r\n\r\n").unwrap_or((&answer, ""));
        let status = head.split(' ').nth(1).and_then(|code| code.parse().ok()).unwrap_or(0);
        Ok((status, body.to_owned()))
    }
}

impl Drop for ScimServer {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// What the server says about itself, and obeys.
fn announcement(paging: Paging, page: u32) -> Value {
    json!({
        "schemas": ["urn:ietf:params:scim:schemas:core:2.0:ServiceProviderConfig"],
        "patch": { "supported": true },
        "bulk": { "supported": false, "maxOperations": 0, "maxPayloadSize": 0 },
        "filter": { "supported": true, "maxResults": page },
        "changePassword": { "supported": false },
        "sort": { "supported": true },
        "etag": { "supported": true },
        "pagination": {
            "cursor": paging == Paging::Cursor,
            "index": paging == Paging::Index,
            "maxPageSize": page,
        },
        "authenticationSchemes": [{
            "type": "oauthbearertoken", "name": "bearer_token", "description": "HTTP bearer token",
        }],
    })
}
