//! Two sides as columns: names as runs of token ids, addresses and values as ids of interned spellings.

use rustc_hash::FxHashMap;
use string_interner::backend::StringBackend;
use string_interner::symbol::SymbolU32;
use string_interner::{StringInterner, Symbol};

use super::fold;
use super::levels::Kind;

/// Short forms of given names.
const NICKNAMES: &str = include_str!("nicknames.txt");

/// A name as a record has it.
#[derive(Debug, Clone, Copy)]
pub enum Name<'a> {
    /// Given and family name, each in its own field.
    Parts {
        /// Given names.
        given: &'a str,
        /// Family names.
        family: &'a str,
        /// Whether the name was borne before and is not borne now.
        former: bool,
    },
    /// A display name in whatever order.
    Whole(&'a str),
}

/// One record as it comes.
#[derive(Debug, Default)]
pub struct Entry<'a> {
    /// Names, the present one first.
    pub names: Vec<Name<'a>>,
    /// E-mail addresses and logins.
    pub addresses: Vec<&'a str>,
    /// Values by place of the field in [`super::Input::new`]'s list.
    pub values: Vec<(usize, &'a str)>,
}

/// A run in a column.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Run(u32, u32);

impl Run {
    pub(crate) fn of<T>(self, column: &[T]) -> &[T] {
        &column[self.0 as usize..self.1 as usize]
    }

    pub(crate) fn len(self) -> usize {
        (self.1 - self.0) as usize
    }
}

/// One name: tokens of the given name, tokens of the family name. A whole name has all of them as given.
#[derive(Debug, Clone, Copy)]
pub(crate) struct NameRun {
    pub(crate) given: Run,
    pub(crate) family: Run,
    pub(crate) former: bool,
}

/// An address or login by the ids of its spellings.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Address {
    pub(crate) whole: u32,
    /// 0 of a login, which has none.
    pub(crate) domain: u32,
    pub(crate) local: u32,
    pub(crate) letters: u32,
}

/// A value: its field, the id of its spelling, and its digits where it has them.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Value {
    pub(crate) number: u64,
    pub(crate) id: u32,
    pub(crate) field: u8,
}

/// One side.
#[derive(Debug, Default)]
pub(crate) struct Side {
    names_of: Vec<Run>,
    names: Vec<NameRun>,
    pub(crate) tokens: Vec<u32>,
    addresses_of: Vec<Run>,
    addresses: Vec<Address>,
    values_of: Vec<Run>,
    values: Vec<Value>,
    /// How many records have a spelling, by id; a token of a given name counts apart from one of a family name.
    pub(crate) uses: Vec<u32>,
    pub(crate) given_uses: Vec<u32>,
    pub(crate) family_uses: Vec<u32>,
}

impl Side {
    pub(crate) fn len(&self) -> usize {
        self.names_of.len()
    }

    pub(crate) fn names(&self, record: usize) -> &[NameRun] {
        self.names_of[record].of(&self.names)
    }

    pub(crate) fn addresses(&self, record: usize) -> &[Address] {
        self.addresses_of[record].of(&self.addresses)
    }

    pub(crate) fn values(&self, record: usize) -> &[Value] {
        self.values_of[record].of(&self.values)
    }
}

/// Every spelling once, with what is derived from it.
#[derive(Debug, Default)]
pub(crate) struct Spellings {
    interner: StringInterner<StringBackend<SymbolU32>>,
    /// Id of the sound of a name token; 0 where none was asked for.
    sounds: Vec<u32>,
    /// Id of the spelling that `ö`, `oe` and `o` share, likewise.
    plain: Vec<u32>,
    /// Families of short forms a token belongs to, as runs of `families`.
    short_forms: FxHashMap<u32, Vec<u16>>,
    /// Initials of the names of each family of short forms.
    initials: Vec<Vec<u8>>,
}

impl Spellings {
    fn new() -> Self {
        let mut spellings = Self::default();
        // Id 0 is nothing's, so that it can mean "none".
        spellings.id("");
        for (place, line) in NICKNAMES.lines().filter(|line| !line.starts_with('#')).enumerate() {
            let family = u16::try_from(place).unwrap_or(u16::MAX);
            let mut initials: Vec<u8> = line.split(' ').filter_map(|name| name.bytes().next()).collect();
            initials.sort_unstable();
            initials.dedup();
            spellings.initials.push(initials);
            for name in line.split(' ') {
                let token = spellings.token(name);
                let token = spellings.plain(token);
                spellings.short_forms.entry(token).or_default().push(family);
            }
        }
        spellings
    }

    pub(crate) fn id(&mut self, text: &str) -> u32 {
        let id = self.interner.get_or_intern(text).to_usize();
        u32::try_from(id).unwrap_or(u32::MAX)
    }

    /// The id of a name token, with its sound.
    fn token(&mut self, text: &str) -> u32 {
        let id = self.id(text);
        if self.sounds.get(id as usize).is_none_or(|sound| *sound == 0) {
            let sound = self.id(&format!("~{}", fold::sound(text)));
            self.sounds.resize(self.sounds.len().max(id as usize + 1), 0);
            self.sounds[id as usize] = sound;
            let plain = fold::one_spelling(text);
            let plain = if plain == text { id } else { self.token(&plain) };
            self.plain.resize(self.sounds.len(), 0);
            self.plain[id as usize] = plain;
        }
        id
    }

    pub(crate) fn text(&self, id: u32) -> &str {
        SymbolU32::try_from_usize(id as usize).and_then(|symbol| self.interner.resolve(symbol)).unwrap_or_default()
    }

    pub(crate) fn sound(&self, token: u32) -> u32 {
        self.sounds.get(token as usize).copied().unwrap_or(0)
    }

    /// The token in the spelling that `ö`, `oe` and `o` share.
    pub(crate) fn plain(&self, token: u32) -> u32 {
        self.plain.get(token as usize).copied().filter(|plain| *plain != 0).unwrap_or(token)
    }

    /// The families of short forms that a token belongs to.
    pub(crate) fn short_forms(&self, token: u32) -> &[u16] {
        self.short_forms.get(&self.plain(token)).map_or(&[], Vec::as_slice)
    }

    /// Initials under which somebody with this given name may be known, its own first.
    pub(crate) fn initials(&self, token: u32) -> Vec<u8> {
        let mut initials: Vec<u8> = self.text(token).bytes().next().into_iter().collect();
        for family in self.short_forms(token) {
            initials.extend(&self.initials[usize::from(*family)]);
        }
        initials.dedup();
        initials
    }
}

/// Adds a record to a side.
pub(crate) fn add(spellings: &mut Spellings, kinds: &[Kind], side: &mut Side, entry: &Entry<'_>) {
    Filler { spellings, kinds, side }.add(entry);
}

/// The spellings that every estate starts with.
pub(crate) fn spellings() -> Spellings {
    Spellings::new()
}

struct Filler<'a> {
    spellings: &'a mut Spellings,
    kinds: &'a [Kind],
    side: &'a mut Side,
}

impl Filler<'_> {
    fn add(&mut self, entry: &Entry<'_>) {
        let first = self.side.names.len();
        for name in &entry.names {
            let run = match *name {
                Name::Parts { given, family, former } => {
                    NameRun { given: self.tokens(given), family: self.tokens(family), former }
                }
                // "Lovelace, Ada" says which is which.
                Name::Whole(name) => match name.split_once(',') {
                    Some((family, given)) if has_letters(given) && !is_degree(given) => {
                        NameRun { given: self.tokens(given), family: self.tokens(family), former: false }
                    }
                    Some(_) | None => NameRun { given: self.tokens(name), family: Run::default(), former: false },
                },
            };
            let same = |known: &NameRun| {
                known.given.of(&self.side.tokens) == run.given.of(&self.side.tokens)
                    && known.family.of(&self.side.tokens) == run.family.of(&self.side.tokens)
            };
            if run.given.len() + run.family.len() > 0 && !self.side.names[first..].iter().any(same) {
                self.side.names.push(run);
            }
        }
        self.count_names(first);
        self.side.names_of.push(run(first, self.side.names.len()));
        self.addresses(&entry.addresses);
        self.values(&entry.values);
    }

    fn tokens(&mut self, name: &str) -> Run {
        let start = self.side.tokens.len();
        let (tokens, spellings) = (&mut self.side.tokens, &mut *self.spellings);
        fold::name_tokens(name, &mut |token| {
            if tokens.len() < start + 6 {
                tokens.push(spellings.token(token));
            }
        });
        run(start, self.side.tokens.len())
    }

    /// A record counts once for each token it bears.
    fn count_names(&mut self, first: usize) {
        let side = &mut *self.side;
        let (mut given, mut family) = (Vec::new(), Vec::new());
        for name in &side.names[first..] {
            given.extend_from_slice(name.given.of(&side.tokens));
            family.extend_from_slice(name.family.of(&side.tokens));
        }
        count(&mut side.given_uses, given);
        count(&mut side.family_uses, family);
    }

    fn addresses(&mut self, addresses: &[&str]) {
        let first = self.side.addresses.len();
        for address in addresses {
            let whole = fold::ascii(address.trim());
            let local = fold::local_part(&whole);
            let letters = fold::letters(local);
            let domain = whole.split_once('@').map_or(0, |(_, domain)| self.spellings.id(domain));
            if letters.len() < 2 {
                continue;
            }
            let address = Address {
                whole: self.spellings.id(&whole),
                domain,
                local: self.spellings.id(local),
                letters: self.spellings.id(&letters),
            };
            if !self.side.addresses[first..].iter().any(|known| known.whole == address.whole) {
                self.side.addresses.push(address);
            }
        }
        let mut used: Vec<u32> = Vec::new();
        used.extend(self.side.addresses[first..].iter().flat_map(|address| [address.whole, address.local]));
        count(&mut self.side.uses, used);
        self.side.addresses_of.push(run(first, self.side.addresses.len()));
    }

    fn values(&mut self, values: &[(usize, &str)]) {
        let first = self.side.values.len();
        for (field, text) in values {
            let (folded, number) = match self.kinds[*field] {
                Kind::Phone => match fold::phone(text) {
                    Some(digits) => (digits.to_string(), digits),
                    None => continue,
                },
                Kind::Date => match fold::date(text) {
                    Some(day) => (day.to_string(), day),
                    None => continue,
                },
                Kind::Code => (fold::code(text), 0),
                Kind::Text => (fold::words(text), 0),
            };
            if folded.is_empty() {
                continue;
            }
            let field = u8::try_from(*field).unwrap_or(u8::MAX);
            // The same word in two fields is counted for each: a leading letter tells them apart.
            let id = self.spellings.id(&format!("{}{folded}", char::from(b'A' + field)));
            if !self.side.values[first..].iter().any(|known| known.id == id) {
                self.side.values.push(Value { number, id, field });
            }
        }
        let used: Vec<u32> = self.side.values[first..].iter().map(|value| value.id).collect();
        count(&mut self.side.uses, used);
        self.side.values_of.push(run(first, self.side.values.len()));
    }
}

fn run(start: usize, end: usize) -> Run {
    let small = |place: usize| u32::try_from(place).unwrap_or(u32::MAX);
    Run(small(start), small(end))
}

fn count(uses: &mut Vec<u32>, mut ids: Vec<u32>) {
    ids.sort_unstable();
    ids.dedup();
    for id in ids {
        let place = id as usize;
        if place >= uses.len() {
            uses.resize(place + 1 + place / 2, 0);
        }
        uses[place] += 1;
    }
}

fn has_letters(text: &str) -> bool {
    text.chars().any(char::is_alphabetic)
}

/// "Ada Lovelace, PhD" is no family name before a comma.
fn is_degree(text: &str) -> bool {
    let mut any = false;
    fold::name_tokens(text, &mut |_| any = true);
    !any
}

/// The text of a value's spelling without its field.
pub(crate) fn value_text(spelling: &str) -> &str {
    spelling.get(1..).unwrap_or(spelling)
}
