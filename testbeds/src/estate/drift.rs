//! The example estate `drift`: three nights of a small company, what was asked for, reviewed and declared, and what drifted.
//!
//! Everything is written out, so that a reader sees both sides of each difference. [`truth`] says of every type of drift what
//! drifted between the last two nights, and beside it what looks alike and is explained; and of every finding of the last night
//! its state.

mod truth;

use super::Files;
use super::json::Json;

/// The AWS account.
const ACCOUNT: &str = "111122223333";
const READ_ONLY: &str = "arn:aws:iam::aws:policy/ReadOnlyAccess";

/// People of all nights; Bo changes department.
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
1011,Kim Klein,kim.klein@acme.example,terminated,employee,2019-03-01,2026-10-20,1010,Engineering,Engineer
1012,Lou Lund,lou.lund@acme.example,terminated,employee,2019-03-01,2026-10-20,1010,Sales,Account manager
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
u1011,kim.klein,1011,kim.klein@acme.example,disabled,Engineering
u1012,lou.lund,1012,lou.lund@acme.example,disabled,Sales
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
quote,Quotes,baseline
discount,Discounts,baseline
faq,Answers,baseline
mail,Mass mail,baseline
prod-deploy,prod-deploy,baseline
prod-logs,prod-logs,baseline
stage-deploy,stage-deploy,baseline
stage-logs,stage-logs,baseline
stage-shell,stage-shell,baseline
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
c1011,kim.klein,1011,kim.klein@acme.example,{KIM}
c1012,lou.lund,1012,lou.lund@acme.example,{LOU}
";

/// Groups of the CRM: two that carry a role, two that carry one in production and staging.
const CRM_GROUPS: &str = "\
id,name
g-sales,sales-pack
g-support,support-pack
g-ops-prod,ops-prod
g-ops-stage,ops-stage
g-read-prod,read-prod
g-read-stage,read-stage
";

const CRM_MEMBERSHIPS: &str = "\
group,member
g-sales,c1009
g-support,c1010
g-ops-prod,c1001
g-ops-stage,c1001
g-read-prod,c1004
g-read-stage,c1004
";

/// The export of the wiki; it came back short the last night.
const WIKI: &str = "\
id,login,employee_id,email,lifecycle
w1001,ada.alvarez,1001,ada.alvarez@acme.example,active
";
const WIKI_EVA: &str = "w1005,eva.engel,1005,eva.engel@acme.example,active\n";

/// Finn's account, which is gone the last night.
const FINN: &str = "c1006,finn.falk,1006,finn.falk@acme.example,disabled\n";

/// Grants of all nights.
const CRM_GRANTS: &str = "\
principal,entitlement,since,until
g-sales,quote,2020-01-01,
g-sales,discount,2026-09-15,
g-support,faq,2020-01-01,
g-ops-prod,prod-deploy,2020-01-01,
g-ops-prod,prod-logs,2020-01-01,
g-ops-stage,stage-deploy,2020-01-01,
g-ops-stage,stage-logs,2020-01-01,
g-ops-stage,stage-shell,2026-08-01,
g-read-prod,prod-logs,2020-01-01,
g-read-stage,stage-logs,2020-01-01,
c1002,mail,2020-01-01,
c1003,mail,2020-01-01,
c1001,user,2020-01-01,
c1002,user,2020-01-01,
c1003,user,2020-01-01,
c1004,user,2020-01-01,
c1004,audit,2026-09-01,2026-10-15
c1001,audit,2026-09-01,2026-12-31
c1010,admin,2020-01-01,
";

/// Grants of the night before the last alone, and of those before it.
const CRM_GRANTS_BEFORE: &str = "c1004,export,2020-01-01,\nc1006,report,2020-01-01,\n";

/// Grants of the last night alone.
const CRM_GRANTS_AFTER: &str = "\
c1001,admin,2026-11-02T10:00:00Z,
c1002,report,2026-11-02T11:00:00Z,
c1003,admin,2026-11-02T22:40:00Z,
c1004,report,2026-11-02T12:00:00Z,2027-12-31
c1007,user,2026-11-02T14:00:00Z,
c1010,report,2026-11-02T15:00:00Z,
c1001,mail,2026-11-02T17:00:00Z,
";

/// Kim's account is switched off, the second night.
const CRM_LOG_KIM: &str = "L-1,2026-11-01T18:00:00Z,svc-scim,disable,c1011,\n";

const CRM_LOG: &str = "\
L-2,2026-11-02T10:00:00Z,svc-scim,grant,c1001,
L-3,2026-11-02T11:00:00Z,svc-scim,grant,c1002,
L-4,2026-11-02T12:00:00Z,svc-scim,grant,c1004,
L-5,2026-11-02T14:00:00Z,joy.jansen,grant,c1007,
L-6,2026-11-02T15:00:00Z,svc-scim,grant,c1010,REQ-77
L-7,2026-11-02T16:00:00Z,svc-scim,delete,c1006,
L-8,2026-11-02T17:00:00Z,svc-scim,grant,c1001,
L-9,2026-11-02T18:00:00Z,svc-scim,enable,c1011,
L-10,2026-11-02T19:00:00Z,svc-scim,disable,c1012,
";

/// Entries of an everyday October, so that one busy night does not look like a log that was replaced.
fn everyday_log() -> String {
    let header = "id,at,actor,action,object,ticket\n".to_owned();
    (10..30).fold(header, |text, day| text + &format!("L-1{day},2026-10-{day}T08:00:00Z,svc-scim,login,svc-scim,\n"))
}

const TICKETS: &str = "\
id,requester,beneficiary,entitlement,resource,from,until,requested_at,decided_by,decided_at,approved,emergency
CHG-101,ada.alvarez@acme.example,1001,admin,crm,,,2026-10-29T15:00:00Z,joy.jansen@acme.example,2026-10-30T09:00:00Z,yes,no
CHG-102,dev.das@acme.example,dev.das@acme.example,CRM reports,crm,2026-11-02,2026-11-30,2026-10-29T16:00:00Z,joy.jansen@acme.example,2026-10-30T09:05:00Z,yes,no
CHG-103,cleo.costa@acme.example,1003,admin,crm,,,2026-10-29T17:00:00Z,joy.jansen@acme.example,2026-10-30T09:10:00Z,no,no
CHG-104,ira.ito@acme.example,1009,CRM reports,crm,,,2026-10-20T08:00:00Z,joy.jansen@acme.example,,open,no
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

const ROLES: &str = "\
# What the two packs of the CRM contain, and which group is meant to be the same in production and staging.

[[role]]
id        = \"sales-pack\"
exception = \"the head of sales decides\"
contains  = [{ system = \"crm\", entitlement = \"quote\" }]
carrier   = { system = \"crm\", group = \"sales-pack\" }
reviewed  = 2026-06-01

[[role]]
id        = \"support-pack\"
exception = \"the head of support decides\"
contains  = [{ system = \"crm\", entitlement = \"faq\" }]
carrier   = { system = \"crm\", group = \"support-pack\" }
reviewed  = 2026-06-01

[[parity]]
id           = \"operators\"
environments = [
    { name = \"production\", carrier = { system = \"crm\", group = \"ops-prod\" }, strip = [\"prod-\"] },
    { name = \"staging\", carrier = { system = \"crm\", group = \"ops-stage\" }, strip = [\"stage-\"] },
]

[[parity]]
id           = \"readers\"
environments = [
    { name = \"production\", carrier = { system = \"crm\", group = \"read-prod\" }, strip = [\"prod-\"] },
    { name = \"staging\", carrier = { system = \"crm\", group = \"read-stage\" }, strip = [\"stage-\"] },
]
";

const REVIEWS: &str = "\
# The access to the CRM has to be reviewed twice a year.

[[scope]]
system     = \"crm\"
every_days = 180
owner      = \"joy.jansen@acme.example\"

[[campaign]]
id       = \"2026-spring\"
systems  = [\"crm\"]
opened   = 2026-05-01
deadline = 2026-05-31
file     = \"reviews/2026-spring.csv\"

[[campaign]]
id       = \"2026-autumn\"
systems  = [\"crm\"]
opened   = 2026-09-01
deadline = 2026-09-30
file     = \"reviews/2026-autumn.csv\"
";

const REVIEW_SPRING: &str = "\
system,principal,access,resource,reviewer,decision,decided_at
crm,c1001,mail,,joy.jansen@acme.example,revoke,2026-05-12T08:14:00Z
crm,c1003,mail,,joy.jansen@acme.example,revoke,2026-05-12T08:21:00Z
";

const REVIEW_AUTUMN: &str = "\
system,principal,access,resource,reviewer,decision,decided_at
crm,c1002,mail,,joy.jansen@acme.example,revoke,2026-09-14T08:14:00Z
crm,c1003,mail,,joy.jansen@acme.example,keep,2026-09-14T08:25:00Z
crm,c1009,mail,,joy.jansen@acme.example,revoke,2026-09-14T08:31:00Z
";

/// What people decided about findings: one of each kind.
fn decisions() -> String {
    let attribute = truth::fingerprint("DRF-006", "ad", "account", "u1008");
    let role = truth::fingerprint("DRF-005", "aws", "role", "role/backup");
    format!(
        r#"# What people decided about single findings.

[[decision]]
verdict = "acknowledge"
finding = "{attribute}"  # DRF-006 u1008
author  = "joy.jansen@acme.example"
reason  = "asked Hal which of the two is right"
decided = 2026-11-01

[[decision]]
verdict = "snooze"
finding = "{role}"  # DRF-005 role/backup
until   = 2026-11-30
author  = "joy.jansen@acme.example"
reason  = "comes back with the next release"
decided = 2026-11-01
"#
    )
}

const EXCEPTIONS: &str = "\
# A risk that somebody accepted.

[[exception]]
id       = \"EX-0001\"
rules    = [\"XPR-008\"]
system   = \"crm\"
subjects = [\"c1004|audit|\"]
owner    = \"dev.das@acme.example\"
approver = \"joy.jansen@acme.example\"
reason   = \"the auditors stay until the end of November\"
created  = 2026-10-20
expires  = 2026-11-30
";

/// The estate: three nights, the policy folder, the declared state and the truth.
pub fn drift() -> Files {
    let mut files = Files::default();
    for (number, day) in [(1, "2026-11-01"), (2, "2026-11-02"), (3, "2026-11-03")] {
        let night = format!("night-{number}");
        let is_last = number == 3;
        let (department, finn) = if is_last { ("Finance", "") } else { ("Sales", FINN) };
        let more = if is_last { CRM_GRANTS_AFTER } else { CRM_GRANTS_BEFORE };
        // Kim's account is switched on again by somebody; Lou's is switched off at last.
        let (kim, lou) = (if number == 2 { "disabled" } else { "active" }, if is_last { "disabled" } else { "active" });
        let log = [if number > 1 { CRM_LOG_KIM } else { "" }, if is_last { CRM_LOG } else { "" }].concat();
        let accounts = CRM_ACCOUNTS.replace("{FINN}", finn).replace("{KIM}", kim).replace("{LOU}", lou);
        let mut put = |name: &str, text: String| files.text(&format!("{night}/{name}"), text);
        put("hr/people.csv", PEOPLE.replace("{BO}", department));
        put("ad/accounts.csv", AD_ACCOUNTS.to_owned());
        put("ad/groups.csv", AD_GROUPS.to_owned());
        put("ad/memberships.csv", AD_MEMBERSHIPS.to_owned());
        put("crm/accounts.csv", accounts);
        put("crm/groups.csv", CRM_GROUPS.to_owned());
        put("crm/memberships.csv", CRM_MEMBERSHIPS.to_owned());
        put("crm/entitlements.csv", CRM_ENTITLEMENTS.to_owned());
        put("crm/grants.csv", format!("{CRM_GRANTS}{more}"));
        put("crm/audit.csv", everyday_log() + &log);
        put("wiki/accounts.csv", format!("{WIKI}{}", if is_last { "" } else { WIKI_EVA }));
        put("tickets/approvals.csv", TICKETS.to_owned());
        put(&format!("aws/{ACCOUNT}/authorization-details.json"), details(!is_last).pretty(4) + "\n");
        put(&format!("aws/{ACCOUNT}/credential-report.csv"), credentials());
        let name = if is_last { "muster.toml".to_owned() } else { format!("muster-{night}.toml") };
        files.text(&name, config(number, &night, day));
    }
    files.text("policy/assignments.toml", ASSIGNMENTS);
    files.text("policy/declared.toml", DECLARED);
    files.text("policy/exceptions.toml", EXCEPTIONS);
    files.text("policy/findings.toml", decisions());
    files.text("policy/reviews.toml", REVIEWS);
    files.text("policy/reviews/2026-spring.csv", REVIEW_SPRING);
    files.text("policy/reviews/2026-autumn.csv", REVIEW_AUTUMN);
    files.text("policy/roles.toml", ROLES);
    files.text("infra/terraform.tfstate", state().pretty(2) + "\n");
    files.text("truth.json", truth::truth().pretty(2) + "\n");
    files
}

fn config(number: u8, night: &str, day: &str) -> String {
    let title = match number {
        1 => "The first night. Scan it first.",
        2 => "The second night: what the last one is compared with.",
        _ => {
            "Three nights of a company that does not exist. Scan muster-night-1.toml and muster-night-2.toml first, then this, \
             then `muster drift`."
        }
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
files     = {{ accounts = "{night}/crm/accounts.csv", groups = "{night}/crm/groups.csv", memberships = "{night}/crm/memberships.csv", entitlements = "{night}/crm/entitlements.csv", grants = "{night}/crm/grants.csv", audit_events = "{night}/crm/audit.csv" }}
collected = "{day}T04:00:00Z"
id_kind   = "immutable"

[[system]]
name      = "wiki"
connector = "csv"
file      = "{night}/wiki/accounts.csv"
yields    = "accounts"
collected = "{day}T04:00:00Z"
id_kind   = "immutable"
expect_rows = 2

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
