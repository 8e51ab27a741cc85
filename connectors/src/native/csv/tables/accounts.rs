//! Accounts, their credentials and their identities elsewhere.

use std::collections::HashSet;

use super::super::cells::Cells;
use super::super::columns::{Column, Field, Shape};
use super::super::fault::{Fault, Reach};
use super::super::words;
use super::{Implied, Mapper, RowKey, Told, table};
use crate::record::{
    Account, Credential, CredentialKind, CredentialState, Fact, FederatedId, Federation, Grant, Group, GroupRule,
    IdKind, Lifecycle, Membership, PrincipalKind, Raw, Record,
};

table! {
    /// Columns of an account list.
    Accounts {
        id: Shape::Text, "accountid", "userid", "uid", "objectid";
        login: Shape::Text, "username", "user", "account", "accountname", "loginname", "signinname";
        native_name: Shape::Text, "userprincipalname", "upn", "distinguishedname", "dn", "arn";
        name: Shape::Text, "displayname", "fullname";
        email: Shape::List, "emails", "emailaddress", "mail", "primaryemail", "workemail";
        emails_verified: Shape::Word(&words::YES_NO), "emailverified";
        employee_id: Shape::Text, "employeenumber", "workerid", "personnelnumber", "staffid";
        class: Shape::Word(&words::CLASS), "accounttype", "accountclass", "usertype", "type";
        affiliation: Shape::Word(&words::AFFILIATION), "employeetype";
        lifecycle: Shape::Word(&words::LIFECYCLE), "status", "state", "accountstatus", "userstatus", "enabled", "active", "isactive";
        is_root: Shape::Word(&words::YES_NO), "root";
        created: Shape::Instant, "createdat", "createdon", "creationdate", "createddate", "whencreated";
        expires: Shape::Until, "expiresat", "expirationdate", "expirydate", "validuntil", "accountexpires";
        last_activity: Shape::Instant, "lastlogin", "lastlogon", "lastsignin", "lastactive", "lastseen", "lastused", "lastloginat",
            "lastlogindate";
        password_changed: Shape::Instant, "passwordlastset", "passwordlastchanged", "pwdlastset";
        interactive: Shape::Word(&words::YES_NO), "cansignin", "passwordenabled";
        mfa: Shape::List, "mfafactors", "mfamethods", "secondfactors";
        owner: Shape::Text, "accountowner";
        manager: Shape::Text, "managerid";
        department: Shape::Text, "dept";
        title: Shape::Text, "jobtitle";
        external_id: Shape::Text;
        roles: Shape::Held;
        groups: Shape::Held;
    }
}

/// Accounts of one file, with the roles and groups that stand in their rows.
#[derive(Debug)]
pub(in super::super) struct AccountRows {
    columns: Accounts,
    implied: Implied,
    /// Columns that are kept as evidence, with their headings.
    attributes: Vec<(usize, String)>,
    told: Told,
    groups: HashSet<String>,
}

impl AccountRows {
    /// The mapper of a file with these columns.
    pub(in super::super) fn new(columns: Accounts, implied: Implied, attributes: Vec<(usize, String)>) -> Self {
        Self { columns, implied, attributes, told: Told::default(), groups: HashSet::new() }
    }

    fn hold(&mut self, id: &str, cells: &mut Cells<'_>, records: &mut Vec<Record>) {
        for role in cells.list(&self.columns.roles) {
            let Some(role) = self.columns.roles.holdable(role) else { continue };
            if self.implied.entitlements {
                records.extend(self.told.first(&role, None).into_iter().flatten());
            }
            let grant = Grant { raw: Raw::Within(id.to_owned()), ..Grant::new(id, PrincipalKind::Account, role) };
            records.push(Record::Grant(Box::new(grant)));
        }
        for group in cells.list(&self.columns.groups) {
            let Some(group) = self.columns.groups.holdable(group) else { continue };
            if self.implied.groups && self.groups.insert(group.clone()) {
                records.push(Record::Group(Box::new(Group {
                    id: group.clone(),
                    id_kind: IdKind::Reusable,
                    name: Some(group.clone()),
                    native_name: None,
                    description: None,
                    owner: None,
                    rule: GroupRule::Unknown,
                    self_join: Fact::Unsupported,
                    privilege: None,
                    raw: Raw::None,
                })));
            }
            records.push(Record::Membership(Membership {
                member: id.to_owned(),
                member_kind: PrincipalKind::Account,
                group,
                since: None,
                until: None,
                via: None,
                raw: Raw::Within(id.to_owned()),
            }));
        }
    }
}

impl Mapper for AccountRows {
    fn map(&mut self, cells: &mut Cells<'_>, records: &mut Vec<Record>) -> Result<RowKey, Fault> {
        let c = &self.columns;
        let (id, id_kind) = if c.id.is_mapped() {
            (cells.need(&c.id)?, self.implied.id_kind)
        } else {
            (cells.need(&c.login)?, IdKind::Reusable)
        };
        let mut account = Account::new(id.as_str(), id_kind);
        account.login = cells.text(&c.login);
        account.native_name = cells.text(&c.native_name);
        account.name = cells.text(&c.name);
        account.emails = cells.list(&c.email);
        account.emails_verified = matches!(cells.yes_no(&c.emails_verified), Fact::Known(true));
        account.employee_id = cells.text(&c.employee_id);
        account.class = cells.word(&c.class);
        if account.class.is_some() {
            account.class_evidence = cells.text(&c.class).map(|text| format!("the file's own column says `{text}`"));
        }
        account.affiliation = cells.word(&c.affiliation);
        account.lifecycle = cells.word(&c.lifecycle).unwrap_or(Lifecycle::Unknown);
        account.is_root = matches!(cells.yes_no(&c.is_root), Fact::Known(true));
        account.created = cells.fact(&c.created);
        account.expires = cells.fact(&c.expires);
        account.last_activity = cells.fact(&c.last_activity);
        account.password_changed = cells.fact(&c.password_changed);
        account.interactive = cells.yes_no(&c.interactive);
        account.mfa = factors(&c.mfa, cells);
        account.owner = cells.text(&c.owner);
        account.manager = cells.text(&c.manager);
        account.department = cells.text(&c.department);
        account.title = cells.text(&c.title);
        let external = cells.text(&c.external_id);
        account.federated.extend(external.map(|subject| FederatedId { issuer: "externalId".to_owned(), subject }));
        account.attributes = cells.attributes(&self.attributes);
        account.raw = Raw::At(cells.line);
        records.push(Record::Account(Box::new(account)));
        self.hold(&id, cells, records);
        Ok(RowKey::Unique(id))
    }
}

/// What a second factor is called where the source says that there is one, and not which. So do manifests.
const SOME_FACTOR: &str = "unspecified";

/// Second factors. A cell that says "no", or nothing, says that there is none; one that says "yes" that there is one. Where a
/// description of an export says that an empty cell says nothing, it is unreadable.
fn factors(column: &Column, cells: &mut Cells<'_>) -> Fact<Vec<String>> {
    if !column.is_mapped() {
        return Fact::Unsupported;
    }
    let told = cells.list(column);
    if told.is_empty() && column.holdable(String::new()).as_deref() == Some("unreadable") {
        return Fact::Unreadable;
    }
    let mut factors: Vec<String> = Vec::new();
    for factor in told {
        let factor = match factor.to_lowercase().as_str() {
            "false" | "no" | "none" | "disabled" | "0" => continue,
            "true" | "yes" | "enabled" | "1" => SOME_FACTOR.to_owned(),
            _ => factor,
        };
        if !factors.contains(&factor) {
            factors.push(factor);
        }
    }
    if factors.is_empty() { Fact::Absent } else { Fact::Known(factors) }
}

table! {
    /// Columns of a credential list.
    Credentials {
        id: Shape::Text, "credentialid", "keyid", "tokenid", "thumbprint";
        account: Shape::Text, "accountid", "userid", "user", "username", "owner";
        kind: Shape::Word(&words::CREDENTIAL_KIND), "type", "credentialtype";
        name: Shape::Text, "label", "description";
        created: Shape::Instant, "createdat", "createdon", "creationdate", "issued";
        expires: Shape::Until, "expiresat", "expirationdate", "expirydate", "validuntil", "notafter";
        last_used: Shape::Instant, "lastusedat", "lastuse";
        rotated: Shape::Instant, "lastrotated", "rotatedat";
        state: Shape::Word(&words::CREDENTIAL_STATE), "status", "enabled";
    }
}

impl Mapper for Credentials {
    fn map(&mut self, cells: &mut Cells<'_>, records: &mut Vec<Record>) -> Result<RowKey, Fault> {
        let id = cells.need(&self.id)?;
        let account = cells.need(&self.account)?;
        let kind: CredentialKind = needed_word(cells, &self.kind)?;
        records.push(Record::Credential(Box::new(Credential {
            id: id.clone(),
            account,
            kind,
            name: cells.text(&self.name),
            created: cells.fact(&self.created),
            expires: cells.fact(&self.expires),
            last_used: cells.fact(&self.last_used),
            rotated: cells.fact(&self.rotated),
            state: cells.word(&self.state).unwrap_or(CredentialState::Unknown),
            raw: Raw::At(cells.line),
        })));
        Ok(RowKey::Unique(id))
    }
}

table! {
    /// Columns of a list of identities elsewhere.
    Federations {
        id: Shape::Text, "federationid";
        account: Shape::Text, "accountid", "userid", "username";
        issuer: Shape::Text, "provider", "identityprovider", "idp";
        subject: Shape::Text, "nameid", "sub", "externalid";
        condition: Shape::Text;
    }
}

impl Mapper for Federations {
    fn map(&mut self, cells: &mut Cells<'_>, records: &mut Vec<Record>) -> Result<RowKey, Fault> {
        let account = cells.need(&self.account)?;
        let issuer = cells.need(&self.issuer)?;
        let subject = cells.text(&self.subject);
        let id = if self.id.is_mapped() {
            cells.need(&self.id)?
        } else {
            format!("{issuer}#{}#{account}", subject.as_deref().unwrap_or_default())
        };
        records.push(Record::Federation(Box::new(Federation {
            id: id.clone(),
            account,
            issuer,
            subject,
            condition: cells.text(&self.condition),
            raw: Raw::At(cells.line),
        })));
        Ok(RowKey::Unique(id))
    }
}

/// A word without which there is no record.
pub(super) fn needed_word<T: std::str::FromStr>(cells: &mut Cells<'_>, column: &Column) -> Result<T, Fault> {
    cells.need(column)?;
    let known = cells.faults.len();
    cells.word(column).ok_or_else(|| {
        let fault = if cells.faults.len() > known { cells.faults.pop() } else { None };
        fault
            .unwrap_or_else(|| {
                Fault::missing(format!("the row has no `{}`", column.field.name)).field(column.field.name)
            })
            .at_least(Reach::Row)
    })
}
