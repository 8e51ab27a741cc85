use muster_reports::view::Severity;

use super::pair::title;
use crate::config::policy::{Answer, Companion};
use crate::controls::SOD;
use crate::people::PersonIx;
use crate::rules::duties::{NO_DUTIES, Performs};
use crate::rules::roles::holds_of;
use crate::rules::{Facts, Failure, Manual, Need, Population, Rule, Subject, Verdict};

pub(in crate::rules) static RULE: Rule = Rule {
    id: "SOD-004",
    slug: "missing-companion",
    title: "Missing companion control",
    severity: Severity::Medium,
    controls: &[SOD],
    population: Population::Persons,
    needs: &[Need { absence: false, ..Need::ALL_PERSONS }],
    options: &[],
    manual: Manual {
        finds: "A person who performs a function that policy/sod.toml ties to another one (a training, an approval group), or to an attribute, without having that.",
        matters: "Some access is only safe together with something else. Without it the control that the auditor was promised does not exist.",
        evidence: "The way to the function, and what is missing.",
        fix: "Add what is missing, or take the function away.",
        limits: "A training is known as far as a group, an entitlement or an attribute of HR says it.",
    },
    judge,
};

fn judge(facts: &Facts<'_>, subject: Subject) -> Verdict {
    let Subject::Person(person) = subject else { return Verdict::NotApplicable };
    let accounts = facts.duties.accounts(facts, person);
    let Some(matrix) = facts.duties.matrix() else {
        let has_accounts = facts.accounts_of(person).any(|account| facts.is_active(account) && facts.is_human(account));
        return if has_accounts { Verdict::NotEvaluated(NO_DUTIES.to_owned()) } else { Verdict::NotApplicable };
    };
    let (mut lacking, mut undecided, mut asked) = (Vec::new(), None, false);
    for companion in &matrix.companions {
        match facts.duties.by_person(facts, companion.function, person) {
            Performs::No => continue,
            Performs::Unknown(why) => {
                undecided = Some(why);
                continue;
            }
            Performs::Yes => asked = true,
        }
        match has(facts, companion, person) {
            Performs::Yes => {}
            Performs::No => lacking.push(companion),
            Performs::Unknown(why) => undecided = Some(why),
        }
    }
    if lacking.is_empty() {
        return match undecided {
            Some(why) => Verdict::NotEvaluated(why),
            None if asked => Verdict::Pass,
            None => Verdict::NotApplicable,
        };
    }
    let told: Vec<String> = lacking
        .iter()
        .map(|companion| {
            let needs = companion.requires.map(|function| title(facts, function));
            let conditions = companion.requires_when.iter().map(ToString::to_string);
            let needs: Vec<String> = needs.into_iter().chain(conditions).collect();
            format!("{} without {} ({})", title(facts, companion.function), needs.join(" or "), companion.reason)
        })
        .collect();
    let mut failure = Failure::new(format!("{} can do {}.", facts.people.name(person), told.join("; ")));
    for account in &accounts {
        failure = failure.row(facts.account_row(*account, &[("linked", facts.link_reason(*account))]));
    }
    let path = lacking.first().map(|companion| facts.duties.way(facts, companion.function, &accounts));
    failure.path(path.unwrap_or_default()).verdict()
}

/// Whether what has to go with a function does: the function or one of the attributes.
fn has(facts: &Facts<'_>, companion: &Companion, person: PersonIx) -> Performs {
    let by_function = companion.requires.map(|function| facts.duties.by_person(facts, function, person));
    let by_attribute = (!companion.requires_when.is_empty()).then(|| holds_of(facts, person, &companion.requires_when));
    match (by_function, by_attribute) {
        (Some(Performs::Yes), _) | (_, Some(Answer::Yes)) => Performs::Yes,
        (Some(unknown @ Performs::Unknown(_)), _) => unknown,
        (_, Some(Answer::Unknown(field))) => Performs::Unknown(format!("HR does not say the {field}")),
        (Some(Performs::No) | None, Some(Answer::No) | None) => Performs::No,
    }
}
