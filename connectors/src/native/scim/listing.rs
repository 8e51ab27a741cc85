//! Reads a list to its provable end: index paging (RFC 7644, section 3.4.2.4) and cursor paging (RFC 9865).
//!
//! Index paging counts positions in a list that may change under the reader, so the end of a pass proves nothing by
//! itself. A pass is whole when the total stood still and as many different ids arrived as it declares. When the total
//! moved, or rows came twice while others are missing, the list is read again, at most twice. A row that is replaced
//! between two pages while the total stands still cannot be noticed; cursor paging does not have the problem.

use std::collections::HashSet;
use std::sync::Arc;

use serde_json::Value;

use super::resource::{self, Object, OneEach};
use crate::http::{Client, HttpError, Read};
use crate::scope::Gap;
use crate::sink::Scope;

/// Times a list is read again when it changed while it was read.
const READ_AGAIN: u32 = 2;

/// How to walk a list.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Paging {
    /// `startIndex` and `count`.
    Index,
    /// `cursor` and `count`.
    Cursor,
}

/// How a list ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum End {
    /// Everything was read. Fewer rows than the total are told by the declared total.
    Whole,
    /// Not everything can be relied on to be there.
    Partial(Gap),
    /// Nothing can be relied on.
    Failed(Gap),
}

/// One page of a list.
#[derive(Debug, Default)]
pub(super) struct Page {
    pub(super) resources: Vec<Value>,
    /// `totalResults`; `None` when it is missing.
    pub(super) total: Option<u64>,
    /// `nextCursor`.
    pub(super) next: Option<String>,
}

/// A page, or `None` when the JSON is no list: an empty object must not look like an empty list.
pub(super) fn page(mut json: Value) -> Option<Page> {
    let object = Object::of(&json)?;
    let total = object.number("totalResults");
    let next = object.text("nextCursor");
    let is_list = object.list("schemas").iter().filter_map(Value::as_str).any(|urn| urn.ends_with(":ListResponse"));
    let key = json.as_object()?.keys().find(|key| key.eq_ignore_ascii_case("Resources")).cloned();
    let resources = match key.and_then(|key| json.get_mut(&key).map(Value::take)) {
        Some(Value::Array(resources)) => Some(resources),
        Some(Value::Null) | None => None,
        Some(single) => Some(vec![single]),
    };
    // `Resources` may be missing when the total is zero (RFC 7644, section 3.4.2).
    (resources.is_some() || total.is_some() || is_list).then(|| Page {
        resources: resources.unwrap_or_default(),
        total,
        next,
    })
}

/// A list being read.
#[derive(Debug)]
pub(super) struct Listing {
    client: Client,
    endpoint: &'static str,
    count: u32,
    paging: Paging,
    /// Ids handed out, over all passes.
    seen: HashSet<Arc<str>>,
    one_each: OneEach,
    duplicates: u64,
    nameless: u64,
    total: Option<u64>,
    pass: Pass,
    again: u32,
    /// The total moved in some pass.
    moved: bool,
    end: Option<End>,
}

/// One walk through the list.
#[derive(Debug, Default)]
struct Pass {
    pages: u64,
    /// Rows passed, repeated ones included.
    rows: u64,
    ids: HashSet<Arc<str>>,
    cursors: HashSet<String>,
    cursor: String,
    duplicates: u64,
    nameless: u64,
    /// Smallest and largest total that a page declared.
    totals: Option<(u64, u64)>,
    /// The total has been reached; what is asked now only proves that nothing follows.
    proving: bool,
}

impl Listing {
    /// Starts reading `endpoint` (`Users`, `Groups`), asking for `count` rows at once.
    pub(super) fn new(client: Client, endpoint: &'static str, count: u32, paging: Paging) -> Self {
        Self {
            client,
            endpoint,
            count,
            paging,
            seen: HashSet::new(),
            one_each: OneEach::default(),
            duplicates: 0,
            nameless: 0,
            total: None,
            pass: Pass::default(),
            again: 0,
            moved: false,
            end: None,
        }
    }

    /// The resources of the next page that were not handed out before; `None` at the end.
    ///
    /// # Errors
    /// [`HttpError`] when a page cannot be read. The list is then at its end, and what was handed out is not everything.
    pub(super) async fn next(&mut self) -> Result<Option<Vec<Value>>, HttpError> {
        if self.end.is_some() {
            return Ok(None);
        }
        let page = match self.ask().await {
            Ok(page) => page,
            // Some servers refuse to look beyond the end, which proves it as well.
            Err(HttpError::Refused(_) | HttpError::NotFound(_)) if self.pass.proving => Page::default(),
            // A cursor may expire (RFC 9865, section 2.3): start again.
            Err(HttpError::Refused(_))
                if self.paging == Paging::Cursor && self.pass.pages > 0 && self.may_read_again() =>
            {
                return Ok(Some(Vec::new()));
            }
            Err(error) => {
                self.end = Some(End::Partial(error.gap()));
                return Err(error);
            }
        };
        Ok(Some(self.take(page)))
    }

    /// Whether any page was read.
    pub(super) fn began(&self) -> bool {
        self.again > 0 || self.pass.pages > 0
    }

    /// The last total that was declared.
    pub(super) fn total(&self) -> Option<u64> {
        self.total
    }

    /// Takes back what came with one id and told of two.
    pub(super) fn settle_ids(&self, scope: &mut Scope) {
        self.one_each.settle(scope);
    }

    /// Rows that came more than once and were dropped.
    pub(super) fn duplicates(&self) -> u64 {
        self.duplicates
    }

    /// Resources without an id in the last pass.
    pub(super) fn nameless(&self) -> u64 {
        self.nameless
    }

    /// How the list ended, and every id in it.
    pub(super) fn finish(self) -> (End, HashSet<Arc<str>>) {
        (self.end.unwrap_or(End::Whole), self.seen)
    }

    async fn ask(&self) -> Result<Page, HttpError> {
        let mut url = self.client.url(&[self.endpoint]);
        {
            let mut query = url.query_pairs_mut();
            match self.paging {
                Paging::Index => query.append_pair("startIndex", &(self.pass.rows + 1).to_string()),
                Paging::Cursor => query.append_pair("cursor", &self.pass.cursor),
            };
            query.append_pair("count", &self.count.to_string());
        }
        let reply = self.client.read(&Read::get(url)).await?;
        page(reply.json()?).ok_or_else(|| HttpError::Unusable {
            request: reply.request,
            what: "the reply has neither `Resources` nor `totalResults`: it is no SCIM list".into(),
        })
    }

    fn take(&mut self, page: Page) -> Vec<Value> {
        let rows = page.resources.len() as u64;
        let mut fresh = Vec::new();
        let (mut new_here, mut repeated) = (0_u64, 0_u64);
        for resource in page.resources {
            let Some(id) = resource::id(&resource).map(Arc::<str>::from) else {
                self.pass.nameless += 1;
                continue;
            };
            self.one_each.see(&id, &resource);
            if !self.pass.ids.insert(Arc::clone(&id)) {
                repeated += 1;
                continue;
            }
            new_here += 1;
            if self.seen.insert(id) {
                fresh.push(resource);
            }
        }
        self.duplicates += repeated;
        self.pass.duplicates += repeated;
        self.pass.pages += 1;
        self.pass.rows += rows;
        // A server that cannot count says 0, or nothing, beside rows that it sends.
        let total = page.total.filter(|total| *total > 0 || (rows == 0 && self.pass.ids.is_empty()));
        if let Some(total) = total.filter(|_| !self.pass.proving || rows > 0) {
            self.total = Some(total);
            let (low, high) = self.pass.totals.unwrap_or((total, total));
            self.pass.totals = Some((low.min(total), high.max(total)));
        }
        match self.paging {
            Paging::Index => self.step_index(rows, new_here),
            Paging::Cursor => self.step_cursor(page.next),
        }
        fresh
    }

    fn step_index(&mut self, rows: u64, new_here: u64) {
        let Some((low, high)) = self.pass.totals else {
            if rows == 0 || new_here == 0 {
                let gap = Gap::new("COL061", format!("/{} declares no `totalResults`", self.endpoint))
                    .cause("the server does not say how many there are, so nobody can tell whether all were read")
                    .fix("ask the vendor to follow RFC 7644 section 3.4.2, or export to files with another tool");
                self.finish_pass(Some(End::Partial(gap)));
            }
            return;
        };
        let (read, moved) = (self.read(), low != high);
        if rows > 0 && new_here == 0 && self.pass.rows - rows < high && !moved {
            let page = self.pass.pages;
            let gap = Gap::new("COL060", format!("/{} shows nothing new on page {page}", self.endpoint))
                .cause(format!("every row of it stood on an earlier page or has no id; {read} of {high} were read"))
                .fix("set `paging = \"cursor\"` if the server has it, or raise `page_size` above the total");
            self.end = Some(End::Failed(gap));
        } else if rows == 0 || new_here == 0 {
            self.finish_pass(None);
        } else if read >= high {
            // Some servers write the size of the page into the total. A list that ends with a page as full as asked for,
            // or with a round number in its only page, is believed only when the next page is empty.
            let full = rows == u64::from(self.count) || (self.pass.pages == 1 && rows.is_multiple_of(10));
            self.pass.proving |= full;
            if !self.pass.proving {
                self.finish_pass(None);
            }
        }
    }

    fn step_cursor(&mut self, next: Option<String>) {
        match next {
            None => self.finish_pass(None),
            Some(next) if self.pass.cursors.insert(next.clone()) => self.pass.cursor = next,
            Some(_) => {
                let gap = Gap::new("COL060", format!("/{} gives the same cursor twice", self.endpoint))
                    .cause(format!("the list goes round in circles; {} were read", self.read()))
                    .fix("set `paging = \"index\"` if the server has it, and tell the vendor");
                self.end = Some(End::Failed(gap));
            }
        }
    }

    /// Different rows read in this pass. Rows without id cannot be told apart and count.
    fn read(&self) -> u64 {
        self.pass.ids.len() as u64 + self.pass.nameless
    }

    /// Ends the pass and decides whether another may do better.
    fn finish_pass(&mut self, known: Option<End>) {
        self.nameless = self.pass.nameless;
        if known.is_some() {
            self.end = known;
            return;
        }
        let Some((low, high)) = self.pass.totals else {
            self.end = Some(End::Whole); // cursors were followed to their end
            return;
        };
        let read = self.read();
        let whole = match self.paging {
            Paging::Index => low == high && read == high,
            Paging::Cursor => read >= low,
        };
        let moved = low != high || read > high;
        self.moved |= moved;
        if whole {
            self.end = Some(End::Whole);
        } else if self.paging == Paging::Index && !self.moved && self.seen.len() as u64 == high {
            self.end = Some(End::Whole); // the passes together saw as many as there are, and the total never moved
        } else if (moved || self.pass.duplicates > 0) && self.may_read_again() {
            // Another pass has begun; it will tell.
        } else if moved {
            let gap = Gap::new("COL062", format!("/{} changed while it was read", self.endpoint))
                .cause(format!("it declares {low} to {high}, {read} were read; it was read {} times", self.again + 1))
                .fix("collect this system when it is quieter, or set `paging = \"cursor\"` if the server has it");
            self.end = Some(End::Partial(gap));
        } else {
            let gap = Gap::new("COL063", format!("/{} ended after {read} of {high}", self.endpoint))
                .cause(if self.pass.duplicates > 0 {
                    format!("{} rows came twice; pages overlap and others were left out", self.pass.duplicates)
                } else {
                    "a page came back empty before the declared total was reached; rows may be withheld from the credential"
                        .to_owned()
                })
                .fix("check the credential's permissions, then collect again");
            self.end = Some(End::Partial(gap));
        }
    }

    /// Begins another pass, if one is left.
    fn may_read_again(&mut self) -> bool {
        let may = self.again < READ_AGAIN;
        if may {
            self.again += 1;
            self.pass = Pass::default();
        }
        may
    }
}
