//! A manifest of the catalogue, a vendor, and what comes out.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use jsonwebtoken::{Algorithm, DecodingKey, Validation};
use muster_connectors::manifest::Manifest;
use muster_connectors::manifest::run::clock::VirtualClock;
use muster_connectors::scope::{ScopeReport, ScopeState};
use muster_connectors::secret::Environment;
use muster_testbeds::scripted_http::{Request, Response};
use muster_testbeds::vendor::{Asked, Vendor};
use serde_json::{Value, json};

use crate::collected::{Collected, TOKEN, collect, configured_in};
use crate::manifests::{by_clock, parsed};
use crate::schemas::contract::Contract;

/// The clock of every test.
pub(crate) const NOW: &str = "2026-11-20T10:00:00Z";

/// A manifest of the catalogue and how it is set up.
pub(crate) struct System {
    pub(crate) id: &'static str,
    /// Keys of `muster.toml`, without the address of the server.
    pub(crate) settings: String,
    pub(crate) environment: Environment,
    /// Headers that sign a request.
    pub(crate) signed: Vec<(&'static str, String)>,
    /// What the expressions of changes name, beside what they name for every system: `credential`, `present` …
    pub(crate) given: Value,
}

impl System {
    /// With `TOKEN` in the environment.
    pub(crate) fn new(id: &'static str, settings: &str) -> Self {
        let environment = Environment::from([("TOKEN".to_owned(), TOKEN.to_owned())]);
        let signed = vec![("authorization", format!("Bearer {TOKEN}"))];
        Self { id, settings: settings.to_owned(), environment, signed, given: Value::Null }
    }

    /// The manifest of the catalogue.
    pub(crate) fn manifest(&self) -> Manifest {
        let path = folder().join(format!("catalog/{}.toml", self.id));
        Manifest::load(&path).unwrap_or_else(|problems| panic!("{problems:?}"))
    }

    /// Collects with a manifest of this text.
    pub(crate) async fn collect_as(&self, text: &str, url: &str) -> Collected {
        let (manifest, clock) = (parsed(text), Arc::new(VirtualClock::new(NOW.parse().unwrap(), 7)));
        let settings = format!(r#"base_url = "{url}", {}"#, self.settings.replace("{url}", url));
        let connector = configured_in(by_clock(&manifest, clock), ".", &settings, self.environment.clone()).unwrap();
        let collected = collect(&*connector).await;
        collected.assert_honest();
        collected
    }

    /// Collects, and asserts that all that was asked was accepted, that every stream was asked for, that every list but
    /// `unpaged` went on to its second page, that nothing is missing, and that there are records of every promised kind.
    pub(crate) async fn assert_accepted(&self, vendor: &Vendor, unpaged: &[&str]) -> Collected {
        let manifest = self.manifest();
        let collected = self.collect_as(manifest.text(), &vendor.url()).await;
        assert_eq!(vendor.refused(), Vec::<String>::new());
        assert!(collected.result.is_ok(), "{:?}", collected.result);
        let gaps: Vec<_> = collected.reports.iter().flat_map(|report| collected.gaps(&report.scope)).collect();
        assert!(gaps.is_empty(), "{gaps:#?}");
        collected.assert_complete();
        let asked = vendor.asked();
        for (name, call) in streams(&manifest) {
            assert!(
                asked.iter().any(|asked| fits(&call, &asked.path)),
                "stream {name} ({call}) did not ask: {asked:?}"
            );
        }
        let paths =
            |asked: &mut dyn Iterator<Item = &Asked>| asked.map(|call| call.path.clone()).collect::<BTreeSet<_>>();
        let second = paths(&mut asked.iter().filter(|call| call.second_page));
        let once: Vec<String> = paths(&mut asked.iter()).difference(&second).cloned().collect();
        assert_eq!(once, unpaged, "calls without a second page");
        assert_eq!(made_up(vendor), BTreeSet::new(), "the front answers what the vendor does not describe");
        for kind in manifest.kinds() {
            assert!(!collected.of(kind).is_empty(), "no {kind}: {:?}", collected.lines());
        }
        collected
    }

    /// Puts a slip into the manifest and asserts that the server refuses it, in words that hold `why`, and that the collection
    /// is not complete.
    pub(crate) async fn assert_refused(&self, vendor: &Vendor, slip: (&str, &str), why: &str) {
        let manifest = self.manifest();
        assert!(manifest.text().contains(slip.0), "`{}` is not in the manifest of {}", slip.0, self.id);
        let before = vendor.refused().len();
        let collected = self.collect_as(&manifest.text().replace(slip.0, slip.1), &vendor.url()).await;
        let refused = &vendor.refused()[before..];
        assert!(refused.iter().any(|line| line.contains(why)), "{why}: {refused:#?}");
        // A list that only adds to accounts costs the fields that it would have had.
        let whole = |report: &ScopeReport| {
            report.state() == ScopeState::Complete && report.kinds.values().all(|kind| kind.withheld.is_empty())
        };
        let complete = collected.result.is_ok() && collected.reports.iter().all(whole);
        assert!(!complete, "{slip:?}: refused, and told as complete");
    }
}

/// What is wrong with answers that the front changed, and was not wrong with them before: an example of a vendor's need not be as
/// its schema says.
fn made_up(vendor: &Vendor) -> BTreeSet<String> {
    let contract = Contract::of(vendor.description().clone());
    let mut found = BTreeSet::new();
    for changed in vendor.changed() {
        let told = |reply: &Value| {
            contract.problems(&json!({"request": changed.request, "status": changed.status, "reply": reply}))
        };
        let before = told(&changed.given);
        // What OData adds to a list is described nowhere.
        let new = |line: &String| !before.contains(line) && !line.contains("/@odata.");
        found.extend(told(&changed.sent).into_iter().filter(new));
    }
    found
}

/// The folder of this crate.
fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).to_owned()
}

/// A description of `connectors/specs`.
pub(crate) fn description(name: &str) -> Value {
    let path = folder().join("specs").join(name);
    serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap()
}

/// The written exchanges of a system.
pub(crate) fn fixture(id: &str) -> Vec<Value> {
    let path = folder().join("fixtures").join(id).join("exchanges.json");
    let mut scene: Value = serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap();
    serde_json::from_value(scene["exchanges"].take()).unwrap()
}

/// Whether a request carries the token of the tests behind `word` (`Bearer`).
pub(crate) fn carries(request: &Request, word: &str) -> bool {
    request.header("authorization") == Some(format!("{word} {TOKEN}").as_str())
}

/// A token for whoever posts just these keys of a form with these values. Client and secret may come as the
/// form's `client_id` and `client_secret` or as basic authentication: `app` and the token of the tests.
pub(crate) fn token_for(request: &Request, expected: &[(&str, &str)]) -> Response {
    let mut form: BTreeMap<String, String> = url::form_urlencoded::parse(&request.body).into_owned().collect();
    let basic = format!("Basic {}", STANDARD.encode(format!("app:{TOKEN}")));
    let in_form =
        form.remove("client_id").as_deref() == Some("app") && form.remove("client_secret").as_deref() == Some(TOKEN);
    assert!(in_form || request.header("authorization") == Some(&basic), "no credential of the client: {form:?}");
    let expected: BTreeMap<String, String> =
        expected.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    assert_eq!(form, expected);
    Response::json(json!({"access_token": TOKEN, "expires_in": 3600, "token_type": "Bearer"}).to_string())
}

/// What the assertion of a JWT bearer grant says, which the key behind `public` has to have signed.
pub(crate) fn asserted(request: &Request, public: &str) -> Value {
    let form: Vec<(String, String)> = url::form_urlencoded::parse(&request.body).into_owned().collect();
    let [(grant, kind), (name, assertion)] = form.as_slice() else { panic!("{form:?}") };
    assert_eq!((grant.as_str(), name.as_str()), ("grant_type", "assertion"));
    assert_eq!(kind, "urn:ietf:params:oauth:grant-type:jwt-bearer");
    let mut validation = Validation::new(Algorithm::RS256);
    validation.validate_exp = false;
    validation.validate_aud = false;
    let key = DecodingKey::from_rsa_pem(public.as_bytes()).unwrap();
    jsonwebtoken::decode::<Value>(assertion, &key, &validation).unwrap().claims
}

/// Names and addresses of the streams, with `*` where something is put in.
fn streams(manifest: &Manifest) -> Vec<(String, String)> {
    let names = manifest.document().stream.len();
    let streams = (0..names).map(|index| manifest.stream(index));
    let called = streams.filter_map(|(name, stream)| {
        let mut address = String::new();
        let mut rest = stream.call.as_ref()?.address()?.source();
        while let Some((before, after)) = rest.split_once("${") {
            address.push_str(before);
            address.push('*');
            rest = after.split_once('}').map_or("", |(_, rest)| rest);
        }
        Some((name.to_owned(), address + rest))
    });
    called.collect()
}

/// Whether an address with `*` in it means the end of this described path, whose parameters may be given.
fn fits(address: &str, path: &str) -> bool {
    let (address, path): (Vec<&str>, Vec<&str>) = (address.split('/').skip(1).collect(), path.split('/').collect());
    let Some(skipped) = path.len().checked_sub(address.len()) else { return false };
    address.iter().zip(&path[skipped..]).all(|(piece, told)| *piece == "*" || piece == told || told.starts_with('{'))
}
