//! The format as it is written: serde types of every block, strict, with the position of everything that can be wrong.
//!
//! An [`Expr`] or [`Template`] is only text until [`super::load`] has compiled it; a [`super::Manifest`] that was loaded holds none that
//! was not. Durations end in `_s` and are seconds; `from`, `items` and the like are expressions over the reply, whose top-level
//! keys can be named bare.

mod access;
mod action;
mod auth;
mod call;
mod paging;
mod stream;
mod table;

pub use self::access::{Access, Check};
pub use self::action::{Action, Reading, Risk, Undo, Verify};
pub use self::auth::{Algorithm, Auth, AuthKind, Grant, Jwt, Mtls, SendClient, Signer};
pub use self::call::{Bundle, Call, Ends, Http, Method, Shape, Target};
pub use self::paging::{Bucket, ErrorRule, Expired, Limits, Page, Pager, PagerKind, Reset, ResetKind, Status, Then};
pub use self::stream::{Batch, Builtin, Delta, Derive, Emit, Stream, Subject};
pub use self::table::{Named, Table};

use jiff::civil::Date;
use serde::Deserialize;
use toml::Spanned;

use super::template::Template;

/// The version of the format that this engine reads.
pub const SCHEMA: u32 = 1;

/// A whole manifest, as written.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Document {
    /// Version of the format: [`SCHEMA`].
    pub schema: Spanned<u32>,
    /// Name in `connector = "…"`: lower-case letters, digits, `-`.
    pub id: Spanned<String>,
    /// The product's name.
    pub name: String,
    /// What kind of system it is.
    pub class: Class,
    /// The interface that is spoken, with its version.
    pub api: String,
    /// When the calls were last compared with the vendor's documentation.
    pub checked: Spanned<Day>,
    /// One line: what is read.
    pub summary: Option<String>,
    /// What an auditor might expect and does not get, a line each.
    #[serde(default)]
    pub not_read: Vec<String>,
    /// What the lists of this system leave out unless asked, and how this manifest gets it, a line each.
    #[serde(default)]
    pub hidden: Vec<String>,
    /// What it was proven on.
    pub proven_on: Option<String>,
    /// What the operator sets.
    #[serde(default)]
    pub config: Table<ConfigField>,
    /// What the operator keeps secret.
    #[serde(default)]
    pub secrets: Table<SecretField>,
    /// Where calls go and what they carry.
    pub http: Http,
    /// One call that carries several others.
    pub bundle: Option<Bundle>,
    /// Ways to sign in; the first is the default.
    #[serde(default)]
    pub auth: Table<Auth>,
    /// Least privilege, and how to see what a token can do.
    pub access: Option<Access>,
    /// One cheap call that says who we are.
    pub check: Option<Check>,
    /// How fast.
    #[serde(default)]
    pub limits: Limits,
    /// Ways to page.
    #[serde(default)]
    pub pager: Table<Pager>,
    /// What refusals mean, in order; the first that matches decides.
    #[serde(default)]
    pub error: Vec<ErrorRule>,
    /// Lists to read.
    #[serde(default)]
    pub stream: Table<Stream>,
    /// Tables of words.
    #[serde(default)]
    pub map: Table<Table<Spanned<String>>>,
    /// Records that exist by definition: built-in roles, the tenant itself.
    #[serde(default)]
    pub builtin: Vec<Builtin>,
    /// What follows from all streams together.
    #[serde(default)]
    pub derive: Vec<Derive>,
    /// Changes that can be made.
    #[serde(default)]
    pub action: Table<Action>,
    /// How it is tested.
    pub test: Option<Test>,
}

/// What kind of system it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Class {
    /// Knows who works here.
    Hr,
    /// Signs people in elsewhere.
    Idp,
    /// Rents out machines and platforms.
    Cloud,
    /// An application.
    Saas,
    /// Machines, networks, databases, secret stores.
    Infra,
}

/// A day as `2026-11-20`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub struct Day(pub Date);

impl TryFrom<String> for Day {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        text.parse().map(Self).map_err(|_not_a_date| format!("`{text}` is no day; write it as 2026-11-20"))
    }
}

/// One key of `[config]`.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ConfigField {
    /// What it holds.
    #[serde(rename = "type")]
    pub kind: ConfigType,
    /// The value when the operator gives none.
    pub default: Option<Spanned<toml::Value>>,
    /// Whether it may be left out although there is no default; it is null then.
    #[serde(default)]
    pub optional: bool,
    /// The values that are allowed, for a string.
    #[serde(default)]
    pub choices: Vec<String>,
    /// What it is.
    #[serde(default)]
    pub help: String,
}

/// What a config key holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ConfigType {
    /// Text.
    String,
    /// An `https` address without a trailing slash; `http` only to the machine itself.
    Url,
    /// A whole number.
    Integer,
    /// `true` or `false`.
    Boolean,
    /// Several texts.
    List,
}

impl ConfigType {
    /// The type's name, as it is written.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::String => "string",
            Self::Url => "url",
            Self::Integer => "integer",
            Self::Boolean => "boolean",
            Self::List => "list",
        }
    }
}

/// One key of `[secrets]`.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SecretField {
    /// What it is and what it must be allowed to do.
    #[serde(default)]
    pub help: String,
    /// Whether some way to sign in works without it.
    #[serde(default)]
    pub optional: bool,
}

/// `[test]`.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Test {
    /// Folder with `exchanges.json`, `expected.json` and `actions.json`, beside the manifest.
    pub fixtures: Option<Spanned<String>>,
    /// The vendor's API description that `check` compares with, beside the manifest.
    #[serde(default)]
    pub spec: Vec<Spanned<String>>,
    /// What the description lacks and is there all the same: a call by its path as written, a field of a reply as
    /// `"STREAM: FIELD"`, a query key as `"PATH: ?KEY"`.
    #[serde(default)]
    pub undescribed: Vec<Spanned<String>>,
}

/// A template with its key, as in headers and queries.
pub type Templates = Table<Template>;
