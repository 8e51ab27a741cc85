//! Samba as an Active Directory domain controller.
//!
//! Its ports are fixed (389, 636), so there is one at a time on a machine: a lock makes others wait. Must run as root.

use std::fs::{self, File};
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, Stdio};

use crate::slapd::{answers, run, write_certificates};

/// How to install what is missing.
const INSTALL: &str = "apt-get install --no-install-recommends samba samba-ad-dc samba-ad-provision samba-dsdb-modules \
                       samba-vfs-modules winbind krb5-user ldb-tools";

/// The domain's DN.
pub const SUFFIX: &str = "DC=acme,DC=test";
/// The domain's administrator, as a user principal name.
pub const ADMINISTRATOR: &str = "Administrator@acme.test";
/// The administrator's password.
pub const PASSWORD: &str = "Correct-horse-1";

/// Why a domain controller could not be started.
#[derive(Debug, thiserror::Error)]
#[error("Samba cannot be started: {0}; it needs root and: {INSTALL}")]
pub struct StartError(String);

impl From<std::io::Error> for StartError {
    fn from(error: std::io::Error) -> Self {
        Self(error.to_string())
    }
}

impl From<crate::slapd::StartError> for StartError {
    fn from(error: crate::slapd::StartError) -> Self {
        Self(match error {
            crate::slapd::StartError::Missing { program, source } => format!("`{program}` cannot be run ({source})"),
            other => other.to_string(),
        })
    }
}

/// A running domain controller. Stopped, and its folder deleted, when dropped; then the next one may start.
#[derive(Debug)]
pub struct Samba {
    child: Child,
    // Samba ends when its standard input does, so it cannot outlive a test that is killed.
    _alive: Option<ChildStdin>,
    folder: tempfile::TempDir,
    _lock: File,
}

impl Samba {
    /// Provisions a domain, adds `ldif` (as `ldbadd` takes it), gives `passwords` to accounts and starts the server.
    ///
    /// Takes about ten seconds, and longer when another test has one running.
    ///
    /// # Errors
    /// [`StartError`] when a program is missing or fails, or another server has the ports.
    pub fn start(ldif: &str, passwords: &[(&str, &str)]) -> Result<Self, StartError> {
        let lock = File::options()
            .create(true)
            .truncate(false)
            .write(true)
            .open(std::env::temp_dir().join("muster-samba.lock"))?;
        lock.lock()?;
        let folder = tempfile::Builder::new().prefix("muster-samba-").tempdir()?;
        let path = folder.path();
        write_certificates(path)?;
        provision(path)?;
        let conf = path.join("dc/etc/smb.conf");
        add_settings(&conf, path)?;
        if !ldif.is_empty() {
            fs::write(path.join("content.ldif"), ldif)?;
            run(Path::new("ldbadd"), &["-H", "dc/private/sam.ldb", "content.ldif"], path)?;
        }
        let configuration = format!("--configfile={}", conf.display());
        for (account, password) in passwords {
            let password = format!("--newpassword={password}");
            run(Path::new("samba-tool"), &["user", "setpassword", account, &password, &configuration], path)?;
        }
        let mut child = Command::new("/usr/sbin/samba")
            .args(["-i", "-M", "single", "-s"])
            .arg(&conf)
            .arg("--option=server services=ldap")
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(File::create(path.join("samba.log"))?)
            .spawn()
            .map_err(|error| StartError(format!("`samba` cannot be run ({error})")))?;
        let alive = child.stdin.take();
        if answers(&mut child, 636) {
            return Ok(Self { child, _alive: alive, folder, _lock: lock });
        }
        let _ended = child.kill();
        let _status = child.wait();
        Err(StartError(fs::read_to_string(path.join("samba.log")).unwrap_or_default()))
    }

    /// `ldaps://127.0.0.1`.
    pub fn ldaps_url(&self) -> String {
        "ldaps://127.0.0.1".to_owned()
    }

    /// `ldap://127.0.0.1`, which takes passwords only after StartTLS.
    pub fn url(&self) -> String {
        "ldap://127.0.0.1".to_owned()
    }

    /// The CA that signed the server's certificate.
    pub fn ca_file(&self) -> PathBuf {
        self.folder.path().join("ca.pem")
    }

    /// What `ldapsearch` prints as the administrator, with these arguments after the connection's own.
    ///
    /// # Errors
    /// [`StartError`] when `ldapsearch` is missing or fails.
    pub fn ldapsearch(&self, arguments: &[&str]) -> Result<String, StartError> {
        let output = Command::new("ldapsearch")
            .args(["-x", "-H", &self.ldaps_url(), "-D", ADMINISTRATOR, "-w", PASSWORD, "-b", SUFFIX])
            .args(arguments)
            .env("LDAPTLS_CACERT", self.ca_file())
            .output()
            .map_err(|error| StartError(format!("`ldapsearch` cannot be run ({error}); apt-get install ldap-utils")))?;
        if output.status.success() {
            return Ok(String::from_utf8_lossy(&output.stdout).into_owned());
        }
        Err(StartError(String::from_utf8_lossy(&output.stderr).into_owned()))
    }
}

impl Drop for Samba {
    fn drop(&mut self) {
        let _ended = self.child.kill();
        let _status = self.child.wait();
    }
}

fn provision(folder: &Path) -> Result<(), StartError> {
    let target = format!("--targetdir={}", folder.join("dc").display());
    let password = format!("--adminpass={PASSWORD}");
    run(
        Path::new("samba-tool"),
        &[
            "domain",
            "provision",
            &target,
            "--realm=ACME.TEST",
            "--domain=ACME",
            "--host-name=dc1",
            "--server-role=dc",
            "--dns-backend=NONE",
            &password,
            "--host-ip=127.0.0.1",
            "--use-rfc2307",
            "--option=interfaces=lo",
            "--option=bind interfaces only=yes",
            "--option=vfs objects=dfs_samba4 acl_xattr xattr_tdb",
        ],
        folder,
    )?;
    Ok(())
}

/// Our certificate instead of the self-signed one, which names no address.
fn add_settings(conf: &Path, folder: &Path) -> Result<(), StartError> {
    let text = fs::read_to_string(conf)?;
    let folder = folder.display();
    let tls = format!(
        "[global]\n\ttls cafile = {folder}/ca.pem\n\ttls certfile = {folder}/server.pem\n\ttls keyfile = {folder}/server.key\n\
         \tinterfaces = lo\n\tbind interfaces only = yes\n"
    );
    File::create(conf)?.write_all(text.replacen("[global]\n", &tls, 1).as_bytes())?;
    Ok(())
}
