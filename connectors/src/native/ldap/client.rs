//! A connection to an LDAP server: how it is secured, how it is bound, and searches page by page.
//!
//! The protocol is `ldap3`'s. Its paging adapter is not used: it cannot tell a server that repeats itself, and hides
//! the result of each page. Its parser of entries is not used either, because it panics on answers that are not
//! well-formed.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use ldap3::controls::{Control, PagedResults};
use ldap3::{Ldap, LdapConnAsync, LdapConnSettings, LdapError, LdapResult, Scope, SearchStream};
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;
use rustls_platform_verifier::BuilderVerifierExt as _;
use tokio_util::sync::CancellationToken;

use super::attributes::{Attr, Entry, Flavour, Range, describe};
use super::code;
use crate::scope::Gap;
use crate::secret::Secret;

/// Longest time to connect, TLS included.
const CONNECT: Duration = Duration::from_secs(15);
/// Longest silence of a server that owes an answer.
const SILENCE: Duration = Duration::from_mins(2);
/// OID of the simple paged results control (RFC 2696).
const PAGED: &str = "1.2.840.113556.1.4.319";
/// Capability that Active Directory and its imitators announce ([MS-ADTS] 3.1.1.3.4.3.1).
const ACTIVE_DIRECTORY: &str = "1.2.840.113556.1.4.800";

/// Where and how to connect.
#[derive(Debug, Clone)]
pub(super) struct Target {
    /// `ldap://`, `ldaps://` or `ldapi://` with host and port.
    pub(super) url: url::Url,
    /// Whether to secure an `ldap://` connection by StartTLS.
    pub(super) start_tls: bool,
    /// Certificates to trust instead of the system's.
    pub(super) ca_file: Option<PathBuf>,
}

/// Who to bind as.
#[derive(Debug)]
pub(super) enum Login<'a> {
    /// Nobody.
    Anonymous,
    /// A DN and its password.
    Simple(&'a str, &'a Secret),
    /// Whoever the transport says we are.
    External,
}

/// Why a request gave no answer.
#[derive(Debug)]
pub(super) enum Failure {
    /// The run was cancelled.
    Cancelled,
    /// The connection or the server failed.
    Gap(Gap),
}

/// What the root DSE (RFC 4512 section 5.1) says of a server.
#[derive(Debug, Default)]
pub(super) struct RootDse {
    /// Naming contexts.
    pub(super) contexts: Vec<String>,
    /// Whether it announces itself as Active Directory.
    pub(super) active_directory: bool,
    /// Whether it announces paged results.
    pub(super) pages: bool,
}

/// An entry as it came, and the attributes of which more is to be fetched.
#[derive(Debug)]
pub(super) struct Found {
    /// The entry.
    pub(super) entry: Entry,
    /// Attributes of which only a part came, with the first value that is missing.
    pub(super) unfinished: Vec<(Attr, u64)>,
}

/// One thing a search yields.
#[derive(Debug)]
pub(super) enum Answer {
    /// An entry.
    Found(Found),
    /// URLs of other servers that hold part of the answer.
    References(Vec<String>),
    /// Something that is no search answer.
    Malformed,
}

/// How a page ended.
#[derive(Debug)]
pub(super) struct PageEnd {
    /// The server's verdict.
    pub(super) result: LdapResult,
    /// Where the next page begins; empty when there is none.
    pub(super) cookie: Vec<u8>,
}

/// A bound connection.
pub(super) struct Client {
    ldap: Ldap,
    cancel: CancellationToken,
}

impl std::fmt::Debug for Client {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Client")
    }
}

impl Client {
    /// Connects and secures the connection.
    pub(super) async fn connect(target: &Target, folder: &Path, cancel: &CancellationToken) -> Result<Self, Failure> {
        let secured = target.start_tls || target.url.scheme() == "ldaps";
        let mut settings = LdapConnSettings::new().set_conn_timeout(CONNECT).set_starttls(target.start_tls);
        if secured {
            let ca_file = target.ca_file.as_ref().map(|path| folder.join(path));
            settings = settings.set_config(tls(ca_file.as_deref()).map_err(Failure::Gap)?);
        }
        let connecting = LdapConnAsync::from_url_with_settings(settings, &target.url);
        let (connection, ldap) = tokio::select! {
            () = cancel.cancelled() => return Err(Failure::Cancelled),
            connected = connecting => connected.map_err(|error| Failure::Gap(unreachable_gap(target, &error)))?,
        };
        tokio::spawn(async move {
            if let Err(error) = connection.drive().await {
                tracing::debug!(%error, "the LDAP connection ended");
            }
        });
        Ok(Self { ldap, cancel: cancel.clone() })
    }

    /// Binds.
    pub(super) async fn bind(&mut self, login: Login<'_>) -> Result<(), Failure> {
        let cancel = self.cancel.clone();
        let (shown, result) = match login {
            Login::Anonymous => return Ok(()),
            Login::Simple(dn, secret) => {
                (dn, within(&cancel, "bind", self.ldap.simple_bind(dn, secret.expose())).await?)
            }
            Login::External => ("(external)", within(&cancel, "bind", self.ldap.sasl_external_bind()).await?),
        };
        if result.rc == 0 { Ok(()) } else { Err(Failure::Gap(bind_gap(shown, &result))) }
    }

    /// Reads the root DSE. A server that shows none gives an empty one.
    pub(super) async fn root_dse(&mut self) -> Result<RootDse, Failure> {
        let attrs = ["namingContexts", "supportedCapabilities", "supportedControl"].map(str::to_owned).to_vec();
        let (entry, _) = self.base_object("", attrs, "reading the root DSE").await?;
        let mut root = RootDse::default();
        for (name, values) in entry.and_then(attributes).into_iter().flat_map(|(_, attributes)| attributes) {
            let values = values.into_iter().map(|value| String::from_utf8_lossy(&value).into_owned());
            match name.to_ascii_lowercase().as_str() {
                "namingcontexts" => root.contexts.extend(values),
                "supportedcapabilities" => {
                    root.active_directory |= values.into_iter().any(|oid| oid == ACTIVE_DIRECTORY);
                }
                "supportedcontrol" => root.pages |= values.into_iter().any(|oid| oid == PAGED),
                _ => {}
            }
        }
        Ok(root)
    }

    /// Asks for a page of everything below `base`.
    pub(super) async fn page(
        &mut self,
        base: &str,
        attrs: &[&'static str],
        size: i32,
        cookie: Vec<u8>,
    ) -> Result<Page, Failure> {
        let cancel = self.cancel.clone();
        self.ldap.with_controls(vec![PagedResults { size, cookie }.into()]);
        let asking = self.ldap.streaming_search(base, Scope::Subtree, "(objectClass=*)", attrs.to_vec());
        let stream = within(&cancel, "search", asking).await?;
        Ok(Page { stream, cancel })
    }

    /// Reads one entry; `None` when the server says there is none, or shows none.
    pub(super) async fn entry(&mut self, dn: &str, attrs: Vec<String>) -> Result<Option<Found>, Failure> {
        let what = format!("reading `{dn}`");
        let (entry, result) = self.base_object(dn, attrs, &what).await?;
        match result.rc {
            // 32: no such object. 34: the name is no DN for this server.
            0 | 32 | 34 => Ok(entry.and_then(found)),
            _ => Err(Failure::Gap(refusal(&what, &result))),
        }
    }

    async fn base_object(
        &mut self,
        dn: &str,
        attrs: Vec<String>,
        what: &str,
    ) -> Result<(Option<Tag>, LdapResult), Failure> {
        let cancel = self.cancel.clone();
        let asking = self.ldap.streaming_search(dn, Scope::Base, "(objectClass=*)", attrs);
        let mut stream = within(&cancel, what, asking).await?;
        let mut entry = None;
        while let Some(item) = within(&cancel, what, stream.next()).await? {
            if !item.is_ref() && !item.is_intermediate() {
                entry = Some(item.0);
            }
        }
        Ok((entry, stream.finish().await))
    }

    /// Says goodbye; failures no longer matter.
    pub(super) async fn unbind(mut self) {
        let _goodbye = tokio::time::timeout(Duration::from_secs(1), self.ldap.unbind()).await;
    }
}

/// A page that is coming in.
pub(super) struct Page {
    stream: SearchStream<'static, &'static str, Vec<&'static str>>,
    cancel: CancellationToken,
}

impl Page {
    /// The next answer; `None` when the page is over.
    pub(super) async fn next(&mut self) -> Result<Option<Answer>, Failure> {
        let cancel = self.cancel.clone();
        let Some(item) = within(&cancel, "search", self.stream.next()).await? else { return Ok(None) };
        Ok(Some(if item.is_ref() {
            Answer::References(references(item.0))
        } else if item.is_intermediate() {
            Answer::References(Vec::new())
        } else {
            found(item.0).map_or(Answer::Malformed, Answer::Found)
        }))
    }

    /// How the page ended, and where the next one begins.
    pub(super) async fn end(mut self) -> Result<PageEnd, Failure> {
        let result = self.stream.finish().await;
        let mut cookie = Vec::new();
        for Control(_, control) in &result.ctrls {
            if control.ctype == PAGED {
                let Some(read) = control.val.as_deref().and_then(paging_cookie) else {
                    return Err(Failure::Gap(malformed("the paging control cannot be read")));
                };
                cookie = read;
            }
        }
        Ok(PageEnd { result, cookie })
    }
}

/// Waits for an answer, but not longer than a server may be silent, and not when the run is cancelled.
async fn within<T>(
    cancel: &CancellationToken,
    what: &str,
    asking: impl Future<Output = Result<T, LdapError>>,
) -> Result<T, Failure> {
    tokio::select! {
        biased;
        () = cancel.cancelled() => Err(Failure::Cancelled),
        answer = tokio::time::timeout(SILENCE, asking) => match answer {
            Ok(Ok(answer)) => Ok(answer),
            Ok(Err(LdapError::Timeout { .. })) | Err(_) => Err(Failure::Gap(
                Gap::new(code::LOST, format!("{what}: no answer for {} s", SILENCE.as_secs()))
                    .cause("the server is overloaded, or a firewall dropped the connection without a word")
                    .fix("collect again when the server is less busy, or with a smaller `page_size`"),
            )),
            Ok(Err(error)) => Err(Failure::Gap(lost(what, &error))),
        },
    }
}

fn lost(what: &str, error: &LdapError) -> Gap {
    Gap::new(code::LOST, format!("{what}: the connection broke"))
        .cause(match error {
            LdapError::EndOfStream | LdapError::ResultRecv { .. } | LdapError::OpSend { .. } => {
                "the server closed it, or sent something that is not LDAP".to_owned()
            }
            error => error.to_string(),
        })
        .fix("see the server's log, then collect again")
}

fn malformed(what: &str) -> Gap {
    Gap::new(code::MALFORMED, what.to_owned())
        .cause("the server's answer is not LDAP as RFC 4511 has it")
        .fix("see whether `ldapsearch` can read it, and report what you find")
}

/// The trust that a certificate is judged by.
fn tls(ca_file: Option<&Path>) -> Result<Arc<rustls::ClientConfig>, Gap> {
    let no_tls = |cause: String| {
        Gap::new(code::CONNECT, "TLS cannot be set up")
            .cause(cause)
            .fix("install the system's CA certificates, or name a CA file with `ca_file`")
    };
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let builder = rustls::ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|error| no_tls(error.to_string()))?;
    let Some(path) = ca_file else {
        let builder = builder.with_platform_verifier().map_err(|error| no_tls(error.to_string()))?;
        return Ok(Arc::new(builder.with_no_client_auth()));
    };
    let unusable = |cause: String| {
        Gap::new(code::CONNECT, format!("`ca_file` `{}` cannot be used", path.display()))
            .cause(cause)
            .fix("give the PEM file of the CA that signed the server's certificate")
    };
    let mut roots = rustls::RootCertStore::empty();
    for certificate in CertificateDer::pem_file_iter(path).map_err(|error| unusable(error.to_string()))? {
        let certificate = certificate.map_err(|error| unusable(error.to_string()))?;
        roots.add(certificate).map_err(|error| unusable(error.to_string()))?;
    }
    if roots.is_empty() {
        return Err(unusable("it holds no certificate".to_owned()));
    }
    Ok(Arc::new(builder.with_root_certificates(roots).with_no_client_auth()))
}

fn unreachable_gap(target: &Target, error: &LdapError) -> Gap {
    let cause = match error {
        LdapError::Timeout { .. } => format!("no connection within {} s", CONNECT.as_secs()),
        LdapError::LdapResult { result } => format!("StartTLS was refused: {result}"),
        error => error.to_string(),
    };
    let fix = if cause.contains("certificate") {
        "set `ca_file` to the CA that signed the server's certificate, and use the host name that the certificate names"
    } else {
        "check `url` and that the server listens there"
    };
    Gap::new(code::CONNECT, format!("cannot connect to `{}`", target.url)).cause(cause).fix(fix)
}

fn bind_gap(dn: &str, result: &LdapResult) -> Gap {
    // Active Directory's own words are the code after `data` (Microsoft, "LDAP error 49 data codes").
    let (cause, fix) = match result.rc {
        49 if result.text.contains("data 533") => ("the account is disabled", "enable it, or use another `bind_dn`"),
        49 if result.text.contains("data 701") => ("the account has expired", "extend it, or use another `bind_dn`"),
        49 if result.text.contains("data 532") => ("its password has expired", "set a new password"),
        49 if result.text.contains("data 773") => ("its password must be changed first", "set a new password"),
        49 if result.text.contains("data 775") => ("the account is locked", "unlock it, and check `credential`"),
        49 => ("the DN or the password is wrong", "check `bind_dn` and `credential`"),
        8 | 13 => ("the server takes passwords only over TLS", "use `ldaps://` or `start_tls = true`"),
        _ => ("the server refused", "see the server's log"),
    };
    let gap = Gap::new(code::BIND, format!("cannot bind as `{dn}` ({})", spell(result))).fix(fix);
    gap.cause(cause)
}

/// What a result that is not success means for a search.
pub(super) fn refusal(what: &str, result: &LdapResult) -> Gap {
    let (code, cause, fix) = match result.rc {
        3 => (code::LIMIT, "the server's time limit", "raise the time limit of the bind DN, or lower `page_size`"),
        4 => (
            code::LIMIT,
            "the server's size limit for the bind DN",
            "OpenLDAP: `limits dn.exact=\"<bind DN>\" size.pr=1000 size.prtotal=unlimited` inside the database section",
        ),
        11 => (code::LIMIT, "an administrative limit", "raise the limits of the bind DN, or lower `page_size`"),
        10 => (code::BASE, "the base is kept by another server", "set `url` to the server that holds `base`"),
        32 => (
            code::BASE,
            "there is no such base, or the bind DN may not see it",
            "check `base` and the permissions of `bind_dn`",
        ),
        34 => (code::BASE, "`base` is no distinguished name", "write it as `dc=corp,dc=example`"),
        50 => (code::REFUSED, "the bind DN may not search here", "allow it to read the base"),
        1 | 8 | 13 => (
            code::REFUSED,
            "the server wants a bind or TLS first",
            "set `bind_dn` and `credential`, and use `ldaps://`",
        ),
        51 | 52 => (code::REFUSED, "the server is busy or shutting down", "collect again later"),
        53 => (code::REFUSED, "the server is unwilling", "see the server's log"),
        _ => (code::REFUSED, "the server refused", "see the server's log"),
    };
    let mut cause = cause.to_owned();
    if !result.refs.is_empty() {
        cause = format!("{cause}: {}", result.refs.join(", "));
    }
    Gap::new(code, format!("{what} ended with {}", spell(result))).cause(cause).fix(fix)
}

/// `Size limit exceeded (4)` and the server's own words.
fn spell(result: &LdapResult) -> String {
    let name = match result.rc {
        1 => "operations error",
        3 => "time limit exceeded",
        4 => "size limit exceeded",
        8 => "stronger authentication required",
        10 => "referral",
        11 => "administrative limit exceeded",
        13 => "confidentiality required",
        32 => "no such object",
        34 => "invalid DN syntax",
        48 => "inappropriate authentication",
        49 => "invalid credentials",
        50 => "insufficient access rights",
        51 => "busy",
        52 => "unavailable",
        53 => "unwilling to perform",
        _ => "result",
    };
    let words = result.text.trim_matches(['\0', ' ', '\n']);
    if words.is_empty() { format!("{name} ({})", result.rc) } else { format!("{name} ({}): {words}", result.rc) }
}

type Tag = ldap3::asn1::StructureTag;
/// Attribute descriptions with their values.
type Attributes = Vec<(String, Vec<Vec<u8>>)>;

/// The DN and the attributes of a search result entry (RFC 4511 section 4.5.2); `None` when it is not one.
fn attributes(tag: Tag) -> Option<(Vec<u8>, Attributes)> {
    let mut parts = tag.expect_constructed()?.into_iter();
    let dn = parts.next()?.expect_primitive()?;
    let list = parts.next()?.expect_constructed()?;
    let mut attributes = Vec::with_capacity(list.len());
    for attribute in list {
        let mut parts = attribute.expect_constructed()?.into_iter();
        let name = String::from_utf8(parts.next()?.expect_primitive()?).ok()?;
        let values =
            parts.next()?.expect_constructed()?.into_iter().map(Tag::expect_primitive).collect::<Option<Vec<_>>>()?;
        attributes.push((name, values));
    }
    Some((dn, attributes))
}

/// The entry in a search answer, reduced to the attributes we keep.
fn found(tag: Tag) -> Option<Found> {
    let (dn, attributes) = attributes(tag)?;
    let mut entry = Entry::new(String::from_utf8(dn).ok()?);
    let mut unfinished = Vec::new();
    for (name, values) in attributes {
        let Some(described) = describe(&name) else { continue };
        if let Some(Range { high: Some(high), .. }) = described.range {
            unfinished.push((described.attr, high + 1));
        }
        entry.add(described.attr, values);
    }
    Some(Found { entry, unfinished })
}

/// The values of one more part of `attr` from `low` on, and the first value that is still missing.
pub(super) fn next_part(found: Found, attr: Attr, low: u64) -> Option<(Vec<Vec<u8>>, Option<u64>)> {
    let Found { mut entry, unfinished } = found;
    let next = unfinished.into_iter().find(|(part, _)| *part == attr).map(|(_, next)| next);
    let values = entry.take(attr);
    // A server that repeats itself or goes back would be asked for ever.
    if values.is_empty() || next.is_some_and(|next| next <= low) {
        return None;
    }
    Some((values, next))
}

fn references(tag: Tag) -> Vec<String> {
    let urls = tag.expect_constructed().unwrap_or_default().into_iter().filter_map(Tag::expect_primitive);
    urls.map(|url| String::from_utf8_lossy(&url).into_owned()).collect()
}

/// The cookie of a paged results control: SEQUENCE { size INTEGER, cookie OCTET STRING } (RFC 2696 section 2).
fn paging_cookie(value: &[u8]) -> Option<Vec<u8>> {
    let (tag, content, _) = ber(value)?;
    let (size, _, rest) = ber(content)?;
    let (cookie, bytes, _) = ber(rest)?;
    (tag == 0x30 && size == 0x02 && cookie == 0x04).then(|| bytes.to_vec())
}

/// Tag, content and what follows of the BER element that `bytes` begin with.
fn ber(bytes: &[u8]) -> Option<(u8, &[u8], &[u8])> {
    let (&[tag, first], mut rest) = bytes.split_first_chunk::<2>()?;
    let mut length = usize::from(first);
    if first >= 0x80 {
        let (digits, after) =
            rest.split_at_checked(usize::from(first & 0x7f)).filter(|(digits, _)| digits.len() <= 4)?;
        length = digits.iter().fold(0, |sum, byte| sum << 8 | usize::from(*byte));
        rest = after;
    }
    let (content, after) = rest.split_at_checked(length)?;
    Some((tag, content, after))
}

/// The flavour to read a server as.
pub(super) fn flavour(root: &RootDse) -> Flavour {
    if root.active_directory { Flavour::ActiveDirectory } else { Flavour::OpenLdap }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_cookie_is_read_from_its_control() {
        assert_eq!(paging_cookie(&[0x30, 0x07, 2, 1, 0, 4, 2, 7, 8]), Some(vec![7, 8]));
        assert_eq!(paging_cookie(&[0x30, 0x81, 0x05, 2, 1, 0, 4, 0]), Some(vec![]));
        assert_eq!(paging_cookie(&[0x30, 0x06, 2, 1, 0, 4, 2, 7]), None);
        assert_eq!(paging_cookie(&[]), None);
    }

    proptest! {
        #[test]
        fn reading_a_cookie_never_panics(bytes in proptest::collection::vec(any::<u8>(), 0..40)) {
            let _read = paging_cookie(&bytes);
        }
    }
}
