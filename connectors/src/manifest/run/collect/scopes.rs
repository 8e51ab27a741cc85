//! The scopes of a run: one for each stream that yields records, one for what exists by definition.

use std::collections::{BTreeSet, HashSet};
use std::sync::Mutex as Lock;

use tokio::sync::Mutex;

use crate::manifest::Manifest;
use crate::manifest::fields::KINDS;
use crate::manifest::run::trouble::Trouble;
use crate::manifest::scope::Scope as Names;
use crate::record::RecordKind;
use crate::scope::{MayBeEmpty, SourceFile};
use crate::sink::{Scope, Sink};

/// The scope of records that exist by definition.
pub const BUILTIN: &str = "builtin";

/// Opens a scope for every stream that yields records, and one for what exists by definition.
pub(crate) fn scopes(manifest: &Manifest, names: &Names, sink: &Sink) -> Result<Scopes, Trouble> {
    let mut streams = Vec::new();
    let indices = 0..manifest.document().stream.len();
    let wanted: Vec<bool> = indices.clone().map(|index| is_wanted(manifest, index, names)).collect::<Result<_, _>>()?;
    let mains: Vec<usize> = indices.clone().filter(|index| wanted[*index] && manifest.is_main(*index)).collect();
    for index in indices {
        let (name, _) = manifest.stream(index);
        let wanted = wanted[index];
        let kinds: Vec<RecordKind> = manifest.yields(index).into_iter().collect();
        let mut scope = (wanted && !kinds.is_empty()).then(|| sink.scope(name, &kinds));
        if let (Some(scope), Some(may_be_empty)) = (scope.as_mut(), may_be_empty(manifest, index, &mains)) {
            scope.may_be_empty(may_be_empty);
        }
        streams.push(StreamScope { wanted, kinds, scope: Mutex::new(scope), ids: Lock::default() });
    }
    let builtins = manifest.builtins.emits.iter().filter(|plan| !plan.enriches);
    let kinds: BTreeSet<RecordKind> = builtins.map(|plan| KINDS[plan.kind].kind()).collect();
    let kinds: Vec<RecordKind> = kinds.into_iter().collect();
    let builtin = (!kinds.is_empty()).then(|| sink.scope(BUILTIN, &kinds));
    Ok(Scopes { streams, builtin })
}

/// Beside which scopes the list of a stream may be empty: those of the accounts that the system is about, and those that it is read
/// for. Without the former nothing is said.
fn may_be_empty(manifest: &Manifest, index: usize, mains: &[usize]) -> Option<MayBeEmpty> {
    let why = manifest.stream(index).1.may_be_empty.as_ref().filter(|_| !mains.is_empty())?;
    let parents = std::iter::successors(manifest.parent(index), |above| manifest.parent(*above));
    let parents = parents.filter(|above| !manifest.yields(*above).is_empty());
    let beside: BTreeSet<&str> = mains.iter().copied().chain(parents).map(|index| manifest.stream(index).0).collect();
    Some(MayBeEmpty { why: why.get_ref().clone(), beside: beside.into_iter().map(str::to_owned).collect() })
}

/// Whether a stream is read at all: neither it nor a parent of it is switched off by the config.
fn is_wanted(manifest: &Manifest, index: usize, names: &Names) -> Result<bool, Trouble> {
    let mut at = Some(index);
    while let Some(stream) = at {
        let (_, block) = manifest.stream(stream);
        if let Some(when) = &block.when
            && !when.holds(names)?
        {
            return Ok(false);
        }
        at = manifest.parent(stream);
    }
    Ok(true)
}

/// The scopes of a run.
#[derive(Debug)]
pub(crate) struct Scopes {
    pub(super) streams: Vec<StreamScope>,
    pub(super) builtin: Option<Scope>,
}

impl Scopes {
    /// Says in every scope which file it is read from.
    pub(crate) fn quote(&mut self, file: &SourceFile) {
        let streams = self.streams.iter_mut().filter_map(|stream| stream.scope.get_mut().as_mut());
        streams.chain(&mut self.builtin).for_each(|scope| scope.file(file.clone()));
    }
}

/// What a stream promised, while it is read.
#[derive(Debug)]
pub(super) struct StreamScope {
    pub(super) wanted: bool,
    pub(super) kinds: Vec<RecordKind>,
    /// `None` when the stream yields no records of its own.
    pub(super) scope: Mutex<Option<Scope>>,
    /// Ids of records that were pushed, by hash: a list that is read again shows them again.
    pub(super) ids: Lock<HashSet<u128>>,
}
