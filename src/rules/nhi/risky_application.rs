use muster_connectors::record::{FactState, PrivilegeLevel};
use muster_reports::view::Severity;

use crate::controls::{EXT, NHI};
use crate::people::fold;
use crate::rules::{Facts, Failure, Manual, Population, Rule, Setting, Subject, Verdict};

pub(in crate::rules) static RULE: Rule = Rule {
    id: "NHI-008",
    slug: "risky-application",
    title: "Risky third-party OAuth app",
    severity: Severity::High,
    controls: &[NHI, EXT],
    population: Population::Applications,
    needs: &[],
    options: &[Setting {
        name: "days",
        default: 90,
        about: "days without use after which a consent has no user (as XPR-001)",
    }],
    manual: Manual {
        finds: "An application that people let act for them and that holds privileged scopes, that nobody uses any more, or whose publisher policy/nhi.toml says is not verified.",
        matters: "A consent outlives passwords, second factors and sessions: the application goes on reading mail and files from outside.",
        evidence: "The consents with their last use, and the scopes that are held on it.",
        fix: "Revoke the consents, or write the application into policy/nhi.toml (`[[application]]`, `verified = true`) once its publisher was looked at.",
        limits: "No record tells whether a publisher is verified: the register does. An application is told by its name within a system. Privileged scopes are those that the source marks.",
    },
    judge,
};

fn judge(facts: &Facts<'_>, subject: Subject) -> Verdict {
    let Subject::Application(place) = subject else { return Verdict::NotApplicable };
    let application = &facts.applications()[place];
    let level = |edge: &crate::graph::Edge| facts.graph.entitlement(edge.target).and_then(|scope| scope.privilege);
    let privileged = application.scopes.iter().find(|edge| level(edge) >= Some(PrivilegeLevel::Privileged));
    let listed = facts.policy.nhi.iter().flat_map(|register| &register.applications);
    let registered = listed.into_iter().find(|listed| fold(&listed.name) == application.key);
    let uses = application.consents.iter().map(|consent| {
        let consent = facts.graph.credential(*consent);
        match consent.last_used.state() {
            FactState::Known => consent.last_used.days_before(facts.now).map(i64::from).or(Some(0)),
            FactState::Never | FactState::None => consent.created.days_before(facts.now).map(i64::from),
            FactState::Unreadable | FactState::Unsupported => None,
        }
    });
    let idle = uses.collect::<Option<Vec<i64>>>().filter(|days| !days.is_empty());
    let idle = idle.map(|days| days.iter().all(|days| *days >= facts.option(&RULE, "days")));
    let why = if let Some(edge) = privileged {
        format!("holds the privileged scope {}", facts.graph.name(edge.target))
    } else if registered.is_some_and(|listed| !listed.verified) {
        "has a publisher that is not verified".to_owned()
    } else if idle == Some(true) {
        "was not used by anybody for long".to_owned()
    } else if registered.is_none() {
        return Verdict::NotEvaluated("policy/nhi.toml does not say whether its publisher is verified".to_owned());
    } else {
        return Verdict::Pass;
    };
    let mut failure = Failure::new(format!(
        "The application {}, which {} people let act for them in {}, {why}.",
        application.name,
        application.consents.len().max(application.scopes.len()),
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
