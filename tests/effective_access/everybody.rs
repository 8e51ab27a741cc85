//! What everybody may do and did not use: who is listed, and what is said of those of whom nothing is known.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use crate::muster_cmd::{Folder, list, text};
use crate::{MANAGEMENT, MEMBER, answer, exported, managed, user};

fn row<'a>(answer: &'a Value, name: &str) -> &'a Value {
    let mut rows = list(&answer["principals"]).iter();
    rows.find(|row| row["name"] == name).unwrap_or_else(|| panic!("{name} is not listed: {answer:#}"))
}

fn names(answer: &Value) -> BTreeSet<String> {
    list(&answer["principals"]).iter().map(|row| text(&row["name"])).collect()
}

/// The services of somebody, by what is said of their use.
fn services(row: &Value, usage: &str) -> BTreeSet<String> {
    let cells = list(&row["permissions"]).iter().filter(|cell| cell["usage"] == usage);
    cells.map(|cell| text(&cell["service"])).collect()
}

const SSO: &str = "AWSReservedSSO_Ops_Team_0123456789abcdef";

/// Adds dan, who is hardly a month old, and eva, whose use was not recorded, with the same few permissions; and what was used.
fn with_uses(folder: &Folder) {
    let few = format!("arn:aws:iam::{MEMBER}:policy/few");
    let details = format!("export/{MEMBER}/authorization-details.json");
    let mut value: Value = serde_json::from_str(&folder.read(&details)).unwrap();
    for name in ["dan", "eva"] {
        let mut one = user(MEMBER, name, &[&few], None);
        one["CreateDate"] = json!(if name == "dan" { "2026-11-01T00:00:00Z" } else { "2024-01-01T00:00:00Z" });
        value["UserDetailList"].as_array_mut().unwrap().push(one);
    }
    let statement = json!({"Version": "2012-10-17", "Statement": [
        {"Effect": "Allow", "Action": ["sqs:SendMessage", "sqs:PurgeQueue", "sns:*"], "Resource": "*"}]});
    value["Policies"].as_array_mut().unwrap().push(managed(&few, &statement));
    folder.write(&details, value.to_string());
    let report = format!("export/{MEMBER}/credential-report.csv");
    let bert = folder.read(&report).lines().last().unwrap().to_owned();
    let row = |name: &str, created: &str| bert.replace("bert", name).replace("2024-01-02T03:04:05", created) + "\n";
    let rows = row("dan", "2026-11-01T00:00:00") + &row("eva", "2024-01-01T00:00:00");
    folder.write(&report, folder.read(&report) + &rows);
    let at = "2026-11-10T00:00:00Z";
    let sqs = json!({"ServiceNamespace": "sqs", "LastAuthenticated": at, "TrackedActionsLastAccessed": [
        {"ActionName": "SendMessage", "LastAccessedTime": at}, {"ActionName": "PurgeQueue"}]});
    let dan = json!({"Arn": format!("arn:aws:iam::{MEMBER}:user/dan"), "ServicesLastAccessed": [sqs, {"ServiceNamespace": "sns"}]});
    let file = format!("export/{MEMBER}/last-accessed.json");
    let mut uses: Value = serde_json::from_str(&folder.read(&file)).unwrap();
    uses["LastAccessed"].as_array_mut().unwrap().push(dan);
    folder.write(&file, uses.to_string());
    folder.expect(0, &["collect", "--now", "2026-11-21T08:00:00Z"]);
}

#[test]
fn everybody_is_listed_with_what_was_used_what_was_not_and_what_nobody_knows() {
    let folder = exported("s3:DeleteBucket");
    with_uses(&folder);
    let all = answer(&folder, &["access", "--all", "-o", "json"]);
    assert_eq!(names(&all), ["mara", "cara", "bert", "dan", "eva", "worker", SSO].map(str::to_owned).into(), "{all:#}");
    assert_eq!((&all["unread"], &all["systems"], &all["days"]), (&json!([]), &json!(["aws"]), &json!(90)));

    let [cara, bert, dan, eva, mara] = ["cara", "bert", "dan", "eva", "mara"].map(|name| row(&all, name));
    let administrators = [cara, bert, dan, mara].map(|row| text(&row["administrator"]));
    assert_eq!(administrators, ["yes", "no", "no", "yes"], "bert's boundary lets him be none");
    // Of cara it was told that iam was used and s3 was not; of hundreds of other services nothing.
    assert_eq!(
        (services(cara, "used"), services(cara, "unused")),
        (["iam".to_owned()].into(), ["s3".to_owned()].into())
    );
    let counts = &cara["services"];
    let sum: u64 = ["used", "unused", "new", "unknown"].iter().map(|usage| counts[usage].as_u64().unwrap()).sum();
    assert_eq!((counts["granted"].as_u64().unwrap(), &counts["used"], &counts["unused"]), (sum, &json!(1), &json!(1)));
    assert_eq!(text(&cara["last_use"]), "2026-10-01T00:00:00Z");
    // Nothing was recorded of these: unknown, and nothing of it is called unused.
    for row in [bert, eva, mara] {
        assert_eq!(row["services"]["unknown"], row["services"]["granted"], "{row:#}");
        assert_eq!((&row["services"]["unused"], &row["last_use"]), (&json!(0), &Value::Null));
    }
    assert_eq!(dan["services"], json!({"granted": 2, "used": 1, "unused": 0, "new": 1, "unknown": 0}), "{dan:#}");
    assert_eq!((&dan["unused_actions"], &dan["kind"]), (&json!(1), &json!("user")), "sqs:PurgeQueue");
    assert_eq!(row(&all, "worker")["permissions"], json!([]), "who may do nothing is listed all the same");

    // The same as the answer about one.
    let one = answer(&folder, &["access", "cara", "-o", "json"])[0]["effective"][0]["permissions"].clone();
    let cells = |rows: &Value| -> Vec<(String, String, Value, Value, Value)> {
        let of = |cell: &Value| {
            (
                text(&cell["service"]),
                text(&cell["level"]),
                cell["allowed"].clone(),
                cell["allowed_if"].clone(),
                cell["widest"].clone(),
            )
        };
        list(rows).iter().map(of).collect()
    };
    assert_eq!(cells(&one), cells(&cara["permissions"]));

    // Only what was not used: within thirty days iam was not, within sixty one of its actions was not, within eighty-five all that is told was.
    let unused = |days: &str| answer(&folder, &["access", "--all", "--unused", days, "-o", "json"]);
    let [thirty, sixty, eighty_five] = ["30", "60", "85"].map(unused);
    let both: BTreeSet<String> = ["iam", "s3"].map(str::to_owned).into();
    assert_eq!(services(row(&thirty, "cara"), "unused"), both);
    assert_eq!(
        (services(row(&sixty, "cara"), "used"), &row(&sixty, "cara")["unused_actions"]),
        (["iam".to_owned()].into(), &json!(1))
    );
    assert!(!list(&row(&eighty_five, "cara")["permissions"]).iter().any(|cell| cell["service"] == "iam"));
    assert_eq!(services(row(&eighty_five, "cara"), "unused"), ["s3".to_owned()].into());
    // Dan used sqs, but not all of it; sns is new to him. Nobody knows of eva; the worker has nothing.
    let of_dan = &row(&sixty, "dan")["permissions"];
    assert!(!list(of_dan).is_empty() && list(of_dan).iter().all(|cell| cell["service"] == "sqs"), "{of_dan:#}");
    assert!(names(&sixty).contains("eva") && !names(&sixty).contains("worker"), "{:?}", names(&sixty));

    let writers = answer(&folder, &["access", "--all", "--level", "permissions-management", "-o", "json"]);
    assert_eq!(names(&writers), ["mara", "cara", "bert", "dan", "eva", SSO].map(str::to_owned).into(), "{writers:#}");
    let levels = list(&writers["principals"]).iter().flat_map(|row| list(&row["permissions"]));
    assert!(levels.map(|cell| text(&cell["level"])).all(|level| level == "Permissions management"));

    let csv = folder.expect(0, &["access", "--all", "-o", "csv"]);
    let of_dan: Vec<&str> = csv.lines().filter(|line| line.contains(":user/dan,")).collect();
    assert!(of_dan.iter().any(|line| line.contains(",sqs,Write,2,0,*,used,2026-11-10T00:00:00Z,")), "{of_dan:#?}");
    assert!(of_dan.iter().any(|line| line.contains(",sns,") && line.contains(",new,,")), "{of_dan:#?}");
    assert_eq!(csv.lines().filter(|line| line.contains(":role/worker,")).count(), 1);
    let table = folder.expect(0, &["access", "--all"]);
    let line = |name: &str| table.lines().find(|line| line.contains(name)).unwrap_or_else(|| panic!("{table}"));
    assert!(line("user/eva").contains(" unknown") && line("user/dan").contains("0, 1 new"), "{table}");
}

#[test]
fn whoever_was_not_read_whole_is_marked_and_the_list_is_incomplete() {
    let folder = exported("s3:DeleteBucket");
    for account in [MANAGEMENT, MEMBER] {
        let details = format!("export/{account}/authorization-details.json");
        folder.write(&details, folder.read(&details).replace(r#""Action":"*""#, r#""Action":{"x":1}"#));
    }
    folder.run(&["collect", "--now", "2026-11-21T08:00:00Z"]);
    let ran = folder.run(&["access", "--all", "-o", "json"]);
    assert_eq!(ran.code, Some(3), "{}", ran.stderr);
    let all: Value = serde_json::from_str(&ran.stdout).unwrap();
    let cara = row(&all, "cara");
    assert!(list(&cara["unread"]).iter().any(|why| text(why).contains("AdministratorAccess")), "{cara:#}");
    assert_eq!(cara["administrator"], "not-evaluated");
    // Left out by no filter: what was not read may be what is asked for.
    let filtered = answer_of(&folder, &["access", "--all", "--unused", "90", "--level", "write", "-o", "json"]);
    assert!(names(&filtered).contains("cara") && !names(&filtered).contains("worker"), "{filtered:#}");
    let table = folder.run(&["access", "--all", "--allow-partial"]);
    assert_eq!(table.code, Some(0), "{}", table.stderr);
    let line = table.stdout.lines().find(|line| line.contains("user/cara")).unwrap();
    assert!(line.contains("not evaluated") && line.contains("[1]"), "{}", table.stdout);
    assert!(table.stdout.contains("[1] not read: "), "{}", table.stdout);

    // An account of which nothing was read may have anybody.
    std::fs::remove_dir_all(folder.path().join(format!("export/{MANAGEMENT}"))).unwrap();
    folder.run(&["collect", "--now", "2026-11-22T08:00:00Z"]);
    let all = answer_of(&folder, &["access", "--all", "-o", "json"]);
    assert!(list(&all["unread"]).iter().any(|why| text(why).contains(MANAGEMENT)), "{:#}", all["unread"]);
    // Who was there before is still listed, marked, and of his use nothing is claimed.
    let mara = row(&all, "mara");
    assert!(!list(&mara["unread"]).is_empty() && mara["services"]["unused"] == 0, "{mara:#}");
}

/// An answer that is incomplete.
fn answer_of(folder: &Folder, arguments: &[&str]) -> Value {
    let ran = folder.run(arguments);
    assert_eq!(ran.code, Some(3), "{arguments:?}: {}", ran.stderr);
    serde_json::from_str(&ran.stdout).unwrap()
}

#[test]
fn resource_control_policies_count_for_everybody() {
    let folder = exported("s3:DeleteBucket");
    let asked = || {
        let all = answer(&folder, &["access", "--all", "-o", "json"]);
        let of = |name: &str| list(&row(&all, name)["permissions"]).iter().any(|cell| cell["service"] == "sts");
        (of("cara"), of("mara"))
    };
    assert_eq!(asked(), (true, true));
    let fence = json!([{"Effect": "Deny", "Principal": "*", "Action": "sts:*", "Resource": "*"}]);
    crate::controls::controlled(&folder, 22, &fence);
    assert_eq!(asked(), (false, true));
}
