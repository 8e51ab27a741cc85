//! Statements into documents that fit.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use super::grants::Grant;
use crate::aws::document::{Condition, Effect, Matcher, SetOperator, Version};

/// Characters that a managed policy may have; white space does not count (IAM User Guide, "IAM and AWS STS quotas").
pub const MAX_CHARACTERS: usize = 6_144;

/// What was written, and what a reader must know about it.
#[derive(Debug, Default)]
pub(super) struct Written {
    pub(super) documents: Vec<String>,
    pub(super) notes: Vec<String>,
}

/// Documents of these statements, each within the limit; the statements in their order.
pub(super) fn documents(grants: &[Grant]) -> Written {
    let mut written = Written::default();
    for version in [Version::Of2012, Version::Of2008] {
        let mut open: Vec<Value> = Vec::new();
        for statement in grants.iter().filter(|grant| grant.version == version).flat_map(|grant| pieces(grant, version))
        {
            open.push(statement);
            if length(&document(version, &open)) > MAX_CHARACTERS && open.len() > 1 {
                let last = open.pop();
                written.close(version, &mut open);
                open.extend(last);
            }
        }
        written.close(version, &mut open);
    }
    written
}

impl Written {
    fn close(&mut self, version: Version, statements: &mut Vec<Value>) {
        if statements.is_empty() {
            return;
        }
        let document = document(version, &std::mem::take(statements));
        if length(&document) > MAX_CHARACTERS {
            self.notes.push(format!(
                "a statement that cannot be divided takes {} characters of the {MAX_CHARACTERS} that a managed policy may have: shorten its resources or conditions",
                length(&document)
            ));
        }
        self.documents.push(serde_json::to_string_pretty(&document).expect("a JSON value can be written"));
    }
}

fn document(version: Version, statements: &[Value]) -> Value {
    let version = match version {
        Version::Of2012 => "2012-10-17",
        Version::Of2008 => "2008-10-17",
    };
    json!({"Version": version, "Statement": statements})
}

/// Characters that count: of a policy without white space between its parts. White space within a text counts, as the text is part of
/// what is written.
fn length(document: &Value) -> usize {
    document.to_string().chars().count()
}

/// A statement, in several where it is too long for one document: its actions divided, then its resources, as both are alternatives.
fn pieces(grant: &Grant, version: Version) -> Vec<Value> {
    let whole = statement(grant);
    if length(&document(version, std::slice::from_ref(&whole))) <= MAX_CHARACTERS {
        return vec![whole];
    }
    let halves = |count: usize| (count > 1).then_some(count / 2);
    let (mut first, mut second) = (grant.clone(), grant.clone());
    if let Some(half) = halves(grant.actions.len()) {
        first.actions = grant.actions.iter().take(half).cloned().collect();
        second.actions = grant.actions.iter().skip(half).cloned().collect();
    } else if let Some(half) = halves(grant.resources.patterns.len()).filter(|_| !grant.resources.not) {
        first.resources.patterns.truncate(half);
        second.resources.patterns.drain(..half);
    } else {
        return vec![whole];
    }
    [first, second].iter().flat_map(|part| pieces(part, version)).collect()
}

fn statement(grant: &Grant) -> Value {
    let effect = match grant.effect {
        Effect::Allow => "Allow",
        Effect::Deny => "Deny",
    };
    let actions: Vec<&str> = grant.actions.iter().map(AsRef::as_ref).collect();
    let mut statement = json!({"Effect": effect, "Action": one_or_many(&actions)});
    let Matcher { not, patterns } = &grant.resources;
    let patterns: Vec<&str> = patterns.iter().map(AsRef::as_ref).collect();
    statement[if *not { "NotResource" } else { "Resource" }] = one_or_many(&patterns);
    if !grant.conditions.is_empty() {
        statement["Condition"] = conditions(&grant.conditions);
    }
    statement
}

fn one_or_many(texts: &[&str]) -> Value {
    if let [one] = texts { json!(one) } else { json!(texts) }
}

fn conditions(conditions: &[Condition]) -> Value {
    let mut blocks: BTreeMap<String, Map<String, Value>> = BTreeMap::new();
    for condition in conditions {
        let set = match condition.set {
            None => "",
            Some(SetOperator::ForAllValues) => "ForAllValues:",
            Some(SetOperator::ForAnyValue) => "ForAnyValue:",
        };
        let exists = if condition.if_exists { "IfExists" } else { "" };
        let values: Vec<&str> = condition.values.iter().map(AsRef::as_ref).collect();
        let block = blocks.entry(format!("{set}{}{exists}", condition.operator.as_str())).or_default();
        block.insert(condition.key.to_string(), one_or_many(&values));
    }
    json!(blocks)
}
