//! The tables that a file can hold: their fields, and how a row becomes records.
//!
//! ```text
//!   Table ──► fields, usual headings, required fields ──► Plan
//!   Table ──► Mapper: Cells of a row ──► Records, and the key that tells the row from others
//! ```

mod access;
mod accounts;
mod events;
mod people;

use std::collections::HashMap;
use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::cells::Cells;
use super::columns::{Column, Field};
use super::fault::Fault;
use crate::record::{Entitlement, EntitlementKind, IdKind, PrivilegeLevel, Purpose, Raw, Record, RecordKind};

/// What the rows of a file are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(super) enum Table {
    /// People with their employments: a system that yields them is an HR system.
    People,
    /// Accounts.
    Accounts,
    /// Groups.
    Groups,
    /// Members of groups.
    Memberships,
    /// Resources.
    Resources,
    /// What can be held.
    Entitlements,
    /// Who holds what.
    Grants,
    /// Keys, tokens, certificates.
    Credentials,
    /// Policy documents.
    Policies,
    /// Identities elsewhere that sign in as accounts here.
    Federations,
    /// Audit-log entries.
    AuditEvents,
    /// Decided requests.
    Approvals,
}

impl Table {
    /// Every table.
    pub(super) const ALL: &'static [Self] = &[
        Self::People,
        Self::Accounts,
        Self::Groups,
        Self::Memberships,
        Self::Resources,
        Self::Entitlements,
        Self::Grants,
        Self::Credentials,
        Self::Policies,
        Self::Federations,
        Self::AuditEvents,
        Self::Approvals,
    ];

    /// The name in the config, which is also the scope's.
    pub(super) const fn as_str(self) -> &'static str {
        match self {
            Self::People => "people",
            Self::Accounts => "accounts",
            Self::Groups => "groups",
            Self::Memberships => "memberships",
            Self::Resources => "resources",
            Self::Entitlements => "entitlements",
            Self::Grants => "grants",
            Self::Credentials => "credentials",
            Self::Policies => "policies",
            Self::Federations => "federations",
            Self::AuditEvents => "audit_events",
            Self::Approvals => "approvals",
        }
    }

    /// The fields that columns can be mapped to.
    pub(super) const fn fields(self) -> &'static [Field] {
        match self {
            Self::People => people::People::FIELDS,
            Self::Accounts => accounts::Accounts::FIELDS,
            Self::Groups => access::Groups::FIELDS,
            Self::Memberships => access::Memberships::FIELDS,
            Self::Resources => access::Resources::FIELDS,
            Self::Entitlements => access::Entitlements::FIELDS,
            Self::Grants => access::Grants::FIELDS,
            Self::Credentials => accounts::Credentials::FIELDS,
            Self::Policies => access::Policies::FIELDS,
            Self::Federations => accounts::Federations::FIELDS,
            Self::AuditEvents => events::AuditEvents::FIELDS,
            Self::Approvals => events::Approvals::FIELDS,
        }
    }

    /// Groups of fields of which at least one must have a column.
    pub(super) const fn required(self) -> &'static [&'static [&'static str]] {
        match self {
            Self::People => &[&["id", "employee_id"]],
            Self::Accounts => &[&["id", "login"]],
            Self::Groups | Self::Entitlements => &[&["id", "name"]],
            Self::Memberships => &[&["member"], &["group"]],
            Self::Resources => &[&["id"]],
            Self::Grants => &[&["principal"], &["entitlement"]],
            Self::Credentials => &[&["id"], &["account"], &["kind"]],
            Self::Policies => &[&["id"], &["kind"], &["document"]],
            Self::Federations => &[&["account"], &["issuer"]],
            Self::AuditEvents => &[&["id"], &["at"], &["action"]],
            Self::Approvals => &[&["id"], &["beneficiary"], &["approved"]],
        }
    }

    /// The kinds of which every row is one record.
    pub(super) const fn kinds(self) -> &'static [RecordKind] {
        match self {
            Self::People => &[RecordKind::Person, RecordKind::Employment],
            Self::Accounts => &[RecordKind::Account],
            Self::Groups => &[RecordKind::Group],
            Self::Memberships => &[RecordKind::Membership],
            Self::Resources => &[RecordKind::Resource],
            Self::Entitlements => &[RecordKind::Entitlement],
            Self::Grants => &[RecordKind::Grant],
            Self::Credentials => &[RecordKind::Credential],
            Self::Policies => &[RecordKind::Policy],
            Self::Federations => &[RecordKind::Federation],
            Self::AuditEvents => &[RecordKind::AuditEvent],
            Self::Approvals => &[RecordKind::Approval],
        }
    }

    /// The kind that a fault in `field` costs something.
    pub(super) fn kind_of(self, field: &str) -> RecordKind {
        match (self, field) {
            (
                Self::People,
                "legal_name" | "preferred_name" | "given_name" | "family_name" | "previous_names" | "email",
            ) => RecordKind::Person,
            (Self::People, _) => RecordKind::Employment,
            (Self::Grants, "privilege") => RecordKind::Entitlement,
            (
                Self::Accounts
                | Self::Groups
                | Self::Memberships
                | Self::Resources
                | Self::Entitlements
                | Self::Grants
                | Self::Credentials
                | Self::Policies
                | Self::Federations
                | Self::AuditEvents
                | Self::Approvals,
                _,
            ) => self.kinds()[0],
        }
    }

    /// What records call a field.
    pub(super) fn record_field(self, field: &str) -> &str {
        match (self, field) {
            (Self::Accounts | Self::People, "email") => "emails",
            (_, field) => field,
        }
    }

    /// What turns rows into records.
    pub(super) fn mapper(
        self,
        columns: Vec<Column>,
        implied: Implied,
        attributes: Vec<(usize, String)>,
    ) -> Box<dyn Mapper> {
        match self {
            Self::People => Box::new(people::People::new(columns, attributes)),
            Self::Accounts => {
                Box::new(accounts::AccountRows::new(accounts::Accounts::of(columns), implied, attributes))
            }
            Self::Groups => {
                Box::new(access::GroupRows { columns: access::Groups::of(columns), id_kind: implied.id_kind })
            }
            Self::Memberships => Box::new(access::Memberships::of(columns)),
            Self::Resources => Box::new(access::Resources::of(columns)),
            Self::Entitlements => Box::new(access::Entitlements::of(columns)),
            Self::Grants => Box::new(access::GrantRows::new(access::Grants::of(columns), implied.entitlements)),
            Self::Credentials => Box::new(accounts::Credentials::of(columns)),
            Self::Policies => Box::new(access::Policies::of(columns)),
            Self::Federations => Box::new(accounts::Federations::of(columns)),
            Self::AuditEvents => Box::new(events::AuditEvents::of(columns)),
            Self::Approvals => Box::new(events::Approvals::of(columns)),
        }
    }
}

impl fmt::Display for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// What a file yields beside its own rows, and how far its ids can be trusted.
#[derive(Debug, Clone, Copy)]
pub(super) struct Implied {
    /// Entitlements are told only by the grants that name them.
    pub(super) entitlements: bool,
    /// Groups are told only by the members that name them.
    pub(super) groups: bool,
    /// Trust in the file's own ids.
    pub(super) id_kind: IdKind,
}

/// What tells a row from others, for finding duplicates.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum RowKey {
    /// No two rows may say different things about this.
    Unique(String),
    /// Rows need no key: the store removes exact duplicates.
    None,
}

/// Turns the rows of one file into records.
pub(super) trait Mapper: fmt::Debug {
    /// Adds the records of one row to `records`.
    ///
    /// # Errors
    /// A [`Fault`] that costs the row or the file; what costs a value is noted in `cells`.
    fn map(&mut self, cells: &mut Cells<'_>, records: &mut Vec<Record>) -> Result<RowKey, Fault>;

    /// The row just mapped is used.
    fn used(&mut self) {}

    /// The row just mapped is not used, and neither is the earlier one of this key: they contradict each other.
    fn refused(&mut self, key: &str) {
        let _ = key;
    }

    /// Adds the records that only the last row settles.
    fn finish(&mut self, records: &mut Vec<Record>) {
        let _ = records;
    }

    /// The columns that name whom or what a row is about: what can be said of a row that could not be used.
    fn id_columns(&self) -> Vec<&Column> {
        Vec::new()
    }
}

/// Declares a table's fields once: the struct that holds their columns, and the list that the config is checked against.
macro_rules! table {
    ($(#[$outer:meta])* $name:ident { $($field:ident: $shape:expr $(, $heading:literal)*;)+ }) => {
        $(#[$outer])*
        #[derive(Debug)]
        pub(in super::super) struct $name { $($field: Column,)+ }

        impl $name {
            /// The fields, in the order of the struct.
            pub(in super::super) const FIELDS: &'static [Field] =
                &[$(Field { name: stringify!($field), shape: $shape, headings: &[$($heading),*] },)+];

            /// The columns of a file, one a field in the order of the fields.
            pub(in super::super) fn of(columns: Vec<Column>) -> Self {
                let mut columns = columns.into_iter();
                Self { $($field: columns.next().expect("a plan resolves every field"),)+ }
            }
        }
    };
}
use table;

/// Entitlements that are told only by who holds them; each is yielded once.
#[derive(Debug, Default)]
struct Told {
    seen: HashMap<String, Option<PrivilegeLevel>>,
}

impl Told {
    /// The entitlement, when it is met for the first time. It stands in no row of its own and has no raw object.
    ///
    /// # Errors
    /// A [`Fault`] that costs the value when an earlier row gave the entitlement another privilege.
    fn first(&mut self, id: &str, privilege: Option<PrivilegeLevel>) -> Result<Option<Record>, Fault> {
        match self.seen.get(id) {
            Some(known) if *known == privilege => return Ok(None),
            Some(known) => {
                let name = |level: Option<PrivilegeLevel>| level.map_or("none", PrivilegeLevel::as_str);
                return Err(Fault::value(format!("`{id}` has privilege {} here", name(privilege)))
                    .cause(format!("an earlier row says {}; the first is kept", name(*known)))
                    .fix("give an entitlement the same privilege in every row, or a file of its own")
                    .field("privilege"));
            }
            None => {}
        }
        self.seen.insert(id.to_owned(), privilege);
        Ok(Some(Record::Entitlement(Box::new(Entitlement {
            id: id.to_owned(),
            kind: EntitlementKind::Role,
            name: Some(id.to_owned()),
            description: None,
            purpose: Purpose::Permission,
            privilege,
            owner: None,
            raw: Raw::None,
        }))))
    }
}
