//! Principals that may do the same: asked about once.

use fixedbitset::FixedBitSet;
use rayon::prelude::*;
use rustc_hash::FxHashMap;

use super::breadth::Breadth;
use crate::aws::estate::{AccountIx, Estate, PolicyIx, PrincipalEntry, PrincipalIx, PrincipalKind};

/// Principals of one account and kind with the same policies, none of which depends on who asks.
#[derive(Debug)]
pub(super) struct Class {
    /// In order; never empty.
    pub(super) members: Vec<PrincipalIx>,
    pub(super) account: AccountIx,
    pub(super) kind: PrincipalKind,
    /// What their identity policies allow, on anything.
    pub(super) allowed: FixedBitSet,
}

impl Class {
    pub(super) fn first(&self) -> PrincipalIx {
        self.members[0]
    }
}

type Key = (AccountIx, bool, bool, Option<PolicyIx>, Vec<PolicyIx>, Option<PrincipalIx>);

/// The classes of principals, numbered from `first` on, in the order of their first members.
pub(super) fn classes(estate: &Estate, principals: &[PrincipalEntry], first: usize, breadth: &Breadth) -> Vec<Class> {
    let first = PrincipalIx::try_from(first).unwrap_or(PrincipalIx::MAX);
    let personal_accounts: Vec<bool> = estate
        .accounts
        .par_iter()
        .map(|account| {
            let mut policies = account.scps.iter().chain(&account.rcps).flat_map(|step| &step.policies);
            policies.any(|&policy| breadth.is_personal(policy))
        })
        .collect();
    let personal = |entry: &PrincipalEntry| {
        personal_accounts[entry.account as usize]
            || !entry.unread.is_empty()
            || entry.identity.iter().chain(&entry.boundary).any(|&policy| breadth.is_personal(policy))
    };
    let mut by_key: FxHashMap<Key, usize> = FxHashMap::default();
    let mut classes: Vec<Class> = Vec::new();
    for (who, entry) in (first..).zip(principals) {
        let mut identity = entry.identity.clone();
        identity.sort_unstable();
        identity.dedup();
        let alone = personal(entry).then_some(who);
        let key =
            (entry.account, entry.kind == PrincipalKind::User, entry.service_linked, entry.boundary, identity, alone);
        let at = *by_key.entry(key).or_insert_with(|| {
            let allowed = FixedBitSet::new();
            classes.push(Class { members: Vec::new(), account: entry.account, kind: entry.kind, allowed });
            classes.len() - 1
        });
        classes[at].members.push(who);
    }
    classes.par_iter_mut().for_each(|class| {
        class.allowed = breadth.of_principal(&principals[(class.first() - first) as usize]);
    });
    classes
}
