//! The catalogue's own ways to sign in: each manifest's `[config]`, `[secrets]`, `[http]` and `[auth]` as they are, with the
//! provider in the place of the vendor's token endpoint, at the vendor's path.

use std::path::Path;
use std::sync::Arc;

use muster_connectors::manifest::Manifest;
use serde_json::{Value, json};

use super::bench::{
    Reading, SECRET, assert_failed, assert_whole, calls, client, keys, provider, statuses, token_requests,
};
use crate::manifests::{USERS, parsed};

const BEARER: &str = "urn:ietf:params:oauth:grant-type:jwt-bearer";

/// A manifest of the catalogue with everything but how it connects taken out, and a list of users put in.
pub(crate) fn connection_of(id: &str) -> Arc<Manifest> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("catalog/{id}.toml"));
    let text = std::fs::read_to_string(&path).unwrap();
    let kept = ["[config]", "[secrets]", "[http]", "[auth.", "[limits]", "[[error]]"];
    let mut keeps = true; // the head
    let lines = text.lines().filter(|line| {
        if line.starts_with('[') {
            keeps = kept.iter().any(|table| line.starts_with(table));
        }
        keeps
    });
    parsed(&format!("{}\n{USERS}", lines.collect::<Vec<_>>().join("\n")))
}

/// How one way to sign in is proven.
struct Case {
    /// Manifest and way.
    id: &'static str,
    way: &'static str,
    /// The vendor's path.
    token_path: &'static str,
    /// What the operator writes; `{url}` is the provider.
    settings: &'static str,
    /// Secrets; `{private}` is the key, `{wrong}` takes the place of what `breaks` names.
    secrets: &'static [(&'static str, &'static str)],
    breaks: &'static str,
    /// The client as the provider has it, and what else it is told.
    client: Value,
    more: Value,
}

fn signed(id: &str, more: Value) -> Value {
    let mut client = json!({"client_id": id, "token_endpoint_auth_method": "none", "grant_types": [BEARER]});
    client.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    client
}

fn secret(method: &str, grant: &str) -> Value {
    client("app", method, &[grant])
}

const GOOGLE: &str = "https://www.googleapis.com/auth/admin.directory.user.readonly https://www.googleapis.com/auth/admin.directory.group.readonly https://www.googleapis.com/auth/admin.directory.group.member.readonly https://www.googleapis.com/auth/admin.directory.rolemanagement.readonly";
const OKTA: &str = "okta.users.read okta.groups.read okta.apps.read okta.roles.read okta.factors.read okta.apiTokens.read okta.logs.read";
const DOCUSIGN: &str = "signature impersonation organization_read user_read group_read permission_read";
const KEY: &[(&str, &str)] = &[("private_key", "{private}")];
const CLIENT_SECRET: &[(&str, &str)] = &[("client_secret", SECRET)];

fn cases() -> Vec<Case> {
    let by_secret = |id, way, token_path, settings, client: Value, more: Value| Case {
        id,
        way,
        token_path,
        settings,
        secrets: CLIENT_SECRET,
        breaks: "client_secret",
        client,
        more,
    };
    let credentials = "client_credentials";
    vec![
        by_secret(
            "entra",
            "secret",
            "/contoso/oauth2/v2.0/token",
            r#"tenant_id = "contoso", client_id = "app", login_url = "{url}""#,
            secret("client_secret_post", credentials),
            json!({}),
        ),
        Case {
            id: "entra",
            way: "certificate",
            token_path: "/contoso/oauth2/v2.0/token",
            settings: r#"tenant_id = "contoso", client_id = "app", login_url = "{url}""#,
            secrets: &[("client_key", "{private}"), ("thumbprint", "A-thumbprint-of-the-certificate")],
            breaks: "client_key",
            client: json!({
                "client_id": "app", "token_endpoint_auth_method": "private_key_jwt", "token_endpoint_auth_signing_alg": "RS256",
                "grant_types": [credentials], "public_key": "{public}",
            }),
            more: json!({}),
        },
        Case {
            id: "okta",
            way: "service_app",
            token_path: "/oauth2/v1/token",
            settings: r#"client_id = "app", key_id = "key-1""#,
            secrets: &[("app_key", "{private}")],
            breaks: "app_key",
            client: json!({
                "client_id": "app", "token_endpoint_auth_method": "private_key_jwt", "token_endpoint_auth_signing_alg": "RS256",
                "grant_types": [credentials], "public_key": "{public}", "kid": "key-1", "scope": OKTA,
            }),
            more: json!({"scopes": OKTA.split(' ').collect::<Vec<_>>(), "needs": {"*": "okta.users.read"}}),
        },
        Case {
            id: "google-workspace",
            way: "delegation",
            token_path: "/token",
            settings: r#"client_email = "svc@acme.iam.example", admin = "admin@acme.example", token_url = "{url}/token""#,
            secrets: KEY,
            breaks: "private_key",
            client: signed("svc@acme.iam.example", json!({"scope": GOOGLE})),
            more: json!({
                "scopes": GOOGLE.split(' ').collect::<Vec<_>>(), "needs": {"*": GOOGLE.split(' ').next()},
                "issuers": {"svc@acme.iam.example": {"sub": "admin@acme.example", "audience": "{issuer}/token", "longest_s": 3600, "requires": ["iat"]}},
            }),
        },
        Case {
            id: "docusign",
            way: "jwt",
            token_path: "/oauth/token",
            settings: r#"organization_id = "org-1", integration_key = "app", user_id = "user-1", auth_url = "{url}""#,
            secrets: KEY,
            breaks: "private_key",
            client: signed("app", json!({"scope": DOCUSIGN})),
            more: json!({
                "scopes": DOCUSIGN.split(' ').collect::<Vec<_>>(), "needs": {"*": "user_read"},
                "issuers": {"app": {"sub": "user-1", "audience": "{host}", "longest_s": 3600, "requires": ["iat"]}},
            }),
        },
        by_secret(
            "salesforce",
            "client",
            "/services/oauth2/token",
            r#"client_id = "app""#,
            secret("client_secret_post", credentials),
            json!({}),
        ),
        Case {
            id: "salesforce",
            way: "jwt",
            token_path: "/services/oauth2/token",
            settings: r#"client_id = "app", username = "reader@acme.example""#,
            secrets: KEY,
            breaks: "private_key",
            client: signed("app", json!({})),
            more: json!({"issuers": {"app": {"sub": "reader@acme.example", "audience": "https://login.salesforce.com", "longest_s": 180}}}),
        },
        by_secret(
            "box",
            "client",
            "/oauth2/token",
            r#"enterprise_id = "42", client_id = "app""#,
            secret("client_secret_post", credentials),
            json!({"expects": {"box_subject_type": "enterprise", "box_subject_id": "42"}}),
        ),
        Case {
            id: "box",
            way: "jwt",
            token_path: "/oauth2/token",
            settings: r#"enterprise_id = "42", client_id = "app", key_id = "key-1""#,
            secrets: &[("private_key", "{private}"), ("client_secret", SECRET)],
            breaks: "private_key",
            client: secret("client_secret_post", BEARER),
            more: json!({
                "issuers": {"app": {
                    "sub": "42", "audience": "{issuer}/oauth2/token", "longest_s": 60, "requires": ["jti"], "kid": "key-1",
                    "claims": {"box_sub_type": "enterprise"},
                }},
            }),
        },
        by_secret(
            "zoom",
            "app",
            "/oauth/token",
            r#"account_id = "acme-1", client_id = "app", token_url = "{url}/oauth/token""#,
            secret("client_secret_basic", "account_credentials"),
            json!({"account_id": "acme-1"}),
        ),
        by_secret(
            "atlassian-site",
            "service",
            "/oauth/token",
            r#"jira_path = "/ex/jira/1", client_id = "app", token_url = "{url}/oauth/token""#,
            secret("client_secret_post", credentials),
            json!({}),
        ),
        by_secret(
            "keycloak",
            "client",
            "/realms/acme/protocol/openid-connect/token",
            r#"realm = "acme", client_id = "app""#,
            secret("client_secret_basic", credentials),
            json!({}),
        ),
        by_secret(
            "tailscale",
            "client",
            "/api/v2/oauth/token",
            r#"client_id = "app""#,
            secret("client_secret_post", credentials),
            json!({}),
        ),
        by_secret(
            "personio",
            "credential",
            "/v2/auth/token",
            r#"client_id = "app""#,
            secret("client_secret_post", credentials),
            json!({}),
        ),
        Case {
            id: "workday",
            way: "client",
            token_path: "/ccx/oauth2/acme/token",
            settings: r#"tenant = "acme", report_owner = "isu", report = "People", client_id = "app""#,
            secrets: &[("client_secret", SECRET), ("refresh_token", "{refresh}")],
            breaks: "refresh_token",
            client: secret("client_secret_basic", "refresh_token"),
            more: json!({"needs": {"*": "users.read"}}),
        },
    ]
}

#[tokio::test]
async fn every_token_of_the_catalogue_is_had_of_a_real_provider_and_had_again_when_it_is_revoked() {
    let (private, public) = keys(&rcgen::PKCS_RSA_SHA256);
    let (foreign, _) = keys(&rcgen::PKCS_RSA_SHA256);
    for case in cases() {
        let told = format!("{} by {}", case.id, case.way);
        let text = case.client.to_string().replace("{public}", &public.replace('\n', "\\n"));
        let clients = json!([serde_json::from_str::<Value>(&text).unwrap()]);
        let mut more = case.more.clone();
        if let Some(issuers) = more.get_mut("issuers").and_then(Value::as_object_mut) {
            for issuer in issuers.values_mut() {
                (issuer["public_key"], issuer["alg"]) = (public.as_str().into(), "RS256".into());
            }
        }
        more["token_path"] = case.token_path.into();
        more["faults"] = json!([{"path": "/users", "cursor": "2", "what": "revoke"}]);
        let provider = provider(&clients, more);
        let url = provider.url();
        let refresh = if case.way == "client" && case.id == "workday" {
            provider.refresh_token("app", "users.read").unwrap()
        } else {
            String::new()
        };
        let manifest = connection_of(case.id);
        let settings = format!(r#"auth = "{}", {}"#, case.way, case.settings.replace("{url}", url));
        let filled = |name: &str, value: &str| {
            value.replace("{private}", if name == "wrong" { &foreign } else { &private }).replace("{refresh}", &refresh)
        };
        let good: Vec<(&str, String)> = case.secrets.iter().map(|(name, value)| (*name, filled("", value))).collect();
        let secrets: Vec<(&str, &str)> = good.iter().map(|(name, value)| (*name, value.as_str())).collect();
        let collected =
            Reading::new("", &secrets).with(url, &|| provider.issued().unwrap(), &manifest, &settings).await;
        assert_whole(&collected, &told);
        let asked = token_requests(&provider);
        assert_eq!(statuses(&asked), [200, 200], "{told}: {asked:#?}");
        assert!(asked.iter().all(|one| one["path"] == case.token_path), "{told}: {asked:#?}");
        assert_eq!(statuses(&calls(&provider)), [200, 401, 200, 200], "{told}");

        let wrong: Vec<(&str, &str)> = secrets
            .iter()
            .map(|(name, value)| match (*name == case.breaks, value.contains("PRIVATE KEY")) {
                (true, true) => (*name, foreign.as_str()),
                (true, false) => (*name, "not the right one"),
                (false, _) => (*name, *value),
            })
            .collect();
        let collected = Reading::new("", &wrong).with(url, &|| provider.issued().unwrap(), &manifest, &settings).await;
        assert_failed(&collected, &["COL030", "POST ", case.token_path]);
        assert_eq!(token_requests(&provider).len(), 3, "{told}: refused once, asked once");
        assert_eq!(calls(&provider).len(), 4, "{told}: nothing is read without a token");
    }
}

#[tokio::test]
async fn what_a_manifest_knows_of_a_refused_token_is_told() {
    let (private, public) = keys(&rcgen::PKCS_RSA_SHA256);
    let issuer = json!({
        "sub": "somebody-else", "audience": "{host}", "longest_s": 3600, "public_key": public, "alg": "RS256",
        "unconsented": "consent_required",
    });
    let more = json!({"scopes": DOCUSIGN.split(' ').collect::<Vec<_>>(), "token_path": "/oauth/token", "issuers": {"app": issuer}});
    let provider = provider(&json!([signed("app", json!({"scope": DOCUSIGN}))]), more);
    let url = provider.url();
    let settings =
        format!(r#"organization_id = "org-1", integration_key = "app", user_id = "user-1", auth_url = "{url}""#);
    let secrets = [("private_key", private.as_str())];
    let issued = || provider.issued().unwrap();
    let collected = Reading::new("", &secrets).with(url, &issued, &connection_of("docusign"), &settings).await;
    assert_failed(
        &collected,
        &[
            "COL030",
            "nobody has allowed the app to act for the user (the server says: consent_required",
            "consent address",
        ],
    );
}

#[tokio::test]
async fn a_token_that_somebody_else_had_is_sent_as_bearer_and_not_renewed() {
    for (id, way, settings) in [
        ("gitlab", "bearer", r#"group = "acme""#),
        ("bamboohr", "token", r#"company = "acme""#),
        ("scim-hr", "token", ""),
    ] {
        let faults = json!([{"path": "/users", "cursor": "4", "what": "revoke"}]);
        let provider = provider(
            &json!([secret("client_secret_post", "refresh_token")]),
            json!({"faults": faults, "needs": {"*": "users.read"}, "rows": 4}),
        );
        let token = provider.access_token("app", "users.read").unwrap();
        let manifest = connection_of(id);
        let settings = [format!(r#"auth = "{way}""#), settings.to_owned()].join(", ");
        let settings = settings.trim_end_matches(", ");
        let secrets = [("token", token.as_str())];
        let reading = Reading::new("", &secrets);
        let issued = || provider.issued().unwrap();
        let collected = reading.with(provider.url(), &issued, &manifest, settings).await;
        collected.assert_complete();
        assert_eq!(statuses(&calls(&provider)), [200, 200], "{id}");
        // An hour later it has ended.
        provider.pass(3601).unwrap();
        let collected = reading.with(provider.url(), &issued, &manifest, settings).await;
        assert_failed(&collected, &["COL030", "HTTP 401", "The access token expired or was revoked"]);
        assert_eq!(statuses(&calls(&provider)), [200, 200, 401], "{id}");
        assert_eq!(token_requests(&provider).len(), 0, "{id}");
    }
}
