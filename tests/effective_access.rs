//! Effective access of a real collection: an organisation of five accounts that its own client built in an emulator, collected live,
//! then asked. What must come out stands beside what was built (`testbeds/src/moto/effective.py`), by hand.
#![allow(clippy::unwrap_used, reason = "a test stops on any error")]

#[path = "effective_access/controls.rs"]
mod controls;
#[path = "effective_access/everybody.rs"]
mod everybody;
mod muster_cmd;
#[path = "effective_access/workloads.rs"]
mod workloads;

use std::collections::{BTreeMap, BTreeSet};

use muster_cmd::{Folder, Report, list, text};
use muster_testbeds::moto::{Effective, Moto};
use serde_json::{Value, json};

fn collected(moto: &Moto, built: &Effective) -> Folder {
    let folder = Folder::empty();
    folder.write("secret", &built.secret_access_key);
    folder.write(
        "muster.toml",
        format!(
            "[[system]]\nname = \"aws\"\nconnector = \"aws\"\naccounts = \"organization\"\nendpoint = \"{}\"\n\
             access_key_id = \"{}\"\ncredential = {{ file = \"secret\" }}\nrole = \"{}\"\nexternal_id = \"{}\"\nattempts = 3\n\
             identity_center = false\nworkloads = true\n",
            moto.endpoint, built.access_key_id, built.role, built.external_id
        ),
    );
    let ran = folder.run(&["collect"]);
    assert_eq!(ran.code, Some(0), "{}", ran.stderr);
    folder
}

fn answer(folder: &Folder, arguments: &[&str]) -> Value {
    let ran = folder.run(arguments);
    assert!(ran.code.is_some_and(|code| code < 2), "{arguments:?}: {}", ran.stderr);
    serde_json::from_str(&ran.stdout).unwrap_or_else(|error| panic!("{error}: {}\n{}", ran.stdout, ran.stderr))
}

/// ARNs of who can, as an answer tells; only those by the word in `can`, without the roles of the emulator's own making.
fn who(answer: &Value, can: &str, direct: bool) -> BTreeSet<String> {
    let rows = answer["who"].as_array().unwrap().iter();
    rows.filter(|row| row["can"] == can && row["through"].as_array().unwrap().is_empty() == direct)
        .map(|row| row["principal"].as_str().unwrap().to_owned())
        .filter(|arn| !arn.ends_with(":role/OrganizationAccountAccessRole"))
        .collect()
}

fn set(list: &[String]) -> BTreeSet<String> {
    list.iter().cloned().collect()
}

#[test]
fn an_organisation_collected_live_answers_as_it_was_built() {
    let (moto, built) = Moto::effective().unwrap_or_else(|error| panic!("{error}"));
    let folder = collected(&moto, &built);
    let truth = &built.truth;

    let direct = answer(&folder, &["who-can", "iam:CreateUser", "-o", "json"]);
    assert_eq!(who(&direct, "allowed", true), set(&truth.create_user), "{direct:#}");
    assert_eq!(direct["unread"], serde_json::json!([]), "everything was read");
    let all = answer(&folder, &["who-can", "iam:CreateUser", "--transitive", "-o", "json"]);
    assert_eq!(who(&all, "allowed", true), set(&truth.create_user));
    assert_eq!(who(&all, "allowed", false), set(&truth.create_user_transitive), "{all:#}");

    // Who was built is who is listed, each row as read; what nobody recorded is unknown, never unused.
    let everybody = answer(&folder, &["access", "--all", "-o", "json"]);
    let listed: BTreeSet<String> = list(&everybody["principals"]).iter().map(|row| text(&row["principal"])).collect();
    let read = folder
        .query("select native_name from accounts where native_name like '%:user/%' or native_name like '%:role/%'");
    assert_eq!(listed, read.iter().map(|row| text(&row["native_name"])).collect(), "{everybody:#}");
    assert!(set(&truth.create_user).is_subset(&listed) && everybody["unread"] == json!([]));
    for row in list(&everybody["principals"]) {
        assert_eq!(row["services"]["unknown"], row["services"]["granted"], "{row:#}");
    }

    let report = "arn:aws:s3:::acme-lake/reports/2026.csv";
    let readers = answer(&folder, &["who-can", "s3:GetObject", report, "-o", "json"]);
    let readers = who(&readers, "allowed", true);
    for arn in &truth.read_report {
        assert!(readers.contains(arn), "{arn} reads it: {readers:?}");
    }
    assert!(readers.iter().all(|arn| !arn.ends_with(":user/otto")), "a deny takes it back: {readers:?}");

    let target = format!("arn:aws:iam::{}:role/release-target", built.members["prod"]);
    let ada = format!("arn:aws:iam::{}:user/ada", built.members["prod"]);
    let queue = format!("arn:aws:sqs:us-east-1:{}:orders", built.members["data"]);
    let senders = answer(&folder, &["who-can", "sqs:SendMessage", "-o", "json"]);
    let dana = list(&senders["who"]).iter().find(|row| row["name"] == "dana").expect("the queue's policy names her");
    assert_eq!((&dana["can"], &dana["resource"]), (&json!("allowed"), &json!(queue)), "{dana:#}");
    for question in [
        &["s3:GetObject", report][..],
        &["s3:ListBucket", "arn:aws:s3:::acme-listed"],
        &["s3:GetObject", "arn:aws:s3:::acme-lake/*"],
        &["sts:AssumeRole", &target],
        &["sqs:SendMessage", &queue],
        &["iam:CreateAccessKey", &ada],
        &["s3:GetObject", "arn:aws:s3:::nobody-knows-it/a"],
        &["s3:*", "arn:aws:s3:::acme-lake"],
        &["s3:GetObject"],
        &["sts:AssumeRole"],
        &["iam:*User*"],
        &["new:Unknown"],
    ] {
        // With --transitive everything is read, without it only the accounts and documents that can matter.
        let asked = |more: &[&str]| answer(&folder, &[&["who-can"], question, &["-o", "json"], more].concat());
        let direct = |answer: &Value| -> Vec<Value> {
            let rows = list(&answer["who"]).iter();
            rows.filter(|row| list(&row["through"]).is_empty()).cloned().collect()
        };
        let narrow = asked(&[]);
        assert_eq!(direct(&narrow), direct(&asked(&["--transitive"])), "{question:?}");
        if let [action, _] = question {
            let anywhere = answer(&folder, &["who-can", action, "-o", "json"]);
            let (here, anywhere) = (who(&narrow, "allowed", true), who(&anywhere, "allowed", true));
            assert!(here.is_subset(&anywhere), "who can on one can on something: {question:?}: {here:?} {anywhere:?}");
        }
    }

    let listed = "arn:aws:s3:::acme-listed";
    for (bucket, verdict) in [(listed, "Allowed"), ("arn:aws:s3:::acme-enforced", "ImplicitlyDenied")] {
        let world = answer(&folder, &["policy", "simulate", "anonymous", "s3:ListBucket", bucket, "-o", "json"]);
        assert_eq!(world["verdict"], verdict, "{world:#}");
    }

    let page = "arn:aws:s3:::acme-listed/page.html";
    let asked = |endpoint: &[&str], resource: &str| {
        let arguments = [&["policy", "simulate", "pia", "s3:GetObject", resource, "-o", "json"], endpoint].concat();
        answer(&folder, &arguments)
    };
    let through = ["--endpoint", built.endpoint.as_str()];
    assert_eq!(asked(&[], page)["verdict"], "Allowed");
    assert_eq!(asked(&through, page)["missing"]["layer"], "VPC endpoint policy");
    assert_eq!(asked(&through, report)["verdict"], "Allowed");
    let none = answer(&folder, &["who-can", "s3:GetObject", page, "--endpoint", &built.endpoint, "-o", "json"]);
    assert_eq!(none["who"], json!([]), "{none:#}");
    let wrong = folder.run(&["who-can", "kms:Decrypt", "--endpoint", &built.endpoint]);
    assert!(wrong.code == Some(2) && wrong.stderr.contains("leads to `s3`"), "{}", wrong.stderr);

    // Every kind that could make her way was looked for, so that it is decided.
    let pia = folder
        .query("select level, at_most from privileges where account in (select id from accounts where native_name like '%:user/pia')");
    assert_eq!(pia, [json!({"level": "baseline", "at_most": "baseline"})], "{pia:#?}");

    for (bucket, verdict) in [("acme-open", "Allowed"), ("acme-blocked", "ImplicitlyDenied")] {
        let object = format!("arn:aws:s3:::{bucket}/page.html");
        let world = answer(&folder, &["policy", "simulate", "anonymous", "s3:GetObject", &object, "-o", "json"]);
        assert_eq!(world["verdict"], verdict, "{world:#}");
    }

    let open = folder
        .query("select subject, kind, who from exposures where closed is null and severity <> 'low' order by subject");
    let of = |kind: &str| -> BTreeSet<String> {
        open.iter().filter(|row| row["kind"] == kind).map(|row| text(&row["subject"])).collect()
    };
    let public = ["arn:aws:s3:::acme-listed", "arn:aws:s3:::acme-open"].map(str::to_owned);
    assert_eq!(of("public"), BTreeSet::from(public), "{open:#?}");
    assert_eq!(
        of("without-external-id"),
        BTreeSet::from([format!("arn:aws:iam::{}:role/partner", built.members["build"])])
    );
    assert_eq!(of("any-tenant"), set(&truth.loose));

    let arns: BTreeMap<String, String> = folder
        .query("select id, native_name from accounts")
        .iter()
        .map(|row| (text(&row["id"]), text(&row["native_name"])))
        .collect();
    let checked = Report(answer(&folder, &["check", "-o", "json"]));
    let of = |rule: &str| -> BTreeSet<String> {
        let found = checked.addresses().into_iter().filter(|(of, _, _)| of == rule);
        let subjects = found.map(|(_, _, subject)| arns.get(&subject).cloned().unwrap_or(subject));
        subjects.filter(|arn| !arn.ends_with(":role/OrganizationAccountAccessRole")).collect()
    };
    assert_eq!(of("XPR-005"), set(&truth.escalates), "who becomes an administrator");
    assert_eq!(of("CIC-002"), set(&truth.loose), "who any repository may become");

    let path = folder.run(&["path", "sam", "lambda-admin"]);
    assert!(path.stdout.contains("cannot become"), "{}{}", path.stdout, path.stderr);
    // Whoever administers the account takes over anybody in it.
    let path = folder.run(&["path", "dev", "lambda-admin"]);
    assert!(path.stdout.contains("becomes lambda-admin of account"), "{}{}", path.stdout, path.stderr);
    let path = folder.run(&["path", "dev", "release-target"]);
    assert!(
        path.stdout.contains("becomes release of account") && path.stdout.contains("becomes release-target of account"),
        "{}",
        path.stdout
    );

    for (arn, layer) in &truth.held_back {
        let ran = folder.run(&["explain", arn]);
        assert_eq!(ran.code, Some(0), "{}", ran.stderr);
        assert!(ran.stdout.contains("held back") && ran.stdout.contains(layer.as_str()), "{arn}: {}", ran.stdout);
    }
}

const MANAGEMENT: &str = "111122223333";
const MEMBER: &str = "444455556666";
const ADMIN: &str = "arn:aws:iam::aws:policy/AdministratorAccess";

fn document(effect: &str, action: &str) -> Value {
    json!({"Version": "2012-10-17", "Statement": [{"Sid": "One", "Effect": effect, "Action": action, "Resource": "*"}]})
}

fn role(account: &str, path: &str, name: &str, trust: &Value, attached: &[&str]) -> Value {
    let attached: Vec<Value> =
        attached.iter().map(|arn| json!({"PolicyArn": arn, "PolicyName": arn.rsplit('/').next()})).collect();
    json!({"RoleName": name, "RoleId": format!("AROA{name}"), "Path": path, "Arn": format!("arn:aws:iam::{account}:role{path}{name}"),
        "AttachedManagedPolicies": attached, "AssumeRolePolicyDocument": {"Version": "2012-10-17", "Statement": [
            {"Effect": "Allow", "Principal": trust, "Action": "sts:AssumeRole"}]}})
}

fn user(account: &str, name: &str, attached: &[&str], boundary: Option<&str>) -> Value {
    let attached: Vec<Value> =
        attached.iter().map(|arn| json!({"PolicyArn": arn, "PolicyName": arn.rsplit('/').next()})).collect();
    let mut user = json!({"UserName": name, "UserId": format!("AIDA{name}"), "Path": "/",
        "Arn": format!("arn:aws:iam::{account}:user/{name}"), "AttachedManagedPolicies": attached});
    if let Some(boundary) = boundary {
        user["PermissionsBoundary"] =
            json!({"PermissionsBoundaryArn": boundary, "PermissionsBoundaryType": "PermissionsBoundaryPolicy"});
    }
    user
}

fn managed(arn: &str, document: &Value) -> Value {
    json!({"Arn": arn, "PolicyName": arn.rsplit('/').next(), "DefaultVersionId": "v3",
        "PolicyVersionList": [{"VersionId": "v3", "IsDefaultVersion": true, "Document": document}]})
}

fn full_access() -> Value {
    managed(ADMIN, &document("Allow", "*"))
}

fn scp(id: &str, targets: &[&str], document: &Value) -> Value {
    let targets: Vec<Value> = targets.iter().map(|target| json!({"TargetId": target})).collect();
    json!({"PolicySummary": {"Id": id, "Arn": format!("arn:aws:organizations::x:policy/{id}"), "Name": id,
        "Type": "SERVICE_CONTROL_POLICY"}, "Content": document, "Targets": targets})
}

/// Exports of an organisation of two accounts: cara and bert are administrators of the member account but for a boundary of bert's,
/// grace of Identity Center has a role in it, an SCP above it denies what `denied` says.
fn exported(denied: &str) -> Folder {
    let folder = Folder::empty();
    folder.write(
        "muster.toml",
        "[[system]]\nname = \"aws\"\nconnector = \"aws\"\nfolder = \"export\"\ncollected = \"2026-11-20T06:00:00Z\"\n",
    );
    let write = |file: &str, value: &Value| folder.write(&format!("export/{file}"), value.to_string());
    let full = document("Allow", "*");
    let everywhere = ["r-1", "ou-1", MANAGEMENT, MEMBER];
    write(
        "organization.json",
        &json!({
        "Organization": {"Id": "o-1", "MasterAccountId": MANAGEMENT},
        "Accounts": [{"Id": MANAGEMENT, "Name": "main", "Status": "ACTIVE"}, {"Id": MEMBER, "Name": "prod", "Status": "ACTIVE"}],
        "Roots": [{"Id": "r-1"}], "OrganizationalUnits": [{"Id": "ou-1", "ParentId": "r-1"}],
        "AccountParents": {MANAGEMENT: "r-1", MEMBER: "ou-1"},
        "Policies": [scp("p-FullAWSAccess", &everywhere, &full), scp("p-guard", &["ou-1"], &document("Deny", denied))]}),
    );
    write(
        &format!("{MANAGEMENT}/authorization-details.json"),
        &json!({
        "UserDetailList": [user(MANAGEMENT, "mara", &[ADMIN], None)], "Policies": [full_access()]}),
    );
    let bound = format!("arn:aws:iam::{MEMBER}:policy/only-s3");
    let ec2 = json!({"Service": "ec2.amazonaws.com"});
    let sso = json!({"Federated": format!("arn:aws:iam::{MEMBER}:saml-provider/AWSSSO")});
    write(
        &format!("{MEMBER}/authorization-details.json"),
        &json!({
        "UserDetailList": [user(MEMBER, "cara", &[ADMIN], None), user(MEMBER, "bert", &[ADMIN], Some(&bound))],
        "RoleDetailList": [role(MEMBER, "/", "worker", &ec2, &[]),
            role(MEMBER, "/aws-reserved/sso.amazonaws.com/eu-west-1/", "AWSReservedSSO_Ops_Team_0123456789abcdef", &sso, &[ADMIN])],
        "Policies": [full_access(), managed(&bound, &document("Allow", "s3:*"))]}),
    );
    for account in [MANAGEMENT, MEMBER] {
        let header = "user,arn,user_creation_time,password_enabled,password_last_used,mfa_active,access_key_1_active,access_key_2_active";
        let root = format!(
            "<root_account>,arn:aws:iam::{account}:root,2020-01-02T03:04:05+00:00,not_supported,no_information,true,false,false"
        );
        let row = |name: &str| {
            format!(
                "{name},arn:aws:iam::{account}:user/{name},2024-01-02T03:04:05+00:00,true,no_information,true,false,false"
            )
        };
        let names: &[&str] = if account == MEMBER { &["cara", "bert"] } else { &["mara"] };
        let rows: Vec<String> = names.iter().map(|name| row(name)).collect();
        folder.write(
            &format!("export/{account}/credential-report.csv"),
            format!("{header}\n{root}\n{}\n", rows.join("\n")),
        );
    }
    write(
        "identity-center.json",
        &json!({
        "Instance": {"InstanceArn": "arn:aws:sso:::instance/ssoins-1", "IdentityStoreId": "d-1"},
        "PermissionSets": [{"PermissionSetArn": "arn:aws:sso:::permissionSet/ssoins-1/ps-1", "Name": "Ops_Team",
            "ManagedPolicies": [{"Name": "AdministratorAccess", "Arn": ADMIN}]}],
        "AccountAssignments": [{"AccountId": MEMBER, "PermissionSetArn": "arn:aws:sso:::permissionSet/ssoins-1/ps-1",
            "PrincipalType": "GROUP", "PrincipalId": "g-1"}],
        "Users": [{"UserId": "u-1", "UserName": "grace", "DisplayName": "Grace Hopper", "UserStatus": "ENABLED"}],
        "Groups": [{"GroupId": "g-1", "DisplayName": "ops"}],
        "GroupMemberships": [{"GroupId": "g-1", "MemberId": {"UserId": "u-1"}}]}),
    );
    folder.write(
        &format!("export/{MEMBER}/last-accessed.json"),
        json!({"LastAccessed": [
        {"Arn": format!("arn:aws:iam::{MEMBER}:user/cara"), "ServicesLastAccessed": [
            {"ServiceNamespace": "iam", "LastAuthenticated": "2026-10-01T00:00:00Z",
             "TrackedActionsLastAccessed": [{"ActionName": "CreateUser", "LastAccessedTime": "2026-09-01T00:00:00Z"}]},
            {"ServiceNamespace": "s3"}]}]})
        .to_string(),
    );
    let ran = folder.run(&["collect", "--now", "2026-11-20T08:00:00Z"]);
    assert_eq!(ran.code, Some(0), "{}{}", ran.stderr, ran.stdout);
    folder
}

/// Name and verdict of who can, in the order of the answer.
fn names(answer: &Value) -> Vec<(String, String)> {
    list(&answer["who"]).iter().map(|row| (text(&row["name"]), text(&row["can"]))).collect()
}

fn expected(names: &[&str]) -> Vec<(String, String)> {
    names.iter().map(|name| ((*name).to_owned(), "allowed".to_owned())).collect()
}

#[test]
fn every_layer_decides_and_people_stand_behind_their_roles() {
    let folder = exported("s3:DeleteBucket");
    let who = answer(&folder, &["who-can", "iam:CreateUser", "-o", "json"]);
    assert_eq!(
        names(&who),
        expected(&["mara", "AWSReservedSSO_Ops_Team_0123456789abcdef", "cara", "Grace Hopper"]),
        "{who:#}"
    );
    let cara = list(&who["who"]).iter().find(|row| row["name"] == "cara").unwrap();
    assert_eq!(
        (text(&cara["last_use"]["of"]), text(&cara["last_use"]["at"])),
        ("iam:CreateUser".into(), "2026-09-01T00:00:00Z".into())
    );
    let own = list(&cara["statements"]).iter().find(|one| one["layer"] == "identity policies").unwrap();
    assert_eq!([&own["policy"], &own["version"], &own["sid"]].map(text), [ADMIN, "v3", "One"].map(str::to_owned));
    let grace = list(&who["who"]).iter().find(|row| row["name"] == "Grace Hopper").unwrap();
    let by: Vec<String> = list(&grace["through"]).iter().map(|hop| text(&hop["by"])).collect();
    assert_eq!((text(&grace["kind"]), by), ("person".into(), vec!["member-of".into(), "permission-set".into()]));
    // The boundary leaves bert S3; the service control policy takes this of it back from everybody but the management account.
    let create = answer(&folder, &["who-can", "s3:CreateBucket", "-o", "json"]);
    assert!(names(&create).contains(&("bert".to_owned(), "allowed".to_owned())), "{create:#}");
    let delete = answer(&folder, &["who-can", "s3:DeleteBucket", "-o", "json"]);
    assert_eq!(names(&delete), expected(&["mara"]), "{delete:#}");

    let allowed = folder.run(&["who-can", "s3:DeleteBucket", "--expect", "none"]);
    assert_eq!(allowed.code, Some(1), "{}", allowed.stderr);
    folder.write("expected.txt", "# the owner of the organisation\nmara\nsomebody-else\n");
    let expect = folder.run(&["who-can", "iam:CreateUser", "--expect", "expected.txt"]);
    assert!(
        expect.stderr.contains("3 can who are not expected")
            && expect.stderr.contains("`somebody-else` is expected and cannot"),
        "{}",
        expect.stderr
    );
}

#[test]
fn a_difference_is_told_as_what_is_gained_and_lost_and_what_was_not_read_as_neither() {
    let folder = exported("s3:DeleteBucket");
    let organization = folder.read("export/organization.json");
    // The guard is detached: it guards something that nobody has.
    folder.write("export/organization.json", organization.replace(r#"[{"TargetId":"ou-1"}]"#, "[]"));
    folder.expect(0, &["collect", "--now", "2026-11-21T08:00:00Z"]);
    let diff = answer(&folder, &["diff", "-o", "json"]);
    let changes = list(&diff["effective"][0]["changes"]);
    let gained: Vec<(String, Value)> =
        changes.iter().map(|one| (text(&one["principal"]), one["gains"].clone())).collect();
    let arn = |name: &str| format!("arn:aws:iam::{MEMBER}:{name}");
    let role = arn("role/aws-reserved/sso.amazonaws.com/eu-west-1/AWSReservedSSO_Ops_Team_0123456789abcdef");
    let expected: Vec<(String, Value)> =
        [role, arn("user/bert"), arn("user/cara")].map(|arn| (arn, json!(["s3:DeleteBucket"]))).to_vec();
    assert_eq!(gained, expected, "{diff:#}");
    assert!(changes.iter().all(|one| list(&one["loses"]).is_empty() && list(&one["not_known"]).is_empty()), "{diff:#}");
    let shown = folder.expect(0, &["diff"]);
    assert!(shown.contains("EFFECTIVE ACCESS in aws") && shown.contains("s3:DeleteBucket"), "{shown}");
    assert!(!folder.expect(0, &["diff", "--no-effective"]).contains("EFFECTIVE ACCESS"));
    let schema = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/schemas/diff-effective.schema.json"));
    let validator = jsonschema::validator_for(&serde_json::from_str(&schema.unwrap()).unwrap()).unwrap();
    assert!(validator.is_valid(&diff["effective"][0]), "{diff:#}");
    let back = answer(&folder, &["diff", "2", "1", "-o", "json"]);
    assert_eq!(back["effective"][0]["changes"][1]["loses"], json!(["s3:DeleteBucket"]), "{back:#}");

    // Next night an account's export is broken: nobody is told to have lost what nobody looked at.
    folder.write(&format!("export/{MEMBER}/authorization-details.json"), "{");
    folder.run(&["collect", "--now", "2026-11-22T08:00:00Z"]);
    let ran = folder.run(&["diff", "-o", "json"]);
    let diff: Value = serde_json::from_str(&ran.stdout).unwrap_or_else(|error| panic!("{error}: {}", ran.stderr));
    for one in list(&diff["effective"]).iter().flat_map(|of| list(&of["changes"])) {
        assert_eq!((&one["gains"], &one["loses"]), (&json!([]), &json!([])), "{diff:#}");
    }
}

#[test]
fn a_resource_control_policy_that_is_detached_opens_the_way_that_it_closed() {
    let folder = exported("s3:DeleteBucket");
    let assume = format!("arn:aws:iam::{MEMBER}:policy/assume");
    let details = format!("export/{MEMBER}/authorization-details.json");
    let mut value: Value = serde_json::from_str(&folder.read(&details)).unwrap();
    let mut push = |list: &str, one: Value| value[list].as_array_mut().unwrap().push(one);
    push("UserDetailList", user(MEMBER, "dan", &[&assume], None));
    push("Policies", managed(&assume, &document("Allow", "sts:AssumeRole")));
    let own = json!({"AWS": format!("arn:aws:iam::{MEMBER}:root")});
    push("RoleDetailList", role(MEMBER, "/", "boss", &own, &[ADMIN]));
    folder.write(&details, value.to_string());
    let report = format!("export/{MEMBER}/credential-report.csv");
    let row = folder.read(&report).lines().last().unwrap().replace("bert", "dan");
    folder.write(&report, folder.read(&report) + &row + "\n");
    let mut organization: Value = serde_json::from_str(&folder.read("export/organization.json")).unwrap();
    let mut fence = scp(
        "p-fence",
        &["ou-1"],
        &json!({"Version": "2012-10-17", "Statement": [
        {"Effect": "Deny", "Principal": "*", "Action": "sts:AssumeRole", "Resource": "*"}]}),
    );
    fence["PolicySummary"]["Type"] = "RESOURCE_CONTROL_POLICY".into();
    organization["Policies"].as_array_mut().unwrap().push(fence);
    folder.write("export/organization.json", organization.to_string());
    folder.expect(0, &["collect", "--now", "2026-11-21T08:00:00Z"]);
    let freed = answer(&folder, &["policy", "what-if", "--detach", "ou-1=p-fence", "-o", "json"]);
    let dan = list(&freed["changes"]).iter().find(|one| text(&one["principal"]).ends_with(":user/dan"));
    let stood = dan.map(|dan| (text(&dan["before"]), text(&dan["after"])));
    assert_eq!(stood, Some(("apart".into(), "becomes-administrator".into())), "{freed:#}");

    // What it took is listed: from everybody who was granted it, and from nobody else.
    let told = |changes: &Value, side: &str| -> BTreeMap<String, Value> {
        let changed = list(changes).iter().filter(|one| one[side] != json!([]));
        let last = |one: &Value| text(&one["principal"]).rsplit('/').next().unwrap().to_owned();
        changed.map(|one| (last(one), one[side].clone())).collect()
    };
    let role = "AWSReservedSSO_Ops_Team_0123456789abcdef";
    let all: BTreeMap<String, Value> =
        [role, "boss", "cara", "dan"].map(|name| (name.to_owned(), json!(["sts:AssumeRole"]))).into();
    let none = BTreeMap::new();
    assert_eq!(
        (told(&freed["changes"], "gains"), told(&freed["changes"], "loses")),
        (all.clone(), none.clone()),
        "{freed:#}"
    );
    organization["Policies"].as_array_mut().unwrap().pop();
    folder.write("export/organization.json", organization.to_string());
    folder.expect(0, &["collect", "--now", "2026-11-22T08:00:00Z"]);
    let diff = answer(&folder, &["diff", "-o", "json"]);
    let changes = &diff["effective"][0]["changes"];
    assert_eq!((told(changes, "gains"), told(changes, "loses")), (all.clone(), none.clone()), "{diff:#}");
    let back = answer(&folder, &["diff", "3", "2", "-o", "json"]);
    let changes = &back["effective"][0]["changes"];
    assert_eq!((told(changes, "gains"), told(changes, "loses")), (none.clone(), all.clone()), "{back:#}");

    // Proposed where no resource control policy is in use yet: the same.
    let fence = |condition: &Value| {
        json!({"Version": "2012-10-17", "Statement": [
            {"Effect": "Deny", "Principal": "*", "Action": "sts:AssumeRole", "Resource": "*", "Condition": condition}]})
    };
    let proposed = |condition: &Value| {
        folder.write("fence.json", fence(condition).to_string());
        answer(&folder, &["policy", "what-if", "--rcp", "ou-1=fence.json", "-o", "json"])["changes"].clone()
    };
    let closed = proposed(&json!({}));
    assert_eq!((told(&closed, "gains"), told(&closed, "loses")), (none.clone(), all.clone()), "{closed:#}");
    // Around the organisation it takes nothing from who is in it; a condition that nobody can decide leaves less than before.
    assert_eq!(proposed(&json!({"StringNotEqualsIfExists": {"aws:PrincipalOrgID": "o-1"}})), json!([]));
    let asked = proposed(&json!({"Bool": {"aws:MultiFactorAuthPresent": "false"}}));
    assert_eq!(told(&asked, "loses"), all, "{asked:#}");
    assert_eq!(folder.run(&["policy", "what-if", "--rcp", "ou-7=fence.json"]).code, Some(2));
}

/// The exports with a group of the member account that has these policies, and pat, who may put users into groups.
fn with_group(denied: &str, policies: &[(&str, Value)]) -> Folder {
    let folder = exported(denied);
    let arn = |name: &str| format!("arn:aws:iam::{MEMBER}:policy/{name}");
    let details = format!("export/{MEMBER}/authorization-details.json");
    let mut value: Value = serde_json::from_str(&folder.read(&details)).unwrap();
    let attached: Vec<Value> =
        policies.iter().map(|(name, _)| json!({"PolicyName": name, "PolicyArn": arn(name)})).collect();
    value["GroupDetailList"] = json!([{"Path": "/", "GroupName": "admins", "GroupId": "AGPAadmins",
        "Arn": format!("arn:aws:iam::{MEMBER}:group/admins"), "CreateDate": "2024-01-02T03:04:05+00:00",
        "GroupPolicyList": [], "AttachedManagedPolicies": attached}]);
    value["UserDetailList"].as_array_mut().unwrap().push(user(MEMBER, "pat", &[&arn("adding")], None));
    let own = policies.iter().map(|(name, document)| managed(&arn(name), document));
    let all = own.chain([managed(&arn("adding"), &document("Allow", "iam:AddUserToGroup"))]);
    value["Policies"].as_array_mut().unwrap().extend(all);
    folder.write(&details, value.to_string());
    let report = format!("export/{MEMBER}/credential-report.csv");
    let row = folder.read(&report).lines().last().unwrap().replace("bert", "pat");
    folder.write(&report, folder.read(&report) + &row + "\n");
    folder.expect(0, &["collect", "--now", "2026-11-21T08:00:00Z"]);
    folder
}

/// How XPR-016 judged: the finding's subjects, and of how many groups it could not be told.
fn guarded(folder: &Folder) -> (Vec<String>, u64) {
    let report = answer(folder, &["check", "-o", "json"]);
    let rule = list(&report["rules"]).iter().find(|rule| rule["rule"] == "XPR-016").unwrap().clone();
    let found = Report(report).addresses();
    let found = found.into_iter().filter(|(rule, _, _)| rule == "XPR-016").map(|(_, _, subject)| subject);
    (found.collect(), rule["not_evaluated"].as_u64().unwrap_or_else(|| panic!("{rule:#}")))
}

#[test]
fn a_group_is_judged_by_what_a_member_could_do_by_it_alone() {
    let (weak, none) = (vec!["AGPAadmins".to_owned()], Vec::new());
    let grants = || ("grants", document("Allow", "iam:PutUserPolicy"));
    let takes = || ("takes", document("Allow", "iam:CreateAccessKey"));
    // A group of Identity Center makes administrators by the role of its permission set; who may join it nobody tells.
    let folder = with_group("s3:DeleteBucket", &[grants(), takes()]);
    assert_eq!(guarded(&folder), (weak.clone(), 1));
    let explained = folder.run(&["check"]).stdout;
    assert!(explained.contains("makes administrators, and pat is privileged and may put anybody in"), "{explained}");
    // Nobody is invented for it: the only ones are those who are there.
    for question in [&["who-can", "iam:PutUserPolicy"][..], &["who-can", "iam:PutUserPolicy", "--transitive"]] {
        let answered = answer(&folder, &[question, &["-o", "json"]].concat());
        assert!(!answered.to_string().contains("somebody"), "{answered:#}");
    }
    // The organisation takes what makes them administrators, and with it what pat would gain.
    assert_eq!(guarded(&with_group("iam:*", &[grants(), takes()])), (none.clone(), 1));
    // It takes a thing that is none of it.
    assert_eq!(guarded(&with_group("cloudtrail:*", &[("all", document("Allow", "*"))])).0, weak);
    // It takes from pat that he may put somebody in: who remains is an administrator.
    assert_eq!(guarded(&with_group("iam:AddUserToGroup", &[("all", document("Allow", "*"))])), (none, 1));
}

#[test]
fn a_session_can_do_what_its_own_policy_allows_as_well() {
    let folder = exported("s3:DeleteBucket");
    folder.write("session.json", document("Allow", "s3:*").to_string());
    let session = ["--session-policy", "session.json", "-o", "json"];
    let asked = |action: &str| answer(&folder, &[&["policy", "simulate", "cara", action], &session[..]].concat());
    assert_eq!(asked("s3:CreateBucket")["verdict"], "Allowed");
    assert_eq!(asked("iam:CreateUser")["missing"]["layer"], "session policy");
    let who = |action: &str| names(&answer(&folder, &[&["who-can", action], &session[..]].concat()));
    assert_eq!(who("iam:CreateUser"), []);
    assert!(who("s3:CreateBucket").contains(&("cara".to_owned(), "allowed".to_owned())));
    folder.write("session.json", "{");
    assert_eq!(folder.run(&["who-can", "iam:CreateUser", "--session-policy", "session.json"]).code, Some(2));
}

#[test]
fn a_technique_of_a_teams_own_makes_ways_everywhere() {
    let folder = exported("s3:DeleteBucket");
    let level = |folder: &Folder| {
        let rows = folder.query("select level from privileges where account = 'AIDAbert'");
        text(&rows[0]["level"])
    };
    assert_eq!(level(&folder), "baseline");
    folder.write("muster.toml", folder.read("muster.toml") + "\n[muster]\npolicy = \"policy\"\n");
    let own = "[[technique]]\nid = \"acme-bucket\"\nname = \"Put a login script into a new bucket\"\ntakes = \"user\"\n\
        requires = [{ action = \"s3:CreateBucket\", on = \"*\" }]\nyields = \"target\"\nreferences = [\"https://acme.example/why\"]\n";
    folder.write("policy/techniques.toml", own);
    folder.run(&["policy", "check"]).assert_code(0);
    assert_eq!(level(&folder), "privileged");
    let path = folder.expect(0, &["path", "bert", "cara"]);
    assert!(path.contains("bert of account 444455556666 becomes cara") && path.contains("login script"), "{path}");
    let who = answer(&folder, &["who-can", "iam:CreateUser", "--transitive", "-o", "json"]);
    assert!(names(&who).contains(&("bert".to_owned(), "allowed".to_owned())), "{who:#}");
    assert!(who["sources"].to_string().contains("techniques.toml"), "{}", who["sources"]);
    let found = Report(answer(&folder, &["check", "-o", "json"])).addresses();
    assert!(found.iter().any(|(rule, _, subject)| rule == "XPR-005" && subject == "AIDAbert"), "{found:?}");
    folder.write("policy/techniques.toml", own.replace("takes = \"user\"", "takes = \"group\""));
    let wrong = folder.run(&["policy", "check"]);
    assert_eq!(wrong.code, Some(2), "{}", wrong.stderr);
    assert!(wrong.stderr.contains("techniques.toml:1:1") && wrong.stderr.contains("acme-bucket"), "{}", wrong.stderr);
}

#[test]
fn a_simulated_request_names_the_statement_the_layer_and_the_place() {
    let folder = exported("iam:*");
    let denied = answer(&folder, &["policy", "simulate", "cara", "iam:CreateUser", "-o", "json"]);
    assert_eq!(denied["verdict"], "ExplicitlyDenied");
    let one = &denied["statements"][0];
    assert_eq!((text(&one["layer"]), text(&one["sid"])), ("service control policies".into(), "One".into()));
    let written: Value = serde_json::from_str(&text(&one["text"])).unwrap();
    assert_eq!(written["Action"], "iam:*", "the statement as it stands at these bytes");
    let bounded = answer(&folder, &["policy", "simulate", "bert", "ec2:RunInstances", "-o", "json"]);
    assert_eq!(
        (text(&bounded["verdict"]), text(&bounded["missing"]["layer"])),
        ("ImplicitlyDenied".into(), "permissions boundary".into())
    );
    let near = folder.run(&["policy", "simulate", "carra", "iam:CreateUser"]);
    assert_eq!(near.code, Some(2));
    assert!(near.stderr.contains("did you mean `cara`?"), "{}", near.stderr);
    let near = folder.run(&["who-can", "iam:CreateUsr"]);
    assert!(near.stderr.contains("did you mean `iam:CreateUser`?"), "{}", near.stderr);
    assert_eq!(folder.run(&["who-can", "CreateUser"]).code, Some(2));
    // Nobody of the member account is an administrator where IAM is denied to all of it, and explain says why.
    let levels = folder.query(
        "select account, level, at_most from privileges where account in ('AIDAcara', 'AIDAmara') order by account",
    );
    let levels: Vec<(String, String)> = levels.iter().map(|row| (text(&row["account"]), text(&row["level"]))).collect();
    assert_eq!(levels, [("AIDAcara".into(), "baseline".into()), ("AIDAmara".into(), "admin".into())]);
    let explained = folder.expect(0, &["explain", "aws:cara"]);
    assert!(explained.contains("held back") && explained.contains("service control policies"), "{explained}");
}

#[test]
fn what_was_not_read_is_never_a_denial_and_never_clean() {
    let folder = exported("s3:DeleteBucket");
    // A list of policies without the one that AWS keeps attached everywhere was cut off.
    let organization = folder.read("export/organization.json");
    folder.write("export/organization.json", organization.replace(r#""TargetId":"r-1""#, r#""TargetId":"ou-9""#));
    folder.run(&["collect", "--now", "2026-11-21T08:00:00Z"]);
    let who = answer(&folder, &["who-can", "iam:CreateUser", "-o", "json"]);
    let open: BTreeSet<(String, String)> = names(&who).into_iter().collect();
    assert!(open.contains(&("cara".to_owned(), "not-evaluated".to_owned())), "{who:#}");
    assert!(
        open.contains(&("mara".to_owned(), "allowed".to_owned())),
        "no control policy binds the management account: {who:#}"
    );
    let gate = folder.run(&["who-can", "iam:CreateUser", "--expect", "none"]);
    assert_eq!(gate.code, Some(3), "{}", gate.stderr);
    // A document that cannot be read is not one that allows nothing.
    folder.write("export/organization.json", organization);
    // In both accounts: a policy of AWS is one and the same, so that one readable copy would do.
    for account in [MANAGEMENT, MEMBER] {
        let details = format!("export/{account}/authorization-details.json");
        folder.write(&details, folder.read(&details).replace(r#""Action":"*""#, r#""Action":{"x":1}"#));
    }
    folder.run(&["collect", "--now", "2026-11-22T08:00:00Z"]);
    let who = answer(&folder, &["who-can", "iam:CreateUser", "-o", "json"]);
    assert!(names(&who).iter().any(|(name, can)| name == "cara" && can == "not-evaluated"), "{who:#}");
}

#[test]
fn least_privilege_keeps_what_was_used_and_says_since_when() {
    let folder = exported("s3:DeleteBucket");
    let suggested = answer(&folder, &["policy", "suggest", "least-privilege", "cara", "-o", "json"]);
    assert_eq!(
        (text(&suggested["from"]), text(&suggested["until"])),
        ("2026-08-22T06:00:00Z".into(), "2026-11-20T06:00:00Z".into())
    );
    let kept: Vec<String> = list(&suggested["kept"]).iter().map(text).collect();
    assert!(
        kept.contains(&"iam:CreateUser".to_owned()) && !kept.iter().any(|action| action.starts_with("s3:")),
        "{kept:?}"
    );
    assert_eq!(suggested["doubts"], json!([]), "{suggested:#}");
    let unknown = folder.run(&["policy", "suggest", "least-privilege", "bert"]);
    assert_eq!(unknown.code, Some(2));
    assert!(unknown.stderr.contains("CLI008") && unknown.stderr.contains("last_accessed = true"), "{}", unknown.stderr);
}

#[test]
fn a_proposal_says_who_gains_and_who_loses_by_it() {
    let folder = exported("iam:*");
    let of = |answer: &Value, name: &str| -> Value {
        let arn = format!("arn:aws:iam::{MEMBER}:user/{name}");
        list(&answer["changes"]).iter().find(|change| change["principal"] == arn).cloned().unwrap_or(Value::Null)
    };
    let has = |change: &Value, which: &str, action: &str| list(&change[which]).iter().any(|one| one == action);
    // A deny that is detached is a gain.
    let freed = answer(&folder, &["policy", "what-if", "--detach", "ou-1=p-guard", "-o", "json"]);
    let cara = of(&freed, "cara");
    assert!(has(&cara, "gains", "iam:CreateUser") && list(&cara["loses"]).is_empty(), "{freed:#}");
    assert_eq!((text(&cara["before"]), text(&cara["after"])), ("apart".into(), "administrator".into()));
    assert_eq!(of(&freed, "bert"), Value::Null, "the boundary holds him as before");
    // A deny that is proposed is a loss, in the account below it and nowhere else.
    folder.write("no-s3.json", document("Deny", "s3:*").to_string());
    let denied = answer(&folder, &["policy", "what-if", "--scp", &format!("{MEMBER}=no-s3.json"), "-o", "json"]);
    assert!(has(&of(&denied, "bert"), "loses", "s3:GetObject"), "{denied:#}");
    assert!(!denied.to_string().contains(":user/mara"));
    let refused = folder.run(&["policy", "what-if", "--detach", "ou-1=p-gard"]);
    assert_eq!(refused.code, Some(2));
    assert!(refused.stderr.contains("did you mean `p-guard`?"), "{}", refused.stderr);
    folder.write("broken.json", "{\"Statement\": [{\"Effect\": \"Allow\",\n \"Action\": }]}");
    let refused = folder.run(&["policy", "what-if", "--attach", "cara=broken.json"]);
    assert!(refused.stderr.contains("CLI009") && refused.stderr.contains("line 2"), "{}", refused.stderr);
}
