//! Walks every rule over its population, in parallel, and counts all verdicts.

use std::collections::BTreeMap;

use muster_connectors::record::RecordKind;
use muster_reports::view::{
    Evidence, Finding, Fold, Reason, RuleSummary, RuleSystem, Severity, State, Step as ViewStep,
};
use rayon::prelude::*;
use rustc_hash::FxHashMap;

use super::changes::Since;
use super::past::{self, Asked, Earlier, History};
use super::{FOLD_OVER, Facts, From, Need, Population, RULES, Rule, Subject, Verdict, owner, prv, xpr};
use crate::controls;
use crate::graph::{CoverageRow, CredentialIx, Graph, NodeIx, Relation, RowState, ScopeIx, Step, SystemIx};
use crate::people::PersonIx;
use crate::snapshot::StoreError;

/// How the cause begins where a rule does not run.
pub const SWITCHED_OFF: &str = "switched off in the config";

/// What the rules say of one snapshot.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Check {
    /// Gravest first, then by rule, system, id.
    pub findings: Vec<Finding>,
    /// Control totals, by rule id.
    pub rules: Vec<RuleSummary>,
    /// Found before and not judged now, in the same order.
    pub unconfirmed: Vec<Finding>,
    /// Found before and in order since, as far back as is remembered, in the same order.
    pub resolved: Vec<Finding>,
}

/// Reads what these rules ask the graph for and other questions do not. Rules judge in parallel, so it is read before.
///
/// # Errors
/// [`StoreError`] when it cannot be read.
pub fn read_for(graph: &Graph, asked: &[&'static Rule]) -> Result<(), StoreError> {
    let asks = |one: &Rule| asked.iter().any(|rule| rule.id == one.id);
    if asks(&xpr::unused_entitlement::RULE) || asks(&xpr::over_provisioned::RULE) {
        graph.read_uses()?;
    }
    if asks(&prv::secret_in_record::RULE) {
        graph.read_secrets()?;
    }
    Ok(())
}

/// Judges everything.
///
/// Rules about findings that were resolved once judge last: the others say what is true again.
///
/// Cost: O(rules × population), in parallel over subjects; the result does not depend on the number of threads. The rules of one
/// population walk it together.
pub fn evaluate(facts: &Facts<'_>, history: &History) -> Check {
    evaluate_some(facts, history, RULES)
}

/// Judges by some of the rules only.
pub fn evaluate_some(facts: &Facts<'_>, history: &History, asked: &[&'static Rule]) -> Check {
    facts.remember(history);
    // Put together in parallel, and so before the rules, which judge in parallel, ask.
    facts.mentioned();
    let earlier = history.by_rule();
    let mut check = Check { findings: Vec::new(), rules: Vec::new(), unconfirmed: Vec::new(), resolved: Vec::new() };
    for about_resolved in [false, true] {
        let mut found = Vec::new();
        let mut met = FxHashMap::default();
        let judges = |rule: &Rule| (rule.population == Population::Resolved) == about_resolved;
        for judged in run(asked.iter().copied().filter(|rule| judges(rule)), facts, history, &earlier) {
            check.rules.push(judged.summary);
            found.extend(judged.findings);
            met.extend(judged.met);
        }
        let own = |rule: &str| facts.policy.rules.iter().any(|own| own.id == rule);
        let wanted = |finding: &Finding| {
            let is_asked = |rule: &Rule| judges(rule) && asked.iter().any(|one| one.id == rule.id);
            super::find(&finding.rule).map_or_else(|| !about_resolved && !own(&finding.rule), is_asked)
        };
        let left = past::left(facts, history, wanted, &found, &met);
        facts.recur(left.recurring);
        check.findings.extend(found);
        check.unconfirmed.extend(left.unconfirmed);
        check.resolved.extend(left.resolved);
    }
    check.rules.sort_by(|a, b| a.rule.cmp(&b.rule));
    sort(&mut check);
    fold(&mut check.findings, facts.options.fold_over.unwrap_or(FOLD_OVER));
    check
}

/// Gravest first, then by rule, system and id.
pub(super) fn sort(check: &mut Check) {
    for findings in [&mut check.findings, &mut check.unconfirmed, &mut check.resolved] {
        findings.par_sort_by(|a, b| past::order(a).cmp(&past::order(b)));
    }
}

/// Folds stay where more findings than `over` have the same root.
fn fold(findings: &mut [Finding], over: u32) {
    let mut members: FxHashMap<String, u64> = FxHashMap::default();
    for fold in findings.iter().filter_map(|finding| finding.fold.as_ref()) {
        *members.entry(fold.key.clone()).or_default() += 1;
    }
    for finding in findings {
        if let Some(fold) = &mut finding.fold {
            fold.members = members.get(&fold.key).copied().unwrap_or_default();
        }
        finding.fold.take_if(|fold| fold.members <= u64::from(over));
    }
}

/// What was counted, by the place of the subject's system in [`Facts::systems`].
#[derive(Default)]
pub(super) struct Tally {
    systems: Vec<Cell>,
    failures: Vec<(Subject, Box<super::Failure>)>,
    /// Verdicts on subjects that were found before and do not fail, by fingerprint.
    met: Vec<(String, Verdict)>,
}

/// The verdicts about one system.
#[derive(Default)]
struct Cell {
    pass: u64,
    fail: u64,
    not_evaluated: Causes,
}

/// Subjects by cause. Neighbours mostly share one, so that the last is not looked up again.
#[derive(Default)]
struct Causes {
    last: Option<(String, u64)>,
    counted: BTreeMap<String, u64>,
}

impl Causes {
    fn count(&mut self, cause: String) {
        match &mut self.last {
            Some((last, subjects)) if *last == cause => *subjects += 1,
            Some(_) | None => {
                if let Some((last, subjects)) = self.last.replace((cause, 1)) {
                    *self.counted.entry(last).or_default() += subjects;
                }
            }
        }
    }

    fn counted(mut self) -> BTreeMap<String, u64> {
        if let Some((last, subjects)) = self.last {
            *self.counted.entry(last).or_default() += subjects;
        }
        self.counted
    }
}

impl Tally {
    fn count(&mut self, facts: &Facts<'_>, subject: Subject, verdict: Verdict) {
        if verdict == Verdict::NotApplicable {
            return;
        }
        let cell = self.cell(subject.system_place(facts));
        match verdict {
            Verdict::NotApplicable => {}
            Verdict::Pass => cell.pass += 1,
            Verdict::Fail(failure) => {
                cell.fail += 1;
                self.failures.push((subject, failure));
            }
            Verdict::NotEvaluated(cause) => cell.not_evaluated.count(cause),
        }
    }

    fn cell(&mut self, place: usize) -> &mut Cell {
        if self.systems.len() <= place {
            self.systems.resize_with(place + 1, Cell::default);
        }
        &mut self.systems[place]
    }

    fn join(mut self, other: Self) -> Self {
        self.failures.extend(other.failures);
        self.met.extend(other.met);
        for (place, from) in other.systems.into_iter().enumerate() {
            let into = self.cell(place);
            into.pass += from.pass;
            into.fail += from.fail;
            add(&mut into.not_evaluated.counted, from.not_evaluated.counted());
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

/// What one rule said.
pub(super) struct Judged {
    pub(super) summary: RuleSummary,
    pub(super) findings: Vec<Finding>,
    /// Verdicts on subjects that were found before and do not fail, by fingerprint.
    pub(super) met: Vec<(String, Verdict)>,
}

/// What each of the rules said.
fn run(
    rules: impl Iterator<Item = &'static Rule>,
    facts: &Facts<'_>,
    history: &History,
    earlier: &Earlier<'_>,
) -> Vec<Judged> {
    let mut by_population: Vec<(Population, Vec<&'static Rule>)> = Vec::new();
    for rule in rules {
        match by_population.iter_mut().find(|(population, _)| *population == rule.population) {
            Some((_, together)) => together.push(rule),
            None => by_population.push((rule.population, vec![rule])),
        }
    }
    let mut judged = Vec::new();
    for (population, rules) in by_population {
        let tallies = walk(population, &rules, facts, earlier);
        judged.extend(rules.into_iter().zip(tallies).map(|(rule, tally)| {
            let Rule { id, slug, title, severity, .. } = *rule;
            let controls = controls::controls(rule.controls);
            total(&Head { id, slug, title, severity, controls, fix: rule.manual.fix }, tally, facts, history)
        }));
    }
    judged
}

/// A rule's verdicts as control totals and findings.
pub(super) fn total(head: &Head<'_>, tally: Tally, facts: &Facts<'_>, history: &History) -> Judged {
    let (mut pass, mut causes) = (0, BTreeMap::new());
    let mut systems = Vec::new();
    for (place, cell) in tally.systems.into_iter().enumerate() {
        let not_judged = cell.not_evaluated.counted();
        let not_evaluated: u64 = not_judged.values().sum();
        let population = cell.pass + cell.fail + not_evaluated;
        pass += cell.pass;
        add(&mut causes, not_judged.clone());
        // What is of no system (an accepted risk, a safeguard) is in the totals only.
        if let Some(name) = facts.systems.get(place).filter(|_| population > 0) {
            systems.push(RuleSystem {
                system: name.clone(),
                population,
                pass: cell.pass,
                fail: cell.fail,
                not_evaluated,
                reasons: reasons(not_judged),
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
    Judged { summary, findings, met: tally.met }
}

/// The most subjects that all rules judge before the next ones: what they look at stays in the processor's caches.
const AT_ONCE: usize = 1 << 10;

/// Parts that a population is cut into at least, where it has as many subjects.
const PARTS: usize = 64;

/// Every subject of a population, judged by each of its rules.
fn walk(population: Population, rules: &[&'static Rule], facts: &Facts<'_>, earlier: &Earlier<'_>) -> Vec<Tally> {
    let found = |rule: &Rule| earlier.get(rule.id).map_or(&[][..], Vec::as_slice);
    let judges: Vec<(&Rule, Judge<'_>)> =
        rules.iter().map(|rule| (*rule, Judge::of(rule.id, rule.needs, facts, found(rule)))).collect();
    let places = places(population, facts);
    let at_once = (places / PARTS).clamp(1, AT_ONCE);
    let none = || (rules.iter().map(|_| Tally::default()).collect::<Vec<_>>(), Vec::new());
    let parts = (0..places.div_ceil(at_once)).into_par_iter().fold(none, |(mut tallies, mut subjects), part| {
        subjects.clear();
        for place in part * at_once..places.min((part + 1) * at_once) {
            subjects_at(population, place, facts, &mut subjects);
        }
        for ((rule, judge), tally) in judges.iter().zip(&mut tallies) {
            for subject in &subjects {
                judge.count(tally, *subject, (rule.judge)(facts, *subject));
            }
        }
        (tallies, subjects)
    });
    let join = |one: Vec<Tally>, other: Vec<Tally>| one.into_iter().zip(other).map(|(a, b)| a.join(b)).collect();
    parts.map(|(tallies, _)| tallies).reduce(|| none().0, join)
}

/// Places at which a population has its subjects.
fn places(population: Population, facts: &Facts<'_>) -> usize {
    match population {
        Population::Accounts => facts.graph.account_count(),
        Population::Persons => facts.people.persons().len(),
        Population::Credentials => facts.graph.credentials().len(),
        // Of each node those that leave it.
        Population::Objects | Population::Edges => facts.graph.node_count(),
        Population::Applications => facts.applications().len(),
        Population::Systems => facts.systems.len(),
        Population::Scopes => facts.graph.coverage().rows().len(),
        Population::Exceptions => facts.policy.exceptions.len(),
        Population::Safeguards => facts.safeguards().len(),
        Population::Resolved => facts.recurring().len() + facts.review_items().len(),
        Population::Changes => facts.since_count(),
        Population::ChangesAndLogs => facts.since_count() + facts.graph.coverage().rows().len(),
        Population::Approvals => facts.events.approvals().len(),
        Population::Reviews => facts.review_items().len(),
        Population::Decisions => facts.events.approvals().len() + facts.review_items().len(),
        Population::Reviewers => facts.reviewers().len(),
        Population::Declared => facts.declared().items().len(),
    }
}

/// The subjects at one place of a population.
fn subjects_at(population: Population, place: usize, facts: &Facts<'_>, into: &mut Vec<Subject>) {
    let number = || u32::try_from(place).unwrap_or(u32::MAX);
    into.push(match population {
        Population::Accounts => Subject::Account(NodeIx(number())),
        Population::Persons => Subject::Person(PersonIx(number())),
        Population::Credentials => Subject::Credential(CredentialIx(number())),
        Population::Objects => Subject::Object(NodeIx(number())),
        Population::Edges => {
            into.extend(facts.graph.edges_from(NodeIx(number())).map(Subject::Edge));
            return;
        }
        Population::Applications => Subject::Application(place),
        Population::Systems => Subject::System(place),
        Population::Scopes => Subject::Scope(place),
        Population::Exceptions => Subject::Exception(place),
        Population::Safeguards => Subject::Safeguard(place),
        Population::Resolved => first_of(place, facts.recurring().len(), Subject::Resolved, Subject::Review),
        Population::Changes => Subject::Change(place),
        Population::ChangesAndLogs => first_of(place, facts.since_count(), Subject::Change, Subject::Scope),
        Population::Approvals => Subject::Approval(place),
        Population::Reviews => Subject::Review(place),
        Population::Decisions => first_of(place, facts.events.approvals().len(), Subject::Approval, Subject::Review),
        Population::Reviewers => Subject::Reviewer(place),
        Population::Declared => Subject::Declared(place),
    });
}

/// A subject of a population that consists of two lists, one behind the other.
fn first_of(place: usize, length: usize, first: fn(usize) -> Subject, second: fn(usize) -> Subject) -> Subject {
    place.checked_sub(length).map_or_else(|| first(place), second)
}

/// A rule about to judge: its needs looked up once for HR, once a scope for the subject's own place.
pub(super) struct Judge<'a> {
    rule: String,
    facts: &'a Facts<'a>,
    disabled: Option<String>,
    needs_people: bool,
    everywhere: Option<String>,
    own: FxHashMap<(SystemIx, ScopeIx), String>,
    asked: Asked<'a>,
}

impl<'a> Judge<'a> {
    pub(super) fn of(id: &str, needs: &[Need], facts: &'a Facts<'a>, earlier: &[&'a Finding]) -> Self {
        let coverage = facts.graph.coverage();
        let (hr, own): (Vec<&Need>, Vec<&Need>) = needs.iter().partition(|need| need.from == From::Hr);
        let places = facts.graph.places().filter_map(|(system, scope)| {
            let (system_name, scope_name) = (facts.graph.system_name(system), facts.graph.scope_name(scope));
            let moved = || coverage.of_scope(system_name, scope_name).find(|row| row.columns_moved());
            let unmet = own.iter().find_map(|need| need.unmet(coverage, system_name, scope_name));
            Some(((system, scope), unmet.or_else(|| Some(moved()?.shortfall()))?))
        });
        Self {
            rule: id.to_owned(),
            facts,
            disabled: facts.options.disabled.get(id).map(|why| format!("{SWITCHED_OFF}: {why}")),
            needs_people: !hr.is_empty(),
            everywhere: hr.iter().find_map(|need| need.unmet(coverage, "", "")),
            own: places.collect(),
            asked: Asked::of(earlier, facts),
        }
    }

    /// Counts what the rule said of a subject, as far as its needs let that stand.
    ///
    /// Applicability is asked first: a subject that the rule is not about is not counted as not evaluated either.
    pub(super) fn count(&self, tally: &mut Tally, subject: Subject, said: Verdict) {
        let verdict = match said {
            Verdict::NotApplicable => Verdict::NotApplicable,
            said => self.weigh(subject, said),
        };
        if let Some(fingerprint) = self.found_before(subject)
            && !matches!(verdict, Verdict::Fail(_))
        {
            // What the rule is no longer about is in order, where it was read so far that this can be said.
            let now = match &verdict {
                Verdict::NotApplicable => self.no_longer_about(subject),
                said => said.clone(),
            };
            tally.met.push((fingerprint, now));
        }
        tally.count(self.facts, subject, verdict);
    }

    /// In order, unless what a finding about a person rested on may lie in what was not read.
    fn no_longer_about(&self, subject: Subject) -> Verdict {
        let unread = self.facts.unread_anywhere(RecordKind::Account);
        match unread.filter(|_| matches!(subject, Subject::Person(_))) {
            Some(why) => Verdict::NotEvaluated(format!("an account may lie in what was not read: {why}")),
            None => self.weigh(subject, Verdict::Pass),
        }
    }

    /// The fingerprint of a subject of which an earlier check had a finding.
    fn found_before(&self, subject: Subject) -> Option<String> {
        if self.asked.is_empty() || !self.asked.may_hold(self.facts, subject) {
            return None;
        }
        let fingerprint = subject.fingerprint(self.facts, &self.rule, &subject.view(self.facts));
        self.asked.holds(&fingerprint).then_some(fingerprint)
    }

    /// Why a change is no proof: what is read today is not believed, so that what looks like a change may be the reading's fault.
    fn doubt(&self, subject: Subject, verdict: &Verdict) -> Option<String> {
        let Subject::Change(place) = subject else { return None };
        let (Since::Change(change), Verdict::Fail(_)) = (self.facts.since(place), verdict) else { return None };
        let mut rows = self.facts.graph.coverage().of_scope(&change.system, &change.scope);
        rows.find(|row| row.kind == change.kind && row.is_doubted).map(CoverageRow::shortfall)
    }

    /// What the rule's needs leave of a verdict.
    fn weigh(&self, subject: Subject, verdict: Verdict) -> Verdict {
        let own = || subject.place(self.facts).and_then(|place| self.own.get(&place));
        match self.disabled.as_ref().or(self.everywhere.as_ref()).or_else(own) {
            Some(cause) => Verdict::NotEvaluated(cause.clone()),
            None if subject.row_state(self.facts) == Some(RowState::Stale) => Verdict::NotEvaluated(
                "its row is from an earlier snapshot: today's reading failed or missed it".to_owned(),
            ),
            None if let Some(why) = self.doubt(subject, &verdict) => Verdict::NotEvaluated(why),
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
    let (severity, severity_reason) = match failure.severity.clone() {
        Some((severity, why)) => (severity, Some(why)),
        None => (head.severity, None),
    };
    let earlier = history.earlier.get(&fingerprint);
    let was_resolved = earlier.is_some_and(|earlier| earlier.state == State::Resolved);
    let regressed = if was_resolved { Some(facts.now) } else { earlier.and_then(|earlier| earlier.regressed) };
    let path: Vec<ViewStep> = failure.path.iter().map(|step| view_step(facts, step)).collect();
    Finding {
        rule: head.id.to_owned(),
        slug: head.slug.to_owned(),
        title: head.title.to_owned(),
        owner: owner::of(facts, head.id, subject, &view),
        fold: root(facts, head.id, &failure).map(|(key, root)| Fold { key, root, members: 0 }),
        severity,
        severity_reason,
        subject: view,
        message: failure.message,
        evidence_hash: evidence_hash(&failure.evidence, &path),
        evidence: failure.evidence,
        path,
        controls: head.controls.clone(),
        fix: head.fix.to_owned(),
        first_seen: earlier.map_or(facts.now, |earlier| earlier.first_seen),
        last_seen: facts.now,
        state: if regressed.is_some() { State::Regressed } else { State::Open },
        resolved: earlier.and_then(|earlier| earlier.resolved),
        regressed,
        fingerprint,
        ..Finding::default()
    }
}

/// What a finding has in common with others of its rule: what the rule says, else the group through which the access comes.
fn root(facts: &Facts<'_>, rule: &str, failure: &super::Failure) -> Option<(String, String)> {
    let (key, what) = failure.root.clone().or_else(|| {
        let through = failure.path.iter().rev().find(|step| step.relation == Relation::MemberOf)?;
        let group = facts.graph.node(through.target);
        let key = format!("{}|{}", facts.graph.system_name(group.system), facts.graph.text(group.id));
        Some((key, format!("through the group `{}`", facts.graph.name(through.target))))
    })?;
    let mut hasher = blake3::Hasher::new();
    for part in ["fold", rule, &key] {
        hasher.update(part.as_bytes()).update(&[0x1f]);
    }
    Some((hasher.finalize().to_hex()[..32].to_owned(), what))
}

/// BLAKE3 of what proves a finding, without the facts that change by themselves. Neither text nor severity are part of it, so that
/// another release changes nothing.
fn evidence_hash(evidence: &[Evidence], path: &[ViewStep]) -> String {
    let mut hasher = blake3::Hasher::new();
    let mut add = |part: &str| {
        hasher.update(&(part.len() as u64).to_le_bytes()).update(part.as_bytes());
    };
    for row in evidence {
        for part in [&row.system, &row.table, &row.id] {
            add(part);
        }
        for (name, value) in row.facts.iter().filter(|(name, _)| !is_volatile(name)) {
            add(name);
            add(value);
        }
    }
    for step in path {
        for part in [&step.from, &step.relation, &step.to, &step.system] {
            add(part);
        }
        add(step.condition.as_deref().unwrap_or_default());
    }
    hasher.finalize().to_hex()[..16].to_owned()
}

/// Facts that change without anybody changing anything: last uses, ages and counters, and how a link was found.
fn is_volatile(fact: &str) -> bool {
    fact.starts_with("last_")
        || ["_days", "_hours", "_age", "_count"].iter().any(|end| fact.ends_with(end))
        || matches!(fact, "days" | "hours" | "age" | "count" | "records" | "idle" | "linked")
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
