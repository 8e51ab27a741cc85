//! The life of a token: asked for once, ended, revoked, lost on its way.

use muster_connectors::scope::ScopeState;
use muster_testbeds::scripted_http::{Response, ScriptedHttp};
use serde_json::{Value, json};

use super::bench::{
    BY_SECRET, NOW, Reading, SECRET, assert_failed, assert_whole, calls, client, ids, keys, lists, oauth, provider,
    statuses, token_requests,
};
use crate::manifests::USERS;

fn app() -> Value {
    json!([client("app", "client_secret_basic", &["client_credentials"])])
}

#[tokio::test]
async fn lists_that_are_read_at_once_share_one_token() {
    let provider = provider(&app(), json!({"needs": {"*": "users.read"}}));
    let auth = oauth(&provider, "app", BY_SECRET);
    let streams = format!("{USERS}{}", lists());
    let collected = Reading { streams: &streams, ..Reading::new(&auth, &[("secret", SECRET)]) }.run(&provider).await;
    collected.assert_complete();
    assert_eq!(statuses(&token_requests(&provider)), [200]);
    assert_eq!(calls(&provider).len(), 18, "six lists of three pages");
}

#[tokio::test]
async fn a_wrong_secret_is_tried_once_for_all_lists_together() {
    let provider = provider(&app(), json!({}));
    let auth = oauth(&provider, "app", BY_SECRET);
    let streams = format!("{USERS}{}", lists());
    let collected =
        Reading { streams: &streams, ..Reading::new(&auth, &[("secret", "wrong secret")]) }.run(&provider).await;
    assert_eq!(statuses(&token_requests(&provider)), [401]);
    assert_eq!(calls(&provider), Vec::<Value>::new(), "nothing is asked without a token");
    assert_failed(&collected, &["COL030", "its secret is wrong"]);
    for n in 0..5 {
        assert_eq!(collected.state(&format!("l{n}")), ScopeState::Failed);
    }
}

#[tokio::test]
async fn a_token_that_ends_or_is_revoked_amid_a_list_is_got_anew_and_the_list_goes_on() {
    for what in ["pass", "revoke"] {
        let faults = json!([
            {"path": "/users", "cursor": "2", "what": what, "seconds": 3601},
            {"path": "/users", "cursor": "4", "what": what, "seconds": 3601},
        ]);
        let provider = provider(&app(), json!({"faults": faults, "needs": {"*": "users.read"}}));
        let auth = oauth(&provider, "app", BY_SECRET);
        let collected = Reading::new(&auth, &[("secret", SECRET)]).run(&provider).await;
        assert_whole(&collected, what);
        assert_eq!(statuses(&token_requests(&provider)), [200, 200, 200], "{what}");
        let asked = calls(&provider);
        assert_eq!(statuses(&asked), [200, 401, 200, 401, 200], "{what}");
        assert_ne!(asked[1]["token"], asked[2]["token"], "{what}");
    }
}

#[tokio::test]
async fn lists_that_lose_their_token_together_all_go_on() {
    let revoked = |list: &str, cursor: &str| json!({"path": list, "cursor": cursor, "what": "revoke"});
    let faults = json!([revoked("/l0", "2"), revoked("/l1", "4"), revoked("/users", "4")]);
    let provider = provider(&app(), json!({"faults": faults}));
    let auth = oauth(&provider, "app", BY_SECRET);
    let streams = format!("{USERS}{}", lists());
    let collected = Reading { streams: &streams, ..Reading::new(&auth, &[("secret", SECRET)]) }.run(&provider).await;
    collected.assert_complete();
    assert!(calls(&provider).iter().any(|asked| asked["status"] == 401));
    let tokens = statuses(&token_requests(&provider));
    assert!(tokens.len() <= 4 && tokens.iter().all(|status| *status == 200), "one for each that was lost: {tokens:?}");
}

#[tokio::test]
async fn a_secret_that_ends_amid_a_list_leaves_it_partial() {
    let mut client = client("app", "client_secret_basic", &["client_credentials"]);
    let now: jiff::Timestamp = NOW.parse().unwrap();
    client["client_secret_expires_at"] = (now.as_second() + 1800).into();
    let faults = json!([{"path": "/users", "cursor": "2", "what": "pass", "seconds": 3601}]);
    let provider = provider(&json!([client]), json!({"faults": faults}));
    let auth = oauth(&provider, "app", BY_SECRET);
    let collected = Reading::new(&auth, &[("secret", SECRET)]).run(&provider).await;
    assert_eq!((collected.state("users"), ids(&collected).len()), (ScopeState::Partial, 2), "{:#?}", collected.reports);
    let gaps = collected.gaps("users");
    assert_eq!(gaps.len(), 1, "{gaps:#?}");
    assert_eq!((gaps[0].code.as_str(), gaps[0].what.as_str()), ("COL030", "HTTP 400 on POST /token"), "{gaps:#?}");
    assert_eq!(statuses(&token_requests(&provider)), [200, 400]);
}

#[tokio::test]
async fn a_token_that_is_about_to_end_is_not_sent() {
    // Fifty seconds of life, of which the last five are not relied on; the API takes 48 to breathe.
    let faults = json!([{"path": "/users", "cursor": "2", "what": "throttle", "seconds": 48}]);
    let provider = provider(&app(), json!({"faults": faults, "ttl_s": 50}));
    let auth = oauth(&provider, "app", BY_SECRET);
    let collected = Reading::new(&auth, &[("secret", SECRET)]).run(&provider).await;
    assert_whole(&collected, "renewed in time");
    assert_eq!(statuses(&token_requests(&provider)), [200, 200]);
    assert_eq!(statuses(&calls(&provider)), [200, 429, 200, 200], "no token was refused");
}

#[tokio::test]
async fn a_token_reply_that_is_lost_is_asked_for_with_another_assertion() {
    let (private, public) = keys(&rcgen::PKCS_ECDSA_P256_SHA256);
    let clients = json!([{
        "client_id": "app", "token_endpoint_auth_method": "private_key_jwt", "grant_types": ["client_credentials"], "scope": "users.read",
        "public_key": public,
    }]);
    let lost = || json!({"path": "/token", "what": "lose"});
    let auth = |url: &str| {
        format!(
            "[auth.a]\nkind = \"oauth2\"\ngrant = \"client_credentials\"\ntoken_url = \"{url}/token\"\nclient = \"assertion\"\nclient_id = \"app\"\njwt = {{ alg = \"ES256\", key = \"${{secret.key}}\", claims = {{ iss = \"app\", sub = \"app\", aud = \"{url}/token\", jti = \"${{jti}}\", exp = \"${{now + 60}}\" }} }}\n"
        )
    };
    let first = provider(&clients, json!({"faults": [lost()]}));
    let collected = Reading::new(&auth(first.url()), &[("key", &private)]).run(&first).await;
    assert_whole(&collected, "the provider knew the first assertion, and the reply never came");
    assert_eq!(statuses(&token_requests(&first)), [503, 200]);
    // Three times is enough.
    let second = provider(&clients, json!({"faults": [lost(), lost(), lost(), lost()]}));
    let collected = Reading::new(&auth(second.url()), &[("key", &private)]).run(&second).await;
    assert_failed(&collected, &["COL034", "HTTP 503 on POST /token after 3 attempts"]);
    assert_eq!(statuses(&token_requests(&second)), [503, 503, 503]);
}

#[tokio::test]
async fn neither_secret_nor_token_goes_to_another_host() {
    let stranger = ScriptedHttp::start(|_| Response::json(r#"{"access_token":"x","users":[]}"#));
    let away = stranger.url();
    let faults = json!([{"path": "/token", "what": "redirect", "to": format!("{away}/token")}]);
    let first = provider(&app(), json!({"faults": faults}));
    let auth = oauth(&first, "app", BY_SECRET);
    let collected = Reading::new(&auth, &[("secret", SECRET)]).run(&first).await;
    assert_failed(&collected, &["COL038", "POST /token leads to", &away, "it was not followed"]);

    let faults = json!([{"path": "/users", "cursor": "2", "what": "lead_away", "to": away}]);
    let second = provider(&app(), json!({"faults": faults}));
    let auth = oauth(&second, "app", BY_SECRET);
    let streams = USERS.replace(r#"kind = "cursor", from = "next", into = "query.cursor""#, r#"kind = "next_url", from = "body.link | default(config.base_url + '/users?cursor=' + next if next else none)""#);
    let collected = Reading { streams: &streams, ..Reading::new(&auth, &[("secret", SECRET)]) }.run(&second).await;
    assert_ne!(collected.state("users"), ScopeState::Complete);
    assert_eq!(ids(&collected).len() % 2, 0, "what was read stays, and nobody takes it for all: {:?}", ids(&collected));
    let gaps = collected.gaps("users");
    assert!(gaps.iter().any(|gap| gap.code == "COL038" && gap.what.contains(&away)), "{gaps:#?}");
    assert_eq!(stranger.requests(), vec![]);
}
