//! The organisation's tree: its accounts, and what stands above each.

use std::sync::Arc;

use rustc_hash::FxHashMap;

use crate::graph::{Graph, SystemIx};

/// An account as the organisation lists it.
#[derive(Debug, Clone)]
pub(super) struct Member {
    pub(super) name: Option<Arc<str>>,
    pub(super) is_management: bool,
    /// Suspended or closed.
    pub(super) is_closed: bool,
}

/// The organisation's tree.
#[derive(Debug, Default)]
pub(super) struct Organization {
    pub(super) id: Option<Arc<str>>,
    pub(super) accounts: FxHashMap<Arc<str>, Member>,
    pub(super) parents: FxHashMap<Arc<str>, Arc<str>>,
    pub(super) unread: Option<Arc<str>>,
}

impl Organization {
    pub(super) fn of(graph: &Graph, system: SystemIx) -> Self {
        let name = graph.system_name(system);
        let mut all = Self::default();
        let mut rows = graph.coverage().of_scope(name, "organization").peekable();
        if rows.peek().is_none() {
            return all;
        }
        all.unread = rows.find(|row| !row.proves_absence).map(|row| row.shortfall().into());
        for (ix, resource) in graph.resources().filter(|(ix, _)| graph.node(*ix).system == system) {
            let node = graph.node(ix);
            if graph.scope_name(node.scope) != "organization" {
                continue;
            }
            let id: Arc<str> = graph.text(node.id).into();
            if let Some(parent) = resource.parent {
                all.parents.insert(id.clone(), graph.text(parent).into());
            }
            match graph.text_or_empty(resource.kind) {
                "aws:organization" => all.id = Some(id),
                kind @ ("aws:account" | "aws:management-account") => {
                    let attributes: std::collections::BTreeMap<String, String> =
                        graph.attributes(ix).and_then(|json| serde_json::from_str(json).ok()).unwrap_or_default();
                    let is = |name: &str, values: &[&str]| {
                        attributes.get(name).is_some_and(|value| values.contains(&value.as_str()))
                    };
                    let member = Member {
                        name: node.name.map(|name| graph.text(name).into()),
                        is_management: kind == "aws:management-account" || is("management", &["true"]),
                        is_closed: is("state", &["SUSPENDED", "CLOSED"]),
                    };
                    all.accounts.insert(id, member);
                }
                _ => {}
            }
        }
        all
    }

    /// What stands above an account, from the root down to itself.
    ///
    /// # Errors
    /// Where its way up breaks off: what is denied above is not known.
    pub(super) fn chain(&self, number: &str) -> Result<Vec<Arc<str>>, Arc<str>> {
        let mut chain: Vec<Arc<str>> = vec![number.into()];
        // INVARIANT: units nest five deep (Organizations quotas); the bound ends a cycle that a stranger made.
        while chain.len() < 16 {
            let last = chain.last().map_or(number, |last| &**last);
            match self.parents.get(last) {
                Some(parent) if Some(parent) == self.id.as_ref() => {
                    chain.reverse();
                    return Ok(chain);
                }
                Some(parent) => chain.push(parent.clone()),
                None if last.starts_with("r-") => {
                    chain.reverse();
                    return Ok(chain);
                }
                None => break,
            }
        }
        Err(format!("the place of account {number} in the organisation was not read").into())
    }
}
