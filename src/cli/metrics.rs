//! `muster metrics`: the service levels of access control, for people, Prometheus and OpenTelemetry.

mod push;

use std::io::{self, Write};

use clap::{Args, builder::PossibleValuesParser};
use comfy_table::ContentArrangement;
use jiff::SignedDuration;
use serde_json::json;

use super::Which;
use super::outcome::{Exit, Failure, Outcome};
use super::output::{Choice, open, targets};
use super::session::Session;
use super::tables::{lines, plain_table, right_align};
use crate::check::Estate;
use crate::diagnostic::visible;
use crate::findings::kept;
use crate::metrics::{Ground, Metric, Sample, Unit, measure, prometheus};

/// Ids that `--metric` takes.
const IDS: [&str; 12] = ["M1", "M2", "M3", "M4", "M5", "M6", "M7", "M8", "M9", "M10", "M11", "M12"];

/// Arguments of `muster metrics`.
#[derive(Debug, Clone, Args)]
pub struct Arguments {
    /// Which snapshot.
    #[command(flatten)]
    pub which: Which,
    /// Only this metric. May be repeated
    #[arg(long, value_name = "ID", value_parser = PossibleValuesParser::new(IDS), ignore_case = true)]
    pub metric: Vec<String>,
    /// Days back in which hires and leavers are timed
    #[arg(long, value_name = "DAYS", default_value_t = 90, value_parser = clap::value_parser!(u32).range(1..=3650))]
    pub window: u32,
    /// Send them to an OpenTelemetry collector: its URL (`http://localhost:4318`), or nothing to take that of
    /// OTEL_EXPORTER_OTLP_METRICS_ENDPOINT or OTEL_EXPORTER_OTLP_ENDPOINT. Headers come from OTEL_EXPORTER_OTLP_HEADERS
    #[arg(long, value_name = "URL", num_args = 0..=1, default_missing_value = "")]
    pub otlp: Option<String>,
}

const CHOICES: [Choice; 3] = [
    Choice { name: "table", ending: "txt" },
    Choice { name: "json", ending: "json" },
    Choice { name: "prometheus", ending: "prom" },
];

/// Measures and writes; ends with 3 when the snapshot has gaps that the figures rest on.
///
/// # Errors
/// [`Failure`] when the snapshot cannot be used, or the collector does not take the figures.
pub fn run(arguments: &Arguments, session: &Session) -> Result<Outcome, Failure> {
    let outputs = targets(&session.global.output, &CHOICES)?;
    let push = arguments.otlp.as_deref().map(|url| push::Collector::of(url, &session.environment)).transpose()?;
    let config = session.config()?;
    let store = session.existing_store(&config)?;
    let snapshot = session.snapshot(&store, &arguments.which)?;
    let now = session.now(&config);
    let estate = Estate::load(&snapshot, &config, now)?;
    let history = kept::history(&store, snapshot.manifest().header.sequence)?;
    let checked = estate.check(&config, &history, now).map_err(Failure::Told)?;
    let ground = Ground {
        store: &store,
        snapshot: &snapshot,
        estate: &estate,
        rules: &checked.rules,
        zone: &config.timezone.value,
        now,
        window: SignedDuration::from_hours(24 * i64::from(arguments.window)),
    };
    let mut metrics = measure(&ground)?;
    metrics.retain(|metric| {
        arguments.metric.is_empty() || arguments.metric.iter().any(|id| id.eq_ignore_ascii_case(metric.id))
    });
    for (choice, file) in outputs {
        let mut out = open(file.as_deref())?;
        match choice.name {
            "json" => json(&ground, &metrics, &mut out)?,
            "prometheus" => {
                let text = prometheus::text(&metrics).map_err(io::Error::other)?;
                out.write_all(text.as_bytes())?;
            }
            _ => table(&metrics, session.width().filter(|_| file.is_none()), &mut out)?,
        }
        out.close()?;
    }
    if let Some(collector) = push {
        collector.send(&metrics, now)?;
    }
    Ok(outcome(&ground, &metrics).allowing_partial(session.global.allow_partial))
}

fn outcome(ground: &Ground<'_>, metrics: &[Metric]) -> Outcome {
    let measured = metrics.iter().filter(|metric| metric.is_measured()).count();
    let told = format!("{measured} of {} metrics measured", metrics.len());
    let short = ground.estate.graph.coverage().rows().iter().filter(|row| !row.proves_absence).count();
    if short == 0 {
        return Outcome::new(Exit::Clean, told);
    }
    Outcome::new(
        Exit::Incomplete,
        format!("{told}; {short} kinds of record were not read completely or are not believed"),
    )
}

fn json(ground: &Ground<'_>, metrics: &[Metric], out: &mut impl Write) -> io::Result<()> {
    let header = &ground.snapshot.manifest().header;
    let document = json!({
        "snapshot": header.sequence,
        "taken": header.taken,
        "now": ground.now,
        "window_days": ground.window.as_hours() / 24,
        "metrics": metrics,
    });
    muster_reports::escape::write_json(out, &document)
}

fn table(metrics: &[Metric], width: Option<u16>, out: &mut impl Write) -> io::Result<()> {
    let mut table = plain_table(&["metric", "of", "value", "target"]);
    right_align(&mut table, &[2]);
    if let Some(width) = width {
        table.set_content_arrangement(ContentArrangement::Dynamic).set_width(width);
    }
    for metric in metrics {
        let name = format!("{} {}", metric.id, metric.title);
        if !metric.is_measured() {
            table.add_row([name.as_str(), "", "not evaluated", metric.target]);
        }
        for (place, sample) in metric.samples.iter().enumerate() {
            let (name, target) = if place == 0 { (name.as_str(), metric.target) } else { ("", "") };
            let of: Vec<&str> = sample.labels.iter().map(|(_, value)| value.as_str()).collect();
            table.add_row([name, &visible(&of.join(" ")), &value(metric.unit, sample), target]);
        }
    }
    lines(&table, out)?;
    let open: Vec<&Metric> = metrics.iter().filter(|metric| !metric.not_evaluated.is_empty()).collect();
    if !open.is_empty() {
        writeln!(out, "\nNOT EVALUATED")?;
    }
    for metric in open {
        for missing in &metric.not_evaluated {
            let subjects = missing.subjects.map(|subjects| format!(" ({subjects} subjects)")).unwrap_or_default();
            writeln!(out, "  {:<4} {}{subjects}", metric.id, visible(&missing.cause))?;
        }
    }
    Ok(())
}

fn value(unit: Unit, sample: &Sample) -> String {
    let one = |value: f64| match unit {
        Unit::Count => format!("{value:.0}"),
        Unit::Ratio => format!("{:.1} %", value * 100.0),
        Unit::Seconds => duration(value),
    };
    match sample.upper {
        None => format!("{} or more", one(sample.lower)),
        Some(upper) if one(upper) == one(sample.lower) => one(upper),
        Some(upper) => format!("{} to {}", one(sample.lower), one(upper)),
    }
}

/// Seconds in the largest unit that leaves two digits or more.
fn duration(seconds: f64) -> String {
    match seconds {
        below if below < 120.0 => format!("{below:.0} s"),
        below if below < 7_200.0 => format!("{:.0} min", below / 60.0),
        below if below < 172_800.0 => format!("{:.0} h", below / 3_600.0),
        long => format!("{:.0} d", long / 86_400.0),
    }
}
