use muster_connectors::record::AccountClass;
use muster_reports::view::Severity;

use crate::controls::NHI;
use crate::people::Standing;
use crate::rules::{Facts, Failure, Manual, Need, Population, Rule, Subject, Verdict};

pub(in crate::rules) static RULE: Rule = Rule {
    id: "NHI-009",
    slug: "agent-without-sponsor",
    title: "Agent without sponsor",
    severity: Severity::Medium,
    controls: &[NHI],
    population: Population::Accounts,
    needs: &[Need::ACCOUNT, Need::ALL_PERSONS, Need::ALL_EMPLOYMENTS],
    options: &[],
    manual: Manual {
        finds: "An active AI agent for which nobody who is employed answers.",
        matters: "An agent decides by itself what it does next. Somebody has to stop it, and to answer for what it did.",
        evidence: "The agent with its owner, and the owner's employments.",
        fix: "Name a sponsor who is employed, in the system or in policy/nhi.toml, or disable the agent.",
        limits: "Agents are accounts that their system calls so.",
    },
    judge,
};

fn judge(facts: &Facts<'_>, subject: Subject) -> Verdict {
    let Subject::Account(ix) = subject else { return Verdict::NotApplicable };
    if facts.people.class(ix).class != AccountClass::Agent || !facts.is_active(ix) {
        return Verdict::NotApplicable;
    }
    let system = facts.graph.node(ix).system;
    let told = facts.graph.account(ix).and_then(|account| account.owner).map(|owner| facts.graph.text(owner));
    let owner = told.or_else(|| facts.registered(ix)?.owner.as_deref());
    let person = owner.and_then(|owner| facts.owner(system, owner));
    let why = match (owner, person.map(|person| (person, facts.people.standing(person, facts.now)))) {
        (_, Some((_, Standing::Employed | Standing::OnLeave | Standing::Future { .. }))) => return Verdict::Pass,
        (_, Some((_, Standing::Unknown))) => {
            return Verdict::NotEvaluated("HR does not say whether the sponsor is employed".to_owned());
        }
        (_, Some((person, Standing::Ended { .. }))) => format!("its sponsor {} has left", facts.people.name(person)),
        (Some(owner), None) => format!("its sponsor `{owner}` is nobody who is known"),
        (None, None) => "it has no sponsor".to_owned(),
    };
    let mut failure = Failure::new(format!(
        "The agent {} in {} is active, and {why}.",
        facts.graph.name(ix),
        facts.graph.system_name(system),
    ))
    .row(facts.account_row(ix, &[("owner", owner.unwrap_or("none").to_owned())]));
    for row in person.map(|person| facts.employment_rows(person)).unwrap_or_default() {
        failure = failure.row(row);
    }
    failure.verdict()
}
