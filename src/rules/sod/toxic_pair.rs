use muster_reports::view::Severity;

use super::pair::{Hit, proved, told};
use crate::controls::SOD;
use crate::rules::duties::{Duties, NO_DUTIES, Performs};
use crate::rules::{Facts, Failure, Manual, Need, Population, Rule, Subject, Verdict};

pub(in crate::rules) static RULE: Rule = Rule {
    id: "SOD-001",
    slug: "toxic-pair",
    title: "Toxic pair",
    severity: Severity::High,
    controls: &[SOD],
    population: Population::Accounts,
    needs: &[Need::ACCOUNT],
    options: &[],
    manual: Manual {
        finds: "An active human account that performs two functions which policy/sod.toml says nobody may perform together.",
        matters: "Who can both order and pay, or change and approve, needs no accomplice; and whoever takes over the account does not either.",
        evidence: "The shortest way to each of the two functions, the risk as the matrix has it, and a mitigation that ran out.",
        fix: "Take one of the two away; or write down the control that makes it tolerable, with its owner and an end.",
        limits: "A conflict that a mitigation of the matrix covers passes until the mitigation ends (the end of that day, UTC). What the account could obtain on its own is SOD-003; other accounts of the person are SOD-002.",
    },
    judge,
};

fn judge(facts: &Facts<'_>, subject: Subject) -> Verdict {
    let Subject::Account(account) = subject else { return Verdict::NotApplicable };
    let Some(matrix) = facts.duties.matrix() else {
        let applies = facts.is_active(account) && facts.is_human(account);
        return if applies { Verdict::NotEvaluated(NO_DUTIES.to_owned()) } else { Verdict::NotApplicable };
    };
    if !facts.duties.takes_part(account) {
        return Verdict::NotApplicable;
    }
    let system = facts.graph.node(account).system;
    let person = facts.people.link(account).map(|link| link.person);
    let (mut hits, mut undecided, mut asked) = (Vec::new(), None, false);
    for (place, conflict) in matrix.conflicts.iter().enumerate() {
        for (a, b) in Duties::pairs(conflict) {
            if !facts.duties.is_in(facts, a, system) || !facts.duties.is_in(facts, b, system) {
                continue;
            }
            asked = true;
            let performs = |function| facts.duties.by_account(facts, function, account);
            match (performs(a), performs(b)) {
                (Performs::Yes, Performs::Yes) => {
                    let control = facts.duties.control(place, person, &[account]);
                    hits.extend(Hit::unless_mitigated(place, conflict, (a, b), control));
                }
                (Performs::No, _) | (_, Performs::No) => {}
                (Performs::Unknown(why), _) | (_, Performs::Unknown(why)) => undecided = Some(why),
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
    let (name, place) = (facts.graph.name(account), facts.graph.system_name(system));
    let failure = Failure::new(format!("The account {name} in {place} can do both {}.", told(facts, &hits)))
        .row(facts.account_row(account, &[("linked", facts.link_reason(account))]));
    proved(facts, failure, RULE.severity, &hits, &[account]).verdict()
}
