//! Rows to records.

use std::collections::{BTreeMap, HashMap, HashSet};

use jiff::Timestamp;
use prost::Message;
use tokio_util::sync::CancellationToken;

use super::file::{Database, damaged};
use super::messages::{
    Any, Entitlement, Grant, Instant, Kind, Resource, ResourceId, ResourceType, SecretTrait, Struct, UserTrait, of_type,
};
use super::syncs::Sync;
use super::{KINDS, code};
use crate::ConnectorError;
use crate::native::csv::may_be_kept;
use crate::record::{
    self, Account, AccountClass, Credential, CredentialKind, CredentialState, EntitlementKind, Fact, GrantOrigin,
    GroupRule, IdKind, Lifecycle, Membership, PrincipalKind, Purpose, Raw, Record, RecordKind,
};
use crate::scope::Gap;
use crate::sink::Scope;

/// Rows between two looks at whether the run was cancelled.
const PULSE: u64 = 1024;

/// Keys of a profile that hold an employee id, folded.
const EMPLOYEE_ID: &[&str] = &["employeeid", "employeenumber", "employee_id", "employee_number"];

/// What a type of resource is here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Is {
    Account,
    Group,
    Secret,
    Role,
    Resource,
}

/// One sync while it is being read.
#[derive(Debug)]
pub(super) struct Taking<'a> {
    database: &'a Database,
    scope: Scope,
    shown: &'a str,
    id_kind: IdKind,
    cancel: CancellationToken,
    types: HashMap<String, Is>,
    /// Entitlements that mean being in a group.
    memberships: HashSet<String>,
}

/// Makes records of a row: its number and its message.
type Take<'a> = fn(&mut Taking<'a>, u64, &[u8]) -> Result<(), Unread>;

/// Why the rows of a table end.
enum Ends {
    Stopped(ConnectorError),
    Damaged(rusqlite::Error),
}

impl From<rusqlite::Error> for Ends {
    fn from(error: rusqlite::Error) -> Self {
        Self::Damaged(error)
    }
}

impl<'a> Taking<'a> {
    pub(super) fn new(
        database: &'a Database,
        scope: Scope,
        shown: &'a str,
        id_kind: IdKind,
        cancel: CancellationToken,
    ) -> Self {
        Self { database, scope, shown, id_kind, cancel, types: HashMap::new(), memberships: HashSet::new() }
    }

    /// Takes every table of a sync.
    pub(super) fn whole(mut self, sync: &Sync) -> Result<(), ConnectorError> {
        use RecordKind as K;
        let tables: [(&str, &[RecordKind], Take<'a>); 4] = [
            ("v1_resource_types", KINDS, Self::take_type),
            ("v1_resources", &[K::Account, K::Group, K::Resource, K::Credential], Self::take_resource),
            ("v1_entitlements", &[K::Entitlement, K::Membership], Self::take_entitlement),
            ("v1_grants", &[K::Grant, K::Membership], Self::take_grant),
        ];
        for (table, kinds, take) in tables {
            if !sync.whole && table == "v1_entitlements" {
                let gap = Gap::new(code::SYNC, format!("the last sync in `{}` covers resources only", self.shown))
                    .cause("the connector was told to leave out entitlements and grants")
                    .fix("have it collect everything");
                for kind in [K::Entitlement, K::Membership, K::Grant] {
                    self.scope.fail(kind, gap.clone());
                }
                break;
            }
            match self.rows(table, &sync.id, kinds, take) {
                Ok(()) => {}
                Err(Ends::Stopped(error)) => return Err(error),
                Err(Ends::Damaged(error)) => {
                    let gap = damaged(self.shown, &error);
                    for kind in kinds {
                        self.scope.fail(*kind, gap.clone());
                    }
                }
            }
        }
        Ok(self.scope.finish_blocking()?)
    }

    fn rows(&mut self, table: &str, sync: &str, kinds: &[RecordKind], take: Take<'a>) -> Result<(), Ends> {
        let connection = &self.database.connection;
        // A view of that name could say anything, and take for ever to say it.
        let kind: String =
            connection.query_row("SELECT type FROM sqlite_schema WHERE name = ?1", [table], |row| row.get(0))?;
        if kind != "table" {
            return Err(Ends::Damaged(rusqlite::Error::InvalidColumnName(format!("{table} is a {kind}"))));
        }
        let mut statement =
            connection.prepare(&format!("SELECT id, data FROM {table} WHERE sync_id = ?1 ORDER BY id"))?;
        let mut rows = statement.query([sync])?;
        let mut read = 0;
        while let Some(row) = rows.next()? {
            read += 1;
            if read % PULSE == 0 && self.cancel.is_cancelled() {
                return Err(Ends::Stopped(ConnectorError::Stopped));
            }
            let id = row.get::<_, i64>(0)?.unsigned_abs();
            let data = row.get_ref(1)?.as_blob_or_null().ok().flatten().unwrap_or_default();
            match take(self, id, data) {
                Ok(()) => {}
                Err(Unread::Stopped(error)) => return Err(Ends::Stopped(error)),
                Err(Unread::Row(cause)) => {
                    let gap = Gap::new(code::ROW, format!("row {id} of `{table}` in `{}` cannot be read", self.shown))
                        .cause(cause)
                        .fix("have the connector collect again; if it stays, a newer version of Baton writes rows otherwise");
                    for kind in kinds {
                        self.scope.gap(*kind, gap.clone());
                    }
                }
            }
        }
        Ok(())
    }

    fn take_type(&mut self, _row: u64, data: &[u8]) -> Result<(), Unread> {
        let kind = ResourceType::decode(data)?;
        let has = |wanted: i32| kind.traits.contains(&wanted);
        let is = if has(of_type::USER) || has(of_type::AGENT) {
            Is::Account
        } else if has(of_type::GROUP) {
            Is::Group
        } else if has(of_type::SECRET) {
            Is::Secret
        } else if has(of_type::ROLE) {
            Is::Role
        } else {
            Is::Resource
        };
        self.types.insert(kind.id, is);
        Ok(())
    }

    fn is(&self, id: &ResourceId) -> Is {
        self.types.get(&id.resource_type).copied().unwrap_or(Is::Resource)
    }

    fn take_resource(&mut self, row: u64, data: &[u8]) -> Result<(), Unread> {
        let mut resource = Resource::decode(data)?;
        let id = resource.id.take().ok_or("it has no id")?;
        let record = match self.is(&id) {
            Is::Account => Record::Account(Box::new(self.account(&id, resource, row)?)),
            Is::Group => Record::Group(Box::new(record::Group {
                id: key(&id),
                id_kind: self.id_kind,
                name: some(resource.display_name),
                native_name: Some(id.resource),
                description: some(resource.description),
                owner: None,
                rule: GroupRule::Unknown,
                self_join: Fact::Unsupported,
                privilege: None,
                raw: Raw::At(row),
            })),
            Is::Secret => Record::Credential(Box::new(credential(&id, resource, row)?)),
            Is::Role | Is::Resource => Record::Resource(Box::new(record::Resource {
                id: key(&id),
                kind: Some(id.resource_type),
                name: some(resource.display_name),
                parent: resource.parent.as_ref().map(key),
                environment: None,
                sensitivity: None,
                owner: None,
                attributes: attributes(resource.profile),
                raw: Raw::At(row),
            })),
        };
        self.push(record)
    }

    fn account(&self, id: &ResourceId, resource: Resource, row: u64) -> Result<Account, Unread> {
        let user: UserTrait = annotation(&resource.annotations, "UserTrait")?.unwrap_or_default();
        let mut account = Account::new(key(id), self.id_kind);
        account.native_name = Some(id.resource.clone());
        account.name = some(resource.display_name);
        let mut emails = user.emails;
        emails.sort_by_key(|email| !email.is_primary);
        for email in emails {
            if !email.address.is_empty() && !account.emails.contains(&email.address) {
                account.emails.push(email.address);
            }
        }
        let (class, told) = match user.account_type {
            1 => (Some(AccountClass::Human), "human"),
            2 => (Some(AccountClass::Service), "service"),
            3 => (Some(AccountClass::System), "system"),
            _ => (None, ""),
        };
        account.class = class;
        account.class_evidence = class.map(|_| format!("account_type={told}"));
        let status = resource.status.or(user.status).unwrap_or_default();
        account.lifecycle = match status.status {
            1 => Lifecycle::Active,
            2 => Lifecycle::Disabled,
            3 => Lifecycle::Deleted,
            _ => Lifecycle::Unknown,
        };
        account.created = fact(resource.created_at.or(user.created_at))?;
        account.last_activity = fact(user.last_login)?;
        account.mfa = match user.mfa_status {
            None => Fact::Unsupported,
            Some(status) if status.on => Fact::Known(vec!["mfa".to_owned()]),
            Some(_) => Fact::Absent,
        };
        let mut kept = attributes(resource.profile);
        kept.extend(attributes(user.profile));
        account.employee_id =
            kept.iter().find(|(name, _)| EMPLOYEE_ID.contains(&name.to_lowercase().as_str())).map(|(_, id)| id.clone());
        if !status.details.is_empty() {
            kept.insert("status".to_owned(), status.details);
        }
        if !user.login_aliases.is_empty() {
            kept.insert("login_aliases".to_owned(), user.login_aliases.join(", "));
        }
        account.login = some(user.login);
        account.attributes = kept;
        account.raw = Raw::At(row);
        Ok(account)
    }

    fn take_entitlement(&mut self, row: u64, data: &[u8]) -> Result<(), Unread> {
        let entitlement = Entitlement::decode(data)?;
        let of = entitlement.resource.and_then(|resource| resource.id).ok_or("it is of no resource")?;
        if entitlement.id.is_empty() {
            return Err("it has no id".into());
        }
        let is = self.is(&of);
        let slug = match entitlement.slug.as_str() {
            "" => entitlement.id.rsplit(':').next().unwrap_or_default(),
            slug => slug,
        };
        if is == Is::Group && slug.eq_ignore_ascii_case("member") {
            self.memberships.insert(entitlement.id);
            return Ok(());
        }
        self.push(Record::Entitlement(Box::new(record::Entitlement {
            id: entitlement.id,
            kind: if is == Is::Role { EntitlementKind::Role } else { EntitlementKind::Permission },
            name: some(entitlement.display_name),
            description: some(entitlement.description),
            purpose: match entitlement.purpose {
                1 => Purpose::Assignment,
                3 => Purpose::Ownership,
                _ => Purpose::Permission,
            },
            privilege: None,
            owner: None,
            raw: Raw::At(row),
        })))
    }

    fn take_grant(&mut self, row: u64, data: &[u8]) -> Result<(), Unread> {
        let grant = Grant::decode(data)?;
        let entitlement = grant.entitlement.ok_or("it is of no entitlement")?;
        let of = entitlement.resource.and_then(|resource| resource.id).ok_or("its entitlement is of no resource")?;
        let principal = grant.principal.and_then(|resource| resource.id).ok_or("it has no principal")?;
        let kind = match self.is(&principal) {
            Is::Account => PrincipalKind::Account,
            Is::Group => PrincipalKind::Group,
            Is::Secret | Is::Role | Is::Resource => PrincipalKind::Unknown,
        };
        // A grant that was worked out of others names them, and itself only when it was given as well.
        let mut sources: Vec<String> = grant.sources.map(|all| all.sources.into_keys().collect()).unwrap_or_default();
        sources.sort();
        let direct = sources.is_empty() || sources.contains(&entitlement.id);
        if self.memberships.contains(&entitlement.id) {
            return self.push(Record::Membership(Membership {
                member: key(&principal),
                member_kind: kind,
                group: key(&of),
                since: None,
                until: None,
                via: if direct { None } else { sources.into_iter().next() },
                raw: Raw::At(row),
            }));
        }
        let mut record = record::Grant::new(key(&principal), kind, entitlement.id);
        record.resource = (self.is(&of) != Is::Account).then(|| key(&of));
        record.origin = if direct { GrantOrigin::Direct } else { GrantOrigin::Inherited };
        record.raw = Raw::At(row);
        self.push(Record::Grant(Box::new(record)))
    }

    fn push(&mut self, record: Record) -> Result<(), Unread> {
        self.scope.push_blocking(record).map_err(|closed| Unread::Stopped(closed.into()))
    }
}

/// Why a row became no record.
enum Unread {
    Stopped(ConnectorError),
    Row(String),
}

impl From<prost::DecodeError> for Unread {
    fn from(error: prost::DecodeError) -> Self {
        Self::Row(error.to_string())
    }
}

impl From<&str> for Unread {
    fn from(cause: &str) -> Self {
        Self::Row(cause.to_owned())
    }
}

/// A secret as a credential of the identity it belongs to, or else of who made it.
fn credential(id: &ResourceId, resource: Resource, row: u64) -> Result<Credential, Unread> {
    let secret: SecretTrait = annotation(&resource.annotations, "SecretTrait")?.unwrap_or_default();
    let identity = secret.identity_id.or(secret.created_by_id).or(resource.parent);
    let identity = identity.ok_or("a secret belongs to no identity, was made by none, and has no parent")?;
    let state = match resource.status.map(|status| status.status) {
        Some(1) => CredentialState::Active,
        Some(2) => CredentialState::Inactive,
        Some(3) => CredentialState::Revoked,
        _ => CredentialState::Unknown,
    };
    Ok(Credential {
        id: key(id),
        account: key(&identity),
        kind: CredentialKind::Token,
        name: some(resource.display_name),
        created: fact(resource.created_at.or(secret.created_at))?,
        expires: fact(secret.expires_at)?,
        last_used: fact(secret.last_used_at)?,
        rotated: Fact::Unsupported,
        state,
        raw: Raw::At(row),
    })
}

/// The id of a resource among all types.
fn key(id: &ResourceId) -> String {
    format!("{}:{}", id.resource_type, id.resource)
}

fn some(text: String) -> Option<String> {
    (!text.trim().is_empty()).then_some(text)
}

fn fact(told: Option<Instant>) -> Result<Fact<Timestamp>, Unread> {
    match told {
        None => Ok(Fact::Unsupported),
        Some(told) => Timestamp::new(told.seconds, told.nanos)
            .map(Fact::Known)
            .map_err(|error| Unread::Row(format!("an instant is out of range: {error}"))),
    }
}

/// What an annotation of that name says.
fn annotation<T: Message + Default>(annotations: &[Any], name: &str) -> Result<Option<T>, Unread> {
    let named = |any: &&Any| any.type_url.rsplit(['.', '/']).next() == Some(name);
    match annotations.iter().find(named) {
        Some(any) => Ok(Some(T::decode(any.value.as_slice())?)),
        None => Ok(None),
    }
}

/// Fields of a profile that may be kept as evidence.
fn attributes(profile: Option<Struct>) -> BTreeMap<String, String> {
    let plain = |kind: Kind| match kind {
        Kind::Text(text) => some(text),
        Kind::Number(number) => Some(number.to_string()),
        Kind::Truth(truth) => Some(truth.to_string()),
    };
    let fields = profile.map(|profile| profile.fields).unwrap_or_default();
    let kept = fields.into_iter().filter(|(name, _)| may_be_kept(name));
    kept.filter_map(|(name, value)| Some((name, plain(value.kind?)?))).collect()
}
