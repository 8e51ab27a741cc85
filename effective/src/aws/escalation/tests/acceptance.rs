//! Every technique by its own data: it works with exactly what it needs, however that is written; without any one of it, denied, under a
//! boundary, under an organisation's policy and without what must be there, it does not, and what stands in the way is named.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::world::{HOME, TECHNIQUES, World, allow, deny, trusts};
use crate::aws::answer::Layer;
use crate::aws::escalation::{
    Block, Certainty, Edge, Group, On, Permission, Policy, Runs, Takes, Technique, Yields, witness,
};
use crate::aws::estate::{PrincipalIx, PrincipalKind};
use crate::aws::reference::{Reference, ResourceType};

/// How a case differs from the one where the technique works.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Change<'a> {
    Nothing,
    /// The actions are written as `service:*`, as `service:N?me`, as `NotAction`.
    Service,
    Hole,
    NotAction,
    /// The permission at this place is not given.
    Without(usize),
    /// A statement of the actor's own policy denies the action.
    Denied(&'a str),
    /// The actor's boundary allows everything but the action.
    Bounded(&'a str),
    /// A policy of the organisation denies the action.
    Organisation(&'a str),
    /// What must be there is of another kind.
    Missing,
}

struct Case {
    world: World,
    actor: PrincipalIx,
    to: Option<PrincipalIx>,
}

const OTHER_SERVICE: &str = "unrelated.amazonaws.com";

fn filled(pattern: &str) -> String {
    pattern.replace("{partition}", "aws").replace("{account}", HOME)
}

fn case(technique: &Technique, change: Change) -> Case {
    let mut world = World::new();
    let missing = change == Change::Missing;
    world.estate.accounts[0].is_management = technique.when.management && !missing;
    let administrator = world.administrator();
    let harmless = world.managed("harmless", &[allow("s3:ListAllMyBuckets", "*")]);
    let near = world.managed("near", &[allow("iam:PutUserPolicy", "*"), allow("iam:UpdateLoginProfile", "*")]);
    let denying = world.managed("denying", &[deny("iam:UpdateLoginProfile", "*")]);

    let actor = match technique.actor {
        Some(PrincipalKind::Role) => world.role("actor", &[trusts(&json!({"Service": OTHER_SERVICE}))], &[]),
        Some(PrincipalKind::User) | None => world.user("actor", &[]),
    };
    let strong = if technique.yields == Yields::Target { administrator } else { harmless };
    let wrong_target = missing && technique.when == crate::aws::escalation::When::default();
    let strong = if wrong_target { harmless } else { strong };
    let target = match technique.takes {
        Takes::User => Some(world.user("target", &[strong])),
        Takes::Role => {
            let trust = trust(technique, missing);
            Some(world.role("target", &trust, &[strong]))
        }
        Takes::Itself | Takes::Group | Takes::New => None,
    };
    let other = world.role("other", &[trusts(&json!({"Service": OTHER_SERVICE}))], &[harmless]);
    let runs_as = world.arn(if missing { other } else { target.unwrap_or(other) });
    if technique.when.instance_profile {
        world.resource(
            "aws:iam-instance-profile",
            &format!("arn:aws:iam::{HOME}:instance-profile/p"),
            &[("role", &runs_as)],
        );
    }
    let mut object = String::new();
    if let Some(resource) = &technique.when.resource {
        object = witness::plain(&filled(&resource.arn), "eu-central-1");
        match resource.runs {
            Runs::Target => world.resource(&resource.kind, &object, &[("role", &runs_as)]),
            Runs::Anything => world.resource(&resource.kind, &object, &[]),
        };
        if missing && resource.runs == Runs::Anything {
            // It is there, but in another account.
            let account = world.account("222222222222");
            world.estate.resources.last_mut().unwrap().account = Some(account);
        }
    }
    match technique.when.policy {
        Some(Policy::OfSelf) => {
            let own = if missing {
                administratorless(&mut world)
            } else {
                world.managed("own", &[allow("s3:ListAllMyBuckets", "*")])
            };
            object = world.estate.policies[own as usize].name.to_string();
            world.at(actor).identity.push(own);
            if technique.yields == Yields::Version {
                world.estate.versions.push((own, if missing { harmless } else { administrator }));
            }
        }
        Some(Policy::OfTarget) => {
            let own = if missing {
                administratorless(&mut world)
            } else {
                world.managed("own", &[allow("s3:ListAllMyBuckets", "*")])
            };
            object = world.estate.policies[own as usize].name.to_string();
            world.at(target.unwrap()).identity = vec![own];
        }
        Some(Policy::DenyingSelf) => {
            world.at(actor).identity.push(near);
            if missing {
                world.at(actor).identity.push(harmless);
            } else {
                world.at(actor).identity.push(denying);
            }
            object = world.estate.policies[denying as usize].name.to_string();
        }
        None => {}
    }
    match (technique.takes, technique.when.group) {
        (Takes::Group, _) => object = world.group("admins", &[if missing { harmless } else { administrator }]),
        (_, Some(group)) => {
            let policy = if group == Group::DenyingSelf && !missing { denying } else { harmless };
            object = world.group("team", &[policy]);
            if group == Group::DenyingSelf {
                world.at(actor).identity.push(near);
            }
            if !(missing && group == Group::OfSelf) {
                world.join(actor, &object.clone());
            }
        }
        _ => {}
    }
    facts(&mut world, technique, target, missing);

    let statements = statements(&world, technique, actor, target, &object, change);
    let permissions = world.managed("permissions", &statements);
    world.at(actor).identity.push(permissions);
    let mut except: Vec<&str> = Vec::new();
    if technique.when.boundary && !missing {
        world.at(actor).identity.push(near);
        except.push("iam:UpdateLoginProfile");
    }
    if let Change::Bounded(action) = change {
        except.push(action);
    }
    if !except.is_empty() {
        world.bound(actor, &except);
    }
    match change {
        Change::Denied(action) => {
            let denied = world.managed("denied", &[deny(action, "*")]);
            world.at(actor).identity.push(denied);
        }
        Change::Organisation(action) => world.organisation(&[deny(action, "*")]),
        _ => {}
    }
    Case { world, actor, to: (technique.yields == Yields::Target).then_some(target).flatten() }
}

/// A policy of AWS: nobody can write it.
fn administratorless(world: &mut World) -> u32 {
    world.policy("arn:aws:iam::aws:policy/ReadOnlyAccess", &super::world::document(&[allow("s3:Get*", "*")]))
}

fn trust(technique: &Technique, missing: bool) -> Vec<Value> {
    let service = technique.when.trusts.first().map_or(OTHER_SERVICE, String::as_str);
    let service = if missing { OTHER_SERVICE } else { service };
    let mut trust = vec![if service.starts_with("cognito-identity") {
        json!({"Effect": "Allow", "Principal": {"Federated": service}, "Action": "sts:AssumeRoleWithWebIdentity"})
    } else {
        trusts(&json!({"Service": service}))
    }];
    if technique.requires.iter().any(|permission| permission.action == "sts:AssumeRole" && !permission.not_denied) {
        let account = if missing { "333333333333" } else { HOME };
        trust.push(trusts(&json!({"AWS": format!("arn:aws:iam::{account}:root")})));
    }
    if technique.when.provider.is_some() && !missing {
        let provider = json!({"Federated": format!("arn:aws:iam::{HOME}:saml-provider/idp")});
        trust.push(json!({"Effect": "Allow", "Principal": provider, "Action": "sts:AssumeRoleWithSAML"}));
    }
    trust
}

fn facts(world: &mut World, technique: &Technique, target: Option<PrincipalIx>, missing: bool) {
    let when = &technique.when;
    let keys = when.keys_below.map(|below| if missing { below } else { below - 1 });
    let keys = keys.or(when.keys_from.map(|from| if missing { from - 1 } else { from }));
    let console = when.console.map(|console| console != missing);
    if keys.is_none() && console.is_none() {
        return;
    }
    let keys = keys.unwrap_or(1).to_string();
    let console = console.unwrap_or_default().to_string();
    let arn = world.arn(target.unwrap());
    world.resource("aws:iam-user", &arn, &[("keys", &keys), ("console", &console)]);
}

fn statements(
    world: &World,
    technique: &Technique,
    actor: PrincipalIx,
    target: Option<PrincipalIx>,
    object: &str,
    change: Change,
) -> Vec<Value> {
    let wanted = technique.requires.iter().enumerate().filter(|(at, permission)| {
        // What the technique grants itself is not written into the policy.
        !permission.not_denied && change != Change::Without(*at)
    });
    let mut statements: Vec<Value> = wanted
        .map(|(_, permission)| {
            let resource = match &permission.on {
                On::Anything => "*".to_owned(),
                On::Itself => world.arn(actor),
                On::Target => world.arn(target.unwrap()),
                On::Policy | On::Group | On::Resource => object.to_owned(),
                On::Provider => format!("arn:aws:iam::{HOME}:saml-provider/idp"),
                // Narrower than what would be new: a name has to be found that fits both.
                On::New(pattern) => match filled(pattern).strip_suffix('*') {
                    Some(start) => format!("{start}team-*"),
                    None => filled(pattern),
                },
            };
            let mut statement = written(permission, change);
            statement["Resource"] = json!(resource);
            statement
        })
        .collect();
    statements.push(allow("s3:ListAllMyBuckets", "*"));
    statements
}

fn written(permission: &Permission, change: Change) -> Value {
    let (service, action) = permission.action.split_once(':').unwrap();
    match change {
        Change::Service => json!({"Effect": "Allow", "Action": format!("{service}:*")}),
        Change::Hole => json!({"Effect": "Allow", "Action": format!("{service}:{}?{}", &action[..1], &action[2..])}),
        Change::NotAction if service == "iam" => json!({"Effect": "Allow", "NotAction": ["s3:*"]}),
        Change::NotAction => json!({"Effect": "Allow", "NotAction": ["s3:*", "iam:*"]}),
        _ => json!({"Effect": "Allow", "Action": permission.action}),
    }
}

fn found(technique: &Technique, change: Change) -> (Case, Vec<Edge>) {
    let case = case(technique, change);
    let only = TECHNIQUES.only(&technique.id);
    let graph = case.world.with(&only, |search| search.towards(&search.administrators()));
    let edges = graph.edges_from(case.actor).to_vec();
    (case, edges)
}

/// What keeps the technique from working after all.
fn block(technique: &Technique, change: Change) -> Option<Block> {
    let case = case(technique, change);
    case.world.with(&TECHNIQUES.only(&technique.id), |search| {
        search.blocked(&search.towards(&search.administrators()), case.actor).into_iter().next()
    })
}

fn each(test: impl Fn(&Technique)) {
    TECHNIQUES.list().iter().for_each(test);
}

#[test]
fn every_technique_works_with_what_it_needs_however_the_actions_are_written() {
    each(|technique| {
        for change in [Change::Nothing, Change::Service, Change::Hole, Change::NotAction] {
            let (case, edges) = found(technique, change);
            let [edge] = edges.as_slice() else {
                panic!("{} {change:?}: {edges:?} {:?}", technique.id, case.world.graph())
            };
            assert_eq!((edge.to, edge.certainty), (case.to, Certainty::Certain), "{} {change:?}", technique.id);
            case.world.with(&TECHNIQUES.only(&technique.id), |search| {
                let step = search.step(edge);
                assert_eq!(step.evidence.len(), technique.requires.len(), "{} {change:?}", technique.id);
                for (evidence, permission) in step.evidence.iter().zip(&technique.requires) {
                    assert!(
                        permission.not_denied || !evidence.answer.deciding.is_empty(),
                        "{} {}",
                        technique.id,
                        evidence.action
                    );
                }
            });
        }
    });
}

#[test]
fn no_technique_works_without_any_one_permission() {
    each(|technique| {
        for (at, permission) in technique.requires.iter().enumerate().filter(|(_, permission)| !permission.not_denied) {
            let (_, edges) = found(technique, Change::Without(at));
            assert_eq!(edges, [], "{} without {} on {}", technique.id, permission.action, permission.on);
        }
    });
}

#[test]
fn a_denial_stops_every_technique_and_is_named() {
    each(|technique| {
        for permission in &technique.requires {
            let change = Change::Denied(&permission.action);
            let (_, edges) = found(technique, change);
            assert_eq!(edges, [], "{} with {} denied", technique.id, permission.action);
            let block = block(technique, change).unwrap_or_else(|| panic!("{} {}", technique.id, permission.action));
            assert_eq!((&*block.action, block.layer), (&*permission.action, Layer::Identity), "{}", technique.id);
            assert!(block.deciding[0].policy.ends_with(":policy/denied"), "{}", technique.id);
        }
    });
}

#[test]
fn a_boundary_stops_every_technique_and_is_named() {
    each(|technique| {
        for permission in technique.requires.iter().filter(|permission| !permission.not_denied) {
            let change = Change::Bounded(&permission.action);
            let (_, edges) = found(technique, change);
            assert_eq!(edges, [], "{} with {} out of bounds", technique.id, permission.action);
            let block = block(technique, change).unwrap_or_else(|| panic!("{} {}", technique.id, permission.action));
            assert_eq!((&*block.action, block.layer), (&*permission.action, Layer::Boundary), "{}", technique.id);
        }
    });
}

#[test]
fn an_organisation_stops_every_technique_and_is_named() {
    each(|technique| {
        // No policy binds the account that manages the organisation.
        for permission in technique.requires.iter().filter(|_| !technique.when.management) {
            let change = Change::Organisation(&permission.action);
            let (_, edges) = found(technique, change);
            assert_eq!(edges, [], "{} with {} denied by the organisation", technique.id, permission.action);
            let block = block(technique, change).unwrap_or_else(|| panic!("{} {}", technique.id, permission.action));
            assert_eq!((&*block.action, block.layer), (&*permission.action, Layer::Scp), "{}", technique.id);
        }
    });
}

#[test]
fn no_technique_works_without_the_right_trust_or_whatever_else_must_be_there() {
    // These need nothing that could be missing: they make it, or have it by being who they are. Their other cases are stories.
    let without: BTreeSet<&str> = [
        "iam-attach-role-policy",
        "iam-attach-role-policy-update-trust",
        "iam-attach-user-policy",
        "iam-create-role-attach-policy",
        "iam-create-role-put-policy",
        "iam-create-user-attach-policy",
        "iam-create-user-put-policy",
        "iam-put-role-policy",
        "iam-put-role-policy-update-trust",
        "iam-put-user-policy",
    ]
    .into();
    let working: BTreeSet<&str> = TECHNIQUES
        .list()
        .iter()
        .filter(|technique| !found(technique, Change::Missing).1.is_empty())
        .map(|technique| technique.id.as_str())
        .collect();
    assert_eq!(working, without);
}

#[test]
fn every_permission_is_an_action_of_aws_on_what_it_can_be_limited_to() {
    let reference = Reference::builtin();
    let some = |pattern: &str| pattern.replace("{partition}", "aws").replace("{account}", HOME);
    each(|technique| {
        for permission in &technique.requires {
            let found = reference.find(&permission.action);
            let action = reference.action(found.unwrap_or_else(|| panic!("{}: {}", technique.id, permission.action)));
            let limits: Vec<String> = reference.resource_types(action).filter_map(ResourceType::pattern).collect();
            let wanted = match &permission.on {
                On::Anything => {
                    assert_eq!(action.required, 0, "{}: {} needs a resource", technique.id, action.name);
                    continue;
                }
                On::Resource => some(&technique.when.resource.as_ref().unwrap().arn),
                On::New(pattern) => some(pattern),
                On::Itself | On::Target | On::Policy | On::Group | On::Provider => "arn:aws:iam::*:*".to_owned(),
            };
            let fits = limits.iter().any(|limit| witness::common_arn(&wanted, limit, "us-east-1").is_some());
            assert!(fits, "{}: {} is on {limits:?}, not on {wanted}", technique.id, action.name);
        }
    });
}
