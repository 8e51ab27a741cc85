use muster_connectors::record::AccountClass;
use muster_reports::view::Severity;

use crate::controls::UNIQ;
use crate::graph::NodeIx;
use crate::people::{Correlation, Standing, fold};
use crate::rules::{Facts, Failure, Manual, Need, Population, Rule, Subject, Verdict};

pub(in crate::rules) static RULE: Rule = Rule {
    id: "AUT-005",
    slug: "shared-account",
    title: "Shared or generic account",
    severity: Severity::Medium,
    controls: &[UNIQ],
    population: Population::Accounts,
    needs: &[Need::ACCOUNT],
    options: &[],
    manual: Manual {
        finds: "An active account that several people sign in with, or that is named after a task and nobody's, without an approval that still counts.",
        matters: "What is done with it was done by nobody, and whoever leaves keeps knowing its password.",
        evidence: "The account's row with its class and what that rests on, and the approval where there is one.",
        fix: "Give each user an account of his own; where that cannot be, enter it in policy/shared.toml with owner, reason, end and those who know the secret.",
        limits: "Several people are known by the account's class (shared mailbox, room, kiosk, or as the system says), or by one of the mailbox names of RFC 2142. Shared use of a personal account is not seen. An account that nobody can sign in to is no shared one.",
    },
    judge,
};

/// Names that stand for a task and not for somebody (RFC 2142, sections 3 to 5).
const TASKS: [&str; 15] = [
    "abuse",
    "ftp",
    "hostmaster",
    "info",
    "marketing",
    "news",
    "noc",
    "postmaster",
    "sales",
    "security",
    "support",
    "usenet",
    "uucp",
    "webmaster",
    "www",
];

fn judge(facts: &Facts<'_>, subject: Subject) -> Verdict {
    let Subject::Account(ix) = subject else { return Verdict::NotApplicable };
    if !facts.is_active(ix) || facts.has_no_way_in(ix) || !is_shared(facts, ix) {
        return Verdict::NotApplicable;
    }
    let entry = match facts.shared(ix) {
        Ok(entry) => entry,
        Err(why) => return Verdict::NotEvaluated(why.to_owned()),
    };
    let name = facts.graph.name(ix);
    let node = facts.graph.node(ix);
    let system = facts.graph.system_name(node.system);
    let class = facts.people.class(ix);
    let mut row =
        facts.account_row(ix, &[("class", class.class.to_string()), ("class_evidence", class.evidence.to_string())]);
    let fault = match entry {
        None => "and nobody has approved that".to_owned(),
        Some(entry) => {
            row.facts.insert("approved_at".to_owned(), entry.place.to_string());
            row.facts.insert("approved_by".to_owned(), entry.author.clone());
            let owner = facts.owner(node.system, &entry.owner).map(|owner| facts.people.standing(owner, facts.now));
            match (entry.expires, owner) {
                (Some(last), _) if last < facts.today() => format!("and its approval ran out on {last}"),
                (_, Some(Standing::Ended { .. })) => format!("and {}, who answers for it, has left", entry.owner),
                (_, None) => {
                    return Verdict::NotEvaluated("policy/shared.toml names an owner whom nobody knows".to_owned());
                }
                (_, Some(_)) => return Verdict::Pass,
            }
        }
    };
    let failure = Failure::new(format!("The account {name} in {system} is used by several people, {fault}.")).row(row);
    facts.graded(failure, RULE.severity, ix).verdict()
}

fn is_shared(facts: &Facts<'_>, ix: NodeIx) -> bool {
    match facts.people.class(ix).class {
        AccountClass::Shared => true,
        AccountClass::Human if *facts.people.correlation(ix) == Correlation::Nobody => {
            let login = facts.graph.account(ix).and_then(|account| account.login);
            let login = fold(facts.graph.text_or_empty(login));
            TASKS.contains(&login.split('@').next().unwrap_or_default())
        }
        AccountClass::Human
        | AccountClass::Admin
        | AccountClass::Service
        | AccountClass::System
        | AccountClass::Test
        | AccountClass::BreakGlass
        | AccountClass::Agent
        | AccountClass::Device => false,
    }
}
