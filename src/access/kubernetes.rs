//! Kubernetes: what RBAC roles allow, by their rules.
//!
//! In: role definitions as the API and `kubectl get -o json` show them. Out: for each role its level of privilege and the ways in
//! which it gives more than it says. RBAC only adds: there is no deny, so what a role allows, its holder may, as far as RBAC decides.
//!
//! Source: Kubernetes, "Using RBAC Authorization" (referring to resources; default roles; privilege escalation prevention), "Role Based
//! Access Control Good Practices"; how rules match is that of `pkg/apis/rbac/v1/evaluation_helpers.go`.

mod risks;

use std::collections::BTreeMap;

use muster_connectors::record::{PolicyKind, PrivilegeLevel};
use rustc_hash::{FxHashMap, FxHashSet};
use serde::Deserialize;

pub(crate) use self::risks::Risk;
use crate::graph::{Edge, Graph, NodeIx, NodeKind, Relation, SystemIx};

/// What a definition's `apiVersion` begins with.
const GROUP: &str = "rbac.authorization.k8s.io/";
/// Roles that the API server makes without the reserved beginning `system:`.
const PROVIDED: [&str; 4] = ["cluster-admin", "admin", "edit", "view"];
/// The label that the API server puts on what it makes.
const BOOTSTRAPPING: &str = "kubernetes.io/bootstrapping";

/// The clusters of a graph and their roles.
#[derive(Debug)]
pub(crate) struct Clusters {
    systems: FxHashSet<SystemIx>,
    roles: FxHashMap<NodeIx, Result<Role, String>>,
}

/// A Role or ClusterRole.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Role {
    /// Name, without its namespace.
    pub(crate) name: String,
    /// Whether it can be held in the whole cluster: a ClusterRole.
    pub(crate) is_cluster: bool,
    /// Its rules, in order; those of an aggregated role as the controller filled them in.
    pub(crate) rules: Vec<RoleRule>,
    provided: bool,
}

/// One rule of a role. Lists that are left out are empty.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct RoleRule {
    /// API groups; the core group is the empty text.
    pub(crate) api_groups: Vec<String>,
    /// Resources, with a subresource as `pods/exec`.
    pub(crate) resources: Vec<String>,
    /// Names that it is limited to; empty for all.
    pub(crate) resource_names: Vec<String>,
    /// Verbs.
    pub(crate) verbs: Vec<String>,
    /// Paths that are no resources.
    #[serde(rename = "nonResourceURLs")]
    pub(crate) non_resource_urls: Vec<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Definition {
    api_version: String,
    kind: String,
    metadata: Metadata,
    #[serde(default)]
    rules: Option<Vec<RoleRule>>,
}

#[derive(Deserialize)]
struct Metadata {
    name: String,
    #[serde(default)]
    namespace: Option<String>,
    #[serde(default)]
    labels: Option<BTreeMap<String, String>>,
}

impl Clusters {
    /// Reads every role definition of the graph. A cluster is a system that the connector `kubernetes` read, or that has a definition.
    pub(crate) fn of(graph: &Graph) -> Self {
        let read = graph.coverage().rows().iter().filter(|row| row.connector == "kubernetes");
        let mut systems: FxHashSet<SystemIx> = read.filter_map(|row| graph.system(&row.system)).collect();
        let mut documents = FxHashMap::default();
        for policy in graph.policies().iter().filter(|policy| policy.kind == PolicyKind::RoleDefinition) {
            let document = graph.text(policy.document);
            if !document.contains(GROUP) {
                continue;
            }
            systems.insert(policy.system);
            if let Some(node) = graph.find(policy.system, NodeKind::Entitlement, graph.text(policy.id)) {
                let known = documents.entry(node).or_insert((policy.state, document));
                if policy.state < known.0 {
                    *known = (policy.state, document);
                }
            }
        }
        let roles = documents.into_iter().map(|(node, (_, document))| (node, Role::read(document))).collect();
        Self { systems, roles }
    }

    /// Whether a system is a cluster.
    pub(crate) fn covers(&self, system: SystemIx) -> bool {
        self.systems.contains(&system)
    }

    /// A role; or why its rules are not known.
    pub(crate) fn role(&self, entitlement: NodeIx) -> Result<&Role, &str> {
        match self.roles.get(&entitlement) {
            Some(Ok(role)) => Ok(role),
            Some(Err(why)) => Err(why),
            None => Err("the rules of the role were not read"),
        }
    }

    /// Whether a grant counts in one namespace only.
    pub(crate) fn narrows(&self, graph: &Graph, edge: &Edge) -> bool {
        edge.relation == Relation::Holds
            && self.covers(graph.node(edge.target).system)
            && graph
                .detail(edge)
                .resource
                .is_some_and(|place| graph.text(graph.node(place).id).starts_with("namespace/"))
    }
}

impl Role {
    /// Reads a definition as the API has it.
    fn read(document: &str) -> Result<Self, String> {
        let definition: Definition =
            serde_json::from_str(document).map_err(|error| format!("the role's definition cannot be read: {error}"))?;
        let is_cluster = match definition.kind.as_str() {
            "ClusterRole" => true,
            "Role" => false,
            other => return Err(format!("`{other}` is no role")),
        };
        if !definition.api_version.starts_with(GROUP) {
            return Err(format!("`{}` is no version of RBAC", definition.api_version));
        }
        let Metadata { name, namespace, labels } = definition.metadata;
        let is_labelled = labels.is_some_and(|labels| labels.contains_key(BOOTSTRAPPING));
        let is_reserved = if is_cluster {
            name.starts_with("system:") || PROVIDED.contains(&name.as_str())
        } else {
            let is_own = namespace.is_some_and(|namespace| namespace == "kube-system" || namespace == "kube-public");
            is_own && (name.starts_with("system:") || name == "extension-apiserver-authentication-reader")
        };
        let provided = is_labelled && is_reserved;
        Ok(Self { name, is_cluster, rules: definition.rules.unwrap_or_default(), provided })
    }

    /// Whether the API server made it and looks after its rules: told by its label and a reserved name together.
    pub(crate) fn is_provided(&self) -> bool {
        self.provided
    }

    /// Whether it allows everything where it is held.
    pub(crate) fn allows_everything(&self) -> bool {
        let all = |list: &[String]| list.iter().any(|one| one == "*");
        self.rules.iter().any(|rule| {
            all(&rule.verbs) && all(&rule.resources) && all(&rule.api_groups) && rule.resource_names.is_empty()
        })
    }

    /// Rules with a wildcard for verbs or for resources.
    pub(crate) fn wildcards(&self) -> impl Iterator<Item = &RoleRule> {
        let all = |list: &[String]| list.iter().any(|one| one == "*");
        self.rules.iter().filter(move |rule| !rule.resources.is_empty() && (all(&rule.verbs) || all(&rule.resources)))
    }

    /// How privileged its holder is, in the whole cluster or, of a Role, in its namespace.
    ///
    /// *Admin*: everything, or a way to everything. *Privileged*: a risk, a wildcard that writes, or running programs as any
    /// service account of a namespace. *Limited*: anything else about resources. *Baseline*: addresses of the server's own and questions
    /// about oneself.
    pub(crate) fn level(&self) -> PrivilegeLevel {
        if self.is_cluster && (self.allows_everything() || self.risks(true).into_iter().any(Risk::gives_everything)) {
            return PrivilegeLevel::Admin;
        }
        let writes = |rule: &RoleRule| WRITES.iter().any(|verb| rule.has_verb(verb));
        let runs = |rule: &RoleRule| {
            (rule.has_verb("create") || rule.has_verb("update") || rule.has_verb("patch"))
                && WORKLOADS.iter().any(|(group, resource)| rule.has_group(group) && rule.has_resource(resource))
        };
        let reads_secrets = |rule: &RoleRule| {
            READS.iter().any(|verb| rule.has_verb(verb)) && rule.has_group("") && rule.has_resource("secrets")
        };
        let is_privileged = self.wildcards().any(writes)
            || self.rules.iter().any(|rule| runs(rule) || reads_secrets(rule))
            || !self.risks(self.is_cluster).is_empty();
        if is_privileged {
            return PrivilegeLevel::Privileged;
        }
        let of_oneself = |rule: &RoleRule| rule.resources.iter().all(|resource| resource.starts_with("selfsubject"));
        if self.rules.iter().all(of_oneself) { PrivilegeLevel::Baseline } else { PrivilegeLevel::Limited }
    }
}

/// Verbs that read what an object holds.
const READS: [&str; 3] = ["get", "list", "watch"];
/// Verbs that change something.
const WRITES: [&str; 5] = ["create", "update", "patch", "delete", "deletecollection"];
/// What runs programs: whoever makes one chooses its service account.
const WORKLOADS: [(&str, &str); 10] = [
    ("", "pods"),
    ("", "pods/exec"),
    ("", "replicationcontrollers"),
    ("apps", "daemonsets"),
    ("apps", "deployments"),
    ("apps", "replicasets"),
    ("apps", "statefulsets"),
    ("batch", "cronjobs"),
    ("batch", "jobs"),
    ("", "pods/ephemeralcontainers"),
];

impl RoleRule {
    fn has_verb(&self, verb: &str) -> bool {
        self.verbs.iter().any(|one| one == "*" || one == verb)
    }

    fn has_group(&self, group: &str) -> bool {
        self.api_groups.iter().any(|one| one == "*" || one == group)
    }

    /// Whether it is about a resource: by its name, by `*`, and a subresource also as `*/sub`.
    fn has_resource(&self, resource: &str) -> bool {
        let subresource = resource.split_once('/').map(|(_, sub)| sub);
        self.resources.iter().any(|one| {
            one == "*" || one == resource || one.strip_prefix("*/").is_some_and(|any| Some(any) == subresource)
        })
    }

    /// The same rule with its lists in order, each word once.
    pub(crate) fn sorted(&self) -> Self {
        let sorted = |words: &[String]| {
            let mut words = words.to_vec();
            words.sort_unstable();
            words.dedup();
            words
        };
        Self {
            api_groups: sorted(&self.api_groups),
            resources: sorted(&self.resources),
            resource_names: sorted(&self.resource_names),
            verbs: sorted(&self.verbs),
            non_resource_urls: sorted(&self.non_resource_urls),
        }
    }

    /// The rule in one line, for evidence.
    pub(crate) fn describe(&self) -> String {
        let list = |words: &[String]| {
            let words: Vec<&str> =
                words.iter().map(|word| if word.is_empty() { "core" } else { word.as_str() }).collect();
            words.join(",")
        };
        if self.resources.is_empty() {
            return format!("{} on {}", list(&self.verbs), list(&self.non_resource_urls));
        }
        let named = match self.resource_names.as_slice() {
            [] => String::new(),
            names => format!(" named {}", names.join(",")),
        };
        format!("{} on {} of {}{named}", list(&self.verbs), list(&self.resources), list(&self.api_groups))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn role(kind: &str, name: &str, rules: &str) -> Role {
        let text = format!(
            r#"{{"apiVersion":"rbac.authorization.k8s.io/v1","kind":"{kind}","metadata":{{"name":"{name}"}},"rules":{rules}}}"#
        );
        Role::read(&text).unwrap()
    }

    #[test]
    fn levels_follow_from_rules() {
        for (kind, rules, level) in [
            ("ClusterRole", r#"[{"apiGroups":["*"],"resources":["*"],"verbs":["*"]}]"#, PrivilegeLevel::Admin),
            ("Role", r#"[{"apiGroups":["*"],"resources":["*"],"verbs":["*"]}]"#, PrivilegeLevel::Privileged),
            (
                "ClusterRole",
                r#"[{"apiGroups":[""],"resources":["users","groups"],"verbs":["impersonate"]}]"#,
                PrivilegeLevel::Admin,
            ),
            (
                "ClusterRole",
                r#"[{"apiGroups":["apps"],"resources":["deployments"],"verbs":["patch"]}]"#,
                PrivilegeLevel::Privileged,
            ),
            (
                "ClusterRole",
                r#"[{"apiGroups":["*"],"resources":["*"],"verbs":["get","list"]}]"#,
                PrivilegeLevel::Privileged,
            ),
            (
                "ClusterRole",
                r#"[{"apiGroups":["*"],"resources":["*/scale"],"verbs":["update"]}]"#,
                PrivilegeLevel::Limited,
            ),
            ("ClusterRole", r#"[{"apiGroups":[""],"resources":["pods"],"verbs":["get"]}]"#, PrivilegeLevel::Limited),
            ("ClusterRole", r#"[{"nonResourceURLs":["/healthz"],"verbs":["get"]}]"#, PrivilegeLevel::Baseline),
            (
                "ClusterRole",
                r#"[{"apiGroups":["authorization.k8s.io"],"resources":["selfsubjectaccessreviews"],"verbs":["create"]}]"#,
                PrivilegeLevel::Baseline,
            ),
            ("ClusterRole", "null", PrivilegeLevel::Baseline),
        ] {
            assert_eq!(role(kind, "r", rules).level(), level, "{kind} {rules}");
        }
    }

    /// The manifest and this reader have to mean the same.
    #[test]
    fn what_the_connector_emits_is_read() {
        let told: serde_json::Value =
            serde_json::from_str(include_str!("../../connectors/fixtures/kubernetes/expected.json")).unwrap();
        let policies = told["records"].as_array().unwrap().iter().filter(|record| record["record"] == "policy");
        let levels: BTreeMap<&str, (PrivilegeLevel, bool)> = policies
            .map(|policy| {
                let role = Role::read(policy["document"].as_str().unwrap()).unwrap();
                (policy["id"].as_str().unwrap(), (role.level(), role.is_provided()))
            })
            .collect();
        let expected = [
            ("clusterrole/cluster-admin", (PrivilegeLevel::Admin, true)),
            ("clusterrole/edit", (PrivilegeLevel::Privileged, true)),
            ("clusterrole/empty", (PrivilegeLevel::Baseline, false)),
            ("clusterrole/muster-reader", (PrivilegeLevel::Limited, false)),
            ("role/shop/cart-config", (PrivilegeLevel::Limited, false)),
        ];
        assert_eq!(levels, expected.into());
    }

    #[test]
    fn a_label_alone_makes_no_role_the_servers_own() {
        let read = |name: &str, labels: &str| {
            let text = format!(
                r#"{{"apiVersion":"rbac.authorization.k8s.io/v1","kind":"ClusterRole","metadata":{{"name":"{name}","labels":{labels}}}}}"#
            );
            Role::read(&text).unwrap().is_provided()
        };
        let label = r#"{"kubernetes.io/bootstrapping":"rbac-defaults"}"#;
        assert!(read("cluster-admin", label) && read("system:node", label));
        assert!(!read("backdoor", label) && !read("system:node", "null"));
    }

    #[test]
    fn what_is_no_role_says_why() {
        for (text, why) in [
            ("{", "cannot be read"),
            (r#"{"apiVersion":"v1","kind":"Role","metadata":{"name":"a"}}"#, "no version of RBAC"),
            (r#"{"apiVersion":"rbac.authorization.k8s.io/v1","kind":"Pod","metadata":{"name":"a"}}"#, "no role"),
        ] {
            assert!(Role::read(text).unwrap_err().contains(why), "{text}");
        }
    }
}
