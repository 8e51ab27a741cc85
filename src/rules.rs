//! The rules: one file each, with its manual, its inputs and its judgement.
//!
//! ```text
//!   Facts + one subject ──► judge ──► pass | fail with evidence | not evaluated with the cause | not applicable
//! ```
//!
//! A rule judges one subject. The engine ([`evaluate`]) walks the population in parallel, asks first whether the rule's
//! declared inputs were read ([`Need`]), and counts every verdict: control totals exist by construction. [`RULES`] lists
//! the rules; one file, one line here, one scenario and its entry in the [`catalogue`] without `waits_for` add another.

mod aut;
mod authority;
pub mod catalogue;
mod changes;
mod cic;
mod crd;
pub(crate) mod ctl;
mod dbg;
mod dor;
mod dq;
mod drf;
pub(crate) mod duties;
mod evaluate;
mod facts;
mod index;
mod k8s;
mod lcm;
mod lost_people;
mod mentioned;
pub(crate) mod named;
mod needs;
mod net;
mod nhi;
mod orp;
mod own;
mod owner;
mod past;
mod prv;
mod reviews;
pub(crate) mod roles;
mod safeguard;
mod sod;
mod subject;
mod xpr;

use std::collections::BTreeMap;

use jiff::tz::TimeZone;
use muster_reports::view::{Evidence, Severity};

use crate::controls::Bundle;
use crate::graph::Step;

pub use self::evaluate::{Check, SWITCHED_OFF, evaluate, evaluate_some, read_for};
pub use self::facts::{Facts, Ground, Inventory};
pub use self::needs::{From, Need};
pub use self::own::{evaluate as evaluate_own, namesakes};
pub use self::past::{History, Recurrence, Recurring};
pub use self::safeguard::{Safeguard, Weaker};
pub use self::subject::{Population, Subject};

/// Every rule, in order of id. One line here registers one.
pub const RULES: &[&Rule] = &[
    &aut::privileged_without_mfa::RULE,
    &aut::human_without_mfa::RULE,
    &aut::local_login::RULE,
    &aut::break_glass::RULE,
    &aut::shared_account::RULE,
    &aut::default_account::RULE,
    &aut::old_password::RULE,
    &cic::pipeline_admin::RULE,
    &cic::loose_federation::RULE,
    &crd::rotation_overdue::RULE,
    &crd::endless::RULE,
    &crd::ends_in_use::RULE,
    &crd::unused_credential::RULE,
    &crd::root_or_doubled_key::RULE,
    &crd::known_by_leaver::RULE,
    &crd::leavers_key::RULE,
    &crd::not_vaulted::RULE,
    &crd::exposed::RULE,
    &ctl::system_not_collected::RULE,
    &ctl::snapshot_incomplete::RULE,
    &ctl::feed_suspect::RULE,
    &ctl::audit_log_gap::RULE,
    &ctl::review_overdue::RULE,
    &ctl::rubber_stamp::RULE,
    &ctl::change_without_approval::RULE,
    &ctl::scanner_over_privileged::RULE,
    &ctl::exception_lapsed::RULE,
    &ctl::safeguard_off::RULE,
    &ctl::correlation_coverage::RULE,
    &ctl::shadow_application::RULE,
    &dbg::login_without_owner::RULE,
    &dbg::superuser::RULE,
    &dbg::left_behind::RULE,
    &dbg::public_grant::RULE,
    &dor::dormant_account::RULE,
    &dor::never_used::RULE,
    &dor::dormant_privileged::RULE,
    &dor::stale_invitation::RULE,
    &dor::empty_privilege::RULE,
    &dor::idle_licence::RULE,
    &dq::duplicate_person::RULE,
    &dq::missing_facts::RULE,
    &dq::naming::RULE,
    &drf::unauthorised_grant::RULE,
    &drf::removed_out_of_band::RULE,
    &drf::privilege_increase::RULE,
    &drf::not_declared::RULE,
    &drf::declared_but_absent::RULE,
    &drf::attribute_drift::RULE,
    &drf::idp_and_app_disagree::RULE,
    &drf::granted_is_not_asked::RULE,
    &drf::manual_override::RULE,
    &drf::flapping::RULE,
    &drf::regression::RULE,
    &drf::decision_not_executed::RULE,
    &drf::role_content::RULE,
    &drf::environments_differ::RULE,
    &k8s::cluster_admin::RULE,
    &k8s::wildcard_role::RULE,
    &k8s::escalation_verbs::RULE,
    &k8s::binding_to_nobody::RULE,
    &lcm::leaver_still_active::RULE,
    &lcm::revocation_late::RULE,
    &lcm::partial_deprovisioning::RULE,
    &lcm::left_on_disabled::RULE,
    &lcm::access_before_start::RULE,
    &lcm::mover_residue::RULE,
    &lcm::external_without_end::RULE,
    &lcm::past_end_date::RULE,
    &lcm::rehire_regained_access::RULE,
    &lcm::identifier_recycled::RULE,
    &lcm::back_dated_termination::RULE,
    &lcm::manager_stale::RULE,
    &lcm::active_during_leave::RULE,
    &lcm::use_after_termination::RULE,
    &lcm::token_outlives::RULE,
    &lcm::worker_type_mismatch::RULE,
    &lcm::late_to_provision::RULE,
    &lcm::kept_too_long::RULE,
    &net::remote_access::RULE,
    &net::local_edge_admin::RULE,
    &nhi::unregistered::RULE,
    &nhi::interactive_use::RULE,
    &nhi::misclassified::RULE,
    &nhi::reused::RULE,
    &nhi::over_privileged::RULE,
    &nhi::workload_gone::RULE,
    &nhi::review_overdue::RULE,
    &nhi::risky_application::RULE,
    &nhi::agent_without_sponsor::RULE,
    &nhi::device_orphan::RULE,
    &orp::orphan_account::RULE,
    &orp::ambiguous_owner::RULE,
    &orp::claimed_twice::RULE,
    &orp::unmanaged::RULE,
    &orp::duplicate_accounts::RULE,
    &orp::dangling_grant::RULE,
    &orp::ownerless_privilege::RULE,
    &orp::owner_gone::RULE,
    &orp::resurrected_account::RULE,
    &orp::expired_temporary::RULE,
    &orp::missing_expected_access::RULE,
    &orp::not_handed_over::RULE,
    &prv::slo_burn::RULE,
    &prv::approval_bottleneck::RULE,
    &prv::secret_in_record::RULE,
    &sod::toxic_pair::RULE,
    &sod::toxic_across::RULE,
    &sod::latent_conflict::RULE,
    &sod::missing_companion::RULE,
    &sod::approved_own_access::RULE,
    &sod::own_audit_trail::RULE,
    &xpr::unused_entitlement::RULE,
    &xpr::over_provisioned::RULE,
    &xpr::peer_outlier::RULE,
    &xpr::full_admin::RULE,
    &xpr::escalation_path::RULE,
    &xpr::admin_count::RULE,
    &xpr::standing_privilege::RULE,
    &xpr::temporary_access::RULE,
    &xpr::direct_grant::RULE,
    &xpr::sensitive_birthright::RULE,
    &xpr::emergency_open::RULE,
    &xpr::emergency_unreviewed::RULE,
    &xpr::external_privilege::RULE,
    &xpr::role_bloat::RULE,
    &xpr::everyday_admin::RULE,
    &xpr::weakly_guarded::RULE,
    &xpr::sensitive_data::RULE,
];

/// The rule with this id or slug.
pub fn find(name: &str) -> Option<&'static Rule> {
    RULES.iter().copied().find(|rule| rule.id.eq_ignore_ascii_case(name) || rule.slug == name)
}

/// A rule and its manual.
#[derive(Debug)]
pub struct Rule {
    /// Stable id (`LCM-001`).
    pub id: &'static str,
    /// Readable slug.
    pub slug: &'static str,
    /// Title.
    pub title: &'static str,
    /// Severity before a subject's own circumstances.
    pub severity: Severity,
    /// Controls it counts against.
    pub controls: &'static [Bundle],
    /// What it walks.
    pub population: Population,
    /// What must have been read before a subject can be judged.
    pub needs: &'static [Need],
    /// Numbers that the config may change.
    pub options: &'static [Setting],
    /// The manual page.
    pub manual: Manual,
    /// The judgement.
    pub judge: fn(&Facts<'_>, Subject) -> Verdict,
}

/// A number of a rule that `[rules.ID]` in the config may change.
#[derive(Debug)]
pub struct Setting {
    /// Key.
    pub name: &'static str,
    /// Value when the config says nothing.
    pub default: i64,
    /// Unit, meaning and where the default comes from.
    pub about: &'static str,
}

/// A rule's manual page, printed by `muster explain` and quoted in reports.
#[derive(Debug)]
pub struct Manual {
    /// What it finds.
    pub finds: &'static str,
    /// Why it matters.
    pub matters: &'static str,
    /// What it shows as evidence.
    pub evidence: &'static str,
    /// How to fix it.
    pub fix: &'static str,
    /// Known limits.
    pub limits: &'static str,
}

/// What a rule says of one subject.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// The rule is not about this subject; it is not counted.
    NotApplicable,
    /// In order.
    Pass,
    /// Not in order, with the proof.
    Fail(Box<Failure>),
    /// Cannot be judged, and why.
    NotEvaluated(String),
}

/// Why a subject fails.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Failure {
    /// One sentence a manager understands.
    pub message: String,
    /// The rows that prove it.
    pub evidence: Vec<Evidence>,
    /// The path that proves it.
    pub path: Vec<Step>,
    /// A severity other than the rule's own, and why.
    pub severity: Option<(Severity, String)>,
    /// What it has in common with others of its rule: a key, and a sentence's end. Without one it is the group on the path.
    pub root: Option<(String, String)>,
}

impl Failure {
    /// A failure with its sentence.
    pub fn new(message: impl Into<String>) -> Self {
        Self { message: message.into(), ..Self::default() }
    }

    /// Adds a row.
    #[must_use]
    pub fn row(mut self, evidence: Evidence) -> Self {
        self.evidence.push(evidence);
        self
    }

    /// Adds a path.
    #[must_use]
    pub fn path(mut self, path: Vec<Step>) -> Self {
        self.path = path;
        self
    }

    /// Changes the severity.
    #[must_use]
    pub fn severity(mut self, severity: Severity, why: impl Into<String>) -> Self {
        self.severity = Some((severity, why.into()));
        self
    }

    /// Says what it has in common with others of its rule.
    #[must_use]
    pub fn root(mut self, key: impl Into<String>, what: impl Into<String>) -> Self {
        self.root = Some((key.into(), what.into()));
        self
    }

    /// The verdict.
    pub fn verdict(self) -> Verdict {
        Verdict::Fail(Box::new(self))
    }
}

/// What the config changes about rules.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Options {
    /// Numbers, by rule id and key.
    pub values: BTreeMap<(String, String), i64>,
    /// Rules that are switched off, with the reason.
    pub disabled: BTreeMap<String, String>,
    /// Who approved what is changed about a rule, by rule id.
    pub approved: BTreeMap<String, String>,
    /// Settings besides those of the rules that keep a check honest.
    pub settings: Vec<Safeguard>,
    /// Findings of one rule with one root that are shown each by itself; more are shown as one. `None` is [`FOLD_OVER`].
    pub fold_over: Option<u32>,
    /// The config's zone, for days; `None` is UTC.
    pub zone: Option<TimeZone>,
}

/// Findings with one root that are shown each by itself, unless the config says otherwise.
pub const FOLD_OVER: u32 = 10;

impl Options {
    /// The value of a rule's setting.
    pub fn value(&self, rule: &Rule, name: &str) -> i64 {
        // Few are set, and a rule asks for every subject: no key is made.
        let set = self.values.iter().find(|((id, key), _)| id == rule.id && key == name).map(|(_, value)| *value);
        let default = || rule.options.iter().find(|setting| setting.name == name).map_or(0, |setting| setting.default);
        set.unwrap_or_else(default)
    }
}

/// Settings that keep a check honest as they count after a check, by key: what was weakened without an approval stays as it was.
pub fn reviewed(options: &Options, history: &History) -> BTreeMap<String, String> {
    safeguard::reviewed(&safeguard::all(options), history.safeguards.as_ref())
}

/// One grade up, for what is privileged.
pub(crate) fn raised(severity: Severity) -> Severity {
    match severity {
        Severity::Info => Severity::Low,
        Severity::Low => Severity::Medium,
        Severity::Medium => Severity::High,
        Severity::High | Severity::Critical => Severity::Critical,
    }
}

/// One grade down, for what nobody can sign in with.
pub(crate) fn lowered(severity: Severity) -> Severity {
    match severity {
        Severity::Critical => Severity::High,
        Severity::High => Severity::Medium,
        Severity::Medium => Severity::Low,
        Severity::Low | Severity::Info => Severity::Info,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_and_slugs_are_unique_and_every_manual_is_written() {
        let mut ids: Vec<&str> = RULES.iter().map(|rule| rule.id).collect();
        assert!(ids.is_sorted(), "{ids:?}");
        ids.dedup();
        assert_eq!(ids.len(), RULES.len());
        for rule in RULES {
            let Manual { finds, matters, evidence, fix, limits } = rule.manual;
            assert!([finds, matters, evidence, fix, limits].iter().all(|text| text.len() > 20), "{}", rule.id);
            assert!(!rule.controls.is_empty());
            assert_eq!(find(rule.slug).map(|found| found.id), Some(rule.id));
        }
    }
}
