//! A manifest beside the vendor's description: every call, query key, body key and field of a reply that it names must be there.

use std::collections::BTreeSet;
use std::ops::Range;

use super::Manifest;
use super::description::{Description, Operation, Schema, Segment};
use super::expression::Expr;
use super::model::{Call, Emit, Named, Pager, Stream, Target};
use super::problem::{Problem, Review, did_you_mean};
use super::template::{Node, NodeKind, Part, Template};

/// What was compared.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Compared {
    /// What does not agree.
    pub problems: Vec<Problem>,
    /// Calls that were found.
    pub calls: usize,
    /// Keys and fields that were found.
    pub names: usize,
    /// Fields of replies of which the description says nothing.
    pub open: usize,
}

/// Compares a manifest with descriptions; a call counts as described when any of them has it.
pub fn compare(manifest: &Manifest, descriptions: &[Description]) -> Compared {
    let file = manifest.file();
    let mut comparison = Comparison {
        manifest,
        descriptions,
        review: Review::new(&manifest.text, file),
        calls: 0,
        names: 0,
        open: 0,
        excused: BTreeSet::new(),
    };
    comparison.run();
    let Comparison { review, calls, names, open, .. } = comparison;
    Compared { problems: review.finish(), calls, names, open }
}

struct Comparison<'a> {
    manifest: &'a Manifest,
    descriptions: &'a [Description],
    review: Review<'a>,
    calls: usize,
    names: usize,
    open: usize,
    excused: BTreeSet<&'a str>,
}

/// A call in the description that has it.
#[derive(Clone)]
struct Found<'a> {
    description: &'a Description,
    /// The call; none in a list of types.
    operation: Option<&'a Operation>,
    /// What its rows are, in a list of types.
    rows: Schema<'a>,
}

/// What names in an expression mean to the description.
struct View<'a> {
    description: &'a Description,
    /// What bare names are fields of.
    bare: Schema<'a>,
    /// Names of objects: `item`, parents, `body`, `x`.
    objects: Vec<(&'a str, &'a Description, Schema<'a>)>,
    /// Names that hide a field of the same name.
    hiding: Vec<&'a str>,
    label: &'a str,
}

impl<'a> Comparison<'a> {
    fn run(&mut self) {
        let manifest = self.manifest;
        let document = manifest.document();
        if let Some(check) = &document.check
            && let Some(call) = &check.call
            && let Some(found) = self.call(call, &document.id.span(), &[])
        {
            let expressions = check
                .identity
                .iter()
                .chain(&check.tenant)
                .chain(check.assert.entries().iter().map(|entry| &entry.value));
            self.reply(found, "check", expressions.collect());
        }
        for entry in document.auth.entries() {
            if let Some(call) = &entry.value.call
                && let Some(found) = self.call(call, &entry.name.span(), &[])
            {
                let expressions = [&entry.value.from, &entry.value.expires, &entry.value.expires_in];
                self.reply(found, "auth", expressions.into_iter().flatten().collect());
            }
        }
        let mut items: Vec<Option<(&'a Description, Schema<'a>)>> = vec![None; document.stream.len()];
        for &index in manifest.order() {
            items[index] = self.stream(index, &items);
        }
        for entry in document.action.entries() {
            let action = &entry.value;
            let span = entry.name.span();
            self.call(&action.call, &span, &[]);
            for call in
                [action.read.as_ref().and_then(|read| read.call.as_ref()), action.undo.as_ref().map(|undo| &undo.call)]
                    .into_iter()
                    .flatten()
            {
                self.call(call, &span, &[]);
            }
            if let Some(verify) = &action.verify
                && let Some(call) = &verify.call
                && let Some(found) = self.call(call, &span, &[])
            {
                self.reply(found, entry.name.get_ref(), verify.expect.iter().collect());
            }
        }
        for excuse in document.test.iter().flat_map(|test| &test.undescribed) {
            if !self.excused.contains(excuse.get_ref().as_str()) {
                self.review
                    .warning(&excuse.span(), format!("`{}` needs no excuse", excuse.get_ref()))
                    .because("the description has it, or nothing in the manifest names it")
                    .fix("remove it from `undescribed`");
            }
        }
    }

    /// Compares a stream; gives what its items are.
    fn stream(
        &mut self,
        index: usize,
        items: &[Option<(&'a Description, Schema<'a>)>],
    ) -> Option<(&'a Description, Schema<'a>)> {
        let manifest = self.manifest;
        let entry = &manifest.document().stream.entries()[index];
        let (label, stream) = (entry.name.get_ref().as_str(), &entry.value);
        let call = stream.call.as_ref()?;
        let pager = manifest.pager(stream);
        let extra = extra(stream, pager);
        let found = self.call_over(call, &entry.name.span(), &extra, entry).first().cloned()?;
        let root = found.reply();
        let mut objects: Vec<(&'a str, &'a Description, Schema<'a>)> = Vec::new();
        let mut at = Some(index);
        while let Some(stream) = at {
            let parent = manifest.parent(stream);
            let alias = manifest.document().stream.entries()[stream].value.alias.as_ref();
            if let (Some(parent), Some(alias)) = (parent, alias) {
                let (description, schema) = items[parent].clone().unwrap_or((found.description, Schema::Open));
                objects.push((alias.get_ref(), description, schema));
            }
            at = parent;
        }
        let mut hiding: Vec<&'a str> = objects.iter().map(|(name, _, _)| *name).collect();
        hiding.extend(stream.over.names());
        if let Some(address) = call.address() {
            let view = View {
                description: found.description,
                bare: Schema::Open,
                objects: objects.clone(),
                hiding: Vec::new(),
                label,
            };
            address.expressions().for_each(|expr| self.expression(expr, &view));
        }
        let reply = View {
            description: found.description,
            bare: root.clone(),
            objects: objects.clone(),
            hiding: Vec::new(),
            label,
        };
        let mut over_reply: Vec<&'a Expr> = stream.items.iter().collect();
        if let Some(pager) = pager {
            let from = pager.from.iter().filter(|_| *pager.kind.get_ref() != super::model::PagerKind::Seek);
            over_reply.extend(from.chain(&pager.more).chain(&pager.total).chain(&pager.last).chain(&pager.unless));
        }
        let reply = reply.with_body(root.clone());
        for expr in over_reply {
            self.expression(expr, &reply);
        }
        let item = match (found.operation, &stream.items) {
            (None, _) => found.rows.clone(),
            (Some(_), Some(items)) => item_of(found.description, &root, items),
            (Some(_), None) => Schema::Open,
        };
        let mut seen = objects;
        seen.push(("item", found.description, item.clone()));
        for emit in &stream.emit {
            self.emit(emit, found.description, &item, &seen, &hiding, label);
        }
        Some((found.description, item))
    }

    fn emit(
        &mut self,
        emit: &'a Emit,
        description: &'a Description,
        item: &Schema<'a>,
        objects: &[(&'a str, &'a Description, Schema<'a>)],
        hiding: &[&'a str],
        label: &'a str,
    ) {
        let mut view =
            View { description, bare: item.clone(), objects: objects.to_vec(), hiding: hiding.to_vec(), label };
        if let Some(each) = &emit.each {
            self.expression(each, &view);
            let element = match plain(each) {
                Some(path) => {
                    description.element(&walk(description, item, path.strip_prefix(&["item"]).unwrap_or(&path)))
                }
                None => Schema::Open,
            };
            view.objects.push(("x", description, element));
        }
        let expressions = emit.when.iter().chain(emit.fields.entries().iter().map(|entry| &entry.value));
        expressions.for_each(|expr| self.expression(expr, &view));
    }

    fn reply(&mut self, found: Found<'a>, label: &'a str, expressions: Vec<&'a Expr>) {
        let root = found.reply();
        let subjects = ["account", "group", "edge", "entitlement", "resource", "credential"];
        let objects = subjects.map(|name| (name, found.description, Schema::Open)).to_vec();
        let view = View { description: found.description, bare: root.clone(), objects, hiding: Vec::new(), label };
        let view = view.with_body(root);
        for expr in expressions {
            self.expression(expr, &view);
        }
    }

    /// Compares what an expression names.
    fn expression(&mut self, expr: &'a Expr, view: &View<'a>) {
        for path in expr.paths() {
            let known = view.objects.iter().find(|(name, _, _)| *name == path[0]);
            let (description, root, steps) = match known {
                Some((_, description, schema)) => (*description, schema.clone(), &path[1..]),
                None if [
                    "config", "now", "tenant", "identity", "headers", "status", "x", "cursor", "secret", "context",
                ]
                .contains(&path[0]) =>
                {
                    continue;
                }
                None if view.hiding.contains(&path[0]) => {
                    self.clash(expr, path[0], view);
                    continue;
                }
                None => (view.description, view.bare.clone(), &path[..]),
            };
            let mut at = root;
            for step in steps {
                match description.field(&at, step) {
                    Ok(Schema::Open) => {
                        self.open += 1;
                        break;
                    }
                    Ok(found) => {
                        self.names += 1;
                        // A step into a list means an index or a filter; names go on with its elements.
                        at = found;
                    }
                    Err(names) => {
                        self.missing(expr, step, view.label, description, &names);
                        break;
                    }
                }
            }
        }
    }

    fn missing(&mut self, expr: &Expr, step: &str, label: &str, description: &Description, names: &[String]) {
        if self.excuse(&format!("{label}: {step}")) {
            return;
        }
        self.review
            .error(expr.span(), format!("`{step}` is in no reply of `{label}`"))
            .because(format!("{} does not describe it", description.name))
            .fix(did_you_mean(step, names.iter().map(String::as_str)));
    }

    /// A bare name that a parent or a partition takes away from a field of the item.
    fn clash(&mut self, expr: &Expr, name: &str, view: &View<'a>) {
        if matches!(view.bare, Schema::Known(_))
            && matches!(view.description.field(&view.bare, name), Ok(Schema::Known(_)))
        {
            self.review
                .warning(
                    expr.span(),
                    format!("`{name}` is a parent or a partition here, and a field of the item as well"),
                )
                .because("the bare name means the former")
                .fix(format!("write `item.{name}` for the field, or rename the parent or partition"));
        }
    }

    fn excuse(&mut self, what: &str) -> bool {
        let manifest = self.manifest;
        let mut excuses = manifest.document().test.iter().flat_map(|test| &test.undescribed);
        let found = excuses.find(|excuse| excuse.get_ref() == what);
        self.excused.extend(found.map(|excuse| excuse.get_ref().as_str()));
        found.is_some()
    }

    /// Finds a call, once for each value of a partition that stands in its path.
    fn call_over(
        &mut self,
        call: &'a Call,
        span: &Range<usize>,
        extra: &[String],
        entry: &'a Named<Stream>,
    ) -> Vec<Found<'a>> {
        let over = entry.value.over.entries().iter().find(|over| {
            let parts = call.address().into_iter().flat_map(Template::expressions);
            parts.into_iter().any(|expr| expr.source().trim() == over.name.get_ref())
        });
        match over {
            None => self.call(call, span, extra).into_iter().collect(),
            Some(over) => {
                let values = over
                    .value
                    .iter()
                    .filter_map(|value| value.as_str().map(|text| (over.name.get_ref().as_str(), text)));
                values.filter_map(|value| self.found(call, span, extra, Some(value))).collect()
            }
        }
    }

    fn call(&mut self, call: &'a Call, span: &Range<usize>, extra: &[String]) -> Option<Found<'a>> {
        self.found(call, span, extra, None)
    }

    /// Finds a call and compares what it sends.
    fn found(
        &mut self,
        call: &'a Call,
        span: &Range<usize>,
        extra: &[String],
        partition: Option<(&str, &str)>,
    ) -> Option<Found<'a>> {
        let address = call.address()?;
        let path = self.path(call, partition);
        let method = call.method.as_str();
        for description in self.descriptions {
            if let Some(operation) = description.operation(method, &path) {
                self.calls += 1;
                self.sent(call, operation, description, extra, span);
                if description.is_types() {
                    let reply = operation.reply();
                    let rows = description.field(&reply, "value").map_or(reply, |rows| description.element(&rows));
                    self.selected(call, description, &rows);
                }
                return Some(Found { description, operation: Some(operation), rows: Schema::Open });
            }
        }
        let types = |description: &&Description| description.is_types() && !description.has_calls();
        if let Some(description) = self.descriptions.iter().find(types) {
            let rows = description.type_of(&path);
            self.selected(call, description, &rows);
            return Some(Found { description, operation: None, rows });
        }
        if self.descriptions.is_empty() || self.excuse(address.source()) {
            return None;
        }
        let written = written(&path);
        let known: Vec<&str> = self.descriptions.iter().flat_map(Description::paths).collect();
        self.review
            .error(address.span(), format!("no description has {method} {written}"))
            .because("a call the vendor does not describe may go away, or never have been there")
            .fix(format!(
                "{}; or excuse it with a reason in `[test] undescribed`",
                did_you_mean(&written, closest(&written, known))
            ));
        None
    }

    /// The properties that an OData `$select` asks for.
    fn selected(&mut self, call: &'a Call, description: &'a Description, rows: &Schema<'a>) {
        let Some(entry) = call.query.entries().iter().find(|entry| entry.name.get_ref() == "$select") else { return };
        for name in entry.value.source().split(',') {
            match description.field(rows, name.trim()) {
                Ok(Schema::Open) => self.open += 1,
                Ok(Schema::Known(_)) => self.names += 1,
                Err(names) => {
                    self.review
                        .error(entry.value.span(), format!("`$select` asks for `{name}`, which is no property there"))
                        .because(format!("{} does not describe it", description.name))
                        .fix(did_you_mean(name, names.iter().map(String::as_str)));
                }
            }
        }
    }

    fn sent(
        &mut self,
        call: &'a Call,
        operation: &'a Operation,
        description: &'a Description,
        extra: &[String],
        span: &Range<usize>,
    ) {
        let written: Vec<(&str, Range<usize>)> =
            call.query.entries().iter().map(|entry| (entry.name.get_ref().as_str(), entry.name.span())).collect();
        let paged = extra.iter().map(|name| (name.as_str(), span.clone()));
        for (name, at) in written.into_iter().chain(paged) {
            let plain = name.split('[').next().unwrap_or(name);
            if operation.query.contains(name) || operation.query.contains(plain) {
                self.names += 1;
            } else if !self.excuse(&format!("{}: ?{name}", call.address().map_or("", Template::source))) {
                self.review
                    .error(&at, format!("{} {} takes no `{name}`", operation.method, operation.path))
                    .because(format!(
                        "{} does not describe it; most systems ignore what they do not know",
                        description.name
                    ))
                    .fix(did_you_mean(name, operation.query.iter().map(String::as_str)));
            }
        }
        for entry in call.form.entries() {
            let name = entry.name.get_ref();
            if operation.form.contains(name) || operation.query.contains(name) {
                self.names += 1;
            } else {
                self.review
                    .error(&entry.name.span(), format!("{} {} takes no `{name}`", operation.method, operation.path))
                    .because(format!("{} does not describe it", description.name))
                    .fix(did_you_mean(name, operation.form.iter().map(String::as_str)));
            }
        }
        if let Some(body) = &call.body {
            self.body(body, description, &operation.body(), operation);
        }
    }

    fn body(&mut self, node: &'a Node, description: &'a Description, schema: &Schema<'a>, operation: &Operation) {
        match &node.kind {
            NodeKind::Template(_) | NodeKind::Plain(_) => {}
            NodeKind::List(nodes) => {
                let element = description.element(schema);
                for node in nodes {
                    self.body(node, description, &element, operation);
                }
            }
            NodeKind::Table(table) => {
                for entry in table.entries() {
                    match description.field(schema, entry.name.get_ref()) {
                        Ok(Schema::Open) => self.open += 1,
                        Ok(found) => {
                            self.names += 1;
                            self.body(&entry.value, description, &found, operation);
                        }
                        Err(names) => {
                            self.review
                                .error(
                                    &entry.name.span(),
                                    format!(
                                        "the body of {} {} has no `{}`",
                                        operation.method,
                                        operation.path,
                                        entry.name.get_ref()
                                    ),
                                )
                                .because(format!("{} does not describe it", description.name))
                                .fix(did_you_mean(entry.name.get_ref(), names.iter().map(String::as_str)));
                        }
                    }
                }
            }
        }
    }

    /// The pieces of a call's path, `[http] path` before it.
    fn path(&self, call: &Call, partition: Option<(&str, &str)>) -> Vec<Segment> {
        let before = self.manifest.document().http.path.as_ref().filter(|_| call.path.is_some());
        let templates = before.into_iter().chain(call.address());
        let mut text = String::new();
        for part in templates.flat_map(Template::parts) {
            match part {
                Part::Text(literal) => text.push_str(literal),
                Part::Expr(expr) => match partition {
                    Some((name, value)) if expr.source().trim() == name => text.push_str(value),
                    Some(_) | None if expr.source().contains("| raw") => text.push('\u{2}'),
                    Some(_) | None => text.push('\u{1}'),
                },
            }
        }
        let path = text.split('?').next().unwrap_or_default();
        let path = match path.split_once("://") {
            Some((_, rest)) => rest.split_once('/').map_or("", |(_, path)| path),
            None => path.strip_prefix('\u{2}').unwrap_or(path),
        };
        path.split('/')
            .filter(|segment| !segment.is_empty())
            .map(|segment| match segment {
                _ if segment.contains('\u{2}') => Segment::Many,
                _ if segment.contains('\u{1}') => Segment::Any,
                text => Segment::Text(text.to_owned()),
            })
            .collect()
    }
}

impl<'a> Found<'a> {
    fn reply(&self) -> Schema<'a> {
        self.operation.map_or(Schema::Open, Operation::reply)
    }
}

impl<'a> View<'a> {
    fn with_body(&self, root: Schema<'a>) -> Self {
        let mut objects = self.objects.clone();
        objects.push(("body", self.description, root));
        Self {
            description: self.description,
            bare: self.bare.clone(),
            objects,
            hiding: self.hiding.clone(),
            label: self.label,
        }
    }
}

/// Query keys that paging and deltas add.
fn extra(stream: &Stream, pager: Option<&Pager>) -> Vec<String> {
    let targets = pager.into_iter().flat_map(|pager| pager.into.iter().chain(&pager.size_into));
    let targets = targets.chain(stream.delta.iter().flat_map(|delta| &delta.into));
    targets
        .filter_map(|target| match target {
            Target::Query(name) => Some(name.clone()),
            Target::Header(_) | Target::Form(_) | Target::Body(_) => None,
        })
        .collect()
}

/// The steps of an expression that is one path, with filters after it at most.
fn plain(expr: &Expr) -> Option<Vec<&str>> {
    let source = expr.source().split('|').next().unwrap_or_default().trim();
    let only = expr.paths().into_iter().next()?;
    (source.split('.').count() == only.len() && !source.contains([' ', '(', '[']) && !expr.source().contains("entries"))
        .then_some(only)
}

fn item_of<'a>(description: &'a Description, root: &Schema<'a>, items: &Expr) -> Schema<'a> {
    let source = items.source().trim();
    if source == "[body]" {
        return Schema::Open;
    }
    match plain(items) {
        Some(path) => description.element(&walk(description, root, path.strip_prefix(&["body"]).unwrap_or(&path))),
        None => Schema::Open,
    }
}

fn walk<'a>(description: &'a Description, root: &Schema<'a>, path: &[&str]) -> Schema<'a> {
    path.iter().fold(root.clone(), |at, step| description.field(&at, step).unwrap_or(Schema::Open))
}

fn written(path: &[Segment]) -> String {
    let pieces = path.iter().map(|segment| match segment {
        Segment::Text(text) => text.as_str(),
        Segment::Any => "{…}",
        Segment::Many => "{…/…}",
    });
    format!("/{}", pieces.collect::<Vec<_>>().join("/"))
}

/// The described paths that share most of their beginning and end with `path`.
fn closest<'p>(path: &str, known: Vec<&'p str>) -> Vec<&'p str> {
    let mut ranked: Vec<(usize, &str)> =
        known.into_iter().map(|known| (strsim::damerau_levenshtein(path, known), known)).collect();
    ranked.sort_unstable();
    ranked.dedup();
    ranked.into_iter().take(3).map(|(_, known)| known).collect()
}
