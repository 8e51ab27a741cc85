//! `baton` and `oaa`: files of other tools. Neither says how many accounts it holds; `expect_accounts` does.

use std::path::Path;

use muster_connectors::scope::ScopeState;
use muster_connectors::{Connector, native};
use serde_json::json;

use super::files::{FileSubject, SavedFile};
use crate::c1z::{Store, user};
use crate::collected::configured;
use crate::{Estate, Exception, Fault, List};

const CUT: Exception = Exception::Ends(
    ScopeState::Failed,
    "one document or archive: what comes before the cut is no part that stands by itself",
);
const EMPTY: Exception = Exception::Ends(ScopeState::Partial, "the config promises six accounts");

/// A payload.
pub(crate) struct Payload;

impl FileSubject for Payload {
    fn name(&self) -> String {
        "oaa from a file".into()
    }

    fn estate(&self) -> Estate {
        let users = (1..=6).map(|n| json!({ "id": format!("u{n}"), "name": format!("user{n}"), "is_active": true }));
        Estate(vec![List::of("app.json", users.collect())])
    }

    fn files(&self, estate: &Estate) -> Vec<SavedFile> {
        let payload = json!({ "applications": [{ "name": "CRM", "local_users": estate.0[0].rows }] });
        vec![SavedFile { name: "app.json".into(), list: 0, bytes: payload.to_string().into_bytes() }]
    }

    fn connector(&self, folder: &Path) -> Box<dyn Connector> {
        configured(native::oaa::MANUAL.configure, folder, "file = \"app.json\", expect_accounts = 6").unwrap()
    }

    fn without_rows(&self) -> u64 {
        1 // The application itself.
    }

    fn exception(&self, fault: Fault) -> Option<Exception> {
        match fault {
            Fault::Cut => Some(CUT),
            Fault::Empty => Some(EMPTY),
            _ => None,
        }
    }
}

/// A `.c1z` file.
pub(crate) struct Archive;

impl FileSubject for Archive {
    fn name(&self) -> String {
        "baton from a file".into()
    }

    fn estate(&self) -> Estate {
        let users = (1..=6).map(|n| json!([format!("u{n}"), format!("User {n}"), format!("user{n}")]));
        Estate(vec![List::of("sync.c1z", users.collect())])
    }

    fn files(&self, estate: &Estate) -> Vec<SavedFile> {
        let store = Store::new();
        store.sync("one", Some("2026-03-01 04:00:00"), "full");
        for row in &estate.0[0].rows {
            let text = |place: usize| row[place].as_str().unwrap_or_default();
            store.row("v1_resources", "one", user(text(0), text(1), text(2), 1));
        }
        vec![SavedFile { name: "sync.c1z".into(), list: 0, bytes: store.pack() }]
    }

    fn connector(&self, folder: &Path) -> Box<dyn Connector> {
        configured(native::baton::MANUAL.configure, folder, "file = \"sync.c1z\", expect_accounts = 6").unwrap()
    }

    fn exception(&self, fault: Fault) -> Option<Exception> {
        match fault {
            Fault::Cut => Some(CUT),
            Fault::Empty => Some(EMPTY),
            Fault::Duplicate => Some(Exception::Cannot("an index of the file keeps each id once in a sync")),
            _ => None,
        }
    }
}
