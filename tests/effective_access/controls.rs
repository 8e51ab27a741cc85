//! What resource control policies leave, in the answers about one principal.

use serde_json::{Value, json};

use crate::muster_cmd::{Folder, list, text};
use crate::{MEMBER, answer, exported, scp};

/// Puts a resource control policy on the unit of the member account, in the place of the one before, and collects.
pub(crate) fn controlled(folder: &Folder, day: u8, statements: &Value) {
    let mut organization: Value = serde_json::from_str(&folder.read("export/organization.json")).unwrap();
    let policies = organization["Policies"].as_array_mut().unwrap();
    policies.retain(|policy| policy["PolicySummary"]["Id"] != "p-fence");
    let mut fence = scp("p-fence", &["ou-1"], &json!({"Version": "2012-10-17", "Statement": statements}));
    fence["PolicySummary"]["Type"] = "RESOURCE_CONTROL_POLICY".into();
    policies.push(fence);
    folder.write("export/organization.json", organization.to_string());
    folder.expect(0, &["collect", "--now", &format!("2026-11-{day}T08:00:00Z")]);
}

fn deny(actions: &str, condition: &Value) -> Value {
    json!({"Effect": "Deny", "Principal": "*", "Action": actions, "Resource": "*", "Condition": condition})
}

/// Allowed, and allowed if, of a service.
fn counts(effective: &Value, service: &str) -> (u64, u64) {
    let rows = list(&effective["permissions"]).iter().filter(|row| row["service"] == service);
    rows.fold((0, 0), |sum, row| {
        (sum.0 + row["allowed"].as_u64().unwrap(), sum.1 + row["allowed_if"].as_u64().unwrap())
    })
}

#[test]
fn access_counts_what_resource_control_policies_leave() {
    let folder = exported("s3:DeleteBucket");
    let asked = |name: &str| answer(&folder, &["access", name, "-o", "json"])[0]["effective"][0].clone();
    let before = ["cara", "grace", "mara"].map(asked);
    let mfa = json!({"Bool": {"aws:MultiFactorAuthPresent": "false"}});
    controlled(
        &folder,
        22,
        &json!([deny("sts:AssumeRole", &json!({})), deny("kms:*", &mfa), deny("ec2:*", &json!({}))]),
    );
    let after = ["cara", "grace", "mara"].map(asked);
    for (before, after) in before.iter().zip(&after).take(2) {
        let ((sure, may), kms) = (counts(before, "sts"), counts(before, "kms"));
        assert!(kms.0 > 0 && kms.1 == 0, "{kms:?}");
        assert_eq!(counts(after, "sts"), (sure - 1, may), "one action is taken: {after:#}");
        assert_eq!(counts(after, "kms"), (0, kms.0), "a condition that nobody can decide");
        assert_eq!(counts(after, "ec2"), counts(before, "ec2"), "EC2 is not reached by them");
    }
    assert_eq!(before[2], after[2], "resources of the management account are not bound");
    assert!(list(&after[0]["layers"]).contains(&json!("resource control policies")), "{:#}", after[0]["layers"]);
    let table = folder.expect(0, &["access", "cara"]);
    assert!(table.contains("service control policies, resource control policies"), "{table}");

    // What of them was not understood could take more.
    controlled(&folder, 23, &json!([{"Effect": "Deny", "Principal": "*", "Action": {"x": 1}, "Resource": "*"}]));
    let unread = asked("cara")["unread"].clone();
    assert!(list(&unread).iter().any(|one| text(one).contains("p-fence")), "{unread:#}");
}

#[test]
fn least_privilege_offers_nothing_of_which_nothing_is_left_and_keeps_what_was_used_elsewhere() {
    let folder = exported("s3:DeleteBucket");
    let used = |service: &str, action: &str| {
        json!({"ServiceNamespace": service, "LastAuthenticated": "2026-10-01T00:00:00Z",
            "TrackedActionsLastAccessed": [{"ActionName": action, "LastAccessedTime": "2026-10-01T00:00:00Z"}]})
    };
    let kms = json!({"ServiceNamespace": "kms", "LastAuthenticated": "2026-10-01T00:00:00Z"});
    let uses = json!({"LastAccessed": [{"Arn": format!("arn:aws:iam::{MEMBER}:user/cara"),
        "ServicesLastAccessed": [used("sts", "AssumeRole"), used("sqs", "SendMessage"), kms]}]});
    folder.write(&format!("export/{MEMBER}/last-accessed.json"), uses.to_string());
    folder.expect(0, &["collect", "--now", "2026-11-21T07:00:00Z"]);
    let asked = || answer(&folder, &["policy", "suggest", "least-privilege", "cara", "-o", "json"]);
    let names = |list_of: &Value| -> Vec<String> { list(list_of).iter().map(text).collect() };
    let before = asked();
    assert!(names(&before["kept"]).contains(&"kms:ScheduleKeyDeletion".to_owned()), "{before:#}");
    assert_eq!((&before["taken"], &before["elsewhere"]), (&json!([]), &json!([])));

    let all = json!({});
    controlled(&folder, 22, &json!([deny("kms:ScheduleKeyDeletion", &all), deny("sts:AssumeRole", &all)]));
    let after = asked();
    let mut kept = names(&before["kept"]);
    kept.retain(|name| name != "kms:ScheduleKeyDeletion");
    assert_eq!(names(&after["kept"]), kept);
    assert_eq!(after["taken"], json!(["kms:ScheduleKeyDeletion"]));
    // It was used, and what it was used on may be another account's.
    assert_eq!(after["elsewhere"], json!(["sts:AssumeRole"]));
    let offered = after["documents"].to_string();
    assert!(offered.contains("sts:*") && offered.contains("kms:Decrypt"), "{offered}");
    assert!(!offered.contains("ScheduleKeyDeletion") && !offered.contains("kms:*"), "{offered}");
    assert_eq!((&after["doubts"], &after["unread"]), (&json!([]), &json!([])));
    let table = folder.expect(0, &["policy", "suggest", "least-privilege", "cara"]);
    assert!(table.contains("resource control policies leave nothing of it:\n  kms:ScheduleKeyDeletion"), "{table}");
}
