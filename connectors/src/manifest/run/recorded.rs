//! A system that is read from exchanges which were recorded or written before: no network, no credential, no waiting.
//!
//! `exchanges = "folder"` in the system's settings names the folder; `exchanges.json` in it is what
//! [the tests of manifests](super::fixture) play. Its `now` is the instant at which the answers left the system. A request that no
//! exchange answers is a gap of its list, as any request that fails; one that nobody asks for is left alone.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use jiff::Timestamp;

use super::clock::VirtualClock;
use super::connector::{Given, ManifestConnector};
use super::exchange::Replay;
use super::fixture::Scene;
use super::keys;
use crate::manifest::Manifest;
use crate::scope::{Gap, SourceFile};
use crate::secret::{CredentialSource, Environment};
use crate::source_file;

/// Longest file of exchanges that is read.
const MOST_BYTES: u64 = 1 << 30;

/// A connector over recorded exchanges.
#[derive(Debug)]
pub(super) struct Recorded {
    pub(super) connector: ManifestConnector,
    /// When the exchanges were recorded.
    pub(super) now: Timestamp,
    /// The file, for reports.
    pub(super) file: SourceFile,
}

/// The connector for the exchanges of `folder`, which counts from the config's. What `muster.toml` says goes over what the file says.
///
/// # Errors
/// Why the file cannot be used.
pub(super) fn staged(manifest: &Arc<Manifest>, given: &Given, folder: &Path) -> Result<Recorded, Box<Gap>> {
    let path = folder.join("exchanges.json");
    let (content, mut file) = source_file::open(&given.folder, &path)?;
    let wrong = |what: String| {
        let gap = Gap::new("COL100", format!("cannot read the exchanges of `{}`", path.display())).cause(what);
        Box::new(gap.fix("docs/formats/exchanges.md has the shape; `muster connectors record` writes such a folder"))
    };
    if file.bytes > MOST_BYTES {
        return Err(wrong(format!("it has {} bytes, and {MOST_BYTES} are read at most", file.bytes)));
    }
    let scene: Scene =
        serde_json::from_reader(std::io::BufReader::new(content)).map_err(|error| wrong(error.to_string()))?;
    let mut config = scene.config;
    config.extend(given.config.clone());
    let document = manifest.document();
    for (name, field) in document.config.iter() {
        if !(config.contains_key(name) || field.default.is_some() || field.optional) {
            return Err(wrong(format!("neither the file nor the settings say `{name}`: {}", field.help)));
        }
    }
    let way = given.way.clone().or(scene.auth);
    if let Some(way) = way.as_deref().filter(|way| document.auth.get(way).is_none()) {
        return Err(wrong(format!("there is no way to sign in called `{way}`")));
    }
    let names = manifest.scope(&config, scene.now);
    let base = document.http.base.text(&names).map_err(|error| wrong(error.to_string()))?;
    let base = base.unwrap_or_default();
    let base = base.parse().map_err(|error| wrong(format!("the address `{base}` is no URL: {error}")))?;
    let envelope = manifest.envelope(&names).map_err(|trouble| wrong(trouble.gap("the bundle").what))?;
    let replay = Replay::new(&base, &scene.exchanges).map_err(wrong)?.apart(envelope);
    let chosen = way.as_deref().or_else(|| document.auth.names().next());
    let (mut environment, mut secrets) = (Environment::new(), BTreeMap::new());
    for name in document.secrets.names() {
        let value = match scene.secrets.get(name) {
            Some(invented) => invented.clone(),
            None => keys::invented(manifest, name, chosen).map_err(wrong)?,
        };
        environment.insert(name.to_owned(), value);
        secrets.insert(name.to_owned(), CredentialSource::Env(name.to_owned()));
    }
    file.collected = file.collected.or(Some(scene.now));
    let given = Given { config, secrets, way, environment: Arc::new(environment), ..Given::default() };
    let clock = Arc::new(VirtualClock::new(scene.now, 1));
    let connector = ManifestConnector::over(Arc::clone(manifest), given, clock, Arc::new(replay));
    Ok(Recorded { connector, now: scene.now, file })
}
