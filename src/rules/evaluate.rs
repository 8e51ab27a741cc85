//! Walks every rule over its population, in parallel, and counts all verdicts.

use std::collections::BTreeMap;

use muster_connectors::record::RecordKind;
use muster_reports::view::{
    Evidence, Finding, Fold, Reason, RuleSummary, RuleSystem, Severity, State, Step as ViewStep,
};
use rayon::prelude::*;
use rustc_hash::FxHashMap;

use super::changes::Since;
use super::past::{self, Asked, History};
use super::{FOLD_OVER, Facts, From, Need, Population, RULES, Rule, Subject, Verdict, owner};
use crate::controls;
use crate::graph::{CoverageRow, CredentialIx, NodeIx, Relation, RowState, ScopeIx, Step, SystemIx};
use crate::people::PersonIx;

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

/// Judges everything.
///
/// Rules about findings that were resolved once judge last: the others say what is true again.
///
/// Cost: O(rules × population), in parallel over subjects; the result does not depend on the number of threads.
pub fn evaluate(facts: &Facts<'_>, history: &History) -> Check {
    evaluate_some(facts, history, RULES)
}

/// Judges by some of the rules only.
pub fn evaluate_some(facts: &Facts<'_>, history: &History, asked: &[&'static Rule]) -> Check {
    facts.remember(history);
    let mut check = Check { findings: Vec::new(), rules: Vec::new(), unconfirmed: Vec::new(), resolved: Vec::new() };
    for about_resolved in [false, true] {
        let mut found = Vec::new();
        let mut met = FxHashMap::default();
        let judges = |rule: &Rule| (rule.population == Population::Resolved) == about_resolved;
        for rule in asked.iter().filter(|rule| judges(rule)) {
            let judged = run(rule, facts, history);
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
    not_evaluated: BTreeMap<String, u64>,
}

impl Tally {
    fn count(mut self, facts: &Facts<'_>, subject: Subject, verdict: Verdict) -> Self {
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
        self.met.extend(other.met);
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

/// What one rule said.
pub(super) struct Judged {
    pub(super) summary: RuleSummary,
    pub(super) findings: Vec<Finding>,
    /// Verdicts on subjects that were found before and do not fail, by fingerprint.
    pub(super) met: Vec<(String, Verdict)>,
}

fn run(rule: &'static Rule, facts: &Facts<'_>, history: &History) -> Judged {
    let Rule { id, slug, title, severity, .. } = *rule;
    let head = Head { id, slug, title, severity, controls: controls::controls(rule.controls), fix: rule.manual.fix };
    total(&head, walk(rule, facts, history), facts, history)
}

/// A rule's verdicts as control totals and findings.
pub(super) fn total(head: &Head<'_>, tally: Tally, facts: &Facts<'_>, history: &History) -> Judged {
    let (mut pass, mut causes) = (0, BTreeMap::new());
    let mut systems = Vec::new();
    for (place, cell) in tally.systems.into_iter().enumerate() {
        let not_evaluated: u64 = cell.not_evaluated.values().sum();
        let population = cell.pass + cell.fail + not_evaluated;
        pass += cell.pass;
        add(&mut causes, cell.not_evaluated.clone());
        // What is of no system (an accepted risk, a safeguard) is in the totals only.
        if let Some(name) = facts.systems.get(place).filter(|_| population > 0) {
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
    Judged { summary, findings, met: tally.met }
}

/// Every subject of the rule's population, judged.
fn walk(rule: &'static Rule, facts: &Facts<'_>, history: &History) -> Tally {
    let judge = Judge::of(rule.id, rule.needs, facts, history);
    let count = |tally: Tally, subject: Subject| judge.count(tally, subject, (rule.judge)(facts, subject));
    let number = |place: usize| u32::try_from(place).unwrap_or(u32::MAX);
    let each = |length: usize, subject: &(dyn Fn(u32) -> Subject + Sync)| {
        all(&count, (0..length).into_par_iter().map(|place| subject(number(place))))
    };
    let listed = |length: usize, subject: fn(usize) -> Subject| all(&count, (0..length).into_par_iter().map(subject));
    let reviews = || listed(facts.review_items().len(), Subject::Review);
    match rule.population {
        Population::Accounts => each(facts.graph.account_count(), &|place| Subject::Account(NodeIx(place))),
        Population::Persons => each(facts.people.persons().len(), &|place| Subject::Person(PersonIx(place))),
        Population::Credentials => {
            each(facts.graph.credentials().len(), &|place| Subject::Credential(CredentialIx(place)))
        }
        Population::Objects => each(facts.graph.node_count(), &|place| Subject::Object(NodeIx(place))),
        Population::Edges => all(
            &count,
            (0..facts.graph.node_count())
                .into_par_iter()
                .flat_map_iter(|place| facts.graph.edges_from(NodeIx(number(place))).map(Subject::Edge)),
        ),
        Population::Applications => listed(facts.applications().len(), Subject::Application),
        Population::Systems => listed(facts.systems.len(), Subject::System),
        Population::Scopes => listed(facts.graph.coverage().rows().len(), Subject::Scope),
        Population::Exceptions => listed(facts.policy.exceptions.len(), Subject::Exception),
        Population::Safeguards => listed(facts.safeguards().len(), Subject::Safeguard),
        Population::Resolved => listed(facts.recurring().len(), Subject::Resolved).join(reviews()),
        Population::Changes => listed(facts.since_count(), Subject::Change),
        Population::Approvals => listed(facts.events.approvals().len(), Subject::Approval),
        Population::Declared => listed(facts.declared().items().len(), Subject::Declared),
        Population::Reviews => reviews(),
        Population::Decisions => listed(facts.events.approvals().len(), Subject::Approval).join(reviews()),
        Population::Reviewers => listed(facts.reviewers().len(), Subject::Reviewer),
    }
}

fn all(count: &(impl Fn(Tally, Subject) -> Tally + Sync), subjects: impl ParallelIterator<Item = Subject>) -> Tally {
    subjects.fold(Tally::default, count).reduce(Tally::default, Tally::join)
}

/// A rule about to judge: its needs looked up once for HR, once a scope for the subject's own place.
pub(super) struct Judge<'a> {
    rule: String,
    facts: &'a Facts<'a>,
    disabled: Option<String>,
    needs_people: bool,
    everywhere: Option<String>,
    own: FxHashMap<(SystemIx, ScopeIx), String>,
    asked: Asked,
}

impl<'a> Judge<'a> {
    pub(super) fn of(id: &str, needs: &[Need], facts: &'a Facts<'a>, history: &History) -> Self {
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
            asked: Asked::of(id, history),
        }
    }

    /// Counts what the rule said of a subject, as far as its needs let that stand.
    ///
    /// Applicability is asked first: a subject that the rule is not about is not counted as not evaluated either.
    pub(super) fn count(&self, mut tally: Tally, subject: Subject, said: Verdict) -> Tally {
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
        tally.count(self.facts, subject, verdict)
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
        if self.asked.is_empty() || !self.asked.may_hold(&subject.clue(self.facts)) {
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
