//! How streams end, and what becomes of what was held until all had: merged, derived, withheld, told.

use std::sync::PoisonError;
use std::sync::atomic::Ordering;

use super::{Collection, Shared, Tally, Whoami, lost};
use crate::manifest::emit::{Drafts, Word};
use crate::manifest::run::trouble::Trouble;
use crate::manifest::value::Value;
use crate::scope::Gap;
use crate::sink::Scope;

/// How a stream ended as a whole.
#[derive(Debug, Clone)]
pub(super) struct Ended {
    /// Why it is not whole.
    pub(super) gap: Option<Gap>,
    /// Nothing of it can be relied on.
    pub(super) failed: bool,
}

impl Collection<'_> {
    /// Says how the stream ended, and what that means for its kinds.
    pub(super) async fn end(&self, index: usize, tally: &Tally, shared: &Shared) -> Ended {
        let (name, _) = self.manifest.stream(index);
        let above = self.manifest.parent(index).map(|parent| (self.manifest.stream(parent).0, &shared.ends[parent]));
        // The queue ends when the parent has ended, or never was.
        let above = above.map(|(parent, end)| (parent, end.get().cloned()));
        let mut gap = tally.first.lock().unwrap_or_else(PoisonError::into_inner).take();
        let (lists, whole) = (tally.lists.load(Ordering::Relaxed), tally.whole.load(Ordering::Relaxed));
        let mut failed = lists > 0 && tally.failed.load(Ordering::Relaxed) == lists;
        let nothing = whole == 0 && tally.rows.load(Ordering::Relaxed) == 0;
        failed |= lists > 0 && nothing && gap.is_some();
        if let Some((parent, ended)) = above {
            let why = match ended {
                Some(Ended { gap: Some(why), failed: parent_failed }) => {
                    failed |= parent_failed && nothing;
                    Some(why)
                }
                Some(Ended { gap: None, .. }) => None,
                None => Some(Gap::new("COL022", format!("`{parent}` was not read"))),
            };
            if let Some(why) = why {
                let told =
                    Gap::new("COL073", format!("`{name}` is read for each of `{parent}`, which was not read whole"))
                        .cause(why.what)
                        .fix(why.fix.unwrap_or_else(|| "collect this system again".to_owned()));
                shared.gap(index, &told).await;
                gap.get_or_insert(told);
            }
        }
        if failed {
            let of_stream = &shared.scopes[index];
            if let Some(scope) = of_stream.scope.lock().await.as_mut() {
                of_stream.kinds.iter().for_each(|kind| scope.give_up(*kind)); // the gaps stand there already
            }
        }
        Ended { gap, failed }
    }

    /// Merges what was held, tells what is withheld, and finishes every scope.
    pub(super) async fn settle(&self, shared: Shared, builtin: Option<Scope>, whoami: &Whoami) -> Result<(), Trouble> {
        let Shared { scopes, collector, words, ends } = shared;
        let mut collector = collector.into_inner().unwrap_or_else(PoisonError::into_inner);
        let mut words = words.into_inner().unwrap_or_else(PoisonError::into_inner);
        let stopped = |_closed| Trouble::Stopped;
        let mut open: Vec<Option<Scope>> = scopes.into_iter().map(|stream| stream.scope.into_inner()).collect();

        let text = |told: &Option<String>| told.as_deref().map_or(Value::from(()), Value::from);
        let names = self.names.with("tenant", text(&whoami.tenant)).with("identity", text(&whoami.identity));
        let mut drafts = Drafts::default();
        self.manifest.emit_builtins(&names, &mut drafts);
        let mut builtin = builtin;
        if let Some(scope) = builtin.as_mut() {
            drafts.losses.iter().for_each(|loss| scope.gap(loss.kind, lost(loss)));
            for record in std::mem::take(&mut drafts.records) {
                scope.push(record).await.map_err(stopped)?;
            }
        }
        collector.hold(drafts.held);

        let is_whole = |stream: &str| {
            let index = self.manifest.document().stream.position(stream);
            index.and_then(|index| ends[index].get()).is_some_and(|ended| ended.gap.is_none())
        };
        let merged = collector.finish(self.manifest, &self.names, &is_whole);
        for (stream, record) in merged.records {
            let scope = stream.map_or(builtin.as_mut(), |stream| open[stream].as_mut());
            if let Some(scope) = scope {
                scope.push(record).await.map_err(stopped)?;
            }
        }
        for loss in &merged.losses {
            let index = self.manifest.document().stream.position(&loss.stream);
            if let Some(scope) = index.map_or(builtin.as_mut(), |index| open[index].as_mut()) {
                scope.gap(loss.kind, lost(loss));
            }
        }
        let mut withheld = merged.withheld;
        for (index, ended) in ends.iter().enumerate() {
            let name = self.manifest.stream(index).0;
            let why = match ended.get() {
                Some(Ended { gap: Some(gap), .. }) => gap.what.clone(),
                Some(Ended { gap: None, .. }) => continue,
                None => "it is switched off in the config".to_owned(),
            };
            for (kind, fields) in self.manifest.enriches(index) {
                let told = format!("it comes from the list `{name}`, which was not read whole: {why}");
                withheld.extend(fields.into_iter().map(|field| (kind, field, told.clone())));
            }
        }
        for (kind, field, why) in withheld {
            for (index, scope) in open.iter_mut().enumerate() {
                if let Some(scope) = scope.as_mut().filter(|_| self.manifest.yields(index).contains(&kind)) {
                    scope.withhold(kind, field, why.clone());
                }
            }
        }
        for (word, count) in merged.words {
            *words.entry(word).or_default() += count;
        }
        for (word, count) in words {
            let Word { kind, field, table, word } = word;
            let word = self.session.transport().plain(&word);
            self.sink.progress().note(&format!(
                "{count} {kind} have `{word}`, which `[map.{table}]` does not know: their {field} is unknown"
            ));
        }
        for scope in open.into_iter().flatten().chain(builtin) {
            scope.finish().await.map_err(stopped)?;
        }
        Ok(())
    }
}
