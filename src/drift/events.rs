//! Approvals and audit-log entries of a snapshot, in columns, found by whom and what they name.
//!
//! Names are compared folded. An approval names its beneficiary by whatever its source has: an account's id or login, an e-mail, an
//! employee id. Whoever looks one up tries every name of the person.

use std::collections::BTreeMap;

use jiff::Timestamp;
use muster_connectors::record::{EventOutcome, RecordKind};
use rustc_hash::FxHashMap;

use crate::graph::{RowState, Strings, Text};
use crate::people::fold;
use crate::snapshot::{Rows, Snapshot, StoreError, Texts};

/// A name as it was written, and folded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Name {
    /// As written.
    pub written: Text,
    /// For comparison.
    pub folded: Text,
}

/// A request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Approval {
    /// System it was read from.
    pub system: Text,
    /// Scope it was read in.
    pub scope: Text,
    /// Ticket.
    pub id: Name,
    /// Who asked.
    pub requester: Option<Name>,
    /// For whom.
    pub beneficiary: Name,
    /// What; `None` when the request does not say.
    pub entitlement: Option<Name>,
    /// On what.
    pub resource: Option<Name>,
    /// From.
    pub from: Option<Timestamp>,
    /// Until.
    pub until: Option<Timestamp>,
    /// When it was asked for.
    pub requested_at: Option<Timestamp>,
    /// Who decided; of an open request, who has to.
    pub decided_by: Option<Name>,
    /// When.
    pub decided_at: Option<Timestamp>,
    /// What became of it.
    pub outcome: Outcome,
    /// Whether it is for an emergency; `None` where the source does not tell.
    pub emergency: Option<bool>,
    /// Who looked at it afterwards.
    pub reviewed_by: Option<Name>,
    /// When.
    pub reviewed_at: Option<Timestamp>,
    /// State of the row.
    pub state: RowState,
}

/// What became of a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// Nobody has decided yet.
    Open,
    /// Approved.
    Approved,
    /// Refused, or taken back.
    Refused,
}

impl Outcome {
    /// The word for it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::Approved => "approved",
            Self::Refused => "refused",
        }
    }
}

impl Approval {
    /// Whether it was approved.
    pub fn is_approved(&self) -> bool {
        self.outcome == Outcome::Approved
    }
}

/// An entry of an audit log.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AuditEvent {
    /// System whose log it is.
    pub system: Text,
    /// The log's own id.
    pub id: Text,
    /// When.
    pub at: Timestamp,
    /// Who.
    pub actor: Option<Name>,
    /// What.
    pub action: Text,
    /// On what.
    pub object: Option<Name>,
    /// Ticket named in it.
    pub ticket: Option<Name>,
    /// How it ended; `None` where the log tells only what was done.
    pub outcome: Option<EventOutcome>,
    /// The operation that it is an attempt at.
    pub operation: Option<Name>,
}

/// Entries that a numbered log does not have.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hole {
    /// First missing number.
    pub first: u64,
    /// Last missing number.
    pub last: u64,
    /// When the entry before was written.
    pub after: Timestamp,
    /// When the entry behind was written.
    pub before: Timestamp,
}

/// Approvals and audit logs.
#[derive(Debug, Default)]
pub struct Events {
    strings: Strings,
    approvals: Vec<Approval>,
    audit: Vec<AuditEvent>,
    by_beneficiary: FxHashMap<Text, Vec<u32>>,
    by_ticket: FxHashMap<Text, Vec<u32>>,
    by_object: FxHashMap<Text, Vec<u32>>,
    /// Open requests by who has to decide.
    waiting: FxHashMap<Text, usize>,
    /// Approved requests for emergencies.
    emergencies: Vec<u32>,
    /// Entries that tell how something ended, by system.
    ended: FxHashMap<Text, Vec<u32>>,
    /// Numbers of numbered entries with their instants, by system and scope.
    numbered: FxHashMap<(Text, Text), Vec<(u64, Timestamp)>>,
    /// The first entry of each system's log.
    begins: BTreeMap<String, Timestamp>,
}

impl Events {
    /// Reads both tables of a snapshot. Costs nothing where no source supplies them.
    ///
    /// # Errors
    /// [`StoreError`] when a table cannot be read.
    pub fn read(snapshot: &Snapshot) -> Result<Self, StoreError> {
        let mut events = Self::default();
        let supplied = |kind| snapshot.manifest().kinds().any(|view| view.kind == kind);
        if supplied(RecordKind::Approval) {
            events.read_approvals(snapshot)?;
        }
        if supplied(RecordKind::AuditEvent) {
            events.read_audit(snapshot)?;
        }
        Ok(events)
    }

    fn name(&mut self, text: &str) -> Name {
        Name { written: self.strings.add(text), folded: self.strings.add(&fold(text)) }
    }

    fn cell(&mut self, column: &Texts<'_>, row: usize) -> Option<Name> {
        column.get(row).filter(|text| !text.trim().is_empty()).map(|text| self.name(text))
    }

    fn read_approvals(&mut self, snapshot: &Snapshot) -> Result<(), StoreError> {
        let columns = [
            "id",
            "requester",
            "beneficiary",
            "entitlement",
            "resource",
            "from",
            "until",
            "requested_at",
            "decided_by",
            "decided_at",
            "approved",
            "emergency",
            "reviewed_by",
            "reviewed_at",
            "state",
        ];
        let frame = snapshot.frame("approvals", &columns)?;
        let rows = Rows::of(&frame, "approvals");
        let text = |name: &str| rows.texts(name);
        let (systems, scopes, ids) = (text("system")?, text("scope")?, text("id")?);
        let (requesters, beneficiaries) = (text("requester")?, text("beneficiary")?);
        let (entitlements, resources) = (text("entitlement")?, text("resource")?);
        let (deciders, states) = (text("decided_by")?, text("state")?);
        let (from, until) = (rows.instants("from")?, rows.instants("until")?);
        let (requested_at, decided_at) = (rows.instants("requested_at")?, rows.instants("decided_at")?);
        let (approved, emergency) = (rows.flags("approved")?, rows.flags("emergency")?);
        let (reviewers, reviewed_at) = (text("reviewed_by")?, rows.instants("reviewed_at")?);
        for row in 0..rows.len() {
            let approval = Approval {
                system: self.strings.add(systems.text(row)),
                scope: self.strings.add(scopes.text(row)),
                id: self.name(ids.text(row)),
                requester: self.cell(&requesters, row),
                beneficiary: self.name(beneficiaries.text(row)),
                entitlement: self.cell(&entitlements, row),
                resource: self.cell(&resources, row),
                from: from.at(row),
                until: until.at(row),
                requested_at: requested_at.at(row),
                decided_by: self.cell(&deciders, row),
                decided_at: decided_at.at(row),
                outcome: match approved.get(row) {
                    None => Outcome::Open,
                    Some(true) => Outcome::Approved,
                    Some(false) => Outcome::Refused,
                },
                emergency: emergency.get(row),
                reviewed_by: self.cell(&reviewers, row),
                reviewed_at: reviewed_at.at(row),
                state: states.name(row).unwrap_or(RowState::Stale),
            };
            let number = u32::try_from(self.approvals.len()).unwrap_or(u32::MAX);
            self.by_beneficiary.entry(approval.beneficiary.folded).or_default().push(number);
            self.by_ticket.entry(approval.id.folded).or_default().push(number);
            if let (Outcome::Open, Some(approver)) = (approval.outcome, approval.decided_by) {
                *self.waiting.entry(approver.folded).or_default() += 1;
            }
            if approval.is_approved() && approval.emergency == Some(true) {
                self.emergencies.push(number);
            }
            self.approvals.push(approval);
        }
        Ok(())
    }

    fn read_audit(&mut self, snapshot: &Snapshot) -> Result<(), StoreError> {
        let columns = ["id", "at", "actor", "action", "object", "ticket", "outcome", "operation_id", "sequence"];
        let frame = snapshot.frame("audit_events", &columns)?;
        let rows = Rows::of(&frame, "audit_events");
        let text = |name: &str| rows.texts(name);
        let (systems, ids, actions) = (text("system")?, text("id")?, text("action")?);
        let (actors, objects, tickets) = (text("actor")?, text("object")?, text("ticket")?);
        let (outcomes, operations) = (text("outcome")?, text("operation_id")?);
        let (scopes, sequences) = (text("scope")?, text("sequence")?);
        let at = rows.instants("at")?;
        for row in 0..rows.len() {
            let Some(at) = at.at(row) else { continue };
            let begins = self.begins.entry(systems.text(row).to_owned()).or_insert(at);
            *begins = at.min(*begins);
            if let Some(number) = sequences.get(row).and_then(|text| text.trim().parse().ok()) {
                let log = (self.strings.add(systems.text(row)), self.strings.add(scopes.text(row)));
                self.numbered.entry(log).or_default().push((number, at));
            }
            let event = AuditEvent {
                system: self.strings.add(systems.text(row)),
                id: self.strings.add(ids.text(row)),
                at,
                actor: self.cell(&actors, row),
                action: self.strings.add(actions.text(row)),
                object: self.cell(&objects, row),
                ticket: self.cell(&tickets, row),
                outcome: outcomes.name(row),
                operation: self.cell(&operations, row),
            };
            let number = u32::try_from(self.audit.len()).unwrap_or(u32::MAX);
            if event.outcome.is_some() {
                self.ended.entry(event.system).or_default().push(number);
            }
            if let Some(object) = event.object {
                self.by_object.entry(object.folded).or_default().push(number);
            }
            self.audit.push(event);
        }
        Ok(())
    }

    /// A text.
    pub fn text(&self, text: Text) -> &str {
        self.strings.get(text)
    }

    /// A name as it was written; empty when there is none.
    pub fn written(&self, name: Option<Name>) -> &str {
        name.map_or("", |name| self.strings.get(name.written))
    }

    /// A name for comparison; empty when there is none.
    pub fn folded(&self, name: Option<Name>) -> &str {
        name.map_or("", |name| self.strings.get(name.folded))
    }

    /// Every request, by system, scope and ticket.
    pub fn approvals(&self) -> &[Approval] {
        &self.approvals
    }

    /// Every audit-log entry.
    pub fn audit(&self) -> &[AuditEvent] {
        &self.audit
    }

    /// Entries of a system's log that tell how something ended.
    pub(super) fn ended(&self, system: &str) -> impl Iterator<Item = &AuditEvent> + '_ {
        let found = self.strings.find(system).and_then(|system| self.ended.get(&system));
        found.into_iter().flatten().map(|place| &self.audit[*place as usize])
    }

    fn numbers(&self, system: &str, scope: &str) -> &[(u64, Timestamp)] {
        let log = self.strings.find(system).zip(self.strings.find(scope));
        log.and_then(|log| self.numbered.get(&log)).map_or(&[][..], Vec::as_slice)
    }

    /// Whether any entry of a scope's log is numbered.
    pub fn is_numbered(&self, system: &str, scope: &str) -> bool {
        !self.numbers(system, scope).is_empty()
    }

    /// Numbers between the first and the last of a scope's log that no entry bears, in order.
    ///
    /// Cost: sorts the log's numbers.
    pub fn holes(&self, system: &str, scope: &str) -> Vec<Hole> {
        let mut numbers = self.numbers(system, scope).to_vec();
        numbers.sort_unstable();
        let jumps = numbers.windows(2).filter_map(|pair| match pair {
            [(before, after), (behind, until)] if behind - before > 1 => {
                Some(Hole { first: before + 1, last: behind - 1, after: *after, before: *until })
            }
            _ => None,
        });
        jumps.collect()
    }

    /// How many open requests wait for somebody.
    pub fn waiting_for(&self, approver: Name) -> usize {
        self.waiting.get(&approver.folded).copied().unwrap_or_default()
    }

    /// Approved requests for emergencies.
    pub fn emergencies(&self) -> impl Iterator<Item = &Approval> + '_ {
        self.emergencies.iter().map(|place| &self.approvals[*place as usize])
    }

    /// Approvals for somebody known by a folded name.
    pub fn approvals_for(&self, folded: &str) -> impl Iterator<Item = &Approval> + '_ {
        let found = self.strings.find(folded).and_then(|name| self.by_beneficiary.get(&name));
        found.into_iter().flatten().map(|place| &self.approvals[*place as usize])
    }

    /// Approvals with this ticket number, folded.
    pub fn approvals_of_ticket(&self, folded: &str) -> impl Iterator<Item = &Approval> + '_ {
        let found = self.strings.find(folded).and_then(|name| self.by_ticket.get(&name));
        found.into_iter().flatten().map(|place| &self.approvals[*place as usize])
    }

    /// Audit-log entries about an object known by a folded name.
    pub fn audit_of(&self, folded: &str) -> impl Iterator<Item = &AuditEvent> + '_ {
        let found = self.strings.find(folded).and_then(|name| self.by_object.get(&name));
        found.into_iter().flatten().map(|place| &self.audit[*place as usize])
    }

    /// The first entry of a system's log; `None` when it has none.
    pub fn log_begins(&self, system: &str) -> Option<Timestamp> {
        self.begins.get(system).copied()
    }
}
