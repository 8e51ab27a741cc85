//! The one cheap call that says who we are, and what the credential can do.

use std::collections::BTreeSet;

use super::collect::Whoami;
use super::session::{Answered, Question, Session};
use super::transport::Reply;
use super::trouble::Trouble;
use super::wire::Purpose;
use crate::manifest::Manifest;
use crate::manifest::model::{Access, Check};
use crate::manifest::scope::Scope;
use crate::manifest::value::{Value, is_null, text};
use crate::scope::{NOTHING_BEYOND_READING, Probe};

/// What the check told.
#[derive(Debug, Default)]
pub(crate) struct Checked {
    pub(crate) whoami: Whoami,
    /// What may be read, what may not, and what is more than needed.
    pub(crate) probes: Vec<Probe>,
}

/// Makes the check, where the manifest has one. A refusal is a probe that says so.
///
/// # Errors
/// [`Trouble`] when nobody answers, or the credential is refused for good.
pub(crate) async fn check(manifest: &Manifest, session: &Session, names: &Scope) -> Result<Checked, Trouble> {
    let document = manifest.document();
    let Some((check, call)) = document.check.as_ref().and_then(|check| Some((check, check.call.as_ref()?))) else {
        return Ok(Checked::default());
    };
    let request = session.foundation().request(call, names, Purpose::Read, &[])?;
    let permission = format!("{} {}", request.method, request.url.path());
    let question = Question {
        request,
        way: check.auth.as_ref().map(|way| way.get_ref().as_str()),
        scope: names,
        cost: 1,
        child: false,
        bundled: false,
        tolls: None,
        expired: None,
        needs: &[],
    };
    let reply = match session.ask(&question).await? {
        Answered::Reply(reply) => reply,
        Answered::Empty => {
            return Ok(Checked {
                probes: vec![Probe { permission, granted: Some(true), detail: None }],
                ..Checked::default()
            });
        }
        Answered::Gap(gap) | Answered::Gone(gap) | Answered::Restart(gap) => {
            let detail = Some(gap.cause.map_or(gap.what.clone(), |cause| format!("{}: {cause}", gap.what)));
            return Ok(Checked {
                probes: vec![Probe { permission, granted: Some(false), detail }],
                ..Checked::default()
            });
        }
    };
    let scope = reply.within(names);
    let told = |expr: &Option<crate::manifest::Expr>| -> Result<Option<String>, Trouble> {
        Ok(expr.as_ref().map(|expr| expr.eval(&scope)).transpose()?.as_ref().and_then(text))
    };
    let mut whoami = Whoami { identity: told(&check.identity)?, tenant: told(&check.tenant)?, excess: None };
    let mut probes = vec![Probe { permission, granted: Some(true), detail: whoami.identity.clone() }];
    probes.extend(asserted(check, &scope)?);
    if let Some(access) = &document.access {
        let held = scopes(access, &reply, &scope, session).await?;
        probes.extend(permissions(access, held.as_ref()));
        if access.warn_if_writes.as_ref().map_or(Ok(false), |writes| writes.holds(&scope))? {
            probes.push(too_much("it can write".to_owned()));
        }
    }
    whoami.excess = probes.iter().find(|probe| probe.permission == NOTHING_BEYOND_READING).cloned();
    Ok(Checked { whoami, probes })
}

/// What must be true of the reply, each with its meaning.
fn asserted(check: &Check, scope: &Scope) -> Result<Vec<Probe>, Trouble> {
    let mut probes = Vec::new();
    for (meaning, expr) in check.assert.iter() {
        let granted = expr.holds(scope)?;
        let detail = (!granted).then(|| format!("`{}` does not hold of the reply", expr.source()));
        probes.push(Probe { permission: meaning.to_owned(), granted: Some(granted), detail });
    }
    Ok(probes)
}

/// The scopes that the token holds, where anybody says so: the reply, a header, or the reply that brought the token.
async fn scopes(
    access: &Access,
    reply: &Reply,
    scope: &Scope,
    session: &Session,
) -> Result<Option<BTreeSet<String>>, Trouble> {
    if let Some(expr) = &access.scopes {
        let value = expr.eval(scope)?;
        return Ok((!is_null(&value)).then(|| listed(&value)));
    }
    if let Some(header) = &access.scopes_header {
        return Ok(reply.header(header).map(split));
    }
    Ok(session.token_scopes().await.as_deref().map(split))
}

fn listed(value: &Value) -> BTreeSet<String> {
    match text(value) {
        Some(text) => split(&text),
        None => value.try_iter().into_iter().flatten().filter_map(|element| text(&element)).collect(),
    }
}

/// Scopes stand in one text, separated by commas or blanks.
fn split(text: &str) -> BTreeSet<String> {
    text.split(|c: char| c == ',' || c.is_whitespace()).filter(|scope| !scope.is_empty()).map(str::to_owned).collect()
}

/// What is lacking and what is too much.
fn permissions(access: &Access, held: Option<&BTreeSet<String>>) -> Vec<Probe> {
    let Some(held) = held else { return Vec::new() };
    let needed = access.read.iter().map(|scope| Probe {
        permission: scope.clone(),
        granted: Some(held.contains(scope)),
        detail: (!held.contains(scope)).then(|| "the token does not hold it".to_owned()),
    });
    let excess: Vec<&str> = access.excess.iter().filter(|scope| held.contains(*scope)).map(String::as_str).collect();
    let excess = (!excess.is_empty()).then(|| too_much(format!("it also holds {}", excess.join(", "))));
    needed.chain(excess).collect()
}

fn too_much(detail: String) -> Probe {
    let detail = Some(format!("{detail}; give muster a token that only reads"));
    Probe { permission: NOTHING_BEYOND_READING.to_owned(), granted: Some(false), detail }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_lacks_and_what_is_too_much_is_named() {
        let access = Access {
            read: vec!["users:read".into(), "team:read".into()],
            excess: vec!["admin".into(), "chat:write".into()],
            ..Access::default()
        };
        let probes = permissions(&access, Some(&split("users:read, admin  identify")));
        let told: Vec<(&str, bool)> =
            probes.iter().map(|probe| (probe.permission.as_str(), probe.granted.unwrap())).collect();
        assert_eq!(told, [("users:read", true), ("team:read", false), ("nothing beyond reading", false)]);
        assert!(
            probes[2].detail.as_ref().unwrap().contains("admin")
                && !probes[2].detail.as_ref().unwrap().contains("chat")
        );
        assert_eq!(permissions(&access, None), []);
    }
}
