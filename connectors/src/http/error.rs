//! What can go wrong with a request, and how it is told.

use std::time::Duration;

use http::header::WWW_AUTHENTICATE;
use http::{HeaderMap, StatusCode};

use crate::scope::Gap;
use crate::secret::Secret;

/// Headers in which servers name a request, so that their operators can find it.
const REQUEST_IDS: &[&str] = &[
    "x-request-id",
    "request-id",
    "x-correlation-id",
    "x-okta-request-id",
    "x-amzn-requestid",
    "x-ms-request-id",
    "x-github-request-id",
    "x-slack-req-id",
    "x-trace-id",
    "cf-ray",
];
/// Characters of an error's body that are quoted.
const DETAIL: usize = 200;

/// An answer that is no success, without anything secret.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    /// Method, path and harmless query values.
    pub request: String,
    /// Status.
    pub status: StatusCode,
    /// The server's own id of the request.
    pub request_id: Option<String>,
    /// What the server said, shortened, with every secret taken out.
    pub detail: Option<String>,
    /// The server's own word for the kind of error: `scimType`, `error`, `code`.
    pub kind: Option<String>,
}

impl Answer {
    pub(crate) fn new(request: &str, status: StatusCode, headers: &HeaderMap, body: &[u8], hidden: &[Secret]) -> Self {
        let request_id = REQUEST_IDS
            .iter()
            .find_map(|name| headers.get(*name)?.to_str().ok())
            .map(|id| plain(id, hidden))
            .filter(|id| !id.is_empty());
        let json: Option<serde_json::Value> = serde_json::from_slice(body).ok();
        let field = |names: &[&str]| {
            let json = json.as_ref()?;
            names.iter().find_map(|name| json.get(name)?.as_str()).map(|text| plain(text, hidden))
        };
        let detail = field(&["detail", "message", "error_description", "errorSummary", "title", "error"]);
        let text = || {
            let text = String::from_utf8_lossy(body);
            let is_page = text.trim_start().starts_with('<');
            Some(if is_page { "an HTML or XML page".to_owned() } else { plain(&text, hidden) })
        };
        let challenge = challenge(headers);
        let challenged = || challenge.as_ref().map(|challenge| plain(&challenge.told(), hidden));
        Self {
            request: request.to_owned(),
            status,
            request_id,
            detail: detail.or_else(challenged).or_else(text).filter(|detail| !detail.is_empty()),
            kind: field(&["scimType", "errorCode", "code", "error"])
                .or_else(|| Some(plain(&challenge.as_ref()?.error, hidden))),
        }
    }

    fn told(&self) -> String {
        let mut text = format!("HTTP {} on {}", self.status.as_u16(), self.request);
        if let Some(id) = &self.request_id {
            text.extend([" (request id ", id, ")"]);
        }
        text
    }

    fn said(&self) -> Option<String> {
        self.detail.as_ref().map(|detail| format!("the server says: {detail}"))
    }
}

/// Why a resource server refuses a token, which it says in a header and often nowhere else (RFC 6750, section 3).
#[derive(Debug, PartialEq, Eq)]
struct Challenge {
    error: String,
    description: Option<String>,
    scope: Option<String>,
}

impl Challenge {
    fn told(&self) -> String {
        let mut text = self.error.clone();
        if let Some(description) = &self.description {
            text.extend([": ", description]);
        }
        if let Some(scope) = &self.scope {
            text.extend([" (it wants the scope `", scope, "`)"]);
        }
        text
    }
}

/// The first challenge of kind `Bearer` that names an error.
fn challenge(headers: &HeaderMap) -> Option<Challenge> {
    let values = headers.get_all(WWW_AUTHENTICATE).iter().filter_map(|value| value.to_str().ok());
    let mut bearer = values.filter_map(|value| {
        let start = value.to_ascii_lowercase().find("bearer ")?;
        Some(&value[start + "bearer ".len()..])
    });
    bearer.find_map(|told| {
        let parameters = parameters(told);
        let get = |name: &str| parameters.iter().find(|(known, _)| known == name).map(|(_, value)| value.clone());
        Some(Challenge { error: get("error")?, description: get("error_description"), scope: get("scope") })
    })
}

/// `name=value` and `name="value"`, separated by commas (RFC 9110, section 11.2), up to what is neither.
fn parameters(text: &str) -> Vec<(String, String)> {
    let mut found = Vec::new();
    let mut rest = text.trim_start();
    while let Some((name, after)) = rest.split_once('=') {
        let (value, behind) = if let Some(text) = after.strip_prefix('"') {
            quoted(text)
        } else {
            let end = after.find([',', ' ']).unwrap_or(after.len());
            (after[..end].to_owned(), &after[end..])
        };
        found.push((name.trim().to_ascii_lowercase(), value));
        rest = behind.trim_start_matches([',', ' ']);
    }
    found
}

/// A quoted text behind its opening mark, and what follows its closing one.
fn quoted(text: &str) -> (String, &str) {
    let (mut value, mut escaped) = (String::new(), false);
    for (at, c) in text.char_indices() {
        match c {
            _ if escaped => {
                value.push(c);
                escaped = false;
            }
            '\\' => escaped = true,
            '"' => return (value, &text[at + 1..]),
            _ => value.push(c),
        }
    }
    (value, "")
}

/// One line of at most [`DETAIL`] characters without control characters and secrets.
pub(crate) fn plain(text: &str, hidden: &[Secret]) -> String {
    let mut text = text.to_owned();
    for secret in hidden.iter().map(Secret::expose).filter(|secret| secret.len() >= 4) {
        text = text.replace(secret, "***");
    }
    let line: String = text.split(|c: char| c.is_whitespace() || c.is_control()).filter(|w| !w.is_empty()).fold(
        String::new(),
        |mut line, word| {
            if !line.is_empty() {
                line.push(' ');
            }
            line.push_str(word);
            line
        },
    );
    match line.char_indices().nth(DETAIL) {
        Some((end, _)) => format!("{}…", &line[..end]),
        None => line,
    }
}

/// Why there is no reply to use.
#[derive(Debug, thiserror::Error)]
pub enum HttpError {
    /// The client cannot be set up like this.
    #[error("{what}")]
    Setup {
        /// What is wrong.
        what: String,
        /// What to write instead.
        fix: String,
    },
    /// 401.
    #[error("{}", .0.told())]
    Unauthorized(Answer),
    /// 403.
    #[error("{}", .0.told())]
    Forbidden(Answer),
    /// 404 or 410.
    #[error("{}", .0.told())]
    NotFound(Answer),
    /// 429, and asking again did not help.
    #[error("{} after {attempts} attempts", .answer.told())]
    Throttled {
        /// The last answer.
        answer: Answer,
        /// Attempts made.
        attempts: u32,
        /// The pause it asked for, when that was longer than we wait.
        asked: Option<Duration>,
    },
    /// 408 or 5xx, and asking again did not help.
    #[error("{} after {attempts} attempts", .answer.told())]
    Server {
        /// The last answer.
        answer: Answer,
        /// Attempts made.
        attempts: u32,
    },
    /// Any other status that is no success.
    #[error("{}", .0.told())]
    Refused(Answer),
    /// No connection, or a reply that broke off, and asking again did not help.
    #[error("no whole reply to {request} after {attempts} attempts")]
    NoReply {
        /// The request.
        request: String,
        /// Attempts made.
        attempts: u32,
        /// The last cause, without its URL.
        source: reqwest::Error,
    },
    /// The server's certificate is not trusted.
    #[error("the certificate of the server is not trusted; {request} was not sent")]
    Untrusted {
        /// The request.
        request: String,
        /// What the verifier said, without its URL.
        source: reqwest::Error,
    },
    /// The server ended the TLS handshake: it wants a client certificate, or another one.
    #[error("the server refused the TLS handshake; {request} was not sent")]
    Handshake {
        /// The request.
        request: String,
        /// The server's alert, without the URL.
        source: reqwest::Error,
    },
    /// The reply is larger than allowed.
    #[error("the reply to {request} is larger than {limit} bytes")]
    TooLarge {
        /// The request.
        request: String,
        /// The limit in bytes.
        limit: usize,
    },
    /// A success that cannot be understood.
    #[error("cannot use the reply to {request}: {what}")]
    Unusable {
        /// The request.
        request: String,
        /// What was found.
        what: String,
    },
    /// A link or redirect leads to another origin, or round in circles.
    #[error("{request} leads to `{to}`; it was not followed")]
    Foreign {
        /// The request, or the link.
        request: String,
        /// The origin it leads to.
        to: String,
    },
    /// The run was cancelled.
    #[error("the run was stopped")]
    Stopped,
}

impl HttpError {
    /// The same error after this many attempts.
    pub(crate) fn after(mut self, made: u32) -> Self {
        if let Self::Throttled { attempts, .. } | Self::Server { attempts, .. } | Self::NoReply { attempts, .. } =
            &mut self
        {
            *attempts = made;
        }
        self
    }

    /// The same error with the pause that was too long.
    pub(crate) fn asked(mut self, pause: Duration) -> Self {
        if let Self::Throttled { asked, .. } = &mut self {
            *asked = Some(pause);
        }
        self
    }

    /// The answer of the server, when it gave one.
    pub fn answer(&self) -> Option<&Answer> {
        match self {
            Self::Unauthorized(answer)
            | Self::Forbidden(answer)
            | Self::NotFound(answer)
            | Self::Refused(answer)
            | Self::Throttled { answer, .. }
            | Self::Server { answer, .. } => Some(answer),
            Self::Setup { .. }
            | Self::NoReply { .. }
            | Self::Untrusted { .. }
            | Self::Handshake { .. }
            | Self::TooLarge { .. }
            | Self::Unusable { .. }
            | Self::Foreign { .. }
            | Self::Stopped => None,
        }
    }

    /// The error as a gap, with cause and fix. A connector that knows the missing permission replaces the fix.
    pub fn gap(&self) -> Gap {
        let said = |fallback: &str| self.answer().and_then(Answer::said).unwrap_or_else(|| fallback.to_owned());
        let (code, cause, fix) = match self {
            Self::Setup { fix, .. } => ("COL039", "the connection cannot be set up".to_owned(), fix.clone()),
            Self::Unauthorized(_) => (
                "COL030",
                said("the credential is wrong, expired or revoked"),
                "renew the credential and put it where the config's `credential` points".into(),
            ),
            Self::Forbidden(_) => (
                "COL031",
                said("the credential lacks a permission"),
                "give the credential the permissions that `muster connectors` lists for this connector".into(),
            ),
            Self::NotFound(_) => {
                ("COL032", said("the system has nothing at this address"), "check the URL in the config".into())
            }
            Self::Throttled { asked: Some(asked), .. } => (
                "COL033",
                format!("the server asks to wait {} s, longer than a scan waits", asked.as_secs()),
                "collect this system at a quieter hour, or ask the vendor for a higher rate limit".into(),
            ),
            Self::Throttled { asked: None, .. } => (
                "COL033",
                said("the rate limit of the system is used up"),
                "lower `concurrency` of this system, or collect it at a quieter hour".into(),
            ),
            Self::Server { .. } => (
                "COL034",
                said("the server failed"),
                "collect again; if it stays, give the vendor the request id".into(),
            ),
            Self::NoReply { source, .. } => (
                "COL035",
                chain(source),
                "check network, proxy and the vendor's status page, then collect again".into(),
            ),
            Self::Untrusted { source, .. } => (
                "COL036",
                chain(source),
                "set `ca_file` to the certificate of the authority that signed the server's".into(),
            ),
            Self::Handshake { source, .. } => (
                "COL030",
                chain(source),
                "the server asks for a client certificate that it trusts: give it in `mtls` of the way to sign in, with its key and the certificates between".into(),
            ),
            Self::TooLarge { .. } => {
                ("COL037", "a page holds too much".into(), "lower `page_size` of this system".into())
            }
            Self::Unusable { what, .. } => (
                "COL037",
                what.clone(),
                "check that the URL is the API's own and that no proxy or sign-in page stands before it".into(),
            ),
            Self::Foreign { .. } => (
                "COL038",
                "the credential is sent only to the host in the config".into(),
                "if the system has moved, write its new address into the config".into(),
            ),
            Self::Refused(_) => {
                ("COL034", said("the server does not accept the request"), "check the URL and the settings".into())
            }
            Self::Stopped => {
                ("COL022", "the run was cancelled or its deadline passed".into(), "collect this system again".into())
            }
        };
        Gap::new(code, self.to_string()).cause(cause).fix(fix)
    }
}

/// An error with its causes, in one line.
pub fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        let cause_text = cause.to_string();
        if !text.contains(&cause_text) {
            text.push_str(": ");
            text.push_str(&cause_text);
        }
        source = cause.source();
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(challenges: &[&'static str], body: &str) -> Answer {
        let mut headers = HeaderMap::new();
        for challenge in challenges {
            headers.append(WWW_AUTHENTICATE, http::HeaderValue::from_static(challenge));
        }
        let hidden = [Secret::new("hunter22")];
        Answer::new("GET /users", StatusCode::FORBIDDEN, &headers, body.as_bytes(), &hidden)
    }

    #[test]
    fn a_challenge_tells_what_the_body_does_not() {
        let scope = "bearer realm=\"users, and \\\"more\\\"\", error=insufficient_scope, scope=\"a b\"";
        let answer = told(&["Basic realm=x", scope], "");
        assert_eq!(answer.detail.unwrap(), "insufficient_scope (it wants the scope `a b`)");
        assert_eq!(answer.kind.unwrap(), "insufficient_scope");
        let secret = "Basic realm=\"x\", Bearer error=\"invalid_token\", error_description=\"no hunter22\"";
        assert_eq!(told(&[secret], "<html>").detail.unwrap(), "invalid_token: no ***");
        assert_eq!(told(&[secret], r#"{"message":"body first"}"#).detail.unwrap(), "body first");
        for none in ["Bearer", "Bearer realm=\"x\"", "Negotiate", "Bearer error", "Bearer error=\"open"] {
            let answer = told(&[none], "");
            assert!(answer.kind.is_none_or(|kind| kind == "open"), "{none}");
        }
    }
}
