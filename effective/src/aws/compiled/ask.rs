//! Questions: one request, or everybody at once.

use rayon::prelude::*;

use super::Compiled;
use super::actions::Asked;
use super::decide::Question;
use crate::aws::answer::{Answer, Verdict};
use crate::aws::document::{Effect, Matcher, PrincipalPattern, Statement};
use crate::aws::estate::{Account, Estate, PolicyIx, PrincipalEntry, PrincipalIx, PrincipalKind, UnreadKind};
use crate::aws::evaluate::Evaluate;
use crate::aws::literal::principal::named;
use crate::aws::request::{Mode, Principal, Request};

/// Calls that a policy neither grants nor forbids.
const FREE: [&str; 2] = ["sts:getcalleridentity", "sts:getsessiontoken"];

/// What policies say about one action; of [`Compiled::allowed_on`].
#[derive(Debug)]
pub struct AllowedOn<'a> {
    compiled: &'a Compiled<'a>,
    asked: Asked,
}

impl<'a> AllowedOn<'a> {
    /// The patterns of resources on which statements of a policy allow it, as they are written, whatever their conditions; without those
    /// that name what they spare.
    pub fn by(&self, policy: PolicyIx) -> impl Iterator<Item = &'a str> {
        let compact = self.compiled.compact(policy);
        let rows = compact.rows.iter().zip(&compact.document.statements);
        let about = rows.filter(|(row, _)| {
            row.effect == Effect::Allow && self.compiled.sets[row.actions as usize].has(&self.asked)
        });
        let resources = about.filter_map(|(_, statement)| statement.resources.as_ref());
        resources.filter(|resources| !resources.not).flat_map(|resources| resources.patterns.iter().map(|one| &**one))
    }

    /// Whether the policy of a resource allows it, or may, without naming that resource: on `*`, on all but some, or in a statement that cannot
    /// be read.
    pub fn unnamed(&self, policy: PolicyIx) -> bool {
        let compact = self.compiled.compact(policy);
        let mut rows = compact.rows.iter().zip(&compact.document.statements);
        let any = |resources: &Matcher| resources.not || resources.patterns.iter().any(|one| &**one == "*");
        rows.any(|(row, statement)| {
            row.effect == Effect::Allow
                && self.compiled.sets[row.actions as usize].has(&self.asked)
                && statement.resources.as_ref().is_none_or(any)
        }) || (!compact.unread.is_empty() && self.compiled.allows(policy, &self.asked))
    }
}

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
        let free = FREE.contains(&question.asked.lower.as_str());
        // A resource grants by itself only within its own account; one that nobody owns counts as everybody's own.
        let owner = self.estate.owner_of(&self.index, resource).map(|number| self.index.account(&number));
        let by_resource = self.resource_may_grant(&question, action, resource);
        (0..super::ix(self.estate.principals.len()))
            .into_par_iter()
            .filter_map(|who| {
                let own = || owner.is_none_or(|owner| owner == Some(self.estate.principals[who as usize].account));
                let granted = free || self.identity_may_grant(who, &question) || (by_resource && own());
                if !granted {
                    return None;
                }
                let request = self.estate.request(&self.index, who, action, resource);
                let parts = self.estate.parts(&self.index, &request, self.reference);
                let answer = self.answer(&request, &parts, &question);
                matches!(answer.verdict, Verdict::Allowed | Verdict::NotEvaluated).then_some((who, answer))
            })
            .collect()
    }

    /// Whether anybody of another account than the resource's own may be allowed `action` on it, or it is not known. `false` is certain:
    /// then only the principals of the owner can be among [`Self::who_can`].
    ///
    /// Cost: of the statements of the resource's own policies.
    pub fn lets_others_in(&self, action: &str, resource: &str) -> bool {
        let question = Question::one(self, action, resource);
        if FREE.contains(&question.asked.lower.as_str()) {
            return true;
        }
        let Some(owner) = self.estate.owner_of(&self.index, resource) else { return true };
        let parts = self.estate.parts(&self.index, &nobody(action, resource), self.reference);
        if parts.resource_unread.is_some() {
            return true;
        }
        let mut granting =
            parts.resource.into_iter().chain(parts.acl).filter(|&policy| question.may_grant(self, policy));
        let outside = |pattern: &PrincipalPattern| match pattern {
            PrincipalPattern::Everyone | PrincipalPattern::CanonicalUser(_) => true,
            PrincipalPattern::Account(number) => **number != *owner,
            PrincipalPattern::Arn(arn) => arn.split(':').nth(4) != Some(&*owner),
            // None of them is a user or a role.
            PrincipalPattern::Deleted(_) | PrincipalPattern::Service(_) | PrincipalPattern::Federated(_) => false,
        };
        let lets_in = |statement: &Statement| match &statement.principals {
            None => true,
            Some(principals) => principals.not || principals.of.iter().any(outside),
        };
        granting.any(|policy| {
            let compact = self.compact(policy);
            let allows = compact.document.statements.iter().filter(|statement| statement.effect == Effect::Allow);
            compact.unread.iter().any(|unread| unread.effect != Some(Effect::Deny)) || allows.into_iter().any(lets_in)
        })
    }

    /// On which resources policies allow an action.
    pub fn allowed_on(&self, action: &str) -> AllowedOn<'_> {
        AllowedOn { compiled: self, asked: self.asked(action) }
    }

    /// Whether the resource may grant anything to anybody: its policy, or that it is not known.
    fn resource_may_grant(&self, question: &Question<'_>, action: &str, resource: &str) -> bool {
        let parts = self.estate.parts(&self.index, &nobody(action, resource), self.reference);
        let nobodys = self.estate.owner_of(&self.index, resource).is_none();
        parts.resource.into_iter().chain(parts.acl).any(|policy| question.may_grant(self, policy))
            || parts.resource_unread.is_some()
            // Then it counts as everybody's own, and as unread where the policies of that account's resources are.
            || (nobodys && self.grants.iter().any(|grants| grants.unread))
    }

    /// Whether an identity policy may grant it; who has none that does is denied.
    fn identity_may_grant(&self, who: PrincipalIx, question: &Question<'_>) -> bool {
        let entry = &self.estate.principals[who as usize];
        entry.identity.iter().any(|&policy| question.may_grant(self, policy))
            || !entry.unread.is_empty()
            || is_unread(&self.estate.accounts[entry.account as usize])
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
    fn granted_by_name(&self, entry: &PrincipalEntry, action: &str, asked: &Asked) -> bool {
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

/// A request of nobody in particular, to find what decides about a resource.
fn nobody(action: &str, resource: &str) -> Request {
    Request {
        principal: Principal::Anonymous,
        action: action.to_owned(),
        resource: resource.to_owned(),
        resource_account: None,
        context: std::collections::BTreeMap::new(),
        mode: Mode::Open,
    }
}

/// Whether principals of the account may have more policies than are known.
fn is_unread(account: &Account) -> bool {
    account.unread.iter().any(|unread| unread.what == UnreadKind::Principals)
}

impl Evaluate for Compiled<'_> {
    fn estate(&self) -> &Estate {
        &self.estate
    }

    fn could_as(&self, entry: &PrincipalEntry, action: &str) -> bool {
        let asked = self.asked(action);
        if FREE.contains(&asked.lower.as_str()) {
            return true;
        }
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
        let unread = !entry.unread.is_empty() || is_unread(account);
        let by_identity =
            (unread || any(&entry.identity)) && entry.boundary.is_none_or(|policy| self.allows(policy, &asked));
        by_identity || self.granted_by_name(entry, action, &asked)
    }

    fn may_as(&self, entry: &PrincipalEntry, action: &str, resource: &str, given: &[(&str, &str)]) -> Answer {
        let request = self.estate.request_as(entry, &self.index, action, resource).given(given);
        let question = Question::one(self, action, resource);
        let parts = self.estate.parts_as(entry, &self.index, &request, self.reference);
        self.answer(&request, &parts, &question)
    }
}
