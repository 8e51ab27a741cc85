//! The manners of the HTTP client, asked of it on scripted servers. What every connector shows is in `contract.rs`.

#![expect(clippy::unwrap_used, reason = "a test program stops at the first surprise")]

mod collected;

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use collected::{Hurried, TOKEN, run};
use muster_connectors::Run;
use muster_connectors::http::{Auth, Client, HttpError, Limits, Options, Read, base_url};
use muster_connectors::secret::Secret;
use muster_testbeds::scripted_http::{Response, ScriptedHttp};
use serde_json::Value;
use tokio_util::sync::CancellationToken;

fn options(url: &str) -> Options {
    Options {
        base: base_url(url).unwrap(),
        auth: Auth::Bearer(Secret::new(TOKEN)),
        headers: BTreeMap::new(),
        accept: "application/json",
        ca_pem: None,
        limits: Limits { silence: Duration::from_secs(5), ..Limits::default() },
    }
}

fn client(options: Options) -> (Client, Arc<Hurried>) {
    let pace = Arc::new(Hurried::default());
    (Client::new(options, &run(&CancellationToken::new()), pace.clone()).unwrap(), pace)
}

async fn get(server: &ScriptedHttp, path: &str) -> Result<muster_connectors::http::Reply, HttpError> {
    let (client, _pace) = client(options(&server.url()));
    client.read(&Read::get(client.url(&[path]))).await
}

#[tokio::test]
async fn an_error_names_request_status_and_request_id_and_no_secret() {
    let server = ScriptedHttp::start(|request| {
        let body = format!(r#"{{"detail":"{} is\nno good","scimType":"x"}}"#, request.header("authorization").unwrap());
        Response::json(body).with_status(400).header("X-Request-Id", "abc-1")
    });
    let (client, _pace) = client(options(&server.url()));
    let mut url = client.url(&["Users"]);
    url.query_pairs_mut().append_pair("startIndex", "3").append_pair("cursor", "s3cr3t").append_pair("sig", "s3cr3t");
    let error = client.read(&Read::get(url)).await.unwrap_err();
    assert_eq!(error.to_string(), "HTTP 400 on GET /Users?startIndex=3&cursor=…&sig=… (request id abc-1)");
    let gap = error.gap();
    assert!(!format!("{gap:?}{error:?}").contains("s3cr3t"), "{gap:?} {error:?}");
    assert_eq!(error.answer().unwrap().status, 400);
    assert!(matches!(error, HttpError::Refused(_)));
}

#[tokio::test]
async fn statuses_have_variants_of_their_own_and_only_passing_ones_are_tried_again() {
    for (status, requests) in
        [(400, 1), (401, 1), (403, 1), (404, 1), (408, 5), (410, 1), (429, 5), (500, 5), (501, 1), (502, 5), (503, 5)]
    {
        let server = ScriptedHttp::start(move |_| Response::status(status));
        let error = get(&server, "x").await.unwrap_err();
        let fits = match status {
            401 => matches!(error, HttpError::Unauthorized(_)),
            403 => matches!(error, HttpError::Forbidden(_)),
            404 | 410 => matches!(error, HttpError::NotFound(_)),
            429 => matches!(error, HttpError::Throttled { attempts: 5, asked: None, .. }),
            400 | 501 => matches!(error, HttpError::Refused(_)),
            _ => matches!(error, HttpError::Server { attempts: 5, .. }),
        };
        assert!(fits, "{status}: {error:?}");
        assert_eq!(server.requests().len(), requests, "{status}");
    }
}

#[tokio::test]
async fn pauses_grow_and_the_servers_word_counts() {
    let server = ScriptedHttp::in_turn(vec![
        Response::status(503),
        Response::status(503),
        Response::status(429)
            .header("date", "Fri, 06 Nov 2026 08:49:37 GMT")
            .header("retry-after", "Fri, 06 Nov 2026 08:50:07 GMT"),
        Response::status(403).header("retry-after", "2"),
        Response::json("{}").header("retry-after", "9"), // a success is a success
    ]);
    let (client, pace) = client(options(&server.url()));
    let notes = Arc::new(Mutex::new(Vec::new()));
    let client = client.watched({
        let notes = notes.clone();
        move |note| notes.lock().unwrap().push(note.to_owned())
    });
    assert!(client.read(&Read::get(client.url(&["x"]))).await.is_ok());
    let waits: Vec<f64> = pace.0.lock().unwrap().iter().map(Duration::as_secs_f64).collect();
    assert_eq!(waits, [0.5, 1.0, 30.5, 2.5]); // jitter is 0.5 here
    assert!(notes.lock().unwrap()[2].starts_with("waiting 30.5 s: HTTP 429 on GET /x"), "{notes:?}");
}

#[tokio::test]
async fn a_pause_that_is_too_long_is_an_error_at_once() {
    let server = ScriptedHttp::start(|_| Response::status(429).header("retry-after", "86400"));
    let error = get(&server, "x").await.unwrap_err();
    assert!(matches!(&error, HttpError::Throttled { asked: Some(asked), .. } if asked.as_secs() == 86400), "{error:?}");
    assert!(error.gap().cause.unwrap().contains("86400 s"));
    assert_eq!(server.requests().len(), 1);
}

#[tokio::test]
async fn a_reply_that_breaks_off_or_a_dead_port_is_told_without_the_url() {
    let server = ScriptedHttp::start(|_| Response::json(r#"{"a":1}"#).cut_in_the_middle());
    let error = get(&server, "x").await.unwrap_err();
    assert!(matches!(error, HttpError::NoReply { attempts: 5, .. }), "{error:?}");
    let dead = { ScriptedHttp::start(|_| Response::status(200)).url() };
    let (client, _pace) = client(options(&dead));
    let mut url = client.url(&["x"]);
    url.query_pairs_mut().append_pair("token", "hidden-in-the-query");
    let error = client.read(&Read::get(url)).await.unwrap_err();
    assert_eq!(error.to_string(), "no whole reply to GET /x?token=… after 5 attempts");
    assert!(!format!("{error:?}{:?}", error.gap()).contains("hidden-in-the-query"));
}

#[tokio::test]
async fn the_credential_stays_with_the_origin() {
    let thief = ScriptedHttp::start(|_| Response::json("{}"));
    let home = ScriptedHttp::start({
        let thief = thief.url();
        move |request| match request.path.as_str() {
            "/away" => Response::status(307).header("location", &format!("{thief}/x")),
            "/round" => Response::status(302).header("location", "/round"),
            "/moved" => Response::status(301).header("location", "/here"),
            _ => Response::json("{}"),
        }
    });
    let (client, _pace) = client(options(&home.url()));
    let mut elsewhere = client.url(&["x"]);
    elsewhere.set_port(thief.url().rsplit(':').next().unwrap().parse().ok()).unwrap();
    for read in [Read::get(elsewhere), Read::get(client.url(&["away"])), Read::get(client.url(&["round"]))] {
        let error = client.read(&read).await.unwrap_err();
        assert!(matches!(error, HttpError::Foreign { .. }), "{error:?}");
        assert_eq!(error.gap().code, "COL038");
    }
    assert_eq!(thief.requests(), []);
    assert!(home.requests().len() < 12);
    assert!(client.read(&Read::get(client.url(&["moved"]))).await.is_ok());
}

#[tokio::test]
async fn a_reply_has_a_largest_size() {
    let server = ScriptedHttp::start(|_| Response::json(vec![b' '; 5000]));
    let mut options = options(&server.url());
    options.limits.reply_bytes = 4096;
    let (client, _pace) = client(options);
    let error = client.read(&Read::get(client.url(&["x"]))).await.unwrap_err();
    assert!(matches!(error, HttpError::TooLarge { limit: 4096, .. }), "{error:?}");
    assert_eq!(server.requests().len(), 1);
}

#[tokio::test]
async fn html_and_truncated_json_say_what_they_are() {
    for (body, told) in [("<html>", "HTML"), (r#"{"a":"#, "ends early"), ("nonsense", "not the JSON")] {
        let server = ScriptedHttp::start(move |_| Response::json(body));
        let error = get(&server, "x").await.unwrap().json::<Value>().unwrap_err();
        assert!(error.to_string().contains(told), "{error}");
    }
}

#[tokio::test]
async fn no_more_requests_are_under_way_than_slots_whoever_asks() {
    let (now, most) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
    let server = ScriptedHttp::start({
        let (now, most) = (now.clone(), most.clone());
        move |_| {
            most.fetch_max(now.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
            std::thread::sleep(Duration::from_millis(30));
            now.fetch_sub(1, Ordering::SeqCst);
            Response::json("{}")
        }
    });
    let run = Run { concurrency: 3, ..run(&CancellationToken::new()) };
    let parent = Client::new(options(&server.url()), &run, Arc::new(Hurried::default())).unwrap();
    let child = parent.clone();
    let all = (0..20).map(|n| {
        let client = if n % 2 == 0 { parent.clone() } else { child.clone() };
        async move { client.read(&Read::get(client.url(&["x"]))).await.map(drop) }
    });
    let outcomes = futures::future::join_all(all).await;
    assert!(outcomes.iter().all(Result::is_ok));
    assert!((2..=3).contains(&most.load(Ordering::SeqCst)), "{most:?}");
}

#[tokio::test]
async fn cancelling_ends_a_request_a_pause_and_the_wait_for_a_slot() {
    let server = ScriptedHttp::start(|_| Response::json("{}").after(Duration::from_mins(1)));
    let cancel = CancellationToken::new();
    let run = Run { concurrency: 1, ..run(&cancel) };
    let client = Client::new(options(&server.url()), &run, Arc::new(Hurried::default())).unwrap();
    let read = Read::get(client.url(&["x"]));
    let later = async {
        tokio::time::sleep(Duration::from_millis(100)).await;
        cancel.cancel();
    };
    let all = async { tokio::join!(client.read(&read), client.read(&read), later) };
    let ended = tokio::time::timeout(Duration::from_secs(5), all).await;
    let (first, second, ()) = ended.expect("a cancelled request ends within seconds");
    assert!(matches!((first, second), (Err(HttpError::Stopped), Err(HttpError::Stopped))));
}

#[tokio::test]
async fn headers_that_cannot_be_sent_are_refused_without_quoting_them() {
    let mut options = options("https://x.example");
    options.auth = Auth::Bearer(Secret::new(format!("{TOKEN}\n")));
    let error = Client::new(options, &run(&CancellationToken::new()), Arc::new(Hurried::default())).unwrap_err();
    assert!(!format!("{error:?}{error}").contains(TOKEN), "{error:?}");
    assert!(error.to_string().contains("control character"), "{error}");
}

#[tokio::test]
async fn a_private_authority_is_trusted_when_it_is_named_and_only_then() {
    let authority = tls::authority();
    let server = tls::serve(&authority);
    let url = format!("https://localhost:{}", server.port);
    let (stranger, _pace) = client(options(&url));
    let error = stranger.read(&Read::get(stranger.url(&["x"]))).await.unwrap_err();
    assert!(matches!(error, HttpError::Untrusted { .. }), "{error:?}");
    assert!(error.gap().fix.unwrap().contains("ca_file"));
    let (friend, _pace) = client(Options { ca_pem: Some(authority.pem.clone().into_bytes()), ..options(&url) });
    let reply = friend.read(&Read::get(friend.url(&["x"]))).await.unwrap();
    assert_eq!(reply.json::<Value>().unwrap(), serde_json::json!({"tls": true}));
    let nonsense = Options { ca_pem: Some(b"no certificate".to_vec()), ..options(&url) };
    assert!(Client::new(nonsense, &run(&CancellationToken::new()), Arc::new(Hurried::default())).is_err());
}

/// A TLS server with a certificate of a private authority.
mod tls {
    use std::io::{Read as _, Write as _};
    use std::net::TcpListener;
    use std::sync::Arc;

    use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
    use rustls::pki_types::{CertificateDer, PrivateKeyDer};

    pub(crate) struct Authority {
        pub(crate) pem: String,
        chain: Vec<CertificateDer<'static>>,
        key: Vec<u8>,
    }

    pub(crate) struct Server {
        pub(crate) port: u16,
    }

    pub(crate) fn authority() -> Authority {
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let issuer = CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap();
        let key = KeyPair::generate().unwrap();
        let leaf = CertificateParams::new(vec!["localhost".to_owned()]).unwrap().signed_by(&key, &issuer).unwrap();
        Authority { pem: issuer.pem(), chain: vec![leaf.der().clone()], key: key.serialize_der() }
    }

    /// Answers every connection once; the thread ends with the test program.
    pub(crate) fn serve(authority: &Authority) -> Server {
        let key = PrivateKeyDer::try_from(authority.key.clone()).unwrap();
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let config = rustls::ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(authority.chain.clone(), key)
            .unwrap();
        let config = Arc::new(config);
        let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
        let port = listener.local_addr().unwrap().port();
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let session = rustls::ServerConnection::new(config.clone()).unwrap();
                let mut tls = rustls::StreamOwned::new(session, stream);
                let mut request = [0; 4096];
                if tls.read(&mut request).is_ok() {
                    let _ = tls
                        .write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 12\r\nconnection: close\r\n\r\n{\"tls\":true}");
                    tls.conn.send_close_notify();
                    let _ = tls.flush();
                }
            }
        });
        Server { port }
    }
}
