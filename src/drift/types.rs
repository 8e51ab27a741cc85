//! The eleven types of drift, and the rules that find each.

/// A type of drift.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DriftType {
    /// `DT-1`.
    pub id: &'static str,
    /// Name.
    pub name: &'static str,
    /// The two sides.
    pub compares: &'static str,
    /// What would explain an item of it.
    pub explained_by: &'static str,
    /// Rules that find it, built or not.
    pub rules: &'static [&'static str],
}

/// Every type, in order.
pub const DRIFT_TYPES: &[DriftType] = &[
    DriftType {
        id: "DT-1",
        name: "temporal",
        compares: "the earlier snapshot with this one",
        explained_by: "an approved request, a ticket named in the audit log, an HR event or declared state, in the window of the change",
        rules: &["DRF-001", "DRF-002", "DRF-003", "DRF-009", "DRF-010", "ORP-009"],
    },
    DriftType {
        id: "DT-2",
        name: "source of truth",
        compares: "HR with the accounts of every system",
        explained_by: "a row of HR for the person, or a decision in the policy folder about whose account it is",
        rules: &["LCM-001", "LCM-008", "ORP-001"],
    },
    DriftType {
        id: "DT-3",
        name: "cross-system",
        compares: "what the identity provider assigns with what the application holds",
        explained_by: "an assignment in policy/assignments.toml, or the membership that implies it",
        rules: &["DRF-007"],
    },
    DriftType {
        id: "DT-4",
        name: "declared state",
        compares: "declared state with the target, both ways",
        explained_by: "its declaration in a file that policy/declared.toml names, or leaving it out of the managed scope",
        rules: &["DRF-004", "DRF-005"],
    },
    DriftType {
        id: "DT-5",
        name: "requested and granted",
        compares: "approvals with grants",
        explained_by: "an approval that names what was granted, to whom and for how long",
        rules: &["CTL-007", "DRF-008"],
    },
    DriftType {
        id: "DT-6",
        name: "role definition",
        compares: "the role catalogue with what roles hold",
        explained_by: "the role's entry in the role catalogue",
        rules: &["DRF-013"],
    },
    DriftType {
        id: "DT-7",
        name: "hold duration",
        compares: "how long access is held with how long it was meant to be",
        explained_by: "an approval with a later end",
        rules: &["XPR-008"],
    },
    DriftType {
        id: "DT-8",
        name: "review decision",
        compares: "what a review revoked with what is still there",
        explained_by: "a later decision to keep it",
        rules: &["DRF-012"],
    },
    DriftType {
        id: "DT-9",
        name: "remediation regression",
        compares: "what was put right with what is true again",
        explained_by: "an exception, or a decision to accept it",
        rules: &["DRF-011"],
    },
    DriftType {
        id: "DT-10",
        name: "environment parity",
        compares: "the same role in several environments",
        explained_by: "an entry that says the environments are meant to differ",
        rules: &["DRF-014"],
    },
    DriftType {
        id: "DT-11",
        name: "attribute",
        compares: "a person's attributes in HR with those of the person's accounts",
        explained_by: "the value in HR, or a change that is younger than the grace",
        rules: &["DRF-006"],
    },
];

/// The type with this id, in any letter case.
pub fn find(id: &str) -> Option<&'static DriftType> {
    DRIFT_TYPES.iter().find(|known| known.id.eq_ignore_ascii_case(id))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn eleven_types_each_with_rules_of_the_catalogue() {
        assert_eq!(DRIFT_TYPES.len(), 11);
        let known = crate::rules::catalogue::entries();
        for (number, drift) in (1..).zip(DRIFT_TYPES) {
            assert_eq!(drift.id, format!("DT-{number}"));
            assert!(drift.rules.is_sorted());
            assert!(drift.rules.iter().all(|rule| known.iter().any(|entry| entry.id == *rule)), "{}", drift.id);
        }
    }
}
