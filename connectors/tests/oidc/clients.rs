//! Every way in which a client proves itself.

use muster_connectors::scope::ScopeState;
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, DnType, ExtendedKeyUsagePurpose, IsCa, KeyPair};
use serde_json::json;

use super::bench::{
    BY_SECRET, Reading, SECRET, assert_failed, assert_whole, client, keys, oauth, provider, statuses, token_requests,
};
use crate::manifests::{HEAD, USERS};

const CLIENT: &[&str] = &["client_credentials"];

/// The lines of a client that signs with `secret.NAME`.
fn signs(alg: &str, key: &str, client: &str, audience: &str, header: &str) -> String {
    format!(
        "client = \"assertion\"\nscopes = [\"users.read\"]\njwt = {{ alg = \"{alg}\", key = \"${{secret.{key}}}\"{header}, claims = {{ iss = \"{client}\", sub = \"{client}\", aud = \"{audience}\", jti = \"${{jti}}\", iat = \"${{now}}\", exp = \"${{now + 60}}\" }} }}"
    )
}

#[tokio::test]
async fn a_secret_is_shown_in_the_header_or_in_the_form_and_not_otherwise() {
    let clients =
        json!([client("by-header", "client_secret_basic", CLIENT), client("by-form", "client_secret_post", CLIENT)]);
    let provider = provider(&clients, json!({"needs": {"*": "users.read"}}));
    for (id, lines, by) in [("by-header", "", "basic"), ("by-form", "client = \"body\"\n", "body")] {
        let auth = oauth(&provider, id, &format!("{lines}{BY_SECRET}"));
        let collected = Reading::new(&auth, &[("secret", SECRET)]).run(&provider).await;
        assert_whole(&collected, id);
        assert_eq!(token_requests(&provider).last().unwrap()["by"], by);
    }
}

#[tokio::test]
async fn an_assertion_is_signed_with_every_kind_of_key() {
    let kinds = [
        ("RS256", keys(&rcgen::PKCS_RSA_SHA256)),
        ("ES256", keys(&rcgen::PKCS_ECDSA_P256_SHA256)),
        ("EdDSA", keys(&rcgen::PKCS_ED25519)),
    ];
    let mut clients: Vec<_> = kinds
        .iter()
        .map(|(alg, (_, public))| {
            json!({
                "client_id": alg, "token_endpoint_auth_method": "private_key_jwt", "token_endpoint_auth_signing_alg": alg,
                "grant_types": CLIENT, "scope": "users.read", "public_key": public, "kid": "key-1",
            })
        })
        .collect();
    let mut shared = client("HS256", "client_secret_jwt", CLIENT);
    shared["client_secret"] = "a secret of at least thirty-two bytes".into();
    clients.push(shared);
    let provider = provider(&json!(clients), json!({"needs": {"*": "users.read"}}));
    let audience = format!("{}/token", provider.url());
    for (alg, (private, _)) in &kinds {
        let auth = oauth(&provider, alg, &signs(alg, "key", alg, &audience, ", header = { kid = \"key-1\" }"));
        let collected = Reading::new(&auth, &[("key", private)]).run(&provider).await;
        assert_whole(&collected, alg);
    }
    // RFC 7523 leaves it to the server whether its name or its address is the audience; providers take both.
    let auth = oauth(&provider, "HS256", &signs("HS256", "secret", "HS256", provider.url(), ""));
    let collected = Reading::new(&auth, &[("secret", "a secret of at least thirty-two bytes")]).run(&provider).await;
    assert_whole(&collected, "HS256");
    let asked = token_requests(&provider);
    assert!(asked.iter().all(|one| one["by"] == "assertion"), "{asked:#?}");
    assert_eq!(statuses(&asked), [200; 4]);
}

#[test]
fn a_client_needs_one_proof_and_the_name_of_an_assertion_is_known_in_its_claims() {
    let problems = |auth: &str| -> Vec<String> {
        let head = "[secrets]\nkey = { help = \"a key\" }\n[http]\nbase = \"https://api.example\"\n";
        let auth = format!(
            "[auth.a]\nkind = \"oauth2\"\ngrant = \"client_credentials\"\ntoken_url = \"https://api.example/token\"\nclient_id = \"app\"\n{auth}"
        );
        let parsed = muster_connectors::manifest::Manifest::parse(&format!("{HEAD}{head}{auth}\n{USERS}"), None);
        parsed.err().unwrap_or_default().iter().map(ToString::to_string).collect()
    };
    let none: Vec<String> = Vec::new();
    assert_eq!(problems("mtls = { cert = \"${secret.key}\", key = \"${secret.key}\" }"), none);
    let told = problems("scopes = [\"${secret.key}\"]").join("\n");
    assert!(told.contains("`client_secret` is missing"), "{told}");
    let jwt = |claims: &str, header: &str| {
        format!(
            "client = \"assertion\"\njwt = {{ alg = \"ES256\", key = \"${{secret.key}}\", claims = {{ jti = \"{claims}\" }}, header = {{ kid = \"{header}\" }} }}"
        )
    };
    assert_eq!(problems(&jwt("${jti}", "k")), none);
    let told = problems(&jwt("x", "${jti}")).join("\n");
    assert!(told.contains("only the claims of a `jwt` know it"), "{told}");
}

struct Authority(CertifiedIssuer<'static, KeyPair>);

impl Authority {
    fn new() -> Self {
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        Self(CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap())
    }

    /// Certificate and key in PEM.
    fn leaf(&self, name: &str, purpose: ExtendedKeyUsagePurpose) -> (String, String) {
        let key = KeyPair::generate().unwrap();
        let mut params = CertificateParams::new(vec![name.to_owned()]).unwrap();
        params.distinguished_name.push(DnType::CommonName, name); // not the authority's, or it would seem to sign itself
        params.extended_key_usages = vec![purpose];
        (params.signed_by(&key, &self.0).unwrap().pem(), key.serialize_pem())
    }
}

#[tokio::test]
async fn a_certificate_proves_the_client_and_binds_its_token() {
    let ours = Authority::new();
    let (cert, key) = ours.leaf("localhost", ExtendedKeyUsagePurpose::ServerAuth);
    let (right, right_key) = ours.leaf("muster", ExtendedKeyUsagePurpose::ClientAuth);
    let (other, other_key) = ours.leaf("somebody", ExtendedKeyUsagePurpose::ClientAuth);
    let (stranger, stranger_key) = Authority::new().leaf("muster", ExtendedKeyUsagePurpose::ClientAuth);
    let own_key = KeyPair::generate().unwrap();
    let own = CertificateParams::new(vec!["self".to_owned()]).unwrap().self_signed(&own_key).unwrap().pem();
    let bound = |id: &str, method: &str, key: &str, value: &str| {
        json!({
            "client_id": id, "token_endpoint_auth_method": method, "grant_types": CLIENT, "scope": "users.read", key: value,
            "tls_client_certificate_bound_access_tokens": true,
        })
    };
    let mut secret = client("both", "client_secret_basic", CLIENT);
    secret["tls_client_certificate_bound_access_tokens"] = true.into();
    let clients = json!([
        bound("of-authority", "tls_client_auth", "tls_client_auth_san_dns", "muster"),
        bound("self-signed", "self_signed_tls_client_auth", "certificate", &own),
        secret,
    ]);
    let tls = json!({"cert": cert, "key": key, "ca": ours.0.pem()});
    let provider = provider(&clients, json!({"tls": tls, "needs": {"*": "users.read"}}));
    let authority = ours.0.pem();
    let mtls = "scopes = [\"users.read\"]\nmtls = { cert = \"${secret.cert}\", key = \"${secret.key}\" }";
    let own_key = own_key.serialize_pem();
    for (id, cert, key) in [("of-authority", &right, &right_key), ("self-signed", &own, &own_key)] {
        let auth = oauth(&provider, id, mtls);
        let secrets = [("cert", cert.as_str()), ("key", key.as_str())];
        let collected = Reading { ca_pem: Some(&authority), ..Reading::new(&auth, &secrets) }.run(&provider).await;
        assert_whole(&collected, id);
    }
    let auth = oauth(&provider, "both", &format!("client_secret = \"${{secret.secret}}\"\n{mtls}"));
    let secrets = [("secret", SECRET), ("cert", right.as_str()), ("key", right_key.as_str())];
    let collected = Reading { ca_pem: Some(&authority), ..Reading::new(&auth, &secrets) }.run(&provider).await;
    assert_whole(&collected, "a secret, and a token that is bound to the certificate");

    for (id, cert, key, why) in [
        ("of-authority", &other, &other_key, "certificate subject value does not match the registered one"),
        ("of-authority", &stranger, &stranger_key, "client certificate was not verified"),
        ("self-signed", &right, &right_key, "unregistered client certificate provided"),
    ] {
        let auth = oauth(&provider, id, mtls);
        let secrets = [("cert", cert.as_str()), ("key", key.as_str())];
        let collected = Reading { ca_pem: Some(&authority), ..Reading::new(&auth, &secrets) }.run(&provider).await;
        assert_failed(
            &collected,
            &["COL030", "registered with another certificate", "register the certificate with the client"],
        );
        assert_eq!(token_requests(&provider).last().unwrap()["why"], why);
    }
    // Without its certificate the client gets no token.
    let auth = oauth(&provider, "both", BY_SECRET);
    let secrets = [("secret", SECRET)];
    let collected = Reading { ca_pem: Some(&authority), ..Reading::new(&auth, &secrets) }.run(&provider).await;
    assert_failed(&collected, &["invalid_grant", "a certificate"]);
    assert_eq!(collected.state("users"), ScopeState::Failed);
}
