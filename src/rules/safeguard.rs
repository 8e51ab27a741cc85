//! Settings that keep a check honest: which rules run with which numbers, and when a reading is not believed.

use std::collections::BTreeMap;

use super::{Options, RULES};

/// One setting.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Safeguard {
    /// Its name in the config: `rules.LCM-001.enabled`, `gate.shrink_percent`.
    pub key: String,
    /// Its value.
    pub value: String,
    /// What makes it weaker.
    pub weaker: Weaker,
    /// Who approved it.
    pub approved_by: Option<String>,
    /// Why it is as it is.
    pub reason: Option<String>,
}

/// What makes a setting weaker.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Weaker {
    /// `false` instead of `true`.
    Off,
    /// A larger number.
    More,
    /// A larger number, and 0, which is never.
    MoreOrNever,
    /// A line that is gone.
    Fewer,
    /// Which way is weaker depends on the rule: every change is reviewed.
    Other,
}

impl Safeguard {
    /// A setting that nobody approved.
    pub fn new(key: impl Into<String>, value: impl ToString, weaker: Weaker) -> Self {
        Self { key: key.into(), value: value.to_string(), weaker, approved_by: None, reason: None }
    }

    /// Whether it protects less than it did.
    pub fn is_weaker_than(&self, before: &str) -> bool {
        let number = |text: &str| text.parse::<i64>().unwrap_or(i64::MAX);
        match self.weaker {
            Weaker::Off => before == "true" && self.value != "true",
            Weaker::More => number(&self.value) > number(before),
            Weaker::MoreOrNever => {
                let never = |text: &str| if text == "0" { i64::MAX } else { number(text) };
                never(&self.value) > never(before)
            }
            Weaker::Fewer => before.lines().any(|line| !self.value.lines().any(|now| now == line)),
            Weaker::Other => self.value != before,
        }
    }
}

/// Every setting: those of the rules, and those that the config adds; by key.
pub(super) fn all(options: &Options) -> Vec<Safeguard> {
    let mut all = options.settings.clone();
    for rule in RULES {
        let mut add = |key: String, value: String, weaker| {
            let approved_by = options.approved.get(rule.id).cloned();
            let reason = options.disabled.get(rule.id).cloned();
            all.push(Safeguard { key, value, weaker, approved_by, reason });
        };
        let runs = !options.disabled.contains_key(rule.id);
        add(format!("rules.{}.enabled", rule.id), runs.to_string(), Weaker::Off);
        for setting in rule.options {
            let value = options.value(rule, setting.name).to_string();
            add(format!("rules.{}.{}", rule.id, setting.name), value, Weaker::Other);
        }
    }
    all.sort_by(|a, b| a.key.cmp(&b.key));
    all
}

/// What counts as reviewed after a check: a setting that was weakened without an approval keeps its former value, so that it is
/// reported until somebody approves or restores it.
pub(super) fn reviewed(now: &[Safeguard], before: Option<&BTreeMap<String, String>>) -> BTreeMap<String, String> {
    let value = |setting: &Safeguard| {
        let before = before.and_then(|before| before.get(&setting.key));
        let kept = before.filter(|before| setting.approved_by.is_none() && setting.is_weaker_than(before));
        kept.unwrap_or(&setting.value).clone()
    };
    now.iter().map(|setting| (setting.key.clone(), value(setting))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn weaker_is_what_protects_less() {
        let cases = [
            (Weaker::Off, "true", "false", true),
            (Weaker::Off, "false", "true", false),
            (Weaker::More, "20", "21", true),
            (Weaker::More, "20", "19", false),
            (Weaker::MoreOrNever, "7", "0", true),
            (Weaker::MoreOrNever, "0", "7", false),
            (Weaker::Fewer, "a\nb", "b\nc", true),
            (Weaker::Fewer, "a", "a\nb", false),
            (Weaker::Other, "30", "20", true),
            (Weaker::Other, "30", "30", false),
        ];
        for (weaker, before, now, is) in cases {
            assert_eq!(Safeguard::new("k", now, weaker).is_weaker_than(before), is, "{weaker:?} {before} {now}");
        }
    }

    #[test]
    fn a_weakened_setting_is_reported_until_it_is_approved_or_restored() {
        let loose = Safeguard::new("gate.shrink_percent", 90, Weaker::More);
        let before: BTreeMap<String, String> = [("gate.shrink_percent".to_owned(), "20".to_owned())].into();
        assert_eq!(reviewed(std::slice::from_ref(&loose), Some(&before)), before);
        let approved = Safeguard { approved_by: Some("bea".to_owned()), ..loose.clone() };
        assert_eq!(reviewed(&[approved], Some(&before))["gate.shrink_percent"], "90");
        assert_eq!(
            reviewed(&[loose], None)["gate.shrink_percent"],
            "90",
            "a first check takes the settings as they are"
        );
    }
}
