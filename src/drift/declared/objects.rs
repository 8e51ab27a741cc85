//! Declared objects of Kubernetes: what YAML says of service accounts, roles and bindings.
//!
//! ```text
//!   serviceaccount/NS/NAME   clusterrole/NAME   role/NS/NAME   clusterrole/NAME: get,list on pods of core
//!   SUBJECT|ROLE@cluster     SUBJECT|ROLE@namespace/NS         SUBJECT: user/…, group/… or serviceaccount/…
//! ```
//!
//! A binding is what it gives to each subject: its own name, which may be generated, does not count. Rules of aggregated roles are
//! the controller's to fill in and are not declared. Source: Kubernetes API reference, rbac.authorization.k8s.io/v1 and v1.

use std::collections::{BTreeMap, BTreeSet};

use serde::Deserialize;
use serde_json::Value;

use super::yaml::Document;
use super::{Kind, Things};
use crate::access::kubernetes::RoleRule;

const RBAC: &str = "rbac.authorization.k8s.io/";

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Object {
    #[serde(default)]
    metadata: Metadata,
    #[serde(default)]
    rules: Option<Vec<RoleRule>>,
    #[serde(default)]
    aggregation_rule: Option<Value>,
    #[serde(default)]
    role_ref: Option<RoleRef>,
    #[serde(default)]
    subjects: Option<Vec<Subject>>,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Metadata {
    #[serde(default)]
    name: Option<String>,
    #[serde(default)]
    generate_name: Option<String>,
    #[serde(default)]
    namespace: Option<String>,
}

#[derive(Deserialize)]
struct RoleRef {
    kind: String,
    name: String,
}

#[derive(Deserialize)]
struct Subject {
    kind: String,
    name: String,
    #[serde(default)]
    namespace: Option<String>,
}

/// What was read so far.
#[derive(Debug, Default)]
pub(super) struct Reader {
    things: Things,
    /// Kinds of objects that are nothing to compare, with how many there are.
    others: BTreeMap<String, usize>,
    notes: BTreeSet<String>,
    /// The one namespace that counts.
    namespace: Option<String>,
    elsewhere: usize,
}

impl Reader {
    /// A reader of everything, or of what lies in one namespace.
    pub(super) fn new(namespace: Option<String>) -> Self {
        Self { namespace, ..Self::default() }
    }

    /// Takes a file's documents; `file` is how it is called.
    ///
    /// # Errors
    /// What is no object of Kubernetes, or not one that an API server would take.
    pub(super) fn file(&mut self, file: &str, documents: Vec<Document>) -> Result<(), String> {
        for Document { value, line } in documents {
            self.object(&format!("{file}:{line}"), value, None)?;
        }
        Ok(())
    }

    /// What was declared, and what is said about the rest.
    pub(super) fn finish(mut self) -> (Things, Vec<String>) {
        if !self.others.is_empty() {
            let kinds: Vec<String> = self.others.iter().map(|(kind, count)| format!("{kind} ({count})")).collect();
            self.notes.insert(format!(
                "objects of other kinds than service accounts, roles and bindings are not compared: {}",
                kinds.join(", ")
            ));
        }
        if let Some(namespace) = self.namespace.filter(|_| self.elsewhere > 0) {
            let elsewhere = self.elsewhere;
            self.notes
                .insert(format!("outside namespace/{namespace}, and so not compared: {elsewhere} declared things"));
        }
        (self.things, self.notes.into_iter().collect())
    }

    /// One object, or a list of them. What lies in a typed list may leave its kind out.
    fn object(&mut self, address: &str, value: Value, like: Option<(&str, &str)>) -> Result<(), String> {
        let text = |key: &str| value.get(key).and_then(Value::as_str).map(str::to_owned);
        let kind = text("kind").or(like.map(|(kind, _)| kind.to_owned()));
        let version = text("apiVersion").or(like.map(|(_, version)| version.to_owned()));
        let (Some(kind), Some(version)) = (kind, version) else {
            return Err(format!("{address}: no object of Kubernetes: it has no `kind` or no `apiVersion`"));
        };
        if let Some(of) = kind.strip_suffix("List").filter(|_| value.get("items").is_some_and(Value::is_array)) {
            let like = (!of.is_empty()).then_some((of, version.as_str()));
            let items = value.get("items").and_then(Value::as_array).cloned().unwrap_or_default();
            return items.into_iter().try_for_each(|item| self.object(address, item, like));
        }
        let is_rbac = version.starts_with(RBAC);
        match kind.as_str() {
            "ServiceAccount" if version == "v1" => {}
            "Role" | "ClusterRole" | "RoleBinding" | "ClusterRoleBinding" if is_rbac => {}
            _ => {
                *self.others.entry(kind).or_default() += 1;
                return Ok(());
            }
        }
        let object: Object = serde_json::from_value(value)
            .map_err(|error| format!("{address}: a {kind} that cannot be read: {error}"))?;
        self.take(address, &kind, object)
    }

    fn take(&mut self, address: &str, kind: &str, object: Object) -> Result<(), String> {
        let Object { metadata, rules, aggregation_rule, role_ref, subjects } = object;
        let named = metadata.name.as_deref().or(metadata.generate_name.as_deref());
        let Some(shown) = named.map(|name| format!("{kind} `{name}`")) else {
            return Err(format!("{address}: a {kind} without a name"));
        };
        let place = format!("{address} {shown}");
        let namespace = if kind.starts_with("Cluster") {
            None
        } else {
            let Some(namespace) = metadata.namespace.or_else(|| self.namespace.clone()) else {
                return Err(format!(
                    "{place} says no namespace: write `metadata.namespace`, or `scope = \"namespace/…\"` in policy/declared.toml"
                ));
            };
            Some(namespace)
        };
        if kind.ends_with("Binding") {
            let Some(role) = role_ref else { return Err(format!("{place} has no `roleRef`")) };
            return self.binding(&place, &role, subjects.unwrap_or_default(), namespace.as_deref());
        }
        let Some(name) = metadata.name else {
            self.notes.insert(format!("{place} has a generated name, and so is not compared"));
            return Ok(());
        };
        match (kind, namespace) {
            ("ServiceAccount", Some(namespace)) => {
                self.declare(
                    Kind::ServiceAccounts,
                    format!("serviceaccount/{namespace}/{name}"),
                    &place,
                    Some(&namespace),
                );
            }
            (_, namespace) => {
                let key = match &namespace {
                    Some(namespace) => format!("role/{namespace}/{name}"),
                    None => format!("clusterrole/{name}"),
                };
                if self.declare(Kind::Roles, key.clone(), &place, namespace.as_deref()) && aggregation_rule.is_none() {
                    for rule in rules.unwrap_or_default() {
                        self.declare(Kind::Rules, rule_key(&key, &rule), &place, namespace.as_deref());
                    }
                    self.things.ruled.insert(key);
                }
            }
        }
        Ok(())
    }

    fn binding(
        &mut self,
        place: &str,
        role: &RoleRef,
        subjects: Vec<Subject>,
        namespace: Option<&str>,
    ) -> Result<(), String> {
        let held = match (role.kind.as_str(), namespace) {
            ("ClusterRole", _) => format!("clusterrole/{}", role.name),
            ("Role", Some(namespace)) => format!("role/{namespace}/{}", role.name),
            (other, _) => return Err(format!("{place} cannot refer to a {other}")),
        };
        let at = namespace.map_or("cluster".to_owned(), |namespace| format!("namespace/{namespace}"));
        for subject in subjects {
            let Subject { kind, name, namespace: own } = subject;
            let holder = match kind.as_str() {
                "User" => user_key(&name),
                "Group" => format!("group/{name}"),
                "ServiceAccount" => match own.as_deref().or(namespace) {
                    Some(namespace) => format!("serviceaccount/{namespace}/{name}"),
                    None => return Err(format!("{place} names the service account `{name}` without its namespace")),
                },
                other => return Err(format!("{place} has a subject of the kind `{other}`")),
            };
            self.declare(Kind::Bindings, format!("{holder}|{held}@{at}"), place, namespace);
        }
        Ok(())
    }

    /// Whether it counts here.
    fn declare(&mut self, kind: Kind, key: String, place: &str, namespace: Option<&str>) -> bool {
        if self.namespace.is_some() && self.namespace.as_deref() != namespace {
            self.elsewhere += 1;
            return false;
        }
        self.things.by_key.entry((kind, key)).or_insert_with(|| place.to_owned());
        true
    }
}

/// A user, who may be a service account by its full name.
pub(super) fn user_key(name: &str) -> String {
    match name.strip_prefix("system:serviceaccount:").and_then(|name| name.split_once(':')) {
        Some((namespace, name)) => format!("serviceaccount/{namespace}/{name}"),
        None => format!("user/{name}"),
    }
}

/// A rule of a role, whatever the order within its lists.
pub(super) fn rule_key(role: &str, rule: &RoleRule) -> String {
    format!("{role}: {}", rule.sorted().describe())
}

#[cfg(test)]
mod tests {
    use super::super::yaml::documents;
    use super::*;

    fn read(text: &str, namespace: Option<&str>) -> Result<(Things, Vec<String>), String> {
        let mut reader = Reader::new(namespace.map(str::to_owned));
        reader.file("a.yaml", documents(text)?)?;
        Ok(reader.finish())
    }

    const FILE: &str = "\
apiVersion: v1
kind: ServiceAccount
metadata: {name: cart, namespace: shop}
---
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRole
metadata: {name: reader}
rules:
- {apiGroups: [''], resources: [pods, nodes], verbs: [list, get]}
---
apiVersion: v1
kind: List
items:
- apiVersion: rbac.authorization.k8s.io/v1
  kind: RoleBinding
  metadata: {generateName: devs-, namespace: shop}
  roleRef: {apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: reader}
  subjects:
  - {kind: Group, name: devs, apiGroup: rbac.authorization.k8s.io}
  - {kind: ServiceAccount, name: cart}
- apiVersion: apps/v1
  kind: Deployment
  metadata: {name: cart, namespace: shop}
---
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRole
metadata: {name: all}
aggregationRule: {clusterRoleSelectors: []}
rules: []
---
apiVersion: rbac.authorization.k8s.io/v1
kind: RoleList
items:
- metadata: {generateName: tmp-, namespace: shop}
";

    #[test]
    fn objects_lists_and_generated_names_are_read() {
        let (things, notes) = read(FILE, None).unwrap();
        let keys: Vec<(Kind, &str)> = things.by_key.keys().map(|(kind, key)| (*kind, key.as_str())).collect();
        assert_eq!(
            keys,
            [
                (Kind::Roles, "clusterrole/all"),
                (Kind::Roles, "clusterrole/reader"),
                (Kind::ServiceAccounts, "serviceaccount/shop/cart"),
                (Kind::Bindings, "group/devs|clusterrole/reader@namespace/shop"),
                (Kind::Bindings, "serviceaccount/shop/cart|clusterrole/reader@namespace/shop"),
                (Kind::Rules, "clusterrole/reader: get,list on nodes,pods of core"),
            ]
        );
        assert_eq!(
            things.by_key[&(Kind::ServiceAccounts, "serviceaccount/shop/cart".to_owned())],
            "a.yaml:1 ServiceAccount `cart`"
        );
        assert_eq!(things.ruled.iter().map(String::as_str).collect::<Vec<_>>(), ["clusterrole/reader"]);
        assert!(notes.iter().any(|note| note.contains("Deployment (1)")), "{notes:?}");
        assert!(notes.iter().any(|note| note.contains("Role `tmp-` has a generated name")), "{notes:?}");
    }

    #[test]
    fn one_namespace_leaves_out_the_rest_and_says_so() {
        let (things, notes) = read(FILE, Some("shop")).unwrap();
        assert!(things.by_key.keys().all(|(kind, _)| *kind != Kind::Roles), "{things:?}");
        assert!(notes.iter().any(|note| note.contains("2 declared things")), "{notes:?}");
        let bare = "apiVersion: v1\nkind: ServiceAccount\nmetadata: {name: a}\n";
        assert_eq!(read(bare, Some("shop")).unwrap().0.by_key.len(), 1);
        assert!(read(bare, None).unwrap_err().contains("says no namespace"));
    }

    #[test]
    fn what_no_server_would_take_is_an_error_at_its_line() {
        let rbac = "apiVersion: rbac.authorization.k8s.io/v1";
        for (text, why) in [
            ("a: 1\n".to_owned(), "a.yaml:1: no object"),
            (format!("{rbac}\nkind: ClusterRoleBinding\nmetadata: {{name: x}}\n"), "has no `roleRef`"),
            (format!("{rbac}\nkind: ClusterRole\n"), "without a name"),
            (
                format!("{rbac}\nkind: ClusterRoleBinding\nmetadata: {{name: x}}\nroleRef: {{kind: Role, name: y}}\n"),
                "cannot refer to a Role",
            ),
            (
                format!(
                    "{rbac}\nkind: ClusterRoleBinding\nmetadata: {{name: x}}\nroleRef: {{kind: ClusterRole, name: y}}\nsubjects: [{{kind: ServiceAccount, name: z}}]\n"
                ),
                "without its namespace",
            ),
            (format!("{rbac}\nkind: ClusterRole\nmetadata: {{name: 7}}\n"), "cannot be read"),
        ] {
            let error = read(&text, None).unwrap_err();
            assert!(error.contains(why), "{text}: {error}");
        }
    }
}
