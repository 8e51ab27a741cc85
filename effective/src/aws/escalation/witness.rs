//! One text that two patterns both match, or none: which new resource somebody could make, given what he may name it.

/// Longer patterns are not tried: no ARN is.
const MAX_LENGTH: usize = 2_048;
/// What a star stands for where nothing says more.
const FILL: &str = "muster";

#[derive(Clone, Copy, PartialEq)]
enum Token {
    Is(char),
    One,
    Many,
}

fn tokens(pattern: &str) -> Vec<Token> {
    let mut tokens: Vec<Token> = Vec::with_capacity(pattern.len());
    for character in pattern.chars() {
        let token = match character {
            '*' => Token::Many,
            '?' => Token::One,
            other => Token::Is(other),
        };
        if token != Token::Many || tokens.last() != Some(&Token::Many) {
            tokens.push(token);
        }
    }
    tokens
}

/// A text that both patterns match.
///
/// Cost: the product of the lengths at the worst, each pair of places once.
pub(super) fn common(a: &str, b: &str) -> Option<String> {
    if a.len() > MAX_LENGTH || b.len() > MAX_LENGTH {
        return None;
    }
    let (a, b) = (tokens(a), tokens(b));
    let width = b.len() + 1;
    let mut seen = fixedbitset::FixedBitSet::with_capacity((a.len() + 1) * width);
    // What is still to be tried: places in both, and how long the text was there.
    let mut open = vec![(0, 0, 0, None::<Step>)];
    let mut text = String::new();
    while let Some((i, j, length, step)) = open.pop() {
        text.truncate(length);
        match step {
            Some(Step::Character(character)) => text.push(character),
            Some(Step::Fill) => text.push_str(FILL),
            None => {}
        }
        if seen.put(i * width + j) {
            continue;
        }
        let here = text.len();
        let mut go = |i, j, step| open.push((i, j, here, step));
        // What is pushed last is tried first.
        match (a.get(i), b.get(j)) {
            (None, None) => return Some(text),
            (Some(Token::Many), Some(Token::Many)) => {
                go(i, j + 1, Some(Step::Fill));
                go(i + 1, j, Some(Step::Fill));
            }
            (Some(Token::Many), other) => {
                if let Some(token) = other {
                    go(i, j + 1, Some(token.step()));
                }
                go(i + 1, j, None);
            }
            (other, Some(Token::Many)) => {
                if let Some(token) = other {
                    go(i + 1, j, Some(token.step()));
                }
                go(i, j + 1, None);
            }
            (Some(Token::Is(left)), Some(Token::Is(right))) => {
                if left == right {
                    go(i + 1, j + 1, Some(Step::Character(*left)));
                }
            }
            (Some(Token::One), Some(token)) | (Some(token), Some(Token::One)) => go(i + 1, j + 1, Some(token.step())),
            (None, Some(_)) | (Some(_), None) => {}
        }
    }
    None
}

#[derive(Clone, Copy)]
enum Step {
    Character(char),
    Fill,
}

impl Token {
    fn step(self) -> Step {
        Step::Character(match self {
            Self::Is(character) => character,
            Self::One | Self::Many => 'm',
        })
    }
}

/// An ARN that two patterns of ARNs both match; `region` stands for a region that both leave open.
///
/// Within the first five parts a star stays in its part, unless it is the last character of the whole pattern.
pub(super) fn common_arn(new: &str, wanted: &str, region: &str) -> Option<String> {
    const PARTS: usize = 6;
    let new: Vec<&str> = new.splitn(PARTS, ':').collect();
    let wanted: Vec<&str> = wanted.splitn(PARTS, ':').collect();
    let (last, parts) = wanted.split_last()?;
    if new.len() < PARTS || (parts.len() + 1 < PARTS && !last.ends_with('*')) {
        return None;
    }
    let mut common_parts = Vec::with_capacity(PARTS);
    for (at, (new, wanted)) in new.iter().zip(parts).enumerate() {
        let open = at == 3 && *new == "*" && *wanted == "*";
        common_parts.push(if open { region.to_owned() } else { common(new, wanted)? });
    }
    let mut rest: Vec<&str> = new[parts.len()..].to_vec();
    if parts.len() < 4 && rest[3 - parts.len()] == "*" {
        rest[3 - parts.len()] = region;
    }
    common_parts.push(common(&rest.join(":"), last)?);
    Some(common_parts.join(":"))
}

/// The plainest text of a pattern; `region` stands for the region of an ARN that leaves it open.
pub(super) fn plain(pattern: &str, region: &str) -> String {
    let mut parts = pattern.splitn(6, ':').map(str::to_owned).collect::<Vec<_>>();
    if let Some(part) = parts.get_mut(3)
        && part == "*"
    {
        region.clone_into(part);
    }
    parts.join(":").replace('*', FILL).replace('?', "m")
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::aws::pattern::{ArnGlob, Glob};

    #[test]
    fn a_new_function_is_named_as_the_policy_wants_it() {
        let new = "arn:aws:lambda:*:111111111111:function:*";
        let common = |other| common_arn(new, other, "eu-north-1");
        for (wanted, named) in [
            ("arn:aws:lambda:eu-west-1:*:function:dev-*", "arn:aws:lambda:eu-west-1:111111111111:function:dev-muster"),
            ("arn:aws:lambda:*:*:function:dev-?", "arn:aws:lambda:eu-north-1:111111111111:function:dev-m"),
            ("arn:*:lambda:*", "arn:aws:lambda:eu-north-1:111111111111:function:muster"),
            ("*", "arn:aws:lambda:eu-north-1:111111111111:function:muster"),
        ] {
            assert_eq!(common(wanted).as_deref(), Some(named), "{wanted}");
            assert!(ArnGlob::resource(&Glob::new(wanted)).matches(named), "{wanted}");
        }
        assert_eq!(common("arn:aws:lambda:eu-west-1:222222222222:function:dev-*"), None);
        assert_eq!(common("arn:aws:s3:::bucket"), None);
        assert_eq!(plain(new, "us-east-1"), "arn:aws:lambda:us-east-1:111111111111:function:muster");
    }

    #[test]
    fn patterns_made_to_blow_up_end_at_once() {
        let evil = "*a".repeat(900);
        assert!(common(&evil, &"*b".repeat(900)).is_none());
        assert!(common(&evil, &"a*".repeat(900)).is_some());
    }

    proptest! {
        #[test]
        fn a_common_text_is_matched_by_both(a in "[ab*?]{0,12}", b in "[ab*?]{0,12}") {
            if let Some(text) = common(&a, &b) {
                prop_assert!(Glob::new(&a).matches(&text), "{a} {text}");
                prop_assert!(Glob::new(&b).matches(&text), "{b} {text}");
            }
        }

        #[test]
        fn where_some_text_is_matched_by_both_one_is_found(a in "[ab*?]{0,8}", b in "[ab*?]{0,8}", text in "[ab]{0,8}") {
            if Glob::new(&a).matches(&text) && Glob::new(&b).matches(&text) {
                prop_assert!(common(&a, &b).is_some());
            }
        }
    }
}
