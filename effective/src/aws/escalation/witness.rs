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
    use crate::aws::pattern::Glob;

    #[test]
    fn a_new_function_is_named_as_the_policy_wants_it() {
        let new = "arn:aws:lambda:*:111111111111:function:*";
        let common = |other| common(new, other);
        assert_eq!(
            common("arn:aws:lambda:eu-west-1:*:function:dev-*").as_deref(),
            Some("arn:aws:lambda:eu-west-1:111111111111:function:dev-muster")
        );
        assert!(common("*").is_some());
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
