//! A custom identity provider, and what its users and groups have in common with those of applications.

use std::collections::HashSet;

use super::application::lifecycle;
use super::intake::{Entry, Intake, attributes};
use super::payload::{Group, Provider, User};
use super::references::References;
use crate::ConnectorError;
use crate::record::{
    Account, AccountClass, Affiliation, Entitlement, EntitlementKind, Fact, FederatedId, Grant, GroupRule, Lifecycle,
    Membership, PrincipalKind, Purpose, Raw, Record, RecordKind,
};

/// Takes every list of an identity provider.
pub(super) fn take(provider: Provider, intake: &mut Intake) -> Result<(), ConnectorError> {
    const KINDS: [RecordKind; 3] = [RecordKind::Account, RecordKind::Membership, RecordKind::Grant];
    intake.tenant(&provider.name);
    let users: Vec<Entry<User>> = intake.entries("users", provider.users, &KINDS)?;
    let groups: Vec<Entry<Group>> =
        intake.entries("groups", provider.groups, &[RecordKind::Group, RecordKind::Membership, RecordKind::Grant])?;
    let mut names = References::default();
    for one in &groups {
        let entry = &one.told;
        if let Some(id) = entry.identity.as_ref().or(entry.id.as_ref()).or(entry.name.as_ref()) {
            names.insert(id, id);
        }
    }
    let mut roles = HashSet::new();
    for mut one in users {
        let Some(record) = account(&mut one, intake) else { continue };
        let (id, place) = (record.id.clone(), one.place.clone());
        let (parents, arns) = (std::mem::take(&mut one.told.groups), std::mem::take(&mut one.told.assumed_role_arns));
        if intake.push_once(RecordKind::Account, &id, &one, Record::Account(Box::new(record)))? {
            belong(&id, PrincipalKind::Account, parents, &place, &names, intake)?;
            assume(&id, PrincipalKind::Account, arns, &mut roles, intake)?;
        }
    }
    for mut one in groups {
        let Some(record) = group(&mut one, intake) else { continue };
        let (id, place) = (record.id.clone(), one.place.clone());
        let (parents, arns) = (std::mem::take(&mut one.told.groups), std::mem::take(&mut one.told.assumed_role_arns));
        if intake.push_once(RecordKind::Group, &id, &one, Record::Group(Box::new(record)))? {
            belong(&id, PrincipalKind::Group, parents, &place, &names, intake)?;
            assume(&id, PrincipalKind::Group, arns, &mut roles, intake)?;
        }
    }
    Ok(())
}

/// The groups that a member says it is in.
pub(super) fn belong(
    member: &str,
    member_kind: PrincipalKind,
    parents: Vec<String>,
    place: &str,
    names: &References,
    intake: &mut Intake,
) -> Result<(), ConnectorError> {
    for name in parents {
        let Some(found) = names.find(&name) else {
            intake.unknown(RecordKind::Membership, place, "group", &name, member);
            continue;
        };
        intake.push(Record::Membership(Membership {
            member: member.to_owned(),
            member_kind,
            group: found.to_owned(),
            since: None,
            until: None,
            via: None,
            raw: Raw::Within(member.to_owned()),
        }))?;
    }
    Ok(())
}

/// Roles of AWS that an identity may assume.
fn assume(
    principal: &str,
    kind: PrincipalKind,
    arns: Vec<String>,
    known: &mut HashSet<String>,
    intake: &mut Intake,
) -> Result<(), ConnectorError> {
    for arn in arns {
        let entitlement = format!("assume:{arn}");
        if known.insert(arn.clone()) {
            intake.push(Record::Entitlement(Box::new(Entitlement {
                id: entitlement.clone(),
                kind: EntitlementKind::Role,
                name: Some(arn),
                description: Some("may assume this AWS role".to_owned()),
                purpose: Purpose::Assignment,
                privilege: None,
                owner: None,
                raw: Raw::None,
            })))?;
        }
        let mut grant = Grant::new(principal, kind, entitlement);
        grant.raw = Raw::Within(principal.to_owned());
        intake.push(Record::Grant(Box::new(grant)))?;
    }
    Ok(())
}

/// A user as an account.
pub(super) fn account(one: &mut Entry<User>, intake: &mut Intake) -> Option<Account> {
    const KIND: RecordKind = RecordKind::Account;
    let (raw, place) = (one.raw(), one.place.clone());
    let user = &mut one.told;
    let Some(id) = user.id.clone().or_else(|| user.identity.clone()).or_else(|| user.name.clone()) else {
        intake.nameless(&place, &[KIND, RecordKind::Membership, RecordKind::Grant]);
        return None;
    };
    let mut account = Account::new(id.clone(), intake.id_kind);
    account.login.clone_from(&user.name);
    account.name = user.full_name.take().filter(|name| !name.trim().is_empty()).or_else(|| {
        let names = [user.first_name.take(), user.last_name.take()];
        let name = names.into_iter().flatten().collect::<Vec<_>>().join(" ");
        (!name.trim().is_empty()).then_some(name)
    });
    for told in user.email.take().into_iter().chain(std::mem::take(&mut user.identities)) {
        if told.contains('@') {
            if !account.emails.contains(&told) {
                account.emails.push(told);
            }
        } else if !told.trim().is_empty() {
            account.federated.push(FederatedId { issuer: "identities".to_owned(), subject: told });
        }
    }
    if let Some(source) = user.source_identity.take()
        && let Some(subject) = source.identity
    {
        account
            .federated
            .push(FederatedId { issuer: source.provider_type.unwrap_or_else(|| "any".to_owned()), subject });
    }
    account.lifecycle = match lifecycle(user.is_active) {
        Lifecycle::Unknown if user.deactivated_at.is_some() => Lifecycle::Disabled,
        told => told,
    };
    if user.is_guest == Some(true) {
        account.affiliation = Some(Affiliation::Guest);
    }
    account.class = match user.class.as_deref() {
        Some("service_account" | "service") => Some(AccountClass::Service),
        Some("human") => Some(AccountClass::Human),
        _ => None,
    };
    account.class_evidence = account.class.and(user.class.as_ref()).map(|told| format!("user_type={told}"));
    account.department = user.department.take();
    account.manager = user.manager_id.take();
    account.created = intake.instant(KIND, &place, "created_at", user.created_at.as_deref(), &id);
    account.last_activity = intake.instant(KIND, &place, "last_login_at", user.last_login_at.as_deref(), &id);
    account.password_changed =
        intake.instant(KIND, &place, "password_last_changed_at", user.password_last_changed_at.as_deref(), &id);
    account.attributes = attributes(user.custom_properties.take());
    account.raw = raw;
    Some(account)
}

/// A group as a group.
pub(super) fn group(one: &mut Entry<Group>, intake: &mut Intake) -> Option<crate::record::Group> {
    let (raw, place) = (one.raw(), one.place.clone());
    let group = &mut one.told;
    let Some(id) = group.identity.clone().or_else(|| group.id.clone()).or_else(|| group.name.clone()) else {
        intake.nameless(&place, &[RecordKind::Group, RecordKind::Membership, RecordKind::Grant]);
        return None;
    };
    let native_name = group.identities.first().cloned();
    if let Some(elsewhere) = &native_name {
        intake.gap(
            RecordKind::Membership,
            &place,
            format!("who is in `{id}` through `{elsewhere}` is not told"),
            "the group is tied to one of another provider, whose members the payload does not hold",
            "collect the identity provider as a system of its own",
            &id,
        );
    }
    Some(crate::record::Group {
        id,
        id_kind: intake.id_kind,
        name: group.full_name.take().or_else(|| group.name.clone()),
        rule: if native_name.is_some() { GroupRule::Synchronised } else { GroupRule::Unknown },
        native_name,
        description: None,
        owner: None,
        self_join: Fact::Unsupported,
        privilege: None,
        raw,
    })
}
