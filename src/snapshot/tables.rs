//! The one list of tables and columns that a snapshot holds.
//!
//! `docs/tables.md` shows the same to users, and a test compares the two. Every stored table starts with `system` and
//! `scope`, which stand on no list here; then come its key columns, then the others.

use muster_connectors::record::RecordKind;
use polars::prelude::{DataType, TimeUnit, TimeZone};

/// Columns that every stored table starts with.
pub const PLACE: [&str; 2] = ["system", "scope"];

/// Columns that queries see on every table besides the stored ones, taken from the manifest.
pub const ORIGIN: [Column; 3] = [word("state"), instant("collected"), text("carried_from").or_null()];

/// A table: one file a system and scope, one row a record.
#[derive(Debug)]
pub struct Table {
    /// Name, as in SQL.
    pub name: &'static str,
    /// The records it holds; `None` where it holds facts of several kinds (`activity`, `raw`).
    pub kind: Option<RecordKind>,
    /// Columns after `system` and `scope`: the key first.
    pub columns: &'static [Column],
}

/// A column.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Column {
    /// Name, as in SQL.
    pub name: &'static str,
    /// Type.
    pub is: Type,
    /// Whether it may be null.
    pub nullable: bool,
    /// Whether it is part of the table's key.
    pub key: bool,
}

/// What a column holds. The three kinds of text differ only in how they are held in memory while they are collected.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Type {
    /// Text that rarely repeats.
    Text,
    /// Text that repeats: interned.
    Word,
    /// The spelling of one of our own enums.
    Name,
    /// True or false.
    Flag,
    /// Microseconds since 1970 in UTC.
    Instant,
    /// A calendar day.
    Day,
    /// A list of texts, never null.
    List,
    /// A position in a source file.
    Row,
}

impl Type {
    /// The type polars and Parquet know it by.
    pub fn dtype(self) -> DataType {
        match self {
            Self::Text | Self::Word | Self::Name => DataType::String,
            Self::Flag => DataType::Boolean,
            Self::Instant => DataType::Datetime(TimeUnit::Microseconds, Some(TimeZone::UTC)),
            Self::Day => DataType::Date,
            Self::List => DataType::List(Box::new(DataType::String)),
            Self::Row => DataType::UInt64,
        }
    }
}

const fn column(name: &'static str, is: Type, nullable: bool) -> Column {
    Column { name, is, nullable, key: false }
}
const fn text(name: &'static str) -> Column {
    column(name, Type::Text, false)
}
const fn word(name: &'static str) -> Column {
    column(name, Type::Word, false)
}
const fn name(name: &'static str) -> Column {
    column(name, Type::Name, false)
}
const fn flag(name: &'static str) -> Column {
    column(name, Type::Flag, false)
}
const fn instant(name: &'static str) -> Column {
    column(name, Type::Instant, true)
}
const fn day(name: &'static str) -> Column {
    column(name, Type::Day, true)
}
const fn list(name: &'static str) -> Column {
    column(name, Type::List, false)
}

impl Column {
    const fn or_null(mut self) -> Self {
        self.nullable = true;
        self
    }

    const fn key(mut self) -> Self {
        self.key = true;
        self
    }
}

/// Where the record stands in its source file.
const SOURCE_ROW: Column = column("source_row", Type::Row, true);

/// Every stored table, sorted by name.
pub const TABLES: &[Table] = &[
    Table {
        name: "accounts",
        kind: Some(RecordKind::Account),
        columns: &[
            text("id").key(),
            name("id_kind"),
            text("login").or_null(),
            text("native_name").or_null(),
            text("name").or_null(),
            list("emails"),
            flag("emails_verified"),
            text("employee_id").or_null(),
            name("class").or_null(),
            word("class_evidence").or_null(),
            name("affiliation").or_null(),
            name("lifecycle"),
            flag("is_root"),
            instant("created"),
            name("created_state"),
            instant("expires"),
            name("expires_state"),
            instant("password_changed"),
            name("password_changed_state"),
            flag("interactive").or_null(),
            name("interactive_state"),
            list("mfa"),
            name("mfa_state"),
            word("owner").or_null(),
            word("manager").or_null(),
            word("department").or_null(),
            word("title").or_null(),
            list("federated"),
            text("attributes").or_null(),
            SOURCE_ROW,
        ],
    },
    Table {
        name: "activity",
        kind: None,
        columns: &[name("kind").key(), text("id").key(), word("fact").key(), instant("at"), name("at_state")],
    },
    Table {
        name: "approvals",
        kind: Some(RecordKind::Approval),
        columns: &[
            text("id").key(),
            word("requester").or_null(),
            word("beneficiary"),
            word("entitlement").or_null(),
            word("resource").or_null(),
            instant("from"),
            instant("until"),
            instant("requested_at"),
            word("decided_by").or_null(),
            instant("decided_at"),
            flag("approved").or_null(),
            flag("emergency").or_null(),
            word("reviewed_by").or_null(),
            instant("reviewed_at"),
            SOURCE_ROW,
        ],
    },
    Table {
        name: "audit_events",
        kind: Some(RecordKind::AuditEvent),
        columns: &[
            text("id").key(),
            column("at", Type::Instant, false),
            word("actor").or_null(),
            word("action"),
            word("object").or_null(),
            word("ticket").or_null(),
            name("outcome").or_null(),
            word("operation_id").or_null(),
            word("sequence").or_null(),
            SOURCE_ROW,
        ],
    },
    Table {
        name: "credentials",
        kind: Some(RecordKind::Credential),
        columns: &[
            text("id").key(),
            text("account"),
            name("kind"),
            word("name").or_null(),
            instant("created"),
            name("created_state"),
            instant("expires"),
            name("expires_state"),
            instant("rotated"),
            name("rotated_state"),
            name("status"),
            SOURCE_ROW,
        ],
    },
    Table {
        name: "employments",
        kind: Some(RecordKind::Employment),
        columns: &[
            text("id").key(),
            text("sequence").or_null().key(),
            text("person"),
            text("employee_id").or_null(),
            name("status"),
            name("worker_type"),
            day("start"),
            day("end"),
            word("manager").or_null(),
            word("department").or_null(),
            word("title").or_null(),
            word("location").or_null(),
            word("cost_centre").or_null(),
            word("time_zone").or_null(),
            instant("effective"),
            day("effective_day"),
            instant("recorded"),
            SOURCE_ROW,
        ],
    },
    Table {
        name: "entitlements",
        kind: Some(RecordKind::Entitlement),
        columns: &[
            text("id").key(),
            name("kind"),
            text("name").or_null(),
            text("description").or_null(),
            name("purpose"),
            name("privilege").or_null(),
            word("owner").or_null(),
            SOURCE_ROW,
        ],
    },
    Table {
        name: "federations",
        kind: Some(RecordKind::Federation),
        columns: &[
            text("id").key(),
            text("account"),
            word("issuer"),
            text("subject").or_null(),
            word("condition").or_null(),
            SOURCE_ROW,
        ],
    },
    Table {
        name: "grants",
        kind: Some(RecordKind::Grant),
        columns: &[
            word("principal").key(),
            word("entitlement").key(),
            word("resource").or_null().key(),
            word("condition").or_null().key(),
            name("principal_kind"),
            name("origin"),
            instant("since"),
            name("since_state"),
            instant("until"),
            name("until_state"),
            word("justification").or_null(),
            SOURCE_ROW,
        ],
    },
    Table {
        name: "groups",
        kind: Some(RecordKind::Group),
        columns: &[
            text("id").key(),
            name("id_kind"),
            text("name").or_null(),
            text("native_name").or_null(),
            text("description").or_null(),
            word("owner").or_null(),
            name("rule"),
            flag("self_join").or_null(),
            name("self_join_state"),
            name("privilege").or_null(),
            SOURCE_ROW,
        ],
    },
    Table {
        name: "memberships",
        kind: Some(RecordKind::Membership),
        columns: &[
            word("group").key(),
            word("member").key(),
            name("member_kind"),
            instant("since"),
            instant("until"),
            word("via").or_null(),
            SOURCE_ROW,
        ],
    },
    Table {
        name: "persons",
        kind: Some(RecordKind::Person),
        columns: &[
            text("id").key(),
            text("legal_name").or_null(),
            text("preferred_name").or_null(),
            word("given_name").or_null(),
            word("family_name").or_null(),
            list("previous_names"),
            list("emails"),
            list("employee_ids"),
            text("attributes").or_null(),
            SOURCE_ROW,
        ],
    },
    Table {
        name: "policies",
        kind: Some(RecordKind::Policy),
        columns: &[
            text("id").key(),
            name("kind"),
            text("name").or_null(),
            word("version").or_null(),
            list("targets"),
            text("document"),
            SOURCE_ROW,
        ],
    },
    Table { name: "raw", kind: None, columns: &[name("kind").key(), text("id").key(), text("object")] },
    Table {
        name: "resources",
        kind: Some(RecordKind::Resource),
        columns: &[
            text("id").key(),
            word("kind").or_null(),
            text("name").or_null(),
            word("parent").or_null(),
            word("environment").or_null(),
            word("sensitivity").or_null(),
            word("owner").or_null(),
            text("attributes").or_null(),
            SOURCE_ROW,
        ],
    },
];

/// A volatile fact, kept in `activity` and shown as a column of the table it is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Volatile {
    /// The table that shows it.
    pub kind: RecordKind,
    /// `fact` in `activity`, and the column's name.
    pub fact: &'static str,
    /// The column that says how the fact stands.
    pub state: &'static str,
}

/// Volatile facts that queries see as columns. A grant's `last_used` stays in `activity`: a grant has no id to join on.
pub const VOLATILE: &[Volatile] = &[
    Volatile { kind: RecordKind::Account, fact: "last_activity", state: "last_activity_state" },
    Volatile { kind: RecordKind::Credential, fact: "last_used", state: "last_used_state" },
];

impl Table {
    /// The key columns.
    pub fn key(&self) -> impl Iterator<Item = &'static Column> + use<> {
        self.columns.iter().filter(|column| column.key)
    }

    /// The volatile fact that is joined to this table, if any.
    pub fn volatile(&self) -> Option<Volatile> {
        VOLATILE.iter().copied().find(|volatile| Some(volatile.kind) == self.kind)
    }
}

/// The stored table called `name`.
pub fn find(name: &str) -> Option<&'static Table> {
    TABLES.iter().find(|table| table.name == name)
}

/// The table of `kind`.
pub fn of(kind: RecordKind) -> &'static Table {
    TABLES.iter().find(|table| table.kind == Some(kind)).expect("every record kind has a table")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_has_its_table_and_the_list_is_sorted() {
        for kind in RecordKind::ALL {
            assert_eq!(of(*kind).name, kind.as_str());
        }
        assert!(TABLES.windows(2).all(|pair| pair[0].name < pair[1].name));
    }

    #[test]
    fn key_columns_come_first() {
        for table in TABLES {
            let keys = table.key().count();
            assert!(keys > 0, "{}", table.name);
            assert!(table.columns[..keys].iter().all(|column| column.key), "{}", table.name);
        }
    }
}
