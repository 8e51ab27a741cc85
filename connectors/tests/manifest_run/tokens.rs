//! Every way to sign in, against a token server that checks what it is sent.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use jsonwebtoken::{Algorithm, DecodingKey, Validation};
use muster_connectors::manifest::run::clock::VirtualClock;
use muster_connectors::scope::ScopeState;
use muster_connectors::secret::Environment;
use muster_testbeds::scripted_http::{Request, Response, ScriptedHttp};
use serde_json::{Value, json};

use super::bench::{NOW, all, ids, page, plain_manifest};
use crate::collected::{Collected, collect, configured_in};
use crate::manifests::{CURSOR, HTTP, by_clock, users};

/// Reads the list with this `[auth]`; the secrets `token` and `key` hold these texts, which must show nowhere.
async fn read(
    auth: &str,
    secrets: [&str; 2],
    script: impl Fn(&Request) -> Response + Send + Sync + 'static,
) -> (Collected, Vec<Request>) {
    let server = ScriptedHttp::start(script);
    let url = server.url();
    let auth = auth.replace("{url}", &url);
    let manifest = plain_manifest(&format!("{HTTP}{auth}{}", users(CURSOR)));
    let clock = Arc::new(VirtualClock::new(NOW.parse().unwrap(), 7));
    let environment =
        Environment::from([("TOKEN".to_owned(), secrets[0].to_owned()), ("KEY".to_owned(), secrets[1].to_owned())]);
    let mut settings = format!(r#"base_url = "{url}""#);
    for (name, variable, secret) in [("token", "TOKEN", secrets[0]), ("key", "KEY", secrets[1])] {
        if !secret.is_empty() {
            settings.push_str(&format!(r#", {name} = {{ env = "{variable}" }}"#));
        }
    }
    let connector = configured_in(by_clock(&manifest, clock), ".", &settings, environment).unwrap();
    let collected = collect(&*connector).await;
    collected.assert_honest();
    let told = format!("{:?}{:?}{:?}", collected.reports, collected.notes, collected.result);
    for secret in secrets.into_iter().chain(["issued-token"]).filter(|secret| secret.len() > 3) {
        assert!(!told.contains(secret), "{secret} shows: {told}");
    }
    (collected, server.requests())
}

fn form(request: &Request) -> Vec<(String, String)> {
    url::form_urlencoded::parse(&request.body).into_owned().collect()
}

fn field(request: &Request, name: &str) -> Option<String> {
    form(request).into_iter().find(|(key, _)| key == name).map(|(_, value)| value)
}

fn bearer(request: &Request) -> Option<&str> {
    request.header("authorization")?.strip_prefix("Bearer ")
}

/// The list, for whoever has one of the tokens; 401 for anybody else.
fn list(request: &Request, token: &str) -> Response {
    if bearer(request) == Some(token) { page(0, 3, json!({})) } else { Response::status(401) }
}

fn verified(token: &str, alg: Algorithm, public: &str) -> Value {
    let key = match alg {
        Algorithm::RS256 => DecodingKey::from_rsa_pem(public.as_bytes()),
        Algorithm::ES256 => DecodingKey::from_ec_pem(public.as_bytes()),
        _ => DecodingKey::from_ed_pem(public.as_bytes()),
    };
    let mut validation = Validation::new(alg);
    (validation.validate_exp, validation.validate_aud) = (false, false);
    jsonwebtoken::decode::<Value>(token, &key.unwrap(), &validation).unwrap().claims
}

type Sent = Box<dyn Fn(&Request) -> bool + Send + Sync>;

fn sent(as_it_should: impl Fn(&Request) -> bool + Send + Sync + 'static) -> Sent {
    Box::new(as_it_should)
}

#[tokio::test]
async fn keys_and_passwords_go_where_the_manifest_says() {
    for (auth, check) in [
        (
            "[auth.a]\nkind = \"basic\"\nuser = \"x\"\npassword = \"${secret.token}\"\n",
            sent(|request| {
                request.header("authorization") == Some(format!("Basic {}", STANDARD.encode("x:hunter22")).as_str())
            }),
        ),
        (
            "[auth.a]\nkind = \"headers\"\nheaders = { DD-API-KEY = \"${secret.token}\", X-App = \"${secret.key}\" }\n",
            sent(|request| {
                request.header("dd-api-key") == Some("hunter22") && request.header("x-app") == Some("secret-key")
            }),
        ),
        (
            "[auth.a]\nkind = \"query\"\nquery = { api_key = \"${secret.token}\" }\n",
            sent(|request| request.query("api_key") == Some("hunter22")),
        ),
    ] {
        let (collected, _) = read(auth, ["hunter22", "secret-key"], move |request| {
            if check(request) { page(0, 3, json!({})) } else { Response::status(401) }
        })
        .await;
        assert_eq!((ids(&collected), collected.state("users")), (all(3), ScopeState::Complete), "{auth}");
    }
}

#[tokio::test]
async fn client_credentials_in_header_form_and_assertion() {
    let pair = rcgen::KeyPair::generate_for(&rcgen::PKCS_ECDSA_P256_SHA256).unwrap();
    let (private, public) = (pair.serialize_pem(), pair.public_key_pem());
    let head = "[auth.a]\nkind = \"oauth2\"\ngrant = \"client_credentials\"\ntoken_url = \"{url}/token\"\nclient_id = \"app\"\nscopes = [\"users.read\", \"groups.read\"]\nparams = { audience = \"api\" }\n";
    let secret = "client_secret = \"${secret.token}\"\n";
    let assertion = "client = \"assertion\"\njwt = { alg = \"ES256\", key = \"${secret.key}\", claims = { iss = \"app\", sub = \"app\", aud = \"{url}/token\", iat = \"${now}\", exp = \"${now + 60}\" }, header = { kid = \"k1\" } }\n";
    for (style, blocks) in [
        ("basic", format!("{head}{secret}")),
        ("body", format!("{head}{secret}client = \"body\"\n")),
        ("assertion", format!("{head}{assertion}")),
    ] {
        let public = public.clone();
        let (collected, requests) = read(&blocks, ["hunter22:/+", &private], move |request| {
            if request.path != "/token" {
                return list(request, "issued-token");
            }
            assert_eq!(field(request, "grant_type").as_deref(), Some("client_credentials"));
            assert_eq!(field(request, "scope").as_deref(), Some("users.read groups.read"));
            assert_eq!(field(request, "audience").as_deref(), Some("api"));
            let good = match style {
                // RFC 6749, 2.3.1: form-encoded before it is joined.
                "basic" => {
                    let expected = format!("Basic {}", STANDARD.encode("app:hunter22%3A%2F%2B"));
                    request.header("authorization") == Some(expected.as_str())
                }
                "body" => field(request, "client_secret").as_deref() == Some("hunter22:/+"),
                _ => {
                    let claims = verified(&field(request, "client_assertion").unwrap(), Algorithm::ES256, &public);
                    claims["iss"] == "app" && claims["exp"].as_i64() == claims["iat"].as_i64().map(|iat| iat + 60)
                }
            };
            assert!(good, "{style}: {request:?}");
            Response::json(r#"{"access_token":"issued-token","token_type":"Bearer","expires_in":3600}"#)
        })
        .await;
        assert_eq!((ids(&collected), collected.state("users")), (all(3), ScopeState::Complete), "{style}");
        assert_eq!(requests.iter().filter(|request| request.path == "/token").count(), 1, "{style}");
    }
}

#[tokio::test]
async fn a_jwt_bearer_grant_and_a_github_app() {
    let pair = rcgen::KeyPair::generate_for(&rcgen::PKCS_RSA_SHA256).unwrap();
    let (private, public) = (pair.serialize_pem(), pair.public_key_pem());
    let grant = "[auth.a]\nkind = \"oauth2\"\ngrant = \"jwt_bearer\"\ntoken_url = \"{url}/token\"\njwt = { alg = \"RS256\", key = \"${secret.key}\", claims = { iss = \"svc@acme\", sub = \"admin@acme\", scope = \"directory.readonly\", aud = \"{url}/token\", iat = \"${now}\", exp = \"${now + 3600}\" } }\n";
    let for_grant = public.clone();
    let (collected, _) = read(grant, ["", &private], move |request| {
        if request.path != "/token" {
            return list(request, "issued-token");
        }
        assert_eq!(field(request, "grant_type").as_deref(), Some("urn:ietf:params:oauth:grant-type:jwt-bearer"));
        let claims = verified(&field(request, "assertion").unwrap(), Algorithm::RS256, &for_grant);
        assert_eq!(
            (claims["sub"].as_str(), claims["scope"].as_str()),
            (Some("admin@acme"), Some("directory.readonly"))
        );
        Response::json(r#"{"access_token":"issued-token","expires_in":"3600"}"#)
    })
    .await;
    assert_eq!((ids(&collected), collected.state("users")), (all(3), ScopeState::Complete));

    let app = "[auth.a]\nkind = \"exchange\"\njwt = { alg = \"RS256\", key = \"${secret.key}\", claims = { iss = \"12\", iat = \"${now - 60}\", exp = \"${now + 540}\" } }\ncall = { method = \"POST\", path = \"/app/installations/7/access_tokens\", headers = { Authorization = \"Bearer ${jwt}\" } }\nfrom = \"token\"\nexpires = \"expires_at | date\"\nsend = { Authorization = \"Bearer ${token}\" }\n";
    let (collected, requests) = read(app, ["", &private], move |request| {
        if request.path == "/users" {
            return list(request, "issued-token");
        }
        assert_eq!((request.method.as_str(), request.path.as_str()), ("POST", "/app/installations/7/access_tokens"));
        let claims = verified(bearer(request).unwrap(), Algorithm::RS256, &public);
        assert_eq!(claims["iss"], "12");
        assert_eq!(claims["exp"].as_i64().unwrap() - claims["iat"].as_i64().unwrap(), 600);
        Response::json(r#"{"token":"issued-token","expires_at":"2026-11-20T11:00:00Z"}"#).with_status(201)
    })
    .await;
    assert_eq!((collected.state("users"), requests.len()), (ScopeState::Complete, 2));
}

#[tokio::test]
async fn a_signed_token_is_sent_as_it_is() {
    let pair = rcgen::KeyPair::generate_for(&rcgen::PKCS_RSA_SHA256).unwrap();
    let (private, public) = (pair.serialize_pem(), pair.public_key_pem());
    let jwt = "jwt = { alg = \"RS256\", key = \"${secret.key}\", claims = { iss = \"app\", iat = \"${now}\", exp = \"${now + 60}\" } }\n";
    for (kind, header) in [
        ("kind = \"bearer\"\n", "authorization"),
        ("kind = \"bearer\"\ntoken = \"${jwt}\"\n", "authorization"),
        ("kind = \"headers\"\nheaders = { X-Assertion = \"Bearer ${jwt}\" }\n", "x-assertion"),
    ] {
        let public = public.clone();
        let (collected, requests) = read(&format!("[auth.a]\n{kind}{jwt}"), ["", &private], move |request| {
            let token = request.header(header).and_then(|value| value.strip_prefix("Bearer ")).unwrap();
            assert_eq!(verified(token, Algorithm::RS256, &public)["iss"], "app");
            match request.query("cursor") {
                None => page(0, 3, json!({"next": "3"})),
                Some(_) => page(3, 5, json!({})),
            }
        })
        .await;
        assert_eq!((ids(&collected), collected.state("users")), (all(5), ScopeState::Complete), "{kind}");
        assert_eq!(requests.len(), 2, "{kind}");
    }
}

#[tokio::test]
async fn what_is_signed_here_may_be_the_token_itself() {
    let pair = rcgen::KeyPair::generate_for(&rcgen::PKCS_RSA_SHA256).unwrap();
    let (private, public) = (pair.serialize_pem(), pair.public_key_pem());
    let jwt = "jwt = { alg = \"RS256\", key = \"${secret.key}\", claims = { iss = \"ACME.SVC.SHA256:x\", exp = \"${now + 3000}\" } }";
    let ways = [
        "kind = \"bearer\"\ntoken = \"${jwt}\"",
        "kind = \"headers\"\nheaders = { Authorization = \"Bearer ${jwt}\", X-Kind = \"KEYPAIR_JWT\" }",
    ];
    for way in ways {
        let public = public.clone();
        let (collected, _) = read(&format!("[auth.a]\n{way}\n{jwt}\n"), ["", &private], move |request| {
            let token = bearer(request).unwrap().to_owned();
            assert_eq!(verified(&token, Algorithm::RS256, &public)["iss"], "ACME.SVC.SHA256:x");
            list(request, &token)
        })
        .await;
        assert_eq!((ids(&collected), collected.state("users")), (all(3), ScopeState::Complete), "{way}");
    }
}

const EXCHANGE: &str = "[auth.a]\nkind = \"exchange\"\ncall = { method = \"POST\", path = \"/login\", body = { user = \"u\", password = \"${secret.token}\" } }\nfrom = \"session.id\"\nlifetime_s = 300\nsend = { X-Session = \"${token}\" }\n";

#[tokio::test]
async fn a_login_sends_its_password_in_the_body_and_its_token_in_a_header() {
    let (collected, _) = read(EXCHANGE, ["hunter22", ""], |request| match request.path.as_str() {
        "/login" => {
            assert_eq!(serde_json::from_slice::<Value>(&request.body).unwrap()["password"], "hunter22");
            Response::json(r#"{"session":{"id":"issued-token"}}"#)
        }
        _ if request.header("x-session") == Some("issued-token") => page(0, 3, json!({})),
        _ => Response::status(401),
    })
    .await;
    assert_eq!(collected.state("users"), ScopeState::Complete);
}

const CLIENT: &str = "[auth.a]\nkind = \"oauth2\"\ngrant = \"client_credentials\"\ntoken_url = \"{url}/token\"\nclient_id = \"app\"\nclient_secret = \"${secret.token}\"\n";

#[tokio::test]
async fn a_token_that_ends_early_is_renewed_once_and_the_list_goes_on() {
    let issued = AtomicUsize::new(0);
    let (collected, requests) = read(CLIENT, ["hunter22", ""], move |request| {
        if request.path == "/token" {
            let number = issued.fetch_add(1, Ordering::SeqCst) + 1;
            return Response::json(
                json!({"access_token": format!("issued-token-{number}"), "expires_in": 3600}).to_string(),
            );
        }
        match request.query("cursor") {
            None => page(0, 3, json!({"next": "3"})),
            // The first token is revoked between the pages.
            Some(_) if bearer(request) == Some("issued-token-2") => page(3, 5, json!({})),
            Some(_) => Response::status(401),
        }
    })
    .await;
    assert_eq!((ids(&collected), collected.state("users")), (all(5), ScopeState::Complete));
    assert_eq!(requests.iter().filter(|request| request.path == "/token").count(), 2);
}

#[tokio::test]
async fn a_token_server_that_says_no_is_asked_once() {
    let (collected, requests) = read(CLIENT, ["hunter22", ""], |_| {
        Response::json(r#"{"error":"invalid_client","error_description":"no client app with hunter22"}"#)
            .with_status(400)
    })
    .await;
    assert_eq!((collected.state("users"), requests.len()), (ScopeState::Failed, 1));
    assert!(format!("{:?}", collected.gaps("users")).contains("no client app with ***"), "{:#?}", collected.reports);
    // One that stumbles is asked again.
    let asked = AtomicUsize::new(0);
    let (collected, _) = read(CLIENT, ["hunter22", ""], move |request| match request.path.as_str() {
        "/token" if asked.fetch_add(1, Ordering::SeqCst) == 0 => Response::status(503),
        "/token" => Response::json(r#"{"access_token":"issued-token"}"#),
        _ => list(request, "issued-token"),
    })
    .await;
    assert_eq!(collected.state("users"), ScopeState::Complete);
    // A reply without a token is none.
    let (collected, _) = read(CLIENT, ["hunter22", ""], |_| Response::json(r#"{"ok":true}"#)).await;
    assert_eq!(collected.state("users"), ScopeState::Failed);
}

#[tokio::test]
async fn a_refresh_token_that_is_rotated_is_used_in_its_place() {
    let auth = "[auth.a]\nkind = \"oauth2\"\ngrant = \"refresh_token\"\ntoken_url = \"{url}/token\"\nclient_id = \"app\"\nclient = \"body\"\nclient_secret = \"${secret.key}\"\nrefresh_token = \"${secret.token}\"\n";
    let seen: Arc<Mutex<Vec<String>>> = Arc::default();
    let sent = Arc::clone(&seen);
    let (collected, _) = read(auth, ["first-refresh", "client-secret"], move |request| {
        if request.path == "/token" {
            let mut sent = sent.lock().unwrap();
            sent.push(field(request, "refresh_token").unwrap());
            let number = sent.len();
            return Response::json(
                json!({"access_token": format!("issued-token-{number}"), "refresh_token": "second-refresh", "expires_in": 3600}).to_string(),
            );
        }
        match (request.query("cursor"), bearer(request)) {
            (None, Some("issued-token-1")) => page(0, 3, json!({"next": "3"})),
            (Some(_), Some("issued-token-2")) => page(3, 5, json!({})),
            _ => Response::status(401),
        }
    })
    .await;
    assert_eq!((ids(&collected), collected.state("users")), (all(5), ScopeState::Complete));
    assert_eq!(*seen.lock().unwrap(), ["first-refresh", "second-refresh"]);
    assert!(!format!("{:?}", collected.notes).contains("second-refresh"));
}

#[tokio::test]
async fn a_key_that_cannot_sign_is_told_without_the_key() {
    let auth = "[auth.a]\nkind = \"oauth2\"\ngrant = \"jwt_bearer\"\ntoken_url = \"{url}/token\"\njwt = { alg = \"RS256\", key = \"${secret.key}\", claims = { iss = \"x\" } }\n";
    let (collected, requests) = read(auth, ["", "not-a-pem-at-all"], |_| page(0, 3, json!({}))).await;
    assert_eq!((collected.state("users"), requests.len()), (ScopeState::Failed, 0));
    assert!(format!("{:?}", collected.gaps("users")).contains("RS256"), "{:#?}", collected.reports);
}

#[tokio::test]
async fn the_token_is_fetched_once_for_many_lists_at_once() {
    let blocks = format!(
        "{CLIENT}{}",
        (0..5)
            .map(|n| format!("[stream.l{n}]\nget = \"/l{n}\"\nitems = \"users\"\npage = {{ kind = \"none\" }}\n[[stream.l{n}.emit]]\nas = \"group\"\nid = \"'{n}-' + (id | str)\"\n"))
            .collect::<String>()
    );
    let (collected, requests) = read(&blocks, ["hunter22", ""], |request| match request.path.as_str() {
        "/token" => Response::json(r#"{"access_token":"issued-token","expires_in":3600}"#),
        _ => list(request, "issued-token"),
    })
    .await;
    collected.assert_complete();
    assert_eq!(requests.iter().filter(|request| request.path == "/token").count(), 1);
}

#[tokio::test]
async fn named_signers_sign_every_request() {
    let digest = "[auth.a]\nkind = \"signer\"\nsigner = \"digest\"\nwith = { user = \"reader\", password = \"${secret.token}\" }\n";
    let (collected, requests) = read(digest, ["hunter22", ""], |request| match request.header("authorization") {
        Some(header) if header.starts_with("Digest username=\"reader\"") && header.contains("response=\"") => {
            page(0, 3, json!({}))
        }
        _ => Response::status(401)
            .header("www-authenticate", "Digest realm=\"r\", nonce=\"n1\", qop=\"auth\", algorithm=SHA-256"),
    })
    .await;
    assert_eq!((collected.state("users"), requests.len()), (ScopeState::Complete, 2));
    // A wrong password is not tried a second time.
    let (collected, requests) = read(digest, ["hunter22", ""], |_| {
        Response::status(401).header("www-authenticate", "Digest realm=\"r\", nonce=\"n1\", algorithm=SHA-256")
    })
    .await;
    assert_eq!((collected.state("users"), requests.len()), (ScopeState::Failed, 2));

    let duo =
        "[auth.a]\nkind = \"signer\"\nsigner = \"duo\"\nwith = { key = \"DIXXXX\", secret = \"${secret.token}\" }\n";
    let (collected, _) = read(duo, ["hunter22", ""], |request| {
        let basic = request.header("authorization").and_then(|header| header.strip_prefix("Basic "));
        let decoded = String::from_utf8(STANDARD.decode(basic.unwrap()).unwrap()).unwrap();
        let (user, signature) = decoded.split_once(':').unwrap();
        assert_eq!((user, signature.len()), ("DIXXXX", 40));
        assert_eq!(request.header("date"), Some("Fri, 20 Nov 2026 10:00:00 -0000"));
        page(0, 3, json!({}))
    })
    .await;
    assert_eq!(collected.state("users"), ScopeState::Complete);

    let aws = "[auth.a]\nkind = \"signer\"\nsigner = \"sigv4\"\nwith = { key = \"AKIDEXAMPLE\", secret = \"${secret.token}\", service = \"execute-api\", region = \"eu-west-1\" }\n";
    let (collected, _) = read(aws, ["hunter22", ""], |request| {
        let header = request.header("authorization").unwrap();
        assert!(
            header.starts_with("AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20261120/eu-west-1/execute-api/"),
            "{header}"
        );
        page(0, 3, json!({}))
    })
    .await;
    assert_eq!(collected.state("users"), ScopeState::Complete);
}
