//! An AWS organisation of three accounts, as the `aws` command line prints it.
//!
//! `aws/<account>/authorization-details.json` is the output of `aws iam get-account-authorization-details`,
//! `aws/<account>/credential-report.csv` the decoded content of `aws iam get-credential-report`, and
//! `aws/organization.json` collects `describe-organization`, `list-accounts`, `list-roots`,
//! `list-organizational-units-for-parent`, `list-parents`, `describe-policy` and `list-targets-for-policy`.

use std::collections::BTreeSet;

use jiff::Timestamp;

use super::Files;
use super::clock::{aws, days_ago, used_ago};
use super::company::Company;
use super::json::{Json, object};
use super::rng::{Rng, aws_id_of};
use super::truth::Truth;

const SYSTEM: &str = "aws";

/// The management account, which no service control policy binds.
pub(crate) const MANAGEMENT: &str = "111122223333";
/// Production: only FullAWSAccess applies.
pub(crate) const PRODUCTION: &str = "444455556666";
/// Sandbox: a service control policy restricts it.
pub(crate) const SANDBOX: &str = "777788889999";

const ORGANIZATION: &str = "o-acme1examp";
const ROOT: &str = "r-acm1";
const WORKLOADS: &str = "ou-acm1-workload";
const EXPERIMENTS: &str = "ou-acm1-sandboxs";

/// AWS managed policies that are attached somewhere, as AWS publishes them: name, path, default version and the actions of
/// the one statement (`PowerUserAccess` has two, the quarantine denies, see [`managed_document`]; of the quarantine a part is here).
const MANAGED: [(&str, &str, &str, &str); 6] = [
    ("AdministratorAccess", "/", "v1", "*"),
    ("AmazonS3ReadOnlyAccess", "/", "v3", "s3:Get* s3:List* s3:Describe* s3-object-lambda:Get* s3-object-lambda:List*"),
    (
        "IAMReadOnlyAccess",
        "/",
        "v4",
        "iam:GenerateCredentialReport iam:GenerateServiceLastAccessedDetails iam:Get* iam:List* iam:SimulateCustomPolicy iam:SimulatePrincipalPolicy",
    ),
    ("PowerUserAccess", "/", "v12", ""),
    (
        "AWSLambdaBasicExecutionRole",
        "/service-role/",
        "v1",
        "logs:CreateLogGroup logs:CreateLogStream logs:PutLogEvents",
    ),
    (
        QUARANTINE,
        "/",
        "v1",
        "ec2:RunInstances iam:AttachUserPolicy iam:CreateAccessKey iam:CreateUser lambda:CreateFunction",
    ),
];

/// What AWS attaches to a user one of whose keys it finds in public.
const QUARANTINE: &str = "AWSCompromisedKeyQuarantineV3";

/// An access key: created and last used so many days ago.
#[derive(Clone, Copy)]
struct Key {
    age: i64,
    used: Option<i64>,
    active: bool,
}

const fn key(age: i64, used: i64) -> Key {
    Key { age, used: Some(used), active: true }
}

/// An IAM user.
#[derive(Clone)]
struct User {
    account: &'static str,
    name: String,
    age: i64,
    /// Days since the console password was last used; `None` where there is no password.
    console: Option<i64>,
    mfa: bool,
    keys: Vec<Key>,
    attached: Vec<&'static str>,
    groups: Vec<&'static str>,
    boundary: Option<&'static str>,
    tags: Vec<(&'static str, String)>,
}

/// A role.
struct Role {
    account: &'static str,
    name: &'static str,
    path: &'static str,
    trust: Json,
    attached: Vec<&'static str>,
    inline: Vec<(&'static str, Json)>,
    used: Option<i64>,
    tags: Vec<(&'static str, String)>,
}

/// How people come into the organisation beside their IAM users.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum SignOn {
    /// In no other way.
    None,
    /// By Identity Center, which makes a role of its permission set in the sandbox.
    IdentityCenter,
}

/// Writes the `aws/` folder; plants what is wrong in it.
pub(crate) fn organisation(company: &Company, sign_on: SignOn, truth: &mut Truth, files: &mut Files) {
    let users = users(company, truth);
    let mut roles = roles(company, truth);
    if sign_on == SignOn::IdentityCenter {
        roles.push(permission_set());
    }
    for account in [MANAGEMENT, PRODUCTION, SANDBOX] {
        files.text(
            &format!("aws/{account}/authorization-details.json"),
            details(account, &users, &roles).pretty(4) + "\n",
        );
        files.text(&format!("aws/{account}/credential-report.csv"), credential_report(account, &users));
    }
    files.text("aws/organization.json", organization().pretty(4) + "\n");
    roots(truth);
}

fn user_id(account: &str, name: &str) -> String {
    aws_id_of("AIDA", &format!("{account}/{name}"))
}

fn role_id(account: &str, name: &str) -> String {
    aws_id_of("AROA", &format!("{account}/{name}"))
}

/// The credential report numbers a user's keys and does not say their ids.
fn key_id(account: &str, name: &str, slot: usize) -> String {
    format!("{}/access_key_{slot}", user_id(account, name))
}

impl User {
    fn of(account: &'static str, name: &str) -> Self {
        Self {
            account,
            name: name.to_owned(),
            // Younger than any employment of a person who has one: nobody inherits a user.
            age: Rng::of(name).between(200, 400),
            console: None,
            mfa: false,
            keys: Vec::new(),
            attached: Vec::new(),
            groups: vec!["developers"],
            boundary: None,
            tags: Vec::new(),
        }
    }

    fn console(mut self, used: i64, mfa: bool) -> Self {
        (self.console, self.mfa) = (Some(used), mfa);
        self
    }

    fn keys(mut self, keys: &[Key]) -> Self {
        keys.clone_into(&mut self.keys);
        // Nobody has a key from before there was a user.
        self.age = keys.iter().fold(self.age, |age, key| age.max(key.age + 20));
        self
    }

    fn holds(mut self, policy: &'static str) -> Self {
        self.attached.push(policy);
        self
    }

    fn within(mut self, groups: &[&'static str]) -> Self {
        groups.clone_into(&mut self.groups);
        self
    }

    fn tag(mut self, key: &'static str, value: &str) -> Self {
        self.tags.push((key, value.to_owned()));
        self
    }

    fn id(&self) -> String {
        user_id(self.account, &self.name)
    }
}

fn users(company: &Company, truth: &mut Truth) -> Vec<User> {
    let mut users = administrators(company, truth);
    users.extend(people(company, truth));
    users.extend(services(company, truth));
    users.sort_by(|a, b| (a.account, &a.name).cmp(&(b.account, &b.name)));
    users
}

fn administrators(company: &Company, truth: &mut Truth) -> Vec<User> {
    let elif = User::of(MANAGEMENT, &company.get("elif.karaca").local).console(3, true).within(&["administrators"]);
    truth.finding("XPR-004", SYSTEM, elif.id(), "admin", "AdministratorAccess through the group administrators");
    let viktor =
        User::of(MANAGEMENT, &company.get("viktor.ahlgren").email()).console(6, false).holds("AdministratorAccess");
    truth.finding("XPR-004", SYSTEM, viktor.id(), "admin", "AdministratorAccess, attached directly");
    truth.finding(
        "AUT-001",
        SYSTEM,
        viktor.id(),
        "mfa",
        "console administrator; the credential report says mfa_active=false",
    );
    truth.finding("AUT-007", SYSTEM, viktor.id(), "mfa", "no second factor, and the password is 213 days old");
    let noor = User::of(PRODUCTION, &company.get("noor.al-hashimi").local).console(9, true).holds("PlatformFull");
    truth.finding(
        "XPR-004",
        SYSTEM,
        noor.id(),
        "admin",
        "the customer policy PlatformFull allows every action on everything since its default version is v2",
    );
    let kofi =
        User::of(SANDBOX, &company.get("kofi.mensah-addo").email()).console(4, true).holds("AdministratorAccess");
    truth.finding(
        "XPR-004",
        SYSTEM,
        kofi.id(),
        "admin",
        "AdministratorAccess; the service control policy above denies other regions and spares IAM",
    );
    let mut luca =
        User::of(PRODUCTION, &company.get("luca.ferrarotti").local).console(2, true).holds("AdministratorAccess");
    luca.boundary = Some("DeveloperBoundary");
    truth.undecided("XPR-004", SYSTEM, luca.id(), "boundary", "AdministratorAccess within a permissions boundary");
    vec![elif, viktor, noor, kofi, luca]
}

/// Users of people, and of nobody.
fn people(company: &Company, truth: &mut Truth) -> Vec<User> {
    let mut users = Vec::new();

    let henrik = company.get("henrik.solbergsen");
    let user = User::of(PRODUCTION, &henrik.email()).keys(&[key(70, 38)]);
    truth.finding("LCM-001", SYSTEM, user.id(), henrik.case, henrik.story);
    truth.finding("CRD-007", SYSTEM, key_id(user.account, &user.name, 1), henrik.case, henrik.story);
    users.push(user);

    let dewi = company.get("dewi.hartono");
    let user = User::of(MANAGEMENT, &dewi.email()).console(18, true);
    truth.finding("LCM-001", SYSTEM, user.id(), dewi.case, dewi.story);
    truth.finding("LCM-014", SYSTEM, user.id(), dewi.case, dewi.story);
    users.push(user);

    for (account, name, used) in [(MANAGEMENT, "derek.hollis", 12), (PRODUCTION, "fiona.abernathy", 7)] {
        let user = User::of(account, name).console(used, true);
        truth.finding("ORP-001", SYSTEM, user.id(), "orphan", "a console user whose name fits nobody in HR");
        users.push(user);
    }

    let user = User::of(PRODUCTION, "m.carvalhal").console(5, true);
    let candidates = ["mateus.carvalhal", "monica.carvalhal"].map(|local| company.get(local).id.clone()).to_vec();
    truth.related(
        "ORP-002",
        SYSTEM,
        user.id(),
        candidates,
        "ambiguous",
        "the name fits Mateus and Mónica Carvalhal equally well, and nothing else tells them apart",
    );
    users.push(user);

    let saoirse = company.get("saoirse.kinsella");
    let pair = [
        User::of(PRODUCTION, &saoirse.local).console(11, true),
        User::of(PRODUCTION, &saoirse.email()).console(3, true),
    ];
    truth.related(
        "ORP-005",
        SYSTEM,
        pair[0].id(),
        vec![pair[1].id(), saoirse.id.clone()],
        "EDG-17",
        "two active users of one person in one account: her name and her address",
    );
    users.extend(pair);

    let anouk = User::of(SANDBOX, &company.get("anouk.verhoeven").local).console(160, true);
    truth.finding("DOR-001", SYSTEM, anouk.id(), "dormant", "last console sign-in 160 days ago, no keys");
    users.push(anouk);

    let tendai = User::of(PRODUCTION, &company.get("tendai.moyo-banda").local).console(8, true).keys(&[key(131, 1)]);
    truth.related(
        "CRD-001",
        SYSTEM,
        key_id(tendai.account, &tendai.name, 1),
        vec![tendai.id()],
        "rotation",
        "the key is 131 days old and in daily use",
    );
    users.push(tendai);

    let ewan = User::of(SANDBOX, &company.get("ewan.drummond").local).console(15, true).keys(&[key(52, 2), key(31, 4)]);
    truth.finding("CRD-005", SYSTEM, ewan.id(), "doubled", "two active keys, 52 and 31 days old");
    users.push(ewan);

    // Engineers in whom nothing is wrong.
    let engineers = company.people.iter().filter(|person| {
        person.department == "Engineering"
            && person.case.is_empty()
            && person.worker_type == "Employee"
            && person.id.as_str() > "005000"
            && person.ad == super::company::Holds::Active
    });
    for (number, person) in engineers.step_by(5).take(12).enumerate() {
        let account = [SANDBOX, PRODUCTION, SANDBOX][number % 3];
        let mut rng = person.rng("aws");
        let name = if rng.chance(50) { person.local.clone() } else { person.email() };
        let mut user = User::of(account, &name).console(rng.between(1, 40), rng.chance(80));
        if rng.chance(40) {
            let age = rng.between(20, 75);
            user.keys.push(key(age, rng.between(1, 18)));
        }
        // Two of the twelve have no second factor, and passwords of last winter and of the autumn before.
        if matches!(name.as_str(), "kaethe.winkler@acme.example" | "yan.huang") {
            truth.finding("AUT-002", SYSTEM, user.id(), "mfa", "signs in to the console with a password alone");
            truth.finding("AUT-007", SYSTEM, user.id(), "mfa", "and the password is more than 90 days old");
        }
        users.push(user);
    }
    users
}

fn services(company: &Company, truth: &mut Truth) -> Vec<User> {
    let service = |account, name: &str| User::of(account, name).within(&[]).holds("AmazonS3ReadOnlyAccess");
    let terraform = User::of(PRODUCTION, "svc-terraform")
        .within(&[])
        .holds("AdministratorAccess")
        .keys(&[key(41, 1)])
        .tag("owner", &company.get("ingrid.vestergaard").email());
    truth.finding("XPR-004", SYSTEM, terraform.id(), "admin", "a service user with AdministratorAccess");

    let stale = [
        (service(PRODUCTION, "svc-reporting").keys(&[key(204, 2)]), "the key is 204 days old and in use", None),
        (
            service(PRODUCTION, "svc-etl").holds(QUARANTINE).keys(&[key(403, 3)]),
            "the key is 403 days old and in use",
            None,
        ),
        (
            service(PRODUCTION, "svc-archive").keys(&[key(301, 152), key(9, 1)]),
            "the first key is 301 days old; its successor is nine days old and in use",
            Some("last used 152 days ago"),
        ),
        (
            service(SANDBOX, "svc-mailer").keys(&[Key { age: 251, used: None, active: true }]),
            "the key is 251 days old",
            Some("251 days old and never used"),
        ),
    ];
    let mut users = vec![terraform];
    for (user, rotation, unused) in stale {
        let key = key_id(user.account, &user.name, 1);
        truth.related("CRD-001", SYSTEM, &key, vec![user.id()], "rotation", rotation);
        if let Some(why) = unused {
            truth.related("CRD-004", SYSTEM, &key, vec![user.id()], "unused", why);
        }
        if user.name == "svc-etl" {
            let why = "AWS found it in public and put the user into quarantine; it still works";
            truth.related("CRD-009", SYSTEM, &key, vec![user.id()], "public", why);
        }
        if user.name == "svc-mailer" {
            truth.finding(
                "DOR-002",
                SYSTEM,
                user.id(),
                "unused",
                "made 354 days ago, and neither it nor its key was ever used",
            );
        }
        if user.name == "svc-archive" {
            truth.benign(
                &["CRD-005", "DOR-001"],
                SYSTEM,
                user.id(),
                "rotation",
                "two active keys, one of them nine days old: within the overlap of a rotation; the user is in use",
            );
        }
        users.push(user);
    }
    let ci = service(MANAGEMENT, "svc-ci").holds("OpsBreakFix").keys(&[key(63, 1), key(34, 5)]);
    truth.finding("CRD-005", SYSTEM, ci.id(), "doubled", "two active keys, 63 and 34 days old");
    users.push(ci);

    let fresh = service(SANDBOX, "svc-onboarding").keys(&[Key { age: 3, used: None, active: true }]);
    truth.benign(
        &["CRD-004", "CRD-001"],
        SYSTEM,
        key_id(fresh.account, &fresh.name, 1),
        "new",
        "made three days ago, not used yet",
    );
    users.push(User { age: 4, ..fresh });

    let rotated =
        service(MANAGEMENT, "svc-inventory").keys(&[Key { age: 340, used: Some(80), active: false }, key(78, 1)]);
    truth.benign(
        &["CRD-001", "CRD-004", "CRD-005"],
        SYSTEM,
        key_id(rotated.account, &rotated.name, 1),
        "rotation",
        "the old key is inactive, the new one in use",
    );
    users.push(rotated);
    users
}

fn roles(company: &Company, truth: &mut Truth) -> Vec<Role> {
    let trust_account = || trust("AWS", &format!("arn:aws:iam::{MANAGEMENT}:root"), "sts:AssumeRole");
    let trust_service = |service: &str| trust("Service", service, "sts:AssumeRole");
    let everything = || document(vec![statement("Allow", vec!["*"], "*")]);
    let mut roles = Vec::new();
    for account in [PRODUCTION, SANDBOX] {
        roles.push(Role {
            account,
            name: "OrganizationAccountAccessRole",
            path: "/",
            trust: trust_account(),
            attached: vec!["AdministratorAccess"],
            inline: vec![],
            used: Some(21),
            tags: vec![],
        });
    }
    truth.finding(
        "XPR-004",
        SYSTEM,
        role_id(PRODUCTION, "OrganizationAccountAccessRole"),
        "admin",
        "AdministratorAccess for whoever may assume it in the management account",
    );
    truth.finding(
        "XPR-004",
        SYSTEM,
        role_id(SANDBOX, "OrganizationAccountAccessRole"),
        "admin",
        "AdministratorAccess; the service control policy above denies other regions and spares IAM",
    );
    roles.push(Role {
        account: PRODUCTION,
        name: "ci-deployer",
        path: "/ci/",
        trust: trust_service("codebuild.amazonaws.com"),
        attached: vec![],
        inline: vec![("deploy-anything", everything())],
        used: Some(1),
        tags: vec![("owner", company.get("beatriz.salgado").email())],
    });
    truth.finding(
        "XPR-004",
        SYSTEM,
        role_id(PRODUCTION, "ci-deployer"),
        "admin",
        "an inline policy allows every action on everything",
    );
    roles.push(Role {
        account: PRODUCTION,
        name: "legacy-etl",
        path: "/",
        trust: trust_service("glue.amazonaws.com"),
        attached: vec!["AmazonS3ReadOnlyAccess"],
        inline: vec![],
        used: Some(230),
        tags: vec![],
    });
    truth.finding("DOR-001", SYSTEM, role_id(PRODUCTION, "legacy-etl"), "dormant", "last assumed 230 days ago");
    roles.push(Role {
        account: PRODUCTION,
        name: "orders-api",
        path: "/",
        trust: trust_service("lambda.amazonaws.com"),
        attached: vec!["AWSLambdaBasicExecutionRole"],
        inline: vec![],
        used: Some(1),
        tags: vec![("owner", company.get("marguerite.lacroix").email()), ("environment", "prod".to_owned())],
    });
    truth.related(
        "ORP-008",
        SYSTEM,
        role_id(PRODUCTION, "orders-api"),
        vec![company.get("marguerite.lacroix").id.clone()],
        "owner",
        "the tag owner names somebody who left on 31 July",
    );
    roles.push(Role {
        account: SANDBOX,
        name: "experiments",
        path: "/",
        trust: trust_service("ec2.amazonaws.com"),
        attached: vec!["PowerUserAccess"],
        inline: vec![],
        used: None,
        tags: vec![],
    });
    truth.benign(
        &["DOR-001", "XPR-004"],
        SYSTEM,
        role_id(SANDBOX, "experiments"),
        "unused",
        "no use within the tracking period, which is not the same as a use long ago; PowerUserAccess leaves out IAM",
    );
    for account in [MANAGEMENT, PRODUCTION, SANDBOX] {
        roles.push(Role {
            account,
            name: "AWSServiceRoleForOrganizations",
            path: "/aws-service-role/organizations.amazonaws.com/",
            trust: trust_service("organizations.amazonaws.com"),
            attached: vec![],
            inline: vec![],
            used: Some(30),
            tags: vec![],
        });
    }
    roles
}

/// The role that Identity Center makes of its permission set.
fn permission_set() -> Role {
    let saml = format!("arn:aws:iam::{SANDBOX}:saml-provider/AWSSSO_acme_DO_NOT_DELETE");
    Role {
        account: SANDBOX,
        name: PERMISSION_SET_ROLE,
        path: "/aws-reserved/sso.amazonaws.com/eu-central-1/",
        trust: document(vec![object! {
            "Effect" => "Allow",
            "Principal" => object! { "Federated" => saml },
            "Action" => vec!["sts:AssumeRoleWithSAML", "sts:TagSession"],
            "Condition" => object! {
                "StringEquals" => object! { "SAML:aud" => "https://signin.aws.amazon.com/saml" },
            },
        }]),
        attached: vec!["AmazonS3ReadOnlyAccess"],
        inline: vec![],
        used: Some(2),
        tags: vec![],
    }
}

/// What the role of the permission set is called: sixteen digits tell it from any other.
const PERMISSION_SET_ROLE: &str = "AWSReservedSSO_DeveloperAccess_5f0c1d2e3a4b6978";

/// What is right and wrong with the three root users; the report shows them without a name of their own.
fn roots(truth: &mut Truth) {
    truth.finding(
        "AUT-001",
        SYSTEM,
        format!("{PRODUCTION}:root"),
        "EDG-24",
        "the root user has no MFA: mfa_active=false",
    );
    truth.finding("CRD-005", SYSTEM, format!("{SANDBOX}:root"), "EDG-24", "the root user has an active access key");
    for account in [MANAGEMENT, PRODUCTION, SANDBOX] {
        truth.benign(
            &["ORP-001", "DOR-001", "XPR-004"],
            SYSTEM,
            format!("{account}:root"),
            "EDG-24",
            "the root user belongs to nobody by design, and was used at the last drill",
        );
    }
}

fn statement(effect: &str, actions: Vec<&str>, resource: &str) -> Json {
    object! { "Effect" => effect, "Action" => actions, "Resource" => resource }
}

fn document(statements: Vec<Json>) -> Json {
    object! { "Version" => "2012-10-17", "Statement" => statements }
}

fn trust(kind: &str, principal: &str, action: &str) -> Json {
    document(vec![object! {
        "Effect" => "Allow",
        "Principal" => object! { kind => principal },
        "Action" => action,
    }])
}

fn managed_document(name: &str) -> Json {
    match name {
        "AdministratorAccess" => document(vec![object! { "Effect" => "Allow", "Action" => "*", "Resource" => "*" }]),
        "PowerUserAccess" => document(vec![
            object! { "Effect" => "Allow", "NotAction" => vec!["iam:*", "organizations:*", "account:*"], "Resource" => "*" },
            statement(
                "Allow",
                vec![
                    "account:GetAccountInformation",
                    "account:GetGovCloudAccountInformation",
                    "account:GetPrimaryEmail",
                    "account:ListRegions",
                    "iam:CreateServiceLinkedRole",
                    "iam:DeleteServiceLinkedRole",
                    "iam:ListRoles",
                    "organizations:DescribeEffectivePolicy",
                    "organizations:DescribeOrganization",
                ],
                "*",
            ),
        ]),
        _ => {
            let (.., actions) = MANAGED.iter().find(|(known, ..)| *known == name).expect("a policy of the list");
            let effect = if name == QUARANTINE { "Deny" } else { "Allow" };
            document(vec![statement(effect, actions.split(' ').collect(), "*")])
        }
    }
}

/// Customer policies: their account, name, versions (the last one is the default) and whether they serve as a boundary.
fn customer_policies(account: &str) -> Vec<(&'static str, Vec<Json>)> {
    let narrow = || document(vec![statement("Allow", vec!["ec2:*", "s3:*", "rds:*", "logs:*"], "*")]);
    match account {
        PRODUCTION => vec![
            ("DeveloperBoundary", vec![narrow()]),
            ("PlatformFull", vec![narrow(), document(vec![statement("Allow", vec!["*"], "*")])]),
        ],
        MANAGEMENT => {
            vec![("OpsBreakFix", vec![document(vec![statement("Allow", vec!["ssm:*", "ec2:Reboot*"], "*")])])]
        }
        _ => vec![],
    }
}

fn policy_arn(account: &str, name: &str) -> String {
    match MANAGED.iter().find(|(known, ..)| *known == name) {
        Some((_, path, ..)) => format!("arn:aws:iam::aws:policy{path}{name}"),
        None => format!("arn:aws:iam::{account}:policy/{name}"),
    }
}

fn attached(account: &str, names: &[&str]) -> Json {
    let policies = names.iter().map(|name| object! { "PolicyName" => *name, "PolicyArn" => policy_arn(account, name) });
    Json::List(policies.collect())
}

fn tags(pairs: &[(&'static str, String)]) -> Json {
    Json::List(pairs.iter().map(|(key, value)| object! { "Key" => *key, "Value" => value }).collect())
}

fn created(account: &str, name: &str, age: i64) -> Timestamp {
    used_ago(&mut Rng::of(&format!("{account}/{name}/created")), age, age)
}

fn details(account: &str, users: &[User], roles: &[Role]) -> Json {
    let users: Vec<&User> = users.iter().filter(|user| user.account == account).collect();
    let roles: Vec<&Role> = roles.iter().filter(|role| role.account == account).collect();
    let groups: Vec<(&str, &str)> = match account {
        MANAGEMENT => vec![("administrators", "AdministratorAccess"), ("developers", "IAMReadOnlyAccess")],
        _ => vec![("developers", "AmazonS3ReadOnlyAccess")],
    };
    let user_list = users.iter().map(|user| user_detail(user)).collect::<Vec<_>>();
    let group_list = groups.iter().map(|(name, policy)| {
        object! {
            "Path" => "/",
            "GroupName" => *name,
            "GroupId" => aws_id_of("AGPA", &format!("{account}/{name}")),
            "Arn" => format!("arn:aws:iam::{account}:group/{name}"),
            "CreateDate" => aws(created(account, name, 1900)),
            "GroupPolicyList" => Json::List(vec![]),
            "AttachedManagedPolicies" => attached(account, &[policy]),
        }
    });
    let role_list = roles.iter().map(|role| role_detail(role)).collect::<Vec<_>>();
    let mut count: Vec<&str> = Vec::new();
    count.extend(users.iter().flat_map(|user| &user.attached));
    count.extend(roles.iter().flat_map(|role| &role.attached));
    count.extend(groups.iter().map(|(_, policy)| *policy));
    let boundaries: Vec<&str> = users.iter().filter_map(|user| user.boundary).collect();
    let mut policies = customer_policies(account)
        .into_iter()
        .map(|(name, versions)| policy_detail(account, name, &versions, &count, &boundaries))
        .collect::<Vec<_>>();
    for name in count.iter().copied().collect::<BTreeSet<_>>() {
        if MANAGED.iter().any(|(known, ..)| *known == name) {
            policies.push(policy_detail(account, name, &[managed_document(name)], &count, &boundaries));
        }
    }
    object! {
        "UserDetailList" => user_list,
        "GroupDetailList" => group_list.collect::<Vec<_>>(),
        "RoleDetailList" => role_list,
        "Policies" => policies,
    }
}

fn user_detail(user: &User) -> Json {
    let User { account, name, .. } = user;
    let mut fields = vec![
        ("Path".to_owned(), Json::from("/")),
        ("UserName".to_owned(), Json::from(name)),
        ("UserId".to_owned(), Json::from(user.id())),
        ("Arn".to_owned(), Json::from(format!("arn:aws:iam::{account}:user/{name}"))),
        ("CreateDate".to_owned(), Json::from(aws(created(account, name, user.age)))),
        ("GroupList".to_owned(), Json::from(&user.groups[..])),
        ("AttachedManagedPolicies".to_owned(), attached(account, &user.attached)),
    ];
    if let Some(boundary) = user.boundary {
        fields.push((
            "PermissionsBoundary".to_owned(),
            object! { "PermissionsBoundaryType" => "Policy", "PermissionsBoundaryArn" => policy_arn(account, boundary) },
        ));
    }
    fields.push(("Tags".to_owned(), tags(&user.tags)));
    Json::Object(fields)
}

fn role_detail(role: &Role) -> Json {
    let Role { account, name, path, .. } = role;
    let inline = role
        .inline
        .iter()
        .map(|(name, document)| object! { "PolicyName" => *name, "PolicyDocument" => document.clone() });
    let last_used = match role.used {
        Some(days) => object! { "LastUsedDate" => aws(created(account, name, days)), "Region" => "eu-central-1" },
        None => Json::Object(vec![]),
    };
    object! {
        "Path" => *path,
        "RoleName" => *name,
        "RoleId" => role_id(account, name),
        "Arn" => format!("arn:aws:iam::{account}:role{path}{name}"),
        "CreateDate" => aws(created(account, &format!("role {name}"), 900)),
        "AssumeRolePolicyDocument" => role.trust.clone(),
        "InstanceProfileList" => Json::List(vec![]),
        "RolePolicyList" => inline.collect::<Vec<_>>(),
        "AttachedManagedPolicies" => attached(account, &role.attached),
        "Tags" => tags(&role.tags),
        "RoleLastUsed" => last_used,
    }
}

fn policy_detail(account: &str, name: &str, versions: &[Json], attached: &[&str], boundaries: &[&str]) -> Json {
    let managed = MANAGED.iter().find(|(known, ..)| *known == name);
    let uses =
        |list: &[&str]| i64::try_from(list.iter().filter(|used| **used == name).count()).expect("a small number");
    let default = managed.map_or_else(|| format!("v{}", versions.len()), |(_, _, version, _)| (*version).to_owned());
    let made = if managed.is_some() { created("aws", name, 3900) } else { created(account, name, 700) };
    let list = versions.iter().enumerate().rev().map(|(index, document)| {
        let last = index + 1 == versions.len();
        object! {
            "Document" => document.clone(),
            "VersionId" => if last { default.clone() } else { format!("v{}", index + 1) },
            "IsDefaultVersion" => last,
            "CreateDate" => aws(if last { created(account, name, 300) } else { made }),
        }
    });
    object! {
        "PolicyName" => name,
        "PolicyId" => aws_id_of("ANPA", &policy_arn(account, name)),
        "Arn" => policy_arn(account, name),
        "Path" => managed.map_or("/", |(_, path, ..)| path),
        "DefaultVersionId" => default.clone(),
        "AttachmentCount" => uses(attached),
        "PermissionsBoundaryUsageCount" => uses(boundaries),
        "IsAttachable" => true,
        "CreateDate" => aws(made),
        "UpdateDate" => aws(created(account, name, 300)),
        "PolicyVersionList" => list.collect::<Vec<_>>(),
    }
}

/// The columns of a credential report, in AWS' order.
const REPORT_HEADER: &str = "user,arn,user_creation_time,password_enabled,password_last_used,password_last_changed,password_next_rotation,mfa_active,access_key_1_active,access_key_1_last_rotated,access_key_1_last_used_date,access_key_1_last_used_region,access_key_1_last_used_service,access_key_2_active,access_key_2_last_rotated,access_key_2_last_used_date,access_key_2_last_used_region,access_key_2_last_used_service,cert_1_active,cert_1_last_rotated,cert_2_active,cert_2_last_rotated";

fn credential_report(account: &str, users: &[User]) -> String {
    let mut report = format!("{REPORT_HEADER}\n");
    let (mfa, keys): (bool, &[Key]) = match account {
        SANDBOX => (true, &[key(40, 5)]),
        PRODUCTION => (false, &[]),
        _ => (true, &[]),
    };
    let drilled = aws(days_ago(48));
    let root = [
        "<root_account>".to_owned(),
        format!("arn:aws:iam::{account}:root"),
        aws(created(account, "root", 2100)),
        "not_supported".to_owned(),
        drilled,
        "not_supported".to_owned(),
        "not_supported".to_owned(),
        mfa.to_string(),
    ];
    report_row(&mut report, &root, account, "root", keys);
    for user in users.iter().filter(|user| user.account == account) {
        let name = &user.name;
        let (enabled, used, changed, next) = match user.console {
            None => ("false", "N/A".to_owned(), "N/A".to_owned(), "N/A"),
            Some(days) => {
                let used = created(account, &format!("{name}/console"), days);
                ("true", aws(used), aws(created(account, name, user.age)), "N/A")
            }
        };
        let columns = [
            name.clone(),
            format!("arn:aws:iam::{account}:user/{name}"),
            aws(created(account, name, user.age)),
            enabled.to_owned(),
            used,
            changed,
            next.to_owned(),
            user.mfa.to_string(),
        ];
        report_row(&mut report, &columns, account, name, &user.keys);
    }
    report
}

fn report_row(report: &mut String, columns: &[String], account: &str, name: &str, keys: &[Key]) {
    report.push_str(&columns.join(","));
    for slot in 0..2 {
        let none = || "N/A".to_owned();
        let columns = match keys.get(slot) {
            None => ["false".to_owned(), none(), none(), none(), none()],
            Some(key) => {
                let rotated = aws(created(account, &format!("{name}/key{slot}"), key.age));
                let used = key.used.map(|days| aws(created(account, &format!("{name}/key{slot}/used"), days)));
                let region = if used.is_some() { "eu-central-1".to_owned() } else { none() };
                let service = if used.is_some() { "s3".to_owned() } else { none() };
                [key.active.to_string(), rotated, used.unwrap_or_else(none), region, service]
            }
        };
        report.push(',');
        report.push_str(&columns.join(","));
    }
    report.push_str(",false,N/A,false,N/A\n");
}

fn organization() -> Json {
    let account = |id: &str, name: &str, email: &str| {
        object! {
            "Id" => id,
            "Arn" => format!("arn:aws:organizations::{MANAGEMENT}:account/{ORGANIZATION}/{id}"),
            "Email" => email,
            "Name" => name,
            "Status" => "ACTIVE",
            "JoinedMethod" => "CREATED",
            "JoinedTimestamp" => aws(created(id, "joined", 2000)),
        }
    };
    let unit = |id: &str, name: &str| {
        object! {
            "Id" => id,
            "Arn" => format!("arn:aws:organizations::{MANAGEMENT}:ou/{ORGANIZATION}/{id}"),
            "Name" => name,
            "ParentId" => ROOT,
        }
    };
    let target = |id: &str, name: &str, kind: &str| object! { "TargetId" => id, "Name" => name, "Type" => kind };
    let full = document(vec![object! { "Effect" => "Allow", "Action" => "*", "Resource" => "*" }]);
    let regions = document(vec![object! {
        "Sid" => "DenyOutsideEurope",
        "Effect" => "Deny",
        "NotAction" => vec!["iam:*", "organizations:*", "sts:*", "support:*"],
        "Resource" => "*",
        "Condition" => object! {
            "StringNotEquals" => object! { "aws:RequestedRegion" => vec!["eu-central-1", "eu-west-1"] },
        },
    }]);
    object! {
        "Organization" => object! {
            "Id" => ORGANIZATION,
            "Arn" => format!("arn:aws:organizations::{MANAGEMENT}:organization/{ORGANIZATION}"),
            "FeatureSet" => "ALL",
            "MasterAccountArn" => format!("arn:aws:organizations::{MANAGEMENT}:account/{ORGANIZATION}/{MANAGEMENT}"),
            "MasterAccountId" => MANAGEMENT,
            "MasterAccountEmail" => "aws-root@acme.example",
        },
        "Accounts" => vec![
            account(MANAGEMENT, "acme-management", "aws-root@acme.example"),
            account(PRODUCTION, "acme-production", "aws-prod@acme.example"),
            account(SANDBOX, "acme-sandbox", "aws-sandbox@acme.example"),
        ],
        "Roots" => vec![object! {
            "Id" => ROOT,
            "Arn" => format!("arn:aws:organizations::{MANAGEMENT}:root/{ORGANIZATION}/{ROOT}"),
            "Name" => "Root",
            "PolicyTypes" => vec![object! { "Type" => "SERVICE_CONTROL_POLICY", "Status" => "ENABLED" }],
        }],
        "OrganizationalUnits" => vec![unit(WORKLOADS, "Workloads"), unit(EXPERIMENTS, "Sandbox")],
        "AccountParents" => object! { MANAGEMENT => ROOT, PRODUCTION => WORKLOADS, SANDBOX => EXPERIMENTS },
        "Policies" => vec![
            object! {
                "PolicySummary" => object! {
                    "Id" => "p-FullAWSAccess",
                    "Arn" => "arn:aws:organizations::aws:policy/service_control_policy/p-FullAWSAccess",
                    "Name" => "FullAWSAccess",
                    "Description" => "Allows access to every operation",
                    "Type" => "SERVICE_CONTROL_POLICY",
                    "AwsManaged" => true,
                },
                "Content" => full.compact(),
                "Targets" => vec![
                    target(ROOT, "Root", "ROOT"),
                    target(WORKLOADS, "Workloads", "ORGANIZATIONAL_UNIT"),
                    target(EXPERIMENTS, "Sandbox", "ORGANIZATIONAL_UNIT"),
                    target(MANAGEMENT, "acme-management", "ACCOUNT"),
                    target(PRODUCTION, "acme-production", "ACCOUNT"),
                    target(SANDBOX, "acme-sandbox", "ACCOUNT"),
                ],
            },
            object! {
                "PolicySummary" => object! {
                    "Id" => "p-eur0pe01",
                    "Arn" => format!("arn:aws:organizations::{MANAGEMENT}:policy/{ORGANIZATION}/service_control_policy/p-eur0pe01"),
                    "Name" => "EuropeOnly",
                    "Description" => "Experiments stay in Europe",
                    "Type" => "SERVICE_CONTROL_POLICY",
                    "AwsManaged" => false,
                },
                "Content" => regions.compact(),
                "Targets" => vec![target(SANDBOX, "acme-sandbox", "ACCOUNT")],
            },
        ],
    }
}
