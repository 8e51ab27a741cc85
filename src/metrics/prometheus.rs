//! The metrics in Prometheus' text format, for a textfile collector or a push.

use prometheus::{GaugeVec, Opts, Registry, TextEncoder};

use super::{Metric, Sample};

/// Prefix of every name.
const NAMESPACE: &str = "muster";

/// The text. Every metric that has no value is there as `muster_metric_measured 0`: a figure that is missing is no zero.
///
/// # Errors
/// [`prometheus::Error`] when a name or label does not follow Prometheus' rules, which is a mistake of the program.
pub fn text(metrics: &[Metric]) -> Result<String, prometheus::Error> {
    let registry = Registry::new();
    let about = |name: &str, help: &str| gauge(&registry, name, help, &["metric", "name"]);
    let measured = about("metric_measured", "1 where the metric has a value, 0 where it was not evaluated")?;
    let subjects = about("metric_subjects", "How many subjects the values of a metric stand for")?;
    let missing = about("metric_subjects_not_evaluated", "How many subjects are known to be missing in a metric")?;
    for metric in metrics {
        let labels = [metric.id, metric.name];
        measured.with_label_values(&labels).set(f64::from(u8::from(metric.is_measured())));
        subjects.with_label_values(&labels).set(metric.subjects as f64);
        let unknown: u64 = metric.not_evaluated.iter().filter_map(|missing| missing.subjects).sum();
        missing.with_label_values(&labels).set(unknown as f64);
        let Some(first) = metric.samples.first() else { continue };
        let mut names: Vec<&str> = first.labels.iter().map(|(label, _)| *label).collect();
        let is_bounded = has_bounds(metric);
        names.extend(is_bounded.then_some("bound"));
        let gauge = gauge(&registry, metric.name, &help(metric), &names)?;
        for sample in &metric.samples {
            for (bound, value) in bounds(sample, is_bounded) {
                let mut values: Vec<&str> = sample.labels.iter().map(|(_, value)| value.as_str()).collect();
                values.extend(bound);
                gauge.get_metric_with_label_values(&values)?.set(value);
            }
        }
    }
    TextEncoder::new().encode_to_string(&registry.gather())
}

fn gauge(registry: &Registry, name: &str, help: &str, labels: &[&str]) -> Result<GaugeVec, prometheus::Error> {
    let gauge = GaugeVec::new(Opts::new(name, help).namespace(NAMESPACE), labels)?;
    registry.register(Box::new(gauge.clone()))?;
    Ok(gauge)
}

fn help(metric: &Metric) -> String {
    format!("{} ({}). {} Target: {}.", metric.title, metric.id, metric.definition, metric.target)
}

/// Whether any of its values lies between two.
pub(super) fn has_bounds(metric: &Metric) -> bool {
    metric.samples.iter().any(|sample| !sample.is_exact())
}

/// The values of a sample, each with the name of its bound; what has no upper limit has an infinite one.
pub(super) fn bounds(sample: &Sample, is_bounded: bool) -> Vec<(Option<&'static str>, f64)> {
    if is_bounded {
        vec![(Some("lower"), sample.lower), (Some("upper"), sample.upper.unwrap_or(f64::INFINITY))]
    } else {
        vec![(None, sample.lower)]
    }
}
