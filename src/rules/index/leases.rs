//! Leases of vaults: which users of databases are still meant to be there.

use jiff::{SignedDuration, Timestamp};
use muster_connectors::record::{CredentialKind, RecordKind};
use rustc_hash::FxHashMap;

use crate::graph::{RowState, SystemIx};
use crate::people::fold;
use crate::rules::Facts;

/// What a lease of a database secrets engine is told by: its id, and that of the role it belongs to (Vault, "Lease, renew, and
/// revoke": the id begins with the path that was read).
const CREDS: &str = "/creds/";
/// Letters of a role's name that Vault puts into a user's name (Vault, "Username templating").
const ROLE_LETTERS: usize = 8;
/// Between the second in a user's name and the lease's issue lies one call.
const NEAR: SignedDuration = SignedDuration::from_mins(2);

/// Leases of every vault.
#[derive(Debug, Default)]
pub(super) struct Leases {
    /// Systems that have roles of database secrets engines.
    vaults: Vec<SystemIx>,
    /// When the leases that still run were issued, by the letters of their role.
    running: FxHashMap<String, Vec<Timestamp>>,
    /// Why nothing follows from a lease not being there.
    doubt: Option<String>,
}

/// When the database user of this folded name was made for a lease; `None` for other names.
pub(in crate::rules) fn leased_at(login: &str) -> Option<Timestamp> {
    let second = login.rsplit('-').next().filter(|_| crate::people::is_leased(login))?;
    Timestamp::from_second(second.parse().ok()?).ok()
}

impl Facts<'_> {
    /// Whether a lease that still runs made the database user of this folded name at `made`; why that cannot be told otherwise.
    pub(in crate::rules) fn lease_runs(&self, login: &str, made: Timestamp) -> Result<bool, String> {
        let leases = self.index.leases.get_or_init(|| leases(self));
        if leases.vaults.is_empty() {
            return Err("no vault that lists the leases of a database secrets engine is collected".to_owned());
        }
        // `v-`, display name and role, random letters, the second: the role is what the third part from the end ends with.
        let named = login.rsplitn(3, '-').nth(2).unwrap_or_default();
        let near = |issued: &Timestamp| issued.duration_since(made).abs() <= NEAR;
        let mut of_role = leases.running.iter().filter(|(role, _)| named.ends_with(&format!("-{role}")));
        if of_role.any(|(_, issued)| issued.iter().any(near)) {
            return Ok(true);
        }
        leases.doubt.clone().map_or(Ok(false), Err)
    }
}

fn leases(facts: &Facts<'_>) -> Leases {
    let graph = facts.graph;
    let mut leases = Leases::default();
    for (ix, _) in graph.accounts() {
        let node = graph.node(ix);
        if graph.text(node.id).contains(CREDS) && leases.vaults.last() != Some(&node.system) {
            leases.vaults.push(node.system);
        }
    }
    leases.vaults.sort_unstable();
    leases.vaults.dedup();
    leases.doubt = leases.vaults.iter().find_map(|vault| {
        if !facts.yields(*vault, RecordKind::Credential) {
            return Some(format!("`{}` does not list its leases", graph.system_name(*vault)));
        }
        let kinds = [RecordKind::Credential, RecordKind::Account];
        kinds.into_iter().find_map(|kind| facts.unread(*vault, kind)).map(str::to_owned)
    });
    for (_, lease) in graph.credentials() {
        let is_lease = lease.kind == CredentialKind::Password && leases.vaults.binary_search(&lease.system).is_ok();
        // A lease that an earlier night saw may have ended since: it excuses nothing, and its absence is a doubt already.
        if !is_lease || lease.state == RowState::Stale || lease.expires.at().is_some_and(|at| at <= facts.now) {
            continue;
        }
        let Some((_, role)) = graph.text(lease.account_id).split_once(CREDS) else { continue };
        if let Some(issued) = lease.created.at() {
            let letters: String = fold(role).chars().take(ROLE_LETTERS).collect();
            leases.running.entry(letters).or_default().push(issued);
        }
    }
    leases
}
