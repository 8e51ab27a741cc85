//! Accounts and organisations of any size, seeded: what benches and load tests ask.
//!
//! Documents resemble real ones: their statements are drawn from AWS's managed policies and from the actions, levels and resource types
//! of the reference data, then scoped to the account's own names. An account is made as the authorization details that the AWS CLI prints
//! (the file that the `aws` connector reads), and an [`Estate`] is read from exactly that, so both are the same account.

mod account;
mod details;
mod document;
mod files;

use std::sync::Arc;

use rustc_hash::FxHashMap;
use serde_json::Value;

use super::document::Document;
use super::estate::{Account, Estate, Resource, Step};
use super::reference::Reference;
use super::request::Attached;
pub use details::Reading;

/// How many of each an account has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Sizes {
    /// IAM users.
    pub users: u32,
    /// Roles.
    pub roles: u32,
    /// Groups.
    pub groups: u32,
    /// Managed policies, those of AWS that are attached among them.
    pub policies: u32,
    /// Buckets with a policy.
    pub buckets: u32,
}

impl Sizes {
    /// The account that the speed targets speak of.
    pub const ACCOUNT: Self = Self { users: 1_000, roles: 500, groups: 200, policies: 2_000, buckets: 50 };
    /// One of five hundred accounts with 100,000 principals and 200,000 policies together.
    pub const MEMBER: Self = Self { users: 140, roles: 60, groups: 20, policies: 400, buckets: 5 };
}

/// One generated account.
#[derive(Debug, Clone)]
pub struct Generated {
    /// Twelve digits.
    pub number: String,
    /// What `aws iam get-account-authorization-details` prints of it.
    pub details: Value,
    /// Its buckets: ARN and policy.
    pub buckets: Vec<(String, Value)>,
}

/// Makes accounts; the same seed makes the same ones.
#[derive(Debug)]
pub struct Generator<'a> {
    seed: u64,
    source: document::Source<'a>,
}

impl<'a> Generator<'a> {
    /// A generator whose documents are drawn from `reference`.
    pub fn new(seed: u64, reference: &'a Reference) -> Self {
        Self { seed, source: document::Source::new(reference) }
    }

    /// An account by its place among the accounts of this seed.
    pub fn account(&self, place: u32, sizes: Sizes) -> Generated {
        account::make(self.seed, place, sizes, &self.source)
    }

    /// One account alone, without an organisation.
    pub fn estate(&self, sizes: Sizes) -> Estate {
        let mut reading = Reading::default();
        reading.account(&self.account(0, sizes));
        reading.finish()
    }

    /// An organisation: a root that denies leaving it, ten units that each bind the regions, and accounts of one size.
    pub fn organization(&self, accounts: u32, sizes: Sizes) -> Estate {
        let mut reading = Reading::default();
        for place in 0..accounts {
            reading.account(&self.account(place, sizes));
        }
        let mut estate = reading.finish();
        bind(&mut estate);
        estate
    }
}

/// Actions on a bucket and, with `true`, on an object: those that can be limited to either.
pub fn bucket_actions(reference: &Reference) -> Vec<(&str, bool)> {
    let of =
        |action: &super::reference::Action, name: &str| reference.resource_types(action).any(|of| &*of.name == name);
    let actions = reference.matching("s3:*").into_iter().flatten().map(|at| reference.action(at));
    actions
        .filter_map(|action| {
            let object = of(action, "s3:object");
            (object || of(action, "s3:bucket")).then_some((&*action.name, object))
        })
        .collect()
}

/// Puts every account of an estate into one organisation.
fn bind(estate: &mut Estate) {
    let mut add = |name: &str, text: &str| {
        estate.policies.push(Attached { name: name.into(), version: None, document: Arc::new(Document::parse(text)) });
        u32::try_from(estate.policies.len() - 1).expect("a generated estate has fewer than 2^32 policies")
    };
    let full = add("arn:aws:organizations::aws:policy/service_control_policy/p-FullAWSAccess", document::FULL_ACCESS);
    let root =
        add("arn:aws:organizations::999999999999:policy/o-generated/service_control_policy/p-root", document::ROOT_SCP);
    let regions = add(
        "arn:aws:organizations::999999999999:policy/o-generated/service_control_policy/p-regions",
        document::REGION_SCP,
    );
    let rcp_full = add(
        "arn:aws:organizations::aws:policy/resource_control_policy/p-RCPFullAWSAccess",
        document::FULL_RESOURCE_ACCESS,
    );
    let rcp = add(
        "arn:aws:organizations::999999999999:policy/o-generated/resource_control_policy/p-perimeter",
        document::PERIMETER_RCP,
    );
    estate.organization = Some("o-generated".into());
    for (place, account) in (0_usize..).zip(&mut estate.accounts) {
        let unit = unit(place);
        let steps = |policies: [Vec<u32>; 3]| -> Vec<Step> {
            let names = ["r-gene".into(), unit.clone(), account.number.clone()];
            names.into_iter().zip(policies).map(|(name, policies)| Step { name, policies }).collect()
        };
        let bound = if place % 2 == 0 { vec![full, regions] } else { vec![full] };
        account.scps = steps([vec![full, root], bound, vec![full]]);
        account.rcps = steps([vec![rcp_full, rcp], vec![rcp_full], vec![rcp_full]]);
        account.in_organization = true;
        account.is_management = place == 0;
    }
}

/// The unit that the account at a place stands in: one of ten in turn.
fn unit(place: usize) -> Arc<str> {
    format!("ou-gene-{:08}", place % 10).into()
}

/// Documents that are equal share one entry.
#[derive(Debug, Default)]
struct Documents {
    by_text: FxHashMap<String, Arc<Document>>,
}

impl Documents {
    fn of(&mut self, document: &Value) -> Arc<Document> {
        let text = document.to_string();
        self.by_text.entry(text).or_insert_with_key(|text| Arc::new(Document::parse(text))).clone()
    }
}

impl Account {
    fn alone(number: &str) -> Self {
        Self {
            number: number.into(),
            name: None,
            in_organization: false,
            is_management: false,
            scps: Vec::new(),
            rcps: Vec::new(),
            unread: Vec::new(),
        }
    }
}

impl Resource {
    fn bucket(arn: &str, account: u32, policy: u32) -> Self {
        Self {
            arn: arn.into(),
            kind: "aws:s3-bucket".into(),
            account: Some(account),
            policy: Some(policy),
            facts: FxHashMap::default(),
        }
    }
}

/// SplitMix64 (Steele, Lea, Flood: Fast Splittable Pseudorandom Number Generators, OOPSLA 2014).
#[derive(Debug, Clone)]
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// In `0..end`; `end` must not be 0.
    fn below(&mut self, end: usize) -> usize {
        usize::try_from(self.next() % end as u64).expect("a number below a usize is one")
    }

    /// In `low..=high`.
    fn between(&mut self, low: usize, high: usize) -> usize {
        low + self.below(high - low + 1)
    }

    fn chance(&mut self, percent: u64) -> bool {
        self.next() % 100 < percent
    }

    fn pick<'a, T>(&mut self, from: &'a [T]) -> &'a T {
        &from[self.below(from.len())]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SMALL: Sizes = Sizes { users: 20, roles: 10, groups: 5, policies: 40, buckets: 3 };

    #[test]
    fn the_same_seed_makes_the_same_account_and_another_one_does_not() {
        let reference = Reference::builtin();
        let make = |seed, place| Generator::new(seed, reference).account(place, SMALL).details.to_string();
        assert_eq!(make(1, 0), make(1, 0));
        assert_ne!(make(1, 0), make(2, 0));
        assert_ne!(make(1, 0), make(1, 1));
    }

    #[test]
    fn every_generated_document_is_understood() {
        let generator = Generator::new(7, Reference::builtin());
        let estate = generator.organization(3, SMALL);
        assert_eq!((estate.accounts.len(), estate.principals.len(), estate.resources.len()), (3, 90, 9));
        for policy in &estate.policies {
            assert!(policy.document.problems.is_empty(), "{}: {:?}", policy.name, policy.document.problems);
            assert!(!policy.document.statements.is_empty(), "{}", policy.name);
        }
        let granted: usize = estate.principals.iter().map(|entry| entry.identity.len()).sum();
        assert!(granted > 200, "{granted} policies for 90 principals");
    }
}
