//! Expressions: MiniJinja's, compiled once, with what could go wrong silently refused at load.
//!
//! ```text
//!   "'bot' if type == 'Bot' else 'human'"  ──scan──► names, filters, tests, operators (each with its position)
//!                                          ──compile──► a path, a constant, or MiniJinja's program
//! ```
//!
//! Nothing here loops, assigns or calls back into the engine, so that an expression costs no more than the item it is about.
//! Refused besides unknown names: `~` (`'repo:' ~ id` of a missing id would be the id `repo:`; `+` fails instead), `*` (texts can be
//! multiplied), method calls, and `== none` (a key that is missing is not equal to one that is null; `is none` means both).

use std::fmt;
use std::ops::Range;
use std::sync::{Arc, LazyLock};

use minijinja::{Environment, UndefinedBehavior};
use serde::{Deserialize, Deserializer};
use toml::Spanned;

use super::filters::{self, Step};
use super::problem::{Review, did_you_mean, similar};
use super::scope::{Scope, TABLES};
use super::value::{Fields, Value};

/// An expression, with where it stands in the manifest.
#[derive(Clone)]
pub struct Expr {
    source: String,
    span: Range<usize>,
    line: usize,
    column: usize,
    program: Program,
}

#[derive(Clone)]
enum Program {
    /// Not compiled.
    Unchecked,
    /// `a.b.c`, which most fields are.
    Path(Arc<[Box<str>]>),
    /// `a.b.c | date | else_never`, which most of the others are.
    Piped(Arc<[Box<str>]>, Arc<[Step]>),
    /// `'text'`.
    Constant(Value),
    /// Whatever else.
    Compiled(Arc<minijinja::Expression<'static, 'static>>),
}

/// An expression that failed on some value. It says where and on what kind of value, and quotes none.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{source_text}` (line {line}, column {column} of the manifest): {message}")]
pub struct EvalError {
    /// The expression.
    pub source_text: String,
    /// Its line in the manifest, from 1.
    pub line: usize,
    /// Its column, from 1.
    pub column: usize,
    /// What went wrong.
    pub message: String,
}

impl Expr {
    /// An expression that is not compiled yet.
    pub(super) fn unchecked(source: String, span: Range<usize>) -> Self {
        Self { source, span, line: 0, column: 0, program: Program::Unchecked }
    }

    /// The expression as it was written.
    pub fn source(&self) -> &str {
        &self.source
    }

    /// Where it stands in the manifest, in bytes.
    pub fn span(&self) -> &Range<usize> {
        &self.span
    }

    /// Its line in the manifest, from 1.
    pub fn line(&self) -> usize {
        self.line
    }

    /// What it gives.
    ///
    /// # Errors
    /// [`EvalError`] when an operator or a filter meets a value it cannot work with.
    pub fn eval(&self, scope: &Scope) -> Result<Value, EvalError> {
        match &self.program {
            Program::Path(path) => Ok(follow(scope, path)),
            Program::Piped(path, steps) => {
                let tables = || scope.get(TABLES).unwrap_or(Value::UNDEFINED);
                let through = |value: Value, step: &Step| step.apply(&value, tables);
                steps.iter().try_fold(follow(scope, path), through).map_err(|error| self.failed(said(&error)))
            }
            Program::Constant(value) => Ok(value.clone()),
            Program::Compiled(expression) => {
                expression.eval(scope.context()).map_err(|error| self.failed(said(&error)))
            }
            Program::Unchecked => Err(self.failed("it was never compiled".to_owned())),
        }
    }

    /// Whether it holds: neither null, false, zero nor empty.
    ///
    /// # Errors
    /// As of [`Expr::eval`].
    pub fn holds(&self, scope: &Scope) -> Result<bool, EvalError> {
        self.eval(scope).map(|value| value.is_true())
    }

    pub(super) fn failed(&self, message: String) -> EvalError {
        EvalError { source_text: self.source.clone(), line: self.line, column: self.column, message }
    }

    /// Checks the expression against what may be named where it stands, and compiles it.
    pub(super) fn compile(&mut self, names: &Names<'_>, review: &mut Review<'_>) {
        (self.line, self.column) = review.position(self.span.start);
        let source = self.source.as_str();
        let here = |review: &Review<'_>, offset: usize| {
            let start = review.within(&self.span, source, offset);
            start..start
        };
        let mut sound = true;
        let found = scan(source);
        for finding in found.iter().flat_map(|scan| scan.judge(names)) {
            let span = here(review, finding.offset);
            let problem =
                if finding.warning { review.warning(&span, finding.what) } else { review.error(&span, finding.what) };
            problem.because(finding.cause).fix(finding.fix);
            sound &= finding.warning;
        }
        match environment().compile_expression_owned(source.to_owned()) {
            Ok(expression) => {
                let piped = found.as_ref().filter(|_| sound).and_then(Scan::piped);
                self.program = match (piped, self.literal()) {
                    (Some((path, steps)), _) if steps.is_empty() => Program::Path(path),
                    (Some((path, steps)), _) => Program::Piped(path, steps),
                    (None, Some(text)) => Program::Constant(Value::from(text)),
                    (None, None) => Program::Compiled(Arc::new(expression)),
                };
            }
            Err(_) if !sound => {}
            Err(error) => {
                let span = here(review, error.range().map_or(0, |range| range.start));
                review
                    .error(&span, format!("`{source}` is no expression: {}", said(&error)))
                    .fix("expressions are MiniJinja's: `a.b`, `x if y else z`, `and`, `or`, `not`, `in`, `is none`, `a | filter`");
            }
        }
    }

    /// The fields of the item that the expression names, by their first step; `None` when it takes the item as a whole.
    pub(super) fn item_fields<'a>(&'a self, outer: &dyn Fn(&str) -> bool) -> Option<Vec<&'a str>> {
        let scan = scan(&self.source)?;
        let mut fields = Vec::new();
        for root in scan.roots() {
            match (root.name, root.next) {
                ("item", Some(field)) => fields.push(field),
                ("item", None) => return None,
                (name, _) if !outer(name) => fields.push(name),
                (_, _) => {}
            }
        }
        Some(fields)
    }

    /// Every path of names in it, as written: `item.user.id` gives `["item", "user", "id"]`.
    pub(super) fn paths(&self) -> Vec<Vec<&str>> {
        scan(&self.source).map(|scan| scan.paths()).unwrap_or_default()
    }

    /// The text it is, when it is nothing but a quoted text.
    pub(super) fn literal(&self) -> Option<&str> {
        let inner = self.source.trim();
        let inner = inner.strip_prefix('\'').and_then(|rest| rest.strip_suffix('\''))?;
        (!inner.contains(['\'', '\\'])).then_some(inner)
    }

    /// The table of `| map('NAME')`, when that is the last thing the expression does.
    pub(super) fn last_map(&self) -> Option<&str> {
        let (_, last) = self.source.rsplit_once('|')?;
        last.trim().strip_prefix("map(")?.trim().strip_suffix(')')?.trim().strip_prefix('\'')?.strip_suffix('\'')
    }
}

impl fmt::Debug for Expr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Expr({:?})", self.source)
    }
}

impl<'de> Deserialize<'de> for Expr {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let spanned = Spanned::<String>::deserialize(deserializer)?;
        let span = spanned.span();
        Ok(Self::unchecked(spanned.into_inner(), span))
    }
}

fn said(error: &minijinja::Error) -> String {
    error.detail().map_or_else(|| error.kind().to_string(), str::to_owned)
}

fn follow(scope: &Scope, path: &[Box<str>]) -> Value {
    let mut steps = path.iter();
    let Some(mut value) = steps.next().and_then(|root| scope.get(root)) else { return Value::UNDEFINED };
    for step in steps {
        let next = match value.downcast_object_ref::<Fields>() {
            Some(fields) => fields.get(step).cloned(),
            None => value.get_attr(step).ok(),
        };
        match next {
            Some(next) => value = next,
            None => return Value::UNDEFINED,
        }
    }
    value
}

/// The one environment of all manifests: its filters and tests are the language.
fn environment() -> &'static Environment<'static> {
    static ENVIRONMENT: LazyLock<Environment<'static>> = LazyLock::new(|| {
        let mut environment = Environment::empty();
        environment.set_undefined_behavior(UndefinedBehavior::Chainable);
        filters::register(&mut environment);
        environment
    });
    &ENVIRONMENT
}

/// What an expression may name where it stands.
#[derive(Debug, Clone)]
pub(super) struct Names<'a> {
    /// Names that stand for something here, with the place for the message.
    pub(super) known: Vec<&'a str>,
    /// What bare names are fields of (`item`, `body`, `record`); `None` where there are none.
    pub(super) bare: Option<&'static str>,
    /// `[map.*]`.
    pub(super) maps: Vec<&'a str>,
    /// Names that stand for something elsewhere, with why not here.
    pub(super) elsewhere: &'static [(&'static str, &'static str)],
}

struct Finding {
    offset: usize,
    warning: bool,
    what: String,
    cause: String,
    fix: String,
}

/// A word or sign of an expression.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Sign<'a> {
    Word(&'a str),
    /// A quoted text, without its quotes.
    Quoted(&'a str),
    Number,
    Mark(&'a str),
}

struct Scan<'a>(Vec<(usize, Sign<'a>)>);

/// A name that is looked up in the scope, with the step after it when that is a plain name or a quoted one.
struct Root<'a> {
    name: &'a str,
    next: Option<&'a str>,
}

const KEYWORDS: &[&str] =
    &["and", "or", "not", "in", "is", "if", "else", "true", "false", "none", "True", "False", "None"];

/// Cuts an expression into words and signs; `None` when a quote does not end.
fn scan(source: &str) -> Option<Scan<'_>> {
    let bytes = source.as_bytes();
    let mut signs = Vec::new();
    let mut at = 0;
    while let Some(&byte) = bytes.get(at) {
        let start = at;
        let end_of = |keep: &dyn Fn(u8) -> bool| (start..bytes.len()).find(|&i| !keep(bytes[i])).unwrap_or(bytes.len());
        match byte {
            b' ' | b'\t' | b'\n' | b'\r' => {
                at += 1;
            }
            b'\'' | b'"' => {
                let mut end = at + 1;
                while *bytes.get(end)? != byte {
                    end += if bytes[end] == b'\\' { 2 } else { 1 };
                }
                signs.push((start, Sign::Quoted(source.get(start + 1..end)?)));
                at = end + 1;
            }
            b'a'..=b'z' | b'A'..=b'Z' | b'_' | 0x80.. => {
                at = end_of(&|byte| byte.is_ascii_alphanumeric() || byte == b'_' || byte >= 0x80);
                signs.push((start, Sign::Word(source.get(start..at)?)));
            }
            b'0'..=b'9' => {
                at = end_of(&|byte| byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'.');
                signs.push((start, Sign::Number));
            }
            _ => {
                let two = source.get(start..start + 2).filter(|two| ["==", "!=", "<=", ">=", "**", "//"].contains(two));
                let mark = two.or_else(|| source.get(start..=start))?;
                at += mark.len();
                signs.push((start, Sign::Mark(mark)));
            }
        }
    }
    Some(Scan(signs))
}

/// A path, and the filters that its value goes through.
type Piped = (Arc<[Box<str>]>, Arc<[Step]>);

impl<'a> Scan<'a> {
    fn sign(&self, at: Option<usize>) -> Option<Sign<'a>> {
        self.0.get(at?).map(|(_, sign)| *sign)
    }

    /// The path and the filters, when the expression is nothing but `a.b.c | filter | filter('text')`.
    fn piped(&self) -> Option<Piped> {
        let first = self.0.iter().position(|(_, sign)| *sign == Sign::Mark("|")).unwrap_or(self.0.len());
        let path = Scan(self.0[..first].to_vec()).path()?;
        let mut steps = Vec::new();
        let mut rest = &self.0[first..];
        while let [(_, Sign::Mark("|")), (_, Sign::Word(filter)), after @ ..] = rest {
            let (argument, after) = match after {
                [(_, Sign::Mark("(")), (_, Sign::Quoted(text)), (_, Sign::Mark(")")), after @ ..] => {
                    (Some(*text).filter(|text| !text.contains('\\')).map(Some)?, after)
                }
                after => (None, after),
            };
            steps.push(Step::of(filter, argument)?);
            rest = after;
        }
        rest.is_empty().then(|| (path, steps.into()))
    }

    /// The steps, when the expression is nothing but `a.b.c`.
    fn path(&self) -> Option<Arc<[Box<str>]>> {
        let mut steps = Vec::new();
        for (at, (_, sign)) in self.0.iter().enumerate() {
            match (at % 2, sign) {
                (0, Sign::Word(word)) if !KEYWORDS.contains(word) && (at > 0 || !matches!(*word, "loop" | "self")) => {
                    steps.push(Box::from(*word));
                }
                (1, Sign::Mark(".")) => {}
                (_, _) => return None,
            }
        }
        (self.0.len() % 2 == 1).then(|| steps.into())
    }

    /// What the word at `at` is, by what stands around it.
    fn role(&self, at: usize) -> Role {
        let before = self.sign(at.checked_sub(1));
        let before_that = self.sign(at.checked_sub(2));
        let call = self.sign(Some(at + 1)) == Some(Sign::Mark("("));
        match (before, before_that) {
            (Some(Sign::Mark("|")), _) => Role::Filter,
            (Some(Sign::Word("is")), _) | (Some(Sign::Word("not")), Some(Sign::Word("is"))) => Role::Test,
            (Some(Sign::Mark(".")), _) if call => Role::Method,
            (Some(Sign::Mark(".")), _) => Role::Step,
            (_, _) if call => Role::Function,
            (_, _) => Role::Root,
        }
    }

    fn words(&self) -> impl Iterator<Item = (usize, usize, &'a str, Role)> + '_ {
        self.0.iter().enumerate().filter_map(|(at, (offset, sign))| match sign {
            Sign::Word(word) if !KEYWORDS.contains(word) || self.role(at) == Role::Step => {
                Some((at, *offset, *word, self.role(at)))
            }
            Sign::Word(_) | Sign::Quoted(_) | Sign::Number | Sign::Mark(_) => None,
        })
    }

    fn roots(&self) -> Vec<Root<'a>> {
        let roots = self.words().filter(|(_, _, _, role)| *role == Role::Root);
        roots.map(|(at, _, name, _)| Root { name, next: self.step(at).map(|(step, _)| step) }).collect()
    }

    /// The step after the sign at `at`: `.NAME` or `['NAME']`; with where it ends.
    fn step(&self, at: usize) -> Option<(&'a str, usize)> {
        match (self.sign(Some(at + 1)), self.sign(Some(at + 2)), self.sign(Some(at + 3))) {
            (Some(Sign::Mark(".")), Some(Sign::Word(step)), _) => Some((step, at + 2)),
            (Some(Sign::Mark("[")), Some(Sign::Quoted(step)), Some(Sign::Mark("]"))) => Some((step, at + 3)),
            (_, _, _) => None,
        }
    }

    fn paths(&self) -> Vec<Vec<&'a str>> {
        let mut paths = Vec::new();
        for (at, _, name, role) in self.words() {
            if role != Role::Root {
                continue;
            }
            let (mut path, mut end) = (vec![name], at);
            while let Some((step, next)) = self.step(end) {
                path.push(step);
                end = next;
            }
            paths.push(path);
        }
        paths
    }

    fn judge(&self, names: &Names<'_>) -> Vec<Finding> {
        let mut findings = Vec::new();
        for (at, offset, word, role) in self.words() {
            findings.extend(match role {
                Role::Filter => self.filter(at, offset, word, names),
                Role::Test => unknown(offset, "test", word, filters::TESTS),
                Role::Function => unknown(offset, "function", word, filters::FUNCTIONS),
                Role::Method => Some(Finding::error(
                    offset,
                    format!("`.{word}(…)` is a call"),
                    "expressions have filters and no methods",
                    format!("write `| {word}`, if there is such a filter: {}", filters::FILTERS.join(", ")),
                )),
                Role::Root => name(offset, word, names),
                Role::Step => None,
            });
        }
        findings.extend(self.marks());
        findings
    }

    fn filter(&self, at: usize, offset: usize, word: &str, names: &Names<'_>) -> Option<Finding> {
        match word {
            "map" => {}
            "regex_group" => return self.pattern(at, offset),
            _ => return unknown(offset, "filter", word, filters::FILTERS),
        }
        match self.sign(Some(at + 2)) {
            Some(Sign::Quoted(table)) if names.maps.contains(&table) => None,
            Some(Sign::Quoted(table)) => Some(Finding::error(
                offset,
                format!("there is no `[map.{table}]`"),
                "`| map('NAME')` looks its value up in a table of the manifest",
                did_you_mean(table, names.maps.iter().copied()),
            )),
            Some(_) | None => Some(Finding::error(
                offset,
                "`map` without the name of its table",
                "which table is meant must be known at load",
                "write `| map('NAME')`",
            )),
        }
    }

    /// The pattern of `regex_group` is written out, sound, and has the group that is asked for.
    fn pattern(&self, at: usize, offset: usize) -> Option<Finding> {
        let Some(Sign::Quoted(written)) = self.sign(Some(at + 2)) else {
            return Some(Finding::error(
                offset,
                "`regex_group` without a pattern",
                "a pattern that a reply could choose could cost any time",
                "write it out: `| regex_group('^([^@]+)@')`",
            ));
        };
        // Escapes are MiniJinja's.
        let quote = if written.contains('"') { '\'' } else { '"' };
        let source = environment().compile_expression_owned(format!("{quote}{written}{quote}"));
        let source = source.and_then(|text| text.eval(())).ok().and_then(|text| text.as_str().map(str::to_owned));
        let why = match source.as_deref().map(filters::remember) {
            Some(Ok(0)) => "it has no group: what is wanted stands in parentheses".to_owned(),
            Some(Ok(_)) => return None,
            Some(Err(why)) => why.lines().last().unwrap_or_default().trim().to_owned(),
            None => "its escapes cannot be read".to_owned(),
        };
        Some(Finding::error(
            offset,
            format!("`{written}` is no pattern"),
            why,
            "patterns are those of the Rust crate `regex`: no look-around, no back-references",
        ))
    }

    fn marks(&self) -> impl Iterator<Item = Finding> + '_ {
        self.0.iter().enumerate().filter_map(|(at, (offset, sign))| {
            let Sign::Mark(mark) = *sign else { return None };
            let null = |sign| matches!(sign, Some(Sign::Word("none" | "None")));
            match mark {
                "~" => Some(Finding::error(
                    *offset,
                    "`~` joins whatever there is",
                    "a value that is missing would vanish from an id or a name unnoticed",
                    "write `+`, with `| str` for numbers",
                )),
                "*" | "**" => Some(Finding::error(
                    *offset,
                    format!("`{mark}` multiplies texts as well"),
                    "a hostile reply could make it fill the memory",
                    "use the filters, `date('epoch_ms')` for instance",
                )),
                "==" | "!=" if null(self.sign(Some(at + 1))) || null(self.sign(at.checked_sub(1))) => {
                    Some(Finding::error(
                        *offset,
                        format!("`{mark} none`"),
                        "a key that is missing is not equal to one that is null",
                        if mark == "==" {
                            "write `is none`, which means both"
                        } else {
                            "write `is not none`, which excludes both"
                        },
                    ))
                }
                _ => None,
            }
        })
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Role {
    Filter,
    Test,
    Function,
    Method,
    Step,
    Root,
}

impl Finding {
    fn error(offset: usize, what: impl Into<String>, cause: impl Into<String>, fix: impl Into<String>) -> Self {
        Self { offset, warning: false, what: what.into(), cause: cause.into(), fix: fix.into() }
    }
}

fn unknown(offset: usize, what: &str, word: &str, known: &[&str]) -> Option<Finding> {
    (!known.contains(&word)).then(|| {
        Finding::error(
            offset,
            format!("there is no {what} `{word}`"),
            format!("the {what}s of expressions are a fixed list"),
            did_you_mean(word, known.iter().copied()),
        )
    })
}

fn name(offset: usize, word: &str, names: &Names<'_>) -> Option<Finding> {
    if names.known.contains(&word) {
        return None;
    }
    if let Some((_, why)) = names.elsewhere.iter().find(|(name, _)| *name == word) {
        return Some(Finding::error(
            offset,
            format!("`{word}` cannot be named here"),
            *why,
            format!("names here are {}", names.known.join(", ")),
        ));
    }
    match (names.bare, word) {
        (_, "null") => Some(Finding::error(offset, "`null` is no name", "null is called `none`", "write `is none`")),
        (_, "loop" | "self") => Some(Finding::error(
            offset,
            format!("`{word}` has a meaning of its own in MiniJinja"),
            "as a bare name it is never a field",
            format!("write `{}.{word}`", names.bare.unwrap_or("item")),
        )),
        (Some(bare), _) => similar(word, names.known.iter().copied().filter(|known| known.len() > 3)).map(|near| {
            Finding::error(
                offset,
                format!("`{word}` is spelled like `{near}`"),
                format!("it would be read as a field of `{bare}`"),
                format!("write `{near}`, or `{bare}.{word}` when the field is meant"),
            )
        }),
        (None, _) => Some(Finding::error(
            offset,
            format!("there is no name `{word}` here"),
            "what it is to stand for is not known when the expression is used",
            did_you_mean(word, names.known.iter().copied()),
        )),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::value::{from_json, to_json};
    use super::*;

    #[test]
    fn what_is_taken_a_short_way_comes_out_as_by_the_long_one() {
        let tables = json!({"state": {"on": "active", "7": "seven"}, "all": {"_": "other", "_null": "none"}});
        let values = [
            json!({}),
            json!({"a": null}),
            json!({"a": ""}),
            json!({"a": "On"}),
            json!({"a": "on"}),
            json!({"a": 7}),
            json!({"a": true}),
            json!({"a": ["on"]}),
            json!({"a": {"b": "on"}}),
            json!({"a": "2026-11-20T10:00:00Z"}),
            json!({"a": 1_795_168_830}),
            json!({"a": "11/20/2026"}),
        ];
        let filters = [
            "str",
            "lower",
            "date",
            "date('epoch_s')",
            "date('%m/%d/%Y')",
            "else_never",
            "else_none",
            "map('state')",
            "map('all')",
        ];
        let mut sources: Vec<String> = vec!["a".into(), "a.b".into(), "item.a".into(), "'text'".into()];
        for first in filters {
            sources.push(format!("a | {first}"));
            sources.extend(filters.iter().map(|second| format!("a.b | {first} | {second}")));
            sources.extend(filters.iter().map(|second| format!("a|{first}|{second}")));
        }
        for source in sources {
            let mut expr = Expr::unchecked(source.clone(), 0..0);
            let names = Names { known: vec!["item"], bare: Some("item"), maps: vec!["state", "all"], elsewhere: &[] };
            let mut review = Review::new("", None);
            expr.compile(&names, &mut review);
            assert_eq!(review.finish(), Vec::new(), "{source}");
            assert!(!matches!(expr.program, Program::Compiled(_) | Program::Unchecked), "{source}");
            let long = environment().compile_expression_owned(source.clone()).unwrap();
            for value in &values {
                let scope = Scope::new().with(TABLES, from_json(&tables)).with_item(from_json(value));
                let told = |value: &Value| (format!("{value:?}"), value.is_undefined(), to_json(value));
                let by_long = long.eval(scope.context()).map(|value| told(&value)).map_err(|error| said(&error));
                let by_short = expr.eval(&scope).map(|value| told(&value)).map_err(|error| error.message);
                assert_eq!(by_short, by_long, "{source} of {value}");
            }
        }
    }
}
