//! A custom application.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use super::intake::{Entry, Intake, attributes};
use super::payload::{AccessCredential, Application, Given, Group, Permission, Resource, Right, Role, User};
use super::provider::{account, belong, group};
use super::references::References;
use crate::ConnectorError;
use crate::record::{
    Account, AccountClass, Credential, CredentialKind, CredentialState, Entitlement, EntitlementKind, Fact, Grant,
    GrantOrigin, GroupRule, Lifecycle, PrincipalKind, PrivilegeLevel, Purpose, Raw, Record, RecordKind,
};

/// What the lists of an application call things.
#[derive(Debug, Default)]
struct Names {
    users: References,
    groups: References,
    roles: References,
    permissions: References,
    resources: References,
    credentials: References,
    /// Levels of permissions, by name.
    levels: HashMap<String, Option<PrivilegeLevel>>,
    /// Roles inside roles, by id.
    inside: HashMap<String, Vec<String>>,
    /// The user of each credential.
    owners: BTreeMap<String, String>,
    /// Identities of another provider that stand for records already.
    foreign: HashSet<String>,
}

/// Takes every list of an application.
pub(super) fn take(application: Application, intake: &mut Intake) -> Result<(), ConnectorError> {
    use RecordKind::{Account as Accounts, Credential as Credentials, Entitlement as Entitlements, Grant as Grants};
    let Application { name, kind, .. } = &application;
    intake.tenant(name);
    let root = format!("application:{name}");
    let mut resource = resource_record(root.clone(), kind.clone().or(Some("application".into())));
    resource.name = Some(name.clone());
    intake.push(Record::Resource(Box::new(resource)))?;

    let name = application.name.clone();
    let mut names = Names::default();
    let users: Vec<Entry<User>> =
        intake.entries("local_users", application.local_users, &[Accounts, RecordKind::Membership, Grants])?;
    let groups: Vec<Entry<Group>> = intake.entries(
        "local_groups",
        application.local_groups,
        &[RecordKind::Group, RecordKind::Membership, Grants],
    )?;
    let roles: Vec<Entry<Role>> = intake.entries("local_roles", application.local_roles, &[Entitlements, Grants])?;
    let permissions: Vec<Entry<Permission>> =
        intake.entries("permissions", application.permissions, &[Entitlements, Grants])?;
    let credentials: Vec<Entry<AccessCredential>> =
        intake.entries("local_access_creds", application.local_access_creds, &[Credentials, Grants])?;
    let given: Vec<Entry<Given>> =
        intake.entries("identity_to_permissions", application.identity_to_permissions, &[Grants])?;

    for one in &permissions {
        names.permissions.insert(&one.told.name, &one.told.name);
        names.levels.insert(one.told.name.clone(), level(&one.told.permission_type));
    }
    for one in &users {
        names.users.insert_one(one.told.id.as_ref().or(one.told.name.as_ref()));
    }
    for one in &groups {
        names.groups.insert_one(one.told.id.as_ref().or(one.told.name.as_ref()));
    }
    for one in &roles {
        names.roles.insert_one(one.told.id.as_ref().or(one.told.name.as_ref()));
    }
    for one in &credentials {
        names.credentials.insert_one(one.told.id.as_ref().or(one.told.name.as_ref()));
    }
    take_resources("resources", application.resources, &root, "", &mut names, intake)?;
    take_permissions(permissions, intake)?;
    take_roles(roles, &mut names, intake)?;
    take_users(users, &mut names, intake)?;
    take_groups(groups, &names, intake)?;
    let own_rights = given
        .iter()
        .filter(|one| one.told.identity_type.starts_with("local_access_cred"))
        .filter_map(|one| names.credentials.find(one.told.identity.as_deref()?).map(str::to_owned))
        .collect();
    take_credentials(credentials, &own_rights, &names, intake)?;
    for one in given {
        take_given(one, &name, application.alone, &root, &mut names, intake)?;
    }
    Ok(())
}

fn take_users(users: Vec<Entry<User>>, names: &mut Names, intake: &mut Intake) -> Result<(), ConnectorError> {
    for mut one in users {
        let Some(account) = account(&mut one, intake) else { continue };
        let id = account.id.clone();
        let place = one.place.clone();
        let (groups, credentials) = (std::mem::take(&mut one.told.groups), std::mem::take(&mut one.told.access_creds));
        if !intake.push_once(RecordKind::Account, &id, &one, Record::Account(Box::new(account)))? {
            continue;
        }
        belong(&id, PrincipalKind::Account, groups, &place, &names.groups, intake)?;
        for name in credentials {
            match names.credentials.find(&name).map(str::to_owned) {
                Some(credential) => drop(names.owners.insert(credential, id.clone())),
                None => intake.unknown(RecordKind::Credential, &place, "credential", &name, &id),
            }
        }
    }
    Ok(())
}

fn take_groups(groups: Vec<Entry<Group>>, names: &Names, intake: &mut Intake) -> Result<(), ConnectorError> {
    for mut one in groups {
        let Some(record) = group(&mut one, intake) else { continue };
        let (id, place, parents) = (record.id.clone(), one.place.clone(), std::mem::take(&mut one.told.groups));
        if intake.push_once(RecordKind::Group, &id, &one, Record::Group(Box::new(record)))? {
            belong(&id, PrincipalKind::Group, parents, &place, &names.groups, intake)?;
        }
    }
    Ok(())
}

fn take_permissions(permissions: Vec<Entry<Permission>>, intake: &mut Intake) -> Result<(), ConnectorError> {
    for one in permissions {
        let id = format!("permission:{}", one.told.name);
        let kinds = one.told.permission_type.join(", ");
        let record = Record::Entitlement(Box::new(Entitlement {
            id: id.clone(),
            kind: EntitlementKind::Permission,
            name: Some(one.told.name.clone()),
            description: (!kinds.is_empty()).then_some(kinds),
            purpose: Purpose::Permission,
            privilege: level(&one.told.permission_type),
            owner: None,
            raw: one.raw(),
        }));
        intake.push_once(RecordKind::Entitlement, &id, &one, record)?;
    }
    Ok(())
}

fn take_roles(roles: Vec<Entry<Role>>, names: &mut Names, intake: &mut Intake) -> Result<(), ConnectorError> {
    let mut own: HashMap<String, Option<PrivilegeLevel>> = HashMap::new();
    for one in &roles {
        let Some(id) = one.told.id.as_ref().or(one.told.name.as_ref()) else { continue };
        let mut inside = Vec::new();
        for name in &one.told.roles {
            match names.roles.find(name) {
                Some(found) => inside.push(found.to_owned()),
                None => intake.unknown(RecordKind::Grant, &one.place, "role", name, id),
            }
        }
        names.inside.insert(id.clone(), inside);
        let mut highest = None;
        for name in &one.told.permissions {
            match names.permissions.find(name) {
                Some(found) => highest = highest.max(names.levels.get(found).copied().flatten()),
                None => intake.unknown(RecordKind::Entitlement, &one.place, "permission", name, id),
            }
        }
        own.insert(id.clone(), highest);
    }
    for one in roles {
        let Some(role) = one.told.id.clone().or_else(|| one.told.name.clone()) else {
            intake.nameless(&one.place, &[RecordKind::Entitlement, RecordKind::Grant]);
            continue;
        };
        let all = names.with_inside(&role);
        let id = format!("role:{role}");
        let permissions = one.told.permissions.join(", ");
        let record = Record::Entitlement(Box::new(Entitlement {
            id: id.clone(),
            kind: EntitlementKind::Role,
            name: one.told.name.clone(),
            description: (!permissions.is_empty()).then_some(permissions),
            purpose: Purpose::Assignment,
            privilege: all.iter().filter_map(|role| own.get(*role).copied().flatten()).max(),
            owner: None,
            raw: one.raw(),
        }));
        intake.push_once(RecordKind::Entitlement, &id, &one, record)?;
    }
    Ok(())
}

impl Names {
    /// A role and all roles inside it, the role itself first.
    fn with_inside<'a>(&'a self, role: &'a str) -> Vec<&'a str> {
        let (mut all, mut seen) = (vec![role], BTreeSet::from([role]));
        let mut next = 0;
        while let Some(role) = all.get(next) {
            next += 1;
            let inside = self.inside.get(*role).map(Vec::as_slice).unwrap_or_default();
            all.extend(inside.iter().map(String::as_str).filter(|role| seen.insert(role)));
        }
        all
    }
}

fn take_resources(
    list: &str,
    entries: Vec<serde_json::Value>,
    parent: &str,
    path: &str,
    names: &mut Names,
    intake: &mut Intake,
) -> Result<(), ConnectorError> {
    let resources: Vec<Entry<Resource>> = intake.entries(list, entries, &[RecordKind::Resource, RecordKind::Grant])?;
    for mut one in resources {
        let Some(name) = one.told.name.clone().or_else(|| one.told.id.clone()) else {
            intake.nameless(&one.place, &[RecordKind::Resource, RecordKind::Grant]);
            continue;
        };
        // Without ids a resource goes by its path; those that name it may use the path even where it has an id.
        let path = if path.is_empty() { name.clone() } else { format!("{path}.{name}") };
        let id = one.told.id.clone().unwrap_or_else(|| path.clone());
        names.resources.insert(&id, &id);
        names.resources.insert(&path, &id);
        let mut record = resource_record(id.clone(), one.told.kind.clone());
        record.name = Some(name);
        record.parent = Some(parent.to_owned());
        record.attributes = attributes(one.told.custom_properties.take());
        record.raw = one.raw();
        let inside = one.told.sub_resources.take().unwrap_or_default();
        intake.push_once(RecordKind::Resource, &id, &one, Record::Resource(Box::new(record)))?;
        take_resources(&format!("{}.sub_resources", one.place), inside, &id, &path, names, intake)?;
    }
    Ok(())
}

fn resource_record(id: String, kind: Option<String>) -> crate::record::Resource {
    crate::record::Resource {
        id,
        kind,
        name: None,
        parent: None,
        environment: None,
        sensitivity: None,
        owner: None,
        attributes: BTreeMap::new(),
        raw: Raw::None,
    }
}

/// The account that stands for a credential with rights of its own, or without a user.
fn bearer(credential: &str) -> String {
    format!("access_cred:{credential}")
}

fn take_credentials(
    credentials: Vec<Entry<AccessCredential>>,
    own_rights: &HashSet<String>,
    names: &Names,
    intake: &mut Intake,
) -> Result<(), ConnectorError> {
    const KIND: RecordKind = RecordKind::Credential;
    for one in credentials {
        let entry = &one.told;
        let Some(id) = entry.id.clone().or_else(|| entry.name.clone()) else {
            intake.nameless(&one.place, &[KIND]);
            continue;
        };
        let user = names.owners.get(&id);
        let stands_alone = user.is_none() || own_rights.contains(&id);
        let place = one.place.clone();
        let created = intake.instant(KIND, &place, "created_at", entry.created_at.as_deref(), &id);
        let expires = match intake.instant(KIND, &place, "expires_at", entry.expires_at.as_deref(), &id) {
            Fact::Unsupported if entry.can_expire == Some(false) => Fact::Absent,
            told => told,
        };
        let last_used = intake.instant(KIND, &place, "last_used_at", entry.last_used_at.as_deref(), &id);
        let account = match user {
            Some(user) if !stands_alone => user.clone(),
            _ => bearer(&id),
        };
        if stands_alone {
            let mut account = Account::new(account.clone(), intake.id_kind);
            account.name.clone_from(&entry.name);
            account.class = Some(AccountClass::Service);
            account.class_evidence = Some("a local access credential with rights of its own".to_owned());
            account.owner = user.cloned();
            account.lifecycle = lifecycle(entry.is_active);
            account.created.clone_from(&created);
            account.expires.clone_from(&expires);
            account.last_activity.clone_from(&last_used);
            account.raw = Raw::Within(id.clone());
            let bearer = account.id.clone();
            intake.push_once(RecordKind::Account, &bearer, &one, Record::Account(Box::new(account)))?;
        }
        let state = match entry.is_active {
            Some(true) => CredentialState::Active,
            Some(false) => CredentialState::Inactive,
            None => CredentialState::Unknown,
        };
        let record = Record::Credential(Box::new(Credential {
            id: id.clone(),
            account,
            kind: CredentialKind::Token,
            name: entry.name.clone(),
            created,
            expires,
            last_used,
            rotated: Fact::Unsupported,
            state,
            raw: one.raw(),
        }));
        intake.push_once(KIND, &id, &one, record)?;
    }
    Ok(())
}

/// Active as the payload says it.
pub(super) fn lifecycle(active: Option<bool>) -> Lifecycle {
    match active {
        Some(true) => Lifecycle::Active,
        Some(false) => Lifecycle::Disabled,
        None => Lifecycle::Unknown,
    }
}

fn take_given(
    one: Entry<Given>,
    application: &str,
    alone: bool,
    root: &str,
    names: &mut Names,
    intake: &mut Intake,
) -> Result<(), ConnectorError> {
    let mine = |right: &Right| match right.application.as_deref() {
        Some(of) => of.eq_ignore_ascii_case(application),
        None => alone,
    };
    let rights = |rights: Option<Vec<Right>>| rights.unwrap_or_default().into_iter().filter(mine).collect::<Vec<_>>();
    let (raw, place) = (one.raw(), one.place);
    let Given { identity, identity_type, application_permissions, role_assignments } = one.told;
    let all = application_permissions.iter().chain(&role_assignments).flatten();
    if !alone && all.into_iter().any(|right| right.application.is_none()) {
        let what = format!("`{place}` gives something and does not say of which application");
        let of = identity.clone().unwrap_or_default();
        let fix = "correct the integration that writes it";
        intake.gap(RecordKind::Grant, &place, what, "the payload describes several", fix, &of);
    }
    let (permissions, roles) = (rights(application_permissions), rights(role_assignments));
    if permissions.is_empty() && roles.is_empty() {
        return Ok(());
    }
    let Some(identity) = identity else {
        intake.nameless(&place, &[RecordKind::Grant]);
        return Ok(());
    };
    let found = match identity_type.as_str() {
        "local_user" => names.users.find(&identity).map(|id| (id.to_owned(), PrincipalKind::Account)),
        "local_group" => names.groups.find(&identity).map(|id| (id.to_owned(), PrincipalKind::Group)),
        "idp" => Some(foreign(&identity, &place, names, intake)?),
        kind if kind.starts_with("local_access_cred") => {
            names.credentials.find(&identity).map(|id| (bearer(id), PrincipalKind::Account))
        }
        other => {
            let what = format!("`{place}` is of a kind that is not known: `{other}`");
            let known = "known are local_user, local_group, local_access_creds and idp";
            intake.gap(RecordKind::Grant, &place, what, known, "correct the integration that writes it", &identity);
            return Ok(());
        }
    };
    let Some((principal, kind)) = found else {
        intake.unknown(RecordKind::Grant, &place, &identity_type.replace('_', " "), &identity, &identity);
        return Ok(());
    };
    for right in permissions {
        let Some(name) = &right.permission else {
            intake.nameless(&place, &[RecordKind::Grant]);
            continue;
        };
        let Some(found) = names.permissions.find(name) else {
            intake.unknown(RecordKind::Grant, &place, "permission", name, &principal);
            continue;
        };
        let entitlement = format!("permission:{found}");
        for on in places(&right, root, &place, &principal, names, intake) {
            let mut grant = Grant::new(&principal, kind, &entitlement);
            grant.resource = Some(on);
            grant.raw = raw.clone();
            intake.push(Record::Grant(Box::new(grant)))?;
        }
    }
    for right in roles {
        let Some(name) = &right.role else {
            intake.nameless(&place, &[RecordKind::Grant]);
            continue;
        };
        let Some(role) = names.roles.find(name).map(str::to_owned) else {
            intake.unknown(RecordKind::Grant, &place, "role", name, &principal);
            continue;
        };
        for on in places(&right, root, &place, &principal, names, intake) {
            for held in names.with_inside(&role) {
                let mut grant = Grant::new(&principal, kind, format!("role:{held}"));
                grant.resource = Some(on.clone());
                grant.origin = if held == role { GrantOrigin::Direct } else { GrantOrigin::Inherited };
                grant.raw = raw.clone();
                intake.push(Record::Grant(Box::new(grant)))?;
            }
        }
    }
    Ok(())
}

/// What a right is about: the application, resources, or both.
fn places(right: &Right, root: &str, place: &str, principal: &str, names: &Names, intake: &mut Intake) -> Vec<String> {
    let named: Vec<&String> = right.resources.iter().chain(&right.resource).collect();
    let whole = right.apply_to_application == Some(true) || named.is_empty();
    let mut on: Vec<String> = whole.then(|| root.to_owned()).into_iter().collect();
    for name in named {
        match names.resources.find(name) {
            Some(found) if on.iter().any(|known| known == found) => {}
            Some(found) => on.push(found.to_owned()),
            None => intake.unknown(RecordKind::Grant, place, "resource", name, principal),
        }
    }
    on
}

/// The record that stands for an identity of another provider.
fn foreign(
    identity: &str,
    place: &str,
    names: &mut Names,
    intake: &mut Intake,
) -> Result<(String, PrincipalKind), ConnectorError> {
    let id = format!("idp:{identity}");
    let is_address = identity.contains('@');
    let kind = if is_address { PrincipalKind::Account } else { PrincipalKind::Group };
    if !names.foreign.insert(id.clone()) {
        return Ok((id, kind));
    }
    if is_address {
        let mut account = Account::new(id.clone(), intake.id_kind);
        account.login = Some(identity.to_owned());
        account.emails = vec![identity.to_owned()];
        intake.push(Record::Account(Box::new(account)))?;
    } else {
        intake.push(Record::Group(Box::new(crate::record::Group {
            id: id.clone(),
            id_kind: intake.id_kind,
            name: Some(identity.to_owned()),
            native_name: None,
            description: Some("of another identity provider".to_owned()),
            owner: None,
            rule: GroupRule::Synchronised,
            self_join: Fact::Unsupported,
            privilege: None,
            raw: Raw::None,
        })))?;
        intake.gap(
            RecordKind::Membership,
            place,
            format!("who is in `{identity}` is not told"),
            "it is an identity of another provider; the payload names it and not its members",
            "collect the identity provider as a system of its own",
            &id,
        );
    }
    Ok((id, kind))
}

/// How much a permission lets its holder do, by what it is mapped to.
fn level(kinds: &[String]) -> Option<PrivilegeLevel> {
    let of = |kind: &String| match kind.as_str() {
        "MetadataWrite" | "MetadataCreate" | "MetadataDelete" => Some(PrivilegeLevel::Privileged),
        "DataWrite" | "DataCreate" | "DataDelete" => Some(PrivilegeLevel::Limited),
        "DataRead" | "MetadataRead" => Some(PrivilegeLevel::Baseline),
        _ => None,
    };
    kinds.iter().filter_map(of).max()
}
