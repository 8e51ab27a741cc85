//! Writing decisions into the reviewed text: comments, keys and formatting of people stay, blocks stand in a stable order, and
//! the file is replaced whole or not at all.

pub mod findings;

use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};

use jiff::civil::Date;
use toml_edit::{ArrayOfTables, DocumentMut, InlineTable, Item, Table, Value, value};

use super::{Policy, Ruling, WrittenDecision};
use crate::diagnostic::{Diagnostic, visible};

/// What stands at the head of a new `links.toml`.
const HEAD: &str = "\
# What people decided about whose account is whose. `muster links` writes here; comments and changes by hand stay.
# A block may be changed or taken back in review like any other text. `withdrawn` blocks no longer count.

";

/// A decision to be written down.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewDecision {
    /// What is decided.
    pub ruling: Ruling,
    /// System name.
    pub system: String,
    /// The account's id.
    pub account: String,
    /// The name people know the account by, for a comment.
    pub account_name: String,
    /// The person's key; `None` for [`Ruling::Never`].
    pub person: Option<String>,
    /// The person's name, for a comment.
    pub person_name: String,
    /// Why.
    pub reason: String,
    /// The last day on which it counts.
    pub expires: Option<Date>,
}

/// Who decides, and when.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Signature {
    /// Who.
    pub author: String,
    /// The day of it.
    pub on: Date,
}

/// A decision that is taken back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Withdrawal {
    /// Where it stands.
    pub block: Block,
    /// Why it no longer counts.
    pub reason: String,
}

/// A block of a file of the policy folder.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Block {
    /// In `pins.toml`: place in [`Policy::pins`].
    Pin(usize),
    /// In `links.toml`: place in [`Policy::links`].
    Link(usize),
}

impl Policy {
    /// Every decision that was not taken back, with where it stands; in the order of [`Policy::decisions`].
    pub fn blocks(&self) -> impl Iterator<Item = (Block, &WrittenDecision)> {
        let pins = self.pins.iter().enumerate().map(|(place, pin)| (Block::Pin(place), pin));
        let links = self.links.iter().enumerate().map(|(place, link)| (Block::Link(place), link));
        pins.chain(links).filter(|(_, decision)| !decision.withdrawn)
    }

    /// Writes decisions and withdrawals into `folder`, which is created when there is none. Returns the files written.
    ///
    /// # Errors
    /// A [`Diagnostic`] when a file cannot be read, changed since the config was loaded, or cannot be written. Each file is
    /// then as it was.
    pub fn write_decisions(
        &self,
        folder: &Path,
        new: &[NewDecision],
        withdrawn: &[Withdrawal],
        signed: &Signature,
    ) -> Result<Vec<PathBuf>, Box<Diagnostic>> {
        let of = |in_links: bool| -> Vec<(usize, &str)> {
            let places = withdrawn.iter().filter_map(|one| match (one.block, in_links) {
                (Block::Link(place), true) | (Block::Pin(place), false) => Some((place, one.reason.as_str())),
                (Block::Link(_), false) | (Block::Pin(_), true) => None,
            });
            places.collect()
        };
        let mut written = Vec::new();
        let changes = [("links.toml", "decision", new, of(true)), ("pins.toml", "pin", &[][..], of(false))];
        for (name, array, new, withdrawn) in changes {
            if new.is_empty() && withdrawn.is_empty() {
                continue;
            }
            let path = folder.join(name);
            let before = self.text_of(name, &path)?;
            let after = edited(&before, &path, array, new, &withdrawn, signed)?;
            replace(&path, &after)?;
            written.push(path);
        }
        Ok(written)
    }

    /// The text of a file as the config read it; refused when it is another one by now.
    fn text_of(&self, name: &str, path: &Path) -> Result<String, Box<Diagnostic>> {
        let known = self.files.iter().find(|file| Path::new(&file.path).file_name().is_some_and(|is| is == name));
        match (fs::read_to_string(path), known) {
            (Ok(text), Some(known)) if text == known.text => Ok(text),
            (Err(error), None) if error.kind() == std::io::ErrorKind::NotFound => Ok(String::new()),
            (Err(error), _) if error.kind() != std::io::ErrorKind::NotFound => Err(unusable(path, "read", &error)),
            _ => Err(Diagnostic::error("CFG018", format!("`{}` was changed meanwhile", path.display()))
                .cause("it is not what was read at the start; nothing was written")
                .fix("look at the change, then run the command again")
                .into()),
        }
    }
}

/// The text of a file with the decisions in it.
fn edited(
    before: &str,
    path: &Path,
    array: &str,
    new: &[NewDecision],
    withdrawn: &[(usize, &str)],
    signed: &Signature,
) -> Result<String, Box<Diagnostic>> {
    let change = |tables: &mut [Table]| {
        for (place, reason) in withdrawn {
            if let Some(table) = tables.get_mut(*place) {
                withdraw(table, reason, signed);
            }
        }
    };
    let key: Option<fn(&Table) -> Key> = if array == "decision" { Some(key) } else { None };
    let new = new.iter().map(|decision| block(decision, signed)).collect();
    Edit { array, head: HEAD, new, change: &change, key }.applied(before, path)
}

/// What is done to the blocks of one file.
struct Edit<'a> {
    /// The name of the blocks.
    array: &'a str,
    /// What stands at the head of a new file.
    head: &'a str,
    /// Blocks that come.
    new: Vec<Table>,
    /// What happens to those that are there, in file order.
    change: &'a dyn Fn(&mut [Table]),
    /// The order of all of them; `None` leaves it, and new ones come last.
    key: Option<fn(&Table) -> Key>,
}

/// By what blocks stand.
type Key = [String; 5];

impl Edit<'_> {
    /// The text after it.
    fn applied(self, before: &str, path: &Path) -> Result<String, Box<Diagnostic>> {
        let Self { array, head, new, change, key } = self;
        let text = if before.is_empty() { head } else { before };
        let mut document: DocumentMut = text.parse().map_err(|error: toml_edit::TomlError| {
            Diagnostic::error("CFG010", format!("`{}` is not TOML", path.display()))
                .cause(error.message().to_owned())
                .fix("correct the text; nothing was written")
        })?;
        let trailing = document.trailing().as_str().unwrap_or_default().to_owned();
        let is_new = document.get(array).is_none();
        let blocks = document.entry(array).or_insert_with(|| Item::ArrayOfTables(ArrayOfTables::new()));
        let Some(blocks) = blocks.as_array_of_tables_mut() else {
            return Err(Diagnostic::error("CFG010", format!("`{array}` of `{}` is no list of blocks", path.display()))
                .cause("it is written as a value in one line")
                .fix(format!("write each one as a block that begins with `[[{array}]]`; nothing was written"))
                .into());
        };
        let mut tables: Vec<Table> = blocks.iter().cloned().collect();
        change(&mut tables);
        let mut head = tables.first_mut().map(take_head).unwrap_or_default();
        if is_new {
            // Without any block all comments are what trails the document.
            head = if trailing.is_empty() || trailing.ends_with("\n\n") { trailing } else { format!("{trailing}\n") };
            document.set_trailing("");
        }
        tables.extend(new);
        if let Some(key) = key {
            tables.sort_by_cached_key(key);
        }
        for (place, table) in tables.iter_mut().enumerate() {
            let own = prefix(table);
            let own = own.trim_start_matches('\n').to_owned();
            table.decor_mut().set_prefix(if place == 0 { format!("{head}{own}") } else { format!("\n{own}") });
            unplace(table);
            table.set_position(Some(isize::try_from(place).unwrap_or(isize::MAX)));
        }
        let mut sorted = ArrayOfTables::new();
        for table in tables {
            sorted.push(table);
        }
        document[array] = Item::ArrayOfTables(sorted);
        Ok(document.to_string())
    }
}

/// Notes in a block that it no longer counts.
fn withdraw(table: &mut Table, reason: &str, signed: &Signature) {
    let mut entry = InlineTable::new();
    entry.insert("on", date(signed.on));
    entry.insert("by", Value::from(signed.author.as_str()));
    entry.insert("reason", Value::from(reason));
    table.insert("withdrawn", value(entry));
}

fn prefix(table: &Table) -> String {
    table.decor().prefix().and_then(|prefix| prefix.as_str()).unwrap_or_default().to_owned()
}

/// Takes what stands before the first block and is not about it: everything up to the last empty line.
fn take_head(table: &mut Table) -> String {
    let prefix = prefix(table);
    let end = prefix.rfind("\n\n").map_or(0, |at| at + 2);
    let (head, own) = prefix.split_at(end);
    let head = head.to_owned();
    table.decor_mut().set_prefix(own);
    head
}

/// Blocks stand by system, account and person; what was taken back stands after what counts.
fn key(table: &Table) -> Key {
    let text = |key: &str| table.get(key).and_then(Item::as_str).unwrap_or_default().to_owned();
    let withdrawn = if table.contains_key("withdrawn") { "1" } else { "0" };
    [text("system"), text("account"), text("person"), withdrawn.to_owned(), text("verdict")]
}

/// Tables within a block follow it wherever it goes.
fn unplace(table: &mut Table) {
    for (_, item) in table.iter_mut() {
        if let Item::Table(inner) = item {
            inner.set_position(None);
            unplace(inner);
        }
    }
}

fn block(decision: &NewDecision, signed: &Signature) -> Table {
    let mut table = Table::new();
    table.insert("verdict", value(decision.ruling.as_str()));
    table.insert("system", value(&decision.system));
    table.insert("account", remarked(&decision.account, &decision.account_name));
    if let Some(person) = &decision.person {
        table.insert("person", remarked(person, &decision.person_name));
    }
    table.insert("author", value(&signed.author));
    table.insert("reason", value(&decision.reason));
    table.insert("decided", value(date(signed.on)));
    if let Some(day) = decision.expires {
        table.insert("expires", value(date(day)));
    }
    table
}

/// A value with a name behind it, so that who reviews need not look ids up.
fn remarked(id: &str, name: &str) -> Item {
    let mut value = Value::from(id);
    if !name.is_empty() && name != id {
        // A comment ends with its line: what strangers put into names must not begin another one.
        value.decor_mut().set_suffix(format!("  # {}", visible(name)));
    }
    Item::Value(value)
}

fn date(day: Date) -> Value {
    let (year, month, of_month) = (day.year(), day.month(), day.day());
    let date = toml_edit::Date { year: year.unsigned_abs(), month: month.unsigned_abs(), day: of_month.unsigned_abs() };
    Value::from(toml_edit::Datetime { date: Some(date), time: None, offset: None })
}

/// Writes a file whole or not at all, and makes it last. Permissions stay as they are.
fn replace(path: &Path, text: &str) -> Result<(), Box<Diagnostic>> {
    // A link to a file elsewhere stays a link.
    let path = fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
    let folder = path.parent().unwrap_or(Path::new("."));
    let written = || -> std::io::Result<()> {
        fs::create_dir_all(folder)?;
        let mut file = tempfile::Builder::new().prefix(".muster-").suffix(".tmp").tempfile_in(folder)?;
        file.write_all(text.as_bytes())?;
        match fs::metadata(&path) {
            Ok(metadata) => file.as_file().set_permissions(metadata.permissions())?,
            Err(_) => readable(file.as_file())?,
        }
        file.as_file().sync_all()?;
        file.persist(&path).map_err(|error| error.error)?;
        // Windows cannot open a folder as a file, and journals renames itself.
        if cfg!(unix) { fs::File::open(folder)?.sync_all() } else { Ok(()) }
    };
    written().map_err(|error| unusable(&path, "write", &error))
}

/// Temporary files are for their owner alone; reviewed text is not.
fn readable(file: &fs::File) -> std::io::Result<()> {
    #[cfg(unix)]
    file.set_permissions(std::os::unix::fs::PermissionsExt::from_mode(0o644))?;
    #[cfg(not(unix))]
    let _ = file;
    Ok(())
}

fn unusable(path: &Path, doing: &str, error: &std::io::Error) -> Box<Diagnostic> {
    let problem = Diagnostic::error("CFG010", format!("cannot {doing} `{}`", path.display()))
        .cause(error.to_string())
        .fix("make the policy folder and its files readable and writable for you; nothing was changed");
    Box::new(problem)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn decision(account: &str) -> NewDecision {
        NewDecision {
            ruling: Ruling::Accept,
            system: "crm".into(),
            account: account.into(),
            account_name: "ada\n[[decision]]".into(),
            person: Some("E7".into()),
            person_name: "Ada".into(),
            reason: "she said so: \"mine\"".into(),
            expires: None,
        }
    }

    fn edit(before: &str, new: &[NewDecision], withdrawn: &[(usize, &str)]) -> String {
        let signed = Signature { author: "bea".into(), on: jiff::civil::date(2026, 11, 2) };
        edited(before, Path::new("links.toml"), "decision", new, withdrawn, &signed).unwrap()
    }

    #[test]
    fn a_new_file_has_a_head_and_one_block() {
        let text = edit("", &[decision("c2")], &[]);
        assert_eq!(
            text,
            format!(
                "{HEAD}[[decision]]\nverdict = \"accept\"\nsystem = \"crm\"\naccount = \"c2\"  # ada\\n[[decision]]\nperson = \"E7\"  # Ada\n\
                 author = \"bea\"\nreason = 'she said so: \"mine\"'\ndecided = 2026-11-02\n"
            )
        );
    }

    #[test]
    fn comments_and_keys_of_people_stay_with_their_block_in_whatever_order() {
        let before = "# our file\n# two lines\n\n# about c9\n[[decision]]\nverdict = \"never\"\nsystem = \"crm\"\naccount = \"c9\" # old\n\
                      author = \"x\"\nreason = \"y\"\nticket = \"T-1\"\n\n# about c1\n[[decision]] # hm\nverdict = \"never\"\nsystem = \"crm\"\n\
                      account = \"c1\"\nauthor = \"x\"\nreason = \"y\"\n[decision.withdrawn]\non = 2026-01-01\nby = \"x\"\nreason = \"z\"\n\n# the end\n";
        let text = edit(before, &[decision("c5")], &[(0, "sold")]);
        let order: Vec<usize> = [
            "# our file",
            "# about c1\n[[decision]] # hm",
            "[decision.withdrawn]",
            "account = \"c5\"",
            "# about c9\n",
            "T-1",
            "withdrawn = { on = 2026-11-02, by = \"bea\", reason = \"sold\" }",
            "# the end",
        ]
        .iter()
        .map(|part| text.find(part).unwrap_or_else(|| panic!("{part} is not in {text}")))
        .collect();
        assert!(order.is_sorted(), "{text}");
        assert_eq!(edit(&text, &[], &[]), text, "writing again changes nothing");
    }
}
