//! SCIM resources as real servers send them, and the records they become.
//!
//! Attribute names are matched without regard to case (RFC 7643, section 2.1), booleans and numbers may come as text, a
//! single value may stand where a list belongs, and `schemas` may be missing. Whatever cannot be understood is unknown,
//! never a default: a user without a legible `active` is neither active nor disabled.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::hash::{DefaultHasher, Hash, Hasher};

use jiff::Timestamp;
use serde_json::{Map, Value};

use crate::record::{
    Account, AccountClass, Affiliation, Entitlement, EntitlementKind, Fact, FederatedId, Grant, Group, GroupRule,
    IdKind, Lifecycle, PrincipalKind, Purpose, Raw, RecordKind,
};
use crate::scope::Gap;
use crate::sink::Scope;

/// The enterprise extension: RFC 7643, section 4.3, and its name in SCIM 1.1.
const ENTERPRISE: &[&str] =
    &["urn:ietf:params:scim:schemas:extension:enterprise:2.0:User", "urn:scim:schemas:extension:enterprise:1.0"];

/// Attributes of a user that are kept raw. Left out: password, certificates, addresses, phone numbers, photos, instant
/// messaging, and every extension but the enterprise one, which may hold anything.
const USER_KEPT: &[&str] = &[
    "schemas",
    "id",
    "externalId",
    "meta",
    "userName",
    "name",
    "displayName",
    "nickName",
    "title",
    "userType",
    "active",
    "emails",
    "groups",
    "entitlements",
    "roles",
];
/// Attributes of a group that are kept raw.
const GROUP_KEPT: &[&str] =
    &["schemas", "id", "externalId", "meta", "displayName", "members", "owners", "entitlements", "roles"];
/// Attributes below the first level that are kept raw.
const BELOW_KEPT: &[&str] = &[
    "value",
    "display",
    "displayName",
    "type",
    "primary",
    "$ref",
    "formatted",
    "familyName",
    "givenName",
    "middleName",
    "resourceType",
    "created",
    "lastModified",
    "location",
    "version",
    "employeeNumber",
    "costCenter",
    "organization",
    "division",
    "department",
    "manager",
    "managerId",
];

/// A JSON object whose keys are matched without regard to case.
#[derive(Debug, Clone, Copy)]
pub(super) struct Object<'a>(&'a Map<String, Value>);

impl<'a> Object<'a> {
    /// The value as an object, when it is one.
    pub(super) fn of(value: &'a Value) -> Option<Self> {
        value.as_object().map(Self)
    }

    /// The attribute's value; `null` is no value (RFC 7643, section 2.5).
    pub(super) fn get(self, name: &str) -> Option<&'a Value> {
        let exact = self.0.get(name);
        exact
            .or_else(|| self.0.iter().find(|(key, _)| key.eq_ignore_ascii_case(name)).map(|(_, value)| value))
            .filter(|value| !value.is_null())
    }

    /// Text that is not blank; numbers count as text.
    pub(super) fn text(self, name: &str) -> Option<String> {
        self.get(name).and_then(text)
    }

    /// An attribute that is an object itself.
    pub(super) fn object(self, name: &str) -> Option<Object<'a>> {
        self.get(name).and_then(Object::of)
    }

    /// A whole number, also when it comes as text.
    pub(super) fn number(self, name: &str) -> Option<u64> {
        let value = self.get(name)?;
        value.as_u64().or_else(|| value.as_str()?.trim().parse().ok())
    }

    /// A boolean, also when it comes as text; `Err` when there is a value that is neither.
    pub(super) fn flag(self, name: &str) -> Result<Option<bool>, ()> {
        let Some(value) = self.get(name) else { return Ok(None) };
        match value {
            Value::Bool(flag) => Ok(Some(*flag)),
            Value::Number(number) if number.as_u64() == Some(1) => Ok(Some(true)),
            Value::Number(number) if number.as_u64() == Some(0) => Ok(Some(false)),
            Value::String(word) if ["true", "1"].contains(&word.trim().to_ascii_lowercase().as_str()) => Ok(Some(true)),
            Value::String(word) if ["false", "0"].contains(&word.trim().to_ascii_lowercase().as_str()) => {
                Ok(Some(false))
            }
            Value::Null | Value::Number(_) | Value::String(_) | Value::Array(_) | Value::Object(_) => Err(()),
        }
    }

    /// The values of a multi-valued attribute; a single value counts as a list of one.
    pub(super) fn list(self, name: &str) -> &'a [Value] {
        match self.get(name) {
            None => &[],
            Some(Value::Array(values)) => values,
            Some(single) => std::slice::from_ref(single),
        }
    }
}

fn text(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.trim()).filter(|text| !text.is_empty()).map(str::to_owned),
        Value::Number(number) => Some(number.to_string()),
        Value::Null | Value::Bool(_) | Value::Array(_) | Value::Object(_) => None,
    }
}

/// The id of a resource.
pub(super) fn id(resource: &Value) -> Option<String> {
    Object::of(resource)?.text("id")
}

/// Watches whether one id is used for two users: pages overlap, but then they tell of the same one.
#[derive(Debug, Default)]
pub(super) struct OneEach {
    /// What tells a user from others, hashed, by id.
    first: HashMap<String, u64>,
    /// Ids of two.
    twice: BTreeSet<String>,
}

impl OneEach {
    /// Looks at a resource with an id.
    pub(super) fn see(&mut self, id: &str, resource: &Value) {
        let Some(mut account) = account(resource) else { return };
        account.emails.sort();
        let mut hasher = DefaultHasher::new();
        (&account.login, &account.emails, &account.employee_id).hash(&mut hasher);
        let telling = hasher.finish();
        if *self.first.entry(id.to_owned()).or_insert(telling) != telling {
            self.twice.insert(id.to_owned());
        }
    }

    /// Takes the users with one id back and says so.
    pub(super) fn settle(&self, scope: &mut Scope) {
        for id in &self.twice {
            scope.withdraw(RecordKind::Account, id);
            let gap = Gap::new("COL108", format!("two users have the id `{id}`"))
                .cause("their names or addresses differ, and nobody knows which of the two is right: neither is kept")
                .fix("ask the vendor: an id is unique and never used again (RFC 7643, section 3.1)")
                .only(vec![id.clone()]);
            scope.gap(RecordKind::Account, gap);
        }
    }
}

/// A role or entitlement that somebody holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Held {
    pub(super) entitlement: Entitlement,
    pub(super) grant: Grant,
}

/// A user as an account; `None` when it is no object or has no id.
pub(super) fn account(resource: &Value) -> Option<Account> {
    let user = Object::of(resource)?;
    let mut account = Account::new(user.text("id")?, IdKind::Immutable);
    let enterprise = ENTERPRISE.iter().find_map(|urn| user.object(urn));
    let beyond = |name: &str| enterprise.and_then(|enterprise| enterprise.text(name));
    let meta = user.object("meta");

    account.login = user.text("userName");
    account.name = user.text("displayName").or_else(|| full_name(user));
    account.emails = emails(user);
    account.employee_id = beyond("employeeNumber");
    account.department = beyond("department");
    account.manager = enterprise.and_then(manager);
    account.title = user.text("title");
    account.lifecycle = match user.flag("active") {
        Ok(Some(true)) => Lifecycle::Active,
        Ok(Some(false)) => Lifecycle::Disabled,
        Ok(None) | Err(()) => Lifecycle::Unknown,
    };
    account.created = match meta.and_then(|meta| meta.text("created")) {
        None => Fact::Unsupported,
        Some(text) => text.parse::<Timestamp>().map_or(Fact::Unreadable, Fact::Known),
    };
    if let Some(external) = user.text("externalId") {
        account.federated.push(FederatedId { issuer: "externalId".into(), subject: external });
    }
    if let Some(kind) = user.text("userType") {
        let (class, affiliation) = user_type(&kind);
        account.class_evidence = class.is_some().then(|| format!("userType={kind}"));
        (account.class, account.affiliation) = (class, affiliation);
    }
    let attributes = [
        ("userType", user.text("userType")),
        ("nickName", user.text("nickName")),
        ("costCenter", beyond("costCenter")),
        ("organization", beyond("organization")),
        ("division", beyond("division")),
        ("meta.version", meta.and_then(|meta| meta.text("version"))),
        ("meta.lastModified", meta.and_then(|meta| meta.text("lastModified"))),
    ];
    account.attributes =
        attributes.into_iter().filter_map(|(name, value)| value.map(|value| (name.to_owned(), value))).collect();
    account.raw = raw(user, USER_KEPT);
    Some(account)
}

fn full_name(user: Object<'_>) -> Option<String> {
    let name = user.object("name")?;
    name.text("formatted").or_else(|| {
        let parts: Vec<String> = [name.text("givenName"), name.text("familyName")].into_iter().flatten().collect();
        (!parts.is_empty()).then(|| parts.join(" "))
    })
}

/// Addresses without repetition, the primary one first, the others as listed.
fn emails(user: Object<'_>) -> Vec<String> {
    let mut found: Vec<(bool, String)> = user
        .list("emails")
        .iter()
        .filter_map(|email| match Object::of(email) {
            Some(object) => Some((object.flag("primary") == Ok(Some(true)), object.text("value")?)),
            None => Some((false, text(email)?)),
        })
        .collect();
    found.sort_by_key(|(primary, _)| !primary);
    let mut known = HashSet::new();
    found.into_iter().map(|(_, email)| email).filter(|email| known.insert(email.to_lowercase())).collect()
}

/// The manager's id; servers that follow older drafts send plain text, `managerId`, or only a name.
fn manager(enterprise: Object<'_>) -> Option<String> {
    match enterprise.object("manager") {
        Some(manager) => manager
            .text("value")
            .or_else(|| manager.text("managerId"))
            .or_else(|| manager.text("$ref").as_deref().and_then(last_segment))
            .or_else(|| manager.text("displayName")),
        None => enterprise.text("manager"),
    }
}

/// What `userType`, a free text by RFC 7643 section 4.1.1 with examples of its own, tells about class and affiliation.
/// "Employee" leaves the class open: an administration account is an employee's as well.
fn user_type(text: &str) -> (Option<AccountClass>, Option<Affiliation>) {
    let word: String = text.to_lowercase().chars().filter(|c| c.is_alphanumeric()).collect();
    match word.as_str() {
        "employee" | "internal" | "staff" | "intern" => (None, Some(Affiliation::Employee)),
        "contractor" | "contingent" | "contingentworker" | "consultant" | "freelancer" | "external" | "temp"
        | "temporary" => (None, Some(Affiliation::Contractor)),
        "guest" => (None, Some(Affiliation::Guest)),
        "partner" => (None, Some(Affiliation::Partner)),
        "vendor" | "supplier" => (None, Some(Affiliation::Vendor)),
        "service" | "serviceaccount" | "serviceprincipal" | "application" | "integration" | "bot" | "robot" => {
            (Some(AccountClass::Service), None)
        }
        "agent" | "aiagent" => (Some(AccountClass::Agent), None),
        "system" => (Some(AccountClass::System), None),
        "shared" | "sharedmailbox" | "room" => (Some(AccountClass::Shared), None),
        "test" => (Some(AccountClass::Test), None),
        "device" => (Some(AccountClass::Device), None),
        _ => (None, None),
    }
}

/// The roles and entitlements of a user or group.
///
/// SCIM gives them no id of their own. Ours is `roles/VALUE` or `entitlements/VALUE`, with the `type` between where there
/// is one, because both lists may hold the same value.
pub(super) fn held(resource: &Value, principal: &str, kind: PrincipalKind) -> Vec<Held> {
    let Some(object) = Object::of(resource) else { return Vec::new() };
    let mut known = HashSet::new();
    let mut held = Vec::new();
    for attribute in ["roles", "entitlements"] {
        for value in object.list(attribute) {
            let complex = Object::of(value);
            let of = |name| complex.and_then(|complex| complex.text(name));
            let Some(native) = of("value").or_else(|| text(value)).or_else(|| of("display")) else { continue };
            let sort = of("type");
            let id = match &sort {
                Some(sort) => format!("{attribute}/{sort}/{native}"),
                None => format!("{attribute}/{native}"),
            };
            if !known.insert(id.clone()) {
                continue;
            }
            let entitlement = Entitlement {
                id: id.clone(),
                kind: entitlement_kind(attribute, sort.as_deref()),
                name: of("display").or(Some(native)),
                description: None,
                purpose: Purpose::Permission,
                privilege: None,
                owner: None,
                raw: Raw::None,
            };
            let mut grant = Grant::new(principal, kind, id);
            grant.raw = Raw::Within(principal.to_owned());
            held.push(Held { entitlement, grant });
        }
    }
    held
}

fn entitlement_kind(attribute: &str, sort: Option<&str>) -> EntitlementKind {
    let sort = sort.unwrap_or_default().to_lowercase();
    match attribute {
        "roles" => EntitlementKind::Role,
        _ if sort.contains("licen") || sort.contains("seat") => EntitlementKind::Licence,
        _ if sort.contains("role") => EntitlementKind::Role,
        _ if sort.contains("scope") => EntitlementKind::Scope,
        _ => EntitlementKind::Permission,
    }
}

/// The entitlements seen so far, one of each, whatever order they came in.
#[derive(Debug, Default)]
pub(super) struct Catalogue(BTreeMap<String, Entitlement>);

impl Catalogue {
    /// Adds one. Of several names the smallest wins, and a display name wins over the bare value.
    pub(super) fn add(&mut self, entitlement: Entitlement) {
        let bare = |entitlement: &Entitlement| {
            entitlement.name.as_deref().is_none_or(|name| entitlement.id.rsplit('/').next() == Some(name))
        };
        match self.0.get_mut(&entitlement.id) {
            None => {
                self.0.insert(entitlement.id.clone(), entitlement);
            }
            Some(known) if (bare(&entitlement), &entitlement.name) < (bare(known), &known.name) => *known = entitlement,
            Some(_) => {}
        }
    }

    /// Everything, sorted by id.
    pub(super) fn entitlements(&self) -> impl Iterator<Item = &Entitlement> {
        self.0.values()
    }

    /// Whether it holds the entitlement.
    pub(super) fn has(&self, id: &str) -> bool {
        self.0.contains_key(id)
    }
}

/// A group; `None` when it is no object or has no id.
pub(super) fn group(resource: &Value) -> Option<Group> {
    let object = Object::of(resource)?;
    Some(Group {
        id: object.text("id")?,
        id_kind: IdKind::Immutable,
        name: object.text("displayName"),
        native_name: object.text("externalId"),
        description: object.text("description"),
        owner: object.list("owners").iter().find_map(|owner| match Object::of(owner) {
            Some(owner) => owner.text("value").or_else(|| owner.text("display")),
            None => text(owner),
        }),
        rule: GroupRule::Unknown,
        self_join: Fact::Unsupported,
        privilege: None,
        raw: raw(object, GROUP_KEPT),
    })
}

/// A member of a group: its id, and what it is where the server says so.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Member {
    pub(super) id: String,
    pub(super) kind: Option<PrincipalKind>,
}

/// The members of a group.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Members {
    /// The attribute is not there: no members, or withheld.
    Absent,
    /// These, without repetition, and so many values without an id.
    Listed { members: Vec<Member>, nameless: usize },
}

/// Reads the `members` of a group.
pub(super) fn members(resource: &Value) -> Members {
    let Some(group) = Object::of(resource) else { return Members::Absent };
    if group.get("members").is_none() {
        return Members::Absent;
    }
    let (mut members, mut nameless, mut known) = (Vec::new(), 0, HashSet::new());
    for value in group.list("members") {
        match member(value) {
            None => nameless += 1,
            Some(member) if known.insert(member.id.clone()) => members.push(member),
            Some(_) => {}
        }
    }
    Members::Listed { members, nameless }
}

fn member(value: &Value) -> Option<Member> {
    let Some(object) = Object::of(value) else { return Some(Member { id: text(value)?, kind: None }) };
    let reference = object.text("$ref");
    let told = object.text("type").map(|kind| kind.to_ascii_lowercase());
    let kind = match (told.as_deref(), reference.as_deref()) {
        (Some("user" | "direct_user"), _) => Some(PrincipalKind::Account),
        (Some("group"), _) => Some(PrincipalKind::Group),
        (_, Some(reference)) if reference.contains("Users/") => Some(PrincipalKind::Account),
        (_, Some(reference)) if reference.contains("Groups/") => Some(PrincipalKind::Group),
        _ => None,
    };
    let id = object.text("value").or_else(|| reference.as_deref().and_then(last_segment))?;
    Some(Member { id, kind })
}

fn last_segment(reference: &str) -> Option<String> {
    reference.trim_end_matches('/').rsplit('/').next().filter(|id| !id.is_empty()).map(str::to_owned)
}

/// The object as JSON text, reduced to `kept` and, below the first level, to [`BELOW_KEPT`].
fn raw(object: Object<'_>, kept: &[&str]) -> Raw {
    let among = |names: &[&str], key: &str| names.iter().any(|name| name.eq_ignore_ascii_case(key));
    let reduced: Map<String, Value> = object
        .0
        .iter()
        .filter(|(key, _)| among(kept, key) || among(ENTERPRISE, key))
        .map(|(key, value)| (key.clone(), reduce(value)))
        .collect();
    Raw::Object(Value::Object(reduced).to_string())
}

fn reduce(value: &Value) -> Value {
    match value {
        Value::Array(values) => Value::Array(values.iter().map(reduce).collect()),
        Value::Object(object) => Value::Object(
            object
                .iter()
                .filter(|(key, _)| BELOW_KEPT.iter().any(|name| name.eq_ignore_ascii_case(key)))
                .map(|(key, value)| (key.clone(), reduce(value)))
                .collect(),
        ),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => value.clone(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_sloppy_server_is_understood() {
        let user = json!({
            "ID": 17, "USERNAME": " bjensen ", "Active": "False", "emails": {"value": "b@x.example", "primary": "true"},
            "roles": "admin", "entitlements": [{"display": "Seat", "type": "License"}],
            "URN:ietf:params:scim:schemas:extension:ENTERPRISE:2.0:User": {"employeenumber": 701_984, "manager": "26"},
            "meta": {"created": "yesterday"},
        });
        let account = account(&user).unwrap();
        assert_eq!((account.id.as_str(), account.login.as_deref()), ("17", Some("bjensen")));
        assert_eq!(account.lifecycle, Lifecycle::Disabled);
        assert_eq!(account.emails, ["b@x.example"]);
        assert_eq!(account.employee_id.as_deref(), Some("701984"));
        assert_eq!(account.manager.as_deref(), Some("26"));
        assert_eq!(account.created, Fact::Unreadable);
        let held = held(&user, "17", PrincipalKind::Account);
        assert_eq!(held[0].entitlement.id, "roles/admin");
        assert_eq!(held[1].entitlement.id, "entitlements/License/Seat");
        assert_eq!(held[1].entitlement.kind, EntitlementKind::Licence);
    }

    #[test]
    fn a_missing_or_strange_active_is_unknown() {
        for active in [json!(null), json!("maybe"), json!([]), json!(2)] {
            let account = account(&json!({"id": "1", "active": active})).unwrap();
            assert_eq!(account.lifecycle, Lifecycle::Unknown);
        }
        assert_eq!(account(&json!({"id": "1"})).unwrap().lifecycle, Lifecycle::Unknown);
    }

    #[test]
    fn raw_keeps_no_secret_and_no_private_data() {
        let user = json!({
            "id": "1", "password": "hunter2", "phoneNumbers": [{"value": "555-0100"}], "addresses": [{"locality": "Bonn"}],
            "x509Certificates": [{"value": "MII"}], "name": {"givenName": "B", "password": "hunter2"},
            "urn:acme:hr": {"salary": 1},
        });
        let Raw::Object(raw) = account(&user).unwrap().raw else { panic!("a user keeps its raw object") };
        assert_eq!(raw, r#"{"id":"1","name":{"givenName":"B"}}"#);
    }

    #[test]
    fn members_tell_groups_from_users() {
        let group = json!({"id": "g", "members": [
            {"value": "1", "type": "User"}, {"value": "2", "$ref": "https://x/v2/Groups/2"}, {"$ref": "../Users/3"}, "4",
            {"value": "1"}, {"display": "who?"},
        ]});
        let Members::Listed { members, nameless } = members(&group) else { panic!("members are listed") };
        let kinds: Vec<_> = members.iter().map(|member| (member.id.as_str(), member.kind)).collect();
        let (account, group) = (Some(PrincipalKind::Account), Some(PrincipalKind::Group));
        assert_eq!(kinds, [("1", account), ("2", group), ("3", account), ("4", None)]);
        assert_eq!(nameless, 1);
    }

    #[test]
    fn the_catalogue_does_not_depend_on_order() {
        let named = |name: &str| Held::entitlement_named(name);
        let mut forth = Catalogue::default();
        let mut back = Catalogue::default();
        for name in ["admin", "Chief", "Boss"] {
            forth.add(named(name));
        }
        for name in ["Boss", "Chief", "admin"] {
            back.add(named(name));
        }
        let (forth, back): (Vec<_>, Vec<_>) = (forth.entitlements().collect(), back.entitlements().collect());
        assert_eq!(forth, back);
        assert_eq!(forth[0].name.as_deref(), Some("Boss"));
    }

    impl Held {
        fn entitlement_named(name: &str) -> Entitlement {
            held(&json!({"roles": [{"value": "admin", "display": name}]}), "1", PrincipalKind::Account)
                .remove(0)
                .entitlement
        }
    }
}
