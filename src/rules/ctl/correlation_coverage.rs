use std::collections::BTreeMap;

use muster_connectors::record::RecordKind;
use muster_reports::view::{Evidence, Severity};

use crate::controls::INV;
use crate::graph::NodeIx;
use crate::people::Situation;
use crate::rules::{Facts, Failure, Manual, Population, Rule, Setting, Subject, Verdict};

pub(in crate::rules) static RULE: Rule = Rule {
    id: "CTL-011",
    slug: "correlation-coverage",
    title: "Correlation coverage low or churning",
    severity: Severity::Medium,
    controls: &[INV],
    population: Population::Systems,
    needs: &[],
    options: &[
        Setting {
            name: "percent",
            default: 90,
            about: "share of the active accounts of people that must have a verdict (our choice)",
        },
        Setting { name: "accounts", default: 20, about: "accounts below which a share says nothing (our choice)" },
    ],
    manual: Manual {
        finds: "A system in which it is undecided of too many active accounts whose they are: ambiguous, only proposed, or claimed twice.",
        matters: "Every rule about people is silent on these accounts. The fewer are decided, the less a clean report means.",
        evidence: "The situations of the system's accounts in numbers.",
        fix: "Work through `muster links list --system NAME`, or send employee ids to the system so that nothing is left to guess.",
        limits: "An account that belongs to nobody is decided: it is an orphan. Links that moved since the check before stand in every report (people, churn), each with its cause.",
    },
    judge,
};

fn judge(facts: &Facts<'_>, subject: Subject) -> Verdict {
    let Subject::System(place) = subject else { return Verdict::NotApplicable };
    let name = facts.systems[place].as_str();
    let Some(system) = facts.graph.system(name) else { return Verdict::NotApplicable };
    let mut situations: BTreeMap<&'static str, i64> = BTreeMap::new();
    let (mut all, mut open) = (0_i64, 0_i64);
    for at in facts.accounts_in(system) {
        let ix = NodeIx(u32::try_from(at).unwrap_or(u32::MAX));
        if !facts.is_human(ix) || !facts.is_active(ix) {
            continue;
        }
        let situation = facts.people.situation(ix, facts.now);
        *situations.entry(situation.as_str()).or_default() += 1;
        all += 1;
        open += i64::from(matches!(
            situation,
            Situation::Ambiguous | Situation::Found | Situation::FoundAlreadyLinked | Situation::Indeterminate
        ));
    }
    if all < facts.option(&RULE, "accounts").max(1) {
        return Verdict::NotApplicable;
    }
    let hr = || [RecordKind::Person, RecordKind::Employment].into_iter().find_map(|kind| facts.unread_anywhere(kind));
    if let Some(why) = hr().or_else(|| facts.unread(system, RecordKind::Account)) {
        return Verdict::NotEvaluated(why.to_owned());
    }
    let decided = (all - open) * 100 / all;
    if decided >= facts.option(&RULE, "percent") {
        return Verdict::Pass;
    }
    Failure::new(format!("Of {all} accounts of people in {name} it is undecided of {open} whose they are."))
        .row(Evidence {
            system: name.to_owned(),
            table: "accounts".to_owned(),
            id: String::new(),
            facts: situations.into_iter().map(|(name, count)| (name.to_owned(), count.to_string())).collect(),
            collected: facts.graph.coverage().of_system(name).find_map(|row| row.collected),
        })
        .verdict()
}
