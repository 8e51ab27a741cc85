//! One change, step by step: fresh state, guards, the call, its proof, and the way back.
//!
//! ```text
//!   where ─► read ─► guard ─► already_if ─► refuse_if ─► undo is rendered ─► call ─► ok, already ─► verify
//! ```
//!
//! Everything before the call is decided on fresh state; the way back is made from it before the call, because afterwards it is
//! gone. The call is sent once: nobody knows what a try did that was not answered.

use serde::{Deserialize, Serialize};
use serde_json::Value as Json;
use url::Url;

use super::exchange::told;
use super::session::{Answered, Question, Session};
use super::trouble::Trouble;
use super::wire::{Outgoing, Purpose};
use crate::manifest::model::{Action, Call, Status, Subject, Verify};
use crate::manifest::scope::Scope;
use crate::manifest::value::is_null;

/// How a change ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Outcome {
    /// The action is not for this object.
    NotApplicable,
    /// A guard does not hold; nothing was changed.
    Guarded,
    /// Nothing to do.
    Already,
    /// The system would refuse, or it would do harm; nothing was changed.
    Refused,
    /// Done, and verified where the manifest says how.
    Done,
    /// The system did not do it.
    Failed,
    /// The system said yes, and reading it back does not show it.
    Unverified,
}

/// A call as it would be sent.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Rendered {
    /// Method and address.
    pub(crate) request: String,
    /// JSON body.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) body: Option<Json>,
}

/// What became of a change.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Carried {
    pub(crate) outcome: Outcome,
    /// Why, when it was not done.
    pub(crate) why: Option<String>,
    /// The way back, made from the state before.
    pub(crate) undo: Option<Rendered>,
}

impl Carried {
    fn ended(outcome: Outcome, why: impl Into<String>) -> Self {
        Self { outcome, why: Some(why.into()), undo: None }
    }
}

/// Carries out an action on what `names` says: `account`, `group`, `edge`, `context` and so on, beside `config`.
///
/// # Errors
/// [`Trouble`] when fresh state cannot be read, or the change was not answered.
pub(crate) async fn carry_out(
    action: &Action,
    session: &Session,
    base: &Url,
    names: &Scope,
) -> Result<Carried, Trouble> {
    // Bare names of `where` are fields of what the action is done to.
    let subject = match action.on {
        Subject::Account => "account",
        Subject::Membership | Subject::Grant => "edge",
        Subject::Credential => "credential",
    };
    if let Some(filter) = &action.filter
        && !filter.holds(&names.with_fields(subject))?
    {
        return Ok(Carried::ended(Outcome::NotApplicable, format!("`{}` does not hold", filter.source())));
    }
    let way = action.auth.as_ref().map(|way| way.get_ref().as_str());
    let mut names = names.clone();
    if let Some(reading) = &action.read {
        let call = reading.call.as_ref().ok_or_else(|| Trouble::manifest("`read` has no call"))?;
        let body = match read(call, way, session, &names).await? {
            Answered::Reply(reply) => reply.body,
            Answered::Empty => crate::manifest::value::Value::from(()),
            Answered::Gone(gap) | Answered::Gap(gap) | Answered::Restart(gap) => {
                return Err(Trouble::Told(Box::new(gap)));
            }
        };
        names = names.with(reading.alias.get_ref().as_str(), body);
    }
    for guard in &action.guard {
        if !guard.holds(&names)? {
            return Ok(Carried::ended(Outcome::Guarded, format!("`{}` does not hold", guard.source())));
        }
    }
    if let Some(already) = &action.already_if
        && already.holds(&names)?
    {
        return Ok(Carried::ended(Outcome::Already, format!("`{}` holds", already.source())));
    }
    if let Some(refuse) = &action.refuse_if
        && refuse.holds(&names)?
    {
        return Ok(Carried::ended(Outcome::Refused, format!("`{}` holds", refuse.source())));
    }
    let undo = match &action.undo {
        Some(undo) => Some(rendered(base, &session.foundation().request(&undo.call, &names, Purpose::Change, &[])?)),
        None => None,
    };
    let request = session.foundation().request(&action.call, &names, Purpose::Change, &[])?;
    let reply = session.change(way, &request).await?;
    let status = reply.status.as_u16();
    if any(&action.already, status) {
        return Ok(Carried::ended(Outcome::Already, format!("the system answered {status}")));
    }
    let well = if action.ok.is_empty() { reply.status.is_success() } else { any(&action.ok, status) };
    // The manifest's own word for a good reply is about its API: not about another address, nor about a reply without a body.
    let speaks = action.call.path.is_some() && reply.status.is_success() && !is_null(&reply.body);
    let good = well && (!speaks || session.is_good(&reply, &names)?);
    if !good {
        let answer = session.transport().answer(&reply);
        let said = answer.detail.map(|detail| format!(": {detail}")).unwrap_or_default();
        return Ok(Carried::ended(Outcome::Failed, format!("the system answered {status}{said}")));
    }
    let why = match &action.verify {
        Some(verify) => unverified(verify, way, session, &names).await?,
        None => None,
    };
    let outcome = if why.is_some() { Outcome::Unverified } else { Outcome::Done };
    Ok(Carried { outcome, why, undo })
}

/// Why reading it back does not show the change.
async fn unverified(
    verify: &Verify,
    way: Option<&str>,
    session: &Session,
    names: &Scope,
) -> Result<Option<String>, Trouble> {
    let call = verify.call.as_ref().ok_or_else(|| Trouble::manifest("`verify` has no call"))?;
    let request = session.foundation().request(call, names, Purpose::Read, &[])?;
    let reply = session.once(way, &request).await?;
    let status = reply.status.as_u16();
    if any(&verify.gone, status) {
        return Ok(None);
    }
    if !verify.gone.is_empty() && verify.expect.is_none() {
        return Ok(Some(format!("it is still there: the system answered {status}")));
    }
    match &verify.expect {
        Some(expect) if reply.status.is_success() => {
            let shown = expect.holds(&reply.within(names))?;
            Ok((!shown).then(|| format!("`{}` does not hold of what the system shows now", expect.source())))
        }
        _ if reply.status.is_success() => Ok(None),
        _ => Ok(Some(format!("the system answered {status}"))),
    }
}

async fn read(call: &Call, way: Option<&str>, session: &Session, names: &Scope) -> Result<Answered, Trouble> {
    let request = session.foundation().request(call, names, Purpose::Read, &[])?;
    let question = Question {
        request,
        way,
        scope: names,
        cost: 1,
        child: false,
        bundled: false,
        tolls: None,
        expired: None,
        needs: &[],
    };
    session.ask(&question).await
}

fn any(statuses: &[Status], status: u16) -> bool {
    statuses.iter().any(|meant| meant.matches(status))
}

fn rendered(base: &Url, request: &Outgoing) -> Rendered {
    let body = (!request.body.is_empty()).then(|| {
        serde_json::from_slice(&request.body)
            .unwrap_or_else(|_form| String::from_utf8_lossy(&request.body).into_owned().into())
    });
    Rendered { request: told(base, request), body }
}
