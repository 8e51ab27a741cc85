//! Writes `.c1z` files as Baton does: its tables, its protobuf, zstd, its header. The protobuf is put together by hand from the
//! published field numbers, so that a reader with a wrong number cannot agree with it.

#![allow(dead_code, reason = "each test program uses its part")]

use rusqlite::{Connection, params};

/// A message under construction.
#[derive(Clone, Default)]
pub(crate) struct Message(Vec<u8>);

impl Message {
    pub(crate) fn number(mut self, field: u64, value: u64) -> Self {
        self.varint(field << 3);
        self.varint(value);
        self
    }

    pub(crate) fn bytes(mut self, field: u64, value: &[u8]) -> Self {
        self.varint(field << 3 | 2);
        self.varint(value.len() as u64);
        self.0.extend_from_slice(value);
        self
    }

    pub(crate) fn text(self, field: u64, value: &str) -> Self {
        self.bytes(field, value.as_bytes())
    }

    pub(crate) fn message(self, field: u64, value: Self) -> Self {
        self.bytes(field, &value.0)
    }

    /// Seconds since 1970 as a timestamp.
    pub(crate) fn instant(self, field: u64, seconds: u64) -> Self {
        self.message(field, Self::default().number(1, seconds))
    }

    /// A profile with texts.
    pub(crate) fn profile(self, field: u64, texts: &[(&str, &str)]) -> Self {
        let fields = texts.iter().fold(Self::default(), |profile, (name, value)| {
            profile.message(1, Self::default().text(1, name).message(2, Self::default().text(3, value)))
        });
        self.message(field, fields)
    }

    pub(crate) fn done(self) -> Vec<u8> {
        self.0
    }

    fn varint(&mut self, mut value: u64) {
        while value >= 0x80 {
            self.0.push(u8::try_from(value & 0x7f).expect("seven bits") | 0x80);
            value >>= 7;
        }
        self.0.push(u8::try_from(value).expect("seven bits"));
    }
}

pub(crate) fn message() -> Message {
    Message::default()
}

/// Type and id.
pub(crate) fn id(kind: &str, id: &str) -> Message {
    message().text(1, kind).text(2, id)
}

/// A resource with an id, a name, and an annotation where it has one.
pub(crate) fn resource(kind: &str, own: &str, name: &str, annotation: Option<(&str, Message)>) -> Message {
    let plain = message().message(1, id(kind, own)).text(3, name);
    match annotation {
        Some((name, value)) => {
            let url = format!("type.googleapis.com/c1.connector.v2.{name}");
            plain.message(4, message().text(1, &url).bytes(2, &value.done()))
        }
        None => plain,
    }
}

/// A user that may sign in.
pub(crate) fn user(own: &str, name: &str, login: &str, status: u64) -> Message {
    let email = message().text(1, &format!("{login}@acme.example")).number(2, 1);
    let user = message().message(1, email).message(2, message().number(1, status)).number(5, 1).text(6, login);
    resource("user", own, name, Some(("UserTrait", user)))
}

/// An entitlement of a resource.
pub(crate) fn entitlement(of: Message, id: &str, slug: &str, purpose: u64) -> Message {
    message().message(1, of).text(2, id).text(3, id).number(7, purpose).text(8, slug)
}

/// A grant, with the entitlements it was worked out of.
pub(crate) fn grant(entitlement: Message, principal: Message, sources: &[&str]) -> Message {
    let plain = message().message(1, entitlement).message(2, principal).text(3, "grant");
    if sources.is_empty() {
        return plain;
    }
    let all =
        sources.iter().fold(message(), |all, source| all.message(1, message().text(1, source).message(2, message())));
    plain.message(5, all)
}

/// A database before it is packed.
pub(crate) struct Store {
    pub(crate) connection: Connection,
    path: tempfile::TempPath,
}

impl Store {
    /// The four types of every test, and no sync.
    pub(crate) fn new() -> Self {
        let path = tempfile::NamedTempFile::new().expect("a temporary file").into_temp_path();
        let connection = Connection::open(&path).expect("a database");
        connection
            .execute_batch(
                "CREATE TABLE v1_sync_runs (id integer primary key, sync_id text not null, started_at datetime not null,
                    ended_at datetime, sync_token text not null, sync_type text not null default 'full',
                    parent_sync_id text not null default '');
                 CREATE TABLE v1_resource_types (id integer primary key, external_id text not null, data blob not null,
                    sync_id text not null, discovered_at datetime not null);
                 CREATE TABLE v1_resources (id integer primary key, resource_type_id text not null, external_id text not null,
                    parent_resource_type_id text, parent_resource_id text, data blob not null, sync_id text not null,
                    discovered_at datetime not null);
                 CREATE TABLE v1_entitlements (id integer primary key, resource_type_id text not null, resource_id text not null,
                    external_id text not null, data blob not null, sync_id text not null, discovered_at datetime not null);
                 CREATE TABLE v1_grants (id integer primary key, resource_type_id text not null, resource_id text not null,
                    entitlement_id text not null, principal_resource_type_id text not null, principal_resource_id text not null,
                    external_id text not null, expansion blob, needs_expansion integer not null default 0, data blob not null,
                    sync_id text not null, discovered_at datetime not null);",
            )
            .expect("tables");
        Self { connection, path }
    }

    /// A sync with the types of every test.
    pub(crate) fn sync(&self, sync: &str, ended: Option<&str>, kind: &str) {
        self.connection
            .execute(
                "INSERT INTO v1_sync_runs (sync_id, started_at, ended_at, sync_token, sync_type)
                 VALUES (?1, '2026-03-01 03:00:00', ?2, '', ?3)",
                params![sync, ended, kind],
            )
            .expect("a sync");
        for (kind, of) in [("user", 1_u64), ("group", 2), ("role", 3), ("app", 4), ("token", 5)] {
            let data = message().text(1, kind).text(2, kind).bytes(3, &[u8::try_from(of).expect("small")]);
            self.row("v1_resource_types", sync, data);
        }
    }

    /// A row of any table.
    pub(crate) fn row(&self, table: &str, sync: &str, data: Message) {
        self.raw(table, sync, &data.done());
    }

    pub(crate) fn raw(&self, table: &str, sync: &str, data: &[u8]) {
        let columns = match table {
            "v1_resource_types" => "external_id",
            "v1_resources" => "external_id, resource_type_id",
            "v1_entitlements" => "external_id, resource_type_id, resource_id",
            _ => {
                "external_id, resource_type_id, resource_id, entitlement_id, principal_resource_type_id, principal_resource_id"
            }
        };
        let fillers = columns.split(',').map(|_| "''").collect::<Vec<_>>().join(", ");
        let insert = format!(
            "INSERT INTO {table} ({columns}, data, sync_id, discovered_at) VALUES ({fillers}, ?1, ?2, '2026-03-01 03:00:00')"
        );
        self.connection.execute(&insert, params![data, sync]).expect("a row");
    }

    /// The file.
    pub(crate) fn pack(self) -> Vec<u8> {
        drop(self.connection);
        let content = std::fs::read(&self.path).expect("the database");
        let mut packed = b"C1ZF\0".to_vec();
        packed.extend(zstd::encode_all(content.as_slice(), 3).expect("zstd"));
        packed
    }
}
