//! Whether a condition holds for a request.
//!
//! Sources: IAM User Guide, "Condition operators" (reference_policies_elements_condition_operators.html: missing keys, IfExists,
//! Null), "Conditions with multiple context keys or values" (reference_policies_condition-logic-multiple-context-keys-or-values.html:
//! several values are alternatives, for negated operators none may match), "Single-valued vs. multivalued context keys"
//! (reference_policies_condition-single-vs-multi-valued-context-keys.html: set operators), "Variables and tags"
//! (reference_policies_variables.html: what becomes of a variable without a value).

use super::values::{boolean, meets};
use crate::aws::context::Known;
use crate::aws::document::{Condition, Operator, SetOperator, Version};
use crate::aws::pattern::Glob;
use crate::aws::variable::{self, Part};

/// Whether something holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Truth {
    /// It does.
    Yes,
    /// It does not.
    No,
    /// A policy variable has no value: the statement is void, whatever its effect.
    Void,
    /// A key decides that may have any value.
    Open,
}

impl Truth {
    fn not(self) -> Self {
        match self {
            Self::Yes => Self::No,
            Self::No => Self::Yes,
            Self::Void | Self::Open => self,
        }
    }

    /// Whether any of them holds.
    pub fn any(truths: impl Iterator<Item = Self>) -> Self {
        let rank = |truth: &Self| match truth {
            Self::No => 0,
            Self::Void => 1,
            Self::Open => 2,
            Self::Yes => 3,
        };
        truths.max_by_key(rank).unwrap_or(Self::No)
    }

    /// Whether all of them hold.
    pub fn all(truths: impl Iterator<Item = Self>) -> Self {
        let rank = |truth: &Self| match truth {
            Self::Yes => 0,
            Self::Open => 1,
            Self::Void => 2,
            Self::No => 3,
        };
        truths.max_by_key(rank).unwrap_or(Self::Yes)
    }

    const fn of(holds: bool) -> Self {
        if holds { Self::Yes } else { Self::No }
    }
}

/// Whether a condition holds, given what is known of each key.
pub fn evaluate<'a>(condition: &Condition, version: Version, known: &dyn Fn(&str) -> Known<'a>) -> Truth {
    match known(&condition.key) {
        Known::Open if always(condition) => Truth::Yes,
        Known::Open => Truth::Open,
        Known::Like(pattern) => with_one_of(condition, version, &pattern, known),
        Known::Absent => with_values(condition, version, None, known),
        Known::Values(values) => with_values(condition, version, Some(&values), known),
    }
}

/// Whether it holds for each value and for none.
fn always(condition: &Condition) -> bool {
    condition.if_exists
        && condition.set.is_none()
        && matches!(condition.operator, Operator::StringLike)
        && condition.values.iter().any(|value| &**value == "*")
}

/// Whether a condition holds where its key has these values; `None`: the request does not have it.
pub fn with_values<'a>(
    condition: &Condition,
    version: Version,
    values: Option<&[String]>,
    known: &dyn Fn(&str) -> Known<'a>,
) -> Truth {
    if condition.operator == Operator::Null {
        return Truth::of(condition.values.iter().any(|value| boolean(value) == Some(values.is_none())));
    }
    // A set operator treats empty texts as no values at all.
    let several: Vec<&String> = match (values, condition.set) {
        (None, _) => Vec::new(),
        (Some(values), None) => values.iter().collect(),
        (Some(values), Some(_)) => values.iter().filter(|value| !value.is_empty()).collect(),
    };
    if several.is_empty() {
        return Truth::of(match condition.set {
            _ if condition.if_exists => true,
            Some(SetOperator::ForAllValues) => true,
            Some(SetOperator::ForAnyValue) => false,
            None => condition.operator.is_negated(),
        });
    }
    let patterns: Vec<Pattern> =
        condition.values.iter().map(|value| Pattern::of(value, condition.operator, version, known)).collect();
    let one = |value: &&String| {
        let met = Truth::any(patterns.iter().map(|pattern| pattern.meets(condition.operator, value)));
        if condition.operator.is_negated() { met.not() } else { met }
    };
    let each = several.iter().map(one);
    match condition.set {
        Some(SetOperator::ForAllValues) => Truth::all(each),
        // Several values without a set operator are nothing that AWS documents: as for one value, any may
        // match, and for the negated operators none.
        None if condition.operator.is_negated() => Truth::all(each),
        Some(SetOperator::ForAnyValue) | None => Truth::any(each),
    }
}

/// Texts that only wildcards match, short and longer than any name: what matches both of them in place of a name matches every name.
const STRANGERS: [&str; 2] = ["\u{1}", STRANGER];
const STRANGER: &str = match std::str::from_utf8(&[1; 1024]) {
    Ok(text) => text,
    Err(_) => "",
};

/// Whether a condition holds where its key has one value, of which only a pattern is known.
fn with_one_of<'a>(condition: &Condition, version: Version, like: &str, known: &dyn Fn(&str) -> Known<'a>) -> Truth {
    if condition.operator == Operator::Null {
        return Truth::of(condition.values.iter().any(|value| boolean(value) == Some(false)));
    }
    let operator = condition.operator;
    let (strangers, like) = (STRANGERS.map(|name| like.replace('*', name)), Glob::new(like));
    let met = Truth::any(condition.values.iter().map(|value| {
        match Pattern::of(value, operator, version, known) {
            Pattern::Filled(glob) if strangers.iter().all(|stranger| meets(operator, &glob, stranger)) => Truth::Yes,
            // Parts of an ARN are compared one by one: that matches less than the whole would. No name has a colon.
            Pattern::Filled(glob) if operator.reads_wildcards() && !glob.meets_without(&like, Some(':')) => Truth::No,
            Pattern::Filled(glob)
                if matches!(operator, Operator::StringEquals | Operator::StringNotEquals)
                    && glob.exact().is_some_and(|text| !like.matches(text)) =>
            {
                Truth::No
            }
            Pattern::Filled(_) | Pattern::Open(_) => Truth::Open,
            Pattern::Void => Truth::Void,
        }
    }));
    if operator.is_negated() { met.not() } else { met }
}

/// A value of a policy with its variables filled in.
enum Pattern {
    Filled(Glob),
    /// A variable may have any value: this is the pattern where it is a `*`.
    Open(Glob),
    Void,
}

impl Pattern {
    fn of<'a>(value: &str, operator: Operator, version: Version, known: &dyn Fn(&str) -> Known<'a>) -> Self {
        let wild = operator.reads_wildcards();
        if !operator.reads_variables() {
            let mut glob = Glob::default();
            glob.push_text(value);
            return Self::Filled(glob);
        }
        match fill(value, wild, version, known) {
            (_, Truth::Void | Truth::No) => Self::Void,
            (glob, Truth::Open) => Self::Open(glob),
            (glob, Truth::Yes) => Self::Filled(glob),
        }
    }

    fn meets(&self, operator: Operator, value: &str) -> Truth {
        match self {
            Self::Filled(glob) => Truth::of(meets(operator, glob, value)),
            Self::Void => Truth::Void,
            Self::Open(glob) => {
                let like = match operator {
                    Operator::StringEquals | Operator::StringNotEquals => Operator::StringLike,
                    Operator::StringEqualsIgnoreCase | Operator::StringNotEqualsIgnoreCase | Operator::Bool => {
                        return Truth::Open;
                    }
                    other => other,
                };
                // What the variable holds may have colons of its own, so that the parts of an ARN are not known.
                let like = if matches!(like, Operator::StringLike | Operator::StringNotLike) {
                    like
                } else {
                    Operator::StringLike
                };
                if meets(like, glob, value) { Truth::Open } else { Truth::No }
            }
        }
    }
}

/// A text with its variables filled in. With the truth `Open` each variable that may have any value stands as a `*`; with
/// `Void` one has no value.
pub(crate) fn fill<'a>(text: &str, wild: bool, version: Version, known: &dyn Fn(&str) -> Known<'a>) -> (Glob, Truth) {
    let mut glob = Glob::default();
    let push = |glob: &mut Glob, text: &str| if wild { glob.push_pattern(text) } else { glob.push_text(text) };
    if version == Version::Of2008 || !variable::any(text) {
        push(&mut glob, text);
        return (glob, Truth::Yes);
    }
    let Ok(parts) = variable::parts(text) else { return (glob, Truth::Void) };
    let mut truth = Truth::Yes;
    for part in parts {
        match part {
            Part::Text(text) => push(&mut glob, text),
            Part::Character(character) => glob.push_text(character.encode_utf8(&mut [0; 4])),
            Part::Key { name, default } => match known(name) {
                Known::Open | Known::Like(_) => {
                    glob.push_many();
                    truth = Truth::Open;
                }
                // A key with several values cannot be used as a variable.
                Known::Values(values) if values.len() == 1 => glob.push_text(&values[0]),
                Known::Values(_) => return (glob, Truth::Void),
                Known::Absent => match default {
                    Some(default) => glob.push_text(default),
                    None => return (glob, Truth::Void),
                },
            },
        }
    }
    (glob, truth)
}
