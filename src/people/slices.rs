//! Slices of employments: stretches in which a person's department, title, place and worker type stayed the same.
//!
//! What a person may hold by attributes is decided by the slices that run; what is left over from a former one is residue.

use jiff::Timestamp;

use super::{Employment, People, PersonIx, Standing, Terms};

/// A stretch of an employment in which its terms stayed the same.
#[derive(Debug, Clone, Copy)]
pub struct Slice<'a> {
    /// The employment.
    pub employment: &'a Employment,
    /// What held.
    pub terms: Terms,
    /// Whether it runs.
    pub runs: bool,
    /// Since when; `None` when HR does not say.
    pub since: Option<Timestamp>,
    /// When it ended; `None` while it runs, and when HR does not say.
    pub ended: Option<Timestamp>,
}

impl People {
    /// The slices of a person that run or have ended, by employment and time. What is still to come is none.
    ///
    /// HR has to keep what was: as employments that ended, or as a record for each change. Terms that a feed overwrites are
    /// forgotten.
    pub fn slices(&self, person: PersonIx, now: Timestamp) -> Vec<Slice<'_>> {
        let mut slices = Vec::new();
        for employment in &self.person(person).employments {
            self.slices_of(employment, now, &mut slices);
        }
        slices
    }

    fn slices_of<'a>(&'a self, employment: &'a Employment, now: Timestamp, slices: &mut Vec<Slice<'a>>) {
        let (runs, ended) = match self.employment_standing(employment, now) {
            Standing::Employed | Standing::OnLeave => (true, None),
            Standing::Ended { at, .. } => (false, at),
            Standing::Future { .. } | Standing::Unknown => return,
        };
        let zone = self.zone.as_ref();
        let counts = |terms: &Terms| terms.counts_from(&terms.zone(&self.strings, zone));
        let starts = |terms: &Terms| {
            let day = terms.start?.to_zoned(terms.zone(&self.strings, zone)).ok()?;
            Some(day.timestamp())
        };
        let begun = employment.changes.partition_point(|change| counts(&change.terms) <= Some(now));
        let begun = &employment.changes[..begun];
        for (place, pair) in begun.windows(2).enumerate() {
            let [before, after] = pair else { continue };
            let since =
                if place == 0 { starts(&before.terms).or(counts(&before.terms)) } else { counts(&before.terms) };
            slices.push(Slice { employment, terms: before.terms, runs: false, since, ended: counts(&after.terms) });
        }
        let terms = employment.terms();
        let since = if begun.len() > 1 { counts(&terms) } else { starts(&terms).or(counts(&terms)) };
        slices.push(Slice { employment, terms, runs, since, ended });
    }
}
