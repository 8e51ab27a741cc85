//! Assumptions that an answer rests on: what may hold together, and what follows from what.
//!
//! Only obvious contradictions are seen: the same condition that shall hold and not hold, and a key that must have one of a few
//! values of which none meets the other assumptions about it. Everything else counts as possible.

use std::cmp::Ordering;

use super::answer::Assumption;
use super::condition::{self, Truth};
use super::context::Known;
use super::document::{Condition, Operator, Version};
use super::variable;

/// Something that may hold or not, and that is assumed to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Assumed {
    /// What it is about.
    pub about: About,
    /// Whether it shall hold.
    pub holds: bool,
}

/// What an assumption is about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum About {
    /// A condition.
    Condition(Condition, Version),
    /// A pattern of `Resource` with a variable that may have any value.
    Resource {
        /// As written.
        pattern: Box<str>,
        /// The first key in it that may have any value.
        key: Box<str>,
    },
    /// The name of the role session.
    SessionName(Box<str>),
    /// The canonical user of S3 that the caller is.
    CanonicalUser(Box<str>),
}

impl Assumed {
    /// What shall hold.
    pub fn holds(about: About) -> Self {
        Self { about, holds: true }
    }

    /// Its opposite.
    #[must_use]
    pub fn opposite(&self) -> Self {
        Self { about: self.about.clone(), holds: !self.holds }
    }

    /// The key, as a request names it.
    pub fn key(&self) -> &str {
        match &self.about {
            About::Condition(condition, _) => &condition.key,
            About::Resource { key, .. } => key,
            About::SessionName(_) => "sts:RoleSessionName",
            About::CanonicalUser(_) => "CanonicalUser",
        }
    }

    /// As the answer tells it.
    pub fn told(&self) -> Assumption {
        let not = if self.holds { "" } else { "not " };
        let text = match &self.about {
            About::Condition(condition, _) => condition::sentence(condition, self.holds),
            About::Resource { pattern, .. } if self.holds => format!("the resource matches {pattern}"),
            About::Resource { pattern, .. } => format!("the resource does not match {pattern}"),
            About::SessionName(name) => format!("the session is {not}named {name}"),
            About::CanonicalUser(id) => format!("the caller is {not}the canonical user {id}"),
        };
        Assumption { key: self.key().to_ascii_lowercase().into(), text: text.into() }
    }

    /// Whether it holds where its key has this value; `None`: that is not to be said from one value.
    fn given(&self, value: Option<&String>) -> Option<bool> {
        let About::Condition(condition, version) = &self.about else { return None };
        if !is_plain(condition, *version) {
            return None;
        }
        let truth = condition::with_values(condition, *version, value.map(std::slice::from_ref), &|_| Known::Absent);
        Some((truth == Truth::Yes) == self.holds)
    }

    /// The values with which it holds, where they are few; `None` among them: without the key.
    fn few(&self) -> Option<Vec<Option<String>>> {
        let About::Condition(condition, version) = &self.about else { return None };
        if !is_plain(condition, *version) {
            return None;
        }
        let exact = match condition.operator {
            Operator::StringEquals
            | Operator::StringNotEquals
            | Operator::NumericEquals
            | Operator::NumericNotEquals
            | Operator::DateEquals
            | Operator::DateNotEquals
            | Operator::BinaryEquals
            | Operator::Bool => true,
            Operator::StringLike
            | Operator::StringNotLike
            | Operator::ArnEquals
            | Operator::ArnNotEquals
            | Operator::ArnLike
            | Operator::ArnNotLike => !condition.values.iter().any(|value| value.contains(['*', '?'])),
            Operator::Null => {
                // Only "not in the request" leaves few values: none.
                let absent = self.given(None) == Some(true) && self.given(Some(&String::from("x"))) == Some(false);
                return absent.then(|| vec![None]);
            }
            _ => false,
        };
        let means_equal = condition.operator.is_negated() != self.holds;
        let mut values: Vec<Option<String>> = match condition.operator {
            Operator::Bool => vec![Some("true".to_owned()), Some("false".to_owned()), None],
            _ if exact && means_equal => {
                condition.values.iter().map(|value| Some(value.to_string())).chain([None]).collect()
            }
            _ => return None,
        };
        values.retain(|value| self.given(value.as_ref()) == Some(true));
        Some(values)
    }
}

/// Without set operator and variables: what one value decides.
fn is_plain(condition: &Condition, version: Version) -> bool {
    condition.set.is_none()
        && !(version == Version::Of2012
            && condition.operator.reads_variables()
            && condition.values.iter().any(|value| variable::any(value)))
}

/// Assumptions that can hold together.
#[derive(Debug, Clone, Default)]
pub struct Together {
    assumed: Vec<Assumed>,
}

impl Together {
    /// All of these, whether they can hold together or not.
    pub fn unchecked(assumed: impl Iterator<Item = Assumed>) -> Self {
        Self { assumed: assumed.collect() }
    }

    /// Adds those of another that are about other keys.
    pub fn join(&mut self, other: Self) {
        self.assumed.extend(other.assumed);
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.assumed.len()
    }

    /// Whether nothing is assumed.
    pub fn is_empty(&self) -> bool {
        self.assumed.is_empty()
    }

    /// Each.
    pub fn iter(&self) -> impl Iterator<Item = &Assumed> {
        self.assumed.iter()
    }

    /// Each, sorted, as the answer tells it.
    pub fn told(&self) -> Vec<Assumption> {
        let mut told: Vec<Assumption> = self.needed().map(Assumed::told).collect();
        told.sort();
        told.dedup();
        told
    }

    /// Those that do not follow from another.
    fn needed(&self) -> impl Iterator<Item = &Assumed> {
        self.assumed.iter().enumerate().filter_map(|(at, one)| {
            let follows = self.assumed.iter().enumerate().any(|(other_at, other)| {
                let back = || one.few().is_some() && follows_from(other, one);
                other_at != at && follows_from(one, other) && (other_at < at || !back())
            });
            (!follows).then_some(one)
        })
    }

    /// Adds one; `false`: it cannot hold together with what is there, and nothing was added.
    #[must_use]
    pub fn add(&mut self, new: &Assumed) -> bool {
        if self.assumed.contains(new) {
            return true;
        }
        let key = new.key();
        let same: Vec<&Assumed> =
            self.assumed.iter().filter(|other| other.key().eq_ignore_ascii_case(key)).chain([new]).collect();
        if same.iter().any(|other| other.about == new.about && other.holds != new.holds) {
            return false;
        }
        let few = same.iter().filter_map(|one| one.few()).min_by(|a, b| a.len().cmp(&b.len()).then(Ordering::Equal));
        if let Some(values) = few {
            let meets_all = |value: &Option<String>| same.iter().all(|one| one.given(value.as_ref()) != Some(false));
            if !values.iter().any(meets_all) {
                return false;
            }
        }
        if !same.iter().any(|other| **other != *new && follows_from(new, other)) {
            self.assumed.push(new.clone());
        }
        true
    }
}

/// Whether one holds wherever the other, which leaves few values of the same key, does.
fn follows_from(one: &Assumed, other: &Assumed) -> bool {
    one.key().eq_ignore_ascii_case(other.key())
        && other.few().is_some_and(|values| {
            !values.is_empty() && values.iter().all(|value| one.given(value.as_ref()) == Some(true))
        })
}

#[cfg(test)]
mod tests {
    use super::super::document::Document;
    use super::*;

    fn assumed(block: &str, holds: bool) -> Assumed {
        let text = format!(
            r#"{{"Version":"2012-10-17","Statement":{{"Effect":"Allow","Action":"*","Resource":"*","Condition":{block}}}}}"#
        );
        let document = Document::parse(&text);
        let condition = document.statements[0].conditions[0].clone();
        Assumed { about: About::Condition(condition, document.version), holds }
    }

    fn together(all: &[(&str, bool)]) -> Option<Vec<String>> {
        let mut together = Together::default();
        all.iter()
            .all(|(block, holds)| together.add(&assumed(block, *holds)))
            .then(|| together.told().into_iter().map(|one| one.text.into()).collect())
    }

    #[test]
    fn what_can_never_hold_together_is_seen() {
        let is_a = (r#"{"StringEquals":{"a:k":"a"}}"#, true);
        for other in [
            (r#"{"StringEquals":{"a:k":["b","c"]}}"#, true),
            (r#"{"StringNotLike":{"A:K":"a*"}}"#, true),
            (r#"{"StringLike":{"a:k":"a*"}}"#, false),
            (r#"{"Null":{"a:k":"true"}}"#, true),
            (r#"{"StringEquals":{"a:k":"a"}}"#, false),
        ] {
            assert_eq!(together(&[is_a, other]), None, "{other:?}");
            assert_eq!(together(&[other, is_a]), None, "{other:?}");
        }
        let bool_true = (r#"{"Bool":{"a:k":"true"}}"#, true);
        assert_eq!(together(&[bool_true, (r#"{"BoolIfExists":{"a:k":"false"}}"#, true)]), None);
    }

    #[test]
    fn what_follows_is_not_said_twice() {
        let is_true = (r#"{"Bool":{"aws:SecureTransport":"true"}}"#, true);
        let not_false = (r#"{"Bool":{"aws:SecureTransport":"false"}}"#, false);
        for order in [[is_true, not_false], [not_false, is_true]] {
            assert_eq!(together(&order).unwrap(), ["aws:SecureTransport is true"]);
        }
        let within = (r#"{"IpAddress":{"aws:SourceIp":["10.0.0.0/8","192.0.2.0/24"]}}"#, true);
        let not_within = (r#"{"NotIpAddress":{"aws:SourceIp":"10.0.0.0/8"}}"#, false);
        let both = together(&[within, not_within]).unwrap();
        assert_eq!(
            both,
            ["aws:SourceIp is within 10.0.0.0/8", "aws:SourceIp is within one of 10.0.0.0/8, 192.0.2.0/24"]
        );
    }
}
