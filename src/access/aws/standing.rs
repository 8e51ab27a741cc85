//! How privileged an AWS principal is, from effective answers, and what holds back one who would be more.
//!
//! *Administrator* is who may do everything, and hand out the rest: an action that no service has, which only `*` allows, on every
//! resource, and beside it one of the actions by which a principal gives itself any policy. Conditions on the former cost nobody the
//! name (a deny of other regions leaves IAM as it is); conditions on the latter do.

use muster_connectors::record::PrivilegeLevel;
use muster_effective::aws::answer::{Answer, Layer, Verdict};
use muster_effective::aws::estate::{Estate, PrincipalIx, PrincipalKind};
use muster_effective::aws::evaluate::Evaluate;

use crate::access::Privilege;

/// An action of no service: allowed is it to who may do everything.
const ANYTHING: &str = "any-service:AnyAction";
/// Actions by which a user gives itself any policy.
const OF_USERS: [&str; 3] = ["iam:AttachUserPolicy", "iam:PutUserPolicy", "iam:CreatePolicyVersion"];
/// The same of a role.
const OF_ROLES: [&str; 3] = ["iam:AttachRolePolicy", "iam:PutRolePolicy", "iam:CreatePolicyVersion"];

/// What a principal is.
#[derive(Debug, Clone)]
pub(crate) struct Standing {
    /// Administrator, certain or not; else baseline.
    pub(crate) privilege: Privilege,
    /// The name of the policy that makes it one.
    pub(crate) by: Option<String>,
    /// What keeps it from being one, although its own policies allow everything.
    pub(crate) held_back: Option<String>,
}

/// Judges one principal. Cost: two answers for most, five at the most.
pub(crate) fn of(evaluate: &dyn Evaluate, who: PrincipalIx) -> Standing {
    let baseline = |held_back| Standing { privilege: Privilege::Certain(PrivilegeLevel::Baseline), by: None, held_back };
    let undecided = |why: String| Standing {
        privilege: Privilege::Undecided { at_least: PrivilegeLevel::Baseline, at_most: PrivilegeLevel::Admin, why },
        by: None,
        held_back: None,
    };
    let estate = evaluate.estate();
    let anything = evaluate.may(who, ANYTHING, "*");
    if is_denied(&anything) {
        return baseline(held_back(estate, who, &anything, ANYTHING));
    }
    let own = match estate.principals[who as usize].kind {
        PrincipalKind::User => OF_USERS,
        PrincipalKind::Role => OF_ROLES,
    };
    let answers = own.map(|action| (action, evaluate.may(who, action, "*")));
    let sure = answers.iter().find(|(_, answer)| answer.verdict == Verdict::Allowed && answer.assumed.is_empty());
    let open = answers.iter().find(|(_, answer)| !is_denied(answer));
    match (sure, open) {
        (Some(_), _) if anything.verdict == Verdict::Allowed => Standing {
            privilege: Privilege::Certain(PrivilegeLevel::Admin),
            by: anything.deciding.iter().find(|one| one.layer == Layer::Identity).map(|one| one.policy.to_string()),
            held_back: None,
        },
        (Some(_), _) => undecided(between(&anything)),
        (None, Some((_, answer))) => undecided(between(answer)),
        (None, None) => {
            let (action, answer) = &answers[0];
            baseline(held_back(estate, who, answer, action))
        }
    }
}

/// Whether an answer is a denial for certain.
pub(crate) fn is_denied(answer: &Answer) -> bool {
    matches!(answer.verdict, Verdict::ExplicitlyDenied | Verdict::ImplicitlyDenied)
}

/// What stands between an answer that is none yet and an allowed one.
pub(crate) fn between(answer: &Answer) -> String {
    if answer.verdict == Verdict::NotEvaluated {
        return match answer.unread.as_slice() {
            [] => "a policy that decides could not be read".to_owned(),
            [one] => one.clone(),
            [first, rest @ ..] => format!("{first}, and {} more", rest.len()),
        };
    }
    let conditions: Vec<&str> = answer.assumed.iter().map(|assumed| &*assumed.text).collect();
    format!("allowed if {}", conditions.join(" and "))
}

/// Which layer takes something back that the principal's own policies allow; `None` where they do not allow it.
pub(crate) fn held_back(estate: &Estate, who: PrincipalIx, answer: &Answer, action: &str) -> Option<String> {
    let what = if action == ANYTHING { "everything" } else { action };
    match answer.verdict {
        Verdict::ExplicitlyDenied => {
            let one = answer.deciding.first()?;
            let own = one.layer == Layer::Identity && !allows(estate, who, action);
            (!own).then(|| format!("{} deny {what}: {}", one.layer.as_str(), statement(one)))
        }
        Verdict::ImplicitlyDenied => match &answer.missing {
            Some((Layer::Identity | Layer::Resource, _)) | None => None,
            Some((layer, level)) => {
                let at = level.as_ref().map(|level| format!(" at {level}")).unwrap_or_default();
                Some(format!("{}{at} do not allow {what}", layer.as_str()))
            }
        },
        Verdict::Allowed | Verdict::NotEvaluated => None,
    }
}

/// Whether any identity policy of a principal allows an action on something, whatever stands beside it.
fn allows(estate: &Estate, who: PrincipalIx, action: &str) -> bool {
    use muster_effective::aws::document::Effect;
    use muster_effective::aws::pattern::Glob;
    let action = action.to_ascii_lowercase();
    estate.principals[who as usize].identity.iter().any(|policy| {
        estate.policies[*policy as usize].document.statements.iter().any(|statement| {
            let named = statement.actions.patterns.iter().any(|pattern| Glob::lowercase(pattern).matches(&action));
            statement.effect == Effect::Allow && named != statement.actions.not
        })
    })
}

/// Where a statement stands, for people: ``statement `NoIam` of `p-abc` ``.
pub(crate) fn statement(one: &muster_effective::aws::answer::Deciding) -> String {
    let version = one.version.as_ref().map(|version| format!(" {version}")).unwrap_or_default();
    match &one.sid {
        Some(sid) => format!("statement `{sid}` of `{}`{version}", one.policy),
        None => format!("statement {} of `{}`{version}", one.index + 1, one.policy),
    }
}
