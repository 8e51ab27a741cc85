//! Least privilege, and the call that says who we are.

use serde::Deserialize;

use super::call::{Call, Ends};
use super::{Table, Templates};
use crate::manifest::expression::Expr;
use crate::manifest::template::{Node, Template};

/// `[access]`.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Access {
    /// Scopes, permissions or roles that reading needs, and no more.
    #[serde(default)]
    pub read: Vec<String>,
    /// Reply header that names the token's own scopes, separated by commas or blanks.
    pub scopes_header: Option<String>,
    /// The same as an expression over the check's reply: a list, or text separated by commas or blanks.
    pub scopes: Option<Expr>,
    /// Scopes that `doctor` warns about: the token can do more than read.
    #[serde(default)]
    pub excess: Vec<String>,
    /// Over the check's reply: whether the token can write. `doctor` warns.
    pub warn_if_writes: Option<Expr>,
}

/// `[check]`: keys of a call, and what its reply says.
#[derive(Debug, Clone, Deserialize)]
#[serde(from = "CheckKeys")]
pub struct Check {
    /// The call; `None` is refused at load.
    pub call: Option<Call>,
    /// Which way to sign in, when not the default.
    pub auth: Option<toml::Spanned<String>>,
    /// Who the credential is.
    pub identity: Option<Expr>,
    /// The tenant's own id.
    pub tenant: Option<Expr>,
    /// What must be true of the reply, each with its meaning.
    pub assert: Table<Expr>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct CheckKeys {
    get: Option<Template>,
    post: Option<Template>,
    #[serde(default)]
    query: Templates,
    #[serde(default)]
    headers: Templates,
    body: Option<Node>,
    #[serde(default)]
    form: Templates,
    auth: Option<toml::Spanned<String>>,
    identity: Option<Expr>,
    tenant: Option<Expr>,
    #[serde(default)]
    assert: Table<Expr>,
}

impl From<CheckKeys> for Check {
    fn from(keys: CheckKeys) -> Self {
        let CheckKeys { get, post, query, headers, body, form, auth, identity, tenant, assert } = keys;
        let call = Ends { get, post, list: None, query, headers, body, form }.call();
        Self { call, auth, identity, tenant, assert }
    }
}
