//! OpenLDAP, Active Directory and their kin: live over LDAP, or from an LDIF export.
//!
//! ```text
//!   client ──► live ──┐                 attributes  what is asked for, and the allow-list of raw objects
//!                     ├──► intake ──► records       mapping, values, privileged: an entry as account or group
//!   ldif ───► files ──┘                 directory   DN → object, and memberships until all names are known
//! ```
//!
//! One scope per base. Both ways in share everything after the entry, so an export and a live answer give equal
//! records.
//!
//! Times of last sign-in are what directories keep: Active Directory replicates `lastLogonTimestamp` only when it is 9
//! to 14 days old, and `lastLogon` only tells about the one controller that was asked, so a sign-in may be up to 14
//! days more recent than the record says.

mod attributes;
mod client;
mod directory;
mod dn;
mod files;
mod intake;
mod ldif;
mod live;
mod mapping;
mod privileged;
mod values;

use std::path::PathBuf;
use std::sync::Arc;

use async_trait::async_trait;
use jiff::Timestamp;
use schemars::JsonSchema;
use serde::Deserialize;

pub use self::attributes::Flavour;
use self::client::Target;
use self::files::Export;
use self::live::Server;
use crate::record::RecordKind;
use crate::scope::{Gap, Probe};
use crate::secret::CredentialSource;
use crate::sink::Sink;
use crate::{Connector, ConnectorError, Manual, Run, Settings, SettingsError};

/// The connector's manual.
pub const MANUAL: Manual = Manual {
    name: "ldap",
    summary: "OpenLDAP, Active Directory and other LDAP directories, live or from LDIF",
    reads: READS,
    collected: "LDAPS, StartTLS or `ldapi`; or LDIF files",
    not_read: &[
        "Windows Server was not tried",
        "access rules of single objects (nTSecurityDescriptor)",
        "passwords and their hashes: never asked for",
    ],
    needs: "an account that may read every entry",
    permissions: PERMISSIONS,
    proven_on: "OpenLDAP 2.5 (slapd: LDAPS, StartTLS, paging, limits, access rules, ppolicy); Samba 4 as an Active Directory \
                domain controller; a scripted server for ranged attributes, page limits, broken connections, repeated \
                pages, referrals and busy answers, which Samba does not show. Not run: Windows Server, 389 Directory Server.",
    configure,
    schema: || schemars::schema_for!(LdapSettings),
};

const READS: &str = "\
Every entry below `base`, in pages, or every entry of an LDIF file (RFC 2849; `slapcat`, `ldapsearch`, `ldifde`, `ldbsearch`).

| record | from |
| --- | --- |
| account | users, `inetOrgPerson`, `posixAccount`; computers (class device), managed service accounts (service), `krbtgt` and trusts (system) |
| group | `group`, `groupOfNames`, `groupOfUniqueNames`, `posixGroup`, `groupOfURLs` |
| membership | `member`, `uniqueMember`, `memberUid`, `roleOccupant`; primary groups (`via` = `primaryGroupID` or `gidNumber`); `memberOf` only for groups that show no member |

Ids are objectGUID or entryUUID; a DN only where neither is shown, and then marked positional. The DN is the `native_name`.

Members that are neither accounts nor groups of the bases keep `member_kind` unknown, and `via` says why: `outside base` (not
read), `base incomplete` (a gap, or an export with a filter), `not visible` (hidden by Active Directory's permissions),
`foreignSecurityPrincipal` (a SID of another domain), `objectClass=…` (a contact or the like). Without `via`, the name lies
in a base that was read to its end and nothing stands there: it dangles.

Last sign-in in Active Directory is `lastLogonTimestamp`, which **lags up to 14 days**, or `lastLogon` of the controller that
was asked if that is later. OpenLDAP keeps one only with `lastbind on` of ppolicy.

Membership in groups outside the bases is not read. Raw objects hold an allow-list of attributes: no password, key, LAPS or
security descriptor is ever requested or kept. Attributes of more than 1,500 values are only counted there.";

const PERMISSIONS: &str = "\
Read only.

- **Active Directory**: an ordinary account of the domain. If the default read access was narrowed: *List contents* and *Read all
  properties* on the base and everything below it.
- **OpenLDAP**: read access to the subtree, operational attributes included, and no size limit, inside the database section:

      access to * by dn.exact=\"cn=muster,ou=svc,dc=corp,dc=example\" read by * break
      limits dn.exact=\"cn=muster,ou=svc,dc=corp,dc=example\" size.pr=1000 size.prtotal=unlimited size=unlimited";

/// Diagnostic codes of this connector.
mod code {
    /// The server cannot be reached, or TLS cannot be agreed on.
    pub(super) const CONNECT: &str = "COL140";
    /// The bind was refused.
    pub(super) const BIND: &str = "COL141";
    /// The base is not there.
    pub(super) const BASE: &str = "COL142";
    /// A limit of the server ended the search.
    pub(super) const LIMIT: &str = "COL143";
    /// The server refused the search.
    pub(super) const REFUSED: &str = "COL144";
    /// The connection broke, or the server fell silent.
    pub(super) const LOST: &str = "COL145";
    /// The server repeats pages.
    pub(super) const LOOP: &str = "COL146";
    /// A long attribute was not read to its end.
    pub(super) const RANGE: &str = "COL147";
    /// Part of the base is kept by another server.
    pub(super) const REFERENCE: &str = "COL148";
    /// Members are withheld.
    pub(super) const MEMBERS: &str = "COL149";
    /// Objects are hidden.
    pub(super) const HIDDEN: &str = "COL150";
    /// An answer cannot be read.
    pub(super) const MALFORMED: &str = "COL151";
    /// Entries do not say what they are.
    pub(super) const UNTOLD: &str = "COL152";
    /// Entries came twice.
    pub(super) const TWICE: &str = "COL153";
    /// A file cannot be opened or is in another encoding.
    pub(super) const FILE: &str = "COL154";
    /// A file ends inside an entry.
    pub(super) const CUT: &str = "COL155";
    /// A line of a file cannot be read.
    pub(super) const LINE: &str = "COL156";
    /// A file holds changes instead of content.
    pub(super) const CHANGES: &str = "COL157";
    /// Fewer entries than declared.
    pub(super) const SHORT: &str = "COL158";
    /// Entries of a file lie outside every base.
    pub(super) const OUTSIDE: &str = "COL159";
}

/// Settings of the `ldap` connector: `url` for a live server, or `file` for exports.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct LdapSettings {
    /// Server: `ldaps://host`, `ldap://host` or `ldapi://%2Fpath%2Fto%2Fsocket`.
    url: Option<String>,
    /// DN or DNs below which everything is read. Live: the server's naming contexts when left out. From files: the
    /// longest name that all entries end with.
    #[serde(default)]
    base: OneOrMany<String>,
    /// DN (or, for Active Directory, user principal name) to bind as; anonymous when left out.
    bind_dn: Option<String>,
    /// Where the password is kept.
    credential: Option<CredentialSource>,
    /// Secures an `ldap://` connection by StartTLS.
    #[serde(default)]
    start_tls: bool,
    /// PEM file of the CA to trust instead of the system's.
    ca_file: Option<PathBuf>,
    /// Entries a page.
    #[serde(default = "default_page_size")]
    page_size: u32,
    /// Kind of directory; asked of the server by default.
    #[serde(default)]
    flavour: FlavourChoice,
    /// Binds by SASL EXTERNAL: whoever the `ldapi://` socket says we are.
    sasl: Option<Sasl>,
    /// Allows a password over an unencrypted connection to another machine.
    #[serde(default)]
    plaintext_ok: bool,
    /// LDIF file or files.
    #[serde(default)]
    file: OneOrMany<PathBuf>,
    /// When the files were exported (RFC 3339): decides what had expired. A file's own date is never used.
    collected: Option<Timestamp>,
    /// Entries that the files hold together at least.
    expect_entries: Option<u64>,
    /// Whether e-mail addresses count as verified: they do where administrators write them, not where users do.
    #[serde(default = "yes")]
    emails_verified: bool,
    /// DNs below `base` that another system of this config reads: a child domain. A referral to them is no gap.
    #[serde(default)]
    elsewhere: OneOrMany<String>,
}

/// One value or a list of them.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(untagged)]
enum OneOrMany<T> {
    /// One.
    One(T),
    /// Several.
    Many(Vec<T>),
}

impl<T> Default for OneOrMany<T> {
    fn default() -> Self {
        Self::Many(Vec::new())
    }
}

impl<T> OneOrMany<T> {
    fn into_vec(self) -> Vec<T> {
        match self {
            Self::One(one) => vec![one],
            Self::Many(many) => many,
        }
    }
}

/// `flavour`.
#[derive(Debug, Clone, Copy, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
enum FlavourChoice {
    /// What the root DSE says.
    #[default]
    Auto,
    /// Active Directory.
    ActiveDirectory,
    /// OpenLDAP and other RFC 4512 directories.
    #[serde(rename = "openldap")]
    OpenLdap,
}

/// `sasl`.
#[derive(Debug, Clone, Copy, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
enum Sasl {
    /// RFC 4422 appendix A.
    External,
}

fn default_page_size() -> u32 {
    1000
}

fn yes() -> bool {
    true
}

/// A configured directory.
#[derive(Debug)]
enum Directory {
    Live(Box<Server>),
    Files(Arc<Export>),
}

fn configure(settings: Settings<'_>) -> Result<Box<dyn Connector>, SettingsError> {
    let (folder, environment) = (settings.folder.clone(), Arc::clone(&settings.environment));
    let settings: LdapSettings = settings.parse()?;
    let bases = settings.base.clone().into_vec();
    check_bases(&bases)?;
    let elsewhere = settings.elsewhere.clone().into_vec().iter().map(|name| dn::normalise(name)).collect();
    let files = settings.file.clone().into_vec();
    let directory = match (&settings.url, files.is_empty()) {
        (Some(_), false) => {
            return Err(SettingsError::new("`url` and `file` exclude each other")
                .fix("keep `url` to read the server, or `file` to read exports"));
        }
        (None, true) => {
            return Err(SettingsError::new("neither `url` nor `file` is set")
                .fix("set `url = \"ldaps://dc1.corp.example\"`, or `file = \"corp.ldif\"`"));
        }
        (None, false) => Directory::Files(Arc::new(Export {
            folder,
            files,
            bases,
            elsewhere,
            collected: settings.collected,
            expect_entries: settings.expect_entries,
            emails_verified: settings.emails_verified,
        })),
        (Some(url), true) => {
            let target = check_target(url, &settings)?;
            let page_size = i32::try_from(settings.page_size).ok().filter(|size| *size > 0);
            Directory::Live(Box::new(Server {
                target,
                folder,
                environment,
                bases,
                elsewhere,
                bind_dn: settings.bind_dn,
                credential: settings.credential,
                external: settings.sasl.is_some(),
                page_size: page_size.ok_or_else(|| SettingsError::new("`page_size` must be at least 1"))?,
                flavour: match settings.flavour {
                    FlavourChoice::Auto => None,
                    FlavourChoice::ActiveDirectory => Some(Flavour::ActiveDirectory),
                    FlavourChoice::OpenLdap => Some(Flavour::OpenLdap),
                },
                emails_verified: settings.emails_verified,
            }))
        }
    };
    Ok(Box::new(directory))
}

/// Bases must not contain each other: an entry belongs to one scope.
fn check_bases(bases: &[String]) -> Result<(), SettingsError> {
    let names: Vec<String> = bases.iter().map(|base| dn::normalise(base)).collect();
    for (position, name) in names.iter().enumerate() {
        for (other, base) in names.iter().enumerate() {
            if position != other && dn::is_within(name, base) {
                return Err(SettingsError::new(format!(
                    "base `{}` lies inside base `{}`",
                    bases[position], bases[other]
                ))
                .fix("keep the outer one"));
            }
        }
    }
    if bases.len() > usize::from(u16::MAX) {
        return Err(SettingsError::new("too many bases"));
    }
    Ok(())
}

fn check_target(url: &str, settings: &LdapSettings) -> Result<Target, SettingsError> {
    let parsed = url::Url::parse(url).map_err(|error| {
        SettingsError::new(format!("`url` `{url}` cannot be read: {error}"))
            .fix("write it as `ldaps://dc1.corp.example`")
    })?;
    let scheme = parsed.scheme();
    if !matches!(scheme, "ldap" | "ldaps" | "ldapi") || parsed.host_str().is_none_or(str::is_empty) {
        return Err(SettingsError::new(format!("`url` `{url}` is no LDAP address"))
            .fix("write it as `ldaps://dc1.corp.example`"));
    }
    if settings.start_tls && scheme != "ldap" {
        return Err(SettingsError::new(format!("`start_tls` does not go with `{scheme}://`"))
            .fix("drop `start_tls`, or use `ldap://`"));
    }
    match (&settings.bind_dn, &settings.credential, settings.sasl) {
        (Some(_), None, _) => {
            return Err(
                SettingsError::new("`bind_dn` is set, but no `credential`").fix("set `credential = { env = \"…\" }`")
            );
        }
        (None, Some(_), _) => {
            return Err(SettingsError::new("`credential` is set, but no `bind_dn`").fix("set `bind_dn`"));
        }
        (Some(_), Some(_), Some(_)) => {
            return Err(SettingsError::new("`sasl` and `bind_dn` exclude each other").fix("keep one of them"));
        }
        (None, None, _) | (Some(_), Some(_), None) => {}
    }
    let readable = scheme == "ldap" && !settings.start_tls && settings.credential.is_some();
    if readable && !settings.plaintext_ok && !is_loopback(&parsed) {
        return Err(SettingsError::new(format!("the password would cross the network in the clear to `{url}`"))
            .fix("use `ldaps://` or `start_tls = true`; if the way is secured otherwise, set `plaintext_ok = true`"));
    }
    if settings.ca_file.is_some() && scheme != "ldaps" && !settings.start_tls {
        return Err(SettingsError::new("`ca_file` is set, but the connection is not encrypted")
            .fix("use `ldaps://` or `start_tls = true`"));
    }
    Ok(Target { url: parsed, start_tls: settings.start_tls, ca_file: settings.ca_file.clone() })
}

fn is_loopback(url: &url::Url) -> bool {
    let host = url.host_str().unwrap_or_default().trim_matches(['[', ']']);
    host.eq_ignore_ascii_case("localhost")
        || host.parse::<std::net::IpAddr>().is_ok_and(|address| address.is_loopback())
}

/// Naming contexts of Active Directory that hold no account and no group: configuration, schema, DNS zones.
fn holds_no_accounts(dn: &str) -> bool {
    ["cn=configuration,", "cn=schema,cn=configuration,", "dc=domaindnszones,", "dc=forestdnszones,"]
        .iter()
        .any(|start| dn.starts_with(start))
}

/// The gap that a referral to `url` leaves in `base` (both normalised); `None` when nothing of the base is missing.
fn reference_gap(url: &str, base: &str, elsewhere: &[String]) -> Option<Gap> {
    let unread = |name: &str| {
        Gap::new(code::REFERENCE, format!("`{name}` below `{base}` is kept by another server: {url}"))
            .cause("referrals are not followed: the credential is for this server only")
            .fix("read it as a system of its own, and name it in `elsewhere` here")
    };
    let Ok(parsed) = url::Url::parse(url) else { return Some(unread("?")) };
    let path = parsed.path().trim_start_matches('/');
    let name = decode_percent(path);
    let name = dn::normalise(&name);
    if name.is_empty() {
        return Some(unread("?"));
    }
    let elsewhere = elsewhere.iter().any(|known| dn::is_within(&name, known));
    (dn::is_within(&name, base) && !elsewhere && !holds_no_accounts(&name)).then(|| unread(&name))
}

fn decode_percent(text: &str) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((first, after)) = rest.split_first() {
        let code = after.get(..2).filter(|_| *first == b'%').and_then(|code| std::str::from_utf8(code).ok());
        if let Some(byte) = code.and_then(|code| u8::from_str_radix(code, 16).ok()) {
            bytes.push(byte);
            rest = &after[2..];
        } else {
            bytes.push(*first);
            rest = after;
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

#[async_trait]
impl Connector for Directory {
    fn kinds(&self) -> Vec<RecordKind> {
        intake::KINDS.to_vec()
    }

    async fn collect(&self, run: &Run, sink: &Sink) -> Result<(), ConnectorError> {
        match self {
            Self::Live(server) => server.collect(run, sink).await,
            Self::Files(export) => {
                let (export, run, sink) = (Arc::clone(export), run.clone(), sink.clone());
                let cancel = run.cancel.clone();
                let reading = tokio::task::spawn_blocking(move || export.collect(&run, &sink));
                tokio::select! {
                    () = cancel.cancelled() => Err(ConnectorError::Stopped),
                    read = reading => read.unwrap_or_else(|error| {
                        Err(ConnectorError::Failed(Gap::new(code::FILE, "the files could not be read")
                .cause(error.to_string())
                .fix("export again; if it stays, report this as a fault of muster")))
                    }),
                }
            }
        }
    }

    async fn probe(&self, run: &Run) -> Result<Vec<Probe>, ConnectorError> {
        match self {
            Self::Live(server) => server.probe(run).await,
            Self::Files(export) => Ok(export.probe()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn configured(toml: &str) -> Result<Box<dyn Connector>, SettingsError> {
        configure(Settings {
            system: "corp",
            table: toml::de::ValueDeserializer::parse(toml).unwrap(),
            folder: PathBuf::from("."),
            environment: Arc::default(),
        })
    }

    #[test]
    fn settings_that_cannot_work_are_refused_with_a_fix() {
        for (toml, word) in [
            ("{}", "neither"),
            ("{ url = 'ldaps://a', file = 'b' }", "exclude"),
            ("{ url = 'http://a' }", "LDAP address"),
            ("{ url = 'ldaps://a', start_tls = true }", "start_tls"),
            ("{ url = 'ldaps://a', bind_dn = 'cn=a' }", "credential"),
            ("{ url = 'ldap://a', bind_dn = 'cn=a', credential = { env = 'A' } }", "in the clear"),
            ("{ url = 'ldap://127.0.0.1', ca_file = 'a' }", "not encrypted"),
            ("{ file = 'a', base = ['dc=b', 'OU=a, DC=b'] }", "inside"),
            ("{ file = 'a', fiel = 'b' }", "unknown field"),
            ("{ url = 'ldaps://a', page_size = 0 }", "page_size"),
        ] {
            let error = configured(toml).map(|_| ()).unwrap_err();
            assert!(error.message.contains(word), "{toml}: {error:?}");
        }
        for toml in [
            "{ url = 'ldap://127.0.0.1:3389', bind_dn = 'cn=a', credential = { env = 'A' } }",
            "{ url = 'ldap://a', bind_dn = 'cn=a', credential = { env = 'A' }, plaintext_ok = true }",
            "{ url = 'ldapi://%2Frun%2Fldapi', sasl = 'external', base = 'dc=a' }",
            "{ file = ['a', 'b'], collected = '2026-01-02T03:04:05Z', expect_entries = 3 }",
        ] {
            configured(toml).unwrap();
        }
    }

    #[test]
    fn a_referral_is_a_gap_only_when_it_hides_accounts_of_the_base() {
        let elsewhere = ["dc=child,dc=acme".to_owned()];
        let gap = |url: &str| reference_gap(url, "dc=acme", &elsewhere).is_some();
        assert!(gap("ldap://other/DC=eu,DC=acme??sub"));
        assert!(gap("ldap://other/dc%3Deu,dc=acme"));
        assert!(!gap("ldap://other/DC=child,DC=acme"));
        assert!(!gap("ldap://other/CN=Configuration,DC=acme"));
        assert!(!gap("ldap://DomainDnsZones.acme/DC=DomainDnsZones,DC=acme"));
        assert!(!gap("ldap://other/dc=else"));
        assert!(gap("not a url"));
    }
}
