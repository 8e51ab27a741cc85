//! Questions to a generated account and a generated organisation: `cargo bench -p muster-effective --features generate`.
//!
//! Every answer is compared with the literal evaluator's on a sample of principals before anything is timed. The organisation of 500 accounts
//! comes with `MUSTER_BENCH_LARGE=1`. Cold starts are measured from outside with the example `ask`.

use criterion::{Criterion, criterion_group, criterion_main};
use muster_effective::aws::answer::{Answer, Verdict};
use muster_effective::aws::compiled::Compiled;
use muster_effective::aws::estate::Estate;
use muster_effective::aws::generated::{Generator, Sizes, bucket_actions};
use muster_effective::aws::literal;
use muster_effective::aws::reference::Reference;

/// Compares what the compiled evaluator says of every `step`th principal with the literal one.
fn check(estate: &Estate, compiled: &Compiled<'_>, action: &str, resource: &str, step: usize) {
    let reference = Reference::builtin();
    let found = compiled.who_can(action, resource);
    let mut granted = 0;
    for who in (0..u32::try_from(estate.principals.len()).expect("fits")).step_by(step) {
        let request = estate.request(compiled.index(), who, action, resource);
        let expected = literal::evaluate(&request, &estate.layers_by(compiled.index(), &request, reference));
        let expected =
            Some(expected).filter(|answer| matches!(answer.verdict, Verdict::Allowed | Verdict::NotEvaluated));
        let found: Option<&Answer> = found.binary_search_by_key(&who, |(at, _)| *at).ok().map(|at| &found[at].1);
        assert_eq!(found, expected.as_ref(), "{action} on {resource} by {}", estate.principals[who as usize].arn);
        granted += usize::from(expected.is_some());
    }
    assert!(step > 100 || granted > 0, "nobody of the sample may {action} on {resource}: that proves nothing");
}

fn account(c: &mut Criterion) {
    let reference = Reference::builtin();
    let estate = Generator::new(1, reference).estate(Sizes::ACCOUNT);
    let compiled = Compiled::new(&estate, reference);
    let bucket = estate.resources[0].arn.to_string();
    let object = format!("{bucket}/reports/2026.csv");
    let asked = bucket_actions(reference);
    let on = |of_object: bool| if of_object { object.as_str() } else { bucket.as_str() };
    for (action, of_object) in asked.iter().step_by(7) {
        check(&estate, &compiled, action, on(*of_object), 3);
    }
    check(&estate, &compiled, "iam:PassRole", &estate.principals[1_200].arn, 3);

    let mut group = c.benchmark_group(format!("account of {} principals", estate.principals.len()));
    group.sample_size(20);
    group.bench_function("compile", |b| b.iter(|| Compiled::new(&estate, reference)));
    group.bench_function("who-can, one action", |b| b.iter(|| compiled.who_can("s3:GetObject", &object)));
    group.bench_function(format!("who-can, {} actions of a bucket", asked.len()), |b| {
        b.iter(|| {
            asked.iter().map(|(action, of_object)| compiled.who_can(action, on(*of_object)).len()).sum::<usize>()
        });
    });
    group.bench_function("permissions of everybody", |b| b.iter(|| compiled.actions_of_all(|_, of| of)));
    group.finish();
}

fn organization(c: &mut Criterion) {
    if std::env::var_os("MUSTER_BENCH_LARGE").is_none() {
        return;
    }
    let reference = Reference::builtin();
    let estate = Generator::new(1, reference).organization(500, Sizes::MEMBER);
    let compiled = Compiled::new(&estate, reference);
    let object = format!("{}/reports/2026.csv", estate.resources[11].arn);
    check(&estate, &compiled, "s3:GetObject", &object, 97);
    let mut group = c.benchmark_group(format!(
        "organisation of {} principals, {} policies",
        estate.principals.len(),
        estate.policies.len()
    ));
    group.sample_size(10);
    group.bench_function("compile", |b| b.iter(|| Compiled::new(&estate, reference)));
    group.bench_function("who-can, one action", |b| b.iter(|| compiled.who_can("s3:GetObject", &object)));
    group.bench_function("permissions of everybody", |b| b.iter(|| compiled.actions_of_all(|_, of| of)));
    group.finish();
}

criterion_group!(benches, account, organization);
criterion_main!(benches);
