//! Spellings to what is compared: names to tokens, addresses to their parts, phones and dates to digits.

use any_ascii::any_ascii;

/// Words around a name that are not part of it: titles, generations, and what directories add.
const NOISE: [&str; 38] = [
    "ba",
    "bsc",
    "contractor",
    "dipl",
    "dr",
    "drs",
    "eng",
    "esq",
    "ext",
    "extern",
    "external",
    "guest",
    "herr",
    "hr",
    "ii",
    "iii",
    "ing",
    "intern",
    "iv",
    "jr",
    "junior",
    "ma",
    "mag",
    "mba",
    "md",
    "miss",
    "mr",
    "mrs",
    "ms",
    "msc",
    "mx",
    "phd",
    "prof",
    "senior",
    "sir",
    "sr",
    "temp",
    "vendor",
];
/// Particles of family names that come and go.
const PARTICLES: [&str; 30] = [
    "af", "al", "am", "av", "bin", "bint", "da", "das", "de", "del", "della", "den", "der", "di", "do", "dos", "du",
    "e", "el", "ibn", "la", "le", "mac", "ten", "ter", "van", "vom", "von", "y", "zu",
];

/// A text in lower-case ASCII: romanised, without accents.
pub(crate) fn ascii(text: &str) -> String {
    let mut text = if text.is_ascii() { text.to_owned() } else { any_ascii(text) };
    text.make_ascii_lowercase();
    text
}

/// Visits the tokens of a name: romanised words without titles and particles; digits at their end are a counter.
///
/// What stands in brackets is no part of a name. A name of nothing but particles keeps them.
pub(crate) fn name_tokens(name: &str, visit: &mut dyn FnMut(&str)) {
    let text = ascii(name);
    let mut depth = 0_usize;
    let mut words: Vec<String> = vec![String::new()];
    for c in text.chars() {
        match c {
            '(' | '[' | '{' => depth += 1,
            ')' | ']' | '}' => depth = depth.saturating_sub(1),
            // O'Brien is one word, and so is the soft sign of a romanised name.
            '\'' | '`' | '"' => {}
            _ if depth > 0 => {}
            c if c.is_ascii_alphanumeric() => words.last_mut().into_iter().for_each(|word| word.push(c)),
            _ => words.push(String::new()),
        }
    }
    words.retain(|word| word.bytes().any(|byte| byte.is_ascii_alphabetic()));
    let kept = |list: &[&str], word: &String| !list.contains(&word.as_str());
    let proper: Vec<&String> = words.iter().filter(|word| kept(&NOISE, word) && kept(&PARTICLES, word)).collect();
    let mut told = |word: &str| visit(word.trim_end_matches(|c: char| c.is_ascii_digit()));
    if proper.is_empty() {
        for word in words.iter().filter(|word| kept(&NOISE, word)) {
            told(word);
        }
    } else {
        for word in proper {
            told(word);
        }
    }
}

/// `mueller` and `muller`, `soerensen` and `sorensen`, `aase` and `ase` in one spelling.
pub(crate) fn one_spelling(word: &str) -> String {
    if word.len() < 4 {
        return word.to_owned();
    }
    let bytes = word.as_bytes();
    let mut out = String::with_capacity(word.len());
    let mut at = 0;
    while at < bytes.len() {
        let pair = (bytes[at], bytes.get(at + 1).copied());
        out.push(char::from(bytes[at]));
        at += if matches!(pair, (b'a', Some(b'a' | b'e')) | (b'o' | b'u', Some(b'e'))) { 2 } else { 1 };
    }
    out
}

/// How a name sounds to most of Europe: classes of consonants, the first letter's class first, vowels left out.
pub(crate) fn sound(word: &str) -> String {
    let bytes = word.as_bytes();
    let mut out = String::with_capacity(8);
    let mut at = 0;
    while at < bytes.len() && out.len() < 8 {
        let next = bytes.get(at + 1).copied().unwrap_or(b' ');
        let (class, step) = match (bytes[at], next) {
            (b's', b'c') if bytes.get(at + 2) == Some(&b'h') => (Some('s'), 3),
            (b's' | b'c', b'h' | b'z') | (b't', b's' | b'z') | (b'z', b'h') => (Some('s'), 2),
            (b'p', b'h') => (Some('f'), 2),
            (b't', b'h') | (b'd', b't') => (Some('t'), 2),
            (b'c', b'k') | (b'k', b'h') => (Some('k'), 2),
            (b'c', b'e' | b'i' | b'y') | (b's' | b'z' | b'x', _) => (Some('s'), 1),
            (b'c' | b'k' | b'q' | b'g', _) => (Some('k'), 1),
            (b'f' | b'v' | b'w', _) => (Some('f'), 1),
            (b'b' | b'p', _) => (Some('p'), 1),
            (b'd' | b't', _) => (Some('t'), 1),
            (b'm' | b'n', _) => (Some('n'), 1),
            (b'l', _) => (Some('l'), 1),
            (b'r', _) => (Some('r'), 1),
            (b'a'..=b'z', _) => ((at == 0).then_some('a'), 1),
            _ => (None, 1),
        };
        if let Some(class) = class.filter(|class| !out.ends_with(*class)) {
            out.push(class);
        }
        at += step;
    }
    out
}

/// The letters of a login or of an address's local part: without domain, tags and counters.
pub(crate) fn letters(local: &str) -> String {
    let local = local.split('+').next().unwrap_or(local);
    let kept: String = local.bytes().filter(u8::is_ascii_alphanumeric).map(char::from).collect();
    kept.trim_end_matches(|c: char| c.is_ascii_digit()).to_owned()
}

/// The name part of an address or login: before the `@`, after the domain's backslash.
pub(crate) fn local_part(address: &str) -> &str {
    let name = address.split_once('@').map_or(address, |(name, _)| name);
    name.rsplit_once('\\').map_or(name, |(_, name)| name)
}

/// The digits of a phone number, without the zeros and the `+` of prefixes; `None` of fewer than six.
pub(crate) fn phone(text: &str) -> Option<u64> {
    let mut digits: u64 = 0;
    let mut count = 0;
    // "+49 (0) 171": the zero in brackets is only dialled at home.
    for byte in text.replace("(0)", "").bytes().filter(u8::is_ascii_digit) {
        digits = (digits % 100_000_000_000_000) * 10 + u64::from(byte - b'0');
        count += 1;
    }
    (count >= 6 && digits >= 10_000).then_some(digits)
}

/// A day as yyyymmdd, from ISO 8601 with or without a time, or eight digits.
pub(crate) fn date(text: &str) -> Option<u64> {
    let digits: String = text.trim().chars().take(10).filter(char::is_ascii_digit).collect();
    let day: u64 = digits.parse().ok().filter(|_| digits.len() == 8)?;
    let (month, dom) = (day / 100 % 100, day % 100);
    ((1..=12).contains(&month) && (1..=31).contains(&dom)).then_some(day)
}

/// A code (postcode, badge, room): letters and digits only.
pub(crate) fn code(text: &str) -> String {
    ascii(text).bytes().filter(u8::is_ascii_alphanumeric).map(char::from).collect()
}

/// Words of free text (department, title, address) in one spelling, joined by single spaces.
pub(crate) fn words(text: &str) -> String {
    let folded = ascii(text);
    let words = folded.split(|c: char| !c.is_ascii_alphanumeric()).filter(|word| !word.is_empty());
    words.map(one_word).collect::<Vec<_>>().join(" ")
}

/// The usual abbreviations of addresses and departments, written out.
fn one_word(word: &str) -> &str {
    match word {
        "st" | "str" | "strasse" | "street" => "street",
        "rd" => "road",
        "ave" | "av" => "avenue",
        "dept" | "department" | "abteilung" => "department",
        "mgr" => "manager",
        "eng" => "engineer",
        "sr" => "senior",
        "jr" => "junior",
        "and" | "und" => "and",
        other => other,
    }
}

/// Edits (insert, delete, replace, swap of neighbours) between two words, `None` above `most`, which is 1 or 2.
pub(crate) fn edits(a: &str, b: &str, most: usize) -> Option<usize> {
    edits_of_bytes(a.as_bytes(), b.as_bytes(), most)
}

/// [`edits`] of ASCII.
pub(crate) fn edits_of_bytes(a: &[u8], b: &[u8], most: usize) -> Option<usize> {
    if a.len().abs_diff(b.len()) > most {
        return None;
    }
    let prefix = a.iter().zip(b).take_while(|(x, y)| x == y).count();
    let (a, b) = (&a[prefix..], &b[prefix..]);
    let suffix = a.iter().rev().zip(b.iter().rev()).take_while(|(x, y)| x == y).count();
    let (a, b) = (&a[..a.len() - suffix], &b[..b.len() - suffix]);
    match (a.len(), b.len()) {
        (0, n) | (n, 0) => Some(n).filter(|n| *n <= most),
        (1, 1) => Some(1),
        (2, 2) if a[0] == b[1] && a[1] == b[0] => Some(1),
        _ if most < 2 => None,
        (x, y) if x.max(y) > 24 || too_many_letters_differ(a, b, most) => None,
        _ => Some(full_edits(a, b)).filter(|found| *found <= most),
    }
}

/// An edit brings at most one letter that the other word has nowhere: a cheap bound before the dear count.
fn too_many_letters_differ(a: &[u8], b: &[u8], most: usize) -> bool {
    let letters = |word: &[u8]| word.iter().fold(0_u64, |set, byte| set | 1 << (byte & 63));
    let (x, y) = (letters(a), letters(b));
    (x & !y).count_ones().max((y & !x).count_ones()) as usize > most
}

/// Optimal string alignment of two short words (Boytsov, Indexing methods for approximate dictionary searching, 2011).
fn full_edits(a: &[u8], b: &[u8]) -> usize {
    let mut rows = [[0_usize; 26]; 3];
    for (column, cell) in rows[0].iter_mut().enumerate() {
        *cell = column;
    }
    for i in 1..=a.len() {
        let (now, one, two) = (i % 3, (i + 2) % 3, (i + 1) % 3);
        rows[now][0] = i;
        for j in 1..=b.len() {
            let cost = usize::from(a[i - 1] != b[j - 1]);
            let mut best = (rows[one][j] + 1).min(rows[now][j - 1] + 1).min(rows[one][j - 1] + cost);
            if i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] {
                best = best.min(rows[two][j - 2] + 1);
            }
            rows[now][j] = best;
        }
    }
    rows[a.len() % 3][b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tokens(name: &str) -> Vec<String> {
        let mut tokens = Vec::new();
        name_tokens(name, &mut |token| tokens.push(token.to_owned()));
        tokens
    }

    #[test]
    fn names_lose_accents_titles_particles_and_brackets() {
        assert_eq!(tokens("Dr. Jürgen von der Groß (EXT)"), ["jurgen", "gross"]);
        let plain = |name: &str| tokens(name).iter().map(|token| one_spelling(token)).collect::<Vec<_>>();
        assert_eq!(plain("Juergen Gross2"), ["jurgen", "gross"]);
        assert_eq!(tokens("O'Brien, Séan-Paul"), ["obrien", "sean", "paul"]);
        assert_eq!(plain("Søren Åkesson"), plain("Soeren Aakesson"));
        assert_eq!(tokens("Юлия Петрова"), ["yuliya", "petrova"]);
        assert_eq!(tokens("Γιώργος"), ["giorgos"]);
        assert_eq!(tokens("de la"), ["de", "la"]);
        assert_eq!(tokens("Zoe Joe"), ["zoe", "joe"]);
    }

    #[test]
    fn names_that_sound_alike_have_one_sound() {
        for (a, b) in [("schmidt", "smit"), ("meyer", "maier"), ("katharina", "catarina"), ("philipp", "filip")] {
            assert_eq!(sound(a), sound(b), "{a} {b}");
        }
        assert_ne!(sound("weber"), sound("wagner"));
    }

    #[test]
    fn phones_and_dates_are_told_from_their_digits() {
        assert_eq!(phone("+49 (0)171 234-5678"), Some(491_712_345_678));
        assert_eq!(phone("ext. 42"), None);
        assert_eq!((date("1990-02-28T00:00:00Z"), date("28/02/1990")), (Some(19_900_228), None));
    }

    #[test]
    fn edits_agree_with_strsim() {
        let words = ["schmidt", "schmitd", "smith", "shmidt", "schmid", "petrova", "petorva", "peterova", "a", ""];
        for a in words {
            for b in words {
                let full = strsim::osa_distance(a, b);
                assert_eq!(edits(a, b, 2), Some(full).filter(|found| *found <= 2), "{a} {b}");
                assert_eq!(edits(a, b, 1), Some(full).filter(|found| *found <= 1), "{a} {b}");
            }
        }
    }
}
