//! Roles proposed from today's grants: what nearly everybody of a department, title, place or worker type holds (birthrights),
//! and what people hold together beyond it (add-ons).
//!
//! ```text
//!   people at work ──► columns: one group number a person for each combination of attributes ─┐
//!   direct grants  ──► columns: the holders of each entitlement, sorted ──────────────────────┴─► tally ──► prune ──► Proposal
//! ```
//!
//! Support, confidence and lift are those of association rules (Agrawal, Imielinski, Swami 1993; Brin et al. 1997): how many of a
//! combination hold something, which share of it that is, and how much larger that share is than among everybody. The cost is the
//! number of grants times the number of combinations of attributes, never people times people.

mod birthrights;
mod columns;
mod sets;
mod text;

use muster_connectors::record::PrivilegeLevel;
use serde::Serialize;

use self::columns::Columns;
use crate::access::Privilege;
use crate::check::Estate;
use crate::config::policy::Field;
use crate::graph::NodeIx;

pub use self::text::write_toml;

/// What counts as a role.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Settings {
    /// Fewest people whom a role is for: a role for three people is no role.
    pub min_people: usize,
    /// Smallest share of them who hold what the role gives.
    pub min_confidence: f64,
    /// How much larger that share has to be than among everybody.
    pub min_lift: f64,
    /// Most attributes that a condition combines.
    pub max_attributes: usize,
    /// Most add-ons that are proposed, those with the most holders first.
    pub max_add_ons: usize,
}

impl Default for Settings {
    fn default() -> Self {
        Self { min_people: 10, min_confidence: 0.9, min_lift: 1.2, max_attributes: 2, max_add_ons: 30 }
    }
}

/// A proposal.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Proposal {
    /// How many people are at work.
    pub people: usize,
    /// Roles by attributes, the most general first.
    pub birthrights: Vec<Birthright>,
    /// Roles to be asked for, those with the most holders first.
    pub add_ons: Vec<AddOn>,
    /// Groups and entitlements that are privileged, or of which it is not known: never proposed.
    pub left_out: usize,
}

/// A role that attributes give.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Birthright {
    /// Its id.
    pub id: String,
    /// Field and value, as HR writes it; everybody when empty.
    pub when: Vec<(String, String)>,
    /// How many people this holds of.
    pub people: usize,
    /// What they hold.
    pub contains: Vec<Given>,
}

/// What a birthright gives.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Given {
    /// What.
    #[serde(flatten)]
    pub name: Name,
    /// How many of the role's people hold it.
    pub support: usize,
    /// Their share.
    pub confidence: f64,
    /// How much larger that is than the share among everybody.
    pub lift: f64,
}

/// A group or an entitlement as a policy file names it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Name {
    /// System.
    pub system: String,
    /// `group` or `entitlement`.
    pub kind: &'static str,
    /// Name where it is the only one, else id.
    pub name: String,
    /// The resource that it is held on.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub resource: Option<String>,
}

/// What people hold together beyond what attributes give.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct AddOn {
    /// Its id.
    pub id: String,
    /// The department that nearly all holders work in; anybody when there is none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub department: Option<String>,
    /// What it contains.
    pub contains: Vec<Name>,
    /// How many people hold all of it.
    pub support: usize,
    /// Their share of those who hold any of it.
    pub cohesion: f64,
}

/// Something that people hold: a group, or an entitlement on a resource.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
struct Thing {
    node: NodeIx,
    resource: Option<NodeIx>,
}

/// Proposes roles for the people of a snapshot.
///
/// Deterministic: the same snapshot and settings give the same proposal whatever the number of threads.
///
/// Cost: O(grants × combinations of attributes), in parallel over what is held; memory 8 bytes a person and combination.
pub fn propose(estate: &Estate, now: jiff::Timestamp, settings: &Settings) -> Proposal {
    let columns = Columns::of(estate, now, settings);
    let found = birthrights::find(&columns, settings);
    let names = text::Names::new();
    let birthrights = birthrights::told(estate, &columns, &names, &found);
    let add_ons = sets::find(estate, &columns, &names, &found, settings);
    Proposal { people: columns.people(), birthrights, add_ons, left_out: columns.left_out() }
}

/// Whether holding something is certainly nothing sensitive.
fn is_harmless(estate: &Estate, node: NodeIx) -> bool {
    match estate.access.gives(&estate.graph, node) {
        Privilege::Certain(PrivilegeLevel::Baseline | PrivilegeLevel::Limited) => true,
        Privilege::Certain(PrivilegeLevel::Privileged | PrivilegeLevel::Admin) | Privilege::Undecided { .. } => false,
    }
}

/// A short stable name made of texts: letters and digits, with dashes between.
fn slug(parts: &[&str]) -> String {
    let mut slug = String::new();
    for letter in parts.join("-").chars().flat_map(char::to_lowercase) {
        if letter.is_alphanumeric() {
            slug.push(letter);
        } else if !slug.is_empty() && !slug.ends_with('-') {
            slug.push('-');
        }
    }
    slug.trim_end_matches('-').to_owned()
}

/// The attributes in the order in which a proposal prefers them.
const FIELDS: [Field; 5] = Field::COMMON;
