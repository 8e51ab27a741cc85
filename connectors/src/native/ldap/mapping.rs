//! An entry as an account or a group.
//!
//! What an entry is follows from its own attributes, so that a live answer and an export of it give the same record.

use std::borrow::Cow;
use std::collections::BTreeMap;

use jiff::Timestamp;

use super::attributes::{Attr, Entry};
use super::directory::{ObjectId, has_passed};
use super::values::{self, FileTime};
use super::{dn, privileged};
use crate::record::{
    Account, AccountClass, Affiliation, Fact, Group, GroupRule, IdKind, Lifecycle, PrivilegeLevel, Raw,
};

/// Values an attribute may have to be shown whole in the raw object: one range of Active Directory.
pub(super) const RAW_VALUES: usize = 1500;

/// Bits of userAccountControl and msDS-User-Account-Control-Computed ([MS-ADTS] 2.2.16).
const UAC: &[(i64, &str)] = &[
    (0x2, "ACCOUNTDISABLE"),
    (0x10, "LOCKOUT"),
    (0x20, "PASSWD_NOTREQD"),
    (0x80, "ENCRYPTED_TEXT_PWD_ALLOWED"),
    (0x200, "NORMAL_ACCOUNT"),
    (0x800, "INTERDOMAIN_TRUST_ACCOUNT"),
    (0x1000, "WORKSTATION_TRUST_ACCOUNT"),
    (0x2000, "SERVER_TRUST_ACCOUNT"),
    (0x10000, "DONT_EXPIRE_PASSWORD"),
    (0x40000, "SMARTCARD_REQUIRED"),
    (0x80000, "TRUSTED_FOR_DELEGATION"),
    (0x10_0000, "NOT_DELEGATED"),
    (0x20_0000, "USE_DES_KEY_ONLY"),
    (0x40_0000, "DONT_REQUIRE_PREAUTH"),
    (0x80_0000, "PASSWORD_EXPIRED"),
    (0x100_0000, "TRUSTED_TO_AUTH_FOR_DELEGATION"),
];
const DISABLED: i64 = 0x2;
const LOCKED: i64 = 0x10;
const NORMAL_ACCOUNT: i64 = 0x200;
const INTERDOMAIN_TRUST: i64 = 0x800;
const SMARTCARD_REQUIRED: i64 = 0x4_0000;
const PASSWORD_EXPIRED: i64 = 0x80_0000;

/// How `pwdAccountLockedTime` begins (`000001010000Z`) for an account that only an administrator unlocks
/// (slapo-ppolicy(5)): its switch for "off".
const LOCKED_FOR_GOOD: &str = "00000101";

/// Attributes kept word for word as evidence.
const EVIDENCE: &[Attr] = &[
    Attr::AdminCount,
    Attr::Company,
    Attr::DepartmentNumber,
    Attr::Description,
    Attr::EmployeeNumber,
    Attr::EmployeeType,
    Attr::ExternalDirectoryObjectId,
    Attr::GivenName,
    Attr::L,
    Attr::LoginShell,
    Attr::Mobile,
    Attr::O,
    Attr::OperatingSystem,
    Attr::Ou,
    Attr::PhysicalDeliveryOfficeName,
    Attr::ServicePrincipalName,
    Attr::Sn,
    Attr::TelephoneNumber,
    Attr::UidNumber,
    Attr::UserPrincipalName,
];

/// Classes of people. Servers need not list the superclasses of an entry's class (RFC 4512 section 2.4.2), so each
/// stands here.
const PERSON: &[&str] = &["user", "inetOrgPerson", "organizationalPerson", "person", "residentialPerson"];

/// What an entry is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Species {
    /// A principal that can act.
    Account,
    /// A collection of members.
    Group,
    /// A stand-in for a principal of another domain.
    Foreign,
    /// Something else.
    Other,
    /// Nothing tells: no object class, and no attribute that only one species has.
    Untold,
}

/// What `entry` is.
pub(super) fn species(entry: &Entry) -> Species {
    if !entry.has(Attr::ObjectClass) {
        return species_without_class(entry);
    }
    let is = |classes: &[&str]| classes.iter().any(|class| entry.is_a(class));
    if is(&["foreignSecurityPrincipal"]) {
        Species::Foreign
    } else if is(&["group", "groupOfNames", "groupOfUniqueNames", "groupOfMembers", "groupOfURLs", "posixGroup"]) {
        Species::Group
    } else if is(&["contact"]) {
        // Active Directory's contacts are persons by class, but cannot sign in.
        Species::Other
    } else if is(PERSON) || is(&["posixAccount", "account", "simpleSecurityObject", "shadowAccount"]) {
        Species::Account
    } else if is(&["organizationalRole"]) && entry.has(Attr::RoleOccupant) {
        Species::Group
    } else {
        Species::Other
    }
}

/// Exports made with a list of attributes often lack the object class.
fn species_without_class(entry: &Entry) -> Species {
    // sAMAccountType ([MS-ADTS] 2.2.15): 0x3… users and computers, 0x1… and 0x2… groups.
    match entry.number(Attr::SamAccountType).map(|kind| kind >> 28) {
        Some(3) => return Species::Account,
        Some(1 | 2) => return Species::Group,
        Some(_) | None => {}
    }
    let has = |attrs: &[Attr]| attrs.iter().any(|attr| entry.has(*attr));
    if has(&[Attr::UserAccountControl, Attr::UserPrincipalName]) {
        Species::Account
    } else if has(&[Attr::Member, Attr::UniqueMember, Attr::MemberUid, Attr::GroupType]) {
        Species::Group
    } else if has(&[Attr::Uid]) {
        Species::Account
    } else {
        Species::Untold
    }
}

/// The id of an entry and how far it can be trusted.
pub(super) fn identify(entry: &Entry) -> (ObjectId, IdKind) {
    let uuid = entry
        .bytes(Attr::ObjectGuid)
        .and_then(values::object_guid)
        .or_else(|| values::uuid(entry.text(Attr::EntryUuid)?.trim()));
    if let Some(uuid) = uuid {
        return (ObjectId::Uuid(uuid), IdKind::Immutable);
    }
    match entry.string(Attr::NsUniqueId) {
        Some(id) => (ObjectId::Text(id.into_boxed_str()), IdKind::Immutable),
        None => (ObjectId::Text(entry.dn.as_str().into()), IdKind::Positional),
    }
}

/// The security identifier of an entry.
pub(super) fn sid(entry: &Entry) -> Option<String> {
    values::sid(entry.bytes(Attr::ObjectSid)?)
}

/// What mapping needs beside the entry.
#[derive(Debug, Clone, Copy)]
pub(super) struct Reading {
    /// The instant the entries were read, where it is known: decides what has expired.
    pub(super) at: Option<Timestamp>,
    /// Whether e-mail addresses count as verified.
    pub(super) emails_verified: bool,
}

/// A value that could not be read: the record field it belongs to, and the attribute.
pub(super) type Unread = (&'static str, Attr);

/// The account that `entry` is. Values that cannot be read are added to `unread` and cost only themselves.
pub(super) fn account(entry: &Entry, reading: Reading, unread: &mut Vec<Unread>) -> Account {
    let (id, id_kind) = identify(entry);
    let mut account = Account::new(id.text(), id_kind);
    let sid = sid(entry);
    let rid = sid.as_deref().and_then(values::split_sid).map(|(_, rid)| rid);
    account.login = entry
        .string(Attr::SamAccountName)
        .or_else(|| named(entry, Attr::Uid))
        .or_else(|| if is_bare_login(entry) { named(entry, Attr::Cn) } else { None });
    account.native_name = Some(entry.dn.clone());
    account.name =
        entry.string(Attr::DisplayName).or_else(|| named(entry, Attr::Cn)).or_else(|| entry.string(Attr::Name));
    account.emails = emails(entry);
    account.emails_verified = reading.emails_verified && !account.emails.is_empty();
    account.employee_id = entry.string(Attr::EmployeeId).or_else(|| entry.string(Attr::EmployeeNumber));
    if let Some((class, evidence)) = class(entry, rid) {
        account.class = Some(class);
        account.class_evidence = Some(evidence.into_owned());
    }
    account.affiliation = entry.text(Attr::EmployeeType).and_then(|word| affiliation(&word));
    account.is_root =
        sid.as_deref().is_some_and(|sid| sid.starts_with("S-1-5-21-")) && rid == Some(privileged::ADMINISTRATOR);
    account.owner = entry.string(Attr::ManagedBy);
    account.manager = entry.string(Attr::Manager);
    account.department = entry.string(Attr::Department);
    account.title = entry.string(Attr::Title);
    account.created = generalized(entry, &[Attr::WhenCreated, Attr::CreateTimestamp], "created", unread);
    if is_active_directory(entry) {
        active_directory(&mut account, entry, reading, unread);
    } else {
        posix_or_ppolicy(&mut account, entry, reading, unread);
    }
    account.attributes = evidence(entry);
    if let Some(sid) = sid {
        account.attributes.insert(Attr::ObjectSid.name().to_owned(), sid);
    }
    account.raw = Raw::Object(entry.raw(RAW_VALUES).0);
    account
}

fn is_active_directory(entry: &Entry) -> bool {
    [Attr::ObjectSid, Attr::ObjectGuid, Attr::UserAccountControl, Attr::SamAccountName]
        .iter()
        .any(|attr| entry.has(*attr))
}

/// The value of `attr` that names the entry, or else the first one.
fn named(entry: &Entry, attr: Attr) -> Option<String> {
    let mut texts = entry.texts(attr);
    let first = texts.next()?;
    if texts.next().is_none() {
        return Some(first.into_owned());
    }
    let naming = dn::first_rdn(&entry.dn).filter(|(name, _)| name.eq_ignore_ascii_case(attr.name()));
    let chosen = naming.and_then(|(_, value)| entry.texts(attr).find(|text| text.eq_ignore_ascii_case(value)));
    Some(chosen.unwrap_or(first).into_owned())
}

/// `mail` first, then Exchange's addresses: the primary one is marked `SMTP:`, aliases `smtp:`.
fn emails(entry: &Entry) -> Vec<String> {
    let mut emails: Vec<String> = Vec::new();
    let mut add = |address: &str| {
        let address = address.trim();
        if address.contains('@') && !emails.iter().any(|known| known.eq_ignore_ascii_case(address)) {
            emails.push(address.to_owned());
        }
    };
    entry.texts(Attr::Mail).for_each(|mail| add(&mail));
    for mark in ["SMTP:", "smtp:"] {
        entry
            .texts(Attr::ProxyAddresses)
            .filter_map(|text| Some(text.strip_prefix(mark)?.to_owned()))
            .for_each(|mail| add(&mail));
    }
    emails
}

fn class(entry: &Entry, rid: Option<u32>) -> Option<(AccountClass, Cow<'static, str>)> {
    const MANAGED: &[&str] =
        &["msDS-GroupManagedServiceAccount", "msDS-ManagedServiceAccount", "msDS-DelegatedManagedServiceAccount"];
    if let Some(class) = MANAGED.iter().find(|class| entry.is_a(class)) {
        return Some((AccountClass::Service, format!("objectClass={class}").into()));
    }
    match rid {
        Some(privileged::KRBTGT) => return Some((AccountClass::System, "RID 502 (krbtgt)".into())),
        Some(privileged::GUEST) => return Some((AccountClass::System, "RID 501 (Guest)".into())),
        Some(_) | None => {}
    }
    let uac = entry.number(Attr::UserAccountControl).unwrap_or_default();
    if uac & INTERDOMAIN_TRUST != 0 {
        return Some((AccountClass::System, "userAccountControl INTERDOMAIN_TRUST_ACCOUNT".into()));
    }
    // sAMAccountType 0x30000001: a machine account, where an export lacks the object class.
    if entry.is_a("computer") || entry.number(Attr::SamAccountType) == Some(0x3000_0001) {
        return Some((AccountClass::Device, "objectClass=computer".into()));
    }
    is_bare_login(entry).then(|| (AccountClass::Service, "objectClass=simpleSecurityObject without person".into()))
}

/// Whether the entry is a name and a password, and nobody's.
fn is_bare_login(entry: &Entry) -> bool {
    entry.is_a("simpleSecurityObject") && !PERSON.iter().chain(&["posixAccount"]).any(|class| entry.is_a(class))
}

fn affiliation(word: &str) -> Option<Affiliation> {
    Some(match word.trim().to_lowercase().as_str() {
        "employee" | "full-time employee" | "fte" => Affiliation::Employee,
        "contractor" | "contingent" | "contingent worker" | "external" | "freelancer" => Affiliation::Contractor,
        "guest" => Affiliation::Guest,
        "partner" => Affiliation::Partner,
        "vendor" | "supplier" => Affiliation::Vendor,
        _ => return None,
    })
}

fn active_directory(account: &mut Account, entry: &Entry, reading: Reading, unread: &mut Vec<Unread>) {
    // Every user object has accountExpires, pwdLastSet and lastLogon, be it as 0. One that does not come is withheld.
    account.expires = match file_time(entry, Attr::AccountExpires, "expires", unread) {
        Some(FileTime::Zero | FileTime::Forever) => Fact::Absent,
        Some(FileTime::At(instant)) => Fact::Known(instant),
        None => Fact::Unreadable,
    };
    account.password_changed = match file_time(entry, Attr::PwdLastSet, "password_changed", unread) {
        // 0: the password must be changed at the next sign-in; when it was set is lost.
        Some(FileTime::Zero | FileTime::Forever) => Fact::Absent,
        Some(FileTime::At(instant)) => Fact::Known(instant),
        None => Fact::Unreadable,
    };
    let replicated = file_time(entry, Attr::LastLogonTimestamp, "last_activity", unread);
    let here = file_time(entry, Attr::LastLogon, "last_activity", unread);
    let latest = [replicated, here].into_iter().filter_map(|time| match time {
        Some(FileTime::At(instant)) => Some(instant),
        Some(FileTime::Zero | FileTime::Forever) | None => None,
    });
    account.last_activity = match latest.max() {
        Some(instant) => Fact::Known(instant),
        // A value that is there but cannot be parsed is not "never".
        None if replicated.is_none() && entry.has(Attr::LastLogonTimestamp) => Fact::Unreadable,
        None if replicated.is_none() && here.is_none() => Fact::Unreadable,
        None => Fact::Never,
    };
    let Some(uac) = entry.number(Attr::UserAccountControl) else {
        if entry.has(Attr::UserAccountControl) {
            unread.push(("lifecycle", Attr::UserAccountControl));
        }
        account.interactive = Fact::Unreadable;
        return;
    };
    let computed = entry.number(Attr::UacComputed);
    let locked = computed.map_or_else(
        || entry.number(Attr::LockoutTime).is_some_and(|time| time != 0),
        |computed| computed & LOCKED != 0,
    );
    let password_expired = (computed.unwrap_or_default() | uac) & PASSWORD_EXPIRED != 0;
    account.lifecycle = if entry.text(Attr::IsDeleted).is_some_and(|word| word.eq_ignore_ascii_case("true")) {
        Lifecycle::Deleted
    } else if uac & DISABLED != 0 {
        Lifecycle::Disabled
    } else if account.expires.known().is_some_and(|instant| has_passed(*instant, reading.at)) {
        Lifecycle::Expired
    } else if locked {
        Lifecycle::Locked
    } else if password_expired {
        Lifecycle::Expired
    } else {
        Lifecycle::Active
    };
    let person = account.class.is_none() || account.class == Some(AccountClass::Human);
    account.interactive = Fact::Known(person && uac & NORMAL_ACCOUNT != 0);
    if uac & SMARTCARD_REQUIRED != 0 {
        account.mfa = Fact::Known(vec!["SMARTCARD_REQUIRED".to_owned()]);
    }
}

fn posix_or_ppolicy(account: &mut Account, entry: &Entry, reading: Reading, unread: &mut Vec<Unread>) {
    account.password_changed = match generalized(entry, &[Attr::PwdChangedTime], "password_changed", unread) {
        Fact::Unsupported => shadow(entry, Attr::ShadowLastChange, "password_changed", unread),
        fact => fact,
    };
    account.last_activity = latest_of(
        generalized(entry, &[Attr::PwdLastSuccess], "last_activity", unread),
        generalized(entry, &[Attr::AuthTimestamp], "last_activity", unread),
    );
    account.expires = match generalized(entry, &[Attr::PwdEndTime], "expires", unread) {
        Fact::Unsupported => shadow(entry, Attr::ShadowExpire, "expires", unread),
        fact => fact,
    };
    let truth = |attr| entry.text(attr).is_some_and(|word| word.eq_ignore_ascii_case("true"));
    let locked = entry.text(Attr::PwdAccountLockedTime);
    account.lifecycle = if truth(Attr::NsAccountLock)
        || truth(Attr::LoginDisabled)
        || locked.as_deref().is_some_and(|time| time.starts_with(LOCKED_FOR_GOOD))
    {
        Lifecycle::Disabled
    } else if account.expires.known().is_some_and(|instant| has_passed(*instant, reading.at)) {
        Lifecycle::Expired
    } else if locked.is_some() {
        Lifecycle::Locked
    } else {
        Lifecycle::Active
    };
}

fn latest_of(one: Fact<Timestamp>, other: Fact<Timestamp>) -> Fact<Timestamp> {
    match (one, other) {
        (Fact::Known(one), Fact::Known(other)) => Fact::Known(one.max(other)),
        (Fact::Unsupported, other) | (Fact::Unreadable, other @ Fact::Known(_)) => other,
        (one, _) => one,
    }
}

/// The first of `attrs` that is there, as an instant; [`Fact::Unsupported`] when none is.
fn generalized(entry: &Entry, attrs: &[Attr], field: &'static str, unread: &mut Vec<Unread>) -> Fact<Timestamp> {
    for attr in attrs {
        if let Some(text) = entry.text(*attr) {
            return values::generalized_time(&text).map_or_else(
                || {
                    unread.push((field, *attr));
                    Fact::Unreadable
                },
                Fact::Known,
            );
        }
    }
    Fact::Unsupported
}

fn file_time(entry: &Entry, attr: Attr, field: &'static str, unread: &mut Vec<Unread>) -> Option<FileTime> {
    let text = entry.text(attr)?;
    // Samba's tools and some exports print these as GeneralizedTime.
    let time = values::file_time(&text).or_else(|| values::generalized_time(&text).map(FileTime::At));
    if time.is_none() {
        unread.push((field, attr));
    }
    time
}

/// A shadow(5) day: empty, 0 (for a change) and -1 or 99999 (for an expiry) mean "none".
fn shadow(entry: &Entry, attr: Attr, field: &'static str, unread: &mut Vec<Unread>) -> Fact<Timestamp> {
    let Some(text) = entry.text(attr) else { return Fact::Unsupported };
    match values::shadow_day(&text) {
        Some(day) if !(0..99_999).contains(&day) || (day == 0 && attr == Attr::ShadowLastChange) => Fact::Absent,
        Some(day) => values::day_start(day).map_or(Fact::Unreadable, Fact::Known),
        None => {
            unread.push((field, attr));
            Fact::Unreadable
        }
    }
}

fn evidence(entry: &Entry) -> BTreeMap<String, String> {
    let mut kept = BTreeMap::new();
    for (attr, values) in entry.iter() {
        if EVIDENCE.contains(&attr) {
            let text = match values {
                [value] => String::from_utf8_lossy(value).into_owned(),
                _ => entry.texts(attr).collect::<Vec<_>>().join("; "),
            };
            if !text.is_empty() {
                kept.insert(attr.name().to_owned(), text);
            }
        }
    }
    if let Some(uac) = entry.number(Attr::UserAccountControl) {
        let uac = uac | entry.number(Attr::UacComputed).unwrap_or_default();
        let names: Vec<&str> = UAC.iter().filter(|(bit, _)| uac & bit != 0).map(|(_, name)| *name).collect();
        kept.insert(Attr::UserAccountControl.name().to_owned(), names.join(" "));
    }
    let history: Vec<String> = entry.values(Attr::SidHistory).iter().filter_map(|value| values::sid(value)).collect();
    if !history.is_empty() {
        kept.insert(Attr::SidHistory.name().to_owned(), history.join("; "));
    }
    kept
}

/// The group that `entry` is, and whether its raw object leaves its members out.
pub(super) fn group(entry: &Entry) -> (Group, bool) {
    let (id, id_kind) = identify(entry);
    let (raw, members_cut) = entry.raw(RAW_VALUES);
    let dynamic = entry.has(Attr::MemberUrl) || entry.is_a("groupOfURLs");
    let group = Group {
        id: id.text(),
        id_kind,
        name: entry.string(Attr::SamAccountName).or_else(|| named(entry, Attr::Cn)),
        native_name: Some(entry.dn.clone()),
        description: entry.string(Attr::Description),
        owner: entry.string(Attr::ManagedBy).or_else(|| entry.string(Attr::Owner)),
        rule: if dynamic { GroupRule::Dynamic } else { GroupRule::Assigned },
        self_join: Fact::Unsupported,
        privilege: privilege(entry),
        raw: Raw::Object(raw),
    };
    (group, members_cut)
}

fn privilege(entry: &Entry) -> Option<PrivilegeLevel> {
    let sid = sid(entry)?;
    let (domain, rid) = values::split_sid(&sid)?;
    privileged::of_group(domain, rid)
}
