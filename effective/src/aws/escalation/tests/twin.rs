//! The search compared with one that tries everybody with every technique on everybody, and then takes the best ways.

use proptest::prelude::*;
use serde_json::{Value, json};

use super::world::{HOME, TECHNIQUES, World, allow, deny, trusts};
use crate::aws::compiled::Compiled;
use crate::aws::escalation::administrator::{Supposed, would_be};
use crate::aws::escalation::ask::Binding;
use crate::aws::escalation::{
    Certainty, Cost, Object, Search, Standing, Takes, Technique, Yields, administrators, better, search, trust,
};
use crate::aws::estate::{PrincipalEntry, PrincipalIx, PrincipalKind};
use crate::aws::reference::Reference;

/// How surely somebody has everything that a technique needs with this target.
fn tried(
    search: &Search,
    technique: &Technique,
    who: PrincipalIx,
    target: Option<PrincipalIx>,
) -> Option<(Certainty, Object)> {
    let asker = &search.asker;
    let account = asker.principal(who).account;
    let trusted = match target {
        Some(target) if technique.takes == Takes::Role => trust::trusted(asker, target, technique)?.0,
        _ => Certainty::Certain,
    };
    let own = target.map_or(vec![Object::None], |target| search.found.objects(asker, technique, target));
    let objects = if own == [Object::None] { search.found.anything(asker.estate, technique, account) } else { own };
    objects.into_iter().fold(None, |best, object| {
        let start = if object == Object::Unread { Certainty::NotEvaluated } else { trusted };
        let binding = Binding { technique, target, object };
        let held = technique.requires.iter().try_fold(start.max(trusted), |all, permission| {
            asker.holds(who, permission, binding).map(|held| all.max(held))
        });
        better(best, held.map(|held| (held, object)))
    })
}

/// Costs by trying everything until nothing gets better.
fn costs(search: &Search, goals: &[Option<Certainty>]) -> Vec<Option<Cost>> {
    let count = u32::try_from(goals.len()).unwrap();
    let mut ways: Vec<(PrincipalIx, Option<PrincipalIx>, Certainty)> = Vec::new();
    for who in (0..count).filter(|&who| goals[who as usize].is_none()) {
        let entry = search.asker.principal(who);
        for technique in search.techniques.list() {
            if technique.actor.is_some_and(|actor| actor != entry.kind) {
                continue;
            }
            match technique.takes {
                Takes::Itself => {
                    for object in search.own_objects(technique, who) {
                        let binding = Binding { technique, target: None, object };
                        let held = technique.requires.iter().try_fold(Certainty::Certain, |all, permission| {
                            search.asker.holds(who, permission, binding).map(|held| all.max(held))
                        });
                        let gained = held.and_then(|held| Some(search.gained(technique, who, object)?.max(held)));
                        ways.extend(gained.map(|certainty| (who, None, certainty)));
                    }
                }
                // Joining a group is compared by its stories: what it yields is a matter of definition.
                Takes::Group => {}
                Takes::New => {
                    let gained = tried(search, technique, who, None).and_then(|(held, _)| {
                        Some(would_be(&search.asker, who, &Supposed::AnythingUnbound)?.max(held))
                    });
                    ways.extend(gained.map(|certainty| (who, None, certainty)));
                }
                Takes::User | Takes::Role => {
                    let kind = if technique.takes == Takes::User { PrincipalKind::User } else { PrincipalKind::Role };
                    for target in (0..count).filter(|&target| target != who) {
                        let other = search.asker.principal(target);
                        if other.kind != kind || (other.account != entry.account && !technique.only_assumes()) {
                            continue;
                        }
                        let Some((held, _)) = tried(search, technique, who, Some(target)) else { continue };
                        if technique.yields == Yields::Target {
                            ways.push((who, Some(target), held));
                        } else if let Some(gained) = would_be(&search.asker, target, &Supposed::Anything) {
                            ways.push((who, None, gained.max(held)));
                        }
                    }
                }
            }
        }
    }
    let mut cost: Vec<Option<Cost>> = goals.iter().map(|goal| goal.map(|certainty| (certainty, 0))).collect();
    loop {
        let mut changed = false;
        for &(from, to, certainty) in &ways {
            let Some((worst, steps)) = to.map_or(Some((Certainty::Certain, 0)), |to| cost[to as usize]) else {
                continue;
            };
            let through = (worst.max(certainty), steps + 1);
            if cost[from as usize].is_none_or(|known| through < known) {
                cost[from as usize] = Some(through);
                changed = true;
            }
        }
        if !changed {
            return cost;
        }
    }
}

const ACTIONS: [&str; 18] = [
    "iam:PassRole",
    "iam:*",
    "iam:Attach*",
    "iam:CreateAccessKey",
    "iam:PutUserPolicy",
    "iam:PutRolePolicy",
    "iam:UpdateAssumeRolePolicy",
    "iam:CreatePolicyVersion",
    "iam:AddUserToGroup",
    "sts:AssumeRole",
    "lambda:*",
    "lambda:UpdateFunctionCode",
    "ec2:RunInstances",
    "ssm:StartSession",
    "glue:Create*",
    "states:*",
    "iam:Create*",
    "*",
];

fn statement((effect, action, resource, condition): (u8, usize, usize, u8)) -> Value {
    let resource = match resource {
        0..=2 => "*".to_owned(),
        3 => format!("arn:aws:iam::{HOME}:role/*"),
        4 => format!("arn:aws:iam::{HOME}:user/u0"),
        5 => format!("arn:aws:iam::*:role/r{}", action % 4),
        6 => format!("arn:aws:lambda:eu-north-1:{HOME}:function:team-*"),
        7 => format!("arn:aws:iam::{HOME}:user/${{aws:username}}"),
        _ => format!("arn:aws:iam::{HOME}:role/r1"),
    };
    let mut statement = if effect == 0 { deny(ACTIONS[action], &resource) } else { allow(ACTIONS[action], &resource) };
    match condition {
        0 => statement["Condition"] = json!({"StringEquals": {"iam:PassedToService": "lambda.amazonaws.com"}}),
        1 => statement["Condition"] = json!({"Bool": {"aws:MultiFactorAuthPresent": "true"}}),
        2 => statement["Condition"] = json!({"ArnLike": {"aws:PrincipalArn": format!("arn:aws:iam::{HOME}:user/u1")}}),
        _ => {}
    }
    statement
}

fn trust_of(choice: usize) -> Value {
    match choice {
        0 => trusts(&json!({"Service": "lambda.amazonaws.com"})),
        1 => trusts(&json!({"Service": ["ec2.amazonaws.com", "glue.amazonaws.com"]})),
        2 => trusts(&json!({"AWS": format!("arn:aws:iam::{HOME}:root")})),
        3 => trusts(&json!({"AWS": format!("arn:aws:iam::{HOME}:user/u1")})),
        4 => trusts(&json!({"AWS": format!("arn:aws:iam::{HOME}:role/r0")})),
        5 => trusts(&json!({"AWS": "*"})),
        6 => trusts(&json!({"Service": "states.amazonaws.com"})),
        _ => trusts(&json!({"AWS": "arn:aws:iam::222222222222:root"})),
    }
}

prop_compose! {
    fn worlds()(
        policies in prop::collection::vec(prop::collection::vec((0_u8..6, 0_usize..ACTIONS.len(), 0_usize..9, 0_u8..14), 1..4), 4..7),
        users in prop::collection::vec(prop::collection::vec(0_usize..7, 0..3), 4),
        roles in prop::collection::vec((prop::collection::vec(0_usize..7, 0..2), prop::collection::vec(0_usize..8, 1..3), any::<bool>()), 4),
        bounded in prop::option::weighted(0.4, (0_usize..8, 0_usize..ACTIONS.len() - 1)),
        denied in prop::option::weighted(0.3, 0_usize..ACTIONS.len() - 1),
        resources in 0_u8..8,
    ) -> World {
        let mut world = World::new();
        let other = world.account("222222222222");
        let administrator = world.administrator();
        let own: Vec<u32> = policies.into_iter().enumerate().map(|(at, statements)| {
            let statements: Vec<Value> = statements.into_iter().map(statement).collect();
            world.managed(&format!("p{at}"), &statements)
        }).collect();
        let held = |chosen: &[usize]| -> Vec<u32> { chosen.iter().filter_map(|&at| own.get(at)).copied().collect() };
        for (at, chosen) in users.iter().enumerate() {
            world.user(&format!("u{at}"), &held(chosen));
        }
        for (at, (chosen, trust, strong)) in roles.iter().enumerate() {
            let trust: Vec<Value> = trust.iter().map(|&choice| trust_of(choice)).collect();
            let mut identity = held(chosen);
            if *strong && at < 2 {
                identity.push(administrator);
            }
            let account = if at == 3 { other } else { 0 };
            world.role_in(account, &format!("r{at}"), &trust, &identity);
        }
        if let Some((who, action)) = bounded {
            world.bound(u32::try_from(who).unwrap(), &[ACTIONS[action]]);
        }
        if let Some(action) = denied {
            world.organisation(&[deny(ACTIONS[action], "*")]);
        }
        if resources & 1 != 0 {
            world.resource("aws:lambda-function", &format!("arn:aws:lambda:eu-north-1:{HOME}:function:team-a"), &[("role", &format!("arn:aws:iam::{HOME}:role/r0"))]);
        }
        if resources & 2 != 0 {
            world.resource("aws:iam-instance-profile", &format!("arn:aws:iam::{HOME}:instance-profile/p"), &[("role", &format!("arn:aws:iam::{HOME}:role/r1"))]);
        }
        if resources & 4 != 0 {
            world.resource("aws:ec2-instance", &format!("arn:aws:ec2:eu-north-1:{HOME}:instance/i-1"), &[]);
        }
        world
    }
}

/// How bad a standing is.
fn rank(standing: Standing) -> Option<Cost> {
    match standing {
        Standing::Goal(certainty) => Some((certainty, 0)),
        Standing::Reaches { steps, certainty } => Some((certainty, steps)),
        Standing::NotEvaluated | Standing::Apart => None,
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 40, ..ProptestConfig::default() })]

    #[test]
    fn everybody_stands_where_trying_everything_puts_him(world in worlds()) {
        world.with(&TECHNIQUES, |search| {
            let goals = search.administrators();
            let graph = search.towards(&goals);
            let costs = costs(search, &goals);
            for (who, cost) in costs.into_iter().enumerate() {
                let expected = match (goals[who], cost) {
                    (Some(certainty), _) => Standing::Goal(certainty),
                    (None, Some((certainty, steps))) => Standing::Reaches { steps, certainty },
                    (None, None) => Standing::Apart,
                };
                prop_assert_eq!(graph.standing[who], expected, "{}", world.estate.principals[who].arn);
                let path = graph.path(u32::try_from(who).unwrap());
                if let Standing::Reaches { steps, certainty } = expected {
                    prop_assert_eq!(u32::try_from(path.len()).unwrap(), steps);
                    let last = path.last().and_then(|edge| edge.to).map_or(Certainty::Certain, |to| goals[to as usize].unwrap());
                    prop_assert_eq!(path.iter().map(|edge| edge.certainty).max().unwrap().max(last), certainty);
                }
            }
            Ok(())
        })?;
    }

    #[test]
    fn who_is_supposed_stands_where_he_would_if_he_were_there(
        world in worlds(), policies in prop::collection::vec(0_u32..4, 0..4)
    ) {
        let mut with = world.clone();
        // The first of the policies is the administrator's.
        let policies: Vec<u32> = policies.into_iter().map(|at| at + 1).collect();
        let there = with.user("zz", &policies);
        let stands = with.graph().standing[there as usize];
        prop_assert_eq!(world.supposed(with.at(there)).standing, stands);
        // Of somebody who may be called anything, what is certain is so of everybody, and what anybody could is open at least.
        let group = with.group("all", &policies);
        let anybody = PrincipalEntry { groups: Vec::new(), through: Vec::new(), ..with.member(&group) };
        let anybody = world.supposed(&anybody).standing;
        let holds = match rank(anybody) {
            None => stands == Standing::Apart,
            Some((Certainty::Certain, steps)) => rank(stands).is_some_and(|stands| stands <= (Certainty::Certain, steps)),
            Some((Certainty::Conditional | Certainty::NotEvaluated, _)) => true,
        };
        prop_assert!(holds, "{:?} {:?}", anybody, stands);
    }

    #[test]
    fn the_compiled_evaluator_gives_the_same_graph(world in worlds()) {
        let reference = Reference::builtin();
        let compiled = Compiled::new(&world.estate, reference);
        let by_compiled = search(&compiled, reference, &TECHNIQUES);
        let by_literal = world.graph();
        prop_assert_eq!(by_compiled.standing, by_literal.standing);
        prop_assert_eq!(by_compiled.edges, by_literal.edges);
        let asked_with_all = Search::new(&compiled, reference, &TECHNIQUES).administrators();
        prop_assert_eq!(administrators(&compiled, reference), asked_with_all, "asked for alone");
    }
}
