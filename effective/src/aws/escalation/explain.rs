//! Why a step is possible, and what keeps others from being so.

use super::administrator::{Supposed, controls_by, held_by};
use super::ask::{Binding, certainty};
use super::technique::{Takes, Technique, Yields};
use super::{Edge, Graph, Object, Search, Standing, trust};
use crate::aws::answer::{Answer, Assumption, Deciding, Layer, Verdict};
use crate::aws::document::{Document, Effect, Statement};
use crate::aws::estate::PrincipalIx;
use crate::aws::request::{Attached, Layers};

/// One step, with what allows it.
#[derive(Debug, Clone)]
pub struct Step<'a> {
    /// What is done.
    pub technique: &'a Technique,
    /// What is needed for it, and the answer to each.
    pub evidence: Vec<Evidence>,
    /// The statements of the target's trust policy that let the technique's service in.
    pub trust: Vec<Deciding>,
    /// Everything that is assumed, sorted, each once.
    pub assumed: Vec<Assumption>,
    /// The ARN of what it is about: the policy, the group, the resource, the principal that is raised.
    pub about: Option<String>,
}

/// One permission of a step.
#[derive(Debug, Clone)]
pub struct Evidence {
    /// As the technique writes it.
    pub action: String,
    /// On which resource it was asked.
    pub resource: String,
    /// What the technique fixes of the context, keys in lower case; an empty value: the key is not in the request.
    pub given: Vec<(&'static str, String)>,
    /// The answer.
    pub answer: Answer,
}

/// A technique that the identity policies of a principal would allow, and what keeps it from working.
#[derive(Debug, Clone)]
pub struct Block {
    /// Which: its place in [`super::Techniques::list`].
    pub technique: u16,
    /// Whom it would take over; `None`: one would be an administrator.
    pub to: Option<PrincipalIx>,
    /// The action that is not allowed.
    pub action: String,
    /// On what.
    pub resource: String,
    /// The layer that does not allow it.
    pub layer: Layer,
    /// Of a control policy that allows nothing of the kind: the level of the organisation.
    pub level: Option<String>,
    /// The statements that deny it; empty where a layer only fails to allow it.
    pub deciding: Vec<Deciding>,
}

impl<'a> Search<'a> {
    /// What allows an edge of a graph of this search, asked again.
    pub fn step(&self, edge: &Edge) -> Step<'a> {
        let technique = &self.techniques.list()[usize::from(edge.technique)];
        let target = edge.raised.or(edge.to);
        let binding = Binding { technique, target, object: edge.object };
        let mut evidence = Vec::with_capacity(technique.requires.len());
        for permission in &technique.requires {
            if let Some((question, answer)) = self.asker.answer(edge.from, permission, binding) {
                evidence.push(Evidence {
                    action: permission.action.clone(),
                    resource: question.resource,
                    given: question.given,
                    answer,
                });
            }
        }
        let role = (technique.takes == Takes::Role).then_some(target).flatten();
        let trusted = role.and_then(|role| trust::trusted(&self.asker, role, technique)).and_then(|(_, answer)| answer);
        let answers = evidence.iter().map(|evidence| &evidence.answer).chain(&trusted);
        let mut assumed: Vec<Assumption> = answers.flat_map(|answer| answer.assumed.iter().cloned()).collect();
        assumed.sort_unstable();
        assumed.dedup();
        let about = self
            .asker
            .object(self.asker.principal(edge.from), edge.object)
            .or_else(|| edge.raised.map(|raised| self.asker.principal(raised).arn.to_string()));
        Step { technique, evidence, trust: trusted.map(|answer| answer.deciding).unwrap_or_default(), assumed, about }
    }

    /// What makes a principal an administrator: one answer of each kind of decision 44; empty for who is none.
    pub fn control(&self, who: PrincipalIx) -> Vec<Evidence> {
        controls_by(&self.asker, who)
    }

    /// What the identity policies of a principal alone would allow him of the techniques, and which layer stands in the way: for each
    /// technique that no edge shows, the first target that he would gain by.
    pub fn blocked(&self, graph: &Graph, who: PrincipalIx) -> Vec<Block> {
        if matches!(graph.standing[who as usize], Standing::Goal(_)) {
            return Vec::new();
        }
        let entry = self.asker.principal(who);
        let Some(class) = self.classes_of[entry.account as usize]
            .iter()
            .map(|&at| &self.classes[at as usize])
            .find(|class| class.members.binary_search(&who).is_ok())
        else {
            return Vec::new();
        };
        let shown = |at: u16| graph.edges_from(who).iter().any(|edge| edge.technique == at);
        let mut blocks = Vec::new();
        for (at, technique) in (0..).zip(self.techniques.list()) {
            let needed = self.asker.breadth.set(technique.own_actions());
            let actor = technique.actor.is_none_or(|actor| actor == entry.kind);
            if actor && needed.is_subset(&class.allowed) && !shown(at) {
                let tried = self.tries(graph, technique, who);
                blocks.extend(
                    tried
                        .into_iter()
                        .find_map(|(to, target, object)| self.block(at, technique, who, to, target, object)),
                );
            }
        }
        blocks
    }

    /// What a technique could be tried with by somebody: whom one would become, whom one would act on, and what it would be about.
    fn tries(
        &self,
        graph: &Graph,
        technique: &Technique,
        who: PrincipalIx,
    ) -> Vec<(Option<PrincipalIx>, Option<PrincipalIx>, Object)> {
        let account = self.asker.principal(who).account;
        match technique.takes {
            Takes::Itself | Takes::Group => {
                self.own_objects(technique, who).into_iter().map(|object| (None, None, object)).collect()
            }
            Takes::New => self
                .found
                .anything(self.asker.estate, technique, account)
                .into_iter()
                .map(|object| (None, None, object))
                .collect(),
            Takes::User | Takes::Role => {
                let wanted = |target: PrincipalIx| {
                    let entry = self.asker.principal(target);
                    let fits = (technique.takes == Takes::Role) == entry.arn.contains(":role/");
                    let near = entry.account == account || technique.only_assumes();
                    let gains = technique.yields != Yields::Target
                        || matches!(graph.standing[target as usize], Standing::Goal(_));
                    target != who && fits && near && gains && !entry.service_linked
                };
                let targets = (0..).take(graph.standing.len()).filter(|&target| wanted(target));
                let anything = self.found.anything(self.asker.estate, technique, account);
                targets
                    .filter(|&target| trust::trusted(&self.asker, target, technique).is_some())
                    .flat_map(|target| {
                        let to = (technique.yields == Yields::Target).then_some(target);
                        let own = self.found.objects(&self.asker, technique, target);
                        let objects = if own == [Object::None] { anything.clone() } else { own };
                        objects.into_iter().map(move |object| (to, Some(target), object)).collect::<Vec<_>>()
                    })
                    .collect()
            }
        }
    }

    fn block(
        &self,
        at: u16,
        technique: &Technique,
        who: PrincipalIx,
        to: Option<PrincipalIx>,
        target: Option<PrincipalIx>,
        object: Object,
    ) -> Option<Block> {
        let binding = Binding { technique, target, object };
        let mut questions = Vec::with_capacity(technique.requires.len());
        for permission in &technique.requires {
            let (question, answer) = self.asker.supposed_answer(who, permission, binding, &only_identity)?;
            certainty(&answer)?;
            questions.push(question);
        }
        for (permission, question) in technique.requires.iter().zip(questions) {
            if self.asker.holds(who, permission, binding).is_none() {
                // Of all names that something new could have, the one that the principal's own policies allow says why.
                let answer = self.asker.may(who, &permission.action, &question);
                return blocked(at, to, permission.action.clone(), question.resource, answer);
            }
        }
        if technique.yields == Yields::Target {
            return None;
        }
        let (holder, supposed) = match technique.takes {
            Takes::New => (who, Supposed::AnythingUnbound),
            Takes::User | Takes::Role => (target?, Supposed::Anything),
            Takes::Itself if technique.yields == Yields::Administrator => (who, Supposed::Anything),
            Takes::Itself | Takes::Group => return None,
        };
        let (action, resource, answer) = held_by(&self.asker, holder, &supposed)?;
        blocked(at, to, action.to_owned(), resource, answer)
    }
}

fn blocked(technique: u16, to: Option<PrincipalIx>, action: String, resource: String, answer: Answer) -> Option<Block> {
    let (layer, level) = match (answer.verdict, answer.missing) {
        (Verdict::ExplicitlyDenied, _) => (answer.deciding.first()?.layer, None),
        (Verdict::ImplicitlyDenied, Some((layer, level))) => (layer, level.map(|level| level.to_string())),
        (Verdict::ImplicitlyDenied, None) | (Verdict::Allowed | Verdict::NotEvaluated, _) => return None,
    };
    Some(Block { technique, to, action, resource, layer, level, deciding: answer.deciding })
}

/// Nothing is left but what the principal's own policies allow, and the trust of a role.
fn only_identity(layers: &mut Layers) {
    layers.boundary = None;
    layers.scps.clear();
    layers.rcps.clear();
    for policy in &mut layers.identity {
        let document = &policy.document;
        if document.statements.iter().any(|statement| statement.effect == Effect::Deny) {
            let allows: Vec<Statement> =
                document.statements.iter().filter(|statement| statement.effect == Effect::Allow).cloned().collect();
            let document = Document { statements: allows, ..Document::clone(document) };
            *policy = Attached { document: document.into(), ..policy.clone() };
        }
    }
}
