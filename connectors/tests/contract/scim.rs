//! `scim`: live by index and by cursor, and from saved pages.

use std::path::Path;
use std::sync::{Arc, OnceLock};

use muster_connectors::Connector;
use muster_connectors::http::Pace;
use muster_connectors::native::scim;
use muster_testbeds::scripted_http::{Request, Response};
use serde_json::{Value, json};

use super::files::{FileSubject, SavedFile};
use super::http::{Asked, HttpSubject};
use crate::collected::{TOKEN, configured};
use crate::{Estate, List, PAGE};

/// Six users with roles, and three groups of which one is nested and one is empty.
fn scim_estate() -> Estate {
    static ESTATE: OnceLock<Estate> = OnceLock::new();
    let make = || {
        let users = (1..=6).map(|n| {
            json!({
                "schemas": ["urn:ietf:params:scim:schemas:core:2.0:User"],
                "id": format!("u{n}"), "userName": format!("user{n}"), "active": n != 3,
                "emails": [{"value": format!("user{n}@acme.example"), "primary": true}],
                "roles": [{"value": "reader", "display": "Reader"}],
                "meta": {"resourceType": "User", "created": "2025-01-02T03:04:05Z", "version": "W/\"1\""},
            })
        });
        let group = |id: &str, members: Value| {
            json!({
                "schemas": ["urn:ietf:params:scim:schemas:core:2.0:Group"],
                "id": id, "displayName": id, "members": members, "meta": {"resourceType": "Group"},
            })
        };
        let groups = vec![
            group("staff", json!([{"value": "u1", "type": "User"}, {"value": "u2", "type": "User"}])),
            group("everyone", json!([{"value": "staff", "type": "Group"}])),
            group("empty", json!([])),
        ];
        Estate(vec![List::of("users", users.collect()), List::of("groups", groups)])
    };
    ESTATE.get_or_init(make).clone()
}

fn scim_page(list: &List, rows: &[Value]) -> Value {
    json!({
        "schemas": ["urn:ietf:params:scim:api:messages:2.0:ListResponse"],
        "totalResults": list.total, "itemsPerPage": rows.len(), "Resources": rows,
    })
}

/// Live, paging as named.
pub(crate) struct Live {
    pub(crate) paging: &'static str,
}

impl HttpSubject for Live {
    fn name(&self) -> String {
        format!("scim by {}", self.paging)
    }

    fn takes_a_second_page_for_a_circle(&self) -> bool {
        self.paging == "index" // A cursor says that it is another page; an index says nothing.
    }

    fn estate(&self) -> Estate {
        scim_estate()
    }

    fn asked(&self, request: &Request) -> Option<Asked> {
        let list = match request.path.as_str() {
            "/v2/Users" => 0,
            "/v2/Groups" => 1,
            _ => return None,
        };
        let from = match self.paging {
            "index" => request.query("startIndex")?.parse::<usize>().ok()? - 1,
            _ => request.query("cursor")?.strip_prefix('c').unwrap_or("0").parse().ok()?,
        };
        Some(Asked { list, from })
    }

    fn page(&self, list: &List, rows: &[Value], next: Option<usize>) -> Response {
        let mut page = scim_page(list, rows);
        if let Some(next) = next.filter(|_| self.paging == "cursor") {
            page["nextCursor"] = json!(format!("c{next}"));
        }
        Response::json(page.to_string())
    }

    fn other(&self, _estate: &Estate, request: &Request) -> Response {
        assert_eq!(request.header("authorization"), Some(format!("Bearer {TOKEN}").as_str()));
        match request.path.as_str() {
            "/v2/ServiceProviderConfig" => Response::json(
                json!({"pagination": {"cursor": self.paging == "cursor", "index": self.paging == "index"}}).to_string(),
            ),
            _ => Response::status(404),
        }
    }

    fn connector(&self, url: &str, pace: Arc<dyn Pace>) -> Box<dyn Connector> {
        let toml = format!(r#"url = "{url}/v2", credential = {{ env = "TOKEN" }}, page_size = {PAGE}"#);
        configured(|settings| scim::configure_paced(settings, pace.clone()), ".", &toml).unwrap()
    }
}

/// From saved pages.
pub(crate) struct Files;

impl FileSubject for Files {
    fn name(&self) -> String {
        "scim from files".into()
    }

    fn estate(&self) -> Estate {
        scim_estate()
    }

    fn files(&self, estate: &Estate) -> Vec<SavedFile> {
        let mut files = Vec::new();
        for (position, list) in estate.0.iter().enumerate() {
            let mut pages: Vec<&[Value]> = list.rows.chunks(PAGE).collect();
            if pages.is_empty() {
                pages.push(&[]);
            }
            for (number, rows) in pages.into_iter().enumerate() {
                let name = format!("{}-{number}.json", list.scope);
                files.push(SavedFile { name, list: position, bytes: scim_page(list, rows).to_string().into_bytes() });
            }
        }
        files
    }

    fn connector(&self, folder: &Path) -> Box<dyn Connector> {
        configured(scim::MANUAL.configure, folder, r#"folder = ".""#).unwrap()
    }
}
