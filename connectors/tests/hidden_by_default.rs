//! What list calls leave out unless they are asked, and that our manifests ask.
//!
//! Each [`Row`] is a server that hides something as its vendor does. Read with the manifest of the catalogue it must show; with
//! the manifest less the one clause that asks for it, it must not: else the row proves nothing.

#![expect(clippy::unwrap_used, reason = "a test program stops at the first surprise")]

mod collected;
mod manifests;
/// The rows, by the class of their systems.
mod hidden_by_default {
    mod hr;
    mod idp;
    mod infra;
    mod saas;

    use super::Row;

    /// Every row.
    pub(super) const ROWS: &[&[Row]] = &[hr::ROWS, idp::ROWS, infra::ROWS, saas::ROWS];
}

use std::sync::{Arc, OnceLock};

use muster_connectors::manifest::catalogued;
use muster_connectors::manifest::run::clock::VirtualClock;
use muster_connectors::record::{Record, RecordKind};
use muster_connectors::scope::ScopeState;
use muster_connectors::secret::Environment;
use muster_testbeds::scripted_http::{Request, Response, ScriptedHttp};
use serde_json::{Value, json};

use crate::collected::{Collected, TOKEN, collect, configured_in};
use crate::manifests::{by_clock, parsed};

/// One thing that one list call hides.
struct Row {
    /// Id of the manifest in the catalogue.
    system: &'static str,
    /// What is hidden, in words.
    hides: &'static str,
    /// Settings beside `base_url`; credentials are `{ env = "TOKEN" }`, a private key in PEM `{ env = "KEY" }`.
    settings: &'static str,
    /// The vendor: hides the row unless it is asked as its documentation says.
    vendor: fn(&Request) -> Response,
    /// Whether what is hidden came out.
    shows: fn(&Collected) -> bool,
    /// What the manifest says to get it, and what a manifest that never heard of it says instead.
    without: (&'static str, &'static str),
}

impl Collected {
    /// A record of this kind and id, as JSON; null when there is none.
    fn record(&self, kind: RecordKind, id: &str) -> Value {
        let records = self.records.iter().filter(|record| record.kind() == kind);
        let mut records = records.map(|record| serde_json::to_value(record).unwrap());
        records.find(|record| record["id"] == id).unwrap_or_default()
    }

    /// Whether `member` is one of `group`.
    fn has_member(&self, member: &str, group: &str) -> bool {
        let is = |record: &Record| matches!(record, Record::Membership(edge) if edge.member == member && edge.group == group);
        self.records.iter().any(is)
    }

    /// Whether every scope that promised this kind read it whole.
    fn whole(&self, kind: RecordKind) -> bool {
        let mut reports = self.reports.iter().filter_map(|report| report.kinds.get(&kind)).peekable();
        self.result.is_ok() && reports.peek().is_some() && reports.all(|report| report.state == ScopeState::Complete)
    }

    /// Whether nobody can take what came out for everything: a gap says why, in these words.
    fn tells(&self, kind: RecordKind, why: &str) -> bool {
        let gaps = self.reports.iter().filter_map(|report| report.kinds.get(&kind)).flat_map(|report| &report.gaps);
        !self.whole(kind) && gaps.filter_map(|gap| gap.cause.as_ref()).any(|cause| cause.contains(why))
    }
}

/// A list in the reply's `key`, less what is hidden.
fn listed(key: &str, rows: Value) -> Response {
    Response::json(json!({ key: rows }).to_string())
}

/// A private key, made once.
fn private_key() -> String {
    static KEY: OnceLock<String> = OnceLock::new();
    KEY.get_or_init(|| rcgen::KeyPair::generate_for(&rcgen::PKCS_RSA_SHA256).unwrap().serialize_pem()).clone()
}

/// Reads the vendor with this manifest.
async fn read(row: &Row, text: &str) -> Collected {
    let clock = Arc::new(VirtualClock::new("2026-11-20T10:00:00Z".parse().unwrap(), 1));
    let server = ScriptedHttp::start(row.vendor);
    let environment = [("TOKEN".to_owned(), TOKEN.to_owned()), ("KEY".to_owned(), private_key())];
    let settings = row.settings.replace("{url}", &server.url());
    let settings = format!(r#"base_url = "{}", {settings}"#, server.url());
    let connector = configured_in(by_clock(&parsed(text), clock), ".", &settings, Environment::from(environment));
    let collected = collect(&*connector.unwrap_or_else(|error| panic!("{}: {error:?}", row.system))).await;
    collected.assert_honest();
    collected
}

#[tokio::test]
async fn what_is_hidden_by_default_comes_out_all_the_same() {
    let mut told = String::new();
    for row in hidden_by_default::ROWS.iter().copied().flatten() {
        let Row { system, hides, without: (clause, instead), shows, .. } = row;
        let text = catalogued(system).unwrap_or_else(|| panic!("`{system}` is not in the catalogue")).text;
        assert_eq!(text.matches(clause).count(), 1, "{system}, {hides}: the manifest says `{clause}` exactly once");
        let collected = read(row, text).await;
        if !shows(&collected) {
            told.push_str(&format!("{system}: hidden: {hides}\n{collected:#?}\n"));
        }
        if shows(&read(row, &text.replace(clause, instead)).await) {
            told.push_str(&format!("{system}: {hides}: comes out without `{clause}`, so the row proves nothing\n"));
        }
    }
    assert!(told.is_empty(), "{told}");
}
