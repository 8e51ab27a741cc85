//! Declared state: what should be there according to a file, laid beside what is.
//!
//! ```text
//!   policy/declared.toml ──► Source { file, system, managed kinds } ──► Things by key ─┐
//!   graph ──► the same keys for accounts, groups, policies and ties of that scope ─────┴─► Item: both | target | declared
//! ```
//!
//! AWS IAM is compared by names, as its own console and Terraform do: `user/ada`, `role/ci`, `group/ops`, `policy/ARN`, a tie as
//! `user/ada|group/ops`. Names are unique within an account, letter case aside, so a source speaks of one account.

mod compare;
pub(crate) mod terraform;

use std::collections::BTreeMap;

pub use self::compare::{Comparison, Item, Place, Side};
use crate::diagnostic;

/// A file that declares what a system should hold.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Source {
    /// The file, as the policy names it.
    pub file: String,
    /// The system it speaks of.
    pub system: String,
    /// The scope; `None` for the account that the file's own ARNs name.
    pub scope: Option<String>,
    /// Kinds of which everything has to be declared.
    pub manages: Vec<Kind>,
    /// Keys that may be there undeclared; `*` stands for anything.
    pub ignore: Vec<String>,
    /// What the file declares, or why that cannot be told.
    pub state: Result<Things, String>,
    /// Where the policy names it.
    pub place: diagnostic::Place,
}

/// What a file declares.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Things {
    /// Addresses in the file by kind and key.
    pub by_key: BTreeMap<(Kind, String), String>,
    /// Ties that are declared a second time by a joint attachment: counted once, at the address that declares nothing else.
    pub joint: u64,
    /// The account that the file's ARNs name, when they name one only.
    pub account: Option<String>,
}

/// A kind of thing that can be declared.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// IAM users.
    Users,
    /// IAM roles.
    Roles,
    /// IAM groups.
    Groups,
    /// Managed policies of the account's own.
    Policies,
    /// Users in groups.
    Memberships,
    /// Policies attached to users, roles and groups, and inline policies in them.
    Attachments,
}

impl Kind {
    /// The word in sentences, singular.
    pub const fn noun(self) -> &'static str {
        match self {
            Self::Users => "user",
            Self::Roles => "role",
            Self::Groups => "group",
            Self::Policies => "policy",
            Self::Memberships => "membership",
            Self::Attachments => "attachment",
        }
    }
}

impl Source {
    fn ignores(&self, key: &str) -> bool {
        self.ignore.iter().any(|pattern| fits(pattern, key))
    }
}

/// Whether `text` is what `pattern` says, where `*` stands for anything. Letter case does not count.
fn fits(pattern: &str, text: &str) -> bool {
    let (pattern, text) = (pattern.to_lowercase(), text.to_lowercase());
    let mut parts = pattern.split('*');
    let Some(mut rest) = parts.next().and_then(|first| text.strip_prefix(first)) else { return false };
    let Some(last) = parts.next_back() else { return rest.is_empty() };
    for part in parts {
        let Some(at) = rest.find(part) else { return false };
        rest = &rest[at + part.len()..];
    }
    rest.ends_with(last)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_star_stands_for_anything_and_nothing_else_does() {
        for (pattern, text) in
            [("role/ci", "role/CI"), ("role/*", "role/ci"), ("*|group/ops", "user/a|group/ops"), ("a*b*c", "a-b-b-c")]
        {
            assert!(fits(pattern, text), "{pattern} {text}");
        }
        for (pattern, text) in [("role/ci", "role/ci-2"), ("role/*x", "role/ci"), ("a*b*b", "a-b"), ("b*", "a-b")] {
            assert!(!fits(pattern, text), "{pattern} {text}");
        }
    }
}
