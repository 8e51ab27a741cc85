//! Link headers (RFC 8288): the target of a relation.

use http::HeaderMap;
use http::header::LINK;

/// The target of the first link with relation `rel`, over all `Link` headers, as it is written.
///
/// Links that do not parse are passed over: a later one may still be whole. A link with an `anchor` is about another
/// resource and does not count (RFC 8288, section 3.2).
pub(super) fn target(headers: &HeaderMap, rel: &str) -> Option<String> {
    headers.get_all(LINK).iter().filter_map(|value| value.to_str().ok()).find_map(|text| find(text, rel))
}

fn find(text: &str, rel: &str) -> Option<String> {
    let mut rest = text;
    while let Some(start) = rest.find('<') {
        let (target, after) = rest[start + 1..].split_once('>')?;
        let (parameters, next) = split_link(after);
        let mut relations = None;
        let mut anchored = false;
        for (name, value) in parameters {
            // Of several `rel` the first counts (section 3.3).
            if name.eq_ignore_ascii_case("rel") && relations.is_none() {
                relations = Some(value);
            } else if name.eq_ignore_ascii_case("anchor") {
                anchored = true;
            }
        }
        let fits = relations.is_some_and(|all| all.split_whitespace().any(|one| one.eq_ignore_ascii_case(rel)));
        if fits && !anchored {
            return Some(target.trim().to_owned());
        }
        rest = next;
    }
    None
}

/// The parameters of a link, unquoted, and what follows the comma that ends it. A comma or semicolon in quotes ends nothing.
fn split_link(text: &str) -> (Vec<(String, String)>, &str) {
    let mut parameters = Vec::new();
    let (mut name, mut value) = (String::new(), String::new());
    let (mut in_value, mut quoted, mut escaped) = (false, false, false);
    let mut end = text.len();
    for (position, c) in text.char_indices() {
        if quoted {
            match c {
                _ if escaped => {
                    value.push(c);
                    escaped = false;
                }
                '\\' => escaped = true,
                '"' => quoted = false,
                _ => value.push(c),
            }
            continue;
        }
        match c {
            ',' => {
                end = position + 1;
                break;
            }
            ';' => {
                parameters.push((name.trim().to_owned(), value.trim().to_owned()));
                (name, value, in_value) = (String::new(), String::new(), false);
            }
            '=' if !in_value => in_value = true,
            '"' if in_value => quoted = true,
            _ if in_value => value.push(c),
            _ => name.push(c),
        }
    }
    parameters.push((name.trim().to_owned(), value.trim().to_owned()));
    (parameters, &text[end..])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn next(text: &str) -> Option<String> {
        let mut headers = HeaderMap::new();
        headers.insert(LINK, text.parse().unwrap());
        target(&headers, "next")
    }

    #[test]
    fn links_as_servers_write_them() {
        let github = r#"<https://api.github.com/x?page=1>; rel="prev", <https://api.github.com/x?page=3>; rel="next""#;
        assert_eq!(next(github).unwrap(), "https://api.github.com/x?page=3");
        assert_eq!(next("<https://h/?a=1,2;b>;rel=next").unwrap(), "https://h/?a=1,2;b");
        assert_eq!(next(r#"<y>; title="a, b; rel=\"next\""; rel="last NEXT""#).unwrap(), "y");
        assert_eq!(next(r#"<y>; rel="last"; rel="next""#), None);
        assert_eq!(next(r#"<y>; rel="next"; anchor="/other", <z>; REL=next"#).unwrap(), "z");
        assert_eq!(next("<https://h/x>; rel=\"nextpage\""), None);
        assert_eq!(next(""), None);
        assert_eq!(next("<broken"), None);
        assert_eq!(next("rel=next"), None);
    }

    #[test]
    fn links_in_several_headers_are_one_list() {
        let mut headers = HeaderMap::new();
        headers.append(LINK, r#"<https://h/api/v1/users?limit=2>; rel="self""#.parse().unwrap());
        headers.append(LINK, r#"<https://h/api/v1/users?after=7>; rel="next""#.parse().unwrap());
        assert_eq!(target(&headers, "next").unwrap(), "https://h/api/v1/users?after=7");
    }

    proptest::proptest! {
        #[test]
        fn no_header_panics(text in "[ -~]{0,80}") {
            let _ = find(&text, "next");
        }
    }
}
