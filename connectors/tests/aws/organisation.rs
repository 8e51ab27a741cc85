//! The organisation of six accounts that moto has.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use muster_connectors::record::{
    AccountClass, CredentialState, Fact, GroupRule, PolicyKind, PrincipalKind, PrivilegeLevel, Raw, Record, RecordKind,
};
use muster_connectors::scope::{Probe, ScopeState};
use muster_testbeds::moto::Moto;

use crate::{Collected, collect, configured, run};

/// Live settings for the seeded caller, with `more`; its secret lies in a file of `folder`.
fn of_organisation(moto: &Moto, folder: &Path, more: &str) -> String {
    std::fs::write(folder.join("secret"), &moto.seeded.secret_access_key).unwrap();
    format!(
        "{{ endpoint = \"{}\", access_key_id = \"{}\", credential = {{ file = \"secret\" }}, role = \"{}\", \
         external_id = \"{}\", attempts = 3{more} }}",
        moto.endpoint, moto.seeded.access_key_id, moto.seeded.role, moto.seeded.external_id
    )
}

async fn moto() -> Moto {
    tokio::task::spawn_blocking(Moto::start).await.unwrap().unwrap_or_else(|error| panic!("{error}"))
}

#[tokio::test(flavor = "multi_thread")]
async fn every_account_of_an_organisation_is_read_with_exactly_the_documented_permissions() {
    let moto = moto().await;
    moto.enforce_authorization().unwrap();
    let folder = tempfile::tempdir().unwrap();
    let settings = of_organisation(&moto, folder.path(), ", accounts = \"organization\"");
    let collected = collect(&settings, folder.path()).await;
    let seeded = &moto.seeded;
    assert_eq!(collected.gaps(), Vec::<String>::new());
    for (name, account) in seeded.members.iter().filter(|(name, _)| *name != "closed") {
        let scope = format!("account/{account}");
        let report = collected.report(&scope);
        assert_eq!(report.state(), ScopeState::Complete, "{name}");
        assert_eq!(report.tenant.as_deref(), Some(account.as_str()));
        assert_eq!(report.identity, Some(format!("arn:aws:sts::{account}:assumed-role/MusterAudit/muster")));
        let accounts = collected.accounts(&scope);
        let operator = accounts[&format!("{name}-operator")];
        assert_eq!(operator.native_name, Some(format!("arn:aws:iam::{account}:user/{name}-operator")));
        assert_ne!(operator.id, format!("{name}-operator"), "the immutable id, not the name");
        assert_eq!(accounts["root"].id, format!("{account}:root"));
        assert!(accounts["root"].is_root);
    }
    assert!(collected.accounts(&format!("account/{}", seeded.management)).contains_key("muster"));
    assert!(!collected.reports.contains_key(&format!("account/{}", seeded.members["closed"])), "suspended: not read");

    the_payments_account_is_told_in_full(&collected, &moto);
    the_organisation_is_told_with_its_tree_and_policies(&collected, &moto);
    identity_center_is_told_with_its_assignments(&collected, &moto);
    policies_of_resources_are_told(&collected, &moto);

    let with_workloads = of_organisation(&moto, folder.path(), ", accounts = \"organization\", workloads = true");
    let probes = configured(&with_workloads, folder.path()).unwrap().probe(&run()).await.unwrap();
    let (good, other): (Vec<&Probe>, Vec<&Probe>) = probes.iter().partition(|probe| probe.granted == Some(true));
    let other: BTreeSet<&str> = other.iter().map(|probe| probe.permission.split(' ').next().unwrap()).collect();
    assert_eq!(other, super::permissions::SLIPS_OF_MOTO.into());
    assert!(good.len() > 150, "{}", good.len());
}

fn the_payments_account_is_told_in_full(collected: &Collected, moto: &Moto) {
    let number = &moto.seeded.members["payments"];
    let scope = format!("account/{number}");
    let accounts = collected.accounts(&scope);
    let ada = accounts["ada"];
    assert_eq!(ada.emails, ["ada.lovelace@acme.example"]);
    assert_eq!(ada.employee_id.as_deref(), Some("E1815"));
    assert_eq!(ada.attributes["tag:cost"], "47");
    assert_eq!(ada.attributes["path"], "/people/");
    assert_eq!(ada.interactive, Fact::Known(true));
    assert_eq!(ada.mfa, Fact::Known(vec!["virtual".to_owned()]));
    assert_eq!(ada.class, None, "whether ada is a person is not AWS's to say");
    let runner = accounts["ci-runner"];
    assert_eq!(runner.owner.as_deref(), Some("platform@acme.example"));
    assert_eq!(runner.interactive, Fact::Known(false));
    assert_eq!(runner.mfa, Fact::Absent);
    assert!(matches!(runner.last_activity, Fact::Known(_)), "{:?}", runner.last_activity);
    assert_eq!(accounts["github-deploy"].class, Some(AccountClass::Service));
    assert_eq!(accounts["AWSServiceRoleForAutoScaling"].class, Some(AccountClass::System));
    assert_eq!(accounts["root"].last_activity, Fact::Known("2021-05-06T07:08:09Z".parse().unwrap()));

    let credentials = collected.credentials(&scope);
    let [active, inactive] = [&moto.seeded.ada_keys[0], &moto.seeded.ada_keys[1]].map(|key| credentials[key.as_str()]);
    assert_eq!((active.state, inactive.state), (CredentialState::Active, CredentialState::Inactive));
    assert_eq!(active.account, ada.id);
    assert_eq!(active.last_used, Fact::Never);
    assert!(matches!(credentials[moto.seeded.used_key.as_str()].last_used, Fact::Known(_)));
    assert_eq!(credentials[format!("{}/password", ada.id).as_str()].state, CredentialState::Active);
    let everything = format!("{:?}", collected.of(&scope));
    assert!(!everything.contains("not-a-real-one"), "no secret is ever in a record");

    let policies = collected.policies(&scope);
    let deploy = policies[moto.seeded.deploy.as_str()];
    assert_eq!(deploy.version.as_deref(), Some("v2"));
    assert!(deploy.document.contains("iam:PassRole"), "{}", deploy.document);
    let former = policies[format!("{}/version/v1", moto.seeded.deploy).as_str()];
    assert!(!former.document.contains("iam:PassRole") && former.targets == [moto.seeded.deploy.clone()]);
    let inline = policies[format!("{}/inline/notes äöü", ada.id).as_str()];
    assert!(inline.document.starts_with('{') && inline.document.contains("arn:aws:s3:::notes/*"));
    let boundary = policies[format!("{}/boundary/{number}", moto.seeded.boundary).as_str()];
    assert_eq!(
        (boundary.kind, boundary.targets.as_slice()),
        (PolicyKind::Boundary, &[accounts["github-deploy"].id.clone()][..])
    );
    let trust = policies[format!("{}/trust", accounts["github-deploy"].id).as_str()];
    assert_eq!(trust.kind, PolicyKind::Trust);
    assert!(
        !policies.contains_key("arn:aws:iam::aws:policy/ReadOnlyAccess"),
        "AWS managed policies only where attached"
    );

    let group = collected.of(&scope).iter().find_map(|record| match record {
        Record::Group(group) if group.name.as_deref() == Some("admins") => Some(group),
        _ => None,
    });
    let group = group.expect("the group admins");
    assert_eq!(group.rule, GroupRule::Assigned);
    let has = |wanted: &dyn Fn(&Record) -> bool| collected.of(&scope).iter().any(wanted);
    assert!(has(&|record| matches!(record, Record::Membership(m) if m.member == ada.id && m.group == group.id)));
    let admin = "arn:aws:iam::aws:policy/AdministratorAccess";
    assert!(has(&|record| matches!(record, Record::Grant(grant) if grant.principal == group.id
        && grant.principal_kind == PrincipalKind::Group && grant.entitlement == admin)));
    assert!(has(&|record| matches!(record, Record::Entitlement(entitlement) if entitlement.id == admin
        && entitlement.privilege == Some(PrivilegeLevel::Admin))));
    assert!(has(&|record| matches!(record, Record::Entitlement(entitlement) if entitlement.id == moto.seeded.deploy
        && entitlement.privilege.is_none())));
    assert!(has(&|record| matches!(record, Record::Federation(federation)
        if federation.account == accounts["github-deploy"].id && federation.subject.as_deref() == Some("repo:acme/payments:*"))));
}

fn the_organisation_is_told_with_its_tree_and_policies(collected: &Collected, moto: &Moto) {
    let seeded = &moto.seeded;
    assert_eq!(collected.report("organization").tenant.as_deref(), Some(seeded.organization.as_str()));
    let resources: BTreeMap<&str, (&str, Option<&str>)> = collected
        .of("organization")
        .iter()
        .filter_map(|record| match record {
            Record::Resource(resource) => {
                Some((resource.id.as_str(), (resource.name.as_deref().unwrap_or(""), resource.parent.as_deref())))
            }
            _ => None,
        })
        .collect();
    assert_eq!(resources[seeded.root.as_str()].1, Some(seeded.organization.as_str()));
    assert_eq!(
        resources[seeded.units["production"].as_str()],
        ("Production", Some(seeded.units["workloads"].as_str()))
    );
    let payments = resources[seeded.members["payments"].as_str()];
    assert_eq!(payments, ("acme-payments", Some(seeded.units["production"].as_str())), "named by its alias");
    let closed = resources[seeded.members["closed"].as_str()];
    assert_eq!(closed, ("closed", Some(seeded.units["sandbox"].as_str())), "listed, though not read");
    let policies = collected.policies("organization");
    let scp = policies[seeded.scp.as_str()];
    let mut targets = vec![seeded.units["workloads"].clone(), seeded.members["play"].clone()];
    targets.sort();
    assert_eq!((scp.kind, &scp.targets), (PolicyKind::Scp, &targets));
    assert!(scp.document.contains("organizations:LeaveOrganization"));
    let rcp = policies[seeded.rcp.as_str()];
    assert_eq!((rcp.kind, rcp.targets.as_slice()), (PolicyKind::Rcp, &[seeded.root.clone()][..]));
}

fn identity_center_is_told_with_its_assignments(collected: &Collected, moto: &Moto) {
    let seeded = &moto.seeded;
    let scope = format!("identity-center/{}", seeded.instance);
    assert_eq!(collected.report(&scope).state(), ScopeState::Complete);
    let accounts = collected.accounts(&scope);
    assert_eq!(accounts["grace"].id, seeded.center["grace"]);
    assert_eq!(accounts["grace"].emails, ["grace.hopper@acme.example", "grace@home.example"], "the primary one first");
    assert!(accounts.contains_key("linus"));
    let mut grants: Vec<(&str, &str, Option<&str>)> = collected
        .of(&scope)
        .iter()
        .filter_map(|record| match record {
            Record::Grant(grant) => {
                Some((grant.principal.as_str(), grant.entitlement.as_str(), grant.resource.as_deref()))
            }
            _ => None,
        })
        .collect();
    grants.sort_unstable();
    let center = |name: &str| seeded.center[name].as_str();
    let member = |name: &str| Some(seeded.members[name].as_str());
    let mut expected = vec![
        (center("grace"), center("admin"), member("payments")),
        (center("engineers"), center("read"), member("payments")),
        (center("engineers"), center("read"), member("shop")),
    ];
    expected.sort_unstable();
    assert_eq!(grants, expected);
    let privileges: BTreeMap<&str, Option<PrivilegeLevel>> = collected
        .of(&scope)
        .iter()
        .filter_map(|record| match record {
            Record::Entitlement(set) => Some((set.id.as_str(), set.privilege)),
            _ => None,
        })
        .collect();
    assert_eq!(privileges[center("admin")], Some(PrivilegeLevel::Admin));
    assert_eq!(privileges[center("read")], None);
    let inline = collected.policies(&scope)[format!("{}/inline", center("read")).as_str()];
    assert_eq!(inline.targets, [center("read")]);
    let is_member = |record: &Record| matches!(record, Record::Membership(m) if m.member == center("grace") && m.group == center("engineers"));
    assert!(collected.of(&scope).iter().any(is_member));
}

fn policies_of_resources_are_told(collected: &Collected, moto: &Moto) {
    let payments = &moto.seeded.members["payments"];
    let global = format!("resource-policies/{payments}/global");
    assert_eq!(collected.kind(&global, RecordKind::Resource).withheld, BTreeMap::new());
    let mut buckets: Vec<(&str, &str)> = collected
        .of(&global)
        .iter()
        .filter_map(|record| match record {
            Record::Resource(bucket) => {
                Some((bucket.id.as_str(), bucket.attributes["restrict-public-buckets"].as_str()))
            }
            _ => None,
        })
        .collect();
    buckets.sort_unstable();
    let expected = [
        ("arn:aws:s3:::acme-abroad", "false"),
        ("arn:aws:s3:::acme-ledger", "false"),
        ("arn:aws:s3:::acme-scratch", "true"),
    ];
    assert_eq!(buckets, expected, "with what Block Public Access says");
    assert!(collected.of(&format!("resource-policies/{}/global", moto.seeded.members["data"])).iter().any(|record| {
        matches!(record, Record::Resource(bucket) if bucket.attributes["restrict-public-buckets"] == "true"
            && bucket.attributes["ignore-public-acls"] == "false")
    }));
    let policies = collected.policies(&global);
    assert_eq!(policies.keys().collect::<Vec<_>>(), [&"arn:aws:s3:::acme-ledger/policy"], "no policy is no gap");
    let regional = format!("resource-policies/{payments}/us-east-1");
    let found: BTreeMap<&str, &str> = collected
        .policies(&regional)
        .into_values()
        .map(|policy| (policy.targets[0].split(':').nth(2).unwrap(), policy.document.as_str()))
        .collect();
    assert_eq!(found.keys().copied().collect::<Vec<_>>(), ["kms", "lambda", "secretsmanager", "sns", "sqs"]);
    assert!(found["sns"].contains("sns:Publish"));
    assert!(found["lambda"].contains("s3.amazonaws.com"));
    let role = format!("arn:aws:iam::{payments}:role/github-deploy");
    let runs_as =
        |record: &Record| matches!(record, Record::Resource(one) if one.attributes.get("role") == Some(&role));
    assert!(collected.of(&regional).iter().any(runs_as), "the role that a function runs as");
    assert!(collected.of(&format!("account/{payments}")).iter().any(runs_as), "and that of an instance profile");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_role_removed_in_one_account_fails_that_account_and_no_other() {
    let moto = moto().await;
    let data = moto.seeded.members["data"].clone();
    moto.remove_role(&data).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let settings = of_organisation(&moto, folder.path(), ", accounts = \"organization\"");
    let collected = collect(&settings, folder.path()).await;
    for (scope, report) in &collected.reports {
        let expected = if scope.contains(&data) { ScopeState::Failed } else { ScopeState::Complete };
        assert_eq!(report.state(), expected, "{scope}: {:?}", collected.gaps());
    }
    assert_eq!(collected.reports.keys().filter(|scope| scope.contains(&data)).count(), 3);
    let gap = &collected.kind(&format!("account/{data}"), RecordKind::Account).gaps[0];
    assert_eq!(gap.code, "AWS010");
    assert!(gap.what.contains(&format!("arn:aws:iam::{data}:role/MusterAudit")), "{}", gap.what);
    assert!(gap.what.contains("external id `acme-audit-7`"));
    assert!(gap.cause.as_deref().unwrap().contains("AccessDenied"));
    let fix = gap.fix.as_deref().unwrap();
    assert!(fix.contains("MusterAudit") && fix.contains("trust policy") && fix.contains("sts:ExternalId"), "{fix}");

    let probes = configured(&settings, folder.path()).unwrap().probe(&run()).await.unwrap();
    let refused: Vec<&Probe> = probes.iter().filter(|probe| probe.granted != Some(true)).collect();
    assert_eq!(refused.len(), 1, "{refused:?}");
    assert_eq!(refused[0].permission, format!("sts:AssumeRole in {data}"));
    assert_eq!(refused[0].granted, Some(false));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_account_read_from_files_equals_the_same_account_read_live() {
    let moto = moto().await;
    let payments = moto.seeded.members["payments"].clone();
    let folder = tempfile::tempdir().unwrap();
    let more = format!(", accounts = [\"{payments}\"], resource_policies = false, identity_center = false");
    let live = collect(&of_organisation(&moto, folder.path(), &more), folder.path()).await;
    let export = folder.path().join("export").join(&payments);
    std::fs::create_dir_all(&export).unwrap();
    moto.export(&payments, &export).unwrap();
    let files = collect("{ folder = \"export\", collected = \"2026-11-20T06:00:00Z\" }", folder.path()).await;
    let scope = format!("account/{payments}");
    assert_eq!(files.report(&scope).state(), ScopeState::Complete, "{:?}", files.gaps());
    assert_eq!(live.report(&scope).state(), ScopeState::Complete, "{:?}", live.gaps());
    assert_eq!(files.report(&scope).files.len(), 5);
    assert_eq!(files.report(&scope).files[0].sha256.len(), 64);
    let (live, files) = (comparable(live.of(&scope)), comparable(files.of(&scope)));
    assert!(live.len() > 30, "{}", live.len());
    for (live, files) in live.iter().zip(&files) {
        assert_eq!(live, files);
    }
    assert_eq!(live.len(), files.len());
}

/// Records as sorted JSON. Live documents are verbatim and those of the AWS CLI are parsed: both are parsed here. The role
/// that both ways assume is used by assuming it.
fn comparable(records: &[Record]) -> Vec<String> {
    let mut all: Vec<String> = records
        .iter()
        .map(|record| {
            let mut record = record.clone();
            if let Record::Policy(policy) = &mut record {
                let document: serde_json::Value = serde_json::from_str(&policy.document).unwrap();
                policy.document = document.to_string();
            }
            match &mut record {
                Record::Account(account) if account.login.as_deref() == Some("MusterAudit") => {
                    assert!(matches!(account.last_activity, Fact::Known(_)));
                    account.last_activity = Fact::Unsupported;
                    account.raw = Raw::None;
                }
                _ => {}
            }
            serde_json::to_string_pretty(&record).unwrap()
        })
        .collect();
    all.sort();
    all
}
