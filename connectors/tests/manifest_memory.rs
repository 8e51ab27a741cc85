//! What a reading holds in memory, in a process of its own: nothing else that runs is counted.

#![expect(clippy::unwrap_used, reason = "a test program stops at the first surprise")]

mod collected;
mod manifests;

use std::sync::Arc;

use collected::{configured, drained, run};
use manifests::{CONFIG, HEAD, HTTP, USERS, parsed};
use muster_connectors::Connector;
use muster_connectors::manifest::run::ManifestConnector;
use muster_connectors::sink::{Batch, Unwatched};
use muster_testbeds::scripted_http::{Response, ScriptedHttp};
use serde_json::json;
use tokio_util::sync::CancellationToken;

/// Rows of a page, of 1 kB each.
const ROWS: usize = 200;

/// Reads a list of so many pages; the most that was resident meanwhile, in bytes.
async fn read(pages: usize) -> usize {
    let filler = "x".repeat(1000);
    let server = ScriptedHttp::start(move |request| {
        let page: usize = request.query("cursor").map_or(0, |cursor| cursor.parse().unwrap());
        let row = |n: usize| json!({"id": n, "login": format!("user{n}"), "about": filler});
        let rows: Vec<_> = (page * ROWS..(page + 1) * ROWS).map(row).collect();
        let next = (page + 1 < pages).then(|| (page + 1).to_string());
        Response::json(json!({"users": rows, "next": next}).to_string())
    });
    let manifest = parsed(&format!("{HEAD}{CONFIG}{HTTP}{USERS}"));
    let build = |settings: muster_connectors::Settings<'_>| {
        ManifestConnector::configure(Arc::clone(&manifest), settings)
            .map(|connector| Box::new(connector) as Box<dyn Connector>)
    };
    let connector = configured(build, ".", &format!(r#"base_url = "{}""#, server.url())).unwrap();
    let (mut records, mut most) = (0, 0);
    let take = |batch: Batch| {
        records += batch.records.len();
        most = most.max(resident());
    };
    let (result, _) = drained(&*connector, &run(&CancellationToken::new()), Arc::new(Unwatched), take).await;
    assert!(result.is_ok() && records == pages * ROWS, "{result:?}, {records} records");
    most
}

#[tokio::test]
async fn memory_does_not_grow_with_the_pages_of_a_list() {
    let few = read(20).await;
    let many = read(420).await;
    // 400 further pages are 80 MB of replies and 80,000 rows; of each row a fingerprint and its id's are kept.
    let grown = many.saturating_sub(few);
    assert!(grown < 24 << 20, "{grown} bytes for 400 pages more, after {few}");
}

/// Resident bytes of this process.
fn resident() -> usize {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find(|line| line.starts_with("VmRSS:")).unwrap();
    line.split_whitespace().nth(1).unwrap().parse::<usize>().unwrap() * 1024
}
