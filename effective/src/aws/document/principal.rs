//! One value of `Principal`.
//!
//! Source: IAM User Guide, "AWS JSON policy elements: Principal" (reference_policies_elements_principal.html).

use super::PrincipalPattern;
use super::parse::shown;

/// Reads a value under its kind (`AWS`, `Service`, `Federated`, `CanonicalUser`).
///
/// # Errors
/// What is wrong with it, as a sentence with the fix.
pub(super) fn read(kind: &str, text: &str) -> Result<PrincipalPattern, String> {
    let named = |what: &str| -> Result<(), String> {
        if text.is_empty() || text.contains(['*', '?']) {
            return Err(format!("`{}` is no {what}: wildcards are not read in a part of a principal", shown(text)));
        }
        Ok(())
    };
    if kind.eq_ignore_ascii_case("AWS") {
        return aws(text);
    }
    if kind.eq_ignore_ascii_case("Service") {
        named("service")?;
        return Ok(PrincipalPattern::Service(text.into()));
    }
    if kind.eq_ignore_ascii_case("Federated") {
        named("identity provider")?;
        return Ok(PrincipalPattern::Federated(text.into()));
    }
    if kind.eq_ignore_ascii_case("CanonicalUser") {
        named("canonical user")?;
        return Ok(PrincipalPattern::CanonicalUser(text.into()));
    }
    Err(format!("there is no kind of principal `{}`: there are AWS, Service, Federated and CanonicalUser", shown(kind)))
}

fn aws(text: &str) -> Result<PrincipalPattern, String> {
    if text == "*" {
        return Ok(PrincipalPattern::Everyone);
    }
    if is_account(text) {
        return Ok(PrincipalPattern::Account(text.into()));
    }
    if is_unique_id(text) {
        return Ok(PrincipalPattern::Deleted(text.into()));
    }
    let parts: Vec<&str> = text.splitn(6, ':').collect();
    let [scheme, _, service, _, account, name] = parts[..] else {
        return Err(format!(
            "`{}` is no principal of AWS: write the ARN of a user, role or session, or the twelve digits of an account",
            shown(text)
        ));
    };
    if scheme != "arn" || account.is_empty() || name.is_empty() {
        return Err(format!("`{}` is no ARN of a principal: it is `arn:aws:iam::123456789012:role/name`", shown(text)));
    }
    if text.contains(['*', '?']) {
        return Err(format!(
            "`{}` has a wildcard, which is not read in a part of a principal: name it, or use \"*\" with a condition on aws:PrincipalArn",
            shown(text)
        ));
    }
    if service == "iam" && name == "root" {
        return Ok(PrincipalPattern::Account(account.into()));
    }
    Ok(PrincipalPattern::Arn(text.into()))
}

/// Twelve digits.
pub(super) fn is_account(text: &str) -> bool {
    text.len() == 12 && text.bytes().all(|byte| byte.is_ascii_digit())
}

/// Prefixes of IAM User Guide, "IAM identifiers": users, roles, groups, and others that may have been a principal.
fn is_unique_id(text: &str) -> bool {
    const PREFIXES: [&str; 5] = ["AIDA", "AROA", "AGPA", "AIPA", "ANPA"];
    (16..=128).contains(&text.len())
        && PREFIXES.iter().any(|prefix| text.starts_with(prefix))
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric())
}
