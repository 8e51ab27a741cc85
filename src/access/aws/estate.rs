//! From the facts of a snapshot to what an evaluator asks: accounts with what stands above them, principals with their policies,
//! resources with theirs.
//!
//! A row that is from an earlier reading, and a scope that was not read to its end, become *unread*: the evaluator answers *not evaluated*
//! where they could change its answer, so that nothing that was not read looks clean.

mod organization;
mod resources;

use std::sync::Arc;

use muster_connectors::record::{CredentialKind, CredentialState, EntitlementKind, PolicyKind, RecordKind};
use muster_effective::aws::document::Document;
use muster_effective::aws::estate::{
    Account, AccountIx, Estate, GroupEntry, PolicyIx, PrincipalEntry, PrincipalIx, PrincipalKind, Step, Unread,
    UnreadKind,
};
use muster_effective::aws::request::Attached;
use rayon::prelude::*;
use rustc_hash::FxHashMap;

use self::organization::{Member, Organization};
use self::resources::WORKLOADS;
use crate::graph::{CoverageRow, Edge, Graph, NodeIx, NodeKind, Policy, Relation, RowState, SystemIx, Text};

/// Path of roles that services made for themselves.
const SERVICE_LINKED: &str = ":role/aws-service-role/";
/// Path of roles that Identity Center made for permission sets.
const PERMISSION_SETS: &str = ":role/aws-reserved/sso.amazonaws.com/";
/// What AWS attaches to every root, unit and account where resource control policies are in use; nobody can detach it (Organizations
/// User Guide, "RCP evaluation").
const RCP_FULL_ACCESS: &str = "arn:aws:organizations::aws:policy/resource_control_policy/p-RCPFullAWSAccess";
const RCP_FULL_ACCESS_DOCUMENT: &str =
    r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":"*","Action":"*","Resource":"*"}]}"#;

/// One AWS system of a snapshot, ready to be evaluated.
#[derive(Debug)]
pub(crate) struct Built {
    /// Which.
    pub(crate) system: SystemIx,
    /// What decides.
    pub(crate) estate: Estate,
    /// The text of each policy, where it is from the graph: byte ranges of answers are about it.
    pub(crate) texts: Vec<Option<Text>>,
    /// The node of each principal.
    pub(crate) nodes: Vec<NodeIx>,
    /// The principal of a node.
    pub(crate) by_node: FxHashMap<NodeIx, PrincipalIx>,
    /// Roles that a user or a group of Identity Center has through its permission sets.
    pub(crate) assigned: FxHashMap<NodeIx, Vec<Assigned>>,
    /// What a group grants, and what of it is not known.
    pub(crate) granted: FxHashMap<NodeIx, (Vec<PolicyIx>, Vec<Arc<str>>)>,
    /// Identity policies by id, each with the state of its row.
    pub(crate) identity: FxHashMap<Text, (PolicyIx, RowState)>,
}

/// A permission set that somebody of Identity Center has in one account.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Assigned {
    /// The grant.
    pub(crate) edge: Edge,
    /// The role that the set is in that account; `None` where it was not found: the account was not read, or the set is not provisioned.
    pub(crate) role: Option<PrincipalIx>,
}

/// Whether a policy is of a kind that only AWS has.
fn is_aws(kind: PolicyKind) -> bool {
    match kind {
        PolicyKind::Identity | PolicyKind::Boundary | PolicyKind::Scp | PolicyKind::Rcp | PolicyKind::Trust => true,
        PolicyKind::Resource | PolicyKind::RoleDefinition => false,
    }
}

/// The systems of a graph that have policies as AWS evaluates them, in order.
pub(crate) fn systems(graph: &Graph) -> Vec<SystemIx> {
    let mut systems: Vec<SystemIx> =
        graph.policies().iter().filter(|policy| is_aws(policy.kind)).map(|policy| policy.system).collect();
    systems.sort_unstable();
    systems.dedup();
    systems
}

/// Puts one system together.
///
/// Cost: one pass over its policies, principals, groups and resources; each distinct document is parsed once, side by side.
pub(crate) fn of(graph: &Graph, system: SystemIx) -> Built {
    let mut building = Building::new(graph, system);
    building.accounts();
    building.groups();
    building.principals();
    building.resources();
    building.run_as();
    building.acls();
    building.kinds_read();
    building.assigned();
    Built {
        system,
        estate: building.estate,
        texts: building.texts,
        nodes: building.nodes,
        by_node: building.by_node,
        assigned: building.assigned,
        granted: building.granted,
        identity: building.identity,
    }
}

struct Building<'g> {
    graph: &'g Graph,
    system: SystemIx,
    estate: Estate,
    texts: Vec<Option<Text>>,
    nodes: Vec<NodeIx>,
    by_node: FxHashMap<NodeIx, PrincipalIx>,
    assigned: FxHashMap<NodeIx, Vec<Assigned>>,
    accounts: FxHashMap<Arc<str>, AccountIx>,
    /// Identity policies by id, each with the state of its row.
    identity: FxHashMap<Text, (PolicyIx, RowState)>,
    boundaries: FxHashMap<NodeIx, (PolicyIx, RowState)>,
    trusts: FxHashMap<NodeIx, (PolicyIx, RowState)>,
    /// Policies of resources, by ARN.
    of_resources: FxHashMap<Text, (PolicyIx, RowState)>,
    /// What a group grants, and what of it is not known.
    granted: FxHashMap<NodeIx, (Vec<PolicyIx>, Vec<Arc<str>>)>,
}

impl<'g> Building<'g> {
    /// Parses the documents and attaches those that name what they apply to.
    fn new(graph: &'g Graph, system: SystemIx) -> Self {
        let mut rows: Vec<&Policy> = graph.policies().iter().filter(|policy| policy.system == system).collect();
        // Several accounts list the same policy of AWS: the best row counts.
        rows.sort_by_key(|policy| (policy.kind.as_str(), policy.id, policy.state));
        rows.dedup_by_key(|policy| (policy.kind.as_str(), policy.id));
        let mut distinct: Vec<Text> = rows.iter().map(|policy| policy.document).collect();
        distinct.sort_unstable();
        distinct.dedup();
        let parsed: FxHashMap<Text, Arc<Document>> = distinct
            .into_par_iter()
            .map(|document| (document, Arc::new(Document::parse(graph.text(document)))))
            .collect();
        let mut building = Self {
            graph,
            system,
            estate: Estate::default(),
            texts: Vec::new(),
            nodes: Vec::new(),
            by_node: FxHashMap::default(),
            assigned: FxHashMap::default(),
            accounts: FxHashMap::default(),
            identity: FxHashMap::default(),
            boundaries: FxHashMap::default(),
            trusts: FxHashMap::default(),
            of_resources: FxHashMap::default(),
            granted: FxHashMap::default(),
        };
        building.estate.policies.reserve(rows.len());
        building.texts.reserve(rows.len());
        let mut versions = Vec::new();
        for policy in rows {
            let Some(document) = parsed.get(&policy.document) else { continue };
            let ix = building.policy(
                building.name_of(policy),
                policy.version.map(|version| graph.text(version).into()),
                Arc::clone(document),
                Some(policy.document),
            );
            let entry = (ix, policy.state);
            match policy.kind {
                PolicyKind::Identity => {
                    let of = graph.targets_of(policy).next().filter(|_| graph.text(policy.id).contains("/version/"));
                    match of {
                        Some(of) => versions.push((of, ix)),
                        None => {
                            building.identity.insert(policy.id, entry);
                        }
                    }
                }
                PolicyKind::Boundary | PolicyKind::Trust => {
                    for target in graph.targets_of(policy) {
                        let Some(node) = graph.find(system, NodeKind::Account, target) else { continue };
                        let map = if policy.kind == PolicyKind::Trust {
                            &mut building.trusts
                        } else {
                            &mut building.boundaries
                        };
                        keep_best(map, node, entry);
                    }
                }
                PolicyKind::Resource => {
                    for target in graph.targets_of(policy) {
                        if let Some(target) = graph.strings().find(target) {
                            keep_best(&mut building.of_resources, target, entry);
                        }
                    }
                }
                // Attached by the organisation's tree, and no part of AWS.
                PolicyKind::Scp | PolicyKind::Rcp | PolicyKind::RoleDefinition => {}
            }
        }
        for (of, other) in versions {
            let of = graph.strings().find(of).and_then(|of| building.identity.get(&of));
            if let Some((of, _)) = of {
                building.estate.versions.push((*of, other));
            }
        }
        building
    }

    fn policy(
        &mut self,
        name: Arc<str>,
        version: Option<Arc<str>>,
        document: Arc<Document>,
        text: Option<Text>,
    ) -> PolicyIx {
        let ix = index(self.estate.policies.len());
        self.estate.policies.push(Attached { name, version, document });
        self.texts.push(text);
        ix
    }

    /// A managed policy's ARN; for others words that lead to it.
    fn name_of(&self, policy: &Policy) -> Arc<str> {
        let graph = self.graph;
        let id = graph.text(policy.id);
        if let Some(name) = inline_name(graph, policy.system, id) {
            return name.into();
        }
        let holder = |id: &str| holder(graph, policy.system, id);
        match policy.kind {
            PolicyKind::Trust => match graph.targets_of(policy).next().and_then(holder) {
                Some(holder) => format!("trust policy of {holder}").into(),
                None => id.into(),
            },
            PolicyKind::Boundary => id.split("/boundary/").next().unwrap_or(id).into(),
            PolicyKind::Resource => match graph.targets_of(policy).next() {
                Some(target) => format!("policy of {target}").into(),
                None => id.into(),
            },
            PolicyKind::Identity => id.split("/version/").next().unwrap_or(id).into(),
            PolicyKind::Scp | PolicyKind::Rcp | PolicyKind::RoleDefinition => id.into(),
        }
    }

    /// Accounts with the tree above them.
    fn accounts(&mut self) {
        let graph = self.graph;
        let organization = Organization::of(graph, self.system);
        self.estate.organization.clone_from(&organization.id);
        let mut numbers: Vec<Arc<str>> = organization.accounts.keys().cloned().collect();
        for (system, scope) in graph.places().filter(|(system, _)| *system == self.system) {
            debug_assert!(system == self.system);
            numbers.extend(number_in(graph.scope_name(scope)).map(Arc::from));
        }
        for row in graph.coverage().of_system(graph.system_name(self.system)) {
            numbers.extend(number_in(&row.scope).map(Arc::from));
        }
        numbers.sort_unstable();
        numbers.dedup();
        let attached = self.attachments();
        let in_use = |kind: PolicyKind| attached.keys().any(|(of, _)| *of == kind);
        let (scps, rcps) = (in_use(PolicyKind::Scp), in_use(PolicyKind::Rcp));
        let full_access = rcps.then(|| self.full_access());
        for number in numbers {
            let member = organization.accounts.get(&number);
            let chain = member.map(|_| organization.chain(&number));
            let steps = |kind: PolicyKind, wanted: bool| -> Vec<Step> {
                let chain = chain.as_ref().and_then(|chain| chain.as_ref().ok()).filter(|_| wanted);
                let step = |name: &Arc<str>| {
                    let mut policies = attached.get(&(kind, name.clone())).cloned().unwrap_or_default();
                    if let Some(full) = full_access.filter(|full| kind == PolicyKind::Rcp && !policies.contains(full)) {
                        policies.push(full);
                    }
                    Step { name: name.clone(), policies }
                };
                chain.map_or_else(Vec::new, |chain| chain.iter().map(step).collect())
            };
            let (mut scps, rcps) = (steps(PolicyKind::Scp, scps), steps(PolicyKind::Rcp, rcps));
            let mut unread = self.unread(&number, member);
            let bare = scps.iter().find(|step| step.policies.is_empty()).map(|step| step.name.clone());
            scps.retain(|step| !step.policies.is_empty());
            let above = match (&organization.unread, &chain) {
                (Some(why), _) | (None, Some(Err(why))) => Some(why.clone()),
                // Nothing attached would deny everything, and AWS takes the last one from nobody: the list is too short.
                (None, Some(Ok(_))) if bare.is_some() => bare.map(|at| {
                    format!("no service control policy of `{at}` was read, and AWS keeps one attached everywhere")
                        .into()
                }),
                (None, None) if organization.id.is_some() => None,
                (None, None) => {
                    Some("the organisation's policies were not read: nobody can tell what they deny".into())
                }
                (None, Some(Ok(_))) => None,
            };
            unread.extend(above.map(|why| Unread { what: UnreadKind::Organization, why }));
            let ix = index(self.estate.accounts.len());
            self.accounts.insert(number.clone(), ix);
            self.estate.accounts.push(Account {
                name: member.and_then(|member| member.name.clone()),
                in_organization: member.is_some(),
                is_management: member.is_some_and(|member| member.is_management),
                number,
                scps,
                rcps,
                unread,
            });
        }
    }

    /// Policies of the organisation by kind and by what they are attached to.
    fn attachments(&self) -> FxHashMap<(PolicyKind, Arc<str>), Vec<PolicyIx>> {
        let graph = self.graph;
        let by_id: FxHashMap<&str, PolicyIx> =
            (0..).zip(&self.estate.policies).map(|(ix, policy)| (&*policy.name, ix)).collect();
        let mut attached: FxHashMap<(PolicyKind, Arc<str>), Vec<PolicyIx>> = FxHashMap::default();
        for policy in graph.policies().iter().filter(|policy| policy.system == self.system) {
            if !matches!(policy.kind, PolicyKind::Scp | PolicyKind::Rcp) {
                continue;
            }
            let Some(ix) = by_id.get(graph.text(policy.id)) else { continue };
            for target in graph.targets_of(policy) {
                let policies = attached.entry((policy.kind, target.into())).or_default();
                if !policies.contains(ix) {
                    policies.push(*ix);
                }
            }
        }
        attached
    }

    /// The resource control policy that AWS attaches everywhere: the one that was read, else as AWS publishes it.
    fn full_access(&mut self) -> PolicyIx {
        let known = self.estate.policies.iter().position(|policy| policy.name.ends_with("/p-RCPFullAWSAccess"));
        if let Some(known) = known {
            return index(known);
        }
        let document = Arc::new(Document::parse(RCP_FULL_ACCESS_DOCUMENT));
        self.policy(RCP_FULL_ACCESS.into(), None, document, None)
    }

    /// What of an account's principals and resources was not read.
    fn unread(&self, number: &str, member: Option<&Member>) -> Vec<Unread> {
        const OF_PRINCIPALS: [RecordKind; 6] = [
            RecordKind::Account,
            RecordKind::Group,
            RecordKind::Membership,
            RecordKind::Entitlement,
            RecordKind::Grant,
            RecordKind::Policy,
        ];
        if member.is_some_and(|member| member.is_closed) {
            // Nobody can sign in to it or use what is in it.
            return Vec::new();
        }
        let coverage = self.graph.coverage();
        let system = self.graph.system_name(self.system);
        let own = format!("account/{number}");
        let mut unread = Vec::new();
        let mut here = coverage.of_scope(system, &own).peekable();
        let principals = if here.peek().is_none() {
            Some(format!("account {number} was not read"))
        } else {
            here.find(|row| OF_PRINCIPALS.contains(&row.kind) && !row.proves_absence).map(CoverageRow::shortfall)
        };
        unread.extend(principals.map(|why| Unread { what: UnreadKind::Principals, why: why.into() }));
        let runners = match coverage.of_scope(system, &own).find(|row| row.kind == RecordKind::Resource) {
            Some(row) => (!row.proves_absence).then(|| row.shortfall()),
            None => Some(format!("instance profiles of account {number} were not read")),
        };
        unread.extend(runners.map(|why| Unread { what: UnreadKind::Runners, why: why.into() }));
        let prefix = format!("resource-policies/{number}/");
        let mut here = coverage.of_system(system).filter(|row| row.scope.starts_with(&prefix)).peekable();
        let resources = if here.peek().is_none() {
            Some(format!("policies of resources of account {number} were not read"))
        } else {
            here.find(|row| !row.proves_absence).map(CoverageRow::shortfall)
        };
        unread.extend(resources.map(|why| Unread { what: UnreadKind::Resources, why: why.into() }));
        unread
    }

    fn groups(&mut self) {
        let graph = self.graph;
        for (ix, group) in graph.groups().filter(|(ix, _)| graph.node(*ix).system == self.system) {
            let held = self.held(ix);
            let arn = graph.text_or_empty(group.native_name);
            if let Some(account) = self.account_of(arn) {
                self.estate.groups.push(GroupEntry { arn: arn.into(), account, policies: held.0.clone() });
            }
            self.granted.insert(ix, held);
        }
    }

    /// The policies that a principal or group holds itself, and what of them is not known.
    fn held(&self, holder: NodeIx) -> (Vec<PolicyIx>, Vec<Arc<str>>) {
        let graph = self.graph;
        let (mut policies, mut unread): (Vec<PolicyIx>, Vec<Arc<str>>) = (Vec::new(), Vec::new());
        for edge in graph.edges_from(holder).filter(|edge| edge.relation == Relation::Holds) {
            let name = graph.name(edge.target);
            let detail = graph.detail(&edge);
            let is_policy = graph.entitlement(edge.target).is_none_or(|held| held.kind == EntitlementKind::Policy);
            match self.identity.get(&graph.node(edge.target).id) {
                _ if !is_policy => unread.push(format!("what `{name}` allows was not read").into()),
                Some((_, RowState::Stale)) => {
                    unread.push(format!("the document of policy `{name}` is from an earlier snapshot").into());
                }
                Some(_) if detail.state == RowState::Stale => {
                    unread.push(format!("that policy `{name}` is attached is from an earlier snapshot").into());
                }
                Some(_) if detail.note.is_some() => {
                    unread.push(format!("that policy `{name}` is attached depends on a condition").into());
                }
                Some((policy, _)) => policies.push(*policy),
                None => unread.push(format!("the document of policy `{name}` was not read").into()),
            }
        }
        (policies, unread)
    }

    fn principals(&mut self) {
        let graph = self.graph;
        let accounts: Vec<_> = graph.accounts().filter(|(ix, _)| graph.node(*ix).system == self.system).collect();
        let entries = accounts.into_par_iter().filter_map(|(ix, account)| {
            let arn = graph.text_or_empty(account.native_name);
            let kind = match arn.split(':').nth(5) {
                Some(name) if name.starts_with("user/") => PrincipalKind::User,
                Some(name) if name.starts_with("role/") => PrincipalKind::Role,
                Some(_) | None => return None,
            };
            Some((ix, self.principal(ix, arn, kind, self.account_of(arn)?)))
        });
        let entries: Vec<(NodeIx, PrincipalEntry)> = entries.collect();
        self.estate.principals.reserve(entries.len());
        self.nodes.reserve(entries.len());
        self.by_node.reserve(entries.len());
        for (ix, entry) in entries {
            self.by_node.insert(ix, index(self.estate.principals.len()));
            self.estate.principals.push(entry);
            self.nodes.push(ix);
        }
    }

    fn principal(&self, ix: NodeIx, arn: &str, kind: PrincipalKind, account: AccountIx) -> PrincipalEntry {
        let graph = self.graph;
        let (mut identity, mut unread) = self.held(ix);
        let (mut through, mut groups) = (Vec::new(), Vec::new());
        for edge in graph.edges_from(ix).filter(|edge| edge.relation == Relation::MemberOf) {
            let name = graph.name(edge.target);
            if graph.detail(&edge).state == RowState::Stale {
                unread.push(format!("the membership in group `{name}` is from an earlier snapshot").into());
                continue;
            }
            let Some((policies, missing)) = self.granted.get(&edge.target) else {
                unread.push(format!("group `{name}` was not read").into());
                continue;
            };
            let of = graph.text_or_empty(graph.group(edge.target).and_then(|group| group.native_name));
            let of: Arc<str> = of.into();
            for policy in policies {
                if !identity.contains(policy) {
                    identity.push(*policy);
                    through.push((*policy, of.clone()));
                }
            }
            unread.extend(missing.iter().cloned());
            groups.push(of);
        }
        if graph.node(ix).state == RowState::Stale {
            unread.push("the principal is from an earlier snapshot: today's reading failed or missed it".into());
        }
        let boundary = self.boundaries.get(&ix);
        if boundary.is_some_and(|(_, state)| *state == RowState::Stale) {
            unread.push("its permissions boundary is from an earlier snapshot".into());
        }
        PrincipalEntry {
            arn: arn.into(),
            unique_id: Some(graph.text(graph.node(ix).id).into()),
            account,
            kind,
            identity,
            through,
            groups,
            boundary: boundary.map(|(policy, _)| *policy),
            trust: self.trusts.get(&ix).filter(|(_, state)| *state != RowState::Stale).map(|(policy, _)| *policy),
            tags: self.tags(ix),
            unread,
            can_act: self.can_act(ix, kind),
            service_linked: arn.contains(SERVICE_LINKED),
        }
    }

    fn tags(&self, ix: NodeIx) -> Vec<(Arc<str>, Arc<str>)> {
        let attributes = self.attributes(ix).into_iter();
        let tags =
            attributes.filter_map(|(name, value)| Some((name.strip_prefix("tag:")?.into(), value.as_str().into())));
        tags.collect()
    }

    fn attributes(&self, ix: NodeIx) -> std::collections::BTreeMap<String, String> {
        self.graph.attributes(ix).and_then(|json| serde_json::from_str(json).ok()).unwrap_or_default()
    }

    /// Whether a principal can act at all: a role can, a user needs a password or a key that works.
    fn can_act(&self, ix: NodeIx, kind: PrincipalKind) -> Option<bool> {
        let account = self.graph.account(ix)?;
        if !account.lifecycle.is_active() {
            return Some(false);
        }
        if kind == PrincipalKind::Role {
            return Some(true);
        }
        let signs_in = |kind: CredentialKind| matches!(kind, CredentialKind::AccessKey | CredentialKind::Password);
        let mut credentials = self.graph.credentials_of(ix).filter(|(_, one)| signs_in(one.kind));
        if credentials.clone().any(|(_, one)| one.status == CredentialState::Active) {
            return Some(true);
        }
        let unknown = credentials.any(|(_, one)| one.status == CredentialState::Unknown);
        if unknown || !self.credentials_are_read(ix) || account.interactive != Some(false) { None } else { Some(false) }
    }

    /// Whether a user has a password, and how many access keys; nothing where credentials were not read to their end.
    fn credentials(&self, ix: NodeIx) -> FxHashMap<Arc<str>, Arc<str>> {
        let mut facts: FxHashMap<Arc<str>, Arc<str>> = FxHashMap::default();
        if !self.credentials_are_read(ix) {
            return facts;
        }
        let of = |kind: CredentialKind| self.graph.credentials_of(ix).filter(|(_, one)| one.kind == kind).count();
        if let Some(console) = self.graph.account(ix).and_then(|account| account.interactive) {
            facts.insert("console".into(), console.to_string().into());
        }
        facts.insert("keys".into(), of(CredentialKind::AccessKey).to_string().into());
        facts
    }

    fn credentials_are_read(&self, ix: NodeIx) -> bool {
        let node = self.graph.node(ix);
        let scope = self.graph.scope_name(node.scope);
        let mut rows = self.graph.coverage().of_scope(self.graph.system_name(node.system), scope);
        rows.any(|row| row.kind == RecordKind::Credential && row.proves_absence)
    }

    /// What people of Identity Center may become: a permission set in an account is a role there.
    fn assigned(&mut self) {
        let graph = self.graph;
        let mut roles: FxHashMap<(AccountIx, &str), PrincipalIx> = FxHashMap::default();
        for (at, entry) in (0..).zip(&self.estate.principals) {
            // …/AWSReservedSSO_<set>_<16 hexadecimal digits>
            let Some((_, rest)) = entry.arn.split_once(PERMISSION_SETS) else { continue };
            let name = rest.rsplit('/').next().unwrap_or(rest);
            if let Some((set, _)) = name.strip_prefix("AWSReservedSSO_").and_then(|name| name.rsplit_once('_')) {
                let of =
                    graph.text_or_empty(graph.account(self.nodes[at as usize]).and_then(|account| account.native_name));
                let start = of.len() - name.len() + "AWSReservedSSO_".len();
                roles.insert((entry.account, &of[start..start + set.len()]), at);
            }
        }
        for (ix, _) in graph.entitlements().filter(|(ix, _)| graph.node(*ix).system == self.system) {
            if !graph.text(graph.node(ix).id).contains(":permissionSet/") {
                continue;
            }
            for edge in graph.edges_to(ix) {
                let on = graph.detail(&edge).resource.map(|on| graph.text(graph.node(on).id));
                let account = on.and_then(|number| self.accounts.get(number).copied());
                let role = account.and_then(|account| roles.get(&(account, graph.name(ix))).copied());
                self.assigned.entry(edge.source).or_default().push(Assigned { edge, role });
            }
        }
    }

    fn account_of(&self, arn: &str) -> Option<AccountIx> {
        self.accounts.get(number_of(arn)?).copied()
    }
}

/// What leads to an inline policy; `None` for others.
pub(crate) fn inline_name(graph: &Graph, system: SystemIx, id: &str) -> Option<String> {
    let (principal, name) = id.split_once("/inline/")?;
    Some(
        holder(graph, system, principal)
            .map_or_else(|| id.to_owned(), |holder| format!("inline policy {name} of {holder}")),
    )
}

/// A principal or a group of an id, with the word for what it is.
fn holder(graph: &Graph, system: SystemIx, id: &str) -> Option<String> {
    [(NodeKind::Account, ""), (NodeKind::Group, "group ")].into_iter().find_map(|(kind, word)| {
        let node = graph.find(system, kind, id)?;
        let arn = graph.account(node).and_then(|account| account.native_name);
        let word = match graph.text_or_empty(arn) {
            arn if arn.contains(":role/") => "role ",
            arn if arn.contains(":user/") => "user ",
            _ => word,
        };
        Some(format!("{word}{}", graph.name(node)))
    })
}

/// A fresher row beats an older one.
fn keep_best<K: std::hash::Hash + Eq>(
    map: &mut FxHashMap<K, (PolicyIx, RowState)>,
    key: K,
    entry: (PolicyIx, RowState),
) {
    let known = map.entry(key).or_insert(entry);
    if entry.1 < known.1 {
        *known = entry;
    }
}

/// The number of the account that a scope is about.
pub(crate) fn number_in(scope: &str) -> Option<&str> {
    let rest = ["account/", "resource-policies/", WORKLOADS].iter().find_map(|start| scope.strip_prefix(start))?;
    let number = rest.split('/').next()?;
    is_number(number).then_some(number)
}

/// The number of the account in an ARN.
pub(crate) fn number_of(arn: &str) -> Option<&str> {
    arn.split(':').nth(4).filter(|number| is_number(number))
}

/// The last part of an ARN or a path.
fn last(arn: &str) -> &str {
    arn.rsplit('/').next().unwrap_or(arn)
}

fn is_number(text: &str) -> bool {
    text.len() == 12 && text.bytes().all(|byte| byte.is_ascii_digit())
}

/// A position as evaluators count them.
fn index(at: usize) -> u32 {
    u32::try_from(at).expect("a snapshot of one system has fewer than 2^32 rows of a kind")
}
