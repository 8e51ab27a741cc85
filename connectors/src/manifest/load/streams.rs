//! Streams, what their items become, derivations and maps.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;

use toml::Spanned;

use super::blocks::{pager, reading, refer};
use crate::manifest::emit::{Derivation, Plan, Plans};
use crate::manifest::expression::Expr;
use crate::manifest::fields::{KINDS, Shape, find};
use crate::manifest::model::{Delta, Document, Emit, Named, Page, Pager, PagerKind, Stream};
use crate::manifest::problem::{Review, did_you_mean};
use crate::manifest::template::Template;

/// Names that mean something everywhere and so cannot be an alias.
const TAKEN: &[&str] = &[
    "account",
    "batch",
    "body",
    "config",
    "context",
    "credential",
    "cursor",
    "edge",
    "entitlement",
    "group",
    "header",
    "headers",
    "identity",
    "item",
    "jti",
    "jwt",
    "loop",
    "now",
    "record",
    "resource",
    "secret",
    "self",
    "since",
    "status",
    "tenant",
    "token",
    "x",
];

/// Each stream's parent; references to nothing and circles are said and cut.
pub(super) fn parents(document: &Document, review: &mut Review<'_>) -> Vec<Option<usize>> {
    let streams = &document.stream;
    let mut parents: Vec<Option<usize>> = streams
        .entries()
        .iter()
        .map(|entry| {
            refer(entry.value.parent.as_ref(), "stream", streams.names().collect(), review);
            streams.position(entry.value.parent.as_ref()?.get_ref())
        })
        .collect();
    for start in 0..parents.len() {
        if circle(&parents, start)
            && let Some(parent) = &streams.entries()[start].value.parent
        {
            review
                .error(
                    &parent.span(),
                    format!("`{}` is read for its own items", streams.entries()[start].name.get_ref()),
                )
                .because("the streams behind `for` go round in a circle")
                .fix("let one of them stand on its own");
            parents[start] = None;
        }
    }
    parents
}

fn circle(parents: &[Option<usize>], start: usize) -> bool {
    let mut at = parents[start];
    for _ in 0..=parents.len() {
        match at {
            Some(stream) if stream == start => return true,
            Some(stream) => at = parents[stream],
            None => return false,
        }
    }
    false
}

/// Checks them and makes the plans of their emits.
pub(super) fn check(
    document: &Document,
    parents: &[Option<usize>],
    review: &mut Review<'_>,
) -> (Vec<Plans>, Plans, Vec<Derivation>) {
    if document.stream.is_empty() {
        review
            .error(&document.id.span(), "there is no `[stream.NAME]`")
            .because("nothing would be read")
            .fix("add one");
    }
    let mut plans = Vec::new();
    for (index, entry) in document.stream.entries().iter().enumerate() {
        name(&entry.name, "a stream", review);
        let lineage = lineage(document, parents, index);
        stream(document, parents, index, entry, &lineage, review);
        plans.push(plan(&entry.value, &lineage, review));
    }
    let mut builtins = Plans::default();
    for builtin in &document.builtin {
        builtins.emits.extend(emit(builtin, review));
    }
    let derives = derives(document, review);
    hold(&mut plans, &mut builtins, &derives, document);
    enriched(document, &plans, &builtins, review);
    maps(document, review);
    (plans, builtins, derives)
}

fn lineage<'a>(document: &'a Document, parents: &[Option<usize>], stream: usize) -> Vec<&'a str> {
    let mut names = Vec::new();
    let mut at = Some(stream);
    while let Some(index) = at {
        names.extend(document.stream.entries()[index].value.alias.as_ref().map(|alias| alias.get_ref().as_str()));
        at = parents[index];
    }
    names
}

/// Names that authors give: they become names in expressions, in scopes and in messages.
fn name(name: &Spanned<String>, what: &str, review: &mut Review<'_>) {
    let text = name.get_ref();
    let fits = text.starts_with(|first: char| first.is_ascii_lowercase())
        && text.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_');
    if !fits {
        review
            .error(&name.span(), format!("`{text}` cannot name {what}"))
            .fix("use lower-case letters, digits and `_`, a letter first");
    }
}

fn stream(
    document: &Document,
    parents: &[Option<usize>],
    index: usize,
    entry: &Named<Stream>,
    lineage: &[&str],
    review: &mut Review<'_>,
) {
    let (span, stream) = (entry.name.span(), &entry.value);
    let label = entry.name.get_ref();
    match &stream.call {
        Some(call) => reading(call, &span, "a stream", review),
        None => {
            review
                .error(&span, format!("stream `{label}` has no call"))
                .fix("give it exactly one of `get`, `post` and `list`");
        }
    }
    if stream.items.is_none() {
        review
            .error(&span, format!("stream `{label}` does not say where its rows are"))
            .fix("write `items = \".\"` for the whole reply, or `items = \"data.users\"`");
    }
    match &stream.page {
        None => {
            review
                .error(&span, format!("stream `{label}` does not say how it is paged"))
                .because("reading the first page alone would look like a complete list")
                .fix("write `page = \"NAME\"` of a `[pager.NAME]`, or `page = { kind = \"none\" }` when one reply holds everything");
        }
        Some(Page::Named(name)) => refer(Some(name), "pager", document.pager.names().collect(), review),
        Some(Page::Inline(inline)) => pager(inline, review),
    }
    refer(stream.auth.as_ref(), "auth", document.auth.names().collect(), review);
    kinship(stream, &span, label, lineage, review);
    for over in stream.over.entries() {
        name(&over.name, "a partition", review);
        if over.value.is_empty()
            || over.value.iter().any(|value| value.is_table() || value.is_array() || value.is_datetime())
        {
            review
                .error(&over.name.span(), format!("`over.{}` has no plain values", over.name.get_ref()))
                .fix("list texts, numbers or truths");
        }
        let known = over.name.get_ref().as_str();
        if TAKEN.contains(&known) || lineage.contains(&known) {
            review
                .error(&over.name.span(), format!("`{known}` already means something here"))
                .fix("choose another name for the partition");
        }
    }
    let read_for = parents.contains(&Some(index));
    let needed = document.derive.iter().any(|derive| derive.needs.iter().any(|need| need.get_ref() == label));
    if stream.emit.is_empty() && !read_for && !needed {
        review
            .warning(&span, format!("nothing is made of stream `{label}`"))
            .because("it emits no record and no other stream is read for its items")
            .fix("add `[[stream.NAME.emit]]`, or remove the stream");
    }
    if let Some(delta) = &stream.delta {
        changes(document, stream, delta, &span, label, review);
    }
}

/// Reading by changes: every one is asked for once, and known again.
fn changes(
    document: &Document,
    stream: &Stream,
    delta: &Delta,
    span: &Range<usize>,
    label: &str,
    review: &mut Review<'_>,
) {
    let mut wrong = |what: &str, why: &str, fix: &str| {
        review.error(span, format!("`delta` of stream `{label}` {what}")).because(why).fix(fix);
    };
    if stream.parent.is_some() || stream.batch.is_some() || !stream.over.is_empty() {
        wrong(
            "is about a list that is read in parts",
            "what moves from one part to another would be in both, or in none",
            "read it whole, or without `for` and `over`",
        );
    }
    if stream.emit.iter().any(|emit| emit.enriches) {
        wrong(
            "is about rows of which something is read and forgotten",
            "rows are kept until the next reading, with all that is made of them",
            "remove `enriches`, or `delta`",
        );
    }
    let by_time = delta.into.is_some() || delta.value.is_some();
    if delta.into.is_some() != delta.value.is_some() || by_time == delta.link.is_some() {
        wrong(
            "does not say what it asks for",
            "changes are asked for in one way",
            "give either `into` with `value`, or `link`",
        );
    }
    if by_time && delta.overlap_s == 0 {
        wrong(
            "has no overlap",
            "what changes while a list is read would be in neither reading",
            "add `overlap_s`, the seconds until a change shows in the list: 300",
        );
    }
    let names_since =
        |value: &Template| value.expressions().any(|expr| expr.paths().iter().any(|path| path[0] == "since"));
    if delta.value.as_ref().is_some_and(|value| !names_since(value)) {
        wrong(
            "asks for the same every time",
            "`value` does not name `since`",
            "write `${since}`, or `${since | strftime('%Y-%m-%d')}`",
        );
    }
    let pager = match &stream.page {
        Some(Page::Named(name)) => document.pager.get(name.get_ref()),
        Some(Page::Inline(pager)) => Some(&**pager),
        None => None,
    };
    let follows =
        |pager: &Pager| matches!(pager.kind.get_ref(), PagerKind::NextUrl | PagerKind::Link | PagerKind::None);
    if delta.link.is_some() && !pager.is_none_or(follows) {
        wrong(
            "goes on from an address, and the pages of the list do not",
            "a second page of changes would be asked of the whole list",
            "page by `next_url`, `link` or `none`",
        );
    }
    if delta.sees_deletes && delta.removed.is_none() {
        wrong(
            "says that it sees deletions and not how",
            "a deleted object would count as changed",
            "give `removed`, an expression over the item",
        );
    }
    if let Some(every) = &delta.full_every
        && delta.whole_every().is_none()
    {
        review.error(&every.span(), format!("`{}` is no span of time", every.get_ref())).fix("write it as `24h`");
    }
}

/// What has to do with a parent.
fn kinship(stream: &Stream, span: &Range<usize>, label: &str, lineage: &[&str], review: &mut Review<'_>) {
    match (&stream.parent, &stream.alias) {
        (Some(parent), None) => {
            review
                .error(&parent.span(), format!("stream `{label}` has `for` and no `as`"))
                .because("the parent's item has no name")
                .fix("add `as = \"group\"`, and write `${group.id}` in the path");
        }
        (None, Some(alias)) => {
            review
                .error(&alias.span(), format!("stream `{label}` has `as` and no `for`"))
                .fix("name the parent stream in `for`");
        }
        (_, _) => {}
    }
    if let Some(alias) = &stream.alias {
        name(alias, "a parent's item", review);
        let known = alias.get_ref().as_str();
        let own =
            TAKEN.iter().filter(|taken| !["group", "account", "resource", "credential", "entitlement"].contains(taken));
        if own.copied().any(|taken| taken == known) || lineage.iter().filter(|name| **name == known).count() > 1 {
            review
                .error(&alias.span(), format!("`{known}` already means something here"))
                .fix("choose another name for the parent's item");
        }
    }
    for (given, key) in [(stream.filter.is_some(), "where"), (stream.batch.is_some(), "batch")] {
        if given && stream.parent.is_none() {
            review
                .error(span, format!("`{key}` of stream `{label}` is about a parent, and it has none"))
                .fix("name the parent in `for`, or remove it");
        }
    }
    if stream.batch.as_ref().is_some_and(|batch| batch.size < 2) {
        review
            .error(span, format!("`batch.size` of stream `{label}` is below 2"))
            .fix("leave `batch` out to read one parent a call");
    }
}

fn plan(stream: &Stream, lineage: &[&str], review: &mut Review<'_>) -> Plans {
    let emits: Vec<Plan> = stream.emit.iter().filter_map(|written| emit(written, review)).collect();
    let over: Vec<&str> = stream.over.names().collect();
    let outer = |name: &str| {
        ["config", "now", "tenant", "identity", "x"].contains(&name) || lineage.contains(&name) || over.contains(&name)
    };
    // What only adds to a record never becomes its raw object: a key that is named there alone is read and forgotten.
    let expressions = stream.emit.iter().filter(|emit| !emit.enriches).flat_map(|emit| {
        emit.when.iter().chain(&emit.each).chain(emit.fields.entries().iter().map(|entry| &entry.value))
    });
    let expressions = expressions.chain(stream.delta.iter().map(|delta| &delta.key));
    let mut kept: Option<BTreeSet<String>> = Some(stream.raw.iter().cloned().collect());
    for expr in expressions {
        kept = match (kept, expr.item_fields(&outer)) {
            (Some(mut kept), Some(fields)) => {
                kept.extend(fields.into_iter().map(str::to_owned));
                Some(kept)
            }
            (_, _) => None,
        };
    }
    Plans { emits, kept }
}

/// A checked emit.
fn emit(emit: &Emit, review: &mut Review<'_>) -> Option<Plan> {
    let kind = kind(&emit.kind, review)?;
    let known = KINDS[kind].names();
    for field in emit.fields.entries() {
        match known.iter().position(|name| name == field.name.get_ref()) {
            Some(index) => shape(field.name.get_ref(), &field.value, KINDS[kind].shape(index), review),
            None => unknown_field(kind, &field.name, review),
        }
    }
    let id_of = |field: &&&str| !emit.enriches || **field == "id";
    for required in KINDS[kind].required().iter().filter(id_of) {
        if emit.fields.get(required).is_none() {
            review
                .error(&emit.kind.span(), format!("what is emitted as {} has no `{required}`", emit.kind.get_ref()))
                .because(format!("every {} has one", emit.kind.get_ref()))
                .fix(format!("add `{required} = \"…\"`"));
        }
    }
    if emit.enriches && !KINDS[kind].has_id() {
        review
            .error(&emit.kind.span(), format!("a {} cannot be enriched", emit.kind.get_ref()))
            .because("it has no id by which it could be found")
            .fix("emit it as a record of its own");
    }
    if let Some(id) = emit.fields.get("id")
        && emit.fields.get("id_kind").is_none()
        && known.contains(&"id_kind")
        && !emit.enriches
        && id.paths().iter().any(|path| ["login", "email", "userName", "username"].contains(path.last().unwrap_or(&"")))
    {
        review
            .warning(id.span(), "the id looks like a name that another may take over later")
            .because("ids of manifests count as never reused unless `id_kind` says otherwise")
            .fix("use the system's own id, or add `id_kind = \"'reusable'\"`");
    }
    let (line, _) = review.position(emit.kind.span().start);
    Some(Plan::new(emit, kind, line))
}

fn kind(word: &Spanned<String>, review: &mut Review<'_>) -> Option<usize> {
    let found = find(word.get_ref());
    if found.is_none() {
        let known: Vec<&str> = KINDS.iter().map(|kind| kind.word()).collect();
        let older = [
            ("member", "membership"),
            ("role", "entitlement"),
            ("owner", "account"),
            ("user", "account"),
            ("event", "audit_event"),
        ];
        let renamed =
            older.iter().find(|(old, _)| *old == word.get_ref()).map(|(_, new)| format!("did you mean `{new}`?"));
        review
            .error(&word.span(), format!("there is no kind of record `{}`", word.get_ref()))
            .fix(renamed.unwrap_or_else(|| did_you_mean(word.get_ref(), known)));
    }
    found
}

fn unknown_field(kind: usize, field: &Spanned<String>, review: &mut Review<'_>) {
    let older: &[(&str, &str)] = match KINDS[kind].word() {
        "account" => &[
            ("status", "lifecycle"),
            ("kind", "class"),
            ("last_login", "last_activity"),
            ("last_seen", "last_activity"),
            ("password_set", "password_changed"),
            ("mfa_methods", "mfa"),
            ("idp_id", "federated"),
            ("email", "emails"),
        ],
        "membership" => &[("account", "member"), ("role", "via"), ("expires", "until")],
        "grant" => &[("role", "entitlement"), ("expires", "until"), ("granted_at", "since")],
        "credential" => &[("owner", "account"), ("status", "state")],
        _ => &[],
    };
    let known = KINDS[kind].names();
    let renamed = older.iter().find(|(old, _)| *old == field.get_ref()).map(|(_, new)| format!("it is called `{new}`"));
    review
        .error(&field.span(), format!("{} has no field `{}`", KINDS[kind].word(), field.get_ref()))
        .fix(renamed.unwrap_or_else(|| did_you_mean(field.get_ref(), known.iter().copied())));
}

/// A text that stands there literally must be what the field takes.
fn shape(field: &str, expr: &Expr, shape: Shape, review: &mut Review<'_>) {
    if let (Shape::Word(words), Some(literal)) = (shape, expr.literal())
        && !words.contains(&literal)
    {
        review
            .error(expr.span(), format!("`{field}` cannot be `{literal}`"))
            .because(format!("it is {}", shape.describe()))
            .fix(did_you_mean(literal, words.iter().copied()));
    }
    if let (Shape::Instant | Shape::Truth, Some(literal)) = (shape, expr.literal()) {
        review
            .error(expr.span(), format!("`{field}` cannot be the text `{literal}`"))
            .because(format!("it is {}", shape.describe()))
            .fix("leave out the quotes, or compute it");
    }
}

fn derives(document: &Document, review: &mut Review<'_>) -> Vec<Derivation> {
    let mut derives = Vec::new();
    for derive in &document.derive {
        for need in &derive.needs {
            refer(Some(need), "stream", document.stream.names().collect(), review);
        }
        if derive.needs.is_empty() {
            review
                .error(&derive.on.span(), "what is derived `needs` no stream")
                .because(
                    "a value that follows from what is missing from a list holds only when the list was read whole",
                )
                .fix("name the streams it follows from; a value of the item itself belongs into its emit");
        }
        let Some(kind) = kind(&derive.on, review) else { continue };
        if !KINDS[kind].has_id() {
            review
                .error(&derive.on.span(), format!("nothing can be derived for a {}", derive.on.get_ref()))
                .because("it has no id")
                .fix("set it in its emit");
        }
        let names = KINDS[kind].names();
        let mut set = Vec::new();
        for field in derive.set.entries() {
            match names.iter().position(|name| name == field.name.get_ref()) {
                Some(0) => {
                    review.error(&field.name.span(), "an id cannot be derived").fix("set it in the emit");
                }
                Some(index) => {
                    shape(field.name.get_ref(), &field.value, KINDS[kind].shape(index), review);
                    set.extend(u8::try_from(index).ok().map(|index| (index, field.value.clone())));
                }
                None => unknown_field(kind, &field.name, review),
            }
        }
        let needs = derive.needs.iter().map(|need| need.get_ref().clone()).collect();
        derives.push(Derivation { kind, needs, filter: derive.filter.clone(), set });
    }
    derives
}

/// Which emits have to wait: those whose id another emit, another partition or another parent may yield, too.
fn hold(plans: &mut [Plans], builtins: &mut Plans, derives: &[Derivation], document: &Document) {
    let mut sources: BTreeMap<usize, usize> = BTreeMap::new();
    for plan in plans.iter().flat_map(|plans| &plans.emits).chain(&builtins.emits) {
        *sources.entry(plan.kind).or_default() += 1;
    }
    let several = |plan: &Plan| {
        sources[&plan.kind] > 1 || derives.iter().any(|derive| derive.kind == plan.kind) || plan.each.is_some()
    };
    for (plans, stream) in plans.iter_mut().zip(document.stream.entries()) {
        let stream = &stream.value;
        let again = stream.parent.is_some() || !stream.over.is_empty();
        for plan in &mut plans.emits {
            plan.held =
                KINDS[plan.kind].has_id() && KINDS[plan.kind].word() != "audit_event" && (again || several(plan));
        }
    }
    for plan in &mut builtins.emits {
        plan.held = KINDS[plan.kind].has_id() && sources[&plan.kind] > 1;
    }
}

/// An enriching emit needs somebody who yields the records.
fn enriched(document: &Document, plans: &[Plans], builtins: &Plans, review: &mut Review<'_>) {
    let yielded: BTreeSet<usize> = plans
        .iter()
        .chain([builtins])
        .flat_map(|plans| &plans.emits)
        .filter(|plan| !plan.enriches)
        .map(|plan| plan.kind)
        .collect();
    for emit in document.stream.entries().iter().flat_map(|entry| &entry.value.emit).filter(|emit| emit.enriches) {
        if find(emit.kind.get_ref()).is_some_and(|kind| !yielded.contains(&kind)) {
            review
                .error(&emit.kind.span(), format!("no emit yields the {}s that this one enriches", emit.kind.get_ref()))
                .fix("remove `enriches`, or add the emit that yields them");
        }
    }
}

/// Tables of words: what they give must be what their fields take.
fn maps(document: &Document, review: &mut Review<'_>) {
    let emits = document.stream.entries().iter().flat_map(|entry| &entry.value.emit).chain(&document.builtin);
    let mut uses: BTreeMap<&str, Vec<Shape>> = BTreeMap::new();
    for emit in emits {
        let Some(kind) = find(emit.kind.get_ref()) else { continue };
        for (field, expr) in emit.fields.iter() {
            let shape =
                KINDS[kind].names().iter().position(|name| *name == field).map(|index| KINDS[kind].shape(index));
            if let (Some(table), Some(shape)) = (expr.last_map(), shape) {
                uses.entry(table).or_default().push(shape);
            }
        }
    }
    for table in document.map.entries() {
        name(&table.name, "a table of words", review);
        let shapes = uses.get(table.name.get_ref().as_str()).map_or(&[][..], Vec::as_slice);
        for entry in table.value.entries() {
            for shape in shapes {
                if let Shape::Word(words) = shape
                    && !words.contains(&entry.value.get_ref().as_str())
                {
                    review
                        .error(
                            &entry.value.span(),
                            format!("the field that takes it cannot be `{}`", entry.value.get_ref()),
                        )
                        .because(format!("it is {}", shape.describe()))
                        .fix(did_you_mean(entry.value.get_ref(), words.iter().copied()));
                }
            }
        }
        let called = format!("map('{}')", table.name.get_ref());
        let expressions =
            document.stream.entries().iter().flat_map(|entry| &entry.value.emit).chain(&document.builtin).flat_map(
                |emit| emit.when.iter().chain(&emit.each).chain(emit.fields.entries().iter().map(|entry| &entry.value)),
            );
        let calls = expressions.flat_map(|expr| expr.source().split(&called).skip(1)).map(str::trim_start);
        let covered =
            |after: &str| after.strip_prefix('|').is_some_and(|next| next.trim_start().starts_with("default("));
        let (total, bare) = calls.fold((0, 0), |(total, bare), after| (total + 1, bare + usize::from(!covered(after))));
        let speaking =
            shapes.iter().filter(|shape| matches!(shape, Shape::Word(words) if words.contains(&"unknown"))).count();
        if total == 0 {
            review
                .warning(&table.name.span(), format!("no record takes a word of `[map.{}]`", table.name.get_ref()))
                .because("nothing calls it in an emit")
                .fix("remove it");
        } else if table.value.get("_").is_none() && bare > speaking {
            review
                .warning(
                    &table.name.span(),
                    format!("`[map.{}]` says nothing of words it does not have", table.name.get_ref()),
                )
                .because("they become null, and are counted")
                .fix("add `_ = \"…\"` if all others mean the same, or `| default(…)` after the call");
        }
    }
}
