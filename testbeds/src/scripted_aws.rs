//! A **scripted** server that speaks enough of IAM's and STS's query protocol to show what moto never does: markers over
//! several pages, a marker that leads back, throttling, refusals, cut connections, answers that are no answers.
//!
//! It checks no signature and knows one account, [`ACCOUNT`]: users ada, bob and cyd, group `people`, role `runner`, spread over
//! three pages. A test says what differs by giving a script; every other call gets the ordinary answer.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use base64::Engine;

/// The one account.
pub const ACCOUNT: &str = "111122223333";

/// A request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Call {
    /// `GetAccountAuthorizationDetails` and so on; the path for requests that are not of the query protocol.
    pub action: String,
    /// The `Marker` parameter.
    pub marker: Option<String>,
    /// What it is about: the `UserName`, `Arn` or `JobId` parameter as it was sent, percent-encoded; empty without.
    pub about: String,
    /// How many calls of the same action, marker and object came before.
    pub earlier: usize,
}

/// What to answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Answer {
    /// The content of `<…Result>`.
    Result(String),
    /// An error of the query protocol.
    Error {
        /// HTTP status.
        status: u16,
        /// `Throttling`, `AccessDenied` …
        code: &'static str,
        /// For people.
        message: &'static str,
    },
    /// An answer of a JSON service: its HTTP status and body.
    Json(u16, String),
    /// A page for browsers, as proxies and broken back ends send.
    Html(u16),
    /// Half an answer, then the connection is closed.
    Cut,
    /// Nothing, for as long as the server runs.
    Silence,
}

type Script = dyn Fn(&Call) -> Option<Answer> + Send + Sync;

/// A running server; stopped when dropped.
pub struct ScriptedAws {
    /// `http://127.0.0.1:<port>`.
    pub endpoint: String,
    address: SocketAddr,
    shared: Arc<Shared>,
    listener: Option<JoinHandle<()>>,
}

impl std::fmt::Debug for ScriptedAws {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ScriptedAws").field("endpoint", &self.endpoint).finish_non_exhaustive()
    }
}

struct Shared {
    script: Box<Script>,
    calls: Mutex<Vec<Call>>,
    stopped: AtomicBool,
}

impl ScriptedAws {
    /// Starts a server whose answers differ from the ordinary ones where `script` gives one.
    ///
    /// # Errors
    /// When no port of the loopback can be had.
    pub fn start(script: impl Fn(&Call) -> Option<Answer> + Send + Sync + 'static) -> std::io::Result<Self> {
        let listener = TcpListener::bind(("127.0.0.1", 0))?;
        let address = listener.local_addr()?;
        let shared = Arc::new(Shared {
            script: Box::new(script),
            calls: Mutex::new(Vec::new()),
            stopped: AtomicBool::new(false),
        });
        let accepting = Arc::clone(&shared);
        let listener = std::thread::spawn(move || {
            for stream in listener.incoming() {
                if accepting.stopped.load(Ordering::Acquire) {
                    return;
                }
                if let Ok(stream) = stream {
                    let shared = Arc::clone(&accepting);
                    // A connection that breaks is the client's affair: tests look at what the client makes of it.
                    std::thread::spawn(move || drop(serve(stream, &shared)));
                }
            }
        });
        Ok(Self { endpoint: format!("http://{address}"), address, shared, listener: Some(listener) })
    }

    /// Every request so far, in order of arrival.
    pub fn calls(&self) -> Vec<Call> {
        self.shared.calls.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl Drop for ScriptedAws {
    fn drop(&mut self) {
        self.shared.stopped.store(true, Ordering::Release);
        // Wakes the listener so that it sees the flag.
        drop(TcpStream::connect(self.address));
        if let Some(listener) = self.listener.take() {
            drop(listener.join());
        }
    }
}

fn serve(mut stream: TcpStream, shared: &Shared) -> std::io::Result<()> {
    let (path, body) = request(&stream)?;
    let parameter = |name: &str| {
        let prefix = format!("{name}=");
        body.split('&').find_map(|pair| pair.strip_prefix(&prefix)).map(str::to_owned)
    };
    let action = parameter("Action").unwrap_or(path);
    let marker = parameter("Marker");
    let about = ["UserName", "Arn", "JobId"].into_iter().find_map(parameter).unwrap_or_default();
    let call = {
        let mut calls = shared.calls.lock().unwrap_or_else(PoisonError::into_inner);
        let earlier =
            calls.iter().filter(|call| call.action == action && call.marker == marker && call.about == about).count();
        let call = Call { action, marker, about, earlier };
        calls.push(call.clone());
        call
    };
    let answer = (shared.script)(&call).unwrap_or_else(|| ordinary(&call));
    let action = &call.action;
    match answer {
        Answer::Result(result) => {
            let space = if action == "GetCallerIdentity" {
                "sts.amazonaws.com/doc/2011-06-15"
            } else {
                "iam.amazonaws.com/doc/2010-05-08"
            };
            let xml = format!(
                "<{action}Response xmlns=\"https://{space}/\"><{action}Result>{result}</{action}Result>\
                 <ResponseMetadata><RequestId>1</RequestId></ResponseMetadata></{action}Response>"
            );
            write(&mut stream, 200, "text/xml", &xml)
        }
        Answer::Error { status, code, message } => {
            let xml = format!(
                "<ErrorResponse xmlns=\"https://iam.amazonaws.com/doc/2010-05-08/\"><Error><Type>Sender</Type>\
                 <Code>{code}</Code><Message>{message}</Message></Error><RequestId>1</RequestId></ErrorResponse>"
            );
            write(&mut stream, status, "text/xml", &xml)
        }
        Answer::Json(status, body) => write(&mut stream, status, "application/json", &body),
        Answer::Html(status) => write(
            &mut stream,
            status,
            "text/html",
            "<!DOCTYPE html><html><body><h1>Internal Server Error</h1></body></html>",
        ),
        Answer::Cut => {
            stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Type: text/xml\r\nContent-Length: 5000\r\n\r\n<GetAccount")
        }
        Answer::Silence => {
            while !shared.stopped.load(Ordering::Acquire) {
                std::thread::sleep(Duration::from_millis(20));
            }
            Ok(())
        }
    }
}

fn request(stream: &TcpStream) -> std::io::Result<(String, String)> {
    let mut reader = BufReader::new(stream);
    let mut line = String::new();
    reader.read_line(&mut line)?;
    let path = line.split(' ').nth(1).unwrap_or_default().to_owned();
    let mut length = 0;
    loop {
        line.clear();
        reader.read_line(&mut line)?;
        let header = line.trim_end();
        if header.is_empty() {
            break;
        }
        match header.split_once(':') {
            Some((name, value)) if name.eq_ignore_ascii_case("content-length") => {
                length = value.trim().parse().unwrap_or(0);
            }
            Some(_) | None => {}
        }
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body)?;
    Ok((path, String::from_utf8_lossy(&body).into_owned()))
}

fn write(stream: &mut TcpStream, status: u16, kind: &str, body: &str) -> std::io::Result<()> {
    write!(
        stream,
        "HTTP/1.1 {status} X\r\nContent-Type: {kind}\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{body}",
        body.len()
    )
}

fn ordinary(call: &Call) -> Answer {
    let result = match (call.action.as_str(), call.marker.as_deref()) {
        ("GetCallerIdentity", _) => {
            format!("<UserId>AIDAME</UserId><Account>{ACCOUNT}</Account><Arn>arn:aws:iam::{ACCOUNT}:user/muster</Arn>")
        }
        ("GetAccountAuthorizationDetails", None) => {
            page(&[user_detail("ada", "people"), user_detail("bob", "people")], "", "", Some("to+page/2=="))
        }
        ("GetAccountAuthorizationDetails", Some("to%2Bpage%2F2%3D%3D")) => {
            page(&[], &group_detail(), &role_detail(), Some("page3"))
        }
        ("GetAccountAuthorizationDetails", Some("page3")) => page(&[user_detail("cyd", "")], "", "", None),
        ("GenerateCredentialReport", _) => "<State>COMPLETE</State>".to_owned(),
        ("GetCredentialReport", _) => {
            format!(
                "<ReportFormat>text/csv</ReportFormat><Content>{}</Content>",
                base64::engine::general_purpose::STANDARD.encode(report())
            )
        }
        ("ListAccessKeys", _) if call.about == "ada" => format!(
            "<IsTruncated>false</IsTruncated><AccessKeyMetadata><member><UserName>ada</UserName>\
             <AccessKeyId>AKIAADA</AccessKeyId><Status>Active</Status><CreateDate>{DAY}</CreateDate></member></AccessKeyMetadata>"
        ),
        ("ListAccessKeys", _) => "<IsTruncated>false</IsTruncated><AccessKeyMetadata/>".to_owned(),
        ("GetAccessKeyLastUsed", _) => "<UserName>ada</UserName><AccessKeyLastUsed><ServiceName>s3</ServiceName>\
             <LastUsedDate>2025-03-04T05:06:07Z</LastUsedDate><Region>eu-west-1</Region></AccessKeyLastUsed>"
            .to_owned(),
        ("ListMFADevices", _) => "<IsTruncated>false</IsTruncated><MFADevices/>".to_owned(),
        ("ListAccountAliases", _) => {
            "<IsTruncated>false</IsTruncated><AccountAliases><member>acme</member></AccountAliases>".to_owned()
        }
        ("GenerateServiceLastAccessedDetails", _) => {
            let name = call.about.rsplit("%2F").next().unwrap_or_default();
            format!("<JobId>job-of-{name}</JobId>")
        }
        // Not ready at the first look; then two pages.
        ("GetServiceLastAccessedDetails", None) if call.earlier == 0 => last_accessed("IN_PROGRESS", "", None),
        ("GetServiceLastAccessedDetails", None) => last_accessed(
            "COMPLETED",
            "<member><ServiceName>Amazon S3</ServiceName><ServiceNamespace>s3</ServiceNamespace>\
             <LastAuthenticated>2026-10-01T02:03:04Z</LastAuthenticated><TotalAuthenticatedEntities>1</TotalAuthenticatedEntities>\
             <TrackedActionsLastAccessed><member><ActionName>GetObject</ActionName>\
             <LastAccessedTime>2026-09-30T02:03:04Z</LastAccessedTime></member><member><ActionName>PutObject</ActionName></member>\
             </TrackedActionsLastAccessed></member>",
            Some("services2"),
        ),
        ("GetServiceLastAccessedDetails", Some("services2")) => last_accessed(
            "COMPLETED",
            "<member><ServiceName>AWS IAM</ServiceName><ServiceNamespace>iam</ServiceNamespace>\
             <TotalAuthenticatedEntities>0</TotalAuthenticatedEntities></member>",
            None,
        ),
        ("GetLoginProfile", _) => {
            return Answer::Error { status: 404, code: "NoSuchEntity", message: "no login profile" };
        }
        _ => return Answer::Error { status: 400, code: "InvalidAction", message: "the script has no answer to this" },
    };
    Answer::Result(result)
}

const DAY: &str = "2024-01-02T03:04:05Z";

fn last_accessed(status: &str, services: &str, marker: Option<&str>) -> String {
    let end = match marker {
        Some(marker) => format!("<IsTruncated>true</IsTruncated><Marker>{marker}</Marker>"),
        None => "<IsTruncated>false</IsTruncated>".to_owned(),
    };
    format!(
        "<JobStatus>{status}</JobStatus><JobType>ACTION_LEVEL</JobType><JobCreationDate>{DAY}</JobCreationDate>\
         <ServicesLastAccessed>{services}</ServicesLastAccessed><JobCompletionDate>{DAY}</JobCompletionDate>{end}"
    )
}

fn page(users: &[String], groups: &str, roles: &str, marker: Option<&str>) -> String {
    let end = match marker {
        Some(marker) => format!("<IsTruncated>true</IsTruncated><Marker>{marker}</Marker>"),
        None => "<IsTruncated>false</IsTruncated>".to_owned(),
    };
    format!(
        "<UserDetailList>{}</UserDetailList><GroupDetailList>{groups}</GroupDetailList>\
         <RoleDetailList>{roles}</RoleDetailList><Policies/>{end}",
        users.concat()
    )
}

fn user_detail(name: &str, group: &str) -> String {
    let groups = if group.is_empty() { String::new() } else { format!("<member>{group}</member>") };
    format!(
        "<member><Path>/</Path><UserName>{name}</UserName><UserId>AIDA{name}</UserId><CreateDate>{DAY}</CreateDate>\
         <Arn>arn:aws:iam::{ACCOUNT}:user/{name}</Arn><GroupList>{groups}</GroupList></member>"
    )
}

fn group_detail() -> String {
    format!(
        "<member><Path>/</Path><GroupName>people</GroupName><GroupId>AGPA1</GroupId><CreateDate>{DAY}</CreateDate>\
         <Arn>arn:aws:iam::{ACCOUNT}:group/people</Arn></member>"
    )
}

fn role_detail() -> String {
    let trust = "%7B%22Version%22%3A%222012-10-17%22%2C%22Statement%22%3A%5B%7B%22Effect%22%3A%22Allow%22%2C%22Principal%22%3A%7B\
                 %22Service%22%3A%22ec2.amazonaws.com%22%7D%2C%22Action%22%3A%22sts%3AAssumeRole%22%7D%5D%7D";
    format!(
        "<member><Path>/</Path><RoleName>runner</RoleName><RoleId>AROA1</RoleId><CreateDate>{DAY}</CreateDate>\
         <Arn>arn:aws:iam::{ACCOUNT}:role/runner</Arn><AssumeRolePolicyDocument>{trust}</AssumeRolePolicyDocument>\
         <RoleLastUsed><LastUsedDate>2025-02-03T04:05:06Z</LastUsedDate><Region>us-east-1</Region></RoleLastUsed></member>"
    )
}

fn report() -> String {
    let header = "user,arn,user_creation_time,password_enabled,password_last_used,password_last_changed,\
        password_next_rotation,mfa_active,access_key_1_active,access_key_1_last_rotated,access_key_1_last_used_date,\
        access_key_2_active,access_key_2_last_rotated,access_key_2_last_used_date\n";
    let root = format!(
        "<root_account>,arn:aws:iam::{ACCOUNT}:root,{DAY},TRUE,no_information,{DAY},not_supported,true,true,{DAY},N/A,\
         false,N/A,N/A\n"
    );
    let users = ["ada", "bob", "cyd"].map(|name| {
        format!(
            "{name},arn:aws:iam::{ACCOUNT}:user/{name},{DAY},true,no_information,{DAY},N/A,false,false,N/A,N/A,\
             false,N/A,N/A\n"
        )
    });
    format!("{header}{root}{}", users.concat())
}
