//! Blocks about the connection: config, auth, check, limits, pagers, errors, maps.

use std::ops::Range;

use toml::Spanned;

use crate::manifest::expression::Expr;
use crate::manifest::model::{
    Auth, AuthKind, Call, ConfigField, ConfigType, Document, ErrorRule, Grant, Limits, Method, Pager, PagerKind,
    SendClient,
};
use crate::manifest::problem::{Review, did_you_mean};

/// Checks them.
pub(super) fn check(document: &Document, review: &mut Review<'_>) {
    document.config.entries().iter().for_each(|entry| config(&entry.name, &entry.value, review));
    for secret in document.secrets.entries() {
        reserved(&secret.name, review);
        if document.config.get(secret.name.get_ref()).is_some() {
            review
                .error(&secret.name.span(), format!("`{}` is a key of `[config]` as well", secret.name.get_ref()))
                .because("both are keys of one `[[system]]`")
                .fix("choose another name");
        }
    }
    document.auth.entries().iter().for_each(|entry| auth(&entry.value, review));
    if document.auth.is_empty() {
        review
            .warning(&document.id.span(), "there is no `[auth.NAME]`")
            .because("every call is made without a credential")
            .fix("add one, unless the system really asks for none");
    }
    match &document.check {
        None => {
            review
                .warning(&document.id.span(), "there is no `[check]`")
                .because("`muster doctor` cannot say whether the credential works, and whose it is")
                .fix("add `[check]` with one cheap call");
        }
        Some(check) => {
            if check.call.is_none() {
                review.error(&document.id.span(), "`[check]` has no call").fix("add exactly one of `get` and `post`");
            }
            refer(check.auth.as_ref(), "auth", document.auth.names().collect(), review);
        }
    }
    limits(&document.limits, &document.id.span(), review);
    document.pager.entries().iter().for_each(|entry| pager(&entry.value, review));
    errors(&document.error, &document.id.span(), review);
    if let Some(access) = &document.access
        && access.scopes.is_some()
        && access.scopes_header.is_some()
    {
        review
            .error(&document.id.span(), "`[access]` has both `scopes` and `scopes_header`")
            .fix("say once where they are read back");
    }
    let headers = document.http.headers.entries().iter();
    for header in headers.filter(|header| header.name.get_ref().eq_ignore_ascii_case("authorization")) {
        review
            .error(&header.name.span(), "`Authorization` among the headers of `[http]`")
            .because("a credential there would go to every origin, and could not be renewed")
            .fix("write it as `[auth.NAME]`");
    }
}

/// Says when `name` points at nothing.
pub(super) fn refer(name: Option<&Spanned<String>>, block: &str, known: Vec<&str>, review: &mut Review<'_>) {
    if let Some(name) = name
        && !known.contains(&name.get_ref().as_str())
    {
        review.error(&name.span(), format!("there is no `[{block}.{}]`", name.get_ref())).fix(if known.is_empty() {
            format!("add `[{block}.{}]`", name.get_ref())
        } else {
            did_you_mean(name.get_ref(), known)
        });
    }
}

fn config(name: &Spanned<String>, field: &ConfigField, review: &mut Review<'_>) {
    if let Some(default) = &field.default {
        let fits = match (field.kind, default.get_ref()) {
            (ConfigType::String, toml::Value::String(text)) => field.choices.is_empty() || field.choices.contains(text),
            (ConfigType::Url, toml::Value::String(text)) => url(text),
            (ConfigType::Integer, toml::Value::Integer(_)) | (ConfigType::Boolean, toml::Value::Boolean(_)) => true,
            (ConfigType::List, toml::Value::Array(list)) => list.iter().all(toml::Value::is_str),
            (_, _) => false,
        };
        if !fits {
            let needs =
                if field.choices.is_empty() { field.kind.as_str().to_owned() } else { field.choices.join(", ") };
            review
                .error(&default.span(), format!("the default of `{}` does not fit", name.get_ref()))
                .fix(format!("it is of type: {needs}"));
        }
    }
    if !field.choices.is_empty() && field.kind != ConfigType::String {
        review.error(&name.span(), "`choices` are for strings").fix("write `type = \"string\"`");
    }
    reserved(name, review);
}

/// Settings and secrets are keys of one `[[system]]`, beside the engine's.
fn reserved(name: &Spanned<String>, review: &mut Review<'_>) {
    if RESERVED.contains(&name.get_ref().as_str()) {
        review
            .error(&name.span(), format!("`{}` is a key of every `[[system]]`", name.get_ref()))
            .fix("choose another name");
    }
}

/// Keys of a `[[system]]` that are the engine's or every manifest's.
const RESERVED: &[&str] = &[
    "auth",
    "ca_file",
    "canaries",
    "concurrency",
    "connector",
    "credential",
    "credentials",
    "deadline",
    "empty_is_normal",
    "gate",
    "max_age",
    "name",
    "owner",
];

fn url(text: &str) -> bool {
    url::Url::parse(text).is_ok_and(|url| {
        let local = matches!(url.host_str(), Some("127.0.0.1" | "localhost" | "[::1]"));
        !text.ends_with('/')
            && url.host_str().is_some()
            && (url.scheme() == "https" || (url.scheme() == "http" && local))
    })
}

fn auth(auth: &Auth, review: &mut Review<'_>) {
    use AuthKind::{Basic, Bearer, Exchange, Headers, Mtls, Oauth2, Query, Signer};
    let kind = *auth.kind.get_ref();
    let span = auth.kind.span();
    let keys = [
        ("token", auth.token.is_some(), &[Bearer][..], if auth.jwt.is_some() { &[][..] } else { &[Bearer][..] }),
        ("user", auth.user.is_some(), &[Basic], &[Basic]),
        ("password", auth.password.is_some(), &[Basic], &[]),
        ("headers", !auth.headers.is_empty(), &[Headers], &[Headers]),
        ("query", !auth.query.is_empty(), &[Query], &[Query]),
        ("token_url", auth.token_url.is_some(), &[Oauth2], &[Oauth2]),
        ("grant", auth.grant.is_some(), &[Oauth2], &[Oauth2]),
        ("client_id", auth.client_id.is_some(), &[Oauth2], &[]),
        ("client_secret", auth.client_secret.is_some(), &[Oauth2], &[]),
        ("refresh_token", auth.refresh_token.is_some(), &[Oauth2], &[]),
        ("scopes", !auth.scopes.is_empty(), &[Oauth2], &[]),
        ("params", !auth.params.is_empty(), &[Oauth2], &[]),
        ("call", auth.call.is_some(), &[Exchange], &[Exchange]),
        ("from", auth.from.is_some(), &[Exchange], &[Exchange]),
        ("expires", auth.expires.is_some(), &[Exchange], &[]),
        ("expires_in", auth.expires_in.is_some(), &[Exchange], &[]),
        ("lifetime_s", auth.lifetime_s.is_some(), &[Exchange], &[]),
        ("send", !auth.send.is_empty(), &[Exchange], &[]),
        ("jwt", auth.jwt.is_some(), &[Bearer, Headers, Exchange, Oauth2], &[]),
        ("signer", auth.signer.is_some(), &[Signer], &[Signer]),
        ("with", !auth.with.is_empty(), &[Signer], &[Signer]),
        ("mtls", auth.mtls.is_some(), &[Bearer, Basic, Headers, Query, Oauth2, Exchange, Mtls], &[Mtls]),
    ];
    belong(
        "auth",
        kind.as_str(),
        &span,
        keys.map(|(key, given, allowed, needed)| (key, given, allowed.contains(&kind), needed.contains(&kind))),
        review,
    );
    let mut need = |missing: bool, key: &str, why: &str| {
        if missing {
            review.error(&span, format!("`{key}` is missing")).because(why.to_owned()).fix(format!("add `{key} = …`"));
        }
    };
    if kind == Oauth2 {
        let assertion = auth.client == SendClient::Assertion;
        let bearer = auth.grant == Some(Grant::JwtBearer);
        need(
            auth.grant == Some(Grant::RefreshToken) && auth.refresh_token.is_none(),
            "refresh_token",
            "the grant renews with it",
        );
        need((assertion || bearer) && auth.jwt.is_none(), "jwt", "the assertion is a signed token");
        need(!bearer && auth.client_id.is_none(), "client_id", "the token request names the client");
        need(
            !bearer && !assertion && auth.mtls.is_none() && auth.client_secret.is_none(),
            "client_secret",
            "the client proves itself with it",
        );
    }
    let mut sent = auth.token.iter().chain(auth.headers.entries().iter().map(|entry| &entry.value));
    let is_jwt = |expr: &Expr| expr.paths().iter().any(|path| path == &["jwt"]);
    let names_jwt = sent.any(|template| template.expressions().any(is_jwt));
    let by_itself = kind == Bearer && auth.token.is_none();
    if matches!(kind, Bearer | Headers) && auth.jwt.is_some() && !names_jwt && !by_itself {
        review
            .error(&span, "the token of `jwt` is signed and never sent")
            .fix("name it: `${jwt}`; a `bearer` that has no `token` sends it by itself");
    }
    if auth.call.as_ref().is_some_and(|call| call.path.is_some() == call.url.is_some()) {
        review
            .error(&span, "`path` is missing")
            .because("a call has exactly one of `path` and `url`")
            .fix("add `path = …`");
    }
}

/// Says which keys do not belong to a kind and which are missing: key, given, allowed, needed.
fn belong<const N: usize>(
    block: &str,
    kind: &str,
    span: &Range<usize>,
    keys: [(&str, bool, bool, bool); N],
    review: &mut Review<'_>,
) {
    for (key, given, allowed, needed) in keys {
        if given && !allowed {
            let known: Vec<&str> = keys.iter().filter(|(_, _, allowed, _)| *allowed).map(|(key, ..)| *key).collect();
            review
                .error(span, format!("`{key}` means nothing to {block} of kind `{kind}`"))
                .because("it would be ignored")
                .fix(format!("remove it, or choose another kind; this one has {}", known.join(", ")));
        } else if needed && !given {
            review.error(span, format!("{block} of kind `{kind}` needs `{key}`")).fix(format!("add `{key} = …`"));
        }
    }
}

/// Checks a pager wherever it stands.
pub(super) fn pager(pager: &Pager, review: &mut Review<'_>) {
    use PagerKind::{Continue, Cursor, Link, NextUrl, None, Offset, Page, Scim, Seek};
    let kind = *pager.kind.get_ref();
    let span = pager.kind.span();
    let paged = &[Link, Cursor, NextUrl, Page, Offset, Seek, Continue, Scim][..];
    let keys = [
        ("rel", pager.rel.is_some(), &[Link][..], &[][..]),
        ("unless", pager.unless.is_some(), &[Link, NextUrl], &[]),
        ("from", pager.from.is_some(), &[Cursor, NextUrl, Seek, Continue], &[Cursor, NextUrl, Seek, Continue]),
        ("into", pager.into.is_some(), &[Cursor, Page, Offset, Seek], &[Cursor, Page, Offset, Seek]),
        ("more", pager.more.is_some(), &[Cursor, NextUrl, Page, Offset, Seek, Continue], &[]),
        ("start", pager.start.is_some(), &[Page, Offset], &[]),
        ("last", pager.last.is_some(), &[Page], &[]),
        ("total", pager.total.is_some(), &[Link, Cursor, NextUrl, Page, Offset, Seek, Continue, Scim, None], &[]),
        ("size", pager.size.is_some(), paged, &[]),
        ("size_into", pager.size_into.is_some(), &[Link, Cursor, NextUrl, Page, Offset, Seek, Continue], &[]),
        ("short_pages", pager.short_pages, paged, &[]),
        ("call", pager.call.is_some(), &[Continue], &[Continue]),
        ("max_pages", pager.max_pages.is_some(), paged, &[]),
        ("expired", pager.expired.is_some(), paged, &[]),
    ];
    belong(
        "a pager",
        kind.as_str(),
        &span,
        keys.map(|(key, given, allowed, needed)| (key, given, allowed.contains(&kind), needed.contains(&kind))),
        review,
    );
    if pager.size_into.is_some() && pager.size.is_none() {
        review.error(&span, "`size_into` without `size`").fix("say how many rows are asked for at once");
    }
    if kind == Offset && pager.size.is_none() {
        review
            .error(&span, "a pager of kind `offset` needs `size`")
            .because("rows could be read twice or skipped when the server's own page is of another size")
            .fix("add `size` and `size_into`");
    }
    if pager.size == Some(0) || pager.max_pages == Some(0) {
        review.error(&span, "`size` and `max_pages` are at least 1").fix("leave it out");
    }
    if let Some(call) = &pager.call {
        reading(call, &span, "a pager", review);
    }
}

/// A call that reads: one address, and a method that the transport lets through.
pub(super) fn reading(call: &Call, span: &Range<usize>, whose: &str, review: &mut Review<'_>) {
    if call.path.is_some() == call.url.is_some() {
        review
            .error(
                span,
                format!(
                    "the call of {whose} has {} `path` and `url`",
                    if call.path.is_some() { "both" } else { "neither" }
                ),
            )
            .fix("give exactly one");
    }
    if !matches!(call.method, Method::Get | Method::Head | Method::List | Method::Post) {
        review
            .error(span, format!("{} in the call of {whose}", call.method.as_str()))
            .because("only actions may change anything")
            .fix("use GET, HEAD, LIST, or POST where the system searches by it");
    }
}

fn limits(limits: &Limits, head: &Range<usize>, review: &mut Review<'_>) {
    for bucket in &limits.bucket {
        let rate = bucket.per_second();
        if bucket.per_s.is_some() == bucket.per_min.is_some()
            || rate.is_none_or(|rate| !(rate.is_finite() && rate > 0.0))
        {
            let which = bucket.matches.as_deref().unwrap_or("every call");
            review
                .error(head, format!("the bucket for `{which}` has no rate"))
                .fix("give exactly one of `per_s` and `per_min`, above 0");
        }
    }
    if limits.floor.is_some() && limits.remaining.is_none() {
        review
            .error(head, "`[limits] floor` without `remaining`")
            .because("nothing says how many calls are left")
            .fix("name the header");
    }
    if limits.concurrency == Some(0) || limits.attempts == Some(0) {
        review.error(head, "`concurrency` and `attempts` of `[limits]` are at least 1").fix("leave it out");
    }
}

fn errors(rules: &[ErrorRule], head: &Range<usize>, review: &mut Review<'_>) {
    for (index, rule) in rules.iter().enumerate() {
        if rule.status.is_empty() && rule.when.is_none() {
            review
                .error(head, format!("`[[error]]` number {} has neither `status` nor `when`", index + 1))
                .because("it would take every refusal, and whatever comes after it none")
                .fix("say which refusals it is about");
        }
        if let Some(when) = &rule.when {
            // A rule after one with the same statuses and no condition is never reached.
            let shadow = rules[..index].iter().any(|before| before.when.is_none() && covers(before, rule));
            if shadow {
                review
                    .error(when.span(), "this rule is never reached")
                    .because("one above it takes all its statuses")
                    .fix("move it up");
            }
        }
    }
}

fn covers(before: &ErrorRule, rule: &ErrorRule) -> bool {
    !rule.status.is_empty()
        && before.method.is_none_or(|method| rule.method == Some(method))
        && rule
            .status
            .iter()
            .all(|status| before.status.iter().any(|wide| wide.from <= status.from && status.to <= wide.to))
}
