use std::collections::BTreeMap;

use muster_reports::view::{Evidence, Severity};

use crate::controls::CHG;
use crate::rules::{Facts, Failure, Manual, Population, Rule, Safeguard, Subject, Verdict};

pub(in crate::rules) static RULE: Rule = Rule {
    id: "CTL-010",
    slug: "safeguard-off",
    title: "Safeguard or rule switched off",
    severity: Severity::High,
    controls: &[CHG],
    population: Population::Safeguards,
    needs: &[],
    options: &[],
    manual: Manual {
        finds: "A rule that was switched off or whose numbers were changed, or a limit of the gate that was loosened or a canary that was removed since it was last reviewed, without `approved_by`.",
        matters: "Whoever wants a finding to go away can switch off what finds it. A report that got cleaner because less is looked at must say so.",
        evidence: "The setting as it was last reviewed and as it is.",
        fix: "Restore the setting, or have it reviewed and write who approved it: `approved_by = \"…\"` in the same table.",
        limits: "The first check takes the settings as they are. A stricter setting needs no approval. Who may approve is for the review of the config to say. Flags of a single run are not looked at.",
    },
    judge,
};

/// Whether a system only has what the whole config has: that is told once.
fn is_inherited(facts: &Facts<'_>, setting: &Safeguard, before: &str, reviewed: &BTreeMap<String, String>) -> bool {
    let Some((_, limit)) = setting.key.split_once(".gate.").filter(|_| setting.key.starts_with("system.")) else {
        return false;
    };
    let key = format!("gate.{limit}");
    let now = facts.safeguards().binary_search_by(|one| one.key.as_str().cmp(&key)).ok();
    now.is_some_and(|place| facts.safeguards()[place].value == setting.value)
        && reviewed.get(&key).is_some_and(|known| known == before)
}

fn judge(facts: &Facts<'_>, subject: Subject) -> Verdict {
    let Subject::Safeguard(place) = subject else { return Verdict::NotApplicable };
    let setting = &facts.safeguards()[place];
    let reviewed = match facts.reviewed() {
        Some(Some(reviewed)) => reviewed,
        Some(None) => {
            return Verdict::NotEvaluated("the check before kept no settings to compare with".to_owned());
        }
        // Nothing was switched off where nothing was on.
        None => return Verdict::NotApplicable,
    };
    let Some(before) = reviewed.get(&setting.key) else { return Verdict::NotApplicable };
    if setting.approved_by.is_some()
        || !setting.is_weaker_than(before)
        || is_inherited(facts, setting, before, reviewed)
    {
        return Verdict::Pass;
    }
    let why = setting.reason.as_ref().map(|reason| format!(" ({reason})")).unwrap_or_default();
    let one_line = |text: &str| text.replace('\n', ", ");
    Failure::new(format!(
        "`{}` was `{}` and is `{}`{why}, and nobody approved it.",
        setting.key,
        one_line(before),
        one_line(&setting.value),
    ))
    .row(Evidence {
        system: "muster".to_owned(),
        table: "settings".to_owned(),
        id: setting.key.clone(),
        facts: [("before".to_owned(), one_line(before)), ("now".to_owned(), one_line(&setting.value))].into(),
        collected: None,
    })
    .verdict()
}
