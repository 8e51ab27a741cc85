//! What happens between several of them, told by hand.

use serde_json::json;

use super::world::{HOME, TECHNIQUES, World, allow, deny, name, trusts};
use crate::aws::answer::Layer;
use crate::aws::escalation::{Certainty, Standing};
use crate::aws::estate::{Unread, UnreadKind};

const LAMBDA: &str = "lambda.amazonaws.com";

fn root(number: &str) -> serde_json::Value {
    trusts(&json!({"AWS": format!("arn:aws:iam::{number}:root")}))
}

/// Names of the techniques of a path, from its start.
fn path(world: &World, who: u32) -> Vec<&'static str> {
    world.graph().path(who).iter().map(|edge| name(edge.technique)).collect()
}

#[test]
fn three_steps_lead_from_a_user_to_an_administrator() {
    let mut world = World::new();
    let administrator = world.administrator();
    let last = world.role("last", &[trusts(&json!({"Service": LAMBDA}))], &[administrator]);
    let function = format!("arn:aws:lambda:eu-west-1:{HOME}:function:nightly");
    world.resource("aws:lambda-function", &function, &[("role", &world.arn(last).clone())]);
    let update = world.managed("update", &[allow("lambda:UpdateFunctionCode", &function)]);
    let deployer = world.role("deployer", &[root(HOME)], &[update]);
    let bob = world.user_who("bob", &[allow("sts:AssumeRole", &world.arn(deployer))]);
    let alice = world.user_who("alice", &[allow("iam:CreateAccessKey", &world.arn(bob))]);
    let eve = world.user_who("eve", &[allow("s3:*", "*")]);
    let graph = world.graph();
    assert_eq!(graph.standing[last as usize], Standing::Goal(Certainty::Certain));
    assert_eq!(graph.standing[alice as usize], Standing::Reaches { steps: 3, certainty: Certainty::Certain });
    assert_eq!(graph.standing[eve as usize], Standing::Apart);
    assert_eq!(path(&world, alice), ["iam-create-access-key", "sts-assume-role", "lambda-update-function-code"]);
    assert_eq!(graph.path(last).len(), 0);
    // Nobody gains by somebody who stands no better.
    assert!(graph.edges_from(deployer).iter().all(|edge| edge.to == Some(last)));
    world.with(&TECHNIQUES, |search| {
        let steps: Vec<_> = graph.path(alice).into_iter().map(|edge| search.step(edge)).collect();
        let policies =
            |step: usize| steps[step].evidence[0].answer.deciding.iter().map(|by| &*by.policy).collect::<Vec<_>>();
        assert_eq!(policies(0), ["inline policy of user alice"]);
        assert_eq!(policies(1), ["trust policy of role deployer", "inline policy of user bob"]);
        assert_eq!(steps[2].about.as_deref(), Some(&*function));
        assert_eq!(&*steps[2].trust[0].policy, "trust policy of role last");
    });
}

#[test]
fn the_shortest_way_is_taken_and_the_most_certain_one_before_it() {
    let mut world = World::new();
    let administrator = world.administrator();
    let admin = world.role("admin", &[root(HOME)], &[administrator]);
    let between = world.user_who("between", &[allow("sts:AssumeRole", &world.arn(admin))]);
    let mut at_work = allow("sts:AssumeRole", &world.arn(admin));
    at_work["Condition"] = json!({"IpAddress": {"aws:SourceIp": "198.51.100.0/24"}});
    let who = world.user_who("who", &[at_work, allow("iam:UpdateLoginProfile", &world.arn(between))]);
    let graph = world.graph();
    assert_eq!(graph.standing[who as usize], Standing::Reaches { steps: 2, certainty: Certainty::Certain });
    assert_eq!(path(&world, who), ["iam-update-login-profile", "sts-assume-role"]);
    let direct =
        graph.edges_from(who).iter().find(|edge| edge.to == Some(admin)).expect("the direct way is there as well");
    assert_eq!(direct.certainty, Certainty::Conditional);
    world.with(&TECHNIQUES, |search| {
        let step = search.step(direct);
        assert_eq!(step.assumed.len(), 1);
        assert_eq!(&*step.assumed[0].key, "aws:sourceip");
    });
}

#[test]
fn an_administrator_is_who_controls_iam_whatever_else_holds_him() {
    let mut world = World::new();
    let all = world.administrator();
    let full = world.user("full", &[all]);
    let iam = world.user_who("iam", &[allow("iam:*", "*")]);
    let power = world
        .user_who("power", &[json!({"Effect": "Allow", "NotAction": ["iam:*", "organizations:*"], "Resource": "*"})]);
    let bounded = world.user("bounded", &[all]);
    world.bound(bounded, &["iam:*"]);
    let mut with_mfa = allow("*", "*");
    with_mfa["Condition"] = json!({"Bool": {"aws:MultiFactorAuthPresent": "true"}});
    let mfa = world.user_who("mfa", &[with_mfa]);
    let some = world.user_who("some", &[allow("iam:*", &format!("arn:aws:iam::{HOME}:user/team/*"))]);
    // A guardrail that takes one thing away takes no administrator away.
    world.organisation(&[
        deny("iam:CreateAccessKey", "*"),
        deny("iam:AttachRolePolicy", "*"),
        deny("organizations:LeaveOrganization", "*"),
    ]);
    let standing = world.graph().standing;
    let goal = |certainty| Standing::Goal(certainty);
    let by = world.with(&TECHNIQUES, |search| search.control(full));
    assert_eq!(
        by.iter().map(|by| &*by.action).collect::<Vec<_>>(),
        ["iam:PutRolePolicy", "iam:UpdateAssumeRolePolicy"]
    );
    assert!(by.iter().all(|by| by.answer.deciding.iter().any(|by| by.policy.ends_with("/AdministratorAccess"))));
    assert!(world.with(&TECHNIQUES, |search| search.control(power)).is_empty());
    assert_eq!(standing[full as usize], goal(Certainty::Certain));
    assert_eq!(standing[iam as usize], goal(Certainty::Certain));
    assert_eq!(standing[mfa as usize], goal(Certainty::Conditional));
    assert_eq!(standing[power as usize], Standing::Apart);
    assert_eq!(standing[bounded as usize], Standing::Apart);
    assert_eq!(standing[some as usize], Standing::Apart);
}

#[test]
fn who_may_give_himself_any_policy_gains_nothing_under_a_boundary_that_holds() {
    let mut world = World::new();
    let me = format!("arn:aws:iam::{HOME}:user/me");
    let statements = [allow("iam:PutUserPolicy", &me), allow("iam:AttachUserPolicy", &me)];
    let who = world.user_who("me", &statements);
    let only = world
        .managed("only", &[allow("iam:PutUserPolicy", "*"), allow("iam:AttachUserPolicy", "*"), allow("s3:*", "*")]);
    world.at(who).boundary = Some(only);
    assert_eq!(world.graph().standing[who as usize], Standing::Apart);
    let blocks = world.blocks(who);
    let names: Vec<_> = blocks.iter().map(|block| (name(block.technique), block.layer)).collect();
    assert_eq!(names, [("iam-attach-user-policy", Layer::Boundary), ("iam-put-user-policy", Layer::Boundary)]);
    // The same without it.
    world.at(who).boundary = None;
    assert_eq!(world.graph().standing[who as usize], Standing::Reaches { steps: 1, certainty: Certainty::Certain });
}

#[test]
fn a_role_of_another_account_is_assumed_when_both_sides_agree() {
    let mut world = World::new();
    let other = world.account("222222222222");
    let administrator = world.administrator();
    let role = world.role_in(other, "audit", &[root(HOME)], &[administrator]);
    let allowed = world.user_who("allowed", &[allow("sts:AssumeRole", &world.arn(role))]);
    let silent = world.user_who("silent", &[allow("s3:*", "*")]);
    let named = world.role_in(other, "named", &[trusts(&json!({"AWS": world.arn(silent)}))], &[administrator]);
    let graph = world.graph();
    assert_eq!(graph.standing[allowed as usize], Standing::Reaches { steps: 1, certainty: Certainty::Certain });
    // Across accounts a trust that names him is only half of it.
    assert_eq!(graph.standing[silent as usize], Standing::Apart);
    assert!(graph.edges.iter().all(|edge| edge.to != Some(named)));
    // In one account it is all of it.
    let here = world.role("here", &[trusts(&json!({"AWS": world.arn(silent)}))], &[administrator]);
    let graph = world.graph();
    assert_eq!(graph.edges_from(silent).iter().map(|edge| edge.to).collect::<Vec<_>>(), [Some(here)]);
}

#[test]
fn whom_a_trust_names_is_found_whatever_the_path() {
    let mut world = World::new();
    let administrator = world.administrator();
    let user = world.user("team/dev/ann", &[]);
    let session = world.role("svc/worker", &[trusts(&json!({"Service": LAMBDA}))], &[]);
    let named = json!({"AWS": [format!("arn:aws:iam::{HOME}:user/team/dev/ann"), format!("arn:aws:sts::{HOME}:assumed-role/worker/nightly")]});
    let role = world.role("admin", &[trusts(&named)], &[administrator]);
    let graph = world.graph();
    assert_eq!(graph.edges_from(user).iter().map(|edge| edge.to).collect::<Vec<_>>(), [Some(role)]);
    // Only one of the worker's sessions is named: whether it is that one is not known.
    assert_eq!(graph.standing[session as usize], Standing::Reaches { steps: 1, certainty: Certainty::Conditional });
}

#[test]
fn a_trust_that_was_not_read_is_not_evaluated() {
    let mut world = World::new();
    let administrator = world.administrator();
    let role = world.role("admin", &[], &[administrator]);
    world.at(role).trust = None;
    let who = world.user_who("who", &[allow("sts:AssumeRole", "*")]);
    assert_eq!(
        world.graph().standing[who as usize],
        Standing::Reaches { steps: 1, certainty: Certainty::NotEvaluated }
    );
}

#[test]
fn passing_is_judged_by_service_and_by_what_the_role_will_be_attached_to() {
    let mut world = World::new();
    let administrator = world.administrator();
    let role = world.role("target", &[trusts(&json!({"Service": [LAMBDA, "ec2.amazonaws.com"]}))], &[administrator]);
    let pass = |condition: serde_json::Value| {
        let mut statement = allow("iam:PassRole", &format!("arn:aws:iam::{HOME}:role/target"));
        statement["Condition"] = condition;
        statement
    };
    let make = [allow("lambda:CreateFunction", "*"), allow("lambda:InvokeFunction", "*")];
    let to = |service: &str| pass(json!({"StringEquals": {"iam:PassedToService": service}}));
    let with = |statement| [&[statement], &make[..]].concat();
    let lambda = world.user_who("lambda", &with(to(LAMBDA)));
    let glue = world.user_who("glue", &with(to("glue.amazonaws.com")));
    let dev = world.user_who("dev", &with(pass(json!({"ArnLike": {"iam:AssociatedResourceARN": format!("arn:aws:lambda:eu-north-1:{HOME}:function:dev-*")}}))));
    let elsewhere = world.user_who(
        "elsewhere",
        &with(pass(json!({"ArnLike": {"iam:AssociatedResourceARN": "arn:aws:ec2:*:*:instance/*"}}))),
    );
    let graph = world.graph();
    let certain = Standing::Reaches { steps: 1, certainty: Certainty::Certain };
    assert_eq!(graph.standing[lambda as usize], certain);
    assert_eq!(graph.standing[dev as usize], certain);
    assert_eq!(graph.standing[glue as usize], Standing::Apart);
    assert_eq!(graph.standing[elsewhere as usize], Standing::Apart);
    assert!(graph.edges.iter().all(|edge| edge.to == Some(role)));
}

#[test]
fn a_user_who_joins_a_group_gains_what_its_members_have() {
    let mut world = World::new();
    let administrator = world.administrator();
    let admin = world.role("admin", &[root(HOME)], &[administrator]);
    let assume = world.managed("assume", &[allow("sts:AssumeRole", &world.arn(admin))]);
    let group = world.group("deployers", &[assume]);
    let member = world.user("member", &[]);
    world.join(member, &group);
    let who = world.user_who("who", &[allow("iam:AddUserToGroup", &group)]);
    let graph = world.graph();
    assert_eq!(graph.standing[who as usize], Standing::Reaches { steps: 2, certainty: Certainty::Certain });
    assert_eq!(path(&world, who), ["iam-add-user-to-group", "sts-assume-role"]);
}

#[test]
fn what_was_not_read_is_not_evaluated_and_never_clean() {
    let mut world = World::new();
    let administrator = world.administrator();
    let role = world.role("machine", &[trusts(&json!({"Service": "ec2.amazonaws.com"}))], &[administrator]);
    let shell = world.user_who("shell", &[allow("ssm:StartSession", "*")]);
    let graph = world.graph();
    // No machine was seen anywhere: nobody can say that none runs as the role.
    assert_eq!(graph.standing[shell as usize], Standing::Reaches { steps: 1, certainty: Certainty::NotEvaluated });
    assert!(graph.unseen.contains(&"aws:ec2-instance".to_owned()));
    // One was seen, and it runs as nobody.
    let machine = format!("arn:aws:ec2:eu-west-1:{HOME}:instance/i-1");
    world.resource("aws:ec2-instance", &machine, &[]);
    assert_eq!(world.graph().standing[shell as usize], Standing::Apart);
    world.resource("aws:ec2-instance", &format!("{machine}1"), &[("role", &world.arn(role).clone())]);
    assert_eq!(world.graph().standing[shell as usize], Standing::Reaches { steps: 1, certainty: Certainty::Certain });
    // What somebody may do was not read.
    world.at(shell).identity.clear();
    world.at(shell).unread.push("AccessDenied".into());
    assert_eq!(world.graph().standing[shell as usize], Standing::NotEvaluated);
    world.at(shell).unread.clear();
    world.estate.accounts[0].unread = vec![Unread { what: UnreadKind::Principals, why: "AccessDenied".into() }];
    assert_eq!(world.graph().standing[shell as usize], Standing::NotEvaluated);
}

#[test]
fn an_instance_profile_that_nobody_read_is_none_that_is_missing() {
    let mut world = World::new();
    let administrator = world.administrator();
    world.role("machine", &[trusts(&json!({"Service": "ec2.amazonaws.com"}))], &[administrator]);
    let passer = world.user_who("passer", &[allow("iam:PassRole", "*"), allow("ec2:RunInstances", "*")]);
    assert_eq!(world.graph().standing[passer as usize], Standing::Apart);
    world.estate.accounts[0].unread = vec![Unread { what: UnreadKind::Runners, why: "AccessDenied".into() }];
    assert_eq!(
        world.graph().standing[passer as usize],
        Standing::Reaches { steps: 1, certainty: Certainty::NotEvaluated }
    );
}

#[test]
fn two_who_may_raise_each_other_both_can() {
    let mut world = World::new();
    let only = format!("arn:aws:iam::{HOME}:user/a");
    let raise = world.managed("raise", &[allow("iam:AttachUserPolicy", &only), allow("iam:UpdateLoginProfile", &only)]);
    let a = world.user("a", &[raise]);
    let b = world.user("b", &[raise]);
    let graph = world.graph();
    let raised = |who| graph.edges_from(who).iter().filter_map(|edge| edge.raised).collect::<Vec<_>>();
    assert_eq!((raised(a), raised(b)), (vec![], vec![a]));
    // By himself, the one needs no other.
    assert_eq!(graph.standing[a as usize], Standing::Reaches { steps: 1, certainty: Certainty::Certain });
}

#[test]
fn roles_that_only_aws_changes_are_changed_by_nobody() {
    let mut world = World::new();
    let administrator = world.administrator();
    let saml = json!({"Effect": "Allow", "Principal": {"Federated": "arn:aws:iam::111111111111:saml-provider/AWSSSO"}, "Action": "sts:AssumeRoleWithSAML"});
    let reserved = world.role(
        "aws-reserved/sso.amazonaws.com/AWSReservedSSO_Admin_1",
        std::slice::from_ref(&saml),
        &[administrator],
    );
    let limited = world.managed(
        "limited",
        &[
            allow("iam:AttachRolePolicy", &world.arn(reserved)),
            allow("iam:UpdateAssumeRolePolicy", &world.arn(reserved)),
        ],
    );
    let who = world.user("who", &[limited]);
    assert_eq!(world.graph().standing[who as usize], Standing::Apart);
    let own = world.role("aws-reserved/sso.amazonaws.com/AWSReservedSSO_Dev_2", &[saml], &[]);
    let itself = world.managed("itself", &[allow("iam:PutRolePolicy", &world.arn(own))]);
    world.at(own).identity.push(itself);
    assert_eq!(world.graph().standing[own as usize], Standing::Apart);
}

#[test]
fn trust_that_goes_round_ends() {
    let mut world = World::new();
    let administrator = world.administrator();
    let assume = world.managed("assume", &[allow("sts:AssumeRole", "*")]);
    let a = world.role("a", &[root(HOME)], &[assume]);
    let b = world.role("b", &[root(HOME)], &[assume]);
    let c = world.role("c", &[trusts(&json!({"AWS": world.arn(b)}))], &[assume, administrator]);
    let graph = world.graph();
    assert_eq!(graph.standing[c as usize], Standing::Goal(Certainty::Certain));
    assert_eq!(graph.standing[a as usize], Standing::Reaches { steps: 2, certainty: Certainty::Certain });
    assert_eq!(graph.path(a).iter().map(|edge| edge.to).collect::<Vec<_>>(), [Some(b), Some(c)]);
}

#[test]
fn the_same_estate_gives_the_same_graph_with_one_thread_or_many() {
    let mut world = World::new();
    let administrator = world.administrator();
    for at in 0..6 {
        let role = world.role(&format!("r{at}"), &[root(HOME), trusts(&json!({"Service": LAMBDA}))], &[administrator]);
        let statements = [
            allow("sts:AssumeRole", &world.arn(role)),
            allow("iam:Put*", "*"),
            allow("iam:PassRole", "*"),
            allow("lambda:*", "*"),
        ];
        world.user_who(&format!("u{at}"), &statements);
    }
    let one = rayon::ThreadPoolBuilder::new().num_threads(1).build().unwrap().install(|| world.graph());
    let many = rayon::ThreadPoolBuilder::new().num_threads(8).build().unwrap().install(|| world.graph());
    assert_eq!((one.standing, one.edges), (many.standing, many.edges));
}

#[test]
fn an_administrator_of_one_account_is_nobody_of_another_until_he_takes_over_who_gets_there() {
    let mut world = World::new();
    let other = world.account("222222222222");
    let bridge = world.role("bridge", &[trusts(&json!({"Service": LAMBDA}))], &[]);
    let far = world.role_in(other, "far", &[trusts(&json!({"AWS": world.arn(bridge)}))], &[]);
    let crossing = world.managed("crossing", &[allow("sts:AssumeRole", &world.arn(far))]);
    world.at(bridge).identity.push(crossing);
    let shut = world.role_in(other, "shut", &[trusts(&json!({"Service": LAMBDA}))], &[]);
    let raiser = world.user_who("raiser", &[allow("iam:AttachUserPolicy", "*")]);
    let only = |goal: u32| {
        let mut goals = vec![None; world.estate.principals.len()];
        goals[goal as usize] = Some(Certainty::Certain);
        world.with(&TECHNIQUES, |search| search.towards_only(&goals, None))
    };
    let graph = only(far);
    assert_eq!(graph.standing[bridge as usize], Standing::Reaches { steps: 1, certainty: Certainty::Certain });
    assert_eq!(graph.standing[raiser as usize], Standing::Reaches { steps: 3, certainty: Certainty::Certain });
    let path = graph.path(raiser);
    assert_eq!(path.iter().map(|edge| edge.to).collect::<Vec<_>>(), [None, Some(far)]);
    assert_eq!((graph.taken_over(path[0]), graph.taken_over(path[1])), (Some(bridge), None));
    assert_eq!(only(shut).standing[raiser as usize], Standing::Apart);
    let mut goals = vec![None; world.estate.principals.len()];
    goals[far as usize] = Some(Certainty::Certain);
    let home = world.with(&TECHNIQUES, |search| search.towards_only(&goals, Some(0)));
    assert_eq!(home.standing[raiser as usize], Standing::Reaches { steps: 1, certainty: Certainty::Certain });
    let near = only(bridge);
    assert_eq!(
        near.taken_over(near.path(raiser)[0]),
        Some(bridge),
        "an administrator takes over anybody of his account"
    );
}

#[test]
fn a_kind_that_was_looked_for_or_is_not_there_decides_and_one_that_was_not_read_does_not() {
    let mut world = World::new();
    let administrator = world.administrator();
    world.role("builder", &[trusts(&json!({"Service": "codebuild.amazonaws.com"}))], &[administrator]);
    let who = world.user_who("who", &[allow("codebuild:*", "*"), allow("apprunner:*", "*")]);
    assert_eq!(
        world.graph().standing[who as usize],
        Standing::Reaches { steps: 1, certainty: Certainty::NotEvaluated }
    );
    world.estate.kinds_read = vec!["aws:codebuild-project".into(), "aws:lambda-function".into()];
    assert_eq!(world.graph().standing[who as usize], Standing::Apart, "nothing of App Runner is trusted");
    world.estate.accounts[0].unread.push(Unread { what: UnreadKind::Workloads, why: "no permission".into() });
    assert_eq!(
        world.graph().standing[who as usize],
        Standing::Reaches { steps: 1, certainty: Certainty::NotEvaluated }
    );
    let none = TECHNIQUES.clone().with_file("own.toml", "without = [\"aws:codebuild-project\"]").unwrap();
    let without = world.with(&none, |search| search.towards(&search.administrators()));
    assert_eq!(without.standing[who as usize], Standing::Apart);
    let project = format!("arn:aws:codebuild:eu-west-1:{HOME}:project/site");
    world.resource("aws:codebuild-project", &project, &[("role", &format!("arn:aws:iam::{HOME}:role/builder"))]);
    let graph = world.with(&none, |search| search.towards(&search.administrators()));
    assert_eq!(
        graph.standing[who as usize],
        Standing::Reaches { steps: 1, certainty: Certainty::Certain },
        "it is there after all"
    );
}
