//! What a program's lines mean: records, scopes and the end.
//!
//! Records belong to the scope that was named last, or to `main`. A scope ends when the program says how it ended, or with the
//! program. A line that cannot be used costs itself and leaves a gap in its scope.

use std::collections::{BTreeMap, BTreeSet};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use tokio::io::AsyncBufRead;

use super::child::{LINE_LIMIT, Length, LineReader};
use crate::ConnectorError;
use crate::record::{Record, RecordKind};
use crate::scope::{Gap, ScopeState};
use crate::secret::Secret;
use crate::sink::{Scope, Sink};

/// The scope of records that no scope line precedes.
const MAIN: &str = "main";
/// The scope of what comes when `main` was finished, or of kinds that no scope covers.
const AFTER_MAIN: &str = "beside main";
/// Secrets shorter than this are not looked for in records: they would be found in every second word.
const SHORTEST_SECRET: usize = 8;

/// One line that an exec program prints.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(untagged)]
#[schemars(title = "One line of an exec program's standard output")]
pub enum Line {
    /// A record.
    Record(Box<Record>),
    /// Something about a scope.
    Scope(ScopeLine),
    /// The last line.
    End(EndLine),
}

/// Opens a scope, says more about it, or ends it. Records that follow belong to it until another scope is named.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ScopeLine {
    /// What is said.
    pub scope: ScopeWords,
}

/// What is said about a scope.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ScopeWords {
    /// Its name, stable from run to run.
    pub name: String,
    /// The kinds it covers; read from its first line only. All of `yields` when they are left out.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub kinds: Vec<RecordKind>,
    /// The tenant's own id.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tenant: Option<String>,
    /// Who the credential is, as the system sees it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub identity: Option<String>,
    /// The totals that the system declares, by kind.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub totals: BTreeMap<RecordKind, u64>,
    /// Fields that the system withholds from every record, with why, by kind.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub withheld: BTreeMap<RecordKind, BTreeMap<String, String>>,
    /// What was not read.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub gaps: Vec<ToldGap>,
    /// Pages read since the last line about this scope.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub pages: u32,
    /// How it ended. Says that the scope is finished.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub state: Option<ScopeState>,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde calls it with a reference")]
fn is_zero(pages: &u32) -> bool {
    *pages == 0
}

/// Something that the program could not read.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ToldGap {
    /// The kind it concerns; every kind of the scope when it is left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kind: Option<RecordKind>,
    /// What was tried, on what, and what was found.
    pub what: String,
    /// Why.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cause: Option<String>,
    /// What to do about it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fix: Option<String>,
}

/// The last line: the program came to its end.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct EndLine {
    /// Always true.
    #[schemars(extend("const" = true))]
    pub end: bool,
}

impl Line {
    /// Reads a line.
    ///
    /// # Errors
    /// What is wrong with it, in words.
    pub fn parse(text: &str) -> Result<Self, String> {
        let record = match serde_json::from_str::<Record>(text) {
            Ok(record) => return Ok(Self::Record(Box::new(record))),
            Err(error) => error,
        };
        let serde_json::Value::Object(object) =
            serde_json::from_str(text).map_err(|error| format!("it is no JSON: {error}"))?
        else {
            return Err("it is JSON, but no object".to_owned());
        };
        if object.contains_key("record") {
            return Err(record.to_string());
        }
        if object.contains_key("scope") {
            return serde_json::from_str(text).map(Self::Scope).map_err(|error| error.to_string());
        }
        match serde_json::from_str::<EndLine>(text) {
            Ok(end) if end.end => Ok(Self::End(end)),
            Ok(_) => Err("`end` is only ever true".to_owned()),
            Err(_) if object.contains_key("end") => Err("a line with `end` says nothing else than true".to_owned()),
            Err(_) => Err("it has none of the keys `record`, `scope` and `end`".to_owned()),
        }
    }
}

/// Finds the secret in what a program prints: whole, line by line, and as JSON text holds it.
#[derive(Debug, Clone, Default)]
pub(super) struct Redactor {
    /// The longest first.
    pieces: Vec<Secret>,
}

impl Redactor {
    pub(super) fn new(secret: Option<&Secret>) -> Self {
        let Some(secret) = secret else { return Self::default() };
        let whole = secret.expose();
        let lines = whole.lines().map(str::trim).filter(|line| line.len() >= SHORTEST_SECRET);
        let mut pieces: Vec<Secret> = std::iter::once(whole).chain(lines).map(Secret::new).collect();
        let escaped = serde_json::Value::from(whole).to_string();
        pieces.push(Secret::new(&escaped[1..escaped.len() - 1]));
        pieces.retain(|piece| !piece.expose().is_empty());
        pieces.sort_by_key(|piece| std::cmp::Reverse(piece.expose().len()));
        Self { pieces }
    }

    /// The text with `***` for the secret.
    pub(super) fn redact(&self, text: &str) -> String {
        self.pieces.iter().fold(text.to_owned(), |text, piece| text.replace(piece.expose(), "***"))
    }

    fn is_in(&self, text: &str) -> bool {
        let pieces = self.pieces.iter().map(Secret::expose);
        pieces.filter(|piece| piece.len() >= SHORTEST_SECRET).any(|piece| text.contains(piece))
    }
}

/// A scope while its program talks about it.
#[derive(Debug)]
struct Open {
    scope: Scope,
    kinds: Vec<RecordKind>,
    /// Whether the program said what was not read.
    has_told_gaps: bool,
}

impl Open {
    fn gap(&mut self, gap: &Gap) {
        for kind in &self.kinds {
            self.scope.gap(*kind, gap.clone());
        }
    }
}

/// One program's lines, as they come in.
#[derive(Debug)]
pub(super) struct Conversation<'a> {
    sink: &'a Sink,
    yields: &'a [RecordKind],
    redactor: Redactor,
    /// Scopes that are open and, as `None`, those that were finished.
    scopes: BTreeMap<String, Option<Open>>,
    /// Kinds that some scope covers.
    covered: BTreeSet<RecordKind>,
    /// The scope that records belong to.
    current: String,
    line: u64,
    ended: bool,
}

impl<'a> Conversation<'a> {
    pub(super) fn new(sink: &'a Sink, yields: &'a [RecordKind], redactor: Redactor) -> Self {
        Self {
            sink,
            yields,
            redactor,
            scopes: BTreeMap::new(),
            covered: BTreeSet::new(),
            current: MAIN.to_owned(),
            line: 0,
            ended: false,
        }
    }

    /// Takes every line until the stream closes.
    ///
    /// # Errors
    /// [`ConnectorError::Stopped`] when nobody takes the records any more.
    pub(super) async fn listen<R: AsyncBufRead + Unpin>(
        &mut self,
        mut lines: LineReader<R>,
    ) -> Result<(), ConnectorError> {
        loop {
            let length = match lines.next().await {
                Ok(Some(length)) => length,
                Ok(None) => return Ok(()),
                Err(error) => {
                    self.refuse("COL131", "its standard output could not be read", &error.to_string());
                    return Ok(());
                }
            };
            self.line += 1;
            if lines.line.trim_ascii().is_empty() {
                continue;
            }
            if length == Length::Cut {
                self.refuse("COL131", "it was dropped", &format!("it is longer than {} MiB", LINE_LIMIT >> 20));
                continue;
            }
            match std::str::from_utf8(&lines.line) {
                Ok(text) if self.redactor.is_in(text) => {
                    self.refuse("COL136", "it was dropped", "it holds the program's secret, which must not be stored");
                }
                Ok(text) => match Line::parse(text.trim()) {
                    Ok(line) => self.take(line).await?,
                    Err(error) => self.refuse("COL131", "it was dropped", &error),
                },
                Err(error) => self.refuse("COL131", "it was dropped", &format!("it is not UTF-8: {error}")),
            }
        }
    }

    async fn take(&mut self, line: Line) -> Result<(), ConnectorError> {
        if self.ended {
            self.refuse("COL131", "it was dropped", "it follows the end line");
            return Ok(());
        }
        match line {
            Line::End(_) => self.ended = true,
            Line::Scope(line) => self.words(line.scope).await?,
            Line::Record(record) => self.record(*record).await?,
        }
        Ok(())
    }

    async fn record(&mut self, record: Record) -> Result<(), ConnectorError> {
        let kind = record.kind();
        let line = self.line;
        if !self.yields.contains(&kind) {
            let gap = Gap::new("COL135", format!("line {line} is one of {kind}, which were not promised"))
                .cause("`yields` does not list them")
                .fix(format!("add \"{kind}\" to `yields`"));
            self.current().scope.gap(kind, gap);
            return Ok(());
        }
        Ok(self.current().scope.push(record).await?)
    }

    async fn words(&mut self, words: ScopeWords) -> Result<(), ConnectorError> {
        if let Some(None) = self.scopes.get(&words.name) {
            self.refuse("COL131", "it was dropped", &format!("scope `{}` was finished before", words.name));
            return Ok(());
        }
        if let Some(kind) = words.kinds.iter().find(|kind| !self.yields.contains(kind)) {
            let kind = *kind;
            self.refuse(
                "COL135",
                "its scope covers what was not promised",
                &format!("`yields` does not list \"{kind}\""),
            );
        }
        self.current.clone_from(&words.name);
        let kinds = if words.kinds.is_empty() { self.yields } else { &words.kinds };
        let open = self.open(&words.name, kinds);
        let scope = &mut open.scope;
        if let Some(tenant) = words.tenant {
            scope.tenant(tenant);
        }
        if let Some(identity) = words.identity {
            scope.identity(identity);
        }
        for (kind, total) in words.totals {
            scope.declare_total(kind, total);
        }
        for _ in 0..words.pages {
            scope.page();
        }
        for (kind, fields) in words.withheld {
            for (field, why) in fields {
                scope.withhold(kind, &field, why);
            }
        }
        open.has_told_gaps |= !words.gaps.is_empty();
        for told in words.gaps {
            let cause = told.cause.unwrap_or_else(|| "the program does not say why".to_owned());
            let fix = told.fix.unwrap_or_else(|| "see the program's own documentation".to_owned());
            let gap = Gap::new("COL137", told.what).cause(cause).fix(fix);
            match told.kind {
                Some(kind) => open.scope.gap(kind, gap),
                None => open.gap(&gap),
            }
        }
        let Some(state) = words.state else { return Ok(()) };
        let unsaid = Gap::new("COL137", format!("the program calls scope `{}` {}", words.name, spelled(state)))
            .cause("the program does not say why")
            .fix("let the program say what was not read, with `gaps`");
        match state {
            ScopeState::Complete => {}
            ScopeState::Partial if open.has_told_gaps => {}
            ScopeState::Partial => open.gap(&unsaid),
            ScopeState::Failed => open.scope.fail_all(&unsaid),
        }
        MAIN.clone_into(&mut self.current);
        if let Some(open) = self.scopes.insert(words.name, None).flatten() {
            open.scope.finish().await?;
        }
        Ok(())
    }

    /// The scope that records belong to; it is opened when it is needed.
    fn current(&mut self) -> &mut Open {
        let finished = matches!(self.scopes.get(&self.current), Some(None));
        let name = if finished { AFTER_MAIN.to_owned() } else { self.current.clone() };
        self.open(&name, self.yields)
    }

    fn open(&mut self, name: &str, kinds: &[RecordKind]) -> &mut Open {
        let (sink, covered) = (self.sink, &mut self.covered);
        self.scopes.entry(name.to_owned()).or_default().get_or_insert_with(|| {
            covered.extend(kinds);
            Open { scope: sink.scope(name, kinds), kinds: kinds.to_vec(), has_told_gaps: false }
        })
    }

    /// Notes a line that cannot be used, for every kind of the scope it stands in.
    fn refuse(&mut self, code: &str, what: &str, cause: &str) {
        let gap = Gap::new(code, format!("line {}: {what}", self.line))
            .cause(self.redactor.redact(cause))
            .fix("print lines as docs/formats/exec.md describes; schemas/record.schema.json checks them");
        self.current().gap(&gap);
    }

    /// Ends every scope that is still open. `ending` is what was wrong with the program's end.
    ///
    /// # Errors
    /// The gap itself, when there is no open scope to note it in.
    pub(super) async fn close(mut self, ending: Option<Gap>) -> Result<(), ConnectorError> {
        let ending = ending.or_else(|| (!self.ended).then(no_end));
        if self.scopes.is_empty() {
            self.open(MAIN, self.yields);
        }
        self.fail_uncovered();
        let mut noted = false;
        for Open { mut scope, kinds, .. } in std::mem::take(&mut self.scopes).into_values().flatten() {
            if let Some(gap) = &ending {
                noted = true;
                for kind in kinds {
                    if scope.count(kind) == 0 { scope.fail(kind, gap.clone()) } else { scope.gap(kind, gap.clone()) }
                }
            }
            scope.finish().await?;
        }
        match ending {
            Some(gap) if !noted => Err(ConnectorError::Failed(gap)),
            Some(_) | None => Ok(()),
        }
    }

    /// Fails the kinds that were promised and that no scope covers.
    fn fail_uncovered(&mut self) {
        let uncovered: Vec<RecordKind> =
            self.yields.iter().copied().filter(|kind| !self.covered.contains(kind)).collect();
        if uncovered.is_empty() {
            return;
        }
        let name = if self.scopes.contains_key(MAIN) { AFTER_MAIN } else { MAIN };
        let open = self.open(name, &uncovered);
        for kind in uncovered {
            let gap = Gap::new("COL135", format!("no scope covers {kind}, which `yields` promises"))
                .cause("the scopes that the program opened list other kinds")
                .fix(format!("list \"{kind}\" in the `kinds` of a scope, or take it out of `yields`"));
            open.scope.fail(kind, gap);
        }
    }
}

fn no_end() -> Gap {
    Gap::new("COL133", "the program did not say that it came to its end")
        .cause("its output lacks the line {\"end\": true}: it stopped early, or never prints it")
        .fix("print {\"end\": true} as the last line, after everything was read")
}

const fn spelled(state: ScopeState) -> &'static str {
    match state {
        ScopeState::Complete => "complete",
        ScopeState::Partial => "partial",
        ScopeState::Failed => "failed",
    }
}
