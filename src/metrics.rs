//! What can be counted about the control itself: how long a leaver keeps access, how old the secrets are, what share drifted.
//!
//! ```text
//!   Snapshot ─► Estate ─┬─► counts (rules, credentials, links)  ─┐
//!   earlier snapshots ──┴─► times  (when access came and ended) ─┴─► [Metric] ─► table, JSON, Prometheus, OTLP
//! ```
//!
//! What only snapshots saw has two values: it happened after the last reading that shows it otherwise and before the first that
//! shows it so. A figure that cannot be had is *not evaluated* with the reason, never zero.

mod counts;
pub mod otlp;
pub mod prometheus;
mod sightings;
mod times;

use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use muster_reports::view::RuleSummary;
use serde::Serialize;

use crate::check::Estate;
use crate::snapshot::{Snapshot, Store, StoreError};

/// One metric, measured or not.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Metric {
    /// `M6`.
    pub id: &'static str,
    /// Its name in exports, with its unit: `time_to_revoke_seconds`.
    pub name: &'static str,
    /// Its name for people.
    pub title: &'static str,
    /// What exactly is counted.
    pub definition: &'static str,
    /// What it should be, in words.
    pub target: &'static str,
    /// What the numbers are.
    pub unit: Unit,
    /// The values; none when it could not be measured.
    pub samples: Vec<Sample>,
    /// How many subjects the values stand for.
    pub subjects: u64,
    /// What is not in them, and why.
    pub not_evaluated: Vec<Missing>,
}

/// What a number is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Unit {
    /// Things.
    Count,
    /// A share of one.
    Ratio,
    /// Seconds.
    Seconds,
}

/// One value, with what it is the value of.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Sample {
    /// Label and value.
    #[serde(serialize_with = "as_map")]
    pub labels: Vec<(&'static str, String)>,
    /// The value, or the least that it can be.
    pub lower: f64,
    /// The most that it can be; `None` when there is no limit (it has not ended yet).
    pub upper: Option<f64>,
}

fn as_map<S: serde::Serializer>(labels: &[(&'static str, String)], serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_map(labels.iter().map(|(label, value)| (label, value)))
}

/// Why something is not in the values.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Missing {
    /// The cause.
    pub cause: String,
    /// How many subjects it costs; `None` when it costs the whole metric.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub subjects: Option<u64>,
}

impl Sample {
    /// A value that is known.
    fn exactly(labels: Vec<(&'static str, String)>, value: f64) -> Self {
        Self { labels, lower: value, upper: Some(value) }
    }

    /// Whether both bounds are one.
    pub fn is_exact(&self) -> bool {
        self.upper == Some(self.lower)
    }
}

impl Metric {
    /// The same, of which nothing can be said.
    fn without(self, cause: impl Into<String>) -> Self {
        let not_evaluated = vec![Missing { cause: cause.into(), subjects: None }];
        Self { samples: Vec::new(), subjects: 0, not_evaluated, ..self }
    }

    /// Whether there is a value.
    pub fn is_measured(&self) -> bool {
        !self.samples.is_empty()
    }
}

/// What the metrics of one snapshot rest on.
#[derive(Debug, Clone, Copy)]
pub struct Ground<'a> {
    /// Where the earlier snapshots and checks are.
    pub store: &'a Store,
    /// The snapshot.
    pub snapshot: &'a Snapshot,
    /// Its layers.
    pub estate: &'a Estate,
    /// What the rules say of it.
    pub rules: &'a [RuleSummary],
    /// The zone of days, where a person has none.
    pub zone: &'a TimeZone,
    /// The clock.
    pub now: Timestamp,
    /// How far back hires and leavers are looked at.
    pub window: SignedDuration,
}

/// Measures everything, in order of id.
///
/// Cost: what the earlier snapshots of the window hold of accounts, each table once; the rest is one pass over the estate.
///
/// # Errors
/// [`StoreError`] when an earlier snapshot cannot be read.
pub fn measure(ground: &Ground<'_>) -> Result<Vec<Metric>, StoreError> {
    let times::Times { to_provision, to_revoke } = times::measure(ground)?;
    let [pending, pending_age] = counts::approval_queue(ground)?;
    Ok(vec![
        counts::provisioning_success(ground)?,
        to_provision,
        counts::drift_rate(ground),
        counts::failed_calls(ground),
        counts::orphans(ground),
        to_revoke,
        pending,
        pending_age,
        counts::secret_age(ground),
        counts::audit_completeness(ground),
        counts::incidents(),
        counts::token_lifetime(ground),
        counts::link_coverage(ground),
    ])
}

/// The nearest-rank percentile of sorted values.
fn percentile(sorted: &[f64], percent: u32) -> Option<f64> {
    let rank = (sorted.len() * percent as usize).div_ceil(100).max(1);
    sorted.get(rank - 1).copied()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_percentile_is_a_value_that_was_seen() {
        let values: Vec<f64> = (1..=20).map(f64::from).collect();
        assert_eq!(percentile(&values, 50), Some(10.0));
        assert_eq!(percentile(&values, 95), Some(19.0));
        assert_eq!(percentile(&values, 100), Some(20.0));
        assert_eq!(percentile(&[7.0], 50), Some(7.0));
        assert_eq!(percentile(&[], 50), None);
    }
}
