use muster_reports::view::Severity;

use crate::controls::MOVE;
use crate::graph::{NodeIx, Text};
use crate::people::{Employment, PersonIx, fold};
use crate::rules::{Facts, Failure, Manual, Need, Population, Rule, Setting, Subject, Verdict};

pub(in crate::rules) static RULE: Rule = Rule {
    id: "DRF-006",
    slug: "attribute-drift",
    title: "Attribute drift",
    severity: Severity::Low,
    controls: &[MOVE],
    population: Population::Accounts,
    needs: &[Need::ALL_EMPLOYMENTS, Need::ACCOUNT],
    options: &[Setting {
        name: "grace_days",
        default: 7,
        about: "days after a change in HR in which the account may still say otherwise (our own default: a week of nightly runs)",
    }],
    manual: Manual {
        finds: "An active account whose department, title or family name differs from its person's in HR, letter case, punctuation and accents aside.",
        matters: "Rules, reviewers and dynamic groups read the account's attributes: a stale department keeps the old department's access alive.",
        evidence: "The account's row with what it says, and the employment with what HR says.",
        fix: "Push the value from HR, and mend the job that should have.",
        limits: "Compares what both sides have. Of names, only one that the person bore before counts: spellings differ for good reasons. Managers are LCM-012, worker types LCM-016. Somebody with several running employments has the attributes of any of them.",
    },
    judge,
};

fn judge(facts: &Facts<'_>, subject: Subject) -> Verdict {
    let Subject::Account(ix) = subject else { return Verdict::NotApplicable };
    let Some(link) = facts.people.link(ix).filter(|_| facts.is_active(ix)) else { return Verdict::NotApplicable };
    let Some(account) = facts.graph.account(ix) else { return Verdict::NotApplicable };
    let person = link.person;
    let running: Vec<&Employment> = facts
        .people
        .person(person)
        .employments
        .iter()
        .filter(|one| facts.people.employment_standing(one, facts.now).is_employed())
        .collect();
    if running.is_empty() {
        return Verdict::NotApplicable;
    }
    let mut compared = false;
    let mut wrong: Vec<(&str, String, String)> = Vec::new();
    let mut compare = |name: &'static str, own: Option<Text>, of: &dyn Fn(&Employment) -> Option<Text>| {
        let Some(own) = own.map(|own| facts.graph.text(own)) else { return };
        let said: Vec<&str> = running.iter().filter_map(|one| of(one)).map(|text| facts.people.text(text)).collect();
        compared |= !said.is_empty();
        if !said.is_empty() && said.iter().all(|said| plain(said) != plain(own)) {
            wrong.push((name, own.to_owned(), said.join(" or ")));
        }
    };
    compare("department", account.department, &|one| one.department);
    compare("title", account.title, &|one| one.title);
    if let Some((shown, is)) = former_name(facts, ix, person) {
        compared = true;
        wrong.push(("name", shown, is));
    }
    if wrong.is_empty() {
        return if compared { Verdict::Pass } else { Verdict::NotApplicable };
    }
    let fresh =
        |one: &&Employment| {
            facts.people.counts_from(one).into_iter().chain(one.recorded).any(|at| {
                facts.now.duration_since(at).as_hours() < facts.option(&RULE, "grace_days").saturating_mul(24)
            })
        };
    if running.iter().any(fresh) {
        return Verdict::Pass;
    }
    let told: Vec<String> =
        wrong.iter().map(|(name, own, said)| format!("the {name} `{own}`, in HR it is `{said}`")).collect();
    let mut rows: Vec<(&str, String)> = wrong.iter().map(|(name, own, _)| (*name, own.clone())).collect();
    rows.push(("linked", facts.link_reason(ix)));
    let mut failure = Failure::new(format!(
        "The account {} of {} in {} has {}.",
        facts.graph.name(ix),
        facts.people.name(person),
        facts.graph.system_name(facts.graph.node(ix).system),
        told.join(", and ")
    ))
    .row(facts.account_row(ix, &rows));
    for one in running {
        let mut row = facts.employment_row(one);
        let said = [("department", one.department), ("title", one.title)];
        let said =
            said.into_iter().filter_map(|(name, text)| Some((name.to_owned(), facts.people.text(text?).to_owned())));
        row.facts.extend(said);
        failure = failure.row(row);
    }
    failure.verdict()
}

/// The name an account shows, when it is one that its person bore before and the one borne now is not in it.
fn former_name(facts: &Facts<'_>, ix: NodeIx, person: PersonIx) -> Option<(String, String)> {
    let people = facts.people;
    let shown = facts.graph.text(facts.graph.node(ix).name?);
    let own = people.person(person);
    let now = people.text(own.family_name?);
    let words = words(shown);
    let bears = |name: &str| {
        let name = self::words(name);
        !name.is_empty() && name.iter().all(|word| words.contains(word))
    };
    // A previous name may be a whole one; what the new one has as well tells nothing.
    let current: Vec<String> = [own.given_name, own.family_name]
        .into_iter()
        .flatten()
        .flat_map(|name| self::words(people.text(name)))
        .collect();
    let former = own.previous_names.iter().map(|name| people.text(*name)).find(|name| {
        let lost: Vec<String> = self::words(name).into_iter().filter(|word| !current.contains(word)).collect();
        !lost.is_empty() && lost.iter().all(|word| words.contains(word))
    });
    former.filter(|_| !bears(now)).map(|_| (shown.to_owned(), people.name(person).to_owned()))
}

/// Letters and digits alone, without accents, `&` as the word it stands for.
fn plain(text: &str) -> String {
    words(&text.replace('&', " and ")).join(" ")
}

fn words(text: &str) -> Vec<String> {
    use unicode_normalization::UnicodeNormalization as _;
    let letters: String =
        fold(text).nfd().filter(|letter| !unicode_normalization::char::is_combining_mark(*letter)).collect();
    letters.split(|letter: char| !letter.is_alphanumeric()).filter(|word| !word.is_empty()).map(str::to_owned).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spelling_is_no_difference_and_another_word_is() {
        for (a, b) in [("R&D", "R and D"), ("Human  Resources", "human-resources"), ("Café", "Cafe")] {
            assert_eq!(plain(a), plain(b));
        }
        assert_ne!(plain("Sales"), plain("Sales EMEA"));
    }
}
