//! What a provider refuses, and what the one who reads is told.

use muster_connectors::scope::ScopeState;
use muster_testbeds::scripted_http::{Response, ScriptedHttp};
use serde_json::json;

use super::bench::{
    BY_SECRET, Reading, SECRET, assert_failed, assert_whole, calls, client, keys, oauth, provider, statuses,
    token_requests,
};
use crate::manifests::USERS;

const CLIENT: &[&str] = &["client_credentials"];

#[tokio::test]
async fn a_client_that_is_not_believed_is_told_by_how_it_proves_itself() {
    let (private, public) = keys(&rcgen::PKCS_ECDSA_P256_SHA256);
    let (foreign, _) = keys(&rcgen::PKCS_ECDSA_P256_SHA256);
    let by_key = json!({
        "client_id": "by-key", "token_endpoint_auth_method": "private_key_jwt", "grant_types": CLIENT, "scope": "users.read",
        "public_key": public,
    });
    let mut bound = client("bound", "client_secret_basic", CLIENT);
    bound["dpop_bound_access_tokens"] = true.into();
    let clients = json!([
        client("app", "client_secret_basic", CLIENT),
        by_key,
        bound,
        client("other", "client_secret_basic", &["refresh_token"]),
    ]);
    let provider = provider(&clients, json!({}));
    let assertion = |audience: &str| {
        format!(
            "client = \"assertion\"\njwt = {{ alg = \"ES256\", key = \"${{secret.key}}\", claims = {{ iss = \"by-key\", sub = \"by-key\", aud = \"{audience}\", jti = \"${{jti}}\", exp = \"${{now + 60}}\" }} }}"
        )
    };
    let (home, away) = (format!("{}/token", provider.url()), "https://login.elsewhere.example/token");
    let secret =
        ["COL030", "HTTP 401 on POST /token", "its secret is wrong or has ended", "the server says: invalid_client"];
    let key = ["COL030", "its assertion is not accepted", "register the public half of the key with the client"];
    for (id, lines, given, words, why) in [
        ("app", BY_SECRET.to_owned(), ("secret", "wrong secret"), &secret[..], "invalid secret provided"),
        ("unknown", BY_SECRET.to_owned(), ("secret", SECRET), &secret, "client not found"),
        (
            "by-key",
            BY_SECRET.to_owned(),
            ("secret", SECRET),
            &secret,
            "does not match the registered client authentication method",
        ),
        ("by-key", assertion(&home), ("key", foreign.as_str()), &key, "signature verification failed"),
        ("by-key", assertion(away), ("key", private.as_str()), &key, "audience (aud) must equal"),
        (
            "bound",
            BY_SECRET.to_owned(),
            ("secret", SECRET),
            &["COL030", "more of it than this way to sign in proves"],
            "DPoP proof JWT not provided",
        ),
        (
            "other",
            BY_SECRET.to_owned(),
            ("secret", SECRET),
            &["COL030", "HTTP 400", "requested grant type is not allowed"],
            "not allowed for this client",
        ),
    ] {
        let before = token_requests(&provider).len();
        let auth = oauth(&provider, id, &lines);
        let collected = Reading::new(&auth, &[given]).run(&provider).await;
        assert_failed(&collected, words);
        let asked = &token_requests(&provider)[before..];
        assert_eq!(asked.len(), 1, "a credential that is refused is not tried again: {asked:#?}");
        assert!(asked[0]["why"].as_str().unwrap_or_default().contains(why), "{why}: {asked:#?}");
    }
    assert_eq!(calls(&provider).len(), 0);
}

#[tokio::test]
async fn a_secret_that_nobody_gave_is_named_before_anything_is_sent() {
    let provider = provider(&json!([client("app", "client_secret_post", CLIENT)]), json!({}));
    for lines in [BY_SECRET.to_owned(), format!("client = \"body\"\n{BY_SECRET}")] {
        let auth = oauth(&provider, "app", &lines);
        let collected = Reading::new(&auth, &[]).run(&provider).await;
        assert_failed(
            &collected,
            &["COL072", "`client_secret` of the way to sign in is empty: `${secret.secret}` has no value"],
        );
    }
    assert_eq!(provider.asked().unwrap().len(), 0);
}

#[tokio::test]
async fn a_clock_that_is_wrong_is_told_with_its_error() {
    let (private, public) = keys(&rcgen::PKCS_ECDSA_P256_SHA256);
    let clients = json!([{
        "client_id": "app", "token_endpoint_auth_method": "private_key_jwt", "grant_types": CLIENT, "scope": "users.read",
        "public_key": public,
    }]);
    let provider = provider(&clients, json!({}));
    let url = provider.url();
    let auth = oauth(
        &provider,
        "app",
        &format!(
            "client = \"assertion\"\njwt = {{ alg = \"ES256\", key = \"${{secret.key}}\", claims = {{ iss = \"app\", sub = \"app\", aud = \"{url}/token\", jti = \"${{jti}}\", nbf = \"${{now}}\", exp = \"${{now + 60}}\" }} }}"
        ),
    );
    for (ahead_s, told) in [
        (300, "this machine's clock is 300 s ahead of the server's"),
        (-300, "this machine's clock is 300 s behind the server's"),
    ] {
        let collected = Reading { ahead_s, ..Reading::new(&auth, &[("key", &private)]) }.run(&provider).await;
        assert_failed(&collected, &["COL030", told, "set this machine's clock"]);
    }
    let whys: Vec<_> = token_requests(&provider).into_iter().map(|asked| asked["why"].clone()).collect();
    assert_eq!(whys, ["jwt not active yet", "jwt expired"]);
    // A few seconds are forgiven by the assertion itself.
    let collected = Reading { ahead_s: -5, ..Reading::new(&auth, &[("key", &private)]) }.run(&provider).await;
    assert_whole(&collected, "five seconds behind");
}

#[tokio::test]
async fn a_scope_that_is_refused_or_left_out_is_no_empty_list() {
    let resource = "https://api.acme.example/";
    let clients = json!([client("app", "client_secret_basic", CLIENT)]);
    let more =
        json!({"needs": {"/users": "users.read", "/admins": "admins.read"}, "resources": {resource: "users.read"}});
    let provider = provider(&clients, more);
    let secrets = [("secret", SECRET)];
    // Refused at once.
    let both = "client_secret = \"${secret.secret}\"\nscopes = [\"users.read\", \"admins.read\"]";
    let auth = oauth(&provider, "app", both);
    let collected = Reading::new(&auth, &secrets).run(&provider).await;
    assert_failed(
        &collected,
        &[
            "COL031",
            "the client may not have one of the scopes `users.read admins.read`",
            "requested scope is not allowed",
        ],
    );

    // Left out without a word but in the reply: what needs it is refused by the API, which says so in a header only.
    let auth = oauth(
        &provider,
        "app",
        &format!("{}\nparams = {{ resource = \"{resource}\" }}", both.replace("admins.read", "billing.read")),
    );
    let admins = USERS
        .replace("stream.users", "stream.admins")
        .replace("/users", "/admins")
        .replace("\"account\"\nid = \"id | str\"\nlogin = \"item.login\"", "\"group\"\nid = \"id | str\"");
    let streams = format!("{USERS}{admins}");
    let collected = Reading { streams: &streams, ..Reading::new(&auth, &secrets) }.run(&provider).await;
    assert_eq!(
        (collected.state("users"), collected.state("admins")),
        (ScopeState::Complete, ScopeState::Failed),
        "{:#?}",
        collected.reports
    );
    let gap = collected.gaps("admins")[0];
    assert_eq!((gap.code.as_str(), gap.what.as_str()), ("COL031", "HTTP 403 on GET /admins"));
    let cause = gap.cause.as_deref().unwrap();
    assert!(cause.contains("insufficient_scope") && cause.contains("`admins.read`"), "{cause}");
    let told: Vec<_> = collected.notes.iter().filter(|note| note.contains("lacks scopes")).collect();
    assert_eq!(told, ["the token lacks scopes that were asked for: billing.read"]);
}

#[tokio::test]
async fn an_address_without_a_provider_is_told_as_such() {
    let provider = provider(&json!([client("app", "client_secret_basic", CLIENT)]), json!({}));
    let server = ScriptedHttp::start(|_| Response::status(404));
    let auth = oauth(&provider, "app", BY_SECRET).replace(provider.url(), &server.url());
    let collected = Reading::new(&auth, &[("secret", SECRET)]).run(&provider).await;
    assert_failed(&collected, &["COL032", "HTTP 404 on POST /token", "check the address that the token is fetched at"]);
    assert_eq!(server.requests().len(), 1);
    assert_eq!(statuses(&calls(&provider)), Vec::<i64>::new());
}

#[tokio::test]
async fn a_server_that_quotes_what_it_was_sent_shows_no_secret() {
    let provider = provider(&json!([client("app", "client_secret_post", CLIENT)]), json!({}));
    let quotes = |request: &muster_testbeds::scripted_http::Request| {
        Response::status(400).body(String::from_utf8(request.body.clone()).unwrap())
    };
    let form = oauth(&provider, "app", &format!("client = \"body\"\n{BY_SECRET}"));
    let login = format!(
        "[auth.a]\nkind = \"exchange\"\ncall = {{ method = \"POST\", url = \"{}/login\", body = {{ password = \"${{secret.secret}}\" }} }}\nfrom = \"token\"\n",
        provider.url()
    );
    for (auth, quoted) in [(form, "&client_secret=***"), (login, r#"{"password":"***"}"#)] {
        let server = ScriptedHttp::start(quotes);
        let collected =
            Reading::new(&auth.replace(provider.url(), &server.url()), &[("secret", SECRET)]).run(&provider).await;
        assert_failed(&collected, &["COL030", quoted]);
    }
}

#[tokio::test]
async fn what_some_say_with_status_200_is_a_refusal_all_the_same_and_a_bound_token_is_not_sent_alone() {
    let provider = provider(&json!([client("app", "client_secret_basic", CLIENT)]), json!({}));
    for (reply, words) in [
        (
            r#"{"error":"invalid_client","error_description":"no such client"}"#,
            &["COL030", "its secret is wrong", "no such client"][..],
        ),
        (r#"{"access_token":"bound-token-1","token_type":"DPoP"}"#, &["COL030", "its type is `DPoP`", "bearer tokens"]),
        (r#"{"access_token":""}"#, &["COL037", "the reply holds no `access_token`"]),
    ] {
        let server = ScriptedHttp::start(move |_| Response::json(reply));
        let auth = oauth(&provider, "app", BY_SECRET).replace(provider.url(), &server.url());
        let collected = Reading::new(&auth, &[("secret", SECRET)]).run(&provider).await;
        assert_failed(&collected, words);
        assert_eq!(server.requests().len(), 1, "{reply}");
    }
    assert_eq!(calls(&provider).len(), 0);
}
