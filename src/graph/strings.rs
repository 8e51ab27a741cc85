//! Every string of the graph, once, in one arena.

use string_interner::backend::BucketBackend;
use string_interner::symbol::SymbolU32;
use string_interner::{StringInterner, Symbol};

/// A string of the graph. `Option<Text>` is as small.
pub type Text = SymbolU32;

/// The arena. It grows by further pieces: the hundreds of megabytes of a large estate are never copied.
#[derive(Debug)]
pub struct Strings {
    interner: StringInterner<BucketBackend<Text>>,
}

impl Default for Strings {
    fn default() -> Self {
        Self { interner: StringInterner::new() }
    }
}

impl Strings {
    /// An arena with room for so many strings.
    pub fn with_capacity(strings: usize) -> Self {
        Self { interner: StringInterner::with_capacity(strings) }
    }

    /// The text for `string`, new or known.
    pub fn add(&mut self, string: &str) -> Text {
        self.interner.get_or_intern(string)
    }

    /// The text for `string`, when it is known.
    pub fn find(&self, string: &str) -> Option<Text> {
        self.interner.get(string)
    }

    /// The string.
    pub fn get(&self, text: Text) -> &str {
        // INVARIANT: a `Text` is only made by `add` of the same graph.
        self.interner.resolve(text).unwrap_or_default()
    }

    /// Number of distinct strings.
    pub fn len(&self) -> usize {
        self.interner.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.interner.is_empty()
    }
}

/// A number for a text, for keys of tables.
pub(super) fn number(text: Text) -> u32 {
    u32::try_from(text.to_usize()).unwrap_or(u32::MAX)
}
