use muster_connectors::record::{CredentialKind, RecordKind};
use muster_reports::view::Severity;

use crate::controls::{CRED, LP};
use crate::rules::{Facts, Failure, Manual, Need, Population, Rule, Setting, Subject, Verdict};

pub(in crate::rules) static RULE: Rule = Rule {
    id: "CRD-005",
    slug: "root-or-doubled-key",
    title: "Root or doubled key",
    severity: Severity::High,
    controls: &[CRED, LP],
    population: Population::Accounts,
    needs: &[Need::CREDENTIAL],
    options: &[Setting {
        name: "overlap_days",
        default: 14,
        about: "days for which two keys may overlap while one replaces the other",
    }],
    manual: Manual {
        finds: "A working access key of a tenant's root account, or an account with more than one working access key beyond the overlap that a rotation needs.",
        matters: "A root key can do everything and cannot be restricted. A second key is a copy that the next rotation forgets.",
        evidence: "The account's row and each of the keys.",
        fix: "Delete root keys and use roles instead; of two keys, delete the one that is used less.",
        limits: "Rests on the keys that the system lists; keys of other kinds are not counted together.",
    },
    judge,
};

fn judge(facts: &Facts<'_>, subject: Subject) -> Verdict {
    let Subject::Account(ix) = subject else { return Verdict::NotApplicable };
    let Some(account) = facts.graph.account(ix) else { return Verdict::NotApplicable };
    let keys: Vec<_> =
        facts.credentials_of(ix).filter(|(_, key)| key.kind == CredentialKind::AccessKey && facts.works(key)).collect();
    let clean = || match facts.unread_here(facts.graph.node(ix).scope, RecordKind::Credential) {
        Some(why) => Verdict::NotEvaluated(format!("a key may lie in what was not read: {why}")),
        None if keys.is_empty() && !account.is_root => Verdict::NotApplicable,
        None => Verdict::Pass,
    };
    let overlap = facts.option(&RULE, "overlap_days");
    // A rotation is under way as long as the newest key is younger than the overlap.
    let newest = keys.iter().filter_map(|(_, key)| key.renewed().days_before(facts.now)).min();
    let name = facts.graph.name(ix);
    let system = facts.graph.system_name(facts.graph.node(ix).system);
    let message = if account.is_root && !keys.is_empty() {
        format!("The root account {name} in {system} has {} working access key(s).", keys.len())
    } else if keys.len() > 1 && newest.is_none_or(|days| i64::from(days) >= overlap) {
        format!("The account {name} in {system} has {} working access keys, none of them new.", keys.len())
    } else {
        return clean();
    };
    let mut failure = Failure::new(message).row(facts.account_row(ix, &[]));
    for (key, _) in &keys {
        failure = failure.row(facts.credential_row(*key));
    }
    failure.verdict()
}
