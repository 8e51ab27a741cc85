use muster_reports::view::Severity;

use super::pair::{Hit, proved, told};
use crate::controls::SOD;
use crate::graph::NodeIx;
use crate::rules::duties::{Duties, NO_DUTIES, Performs};
use crate::rules::{Facts, Failure, Manual, Need, Population, Rule, Subject, Verdict};

pub(in crate::rules) static RULE: Rule = Rule {
    id: "SOD-002",
    slug: "toxic-across",
    title: "Toxic across systems or accounts",
    severity: Severity::High,
    controls: &[SOD],
    population: Population::Persons,
    needs: &[Need { absence: false, ..Need::ALL_PERSONS }],
    options: &[],
    manual: Manual {
        finds: "A person who performs two functions that policy/sod.toml says nobody may perform together, through different accounts: in different systems, or as somebody with two accounts in one.",
        matters: "Each system for itself sees nothing wrong. Only who knows that both accounts are one human sees that the two signatures are one.",
        evidence: "The accounts, why each is taken to be the person's, and the shortest way to each of the two functions.",
        fix: "Take one of the two away; or write down the control that makes it tolerable, with its owner and an end.",
        limits: "Sees accounts that are linked to the person. What one account holds together is SOD-001.",
    },
    judge,
};

fn judge(facts: &Facts<'_>, subject: Subject) -> Verdict {
    let Subject::Person(person) = subject else { return Verdict::NotApplicable };
    let accounts: Vec<NodeIx> = facts.duties.accounts(facts, person);
    let Some(matrix) = facts.duties.matrix() else {
        let has_accounts = facts.accounts_of(person).any(|account| facts.is_active(account) && facts.is_human(account));
        return if has_accounts { Verdict::NotEvaluated(NO_DUTIES.to_owned()) } else { Verdict::NotApplicable };
    };
    if accounts.is_empty() {
        return Verdict::NotApplicable;
    }
    let (mut hits, mut undecided, mut asked) = (Vec::new(), None, false);
    for (place, conflict) in matrix.conflicts.iter().enumerate() {
        for (a, b) in Duties::pairs(conflict) {
            let performs = |function| facts.duties.by_person(facts, function, person);
            match (performs(a), performs(b)) {
                (Performs::No, Performs::No) => {}
                (Performs::Yes, Performs::Yes) => {
                    asked = true;
                    let by = |function, account| facts.duties.by_account(facts, function, account) == Performs::Yes;
                    let in_one = accounts.iter().any(|account| by(a, *account) && by(b, *account));
                    let control = facts.duties.control(place, Some(person), &accounts);
                    if !in_one {
                        hits.extend(Hit::unless_mitigated(place, conflict, (a, b), control));
                    }
                }
                (Performs::Unknown(why), Performs::Yes) | (Performs::Yes, Performs::Unknown(why)) => {
                    undecided = Some(why);
                }
                (Performs::Unknown(why), Performs::Unknown(_)) => undecided = undecided.or(Some(why)),
                (Performs::No, _) | (_, Performs::No) => asked = true,
            }
        }
    }
    if hits.is_empty() {
        return match undecided {
            Some(why) => Verdict::NotEvaluated(why),
            None if asked => Verdict::Pass,
            None => Verdict::NotApplicable,
        };
    }
    let name = facts.people.name(person);
    let mut failure = Failure::new(format!("{name} can do both {}, through different accounts.", told(facts, &hits)));
    for account in &accounts {
        failure = failure.row(facts.account_row(*account, &[("linked", facts.link_reason(*account))]));
    }
    proved(facts, failure, RULE.severity, &hits, &accounts).verdict()
}
