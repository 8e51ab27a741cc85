//! What HR yields: people and their employments.

use std::collections::BTreeMap;

use jiff::Timestamp;
use jiff::civil::Date;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{EmploymentStatus, Raw, WorkerType};

/// One human in a source of truth.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Person {
    /// The feed's own key for the person.
    pub id: String,
    /// Full legal name.
    #[serde(default)]
    pub legal_name: Option<String>,
    /// The name the person goes by.
    #[serde(default)]
    pub preferred_name: Option<String>,
    /// Given name.
    #[serde(default)]
    pub given_name: Option<String>,
    /// Family name.
    #[serde(default)]
    pub family_name: Option<String>,
    /// Names borne before.
    #[serde(default)]
    pub previous_names: Vec<String>,
    /// Work e-mail addresses, the current one first.
    #[serde(default)]
    pub emails: Vec<String>,
    /// Employee ids, the current one first.
    #[serde(default)]
    pub employee_ids: Vec<String>,
    /// Further attributes that may serve as evidence (mobile phone, office), by the source's own name. Only those that the
    /// config asks for: HR knows more of a person than a report may show.
    #[serde(default)]
    pub attributes: BTreeMap<String, String>,
    /// The source object.
    #[serde(default)]
    pub raw: Raw,
}

/// A span in which a person has a worker type, a manager and a department.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Employment {
    /// The feed's own key for the employment; the person's id where HR keeps one row a person.
    pub id: String,
    /// [`Person::id`].
    pub person: String,
    /// The employee id of this employment.
    #[serde(default)]
    pub employee_id: Option<String>,
    /// HR's status.
    #[serde(default = "EmploymentStatus::unknown")]
    pub status: EmploymentStatus,
    /// HR's worker type.
    #[serde(default = "WorkerType::unknown")]
    pub worker_type: WorkerType,
    /// First day.
    #[serde(default)]
    pub start: Option<Date>,
    /// Last day, inclusive, in the person's own time zone.
    #[serde(default)]
    pub end: Option<Date>,
    /// Manager's [`Person::id`] or employee id.
    #[serde(default)]
    pub manager: Option<String>,
    /// Department.
    #[serde(default)]
    pub department: Option<String>,
    /// Job title.
    #[serde(default)]
    pub title: Option<String>,
    /// Location.
    #[serde(default)]
    pub location: Option<String>,
    /// Cost centre.
    #[serde(default)]
    pub cost_centre: Option<String>,
    /// IANA time zone of the person.
    #[serde(default)]
    pub time_zone: Option<String>,
    /// The instant from which the last change counts: an immediate termination says the minute.
    #[serde(default)]
    pub effective: Option<Timestamp>,
    /// The same where HR gives a bare day: the change counts from its beginning in the person's own zone, a termination from
    /// its end.
    #[serde(default)]
    pub effective_day: Option<Date>,
    /// The instant at which HR wrote it down.
    #[serde(default)]
    pub recorded: Option<Timestamp>,
    /// Number of the change, where HR gives a record for each change of an employment: of two changes that count from the same
    /// instant, the one with the higher number was made later ([`compare_sequences`]).
    #[serde(default)]
    pub sequence: Option<String>,
    /// The source object.
    #[serde(default)]
    pub raw: Raw,
}

/// What a change of an employment goes by, where HR gives a record for each: the employment's id and the change's number.
pub fn change_key(employment: &str, sequence: &str) -> String {
    format!("{employment} change {sequence}")
}

/// Order of two change numbers: by number where both are whole numbers, else as text.
pub fn compare_sequences(a: &str, b: &str) -> std::cmp::Ordering {
    let number = |text: &str| {
        let digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
        digits.then(|| text.trim_start_matches('0').to_owned())
    };
    match (number(a), number(b)) {
        (Some(x), Some(y)) => (x.len(), x).cmp(&(y.len(), y)),
        (_, _) => a.cmp(b),
    }
}
