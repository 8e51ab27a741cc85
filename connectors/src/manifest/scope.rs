//! What an expression can name.
//!
//! A [`Scope`] is a chain of layers: the run (`config`, `now`, tables of words), a parent, a partition, a reply or an item. A name is
//! looked for in the layers' own names from the inside out, then in the fields of the innermost object that may be named bare (the
//! item, the reply). A parent's name or an `over` variable therefore hides a field of the item, which `item.NAME` still reaches.

use std::fmt;
use std::sync::Arc;

use minijinja::value::{Enumerator, Object, ObjectRepr};

use super::value::{Fields, Value};

/// What the tables of words are called in a scope: a name that no expression can write, so that items may have a key `map`.
pub(super) const TABLES: &str = "[map]";

/// Names with their values. Cloning is cheap; adding makes a new scope and leaves the old one.
#[derive(Clone, Default)]
pub struct Scope(Arc<Layer>);

#[derive(Default)]
struct Layer {
    names: Vec<(Arc<str>, Value)>,
    bare: Option<Value>,
    /// Whether what may be named bare is called `item`.
    item: bool,
    /// Whether what may be named bare hides the names around it.
    first: bool,
    outer: Option<Scope>,
}

impl Scope {
    /// A scope in which nothing can be named.
    pub fn new() -> Self {
        Self::default()
    }

    /// This scope with one more name.
    #[must_use]
    pub fn with(&self, name: impl Into<Arc<str>>, value: Value) -> Self {
        self.with_all(vec![(name.into(), value)])
    }

    /// This scope with more names.
    #[must_use]
    pub fn with_all(&self, names: Vec<(Arc<str>, Value)>) -> Self {
        Self(Arc::new(Layer { names, outer: Some(self.clone()), ..Layer::default() }))
    }

    /// This scope, with the fields of what `name` stands for to be named bare.
    #[must_use]
    pub fn with_bare(&self, name: &str) -> Self {
        Self(Arc::new(Layer { bare: self.get(name), outer: Some(self.clone()), ..Layer::default() }))
    }

    /// This scope, with the fields of what `name` stands for to be named bare, also where something around it is called so.
    #[must_use]
    pub fn with_fields(&self, name: &str) -> Self {
        Self(Arc::new(Layer { bare: self.get(name), first: true, outer: Some(self.clone()), ..Layer::default() }))
    }

    /// This scope with `item`, whose fields can be named bare.
    #[must_use]
    pub fn with_item(&self, item: Value) -> Self {
        Self(Arc::new(Layer { bare: Some(item), item: true, outer: Some(self.clone()), ..Layer::default() }))
    }

    /// This scope with a reply: `status`, `headers` (names in lower case) and `body`, whose fields can be named bare.
    #[must_use]
    pub fn with_reply(&self, status: u16, headers: Value, body: Value) -> Self {
        let names = vec![
            (Arc::from("status"), Value::from(status)),
            (Arc::from("headers"), headers),
            (Arc::from("body"), body.clone()),
        ];
        Self(Arc::new(Layer { names, bare: Some(body), outer: Some(self.clone()), ..Layer::default() }))
    }

    /// What `name` stands for.
    pub fn get(&self, name: &str) -> Option<Value> {
        let mut layer = &self.0;
        let mut bare = None;
        loop {
            if layer.first
                && let Some(value) = layer.bare.as_ref().and_then(|bare| field(bare, name))
            {
                return Some(value);
            }
            if let Some((_, value)) = layer.names.iter().find(|(known, _)| **known == *name) {
                return Some(value.clone());
            }
            if layer.item && name == "item" {
                return layer.bare.clone();
            }
            if bare.is_none() {
                bare = layer.bare.as_ref();
            }
            match &layer.outer {
                Some(outer) => layer = &outer.0,
                None => break,
            }
        }
        field(bare?, name)
    }

    /// The scope as the context of an expression.
    pub(super) fn context(&self) -> Value {
        Value::from_dyn_object(Arc::clone(&self.0))
    }
}

/// Headers as expressions see them: names in lower case.
pub fn headers<'a>(pairs: impl IntoIterator<Item = (&'a str, &'a str)>) -> Value {
    let fields =
        pairs.into_iter().map(|(name, value)| (name.to_ascii_lowercase().into_boxed_str(), Value::from(value)));
    Value::from_object(Fields::new(fields.collect()))
}

fn field(object: &Value, name: &str) -> Option<Value> {
    match object.downcast_object_ref::<Fields>() {
        Some(fields) => fields.get(name).cloned(),
        None => object.get_attr(name).ok().filter(|value| !value.is_undefined()),
    }
}

impl Object for Layer {
    fn repr(self: &Arc<Self>) -> ObjectRepr {
        ObjectRepr::Map
    }

    fn get_value(self: &Arc<Self>, key: &Value) -> Option<Value> {
        Scope(Arc::clone(self)).get(key.as_str()?)
    }

    fn get_value_by_str(self: &Arc<Self>, key: &str) -> Option<Value> {
        Scope(Arc::clone(self)).get(key)
    }

    fn enumerate(self: &Arc<Self>) -> Enumerator {
        Enumerator::NonEnumerable
    }
}

/// Names only: values may be secrets.
impl fmt::Debug for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl fmt::Debug for Layer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let item = self.item.then_some("item");
        let names: Vec<&str> = self.names.iter().map(|(name, _)| &**name).chain(item).collect();
        f.debug_struct("Scope").field("names", &names).field("outer", &self.outer).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::Scope;
    use crate::manifest::value::from_json;

    #[test]
    fn what_an_action_is_done_to_comes_before_what_stands_around_it() {
        let names = Scope::new()
            .with("entitlement", from_json(&serde_json::json!({ "id": "repo:write" })))
            .with("edge", from_json(&serde_json::json!({ "entitlement": "repo:write" })));
        let text = |scope: &Scope, name: &str| scope.get(name).map(|value| value.to_string());
        assert_eq!(text(&names.with_fields("edge"), "entitlement").as_deref(), Some("repo:write"));
        assert_ne!(text(&names.with_bare("edge"), "entitlement").as_deref(), Some("repo:write"));
        assert!(names.with_fields("edge").get("edge").is_some());
    }
}
