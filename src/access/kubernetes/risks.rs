//! Rules that let their holder get more than they say.

use super::{READS, Role, RoleRule};

/// A way to more.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Risk {
    /// Writes roles with more than one's own rights.
    Escalate,
    /// Binds roles that allow more than one's own rights.
    Bind,
    /// Acts as any user or group.
    Impersonate,
    /// Acts as any service account of the place.
    ImpersonateServiceAccounts,
    /// Makes tokens of any service account of the place.
    Tokens,
    /// Approves certificates that sign in.
    Certificates,
    /// Talks to kubelets past admission and audit.
    NodesProxy,
    /// Sees and changes what goes through the API server.
    Webhooks,
    /// Reads every secret.
    Secrets,
}

impl Risk {
    /// What its holder can do, for a sentence that begins with the holder.
    pub(crate) const fn sentence(self) -> &'static str {
        match self {
            Self::Escalate => "may write roles with more rights than their own (escalate)",
            Self::Bind => "may bind roles with more rights than their own (bind)",
            Self::Impersonate => "may act as any user or group (impersonate)",
            Self::ImpersonateServiceAccounts => "may act as any service account (impersonate)",
            Self::Tokens => "may make tokens of any service account (create serviceaccounts/token)",
            Self::Certificates => "may approve certificates that sign in as others (approve signers)",
            Self::NodesProxy => "may run commands in every pod past admission and audit (nodes/proxy)",
            Self::Webhooks => "may put a webhook before every request (webhook configurations)",
            Self::Secrets => "may read every secret of the cluster (secrets)",
        }
    }

    /// Whether it leads to everything by itself, whatever runs in the cluster.
    pub(crate) const fn gives_everything(self) -> bool {
        match self {
            Self::Escalate | Self::Bind | Self::Impersonate => true,
            Self::ImpersonateServiceAccounts
            | Self::Tokens
            | Self::Certificates
            | Self::NodesProxy
            | Self::Webhooks
            | Self::Secrets => false,
        }
    }
}

const RBAC: &str = "rbac.authorization.k8s.io";

impl Role {
    /// The ways to more that it gives where it is held: `wide` in the whole cluster, else in a namespace. In order, each once.
    ///
    /// A rule that is limited to names counts only where a name is as good as all (`bind` on `cluster-admin`).
    pub(crate) fn risks(&self, wide: bool) -> Vec<Risk> {
        let mut risks: Vec<Risk> = self.rules.iter().flat_map(|rule| rule.risks(wide)).collect();
        // Who approves needs both: the signer, and the request's own subresource.
        let approves = |rule: &RoleRule| {
            rule.has_group("certificates.k8s.io")
                && rule.has_resource("certificatesigningrequests/approval")
                && (rule.has_verb("update") || rule.has_verb("patch"))
        };
        if wide && self.rules.iter().any(approves) && self.rules.iter().any(RoleRule::signs_in) {
            risks.push(Risk::Certificates);
        }
        risks.sort_unstable();
        risks.dedup();
        risks
    }
}

impl RoleRule {
    fn risks(&self, wide: bool) -> Vec<Risk> {
        let is_about = |group: &str, resources: &[&str]| {
            self.has_group(group) && resources.iter().any(|resource| self.has_resource(resource))
        };
        let any = |verbs: &[&str]| verbs.iter().any(|verb| self.has_verb(verb));
        let all = self.resource_names.is_empty();
        let roles: &[&str] = if wide { &["clusterroles", "roles"] } else { &["roles"] };
        let found = [
            (Risk::Escalate, all && any(&["escalate"]) && is_about(RBAC, roles)),
            (
                Risk::Bind,
                any(&["bind"])
                    && is_about(RBAC, &["clusterroles", "roles"])
                    && (all || self.resource_names.iter().any(|name| name == "cluster-admin")),
            ),
            (Risk::Impersonate, wide && all && any(&["impersonate"]) && is_about("", &["users", "groups"])),
            (Risk::ImpersonateServiceAccounts, all && any(&["impersonate"]) && is_about("", &["serviceaccounts"])),
            (Risk::Tokens, all && any(&["create"]) && is_about("", &["serviceaccounts/token"])),
            (Risk::NodesProxy, wide && any(&["get", "create"]) && is_about("", &["nodes/proxy"])),
            (
                Risk::Webhooks,
                wide && any(&["create", "update", "patch"])
                    && is_about(
                        "admissionregistration.k8s.io",
                        &["mutatingwebhookconfigurations", "validatingwebhookconfigurations"],
                    ),
            ),
            (Risk::Secrets, wide && all && any(&READS) && is_about("", &["secrets"])),
        ];
        found.into_iter().filter(|(_, found)| *found).map(|(risk, _)| risk).collect()
    }

    /// Whether it approves for a signer whose certificates sign in: all but those of kubelets' own servers.
    fn signs_in(&self) -> bool {
        let only_serving = !self.resource_names.is_empty()
            && self.resource_names.iter().all(|name| name == "kubernetes.io/kubelet-serving");
        self.has_group("certificates.k8s.io")
            && self.has_resource("signers")
            && self.has_verb("approve")
            && !only_serving
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn role(rules: &[(&str, &str, &str, &[&str])]) -> Role {
        let words =
            |list: &str| list.split(' ').map(|word| if word == "core" { "" } else { word }.to_owned()).collect();
        let rules = rules.iter().map(|(verbs, groups, resources, names)| RoleRule {
            verbs: words(verbs),
            api_groups: words(groups),
            resources: words(resources),
            resource_names: names.iter().map(|name| (*name).to_owned()).collect(),
            non_resource_urls: Vec::new(),
        });
        Role { name: "r".into(), is_cluster: true, rules: rules.collect(), provided: false }
    }

    #[test]
    fn each_way_to_more_is_known_and_what_is_limited_is_none() {
        let rbac = "rbac.authorization.k8s.io";
        for (rules, wide, narrow) in [
            (vec![("escalate update", rbac, "clusterroles", &[][..])], vec![Risk::Escalate], vec![]),
            (vec![("escalate", rbac, "roles", &[])], vec![Risk::Escalate], vec![Risk::Escalate]),
            (vec![("bind", rbac, "clusterroles", &["view"])], vec![], vec![]),
            (vec![("bind", rbac, "clusterroles", &["cluster-admin"])], vec![Risk::Bind], vec![Risk::Bind]),
            (vec![("impersonate", "core", "groups", &[])], vec![Risk::Impersonate], vec![]),
            (vec![("impersonate", "core", "users", &["ci"])], vec![], vec![]),
            (vec![("create", "core", "serviceaccounts/token", &[])], vec![Risk::Tokens], vec![Risk::Tokens]),
            (vec![("create", "core", "serviceaccounts", &[])], vec![], vec![]),
            (vec![("create", "*", "*/token", &[])], vec![Risk::Tokens], vec![Risk::Tokens]),
            (vec![("get", "core", "nodes/proxy", &[])], vec![Risk::NodesProxy], vec![]),
            (vec![("list", "core", "secrets", &[])], vec![Risk::Secrets], vec![]),
            (vec![("get", "core", "secrets", &["one"])], vec![], vec![]),
            (
                vec![("patch", "admissionregistration.k8s.io", "mutatingwebhookconfigurations", &[])],
                vec![Risk::Webhooks],
                vec![],
            ),
            (vec![("update", "certificates.k8s.io", "certificatesigningrequests/approval", &[])], vec![], vec![]),
            (
                vec![
                    ("update", "certificates.k8s.io", "certificatesigningrequests/approval", &[]),
                    ("approve", "certificates.k8s.io", "signers", &["kubernetes.io/kube-apiserver-client"]),
                ],
                vec![Risk::Certificates],
                vec![],
            ),
            (
                vec![
                    ("update", "certificates.k8s.io", "certificatesigningrequests/approval", &[]),
                    ("approve", "certificates.k8s.io", "signers", &["kubernetes.io/kubelet-serving"]),
                ],
                vec![],
                vec![],
            ),
        ] {
            let role = role(&rules);
            assert_eq!(role.risks(true), wide, "{rules:?}");
            assert_eq!(role.risks(false), narrow, "{rules:?}");
        }
        assert_eq!(role(&[("*", "*", "*", &[])]).risks(true).len(), 9);
    }
}
