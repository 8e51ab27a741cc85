//! Which actions a list of resources can be about at all.
//!
//! `s3:*` on `arn:aws:s3:::bucket` grants nothing on objects, and `s3:ListAllMyBuckets` on any ARN grants nothing, as it knows no resource but `*`.

use std::ops::Range;
use std::sync::OnceLock;

use rustc_hash::FxHashMap;

use super::actions::ActionSet;
use crate::aws::document::Matcher;
use crate::aws::pattern::Glob;
use crate::aws::reference::{ActionIx, Reference};

/// Actions of a statement that its resources can be about; worked out when somebody asks.
#[derive(Debug, Default)]
pub(super) struct Reach(OnceLock<Box<[Range<ActionIx>]>>);

impl Reach {
    /// Known actions of the set with a resource type that some pattern can match, as ranges. A type whose ARNs are not known counts as matched.
    pub(super) fn of(&self, set: &ActionSet, resources: &Matcher, reference: &Reference) -> &[Range<ActionIx>] {
        self.0.get_or_init(|| {
            let pattern = |pattern: &str| {
                let text = without_variables(pattern);
                (Glob::new(&text), text)
            };
            let patterns: Vec<(Glob, String)> = resources.patterns.iter().map(|one| pattern(one)).collect();
            let mut known: FxHashMap<&str, bool> = FxHashMap::default();
            let mut reached: Vec<Range<ActionIx>> = Vec::new();
            for action in set.ranges.iter().cloned().flatten() {
                let mut types = reference.resource_types(reference.action(action));
                let reaches = types.any(|of| {
                    *known.entry(&of.name).or_insert_with(|| {
                        let meets = |arn: &str| {
                            let of = Glob::new(arn);
                            patterns.iter().any(|(glob, text)| same_service(text, arn) && glob.meets(&of))
                        };
                        of.pattern().is_none_or(|arn| meets(&arn))
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
