//! Where calls go and what they carry.

use std::str::FromStr;

use serde::Deserialize;
use toml::Spanned;

use super::Templates;
use crate::manifest::expression::Expr;
use crate::manifest::template::{Node, Template};

/// `[http]`.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Http {
    /// Scheme, host and port of the system: `https://api.example.com`.
    pub base: Template,
    /// What stands before every path: `/api/v1`.
    pub path: Option<Template>,
    /// Headers of every call.
    #[serde(default)]
    pub headers: Templates,
    /// Query of every call.
    #[serde(default)]
    pub query: Templates,
    /// Whether a reply with a good status is one, for systems that answer 200 to failures.
    pub ok: Option<Expr>,
    /// Seconds a call may take.
    pub timeout_s: Option<u32>,
    /// Other origins that next-links and calls may reach and the credential may be sent to.
    #[serde(default)]
    pub origins: Vec<Template>,
    /// Bytes a reply may have at most.
    pub max_reply_bytes: Option<u64>,
}

/// `[bundle]`: one call that carries several others, where the system has such a call.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Bundle {
    /// Where it is sent, as a path below `[http]`. Calls below the folder of this address can be carried.
    pub post: Template,
    /// Calls that one carries at most.
    pub most: Spanned<u32>,
    /// How it is written.
    pub shape: Shape,
}

/// How a bundle of calls is written, and the answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Shape {
    /// Microsoft Graph's `$batch`: OData's JSON batch, with addresses that count from the version.
    Graph,
}

impl Shape {
    /// Calls that the system takes at once (Microsoft Graph, "Combine multiple HTTP requests using JSON batching").
    pub const fn most(self) -> u32 {
        match self {
            Self::Graph => 20,
        }
    }
}

/// A method. Streams and checks may use GET, HEAD, POST and LIST; only actions may use the others.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum Method {
    /// Read.
    Get,
    /// Read headers.
    Head,
    /// Vault's own word for reading a list.
    List,
    /// Create, search, do.
    Post,
    /// Replace.
    Put,
    /// Change.
    Patch,
    /// Remove.
    Delete,
}

impl Method {
    /// The method as it stands in a request.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Get => "GET",
            Self::Head => "HEAD",
            Self::List => "LIST",
            Self::Post => "POST",
            Self::Put => "PUT",
            Self::Patch => "PATCH",
            Self::Delete => "DELETE",
        }
    }
}

/// One call, wherever it stands: `call = { method = "DELETE", path = "…" }`, or the keys `get`, `post`, `query`, `body` of a stream.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Call {
    /// The method.
    pub method: Method,
    /// Path below `[http]` base and path. Exactly one of `path` and `url` is given.
    pub path: Option<Template>,
    /// Whole address, on the base's origin or one of `origins`.
    pub url: Option<Template>,
    /// Query. A value that is null is left out; a list repeats the key.
    #[serde(default)]
    pub query: Templates,
    /// Headers, beside those of `[http]`.
    #[serde(default)]
    pub headers: Templates,
    /// JSON body. A key whose template is null is left out.
    pub body: Option<Node>,
    /// Form body.
    #[serde(default)]
    pub form: Templates,
}

impl Call {
    /// The one of `path` and `url` that is given.
    pub fn address(&self) -> Option<&Template> {
        self.path.as_ref().or(self.url.as_ref())
    }
}

/// The keys that a stream, a check, a reading and a verification share; [`Ends::call`] makes a [`Call`] of them.
#[derive(Debug, Clone, Default)]
pub struct Ends {
    /// `get = "/path"`.
    pub get: Option<Template>,
    /// `post = "/path"`.
    pub post: Option<Template>,
    /// `list = "/path"`.
    pub list: Option<Template>,
    /// Query.
    pub query: Templates,
    /// Headers.
    pub headers: Templates,
    /// JSON body.
    pub body: Option<Node>,
    /// Form body.
    pub form: Templates,
}

impl Ends {
    /// The call, when exactly one of `get`, `post` and `list` is there.
    pub fn call(self) -> Option<Call> {
        let (method, address) = match (self.get, self.post, self.list) {
            (Some(path), None, None) => (Method::Get, path),
            (None, Some(path), None) => (Method::Post, path),
            (None, None, Some(path)) => (Method::List, path),
            (_, _, _) => return None,
        };
        let (path, url) = if address.source().contains("://") { (None, Some(address)) } else { (Some(address), None) };
        Some(Call { method, path, url, query: self.query, headers: self.headers, body: self.body, form: self.form })
    }
}

/// Where a value is put into a request: `query.cursor`, `header.after`, `form.page`, `body.variables.after`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Target {
    /// A query key.
    Query(String),
    /// A header.
    Header(String),
    /// A form key.
    Form(String),
    /// A place in the JSON body.
    Body(Vec<String>),
}

impl FromStr for Target {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let wrong = || {
            format!("`{text}` is no place in a request; write `query.NAME`, `header.NAME`, `form.NAME` or `body.PATH`")
        };
        let (place, name) = text.split_once('.').filter(|(_, name)| !name.is_empty()).ok_or_else(wrong)?;
        match place {
            "query" => Ok(Self::Query(name.to_owned())),
            "header" => Ok(Self::Header(name.to_ascii_lowercase())),
            "form" => Ok(Self::Form(name.to_owned())),
            "body" => Ok(Self::Body(name.split('.').map(str::to_owned).collect())),
            _ => Err(wrong()),
        }
    }
}

impl<'de> Deserialize<'de> for Target {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}
