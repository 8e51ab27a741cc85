//! The literal evaluator asked about an estate: slow, and what every other one is compared with.

use super::Evaluate;
use crate::aws::answer::Answer;
use crate::aws::document::{Effect, Statement};
use crate::aws::estate::{Estate, Index, PrincipalEntry};
use crate::aws::literal;
use crate::aws::pattern::Glob;
use crate::aws::reference::Reference;

/// An estate and where everything stands in it.
#[derive(Debug)]
pub struct Literal<'a> {
    estate: &'a Estate,
    reference: &'a Reference,
    index: Index,
}

impl<'a> Literal<'a> {
    /// Cost: one pass over names.
    pub fn new(estate: &'a Estate, reference: &'a Reference) -> Self {
        Self { estate, reference, index: Index::new(estate) }
    }
}

impl Evaluate for Literal<'_> {
    fn estate(&self) -> &Estate {
        self.estate
    }

    /// Whether any policy of the principal, or of any resource or role, allows the action on anything.
    fn could_as(&self, entry: &PrincipalEntry, action: &str) -> bool {
        let account = &self.estate.accounts[entry.account as usize];
        let action = action.to_ascii_lowercase();
        let allows = |statement: &Statement| {
            let mut patterns = statement.actions.patterns.iter();
            let named = patterns.any(|pattern| Glob::lowercase(pattern).matches(&action));
            statement.effect == Effect::Allow && named != statement.actions.not
        };
        let resources = self.estate.resources.iter().filter_map(|resource| resource.policy);
        let resources = resources.chain(self.estate.acls.values().copied());
        let trusts = self.estate.principals.iter().filter_map(|entry| entry.trust);
        let mut policies = entry.identity.iter().copied().chain(resources).chain(trusts);
        !entry.unread.is_empty()
            || !account.unread.is_empty()
            || policies.any(|policy| {
                let document = &self.estate.policies[policy as usize].document;
                document.is_blind() || document.statements.iter().any(allows)
            })
    }

    fn may_as(&self, entry: &PrincipalEntry, action: &str, resource: &str, given: &[(&str, &str)]) -> Answer {
        let request = self.estate.request_as(entry, &self.index, action, resource).given(given);
        let layers = self.estate.layers_as(entry, &self.index, &request, self.reference);
        literal::evaluate(&request, &layers)
    }
}
