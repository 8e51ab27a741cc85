//! Sends the metrics to an OpenTelemetry collector, over HTTP with protobuf.
//!
//! Only numbers and names of systems leave the machine. Endpoint and headers are OpenTelemetry's own environment variables, so
//! that a token stands in no process argument; headers go over TLS or loopback only.

use std::time::Duration;

use jiff::Timestamp;
use muster_connectors::http::{USER_AGENT, chain};
use muster_connectors::secret::Environment;
use reqwest::header::{CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue};
use reqwest::redirect::Policy;
use url::{Host, Url};

use crate::cli::outcome::Failure;
use crate::diagnostic::Diagnostic;
use crate::metrics::{Metric, otlp};

/// Where metrics go when only the collector's address is given.
const PATH: &str = "v1/metrics";
/// From connecting to the last byte.
const PATIENCE: Duration = Duration::from_secs(30);
/// Characters of a refusal that are shown.
const SHOWN: usize = 200;

/// A collector.
#[derive(Debug)]
pub(super) struct Collector {
    url: Url,
    headers: HeaderMap,
}

impl Collector {
    /// The collector at `url`, or the environment's.
    ///
    /// # Errors
    /// There is none, or its address or headers cannot be used.
    pub(super) fn of(url: &str, environment: &Environment) -> Result<Self, Failure> {
        let variable = |name: &str| environment.get(name).filter(|value| !value.is_empty());
        let (name, text, whole) = match (url, variable("OTEL_EXPORTER_OTLP_METRICS_ENDPOINT")) {
            ("", Some(own)) => ("OTEL_EXPORTER_OTLP_METRICS_ENDPOINT", own.as_str(), true),
            ("", None) => match variable("OTEL_EXPORTER_OTLP_ENDPOINT") {
                Some(all) => ("OTEL_EXPORTER_OTLP_ENDPOINT", all.as_str(), false),
                None => {
                    return Err(refused("no collector is named", "give its URL, as `--otlp http://localhost:4318`"));
                }
            },
            (given, _) => ("--otlp", given, false),
        };
        let parsed = Url::parse(text).ok().filter(|url| matches!(url.scheme(), "http" | "https"));
        let Some(mut url) = parsed else {
            return Err(refused(
                &format!("{name} is no http or https URL"),
                "write it as https://collector.example:4318",
            ));
        };
        if !whole && !url.path().ends_with(PATH) {
            let path = format!("{}/{PATH}", url.path().trim_end_matches('/'));
            url.set_path(&path);
        }
        let headers = headers(variable("OTEL_EXPORTER_OTLP_HEADERS").map_or("", String::as_str))?;
        if !headers.is_empty() && url.scheme() == "http" && !is_loopback(&url) {
            return Err(refused(
                "the headers of OTEL_EXPORTER_OTLP_HEADERS would be sent unencrypted",
                "name an https collector, or one on this machine",
            ));
        }
        Ok(Self { url, headers })
    }

    /// Sends, once.
    ///
    /// # Errors
    /// The collector cannot be reached or refuses.
    pub(super) fn send(&self, metrics: &[Metric], at: Timestamp) -> Result<(), Failure> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        runtime.block_on(self.post(otlp::body(metrics, at)))
    }

    async fn post(&self, body: Vec<u8>) -> Result<(), Failure> {
        let failed = |error: reqwest::Error| self.failed(&chain(&error.without_url()));
        let client = reqwest::Client::builder().user_agent(USER_AGENT).timeout(PATIENCE).redirect(Policy::none());
        let client = client.build().map_err(failed)?;
        let request = client.post(self.url.clone()).headers(self.headers.clone());
        let request = request.header(CONTENT_TYPE, "application/x-protobuf").body(body);
        let reply = request.send().await.map_err(failed)?;
        let status = reply.status();
        if status.is_success() {
            return Ok(());
        }
        let said = reply.text().await.unwrap_or_default();
        let said: String = said.chars().filter(|letter| !letter.is_control()).take(SHOWN).collect();
        Err(self.failed(&format!("it answered {status}: {said}")))
    }

    fn failed(&self, cause: &str) -> Failure {
        let mut shown = self.url.clone();
        // A URL may carry a password, or a token as a parameter.
        let _ = shown.set_password(None);
        shown.set_query(None);
        Diagnostic::error("CLI003", format!("the collector at {shown} did not take the metrics"))
            .cause(cause)
            .fix("check that it listens there for OTLP over HTTP; the figures were written to the other outputs")
            .into()
    }
}

fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(Host::Domain(name)) => name == "localhost",
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        None => false,
    }
}

/// `name=value,name=value`, values percent-encoded.
fn headers(text: &str) -> Result<HeaderMap, Failure> {
    let mut headers = HeaderMap::new();
    for pair in text.split(',').map(str::trim).filter(|pair| !pair.is_empty()) {
        let parsed = pair.split_once('=').and_then(|(name, value)| {
            let value = percent_encoding::percent_decode_str(value.trim()).decode_utf8().ok()?;
            let mut value = HeaderValue::from_str(&value).ok()?;
            value.set_sensitive(true);
            Some((HeaderName::try_from(name.trim()).ok()?, value))
        });
        let Some((name, value)) = parsed else {
            return Err(refused(
                "OTEL_EXPORTER_OTLP_HEADERS has an entry that is no header",
                "write name=value, with commas between and values percent-encoded",
            ));
        };
        headers.append(name, value);
    }
    Ok(headers)
}

fn refused(what: &str, fix: &str) -> Failure {
    Diagnostic::error("CLI004", what).fix(fix).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn collector(url: &str, variables: &[(&str, &str)]) -> Result<Collector, Failure> {
        let variables = variables.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        Collector::of(url, &variables.collect())
    }

    #[test]
    fn the_address_is_the_flags_then_the_environments() {
        let url = |given: &str, variables: &[(&str, &str)]| collector(given, variables).unwrap().url.to_string();
        let all = ("OTEL_EXPORTER_OTLP_ENDPOINT", "http://otel:4318/");
        let own = ("OTEL_EXPORTER_OTLP_METRICS_ENDPOINT", "https://metrics.example/in");
        assert_eq!(url("http://localhost:4318", &[all, own]), "http://localhost:4318/v1/metrics");
        assert_eq!(url("", &[all, own]), "https://metrics.example/in");
        assert_eq!(url("", &[all]), "http://otel:4318/v1/metrics");
        assert!(collector("", &[]).is_err());
        assert!(collector("ftp://otel", &[]).is_err());
    }

    #[test]
    fn headers_are_secret_and_go_over_tls_or_loopback_only() {
        let token = ("OTEL_EXPORTER_OTLP_HEADERS", "authorization=Bearer%20abc, x-tenant=7");
        let found = collector("https://otel.example", &[token]).unwrap();
        assert_eq!(found.headers["authorization"], "Bearer abc");
        assert!(!format!("{found:?}").contains("abc"));
        assert!(collector("http://127.0.0.1:4318", &[token]).is_ok());
        assert!(collector("http://otel.example", &[token]).is_err());
        assert!(collector("https://otel.example", &[("OTEL_EXPORTER_OTLP_HEADERS", "no header")]).is_err());
    }
}
