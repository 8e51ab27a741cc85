//! The words that exports use for states and kinds, and what they mean here.
//!
//! Words are compared without case, spaces and punctuation. Only words with one meaning are listed; a system's own words
//! are mapped by `values` in the config.

use crate::record::{
    AccountClass, Affiliation, CredentialKind, CredentialState, EmploymentStatus, EntitlementKind, EventOutcome,
    GrantOrigin, GroupRule, Lifecycle, PolicyKind, PrincipalKind, PrivilegeLevel, Purpose, WorkerType,
};

/// The spellings of one enum, and other words for them.
#[derive(Debug)]
pub(super) struct Vocabulary {
    /// What a value is called in messages.
    pub(super) what: &'static str,
    /// Our own spellings.
    pub(super) known: fn() -> Vec<&'static str>,
    /// Folded word, our spelling.
    pub(super) synonyms: &'static [(&'static str, &'static str)],
}

macro_rules! vocabulary {
    ($name:ident, $type:ident, $what:literal, $($word:literal => $meaning:literal),* $(,)?) => {
        #[doc = concat!("Words for a ", $what, ".")]
        pub(super) static $name: Vocabulary = Vocabulary {
            what: $what,
            known: || $type::ALL.iter().map(|value| value.as_str()).collect(),
            synonyms: &[$(($word, $meaning)),*],
        };
    };
}

vocabulary!(STATUS, EmploymentStatus, "employment status",
    "a" => "active", "current" => "active", "employed" => "active", "working" => "active", "activeemployee" => "active",
    "onleave" => "leave", "leaveofabsence" => "leave", "loa" => "leave", "paidleave" => "leave", "unpaidleave" => "leave",
    "parentalleave" => "leave", "maternityleave" => "leave", "sabbatical" => "leave", "furlough" => "leave",
    "hired" => "future", "prehire" => "future", "futurehire" => "future", "pending" => "future",
    "notstarted" => "future", "onboarding" => "future", "t" => "terminated", "term" => "terminated", "left" => "terminated",
    "leaver" => "terminated", "inactive" => "terminated", "former" => "terminated", "formeremployee" => "terminated",
    "resigned" => "terminated", "dismissed" => "terminated", "retired" => "terminated", "deceased" => "terminated",
    "separated" => "terminated", "ended" => "terminated", "offboarded" => "terminated", "gardenleave" => "leave",
    "gardeningleave" => "leave", "sickleave" => "leave", "longtermsick" => "leave", "medicalleave" => "leave",
    "militaryleave" => "leave", "canceled" => "cancelled", "rescinded" => "cancelled", "withdrawn" => "cancelled",
    "noshow" => "cancelled", "declinedoffer" => "cancelled");

vocabulary!(WORKER_TYPE, WorkerType, "worker type",
    "emp" => "employee", "regular" => "employee", "permanent" => "employee", "fulltime" => "employee", "parttime" => "employee",
    "staff" => "employee", "fte" => "employee", "fixedterm" => "employee", "contingentworker" => "contractor",
    "contingent" => "contractor", "external" => "contractor", "freelancer" => "contractor", "freelance" => "contractor",
    "consultant" => "contractor", "independentcontractor" => "contractor", "cwk" => "contractor", "trainee" => "intern",
    "apprentice" => "intern", "student" => "intern", "workingstudent" => "intern", "temp" => "temporary",
    "agency" => "temporary", "agencyworker" => "temporary", "seasonal" => "temporary", "supplier" => "vendor");

vocabulary!(CLASS, AccountClass, "account class",
    "user" => "human", "person" => "human", "member" => "human", "employee" => "human", "standard" => "human",
    "administrator" => "admin", "privileged" => "admin", "serviceaccount" => "service", "svc" => "service", "bot" => "service",
    "robot" => "service", "application" => "service", "app" => "service", "integration" => "service", "api" => "service",
    "machineuser" => "service", "workload" => "service", "builtin" => "system", "sharedmailbox" => "shared",
    "generic" => "shared", "room" => "shared", "kiosk" => "shared", "training" => "test", "emergency" => "break-glass",
    "firecall" => "break-glass", "aiagent" => "agent", "computer" => "device", "machine" => "device");

vocabulary!(AFFILIATION, Affiliation, "affiliation",
    "internal" => "employee", "staff" => "employee", "external" => "contractor", "contingent" => "contractor",
    "freelancer" => "contractor", "b2b" => "guest", "invited" => "guest", "supplier" => "vendor");

vocabulary!(LIFECYCLE, Lifecycle, "account state",
    "enabled" => "active", "true" => "active", "yes" => "active", "1" => "active", "ok" => "active", "a" => "active",
    "normal" => "active", "open" => "active", "inactive" => "disabled", "false" => "disabled", "no" => "disabled",
    "0" => "disabled", "deactivated" => "disabled", "blocked" => "disabled", "terminated" => "disabled",
    "closed" => "disabled", "invited" => "pending", "pendinginvitation" => "pending", "notactivated" => "pending",
    "provisioned" => "staged", "new" => "staged", "lockedout" => "locked", "passwordexpired" => "expired",
    "paused" => "suspended", "onhold" => "suspended", "removed" => "deleted", "softdeleted" => "deleted");

vocabulary!(GROUP_RULE, GroupRule, "group rule",
    "static" => "assigned", "manual" => "assigned", "rule" => "dynamic", "querybased" => "dynamic", "synced" => "synchronised",
    "synchronized" => "synchronised", "imported" => "synchronised");

vocabulary!(PRINCIPAL_KIND, PrincipalKind, "principal kind",
    "user" => "account", "member" => "account", "serviceaccount" => "account", "serviceprincipal" => "account",
    "person" => "account", "team" => "group", "securitygroup" => "group");

vocabulary!(ENTITLEMENT_KIND, EntitlementKind, "entitlement kind",
    "profile" => "role", "right" => "permission", "privilege" => "permission", "license" => "licence", "seat" => "licence",
    "oauthscope" => "scope");

vocabulary!(PURPOSE, Purpose, "purpose", "membership" => "assignment", "access" => "permission", "owner" => "ownership");

vocabulary!(PRIVILEGE, PrivilegeLevel, "privilege level",
    "administrator" => "admin", "superuser" => "admin", "owner" => "admin", "root" => "admin", "high" => "privileged",
    "elevated" => "privileged", "none" => "baseline", "standard" => "baseline", "user" => "baseline");

vocabulary!(ORIGIN, GrantOrigin, "grant origin",
    "assigned" => "direct", "explicit" => "direct", "indirect" => "inherited", "derived" => "inherited",
    "group" => "inherited", "implicit" => "inherited");

vocabulary!(CREDENTIAL_KIND, CredentialKind, "credential kind",
    "apikey" => "token", "apitoken" => "token", "pat" => "token", "personalaccesstoken" => "token", "bearertoken" => "token",
    "x509" => "certificate", "cert" => "certificate", "ssh" => "ssh_key", "sshpublickey" => "ssh_key",
    "consent" => "oauth_consent", "oauth" => "oauth_consent", "appsecret" => "client_secret");

vocabulary!(CREDENTIAL_STATE, CredentialState, "credential state",
    "enabled" => "active", "valid" => "active", "true" => "active", "disabled" => "inactive", "false" => "inactive",
    "deactivated" => "inactive", "withdrawn" => "revoked", "deleted" => "revoked");

vocabulary!(OUTCOME, EventOutcome, "outcome",
    "succeeded" => "success", "ok" => "success", "completed" => "success", "done" => "success", "failed" => "failure", "error" => "failure",
    "ratelimited" => "throttled", "toomanyrequests" => "throttled", "429" => "throttled");

vocabulary!(POLICY_KIND, PolicyKind, "policy kind",
    "managed" => "identity", "inline" => "identity", "permissionsboundary" => "boundary", "servicecontrolpolicy" => "scp",
    "resourcecontrolpolicy" => "rcp", "resourcebased" => "resource", "assumerole" => "trust", "customrole" => "role_definition");

/// Words for yes and no.
pub(super) static YES_NO: Vocabulary = Vocabulary {
    what: "yes or no",
    known: || vec!["true", "false"],
    synonyms: &[
        ("yes", "true"),
        ("y", "true"),
        ("t", "true"),
        ("1", "true"),
        ("x", "true"),
        ("on", "true"),
        ("enabled", "true"),
        ("approved", "true"),
        ("granted", "true"),
        ("accepted", "true"),
        ("verified", "true"),
        ("no", "false"),
        ("n", "false"),
        ("f", "false"),
        ("0", "false"),
        ("off", "false"),
        ("disabled", "false"),
        ("rejected", "false"),
        ("denied", "false"),
        ("declined", "false"),
        ("refused", "false"),
        ("none", "false"),
    ],
};

/// What became of a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Decision {
    /// Approved.
    Approved,
    /// Refused, or taken back.
    Refused,
    /// Nobody has decided yet.
    Open,
}

impl Decision {
    /// As a record has it.
    pub(super) const fn approved(self) -> Option<bool> {
        match self {
            Self::Approved => Some(true),
            Self::Refused => Some(false),
            Self::Open => None,
        }
    }
}

impl std::str::FromStr for Decision {
    type Err = ();

    fn from_str(word: &str) -> Result<Self, ()> {
        match word {
            "true" => Ok(Self::Approved),
            "false" => Ok(Self::Refused),
            "open" => Ok(Self::Open),
            _ => Err(()),
        }
    }
}

/// Words for what became of a request.
pub(super) static DECISION: Vocabulary = Vocabulary {
    what: "decision",
    known: || vec!["true", "false", "open"],
    synonyms: &[
        ("yes", "true"),
        ("y", "true"),
        ("1", "true"),
        ("approved", "true"),
        ("granted", "true"),
        ("accepted", "true"),
        ("fulfilled", "true"),
        ("no", "false"),
        ("n", "false"),
        ("0", "false"),
        ("rejected", "false"),
        ("denied", "false"),
        ("declined", "false"),
        ("refused", "false"),
        ("cancelled", "false"),
        ("canceled", "false"),
        ("withdrawn", "false"),
        ("expired", "false"),
        ("pending", "open"),
        ("pendingapproval", "open"),
        ("waiting", "open"),
        ("waitingforapproval", "open"),
        ("requested", "open"),
        ("submitted", "open"),
        ("new", "open"),
        ("inprogress", "open"),
        ("inreview", "open"),
    ],
};

/// Folded words that say that a cell is empty.
pub(super) const NOTHING: [&str; 4] = ["", "na", "null", "nil"];

/// Words for an instant that is none: what it says about the fact, as [`crate::record::FactState`] spells it.
pub(super) static NO_INSTANT: Vocabulary = Vocabulary {
    what: "date or time",
    known: || vec!["none", "never", "unreadable"],
    synonyms: &[
        ("neverloggedin", "never"),
        ("neverused", "never"),
        ("notused", "never"),
        ("", "none"),
        ("na", "none"),
        ("null", "none"),
        ("nil", "none"),
        ("noexpiry", "none"),
        ("neverexpires", "none"),
        ("unlimited", "none"),
        ("unknown", "unreadable"),
        ("00000000", "none"),
    ],
};

/// `word` in lower case without spaces and punctuation, in `folded`.
pub(super) fn fold(word: &str, folded: &mut String) {
    folded.clear();
    folded.extend(word.chars().filter(|letter| letter.is_alphanumeric()).flat_map(char::to_lowercase));
}

/// [`fold`] into a string of its own.
pub(super) fn folded(word: &str) -> String {
    let mut text = String::with_capacity(word.len());
    fold(word, &mut text);
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_synonym_is_folded_and_means_a_known_word_once() {
        for vocabulary in [
            &STATUS,
            &WORKER_TYPE,
            &CLASS,
            &AFFILIATION,
            &LIFECYCLE,
            &GROUP_RULE,
            &PRINCIPAL_KIND,
            &ENTITLEMENT_KIND,
            &PURPOSE,
            &PRIVILEGE,
            &ORIGIN,
            &CREDENTIAL_KIND,
            &CREDENTIAL_STATE,
            &POLICY_KIND,
            &YES_NO,
            &OUTCOME,
            &DECISION,
            &NO_INSTANT,
        ] {
            let known = (vocabulary.known)();
            let mut seen: Vec<String> = known.iter().map(|word| folded(word)).collect();
            for (word, meaning) in vocabulary.synonyms {
                assert_eq!(folded(word), *word, "{}", vocabulary.what);
                assert!(known.contains(meaning), "{}: {meaning}", vocabulary.what);
                assert!(!seen.iter().any(|other| other == word), "{}: `{word}` twice", vocabulary.what);
                seen.push((*word).to_owned());
            }
        }
    }
}
