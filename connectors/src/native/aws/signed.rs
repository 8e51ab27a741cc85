//! Signed REST calls to the services whose SDKs we do not build: S3, KMS, SQS, SNS, Lambda, Secrets Manager.
//!
//! Signature Version 4 by `aws-sigv4`; retries with jitter on throttling, server errors and lost connections.

use std::collections::BTreeMap;
use std::time::Duration;

use aws_credential_types::Credentials;
use aws_credential_types::provider::ProvideCredentials;
use aws_sigv4::http_request::{
    PayloadChecksumKind, PercentEncodingMode, SignableBody, SignableRequest, SigningSettings, UriPathNormalizationMode,
    sign,
};
use aws_sigv4::sign::v4;
use aws_smithy_xml::decode::{Document, ScopedDecoder, try_data};
use bytes::Bytes;

use super::session::{ApiError, ErrorKind, Session, causes};

const FIRST_PAUSE: Duration = Duration::from_millis(500);
const LONGEST_PAUSE: Duration = Duration::from_secs(20);
/// Largest answer that is read: the APIs' own limits are far below.
const LARGEST: usize = 16 << 20;
/// Content type of the query protocol.
const FORM: &str = "application/x-www-form-urlencoded";

/// One service in one region, with credentials fetched once.
#[derive(Debug)]
pub(super) struct Service<'a> {
    session: &'a Session,
    client: reqwest::Client,
    /// Name in the signature and the host name.
    name: &'static str,
    region: String,
    base: String,
    credentials: Credentials,
}

/// One request.
#[derive(Debug, Default)]
pub(super) struct Request {
    /// IAM permission it needs.
    pub(super) call: &'static str,
    pub(super) method: http::Method,
    /// Path and query, percent-encoded.
    pub(super) path: String,
    pub(super) headers: Vec<(&'static str, String)>,
    pub(super) body: String,
}

impl Request {
    /// `GET path`.
    pub(super) fn get(call: &'static str, path: impl Into<String>) -> Self {
        Self { call, path: path.into(), ..Self::default() }
    }

    /// The AWS JSON protocol: the operation in a header, its parameters in the body.
    pub(super) fn json(call: &'static str, version: &str, target: &str, body: &serde_json::Value) -> Self {
        Self {
            call,
            method: http::Method::POST,
            path: "/".to_owned(),
            headers: vec![
                ("content-type", format!("application/x-amz-json-{version}")),
                ("x-amz-target", target.to_owned()),
            ],
            body: body.to_string(),
        }
    }

    /// The AWS query protocol: the operation and its parameters as a form.
    pub(super) fn form(call: &'static str, parameters: &[(&str, &str)]) -> Self {
        let body = url::form_urlencoded::Serializer::new(String::new()).extend_pairs(parameters).finish();
        Self {
            call,
            method: http::Method::POST,
            path: "/".to_owned(),
            headers: vec![("content-type", format!("{FORM}; charset=utf-8"))],
            body,
        }
    }

    /// Whether it is of the query protocol, whose answers are XML.
    pub(super) fn is_form(&self) -> bool {
        self.headers.iter().any(|(name, value)| *name == "content-type" && value.starts_with(FORM))
    }
}

impl<'a> Service<'a> {
    /// `call` is the permission that is named when there are no credentials.
    pub(super) async fn new(
        session: &'a Session,
        client: &reqwest::Client,
        name: &'static str,
        region: &str,
        call: &'static str,
    ) -> Result<Self, ApiError> {
        let no_credentials = |message: String| ApiError { call, kind: ErrorKind::Credential, message };
        let provider = session
            .config
            .credentials_provider()
            .ok_or_else(|| no_credentials("there is no source of credentials".to_owned()))?;
        let credentials = session
            .limits
            .run(call, provider.provide_credentials())
            .await?
            .map_err(|error| no_credentials(error.to_string()))?;
        let base = match &session.endpoint {
            Some(endpoint) => endpoint.trim_end_matches('/').to_owned(),
            // The one host of those we ask by name that is not named like its signature (AWS General Reference, "Service endpoints and
            // quotas").
            None => base(if name == "sagemaker" { "api.sagemaker" } else { name }, region, &session.caller.partition),
        };
        Ok(Self { session, client: client.clone(), name, region: region.to_owned(), base, credentials })
    }

    /// S3's account-wide settings: signed as S3, at a host that begins with the account.
    pub(super) async fn control(
        session: &'a Session,
        client: &reqwest::Client,
        region: &str,
        call: &'static str,
    ) -> Result<Self, ApiError> {
        let mut service = Self::new(session, client, "s3", region, call).await?;
        if session.endpoint.is_none() {
            let account = &session.caller.account;
            service.base = service.base.replacen("https://s3.", &format!("https://{account}.s3-control."), 1);
        }
        Ok(service)
    }

    /// The same service at a host of another name.
    pub(super) fn at(mut self, host: &str) -> Self {
        if self.session.endpoint.is_none() {
            self.base = base(host, &self.region, &self.session.caller.partition);
        }
        self
    }

    /// The answer's body when the service answered with success.
    pub(super) async fn send(&self, request: &Request) -> Result<Bytes, ApiError> {
        let mut pause = FIRST_PAUSE;
        let mut tries = 1;
        loop {
            let error = match self.session.limits.run(request.call, self.try_once(request)).await? {
                Ok(body) => return Ok(body),
                Err(error) => error,
            };
            let is_passing = matches!(error.kind, ErrorKind::Throttled | ErrorKind::Unreachable)
                || (error.kind == ErrorKind::BadAnswer && error.message.starts_with("HTTP 5"));
            if !is_passing || tries >= self.session.limits.attempts {
                return Err(error);
            }
            self.session.limits.pause(request.call, jittered(pause, request)).await?;
            pause = (pause * 2).min(LONGEST_PAUSE);
            tries += 1;
        }
    }

    async fn try_once(&self, request: &Request) -> Result<Bytes, ApiError> {
        let built = self.signed(request)?;
        let failed = |error: reqwest::Error| ApiError::unreachable(request.call, causes(&error));
        let mut answer = self.client.execute(built).await.map_err(failed)?;
        let status = answer.status().as_u16();
        let kind = answer.headers().get("x-amzn-errortype").and_then(|kind| kind.to_str().ok()).map(str::to_owned);
        let mut body = Vec::new();
        while let Some(chunk) = answer.chunk().await.map_err(failed)? {
            if body.len() + chunk.len() > LARGEST {
                return Err(ApiError::bad_answer(request.call, format!("the answer is larger than {LARGEST} bytes")));
            }
            body.extend_from_slice(&chunk);
        }
        if (200..300).contains(&status) {
            return Ok(body.into());
        }
        let (code, message) = error_of(&body, kind);
        Err(ApiError::from_code(request.call, status, code.as_deref(), &message))
    }

    fn signed(&self, request: &Request) -> Result<reqwest::Request, ApiError> {
        let broken = |what: String| ApiError {
            call: request.call,
            kind: ErrorKind::Refused,
            message: format!("cannot sign: {what}"),
        };
        let url = format!("{}{}", self.base, request.path);
        let mut settings = SigningSettings::default();
        if self.name == "s3" {
            settings.payload_checksum_kind = PayloadChecksumKind::XAmzSha256;
            settings.percent_encoding_mode = PercentEncodingMode::Single;
            settings.uri_path_normalization_mode = UriPathNormalizationMode::Disabled;
        }
        let identity = self.credentials.clone().into();
        let parameters = v4::SigningParams::builder()
            .identity(&identity)
            .region(&self.region)
            .name(self.name)
            .time(signing_time())
            .settings(settings)
            .build()
            .map_err(|error| broken(error.to_string()))?
            .into();
        let headers = request.headers.iter().map(|(name, value)| (*name, value.as_str()));
        let signable =
            SignableRequest::new(request.method.as_str(), &url, headers, SignableBody::Bytes(request.body.as_bytes()))
                .map_err(|error| broken(error.to_string()))?;
        let (instructions, _signature) =
            sign(signable, &parameters).map_err(|error| broken(error.to_string()))?.into_parts();
        let mut built = http::Request::builder().method(request.method.clone()).uri(&url);
        for (name, value) in &request.headers {
            built = built.header(*name, value);
        }
        let mut built = built.body(request.body.clone()).map_err(|error| broken(error.to_string()))?;
        instructions.apply_to_request_http1x(&mut built);
        reqwest::Request::try_from(built).map_err(|error| broken(error.to_string()))
    }
}

/// Where a host is in a region of a partition.
fn base(host: &str, region: &str, partition: &str) -> String {
    let suffix = if partition == "aws-cn" { "amazonaws.com.cn" } else { "amazonaws.com" };
    format!("https://{host}.{region}.{suffix}")
}

#[expect(clippy::disallowed_methods, reason = "AWS refuses a signature that is not of this very moment")]
fn signing_time() -> std::time::SystemTime {
    std::time::SystemTime::now()
}

/// Half the pause and a share of the other half that differs from request to request, so that many do not come back at once.
fn jittered(pause: Duration, request: &Request) -> Duration {
    let seed = request
        .path
        .bytes()
        .chain(request.body.bytes())
        .fold(pause.subsec_nanos(), |hash, byte| hash.wrapping_mul(16_777_619) ^ u32::from(byte));
    pause / 2 + (pause / 2).mul_f64(f64::from(seed % 1000) / 1000.0)
}

/// Error code and message of a JSON or XML body.
fn error_of(body: &[u8], header: Option<String>) -> (Option<String>, String) {
    let text = String::from_utf8_lossy(body);
    let header = header.map(|kind| kind.split(':').next().unwrap_or_default().to_owned());
    if let Ok(json) = serde_json::from_slice::<serde_json::Value>(body) {
        let field = |names: [&str; 2]| names.iter().find_map(|name| json.get(name)?.as_str());
        let code = field(["__type", "code"]).map(|code| code.rsplit('#').next().unwrap_or(code).to_owned());
        return (code.or(header), field(["message", "Message"]).unwrap_or_default().to_owned());
    }
    let mut code = None;
    let mut message = String::new();
    let _whole = leaves(&text, |path, value| match path {
        [.., "Error", "Code"] => code = Some(value.to_owned()),
        [.., "Error", "Message"] => value.clone_into(&mut message),
        _ => {}
    });
    if code.is_none() && header.is_none() {
        message = text.chars().take(200).collect();
    }
    (code.or(header), message)
}

/// Calls `take` with the path and text of every element that holds text, in document order.
///
/// # Errors
/// A text saying what is wrong when the document is no XML.
pub(super) fn leaves(xml: &str, mut take: impl FnMut(&[&str], &str)) -> Result<(), String> {
    fn walk(
        element: &mut ScopedDecoder<'_, '_>,
        above: &[&str],
        take: &mut impl FnMut(&[&str], &str),
        depth: u8,
    ) -> Result<(), String> {
        let name = element.start_el().local().to_owned();
        let path: Vec<&str> = above.iter().copied().chain([name.as_str()]).collect();
        if depth == 0 {
            return Err("it is nested too deeply".to_owned());
        }
        if is_leaf(&path) {
            let text = try_data(element).map_err(|error| error.to_string())?;
            take(&path, &text);
            return Ok(());
        }
        while let Some(mut child) = element.next_tag() {
            walk(&mut child, &path, take, depth - 1)?;
        }
        Ok(())
    }
    let mut document = Document::try_from(xml.as_bytes()).map_err(|error| error.to_string())?;
    let mut root = document.root_element().map_err(|error| error.to_string())?;
    walk(&mut root, &[], &mut take, 16)
}

/// The texts that stand in one element of a list, by the names of their elements.
pub(super) type Row = BTreeMap<String, String>;

/// The elements of the lists called one of `lists`: of each the texts of `leaves`, an element's name or `parent/name`. Of nested lists the
/// elements of the innermost. With them the token of the next page (`nextToken`, `NextToken`), where there is one.
///
/// # Errors
/// A text saying what is wrong when the document is no XML.
pub(super) fn rows(xml: &str, lists: &[&str], leaves: &[&str]) -> Result<(Vec<Row>, Option<String>), String> {
    struct Walk<'a> {
        lists: &'a [&'a str],
        leaves: &'a [&'a str],
        rows: Vec<Row>,
        next: Option<String>,
    }

    impl Walk<'_> {
        fn walk(
            &mut self,
            element: &mut ScopedDecoder<'_, '_>,
            parent: &str,
            row: Option<usize>,
            depth: u8,
        ) -> Result<(), String> {
            let name = element.start_el().local().to_owned();
            if depth == 0 {
                return Err("it is nested too deeply".to_owned());
            }
            let row = if self.lists.contains(&parent) {
                self.rows.push(Row::new());
                Some(self.rows.len() - 1)
            } else {
                row
            };
            let path = format!("{parent}/{name}");
            let key = self.leaves.iter().find(|leaf| **leaf == name || **leaf == path);
            let is_token = name == "nextToken" || name == "NextToken";
            if key.is_some() || is_token {
                let text = try_data(element).map_err(|error| error.to_string())?.into_owned();
                match (key, row) {
                    (Some(key), Some(row)) => {
                        self.rows[row].entry((*key).to_owned()).or_insert(text);
                    }
                    _ if is_token => self.next = Some(text),
                    _ => {}
                }
                return Ok(());
            }
            while let Some(mut child) = element.next_tag() {
                self.walk(&mut child, &name, row, depth - 1)?;
            }
            Ok(())
        }
    }

    let mut walk = Walk { lists, leaves, rows: Vec::new(), next: None };
    let mut document = Document::try_from(xml.as_bytes()).map_err(|error| error.to_string())?;
    let mut root = document.root_element().map_err(|error| error.to_string())?;
    walk.walk(&mut root, "", None, 24)?;
    Ok((walk.rows, walk.next))
}

/// Name of the outermost element.
///
/// # Errors
/// A text saying what is wrong when the document is no XML.
pub(super) fn root(xml: &str) -> Result<String, String> {
    let mut document = Document::try_from(xml.as_bytes()).map_err(|error| error.to_string())?;
    let root = document.root_element().map_err(|error| error.to_string())?;
    Ok(root.start_el().local().to_owned())
}

/// The elements we read that hold text and not elements.
fn is_leaf(path: &[&str]) -> bool {
    matches!(
        path,
        [.., "Error", "Code" | "Message"]
            | [.., "Bucket", "Name" | "BucketRegion"]
            | [.., "ListAllMyBucketsResult", "ContinuationToken"]
            | ["LocationConstraint"]
            | [.., "TopicArn" | "NextToken" | "key" | "value" | "RestrictPublicBuckets" | "IgnorePublicAcls"]
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn errors_of_every_protocol_give_code_and_message() {
        let s3 = b"<?xml version=\"1.0\"?><Error><Code>AccessDenied</Code><Message>no &amp; no</Message></Error>";
        assert_eq!(error_of(s3, None), (Some("AccessDenied".into()), "no & no".into()));
        let sns = b"<ErrorResponse xmlns=\"x\"><Error><Type>Sender</Type><Code>Throttling</Code><Message>slow</Message></Error></ErrorResponse>";
        assert_eq!(error_of(sns, None), (Some("Throttling".into()), "slow".into()));
        let kms = br#"{"__type":"com.amazonaws.kms#AccessDeniedException","Message":"no"}"#;
        assert_eq!(error_of(kms, None), (Some("AccessDeniedException".into()), "no".into()));
        let lambda = br#"{"Message":"gone"}"#;
        assert_eq!(
            error_of(lambda, Some("ResourceNotFoundException:x".into())),
            (Some("ResourceNotFoundException".into()), "gone".into())
        );
        assert_eq!(error_of(b"<html>Bad Gateway", None).0, None);
    }

    #[test]
    fn elements_of_lists_are_rows_whatever_order_their_texts_have() {
        let xml = "<R><set><item><id>r</id><inner><item><id>1</id><p><arn>a</arn></p><g><item><id>x</id></item></g></item>\
            <item><q><arn>no</arn></q><id>2</id></item></inner></item></set><nextToken>t</nextToken></R>";
        let (rows, next) = rows(xml, &["inner"], &["id", "p/arn"]).unwrap();
        let of = |row: &Row| (row.get("id").cloned(), row.get("p/arn").cloned());
        let told: Vec<_> = rows.iter().map(of).collect();
        assert_eq!(told, [(Some("1".into()), Some("a".into())), (Some("2".into()), None)]);
        assert_eq!(next.as_deref(), Some("t"));
        assert!(super::rows("not xml", &[], &[]).is_err());
    }

    #[test]
    fn a_region_of_china_ends_otherwise() {
        assert_eq!(base("api.sagemaker", "eu-west-1", "aws"), "https://api.sagemaker.eu-west-1.amazonaws.com");
        assert_eq!(base("ecs", "cn-north-1", "aws-cn"), "https://ecs.cn-north-1.amazonaws.com.cn");
    }

    #[test]
    fn a_policy_inside_xml_is_unescaped() {
        let xml = "<R><A><entry><key>Policy</key><value>{&quot;a&quot;:&quot;&lt;&quot;}</value></entry></A></R>";
        let mut found = Vec::new();
        leaves(xml, |path, value| found.push((path.last().unwrap().to_string(), value.to_owned()))).unwrap();
        assert_eq!(found[1], ("value".into(), r#"{"a":"<"}"#.into()));
        assert!(leaves("not xml", |_, _| {}).is_err());
    }
}
