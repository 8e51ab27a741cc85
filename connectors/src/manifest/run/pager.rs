//! Walks a list page by page to a provable end.
//!
//! Knows nothing of HTTP or expressions: the runner tells what a page held ([`Page`]), and is told what to ask for next
//! ([`Step`]). Each partition gets a fresh [`Walk`].
//!
//! Ends are proven, strongest first: the declared total was reached; the list itself says that it ends; a page came short;
//! the one reply of a call that has no pages. A list that goes round in circles is failed, and one that says there is more
//! and does not say where is not whole.
//!
//! Counting pagers (page, offset, SCIM) count positions in a list that may change under the reader. When the declared total
//! moves, or rows come twice while others are missing, the list is read again, at most twice.

use std::collections::HashSet;

use serde_json::Value;

use crate::scope::Gap;

/// Times a list is read again when it changed while it was read.
const READ_AGAIN: u32 = 2;
/// Times a list is begun again when its cursor expired.
const RESTARTS: u32 = 2;
/// Pages of one partition when the manifest does not say.
pub(crate) const MAX_PAGES: u64 = 50_000;

/// How a list is walked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Scheme {
    /// One reply holds everything.
    Single,
    /// A reply names the next: by a cursor, a URL or a link.
    Told {
        /// Whether an end without a word is none: the manifest has a `more` that has to say it.
        says_more: bool,
    },
    /// Pages are numbered.
    Page {
        /// Number of the first one.
        start: u64,
    },
    /// Rows are numbered.
    Offset {
        /// Number of the first one.
        start: u64,
    },
    /// The next page begins after the last key of this one.
    Seek,
}

impl Scheme {
    /// Whether a position is counted in a list that may move.
    fn counts(self) -> bool {
        matches!(self, Self::Page { .. } | Self::Offset { .. })
    }
}

/// What a page held.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Page {
    /// Rows on it.
    pub(crate) rows: u64,
    /// Rows on it that no earlier page of this pass held.
    pub(crate) new: u64,
    /// Where the next one is: cursor, URL or last key. Null and empty text count as none.
    pub(crate) next: Option<Value>,
    /// Whether there is more, where the reply says so.
    pub(crate) more: Option<bool>,
    /// Number of the last page, where the reply says so.
    pub(crate) last: Option<u64>,
    /// Rows of the whole list, where the reply says so.
    pub(crate) total: Option<u64>,
}

/// What to ask for next.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Ask {
    /// The beginning of the list.
    Start,
    /// The page with this number, at this offset, or after this cursor, key or URL.
    From(Value),
}

/// Why a list is known to be whole, strongest first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Proof {
    /// As many rows as the list declares.
    Total,
    /// The list itself says that it ends.
    Said,
    /// The last page came short, or empty.
    Short,
    /// The call has no pages.
    Single,
}

/// What follows from a page.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Step {
    /// Ask for this.
    Next(Ask),
    /// Read the list again from its beginning: it changed.
    Again,
    /// The list is whole.
    End(Proof),
    /// Not everything was read.
    Partial(Gap),
    /// Nothing can be relied on.
    Failed(Gap),
}

/// A list being walked.
#[derive(Debug)]
pub(crate) struct Walk {
    scheme: Scheme,
    /// Rows asked for at once, where the manifest asks and a page with fewer is an end.
    size: Option<u64>,
    max_pages: u64,
    /// What the list is called in messages.
    name: String,
    again: u32,
    restarts: u32,
    pages_in_all: u64,
    pass: Pass,
}

/// One walk through the list.
#[derive(Debug, Default)]
struct Pass {
    pages: u64,
    /// Rows of the first page.
    first: u64,
    rows: u64,
    new: u64,
    asked: HashSet<String>,
    /// Smallest and largest total that a page declared.
    totals: Option<(u64, u64)>,
    /// Pages in a row that held rows, and none that was new.
    stale: u32,
}

impl Walk {
    /// A walk that stands at the beginning of the list called `name`.
    pub(crate) fn new(scheme: Scheme, size: Option<u64>, max_pages: u64, name: impl Into<String>) -> Self {
        let name = name.into();
        Self { scheme, size, max_pages, name, again: 0, restarts: 0, pages_in_all: 0, pass: Pass::default() }
    }

    /// What to ask for first; also after [`Step::Again`].
    pub(crate) fn start(&self) -> Ask {
        match self.scheme {
            Scheme::Page { start } | Scheme::Offset { start } => Ask::From(start.into()),
            Scheme::Single | Scheme::Told { .. } | Scheme::Seek => Ask::Start,
        }
    }

    /// Whether any page was read.
    pub(crate) fn began(&self) -> bool {
        self.pages_in_all > 0
    }

    /// Begins again because the cursor expired; false when that was done often enough.
    pub(crate) fn restart(&mut self) -> bool {
        self.restarts += 1;
        self.pass = Pass::default();
        self.restarts <= RESTARTS
    }

    /// Takes a page and says what follows.
    pub(crate) fn take(&mut self, page: &Page) -> Step {
        self.pages_in_all += 1;
        self.pass.pages += 1;
        if self.pass.pages == 1 {
            self.pass.first = page.rows;
        }
        self.pass.rows += page.rows;
        self.pass.new += page.new;
        self.pass.stale = if page.rows > 0 && page.new == 0 { self.pass.stale + 1 } else { 0 };
        // A server that cannot count says 0 beside rows that it sends.
        if let Some(total) = page.total.filter(|total| *total > 0 || self.pass.rows == 0) {
            let (low, high) = self.pass.totals.unwrap_or((total, total));
            self.pass.totals = Some((low.min(total), high.max(total)));
        }
        let step = match self.scheme {
            Scheme::Single => self.end(Proof::Single),
            Scheme::Told { says_more } => self.told(page, says_more),
            Scheme::Page { start } => {
                let number = start + self.pass.pages - 1;
                self.counted(page, number + 1, page.last.is_some_and(|last| number >= last))
            }
            Scheme::Offset { start } => self.counted(page, start + self.pass.rows, false),
            Scheme::Seek => self.sought(page),
        };
        match step {
            Step::Next(Ask::From(at)) => self.go(at),
            other => other,
        }
    }

    /// Asks for `at`, unless that was asked before or too many pages were read.
    fn go(&mut self, at: Value) -> Step {
        if !self.pass.asked.insert(at.to_string()) {
            return Step::Failed(self.circle("it names a page that was asked for before"));
        }
        if self.pass.pages >= self.max_pages {
            let gap = Gap::new("COL070", format!("{} has more than {} pages", self.name, self.max_pages))
                .cause(format!("{} rows were read; the list goes on, or never ends", self.pass.new))
                .fix("if the list is really so long, raise `max_pages` of its pager; else tell the vendor");
            return Step::Partial(gap);
        }
        Step::Next(Ask::From(at))
    }

    fn told(&mut self, page: &Page, says_more: bool) -> Step {
        // A cursor says that it is another page; only a list that repeats itself time and again is a circle.
        if self.pass.stale >= 3 {
            return Step::Failed(self.circle("page after page shows the rows of earlier ones"));
        }
        let next = page.next.as_ref().filter(|next| !is_none(next));
        match (page.more, next) {
            (Some(false), _) => self.end(Proof::Said),
            (Some(true), None) => Step::Partial(self.no_way_on("it says that there is more and does not say where")),
            // A list that is not there at all says nothing (a null object in GraphQL).
            (None, None) if says_more && page.rows > 0 => {
                Step::Partial(self.no_way_on("it neither says whether there is more nor where it would be"))
            }
            (_, Some(next)) => Step::Next(Ask::From(next.clone())),
            (None, None) => self.end(Proof::Said),
        }
    }

    fn counted(&mut self, page: &Page, next: u64, is_last: bool) -> Step {
        let reached = self.pass.totals.is_some_and(|(_, high)| self.pass.new >= high);
        // Beyond the end, a server that clamps shows its last page again.
        if reached || (page.rows == 0 && self.pass.totals.is_some()) {
            return self.end(Proof::Total);
        }
        if page.rows > 0 && page.new == 0 && self.pass.pages > 1 {
            return match self.pass.totals {
                Some((low, high)) if low != high => self.end(Proof::Total),
                _ => Step::Failed(self.circle("a page holds nothing but rows of earlier ones")),
            };
        }
        if is_last || page.more == Some(false) {
            return self.end(Proof::Said);
        }
        if page.rows == 0 && page.more != Some(true) && page.last.is_none() {
            return self.end(Proof::Short);
        }
        if page.rows == 0 {
            return Step::Partial(self.no_way_on("an empty page came before the end that it declares"));
        }
        let proof_is_coming = page.more.is_some() || page.last.is_some() || self.pass.totals.is_some();
        if !proof_is_coming && self.is_short(page) {
            return self.end(Proof::Short);
        }
        Step::Next(Ask::From(next.into()))
    }

    /// Whether the page came shorter than asked for. A first page with a round number of rows may be as long as the server
    /// lets a page be, whatever was asked; then only a page shorter than that one is.
    fn is_short(&self, page: &Page) -> bool {
        let first = Some(self.pass.first).filter(|first| *first > 0 && first.is_multiple_of(10));
        self.size.is_some_and(|size| page.rows < first.map_or(size, |first| first.min(size)))
    }

    fn sought(&mut self, page: &Page) -> Step {
        if page.rows > 0 && page.new == 0 && self.pass.pages > 1 {
            return Step::Failed(self.circle("a page holds nothing but rows of earlier ones"));
        }
        match (page.more, page.next.as_ref().filter(|next| !is_none(next))) {
            (Some(false), _) => self.end(Proof::Said),
            (None, _) if page.rows == 0 || self.is_short(page) => self.end(Proof::Short),
            (_, Some(key)) => Step::Next(Ask::From(key.clone())),
            (_, None) => Step::Partial(self.no_way_on("its last row has no key to go on from")),
        }
    }

    /// The list came to an end: is it whole?
    fn end(&mut self, proof: Proof) -> Step {
        let Some((low, high)) = self.pass.totals else { return Step::End(proof) };
        let (new, rows) = (self.pass.new, self.pass.rows);
        if low == high && new == high {
            return Step::End(Proof::Total);
        }
        // A cursor finds what was there all the time, whatever was added or taken away meanwhile.
        if !self.scheme.counts() && new >= low {
            return Step::End(proof.min(Proof::Said));
        }
        let moved = low != high || new > high;
        if (moved || rows > new) && self.again < READ_AGAIN && self.scheme != Scheme::Single {
            self.again += 1;
            self.pass = Pass::default();
            return Step::Again;
        }
        if moved {
            return Step::Partial(
                Gap::new("COL062", format!("{} changed while it was read", self.name))
                    .cause(format!(
                        "it declares {low} to {high} rows, {new} were read; it was read {} times",
                        self.again + 1
                    ))
                    .fix("collect this system when it is quieter"),
            );
        }
        Step::Partial(
            Gap::new("COL063", format!("{} ended after {new} of {high} rows", self.name))
                .cause(if rows > new {
                    format!("{} rows came twice; pages overlap and others were left out", rows - new)
                } else {
                    "the list ended before its declared total; rows may be withheld from the credential".to_owned()
                })
                .fix("check the credential's permissions, then collect again"),
        )
    }

    fn circle(&self, why: &str) -> Gap {
        Gap::new("COL060", format!("{} goes round in circles on page {}", self.name, self.pass.pages))
            .cause(format!("{why}; {} different rows were read", self.pass.new))
            .fix("check how the manifest pages this list, and tell the vendor")
    }

    fn no_way_on(&self, why: &str) -> Gap {
        Gap::new("COL071", format!("{} does not lead to its end", self.name))
            .cause(format!("{why}, after {} pages and {} rows", self.pass.pages, self.pass.new))
            .fix("check `from`, `more` and `last` of the pager against a reply of the system")
    }
}

/// Whether a cursor means that nothing follows.
fn is_none(next: &Value) -> bool {
    match next {
        Value::Null | Value::Bool(false) => true,
        Value::String(text) => text.is_empty(),
        Value::Array(keys) => keys.is_empty(),
        Value::Bool(true) | Value::Number(_) | Value::Object(_) => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rows(rows: u64) -> Page {
        Page { rows, new: rows, ..Page::default() }
    }

    fn cursor(text: &str) -> Page {
        Page { next: Some(text.into()), ..rows(2) }
    }

    fn from(value: impl Into<Value>) -> Step {
        Step::Next(Ask::From(value.into()))
    }

    fn walk(scheme: Scheme) -> Walk {
        Walk::new(scheme, Some(2), 9, "GET /x")
    }

    const TOLD: Scheme = Scheme::Told { says_more: false };

    #[test]
    fn a_cursor_leads_to_the_end_that_the_list_declares() {
        let mut list = walk(TOLD);
        assert_eq!(list.start(), Ask::Start);
        assert_eq!(list.take(&cursor("a")), from("a"));
        // An empty page with a cursor is no end.
        assert_eq!(list.take(&Page { next: Some("b".into()), ..rows(0) }), from("b"));
        assert_eq!(list.take(&cursor("")), Step::End(Proof::Said));
        assert_eq!(walk(TOLD).take(&Page { more: Some(false), ..cursor("a") }), Step::End(Proof::Said));
        assert_eq!(walk(TOLD).take(&Page { next: Some(0.into()), ..rows(2) }), from(0));
        assert_eq!(walk(TOLD).take(&Page { total: Some(2), ..rows(2) }), Step::End(Proof::Total));
    }

    #[test]
    fn a_list_that_breaks_its_word_is_not_whole() {
        let partial = |step: Step| matches!(step, Step::Partial(gap) if gap.code == "COL071");
        assert!(partial(walk(TOLD).take(&Page { more: Some(true), ..rows(2) })));
        assert!(partial(walk(Scheme::Told { says_more: true }).take(&rows(2))));
        assert!(partial(walk(Scheme::Seek).take(&Page { more: Some(true), ..rows(2) })));
        let mut short = walk(TOLD);
        assert!(matches!(short.take(&Page { total: Some(5), ..rows(3) }), Step::Partial(gap) if gap.code == "COL063"));
    }

    #[test]
    fn circles_are_noticed_and_endless_lists_end() {
        let mut same = walk(TOLD);
        assert_eq!(same.take(&cursor("a")), from("a"));
        assert!(matches!(same.take(&cursor("a")), Step::Failed(gap) if gap.code == "COL060"));
        let mut content = walk(TOLD);
        let stale = |text: &str| Page { rows: 2, next: Some(text.into()), ..Page::default() };
        assert_eq!(content.take(&cursor("a")), from("a"));
        assert_eq!(content.take(&stale("b")), from("b"));
        assert_eq!(content.take(&stale("c")), from("c"));
        assert!(matches!(content.take(&stale("d")), Step::Failed(_)));
        let mut endless = walk(TOLD);
        let ended = (0..100)
            .map(|n| endless.take(&cursor(&n.to_string())))
            .position(|step| matches!(step, Step::Partial(gap) if gap.code == "COL070"));
        assert_eq!(ended, Some(8));
        let mut pages = walk(Scheme::Page { start: 1 });
        assert_eq!(pages.take(&rows(2)), from(2));
        assert!(matches!(pages.take(&Page { rows: 2, ..Page::default() }), Step::Failed(gap) if gap.code == "COL060"));
    }

    #[test]
    fn pages_and_offsets_count_from_where_the_vendor_counts() {
        let mut pages = walk(Scheme::Page { start: 0 });
        assert_eq!(pages.start(), Ask::From(0.into()));
        assert_eq!(pages.take(&Page { last: Some(1), ..rows(2) }), from(1));
        assert_eq!(pages.take(&Page { last: Some(1), ..rows(2) }), Step::End(Proof::Said));
        let mut offset = walk(Scheme::Offset { start: 1 });
        let three = |rows: Page| Page { total: Some(3), ..rows };
        assert_eq!(offset.take(&three(rows(2))), from(3));
        assert_eq!(offset.take(&three(rows(1))), Step::End(Proof::Total));
        assert_eq!(walk(Scheme::Offset { start: 0 }).take(&rows(1)), Step::End(Proof::Short));
        let mut seek = walk(Scheme::Seek);
        assert_eq!(seek.take(&cursor("m")), from("m"));
        assert_eq!(seek.take(&Page { next: Some("n".into()), ..rows(1) }), Step::End(Proof::Short));
    }

    #[test]
    fn a_round_first_page_may_be_the_servers_own_cap() {
        let mut capped = Walk::new(Scheme::Page { start: 1 }, Some(500), 9, "x");
        assert_eq!(capped.take(&rows(100)), from(2));
        assert_eq!(capped.take(&rows(100)), from(3));
        assert_eq!(capped.take(&rows(7)), Step::End(Proof::Short));
        let mut unsaid = Walk::new(Scheme::Page { start: 1 }, None, 9, "x");
        assert_eq!(unsaid.take(&rows(7)), from(2));
        assert_eq!(unsaid.take(&rows(0)), Step::End(Proof::Short));
    }

    #[test]
    fn a_total_that_moves_is_read_again_and_then_not_believed() {
        let page = |total: u64, rows_here: u64| Page { total: Some(total), ..rows(rows_here) };
        let mut list = walk(Scheme::Offset { start: 0 });
        for _ in 0..2 {
            assert_eq!(list.take(&page(4, 2)), from(2));
            assert_eq!(list.take(&page(3, 1)), from(3));
            assert_eq!(list.take(&page(3, 0)), Step::Again);
        }
        assert_eq!(list.take(&page(4, 2)), from(2));
        assert_eq!(list.take(&page(3, 1)), from(3));
        assert!(matches!(list.take(&page(3, 0)), Step::Partial(gap) if gap.code == "COL062"));
        // It stood still the second time.
        let mut calmer = walk(Scheme::Offset { start: 0 });
        calmer.take(&page(4, 2));
        calmer.take(&page(3, 1));
        assert_eq!(calmer.take(&page(3, 0)), Step::Again);
        assert_eq!(calmer.take(&page(3, 2)), from(2));
        assert_eq!(calmer.take(&page(3, 1)), Step::End(Proof::Total));
    }

    #[test]
    fn a_cursor_list_may_grow_while_it_is_read() {
        let mut list = walk(TOLD);
        assert_eq!(list.take(&Page { total: Some(3), ..cursor("a") }), from("a"));
        assert_eq!(list.take(&Page { total: Some(4), ..rows(2) }), Step::End(Proof::Said));
    }

    #[test]
    fn a_cursor_expires_twice_at_most() {
        let mut list = walk(TOLD);
        list.take(&cursor("a"));
        assert!(list.restart() && list.began());
        assert_eq!(list.take(&cursor("a")), from("a"));
        assert!(list.restart());
        assert!(!list.restart());
    }
}
