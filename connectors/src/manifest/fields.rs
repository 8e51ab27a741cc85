//! The fields of every record that a manifest can emit, with what each takes.
//!
//! Names are those of [`crate::record`]; a new field there is one more word in a list here, and a test fails until it is.
//! A null leaves a field as it is, except that a [`Fact`] that was asked for and is null is *unreadable*, not *unsupported*.

use std::collections::BTreeMap;
use std::str::FromStr;

use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use minijinja::value::ValueKind;

use super::value::{Fields, Unmapped, Value, instant, is_null, stated, text, to_json};
use crate::record::{
    Account, AccountClass, Affiliation, Approval, AuditEvent, Credential, CredentialKind, CredentialState, Employment,
    EmploymentStatus, Entitlement, EntitlementKind, EventOutcome, Fact, FactState, FederatedId, Federation, Grant,
    GrantOrigin, Group, GroupRule, IdKind, Lifecycle, Membership, Person, Policy, PolicyKind, PrincipalKind,
    PrivilegeLevel, Purpose, Raw, Record, RecordKind, Resource, WorkerType,
};

/// What a field takes, for messages and for checks at load.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Shape {
    /// A text; numbers are written out.
    Text,
    /// A list of texts; a single text is a list of one.
    Texts,
    /// `true` or `false`.
    Truth,
    /// An instant, as `date` makes one.
    Instant,
    /// A day, or an instant of it.
    Day,
    /// One of these words.
    Word(&'static [&'static str]),
    /// Second factors: their names; `true` and `false` when no more is known.
    Factors,
    /// An object of texts.
    Attributes,
    /// A list of objects with `issuer` and `subject`.
    Federated,
}

impl Shape {
    /// The shape in words.
    pub fn describe(self) -> String {
        match self {
            Self::Text => "a text".to_owned(),
            Self::Texts => "a list of texts".to_owned(),
            Self::Truth => "true or false".to_owned(),
            Self::Instant => "an instant, as `| date` makes one".to_owned(),
            Self::Day => "a day or an instant, as `| date` makes one".to_owned(),
            Self::Word(words) => format!("one of {}", words.join(", ")),
            Self::Factors => "a list of texts, or true or false".to_owned(),
            Self::Attributes => "an object of texts".to_owned(),
            Self::Federated => "a list of objects with `issuer` and `subject`".to_owned(),
        }
    }
}

/// A field that can take a value.
trait Take {
    fn shape() -> Shape;

    /// Sets the field; `Err` when the value has the wrong shape.
    fn take(&mut self, value: &Value) -> Result<(), ()>;

    /// The field after a word that no table has.
    fn take_unknown(&mut self) {}
}

impl Take for String {
    fn shape() -> Shape {
        Shape::Text
    }

    fn take(&mut self, value: &Value) -> Result<(), ()> {
        *self = text(value).ok_or(())?;
        Ok(())
    }
}

impl Take for Option<String> {
    fn shape() -> Shape {
        Shape::Text
    }

    fn take(&mut self, value: &Value) -> Result<(), ()> {
        let text = text(value).ok_or(())?;
        if !text.is_empty() {
            *self = Some(text);
        }
        Ok(())
    }
}

impl Take for Vec<String> {
    fn shape() -> Shape {
        Shape::Texts
    }

    fn take(&mut self, value: &Value) -> Result<(), ()> {
        let found = texts(value)?;
        if !found.is_empty() {
            *self = found;
        }
        Ok(())
    }
}

fn texts(value: &Value) -> Result<Vec<String>, ()> {
    let mut found = Vec::new();
    match value.kind() {
        ValueKind::Seq | ValueKind::Iterable => {
            for element in value.try_iter().map_err(drop)? {
                if !is_null(&element) {
                    found.push(text(&element).ok_or(())?);
                }
            }
        }
        _ => found.push(text(value).ok_or(())?),
    }
    found.retain(|text| !text.is_empty());
    Ok(found)
}

impl Take for bool {
    fn shape() -> Shape {
        Shape::Truth
    }

    fn take(&mut self, value: &Value) -> Result<(), ()> {
        *self = truth(value)?;
        Ok(())
    }
}

impl Take for Option<bool> {
    fn shape() -> Shape {
        Shape::Truth
    }

    fn take(&mut self, value: &Value) -> Result<(), ()> {
        *self = Some(truth(value)?);
        Ok(())
    }
}

fn truth(value: &Value) -> Result<bool, ()> {
    if value.kind() == ValueKind::Bool { Ok(value.is_true()) } else { Err(()) }
}

impl Take for Option<Timestamp> {
    fn shape() -> Shape {
        Shape::Instant
    }

    fn take(&mut self, value: &Value) -> Result<(), ()> {
        *self = Some(instant(value).ok_or(())?);
        Ok(())
    }
}

impl Take for Timestamp {
    fn shape() -> Shape {
        Shape::Instant
    }

    fn take(&mut self, value: &Value) -> Result<(), ()> {
        *self = instant(value).ok_or(())?;
        Ok(())
    }
}

impl Take for Option<Date> {
    fn shape() -> Shape {
        Shape::Day
    }

    fn take(&mut self, value: &Value) -> Result<(), ()> {
        let day = instant(value).map(|instant| instant.to_zoned(TimeZone::UTC).date());
        *self = Some(day.or_else(|| value.as_str()?.parse().ok()).ok_or(())?);
        Ok(())
    }
}

impl<T> Take for Fact<T>
where
    T: Known,
{
    fn shape() -> Shape {
        T::SHAPE
    }

    fn take(&mut self, value: &Value) -> Result<(), ()> {
        *self = match stated(value) {
            Some(FactState::None) => Self::Absent,
            Some(FactState::Never) => Self::Never,
            Some(FactState::Unreadable | FactState::Unsupported | FactState::Known) => Self::Unreadable,
            None => T::known(value)?,
        };
        Ok(())
    }

    fn take_unknown(&mut self) {
        if matches!(self, Self::Unsupported) {
            *self = Self::Unreadable;
        }
    }
}

/// What a [`Fact`] can hold.
trait Known: Sized {
    const SHAPE: Shape;

    fn known(value: &Value) -> Result<Fact<Self>, ()>;
}

impl Known for Timestamp {
    const SHAPE: Shape = Shape::Instant;

    fn known(value: &Value) -> Result<Fact<Self>, ()> {
        instant(value).map(Fact::Known).ok_or(())
    }
}

impl Known for bool {
    const SHAPE: Shape = Shape::Truth;

    fn known(value: &Value) -> Result<Fact<Self>, ()> {
        truth(value).map(Fact::Known)
    }
}

/// What stands for a factor of which the source says only that there is one.
const SOME_FACTOR: &str = "unspecified";

impl Known for Vec<String> {
    const SHAPE: Shape = Shape::Factors;

    fn known(value: &Value) -> Result<Fact<Self>, ()> {
        match truth(value) {
            Ok(true) => Ok(Fact::Known(vec![SOME_FACTOR.to_owned()])),
            Ok(false) => Ok(Fact::Absent),
            Err(()) => texts(value).map(|factors| if factors.is_empty() { Fact::Absent } else { Fact::Known(factors) }),
        }
    }
}

impl Take for BTreeMap<String, String> {
    fn shape() -> Shape {
        Shape::Attributes
    }

    fn take(&mut self, value: &Value) -> Result<(), ()> {
        if value.kind() != ValueKind::Map {
            return Err(());
        }
        for key in value.try_iter().map_err(drop)? {
            let held = value.get_item(&key).map_err(drop)?;
            if !is_null(&held) {
                self.insert(key.to_string(), text(&held).unwrap_or_else(|| to_json(&held).to_string()));
            }
        }
        Ok(())
    }
}

impl Take for Vec<FederatedId> {
    fn shape() -> Shape {
        Shape::Federated
    }

    fn take(&mut self, value: &Value) -> Result<(), ()> {
        if !matches!(value.kind(), ValueKind::Seq | ValueKind::Iterable) {
            return Err(());
        }
        for entry in value.try_iter().map_err(drop)? {
            let part = |name: &str| entry.get_attr(name).map_err(drop);
            let (issuer, subject) = (part("issuer")?, part("subject")?);
            if is_null(&subject) {
                continue;
            }
            let id = FederatedId { issuer: text(&issuer).ok_or(())?, subject: text(&subject).ok_or(())? };
            if !self.contains(&id) {
                self.push(id);
            }
        }
        Ok(())
    }
}

macro_rules! words {
    ($($type:ident $(or $unknown:ident)?),+ $(,)?) => {$(
        impl Take for $type {
            fn shape() -> Shape {
                const WORDS: &[&str] = &{
                    let mut words = [""; $type::ALL.len()];
                    let mut at = 0;
                    while at < words.len() {
                        words[at] = $type::ALL[at].as_str();
                        at += 1;
                    }
                    words
                };
                Shape::Word(WORDS)
            }

            fn take(&mut self, value: &Value) -> Result<(), ()> {
                *self = value.as_str().and_then(|word| Self::from_str(word).ok()).ok_or(())?;
                Ok(())
            }

            $(fn take_unknown(&mut self) {
                *self = Self::$unknown;
            })?
        }

        impl Take for Option<$type> {
            fn shape() -> Shape {
                <$type as Take>::shape()
            }

            fn take(&mut self, value: &Value) -> Result<(), ()> {
                *self = Some(value.as_str().and_then(|word| $type::from_str(word).ok()).ok_or(())?);
                Ok(())
            }
        }
    )+};
}

words!(
    IdKind,
    AccountClass,
    Affiliation,
    Lifecycle or Unknown,
    WorkerType or Unknown,
    EmploymentStatus or Unknown,
    GroupRule or Unknown,
    PrincipalKind or Unknown,
    EntitlementKind,
    Purpose,
    PrivilegeLevel,
    GrantOrigin,
    CredentialKind,
    CredentialState or Unknown,
    PolicyKind,
    EventOutcome,
);

/// A field of a record.
struct Field<T> {
    name: &'static str,
    shape: fn() -> Shape,
    set: fn(&mut T, &Value) -> Result<(), ()>,
    unknown: fn(&mut T),
}

fn shape_of<T, F: Take>(_field: fn(&T) -> &F) -> Shape {
    F::shape()
}

macro_rules! record {
    ($type:ident, $kind:ident, $word:literal, $variant:expr, $blank:expr, required: [$($required:literal),*], id: $id:expr, fields: [$($name:ident),+ $(,)?]) => {
        impl Emits for $type {
            const WORD: &'static str = $word;
            const KIND: RecordKind = RecordKind::$kind;
            const FIELDS: &'static [Field<Self>] = &[$(Field {
                name: stringify!($name),
                shape: || shape_of(|record: &$type| &record.$name),
                set: |record, value| Take::take(&mut record.$name, value),
                unknown: |record| Take::take_unknown(&mut record.$name),
            }),+];
            const NAMES: &'static [&'static str] = &[$(stringify!($name)),+];
            const REQUIRED: &'static [&'static str] = &[$($required),*];
            const HAS_ID: bool = $id;

            fn blank() -> Self {
                $blank
            }

            fn finish(mut self, raw: Raw) -> Record {
                self.raw = raw;
                $variant(self.into())
            }
        }
    };
}

/// A record that can be emitted.
trait Emits: Sized + 'static {
    const WORD: &'static str;
    const KIND: RecordKind;
    const FIELDS: &'static [Field<Self>];
    const NAMES: &'static [&'static str];
    const REQUIRED: &'static [&'static str];
    const HAS_ID: bool;

    fn blank() -> Self;
    fn finish(self, raw: Raw) -> Record;
}

record!(Person, Person, "person", Record::Person, Person::default(), required: ["id"], id: true, fields: [
    id, legal_name, preferred_name, given_name, family_name, previous_names, emails, employee_ids, attributes,
]);
record!(Employment, Employment, "employment", Record::Employment, Employment {
    id: String::new(), person: String::new(), employee_id: None, status: EmploymentStatus::Unknown,
    worker_type: WorkerType::Unknown, start: None, end: None, manager: None, department: None, title: None, location: None,
    cost_centre: None, time_zone: None, effective: None, effective_day: None, recorded: None, sequence: None, raw: Raw::None,
}, required: ["id", "person"], id: true, fields: [
    id, person, employee_id, status, worker_type, start, end, manager, department, title, location, cost_centre, time_zone,
    effective, effective_day, recorded, sequence,
]);
record!(Account, Account, "account", Record::Account, Account::new("", IdKind::Immutable), required: ["id"], id: true, fields: [
    id, id_kind, login, native_name, name, emails, emails_verified, employee_id, class, class_evidence, affiliation, lifecycle,
    is_root, created, expires, last_activity, password_changed, interactive, mfa, owner, manager, department, title, federated,
    attributes,
]);
record!(Group, Group, "group", Record::Group, Group {
    id: String::new(), id_kind: IdKind::Immutable, name: None, native_name: None, description: None, owner: None,
    rule: GroupRule::Unknown, self_join: Fact::Unsupported, privilege: None, raw: Raw::None,
}, required: ["id"], id: true, fields: [id, id_kind, name, native_name, description, owner, rule, self_join, privilege]);
record!(Membership, Membership, "membership", Record::Membership, Membership {
    member: String::new(), member_kind: PrincipalKind::Account, group: String::new(), since: None, until: None, via: None,
    raw: Raw::None,
}, required: ["member", "group"], id: false, fields: [member, member_kind, group, since, until, via]);
record!(Resource, Resource, "resource", Record::Resource, Resource::default(), required: ["id"], id: true, fields: [
    id, kind, name, parent, environment, sensitivity, owner,
]);
record!(Entitlement, Entitlement, "entitlement", Record::Entitlement, Entitlement {
    id: String::new(), kind: EntitlementKind::Role, name: None, description: None, purpose: Purpose::Permission,
    privilege: None, owner: None, raw: Raw::None,
}, required: ["id"], id: true, fields: [id, kind, name, description, purpose, privilege, owner]);
record!(Grant, Grant, "grant", Record::Grant, Grant::new("", PrincipalKind::Account, ""), required: ["principal", "entitlement"], id: false, fields: [
    principal, principal_kind, entitlement, resource, origin, since, until, last_used, condition, justification,
]);
record!(Credential, Credential, "credential", Record::Credential, Credential {
    id: String::new(), account: String::new(), kind: CredentialKind::Token, name: None, created: Fact::Unsupported,
    expires: Fact::Unsupported, last_used: Fact::Unsupported, rotated: Fact::Unsupported, state: CredentialState::Unknown,
    raw: Raw::None,
}, required: ["id", "account", "kind"], id: true, fields: [id, account, kind, name, created, expires, last_used, rotated, state]);
record!(Policy, Policy, "policy", Record::Policy, Policy {
    id: String::new(), kind: PolicyKind::RoleDefinition, name: None, version: None, targets: Vec::new(), document: String::new(),
    raw: Raw::None,
}, required: ["id", "kind", "document"], id: true, fields: [id, kind, name, version, targets, document]);
record!(Federation, Federation, "federation", Record::Federation, Federation::default(), required: ["id", "account", "issuer"], id: true, fields: [
    id, account, issuer, subject, condition,
]);
record!(AuditEvent, AuditEvent, "audit_event", Record::AuditEvent, AuditEvent {
    id: String::new(), at: Timestamp::UNIX_EPOCH, actor: None, action: String::new(), object: None, ticket: None, outcome: None,
    operation_id: None, sequence: None, raw: Raw::None,
}, required: ["id", "at", "action"], id: true, fields: [
    id, at, actor, action, object, ticket, outcome, operation_id, sequence,
]);
record!(Approval, Approval, "approval", Record::Approval, Approval {
    id: String::new(), requester: None, beneficiary: String::new(), entitlement: None, resource: None, from: None, until: None,
    requested_at: None, decided_by: None, decided_at: None, approved: None, emergency: None, reviewed_by: None, reviewed_at: None,
    raw: Raw::None,
}, required: ["id", "beneficiary"], id: true, fields: [
    id, requester, beneficiary, entitlement, resource, from, until, requested_at, decided_by, decided_at, approved, emergency,
    reviewed_by, reviewed_at,
]);

/// Why no record came of an item.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Unfit {
    /// A field that every such record has is null or empty.
    #[error("its `{0}` is null or empty")]
    Missing(&'static str),
    /// A value is not what the field takes.
    #[error("its `{field}` needs {needs} and got {found}")]
    Shape {
        /// The field.
        field: &'static str,
        /// What it takes.
        needs: String,
        /// What kind of value came, and the word where one of a list was expected.
        found: String,
    },
}

/// A kind of record, without its type.
pub(super) trait Kind: Sync {
    /// The word of `as = "…"`.
    fn word(&self) -> &'static str;
    /// The kind.
    fn kind(&self) -> RecordKind;
    /// Its fields.
    fn names(&self) -> &'static [&'static str];
    /// What a field takes.
    fn shape(&self, field: usize) -> Shape;
    /// Fields that every record has.
    fn required(&self) -> &'static [&'static str];
    /// Whether records of it have an id by which several emits make one.
    fn has_id(&self) -> bool;
    /// The record of these values, the later before the earlier where both are there.
    fn build(
        &self,
        values: &[(u8, Value)],
        raw: Raw,
        unmapped: &mut dyn FnMut(&'static str, &Unmapped),
    ) -> Result<Record, Unfit>;
}

struct Of<T>(std::marker::PhantomData<fn() -> T>);

impl<T: Emits> Kind for Of<T> {
    fn word(&self) -> &'static str {
        T::WORD
    }

    fn kind(&self) -> RecordKind {
        T::KIND
    }

    fn names(&self) -> &'static [&'static str] {
        T::NAMES
    }

    fn shape(&self, field: usize) -> Shape {
        (T::FIELDS[field].shape)()
    }

    fn required(&self) -> &'static [&'static str] {
        T::REQUIRED
    }

    fn has_id(&self) -> bool {
        T::HAS_ID
    }

    fn build(
        &self,
        values: &[(u8, Value)],
        raw: Raw,
        unmapped: &mut dyn FnMut(&'static str, &Unmapped),
    ) -> Result<Record, Unfit> {
        let mut record = T::blank();
        let mut given = 0_u64;
        for (position, (index, value)) in values.iter().enumerate() {
            let field = &T::FIELDS[usize::from(*index)];
            if LATEST.contains(&field.name)
                && values[..position].iter().any(|(other, earlier)| other == index && !before(earlier, value))
            {
                continue;
            }
            if is_null(value) {
                if given & (1 << index) == 0 {
                    (field.unknown)(&mut record);
                }
            } else if let Some(word) = value.downcast_object_ref::<Unmapped>() {
                (field.unknown)(&mut record);
                unmapped(field.name, word);
            } else if (field.set)(&mut record, value).is_ok() {
                given |= u64::from(value.as_str() != Some("")) << index;
            } else {
                return Err(Unfit::Shape {
                    field: field.name,
                    needs: (field.shape)().describe(),
                    found: found(value, (field.shape)()),
                });
            }
        }
        for required in T::REQUIRED {
            let index = T::FIELDS.iter().position(|field| field.name == *required);
            if index.is_none_or(|index| given & (1 << index) == 0) {
                return Err(Unfit::Missing(required));
            }
        }
        Ok(record.finish(raw))
    }
}

/// Fields of which the latest instant counts, whatever order it came in: logs are read newest first.
const LATEST: [&str; 2] = ["last_activity", "last_used"];

/// Whether `earlier` says less than `later`: an earlier instant, or none at all.
fn before(earlier: &Value, later: &Value) -> bool {
    match (instant(earlier), instant(later)) {
        (Some(earlier), Some(later)) => earlier < later,
        (Some(_), None) => false,
        (None, _) => true,
    }
}

fn found(value: &Value, shape: Shape) -> String {
    match (shape, value.as_str()) {
        (Shape::Word(_), Some(word)) => format!("`{}`", word.chars().take(60).collect::<String>()),
        (_, _) => match stated(value) {
            Some(state) => format!("`{state}`, which only facts can be"),
            None if value.kind() == ValueKind::Map && value.downcast_object_ref::<Fields>().is_some() => {
                "an object".to_owned()
            }
            None => value.kind().to_string(),
        },
    }
}

/// Every kind of record, in the order of [`Record`].
pub(super) static KINDS: [&dyn Kind; 13] = [
    &Of::<Person>(std::marker::PhantomData),
    &Of::<Employment>(std::marker::PhantomData),
    &Of::<Account>(std::marker::PhantomData),
    &Of::<Group>(std::marker::PhantomData),
    &Of::<Membership>(std::marker::PhantomData),
    &Of::<Resource>(std::marker::PhantomData),
    &Of::<Entitlement>(std::marker::PhantomData),
    &Of::<Grant>(std::marker::PhantomData),
    &Of::<Credential>(std::marker::PhantomData),
    &Of::<Policy>(std::marker::PhantomData),
    &Of::<Federation>(std::marker::PhantomData),
    &Of::<AuditEvent>(std::marker::PhantomData),
    &Of::<Approval>(std::marker::PhantomData),
];

/// Where the kind called `word` stands in [`KINDS`].
pub(super) fn find(word: &str) -> Option<usize> {
    KINDS.iter().position(|kind| kind.word() == word)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_field_of_every_record_can_be_emitted() {
        for kind in KINDS {
            let minimum: Vec<(u8, Value)> = kind
                .required()
                .iter()
                .map(|required| {
                    let index = kind.names().iter().position(|name| name == required).unwrap();
                    let value = match kind.shape(index) {
                        Shape::Word(words) => Value::from(words[0]),
                        Shape::Truth => Value::from(true),
                        Shape::Instant => Value::from_object(super::super::value::Instant(Timestamp::UNIX_EPOCH)),
                        _ => Value::from("x"),
                    };
                    (u8::try_from(index).unwrap(), value)
                })
                .collect();
            let record = kind.build(&minimum, Raw::None, &mut |_, _| {}).unwrap();
            let json = serde_json::to_value(&record).unwrap();
            let mut fields: Vec<&str> = json.as_object().unwrap().keys().map(String::as_str).collect();
            // What was used, and attributes of resources, belong to platforms whose policies are evaluated; no manifest describes one.
            let evaluated = ["used"].iter().chain((kind.word() == "resource").then_some(&"attributes"));
            let left_out: Vec<&str> = ["record", "raw"].iter().chain(evaluated).copied().collect();
            fields.retain(|field| !left_out.contains(field));
            let mut names = kind.names().to_vec();
            names.sort_unstable();
            fields.sort_unstable();
            assert_eq!(names, fields, "{}", kind.word());
            assert_eq!(kind.kind(), record.kind());
            assert_eq!(json["record"], kind.word());
        }
    }
}
