//! Sample views, invented and small: one for each thing that a report must get right.

use std::collections::BTreeMap;
use std::io;

use jiff::Timestamp;
use muster_reports::view::{
    AccountRow, Bucket, DecisionNote, Evidence, File, Finding, Gap, GrantRow, Kind, LinkChange, LinkChurn,
    LinkCoverage, LinkEnd, Origin, Outcome, PeopleSummary, Population, Reason, RuleSummary, Scope, Severity, Step,
    Subject, System, VIEW_VERSION, View,
};

/// A view with its population.
pub(crate) struct Sample {
    pub(crate) name: &'static str,
    pub(crate) view: View,
    accounts: Vec<AccountRow>,
    grants: Vec<GrantRow>,
}

impl Population for Sample {
    fn accounts(&self, visit: &mut dyn FnMut(AccountRow) -> io::Result<()>) -> io::Result<()> {
        self.accounts.iter().cloned().try_for_each(visit)
    }

    fn grants(&self, visit: &mut dyn FnMut(GrantRow) -> io::Result<()>) -> io::Result<()> {
        self.grants.iter().cloned().try_for_each(visit)
    }

    fn link_changes(&self, visit: &mut dyn FnMut(LinkChange) -> io::Result<()>) -> io::Result<()> {
        let listed = self.view.people.churn.iter().flat_map(|churn| churn.changes.clone());
        let left_out = self.accounts.iter().map(|account| LinkChange {
            change: "new".to_owned(),
            system: account.system.clone(),
            account: account.id.clone(),
            name: account.name.clone(),
            before: None,
            after: None,
            cause: "the account was not there before".to_owned(),
        });
        listed.chain(left_out).try_for_each(visit)
    }
}

/// All samples.
pub(crate) fn all() -> Vec<Sample> {
    vec![clean(), rich(), broken(), hostile()]
}

/// Everything was read and judged; nothing was found.
pub(crate) fn clean() -> Sample {
    let view = View {
        version: VIEW_VERSION,
        origin: origin(),
        outcome: Outcome { code: 0, reason: "no finding at or above high".to_owned(), complete: true },
        findings: vec![],
        rules: vec![
            rule("LCM-001", "leaver-still-active", "A leaver's account is still active", Severity::High, [1204, 0, 0]),
            rule("ORP-001", "orphan-account", "An active account belongs to nobody", Severity::High, [1204, 0, 0]),
        ],
        systems: vec![
            system(
                "corp-ad",
                "ldap",
                vec![scope(
                    "dc=corp,dc=example",
                    vec![kind("accounts", "complete", 1204), kind("groups", "complete", 96)],
                )],
            ),
            hr("complete", 412, vec![]),
        ],
        people: people(),
    };
    Sample { name: "clean", view, accounts: vec![account("ann.lee", "E1001")], grants: vec![grant("ann.lee", "Staff")] }
}

/// Several severities, paths with conditions, people, exceptions to the rule's own severity.
pub(crate) fn rich() -> Sample {
    let mut view = clean().view;
    view.outcome = Outcome { code: 1, reason: "3 findings at or above high".to_owned(), complete: true };
    let mut admin = finding(1, "XPR-004", "nested-admin", "A nested group makes an administrator", Severity::Critical);
    admin.subject = subject("account", Some("corp-ad"), "S-1-5-21-7-1107", "raj.patel");
    admin.subject.person = Some("E1044 Raj Patel".to_owned());
    admin.message = "Raj Patel is a domain administrator through 2 nested groups that nobody reviews.".to_owned();
    admin.severity_reason = Some("the group controls every computer of the domain".to_owned());
    admin.fix = "Remove `Helpdesk` from `Server Operators`, or review the nesting.".to_owned();
    admin.path = vec![
        step("raj.patel", "member of", "Helpdesk", "corp-ad", None),
        step("Helpdesk", "member of", "Server Operators", "corp-ad", None),
        step("Server Operators", "holds", "Domain Admins", "corp-ad", Some("aws:MultiFactorAuthPresent = true")),
    ];
    let mut leaver = finding(2, "LCM-001", "leaver-still-active", "A leaver's account is still active", Severity::High);
    leaver.subject = subject("account", Some("aws"), "arn:aws:iam::111122223333:user/mia", "mia.okafor");
    leaver.subject.person = Some("E1010 Mia Okafor".to_owned());
    leaver.message = "Mia Okafor left on 2026-02-13; the account can still sign in.".to_owned();
    leaver.evidence = vec![
        evidence("hr", "people", "E1010", &[("status", "terminated"), ("end", "2026-02-13")]),
        evidence(
            "aws",
            "accounts",
            "arn:aws:iam::111122223333:user/mia",
            &[("lifecycle", "active"), ("last_activity", "2026-02-27T09:12:00Z")],
        ),
    ];
    let mut other = finding(3, "LCM-001", "leaver-still-active", "A leaver's account is still active", Severity::High);
    other.subject = subject("account", Some("corp-ad"), "S-1-5-21-7-1210", "tom.berg");
    other.message = "Tom Berg left on 2026-01-31; the account can still sign in.".to_owned();
    let mut key = finding(4, "CRD-001", "old-access-key", "An access key is older than allowed", Severity::Medium);
    key.subject = subject("credential", Some("aws"), "AKIAEXAMPLE000000001", "AKIAEXAMPLE000000001");
    key.message = "The access key of build-bot is 431 days old; 90 are allowed.".to_owned();
    let mut person =
        finding(5, "ORP-005", "duplicate-accounts", "One person has several accounts of a class", Severity::Low);
    person.subject = subject("person", None, "E1002", "李小龍");
    person.message = "李小龍 has 2 standard accounts in corp-ad.".to_owned();
    let mut group = finding(6, "DOR-001", "dormant-account", "An account has not been used", Severity::Info);
    group.subject = subject("account", Some("corp-ad"), "S-1-5-21-7-1300", "José Ängström");
    group.message = "The account was last used 97 days ago.".to_owned();
    view.findings = vec![admin, leaver, other, key, person, group];
    view.rules = vec![
        rule("CRD-001", "old-access-key", "An access key is older than allowed", Severity::Medium, [38, 1, 0]),
        RuleSummary {
            reasons: vec![
                Reason { cause: "the source withholds last activity".to_owned(), subjects: 210 },
                Reason { cause: "the account is younger than the window".to_owned(), subjects: 2 },
            ],
            ..rule("DOR-001", "dormant-account", "An account has not been used", Severity::Info, [991, 1, 212])
        },
        rule("LCM-001", "leaver-still-active", "A leaver's account is still active", Severity::High, [1202, 2, 0]),
        rule("ORP-005", "duplicate-accounts", "One person has several accounts of a class", Severity::Low, [411, 1, 0]),
        rule("XPR-004", "nested-admin", "A nested group makes an administrator", Severity::High, [1203, 1, 0]),
    ];
    let mut carried = kind("accounts", "carried", 61);
    carried.withheld = vec!["last_activity".to_owned()];
    view.systems.insert(
        0,
        system(
            "aws",
            "aws",
            vec![scope("111122223333", vec![kind("accounts", "complete", 61)]), scope("444455556666", vec![carried])],
        ),
    );
    view.people = links(view.people, "Ada Lovelace");
    Sample { name: "rich", view, ..clean() }
}

/// Scopes that failed, came back short or differ too much; rules that could not judge.
pub(crate) fn broken() -> Sample {
    let mut sample = rich();
    let view = &mut sample.view;
    view.outcome = Outcome { code: 3, reason: "4 parts were not read completely".to_owned(), complete: false };
    view.findings.truncate(1);
    let failed = Kind {
        gaps: vec![Gap {
            code: "COL031".to_owned(),
            what: "HTTP 403 on /api/v1/groups".to_owned(),
            cause: Some("the token lacks the scope `okta.groups.read`".to_owned()),
            fix: Some("give the token the scope, then run `muster collect --system okta`".to_owned()),
            at: None,
        }],
        ..kind("groups", "failed", 0)
    };
    let partial = Kind {
        gaps: vec![Gap {
            code: "COL044".to_owned(),
            what: "the last page is missing; 1,000 of 1,204 rows were read".to_owned(),
            cause: Some("the connection was cut".to_owned()),
            fix: None,
            at: None,
        }],
        withheld: vec!["last_activity".to_owned(), "manager".to_owned()],
        ..kind("accounts", "partial", 1000)
    };
    let shrunk = Gap {
        code: "COL052".to_owned(),
        what: "288 rows where 412 were expected: 30 % fewer than last time".to_owned(),
        cause: None,
        fix: Some("compare the file with its source; confirm with `expect_rows`".to_owned()),
        at: Some("people.csv:289:1".to_owned()),
    };
    view.systems = vec![
        hr("suspect", 288, vec![shrunk]),
        system("okta", "okta", vec![scope("acme", vec![partial, failed])]),
        system("payroll", "exec", vec![]),
    ];
    view.rules = vec![
        RuleSummary {
            reasons: vec![Reason { cause: "the HR feed hr / people is suspect".to_owned(), subjects: 1000 }],
            ..rule("LCM-001", "leaver-still-active", "A leaver's account is still active", Severity::High, [0, 0, 1000])
        },
        RuleSummary {
            reasons: vec![Reason { cause: "okta / acme / groups could not be read".to_owned(), subjects: 40 }],
            ..rule("XPR-004", "nested-admin", "A nested group makes an administrator", Severity::High, [959, 1, 40])
        },
    ];
    Sample { name: "broken", ..sample }
}

/// Texts that strangers chose to do harm.
pub(crate) fn hostile() -> Sample {
    let mut sample = clean();
    let view = &mut sample.view;
    view.outcome = Outcome { code: 3, reason: format!("gate {SCRIPT}"), complete: false };
    view.findings = HOSTILE
        .iter()
        .enumerate()
        .map(|(at, text)| {
            let mut finding =
                finding(at + 1, "ORP-001", "orphan-account", "An active account belongs to nobody", Severity::High);
            finding.subject = subject("account", Some("saas"), text, text);
            finding.subject.person = Some((*text).to_owned());
            finding.severity_reason = Some((*text).to_owned());
            finding.message = (*text).to_owned();
            finding.fix = (*text).to_owned();
            finding.controls = vec![(*text).to_owned()];
            finding.evidence = vec![evidence(text, "accounts", text, &[(text, text)])];
            finding.path = vec![step(text, text, text, text, Some(text))];
            finding
        })
        .collect();
    for text in HOSTILE {
        let gap = Gap {
            code: "COL031".to_owned(),
            what: (*text).to_owned(),
            cause: Some((*text).to_owned()),
            fix: Some((*text).to_owned()),
            at: Some((*text).to_owned()),
        };
        let kind = Kind { gaps: vec![gap], withheld: vec![(*text).to_owned()], ..kind("accounts", "partial", 1) };
        let mut scope = scope(text, vec![kind]);
        scope.identity = Some((*text).to_owned());
        scope.tenant = Some((*text).to_owned());
        scope.files = vec![File { path: (*text).to_owned(), sha256: "ab".repeat(32) }];
        view.systems.push(system(text, "csv", vec![scope]));
        view.people.classes.insert((*text).to_owned(), 1);
    }
    view.people = links(std::mem::take(&mut view.people), &HOSTILE.join(" "));
    view.rules[0].reasons = HOSTILE.iter().map(|text| Reason { cause: (*text).to_owned(), subjects: 1 }).collect();
    view.rules[0].not_evaluated = HOSTILE.len() as u64;
    view.rules[0].population += HOSTILE.len() as u64;
    sample.accounts = HOSTILE.iter().map(|text| account(text, text)).collect();
    sample.grants = HOSTILE.iter().map(|text| grant(text, text)).collect();
    Sample { name: "hostile", ..sample }
}

/// Changes the page's title when it runs.
pub(crate) const SCRIPT: &str = "<script>document.title='owned'</script>";

/// Texts that some target would obey.
pub(crate) const HOSTILE: &[&str] = &[
    "=cmd|'/c calc'!A1",
    "+1+1",
    "-2+3",
    "@SUM(A1:A9)",
    "\t=1+1",
    "\r=1+1",
    SCRIPT,
    "\"><img src=https://collector.example/x onerror=\"document.title='owned'\">",
    "</style></script><script>document.title='owned'</script>",
    "<link rel=stylesheet href=https://collector.example/x.css>",
    "javascript:document.title='owned'",
    "{{ 7 * 7 }}{% include 'report.html' %}",
    "\x1b]0;owned\x07\x1b[2J",
    "\u{9b}31mred",
    "user\u{202e}nimda\u{2066}x",
    "ad\u{200b}min\u{feff}",
    "a|b`c`*d*_e_[f](https://collector.example)#g",
    "```\n# head\n- item",
    "@everyone look at https://collector.example",
    "one\nSet-Cookie: two",
];

fn origin() -> Origin {
    Origin {
        tool: "muster 0.1.0".to_owned(),
        now: at("2026-03-01T04:30:00Z"),
        snapshot: "2026-03-01T04-12-09Z-7f3a".to_owned(),
        previous: Some("2026-02-28T04-11-57Z-11c0".to_owned()),
        config: "9c1185a5c5e9fc54612808977ee8f548b2258d31d6ad9f5b0a0a4c1f6b4e2d17".to_owned(),
    }
}

fn people() -> PeopleSummary {
    let counts =
        |pairs: &[(&str, u64)]| pairs.iter().map(|(name, n)| ((*name).to_owned(), *n)).collect::<BTreeMap<_, _>>();
    PeopleSummary {
        persons: 412,
        employed: 398,
        accounts: 1204,
        linked: counts(&[("employee id", 980), ("pin", 4), ("verified e-mail", 131)]),
        situations: counts(&[("CONFIRMED", 1115), ("UNASSIGNED", 89)]),
        classes: counts(&[("human", 1120), ("service", 84)]),
        ..PeopleSummary::default()
    }
}

/// What a run with an earlier check to compare with, and decisions of people, has to tell besides. `name` is a stranger's.
pub(crate) fn links(mut people: PeopleSummary, name: &str) -> PeopleSummary {
    let counts =
        |pairs: &[(&str, u64)]| pairs.iter().map(|(name, n)| ((*name).to_owned(), *n)).collect::<BTreeMap<_, _>>();
    let end = |person: &str, strategy: &str| {
        Some(LinkEnd { person: person.into(), name: name.into(), strategy: strategy.into(), confidence: 95 })
    };
    let change = |change: &str, account: &str, before: Option<LinkEnd>, after: Option<LinkEnd>| LinkChange {
        change: change.into(),
        system: "crm".into(),
        account: account.into(),
        name: name.into(),
        before,
        after,
        cause: format!("email: e-mail `{name}` on both sides"),
    };
    people.affiliations = counts(&[("employee", 1100), ("unknown", 104)]);
    people.coverage = vec![LinkCoverage {
        system: "crm".into(),
        accounts: 1120,
        situations: counts(&[("CONFIRMED", 1115), ("FOUND", 2), ("INDETERMINATE", 1), ("UNASSIGNED", 2)]),
        linked: counts(&[("email", 131), ("employee_id", 984)]),
    }];
    people.confidence = vec![
        Bucket { from: 75, to: 79, linked: 0, candidates: 2 },
        Bucket { from: 95, to: 99, linked: 1111, candidates: 0 },
        Bucket { from: 100, to: 100, linked: 4, candidates: 0 },
    ];
    people.churn = Some(LinkChurn {
        since: 6,
        unchanged: 1112,
        moved: 1,
        lost: 1,
        gone: 0,
        new: 2,
        changes: vec![
            change("moved", "c-7", end("E7", "email"), end("E8", "pin")),
            change("lost", "c-8", end("E9", "email"), None),
            change("new", "c-9", None, end("E9", "email")),
        ],
        left_out: 1,
    });
    people.decisions = vec![DecisionNote {
        code: "LNK004".into(),
        what: format!("the decision `pin` of crm:{name} has expired"),
        cause: None,
        fix: Some("decide again with `muster links`".into()),
        at: Some("policy/links.toml:3:1".into()),
    }];
    people
}

fn finding(number: usize, rule: &str, slug: &str, title: &str, severity: Severity) -> Finding {
    Finding {
        fingerprint: format!("{number:012x}").chars().rev().collect::<String>() + &"0f".repeat(26),
        rule: rule.to_owned(),
        slug: slug.to_owned(),
        title: title.to_owned(),
        severity,
        severity_reason: None,
        subject: subject("account", None, "", ""),
        message: String::new(),
        evidence: vec![evidence("corp-ad", "accounts", "S-1-5-21-7-1107", &[("lifecycle", "active")])],
        path: vec![],
        controls: vec!["NIST AC-2(3)".to_owned(), "CIS 5.3".to_owned()],
        fix: "Disable the account, then remove its grants.".to_owned(),
        first_seen: at("2026-02-14T04:12:09Z"),
        last_seen: at("2026-03-01T04:12:09Z"),
    }
}

fn subject(kind: &str, system: Option<&str>, id: &str, name: &str) -> Subject {
    Subject {
        kind: kind.to_owned(),
        system: system.map(str::to_owned),
        id: id.to_owned(),
        name: name.to_owned(),
        person: None,
    }
}

fn evidence(system: &str, table: &str, id: &str, facts: &[(&str, &str)]) -> Evidence {
    Evidence {
        system: system.to_owned(),
        table: table.to_owned(),
        id: id.to_owned(),
        facts: facts.iter().map(|(column, value)| ((*column).to_owned(), (*value).to_owned())).collect(),
        collected: Some(at("2026-03-01T04:12:09Z")),
    }
}

fn step(from: &str, relation: &str, to: &str, system: &str, condition: Option<&str>) -> Step {
    Step {
        from: from.to_owned(),
        relation: relation.to_owned(),
        to: to.to_owned(),
        system: system.to_owned(),
        condition: condition.map(str::to_owned),
    }
}

fn rule(id: &str, slug: &str, title: &str, severity: Severity, [pass, fail, not_evaluated]: [u64; 3]) -> RuleSummary {
    RuleSummary {
        rule: id.to_owned(),
        slug: slug.to_owned(),
        title: title.to_owned(),
        severity,
        controls: vec!["NIST AC-2(3)".to_owned(), "CIS 5.3".to_owned()],
        population: pass + fail + not_evaluated,
        pass,
        fail,
        not_evaluated,
        reasons: vec![],
        systems: vec![],
    }
}

fn system(name: &str, connector: &str, scopes: Vec<Scope>) -> System {
    System { name: name.to_owned(), connector: connector.to_owned(), scopes }
}

fn hr(state: &str, records: u64, gaps: Vec<Gap>) -> System {
    let mut scope = scope("people", vec![Kind { gaps, ..kind("people", state, records) }]);
    scope.files = vec![File { path: "people.csv".to_owned(), sha256: "5e".repeat(32) }];
    system("hr", "csv", vec![scope])
}

fn scope(name: &str, kinds: Vec<Kind>) -> Scope {
    Scope {
        name: name.to_owned(),
        kinds,
        identity: None,
        tenant: None,
        collected: Some(at("2026-03-01T04:12:09Z")),
        files: vec![],
    }
}

fn kind(name: &str, state: &str, records: u64) -> Kind {
    Kind { name: name.to_owned(), state: state.to_owned(), records, gaps: vec![], withheld: vec![] }
}

fn account(login: &str, person: &str) -> AccountRow {
    AccountRow {
        system: "corp-ad".to_owned(),
        id: "S-1-5-21-7-1001".to_owned(),
        login: login.to_owned(),
        name: login.to_owned(),
        class: "human".to_owned(),
        lifecycle: "active".to_owned(),
        person: person.to_owned(),
        situation: "CONFIRMED".to_owned(),
        privilege: "baseline".to_owned(),
        last_activity: "2026-02-27T09:12:00Z".to_owned(),
        scope_state: "complete".to_owned(),
    }
}

fn grant(principal: &str, entitlement: &str) -> GrantRow {
    GrantRow {
        system: "corp-ad".to_owned(),
        principal: principal.to_owned(),
        principal_name: principal.to_owned(),
        principal_kind: "account".to_owned(),
        entitlement: entitlement.to_owned(),
        entitlement_name: entitlement.to_owned(),
        resource: String::new(),
        privilege: "baseline".to_owned(),
    }
}

fn at(instant: &str) -> Timestamp {
    instant.parse().unwrap()
}
