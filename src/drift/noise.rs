//! What only looks changed: steps with a name, one file each. Nothing is left out silently: a change that a step explains is
//! kept, counted under its step and judged as in order.

pub(super) mod ephemeral;
pub(super) mod inherited;
pub(super) mod principal_gone;
pub(super) mod provider_default;

use std::fmt;

/// A step.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Noise {
    /// The provider made it and looks after it.
    ProviderDefault,
    /// It lives for a deployment or an hour by design.
    Ephemeral,
    /// The source lists it as derived from another grant, which is counted.
    Inherited,
    /// It went with its account or group, which is counted.
    PrincipalGone,
    /// It left one scope of its system for another.
    Moved,
}

impl Noise {
    /// Every step, in the order in which they are asked.
    pub const ALL: [Self; 5] =
        [Self::ProviderDefault, Self::Ephemeral, Self::Inherited, Self::PrincipalGone, Self::Moved];

    /// Its name in outputs.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::ProviderDefault => "provider_default",
            Self::Ephemeral => "ephemeral",
            Self::Inherited => "inherited",
            Self::PrincipalGone => "principal_gone",
            Self::Moved => "moved",
        }
    }

    /// What it is, for people.
    pub const fn about(self) -> &'static str {
        match self {
            Self::ProviderDefault => "made and kept by the provider (service-linked and reserved roles)",
            Self::Ephemeral => "made for a deployment or a session and gone by design",
            Self::Inherited => "derived from another grant, which is counted",
            Self::PrincipalGone => "gone with its account or group, which is counted",
            Self::Moved => "left one scope of its system for another",
        }
    }
}

impl fmt::Display for Noise {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}
