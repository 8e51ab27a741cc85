use muster_connectors::record::RecordKind;
use muster_reports::view::Severity;

use crate::config::policy::Answer;
use crate::controls::JOIN;
use crate::graph::NodeIx;
use crate::people::{PersonIx, Standing};
use crate::rules::named::Thing;
use crate::rules::roles::{NO_ROLES, Stretch};
use crate::rules::{Facts, Failure, Manual, Need, Population, Rule, Setting, Subject, Verdict};

pub(in crate::rules) static RULE: Rule = Rule {
    id: "ORP-011",
    slug: "missing-expected-access",
    title: "Missing expected access",
    severity: Severity::Medium,
    controls: &[JOIN],
    population: Population::Persons,
    needs: &[Need::ALL_EMPLOYMENTS],
    options: &[Setting {
        name: "grace_hours",
        default: 24,
        about: "hours after the first day, or after a move, in which access may be missing; the tolerance of every window",
    }],
    manual: Manual {
        finds: "Somebody at work who does not hold what a birthright role of policy/roles.toml gives people of these attributes.",
        matters: "Who cannot work on the first day asks a colleague for a password. And a mover who lacks the new access usually still has the old one.",
        evidence: "The employment whose attributes give the role, and the person's accounts.",
        fix: "Provision what is missing, or correct the role's conditions.",
        limits: "Judges people at work; on leave access may be withdrawn. Nothing is concluded where the system was not read completely, where an account that nobody decided about may be the person's, or where HR does not say an attribute that the role asks for.",
    },
    judge,
};

fn judge(facts: &Facts<'_>, subject: Subject) -> Verdict {
    let Subject::Person(person) = subject else { return Verdict::NotApplicable };
    if facts.people.standing(person, facts.now) != Standing::Employed {
        return Verdict::NotApplicable;
    }
    if facts.roles.catalogue().is_none() {
        return Verdict::NotEvaluated(NO_ROLES.to_owned());
    }
    let accounts: Vec<NodeIx> = facts.accounts_of(person).filter(|account| facts.is_active(*account)).collect();
    let (mut missing, mut undecided, mut expected) = (Vec::new(), None, false);
    for stretch in facts.roles.stretches(person).iter().filter(|stretch| stretch.runs) {
        for (role, answer) in facts.roles.birthrights(stretch) {
            expected = true;
            if is_fresh(facts, stretch) {
                continue;
            }
            for place in facts.roles.contains(*role) {
                let thing = facts.named.thing(*place);
                if accounts.iter().any(|account| thing.any.contains(account.0)) {
                    continue;
                }
                match (answer, doubt(facts, person, thing)) {
                    (Answer::Unknown(field), _) => {
                        undecided = Some(format!("HR does not say the {field} that a birthright role asks for"));
                    }
                    (Answer::Yes | Answer::No, Some(why)) => undecided = Some(why),
                    (Answer::Yes | Answer::No, None) => missing.push((*role, *place)),
                }
            }
        }
    }
    missing.sort_unstable();
    missing.dedup();
    match (missing.is_empty(), undecided) {
        (false, _) => tell(facts, person, &accounts, &missing),
        (true, Some(why)) => Verdict::NotEvaluated(why),
        (true, None) if expected => Verdict::Pass,
        (true, None) => Verdict::NotApplicable,
    }
}

fn is_fresh(facts: &Facts<'_>, stretch: &Stretch) -> bool {
    stretch.since.is_some_and(|since| facts.now.duration_since(since).as_hours() < facts.option(&RULE, "grace_hours"))
}

/// Why the person may hold it all the same.
fn doubt(facts: &Facts<'_>, person: PersonIx, thing: &Thing<'_>) -> Option<String> {
    let unread = thing.unread.as_ref().or(thing.accounts_unread.as_ref());
    if let Some(why) = unread {
        return Some(why.clone());
    }
    let system = thing.system?;
    if thing.targets.is_empty() {
        return Some(format!(
            "policy/roles.toml names `{}`, and the system has no such {}",
            thing.item,
            thing.item.held.as_str()
        ));
    }
    if facts.named.is_in_question(person, system) {
        let system = facts.graph.system_name(system);
        return Some(format!("an account in `{system}` that is linked to nobody may be the person's"));
    }
    facts.unread(system, RecordKind::Account).map(str::to_owned)
}

fn tell(facts: &Facts<'_>, person: PersonIx, accounts: &[NodeIx], missing: &[(u32, u32)]) -> Verdict {
    let what: Vec<String> = missing
        .iter()
        .filter_map(|(role, thing)| {
            let role = facts.roles.role(*role)?;
            Some(format!("{} (role {})", facts.named.thing(*thing).item, role.id))
        })
        .collect();
    let name = facts.people.name(person);
    let mut failure = Failure::new(format!("{name} should have by attributes, and has not: {}.", what.join(", ")));
    for row in facts.employment_rows(person) {
        failure = failure.row(row);
    }
    for account in accounts {
        failure = failure.row(facts.account_row(*account, &[("linked", facts.link_reason(*account))]));
    }
    failure.verdict()
}
