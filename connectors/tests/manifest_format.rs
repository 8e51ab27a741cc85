//! The format of manifests: what loads, what is refused and where, and what items become.

use std::collections::BTreeMap;

use muster_connectors::manifest::value::from_json;
use muster_connectors::manifest::{CATALOG, Collector, Drafts, Manifest, Merged, Scope, Severity};
use muster_connectors::record::{Account, AccountClass, Fact, Lifecycle, Raw, Record, RecordKind};
use serde_json::{Value as Json, json};

const NOW: jiff::Timestamp = jiff::Timestamp::UNIX_EPOCH;

/// A manifest that loads, with a hole for more.
fn with(more: &str) -> String {
    format!(
        r#"
schema  = 1
id      = "odd"
name    = "Odd"
class   = "saas"
api     = "v1"
checked = "2026-11-20"
[config]
url = {{ type = "url" }}
[secrets]
key = {{ help = "the key" }}
[http]
base = "${{config.url}}"
[auth.key]
kind  = "bearer"
token = "${{secret.key}}"
[check]
get = "/me"
[pager.link]
kind = "link"
{more}
"#
    )
}

const USERS: &str = r#"
[stream.users]
get   = "/users"
items = "."
page  = "link"
[[stream.users.emit]]
as = "account"
id = "id | str"
"#;

/// Problems of a manifest, as one text; empty when there is none.
fn problems(text: &str) -> String {
    let found = match Manifest::parse(text, None) {
        Ok(manifest) => manifest.warnings().to_vec(),
        Err(problems) => problems,
    };
    found.iter().map(|problem| format!("{problem}\n")).collect()
}

/// What items of the streams become when all streams were complete.
fn emitted(manifest: &Manifest, items: &[(&str, Json)], complete: &dyn Fn(&str) -> bool) -> (Vec<Record>, Drafts, Merged) {
    let config: BTreeMap<String, Json> = BTreeMap::from([("url".to_owned(), json!("https://x.example")), ("org".to_owned(), json!("acme"))]);
    let scope = manifest.scope(&config, NOW);
    let (mut drafts, mut collector) = (Drafts::default(), Collector::default());
    manifest.emit_builtins(&scope, &mut drafts);
    for (stream, item) in items {
        let index = manifest.document().stream.position(stream).unwrap();
        manifest.emit(index, 0, &scope.with_item(from_json(item)), &mut drafts);
    }
    collector.hold(std::mem::take(&mut drafts.held));
    let mut merged = collector.finish(manifest, &scope, complete);
    let mut records = std::mem::take(&mut drafts.records);
    records.append(&mut merged.records);
    (records, drafts, merged)
}

fn account<'a>(records: &'a [Record], id: &str) -> &'a Account {
    let found = records.iter().find_map(|record| match record {
        Record::Account(account) if account.id == id => Some(account),
        _ => None,
    });
    found.unwrap_or_else(|| panic!("no account {id}"))
}

#[test]
fn the_whole_catalogue_loads_without_a_warning() {
    for entry in CATALOG {
        let found = problems(entry.text);
        assert_eq!(found, "", "{}", entry.id);
        assert_eq!(entry.manifest().unwrap().id(), entry.id);
    }
}

#[test]
fn a_small_manifest_loads_and_emits() {
    let manifest = Manifest::parse(&with(USERS), None).unwrap();
    let (records, drafts, _) = emitted(&manifest, &[("users", json!({"id": 7, "secret": "x"}))], &|_| true);
    assert!(drafts.losses.is_empty());
    assert_eq!(account(&records, "7").raw, Raw::Object(r#"{"id":7}"#.to_owned()), "only what expressions name is kept");
}
