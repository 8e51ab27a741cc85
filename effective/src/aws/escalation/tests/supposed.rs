//! What a group makes of a member who has nothing else, told by hand.

use serde_json::{Value, json};

use super::world::{HOME, World, allow, deny, name, trusts};
use crate::aws::escalation::{Certainty, Standing, Supposed};
use crate::aws::estate::{Unread, UnreadKind};

/// A group with a policy for each of some lists of statements, the only one of the account.
fn group(world: &mut World, policies: &[&[Value]]) -> String {
    world.estate.groups.clear();
    let policies: Vec<u32> =
        policies.iter().enumerate().map(|(at, statements)| world.managed(&format!("g{at}"), statements)).collect();
    world.group("team", &policies)
}

/// Where a member of a group with these policies stands.
fn member(world: &mut World, policies: &[&[Value]]) -> Supposed {
    let group = group(world, policies);
    world.supposed(&world.member(&group))
}

fn reaches(steps: u32, certainty: Certainty) -> Standing {
    Standing::Reaches { steps, certainty }
}

const ADMINISTRATOR: Standing = Standing::Goal(Certainty::Certain);

#[test]
fn two_policies_together_make_an_administrator_and_a_deny_of_one_takes_the_other() {
    let mut world = World::new();
    let grants = [allow("iam:PutRolePolicy", "*")];
    let takes = [allow("iam:UpdateAssumeRolePolicy", "*")];
    assert_eq!(member(&mut world, &[&grants, &takes]).standing, ADMINISTRATOR);
    assert_eq!(member(&mut world, &[&grants]).standing, Standing::Apart);
    let denies = [deny("iam:UpdateAssumeRolePolicy", "*")];
    assert_eq!(member(&mut world, &[&grants, &takes, &denies]).standing, Standing::Apart);
    let everything = [allow("*", "*")];
    assert_eq!(member(&mut world, &[&everything]).standing, ADMINISTRATOR);
    assert_eq!(member(&mut world, &[&everything, &[deny("iam:*", "*")]]).standing, Standing::Apart);
}

#[test]
fn what_the_organisation_takes_the_group_does_not_give() {
    let mut world = World::new();
    let everything = [allow("*", "*")];
    world.organisation(&[deny("iam:*", "*")]);
    assert_eq!(member(&mut world, &[&everything]).standing, Standing::Apart);
    world.organisation(&[deny("cloudtrail:StopLogging", "*"), deny("iam:CreateUser", "*")]);
    assert_eq!(member(&mut world, &[&everything]).standing, ADMINISTRATOR);
    // Whoever is spared is a role, so that no member is.
    let spared = |arn: &str| {
        let mut statement = deny("iam:*", "*");
        statement["Condition"] = json!({"ArnNotLike": {"aws:PrincipalArn": arn}});
        statement
    };
    world.organisation(&[spared("arn:aws:iam::*:role/breakglass")]);
    assert_eq!(member(&mut world, &[&everything]).standing, Standing::Apart);
    world.organisation(&[spared(&format!("arn:aws:iam::{HOME}:user/*"))]);
    assert_eq!(member(&mut world, &[&everything]).standing, ADMINISTRATOR);
    world.organisation(&[spared("arn:aws:iam::*:user/admin-*")]);
    assert_eq!(member(&mut world, &[&everything]).standing, Standing::Goal(Certainty::Conditional));
}

#[test]
fn conditions_and_what_was_not_read_leave_it_open() {
    let mut world = World::new();
    let with = |key: &str, operator: &str, value: &str| {
        let mut statement = allow("*", "*");
        statement["Condition"] = json!({operator: {key: value}});
        [statement]
    };
    let open = Standing::Goal(Certainty::Conditional);
    let mfa = with("aws:MultiFactorAuthPresent", "Bool", "true");
    assert_eq!(member(&mut world, &[&mfa]).standing, open);
    // Somebody of this name, or with this tag, may be a member.
    assert_eq!(member(&mut world, &[&with("aws:username", "StringEquals", "alice")]).standing, open);
    assert_eq!(member(&mut world, &[&with("aws:username", "StringNotEquals", "alice")]).standing, open);
    assert_eq!(member(&mut world, &[&with("aws:PrincipalTag/team", "StringEquals", "core")]).standing, open);
    assert_eq!(member(&mut world, &[&with("aws:username", "Null", "false")]).standing, ADMINISTRATOR);
    assert_eq!(member(&mut world, &[&with("aws:username", "StringLike", "?*")]).standing, ADMINISTRATOR);
    assert_eq!(member(&mut world, &[&with("aws:username", "StringLike", "???*")]).standing, open);
    // Nobody of another account is one.
    let elsewhere = with("aws:PrincipalArn", "StringEquals", "arn:aws:iam::222222222222:user/alice");
    assert_eq!(member(&mut world, &[&elsewhere]).standing, Standing::Apart);

    let group = group(&mut world, &[&[allow("s3:*", "*")]]);
    let mut unread = world.member(&group);
    assert_eq!(world.supposed(&unread).standing, Standing::Apart);
    unread.unread.push("the document of policy `p` was not read".into());
    assert_eq!(world.supposed(&unread).standing, Standing::NotEvaluated);
    let whole = world.member(&group);
    world.estate.accounts[0].unread.push(Unread { what: UnreadKind::Principals, why: "account not read".into() });
    assert_eq!(world.supposed(&whole).standing, Standing::NotEvaluated);
    world.estate.accounts[0].unread = vec![Unread { what: UnreadKind::Organization, why: "no organisation".into() }];
    assert_eq!(world.supposed(&whole).standing, Standing::Apart);
    // There may be a policy of the organisation that takes it.
    let everything = [allow("*", "*")];
    assert_eq!(member(&mut world, &[&everything]).standing, Standing::Goal(Certainty::NotEvaluated));
}

#[test]
fn a_technique_works_through_the_group_and_leads_on_from_whom_one_becomes() {
    let mut world = World::new();
    let first = |found: Supposed| found.first.map(|edge| (name(edge.technique), edge.to));
    let own = format!("arn:aws:iam::{HOME}:policy/g0");
    let found = member(&mut world, &[&[allow("iam:CreatePolicyVersion", &own)]]);
    assert_eq!(found.standing, reaches(1, Certainty::Certain));
    assert_eq!(first(found), Some(("iam-create-policy-version", None)));
    // Whatever a member is called, he is himself.
    let himself = [allow("iam:PutUserPolicy", "arn:aws:iam::*:user/${aws:username}")];
    assert_eq!(member(&mut world, &[&himself]).standing, reaches(1, Certainty::Certain));
    let not_himself = [
        allow("iam:PutUserPolicy", "*"),
        json!({"Effect": "Deny", "Action": "iam:*", "Resource": "arn:aws:iam::*:user/${aws:username}"}),
    ];
    assert_eq!(member(&mut world, &[&not_himself]).standing, Standing::Apart);

    let administrator = world.administrator();
    let root = trusts(&json!({"AWS": format!("arn:aws:iam::{HOME}:root")}));
    let admin = world.role("admin", std::slice::from_ref(&root), &[administrator]);
    let may_assume = world.managed("assume", &[allow("sts:AssumeRole", &world.arn(admin))]);
    let between = world.role("between", &[root], &[may_assume]);
    let assumes = [allow("sts:AssumeRole", &world.arn(between))];
    let found = member(&mut world, &[&assumes]);
    assert_eq!(
        (found.standing, first(found)),
        (reaches(2, Certainty::Certain), Some(("sts-assume-role", Some(between))))
    );
    // A role of each one's own name: one of them may be called so.
    let of_his_name = [allow("sts:AssumeRole", "arn:aws:iam::*:role/${aws:username}")];
    assert_eq!(member(&mut world, &[&of_his_name]).standing, reaches(1, Certainty::Conditional));
    // Two members who are there are none of each other's ways.
    let two = group(&mut world, &[&[allow("s3:*", "*"), allow("iam:CreateAccessKey", "*")]]);
    let (ann, bob) = (world.user("ann", &[]), world.user("bob", &[]));
    world.join(ann, &two);
    world.join(bob, &two);
    let graph = world.graph();
    assert_eq!(graph.standing[ann as usize], Standing::Apart);
    assert_eq!(world.supposed(&world.member(&two)).standing, Standing::Apart);
    // Nobody becomes who is not there, and nothing changes for those who are.
    assert_eq!((graph.standing.len(), world.graph().edges), (world.estate.principals.len(), graph.edges));
}
