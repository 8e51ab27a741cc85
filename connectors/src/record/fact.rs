//! A value that may be missing, and why it is.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::words::named;

/// A value that the source may not give, with the reason when it does not.
///
/// In JSON a known value stands for itself; everything else is `{"state": "never"}` and so on. A field that is left out
/// is [`Fact::Unsupported`].
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(from = "FactJson<T>", into = "FactJson<T>")]
#[serde(bound(serialize = "T: Clone + Serialize", deserialize = "T: Deserialize<'de>"))]
#[schemars(bound = "T: JsonSchema")]
pub enum Fact<T> {
    /// The source gave a value.
    Known(T),
    /// The source says that there is no value: no expiry, no MFA factor.
    Absent,
    /// The source says that it never happened: never signed in, never used.
    Never,
    /// The source has the field, but this collection could not read it (no permission, withheld, unparsable).
    Unreadable,
    /// The source has no such field, or the connector does not ask for it.
    #[default]
    Unsupported,
}

impl<T> Fact<T> {
    /// The value, when there is one.
    pub fn known(&self) -> Option<&T> {
        match self {
            Self::Known(value) => Some(value),
            Self::Absent | Self::Never | Self::Unreadable | Self::Unsupported => None,
        }
    }

    /// How the value stands, without the value.
    pub fn state(&self) -> FactState {
        match self {
            Self::Known(_) => FactState::Known,
            Self::Absent => FactState::None,
            Self::Never => FactState::Never,
            Self::Unreadable => FactState::Unreadable,
            Self::Unsupported => FactState::Unsupported,
        }
    }
}

impl<T> From<Option<T>> for Fact<T> {
    /// `None` becomes [`Fact::Absent`]: use it only where the source was asked and answered "no value".
    fn from(value: Option<T>) -> Self {
        value.map_or(Self::Absent, Self::Known)
    }
}

/// The JSON shape of a [`Fact`].
#[derive(Clone, Serialize, Deserialize, JsonSchema)]
#[serde(untagged)]
enum FactJson<T> {
    State { state: FactState },
    Value(T),
}

impl<T> From<FactJson<T>> for Fact<T> {
    fn from(json: FactJson<T>) -> Self {
        match json {
            FactJson::Value(value) => Self::Known(value),
            FactJson::State { state: FactState::None } => Self::Absent,
            FactJson::State { state: FactState::Never } => Self::Never,
            FactJson::State { state: FactState::Unsupported } => Self::Unsupported,
            FactJson::State { state: FactState::Unreadable | FactState::Known } => Self::Unreadable,
        }
    }
}

impl<T> From<Fact<T>> for FactJson<T> {
    fn from(fact: Fact<T>) -> Self {
        let state = fact.state();
        match fact {
            Fact::Known(value) => Self::Value(value),
            Fact::Absent | Fact::Never | Fact::Unreadable | Fact::Unsupported => Self::State { state },
        }
    }
}

named! {
    /// Why a [`Fact`] has or lacks a value; the content of every `<column>_state` column.
    FactState {
        /// A value is present.
        Known = "known",
        /// There is no value, and the source says so.
        None = "none",
        /// It never happened, and the source says so.
        Never = "never",
        /// It could not be read.
        Unreadable = "unreadable",
        /// The source has no such field.
        Unsupported = "unsupported",
    }
}
