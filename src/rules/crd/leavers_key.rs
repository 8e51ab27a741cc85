use muster_connectors::record::CredentialKind;
use muster_reports::view::Severity;

use crate::controls::{CRED, LEAVE};
use crate::people::Standing;
use crate::rules::{Facts, Failure, Manual, Need, Population, Rule, Setting, Subject, Verdict};

pub(in crate::rules) static RULE: Rule = Rule {
    id: "CRD-007",
    slug: "leavers-key-alive",
    title: "Leaver's credential alive",
    severity: Severity::Critical,
    controls: &[LEAVE, CRED],
    population: Population::Credentials,
    needs: &[Need::ALL_EMPLOYMENTS, Need::CREDENTIAL],
    options: &[Setting {
        name: "grace_hours",
        default: 24,
        about: "hours after the effective instant in which it must be revoked (as for the leaver's accounts, LCM-001)",
    }],
    manual: Manual {
        finds: "An access key, client secret or certificate that works, of a person none of whose employments runs any more.",
        matters: "A key needs no sign-in, so a disabled account does not stop it: it works from anywhere, for as long as it exists.",
        evidence: "The credential's row with its last use, and the person's employments with their ends.",
        fix: "Deactivate it now and delete it when nothing breaks; if it was used since the person left, treat that as an incident.",
        limits: "Tokens, consents and SSH keys, which outlive a session, are LCM-015's; a password ends with its account. Keys that the person knew of accounts of others are CRD-006's.",
    },
    judge,
};

fn judge(facts: &Facts<'_>, subject: Subject) -> Verdict {
    let Subject::Credential(ix) = subject else { return Verdict::NotApplicable };
    match facts.graph.credential(ix).kind {
        CredentialKind::AccessKey | CredentialKind::ClientSecret | CredentialKind::Certificate => {}
        CredentialKind::Password | CredentialKind::Token | CredentialKind::SshKey | CredentialKind::OauthConsent => {
            return Verdict::NotApplicable;
        }
    }
    facts.outlives_leaver(ix, facts.option(&RULE, "grace_hours"))
}

impl Facts<'_> {
    /// Judges a credential by whether its holder still works here; `grace_hours` after the end it has to be off.
    pub(in crate::rules) fn outlives_leaver(&self, ix: crate::graph::CredentialIx, grace_hours: i64) -> Verdict {
        let credential = self.graph.credential(ix);
        if !self.works(credential) {
            return Verdict::NotApplicable;
        }
        let Some((account, (person, standing))) =
            credential.account.and_then(|account| Some((account, self.holder(account)?)))
        else {
            return Verdict::NotApplicable;
        };
        let at = match standing {
            Standing::Ended { at, .. } => at,
            Standing::Employed | Standing::OnLeave | Standing::Future { .. } => return Verdict::Pass,
            Standing::Unknown => {
                return Verdict::NotEvaluated("HR does not say whether the person is employed".to_owned());
            }
        };
        if at.is_some_and(|at| self.now.duration_since(at).as_hours() < grace_hours) {
            return Verdict::Pass;
        }
        let used = match (at, credential.last_used.at()) {
            (Some(at), Some(used)) if used > at => format!("; it was used on {}", used.strftime("%Y-%m-%d")),
            (_, _) => String::new(),
        };
        let mut failure = Failure::new(format!(
            "{} has left, and the {} {} of {} in {} still works{used}.",
            self.people.name(person),
            credential.kind,
            self.graph.text(credential.id),
            self.graph.name(account),
            self.graph.system_name(credential.system),
        ))
        .row(self.credential_row(ix))
        .row(self.account_row(account, &[("linked", self.link_reason(account))]));
        for row in self.employment_rows(person) {
            failure = failure.row(row);
        }
        failure.verdict()
    }
}
