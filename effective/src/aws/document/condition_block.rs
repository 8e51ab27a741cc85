//! The `Condition` block of a statement: operators, keys, values.
//!
//! Source: IAM User Guide, "IAM JSON policy elements: Condition" (reference_policies_elements_condition.html).

use super::json::Member;
use super::json::{Node, Value};
use super::parse::{Reading, Twice, Unusable, shown};
use super::{Condition, Operator, SetOperator};
use crate::aws::condition;

impl Reading {
    /// Every operator with every key.
    pub(super) fn conditions(&mut self, index: u32, node: &Node) -> Result<Vec<Condition>, Unusable> {
        let Value::Object(operators) = &node.value else {
            let what = format!("`Condition` is {}, it is an object of operators", node.value.kind());
            return Err(self.refuse(index, &node.span, what));
        };
        let mut conditions = Vec::new();
        let mut usable = Ok(());
        let mut operators_seen = Twice::default();
        for written in operators {
            if operators_seen.again(&written.name) {
                let what = format!(
                    "the operator `{}` stands twice in `Condition`: write its keys into one",
                    shown(&written.name)
                );
                usable = Err(self.refuse(index, &written.span, what));
            }
            let (set, operator, if_exists) = match operator(&written.name) {
                Ok(read) => read,
                Err(what) => {
                    usable = Err(self.refuse(index, &written.span, what));
                    continue;
                }
            };
            let Value::Object(keys) = &written.node.value else {
                let what = format!(
                    "the operator `{}` has {}, it has keys with values",
                    shown(&written.name),
                    written.node.value.kind()
                );
                usable = Err(self.refuse(index, &written.node.span, what));
                continue;
            };
            let mut keys_seen = Twice::default();
            for key in keys {
                if keys_seen.again(&key.name) {
                    let what = format!(
                        "the key `{}` stands twice under `{}`: write its values into one list",
                        shown(&key.name),
                        written.name
                    );
                    usable = Err(self.refuse(index, &key.span, what));
                }
                match self.values(index, operator, key) {
                    Ok(values) => {
                        conditions.push(Condition { operator, set, if_exists, key: key.name.clone(), values });
                    }
                    Err(why) => usable = Err(why),
                }
            }
        }
        usable.map(|()| conditions)
    }

    fn values(&mut self, index: u32, operator: Operator, key: &Member) -> Result<Vec<Box<str>>, Unusable> {
        if key.name.trim().is_empty() {
            return Err(self.refuse(index, &key.span, "a condition key has no name: write as `aws:SourceIp`"));
        }
        let node = &key.node;
        let nodes = if let Value::Array(nodes) = &node.value { nodes.as_slice() } else { std::slice::from_ref(node) };
        if nodes.is_empty() {
            let what = format!(
                "the key `{}` has no values, and what AWS makes of that is not documented: name one",
                shown(&key.name)
            );
            return Err(self.refuse(index, &node.span, what));
        }
        let mut values: Vec<Box<str>> = Vec::with_capacity(nodes.len());
        let mut usable = Ok(());
        for node in nodes {
            let value: &str = match &node.value {
                Value::String(text) | Value::Number(text) => text,
                Value::Bool(true) => "true",
                Value::Bool(false) => "false",
                other => {
                    let what = format!(
                        "a value of `{}` is {}, it is a text, a number, true or false",
                        shown(&key.name),
                        other.kind()
                    );
                    usable = Err(self.refuse(index, &node.span, what));
                    continue;
                }
            };
            if let Err(why) = condition::well_formed(operator, value, self.version) {
                usable = Err(self.refuse(index, &node.span, why));
            }
            values.push(value.into());
        }
        usable.map(|()| values)
    }
}

/// `ForAllValues:StringLikeIfExists` in its three parts, in any case.
fn operator(written: &str) -> Result<(Option<SetOperator>, Operator, bool), String> {
    let (set, rest) = match written.split_once(':') {
        Some((set, rest)) if set.eq_ignore_ascii_case("ForAllValues") => (Some(SetOperator::ForAllValues), rest),
        Some((set, rest)) if set.eq_ignore_ascii_case("ForAnyValue") => (Some(SetOperator::ForAnyValue), rest),
        Some(_) => {
            return Err(format!(
                "`{}` begins with no set operator: there are ForAllValues and ForAnyValue",
                shown(written)
            ));
        }
        None => (None, written),
    };
    let cut = rest.len().saturating_sub("IfExists".len());
    let if_exists = rest.get(cut..).is_some_and(|end| end.eq_ignore_ascii_case("IfExists"));
    let name = if if_exists { &rest[..cut] } else { rest };
    let Some(operator) = Operator::ALL.iter().copied().find(|operator| name.eq_ignore_ascii_case(operator.as_str()))
    else {
        return Err(format!(
            "there is no condition operator `{}`: see the list of operators in the IAM User Guide",
            shown(written)
        ));
    };
    if operator == Operator::Null && (if_exists || set.is_some()) {
        return Err(format!("`{}`: Null takes neither IfExists nor a set operator: write `Null`", shown(written)));
    }
    Ok((set, operator, if_exists))
}
