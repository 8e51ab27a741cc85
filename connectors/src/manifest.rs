//! Declarative connectors: one TOML file for an HTTP/JSON system, checked whole at load, run by one engine.
//!
//! ```text
//!   text ─► model (serde, strict) ─► load (names, expressions, references) ─► Manifest
//!   reply ─► value (shared, never copied) ─► Scope ─► expressions ─► emit ─► Records
//! ```
//!
//! Here is the format: what a manifest says, whether it says it soundly, and what its items become. Calls, limits, pages and
//! proof of completeness are the runner's.

mod compare;
mod description;
pub mod emit;
pub mod expression;
mod fields;
mod filters;
mod library;
mod load;
pub mod model;
mod problem;
pub mod run;
mod scaffold;
pub mod scope;
mod settings;
pub mod template;
pub mod value;

pub use self::compare::{Compared, compare};
pub use self::description::{Description, DescriptionError};
pub use self::emit::{Collector, Drafts, Loss, Merged, Word};
pub use self::expression::{EvalError, Expr};
pub use self::fields::{Shape, Unfit};
pub use self::library::Library;
pub use self::load::Manifest;
pub use self::problem::{Problem, Severity};
pub use self::scaffold::{ScaffoldError, scaffold};
pub use self::scope::Scope;
pub use self::template::{Node, Template};
pub use self::value::Value;

/// A manifest that muster brings along.
#[derive(Debug, Clone, Copy)]
pub struct Catalogued {
    /// Its id, which is also the name of its file.
    pub id: &'static str,
    /// Its text.
    pub text: &'static str,
}

/// Manifests that muster brings along, sorted by id. One line here registers one.
pub const CATALOG: &[Catalogued] = &[
    Catalogued { id: "atlassian", text: include_str!("../catalog/atlassian.toml") },
    Catalogued { id: "atlassian-site", text: include_str!("../catalog/atlassian-site.toml") },
    Catalogued { id: "bamboohr", text: include_str!("../catalog/bamboohr.toml") },
    Catalogued { id: "box", text: include_str!("../catalog/box.toml") },
    Catalogued { id: "cloudflare", text: include_str!("../catalog/cloudflare.toml") },
    Catalogued { id: "datadog", text: include_str!("../catalog/datadog.toml") },
    Catalogued { id: "docusign", text: include_str!("../catalog/docusign.toml") },
    Catalogued { id: "duo", text: include_str!("../catalog/duo.toml") },
    Catalogued { id: "entra", text: include_str!("../catalog/entra.toml") },
    Catalogued { id: "github", text: include_str!("../catalog/github.toml") },
    Catalogued { id: "gitlab", text: include_str!("../catalog/gitlab.toml") },
    Catalogued { id: "google-workspace", text: include_str!("../catalog/google-workspace.toml") },
    Catalogued { id: "grafana", text: include_str!("../catalog/grafana.toml") },
    Catalogued { id: "hcp-terraform", text: include_str!("../catalog/hcp-terraform.toml") },
    Catalogued { id: "hibob", text: include_str!("../catalog/hibob.toml") },
    Catalogued { id: "keycloak", text: include_str!("../catalog/keycloak.toml") },
    Catalogued { id: "kubernetes", text: include_str!("../catalog/kubernetes.toml") },
    Catalogued { id: "okta", text: include_str!("../catalog/okta.toml") },
    Catalogued { id: "personio", text: include_str!("../catalog/personio.toml") },
    Catalogued { id: "salesforce", text: include_str!("../catalog/salesforce.toml") },
    Catalogued { id: "scim-hr", text: include_str!("../catalog/scim-hr.toml") },
    Catalogued { id: "slack", text: include_str!("../catalog/slack.toml") },
    Catalogued { id: "snowflake", text: include_str!("../catalog/snowflake.toml") },
    Catalogued { id: "tailscale", text: include_str!("../catalog/tailscale.toml") },
    Catalogued { id: "vault", text: include_str!("../catalog/vault.toml") },
    Catalogued { id: "workday", text: include_str!("../catalog/workday.toml") },
    Catalogued { id: "zoom", text: include_str!("../catalog/zoom.toml") },
];

/// The manifest of the catalogue called `id`.
pub fn catalogued(id: &str) -> Option<&'static Catalogued> {
    CATALOG.iter().find(|entry| entry.id == id)
}

impl Catalogued {
    /// The manifest, checked and compiled.
    ///
    /// # Errors
    /// Its problems; a test keeps the catalogue free of them.
    pub fn manifest(&self) -> Result<Manifest, Vec<Problem>> {
        Manifest::parse(self.text, None)
    }
}
