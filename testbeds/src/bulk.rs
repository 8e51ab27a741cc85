//! Estates of any size, for benches and load tests: seeded and streamed.
//!
//! One model, [`Bulk`], is a pure function of its sizes and seed: row `n` of a table can be asked for without the rows
//! before it. [`Bulk::write`] puts it into CSV files with a `muster.toml`; the iterators feed a bench without any file.
//!
//! The mixture is that of a real company: of a hundred accounts 60 are linked by employee id, 35 by e-mail, two by login
//! alone, two are services and one is nobody's. Of a hundred people six have left, and one in twelve of their accounts is
//! still active; of a hundred accounts three were not used for months. About one grant in ten thousand dangles.

use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

use jiff::Timestamp;

use crate::estate::rng::Rng;

/// The instant at which a bulk estate is looked at; also the `now` of its `muster.toml`.
pub const NOW: &str = "2026-11-02T06:00:00Z";

/// Seconds of [`NOW`] since 1970.
const NOW_SECONDS: i64 = 1_793_599_200;
const DAY: i64 = 86_400;

const GIVEN: [&str; 32] = [
    "Mira", "Jonas", "Amina", "Emre", "Wanjiru", "Otieno", "Wei", "Mei", "Ines", "Tiago", "Aditi", "Arjun", "Emily",
    "Oliver", "Ewa", "Piotr", "Yuki", "Haruto", "Layla", "Omar", "Clara", "Felix", "Nia", "Juma", "Ling", "Bo",
    "Marta", "Rui", "Kavya", "Rohan", "Grace", "Nathan",
];
const FAMILY: [&str; 32] = [
    "Schneider",
    "Vogel",
    "Kaya",
    "Arslan",
    "Kariuki",
    "Mwangi",
    "Chen",
    "Zhang",
    "Ferreira",
    "Sousa",
    "Sharma",
    "Iyer",
    "Whitfield",
    "Carver",
    "Kowalczyk",
    "Nowicka",
    "Tanaka",
    "Suzuki",
    "Haddad",
    "Nasser",
    "Lindner",
    "Haas",
    "Njoroge",
    "Kiptoo",
    "Huang",
    "Xu",
    "Ribeiro",
    "Pinto",
    "Patel",
    "Menon",
    "Thorne",
    "Mercer",
];
const DEPARTMENTS: [&str; 8] =
    ["Engineering", "Sales", "Support", "Finance", "Operations", "Research", "Legal", "People"];

/// Sizes of an estate and the seed it grows from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Bulk {
    /// Everything depends on it, and on nothing else but the sizes.
    pub seed: u64,
    /// People in HR.
    pub people: u64,
    /// Accounts in all systems together.
    pub accounts: u64,
    /// Direct grants in all systems together.
    pub grants: u64,
    /// Group memberships in all systems together.
    pub memberships: u64,
    /// Systems that the accounts are spread over, at least 1.
    pub systems: u64,
}

impl Default for Bulk {
    /// A million accounts: the size that the speed targets speak of.
    fn default() -> Self {
        Self { seed: 1, people: 200_000, accounts: 1_000_000, grants: 5_000_000, memberships: 500_000, systems: 5 }
    }
}

/// A row of HR.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PersonRow {
    /// Employee id, unique.
    pub employee_id: String,
    /// Given and family name.
    pub name: String,
    /// Work e-mail, unique.
    pub email: String,
    /// `active`, or `terminated` with a last day.
    pub status: &'static str,
    /// First day, in days since 1970.
    pub start: i64,
    /// Last day, in days since 1970.
    pub end: Option<i64>,
    /// Employee id of the manager.
    pub manager: String,
    /// Department.
    pub department: &'static str,
}

/// A row of a system's accounts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AccountRow {
    /// Which system, below [`Bulk::systems`].
    pub system: u64,
    /// Unique in all systems.
    pub id: String,
    /// Sign-in name, unique within the system.
    pub login: String,
    /// Display name.
    pub name: String,
    /// E-mail, where the system has one.
    pub email: Option<String>,
    /// Employee id, where the system has one.
    pub employee_id: Option<String>,
    /// `human` or `service`.
    pub class: &'static str,
    /// `active` or `disabled`.
    pub status: &'static str,
    /// Seconds since 1970.
    pub created: i64,
    /// Seconds since 1970.
    pub last_activity: i64,
    /// Whose it is, for checking links; `None` for a service account or nobody's.
    pub person: Option<u64>,
}

/// A row of a system's grants.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GrantRow {
    /// Which system.
    pub system: u64,
    /// Account id.
    pub principal: String,
    /// Role name.
    pub entitlement: String,
    /// What it is held on.
    pub resource: String,
    /// Seconds since 1970.
    pub since: i64,
    /// `baseline`, `limited`, `privileged` or `admin`.
    pub privilege: &'static str,
}

/// A row of a system's memberships.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MembershipRow {
    /// Which system.
    pub system: u64,
    /// Account id, or group id.
    pub member: String,
    /// `account` or `group`.
    pub member_kind: &'static str,
    /// Group id.
    pub group: String,
}

/// A bulk file could not be written.
#[derive(Debug, thiserror::Error)]
#[error("cannot write `{}`: {source}; free the path, or disk space, or choose another folder", path.display())]
pub struct BulkError {
    /// The path that was tried.
    pub path: PathBuf,
    /// What the operating system answered.
    pub source: io::Error,
}

/// Groups that a system's memberships are spread over: one a hundred memberships, in chains of up to ten.
const MEMBERS_OF_A_GROUP: u64 = 100;

impl Bulk {
    fn rng(&self, table: u64, row: u64) -> Rng {
        Rng::new(self.seed.wrapping_mul(0x5851_f42d_4c95_7f2d) ^ (table << 56) ^ row)
    }

    /// Person number `row`, below [`Self::people`].
    pub fn person(&self, row: u64) -> PersonRow {
        let mut rng = self.rng(1, row);
        let (given, family) = (*rng.pick(&GIVEN), *rng.pick(&FAMILY));
        let today = NOW_SECONDS / DAY;
        let start = today - rng.between(600, 5000);
        let end = rng.chance(6).then(|| today - rng.between(5, 580));
        PersonRow {
            employee_id: format!("{row:07}"),
            name: format!("{given} {family}"),
            email: email(given, family, row),
            status: if end.is_some() { "terminated" } else { "active" },
            start,
            end,
            manager: if row == 0 { String::new() } else { format!("{:07}", row / 9) },
            department: rng.pick::<&str>(&DEPARTMENTS),
        }
    }

    /// Account number `row`, below [`Self::accounts`]. Neighbouring rows stand in different systems; a person has at most
    /// one account in each while there are at least `accounts / systems` people.
    pub fn account(&self, row: u64) -> AccountRow {
        let mut rng = self.rng(2, row);
        let system = row % self.systems.max(1);
        let id = format!("s{system}-{row}");
        let created = NOW_SECONDS - rng.between(30, 3000) * DAY;
        let idle = if rng.chance(3) { rng.between(120, 700) } else { rng.between(0, 60) };
        let last_activity = (NOW_SECONDS - idle * DAY - rng.between(0, 40_000)).max(created);
        let kind = rng.below(100);
        if kind >= 97 || self.people == 0 {
            let nobody = kind == 99;
            let login = if nobody { format!("ghost{row}") } else { format!("svc-{row}") };
            return AccountRow {
                system,
                id,
                name: login.clone(),
                login,
                email: None,
                employee_id: None,
                class: if nobody { "human" } else { "service" },
                status: "active",
                created,
                last_activity,
                person: None,
            };
        }
        let number = (row / self.systems.max(1)) % self.people;
        let person = self.person(number);
        let left = person.end.map(|day| day * DAY);
        // Made while its person worked here: a link by address alone is not believed across an employment gap.
        let created =
            created.max((person.start - 3) * DAY).min(left.map_or(NOW_SECONDS - 30 * DAY, |left| left - 10 * DAY));
        let disabled = if left.is_some() { !rng.chance(8) } else { rng.chance(1) };
        AccountRow {
            system,
            id,
            login: person.email.split('@').next().unwrap_or_default().to_owned(),
            name: person.name,
            email: (60..95).contains(&kind).then_some(person.email),
            employee_id: (kind < 60).then_some(person.employee_id),
            class: "human",
            status: if disabled { "disabled" } else { "active" },
            created,
            last_activity: left.map_or(last_activity, |left| last_activity.min(left - DAY)).max(created),
            person: Some(number),
        }
    }

    /// Grant number `row`, below [`Self::grants`].
    pub fn grant(&self, row: u64) -> GrantRow {
        let mut rng = self.rng(3, row);
        let holder = rng.below(self.accounts.max(1));
        let system = holder % self.systems.max(1);
        let dangling = rng.below(10_000) == 0;
        // A few roles are held by many, most by few: the smaller of two draws.
        let role = rng.below(2000).min(rng.below(2000));
        let resource = rng.below(10_000);
        GrantRow {
            system,
            principal: if dangling { format!("gone-{row}") } else { format!("s{system}-{holder}") },
            entitlement: format!("role-{role}"),
            resource: format!("resource-{resource}"),
            // Made of the key, so that a grant that is drawn twice is the same grant twice.
            since: NOW_SECONDS
                - (1 + i64::try_from((holder ^ (role * 7919) ^ (resource * 104_729)) % 2000).unwrap_or(0)) * DAY,
            privilege: match role {
                1995.. => "admin",
                1900.. => "privileged",
                200.. => "limited",
                _ => "baseline",
            },
        }
    }

    /// Membership number `row`, below [`Self::memberships`]. The first member of a group that does not start a chain is the
    /// group before it, so that groups nest up to ten deep and never in a circle.
    pub fn membership(&self, row: u64) -> MembershipRow {
        let mut rng = self.rng(4, row);
        let group = row / MEMBERS_OF_A_GROUP;
        let system = group / 10 % self.systems.max(1);
        let name = |group: u64| format!("s{system}-group-{group}");
        if row.is_multiple_of(MEMBERS_OF_A_GROUP) && !group.is_multiple_of(10) {
            return MembershipRow { system, member: name(group - 1), member_kind: "group", group: name(group) };
        }
        let systems = self.systems.max(1);
        let holder = rng.below((self.accounts / systems).max(1)) * systems + system;
        MembershipRow { system, member: format!("s{system}-{holder}"), member_kind: "account", group: name(group) }
    }

    /// Every person.
    pub fn all_people(self) -> impl Iterator<Item = PersonRow> {
        (0..self.people).map(move |row| self.person(row))
    }

    /// Every account.
    pub fn all_accounts(self) -> impl Iterator<Item = AccountRow> {
        (0..self.accounts).map(move |row| self.account(row))
    }

    /// Every grant.
    pub fn all_grants(self) -> impl Iterator<Item = GrantRow> {
        (0..self.grants).map(move |row| self.grant(row))
    }

    /// Every membership.
    pub fn all_memberships(self) -> impl Iterator<Item = MembershipRow> {
        (0..self.memberships).map(move |row| self.membership(row))
    }

    /// Writes `people.csv`, for every system its `accounts.csv`, `groups.csv`, `memberships.csv` and `grants.csv`, and a
    /// `muster.toml` that names them, below `folder`.
    ///
    /// # Errors
    /// [`BulkError`] for the first file that could not be written.
    pub fn write(&self, folder: &Path) -> Result<(), BulkError> {
        let systems = self.systems.max(1);
        let mut people =
            Table::new(folder, "people.csv", "Worker ID,Name,Email,Status,Worker Type,Start,End,Manager,Department")?;
        for person in self.all_people() {
            let (start, end) = (Day(person.start), person.end.map(|end| Day(end).to_string()).unwrap_or_default());
            let PersonRow { employee_id, name, email, status, manager, department, .. } = person;
            people.row(format_args!(
                "{employee_id},{name},{email},{status},employee,{start},{end},{manager},{department}"
            ))?;
        }
        people.finish()?;

        let tables = |file: &str, header: &str| {
            (0..systems)
                .map(|system| Table::new(folder, &format!("system-{system}/{file}"), header))
                .collect::<Result<Vec<_>, _>>()
        };
        let place = |system: u64| usize::try_from(system).expect("a few systems");
        let mut accounts = tables("accounts.csv", "Id,Login,Name,Email,Employee,Class,Status,Created,Last Activity")?;
        for account in self.all_accounts() {
            let (created, used) = (Instant(account.created), Instant(account.last_activity));
            let AccountRow { system, id, login, name, email, employee_id, class, status, .. } = account;
            let (email, employee) = (email.unwrap_or_default(), employee_id.unwrap_or_default());
            accounts[place(system)]
                .row(format_args!("{id},{login},{name},{email},{employee},{class},{status},{created},{used}"))?;
        }
        accounts.into_iter().try_for_each(Table::finish)?;

        let mut grants = tables("grants.csv", "Principal,Entitlement,Resource,Since,Privilege")?;
        for grant in self.all_grants() {
            let since = Instant(grant.since);
            let GrantRow { system, principal, entitlement, resource, privilege, .. } = grant;
            grants[place(system)].row(format_args!("{principal},{entitlement},{resource},{since},{privilege}"))?;
        }
        grants.into_iter().try_for_each(Table::finish)?;

        let mut groups = tables("groups.csv", "Id,Name")?;
        let mut memberships = tables("memberships.csv", "Member,Member Kind,Group")?;
        let mut last = None;
        for membership in self.all_memberships() {
            let MembershipRow { system, member, member_kind, group } = membership;
            if last.as_ref() != Some(&group) {
                groups[place(system)].row(format_args!("{group},{group}"))?;
                last = Some(group.clone());
            }
            memberships[place(system)].row(format_args!("{member},{member_kind},{group}"))?;
        }
        groups.into_iter().chain(memberships).try_for_each(Table::finish)?;

        let mut config = Table::new(folder, "muster.toml", self.config().trim_end())?;
        config.out.flush().map_err(|source| BulkError { path: config.path, source })
    }

    fn config(&self) -> String {
        let head = format!(
            r#"# {} people, {} accounts, {} grants, {} memberships, seed {}: written by `make_estate bulk`.

[muster]
timezone = "UTC"
now      = "{NOW}"

[[system]]
name      = "hr"
connector = "csv"
file      = "people.csv"
yields    = "people"
collected = "2026-11-02T04:00:00Z"
dates     = ["%Y-%m-%d"]
columns   = {{ employee_id = "Worker ID", legal_name = "Name", email = "Email", status = "Status", worker_type = "Worker Type", start = "Start", end = "End", manager = "Manager", department = "Department" }}
"#,
            self.people, self.accounts, self.grants, self.memberships, self.seed
        );
        (0..self.systems.max(1)).fold(head, |text, system| {
            text + &format!(
                r#"
[[system]]
name      = "system-{system}"
connector = "csv"
files     = {{ accounts = "system-{system}/accounts.csv", groups = "system-{system}/groups.csv", memberships = "system-{system}/memberships.csv", grants = "system-{system}/grants.csv" }}
collected = "2026-11-02T04:00:00Z"

[system.columns]
accounts    = {{ id = "Id", login = "Login", name = "Name", email = "Email", employee_id = "Employee", class = "Class", lifecycle = "Status", created = "Created", last_activity = "Last Activity" }}
groups      = {{ id = "Id", name = "Name" }}
memberships = {{ member = "Member", member_kind = "Member Kind", group = "Group" }}
grants      = {{ principal = "Principal", entitlement = "Entitlement", resource = "Resource", since = "Since", privilege = "Privilege" }}
"#
            )
        })
    }

    /// Writes an LDIF for `slapadd`: [`Self::people`] users as inetOrgPerson and [`Self::memberships`] memberships in groups
    /// as groupOfNames, below `dc=acme,dc=example`. The `memberOf` values are written too, because the overlay that would
    /// compute them does not run under `slapadd` (they need the `memberof` module loaded for their schema).
    ///
    /// # Errors
    /// [`BulkError`] when the file could not be written.
    pub fn write_ldif(&self, file: &Path, groups: u64) -> Result<(), BulkError> {
        let mut out = Table::open(file)?;
        // Without the `version: 1` of RFC 2849: slapadd takes it for an entry without a name.
        out.row(format_args!(
            "dn: {SUFFIX}\nobjectClass: top\nobjectClass: dcObject\nobjectClass: organization\ndc: acme\no: acme\n"
        ))?;
        for unit in ["people", "groups"] {
            out.row(format_args!(
                "dn: ou={unit},{SUFFIX}\nobjectClass: top\nobjectClass: organizationalUnit\nou: {unit}\n"
            ))?;
        }
        let (people, groups) = (self.people.max(1), groups.max(1));
        // Round after round of everybody, each round one group further, so that no pair repeats before `groups` rounds.
        let mut members = vec![Vec::new(); usize::try_from(groups).expect("groups that fit in memory")];
        let group_of = |membership: u64| (membership + membership / people) % groups;
        for membership in 0..self.memberships {
            members[usize::try_from(group_of(membership)).expect("below the number of groups")]
                .push(membership % people);
        }
        for number in 0..self.people {
            let person = self.person(number);
            let (given, family) = person.name.split_once(' ').unwrap_or((&person.name, ""));
            let uid = uid(number);
            out.row(format_args!(
                "dn: uid={uid},ou=people,{SUFFIX}\nobjectClass: top\nobjectClass: person\nobjectClass: organizationalPerson\nobjectClass: inetOrgPerson\nuid: {uid}\ncn: {name}\ngivenName: {given}\nsn: {family}\nmail: {mail}\nemployeeNumber: {id}\ndepartmentNumber: {department}",
                name = person.name, mail = person.email, id = person.employee_id, department = person.department
            ))?;
            let mut membership = number;
            while membership < self.memberships {
                out.row(format_args!("memberOf: cn=group{:04},ou=groups,{SUFFIX}", group_of(membership)))?;
                membership += people;
            }
            out.row(format_args!(""))?;
        }
        for (group, members) in members.iter().enumerate() {
            let dn = format!("cn=group{group:04},ou=groups,{SUFFIX}");
            out.row(format_args!("dn: {dn}\nobjectClass: top\nobjectClass: groupOfNames\ncn: group{group:04}"))?;
            if members.is_empty() {
                // groupOfNames must have a member (RFC 4519, 3.5): itself, when nobody is in it.
                out.row(format_args!("member: {dn}"))?;
            }
            for member in members {
                out.row(format_args!("member: uid={},ou=people,{SUFFIX}", uid(*member)))?;
            }
            out.row(format_args!(""))?;
        }
        out.finish()
    }
}

const SUFFIX: &str = "dc=acme,dc=example";

fn uid(number: u64) -> String {
    format!("u{number:06}")
}

fn email(given: &str, family: &str, number: u64) -> String {
    format!("{}.{}{number}@bulk.example", given.to_ascii_lowercase(), family.to_ascii_lowercase())
}

/// A file being written line by line.
struct Table {
    path: PathBuf,
    out: BufWriter<File>,
}

impl Table {
    fn open(path: &Path) -> Result<Self, BulkError> {
        let failed = |source| BulkError { path: path.to_owned(), source };
        if let Some(parent) = path.parent() {
            std::fs::create_dir_all(parent).map_err(failed)?;
        }
        let out = BufWriter::with_capacity(1 << 18, File::create(path).map_err(failed)?);
        Ok(Self { path: path.to_owned(), out })
    }

    fn new(folder: &Path, name: &str, header: &str) -> Result<Self, BulkError> {
        let mut table = Self::open(&folder.join(name))?;
        table.row(format_args!("{header}"))?;
        Ok(table)
    }

    fn row(&mut self, row: std::fmt::Arguments<'_>) -> Result<(), BulkError> {
        self.out
            .write_fmt(row)
            .and_then(|()| self.out.write_all(b"\n"))
            .map_err(|source| BulkError { path: self.path.clone(), source })
    }

    fn finish(mut self) -> Result<(), BulkError> {
        self.out.flush().map_err(|source| BulkError { path: self.path, source })
    }
}

/// Days since 1970, shown as `2026-01-02`.
struct Day(i64);

impl std::fmt::Display for Day {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}", at(self.0 * DAY).strftime("%Y-%m-%d"))
    }
}

/// Seconds since 1970, shown as `2026-01-02T03:04:05Z`.
struct Instant(i64);

impl std::fmt::Display for Instant {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}", at(self.0))
    }
}

fn at(seconds: i64) -> Timestamp {
    Timestamp::from_second(seconds).expect("the model stays within a lifetime of its now")
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    const SMALL: Bulk = Bulk { seed: 7, people: 200, accounts: 1000, grants: 3000, memberships: 2500, systems: 5 };

    #[test]
    fn now_is_the_same_instant_in_both_spellings() {
        assert_eq!(NOW.parse::<Timestamp>().unwrap().as_second(), NOW_SECONDS);
    }

    #[test]
    fn most_accounts_are_linked_and_no_person_has_two_in_one_system() {
        let mut seen = BTreeSet::new();
        let mut linked = 0;
        for account in SMALL.all_accounts() {
            let Some(person) = account.person else { continue };
            assert!(seen.insert((account.system, person)), "{account:?}");
            linked += u64::from(account.email.is_some() || account.employee_id.is_some());
        }
        assert!((930..=970).contains(&linked), "{linked}");
    }

    #[test]
    fn files_have_the_rows_that_the_iterators_yield_and_are_the_same_twice() {
        let (one, two) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        SMALL.write(one.path()).unwrap();
        SMALL.write(two.path()).unwrap();
        let mut rows = 0;
        for system in 0..SMALL.systems {
            for name in ["accounts.csv", "groups.csv", "memberships.csv", "grants.csv"] {
                let path = format!("system-{system}/{name}");
                let text = std::fs::read_to_string(one.path().join(&path)).unwrap();
                assert_eq!(text, std::fs::read_to_string(two.path().join(&path)).unwrap(), "{path}");
                if name != "groups.csv" {
                    rows += text.lines().count() as u64 - 1;
                }
                let mut reader = csv::Reader::from_reader(text.as_bytes());
                assert!(reader.records().all(|record| record.is_ok()), "{path}");
            }
        }
        assert_eq!(rows, SMALL.accounts + SMALL.grants + SMALL.memberships);
    }

    #[test]
    fn an_ldif_names_each_membership_once_at_each_end() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("bulk.ldif");
        Bulk { people: 98, memberships: 250, ..SMALL }.write_ldif(&file, 20).unwrap();
        let text = std::fs::read_to_string(file).unwrap();
        let (mut dn, mut up, mut down) = ("", BTreeSet::new(), BTreeSet::new());
        for line in text.lines() {
            if let Some(value) = line.strip_prefix("dn: ") {
                dn = value;
            } else if let Some(group) = line.strip_prefix("memberOf: ") {
                assert!(up.insert((group, dn)));
            } else if let Some(member) = line.strip_prefix("member: ") {
                assert!(down.insert((dn, member)));
            }
        }
        assert_eq!(up.len(), 250);
        assert_eq!(up, down);
    }
}
