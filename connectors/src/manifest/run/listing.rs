//! One list of a stream, for one parent and one partition, read to its provable end.

use std::collections::HashSet;
use std::hash::{DefaultHasher, Hash as _, Hasher as _};

use jiff::Timestamp;
use minijinja::value::ValueKind;

use super::link;
use super::pager::{Ask, MAX_PAGES, Page, Proof, Scheme, Step, Walk};
use super::request::Foundation;
use super::session::{Answered, Question, Session};
use super::transport::Reply;
use super::trouble::Trouble;
use super::wire::{Outgoing, Purpose};
use crate::http::HttpError;
use crate::manifest::expression::Expr;
use crate::manifest::model::{Call, Expired, Pager, PagerKind, Target};
use crate::manifest::scope::Scope;
use crate::manifest::value::{Fields, Value, from_json, instant, is_null, stated, text, to_json};
use crate::scope::Gap;

/// What is read, and how.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Plan<'a> {
    /// What it is called in messages.
    pub(crate) name: &'a str,
    pub(crate) call: &'a Call,
    pub(crate) way: Option<&'a str>,
    /// The rows in a reply; `None` is the whole reply.
    pub(crate) items: Option<&'a Expr>,
    pub(crate) pager: &'a Pager,
    /// Units a call costs.
    pub(crate) cost: u64,
    /// Asked for a parent, which may have vanished.
    pub(crate) child: bool,
    /// Asked together with others.
    pub(crate) bundled: bool,
    /// Permissions beyond those of the manifest.
    pub(crate) needs: &'a [String],
    /// What says that a cursor, or the place from which changes go on, is too old.
    pub(crate) expired: Option<&'a Expired>,
    /// Where the reply says where the next changes are.
    pub(crate) link: Option<&'a Expr>,
}

/// Where changes are asked for.
#[derive(Debug, Clone)]
pub(crate) enum Since<'a> {
    /// At an address that the system gave.
    At(String),
    /// With this at this place of the call.
    Placed(&'a Target, Value),
}

/// How a list ended.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum End {
    /// Everything was read.
    Whole(Proof),
    /// Not everything was read.
    Gap(Gap),
    /// Nothing of it can be relied on.
    Failed(Gap),
    /// What it belongs to is not there any more, if that is confirmed.
    Gone(Gap),
    /// Everything that is there was read, and perhaps more: what was deleted is not known.
    Blind(Gap),
}

/// A list being read.
#[derive(Debug)]
pub(crate) struct Listing<'a> {
    session: &'a Session,
    plan: Plan<'a>,
    scope: Scope,
    walk: Walk,
    ask: Ask,
    /// Where the last reply came from: relative links count from there.
    last: Option<url::Url>,
    /// Rows handed out, over all passes.
    seen: HashSet<u128>,
    /// Rows of this pass.
    pass: HashSet<u128>,
    repeated: u64,
    /// Where it begins, when only changes are read.
    since: Option<Since<'a>>,
    pages: u64,
    /// The server's clock in its first reply.
    began: Option<Timestamp>,
    /// Where the next changes are.
    link: Option<String>,
    end: Option<End>,
}

impl<'a> Listing<'a> {
    /// Stands at the beginning of a list. `scope` holds parents and partition; `name` says which list it is.
    pub(crate) fn new(session: &'a Session, plan: Plan<'a>, scope: Scope, name: &str) -> Self {
        let pager = plan.pager;
        let start = |default: u64| pager.start.map_or(default, |start| u64::try_from(start).unwrap_or(0));
        let scheme = match pager.kind.get_ref() {
            PagerKind::None => Scheme::Single,
            PagerKind::Link | PagerKind::NextUrl | PagerKind::Cursor | PagerKind::Continue => {
                Scheme::Told { says_more: pager.more.is_some() }
            }
            PagerKind::Page => Scheme::Page { start: start(1) },
            PagerKind::Offset => Scheme::Offset { start: start(0) },
            PagerKind::Scim => Scheme::Offset { start: start(1) },
            PagerKind::Seek => Scheme::Seek,
        };
        let size = pager.size.filter(|_| !pager.short_pages).map(u64::from);
        let walk = Walk::new(scheme, size, pager.max_pages.map_or(MAX_PAGES, u64::from), name);
        let ask = walk.start();
        Self {
            session,
            plan,
            scope,
            walk,
            ask,
            last: None,
            seen: HashSet::new(),
            pass: HashSet::new(),
            repeated: 0,
            since: None,
            pages: 0,
            began: None,
            link: None,
            end: None,
        }
    }

    /// Stands at the beginning of the changes of a list. They are handed out as they come, also those that come again: of two the
    /// later counts. What has to be begun again ends them.
    pub(crate) fn changes(session: &'a Session, plan: Plan<'a>, scope: Scope, name: &str, since: Since<'a>) -> Self {
        Self { since: Some(since), ..Self::new(session, plan, scope, name) }
    }

    /// The rows of the next page that were not handed out before; `None` at the end.
    ///
    /// # Errors
    /// [`Trouble::Stopped`] alone; anything else ends the list and is told by [`Listing::finish`].
    pub(crate) async fn next(&mut self) -> Result<Option<Vec<Value>>, Trouble> {
        if self.end.is_some() {
            return Ok(None);
        }
        match self.page().await {
            Ok(rows) => Ok(rows),
            Err(Trouble::Stopped) => Err(Trouble::Stopped),
            Err(trouble) => {
                let gap = trouble.gap(self.plan.name);
                // What was read before stays read; only a list of which nothing came has failed.
                self.end = Some(if self.walk.began() { End::Gap(gap) } else { End::Failed(gap) });
                Ok(None)
            }
        }
    }

    /// Pages that were read.
    pub(crate) fn pages(&self) -> u64 {
        self.pages
    }

    /// What the server's clock said in its first reply.
    pub(crate) fn began(&self) -> Option<Timestamp> {
        self.began
    }

    /// Where the system said that the next changes are.
    pub(crate) fn link(&self) -> Option<&str> {
        self.link.as_deref()
    }

    /// Rows that came again.
    pub(crate) fn repeated(&self) -> u64 {
        self.repeated
    }

    /// How the list ended.
    pub(crate) fn finish(self) -> End {
        self.end.unwrap_or_else(|| {
            End::Gap(
                Gap::new("COL022", format!("{} was not read to its end", self.plan.name))
                    .cause("the run ended before")
                    .fix("collect this system again"),
            )
        })
    }

    async fn page(&mut self) -> Result<Option<Vec<Value>>, Trouble> {
        let question = Question {
            request: self.request()?,
            way: self.plan.way,
            scope: &self.scope,
            cost: self.plan.cost,
            child: self.plan.child,
            bundled: self.plan.bundled,
            tolls: None,
            expired: self.plan.expired,
            needs: self.plan.needs,
        };
        let reply = match self.session.ask(&question).await? {
            Answered::Reply(reply) => reply,
            Answered::Restart(gap) => {
                if self.since.is_some() || !self.walk.restart() {
                    self.end = Some(End::Gap(gap));
                    return Ok(None);
                }
                self.again();
                return Ok(Some(Vec::new()));
            }
            Answered::Gone(gap) => {
                self.end = Some(if self.walk.began() { End::Gap(gap) } else { End::Gone(gap) });
                return Ok(None);
            }
            Answered::Empty => {
                self.end = Some(End::Whole(Proof::Said));
                return Ok(None);
            }
            Answered::Gap(gap) => {
                self.end = Some(End::Gap(gap));
                return Ok(None);
            }
        };
        let scope = reply.within(&self.scope);
        self.pages += 1;
        self.began = self.began.or_else(|| reply.date());
        if let Some(link) = self.plan.link {
            self.link = text(&link.eval(&scope)?).filter(|link| !link.is_empty()).or_else(|| self.link.take());
        }
        let rows = self.rows_of(&reply, &scope)?;
        let mut page = self.facts(&reply, &scope, rows.last())?;
        page.rows = rows.len() as u64;
        let mut fresh = Vec::with_capacity(rows.len());
        for row in rows {
            let print = fingerprint(&row);
            page.new += u64::from(self.pass.insert(print));
            if self.since.is_some() || self.seen.insert(print) {
                fresh.push(row);
            } else {
                self.repeated += 1;
            }
        }
        self.last = Some(reply.url.clone());
        match self.walk.take(&page) {
            Step::Next(ask) => self.ask = ask,
            Step::Again => self.again(),
            Step::End(proof) => self.end = Some(End::Whole(proof)),
            Step::Partial(gap) => self.end = Some(End::Gap(gap)),
            Step::Failed(gap) => self.end = Some(End::Failed(gap)),
        }
        Ok(Some(fresh))
    }

    fn again(&mut self) {
        self.pass.clear();
        self.last = None;
        self.ask = self.walk.start();
    }

    fn request(&self) -> Result<Outgoing, Trouble> {
        let Plan { pager, call, .. } = self.plan;
        let foundation: &Foundation = self.session.foundation();
        let scim = *pager.kind.get_ref() == PagerKind::Scim;
        let (start_index, count) = (Target::Query("startIndex".into()), Target::Query("count".into()));
        let into = pager.into.as_ref().or_else(|| scim.then_some(&start_index));
        let size_into = pager.size_into.as_ref().or_else(|| scim.then_some(&count));
        let mut placed = Vec::new();
        if let (Some(target), Some(size)) = (size_into, pager.size) {
            placed.push((target, Value::from(size)));
        }
        match &self.since {
            Some(Since::At(address)) if self.pages == 0 => {
                let address = address.parse();
                let address =
                    address.map_err(|error| Trouble::unsendable("the place of the next changes is no URL", &error))?;
                return foundation.follow(address, call, &self.scope);
            }
            Some(Since::Placed(target, value)) => placed.push((*target, value.clone())),
            Some(Since::At(_)) | None => {}
        }
        let Ask::From(at) = &self.ask else { return foundation.request(call, &self.scope, Purpose::Read, &placed) };
        match pager.kind.get_ref() {
            PagerKind::Link | PagerKind::NextUrl => {
                let written = at.as_str().unwrap_or_default();
                let next = match &self.last {
                    Some(last) => last.join(written),
                    None => written.parse(),
                };
                let next = next.map_err(|error| Trouble::unsendable("the link to the next page is no URL", &error))?;
                foundation.follow(next, call, &self.scope)
            }
            PagerKind::Continue => {
                let scope = self.scope.with("cursor", from_json(at));
                let next = pager.call.as_ref().ok_or_else(|| Trouble::manifest("the pager has no `call`"))?;
                foundation.request(next, &scope, Purpose::Read, &[])
            }
            PagerKind::Cursor
            | PagerKind::Page
            | PagerKind::Offset
            | PagerKind::Seek
            | PagerKind::Scim
            | PagerKind::None => {
                placed.extend(into.map(|target| (target, from_json(at))));
                foundation.request(call, &self.scope, Purpose::Read, &placed)
            }
        }
    }

    /// The rows of a reply. Something that is neither list nor object is no empty list.
    fn rows_of(&self, reply: &Reply, scope: &Scope) -> Result<Vec<Value>, Trouble> {
        let unusable = |what: String| HttpError::Unusable { request: reply.request.clone(), what };
        if let Some(why) = &reply.illegible {
            return Err(unusable(why.clone()).into());
        }
        let (found, place) = match self.plan.items {
            Some(items) => (items.eval(scope)?, items.source()),
            None => (reply.body.clone(), "."),
        };
        match found.kind() {
            ValueKind::Seq => Ok(found.try_iter().map_err(|error| unusable(error.to_string()))?.collect()),
            ValueKind::Map => Ok(vec![found]),
            _ if is_null(&found) => Err(unusable(format!("the reply holds no list at `{place}`")).into()),
            kind => Err(unusable(format!("`{place}` of the reply is {kind}, not a list")).into()),
        }
    }

    /// What the reply says about where the list goes on. `last` is the last row.
    fn facts(&self, reply: &Reply, scope: &Scope, last: Option<&Value>) -> Result<Page, Trouble> {
        let pager = self.plan.pager;
        let eval = |expr: &Option<Expr>| expr.as_ref().map(|expr| expr.eval(scope)).transpose();
        let truth = |value: Value| (!is_null(&value)).then(|| value.is_true());
        let mut page = Page {
            more: eval(&pager.more)?.and_then(truth),
            last: eval(&pager.last)?.as_ref().and_then(number),
            total: eval(&pager.total)?.as_ref().and_then(number),
            ..Page::default()
        };
        if eval(&pager.unless)?.is_some_and(|value| value.is_true()) {
            page.more = Some(false);
        }
        page.next = match pager.kind.get_ref() {
            PagerKind::Link => link::target(&reply.headers, pager.rel.as_deref().unwrap_or("next")).map(Into::into),
            PagerKind::Cursor | PagerKind::NextUrl | PagerKind::Continue => {
                eval(&pager.from)?.filter(|next| !is_null(next)).map(|next| to_json(&next))
            }
            PagerKind::Seek => match (&pager.from, last) {
                (Some(from), Some(last)) => {
                    let key = from.eval(&self.scope.with_item(last.clone()))?;
                    (!is_null(&key)).then(|| to_json(&key))
                }
                _ => None,
            },
            PagerKind::Scim => {
                let total = reply.body.get_attr("totalResults").ok();
                page.total = page.total.or_else(|| total.as_ref().and_then(number));
                None
            }
            PagerKind::Page | PagerKind::Offset | PagerKind::None => None,
        };
        Ok(page)
    }
}

/// A count, written as number or text.
fn number(value: &Value) -> Option<u64> {
    value.as_i64().and_then(|number| u64::try_from(number).ok()).or_else(|| value.as_str()?.trim().parse().ok())
}

/// A number that differs for different rows, and does not for equal ones.
pub(crate) fn fingerprint(row: &Value) -> u128 {
    let mut hasher = DefaultHasher::new();
    feed(row, &mut hasher);
    wide(hasher)
}

/// The same for a text in a family of texts.
pub(crate) fn fingerprint_of(family: &str, text: &str) -> u128 {
    let mut hasher = DefaultHasher::new();
    (family, text).hash(&mut hasher);
    wide(hasher)
}

fn wide(hasher: DefaultHasher) -> u128 {
    let mut other = hasher.clone();
    other.write_u8(1); // the hasher's state is wider than its result
    (u128::from(hasher.finish()) << 64) | u128::from(other.finish())
}

fn feed(value: &Value, hasher: &mut DefaultHasher) {
    if let Some(fields) = value.downcast_object_ref::<Fields>() {
        hasher.write_u8(1);
        for (name, value) in fields.iter() {
            name.hash(hasher);
            feed(value, hasher);
        }
        hasher.write_u8(2);
    } else if let Some(text) = value.as_str() {
        hasher.write_u8(3);
        text.hash(hasher);
    } else if let Some(number) = value.as_i64() {
        hasher.write_u8(7);
        (value.kind() as u8).hash(hasher);
        hasher.write_i64(number);
    } else if value.kind() == ValueKind::Seq {
        hasher.write_u8(4);
        value.try_iter().into_iter().flatten().for_each(|element| feed(&element, hasher));
        hasher.write_u8(5);
    } else {
        hasher.write_u8(6);
        (value.kind() as u8).hash(hasher);
        let told = text(value).or_else(|| instant(value).map(|at| at.to_string()));
        told.or_else(|| stated(value).map(|state| state.to_string())).unwrap_or_default().hash(hasher);
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn rows_differ_by_content_and_not_by_the_order_of_their_keys() {
        let print = |json: serde_json::Value| fingerprint(&from_json(&json));
        assert_eq!(print(json!({"a": 1, "b": [true, null]})), print(json!({"b": [true, null], "a": 1})));
        let different = [
            json!({"a": 1}),
            json!({"a": "1"}),
            json!({"a": [1]}),
            json!({"a": {"b": 1}}),
            json!({"a": true}),
            json!({"a": null}),
            json!({}),
            json!([]),
            json!([[], []]),
            json!([[[]]]),
            json!({"a": 1, "b": 1}),
        ];
        let prints: HashSet<u128> = different.iter().cloned().map(print).collect();
        assert_eq!(prints.len(), different.len());
    }
}
