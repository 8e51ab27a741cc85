//! How somebody would stand who is not in the estate: a member of a group who has nothing else.
//!
//! Nobody becomes him, so that he changes nothing for those who are there: it is one walk more, from where they stand already.

use super::{Cost, Edge, Graph, Search, Standing, Techniques, Walk};
use crate::aws::estate::PrincipalEntry;
use crate::aws::evaluate::Evaluate;
use crate::aws::reference::Reference;

/// Where somebody would stand.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Supposed {
    /// Of him.
    pub standing: Standing,
    /// His first step, where he can become an administrator; its `from` is his position behind the principals of the estate.
    pub first: Option<Edge>,
}

impl<'a> Search<'a> {
    /// Makes ready what is asked about principals that are not in the estate, whose policies and accounts are.
    ///
    /// Cost: nothing is asked about the principals of the estate.
    pub fn supposing(
        evaluator: &'a dyn Evaluate,
        reference: &'a Reference,
        techniques: &'a Techniques,
        supposed: &'a [PrincipalEntry],
    ) -> Self {
        Self::with(evaluator, reference, techniques, Some(supposed))
    }

    /// Where each of the supposed principals would stand, in their order, by where those of the estate stand towards administration.
    ///
    /// Cost: for each class of them, what [`Search::towards`] costs for a class.
    pub fn supposed(&self, graph: &Graph) -> Vec<Supposed> {
        let estate = self.asker.estate;
        let real = estate.principals.len();
        let goals = self.administrators();
        let accounts = estate.principals.iter().chain(self.asker.supposed).map(|entry| entry.account).collect();
        let mut walk = Walk::new(&goals, None, accounts);
        for (who, standing) in (0..).zip(&graph.standing) {
            walk.closed[who as usize] = true;
            if let Some(cost) = cost(*standing) {
                walk.cost[who as usize] = Some(cost);
                walk.queue.entry(cost).or_default().push(who);
            }
        }
        let mut edges = self.raises(&goals);
        edges.retain(|edge| edge.to.is_none_or(|to| walk.cost[to as usize].is_some()));
        walk.add(edges);
        while let Some(mut targets) = walk.next() {
            targets.retain(|target| (*target as usize) < real);
            let edges = self.expand(&targets, &walk.closed);
            walk.add(edges);
        }
        let standing = self.standings(&goals, &walk.cost);
        let (edges, first) = walk.finish();
        let first = first.into_iter().map(|at| at.and_then(|at| edges.get(at as usize)).copied());
        standing.into_iter().zip(first).skip(real).map(|(standing, first)| Supposed { standing, first }).collect()
    }
}

fn cost(standing: Standing) -> Option<Cost> {
    match standing {
        Standing::Goal(certainty) => Some((certainty, 0)),
        Standing::Reaches { steps, certainty } => Some((certainty, steps)),
        Standing::NotEvaluated | Standing::Apart => None,
    }
}
