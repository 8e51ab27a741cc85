//! What strangers' bytes may not break: the bodies of the fuzz targets of `fuzz/`, which `tests/hostile.rs` runs on generated input.

use std::sync::Arc;

use muster_effective::aws::cases::Case;
use muster_effective::aws::document::Document;
use muster_effective::aws::literal::evaluate;
use muster_effective::aws::pattern::{ArnGlob, Glob};
use muster_effective::aws::request::{Attached, Layers, Level, Mode, Principal, Request};
use muster_effective::aws::variable;

/// A document is read whatever it is, the same way twice, and everything in it lies within the text.
pub(crate) fn document(text: &str) {
    let document = Document::parse(text);
    assert_eq!(document, Document::parse(text));
    let whole = |span: &std::ops::Range<u32>| text.get(span.start as usize..span.end as usize).is_some();
    assert!(
        document.statements.iter().all(|statement| whole(&statement.span) && !statement.actions.patterns.is_empty())
    );
    assert!(document.problems.iter().all(|problem| whole(&problem.span) && !problem.what.is_empty()));
    assert_eq!(document.is_blind(), document.problems.iter().any(|problem| problem.blinds));
    for problem in &document.problems {
        let (line, column) = problem.place(text);
        assert!(line >= 1 && column >= 1);
    }
}

/// A pattern matches as the textbook's table says, which costs the product of both lengths.
pub(crate) fn pattern(pattern: &str, subject: &str) {
    let matched = Glob::new(pattern).matches(subject);
    if pattern.len() * subject.len() < 1 << 20 {
        assert_eq!(matched, by_table(pattern, subject), "`{pattern}` on `{subject}`");
    }
    let glob = Glob::new(pattern);
    // Part by part is never more than as a whole, where the pattern is long enough to have parts.
    assert!(!ArnGlob::resource(&glob).matches(subject) || matched, "`{pattern}` on `{subject}`");
    assert!(!ArnGlob::condition(&glob).matches(subject) || matched, "`{pattern}` on `{subject}`");
    let _ = variable::parts(pattern);
}

fn by_table(pattern: &str, subject: &str) -> bool {
    let subject: Vec<char> = subject.chars().collect();
    let mut reached = vec![false; subject.len() + 1];
    reached[0] = true;
    for letter in pattern.chars() {
        let mut next = vec![false; subject.len() + 1];
        for at in 0..=subject.len() {
            next[at] = match letter {
                '*' => reached[at] || (at > 0 && next[at - 1]),
                '?' => at > 0 && reached[at - 1],
                letter => at > 0 && reached[at - 1] && subject[at - 1] == letter,
            };
        }
        reached = next;
    }
    reached[subject.len()]
}

/// A case is read or refused with places within its text, and what is read can be judged.
pub(crate) fn case(text: &str) {
    match Case::read(text) {
        Ok(case) => {
            let answer = case.evaluate();
            let agrees = case.disagreement(&answer).is_empty();
            assert_eq!(agrees, answer.verdict == case.expected && (case.assumed.is_none() || agrees));
        }
        Err(faults) => {
            assert!(!faults.is_empty());
            assert!(faults.iter().all(|fault| text.get(fault.span.clone()).is_some() && !fault.what.is_empty()));
        }
    }
}

/// Whatever policies say, the evaluator answers, and two laws hold: a deny of everything denies, and nothing allows nothing.
pub(crate) fn evaluation(identity: &str, resource: &str, mode: Mode) {
    let attached = |name: &str, text: &str| Attached {
        name: name.into(),
        version: None,
        document: Arc::new(Document::parse(text)),
    };
    let request = Request {
        principal: Principal::User { arn: "arn:aws:iam::111122223333:user/bob".to_owned() },
        action: "s3:GetObject".to_owned(),
        resource: "arn:aws:s3:::docs/a".to_owned(),
        resource_account: None,
        context: [("aws:sourceip".to_owned(), vec!["203.0.113.7".to_owned()])].into(),
        mode,
    };
    let layers = Layers {
        identity: vec![attached("identity", identity)],
        resource: Some(attached("resource", resource)),
        ..Layers::default()
    };
    let answer = evaluate(&request, &layers);
    assert_eq!(answer, evaluate(&request, &layers));
    assert!(mode == Mode::Open || answer.assumed.is_empty());
    let deny = r#"{"Version":"2012-10-17","Statement":{"Effect":"Deny","Action":"*","Resource":"*"}}"#;
    let denied =
        Layers { scps: vec![Level { name: "r".into(), policies: vec![attached("deny", deny)] }], ..layers.clone() };
    assert_eq!(evaluate(&request, &denied).verdict.as_str(), "ExplicitlyDenied");
    let nothing = Layers { boundary: Some(Vec::new()), resource: None, ..layers };
    assert_ne!(evaluate(&request, &nothing).verdict.as_str(), "Allowed");
}
