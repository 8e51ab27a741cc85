//! Lists of two pages out of answers that know no pages: the second has the first one's rows under other ids, and is the last.

use serde_json::Value;

use crate::scripted_http::{Request, Response};

/// What stands for the second page, in whatever parameter.
const SECOND: &str = "2";

/// How a list goes on after its first page.
#[derive(Debug, Clone, Copy)]
pub enum Paging {
    /// By a `Link` header whose address has the page in this parameter.
    Link(&'static str),
    /// By a cursor at a place in the reply (a JSON pointer), handed back in this parameter.
    Cursor(&'static str, &'static str),
    /// By the whole address of the next page at a place in the reply, with this parameter.
    Address(&'static str, &'static str),
    /// By a number in this parameter, with the number of pages at a place in the reply.
    Number(&'static str, &'static str),
    /// By a number in this parameter that counts pages or rows from here on; the reply tells how many rows there are in all.
    Counted(&'static str, u64),
    /// By the number of rows before the page, in this parameter. Nothing but a short page tells the end: the first has
    /// [`FULL`] rows.
    Offset(&'static str),
}

/// Rows of a first page that is as long as the server lets pages be.
const FULL: usize = 10;

/// Where the next page is to be told.
#[derive(Debug)]
pub(super) enum Next {
    /// In the header.
    Header(String),
    /// At a place in the reply.
    Body(&'static str, String),
}

impl Paging {
    /// The parameter that has the page.
    pub(super) const fn parameter(&self) -> &'static str {
        match self {
            Self::Link(name)
            | Self::Cursor(name, _)
            | Self::Address(name, _)
            | Self::Number(name, _)
            | Self::Counted(name, _)
            | Self::Offset(name) => name,
        }
    }

    /// Whether a request asks for the second page.
    pub(super) fn is_second(&self, request: &Request) -> bool {
        let told = request.query(self.parameter());
        let after = |start: u64| told.and_then(|told| told.parse::<u64>().ok()).is_some_and(|number| number > start);
        match self {
            Self::Link(_) | Self::Cursor(_, _) | Self::Address(_, _) | Self::Number(_, _) => told == Some(SECOND),
            Self::Counted(_, start) => after(*start),
            Self::Offset(_) => after(0),
        }
    }

    /// Whether a reply of this shape can tell what comes next.
    pub(super) fn suits(&self, reply: &Value) -> bool {
        matches!(self, Self::Link(_) | Self::Offset(_)) || reply.is_object()
    }

    /// Makes a reply the page that was asked for, and says where the next is told when its address has to be. A list that nothing
    /// but a short page ends has just one, when others of its kind went on (`short`).
    pub(super) fn turn(&self, request: &Request, reply: &mut Value, ids: &[&str], short: bool) -> Option<Next> {
        rows(reply)?;
        let second = self.is_second(request);
        if second {
            rows(reply).into_iter().flatten().for_each(|row| rename(row, ids, 2));
        } else if matches!(self, Self::Offset(_)) && !short {
            fill(rows(reply)?, ids);
        }
        match (self, second) {
            (Self::Link(_), true) | (Self::Counted(_, _) | Self::Offset(_), _) => None,
            (Self::Link(name), false) => Some(Next::Header(further(request, name))),
            // A link that leads nowhere is left out, all of it; a cursor that leads nowhere is an empty text.
            (Self::Address(_, place), true) => {
                remove(reply, place.strip_suffix("/href").unwrap_or(place));
                None
            }
            (Self::Cursor(_, place), true) => {
                if let Some(cursor) = reply.pointer_mut(place) {
                    *cursor = "".into();
                }
                None
            }
            (Self::Address(name, place), false) => Some(Next::Body(place, further(request, name))),
            (Self::Cursor(_, place), false) => {
                set(reply, place, SECOND.into());
                None
            }
            (Self::Number(_, place), _) => {
                set(reply, place, 2.into());
                None
            }
        }
    }
}

/// Tells the address of the next page, on the host that was asked.
pub(super) fn link(answer: Response, reply: &mut Value, next: &Next, host: &str) -> Response {
    match next {
        Next::Header(target) => answer.header("link", &format!("<http://{host}{target}>; rel=\"next\"")),
        Next::Body(place, target) => {
            set(reply, place, format!("http://{host}{target}").into());
            answer
        }
    }
}

/// Sets the number of rows of all pages, where the reply has one.
pub(super) fn set_total(reply: &mut Value, place: &str, paged: bool) {
    let Some(count) = rows(reply).map(|rows| rows.len()) else { return };
    if let Some(total) = reply.pointer_mut(place) {
        *total = (if paged { 2 * count } else { count }).into();
    }
}

/// The list of a reply: itself, or the first of objects in it; a reply that also lists its errors has none of them.
fn rows(reply: &mut Value) -> Option<&mut Vec<Value>> {
    match reply {
        Value::Array(rows) => Some(rows),
        Value::Object(keys) => keys.values_mut().find_map(|value| match value {
            Value::Array(rows) if !rows.is_empty() && rows.iter().all(Value::is_object) => Some(rows),
            _ => None,
        }),
        _ => None,
    }
}

/// The same request for the second page.
fn further(request: &Request, parameter: &str) -> String {
    let joint = if request.query.is_empty() { '?' } else { '&' };
    format!("{}{joint}{parameter}={SECOND}", request.target)
}

/// Gives a row another identity, the `nth`; a UUID stays one, and so does any other long number in hexadecimal.
fn rename(row: &mut Value, ids: &[&str], nth: i64) {
    for id in ids {
        match row.pointer_mut(&format!("/{id}")) {
            Some(Value::String(text)) if is_hexadecimal(text) => {
                text.replace_range(text.len() - 4.., &format!("{nth:04x}"));
            }
            Some(Value::String(text)) => text.push_str(&nth.to_string()),
            Some(Value::Number(number)) => *number = (number.as_i64().unwrap_or(0) + 500 * nth).into(),
            _ => {}
        }
    }
}

fn is_hexadecimal(text: &str) -> bool {
    text.len() >= 32 && text.bytes().all(|byte| byte == b'-' || byte.is_ascii_hexdigit())
}

/// Makes a list as long as a full page.
fn fill(rows: &mut Vec<Value>, ids: &[&str]) {
    let Some(row) = rows.first().cloned() else { return };
    for nth in (3_i64..).take(FULL.saturating_sub(rows.len())) {
        let mut another = row.clone();
        rename(&mut another, ids, nth);
        rows.push(another);
    }
}

/// Writes a value at a place, making the objects on the way.
fn set(reply: &mut Value, place: &str, value: Value) {
    let mut at = reply;
    for key in place.split('/').skip(1) {
        if !at.is_object() {
            *at = Value::Object(serde_json::Map::new());
        }
        at = &mut at[key];
    }
    *at = value;
}

fn remove(reply: &mut Value, place: &str) {
    let (above, key) = place.rsplit_once('/').unwrap_or_default();
    if let Some(Value::Object(keys)) = reply.pointer_mut(above) {
        keys.remove(key);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn request(target: &str) -> Request {
        let query = target.split_once('?').map(|(_, query)| query).into_iter().flat_map(|query| query.split('&'));
        let query =
            query.filter_map(|pair| pair.split_once('=')).map(|(name, value)| (name.to_owned(), value.to_owned()));
        Request {
            method: "GET".to_owned(),
            target: target.to_owned(),
            path: target.split('?').next().unwrap_or_default().to_owned(),
            query: query.collect(),
            headers: Vec::new(),
            body: Vec::new(),
        }
    }

    #[test]
    fn a_list_has_two_pages_and_the_second_is_the_last() {
        let reply = || json!({"value": [{"id": "a", "n": 1}], "meta": {"total": 900, "next": "x"}});
        let mut first = reply();
        let next = Paging::Address("skip", "/next").turn(&request("/x?a=b"), &mut first, &["id"], false);
        let answer = Response::json("");
        let _ = link(answer, &mut first, &next.unwrap(), "home:1");
        set_total(&mut first, "/meta/total", true);
        assert_eq!(first["next"], "http://home:1/x?a=b&skip=2");
        assert_eq!(first["meta"]["total"], 2);

        let mut second = reply();
        assert!(
            Paging::Cursor("after", "/meta/next")
                .turn(&request("/x?after=2"), &mut second, &["id", "n"], false)
                .is_none()
        );
        assert_eq!(second, json!({"value": [{"id": "a2", "n": 1001}], "meta": {"total": 900, "next": ""}}));
        let mut linked = json!({"value": [{"id": "a"}], "_links": {"next": {"href": "x"}}});
        let last = Paging::Address("after", "/_links/next/href");
        assert!(last.turn(&request("/x?after=2"), &mut linked, &["id"], false).is_none());
        assert_eq!(linked["_links"], json!({}));
        let uuid = "7462ef3e-0000-11f1-9000-da7ad0900002";
        let mut full = json!([{"id": uuid}]);
        assert!(Paging::Offset("first").turn(&request("/x?first=0"), &mut full, &["id"], false).is_none());
        let ids: std::collections::BTreeSet<&str> =
            full.as_array().unwrap().iter().filter_map(|row| row["id"].as_str()).collect();
        assert!(ids.len() == FULL && ids.iter().all(|id| id.len() == uuid.len() && is_hexadecimal(id)), "{ids:?}");
        assert!(Paging::Offset("first").is_second(&request("/x?first=10")));
        assert!(!Paging::Counted("page", 1).is_second(&request("/x?page=1")));
        let mut no_list = json!({"id": 1, "tags": ["a"]});
        assert!(Paging::Link("page").turn(&request("/x"), &mut no_list, &["id"], false).is_none());
    }
}
