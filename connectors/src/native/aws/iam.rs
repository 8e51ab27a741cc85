//! One account's IAM as records.
//!
//! | IAM | record |
//! | --- | --- |
//! | user, root user, role | [`Account`] (`AIDA…`, `<account>:root`, `AROA…`) |
//! | group, membership | [`Group`], [`Membership`] |
//! | managed policy | [`Entitlement`] and policy record, id = ARN |
//! | version of it that is not in force | policy record `<ARN>/version/<version>`, target = ARN |
//! | inline policy | [`Entitlement`], policy record and [`Grant`], id = `<principal id>/inline/<name>` |
//! | attachment | [`Grant`] |
//! | permissions boundary | policy record `<ARN>/boundary/<account>`, targets = principals |
//! | trust policy | policy record `<role id>/trust`; one [`Federation`] for each federated principal |
//! | access key, password, signing certificate | [`Credential`] |
//! | instance profile | [`Resource`] with the role that it hands out |
//! | service last accessed data | `used` of the [`Account`] |

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use serde::Serialize;

use super::credential_report::{Field, Row, Slot};
use super::details::{
    AccessKey, Accessed, AccountData, AttachedPolicy, Details, InlinePolicy, ManagedPolicy, Part, PolicyVersion, Role,
    Tag, User,
};
use super::documents::{Decoded, Document, statements, strings};
use super::outcome::{NewPolicy, Outcome, raw};
use crate::record::{
    Account, AccountClass, Credential, CredentialKind, CredentialState, Entitlement, EntitlementKind, Fact, Federation,
    Grant, Group, GroupRule, IdKind, Lifecycle, Membership, PolicyKind, PrincipalKind, PrivilegeLevel, Purpose, Raw,
    Record, RecordKind, Resource,
};
use crate::scope::Gap;

/// What is unknown of a user who is not listed.
const OF_USERS: [RecordKind; 6] = [
    RecordKind::Account,
    RecordKind::Membership,
    RecordKind::Entitlement,
    RecordKind::Grant,
    RecordKind::Credential,
    RecordKind::Policy,
];
/// Path of roles that AWS services made for themselves.
const SERVICE_LINKED: &str = "/aws-service-role/";
/// Path of roles that Identity Center made for permission sets.
pub(super) const IDENTITY_CENTER: &str = "/aws-reserved/sso.amazonaws.com/";

/// Everything that can be said about the account.
pub(super) fn outcome(data: &AccountData) -> Outcome {
    let mut used: BTreeMap<&str, Vec<&Accessed>> = BTreeMap::new();
    for report in &data.used {
        used.entry(&report.arn).or_default().push(report);
    }
    let mut mapping = Mapping { data, used, out: Outcome::default() };
    mapping.report_gaps();
    mapping.policies();
    mapping.groups();
    mapping.doubled(&data.details.user_detail_list, |user| &user.user_id);
    mapping.doubled(&data.details.role_detail_list, |role| &role.role_id);
    for user in distinct(&data.details.user_detail_list, |user| &user.user_id) {
        mapping.user(user);
    }
    for role in distinct(&data.details.role_detail_list, |role| &role.role_id) {
        mapping.role(role);
    }
    mapping.root();
    mapping.unlisted_users();
    mapping.out
}

/// Whether attaching this policy allows everything, by AWS's own naming.
pub(super) fn is_administrator_access(arn: &str) -> bool {
    arn.starts_with("arn:") && arn.ends_with(":iam::aws:policy/AdministratorAccess")
}

/// Each object once: a page that was exported twice changes nothing.
fn distinct<T>(list: &[T], id: impl Fn(&T) -> &String) -> Vec<&T> {
    let mut seen = BTreeSet::new();
    list.iter().filter(|object| seen.insert(id(object))).collect()
}

struct Mapping<'a> {
    data: &'a AccountData,
    /// By ARN of the principal.
    used: BTreeMap<&'a str, Vec<&'a Accessed>>,
    out: Outcome,
}

impl Mapping<'_> {
    /// Notes principals that are listed more than once: a page that was exported twice, or two that have one id.
    fn doubled<T: Serialize>(&mut self, list: &[T], id: impl Fn(&T) -> &String) {
        let mut seen: BTreeMap<&String, &T> = BTreeMap::new();
        for object in list {
            let Some(first) = seen.insert(id(object), object) else { continue };
            if serde_json::to_string(first).ok() == serde_json::to_string(object).ok() {
                self.out.repeated += 1;
                continue;
            }
            let id = id(object);
            let account = &self.data.account;
            let gap = Gap::new("COL108", format!("account {account} lists two principals with the id `{id}`"))
                .cause("AWS gives every principal an id of its own, and nobody knows which of the two is right: neither is kept")
                .fix("export the details again")
                .only(vec![id.clone()]);
            self.out.gap(&[RecordKind::Account], &gap);
            self.out.withdrawn.push(id.clone());
        }
    }

    /// What the missing or damaged credential report, keys and devices mean for the records.
    fn report_gaps(&mut self) {
        let account = &self.data.account;
        match &self.data.report {
            Part::Read(report) => {
                for (line, what) in &report.problems {
                    let gap =
                        Gap::new("AWS012", format!("credential report of account {account}, line {line}: {what}"))
                            .cause("the report is cut off or was changed")
                            .fix("download it again: `aws iam get-credential-report`")
                            .at(format!("credential report:{line}"));
                    self.out.gap(&[RecordKind::Credential], &gap);
                }
            }
            Part::NotGiven => self.withhold_report("no credential report was given"),
            Part::Failed(gap) => {
                self.withhold_report(gap.cause.as_deref().unwrap_or(&gap.what));
                self.out.gap(&[RecordKind::Credential], gap);
            }
        }
        if let Part::Failed(gap) = &self.data.keys {
            self.out.gap(&[RecordKind::Credential], gap);
        }
        if let Part::Failed(gap) = &self.data.mfa {
            self.out.withheld.push((RecordKind::Account, "mfa", gap.cause.clone().unwrap_or_else(|| gap.what.clone())));
        }
        if let Part::Failed(gap) = &self.data.logins {
            self.out.gap(&[RecordKind::Credential], gap);
        }
        if let Some(why) = &self.data.unread_use {
            self.out.withheld.push((RecordKind::Account, "used", why.clone()));
        }
    }

    fn withhold_report(&mut self, why: &str) {
        let logins_known = self.data.logins.read().is_some();
        let mfa_known = self.data.mfa.read().is_some();
        let fields =
            [("last_activity", true), ("password_changed", true), ("interactive", !logins_known), ("mfa", !mfa_known)];
        for (field, withheld) in fields {
            if withheld {
                self.out.withheld.push((RecordKind::Account, field, why.to_owned()));
            }
        }
    }

    fn policies(&mut self) {
        let details = &self.data.details;
        let used = attached_arns(details);
        let boundaries = boundaries(details);
        let mut listed = BTreeSet::new();
        for policy in distinct(&details.policies, |policy| &policy.arn) {
            listed.insert(policy.arn.as_str());
            let is_customers = !is_aws_managed(&policy.arn);
            if is_customers || used.contains_key(policy.arn.as_str()) {
                self.managed_policy(policy);
            }
            if let Some(targets) = boundaries.get(policy.arn.as_str()) {
                self.boundary(&policy.arn, Some(policy), targets);
            }
        }
        for (arn, name) in used.iter().filter(|(arn, _)| !listed.contains(*arn)) {
            self.entitlement(arn, name, None, Raw::None);
            let gap = Gap::new("AWS013", format!("policy `{arn}` is attached, and its document was not listed"))
                .cause("the list of policies is shorter than the attachments: the export was filtered or cut off")
                .fix("export again without `--filter`: `aws iam get-account-authorization-details`");
            self.out.gap(&[RecordKind::Policy], &gap);
        }
        for (arn, targets) in boundaries.iter().filter(|(arn, _)| !listed.contains(*arn)) {
            self.boundary(arn, None, targets);
        }
    }

    fn managed_policy(&mut self, policy: &ManagedPolicy) {
        let object = raw(&ManagedPolicy { policy_version_list: Vec::new(), ..policy.clone() });
        self.entitlement(&policy.arn, policy.name(), policy.description.clone(), object);
        self.out.policy(NewPolicy {
            id: policy.arn.clone(),
            kind: PolicyKind::Identity,
            name: Some(policy.name().to_owned()),
            version: policy.default_version_id.clone(),
            targets: Vec::new(),
            document: default_document(policy),
            raw: Raw::Within(policy.arn.clone()),
        });
        // Who may choose the version in force may choose one of these. AWS chooses for its own policies.
        let others = policy.policy_version_list.iter().filter(|version| !is_default(policy, version));
        for version in others.filter(|_| !is_aws_managed(&policy.arn)) {
            self.out.policy(NewPolicy {
                id: format!("{}/version/{}", policy.arn, version.version_id),
                kind: PolicyKind::Identity,
                name: Some(policy.name().to_owned()),
                version: Some(version.version_id.clone()),
                targets: vec![policy.arn.clone()],
                document: version.document.as_ref(),
                raw: Raw::Within(policy.arn.clone()),
            });
        }
    }

    fn boundary(&mut self, arn: &str, policy: Option<&ManagedPolicy>, targets: &[&str]) {
        self.out.policy(NewPolicy {
            id: format!("{arn}/boundary/{}", self.data.account),
            kind: PolicyKind::Boundary,
            name: policy.map(|policy| policy.name().to_owned()),
            version: policy.and_then(|policy| policy.default_version_id.clone()),
            targets: targets.iter().map(|target| (*target).to_owned()).collect(),
            document: policy.and_then(default_document),
            raw: Raw::Within(arn.to_owned()),
        });
    }

    fn entitlement(&mut self, id: &str, name: &str, description: Option<String>, raw: Raw) {
        self.out.records.push(Record::Entitlement(Box::new(Entitlement {
            id: id.to_owned(),
            kind: EntitlementKind::Policy,
            name: Some(name.to_owned()).filter(|name| !name.is_empty()),
            description: description.filter(|text| !text.is_empty()),
            purpose: Purpose::Permission,
            privilege: is_administrator_access(id).then_some(PrivilegeLevel::Admin),
            owner: None,
            raw,
        })));
    }

    fn groups(&mut self) {
        for group in distinct(&self.data.details.group_detail_list, |group| &group.group_id) {
            self.out.records.push(Record::Group(Box::new(Group {
                id: group.group_id.clone(),
                id_kind: IdKind::Immutable,
                name: Some(group.group_name.clone()),
                native_name: Some(group.arn.clone()),
                description: None,
                owner: None,
                rule: GroupRule::Assigned,
                self_join: Fact::Unsupported,
                privilege: None,
                raw: raw(&super::details::Group { group_policy_list: Vec::new(), ..group.clone() }),
            })));
            self.held(
                &group.group_id,
                PrincipalKind::Group,
                &group.attached_managed_policies,
                &group.group_policy_list,
            );
        }
    }

    /// Attachments and inline policies of one principal.
    fn held(&mut self, principal: &str, kind: PrincipalKind, attached: &[AttachedPolicy], inline: &[InlinePolicy]) {
        let within = Raw::Within(principal.to_owned());
        for policy in distinct(attached, |policy| &policy.policy_arn) {
            let mut grant = Grant::new(principal, kind, &policy.policy_arn);
            grant.raw = within.clone();
            self.out.records.push(Record::Grant(Box::new(grant)));
        }
        for policy in distinct(inline, |policy| &policy.policy_name) {
            let id = format!("{principal}/inline/{}", policy.policy_name);
            self.entitlement(&id, &policy.policy_name, None, within.clone());
            let mut grant = Grant::new(principal, kind, &id);
            grant.raw = within.clone();
            self.out.records.push(Record::Grant(Box::new(grant)));
            self.out.policy(NewPolicy {
                id,
                kind: PolicyKind::Identity,
                name: Some(policy.policy_name.clone()),
                version: None,
                targets: Vec::new(),
                document: policy.policy_document.as_ref(),
                raw: within.clone(),
            });
        }
    }

    fn user(&mut self, user: &User) {
        let row = self.data.report.read().and_then(|report| report.row(&user.arn));
        let password = self.password_of(user, row);
        let keys = self.keys_of(user, row);
        let mut account = Account::new(&user.user_id, IdKind::Immutable);
        account.login = Some(user.user_name.clone());
        account.native_name = Some(user.arn.clone());
        account.lifecycle = Lifecycle::Active;
        account.created = user.create_date.into();
        account.interactive = password.interactive.clone();
        account.password_changed = password.changed.clone();
        account.last_activity = latest(&password.last_used, &keys);
        account.mfa = self.mfa_of(user, row);
        account.used = self.used_by(&user.arn);
        tagged(&mut account, &user.tags);
        account.attributes.insert("path".to_owned(), user.path.clone());
        account.raw = raw(&User { user_policy_list: Vec::new(), ..user.clone() });
        self.out.records.push(Record::Account(Box::new(account)));

        for name in &user.group_list {
            match self.data.details.group_detail_list.iter().find(|group| group.group_name == *name) {
                Some(group) => self.out.records.push(Record::Membership(Membership {
                    member: user.user_id.clone(),
                    member_kind: PrincipalKind::Account,
                    group: group.group_id.clone(),
                    since: None,
                    until: None,
                    via: None,
                    raw: Raw::Within(user.user_id.clone()),
                })),
                None => self.unlisted_group(user, name),
            }
        }
        self.held(&user.user_id, PrincipalKind::Account, &user.attached_managed_policies, &user.user_policy_list);
        if let Some(credential) = password.credential {
            self.out.records.push(Record::Credential(Box::new(credential)));
        }
        for key in keys {
            self.out.records.push(Record::Credential(Box::new(key)));
        }
        if let Some(row) = row {
            self.certificates(&user.user_id, row);
        }
    }

    fn unlisted_group(&mut self, user: &User, name: &str) {
        let gap = Gap::new("AWS013", format!("user `{}` is in group `{name}`, which was not listed", user.user_name))
            .cause("the list of groups is shorter than the memberships: the export was filtered or cut off")
            .fix("export again without `--filter`: `aws iam get-account-authorization-details`");
        self.out.gap(&[RecordKind::Group, RecordKind::Membership], &gap);
    }

    fn password_of(&mut self, user: &User, row: Option<&Row>) -> Password {
        let id = format!("{}/password", user.user_id);
        if let Some(row) = row {
            return Password::from_report(id, &user.user_id, row);
        }
        let login = self.data.logins.read().map(|logins| logins.iter().find(|login| login.user_name == user.user_name));
        match login {
            Some(Some(login)) => {
                let mut credential = credential(id, &user.user_id, CredentialKind::Password, CredentialState::Active);
                credential.created = login.created.into();
                credential.last_used = Fact::Unreadable;
                credential.rotated = Fact::Unreadable;
                Password {
                    interactive: Fact::Known(true),
                    changed: Fact::Unreadable,
                    last_used: Fact::Unreadable,
                    credential: Some(credential),
                }
            }
            Some(None) => Password::none(),
            None => {
                if matches!(self.data.report, Part::Read(_)) {
                    let gap =
                        Gap::new("AWS012", format!("user `{}` has no row in the credential report", user.user_name))
                            .cause("the user is newer than the report, or the report is cut off")
                            .fix(
                                "take a new report (`aws iam generate-credential-report`; AWS makes one in four hours)",
                            );
                    self.out.gap(&[RecordKind::Credential], &gap);
                }
                let unknown =
                    if matches!(self.data.report, Part::NotGiven) { Fact::Unsupported } else { Fact::Unreadable };
                Password {
                    interactive: if unknown == Fact::Unsupported { Fact::Unsupported } else { Fact::Unreadable },
                    changed: unknown.clone(),
                    last_used: unknown,
                    credential: None,
                }
            }
        }
    }

    /// The user's access keys: with their own ids where they were listed, else by their place in the report.
    fn keys_of(&self, user: &User, row: Option<&Row>) -> Vec<Credential> {
        match self.data.keys.read() {
            Some(keys) => distinct(keys, |key| &key.access_key_id)
                .into_iter()
                .filter(|key| key.user_name == user.user_name)
                .map(|key| listed_key(&user.user_id, key))
                .collect(),
            None => row.map(|row| report_keys(&user.user_id, row)).unwrap_or_default(),
        }
    }

    fn mfa_of(&self, user: &User, row: Option<&Row>) -> Fact<Vec<String>> {
        if let Some(devices) = self.data.mfa.read() {
            let mut factors: Vec<String> = devices
                .iter()
                .filter(|device| device.user_name == user.user_name)
                .map(|device| factor(&device.serial_number).to_owned())
                .collect();
            factors.sort();
            return if factors.is_empty() { Fact::Absent } else { Fact::Known(factors) };
        }
        match (row, &self.data.mfa, &self.data.report) {
            (Some(row), _, _) => reported_mfa(row),
            (None, Part::NotGiven, Part::NotGiven) => Fact::Unsupported,
            (None, _, _) => Fact::Unreadable,
        }
    }

    fn certificates(&mut self, account: &str, row: &Row) {
        for (n, slot) in (1..).zip(&row.certificates) {
            if slot.is_taken() {
                let id = format!("{account}/cert_{n}");
                let mut certificate = credential(id, account, CredentialKind::Certificate, slot_state(slot));
                certificate.rotated = slot.last_rotated.property();
                self.out.records.push(Record::Credential(Box::new(certificate)));
            }
        }
    }

    fn role(&mut self, role: &Role) {
        let mut account = Account::new(&role.role_id, IdKind::Immutable);
        account.login = Some(role.role_name.clone());
        account.native_name = Some(role.arn.clone());
        account.lifecycle = Lifecycle::Active;
        account.created = role.create_date.into();
        account.last_activity = match &role.role_last_used {
            Some(used) => used.last_used_date.map_or(Fact::Never, Fact::Known),
            None => Fact::Unsupported,
        };
        account.interactive = Fact::Known(false);
        account.mfa = Fact::Unsupported;
        account.used = self.used_by(&role.arn);
        let (class, evidence) = class_of(role);
        account.class = Some(class);
        account.class_evidence = Some(evidence);
        tagged(&mut account, &role.tags);
        account.attributes.insert("path".to_owned(), role.path.clone());
        account.raw = raw(&Role { role_policy_list: Vec::new(), assume_role_policy_document: None, ..role.clone() });
        self.out.records.push(Record::Account(Box::new(account)));
        self.held(&role.role_id, PrincipalKind::Account, &role.attached_managed_policies, &role.role_policy_list);
        self.trust(role);
        for profile in distinct(&role.instance_profile_list, |profile| &profile.arn) {
            self.out.records.push(Record::Resource(Box::new(Resource {
                id: profile.arn.clone(),
                kind: Some("iam:instance-profile".to_owned()),
                name: Some(profile.instance_profile_name.clone()),
                parent: Some(self.data.account.clone()),
                attributes: BTreeMap::from([("role".to_owned(), role.arn.clone())]),
                raw: Raw::Within(role.role_id.clone()),
                ..Resource::default()
            })));
        }
    }

    /// What a principal may use, and when it last did. A service without an instant was not used in the time that AWS tracks.
    fn used_by(&self, arn: &str) -> BTreeMap<String, Fact<Timestamp>> {
        let mut used: BTreeMap<String, Fact<Timestamp>> = BTreeMap::new();
        let Some(reports) = self.used.get(arn) else { return used };
        for service in reports.iter().flat_map(|report| &report.services_last_accessed) {
            let at = |at: Option<Timestamp>| at.map_or(Fact::Never, Fact::Known);
            let namespace = &service.service_namespace;
            used.insert(namespace.clone(), at(service.last_authenticated));
            for action in &service.tracked_actions_last_accessed {
                used.insert(format!("{namespace}:{}", action.action_name), at(action.last_accessed_time));
            }
        }
        used
    }

    fn trust(&mut self, role: &Role) {
        let id = format!("{}/trust", role.role_id);
        self.out.policy(NewPolicy {
            id: id.clone(),
            kind: PolicyKind::Trust,
            name: Some(role.role_name.clone()),
            version: None,
            targets: vec![role.role_id.clone()],
            document: role.assume_role_policy_document.as_ref(),
            raw: Raw::Within(role.role_id.clone()),
        });
        if let Some(Decoded { text, .. }) = role.assume_role_policy_document.as_ref().map(Document::decode) {
            for federation in federations(&role.role_id, &id, &text) {
                self.out.records.push(Record::Federation(Box::new(federation)));
            }
        }
    }

    /// The root user is always there, whether or not a report tells about it.
    fn root(&mut self) {
        let AccountData { account: number, partition, .. } = self.data;
        let id = format!("{number}:root");
        let row = self.data.report.read().and_then(|report| report.root());
        let mut account = Account::new(&id, IdKind::Immutable);
        account.login = Some("root".to_owned());
        account.native_name = Some(format!("arn:{partition}:iam::{number}:root"));
        account.name = Some(format!("root user of account {number}"));
        account.is_root = true;
        account.class_evidence = Some("the root user of the AWS account".to_owned());
        account.lifecycle = Lifecycle::Active;
        if let Some(row) = row {
            let password = Password::from_report(format!("{id}/password"), &id, row);
            let keys = report_keys(&id, row);
            account.created = row.created.property();
            account.interactive = password.interactive;
            account.password_changed = password.changed;
            account.last_activity = latest(&password.last_used, &keys);
            account.mfa = reported_mfa(row);
            let found = password.credential.into_iter().chain(keys);
            self.out.records.extend(found.map(|credential| Record::Credential(Box::new(credential))));
            self.certificates(&id, row);
        } else if !matches!(self.data.report, Part::NotGiven) {
            account.created = Fact::Unreadable;
            account.last_activity = Fact::Unreadable;
            account.password_changed = Fact::Unreadable;
            account.interactive = Fact::Unreadable;
            account.mfa = Fact::Unreadable;
        }
        if row.is_none() && matches!(self.data.report, Part::Read(_)) {
            let gap = Gap::new("AWS012", format!("the credential report of account {number} has no row for root"))
                .cause("the report was edited or cut off: AWS always lists the root user first")
                .fix("download it again: `aws iam get-credential-report`");
            self.out.gap(&[RecordKind::Credential], &gap);
        }
        self.out.records.push(Record::Account(Box::new(account)));
    }

    /// Users that the report has and the details lack: the export is cut off, or they were deleted in the last four
    /// hours. Live, the pages themselves prove that they were read to the end.
    fn unlisted_users(&mut self) {
        let (Part::Read(report), true) = (&self.data.report, self.data.exported) else { return };
        let listed: BTreeSet<&str> = self.data.details.user_detail_list.iter().map(|user| user.arn.as_str()).collect();
        let missing: Vec<&Row> =
            report.rows.iter().filter(|row| !row.is_root() && !listed.contains(row.arn.as_str())).collect();
        for row in missing {
            let gap = Gap::new("AWS013", format!("`{}` is in the credential report and not among the users", row.arn))
                .cause("the authorization details are cut off or filtered, or the user was deleted after the report was made")
                .fix("collect or export again; a report is at most four hours old, so a deletion explains it only that long");
            self.out.gap(&OF_USERS, &gap);
        }
    }
}

/// What is known about a console password.
struct Password {
    interactive: Fact<bool>,
    changed: Fact<Timestamp>,
    last_used: Fact<Timestamp>,
    credential: Option<Credential>,
}

impl Password {
    fn none() -> Self {
        Self { interactive: Fact::Known(false), changed: Fact::Absent, last_used: Fact::Absent, credential: None }
    }

    fn from_report(id: String, account: &str, row: &Row) -> Self {
        let state = match row.password_enabled {
            Field::Known(false) => return Self::none(),
            Field::Known(true) => CredentialState::Active,
            Field::NotApplicable | Field::NoInformation | Field::NotSupported | Field::Unreadable => {
                CredentialState::Unknown
            }
        };
        let mut credential = credential(id, account, CredentialKind::Password, state);
        credential.rotated = row.password_last_changed.property();
        credential.expires = row.password_next_rotation.property();
        credential.last_used = row.password_last_used.last_use();
        Self {
            interactive: row.password_enabled.property(),
            changed: credential.rotated.clone(),
            last_used: credential.last_used.clone(),
            credential: Some(credential),
        }
    }
}

fn credential(id: String, account: &str, kind: CredentialKind, state: CredentialState) -> Credential {
    Credential {
        id,
        account: account.to_owned(),
        kind,
        name: None,
        created: Fact::Unsupported,
        expires: Fact::Unsupported,
        last_used: Fact::Unsupported,
        rotated: Fact::Unsupported,
        state,
        raw: Raw::None,
    }
}

fn listed_key(account: &str, key: &AccessKey) -> Credential {
    let state = match key.status.as_str() {
        "Active" => CredentialState::Active,
        "Inactive" => CredentialState::Inactive,
        "Expired" => CredentialState::Expired,
        _ => CredentialState::Unknown,
    };
    let mut credential = credential(key.access_key_id.clone(), account, CredentialKind::AccessKey, state);
    credential.created = key.create_date.into();
    credential.expires = Fact::Absent;
    credential.last_used = match &key.access_key_last_used {
        Some(used) => used.last_used_date.map_or(Fact::Never, Fact::Known),
        None => Fact::Unreadable,
    };
    credential.raw = raw(key);
    credential
}

fn report_keys(account: &str, row: &Row) -> Vec<Credential> {
    (1..)
        .zip(&row.keys)
        .filter(|(_, slot)| slot.is_taken())
        .map(|(n, slot)| {
            let id = format!("{account}/access_key_{n}");
            let mut key = credential(id, account, CredentialKind::AccessKey, slot_state(slot));
            key.rotated = slot.last_rotated.property();
            key.expires = Fact::Absent;
            key.last_used = slot.last_used.last_use();
            key
        })
        .collect()
}

fn slot_state(slot: &Slot) -> CredentialState {
    match slot.active {
        Field::Known(true) => CredentialState::Active,
        Field::Known(false) => CredentialState::Inactive,
        Field::NotApplicable | Field::NoInformation | Field::NotSupported | Field::Unreadable => {
            CredentialState::Unknown
        }
    }
}

fn reported_mfa(row: &Row) -> Fact<Vec<String>> {
    match row.mfa_active {
        Field::Known(true) => Fact::Known(vec!["mfa_active".to_owned()]),
        Field::Known(false) => Fact::Absent,
        Field::NotApplicable | Field::NoInformation | Field::NotSupported => Fact::Unsupported,
        Field::Unreadable => Fact::Unreadable,
    }
}

/// The kind of an MFA device, which its serial number tells: an ARN of a virtual device or passkey, or a hardware serial.
fn factor(serial: &str) -> &'static str {
    if serial.contains(":mfa/") {
        "virtual"
    } else if serial.contains(":u2f/") {
        "fido"
    } else {
        "hardware"
    }
}

/// The last use by any path. One path that could not be read makes the whole unreadable: an older use elsewhere must not
/// look like the last one.
fn latest(password: &Fact<Timestamp>, keys: &[Credential]) -> Fact<Timestamp> {
    let paths: Vec<&Fact<Timestamp>> = std::iter::once(password).chain(keys.iter().map(|key| &key.last_used)).collect();
    if paths.iter().any(|path| **path == Fact::Unreadable) {
        return Fact::Unreadable;
    }
    if let Some(last) = paths.iter().filter_map(|path| path.known()).max() {
        return Fact::Known(*last);
    }
    if paths.iter().any(|path| **path == Fact::Unsupported) {
        return Fact::Unsupported;
    }
    if paths.iter().any(|path| **path == Fact::Never) { Fact::Never } else { Fact::Absent }
}

fn class_of(role: &Role) -> (AccountClass, String) {
    let path = &role.path;
    if path.starts_with(SERVICE_LINKED) {
        (AccountClass::System, format!("service-linked role: path `{path}`"))
    } else if path.starts_with(IDENTITY_CENTER) {
        (AccountClass::System, format!("made by Identity Center for a permission set: path `{path}`"))
    } else {
        (AccountClass::Service, "an IAM role, assumed and not signed in to".to_owned())
    }
}

/// Tags as attributes; those with a clear name also as what they say.
fn tagged(account: &mut Account, tags: &[Tag]) {
    for tag in tags.iter().filter(|tag| !tag.value.is_empty()) {
        account.attributes.insert(format!("tag:{}", tag.key), tag.value.clone());
        let name: String = tag.key.to_lowercase().chars().filter(char::is_ascii_alphanumeric).collect();
        match name.as_str() {
            "email" | "mail" | "emailaddress" => account.emails.push(tag.value.clone()),
            "employeeid" | "employeenumber" | "personnelnumber" => account.employee_id = Some(tag.value.clone()),
            "owner" => account.owner = Some(tag.value.clone()),
            "manager" => account.manager = Some(tag.value.clone()),
            "department" => account.department = Some(tag.value.clone()),
            _ => {}
        }
    }
}

fn is_aws_managed(arn: &str) -> bool {
    arn.contains(":iam::aws:policy/")
}

/// ARN and name of every managed policy that any principal holds.
fn attached_arns(details: &Details) -> BTreeMap<&str, &str> {
    let users = details.user_detail_list.iter().flat_map(|user| &user.attached_managed_policies);
    let groups = details.group_detail_list.iter().flat_map(|group| &group.attached_managed_policies);
    let roles = details.role_detail_list.iter().flat_map(|role| &role.attached_managed_policies);
    users.chain(groups).chain(roles).map(|policy| (policy.policy_arn.as_str(), policy.policy_name.as_str())).collect()
}

/// Boundary ARN to the ids of the principals it bounds, sorted.
fn boundaries(details: &Details) -> BTreeMap<&str, Vec<&str>> {
    let users = details.user_detail_list.iter().map(|user| (&user.permissions_boundary, &user.user_id));
    let roles = details.role_detail_list.iter().map(|role| (&role.permissions_boundary, &role.role_id));
    let mut bounded: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for (boundary, id) in users.chain(roles) {
        if let Some(boundary) = boundary {
            bounded.entry(&boundary.permissions_boundary_arn).or_default().push(id);
        }
    }
    for targets in bounded.values_mut() {
        targets.sort_unstable();
        targets.dedup();
    }
    bounded
}

fn default_document(policy: &ManagedPolicy) -> Option<&Document> {
    policy.policy_version_list.iter().find(|version| is_default(policy, version))?.document.as_ref()
}

/// Whether a version is the one in force: what the policy names, or where it names none that is listed, what calls itself so.
fn is_default(policy: &ManagedPolicy, version: &PolicyVersion) -> bool {
    let named = policy.default_version_id.as_ref();
    match named.filter(|named| policy.policy_version_list.iter().any(|version| version.version_id == **named)) {
        Some(named) => version.version_id == *named,
        None => version.is_default_version,
    }
}

/// One federation for each federated principal that a trust policy lets in.
fn federations(role: &str, trust: &str, document: &str) -> Vec<Federation> {
    let mut found = Vec::new();
    for (n, statement) in statements(document).iter().enumerate() {
        if statement.get("Effect").and_then(serde_json::Value::as_str) != Some("Allow") {
            continue;
        }
        let Some(providers) = statement.pointer("/Principal/Federated") else { continue };
        let condition = statement.get("Condition");
        for issuer in strings(providers) {
            found.push(Federation {
                id: format!("{trust}/{n}/{issuer}"),
                account: role.to_owned(),
                issuer: issuer.to_owned(),
                subject: condition.and_then(fixed_subject),
                condition: condition.map(ToString::to_string),
                raw: Raw::Within(role.to_owned()),
            });
        }
    }
    found
}

/// The one subject that a condition asks for: `<provider>:sub` or `SAML:sub` under a positive string operator.
fn fixed_subject(condition: &serde_json::Value) -> Option<String> {
    let operators = ["StringEquals", "StringLike", "ForAnyValue:StringEquals", "ForAnyValue:StringLike"];
    let subjects: Vec<&str> = operators
        .iter()
        .filter_map(|operator| condition.get(operator)?.as_object())
        .flatten()
        .filter(|(key, _)| key.to_ascii_lowercase().ends_with(":sub"))
        .flat_map(|(_, values)| strings(values))
        .collect();
    match subjects.as_slice() {
        [subject] => Some((*subject).to_owned()),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::super::credential_report;
    use super::*;
    use crate::record::Policy;

    fn data(details: serde_json::Value) -> AccountData {
        AccountData {
            account: "111122223333".into(),
            partition: "aws".into(),
            exported: true,
            details: serde_json::from_value(details).unwrap(),
            report: Part::NotGiven,
            keys: Part::NotGiven,
            mfa: Part::NotGiven,
            logins: Part::NotGiven,
            used: Vec::new(),
            unread_use: None,
        }
    }

    fn user(name: &str) -> serde_json::Value {
        serde_json::json!({"UserId": format!("AIDA{name}"), "UserName": name,
            "Arn": format!("arn:aws:iam::111122223333:user/{name}")})
    }

    fn accounts(outcome: &Outcome) -> Vec<&Account> {
        outcome
            .records
            .iter()
            .filter_map(|record| if let Record::Account(account) = record { Some(account.as_ref()) } else { None })
            .collect()
    }

    fn policies(outcome: &Outcome) -> Vec<&Policy> {
        outcome
            .records
            .iter()
            .filter_map(|record| if let Record::Policy(policy) = record { Some(policy.as_ref()) } else { None })
            .collect()
    }

    #[test]
    fn an_unreadable_inline_policy_is_a_gap_with_its_position_and_the_rest_is_kept() {
        let mut bad = user("ada");
        bad["UserPolicyList"] = serde_json::json!([
            {"PolicyName": "broken", "PolicyDocument": "{\"Statement\": [}"},
            {"PolicyName": "fine", "PolicyDocument": {"Statement": []}},
        ]);
        let outcome = outcome(&data(serde_json::json!({"UserDetailList": [bad, user("bob")]})));
        assert_eq!(accounts(&outcome).len(), 3, "two users and root");
        assert_eq!(outcome.gaps.len(), 1);
        let (kind, gap) = &outcome.gaps[0];
        assert_eq!((*kind, gap.code.as_str()), (RecordKind::Policy, "AWS011"));
        assert!(gap.what.contains("`AIDAada/inline/broken`") && gap.what.contains("line 1 column 16"), "{}", gap.what);
        let broken =
            policies(&outcome).into_iter().find(|policy| policy.id.ends_with("broken")).unwrap().document.clone();
        assert_eq!(broken, "{\"Statement\": [}");
    }

    #[test]
    fn trust_in_an_oidc_provider_becomes_a_federation_with_its_subject() {
        let role = serde_json::json!({"RoleId": "AROA1", "RoleName": "deploy", "Arn": "arn:aws:iam::111122223333:role/deploy",
            "Path": "/", "AssumeRolePolicyDocument": {"Statement": {"Effect": "Allow", "Action": "sts:AssumeRoleWithWebIdentity",
                "Principal": {"Federated": "arn:aws:iam::111122223333:oidc-provider/token.example"},
                "Condition": {"StringLike": {"token.example:sub": "repo:acme/*"}, "StringEquals": {"token.example:aud": "x"}}}}});
        let outcome = outcome(&data(serde_json::json!({"RoleDetailList": [role]})));
        let federation = outcome.records.iter().find_map(|record| match record {
            Record::Federation(federation) => Some(federation),
            _ => None,
        });
        assert_eq!(federation.unwrap().subject.as_deref(), Some("repo:acme/*"));
        assert_eq!(accounts(&outcome)[0].class, Some(AccountClass::Service));
    }

    #[test]
    fn a_service_linked_role_belongs_to_the_platform() {
        let role = serde_json::json!({"RoleId": "AROA2", "RoleName": "AWSServiceRoleForX", "Path": "/aws-service-role/x.amazonaws.com/",
            "Arn": "arn:aws:iam::111122223333:role/aws-service-role/x.amazonaws.com/AWSServiceRoleForX",
            "AssumeRolePolicyDocument": {"Statement": []}, "RoleLastUsed": {}});
        let outcome = outcome(&data(serde_json::json!({"RoleDetailList": [role]})));
        assert_eq!(accounts(&outcome)[0].class, Some(AccountClass::System));
        assert_eq!(accounts(&outcome)[0].last_activity, Fact::Never);
    }

    #[test]
    fn a_truncated_export_is_noticed_by_what_it_refers_to() {
        let mut ada = user("ada");
        ada["GroupList"] = serde_json::json!(["gone"]);
        ada["AttachedManagedPolicies"] =
            serde_json::json!([{"PolicyArn": "arn:aws:iam::111122223333:policy/gone", "PolicyName": "gone"}]);
        let mut data = data(serde_json::json!({"UserDetailList": [ada]}));
        let header = "user,arn,user_creation_time,password_enabled,password_last_used,mfa_active,access_key_1_active,access_key_2_active";
        let row = |name: &str| {
            format!(
                "{name},arn:aws:iam::111122223333:user/{name},2024-01-01T00:00:00+00:00,false,N/A,false,false,false"
            )
        };
        let report = format!("{header}\n{}\n{}\n", row("ada"), row("left"));
        data.report = Part::Read(credential_report::parse(report.as_bytes()).unwrap());
        let outcome = outcome(&data);
        let kinds: BTreeSet<RecordKind> = outcome.gaps.iter().map(|(kind, _)| *kind).collect();
        let expected = [
            RecordKind::Account,
            RecordKind::Group,
            RecordKind::Membership,
            RecordKind::Entitlement,
            RecordKind::Grant,
            RecordKind::Policy,
            RecordKind::Credential,
        ];
        assert_eq!(kinds, BTreeSet::from(expected));
    }

    #[test]
    fn a_key_whose_last_use_is_unreadable_makes_the_last_activity_unreadable() {
        let day: Timestamp = "2024-01-01T00:00:00Z".parse().unwrap();
        let mut key = credential("AKIA1".into(), "AIDA1", CredentialKind::AccessKey, CredentialState::Active);
        key.last_used = Fact::Unreadable;
        assert_eq!(latest(&Fact::Known(day), std::slice::from_ref(&key)), Fact::Unreadable);
        key.last_used = Fact::Never;
        assert_eq!(latest(&Fact::Known(day), std::slice::from_ref(&key)), Fact::Known(day));
        assert_eq!(latest(&Fact::Absent, &[key]), Fact::Never);
        assert_eq!(latest(&Fact::Absent, &[]), Fact::Absent);
    }

    #[test]
    fn only_administrator_access_is_known_to_be_admin() {
        assert!(is_administrator_access("arn:aws-cn:iam::aws:policy/AdministratorAccess"));
        assert!(!is_administrator_access("arn:aws:iam::111122223333:policy/AdministratorAccess"));
    }
}
