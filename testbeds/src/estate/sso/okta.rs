//! Okta's answers: users of every status with their factors, groups with rules and members, applications, administrators, tokens.

use super::super::Files;
use super::super::clock::used_ago;
use super::super::company::used_before;
use super::super::json::{Json, object};
use super::super::truth::Truth;
use super::{APPS, Exchanges, GROUPS, Member, OWNERS, id_of, millis, recorded};

const SYSTEM: &str = "okta";
const BASE: &str = "https://acme.okta.com";
const LETTERS: &[u8] = b"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789";

pub(super) fn user_id(local: &str) -> String {
    id_of("00u", LETTERS, 17, &format!("okta:user:{local}"))
}

fn group_id(name: &str) -> String {
    id_of("00g", LETTERS, 17, &format!("okta:group:{name}"))
}

fn app_id(label: &str) -> String {
    id_of("0oa", LETTERS, 17, &format!("okta:app:{label}"))
}

pub(super) fn write(members: &[Member<'_>], truth: &mut Truth, files: &mut Files) {
    let mut exchanges = Exchanges::default();
    users(members, &mut exchanges);
    groups(members, &mut exchanges);
    apps(members, &mut exchanges);
    administrators(&mut exchanges);
    tokens(&mut exchanges);
    let config = object! { "base_url" => BASE };
    files.text("okta/exchanges.json", exchanges.file(&recorded(55), &config, "token"));
    plant(truth);
}

fn users(members: &[Member<'_>], exchanges: &mut Exchanges) {
    let first: Vec<Json> = members.iter().take(1).map(user).collect();
    exchanges.add("GET /api/v1/users?limit=1", Json::List(first));
    let (gone, current): (Vec<&Member<'_>>, Vec<_>) = members.iter().partition(|one| one.status == "DEPROVISIONED");
    let after = |page: usize| match page {
        0 => String::new(),
        page => format!("&after={}", current[page * 200 - 1].id()),
    };
    let pages = |page: usize| format!("/api/v1/users?limit=200{}", after(page));
    exchanges.pages(current.iter().map(|one| user(one)).collect(), 200, pages, BASE);
    let pages = |_: usize| "/api/v1/users?limit=200&filter=status+eq+%22DEPROVISIONED%22".to_owned();
    exchanges.pages(gone.iter().map(|one| user(one)).collect(), 200, pages, BASE);
    for member in members.iter().filter(|one| one.status == "ACTIVE") {
        exchanges.add(format!("GET /api/v1/users/{}/factors", member.id()), factors(member));
    }
}

fn user(member: &Member<'_>) -> Json {
    let person = member.person;
    let made = member.made("okta");
    let mut rng = person.rng("okta");
    let used = match (member.status, person.last_day) {
        ("STAGED", _) => None,
        ("DEPROVISIONED", Some(last)) => Some(used_before(&mut rng, last).max(made)),
        _ if person.local == "rosalind.achterberg" => person.ad_seen,
        _ => Some(used_ago(&mut rng, 1, 12).max(made)),
    };
    let (used, changed) = match used {
        None => (Json::Null, Json::Null),
        Some(used) => (millis(used).into(), millis(used_ago(&mut rng, 20, 80).max(made)).into()),
    };
    object! {
        "id" => member.id(),
        "status" => member.status,
        "created" => millis(made),
        "statusChanged" => millis(made),
        "lastLogin" => used,
        "passwordChanged" => changed,
        "profile" => object! {
            "login" => person.email(),
            "email" => person.email(),
            "secondEmail" => Json::Null,
            "firstName" => &person.given,
            "lastName" => &person.family,
            "displayName" => person.name(),
            "employeeNumber" => &person.id,
            "department" => person.department,
            "title" => person.title,
            "managerId" => &person.manager,
            "userType" => person.worker_type,
        },
        "credentials" => object! { "provider" => object! { "type" => "OKTA", "name" => "OKTA" } },
    }
}

fn factors(member: &Member<'_>) -> Json {
    let factor = |kind: &str, provider: &str| {
        object! {
            "id" => id_of("opf", LETTERS, 17, &format!("okta:factor:{}:{kind}", member.person.local)),
            "factorType" => kind, "provider" => provider, "status" => "ACTIVE",
        }
    };
    Json::List(match member.person.local.as_str() {
        "petra.zelenka" => vec![],
        local if OWNERS.contains(&local) => vec![factor("webauthn", "FIDO"), factor("push", "OKTA")],
        _ => vec![factor("push", "OKTA")],
    })
}

fn groups(members: &[Member<'_>], exchanges: &mut Exchanges) {
    let row = |name: &str, kind: &str, description: &str| {
        object! {
            "id" => group_id(name), "type" => kind,
            "profile" => object! { "name" => name, "description" => description },
        }
    };
    let mut rows = vec![row("Everyone", "BUILT_IN", "All users in your organization")];
    rows.extend(GROUPS.iter().map(|(name, description, _)| row(name, "OKTA_GROUP", description)));
    exchanges.add("GET /api/v1/groups?limit=1000", Json::List(rows));
    let by_rule = GROUPS.iter().filter(|(.., by_rule)| *by_rule).map(|(name, ..)| {
        object! {
            "id" => id_of("0pr", LETTERS, 17, &format!("okta:rule:{name}")), "status" => "ACTIVE", "name" => *name,
            "actions" => object! { "assignUserToGroups" => object! { "groupIds" => vec![group_id(name)] } },
        }
    });
    exchanges.add("GET /api/v1/groups/rules?limit=50", Json::List(by_rule.collect()));
    let everyone = members.iter().filter(|one| one.status != "DEPROVISIONED");
    let listed = |name: &str, rows: Vec<Json>, exchanges: &mut Exchanges| {
        exchanges.add(format!("GET /api/v1/groups/{}/users?limit=1000", group_id(name)), Json::List(rows));
    };
    listed("Everyone", everyone.map(brief).collect(), exchanges);
    for (name, ..) in GROUPS {
        listed(name, members.iter().filter(|one| one.groups.contains(&name)).map(brief).collect(), exchanges);
    }
}

/// A user as lists of groups show it, of which a part is here.
fn brief(member: &Member<'_>) -> Json {
    object! {
        "id" => member.id(), "status" => member.status, "profile" => object! { "login" => member.person.email() },
    }
}

fn apps(members: &[Member<'_>], exchanges: &mut Exchanges) {
    let rows = APPS.iter().map(|(name, label, _)| {
        object! {
            "id" => app_id(label), "name" => *name, "label" => *label, "status" => "ACTIVE", "signOnMode" => "SAML_2_0",
        }
    });
    exchanges.add("GET /api/v1/apps?limit=200", Json::List(rows.collect()));
    for (_, label, groups) in APPS {
        let app = app_id(label);
        let rows = members.iter().filter(|one| one.is_assigned(label)).map(|one| {
            let by_group = groups.iter().any(|group| one.groups.contains(group));
            object! {
                "id" => one.id(), "scope" => if by_group { "GROUP" } else { "USER" }, "status" => "ACTIVE",
                "created" => millis(one.made("app")),
                "credentials" => object! { "userName" => one.person.email() },
            }
        });
        exchanges.add(format!("GET /api/v1/apps/{app}/users?limit=500"), Json::List(rows.collect()));
        let rows = (0..).zip(groups).map(|(priority, group)| {
            object! { "id" => group_id(group), "priority" => priority, "lastUpdated" => "2026-03-02T09:00:00.000Z" }
        });
        exchanges.add(format!("GET /api/v1/apps/{app}/groups?limit=200"), Json::List(rows.collect()));
    }
}

fn administrators(exchanges: &mut Exchanges) {
    let own = object! {
        "id" => custom_role(), "label" => "Application assigners",
        "description" => "Assigns applications to people", "created" => "2026-03-02T09:00:00.000Z",
    };
    exchanges.add("GET /api/v1/iam/roles", object! { "roles" => vec![own], "_links" => object! {} });
    let all = [
        ("ingrid.vestergaard", "SUPER_ADMIN", "Super Administrator"),
        ("petra.zelenka", "HELP_DESK_ADMIN", "Help Desk Administrator"),
        ("rafael.monteiro", "SUPER_ADMIN", "Super Administrator"),
    ];
    let rows = all.iter().map(|(local, ..)| {
        let id = user_id(local);
        object! { "id" => &id, "orn" => format!("orn:okta:directory:00o1acme0example0:users:{id}") }
    });
    exchanges.add(
        "GET /api/v1/iam/assignees/users?limit=100",
        object! { "value" => Json::List(rows.collect()), "_links" => object! {} },
    );
    for (local, role, label) in all {
        let row = object! {
            "id" => id_of("ra1", LETTERS, 17, &format!("okta:admin:{local}")), "label" => label, "type" => role,
            "status" => "ACTIVE", "created" => "2026-03-02T09:00:00.000Z", "assignmentType" => "USER",
        };
        exchanges.add(format!("GET /api/v1/users/{}/roles", user_id(local)), Json::List(vec![row]));
    }
}

/// Id of the role that acme made itself.
fn custom_role() -> String {
    id_of("cr0", LETTERS, 17, "okta:role:assigners")
}

/// Ids of the tokens, by name.
fn token_id(name: &str) -> String {
    id_of("00T", LETTERS, 17, &format!("okta:token:{name}"))
}

fn tokens(exchanges: &mut Exchanges) {
    let token = |name: &str, local: &str, created: &str, used: &str, expires: &str| {
        object! {
            "id" => token_id(name), "name" => name, "userId" => user_id(local), "created" => created,
            "lastUpdated" => used, "expiresAt" => expires,
            "network" => object! { "connection" => "ANYWHERE" },
        }
    };
    let rows = vec![
        token(
            "muster",
            "ingrid.vestergaard",
            "2026-10-05T08:00:00.000Z",
            "2026-11-02T05:05:00.000Z",
            "2026-12-02T05:05:00.000Z",
        ),
        token(
            "migration",
            "rafael.monteiro",
            "2026-03-04T10:00:00.000Z",
            "2026-10-30T02:00:00.000Z",
            "2026-11-29T02:00:00.000Z",
        ),
    ];
    exchanges.add("GET /api/v1/api-tokens", Json::List(rows));
}

fn plant(truth: &mut Truth) {
    let waiting = "in the group that gives the team quality in GitHub, and has no account there";
    truth.finding("DRF-007", SYSTEM, user_id("ewan.drummond"), "sso", waiting);
    truth.finding("AUT-001", SYSTEM, user_id("petra.zelenka"), "mfa", "administers the help desk without any factor");
    truth.related(
        "CRD-001",
        SYSTEM,
        token_id("migration"),
        vec![user_id("rafael.monteiro")],
        "rotation",
        "the token of the migration in March still works",
    );
    for local in OWNERS {
        truth.finding("XPR-004", SYSTEM, user_id(local), "admin", "holds the role Super Administrator");
    }
    for local in [OWNERS[0], OWNERS[1], "petra.zelenka"] {
        truth.finding("XPR-015", SYSTEM, user_id(local), "everyday", "administers Okta with the everyday account");
    }
    let unheld = "made for the move to Okta, and held by nobody since";
    truth.finding("DOR-005", SYSTEM, custom_role(), "empty", unheld);
    let edge = format!("{}|HELP_DESK_ADMIN|org", user_id("petra.zelenka"));
    truth.finding("XPR-003", SYSTEM, edge, "outlier", "the only one of twenty-nine systems engineers");
    let gone = "switched off on the last day, as HR said; the accounts that stayed behind are elsewhere";
    truth.benign(&["LCM-001", "DOR-001", "ORP-001"], SYSTEM, user_id("henrik.solbergsen"), "EDG-29", gone);
    truth.benign(&["LCM-001", "DOR-001"], SYSTEM, user_id("matteo.bellandi"), "EDG-09", "staged: starts in two weeks");
}
