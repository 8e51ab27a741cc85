//! Small estates, made by hand.

use std::sync::{Arc, LazyLock};

use rustc_hash::FxHashMap;
use serde_json::{Value, json};

use crate::aws::compiled::Compiled;
use crate::aws::document::Document;
use crate::aws::escalation::{Block, Graph, Search, Supposed, Techniques};
use crate::aws::estate::{
    Account, AccountIx, Estate, GroupEntry, PolicyIx, PrincipalEntry, PrincipalIx, PrincipalKind, Resource, ResourceIx,
    Step,
};
use crate::aws::evaluate::{Evaluate, Literal};
use crate::aws::reference::Reference;
use crate::aws::request::{Attached, somebody};

pub(in crate::aws) static TECHNIQUES: LazyLock<Techniques> = LazyLock::new(|| Techniques::builtin().unwrap());

/// The account that most of it happens in.
pub(in crate::aws) const HOME: &str = "111111111111";

/// An estate in the making.
#[derive(Debug, Default, Clone)]
pub(in crate::aws) struct World {
    pub(in crate::aws) estate: Estate,
}

/// `{"Version": …, "Statement": [statements]}`
pub(in crate::aws) fn document(statements: &[Value]) -> String {
    json!({"Version": "2012-10-17", "Statement": statements}).to_string()
}

pub(in crate::aws) fn allow(action: &str, resource: &str) -> Value {
    json!({"Effect": "Allow", "Action": action, "Resource": resource})
}

pub(in crate::aws) fn deny(action: &str, resource: &str) -> Value {
    json!({"Effect": "Deny", "Action": action, "Resource": resource})
}

/// A statement of a trust policy.
pub(in crate::aws) fn trusts(principal: &Value) -> Value {
    json!({"Effect": "Allow", "Principal": principal, "Action": "sts:AssumeRole"})
}

impl World {
    pub(in crate::aws) fn new() -> Self {
        let mut world = Self::default();
        world.account(HOME);
        world
    }

    pub(in crate::aws) fn account(&mut self, number: &str) -> AccountIx {
        self.estate.accounts.push(Account {
            number: number.into(),
            name: None,
            in_organization: false,
            is_management: false,
            scps: Vec::new(),
            rcps: Vec::new(),
            unread: Vec::new(),
        });
        u32::try_from(self.estate.accounts.len() - 1).unwrap()
    }

    pub(in crate::aws) fn policy(&mut self, name: &str, text: &str) -> PolicyIx {
        let document = Document::parse(text);
        assert!(!document.is_blind(), "{text}: {:?}", document.problems);
        self.estate.policies.push(Attached { name: name.into(), version: None, document: Arc::new(document) });
        u32::try_from(self.estate.policies.len() - 1).unwrap()
    }

    /// A managed policy of the home account.
    pub(in crate::aws) fn managed(&mut self, name: &str, statements: &[Value]) -> PolicyIx {
        self.policy(&format!("arn:aws:iam::{HOME}:policy/{name}"), &document(statements))
    }

    pub(in crate::aws) fn administrator(&mut self) -> PolicyIx {
        self.policy("arn:aws:iam::aws:policy/AdministratorAccess", &document(&[allow("*", "*")]))
    }

    fn principal(&mut self, account: AccountIx, kind: PrincipalKind, name: &str, identity: &[PolicyIx]) -> PrincipalIx {
        let number = self.estate.accounts[account as usize].number.clone();
        let word = if kind == PrincipalKind::User { "user" } else { "role" };
        self.estate.principals.push(PrincipalEntry {
            arn: format!("arn:aws:iam::{number}:{word}/{name}").into(),
            unique_id: None,
            account,
            kind,
            identity: identity.to_vec(),
            through: Vec::new(),
            groups: Vec::new(),
            boundary: None,
            trust: None,
            tags: Vec::new(),
            unread: Vec::new(),
            can_act: Some(true),
            service_linked: false,
        });
        u32::try_from(self.estate.principals.len() - 1).unwrap()
    }

    pub(in crate::aws) fn user(&mut self, name: &str, identity: &[PolicyIx]) -> PrincipalIx {
        self.principal(0, PrincipalKind::User, name, identity)
    }

    /// A user whose inline policy has these statements.
    pub(in crate::aws) fn user_who(&mut self, name: &str, statements: &[Value]) -> PrincipalIx {
        let policy = self.policy(&format!("inline policy of user {name}"), &document(statements));
        self.user(name, &[policy])
    }

    pub(in crate::aws) fn role(&mut self, name: &str, trust: &[Value], identity: &[PolicyIx]) -> PrincipalIx {
        self.role_in(0, name, trust, identity)
    }

    pub(in crate::aws) fn role_in(
        &mut self,
        account: AccountIx,
        name: &str,
        trust: &[Value],
        identity: &[PolicyIx],
    ) -> PrincipalIx {
        let trust = self.policy(&format!("trust policy of role {name}"), &document(trust));
        let role = self.principal(account, PrincipalKind::Role, name, identity);
        self.at(role).trust = Some(trust);
        role
    }

    pub(in crate::aws) fn at(&mut self, who: PrincipalIx) -> &mut PrincipalEntry {
        &mut self.estate.principals[who as usize]
    }

    pub(in crate::aws) fn arn(&self, who: PrincipalIx) -> String {
        self.estate.principals[who as usize].arn.to_string()
    }

    pub(in crate::aws) fn resource(&mut self, kind: &str, arn: &str, facts: &[(&str, &str)]) -> ResourceIx {
        let facts: FxHashMap<Arc<str>, Arc<str>> =
            facts.iter().map(|(key, value)| ((*key).into(), (*value).into())).collect();
        self.estate.resources.push(Resource {
            arn: arn.into(),
            kind: kind.into(),
            account: Some(0),
            policy: None,
            facts,
        });
        u32::try_from(self.estate.resources.len() - 1).unwrap()
    }

    pub(in crate::aws) fn group(&mut self, name: &str, policies: &[PolicyIx]) -> String {
        let arn = format!("arn:aws:iam::{HOME}:group/{name}");
        self.estate.groups.push(GroupEntry { arn: arn.as_str().into(), account: 0, policies: policies.to_vec() });
        arn
    }

    pub(in crate::aws) fn join(&mut self, who: PrincipalIx, group: &str) {
        let policies = self.estate.groups.iter().find(|entry| *entry.arn == *group).unwrap().policies.clone();
        let entry = self.at(who);
        entry.groups.push(group.into());
        for policy in policies {
            entry.identity.push(policy);
            entry.through.push((policy, group.into()));
        }
    }

    /// A boundary that allows everything but an action.
    pub(in crate::aws) fn bound(&mut self, who: PrincipalIx, except: &[&str]) {
        let text = document(&[json!({"Effect": "Allow", "NotAction": except, "Resource": "*"})]);
        let boundary = self.policy(&format!("arn:aws:iam::{HOME}:policy/boundary"), &text);
        self.at(who).boundary = Some(boundary);
    }

    /// The home account in an organisation whose root has a policy with these statements beside the usual one.
    pub(in crate::aws) fn organisation(&mut self, statements: &[Value]) {
        let full = self.policy(
            "arn:aws:organizations::aws:policy/service_control_policy/p-FullAWSAccess",
            &document(&[allow("*", "*")]),
        );
        let own = self.policy(
            "arn:aws:organizations::999999999999:policy/o-acme/service_control_policy/p-own",
            &document(statements),
        );
        self.estate.organization = Some("o-acme".into());
        let account = &mut self.estate.accounts[0];
        account.in_organization = true;
        account.scps = vec![
            Step { name: "r-root".into(), policies: vec![full, own] },
            Step { name: HOME.into(), policies: vec![full] },
        ];
    }

    pub(in crate::aws) fn with<T>(&self, techniques: &Techniques, ask: impl FnOnce(&Search) -> T) -> T {
        let reference = Reference::builtin();
        ask(&Search::new(&Literal::new(&self.estate, reference), reference, techniques))
    }

    /// Who can become whom by all techniques.
    pub(in crate::aws) fn graph(&self) -> Graph {
        self.with(&TECHNIQUES, |search| search.towards(&search.administrators()))
    }

    /// Somebody of the home account who is in a group and has nothing else; nobody knows how he is called.
    pub(in crate::aws) fn member(&self, group: &str) -> PrincipalEntry {
        let entry = self.estate.groups.iter().find(|entry| *entry.arn == *group).unwrap();
        PrincipalEntry {
            arn: somebody("aws", HOME, PrincipalKind::User).into(),
            unique_id: None,
            account: entry.account,
            kind: PrincipalKind::User,
            identity: entry.policies.clone(),
            through: entry.policies.iter().map(|policy| (*policy, entry.arn.clone())).collect(),
            groups: vec![entry.arn.clone()],
            boundary: None,
            trust: None,
            tags: Vec::new(),
            unread: Vec::new(),
            can_act: Some(true),
            service_linked: false,
        }
    }

    /// Where somebody would stand, by both evaluators.
    pub(in crate::aws) fn supposed(&self, who: &PrincipalEntry) -> Supposed {
        let reference = Reference::builtin();
        let supposed = std::slice::from_ref(who);
        let graph = self.graph();
        let ask = |evaluator: &dyn Evaluate| {
            Search::supposing(evaluator, reference, &TECHNIQUES, supposed).supposed(&graph)[0]
        };
        let literally = ask(&Literal::new(&self.estate, reference));
        assert_eq!(ask(&Compiled::new(&self.estate, reference)), literally);
        literally
    }

    /// What keeps a principal from what, by all techniques.
    pub(in crate::aws) fn blocks(&self, who: PrincipalIx) -> Vec<Block> {
        self.with(&TECHNIQUES, |search| search.blocked(&search.towards(&search.administrators()), who))
    }
}

/// The id of a technique by its place.
pub(in crate::aws) fn name(technique: u16) -> &'static str {
    &TECHNIQUES.list()[usize::from(technique)].id
}
