//! Who can become an administrator, and what is open to the outside: `cargo bench -p muster-effective --features generate --bench escalation`.
//!
//! Before anything is timed, every permission of a sample of the edges that were found is asked of the literal evaluator, too. The
//! organisation of 500 accounts comes with `MUSTER_BENCH_LARGE=1`; the example `escalation` measures one cold run.

use criterion::{BenchmarkGroup, Criterion, criterion_group, criterion_main, measurement::WallTime};
use muster_effective::aws::answer::Verdict;
use muster_effective::aws::compiled::Compiled;
use muster_effective::aws::escalation::{Search, Techniques, search};
use muster_effective::aws::estate::Estate;
use muster_effective::aws::evaluate::{Evaluate, Literal};
use muster_effective::aws::exposure::exposures;
use muster_effective::aws::generated::{Generator, Sizes};
use muster_effective::aws::reference::Reference;

/// Asks the literal evaluator for whatever every `step`th edge rests on.
fn check(compiled: &Compiled<'_>, techniques: &Techniques, step: usize) {
    let reference = Reference::builtin();
    let searched = Search::new(compiled, reference, techniques);
    let graph = searched.towards(&searched.administrators());
    let literal = Literal::new(compiled.estate(), reference);
    let mut asked = 0;
    for edge in graph.edges.iter().step_by(step) {
        let found = searched.step(edge);
        let permissions = found.technique.requires.iter().zip(found.evidence);
        for (_, evidence) in permissions.filter(|(permission, _)| !permission.not_denied) {
            let given: Vec<(&str, &str)> = evidence.given.iter().map(|(key, value)| (*key, value.as_str())).collect();
            let answer = literal.may_given(edge.from, &evidence.action, &evidence.resource, &given);
            assert_eq!(answer, evidence.answer, "{} by {}", found.technique.id, edge.from);
            assert!(matches!(answer.verdict, Verdict::Allowed | Verdict::NotEvaluated));
            asked += 1;
        }
    }
    assert!(asked > 100, "{asked} permissions were compared: that proves nothing");
}

fn measure(group: &mut BenchmarkGroup<'_, WallTime>, estate: &Estate, step: usize) {
    let reference = Reference::builtin();
    let techniques = Techniques::builtin().expect("the list in the binary is read by a test of its crate");
    let compiled = Compiled::new(estate, reference);
    check(&compiled, &techniques, step);
    group.sample_size(10);
    group.bench_function("escalation", |b| b.iter(|| search(&compiled, reference, &techniques)));
    group.bench_function("exposure", |b| b.iter(|| exposures(estate, reference)));
}

fn account(c: &mut Criterion) {
    let estate = Generator::new(1, Reference::builtin()).estate(Sizes::ACCOUNT);
    let mut group = c.benchmark_group(format!("account of {} principals", estate.principals.len()));
    measure(&mut group, &estate, 7);
    group.finish();
}

fn organization(c: &mut Criterion) {
    if std::env::var_os("MUSTER_BENCH_LARGE").is_none() {
        return;
    }
    let estate = Generator::new(1, Reference::builtin()).organization(500, Sizes::MEMBER);
    let mut group = c.benchmark_group(format!("organisation of {} principals", estate.principals.len()));
    measure(&mut group, &estate, 97);
    group.finish();
}

criterion_group!(benches, account, organization);
criterion_main!(benches);
