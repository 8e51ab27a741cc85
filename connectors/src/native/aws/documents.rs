//! Policy documents: what a source hands out as one, decoded and checked for being readable at all.

use percent_encoding::percent_decode_str;
use serde::{Deserialize, Serialize};

/// A document as a source gives it: the API's URL-encoded text, plain JSON text, or the object the AWS CLI makes of it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
pub(super) enum Document {
    /// URL-encoded (RFC 3986) or plain JSON text.
    Text(String),
    /// Already parsed.
    Object(serde_json::Value),
}

/// A document ready for a record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Decoded {
    /// Verbatim after URL decoding; compact with sorted keys where the source had parsed it.
    pub(super) text: String,
    /// Why it cannot be evaluated, with its position.
    pub(super) unreadable: Option<String>,
}

impl Document {
    /// Decodes the document. One that is not a JSON policy keeps its text and says what is wrong with it.
    pub(super) fn decode(&self) -> Decoded {
        let text = match self {
            Self::Object(value) => value.to_string(),
            Self::Text(text) if text.trim_start().starts_with('{') => text.clone(),
            Self::Text(text) => match percent_decode_str(text).decode_utf8() {
                Ok(decoded) => decoded.into_owned(),
                Err(error) => {
                    let unreadable = format!("byte {} of the decoded document is not UTF-8", error.valid_up_to());
                    return Decoded { text: text.clone(), unreadable: Some(unreadable) };
                }
            },
        };
        let unreadable = problem(&text);
        Decoded { text, unreadable }
    }
}

/// What keeps `text` from being a policy; `None` when it is one.
pub(super) fn problem(text: &str) -> Option<String> {
    match serde_json::from_str::<serde_json::Value>(text) {
        Err(error) => Some(error.to_string()),
        Ok(serde_json::Value::Object(policy)) => match policy.get("Statement") {
            Some(serde_json::Value::Array(_) | serde_json::Value::Object(_)) => None,
            Some(_) => Some("`Statement` is neither an object nor a list".to_owned()),
            None => Some("it has no `Statement`".to_owned()),
        },
        Ok(_) => Some("it is no JSON object".to_owned()),
    }
}

/// The statements of a readable document, in order.
pub(super) fn statements(text: &str) -> Vec<serde_json::Value> {
    match serde_json::from_str::<serde_json::Value>(text) {
        Ok(serde_json::Value::Object(mut policy)) => match policy.remove("Statement") {
            Some(serde_json::Value::Array(statements)) => statements,
            Some(statement @ serde_json::Value::Object(_)) => vec![statement],
            Some(_) | None => Vec::new(),
        },
        Ok(_) | Err(_) => Vec::new(),
    }
}

/// The strings of a policy element that may be one string or a list of them.
pub(super) fn strings(element: &serde_json::Value) -> Vec<&str> {
    match element {
        serde_json::Value::String(text) => vec![text],
        serde_json::Value::Array(list) => list.iter().filter_map(serde_json::Value::as_str).collect(),
        serde_json::Value::Null
        | serde_json::Value::Bool(_)
        | serde_json::Value::Number(_)
        | serde_json::Value::Object(_) => Vec::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn url_encoded_text_and_the_object_of_the_command_line_are_the_same_policy() {
        let encoded = Document::Text("%7B%22Statement%22%3A%5B%7B%22Sid%22%3A%22a%2Bb%20%C3%A4%22%7D%5D%7D".into());
        let object = Document::Object(serde_json::json!({"Statement": [{"Sid": "a+b ä"}]}));
        assert_eq!(encoded.decode(), object.decode());
        assert_eq!(encoded.decode().unreadable, None);
    }

    #[test]
    fn a_broken_document_keeps_its_text_and_names_the_position() {
        let broken = Document::Text(r#"{"Statement":[{"Effect":"Allow",}]}"#.into()).decode();
        assert_eq!(broken.text, r#"{"Statement":[{"Effect":"Allow",}]}"#);
        assert!(broken.unreadable.unwrap().contains("line 1 column 33"));
        for (text, what) in [("{}", "no `Statement`"), ("[]", "no JSON object"), (r#"{"Statement":3}"#, "neither")] {
            assert!(problem(text).unwrap().contains(what), "{text}");
        }
    }
}
