//! Pagers, limits and what refusals mean.

use std::fmt;

use serde::Deserialize;
use serde::de::value::MapAccessDeserializer;
use serde::de::{Deserializer, MapAccess, Visitor};
use toml::Spanned;

use super::call::{Call, Method, Target};
use crate::manifest::expression::Expr;

/// `page = "NAME"` or `page = { kind = … }`.
#[derive(Debug, Clone)]
pub enum Page {
    /// A `[pager.NAME]`.
    Named(Spanned<String>),
    /// Written where it is used.
    Inline(Box<Pager>),
}

impl<'de> Deserialize<'de> for Page {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Either;

        impl<'de> Visitor<'de> for Either {
            type Value = (Option<String>, Option<Pager>);

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("the name of a pager or a table with its `kind`")
            }

            fn visit_str<E>(self, name: &str) -> Result<Self::Value, E> {
                Ok((Some(name.to_owned()), None))
            }

            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Self::Value, A::Error> {
                Pager::deserialize(MapAccessDeserializer::new(map)).map(|pager| (None, Some(pager)))
            }
        }

        struct Inner((Option<String>, Option<Pager>));

        impl<'de> Deserialize<'de> for Inner {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                deserializer.deserialize_any(Either).map(Self)
            }
        }

        let spanned = Spanned::<Inner>::deserialize(deserializer)?;
        let span = spanned.span();
        match spanned.into_inner().0 {
            (Some(name), _) => Ok(Self::Named(Spanned::new(span, name))),
            (None, Some(pager)) => Ok(Self::Inline(Box::new(pager))),
            (None, None) => Err(serde::de::Error::custom("neither a name nor a table")),
        }
    }
}

/// `[pager.NAME]`. Expressions are over the reply. Which keys belong to which kind is checked at load.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Pager {
    /// How the next page is asked for.
    pub kind: Spanned<PagerKind>,
    /// `link`: the relation; `next` when left out.
    pub rel: Option<String>,
    /// `link`, `next_url`: the list ends here although a link is given.
    pub unless: Option<Expr>,
    /// `cursor`, `continue`: the cursor; `next_url`: the address; `seek`: over the last *item*, its key.
    pub from: Option<Expr>,
    /// Where cursor, page number, offset or key goes.
    pub into: Option<Target>,
    /// Whether there is more, where the reply says so beside the cursor.
    pub more: Option<Expr>,
    /// `page`, `offset`: the number of the first page or row; 1 and 0 when left out.
    pub start: Option<i64>,
    /// Rows in all, in the reply: the strongest proof. Any kind may have one.
    pub total: Option<Expr>,
    /// `page`: the number of the last page, in the reply.
    pub last: Option<Expr>,
    /// Rows asked for at once.
    pub size: Option<u32>,
    /// Where that goes.
    pub size_into: Option<Target>,
    /// A page with fewer rows than `size` is no end: the server filters after it cut.
    #[serde(default)]
    pub short_pages: bool,
    /// `continue`: the call for all pages but the first; `${cursor}` is there.
    pub call: Option<Call>,
    /// Pages at most; beyond it the partition fails.
    pub max_pages: Option<u32>,
    /// What says that the list must be begun again.
    pub expired: Option<Expired>,
}

/// How the next page is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PagerKind {
    /// `Link` header (RFC 8288).
    Link,
    /// A cursor from the reply, put into the request; `from = "header('after-cursor')"` reads a header.
    Cursor,
    /// An address in the reply.
    NextUrl,
    /// Page numbers.
    Page,
    /// Row numbers.
    Offset,
    /// The last key seen.
    Seek,
    /// A call of its own for all pages but the first.
    Continue,
    /// SCIM (RFC 7644): `startIndex`, `count`, `totalResults`.
    Scim,
    /// One reply holds everything. It has to be said.
    None,
}

impl PagerKind {
    /// The kind as it is written.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Link => "link",
            Self::Cursor => "cursor",
            Self::NextUrl => "next_url",
            Self::Page => "page",
            Self::Offset => "offset",
            Self::Seek => "seek",
            Self::Continue => "continue",
            Self::Scim => "scim",
            Self::None => "none",
        }
    }
}

/// What says that a cursor is too old.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Expired {
    /// One of these statuses.
    #[serde(default)]
    pub status: Vec<Status>,
    /// Or this of the reply.
    pub when: Option<Expr>,
}

/// A status, or a class of them (`"5xx"`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Status {
    /// Lowest.
    pub from: u16,
    /// Highest.
    pub to: u16,
}

impl Status {
    /// Whether `status` is meant.
    pub const fn matches(self, status: u16) -> bool {
        self.from <= status && status <= self.to
    }
}

impl<'de> Deserialize<'de> for Status {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Code;

        impl Visitor<'_> for Code {
            type Value = Status;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a status as 404, or a class as \"5xx\"")
            }

            fn visit_i64<E: serde::de::Error>(self, number: i64) -> Result<Status, E> {
                match u16::try_from(number) {
                    Ok(status) if (100..600).contains(&status) => Ok(Status { from: status, to: status }),
                    Ok(_) | Err(_) => Err(E::custom(format!("{number} is no HTTP status"))),
                }
            }

            fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<Status, E> {
                match text.strip_suffix("xx").and_then(|digit| digit.parse::<u16>().ok()) {
                    Some(class @ 1..=5) => Ok(Status { from: class * 100, to: class * 100 + 99 }),
                    Some(_) | None => {
                        Err(E::custom(format!("`{text}` is no class of HTTP statuses; write \"4xx\" or \"5xx\"")))
                    }
                }
            }
        }

        deserializer.deserialize_any(Code)
    }
}

/// `[[error]]`. The first that matches decides. After them come the defaults: 401 reauth once and then fail, 408 and 5xx retry, 429
/// throttle, 404 and 410 of a child gone, anything else fail.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ErrorRule {
    /// One of these statuses; any when left out.
    #[serde(default)]
    pub status: Vec<Status>,
    /// And only to calls of this method: Vault's 404 is an empty list to LIST, and something gone to GET.
    pub method: Option<Method>,
    /// And this of the reply.
    pub when: Option<Expr>,
    /// What it means.
    pub then: Then,
    /// For the message: why this happens.
    pub cause: Option<String>,
    /// For the message: what to do.
    pub fix: Option<String>,
}

/// What a refusal means.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Then {
    /// A passing fault: again, later. When it does not pass: gap.
    Retry,
    /// Too fast: wait as told, then again.
    Throttle,
    /// The token has run out: get another, once.
    Reauth,
    /// The cursor has run out: the list from its beginning, once.
    Restart,
    /// Not readable: the partition ends with a gap.
    Gap,
    /// The parent vanished during the scan. Confirmed by reading it again; still there = gap.
    Gone,
    /// The system's way to say that a list is empty (Vault's 404 to LIST).
    Empty,
    /// Nothing of this list can be relied on.
    Fail,
}

/// `[limits]`: for the whole connection, parents and children alike.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Limits {
    /// Calls under way at once.
    pub concurrency: Option<u32>,
    /// Rates.
    #[serde(default)]
    pub bucket: Vec<Bucket>,
    /// Reply header with the calls that are left.
    pub remaining: Option<String>,
    /// Reply header that says when there are more.
    pub reset: Option<Reset>,
    /// Calls that are left to people.
    pub floor: Option<u64>,
    /// Reply header that says how long to wait; `retry-after` when left out.
    pub retry_after: Option<String>,
    /// Longest wait that is obeyed; beyond it the partition ends with a gap.
    pub max_wait_s: Option<u64>,
    /// Reply header with what a call cost.
    pub units: Option<String>,
    /// How often a call is tried.
    pub attempts: Option<u32>,
}

/// A rate for some calls; without `match` for all. A call keeps every rate that is for it.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Bucket {
    /// Part of the path.
    #[serde(rename = "match")]
    pub matches: Option<String>,
    /// Calls (or units) a second.
    pub per_s: Option<f64>,
    /// Calls (or units) a minute.
    pub per_min: Option<f64>,
    /// Calls at once after a pause; 1 when left out.
    pub burst: Option<u32>,
}

impl Bucket {
    /// Calls a second.
    pub fn per_second(&self) -> Option<f64> {
        self.per_s.or(self.per_min.map(|rate| rate / 60.0))
    }
}

/// When calls are allowed again.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Reset {
    /// Reply header.
    pub header: String,
    /// How to read it: `epoch_s`, `epoch_ms`, `seconds`, `rfc3339`, `http_date`, or a strftime form such as `%Y-%m-%d %H:%M:%S %z`.
    #[serde(rename = "as")]
    pub kind: ResetKind,
}

/// How a reset header is written.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub enum ResetKind {
    /// Seconds since 1970.
    EpochSeconds,
    /// Milliseconds since 1970.
    EpochMillis,
    /// Seconds from now.
    Seconds,
    /// RFC 3339.
    Rfc3339,
    /// As in `Date` (RFC 9110).
    HttpDate,
    /// A strftime form.
    Form(String),
}

impl TryFrom<String> for ResetKind {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        match text.as_str() {
            "epoch_s" => Ok(Self::EpochSeconds),
            "epoch_ms" => Ok(Self::EpochMillis),
            "seconds" => Ok(Self::Seconds),
            "rfc3339" => Ok(Self::Rfc3339),
            "http_date" => Ok(Self::HttpDate),
            form if form.contains('%') => Ok(Self::Form(text)),
            _ => Err(format!(
                "`{text}` is no form of an instant; known are epoch_s, epoch_ms, seconds, rfc3339, http_date and strftime forms"
            )),
        }
    }
}
