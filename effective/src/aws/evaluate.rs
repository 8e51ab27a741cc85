//! What whoever asks an estate needs of an evaluator, literal or compiled.

use super::answer::Answer;
use super::estate::{Estate, PrincipalEntry, PrincipalIx};

mod literal;

pub use literal::Literal;

/// Answers for one estate, in open mode: what the estate does not decide is an assumption of the answer.
pub trait Evaluate: Sync {
    /// What it answers about.
    fn estate(&self) -> &Estate;

    /// Whether the principal could do `action` on anything at all. Cheap; `true` promises nothing, `false` is certain: no request of
    /// the principal with that action is *Allowed* or *not evaluated*.
    fn could(&self, who: PrincipalIx, action: &str) -> bool {
        self.could_as(&self.estate().principals[who as usize], action)
    }

    /// The same of somebody who need not be in the estate: what he has is of the estate's policies, in one of its accounts.
    fn could_as(&self, entry: &PrincipalEntry, action: &str) -> bool;

    /// The whole answer, every layer regarded that the estate knows for this principal and this resource. The account of the
    /// resource is told by its ARN, by [`Estate::resources`], and else is the principal's own.
    fn may(&self, who: PrincipalIx, action: &str, resource: &str) -> Answer {
        self.may_given(who, action, resource, &[])
    }

    /// The same, with condition keys whose values are known from how the request is made; keys in lower case. An empty value: the key is
    /// known not to be in the request.
    fn may_given(&self, who: PrincipalIx, action: &str, resource: &str, given: &[(&str, &str)]) -> Answer {
        self.may_as(&self.estate().principals[who as usize], action, resource, given)
    }

    /// The same of somebody who need not be in the estate.
    fn may_as(&self, entry: &PrincipalEntry, action: &str, resource: &str, given: &[(&str, &str)]) -> Answer;
}
