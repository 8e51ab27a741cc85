//! AWS as moto emulates it, in a process of its own: an organisation of six accounts (one suspended) with users, keys, MFA,
//! groups, roles, policies, SCPs, an RCP, Identity Center, and policies on resources.
//!
//! `moto/serve.py` says which eight answers of moto are corrected. IAM paging, throttling and broken answers are not moto's:
//! see [`crate::scripted_aws`].

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use serde::Deserialize;

use crate::python::{PythonError, python, workspace_root};

/// How long moto may take to start on a busy machine.
const START: Duration = Duration::from_mins(2);

/// Why there is no emulator.
#[derive(Debug, thiserror::Error)]
pub enum MotoError {
    /// There is no Python with moto in it.
    #[error(transparent)]
    Python(#[from] PythonError),
    /// Something could not be started or written.
    #[error("{what}")]
    Io {
        /// What was tried.
        what: String,
        /// Why it failed.
        source: std::io::Error,
    },
    /// A script or the server failed.
    #[error("{what} failed:\n{output}")]
    Failed {
        /// What was run.
        what: String,
        /// What it said.
        output: String,
    },
}

/// What the seed made, by its own names.
#[derive(Debug, Clone, Default, Deserialize)]
pub struct Seeded {
    /// Access key of the user `muster` in the management account, which has exactly the documented permissions.
    pub access_key_id: String,
    /// Its secret.
    pub secret_access_key: String,
    /// `o-…`.
    pub organization: String,
    /// The management account.
    pub management: String,
    /// Member accounts by name: `payments`, `shop`, `data`, `play` and the suspended `closed`.
    pub members: BTreeMap<String, String>,
    /// The role in every member account.
    pub role: String,
    /// The external id that its trust policy asks for.
    pub external_id: String,
    /// `r-…`.
    pub root: String,
    /// `workloads`, `production` below it, `sandbox`.
    pub units: BTreeMap<String, String>,
    /// ARN of the SCP on `workloads` and on account `play`.
    pub scp: String,
    /// ARN of the RCP on the root.
    pub rcp: String,
    /// ARN of the boundary of role `github-deploy` in `payments`; moto keeps no boundaries of users.
    pub boundary: String,
    /// ARN of a policy in `payments` with two versions.
    pub deploy: String,
    /// ada's keys: an active and an inactive one.
    pub ada_keys: Vec<String>,
    /// ci-runner's key, which was used.
    pub used_key: String,
    /// `ssoins-…`.
    pub instance: String,
    /// Identity Center: users `grace` and `linus`, group `engineers`, permission sets `admin` and `read`.
    pub center: BTreeMap<String, String>,
}

/// What `effective.py` built, and what must come out of it.
#[derive(Debug, Clone, Default, Deserialize)]
pub struct Effective {
    /// Access key of the user `muster` in the management account.
    pub access_key_id: String,
    /// Its secret.
    pub secret_access_key: String,
    /// `o-…`.
    pub organization: String,
    /// The management account.
    pub management: String,
    /// Member accounts by name: `prod`, `build`, `data`, `sandbox`.
    pub members: BTreeMap<String, String>,
    /// The role in every member account.
    pub role: String,
    /// The external id that its trust policy asks for.
    pub external_id: String,
    /// An account outside the organisation.
    pub foreign: String,
    /// A VPC endpoint of `data` through which one bucket is reached.
    pub endpoint: String,
    /// The answers.
    pub truth: Truth,
}

/// The answers, all of them ARNs.
#[derive(Debug, Clone, Default, Deserialize)]
pub struct Truth {
    /// Who may make users.
    pub create_user: Vec<String>,
    /// Who may by becoming somebody else first.
    pub create_user_transitive: Vec<String>,
    /// Who may read a report in the bucket `acme-lake`.
    pub read_report: Vec<String>,
    /// Who becomes an administrator.
    pub escalates: Vec<String>,
    /// Who would, and the layer that holds him back.
    pub held_back: BTreeMap<String, String>,
    /// Roles that any repository may assume.
    pub loose: Vec<String>,
}

/// A running server; stopped, and its folder deleted, when dropped.
#[derive(Debug)]
pub struct Moto {
    server: Child,
    folder: tempfile::TempDir,
    python: PathBuf,
    /// `http://127.0.0.1:<port>`.
    pub endpoint: String,
    /// What is in it.
    pub seeded: Seeded,
}

/// What runs as a role: by ARN its kind, and the role if it has one.
pub type Workloads = BTreeMap<String, (String, Option<String>)>;

impl Moto {
    /// Starts a server on a free port and fills it.
    ///
    /// # Errors
    /// [`MotoError`]; without moto it names the line that installs it.
    pub fn start() -> Result<Self, MotoError> {
        let mut moto = Self::empty()?;
        let answer = moto.seed("seed.py")?;
        moto.seeded = serde_json::from_str(&answer)
            .map_err(|error| MotoError::Failed { what: "seed.py".into(), output: format!("{error}: {answer}") })?;
        Ok(moto)
    }

    /// Starts a server and builds the organisation of five accounts whose policies decide about each other; what must come out of it
    /// stands in the answer.
    ///
    /// # Errors
    /// As [`Moto::start`].
    pub fn effective() -> Result<(Self, Effective), MotoError> {
        let moto = Self::empty()?;
        let answer = moto.seed("effective.py")?;
        let built = serde_json::from_str(&answer)
            .map_err(|error| MotoError::Failed { what: "effective.py".into(), output: format!("{error}: {answer}") })?;
        Ok((moto, built))
    }

    /// Starts a server and makes, in the one account, something of each kind that runs as a role and that moto has; gives their ARNs, each
    /// with its kind and what it runs as.
    ///
    /// # Errors
    /// As [`Moto::start`].
    pub fn workloads() -> Result<(Self, Workloads), MotoError> {
        let moto = Self::empty()?;
        let answer = moto.seed("workloads.py")?;
        let built = serde_json::from_str(&answer)
            .map_err(|error| MotoError::Failed { what: "workloads.py".into(), output: format!("{error}: {answer}") })?;
        Ok((moto, built))
    }

    fn seed(&self, script: &str) -> Result<String, MotoError> {
        let permissions = workspace_root().join("connectors/src/native/aws/permissions");
        self.run(script, &[self.endpoint.as_ref(), permissions.as_ref()])
    }

    fn empty() -> Result<Self, MotoError> {
        let python = python("moto")?;
        let folder = tempfile::tempdir().map_err(io("make a folder for moto"))?;
        let port = free_port().map_err(io("find a free port"))?;
        let endpoint = format!("http://127.0.0.1:{port}");
        let log = folder.path().join("moto.log");
        let out = File::create(&log).map_err(io("make moto's log"))?;
        let err = out.try_clone().map_err(io("make moto's log"))?;
        let server = Command::new(&python)
            .arg(script("serve.py"))
            .arg(port.to_string())
            .current_dir(folder.path())
            .stdin(Stdio::null())
            .stdout(out)
            .stderr(err)
            .spawn()
            .map_err(io("start moto"))?;
        let mut moto = Self { server, folder, python, endpoint, seeded: Seeded::default() };
        moto.wait(port, &log)?;
        Ok(moto)
    }

    fn wait(&mut self, port: u16, log: &Path) -> Result<(), MotoError> {
        let began = Instant::now();
        loop {
            if TcpStream::connect(("127.0.0.1", port)).is_ok() {
                return Ok(());
            }
            let ended = self.server.try_wait().map_err(io("look after moto"))?;
            if ended.is_some() || began.elapsed() > START {
                let output = std::fs::read_to_string(log).unwrap_or_default();
                return Err(MotoError::Failed { what: "moto".into(), output });
            }
            std::thread::sleep(Duration::from_millis(50));
        }
    }

    fn run(&self, name: &str, arguments: &[&std::ffi::OsStr]) -> Result<String, MotoError> {
        let output = Command::new(&self.python)
            .arg(script(name))
            .args(arguments)
            .current_dir(self.folder.path())
            .env_clear()
            .env("AWS_ACCESS_KEY_ID", &self.seeded.access_key_id)
            .env("AWS_SECRET_ACCESS_KEY", &self.seeded.secret_access_key)
            .stdin(Stdio::null())
            .output()
            .map_err(io("run a script of moto's"))?;
        if output.status.success() {
            Ok(String::from_utf8_lossy(&output.stdout).into_owned())
        } else {
            let output = String::from_utf8_lossy(&output.stderr).into_owned();
            Err(MotoError::Failed { what: name.to_owned(), output })
        }
    }

    /// Checks every later call's signature and permissions.
    ///
    /// # Errors
    /// [`MotoError`] when the server does not answer.
    pub fn enforce_authorization(&self) -> Result<(), MotoError> {
        self.post("/moto-api/reset-auth", "0")
    }

    /// Writes the AWS CLI's answers about a member account into `folder`.
    ///
    /// # Errors
    /// [`MotoError`] when the script fails.
    pub fn export(&self, account: &str, folder: &Path) -> Result<(), MotoError> {
        let role = format!("arn:aws:iam::{account}:role/{}", self.seeded.role);
        let external_id = self.seeded.external_id.clone();
        self.run("export.py", &[self.endpoint.as_ref(), folder.as_ref(), role.as_ref(), external_id.as_ref()])?;
        Ok(())
    }

    /// Deletes the audit role of a member account.
    ///
    /// # Errors
    /// [`MotoError`] when the script fails.
    pub fn remove_role(&self, account: &str) -> Result<(), MotoError> {
        self.run("remove_role.py", &[self.endpoint.as_ref(), account.as_ref(), self.seeded.role.as_ref()])?;
        Ok(())
    }

    fn post(&self, path: &str, body: &str) -> Result<(), MotoError> {
        let address = self.endpoint.trim_start_matches("http://");
        let mut stream = TcpStream::connect(address).map_err(io("reach moto"))?;
        let request = format!(
            "POST {path} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\nContent-Length: {}\r\n\r\n{body}",
            body.len()
        );
        stream.write_all(request.as_bytes()).map_err(io("ask moto"))?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer).map_err(io("hear moto"))?;
        if answer.starts_with("HTTP/1.1 200") {
            Ok(())
        } else {
            Err(MotoError::Failed { what: path.to_owned(), output: answer })
        }
    }
}

impl Drop for Moto {
    fn drop(&mut self) {
        // Both fail only when the process is gone already.
        let _gone = self.server.kill();
        let _reaped = self.server.wait();
    }
}

pub(crate) fn script(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("src/moto").join(name)
}

fn io(what: &str) -> impl Fn(std::io::Error) -> MotoError {
    move |source| MotoError::Io { what: format!("cannot {what}"), source }
}

fn free_port() -> std::io::Result<u16> {
    Ok(TcpListener::bind(("127.0.0.1", 0))?.local_addr()?.port())
}
