//! Questions: one request, or everybody at once.

use rayon::prelude::*;

use super::Compiled;
use super::actions::Asked;
use super::decide::Question;
use crate::aws::answer::{Answer, Verdict};
use crate::aws::document::Effect;
use crate::aws::estate::{Estate, Parts, PolicyIx, PrincipalIx, PrincipalKind};
use crate::aws::evaluate::Evaluate;
use crate::aws::literal::principal::named;
use crate::aws::request::{Mode, Principal, Request};

/// Calls that a policy neither grants nor forbids.
const FREE: [&str; 2] = ["sts:getcalleridentity", "sts:getsessiontoken"];

impl Compiled<'_> {
    /// The answer to any request, in its own mode, with the layers that the estate knows.
    pub fn decide(&self, request: &Request) -> Answer {
        let question = Question::one(self, &request.action, &request.resource);
        let parts = self.estate.parts(&self.index, request, self.reference);
        self.answer(request, &parts, &question)
    }

    /// Everybody who may do `action` on `resource`, or of whom that could not be told, by position; who is certainly denied is left out.
    ///
    /// Each distinct list of patterns is compared once; principals are asked in parallel. Cost: a comparison for each distinct list,
    /// and for each principal the statements that are about the question.
    pub fn who_can(&self, action: &str, resource: &str) -> Vec<(PrincipalIx, Answer)> {
        let question = Question::all(self, action, resource);
        (0..super::ix(self.estate.principals.len()))
            .into_par_iter()
            .filter_map(|who| {
                let request = self.estate.request(&self.index, who, action, resource);
                let parts = self.estate.parts(&self.index, &request, self.reference);
                if !self.may_be_granted(&parts, &question) {
                    return None;
                }
                let answer = self.answer(&request, &parts, &question);
                matches!(answer.verdict, Verdict::Allowed | Verdict::NotEvaluated).then_some((who, answer))
            })
            .collect()
    }

    /// Whether any policy that grants is about the question at all; who has none of them is denied.
    fn may_be_granted(&self, parts: &Parts<'_>, question: &Question<'_>) -> bool {
        parts.identity.iter().chain(&parts.resource).any(|&policy| question.may_concern(self, policy))
            || !parts.identity_unread.is_empty()
            || parts.resource_unread.is_some()
            || FREE.contains(&question.asked.lower.as_str())
    }

    /// Whether a policy allows the action on anything, whatever the conditions.
    fn allows(&self, policy: PolicyIx, asked: &Asked) -> bool {
        let compact = self.compact(policy);
        let rows = || compact.rows.iter().filter(|row| row.effect == Effect::Allow);
        rows().any(|row| self.sets[row.actions as usize].has(asked))
            || compact.unread.iter().any(|unread| {
                unread.effect != Some(Effect::Deny)
                    && unread.actions.is_none_or(|set| self.sets[set as usize].has(asked))
            })
    }

    /// Whether a policy that is attached to a principal denies the action on everything, under no condition.
    fn forbids(&self, policy: PolicyIx, asked: &Asked) -> bool {
        let compact = self.compact(policy);
        compact.rows.iter().zip(&compact.document.statements).any(|(row, statement)| {
            row.effect == Effect::Deny
                && statement.conditions.is_empty()
                && statement.principals.is_none()
                && row.scope.is_some_and(|scope| self.scopes[scope as usize].is_everything())
                && self.sets[row.actions as usize].has(asked)
        })
    }

    /// Whether a resource of the principal's own account may grant it the action by naming it.
    fn granted_by_name(&self, who: PrincipalIx, action: &str, asked: &Asked) -> bool {
        let entry = &self.estate.principals[who as usize];
        let grants = &self.grants[entry.account as usize];
        if grants.unread || (grants.unread_trust && asked.lower.starts_with("sts:")) {
            return true;
        }
        let principal = match entry.kind {
            PrincipalKind::User => Principal::User { arn: entry.arn.to_string() },
            PrincipalKind::Role => Principal::Session { role: entry.arn.to_string(), session: String::new() },
        };
        let request = Request {
            principal,
            action: action.to_owned(),
            resource: "*".to_owned(),
            resource_account: None,
            context: std::collections::BTreeMap::new(),
            mode: Mode::Open,
        };
        grants.policies.iter().chain(&self.ownerless).any(|&policy| {
            let compact = self.compact(policy);
            let by_name = compact.rows.iter().zip(&compact.document.statements).any(|(row, statement)| {
                row.effect == Effect::Allow
                    && self.sets[row.actions as usize].has(asked)
                    && statement.principals.as_ref().is_none_or(|principals| {
                        !named(principals, Effect::Allow, &request, entry.boundary.is_some()).is_empty()
                    })
            });
            by_name || (!compact.unread.is_empty() && self.allows(policy, asked))
        })
    }
}

impl Evaluate for Compiled<'_> {
    fn estate(&self) -> &Estate {
        &self.estate
    }

    fn could(&self, who: PrincipalIx, action: &str) -> bool {
        let asked = Asked::new(action, self.reference);
        if FREE.contains(&asked.lower.as_str()) {
            return true;
        }
        let entry = &self.estate.principals[who as usize];
        let account = &self.estate.accounts[entry.account as usize];
        let steps = if account.is_management || entry.service_linked { &[][..] } else { &account.scps };
        let attached =
            || entry.identity.iter().chain(&entry.boundary).chain(steps.iter().flat_map(|step| &step.policies));
        if attached().any(|&policy| self.forbids(policy, &asked)) {
            return false;
        }
        let any = |policies: &[PolicyIx]| policies.iter().any(|&policy| self.allows(policy, &asked));
        if !steps.iter().all(|step| any(&step.policies)) {
            return false;
        }
        let unread = !entry.unread.is_empty()
            || account.unread.iter().any(|unread| unread.what == crate::aws::estate::UnreadKind::Principals);
        let by_identity =
            (unread || any(&entry.identity)) && entry.boundary.is_none_or(|policy| self.allows(policy, &asked));
        by_identity || self.granted_by_name(who, action, &asked)
    }

    fn may_given(&self, who: PrincipalIx, action: &str, resource: &str, given: &[(&str, &str)]) -> Answer {
        self.decide(&self.estate.request(&self.index, who, action, resource).given(given))
    }
}
