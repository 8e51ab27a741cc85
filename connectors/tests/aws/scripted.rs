//! Faults of the API, which a scripted server has.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::{Duration, Instant};

use muster_connectors::ConnectorError;
use muster_connectors::record::{CredentialState, Fact, RecordKind};
use muster_connectors::scope::ScopeState;
use muster_testbeds::scripted_aws::{ACCOUNT, Answer, Call, ScriptedAws};

use crate::{Collected, collect, collected_with, configured, run};

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
