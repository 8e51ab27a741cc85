//! Every way to page, from the first page to a proven end.

use muster_connectors::scope::ScopeState;
use muster_testbeds::scripted_http::{Request, Response};
use serde_json::json;

use super::bench::{all, ids, manifest, page, play};
use crate::manifests::users;

fn number(request: &Request, key: &str) -> Option<usize> {
    request.query(key)?.parse().ok()
}

/// Plays a healthy list of seven users in pages of three and asserts that all of them come out.
async fn seven(pager: &str, script: impl Fn(&Request) -> Response + Send + Sync + 'static) -> Vec<Request> {
    let (collected, requests) = play(&manifest(&users(pager)), script).await;
    assert_eq!(ids(&collected), all(7), "{pager}: {:#?}", collected.reports);
    assert_eq!(collected.state("users"), ScopeState::Complete, "{pager}: {:#?}", collected.reports);
    requests
}

#[tokio::test]
async fn link_headers() {
    let pager = r#"{ kind = "link", size = 3, size_into = "query.per_page" }"#;
    let requests = seven(pager, |request| {
        let from = number(request, "after").unwrap_or(0);
        let next = format!("</users?after={}&per_page=3>; rel=\"next\", </users>; rel=\"first\"", from + 3);
        let answer = page(from, (from + 3).min(7), json!({}));
        if from + 3 < 7 { answer.header("link", &next) } else { answer }
    })
    .await;
    assert_eq!(requests.len(), 3);
    assert!(requests.iter().all(|request| request.query("per_page") == Some("3")));
}

#[tokio::test]
async fn a_cursor_in_the_query() {
    let pager =
        r#"{ kind = "cursor", from = "meta.next", into = "query.cursor", size = 3, size_into = "query.limit" }"#;
    seven(pager, |request| {
        let from = number(request, "cursor").unwrap_or(0);
        let next = if from + 3 < 7 { (from + 3).to_string() } else { String::new() };
        page(from, (from + 3).min(7), json!({"meta": {"next": next}}))
    })
    .await;
}

#[tokio::test]
async fn a_cursor_in_a_header_both_ways() {
    let pager = r#"{ kind = "cursor", from = "header('after-cursor')", into = "header.x-cursor" }"#;
    seven(pager, |request| {
        let from: usize = request.header("x-cursor").map_or(0, |cursor| cursor.parse().unwrap());
        let answer = page(from, (from + 3).min(7), json!({}));
        if from + 3 < 7 { answer.header("After-Cursor", &(from + 3).to_string()) } else { answer }
    })
    .await;
}

#[tokio::test]
async fn a_cursor_in_the_body_of_a_search() {
    let blocks = r#"
[stream.users]
post = "/graphql"
body = { query = "q", variables = { org = "acme" } }
items = "data.users.nodes"
page = { kind = "cursor", from = "data.users.pageInfo.endCursor", into = "body.variables.after", more = "data.users.pageInfo.hasNextPage" }
[[stream.users.emit]]
as = "account"
id = "id | str"
"#;
    let (collected, requests) = play(&manifest(blocks), |request| {
        let body: serde_json::Value = serde_json::from_slice(&request.body).unwrap();
        assert_eq!(body["variables"]["org"], "acme");
        let from = body["variables"]["after"].as_str().map_or(0, |after| after.parse().unwrap());
        let nodes = super::bench::rows(from, (from + 3).min(7));
        let info = json!({"endCursor": (from + 3).to_string(), "hasNextPage": from + 3 < 7});
        Response::json(json!({"data": {"users": {"nodes": nodes, "pageInfo": info}}}).to_string())
    })
    .await;
    assert_eq!((ids(&collected), requests.len()), (all(7), 3));
    assert_eq!(collected.state("users"), ScopeState::Complete);
    assert!(requests.iter().all(|request| request.method == "POST"));
}

#[tokio::test]
async fn the_address_of_the_next_page() {
    let pager = r#"{ kind = "next_url", from = "body['@odata.nextLink']" }"#;
    seven(pager, |request| {
        let from = number(request, "$skiptoken").unwrap_or(0);
        let next = format!("/users?$skiptoken={}", from + 3);
        page(from, (from + 3).min(7), if from + 3 < 7 { json!({"@odata.nextLink": next}) } else { json!({}) })
    })
    .await;
}

#[tokio::test]
async fn page_numbers() {
    let pager =
        r#"{ kind = "page", into = "query.page", start = 0, size = 3, size_into = "query.size", total = "total" }"#;
    let requests = seven(pager, |request| {
        let from = number(request, "page").unwrap() * 3;
        page(from.min(7), (from + 3).min(7), json!({"total": 7}))
    })
    .await;
    assert_eq!(requests.len(), 3, "the total proves the end");
    let without = r#"{ kind = "page", into = "query.page", size = 3, size_into = "query.size" }"#;
    seven(without, |request| {
        let from = (number(request, "page").unwrap() - 1) * 3;
        page(from.min(7), (from + 3).min(7), json!({}))
    })
    .await;
    let last = r#"{ kind = "page", into = "query.page", size = 3, size_into = "query.size", last = "pages" }"#;
    seven(last, |request| {
        let from = (number(request, "page").unwrap() - 1) * 3;
        page(from.min(7), (from + 3).min(7), json!({"pages": 3}))
    })
    .await;
}

#[tokio::test]
async fn offsets() {
    let pager = r#"{ kind = "offset", into = "query.skip", size = 3, size_into = "query.top", more = "more" }"#;
    seven(pager, |request| {
        let from = number(request, "skip").unwrap();
        page(from, (from + 3).min(7), json!({"more": from + 3 < 7}))
    })
    .await;
    // The server gives two, whatever is asked: offsets count rows that came, not rows that were asked for.
    let capped = r#"{ kind = "offset", into = "query.skip", size = 3, size_into = "query.top", total = "total" }"#;
    seven(capped, |request| {
        let from = number(request, "skip").unwrap();
        page(from.min(7), (from + 2).min(7), json!({"total": "7"}))
    })
    .await;
}

#[tokio::test]
async fn the_last_key_seen() {
    let pager = r#"{ kind = "seek", from = "id", into = "query.after", size = 3, size_into = "query.limit" }"#;
    let requests = seven(pager, |request| {
        let from = number(request, "after").map_or(0, |last| last + 1);
        page(from.min(7), (from + 3).min(7), json!({}))
    })
    .await;
    assert_eq!(requests.len(), 3);
}

#[tokio::test]
async fn scim() {
    let blocks = r#"
[stream.users]
get = "/Users"
items = "Resources"
page = { kind = "scim", size = 3 }
[[stream.users.emit]]
as = "account"
id = "id | str"
"#;
    let (collected, requests) = play(&manifest(blocks), |request| {
        let from = number(request, "startIndex").unwrap() - 1;
        assert_eq!(request.query("count"), Some("3"));
        let rows = super::bench::rows(from.min(7), (from + 3).min(7));
        Response::json(json!({"totalResults": 7, "Resources": rows}).to_string())
    })
    .await;
    assert_eq!((ids(&collected), requests.len()), (all(7), 3));
    assert_eq!(collected.state("users"), ScopeState::Complete);
}

#[tokio::test]
async fn a_call_of_its_own_for_further_pages() {
    let pager = r#"{ kind = "continue", from = "cursor", more = "has_more", call = { method = "POST", path = "/users/continue", body = { cursor = "${cursor}" } } }"#;
    let requests = seven(pager, |request| {
        let body: serde_json::Value = serde_json::from_slice(&request.body).unwrap_or_default();
        let from = body["cursor"].as_str().map_or(0, |cursor| cursor.parse().unwrap());
        page(from, (from + 3).min(7), json!({"cursor": (from + 3).to_string(), "has_more": from + 3 < 7}))
    })
    .await;
    let paths: Vec<&str> = requests.iter().map(|request| request.path.as_str()).collect();
    assert_eq!(paths, ["/users", "/users/continue", "/users/continue"]);
}

#[tokio::test]
async fn one_reply_that_holds_everything() {
    let requests = seven(r#"{ kind = "none" }"#, |_| page(0, 7, json!({}))).await;
    assert_eq!(requests.len(), 1);
}

#[tokio::test]
async fn an_expired_cursor_begins_again_and_loses_nothing() {
    let pager = r#"{ kind = "cursor", from = "next", into = "query.cursor", expired = { status = [410] } }"#;
    let asked = std::sync::atomic::AtomicUsize::new(0);
    let requests = seven(pager, move |request| {
        let now = asked.fetch_add(1, std::sync::atomic::Ordering::SeqCst);
        let from = number(request, "cursor").unwrap_or(0);
        if now == 2 {
            return Response::status(410);
        }
        page(from, (from + 3).min(7), if from + 3 < 7 { json!({"next": from + 3}) } else { json!({"next": null}) })
    })
    .await;
    assert_eq!(requests.len(), 6);
}

#[tokio::test]
async fn a_cursor_that_always_expires_is_a_gap() {
    let pager =
        r#"{ kind = "cursor", from = "next", into = "query.cursor", expired = { when = "error == 'expired'" } }"#;
    let (collected, requests) = play(&manifest(&users(pager)), |request| match number(request, "cursor") {
        Some(_) => Response::json(r#"{"error":"expired"}"#).with_status(400),
        None => page(0, 3, json!({"next": 3})),
    })
    .await;
    assert_eq!((ids(&collected), collected.state("users")), (all(3), ScopeState::Partial));
    assert_eq!(requests.len(), 6);
}

#[tokio::test]
async fn rows_that_come_twice_come_out_once() {
    let pager = r#"{ kind = "cursor", from = "next", into = "query.cursor" }"#;
    seven(pager, |request| match number(request, "cursor") {
        None => page(0, 4, json!({"next": 1})),
        Some(1) => page(2, 6, json!({"next": 2})),
        Some(_) => page(4, 7, json!({})),
    })
    .await;
}
