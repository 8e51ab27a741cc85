//! What is true of the example estate `drift` after its last night.

use super::super::json::Json;
use super::{object, text};

/// Rule, system, subject, why.
type Drifted = &'static [[&'static str; 4]];
/// System, subject, why.
type Explained = &'static [[&'static str; 3]];

/// Types, with what drifted and what only looks so.
const TRUTH: [(&str, Drifted, Explained); 11] = [
    (
        "DT-1",
        &[
            ["DRF-001", "crm", "c1003|admin|", "an administrator's role appeared at night; the request was refused"],
            ["DRF-003", "crm", "c1003|admin|", "it makes an administrator"],
            ["DRF-001", "crm", "c1007|user|", "Joy gave Gia the role herself, nobody asked"],
            ["DRF-009", "crm", "c1007|user|", "the directory gives this role, and Joy did by hand"],
            ["DRF-002", "crm", "c1004|export|", "a grant went, and nobody knows why"],
            [
                "DRF-001",
                "crm",
                "c1001|mail|",
                "a grant that a review had taken away came back, and nobody asked for it",
            ],
        ],
        &[
            ["crm", "c1001|admin|", "CHG-101 approves it"],
            ["crm", "c1002|report|", "Bo moved to Finance"],
            ["crm", "c1010|report|", "the audit log names REQ-77"],
            ["crm", "c1006", "Finn left on 28 October"],
            ["crm", "c1006|report|", "went with Finn's account"],
            ["aws", "AROASUPPORT000000001", "AWS made the role itself"],
        ],
    ),
    (
        "DT-2",
        &[
            ["LCM-001", "crm", "c1005", "Eva left on 20 October and her account works"],
            ["LCM-001", "crm", "c1011", "Kim left on 20 October and the account works again"],
        ],
        &[
            ["ad", "u1005", "Eva's account in the directory is off"],
            ["crm", "c1012", "Lou's account was switched off at last"],
            ["wiki", "w1005", "the wiki's export came back short: nobody knows"],
        ],
    ),
    (
        "DT-3",
        &[
            ["DRF-007", "crm", "c1007", "holds the role without being in the group"],
            ["DRF-007", "crm", "c1009", "is in the group and lacks the role"],
        ],
        &[["crm", "c1001", "is in the group and holds the role"]],
    ),
    (
        "DT-4",
        &[
            ["DRF-004", "aws", "user/hal.hart@acme.example", "a user made by hand"],
            [
                "DRF-004",
                "aws",
                "user/hal.hart@acme.example|policy/arn:aws:iam::aws:policy/readonlyaccess",
                "and what is attached to it",
            ],
            ["DRF-005", "aws", "role/backup", "a declared role that is not there"],
        ],
        &[
            ["aws", "role/awsserviceroleforsupport", "AWS made the role itself"],
            [
                "aws",
                "user/ada.alvarez@acme.example|policy/arn:aws:iam::aws:policy/readonlyaccess",
                "declared twice, by itself and by a joint attachment: one attachment",
            ],
        ],
    ),
    (
        "DT-5",
        &[
            ["DRF-008", "tickets", "CHG-102", "asked until 30 November, given until the end of 2027"],
            ["DRF-008", "tickets", "CHG-103", "refused, and given all the same"],
            ["CTL-007", "crm", "c1003|admin|", "nobody approved it"],
        ],
        &[["tickets", "CHG-101", "given as asked"]],
    ),
    (
        "DT-6",
        &[["DRF-013", "crm", "g-sales", "gives discounts, which the catalogue does not list"]],
        &[["crm", "g-support", "gives what the catalogue lists"]],
    ),
    (
        "DT-7",
        &[["XPR-008", "crm", "c1004|audit|", "ended in the middle of October and is still there"]],
        &[["crm", "c1001|audit|", "runs until the end of the year"]],
    ),
    (
        "DT-8",
        &[
            ["DRF-012", "crm", "2026-autumn|c1002|mail|", "revoked in September and still there"],
            ["DRF-012", "crm", "2026-spring|c1001|mail|", "revoked in May and there again"],
        ],
        &[
            ["crm", "2026-spring|c1003|mail|", "a later review decided to keep it"],
            ["crm", "2026-autumn|c1009|mail|", "revoked and gone"],
        ],
    ),
    (
        "DT-9",
        &[
            ["DRF-011", "crm", "{LCM-001 crm account c1011}", "Kim's account was off the night before and works again"],
            ["DRF-011", "", "{LCM-003 people person 1011}", "so Kim is only half switched off again"],
            ["DRF-011", "", "{LCM-003 people person 1011}", "so Kim is only half switched off again"],
            ["DRF-011", "crm", "2026-spring|c1001|mail|", "revoked in May, gone, and given back"],
        ],
        &[["crm", "2026-autumn|c1002|mail|", "was never gone"]],
    ),
    (
        "DT-10",
        &[["DRF-014", "crm", "g-ops-stage", "has a shell in staging and none in production"]],
        &[["crm", "g-read-stage", "the same in both, but for the environment in the names"]],
    ),
    (
        "DT-11",
        &[["DRF-006", "ad", "u1008", "Legal in HR, Sales in the directory"]],
        &[["ad", "u1007", "the same department, spelt otherwise"]],
    ),
];

/// What `muster drift` has to say after the second night.
pub(super) fn truth() -> Json {
    let types = TRUTH.iter().map(|(of, drifted, explained)| {
        let drifted = drifted.iter().map(|[rule, system, subject, why]| {
            object([("rule", text(rule)), ("system", text(system)), ("subject", id(subject)), ("why", text(why))])
        });
        let explained = explained.iter().map(|[system, subject, why]| {
            object([("system", text(system)), ("subject", text(subject)), ("why", text(why))])
        });
        let sides =
            object([("drifted", Json::List(drifted.collect())), ("explained", Json::List(explained.collect()))]);
        ((*of).to_owned(), sides)
    });
    let noise = object([
        ("provider_default", Json::Int(2)),
        ("principal_gone", Json::Int(1)),
        ("joint_attachment", Json::Int(1)),
    ]);
    let findings = FINDINGS.iter().map(|[rule, system, subject, state, why]| {
        object([
            ("rule", text(rule)),
            ("system", text(system)),
            ("subject", id(subject)),
            ("state", text(state)),
            ("why", text(why)),
        ])
    });
    object([("types", Json::Object(types.collect())), ("noise", noise), ("findings", Json::List(findings.collect()))])
}

/// A subject's id; that of a finding, in braces, is its fingerprint.
fn id(subject: &str) -> Json {
    let finding = subject.strip_prefix('{').and_then(|rest| rest.strip_suffix('}'));
    let parts: Vec<&str> = finding.map(|finding| finding.split(' ').collect()).unwrap_or_default();
    match parts.as_slice() {
        [rule, tenant, kind, id] => text(&fingerprint(rule, tenant, kind, id)),
        _ => text(subject),
    }
}

/// What a finding is known by: rule, tenant, kind and id.
pub(super) fn fingerprint(rule: &str, tenant: &str, kind: &str, id: &str) -> String {
    let mut hasher = blake3::Hasher::new();
    for part in [rule, tenant, kind, id] {
        hasher.update(part.as_bytes()).update(&[0x1f]);
    }
    hasher.finalize().to_hex()[..32].to_owned()
}

/// Rule, system, subject, state, why: every finding of the last night, those that it could not confirm, and those that it found
/// in order.
const FINDINGS: &[[&str; 5]] = &[
    ["CTL-002", "wiki", "accounts/accounts", "open", "the wiki's export came back short"],
    ["CTL-004", "crm", "c1003|admin|", "open", "the audit log does not know of it"],
    ["CTL-007", "crm", "c1003|admin|", "open", "nobody approved it"],
    [
        "DRF-001",
        "crm",
        "c1001|mail|",
        "open",
        "a grant that a review had taken away came back, and nobody asked for it",
    ],
    ["DRF-001", "crm", "c1003|admin|", "open", "the request was refused"],
    ["DRF-001", "crm", "c1007|user|", "open", "Joy gave Gia the role herself, nobody asked"],
    ["DRF-002", "crm", "c1004|export|", "open", "a grant went, and nobody knows why"],
    ["DRF-003", "crm", "c1003|admin|", "open", "it makes an administrator"],
    ["DRF-004", "aws", "user/hal.hart@acme.example", "open", "a user made by hand"],
    [
        "DRF-004",
        "aws",
        "user/hal.hart@acme.example|policy/arn:aws:iam::aws:policy/readonlyaccess",
        "open",
        "and what is attached to it",
    ],
    [
        "DRF-005",
        "aws",
        "role/backup",
        "snoozed",
        "a declared role that is not there; it can wait until the end of November",
    ],
    ["DRF-006", "ad", "u1008", "acknowledged", "Legal in HR, Sales in the directory; Joy has asked Hal"],
    ["DRF-007", "crm", "c1007", "open", "holds the role without being in the group"],
    ["DRF-007", "crm", "c1009", "open", "is in the group and lacks the role"],
    ["DRF-008", "tickets", "CHG-102", "open", "asked until 30 November, given until the end of 2027"],
    ["DRF-008", "tickets", "CHG-103", "open", "refused, and given all the same"],
    ["DRF-009", "crm", "c1007|user|", "open", "the directory gives this role, and Joy did by hand"],
    ["DRF-011", "", "{LCM-003 people person 1011}", "open", "LCM-003 is true again"],
    ["DRF-011", "crm", "2026-spring|c1001|mail|", "open", "revoked in May, gone, and given back"],
    ["DRF-011", "crm", "{LCM-001 crm account c1011}", "open", "LCM-001 is true again"],
    ["DRF-012", "crm", "2026-autumn|c1002|mail|", "open", "revoked in September and still there"],
    ["DRF-012", "crm", "2026-spring|c1001|mail|", "open", "revoked in May and there again"],
    ["DRF-013", "crm", "g-sales", "open", "gives discounts, which the catalogue does not list"],
    ["DRF-014", "crm", "g-ops-stage", "open", "has a shell in staging and none in production"],
    ["LCM-001", "crm", "c1005", "open", "Eva left on 20 October and her account works"],
    [
        "LCM-001",
        "crm",
        "c1011",
        "regressed",
        "Kim left on 20 October; the account was off the night before and works again",
    ],
    ["LCM-001", "crm", "c1012", "resolved", "Lou's account was switched off at last"],
    ["LCM-001", "wiki", "w1005", "not confirmed", "works as far as anybody knows: the wiki's export came back short"],
    ["LCM-002", "", "1005", "open", "an account still works, thirteen days later"],
    ["LCM-002", "", "1011", "open", "an account works again, thirteen days later"],
    ["LCM-002", "", "1012", "open", "it took twelve days at least"],
    ["LCM-003", "", "1005", "open", "off in the directory, on in the CRM"],
    ["LCM-003", "", "1011", "regressed", "off in the directory, on in the CRM again"],
    ["LCM-003", "", "1012", "not confirmed", "the CRM is off, but an account may lie in what was not read of the wiki"],
    ["LCM-017", "tickets", "CHG-101", "open", "came three days after it was approved"],
    ["LCM-017", "tickets", "CHG-102", "open", "came at noon of its first day"],
    ["PRV-002", "tickets", "CHG-104", "open", "has waited for two weeks"],
    ["XPR-004", "crm", "c1001", "open", "administers the CRM, as approved"],
    ["XPR-004", "crm", "c1003", "open", "administers the CRM"],
    ["XPR-004", "crm", "c1010", "open", "administers the CRM"],
    ["XPR-006", "crm", "crm", "resolved", "the CRM has a second administrator"],
    ["XPR-008", "crm", "c1004|audit|", "accepted", "ended in October; accepted until the end of November by EX-0001"],
    ["XPR-015", "crm", "c1001", "open", "one account for mail and for administration"],
    ["XPR-015", "crm", "c1003", "open", "one account for mail and for administration"],
    ["XPR-015", "crm", "c1010", "open", "one account for mail and for administration"],
];
