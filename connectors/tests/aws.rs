//! The `aws` connector: against moto (an organisation of six accounts), against a scripted server for what moto lacks, and
//! from files.

#![expect(clippy::unwrap_used, reason = "what helpers of tests cannot do fails the test")]

mod collected;
#[path = "aws/permissions.rs"]
mod permissions;
#[path = "aws/workloads.rs"]
mod workloads;

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use collected::drained;
use muster_connectors::record::{
    Account, AccountClass, Credential, CredentialState, Fact, GroupRule, Policy, PolicyKind, PrincipalKind,
    PrivilegeLevel, Raw, Record, RecordKind,
};
use muster_connectors::scope::{KindReport, Probe, ScopeReport, ScopeState};
use muster_connectors::secret::Environment;
use muster_connectors::sink::{Batch, Unwatched};
use muster_connectors::{Connector, ConnectorError, Run, Settings, SettingsError, find};
use muster_testbeds::moto::Moto;
use muster_testbeds::scripted_aws::{ACCOUNT, Answer, Call, ScriptedAws};
use tokio_util::sync::CancellationToken;

struct Collected {
    records: BTreeMap<String, Vec<Record>>,
    reports: BTreeMap<String, ScopeReport>,
}

impl Collected {
    fn report(&self, scope: &str) -> &ScopeReport {
        self.reports.get(scope).unwrap_or_else(|| panic!("no scope `{scope}` among {:?}", self.reports.keys()))
    }

    fn kind(&self, scope: &str, kind: RecordKind) -> &KindReport {
        &self.report(scope).kinds[&kind]
    }

    fn of(&self, scope: &str) -> &[Record] {
        self.records.get(scope).map_or(&[], Vec::as_slice)
    }

    fn accounts(&self, scope: &str) -> BTreeMap<String, &Account> {
        let accounts = self.of(scope).iter().filter_map(|record| match record {
            Record::Account(account) => Some((account.login.clone().unwrap(), account.as_ref())),
            _ => None,
        });
        accounts.collect()
    }

    fn credentials(&self, scope: &str) -> BTreeMap<&str, &Credential> {
        let credentials = self.of(scope).iter().filter_map(|record| match record {
            Record::Credential(credential) => Some((credential.id.as_str(), credential.as_ref())),
            _ => None,
        });
        credentials.collect()
    }

    fn policies(&self, scope: &str) -> BTreeMap<&str, &Policy> {
        let policies = self.of(scope).iter().filter_map(|record| match record {
            Record::Policy(policy) => Some((policy.id.as_str(), policy.as_ref())),
            _ => None,
        });
        policies.collect()
    }

    /// Every gap of every scope, for messages.
    fn gaps(&self) -> Vec<String> {
        let gaps = self.reports.values().flat_map(|report| {
            report.kinds.iter().flat_map(move |(kind, state)| {
                state.gaps.iter().map(move |gap| format!("{} {kind}: {} ({:?})", report.scope, gap.what, gap.cause))
            })
        });
        gaps.collect()
    }
}

fn configured(settings: &str, folder: &Path) -> Result<Box<dyn Connector>, SettingsError> {
    let table = toml::de::ValueDeserializer::parse(settings).unwrap();
    let environment = Environment::from([("AWS_TEST_SECRET".to_owned(), "secret".to_owned())]);
    (find("aws").unwrap().configure)(Settings {
        system: "aws",
        table,
        folder: folder.to_owned(),
        environment: Arc::new(environment),
    })
}

fn run() -> Run {
    Run { now: "2026-11-20T06:00:00Z".parse().unwrap(), cancel: CancellationToken::new(), concurrency: 8, memory: None }
}

async fn collected_with(connector: Box<dyn Connector>, run: &Run) -> (Collected, Result<(), ConnectorError>) {
    let mut records: BTreeMap<String, Vec<Record>> = BTreeMap::new();
    let take = |batch: Batch| records.entry(batch.scope.to_string()).or_default().extend(batch.records);
    let (result, reports) = drained(&*connector, run, Arc::new(Unwatched), take).await;
    let reports = reports.into_iter().map(|report| (report.scope.clone(), report)).collect();
    (Collected { records, reports }, result)
}

async fn collect(settings: &str, folder: &Path) -> Collected {
    let (collected, result) = collected_with(configured(settings, folder).unwrap(), &run()).await;
    result.unwrap();
    collected
}

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
    assert_eq!(other, permissions::SLIPS_OF_MOTO.into());
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

/// Collects the scripted account, whose resources and Identity Center are not part of the script.
async fn scripted(script: impl Fn(&Call) -> Option<Answer> + Send + Sync + 'static) -> (Collected, Vec<Call>) {
    let server = ScriptedAws::start(script).unwrap();
    let collected = collect(&scripted_settings(&server), Path::new(".")).await;
    (collected, server.calls())
}

fn scripted_settings(server: &ScriptedAws) -> String {
    format!(
        "{{ endpoint = \"{}\", access_key_id = \"AKIATEST\", credential = {{ env = \"AWS_TEST_SECRET\" }}, attempts = 3, \
         identity_center = false, resource_policies = false }}",
        server.endpoint
    )
}

fn scripted_scope() -> String {
    format!("account/{ACCOUNT}")
}

const DETAILS: &str = "GetAccountAuthorizationDetails";

#[tokio::test]
async fn scripted_three_pages_are_followed_by_their_markers() {
    let (collected, calls) = scripted(|_| None).await;
    assert_eq!(collected.gaps(), Vec::<String>::new());
    let scope = scripted_scope();
    assert_eq!(collected.report(&scope).pages, 3);
    let accounts = collected.accounts(&scope);
    assert_eq!(accounts.keys().collect::<Vec<_>>(), ["ada", "bob", "cyd", "root", "runner"]);
    assert_eq!(accounts["ada"].last_activity, Fact::Known("2025-03-04T05:06:07Z".parse().unwrap()));
    assert_eq!(accounts["bob"].last_activity, Fact::Never, "a password that was never used");
    assert_eq!(accounts["runner"].last_activity, Fact::Known("2025-02-03T04:05:06Z".parse().unwrap()));
    assert_eq!(accounts["root"].interactive, Fact::Known(true));
    let root_key = collected.credentials(&scope)[format!("{ACCOUNT}:root/access_key_1").as_str()];
    assert_eq!((root_key.state, &root_key.last_used), (CredentialState::Active, &Fact::Never));
    let asked: Vec<Option<&str>> =
        calls.iter().filter(|call| call.action == DETAILS).map(|call| call.marker.as_deref()).collect();
    assert_eq!(asked, [None, Some("to%2Bpage%2F2%3D%3D"), Some("page3")]);
}

/// Settings that ask for what principals used.
fn with_use(server: &ScriptedAws) -> String {
    scripted_settings(server).replace("attempts = 3", "attempts = 3, last_accessed = true")
}

const START_USE: &str = "GenerateServiceLastAccessedDetails";
const READ_USE: &str = "GetServiceLastAccessedDetails";

#[tokio::test]
async fn scripted_what_principals_used_is_asked_for_looked_at_until_it_is_ready_and_read_to_the_last_page() {
    let server = ScriptedAws::start(|call| match (call.action.as_str(), call.about.as_str()) {
        (START_USE, about) if about.ends_with("bob") => {
            Some(Answer::Error { status: 404, code: "NoSuchEntity", message: "deleted meanwhile" })
        }
        (READ_USE, "job-of-cyd") => Some(Answer::Result(
            "<JobStatus>FAILED</JobStatus><JobCreationDate>2026-01-01T00:00:00Z</JobCreationDate><ServicesLastAccessed/>\
             <JobCompletionDate>2026-01-01T00:00:00Z</JobCompletionDate><Error><Message>try again</Message><Code>X</Code></Error>"
                .to_owned(),
        )),
        _ => None,
    })
    .unwrap();
    let collected = collect(&with_use(&server), Path::new(".")).await;
    assert_eq!(collected.gaps(), Vec::<String>::new(), "what is not known is withheld, nothing else is missing");
    let accounts = collected.accounts(&scripted_scope());
    let expected = BTreeMap::from([
        ("iam".to_owned(), Fact::Never),
        ("s3".to_owned(), Fact::Known("2026-10-01T02:03:04Z".parse().unwrap())),
        ("s3:GetObject".to_owned(), Fact::Known("2026-09-30T02:03:04Z".parse().unwrap())),
        ("s3:PutObject".to_owned(), Fact::Never),
    ]);
    assert_eq!(accounts["ada"].used, expected);
    assert_eq!(accounts["runner"].used, expected, "roles as well");
    assert!(accounts["bob"].used.is_empty() && accounts["cyd"].used.is_empty(), "unknown is not unused");
    let withheld = &collected.kind(&scripted_scope(), RecordKind::Account).withheld;
    assert!(withheld["used"].contains("user/cyd` failed: try again"), "{withheld:?}");
    let looks = server.calls().iter().filter(|call| call.action == READ_USE && call.about == "job-of-ada").count();
    assert_eq!(looks, 3, "one too early, two pages");
}

#[tokio::test]
async fn scripted_the_missing_permission_for_last_uses_is_said_once_and_costs_nothing_else() {
    let denied = Answer::Error { status: 403, code: "AccessDenied", message: "not authorized" };
    let server = ScriptedAws::start(move |call| (call.action == START_USE).then(|| denied.clone())).unwrap();
    let collected = collect(&with_use(&server), Path::new(".")).await;
    assert_eq!(collected.report(&scripted_scope()).state(), ScopeState::Complete, "{:?}", collected.gaps());
    let withheld = &collected.kind(&scripted_scope(), RecordKind::Account).withheld;
    assert!(withheld["used"].contains("iam:GenerateServiceLastAccessedDetails"), "{withheld:?}");
    assert!(collected.accounts(&scripted_scope()).values().all(|account| account.used.is_empty()));
}

#[tokio::test]
async fn what_principals_used_is_read_from_a_file_and_a_damaged_one_is_withheld() {
    let uses = r#"{"LastAccessed": [{"Arn": "arn:aws:iam::111122223333:user/ada", "JobStatus": "COMPLETED", "ServicesLastAccessed": [
        {"ServiceName": "Amazon EC2", "ServiceNamespace": "ec2", "TotalAuthenticatedEntities": 0},
        {"ServiceName": "Amazon S3", "ServiceNamespace": "s3", "LastAuthenticated": "2026-10-01T02:03:04+00:00",
         "TrackedActionsLastAccessed": [{"ActionName": "GetObject", "LastAccessedTime": "2026-09-30T02:03:04+00:00"}]}]}]}"#;
    let written = collect_damaged(|folder| std::fs::write(folder.join("last-accessed.json"), uses).unwrap()).await;
    let scope = "account/111122223333";
    let used = &written.accounts(scope)["ada"].used;
    assert_eq!(used.keys().collect::<Vec<_>>(), ["ec2", "s3", "s3:GetObject"]);
    assert_eq!(used["ec2"], Fact::Never);
    let damaged =
        collect_damaged(|folder| std::fs::write(folder.join("last-accessed.json"), &uses[..90]).unwrap()).await;
    assert_eq!(damaged.report(scope).state(), ScopeState::Complete, "{:?}", damaged.gaps());
    assert!(damaged.kind(scope, RecordKind::Account).withheld.contains_key("used"));
}

#[tokio::test]
async fn scripted_a_marker_that_leads_back_fails_instead_of_looping() {
    let back = "<UserDetailList/><IsTruncated>true</IsTruncated><Marker>again</Marker>";
    let (collected, calls) =
        scripted(move |call| (call.action == DETAILS).then(|| Answer::Result(back.to_owned()))).await;
    let report = collected.report(&scripted_scope());
    assert_eq!(report.state(), ScopeState::Failed);
    let gap = &report.kinds[&RecordKind::Account].gaps[0];
    assert!(gap.cause.as_deref().unwrap().contains("marker `again`"), "{gap:?}");
    assert_eq!(calls.iter().filter(|call| call.action == DETAILS).count(), 2);
}

#[tokio::test]
async fn scripted_a_page_that_promises_more_without_a_marker_fails() {
    let lost = "<UserDetailList/><IsTruncated>true</IsTruncated>";
    let (collected, _) = scripted(move |call| (call.action == DETAILS).then(|| Answer::Result(lost.to_owned()))).await;
    assert_eq!(collected.report(&scripted_scope()).state(), ScopeState::Failed);
}

fn throttled() -> Answer {
    Answer::Error { status: 400, code: "Throttling", message: "Rate exceeded" }
}

#[tokio::test]
async fn scripted_throttling_that_passes_leaves_no_trace() {
    let (collected, calls) =
        scripted(|call| (call.action == DETAILS && call.marker.is_none() && call.earlier < 2).then(throttled)).await;
    assert_eq!(collected.gaps(), Vec::<String>::new());
    assert_eq!(calls.iter().filter(|call| call.action == DETAILS).count(), 5);
}

#[tokio::test]
async fn scripted_throttling_that_stays_makes_the_account_partial_and_keeps_what_was_read() {
    let (collected, calls) =
        scripted(|call| (call.action == DETAILS && call.marker.as_deref() == Some("page3")).then(throttled)).await;
    let report = collected.report(&scripted_scope());
    assert_eq!(report.state(), ScopeState::Partial);
    for kind in [RecordKind::Account, RecordKind::Membership, RecordKind::Policy] {
        assert_eq!(report.kinds[&kind].state, ScopeState::Partial, "{kind}");
        assert_eq!(report.kinds[&kind].gaps[0].code, "AWS003");
    }
    let accounts = collected.accounts(&scripted_scope());
    assert_eq!(accounts.keys().collect::<Vec<_>>(), ["ada", "bob", "root", "runner"]);
    assert_eq!(calls.iter().filter(|call| call.marker.as_deref() == Some("page3")).count(), 3, "`attempts` tries");
}

#[tokio::test]
async fn scripted_a_refused_credential_report_withholds_its_fields_and_nothing_else() {
    let refuse = |call: &Call| {
        (call.action == "GenerateCredentialReport").then_some(Answer::Error {
            status: 403,
            code: "AccessDenied",
            message: "User is not authorized to perform: iam:GenerateCredentialReport",
        })
    };
    let (collected, _) = scripted(refuse).await;
    let report = collected.report(&scripted_scope());
    let accounts = &report.kinds[&RecordKind::Account];
    assert_eq!(accounts.state, ScopeState::Complete, "{:?}", collected.gaps());
    assert_eq!(accounts.withheld.keys().collect::<Vec<_>>(), ["last_activity", "password_changed"]);
    let credentials = &report.kinds[&RecordKind::Credential];
    assert_eq!(credentials.state, ScopeState::Partial);
    assert!(credentials.gaps[0].fix.as_deref().unwrap().contains("`iam:GenerateCredentialReport`"));
    let of = collected.accounts(&scripted_scope());
    assert_eq!(of["bob"].interactive, Fact::Known(false), "login profiles tell it instead");
    assert_eq!(of["root"].last_activity, Fact::Unreadable, "unreadable is not never");
}

#[tokio::test]
async fn scripted_refused_access_keys_make_credentials_partial_and_activity_unreadable_only_where_it_matters() {
    let (collected, calls) = scripted(|call| {
        (call.action == "ListAccessKeys").then_some(Answer::Error { status: 403, code: "AccessDenied", message: "no" })
    })
    .await;
    let report = collected.report(&scripted_scope());
    assert_eq!(report.kinds[&RecordKind::Account].state, ScopeState::Complete);
    assert_eq!(report.kinds[&RecordKind::Credential].state, ScopeState::Partial);
    assert_eq!(report.kinds[&RecordKind::Credential].gaps.len(), 1, "said once, not for every user");
    assert!(calls.iter().filter(|call| call.action == "ListAccessKeys").count() <= 3);
}

#[tokio::test]
async fn scripted_a_connection_cut_in_the_middle_is_tried_again_and_then_a_gap() {
    let (collected, _) = scripted(|call| (call.action == DETAILS && call.earlier == 0).then_some(Answer::Cut)).await;
    assert_eq!(collected.gaps(), Vec::<String>::new(), "once is forgiven");
    let (collected, _) =
        scripted(|call| (call.action == DETAILS && call.marker.is_some()).then_some(Answer::Cut)).await;
    let gap = &collected.kind(&scripted_scope(), RecordKind::Account).gaps[0];
    assert_eq!(gap.code, "AWS006", "{gap:?}");
    assert_eq!(collected.report(&scripted_scope()).state(), ScopeState::Partial);
}

#[tokio::test]
async fn scripted_a_web_page_in_place_of_an_answer_fails_the_account() {
    let (collected, _) = scripted(|call| (call.action == DETAILS).then_some(Answer::Html(500))).await;
    let report = collected.report(&scripted_scope());
    assert_eq!(report.state(), ScopeState::Failed);
    let gap = &report.kinds[&RecordKind::Account].gaps[0];
    assert_eq!(gap.code, "AWS005", "{gap:?}");
    assert!(gap.cause.as_deref().unwrap().contains("HTTP 500"), "{gap:?}");
    let (collected, _) = scripted(|call| (call.action == DETAILS).then_some(Answer::Html(200))).await;
    assert_eq!(collected.report(&scripted_scope()).state(), ScopeState::Failed);
}

#[tokio::test]
async fn scripted_a_refused_credential_is_an_error_of_the_system() {
    let server = ScriptedAws::start(|call| {
        (call.action == "GetCallerIdentity").then_some(Answer::Error {
            status: 403,
            code: "InvalidClientTokenId",
            message: "The security token included in the request is invalid.",
        })
    })
    .unwrap();
    let connector = configured(&scripted_settings(&server), Path::new(".")).unwrap();
    let (_, result) = collected_with(connector, &run()).await;
    let Err(ConnectorError::Failed(gap)) = result else { panic!("{result:?}") };
    assert_eq!(gap.code, "AWS002");
    assert!(!format!("{gap:?}").contains("secret\""));
}

#[tokio::test]
async fn scripted_a_cancelled_run_ends_at_once_and_claims_nothing() {
    let server = ScriptedAws::start(|call| (call.action == DETAILS).then_some(Answer::Silence)).unwrap();
    let run = run();
    let cancel = run.cancel.clone();
    tokio::spawn(async move {
        tokio::time::sleep(Duration::from_millis(500)).await;
        cancel.cancel();
    });
    let began = Instant::now();
    let connector = configured(&scripted_settings(&server), Path::new(".")).unwrap();
    let (collected, result) = collected_with(connector, &run).await;
    assert!(matches!(result, Err(ConnectorError::Stopped)), "{result:?}");
    assert!(began.elapsed() < Duration::from_secs(3), "{:?}", began.elapsed());
    assert_eq!(collected.report(&scripted_scope()).state(), ScopeState::Failed);
}

#[tokio::test]
async fn scripted_resource_lists_are_tried_again_when_throttled_and_a_refused_one_is_a_gap_of_its_own() {
    let server = ScriptedAws::start(|call| match (call.action.as_str(), call.earlier) {
        ("/2015-03-31/functions", 0) => Some(Answer::Json(429, r#"{"message":"Rate exceeded"}"#.into())),
        ("/2015-03-31/functions", _) => Some(Answer::Json(200, r#"{"Functions":[{"FunctionName":"pay"}]}"#.into())),
        ("/2015-03-31/functions/pay/policy", _) => {
            Some(Answer::Json(403, r#"{"__type":"AccessDeniedException","Message":"not authorized"}"#.into()))
        }
        ("/", _) => Some(Answer::Json(200, "{}".into())),
        ("ListTopics", _) => Some(Answer::Result("<Topics/>".into())),
        ("DescribeVpcEndpoints", _) => Some(Answer::Result("<vpcEndpointSet/>".into())),
        ("/?max-buckets=1000", _) => Some(Answer::Html(502)),
        _ => None,
    })
    .unwrap();
    let settings = scripted_settings(&server).replace("resource_policies = false", "resource_policies = true");
    let collected = collect(&settings, Path::new(".")).await;
    assert_eq!(collected.report(&scripted_scope()).state(), ScopeState::Complete, "IAM has nothing to do with it");
    let regional = format!("resource-policies/{ACCOUNT}/us-east-1");
    assert_eq!(collected.kind(&regional, RecordKind::Resource).state, ScopeState::Complete, "{:?}", collected.gaps());
    let policies = collected.kind(&regional, RecordKind::Policy);
    assert_eq!((policies.state, policies.gaps.len()), (ScopeState::Partial, 1));
    assert!(policies.gaps[0].what.contains("`pay`"));
    assert!(policies.gaps[0].fix.as_deref().unwrap().contains("`lambda:GetPolicy`"));
    let buckets = collected.kind(&format!("resource-policies/{ACCOUNT}/global"), RecordKind::Resource);
    assert_eq!((buckets.state, buckets.gaps[0].code.as_str()), (ScopeState::Partial, "AWS005"));
    let asked = server.calls().iter().filter(|call| call.action == "/?max-buckets=1000").count();
    assert_eq!(asked, 3, "`attempts` tries");
}

fn fixtures() -> &'static Path {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/fixtures/aws"))
}

#[tokio::test]
async fn a_folder_of_exports_gives_the_organisation_and_names_the_account_that_is_missing() {
    let collected = collect("{ folder = \"organisation\" }", fixtures()).await;
    assert_eq!(collected.report("account/111122223333").state(), ScopeState::Complete, "{:?}", collected.gaps());
    let missing = collected.kind("account/444455556666", RecordKind::Account);
    assert_eq!((missing.state, missing.gaps[0].code.as_str()), (ScopeState::Failed, "AWS014"));
    assert!(!collected.reports.contains_key("account/777788889999"), "suspended");
    let scp = collected.policies("organization")["arn:aws:organizations::111122223333:policy/o-acme/service_control_policy/p-1"];
    assert_eq!(scp.targets, ["ou-acme-1"]);
    let center = collected.accounts("identity-center/ssoins-1");
    assert_eq!(center["grace"].federated[0].subject, "00u1");
    let accounts = collected.accounts("account/111122223333");
    assert_eq!(accounts["ada"].mfa, Fact::Known(vec!["mfa_active".to_owned()]), "without a list the report tells it");
    let key = collected.credentials("account/111122223333")["AIDAADA/access_key_1"];
    assert_eq!(key.rotated, Fact::Known("2024-01-02T03:04:05Z".parse().unwrap()));
    assert!(matches!(&accounts["ada"].raw, Raw::Object(json) if json.contains("\"UserId\":\"AIDAADA\"")));
}

#[tokio::test]
async fn one_file_of_details_says_what_it_cannot_know() {
    let collected = collect("{ file = \"organisation/111122223333/authorization-details.json\" }", fixtures()).await;
    let report = collected.report("account/111122223333");
    assert_eq!(report.state(), ScopeState::Complete);
    assert!(!report.kinds.contains_key(&RecordKind::Credential), "not promised");
    let withheld = &report.kinds[&RecordKind::Account].withheld;
    assert_eq!(withheld.keys().collect::<Vec<_>>(), ["interactive", "last_activity", "mfa", "password_changed"]);
    assert_eq!(collected.accounts("account/111122223333")["ada"].last_activity, Fact::Unsupported);
}

/// A copy of the fixture account in a folder of its own, to be damaged.
fn damaged(damage: impl Fn(&Path)) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let account = folder.path().join("export/111122223333");
    std::fs::create_dir_all(&account).unwrap();
    for name in ["authorization-details.json", "credential-report.csv"] {
        std::fs::copy(fixtures().join("organisation/111122223333").join(name), account.join(name)).unwrap();
    }
    damage(&account);
    folder
}

async fn collect_damaged(damage: impl Fn(&Path)) -> Collected {
    let folder = damaged(damage);
    collect("{ folder = \"export\" }", folder.path()).await
}

#[tokio::test]
async fn a_details_file_cut_off_in_the_middle_fails_the_account_with_the_position() {
    let collected = collect_damaged(|account| {
        let path = account.join("authorization-details.json");
        let text = std::fs::read_to_string(&path).unwrap();
        std::fs::write(&path, &text[..text.len() / 2]).unwrap();
    })
    .await;
    let report = collected.report("account/111122223333");
    assert_eq!(report.state(), ScopeState::Failed);
    assert!(report.kinds.values().all(|kind| kind.state == ScopeState::Failed));
    let at = report.kinds[&RecordKind::Account].gaps[0].at.as_deref().unwrap();
    assert!(at.starts_with("export/111122223333/authorization-details.json:"), "{at}");
}

#[tokio::test]
async fn a_missing_last_page_makes_the_account_partial() {
    let collected = collect_damaged(|account| {
        let path = account.join("authorization-details.json");
        let text = std::fs::read_to_string(&path).unwrap();
        std::fs::write(&path, text.replacen('{', "{\"IsTruncated\": true, \"Marker\": \"x\",", 1)).unwrap();
    })
    .await;
    assert_eq!(collected.kind("account/111122223333", RecordKind::Account).state, ScopeState::Partial);
}

#[tokio::test]
async fn a_missing_credential_report_is_a_gap_and_root_is_still_there() {
    let collected =
        collect_damaged(|account| std::fs::remove_file(account.join("credential-report.csv")).unwrap()).await;
    assert_eq!(collected.kind("account/111122223333", RecordKind::Credential).state, ScopeState::Partial);
    assert!(collected.accounts("account/111122223333")["root"].is_root);
}

#[tokio::test]
async fn the_report_is_read_as_the_command_line_prints_it_and_in_utf_16() {
    use base64::Engine;
    let plain = collect_damaged(|_| {}).await;
    let printed = collect_damaged(|account| {
        let path = account.join("credential-report.csv");
        let content = base64::engine::general_purpose::STANDARD.encode(std::fs::read(&path).unwrap());
        let json = format!("{{\"Content\": \"{content}\", \"ReportFormat\": \"text/csv\"}}");
        let utf16: Vec<u8> = [0xFEFF].into_iter().chain(json.encode_utf16()).flat_map(u16::to_le_bytes).collect();
        std::fs::write(&path, utf16).unwrap();
    })
    .await;
    assert_eq!(printed.of("account/111122223333"), plain.of("account/111122223333"));
}

#[tokio::test]
async fn an_unreadable_policy_document_is_named_and_kept() {
    let collected = collect_damaged(|account| {
        let path = account.join("authorization-details.json");
        let text = std::fs::read_to_string(&path).unwrap();
        std::fs::write(&path, text.replace("\"%7B%22Version", "\"%7B%22Version%22%3A%2C")).unwrap();
    })
    .await;
    let report = collected.report("account/111122223333");
    let policies = &report.kinds[&RecordKind::Policy];
    assert_eq!(policies.state, ScopeState::Partial);
    assert_eq!(policies.gaps.len(), 1, "{:?}", policies.gaps);
    assert!(
        policies.gaps[0].what.contains("AIDAADA/inline/url-encoded") && policies.gaps[0].what.contains("column 12")
    );
    assert_eq!(report.kinds[&RecordKind::Account].state, ScopeState::Complete);
    assert!(
        collected.policies("account/111122223333")["AIDAADA/inline/url-encoded"].document.starts_with("{\"Version\":,")
    );
}

#[tokio::test]
async fn an_export_in_the_wrong_folder_is_refused() {
    let folder = damaged(|account| std::fs::rename(account, account.with_file_name("444455556666")).unwrap());
    let collected = collect("{ folder = \"export\" }", folder.path()).await;
    let gap = &collected.kind("account/444455556666", RecordKind::Account).gaps[0];
    assert!(gap.what.contains("holds the details of account 111122223333"));
}

#[test]
fn settings_that_cannot_mean_anything_are_refused_with_a_fix() {
    for (settings, word) in [
        ("{ accounts = \"everything\" }", "organization"),
        ("{ accounts = [\"123\"] }", "twelve digits"),
        ("{ external_id = \"x\" }", "role"),
        ("{ role = \"arn:aws:iam::111122223333:role/x\" }", "name"),
        ("{ access_key_id = \"x\" }", "credential"),
        ("{ folder = \"x\", role = \"y\" }", "`role`"),
        ("{ folder = \"x\", file = \"y\" }", "both"),
        ("{ collected = \"2026-01-01T00:00:00Z\" }", "folder"),
        ("{ endpoint = \"nowhere\" }", "URL"),
        ("{ regions = [] }", "region"),
        ("{ polices = 1 }", "resource_policies"),
    ] {
        let error = configured(settings, Path::new(".")).unwrap_err();
        let said = format!("{} {}", error.message, error.fix.clone().unwrap_or_default());
        assert!(said.contains(word), "{settings}: {said}");
    }
    assert!(configured("{}", Path::new(".")).is_ok());
    let schema = serde_json::to_value((find("aws").unwrap().schema)()).unwrap();
    jsonschema::validator_for(&schema).unwrap();
    assert!(jsonschema::is_valid(&schema, &serde_json::json!({"accounts": "organization", "role": "MusterAudit"})));
    assert!(jsonschema::is_valid(&schema, &serde_json::json!({"accounts": ["111122223333"]})));
    assert!(!jsonschema::is_valid(&schema, &serde_json::json!({"acounts": "self"})));
}
