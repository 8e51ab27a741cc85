//! OpenLDAP's `slapd` in a folder of its own, with LDAPS, StartTLS and a private CA.
//!
//! The database is filled by `slapadd -q` before the server starts: 100,000 entries take two seconds, while the same
//! over the wire takes minutes. Overlays do not run then, so `memberOf` values must stand in the LDIF.

use std::fs;
use std::io::Write as _;
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};

/// How to install what is missing.
const INSTALL: &str = "apt-get install --no-install-recommends slapd ldap-utils";
/// Times another pair of ports is tried.
const TRIES: u32 = 5;
/// Longest time to start.
const START: Duration = Duration::from_secs(20);

/// The suffix of the database.
pub const SUFFIX: &str = "dc=acme,dc=test";
/// The DN that may do everything.
pub const ADMIN: &str = "cn=admin,dc=acme,dc=test";
/// A DN that may read what [`Setup::access`] does not take away, and no password.
pub const SCANNER: &str = "cn=scanner,ou=svc,dc=acme,dc=test";
/// The password of both.
pub const PASSWORD: &str = "correct horse";

/// The suffix, `ou=svc` with the scanner, and a password policy that locks after three failures. Begin a directory with
/// it.
pub const ROOT_LDIF: &str = "\
dn: dc=acme,dc=test
objectClass: dcObject
objectClass: organization
dc: acme
o: Acme

dn: ou=svc,dc=acme,dc=test
objectClass: organizationalUnit
ou: svc

dn: cn=scanner,ou=svc,dc=acme,dc=test
objectClass: organizationalRole
objectClass: simpleSecurityObject
cn: scanner
userPassword: correct horse

dn: cn=policy,ou=svc,dc=acme,dc=test
objectClass: organizationalRole
objectClass: pwdPolicy
cn: policy
pwdAttribute: userPassword
pwdLockout: TRUE
pwdMaxFailure: 3

";

/// Why a server could not be started.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// A program is not installed.
    #[error("`{program}` cannot be run ({source}); install it: {INSTALL}")]
    Missing {
        /// Program.
        program: String,
        /// Why.
        source: std::io::Error,
    },
    /// A program failed.
    #[error("`{program}` failed: {output}")]
    Failed {
        /// Program.
        program: String,
        /// What it printed.
        output: String,
    },
    /// A file could not be written.
    #[error("cannot prepare the server's folder")]
    Folder(#[from] std::io::Error),
    /// A certificate could not be made.
    #[error("cannot make a certificate")]
    Certificate(#[from] rcgen::Error),
}

/// What a server holds and allows.
#[derive(Debug, Clone, Copy)]
pub struct Setup<'a> {
    /// Its content, beginning with [`ROOT_LDIF`] or the like.
    pub ldif: &'a str,
    /// Limits of the scanner, as `limits` takes them: `size.pr=1000 size.prtotal=unlimited`. Without, the global 500
    /// holds.
    pub limits: Option<&'a str>,
    /// Access rules before the one that lets the scanner read everything.
    pub access: &'a str,
}

impl Default for Setup<'_> {
    fn default() -> Self {
        Self { ldif: ROOT_LDIF, limits: Some("size.pr=1000 size.prtotal=unlimited size=unlimited"), access: "" }
    }
}

/// A running server. Stopped, and its folder deleted, when dropped.
#[derive(Debug)]
pub struct Slapd {
    child: Child,
    ldap: u16,
    ldaps: u16,
    folder: tempfile::TempDir,
}

impl Slapd {
    /// Fills a database and starts a server on free ports of 127.0.0.1.
    ///
    /// # Errors
    /// [`StartError`] when a program is missing or fails.
    pub fn start(setup: &Setup<'_>) -> Result<Self, StartError> {
        let folder = tempfile::Builder::new().prefix("muster-slapd-").tempdir()?;
        write_certificates(folder.path())?;
        fs::create_dir(folder.path().join("db"))?;
        fs::write(folder.path().join("slapd.conf"), config(folder.path(), setup))?;
        fs::write(folder.path().join("content.ldif"), setup.ldif)?;
        let slapadd = program("slapadd");
        run(&slapadd, &["-q", "-f", "slapd.conf", "-l", "content.ldif"], folder.path())?;
        let mut last = String::new();
        for _ in 0..TRIES {
            let (ldap, ldaps) = (free_port()?, free_port()?);
            let mut child = Command::new(program("slapd"))
                .args(["-d", "0", "-f", "slapd.conf", "-h"])
                .arg(format!("ldap://127.0.0.1:{ldap} ldaps://127.0.0.1:{ldaps} {}", socket_url(folder.path())))
                .current_dir(folder.path())
                .stdin(Stdio::null())
                .stdout(Stdio::null())
                .stderr(fs::File::create(folder.path().join("slapd.log"))?)
                .spawn()
                .map_err(|source| StartError::Missing { program: "slapd".into(), source })?;
            if answers(&mut child, ldap) && answers(&mut child, ldaps) {
                return Ok(Self { child, ldap, ldaps, folder });
            }
            let _ended = child.kill();
            let _status = child.wait();
            last = fs::read_to_string(folder.path().join("slapd.log")).unwrap_or_default();
        }
        Err(StartError::Failed { program: "slapd".into(), output: last })
    }

    /// `ldap://127.0.0.1:PORT`.
    pub fn url(&self) -> String {
        format!("ldap://127.0.0.1:{}", self.ldap)
    }

    /// `ldaps://127.0.0.1:PORT`.
    pub fn ldaps_url(&self) -> String {
        format!("ldaps://127.0.0.1:{}", self.ldaps)
    }

    /// `ldapi://…`: a socket on which SASL EXTERNAL binds everybody as the scanner.
    pub fn socket_url(&self) -> String {
        socket_url(self.folder.path())
    }

    /// The CA that signed the server's certificate.
    pub fn ca_file(&self) -> PathBuf {
        self.folder.path().join("ca.pem")
    }

    /// A CA that did not.
    pub fn other_ca_file(&self) -> PathBuf {
        self.folder.path().join("other-ca.pem")
    }

    /// The whole content, operational attributes included, as `slapcat` writes it.
    ///
    /// # Errors
    /// [`StartError`] when `slapcat` is missing or fails.
    pub fn slapcat(&self) -> Result<String, StartError> {
        run(&program("slapcat"), &["-f", "slapd.conf"], self.folder.path())
    }

    /// What `ldapsearch` prints as the scanner, with these arguments after the connection's own. Its exit code is not
    /// judged: a limit of the server is one too.
    ///
    /// # Errors
    /// [`StartError`] when `ldapsearch` is missing.
    pub fn ldapsearch(&self, arguments: &[&str]) -> Result<String, StartError> {
        let output = Command::new("ldapsearch")
            .args(["-x", "-H", &self.url(), "-D", SCANNER, "-w", PASSWORD, "-b", SUFFIX])
            .args(arguments)
            .output()
            .map_err(|source| StartError::Missing { program: "ldapsearch".into(), source })?;
        Ok(String::from_utf8_lossy(&output.stdout).into_owned())
    }

    /// Applies change records as the administrator.
    ///
    /// # Errors
    /// [`StartError`] when `ldapmodify` is missing or the server refuses.
    pub fn modify(&self, ldif: &str) -> Result<(), StartError> {
        let mut child = Command::new("ldapmodify")
            .args(["-x", "-H", &self.url(), "-D", ADMIN, "-w", PASSWORD])
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .map_err(|source| StartError::Missing { program: "ldapmodify".into(), source })?;
        if let Some(mut input) = child.stdin.take() {
            input.write_all(ldif.as_bytes())?;
        }
        let output = child.wait_with_output()?;
        if output.status.success() {
            return Ok(());
        }
        Err(StartError::Failed {
            program: "ldapmodify".into(),
            output: String::from_utf8_lossy(&output.stderr).into_owned(),
        })
    }

    /// Whether a simple bind succeeds; a failed one counts towards the lock of the password policy.
    ///
    /// # Errors
    /// [`StartError`] when `ldapwhoami` is missing.
    pub fn binds(&self, dn: &str, password: &str) -> Result<bool, StartError> {
        let status = Command::new("ldapwhoami")
            .args(["-x", "-H", &self.url(), "-D", dn, "-w", password])
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .status()
            .map_err(|source| StartError::Missing { program: "ldapwhoami".into(), source })?;
        Ok(status.success())
    }

    /// Stops the server at once, as a crash would.
    pub fn kill(&mut self) {
        let _ended = self.child.kill();
        let _status = self.child.wait();
    }
}

impl Drop for Slapd {
    fn drop(&mut self) {
        self.kill();
    }
}

fn socket_url(folder: &Path) -> String {
    format!("ldapi://{}", folder.join("socket").display().to_string().replace('/', "%2F"))
}

fn config(folder: &Path, setup: &Setup<'_>) -> String {
    let folder = folder.display();
    let limits = setup.limits.map(|limits| format!("limits dn.exact=\"{SCANNER}\" {limits}\n")).unwrap_or_default();
    let access = setup.access;
    format!(
        "include /etc/ldap/schema/core.schema
include /etc/ldap/schema/cosine.schema
include /etc/ldap/schema/nis.schema
include /etc/ldap/schema/inetorgperson.schema
modulepath /usr/lib/ldap
moduleload back_mdb
moduleload ppolicy
pidfile {folder}/slapd.pid
TLSCACertificateFile {folder}/ca.pem
TLSCertificateFile {folder}/server.pem
TLSCertificateKeyFile {folder}/server.key
sizelimit 500
authz-regexp \".*,cn=peercred,cn=external,cn=auth\" \"{SCANNER}\"
database mdb
maxsize 4294967296
suffix \"{SUFFIX}\"
rootdn \"{ADMIN}\"
rootpw \"{PASSWORD}\"
directory {folder}/db
lastbind on
{limits}access to attrs=userPassword by anonymous auth by * none
{access}
access to * by dn.exact=\"{SCANNER}\" read by anonymous auth by * none
index objectClass eq
overlay ppolicy
ppolicy_default \"cn=policy,ou=svc,{SUFFIX}\"
"
    )
}

/// Writes `ca.pem`, `server.pem` and `server.key` for 127.0.0.1, and `other-ca.pem`, a CA of the same name.
pub(crate) fn write_certificates(folder: &Path) -> Result<(), StartError> {
    let ca = authority()?;
    let key = KeyPair::generate()?;
    let server = CertificateParams::new(vec!["127.0.0.1".to_owned()])?.signed_by(&key, &ca)?;
    fs::write(folder.join("ca.pem"), ca.pem())?;
    fs::write(folder.join("other-ca.pem"), authority()?.pem())?;
    fs::write(folder.join("server.pem"), server.pem())?;
    write_private(&folder.join("server.key"), &key.serialize_pem())?;
    Ok(())
}

fn authority() -> Result<CertifiedIssuer<'static, KeyPair>, rcgen::Error> {
    let mut params = CertificateParams::new(Vec::new())?;
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params.distinguished_name.push(rcgen::DnType::CommonName, "Muster test bed CA");
    CertifiedIssuer::self_signed(params, KeyPair::generate()?)
}

fn write_private(path: &Path, text: &str) -> std::io::Result<()> {
    use std::os::unix::fs::OpenOptionsExt as _;
    fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)?.write_all(text.as_bytes())
}

/// A server's program: Debian keeps it in `/usr/sbin`, which ordinary users have not in their path.
fn program(name: &str) -> PathBuf {
    let there = Path::new("/usr/sbin").join(name);
    if there.exists() { there } else { PathBuf::from(name) }
}

pub(crate) fn run(program: &Path, arguments: &[&str], folder: &Path) -> Result<String, StartError> {
    let name = program.display().to_string();
    let output = Command::new(program)
        .args(arguments)
        .current_dir(folder)
        .stdin(Stdio::null())
        .output()
        .map_err(|source| StartError::Missing { program: name.clone(), source })?;
    if output.status.success() {
        return Ok(String::from_utf8_lossy(&output.stdout).into_owned());
    }
    let printed = [output.stdout, output.stderr].concat();
    Err(StartError::Failed { program: name, output: String::from_utf8_lossy(&printed).into_owned() })
}

fn free_port() -> std::io::Result<u16> {
    Ok(TcpListener::bind("127.0.0.1:0")?.local_addr()?.port())
}

/// Waits until the port answers; false when the program ended or does not come up.
pub(crate) fn answers(child: &mut Child, port: u16) -> bool {
    let start = Instant::now();
    while start.elapsed() < START {
        if TcpStream::connect(("127.0.0.1", port)).is_ok() {
            return true;
        }
        if !matches!(child.try_wait(), Ok(None)) {
            return false;
        }
        std::thread::sleep(Duration::from_millis(20));
    }
    false
}
