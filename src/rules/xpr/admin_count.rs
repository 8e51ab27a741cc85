use muster_connectors::record::RecordKind;
use muster_reports::view::Severity;

use crate::controls::LP;
use crate::rules::{Facts, Failure, Manual, Population, Rule, Setting, Subject, Verdict};

pub(in crate::rules) static RULE: Rule = Rule {
    id: "XPR-006",
    slug: "admin-count",
    title: "Admin count out of bounds",
    severity: Severity::Medium,
    controls: &[LP],
    population: Population::Systems,
    needs: &[],
    options: &[
        Setting {
            name: "max",
            default: 5,
            about: "most administrators of a scope where policy/privilege.toml says nothing (5: Microsoft Entra advises fewer than five global administrators)",
        },
        Setting {
            name: "min",
            default: 2,
            about: "fewest (2: CIS Microsoft 365 Foundations 1.1.3 asks for two at least, so that one lost account locks nobody out)",
        },
    ],
    manual: Manual {
        finds: "A scope of a system (an AWS account, a directory) with more administrators than it should have, or with a single one.",
        matters: "Each administrator is a way in to everything. A single one is the day on which nobody can get in at all.",
        evidence: "The administrators of the scope that were counted, up to twenty, and the bounds.",
        fix: "Take full administration from those who do not need it every day, or name a second administrator. Bounds of a system are `admins` in policy/privilege.toml.",
        limits: "Counts active accounts of every class but device accounts and those that the platform owns; the built-in administrator counts as a way in, not as one too many. Where it cannot be decided of some whether they are administrators, only a count that is out of bounds in any case is reported. A scope in which nobody is known to be one is not judged.",
    },
    judge,
};

fn judge(facts: &Facts<'_>, subject: Subject) -> Verdict {
    let Subject::System(place) = subject else { return Verdict::NotApplicable };
    let name = facts.systems[place].as_str();
    let Some(system) = facts.graph.system(name) else { return Verdict::NotApplicable };
    let written = facts.policy.privilege.as_ref().and_then(|privilege| privilege.of(name)?.admins);
    let option = |name| usize::try_from(facts.option(&RULE, name)).unwrap_or(usize::MAX);
    let (min, max) = match written {
        Some((min, max)) => (min as usize, max as usize),
        None => (option("min"), option("max")),
    };
    let (mut judged, mut open) = (false, None);
    let mut failure: Option<Failure> = None;
    for (_, scope) in facts.graph.places().filter(|(of, _)| *of == system) {
        let administrators = &facts.administrators()[scope.0 as usize];
        let (least, most) = (administrators.certain.len(), administrators.certain.len() + administrators.undecided);
        // An account that was not read may be the second one.
        let unread =
            facts.unread_here(scope, RecordKind::Account).or_else(|| facts.unread(system, RecordKind::Account));
        let ways_in = least + administrators.built_in;
        let what = if least > max {
            format!("at least {least} administrators, where {max} are enough")
        } else if least > 0 && least == most && ways_in < min && unread.is_none() {
            format!("{least} administrator, where {min} should be")
        } else {
            let within = least > 0 && most <= max && ways_in >= min;
            judged |= within;
            let why = administrators.why.as_deref().or(unread).filter(|_| !within);
            open = open.or_else(|| why.map(str::to_owned));
            continue;
        };
        let scope = facts.graph.scope_name(scope);
        let mut found = failure.unwrap_or_else(|| Failure::new(format!("{name}:{scope} has {what}.")));
        for account in administrators.certain.iter().take(20) {
            let count = [("administrators", least.to_string()), ("min", min.to_string()), ("max", max.to_string())];
            found = found.row(facts.account_row(*account, &count));
        }
        failure = Some(found);
    }
    match (failure, open) {
        (Some(failure), _) => failure.verdict(),
        (None, _) if !facts.has_accounts(system) => Verdict::NotApplicable,
        (None, Some(why)) => Verdict::NotEvaluated(why),
        (None, None) if judged => Verdict::Pass,
        (None, None) => Verdict::NotEvaluated("no administrator is known".to_owned()),
    }
}
