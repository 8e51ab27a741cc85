//! From what somebody types to the account or person that is meant. `system:name` looks in one system only.

use super::outcome::Failure;
use crate::check::Estate;
use crate::diagnostic::{Diagnostic, similar, visible};
use crate::graph::{Graph, NodeIx, SystemIx};
use crate::people::{PersonIx, fold};

/// Choices that an ambiguous name lists.
const LISTED: usize = 12;

/// The accounts that bear a name: id, login, e-mail, native name or display name. An id beats other names.
pub(super) fn accounts_called(estate: &Estate, name: &str) -> Vec<NodeIx> {
    let graph = &estate.graph;
    let search = |system: Option<SystemIx>, key: &str| -> Vec<NodeIx> {
        let folded = fold(key);
        let within = |ix: &NodeIx| system.is_none_or(|system| graph.node(*ix).system == system);
        let accounts = graph.accounts().map(|(ix, _)| ix).filter(within);
        let found: Vec<NodeIx> = accounts.filter(|ix| names(graph, *ix).any(|known| fold(known) == folded)).collect();
        let by_id: Vec<NodeIx> = found.iter().copied().filter(|ix| graph.text(graph.node(*ix).id) == key).collect();
        if by_id.is_empty() { found } else { by_id }
    };
    let qualified = name.split_once(':').and_then(|(system, rest)| Some((graph.system(system)?, rest)));
    let found = qualified.map(|(system, rest)| search(Some(system), rest)).unwrap_or_default();
    if found.is_empty() { search(None, name) } else { found }
}

/// The one account that is meant.
///
/// # Errors
/// [`Failure`] when nothing bears the name, with what is spelled alike; or several do, with the choices.
pub(super) fn account(estate: &Estate, name: &str) -> Result<NodeIx, Failure> {
    let found = accounts_called(estate, name);
    match found.as_slice() {
        [one] => Ok(*one),
        [] => Err(unknown_account(estate, name).into()),
        several => {
            let choices = choices(several.iter().map(|ix| address(&estate.graph, *ix)));
            Err(Diagnostic::error("CLI001", format!("`{name}` names {} accounts", several.len()))
                .cause(format!("they are {choices}"))
                .fix("name one of them with its system, as `system:id`")
                .into())
        }
    }
}

/// Nothing bears the name.
pub(super) fn unknown_account(estate: &Estate, name: &str) -> Diagnostic {
    let people = persons(estate, name);
    let theirs: Vec<NodeIx> = people.iter().flat_map(|person| estate.people.accounts_of(*person)).copied().collect();
    let problem = Diagnostic::error("CLI001", format!("no account is called `{name}`"));
    if !people.is_empty() {
        let accounts = choices(theirs.iter().map(|ix| address(&estate.graph, *ix)));
        let linked =
            if theirs.is_empty() { "nothing is linked to them".to_owned() } else { format!("linked are {accounts}") };
        return problem.cause(format!("it is a person; {linked}")).fix("name an account, as `system:id`");
    }
    let logins = estate.graph.accounts().filter_map(|(_, account)| account.login);
    let near = similar(name, logins.map(|login| estate.graph.text(login)));
    problem.maybe_fix(near.map(|near| format!("did you mean `{near}`?")))
}

/// The persons of a name, employee id, feed id or work e-mail.
pub(super) fn persons(estate: &Estate, name: &str) -> Vec<PersonIx> {
    let key = fold(name);
    let mut persons = estate.people.find(&key);
    persons.extend(estate.people.persons().map(|(ix, _)| ix).filter(|ix| fold(estate.people.name(*ix)) == key));
    persons.sort_unstable();
    persons.dedup();
    persons
}

/// The one person who is meant. A key beats a name.
///
/// # Errors
/// [`Failure`] when nobody bears the name, or several do.
pub(super) fn person(estate: &Estate, name: &str) -> Result<PersonIx, Failure> {
    if let [one] = estate.people.find(name).as_slice() {
        return Ok(*one);
    }
    match persons(estate, name).as_slice() {
        [one] => Ok(*one),
        [] => {
            let near = similar(name, estate.people.persons().map(|(ix, _)| estate.people.name(ix)));
            Err(Diagnostic::error("CLI001", format!("nobody in HR is called `{name}`"))
                .cause("it was looked for among employee ids, feed ids, work e-mails and names")
                .maybe_fix(near.map(|near| format!("did you mean `{near}`?")))
                .into())
        }
        several => {
            let all = choices(
                several
                    .iter()
                    .map(|ix| format!("`{}` ({})", visible(estate.people.key(*ix)), visible(estate.people.name(*ix)))),
            );
            Err(Diagnostic::error("CLI001", format!("`{name}` names {} persons", several.len()))
                .cause(format!("they are {all}"))
                .fix("give the employee id")
                .into())
        }
    }
}

/// `system:id` with the name people know it by: what a user can type again.
pub(super) fn address(graph: &Graph, ix: NodeIx) -> String {
    let node = graph.node(ix);
    let (system, id, name) = (graph.system_name(node.system), graph.text(node.id), graph.name(ix));
    if name == id {
        format!("`{system}:{}`", visible(id))
    } else {
        format!("`{system}:{}` ({})", visible(id), visible(name))
    }
}

/// `system:id` as a shell takes it.
pub(super) fn quoted_address(graph: &Graph, ix: NodeIx) -> String {
    let node = graph.node(ix);
    quoted(&format!("{}:{}", graph.system_name(node.system), graph.text(node.id)))
}

/// A word as a shell takes it.
pub(super) fn quoted(word: &str) -> String {
    let plain = |c: char| c.is_alphanumeric() || "@._:+/=,-".contains(c);
    if !word.is_empty() && word.chars().all(plain) {
        word.to_owned()
    } else {
        format!("'{}'", word.replace('\'', "'\\''"))
    }
}

fn choices(all: impl Iterator<Item = String>) -> String {
    let all: Vec<String> = all.collect();
    let more = all.len().saturating_sub(LISTED);
    let listed = all.iter().take(LISTED).cloned().collect::<Vec<_>>().join(", ");
    if more == 0 { listed } else { format!("{listed} and {more} more") }
}

fn names(graph: &Graph, ix: NodeIx) -> impl Iterator<Item = &str> {
    let node = graph.node(ix);
    let account = graph.account(ix);
    let texts = [Some(node.id), node.name, account.and_then(|a| a.login), account.and_then(|a| a.native_name)];
    let emails = account.into_iter().flat_map(|account| graph.emails_of(account));
    texts.into_iter().flatten().map(|text| graph.text(text)).chain(emails)
}
