//! One scan over real servers: OpenLDAP, Active Directory (Samba), an AWS organisation of five accounts (moto), a SCIM service
//! and an HR file. Then one of them goes away, a role is revoked, the HR file is cut: each is named, and nothing is concluded
//! from what is missing.
#![allow(clippy::unwrap_used, reason = "a test stops on any error")]

mod muster_cmd;

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::io::{Read, Write};
use std::net::{Ipv4Addr, Shutdown, SocketAddr, TcpListener, TcpStream};
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use jiff::{Timestamp, ToSpan as _};
use muster_cmd::{Folder, Ran, Report, list, text};
use muster_testbeds::moto::Moto;
use muster_testbeds::python;
use muster_testbeds::samba::{self, Samba};
use muster_testbeds::scim_server::{Paging, ScimServer};
use muster_testbeds::slapd::{self, ROOT_LDIF, SCANNER, SUFFIX, Setup, Slapd};
use serde_json::json;

const TOKEN: &str = "t0ken-of-the-scim-service";

// ---------------------------------------------------------------------------------------------------------------------
// The estate

/// Who works here, who left, and nobody else.
const PEOPLE: &str = "\
employee_id,legal_name,email,status,start,end
E1,Ann Archer,ann.archer@acme.example,active,2020-01-01,
E2,Bea Baker,bea.baker@acme.example,terminated,2020-01-01,2026-01-31
E3,Cid Cooper,cid.cooper@acme.example,active,2020-01-01,
E4,Dora Draper,dora.draper@acme.example,active,2020-01-01,
E5,Eve Ember,eve.ember@acme.example,active,2020-01-01,
E6,Finn Fuller,finn.fuller@acme.example,active,2020-01-01,
E1815,Ada Lovelace,ada.lovelace@acme.example,active,2020-01-01,
";

const DOMAIN: &str = "\
dn: OU=Staff,DC=acme,DC=test
objectClass: organizationalUnit
ou: Staff

dn: CN=Ann Archer,OU=Staff,DC=acme,DC=test
objectClass: user
sAMAccountName: ann
mail: ann.archer@acme.example
employeeID: E1
userAccountControl: 544

dn: CN=Bea Baker,OU=Staff,DC=acme,DC=test
objectClass: user
sAMAccountName: bea
mail: bea.baker@acme.example
employeeID: E2
userAccountControl: 544

dn: CN=Cid Cooper,OU=Staff,DC=acme,DC=test
objectClass: user
sAMAccountName: cid
mail: cid.cooper@acme.example
employeeID: E3
userAccountControl: 546

dn: CN=Inner,OU=Staff,DC=acme,DC=test
objectClass: group
sAMAccountName: Inner
member: CN=Ann Archer,OU=Staff,DC=acme,DC=test

dn: CN=Outer,OU=Staff,DC=acme,DC=test
objectClass: group
sAMAccountName: Outer
member: CN=Inner,OU=Staff,DC=acme,DC=test
";

/// `count` people, of whom the first four work here and the others are nobody, and one group with a member that is gone.
fn directory(count: usize) -> String {
    let mut ldif = ROOT_LDIF.to_owned();
    for n in 1..=count {
        write!(
            ldif,
            "dn: uid=user{n},{SUFFIX}\nobjectClass: inetOrgPerson\nuid: user{n}\ncn: User {n}\nsn: {n}\nemployeeNumber: \
             E{n}\n\n"
        )
        .unwrap();
    }
    write!(
        ldif,
        "dn: cn=staff,{SUFFIX}\nobjectClass: groupOfNames\ncn: staff\nmember: uid=user1,{SUFFIX}\nmember: \
         uid=user{count},{SUFFIX}\nmember: uid=gone,{SUFFIX}\n"
    )
    .unwrap();
    ldif
}

fn hr() -> String {
    "[[system]]\nname = \"hr\"\nconnector = \"csv\"\nfile = \"people.csv\"\nyields = \"people\"\n".to_owned()
}

fn ldap(url: &str) -> String {
    format!(
        "\n[[system]]\nname = \"directory\"\nconnector = \"ldap\"\nurl = \"{url}\"\nbase = \"{SUFFIX}\"\nbind_dn = \
         \"{SCANNER}\"\ncredential = {{ env = \"DIRECTORY_PASSWORD\" }}\npage_size = 500\n"
    )
}

fn active_directory(server: &Samba) -> String {
    format!(
        "\n[[system]]\nname = \"corp-ad\"\nconnector = \"ldap\"\nurl = \"{}\"\nbase = \"{}\"\nbind_dn = \"{}\"\ncredential = {{ \
         env = \"DOMAIN_PASSWORD\" }}\nca_file = \"{}\"\ncanaries = [\"CN=Domain Admins,CN=Users,{}\"]\n",
        server.ldaps_url(),
        samba::SUFFIX,
        samba::ADMINISTRATOR,
        server.ca_file().display(),
        samba::SUFFIX,
    )
}

fn aws(moto: &Moto) -> String {
    let seeded = &moto.seeded;
    format!(
        "\n[[system]]\nname = \"aws\"\nconnector = \"aws\"\nendpoint = \"{}\"\naccess_key_id = \"{}\"\ncredential = {{ env = \
         \"AWS_SECRET\" }}\naccounts = \"organization\"\nrole = \"{}\"\nexternal_id = \"{}\"\nregions = [\"us-east-1\"]\nattempts = 2\n",
        moto.endpoint, seeded.access_key_id, seeded.role, seeded.external_id
    )
}

fn scim(server: &ScimServer) -> String {
    format!(
        "\n[[system]]\nname = \"expenses\"\nconnector = \"scim\"\nurl = \"{}\"\ncredential = {{ env = \"SCIM_TOKEN\" }}\n",
        server.url()
    )
}

fn estate(systems: &[String]) -> Folder {
    let folder = Folder::empty();
    folder.write("people.csv", PEOPLE);
    folder.write("muster.toml", systems.concat());
    folder
}

/// A scan some days from now: the servers made everything today, and what is new is nobody's orphan yet.
fn scan(folder: &Folder, days: i64, secret: &str) -> (Ran, Report) {
    let now = now() + (24 * days).hours();
    let file = folder.path().join("report.json");
    let output = folder
        .muster()
        .args(["scan", "--now", &now.to_string(), "-o", &format!("json={}", file.display())])
        .envs([
            ("DIRECTORY_PASSWORD", slapd::PASSWORD),
            ("DOMAIN_PASSWORD", samba::PASSWORD),
            ("SCIM_TOKEN", TOKEN),
            ("AWS_SECRET", secret),
        ])
        .output()
        .unwrap();
    let ran = Ran::from(output);
    for secret in
        [slapd::PASSWORD, samba::PASSWORD, TOKEN].into_iter().chain(Some(secret).filter(|text| !text.is_empty()))
    {
        assert!(!ran.stderr.contains(secret), "a secret was printed");
    }
    let report = std::fs::read_to_string(&file).unwrap_or_else(|_| panic!("no report: {ran:?}"));
    (ran, Report(serde_json::from_str(&report).unwrap()))
}

#[expect(clippy::disallowed_methods, reason = "the servers' own clocks are the real one")]
fn now() -> Timestamp {
    Timestamp::now()
}

/// The system's subjects of a rule, by name.
fn names(report: &Report, rule: &str, system: &str) -> BTreeSet<String> {
    let of = |finding: &&serde_json::Value| finding["rule"] == rule && finding["subject"]["system"] == system;
    report.findings().iter().filter(of).map(|finding| text(&finding["subject"]["name"])).collect()
}

fn set(names: &[&str]) -> BTreeSet<String> {
    names.iter().map(|name| (*name).to_owned()).collect()
}

/// Makes a user with AdministratorAccess and a console password in a member account.
fn make_administrator(moto: &Moto, account: &str, name: &str, email: &str) {
    const SCRIPT: &str = r#"
import sys, boto3
endpoint, account, name, email = sys.argv[1:5]
def client(service, **keys):
    return boto3.client(service, endpoint_url=endpoint, region_name="us-east-1", **keys)
sts = client("sts", aws_access_key_id="AKIAIOSFODNN7EXAMPLE", aws_secret_access_key="secret")
c = sts.assume_role(RoleArn=f"arn:aws:iam::{account}:role/OrganizationAccountAccessRole", RoleSessionName="administrator")["Credentials"]
iam = client("iam", aws_access_key_id=c["AccessKeyId"], aws_secret_access_key=c["SecretAccessKey"], aws_session_token=c["SessionToken"])
iam.create_user(UserName=name, Tags=[{"Key": "email", "Value": email}])
iam.create_login_profile(UserName=name, Password="not-a-real-one-1")
iam.put_user_policy(UserName=name, PolicyName="all", PolicyDocument='{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"*","Resource":"*"}]}')
"#;
    let python = python::python("boto3").unwrap();
    let output = Command::new(python)
        .args(["-c", SCRIPT, &moto.endpoint, account, name, email])
        .stdin(Stdio::null())
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

fn scim_service() -> ScimServer {
    const USER: &str = "urn:ietf:params:scim:schemas:core:2.0:User";
    const ENTERPRISE: &str = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User";
    let server = ScimServer::start(TOKEN, Paging::Index, 2).unwrap();
    let people = [("ann.archer", "E1"), ("bea.baker", "E2"), ("eve.ember", "E5"), ("dora.draper", "E4"), ("ghost", "")];
    for (name, employee) in people {
        let mut user = json!({
            "schemas": [USER, ENTERPRISE], "userName": name, "displayName": name, "active": name != "bea.baker",
            "emails": [{"value": format!("{name}@acme.example"), "type": "work", "primary": true}],
        });
        if !employee.is_empty() {
            user[ENTERPRISE] = json!({"employeeNumber": employee});
        }
        let id = server.create("/Users", &user).unwrap();
        if name == "ann.archer" {
            let schema = "urn:ietf:params:scim:schemas:core:2.0:Group";
            let group = json!({"schemas": [schema], "displayName": "approvers", "members": [{"value": id}]});
            server.create("/Groups", &group).unwrap();
        }
    }
    server
}

// ---------------------------------------------------------------------------------------------------------------------
// The tests

#[test]
fn one_scan_reads_four_real_systems_and_joins_them_with_hr() {
    let directory_server = Slapd::start(&Setup { ldif: &directory(6), ..Setup::default() }).unwrap();
    let domain = Samba::start(DOMAIN, &[]).unwrap();
    let moto = Moto::start().unwrap();
    let shop = moto.seeded.members["shop"].clone();
    make_administrator(&moto, &moto.seeded.members["data"], "finn", "finn.fuller@acme.example");
    make_administrator(&moto, &shop, "stranger", "stranger@nowhere.example");
    let service = scim_service();
    let folder = estate(&[hr(), ldap(&directory_server.url()), active_directory(&domain), aws(&moto), scim(&service)]);
    let secret = moto.seeded.secret_access_key.clone();
    let (ran, report) = scan(&folder, 3, &secret);
    ran.assert_code(1);
    assert!(report.gaps().is_empty(), "{:#?}\n{}", report.gaps(), ran.stderr);

    // A leaver who is still active in Active Directory, and in OpenLDAP, but not in the SCIM service, where she was switched off.
    assert_eq!(names(&report, "LCM-001", "corp-ad"), set(&["Bea Baker"]));
    assert_eq!(names(&report, "LCM-001", "directory"), set(&["User 2"]));
    assert_eq!(names(&report, "LCM-001", "expenses"), set(&[]));
    assert_eq!(report.of("LCM-003"), ["E2"]);
    // An orphan in the SCIM service, one in AWS, none in the directories.
    assert_eq!(names(&report, "ORP-001", "expenses"), set(&["ghost"]));
    assert!(names(&report, "ORP-001", "aws").contains("stranger"), "{:?}", report.addresses());
    assert_eq!(names(&report, "ORP-001", "directory"), set(&[]));
    // Grace holds an administrator's permission set. The service control policy above the others only keeps accounts from
    // leaving the organisation, which costs no administrator the name.
    assert_eq!(names(&report, "XPR-004", "aws"), set(&["Grace Hopper", "ada", "finn", "stranger"]));
    let domain_admins = names(&report, "XPR-004", "corp-ad");
    assert_eq!(domain_admins, set(&[]), "no domain controller, no krbtgt, and not the built-in administrator");
    // A member that is gone.
    let dangling = report.of("ORP-006");
    assert!(dangling.iter().any(|id| id.starts_with(&format!("uid=gone,{SUFFIX}|"))), "{dangling:?}");
    // Five active accounts of the organisation were read.
    let accounts: BTreeSet<String> = folder
        .query("select distinct scope from scopes where system = 'aws' and scope like 'account/%'")
        .iter()
        .map(|row| text(&row["scope"]))
        .collect();
    assert_eq!(accounts.len(), 5, "{accounts:?}");
    let way = folder.expect(0, &["path", "ann", "Outer"]);
    assert!(way.contains("Ann Archer —member of→ Inner —member of→ Outer"), "{way}");

    // The HR file is cut: nobody leaves, nobody is an orphan, and what HR has no part in is found all the same.
    folder.write("people.csv", &PEOPLE[..PEOPLE.find("E4,").unwrap() + 20]);
    let (ran, cut) = scan(&folder, 4, &secret);
    ran.assert_code(3);
    ran.assert_says(&["hr:people", "= cause: ", "help: "]);
    assert_eq!(cut.gappy(), set(&["hr"]));
    for rule in ["LCM-001", "LCM-003", "LCM-008", "LCM-014", "ORP-001", "ORP-002", "ORP-005", "ORP-008"] {
        assert!(cut.of(rule).is_empty(), "{rule} rests on HR: {:?}", cut.of(rule));
    }
    assert!(cut.of("CTL-002").iter().any(|scope| scope.starts_with("people/")), "{:?}", cut.of("CTL-002"));
    assert_eq!(names(&cut, "XPR-004", "corp-ad"), domain_admins);
    assert_eq!(cut.of("ORP-006"), dangling);
    let known = folder.query("select distinct id from persons");
    assert_eq!(known.len(), 7, "nobody was lost");

    // The whole file again, and the same findings as before.
    folder.write("people.csv", PEOPLE);
    let (ran, again) = scan(&folder, 5, &secret);
    ran.assert_code(1);
    assert_eq!(again.addresses(), report.addresses());
    folder.assert_sound(3);
}

#[test]
fn an_account_whose_role_was_revoked_is_a_named_gap() {
    let moto = Moto::start().unwrap();
    let [shop, data] = ["shop", "data"].map(|name| moto.seeded.members[name].clone());
    make_administrator(&moto, &shop, "stranger", "stranger@nowhere.example");
    make_administrator(&moto, &data, "drifter", "drifter@nowhere.example");
    let folder = estate(&[hr(), aws(&moto)]);
    let secret = moto.seeded.secret_access_key.clone();
    let (ran, before) = scan(&folder, 3, &secret);
    ran.assert_code(1);
    assert!(before.gaps().is_empty(), "{:#?}", before.gaps());
    assert!(names(&before, "ORP-001", "aws").contains("stranger"));
    let rows = |table: &str| folder.query(&format!("select distinct id from {table} where system = 'aws'")).len();
    let known = rows("accounts");
    drop(ran);

    let other = revoke(&moto, &shop);
    let (ran, after) = scan(&folder, 4, &secret);
    ran.assert_code(3);
    let scope = format!("account/{shop}");
    ran.assert_says(&[&scope, "AccessDenied", "= cause: ", "help: ", &moto.seeded.role]);
    let scopes: BTreeSet<String> = after.gaps().into_iter().map(|(_, scope, ..)| scope).collect();
    assert!(scopes.contains(&scope) && scopes.iter().all(|gap| gap.contains(&shop)), "{other}: {scopes:?}");
    // Nothing rests on it: who was found there is not found today, nobody new is, and nothing was removed.
    assert!(!names(&after, "ORP-001", "aws").contains("stranger"));
    assert!(names(&after, "ORP-001", "aws").contains("drifter"), "an account that was read is judged");
    let news: Vec<_> = after
        .addresses()
        .into_iter()
        .filter(|address| !address.0.starts_with("CTL") && !before.addresses().contains(address))
        .collect();
    assert!(news.is_empty(), "{news:?}");
    assert_eq!(rows("accounts"), known, "rows of the unread account are kept");
    folder.assert_sound(2);
}

/// Deletes the audit role, as an administrator of that account would.
fn revoke(moto: &Moto, account: &str) -> String {
    moto.remove_role(account).unwrap();
    format!("role {} of {account} deleted", moto.seeded.role)
}

#[test]
fn a_directory_that_goes_away_in_the_middle_is_a_named_gap() {
    const USERS: usize = 20_000;
    let server = Slapd::start(&Setup { ldif: &directory(USERS), ..Setup::default() }).unwrap();
    let upstream: SocketAddr = server.url().trim_start_matches("ldap://").parse().unwrap();
    let server = Arc::new(Mutex::new(server));
    let proxy = Proxy::start(upstream, Arc::clone(&server));
    let folder = estate(&[hr(), ldap(&proxy.url())]);
    let (ran, before) = scan(&folder, 3, "");
    ran.assert_code(1);
    assert!(before.gaps().is_empty(), "{:#?}", before.gaps());
    let orphans = before.of("ORP-001").len();
    assert!(orphans > USERS - 100, "{orphans}");
    assert_eq!(before.of("ORP-006").len(), 1);
    let count = || folder.query("select distinct id from accounts").len();
    let known = count();

    // After a third of the bytes the server is killed.
    proxy.limit.store(proxy.passed.swap(0, Ordering::SeqCst) / 3, Ordering::SeqCst);
    let (ran, after) = scan(&folder, 4, "");
    ran.assert_code(3);
    ran.assert_says(&["directory", "= cause: ", "help: "]);
    assert_eq!(after.gappy(), set(&["directory"]));
    assert!(after.of("ORP-006").is_empty(), "the members that were not read do not dangle: {:?}", after.of("ORP-006"));
    let before_addresses = before.addresses();
    let news: Vec<_> = after
        .addresses()
        .into_iter()
        .filter(|address| !address.0.starts_with("CTL") && !before_addresses.contains(address))
        .collect();
    assert!(news.is_empty(), "{news:?}");
    let state = folder.query("select distinct state from accounts where system = 'directory' order by state");
    assert!(list(&json!(state)).iter().any(|row| row["state"] == "stale"), "{state:?}");
    assert_eq!(count(), known, "what was not read was not removed");
    folder.assert_sound(2);

    // Without any answer at all the directory is no clean one either.
    let (ran, gone) = scan(&folder, 5, "");
    ran.assert_code(3);
    assert_eq!(gone.of("CTL-001"), ["directory"]);
    assert!(gone.of("ORP-001").is_empty() && gone.of("ORP-006").is_empty());
    assert_eq!(count(), known);
}

/// Passes bytes between a client and a server, and kills the server once it has sent so many.
struct Proxy {
    address: SocketAddr,
    /// Bytes that the server may send before it is killed.
    limit: Arc<AtomicUsize>,
    /// Bytes that it has sent.
    passed: Arc<AtomicUsize>,
}

impl Proxy {
    fn start(upstream: SocketAddr, server: Arc<Mutex<Slapd>>) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let address = listener.local_addr().unwrap();
        let (limit, passed) = (Arc::new(AtomicUsize::new(usize::MAX)), Arc::new(AtomicUsize::new(0)));
        let (most, counted) = (Arc::clone(&limit), Arc::clone(&passed));
        // Ends with the test's process.
        std::thread::spawn(move || {
            for client in listener.incoming().map_while(Result::ok) {
                let Ok(behind) = TcpStream::connect(upstream) else {
                    let _gone = client.shutdown(Shutdown::Both);
                    continue;
                };
                let (mut from_client, mut to_server) = (client.try_clone().unwrap(), behind.try_clone().unwrap());
                std::thread::spawn(move || {
                    let _ended = std::io::copy(&mut from_client, &mut to_server);
                    let _closed = to_server.shutdown(Shutdown::Write);
                });
                let (most, counted, server) = (Arc::clone(&most), Arc::clone(&counted), Arc::clone(&server));
                std::thread::spawn(move || answer(client, behind, &most, &counted, &server));
            }
        });
        Self { address, limit, passed }
    }

    fn url(&self) -> String {
        format!("ldap://{}", self.address)
    }
}

fn answer(
    mut client: TcpStream,
    mut behind: TcpStream,
    most: &AtomicUsize,
    counted: &AtomicUsize,
    server: &Mutex<Slapd>,
) {
    let mut buffer = [0; 16 * 1024];
    while let Ok(read) = behind.read(&mut buffer) {
        let sent = counted.fetch_add(read, Ordering::SeqCst) + read;
        if sent > most.load(Ordering::SeqCst) {
            server.lock().unwrap().kill();
            break;
        }
        if read == 0 || client.write_all(&buffer[..read]).is_err() {
            break;
        }
    }
    let _closed = client.shutdown(Shutdown::Both);
}
