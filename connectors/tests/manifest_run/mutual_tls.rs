//! Client certificates, against a server that really asks for one.

use std::io::{BufRead as _, BufReader, Write as _};
use std::net::TcpListener;
use std::sync::Arc;

use muster_connectors::Connector;
use muster_connectors::manifest::run::ManifestConnector;
use muster_connectors::scope::ScopeState;
use muster_connectors::secret::Environment;
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, ExtendedKeyUsagePurpose, IsCa, KeyPair};
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::WebPkiClientVerifier;

use super::bench::{all, ids, plain_manifest};
use crate::collected::{Collected, collect, configured_in};
use crate::manifests::users;

struct Authority(CertifiedIssuer<'static, KeyPair>);

/// A certificate and its key, both in PEM and as they are.
struct Leaf {
    pem: String,
    key_pem: String,
    der: CertificateDer<'static>,
    key_der: Vec<u8>,
}

impl Authority {
    fn new() -> Self {
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        Self(CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap())
    }

    fn leaf(&self, name: &str, purpose: ExtendedKeyUsagePurpose) -> Leaf {
        let key = KeyPair::generate().unwrap();
        let mut params = CertificateParams::new(vec![name.to_owned()]).unwrap();
        params.extended_key_usages = vec![purpose];
        let signed = params.signed_by(&key, &self.0).unwrap();
        Leaf {
            pem: signed.pem(),
            key_pem: key.serialize_pem(),
            der: signed.der().clone(),
            key_der: key.serialize_der(),
        }
    }
}

/// A server that lets in whoever shows a certificate of `clients`; it answers every request with three users. Its thread ends
/// with the test program.
fn serve(own: &Leaf, clients: &Authority, version: &'static rustls::SupportedProtocolVersion) -> u16 {
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let mut roots = rustls::RootCertStore::empty();
    roots.add(clients.0.der().clone()).unwrap();
    let asks = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), Arc::clone(&provider)).build().unwrap();
    let config = rustls::ServerConfig::builder_with_provider(provider)
        .with_protocol_versions(&[version])
        .unwrap()
        .with_client_cert_verifier(asks)
        .with_single_cert(vec![own.der.clone()], PrivateKeyDer::try_from(own.key_der.clone()).unwrap())
        .unwrap();
    let config = Arc::new(config);
    let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
    let port = listener.local_addr().unwrap().port();
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let session = rustls::ServerConnection::new(Arc::clone(&config)).unwrap();
            let mut tls = rustls::StreamOwned::new(session, stream);
            let whole = {
                let mut lines = BufReader::new(&mut tls).lines();
                lines.by_ref().map_while(Result::ok).any(|line| line.is_empty())
            };
            if whole {
                let body = r#"{"users":[{"id":0,"login":"a"},{"id":1,"login":"b"},{"id":2,"login":"c"}]}"#;
                let head = format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\nconnection: close\r\n\r\n", body.len());
                let _ = tls.write_all(format!("{head}{body}").as_bytes());
                tls.conn.send_close_notify();
                let _ = tls.flush();
            } else {
                // What the handshake ended with is told before the connection is closed.
                while tls.conn.wants_write() && tls.conn.write_tls(&mut tls.sock).is_ok_and(|bytes| bytes > 0) {}
                let _ = tls.sock.shutdown(std::net::Shutdown::Write);
                let _ = std::io::copy(&mut tls.sock, &mut std::io::sink());
            }
        }
    });
    port
}

const SHOWN: &str = r#"
[auth.cert]
kind = "mtls"
mtls = { cert = "${secret.token}", key = "${secret.key}" }
"#;
const PLAIN: &str = r#"
[auth.key]
kind = "headers"
headers = { X-Key = "${secret.key}" }
"#;

/// Reads the list from the server, signing in as `auth` says with these secrets.
async fn read(port: u16, authority: &Authority, auth: &str, cert: &str, key: &str) -> Collected {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("ca.pem"), authority.0.pem()).unwrap();
    let list = users(r#"{ kind = "none" }"#);
    let head = "\n[http]\nbase = \"${config.base_url}\"\n[limits]\nattempts = 1\n";
    let manifest = plain_manifest(&format!("{head}{auth}{list}"));
    let build = |settings: muster_connectors::Settings<'_>| {
        ManifestConnector::configure(Arc::clone(&manifest), settings)
            .map(|connector| Box::new(connector) as Box<dyn Connector>)
    };
    let environment = Environment::from([("CERT".to_owned(), cert.to_owned()), ("KEY".to_owned(), key.to_owned())]);
    let secrets = r#"token = { env = "CERT" }, key = { env = "KEY" }"#;
    let settings = format!(r#"base_url = "https://localhost:{port}", ca_file = "ca.pem", {secrets}"#);
    let connector = configured_in(build, folder.path(), &settings, environment).unwrap();
    let collected = collect(&*connector).await;
    collected.assert_honest();
    let told = format!("{:?}{:?}{:?}", collected.reports, collected.notes, collected.result);
    assert!(!told.contains("PRIVATE KEY"), "{told}");
    collected
}

#[tokio::test]
async fn the_right_certificate_opens_and_no_or_a_wrong_one_is_told() {
    let (ours, theirs) = (Authority::new(), Authority::new());
    let own = ours.leaf("localhost", ExtendedKeyUsagePurpose::ServerAuth);
    let right = ours.leaf("muster", ExtendedKeyUsagePurpose::ClientAuth);
    let stranger = theirs.leaf("muster", ExtendedKeyUsagePurpose::ClientAuth);
    for version in [&rustls::version::TLS13, &rustls::version::TLS12] {
        let port = serve(&own, &ours, version);
        let collected = read(port, &ours, SHOWN, &right.pem, &right.key_pem).await;
        assert_eq!(
            (ids(&collected), collected.state("users")),
            (all(3), ScopeState::Complete),
            "{:#?}",
            collected.reports
        );
        // In one line, as environment variables often have it.
        let in_a_line = |pem: &str| pem.replace('\n', "\\n");
        let collected = read(port, &ours, SHOWN, &in_a_line(&right.pem), &in_a_line(&right.key_pem)).await;
        assert_eq!(collected.state("users"), ScopeState::Complete, "{:#?}", collected.reports);

        let none = read(port, &ours, PLAIN, "unused", "some-key").await;
        let wrong = read(port, &ours, SHOWN, &stranger.pem, &stranger.key_pem).await;
        for (name, collected) in [("none", none), ("of another authority", wrong)] {
            assert_eq!(collected.state("users"), ScopeState::Failed, "{name}");
            let gap = collected.gaps("users")[0].clone();
            assert_eq!(gap.code, "COL030", "{version:?}, {name}: {gap:#?}");
            assert!(gap.what.contains("refused the TLS handshake"), "{gap:#?}");
            assert!(gap.fix.unwrap().contains("client certificate"), "{name}");
        }
    }
}

#[tokio::test]
async fn a_certificate_that_is_none_or_does_not_fit_its_key_is_told() {
    let ours = Authority::new();
    let own = ours.leaf("localhost", ExtendedKeyUsagePurpose::ServerAuth);
    let right = ours.leaf("a", ExtendedKeyUsagePurpose::ClientAuth);
    let other = ours.leaf("b", ExtendedKeyUsagePurpose::ClientAuth);
    let port = serve(&own, &ours, &rustls::version::TLS13);
    for (cert, key) in
        [(right.pem.as_str(), "no key"), ("no certificate", &right.key_pem), (&right.pem, &other.key_pem)]
    {
        let collected = read(port, &ours, SHOWN, cert, key).await;
        assert_ne!(collected.state("users"), ScopeState::Complete);
        let told = format!("{:?}{:?}", collected.result, collected.gaps("users"));
        assert!(told.contains("certificate"), "{told}");
    }
}
