//! Which lists a stream consists of: for each parent, or batch of them, and each combination of its `over`.

use std::collections::HashMap;
use std::sync::Arc;

use futures::stream::{self, StreamExt as _};
use tokio::sync::mpsc;

use super::{Collection, Shared, Tally};
use crate::manifest::load::from_toml;
use crate::manifest::model::Stream;
use crate::manifest::run::listing::fingerprint;
use crate::manifest::run::trouble::Trouble;
use crate::manifest::scope::Scope as Names;
use crate::manifest::value::{Value, is_null, text};

/// An item that children are read for.
#[derive(Debug, Clone)]
pub(super) struct Parent {
    /// The list it stands in.
    pub(super) origin: Arc<Origin>,
    /// What could be named where it was read: its own parents.
    pub(super) names: Names,
    pub(super) item: Value,
}

/// One list of a stream: for one parent and one combination of its `over`.
#[derive(Debug)]
pub(super) struct Origin {
    pub(super) names: Names,
    /// What the list is called.
    pub(super) name: String,
    /// Order among the partitions of the stream, the same in every run.
    pub(super) rank: u64,
    /// The parents of a batch, each with its names, by their key.
    pub(super) batch: HashMap<String, Names>,
}

impl Collection<'_> {
    /// The lists of a child stream, one parent after the other.
    pub(super) fn origins<'s>(
        &'s self,
        index: usize,
        queue: mpsc::Receiver<Parent>,
        tally: &'s Tally,
        shared: &'s Shared,
    ) -> impl futures::Stream<Item = Arc<Origin>> + Send + 's {
        let (_, block) = self.manifest.stream(index);
        let size = block.batch.as_ref().map_or(1, |batch| batch.size.max(1) as usize);
        let parents = stream::unfold(queue, |mut queue| async { queue.recv().await.map(|parent| (parent, queue)) });
        parents
            .filter_map(move |parent| async move {
                let fits = fits(block, &parent);
                match fits {
                    Ok(true) => Some(parent),
                    Ok(false) => None,
                    Err(trouble) => {
                        let gap = trouble.gap(&parent.origin.name);
                        tally.note(&gap);
                        shared.gap(index, &gap).await;
                        None
                    }
                }
            })
            .chunks(size)
            .flat_map(move |parents| stream::iter(self.partitions(index, Some(&parents))))
    }

    /// Every combination of `over`, for these parents: one, or a batch of them.
    pub(super) fn partitions(&self, index: usize, parents: Option<&[Parent]>) -> Vec<Arc<Origin>> {
        let (stream, block) = self.manifest.stream(index);
        let mut batch = HashMap::new();
        let (names, print) = match (parents, &block.batch) {
            (None | Some([]), _) => (self.names.clone(), 0),
            (Some([first, ..]), None) => (named(block, first), fingerprint(&first.item)),
            (Some(parents @ [first, ..]), Some(batched)) => {
                let mut keys = Vec::with_capacity(parents.len());
                for parent in parents {
                    let names = named(block, parent);
                    // Whoever has no key was told of before.
                    if let Some(key) = batched.key.eval(&names).ok().filter(|key| !is_null(key)) {
                        batch.extend(text(&key).map(|key| (key, names)));
                        keys.push(key);
                    }
                }
                let print = parents.iter().fold(0, |print, parent| print ^ fingerprint(&parent.item));
                (first.names.with("batch", Value::from(keys)), print)
            }
        };
        let mut combinations = vec![(names, stream.to_owned())];
        for (variable, values) in block.over.iter() {
            let mut longer = Vec::with_capacity(combinations.len() * values.len());
            for (names, name) in &combinations {
                for value in values {
                    let shown = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
                    longer.push((names.with(variable, from_toml(value)), format!("{name} {variable}={shown}")));
                }
            }
            combinations = longer;
        }
        let low = u64::try_from(print >> 72).unwrap_or_default();
        let origin = |(number, (names, name)): (usize, (Names, String))| {
            // The order of `over` first, then one that only depends on what the parent is.
            let rank = ((number as u64).min(0xff) << 56) | low;
            Arc::new(Origin { names, name, rank, batch: batch.clone() })
        };
        combinations.into_iter().enumerate().map(origin).collect()
    }

    /// What can be named where a row is read: of a batch the names of the parent it belongs to.
    pub(super) fn names_of(&self, index: usize, origin: &Origin, row: &Value) -> Result<Names, Trouble> {
        let (_, block) = self.manifest.stream(index);
        let Some(batch) = &block.batch else { return Ok(origin.names.clone()) };
        let key = text(&batch.join.eval(&origin.names.with_item(row.clone()))?);
        let names = key.as_ref().and_then(|key| origin.batch.get(key));
        names.cloned().ok_or_else(|| Trouble::manifest("a row of a batch belongs to no parent of it"))
    }
}

/// Whether a child is read for this parent.
pub(super) fn fits(block: &Stream, parent: &Parent) -> Result<bool, Trouble> {
    let names = named(block, parent);
    if !block.filter.as_ref().map_or(Ok(true), |filter| filter.holds(&names))? {
        return Ok(false);
    }
    match &block.batch {
        Some(batch) if text(&batch.key.eval(&names)?).is_none() => {
            Err(Trouble::manifest(format!("`{}` gives no key for one of the parents of a batch", batch.key.source())))
        }
        _ => Ok(true),
    }
}

/// The names of a child's call: its parent's, and the parent itself.
fn named(block: &Stream, parent: &Parent) -> Names {
    match &block.alias {
        Some(alias) => parent.names.with(alias.get_ref().as_str(), parent.item.clone()),
        None => parent.names.clone(),
    }
}
