//! A list that is read by its changes: as it was at the last reading, with what changed since laid over it.
//!
//! ```text
//!   kept rows ──────────────┐
//!   changes since ──► laid ─┴─► rows, as if the list had been read whole ─► emit …  ─► kept for the next time
//! ```
//!
//! Whoever takes the rows cannot tell the two ways apart. Changes are read to their end before the first row is handed out; when
//! anything about them is not as it should be, the list is read whole instead, and it is told why. A list whose changes do not
//! tell what was deleted is never complete by them.

use std::collections::{BTreeSet, HashMap};
use std::time::Duration;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::listing::{End, Listing, Plan, Since};
use super::pager::Proof;
use super::session::Session;
use super::trouble::Trouble;
use crate::manifest::model::Delta;
use crate::manifest::scope::Scope;
use crate::manifest::value::{Fields, Value, from_slice, text, written, written_of};
use crate::memory::{Draft, Memory, Rows};
use crate::scope::Gap;

/// Version of what is kept. Another one is read anew.
const VERSION: u32 = 1;
/// Changes that are held at once. Whoever has more is read whole, page by page.
const MOST: usize = 200_000;
/// Rows handed out at once.
const PAGE: usize = 200;
/// How long changes are built on what was read whole, when the manifest does not say: with deletions among them, and without.
const WHOLE_EVERY: [Duration; 2] = [Duration::from_hours(7 * 24), Duration::from_hours(24)];

/// What must be the same for changes to go on from where they were.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Terms {
    /// Hash of the manifest.
    pub(crate) manifest: String,
    /// Hash of the settings.
    pub(crate) settings: String,
    pub(crate) tenant: Option<String>,
    pub(crate) identity: Option<String>,
}

impl Terms {
    /// What differs, in words.
    fn unlike(&self, other: &Self) -> Option<&'static str> {
        [
            (self.tenant != other.tenant, "it was of another tenant"),
            (self.identity != other.identity, "it was read with another credential"),
            (self.settings != other.settings, "the settings of the system were others"),
            (self.manifest != other.manifest, "the manifest was another one"),
        ]
        .into_iter()
        .find_map(|(differs, why)| differs.then_some(why))
    }
}

/// What is kept about a list beside its rows.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct Head {
    version: u32,
    terms: Terms,
    /// Clock of the run that read it whole.
    whole: Timestamp,
    /// The server's clock when the last reading began.
    since: Option<Timestamp>,
    /// Where the next changes are.
    link: Option<String>,
}

/// How a list can be read by its changes.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Ways<'a> {
    pub(crate) delta: &'a Delta,
    pub(crate) memory: &'a Memory,
    pub(crate) terms: &'a Terms,
    pub(crate) now: Timestamp,
    /// Keys of a row that are kept; `None` for all of them.
    pub(crate) keys: Option<&'a BTreeSet<String>>,
}

/// How a list is being read that can be read by its changes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Told {
    /// Clock of the run that read it whole.
    pub(crate) whole: Timestamp,
    pub(crate) changed: u64,
    pub(crate) gone: u64,
    /// Pages of changes.
    pub(crate) pages: u64,
    /// Why it is read whole although changes were to be expected.
    pub(crate) instead: Option<String>,
}

/// The rows of a list, however they are come by.
#[derive(Debug)]
pub(crate) struct Reading<'a> {
    source: Source<'a>,
    keeping: Option<Keeping<'a>>,
    told: Option<Told>,
    /// Why the list is not kept for the next time.
    unkept: Option<String>,
}

#[derive(Debug)]
enum Source<'a> {
    Whole(Box<Listing<'a>>),
    Changes(Box<Laid<'a>>),
}

impl<'a> Reading<'a> {
    /// Stands before the first row. With `ways`, changes that there are have been read.
    ///
    /// # Errors
    /// [`Trouble::Stopped`] alone.
    pub(crate) async fn open(
        session: &'a Session,
        plan: Plan<'a>,
        ways: Option<Ways<'a>>,
        scope: Scope,
        name: &str,
    ) -> Result<Self, Trouble> {
        let whole = |scope| Source::Whole(Box::new(Listing::new(session, plan, scope, name)));
        let Some(ways) = ways else {
            return Ok(Self { source: whole(scope), keeping: None, told: None, unkept: None });
        };
        let told = |at, instead| Told { whole: at, changed: 0, gone: 0, pages: 0, instead };
        let (source, head, told) = match changes(session, plan, ways, &scope, name).await {
            Ok((laid, head, told)) => (Source::Changes(Box::new(laid)), head, told),
            Err(Instead::Stopped) => return Err(Trouble::Stopped),
            Err(Instead::First) => (whole(scope.clone()), ways.head(), told(ways.now, None)),
            Err(Instead::Lost(why)) => (whole(scope.clone()), ways.head(), told(ways.now, Some(why))),
        };
        let (keeping, unkept) = match ways.memory.begin(plan.name) {
            Ok(draft) => (Some(Keeping { draft, ways, head, scope }), None),
            Err(error) => (None, Some(error.to_string())),
        };
        Ok(Self { source, keeping, told: Some(told), unkept })
    }

    /// The next rows; `None` at the end.
    ///
    /// # Errors
    /// [`Trouble::Stopped`] alone.
    pub(crate) async fn next(&mut self) -> Result<Option<Vec<Value>>, Trouble> {
        let rows = match &mut self.source {
            Source::Whole(listing) => listing.next().await?,
            Source::Changes(laid) => laid.next(),
        };
        if let (Some(rows), Some(keeping)) = (&rows, &mut self.keeping)
            && let Err(why) = rows.iter().try_for_each(|row| keeping.keep(row))
        {
            self.keeping = None;
            self.unkept = Some(why);
        }
        Ok(rows)
    }

    /// Whether the rows come page by page from the system.
    pub(crate) fn is_whole(&self) -> bool {
        matches!(self.source, Source::Whole(_))
    }

    /// How it is being read, when it can be read by its changes.
    pub(crate) fn told(&self) -> Option<&Told> {
        self.told.as_ref()
    }

    /// Rows that came again.
    pub(crate) fn repeated(&self) -> u64 {
        match &self.source {
            Source::Whole(listing) => listing.repeated(),
            Source::Changes(_) => 0,
        }
    }

    /// How the list ended; what is whole is kept for the next time. And why it could not be kept.
    pub(crate) fn finish(self) -> (End, Option<String>) {
        let Self { source, keeping, told, mut unkept } = self;
        let (mut end, began, link) = match source {
            Source::Whole(listing) => {
                let (began, link) = (listing.began(), listing.link().map(str::to_owned));
                (listing.finish(), began, link)
            }
            Source::Changes(laid) => laid.finish(),
        };
        if let (End::Whole(_), Some(Keeping { draft, ways, mut head, .. })) = (&end, keeping) {
            (head.since, head.link) = (began, link);
            unkept = match head.goes_on(ways.delta) {
                Ok(()) => draft.finish(&head).err().map(|error| error.to_string()),
                Err(why) => Some(why.to_owned()),
            };
            if let Some(told) = told.filter(|told| told.whole != ways.now && !ways.delta.sees_deletes) {
                end = End::Blind(blind(&told));
            }
        }
        (end, unkept)
    }
}

/// Only changes were read, and they say nothing of what was deleted.
fn blind(told: &Told) -> Gap {
    Gap::new("COL075", format!("what was deleted since {} is not known", told.whole))
        .cause(format!(
            "since then only changes were read ({} this time), and the system does not tell deletions among them",
            told.changed
        ))
        .fix("`muster collect --full` reads everything; by itself that is done as often as `full_every` of the manifest says")
}

/// Why a list is read whole.
enum Instead {
    /// Nothing else was to be expected.
    First,
    /// Changes were to be expected.
    Lost(String),
    Stopped,
}

impl Instead {
    fn lost(why: impl Into<String>) -> Self {
        Self::Lost(why.into())
    }
}

impl Ways<'_> {
    /// What is kept about a list that is read whole now.
    fn head(&self) -> Head {
        Head { version: VERSION, terms: self.terms.clone(), whole: self.now, since: None, link: None }
    }

    /// Whether what was kept can be built on.
    fn usable(&self, head: &Head) -> Result<(), Instead> {
        if head.version != VERSION {
            return Err(Instead::lost("another version of muster kept it"));
        }
        if let Some(why) = head.terms.unlike(self.terms) {
            return Err(Instead::lost(why));
        }
        head.goes_on(self.delta).map_err(Instead::lost)?;
        let default = WHOLE_EVERY[usize::from(!self.delta.sees_deletes)];
        let every = self.delta.whole_every().unwrap_or(default);
        match Duration::try_from(self.now.duration_since(head.whole)) {
            Ok(age) if age < every => Ok(()),
            Ok(_) => Err(Instead::First), // it is due
            Err(_) => Err(Instead::lost(format!("it was read at {}, which is later than now", head.whole))),
        }
    }
}

impl Head {
    /// Whether there is a place from which changes go on.
    fn goes_on(&self, delta: &Delta) -> Result<(), &'static str> {
        match (&delta.link, &self.link, self.since) {
            (Some(_), None, _) => Err("the system did not say where its next changes are"),
            (None, _, None) => Err("the system does not tell its time (`Date` header), from which changes would count"),
            (Some(_), Some(_), _) | (None, _, Some(_)) => Ok(()),
        }
    }
}

/// Reads what changed since a list was kept.
async fn changes<'a>(
    session: &'a Session,
    plan: Plan<'a>,
    ways: Ways<'a>,
    scope: &Scope,
    name: &str,
) -> Result<(Laid<'a>, Head, Told), Instead> {
    let Ways { delta, memory, .. } = ways;
    let Some(kept) = memory.recall::<Head>(plan.name).map_err(Instead::Lost)? else { return Err(Instead::First) };
    ways.usable(&kept.head)?;
    let lost = |trouble: Trouble| {
        let gap = trouble.gap(name);
        Instead::Lost([Some(gap.what), gap.cause].into_iter().flatten().collect::<Vec<_>>().join(": "))
    };
    let from = match (&delta.link, &delta.into, &delta.value) {
        (None, Some(target), Some(value)) => {
            let overlap = jiff::SignedDuration::from_secs(delta.overlap_s.into());
            let since = kept.head.since.unwrap_or(kept.head.whole).saturating_sub(overlap).unwrap_or(Timestamp::MIN);
            let names = scope.with("since", Value::from_object(crate::manifest::value::Instant(since)));
            Since::Placed(target, value.value(&names).map_err(|error| lost(error.into()))?)
        }
        (_, _, _) => Since::At(kept.head.link.clone().unwrap_or_default()),
    };
    let plan =
        Plan { expired: Some(&delta.expired).filter(|expired| !expired.status.is_empty()).or(plan.expired), ..plan };
    let mut listing = Listing::changes(session, plan, scope.clone(), name, from);
    let (mut changes, mut order) = (HashMap::new(), Vec::new());
    while let Some(rows) = listing.next().await.map_err(|_stopped| Instead::Stopped)? {
        for row in rows {
            let item = scope.with_item(row.clone());
            let key = key(delta, &item).map_err(Instead::Lost)?;
            let gone = delta.removed.as_ref().map_or(Ok(false), |removed| removed.holds(&item));
            let gone = gone.map_err(|error| lost(error.into()))?;
            let change = match (gone, changes.get(&key)) {
                (true, _) => Change::Gone,
                (false, Some(Change::Row(before))) if delta.partial => Change::Row(over(before, &row)),
                (false, _) => Change::Row(row),
            };
            if changes.insert(key.clone(), change).is_none() {
                order.push(key);
            }
            if changes.len() > MOST {
                return Err(Instead::lost(format!("more than {MOST} objects changed")));
            }
        }
    }
    let (began, link, pages) = (listing.began(), listing.link().map(str::to_owned), listing.pages());
    match listing.finish() {
        End::Whole(_) => {}
        End::Gap(gap) | End::Failed(gap) | End::Gone(gap) | End::Blind(gap) => {
            return Err(Instead::Lost(
                [Some(gap.what), gap.cause].into_iter().flatten().collect::<Vec<_>>().join(": "),
            ));
        }
    }
    let next = Head { since: began, link, ..kept.head.clone() };
    next.goes_on(delta).map_err(Instead::lost)?;
    if next.since < kept.head.since {
        return Err(Instead::lost("the system's clock went backwards since"));
    }
    let rows = kept.rows().map_err(|error| Instead::lost(error.to_string()))?;
    let gone = changes.values().filter(|change| matches!(change, Change::Gone)).count() as u64;
    let changed = changes.len() as u64 - gone;
    let told = Told { whole: next.whole, changed, gone, pages, instead: None };
    let laid = Laid {
        base: rows,
        changes,
        order: order.into_iter(),
        delta,
        scope: scope.clone(),
        next: next.clone(),
        failed: None,
    };
    Ok((laid, next, told))
}

/// What a row goes by.
fn key(delta: &Delta, item: &Scope) -> Result<String, String> {
    let key = delta.key.eval(item).map_err(|error| error.to_string())?;
    text(&key)
        .filter(|key| !key.is_empty())
        .ok_or_else(|| format!("a row has no `{}`, by which it would be known again", delta.key.source()))
}

/// What became of an object.
#[derive(Debug)]
enum Change {
    Gone,
    Row(Value),
    /// Its new row was handed out.
    Done,
}

/// The rows as they were, with changes laid over them.
#[derive(Debug)]
struct Laid<'a> {
    base: Rows,
    changes: HashMap<String, Change>,
    /// Keys of the changes as they came: what is new stands behind what was there.
    order: std::vec::IntoIter<String>,
    delta: &'a Delta,
    scope: Scope,
    next: Head,
    failed: Option<String>,
}

impl Laid<'_> {
    fn next(&mut self) -> Option<Vec<Value>> {
        if self.failed.is_some() {
            return None;
        }
        match self.former() {
            Ok(Some(rows)) => return Some(rows),
            Ok(None) => {}
            Err(why) => {
                self.failed = Some(why);
                return None;
            }
        }
        let mut rows = Vec::new();
        while rows.len() < PAGE {
            let Some(key) = self.order.next() else { break };
            if let Some(Change::Row(row)) = self.changes.remove(&key) {
                rows.push(row);
            }
        }
        (!rows.is_empty()).then_some(rows)
    }

    /// Some rows that were there before, as they are now; `None` at their end.
    fn former(&mut self) -> Result<Option<Vec<Value>>, String> {
        let mut page = String::from("[");
        let mut count = 0;
        while count < PAGE {
            let Some(row) = self.base.next_row().map_err(|error| error.to_string())? else { break };
            if count > 0 {
                page.push(',');
            }
            page.push_str(row);
            count += 1;
        }
        if count == 0 {
            return Ok(None);
        }
        page.push(']');
        let page = from_slice(page.as_bytes()).map_err(|error| error.to_string())?;
        let mut rows = Vec::with_capacity(count);
        for row in page.try_iter().into_iter().flatten() {
            let key = key(self.delta, &self.scope.with_item(row.clone()))?;
            match self.changes.get_mut(&key) {
                None => rows.push(row),
                Some(Change::Gone | Change::Done) => {}
                Some(change) => {
                    if let Change::Row(new) = std::mem::replace(change, Change::Done) {
                        rows.push(if self.delta.partial { over(&row, &new) } else { new });
                    }
                }
            }
        }
        Ok(Some(rows))
    }

    fn finish(self) -> (End, Option<Timestamp>, Option<String>) {
        let Self { next: Head { since, link, .. }, failed, .. } = self;
        let end = match failed {
            None => End::Whole(Proof::Said),
            Some(why) => End::Failed(
                Gap::new("COL022", "what was kept of the list cannot be read any more")
                    .cause(why)
                    .fix("`muster collect --full` reads everything"),
            ),
        };
        (end, since, link)
    }
}

/// An object with what changed of it: keys that did not come are as they were.
fn over(before: &Value, change: &Value) -> Value {
    match (before.downcast_object_ref::<Fields>(), change.downcast_object_ref::<Fields>()) {
        (Some(before), Some(change)) => {
            let fields = before.iter().chain(change.iter());
            Value::from_object(Fields::new(fields.map(|(name, value)| (name.into(), value.clone())).collect()))
        }
        (_, _) => change.clone(),
    }
}

/// Keeps rows for the next time.
#[derive(Debug)]
struct Keeping<'a> {
    draft: Draft,
    ways: Ways<'a>,
    head: Head,
    scope: Scope,
}

impl Keeping<'_> {
    fn keep(&mut self, row: &Value) -> Result<(), String> {
        key(self.ways.delta, &self.scope.with_item(row.clone()))?;
        let json = match (self.ways.keys, row.downcast_object_ref::<Fields>()) {
            (Some(keys), Some(fields)) => written_of(fields, |name| keys.contains(name)),
            (_, _) => written(row),
        };
        self.draft.row(&json).map_err(|error| error.to_string())
    }
}
