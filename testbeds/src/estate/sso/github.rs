//! GitHub's answers for the organisation `acme`.

use super::super::Files;
use super::super::company::{Company, Person};
use super::super::json::{Json, object};
use super::super::rng::Rng;
use super::super::truth::Truth;
use super::{Exchanges, Member, OWNERS, recorded};

const SYSTEM: &str = "github";
const BASE: &str = "https://api.github.com";
const ORGANIZATION: i64 = 47_110_815;

/// Teams, each but the last pushed from the group of Okta that is called `gh-` and its name.
const TEAMS: [(&str, &str); 5] = [
    ("platform", "What everything runs on"),
    ("payments", "Orders and money"),
    ("quality", "Tests and releases"),
    ("data", "Pipelines and models"),
    ("security", "Looks at alerts; kept by hand"),
];

/// Name, visibility, and teams with what they may do.
type Repository = (&'static str, &'static str, &'static [(&'static str, &'static str)]);

/// Repositories with the teams that have something there.
const REPOSITORIES: [Repository; 7] = [
    ("handbook", "internal", &[("platform", "push"), ("payments", "push"), ("quality", "push"), ("data", "push")]),
    ("infrastructure", "private", &[("platform", "push")]),
    ("orders", "private", &[("payments", "push"), ("quality", "push"), ("platform", "pull")]),
    ("payouts", "private", &[("payments", "push")]),
    ("pipelines", "private", &[("data", "push"), ("platform", "pull")]),
    ("tests", "private", &[("quality", "push")]),
    ("website", "public", &[("platform", "push")]),
];

/// Somebody of the organisation.
struct User {
    login: String,
    owner: bool,
    /// The address that Okta signs in with, where the account is tied to one.
    subject: Option<String>,
    teams: Vec<&'static str>,
}

pub(super) fn write(company: &Company, members: &[Member<'_>], truth: &mut Truth, files: &mut Files) {
    let users = users(company, members);
    let mut exchanges = Exchanges::default();
    exchanges.add(
        "GET /orgs/acme",
        object! { "login" => "acme", "id" => ORGANIZATION, "two_factor_requirement_enabled" => true },
    );
    people(&users, &mut exchanges);
    sign_on(&users, &mut exchanges);
    teams(&users, &mut exchanges);
    repositories(company, &mut exchanges);
    machines(company, &mut exchanges);
    let config = object! { "org" => "acme" };
    files.text("github/exchanges.json", exchanges.file(&recorded(50), &config, "token"));
    plant(company, truth, files);
}

fn number(login: &str) -> i64 {
    Rng::of(&format!("github:{login}")).between(2_000_000, 190_000_000)
}

pub(super) fn id(login: &str) -> String {
    number(login).to_string()
}

/// The name somebody chose there: the own one with a dash, or an initial, the family name and two digits.
pub(super) fn login(person: &Person) -> String {
    let mut rng = person.rng("github");
    let plain = person.local.replace('.', "-");
    match person.local.split_once('.') {
        Some((given, family)) if rng.chance(40) => {
            format!("{}{}{:02}", &given[..1], family.replace('-', ""), rng.below(100))
        }
        _ => plain,
    }
}

fn users(company: &Company, members: &[Member<'_>]) -> Vec<User> {
    let mut users: Vec<User> = members
        .iter()
        .filter(|member| member.is_assigned("GitHub") && member.person.local != WAITING)
        .map(|member| User {
            login: login(member.person),
            owner: OWNERS.contains(&member.person.local.as_str()),
            subject: Some(member.person.email()),
            teams: TEAMS
                .iter()
                .map(|(team, _)| *team)
                .filter(|team| match *team {
                    "security" => OWNERS.contains(&member.person.local.as_str()),
                    pushed => member.groups.contains(&format!("gh-{pushed}").as_str()),
                })
                .collect(),
        })
        .collect();
    let user = |login: String, subject: Option<String>, team| User { login, owner: false, subject, teams: vec![team] };
    let lorenzo = company.get("lorenzo.quadrio");
    users.push(user(login(lorenzo), Some(lorenzo.email()), "platform"));
    let henrik = company.get("henrik.solbergsen");
    users.push(user(login(henrik), Some(henrik.email()), "payments"));
    users.push(user(STRANGER.to_owned(), None, "quality"));
    users.push(user(MACHINE.to_owned(), None, "quality"));
    users.sort_by_key(|user| number(&user.login));
    users
}

/// In the group of a team, and without an account there.
const WAITING: &str = "ewan.drummond";
/// A member whom nobody knows, at Okta or in HR.
const STRANGER: &str = "fernweh-dev";
/// An account of a machine, which GitHub takes for a user like any other.
const MACHINE: &str = "bot-acme-release";
/// An external who works on the website.
const OUTSIDE: &str = "lumatech-website";

fn row(login: &str, kind: &str) -> Json {
    object! { "login" => login, "id" => number(login), "type" => kind, "site_admin" => false }
}

fn people(users: &[User], exchanges: &mut Exchanges) {
    let rows = |owner: bool| -> Vec<Json> {
        users.iter().filter(|user| user.owner == owner).map(|user| row(&user.login, "User")).collect()
    };
    for (level, owner) in [("admin", true), ("member", false)] {
        let address = |page: usize| match page {
            0 => format!("/orgs/acme/members?role={level}&per_page=100"),
            page => format!("/organizations/{ORGANIZATION}/members?role={level}&per_page=100&page={}", page + 1),
        };
        exchanges.pages(rows(owner), 100, address, BASE);
    }
    exchanges.add("GET /orgs/acme/outside_collaborators?per_page=100", Json::List(vec![row(OUTSIDE, "User")]));
    let invited = object! {
        "id" => 61_204_417, "login" => Json::Null, "email" => "ida.frost@acme.example", "role" => "direct_member",
        "created_at" => "2026-10-30T09:12:00Z", "inviter" => row(&login_of_owner(users), "User"),
    };
    exchanges.add("GET /orgs/acme/invitations?per_page=100", Json::List(vec![invited]));
    for list in ["members", "outside_collaborators"] {
        exchanges.add(format!("GET /orgs/acme/{list}?filter=2fa_disabled&per_page=100"), Json::List(vec![]));
    }
}

fn login_of_owner(users: &[User]) -> String {
    users.iter().find(|user| user.owner).expect("the organisation has owners").login.clone()
}

/// External identities, a hundred a page.
fn sign_on(users: &[User], exchanges: &mut Exchanges) {
    let nodes: Vec<Json> = users
        .iter()
        .filter_map(|user| {
            let subject = user.subject.as_ref()?;
            Some(object! {
                "samlIdentity" => object! { "nameId" => subject },
                "scimIdentity" => object! { "username" => subject },
                "user" => object! { "databaseId" => number(&user.login), "login" => &user.login },
            })
        })
        .collect();
    let pages = nodes.chunks(100);
    let last = pages.len();
    for (page, nodes) in (1..).zip(pages) {
        let cursor = format!("Y3Vyc29yOnYyOpHO{page:04}");
        let identities = object! {
            "pageInfo" => object! { "hasNextPage" => page < last, "endCursor" => cursor }, "nodes" => nodes,
        };
        let provider =
            object! { "issuer" => "http://www.okta.com/exk1acme0github0x357", "externalIdentities" => identities };
        let organization = object! { "organization" => object! { "samlIdentityProvider" => provider } };
        exchanges.add("POST /graphql", object! { "data" => organization });
    }
}

fn teams(users: &[User], exchanges: &mut Exchanges) {
    let rows = TEAMS.iter().map(|(team, description)| {
        object! {
            "id" => number(&format!("team {team}")), "name" => *team, "slug" => *team, "description" => *description,
            "parent" => Json::Null,
        }
    });
    exchanges.add("GET /orgs/acme/teams?per_page=100", Json::List(rows.collect()));
    for (team, _) in TEAMS {
        let address = |level: &str| format!("/orgs/acme/teams/{team}/members?role={level}&per_page=100");
        exchanges.pages(Vec::new(), 100, |_| address("maintainer"), BASE);
        let members = users.iter().filter(|user| user.teams.contains(&team)).map(|user| row(&user.login, "User"));
        exchanges.pages(members.collect(), 100, |_| address("member"), BASE);
    }
}

fn repositories(company: &Company, exchanges: &mut Exchanges) {
    let rows = REPOSITORIES.iter().map(|(name, visibility, _)| {
        object! {
            "id" => number(&format!("repository {name}")), "name" => *name, "full_name" => format!("acme/{name}"),
            "owner" => object! { "login" => "acme", "id" => ORGANIZATION, "type" => "Organization" },
            "private" => *visibility != "public", "visibility" => *visibility, "archived" => false,
            "pushed_at" => "2026-10-30T16:20:00Z",
        }
    });
    exchanges.add("GET /orgs/acme/repos?type=all&per_page=100", Json::List(rows.collect()));
    for (name, _, teams) in REPOSITORIES {
        let direct = match name {
            "website" => vec![object! {
                "login" => OUTSIDE, "id" => number(OUTSIDE), "type" => "User", "role_name" => "write",
                "permissions" => object! { "admin" => false, "push" => true, "pull" => true },
            }],
            _ => vec![],
        };
        exchanges
            .add(format!("GET /repos/acme/{name}/collaborators?affiliation=direct&per_page=100"), Json::List(direct));
        let teams = teams.iter().map(|(team, permission)| {
            object! { "id" => number(&format!("team {team}")), "name" => *team, "slug" => *team, "permission" => *permission }
        });
        exchanges.add(format!("GET /repos/acme/{name}/teams?per_page=100"), Json::List(teams.collect()));
        let keys = match name {
            "infrastructure" => vec![object! {
                "id" => 98_114_207, "title" => "argo", "read_only" => true, "created_at" => "2026-09-14T08:00:00Z",
                "added_by" => login(company.get(OWNERS[0])), "last_used" => "2026-11-01T23:55:00Z", "enabled" => true,
            }],
            _ => vec![],
        };
        exchanges.add(format!("GET /repos/acme/{name}/keys?per_page=100"), Json::List(keys));
    }
}

/// Roles of the organisation, an installed App, and the tokens of members.
fn machines(company: &Company, exchanges: &mut Exchanges) {
    let role = object! {
        "id" => 138, "name" => "security_manager", "description" => "Sees alerts of every repository", "base_role" => "read",
    };
    exchanges.add("GET /orgs/acme/organization-roles", object! { "total_count" => 1, "roles" => vec![role] });
    let team = object! { "id" => number("team security"), "slug" => "security", "assignment" => "direct" };
    exchanges.add("GET /orgs/acme/organization-roles/138/teams?per_page=100", Json::List(vec![team]));
    let holders = OWNERS.iter().map(|local| {
        let login = login(company.get(local));
        object! { "login" => &login, "id" => number(&login), "type" => "User", "assignment" => "indirect" }
    });
    exchanges.add("GET /orgs/acme/organization-roles/138/users?per_page=100", Json::List(holders.collect()));
    let app = object! {
        "id" => 52_880_113, "app_slug" => "renovate",
        "permissions" => object! { "contents" => "write", "metadata" => "read", "pull_requests" => "write" },
        "repository_selection" => "selected", "created_at" => "2025-02-10T08:00:00Z", "suspended_at" => Json::Null,
    };
    exchanges
        .add("GET /orgs/acme/installations?per_page=100", object! { "total_count" => 1, "installations" => vec![app] });
    let token = |id: i64, local: &str, name: &str, granted: &str, expires: Json, used: &str| {
        let login = login(company.get(local));
        object! {
            "id" => id, "owner" => row(&login, "User"), "repository_selection" => "subset",
            "permissions" => object! {}, "access_granted_at" => granted, "token_id" => id + 7, "token_name" => name,
            "token_expired" => false, "token_expires_at" => expires, "token_last_used_at" => used,
        }
    };
    let rows = vec![
        token(
            25_381,
            "kofi.mensah-addo",
            "laptop",
            "2026-09-28T10:00:00Z",
            "2026-12-27T10:00:00Z".into(),
            "2026-10-30T07:40:00Z",
        ),
        token(17_044, "elif.karaca", "nightly", "2025-09-01T10:00:00Z", Json::Null, "2026-11-01T23:00:00Z"),
    ];
    exchanges.add("GET /orgs/acme/personal-access-tokens?per_page=100", Json::List(rows));
}

fn plant(company: &Company, truth: &mut Truth, files: &mut Files) {
    let of = |local: &str| id(&login(company.get(local)));
    let henrik = company.get("henrik.solbergsen");
    truth.finding(
        "LCM-001",
        SYSTEM,
        of("henrik.solbergsen"),
        henrik.case,
        "left on 30 September; Okta switched him off, GitHub did not",
    );
    truth.finding(
        "DRF-007",
        SYSTEM,
        of("henrik.solbergsen"),
        "sso",
        "still in the team payments, which no group of Okta gives him",
    );
    let lorenzo =
        "Finance is not assigned GitHub at Okta; the account is from before Okta came, and is in the team platform";
    truth.finding("ORP-004", SYSTEM, of("lorenzo.quadrio"), "sso", lorenzo);
    truth.finding(
        "DRF-007",
        SYSTEM,
        of("lorenzo.quadrio"),
        "sso",
        "in the team platform, which no group of Okta gives him",
    );
    truth.finding("ORP-001", SYSTEM, id(STRANGER), "orphan", "a member whom HR does not know");
    truth.finding("ORP-004", SYSTEM, id(STRANGER), "sso", "a member whom Okta does not know");
    truth.undecided(
        "DRF-007",
        SYSTEM,
        id(STRANGER),
        "sso",
        "whether a group gives the team to somebody whom nobody knows",
    );
    truth.finding("ORP-001", SYSTEM, id(OUTSIDE), "orphan", "an outside collaborator who is in no feed");
    truth.benign(
        &["ORP-004"],
        SYSTEM,
        id(OUTSIDE),
        "guest",
        "outside collaborators sign in with accounts of their own, on purpose",
    );
    truth.benign(
        &["ORP-001", "ORP-004"],
        SYSTEM,
        id(MACHINE),
        "EDG-25",
        "an account of a machine, by its name and the register",
    );
    truth.benign(&["ORP-001", "DOR-004"], SYSTEM, "invitation:61204417", "EDG-20", "invited three days ago");
    for local in OWNERS {
        truth.finding("XPR-004", SYSTEM, of(local), "admin", "owns the organisation");
        truth.finding("XPR-015", SYSTEM, of(local), "everyday", "owns the organisation with the everyday account");
    }
    let nightly = "token:17044";
    let elif = vec![of("elif.karaca")];
    truth.related("CRD-001", SYSTEM, nightly, elif.clone(), "rotation", "426 days old and in use every night");
    truth.related("CRD-002", SYSTEM, nightly, elif, "endless", "never runs out");
    let owner = &company.get(OWNERS[0]).id;
    for (account, purpose) in [
        ("app:52880113", "proposes updates of dependencies"),
        ("deploy-key:98114207", "lets the cluster read its configuration"),
        (MACHINE, "publishes releases"),
    ] {
        let identity = format!(
            "\n[[identity]]\naccount     = \"github:{account}\"\nowner       = \"{owner}\"\npurpose     = \"{purpose}\"\nenvironment = \"prod\"\nreviewed    = 2026-09-15\n"
        );
        files.append("policy/nhi.toml", &identity);
    }
}
