//! The attributes we ask for, and an entry that holds nothing else.
//!
//! This list is also the allow-list of raw objects: an attribute that is not here is neither requested from a server
//! nor kept from a file, so that `userPassword`, `unicodePwd`, LAPS passwords, BitLocker keys or `nTSecurityDescriptor`
//! never enter a record.

use std::borrow::Cow;
use std::sync::LazyLock;

use base64::Engine as _;

use super::values;

/// The kind of directory, where it changes what to ask for and what an answer proves.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Flavour {
    /// Active Directory, AD LDS, Samba AD.
    ActiveDirectory,
    /// OpenLDAP, 389 Directory Server and other RFC 4512 directories.
    #[serde(rename = "openldap")]
    OpenLdap,
}

macro_rules! attributes {
    ($($variant:ident = $name:literal $served:ident,)+) => {
        /// An attribute we know, in the order of its lower-case name.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub(super) enum Attr { $($variant,)+ }

        impl Attr {
            /// Every attribute, sorted by lower-case name.
            pub(super) const ALL: &'static [Self] = &[$(Self::$variant,)+];
            const NAMES: &'static [&'static str] = &[$($name,)+];
            const SERVED: &'static [Served] = &[$(Served::$served,)+];
        }
    };
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Served {
    Ad,
    Open,
    Both,
}

attributes! {
    AccountExpires = "accountExpires" Ad,
    AdminCount = "adminCount" Ad,
    AuthTimestamp = "authTimestamp" Open,
    Cn = "cn" Both,
    Company = "company" Ad,
    CreateTimestamp = "createTimestamp" Open,
    Department = "department" Both,
    DepartmentNumber = "departmentNumber" Open,
    Description = "description" Both,
    DisplayName = "displayName" Both,
    EmployeeId = "employeeID" Ad,
    EmployeeNumber = "employeeNumber" Both,
    EmployeeType = "employeeType" Both,
    EntryUuid = "entryUUID" Open,
    GidNumber = "gidNumber" Both,
    GivenName = "givenName" Both,
    GroupType = "groupType" Ad,
    IsCriticalSystemObject = "isCriticalSystemObject" Ad,
    IsDeleted = "isDeleted" Ad,
    L = "l" Both,
    LastLogon = "lastLogon" Ad,
    LastLogonTimestamp = "lastLogonTimestamp" Ad,
    LockoutTime = "lockoutTime" Ad,
    LoginDisabled = "loginDisabled" Open,
    LoginShell = "loginShell" Both,
    Mail = "mail" Both,
    ManagedBy = "managedBy" Ad,
    Manager = "manager" Both,
    Member = "member" Both,
    MemberOf = "memberOf" Both,
    MemberUid = "memberUid" Open,
    MemberUrl = "memberURL" Open,
    Mobile = "mobile" Both,
    ExternalDirectoryObjectId = "msDS-ExternalDirectoryObjectId" Ad,
    UacComputed = "msDS-User-Account-Control-Computed" Ad,
    Name = "name" Ad,
    NsAccountLock = "nsAccountLock" Open,
    NsUniqueId = "nsUniqueId" Open,
    O = "o" Both,
    ObjectClass = "objectClass" Both,
    ObjectGuid = "objectGUID" Ad,
    ObjectSid = "objectSid" Ad,
    OperatingSystem = "operatingSystem" Ad,
    Ou = "ou" Both,
    Owner = "owner" Open,
    PhysicalDeliveryOfficeName = "physicalDeliveryOfficeName" Both,
    PrimaryGroupId = "primaryGroupID" Ad,
    ProxyAddresses = "proxyAddresses" Ad,
    PwdAccountLockedTime = "pwdAccountLockedTime" Open,
    PwdChangedTime = "pwdChangedTime" Open,
    PwdEndTime = "pwdEndTime" Open,
    PwdLastSet = "pwdLastSet" Ad,
    PwdLastSuccess = "pwdLastSuccess" Open,
    RoleOccupant = "roleOccupant" Open,
    SamAccountName = "sAMAccountName" Ad,
    SamAccountType = "sAMAccountType" Ad,
    ServicePrincipalName = "servicePrincipalName" Ad,
    ShadowExpire = "shadowExpire" Open,
    ShadowLastChange = "shadowLastChange" Open,
    SidHistory = "sIDHistory" Ad,
    Sn = "sn" Both,
    TelephoneNumber = "telephoneNumber" Both,
    Title = "title" Both,
    Uid = "uid" Both,
    UidNumber = "uidNumber" Both,
    UniqueMember = "uniqueMember" Open,
    UserAccountControl = "userAccountControl" Ad,
    UserPrincipalName = "userPrincipalName" Ad,
    WhenCreated = "whenCreated" Ad,
}

impl Attr {
    /// The name as the vendor writes it.
    pub(super) const fn name(self) -> &'static str {
        Self::NAMES[self as usize]
    }

    /// The attribute called `name`, in any case; `None` for one that we do not keep.
    pub(super) fn find(name: &str) -> Option<Self> {
        // Asked for every attribute of every entry, so without allocation.
        let mut lower = [0; LONGEST_NAME];
        let lower = lower.get_mut(..name.len())?;
        lower.copy_from_slice(name.as_bytes());
        lower.make_ascii_lowercase();
        let position = LOWER_NAMES.binary_search_by(|known| known.as_bytes().cmp(lower)).ok()?;
        Self::ALL.get(position).copied()
    }

    /// The names to request from a directory of this flavour.
    pub(super) fn requested(flavour: Flavour) -> Vec<&'static str> {
        let wanted = match flavour {
            Flavour::ActiveDirectory => Served::Ad,
            Flavour::OpenLdap => Served::Open,
        };
        let served = Self::NAMES.iter().zip(Self::SERVED);
        served.filter(|(_, served)| **served == wanted || **served == Served::Both).map(|(name, _)| *name).collect()
    }

    /// A bit of its own.
    pub(super) const fn bit(self) -> u128 {
        const { assert!(Self::ALL.len() <= 128) };
        1 << self as u32
    }

    /// Whether values are bytes rather than text.
    pub(super) const fn is_binary(self) -> bool {
        matches!(self, Self::ObjectGuid | Self::ObjectSid | Self::SidHistory)
    }

    /// Whether values name members of a group.
    pub(super) const fn is_member(self) -> bool {
        matches!(self, Self::Member | Self::UniqueMember | Self::RoleOccupant | Self::MemberUid)
    }
}

/// Longest name of an attribute we know.
const LONGEST_NAME: usize = 40;

/// Every name in lower case, in the order of [`Attr::ALL`].
static LOWER_NAMES: LazyLock<Vec<String>> =
    LazyLock::new(|| Attr::NAMES.iter().map(|name| name.to_ascii_lowercase()).collect());

/// An attribute description (RFC 4512 section 2.5) of one we keep.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Described {
    /// The attribute.
    pub(super) attr: Attr,
    /// The part of the values that is given, when the server gives only a part.
    pub(super) range: Option<Range>,
}

/// The part of a ranged answer ([MS-ADTS] 3.1.1.3.1.3.3): `member;range=0-1499`, or `1500-*` for the last part.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Range {
    /// First value, from 0.
    pub(super) low: u64,
    /// Last value; `None` when these are the last ones.
    pub(super) high: Option<u64>,
}

/// Reads an attribute description; `None` for attributes that we do not keep and for other languages' variants.
pub(super) fn describe(description: &str) -> Option<Described> {
    let mut parts = description.split(';');
    let attr = Attr::find(parts.next()?)?;
    let mut range = None;
    for option in parts {
        if let Some(text) = option.get(..6).filter(|start| start.eq_ignore_ascii_case("range=")).map(|_| &option[6..]) {
            let (low, high) = text.split_once('-')?;
            range =
                Some(Range { low: low.parse().ok()?, high: if high == "*" { None } else { Some(high.parse().ok()?) } });
        } else if !option.eq_ignore_ascii_case("binary") {
            return None;
        }
    }
    Some(Described { attr, range })
}

/// An entry, reduced to the attributes we keep.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Entry {
    /// Distinguished name, as the source writes it.
    pub(super) dn: String,
    values: Vec<(Attr, Vec<Vec<u8>>)>,
}

impl Entry {
    /// An entry without values.
    pub(super) fn new(dn: String) -> Self {
        Self { dn, values: Vec::with_capacity(24) }
    }

    /// Adds values; those of an attribute that is already there are appended.
    pub(super) fn add(&mut self, attr: Attr, mut values: Vec<Vec<u8>>) {
        match self.values.iter_mut().rev().find(|(known, _)| *known == attr) {
            Some((_, known)) => known.append(&mut values),
            None => self.values.push((attr, values)),
        }
    }

    /// Adds one value.
    pub(super) fn add_one(&mut self, attr: Attr, value: Vec<u8>) {
        match self.values.iter_mut().rev().find(|(known, _)| *known == attr) {
            Some((_, known)) => known.push(value),
            None => self.values.push((attr, vec![value])),
        }
    }

    /// Takes the values of an attribute out.
    pub(super) fn take(&mut self, attr: Attr) -> Vec<Vec<u8>> {
        let found = self.values.iter_mut().find(|(known, _)| *known == attr);
        found.map(|(_, values)| std::mem::take(values)).unwrap_or_default()
    }

    /// Every attribute with its values.
    pub(super) fn iter(&self) -> impl Iterator<Item = (Attr, &[Vec<u8>])> {
        self.values.iter().map(|(attr, values)| (*attr, values.as_slice()))
    }

    /// The values of an attribute; empty when it is not there.
    pub(super) fn values(&self, attr: Attr) -> &[Vec<u8>] {
        self.values.iter().find(|(known, _)| *known == attr).map_or(&[], |(_, values)| values)
    }

    /// Whether the attribute has a value.
    pub(super) fn has(&self, attr: Attr) -> bool {
        !self.values(attr).is_empty()
    }

    /// The first value as bytes.
    pub(super) fn bytes(&self, attr: Attr) -> Option<&[u8]> {
        self.values(attr).first().map(Vec::as_slice)
    }

    /// The first value as text that is not empty; bytes that are not UTF-8 are replaced.
    pub(super) fn text(&self, attr: Attr) -> Option<Cow<'_, str>> {
        self.texts(attr).next()
    }

    /// The values as text, without the empty ones.
    pub(super) fn texts(&self, attr: Attr) -> impl Iterator<Item = Cow<'_, str>> {
        let texts = self.values(attr).iter().map(|value| String::from_utf8_lossy(value));
        texts.filter(|text| !text.trim().is_empty())
    }

    /// The first value as an owned text.
    pub(super) fn string(&self, attr: Attr) -> Option<String> {
        self.text(attr).map(Cow::into_owned)
    }

    /// The first value as a number.
    pub(super) fn number(&self, attr: Attr) -> Option<i64> {
        self.text(attr)?.trim().parse().ok()
    }

    /// Whether the entry has the object class.
    pub(super) fn is_a(&self, class: &str) -> bool {
        self.values(Attr::ObjectClass).iter().any(|value| value.eq_ignore_ascii_case(class.as_bytes()))
    }

    /// The raw object as JSON: the DN and every kept attribute, sorted by name, values in the source's order.
    ///
    /// Attributes of more than `most` values are left out and counted as `"<name>#"`, so that a group of a million
    /// members does not become one JSON text. Returns whether that happened to an attribute that names members.
    pub(super) fn raw(&self, most: usize) -> (String, bool) {
        let mut sorted: Vec<&(Attr, Vec<Vec<u8>>)> = self.values.iter().collect();
        sorted.sort_unstable_by_key(|(attr, _)| *attr);
        let mut json = String::with_capacity(1024);
        let mut cut = false;
        json.push_str("{\"dn\":");
        push_json(&mut json, &self.dn);
        for (attr, values) in sorted {
            json.push_str(",\"");
            json.push_str(attr.name());
            if values.len() > most {
                cut |= attr.is_member();
                json.push_str("#\":");
                json.push_str(&values.len().to_string());
                continue;
            }
            json.push_str("\":[");
            for (position, value) in values.iter().enumerate() {
                if position > 0 {
                    json.push(',');
                }
                push_value(&mut json, *attr, value);
            }
            json.push(']');
        }
        json.push('}');
        (json, cut)
    }
}

fn push_value(json: &mut String, attr: Attr, value: &[u8]) {
    let text = if attr == Attr::ObjectGuid {
        values::object_guid(value).map(|guid| Cow::Owned(values::uuid_text(&guid)))
    } else if attr.is_binary() {
        values::sid(value).map(Cow::Owned)
    } else {
        std::str::from_utf8(value).ok().map(Cow::Borrowed)
    };
    if let Some(text) = text {
        push_json(json, &text);
    } else {
        json.push_str("{\"base64\":\"");
        base64::engine::general_purpose::STANDARD.encode_string(value, json);
        json.push_str("\"}");
    }
}

/// Appends a JSON string (RFC 8259 section 7). Most values need no escape, which makes this worth its lines: it runs
/// for every value of every entry.
fn push_json(json: &mut String, text: &str) {
    json.push('"');
    if text.bytes().all(|byte| byte >= 0x20 && byte != b'"' && byte != b'\\') {
        json.push_str(text);
    } else {
        for character in text.chars() {
            match character {
                '"' => json.push_str("\\\""),
                '\\' => json.push_str("\\\\"),
                '\0'..='\x1f' => {
                    json.push_str("\\u00");
                    json.extend(char::from_digit(u32::from(character) >> 4, 16));
                    json.extend(char::from_digit(u32::from(character) & 15, 16));
                }
                _ => json.push(character),
            }
        }
    }
    json.push('"');
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_list_is_sorted_and_holds_no_secret() {
        let lower: Vec<String> = Attr::NAMES.iter().map(|name| name.to_ascii_lowercase()).collect();
        assert!(lower.is_sorted());
        assert!(lower.iter().all(|name| name.len() <= LONGEST_NAME));
        for attr in Attr::ALL {
            assert_eq!(Attr::find(&attr.name().to_uppercase()), Some(*attr));
        }
        for secret in ["userPassword", "unicodePwd", "ms-Mcs-AdmPwd", "msLAPS-Password", "nTSecurityDescriptor"] {
            assert_eq!(Attr::find(secret), None, "{secret}");
        }
    }

    #[test]
    fn ranges_and_options_are_told_apart() {
        let member = |range| Some(Described { attr: Attr::Member, range });
        assert_eq!(describe("member"), member(None));
        assert_eq!(describe("member;range=0-1499"), member(Some(Range { low: 0, high: Some(1499) })));
        assert_eq!(describe("MEMBER;Range=1500-*"), member(Some(Range { low: 1500, high: None })));
        assert_eq!(describe("cn;lang-de"), None);
        assert_eq!(describe("member;range=x-y"), None);
        assert_eq!(describe("mémber;é"), None);
    }

    #[test]
    fn raw_is_json_whatever_the_values_are() {
        let mut entry = Entry::new("cn=\"a\"\n\\".to_owned());
        entry.add(Attr::Cn, vec![b"tab\there".to_vec(), vec![0xff]]);
        entry.add(Attr::Member, vec![b"cn=x".to_vec(); 3]);
        let (json, cut) = entry.raw(2);
        assert!(cut);
        let value: serde_json::Value = serde_json::from_str(&json).unwrap();
        assert_eq!(value["dn"], "cn=\"a\"\n\\");
        assert_eq!(value["cn"][0], "tab\there");
        assert_eq!(value["cn"][1]["base64"], "/w==");
        assert_eq!(value["member#"], 3);
    }
}
