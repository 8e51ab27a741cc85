//! Access control lists of S3 buckets, said as policies: statements that allow, one for each grant.
//!
//! Source: S3 User Guide, "Access control list (ACL) overview" (acl-overview.html), table "Mapping of ACL permissions and access policy
//! permissions", and "How Amazon S3 authorizes a request" (how-s3-evaluates-access-control.html). A list of a bucket says nothing about
//! reading its objects: these have lists of their own.

use serde_json::{Value, json};

use super::document::Document;

/// To whom a list grants.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Grantee {
    /// The group `AllUsers`: also who is not signed in.
    Everyone,
    /// The group `AuthenticatedUsers`: whoever has an account of AWS, anybody's.
    SignedIn,
    /// An account whose number is known.
    Account(String),
    /// An account by its canonical id: whose it is cannot be told.
    Canonical(String),
}

/// The document that grants what a list grants; `None` where it grants nothing. `permission` is as S3 names it; one that S3 does not have
/// grants nothing.
pub fn document(bucket: &str, grants: &[(Grantee, &str)]) -> Option<Document> {
    let statements: Vec<Value> =
        grants.iter().flat_map(|(to, permission)| statements(bucket, to, permission)).collect();
    (!statements.is_empty())
        .then(|| Document::parse(&json!({ "Version": "2012-10-17", "Statement": statements }).to_string()))
}

fn statements(bucket: &str, to: &Grantee, permission: &str) -> Vec<Value> {
    let principal = match to {
        Grantee::Everyone | Grantee::SignedIn => json!("*"),
        Grantee::Account(number) => json!({ "AWS": number }),
        Grantee::Canonical(id) => json!({ "CanonicalUser": id }),
    };
    let of = |name: &str, actions: &[&str], resource: &str| {
        let mut statement = json!({
            "Sid": name, "Effect": "Allow", "Principal": principal, "Action": actions, "Resource": resource,
        });
        if *to == Grantee::SignedIn {
            // Who is signed in has an account.
            statement["Condition"] = json!({ "Null": { "aws:PrincipalAccount": "false" } });
        }
        statement
    };
    let objects = format!("{bucket}/*");
    let all = [
        of("READ", &["s3:ListBucket", "s3:ListBucketVersions", "s3:ListBucketMultipartUploads"], bucket),
        of("WRITE", &["s3:PutObject"], &objects),
        of("READACP", &["s3:GetBucketAcl"], bucket),
        of("WRITEACP", &["s3:PutBucketAcl"], bucket),
    ];
    let wanted = permission.replace('_', "");
    all.into_iter().filter(|one| wanted == "FULLCONTROL" || one["Sid"] == wanted.as_str()).collect()
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use serde_json::json;

    use super::*;
    use crate::aws::answer::Verdict;
    use crate::aws::compiled::Compiled;
    use crate::aws::escalation::tests::world::{World, allow, deny, document as text};
    use crate::aws::evaluate::{Evaluate, Literal};
    use crate::aws::exposure::{Kind, Who, exposures};
    use crate::aws::reference::Reference;
    use crate::aws::request::{Attached, Mode, Principal, Request};

    const BUCKET: &str = "arn:aws:s3:::data";
    const OTHER: &str = "222222222222";

    /// The bucket of the home account with a list, and a user of another account who may do everything with S3.
    fn world(grants: &[(Grantee, &str)]) -> (World, u32) {
        let mut world = World::new();
        let other = world.account(OTHER);
        let all = world.managed("s3", &[allow("s3:*", "*")]);
        let guest = world.role_in(other, "guest", &[], &[all]);
        let at = world.resource("aws:s3-bucket", BUCKET, &[]);
        if let Some(document) = document(BUCKET, grants) {
            let name = "access control list of bucket data".into();
            world.estate.policies.push(Attached { name, version: None, document: Arc::new(document) });
            world.estate.acls.insert(at, u32::try_from(world.estate.policies.len() - 1).unwrap());
        }
        (world, guest)
    }

    /// Both evaluators' verdict for the user of the other account, and for who is not signed in.
    fn verdicts(world: &World, guest: u32, action: &str, resource: &str) -> (Verdict, Verdict) {
        let reference = Reference::builtin();
        let compiled = Compiled::new(&world.estate, reference);
        let told = compiled.may(guest, action, resource);
        assert_eq!(told, Literal::new(&world.estate, reference).may(guest, action, resource));
        let listed = compiled.who_can(action, resource).iter().any(|(who, _)| *who == guest);
        assert_eq!(listed, told.verdict == Verdict::Allowed);
        assert!(compiled.lets_others_in(action, resource) || !listed, "whom a narrow reading would miss");
        let nobody = Request {
            principal: Principal::Anonymous,
            action: action.to_owned(),
            resource: resource.to_owned(),
            resource_account: None,
            context: std::collections::BTreeMap::new(),
            mode: Mode::Open,
        };
        (told.verdict, compiled.decide(&nobody).verdict)
    }

    #[test]
    fn a_list_grants_what_its_permissions_mean_and_to_whom() {
        use Verdict::{Allowed, ImplicitlyDenied as Denied};
        let object = "arn:aws:s3:::data/a";
        let (all, read) = (world(&[(Grantee::Everyone, "FULL_CONTROL")]), world(&[(Grantee::SignedIn, "READ")]));
        assert_eq!(verdicts(&all.0, all.1, "s3:PutObject", object), (Allowed, Allowed));
        assert_eq!(
            verdicts(&all.0, all.1, "s3:GetObject", object),
            (Denied, Denied),
            "objects have lists of their own"
        );
        assert_eq!(verdicts(&read.0, read.1, "s3:ListBucket", BUCKET), (Allowed, Denied));
        assert_eq!(verdicts(&read.0, read.1, "s3:PutObject", object), (Denied, Denied));
        let to = world(&[(Grantee::Account(OTHER.to_owned()), "WRITE_ACP")]);
        assert_eq!(verdicts(&to.0, to.1, "s3:PutBucketAcl", BUCKET), (Allowed, Denied));
        assert_eq!(verdicts(&to.0, to.1, "s3:GetBucketAcl", BUCKET), (Denied, Denied));
        let none = world(&[(Grantee::Everyone, "SOMETHING_NEW")]);
        assert_eq!(verdicts(&none.0, none.1, "s3:ListBucket", BUCKET), (Denied, Denied));
    }

    #[test]
    fn a_list_is_exposure_unless_the_buckets_policy_denies_it() {
        let kinds = |world: &World| -> Vec<(Kind, Who, bool)> {
            let found = exposures(&world.estate, Reference::builtin()).into_iter();
            found.map(|one| (one.kind, one.who, one.closed.is_some())).collect()
        };
        let (open, _) = world(&[(Grantee::Everyone, "READ"), (Grantee::Canonical("c0ffee".to_owned()), "WRITE")]);
        assert_eq!(
            kinds(&open),
            [(Kind::Public, Who::Anonymous, false), (Kind::ForeignAccount, Who::Canonical("c0ffee".into()), false)]
        );
        let (signed, _) = world(&[(Grantee::SignedIn, "READ")]);
        assert_eq!(kinds(&signed), [(Kind::Public, Who::AnyAccount, false)]);
        let (mut shut, _) = world(&[(Grantee::Everyone, "READ")]);
        let mut denial = deny("s3:*", BUCKET);
        denial["Principal"] = json!("*");
        let policy = shut.policy("policy of bucket data", &text(&[denial]));
        shut.estate.resources[0].policy = Some(policy);
        assert!(kinds(&shut).iter().all(|(_, _, closed)| *closed), "{:?}", kinds(&shut));
    }
}
