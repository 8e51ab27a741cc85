//! Who there is: groups, users, roles, and the root user.

use std::collections::BTreeMap;

use jiff::Timestamp;

use super::super::details::{AccountData, Part, Role, Tag, User};
use super::super::outcome::raw;
use super::credentials::{Password, report_keys, reported_mfa};
use super::{Mapping, distinct};
use crate::record::{
    Account, AccountClass, Credential, Fact, Group, GroupRule, IdKind, Lifecycle, Membership, PrincipalKind, Raw,
    Record, RecordKind, Resource,
};
use crate::scope::Gap;

/// Path of roles that AWS services made for themselves.
const SERVICE_LINKED: &str = "/aws-service-role/";
/// Path of roles that Identity Center made for permission sets.
pub(in super::super) const IDENTITY_CENTER: &str = "/aws-reserved/sso.amazonaws.com/";

impl Mapping<'_> {
    pub(super) fn groups(&mut self) {
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
                raw: raw(&super::super::details::Group { group_policy_list: Vec::new(), ..group.clone() }),
            })));
            self.held(
                &group.group_id,
                PrincipalKind::Group,
                &group.attached_managed_policies,
                &group.group_policy_list,
            );
        }
    }

    pub(super) fn user(&mut self, user: &User) {
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

    pub(super) fn role(&mut self, role: &Role) {
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

    /// The root user is always there, whether or not a report tells about it.
    pub(super) fn root(&mut self) {
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
}

/// The last use by any path. One path that could not be read makes the whole unreadable: an older use elsewhere must not
/// look like the last one.
pub(super) fn latest(password: &Fact<Timestamp>, keys: &[Credential]) -> Fact<Timestamp> {
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
