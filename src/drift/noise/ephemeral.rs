//! Accounts and credentials that are made for a lease or a session and go by design: that they come and go is no drift. That one
//! outlives its lease is another question.

use crate::people::is_leased;

/// Whether an account is named as Vault names the users of a lease.
pub(in crate::drift) fn is_account(login: &str) -> bool {
    is_leased(&crate::people::fold(login))
}

/// Whether a credential is a session's: AWS gives temporary access keys ids that start with `ASIA` (IAM User Guide,
/// "Unique identifiers").
pub(in crate::drift) fn is_credential(id: &str) -> bool {
    id.starts_with("ASIA")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn leases_and_sessions_are_ephemeral_and_keys_and_people_are_not() {
        assert!(is_account("v-token-readonly-8xk2v0q1z9w7b3n5m4l6-1781524800"));
        assert!(!is_account("v-lopez"));
        assert!(is_credential("ASIAXXXXXXXX"));
        assert!(!is_credential("AKIAXXXXXXXX"));
    }
}
