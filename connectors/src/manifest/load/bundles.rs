//! Calls that are carried together: what a bundle may hold.

use crate::manifest::model::{Document, Method, Stream, Templates};
use crate::manifest::problem::Review;

/// Checks `[bundle]`, and the streams that use it.
pub(super) fn check(document: &Document, review: &mut Review<'_>) {
    let bundled = || document.stream.entries().iter().filter(|entry| entry.value.bundled);
    if let Some(bundle) = &document.bundle {
        let most = bundle.shape.most();
        if !(2..=most).contains(bundle.most.get_ref()) {
            review
                .error(&bundle.most.span(), format!("a bundle of {} calls", bundle.most.get_ref()))
                .because(format!("the system takes {most} at most, and fewer than 2 are none"))
                .fix(format!("write `most = {most}`"));
        }
        if !bundle.post.source().starts_with('/') {
            review
                .error(bundle.post.span(), "`[bundle] post` is no path")
                .because("it counts from `[http]`, as every path does")
                .fix("begin it with `/`");
        }
        if bundled().next().is_none() {
            review
                .warning(bundle.post.span(), "no stream is `bundled`")
                .because("nothing is ever sent in a bundle")
                .fix("write `bundled = true` in a stream with `for`, or remove `[bundle]`");
        }
    }
    for entry in bundled() {
        let (label, span) = (entry.name.get_ref(), entry.name.span());
        for (why, fix) in objections(document, &entry.value) {
            review.error(&span, format!("stream `{label}` cannot be `bundled`")).because(why).fix(fix);
        }
    }
}

/// Why the calls of a stream cannot be carried, and what helps.
fn objections(document: &Document, stream: &Stream) -> Vec<(&'static str, &'static str)> {
    let call = stream.call.as_ref();
    let secret = |headers: &Templates| {
        let mut expressions = headers.entries().iter().flat_map(|entry| entry.value.expressions());
        expressions.any(|expr| expr.paths().iter().any(|path| path.first() == Some(&"secret")))
    };
    let told = secret(&document.http.headers) || call.is_some_and(|call| secret(&call.headers));
    let cases = [
        (document.bundle.is_none(), "there is no `[bundle]`", "say in `[bundle]` where and how it is sent"),
        (
            call.is_some_and(|call| call.method != Method::Get),
            "a bundle holds nothing but GETs, so that it can change nothing",
            "leave out `bundled`",
        ),
        (stream.parent.is_none(), "a list that is read once has nothing to be bundled with", "leave out `bundled`"),
        (
            stream.auth.is_some(),
            "a bundle is signed as a whole, in the way that all streams share",
            "leave out `auth`, or `bundled`",
        ),
        (
            told,
            "a header names a secret, and headers of a bundled call stand in a body",
            "sign in with `[auth.NAME]`, which signs the bundle itself",
        ),
    ];
    cases.into_iter().filter(|(applies, ..)| *applies).map(|(_, why, fix)| (why, fix)).collect()
}
