//! An HTTP server on loopback that answers as a test says, and misbehaves on request.
//!
//! The script is a closure from [`Request`] to [`Response`]; a [`Response`] can be late, cut in the middle of its body, or
//! lie about its length. Every request is recorded. HTTP/1.1 without keep-alive, one thread a request, plain `std`.
//!
//! ```
//! use muster_testbeds::scripted_http::{Response, ScriptedHttp};
//!
//! let server = ScriptedHttp::start(|request| match request.path.as_str() {
//!     "/Users" => Response::json(r#"{"totalResults":0}"#),
//!     _ => Response::status(404),
//! });
//! assert!(server.url().starts_with("http://127.0.0.1:"));
//! assert!(server.requests().is_empty());
//! ```

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

/// What a client asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Request {
    /// `GET` and so on.
    pub method: String,
    /// Path and query, as sent.
    pub target: String,
    /// Path without the query, as sent.
    pub path: String,
    /// Query parameters, percent-decoded, in the order sent.
    pub query: Vec<(String, String)>,
    /// Header names in lower case with their values.
    pub headers: Vec<(String, String)>,
    /// Body bytes.
    pub body: Vec<u8>,
}

impl Request {
    /// The first value of a query parameter.
    pub fn query(&self, name: &str) -> Option<&str> {
        self.query.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }

    /// The first value of a header; `name` in lower case.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }

    /// A GET of a path with its query, as if it had been sent so.
    pub fn get(target: &str, headers: Vec<(String, String)>) -> Self {
        let (path, query) = parted(target);
        Self { method: "GET".into(), target: target.into(), path, query, headers, body: Vec::new() }
    }
}

/// What the server answers, and how badly.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Response {
    status: u16,
    headers: Vec<(String, String)>,
    body: Vec<u8>,
    delay: Duration,
    cut_after: Option<usize>,
}

impl Response {
    /// An answer without a body.
    pub fn status(status: u16) -> Self {
        Self { status, headers: Vec::new(), body: Vec::new(), delay: Duration::ZERO, cut_after: None }
    }

    /// 200 with a JSON body.
    pub fn json(body: impl Into<Vec<u8>>) -> Self {
        Self::status(200).header("content-type", "application/json").body(body)
    }

    /// 200 with an HTML page, as a sign-in page or a proxy sends it.
    pub fn html(body: impl Into<Vec<u8>>) -> Self {
        Self::status(200).header("content-type", "text/html; charset=utf-8").body(body)
    }

    /// Adds a header.
    #[must_use]
    pub fn header(mut self, name: &str, value: &str) -> Self {
        self.headers.push((name.to_owned(), value.to_owned()));
        self
    }

    /// Replaces the body.
    #[must_use]
    pub fn body(mut self, body: impl Into<Vec<u8>>) -> Self {
        self.body = body.into();
        self
    }

    /// Replaces the status.
    #[must_use]
    pub fn with_status(mut self, status: u16) -> Self {
        self.status = status;
        self
    }

    /// Status, headers and body.
    pub fn parts(&self) -> (u16, &[(String, String)], &[u8]) {
        (self.status, &self.headers, &self.body)
    }

    /// Waits before the first byte.
    #[must_use]
    pub fn after(mut self, delay: Duration) -> Self {
        self.delay = delay;
        self
    }

    /// Announces the whole body, sends `bytes` of it and closes the connection.
    #[must_use]
    pub fn cut_after(mut self, bytes: usize) -> Self {
        self.cut_after = Some(bytes);
        self
    }

    /// [`Response::cut_after`] in the middle of the body.
    #[must_use]
    pub fn cut_in_the_middle(self) -> Self {
        let half = self.body.len() / 2;
        self.cut_after(half)
    }
}

type Script = dyn Fn(&Request) -> Response + Send + Sync;

#[derive(Default)]
struct Shared {
    requests: Mutex<Vec<Request>>,
    stop: AtomicBool,
}

/// A running server; dropping it stops it.
pub struct ScriptedHttp {
    address: SocketAddr,
    shared: Arc<Shared>,
    acceptor: Option<JoinHandle<()>>,
}

impl std::fmt::Debug for ScriptedHttp {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ScriptedHttp").field("address", &self.address).finish_non_exhaustive()
    }
}

impl ScriptedHttp {
    /// Starts on a free port of loopback.
    ///
    /// # Panics
    /// When loopback cannot be bound: no test can go on without it.
    pub fn start(script: impl Fn(&Request) -> Response + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).expect("loopback has a free port");
        let address = listener.local_addr().expect("a bound listener has an address");
        let shared = Arc::new(Shared::default());
        let script: Arc<Script> = Arc::new(script);
        let acceptor = std::thread::spawn({
            let shared = Arc::clone(&shared);
            move || accept(&listener, &shared, &script)
        });
        Self { address, shared, acceptor: Some(acceptor) }
    }

    /// Starts a server that gives `answers` in turn, whatever is asked, and the last one for ever.
    ///
    /// # Panics
    /// When `answers` is empty.
    pub fn in_turn(answers: Vec<Response>) -> Self {
        assert!(!answers.is_empty(), "a script has at least one answer");
        let next = Mutex::new(0);
        Self::start(move |_request| {
            let mut next = next.lock().unwrap_or_else(PoisonError::into_inner);
            let answer = answers[(*next).min(answers.len() - 1)].clone();
            *next += 1;
            answer
        })
    }

    /// `http://127.0.0.1:PORT`, without a slash at the end.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Every request so far, in the order of arrival.
    pub fn requests(&self) -> Vec<Request> {
        self.shared.requests.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl Drop for ScriptedHttp {
    fn drop(&mut self) {
        self.shared.stop.store(true, Ordering::SeqCst);
        let _ = TcpStream::connect(self.address); // wakes the acceptor
        if let Some(acceptor) = self.acceptor.take() {
            let _ = acceptor.join();
        }
    }
}

fn accept(listener: &TcpListener, shared: &Arc<Shared>, script: &Arc<Script>) {
    let mut handlers = Vec::new();
    while let Ok((stream, _)) = listener.accept() {
        if shared.stop.load(Ordering::SeqCst) {
            break;
        }
        let (shared, script) = (Arc::clone(shared), Arc::clone(script));
        // Those that are done give back their stacks: tests ask ten thousand times.
        handlers.retain(|handler: &JoinHandle<()>| !handler.is_finished());
        // A client that goes away in the middle is the client's affair.
        handlers.push(std::thread::spawn(move || drop(serve(stream, &shared, &*script))));
    }
    for handler in handlers {
        let _ = handler.join();
    }
}

fn serve(mut stream: TcpStream, shared: &Shared, script: &Script) -> std::io::Result<()> {
    stream.set_read_timeout(Some(Duration::from_secs(10)))?;
    let Some(request) = read_request(&stream)? else { return Ok(()) };
    shared.requests.lock().unwrap_or_else(PoisonError::into_inner).push(request.clone());
    let response = script(&request);

    let mut left = response.delay;
    while !left.is_zero() {
        if shared.stop.load(Ordering::SeqCst) {
            return Ok(());
        }
        let slice = left.min(Duration::from_millis(20));
        std::thread::sleep(slice);
        left -= slice;
    }

    let mut head = format!("HTTP/1.1 {} Scripted\r\nconnection: close\r\n", response.status);
    for (name, value) in &response.headers {
        head.extend([name, ": ", value, "\r\n"]);
    }
    head.extend(["content-length: ", &response.body.len().to_string(), "\r\n\r\n"]);
    stream.write_all(head.as_bytes())?;
    let sent = response.cut_after.unwrap_or(response.body.len()).min(response.body.len());
    if request.method != "HEAD" {
        stream.write_all(&response.body[..sent])?;
    }
    stream.flush()
}

/// The request, or `None` when the client closed without asking.
fn read_request(stream: &TcpStream) -> std::io::Result<Option<Request>> {
    let mut reader = BufReader::new(stream);
    let mut line = String::new();
    if reader.read_line(&mut line)? == 0 {
        return Ok(None);
    }
    let mut words = line.split_whitespace();
    let (method, target) = (words.next().unwrap_or_default().to_owned(), words.next().unwrap_or_default().to_owned());
    let mut headers = Vec::new();
    loop {
        let mut line = String::new();
        reader.read_line(&mut line)?;
        let Some((name, value)) = line.trim_end().split_once(':') else { break };
        headers.push((name.to_ascii_lowercase(), value.trim().to_owned()));
    }
    let length =
        headers.iter().find(|(name, _)| name == "content-length").and_then(|(_, value)| value.parse::<usize>().ok());
    let mut body = vec![0; length.unwrap_or(0)];
    reader.read_exact(&mut body)?;
    let (path, query) = parted(&target);
    Ok(Some(Request { method, target, path, query, headers, body }))
}

/// The path of a target as sent, and its query decoded.
fn parted(target: &str) -> (String, Vec<(String, String)>) {
    let (path, query) = target.split_once('?').unwrap_or((target, ""));
    let pairs = query.split('&').filter(|pair| !pair.is_empty()).map(|pair| {
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        (percent_decoded(name), percent_decoded(value))
    });
    (path.to_owned(), pairs.collect())
}

fn percent_decoded(text: &str) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((&first, after)) = rest.split_first() {
        let code = (first == b'%')
            .then(|| after.get(..2).and_then(|two| u8::from_str_radix(std::str::from_utf8(two).ok()?, 16).ok()))
            .flatten();
        bytes.push(code.unwrap_or(if first == b'+' { b' ' } else { first }));
        rest = if code.is_some() { &after[2..] } else { after };
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ask(server: &ScriptedHttp, target: &str) -> String {
        let mut stream = TcpStream::connect(server.address).unwrap();
        write!(stream, "GET {target} HTTP/1.1\r\nhost: x\r\nX-A: b\r\n\r\n").unwrap();
        let mut text = String::new();
        stream.read_to_string(&mut text).unwrap();
        text
    }

    #[test]
    fn it_answers_in_turn_cuts_and_remembers() {
        let server =
            ScriptedHttp::in_turn(vec![Response::json("{}"), Response::json("0123456789").cut_in_the_middle()]);
        assert!(ask(&server, "/a?b=c%20d&e=f+g").ends_with("\r\n\r\n{}"));
        let cut = ask(&server, "/b");
        assert!(cut.contains("content-length: 10") && cut.ends_with("01234"), "{cut}");
        let requests = server.requests();
        assert_eq!(requests[0].query("b"), Some("c d"));
        assert_eq!(requests[0].query("e"), Some("f g"));
        assert_eq!(requests[1].header("x-a"), Some("b"));
    }

    #[test]
    fn dropping_a_server_does_not_wait_for_slow_answers() {
        let server = ScriptedHttp::start(|_| Response::json("{}").after(Duration::from_mins(1)));
        let mut stream = TcpStream::connect(server.address).unwrap();
        stream.write_all(b"GET / HTTP/1.1\r\n\r\n").unwrap();
        let begun = std::time::Instant::now();
        drop(server);
        assert!(begun.elapsed() < Duration::from_secs(12));
    }
}
