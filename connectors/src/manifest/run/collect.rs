//! Reads every stream of a manifest, parents before and beside their children, and hands over records.
//!
//! ```text
//!   root stream ── page by page ──► emit ──► scope of the stream          ┐
//!        └── each item ──► bounded queue ──► child stream, so many at once ┴─► held records ─► merge, derive ─► their scopes
//! ```
//!
//! Everything runs in one task: the limiter says how much is under way, the queues how far a parent may run ahead, so memory
//! does not grow with pages. A stream ends with a word about every kind it promised: complete, gaps, or failed.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex as Lock, OnceLock, PoisonError};

use futures::stream::{self, StreamExt as _};
use tokio::sync::{Mutex, mpsc};

use super::listing::{End, Listing, Plan, fingerprint};
use super::session::Session;
use super::trouble::Trouble;
use super::wire::Purpose;
use crate::manifest::Manifest;
use crate::manifest::emit::{Collector, Drafts, Loss, Word};
use crate::manifest::fields::KINDS;
use crate::manifest::load::from_toml;
use crate::manifest::model::Stream;
use crate::manifest::scope::Scope as Names;
use crate::manifest::value::{Value, is_null, text};
use crate::record::{Record, RecordKind};
use crate::scope::{Gap, SourceFile};
use crate::sink::{Scope, Sink};

/// Parents that wait for a child stream.
const QUEUE: usize = 64;
/// The scope of records that exist by definition.
pub const BUILTIN: &str = "builtin";

/// Opens a scope for every stream that yields records, and one for what exists by definition.
pub(crate) fn scopes(manifest: &Manifest, names: &Names, sink: &Sink) -> Result<Scopes, Trouble> {
    let mut streams = Vec::new();
    for index in 0..manifest.document().stream.len() {
        let (name, _) = manifest.stream(index);
        let wanted = is_wanted(manifest, index, names)?;
        let kinds: Vec<RecordKind> = manifest.yields(index).into_iter().collect();
        let scope = (wanted && !kinds.is_empty()).then(|| sink.scope(name, &kinds));
        streams.push(StreamScope { wanted, kinds, scope: Mutex::new(scope), ids: Lock::default() });
    }
    let builtins = manifest.builtins.emits.iter().filter(|plan| !plan.enriches);
    let kinds: BTreeSet<RecordKind> = builtins.map(|plan| KINDS[plan.kind].kind()).collect();
    let kinds: Vec<RecordKind> = kinds.into_iter().collect();
    let builtin = (!kinds.is_empty()).then(|| sink.scope(BUILTIN, &kinds));
    Ok(Scopes { streams, builtin })
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
    streams: Vec<StreamScope>,
    builtin: Option<Scope>,
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
struct StreamScope {
    wanted: bool,
    kinds: Vec<RecordKind>,
    /// `None` when the stream yields no records of its own.
    scope: Mutex<Option<Scope>>,
    /// Ids of records that were pushed, by hash: a list that is read again shows them again.
    ids: Lock<HashSet<u128>>,
}

/// Who we are, as the check told.
#[derive(Debug, Clone, Default)]
pub(crate) struct Whoami {
    pub(crate) identity: Option<String>,
    pub(crate) tenant: Option<String>,
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
}

/// What is shared by the streams of a collection.
#[derive(Debug)]
struct Shared {
    scopes: Vec<StreamScope>,
    collector: Lock<Collector>,
    words: Lock<BTreeMap<Word, u64>>,
    ends: Vec<OnceLock<Ended>>,
}

/// How a stream ended as a whole.
#[derive(Debug, Clone)]
struct Ended {
    /// Why it is not whole.
    gap: Option<Gap>,
    /// Nothing of it can be relied on.
    failed: bool,
}

/// An item that children are read for.
#[derive(Debug, Clone)]
struct Parent {
    /// The list it stands in.
    origin: Arc<Origin>,
    /// What could be named where it was read: its own parents.
    names: Names,
    item: Value,
}

/// One list of a stream: for one parent and one combination of its `over`.
#[derive(Debug)]
struct Origin {
    names: Names,
    /// What the list is called.
    name: String,
    /// Order among the partitions of the stream, the same in every run.
    rank: u64,
    /// The parents of a batch, each with its names, by their key.
    batch: HashMap<String, Names>,
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

/// A child that is said to have vanished with its parent.
#[derive(Debug)]
struct Goner {
    origin: Arc<Origin>,
    /// What was asked for, which tells the parent.
    url: String,
    gap: Gap,
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
            }
        }
        let roots = (0..shared.scopes.len()).filter(|index| self.manifest.parent(*index).is_none());
        let reading = roots.map(|index| self.stream(index, None, &shared));
        futures::future::try_join_all(reading).await?;
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
        let most = block.concurrency.map_or(self.concurrency, |most| most as usize).max(1);
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

    /// The lists of a child stream, one parent after the other.
    fn origins<'s>(
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
    fn partitions(&self, index: usize, parents: Option<&[Parent]>) -> Vec<Arc<Origin>> {
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
            needs: &block.needs,
        })
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
        let mut listing = Listing::new(self.session, plan, origin.names.clone(), &origin.name);
        while let Some(rows) = listing.next().await? {
            if let Some(scope) = shared.scopes[index].scope.lock().await.as_mut() {
                scope.page();
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
        match listing.finish() {
            End::Whole(proof) => {
                tracing::debug!(list = origin.name, ?proof, "read whole");
                tally.whole.fetch_add(1, Ordering::Relaxed);
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
                let goner = Goner { origin, url: request.url.to_string(), gap };
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

    /// What can be named where a row is read: of a batch the names of the parent it belongs to.
    fn names_of(&self, index: usize, origin: &Origin, row: &Value) -> Result<Names, Trouble> {
        let (_, block) = self.manifest.stream(index);
        let Some(batch) = &block.batch else { return Ok(origin.names.clone()) };
        let key = text(&batch.join.eval(&origin.names.with_item(row.clone()))?);
        let names = key.as_ref().and_then(|key| origin.batch.get(key));
        names.cloned().ok_or_else(|| Trouble::manifest("a row of a batch belongs to no parent of it"))
    }

    /// Asks the parents' lists once more whether what is gone is really gone: what still stands there is a gap.
    async fn confirm(&self, index: usize, tally: &Tally, shared: &Shared) -> Result<(), Trouble> {
        let goners = std::mem::take(&mut *tally.goners.lock().unwrap_or_else(PoisonError::into_inner));
        let Some(parent) = self.manifest.parent(index).filter(|_| !goners.is_empty()) else { return Ok(()) };
        let still = self.still_there(index, parent, shared).await?;
        for goner in goners {
            match &still {
                Ok(urls) if !urls.contains(&goner.url) => {
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

    /// What a child stream would ask for, were its parents read again now; or why they cannot be.
    async fn still_there(
        &self,
        child: usize,
        parent: usize,
        shared: &Shared,
    ) -> Result<Result<HashSet<String>, Gap>, Trouble> {
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
        let mut urls = HashSet::new();
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
                        urls.insert(request.url.to_string());
                    }
                }
            }
            if let End::Gap(gap) | End::Failed(gap) | End::Gone(gap) = listing.finish() {
                return Ok(Err(gap));
            }
        }
        Ok(Ok(urls))
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
            if let End::Gap(gap) | End::Failed(gap) | End::Gone(gap) = listing.finish() {
                return Ok(Err(gap));
            }
        }
        Ok(Ok(parents))
    }

    /// Says how the stream ended, and what that means for its kinds.
    async fn end(&self, index: usize, tally: &Tally, shared: &Shared) -> Ended {
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
    async fn settle(&self, shared: Shared, builtin: Option<Scope>, whoami: &Whoami) -> Result<(), Trouble> {
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

/// Whether a child is read for this parent.
fn fits(block: &Stream, parent: &Parent) -> Result<bool, Trouble> {
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
    Some(fingerprint(&Value::from(format!("{}/{id}", record.kind()))))
}
