//! People and accounts that are the same humans, spelled as life spells them: FEBRL's idea (Christen, 2005) for accounts.
//!
//! ```text
//!   seed ─► people (names of several cultures, common and rare) ─► accounts, each with typed errors ─► truth
//! ```
//!
//! Every account knows which errors were made in it, so that a benchmark can say what is found and what is not. The same
//! seed gives the same bytes on every machine.

mod names;

use std::collections::{BTreeMap, HashMap, HashSet};
use std::io::{self, Read, Write};

use self::names::{CALLED, CULTURES, Culture};
use crate::estate::rng::Rng;

/// What can go wrong between HR and an account.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Slip {
    /// A letter too many, too few, wrong, or two swapped, in the given name.
    GivenTypo,
    /// The same in the family name.
    FamilyTypo,
    /// Known by a short form.
    Nickname,
    /// Only an initial of the given name.
    Initial,
    /// Family name first.
    Swapped,
    /// Bears the name of before a marriage, or of after it.
    Married,
    /// One of two family names.
    HalfName,
    /// Accents lost or written out, letters romanised.
    Folded,
    /// E-mail missing.
    NoEmail,
    /// E-mail of another provider.
    PrivateEmail,
    /// E-mail mistyped.
    EmailTypo,
    /// Employee id missing.
    NoId,
    /// Employee id wrong.
    WrongId,
    /// Date of birth missing.
    NoBirth,
    /// Date of birth mistyped.
    BirthTypo,
    /// Day and month of birth swapped.
    BirthSwapped,
    /// Phone missing.
    NoPhone,
    /// Another phone.
    OtherPhone,
    /// Address missing.
    NoAddress,
    /// Moved house.
    Moved,
    /// Street or postcode mistyped.
    AddressTypo,
    /// Region missing.
    NoRegion,
    /// Another region.
    OtherRegion,
    /// Hardly anything but the name was filled in.
    Sparse,
}

/// A row of either side; an empty text is a missing value.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Row {
    /// Id of the row.
    pub id: String,
    /// Employee id.
    pub employee_id: String,
    /// Given name; empty for accounts.
    pub given: String,
    /// Family name; empty for accounts.
    pub family: String,
    /// A family name borne before, where HR knows it.
    pub previous: String,
    /// Display name.
    pub name: String,
    /// E-mail.
    pub email: String,
    /// Date of birth, ISO 8601.
    pub born: String,
    /// Phone.
    pub phone: String,
    /// Street and number.
    pub street: String,
    /// Postcode.
    pub postcode: String,
    /// Region.
    pub region: String,
}

/// Both sides and the truth.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lookalikes {
    /// HR's side.
    pub people: Vec<Row>,
    /// The accounts' side.
    pub accounts: Vec<Row>,
    /// Of each account the place of its owner in `people`; nobody's accounts have none.
    pub owners: Vec<Option<usize>>,
    /// What went wrong in each account.
    pub slips: Vec<Vec<Slip>>,
}

/// Of a hundred accounts that have no owner in HR, those that bear the name of somebody who is there.
const NAMESAKES: u64 = 12;
const REGIONS: [&str; 24] = [
    "North",
    "South",
    "East",
    "West",
    "Central",
    "Coast",
    "Highlands",
    "Lakes",
    "Capital",
    "Midlands",
    "Borders",
    "Islands",
    "Bavaria",
    "Saxony",
    "Rhineland",
    "Silesia",
    "Mazovia",
    "Andalusia",
    "Catalonia",
    "Castile",
    "Punjab",
    "Kerala",
    "Anatolia",
    "Levant",
];
const STREETS: [&str; 30] = [
    "High", "Station", "Church", "Park", "Mill", "Main", "Garden", "Market", "School", "Bridge", "Castle", "Forest",
    "River", "Hill", "Orchard", "Victoria", "King", "Queen", "Spring", "Meadow", "Linden", "Rose", "Harbour", "Canal",
    "Abbey", "College", "Temple", "Chapel", "Union", "Canon",
];
const STREET_KINDS: [&str; 4] = ["Street", "Road", "Avenue", "Lane"];

impl Lookalikes {
    /// `people` persons and `accounts` accounts, of which nine in ten have an owner, each person at most one.
    ///
    /// # Panics
    /// When nine in ten accounts are more than the people.
    pub fn new(people: usize, accounts: usize, seed: u64) -> Self {
        let owned = accounts * 91 / 100;
        assert!(owned <= people, "{owned} accounts with an owner need as many people");
        let mut maker = Maker::new(people as u64, seed);
        let folk: Vec<Human> = (0..people).map(|number| maker.human(number)).collect();
        let mut order: Vec<usize> = (0..people).collect();
        maker.shuffle(&mut order);
        let mut rows: Vec<(Option<usize>, Row, Vec<Slip>)> = Vec::with_capacity(accounts);
        for place in &order[..owned] {
            let (row, slips) = maker.account(&folk[*place]);
            rows.push((Some(*place), row, slips));
        }
        for number in owned..accounts {
            let mut stranger = maker.human(people + number);
            if maker.rng.chance(NAMESAKES) {
                let namesake = maker.rng.pick(&folk).row.clone();
                stranger.row.given = namesake.given;
                stranger.row.family = namesake.family;
                stranger.row.email = maker.mailbox(&stranger.row.given, &stranger.row.family);
            }
            let (row, slips) = maker.account(&stranger);
            rows.push((None, row, slips));
        }
        maker.shuffle(&mut rows);
        let mut all = Self {
            people: folk.into_iter().map(|human| human.row).collect(),
            accounts: Vec::with_capacity(accounts),
            owners: Vec::with_capacity(accounts),
            slips: Vec::with_capacity(accounts),
        };
        for (number, (owner, mut row, slips)) in rows.into_iter().enumerate() {
            row.id = format!("A{number:07}");
            all.accounts.push(row);
            all.owners.push(owner);
            all.slips.push(slips);
        }
        all
    }

    /// Writes one side as CSV, with a column `owner` when it is the accounts'.
    ///
    /// # Errors
    /// When `to` cannot be written.
    pub fn write(&self, accounts: bool, to: impl Write) -> io::Result<()> {
        let mut writer = csv::Writer::from_writer(to);
        writer.write_record([
            "unique_id",
            "employee_id",
            "given",
            "family",
            "previous",
            "name",
            "email",
            "born",
            "phone",
            "street",
            "postcode",
            "region",
            "owner",
        ])?;
        for (place, row) in if accounts { &self.accounts } else { &self.people }.iter().enumerate() {
            let owner = if accounts { self.owners[place] } else { None };
            writer.write_record([
                row.id.as_str(),
                &row.employee_id,
                &row.given,
                &row.family,
                &row.previous,
                &row.name,
                &row.email,
                &row.born,
                &row.phone,
                &row.street,
                &row.postcode,
                &row.region,
                owner.map_or("", |owner| self.people[owner].id.as_str()),
            ])?;
        }
        writer.flush()
    }

    /// Reads both sides as [`Self::write`] writes them, whoever made them.
    ///
    /// # Errors
    /// What cannot be read, a column that is missing, and an owner who is not among the people, with its line.
    pub fn read(people: impl Read, accounts: impl Read) -> io::Result<Self> {
        let (people, _) = rows(people)?;
        let (accounts, named) = rows(accounts)?;
        let places: HashMap<&str, usize> =
            people.iter().enumerate().map(|(place, row)| (row.id.as_str(), place)).collect();
        let owner = |(place, owner): (usize, &String)| match places.get(owner.as_str()) {
            Some(owner) => Ok(Some(*owner)),
            None if owner.is_empty() => Ok(None),
            None => Err(io::Error::other(format!("line {} of the accounts: nobody is called `{owner}`", place + 2))),
        };
        let owners = named.iter().enumerate().map(owner).collect::<io::Result<_>>()?;
        Ok(Self { slips: vec![Vec::new(); accounts.len()], people, accounts, owners })
    }
}

/// The rows of one side, and of each the id of its owner.
fn rows(from: impl Read) -> io::Result<(Vec<Row>, Vec<String>)> {
    let mut reader = csv::Reader::from_reader(from);
    let header = reader.headers()?.clone();
    let column = |name: &str| {
        let place = header.iter().position(|heading| heading == name);
        place.ok_or_else(|| io::Error::other(format!("there is no column `{name}`")))
    };
    let names = ["unique_id", "employee_id", "given", "family", "previous", "name", "email", "born", "phone", "street"];
    let names = names.into_iter().chain(["postcode", "region", "owner"]);
    let columns = names.map(column).collect::<io::Result<Vec<usize>>>()?;
    let (mut rows, mut owners) = (Vec::new(), Vec::new());
    for record in reader.records() {
        let record = record?;
        let mut cells = columns.iter().map(|place| record.get(*place).unwrap_or_default().to_owned());
        let mut next = || cells.next().unwrap_or_default();
        rows.push(Row {
            id: next(),
            employee_id: next(),
            given: next(),
            family: next(),
            previous: next(),
            name: next(),
            email: next(),
            born: next(),
            phone: next(),
            street: next(),
            postcode: next(),
            region: next(),
        });
        owners.push(next());
    }
    Ok((rows, owners))
}

/// Somebody, with what HR knows of them.
struct Human {
    row: Row,
    /// Another family name that an account may bear.
    other_family: Option<String>,
}

struct Maker {
    rng: Rng,
    /// Addresses given out, so that namesakes have different ones.
    mailboxes: BTreeMap<String, u32>,
    /// Of a hundred people, those with a rare family name.
    rare: u64,
    /// How many further syllables, none included, a rare name may have.
    syllables: u64,
}

/// People of a town, for whom the lists of names and their parts are enough.
const TOWN: u64 = 5_000;

impl Maker {
    /// The more people, the more family names: of the 6.3 million in the United States the commonest 239 are borne by a quarter of
    /// the people (Census Bureau, Frequently Occurring Surnames in the 2010 Census), and these lists have a few hundred. So the
    /// share of rare names grows from a third in a town to 63 of a hundred among a million people, and their number
    /// with the people. Given names do not grow: everywhere a few hundred are borne by nearly everybody.
    fn new(people: u64, seed: u64) -> Self {
        let towns = people / TOWN;
        let rare = (35 + 4 * u64::from(towns.max(1).ilog2())).min(75);
        Self { rng: Rng::new(seed), mailboxes: BTreeMap::new(), rare, syllables: towns }
    }

    /// One of the syllables by which rare names grow more.
    fn syllable(&mut self) -> String {
        const LETTERS: (&[u8], &[u8]) = (b"bdfgklmnprstvz", b"aeiou");
        let mut number = if self.syllables > 1 { self.rng.below(self.syllables) } else { 0 };
        let mut text = String::new();
        while number > 0 {
            let all = (LETTERS.0.len() * LETTERS.1.len()) as u64;
            let place = usize::try_from((number - 1) % all).expect("a small number");
            text.push(char::from(LETTERS.0[place / LETTERS.1.len()]));
            text.push(char::from(LETTERS.1[place % LETTERS.1.len()]));
            number = (number - 1) / all;
        }
        text
    }

    fn shuffle<T>(&mut self, list: &mut [T]) {
        for end in (1..list.len()).rev() {
            let other = usize::try_from(self.rng.below(end as u64 + 1)).expect("below a length");
            list.swap(end, other);
        }
    }

    /// One of `from`, earlier ones more often: rank r about as often as 1 / (r + 3).
    fn common<'a>(&mut self, from: &'a [&'a str]) -> &'a str {
        let total: u64 = (0..from.len() as u64).map(|rank| 1_000_000 / (rank + 3)).sum();
        let mut draw = self.rng.below(total);
        for (rank, one) in from.iter().enumerate() {
            let share = 1_000_000 / (rank as u64 + 3);
            if draw < share {
                return one;
            }
            draw -= share;
        }
        from[0]
    }

    fn family(&mut self, culture: &Culture) -> String {
        if self.rng.chance(self.rare) {
            let middle = if self.rng.chance(30) { *self.rng.pick(&["er", "en", "el", "a", "o"]) } else { "" };
            let more = self.syllable();
            return format!("{}{middle}{more}{}", self.rng.pick(culture.starts), self.rng.pick(culture.ends));
        }
        self.common(culture.family).to_owned()
    }

    fn human(&mut self, number: usize) -> Human {
        let mut draw = self.rng.below(100);
        let mut culture = &CULTURES[0];
        for candidate in CULTURES {
            culture = candidate;
            if draw < candidate.percent {
                break;
            }
            draw -= candidate.percent;
        }
        let mut given = self.common(culture.given).to_owned();
        if self.rng.chance(6) {
            given = format!("{given} {}", self.common(culture.given));
        }
        let mut family = self.family(culture);
        if self.rng.chance(culture.double) {
            let joint = if self.rng.chance(50) { " " } else { "-" };
            family = format!("{family}{joint}{}", self.family(culture));
        }
        let other_family = self.rng.chance(6).then(|| self.family(culture));
        let previous = other_family.clone().filter(|_| self.rng.chance(50)).unwrap_or_default();
        let email = self.mailbox(&given, &family);
        let (street, postcode, region) = self.home();
        let row = Row {
            id: format!("P{number:07}"),
            employee_id: format!("{}", 100_000 + number * 7 % 9_000_011),
            name: format!("{given} {family}"),
            given,
            family,
            previous,
            email,
            born: format!(
                "{}-{:02}-{:02}",
                self.rng.between(1958, 2004),
                self.rng.between(1, 12),
                self.rng.between(1, 28)
            ),
            phone: self.phone(),
            street,
            postcode,
            region,
        };
        Human { row, other_family }
    }

    fn mailbox(&mut self, given: &str, family: &str) -> String {
        let local = format!("{}.{}", plain(given.split(' ').next().unwrap_or(given)), plain(family));
        let taken = self.mailboxes.entry(local.clone()).or_insert(0);
        *taken += 1;
        let counter = if *taken > 1 { taken.to_string() } else { String::new() };
        format!("{local}{counter}@corp.example")
    }

    fn phone(&mut self) -> String {
        format!("+44 20 {} {:04}", self.rng.between(1000, 9999), self.rng.between(0, 9999))
    }

    fn home(&mut self) -> (String, String, String) {
        let region = usize::try_from(self.rng.below(REGIONS.len() as u64)).expect("small");
        // Some places are bigger than others.
        let region = if self.rng.chance(40) { region % 6 } else { region };
        let street =
            format!("{} {} {}", self.rng.between(1, 180), self.rng.pick(&STREETS), self.rng.pick(&STREET_KINDS));
        let postcode = format!("{}{:03}", 10 + region, self.rng.between(0, 399));
        (street, postcode, REGIONS[region].to_owned())
    }

    /// The account of somebody, with what goes wrong in accounts.
    fn account(&mut self, human: &Human) -> (Row, Vec<Slip>) {
        let mut slips = Vec::new();
        let row = &human.row;
        let name = self.display_name(human, &mut slips);
        let email = self.email(row, &mut slips);
        let employee_id = match self.rng.below(100) {
            0..=7 => slip(&mut slips, Slip::NoId, String::new()),
            8 => {
                let typo = self.digit_typo(&row.employee_id);
                slip(&mut slips, Slip::WrongId, typo)
            }
            _ => row.employee_id.clone(),
        };
        let born = self.born(&row.born, &mut slips);
        let phone = match self.rng.below(100) {
            0..=24 => slip(&mut slips, Slip::NoPhone, String::new()),
            25..=32 => {
                let other = self.phone();
                slip(&mut slips, Slip::OtherPhone, other)
            }
            33..=55 => row.phone.replacen("+44 ", "0", 1).replace(' ', ""),
            56..=70 => row.phone.replace(' ', "-"),
            _ => row.phone.clone(),
        };
        let (mut street, mut postcode) = (row.street.clone(), row.postcode.clone());
        let mut region = row.region.clone();
        match self.rng.below(100) {
            0..=19 => {
                (street, postcode) = slip(&mut slips, Slip::NoAddress, Default::default());
            }
            20..=27 => {
                (street, postcode, region) = self.home();
                slips.push(Slip::Moved);
            }
            28..=31 => {
                street = self.typo(&street);
                slips.push(Slip::AddressTypo);
            }
            32..=33 => {
                postcode = self.digit_typo(&postcode);
                slips.push(Slip::AddressTypo);
            }
            34..=50 => street = street.replace("Street", "St.").replace("Road", "Rd").replace("Avenue", "Ave"),
            _ => {}
        }
        match self.rng.below(100) {
            0..=4 => region = slip(&mut slips, Slip::NoRegion, String::new()),
            5..=8 => region = slip(&mut slips, Slip::OtherRegion, (*self.rng.pick(&REGIONS)).to_owned()),
            _ => {}
        }
        let mut account = Row { employee_id, name, email, born, phone, street, postcode, region, ..Row::default() };
        if self.rng.chance(6) {
            slips.push(Slip::Sparse);
            let email = if self.rng.chance(50) { account.email } else { String::new() };
            account = Row { name: account.name, email, region: account.region, ..Row::default() };
        }
        (account, slips)
    }

    fn display_name(&mut self, human: &Human, slips: &mut Vec<Slip>) -> String {
        let row = &human.row;
        let mut given = row.given.clone();
        let mut family = row.family.clone();
        if let Some(other) = human.other_family.as_ref().filter(|_| self.rng.chance(60)) {
            family = slip(slips, Slip::Married, other.clone());
        }
        let halves: Vec<String> = family.split([' ', '-']).map(str::to_owned).collect();
        if halves.len() > 1 && !family.starts_with("von ") && !family.starts_with("de ") && self.rng.chance(35) {
            family = slip(slips, Slip::HalfName, halves[0].clone());
        }
        if given.contains(' ') && self.rng.chance(60) {
            given = given.split(' ').next().unwrap_or_default().to_owned();
        }
        let called = CALLED.iter().find(|(name, _)| *name == given).map(|(_, called)| *called);
        if let Some(called) = called.filter(|_| self.rng.chance(18)) {
            given = slip(slips, Slip::Nickname, (*self.rng.pick(called)).to_owned());
        }
        if !(given.is_ascii() && family.is_ascii()) && self.rng.chance(70) {
            slips.push(Slip::Folded);
            let written_out = self.rng.chance(50);
            (given, family) = (fold(&given, written_out), fold(&family, written_out));
        }
        if self.rng.chance(3) {
            given = slip(slips, Slip::GivenTypo, self.typo(&given));
        }
        if self.rng.chance(4) {
            family = slip(slips, Slip::FamilyTypo, self.typo(&family));
        }
        match self.rng.below(100) {
            0..=2 => {
                let initial: String = given.chars().take(1).collect();
                slip(slips, Slip::Initial, format!("{initial}. {family}"))
            }
            3..=13 => slip(slips, Slip::Swapped, format!("{family}, {given}")),
            14..=15 => slip(slips, Slip::Swapped, format!("{family} {given}")),
            16..=18 => {
                format!("{given} {}. {family}", char::from(b'A' + u8::try_from(self.rng.below(26)).unwrap_or(0)))
            }
            19 => format!("{given} {family} (EXT)"),
            _ => format!("{given} {family}"),
        }
    }

    fn email(&mut self, row: &Row, slips: &mut Vec<Slip>) -> String {
        match self.rng.below(100) {
            0..=21 => slip(slips, Slip::NoEmail, String::new()),
            22..=33 => {
                let given = plain(row.given.split(' ').next().unwrap_or_default());
                let family = plain(&row.family);
                let initial = given.get(..1).unwrap_or_default().to_owned();
                let local = match self.rng.below(4) {
                    0 => format!("{given}.{family}"),
                    1 => format!("{initial}{family}{}", self.rng.between(1, 99)),
                    2 => format!("{given}{}", self.rng.between(1950, 2010)),
                    _ => format!("{family}{given}"),
                };
                slip(
                    slips,
                    Slip::PrivateEmail,
                    format!("{local}@{}", self.rng.pick(&["mail.example", "post.example", "web.example"])),
                )
            }
            34..=36 => {
                let (local, domain) = row.email.split_once('@').unwrap_or((&row.email, ""));
                slip(slips, Slip::EmailTypo, format!("{}@{domain}", self.typo(local)))
            }
            _ => row.email.clone(),
        }
    }

    fn born(&mut self, born: &str, slips: &mut Vec<Slip>) -> String {
        match self.rng.below(100) {
            0..=14 => slip(slips, Slip::NoBirth, String::new()),
            15..=16 => {
                let (year, rest) = born.split_once('-').unwrap_or((born, ""));
                let (month, day) = rest.split_once('-').unwrap_or((rest, ""));
                let swapped = if day <= "12" { format!("{year}-{day}-{month}") } else { born.to_owned() };
                slip(slips, Slip::BirthSwapped, swapped)
            }
            17..=19 => {
                let (year, rest) = born.split_once('-').unwrap_or((born, ""));
                let year: i64 = year.parse().unwrap_or(1980);
                let wrong = if self.rng.chance(50) { year + 1 } else { year - 10 };
                slip(slips, Slip::BirthTypo, format!("{wrong}-{rest}"))
            }
            _ => born.to_owned(),
        }
    }

    /// One letter inserted, left out, replaced, or swapped with its neighbour; never the first alone.
    fn typo(&mut self, text: &str) -> String {
        let mut letters: Vec<char> = text.chars().collect();
        if letters.len() < 3 {
            return text.to_owned();
        }
        let place = usize::try_from(self.rng.below(letters.len() as u64 - 1)).expect("below a length") + 1;
        let other = char::from(b'a' + u8::try_from(self.rng.below(26)).unwrap_or(0));
        match self.rng.below(4) {
            0 => letters.insert(place, other),
            1 => drop(letters.remove(place)),
            2 => letters[place] = other,
            _ => letters.swap(place, place - 1),
        }
        letters.into_iter().collect()
    }

    fn digit_typo(&mut self, text: &str) -> String {
        let mut digits: Vec<char> = text.chars().collect();
        let place = usize::try_from(self.rng.below(digits.len() as u64)).expect("below a length");
        digits[place] = char::from(b'0' + u8::try_from(self.rng.below(10)).unwrap_or(0));
        digits.into_iter().collect()
    }
}

fn slip<T>(slips: &mut Vec<Slip>, what: Slip, value: T) -> T {
    slips.push(what);
    value
}

/// Letters as in addresses: romanised, lower case, nothing else.
fn plain(name: &str) -> String {
    fold(name, false).chars().filter(char::is_ascii_alphanumeric).map(|c| c.to_ascii_lowercase()).collect()
}

/// Accents lost, or written out as Germans do; Cyrillic as passports have it.
fn fold(text: &str, written_out: bool) -> String {
    const PAIRS: [(char, &str, &str); 75] = [
        ('ä', "ae", "a"),
        ('ö', "oe", "o"),
        ('ü', "ue", "u"),
        ('Ä', "Ae", "A"),
        ('Ö', "Oe", "O"),
        ('Ü', "Ue", "U"),
        ('ß', "ss", "ss"),
        ('á', "a", "a"),
        ('é', "e", "e"),
        ('í', "i", "i"),
        ('ó', "o", "o"),
        ('ú', "u", "u"),
        ('ñ', "n", "n"),
        ('Á', "A", "A"),
        ('ł', "l", "l"),
        ('Ł', "L", "L"),
        ('ś', "s", "s"),
        ('ź', "z", "z"),
        ('ż', "z", "z"),
        ('ą', "a", "a"),
        ('ę', "e", "e"),
        ('ć', "c", "c"),
        ('ń', "n", "n"),
        ('ğ', "g", "g"),
        ('ş', "s", "s"),
        ('Ş', "S", "S"),
        ('ç', "c", "c"),
        ('Ç', "C", "C"),
        ('ı', "i", "i"),
        ('А', "A", "A"),
        ('а', "a", "a"),
        ('Б', "B", "B"),
        ('б', "b", "b"),
        ('В', "V", "V"),
        ('в', "v", "v"),
        ('Г', "G", "G"),
        ('г', "g", "g"),
        ('Д', "D", "D"),
        ('д', "d", "d"),
        ('Е', "E", "E"),
        ('е', "e", "e"),
        ('З', "Z", "Z"),
        ('з', "z", "z"),
        ('И', "I", "I"),
        ('и', "i", "i"),
        ('й', "i", "y"),
        ('К', "K", "K"),
        ('к', "k", "k"),
        ('Л', "L", "L"),
        ('л', "l", "l"),
        ('М', "M", "M"),
        ('м', "m", "m"),
        ('Н', "N", "N"),
        ('н', "n", "n"),
        ('О', "O", "O"),
        ('о', "o", "o"),
        ('П', "P", "P"),
        ('п', "p", "p"),
        ('Р', "R", "R"),
        ('р', "r", "r"),
        ('С', "S", "S"),
        ('с', "s", "s"),
        ('т', "t", "t"),
        ('Т', "T", "T"),
        ('у', "u", "u"),
        ('ц', "ts", "c"),
        ('ш', "sh", "sh"),
        ('ь', "", ""),
        ('ю', "iu", "yu"),
        ('Ю', "Iu", "Yu"),
        ('я', "ia", "ya"),
        ('ж', "zh", "zh"),
        ('ф', "f", "f"),
        ('х', "kh", "h"),
        ('ч', "ch", "ch"),
    ];
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match PAIRS.iter().find(|(letter, _, _)| *letter == c) {
            Some((_, long, short)) => out.push_str(if written_out { long } else { short }),
            None => out.push(c),
        }
    }
    out
}

/// Pairs of names whose owner's place is known, for tests that count what was found: distinct owners among all.
pub fn distinct_owners(all: &Lookalikes) -> usize {
    all.owners.iter().flatten().collect::<HashSet<_>>().len()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_seed_gives_the_same_rows_and_nobody_owns_two_accounts() {
        let all = Lookalikes::new(400, 430, 7);
        assert_eq!(all, Lookalikes::new(400, 430, 7));
        assert_ne!(all.people, Lookalikes::new(400, 430, 8).people);
        assert_eq!(distinct_owners(&all), all.owners.iter().flatten().count());
        assert!(all.owners.iter().any(Option::is_none));
        let kinds: HashSet<String> = all.slips.iter().flatten().map(|slip| format!("{slip:?}")).collect();
        assert!(kinds.len() >= 20, "{kinds:?}");
    }

    #[test]
    fn what_is_written_is_read_again() {
        let all = Lookalikes::new(40, 43, 7);
        let (mut people, mut accounts) = (Vec::new(), Vec::new());
        all.write(false, &mut people).unwrap();
        all.write(true, &mut accounts).unwrap();
        let again = Lookalikes::read(people.as_slice(), accounts.as_slice()).unwrap();
        assert_eq!((&again.people, &again.accounts, &again.owners), (&all.people, &all.accounts, &all.owners));
        let stranger =
            String::from_utf8(accounts).unwrap().replacen(&all.people[again.owners[0].unwrap_or(0)].id, "X", 1);
        assert_eq!(
            Lookalikes::read(&b"unique_id\n"[..], stranger.as_bytes()).unwrap_err().to_string(),
            "there is no column `employee_id`"
        );
    }
}
