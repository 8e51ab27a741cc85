//! A declarative manifest: by cursor and by `Link` header.

use std::sync::{Arc, OnceLock};
use std::time::Duration;

use async_trait::async_trait;
use jiff::Timestamp;
use muster_connectors::Connector;
use muster_connectors::http::Pace;
use muster_connectors::manifest::Manifest;
use muster_connectors::manifest::run::clock::{Clock, VirtualClock};
use muster_testbeds::scripted_http::{Request, Response};
use serde_json::{Value, json};

use super::http::{Asked, HttpSubject};
use crate::collected::{TOKEN, configured};
use crate::manifests::{by_clock, parsed};
use crate::{Estate, List, PAGE};

/// A virtual clock whose pauses the harness sees.
#[derive(Debug)]
struct Paced {
    clock: VirtualClock,
    pace: Arc<dyn Pace>,
}

#[async_trait]
impl Clock for Paced {
    fn now(&self) -> Timestamp {
        self.clock.now()
    }

    async fn wait(&self, pause: Duration) {
        self.pace.wait(pause).await;
        self.clock.wait(pause).await;
    }

    fn jitter(&self) -> f64 {
        self.pace.jitter()
    }
}

/// A system that pages as named.
pub(crate) struct Live {
    pub(crate) paging: &'static str,
}

impl Live {
    fn manifest(&self) -> Arc<Manifest> {
        let pager = match self.paging {
            "link" => r#"{ kind = "link", size = 2, size_into = "query.limit", total = "total" }"#,
            _ => {
                r#"{ kind = "cursor", from = "next", into = "query.after", size = 2, size_into = "query.limit", total = "total" }"#
            }
        };
        let text = format!(
            r#"
schema = 1
id = "contract"
name = "Contract"
class = "saas"
api = "v1"
checked = "2026-11-20"
[config]
base_url = {{ type = "url", help = "where" }}
[secrets]
token = {{ help = "a token" }}
[http]
base = "${{config.base_url}}"
path = "/v2"
[auth.token]
kind = "bearer"
token = "${{secret.token}}"
[limits]
concurrency = 1
[stream.users]
get = "/users"
items = "items"
page = {pager}
[[stream.users.emit]]
as = "account"
id = "id"
login = "item.login"
lifecycle = "'active' if active else 'disabled'"
[[stream.users.emit]]
as = "credential"
id = "id + '/password'"
account = "id"
kind = "'password'"
[stream.groups]
get = "/groups"
items = "items"
page = {pager}
[[stream.groups.emit]]
as = "group"
id = "id"
[[stream.groups.emit]]
as = "membership"
each = "members"
member = "x"
group = "id"
"#
        );
        parsed(&text)
    }
}

impl HttpSubject for Live {
    fn name(&self) -> String {
        format!("manifest by {}", self.paging)
    }

    fn estate(&self) -> Estate {
        static ESTATE: OnceLock<Estate> = OnceLock::new();
        let make = || {
            let users = (1..=6).map(|n| json!({"id": format!("u{n}"), "login": format!("user{n}"), "active": n != 3}));
            let groups = ["staff", "admins", "empty"].into_iter().enumerate();
            let groups = groups.map(
                |(n, id)| json!({"id": id, "members": (1..=(4 - 2 * n)).map(|n| format!("u{n}")).collect::<Vec<_>>()}),
            );
            Estate(vec![List::of("users", users.collect()), List::of("groups", groups.collect())])
        };
        ESTATE.get_or_init(make).clone()
    }

    fn asked(&self, request: &Request) -> Option<Asked> {
        let list = match request.path.as_str() {
            "/v2/users" => 0,
            "/v2/groups" => 1,
            _ => return None,
        };
        assert_eq!(request.header("authorization"), Some(format!("Bearer {TOKEN}").as_str()));
        let from = request.query("after").map_or(0, |after| after.trim_start_matches('c').parse().unwrap());
        Some(Asked { list, from })
    }

    fn page(&self, list: &List, rows: &[Value], next: Option<usize>) -> Response {
        let mut page = json!({"items": rows, "total": list.total});
        match (self.paging, next) {
            ("link", Some(next)) => {
                let link = format!("</v2/{}?limit={PAGE}&after=c{next}>; rel=\"next\"", list.scope);
                Response::json(page.to_string()).header("link", &link)
            }
            (_, Some(next)) => {
                page["next"] = json!(format!("c{next}"));
                Response::json(page.to_string())
            }
            (_, None) => Response::json(page.to_string()),
        }
    }

    fn page_linking_to(&self, list: &List, rows: &[Value], url: &str) -> Option<Response> {
        let page = json!({"items": rows, "total": list.total});
        (self.paging == "link").then(|| {
            Response::json(page.to_string()).header("link", &format!("<{url}/v2/users?after=c2>; rel=\"next\""))
        })
    }

    fn other(&self, _estate: &Estate, _request: &Request) -> Response {
        Response::status(404)
    }

    fn connector(&self, url: &str, pace: Arc<dyn Pace>) -> Box<dyn Connector> {
        let clock = VirtualClock::new("2026-11-20T10:00:00Z".parse().unwrap(), 1);
        let build = by_clock(&self.manifest(), Arc::new(Paced { clock, pace }));
        configured(build, ".", &format!(r#"base_url = "{url}", token = {{ env = "TOKEN" }}"#)).unwrap()
    }
}
