//! Children whose parent is said to have vanished: gone when the parents' lists, read again, do not have it; else a gap.

use std::collections::HashSet;
use std::sync::atomic::Ordering;
use std::sync::{Arc, PoisonError};

use super::partitions::{Origin, Parent, fits};
use super::{Collection, Shared, Tally};
use crate::manifest::run::listing::{End, Listing, fingerprint_of};
use crate::manifest::run::trouble::Trouble;
use crate::manifest::run::wire::{Outgoing, Purpose};
use crate::scope::Gap;

/// A child that is said to have vanished with its parent.
#[derive(Debug)]
pub(super) struct Goner {
    pub(super) origin: Arc<Origin>,
    /// The parents that it was asked for, as [`keys`] tells them.
    pub(super) keys: Vec<u128>,
    pub(super) gap: Gap,
}

/// What the parents of a list are known by from one reading to the next: all that its call asks (where it goes, headers, body). Of a
/// call for several parents each by its own key, for they may be put together otherwise the next time.
pub(super) fn keys(origin: &Origin, request: &Outgoing) -> Vec<u128> {
    if !origin.batch.is_empty() {
        return origin.batch.keys().map(|key| fingerprint_of("batch", key)).collect();
    }
    let mut asked = format!("{} {}\n", request.method, request.url);
    for (name, value) in &request.headers {
        asked.extend([name.as_str(), ":", &String::from_utf8_lossy(value.as_bytes()), "\n"]);
    }
    asked.push_str(&String::from_utf8_lossy(&request.body));
    vec![fingerprint_of("call", &asked)]
}

impl Collection<'_> {
    /// Asks the parents' lists once more whether what is gone is really gone: what still stands there is a gap.
    pub(super) async fn confirm(&self, index: usize, tally: &Tally, shared: &Shared) -> Result<(), Trouble> {
        let goners = std::mem::take(&mut *tally.goners.lock().unwrap_or_else(PoisonError::into_inner));
        let Some(parent) = self.manifest.parent(index).filter(|_| !goners.is_empty()) else { return Ok(()) };
        let still = self.still_there(index, parent, shared).await?;
        for goner in goners {
            match &still {
                Ok(listed) if !goner.keys.iter().any(|key| listed.contains(key)) => {
                    tally.whole.fetch_add(1, Ordering::Relaxed);
                    self.sink
                        .progress()
                        .note(&format!("{}: vanished while it was read ({})", goner.origin.name, goner.gap.what));
                }
                Ok(_) => {
                    let said = goner.gap.cause.clone().unwrap_or_default();
                    let gap = goner.gap.cause(format!("what it belongs to is still listed ({said})"));
                    tally.note(&gap);
                    shared.gap(index, &gap).await;
                }
                Err(why) => {
                    let gap = goner.gap.cause(format!("whether it vanished cannot be told: {}", why.what));
                    tally.note(&gap);
                    shared.gap(index, &gap).await;
                }
            }
        }
        Ok(())
    }

    /// The parents that a child stream would ask for, were its parents read again now; or why they cannot be.
    async fn still_there(
        &self,
        child: usize,
        parent: usize,
        shared: &Shared,
    ) -> Result<Result<HashSet<u128>, Gap>, Trouble> {
        if shared.ends[parent].get().is_none_or(|ended| ended.gap.is_some()) && self.manifest.parent(parent).is_some() {
            let gap = Gap::new("COL073", "the list of what it belongs to is not whole");
            return Ok(Err(gap.cause("it was not read whole the first time").fix("collect this system again")));
        }
        let lists: Vec<Arc<Origin>> = match self.manifest.parent(parent) {
            None => self.partitions(parent, None),
            Some(grandparent) => match self.rows(grandparent).await? {
                Ok(parents) => {
                    let (_, block) = self.manifest.stream(parent);
                    let fits = parents.into_iter().filter(|above| fits(block, above).unwrap_or(false));
                    fits.flat_map(|above| self.partitions(parent, Some(&[above]))).collect()
                }
                Err(gap) => return Ok(Err(gap)),
            },
        };
        let (_, block) = self.manifest.stream(child);
        let call = self.plan(child, true)?.call;
        let mut listed = HashSet::new();
        for origin in lists {
            let mut listing = Listing::new(self.session, self.plan(parent, false)?, origin.names.clone(), &origin.name);
            while let Some(rows) = listing.next().await? {
                for item in rows {
                    let above = Parent { origin: Arc::clone(&origin), names: origin.names.clone(), item };
                    if !fits(block, &above).unwrap_or(true) {
                        continue;
                    }
                    for origin in self.partitions(child, Some(&[above])) {
                        let request = self.session.foundation().request(call, &origin.names, Purpose::Read, &[])?;
                        listed.extend(keys(&origin, &request));
                    }
                }
            }
            if let End::Gap(gap) | End::Failed(gap) | End::Gone(gap) | End::Blind(gap) = listing.finish() {
                return Ok(Err(gap));
            }
        }
        Ok(Ok(listed))
    }

    /// The items of a root stream, read again.
    async fn rows(&self, index: usize) -> Result<Result<Vec<Parent>, Gap>, Trouble> {
        let mut parents = Vec::new();
        if self.manifest.parent(index).is_some() {
            let gap = Gap::new("COL073", "what it belongs to is nested too deep to be read again");
            return Ok(Err(gap.cause("only two levels of parents are read again").fix("collect this system again")));
        }
        for origin in self.partitions(index, None) {
            let mut listing = Listing::new(self.session, self.plan(index, false)?, origin.names.clone(), &origin.name);
            while let Some(rows) = listing.next().await? {
                let parent = |item| Parent { origin: Arc::clone(&origin), names: origin.names.clone(), item };
                parents.extend(rows.into_iter().map(parent));
            }
            if let End::Gap(gap) | End::Failed(gap) | End::Gone(gap) | End::Blind(gap) = listing.finish() {
                return Ok(Err(gap));
            }
        }
        Ok(Ok(parents))
    }
}
