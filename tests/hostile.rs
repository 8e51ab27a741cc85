//! Names come from strangers. Whatever a login, a name or a role is called, it does no harm: not in a terminal, not in a
//! spreadsheet, not in a browser, not in a wiki.
#![allow(clippy::unwrap_used, reason = "a test stops on any error")]

mod muster_cmd;

use std::sync::OnceLock;

use muster_cmd::{Folder, list, text};
use pulldown_cmark::{Event, Parser, Tag};

/// Names that do something where they are not escaped.
const NAMES: [&str; 18] = [
    "=cmd|'/c calc'!A1",
    "+1+cmd|'/c calc'!A1",
    "-2+3+cmd|'/c calc'!A1",
    "@SUM(1+1)*cmd|'/c calc'!A1",
    "\t=1+1",
    "\u{ff1d}1+1",
    "<script>alert(1)</script>",
    "\"><img src=x onerror=alert(1)>",
    "</script><svg/onload=alert(1)>",
    "{{7*7}}${7*7}<%= 7*7 %>",
    "\u{1b}[31mred\u{1b}[0m\u{1b}]0;owned\u{7}",
    "\u{9b}31mred\u{9d}0;owned\u{9c}",
    "\u{202e}gnp.exe\u{2066}x\u{2069}",
    "[click](javascript:alert(1)) ![x](https://evil.example/x.png)",
    "| a | b |\n| --- | --- |\n# heading",
    "`code` **bold** <https://evil.example>",
    "first\r\nmuster: exit 0: clean",
    "'; drop table accounts; --",
];

fn id_of(kind: &str, number: usize, name: &str) -> String {
    format!("{}{kind}-{number}", name.replace(['\r', '\n'], " ").trim_start())
}

/// One scan of a system in which everything is called like that, and orphaned, so that all of it is reported.
fn scanned() -> &'static Folder {
    static SCANNED: OnceLock<Folder> = OnceLock::new();
    SCANNED.get_or_init(|| {
        let folder = Folder::empty();
        folder.write(
            "muster.toml",
            r#"
[muster]
now = "2026-11-02T06:00:00Z"

[[system]]
name = "hr"
connector = "csv"
file = "people.csv"
yields = "people"
collected = "2026-11-02T05:00:00Z"

[[system]]
name = "crm"
connector = "csv"
files = { accounts = "accounts.csv", grants = "grants.csv", groups = "groups.csv", memberships = "memberships.csv" }
collected = "2026-11-02T05:00:00Z"
"#,
        );
        let rows = |header: &[&str], row: &dyn Fn(&str, usize) -> Vec<String>| {
            let mut out = csv::Writer::from_writer(Vec::new());
            out.write_record(header).unwrap();
            for (number, name) in NAMES.iter().enumerate() {
                out.write_record(row(name, number)).unwrap();
            }
            out.into_inner().unwrap()
        };
        let own = |text: &str| text.to_owned();
        // A line break in an id is taken for a quote that was never closed, and told as a gap.
        let id = |kind: &str, n: usize, name: &str| id_of(kind, n, name);
        // People who left, so that persons with such names are reported as well.
        folder.write(
            "people.csv",
            rows(&["employee_id", "legal_name", "email", "status", "start", "end", "department"], &|name, n| {
                vec![
                    id("person", n, name),
                    own(name),
                    format!("p{n}@x.example"),
                    own("terminated"),
                    own("2020-01-01"),
                    own("2026-01-31"),
                    own(name),
                ]
            }),
        );
        let account = |id: String, name: &str, employee: String| {
            vec![
                id,
                own(name),
                own(name),
                employee,
                own("human"),
                own("active"),
                own("2024-01-01T00:00:00Z"),
                own(name),
            ]
        };
        let header = ["id", "login", "name", "employee_id", "class", "lifecycle", "created", "department"];
        let mut accounts = rows(&header, &|name, n| account(id("orphan", n, name), name, String::new()));
        let leavers = rows(&header, &|name, n| account(id("leaver", n, name), name, id("person", n, name)));
        let after_header = leavers.iter().position(|byte| *byte == b'\n').unwrap() + 1;
        accounts.extend_from_slice(&leavers[after_header..]);
        folder.write("accounts.csv", accounts);
        folder.write(
            "grants.csv",
            rows(&["principal", "entitlement", "resource", "privilege"], &|name, n| {
                vec![id("orphan", n, name), id("role", n, name), own(name), own("admin")]
            }),
        );
        folder.write(
            "groups.csv",
            rows(&["id", "name", "owner"], &|name, n| vec![format!("g{n}"), own(name), own(name)]),
        );
        folder.write(
            "memberships.csv",
            rows(&["member", "group"], &|name, n| vec![id("orphan", n, name), format!("g{n}")]),
        );
        let ran = folder.run(&["scan", "-o", "table"]);
        ran.assert_code(1);
        assert_harmless_text("scan", &ran.stdout);
        assert_harmless_text("scan, standard error", &ran.stderr);
        for finding in ["ORP-001", "LCM-001", "XPR-004"] {
            assert!(
                ran.stdout.contains(finding),
                "{finding} is not raised, so its output is not tested:\n{}",
                ran.stdout
            );
        }
        folder
    })
}

/// Nothing that a terminal obeys, and nothing that turns text round.
fn assert_harmless_text(what: &str, text: &str) {
    for (number, line) in text.lines().enumerate() {
        let bad = line.chars().find(|c| {
            c.is_control() || matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{200e}' | '\u{200f}')
        });
        assert!(bad.is_none(), "{what}, line {}: {bad:?} in {line:?}", number + 1);
        assert_ne!(line, "muster: exit 0: clean", "{what}: a name pretends to be a line of ours");
    }
}

/// No cell that a spreadsheet calculates.
fn assert_harmless_csv(what: &str, text: &str) {
    let mut reader = csv::ReaderBuilder::new().has_headers(false).flexible(false).from_reader(text.as_bytes());
    let mut rows = 0;
    for row in reader.records() {
        for cell in &row.unwrap_or_else(|error| panic!("{what}: {error}")) {
            assert!(
                !cell.starts_with(['=', '+', '@', '\t', '\r', '\u{ff1d}', '\u{ff0b}', '\u{ff0d}', '\u{ff20}'])
                    && (!cell.starts_with('-') || cell.parse::<f64>().is_ok()),
                "{what}: a spreadsheet calculates {cell:?}"
            );
            assert!(!cell.chars().any(|c| c.is_control() && c != '\n'), "{what}: control characters in {cell:?}");
        }
        rows += 1;
    }
    assert!(rows > 1, "{what} is empty");
}

/// No markup, link or picture that we did not write ourselves.
fn assert_harmless_markdown(what: &str, text: &str) {
    let options = pulldown_cmark::Options::ENABLE_TABLES;
    for event in Parser::new_ext(text, options) {
        match event {
            // The one element that we write ourselves: a line break within a cell.
            Event::InlineHtml(html) if &*html == "<br>" => {}
            Event::Html(html) | Event::InlineHtml(html) => panic!("{what}: HTML {html:?}"),
            Event::Start(Tag::Link { dest_url, .. } | Tag::Image { dest_url, .. }) => {
                panic!("{what}: a link to {dest_url:?}")
            }
            Event::Text(text) => assert_ne!(&*text, "heading", "{what}: a name became a heading"),
            _ => {}
        }
    }
    assert_harmless_text(what, text);
}

/// No element or handler that came from a name, and nothing that leaves the page.
fn assert_harmless_html(what: &str, html: &str) {
    for bad in
        ["<script>alert", "<img", "<svg/onload", "onerror=alert(1)>", "href=\"javascript", "</script><svg", "49$49"]
    {
        assert!(!html.contains(bad), "{what}: `{bad}`");
    }
    let controls = html.chars().find(|c| c.is_control() && *c != '\n');
    assert!(controls.is_none(), "{what}: {controls:?}");
    assert!(!html.contains("src=\"http") && !html.contains("href=\"http"), "{what}: reaches outside");
}

/// Valid JSON without raw control characters, which a terminal would obey, and with the names as they are.
fn assert_harmless_json(what: &str, text: &str) -> serde_json::Value {
    let bad = text.chars().find(|c| c.is_control() && *c != '\n');
    assert!(bad.is_none(), "{what}: raw {bad:?}");
    serde_json::from_str(text).unwrap_or_else(|error| panic!("{what}: {error}"))
}

#[test]
fn every_format_of_the_report_is_harmless() {
    let folder = scanned();
    let report = |format: &str| folder.expect(1, &["report", "-o", format]);
    assert_harmless_text("table", &report("table"));
    assert_harmless_csv("csv", &report("csv"));
    assert_harmless_csv("csv-accounts", &folder.read_of("csv-accounts"));
    assert_harmless_csv("csv-grants", &folder.read_of("csv-grants"));
    assert_harmless_markdown("markdown", &report("markdown"));
    assert_harmless_html("html", &report("html"));
    let json = assert_harmless_json("json", &report("json"));
    let names: Vec<String> = list(&json["findings"]).iter().map(|finding| text(&finding["subject"]["name"])).collect();
    for name in NAMES {
        assert!(names.iter().any(|known| known == name.trim()), "JSON keeps {name:?} as it is: {names:?}");
    }
}

impl Folder {
    /// What a scan writes in a format that only a scan can write.
    fn read_of(&self, format: &str) -> String {
        let file = format!("{format}.out");
        let ran = self.run(&["check", "--quiet", "-o", &format!("{format}={file}")]);
        ran.assert_code(1);
        self.read(&file)
    }
}

#[test]
fn lists_and_pages_of_findings_are_harmless() {
    let folder = scanned();
    let listed = |format: &str| folder.expect(0, &["findings", "list", "-o", format]);
    assert_harmless_text("findings list", &listed("table"));
    let findings = assert_harmless_json("findings list", &listed("json"));
    for finding in list(&findings) {
        let fingerprint = text(&finding["fingerprint"]);
        for command in [&["findings", "show", &fingerprint][..], &["explain", &fingerprint]] {
            assert_harmless_text(&command.join(" "), &folder.expect(0, command));
        }
    }
}

#[test]
fn access_path_and_explain_are_harmless() {
    let folder = scanned();
    for (number, name) in NAMES.iter().enumerate() {
        for id in [id_of("orphan", number, name), id_of("leaver", number, name)] {
            let id = id.as_str();
            for command in ["access", "explain"] {
                assert_harmless_text(&format!("{command} {id:?}"), &folder.expect(0, &[command, "--", id]));
            }
            let json = folder.expect(0, &["access", "-o", "json", "--", id]);
            assert_harmless_json("access", &json);
        }
        let from = id_of("orphan", number, name);
        assert_harmless_text("path", &folder.expect(0, &["path", "--", &from, &format!("g{number}")]));
        // Whether it names one or none: what is said of it stays text. (A name that begins like a flag needs the `--`.)
        for command in [&["access", "--", name][..], &["explain", "--", name], &["path", "--", name, name]] {
            let ran = folder.run(command);
            assert_harmless_text(&format!("{command:?}"), &ran.stdout);
            assert_harmless_text(&format!("{command:?}, standard error"), &ran.stderr);
        }
    }
}

#[test]
fn answers_to_queries_are_harmless() {
    let folder = scanned();
    for table in ["accounts", "grants", "entitlements", "groups", "persons", "findings"] {
        let sql = format!("select * from {table}");
        let answer = |format: &str| folder.expect(0, &["query", &sql, "-o", format]);
        assert_harmless_text(table, &answer("table"));
        assert_harmless_csv(table, &answer("csv"));
        assert_harmless_markdown(table, &answer("markdown"));
        assert_harmless_json(table, &answer("json"));
    }
    for name in NAMES {
        let ran = folder.run(&["query", "--", name]);
        assert_eq!(ran.code, Some(2));
        assert_harmless_text("query, standard error", &ran.stderr);
    }
}

#[test]
fn complaints_about_a_hostile_file_are_harmless() {
    for name in NAMES {
        let folder = Folder::empty();
        folder.write(
            "muster.toml",
            "[[system]]\nname = \"crm\"\nconnector = \"csv\"\nfile = \"a.csv\"\nyields = \"accounts\"\n",
        );
        let mut out = csv::Writer::from_writer(Vec::new());
        out.write_record(["id", "login", "lifecycle", "created"]).unwrap();
        out.write_record(["1", "ann", name, name]).unwrap();
        folder.write("a.csv", out.into_inner().unwrap());
        let ran = folder.run(&["scan", "-o", "table", "-o", "markdown=r.md", "-o", "html=r.html", "-o", "csv=r.csv"]);
        ran.assert_code(3);
        assert_harmless_text("scan", &ran.stdout);
        assert_harmless_text("scan, standard error", &ran.stderr);
        assert_harmless_markdown("scan", &folder.read("r.md"));
        assert_harmless_html("scan", &folder.read("r.html"));
        assert_harmless_csv("scan", &folder.read("r.csv"));
    }
}
