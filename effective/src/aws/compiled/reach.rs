//! Which actions a list of resources can be about at all.
//!
//! `s3:*` on `arn:aws:s3:::bucket` grants nothing on objects, and `s3:ListAllMyBuckets` on any ARN grants nothing, as it knows no resource but `*`.

use std::ops::Range;
use std::sync::OnceLock;

use rustc_hash::FxHashMap;

use super::actions::ActionSet;
use crate::aws::document::Matcher;
use crate::aws::reference::{ActionIx, Reference};

/// Actions of a statement that its resources can be about; worked out when somebody asks.
#[derive(Debug, Default)]
pub(super) struct Reach(OnceLock<Box<[Range<ActionIx>]>>);

impl Reach {
    /// Known actions of the set with a resource type that some pattern can match, as ranges. A type whose ARNs are not known counts as matched.
    pub(super) fn of(&self, set: &ActionSet, resources: &Matcher, reference: &Reference) -> &[Range<ActionIx>] {
        self.0.get_or_init(|| {
            let patterns: Vec<String> = resources.patterns.iter().map(|pattern| without_variables(pattern)).collect();
            let mut known: FxHashMap<&str, bool> = FxHashMap::default();
            let mut reached: Vec<Range<ActionIx>> = Vec::new();
            for action in set.ranges.iter().cloned().flatten() {
                let types = reference.resource_types(reference.action(action));
                let reaches = types.fold(false, |reaches, of| {
                    reaches
                        || *known.entry(&of.name).or_insert_with(|| {
                            of.pattern().is_none_or(|arn| {
                                patterns.iter().any(|pattern| same_service(pattern, &arn) && meet(pattern, &arn))
                            })
                        })
                });
                match reached.last_mut() {
                    _ if !reaches => {}
                    Some(last) if last.end == action => last.end += 1,
                    _ => reached.push(action..action + 1),
                }
            }
            reached.into()
        })
    }
}

/// Every variable as a `*`.
fn without_variables(pattern: &str) -> String {
    let mut text = String::with_capacity(pattern.len());
    let mut rest = pattern;
    while let Some((before, after)) = rest.split_once("${") {
        text.push_str(before);
        text.push('*');
        rest = after.split_once('}').map_or("", |(_, after)| after);
    }
    text + rest
}

/// Whether two ARNs may be of one service: rules most pairs out.
fn same_service(one: &str, other: &str) -> bool {
    let service = |arn: &str| {
        let mut parts = arn.split(':');
        let (_, partition, service) = (parts.next()?, parts.next()?, parts.next()?);
        // A wildcard at the end of the partition may take the service in.
        (!partition.ends_with('*') || partition == "*")
            .then(|| service.to_owned())
            .filter(|service| !service.contains(['*', '?']))
    };
    match (service(one), service(other)) {
        (Some(one), Some(other)) => one == other,
        _ => true,
    }
}

/// Whether some text is of both patterns. Cost: the product of their lengths.
fn meet(one: &str, other: &str) -> bool {
    let (one, other) = (one.as_bytes(), other.as_bytes());
    // `below[j]`: whether what is left of `one` meets what is left of `other` from `j` on.
    let mut below = vec![false; other.len() + 1];
    below[other.len()] = true;
    for j in (0..other.len()).rev() {
        below[j] = other[j] == b'*' && below[j + 1];
    }
    for &a in one.iter().rev() {
        let mut row = vec![false; other.len() + 1];
        row[other.len()] = a == b'*' && below[other.len()];
        for j in (0..other.len()).rev() {
            let b = other[j];
            let either = (a == b'*' && (below[j] || row[j + 1])) || (b == b'*' && (row[j + 1] || below[j]));
            let both = a != b'*' && b != b'*' && (a == b || a == b'?' || b == b'?') && below[j + 1];
            row[j] = either || both;
        }
        below = row;
    }
    below[0]
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::aws::pattern::Glob;

    #[test]
    fn patterns_meet_where_a_text_is_of_both() {
        for (one, other) in
            [("a*", "*b"), ("a?c", "abc"), ("*", ""), ("arn:aws:s3:::b/*", "arn:*:s3:::*/*"), ("a*c", "a*b*c")]
        {
            assert!(meet(one, other) && meet(other, one), "{one} {other}");
        }
        for (one, other) in [("a", "b"), ("a*", "b*"), ("arn:aws:s3:::b", "arn:*:s3:::*/*"), ("?", ""), ("a?", "a")] {
            assert!(!meet(one, other) && !meet(other, one), "{one} {other}");
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 3000, failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn a_text_of_both_patterns_makes_them_meet(one in "[ab*?]{0,6}", other in "[ab*?]{0,6}", text in "[ab]{0,6}") {
            let both = Glob::new(&one).matches(&text) && Glob::new(&other).matches(&text);
            prop_assert!(!both || meet(&one, &other), "{} {} {}", one, other, text);
        }
    }
}
