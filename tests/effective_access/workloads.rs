//! For each technique of the list that needs a resource which is there already: who has exactly its permissions takes the role that the
//! resource runs as, in an estate that was collected from AWS' own service models.

use std::collections::{BTreeMap, BTreeSet};

use muster_testbeds::modelled_aws::everything::{BARE, REGION, everything, profile, role};
use muster_testbeds::modelled_aws::{ACCOUNT, ModelledAws, World};
use serde_json::{Value, json};

use crate::muster_cmd::{Folder, list, text};

/// Of each technique that names an existing resource: the kind, the actions, and the services that the role trusts.
struct Technique {
    kind: String,
    actions: BTreeSet<String>,
    services: Vec<String>,
}

/// All techniques' actions, and those that name a resource.
fn techniques() -> (BTreeMap<String, BTreeSet<String>>, BTreeMap<String, Technique>) {
    let file: toml::Table = include_str!("../../effective/src/aws/techniques.toml").parse().unwrap();
    let (mut all, mut existing) = (BTreeMap::new(), BTreeMap::new());
    for one in file["technique"].as_array().unwrap() {
        let id = one["id"].as_str().unwrap().to_owned();
        let requires = one.get("requires").and_then(toml::Value::as_array).into_iter().flatten();
        let actions: BTreeSet<String> = requires.map(|one| one["action"].as_str().unwrap().to_owned()).collect();
        all.insert(id.clone(), actions.clone());
        let Some(when) = one.get("when") else { continue };
        let Some(resource) = when.get("resource") else { continue };
        let services = when["trusts"].as_array().unwrap().iter().map(|one| one.as_str().unwrap().to_owned()).collect();
        existing.insert(id, Technique { kind: resource["kind"].as_str().unwrap().to_owned(), actions, services });
    }
    (all, existing)
}

fn document(statement: &Value) -> String {
    json!({ "Version": "2012-10-17", "Statement": [statement] }).to_string()
}

/// The world with a user for each technique, and an administrator role for each service that a technique's role trusts.
fn peopled(world: World, techniques: &BTreeMap<String, Technique>) -> World {
    const DAY: &str = "2026-01-02T03:04:05+00:00";
    let services: BTreeSet<&String> = techniques.values().flat_map(|technique| &technique.services).collect();
    let roles: Vec<Value> = services
        .iter()
        .map(|service| {
            let name = service.strip_suffix(".amazonaws.com").unwrap();
            // An identity pool's users come with a token of it.
            let (principal, action) = match name {
                "cognito-identity" => (json!({ "Federated": service }), "sts:AssumeRoleWithWebIdentity"),
                _ => (json!({ "Service": service }), "sts:AssumeRole"),
            };
            let own = json!({ "RoleName": name, "Arn": role(name), "Path": "/" });
            let profiles = if name == "ec2" {
                json!([{ "InstanceProfileName": "ec2", "InstanceProfileId": "AIPA1234567890123456", "Arn": profile(), "Path": "/",
                    "CreateDate": DAY, "Roles": [{ "RoleName": name, "RoleId": "AROA1234567890ec2000", "Arn": own["Arn"], "Path": "/",
                    "CreateDate": DAY }] }])
            } else {
                json!([])
            };
            json!({ "RoleName": name, "RoleId": format!("AROA{name:0>20}"), "Arn": own["Arn"], "Path": "/", "CreateDate": DAY,
                "AssumeRolePolicyDocument": document(&json!({ "Effect": "Allow", "Principal": principal, "Action": action })),
                "InstanceProfileList": profiles, "AttachedManagedPolicies": [],
                "RolePolicyList": [{ "PolicyName": "all", "PolicyDocument": document(&json!({ "Effect": "Allow", "Action": "*", "Resource": "*" })) }] })
        })
        .collect();
    let users: Vec<Value> = techniques
        .iter()
        .map(|(id, technique)| {
            let own = document(&json!({ "Effect": "Allow", "Action": technique.actions, "Resource": "*" }));
            json!({ "UserName": id, "UserId": format!("AIDA{id:0>16}"), "Arn": format!("arn:aws:iam::{ACCOUNT}:user/{id}"), "Path": "/",
                "CreateDate": DAY, "UserPolicyList": [{ "PolicyName": "own", "PolicyDocument": own }] })
        })
        .collect();
    let mut report = vec![
        "user,arn,user_creation_time,password_enabled,password_last_used,mfa_active,access_key_1_active,access_key_2_active".to_owned(),
        format!("<root_account>,arn:aws:iam::{ACCOUNT}:root,{DAY},not_supported,no_information,true,false,false"),
    ];
    let row = |id: &String| format!("{id},arn:aws:iam::{ACCOUNT}:user/{id},{DAY},true,no_information,true,false,false");
    report.extend(techniques.keys().map(row));
    let details = json!({ "UserDetailList": users, "RoleDetailList": roles, "GroupDetailList": [], "Policies": [], "IsTruncated": false });
    let always = || json!({});
    // The account owns its organisation, so that no control policy binds it.
    let organization = json!({ "Id": "o-1234567890", "MasterAccountId": ACCOUNT, "FeatureSet": "ALL",
        "Arn": format!("arn:aws:organizations::{ACCOUNT}:organization/o-1234567890") });
    let account = json!({ "Id": ACCOUNT, "Name": "main", "Status": "ACTIVE", "Email": "main@acme.example",
        "Arn": format!("arn:aws:organizations::{ACCOUNT}:account/o-1234567890/{ACCOUNT}") });
    world
        .with("organizations:DescribeOrganization", always(), json!({ "Organization": organization }))
        .with("organizations:ListAccounts", always(), json!({ "Accounts": [account] }))
        .with("organizations:ListRoots", always(), json!({ "Roots": [{ "Id": "r-1234", "Name": "Root" }] }))
        .with("organizations:ListAccountsForParent", json!({ "ParentId": "r-1234" }), json!({ "Accounts": [account] }))
        .with("iam:GetAccountAuthorizationDetails", always(), details)
        .with("iam:GenerateCredentialReport", always(), json!({ "State": "COMPLETE" }))
        .with("iam:GetCredentialReport", always(), json!({ "Content": report.join("\n"), "ReportFormat": "text/csv" }))
}

/// A function that runs as the role `lambda`; functions are read with the policies of resources.
fn with_function(world: World) -> World {
    let function = format!("arn:aws:lambda:{REGION}:{ACCOUNT}:function:pay");
    let function = json!({ "FunctionName": "pay", "FunctionArn": function, "Role": role("lambda") });
    world.with("lambda:ListFunctions", json!({ "@region": REGION }), json!({ "Functions": [function] }))
}

struct Asked {
    _server: ModelledAws,
    folder: Folder,
    code: Option<i32>,
    said: String,
}

/// The world as the holder of a key sees it.
fn collected(world: &World, key: &str, region: &str) -> Asked {
    let server = ModelledAws::start(world).unwrap_or_else(|error| panic!("{error}"));
    let folder = Folder::empty();
    folder.write("secret", "a secret");
    folder.write(
        "muster.toml",
        format!(
            "[[system]]\nname = \"aws\"\nconnector = \"aws\"\naccounts = \"organization\"\nendpoint = \"{}\"\naccess_key_id = \"{key}\"\nattempts = 2\n\
             credential = {{ file = \"secret\" }}\nidentity_center = false\nworkloads = true\nregions = [\"{region}\"]\n",
            server.endpoint
        ),
    );
    let ran = folder.run(&["collect"]);
    assert!(matches!(ran.code, Some(0 | 3)), "{}", ran.stderr);
    Asked { _server: server, folder, code: ran.code, said: ran.stderr }
}

/// By user: how he can make users, and by which technique and resource he takes the role that can.
fn ways(asked: &Asked) -> BTreeMap<String, (String, Option<String>, Option<String>)> {
    let ran = asked.folder.run(&["who-can", "iam:CreateUser", "--transitive", "-o", "json"]);
    let answer: Value = serde_json::from_str(&ran.stdout).unwrap_or_else(|error| panic!("{error}: {}", ran.stderr));
    let rows = list(&answer["who"]).iter().filter(|row| text(&row["principal"]).contains(":user/"));
    let way = |row: &Value| {
        let first = list(&row["through"]).first();
        let word = |name: &str| first.and_then(|hop| hop[name].as_str()).map(str::to_owned);
        (text(&row["name"]), (text(&row["can"]), word("by"), word("about")))
    };
    rows.map(way).collect()
}

#[test]
fn the_documented_policy_names_actions_that_exist() {
    let policy: Value =
        serde_json::from_str(include_str!("../../connectors/src/native/aws/permissions/account.json")).unwrap();
    let actions = list(&policy["Statement"]).iter().flat_map(|statement| match &statement["Action"] {
        Value::Array(all) => all.iter().map(text).collect(),
        one => vec![text(one)],
    });
    let unknown: Vec<String> = actions
        .filter(|action| muster_effective::aws::reference::Reference::builtin().find(action).is_none())
        .collect();
    assert_eq!(unknown, Vec::<String>::new());
}

#[test]
fn each_technique_that_needs_something_there_is_found_where_it_is_and_not_where_it_is_not() {
    let (all, existing) = techniques();
    assert!(existing.len() > 40, "{}", existing.len());
    let (world, _) = everything();
    let asked = collected(&peopled(with_function(world.clone()), &existing), "AKIATEST", REGION);
    assert_eq!(asked.code, Some(0), "{}", asked.said);
    let found = ways(&asked);
    let mut wrong = Vec::new();
    for (id, technique) in &existing {
        match found.get(id) {
            Some((can, Some(by), Some(about))) if can == "allowed" => {
                // Another technique may need less.
                let is_less = all.get(by).is_some_and(|actions| actions.is_subset(&technique.actions));
                let service = technique.kind.trim_start_matches("aws:").split('-').next().unwrap();
                if !is_less || !about.contains(service.trim_start_matches("emr")) {
                    wrong.push(format!("{id}: by {by} on {about}"));
                }
            }
            other => wrong.push(format!("{id}: {other:?}")),
        }
    }
    assert_eq!(wrong, Vec::<String>::new());

    // Where there is nothing, and everything was looked at, nobody takes anything.
    let parameters = |name: &str| name.starts_with("ssm:");
    let bare =
        World { answers: world.answers.into_iter().filter(|(name, _)| parameters(name)).collect(), allowed: None };
    let bare = peopled(bare, &existing);
    for region in [REGION, BARE] {
        let asked = collected(&bare, "AKIATEST", region);
        assert_eq!(asked.code, Some(0), "{}", asked.said);
        assert_eq!(ways(&asked), BTreeMap::new(), "{region}");
    }
    // Where AWS' parameters could not be read, that of App Runner and AgentCore is open; as long as a list is missing, all of it is.
    let asked = collected(&bare, "not.ssm.GetParameters", REGION);
    assert_eq!(asked.code, Some(3), "{}", asked.said);
    let open = ways(&asked);
    assert!(open.values().all(|(can, _, _)| can == "not-evaluated"), "{open:?}");
    assert!(open.contains_key("apprunner-update-service") && open.contains_key("agentcore-drive-browser"), "{open:?}");
}
