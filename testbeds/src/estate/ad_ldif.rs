//! Active Directory as `ldapsearch -L` writes it: `ad/corp.ldif`.
//!
//! Attributes, well-known RIDs and flags are those of a Windows domain: [MS-ADTS] 3.1.1.2, [MS-SAMR] 2.2.1, [MS-DTYP] 2.4.2.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use jiff::{SignedDuration, Timestamp};

use super::clock::{at, filetime, generalized, now, shift, used_ago};
use super::company::{Company, Feed, Holds, Person, account_made, used_before};
use super::rng::{Rng, bytes_of, uuid_text};
use super::truth::Truth;

const BASE: &str = "DC=acme,DC=example";
const SYSTEM: &str = "corp-ad";
const NEVER: &str = "9223372036854775807";

// userAccountControl, [MS-ADTS] 2.2.16.
const NORMAL: u32 = 0x200;
const DISABLED: u32 = 0x2;
const NO_EXPIRY: u32 = 0x1_0000;
const WORKSTATION: u32 = 0x1000;
const CONTROLLER: u32 = 0x8_2000;

/// An attribute's value.
enum Value {
    Text(String),
    Bytes(Vec<u8>),
}

/// One entry, its attributes in the order written.
struct Entry {
    dn: String,
    attributes: Vec<(&'static str, Value)>,
}

/// A directory being filled.
struct Directory {
    entries: Vec<Entry>,
    /// Member DNs by group DN, in order.
    members: BTreeMap<String, Vec<String>>,
    next_rid: u32,
}

/// What differs between two sign-in accounts.
struct Login<'a> {
    name: &'a str,
    sam: &'a str,
    unit: &'a str,
    flags: u32,
    made: Timestamp,
    seen: Option<Timestamp>,
    description: Option<&'a str>,
    primary_group: u32,
}

impl<'a> Login<'a> {
    fn new(name: &'a str, sam: &'a str, unit: &'a str, made: &str, seen: Option<Timestamp>) -> Self {
        Self { name, sam, unit, flags: NORMAL | NO_EXPIRY, made: at(made), seen, description: None, primary_group: 513 }
    }

    fn described(mut self, text: &'a str) -> Self {
        self.description = Some(text);
        self
    }
}

/// The LDIF file; plants what is wrong in it.
pub(crate) fn corp(company: &Company, truth: &mut Truth) -> String {
    let mut directory = Directory { entries: Vec::new(), members: BTreeMap::new(), next_rid: 1103 };
    containers(&mut directory);
    well_known(&mut directory);
    departments(company, &mut directory);
    for person in company.people.iter().filter(|person| person.ad != Holds::Nothing) {
        staff(person, &mut directory, truth);
    }
    duplicate(company, &mut directory, truth);
    unowned(&mut directory, truth);
    administrators(company, &mut directory, truth);
    services(&mut directory, truth);
    shared(&mut directory, truth);
    machines(&mut directory);
    access_groups(company, &mut directory, truth);
    directory.finish()
}

/// The objectGUID of an entry as directories print it: the first three fields stand in the bytes in little-endian order.
pub(super) fn guid(dn: &str) -> String {
    let mut bytes = bytes_of(dn);
    bytes[..4].reverse();
    bytes[4..6].reverse();
    bytes[6..8].reverse();
    uuid_text(bytes)
}

fn sid(rid: u32) -> Vec<u8> {
    let mut bytes = vec![1, 5, 0, 0, 0, 0, 0, 5];
    for part in [21, 1_004_336_348, 1_177_238_915, 682_003_330, rid] {
        bytes.extend_from_slice(&u32::to_le_bytes(part));
    }
    bytes
}

fn builtin_sid(rid: u32) -> Vec<u8> {
    let mut bytes = vec![1, 2, 0, 0, 0, 0, 0, 5];
    bytes.extend_from_slice(&u32::to_le_bytes(32));
    bytes.extend_from_slice(&u32::to_le_bytes(rid));
    bytes
}

fn person_dn(person: &Person) -> String {
    let unit = match (person.ad, person.feed) {
        (Holds::Disabled, _) => "Disabled",
        (_, Feed::Hr) => "Staff",
        (_, Feed::Contractors) => "External",
    };
    format!("CN={},OU={unit},{BASE}", person.name())
}

/// sAMAccountName has room for 20 characters.
fn sam(local: &str) -> String {
    local.chars().take(20).collect()
}

impl Directory {
    fn rid(&mut self) -> u32 {
        self.next_rid += 1;
        self.next_rid
    }

    fn put(&mut self, dn: String, classes: &[&str], made: Timestamp) -> &mut Entry {
        let mut entry = Entry { dn, attributes: Vec::new() };
        for class in classes {
            entry.text("objectClass", class);
        }
        let name = entry.dn.split(['=', ',']).nth(1).unwrap_or_default().to_owned();
        let key = match classes.last() {
            Some(&"organizationalUnit") => "ou",
            Some(&"domainDNS") => "dc",
            _ => "cn",
        };
        let dn = entry.dn.clone();
        entry.text(key, &name).text("distinguishedName", &dn).text("instanceType", "4");
        entry.text("whenCreated", &generalized(made)).text("name", &name);
        entry.bytes("objectGUID", bytes_of(&dn).to_vec());
        self.entries.push(entry);
        self.entries.last_mut().expect("one was pushed")
    }

    fn login(&mut self, login: &Login<'_>, classes: &[&str], rid: u32) -> &mut Entry {
        let dn = format!("CN={},{}", login.name, under(login.unit));
        let mut rng = Rng::of(login.sam);
        let changed = used_ago(&mut rng, 6, 80).max(login.made);
        let entry = self.put(dn, classes, login.made);
        entry.text("userAccountControl", &login.flags.to_string()).text("badPwdCount", "0");
        entry.text("pwdLastSet", &filetime(changed)).text("primaryGroupID", &login.primary_group.to_string());
        entry.bytes("objectSid", sid(rid)).text("sAMAccountName", login.sam);
        if let Some(description) = login.description {
            entry.text("description", description);
        }
        // Of the controller that was asked; replicated to the others only every other week, and written at the first use.
        let here = login.seen.map_or_else(|| "0".to_owned(), filetime);
        entry.text("badPasswordTime", "0").text("lastLogoff", "0").text("lastLogon", &here);
        if login.seen.is_some() {
            entry.text("lastLogonTimestamp", &here);
        }
        entry
    }

    fn user(&mut self, login: &Login<'_>) -> &mut Entry {
        let rid = self.rid();
        self.user_with_rid(login, rid)
    }

    fn user_with_rid(&mut self, login: &Login<'_>, rid: u32) -> &mut Entry {
        self.login(login, &["top", "person", "organizationalPerson", "user"], rid)
            .text("sAMAccountType", "805306368")
            .text("accountExpires", NEVER)
            .text("objectCategory", &format!("CN=Person,CN=Schema,CN=Configuration,{BASE}"))
    }

    fn group(&mut self, name: &str, unit: &str, kind: i64, description: &str) -> &mut Entry {
        let rid = self.rid();
        self.group_with_sid(name, unit, kind, description, sid(rid))
    }

    fn group_with_sid(&mut self, name: &str, unit: &str, kind: i64, description: &str, sid: Vec<u8>) -> &mut Entry {
        let dn = format!("CN={name},{}", under(unit));
        self.put(dn, &["top", "group"], at("2014-01-20T09:00:00Z"))
            .bytes("objectSid", sid)
            .text("sAMAccountName", name)
            .text("groupType", &kind.to_string())
            .text("description", description)
            .text("objectCategory", &format!("CN=Group,CN=Schema,CN=Configuration,{BASE}"))
    }

    fn join(&mut self, group: &str, member: impl Into<String>) {
        self.members.entry(group.to_owned()).or_default().push(member.into());
    }

    /// Writes both ends of every membership, then everything.
    fn finish(mut self) -> String {
        let mut groups_of: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
        for (group, members) in &self.members {
            for member in members {
                groups_of.entry(member).or_default().push(group);
            }
        }
        for entry in &mut self.entries {
            for member in self.members.get(&entry.dn).into_iter().flatten() {
                entry.attributes.push(("member", Value::Text(member.clone())));
            }
            for group in groups_of.get(entry.dn.as_str()).into_iter().flatten() {
                entry.attributes.push(("memberOf", Value::Text((*group).to_owned())));
            }
        }
        let mut out = format!(
            "version: 1\n\n#\n# LDAPv3\n# base <{BASE}> with scope subtree\n# filter: (objectClass=*)\n# requesting: ALL\n# with pagedResults control: size=1000\n#\n\n"
        );
        for entry in &self.entries {
            entry.write(&mut out);
        }
        let entries = self.entries.len();
        let _ = write!(out, "# search result\n\n# numResponses: {}\n# numEntries: {entries}\n", entries + 1);
        out
    }
}

impl Entry {
    fn text(&mut self, name: &'static str, value: &str) -> &mut Self {
        self.attributes.push((name, Value::Text(value.to_owned())));
        self
    }

    fn bytes(&mut self, name: &'static str, value: Vec<u8>) -> &mut Self {
        self.attributes.push((name, Value::Bytes(value)));
        self
    }

    fn replace(&mut self, name: &'static str, value: &str) -> &mut Self {
        self.attributes.retain(|(present, _)| *present != name);
        self.text(name, value)
    }

    fn guid(&self) -> String {
        guid(&self.dn)
    }

    fn write(&self, out: &mut String) {
        let friendly: Vec<&str> = self.dn.split(',').filter(|part| !part.starts_with("DC=")).map(rdn_value).collect();
        let domain: Vec<&str> = self.dn.split(',').filter(|part| part.starts_with("DC=")).map(rdn_value).collect();
        let friendly = friendly.into_iter().chain([domain.join(".").as_str()]).collect::<Vec<_>>().join(", ");
        folded(out, "# ", &friendly);
        line(out, "dn", &Value::Text(self.dn.clone()));
        for (name, value) in &self.attributes {
            line(out, name, value);
        }
        out.push('\n');
    }
}

fn rdn_value(rdn: &str) -> &str {
    rdn.split_once('=').map_or(rdn, |(_, value)| value)
}

fn under(unit: &str) -> String {
    match unit {
        "Users" | "Builtin" | "Computers" | "Managed Service Accounts" | "ForeignSecurityPrincipals" => {
            format!("CN={unit},{BASE}")
        }
        _ => format!("OU={unit},{BASE}"),
    }
}

/// One attribute line: base64 where RFC 2849 asks for it.
fn line(out: &mut String, name: &str, value: &Value) {
    match value {
        Value::Text(text) if is_safe(text) => folded(out, &format!("{name}: "), text),
        Value::Text(text) => folded(out, &format!("{name}:: "), &BASE64.encode(text)),
        Value::Bytes(bytes) => folded(out, &format!("{name}:: "), &BASE64.encode(bytes)),
    }
}

/// SAFE-STRING of RFC 2849, note 8 (no trailing blank) included.
fn is_safe(text: &str) -> bool {
    text.bytes().all(|byte| byte.is_ascii() && !matches!(byte, 0 | b'\n' | b'\r'))
        && !text.starts_with([' ', ':', '<'])
        && !text.ends_with(' ')
}

/// A line of at most 78 columns, continued after a blank, as `ldapsearch` folds. A comment continues in the same way.
fn folded(out: &mut String, prefix: &str, text: &str) {
    const WIDTH: usize = 78;
    let mut column = 0;
    for letter in prefix.chars().chain(text.chars()) {
        if column == WIDTH {
            out.push_str("\n ");
            column = 1;
        }
        out.push(letter);
        column += 1;
    }
    out.push('\n');
}

fn containers(directory: &mut Directory) {
    let made = at("2014-01-20T08:30:00Z");
    // A domain's SID has four sub-authorities; its accounts add the fifth.
    let mut domain_sid = sid(0);
    domain_sid.truncate(24);
    domain_sid[1] = 4;
    directory.put(BASE.to_owned(), &["top", "domain", "domainDNS"], made).bytes("objectSid", domain_sid);
    for name in ["Users", "Builtin", "Computers", "Managed Service Accounts", "ForeignSecurityPrincipals"] {
        directory.put(under(name), &["top", "container"], made);
    }
    for name in [
        "Domain Controllers",
        "Staff",
        "External",
        "Disabled",
        "Admin Accounts",
        "Service Accounts",
        "Shared",
        "Groups",
        "Workstations",
        "Servers",
    ] {
        directory.put(under(name), &["top", "organizationalUnit"], made);
    }
}

// groupType, [MS-ADTS] 2.2.12: security groups of the three scopes, and builtin ones.
const GLOBAL: i64 = -2_147_483_646;
const LOCAL: i64 = -2_147_483_644;
const UNIVERSAL: i64 = -2_147_483_640;
const BUILTIN: i64 = -2_147_483_643;

const DOMAIN_ADMINS: &str = "CN=Domain Admins,CN=Users,DC=acme,DC=example";
const ADMINISTRATORS: &str = "CN=Administrators,CN=Builtin,DC=acme,DC=example";

/// What every domain has.
fn well_known(directory: &mut Directory) {
    let recent = Some(at("2026-10-13T07:55:00Z"));
    let made = "2014-01-20T08:31:00Z";
    directory
        .user_with_rid(
            &Login::new("Administrator", "Administrator", "Users", made, recent)
                .described("Built-in account for administering the computer/domain"),
            500,
        )
        .text("isCriticalSystemObject", "TRUE")
        .text("adminCount", "1");
    let mut guest = Login::new("Guest", "Guest", "Users", made, None)
        .described("Built-in account for guest access to the computer/domain");
    guest.flags = NORMAL | NO_EXPIRY | DISABLED | 0x20;
    guest.primary_group = 514;
    directory.user_with_rid(&guest, 501).text("isCriticalSystemObject", "TRUE");
    let mut krbtgt =
        Login::new("krbtgt", "krbtgt", "Users", made, None).described("Key Distribution Center Service Account");
    krbtgt.flags = NORMAL | DISABLED;
    directory
        .user_with_rid(&krbtgt, 502)
        .text("isCriticalSystemObject", "TRUE")
        .text("showInAdvancedViewOnly", "TRUE")
        .text("servicePrincipalName", "kadmin/changepw");

    for (rid, name, kind, description) in [
        (512, "Domain Admins", GLOBAL, "Designated administrators of the domain"),
        (513, "Domain Users", GLOBAL, "All domain users"),
        (514, "Domain Guests", GLOBAL, "All domain guests"),
        (515, "Domain Computers", GLOBAL, "All workstations and servers joined to the domain"),
        (516, "Domain Controllers", GLOBAL, "All domain controllers in the domain"),
        (518, "Schema Admins", UNIVERSAL, "Designated administrators of the schema"),
        (519, "Enterprise Admins", UNIVERSAL, "Designated administrators of the enterprise"),
        (520, "Group Policy Creator Owners", GLOBAL, "Members in this group can modify group policy for the domain"),
        (525, "Protected Users", GLOBAL, "Members of this group are afforded additional protections"),
    ] {
        directory.group_with_sid(name, "Users", kind, description, sid(rid)).text("isCriticalSystemObject", "TRUE");
    }
    for (rid, name, description) in [
        (544, "Administrators", "Administrators have complete and unrestricted access to the computer/domain"),
        (545, "Users", "Users are prevented from making accidental or intentional system-wide changes"),
        (546, "Guests", "Guests have the same access as members of the Users group by default"),
        (548, "Account Operators", "Members can administer domain user and group accounts"),
        (551, "Backup Operators", "Backup Operators can override security restrictions for backing up files"),
        (555, "Remote Desktop Users", "Members in this group are granted the right to logon remotely"),
    ] {
        directory
            .group_with_sid(name, "Builtin", BUILTIN, description, builtin_sid(rid))
            .text("isCriticalSystemObject", "TRUE");
    }
    // "Authenticated Users", and somebody of a trusted domain: known here by SID alone, and no dangling members.
    let authenticated = format!("CN=S-1-5-11,{}", under("ForeignSecurityPrincipals"));
    directory
        .put(authenticated.clone(), &["top", "foreignSecurityPrincipal"], at(made))
        .bytes("objectSid", vec![1, 1, 0, 0, 0, 0, 0, 5, 11, 0, 0, 0]);
    let administrator = format!("CN=Administrator,{}", under("Users"));
    let enterprise = format!("CN=Enterprise Admins,{}", under("Users"));
    for group in [DOMAIN_ADMINS, ADMINISTRATORS, &enterprise, &format!("CN=Schema Admins,{}", under("Users"))] {
        directory.join(group, administrator.clone());
    }
    directory.join(ADMINISTRATORS, DOMAIN_ADMINS);
    directory.join(ADMINISTRATORS, enterprise);
    let users = format!("CN=Users,{}", under("Builtin"));
    directory.join(&users, format!("CN=Domain Users,{}", under("Users")));
    directory.join(&users, authenticated);
    directory.join(&format!("CN=Guests,{}", under("Builtin")), format!("CN=Domain Guests,{}", under("Users")));
}

/// One group a department, all of them in one for everybody.
fn departments(company: &Company, directory: &mut Directory) {
    let all = group_dn("All Staff");
    directory.group("All Staff", "Groups", UNIVERSAL, "Everybody, by department");
    let mut names: Vec<&str> = company.people.iter().map(|person| person.department).collect();
    names.sort_unstable();
    names.dedup();
    for name in names {
        let group = department_group(name);
        directory.group(&group, "Groups", GLOBAL, name);
        directory.join(&all, group_dn(&group));
    }
}

fn group_dn(name: &str) -> String {
    format!("CN={name},{}", under("Groups"))
}

fn department_group(department: &str) -> String {
    let name: String = department.chars().filter(|letter| *letter != ',').collect();
    format!("DEP-{}", name.replace(" & ", "-").replace(' ', "-"))
}

/// A person's everyday account.
fn staff(person: &Person, directory: &mut Directory, truth: &mut Truth) {
    let mut rng = person.rng("ad");
    let made = account_made(person, "ad");
    let disabled = person.ad == Holds::Disabled;
    let ended = person.last_day.filter(|_| person.has_left() || person.overran());
    let seen = person.ad_seen.or_else(|| match ended {
        Some(last) => Some(used_before(&mut rng, last)),
        None if made > now() - SignedDuration::from_hours(24 * 14) => None,
        None => Some(used_ago(&mut rng, 1, 45).max(made)),
    });
    let name = person.name();
    let sam_name = sam(person.former.as_deref().unwrap_or(&person.local));
    let unit = match (disabled, person.feed) {
        (true, _) => "Disabled",
        (false, Feed::Hr) => "Staff",
        (false, Feed::Contractors) => "External",
    };
    let mut login = Login::new(&name, &sam_name, unit, "2014-01-20T09:00:00Z", seen);
    login.made = made;
    login.flags = NORMAL | if disabled { DISABLED } else { 0 };
    let email = person.email();
    let entry = directory.user(&login);
    entry.text("sn", &person.family).text("givenName", &person.given).text("displayName", &name);
    entry.text("userPrincipalName", &email).text("mail", &email).text("proxyAddresses", &format!("SMTP:{email}"));
    if let Some(former) = &person.former {
        entry.text("proxyAddresses", &format!("smtp:{former}@acme.example"));
    }
    entry.text("employeeID", &person.id).text("department", person.department).text("title", person.title);
    entry.text("l", person.place.city);
    if person.feed == Feed::Contractors {
        entry.text("company", person.company).text("employeeType", "Contractor");
        if let (false, Some(last), false) = (disabled, person.last_day, person.overran() || person.has_left()) {
            // Expires with the day after the last one.
            let expires = shift(last, 1).to_zoned(jiff::tz::TimeZone::UTC).expect("a day of this century");
            entry.replace("accountExpires", &filetime(expires.timestamp()));
        }
    }
    if person.local == "lucia.echeverria" {
        entry.text("lockoutTime", &filetime(at("2026-11-02T04:41:00Z"))).replace("badPwdCount", "6");
    }
    let id = entry.guid();
    let dn = entry.dn.clone();
    if !disabled {
        directory.join(&group_dn(&department_group(person.department)), dn);
    }
    person_truth(person, &id, truth);
}

/// What the person's story means for its directory account.
fn person_truth(person: &Person, id: &str, truth: &mut Truth) {
    let (case, story) = (person.case, person.story);
    if person.ad == Holds::Active && person.has_left() {
        truth.finding("LCM-001", SYSTEM, id, case, story);
    }
    if person.ad == Holds::Disabled && person.left_long_ago() {
        truth.finding("LCM-018", SYSTEM, id, "EDG-28", "left more than a year ago; the account is off and still kept");
    }
    if person.ad == Holds::Active && person.overran() {
        truth.finding("LCM-008", SYSTEM, id, case, story);
    }
    if matches!(person.local.as_str(), "priya.raghunathan" | "caio.figueiredo") {
        truth.finding("LCM-014", SYSTEM, id, case, story);
    }
    if matches!(person.local.as_str(), "greta.wallinder" | "emeka.nwosu-obi") {
        truth.finding("DOR-001", SYSTEM, id, case, story);
    }
    if !person.silent.is_empty() {
        truth.benign(person.silent, SYSTEM, id, case, story);
    }
}

/// A second everyday account of one person.
fn duplicate(company: &Company, directory: &mut Directory, truth: &mut Truth) {
    let person = company.get("lorenzo.quadrio");
    let mut login = Login::new("Lorenzo Quadrio (2)", "lorenzo.quadrio2", "Staff", "2026-03-11T10:02:00Z", None);
    login.seen = Some(at("2026-10-21T08:10:00Z"));
    login.flags = NORMAL;
    let entry = directory.user(&login);
    entry.text("sn", &person.family).text("givenName", &person.given).text("displayName", "Lorenzo Quadrio");
    entry.text("userPrincipalName", "lorenzo.quadrio2@acme.example").text("employeeID", &person.id);
    let second = entry.guid();
    truth.related(
        "ORP-005",
        SYSTEM,
        second,
        vec![guid(&person_dn(person)), person.id.clone()],
        "EDG-17",
        "two active everyday accounts with one employee id in one directory",
    );
}

/// Accounts that nobody in HR corresponds to.
fn unowned(directory: &mut Directory, truth: &mut Truth) {
    for (name, sam_name, unit, made, seen, why) in [
        (
            "Walter Pruitt",
            "walter.pruitt",
            "Staff",
            "2013-06-03T08:00:00Z",
            "2026-10-28T06:40:00Z",
            "made before there was an HR system; no HR record, and still in use",
        ),
        (
            "Bianca Esposito",
            "bianca.esposito",
            "Staff",
            "2025-05-19T08:00:00Z",
            "2026-10-12T12:01:00Z",
            "no HR record of that name, address or employee id",
        ),
        (
            "Lumatech Technician",
            "lumatech1",
            "External",
            "2024-09-02T13:30:00Z",
            "2026-10-19T14:22:00Z",
            "a supplier's person without a name, in no feed",
        ),
    ] {
        let mut login = Login::new(name, sam_name, unit, made, Some(at(seen)));
        login.flags = NORMAL;
        let entry = directory.user(&login);
        entry.text("displayName", name).text("userPrincipalName", &format!("{sam_name}@acme.example"));
        truth.finding("ORP-001", SYSTEM, entry.guid(), "orphan", why);
    }
    let mut login = Login::new("Theodora Blom", "theodora.blom", "Staff", "2026-11-01T19:30:00Z", None);
    login.flags = NORMAL;
    let entry = directory.user(&login);
    entry.text("displayName", "Theodora Blom").text("userPrincipalName", "theodora.blom@acme.example");
    truth.benign(
        &["ORP-001", "DOR-001"],
        SYSTEM,
        entry.guid(),
        "new",
        "made ten hours ago; HR has a day to catch up, and there was no time to use it",
    );
}

/// Separate administration accounts, and who becomes administrator by way of groups.
fn administrators(company: &Company, directory: &mut Directory, truth: &mut Truth) {
    directory.group("T0-Server-Admins", "Groups", GLOBAL, "Administrators of the server tier");
    directory.group("Helpdesk-L3", "Groups", GLOBAL, "Third level of the service desk");
    let (servers, helpdesk) = (group_dn("T0-Server-Admins"), group_dn("Helpdesk-L3"));
    for group in [&servers, &helpdesk] {
        truth.finding("ORP-007", SYSTEM, guid(group), "owner", "reaches Domain Admins, and managedBy names nobody");
    }
    directory.join(DOMAIN_ADMINS, servers.clone());
    directory.join(&servers, helpdesk.clone());
    for (local, group, why) in [
        ("ingrid.vestergaard", DOMAIN_ADMINS, "administration account, member of Domain Admins"),
        ("rafael.monteiro", DOMAIN_ADMINS, "administration account, member of Domain Admins"),
        ("petra.zelenka", ADMINISTRATORS, "administration account, member of the builtin Administrators"),
        ("chinedu.ezeudu", servers.as_str(), "member of T0-Server-Admins, which is a member of Domain Admins"),
    ] {
        let person = company.get(local);
        let name = format!("{} (admin)", person.name());
        let sam_name = sam(&format!("adm-{local}"));
        let description = format!("Administration account of {}", person.name());
        let mut login = Login::new(&name, &sam_name, "Admin Accounts", "2021-02-01T09:00:00Z", None);
        login.seen = Some(used_ago(&mut person.rng("adm"), 2, 20));
        login.flags = NORMAL;
        login.description = Some(&description);
        let entry = directory.user(&login);
        entry.text("userPrincipalName", &format!("adm-{local}@acme.example")).text("displayName", &name);
        entry.text("employeeID", &person.id).text("adminCount", "1");
        let (dn, id) = (entry.dn.clone(), entry.guid());
        directory.join(group, dn);
        truth.benign(
            &["ORP-005", "ORP-001"],
            SYSTEM,
            &id,
            "admin",
            "a separate administration account beside the everyday one: two classes, no duplicate",
        );
        truth.finding("XPR-004", SYSTEM, id, "nested", why);
    }
    let everyday = person_dn(company.get("oskar.lindqvist"));
    truth.finding(
        "XPR-004",
        SYSTEM,
        guid(&everyday),
        "nested",
        "an everyday account in Helpdesk-L3, which reaches Domain Admins through T0-Server-Admins",
    );
    directory.join(&helpdesk, everyday);
    // Two groups that contain each other: cycles are ordinary, and these lead nowhere.
    directory.group("Ops-A", "Groups", GLOBAL, "On call, even weeks");
    directory.group("Ops-B", "Groups", GLOBAL, "On call, odd weeks");
    let (even, odd) = (group_dn("Ops-A"), group_dn("Ops-B"));
    directory.join(&even, odd.clone());
    directory.join(&odd, even.clone());
    directory.join(&even, person_dn(company.get("ingrid.vestergaard")));
}

fn services(directory: &mut Directory, truth: &mut Truth) {
    let recent = Some(at("2026-10-30T02:00:00Z"));
    for (name, description) in [
        ("svc-backup", "Service account: backup of the server tier"),
        ("svc-legacy", "Service account: payroll interface"),
        ("svc-scanner", "Service account: vulnerability scanner"),
        ("svc-print", "Service account: print servers"),
        ("svc_monitor", "Service account: monitoring"),
        ("app-erp", "Application account of the ERP"),
    ] {
        let mut login =
            Login::new(name, name, "Service Accounts", "2019-05-06T11:00:00Z", recent).described(description);
        if name == "svc-scanner" {
            login.seen = Some(at("2025-09-28T03:12:00Z"));
        }
        if name == "svc-legacy" {
            login.primary_group = 512;
        }
        let entry = directory.user(&login);
        entry.text("servicePrincipalName", &format!("HTTP/{name}.acme.example"));
        let (dn, id) = (entry.dn.clone(), entry.guid());
        match name {
            "svc-backup" => {
                directory.join(&group_dn("T0-Server-Admins"), dn);
                truth.finding(
                    "XPR-004",
                    SYSTEM,
                    id,
                    "nested",
                    "a service account in T0-Server-Admins, which is a member of Domain Admins",
                );
            }
            "svc-legacy" => truth.finding(
                "XPR-004",
                SYSTEM,
                id,
                "primary-group",
                "its primary group is Domain Admins (primaryGroupID 512), which no member value shows",
            ),
            "svc-scanner" => {
                truth.finding("DOR-001", SYSTEM, id, "dormant", "a service account that last signed in 400 days ago");
            }
            _ => truth.benign(
                &["ORP-001", "DOR-001"],
                SYSTEM,
                id,
                "EDG-25",
                "a service account in use: no person stands behind it",
            ),
        }
    }
    let rid = directory.rid();
    let mut login = Login::new("gmsa-sql", "gmsa-sql$", "Managed Service Accounts", "2023-03-14T10:00:00Z", recent);
    login.flags = WORKSTATION;
    login.primary_group = 515;
    let classes = ["top", "person", "organizationalPerson", "user", "computer", "msDS-GroupManagedServiceAccount"];
    let entry = directory.login(&login, &classes, rid);
    entry.text("sAMAccountType", "805306369").text("accountExpires", NEVER);
    truth.benign(&["ORP-001", "DOR-001"], SYSTEM, entry.guid(), "EDG-25", "a group managed service account");
}

fn shared(directory: &mut Directory, truth: &mut Truth) {
    let old = Some(at("2025-12-01T10:00:00Z"));
    for (name, sam_name, disabled, description) in [
        ("Info", "info", true, "Shared mailbox"),
        ("Careers", "careers", true, "Shared mailbox"),
        ("Room Helsinki", "room-helsinki", false, "Meeting room"),
        ("Kiosk Lobby", "kiosk-lobby", false, "Kiosk in the lobby, Berlin"),
    ] {
        let mut login = Login::new(name, sam_name, "Shared", "2020-02-10T10:00:00Z", old).described(description);
        login.flags |= if disabled { DISABLED } else { 0 };
        let entry = directory.user(&login);
        entry.text("displayName", name).text("mail", &format!("{sam_name}@acme.example"));
        if sam_name == "kiosk-lobby" {
            truth.finding("AUT-005", SYSTEM, entry.guid(), "EDG-25", "a kiosk that nobody has approved as shared");
        }
        truth.benign(
            &["ORP-001", "DOR-001"],
            SYSTEM,
            entry.guid(),
            "EDG-25",
            "a shared mailbox, room or kiosk: it belongs to nobody and is not signed in to like an account of a person",
        );
    }
}

fn machines(directory: &mut Directory) {
    let classes = ["top", "person", "organizationalPerson", "user", "computer"];
    let names = (1..=24).map(|number| (format!("WS-{number:04}"), "Workstations", "Windows 11 Enterprise"));
    let servers = ["SRV-FILE1", "SRV-SQL1", "SRV-PRINT1", "SRV-ERP1"];
    let servers = servers.into_iter().map(|name| (name.to_owned(), "Servers", "Windows Server 2022 Standard"));
    let controllers = ["DC1", "DC2"];
    let controllers =
        controllers.into_iter().map(|name| (name.to_owned(), "Domain Controllers", "Windows Server 2022 Standard"));
    for (name, unit, system) in controllers.chain(servers).chain(names) {
        let mut rng = Rng::of(&name);
        let seen = if rng.chance(20) { used_ago(&mut rng, 120, 300) } else { used_ago(&mut rng, 1, 14) };
        let sam_name = format!("{name}$");
        let mut login = Login::new(&name, &sam_name, unit, "2022-01-17T10:00:00Z", Some(seen));
        (login.flags, login.primary_group) =
            if unit == "Domain Controllers" { (CONTROLLER, 516) } else { (WORKSTATION, 515) };
        let rid = directory.rid();
        let entry = directory.login(&login, &classes, rid);
        entry.text("sAMAccountType", "805306369").text("accountExpires", NEVER).text("operatingSystem", system);
        entry.text("dNSHostName", &format!("{}.acme.example", name.to_lowercase()));
    }
}

/// Groups that give something, with owners and members that are no more.
fn access_groups(company: &Company, directory: &mut Directory, truth: &mut Truth) {
    let left = person_dn(company.get("yusuf.demirtas"));
    let present = person_dn(company.get("beatriz.salgado"));
    directory.group("FS-Sales-RW", "Groups", LOCAL, "Write access to the sales share").text("managedBy", &left);
    let sales = group_dn("FS-Sales-RW");
    directory.join(&sales, group_dn(&department_group("Sales")));
    truth.related(
        "ORP-008",
        SYSTEM,
        guid(&sales),
        vec![company.get("yusuf.demirtas").id.clone()],
        "owner",
        "managedBy names somebody who left on 28 August",
    );
    directory.group("FS-Finance-RW", "Groups", LOCAL, "Write access to the finance share").text("managedBy", &present);
    let finance = group_dn("FS-Finance-RW");
    directory.join(&finance, group_dn(&department_group("Finance")));
    directory.group("VPN-Users", "Groups", GLOBAL, "Remote access");
    let vpn = group_dn("VPN-Users");
    directory.join(&vpn, group_dn(&department_group("IT Operations")));
    for (group, member) in
        [(&finance, format!("CN=Horst Ziegler,OU=Staff,{BASE}")), (&vpn, format!("CN=Ravi Joshi,OU=External,{BASE}"))]
    {
        truth.related(
            "ORP-006",
            SYSTEM,
            format!("{member}|{}|", guid(group)),
            vec![member.clone(), guid(group)],
            "dangling",
            "a member value inside the searched base that names no entry",
        );
        directory.join(group, member);
    }
    directory.group("Partner-Access", "Groups", LOCAL, "Share for the partner domain").text("managedBy", &present);
    let partner = group_dn("Partner-Access");
    directory.join(&partner, "CN=Jo Field,OU=People,DC=partner,DC=example");
    truth.benign(
        &["ORP-006"],
        SYSTEM,
        "CN=Jo Field,OU=People,DC=partner,DC=example",
        "EDG-26",
        "a member of another domain, outside the searched base: not read, so not missing",
    );
    let foreign = format!("CN=S-1-5-21-3623811015-3361044348-30300820-1013,{}", under("ForeignSecurityPrincipals"));
    directory.join(&partner, foreign.clone());
    let mut bytes = vec![1, 5, 0, 0, 0, 0, 0, 5];
    for part in [21, 3_623_811_015, 3_361_044_348, 30_300_820, 1013] {
        bytes.extend_from_slice(&u32::to_le_bytes(part));
    }
    let entry = directory.put(foreign.clone(), &["top", "foreignSecurityPrincipal"], at("2022-06-01T09:00:00Z"));
    entry.bytes("objectSid", bytes);
    truth.benign(
        &["ORP-006", "ORP-001"],
        SYSTEM,
        foreign,
        "EDG-26",
        "a foreign security principal: its entry is here, its account elsewhere",
    );
}
