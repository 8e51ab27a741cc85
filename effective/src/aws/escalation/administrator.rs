//! Who is an administrator: who controls IAM in his account, whatever else holds him.
//!
//! Decision 44: an administrator may, on users, roles and policies of any name, do at least one thing of each kind: grant anything, and
//! take over somebody. That is what `*` on `*` and `iam:*` on `*` come to under a boundary and control policies that let them; a
//! single action that a guardrail denies changes nothing, and a policy that allows only one of the kinds, or on some names only, makes an
//! escalation path, not an administrator.

use rayon::prelude::*;

use super::ask::{Asker, Question, certainty, everything};
use super::{Certainty, Class, Evidence};
use crate::aws::answer::Answer;
use crate::aws::estate::{Estate, PolicyIx, PrincipalIx};
use crate::aws::request::Layers;

/// A name that nobody has: what is allowed on it is allowed on any.
const NOBODY: &str = "muster-nobody";

struct Probe {
    action: &'static str,
    kind: &'static str,
}

const fn probe(action: &'static str, kind: &'static str) -> Probe {
    Probe { action, kind }
}

/// One of each kind is enough.
const KINDS: [&[Probe]; 2] = [
    &[
        probe("iam:AttachRolePolicy", "role"),
        probe("iam:PutRolePolicy", "role"),
        probe("iam:AttachUserPolicy", "user"),
        probe("iam:PutUserPolicy", "user"),
        probe("iam:CreatePolicyVersion", "policy"),
    ],
    &[
        probe("iam:UpdateAssumeRolePolicy", "role"),
        probe("iam:CreateAccessKey", "user"),
        probe("iam:CreateLoginProfile", "user"),
        probe("iam:UpdateLoginProfile", "user"),
    ],
];

/// The actions that decide.
pub(super) fn actions<'a>() -> impl Iterator<Item = &'a str> {
    KINDS.into_iter().flatten().map(|probe| probe.action)
}

/// Who of some classes is an administrator, and how surely, by principal.
pub(super) fn administrators(asker: &Asker, classes: &[Class]) -> Vec<Option<Certainty>> {
    let kinds: Vec<_> = KINDS.iter().map(|kind| asker.breadth.set(kind.iter().map(|probe| probe.action))).collect();
    let found: Vec<_> = classes
        .par_iter()
        .map(|class| {
            let may_be = kinds.iter().all(|kind| !kind.is_disjoint(&class.allowed));
            if may_be {
                controls(asker, class.first(), |action, question| asker.may(class.first(), action, question))
            } else {
                None
            }
        })
        .collect();
    let mut administrators = vec![None; asker.estate.principals.len() + asker.supposed.len()];
    for (class, certainty) in classes.iter().zip(found) {
        for &member in &class.members {
            administrators[member as usize] = certainty;
        }
    }
    administrators
}

fn controls(asker: &Asker, who: PrincipalIx, ask: impl Fn(&str, &Question) -> Answer) -> Option<Certainty> {
    let mut all = Certainty::Certain;
    for kind in KINDS {
        let mut best = None;
        for probe in kind {
            let held = certainty(&ask(probe.action, &question(asker, who, probe)));
            best = match (best, held) {
                (Some(best), Some(held)) => Some(Certainty::min(best, held)),
                (best, held) => best.or(held),
            };
            if best == Some(Certainty::Certain) {
                break;
            }
        }
        all = all.max(best?);
    }
    Some(all)
}

fn question(asker: &Asker, who: PrincipalIx, probe: &Probe) -> Question {
    let resource = asker.filled(who, &format!("arn:{{partition}}:iam::{{account}}:{}/{NOBODY}", probe.kind));
    let mut given = Vec::new();
    if probe.action.contains("Attach") {
        given.push(("iam:policyarn", asker.filled(who, "arn:{partition}:iam::aws:policy/AdministratorAccess")));
    }
    if matches!(
        probe.action,
        "iam:AttachRolePolicy" | "iam:PutRolePolicy" | "iam:AttachUserPolicy" | "iam:PutUserPolicy"
    ) {
        given.push(("iam:permissionsboundary", String::new()));
    }
    Question { resource, given }
}

/// What a principal has is supposed to be different.
pub(super) enum Supposed<'a> {
    /// Any policy at all; his boundary stays.
    Anything,
    /// Any policy at all, on a principal that has no boundary.
    AnythingUnbound,
    /// These identity policies.
    Identity(&'a [PolicyIx]),
    /// No boundary, or one that holds nothing back.
    Unbound,
}

/// Whether a principal would be an administrator if.
pub(super) fn would_be(asker: &Asker, who: PrincipalIx, supposed: &Supposed) -> Option<Certainty> {
    controls(asker, who, |action, question| {
        asker.supposing(who, action, question, &|layers| change(asker.estate, layers, supposed))
    })
}

fn change(estate: &Estate, layers: &mut Layers, supposed: &Supposed) {
    match supposed {
        Supposed::Anything => layers.identity = vec![everything()],
        Supposed::AnythingUnbound => {
            layers.identity = vec![everything()];
            layers.boundary = None;
        }
        Supposed::Identity(policies) => {
            layers.identity =
                policies.iter().filter_map(|&policy| estate.policies.get(policy as usize)).cloned().collect();
        }
        Supposed::Unbound => layers.boundary = None,
    }
}

/// The best answer of each kind, where there is one of each.
pub(super) fn controls_by(asker: &Asker, who: PrincipalIx) -> Vec<Evidence> {
    let best = |kind: &[Probe]| {
        let answers = kind.iter().filter_map(|probe| {
            let question = question(asker, who, probe);
            let answer = asker.may(who, probe.action, &question);
            let held = certainty(&answer)?;
            let Question { resource, given } = question;
            Some((held, Evidence { action: probe.action.to_owned(), resource, given, answer }))
        });
        answers.min_by_key(|(held, _)| *held).map(|(_, evidence)| evidence)
    };
    KINDS.into_iter().map(best).collect::<Option<Vec<_>>>().unwrap_or_default()
}

/// What still keeps a principal from being an administrator if: the first thing that is denied.
pub(super) fn held_by(asker: &Asker, who: PrincipalIx, supposed: &Supposed) -> Option<(&'static str, String, Answer)> {
    for kind in KINDS {
        let mut denied = None;
        let allowed = kind.iter().any(|probe| {
            let question = question(asker, who, probe);
            let answer =
                asker.supposing(who, probe.action, &question, &|layers| change(asker.estate, layers, supposed));
            let allowed = certainty(&answer).is_some();
            denied.get_or_insert((probe.action, question.resource, answer));
            allowed
        });
        if !allowed {
            return denied;
        }
    }
    None
}
