use std::collections::BTreeMap;

use muster_connectors::record::RecordKind;
use muster_reports::view::{Evidence, Severity};

use crate::controls::INV;
use crate::graph::NodeIx;
use crate::people::Situation;
use crate::people::churn::Tally;
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
        Setting {
            name: "moved_percent",
            default: 5,
            about: "share of the links of the check before that may lead to somebody else or to nobody now (our choice)",
        },
        Setting {
            name: "accounts",
            default: 20,
            about: "accounts, or links of the check before, below which a share says nothing (our choice)",
        },
    ],
    manual: Manual {
        finds: "A system in which it is undecided of too many active accounts whose they are: ambiguous, only proposed, or claimed twice; and one of whose links since the check before too many lead to somebody else or to nobody.",
        matters: "Every rule about people is silent on these accounts. The fewer are decided, the less a clean report means; and where many links move at once, a feed or an attribute changed its meaning.",
        evidence: "The situations of the system's accounts in numbers; how many links stayed and how many moved or were lost.",
        fix: "Work through `muster links list --system NAME`, or send employee ids to the system so that nothing is left to guess.",
        limits: "An account that belongs to nobody is decided: it is an orphan. Links that moved stand by name in every report (people, churn), each with its cause; links of accounts that are gone do not count as moved. On a first check nothing has moved.",
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
    let is_low = (all - open) * 100 / all < facts.option(&RULE, "percent");
    let moved = churning(facts, name);
    let mut told = Vec::new();
    if is_low {
        told.push(format!("Of {all} accounts of people in {name} it is undecided of {open} whose they are."));
    }
    if let Some(Tally { kept, moved_or_lost }) = moved {
        let links = kept + moved_or_lost;
        told.push(format!(
            "Of {links} links in {name} {moved_or_lost} lead to somebody else or to nobody since the check before."
        ));
        situations.insert("links_kept", i64::try_from(kept).unwrap_or(i64::MAX));
        situations.insert("links_moved_or_lost", i64::try_from(moved_or_lost).unwrap_or(i64::MAX));
    }
    if told.is_empty() {
        return Verdict::Pass;
    }
    Failure::new(told.join(" "))
        .row(Evidence {
            system: name.to_owned(),
            table: "accounts".to_owned(),
            id: String::new(),
            facts: situations.into_iter().map(|(name, count)| (name.to_owned(), count.to_string())).collect(),
            collected: facts.graph.coverage().of_system(name).find_map(|row| row.collected),
        })
        .verdict()
}

/// The links of a system since the check before, where too many moved.
fn churning(facts: &Facts<'_>, system: &str) -> Option<Tally> {
    let option = |name| facts.option(&RULE, name).unsigned_abs();
    let links = facts.links_since(system)?;
    let all = links.kept + links.moved_or_lost;
    let many =
        all >= option("accounts").max(1) && links.moved_or_lost * 100 > option("moved_percent").saturating_mul(all);
    many.then_some(links)
}
