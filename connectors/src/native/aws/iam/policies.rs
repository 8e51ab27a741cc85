//! Policies: managed and inline, the versions that are not in force, boundaries, trust; and who holds them.

use std::collections::{BTreeMap, BTreeSet};

use super::super::details::{AttachedPolicy, Details, InlinePolicy, ManagedPolicy, PolicyVersion, Role};
use super::super::documents::{Decoded, Document, statements, strings};
use super::super::outcome::{NewPolicy, raw};
use super::{Mapping, distinct};
use crate::record::{
    Entitlement, EntitlementKind, Federation, Grant, PolicyKind, PrincipalKind, PrivilegeLevel, Purpose, Raw, Record,
    RecordKind,
};
use crate::scope::Gap;

impl Mapping<'_> {
    pub(super) fn policies(&mut self) {
        let details = &self.data.details;
        let used = attached_arns(details);
        let boundaries = boundaries(details);
        let mut listed = BTreeSet::new();
        for policy in distinct(&details.policies, |policy| &policy.arn) {
            listed.insert(policy.arn.as_str());
            let is_customers = !is_aws_managed(&policy.arn);
            if is_customers || used.contains_key(policy.arn.as_str()) {
                self.managed_policy(policy);
            }
            if let Some(targets) = boundaries.get(policy.arn.as_str()) {
                self.boundary(&policy.arn, Some(policy), targets);
            }
        }
        for (arn, name) in used.iter().filter(|(arn, _)| !listed.contains(*arn)) {
            self.entitlement(arn, name, None, Raw::None);
            let gap = Gap::new("AWS013", format!("policy `{arn}` is attached, and its document was not listed"))
                .cause("the list of policies is shorter than the attachments: the export was filtered or cut off")
                .fix("export again without `--filter`: `aws iam get-account-authorization-details`");
            self.out.gap(&[RecordKind::Policy], &gap);
        }
        for (arn, targets) in boundaries.iter().filter(|(arn, _)| !listed.contains(*arn)) {
            self.boundary(arn, None, targets);
        }
    }

    fn managed_policy(&mut self, policy: &ManagedPolicy) {
        let object = raw(&ManagedPolicy { policy_version_list: Vec::new(), ..policy.clone() });
        self.entitlement(&policy.arn, policy.name(), policy.description.clone(), object);
        self.out.policy(NewPolicy {
            id: policy.arn.clone(),
            kind: PolicyKind::Identity,
            name: Some(policy.name().to_owned()),
            version: policy.default_version_id.clone(),
            targets: Vec::new(),
            document: default_document(policy),
            raw: Raw::Within(policy.arn.clone()),
        });
        // Who may choose the version in force may choose one of these. AWS chooses for its own policies.
        let others = policy.policy_version_list.iter().filter(|version| !is_default(policy, version));
        for version in others.filter(|_| !is_aws_managed(&policy.arn)) {
            self.out.policy(NewPolicy {
                id: format!("{}/version/{}", policy.arn, version.version_id),
                kind: PolicyKind::Identity,
                name: Some(policy.name().to_owned()),
                version: Some(version.version_id.clone()),
                targets: vec![policy.arn.clone()],
                document: version.document.as_ref(),
                raw: Raw::Within(policy.arn.clone()),
            });
        }
    }

    fn boundary(&mut self, arn: &str, policy: Option<&ManagedPolicy>, targets: &[&str]) {
        self.out.policy(NewPolicy {
            id: format!("{arn}/boundary/{}", self.data.account),
            kind: PolicyKind::Boundary,
            name: policy.map(|policy| policy.name().to_owned()),
            version: policy.and_then(|policy| policy.default_version_id.clone()),
            targets: targets.iter().map(|target| (*target).to_owned()).collect(),
            document: policy.and_then(default_document),
            raw: Raw::Within(arn.to_owned()),
        });
    }

    fn entitlement(&mut self, id: &str, name: &str, description: Option<String>, raw: Raw) {
        self.out.records.push(Record::Entitlement(Box::new(Entitlement {
            id: id.to_owned(),
            kind: EntitlementKind::Policy,
            name: Some(name.to_owned()).filter(|name| !name.is_empty()),
            description: description.filter(|text| !text.is_empty()),
            purpose: Purpose::Permission,
            privilege: is_administrator_access(id).then_some(PrivilegeLevel::Admin),
            owner: None,
            raw,
        })));
    }

    /// Attachments and inline policies of one principal.
    pub(super) fn held(
        &mut self,
        principal: &str,
        kind: PrincipalKind,
        attached: &[AttachedPolicy],
        inline: &[InlinePolicy],
    ) {
        let within = Raw::Within(principal.to_owned());
        for policy in distinct(attached, |policy| &policy.policy_arn) {
            let mut grant = Grant::new(principal, kind, &policy.policy_arn);
            grant.raw = within.clone();
            self.out.records.push(Record::Grant(Box::new(grant)));
        }
        for policy in distinct(inline, |policy| &policy.policy_name) {
            let id = format!("{principal}/inline/{}", policy.policy_name);
            self.entitlement(&id, &policy.policy_name, None, within.clone());
            let mut grant = Grant::new(principal, kind, &id);
            grant.raw = within.clone();
            self.out.records.push(Record::Grant(Box::new(grant)));
            self.out.policy(NewPolicy {
                id,
                kind: PolicyKind::Identity,
                name: Some(policy.policy_name.clone()),
                version: None,
                targets: Vec::new(),
                document: policy.policy_document.as_ref(),
                raw: within.clone(),
            });
        }
    }

    pub(super) fn trust(&mut self, role: &Role) {
        let id = format!("{}/trust", role.role_id);
        self.out.policy(NewPolicy {
            id: id.clone(),
            kind: PolicyKind::Trust,
            name: Some(role.role_name.clone()),
            version: None,
            targets: vec![role.role_id.clone()],
            document: role.assume_role_policy_document.as_ref(),
            raw: Raw::Within(role.role_id.clone()),
        });
        if let Some(Decoded { text, .. }) = role.assume_role_policy_document.as_ref().map(Document::decode) {
            for federation in federations(&role.role_id, &id, &text) {
                self.out.records.push(Record::Federation(Box::new(federation)));
            }
        }
    }
}

/// Whether attaching this policy allows everything, by AWS's own naming.
pub(in super::super) fn is_administrator_access(arn: &str) -> bool {
    arn.starts_with("arn:") && arn.ends_with(":iam::aws:policy/AdministratorAccess")
}

fn is_aws_managed(arn: &str) -> bool {
    arn.contains(":iam::aws:policy/")
}

/// ARN and name of every managed policy that any principal holds.
fn attached_arns(details: &Details) -> BTreeMap<&str, &str> {
    let users = details.user_detail_list.iter().flat_map(|user| &user.attached_managed_policies);
    let groups = details.group_detail_list.iter().flat_map(|group| &group.attached_managed_policies);
    let roles = details.role_detail_list.iter().flat_map(|role| &role.attached_managed_policies);
    users.chain(groups).chain(roles).map(|policy| (policy.policy_arn.as_str(), policy.policy_name.as_str())).collect()
}

/// Boundary ARN to the ids of the principals it bounds, sorted.
fn boundaries(details: &Details) -> BTreeMap<&str, Vec<&str>> {
    let users = details.user_detail_list.iter().map(|user| (&user.permissions_boundary, &user.user_id));
    let roles = details.role_detail_list.iter().map(|role| (&role.permissions_boundary, &role.role_id));
    let mut bounded: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for (boundary, id) in users.chain(roles) {
        if let Some(boundary) = boundary {
            bounded.entry(&boundary.permissions_boundary_arn).or_default().push(id);
        }
    }
    for targets in bounded.values_mut() {
        targets.sort_unstable();
        targets.dedup();
    }
    bounded
}

fn default_document(policy: &ManagedPolicy) -> Option<&Document> {
    policy.policy_version_list.iter().find(|version| is_default(policy, version))?.document.as_ref()
}

/// Whether a version is the one in force: what the policy names, or where it names none that is listed, what calls itself so.
fn is_default(policy: &ManagedPolicy, version: &PolicyVersion) -> bool {
    let named = policy.default_version_id.as_ref();
    match named.filter(|named| policy.policy_version_list.iter().any(|version| version.version_id == **named)) {
        Some(named) => version.version_id == *named,
        None => version.is_default_version,
    }
}

/// One federation for each federated principal that a trust policy lets in.
fn federations(role: &str, trust: &str, document: &str) -> Vec<Federation> {
    let mut found = Vec::new();
    for (n, statement) in statements(document).iter().enumerate() {
        if statement.get("Effect").and_then(serde_json::Value::as_str) != Some("Allow") {
            continue;
        }
        let Some(providers) = statement.pointer("/Principal/Federated") else { continue };
        let condition = statement.get("Condition");
        for issuer in strings(providers) {
            found.push(Federation {
                id: format!("{trust}/{n}/{issuer}"),
                account: role.to_owned(),
                issuer: issuer.to_owned(),
                subject: condition.and_then(fixed_subject),
                condition: condition.map(ToString::to_string),
                raw: Raw::Within(role.to_owned()),
            });
        }
    }
    found
}

/// The one subject that a condition asks for: `<provider>:sub` or `SAML:sub` under a positive string operator.
fn fixed_subject(condition: &serde_json::Value) -> Option<String> {
    let operators = ["StringEquals", "StringLike", "ForAnyValue:StringEquals", "ForAnyValue:StringLike"];
    let subjects: Vec<&str> = operators
        .iter()
        .filter_map(|operator| condition.get(operator)?.as_object())
        .flatten()
        .filter(|(key, _)| key.to_ascii_lowercase().ends_with(":sub"))
        .flat_map(|(_, values)| strings(values))
        .collect();
    match subjects.as_slice() {
        [subject] => Some((*subject).to_owned()),
        _ => None,
    }
}
