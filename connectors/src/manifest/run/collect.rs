//! Reads every stream of a manifest, parents before and beside their children, and hands over records.
//!
//! ```text
//!   root stream ── page by page ──► emit ──► scope of the stream          ┐
//!        └── each item ──► bounded queue ──► child stream, so many at once ┴─► held records ─► merge, derive ─► their scopes
//! ```
//!
//! Everything runs in one task: the limiter says how much is under way, the queues how far a parent may run ahead, so memory
//! does not grow with pages. A stream ends with a word about every kind it promised: complete, gaps, or failed.

mod gone;
mod partitions;
mod scopes;
mod settle;

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex as Lock, OnceLock, PoisonError};

use futures::stream::{self, StreamExt as _};
use jiff::Timestamp;
use tokio::sync::mpsc;

use self::gone::Goner;
use self::partitions::{Origin, Parent};
pub use self::scopes::BUILTIN;
use self::scopes::StreamScope;
pub(crate) use self::scopes::{Scopes, scopes};
use self::settle::Ended;
use super::changes::{Reading, Terms, Told, Ways};
use super::listing::{End, Plan, fingerprint_of};
use super::session::Session;
use super::trouble::Trouble;
use super::wire::Purpose;
use crate::manifest::Manifest;
use crate::manifest::emit::{Collector, Drafts, Loss, Word};
use crate::manifest::scope::Scope as Names;
use crate::manifest::value::Value;
use crate::memory::Memory;
use crate::record::Record;
use crate::scope::{Changes, Gap, Probe};
use crate::sink::Sink;

/// Parents that wait for a child stream.
const QUEUE: usize = 64;

/// Who we are, as the check told.
#[derive(Debug, Clone, Default)]
pub(crate) struct Whoami {
    pub(crate) identity: Option<String>,
    pub(crate) tenant: Option<String>,
    /// That we may do more than read, where the check found so.
    pub(crate) excess: Option<Probe>,
}

/// One collection.
#[derive(Debug)]
pub(crate) struct Collection<'a> {
    pub(crate) manifest: &'a Manifest,
    pub(crate) session: &'a Session,
    /// `config`, `map`, `now`.
    pub(crate) names: Names,
    pub(crate) sink: &'a Sink,
    /// Partitions of a stream under way at once, when its manifest does not say.
    pub(crate) concurrency: usize,
    /// Clock of the run.
    pub(crate) now: Timestamp,
    /// What earlier runs kept, and what must be the same for that to be of use.
    pub(crate) memory: Option<(Memory, Terms)>,
}

/// What is shared by the streams of a collection.
#[derive(Debug)]
struct Shared {
    scopes: Vec<StreamScope>,
    collector: Lock<Collector>,
    words: Lock<BTreeMap<Word, u64>>,
    ends: Vec<OnceLock<Ended>>,
}

/// What is known of a stream while its lists are read.
#[derive(Debug, Default)]
struct Tally {
    lists: AtomicU64,
    whole: AtomicU64,
    rows: AtomicU64,
    failed: AtomicU64,
    first: Lock<Option<Gap>>,
    goners: Lock<Vec<Goner>>,
}

impl Shared {
    /// Notes in every kind of a stream that something was not read.
    async fn gap(&self, index: usize, gap: &Gap) {
        let of_stream = &self.scopes[index];
        if let Some(scope) = of_stream.scope.lock().await.as_mut() {
            of_stream.kinds.iter().for_each(|kind| scope.gap(*kind, gap.clone()));
        }
    }
}

impl Tally {
    fn note(&self, gap: &Gap) {
        self.first.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert_with(|| gap.clone());
    }
}

impl Collection<'_> {
    /// Reads every stream and finishes every scope.
    ///
    /// # Errors
    /// [`Trouble::Stopped`] alone: whatever else goes wrong stands in the scope reports.
    pub(crate) async fn run(&self, scopes: Scopes, whoami: &Whoami) -> Result<(), Trouble> {
        let Scopes { streams, builtin } = scopes;
        let ends = streams.iter().map(|_| OnceLock::new()).collect();
        let shared = Shared { scopes: streams, collector: Lock::default(), words: Lock::default(), ends };
        for stream in &shared.scopes {
            if let Some(scope) = stream.scope.lock().await.as_mut() {
                whoami.identity.iter().for_each(|identity| scope.identity(identity.as_str()));
                whoami.tenant.iter().for_each(|tenant| scope.tenant(tenant.as_str()));
                whoami.excess.iter().for_each(|excess| scope.probe(excess.clone()));
            }
        }
        let roots = (0..shared.scopes.len()).filter(|index| self.manifest.parent(*index).is_none());
        let reading = roots.map(|index| self.stream(index, None, &shared));
        tokio::select! {
            biased;
            done = futures::future::try_join_all(reading) => drop(done?),
            never = self.session.bundle() => match never {},
        }
        self.settle(shared, builtin, whoami).await
    }

    /// Reads a stream and its children.
    fn stream<'s>(
        &'s self,
        index: usize,
        parents: Option<mpsc::Receiver<Parent>>,
        shared: &'s Shared,
    ) -> futures::future::BoxFuture<'s, Result<(), Trouble>> {
        Box::pin(async move {
            if !shared.scopes[index].wanted {
                return Ok(());
            }
            let children: Vec<usize> = self.manifest.children(index).collect();
            let (mut senders, mut reading) = (Vec::new(), Vec::new());
            for child in children.into_iter().filter(|child| shared.scopes[*child].wanted) {
                let (sender, receiver) = mpsc::channel(QUEUE);
                senders.push((child, sender));
                reading.push(self.stream(child, Some(receiver), shared));
            }
            let own = async {
                let ended = self.lists(index, parents, &senders, shared).await?;
                let _first_and_only = shared.ends[index].set(ended);
                drop(senders); // only now: whoever sees the end of the queue may ask how the stream ended
                Ok(())
            };
            futures::try_join!(own, futures::future::try_join_all(reading))?;
            Ok(())
        })
    }

    /// Reads every list of a stream.
    async fn lists(
        &self,
        index: usize,
        parents: Option<mpsc::Receiver<Parent>>,
        senders: &[(usize, mpsc::Sender<Parent>)],
        shared: &Shared,
    ) -> Result<Ended, Trouble> {
        let (_, block) = self.manifest.stream(index);
        let tally = Tally::default();
        let bundle = if block.bundled { self.session.bundled() } else { 1 };
        let most = block.concurrency.map_or(self.concurrency, |most| most as usize).max(1).saturating_mul(bundle);
        let is_child = parents.is_some();
        let origins = match parents {
            None => stream::iter(self.partitions(index, None)).boxed(),
            Some(queue) => self.origins(index, queue, &tally, shared).boxed(),
        };
        let read = origins.map(|origin| self.list(index, origin, is_child, senders, shared, &tally));
        let mut reading = std::pin::pin!(read.buffer_unordered(most));
        while let Some(done) = reading.next().await {
            done?;
        }
        self.confirm(index, &tally, shared).await?;
        Ok(self.end(index, &tally, shared).await)
    }

    fn plan(&self, index: usize, child: bool) -> Result<Plan<'_>, Trouble> {
        let (name, block) = self.manifest.stream(index);
        let lacks = |what: &str| Trouble::manifest(format!("stream `{name}` has no {what}"));
        Ok(Plan {
            name,
            call: block.call.as_ref().ok_or_else(|| lacks("call"))?,
            way: block.auth.as_ref().map(|way| way.get_ref().as_str()),
            items: block.items.as_ref().filter(|items| items.source().trim() != "."),
            pager: self.manifest.pager(block).ok_or_else(|| lacks("page"))?,
            cost: block.cost.map_or(1, u64::from),
            child,
            bundled: block.bundled,
            needs: &block.needs,
            expired: self.manifest.pager(block).and_then(|pager| pager.expired.as_ref()),
            link: block.delta.as_ref().and_then(|delta| delta.link.as_ref()),
        })
    }

    /// How a stream can be read by its changes.
    fn ways(&self, index: usize) -> Option<Ways<'_>> {
        let (_, block) = self.manifest.stream(index);
        // Lists that are read for its rows may name whatever key there is.
        let is_parent = self.manifest.children(index).next().is_some();
        let keys = self.manifest.plans[index].kept.as_ref().filter(|_| !is_parent);
        let (memory, terms) = self.memory.as_ref()?;
        Some(Ways { delta: block.delta.as_ref()?, memory, terms, now: self.now, keys })
    }

    /// Tells how a list is read that can be read by its changes.
    async fn tell(&self, index: usize, told: Option<&Told>, origin: &Origin, shared: &Shared) {
        let Some(Told { whole, changed, gone, pages, instead }) = told.cloned() else { return };
        if let Some(why) = &instead {
            let name = &origin.name;
            self.sink.progress().note(&format!("{name}: everything is read, not only what changed: {why}"));
        }
        if let Some(scope) = shared.scopes[index].scope.lock().await.as_mut() {
            (0..pages).for_each(|_| scope.page());
            scope.changes(Changes { whole, changed, gone, instead });
        }
    }

    /// Reads one list, emits its rows and passes them on to the children.
    async fn list(
        &self,
        index: usize,
        origin: Arc<Origin>,
        is_child: bool,
        senders: &[(usize, mpsc::Sender<Parent>)],
        shared: &Shared,
        tally: &Tally,
    ) -> Result<(), Trouble> {
        tally.lists.fetch_add(1, Ordering::Relaxed);
        let plan = match self.plan(index, is_child) {
            Ok(plan) => plan,
            Err(trouble) => {
                let gap = trouble.gap(&origin.name);
                tally.note(&gap);
                shared.gap(index, &gap).await;
                return Ok(());
            }
        };
        let ways = self.ways(index);
        let mut listing = Reading::open(self.session, plan, ways, origin.names.clone(), &origin.name).await?;
        self.tell(index, listing.told(), &origin, shared).await;
        while let Some(rows) = listing.next().await? {
            if let Some(scope) = shared.scopes[index].scope.lock().await.as_mut() {
                if listing.is_whole() {
                    scope.page();
                }
                self.session.transport().server_time().into_iter().for_each(|told| scope.server_time(told));
            }
            tally.rows.fetch_add(rows.len() as u64, Ordering::Relaxed);
            self.take(index, &origin, &rows, shared, tally).await?;
            for (_, sender) in senders {
                for item in &rows {
                    let Ok(names) = self.names_of(index, &origin, item) else { continue };
                    let parent = Parent { origin: Arc::clone(&origin), names, item: item.clone() };
                    // A child that is gone has ended for a reason that its own scope tells.
                    let _ended = sender.send(parent).await;
                }
            }
        }
        if listing.repeated() > 0 {
            let repeated = listing.repeated();
            self.sink.progress().note(&format!("{}: {repeated} rows came again and were dropped", origin.name));
        }
        let (end, unkept) = listing.finish();
        if let Some(why) = unkept {
            self.sink.progress().note(&format!("{}: it will be read whole again the next time: {why}", origin.name));
        }
        match end {
            End::Whole(proof) => {
                tracing::debug!(list = origin.name, ?proof, "read whole");
                tally.whole.fetch_add(1, Ordering::Relaxed);
            }
            End::Blind(gap) => {
                tally.whole.fetch_add(1, Ordering::Relaxed);
                tally.note(&gap);
                shared.gap(index, &gap).await;
            }
            End::Gap(gap) => {
                tally.note(&gap);
                shared.gap(index, &gap).await;
            }
            End::Failed(gap) => {
                tally.note(&gap);
                // One list of many that failed costs itself; all of them cost the stream.
                shared.gap(index, &gap).await;
                tally.failed.fetch_add(1, Ordering::Relaxed);
            }
            End::Gone(gap) => {
                let call = plan.call;
                let request = self.session.foundation().request(call, &origin.names, Purpose::Read, &[])?;
                let goner = Goner { keys: gone::keys(&origin, &request), origin, gap };
                tally.goners.lock().unwrap_or_else(PoisonError::into_inner).push(goner);
            }
        }
        Ok(())
    }

    /// Makes records of rows.
    async fn take(
        &self,
        index: usize,
        origin: &Origin,
        rows: &[Value],
        shared: &Shared,
        tally: &Tally,
    ) -> Result<(), Trouble> {
        let mut drafts = Drafts::default();
        let mut strays = 0_u64;
        for row in rows {
            match self.names_of(index, origin, row) {
                Ok(names) => self.manifest.emit(index, origin.rank, &names.with_item(row.clone()), &mut drafts),
                Err(_) => strays += 1,
            }
        }
        if strays > 0 {
            let gap =
                Gap::new("COL074", format!("{strays} rows of {} belong to none of the parents asked for", origin.name))
                    .cause("`join` of the batch gives no key that was asked for")
                    .fix("compare `key` and `join` of the batch with a reply of the system");
            tally.note(&gap);
            shared.gap(index, &gap).await;
        }
        let Drafts { records, held, losses, words } = drafts;
        shared.collector.lock().unwrap_or_else(PoisonError::into_inner).hold(held);
        merge_words(&shared.words, words);
        for loss in &losses {
            tally.note(&lost(loss));
        }
        let of_stream = &shared.scopes[index];
        let mut scope = of_stream.scope.lock().await;
        let Some(scope) = scope.as_mut() else { return Ok(()) };
        for loss in &losses {
            scope.gap(loss.kind, lost(loss));
        }
        for record in records {
            if let Some(id) = identity(&record) {
                let known = !of_stream.ids.lock().unwrap_or_else(PoisonError::into_inner).insert(id);
                if known {
                    scope.repeat(record.kind());
                    continue;
                }
            }
            scope.push(record).await.map_err(|_closed| Trouble::Stopped)?;
        }
        Ok(())
    }
}

fn merge_words(into: &Lock<BTreeMap<Word, u64>>, words: BTreeMap<Word, u64>) {
    if !words.is_empty() {
        let mut known = into.lock().unwrap_or_else(PoisonError::into_inner);
        for (word, count) in words {
            *known.entry(word).or_default() += count;
        }
    }
}

/// A record that could not be made, as a gap that costs it alone.
fn lost(loss: &Loss) -> Gap {
    let Loss { kind, ids, stream, line, why } = loss;
    Gap::new("COL074", format!("a record of {kind} from `{stream}` could not be made"))
        .cause(why.clone())
        .fix(format!("compare the `emit` in line {line} of the manifest with what the system sends"))
        .only(ids.clone())
}

/// What a record with an id goes by, as a hash; edges have none.
fn identity(record: &Record) -> Option<u128> {
    let id = match record {
        Record::Person(person) => &person.id,
        Record::Account(account) => &account.id,
        Record::Group(group) => &group.id,
        Record::Resource(resource) => &resource.id,
        Record::Entitlement(entitlement) => &entitlement.id,
        Record::Credential(credential) => &credential.id,
        Record::Policy(policy) => &policy.id,
        Record::Federation(federation) => &federation.id,
        Record::AuditEvent(event) => &event.id,
        Record::Approval(approval) => &approval.id,
        Record::Employment(_) | Record::Membership(_) | Record::Grant(_) => return None,
    };
    Some(fingerprint_of(record.kind().as_str(), id))
}
