//! Authorization details into an estate.

use std::sync::Arc;

use rustc_hash::FxHashMap;
use serde_json::Value;

use super::document::list;
use super::{Documents, Generated};
use crate::aws::estate::{Account, Estate, PolicyIx, PrincipalEntry, PrincipalKind, Resource};
use crate::aws::request::Attached;

/// An estate that is read account by account.
#[derive(Debug, Default)]
pub struct Reading {
    estate: Estate,
    documents: Documents,
    managed_by_aws: FxHashMap<String, PolicyIx>,
}

impl Reading {
    /// Adds a generated account.
    pub fn account(&mut self, generated: &Generated) {
        self.details(&generated.number, &generated.details);
        let account = at(self.estate.accounts.len() - 1);
        for (arn, policy) in &generated.buckets {
            let policy = self.policy(&format!("policy of bucket {arn}"), None, policy);
            self.estate.resources.push(Resource::bucket(arn, account, policy));
        }
    }

    /// Adds an account by its authorization details; what is not there counts as none, as in the details themselves.
    pub fn details(&mut self, number: &str, details: &Value) {
        let account = at(self.estate.accounts.len());
        self.estate.accounts.push(Account::alone(number));
        let mut managed = FxHashMap::default();
        for policy in list(&details["Policies"]) {
            let (arn, version) = (text(&policy["Arn"]), text(&policy["DefaultVersionId"]));
            let document = list(&policy["PolicyVersionList"]).find(|version| version["IsDefaultVersion"] == true);
            let document = document.map_or(&Value::Null, |version| &version["Document"]);
            // A policy of AWS is one policy, however many accounts attach it.
            let of_aws = arn.contains(":iam::aws:");
            let known = self.managed_by_aws.get(arn).copied().filter(|_| of_aws);
            let place = known.unwrap_or_else(|| self.policy(arn, Some(version), document));
            if of_aws {
                self.managed_by_aws.insert(arn.to_owned(), place);
            }
            managed.insert(arn, place);
        }
        let mut groups: FxHashMap<&str, (Arc<str>, Vec<PolicyIx>)> = FxHashMap::default();
        for group in list(&details["GroupDetailList"]) {
            let (name, arn) = (text(&group["GroupName"]), text(&group["Arn"]));
            let policies = self.granted(&managed, group, "GroupPolicyList", &format!("group {name}"));
            groups.insert(name, (arn.into(), policies));
        }
        for user in list(&details["UserDetailList"]) {
            let entry = self.principal(&managed, user, account, PrincipalKind::User, "UserId", "UserPolicyList");
            let mut entry = entry;
            for (arn, policies) in list(&user["GroupList"]).filter_map(|name| groups.get(text(name))) {
                entry.groups.push(arn.clone());
                for &policy in policies {
                    entry.through.push((policy, arn.clone()));
                    if !entry.identity.contains(&policy) {
                        entry.identity.push(policy);
                    }
                }
            }
            self.estate.principals.push(entry);
        }
        for role in list(&details["RoleDetailList"]) {
            let mut entry = self.principal(&managed, role, account, PrincipalKind::Role, "RoleId", "RolePolicyList");
            let name = format!("trust policy of {}", entry.arn);
            entry.trust = Some(self.policy(&name, None, &role["AssumeRolePolicyDocument"]));
            entry.service_linked = text(&role["Path"]).starts_with("/aws-service-role/");
            self.estate.principals.push(entry);
        }
    }

    /// The estate of all accounts that were added.
    pub fn finish(self) -> Estate {
        self.estate
    }

    fn principal(
        &mut self,
        managed: &FxHashMap<&str, PolicyIx>,
        of: &Value,
        account: u32,
        kind: PrincipalKind,
        id: &str,
        inline: &str,
    ) -> PrincipalEntry {
        let arn = text(&of["Arn"]);
        let tags = of["Tags"].as_array().into_iter().flatten();
        PrincipalEntry {
            arn: arn.into(),
            unique_id: Some(text(&of[id]).into()),
            account,
            kind,
            identity: self.granted(managed, of, inline, arn),
            through: Vec::new(),
            groups: Vec::new(),
            boundary: managed.get(text(&of["PermissionsBoundary"]["PermissionsBoundaryArn"])).copied(),
            trust: None,
            tags: tags.map(|tag| (text(&tag["Key"]).into(), text(&tag["Value"]).into())).collect(),
            unread: Vec::new(),
            can_act: None,
            service_linked: false,
        }
    }

    fn granted(&mut self, managed: &FxHashMap<&str, PolicyIx>, of: &Value, inline: &str, name: &str) -> Vec<PolicyIx> {
        let own = of[inline].as_array().into_iter().flatten().map(|policy| {
            let name = format!("inline policy {} of {name}", text(&policy["PolicyName"]));
            self.policy(&name, None, &policy["PolicyDocument"])
        });
        let mut policies: Vec<PolicyIx> = own.collect();
        let attached = of["AttachedManagedPolicies"].as_array().into_iter().flatten();
        policies.extend(attached.filter_map(|policy| managed.get(text(&policy["PolicyArn"]))));
        policies
    }

    fn policy(&mut self, name: &str, version: Option<&str>, document: &Value) -> PolicyIx {
        let document = self.documents.of(document);
        self.estate.policies.push(Attached { name: name.into(), version: version.map(Into::into), document });
        at(self.estate.policies.len() - 1)
    }
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}

fn at(place: usize) -> u32 {
    u32::try_from(place).expect("a generated estate has fewer than 2^32 of anything")
}
