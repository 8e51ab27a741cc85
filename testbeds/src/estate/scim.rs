//! The expense tool's users and groups as SCIM 2.0 pages (RFC 7643, RFC 7644 section 3.4.2).

use super::Files;
use super::clock::iso;
use super::company::{Company, Feed, Holds, Person, account_made};
use super::json::{Json, object};
use super::rng::uuid_of;
use super::truth::Truth;

const SYSTEM: &str = "expenses";
const PAGE: usize = 100;
const ENTERPRISE: &str = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User";

/// One user resource.
struct User {
    id: String,
    login: String,
    name: String,
    employee: Option<(String, &'static str)>,
    kind: &'static str,
    active: bool,
    created: String,
    approver: bool,
}

/// Writes the `scim/` folder; plants what is wrong in it.
pub(crate) fn expenses(company: &Company, truth: &mut Truth, files: &mut Files) {
    let users = users(company, truth);
    let pages = users.chunks(PAGE).enumerate().map(|(index, page)| {
        let resources = page.iter().map(user_resource).collect();
        (format!("scim/Users-{}.json", index + 1), list(users.len(), index * PAGE + 1, resources))
    });
    for (path, page) in pages {
        files.text(&path, page.pretty(2) + "\n");
    }
    let groups = groups(&users, truth);
    files.text("scim/Groups-1.json", list(groups.len(), 1, groups).pretty(2) + "\n");
}

fn id(user_name: &str) -> String {
    uuid_of(&format!("expenses:{user_name}"))
}

fn users(company: &Company, truth: &mut Truth) -> Vec<User> {
    let mut users = Vec::new();
    for person in company.people.iter().filter(|person| person.scim != Holds::Nothing) {
        let email = person.email();
        let id = id(&email);
        if person.scim == Holds::Active && person.has_left() {
            truth.finding("LCM-001", SYSTEM, &id, person.case, person.story);
        }
        if person.scim == Holds::Disabled && person.left_long_ago() {
            truth.finding(
                "LCM-018",
                SYSTEM,
                &id,
                "EDG-28",
                "left more than a year ago; the account is off and still kept",
            );
        }
        if !person.silent.is_empty() {
            truth.benign(person.silent, SYSTEM, &id, person.case, person.story);
        }
        users.push(of_person(person, id, email));
    }
    let farid = company.get("farid.benali");
    let alias = "farid.benali2@acme.example".to_owned();
    let second = id(&alias);
    truth.related(
        "ORP-005",
        SYSTEM,
        second.clone(),
        vec![id(&farid.email()), farid.id.clone()],
        "EDG-17",
        "two active users with one employee number",
    );
    users.push(of_person(farid, second, alias));

    for (user_name, name) in
        [("gerald.pinkney@acme.example", "Gerald Pinkney"), ("ruta.kalnina@acme.example", "Rūta Kalniņa")]
    {
        let id = id(user_name);
        truth.finding(
            "ORP-001",
            SYSTEM,
            &id,
            "orphan",
            "an active user without employee number, whose address HR does not know",
        );
        truth.finding(
            "ORP-004",
            SYSTEM,
            &id,
            "sso",
            "people sign in through the directory, which knows nobody of that name, and the tool has passwords of its own",
        );
        users.push(nobody(id, user_name, name, "Employee"));
    }
    let service = "svc-erp-sync@acme.example";
    truth.benign(&["ORP-001"], SYSTEM, id(service), "EDG-25", "userType Service: the interface to the ERP");
    users.push(nobody(id(service), service, "ERP synchronisation", "Service"));
    users.sort_by(|a, b| a.login.cmp(&b.login));
    users
}

fn of_person(person: &Person, id: String, user_name: String) -> User {
    User {
        id,
        login: user_name,
        name: person.name(),
        employee: Some((person.id.clone(), person.department)),
        kind: if person.feed == Feed::Hr { "Employee" } else { "Contractor" },
        active: person.scim == Holds::Active,
        created: iso(account_made(person, "scim")),
        approver: person.title.starts_with("Head") || person.title.starts_with("Chief"),
    }
}

fn nobody(id: String, user_name: &str, name: &str, user_type: &'static str) -> User {
    User {
        id,
        login: user_name.to_owned(),
        name: name.to_owned(),
        employee: None,
        kind: user_type,
        active: true,
        created: "2024-04-08T09:15:00Z".to_owned(),
        approver: false,
    }
}

fn user_resource(user: &User) -> Json {
    let mut schemas = vec!["urn:ietf:params:scim:schemas:core:2.0:User"];
    if user.employee.is_some() {
        schemas.push(ENTERPRISE);
    }
    let (given, family) = user.name.split_once(' ').unwrap_or((&user.name, ""));
    let mut fields = vec![("schemas".to_owned(), Json::from(schemas)), ("id".to_owned(), Json::from(&user.id))];
    if let Some((employee, _)) = &user.employee {
        fields.push(("externalId".to_owned(), Json::from(employee)));
    }
    let role = if user.approver { "approver" } else { "submitter" };
    let rest = object! {
        "userName" => &user.login,
        "name" => object! { "formatted" => &user.name, "givenName" => given, "familyName" => family },
        "displayName" => &user.name,
        "userType" => user.kind,
        "active" => user.active,
        "emails" => vec![object! { "value" => &user.login, "type" => "work", "primary" => true }],
        "roles" => vec![object! { "value" => role, "display" => role }],
        "meta" => object! {
            "resourceType" => "User",
            "created" => &user.created,
            "lastModified" => &user.created,
            "location" => format!("https://expenses.acme.example/scim/v2/Users/{}", user.id),
        },
    };
    if let Json::Object(rest) = rest {
        fields.extend(rest);
    }
    if let Some((employee, department)) = &user.employee {
        let extension = object! { "employeeNumber" => employee, "department" => *department };
        fields.push((ENTERPRISE.to_owned(), extension));
    }
    Json::Object(fields)
}

fn groups(users: &[User], truth: &mut Truth) -> Vec<Json> {
    let active = || users.iter().filter(|user| user.active);
    let approvers: Vec<(String, String)> =
        active().filter(|user| user.approver).map(|user| (user.id.clone(), user.name.clone())).collect();
    let mut auditors: Vec<(String, String)> = active()
        .filter(|user| user.employee.as_ref().is_some_and(|(_, department)| *department == "Finance"))
        .take(6)
        .map(|user| (user.id.clone(), user.name.clone()))
        .collect();
    let gone = id("herta.lindemann@acme.example");
    let group = uuid_of("expenses:group:Auditors");
    let edge = format!("{gone}|{group}|");
    truth.related(
        "ORP-006",
        SYSTEM,
        edge,
        vec![gone.clone(), group],
        "dangling",
        "a member value that is the id of no user",
    );
    auditors.push((gone, "Herta Lindemann".to_owned()));
    [("Approvers", approvers), ("Auditors", auditors)]
        .into_iter()
        .map(|(name, members)| group_resource(name, &members))
        .collect()
}

fn group_resource(name: &str, members: &[(String, String)]) -> Json {
    let id = uuid_of(&format!("expenses:group:{name}"));
    let members = members.iter().map(|(id, name)| {
        object! {
            "value" => id,
            "$ref" => format!("https://expenses.acme.example/scim/v2/Users/{id}"),
            "type" => "User",
            "display" => name,
        }
    });
    object! {
        "schemas" => vec!["urn:ietf:params:scim:schemas:core:2.0:Group"],
        "id" => &id,
        "displayName" => name,
        "members" => members.collect::<Vec<_>>(),
        "meta" => object! {
            "resourceType" => "Group",
            "created" => "2021-05-03T08:00:00Z",
            "lastModified" => "2026-09-14T08:00:00Z",
            "location" => format!("https://expenses.acme.example/scim/v2/Groups/{id}"),
        },
    }
}

fn list(total: usize, start: usize, resources: Vec<Json>) -> Json {
    let count = |number: usize| Json::Int(i64::try_from(number).expect("a small number"));
    object! {
        "schemas" => vec!["urn:ietf:params:scim:api:messages:2.0:ListResponse"],
        "totalResults" => count(total),
        "startIndex" => count(start),
        "itemsPerPage" => count(resources.len()),
        "Resources" => resources,
    }
}
