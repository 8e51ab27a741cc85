//! Lists that may be empty: never those that the system is about.

use crate::manifest::model::{Document, Stream};
use crate::manifest::problem::Review;

/// Checks `may_be_empty` of every stream.
pub(super) fn check(document: &Document, review: &mut Review<'_>) {
    let yields = |stream: &Stream, kinds: &[&str]| {
        stream.emit.iter().any(|emit| !emit.enriches && kinds.contains(&emit.kind.get_ref().as_str()))
    };
    let mut streams = document.stream.entries().iter().map(|entry| &entry.value);
    let has_main = streams.any(|stream| stream.may_be_empty.is_none() && yields(stream, &["account", "person"]));
    for entry in document.stream.entries() {
        let (label, stream) = (entry.name.get_ref(), &entry.value);
        let Some(why) = &stream.may_be_empty else { continue };
        let mut wrong = |because: &str, fix: &str| {
            let what = format!("stream `{label}` cannot say that it `may_be_empty`");
            review.error(&why.span(), what).because(because).fix(fix);
        };
        if why.get_ref().trim().is_empty() {
            wrong("no reason is given", "write why: `may_be_empty = \"not every organisation invites anybody\"`");
        }
        if yields(stream, &["person", "employment"]) {
            wrong("where nobody works, something was not read", "remove it");
        }
        if !has_main {
            wrong(
                "no other stream yields the accounts that the system is about",
                "remove it: a list of accounts that is empty looks like a credential that may see nothing",
            );
        }
        if stream.emit.iter().all(|emit| emit.enriches) {
            wrong("it yields no records of its own, so that nobody misses any", "remove it");
        }
    }
}
