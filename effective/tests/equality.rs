//! The compiled evaluator gives the literal one's answers: generated estates, generated requests.
//!
//! 50,000 requests in a normal run; `MUSTER_EQUALITY_REQUESTS=1000000` asks more.

#[path = "equality/vocabulary.rs"]
mod vocabulary;

use std::sync::atomic::{AtomicU32, Ordering};

use muster_effective::aws::answer::{Answer, Verdict};
use muster_effective::aws::compiled::Compiled;
use muster_effective::aws::estate::Estate;
use muster_effective::aws::evaluate::Evaluate;
use muster_effective::aws::literal;
use muster_effective::aws::reference::Reference;
use muster_effective::aws::request::Request;
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};
use vocabulary::{ACTIONS, RESOURCES, Tape};

const REQUESTS_EACH: u32 = 40;

fn cases() -> u32 {
    let asked = std::env::var_os("MUSTER_EQUALITY_REQUESTS");
    let asked = asked.map(|text| text.to_str().and_then(|text| text.parse().ok()).expect("a number of requests"));
    asked.unwrap_or(50_000_u32).div_ceil(REQUESTS_EACH)
}

fn tape() -> impl Strategy<Value = Vec<u16>> {
    proptest::collection::vec(any::<u16>(), 2_000..2_400)
}

/// What both have to say alike. Assumptions and statements are sets: their order says nothing.
fn said(mut answer: Answer) -> Answer {
    answer.assumed.sort();
    answer.deciding.sort_by(|a, b| (&a.policy, a.index, a.layer).cmp(&(&b.policy, b.index, b.layer)));
    answer
}

fn literally(estate: &Estate, request: &Request) -> Answer {
    said(literal::evaluate(request, &estate.layers(request, Reference::builtin())))
}

#[test]
fn the_compiled_evaluator_says_what_the_literal_one_says() {
    let counts: [AtomicU32; 5] = Default::default();
    let mut runner = TestRunner::new(Config {
        cases: cases(),
        failure_persistence: None,
        max_shrink_iters: 1_000,
        ..Config::default()
    });
    let outcome = runner.run(&tape(), |values| {
        let mut tape = Tape::new(values);
        let estate = tape.estate();
        let compiled = Compiled::new(&estate, Reference::builtin());
        for _ in 0..REQUESTS_EACH {
            let request = tape.request(&estate);
            let expected = literally(&estate, &request);
            let found = said(compiled.decide(&request));
            let kind = match expected.verdict {
                Verdict::Allowed if expected.assumed.is_empty() => 0,
                Verdict::Allowed => 1,
                Verdict::ExplicitlyDenied => 2,
                Verdict::ImplicitlyDenied => 3,
                Verdict::NotEvaluated => 4,
            };
            counts[kind].fetch_add(1, Ordering::Relaxed);
            prop_assert_eq!(found, expected, "{:?}\n{}", request, vocabulary::shown(&estate, &request));
        }
        Ok(())
    });
    if let Err(error) = outcome {
        panic!("{error}");
    }
    // A generator that never allows, or never denies, would prove nothing.
    let counts = counts.map(AtomicU32::into_inner);
    let total: u32 = counts.iter().sum();
    assert!(
        total >= 50_000 && counts.iter().all(|&count| count > total / 200),
        "allowed, allowed if, denied, not allowed, not evaluated: {counts:?}"
    );
}

#[test]
fn everybody_at_once_is_each_one_by_one_and_could_is_never_wrong() {
    let mut runner = TestRunner::new(Config {
        cases: cases() / 20,
        failure_persistence: None,
        max_shrink_iters: 1_000,
        ..Config::default()
    });
    let outcome = runner.run(&tape(), |values| {
        let mut tape = Tape::new(values);
        let estate = tape.estate();
        let compiled = Compiled::new(&estate, Reference::builtin());
        let index = compiled.index();
        let (action, resource) = (tape.pick(&ACTIONS), tape.pick(&RESOURCES));
        let everybody = 0..u32::try_from(estate.principals.len()).expect("a few");
        let one_by_one: Vec<(u32, Answer)> = everybody
            .clone()
            .map(|who| (who, literally(&estate, &estate.request(index, who, action, resource))))
            .filter(|(_, answer)| matches!(answer.verdict, Verdict::Allowed | Verdict::NotEvaluated))
            .collect();
        let at_once: Vec<(u32, Answer)> =
            compiled.who_can(action, resource).into_iter().map(|(who, answer)| (who, said(answer))).collect();
        for (who, _) in &at_once {
            prop_assert!(compiled.could(*who, action), "{} could not {action}", estate.principals[*who as usize].arn);
        }
        prop_assert_eq!(at_once, one_by_one, "{} {}", action, resource);
        Ok(())
    });
    if let Err(error) = outcome {
        panic!("{error}");
    }
}
