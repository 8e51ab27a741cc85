//! Objects that a provider makes and looks after: nobody declares them, asks for them or can remove them.
//!
//! AWS: service-linked roles (path `/aws-service-role/`, name `AWSServiceRoleFor…`) and roles that IAM Identity Center makes for
//! permission sets (path `/aws-reserved/`, name `AWSReservedSSO_…`); policies of the partition itself (`arn:aws:iam::aws:policy/…`).
//! Source: IAM User Guide, "Use service-linked roles"; IAM Identity Center User Guide, "Referencing permission sets".

/// Whether the account, group or policy with this id, name and ARN is the provider's own.
pub(in crate::drift) fn is(id: &str, name: &str, native: &str) -> bool {
    let is_role = |text: &str| {
        text.contains(":role/aws-service-role/")
            || text.contains(":role/aws-reserved/")
            || text.starts_with("AWSServiceRoleFor")
            || text.starts_with("AWSReservedSSO_")
    };
    let is_policy = |text: &str| text.starts_with("arn:aws") && text.contains(":iam::aws:policy/");
    [id, name, native].iter().any(|text| is_role(text)) || is_policy(id)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn service_linked_and_reserved_roles_are_the_providers_and_a_namesake_in_a_path_of_ones_own_is_not() {
        assert!(is("AROA1", "AWSServiceRoleForSupport", ""));
        assert!(is("AROA1", "x", "arn:aws:iam::1:role/aws-service-role/support.amazonaws.com/x"));
        assert!(is("AROA1", "x", "arn:aws-cn:iam::1:role/aws-reserved/sso.amazonaws.com/x"));
        assert!(is("arn:aws:iam::aws:policy/AdministratorAccess", "AdministratorAccess", ""));
        assert!(!is("AROA1", "deploy", "arn:aws:iam::1:role/team/aws-service-role-reader"));
        assert!(!is("arn:aws:iam::1:policy/own", "own", ""));
    }
}
