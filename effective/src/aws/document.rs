//! A policy document as it was written: statements with the place where each stands.

use std::ops::Range;

mod condition_block;
pub(super) mod json;
mod parse;
mod principal;
mod scan;
#[cfg(test)]
mod tests;

pub use parse::MAX_BYTES;
pub use scan::Actions;

/// The language version of a document; policy variables are read from the later one on only.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Version {
    /// `2008-10-17`, and what says no version: `${…}` is text.
    #[default]
    Of2008,
    /// `2012-10-17`.
    Of2012,
}

/// A document, whole or with parts that could not be understood.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Document {
    /// Its language.
    pub version: Version,
    /// In the order of the document; those that could not be understood are [`Problem`]s instead.
    pub statements: Vec<Statement>,
    /// What could not be understood, in the order of the text. Whoever evaluates a document must not call a request decided that
    /// something of [`Self::unread`] could decide otherwise.
    pub problems: Vec<Problem>,
    /// Statements that could not be used and may decide something, in order; one of a document of which nothing is known for
    /// a document that could not be read at all.
    pub unread: Vec<UnreadStatement>,
}

/// What is known of a statement that could not be used: it may apply to whatever this does not rule out.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct UnreadStatement {
    /// Its effect, where that could be read.
    pub effect: Option<Effect>,
    /// Its actions, where they could be read.
    pub actions: Option<Matcher>,
    /// Its resources, where they could be read.
    pub resources: Option<Matcher>,
}

impl Document {
    /// Reads a policy. Never fails: what cannot be understood is among the [`Document::problems`], and the rest is there.
    ///
    /// Cost: linear in the text; a text of more than [`MAX_BYTES`] is not read.
    pub fn parse(text: &str) -> Self {
        parse::document(text)
    }

    /// Whether something of it that could not be read may decide a request.
    pub fn is_blind(&self) -> bool {
        !self.unread.is_empty()
    }
}

impl Problem {
    /// Line and column of the problem in the text that was parsed, both from 1; columns count characters.
    pub fn place(&self, text: &str) -> (usize, usize) {
        let before = text.get(..self.span.start as usize).unwrap_or(text);
        let line_start = before.rfind('\n').map_or(0, |at| at + 1);
        (before.matches('\n').count() + 1, before[line_start..].chars().count() + 1)
    }
}

/// One statement.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Statement {
    /// Its `Sid`.
    pub sid: Option<Box<str>>,
    /// Position among the statements of the document, from 0.
    pub index: u32,
    /// Where it stands in the document's text, in bytes.
    pub span: Range<u32>,
    /// What it does.
    pub effect: Effect,
    /// `Principal` or `NotPrincipal`: only in policies of resources, trust and VPC endpoints.
    pub principals: Option<Principals>,
    /// `Action` or `NotAction`; never empty.
    pub actions: Matcher,
    /// `Resource` or `NotResource`; a trust policy has none: its role is meant.
    pub resources: Option<Matcher>,
    /// All of them must hold.
    pub conditions: Vec<Condition>,
}

/// What a statement does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Effect {
    /// Allows what it matches.
    Allow,
    /// Denies what it matches, whatever else allows it.
    Deny,
}

/// Patterns with `*` and `?`, as written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Matcher {
    /// `NotAction`, `NotResource`: everything but these.
    pub not: bool,
    /// As written; actions are compared without regard to case, resources with it.
    pub patterns: Vec<Box<str>>,
}

/// Who a statement is about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Principals {
    /// `NotPrincipal`: everyone but these.
    pub not: bool,
    /// As written.
    pub of: Vec<PrincipalPattern>,
}

/// One value of `Principal`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PrincipalPattern {
    /// `"*"` or `{"AWS": "*"}`: everyone, also who is not signed in.
    Everyone,
    /// A whole account by its number; the ARN of its root means the same and is kept as the number.
    Account(Box<str>),
    /// A user, role or session by ARN.
    Arn(Box<str>),
    /// A principal that was deleted: its unique id (`AIDA…`, `AROA…`) remained. Matches nobody.
    Deleted(Box<str>),
    /// `Service`, as `ec2.amazonaws.com`.
    Service(Box<str>),
    /// `Federated`: the ARN or the name of an identity provider.
    Federated(Box<str>),
    /// `CanonicalUser` of S3.
    CanonicalUser(Box<str>),
}

/// One operator with one key of a `Condition` block.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Condition {
    /// The comparison.
    pub operator: Operator,
    /// `ForAllValues:` or `ForAnyValue:`.
    pub set: Option<SetOperator>,
    /// `…IfExists`.
    pub if_exists: bool,
    /// As written; compared without regard to case.
    pub key: Box<str>,
    /// Any of them is enough (for the negated operators: none may match).
    pub values: Vec<Box<str>>,
}

/// How several values of one key are compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SetOperator {
    /// `ForAllValues`: true also when the request has none.
    ForAllValues,
    /// `ForAnyValue`.
    ForAnyValue,
}

macro_rules! operators {
    ($($(#[$doc:meta])* $name:ident),+ $(,)?) => {
        /// A comparison of a `Condition` block, named as AWS names it.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub enum Operator { $($(#[$doc])* $name,)+ }

        impl Operator {
            /// Every operator.
            pub const ALL: &'static [Self] = &[$(Self::$name,)+];

            /// As AWS writes it.
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$name => stringify!($name),)+ }
            }
        }
    };
}

operators! {
    /// Equal, with regard to case.
    StringEquals,
    /// Not equal.
    StringNotEquals,
    /// Equal without regard to case.
    StringEqualsIgnoreCase,
    /// Not equal without regard to case.
    StringNotEqualsIgnoreCase,
    /// Matches a pattern with `*` and `?`.
    StringLike,
    /// Matches none.
    StringNotLike,
    /// As numbers.
    NumericEquals,
    /// As numbers.
    NumericNotEquals,
    /// As numbers.
    NumericLessThan,
    /// As numbers.
    NumericLessThanEquals,
    /// As numbers.
    NumericGreaterThan,
    /// As numbers.
    NumericGreaterThanEquals,
    /// As instants.
    DateEquals,
    /// As instants.
    DateNotEquals,
    /// As instants.
    DateLessThan,
    /// As instants.
    DateLessThanEquals,
    /// As instants.
    DateGreaterThan,
    /// As instants.
    DateGreaterThanEquals,
    /// `true` or `false`.
    Bool,
    /// Bytes, written in base64.
    BinaryEquals,
    /// Within an address range.
    IpAddress,
    /// Within none.
    NotIpAddress,
    /// ARN part by part, with wildcards.
    ArnEquals,
    /// None.
    ArnNotEquals,
    /// The same as `ArnEquals`.
    ArnLike,
    /// The same as `ArnNotEquals`.
    ArnNotLike,
    /// `true`: the key is not in the request; `false`: it is.
    Null,
}

/// Something of a document that could not be understood.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// Where, in bytes of the document's text.
    pub span: Range<u32>,
    /// What was found, what was expected, and the fix.
    pub what: String,
    /// Which statement could not be used because of it; `None`: the whole document.
    pub statement: Option<u32>,
    /// Whether evaluation is blind because of it. What only looks wrong, and AWS itself ignores, is not.
    pub blinds: bool,
}
