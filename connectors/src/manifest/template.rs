//! Texts with expressions in them, `"/orgs/${config.org}/members"`, and JSON bodies made of such texts.

use std::fmt;
use std::ops::Range;

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde::Deserialize;
use serde::de::{Deserializer, MapAccess, SeqAccess, Visitor};
use serde_json::Value as Json;
use toml::Spanned;

use super::expression::{EvalError, Expr};
use super::model::{Named, Table};
use super::scope::Scope;
use super::value::{Value, is_null, text, to_json};

/// What a path segment keeps as it is: RFC 3986's unreserved characters. All else is encoded, `/` first of all.
const SEGMENT: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// A text with expressions in it. One that is wholly `${…}` keeps the type of its value.
#[derive(Debug, Clone, Default)]
pub struct Template {
    source: String,
    span: Range<usize>,
    pub(super) parts: Vec<Part>,
}

/// A piece of a template.
#[derive(Debug, Clone)]
pub enum Part {
    /// As it stands.
    Text(String),
    /// What an expression gives.
    Expr(Expr),
}

impl Template {
    /// A template that is not compiled yet.
    pub(super) fn unchecked(source: String, span: Range<usize>) -> Self {
        Self { source, span, parts: Vec::new() }
    }

    /// The template as it was written.
    pub fn source(&self) -> &str {
        &self.source
    }

    /// Where it stands in the manifest, in bytes.
    pub fn span(&self) -> &Range<usize> {
        &self.span
    }

    /// Its pieces.
    pub fn parts(&self) -> &[Part] {
        &self.parts
    }

    /// Its expressions.
    pub fn expressions(&self) -> impl Iterator<Item = &Expr> {
        self.parts.iter().filter_map(|part| match part {
            Part::Text(_) => None,
            Part::Expr(expr) => Some(expr),
        })
    }

    /// The value, with its type when the template is wholly one expression; otherwise text.
    ///
    /// # Errors
    /// [`EvalError`] when an expression fails, or is null in the middle of a text.
    pub fn value(&self, scope: &Scope) -> Result<Value, EvalError> {
        match self.parts.as_slice() {
            [Part::Expr(expr)] => expr.eval(scope),
            parts => joined(parts, scope).map(Value::from),
        }
    }

    /// The text; `None` when the template is wholly one expression and that is null.
    ///
    /// # Errors
    /// [`EvalError`] when an expression fails, is null in the middle of a text, or is a list or an object.
    pub fn text(&self, scope: &Scope) -> Result<Option<String>, EvalError> {
        match self.parts.as_slice() {
            [Part::Expr(expr)] => {
                let value = expr.eval(scope)?;
                if is_null(&value) { Ok(None) } else { written(expr, &value).map(Some) }
            }
            parts => joined(parts, scope).map(Some),
        }
    }

    /// The text as a path or an address: what expressions give is percent-encoded, unless it went through `| raw`.
    ///
    /// # Errors
    /// [`EvalError`] when an expression fails, is null or empty (a call would go to another address than is meant), is a list or
    /// an object, or is `.` or `..`.
    pub fn path(&self, scope: &Scope) -> Result<String, EvalError> {
        let mut path = String::with_capacity(self.source.len() + 32);
        for part in &self.parts {
            match part {
                Part::Text(literal) => path.push_str(literal),
                Part::Expr(expr) => {
                    let value = expr.eval(scope)?;
                    let written = written(expr, &value)?;
                    if value.is_safe() {
                        path.push_str(&written);
                    } else if matches!(written.as_str(), "" | "." | "..") {
                        return Err(expr.failed(format!("`{written}` cannot stand in a path")));
                    } else {
                        path.extend(utf8_percent_encode(&written, SEGMENT));
                    }
                }
            }
        }
        Ok(path)
    }
}

fn joined(parts: &[Part], scope: &Scope) -> Result<String, EvalError> {
    let mut text = String::new();
    for part in parts {
        match part {
            Part::Text(literal) => text.push_str(literal),
            Part::Expr(expr) => text.push_str(&written(expr, &expr.eval(scope)?)?),
        }
    }
    Ok(text)
}

fn written(expr: &Expr, value: &Value) -> Result<String, EvalError> {
    text(value).ok_or_else(|| {
        let found = if is_null(value) { "null".to_owned() } else { value.kind().to_string() };
        expr.failed(format!("it gives {found} where text is needed"))
    })
}

impl<'de> Deserialize<'de> for Template {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let spanned = Spanned::<Scalar>::deserialize(deserializer)?;
        let span = spanned.span();
        Ok(Self::unchecked(spanned.into_inner().0, span))
    }
}

/// Text, or a number or truth that is meant as text (`per_page = 100`).
struct Scalar(String);

impl<'de> Deserialize<'de> for Scalar {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Text;

        impl Visitor<'_> for Text {
            type Value = String;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a text")
            }

            fn visit_str<E>(self, text: &str) -> Result<String, E> {
                Ok(text.to_owned())
            }

            fn visit_i64<E>(self, number: i64) -> Result<String, E> {
                Ok(number.to_string())
            }

            fn visit_bool<E>(self, yes: bool) -> Result<String, E> {
                Ok(yes.to_string())
            }
        }

        deserializer.deserialize_any(Text).map(Self)
    }
}

/// A piece of a JSON body: every text in it is a template.
#[derive(Debug, Clone)]
pub struct Node {
    /// Where it stands in the manifest, in bytes.
    pub span: Range<usize>,
    /// What it is.
    pub kind: NodeKind,
}

/// What a [`Node`] is.
#[derive(Debug, Clone)]
pub enum NodeKind {
    /// A text.
    Template(Template),
    /// A number or a truth.
    Plain(Json),
    /// A list.
    List(Vec<Node>),
    /// An object.
    Table(Table<Node>),
}

impl Node {
    /// The JSON; keys and elements whose template is null are left out.
    ///
    /// # Errors
    /// [`EvalError`] as of [`Template::value`].
    pub fn render(&self, scope: &Scope) -> Result<Json, EvalError> {
        Ok(match &self.kind {
            NodeKind::Template(template) => to_json(&template.value(scope)?),
            NodeKind::Plain(json) => json.clone(),
            NodeKind::List(nodes) => {
                let mut list = Vec::with_capacity(nodes.len());
                for node in nodes {
                    let json = node.render(scope)?;
                    if !json.is_null() {
                        list.push(json);
                    }
                }
                Json::Array(list)
            }
            NodeKind::Table(table) => {
                let mut object = serde_json::Map::new();
                for (name, node) in table.iter() {
                    let json = node.render(scope)?;
                    if !json.is_null() {
                        object.insert(name.to_owned(), json);
                    }
                }
                Json::Object(object)
            }
        })
    }

    /// Every template in it.
    pub(super) fn templates_mut(&mut self, visit: &mut dyn FnMut(&mut Template)) {
        match &mut self.kind {
            NodeKind::Template(template) => visit(template),
            NodeKind::Plain(_) => {}
            NodeKind::List(nodes) => nodes.iter_mut().for_each(|node| node.templates_mut(visit)),
            NodeKind::Table(table) => {
                table.entries_mut().iter_mut().for_each(|Named { value, .. }| value.templates_mut(visit));
            }
        }
    }
}

impl<'de> Deserialize<'de> for Node {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let spanned = Spanned::<Inner>::deserialize(deserializer)?;
        let span = spanned.span();
        let kind = match spanned.into_inner() {
            Inner::Text(text) => NodeKind::Template(Template::unchecked(text, span.clone())),
            Inner::Plain(json) => NodeKind::Plain(json),
            Inner::List(nodes) => NodeKind::List(nodes),
            Inner::Table(mut entries) => {
                entries.sort_by_key(|entry: &Named<Self>| entry.name.span().start);
                NodeKind::Table(Table::from_entries(entries))
            }
        };
        Ok(Self { span, kind })
    }
}

enum Inner {
    Text(String),
    Plain(Json),
    List(Vec<Node>),
    Table(Vec<Named<Node>>),
}

impl<'de> Deserialize<'de> for Inner {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Any;

        impl<'de> Visitor<'de> for Any {
            type Value = Inner;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a text, number, truth, list or table")
            }

            fn visit_bool<E>(self, yes: bool) -> Result<Inner, E> {
                Ok(Inner::Plain(yes.into()))
            }

            fn visit_i64<E>(self, number: i64) -> Result<Inner, E> {
                Ok(Inner::Plain(number.into()))
            }

            fn visit_f64<E>(self, number: f64) -> Result<Inner, E> {
                Ok(Inner::Plain(number.into()))
            }

            fn visit_str<E>(self, text: &str) -> Result<Inner, E> {
                Ok(Inner::Text(text.to_owned()))
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Inner, A::Error> {
                let mut nodes = Vec::new();
                while let Some(node) = seq.next_element()? {
                    nodes.push(node);
                }
                Ok(Inner::List(nodes))
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Inner, A::Error> {
                let mut entries = Vec::new();
                while let Some((name, value)) = map.next_entry()? {
                    entries.push(Named { name, value });
                }
                Ok(Inner::Table(entries))
            }
        }

        deserializer.deserialize_any(Any)
    }
}
