//! Pages of 200 rows into records by a manifest: JSON read, expressions evaluated, records merged. No network.
//!
//! The figure to keep is records a second of one core: no less than 100,000 (`cargo bench --workspace --bench manifest`).

use std::collections::BTreeMap;
use std::hint::black_box;

use criterion::{BenchmarkId, Criterion, Throughput};
use jiff::Timestamp;
use muster_connectors::manifest::value::{from_json, from_slice};
use muster_connectors::manifest::{Collector, Drafts, Manifest, Scope, catalogued};
use serde_json::{Value as Json, json};

/// As in the program.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Rows of a page.
const PAGE: u64 = 200;
/// Pages of a run.
const PAGES: u64 = 50;

fn okta_user(n: u64) -> Json {
    json!({
        "id": format!("00u{n:017}"), "status": "ACTIVE", "created": "2024-01-01T00:00:00.000Z",
        "activated": "2024-01-01T00:00:00.000Z", "statusChanged": "2024-01-02T00:00:00.000Z",
        "lastLogin": "2026-11-19T08:00:00.000Z", "lastUpdated": "2026-01-01T00:00:00.000Z",
        "passwordChanged": "2026-02-01T00:00:00.000Z", "type": { "id": "oty1" },
        "profile": {
            "login": format!("user{n}@acme.example"), "email": format!("user{n}@acme.example"), "secondEmail": null,
            "firstName": "Ada", "lastName": "Stone", "employeeNumber": format!("E-{n}"), "department": "Deck",
            "title": "Rigger", "managerId": "E-1", "mobilePhone": null,
        },
        "credentials": { "password": {}, "emails": [], "provider": { "type": "OKTA", "name": "OKTA" } },
        "_links": { "self": { "href": format!("https://acme.okta.com/api/v1/users/00u{n}") } },
    })
}

fn github_member(n: u64) -> Json {
    let login = format!("user-{n}");
    json!({
        "login": login, "id": n, "node_id": format!("MDQ6VXNlc{n}"), "gravatar_id": "", "type": "User", "site_admin": false,
        "avatar_url": format!("https://github.com/images/error/{login}_happy.gif"),
        "url": format!("https://api.github.com/users/{login}"), "html_url": format!("https://github.com/{login}"),
        "followers_url": format!("https://api.github.com/users/{login}/followers"),
        "role_name": "write", "permissions": { "pull": true, "triage": true, "push": true, "maintain": false, "admin": false },
    })
}

/// A manifest's stream with pages for it.
struct Case {
    name: &'static str,
    manifest: Manifest,
    stream: usize,
    scope: Scope,
    pages: Vec<Vec<u8>>,
}

fn case(id: &str, stream: &str, name: &'static str, row: fn(u64) -> Json) -> Case {
    let manifest = catalogued(id).expect("it is in the catalogue").manifest().expect("it loads");
    let config =
        BTreeMap::from([("org".to_owned(), json!("acme")), ("base_url".to_owned(), json!("https://acme.example"))]);
    let now: Timestamp = "2026-11-20T00:00:00Z".parse().expect("an instant");
    let repo = from_json(&json!({ "id": 5, "name": "anchor", "owner": { "login": "acme" } }));
    let scope = manifest.scope(&config, now).with_all(vec![
        ("level".into(), "member".into()),
        ("pass".into(), "current".into()),
        ("repo".into(), repo),
    ]);
    let page = |page: u64| {
        let rows: Vec<Json> = (page * PAGE..(page + 1) * PAGE).map(row).collect();
        serde_json::to_vec(&rows).expect("JSON")
    };
    let stream = manifest.document().stream.position(stream).expect("there is such a stream");
    Case { name, manifest, stream, scope, pages: (0..PAGES).map(page).collect() }
}

/// Reads every page; the number of records that came out.
fn read(case: &Case) -> u64 {
    let mut collector = Collector::default();
    let mut records = 0;
    for page in &case.pages {
        let body = from_slice(page).expect("JSON");
        let mut drafts = Drafts::default();
        for item in body.try_iter().expect("a list") {
            case.manifest.emit(case.stream, 0, &case.scope.with_item(item), &mut drafts);
        }
        records += black_box(std::mem::take(&mut drafts.records)).len() as u64;
        collector.hold(drafts.held);
    }
    records + black_box(collector.finish(&case.manifest, &case.scope, &|_| true)).records.len() as u64
}

fn main() {
    let mut criterion = Criterion::default().sample_size(20).configure_from_args();
    let mut group = criterion.benchmark_group("pages into records");
    for case in [
        case("okta", "users", "okta users, 12 fields, merged", okta_user),
        case("github", "members", "github members, account and grant", github_member),
        case("github", "repo_direct", "github collaborators, entitlement and grant", github_member),
    ] {
        group.throughput(Throughput::Elements(read(&case)));
        group.bench_with_input(BenchmarkId::from_parameter(case.name), &case, |bencher, case| {
            bencher.iter(|| read(black_box(case)));
        });
    }
    group.finish();
    criterion.final_summary();
}
