//! Terraform and OpenTofu state (format version 4): what it says of AWS IAM.
//!
//! Read are `aws_iam_user`, `_role`, `_group`, `_policy`, `_user_group_membership`, `_group_membership`, the three
//! `_…_policy_attachment`, the joint `_policy_attachment` and the three inline `_…_policy`. What a role lists in
//! `managed_policy_arns` or `inline_policy` is not read: the provider fills both with whatever is attached. Deposed instances are
//! on their way out and are not read either. Source: Terraform, "State: Internals"; hashicorp/aws provider, resources of IAM.

use std::collections::{BTreeMap, BTreeSet};

use serde::Deserialize;
use serde_json::{Map, Value};

use super::{Kind, Things};

#[derive(Deserialize)]
struct State {
    version: Option<u64>,
    encrypted_data: Option<Value>,
    #[serde(default)]
    resources: Vec<Resource>,
}

#[derive(Deserialize)]
struct Resource {
    #[serde(default)]
    mode: String,
    #[serde(default)]
    module: Option<String>,
    #[serde(rename = "type")]
    kind: String,
    name: String,
    #[serde(default)]
    instances: Vec<Instance>,
}

#[derive(Deserialize)]
struct Instance {
    #[serde(default)]
    index_key: Option<Value>,
    #[serde(default)]
    deposed: Option<String>,
    #[serde(default)]
    attributes: Map<String, Value>,
}

/// What a state file declares.
///
/// # Errors
/// Why it cannot be read, in words for a sentence.
pub(crate) fn read(text: &str) -> Result<Things, String> {
    let state: State = serde_json::from_str(text).map_err(|error| format!("it is no Terraform state: {error}"))?;
    if state.encrypted_data.is_some() {
        return Err("it is encrypted: export it with `tofu state pull`".to_owned());
    }
    if state.version != Some(4) {
        let version = state.version.map_or("no version".to_owned(), |version| format!("version {version}"));
        return Err(format!("it has {version}; read is version 4 (`terraform state pull` writes it)"));
    }
    let mut reader = Reader::default();
    for resource in state.resources.iter().filter(|resource| resource.mode == "managed") {
        for instance in resource.instances.iter().filter(|instance| instance.deposed.is_none()) {
            reader.instance(resource, instance);
        }
    }
    Ok(reader.finish())
}

#[derive(Default)]
struct Reader {
    things: Things,
    joint: BTreeMap<(Kind, String), String>,
    accounts: BTreeSet<String>,
}

impl Reader {
    fn instance(&mut self, resource: &Resource, instance: &Instance) {
        let Some(kind) = resource.kind.strip_prefix("aws_iam_") else { return };
        let address = address(resource, instance);
        let text = |name: &str| instance.attributes.get(name).and_then(Value::as_str).filter(|text| !text.is_empty());
        let texts = |name: &str| {
            let list = instance.attributes.get(name).and_then(Value::as_array);
            list.into_iter().flatten().filter_map(Value::as_str)
        };
        for arn in [text("arn"), text("policy_arn")].into_iter().flatten() {
            self.accounts.extend(account_of(arn));
        }
        let mut declare = |kind: Kind, key: String| {
            self.things.by_key.entry((kind, key)).or_insert_with(|| address.clone());
        };
        let tie = |principal: &str, name: &str, target: String| format!("{principal}/{}|{target}", folded(name));
        match kind {
            "user" | "role" | "group" => {
                let Some(name) = text("name") else { return };
                let of = match kind {
                    "user" => Kind::Users,
                    "role" => Kind::Roles,
                    _ => Kind::Groups,
                };
                declare(of, format!("{kind}/{}", folded(name)));
            }
            "policy" => {
                if let Some(arn) = text("arn") {
                    declare(Kind::Policies, format!("policy/{}", folded(arn)));
                }
            }
            "user_group_membership" => {
                for group in texts("groups") {
                    if let Some(user) = text("user") {
                        declare(Kind::Memberships, tie("user", user, format!("group/{}", folded(group))));
                    }
                }
            }
            "group_membership" => {
                for user in texts("users") {
                    if let Some(group) = text("group") {
                        declare(Kind::Memberships, tie("user", user, format!("group/{}", folded(group))));
                    }
                }
            }
            "user_policy_attachment" | "role_policy_attachment" | "group_policy_attachment" => {
                let principal = kind.trim_end_matches("_policy_attachment");
                if let (Some(name), Some(arn)) = (text(principal), text("policy_arn")) {
                    declare(Kind::Attachments, tie(principal, name, format!("policy/{}", folded(arn))));
                }
            }
            "user_policy" | "role_policy" | "group_policy" => {
                let principal = kind.trim_end_matches("_policy");
                if let (Some(name), Some(policy)) = (text(principal), text("name")) {
                    declare(Kind::Attachments, tie(principal, name, format!("inline/{}", folded(policy))));
                }
            }
            "policy_attachment" => {
                let Some(arn) = text("policy_arn") else { return };
                for (list, principal) in [("users", "user"), ("roles", "role"), ("groups", "group")] {
                    for name in texts(list) {
                        let key = tie(principal, name, format!("policy/{}", folded(arn)));
                        self.joint.entry((Kind::Attachments, key)).or_insert_with(|| address.clone());
                    }
                }
            }
            _ => {}
        }
    }

    /// A joint attachment names what nothing else names; what something else names as well is that one's.
    fn finish(mut self) -> Things {
        for (key, address) in self.joint {
            match self.things.by_key.entry(key) {
                std::collections::btree_map::Entry::Vacant(vacant) => {
                    vacant.insert(address);
                }
                std::collections::btree_map::Entry::Occupied(_) => self.things.joint += 1,
            }
        }
        if self.accounts.len() == 1 {
            self.things.account = self.accounts.pop_first();
        }
        self.things
    }
}

/// `module.network.aws_iam_role.ci["eu"]`.
fn address(resource: &Resource, instance: &Instance) -> String {
    let module = resource.module.as_ref().map(|module| format!("{module}.")).unwrap_or_default();
    let index = match &instance.index_key {
        None => String::new(),
        Some(key) => format!("[{key}]"),
    };
    format!("{module}{}.{}{index}", resource.kind, resource.name)
}

/// The account number in an IAM ARN; AWS's own policies have none.
pub(super) fn account_of(arn: &str) -> Option<String> {
    let account = arn.split(':').nth(4)?;
    (arn.starts_with("arn:") && account.len() == 12 && account.bytes().all(|byte| byte.is_ascii_digit()))
        .then(|| account.to_owned())
}

/// IAM names are unique without regard to letter case.
pub(super) fn folded(name: &str) -> String {
    name.to_lowercase()
}

#[cfg(test)]
mod tests {
    use super::*;

    const STATE: &str = r#"{"version":4,"resources":[
      {"mode":"managed","type":"aws_iam_user","name":"ada","instances":[{"attributes":{"name":"Ada","arn":"arn:aws:iam::111122223333:user/Ada"}}]},
      {"mode":"managed","module":"module.ci","type":"aws_iam_role","name":"ci","instances":[
        {"index_key":"eu","attributes":{"name":"ci-eu","arn":"arn:aws:iam::111122223333:role/ci-eu","managed_policy_arns":["arn:aws:iam::aws:policy/X"]}},
        {"index_key":"us","deposed":"0badc0de","attributes":{"name":"ci-us","arn":"arn:aws:iam::111122223333:role/ci-us"}}]},
      {"mode":"managed","type":"aws_iam_user_policy_attachment","name":"one","instances":[{"attributes":{"user":"Ada","policy_arn":"arn:aws:iam::aws:policy/ReadOnlyAccess"}}]},
      {"mode":"managed","type":"aws_iam_policy_attachment","name":"joint","instances":[{"attributes":{"policy_arn":"arn:aws:iam::aws:policy/ReadOnlyAccess","users":["Ada"],"roles":["ci-eu"],"groups":[]}}]},
      {"mode":"managed","type":"aws_iam_group_membership","name":"ops","instances":[{"attributes":{"group":"ops","users":["Ada"]}}]},
      {"mode":"data","type":"aws_iam_user","name":"bob","instances":[{"attributes":{"name":"bob"}}]},
      {"mode":"managed","type":"aws_s3_bucket","name":"b","instances":[{"attributes":{"id":"b"}}]}]}"#;

    #[test]
    fn a_state_says_what_is_managed_and_a_joint_attachment_counts_once() {
        let things = read(STATE).unwrap();
        let keys: Vec<(&str, &str)> =
            things.by_key.iter().map(|((_, key), address)| (key.as_str(), address.as_str())).collect();
        assert_eq!(
            keys,
            [
                ("user/ada", "aws_iam_user.ada"),
                ("role/ci-eu", r#"module.ci.aws_iam_role.ci["eu"]"#),
                ("user/ada|group/ops", "aws_iam_group_membership.ops"),
                ("role/ci-eu|policy/arn:aws:iam::aws:policy/readonlyaccess", "aws_iam_policy_attachment.joint"),
                ("user/ada|policy/arn:aws:iam::aws:policy/readonlyaccess", "aws_iam_user_policy_attachment.one"),
            ]
        );
        assert_eq!((things.joint, things.account.as_deref()), (1, Some("111122223333")));
    }

    #[test]
    fn what_is_no_state_says_why() {
        for (text, why) in [
            ("{", "no Terraform state"),
            (r#"{"version":3,"modules":[]}"#, "it has version 3"),
            (r#"{"serial":1,"encrypted_data":"x"}"#, "encrypted"),
            ("{}", "no version"),
        ] {
            assert!(read(text).unwrap_err().contains(why), "{text}");
        }
    }
}
