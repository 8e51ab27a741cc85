//! Declared state: what should be there according to a file, laid beside what is.
//!
//! ```text
//!   policy/declared.toml ──► Source { file, system, managed kinds } ──► Things by key ─┐
//!   graph ──► the same keys for accounts, groups, policies and ties of that scope ─────┴─► Item: both | target | declared
//! ```
//!
//! AWS IAM is compared by names, as its own console and Terraform do: `user/ada`, `role/ci`, `group/ops`, `policy/ARN`, a tie as
//! `user/ada|group/ops`. Names are unique within an account, letter case aside, so a source speaks of one account. A Kubernetes
//! cluster is compared by the names of its objects, letter case counting, and its bindings by what they give to whom and where.

mod cluster;
mod compare;
mod objects;
pub(crate) mod terraform;
mod yaml;

use std::collections::{BTreeMap, BTreeSet};

pub use self::compare::{Comparison, Item, Place, Side};
use crate::diagnostic;

/// A file that declares what a system should hold.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Source {
    /// The file, as the policy names it.
    pub file: String,
    /// What the file is.
    pub format: Format,
    /// The system it speaks of.
    pub system: String,
    /// The scope; `None` for the account that the file's own ARNs name, or the whole cluster.
    pub scope: Option<String>,
    /// Kinds of which everything has to be declared.
    pub manages: Vec<Kind>,
    /// Keys that may be there undeclared; `*` stands for anything.
    pub ignore: Vec<String>,
    /// What the file declares, or why that cannot be told.
    pub state: Result<Things, String>,
    /// What of the file is left out, in words.
    pub notes: Vec<String>,
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
    /// Roles of a cluster whose rules are declared, too.
    pub ruled: BTreeSet<String>,
}

/// What a file that declares is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// Terraform's or OpenTofu's state.
    TerraformState,
    /// Objects of Kubernetes.
    KubernetesYaml,
}

impl Format {
    /// Kinds that it can declare.
    pub const fn kinds(self) -> &'static [Kind] {
        match self {
            Self::TerraformState => {
                &[Kind::Users, Kind::Roles, Kind::Groups, Kind::Policies, Kind::Memberships, Kind::Attachments]
            }
            Self::KubernetesYaml => &[Kind::Roles, Kind::ServiceAccounts, Kind::Bindings, Kind::Rules],
        }
    }
}

/// What files of Kubernetes objects declare, and what of them is left out, in words. `namespace` is the one that counts.
///
/// # Errors
/// What cannot be read, with file, line and column.
pub(crate) fn kubernetes(files: &[(String, String)], namespace: Option<&str>) -> Result<(Things, Vec<String>), String> {
    let mut reader = objects::Reader::new(namespace.map(str::to_owned));
    for (name, text) in files {
        let documents = yaml::documents(text).map_err(|why| format!("{name}, {why}"))?;
        reader.file(name, documents)?;
    }
    Ok(reader.finish())
}

/// A kind of thing that can be declared.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// IAM users.
    Users,
    /// IAM roles; Roles and ClusterRoles of Kubernetes.
    Roles,
    /// IAM groups.
    Groups,
    /// Managed policies of the account's own.
    Policies,
    /// Users in groups.
    Memberships,
    /// Policies attached to users, roles and groups, and inline policies in them.
    Attachments,
    /// Service accounts of Kubernetes.
    ServiceAccounts,
    /// Roles bound to users, groups and service accounts, in the cluster or a namespace.
    Bindings,
    /// Rules of the declared roles.
    Rules,
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
            Self::ServiceAccounts => "service account",
            Self::Bindings => "binding",
            Self::Rules => "rule",
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
