use muster_connectors::record::RecordKind;
use muster_reports::view::Severity;

use crate::config::policy::SystemKind;
use crate::controls::{CRED, DORM};
use crate::people::fold;
use crate::rules::index::leased_at;
use crate::rules::{Facts, Failure, From, Manual, Need, Population, Rule, Setting, Subject, Verdict};

pub(in crate::rules) static RULE: Rule = Rule {
    id: "DBG-003",
    slug: "ephemeral-user-left-behind",
    title: "Ephemeral user left behind",
    severity: Severity::Medium,
    controls: &[CRED, DORM],
    population: Population::Accounts,
    needs: &[Need { from: From::Own, kind: RecordKind::Account, field: None, absence: false }],
    options: &[Setting {
        name: "minutes",
        default: 60,
        about: "minutes after it was made in which a user is not judged: the vault and the database are not read at the same instant",
    }],
    manual: Manual {
        finds: "A user that a vault made in a database for a lease, while no lease that still runs made it.",
        matters: "The vault believes the user gone and will not drop it any more. It stays, with its password, until somebody looks.",
        evidence: "The user's row, and when its name says that it was made.",
        fix: "Drop the user; look in the vault's log why its revocation failed.",
        limits: "Knows users by the name that HashiCorp Vault and OpenBao give them by default where it ends with the second (PostgreSQL); other templates and databases that shorten names are not judged. A lease is told by its role and that second. Needs a vault connector that lists leases, and the database in policy/inventory.toml as `kind = \"database\"`; a vault that is not collected would make its users look left behind.",
    },
    judge,
};

fn judge(facts: &Facts<'_>, subject: Subject) -> Verdict {
    let Subject::Account(ix) = subject else { return Verdict::NotApplicable };
    let node = facts.graph.node(ix);
    let Some(account) = facts.graph.account(ix).filter(|_| facts.is_kind(node.system, SystemKind::Database)) else {
        return Verdict::NotApplicable;
    };
    let login = fold(account.login.map_or_else(|| facts.graph.text(node.id), |login| facts.graph.text(login)));
    let Some(made) = leased_at(&login).filter(|_| facts.is_active(ix)) else { return Verdict::NotApplicable };
    match facts.lease_runs(&login, made) {
        Ok(true) => return Verdict::Pass,
        Ok(false) => {}
        Err(why) => return Verdict::NotEvaluated(why),
    }
    let minutes = facts.now.duration_since(made).as_secs() / 60;
    if minutes < facts.option(&RULE, "minutes") {
        return Verdict::NotEvaluated(
            "it was made only just now: its lease may be younger than what was read".to_owned(),
        );
    }
    Failure::new(format!(
        "The user {login} was made in {} for a lease on {}, and no lease that still runs made it.",
        facts.graph.system_name(node.system),
        made.strftime("%Y-%m-%d %H:%M"),
    ))
    .row(facts.account_row(ix, &[("made", made.to_string())]))
    .verdict()
}
