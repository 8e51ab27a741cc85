//! Audit-log entries and requests.

use super::super::cells::Cells;
use super::super::columns::{Column, Field, Shape};
use super::super::fault::{Fault, Reach};
use super::super::words::{self, Decision};
use super::accounts::needed_word;
use super::{Mapper, RowKey, table};
use crate::record::{Approval, AuditEvent, Fact, Raw, Record};

table! {
    /// Columns of an audit log.
    AuditEvents {
        id: Shape::Text, "eventid", "logid";
        at: Shape::Instant, "time", "timestamp", "date", "eventtime", "createdat";
        actor: Shape::Text, "user", "username", "actorid", "by";
        action: Shape::Text, "event", "eventname", "operation", "activity";
        object: Shape::Text, "target", "resource";
        ticket: Shape::Text, "ticketid", "change", "reference";
        outcome: Shape::Word(&words::OUTCOME);
        operation_id: Shape::Text;
        sequence: Shape::Text;
    }
}

impl Mapper for AuditEvents {
    fn map(&mut self, cells: &mut Cells<'_>, records: &mut Vec<Record>) -> Result<RowKey, Fault> {
        let id = cells.need(&self.id)?;
        cells.need(&self.at)?;
        let Fact::Known(at) = cells.fact(&self.at) else {
            let fault = cells.faults.pop().unwrap_or_else(|| Fault::missing("the row has no `at`").field("at"));
            return Err(fault.at_least(Reach::Row));
        };
        records.push(Record::AuditEvent(Box::new(AuditEvent {
            id,
            at,
            actor: cells.text(&self.actor),
            action: cells.need(&self.action)?,
            object: cells.text(&self.object),
            ticket: cells.text(&self.ticket),
            outcome: cells.word(&self.outcome),
            operation_id: cells.text(&self.operation_id),
            sequence: cells.text(&self.sequence),
            raw: Raw::At(cells.line),
        })));
        Ok(RowKey::None)
    }
}

table! {
    /// Columns of a list of requests.
    Approvals {
        id: Shape::Text, "ticket", "ticketid", "requestid", "number", "key";
        requester: Shape::Text, "requestedby", "openedby", "reporter";
        beneficiary: Shape::Text, "requestedfor", "for", "user";
        entitlement: Shape::Text, "role", "access", "item";
        resource: Shape::Text, "system", "target";
        from: Shape::Instant, "start", "startdate", "validfrom";
        until: Shape::Until, "end", "enddate", "validuntil", "expires";
        requested_at: Shape::Instant, "requested", "openedat", "createdat", "submittedat";
        decided_by: Shape::Text, "approver", "approvedby";
        decided_at: Shape::Instant, "approvedat", "decisiondate", "approvaldate";
        approved: Shape::Word(&words::DECISION), "decision", "approval", "state", "status";
        emergency: Shape::Word(&words::YES_NO), "emergencyaccess", "breakglass", "firefighter";
        reviewed_by: Shape::Text, "reviewer";
        reviewed_at: Shape::Instant, "reviewed", "reviewdate";
    }
}

impl Mapper for Approvals {
    fn map(&mut self, cells: &mut Cells<'_>, records: &mut Vec<Record>) -> Result<RowKey, Fault> {
        let id = cells.need(&self.id)?;
        records.push(Record::Approval(Box::new(Approval {
            id: id.clone(),
            requester: cells.text(&self.requester),
            beneficiary: cells.need(&self.beneficiary)?,
            entitlement: cells.text(&self.entitlement),
            resource: cells.text(&self.resource),
            from: cells.instant(&self.from),
            until: cells.instant(&self.until),
            requested_at: cells.instant(&self.requested_at),
            decided_by: cells.text(&self.decided_by),
            decided_at: cells.instant(&self.decided_at),
            approved: needed_word::<Decision>(cells, &self.approved)?.approved(),
            emergency: cells.word(&self.emergency),
            reviewed_by: cells.text(&self.reviewed_by),
            reviewed_at: cells.instant(&self.reviewed_at),
            raw: Raw::At(cells.line),
        })));
        Ok(RowKey::Unique(id))
    }
}
