//! Signers with a name: schemes that sign each request, which no template can say.

use std::fmt::Write as _;
use std::sync::{Mutex, PoisonError};

use aws_credential_types::Credentials;
use aws_lc_rs::{digest, hmac};
use aws_sigv4::http_request::{SignableBody, SignableRequest, SigningSettings, sign};
use aws_sigv4::sign::v4;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::HeaderValue;
use http::header::{AUTHORIZATION, CONTENT_TYPE, DATE};
use jiff::Timestamp;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

use super::super::transport::Reply;
use super::super::wire::Outgoing;
use crate::secret::Secret;
use crate::source_file::hex;

/// What RFC 3986 leaves as it is.
const UNRESERVED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// A scheme with its keys.
#[derive(Debug)]
pub(super) enum Signer {
    /// Duo's signature, version 2: HMAC-SHA1 over date, method, host, path and sorted parameters.
    Duo {
        /// Integration key.
        ikey: String,
        /// Secret key.
        skey: Secret,
    },
    /// HTTP Digest (RFC 7616) with SHA-256. MD5 is not offered: no cryptography we link has it.
    Digest {
        /// User.
        user: String,
        /// Password.
        password: Secret,
        /// What the server asked for last.
        challenge: Mutex<Option<Challenge>>,
    },
    /// AWS Signature Version 4.
    SigV4 {
        /// Name of the service.
        service: String,
        /// Region.
        region: String,
        /// Key, secret and session token.
        credentials: Box<Credentials>,
    },
}

/// What a server asks of a digest (RFC 7616, section 3.3).
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Challenge {
    realm: String,
    nonce: String,
    opaque: Option<String>,
    algorithm: String,
    /// Requests made with this nonce.
    count: u32,
}

impl Signer {
    /// Signs the request as it stands; it must not be changed afterwards. `chance` is a fresh random number.
    ///
    /// # Errors
    /// What cannot be signed, without the key.
    pub(super) fn sign(&self, request: &mut Outgoing, now: Timestamp, chance: f64) -> Result<(), String> {
        match self {
            Self::Duo { ikey, skey } => {
                let date = now.strftime("%a, %d %b %Y %H:%M:%S -0000").to_string();
                let signature = duo(skey, &date, request);
                let basic = Secret::new(STANDARD.encode(format!("{ikey}:{signature}")));
                request.headers.insert(DATE, plain_value(&date)?);
                request.secret_header(AUTHORIZATION, plain_value(&format!("Basic {}", basic.expose()))?);
            }
            Self::Digest { user, password, challenge } => {
                let mut challenge = challenge.lock().unwrap_or_else(PoisonError::into_inner);
                // The first request goes without: only the server knows the nonce.
                if let Some(challenge) = challenge.as_mut() {
                    challenge.count += 1;
                    let cnonce = hex(&chance.to_bits().to_be_bytes());
                    let value = digest_header(user, password, challenge, request, &cnonce);
                    request.secret_header(AUTHORIZATION, plain_value(&value)?);
                }
            }
            Self::SigV4 { service, region, credentials } => sigv4(service, region, credentials, request, now)?,
        }
        Ok(())
    }

    /// Learns from a 401; true when the same request may now succeed.
    pub(super) fn challenged(&self, reply: &Reply) -> Result<bool, String> {
        let Self::Digest { challenge, .. } = self else { return Ok(false) };
        let offers: Vec<&str> =
            reply.headers.get_all("www-authenticate").iter().filter_map(|value| value.to_str().ok()).collect();
        let mut refused = None;
        for offer in offers {
            match parse_challenge(offer) {
                Some(new) if algorithm(&new.algorithm).is_some() => {
                    let mut known = challenge.lock().unwrap_or_else(PoisonError::into_inner);
                    // The same nonce again: the password is wrong.
                    let again = known.as_ref().is_some_and(|known| known.nonce == new.nonce && known.count > 0);
                    *known = Some(new);
                    return Ok(!again);
                }
                Some(new) => refused = Some(new.algorithm),
                None => {}
            }
        }
        match refused {
            Some(algorithm) => {
                Err(format!("the server asks for a digest by {algorithm}; SHA-256 and SHA-512-256 are known"))
            }
            None => Ok(false),
        }
    }
}

fn plain_value(text: &str) -> Result<HeaderValue, String> {
    HeaderValue::from_str(text).map_err(|_invalid| "the credential holds a control character".to_owned())
}

/// Duo, "Authentication API" and "Admin API", signature version 2.
fn duo(skey: &Secret, date: &str, request: &Outgoing) -> String {
    let form = request
        .headers
        .get(CONTENT_TYPE)
        .is_some_and(|kind| kind.as_bytes().starts_with(b"application/x-www-form-urlencoded"));
    let mut parameters: Vec<(String, String)> = if form {
        url::form_urlencoded::parse(&request.body).into_owned().collect()
    } else {
        request.url.query_pairs().into_owned().collect()
    };
    parameters.sort();
    let encoded: Vec<String> = parameters
        .iter()
        .map(|(name, value)| {
            format!("{}={}", utf8_percent_encode(name, UNRESERVED), utf8_percent_encode(value, UNRESERVED))
        })
        .collect();
    let host = request.url.host_str().unwrap_or_default().to_ascii_lowercase();
    let canon = [date, request.method.as_str(), &host, request.url.path(), &encoded.join("&")].join("\n");
    let key = hmac::Key::new(hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY, skey.expose().as_bytes());
    hex(hmac::sign(&key, canon.as_bytes()).as_ref())
}

fn algorithm(name: &str) -> Option<&'static digest::Algorithm> {
    match name.to_ascii_uppercase().as_str() {
        "SHA-256" => Some(&digest::SHA256),
        "SHA-512-256" => Some(&digest::SHA512_256),
        _ => None,
    }
}

/// The first digest challenge in a `WWW-Authenticate` value.
fn parse_challenge(offer: &str) -> Option<Challenge> {
    let rest = offer.trim_start();
    let (scheme, rest) = rest.split_once(' ')?;
    if !scheme.eq_ignore_ascii_case("digest") {
        return None;
    }
    let mut challenge =
        Challenge { realm: String::new(), nonce: String::new(), opaque: None, algorithm: "MD5".into(), count: 0 };
    let mut rest = rest;
    while let Some((name, after)) = rest.split_once('=') {
        let after = after.trim_start();
        let (value, next) = match after.strip_prefix('"') {
            Some(quoted) => {
                let end = quoted.find('"')?;
                (&quoted[..end], quoted[end + 1..].trim_start().trim_start_matches(','))
            }
            None => after.split_once(',').unwrap_or((after, "")),
        };
        match name.trim().to_ascii_lowercase().as_str() {
            "realm" => value.clone_into(&mut challenge.realm),
            "nonce" => value.clone_into(&mut challenge.nonce),
            "opaque" => challenge.opaque = Some(value.to_owned()),
            "algorithm" => value.trim().clone_into(&mut challenge.algorithm),
            _ => {}
        }
        rest = next;
    }
    (!challenge.nonce.is_empty()).then_some(challenge)
}

/// RFC 7616, section 3.4.1, with `qop=auth`.
fn digest_header(user: &str, password: &Secret, challenge: &Challenge, request: &Outgoing, cnonce: &str) -> String {
    let used = algorithm(&challenge.algorithm).unwrap_or(&digest::SHA256);
    let hash = |text: &str| hex(digest::digest(used, text.as_bytes()).as_ref());
    let uri = match request.url.query() {
        Some(query) => format!("{}?{query}", request.url.path()),
        None => request.url.path().to_owned(),
    };
    let (realm, nonce, count) = (&challenge.realm, &challenge.nonce, format!("{:08x}", challenge.count));
    let secret = Secret::new(hash(&format!("{user}:{realm}:{}", password.expose())));
    let asked = hash(&format!("{}:{uri}", request.method));
    let response = hash(&format!("{}:{nonce}:{count}:{cnonce}:auth:{asked}", secret.expose()));
    let mut header = format!(
        "Digest username=\"{user}\", realm=\"{realm}\", uri=\"{uri}\", algorithm={}, nonce=\"{nonce}\", nc={count}, cnonce=\"{cnonce}\", qop=auth, response=\"{response}\"",
        challenge.algorithm
    );
    if let Some(opaque) = &challenge.opaque {
        let _infallible = write!(header, ", opaque=\"{opaque}\"");
    }
    header
}

fn sigv4(
    service: &str,
    region: &str,
    credentials: &Credentials,
    request: &mut Outgoing,
    now: Timestamp,
) -> Result<(), String> {
    let broken = |what: &dyn std::fmt::Display| format!("cannot sign: {what}");
    let identity = credentials.clone().into();
    let parameters = v4::SigningParams::builder()
        .identity(&identity)
        .region(region)
        .name(service)
        .time(now.into())
        .settings(SigningSettings::default())
        .build()
        .map_err(|error| broken(&error))?
        .into();
    let url = request.url.to_string();
    let headers: Vec<(String, String)> = request
        .headers
        .iter()
        .filter_map(|(name, value)| Some((name.as_str().to_owned(), value.to_str().ok()?.to_owned())))
        .collect();
    let pairs = headers.iter().map(|(name, value)| (name.as_str(), value.as_str()));
    let signable = SignableRequest::new(request.method.as_str(), &url, pairs, SignableBody::Bytes(&request.body))
        .map_err(|error| broken(&error))?;
    let (instructions, _signature) = sign(signable, &parameters).map_err(|error| broken(&error))?.into_parts();
    let mut blank =
        http::Request::builder().method(request.method.clone()).uri(&url).body(()).map_err(|error| broken(&error))?;
    instructions.apply_to_request_http1x(&mut blank);
    for (name, value) in blank.headers() {
        request.secret_header(name.clone(), value.clone());
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use http::{HeaderMap, Method, StatusCode};

    use super::super::super::wire::Purpose;
    use super::*;

    fn request(method: Method, url: &str, form: &str) -> Outgoing {
        let mut headers = HeaderMap::new();
        if !form.is_empty() {
            headers.insert(CONTENT_TYPE, "application/x-www-form-urlencoded".parse().unwrap());
        }
        Outgoing {
            purpose: Purpose::Read,
            method,
            url: url.parse().unwrap(),
            headers,
            secret: Vec::new(),
            body: form.to_owned().into(),
        }
    }

    #[test]
    fn duo_signs_as_its_documentation_does() {
        // The example of Duo's documentation, "Generating signatures".
        let post = request(
            Method::POST,
            "https://API-xxxxxxxx.duosecurity.com/accounts/v1/account/list",
            "username=root&realname=First+Last",
        );
        let skey = Secret::new("Zh5eGmUq9zpfQnyUIu5OL9iWoMMv5ZNmk3zLJ4Ep");
        assert_eq!(duo(&skey, "Tue, 21 Aug 2012 17:29:18 -0000", &post), "2d97d6166319781b5a3a07af39d366f491234edc");
        let signer = Signer::Duo { ikey: "DIWJ8X6AEYOR5OMC6TQ1".into(), skey };
        let mut post = post;
        signer.sign(&mut post, "2012-08-21T17:29:18Z".parse().unwrap(), 0.5).unwrap();
        assert_eq!(
            post.headers[AUTHORIZATION],
            "Basic RElXSjhYNkFFWU9SNU9NQzZUUTE6MmQ5N2Q2MTY2MzE5NzgxYjVhM2EwN2FmMzlkMzY2ZjQ5MTIzNGVkYw=="
        );
        assert_eq!(post.secret, ["authorization"]);
    }

    fn asked(challenge: &str) -> Reply {
        let mut headers = HeaderMap::new();
        headers.append("www-authenticate", "Basic realm=\"x\"".parse().unwrap());
        headers.append("www-authenticate", challenge.parse().unwrap());
        Reply {
            request: "GET /".into(),
            url: "https://h/".parse().unwrap(),
            status: StatusCode::UNAUTHORIZED,
            headers,
            body: crate::manifest::value::Value::from(()),
            illegible: None,
            bytes: bytes::Bytes::new(),
            token: None,
        }
    }

    #[test]
    fn digest_answers_as_in_rfc_7616() {
        // RFC 7616, section 3.9.1.
        let offer = r#"Digest realm="http-auth@example.org", qop="auth, auth-int", algorithm=SHA-256, nonce="7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v", opaque="FQhe/qaU925kfnzjCev0ciny7QMkPqMAFRtzCUYo5tdS""#;
        let mut challenge = parse_challenge(offer).unwrap();
        challenge.count = 1;
        let get = request(Method::GET, "http://www.example.org/dir/index.html", "");
        let header = digest_header(
            "Mufasa",
            &Secret::new("Circle of Life"),
            &challenge,
            &get,
            "f2/wE4q74E6zIJEtWaHKaf5wv/H5QzzpXusqGemxURZJ",
        );
        assert!(
            header.contains(r#"response="753927fa0e85d155564e2e272a28d1802ca10daf4496794697cf8db5856cb6c1""#),
            "{header}"
        );
        assert!(header.ends_with(r#"opaque="FQhe/qaU925kfnzjCev0ciny7QMkPqMAFRtzCUYo5tdS""#));

        let signer = Signer::Digest { user: "Mufasa".into(), password: Secret::new("x"), challenge: Mutex::new(None) };
        let mut first = request(Method::GET, "https://h/", "");
        signer.sign(&mut first, Timestamp::UNIX_EPOCH, 0.1).unwrap();
        assert!(first.headers.is_empty());
        assert_eq!(signer.challenged(&asked(offer)), Ok(true));
        let mut second = request(Method::GET, "https://h/", "");
        signer.sign(&mut second, Timestamp::UNIX_EPOCH, 0.2).unwrap();
        assert!(second.headers[AUTHORIZATION].to_str().unwrap().contains("nc=00000001"));
        assert_eq!(signer.challenged(&asked(offer)), Ok(false), "a wrong password is not tried again");
        let md5 = signer.challenged(&asked(r#"Digest realm="r", nonce="n""#)).unwrap_err();
        assert!(md5.contains("MD5"), "{md5}");
        assert_eq!(parse_challenge("Digest nonsense"), None);
    }

    #[test]
    fn sigv4_signs_what_is_sent() {
        let credentials =
            Box::new(Credentials::new("AKIDEXAMPLE", "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY", None, None, "test"));
        let signer = Signer::SigV4 { service: "service".into(), region: "us-east-1".into(), credentials };
        let mut get = request(Method::GET, "https://example.amazonaws.com/", "");
        signer.sign(&mut get, "2015-08-30T12:36:00Z".parse().unwrap(), 0.0).unwrap();
        // AWS, Signature Version 4 test suite, "get-vanilla".
        assert_eq!(
            get.headers[AUTHORIZATION],
            "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20150830/us-east-1/service/aws4_request, SignedHeaders=host;x-amz-date, Signature=5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31"
        );
    }
}
