//! Groups, members, resources, entitlements, grants and policies.

use std::collections::BTreeMap;

use super::super::cells::Cells;
use super::super::columns::{Column, Field, Shape};
use super::super::fault::Fault;
use super::super::words;
use super::accounts::needed_word;
use super::{Mapper, RowKey, Told, table};
use crate::record::{
    Entitlement, EntitlementKind, Grant, GrantOrigin, Group, GroupRule, IdKind, Membership, Policy, PolicyKind,
    PrincipalKind, PrivilegeLevel, Purpose, Raw, Record, Resource,
};

table! {
    /// Columns of a group list.
    Groups {
        id: Shape::Text, "groupid", "objectid";
        name: Shape::Text, "groupname", "group", "displayname";
        native_name: Shape::Text, "distinguishedname", "dn", "arn";
        description: Shape::Text;
        owner: Shape::Text, "managedby";
        rule: Shape::Word(&words::GROUP_RULE), "membershiptype", "membershiprule";
        self_join: Shape::Word(&words::YES_NO), "selfservice";
        privilege: Shape::Word(&words::PRIVILEGE), "privilegelevel";
    }
}

/// Groups of one file.
#[derive(Debug)]
pub(in super::super) struct GroupRows {
    pub(super) columns: Groups,
    pub(super) id_kind: IdKind,
}

impl Mapper for GroupRows {
    fn map(&mut self, cells: &mut Cells<'_>, records: &mut Vec<Record>) -> Result<RowKey, Fault> {
        let c = &self.columns;
        let (id, id_kind) = if c.id.is_mapped() {
            (cells.need(&c.id)?, self.id_kind)
        } else {
            (cells.need(&c.name)?, IdKind::Reusable)
        };
        records.push(Record::Group(Box::new(Group {
            id: id.clone(),
            id_kind,
            name: cells.text(&c.name),
            native_name: cells.text(&c.native_name),
            description: cells.text(&c.description),
            owner: cells.text(&c.owner),
            rule: cells.word(&c.rule).unwrap_or(GroupRule::Unknown),
            self_join: cells.yes_no(&c.self_join),
            privilege: cells.word(&c.privilege),
            raw: Raw::At(cells.line),
        })));
        Ok(RowKey::Unique(id))
    }
}

table! {
    /// Columns of a list of members.
    Memberships {
        member: Shape::Text, "memberid", "account", "accountid", "user", "userid", "username";
        member_kind: Shape::Word(&words::PRINCIPAL_KIND), "membertype";
        group: Shape::Text, "groupid", "groupname";
        since: Shape::Instant, "added", "addedat", "start", "startdate";
        until: Shape::Until, "expires", "end", "enddate", "validuntil";
        via: Shape::Text;
    }
}

impl Mapper for Memberships {
    fn map(&mut self, cells: &mut Cells<'_>, records: &mut Vec<Record>) -> Result<RowKey, Fault> {
        records.push(Record::Membership(Membership {
            member: cells.need(&self.member)?,
            member_kind: principal_kind(cells, &self.member_kind),
            group: cells.need(&self.group)?,
            since: cells.instant(&self.since),
            until: cells.instant(&self.until),
            via: cells.text(&self.via),
            raw: Raw::At(cells.line),
        }));
        Ok(RowKey::None)
    }
}

/// What a principal is: an account where the file does not say, unknown where it says it in an unknown word.
fn principal_kind(cells: &mut Cells<'_>, column: &Column) -> PrincipalKind {
    if cells.text(column).is_none() {
        return PrincipalKind::Account;
    }
    cells.word(column).unwrap_or(PrincipalKind::Unknown)
}

table! {
    /// Columns of a list of resources.
    Resources {
        id: Shape::Text, "resourceid", "resource", "arn";
        kind: Shape::Text, "type", "resourcetype";
        name: Shape::Text, "resourcename", "displayname";
        parent: Shape::Text, "parentid";
        environment: Shape::Text, "env", "stage";
        sensitivity: Shape::Text, "classification";
        owner: Shape::Text, "resourceowner";
    }
}

impl Mapper for Resources {
    fn map(&mut self, cells: &mut Cells<'_>, records: &mut Vec<Record>) -> Result<RowKey, Fault> {
        let id = cells.need(&self.id)?;
        records.push(Record::Resource(Box::new(Resource {
            id: id.clone(),
            kind: cells.text(&self.kind),
            name: cells.text(&self.name),
            parent: cells.text(&self.parent),
            environment: cells.text(&self.environment),
            sensitivity: cells.text(&self.sensitivity),
            owner: cells.text(&self.owner),
            attributes: BTreeMap::new(),
            raw: Raw::At(cells.line),
        })));
        Ok(RowKey::Unique(id))
    }
}

table! {
    /// Columns of a list of what can be held.
    Entitlements {
        id: Shape::Text, "entitlementid", "roleid", "permissionid";
        kind: Shape::Word(&words::ENTITLEMENT_KIND), "type", "entitlementtype";
        name: Shape::Text, "entitlement", "role", "rolename", "permission", "displayname";
        description: Shape::Text;
        purpose: Shape::Word(&words::PURPOSE);
        privilege: Shape::Word(&words::PRIVILEGE), "privilegelevel";
        owner: Shape::Text, "roleowner";
    }
}

impl Mapper for Entitlements {
    fn map(&mut self, cells: &mut Cells<'_>, records: &mut Vec<Record>) -> Result<RowKey, Fault> {
        let id = cells.need(if self.id.is_mapped() { &self.id } else { &self.name })?;
        records.push(Record::Entitlement(Box::new(Entitlement {
            id: id.clone(),
            kind: cells.word(&self.kind).unwrap_or(EntitlementKind::Role),
            name: cells.text(&self.name),
            description: cells.text(&self.description),
            purpose: cells.word(&self.purpose).unwrap_or(Purpose::Permission),
            privilege: cells.word(&self.privilege),
            owner: cells.text(&self.owner),
            raw: Raw::At(cells.line),
        })));
        Ok(RowKey::Unique(id))
    }
}

table! {
    /// Columns of a list of who holds what.
    Grants {
        principal: Shape::Text, "principalid", "account", "accountid", "user", "userid", "username", "login";
        principal_kind: Shape::Word(&words::PRINCIPAL_KIND), "principaltype";
        entitlement: Shape::Text, "entitlementid", "role", "roleid", "rolename", "permission", "profile";
        resource: Shape::Text, "resourceid", "scope", "object";
        origin: Shape::Word(&words::ORIGIN), "assignmenttype";
        since: Shape::Instant, "granted", "grantedat", "grantedon", "assigned", "assignedat", "start", "startdate";
        until: Shape::Until, "expires", "expiresat", "end", "enddate", "validuntil";
        last_used: Shape::Instant, "lastusedat", "lastuse";
        condition: Shape::Text;
        justification: Shape::Text, "reason", "businessreason", "comment";
        privilege: Shape::Word(&words::PRIVILEGE), "privilegelevel";
    }
}

/// Grants of one file.
#[derive(Debug)]
pub(in super::super) struct GrantRows {
    columns: Grants,
    /// Entitlements met so far, unless a file of their own tells them.
    told: Option<Told>,
}

impl GrantRows {
    /// The mapper of a file with these columns.
    pub(in super::super) fn new(columns: Grants, tells_entitlements: bool) -> Self {
        Self { columns, told: tells_entitlements.then(Told::default) }
    }
}

impl Mapper for GrantRows {
    fn map(&mut self, cells: &mut Cells<'_>, records: &mut Vec<Record>) -> Result<RowKey, Fault> {
        let c = &self.columns;
        let principal = cells.need(&c.principal)?;
        let entitlement = cells.need(&c.entitlement)?;
        if let Some(told) = &mut self.told {
            let privilege: Option<PrivilegeLevel> = cells.word(&c.privilege);
            match told.first(&entitlement, privilege) {
                Ok(first) => records.extend(first),
                Err(fault) => cells.faults.push(fault.column(c.privilege.at.first().copied().unwrap_or_default())),
            }
        }
        records.push(Record::Grant(Box::new(Grant {
            principal,
            principal_kind: principal_kind(cells, &c.principal_kind),
            entitlement,
            resource: cells.text(&c.resource),
            origin: cells.word(&c.origin).unwrap_or(GrantOrigin::Direct),
            since: cells.fact(&c.since),
            until: cells.fact(&c.until),
            last_used: cells.fact(&c.last_used),
            condition: cells.text(&c.condition),
            justification: cells.text(&c.justification),
            raw: Raw::At(cells.line),
        })));
        Ok(RowKey::None)
    }
}

table! {
    /// Columns of a list of policy documents.
    Policies {
        id: Shape::Text, "policyid", "arn";
        kind: Shape::Word(&words::POLICY_KIND), "type", "policytype";
        name: Shape::Text, "policyname";
        version: Shape::Text, "versionid";
        targets: Shape::List, "target", "attachedto";
        document: Shape::Text, "policy", "policydocument";
    }
}

impl Mapper for Policies {
    fn map(&mut self, cells: &mut Cells<'_>, records: &mut Vec<Record>) -> Result<RowKey, Fault> {
        let id = cells.need(&self.id)?;
        let kind: PolicyKind = needed_word(cells, &self.kind)?;
        let document = cells.text(&self.document).ok_or_else(|| {
            Fault::missing("the row has no `document`").column(self.document.at[0]).field(self.document.field.name)
        })?;
        records.push(Record::Policy(Box::new(Policy {
            id: id.clone(),
            kind,
            name: cells.text(&self.name),
            version: cells.text(&self.version),
            targets: cells.list(&self.targets),
            document,
            raw: Raw::At(cells.line),
        })));
        Ok(RowKey::Unique(id))
    }
}
