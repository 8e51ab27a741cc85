//! Gives every expression and template the names that exist where it stands.

use std::collections::BTreeSet;

use crate::manifest::expression::{Expr, Names};
use crate::manifest::model::{
    Action, Auth, Call, Document, Page, Pager, Reading, Stream, Subject, Templates, Undo, Verify,
};
use crate::manifest::problem::{Review, did_you_mean};
use crate::manifest::template::{Node, Part, Template};

const SECRET: (&str, &str) =
    ("secret", "secrets are sent in `[auth]` and headers alone, so that no address, body or log holds one");

/// Where there is neither reply nor item.
const NO_REPLY: &[(&str, &str)] = &[
    SECRET,
    ("body", "no reply is there yet"),
    ("headers", "no reply is there yet"),
    ("status", "no reply is there yet"),
    ("item", "no item is there yet"),
    ("since", "only a stream's `delta` knows it"),
    ("token", "only `send` of an exchange knows it"),
    ("jwt", "only a token, a header or the call of an exchange knows it, of an `[auth]` that has `jwt`"),
    ("jti", "only the claims of a `jwt` know it"),
];
const ONLY_SECRET: &[(&str, &str)] = &[SECRET];
const NONE: &[(&str, &str)] = &[];

const REPLY: &[&str] = &["body", "headers", "status"];
/// What the check's reply says of the connection; known to streams and built-in records.
const CONNECTION: &[&str] = &["config", "now", "tenant", "identity"];

struct Compiler<'r, 'a> {
    review: &'r mut Review<'a>,
    maps: Vec<String>,
    config: Vec<String>,
    secrets: Vec<String>,
    used: BTreeSet<(&'static str, String)>,
}

/// The names of a place.
struct Place<'n> {
    known: Vec<&'n str>,
    bare: Option<&'static str>,
    elsewhere: &'static [(&'static str, &'static str)],
}

impl<'n> Place<'n> {
    fn call(known: &[&'n str]) -> Self {
        Self { known: known.to_vec(), bare: None, elsewhere: NO_REPLY }
    }

    fn secret(known: &[&'n str]) -> Self {
        Self { known: [known, &["secret"]].concat(), bare: None, elsewhere: &NO_REPLY[1..] }
    }

    fn reply(known: &[&'n str]) -> Self {
        Self { known: [known, REPLY].concat(), bare: Some("body"), elsewhere: ONLY_SECRET }
    }

    fn item(known: &[&'n str]) -> Self {
        Self { known: [known, &["item"]].concat(), bare: Some("item"), elsewhere: ONLY_SECRET }
    }

    fn and(mut self, more: &[&'n str]) -> Self {
        self.known.extend(more);
        self.elsewhere = if self.elsewhere.iter().any(|(name, _)| more.contains(name)) { NONE } else { self.elsewhere };
        self
    }
}

/// Compiles everything in `document`.
pub(super) fn compile(document: &mut Document, parents: &[Option<usize>], review: &mut Review<'_>) {
    let owned = |names: &mut dyn Iterator<Item = &str>| names.map(str::to_owned).collect();
    let mut compiler = Compiler {
        review,
        maps: owned(&mut document.map.names()),
        config: owned(&mut document.config.names()),
        secrets: owned(&mut document.secrets.names()),
        used: BTreeSet::new(),
    };
    let c = &mut compiler;
    let base = ["config", "now"];
    c.template(&mut document.http.base, &Place::call(&["config"]));
    c.optional_template(document.http.path.as_mut(), &Place::call(&["config"]));
    c.templates(&mut document.http.headers, &Place::secret(&base));
    c.templates(&mut document.http.query, &Place::call(&base));
    document.http.origins.iter_mut().for_each(|origin| c.template(origin, &Place::call(&["config"])));
    c.optional(document.http.ok.as_mut(), &Place::reply(&base));
    if let Some(bundle) = &mut document.bundle {
        c.template(&mut bundle.post, &Place::call(&["config"]));
    }
    document.auth.entries_mut().iter_mut().for_each(|auth| c.auth(&mut auth.value));
    if let Some(access) = &mut document.access {
        c.optional(access.scopes.as_mut(), &Place::reply(&base));
        c.optional(access.warn_if_writes.as_mut(), &Place::reply(&base));
    }
    if let Some(check) = &mut document.check {
        c.call(check.call.as_mut(), &base);
        for expr in [check.identity.as_mut(), check.tenant.as_mut()] {
            c.optional(expr, &Place::reply(&base));
        }
        check.assert.entries_mut().iter_mut().for_each(|entry| c.expr(&mut entry.value, &Place::reply(&base)));
    }
    document.pager.entries_mut().iter_mut().for_each(|pager| c.pager(&mut pager.value, CONNECTION));
    document.error.iter_mut().for_each(|rule| c.optional(rule.when.as_mut(), &Place::reply(&base)));
    streams(document, parents, c);
    for builtin in &mut document.builtin {
        let place = Place::call(CONNECTION);
        c.optional(builtin.when.as_mut(), &place);
        c.optional(builtin.each.as_mut(), &place);
        builtin
            .fields
            .entries_mut()
            .iter_mut()
            .for_each(|field| c.expr(&mut field.value, &Place::call(CONNECTION).and(&["x"])));
    }
    for derive in &mut document.derive {
        let place = || Place { known: vec!["config", "now", "record"], bare: Some("record"), elsewhere: ONLY_SECRET };
        c.optional(derive.filter.as_mut(), &place());
        derive.set.entries_mut().iter_mut().for_each(|field| c.expr(&mut field.value, &place()));
    }
    document.action.entries_mut().iter_mut().for_each(|action| c.action(&mut action.value));
    let Compiler { review, used, .. } = compiler;
    unused(document, &used, review);
}

fn streams(document: &mut Document, parents: &[Option<usize>], c: &mut Compiler<'_, '_>) {
    let aliases: Vec<Option<String>> = document
        .stream
        .entries()
        .iter()
        .map(|entry| entry.value.alias.as_ref().map(|alias| alias.get_ref().clone()))
        .collect();
    for (index, entry) in document.stream.entries_mut().iter_mut().enumerate() {
        let mut lineage: Vec<&str> = Vec::new();
        let mut at = Some(index);
        while let Some(stream) = at {
            lineage.extend(aliases[stream].as_deref());
            at = parents[stream].filter(|_| lineage.len() <= parents.len());
        }
        stream(&mut entry.value, &lineage, c);
    }
}

fn stream(stream: &mut Stream, lineage: &[&str], c: &mut Compiler<'_, '_>) {
    let over: Vec<String> = stream.over.names().map(str::to_owned).collect();
    let mut known: Vec<&str> = [CONNECTION, lineage].concat();
    c.optional(stream.when.as_mut(), &Place::call(CONNECTION));
    c.optional(stream.filter.as_mut(), &Place::call(&known));
    known.extend(over.iter().map(String::as_str));
    let mut calling = known.clone();
    if stream.batch.is_some() {
        calling.push("batch");
    }
    c.call(stream.call.as_mut(), &calling);
    c.optional(stream.items.as_mut(), &Place::reply(&known));
    if let Some(Page::Inline(pager)) = &mut stream.page {
        c.pager(pager, &known);
    }
    if let Some(batch) = &mut stream.batch {
        c.expr(&mut batch.key, &Place::call(&known));
        c.expr(&mut batch.join, &Place::item(&known));
    }
    if let Some(delta) = &mut stream.delta {
        c.expr(&mut delta.key, &Place::item(&known));
        if let Some(value) = &mut delta.value {
            c.template(value, &Place::call(&known).and(&["since"]));
        }
        c.optional(delta.link.as_mut(), &Place::reply(&known));
        c.optional(delta.removed.as_mut(), &Place::item(&known));
    }
    for emit in &mut stream.emit {
        c.optional(emit.each.as_mut(), &Place::item(&known));
        let place = if emit.each.is_some() { Place::item(&known).and(&["x"]) } else { Place::item(&known) };
        c.optional(emit.when.as_mut(), &place);
        emit.fields.entries_mut().iter_mut().for_each(|field| c.expr(&mut field.value, &place));
    }
}

fn unused(document: &Document, used: &BTreeSet<(&'static str, String)>, review: &mut Review<'_>) {
    let mut warn = |what: &'static str, name: &toml::Spanned<String>| {
        if !used.contains(&(what, name.get_ref().clone())) {
            review
                .warning(&name.span(), format!("`{what}.{}` is asked of the operator and never used", name.get_ref()))
                .fix("remove it");
        }
    };
    document.config.entries().iter().for_each(|entry| warn("config", &entry.name));
    document.secrets.entries().iter().for_each(|entry| warn("secret", &entry.name));
}

impl Compiler<'_, '_> {
    fn expr(&mut self, expr: &mut Expr, place: &Place<'_>) {
        let maps = self.maps.iter().map(String::as_str).collect();
        if place.bare == Some("body") && expr.source().trim() == "." {
            *expr = Expr::unchecked("body".to_owned(), expr.span().clone());
        }
        expr.compile(
            &Names { known: place.known.clone(), bare: place.bare, maps, elsewhere: place.elsewhere },
            self.review,
        );
        for path in expr.paths() {
            let (what, declared) = match path[0] {
                "config" => ("config", &self.config),
                "secret" if place.known.contains(&"secret") => ("secret", &self.secrets),
                _ => continue,
            };
            match path.get(1) {
                Some(name) if declared.iter().any(|known| known == name) => {
                    self.used.insert((what, (*name).to_owned()));
                }
                Some(name) => {
                    let table = if what == "config" { "[config]" } else { "[secrets]" };
                    self.review
                        .error(expr.span(), format!("`{what}.{name}` is not declared"))
                        .because(format!("the operator is asked for the keys of `{table}` and no others"))
                        .fix(did_you_mean(name, declared.iter().map(String::as_str)));
                }
                None => {
                    self.review
                        .error(expr.span(), format!("`{what}` is not a value but a table"))
                        .fix(format!("name one of its keys: `{what}.NAME`"));
                }
            }
        }
    }

    fn optional(&mut self, expr: Option<&mut Expr>, place: &Place<'_>) {
        if let Some(expr) = expr {
            self.expr(expr, place);
        }
    }

    /// Cuts a template into its parts and compiles its expressions.
    fn template(&mut self, template: &mut Template, place: &Place<'_>) {
        let (source, span) = (template.source().to_owned(), template.span().clone());
        match parts(&source) {
            Ok(pieces) => {
                let within = |review: &Review<'_>, at: usize| review.within(&span, &source, at);
                template.parts = Vec::with_capacity(pieces.len());
                for piece in pieces {
                    template.parts.push(match piece {
                        Piece::Text(text) => Part::Text(text),
                        Piece::Expr(at, text) => {
                            let start = within(self.review, at);
                            let mut expr = Expr::unchecked(text.to_owned(), start..start + text.len());
                            self.expr(&mut expr, place);
                            Part::Expr(expr)
                        }
                    });
                }
            }
            Err(at) => {
                let start = self.review.within(&span, &source, at);
                self.review
                    .error(&(start..start), "`${` without its `}`")
                    .fix("close it; a literal `${` is written `$${`");
            }
        }
    }

    fn templates(&mut self, templates: &mut Templates, place: &Place<'_>) {
        templates.entries_mut().iter_mut().for_each(|entry| self.template(&mut entry.value, place));
    }

    fn optional_template(&mut self, template: Option<&mut Template>, place: &Place<'_>) {
        if let Some(template) = template {
            self.template(template, place);
        }
    }

    fn node(&mut self, node: Option<&mut Node>, place: &Place<'_>) {
        if let Some(node) = node {
            node.templates_mut(&mut |template| self.template(template, place));
        }
    }

    /// A call that may name `known`; its headers may name secrets as well.
    fn call(&mut self, call: Option<&mut Call>, known: &[&str]) {
        let Some(call) = call else { return };
        let place = Place::call(known);
        self.optional_template(call.path.as_mut(), &place);
        self.optional_template(call.url.as_mut(), &place);
        self.templates(&mut call.query, &place);
        self.templates(&mut call.headers, &Place::secret(known));
        self.node(call.body.as_mut(), &place);
        self.templates(&mut call.form, &place);
        if let Some(url) = &call.url
            && let Some(Part::Expr(first)) = url.parts().first()
            && !first.source().contains("raw")
        {
            self.review
                .error(url.span(), "the address begins with a value that will be encoded")
                .because(
                    "what an expression gives is made safe for a path segment, and `https://` would not survive it",
                )
                .fix(format!("write `${{{} | raw}}`", first.source()));
        }
    }

    fn auth(&mut self, auth: &mut Auth) {
        let base = ["config", "now"];
        let secret = Place::secret(&base);
        let more: &[&str] = if auth.jwt.is_some() { &["jwt"] } else { &[] };
        // What is signed here may be the token itself (Snowflake's key pairs).
        let signed = Place::secret(&base).and(more);
        self.optional_template(auth.token.as_mut(), &signed);
        self.templates(&mut auth.headers, &signed);
        for template in [&mut auth.user, &mut auth.password, &mut auth.token_url, &mut auth.client_id] {
            self.optional_template(template.as_mut(), &secret);
        }
        for template in [&mut auth.client_secret, &mut auth.refresh_token] {
            self.optional_template(template.as_mut(), &secret);
        }
        auth.scopes.iter_mut().for_each(|scope| self.template(scope, &Place::call(&base)));
        for templates in [&mut auth.query, &mut auth.params, &mut auth.with] {
            self.templates(templates, &secret);
        }
        if let Some(jwt) = &mut auth.jwt {
            self.template(&mut jwt.key, &secret);
            let claims = Place::secret(&base).and(&["jti"]);
            self.node(Some(&mut jwt.claims), &claims);
            self.templates(&mut jwt.header, &secret);
        }
        if let Some(mtls) = &mut auth.mtls {
            self.template(&mut mtls.cert, &secret);
            self.template(&mut mtls.key, &secret);
        }
        if let Some(call) = &mut auth.call {
            let place = Place { elsewhere: NONE, ..Place::secret(&base).and(more) };
            self.optional_template(call.path.as_mut(), &Place::call(&base));
            self.optional_template(call.url.as_mut(), &Place::call(&base));
            for templates in [&mut call.query, &mut call.headers, &mut call.form] {
                self.templates(templates, &place);
            }
            self.node(call.body.as_mut(), &place);
        }
        for expr in [&mut auth.from, &mut auth.expires, &mut auth.expires_in] {
            self.optional(expr.as_mut(), &Place::reply(&base));
        }
        self.templates(&mut auth.send, &Place { elsewhere: NONE, ..Place::secret(&base).and(&["token"]) });
    }

    fn pager(&mut self, pager: &mut Pager, known: &[&str]) {
        use crate::manifest::model::PagerKind::Seek;
        let seek = *pager.kind.get_ref() == Seek;
        let from = if seek { Place::item(known) } else { Place::reply(known) };
        self.optional(pager.from.as_mut(), &from);
        for expr in [&mut pager.unless, &mut pager.more, &mut pager.total, &mut pager.last] {
            self.optional(expr.as_mut(), &Place::reply(known));
        }
        if let Some(expired) = &mut pager.expired {
            self.optional(expired.when.as_mut(), &Place::reply(known));
        }
        self.call(pager.call.as_mut(), &[known, &["cursor"]].concat());
    }

    fn action(&mut self, action: &mut Action) {
        let mut known = vec!["config", "now", "context"];
        known.extend(match action.on {
            Subject::Account => &["account"][..],
            Subject::Membership => &["account", "group", "edge"],
            Subject::Grant => &["account", "group", "entitlement", "resource", "edge"],
            Subject::Credential => &["account", "credential", "resource"],
        });
        self.optional(action.filter.as_mut(), &Place { bare: Some(action.on.bare()), ..Place::call(&known) });
        if let Some(Reading { call, .. }) = &mut action.read {
            self.call(call.as_mut(), &known);
        }
        let alias = action.read.as_ref().map(|read| read.alias.get_ref().clone());
        known.extend(alias.as_deref());
        action.guard.iter_mut().for_each(|guard| self.expr(guard, &Place::call(&known)));
        for expr in [&mut action.already_if, &mut action.refuse_if] {
            self.optional(expr.as_mut(), &Place::call(&known));
        }
        self.call(Some(&mut action.call), &known);
        if let Some(Verify { call, expect, .. }) = &mut action.verify {
            self.call(call.as_mut(), &known);
            self.optional(expect.as_mut(), &Place::reply(&known));
        }
        if let Some(Undo { call, .. }) = &mut action.undo {
            self.call(Some(call), &known);
        }
    }
}

enum Piece<'a> {
    Text(String),
    /// An expression with the byte at which it begins.
    Expr(usize, &'a str),
}

/// Cuts `a${b}c` at its expressions; `Err` is the byte of a `${` that is not closed.
fn parts(source: &str) -> Result<Vec<Piece<'_>>, usize> {
    let mut pieces = Vec::new();
    let mut text = String::new();
    let mut at = 0;
    while let Some(found) = source[at..].find('$').map(|found| at + found) {
        text.push_str(&source[at..found]);
        if source[found..].starts_with("$${") {
            text.push_str("${");
            at = found + 3;
        } else if source[found..].starts_with("${") {
            if !text.is_empty() {
                pieces.push(Piece::Text(std::mem::take(&mut text)));
            }
            let length = closing(&source[found + 2..]).ok_or(found)?;
            pieces.push(Piece::Expr(found + 2, &source[found + 2..found + 2 + length]));
            at = found + 3 + length;
        } else {
            text.push('$');
            at = found + 1;
        }
    }
    text.push_str(&source[at..]);
    if !text.is_empty() {
        pieces.push(Piece::Text(text));
    }
    Ok(pieces)
}

/// Where the `}` is that ends an expression: outside of quotes and of objects.
fn closing(text: &str) -> Option<usize> {
    let mut depth = 0_usize;
    let mut quote = None;
    let mut escaped = false;
    for (at, letter) in text.char_indices() {
        match (quote, letter) {
            (Some(_), _) if escaped => escaped = false,
            (Some(_), '\\') => escaped = true,
            (Some(open), _) if letter == open => quote = None,
            (None, '\'' | '"') => quote = Some(letter),
            (None, '{') => depth += 1,
            (None, '}') if depth == 0 => return Some(at),
            (None, '}') => depth -= 1,
            (_, _) => {}
        }
    }
    None
}
