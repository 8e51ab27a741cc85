//! Ways to sign in that are a vendor's own, against servers that check them as the vendor's documentation says: GitHub Apps,
//! Vault's AppRole, Snowflake's key pairs, Duo's signature, and the passwords of HTTP's own (RFC 7617) with what each vendor makes of them.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use aws_lc_rs::hmac;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use jsonwebtoken::{Algorithm, DecodingKey, Validation};
use muster_testbeds::scripted_http::{Request, Response, ScriptedHttp};
use serde_json::{Value, json};

use super::bench::{NOW, Reading, assert_failed, assert_whole, keys};
use super::catalog::connection_of;

/// A page of users.
fn page(request: &Request) -> Response {
    Response::json(users(request).to_string())
}

fn users(request: &Request) -> Value {
    let from = request.query("cursor").map_or(0, |cursor| cursor.parse::<usize>().unwrap());
    let users: Vec<Value> =
        (from..(from + 2).min(5)).map(|id| json!({"id": id, "login": format!("user{id}")})).collect();
    let next = (from + 2 < 5).then(|| (from + 2).to_string());
    json!({"users": users, "next": next})
}

fn seconds() -> i64 {
    NOW.parse::<jiff::Timestamp>().unwrap().as_second()
}

/// The claims, when the signature is this key's.
fn claims(token: &str, public: &str) -> Option<Value> {
    let mut validation = Validation::new(Algorithm::RS256);
    (validation.validate_exp, validation.validate_aud) = (false, false);
    validation.required_spec_claims.clear();
    let key = DecodingKey::from_rsa_pem(public.as_bytes()).unwrap();
    jsonwebtoken::decode::<Value>(token, &key, &validation).ok().map(|data| data.claims)
}

/// Reads with the catalogue's own way to sign in; the secrets and what the script issues must not show.
async fn read(
    id: &str,
    settings: &str,
    secrets: &[(&str, &str)],
    script: impl Fn(&Request) -> Response + Send + Sync + 'static,
) -> (crate::collected::Collected, Vec<Request>) {
    let server = ScriptedHttp::start(script);
    let issued = || (1..4).map(|n| format!("issued-token-{n}")).collect();
    let collected = Reading::new("", secrets).with(&server.url(), &issued, &connection_of(id), settings).await;
    (collected, server.requests())
}

#[tokio::test]
async fn a_github_app_signs_for_its_installation_and_again_when_the_token_is_refused() {
    let (private, public) = keys(&rcgen::PKCS_RSA_SHA256);
    let (foreign, _) = keys(&rcgen::PKCS_RSA_SHA256);
    for (key, good) in [(&private, true), (&foreign, false)] {
        let (public, issued) = (public.clone(), AtomicUsize::new(0));
        let script = move |request: &Request| {
            let bearer =
                request.header("authorization").and_then(|value| value.strip_prefix("Bearer ")).unwrap().to_owned();
            if request.path == "/users" {
                // The first token is revoked behind the first page.
                let wanted = if request.query("cursor").is_none() { "issued-token-1" } else { "issued-token-2" };
                return if bearer == wanted {
                    page(request)
                } else {
                    Response::json(r#"{"message":"Bad credentials"}"#).with_status(401)
                };
            }
            let refuse = |message: &str| Response::json(json!({"message": message}).to_string()).with_status(401);
            if (request.method.as_str(), request.path.as_str()) != ("POST", "/app/installations/7/access_tokens") {
                return Response::status(404);
            }
            // "Generating a JSON Web Token (JWT) for a GitHub App": RS256, `iat` in the past, `exp` no more than ten minutes ahead.
            let Some(claims) = claims(&bearer, &public) else { return refuse("A JSON web token could not be decoded") };
            let (iat, exp) = (claims["iat"].as_i64().unwrap(), claims["exp"].as_i64().unwrap());
            if iat > seconds() || exp > seconds() + 600 {
                return refuse("'Expiration time' claim ('exp') is too far in the future");
            }
            if claims["iss"] != "12" || request.header("x-github-api-version").is_none() {
                return refuse("'Issuer' claim ('iss') must be an Integer");
            }
            let token = format!("issued-token-{}", issued.fetch_add(1, Ordering::SeqCst) + 1);
            Response::json(json!({"token": token, "expires_at": "2026-11-20T11:00:00Z"}).to_string()).with_status(201)
        };
        let settings = r#"auth = "app", org = "acme", app_id = "12", installation_id = "7""#;
        let (collected, requests) = read("github", settings, &[("app_key", key)], script).await;
        if good {
            assert_whole(&collected, "a GitHub App");
            assert_eq!(requests.len(), 6, "two tokens, three pages, one refusal");
        } else {
            assert_failed(
                &collected,
                &["COL030", "HTTP 401 on POST /app/installations/7/access_tokens", "could not be decoded"],
            );
            assert_eq!(requests.len(), 1);
        }
    }
}

#[tokio::test]
async fn vaults_approle_logs_in_once_and_sends_vaults_own_headers() {
    for (secret_id, good) in [("right-secret-id", true), ("wrong-secret-id", false)] {
        let script = |request: &Request| {
            assert_eq!(request.header("x-vault-request"), Some("true"));
            assert_eq!(request.header("x-vault-namespace"), Some("acme/"));
            if request.path == "/v1/users" {
                let token = request.header("x-vault-token");
                return if token == Some("issued-token-1") {
                    page(request)
                } else {
                    Response::json(r#"{"errors":["permission denied"]}"#).with_status(403)
                };
            }
            assert_eq!((request.method.as_str(), request.path.as_str()), ("POST", "/v1/auth/muster/login"));
            assert_eq!((request.header("x-vault-token"), request.header("authorization")), (None, None));
            let body: Value = serde_json::from_slice(&request.body).unwrap();
            if body != json!({"role_id": "role-1", "secret_id": "right-secret-id"}) {
                return Response::json(r#"{"errors":["invalid role or secret ID"]}"#).with_status(400);
            }
            Response::json(json!({"auth": {"client_token": "issued-token-1", "lease_duration": 1200}}).to_string())
        };
        let settings = r#"auth = "approle", namespace = "acme/", approle = "muster", role_id = "role-1""#;
        let (collected, requests) = read("vault", settings, &[("secret_id", secret_id)], script).await;
        let logins = requests.iter().filter(|request| request.path.ends_with("/login")).count();
        assert_eq!(logins, 1);
        if good {
            assert_whole(&collected, "an AppRole");
        } else {
            assert_failed(
                &collected,
                &["COL030", "HTTP 400 on POST /v1/auth/muster/login", "invalid role or secret ID"],
            );
        }
    }
}

#[tokio::test]
async fn snowflakes_key_pair_names_account_user_and_fingerprint() {
    let (private, public) = keys(&rcgen::PKCS_RSA_SHA256);
    let (foreign, _) = keys(&rcgen::PKCS_RSA_SHA256);
    for (key, good) in [(&private, true), (&foreign, false)] {
        let public = public.clone();
        let script = move |request: &Request| {
            let refuse = || Response::json(r#"{"code":"390144","message":"JWT token is invalid."}"#).with_status(401);
            // "Authenticating Snowflake REST APIs with Snowflake": the names in capitals, an hour of life at most.
            assert_eq!(request.header("x-snowflake-authorization-token-type"), Some("KEYPAIR_JWT"));
            let bearer = request.header("authorization").and_then(|value| value.strip_prefix("Bearer ")).unwrap();
            let Some(claims) = claims(bearer, &public) else { return refuse() };
            let lasts = claims["exp"].as_i64().unwrap() - claims["iat"].as_i64().unwrap();
            let named = claims["iss"] == "ACME-EU1.MUSTER.SHA256:x5+Fp/=" && claims["sub"] == "ACME-EU1.MUSTER";
            if named && lasts <= 3600 { page(request) } else { refuse() }
        };
        let settings = r#"auth = "key_pair", account = "acme-eu1", user = "muster", public_key_fp = "SHA256:x5+Fp/=", warehouse = "xs""#;
        let (collected, requests) = read("snowflake", settings, &[("private_key", key)], script).await;
        if good {
            assert_whole(&collected, "a key pair");
            assert_eq!(requests.len(), 3);
        } else {
            assert_failed(&collected, &["COL030", "HTTP 401", "JWT token is invalid"]);
            assert_eq!(requests.len(), 2, "signed once more, in case the first had ended");
        }
    }
}

#[tokio::test]
async fn passwords_go_as_each_vendor_wants_them_and_are_tried_once() {
    for (id, settings, secrets, user) in [
        ("hibob", r#"service_user = "svc-1""#, [("token", "pass:word+1")], "svc-1:pass:word+1"),
        ("bamboohr", r#"auth = "key", company = "acme""#, [("key", "key-of-the-reader")], "key-of-the-reader:x"),
        (
            "workday",
            r#"auth = "user", tenant = "acme", report_owner = "isu", report = "People", user = "isu_muster""#,
            [("password", "pass:word+1")],
            "isu_muster@acme:pass:word+1",
        ),
        (
            "atlassian-site",
            r#"auth = "token", user = "reader@acme.example""#,
            [("token", "pass:word+1")],
            "reader@acme.example:pass:word+1",
        ),
        ("grafana", r#"auth = "basic", user = "admin""#, [("password", "pass:word+1")], "admin:pass:word+1"),
    ] {
        let expected = Arc::new(format!("Basic {}", STANDARD.encode(user)));
        for good in [true, false] {
            let expected = Arc::clone(&expected);
            let script = move |request: &Request| match request.header("authorization") {
                Some(sent) if good && sent == *expected => page(request),
                _ => Response::json(r#"{"message":"wrong user or password"}"#).with_status(401),
            };
            let (collected, requests) = read(id, settings, &secrets, script).await;
            if good {
                assert_whole(&collected, id);
            } else {
                assert_failed(&collected, &["COL030", "HTTP 401", "wrong user or password"]);
                assert_eq!(requests.len(), 1, "{id}: a password is not tried twice");
            }
        }
    }
}

#[tokio::test]
async fn duos_signature_covers_date_method_host_path_and_parameters() {
    for (secret, good) in [("right-secret-key", true), ("wrong-secret-key", false)] {
        let script = |request: &Request| {
            // "Authentication", Duo Admin API: the HMAC of five lines as password, the integration key as user.
            let parameters = request.query("cursor").map_or_else(String::new, |cursor| format!("cursor={cursor}"));
            let lines = [request.header("date").unwrap(), "GET", "127.0.0.1", "/admin/users", &parameters].join("\n");
            let key = hmac::Key::new(hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY, b"right-secret-key");
            let digits = hmac::sign(&key, lines.as_bytes())
                .as_ref()
                .iter()
                .map(|byte| format!("{byte:02x}"))
                .collect::<String>();
            if request.header("authorization") != Some(&format!("Basic {}", STANDARD.encode(format!("DI1:{digits}")))) {
                return Response::json(
                    r#"{"stat":"FAIL","code":40103,"message":"Invalid signature in request credentials"}"#,
                )
                .with_status(401);
            }
            let mut users = users(request);
            users["stat"] = "OK".into();
            Response::json(users.to_string())
        };
        let (collected, requests) = read("duo", r#"key = "DI1""#, &[("secret", secret)], script).await;
        if good {
            assert_whole(&collected, "a signature for each page");
        } else {
            assert_failed(&collected, &["COL030", "HTTP 401", "Invalid signature", "this machine's clock"]);
            assert_eq!(requests.len(), 1);
        }
    }
}
