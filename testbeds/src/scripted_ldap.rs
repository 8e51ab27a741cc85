//! A scripted LDAP server: answers what a test tells it to. For what neither slapd nor Samba can be made to do: ranged
//! attributes, page limits of Active Directory, connections cut in the middle of a page, cookies that lead in circles.
//!
//! It speaks just enough BER (ITU-T X.690) for bind, search with paged results, and unbind (RFC 4511, RFC 2696).

use std::io::{Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;

/// What a client asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Request {
    /// Simple or SASL bind as a DN.
    Bind(String),
    /// A search.
    Search(Search),
}

/// A search request.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Search {
    /// Base DN.
    pub base: String,
    /// 0 base, 1 one level, 2 subtree.
    pub scope: u8,
    /// Attributes asked for.
    pub attributes: Vec<String>,
    /// Page size, when paged results are asked for.
    pub page_size: Option<u32>,
    /// Cookie of the page; empty on the first one.
    pub cookie: Vec<u8>,
}

/// Attribute descriptions with their values.
pub type Attributes = Vec<(String, Vec<Vec<u8>>)>;

/// What the server sends.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reply {
    /// An entry: DN, and attribute descriptions with values.
    Entry(String, Attributes),
    /// A search reference.
    Reference(Vec<String>),
    /// The end of the operation: result code, message, and the paging cookie if there is one.
    Done(u8, String, Option<Vec<u8>>),
    /// These bytes, whatever they are.
    Raw(Vec<u8>),
    /// Nothing, for this long.
    Wait(std::time::Duration),
    /// The connection is cut.
    Cut,
}

type Script = dyn Fn(&Request) -> Vec<Reply> + Send + Sync;

/// A running server on a free port of 127.0.0.1. Stopped when dropped.
pub struct ScriptedLdap {
    address: SocketAddr,
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl std::fmt::Debug for ScriptedLdap {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ScriptedLdap").field("address", &self.address).finish_non_exhaustive()
    }
}

impl ScriptedLdap {
    /// Answers every request with what `script` says.
    ///
    /// # Errors
    /// When no port can be had.
    pub fn start(script: impl Fn(&Request) -> Vec<Reply> + Send + Sync + 'static) -> std::io::Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
        let address = listener.local_addr()?;
        let stop = Arc::new(AtomicBool::new(false));
        let (stopped, script): (_, Arc<Script>) = (Arc::clone(&stop), Arc::new(script));
        let thread = std::thread::spawn(move || {
            for connection in listener.incoming() {
                if stopped.load(Ordering::Relaxed) {
                    return;
                }
                let script = Arc::clone(&script);
                // A client that goes away ends its conversation; that is all there is to it.
                std::thread::spawn(move || connection.and_then(|stream| converse(stream, script.as_ref())));
            }
        });
        Ok(Self { address, stop, thread: Some(thread) })
    }

    /// `ldap://127.0.0.1:PORT`.
    pub fn url(&self) -> String {
        format!("ldap://{}", self.address)
    }
}

impl Drop for ScriptedLdap {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        let _wake_up = TcpStream::connect(self.address);
        if let Some(thread) = self.thread.take() {
            let _ended = thread.join();
        }
    }
}

/// Entries served as Active Directory does: pages of at most `page` entries, attributes of at most `values` values.
///
/// Source: MaxPageSize and MaxValRange ([MS-ADTS] 3.1.1.3.4.6), ranges ([MS-ADTS] 3.1.1.3.1.3.3).
pub fn active_directory(
    entries: Vec<(String, Attributes)>,
    page: usize,
    values: usize,
) -> impl Fn(&Request) -> Vec<Reply> {
    move |request| {
        let Request::Search(search) = request else { return vec![Reply::Done(0, String::new(), None)] };
        if search.base.is_empty() {
            let capability = ("supportedCapabilities".to_owned(), vec![b"1.2.840.113556.1.4.800".to_vec()]);
            return vec![Reply::Entry(String::new(), vec![capability]), Reply::Done(0, String::new(), None)];
        }
        if search.scope == 0 {
            let found = entries.iter().find(|(dn, _)| dn.eq_ignore_ascii_case(&search.base));
            let Some((dn, attributes)) = found else { return vec![Reply::Done(32, String::new(), None)] };
            return vec![
                Reply::Entry(dn.clone(), ranged(attributes, &search.attributes, values)),
                Reply::Done(0, String::new(), None),
            ];
        }
        let size = search.page_size.map_or(page, |size| page.min(size as usize));
        let start = String::from_utf8_lossy(&search.cookie).parse().unwrap_or(0);
        let end = entries.len().min(start + size);
        let page = entries.get(start..end).unwrap_or_default();
        let mut replies: Vec<Reply> = page
            .iter()
            .map(|(dn, attributes)| Reply::Entry(dn.clone(), ranged(attributes, &search.attributes, values)))
            .collect();
        let cookie = if end < entries.len() { end.to_string().into_bytes() } else { Vec::new() };
        replies.push(Reply::Done(0, String::new(), Some(cookie)));
        replies
    }
}

fn ranged(attributes: &Attributes, asked: &[String], most: usize) -> Attributes {
    let mut answer = Vec::new();
    for (name, values) in attributes {
        let asked_from = asked.iter().find_map(|asked| {
            let (asked, range) = asked.split_once(";range=")?;
            asked.eq_ignore_ascii_case(name).then(|| range.split('-').next()?.parse::<usize>().ok()).flatten()
        });
        let whole = asked.iter().any(|asked| asked.eq_ignore_ascii_case(name));
        let Some(low) = asked_from.or(whole.then_some(0)) else { continue };
        if asked_from.is_none() && values.len() <= most {
            answer.push((name.clone(), values.clone()));
            continue;
        }
        let end = values.len().min(low + most);
        let high = if end == values.len() { "*".to_owned() } else { (end - 1).to_string() };
        if asked_from.is_none() {
            answer.push((name.clone(), Vec::new()));
        }
        answer.push((format!("{name};range={low}-{high}"), values.get(low..end).unwrap_or_default().to_vec()));
    }
    answer
}

fn converse(mut stream: TcpStream, script: &Script) -> std::io::Result<()> {
    while let Some(message) = read_message(&mut stream)? {
        let Some((id, request)) = parse(&message) else { return Ok(()) };
        let (entry_tag, done_tag) = match request {
            Request::Bind(_) => (0, 0x61),
            Request::Search(_) => (0x64, 0x65),
        };
        for reply in script(&request) {
            match reply {
                Reply::Entry(dn, attributes) => {
                    let list = attributes.iter().map(|(name, values)| {
                        let values: Vec<u8> = values.iter().flat_map(|value| element(0x04, value)).collect();
                        element(0x30, &[element(0x04, name.as_bytes()), element(0x31, &values)].concat())
                    });
                    let list: Vec<u8> = list.flatten().collect();
                    let body = [element(0x04, dn.as_bytes()), element(0x30, &list)].concat();
                    stream.write_all(&envelope(&id, &element(entry_tag, &body), &[]))?;
                }
                Reply::Reference(urls) => {
                    let body: Vec<u8> = urls.iter().flat_map(|url| element(0x04, url.as_bytes())).collect();
                    stream.write_all(&envelope(&id, &element(0x73, &body), &[]))?;
                }
                Reply::Done(code, text, cookie) => {
                    let body = [element(0x0a, &[code]), element(0x04, b""), element(0x04, text.as_bytes())].concat();
                    let controls = cookie.map_or_else(Vec::new, |cookie| {
                        let value = element(0x30, &[element(0x02, &[0]), element(0x04, &cookie)].concat());
                        let control = [element(0x04, b"1.2.840.113556.1.4.319"), element(0x04, &value)].concat();
                        element(0xa0, &element(0x30, &control))
                    });
                    stream.write_all(&envelope(&id, &element(done_tag, &body), &controls))?;
                }
                Reply::Raw(bytes) => stream.write_all(&bytes)?,
                Reply::Wait(time) => std::thread::sleep(time),
                Reply::Cut => return Ok(()),
            }
        }
    }
    Ok(())
}

fn envelope(id: &[u8], operation: &[u8], controls: &[u8]) -> Vec<u8> {
    element(0x30, &[&element(0x02, id), operation, controls].concat())
}

fn element(tag: u8, content: &[u8]) -> Vec<u8> {
    let mut bytes = vec![tag];
    match u8::try_from(content.len()) {
        Ok(short) if short < 0x80 => bytes.push(short),
        Ok(_) | Err(_) => {
            bytes.push(0x84);
            bytes.extend(u32::try_from(content.len()).unwrap_or(u32::MAX).to_be_bytes());
        }
    }
    bytes.extend_from_slice(content);
    bytes
}

fn read_message(stream: &mut TcpStream) -> std::io::Result<Option<Vec<u8>>> {
    let mut head = [0_u8; 2];
    if stream.read_exact(&mut head).is_err() {
        return Ok(None);
    }
    let mut length = usize::from(head[1]);
    if length >= 0x80 {
        let mut digits = vec![0_u8; length & 0x7f];
        stream.read_exact(&mut digits)?;
        length = digits.iter().fold(0, |sum, digit| sum << 8 | usize::from(*digit));
    }
    let mut message = vec![0_u8; length];
    stream.read_exact(&mut message)?;
    Ok(Some(message))
}

/// The message id and the request; `None` for an unbind and whatever else ends a conversation.
fn parse(message: &[u8]) -> Option<(Vec<u8>, Request)> {
    let (_, id, rest) = split(message)?;
    let id = id.to_vec(); // sent back as it came
    let (operation, body, rest) = split(rest)?;
    match operation {
        0x60 => {
            let (_, _version, body) = split(body)?;
            Some((id, Request::Bind(text(split(body)?.1))))
        }
        0x63 => {
            let (_, base, body) = split(body)?;
            let (_, scope, mut body) = split(body)?;
            let mut attributes = Vec::new();
            // Aliases, size limit, time limit, types only, filter, attributes.
            for position in 0..6 {
                let (_, content, rest) = split(body)?;
                if position == 5 {
                    let mut list = content;
                    while let Some((_, name, rest)) = split(list) {
                        attributes.push(text(name));
                        list = rest;
                    }
                }
                body = rest;
            }
            let mut search = Search { base: text(base), scope: *scope.first()?, attributes, ..Search::default() };
            if let Some((0xa0, controls, _)) = split(rest) {
                let (_, control, _) = split(controls)?;
                let mut parts = control;
                let mut value = None;
                while let Some((tag, content, rest)) = split(parts) {
                    if tag == 0x04 {
                        value = Some(content);
                    }
                    parts = rest;
                }
                let (_, inner, _) = split(value?)?;
                let (_, size, inner) = split(inner)?;
                search.page_size = Some(size.iter().fold(0, |sum, digit| sum << 8 | u32::from(*digit)));
                search.cookie = split(inner)?.1.to_vec();
            }
            Some((id, Request::Search(search)))
        }
        _ => None,
    }
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// Tag, content and what follows of the first element.
fn split(bytes: &[u8]) -> Option<(u8, &[u8], &[u8])> {
    let (&[tag, first], mut rest) = bytes.split_first_chunk::<2>()?;
    let mut length = usize::from(first);
    if first >= 0x80 {
        let (digits, after) = rest.split_at_checked(usize::from(first & 0x7f))?;
        length = digits.iter().fold(0, |sum, digit| sum << 8 | usize::from(*digit));
        rest = after;
    }
    let (content, after) = rest.split_at_checked(length)?;
    Some((tag, content, after))
}
