//! Rules that a team wrote, through the real binary: verdicts, control totals, and what happens when they are wrong.
#![allow(clippy::unwrap_used, reason = "a test stops on any error")]

mod muster_cmd;

use muster_cmd::Folder;

const CONFIG: &str = r#"
[muster]
timezone = "UTC"
now      = "2026-06-15T12:00:00Z"
policy   = "policy/"

[[system]]
name      = "hr"
connector = "csv"
file      = "hr.csv"
yields    = "people"
collected = "2026-06-15T11:00:00Z"

[[system]]
name      = "crm"
connector = "csv"
file      = "crm.csv"
yields    = "accounts"
collected = "2026-06-15T11:00:00Z"
"#;

const HR: &str = "employee_id,name,email,status,worker_type,start
E1,Ada Low,ada@corp.example,active,employee,2020-01-01
E2,Ben Ray,ben@corp.example,active,contractor,2024-01-01
";

const CRM: &str = "id,login,employee_id,lifecycle
1,ada,E1,active
2,ben,E2,active
3,old,E2,disabled
";

const RULE: &str = r#"
id       = "ACME-001"
slug     = "contractor-in-crm"
title    = "Contractor in the CRM"
severity = "medium"
controls = ["SOX LA-5"]
subject  = "account"
needs    = ["accounts", "persons", "employments"]
sql      = """
with linked as (select system, account, person, person_name from links where link = 'linked')
select a.system, a.id, e.worker_type,
       case when a.lifecycle = 'disabled' then 'pass'
            when e.worker_type is null then 'not evaluated'
            when e.worker_type = 'contractor' then 'fail'
            else 'pass' end as verdict,
       case when e.worker_type is null then 'nobody knows whose it is'
            else concat(l.person_name, ' is a contractor and has the account ', a.login, '.') end as message
from accounts a
left join linked l on l.system = a.system and l.account = a.id
left join employments e on e.person = l.person
where a.system = 'crm'
"""

[manual]
finds    = "An active CRM account of a contractor."
matters  = "The CRM holds customer data that contracts with suppliers do not cover."
evidence = "The account, and the worker type of its person."
fix      = "Disable the account, or have the supplier sign the data annex."
limits   = "Accounts without a person are not judged."
"#;

fn estate() -> Folder {
    let folder = Folder::empty();
    folder.write("muster.toml", CONFIG);
    folder.write("hr.csv", HR);
    folder.write("crm.csv", CRM);
    folder.write("policy/rules/ACME-001.toml", RULE);
    folder
}

#[test]
fn its_verdicts_are_counted_and_reported_as_those_of_built_in_rules() {
    let folder = estate();
    let (ran, report) = folder.scan(&["--fail-on", "medium"]);
    ran.assert_code(1);
    assert_eq!(report.counts("ACME-001"), [3, 2, 1, 0]);
    assert_eq!(report.of("ACME-001"), ["2"]);
    let finding = report.findings().iter().find(|finding| finding["rule"] == "ACME-001").unwrap();
    assert_eq!(finding["message"], "Ben Ray is a contractor and has the account ben.");
    assert_eq!(finding["evidence"][0]["facts"]["worker_type"], "contractor");
    assert_eq!(finding["controls"][0], "SOX LA-5");
    assert_eq!(finding["subject"]["person"], "Ben Ray");
    let fingerprint = finding["fingerprint"].clone();
    // The next night it is the same finding, whatever its text says.
    folder.write("policy/rules/ACME-001.toml", RULE.replace("is a contractor and has", "works for a supplier and has"));
    let (_, again) = folder.scan(&["--now", "2026-06-16T12:00:00Z"]);
    let finding = again.findings().iter().find(|finding| finding["rule"] == "ACME-001").unwrap();
    assert_eq!(finding["fingerprint"], fingerprint);
    assert_eq!(finding["first_seen"], "2026-06-15T12:00:00Z");
}

#[test]
fn what_was_not_read_is_not_evaluated_whatever_the_sql_says() {
    let folder = estate();
    // The row of a third person breaks off: who is missing is not known, and nobody is judged by HR.
    folder.write("hr.csv", format!("{HR}E3,\"Cut"));
    let (ran, report) = folder.scan(&[]);
    ran.assert_code(3);
    let [population, pass, fail, not_evaluated] = report.counts("ACME-001");
    assert_eq!((population, pass, fail, not_evaluated), (3, 0, 0, 3));
    assert!(report.reasons("ACME-001")[0].contains("hr:people"), "{:?}", report.reasons("ACME-001"));
}

#[test]
fn it_can_be_switched_off_and_has_no_options() {
    let folder = estate();
    let config = folder.read("muster.toml");
    folder.write("muster.toml", format!("{config}\n[rules.ACME-001]\nenabled = false\nreason = \"annex signed\"\n"));
    let (_, report) = folder.scan(&[]);
    assert_eq!(report.counts("ACME-001"), [3, 0, 0, 3]);
    assert!(report.reasons("ACME-001")[0].contains("annex signed"));
    folder.write("muster.toml", format!("{config}\n[rules.ACME-001]\ndays = 3\n"));
    let ran = folder.run(&["scan"]);
    ran.assert_code(2);
    ran.assert_says(&["CFG031", "has its numbers in its SQL"]);
}

#[test]
fn a_rule_that_is_wrong_judges_nothing_and_says_where() {
    let cases = [
        ("a.lifecycle", "a.livecycle", "there is no column `livecycle`"),
        ("with linked as (select", "delete from links where (select", "only read"),
        ("as verdict", "as verdicts", "without a column `verdict`"),
        ("'fail'", "'failed'", "verdict `failed`"),
        ("a.id, e.worker", "'9' as id, e.worker", "`crm:9`, which is no account"),
        ("from accounts a", "from (select * from accounts union all select * from accounts) a", "twice"),
        ("nobody knows whose it is", "", "not why"),
    ];
    for (from, to, says) in cases {
        let folder = estate();
        folder.write("crm.csv", format!("{CRM}4,nobody,,active\n"));
        folder.write("policy/rules/ACME-001.toml", RULE.replacen(from, to, 1));
        let ran = folder.run(&["scan"]);
        ran.assert_code(2);
        ran.assert_says(&["RUL001", "ACME-001.toml:2", says]);
    }
    let folder = estate();
    folder.write("policy/rules/b.toml", RULE.replace("ACME-001", "ORP-001").replace("contractor-in-crm", "mine"));
    let ran = folder.run(&["scan"]);
    ran.assert_code(2);
    ran.assert_says(&["RUL001", "a rule of the catalogue"]);
}
