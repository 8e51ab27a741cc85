//! What goes wrong while a manifest runs, and how it is told.

use std::time::Duration;

use crate::http::HttpError;
use crate::manifest::expression::EvalError;
use crate::scope::Gap;

/// Why a call has no reply that can be used.
#[derive(Debug)]
pub(crate) enum Trouble {
    /// No reply, or one that no rule of the manifest forgives.
    Http(Box<HttpError>),
    /// The manifest's own rule says what it means.
    Told(Box<Gap>),
    /// The credential is refused for good, or the answer to it cannot be used.
    Denied(Box<Gap>),
    /// The manifest asks for something that cannot be done with this reply or setting.
    Manifest(String),
    /// The system asks to wait longer than a scan waits.
    TooLong(Duration),
    /// The run was cancelled.
    Stopped,
}

impl Trouble {
    /// Something that the manifest asks and that cannot be done.
    pub(crate) fn manifest(what: impl Into<String>) -> Self {
        Self::Manifest(what.into())
    }

    /// A request that cannot be built.
    pub(crate) fn unsendable(what: &str, why: &dyn std::fmt::Display) -> Self {
        Self::Manifest(format!("a call cannot be sent: {what} ({why})"))
    }

    /// The trouble as a gap in what is called `name`.
    pub(crate) fn gap(&self, name: &str) -> Gap {
        match self {
            Self::Http(error) => error.gap(),
            Self::Told(gap) | Self::Denied(gap) => (**gap).clone(),
            Self::Manifest(what) => Gap::new("COL072", format!("{name} cannot be read as its manifest says"))
                .cause(what.clone())
                .fix("compare the manifest with a reply of the system: `muster connectors check` and `muster connectors test`"),
            Self::TooLong(asked) => Gap::new("COL033", format!("{name} was not read to its end"))
                .cause(format!("the system asks to wait {} s, longer than a scan waits", asked.as_secs()))
                .fix("collect this system at a quieter hour, ask the vendor for a higher rate limit, or raise `max_wait_s`"),
            Self::Stopped => Gap::new("COL022", format!("{name} was not read to its end"))
                .cause("the run was cancelled or its deadline passed")
                .fix("collect this system again"),
        }
    }
}

impl From<HttpError> for Trouble {
    fn from(error: HttpError) -> Self {
        match error {
            HttpError::Stopped => Self::Stopped,
            other => Self::Http(Box::new(other)),
        }
    }
}

impl From<EvalError> for Trouble {
    fn from(error: EvalError) -> Self {
        Self::Manifest(error.to_string())
    }
}
