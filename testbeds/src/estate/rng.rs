//! A tiny seeded generator of pseudo-random numbers, and ids derived from names.
//!
//! SplitMix64 (Steele, Lea, Flood: Fast Splittable Pseudorandom Number Generators, OOPSLA 2014): the same seed gives the
//! same numbers on every machine, today and in ten years, which no published crate promises. Not for secrets.

/// SplitMix64.
#[derive(Debug, Clone)]
pub struct Rng(u64);

impl Rng {
    /// A generator whose numbers depend on `seed` alone.
    pub const fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// A generator whose numbers depend on `text` alone, so that adding one person changes no other one.
    pub fn of(text: &str) -> Self {
        // FNV-1a, 64 bit: offset basis and prime from its IETF draft.
        let hash = text
            .bytes()
            .fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3));
        Self(hash)
    }

    /// The next 64 bits.
    pub const fn bits(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// A number in `0..end`; `end` must not be 0. The bias of the remainder is far below what an example could show.
    pub const fn below(&mut self, end: u64) -> u64 {
        self.bits() % end
    }

    /// A number in `low..=high`.
    pub fn between(&mut self, low: i64, high: i64) -> i64 {
        debug_assert!(low <= high, "an empty range has no number");
        low + i64::try_from(self.below(high.abs_diff(low) + 1)).expect("the span of two small numbers is small")
    }

    /// True in `percent` of 100 cases.
    pub const fn chance(&mut self, percent: u64) -> bool {
        self.below(100) < percent
    }

    /// One element; `from` must not be empty.
    pub fn pick<'a, T>(&mut self, from: &'a [T]) -> &'a T {
        let index = self.below(from.len() as u64);
        &from[usize::try_from(index).expect("an index below a length fits usize")]
    }
}

/// Sixteen bytes that look random and belong to `name` for ever.
pub fn bytes_of(name: &str) -> [u8; 16] {
    let mut rng = Rng::of(name);
    let mut bytes = [0; 16];
    bytes[..8].copy_from_slice(&rng.bits().to_be_bytes());
    bytes[8..].copy_from_slice(&rng.bits().to_be_bytes());
    bytes
}

/// A version-4 UUID in text form that belongs to `name` for ever.
pub fn uuid_of(name: &str) -> String {
    let mut bytes = bytes_of(name);
    bytes[6] = (bytes[6] & 0x0f) | 0x40;
    bytes[8] = (bytes[8] & 0x3f) | 0x80;
    uuid_text(bytes)
}

/// Sixteen bytes in the text form of a UUID, in the order given.
pub fn uuid_text(bytes: [u8; 16]) -> String {
    let hex = bytes.iter().fold(String::with_capacity(32), |text, byte| text + &format!("{byte:02x}"));
    format!("{}-{}-{}-{}-{}", &hex[..8], &hex[8..12], &hex[12..16], &hex[16..20], &hex[20..])
}

/// An AWS unique id such as `AIDA…`: the prefix and seventeen characters that belong to `name` for ever.
pub fn aws_id_of(prefix: &str, name: &str) -> String {
    const ALPHABET: &[u8; 32] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
    let mut rng = Rng::of(name);
    (0..17).fold(prefix.to_owned(), |mut id, _| {
        id.push(char::from(*rng.pick(ALPHABET)));
        id
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_those_of_the_published_algorithm() {
        // First outputs for seed 1234567, from the reference implementation (prng.di.unimi.it/splitmix64.c).
        let mut rng = Rng::new(1_234_567);
        assert_eq!([rng.bits(), rng.bits()], [6_457_827_717_110_365_317, 3_203_168_211_198_807_973]);
    }

    #[test]
    fn ids_have_the_shape_of_their_vendor() {
        assert_eq!(aws_id_of("AIDA", "x").len(), 21);
        assert_eq!(uuid_of("x").as_bytes()[14], b'4');
    }
}
