//! Walks every rule over its population, in parallel, and counts all verdicts.

use std::collections::BTreeMap;

use jiff::Timestamp;
use muster_reports::view::{Finding, Reason, RuleSummary, Step as ViewStep};
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
    findings.sort_by(|a: &Finding, b: &Finding| {
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
    Check { findings, rules }
}

#[derive(Default)]
struct Tally {
    pass: u64,
    not_evaluated: BTreeMap<String, u64>,
    failures: Vec<(Subject, Box<super::Failure>)>,
}

impl Tally {
    fn count(mut self, subject: Subject, verdict: Verdict) -> Self {
        match verdict {
            Verdict::NotApplicable => {}
            Verdict::Pass => self.pass += 1,
            Verdict::Fail(failure) => self.failures.push((subject, failure)),
            Verdict::NotEvaluated(cause) => *self.not_evaluated.entry(cause).or_default() += 1,
        }
        self
    }

    fn join(mut self, other: Self) -> Self {
        self.pass += other.pass;
        self.failures.extend(other.failures);
        for (cause, subjects) in other.not_evaluated {
            *self.not_evaluated.entry(cause).or_default() += subjects;
        }
        self
    }
}

fn run(rule: &'static Rule, facts: &Facts<'_>, history: &History) -> (RuleSummary, Vec<Finding>) {
    let tally = walk(rule, facts);
    let controls = controls::controls(rule.controls);
    let mut reasons: Vec<Reason> =
        tally.not_evaluated.into_iter().map(|(cause, subjects)| Reason { cause, subjects }).collect();
    reasons.sort_by(|a, b| (b.subjects, &a.cause).cmp(&(a.subjects, &b.cause)));
    let not_evaluated = reasons.iter().map(|reason| reason.subjects).sum();
    let fail = tally.failures.len() as u64;
    let summary = RuleSummary {
        rule: rule.id.to_owned(),
        slug: rule.slug.to_owned(),
        title: rule.title.to_owned(),
        severity: rule.severity,
        controls: controls.clone(),
        population: tally.pass + fail + not_evaluated,
        pass: tally.pass,
        fail,
        not_evaluated,
        reasons,
    };
    let findings = tally
        .failures
        .into_par_iter()
        .map(|(subject, failure)| finding(rule, facts, history, &controls, subject, *failure))
        .collect();
    (summary, findings)
}

/// Every subject of the rule's population, judged.
fn walk(rule: &'static Rule, facts: &Facts<'_>) -> Tally {
    let judge = Judge::of(rule, facts);
    let number = |place: usize| u32::try_from(place).unwrap_or(u32::MAX);
    let each = |count: usize, subject: &(dyn Fn(u32) -> Subject + Sync)| {
        judge.all((0..count).into_par_iter().map(|place| subject(number(place))))
    };
    match rule.population {
        Population::Accounts => each(facts.graph.account_count(), &|place| Subject::Account(NodeIx(place))),
        Population::Persons => each(facts.people.persons().len(), &|place| Subject::Person(PersonIx(place))),
        Population::Credentials => {
            each(facts.graph.credentials().len(), &|place| Subject::Credential(CredentialIx(place)))
        }
        Population::Objects => each(facts.graph.node_count(), &|place| Subject::Object(NodeIx(place))),
        Population::Edges => judge.all(
            (0..facts.graph.node_count())
                .into_par_iter()
                .flat_map_iter(|place| facts.graph.edges_from(NodeIx(number(place))).map(Subject::Edge)),
        ),
        Population::Systems => judge.all((0..facts.systems.len()).into_par_iter().map(Subject::System)),
        Population::Scopes => judge.all((0..facts.graph.coverage().rows().len()).into_par_iter().map(Subject::Scope)),
        Population::Changes => judge.all((0..facts.since_count()).into_par_iter().map(Subject::Change)),
        Population::Approvals => judge.all((0..facts.events.approvals().len()).into_par_iter().map(Subject::Approval)),
        Population::Declared => judge.all((0..facts.declared().items().len()).into_par_iter().map(Subject::Declared)),
    }
}

/// A rule about to judge: its needs looked up once for HR, once a scope for the subject's own place.
struct Judge<'a> {
    rule: &'static Rule,
    facts: &'a Facts<'a>,
    disabled: Option<String>,
    needs_people: bool,
    everywhere: Option<String>,
    own: FxHashMap<(SystemIx, ScopeIx), String>,
}

impl<'a> Judge<'a> {
    fn of(rule: &'static Rule, facts: &'a Facts<'a>) -> Self {
        let coverage = facts.graph.coverage();
        let (hr, own): (Vec<&Need>, Vec<&Need>) = rule.needs.iter().partition(|need| need.from == From::Hr);
        let places = facts.graph.places().filter_map(|(system, scope)| {
            let (system_name, scope_name) = (facts.graph.system_name(system), facts.graph.scope_name(scope));
            let moved = || coverage.of_scope(system_name, scope_name).find(|row| row.columns_moved());
            let unmet = own.iter().find_map(|need| need.unmet(coverage, system_name, scope_name));
            Some(((system, scope), unmet.or_else(|| Some(moved()?.shortfall()))?))
        });
        Self {
            rule,
            facts,
            disabled: facts.options.disabled.get(rule.id).map(|why| format!("switched off in the config: {why}")),
            needs_people: !hr.is_empty(),
            everywhere: hr.iter().find_map(|need| need.unmet(coverage, "", "")),
            own: places.collect(),
        }
    }

    fn all(&self, subjects: impl ParallelIterator<Item = Subject>) -> Tally {
        subjects
            .fold(Tally::default, |tally, subject| tally.count(subject, self.judge(subject)))
            .reduce(Tally::default, Tally::join)
    }

    /// Applicability is asked first: a subject that the rule is not about is not counted as not evaluated either.
    fn judge(&self, subject: Subject) -> Verdict {
        let verdict = (self.rule.judge)(self.facts, subject);
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
    rule: &Rule,
    facts: &Facts<'_>,
    history: &History,
    controls: &[String],
    subject: Subject,
    failure: super::Failure,
) -> Finding {
    let view = subject.view(facts);
    let fingerprint = subject.fingerprint(facts, rule.id, &view);
    let (severity, severity_reason) = match failure.severity {
        Some((severity, why)) => (severity, Some(why)),
        None => (rule.severity, None),
    };
    Finding {
        rule: rule.id.to_owned(),
        slug: rule.slug.to_owned(),
        title: rule.title.to_owned(),
        severity,
        severity_reason,
        subject: view,
        message: failure.message,
        evidence: failure.evidence,
        path: failure.path.iter().map(|step| view_step(facts, step)).collect(),
        controls: controls.to_vec(),
        fix: rule.manual.fix.to_owned(),
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
