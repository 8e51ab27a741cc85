//! Proving that nothing in the store changed since it was written.

use std::collections::BTreeMap;
use std::path::PathBuf;

use rayon::prelude::*;

use super::error::StoreError;
use super::manifest::{self, Manifest};
use super::{Store, objects};

/// What was found by re-hashing everything.
#[derive(Debug, Default)]
pub struct Verification {
    /// Snapshots whose manifests were checked.
    pub snapshots: usize,
    /// Of these, pruned ones.
    pub pruned: usize,
    /// Objects that were hashed.
    pub objects: usize,
    /// Bytes of them.
    pub bytes: u64,
    /// What is not as it should be; empty when all is well.
    pub damage: Vec<Damage>,
}

/// One thing that is not as it should be.
#[derive(Debug)]
pub struct Damage {
    /// The file.
    pub path: PathBuf,
    /// What is wrong with it.
    pub what: String,
    /// What that concerns: `snapshot 7: grants of aws:account/1`; empty for a manifest.
    pub concerns: Vec<String>,
    /// What to do.
    pub fix: String,
}

impl Store {
    /// Re-hashes every manifest, every object they name and what checks found, and follows the chain of hashes.
    ///
    /// Cost: reads the whole store once.
    ///
    /// # Errors
    /// [`StoreError::File`] when the folder of manifests cannot be listed. Damage is no error: it is the answer.
    pub fn verify(&self) -> Result<Verification, StoreError> {
        let mut found = Verification::default();
        let mut manifests = Vec::new();
        for path in manifest::files(self.root())? {
            found.snapshots += 1;
            match manifest::load(&path) {
                Ok(manifest) => manifests.push((path, manifest)),
                Err(error) => found.damage.push(Damage::of(path, &error, Vec::new())),
            }
        }
        found.pruned = manifests.iter().filter(|(_, manifest)| manifest.pruned).count();
        found.damage.extend(broken_links(&manifests));
        let links = self.check_links(&manifests, &mut found.damage);
        let mut used = uses(manifests.iter().map(|(_, manifest)| manifest));
        for (number, hash) in &links {
            used.entry(hash).or_default().push(format!("snapshot {number}: links of its check"));
        }
        let checked: Vec<Result<u64, Damage>> = used
            .into_par_iter()
            .map(|(hash, concerns)| {
                objects::read(self.root(), hash, || concerns.join("; "))
                    .map(|bytes| bytes.len() as u64)
                    .map_err(|error| Damage::of(objects::path(self.root(), hash), &error, concerns))
            })
            .collect();
        found.objects = checked.len();
        for object in checked {
            match object {
                Ok(bytes) => found.bytes += bytes,
                Err(damage) => found.damage.push(damage),
            }
        }
        Ok(found)
    }

    /// The objects that the checks of unpruned snapshots need. Checks that cannot be read are damage.
    fn check_links(&self, manifests: &[(PathBuf, Manifest)], damage: &mut Vec<Damage>) -> BTreeMap<u64, String> {
        let mut links = BTreeMap::new();
        for (_, manifest) in manifests {
            let number = manifest.header.sequence;
            let concerns = vec![format!("snapshot {number}: findings of its check")];
            if let Err(error) = self.read_check(number) {
                let fix = format!("run `muster check --snapshot {number}` to judge it again");
                let path = self.root().join("checks").join(format!("{number:06}.json"));
                damage.push(Damage { fix, ..Damage::of(path, &error, concerns) });
            } else if !manifest.pruned
                && let Ok(found) = self.link_objects(std::iter::once(number))
            {
                links.extend(found);
            }
        }
        links
    }
}

impl Verification {
    /// Whether nothing is wrong.
    pub fn is_sound(&self) -> bool {
        self.damage.is_empty()
    }
}

impl Damage {
    fn of(path: PathBuf, error: &StoreError, concerns: Vec<String>) -> Self {
        Self { path, what: error.to_string(), concerns, fix: error.fix() }
    }
}

/// Manifests that do not follow the one before them.
fn broken_links(manifests: &[(PathBuf, Manifest)]) -> Vec<Damage> {
    let mut damage = Vec::new();
    let mut before: Option<&Manifest> = None;
    for (path, manifest) in manifests {
        let expected = before.map(|before| before.id.as_str());
        if manifest.header.previous.as_deref() != expected {
            let said = manifest.header.previous.as_deref().unwrap_or("no snapshot");
            let stands = expected.unwrap_or("no readable snapshot");
            damage.push(Damage {
                path: path.clone(),
                what: format!("the chain is broken: it follows {said}, but {stands} stands before it"),
                concerns: vec![format!("snapshot {}", manifest.header.sequence)],
                fix: "restore the missing manifest in `snapshots/` from a backup; this snapshot itself is readable"
                    .to_owned(),
            });
        }
        before = Some(manifest);
    }
    damage
}

/// Every object with what it is part of.
fn uses<'a>(manifests: impl Iterator<Item = &'a Manifest>) -> BTreeMap<&'a str, Vec<String>> {
    let mut uses: BTreeMap<&str, Vec<String>> = BTreeMap::new();
    for manifest in manifests {
        for view in manifest.kinds() {
            for part in view.entry.parts.iter().chain(view.entry.carried.iter().flat_map(|layer| &layer.parts)) {
                let number = manifest.header.sequence;
                let concern = format!("snapshot {number}: {} of {}:{}", part.table, view.system, view.scope);
                uses.entry(&part.object).or_default().push(concern);
            }
        }
    }
    uses
}
