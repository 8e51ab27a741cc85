//! Manifests of a few lines, and how a test runs one.

#![allow(dead_code, reason = "each test program uses its part")]

use std::sync::Arc;

use muster_connectors::manifest::run::ManifestConnector;
use muster_connectors::manifest::run::clock::Clock;
use muster_connectors::manifest::{Manifest, Problem};
use muster_connectors::{Connector, Settings, SettingsError};

/// How every manifest begins.
pub(crate) const HEAD: &str = r#"
schema = 1
id = "probe"
name = "Probe"
class = "saas"
api = "v1"
checked = "2026-11-20"
"#;

/// The setting `base_url`.
pub(crate) const CONFIG: &str = r#"
[config]
base_url = { type = "url", help = "where it is" }
"#;

/// The server is where [`CONFIG`] says.
pub(crate) const HTTP: &str = r#"
[http]
base = "${config.base_url}"
"#;

/// A page names the next one.
pub(crate) const CURSOR: &str = r#"{ kind = "cursor", from = "next", into = "query.cursor" }"#;

/// Accounts at `/users` with rows `{"id": …, "login": …}`, paged as [`CURSOR`] says.
pub(crate) const USERS: &str = r#"
[stream.users]
get = "/users"
items = "users"
page = { kind = "cursor", from = "next", into = "query.cursor" }
[[stream.users.emit]]
as = "account"
id = "id | str"
login = "item.login"
"#;

/// [`USERS`], paged in another way.
pub(crate) fn users(page: &str) -> String {
    USERS.replacen(CURSOR, page, 1)
}

/// The manifest of this text, which has to be good.
pub(crate) fn parsed(text: &str) -> Arc<Manifest> {
    match Manifest::parse(text, None) {
        Ok(manifest) => Arc::new(manifest),
        Err(problems) => panic!("{}\n{text}", lines(&problems)),
    }
}

/// What is said about a manifest when it is loaded: warnings, or what it is refused for.
pub(crate) fn problems(text: &str) -> String {
    match Manifest::parse(text, None) {
        Ok(manifest) => lines(manifest.warnings()),
        Err(problems) => lines(&problems),
    }
}

fn lines(problems: &[Problem]) -> String {
    problems.iter().map(|problem| format!("{problem}\n")).collect()
}

/// How settings become a connector that runs a manifest by this clock.
pub(crate) fn by_clock(
    manifest: &Arc<Manifest>,
    clock: Arc<dyn Clock>,
) -> impl Fn(Settings<'_>) -> Result<Box<dyn Connector>, SettingsError> + use<> {
    let manifest = Arc::clone(manifest);
    move |settings| {
        let connector = ManifestConnector::configure_clocked(Arc::clone(&manifest), settings, Arc::clone(&clock))?;
        Ok(Box::new(connector))
    }
}
