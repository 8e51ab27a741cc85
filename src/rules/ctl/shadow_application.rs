use muster_reports::view::Severity;

use crate::controls::INV;
use crate::people::fold;
use crate::rules::{Facts, Failure, Manual, Population, Rule, Subject, Verdict};

pub(in crate::rules) static RULE: Rule = Rule {
    id: "CTL-012",
    slug: "shadow-application",
    title: "Shadow application",
    severity: Severity::Medium,
    controls: &[INV],
    population: Population::Applications,
    needs: &[],
    options: &[],
    manual: Manual {
        finds: "An application that people let act for them, by OAuth consent, and that neither policy/inventory.toml nor policy/nhi.toml nor the config knows.",
        matters: "Company data lies in it, its accounts are nobody's business, and a leaver keeps them.",
        evidence: "The consents, up to twenty, with their holders.",
        fix: "Register the application in policy/inventory.toml with an owner, and collect it; or block it and revoke the consents.",
        limits: "Sees the applications that consents and OAuth scopes show; expense reports and network logs are read by no connector.",
    },
    judge,
};

fn judge(facts: &Facts<'_>, subject: Subject) -> Verdict {
    let Subject::Application(place) = subject else { return Verdict::NotApplicable };
    let application = &facts.applications()[place];
    if facts.policy.inventory.is_empty() {
        return Verdict::NotEvaluated("no policy/inventory.toml says which applications the company has".to_owned());
    }
    let listed = facts.policy.nhi.iter().flat_map(|register| &register.applications).map(|listed| &listed.name);
    if facts.systems.iter().chain(listed).any(|known| fold(known) == application.key) {
        return Verdict::Pass;
    }
    let people = application.consents.len().max(application.scopes.len());
    let mut failure = Failure::new(format!(
        "{people} people let {} act for them in {}, and no inventory knows it.",
        application.name,
        facts.graph.system_name(application.system),
    ));
    for consent in application.consents.iter().take(20) {
        failure = failure.row(facts.credential_row(*consent));
    }
    for edge in application.scopes.iter().take(20) {
        failure = failure.row(facts.edge_row(edge));
    }
    failure.verdict()
}
