//! `csv`: a file of accounts and a file of people, each with a trailer that says how many rows there are.
//!
//! Without a trailer or `expect_rows`, a file that ends after a row shows nothing missing: the gate, which knows the
//! history, judges it then.

use std::path::Path;

use muster_connectors::Connector;
use muster_connectors::native::csv::MANUAL;
use serde_json::{Value, json};

use super::files::{FileSubject, SavedFile};
use crate::collected::configured;
use crate::{Estate, List};

/// Which of the two files takes the damage.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Bent {
    Accounts,
    People,
}

/// Both files.
pub(crate) struct Files {
    pub(crate) bent: Bent,
}

impl FileSubject for Files {
    fn name(&self) -> String {
        format!("csv from files, {:?} bent", self.bent)
    }

    fn estate(&self) -> Estate {
        let accounts =
            (1..=6).map(|n| json!([format!("a{n}"), format!("user{n}"), "active", "Reader|Writer", "staff"]));
        let people = (1..=6)
            .map(|n| json!([format!("{n:05}"), format!("Person, {n}"), format!("p{n}@acme.example"), "2020-01-02"]));
        let mut lists = vec![List::of("accounts", accounts.collect()), List::of("people", people.collect())];
        if self.bent == Bent::People {
            lists.reverse();
        }
        Estate(lists)
    }

    fn files(&self, estate: &Estate) -> Vec<SavedFile> {
        let file = |(position, list): (usize, &List)| {
            let header = match list.scope {
                "accounts" => "id,login,status,roles,groups",
                _ => "employee_id,legal_name,email,start",
            };
            let mut text = format!("{header}\n");
            for row in &list.rows {
                let cells = row.as_array().unwrap().iter().map(Value::to_string);
                text += &format!("{}\n", cells.collect::<Vec<_>>().join(","));
            }
            // A trailer counts rows, and a row that stands twice is two.
            text += &format!("TRAILER {}\n", list.total.max(list.rows.len()));
            SavedFile { name: format!("{}.csv", list.scope), list: position, bytes: text.into_bytes() }
        };
        estate.0.iter().enumerate().map(file).collect()
    }

    fn connector(&self, folder: &Path) -> Box<dyn Connector> {
        let toml = r#"files = { accounts = "accounts.csv", people = "people.csv" }, trailer = "TRAILER", list_separator = "|",
            columns = { accounts = { id = "id", login = "login", lifecycle = "status", roles = "roles", groups = "groups" },
                people = { employee_id = "employee_id", legal_name = "legal_name", email = "email", start = "start" } }"#;
        configured(MANUAL.configure, folder, &toml.replace('\n', " ")).unwrap()
    }
}
