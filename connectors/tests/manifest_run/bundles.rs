//! Calls that go together in one POST (Microsoft Graph's `$batch`): everything that a bundle can do to its calls, and each of them
//! ends as it would have alone, or is asked alone. Nothing that a bundle did not tell is ever told as nothing.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use muster_connectors::manifest::run::clock::Clock;
use muster_connectors::manifest::run::{fixture, recording};
use muster_connectors::record::Record;
use muster_connectors::scope::ScopeState;
use muster_connectors::secret::Environment;
use muster_connectors::{Run, Settings};
use muster_testbeds::graph_batch;
use muster_testbeds::scripted_http::{Request, Response, ScriptedHttp};
use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;

use super::bench::{NOW, connector, manifest, play};
use crate::collected::{Collected, TOKEN, collect};
use crate::manifests::{HEAD, problems};

/// Groups and their members, asked for together.
const GROUPS: &str = r#"
[bundle]
post = "/v1.0/$batch"
most = 20
shape = "graph"
[pager.next]
kind = "next_url"
from = "body['@odata.nextLink']"
[stream.groups]
get = "/v1.0/groups"
items = "value"
page = "next"
[[stream.groups.emit]]
as = "group"
id = "id"
[stream.members]
for = "groups"
as = "group"
bundled = true
get = "/v1.0/groups/${group.id}/members"
query = { "$select" = "id" }
headers = { ConsistencyLevel = "eventual" }
items = "value"
page = "next"
[[stream.members.emit]]
as = "membership"
member = "item.id"
group = "group.id"
"#;

/// One bundle at a time, so that the order of everything is the same every time.
const ONE: &str = "[limits]\nconcurrency = 1\n";

/// So many groups on two pages. A group has one member of its own number; every tenth has a second on a further page.
fn system(request: &Request, groups: usize) -> Response {
    let host = request.header("host").unwrap();
    let listed = |rows: Vec<Value>, next: Option<String>| {
        let mut body = json!({"value": rows});
        if let Some(next) = next {
            body["@odata.nextLink"] = format!("http://{host}/v1.0/{next}").into();
        }
        Response::json(body.to_string())
    };
    let path: Vec<&str> = request.path.split('/').skip(2).collect();
    match path[..] {
        ["groups"] => {
            let half = groups / 2;
            let second = request.query("$skiptoken").is_some();
            let (from, to) = if second { (half, groups) } else { (0, half) };
            let rows = (from..to).map(|n| json!({"id": format!("g{n}")})).collect();
            listed(rows, (!second).then(|| "groups?$skiptoken=2".to_owned()))
        }
        ["groups", group, "members"] => {
            assert_eq!(request.header("consistencylevel"), Some("eventual"), "{request:?}");
            let number: usize = group[1..].parse().unwrap();
            let member = |name: String| vec![json!({"id": name})];
            if request.query("$skiptoken").is_some() {
                return listed(member(format!("second{number}")), None);
            }
            let next = number.is_multiple_of(10).then(|| format!("groups/{group}/members?$skiptoken=2"));
            listed(member(format!("user{number}")), next)
        }
        _ => Response::status(404),
    }
}

/// Members by group, sorted.
fn members(collected: &Collected) -> BTreeMap<String, Vec<String>> {
    let mut found: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for record in &collected.records {
        if let Record::Membership(edge) = record {
            found.entry(edge.group.clone()).or_default().push(edge.member.clone());
        }
    }
    for members in found.values_mut() {
        members.sort();
    }
    found
}

/// Everybody who is a member of `groups` groups.
fn everybody(groups: usize) -> BTreeMap<String, Vec<String>> {
    let of = |n: usize| {
        if n.is_multiple_of(10) { vec![format!("second{n}"), format!("user{n}")] } else { vec![format!("user{n}")] }
    };
    (0..groups).map(|n| (format!("g{n}"), of(n))).collect()
}

fn is_batch(request: &Request) -> bool {
    request.path == "/v1.0/$batch"
}

/// Paths of the calls of each bundle.
fn bundles(requests: &[Request]) -> Vec<Vec<String>> {
    let opened = requests.iter().filter(|request| is_batch(request)).map(|request| {
        assert!(!String::from_utf8_lossy(&request.body).contains(TOKEN), "a credential inside");
        let calls = graph_batch::open(request).unwrap_or_else(|why| panic!("{why}"));
        calls.into_iter().map(|(_, call)| call.path).collect()
    });
    opened.collect()
}

/// Paths of members that were asked for alone.
fn alone(requests: &[Request]) -> Vec<&str> {
    requests.iter().map(|request| request.path.as_str()).filter(|path| path.ends_with("/members")).collect()
}

/// Plays `groups` groups; `answer` says what a call inside is answered, and `edit` what becomes of the bundle's answer.
async fn bundled(
    blocks: &str,
    groups: usize,
    answer: impl Fn(&Request) -> Option<Response> + Send + Sync + 'static,
    edit: impl Fn(&mut Vec<Value>) + Send + Sync + 'static,
) -> (Collected, Vec<Request>) {
    let manifest = manifest(&format!("{blocks}{GROUPS}"));
    play(&manifest, move |request| {
        if !is_batch(request) {
            return answer(request).unwrap_or_else(|| system(request, groups));
        }
        let told = graph_batch::answered(request, |call| answer(call).unwrap_or_else(|| system(call, groups)));
        let mut told: Value = serde_json::from_slice(told.parts().2).unwrap();
        edit(told["responses"].as_array_mut().unwrap());
        Response::json(told.to_string())
    })
    .await
}

/// The place of the call for a group's members among the answers of a bundle: by what it answered.
fn of(answers: &[Value], member: &str) -> Option<usize> {
    answers.iter().position(|answer| answer["body"]["value"][0]["id"] == member)
}

/// Changes the answer about the third group.
fn with(answers: &mut [Value], change: impl Fn(&mut Value)) {
    if let Some(place) = of(answers, "user3") {
        change(&mut answers[place]);
    }
}

#[tokio::test]
async fn lists_of_many_parents_are_read_together_and_go_on_to_their_ends() {
    let (first, requests) = bundled(ONE, 45, |_| None, |_| {}).await;
    first.assert_complete();
    assert_eq!(members(&first), everybody(45));
    assert_eq!(alone(&requests), Vec::<&str>::new());
    let bundles = bundles(&requests);
    assert_eq!(bundles.iter().map(Vec::len).sum::<usize>(), 50, "each list once, and five second pages");
    assert!(bundles.len() <= 5 && bundles.iter().all(|calls| calls.len() <= 20), "{bundles:#?}");
    // The same again, in the same order.
    let (again, _) = bundled(ONE, 45, |_| None, |_| {}).await;
    let told = |collected: &Collected| collected.records.iter().map(crate::collected::line).collect::<Vec<_>>();
    assert_eq!(told(&again), told(&first));
    // Whoever is not `bundled` is not touched.
    let plain = GROUPS.replace("bundled = true\n", "");
    let (apart, requests) = play(&manifest(&plain), |request| system(request, 45)).await;
    assert!(requests.iter().all(|request| request.method == "GET"));
    assert_eq!(members(&apart), everybody(45));
}

#[tokio::test]
async fn what_a_bundle_does_not_tell_is_asked_alone() {
    type Edit = fn(&mut Vec<Value>);
    // What is done to the answers, how many lists are asked alone for it, and whether there are bundles afterwards.
    let cases: [(&str, Edit, std::ops::RangeInclusive<usize>); 9] = [
        ("in another order", |answers| answers.reverse(), 0..=0),
        ("one is missing", |answers| drop(of(answers, "user3").map(|place| answers.remove(place))), 1..=1),
        ("none is there", Vec::clear, 50..=50),
        (
            "one has the id of another",
            |answers| {
                if let Some(place) = of(answers, "user3") {
                    answers[place]["id"] = answers[(place + 1) % answers.len()]["id"].clone();
                }
            },
            20..=50,
        ),
        (
            "one comes twice",
            |answers| {
                let twice = of(answers, "user3").map(|place| answers[place].clone());
                answers.extend(twice);
            },
            20..=50,
        ),
        ("one is of another bundle", |answers| with(answers, |answer| answer["id"] = "0".into()), 20..=50),
        ("a body in Base64", |answers| with(answers, |answer| answer["body"] = "eyJ2YWx1ZSI6W119".into()), 1..=1),
        ("no body", |answers| with(answers, |answer| drop(answer.as_object_mut().unwrap().remove("body"))), 1..=1),
        ("no status", |answers| with(answers, |answer| answer["status"] = Value::Null), 1..=1),
    ];
    for (what, edit, expected) in cases {
        let (collected, requests) = bundled(ONE, 45, |_| None, edit).await;
        collected.assert_complete();
        assert_eq!(members(&collected), everybody(45), "{what}");
        let alone = alone(&requests).len();
        assert!(expected.contains(&alone), "{what}: {alone} alone");
        if *expected.start() == 20 {
            let after = requests.iter().skip_while(|request| !request.path.ends_with("/members"));
            assert_eq!(after.filter(|request| is_batch(request)).count(), 0, "{what}: it was believed again");
            assert!(collected.notes.iter().any(|note| note.contains("one by one")), "{what}: {:?}", collected.notes);
        }
    }
}

#[tokio::test]
async fn a_list_that_nobody_tells_is_a_gap_and_never_empty() {
    // In the bundle there is no body, and alone there is none either.
    let silent = |request: &Request| request.path.ends_with("/g3/members").then(|| Response::status(200));
    let (collected, requests) = bundled("", 20, silent, |_| {}).await;
    assert_eq!(collected.state("members"), ScopeState::Partial, "{:#?}", collected.reports);
    let mut known = everybody(20);
    known.remove("g3");
    assert_eq!((members(&collected), alone(&requests)), (known, vec!["/v1.0/groups/g3/members"]));
}

#[tokio::test]
async fn a_bundle_that_fails_itself_costs_nothing_but_calls() {
    type Broken = fn(usize) -> Option<Response>;
    let html = || Response::html("<html>a proxy</html>");
    let cases: [(&str, Broken, bool); 7] = [
        ("throttled once", |n| (n == 0).then(|| Response::status(429).header("retry-after", "9")), true),
        ("unavailable once", |n| (n == 0).then(|| Response::status(503)), true),
        ("unavailable for ever", |_| Some(Response::status(500)), false),
        ("not known", |_| Some(Response::status(404)), false),
        ("not allowed", |_| Some(Response::json("{}").with_status(403)), false),
        ("no bundle's answer", |_| Some(Response::json(r#"{"value":[]}"#)), false),
        ("cut", |_| Some(Response::json(r#"{"responses":[]}"#).cut_in_the_middle()), false),
    ];
    for (what, broken, goes_on) in cases {
        let count = AtomicUsize::new(0);
        let (collected, requests) = play(&manifest(&format!("{ONE}{GROUPS}")), move |request| {
            if !is_batch(request) {
                return system(request, 45);
            }
            let answered = || graph_batch::answered(request, |call| system(call, 45));
            broken(count.fetch_add(1, Ordering::SeqCst)).unwrap_or_else(answered)
        })
        .await;
        collected.assert_complete();
        assert_eq!(members(&collected), everybody(45), "{what}");
        assert_eq!(alone(&requests).is_empty(), goes_on, "{what}");
        assert_eq!(collected.notes.iter().any(|note| note.contains("one by one")), !goes_on, "{what}");
    }
    let (collected, _) =
        play(&manifest(GROUPS), move |request| if is_batch(request) { html() } else { system(request, 45) }).await;
    collected.assert_complete();
}

#[tokio::test]
async fn a_throttled_call_comes_again_alone_of_its_bundle_and_after_its_time() {
    let asked = AtomicUsize::new(0);
    let server = ScriptedHttp::start(move |request| {
        let answer = |call: &Request| match call.path.as_str() {
            "/v1.0/groups/g3/members" if asked.fetch_add(1, Ordering::SeqCst) == 0 => {
                Response::json(r#"{"error":{"code":"TooManyRequests"}}"#).with_status(429).header("Retry-After", "17")
            }
            _ => system(call, 20),
        };
        if is_batch(request) { graph_batch::answered(request, answer) } else { system(request, 20) }
    });
    let (connector, clock) = connector(&manifest(&format!("{ONE}{GROUPS}")), &server.url());
    let collected = collect(&*connector).await;
    collected.assert_complete();
    assert_eq!(members(&collected), everybody(20));
    let bundles = bundles(&server.requests());
    let again: Vec<&Vec<String>> =
        bundles.iter().filter(|calls| calls.contains(&"/v1.0/groups/g3/members".to_owned())).collect();
    assert_eq!(again.len(), 2, "{bundles:#?}");
    assert_eq!(bundles.iter().flatten().filter(|path| path.ends_with("/g4/members")).count(), 1, "{bundles:#?}");
    let elapsed = clock.now().duration_since(NOW.parse().unwrap());
    assert!((17..=19).contains(&elapsed.as_secs()), "{elapsed:?}");
}

#[tokio::test]
async fn a_call_that_stays_throttled_is_a_gap_within_its_limits() {
    let no = |request: &Request| {
        let no = Response::json("{}").with_status(429).header("retry-after", "2");
        request.path.ends_with("/g3/members").then_some(no)
    };
    let (collected, requests) = bundled("[limits]\nattempts = 3\n", 20, no, |_| {}).await;
    assert_eq!(collected.state("members"), ScopeState::Partial);
    assert_eq!(members(&collected).len(), 19);
    let asked = bundles(&requests).concat().iter().filter(|path| path.ends_with("/g3/members")).count();
    assert_eq!((asked, alone(&requests).len()), (3, 0));
    // One that asks for longer than anybody waits is given up at once.
    let long = |request: &Request| {
        let no = Response::json("{}").with_status(429).header("retry-after", "86400");
        request.path.ends_with("/g3/members").then_some(no)
    };
    let (collected, _) = bundled("", 20, long, |_| {}).await;
    assert!(format!("{:?}", collected.gaps("members")).contains("86400 s"), "{:#?}", collected.reports);
}

#[tokio::test]
async fn refusals_inside_mean_what_they_mean_alone() {
    let rules = r#"
[[error]]
when = "error.code == 'Locked'"
then = "gap"
cause = "the group is locked"
[[error]]
status = [404]
then = "gone"
[[error]]
status = [403]
then = "gap"
cause = "not for you"
"#;
    let at = |path: &'static str, status: u16, body: &'static str| {
        move |request: &Request| request.path.ends_with(path).then(|| Response::json(body).with_status(status))
    };
    let gaps = |collected: &Collected| format!("{:?}", collected.gaps("members"));
    // Forbidden, a rule that looks into the reply, and one that no rule knows.
    for (status, body, told) in [
        (403, r#"{"error":{"code":"Authorization_RequestDenied","message":"Insufficient privileges"}}"#, "not for you"),
        (409, r#"{"error":{"code":"Locked"}}"#, "the group is locked"),
        (200, r#"{"error":{"code":"Locked"}}"#, "the group is locked"),
        (418, "{}", "418"),
        (500, "{}", "500"),
    ] {
        let (collected, requests) = bundled(rules, 20, at("/g3/members", status, body), |_| {}).await;
        assert_eq!(collected.state("members"), ScopeState::Partial, "{status}");
        assert!(gaps(&collected).contains(told), "{status}: {}", gaps(&collected));
        assert_eq!((members(&collected).len(), alone(&requests).len()), (19, 0), "{status}");
    }
    // Gone, and its group still stands in the list: a gap. Gone with its group: nothing is missing.
    let (collected, _) = bundled(rules, 20, at("/g3/members", 404, "{}"), |_| {}).await;
    assert_eq!(collected.state("members"), ScopeState::Partial);
    assert!(gaps(&collected).contains("still listed"), "{}", gaps(&collected));
    let readings = AtomicUsize::new(0);
    let vanishing = move |request: &Request| match request.path.as_str() {
        "/v1.0/groups/g19/members" => Some(Response::status(404)),
        "/v1.0/groups" if request.query("$skiptoken").is_none() => {
            let groups = if readings.fetch_add(1, Ordering::SeqCst) == 0 { 20 } else { 19 };
            let rows: Vec<Value> = (0..groups).map(|n| json!({"id": format!("g{n}")})).collect();
            Some(Response::json(json!({"value": rows}).to_string()))
        }
        _ => None,
    };
    let (collected, _) = bundled(rules, 20, vanishing, |_| {}).await;
    assert_eq!((collected.state("members"), members(&collected)), (ScopeState::Complete, everybody(19)));
}

#[tokio::test]
async fn a_link_out_of_a_bundle_leads_nowhere_else() {
    let elsewhere = ScriptedHttp::start(|_| Response::json(r#"{"value":[{"id":"mallory"}]}"#));
    let to = format!("{}/v1.0/groups/g3/members?$skiptoken=2", elsewhere.url());
    let link = move |request: &Request| {
        let body = json!({"value": [{"id": "user3"}], "@odata.nextLink": to});
        request.path.ends_with("/g3/members").then(|| Response::json(body.to_string()))
    };
    let (collected, _) = bundled("", 20, link, |_| {}).await;
    assert_eq!(collected.state("members"), ScopeState::Partial);
    assert!(format!("{:?}", collected.gaps("members")).contains("COL038"), "{:#?}", collected.gaps("members"));
    assert_eq!((members(&collected), elsewhere.requests().len()), (everybody(20), 0));
}

#[tokio::test]
async fn a_credential_that_is_refused_fails_everything_whether_inside_or_out() {
    let refused = |request: &Request| request.path.ends_with("/members").then(|| Response::status(401));
    let (inside, _) = bundled("", 20, refused, |_| {}).await;
    assert_eq!((inside.state("members"), members(&inside).len()), (ScopeState::Failed, 0));
    let (outside, _) =
        play(&manifest(GROUPS), |request| if is_batch(request) { Response::status(401) } else { system(request, 20) })
            .await;
    assert_ne!(outside.state("members"), ScopeState::Complete);
    assert!(members(&outside).is_empty());
}

#[tokio::test]
async fn ten_thousand_lists_take_five_hundred_bundles() {
    const GROUPS_IN_ALL: usize = 10_000;
    let inside = |request: &Request| match request.path.as_str() {
        "/v1.0/groups" => {
            let from: usize = request.query("$skiptoken").map_or(0, |from| from.parse().unwrap());
            let rows: Vec<Value> = (from..from + 200).map(|n| json!({"id": format!("g{n}")})).collect();
            let mut body = json!({"value": rows});
            if from + 200 < GROUPS_IN_ALL {
                let host = request.header("host").unwrap();
                body["@odata.nextLink"] = format!("http://{host}/v1.0/groups?$skiptoken={}", from + 200).into();
            }
            Response::json(body.to_string())
        }
        _ => Response::json(r#"{"value":[{"id":"ann"},{"id":"bob"}]}"#),
    };
    let limits = |rate: &str| format!("[limits]\nconcurrency = 4\n{rate}{GROUPS}");
    let (plain, limited) = (limits(""), limits("bucket = [{ match = \"/members\", per_s = 100, burst = 50 }]\n"));
    for (blocks, slow) in [(plain, false), (limited, true)] {
        let (under_way, most) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
        let (now, peak) = (Arc::clone(&under_way), Arc::clone(&most));
        let server = ScriptedHttp::start(move |request| {
            peak.fetch_max(now.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
            let answer = if is_batch(request) { graph_batch::answered(request, inside) } else { inside(request) };
            now.fetch_sub(1, Ordering::SeqCst);
            answer
        });
        let (connector, clock) = connector(&manifest(&blocks), &server.url());
        let before = super::limits::resident();
        let collected = collect(&*connector).await;
        let grown = super::limits::resident().saturating_sub(before);
        collected.assert_complete();
        assert_eq!(collected.records.len(), 3 * GROUPS_IN_ALL);
        let bundles = bundles(&server.requests());
        assert_eq!(bundles.iter().map(Vec::len).sum::<usize>(), GROUPS_IN_ALL, "each list once");
        let elapsed = clock.now().duration_since(NOW.parse().unwrap());
        assert!(most.load(Ordering::SeqCst) <= 4, "{most:?} at once");
        assert!(grown < 200 << 20, "{grown} bytes");
        if slow {
            assert!(elapsed.as_secs() >= 99, "10,000 calls at 100 a second take 100 seconds: {elapsed:?}");
        } else {
            assert!((500..=600).contains(&bundles.len()), "{} bundles", bundles.len());
        }
    }
}

#[tokio::test]
async fn a_recording_of_bundles_is_one_of_single_calls_in_disguise() {
    let server = ScriptedHttp::start(|request| {
        let answer = |call: &Request| match call.path.as_str() {
            "/v1.0/groups" => Response::json(r#"{"value":[{"id":"acme-admins"},{"id":"acme-staff"}]}"#),
            "/v1.0/groups/acme-admins/members" => {
                Response::json(r#"{"value":[{"id":"alice.smith","phone":"+4917012345"}]}"#)
            }
            _ => Response::json(r#"{"error":{"message":"alice may not"}}"#).with_status(403),
        };
        if is_batch(request) { graph_batch::answered(request, answer) } else { answer(request) }
    });
    let manifest = manifest(GROUPS);
    let settings = format!(r#"{{ base_url = "{}", token = {{ env = "TOKEN" }} }}"#, server.url());
    let given = Settings {
        system: "probe",
        table: toml::de::ValueDeserializer::parse(&settings).unwrap(),
        folder: Path::new(".").to_owned(),
        environment: Arc::new(Environment::from([("TOKEN".to_owned(), TOKEN.to_owned())])),
    };
    let run = Run { now: NOW.parse().unwrap(), cancel: CancellationToken::new(), concurrency: 1, memory: None };
    let scene = recording::record(Arc::clone(&manifest), given, &run).await.unwrap();
    assert!(server.requests().iter().any(is_batch));
    let folder = tempfile::tempdir().unwrap();
    recording::write(&scene, folder.path()).unwrap();
    let tested = fixture::test(Arc::clone(&manifest), folder.path()).await.unwrap();
    recording::put(folder.path(), "expected.json", &tested.found).unwrap();
    let again = fixture::test(manifest, folder.path()).await.unwrap();
    assert_eq!((again.differences, again.records, again.exchanges), (Vec::new(), 3, 3), "{:#}", tested.found);
    assert_eq!(tested.found["scopes"]["members"]["memberships"]["state"], "partial");
    let written = std::fs::read_to_string(folder.path().join("exchanges.json")).unwrap();
    for word in ["$batch", TOKEN, "alice", "smith", "acme", "4917012345", "phone"] {
        assert!(!written.contains(word), "`{word}` remains:\n{written}");
    }
}

#[test]
fn what_cannot_be_bundled_is_refused_when_the_manifest_is_loaded() {
    let head = r#"
[secrets]
token = { help = "a token" }
[http]
base = "https://api.example"
[auth.token]
kind = "bearer"
token = "${secret.token}"
"#;
    let told = |blocks: &str| problems(&format!("{HEAD}{head}{blocks}"));
    assert!(!told(GROUPS).contains("bundle"), "{}", told(GROUPS));
    for (from, to, why) in [
        ("most = 20", "most = 21", "takes 20 at most"),
        ("most = 20", "most = 1", "fewer than 2 are none"),
        ("/v1.0/$batch", "https://api.example/v1.0/$batch", "no path"),
        ("bundled = true\n", "", "no stream is `bundled`"),
        ("[stream.groups]\n", "[stream.groups]\nbundled = true\n", "read once"),
        ("bundled = true\nget", "bundled = true\npost", "nothing but GETs"),
        ("bundled = true", "bundled = true\nauth = \"token\"", "signed as a whole"),
        ("ConsistencyLevel = \"eventual\"", "X-Key = \"${secret.token}\"", "a header names a secret"),
        ("[bundle]\npost = \"/v1.0/$batch\"\nmost = 20\nshape = \"graph\"\n", "", "there is no `[bundle]`"),
        ("shape = \"graph\"", "shape = \"odata\"", "odata"),
    ] {
        let blocks = GROUPS.replacen(from, to, 1);
        assert_ne!(blocks, GROUPS, "{from}");
        assert!(told(&blocks).contains(why), "{why}: {}", told(&blocks));
    }
}
