//! The documentation's decision tables as cases: each file of `aws-cases/` has one topic, each case names the page that it tests.
#![allow(clippy::unwrap_used, reason = "a test stops on any error")]

use std::collections::BTreeMap;
use std::path::PathBuf;

use muster_effective::aws::cases::Case;

/// Every case with file and line.
fn cases() -> Vec<(String, Case)> {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/aws-cases");
    let mut files: Vec<PathBuf> = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.retain(|file| file.extension().is_some_and(|ending| ending == "jsonl"));
    files.sort();
    let mut cases = Vec::new();
    for file in files {
        let name = file.file_stem().unwrap().to_string_lossy().into_owned();
        for (line, text) in (1..).zip(std::fs::read_to_string(&file).unwrap().lines()) {
            let place = format!("{name}:{line}");
            let case = Case::read(text).unwrap_or_else(|faults| panic!("{place}: {faults:?}"));
            cases.push((place, case));
        }
    }
    cases
}

#[test]
fn every_case_agrees_with_its_page() {
    let mut told = String::new();
    for (place, case) in cases() {
        let disagreement = case.disagreement(&case.evaluate());
        if !disagreement.is_empty() {
            let (name, page) = (case.name.unwrap_or_default(), case.page.unwrap_or_default());
            told.push_str(&format!("{place} {} ({name}; {page})\n{disagreement}\n", case.id));
        }
    }
    assert!(told.is_empty(), "{told}");
}

#[test]
fn there_are_enough_of_them_and_each_says_what_it_is() {
    let cases = cases();
    assert!(cases.len() >= 400, "{}", cases.len());
    let mut seen: BTreeMap<String, String> = BTreeMap::new();
    for (place, case) in cases {
        let page = case.page.unwrap_or_default();
        assert!(page.starts_with('/') && page.contains(".html"), "{place}: `{page}` is no page");
        assert!(case.name.is_some_and(|name| !name.is_empty()), "{place}: no name");
        let twice = seen.insert(case.id.clone(), place.clone());
        assert_eq!(twice, None, "{place}: the id {} stands twice", case.id);
    }
}
