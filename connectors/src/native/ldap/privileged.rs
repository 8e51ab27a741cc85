//! Active Directory's built-in accounts and groups, by security identifier.
//!
//! Source: Microsoft, "Active Directory security groups" and "Well-known SIDs" ([MS-DTYP] 2.4.2.4); privileges follow
//! Microsoft's list of protected accounts and groups (AdminSDHolder), which covers what can raise itself to
//! administrator.

use crate::record::PrivilegeLevel;

/// Relative id of the built-in Administrator.
pub(super) const ADMINISTRATOR: u32 = 500;
/// Relative id of Guest.
pub(super) const GUEST: u32 = 501;
/// Relative id of the Kerberos service account.
pub(super) const KRBTGT: u32 = 502;

/// The domain part of the built-in local groups.
const BUILTIN: &str = "S-1-5-32";

/// Privilege of being a member of the group with this security identifier, where it is a built-in one.
pub(super) fn of_group(domain: &str, rid: u32) -> Option<PrivilegeLevel> {
    use PrivilegeLevel::{Admin, Baseline, Limited, Privileged};
    if domain == BUILTIN {
        return match rid {
            // Administrators; Account, Server, Print and Backup Operators can each become administrator.
            544 | 548..=551 => Some(Admin),
            // Replicator, Network Configuration Operators, Hyper-V Administrators, Remote Management Users and their
            // like.
            552 | 556 | 557 | 578 | 580 => Some(Privileged),
            // Remote Desktop Users, Event Log Readers, Distributed COM Users, Certificate Service DCOM Access.
            555 | 562 | 573 | 574 => Some(Limited),
            // Users, Guests, Pre-Windows 2000 Compatible Access.
            545 | 546 | 554 => Some(Baseline),
            _ => None,
        };
    }
    match rid {
        // Domain Admins, Domain Controllers, Schema Admins, Enterprise Admins, Key Admins, Enterprise Key Admins: each
        // owns the directory or can sign in as anyone.
        512 | 516 | 518 | 519 | 526 | 527 => Some(Admin),
        // Cert Publishers, Group Policy Creator Owners, Read-only Domain Controllers (both kinds), RAS and IAS Servers.
        517 | 520 | 521 | 498 | 553 => Some(Privileged),
        // Domain Users, Domain Guests, Domain Computers.
        513..=515 => Some(Baseline),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn builtin_groups_are_told_by_sid_and_others_are_not_judged() {
        assert_eq!(of_group("S-1-5-21-1-2-3", 512), Some(PrivilegeLevel::Admin));
        assert_eq!(of_group(BUILTIN, 544), Some(PrivilegeLevel::Admin));
        assert_eq!(of_group("S-1-5-21-1-2-3", 544), None);
        assert_eq!(of_group("S-1-5-21-1-2-3", 1104), None);
    }
}
