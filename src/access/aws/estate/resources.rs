//! What access is about: resources with their policies and lists, what runs as which role, and which kinds were looked for.

use std::sync::Arc;

use muster_effective::aws::acl::{self, Grantee};
use muster_effective::aws::estate::{AccountIx, PolicyIx, PrincipalKind, Resource, Unread, UnreadKind};
use rustc_hash::{FxHashMap, FxHashSet};

use super::{Building, last, number_in, number_of};
use crate::graph::{CoverageRow, RowState, Text};

/// Start of the names of scopes that tell what runs as which role.
pub(super) const WORKLOADS: &str = "workloads/";
/// Kinds of resources that a scope of workloads promises.
const WORKLOAD_KINDS: [&str; 22] = [
    "aws:autoscaling-group",
    "aws:batch-job-definition",
    "aws:batch-job-queue",
    "aws:cloudformation-stack",
    "aws:cloudformation-stack-set",
    "aws:codebuild-project",
    "aws:codedeploy-deployment-group",
    "aws:cognito-identity-pool",
    "aws:ec2-instance",
    "aws:ec2-launch-template",
    "aws:ecs-cluster",
    "aws:ecs-service",
    "aws:ecs-task",
    "aws:ecs-task-definition",
    "aws:elasticbeanstalk-environment",
    "aws:emr-cluster",
    "aws:glue-dev-endpoint",
    "aws:glue-job",
    "aws:sagemaker-notebook-instance",
    "aws:sagemaker-user-profile",
    "aws:scheduler-schedule",
    "aws:states-state-machine",
];

/// Kinds of services that not every region has, by the attribute in which a region says whether it was asked for them.
const NOT_EVERYWHERE: [(&str, &[&str]); 2] = [
    ("apprunner", &["aws:apprunner-service"]),
    (
        "bedrock-agentcore",
        &["aws:bedrock-agentcore-browser", "aws:bedrock-agentcore-code-interpreter", "aws:bedrock-agentcore-runtime"],
    ),
];

impl Building<'_> {
    pub(super) fn resources(&mut self) {
        let graph = self.graph;
        let mut seen: FxHashSet<Text> = FxHashSet::default();
        for (ix, resource) in graph.resources().filter(|(ix, _)| graph.node(*ix).system == self.system) {
            let node = graph.node(ix);
            let id = graph.text(node.id);
            let Some(kind) = resource.kind.map(|kind| graph.text(kind)).filter(|_| id.starts_with("arn:")) else {
                continue;
            };
            let owner = number_in(graph.scope_name(node.scope)).or_else(|| number_of(id));
            let mut facts: FxHashMap<Arc<str>, Arc<str>> = FxHashMap::default();
            for (name, value) in self.attributes(ix) {
                let name = if name == "restrict-public-buckets" { "public-access-block" } else { name.as_str() };
                facts.insert(name.into(), value.into());
            }
            seen.insert(node.id);
            let policy = self.policy_of(node.id);
            let into = if kind == "ec2:vpc-endpoint" { &mut self.estate.endpoints } else { &mut self.estate.resources };
            into.push(Resource {
                arn: id.into(),
                kind: format!("aws:{}", kind.replace(':', "-")).into(),
                account: owner.and_then(|number| self.accounts.get(number).copied()),
                policy,
                facts,
            });
        }
        // A policy whose resource no record explains is a policy all the same.
        let mut unexplained: Vec<(Text, PolicyIx)> = self
            .of_resources
            .keys()
            .filter(|of| !seen.contains(of))
            .filter_map(|of| Some((*of, self.policy_of(*of)?)))
            .collect();
        unexplained.sort_unstable_by_key(|(_, policy)| *policy);
        for (of, policy) in unexplained {
            let arn = graph.text(of);
            self.estate.resources.push(Resource {
                arn: arn.into(),
                kind: format!("aws:{}", arn.split(':').nth(2).unwrap_or_default()).into(),
                account: number_of(arn).and_then(|number| self.accounts.get(number).copied()),
                policy: Some(policy),
                facts: FxHashMap::default(),
            });
        }
        let credentials = self.nodes.iter().zip(&self.estate.principals).filter_map(|(ix, entry)| {
            let facts = (entry.kind == PrincipalKind::User).then(|| self.credentials(*ix))?;
            (!facts.is_empty()).then(|| Resource {
                arn: entry.arn.clone(),
                kind: "aws:iam-user".into(),
                account: Some(entry.account),
                policy: None,
                facts,
            })
        });
        let credentials: Vec<Resource> = credentials.collect();
        self.estate.resources.extend(credentials);
    }

    /// Roles that resources run as by their full names, separated by spaces: sources give instance profiles, or the bare names of roles.
    pub(super) fn run_as(&mut self) {
        let mut roles: FxHashMap<(AccountIx, &str), &Arc<str>> = FxHashMap::default();
        for entry in self.estate.principals.iter().filter(|entry| entry.kind == PrincipalKind::Role) {
            roles.insert((entry.account, last(&entry.arn)), &entry.arn);
        }
        let mut profiles: FxHashMap<(AccountIx, &str), &Arc<str>> = FxHashMap::default();
        for resource in self.estate.resources.iter().filter(|resource| &*resource.kind == "aws:iam-instance-profile") {
            if let (Some(account), Some(role)) = (resource.account, resource.facts.get("role")) {
                profiles.insert((account, last(&resource.arn)), role);
            }
        }
        let mut named: Vec<(usize, Arc<str>)> = Vec::new();
        for (at, resource) in self.estate.resources.iter().enumerate() {
            let Some(account) = resource.account else { continue };
            let known: Vec<&str> = match (resource.facts.get("role"), resource.facts.get("instance-profile")) {
                (Some(all), _) => all
                    .split(' ')
                    .map(|name| match roles.get(&(account, last(name))) {
                        Some(arn) if !name.starts_with("arn:") => arn,
                        Some(_) | None => name,
                    })
                    .collect(),
                (None, Some(all)) => all
                    .split(' ')
                    .filter_map(|name| profiles.get(&(account, last(name))))
                    .map(|role| &***role)
                    .collect(),
                (None, None) => continue,
            };
            if !known.is_empty() {
                named.push((at, known.join(" ").into()));
            }
        }
        for (at, roles) in named {
            self.estate.resources[at].facts.insert("role".into(), roles);
        }
    }

    /// What access control lists of buckets grant to others than their owners. Where public lists are ignored, those grants are none.
    pub(super) fn acls(&mut self) {
        #[derive(serde::Deserialize)]
        struct Grant {
            to: Option<String>,
            permission: String,
        }
        let fact = |resource: &Resource, name: &str| resource.facts.get(name).cloned();
        // The owner of a bucket is its account, under another name.
        let owners: FxHashMap<Arc<str>, AccountIx> = self
            .estate
            .resources
            .iter()
            .filter_map(|resource| Some((fact(resource, "acl-owner")?, resource.account?)))
            .collect();
        let mut lists = Vec::new();
        for (at, resource) in (0..).zip(&self.estate.resources) {
            let Some(written) = fact(resource, "acl") else { continue };
            let enforced = fact(resource, "object-ownership").is_some_and(|rule| &*rule == "BucketOwnerEnforced");
            let ignored = fact(resource, "ignore-public-acls").is_some_and(|ignored| &*ignored == "true");
            let Some(all) = serde_json::from_str::<Vec<Grant>>(&written).ok().filter(|_| !enforced) else { continue };
            let owner = fact(resource, "acl-owner");
            let grantee = |to: &str| match to.strip_prefix("http://acs.amazonaws.com/groups/") {
                Some("global/AllUsers") => (!ignored).then_some(Grantee::Everyone),
                Some("global/AuthenticatedUsers") => (!ignored).then_some(Grantee::SignedIn),
                // Deliveries of logs: a service, and nobody of ours.
                Some(_) => None,
                None if owner.as_deref() == Some(to) => None,
                None => Some(match owners.get(to) {
                    Some(account) => Grantee::Account(self.estate.accounts[*account as usize].number.to_string()),
                    None => Grantee::Canonical(to.to_owned()),
                }),
            };
            let grants = all.iter().filter_map(|one| Some((grantee(one.to.as_deref()?)?, one.permission.as_str())));
            if let Some(document) = acl::document(&resource.arn, &grants.collect::<Vec<_>>()) {
                lists.push((at, format!("access control list of {}", resource.arn), document));
            }
        }
        for (at, name, document) in lists {
            let policy = self.policy(name.into(), None, Arc::new(document), None);
            self.estate.acls.insert(at, policy);
        }
    }

    /// Kinds of resources that were looked for, and in which accounts they were not, or not to the end.
    pub(super) fn kinds_read(&mut self) {
        let coverage = self.graph.coverage();
        let of_system = || coverage.of_system(self.graph.system_name(self.system));
        if of_system().any(|row| row.scope.starts_with("resource-policies/")) {
            self.estate.kinds_read.push("aws:lambda-function".into());
        }
        if !of_system().any(|row| row.scope.starts_with(WORKLOADS)) {
            return;
        }
        self.estate.kinds_read.extend(WORKLOAD_KINDS.map(Arc::from));
        for (service, kinds) in NOT_EVERYWHERE {
            let asked = self.asked_for(service);
            if of_system()
                .filter(|row| row.scope.starts_with(WORKLOADS) && row.proves_absence)
                .all(|row| asked.contains(&*row.scope))
            {
                self.estate.kinds_read.extend(kinds.iter().copied().map(Arc::from));
            }
        }
        let mut missing: Vec<(usize, Arc<str>)> = Vec::new();
        for (at, account) in self.estate.accounts.iter().enumerate() {
            let prefix = format!("{WORKLOADS}{}/", account.number);
            let mut rows = of_system().filter(|row| row.scope.starts_with(&prefix)).peekable();
            let why = if rows.peek().is_none() {
                Some(format!("what runs as which role in account {} was not read", account.number))
            } else {
                rows.find(|row| !row.proves_absence).map(CoverageRow::shortfall)
            };
            missing.extend(why.map(|why| (at, why.into())));
        }
        for (at, why) in missing {
            self.estate.accounts[at].unread.push(Unread { what: UnreadKind::Workloads, why });
        }
    }

    /// Scopes of workloads whose region says whether it has a service: those of older snapshots and of other partitions do not.
    fn asked_for(&self, service: &str) -> FxHashSet<&str> {
        let graph = self.graph;
        let regions = graph.resources().filter(|(ix, resource)| {
            graph.node(*ix).system == self.system && graph.text_or_empty(resource.kind) == "aws:region"
        });
        regions
            .filter(|(ix, _)| self.attributes(*ix).iter().any(|(name, _)| name == service))
            .map(|(ix, _)| graph.scope_name(graph.node(ix).scope))
            .collect()
    }

    /// The policy of a resource; one of an earlier snapshot is none, and the account says that its resources were not read.
    pub(super) fn policy_of(&self, resource: Text) -> Option<PolicyIx> {
        self.of_resources.get(&resource).filter(|(_, state)| *state != RowState::Stale).map(|(policy, _)| *policy)
    }
}
