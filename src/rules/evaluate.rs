//! Walks every rule over its population, in parallel, and counts all verdicts.

use std::collections::BTreeMap;

use jiff::Timestamp;
use muster_reports::view::{Finding, Reason, RuleSummary, RuleSystem, Severity, Step as ViewStep};
use rayon::prelude::*;
use rustc_hash::FxHashMap;

use super::{Facts, From, Need, Population, RULES, Rule, Subject, Verdict};
use crate::controls;
use crate::graph::{CredentialIx, NodeIx, RowState, ScopeIx, Step, SystemIx};
use crate::people::PersonIx;

/// What earlier checks found: when each fingerprint was first seen.
#[derive(Debug, Clone, Default)]
pub struct History {
    /// First sightings, by fingerprint.
    pub first_seen: FxHashMap<String, Timestamp>,
}

/// What the rules say of one snapshot.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Check {
    /// Gravest first, then by rule, system, id.
    pub findings: Vec<Finding>,
    /// Control totals, by rule id.
    pub rules: Vec<RuleSummary>,
}

/// Judges everything.
///
/// Cost: O(rules × population), in parallel over subjects; the result does not depend on the number of threads.
pub fn evaluate(facts: &Facts<'_>, history: &History) -> Check {
    evaluate_some(facts, history, RULES)
}

/// Judges by some of the rules only.
pub fn evaluate_some(facts: &Facts<'_>, history: &History, wanted: &[&'static Rule]) -> Check {
    let mut findings = Vec::new();
    let mut rules = Vec::new();
    for rule in wanted {
        let (summary, found) = run(rule, facts, history);
        rules.push(summary);
        findings.extend(found);
    }
    sort(&mut findings);
    Check { findings, rules }
}

/// Gravest first, then by rule, system and id.
pub(super) fn sort(findings: &mut [Finding]) {
    findings.sort_by(|a, b| {
        let of = |finding: &Finding| std::cmp::Reverse(finding.severity);
        (of(a), &a.rule, &a.subject.system, &a.subject.id, &a.subject.kind, &a.fingerprint).cmp(&(
            of(b),
            &b.rule,
            &b.subject.system,
            &b.subject.id,
            &b.subject.kind,
            &b.fingerprint,
        ))
    });
}

/// What was counted, by the place of the subject's system in [`Facts::systems`].
#[derive(Default)]
pub(super) struct Tally {
    systems: Vec<Cell>,
    failures: Vec<(Subject, Box<super::Failure>)>,
}

/// The verdicts about one system.
#[derive(Default)]
struct Cell {
    pass: u64,
    fail: u64,
    not_evaluated: BTreeMap<String, u64>,
}

impl Tally {
    pub(super) fn count(mut self, facts: &Facts<'_>, subject: Subject, verdict: Verdict) -> Self {
        if verdict == Verdict::NotApplicable {
            return self;
        }
        let cell = self.cell(subject.system_place(facts));
        match verdict {
            Verdict::NotApplicable => {}
            Verdict::Pass => cell.pass += 1,
            Verdict::Fail(failure) => {
                cell.fail += 1;
                self.failures.push((subject, failure));
            }
            Verdict::NotEvaluated(cause) => *cell.not_evaluated.entry(cause).or_default() += 1,
        }
        self
    }

    fn cell(&mut self, place: usize) -> &mut Cell {
        if self.systems.len() <= place {
            self.systems.resize_with(place + 1, Cell::default);
        }
        &mut self.systems[place]
    }

    fn join(mut self, other: Self) -> Self {
        self.failures.extend(other.failures);
        for (place, from) in other.systems.into_iter().enumerate() {
            let into = self.cell(place);
            into.pass += from.pass;
            into.fail += from.fail;
            add(&mut into.not_evaluated, from.not_evaluated);
        }
        self
    }
}

fn add(into: &mut BTreeMap<String, u64>, from: BTreeMap<String, u64>) {
    for (cause, subjects) in from {
        *into.entry(cause).or_default() += subjects;
    }
}

/// Causes with their subjects, most first.
fn reasons(causes: BTreeMap<String, u64>) -> Vec<Reason> {
    let mut reasons: Vec<Reason> = causes.into_iter().map(|(cause, subjects)| Reason { cause, subjects }).collect();
    reasons.sort_by(|a, b| (b.subjects, &a.cause).cmp(&(a.subjects, &b.cause)));
    reasons
}

/// What a rule is called, for its findings and totals.
#[derive(Debug)]
pub(super) struct Head<'a> {
    pub(super) id: &'a str,
    pub(super) slug: &'a str,
    pub(super) title: &'a str,
    pub(super) severity: Severity,
    pub(super) controls: Vec<String>,
    pub(super) fix: &'a str,
}

fn run(rule: &'static Rule, facts: &Facts<'_>, history: &History) -> (RuleSummary, Vec<Finding>) {
    let Rule { id, slug, title, severity, .. } = *rule;
    let head = Head { id, slug, title, severity, controls: controls::controls(rule.controls), fix: rule.manual.fix };
    total(&head, walk(rule, facts), facts, history)
}

/// A rule's verdicts as control totals and findings.
pub(super) fn total(
    head: &Head<'_>,
    tally: Tally,
    facts: &Facts<'_>,
    history: &History,
) -> (RuleSummary, Vec<Finding>) {
    let (mut pass, mut causes) = (0, BTreeMap::new());
    let mut systems = Vec::new();
    for (name, cell) in facts.systems.iter().zip(tally.systems) {
        let not_evaluated: u64 = cell.not_evaluated.values().sum();
        let population = cell.pass + cell.fail + not_evaluated;
        if population > 0 {
            pass += cell.pass;
            add(&mut causes, cell.not_evaluated.clone());
            systems.push(RuleSystem {
                system: name.clone(),
                population,
                pass: cell.pass,
                fail: cell.fail,
                not_evaluated,
                reasons: reasons(cell.not_evaluated),
            });
        }
    }
    let fail = tally.failures.len() as u64;
    let not_evaluated = causes.values().sum();
    let summary = RuleSummary {
        rule: head.id.to_owned(),
        slug: head.slug.to_owned(),
        title: head.title.to_owned(),
        severity: head.severity,
        controls: head.controls.clone(),
        population: pass + fail + not_evaluated,
        pass,
        fail,
        not_evaluated,
        reasons: reasons(causes),
        systems,
    };
    let findings = tally
        .failures
        .into_par_iter()
        .map(|(subject, failure)| finding(head, facts, history, subject, *failure))
        .collect();
    (summary, findings)
}

/// Every subject of the rule's population, judged.
fn walk(rule: &'static Rule, facts: &Facts<'_>) -> Tally {
    let judge = Judge::of(rule.id, rule.needs, facts);
    let ask = |subject: Subject| judge.weigh(subject, (rule.judge)(facts, subject));
    let number = |place: usize| u32::try_from(place).unwrap_or(u32::MAX);
    let each = |count: usize, subject: &(dyn Fn(u32) -> Subject + Sync)| {
        all(facts, &ask, (0..count).into_par_iter().map(|place| subject(number(place))))
    };
    match rule.population {
        Population::Accounts => each(facts.graph.account_count(), &|place| Subject::Account(NodeIx(place))),
        Population::Persons => each(facts.people.persons().len(), &|place| Subject::Person(PersonIx(place))),
        Population::Credentials => {
            each(facts.graph.credentials().len(), &|place| Subject::Credential(CredentialIx(place)))
        }
        Population::Objects => each(facts.graph.node_count(), &|place| Subject::Object(NodeIx(place))),
        Population::Edges => all(
            facts,
            &ask,
            (0..facts.graph.node_count())
                .into_par_iter()
                .flat_map_iter(|place| facts.graph.edges_from(NodeIx(number(place))).map(Subject::Edge)),
        ),
        Population::Applications => {
            all(facts, &ask, (0..facts.applications().len()).into_par_iter().map(Subject::Application))
        }
        Population::Systems => all(facts, &ask, (0..facts.systems.len()).into_par_iter().map(Subject::System)),
        Population::Scopes => {
            all(facts, &ask, (0..facts.graph.coverage().rows().len()).into_par_iter().map(Subject::Scope))
        }
        Population::Changes => all(facts, &ask, (0..facts.since_count()).into_par_iter().map(Subject::Change)),
        Population::Approvals => {
            all(facts, &ask, (0..facts.events.approvals().len()).into_par_iter().map(Subject::Approval))
        }
        Population::Declared => {
            all(facts, &ask, (0..facts.declared().items().len()).into_par_iter().map(Subject::Declared))
        }
    }
}

fn all(
    facts: &Facts<'_>,
    ask: &(impl Fn(Subject) -> Verdict + Sync),
    subjects: impl ParallelIterator<Item = Subject>,
) -> Tally {
    subjects
        .fold(Tally::default, |tally, subject| tally.count(facts, subject, ask(subject)))
        .reduce(Tally::default, Tally::join)
}

/// A rule about to judge: its needs looked up once for HR, once a scope for the subject's own place.
pub(super) struct Judge<'a> {
    facts: &'a Facts<'a>,
    disabled: Option<String>,
    needs_people: bool,
    everywhere: Option<String>,
    own: FxHashMap<(SystemIx, ScopeIx), String>,
}

impl<'a> Judge<'a> {
    pub(super) fn of(id: &str, needs: &[Need], facts: &'a Facts<'a>) -> Self {
        let coverage = facts.graph.coverage();
        let (hr, own): (Vec<&Need>, Vec<&Need>) = needs.iter().partition(|need| need.from == From::Hr);
        let places = facts.graph.places().filter_map(|(system, scope)| {
            let (system_name, scope_name) = (facts.graph.system_name(system), facts.graph.scope_name(scope));
            let moved = || coverage.of_scope(system_name, scope_name).find(|row| row.columns_moved());
            let unmet = own.iter().find_map(|need| need.unmet(coverage, system_name, scope_name));
            Some(((system, scope), unmet.or_else(|| Some(moved()?.shortfall()))?))
        });
        Self {
            facts,
            disabled: facts.options.disabled.get(id).map(|why| format!("switched off in the config: {why}")),
            needs_people: !hr.is_empty(),
            everywhere: hr.iter().find_map(|need| need.unmet(coverage, "", "")),
            own: places.collect(),
        }
    }

    /// Applicability is asked first: a subject that the rule is not about is not counted as not evaluated either.
    pub(super) fn weigh(&self, subject: Subject, verdict: Verdict) -> Verdict {
        if verdict == Verdict::NotApplicable {
            return verdict;
        }
        let own = || subject.place(self.facts).and_then(|place| self.own.get(&place));
        match self.disabled.as_ref().or(self.everywhere.as_ref()).or_else(own) {
            Some(cause) => Verdict::NotEvaluated(cause.clone()),
            None if subject.row_state(self.facts) == Some(RowState::Stale) => Verdict::NotEvaluated(
                "its row is from an earlier snapshot: today's reading failed or missed it".to_owned(),
            ),
            None if self.needs_people => self.facts.lost_people.weigh(self.facts, subject, verdict),
            None => verdict,
        }
    }
}

fn finding(
    head: &Head<'_>,
    facts: &Facts<'_>,
    history: &History,
    subject: Subject,
    failure: super::Failure,
) -> Finding {
    let view = subject.view(facts);
    let fingerprint = subject.fingerprint(facts, head.id, &view);
    let (severity, severity_reason) = match failure.severity {
        Some((severity, why)) => (severity, Some(why)),
        None => (head.severity, None),
    };
    Finding {
        rule: head.id.to_owned(),
        slug: head.slug.to_owned(),
        title: head.title.to_owned(),
        severity,
        severity_reason,
        subject: view,
        message: failure.message,
        evidence: failure.evidence,
        path: failure.path.iter().map(|step| view_step(facts, step)).collect(),
        controls: head.controls.clone(),
        fix: head.fix.to_owned(),
        first_seen: history.first_seen.get(&fingerprint).copied().unwrap_or(facts.now),
        last_seen: facts.now,
        fingerprint,
    }
}

fn view_step(facts: &Facts<'_>, step: &Step) -> ViewStep {
    let detail = facts.graph.detail(step);
    ViewStep {
        from: facts.graph.name(step.source).to_owned(),
        relation: step.relation.as_str().to_owned(),
        to: facts.graph.name(step.target).to_owned(),
        system: facts.graph.system_name(facts.graph.node(step.target).system).to_owned(),
        condition: detail.note.map(|note| facts.graph.text(note).to_owned()),
    }
}
