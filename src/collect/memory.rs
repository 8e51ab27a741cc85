//! What connectors keep from run to run, so that they need only ask for changes: when it may be built on, and what is told of it.
//!
//! A connector keeps lists by itself and decides whether changes can be laid over them. Here is what it cannot know: that the
//! last snapshot shows a list as kept, that everything is asked for (`--full`), and that what it read is not believed. On what is not
//! believed nothing is built: the whole memory of the system is forgotten, and the next run reads everything.

use std::collections::BTreeSet;

use muster_connectors::memory::{Memory, Verdict};
use muster_connectors::scope::ScopeReport;

use super::{Options, place};
use crate::config::System;
use crate::diagnostic::Diagnostic;
use crate::snapshot::{Manifest, Store};

/// The memory of `system`, as this run may use it. `last` is the newest snapshot.
pub(super) fn of(system: &System, store: &Store, last: Option<&Manifest>, options: &Options) -> Memory {
    let scopes =
        last.and_then(|manifest| manifest.systems.get(&system.name)).into_iter().flat_map(|entry| &entry.scopes);
    let kept: BTreeSet<String> =
        scopes.filter(|(_, scope)| scope.report.changes.is_some()).map(|(name, _)| name.clone()).collect();
    let memory = Memory::new(store.memory(&system.name)).full(options.full).expecting(kept);
    // What an interrupted run has left was never judged. Where it cannot be deleted, settling will tell.
    let _ = memory.settle(Verdict::Drop);
    memory
}

/// What becomes of what was kept while a system was read.
pub(super) fn verdict(ended: bool, believed: bool) -> Verdict {
    match (believed, ended) {
        (false, _) => Verdict::Forget,
        (true, true) => Verdict::Keep,
        (true, false) => Verdict::Drop,
    }
}

/// Settles it. Where that fails, the next run may ask for changes since an older reading, or reads everything: said, and no more.
pub(super) fn settle(system: &str, memory: &Memory, verdict: Verdict) -> Option<Diagnostic> {
    let error = memory.settle(verdict).err()?;
    Some(
        Diagnostic::warning("COL010", format!("what was read of `{system}` is not kept for the next run"))
            .cause(error.to_string())
            .effect("this snapshot has it; the next run reads more than it would have to")
            .fix("check that the folder `memory` of the store can be written to"),
    )
}

/// Lists that were read whole although only their changes were to be asked for.
pub(super) fn told<'a>(system: &System, reports: impl Iterator<Item = &'a ScopeReport>) -> Vec<Diagnostic> {
    let instead = reports.filter_map(|report| Some((report, report.changes.as_ref()?.instead.as_ref()?)));
    let tell = |(report, why): (&ScopeReport, &String)| {
        Diagnostic::note(
            "COL009",
            format!("{} — everything was read, not only what changed", place(system, &report.scope)),
        )
        .cause(why.clone())
        .effect("nothing is missing; it took as long as the first time")
    };
    instead.map(tell).collect()
}
