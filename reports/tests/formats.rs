//! What every format promises, on sample views: golden output, a published schema, no lie about absence, no harm.

#![expect(clippy::unwrap_used, reason = "a test that cannot prepare its input fails")]

#[path = "formats/samples.rs"]
#[expect(clippy::assigning_clones, reason = "samples are written to be read, not to be fast")]
mod samples;

use std::path::Path;
use std::process::Command;

use jsonschema::Validator;
use muster_reports::view::View;
use muster_reports::{FORMATS, Format, Look, find, schema};
use pulldown_cmark::{Event, Options, Parser, Tag};

use samples::{HOSTILE, Sample};

const PLAIN: Look = Look { colour: false, width: None };

/// Formats that tell of the findings; the others are rows of the population.
const REPORTS: &[&str] = &["csv", "html", "json", "markdown", "table"];

#[test]
fn formats_are_sorted_and_found_by_name() {
    assert!(FORMATS.is_sorted_by(|a, b| a.name < b.name));
    assert!(FORMATS.iter().all(|format| find(format.name).is_some_and(|found| found.name == format.name)));
    assert!(find("pdf").is_none());
}

#[test]
fn every_format_renders_every_sample_as_expected() {
    for sample in samples::all() {
        for format in FORMATS {
            let look = Look { width: (format.name == "table").then_some(100), ..PLAIN };
            let name = format!("{}.{}", sample.name, format.name);
            insta::with_settings!({ snapshot_path => "golden", prepend_module_to_snapshot => false, omit_expression => true }, {
                insta::assert_snapshot!(name, render(format, &sample, look));
            });
        }
    }
}

#[test]
fn the_same_view_gives_the_same_bytes_that_end_in_a_line_feed() {
    for sample in samples::all() {
        for format in FORMATS {
            let text = render(format, &sample, PLAIN);
            assert_eq!(text, render(format, &sample, PLAIN), "{}", format.name);
            assert!(text.ends_with('\n') && !text.ends_with("\n\n"), "{} of {}", format.name, sample.name);
        }
    }
}

#[test]
fn every_format_names_every_finding() {
    for sample in samples::all() {
        for name in REPORTS {
            let text = named(name, &sample, PLAIN);
            for finding in &sample.view.findings {
                let fingerprint = if *name == "table" { &finding.fingerprint[..12] } else { &finding.fingerprint };
                assert!(text.contains(fingerprint), "{name} of {} lacks {fingerprint}", sample.name);
            }
        }
    }
}

#[test]
fn a_clean_run_is_called_clean() {
    let mut carried = samples::clean();
    carried.view.systems[0].scopes[0].kinds[0].state = "carried".to_owned();
    for name in ["html", "markdown", "table"] {
        assert!(named(name, &samples::clean(), PLAIN).contains("every system was read completely"), "{name}");
        let text = named(name, &carried, PLAIN);
        assert!(text.contains("Clean: ") && text.contains("1 part was read with limits"), "{name}");
    }
}

#[test]
fn a_run_that_is_not_complete_never_looks_clean() {
    // No finding, no gap that could be shown: only the outcome knows. Then a gap that only the scope knows.
    let mut silent = samples::clean();
    silent.view.outcome.complete = false;
    silent.view.outcome.reason = "the run was cut short".to_owned();
    let mut contradictory = samples::clean();
    contradictory.view.systems[0].scopes[0].kinds[0].state = "failed".to_owned();
    let mut empty = samples::clean();
    empty.view.systems[0].scopes.clear();
    for sample in [silent, contradictory, empty, samples::broken(), samples::hostile()] {
        for name in REPORTS {
            let text = named(name, &sample, PLAIN).to_lowercase();
            for word in ["clean", "no problem", "no findings", "all good", "every system was read"] {
                assert!(!text.contains(word), "{name} says `{word}` of a run that is not complete");
            }
        }
        for name in ["html", "markdown", "table"] {
            let text = named(name, &sample, PLAIN);
            let body = text.find("<body>").unwrap_or(0);
            let told = text[body..].find("INCOMPLETE").expect("says so");
            let listed = text.rfind("indings").unwrap_or(text.len());
            assert!(told + body < listed, "{name} says it first");
        }
        let rows = named("csv", &sample, PLAIN);
        assert!(rows.lines().any(|row| row.starts_with("not-read,")), "csv has no row for what was not read:\n{rows}");
    }
}

#[test]
fn what_could_not_be_judged_is_not_called_clean() {
    let mut sample = samples::clean();
    sample.view.rules[0].pass -= 4;
    sample.view.rules[0].not_evaluated = 4;
    for name in REPORTS {
        assert!(!named(name, &sample, PLAIN).contains("Clean"), "{name}");
    }
    assert!(named("table", &sample, PLAIN).starts_with("No findings, but 4 of 2,408 checks could not be judged."));
    sample.view.rules.clear();
    assert!(named("table", &sample, PLAIN).starts_with("Nothing was judged"));
}

#[test]
fn gaps_stand_before_findings() {
    let sample = samples::broken();
    for (name, gap, finding) in [
        ("table", "COL031", "FINDINGS"),
        ("markdown", "COL031", "## Findings"),
        ("html", "COL031", "id=\"findings\""),
        ("csv", "not-read", "\nfinding,"),
    ] {
        let text = named(name, &sample, PLAIN);
        assert!(text.find(gap).unwrap() < text.find(finding).unwrap(), "{name}");
    }
}

#[test]
fn no_format_passes_on_what_a_terminal_obeys_or_hides() {
    for format in FORMATS {
        for character in render(format, &samples::hostile(), PLAIN).chars() {
            let obeyed = character.is_control() && character != '\n';
            let hidden = matches!(character, '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{feff}');
            assert!(!obeyed && !hidden, "{} lets {character:?} through", format.name);
        }
    }
}

#[test]
fn csv_cells_are_never_formulas_and_rows_never_break() {
    let sample = samples::hostile();
    for name in ["csv", "csv-accounts", "csv-grants", "csv-link-changes"] {
        let text = named(name, &sample, PLAIN);
        let mut reader = csv::Reader::from_reader(text.as_bytes());
        let mut rows = 0;
        for row in reader.records() {
            rows += 1;
            for cell in &row.unwrap() {
                assert!(!cell.trim_start().starts_with(['=', '+', '-', '@', '\t', '\r']), "{name}: {cell:?}");
            }
        }
        assert_eq!(text.lines().count(), rows + 1, "{name}: one line is one row");
        assert!(rows >= HOSTILE.len(), "{name}");
        assert!(text.contains("'=cmd|'/c calc'!A1"), "{name}");
    }
}

#[test]
fn html_has_only_our_own_tags() {
    let text = named("html", &samples::hostile(), PLAIN);
    assert_eq!(text.matches("<script").count(), 1);
    assert_eq!(text.matches("<style").count(), 1);
    for tag in ["<img", "<link", "<iframe", "<base", " onerror=\""] {
        assert!(!text.contains(tag), "{tag}");
    }
    assert!(text.contains("&lt;script&gt;document.title"));
    assert!(text.contains("{{ 7 * 7 }}"), "a template in a name is text");
}

#[test]
fn markdown_has_no_markup_of_strangers() {
    let count = |sample: &Sample| {
        let text = named("markdown", sample, PLAIN);
        let mut cells = vec![];
        let mut headings = 0;
        let mut shown = String::new();
        for event in Parser::new_ext(&text, Options::ENABLE_TABLES | Options::ENABLE_STRIKETHROUGH) {
            match event {
                Event::Html(html) => panic!("a block of HTML: {html}"),
                Event::InlineHtml(html) => assert_eq!(&*html, "<br>"),
                Event::Start(
                    Tag::Link { .. } | Tag::Image { .. } | Tag::CodeBlock(_) | Tag::BlockQuote(_) | Tag::Strikethrough,
                ) => {
                    panic!("markup of a stranger: {event:?} after {shown}")
                }
                Event::Start(Tag::Heading { .. }) => headings += 1,
                Event::Start(Tag::TableHead | Tag::TableRow) => cells.push(0),
                Event::Start(Tag::TableCell) => *cells.last_mut().unwrap() += 1,
                Event::Text(part) | Event::Code(part) => shown.push_str(&part),
                _ => {}
            }
        }
        (shown, headings, cells)
    };
    let sample = samples::hostile();
    let (shown, headings, _) = count(&sample);
    for text in HOSTILE.iter().filter(|text| !text.chars().any(|c| c.is_control() || !c.is_ascii())) {
        assert!(shown.contains(text), "{text} is not shown as it is");
    }
    // Report, gaps, not evaluated, findings, rules, systems, people, links with changes and decisions; the rule; each finding.
    assert_eq!(headings, 10 + 1 + sample.view.findings.len());
    // GitHub and GitLab link bare addresses and notify people who are named outside of code.
    let text = named("markdown", &sample, PLAIN);
    for line in text.lines().filter(|line| !line.contains("`@everyone") && !line.contains("`user")) {
        assert!(!line.contains(" @everyone"), "{line}");
    }
}

#[test]
fn json_follows_its_published_schema_and_reads_back() {
    let validator = validator();
    for sample in samples::all() {
        let text = named("json", &sample, PLAIN);
        let document: serde_json::Value = serde_json::from_str(&text).unwrap();
        let errors: Vec<String> = validator.iter_errors(&document).map(|error| error.to_string()).collect();
        assert!(errors.is_empty(), "{}: {errors:?}", sample.name);
        assert_eq!(serde_json::from_str::<View>(&text).unwrap(), sample.view, "{}", sample.name);
    }
    assert!(!validator.is_valid(&serde_json::json!({ "version": 1 })), "the schema refuses what is no report");
}

#[test]
fn the_published_schema_is_the_one_of_the_types() {
    let expected = format!("{}\n", serde_json::to_string_pretty(&schema()).unwrap());
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../schemas/report.schema.json");
    let published = std::fs::read_to_string(&path).unwrap_or_default();
    if published != expected {
        let fresh = path.with_extension("json.new");
        std::fs::write(&fresh, expected).unwrap();
        panic!(
            "schemas/report.schema.json is not what the types say; look at the difference, then: mv {} {}",
            fresh.display(),
            path.display()
        );
    }
}

#[test]
fn the_table_fits_the_terminal_and_loses_nothing() {
    let squeeze = |text: &str| text.chars().filter(|c| !c.is_whitespace()).collect::<String>();
    for sample in samples::all() {
        for width in [60, 80, 120, 200] {
            let text = named("table", &sample, Look { width: Some(width), ..PLAIN });
            let widest = text.lines().max_by_key(|line| unicode_width::UnicodeWidthStr::width(*line)).unwrap();
            assert!(unicode_width::UnicodeWidthStr::width(widest) <= usize::from(width), "{width}: {widest}");
        }
        let text = squeeze(&named("table", &sample, PLAIN));
        for finding in &sample.view.findings {
            let shown: String = finding.message.chars().filter(|c| !c.is_whitespace()).collect();
            assert!(
                finding.message.chars().any(|c| c.is_control() || !c.is_ascii()) || text.contains(&shown),
                "{shown}"
            );
        }
    }
}

#[test]
fn colour_only_repeats_what_words_say() {
    for sample in samples::all() {
        let coloured = named("table", &sample, Look { colour: true, width: Some(100) });
        assert!(coloured.contains('\u{1b}'));
        let mut stripped = String::new();
        let mut rest = coloured.as_str();
        while let Some(start) = rest.find("\u{1b}[") {
            stripped.push_str(&rest[..start]);
            rest = &rest[start + rest[start..].find('m').unwrap() + 1..];
        }
        stripped.push_str(rest);
        let trim = |text: &str| text.lines().map(|line| line.trim_end().to_owned()).collect::<Vec<_>>();
        assert_eq!(trim(&stripped), trim(&named("table", &sample, Look { colour: false, width: Some(100) })));
    }
}

#[test]
fn many_findings_of_a_rule_are_cut_with_the_command_that_lists_them() {
    let mut sample = samples::rich();
    let one = sample.view.findings[1].clone();
    sample.view.findings = (0..1_234).map(|n| view_finding(&one, n)).collect();
    let text = named("table", &sample, PLAIN);
    assert!(text.contains("and 1,214 more: muster findings --rule LCM-001"), "{text}");
    assert_eq!(text.matches("can still sign in").count(), 20);
}

#[test]
fn strangers_text_runs_nothing_in_a_browser() {
    let page = browse(&named("html", &samples::hostile(), PLAIN));
    assert!(page.dom.contains("<title>INCOMPLETE: Access report"), "a stranger's script changed the title");
    assert!(!page.requests.contains("collector.example"), "the page asked for something");
    assert!(page.dom.contains("<div class=\"tools\">"), "our own script ran and showed the filter");

    // The same texts unescaped: the two signs above do show harm when there is some.
    let bare = browse(&format!("<!doctype html><title>fine</title>{}", HOSTILE.concat()));
    assert!(bare.dom.contains("<title>owned</title>"), "{}", bare.dom);
    assert!(bare.requests.contains("collector.example"));
}

#[test]
fn the_filter_shows_only_what_matches() {
    let page = named("html", &samples::rich(), PLAIN);
    let policy = page.find("<meta http-equiv").unwrap()..page.find("<meta name=\"viewport").unwrap();
    // The page's own policy would refuse the script that types for us.
    let typed = "<script>const box = document.getElementById('filter'); box.value = 'HIGH mia'; box.dispatchEvent(new Event('input'));
        document.title = [...document.querySelectorAll('.finding')].filter((f) => f.checkVisibility()).map((f) => f.id.slice(0, 5)).join()
            + ' ' + document.getElementById('shown').textContent;</script>";
    let page = browse(&(page.replace(&page[policy], "") + typed));
    assert!(page.dom.contains("<title>f-200 1 of 6 shown</title>"), "{}", &page.dom[..600]);
}

/// What a browser made of a page.
struct Browsed {
    /// The document after scripts ran.
    dom: String,
    /// Chromium's network log.
    requests: String,
}

fn browse(html: &str) -> Browsed {
    let folder = tempfile::tempdir().unwrap();
    let page = folder.path().join("report.html");
    let log = folder.path().join("net.json");
    std::fs::write(&page, html).unwrap();
    let output = Command::new("chromium")
        .args(["--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-sync"])
        .args(["--disable-background-networking", "--disable-component-update", "--virtual-time-budget=2000"])
        // No name is ever resolved: a request is logged and goes nowhere.
        .arg("--host-resolver-rules=MAP * ~NOTFOUND")
        .arg(format!("--user-data-dir={}", folder.path().join("profile").display()))
        .arg(format!("--log-net-log={}", log.display()))
        .arg("--dump-dom")
        .arg(format!("file://{}", page.display()))
        .output()
        .unwrap_or_else(|error| {
            panic!(
                "chromium did not start ({error}): apt-get install --no-install-recommends chromium fonts-dejavu-core"
            )
        });
    let dom = String::from_utf8(output.stdout).unwrap();
    let requests = std::fs::read_to_string(&log)
        .unwrap_or_else(|error| panic!("chromium wrote no log ({error}): {}", String::from_utf8_lossy(&output.stderr)));
    Browsed { dom, requests }
}

fn view_finding(one: &muster_reports::view::Finding, number: usize) -> muster_reports::view::Finding {
    muster_reports::view::Finding { fingerprint: format!("{number:064x}"), ..one.clone() }
}

fn named(name: &str, sample: &Sample, look: Look) -> String {
    render(find(name).unwrap(), sample, look)
}

fn render(format: &Format, sample: &Sample, look: Look) -> String {
    let mut bytes = Vec::new();
    (format.render)(&sample.view, sample, look, &mut bytes).unwrap();
    String::from_utf8(bytes).unwrap()
}

fn validator() -> Validator {
    jsonschema::draft202012::options().should_validate_formats(true).build(&schema()).unwrap()
}
