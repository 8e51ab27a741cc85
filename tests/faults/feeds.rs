//! The feeds of the company in every format, sound or struck by a fault.

use std::fmt::Write as _;
use std::path::Path;

use muster_testbeds::scripted_http::{Request, Response, ScriptedHttp};
use muster_testbeds::scripted_ldap::{self, ScriptedLdap};
use serde_json::{Value, json};

use crate::model::{Fault, NIGHTS, Table, accounts, grants, people};

/// Users on a page.
const PAGE: usize = 10;

/// A feed in one format.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Feed {
    HrCsv,
    HrXlsx,
    HrJsonl,
    HrExec,
    Contractors,
    Ldif,
    LdapLive,
    ScimFiles,
    ScimLive,
    SaasCsv,
    SaasXlsx,
    SaasJsonl,
    SaasExec,
    Grants,
    Aws,
}

/// Servers that a night needs as long as it lasts.
pub(crate) type Servers = Vec<Box<dyn std::any::Any>>;

impl Feed {
    pub(crate) const ALL: [Self; 15] = [
        Self::HrCsv,
        Self::HrXlsx,
        Self::HrJsonl,
        Self::HrExec,
        Self::Contractors,
        Self::Ldif,
        Self::LdapLive,
        Self::ScimFiles,
        Self::ScimLive,
        Self::SaasCsv,
        Self::SaasXlsx,
        Self::SaasJsonl,
        Self::SaasExec,
        Self::Grants,
        Self::Aws,
    ];

    pub(crate) fn is_people(self) -> bool {
        matches!(self, Self::HrCsv | Self::HrXlsx | Self::HrJsonl | Self::HrExec | Self::Contractors)
    }

    /// The system that the feed is read as.
    pub(crate) fn system(self) -> &'static str {
        match self {
            Self::HrCsv | Self::HrXlsx | Self::HrJsonl | Self::HrExec => "hr",
            Self::Contractors => "contractors",
            Self::Grants => "app",
            Self::Ldif | Self::LdapLive => "directory",
            Self::ScimFiles | Self::ScimLive => "scim",
            Self::SaasCsv | Self::SaasXlsx | Self::SaasJsonl | Self::SaasExec => "saas",
            Self::Aws => "aws",
        }
    }

    /// Has a header that can shift or change.
    pub(crate) fn has_header(self) -> bool {
        matches!(
            self,
            Self::HrCsv
                | Self::HrXlsx
                | Self::HrJsonl
                | Self::Contractors
                | Self::SaasCsv
                | Self::SaasXlsx
                | Self::SaasJsonl
                | Self::Grants
        )
    }

    /// Is asked on the spot and says nothing of when it was taken.
    pub(crate) fn is_live(self) -> bool {
        matches!(self, Self::LdapLive | Self::ScimLive | Self::HrExec | Self::SaasExec)
    }

    /// Comes in pages or parts.
    pub(crate) fn has_pages(self) -> bool {
        matches!(self, Self::LdapLive | Self::ScimFiles | Self::ScimLive | Self::Aws)
    }

    /// Writes the files of one night and its config; `fault` befalls this feed and no other.
    pub(crate) fn write(self, folder: &Path, night: usize, fault: Option<Fault>, servers: &mut Servers) {
        let mut config = format!("[muster]\nnow = \"{}\"\n\n", NIGHTS[night]);
        let befalls = |feed: Self| fault.filter(|_| feed == self);
        let hr = if self.is_people() && self != Self::Contractors { self } else { Self::HrCsv };
        for feed in [hr, Self::Contractors] {
            config += &feed.one(folder, night, befalls(feed), servers);
        }
        config += &if self.is_people() {
            Self::SaasCsv.one(folder, night, None, servers)
        } else {
            self.one(folder, night, befalls(self), servers)
        };
        std::fs::write(folder.join("muster.toml"), config).unwrap();
    }

    fn table(self, fault: Option<Fault>) -> Table {
        let mut table = match self {
            Self::Contractors => people("C", 12),
            Self::Grants => grants(),
            _ if self.is_people() => people("E", 40),
            _ => accounts(),
        };
        if let Some(fault) = fault {
            fault.befall(&mut table);
        }
        table
    }

    /// One system's files, and its part of the config.
    fn one(self, folder: &Path, night: usize, fault: Option<Fault>, servers: &mut Servers) -> String {
        let table = self.table(fault);
        let name = self.system();
        let collected = match fault {
            Some(Fault::Stale) => "2026-10-20T05:00:00Z".to_owned(),
            Some(Fault::ClockSkew) => NIGHTS[night].replace("T06:", "T09:"),
            _ => NIGHTS[night].replace("T06:", "T05:"),
        };
        let mut config = format!("[[system]]\nname = \"{name}\"\n");
        let dated = format!("max_age = \"48h\"\ncollected = \"{collected}\"\n");
        let put = |file: &str, bytes: Vec<u8>| {
            if fault == Some(Fault::Forbidden) {
                let _gone = std::fs::remove_file(folder.join(file));
                return;
            }
            let path = folder.join(file);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, fault.map_or(bytes.clone(), |fault| fault.damage(bytes))).unwrap();
        };
        match self {
            Self::HrCsv | Self::SaasCsv | Self::Contractors => {
                let delimiter = if self == Self::Contractors { ";" } else { "," };
                put(&format!("{name}.csv"), csv(&table, delimiter, fault).into_bytes());
                config += &format!(
                    "connector = \"csv\"\nfile = \"{name}.csv\"\ndelimiter = \"{delimiter}\"\n{dated}{}",
                    self.columns()
                );
            }
            Self::HrXlsx | Self::SaasXlsx => {
                put(&format!("{name}.xlsx"), xlsx(&table, fault));
                config += &format!("connector = \"csv\"\nfile = \"{name}.xlsx\"\n{dated}{}", self.columns());
            }
            Self::HrJsonl | Self::SaasJsonl => {
                put(&format!("{name}.jsonl"), jsonl(&table, fault).into_bytes());
                config += &format!("connector = \"csv\"\nfile = \"{name}.jsonl\"\n{dated}{}", self.columns());
            }
            Self::Grants => {
                std::fs::write(folder.join("accounts.csv"), csv(&accounts(), ",", None)).unwrap();
                put("grants.csv", csv(&table, ",", fault).into_bytes());
                config += "connector = \"csv\"\nfiles = { accounts = \"accounts.csv\", grants = \"grants.csv\" }\n";
                config += &dated;
                config += "[system.columns.accounts]\n";
                config += &mapping(&accounts());
                config += "[system.columns.grants]\n";
                config += &mapping(&grants());
            }
            Self::HrExec | Self::SaasExec => {
                let yields = if self == Self::HrExec { "\"persons\", \"employments\"" } else { "\"accounts\"" };
                let mut lines = if self == Self::HrExec { exec_people(&table) } else { exec_accounts(&table) };
                lines.push_str("{\"end\": true}\n");
                put(&format!("{name}.out"), lines.into_bytes());
                config += &format!("connector = \"exec\"\ncommand = [\"cat\", \"{name}.out\"]\nyields = [{yields}]\n");
            }
            Self::Ldif => {
                put("directory.ldif", ldif(&table).into_bytes());
                config += &format!("connector = \"ldap\"\nfile = \"directory.ldif\"\n{dated}");
            }
            Self::LdapLive => {
                let server = ldap(&table, fault);
                config += &format!(
                    "connector = \"ldap\"\nurl = \"{}\"\nbase = \"dc=x,dc=example\"\nbind_dn = \"cn=reader\"\ncredential = {{ file = \"token\" }}\npage_size = {PAGE}\n",
                    server.url()
                );
                servers.push(Box::new(server));
            }
            Self::ScimFiles => {
                let _old = std::fs::remove_dir_all(folder.join("scim"));
                let users: Vec<Value> = table.rows.iter().map(|row| scim_user(&table, row)).collect();
                for (number, page) in pages(&users, fault).into_iter().enumerate() {
                    put(&format!("scim/users-{number}.json"), scim_page(&page, users.len()).to_string().into_bytes());
                }
                config += &format!("connector = \"scim\"\nfolder = \"scim\"\n{dated}");
                std::fs::create_dir_all(folder.join("scim")).unwrap();
                std::fs::write(folder.join("scim/groups-0.json"), scim_page(&[scim_group(&users)], 1).to_string())
                    .unwrap();
            }
            Self::ScimLive => {
                let server = scim(&table, fault);
                config += &format!(
                    "connector = \"scim\"\nurl = \"{}/v2\"\ncredential = {{ file = \"token\" }}\npage_size = {PAGE}\n",
                    server.url()
                );
                servers.push(Box::new(server));
            }
            Self::Aws => {
                aws(folder, &table, fault);
                config += &format!("connector = \"aws\"\nfolder = \"aws\"\n{dated}");
            }
        }
        std::fs::write(folder.join("token"), "t0ken\n").unwrap();
        config + "\n"
    }

    /// The keys that say what a table's columns are.
    fn columns(self) -> String {
        let (yields, table) = if self.is_people() { ("people", people("E", 1)) } else { ("accounts", accounts()) };
        format!("yields = \"{yields}\"\n[system.columns]\n{}", mapping(&table))
    }
}

fn mapping(table: &Table) -> String {
    table.header.iter().map(|heading| format!("{heading} = \"{heading}\"\n")).collect()
}

/// The header as the fault leaves it: moved by one column, or with another word for the e-mail.
fn header(table: &Table, fault: Option<Fault>) -> Vec<String> {
    let mut header = table.header.clone();
    match fault {
        Some(Fault::ShiftedHeader) => header.rotate_left(1),
        Some(Fault::RenamedHeader) => {
            let at = header.iter().position(|heading| heading == "email" || heading == "entitlement").unwrap();
            header[at] = "Neue Spalte".to_owned();
        }
        _ => {}
    }
    header
}

fn csv(table: &Table, delimiter: &str, fault: Option<Fault>) -> String {
    let rows = std::iter::once(header(table, fault)).chain(table.rows.clone());
    rows.map(|row| row.join(delimiter) + "\n").collect()
}

fn xlsx(table: &Table, fault: Option<Fault>) -> Vec<u8> {
    let mut book = rust_xlsxwriter::Workbook::new();
    let sheet = book.add_worksheet();
    for (row, cells) in std::iter::once(&header(table, fault)).chain(&table.rows).enumerate() {
        for (column, cell) in cells.iter().enumerate() {
            sheet.write(u32::try_from(row).unwrap(), u16::try_from(column).unwrap(), cell.as_str()).unwrap();
        }
    }
    book.save_to_buffer().unwrap()
}

fn jsonl(table: &Table, fault: Option<Fault>) -> String {
    let header = header(table, fault);
    let object = |row: &Vec<String>| {
        let pairs = header.iter().zip(row).map(|(heading, cell)| (heading.clone(), Value::from(cell.as_str())));
        Value::Object(pairs.collect())
    };
    table.rows.iter().map(|row| format!("{}\n", object(row))).collect()
}

fn filled(text: &str) -> Value {
    if text.is_empty() { Value::Null } else { text.into() }
}

fn exec_people(table: &Table) -> String {
    let mut lines = String::new();
    for row in &table.rows {
        let get = |name| table.get(row, name);
        let emails: Vec<&str> = Some(get("email")).filter(|email| !email.is_empty()).into_iter().collect();
        let id = get("employee_id");
        let person = json!({ "record": "person", "id": id, "legal_name": get("legal_name"), "emails": emails, "employee_ids": [id] });
        let employment = json!({
            "record": "employment", "id": id, "person": id, "employee_id": id, "status": get("status"),
            "start": filled(get("start")), "end": filled(get("end")), "recorded": get("recorded"),
        });
        writeln!(lines, "{person}\n{employment}").unwrap();
    }
    lines
}

fn exec_accounts(table: &Table) -> String {
    let mut lines = String::new();
    for row in &table.rows {
        let get = |name| table.get(row, name);
        let emails: Vec<&str> = Some(get("email")).filter(|email| !email.is_empty()).into_iter().collect();
        let account = json!({
            "record": "account", "id": get("id"), "login": get("login"), "name": get("name"), "emails": emails, "class": "human",
            "employee_id": filled(get("employee_id")), "created": get("created"), "lifecycle": "active",
        });
        writeln!(lines, "{account}").unwrap();
    }
    lines
}

/// `20250107090500Z`, as directories write it.
fn generalized(instant: &str) -> String {
    instant.replace(['-', ':', 'T'], "")
}

fn ldif(table: &Table) -> String {
    let mut text = "dn: dc=x,dc=example\nobjectClass: dcObject\nobjectClass: organization\ndc: x\no: x\nentryUUID: \
                    00000000-0000-4000-9000-000000000001\n\n"
        .to_owned();
    for row in &table.rows {
        let get = |name| table.get(row, name);
        writeln!(text, "dn: uid={},dc=x,dc=example\nobjectClass: inetOrgPerson\nuid: {0}", get("login")).unwrap();
        writeln!(
            text,
            "cn: {0}\nsn: {0}\ncreateTimestamp: {1}\nentryUUID: {2}",
            get("name"),
            generalized(get("created")),
            get("id")
        )
        .unwrap();
        for (attribute, column) in [("mail", "email"), ("employeeNumber", "employee_id")] {
            if !get(column).is_empty() {
                writeln!(text, "{attribute}: {}", get(column)).unwrap();
            }
        }
        text.push('\n');
    }
    text
}

/// Active Directory, in pages.
fn ldap(table: &Table, fault: Option<Fault>) -> ScriptedLdap {
    let text = |text: &str| vec![text.as_bytes().to_vec()];
    let mut entries: Vec<(String, scripted_ldap::Attributes)> = vec![(
        "dc=x,dc=example".to_owned(),
        vec![
            ("objectClass".to_owned(), [text("top"), text("domainDNS")].concat()),
            ("objectGUID".to_owned(), vec![vec![1; 16]]),
        ],
    )];
    for row in &table.rows {
        let get = |name| table.get(row, name);
        let number: u128 = get("id").rsplit_once('-').unwrap().1.parse().unwrap();
        let mut attributes = vec![
            (
                "objectClass".to_owned(),
                ["top", "person", "organizationalPerson", "user"].map(|c| c.as_bytes().to_vec()).to_vec(),
            ),
            ("objectGUID".to_owned(), vec![(number + (7 << 100)).to_be_bytes().to_vec()]),
            ("sAMAccountName".to_owned(), text(get("login"))),
            ("cn".to_owned(), text(get("name"))),
            ("displayName".to_owned(), text(get("name"))),
            ("userAccountControl".to_owned(), text("512")),
            ("primaryGroupID".to_owned(), text("513")),
            ("accountExpires".to_owned(), text("0")),
            ("pwdLastSet".to_owned(), text("133000000000000000")),
            ("lastLogonTimestamp".to_owned(), text("133000000000000000")),
            ("whenCreated".to_owned(), text(&generalized(get("created")).replace('Z', ".0Z"))),
        ];
        for (attribute, column) in [("mail", "email"), ("employeeID", "employee_id")] {
            if !get(column).is_empty() {
                attributes.push((attribute.to_owned(), text(get(column))));
            }
        }
        entries.push((format!("cn={},dc=x,dc=example", get("login")), attributes));
    }
    // Every user stands in the group, as users do: what a page hides, its members still name.
    let members = entries[1..].iter().map(|(dn, _)| dn.as_bytes().to_vec()).collect();
    entries.insert(
        1,
        (
            "cn=everyone,dc=x,dc=example".to_owned(),
            vec![
                ("objectClass".to_owned(), [text("top"), text("group")].concat()),
                ("objectGUID".to_owned(), vec![vec![2; 16]]),
                ("sAMAccountName".to_owned(), text("everyone")),
                ("cn".to_owned(), text("everyone")),
                ("member".to_owned(), members),
            ],
        ),
    );
    let sound = scripted_ldap::active_directory(entries, PAGE, 1500);
    let befall = move |request: &scripted_ldap::Request| {
        let scripted_ldap::Request::Search(search) = request else { return sound(request) };
        let is_list = search.scope == 2 && !search.base.is_empty();
        let second = search.cookie == PAGE.to_string().into_bytes();
        match fault {
            Some(Fault::Forbidden) if is_list => {
                vec![scripted_ldap::Reply::Done(50, "insufficient access".to_owned(), None)]
            }
            Some(Fault::Truncated) if is_list && second => vec![scripted_ldap::Reply::Cut],
            Some(Fault::DroppedPage) if is_list && second => {
                // The page is skipped, and the server goes on as if nothing were missing.
                let done = sound(request).into_iter().filter(|reply| !matches!(reply, scripted_ldap::Reply::Entry(..)));
                done.collect()
            }
            // Nor does it show them to who asks for them by name.
            Some(Fault::DroppedPage) if search.scope == 0 && search.base.starts_with("cn=e1") => {
                vec![scripted_ldap::Reply::Done(32, String::new(), None)]
            }
            Some(Fault::RepeatedPage) if is_list && second => {
                let first = scripted_ldap::Search { cookie: Vec::new(), ..search.clone() };
                let entries = sound(&scripted_ldap::Request::Search(first)).into_iter();
                let mut replies: Vec<_> =
                    entries.filter(|reply| matches!(reply, scripted_ldap::Reply::Entry(..))).collect();
                replies.extend(
                    sound(request).into_iter().filter(|reply| !matches!(reply, scripted_ldap::Reply::Entry(..))),
                );
                replies
            }
            _ => sound(request),
        }
    };
    ScriptedLdap::start(befall).unwrap()
}

fn scim_user(table: &Table, row: &[String]) -> Value {
    let get = |name| table.get(row, name);
    let mut user = json!({
        "schemas": ["urn:ietf:params:scim:schemas:core:2.0:User"],
        "id": get("id"), "userName": get("login"), "displayName": get("name"), "active": true,
        "meta": { "resourceType": "User", "created": get("created") },
    });
    if !get("email").is_empty() {
        user["emails"] = json!([{ "value": get("email"), "primary": true }]);
    }
    if !get("employee_id").is_empty() {
        let extension = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User";
        user[extension] = json!({ "employeeNumber": get("employee_id") });
    }
    user
}

/// A group of the first three users.
fn scim_group(users: &[Value]) -> Value {
    let members: Vec<Value> = users.iter().take(3).map(|user| json!({ "value": user["id"], "type": "User" })).collect();
    json!({
        "schemas": ["urn:ietf:params:scim:schemas:core:2.0:Group"],
        "id": "staff", "displayName": "staff", "members": members, "meta": { "resourceType": "Group" },
    })
}

fn scim_page(users: &[Value], total: usize) -> Value {
    json!({
        "schemas": ["urn:ietf:params:scim:api:messages:2.0:ListResponse"],
        "totalResults": total, "itemsPerPage": users.len(), "startIndex": 1, "Resources": users,
    })
}

fn pages(users: &[Value], fault: Option<Fault>) -> Vec<Vec<Value>> {
    let mut pages: Vec<Vec<Value>> = users.chunks(PAGE).map(<[Value]>::to_vec).collect();
    match fault {
        Some(Fault::DroppedPage) => drop(pages.remove(1)),
        Some(Fault::RepeatedPage) => pages[1] = pages[0].clone(),
        _ => {}
    }
    if pages.is_empty() {
        pages.push(Vec::new());
    }
    pages
}

fn scim(table: &Table, fault: Option<Fault>) -> ScriptedHttp {
    let users: Vec<Value> = table.rows.iter().map(|row| scim_user(table, row)).collect();
    ScriptedHttp::start(move |request: &Request| {
        let ahead = if fault == Some(Fault::ClockSkew) { 3 } else { 0 };
        let now = jiff::Timestamp::now() + jiff::SignedDuration::from_hours(ahead);
        let date = jiff::fmt::rfc2822::DateTimePrinter::new().timestamp_to_rfc9110_string(&now).unwrap();
        let start = request.query("startIndex").and_then(|start| start.parse::<usize>().ok()).unwrap_or(1).max(1) - 1;
        let reply = match request.path.as_str() {
            "/v2/ServiceProviderConfig" => Response::json("{}"),
            "/v2/Groups" => Response::json(scim_page(&[scim_group(&users)], 1).to_string()),
            "/v2/Users" if fault == Some(Fault::Forbidden) => Response::status(403),
            "/v2/Users" => {
                let start = match fault {
                    Some(Fault::RepeatedPage) if start >= PAGE && start < 2 * PAGE => 0,
                    Some(Fault::DroppedPage) if start >= PAGE && start < 2 * PAGE => users.len(),
                    _ => start,
                };
                let page: Vec<Value> = users.iter().skip(start).take(PAGE).cloned().collect();
                let reply = Response::json(scim_page(&page, users.len()).to_string());
                if fault == Some(Fault::Truncated) && start >= PAGE { reply.cut_in_the_middle() } else { reply }
            }
            _ => Response::status(404),
        };
        reply.header("date", &date)
    })
}

/// The columns of IAM's credential report.
const REPORT: [&str; 22] = [
    "user",
    "arn",
    "user_creation_time",
    "password_enabled",
    "password_last_used",
    "password_last_changed",
    "password_next_rotation",
    "mfa_active",
    "access_key_1_active",
    "access_key_1_last_rotated",
    "access_key_1_last_used_date",
    "access_key_1_last_used_region",
    "access_key_1_last_used_service",
    "access_key_2_active",
    "access_key_2_last_rotated",
    "access_key_2_last_used_date",
    "access_key_2_last_used_region",
    "access_key_2_last_used_service",
    "cert_1_active",
    "cert_1_last_rotated",
    "cert_2_active",
    "cert_2_last_rotated",
];

/// Two accounts of an organisation; who has no e-mail as a user name is not joined.
fn aws(folder: &Path, table: &Table, fault: Option<Fault>) {
    let _old = std::fs::remove_dir_all(folder.join("aws"));
    // A page that was exported twice stands in the file of its own account.
    let times = if fault == Some(Fault::Doubled) { 2 } else { 1 };
    let rows = &table.rows[..table.rows.len() / times];
    let half = rows.len().div_ceil(2).max(1);
    let mut parts: Vec<Vec<Vec<String>>> =
        rows.chunks(half).map(|part| std::iter::repeat_n(part, times).flatten().cloned().collect()).collect();
    parts.resize(2, Vec::new());
    let accounts = ["111122223333", "444455556666"];
    for (part, account) in parts.iter().zip(accounts) {
        let second = account == accounts[1];
        if second && matches!(fault, Some(Fault::DroppedPage | Fault::Forbidden)) {
            std::fs::create_dir_all(folder.join("aws").join(account)).unwrap();
            continue;
        }
        let rows = if second && fault == Some(Fault::RepeatedPage) { &parts[0] } else { part };
        let users: Vec<Value> = rows
            .iter()
            .map(|row| {
                let name = Some(table.get(row, "email")).filter(|email| !email.is_empty()).unwrap_or(table.get(row, "login"));
                let id = table.get(row, "id").rsplit_once('-').unwrap().1;
                // A page that is sent in another's place still names the account it is about.
                let of = if fault == Some(Fault::RepeatedPage) { accounts[0] } else { account };
                json!({
                    "Path": "/", "UserName": name, "UserId": format!("AIDA{id}"), "Arn": format!("arn:aws:iam::{of}:user/{name}"),
                    "CreateDate": table.get(row, "created"), "GroupList": [], "AttachedManagedPolicies": [], "Tags": [],
                })
            })
            .collect();
        let details = json!({ "UserDetailList": users, "GroupDetailList": [], "RoleDetailList": [], "Policies": [] });
        let path = folder.join("aws").join(account);
        std::fs::create_dir_all(&path).unwrap();
        let mut bytes = details.to_string().into_bytes();
        match fault.filter(|_| second) {
            // As PowerShell writes what a program prints, without the mark that says so.
            Some(Fault::WrongEncoding) => {
                let text = String::from_utf8(bytes).unwrap();
                bytes = text.encode_utf16().flat_map(u16::to_le_bytes).collect();
            }
            Some(fault) => bytes = fault.damage(bytes),
            None => {}
        }
        std::fs::write(path.join("authorization-details.json"), bytes).unwrap();
        let mut report = format!("{}\n", REPORT.join(","));
        let root = vec![
            "<root_account>".to_owned(),
            "2025-01-01T00:00:00+00:00".to_owned(),
            format!("arn:aws:iam::{account}:root"),
        ];
        let users = users
            .iter()
            .map(|user| ["UserName", "CreateDate", "Arn"].map(|key| user[key].as_str().unwrap().to_owned()).to_vec());
        for user in std::iter::once(root).chain(users) {
            let (name, created, arn) = (&user[0], &user[1], &user[2]);
            let rest = ["true", created, created, "N/A", "true"]
                .into_iter()
                .chain(REPORT[8..].iter().map(|column| if column.ends_with("active") { "false" } else { "N/A" }));
            writeln!(report, "{name},{arn},{created},{}", rest.collect::<Vec<_>>().join(",")).unwrap();
        }
        std::fs::write(path.join("credential-report.csv"), report).unwrap();
    }
}
