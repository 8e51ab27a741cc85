//! Grants that the source lists as derived from another one: the other one is the change.

use muster_connectors::record::GrantOrigin;

/// Whether `origin` says so.
pub(in crate::drift) fn is(origin: Option<&str>) -> bool {
    origin == Some(GrantOrigin::Inherited.as_str())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_the_source_calls_inherited_is() {
        assert!(is(Some("inherited")));
        assert!(!is(Some("direct")) && !is(None));
    }
}
