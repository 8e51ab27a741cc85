//! A condition as it would be read aloud.

use crate::aws::document::{Condition, Operator, SetOperator};

/// What has to be true of the key that the condition holds, or that it does not.
pub fn sentence(condition: &Condition, holds: bool) -> String {
    let key = &condition.key;
    if condition.operator == Operator::Null {
        let absent = condition.values.iter().any(|value| value.eq_ignore_ascii_case("true"));
        let present = condition.values.iter().any(|value| value.eq_ignore_ascii_case("false"));
        return match (absent, present) {
            (true, true) => format!("{key} is in the request or not"),
            _ if absent == holds => format!("{key} is not in the request"),
            _ => format!("{key} is in the request"),
        };
    }
    let subject = match condition.set {
        None => key.to_string(),
        Some(SetOperator::ForAllValues) => format!("every value of {key}"),
        Some(SetOperator::ForAnyValue) => format!("some value of {key}"),
    };
    let body = |positive: bool| format!("{subject} {}", predicate(condition, positive));
    match (holds, condition.set, condition.if_exists) {
        (true, _, true) => format!("{}, or is not in the request", body(true)),
        (true, _, false) => body(true),
        (false, None, true) => format!("{key} is in the request and {}", predicate(condition, false)),
        (false, None, false) => body(false),
        (false, Some(_), _) => format!("it is not so that {}", body(true)),
    }
}

/// `is within 10.0.0.0/8`, or its opposite.
fn predicate(condition: &Condition, positive: bool) -> String {
    use Operator as O;
    let not = condition.operator.is_negated() == positive;
    let (yes, no) = match condition.operator {
        O::StringEquals | O::StringNotEquals | O::Bool | O::Null => ("is", "is not"),
        O::StringEqualsIgnoreCase | O::StringNotEqualsIgnoreCase => ("is, in any case,", "is not, in any case,"),
        O::StringLike | O::StringNotLike | O::ArnEquals | O::ArnNotEquals | O::ArnLike | O::ArnNotLike => {
            ("matches", "does not match")
        }
        O::NumericEquals | O::NumericNotEquals | O::DateEquals | O::DateNotEquals => ("equals", "does not equal"),
        O::NumericLessThan => ("is less than", "is not less than"),
        O::NumericLessThanEquals => ("is at most", "is more than"),
        O::NumericGreaterThan => ("is more than", "is at most"),
        O::NumericGreaterThanEquals => ("is at least", "is less than"),
        O::DateLessThan => ("is before", "is not before"),
        O::DateLessThanEquals => ("is not after", "is after"),
        O::DateGreaterThan => ("is after", "is not after"),
        O::DateGreaterThanEquals => ("is not before", "is before"),
        O::BinaryEquals => ("is in base64", "is not in base64"),
        O::IpAddress | O::NotIpAddress => ("is within", "is not within"),
    };
    let verb = if not { no } else { yes };
    match &condition.values[..] {
        [one] if one.is_empty() => format!("{verb} empty"),
        [one] => format!("{verb} {one}"),
        several if not => format!("{verb} any of {}", several.join(", ")),
        several => format!("{verb} one of {}", several.join(", ")),
    }
}
