//! The metrics as OpenTelemetry protobuf, for a collector's `/v1/metrics`.

use jiff::Timestamp;
use opentelemetry_proto::tonic::collector::metrics::v1::ExportMetricsServiceRequest;
use opentelemetry_proto::tonic::common::v1::{AnyValue, InstrumentationScope, KeyValue, any_value};
use opentelemetry_proto::tonic::metrics::v1::{
    Gauge, Metric as Wire, NumberDataPoint, ResourceMetrics, ScopeMetrics, metric, number_data_point,
};
use opentelemetry_proto::tonic::resource::v1::Resource;
use prost::Message as _;

use super::prometheus::{bounds, has_bounds};
use super::{Metric, Unit};

/// The body of one export. All points bear the instant `at`, for which the snapshot was judged.
pub fn body(metrics: &[Metric], at: Timestamp) -> Vec<u8> {
    let nanos = u64::try_from(at.as_nanosecond()).unwrap_or_default();
    let mut all: Vec<Wire> =
        metrics.iter().filter(|metric| metric.is_measured()).map(|metric| wire(metric, nanos)).collect();
    let measured = metrics.iter().map(|metric| {
        let labels = vec![attribute("metric", metric.id), attribute("name", metric.name)];
        point(labels, f64::from(u8::from(metric.is_measured())), nanos)
    });
    all.push(gauge(
        "muster.metric_measured",
        "1 where the metric has a value, 0 where it was not evaluated",
        "1",
        measured.collect(),
    ));
    let scope = InstrumentationScope {
        name: "muster".to_owned(),
        version: env!("CARGO_PKG_VERSION").to_owned(),
        ..InstrumentationScope::default()
    };
    let resource = Resource { attributes: vec![attribute("service.name", "muster")], ..Resource::default() };
    let request = ExportMetricsServiceRequest {
        resource_metrics: vec![ResourceMetrics {
            resource: Some(resource),
            scope_metrics: vec![ScopeMetrics { scope: Some(scope), metrics: all, ..ScopeMetrics::default() }],
            ..ResourceMetrics::default()
        }],
    };
    request.encode_to_vec()
}

fn wire(metric: &Metric, nanos: u64) -> Wire {
    let is_bounded = has_bounds(metric);
    let points = metric.samples.iter().flat_map(|sample| {
        bounds(sample, is_bounded).into_iter().map(move |(bound, value)| {
            let labels = sample.labels.iter().map(|(label, value)| (*label, value.as_str()));
            let labels = labels.chain(bound.map(|bound| ("bound", bound)));
            point(labels.map(|(label, value)| attribute(label, value)).collect(), value, nanos)
        })
    });
    // UCUM: a pure number is `1`.
    let unit = match metric.unit {
        Unit::Count | Unit::Ratio => "1",
        Unit::Seconds => "s",
    };
    gauge(&format!("muster.{}", metric.name), metric.definition, unit, points.collect())
}

fn gauge(name: &str, description: &str, unit: &str, data_points: Vec<NumberDataPoint>) -> Wire {
    Wire {
        name: name.to_owned(),
        description: description.to_owned(),
        unit: unit.to_owned(),
        data: Some(metric::Data::Gauge(Gauge { data_points })),
        ..Wire::default()
    }
}

fn point(attributes: Vec<KeyValue>, value: f64, nanos: u64) -> NumberDataPoint {
    NumberDataPoint {
        attributes,
        time_unix_nano: nanos,
        value: Some(number_data_point::Value::AsDouble(value)),
        ..NumberDataPoint::default()
    }
}

fn attribute(key: &str, value: &str) -> KeyValue {
    KeyValue {
        key: key.to_owned(),
        value: Some(AnyValue { value: Some(any_value::Value::StringValue(value.to_owned())) }),
        ..KeyValue::default()
    }
}
