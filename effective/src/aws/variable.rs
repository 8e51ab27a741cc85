//! Policy variables: `${aws:username}`, `${aws:PrincipalTag/team, 'nobody'}`, `${*}`, `${?}`, `${$}`.
//!
//! Source: IAM User Guide, "IAM policy elements: Variables and tags" (reference_policies_variables.html). Variables are read
//! only in documents of version 2012-10-17; elsewhere `${…}` is text.

/// A piece of a text with variables.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Part<'a> {
    /// As written; `*` and `?` in it are wildcards where the place allows them.
    Text(&'a str),
    /// `${*}`, `${?}` or `${$}`: that character itself, never a wildcard.
    Character(char),
    /// The value of a key of the request.
    Key {
        /// As written; compared without regard to case.
        name: &'a str,
        /// What stands in where the request has no such key.
        default: Option<&'a str>,
    },
}

/// Takes a text apart.
///
/// # Errors
/// What is wrong with a variable, as a sentence.
pub fn parts(text: &str) -> Result<Vec<Part<'_>>, String> {
    let mut parts = Vec::new();
    let mut rest = text;
    while let Some(start) = rest.find("${") {
        if start > 0 {
            parts.push(Part::Text(&rest[..start]));
        }
        let inside = &rest[start + 2..];
        let Some(end) = closing(inside) else {
            let shown: String = rest.chars().take(80).collect();
            return Err(format!(
                "`{shown}` opens a policy variable and never closes it: write `}}`, or `${{$}}` for a `$`"
            ));
        };
        parts.push(variable(&inside[..end])?);
        rest = &inside[end + 1..];
    }
    if !rest.is_empty() {
        parts.push(Part::Text(rest));
    }
    Ok(parts)
}

/// Whether a text has a variable at all.
pub fn any(text: &str) -> bool {
    text.contains("${")
}

/// The `}` that ends a variable; one within the quotes of a default does not.
fn closing(inside: &str) -> Option<usize> {
    let mut quoted = false;
    for (at, byte) in inside.bytes().enumerate() {
        match byte {
            b'\'' => quoted = !quoted,
            b'}' if !quoted => return Some(at),
            _ => {}
        }
    }
    None
}

fn variable(inside: &str) -> Result<Part<'_>, String> {
    let trimmed = inside.trim();
    if let "*" | "?" | "$" = trimmed {
        return Ok(Part::Character(char::from(trimmed.as_bytes()[0])));
    }
    let (name, default) = match trimmed.split_once(',') {
        None => (trimmed, None),
        Some((name, default)) => {
            let default = default.trim();
            let quoted = default.strip_prefix('\'').and_then(|rest| rest.strip_suffix('\''));
            let Some(quoted) = quoted else {
                return Err(format!(
                    "the default of the policy variable `${{{inside}}}` is not in single quotes: add them"
                ));
            };
            (name.trim(), Some(quoted))
        }
    };
    if name.is_empty() || name.contains(['$', '{', '*', '?']) {
        return Err(format!("`${{{inside}}}` names no key of a request: write as `${{aws:username}}`"));
    }
    Ok(Part::Key { name, default })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_variable_with_a_default_and_an_escaped_star() {
        let parts = parts("a/${aws:PrincipalTag/team, 'no}body'}/${*}?").unwrap();
        let key = Part::Key { name: "aws:PrincipalTag/team", default: Some("no}body") };
        assert_eq!(parts, [Part::Text("a/"), key, Part::Text("/"), Part::Character('*'), Part::Text("?")]);
    }

    #[test]
    fn what_is_no_variable_says_how_to_write_it() {
        for bad in ["${aws:username", "${}", "${a, b}", "${a${b}}"] {
            assert!(parts(bad).is_err(), "{bad}");
        }
    }
}
