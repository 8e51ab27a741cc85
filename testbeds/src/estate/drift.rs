//! The example estate `drift`: two nights of a small company, what was asked for, what was declared, and what drifted.
//!
//! Everything is written out, so that a reader sees both sides of each difference. [`truth`] says of every type of drift that
//! stored data allows what drifted, and beside it what looks alike and is explained.

use super::Files;
use super::json::Json;

/// The AWS account.
const ACCOUNT: &str = "111122223333";
const READ_ONLY: &str = "arn:aws:iam::aws:policy/ReadOnlyAccess";

/// People of both nights; the second column of a pair is the night from which the row holds.
const PEOPLE: &str = "\
employee_id,legal_name,email,status,worker_type,start,end,manager,department,title
1001,Ada Alvarez,ada.alvarez@acme.example,active,employee,2019-03-01,,1010,Engineering,Engineer
1002,Bo Brandt,bo.brandt@acme.example,active,employee,2019-03-01,,1010,{BO},Analyst
1003,Cleo Costa,cleo.costa@acme.example,active,employee,2019-03-01,,1010,Sales,Account manager
1004,Dev Das,dev.das@acme.example,active,employee,2019-03-01,,1010,Finance,Controller
1005,Eva Engel,eva.engel@acme.example,terminated,employee,2019-03-01,2026-10-20,1010,Engineering,Engineer
1006,Finn Falk,finn.falk@acme.example,terminated,employee,2019-03-01,2026-10-28,1010,Sales,Account manager
1007,Gia Greco,gia.greco@acme.example,active,employee,2019-03-01,,1010,Research & Development,Chemist
1008,Hal Hart,hal.hart@acme.example,active,employee,2019-03-01,,1010,Legal,Counsel
1009,Ira Ito,ira.ito@acme.example,active,employee,2019-03-01,,1010,Sales,Account manager
1010,Joy Jansen,joy.jansen@acme.example,active,employee,2015-01-01,,,Management,Managing director
";

const AD_ACCOUNTS: &str = "\
id,login,employee_id,email,lifecycle,department
u1001,ada.alvarez,1001,ada.alvarez@acme.example,active,Engineering
u1002,bo.brandt,1002,bo.brandt@acme.example,active,
u1003,cleo.costa,1003,cleo.costa@acme.example,active,Sales
u1004,dev.das,1004,dev.das@acme.example,active,Finance
u1005,eva.engel,1005,eva.engel@acme.example,disabled,Engineering
u1006,finn.falk,1006,finn.falk@acme.example,disabled,Sales
u1007,gia.greco,1007,gia.greco@acme.example,active,research and development
u1008,hal.hart,1008,hal.hart@acme.example,active,Sales
u1009,ira.ito,1009,ira.ito@acme.example,active,Sales
u1010,joy.jansen,1010,joy.jansen@acme.example,active,Management
";

const AD_GROUPS: &str = "id,name\ng-crm,crm-users\n";

const AD_MEMBERSHIPS: &str = "\
group,member
g-crm,u1001
g-crm,u1002
g-crm,u1003
g-crm,u1004
g-crm,u1009
";

const CRM_ENTITLEMENTS: &str = "\
id,name,privilege
user,CRM user,baseline
report,CRM reports,baseline
export,CRM export,baseline
audit,CRM audit,baseline
admin,CRM administrator,admin
";

const CRM_ACCOUNTS: &str = "\
id,login,employee_id,email,lifecycle
c1001,ada.alvarez,1001,ada.alvarez@acme.example,active
c1002,bo.brandt,1002,bo.brandt@acme.example,active
c1003,cleo.costa,1003,cleo.costa@acme.example,active
c1004,dev.das,1004,dev.das@acme.example,active
c1005,eva.engel,1005,eva.engel@acme.example,active
{FINN}c1007,gia.greco,1007,gia.greco@acme.example,active
c1009,ira.ito,1009,ira.ito@acme.example,active
c1010,joy.jansen,1010,joy.jansen@acme.example,active
";

/// Finn's account, which is there the first night only.
const FINN: &str = "c1006,finn.falk,1006,finn.falk@acme.example,disabled\n";

/// Grants of both nights.
const CRM_GRANTS: &str = "\
principal,entitlement,since,until
c1001,user,2020-01-01,
c1002,user,2020-01-01,
c1003,user,2020-01-01,
c1004,user,2020-01-01,
c1004,audit,2026-09-01,2026-10-15
c1001,audit,2026-09-01,2026-12-31
c1010,admin,2020-01-01,
";

/// Grants of the first night alone.
const CRM_GRANTS_BEFORE: &str = "c1004,export,2020-01-01,\nc1006,report,2020-01-01,\n";

/// Grants of the second night alone.
const CRM_GRANTS_AFTER: &str = "\
c1001,admin,2026-11-02T10:00:00Z,
c1002,report,2026-11-02T11:00:00Z,
c1003,admin,2026-11-02T22:40:00Z,
c1004,report,2026-11-02T12:00:00Z,2027-12-31
c1007,user,2026-11-02T14:00:00Z,
c1010,report,2026-11-02T15:00:00Z,
";

const CRM_LOG: &str = "\
L-2,2026-11-02T10:00:00Z,svc-scim,grant,c1001,
L-3,2026-11-02T11:00:00Z,svc-scim,grant,c1002,
L-4,2026-11-02T12:00:00Z,svc-scim,grant,c1004,
L-5,2026-11-02T14:00:00Z,joy.jansen,grant,c1007,
L-6,2026-11-02T15:00:00Z,svc-scim,grant,c1010,REQ-77
L-7,2026-11-02T16:00:00Z,svc-scim,delete,c1006,
";

/// Entries of an everyday October, so that one busy night does not look like a log that was replaced.
fn everyday_log() -> String {
    let header = "id,at,actor,action,object,ticket\n".to_owned();
    (10..30).fold(header, |text, day| text + &format!("L-1{day},2026-10-{day}T08:00:00Z,svc-scim,login,svc-scim,\n"))
}

const TICKETS: &str = "\
id,requester,beneficiary,entitlement,resource,from,until,decided_by,decided_at,approved
CHG-101,ada.alvarez@acme.example,1001,admin,crm,,,joy.jansen@acme.example,2026-10-30T09:00:00Z,yes
CHG-102,dev.das@acme.example,dev.das@acme.example,CRM reports,crm,2026-11-02,2026-11-30,joy.jansen@acme.example,2026-10-30T09:05:00Z,yes
CHG-103,cleo.costa@acme.example,1003,admin,crm,,,joy.jansen@acme.example,2026-10-30T09:10:00Z,no
";

const ASSIGNMENTS: &str = "\
# Which group of the directory gives which access in an application.

[[assignment]]
provider = \"ad\"
group    = \"crm-users\"
app      = \"crm\"
access   = \"CRM user\"
";

const DECLARED: &str = "\
# Files that declare what a system should hold.

[[declared]]
file   = \"../infra/terraform.tfstate\"
format = \"terraform-state\"
system = \"aws\"
";

/// The estate: both nights, the policy folder, the declared state and the truth.
pub fn drift() -> Files {
    let mut files = Files::default();
    for (night, day) in [("night-1", "2026-11-02"), ("night-2", "2026-11-03")] {
        let is_first = night == "night-1";
        let (department, finn) = if is_first { ("Sales", FINN) } else { ("Finance", "") };
        let more = if is_first { CRM_GRANTS_BEFORE } else { CRM_GRANTS_AFTER };
        let mut put = |name: &str, text: String| files.text(&format!("{night}/{name}"), text);
        put("hr/people.csv", PEOPLE.replace("{BO}", department));
        put("ad/accounts.csv", AD_ACCOUNTS.to_owned());
        put("ad/groups.csv", AD_GROUPS.to_owned());
        put("ad/memberships.csv", AD_MEMBERSHIPS.to_owned());
        put("crm/accounts.csv", CRM_ACCOUNTS.replace("{FINN}", finn));
        put("crm/entitlements.csv", CRM_ENTITLEMENTS.to_owned());
        put("crm/grants.csv", format!("{CRM_GRANTS}{more}"));
        put("crm/audit.csv", everyday_log() + if is_first { "" } else { CRM_LOG });
        put("tickets/approvals.csv", TICKETS.to_owned());
        put(&format!("aws/{ACCOUNT}/authorization-details.json"), details(is_first).pretty(4) + "\n");
        put(&format!("aws/{ACCOUNT}/credential-report.csv"), credentials());
        let name = if is_first { "muster-night-1.toml" } else { "muster.toml" };
        files.text(name, config(night, day));
    }
    files.text("policy/assignments.toml", ASSIGNMENTS);
    files.text("policy/declared.toml", DECLARED);
    files.text("infra/terraform.tfstate", state().pretty(2) + "\n");
    files.text("truth.json", truth().pretty(2) + "\n");
    files
}

fn config(night: &str, day: &str) -> String {
    let title = if night == "night-1" {
        "The first night: what the second is compared with. Scan it first."
    } else {
        "Two nights of a company that does not exist. Scan muster-night-1.toml first, then this, then `muster drift`."
    };
    format!(
        r#"# {title}

[muster]
timezone = "Europe/Berlin"
now      = "{day}T06:00:00Z"
policy   = "policy/"

[[system]]
name      = "hr"
connector = "csv"
file      = "{night}/hr/people.csv"
yields    = "people"
collected = "{day}T04:00:00Z"

[[system]]
name      = "ad"
connector = "csv"
files     = {{ accounts = "{night}/ad/accounts.csv", groups = "{night}/ad/groups.csv", memberships = "{night}/ad/memberships.csv" }}
collected = "{day}T04:00:00Z"
id_kind   = "immutable"

[[system]]
name      = "crm"
connector = "csv"
files     = {{ accounts = "{night}/crm/accounts.csv", entitlements = "{night}/crm/entitlements.csv", grants = "{night}/crm/grants.csv", audit_events = "{night}/crm/audit.csv" }}
collected = "{day}T04:00:00Z"
id_kind   = "immutable"

[[system]]
name      = "tickets"
connector = "csv"
file      = "{night}/tickets/approvals.csv"
yields    = "approvals"
collected = "{day}T04:00:00Z"

[[system]]
name      = "aws"
connector = "aws"
folder    = "{night}/aws"
collected = "{day}T04:00:00Z"
"#
    )
}

fn text(text: &str) -> Json {
    Json::Text(text.to_owned())
}

fn object<const N: usize>(fields: [(&str, Json); N]) -> Json {
    Json::Object(fields.into_iter().map(|(name, value)| (name.to_owned(), value)).collect())
}

fn arn(kind: &str, path: &str, name: &str) -> String {
    format!("arn:aws:iam::{ACCOUNT}:{kind}/{path}{name}")
}

fn attached() -> Json {
    Json::List(vec![object([("PolicyName", text("ReadOnlyAccess")), ("PolicyArn", text(READ_ONLY))])])
}

fn user(name: &str, id: &str) -> Json {
    object([
        ("Path", text("/")),
        ("UserName", text(name)),
        ("UserId", text(id)),
        ("Arn", text(&arn("user", "", name))),
        ("CreateDate", text("2024-05-01T08:00:00+00:00")),
        ("GroupList", Json::List(Vec::new())),
        ("AttachedManagedPolicies", attached()),
        ("Tags", Json::List(Vec::new())),
    ])
}

fn role(path: &str, name: &str, id: &str, policies: Json) -> Json {
    let service = object([("Service", text("ec2.amazonaws.com"))]);
    let statement = object([("Effect", text("Allow")), ("Principal", service), ("Action", text("sts:AssumeRole"))]);
    object([
        ("Path", text(&format!("/{path}"))),
        ("RoleName", text(name)),
        ("RoleId", text(id)),
        ("Arn", text(&arn("role", path, name))),
        ("CreateDate", text("2024-05-01T08:00:00+00:00")),
        (
            "AssumeRolePolicyDocument",
            object([("Version", text("2012-10-17")), ("Statement", Json::List(vec![statement]))]),
        ),
        ("RolePolicyList", Json::List(Vec::new())),
        ("AttachedManagedPolicies", policies),
        ("Tags", Json::List(Vec::new())),
    ])
}

/// What `aws iam get-account-authorization-details` prints. The second night has a role that AWS made.
fn details(is_first: bool) -> Json {
    let mut roles = vec![role("", "ci", "AROACI00000000000001", attached())];
    if !is_first {
        let path = "aws-service-role/support.amazonaws.com/";
        roles.push(role(path, "AWSServiceRoleForSupport", "AROASUPPORT000000001", Json::List(Vec::new())));
    }
    let statement = object([("Effect", text("Allow")), ("Action", text("s3:Get*")), ("Resource", text("*"))]);
    let document = object([("Version", text("2012-10-17")), ("Statement", Json::List(vec![statement]))]);
    let version = object([
        ("Document", document),
        ("VersionId", text("v1")),
        ("IsDefaultVersion", Json::Bool(true)),
        ("CreateDate", text("2024-05-01T08:00:00+00:00")),
    ]);
    let policy = object([
        ("PolicyName", text("ReadOnlyAccess")),
        ("PolicyId", text("ANPAREADONLY00000001")),
        ("Arn", text(READ_ONLY)),
        ("Path", text("/")),
        ("DefaultVersionId", text("v1")),
        ("AttachmentCount", Json::Int(3)),
        ("IsAttachable", Json::Bool(true)),
        ("PolicyVersionList", Json::List(vec![version])),
    ]);
    object([
        (
            "UserDetailList",
            Json::List(vec![
                user("ada.alvarez@acme.example", "AIDAADA0000000000001"),
                user("hal.hart@acme.example", "AIDAHAL0000000000001"),
            ]),
        ),
        ("GroupDetailList", Json::List(Vec::new())),
        ("RoleDetailList", Json::List(roles)),
        ("Policies", Json::List(vec![policy])),
    ])
}

/// What `aws iam get-credential-report` gives: nobody has a key, and everybody signs in with a second factor.
fn credentials() -> String {
    let header = "user,arn,user_creation_time,password_enabled,password_last_used,password_last_changed,password_next_rotation,mfa_active,\
        access_key_1_active,access_key_1_last_rotated,access_key_1_last_used_date,access_key_1_last_used_region,access_key_1_last_used_service,\
        access_key_2_active,access_key_2_last_rotated,access_key_2_last_used_date,access_key_2_last_used_region,access_key_2_last_used_service,\
        cert_1_active,cert_1_last_rotated,cert_2_active,cert_2_last_rotated\n";
    let none = "false,N/A,N/A,N/A,N/A,false,N/A,N/A,N/A,N/A,false,N/A,false,N/A";
    let made = "2024-05-01T08:00:00+00:00";
    let mut text = header.to_owned();
    text += &format!(
        "<root_account>,arn:aws:iam::{ACCOUNT}:root,{made},not_supported,no_information,not_supported,not_supported,true,{none}\n"
    );
    for name in ["ada.alvarez@acme.example", "hal.hart@acme.example"] {
        let arn = arn("user", "", name);
        text += &format!("{name},{arn},{made},true,2026-10-30T08:00:00+00:00,{made},N/A,true,{none}\n");
    }
    text
}

fn resource<const N: usize>(kind: &str, name: &str, attributes: [(&str, Json); N]) -> Json {
    let instance = object([("schema_version", Json::Int(0)), ("attributes", object(attributes))]);
    object([
        ("mode", text("managed")),
        ("type", text(kind)),
        ("name", text(name)),
        ("provider", text("provider[\"registry.terraform.io/hashicorp/aws\"]")),
        ("instances", Json::List(vec![instance])),
    ])
}

/// What `terraform state pull` prints: a user and two roles, of which one is not there any more, and one policy attached to both the
/// user and the role by a joint attachment, to the user by a single one as well.
fn state() -> Json {
    let ada = "ada.alvarez@acme.example";
    let resources = vec![
        resource("aws_iam_user", "ada", [("name", text(ada)), ("arn", text(&arn("user", "", ada)))]),
        resource("aws_iam_role", "ci", [("name", text("ci")), ("arn", text(&arn("role", "", "ci")))]),
        resource("aws_iam_role", "backup", [("name", text("backup")), ("arn", text(&arn("role", "", "backup")))]),
        resource("aws_iam_user_policy_attachment", "ada", [("user", text(ada)), ("policy_arn", text(READ_ONLY))]),
        resource(
            "aws_iam_policy_attachment",
            "readers",
            [
                ("name", text("readers")),
                ("policy_arn", text(READ_ONLY)),
                ("users", Json::List(vec![text(ada)])),
                ("roles", Json::List(vec![text("ci")])),
                ("groups", Json::List(Vec::new())),
            ],
        ),
    ];
    object([
        ("version", Json::Int(4)),
        ("terraform_version", text("1.9.8")),
        ("serial", Json::Int(12)),
        ("lineage", text("5f0c7b2e-8a44-4d0f-9a7e-3b1f6c2d9e10")),
        ("outputs", object([])),
        ("resources", Json::List(resources)),
    ])
}

/// Rule, system, subject, why.
type Drifted = &'static [[&'static str; 4]];
/// System, subject, why.
type Explained = &'static [[&'static str; 3]];

/// Types, with what drifted and what only looks so.
const TRUTH: [(&str, Drifted, Explained); 7] = [
    (
        "DT-1",
        &[
            ["DRF-001", "crm", "c1003|admin|", "an administrator's role appeared at night; the request was refused"],
            ["DRF-003", "crm", "c1003|admin|", "it makes an administrator"],
            ["DRF-001", "crm", "c1007|user|", "Joy gave Gia the role herself, nobody asked"],
            ["DRF-009", "crm", "c1007|user|", "the directory gives this role, and Joy did by hand"],
            ["DRF-002", "crm", "c1004|export|", "a grant went, and nobody knows why"],
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
        &[["LCM-001", "crm", "c1005", "Eva left on 20 October and her account works"]],
        &[["ad", "u1005", "Eva's account in the directory is off"]],
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
        "DT-7",
        &[["XPR-008", "crm", "c1004|audit|", "ended in the middle of October and is still there"]],
        &[["crm", "c1001|audit|", "runs until the end of the year"]],
    ),
    (
        "DT-11",
        &[["DRF-006", "ad", "u1008", "Legal in HR, Sales in the directory"]],
        &[["ad", "u1007", "the same department, spelt otherwise"]],
    ),
];

/// What `muster drift` has to say after the second night.
fn truth() -> Json {
    let types = TRUTH.iter().map(|(id, drifted, explained)| {
        let drifted = drifted.iter().map(|[rule, system, subject, why]| {
            object([("rule", text(rule)), ("system", text(system)), ("subject", text(subject)), ("why", text(why))])
        });
        let explained = explained.iter().map(|[system, subject, why]| {
            object([("system", text(system)), ("subject", text(subject)), ("why", text(why))])
        });
        let sides =
            object([("drifted", Json::List(drifted.collect())), ("explained", Json::List(explained.collect()))]);
        ((*id).to_owned(), sides)
    });
    let noise = object([
        ("provider_default", Json::Int(2)),
        ("principal_gone", Json::Int(1)),
        ("joint_attachment", Json::Int(1)),
    ]);
    object([("types", Json::Object(types.collect())), ("noise", noise)])
}
