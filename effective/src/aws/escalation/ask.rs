//! Asking the evaluator for one permission of a technique: on which resource, and with which context.

use std::sync::Arc;

use super::breadth::{Breadth, means};
use super::technique::{On, Permission, Technique};
use super::{Certainty, Object, witness};
use crate::aws::answer::{Answer, Verdict};
use crate::aws::document::{Condition, Document, Effect, Matcher, PrincipalPattern, Principals, Statement, Version};
use crate::aws::estate::{Estate, Index, PrincipalEntry, PrincipalIx};
use crate::aws::evaluate::Evaluate;
use crate::aws::literal;
use crate::aws::reference::Reference;
use crate::aws::request::{Attached, Layers};

/// Regions that are tried for something new, before those that policies name.
const REGIONS: [&str; 2] = ["us-east-1", "eu-west-1"];
/// More names for something new are not tried.
const MAX_NAMES: usize = 64;

/// What a technique is tried with.
#[derive(Debug, Clone, Copy)]
pub(super) struct Binding<'t> {
    pub(super) technique: &'t Technique,
    pub(super) target: Option<PrincipalIx>,
    pub(super) object: Object,
}

/// Everything that questions are asked with.
pub(super) struct Asker<'a> {
    pub(super) evaluator: &'a dyn Evaluate,
    pub(super) estate: &'a Estate,
    /// Principals that are not in the estate: their positions follow those that are.
    pub(super) supposed: &'a [PrincipalEntry],
    pub(super) reference: &'a Reference,
    pub(super) index: Index,
    pub(super) breadth: Breadth,
}

/// Which names something new is tried with.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Names {
    /// Those that are allowed where no policy says how things are named.
    Plain,
    /// Those that policies name.
    Wanted,
}

/// A question as it is put.
pub(super) struct Question {
    pub(super) resource: String,
    pub(super) given: Vec<(&'static str, String)>,
}

impl Question {
    pub(super) fn given(&self) -> Vec<(&str, &str)> {
        self.given.iter().map(|(key, value)| (*key, value.as_str())).collect()
    }
}

/// How sure an answer is; `None`: not allowed.
pub(super) fn certainty(answer: &Answer) -> Option<Certainty> {
    match answer.verdict {
        Verdict::Allowed if answer.assumed.is_empty() => Some(Certainty::Certain),
        Verdict::Allowed => Some(Certainty::Conditional),
        Verdict::NotEvaluated => Some(Certainty::NotEvaluated),
        Verdict::ExplicitlyDenied | Verdict::ImplicitlyDenied => None,
    }
}

impl<'a> Asker<'a> {
    pub(super) fn principal(&self, who: PrincipalIx) -> &'a PrincipalEntry {
        let (real, who) = (&self.estate.principals, who as usize);
        real.get(who).unwrap_or_else(|| &self.supposed[who - real.len()])
    }

    /// What a principal may do, whether he is in the estate or not.
    pub(super) fn may(&self, who: PrincipalIx, action: &str, question: &Question) -> Answer {
        self.evaluator.may_as(self.principal(who), action, &question.resource, &question.given())
    }

    pub(super) fn could(&self, who: PrincipalIx, action: &str) -> bool {
        self.evaluator.could_as(self.principal(who), action)
    }

    /// How surely a principal has a permission; `None`: not at all.
    pub(super) fn holds(&self, who: PrincipalIx, permission: &Permission, binding: Binding<'_>) -> Option<Certainty> {
        self.answer(who, permission, binding).and_then(|(_, answer)| certainty(&answer))
    }

    /// The best answer to a permission, and what it was asked with; `None`: there is nothing to ask about.
    pub(super) fn answer(
        &self,
        who: PrincipalIx,
        permission: &Permission,
        binding: Binding<'_>,
    ) -> Option<(Question, Answer)> {
        self.best(who, permission, binding, |question| self.ask(who, permission, question))
    }

    /// The same if what applies were different.
    pub(super) fn supposed_answer(
        &self,
        who: PrincipalIx,
        permission: &Permission,
        binding: Binding<'_>,
        change: &dyn Fn(&mut Layers),
    ) -> Option<(Question, Answer)> {
        self.best(who, permission, binding, |question| {
            self.supposing(who, &permission.action, question, &|layers| {
                if permission.not_denied {
                    layers.resource = Some(rewritten(self.principal(who)));
                }
                change(layers);
            })
        })
    }

    /// The answer to one question. What the technique itself grants is granted: the trust policy that it writes is supposed to be there.
    pub(super) fn ask(&self, who: PrincipalIx, permission: &Permission, question: &Question) -> Answer {
        if permission.not_denied {
            let written = rewritten(self.principal(who));
            return self
                .supposing(who, &permission.action, question, &|layers| layers.resource = Some(written.clone()));
        }
        self.may(who, &permission.action, question)
    }

    /// The first answer that is certain, or else the best one: with plain names first, then with those that policies want.
    fn best(
        &self,
        who: PrincipalIx,
        permission: &Permission,
        binding: Binding<'_>,
        ask: impl Fn(&Question) -> Answer,
    ) -> Option<(Question, Answer)> {
        let mut best: Option<(Question, Answer)> = None;
        for names in [Names::Plain, Names::Wanted] {
            for question in self.questions(who, permission, binding, names) {
                let answer = ask(&question);
                let certain = certainty(&answer) == Some(Certainty::Certain);
                let is_better = |other: &Answer| match (certainty(&answer), certainty(other)) {
                    (Some(answer), Some(other)) => answer < other,
                    (answer, other) => answer.is_some() && other.is_none(),
                };
                if best.as_ref().is_none_or(|(_, other)| is_better(other)) {
                    best = Some((question, answer));
                }
                if certain {
                    return best;
                }
            }
        }
        best
    }

    /// What would be asked with these names.
    fn questions(
        &self,
        who: PrincipalIx,
        permission: &Permission,
        binding: Binding<'_>,
        names: Names,
    ) -> Vec<Question> {
        let named =
            matches!(permission.on, On::New(_)) || binding.object == Object::Unread || permission.associated.is_some();
        if names == Names::Wanted && !named {
            return Vec::new();
        }
        let actor = self.principal(who);
        let arn_of = |principal: PrincipalIx| self.principal(principal).arn.to_string();
        let resources = match &permission.on {
            On::Anything => vec!["*".to_owned()],
            On::Itself => vec![actor.arn.to_string()],
            On::Target => binding.target.map(arn_of).into_iter().collect(),
            On::Resource if binding.object == Object::Unread => {
                let resource = binding.technique.when.resource.as_ref();
                resource.map(|resource| self.names(who, &permission.action, &resource.arn, names)).unwrap_or_default()
            }
            On::Policy | On::Group | On::Resource => self.object(actor, binding.object).into_iter().collect(),
            On::Provider => binding.target.map(|target| self.providers(target)).unwrap_or_default(),
            On::New(pattern) => self.names(who, &permission.action, pattern, names),
        };
        let given = self.context(actor, permission, binding);
        let associated = permission.associated.as_deref().map(|pattern| self.associated(who, pattern, names));
        let Some(associated) = associated else {
            return resources.into_iter().map(|resource| Question { resource, given: given.clone() }).collect();
        };
        resources
            .into_iter()
            .flat_map(|resource| {
                let with = |associated: &String| {
                    let mut given = given.clone();
                    given.push(("iam:associatedresourcearn", associated.clone()));
                    Question { resource: resource.clone(), given }
                };
                associated.iter().map(with).collect::<Vec<_>>()
            })
            .collect()
    }

    /// The ARN of what a technique is about.
    pub(super) fn object(&self, actor: &PrincipalEntry, object: Object) -> Option<String> {
        match object {
            Object::None | Object::Unread => None,
            Object::Policy(policy) => Some(self.estate.policies[policy as usize].name.to_string()),
            Object::OwnGroup(at) => Some(actor.groups[at as usize].to_string()),
            Object::Group(group) => Some(self.estate.groups[group as usize].arn.to_string()),
            Object::Resource(resource) => Some(self.estate.resources[resource as usize].arn.to_string()),
        }
    }

    /// Identity providers that a role trusts to sign people in by SAML.
    pub(super) fn providers(&self, role: PrincipalIx) -> Vec<String> {
        let Some(trust) = self.trust(role) else { return Vec::new() };
        let mut providers = Vec::new();
        for principals in trust.document.statements.iter().filter_map(|statement| statement.principals.as_ref()) {
            for pattern in &principals.of {
                if let PrincipalPattern::Federated(provider) = pattern
                    && provider.contains(":saml-provider/")
                    && !providers.contains(&provider.to_string())
                {
                    providers.push(provider.to_string());
                }
            }
        }
        providers
    }

    pub(super) fn trust(&self, role: PrincipalIx) -> Option<&'a Attached> {
        self.estate.policies.get(self.principal(role).trust? as usize)
    }

    /// `arn:{partition}:…` with partition and account filled in.
    pub(super) fn filled(&self, who: PrincipalIx, pattern: &str) -> String {
        let entry = self.principal(who);
        let partition = entry.arn.split(':').nth(1).unwrap_or("aws");
        let account = &self.estate.accounts[entry.account as usize].number;
        pattern.replace("{partition}", partition).replace("{account}", account)
    }

    /// What somebody could name something new: plainly, or as each statement about the action wants it.
    fn names(&self, who: PrincipalIx, action: &str, pattern: &str, names: Names) -> Vec<String> {
        let about = |statement: &&Statement| means(statement, action);
        let wanted = || {
            let statements = self.documents(who).flat_map(|document| document.statements.iter()).filter(about);
            statements.filter_map(|statement| statement.resources.as_ref()).flat_map(|resources| &resources.patterns)
        };
        match names {
            Names::Plain => self.plain(who, pattern),
            Names::Wanted => self.fitting(who, pattern, wanted()),
        }
    }

    /// What the role could be passed with: plainly, or as each condition on it wants it.
    fn associated(&self, who: PrincipalIx, pattern: &str, names: Names) -> Vec<String> {
        let about = |condition: &&Condition| condition.key.eq_ignore_ascii_case("iam:AssociatedResourceArn");
        let wanted = || {
            let statements = self.documents(who).flat_map(|document| document.statements.iter());
            statements.flat_map(|statement| &statement.conditions).filter(about).flat_map(|condition| &condition.values)
        };
        match names {
            Names::Plain => self.plain(who, pattern),
            Names::Wanted => self.fitting(who, pattern, wanted()),
        }
    }

    fn plain(&self, who: PrincipalIx, pattern: &str) -> Vec<String> {
        let pattern = self.filled(who, pattern);
        let mut names: Vec<String> = REGIONS.iter().map(|region| witness::plain(&pattern, region)).collect();
        names.dedup();
        names
    }

    fn fitting<'b>(&self, who: PrincipalIx, pattern: &str, wanted: impl Iterator<Item = &'b Box<str>>) -> Vec<String> {
        let pattern = self.filled(who, pattern);
        let service = pattern.split(':').nth(2).unwrap_or_default();
        let name = self.principal(who).arn.rsplit('/').next().unwrap_or_default();
        let mut names: Vec<String> = Vec::new();
        for wanted in wanted {
            // Most patterns are about something else altogether.
            let other = wanted.split(':').nth(2).is_some_and(|other| other != service && !other.contains(['*', '?']));
            if other || &**wanted == "*" {
                continue;
            }
            let wanted = wanted.replace("${aws:username}", name);
            if !wanted.contains("${")
                && let Some(common) = witness::common_arn(&pattern, &wanted, REGIONS[0])
                && !names.contains(&common)
            {
                names.push(common);
            }
            if names.len() == MAX_NAMES {
                break;
            }
        }
        names
    }

    /// Everything that limits a principal and is written as a policy.
    fn documents(&self, who: PrincipalIx) -> impl Iterator<Item = &'a Document> {
        let estate = self.estate;
        let entry = self.principal(who);
        let account = &estate.accounts[entry.account as usize];
        let scps = account.scps.iter().flat_map(|step| &step.policies);
        let policies = entry.identity.iter().chain(&entry.boundary).chain(scps);
        policies.filter_map(|&policy| estate.policies.get(policy as usize)).map(|policy| &*policy.document)
    }

    /// Condition keys that the technique itself fixes. Source: Service Authorization Reference, "Actions, resources, and condition keys for
    /// AWS Identity and Access Management"; IAM User Guide, "Grant a user permissions to pass a role to an AWS service".
    fn context(
        &self,
        actor: &PrincipalEntry,
        permission: &Permission,
        binding: Binding<'_>,
    ) -> Vec<(&'static str, String)> {
        let mut given = Vec::new();
        if let Some(service) = &permission.passed_to {
            given.push(("iam:passedtoservice", service.clone()));
        }
        let entry = match permission.on {
            On::Itself => Some(actor),
            On::Target => binding.target.map(|target| self.principal(target)),
            _ => None,
        };
        // Nothing has no boundary yet: the key is not in the request.
        let boundary = || {
            let policy = entry.and_then(|entry| entry.boundary);
            policy
                .and_then(|policy| self.estate.policies.get(policy as usize))
                .map(|policy| policy.name.to_string())
                .unwrap_or_default()
        };
        let action = permission.action.to_ascii_lowercase();
        match action.as_str() {
            "iam:attachuserpolicy" | "iam:attachrolepolicy" => {
                given.push(("iam:policyarn", widest(actor)));
                given.push(("iam:permissionsboundary", boundary()));
            }
            "iam:attachgrouppolicy" => given.push(("iam:policyarn", widest(actor))),
            "iam:detachuserpolicy" | "iam:detachrolepolicy" => {
                if let Object::Policy(policy) = binding.object {
                    given.push(("iam:policyarn", self.estate.policies[policy as usize].name.to_string()));
                }
                given.push(("iam:permissionsboundary", boundary()));
            }
            "iam:putuserpolicy"
            | "iam:putrolepolicy"
            | "iam:deleteuserpermissionsboundary"
            | "iam:deleterolepermissionsboundary" => {
                given.push(("iam:permissionsboundary", boundary()));
            }
            "iam:createuser" | "iam:createrole" => given.push(("iam:permissionsboundary", String::new())),
            "iam:putuserpermissionsboundary" | "iam:putrolepermissionsboundary" => {
                given.push(("iam:permissionsboundary", widest(actor)));
            }
            _ => {}
        }
        given
    }

    /// The answer if what a principal has were different: what was not read, and what cannot be asked of the evaluator.
    pub(super) fn supposing(
        &self,
        who: PrincipalIx,
        action: &str,
        question: &Question,
        change: &dyn Fn(&mut Layers),
    ) -> Answer {
        let entry = self.principal(who);
        let request = self.estate.request_as(entry, &self.index, action, &question.resource).given(&question.given());
        let mut layers = self.estate.layers_as(entry, &self.index, &request, self.reference);
        change(&mut layers);
        literal::evaluate(&request, &layers)
    }
}

/// The policy that would be attached.
fn widest(actor: &PrincipalEntry) -> String {
    format!("arn:{}:iam::aws:policy/AdministratorAccess", actor.arn.split(':').nth(1).unwrap_or("aws"))
}

/// The trust policy that somebody would write for himself.
fn rewritten(actor: &PrincipalEntry) -> Attached {
    let trust = Statement {
        sid: None,
        index: 0,
        span: 0..0,
        effect: Effect::Allow,
        principals: Some(Principals { not: false, of: vec![PrincipalPattern::Arn((*actor.arn).into())] }),
        actions: Matcher { not: false, patterns: vec!["sts:AssumeRole".into()] },
        resources: None,
        conditions: Vec::new(),
    };
    let document = Document { version: Version::Of2012, statements: vec![trust], ..Document::default() };
    Attached { name: "the rewritten trust policy".into(), version: None, document: document.into() }
}

/// A policy that allows everything, under a name that says that it is supposed.
pub(in crate::aws) fn everything() -> Attached {
    let text = r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"*","Resource":"*"}]}"#;
    Attached { name: "any policy".into(), version: None, document: Arc::new(Document::parse(text)) }
}
