//! Slack's answers for the workspace of acme.

use super::super::Files;
use super::super::company::Company;
use super::super::json::{Json, object};
use super::super::truth::Truth;
use super::{Exchanges, Member, OWNERS, id_of, recorded};

const SYSTEM: &str = "slack";
const TEAM: &str = "T04ACMEHQ1";
const LETTERS: &[u8] = b"ABCDEFGHJKLMNPQRSTUVWXYZ0123456789";
const PAGE: usize = 200;

/// A user of the workspace.
struct User {
    id: String,
    login: String,
    name: String,
    email: Option<String>,
    title: String,
    gone: bool,
    kind: &'static str,
}

pub(super) fn id(key: &str) -> String {
    id_of("U0", LETTERS, 9, &format!("slack:{key}"))
}

pub(super) fn write(company: &Company, members: &[Member<'_>], truth: &mut Truth, files: &mut Files) {
    let users = users(company, members);
    let mut exchanges = Exchanges::default();
    exchanges.with_header(
        "GET /api/auth.test",
        "x-oauth-scopes",
        "users:read,users:read.email,usergroups:read,team:read".to_owned(),
        object! {
            "ok" => true, "url" => "https://acme.slack.com/", "team" => "acme", "user" => "muster", "team_id" => TEAM,
            "user_id" => id("muster"),
        },
    );
    exchanges.add(
        "GET /api/team.info",
        object! { "ok" => true, "team" => object! { "id" => TEAM, "name" => "acme", "domain" => "acme" } },
    );
    let pages = users.chunks(PAGE);
    let (last, mut cursor) = (pages.len() - 1, String::new());
    for (number, page) in pages.enumerate() {
        let next = if number < last { format!("dXNlcjpVMDRBQ01F{number:02}") } else { String::new() };
        let reply = object! {
            "ok" => true, "members" => Json::List(page.iter().map(row).collect()),
            "response_metadata" => object! { "next_cursor" => &next },
        };
        exchanges.add(format!("GET /api/users.list?limit={PAGE}{cursor}"), reply);
        cursor = format!("&cursor={next}");
    }
    groups(company, members, &mut exchanges);
    files.text("slack/exchanges.json", exchanges.file(&recorded(45), &object! {}, "token"));
    plant(company, members, truth);
}

fn users(company: &Company, members: &[Member<'_>]) -> Vec<User> {
    let user = |key: &str, name: &str, email: Option<String>, kind| User {
        id: id(key),
        login: key.to_owned(),
        name: name.to_owned(),
        email,
        title: String::new(),
        gone: false,
        kind,
    };
    let mut users: Vec<User> = members
        .iter()
        .filter(|member| member.status != "STAGED")
        .map(|member| {
            let person = member.person;
            let kind = if OWNERS.contains(&person.local.as_str()) { "owner" } else { "member" };
            User {
                title: person.title.to_owned(),
                gone: member.status == "DEPROVISIONED",
                ..user(&person.local, &person.name(), Some(person.email()), kind)
            }
        })
        .collect();
    let sandeep = company.get("sandeep.kulkarni.ext");
    users.push(user(&sandeep.local, &sandeep.name(), Some(sandeep.email()), "member"));
    users.push(user("gerald.pinkney", "Gerald Pinkney", Some("gerald.pinkney@acme.example".to_owned()), "member"));
    let agnieszka = company.get("agnieszka.pawlikowska.ext");
    users.push(user(&agnieszka.local, &agnieszka.name(), Some(agnieszka.email()), "multi_channel_guest"));
    let noemie = Some("noemie.lacombe@partner-agency.example".to_owned());
    users.push(user(GUEST, "No\u{e9}mie Lacombe", noemie, "single_channel_guest"));
    users.push(user("github", "GitHub", None, "bot"));
    users.push(User { id: "USLACKBOT".to_owned(), ..user("slackbot", "Slackbot", None, "system") });
    // The one who made the workspace is its primary owner.
    if let Some(first) = users.iter_mut().find(|user| user.login == OWNERS[0]) {
        first.kind = "primary_owner";
    }
    users.sort_by(|a, b| a.id.cmp(&b.id));
    users
}

fn row(user: &User) -> Json {
    let mut profile =
        vec![("real_name".to_owned(), Json::from(&user.name)), ("title".to_owned(), Json::from(&user.title))];
    if let Some(email) = &user.email {
        profile.push(("email".to_owned(), email.into()));
    }
    let owns = matches!(user.kind, "owner" | "primary_owner");
    let mut fields = vec![
        ("id".to_owned(), Json::from(&user.id)),
        ("team_id".to_owned(), TEAM.into()),
        ("name".to_owned(), Json::from(&user.login)),
        ("deleted".to_owned(), user.gone.into()),
        ("real_name".to_owned(), Json::from(&user.name)),
        ("profile".to_owned(), Json::Object(profile)),
        ("is_bot".to_owned(), (user.kind == "bot").into()),
        ("is_app_user".to_owned(), false.into()),
        ("updated".to_owned(), Json::Int(1_772_440_000)),
    ];
    if !user.gone {
        fields.extend(
            [
                ("is_admin", owns),
                ("is_owner", owns),
                ("is_primary_owner", user.kind == "primary_owner"),
                ("is_restricted", user.kind.ends_with("guest")),
                ("is_ultra_restricted", user.kind == "single_channel_guest"),
                ("is_email_confirmed", user.email.is_some()),
            ]
            .map(|(name, value)| (name.to_owned(), Json::from(value))),
        );
        if user.email.is_some() {
            fields.push(("has_2fa".to_owned(), true.into()));
        }
    }
    Json::Object(fields)
}

/// Invited by Sales to one channel.
const GUEST: &str = "noemie.lacombe";
/// In the user group on call, and in no group of Okta that says so.
const BEYOND: &str = "viktor.ahlgren";

fn groups(company: &Company, members: &[Member<'_>], exchanges: &mut Exchanges) {
    let on_call = members.iter().filter(|member| member.groups.contains(&"slack-oncall"));
    // The first of them is missing: the push failed.
    let mut users: Vec<String> = on_call.skip(1).map(|member| id(&member.person.local)).collect();
    users.push(id(&company.get(BEYOND).local));
    users.sort();
    let group = object! {
        "id" => "S04ACMEONC", "team_id" => TEAM, "handle" => "oncall", "name" => "On call",
        "description" => "Who is called at night", "date_delete" => 0, "auto_type" => Json::Null, "users" => users,
    };
    exchanges.add(
        "GET /api/usergroups.list?include_users=true&include_disabled=true",
        object! { "ok" => true, "usergroups" => vec![group] },
    );
}

fn plant(company: &Company, members: &[Member<'_>], truth: &mut Truth) {
    let of = |local: &str| id(local);
    truth.finding("ORP-001", SYSTEM, of("gerald.pinkney"), "orphan", "an address of the company that HR does not know");
    truth.finding("ORP-004", SYSTEM, of("gerald.pinkney"), "sso", "a full member whom Okta does not know");
    let sandeep = "an external, whom Okta does not have, with a full account rather than a guest's";
    truth.finding("ORP-004", SYSTEM, of(&company.get("sandeep.kulkarni.ext").local), "sso", sandeep);
    truth.finding("ORP-001", SYSTEM, of(GUEST), "orphan", "a guest from an agency who is in no feed");
    truth.benign(&["ORP-004"], SYSTEM, of(GUEST), "guest", "guests sign in with accounts of their own, on purpose");
    truth.benign(&["ORP-001", "ORP-004"], SYSTEM, of("agnieszka.pawlikowska.ext"), "guest", "an external as a guest");
    truth.benign(&["ORP-001"], SYSTEM, "USLACKBOT", "system", "part of the product");
    truth.finding("NHI-001", SYSTEM, of("github"), "register", "a bot that policy/nhi.toml does not list");
    let both = ["004105", "004106"].map(str::to_owned).to_vec();
    truth.related(
        "ORP-002",
        SYSTEM,
        of("alex.moreau-petit"),
        both,
        "EDG-02",
        "the address was given away, and Slack tells neither employee id nor age",
    );
    let late = members.iter().find(|member| member.groups.contains(&"slack-oncall")).expect("somebody is on call");
    truth.finding(
        "DRF-007",
        SYSTEM,
        of(&late.person.local),
        "sso",
        "the group of Okta gives the user group, and the push failed",
    );
    truth.finding("DRF-007", SYSTEM, of(BEYOND), "sso", "put into the user group by hand: no group of Okta gives it");
    for local in OWNERS {
        truth.finding("XPR-004", SYSTEM, of(local), "admin", "owns the workspace");
        truth.finding("XPR-015", SYSTEM, of(local), "everyday", "owns the workspace with the everyday account");
    }
}
