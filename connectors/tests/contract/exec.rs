//! `exec`: a shell script that prints what its system answered, and goes wrong as such programs do.
//!
//! A program does the paging itself. What muster sees of its faults is lines: too few, cut, repeated, or a scope that the
//! program calls failed.

use std::fmt::Write as _;

use muster_connectors::native::exec::MANUAL;
use muster_connectors::scope::ScopeState;
use serde_json::{Value, json};

use crate::collected::configured;
use crate::{Estate, Exception, Fault, List, PAGE, Stage, Subject};

/// A script whose first scope holds accounts and whose second holds groups. The second comes out first: what ends the
/// program in the first must not be excused by it.
pub(crate) struct Program;

impl Subject for Program {
    fn name(&self) -> String {
        "exec by a shell script".into()
    }

    fn estate(&self) -> Estate {
        let accounts =
            (1..=6).map(|n| json!({"record": "account", "id": format!("a{n}"), "login": format!("user{n}")}));
        let groups = ["staff", "admins"].map(|id| json!({"record": "group", "id": id}));
        Estate(vec![List::of("eu", accounts.collect()), List::of("us", groups.to_vec())])
    }

    fn stage(&self, estate: &Estate, fault: Fault) -> Stage {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("program.sh"), script(estate, fault)).unwrap();
        let timeout = if fault == Fault::PageRepeated { "500ms" } else { "1m" };
        let toml = format!(
            r#"command = ["/bin/sh", "program.sh"], yields = ["accounts", "groups"], timeout = "{timeout}",
               credential = {{ env = "TOKEN" }}, credential_env = "TOKEN""#
        )
        .replace('\n', " ");
        let connector = configured(MANUAL.configure, folder.path(), &toml).unwrap();
        Stage { connector, requests: Box::new(move || usize::from(folder.path().exists())) }
    }

    fn exception(&self, fault: Fault) -> Option<Exception> {
        match fault {
            Fault::ThrottledOnce | Fault::Throttled => Some(Exception::Cannot(
                "waiting is the program's own affair; what it did not read in the end it reports, as it does what is forbidden",
            )),
            Fault::CutOnce => Some(Exception::Cannot("a program is run once")),
            Fault::PageRepeated => Some(Exception::Ends(
                ScopeState::Partial,
                "lines have no pages that could be compared: `timeout` ends the program, and what it printed stays",
            )),
            Fault::Duplicate => Some(Exception::PassesOn(
                "a program may print a million lines, of which none is kept: the store keeps one of equal records, and names \
                 those that differ (COL023)",
            )),
            Fault::None
            | Fault::Forbidden
            | Fault::Cut
            | Fault::Silent
            | Fault::LastPageMissing
            | Fault::Empty
            | Fault::Reordered => None,
        }
    }
}

fn script(estate: &Estate, fault: Fault) -> String {
    let [first, second] = estate.0.as_slice() else { panic!("two lists") };
    let mut program = prints(&whole(second, "groups"));
    let opened = opened(first, "accounts");
    let (page, _) = first.page(0);
    let begun: Vec<Value> = std::iter::once(opened).chain(page.iter().cloned()).collect();
    match fault {
        Fault::Forbidden => {
            let gap =
                json!({"what": "GET /accounts: 403", "cause": "the token lacks accounts:read", "fix": "grant it"});
            program += &prints(&[json!({"scope": {"name": first.scope, "state": "failed", "gaps": [gap]}})]);
        }
        Fault::Cut => {
            program += &prints(&begun);
            let line = first.rows[PAGE].to_string();
            let _infallible = writeln!(program, "printf '%s' '{}'; exit 0", &line[..line.len() / 2]);
        }
        Fault::PageRepeated => {
            program += &prints(&begun[..1]);
            let _infallible = writeln!(program, "while :; do\n{}sleep 0.05\ndone", prints(&begun[1..]));
        }
        Fault::Silent => {
            program += &prints(&begun);
            program += "sleep 60\n";
        }
        Fault::None
        | Fault::ThrottledOnce
        | Fault::Throttled
        | Fault::CutOnce
        | Fault::LastPageMissing
        | Fault::Empty
        | Fault::Reordered
        | Fault::Duplicate => program += &prints(&whole(first, "accounts")),
    }
    program + &prints(&[json!({"end": true})])
}

/// The line that opens the scope of a list. The total is what the program's system declares.
fn opened(list: &List, kind: &str) -> Value {
    json!({"scope": {"name": list.scope, "kinds": [kind], "totals": {kind: list.total}}})
}

fn whole(list: &List, kind: &str) -> Vec<Value> {
    let done = json!({"scope": {"name": list.scope, "state": "complete"}});
    std::iter::once(opened(list, kind)).chain(list.rows.iter().cloned()).chain([done]).collect()
}

fn prints(lines: &[Value]) -> String {
    let lines: String = lines.iter().map(|line| format!("{line}\n")).collect();
    format!("cat <<'LINES'\n{lines}LINES\n")
}
