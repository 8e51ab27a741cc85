//! Which accounts the registers of the policy folder and the scanners' identities name.

use rustc_hash::{FxHashMap, FxHashSet};

use crate::config::policy::{BreakGlassAccount, Registered, SharedAccount};
use crate::graph::{Graph, NodeIx, NodeKind, SystemIx};
use crate::people::fold;
use crate::rules::Facts;

impl Facts<'_> {
    /// What the register of non-human identities says of an account.
    pub(in crate::rules) fn registered(&self, account: NodeIx) -> Option<&Registered> {
        let place = self.index.registered.get_or_init(|| identities(self)).get(&account)?;
        self.policy.nhi.as_ref()?.identities.get(*place)
    }

    /// The entry of `break_glass.toml` about an account; `Err` where there is no such file.
    pub(in crate::rules) fn break_glass(&self, account: NodeIx) -> Result<Option<&BreakGlassAccount>, &'static str> {
        let Some(entries) = &self.policy.break_glass else {
            return Err("no policy/break_glass.toml says which accounts are for emergencies");
        };
        let found = self.index.break_glass.get_or_init(|| {
            registered(self.graph, entries.iter().map(|entry| (entry.system.as_str(), entry.account.as_str())))
        });
        Ok(found.get(&account).map(|place| &entries[*place]))
    }

    /// The entry of `shared.toml` about an account; `Err` where there is no such file.
    pub(in crate::rules) fn shared(&self, account: NodeIx) -> Result<Option<&SharedAccount>, &'static str> {
        let Some(entries) = &self.policy.shared else {
            return Err("no policy/shared.toml says which accounts may be shared");
        };
        let found = self.index.shared.get_or_init(|| {
            registered(self.graph, entries.iter().map(|entry| (entry.system.as_str(), entry.account.as_str())))
        });
        Ok(found.get(&account).map(|place| &entries[*place]))
    }

    /// The account that a scanner's identity in a system names.
    pub(in crate::rules) fn scanner(&self, system: SystemIx, identity: &str) -> Option<NodeIx> {
        let all = self.index.scanners.get_or_init(|| {
            let rows = self.graph.coverage().rows().iter();
            let wanted =
                rows.filter_map(|row| Some((self.graph.system(&row.system)?, account_name(row.identity.as_deref()?))));
            accounts_named(self.graph, wanted)
        });
        all.get(&(system, account_name(identity))).copied()
    }
}

/// `arn:aws:sts::1:assumed-role/NAME/SESSION` is the role `NAME`; everything else is named as it is.
fn account_name(identity: &str) -> String {
    let role = identity.split_once(":assumed-role/").and_then(|(_, rest)| rest.split('/').next());
    let bare = identity.strip_prefix("dn:").or(identity.strip_prefix("u:")).unwrap_or(identity);
    fold(role.unwrap_or(bare))
}

/// Accounts by the names that are asked for: id, login, native name or e-mail.
///
/// Cost: one pass over the accounts, where any name is asked for.
fn accounts_named(
    graph: &Graph,
    wanted: impl Iterator<Item = (SystemIx, String)>,
) -> FxHashMap<(SystemIx, String), NodeIx> {
    let mut found: FxHashMap<(SystemIx, String), Option<NodeIx>> = wanted.map(|key| (key, None)).collect();
    if !found.is_empty() {
        let systems: FxHashSet<SystemIx> = found.keys().map(|(system, _)| *system).collect();
        for (ix, account) in graph.accounts().filter(|(ix, _)| systems.contains(&graph.node(*ix).system)) {
            let node = graph.node(ix);
            let names = [Some(node.id), account.login, account.native_name].into_iter().flatten();
            for name in names.map(|text| graph.text(text)).chain(graph.emails_of(account)) {
                if let Some(place @ None) = found.get_mut(&(node.system, fold(name))) {
                    *place = Some(ix);
                }
            }
        }
    }
    found.into_iter().filter_map(|(key, account)| Some((key, account?))).collect()
}

/// The place of each account's entry in the register; of two entries for one account the first counts.
fn identities(facts: &Facts<'_>) -> FxHashMap<NodeIx, usize> {
    let Some(register) = &facts.policy.nhi else { return FxHashMap::default() };
    let key = |entry: &Registered| Some((facts.graph.system(&entry.system)?, fold(&entry.account)));
    let accounts = accounts_named(facts.graph, register.identities.iter().filter_map(key));
    let mut by_account = FxHashMap::default();
    for (place, entry) in register.identities.iter().enumerate() {
        if let Some(account) = key(entry).and_then(|key| accounts.get(&key)) {
            by_account.entry(*account).or_insert(place);
        }
    }
    by_account
}

/// Accounts that a register names, by its own id or, where no id is meant, by the one that bears it as login or native name.
///
/// Cost: one pass over the accounts when any entry names no id.
fn registered<'a>(graph: &Graph, entries: impl Iterator<Item = (&'a str, &'a str)>) -> FxHashMap<NodeIx, usize> {
    let mut found = FxHashMap::default();
    let mut named: FxHashMap<(SystemIx, String), (usize, Vec<NodeIx>)> = FxHashMap::default();
    for (place, (system, account)) in entries.enumerate() {
        let Some(system) = graph.system(system) else { continue };
        match graph.find(system, NodeKind::Account, account) {
            Some(ix) => {
                found.insert(ix, place);
            }
            None => {
                named.insert((system, fold(account)), (place, Vec::new()));
            }
        }
    }
    if named.is_empty() {
        return found;
    }
    for (ix, account) in graph.accounts() {
        let system = graph.node(ix).system;
        let mut names: Vec<String> =
            [account.login, account.native_name].into_iter().flatten().map(|name| fold(graph.text(name))).collect();
        names.dedup();
        for name in names {
            if let Some((_, bearers)) = named.get_mut(&(system, name)) {
                bearers.push(ix);
            }
        }
    }
    for (place, bearers) in named.into_values() {
        if let [one] = bearers.as_slice() {
            found.insert(*one, place);
        }
    }
    found
}
