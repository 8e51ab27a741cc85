//! Every grant, and what a token may be asked for.

use serde_json::json;

use super::bench::{
    BY_SECRET, Reading, SECRET, assert_failed, assert_whole, client, keys, oauth, provider, statuses, token_requests,
};

const BEARER: &str = "urn:ietf:params:oauth:grant-type:jwt-bearer";

#[tokio::test]
async fn a_user_is_acted_for_by_a_signed_assertion_with_or_without_the_client_beside_it() {
    let (private, public) = keys(&rcgen::PKCS_RSA_SHA256);
    let issuer = json!({
        "public_key": public, "alg": "RS256", "kid": "key-1", "audience": "{issuer}/token", "sub": "admin@acme.example",
        "longest_s": 3600, "requires": ["jti"],
    });
    let provider = provider(
        &json!([client("app", "client_secret_post", &[BEARER])]),
        json!({"issuers": {"app": issuer}, "needs": {"*": "users.read"}}),
    );
    let jwt = |key: &str, sub: &str, audience: &str, exp: &str| {
        format!(
            "grant = \"jwt_bearer\"\njwt = {{ alg = \"RS256\", key = \"${{secret.{key}}}\", header = {{ kid = \"key-1\" }}, claims = {{ iss = \"app\", sub = \"{sub}\", aud = \"{audience}\", jti = \"${{jti}}\", iat = \"${{now}}\", exp = \"${{{exp}}}\", scope = \"users.read\" }} }}"
        )
    };
    let audience = format!("{}/token", provider.url());
    let good = jwt("key", "admin@acme.example", &audience, "now + 300");
    let with_client =
        oauth(&provider, "app", &format!("client = \"body\"\nclient_secret = \"${{secret.secret}}\"\n{good}"));
    let without =
        with_client.replace("client_id = \"app\"\nclient = \"body\"\nclient_secret = \"${secret.secret}\"\n", "");
    assert!(!without.contains("client_id"), "{without}");
    for (auth, by) in [(&with_client, "body"), (&without, "none")] {
        let collected = Reading::new(auth, &[("key", &private), ("secret", SECRET)]).run(&provider).await;
        assert_whole(&collected, by);
        assert_eq!(token_requests(&provider).last().unwrap()["by"], by);
    }
    // What an assertion may be refused for. The one who reads is told where to look, in whatever words the server has.
    let (foreign, _) = keys(&rcgen::PKCS_RSA_SHA256);
    for (lines, key, why) in [
        (good.clone(), &foreign, "signature verification failed"),
        (jwt("key", "ceo@acme.example", &audience, "now + 300"), &private, "sub has not consented"),
        (
            jwt("key", "admin@acme.example", "https://elsewhere.example", "now + 300"),
            &private,
            "unexpected \"aud\" claim value",
        ),
        (jwt("key", "admin@acme.example", &audience, "now + 7200"), &private, "exp is more than 3600 s ahead"),
        (good.replace("\"app\", sub", "\"nobody\", sub"), &private, "no issuer nobody"),
        (good.replace("\"key-1\"", "\"key-2\""), &private, "no key of that kid"),
    ] {
        let auth =
            oauth(&provider, "app", &format!("client = \"body\"\nclient_secret = \"${{secret.secret}}\"\n{lines}"));
        let before = token_requests(&provider).len();
        let collected = Reading::new(&auth, &[("key", key), ("secret", SECRET)]).run(&provider).await;
        assert_failed(&collected, &["COL030", "the assertion is not accepted", "register the public half of the key"]);
        let asked = &token_requests(&provider)[before..];
        assert_eq!(asked.len(), 1, "a refused assertion is not tried again: {asked:#?}");
        assert!(asked[0]["why"].as_str().unwrap().contains(why), "{why}: {asked:#?}");
    }
}

#[tokio::test]
async fn an_assertion_whose_name_is_not_its_own_is_refused_the_second_time() {
    let (private, public) = keys(&rcgen::PKCS_ECDSA_P256_SHA256);
    let clients = json!([{
        "client_id": "app", "token_endpoint_auth_method": "private_key_jwt", "grant_types": ["client_credentials"], "scope": "users.read",
        "public_key": public,
    }]);
    let revoked = || json!([{"path": "/users", "cursor": "2", "what": "revoke"}]);
    for (jti, whole) in [("${jti}", true), ("app-${now}", false)] {
        let provider = provider(&clients, json!({"faults": revoked()}));
        let url = provider.url();
        let auth = oauth(
            &provider,
            "app",
            &format!(
                "client = \"assertion\"\nscopes = [\"users.read\"]\njwt = {{ alg = \"ES256\", key = \"${{secret.key}}\", claims = {{ iss = \"app\", sub = \"app\", aud = \"{url}/token\", jti = \"{jti}\", exp = \"${{now + 60}}\" }} }}"
            ),
        );
        // The second token is asked for in the second of the first one.
        let collected = Reading::new(&auth, &[("key", &private)]).run(&provider).await;
        let asked = token_requests(&provider);
        if whole {
            assert_whole(&collected, jti);
            assert_eq!(statuses(&asked), [200, 200]);
        } else {
            assert_ne!(collected.state("users"), muster_connectors::scope::ScopeState::Complete);
            assert_eq!(asked.last().unwrap()["why"], "client assertion tokens must only be used once");
        }
    }
}

#[tokio::test]
async fn the_grant_of_an_account_and_the_resource_of_a_token_are_what_was_asked_for() {
    let clients = json!([
        client("account", "client_secret_basic", &["account_credentials"]),
        client("app", "client_secret_basic", &["client_credentials"]),
    ]);
    let resource = "https://api.acme.example/";
    let more = json!({
        "account_id": "acme-1", "resources": {resource: "users.read", "https://other.example/": "users.read"},
    });
    let first = provider(&clients, more.clone());
    for (account, good) in [("acme-1", true), ("acme-2", false)] {
        let lines = format!(
            "grant = \"account_credentials\"\nparams = {{ account_id = \"{account}\" }}\nclient_secret = \"${{secret.secret}}\""
        );
        let auth = oauth(&first, "account", &lines);
        let collected = Reading::new(&auth, &[("secret", SECRET)]).run(&first).await;
        if good {
            assert_whole(&collected, account);
        } else {
            assert_failed(&collected, &["COL030", "HTTP 400 on POST /token", "no such account_id"]);
        }
    }
    let mut more = more;
    more["audience"] = resource.into();
    more["needs"] = json!({"*": "users.read"});
    let second = provider(&clients, more);
    let auth = |params: &str| oauth(&second, "app", &format!("{BY_SECRET}\n{params}"));
    let right = auth(&format!("params = {{ resource = \"{resource}\" }}"));
    assert_whole(&Reading::new(&right, &[("secret", SECRET)]).run(&second).await, "the resource it is for");
    // A token for another resource is no token here, and is not asked for over and over.
    let before = token_requests(&second).len();
    let other = auth("params = { resource = \"https://other.example/\" }");
    let collected = Reading::new(&other, &[("secret", SECRET)]).run(&second).await;
    assert_failed(&collected, &["COL030", "HTTP 401 on GET /users", "The access token is for another resource"]);
    assert_eq!(token_requests(&second).len() - before, 2, "once, and once more in case the first was stale");
    let unknown = auth("params = { resource = \"https://unknown.example/\" }");
    let collected = Reading::new(&unknown, &[("secret", SECRET)]).run(&second).await;
    assert_failed(&collected, &["COL031", "resource or audience"]);
}

#[tokio::test]
async fn a_refresh_token_brings_tokens_for_as_long_as_it_stays() {
    let clients = json!([client("app", "client_secret_basic", &["refresh_token"])]);
    let faults = json!([{"path": "/users", "cursor": "2", "what": "revoke"}]);
    let provider = provider(&clients, json!({"faults": faults, "needs": {"*": "users.read"}}));
    let refresh = provider.refresh_token("app", "users.read").unwrap();
    let lines =
        "grant = \"refresh_token\"\nclient_secret = \"${secret.secret}\"\nrefresh_token = \"${secret.refresh}\"";
    let auth = oauth(&provider, "app", lines);
    for run in ["first", "second"] {
        let collected = Reading::new(&auth, &[("secret", SECRET), ("refresh", &refresh)]).run(&provider).await;
        assert_whole(&collected, run);
        assert!(collected.notes.iter().all(|note| !note.contains("refresh")), "{:?}", collected.notes);
    }
    assert_eq!(statuses(&token_requests(&provider)), [200, 200, 200]);
    // A scope that nobody consented to is not had by asking.
    let auth = oauth(&provider, "app", &format!("{lines}\nscopes = [\"admins.read\"]"));
    let collected = Reading::new(&auth, &[("secret", SECRET), ("refresh", &refresh)]).run(&provider).await;
    assert_failed(&collected, &["COL031", "the client may not have one of the scopes `admins.read`"]);
}

#[tokio::test]
async fn a_refresh_token_that_is_replaced_lasts_for_the_run_and_the_next_one_says_why_it_cannot() {
    let clients = json!([client("app", "client_secret_basic", &["refresh_token"])]);
    let faults = json!([
        {"path": "/users", "cursor": "2", "what": "revoke"},
        {"path": "/users", "cursor": "4", "what": "revoke"},
    ]);
    let provider = provider(&clients, json!({"faults": faults, "rotate": true}));
    let refresh = provider.refresh_token("app", "users.read").unwrap();
    let auth = oauth(
        &provider,
        "app",
        "grant = \"refresh_token\"\nclient_secret = \"${secret.secret}\"\nrefresh_token = \"${secret.refresh}\"",
    );
    let reading = [("secret", SECRET), ("refresh", refresh.as_str())];
    let collected = Reading::new(&auth, &reading).run(&provider).await;
    assert_whole(&collected, "three tokens, each by the refresh token that came with the one before");
    assert_eq!(statuses(&token_requests(&provider)), [200, 200, 200]);
    let told: Vec<_> = collected.notes.iter().filter(|note| note.contains("another refresh token")).collect();
    assert_eq!(told.len(), 1, "it is told once: {:?}", collected.notes);
    assert!(told[0].contains("kept nowhere"), "{told:?}");

    let collected = Reading::new(&auth, &reading).run(&provider).await;
    assert_failed(&collected, &["COL030", "was used before", "choose a client whose refresh tokens stay"]);
    assert_eq!(token_requests(&provider)[3]["why"], "refresh token already used");
}
