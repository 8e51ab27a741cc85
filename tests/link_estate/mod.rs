//! A company whose accounts say little about their persons, and an analyst who decides.

#![allow(dead_code, reason = "each test binary uses a part of it")]

use serde_json::Value;

use crate::muster_cmd::{Folder, Ran, text};

pub(crate) const NOW: &str = "2026-11-02T06:00:00Z";

/// A company of two systems: HR with a few people, a CRM whose accounts say little.
pub(crate) struct Estate {
    pub(crate) folder: Folder,
    pub(crate) people: Vec<String>,
    pub(crate) accounts: Vec<String>,
}

impl Estate {
    /// Ada with an address; two Smiths who share a login; Bob by his name alone; an account that is nobody's.
    pub(crate) fn small() -> Self {
        let mut estate = Self { folder: Folder::empty(), people: Vec::new(), accounts: Vec::new() };
        for (id, name, email, department) in [
            ("E1", "Ada Lovelace", "ada@corp.example", "Research"),
            ("E2", "John Smith", "john.smith@corp.example", "Sales"),
            ("E3", "Jane Smith", "jane.smith@corp.example", "Sales"),
            ("E4", "Bob Stone", "bs@other.example", "Sales"),
        ] {
            estate.person(id, name, email, department);
        }
        estate.account("c1", "ada", "Ada Lovelace", "ada@corp.example", "");
        estate.account("c2", "jsmith", "J. Smith", "", "");
        estate.account("c3", "bobs", "Bob", "", "");
        estate.account("c4", "zorro", "Zorro", "", "");
        estate.write();
        estate
    }

    pub(crate) fn person(&mut self, id: &str, name: &str, email: &str, department: &str) {
        self.people.push(format!("{id},{name},{email},{department},active,employee,2020-01-01,"));
    }

    pub(crate) fn account(&mut self, id: &str, login: &str, name: &str, email: &str, class: &str) {
        self.accounts.push(format!("{id},{login},{name},{email},{class},active,2021-01-01T00:00:00Z"));
    }

    pub(crate) fn write(&self) {
        let table = |header: &str, rows: &[String]| format!("{header}\n{}\n", rows.join("\n"));
        let people = table("id,name,email,department,status,worker_type,start,end", &self.people);
        let accounts = table("id,login,name,email,class,lifecycle,created", &self.accounts);
        self.folder.write("people.csv", people);
        self.folder.write("accounts.csv", accounts);
        std::fs::create_dir_all(self.folder.path().join("policy")).unwrap();
        self.folder.write(
            "muster.toml",
            format!(
                r#"[muster]
now = "{NOW}"

[[system]]
name      = "hr"
connector = "csv"
file      = "people.csv"
yields    = "people"
collected = "2026-11-02T05:00:00Z"
columns   = {{ employee_id = "id", legal_name = "name", email = "email", department = "department", status = "status", worker_type = "worker_type", start = "start", end = "end" }}

[[system]]
name      = "crm"
connector = "csv"
file      = "accounts.csv"
yields    = "accounts"
collected = "2026-11-02T05:00:00Z"
columns   = {{ id = "id", login = "login", name = "name", email = "email", class = "class", lifecycle = "lifecycle", created = "created" }}
"#
            ),
        );
    }

    /// Collects and checks: what is written counts from here on.
    pub(crate) fn scan(&self) -> Value {
        self.folder.scan(&["--fail-on", "never", "--accept", "hr", "--accept", "crm"]).1.0
    }

    pub(crate) fn run(&self, arguments: &[&str]) -> Ran {
        self.folder.run(arguments)
    }

    /// A decision that is taken, signed by bea.
    pub(crate) fn decide(&self, arguments: &[&str]) -> Ran {
        let ran = self.run(&[&["links"], arguments, &["--reason", "asked", "--author", "bea"]].concat());
        ran.assert_code(0);
        ran
    }

    /// A decision that is refused.
    pub(crate) fn refused(&self, arguments: &[&str], says: &[&str]) {
        let before = self.policy();
        let ran = self.run(&[&["links"], arguments].concat());
        ran.assert_code(2);
        ran.assert_says(says);
        assert_eq!(self.policy(), before, "what is refused writes nothing");
    }

    pub(crate) fn policy(&self) -> String {
        std::fs::read_to_string(self.folder.path().join("policy/links.toml")).unwrap_or_default()
    }

    pub(crate) fn queue(&self, filter: &[&str]) -> Vec<Value> {
        serde_json::from_str(&self.folder.expect(0, &[&["links", "list", "-o", "json"], filter].concat())).unwrap()
    }

    pub(crate) fn situation(&self, account: &str) -> (String, Option<String>) {
        let rows = self.folder.query(&format!("select situation, person from situations where account = '{account}'"));
        (text(&rows[0]["situation"]), rows[0]["person"].as_str().map(str::to_owned))
    }
}

pub(crate) fn column(rows: &[Value], name: &str) -> Vec<String> {
    rows.iter().map(|row| text(&row[name])).collect()
}

pub(crate) fn is(situation: &str, person: Option<&str>) -> (String, Option<String>) {
    (situation.to_owned(), person.map(str::to_owned))
}
