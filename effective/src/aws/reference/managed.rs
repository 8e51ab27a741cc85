//! Managed policies of AWS: an index over the lines of their file, each read when it is asked for.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::sync::OnceLock;

use serde::Deserialize;
use serde::de::IgnoredAny;
use serde_json::Value;

use super::read::{self, Line, Text};

/// The list as this build ships it.
const SHIPPED: &[u8] = include_bytes!("../../../data/aws-managed-policies.jsonl.gz");

/// A managed policy as AWS published it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ManagedPolicy {
    /// `arn:aws:iam::aws:policy/…`.
    pub arn: Box<str>,
    /// Its default version at the time.
    pub version: Option<Box<str>>,
    /// When it was last changed, as AWS writes instants.
    pub updated: Option<Box<str>>,
    /// The text of its document.
    pub text: String,
}

/// Every managed policy that is known.
#[derive(Debug, Default)]
pub(super) struct Managed {
    /// Whether what this build ships with counts at all.
    pub(super) replaces: bool,
    /// From a file: these take the place of those of the same ARN.
    pub(super) own: BTreeMap<Box<str>, ManagedPolicy>,
}

/// The shipped file and where each policy stands in it.
#[derive(Debug)]
struct Shipped {
    text: String,
    at: BTreeMap<Box<str>, std::ops::Range<usize>>,
}

#[derive(Debug, Deserialize)]
struct Head<'a> {
    #[serde(borrow)]
    policy: Option<Text<'a>>,
    #[expect(dead_code, reason = "read over, not read: most policies are never asked for")]
    document: Option<IgnoredAny>,
}

impl Managed {
    pub(super) fn find(&self, arn: &str) -> Option<ManagedPolicy> {
        let arn = of_aws(arn)?;
        if let Some(own) = self.own.get(&*arn) {
            return Some(own.clone());
        }
        if self.replaces {
            return None;
        }
        let shipped = shipped();
        let line = &shipped.text[shipped.at.get(&*arn)?.clone()];
        serde_json::from_str::<Line<'_>>(line).ok().and_then(|line| policy_of(&line))
    }

    pub(super) fn arns(&self) -> Vec<&str> {
        let mut arns: Vec<&str> = self.own.keys().map(AsRef::as_ref).collect();
        if !self.replaces {
            arns.extend(shipped().at.keys().map(AsRef::as_ref));
        }
        arns.sort_unstable();
        arns.dedup();
        arns
    }
}

/// A managed policy from its line; `None`: the line is not of one, or has no document.
pub(super) fn policy_of(line: &Line<'_>) -> Option<ManagedPolicy> {
    let text = match line.document.as_ref()? {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    };
    let owned = |text: &Option<Text<'_>>| text.as_ref().map(|text| text.as_ref().into());
    Some(ManagedPolicy {
        arn: owned(&line.policy)?,
        version: owned(&line.version),
        updated: owned(&line.updated),
        text,
    })
}

/// The ARN in the partition `aws`: the other partitions have the same policies under the same names.
pub(super) fn of_aws(arn: &str) -> Option<Cow<'_, str>> {
    if arn.starts_with("arn:aws:") {
        return Some(Cow::Borrowed(arn));
    }
    let (_partition, rest) = arn.strip_prefix("arn:")?.split_once(':')?;
    Some(Cow::Owned(format!("arn:aws:{rest}")))
}

fn shipped() -> &'static Shipped {
    static READ: OnceLock<Shipped> = OnceLock::new();
    READ.get_or_init(|| {
        let text = read::unpacked(SHIPPED).expect("the shipped data is read by a test of this crate");
        let mut at = BTreeMap::new();
        let mut start = 0;
        for line in text.split_inclusive('\n') {
            if let Ok(Head { policy: Some(arn), .. }) = serde_json::from_str(line) {
                at.insert(arn.as_ref().into(), start..start + line.trim_end().len());
            }
            start += line.len();
        }
        Shipped { text, at }
    })
}

/// Lines about the list itself.
pub(super) fn about() -> String {
    let text = &shipped().text;
    text.lines().take_while(|line| line.contains("\"about\"")).collect::<Vec<_>>().join("\n")
}
