//! `aws`: live on a scripted IAM with pages by marker, and from what the AWS CLI prints.
//!
//! IAM declares no total: a page says whether there are more. A list that IAM itself ends too early shows nothing missing
//! live; in files, where the details may have been filtered, the credential report tells of users that are not listed.

use std::path::Path;
use std::sync::Arc;

use base64::Engine;
use muster_connectors::Connector;
use muster_connectors::native::aws::MANUAL;
use muster_connectors::scope::ScopeState;
use muster_testbeds::scripted_aws::{ACCOUNT, Answer, Call, ScriptedAws};
use serde_json::{Value, json};

use super::files::{FileSubject, SavedFile};
use crate::collected::configured;
use crate::{Estate, Exception, Fault, List, PAGE, Stage, Subject};

const SCOPE: &str = "account/111122223333";
const DETAILS: &str = "GetAccountAuthorizationDetails";
const DAY: &str = "2024-01-02T03:04:05Z";

/// A group, a role, and four users in the group. As files have them; [`xml`] writes them as IAM answers.
fn objects() -> Vec<Value> {
    let arn = |path: &str| format!("arn:aws:iam::{ACCOUNT}:{path}");
    let trust = json!({
        "Version": "2012-10-17",
        "Statement": [{"Effect": "Allow", "Principal": {"Service": "ec2.amazonaws.com"}, "Action": "sts:AssumeRole"}],
    });
    let group = json!({"Path": "/", "GroupName": "people", "GroupId": "AGPA1", "Arn": arn("group/people"), "CreateDate": DAY,
        "GroupPolicyList": [], "AttachedManagedPolicies": []});
    let role = json!({"Path": "/", "RoleName": "runner", "RoleId": "AROA1", "Arn": arn("role/runner"), "CreateDate": DAY,
        "AssumeRolePolicyDocument": trust, "RolePolicyList": [], "AttachedManagedPolicies": []});
    let user = |n: usize| {
        json!({"Path": "/", "UserName": format!("user{n}"), "UserId": format!("AIDA{n}"), "Arn": arn(&format!("user/user{n}")),
            "CreateDate": DAY, "GroupList": ["people"], "UserPolicyList": [], "AttachedManagedPolicies": []})
    };
    [group, role].into_iter().chain((1..=4).map(user)).collect()
}

/// The credential report of the first `total` objects: it tells of users whether or not they are listed.
fn report(total: usize) -> String {
    let mut text = "user,arn,user_creation_time,password_enabled,password_last_used,password_last_changed,\
        password_next_rotation,mfa_active,access_key_1_active,access_key_1_last_rotated,access_key_1_last_used_date,\
        access_key_2_active,access_key_2_last_rotated,access_key_2_last_used_date\n"
        .to_owned();
    text += &format!(
        "<root_account>,arn:aws:iam::{ACCOUNT}:root,{DAY},not_supported,no_information,not_supported,not_supported,true,\
         false,N/A,N/A,false,N/A,N/A\n"
    );
    for user in objects().iter().take(total).filter_map(|object| object["UserName"].as_str()) {
        text += &format!(
            "{user},arn:aws:iam::{ACCOUNT}:user/{user},{DAY},true,no_information,{DAY},N/A,false,false,N/A,N/A,false,N/A,N/A\n"
        );
    }
    text
}

/// The account's IAM, and the policies of its resources, of which there are none.
pub(crate) struct Live;

impl Subject for Live {
    fn name(&self) -> String {
        "aws live".into()
    }

    fn estate(&self) -> Estate {
        Estate(vec![List::of(SCOPE, objects()), List::of("resource-policies/111122223333/us-east-1", Vec::new())])
    }

    fn stage(&self, estate: &Estate, fault: Fault) -> Stage {
        let list = estate.0[0].clone();
        let server = Arc::new(ScriptedAws::start(move |call| answer(&list, fault, call)).unwrap());
        let toml = format!(
            "endpoint = '{}', access_key_id = 'AKIATEST', credential = {{ env = 'TOKEN' }}, attempts = 2, identity_center = false",
            server.endpoint
        );
        let connector = configured(MANUAL.configure, ".", &toml).unwrap();
        Stage { connector, requests: Box::new(move || server.calls().len()) }
    }

    fn exception(&self, fault: Fault) -> Option<Exception> {
        match fault {
            Fault::LastPageMissing => Some(Exception::Ends(
                ScopeState::Failed,
                "a page that promises more and does not say where is no answer of IAM: nothing it says is relied on",
            )),
            Fault::None
            | Fault::PageRepeated
            | Fault::ThrottledOnce
            | Fault::Throttled
            | Fault::Forbidden
            | Fault::CutOnce
            | Fault::Cut
            | Fault::Silent
            | Fault::Empty
            | Fault::Reordered
            | Fault::Duplicate => None,
        }
    }

    fn without_rows(&self) -> u64 {
        3 // The account itself, and its root user with a password: IAM lists neither.
    }
}

fn answer(list: &List, fault: Fault, call: &Call) -> Option<Answer> {
    match call.action.as_str() {
        DETAILS => {}
        "GetCredentialReport" => {
            let content = base64::engine::general_purpose::STANDARD.encode(report(list.total));
            return Some(Answer::Result(format!("<ReportFormat>text/csv</ReportFormat><Content>{content}</Content>")));
        }
        "ListAccountAliases" => {
            return Some(Answer::Result("<IsTruncated>false</IsTruncated><AccountAliases/>".into()));
        }
        "/" => return Some(Answer::Json(200, "{}".into())),
        "/2015-03-31/functions" => return Some(Answer::Json(200, r#"{"Functions":[]}"#.into())),
        "ListTopics" => return Some(Answer::Result("<Topics/>".into())),
        "DescribeVpcEndpoints" => return Some(Answer::Result("<vpcEndpointSet/>".into())),
        "/?max-buckets=1000" => return Some(Answer::Json(200, "<ListAllMyBucketsResult/>".into())),
        _ => return None,
    }
    let from = call.marker.as_deref().and_then(|marker| marker.strip_prefix('m')).map_or(0, |at| at.parse().unwrap());
    let throttled = Answer::Error { status: 400, code: "Throttling", message: "Rate exceeded" };
    Some(match fault {
        Fault::PageRepeated => page(list, PAGE),
        Fault::ThrottledOnce if from > 0 && call.earlier == 0 => throttled,
        Fault::Throttled if from > 0 => throttled,
        Fault::Forbidden => Answer::Error { status: 403, code: "AccessDenied", message: "not authorized" },
        Fault::CutOnce if from > 0 && call.earlier == 0 => Answer::Cut,
        Fault::Cut if from > 0 => Answer::Cut,
        Fault::Silent if from > 0 => Answer::Silence,
        _ => page(list, from),
    })
}

fn page(list: &List, from: usize) -> Answer {
    let (rows, next) = list.page(from);
    let of = |key: &str| -> String {
        rows.iter().filter(|row| row.get(key).is_some()).map(|row| format!("<member>{}</member>", xml(row))).collect()
    };
    let end = match next {
        Some(next) => format!("<IsTruncated>true</IsTruncated><Marker>m{next}</Marker>"),
        None => format!("<IsTruncated>{}</IsTruncated>", list.rows.len() < list.total),
    };
    Answer::Result(format!(
        "<UserDetailList>{}</UserDetailList><GroupDetailList>{}</GroupDetailList><RoleDetailList>{}</RoleDetailList><Policies/>{end}",
        of("UserName"),
        of("GroupName"),
        of("RoleName"),
    ))
}

/// An object as the query protocol writes it: members of lists in `<member>`, documents URL-encoded (RFC 3986).
fn xml(object: &Value) -> String {
    let member = |(name, value): (&String, &Value)| {
        let content = match value {
            Value::String(text) => text.clone(),
            Value::Array(list) => {
                list.iter().map(|value| format!("<member>{}</member>", value.as_str().unwrap())).collect()
            }
            document => document.to_string().bytes().map(|byte| format!("%{byte:02X}")).collect(),
        };
        format!("<{name}>{content}</{name}>")
    };
    object.as_object().unwrap().iter().map(member).collect()
}

/// A folder with the details in pages, the credential report, and Identity Center.
pub(crate) struct Files;

impl FileSubject for Files {
    fn name(&self) -> String {
        "aws from files".into()
    }

    fn estate(&self) -> Estate {
        let grace =
            json!({"UserId": "u-1", "UserName": "grace", "UserStatus": "ENABLED", "Emails": [], "ExternalIds": []});
        Estate(vec![List::of(SCOPE, objects()), List::of("identity-center/ssoins-1", vec![grace])])
    }

    fn files(&self, estate: &Estate) -> Vec<SavedFile> {
        let [account, center] = estate.0.as_slice() else { panic!("two lists") };
        let mut files = Vec::new();
        let mut next = Some(0);
        while let Some(from) = next {
            let rows;
            (rows, next) = account.page(from);
            let of = |key: &str| -> Vec<&Value> { rows.iter().filter(|row| row.get(key).is_some()).collect() };
            let is_truncated = next.is_some() || account.rows.len() < account.total;
            let page = json!({
                "UserDetailList": of("UserName"), "GroupDetailList": of("GroupName"), "RoleDetailList": of("RoleName"),
                "Policies": [], "IsTruncated": is_truncated,
            });
            let name = format!("export/{ACCOUNT}/authorization-details-{from}.json");
            files.push(SavedFile { name, list: 0, bytes: page.to_string().into_bytes() });
        }
        let report = report(account.total).into_bytes();
        files.insert(0, SavedFile { name: format!("export/{ACCOUNT}/credential-report.csv"), list: 0, bytes: report });
        let center = json!({
            "Instance": {"InstanceArn": "arn:aws:sso:::instance/ssoins-1", "IdentityStoreId": "d-1"},
            "PermissionSets": [], "AccountAssignments": [], "Users": center.rows, "Groups": [], "GroupMemberships": [],
        });
        files.push(SavedFile {
            name: "export/identity-center.json".into(),
            list: 1,
            bytes: center.to_string().into_bytes(),
        });
        files
    }

    fn connector(&self, folder: &Path) -> Box<dyn Connector> {
        configured(MANUAL.configure, folder, "folder = 'export'").unwrap()
    }

    fn exception(&self, fault: Fault) -> Option<Exception> {
        (fault == Fault::Empty).then_some(Exception::Ends(
            ScopeState::Failed,
            "every account has roles that AWS made: details that name nothing were filtered, and do not say whose they are",
        ))
    }
}
