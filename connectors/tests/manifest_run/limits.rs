//! Limits: what a system asks for is obeyed, and nobody else waits for it.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use muster_connectors::scope::ScopeState;
use muster_testbeds::scripted_http::{Response, ScriptedHttp};
use serde_json::json;

use super::bench::{all, connector, ids, manifest, page};
use crate::collected::{Collected, collect};
use crate::manifests::{CURSOR, users};

/// Plays a list whose first request is answered so, and the second as it should; returns the pauses.
async fn throttled(blocks: &str, answer: Response) -> (Collected, Vec<Duration>) {
    let asked = AtomicUsize::new(0);
    let server = ScriptedHttp::start(move |_| match asked.fetch_add(1, Ordering::SeqCst) {
        0 => answer.clone().header("date", "Fri, 20 Nov 2026 10:00:00 GMT"),
        _ => page(0, 3, json!({})),
    });
    let (connector, clock) = connector(&manifest(&format!("{blocks}{}", users(CURSOR))), &server.url());
    let collected = collect(&*connector).await;
    collected.assert_honest();
    (collected, clock.waits())
}

#[tokio::test]
async fn every_form_of_a_pause_is_obeyed() {
    let reset = |kind: &str| {
        format!(
            "[limits]\nremaining = \"x-left\"\nreset = {{ header = \"x-reset\", as = \"{kind}\" }}\nmax_wait_s = 100\n"
        )
    };
    let spent = |text: &str| Response::status(429).header("x-left", "0").header("x-reset", text);
    let cases = [
        (String::new(), Response::status(429).header("retry-after", "30")),
        (String::new(), Response::status(429).header("retry-after", "Fri, 20 Nov 2026 10:00:30 GMT")),
        (reset("epoch_s"), spent("1795168830")),
        (reset("epoch_ms"), spent("1795168830000")),
        (reset("seconds"), spent("30")),
        (reset("rfc3339"), spent("2026-11-20T11:00:30+01:00")),
        (reset("http_date"), spent("Fri, 20 Nov 2026 10:00:30 GMT")),
        (reset("%Y-%m-%d %H:%M:%S %z"), spent("2026-11-20 02:00:30 -0800")),
        ("[limits]\nretry_after = \"x-wait\"\n".to_owned(), Response::status(429).header("x-wait", "30")),
    ];
    for (blocks, answer) in cases {
        let (collected, waits) = throttled(&blocks, answer).await;
        assert_eq!((ids(&collected), collected.state("users")), (all(3), ScopeState::Complete), "{blocks}");
        let waited: Duration = waits.iter().sum();
        assert!((30..=32).contains(&waited.as_secs()), "{blocks}: {waits:?}");
    }
    // Nobody says how long: our own pause.
    let (collected, waits) = throttled("", Response::status(429)).await;
    assert_eq!((collected.state("users"), waits.len()), (ScopeState::Complete, 1));
    assert!(waits[0] <= Duration::from_secs(1));
}

#[tokio::test]
async fn a_403_that_means_too_fast_is_told_from_one_that_means_no() {
    let rule = "[[error]]\nstatus = [403]\nwhen = \"header('retry-after') is not none\"\nthen = \"throttle\"\n";
    let (collected, waits) = throttled(rule, Response::status(403).header("retry-after", "5")).await;
    assert_eq!((collected.state("users"), waits.len()), (ScopeState::Complete, 1));
    let (collected, waits) = throttled(rule, Response::status(403)).await;
    assert_eq!((collected.state("users"), waits.len()), (ScopeState::Failed, 0));
}

#[tokio::test]
async fn a_pause_that_is_too_long_is_a_gap_at_once() {
    let (collected, waits) = throttled("", Response::status(429).header("retry-after", "86400")).await;
    assert_eq!((collected.state("users"), waits.len()), (ScopeState::Failed, 0));
    assert!(format!("{:?}", collected.gaps("users")).contains("86400 s"), "{:#?}", collected.reports);
}

#[tokio::test]
async fn a_system_that_stays_throttled_is_given_up() {
    let server = ScriptedHttp::start(|request| match request.query("cursor") {
        None => page(0, 3, json!({"next": "3"})),
        Some(_) => Response::status(429).header("retry-after", "1"),
    });
    let (connector, _clock) = connector(&manifest(&users(CURSOR)), &server.url());
    let collected = collect(&*connector).await;
    assert_eq!((ids(&collected), collected.state("users")), (all(3), ScopeState::Partial));
    assert_eq!(server.requests().len(), 6);
}

#[tokio::test]
async fn a_throttled_system_never_slows_another() {
    let slow = ScriptedHttp::start(|_| Response::status(429).header("retry-after", "250"));
    let quick = ScriptedHttp::start(|_| page(0, 3, json!({})));
    let manifest = manifest(&users(CURSOR));
    // The throttled one waits by the machine's clock, so it would wait for minutes.
    let settings = format!(r#"base_url = "{}", token = {{ env = "TOKEN" }}"#, slow.url());
    let build = |settings: muster_connectors::Settings<'_>| {
        muster_connectors::manifest::run::ManifestConnector::configure(Arc::clone(&manifest), settings)
            .map(|connector| Box::new(connector) as Box<dyn muster_connectors::Connector>)
    };
    let slow_one = crate::collected::configured(build, ".", &settings).unwrap();
    let (quick_one, _clock) = connector(&manifest, &quick.url());
    let waiting = collect(&*slow_one);
    tokio::pin!(waiting);
    let read = async {
        while slow.requests().is_empty() {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        collect(&*quick_one).await
    };
    let read = tokio::select! {
        biased;
        _ = &mut waiting => panic!("the throttled system did not wait"),
        read = read => read,
    };
    assert_eq!(read.state("users"), ScopeState::Complete);
    assert_eq!(slow.requests().len(), 1);
}

#[tokio::test]
async fn a_fan_out_over_ten_thousand_parents_stays_within_its_limits() {
    const PARENTS: usize = 10_000;
    let blocks = r#"
[limits]
concurrency = 4
[[limits.bucket]]
match = "/members"
per_s = 100
burst = 50
[stream.groups]
get = "/groups"
items = "groups"
page = { kind = "cursor", from = "next", into = "query.cursor" }
[[stream.groups.emit]]
as = "group"
id = "id | str"
[stream.members]
for = "groups"
as = "group"
get = "/groups/${group.id}/members"
items = "members"
page = { kind = "none" }
[[stream.members.emit]]
as = "membership"
member = "item.id | str"
group = "group.id | str"
"#;
    let under_way = Arc::new(AtomicUsize::new(0));
    let most = Arc::new(AtomicUsize::new(0));
    let (now, peak) = (Arc::clone(&under_way), Arc::clone(&most));
    let server = ScriptedHttp::start(move |request| {
        peak.fetch_max(now.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
        let answer = if request.path == "/groups" {
            let from: usize = request.query("cursor").map_or(0, |cursor| cursor.parse().unwrap());
            let groups: Vec<_> =
                (from..from + 200).map(|n| json!({"id": n, "name": format!("Group number {n}")})).collect();
            let next = (from + 200 < PARENTS).then_some(from + 200);
            Response::json(json!({"groups": groups, "next": next}).to_string())
        } else {
            Response::json(r#"{"members":[{"id":1},{"id":2}]}"#)
        };
        now.fetch_sub(1, Ordering::SeqCst);
        answer
    });
    let (connector, clock) = connector(&manifest(blocks), &server.url());
    let before = resident();
    let collected = collect(&*connector).await;
    let grown = resident().saturating_sub(before);
    assert_eq!(collected.state("members"), ScopeState::Complete, "{:#?}", collected.reports);
    assert_eq!(collected.records.len(), 3 * PARENTS);
    assert!(most.load(Ordering::SeqCst) <= 4, "{most:?} at once");
    let waited: Duration = clock.waits().iter().sum();
    let elapsed =
        muster_connectors::manifest::run::clock::Clock::now(&*clock).duration_since(super::bench::NOW.parse().unwrap());
    assert!(elapsed.as_secs() >= 99, "10,000 calls at 100 a second take 100 seconds: {elapsed:?}, {waited:?}");
    assert!(grown < 200 * 1024 * 1024, "{grown} bytes");
}

/// Resident bytes of this process.
pub(super) fn resident() -> usize {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find(|line| line.starts_with("VmRSS:")).unwrap_or_default();
    line.split_whitespace().nth(1).and_then(|kib| kib.parse::<usize>().ok()).unwrap_or(0) * 1024
}
