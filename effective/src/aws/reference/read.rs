//! Lines of a reference file, and what can be wrong with them.

use std::borrow::Cow;
use std::io::Read;
use std::path::Path;

use flate2::read::MultiGzDecoder;
use serde::Deserialize;
use serde_json::Value;

/// A file of reference data that could not be used.
#[derive(Debug, thiserror::Error)]
pub enum ReferenceError {
    /// The file itself.
    #[error(
        "the reference data in `{path}` could not be read: {cause}; fix: name a readable file of JSON lines, plain or gzip"
    )]
    File {
        /// Which file.
        path: String,
        /// What the system said.
        #[source]
        cause: std::io::Error,
    },
    /// One line.
    #[error("{path}:{line}: {what}; fix: {fix}")]
    Line {
        /// Which file.
        path: String,
        /// From 1.
        line: usize,
        /// What was found.
        what: String,
        /// What to write instead.
        fix: &'static str,
    },
}

/// Text that is borrowed where the file has no escapes in it.
#[derive(Debug, Deserialize)]
#[serde(transparent)]
pub(super) struct Text<'a>(#[serde(borrow)] pub(super) Cow<'a, str>);

impl AsRef<str> for Text<'_> {
    fn as_ref(&self) -> &str {
        &self.0
    }
}

/// One line, whichever its kind; which fields are there says which it is.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Line<'a> {
    #[serde(borrow)]
    pub(super) about: Option<Text<'a>>,
    #[serde(borrow)]
    pub(super) source: Option<Text<'a>>,
    #[serde(borrow)]
    pub(super) version: Option<Text<'a>>,
    #[serde(borrow)]
    pub(super) date: Option<Text<'a>>,
    #[serde(borrow)]
    pub(super) licence: Option<Text<'a>>,
    #[serde(default)]
    pub(super) replaces: bool,
    #[serde(borrow)]
    pub(super) service: Option<Text<'a>>,
    #[serde(borrow)]
    pub(super) name: Option<Text<'a>>,
    #[serde(default)]
    pub(super) rcp: bool,
    #[serde(borrow)]
    pub(super) resource: Option<Text<'a>>,
    #[serde(borrow)]
    pub(super) arn: Option<Text<'a>>,
    #[serde(borrow)]
    pub(super) key: Option<Text<'a>>,
    #[serde(borrow, rename = "type")]
    pub(super) of: Option<Text<'a>>,
    #[serde(borrow)]
    pub(super) action: Option<Text<'a>>,
    #[serde(borrow)]
    pub(super) level: Option<Text<'a>>,
    #[serde(borrow, default)]
    pub(super) required: Vec<Text<'a>>,
    #[serde(borrow, default)]
    pub(super) resources: Vec<Text<'a>>,
    #[serde(borrow, default)]
    pub(super) keys: Vec<Text<'a>>,
    #[serde(borrow, default)]
    pub(super) risk: Vec<Text<'a>>,
    #[serde(borrow)]
    pub(super) policy: Option<Text<'a>>,
    #[serde(borrow)]
    pub(super) updated: Option<Text<'a>>,
    pub(super) document: Option<Value>,
}

/// The text of a file that may be compressed.
pub(super) fn text_of(path: &Path) -> Result<String, ReferenceError> {
    let error = |cause| ReferenceError::File { path: path.display().to_string(), cause };
    let bytes = std::fs::read(path).map_err(error)?;
    unpacked(&bytes).map_err(error)
}

/// The text of bytes that may be compressed.
pub(super) fn unpacked(bytes: &[u8]) -> Result<String, std::io::Error> {
    let mut text = String::new();
    if bytes.starts_with(&[0x1f, 0x8b]) {
        MultiGzDecoder::new(bytes).read_to_string(&mut text)?;
    } else {
        std::io::Cursor::new(bytes).read_to_string(&mut text)?;
    }
    Ok(text)
}
