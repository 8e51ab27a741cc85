//! Just enough of a look at a statement to refuse what is not a question, to see which tables it names, and to know
//! whether the order of its rows is defined. polars parses and runs it.

use polars::prelude::IdxSize;

use super::QueryError;

/// One statement, without its closing semicolon.
#[derive(Debug)]
pub(super) struct Statement<'a> {
    /// The statement.
    pub(super) text: &'a str,
    words: Vec<Word<'a>>,
}

/// A statement without its row limit, which counts only after sorting.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Cut<'a> {
    pub(super) text: &'a str,
    pub(super) limit: Option<IdxSize>,
    pub(super) offset: i64,
}

#[derive(Debug, Clone, Copy)]
struct Word<'a> {
    text: &'a str,
    start: usize,
    /// Parentheses around it.
    depth: usize,
    quoted: bool,
}

/// What makes the order of rows depend on how the work was shared out.
const SHUFFLING: [&str; 7] = ["GROUP", "DISTINCT", "JOIN", "UNION", "INTERSECT", "EXCEPT", "UNNEST"];
/// What may follow the tables of a FROM.
const AFTER_TABLES: [&str; 8] = ["WHERE", "GROUP", "HAVING", "WINDOW", "ORDER", "LIMIT", "OFFSET", "FETCH"];

impl<'a> Statement<'a> {
    /// # Errors
    /// [`QueryError::NotOne`] for none or several, [`QueryError::ReadOnly`] for anything that is no question.
    pub(super) fn parse(text: &'a str) -> Result<Self, QueryError> {
        let (words, end) = scan(text);
        let rest = scan(text.get(end + 1..).unwrap_or_default()).0;
        if !rest.is_empty() {
            return Err(QueryError::NotOne { found: "several" });
        }
        let statement = Self { text: text[..end].trim(), words };
        let first = statement.words.first().ok_or(QueryError::NotOne { found: "none" })?;
        let asked = if first.is("EXPLAIN") { statement.words.get(1).unwrap_or(first) } else { first };
        if ["SELECT", "WITH", "SHOW"].iter().any(|word| asked.is(word)) {
            Ok(statement)
        } else {
            Err(QueryError::ReadOnly { statement: asked.text.to_uppercase() })
        }
    }

    /// Whether the statement may read the table called `name`.
    pub(super) fn names(&self, name: &str) -> bool {
        self.words.iter().any(|word| word.text.eq_ignore_ascii_case(name))
    }

    /// When the order of rows is not defined by the statement: the statement up to its limit, and the limit.
    pub(super) fn unordered(&self) -> Option<Cut<'a>> {
        let outer = |name: &'static str| self.words.iter().position(move |word| word.depth == 0 && word.is(name));
        let shuffles =
            self.has_comma_join() || self.words.iter().any(|word| SHUFFLING.iter().any(|name| word.is(name)));
        let is_query = self.words.first().is_some_and(|word| word.is("SELECT") || word.is("WITH"));
        if !is_query || !shuffles || outer("ORDER").is_some() {
            return None;
        }
        let number = |at: Option<usize>| self.words.get(at? + 1)?.text.parse::<IdxSize>().ok();
        let (limit, offset) = (outer("LIMIT"), outer("OFFSET"));
        let cut = [limit, offset, outer("FETCH")].into_iter().flatten().min();
        let is_plain = (limit.is_none() || number(limit).is_some()) && (offset.is_none() || number(offset).is_some());
        if outer("FETCH").is_some() || !is_plain {
            return None;
        }
        let base = self.words.first()?.start;
        let text = cut.map_or(self.text, |word| self.text[..self.words[word].start - base].trim());
        let rows = limit.map(|_| number(limit).unwrap_or_default());
        let limit = rows.or_else(|| offset.map(|_| IdxSize::MAX));
        Some(Cut { text, limit, offset: number(offset).unwrap_or_default().into() })
    }

    /// Whether a FROM lists several tables: `FROM accounts a, grants g`.
    fn has_comma_join(&self) -> bool {
        let froms = self.words.iter().enumerate().filter(|(_, word)| word.is("FROM"));
        froms.into_iter().any(|(at, from)| {
            let ends = |word: &&Word<'_>| {
                word.depth < from.depth || (word.depth == from.depth && AFTER_TABLES.iter().any(|name| word.is(name)))
            };
            let mut tables = self.words[at + 1..].iter().take_while(|word| !ends(word));
            tables.any(|word| word.depth == from.depth && word.is(","))
        })
    }
}

impl Word<'_> {
    fn is(&self, name: &str) -> bool {
        !self.quoted && self.text.eq_ignore_ascii_case(name)
    }
}

/// The words of the first statement, and where it ends. Text in quotes and comments holds no words, but a quoted name is one.
fn scan(text: &str) -> (Vec<Word<'_>>, usize) {
    let bytes = text.as_bytes();
    let (mut words, mut depth, mut at) = (Vec::new(), 0usize, 0);
    while at < bytes.len() {
        let start = at;
        match bytes[at] {
            b';' => return (words, at),
            b'(' => depth += 1,
            b')' => depth = depth.saturating_sub(1),
            b',' => words.push(Word { text: &text[at..=at], start, depth, quoted: false }),
            b'-' if bytes.get(at + 1) == Some(&b'-') => {
                at = text[at..].find('\n').map_or(bytes.len(), |line| at + line);
            }
            b'/' if bytes.get(at + 1) == Some(&b'*') => {
                at = text[at..].find("*/").map_or(bytes.len(), |end| at + end + 1);
            }
            quote @ (b'\'' | b'"' | b'`') => {
                at = text[at + 1..].find(char::from(quote)).map_or(bytes.len(), |end| at + 1 + end);
                if quote != b'\'' {
                    words.push(Word { text: &text[start + 1..at.min(bytes.len())], start, depth, quoted: true });
                }
            }
            byte if is_word(byte) => {
                while at + 1 < bytes.len() && is_word(bytes[at + 1]) {
                    at += 1;
                }
                words.push(Word { text: &text[start..=at], start, depth, quoted: false });
            }
            _ => {}
        }
        at += 1;
    }
    (words, bytes.len())
}

fn is_word(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_' || !byte.is_ascii()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_questions_pass_and_the_others_are_named() {
        for sql in [
            "SELECT 1",
            "with x AS (SELECT 1) SELECT * FROM x;",
            "SHOW TABLES",
            "EXPLAIN SELECT 1",
            "-- hi\nselect 1 -- x",
        ] {
            assert!(Statement::parse(sql).is_ok(), "{sql}");
        }
        for (sql, named) in [
            ("drop TABLE accounts", "DROP"),
            ("EXPLAIN DELETE FROM accounts", "DELETE"),
            ("/* x */ truncate t", "TRUNCATE"),
        ] {
            let error = Statement::parse(sql).unwrap_err();
            assert!(error.to_string().contains(named), "{sql}: {error}");
        }
        assert!(matches!(Statement::parse("SELECT 1; DROP TABLE x"), Err(QueryError::NotOne { .. })));
        assert!(matches!(Statement::parse(" -- nothing\n;"), Err(QueryError::NotOne { .. })));
        assert!(Statement::parse("SELECT ';' AS \"a;b\"").is_ok());
    }

    #[test]
    fn a_limit_counts_after_sorting() {
        let cut = |sql: &'static str| Statement::parse(sql).unwrap().unordered();
        assert_eq!(cut("SELECT * FROM a LIMIT 3"), None);
        assert_eq!(cut("SELECT a, COUNT(*) FROM t GROUP BY a ORDER BY a LIMIT 3"), None);
        let found =
            cut("SELECT a, COUNT(*) FROM (SELECT * FROM t ORDER BY b LIMIT 9) GROUP BY a LIMIT 3 OFFSET 2").unwrap();
        assert_eq!(found.text, "SELECT a, COUNT(*) FROM (SELECT * FROM t ORDER BY b LIMIT 9) GROUP BY a");
        assert_eq!((found.limit, found.offset), (Some(3), 2));
        assert!(cut("SELECT a.x, b.y FROM t AS a, t AS b WHERE a.x = b.x").is_some());
        assert_eq!(cut("SELECT a, b FROM t WHERE a IN (1, 2)"), None);
    }
}
