//! What AWS publishes about its actions: access levels, resource types, condition keys, risk classes, managed policies.
//!
//! In: the packed files in `effective/data/`, whose README says origin, version and licence of each, or a file of the same form. Out:
//! interned actions in the order of their lower-case names, so that a pattern with a leading text is a range. What this does not
//! know is *unknown*, never absent: every list of AWS is stale tomorrow, and nobody may conclude from it that an action does not exist.

mod build;
mod managed;
mod read;

use std::ops::Range;
use std::path::Path;
use std::sync::OnceLock;

use super::pattern::{Atom, Glob};
pub use managed::ManagedPolicy;
pub use read::ReferenceError;

/// Position of an action in the order of lower-case names.
pub type ActionIx = u32;

/// The reference data, ready to be asked.
#[derive(Debug)]
pub struct Reference {
    about: Vec<About>,
    services: Vec<Service>,
    actions: Vec<Action>,
    resource_types: Vec<ResourceType>,
    keys: Vec<ConditionKey>,
    managed: managed::Managed,
    cells: Cells,
}

/// Services by access level: what actions are counted by.
#[derive(Debug, Default)]
pub(in crate::aws) struct Cells {
    /// Of each action.
    of: Vec<u32>,
    /// Service and level, in that order.
    names: Vec<(Box<str>, Level)>,
}

impl Cells {
    fn new(actions: &[Action]) -> Self {
        let mut names: Vec<(&str, Level)> = actions.iter().map(|action| (action.service(), action.level)).collect();
        names.sort_unstable();
        names.dedup();
        let of = |action: &Action| {
            let found = names.binary_search(&(action.service(), action.level));
            ix(found.expect("the names are those of the actions"))
        };
        Self {
            of: actions.iter().map(of).collect(),
            names: names.iter().map(|&(service, level)| (service.into(), level)).collect(),
        }
    }

    pub(in crate::aws) fn len(&self) -> usize {
        self.names.len()
    }

    pub(in crate::aws) fn of(&self, action: usize) -> usize {
        self.of[action] as usize
    }

    pub(in crate::aws) fn name(&self, cell: usize) -> (&str, Level) {
        let (service, level) = &self.names[cell];
        (service, *level)
    }
}

/// Where a part of the data comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct About {
    /// What it is about: `actions`, `risk`, `policies`, or what a file says of itself.
    pub of: Box<str>,
    /// Publisher or file.
    pub source: Box<str>,
    /// As the publisher counts.
    pub version: Box<str>,
    /// Day of the newest fact, `2026-09-26`.
    pub date: Box<str>,
    /// Licence and copyright.
    pub licence: Box<str>,
}

/// A service of AWS by the prefix of its actions.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Service {
    /// `s3`, in lower case.
    pub prefix: Box<str>,
    /// `Amazon S3`.
    pub name: Box<str>,
    /// Whether resource control policies reach it.
    pub rcp: bool,
}

/// An action.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Action {
    /// As AWS writes it: `s3:GetObject`.
    pub name: Box<str>,
    /// The same in lower case.
    pub lower: Box<str>,
    /// Of several levels the most privileged one.
    pub level: Level,
    /// Resource types that it can be limited to, required ones first; none: `*` only.
    pub resources: Box<[u32]>,
    /// How many of them are required.
    pub required: u32,
    /// Condition keys that it knows beside the global ones.
    pub keys: Box<[u32]>,
    /// Why it is dangerous.
    pub risk: Risk,
}

impl Action {
    /// Prefix of its service.
    pub fn service(&self) -> &str {
        self.lower.split(':').next().unwrap_or_default()
    }
}

/// What kind of access an action is, from the least to the most privileged.
///
/// Every tagging action writes, and with conditions on tags decides who else may do what; so it stands above writing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Level {
    /// Sees that something exists.
    List,
    /// Reads what is in it.
    Read,
    /// Makes, changes, deletes.
    Write,
    /// Changes tags.
    Tagging,
    /// Changes who may do what.
    PermissionsManagement,
}

impl Level {
    /// Every level, least privileged first.
    pub const ALL: [Self; 5] = [Self::List, Self::Read, Self::Write, Self::Tagging, Self::PermissionsManagement];

    /// As AWS writes it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::List => "List",
            Self::Read => "Read",
            Self::Write => "Write",
            Self::Tagging => "Tagging",
            Self::PermissionsManagement => "Permissions management",
        }
    }
}

/// Why an action is dangerous; several may hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Risk {
    /// Hands out secrets or tokens.
    pub credential_exposure: bool,
    /// Reads the data itself, not only facts about it.
    pub data_access: bool,
    /// Can be turned into more privilege.
    pub privilege_escalation: bool,
    /// Can open a resource to others.
    pub resource_exposure: bool,
}

/// A type of resource.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ResourceType {
    /// `s3:bucket`.
    pub name: Box<str>,
    /// `arn:${Partition}:s3:::${BucketName}`; `None`: an action names the type, and nothing else is known of it.
    pub arn: Option<Box<str>>,
}

impl ResourceType {
    /// The pattern of its ARNs: every `${…}` is anything.
    pub fn pattern(&self) -> Option<String> {
        let mut rest = &**self.arn.as_ref()?;
        let mut pattern = String::with_capacity(rest.len());
        while let Some(start) = rest.find("${") {
            pattern.push_str(&rest[..start]);
            pattern.push('*');
            rest = rest[start..].split_once('}').map_or("", |(_, after)| after);
        }
        Some(pattern + rest)
    }
}

/// A condition key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConditionKey {
    /// `s3:prefix`, as AWS writes it.
    pub name: Box<str>,
    /// `String`, `ArrayOfString`, `ARN`…; `None`: an action names the key, and nothing else is known of it.
    pub of: Option<Box<str>>,
}

impl Reference {
    /// What this build ships with; read at the first call, some ten milliseconds.
    ///
    /// # Panics
    /// Never: that the files can be read is a test.
    pub fn builtin() -> &'static Self {
        static BUILTIN: OnceLock<Reference> = OnceLock::new();
        BUILTIN.get_or_init(|| {
            build::builtin().and_then(build::Builder::finish).expect("the shipped data is read by a test of this crate")
        })
    }

    /// What this build ships with, extended or replaced by a file of lines of JSON, plain or compressed with gzip.
    ///
    /// A line of a name that is known takes its place. `{"about": "actions", "replaces": true, …}` drops every action that was
    /// known; `policies` does it for managed policies. The form of each line is in `effective/data/README.md`.
    ///
    /// # Errors
    /// A file that cannot be read, and the first line that is not understood, with its number and the fix.
    pub fn load(path: &Path) -> Result<Self, ReferenceError> {
        let mut builder = build::builtin()?;
        let text = read::text_of(path)?;
        builder.read(&text, &path.display().to_string())?;
        builder.finish()
    }

    /// Origin, version and date of each part.
    pub fn about(&self) -> &[About] {
        &self.about
    }

    /// How many actions are known.
    pub fn len(&self) -> usize {
        self.actions.len()
    }

    /// Whether no action is known.
    pub fn is_empty(&self) -> bool {
        self.actions.is_empty()
    }

    /// An action by its name, without regard to case. `None`: unknown.
    pub fn find(&self, name: &str) -> Option<ActionIx> {
        let name = name.to_ascii_lowercase();
        let at = self.actions.binary_search_by(|action| (*action.lower).cmp(name.as_str())).ok()?;
        Some(ix(at))
    }

    /// The action at a position.
    ///
    /// # Panics
    /// When the position is not from this reference.
    pub fn action(&self, action: ActionIx) -> &Action {
        &self.actions[action as usize]
    }

    /// Every action in the order of lower-case names.
    pub fn actions(&self) -> &[Action] {
        &self.actions
    }

    /// Known actions of a pattern as `s3:Get*`, without regard to case: disjoint ranges, ascending.
    pub fn matching(&self, pattern: &str) -> Vec<Range<ActionIx>> {
        let pattern = Glob::lowercase(pattern);
        let prefix = match pattern.atoms() {
            [Atom::Text(text), ..] => text.as_str(),
            _ => "",
        };
        let start = self.actions.partition_point(|action| *action.lower < *prefix);
        let within = self.actions[start..].partition_point(|action| action.lower.starts_with(prefix));
        if let [Atom::Many] | [Atom::Text(_), Atom::Many] = pattern.atoms() {
            return (within > 0).then(|| ix(start)..ix(start + within)).into_iter().collect();
        }
        let mut ranges: Vec<Range<ActionIx>> = Vec::new();
        for at in (start..start + within).filter(|&at| pattern.matches(&self.actions[at].lower)) {
            match ranges.last_mut() {
                Some(last) if last.end == ix(at) => last.end += 1,
                _ => ranges.push(ix(at)..ix(at + 1)),
            }
        }
        ranges
    }

    pub(in crate::aws) fn cells(&self) -> &Cells {
        &self.cells
    }

    /// Every service, by prefix.
    pub fn services(&self) -> &[Service] {
        &self.services
    }

    /// A service by the prefix of its actions.
    pub fn service(&self, prefix: &str) -> Option<&Service> {
        let prefix = prefix.to_ascii_lowercase();
        let at = self.services.binary_search_by(|service| (*service.prefix).cmp(prefix.as_str())).ok()?;
        self.services.get(at)
    }

    /// Resource types of an action, required ones first.
    pub fn resource_types(&self, action: &Action) -> impl Iterator<Item = &ResourceType> {
        action.resources.iter().map(|&at| &self.resource_types[at as usize])
    }

    /// Condition keys of an action beside the global ones.
    pub fn condition_keys(&self, action: &Action) -> impl Iterator<Item = &ConditionKey> {
        action.keys.iter().map(|&at| &self.keys[at as usize])
    }

    /// A condition key by its name, without regard to case. Of a key with a part of its own, as `aws:RequestTag/team`, the key of the family.
    pub fn condition_key(&self, name: &str) -> Option<&ConditionKey> {
        let name = name.to_ascii_lowercase();
        let of = |name: &str| {
            let at = self.keys.binary_search_by(|key| key.name.to_ascii_lowercase().as_str().cmp(name)).ok()?;
            self.keys.get(at)
        };
        of(&name).or_else(|| {
            let (family, _) = name.split_once('/')?;
            let start = self.keys.partition_point(|key| *key.name.to_ascii_lowercase() < *family);
            self.keys[start..]
                .iter()
                .take_while(|key| key.name.to_ascii_lowercase().starts_with(family))
                .find(|key| key.name.len() > family.len() && key.name.as_bytes()[family.len()] == b'/')
        })
    }

    /// A managed policy of AWS by ARN, of whichever partition. The first call reads their list, some ten milliseconds.
    pub fn managed_policy(&self, arn: &str) -> Option<ManagedPolicy> {
        self.managed.find(arn)
    }

    /// ARNs of every managed policy of AWS that is known, sorted.
    pub fn managed_policies(&self) -> Vec<&str> {
        self.managed.arns()
    }
}

/// A position as it is stored. A reference of four thousand million actions does not fit a file that anybody loads.
fn ix(at: usize) -> u32 {
    u32::try_from(at).expect("a list that was read from one file has fewer than 2^32 lines")
}

#[cfg(test)]
mod tests;
