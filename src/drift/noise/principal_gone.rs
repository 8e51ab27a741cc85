//! Grants and memberships that went because their account or group went: that one removal is the change.

use rustc_hash::FxHashSet;

/// Accounts and groups that are gone, as system and id.
#[derive(Debug, Default)]
pub(in crate::drift) struct Departed<'a>(FxHashSet<(&'a str, &'a str)>);

impl<'a> Departed<'a> {
    pub(in crate::drift) fn of(gone: impl Iterator<Item = (&'a str, &'a str)>) -> Self {
        Self(gone.collect())
    }

    /// Whether one of the two ends of a tie is gone.
    pub(in crate::drift) fn takes(&self, system: &str, ends: [&str; 2]) -> bool {
        ends.iter().any(|end| self.0.contains(&(system, end)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_namesake_in_another_system_takes_nothing_with_it() {
        let departed = Departed::of([("crm", "u1")].into_iter());
        assert!(departed.takes("crm", ["u1", "g1"]));
        assert!(!departed.takes("shop", ["u1", "g1"]));
    }
}
