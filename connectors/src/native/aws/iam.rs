//! One account's IAM as records of [`crate::record`].
//!
//! | IAM | record |
//! | --- | --- |
//! | user, root user, role | `Account` (`AIDA…`, `<account>:root`, `AROA…`) |
//! | group, membership | `Group`, `Membership` |
//! | managed policy | `Entitlement` and policy record, id = ARN |
//! | version of it that is not in force | policy record `<ARN>/version/<version>`, target = ARN |
//! | inline policy | `Entitlement`, policy record and `Grant`, id = `<principal id>/inline/<name>` |
//! | attachment | `Grant` |
//! | permissions boundary | policy record `<ARN>/boundary/<account>`, targets = principals |
//! | trust policy | policy record `<role id>/trust`; one `Federation` for each federated principal |
//! | access key, password, signing certificate | `Credential` |
//! | instance profile | `Resource` with the role that it hands out |
//! | service last accessed data | `used` of the `Account` |

mod credentials;
mod policies;
mod principals;

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;

pub(super) use self::policies::is_administrator_access;
pub(super) use self::principals::IDENTITY_CENTER;
use super::credential_report::Row;
use super::details::{Accessed, AccountData, Part};
use super::outcome::Outcome;
use crate::record::RecordKind;
use crate::scope::Gap;

/// What is unknown of a user who is not listed.
const OF_USERS: [RecordKind; 6] = [
    RecordKind::Account,
    RecordKind::Membership,
    RecordKind::Entitlement,
    RecordKind::Grant,
    RecordKind::Credential,
    RecordKind::Policy,
];

/// Everything that can be said about the account.
pub(super) fn outcome(data: &AccountData) -> Outcome {
    let mut used: BTreeMap<&str, Vec<&Accessed>> = BTreeMap::new();
    for report in &data.used {
        used.entry(&report.arn).or_default().push(report);
    }
    let mut mapping = Mapping { data, used, out: Outcome::default() };
    mapping.report_gaps();
    mapping.policies();
    mapping.groups();
    mapping.doubled(&data.details.user_detail_list, |user| &user.user_id);
    mapping.doubled(&data.details.role_detail_list, |role| &role.role_id);
    for user in distinct(&data.details.user_detail_list, |user| &user.user_id) {
        mapping.user(user);
    }
    for role in distinct(&data.details.role_detail_list, |role| &role.role_id) {
        mapping.role(role);
    }
    mapping.root();
    mapping.unlisted_users();
    mapping.out
}

/// Each object once: a page that was exported twice changes nothing.
fn distinct<T>(list: &[T], id: impl Fn(&T) -> &String) -> Vec<&T> {
    let mut seen = BTreeSet::new();
    list.iter().filter(|object| seen.insert(id(object))).collect()
}

struct Mapping<'a> {
    data: &'a AccountData,
    /// By ARN of the principal.
    used: BTreeMap<&'a str, Vec<&'a Accessed>>,
    out: Outcome,
}

impl Mapping<'_> {
    /// Notes principals that are listed more than once: a page that was exported twice, or two that have one id.
    fn doubled<T: Serialize>(&mut self, list: &[T], id: impl Fn(&T) -> &String) {
        let mut seen: BTreeMap<&String, &T> = BTreeMap::new();
        for object in list {
            let Some(first) = seen.insert(id(object), object) else { continue };
            if serde_json::to_string(first).ok() == serde_json::to_string(object).ok() {
                self.out.repeated += 1;
                continue;
            }
            let id = id(object);
            let account = &self.data.account;
            let gap = Gap::new("COL108", format!("account {account} lists two principals with the id `{id}`"))
                .cause("AWS gives every principal an id of its own, and nobody knows which of the two is right: neither is kept")
                .fix("export the details again")
                .only(vec![id.clone()]);
            self.out.gap(&[RecordKind::Account], &gap);
            self.out.withdrawn.push(id.clone());
        }
    }

    /// What the missing or damaged credential report, keys and devices mean for the records.
    fn report_gaps(&mut self) {
        let account = &self.data.account;
        match &self.data.report {
            Part::Read(report) => {
                for (line, what) in &report.problems {
                    let gap =
                        Gap::new("AWS012", format!("credential report of account {account}, line {line}: {what}"))
                            .cause("the report is cut off or was changed")
                            .fix("download it again: `aws iam get-credential-report`")
                            .at(format!("credential report:{line}"));
                    self.out.gap(&[RecordKind::Credential], &gap);
                }
            }
            Part::NotGiven => self.withhold_report("no credential report was given"),
            Part::Failed(gap) => {
                self.withhold_report(gap.cause.as_deref().unwrap_or(&gap.what));
                self.out.gap(&[RecordKind::Credential], gap);
            }
        }
        if let Part::Failed(gap) = &self.data.keys {
            self.out.gap(&[RecordKind::Credential], gap);
        }
        if let Part::Failed(gap) = &self.data.mfa {
            self.out.withheld.push((RecordKind::Account, "mfa", gap.cause.clone().unwrap_or_else(|| gap.what.clone())));
        }
        if let Part::Failed(gap) = &self.data.logins {
            self.out.gap(&[RecordKind::Credential], gap);
        }
        if let Some(why) = &self.data.unread_use {
            self.out.withheld.push((RecordKind::Account, "used", why.clone()));
        }
    }

    fn withhold_report(&mut self, why: &str) {
        let logins_known = self.data.logins.read().is_some();
        let mfa_known = self.data.mfa.read().is_some();
        let fields =
            [("last_activity", true), ("password_changed", true), ("interactive", !logins_known), ("mfa", !mfa_known)];
        for (field, withheld) in fields {
            if withheld {
                self.out.withheld.push((RecordKind::Account, field, why.to_owned()));
            }
        }
    }

    /// Users that the report has and the details lack: the export is cut off, or they were deleted in the last four
    /// hours. Live, the pages themselves prove that they were read to the end.
    fn unlisted_users(&mut self) {
        let (Part::Read(report), true) = (&self.data.report, self.data.exported) else { return };
        let listed: BTreeSet<&str> = self.data.details.user_detail_list.iter().map(|user| user.arn.as_str()).collect();
        let missing: Vec<&Row> =
            report.rows.iter().filter(|row| !row.is_root() && !listed.contains(row.arn.as_str())).collect();
        for row in missing {
            let gap = Gap::new("AWS013", format!("`{}` is in the credential report and not among the users", row.arn))
                .cause("the authorization details are cut off or filtered, or the user was deleted after the report was made")
                .fix("collect or export again; a report is at most four hours old, so a deletion explains it only that long");
            self.out.gap(&OF_USERS, &gap);
        }
    }
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;

    use super::super::credential_report;
    use super::credentials::credential;
    use super::principals::latest;
    use super::*;
    use crate::record::{Account, AccountClass, CredentialKind, CredentialState, Fact, Policy, Record};

    fn data(details: serde_json::Value) -> AccountData {
        AccountData {
            account: "111122223333".into(),
            partition: "aws".into(),
            exported: true,
            details: serde_json::from_value(details).unwrap(),
            report: Part::NotGiven,
            keys: Part::NotGiven,
            mfa: Part::NotGiven,
            logins: Part::NotGiven,
            used: Vec::new(),
            unread_use: None,
        }
    }

    fn user(name: &str) -> serde_json::Value {
        serde_json::json!({"UserId": format!("AIDA{name}"), "UserName": name,
            "Arn": format!("arn:aws:iam::111122223333:user/{name}")})
    }

    fn accounts(outcome: &Outcome) -> Vec<&Account> {
        outcome
            .records
            .iter()
            .filter_map(|record| if let Record::Account(account) = record { Some(account.as_ref()) } else { None })
            .collect()
    }

    fn policies(outcome: &Outcome) -> Vec<&Policy> {
        outcome
            .records
            .iter()
            .filter_map(|record| if let Record::Policy(policy) = record { Some(policy.as_ref()) } else { None })
            .collect()
    }

    #[test]
    fn an_unreadable_inline_policy_is_a_gap_with_its_position_and_the_rest_is_kept() {
        let mut bad = user("ada");
        bad["UserPolicyList"] = serde_json::json!([
            {"PolicyName": "broken", "PolicyDocument": "{\"Statement\": [}"},
            {"PolicyName": "fine", "PolicyDocument": {"Statement": []}},
        ]);
        let outcome = outcome(&data(serde_json::json!({"UserDetailList": [bad, user("bob")]})));
        assert_eq!(accounts(&outcome).len(), 3, "two users and root");
        assert_eq!(outcome.gaps.len(), 1);
        let (kind, gap) = &outcome.gaps[0];
        assert_eq!((*kind, gap.code.as_str()), (RecordKind::Policy, "AWS011"));
        assert!(gap.what.contains("`AIDAada/inline/broken`") && gap.what.contains("line 1 column 16"), "{}", gap.what);
        let broken =
            policies(&outcome).into_iter().find(|policy| policy.id.ends_with("broken")).unwrap().document.clone();
        assert_eq!(broken, "{\"Statement\": [}");
    }

    #[test]
    fn trust_in_an_oidc_provider_becomes_a_federation_with_its_subject() {
        let role = serde_json::json!({"RoleId": "AROA1", "RoleName": "deploy", "Arn": "arn:aws:iam::111122223333:role/deploy",
            "Path": "/", "AssumeRolePolicyDocument": {"Statement": {"Effect": "Allow", "Action": "sts:AssumeRoleWithWebIdentity",
                "Principal": {"Federated": "arn:aws:iam::111122223333:oidc-provider/token.example"},
                "Condition": {"StringLike": {"token.example:sub": "repo:acme/*"}, "StringEquals": {"token.example:aud": "x"}}}}});
        let outcome = outcome(&data(serde_json::json!({"RoleDetailList": [role]})));
        let federation = outcome.records.iter().find_map(|record| match record {
            Record::Federation(federation) => Some(federation),
            _ => None,
        });
        assert_eq!(federation.unwrap().subject.as_deref(), Some("repo:acme/*"));
        assert_eq!(accounts(&outcome)[0].class, Some(AccountClass::Service));
    }

    #[test]
    fn a_service_linked_role_belongs_to_the_platform() {
        let role = serde_json::json!({"RoleId": "AROA2", "RoleName": "AWSServiceRoleForX", "Path": "/aws-service-role/x.amazonaws.com/",
            "Arn": "arn:aws:iam::111122223333:role/aws-service-role/x.amazonaws.com/AWSServiceRoleForX",
            "AssumeRolePolicyDocument": {"Statement": []}, "RoleLastUsed": {}});
        let outcome = outcome(&data(serde_json::json!({"RoleDetailList": [role]})));
        assert_eq!(accounts(&outcome)[0].class, Some(AccountClass::System));
        assert_eq!(accounts(&outcome)[0].last_activity, Fact::Never);
    }

    #[test]
    fn a_truncated_export_is_noticed_by_what_it_refers_to() {
        let mut ada = user("ada");
        ada["GroupList"] = serde_json::json!(["gone"]);
        ada["AttachedManagedPolicies"] =
            serde_json::json!([{"PolicyArn": "arn:aws:iam::111122223333:policy/gone", "PolicyName": "gone"}]);
        let mut data = data(serde_json::json!({"UserDetailList": [ada]}));
        let header = "user,arn,user_creation_time,password_enabled,password_last_used,mfa_active,access_key_1_active,access_key_2_active";
        let row = |name: &str| {
            format!(
                "{name},arn:aws:iam::111122223333:user/{name},2024-01-01T00:00:00+00:00,false,N/A,false,false,false"
            )
        };
        let report = format!("{header}\n{}\n{}\n", row("ada"), row("left"));
        data.report = Part::Read(credential_report::parse(report.as_bytes()).unwrap());
        let outcome = outcome(&data);
        let kinds: BTreeSet<RecordKind> = outcome.gaps.iter().map(|(kind, _)| *kind).collect();
        let expected = [
            RecordKind::Account,
            RecordKind::Group,
            RecordKind::Membership,
            RecordKind::Entitlement,
            RecordKind::Grant,
            RecordKind::Policy,
            RecordKind::Credential,
        ];
        assert_eq!(kinds, BTreeSet::from(expected));
    }

    #[test]
    fn a_key_whose_last_use_is_unreadable_makes_the_last_activity_unreadable() {
        let day: Timestamp = "2024-01-01T00:00:00Z".parse().unwrap();
        let mut key = credential("AKIA1".into(), "AIDA1", CredentialKind::AccessKey, CredentialState::Active);
        key.last_used = Fact::Unreadable;
        assert_eq!(latest(&Fact::Known(day), std::slice::from_ref(&key)), Fact::Unreadable);
        key.last_used = Fact::Never;
        assert_eq!(latest(&Fact::Known(day), std::slice::from_ref(&key)), Fact::Known(day));
        assert_eq!(latest(&Fact::Absent, &[key]), Fact::Never);
        assert_eq!(latest(&Fact::Absent, &[]), Fact::Absent);
    }

    #[test]
    fn only_administrator_access_is_known_to_be_admin() {
        assert!(is_administrator_access("arn:aws-cn:iam::aws:policy/AdministratorAccess"));
        assert!(!is_administrator_access("arn:aws:iam::111122223333:policy/AdministratorAccess"));
    }
}
