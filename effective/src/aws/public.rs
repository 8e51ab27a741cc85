//! Whether a bucket policy is public, as S3 means it.
//!
//! Source: S3 User Guide, "Blocking public access to your Amazon S3 storage", section "The meaning of public"
//! (access-control-block-public-access.html): a policy is public unless every statement that allows is bound to fixed values,
//! without wildcards and variables, of a principal or of one of the condition keys named there.

use super::document::{Condition, Document, Effect, Operator, PrincipalPattern, Statement};

/// Keys whose fixed values bind a statement.
const BINDING: [&str; 12] = [
    "aws:sourcearn",
    "aws:sourcevpc",
    "aws:sourcevpce",
    "aws:sourceowner",
    "aws:sourceaccount",
    "aws:userid",
    "aws:principalorgid",
    "aws:principalarn",
    "aws:principalaccount",
    "s3:x-amz-server-side-encryption-aws-kms-key-id",
    "s3:dataaccesspointarn",
    "s3:dataaccesspointaccount",
];

/// Whether some statement lets in whoever comes.
pub fn is_public(policy: &Document) -> bool {
    policy.statements.iter().any(is_open)
}

fn is_open(statement: &Statement) -> bool {
    let Some(principals) = &statement.principals else { return false };
    let everyone = principals.not || principals.of.contains(&PrincipalPattern::Everyone);
    statement.effect == Effect::Allow && everyone && !statement.conditions.iter().any(binds)
}

fn binds(condition: &Condition) -> bool {
    let key = condition.key.to_ascii_lowercase();
    let loose = condition.if_exists || condition.operator.is_negated() || condition.set.is_some();
    if loose || condition.values.is_empty() {
        return false;
    }
    if key == "aws:sourceip" {
        return condition.operator == Operator::IpAddress && condition.values.iter().all(|range| !is_broad(range));
    }
    let fixed = |value: &str| {
        let wild = condition.operator.reads_wildcards() && value.contains(['*', '?']);
        !wild && !value.contains("${")
    };
    let compares = matches!(
        condition.operator,
        Operator::StringEquals
            | Operator::StringEqualsIgnoreCase
            | Operator::StringLike
            | Operator::ArnEquals
            | Operator::ArnLike
    );
    compares && BINDING.contains(&key.as_str()) && condition.values.iter().all(|value| fixed(value))
}

/// Ranges that take in much of the internet are as public as no range: shorter than /8 of IPv4 and than /32 of IPv6.
fn is_broad(range: &str) -> bool {
    match range.trim().parse::<ipnet::IpNet>() {
        Ok(ipnet::IpNet::V4(net)) => net.prefix_len() < 8,
        Ok(ipnet::IpNet::V6(net)) => net.prefix_len() < 32,
        Err(_) => false,
    }
}
