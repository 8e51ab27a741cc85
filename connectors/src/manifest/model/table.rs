//! Tables whose keys are names that the author chose, in the order they were written.

use std::fmt;
use std::marker::PhantomData;

use serde::Deserialize;
use serde::de::{Deserializer, MapAccess, Visitor};
use toml::Spanned;

/// A name with its value.
#[derive(Debug, Clone)]
pub struct Named<T> {
    /// The key, with its position.
    pub name: Spanned<String>,
    /// What it names.
    pub value: T,
}

/// A table in the order it was written: of `[auth.*]` the first is the default.
#[derive(Debug, Clone)]
pub struct Table<T>(Vec<Named<T>>);

impl<T> Table<T> {
    /// The value called `name`.
    pub fn get(&self, name: &str) -> Option<&T> {
        self.0.iter().find(|entry| entry.name.get_ref() == name).map(|entry| &entry.value)
    }

    /// Names and values, as written.
    pub fn iter(&self) -> impl DoubleEndedIterator<Item = (&str, &T)> + Clone {
        self.0.iter().map(|entry| (entry.name.get_ref().as_str(), &entry.value))
    }

    /// Names, as written.
    pub fn names(&self) -> impl DoubleEndedIterator<Item = &str> + Clone {
        self.0.iter().map(|entry| entry.name.get_ref().as_str())
    }

    /// Entries with the positions of their keys.
    pub fn entries(&self) -> &[Named<T>] {
        &self.0
    }

    /// Entries, to be compiled.
    pub fn entries_mut(&mut self) -> &mut [Named<T>] {
        &mut self.0
    }

    /// Entries, given away.
    pub fn into_entries(self) -> Vec<Named<T>> {
        self.0
    }

    /// A table of these entries, in this order.
    pub fn from_entries(entries: Vec<Named<T>>) -> Self {
        Self(entries)
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The first entry.
    pub fn first(&self) -> Option<(&str, &T)> {
        self.iter().next()
    }

    /// Where `name` stands among the others.
    pub fn position(&self, name: &str) -> Option<usize> {
        self.0.iter().position(|entry| entry.name.get_ref() == name)
    }
}

impl<T> Default for Table<T> {
    fn default() -> Self {
        Self(Vec::new())
    }
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Table<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Entries<T>(PhantomData<T>);

        impl<'de, T: Deserialize<'de>> Visitor<'de> for Entries<T> {
            type Value = Vec<Named<T>>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a table")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                let mut entries = Vec::new();
                while let Some((name, value)) = map.next_entry()? {
                    entries.push(Named { name, value });
                }
                Ok(entries)
            }
        }

        let mut entries = deserializer.deserialize_map(Entries(PhantomData))?;
        entries.sort_by_key(|entry| entry.name.span().start);
        Ok(Self(entries))
    }
}
