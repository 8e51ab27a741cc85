//! What the name part of an address only proposes, once everything else is weighed as well.
//!
//! The login is one of the fields that [`super::likeness`] weighs. So the two confidences speak of one piece of evidence in part,
//! and are never added up: a link needs what the weighing by itself suffices for, and below that each person has the better of
//! the two.

use super::strategy::{Candidate, Thresholds};
use super::{Correlation, PersonIx, likeness, login};

/// Bits below which a field speaks against a pair.
const AGAINST: f32 = -1.0;
/// The login fits, but what else is known of the account does not.
const CONTRADICTED: f32 = 0.65;
/// Two candidates whose confidences are no further apart are equally likely.
const TIE: f32 = 0.05;

/// The persons whom the name part of an address proposed for an account, where nothing stronger decided.
pub(super) fn waiting(correlation: &Correlation) -> &[Candidate] {
    let candidates = match correlation {
        Correlation::Proposed(one) => std::slice::from_ref(one),
        Correlation::Disputed(several) => several.as_slice(),
        Correlation::Linked(_) | Correlation::Nobody => &[],
    };
    if candidates.iter().all(|candidate| candidate.strategy == login::LOCAL_PART.name) { candidates } else { &[] }
}

/// What follows from what was proposed and what was weighed.
pub(super) fn combine(proposed: &[Candidate], weighed: Vec<Candidate>, thresholds: Thresholds) -> Correlation {
    let of = |person: PersonIx| weighed.iter().find(|candidate| candidate.person == person);
    let mut candidates: Vec<Candidate> =
        proposed.iter().map(|candidate| with_the_rest(candidate, of(candidate.person))).collect();
    match likeness::decide(weighed, thresholds) {
        Correlation::Linked(mut link) => {
            let said = proposed.iter().find(|candidate| candidate.person == link.person);
            link.evidence.extend(said.into_iter().flat_map(|said| ["; ", said.evidence.as_str()]));
            return Correlation::Linked(link);
        }
        Correlation::Proposed(one) => candidates.push(one),
        Correlation::Disputed(several) => candidates.extend(several),
        Correlation::Nobody => {}
    }
    candidates.retain(|candidate| candidate.confidence >= thresholds.candidate);
    candidates.sort_by(|a, b| b.confidence.total_cmp(&a.confidence).then(a.person.cmp(&b.person)));
    let mut seen: Vec<PersonIx> = Vec::new();
    candidates.retain(|candidate| {
        !seen.contains(&candidate.person) && {
            seen.push(candidate.person);
            true
        }
    });
    let Some(best) = candidates.first().map(|candidate| candidate.confidence) else { return Correlation::Nobody };
    candidates.retain(|candidate| candidate.confidence >= best - TIE);
    match candidates.len() {
        1 => Correlation::Proposed(candidates.swap_remove(0)),
        _ => Correlation::Disputed(candidates),
    }
}

/// A proposed candidate with what the weighing says of the pair.
fn with_the_rest(proposed: &Candidate, weighed: Option<&Candidate>) -> Candidate {
    let Some(weighed) = weighed else { return proposed.clone() };
    if weighed.confidence > proposed.confidence {
        let evidence = format!("{}; {}", weighed.evidence, proposed.evidence);
        return Candidate { evidence, ..weighed.clone() };
    }
    let contradicts = weighed.confidence < CONTRADICTED && weighed.comparisons.iter().any(|one| one.bits < AGAINST);
    Candidate {
        confidence: if contradicts { proposed.confidence.min(CONTRADICTED) } else { proposed.confidence },
        evidence: format!("{}; weighed with all else: {}", proposed.evidence, weighed.evidence),
        comparisons: weighed.comparisons.clone(),
        ..proposed.clone()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::people::Comparison;

    fn by(strategy: &'static str, person: u32, confidence: f32) -> Candidate {
        let (person, evidence) = (PersonIx(person), format!("{strategy} says so"));
        Candidate { person, confidence, strategy, evidence, comparisons: Vec::new() }
    }

    fn login(person: u32) -> Candidate {
        by(login::LOCAL_PART.name, person, 0.75)
    }

    fn weighed(person: u32, confidence: f32) -> Candidate {
        by(likeness::STRATEGY.name, person, confidence)
    }

    fn combined(proposed: &[Candidate], weighed: Vec<Candidate>) -> Correlation {
        combine(proposed, weighed, Thresholds::default())
    }

    #[test]
    fn two_weak_words_of_one_login_make_no_link() {
        let Correlation::Proposed(one) = combined(&[login(1)], vec![weighed(1, 0.89)]) else { panic!() };
        assert_eq!((one.confidence, one.strategy), (0.89, likeness::STRATEGY.name), "the better one, and no more");
        assert_eq!(one.evidence, "likeness says so; email_name says so");
        let Correlation::Proposed(one) = combined(&[login(1)], vec![weighed(1, 0.75)]) else { panic!() };
        assert_eq!((one.confidence, one.strategy), (0.75, login::LOCAL_PART.name));
    }

    #[test]
    fn what_suffices_alone_links_whoever_the_login_means() {
        for person in [1, 2] {
            let Correlation::Linked(link) = combined(&[login(1)], vec![weighed(person, 0.97)]) else { panic!() };
            assert_eq!((link.person, link.confidence), (PersonIx(person), 0.97));
            assert_eq!(link.evidence.contains("email_name"), person == 1, "{}", link.evidence);
        }
    }

    #[test]
    fn the_better_of_several_wins_and_equals_are_a_dispute() {
        let Correlation::Proposed(one) = combined(&[login(1)], vec![weighed(2, 0.85)]) else { panic!() };
        assert_eq!(one.person, PersonIx(2));
        let Correlation::Disputed(two) = combined(&[login(1)], vec![weighed(2, 0.75)]) else { panic!() };
        assert_eq!(two.iter().map(|one| one.person).collect::<Vec<_>>(), [PersonIx(1), PersonIx(2)]);
        // What the weighing speaks against counts less than whom it names.
        let mut against = weighed(1, 0.01);
        let field = crate::graph::Strings::default().add("given name");
        against.comparisons.push(Comparison { field, level: "different", account: None, person: None, bits: -4.0 });
        let Correlation::Proposed(one) = combined(&[login(1)], vec![weighed(2, 0.75), against.clone()]) else {
            panic!()
        };
        assert_eq!(one.person, PersonIx(2));
        let Correlation::Proposed(one) = combined(&[login(1)], vec![against]) else { panic!() };
        assert_eq!((one.confidence, one.comparisons.len()), (CONTRADICTED, 1), "still somebody to ask, less surely");
    }
}
