use muster_connectors::record::{AccountClass, CredentialKind, PrivilegeLevel};
use muster_reports::view::Severity;

use crate::access::Privilege;
use crate::controls::{CRED, NHI};
use crate::graph::{Credential, NodeIx};
use crate::people::fold;
use crate::rules::{Facts, Failure, Manual, Need, Population, Rule, Subject, Verdict};

pub(in crate::rules) static RULE: Rule = Rule {
    id: "CRD-008",
    slug: "not-vaulted",
    title: "Not vaulted / static where federation exists",
    severity: Severity::Medium,
    controls: &[CRED, NHI],
    population: Population::Credentials,
    needs: &[Need::CREDENTIAL],
    options: &[],
    manual: Manual {
        finds: "A working secret of a privileged account that no vault keeps, in a system whose privileged secrets have to be in one; and a key of a workload where the platform would give it an identity without any.",
        matters: "A secret outside the vault is known to whoever saw it once, and nobody changes it when they leave. A key that need not exist is the easiest one to lose.",
        evidence: "The credential's row, and what policy/vault.toml says of its system and account.",
        fix: "Put the secret into the vault, have it rotated there, and enter it in policy/vault.toml; replace the key by the platform's workload identity and delete it.",
        limits: "Vaults and systems are those of policy/vault.toml, which an export of the vault can write. Passwords of people, certificates and consents are not judged: people keep the first, the others are no shared secrets. Workloads are accounts of the classes service and agent.",
    },
    judge,
};

fn judge(facts: &Facts<'_>, subject: Subject) -> Verdict {
    let Subject::Credential(ix) = subject else { return Verdict::NotApplicable };
    let credential = facts.graph.credential(ix);
    let Some(account) = credential.account.filter(|account| facts.works(credential) && facts.is_active(*account))
    else {
        return Verdict::NotApplicable;
    };
    let is_workload = matches!(facts.people.class(account).class, AccountClass::Service | AccountClass::Agent);
    let is_secret = match credential.kind {
        CredentialKind::AccessKey | CredentialKind::Token | CredentialKind::ClientSecret | CredentialKind::SshKey => {
            true
        }
        CredentialKind::Password => !facts.people.is_human(account),
        CredentialKind::Certificate | CredentialKind::OauthConsent => false,
    };
    if !is_secret {
        return Verdict::NotApplicable;
    }
    let Some(vaults) = &facts.policy.vaults else {
        return Verdict::NotEvaluated("no policy/vault.toml says what is kept in a vault".to_owned());
    };
    let system = facts.graph.system_name(credential.system);
    let lists = |systems: &[String]| systems.iter().any(|name| name == system);
    let needs_no_key = is_workload && credential.kind != CredentialKind::Password && lists(&vaults.workload_identity);
    if !needs_no_key && !lists(&vaults.keeps) {
        return Verdict::NotApplicable;
    }
    let holder = facts.graph.name(account);
    let fails = |how: &str| {
        let id = facts.graph.text(credential.id);
        Failure::new(format!("The {} {id} of {holder} in {system} {how}.", credential.kind))
            .row(facts.credential_row(ix))
            .verdict()
    };
    if needs_no_key {
        return fails("could be replaced by the platform's own workload identity");
    }
    if is_kept(facts, account, credential) {
        return Verdict::Pass;
    }
    match facts.privilege(account) {
        level if level.is_at_least(PrivilegeLevel::Privileged) => fails("makes privileged, and no vault keeps it"),
        Privilege::Undecided { at_most, why, .. } if at_most >= PrivilegeLevel::Privileged => {
            Verdict::NotEvaluated(why)
        }
        Privilege::Undecided { .. } | Privilege::Certain(_) => Verdict::Pass,
    }
}

/// Whether a vault keeps this credential, or all of the account's.
fn is_kept(facts: &Facts<'_>, account: NodeIx, credential: &Credential) -> bool {
    let Some(vaults) = &facts.policy.vaults else { return false };
    let names = facts.names_of(account);
    let (system, id) = (facts.graph.system_name(credential.system), fold(facts.graph.text(credential.id)));
    vaults.secrets.iter().any(|secret| {
        secret.system == system
            && secret.credential.as_deref().is_none_or(|kept| fold(kept) == id)
            && names.contains(&fold(&secret.account))
    })
}
