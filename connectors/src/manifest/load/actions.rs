//! Actions: what can be undone says how, and what was done can be seen.

use super::blocks::{reading, refer};
use crate::manifest::model::{Action, Document, Method, Named, Risk};
use crate::manifest::problem::Review;

/// Checks them.
pub(super) fn check(document: &Document, review: &mut Review<'_>) {
    for action in document.action.entries() {
        refer(action.value.auth.as_ref(), "auth", document.auth.names().collect(), review);
        one(action, review);
    }
}

fn one(entry: &Named<Action>, review: &mut Review<'_>) {
    let (label, action) = (entry.name.get_ref(), &entry.value);
    let span = entry.name.span();
    let risk = action.risk.span();
    if action.call.path.is_some() == action.call.url.is_some() {
        review
            .error(&span, format!("the call of action `{label}` does not have exactly one of `path` and `url`"))
            .fix("give one of them");
    }
    if matches!(action.call.method, Method::Get | Method::Head | Method::List) {
        review
            .error(&span, format!("action `{label}` changes nothing: its call is a {}", action.call.method.as_str()))
            .fix("give the method that does");
    }
    match (*action.risk.get_ref(), &action.undo) {
        (Risk::Reversible | Risk::Lossy, None) => {
            review.error(&risk, format!("action `{label}` can be undone and does not say how")).fix(
                "add `undo`, or write `risk = \"irreversible\"`, which needs a flag of its own when it is carried out",
            );
        }
        (Risk::Irreversible, Some(_)) => {
            review
                .error(&risk, format!("action `{label}` cannot be undone and says how"))
                .fix("remove `undo`, or write `reversible` or `lossy`");
        }
        (_, _) => {}
    }
    if (*action.risk.get_ref() == Risk::Lossy) != action.loss.is_some() {
        review
            .error(&risk, format!("action `{label}`: `loss` goes with `risk = \"lossy\"`"))
            .because("who approves must know what does not come back")
            .fix("say in `loss` what is lost, or choose another risk");
    }
    let seen = action.verify.is_some() || action.already_if.is_some();
    if !seen && *action.risk.get_ref() != Risk::Irreversible {
        review
            .error(&span, format!("nobody could see whether action `{label}` was done"))
            .fix("add `verify`, or `already_if` over what `read` reads");
    }
    if action.already_if.is_some() && action.read.is_none() {
        review
            .warning(&span, format!("`already_if` of action `{label}` looks at nothing fresh"))
            .because("there is no `read`")
            .fix("add `read = { get = …, as = … }`");
    }
    for (call, whose) in [
        (action.read.as_ref().map(|read| &read.call), "`read`"),
        (action.verify.as_ref().map(|verify| &verify.call), "`verify`"),
    ] {
        match call {
            Some(Some(call)) => reading(call, &span, whose, review),
            Some(None) => {
                review
                    .error(&span, format!("{whose} of action `{label}` has no call"))
                    .fix("give it exactly one of `get` and `post`");
            }
            None => {}
        }
    }
    if let Some(verify) = &action.verify
        && verify.gone.is_empty()
        && verify.expect.is_none()
    {
        review
            .error(&span, format!("`verify` of action `{label}` takes any reply for proof"))
            .fix("add `gone = [404]` or `expect = \"…\"`");
    }
    if let Some(undo) = &action.undo
        && undo.call.path.is_some() == undo.call.url.is_some()
    {
        review
            .error(&span, format!("`undo` of action `{label}` does not have exactly one of `path` and `url`"))
            .fix("give one of them");
    }
}
