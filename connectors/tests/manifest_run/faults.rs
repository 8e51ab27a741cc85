//! What a server can do wrong.

use std::sync::atomic::{AtomicUsize, Ordering};

use muster_connectors::record::RecordKind;
use muster_connectors::scope::ScopeState;
use muster_testbeds::scripted_http::{Response, ScriptedHttp};
use serde_json::json;

use super::bench::{all, connector, ids, manifest, page, play};
use crate::collected::{TOKEN, collect};
use crate::manifests::users;

const CURSOR: &str = r#"{ kind = "cursor", from = "next", into = "query.cursor", max_pages = 20 }"#;
const LINK: &str = r#"{ kind = "link", max_pages = 20 }"#;

/// Groups with their members, a list for each.
const GROUPS: &str = r#"
[stream.groups]
get = "/groups"
items = "groups"
page = { kind = "none" }
[[stream.groups.emit]]
as = "group"
id = "id"

[stream.members]
for = "groups"
as = "group"
get = "/groups/${group.id}/members"
items = "members"
page = { kind = "none" }
needs = ["groups.members.read"]
[[stream.members.emit]]
as = "membership"
member = "item.id"
group = "group.id"
"#;

fn groups(names: &[&str]) -> Response {
    let groups: Vec<_> = names.iter().map(|name| json!({"id": name})).collect();
    Response::json(json!({"groups": groups}).to_string())
}

fn members(names: &[&str]) -> Response {
    let members: Vec<_> = names.iter().map(|name| json!({"id": name})).collect();
    Response::json(json!({"members": members}).to_string())
}

#[tokio::test]
async fn a_server_that_dies_in_the_middle_of_a_list_leaves_a_partial_one() {
    for answer in [Response::status(500), Response::status(503), Response::json("{\"users\":[]}").cut_in_the_middle()] {
        let (collected, requests) = play(&manifest(&users(CURSOR)), move |request| match request.query("cursor") {
            None => page(0, 3, json!({"next": "3"})),
            Some(_) => answer.clone(),
        })
        .await;
        assert!(collected.result.is_ok());
        assert_eq!((ids(&collected), collected.state("users")), (all(3), ScopeState::Partial));
        assert_eq!(requests.len(), 6, "five tries, and not one more");
    }
}

#[tokio::test]
async fn a_server_that_stumbles_is_forgiven() {
    let asked = AtomicUsize::new(0);
    let (collected, _) = play(&manifest(&users(CURSOR)), move |request| {
        let now = asked.fetch_add(1, Ordering::SeqCst);
        match (now, request.query("cursor")) {
            (1, _) => Response::status(502),
            (2, _) => Response::json("{\"users\":[]}").cut_in_the_middle(),
            (3, _) => Response::status(408),
            (_, None) => page(0, 3, json!({"next": "3"})),
            (_, Some(_)) => page(3, 5, json!({})),
        }
    })
    .await;
    assert_eq!((ids(&collected), collected.state("users")), (all(5), ScopeState::Complete));
}

#[tokio::test]
async fn a_cursor_that_loops_is_failed_and_ends() {
    let (collected, requests) = play(&manifest(&users(CURSOR)), |_| page(0, 3, json!({"next": "same"}))).await;
    assert_eq!(collected.state("users"), ScopeState::Failed);
    assert_eq!(collected.gaps("users")[0].code, "COL060");
    assert_eq!(requests.len(), 2);
}

#[tokio::test]
async fn links_that_never_end_end_as_partial() {
    let asked = AtomicUsize::new(0);
    let (collected, requests) = play(&manifest(&users(LINK)), move |_| {
        let now = asked.fetch_add(1, Ordering::SeqCst);
        page(now, now + 1, json!({})).header("link", &format!("</users?page={}>; rel=\"next\"", now + 2))
    })
    .await;
    assert_eq!((collected.state("users"), requests.len()), (ScopeState::Partial, 20));
    assert!(collected.gaps("users").iter().any(|gap| gap.code == "COL070"), "{:#?}", collected.reports);
    // The same rows on ever new pages are a circle, long before.
    let asked = AtomicUsize::new(0);
    let (collected, requests) = play(&manifest(&users(LINK)), move |_| {
        let now = asked.fetch_add(1, Ordering::SeqCst);
        page(0, 3, json!({})).header("link", &format!("</users?page={now}>; rel=\"next\""))
    })
    .await;
    assert_eq!((collected.state("users"), requests.len()), (ScopeState::Failed, 4));
}

#[tokio::test]
async fn no_link_and_no_redirect_carries_the_token_off() {
    let thief = ScriptedHttp::start(|_| page(0, 3, json!({})));
    let url = thief.url();
    let next = r#"{ kind = "next_url", from = "next" }"#;
    for (pager, answer) in [
        (LINK, page(0, 3, json!({})).header("link", &format!("<{url}/users?page=2>; rel=\"next\""))),
        (next, page(0, 3, json!({"next": format!("{url}/users")}))),
        (next, page(0, 3, json!({"next": format!("//{}/users", url.trim_start_matches("http://"))}))),
    ] {
        let (collected, requests) = play(&manifest(&users(pager)), move |_| answer.clone()).await;
        assert_eq!((ids(&collected), collected.state("users")), (all(3), ScopeState::Partial));
        assert_eq!(collected.gaps("users")[0].code, "COL038", "{:#?}", collected.reports);
        assert_eq!(requests.len(), 1);
    }
    for status in [301, 302, 307, 308] {
        let to = format!("{url}/users");
        let (collected, _) =
            play(&manifest(&users(LINK)), move |_| Response::status(status).header("location", &to)).await;
        assert_eq!(collected.state("users"), ScopeState::Failed);
        assert_eq!(collected.gaps("users")[0].code, "COL038");
    }
    assert_eq!(thief.requests(), []);
}

#[tokio::test]
async fn a_redirect_within_the_origin_is_followed() {
    let (collected, requests) = play(&manifest(&users(LINK)), |request| match request.path.as_str() {
        "/users" => Response::status(307).header("location", "/v2/users"),
        _ => page(0, 3, json!({})),
    })
    .await;
    assert_eq!((ids(&collected), requests.len()), (all(3), 2));
}

#[tokio::test]
async fn an_error_with_status_200_is_no_empty_list() {
    let ok = r#"
[http]
base = "${config.base_url}"
ok = "ok"
[auth.token]
kind = "bearer"
token = "${secret.token}"
[[error]]
when = "error == 'missing_scope'"
then = "gap"
fix = "add the scope users:read"
"#;
    let with_ok = super::bench::plain_manifest(&format!("{ok}{}", users(CURSOR)));
    for (body, told) in [
        (json!({"ok": false, "error": "missing_scope"}), "add the scope users:read"),
        (json!({"ok": false, "error": "other"}), "other"),
        (json!({"ok": false}), "200"),
        (json!({"users": []}), "200"),
    ] {
        let (collected, _) = play(&with_ok, move |_| Response::json(body.to_string())).await;
        assert_eq!(collected.state("users"), ScopeState::Failed, "{told}: {:#?}", collected.reports);
        assert!(format!("{:?}", collected.gaps("users")).contains(told), "{told}: {:#?}", collected.reports);
    }
    for body in
        [r#"{"error":"x"}"#, r#"{"users":null}"#, r#"{"users":"x"}"#, "null", "", "<html>", "soon", "{\"users\":["]
    {
        let (collected, _) = play(&manifest(&users(CURSOR)), move |_| Response::json(body)).await;
        assert_eq!(collected.state("users"), ScopeState::Failed, "{body}: {:#?}", collected.reports);
        assert_eq!(collected.gaps("users")[0].code, "COL037", "{body}");
    }
    let (collected, _) = play(&manifest(&users(CURSOR)), |_| Response::html(r#"{"users":[]}"#)).await;
    assert_eq!(collected.state("users"), ScopeState::Failed);
}

#[tokio::test]
async fn a_huge_reply_and_a_deep_one_are_refused() {
    let small = r#"
[http]
base = "${config.base_url}"
max_reply_bytes = 100000
[auth.token]
kind = "bearer"
token = "${secret.token}"
"#;
    let small = super::bench::plain_manifest(&format!("{small}{}", users(CURSOR)));
    let (collected, requests) = play(&small, |request| match request.query("cursor") {
        None => page(0, 3, json!({"next": "3"})),
        Some(_) => page(3, 20_000, json!({})),
    })
    .await;
    assert_eq!((ids(&collected), collected.state("users")), (all(3), ScopeState::Partial));
    assert_eq!((collected.gaps("users")[0].code.as_str(), requests.len()), ("COL037", 2));
    let deep = format!("{{\"users\":{}{}}}", "[".repeat(50_000), "]".repeat(50_000));
    let (collected, _) = play(&manifest(&users(CURSOR)), move |_| Response::json(deep.clone())).await;
    assert_eq!(collected.state("users"), ScopeState::Failed);
    assert!(format!("{:?}", collected.gaps("users")).contains("nested deeper"), "{:#?}", collected.reports);
}

#[tokio::test]
async fn a_refused_token_is_tried_once_and_fails_every_list() {
    let (collected, requests) = play(&manifest(&format!("{}{GROUPS}", users(CURSOR))), |request| {
        let echo = request.header("authorization").unwrap().to_owned();
        Response::json(json!({"message": format!("bad: {echo}")}).to_string()).with_status(401)
    })
    .await;
    for scope in ["users", "groups", "members"] {
        assert_eq!(collected.state(scope), ScopeState::Failed, "{scope}: {:#?}", collected.reports);
        assert!(format!("{:?}", collected.gaps(scope)).contains("401"), "{scope}: {:#?}", collected.reports);
    }
    assert!(requests.len() <= 2, "a wrong credential locks accounts when it is repeated: {requests:?}");
}

#[tokio::test]
async fn a_token_without_a_scope_fails_one_list_and_names_what_it_needs() {
    let (collected, _) =
        play(&manifest(&format!("{}{GROUPS}", users(CURSOR))), |request| match request.path.as_str() {
            "/users" => page(0, 3, json!({})),
            "/groups" => groups(&["a", "b"]),
            "/groups/a/members" => members(&["1"]),
            _ => Response::json(r#"{"message":"insufficient scope"}"#).with_status(403),
        })
        .await;
    assert_eq!(collected.state("users"), ScopeState::Complete);
    assert_eq!(collected.state("groups"), ScopeState::Complete);
    assert_eq!(collected.state("members"), ScopeState::Partial);
    let gap = collected.gaps("members")[0].clone();
    assert_eq!(gap.code, "COL031");
    assert!(gap.fix.unwrap().contains("groups.members.read"), "the fix names the permission");
    assert_eq!(collected.of(RecordKind::Membership).len(), 1);
}

#[tokio::test]
async fn what_vanished_with_its_parent_is_no_gap_and_what_is_still_listed_is_one() {
    // `gone` is listed the first time and not the second; `hidden` is listed both times and answers 404.
    for (second, ends) in [(vec!["a"], ScopeState::Complete), (vec!["a", "hidden"], ScopeState::Partial)] {
        let lists = AtomicUsize::new(0);
        let second_list = second.clone();
        let (collected, requests) = play(&manifest(GROUPS), move |request| match request.path.as_str() {
            "/groups" if lists.fetch_add(1, Ordering::SeqCst) == 0 => {
                let mut first = second_list.clone();
                first.push("gone");
                groups(&first)
            }
            "/groups" => groups(&second_list),
            "/groups/a/members" => members(&["1", "2"]),
            _ => Response::status(404),
        })
        .await;
        assert_eq!(collected.state("members"), ends, "{second:?}: {:#?}", collected.reports);
        assert_eq!(collected.of(RecordKind::Membership).len(), 2);
        assert_eq!(requests.iter().filter(|request| request.path == "/groups").count(), 2, "asked once more");
    }
}

#[tokio::test]
async fn what_vanished_is_known_by_all_that_was_asked_for_it() {
    // Every child is asked at one address: by the body, by a form, by a header, or several at once.
    let ways = [
        "post = \"/lookup\"\nbody = { id = \"${group.id}\" }",
        "post = \"/lookup\"\nform = { id = \"${group.id}\" }",
        "get = \"/lookup\"\nheaders = { X-Group = \"${group.id}\" }",
        "post = \"/lookup\"\nbody = { ids = \"${batch}\" }\nbatch = { size = 3, key = \"group.id\", join = \"group\" }",
        "get = \"/lookup\"\nquery = { ids = \"${batch | join(',')}\" }\nbatch = { size = 3, key = \"group.id\", join = \"group\" }",
    ];
    for call in ways {
        let blocks = format!(
            r#"
[stream.groups]
get = "/groups"
items = "groups"
page = {{ kind = "none" }}
[[stream.groups.emit]]
as = "group"
id = "id"
[stream.members]
for = "groups"
as = "group"
{call}
items = "members"
page = {{ kind = "none" }}
[[stream.members.emit]]
as = "membership"
member = "item.id"
group = "group.id"
"#
        );
        let manifest = manifest(&blocks);
        // Of a call for several, everybody must have gone: nobody knows whom the refusal was about.
        let cases = [
            (vec!["a"], ScopeState::Complete),
            (vec!["a", "gone"], ScopeState::Partial),
            (vec!["a", "also-gone"], ScopeState::Partial),
        ];
        for (second, ends) in cases {
            let (lists, told) = (AtomicUsize::new(0), second.clone());
            let (collected, _) = play(&manifest, move |request| {
                if request.path == "/groups" {
                    // What is gone stands in a call of its own, of one or of several.
                    let first = lists.fetch_add(1, Ordering::SeqCst) == 0;
                    return groups(if first { &["a", "b", "c", "gone", "also-gone"] } else { &told });
                }
                let asked =
                    format!("{:?}{:?}{}", request.query, request.headers, String::from_utf8_lossy(&request.body));
                if asked.contains("gone") {
                    return Response::status(404);
                }
                Response::json(r#"{"members":[{"id":"1","group":"a"}]}"#)
            })
            .await;
            assert_eq!(collected.state("members"), ends, "{call} {second:?}: {:#?}", collected.reports);
            assert!(!collected.of(RecordKind::Membership).is_empty());
        }
    }
}

#[tokio::test]
async fn whether_something_vanished_cannot_be_told_when_the_list_does_not_answer() {
    let lists = AtomicUsize::new(0);
    let (collected, _) = play(&manifest(GROUPS), move |request| match request.path.as_str() {
        "/groups" if lists.fetch_add(1, Ordering::SeqCst) == 0 => groups(&["gone"]),
        _ => Response::status(404),
    })
    .await;
    assert_ne!(collected.state("members"), ScopeState::Complete, "{:#?}", collected.reports);
}

#[tokio::test]
async fn children_of_a_list_that_is_not_whole_are_not_whole() {
    let blocks = GROUPS.replacen(r#"page = { kind = "none" }"#, &format!("page = {CURSOR}"), 1);
    let (collected, _) = play(&manifest(&blocks), |request| match (request.path.as_str(), request.query("cursor")) {
        ("/groups", None) => Response::json(r#"{"groups":[{"id":"a"}],"next":"2"}"#),
        ("/groups", Some(_)) => Response::status(500),
        _ => members(&["1"]),
    })
    .await;
    assert_eq!(collected.state("groups"), ScopeState::Partial);
    assert_eq!(collected.state("members"), ScopeState::Partial, "{:#?}", collected.reports);
    assert_eq!(collected.of(RecordKind::Membership).len(), 1);
    assert!(collected.gaps("members").iter().any(|gap| gap.code == "COL073"));
    let (collected, _) = play(&manifest(GROUPS), |_| Response::status(403)).await;
    assert_eq!(collected.state("members"), ScopeState::Failed, "{:#?}", collected.reports);
}

#[tokio::test]
async fn a_page_that_shrinks_the_total_is_read_again() {
    let pager = r#"{ kind = "offset", into = "query.skip", size = 2, size_into = "query.top", total = "total" }"#;
    let asked = AtomicUsize::new(0);
    let (collected, _) = play(&manifest(&users(pager)), move |request| {
        let from: usize = request.query("skip").unwrap().parse().unwrap();
        let total = if asked.fetch_add(1, Ordering::SeqCst) == 0 { 5 } else { 4 };
        page(from.min(total), (from + 2).min(total), json!({"total": total}))
    })
    .await;
    assert_eq!((ids(&collected), collected.state("users")), (all(4), ScopeState::Complete));
    // One whose total never stands still is not believed.
    let asked = AtomicUsize::new(0);
    let (collected, requests) = play(&manifest(&users(pager)), move |request| {
        let from: usize = request.query("skip").unwrap().parse().unwrap();
        let total = 4 + asked.fetch_add(1, Ordering::SeqCst) % 2;
        page(from.min(4), (from + 2).min(4), json!({"total": total}))
    })
    .await;
    assert_eq!(collected.state("users"), ScopeState::Partial, "{:#?}", collected.reports);
    assert!(requests.len() < 15);
    // A total that is never reached is told.
    let (collected, _) = play(&manifest(&users(pager)), |request| {
        let from: usize = request.query("skip").unwrap().parse().unwrap();
        page(from.min(3), (from + 2).min(3), json!({"total": 5}))
    })
    .await;
    assert_eq!((collected.state("users"), collected.gaps("users")[0].code.as_str()), (ScopeState::Partial, "COL063"));
}

#[tokio::test]
async fn a_word_for_empty_is_an_empty_list() {
    let blocks = format!("{}\n[[error]]\nstatus = [404]\nthen = \"empty\"\n", users(CURSOR));
    let (collected, _) = play(&manifest(&blocks), |_| Response::status(404)).await;
    assert_eq!((ids(&collected), collected.state("users")), (vec![], ScopeState::Complete));
    let (collected, _) = play(&manifest(&users(CURSOR)), |_| Response::status(404)).await;
    assert_eq!(collected.state("users"), ScopeState::Failed);
}

#[tokio::test]
async fn a_dead_port_and_an_echoed_token_show_no_token() {
    let url = { ScriptedHttp::start(|_| Response::status(200)).url() };
    let (connector, _clock) = connector(&manifest(&users(CURSOR)), &url);
    let collected = collect(&*connector).await;
    collected.assert_honest();
    assert_eq!(collected.state("users"), ScopeState::Failed);
    let (collected, _) = play(&manifest(&users(CURSOR)), |_| {
        Response::json(json!({"detail": format!("no {TOKEN} here")}).to_string())
            .with_status(400)
            .header("x-request-id", TOKEN)
    })
    .await;
    assert!(format!("{:?}", collected.reports).contains("no *** here"));
}

/// Vault answers 404 both to an empty list and for something that is not there.
#[tokio::test]
async fn what_is_an_empty_list_to_one_method_is_none_to_another() {
    let rule = "[[error]]\nstatus = [404]\nmethod = \"LIST\"\nthen = \"empty\"\n";
    for (method, state) in [("list", ScopeState::Complete), ("get", ScopeState::Failed)] {
        let blocks = format!("{}\n{rule}", users(CURSOR).replacen("get ", &format!("{method} "), 1));
        let (collected, _) = play(&manifest(&blocks), |_| Response::json("{\"errors\":[]}").with_status(404)).await;
        assert_eq!((ids(&collected), collected.state("users")), (all(0), state), "{method}");
    }
}
