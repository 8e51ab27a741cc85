//! The metrics against a truth that is known: what snapshots saw encloses what happened, and the exports say the same.
#![allow(clippy::unwrap_used, reason = "a test stops on any error")]

mod muster_cmd;

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::io::Write as _;
use std::process::{Command, Stdio};

use jiff::{SignedDuration, Timestamp};
use muster_cmd::{Folder, list, text};
use muster_testbeds::scripted_http::{Response, ScriptedHttp};
use opentelemetry_proto::tonic::collector::metrics::v1::ExportMetricsServiceRequest;
use opentelemetry_proto::tonic::common::v1::any_value;
use opentelemetry_proto::tonic::metrics::v1::{metric, number_data_point};
use prost::Message as _;
use serde_json::Value;

const NIGHTS: i64 = 10;
const CONFIG: &str = r#"
[muster]
timezone = "UTC"

[[system]]
name      = "hr"
connector = "csv"
file      = "hr.csv"
yields    = "people"

[[system]]
name      = "mail"
connector = "csv"
file      = "mail.csv"
yields    = "accounts"

[[system]]
name      = "crm"
connector = "csv"
file      = "crm.csv"
yields    = "accounts"
"#;

/// A small generator of its own: the truth must not depend on a library's stream.
struct Dice(u64);

impl Dice {
    fn below(&mut self, limit: i64) -> i64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        i64::try_from(self.0 >> 33).unwrap() % limit
    }
}

fn night(number: i64) -> Timestamp {
    "2026-03-01T01:00:00Z".parse::<Timestamp>().unwrap() + SignedDuration::from_hours(24 * number)
}

/// Somebody who comes or goes, and the instants at which each of the accounts really changed.
struct Case {
    id: String,
    effective: Timestamp,
    /// System and instant.
    changed: Vec<(&'static str, Timestamp)>,
    /// Whether the row goes instead of being disabled; for who comes, whether the system tells when it was made.
    flag: bool,
}

fn cases(dice: &mut Dice, kind: &str) -> Vec<Case> {
    let one = |number: i64, dice: &mut Dice| {
        let comes = kind == "N";
        // Employments begin with the day, terminations at any minute.
        let minutes = if comes { 1440 * (1 + dice.below(NIGHTS - 2)) } else { 60 + dice.below(1440 * (NIGHTS - 2)) };
        let midnight: Timestamp = "2026-03-01T00:00:00Z".parse().unwrap();
        let effective = midnight + SignedDuration::from_mins(minutes);
        let change = |dice: &mut Dice| effective + SignedDuration::from_mins(dice.below(1440 * 5) - 1440);
        let mut changed = vec![("mail", change(dice))];
        if dice.below(2) == 0 {
            changed.push(("crm", change(dice)));
        }
        Case { id: format!("{kind}{number}"), effective, changed, flag: dice.below(2) == 0 }
    };
    (0..25).map(|number| one(number, dice)).collect()
}

fn write_night(folder: &Folder, number: i64, leavers: &[Case], hires: &[Case]) {
    let now = night(number);
    let mut hr = "employee_id,name,email,status,worker_type,start,effective\n".to_owned();
    let mut accounts: BTreeMap<&str, String> = BTreeMap::new();
    let header = "id,login,email,employee_id,lifecycle,created\n";
    for system in ["mail", "crm"] {
        accounts.insert(system, header.to_owned());
    }
    let mut row = |system: &str, id: &str, lifecycle: &str, created: &str| {
        let text = accounts.get_mut(system).unwrap();
        writeln!(text, "{system}-{id},{id},{id}@corp.example,{id},{lifecycle},{created}").unwrap();
    };
    for number in 0..200 {
        let id = format!("S{number}");
        writeln!(hr, "{id},Staff {number},{id}@corp.example,active,employee,2020-01-01,").unwrap();
        row("mail", &id, "active", "2020-01-01T00:00:00Z");
        row("crm", &id, "active", "2020-01-01T00:00:00Z");
    }
    for case in leavers {
        let id = &case.id;
        writeln!(hr, "{id},Leaver {id},{id}@corp.example,terminated,employee,2020-01-01,{}", case.effective).unwrap();
        for (system, off) in &case.changed {
            match (now < *off, case.flag) {
                (true, _) => row(system, id, "active", "2020-01-01T00:00:00Z"),
                (false, false) => row(system, id, "disabled", "2020-01-01T00:00:00Z"),
                (false, true) => {}
            }
        }
    }
    for case in hires {
        let id = &case.id;
        let start = case.effective.to_string();
        writeln!(hr, "{id},Hire {id},{id}@corp.example,active,employee,{},", &start[..10]).unwrap();
        for (system, works) in case.changed.iter().filter(|(_, works)| *works <= now) {
            row(system, id, "active", &if case.flag { works.to_string() } else { String::new() });
        }
    }
    folder.write("hr.csv", hr);
    folder.write("hr.csv.collected", now.to_string());
    for (system, text) in accounts {
        folder.write(&format!("{system}.csv"), text);
        folder.write(&format!("{system}.csv.collected"), now.to_string());
    }
}

/// An estate of ten nights in which people come and go at known instants.
fn played(seed: u64) -> (Folder, Vec<Case>, Vec<Case>) {
    let mut dice = Dice(seed);
    let (leavers, hires) = (cases(&mut dice, "L"), cases(&mut dice, "N"));
    let folder = Folder::empty();
    folder.write("muster.toml", CONFIG);
    for number in 0..NIGHTS {
        write_night(&folder, number, &leavers, &hires);
        folder.expect(
            0,
            &["scan", "--fail-on", "never", "--quiet", "--now", &night(number).to_string(), "-o", "json=report.json"],
        );
    }
    (folder, leavers, hires)
}

fn measured(folder: &Folder, code: i32, arguments: &[&str]) -> Value {
    serde_json::from_str(&folder.expect(code, &[&["metrics", "-o", "json"], arguments].concat())).unwrap()
}

fn metric_of<'a>(document: &'a Value, id: &str) -> &'a Value {
    list(&document["metrics"]).iter().find(|metric| metric["id"] == id).unwrap_or_else(|| panic!("no {id}"))
}

/// Each percentile's bounds hold what really happened to the `happened` seconds.
fn enclose(metric: &Value, mut happened: Vec<f64>) {
    happened.sort_by(f64::total_cmp);
    assert_eq!(metric["subjects"], happened.len(), "{metric:#}");
    let mut widths = Vec::new();
    for sample in list(&metric["samples"]) {
        let percent: usize = text(&sample["labels"]["percentile"]).parse().unwrap();
        let truth = happened[(happened.len() * percent).div_ceil(100) - 1];
        let lower = sample["lower"].as_f64().unwrap();
        let upper = sample["upper"].as_f64().unwrap_or(f64::INFINITY);
        assert!(lower <= truth && truth <= upper, "p{percent}: {truth} is not in {lower}..{upper}");
        widths.push(upper - lower);
    }
    assert_eq!(widths.len(), 3);
    // Bounds that hold everything would hold the truth as well: readings are a day apart.
    assert!(widths[0] <= 2.0 * 86_400.0, "the median is known to {} s only", widths[0]);
}

#[test]
fn the_bounds_of_revocation_and_provisioning_contain_the_truth() {
    for seed in [7, 20_261_121] {
        let (folder, leavers, hires) = played(seed);
        let document = measured(&folder, 0, &["--now", &night(NIGHTS - 1).to_string()]);
        let last = night(NIGHTS - 1);
        let seconds = |from: Timestamp, to: Timestamp| to.duration_since(from).as_secs_f64().max(0.0);
        let went = leavers.iter().filter(|case| case.effective <= last);
        let went =
            went.map(|case| case.changed.iter().map(|(_, off)| seconds(case.effective, *off)).fold(0.0, f64::max));
        enclose(metric_of(&document, "M6"), went.collect());
        let came = hires.iter().filter(|case| case.effective <= last);
        let came = came.map(|case| {
            case.changed.iter().map(|(_, works)| seconds(case.effective, *works)).fold(f64::INFINITY, f64::min)
        });
        enclose(metric_of(&document, "M2"), came.collect());
    }
}

#[test]
fn a_night_that_was_not_read_proves_nobody_off() {
    let leaver = |off: i64| Case {
        id: "L0".to_owned(),
        effective: night(1) - SignedDuration::from_hours(1),
        changed: vec![("mail", night(off) - SignedDuration::from_mins(30))],
        flag: true,
    };
    let folder = Folder::empty();
    folder.write("muster.toml", CONFIG);
    for number in 0..4 {
        write_night(&folder, number, &[leaver(3)], &[]);
        let mut code = 0;
        if number == 2 {
            // The export breaks off before the leaver's row: that it is not there says nothing.
            let mail = folder.read("mail.csv");
            folder.write("mail.csv", &mail[..mail.len() / 2]);
            code = 3;
        }
        let now = night(number).to_string();
        folder.expect(code, &["scan", "--fail-on", "never", "--quiet", "--now", &now, "-o", "json=report.json"]);
    }
    let document = measured(&folder, 0, &["--now", &night(3).to_string(), "--metric", "m6"]);
    let samples = list(&metric_of(&document, "M6")["samples"]);
    let hours = |bound: &str| samples[0][bound].as_f64().unwrap() / 3600.0;
    assert_eq!((hours("lower"), hours("upper")), (1.0, 49.0));
}

#[test]
fn what_waits_for_a_decision_is_counted_with_its_age_and_by_approver() {
    let folder = Folder::example("drift");
    folder.run(&["scan", "--quiet"]).assert_code(3);
    let document = measured(&folder, 3, &[]);
    let of = |name: &str| {
        let metric = list(&document["metrics"]).iter().find(|metric| metric["name"] == name);
        list(&metric.unwrap_or_else(|| panic!("{name}"))["samples"]).to_vec()
    };
    let pending = of("approvals_pending");
    assert_eq!((pending.len(), &pending[0]["lower"]), (2, &serde_json::json!(1.0)));
    assert_eq!(pending[1]["labels"]["approver"], "joy.jansen@acme.example");
    // CHG-104 was made on 20 October, at eight; now it is 3 November, at six.
    let oldest = of("approvals_pending_age_seconds").pop().unwrap();
    assert_eq!(oldest["lower"].as_f64(), Some(f64::from((14 * 24 - 2) * 3600)));
}

#[test]
fn the_example_estate_is_counted_as_its_findings_are() {
    let folder = Folder::example("acme");
    let (_, report) = folder.scan(&[]);
    let document = measured(&folder, 0, &[]);
    let orphans = metric_of(&document, "M5");
    let [population, _, fail, open] = report.counts("ORP-001");
    assert_eq!(orphans["samples"][0]["lower"].as_f64(), Some(fail as f64));
    assert_eq!(orphans["samples"][0]["upper"].as_f64(), Some((fail + open) as f64));
    assert_eq!(orphans["subjects"], population);
    // A metric without a source is named with what is missing, and has no value.
    for id in ["M1", "M7", "M10"] {
        let metric = metric_of(&document, id);
        assert!(list(&metric["samples"]).is_empty());
        assert!(text(&metric["not_evaluated"][0]["cause"]).contains("no source supplies"), "{metric}");
    }
    let oldest = folder.query(
        "select kind, min(coalesce(rotated, created)) as made from credentials where status = 'active' and \
         (expires is null or expires > '2026-11-02 06:00:00') group by kind order by kind",
    );
    let now: Timestamp = text(&document["now"]).parse().unwrap();
    for row in oldest.iter().filter(|row| row["made"].is_string()) {
        let made: Timestamp = text(&row["made"]).replace(' ', "T").parse().unwrap();
        let labels = serde_json::json!({"class": row["kind"], "percentile": "100"});
        let samples = list(&metric_of(&document, "M8")["samples"]);
        let sample = samples.iter().find(|sample| sample["labels"] == labels).unwrap_or_else(|| panic!("{labels}"));
        assert_eq!(sample["lower"].as_f64(), Some(now.duration_since(made).as_secs_f64()));
    }
    let table = folder.expect(0, &["metrics"]);
    assert!(table.contains("M6 Time to revoke") && table.contains("NOT EVALUATED"), "{table}");
}

#[test]
fn gaps_of_the_snapshot_reach_figures_and_exit_code() {
    let folder = Folder::example("acme-broken");
    folder.scan(&[]);
    let document = measured(&folder, 3, &[]);
    let gaps = list(&metric_of(&document, "M4")["samples"]);
    assert!(gaps.iter().any(|sample| sample["lower"].as_f64().unwrap() > 0.0), "{gaps:#?}");
    let hires = metric_of(&document, "M2");
    assert!(!list(&hires["not_evaluated"]).is_empty(), "HR was cut: {hires:#}");
    folder.expect(0, &["metrics", "--allow-partial"]);
}

#[test]
fn promtool_accepts_the_prometheus_text() {
    let folder = Folder::example("acme");
    folder.scan(&[]);
    folder.expect(0, &["metrics", "-o", "prometheus=muster.prom", "-o", "json=metrics.json"]);
    let exposed = folder.read("muster.prom");
    let mut promtool = Command::new("promtool")
        .args(["check", "metrics"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("promtool is in Debian's package `prometheus`; ./test installs it");
    promtool.stdin.take().unwrap().write_all(exposed.as_bytes()).unwrap();
    let checked = promtool.wait_with_output().unwrap();
    let said = String::from_utf8_lossy(&checked.stderr).into_owned() + &String::from_utf8_lossy(&checked.stdout);
    assert!(checked.status.success() && said.trim().is_empty(), "{said}\n{exposed}");
    let document: Value = serde_json::from_str(&folder.read("metrics.json")).unwrap();
    for metric in list(&document["metrics"]) {
        let name = format!("muster_{}", text(&metric["name"]));
        let lines = exposed
            .lines()
            .filter(|line| line.starts_with(&format!("{name}{{")) || line.starts_with(&format!("{name} ")));
        assert_eq!(lines.count() > 0, !list(&metric["samples"]).is_empty(), "{name}");
        let measured = u8::from(!list(&metric["samples"]).is_empty());
        let line = format!(
            "muster_metric_measured{{metric=\"{}\",name=\"{}\"}} {measured}",
            text(&metric["id"]),
            text(&metric["name"])
        );
        assert!(exposed.contains(&line), "{line}");
    }
}

#[test]
fn a_collector_receives_the_figures_as_otlp() {
    let folder = Folder::example("acme");
    folder.scan(&[]);
    let server = ScriptedHttp::start(|request| match (request.method.as_str(), request.path.as_str()) {
        ("POST", "/v1/metrics") => Response::status(200),
        _ => Response::status(404),
    });
    let mut command = folder.muster();
    command.env("OTEL_EXPORTER_OTLP_HEADERS", "authorization=Bearer%20s3cret");
    let ran: muster_cmd::Ran =
        command.args(["metrics", "-o", "json=metrics.json", "--otlp", &server.url()]).output().unwrap().into();
    ran.assert_code(0);
    let requests = server.requests();
    let [request] = requests.as_slice() else { panic!("{requests:?}") };
    assert_eq!(request.header("content-type"), Some("application/x-protobuf"));
    assert_eq!(request.header("authorization"), Some("Bearer s3cret"));
    let received = ExportMetricsServiceRequest::decode(request.body.as_slice()).unwrap();
    let scope = &received.resource_metrics[0].scope_metrics[0];
    let document: Value = serde_json::from_str(&folder.read("metrics.json")).unwrap();
    let now: Timestamp = text(&document["now"]).parse().unwrap();
    for expected in list(&document["metrics"]).iter().filter(|metric| !list(&metric["samples"]).is_empty()) {
        let name = format!("muster.{}", text(&expected["name"]));
        let found = scope.metrics.iter().find(|metric| metric.name == name).unwrap_or_else(|| panic!("no {name}"));
        let Some(metric::Data::Gauge(gauge)) = &found.data else { panic!("{name} is no gauge") };
        let samples = list(&expected["samples"]);
        let mut values: Vec<(String, f64)> = Vec::new();
        for point in &gauge.data_points {
            assert_eq!(i128::from(point.time_unix_nano), now.as_nanosecond());
            let label = |name: &str| {
                let value = point.attributes.iter().find(|one| one.key == name)?.value.clone()?.value?;
                let any_value::Value::StringValue(value) = value else { panic!("{name} is no text") };
                Some(value)
            };
            let Some(number_data_point::Value::AsDouble(value)) = point.value else { panic!("{name}: no number") };
            values.push((label("bound").unwrap_or_else(|| "lower".to_owned()), value));
        }
        for bound in ["lower", "upper"] {
            let received: Vec<f64> = values.iter().filter(|(of, _)| of == bound).map(|(_, value)| *value).collect();
            let sent: Vec<f64> = samples.iter().map(|one| one[bound].as_f64().unwrap_or(f64::INFINITY)).collect();
            assert!(received.is_empty() || received == sent, "{name} {bound}: {received:?} instead of {sent:?}");
        }
        assert!(!values.is_empty());
    }
}

#[test]
fn a_collector_that_refuses_ends_the_command_and_learns_no_secret() {
    let folder = Folder::example("acme");
    folder.scan(&[]);
    let server = ScriptedHttp::start(|_| Response::status(503).body("try later"));
    let mut command = folder.muster();
    command.env("OTEL_EXPORTER_OTLP_HEADERS", "authorization=Bearer%20s3cret");
    let ran: muster_cmd::Ran = command.args(["metrics", "--otlp", &server.url()]).output().unwrap().into();
    ran.assert_code(2);
    ran.assert_says(&["CLI003", "503", "try later"]);
    assert!(ran.stdout.contains("M5 Orphan accounts"), "the figures were written before");
    assert!(!ran.stderr.contains("s3cret"));
    let nowhere = folder.run(&["metrics", "--otlp"]);
    nowhere.assert_code(2);
    nowhere.assert_says(&["CLI004"]);
}
