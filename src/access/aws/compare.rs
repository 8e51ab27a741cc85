//! Who gains and who loses what between two estates of one system: two snapshots, or one and the same with a proposal applied.
//!
//! Actions are those that identity policies grant within boundaries and the organisation's policies, resource control policies as well: those
//! of the accounts whose resources the statements may be about. An action that was allowed under a condition, or only as far as another layer allowed the same resource, and is allowed without is a
//! gain: so is a deny that was taken away. What was not read on one side is neither gain nor loss: such actions are told apart from both.

use std::collections::BTreeMap;

use fixedbitset::FixedBitSet;
use muster_effective::aws::compiled::{Compiled, Permissions};
use muster_effective::aws::escalation::{Certainty, Search, Standing, Techniques};
use muster_effective::aws::estate::{Estate, UnreadKind};
use muster_effective::aws::evaluate::Evaluate as _;
use schemars::JsonSchema;
use serde::Serialize;

/// Standing as a word, from the most harmless to the most powerful.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Reach {
    /// There is no such principal.
    Absent,
    /// No administrator, and becomes none.
    Apart,
    /// What would decide was not read, or depends on a condition.
    NotEvaluated,
    /// Certainly becomes an administrator.
    BecomesAdministrator,
    /// Is an administrator.
    Administrator,
}

impl Reach {
    fn of(standing: Standing) -> Self {
        match standing {
            Standing::Goal(Certainty::Certain) => Self::Administrator,
            Standing::Reaches { certainty: Certainty::Certain, .. } => Self::BecomesAdministrator,
            Standing::Goal(Certainty::Conditional | Certainty::NotEvaluated)
            | Standing::Reaches { certainty: Certainty::Conditional | Certainty::NotEvaluated, .. }
            | Standing::NotEvaluated => Self::NotEvaluated,
            Standing::Apart => Self::Apart,
        }
    }

    /// For a table.
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Absent => "absent",
            Self::Apart => "no way to administration",
            Self::NotEvaluated => "not evaluated",
            Self::BecomesAdministrator => "becomes administrator",
            Self::Administrator => "administrator",
        }
    }
}

/// What changes for one principal.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub(crate) struct Change {
    /// Its ARN.
    pub principal: String,
    /// Actions that are allowed afterwards, or under fewer conditions.
    pub gains: Vec<String>,
    /// Actions that are not allowed any more, or under more conditions.
    pub loses: Vec<String>,
    /// Actions of which it cannot be told whether they were gained or lost, because one side was not read.
    pub not_known: Vec<String>,
    /// Where it stood before.
    pub before: Reach,
    /// Where it stands afterwards.
    pub after: Reach,
    /// What was not read on either side.
    pub unread: Vec<String>,
}

/// One principal's side of the comparison.
struct Side {
    allowed: FixedBitSet,
    at_most: FixedBitSet,
    reach: Reach,
    unread: Vec<String>,
}

/// Every principal for whom something changes, by ARN. Both sides rest on one reference.
///
/// Cost: everything that each principal may do on both sides, and a search on both.
pub(crate) fn changes(before: &Compiled<'static>, after: &Compiled<'static>, techniques: &Techniques) -> Vec<Change> {
    let reference = after.reference();
    let (old, new) = rayon::join(|| sides(before, techniques), || sides(after, techniques));
    let mut arns: Vec<&str> = old.keys().chain(new.keys()).map(String::as_str).collect();
    arns.sort_unstable();
    arns.dedup();
    let names = |set: &FixedBitSet| -> Vec<String> {
        set.ones().filter_map(|at| u32::try_from(at).ok()).map(|at| reference.action(at).name.to_string()).collect()
    };
    let nothing = |estate: &Estate, arn: &str| {
        let unread: Vec<String> = hidden(estate, arn).into_iter().collect();
        Side {
            allowed: FixedBitSet::with_capacity(reference.len()),
            at_most: FixedBitSet::with_capacity(reference.len()),
            reach: if unread.is_empty() { Reach::Absent } else { Reach::NotEvaluated },
            unread,
        }
    };
    let mut changes = Vec::new();
    for arn in arns {
        let absent = match (old.get(arn), new.get(arn)) {
            (Some(_), Some(_)) => None,
            (None, _) => Some(nothing(before.estate(), arn)),
            (Some(_), None) => Some(nothing(after.estate(), arn)),
        };
        let (Some(was), Some(is)) = (old.get(arn).or(absent.as_ref()), new.get(arn).or(absent.as_ref())) else {
            continue;
        };
        let (mut gains, mut loses) = (more(was, is), more(is, was));
        let mut not_known = FixedBitSet::with_capacity(reference.len());
        // What both sides lack is the same lack; what only one lacks may be what it had or has.
        if was.unread != is.unread {
            for (set, lacks) in [(&mut gains, &was.unread), (&mut loses, &is.unread)] {
                if !lacks.is_empty() {
                    not_known.union_with(set);
                    set.clear();
                }
            }
        }
        if gains.is_clear() && loses.is_clear() && not_known.is_clear() && was.reach == is.reach {
            continue;
        }
        let mut unread: Vec<String> = was.unread.iter().chain(&is.unread).cloned().collect();
        unread.sort();
        unread.dedup();
        changes.push(Change {
            principal: arn.to_owned(),
            gains: names(&gains),
            loses: names(&loses),
            not_known: names(&not_known),
            before: was.reach,
            after: is.reach,
            unread,
        });
    }
    changes
}

/// Why a principal that an estate does not have may be there all the same: its account was not read, or not to its end.
fn hidden(estate: &Estate, arn: &str) -> Option<String> {
    let number = super::estate::number_of(arn)?;
    match estate.accounts.iter().find(|account| *account.number == *number) {
        None => Some(format!("account {number} is not in the snapshot")),
        Some(account) => {
            let unread = account.unread.iter().find(|unread| unread.what == UnreadKind::Principals)?;
            Some(unread.why.to_string())
        }
    }
}

/// What one side has more than the other: allowed where it was not, or without conditions where there were some.
fn more(less: &Side, more: &Side) -> FixedBitSet {
    let mut certain = more.allowed.clone();
    certain.difference_with(&less.allowed);
    let mut possible = more.at_most.clone();
    possible.union_with(&more.allowed);
    possible.difference_with(&less.allowed);
    possible.difference_with(&less.at_most);
    certain.union_with(&possible);
    certain
}

fn sides(compiled: &Compiled<'static>, techniques: &Techniques) -> BTreeMap<String, Side> {
    let search = Search::new(compiled, compiled.reference(), techniques);
    let graph = search.towards(&search.administrators());
    let sides = compiled.actions_of_all(|who, Permissions { allowed, allowed_if: at_most, unread, .. }| {
        let unread = unread.iter().map(ToString::to_string).collect();
        let side = Side { allowed, at_most, reach: Reach::of(graph.standing[who as usize]), unread };
        (compiled.estate().principals[who as usize].arn.to_string(), side)
    });
    sides.into_iter().collect()
}
