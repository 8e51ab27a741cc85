//! Which column of a file feeds which field of a record.
//!
//! Names match exactly once both sides are trimmed of spaces (Unicode ones too), invisible characters and case. A column
//! that the config names and the file lacks fails the file: read on, and every value of that field would look empty.

use std::collections::{BTreeMap, HashMap};

use serde::Deserialize;

use super::fault::Fault;
use super::words::{self, Vocabulary};

/// Field of a record, by name, to the columns that hold it.
pub(super) type Mapping = BTreeMap<String, Vec<Heading>>;
/// Word of a source, in lower case, to our own spelling; empty for "no value".
pub(super) type ValueMap = HashMap<String, String>;

/// A column that is looked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Heading {
    /// Its heading, and then those that it has had or has elsewhere.
    pub(super) names: Vec<String>,
    /// Whether the file may do without it.
    pub(super) optional: bool,
    /// Whether a shipped description of an export names it, and not the config.
    pub(super) shipped: bool,
}

impl Heading {
    /// A heading that the config names.
    pub(super) fn named(name: &str) -> Self {
        Self { names: vec![name.to_owned()], optional: false, shipped: false }
    }
}

/// Rows that stand for what is no more.
#[derive(Debug, Clone)]
pub(super) struct Skip {
    /// The column that tells.
    pub(super) heading: Heading,
    /// What it says of them.
    pub(super) when: When,
    /// Why they are left out.
    pub(super) why: String,
}

/// What a cell says.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum When {
    /// Something.
    Filled,
    /// One of these words, in any case.
    Is(Vec<String>),
}

impl When {
    /// Whether it says so.
    pub(super) fn holds(&self, cell: &str) -> bool {
        let cell = cell.trim();
        // Databases write NULL so when they are not told otherwise; taken for a value, it would leave out every row.
        let is_empty = cell.is_empty() || cell == "\\N" || cell.eq_ignore_ascii_case("null");
        match self {
            Self::Filled => !is_empty,
            Self::Is(words) => words.iter().any(|word| word.eq_ignore_ascii_case(cell)),
        }
    }
}

/// What a field holds.
#[derive(Debug, Clone, Copy)]
pub(super) enum Shape {
    /// One text.
    Text,
    /// Several texts: several columns, several values in one, or a JSON array.
    List,
    /// A day.
    Day,
    /// An instant at which something begins or happened.
    Instant,
    /// An instant until which something lasts; a bare day lasts to its end.
    Until,
    /// Several texts that make records of another kind. Taken only when the config maps it, because what a system yields must
    /// be known before its files are opened.
    Held,
    /// One of an enum's words.
    Word(&'static Vocabulary),
}

impl Shape {
    /// The words that stand for something in this field.
    pub(super) fn vocabulary(self) -> Option<&'static Vocabulary> {
        match self {
            Self::Word(vocabulary) => Some(vocabulary),
            Self::Day | Self::Instant | Self::Until => Some(&words::NO_INSTANT),
            Self::Text | Self::List | Self::Held => None,
        }
    }
}

/// A field of a table that a column can be mapped to.
#[derive(Debug)]
pub(super) struct Field {
    /// Name in `columns`.
    pub(super) name: &'static str,
    /// What it holds.
    pub(super) shape: Shape,
    /// Headings that are taken for it when the config maps nothing, folded; the field's own name always is.
    pub(super) headings: &'static [&'static str],
}

/// A field with the columns of this file that hold it.
#[derive(Debug)]
pub(super) struct Column {
    /// The field.
    pub(super) field: &'static Field,
    /// Indices of its columns; empty when it has none.
    pub(super) at: Vec<usize>,
    /// The config's words.
    values: ValueMap,
    /// Our words and their synonyms, folded.
    builtin: HashMap<String, &'static str>,
}

impl Column {
    /// Our spelling of a word, `Some("")` for "no value", `None` for one that nobody knows. `folded` is room to work in.
    pub(super) fn meaning(&self, word: &str, folded: &mut String) -> Option<&str> {
        if !self.values.is_empty() {
            folded.clear();
            folded.extend(word.chars().flat_map(char::to_lowercase));
            if let Some(meaning) = self.values.get(folded.as_str()) {
                return Some(meaning);
            }
        }
        words::fold(word, folded);
        self.builtin.get(folded.as_str()).copied()
    }

    /// What a role or group is called here; `None` for a word that is none.
    pub(super) fn holdable(&self, word: String) -> Option<String> {
        if self.values.is_empty() {
            return Some(word);
        }
        match self.values.get(&word.to_lowercase()) {
            Some(meaning) if meaning.is_empty() => None,
            Some(meaning) => Some(meaning.clone()),
            None => Some(word),
        }
    }

    /// Whether the file has the field.
    pub(super) fn is_mapped(&self) -> bool {
        !self.at.is_empty()
    }
}

/// How the fields of a table are found in a header.
#[derive(Debug)]
pub(super) struct Plan {
    /// The table's fields.
    pub(super) fields: &'static [Field],
    /// The config's `columns`; `None` takes the usual headings.
    pub(super) mapping: Option<Mapping>,
    /// Of each group at least one field must be there.
    pub(super) required: &'static [&'static [&'static str]],
    /// The config's words, by field.
    pub(super) values: HashMap<String, ValueMap>,
    /// Headings whose values the config asks to keep as attributes.
    pub(super) attributes: Vec<String>,
    /// Rows that are left out.
    pub(super) skip: Vec<Skip>,
    /// The shipped description of an export that it follows.
    pub(super) export: Option<String>,
}

impl Plan {
    /// The columns of `header`, one for each field in the table's order.
    ///
    /// # Errors
    /// A [`Fault`] that names the missing or doubled column, the header that was found and the nearest names.
    pub(super) fn resolve(&self, header: &[String]) -> Result<Vec<Column>, Fault> {
        let places = self.places(header, "columns");
        let columns = self
            .fields
            .iter()
            .map(|field| {
                let at = match &self.mapping {
                    Some(mapping) => match mapping.get(field.name) {
                        Some(headings) => headings
                            .iter()
                            .filter_map(|heading| places.find(heading, field.name).transpose())
                            .collect::<Result<Vec<_>, _>>()?,
                        None => Vec::new(),
                    },
                    None if matches!(field.shape, Shape::Held) => Vec::new(),
                    None => places.usual(field)?,
                };
                Ok(self.column(field, at))
            })
            .collect::<Result<Vec<Column>, Fault>>()?;
        for group in self.required {
            if !columns.iter().any(|column| group.contains(&column.field.name) && column.is_mapped()) {
                return Err(places.nothing_for(group));
            }
        }
        Ok(columns)
    }

    /// The columns that are kept as attributes because the config names them, with the header's own spelling.
    ///
    /// # Errors
    /// As [`Plan::resolve`]: read on without the column, and everybody's attribute would look empty.
    pub(super) fn named_attributes(&self, header: &[String]) -> Result<Vec<(usize, String)>, Fault> {
        let places = self.places(header, "attributes");
        let found = self
            .attributes
            .iter()
            .map(|name| places.find(&Heading::named(name), name))
            .collect::<Result<Vec<_>, _>>()?;
        Ok(found.into_iter().flatten().map(|index| (index, header[index].clone())).collect())
    }

    /// The columns that tell which rows are left out, each with its rule.
    ///
    /// # Errors
    /// As [`Plan::resolve`]: read on without the column, and what is no more would look as if it were.
    pub(super) fn skips(&self, header: &[String]) -> Result<Vec<(usize, &Skip)>, Fault> {
        let mut skips = Vec::new();
        for skip in &self.skip {
            skips.extend(self.place(header, &skip.heading)?.map(|index| (index, skip)));
        }
        Ok(skips)
    }

    /// Where a column stands that is no field's.
    ///
    /// # Errors
    /// As [`Plan::resolve`].
    pub(super) fn place(&self, header: &[String], heading: &Heading) -> Result<Option<usize>, Fault> {
        self.places(header, "columns").find(heading, "")
    }

    /// Fields whose columns the file does without, as it may, with the heading that was looked for first.
    pub(super) fn without(&self, columns: &[Column]) -> Vec<(&'static str, String)> {
        let unmapped = columns.iter().filter(|column| !column.is_mapped());
        let wanted = unmapped.filter_map(|column| {
            let heading = self.mapping.as_ref()?.get(column.field.name)?.first()?;
            Some((column.field.name, heading.names.first()?.clone()))
        });
        wanted.collect()
    }

    fn places<'a>(&'a self, header: &'a [String], setting: &'static str) -> Places<'a> {
        let mut by_key: HashMap<String, Vec<usize>> = HashMap::new();
        for (index, name) in header.iter().enumerate() {
            by_key.entry(key(name)).or_default().push(index);
        }
        Places { header, setting, by_key, export: self.export.as_deref() }
    }

    fn column(&self, field: &'static Field, at: Vec<usize>) -> Column {
        let mut builtin = HashMap::new();
        if let Some(vocabulary) = field.shape.vocabulary().filter(|_| !at.is_empty()) {
            builtin.extend(vocabulary.synonyms.iter().map(|(word, meaning)| ((*word).to_owned(), *meaning)));
            builtin.extend((vocabulary.known)().into_iter().map(|word| (words::folded(word), word)));
        }
        Column { field, at, values: self.values.get(field.name).cloned().unwrap_or_default(), builtin }
    }
}

/// Where each heading stands.
struct Places<'a> {
    header: &'a [String],
    /// The setting that names headings.
    setting: &'static str,
    by_key: HashMap<String, Vec<usize>>,
    export: Option<&'a str>,
}

impl Places<'_> {
    /// The column of `field`; `None` where the file does without it, as it may.
    fn find(&self, heading: &Heading, field: &str) -> Result<Option<usize>, Fault> {
        let mut found = heading.names.iter().filter_map(|name| Some((name, self.by_key.get(&key(name))?.as_slice())));
        match (found.next(), found.next()) {
            (Some((name, _)), Some((other, _))) => Err(Fault::header(format!("the header has `{name}` and `{other}`"))
                .cause("they are two names of one column, and nobody knows which of them is meant")
                .fix(format!("say which: `columns = {{ {field} = \"{name}\" }}`"))),
            (Some((_, [index])), None) => Ok(Some(*index)),
            (Some((name, several)), None) => Err(twice(name, several)),
            (None, _) if heading.optional => Ok(None),
            (None, _) => Err(self.missing(heading, field)),
        }
    }

    fn usual(&self, field: &'static Field) -> Result<Vec<usize>, Fault> {
        for heading in std::iter::once(words::folded(field.name).as_str()).chain(field.headings.iter().copied()) {
            let found: Vec<usize> =
                (0..self.header.len()).filter(|index| words::folded(&self.header[*index]) == heading).collect();
            match found.as_slice() {
                [] => {}
                [_] => return Ok(found),
                several => return Err(twice(&self.header[several[0]], several)),
            }
        }
        Ok(Vec::new())
    }

    fn missing(&self, heading: &Heading, field: &str) -> Fault {
        let name = heading.names.first().map_or("", String::as_str);
        let fault = Fault::header(format!("the header has no column `{name}`")).cause(self.found());
        if let Some(export) = self.export.filter(|_| heading.shipped) {
            let fault = Fault::header(format!("the header has no column `{name}`, which the export `{export}` has"));
            let renamed = match field {
                "" => String::new(),
                field => format!("; if the vendor has renamed the column, say `columns = {{ {field} = \"…\" }}`"),
            };
            return fault.cause(self.found()).fix(format!(
                "name the file that `muster connectors show {export}` describes, whole and with its first line{renamed}"
            ));
        }
        let wanted = key(name);
        let near = self
            .header
            .iter()
            .map(|found| (strsim::jaro_winkler(&wanted, &key(found)), found))
            .filter(|(likeness, _)| *likeness > 0.75)
            .max_by(|a, b| a.0.total_cmp(&b.0));
        match near {
            Some((_, near)) => fault.fix(format!("did you mean `{near}`? Correct `{}`, or the export", self.setting)),
            None => fault.fix(format!("correct `{}`, or the export", self.setting)),
        }
    }

    fn nothing_for(&self, fields: &[&str]) -> Fault {
        let fields = fields.iter().map(|field| format!("`{field}`")).collect::<Vec<_>>().join(" or ");
        Fault::header(format!("the header has no column for {fields}"))
            .cause(self.found())
            .fix("say which column it is with `columns = { field = \"Heading\" }`")
    }

    fn found(&self) -> String {
        format!("the header is: {}", self.header.join(", "))
    }
}

fn twice(name: &str, at: &[usize]) -> Fault {
    let at = at.iter().map(|index| (index + 1).to_string()).collect::<Vec<_>>().join(" and ");
    Fault::header(format!("the header has the column `{name}` more than once, as columns {at}"))
        .fix("rename one of them in the export")
}

/// A heading without what cannot be seen: byte-order mark, zero-width characters, spaces of any kind at its ends.
pub(super) fn clean(heading: &str) -> String {
    let visible: String = heading
        .chars()
        .filter(|c| !matches!(c, '\u{feff}' | '\u{200b}'..='\u{200f}' | '\u{2060}' | '\u{ad}'))
        .map(|c| if c.is_whitespace() || c == '\u{0}' { ' ' } else { c })
        .collect();
    visible.split(' ').filter(|word| !word.is_empty()).collect::<Vec<_>>().join(" ")
}

/// What two headings are compared by.
pub(super) fn key(heading: &str) -> String {
    clean(heading).to_lowercase()
}

/// Parts of headings whose values are never kept as attributes: secrets, pay, and what HR must not share.
const PRIVATE: &[&str] = &[
    "password",
    "passwd",
    "passphrase",
    "pwd",
    "secret",
    "token",
    "apikey",
    "privatekey",
    "salary",
    "wage",
    "compensation",
    "payroll",
    "paygrade",
    "bonus",
    "ssn",
    "socialsecurity",
    "nationalid",
    "taxid",
    "taxnumber",
    "iban",
    "bic",
    "bank",
    "creditcard",
    "birth",
    "dob",
    "passport",
    "gender",
    "religion",
    "ethnic",
    "nationality",
    "marital",
    "disability",
    "health",
    "leavereason",
    "terminationreason",
    "otp",
    "seed",
    "recoverycode",
    "hash",
];

/// Whether a column's values may be kept as evidence although no field is mapped to it.
pub(in crate::native) fn may_be_kept(heading: &str) -> bool {
    let folded = words::folded(heading);
    !folded.is_empty() && !PRIVATE.iter().any(|part| folded.contains(part))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn headings_are_compared_without_what_cannot_be_seen() {
        assert_eq!(key("\u{feff}  Worker\u{a0}ID\u{200b} "), key("worker id"));
        assert_ne!(key("Worker ID"), key("WorkerID"));
    }

    #[test]
    fn secrets_pay_and_private_matters_are_no_attributes() {
        for heading in ["Password Hash", "API-Token", "Annual Salary", "Date of Birth", "IBAN", "S.S.N.", ""] {
            assert!(!may_be_kept(heading), "{heading}");
        }
        assert!(may_be_kept("Office") && may_be_kept("Description"));
    }
}
