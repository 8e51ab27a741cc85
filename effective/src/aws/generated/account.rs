//! One account as authorization details.

use serde_json::{Value, json};

use super::document::{self, Source, TEAMS};
use super::{Generated, Random, Sizes};

const CREATED: &str = "2024-03-05T09:00:00+00:00";

pub(super) fn make(seed: u64, place: u32, sizes: Sizes, source: &Source<'_>) -> Generated {
    let mut random = Random(seed ^ (u64::from(place) << 32));
    random.next();
    let number = format!("{:012}", 100_000_000_000 + u64::from(place) * 7_919);
    let mut policies = Vec::new();
    let mut attachable = Vec::new();
    for at in 0..sizes.policies {
        // Every eighth is one of AWS's own; administrators and the widest readers are few.
        let (arn, document) = if at % 8 == 7 {
            let (arn, document) = random.pick(&source.managed).clone();
            if attachable.contains(&arn) {
                continue;
            }
            (arn, document)
        } else {
            let name = format!("{}-{at}", random.pick(&TEAMS));
            (format!("arn:aws:iam::{number}:policy/{name}"), source.identity(&mut random, &number))
        };
        policies.push(json!({
            "PolicyName": arn.rsplit('/').next(), "PolicyId": id(&mut random, "ANPA"), "Arn": arn, "Path": "/", "DefaultVersionId": "v1",
            "AttachmentCount": 1, "PermissionsBoundaryUsageCount": 0, "IsAttachable": true, "CreateDate": CREATED, "UpdateDate": CREATED,
            "PolicyVersionList": [{"Document": document, "VersionId": "v1", "IsDefaultVersion": true, "CreateDate": CREATED}],
        }));
        attachable.push(arn);
    }
    let owner = Owner { number: &number, attachable: &attachable, source };
    let groups: Vec<Value> = (0..sizes.groups).map(|at| owner.group(&mut random, at)).collect();
    let users: Vec<Value> = (0..sizes.users).map(|at| owner.user(&mut random, at, sizes.groups)).collect();
    let roles: Vec<Value> = (0..sizes.roles).map(|at| owner.role(&mut random, at)).collect();
    let buckets = (0..sizes.buckets as usize).map(|at| {
        let arn = format!("arn:aws:s3:::{}", document::bucket_name(&number, at));
        let policy = document::bucket_policy(&mut random, &number, &arn);
        (arn, policy)
    });
    let buckets = buckets.collect();
    let details = json!({
        "UserDetailList": users, "GroupDetailList": groups, "RoleDetailList": roles, "Policies": policies, "IsTruncated": false,
    });
    Generated { number, details, buckets }
}

struct Owner<'a> {
    number: &'a str,
    attachable: &'a [String],
    source: &'a Source<'a>,
}

impl Owner<'_> {
    fn group(&self, random: &mut Random, at: u32) -> Value {
        let name = group_name(at);
        let count = random.between(1, 4);
        json!({
            "Path": "/", "GroupName": name, "GroupId": id(random, "AGPA"), "Arn": format!("arn:aws:iam::{}:group/{name}", self.number),
            "CreateDate": CREATED, "GroupPolicyList": self.inline(random, 10), "AttachedManagedPolicies": self.attached(random, count),
        })
    }

    fn user(&self, random: &mut Random, at: u32, groups: u32) -> Value {
        let name = format!("user-{at}");
        let mut of: Vec<String> = if groups == 0 {
            Vec::new()
        } else {
            (0..random.between(1, 3))
                .map(|_| group_name(u32::try_from(random.below(groups as usize)).unwrap_or_default()))
                .collect()
        };
        of.sort_unstable();
        of.dedup();
        let count = *random.pick(&[0, 0, 0, 1, 2]);
        let mut user = json!({
            "Path": "/", "UserName": name, "UserId": id(random, "AIDA"), "Arn": format!("arn:aws:iam::{}:user/{name}", self.number),
            "CreateDate": CREATED, "UserPolicyList": self.inline(random, 8), "GroupList": of,
            "AttachedManagedPolicies": self.attached(random, count), "Tags": [{"Key": "team", "Value": random.pick(&TEAMS)}],
        });
        self.bound(random, 5, &mut user);
        user
    }

    fn role(&self, random: &mut Random, at: u32) -> Value {
        let linked = at % 40 == 39;
        let (path, name) = if linked {
            (format!("/aws-service-role/service{at}.amazonaws.com/"), format!("AWSServiceRoleForService{at}"))
        } else {
            ("/".to_owned(), format!("{}-{at}", TEAMS[at as usize % TEAMS.len()]))
        };
        let count = random.between(1, 3);
        let mut role = json!({
            "Path": path, "RoleName": name, "RoleId": id(random, "AROA"), "Arn": format!("arn:aws:iam::{}:role{path}{name}", self.number),
            "CreateDate": CREATED, "AssumeRolePolicyDocument": document::trust(random, self.number), "InstanceProfileList": [],
            "RolePolicyList": self.inline(random, 30), "AttachedManagedPolicies": self.attached(random, count),
            "Tags": [{"Key": "team", "Value": random.pick(&TEAMS)}], "RoleLastUsed": {},
        });
        if !linked {
            self.bound(random, 10, &mut role);
        }
        role
    }

    fn bound(&self, random: &mut Random, percent: u64, principal: &mut Value) {
        if random.chance(percent) {
            let arn = random.pick(self.attachable);
            principal["PermissionsBoundary"] =
                json!({"PermissionsBoundaryType": "Policy", "PermissionsBoundaryArn": arn});
        }
    }

    fn inline(&self, random: &mut Random, percent: u64) -> Value {
        if !random.chance(percent) {
            return json!([]);
        }
        json!([{"PolicyName": "inline", "PolicyDocument": self.source.identity(random, self.number)}])
    }

    fn attached(&self, random: &mut Random, count: usize) -> Value {
        let mut arns: Vec<&String> = (0..count).map(|_| random.pick(self.attachable)).collect();
        arns.sort_unstable();
        arns.dedup();
        arns.iter().map(|arn| json!({"PolicyName": arn.rsplit('/').next(), "PolicyArn": arn})).collect()
    }
}

fn group_name(at: u32) -> String {
    format!("{}-team-{at}", TEAMS[at as usize % TEAMS.len()])
}

fn id(random: &mut Random, prefix: &str) -> String {
    const ALPHABET: &[u8; 32] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
    (0..17).fold(prefix.to_owned(), |id, _| id + &char::from(*random.pick(ALPHABET)).to_string())
}
