//! The lowest rungs: what the account is called.

use std::borrow::Cow;

use rayon::prelude::*;
use rustc_hash::FxHashSet;
use string_interner::Symbol as _;
use unicode_normalization::UnicodeNormalization;

use super::runs::Runs;
use super::strategy::{Candidate, Evidence, Strategy};
use super::{People, PersonIx, folded, ladder};
use crate::graph::{Graph, NodeIx, Strings, SystemIx};

/// An administration account named after an everyday one of the same system that is already linked.
pub(super) static ADMIN_AFFIX: Strategy = Strategy {
    name: "admin_name",
    summary: "the login is another linked account's login of the same system with an administrator's prefix or suffix",
    propose: propose_affix,
    any_class: false,
};

/// The part before the `@` of a work e-mail.
pub(super) static LOCAL_PART: Strategy = Strategy {
    name: "email_name",
    summary: "the login is the name part of exactly one person's work e-mail, and nothing says that it is another tenant's",
    propose: propose_local_part,
    any_class: false,
};

/// A login made from a name.
pub(super) static CONVENTION: Strategy = Strategy {
    name: "name_convention",
    summary: "the login follows a naming convention: first.last, flast, firstl, last.first; proposed, never linked alone",
    propose: propose_convention,
    any_class: false,
};

const ADMIN_PREFIXES: [&str; 8] = ["admin-", "admin.", "admin_", "adm-", "adm.", "adm_", "a-", "da-"];
const ADMIN_SUFFIXES: [&str; 7] = ["-admin", ".admin", "_admin", "-adm", ".adm", "_adm", "-a"];

/// The login without an administrator's affix, when it bears one.
pub(super) fn without_admin_affix(login: &str) -> Option<&str> {
    ADMIN_PREFIXES
        .iter()
        .find_map(|prefix| login.strip_prefix(prefix))
        .or_else(|| ADMIN_SUFFIXES.iter().find_map(|suffix| login.strip_suffix(suffix)))
        .filter(|rest| rest.len() > 1)
}

fn login_name<'a>(evidence: &Evidence<'a>, account: NodeIx) -> Option<Cow<'a, str>> {
    let login = evidence.graph.account(account)?.login?;
    let name = match folded(evidence.graph.text(login)) {
        Cow::Borrowed(login) => Cow::Borrowed(name_of(login)),
        Cow::Owned(login) => Cow::Owned(name_of(&login).to_owned()),
    };
    (name.len() > 1).then_some(name)
}

fn propose_affix(evidence: &Evidence<'_>, account: NodeIx) -> Vec<Candidate> {
    let Some(login) = login_name(evidence, account) else { return Vec::new() };
    let Some(base) = without_admin_affix(&login) else { return Vec::new() };
    let system = evidence.graph.node(account).system;
    let found = evidence.logins.get(&(system, base.to_owned()));
    found
        .map(|person| Candidate {
            person: *person,
            confidence: 0.92,
            strategy: ADMIN_AFFIX.name,
            evidence: format!("`{login}` is the administration account of `{base}`, which is linked"),
            comparisons: Vec::new(),
        })
        .into_iter()
        .collect()
}

fn propose_local_part(evidence: &Evidence<'_>, account: NodeIx) -> Vec<Candidate> {
    let Some(login) = login_name(evidence, account) else { return Vec::new() };
    let base = without_admin_affix(&login).unwrap_or(&login);
    let key = format!("@{base}");
    let why = format!("login `{login}` is the name part of the work e-mail");
    let mut candidates = named(evidence, account, &key, &LOCAL_PART, NAME_PART, &why);
    // Its everyday account may lie in what was not read, and may be somebody else's.
    let may_miss = base != login && evidence.may_miss_accounts(evidence.graph.node(account).system);
    for candidate in &mut candidates {
        if may_miss || !is_same_tenant(evidence, account, candidate.person) {
            candidate.confidence = candidate.confidence.min(NAME_ALONE);
            candidate.evidence.push_str(", but it may be another tenant's or another person's");
        }
    }
    candidates
}

/// A login that is the name part of a work e-mail.
const NAME_PART: f32 = 0.9;
/// A name and nothing else.
const NAME_ALONE: f32 = 0.75;

/// Whether nothing says that the login belongs to another tenant's name space than the person's e-mail.
///
/// An account with addresses, none of which is the person's, is another tenant's. A bare login says nothing of its tenant: it
/// counts where HR knows only one domain, or where the account bears the person's name.
fn is_same_tenant(evidence: &Evidence<'_>, account: NodeIx, person: PersonIx) -> bool {
    let (graph, people) = (evidence.graph, evidence.people);
    let Some(facts) = graph.account(account) else { return false };
    let login = facts.login.map(|login| graph.text(login)).filter(|login| login.contains('@'));
    let addresses: Vec<Cow<'_, str>> = graph.emails_of(facts).chain(login).map(folded).collect();
    let person = people.person(person);
    if !addresses.is_empty() {
        return person.emails.iter().any(|email| addresses.iter().any(|address| address == people.text(*email)));
    }
    let name = letters(graph.text_or_empty(graph.node(account).name));
    let bears = |part| {
        let part = letters(people.text_or_empty(part));
        !part.is_empty() && name.contains(&part)
    };
    evidence.one_domain || (bears(person.given_name) && bears(person.family_name))
}

/// Whether every work e-mail of HR is of the same domain.
pub(super) fn is_one_domain(people: &People) -> bool {
    let emails = people.persons().flat_map(|(_, person)| &person.emails);
    let mut domains = emails.filter_map(|email| Some(people.text(*email).rsplit_once('@')?.1));
    let first = domains.next();
    domains.all(|domain| Some(domain) == first)
}

/// The everyday logins that administrators' logins are made from, by system.
pub(super) fn everyday_logins(graph: &Graph) -> FxHashSet<(SystemIx, String)> {
    let base = |place: usize| {
        let ix = ladder::node(place);
        let login = folded(graph.text(graph.account(ix)?.login?));
        Some((graph.node(ix).system, without_admin_affix(name_of(&login))?.to_owned()))
    };
    (0..graph.account_count()).into_par_iter().filter_map(base).collect()
}

/// The name in a folded login, without domain.
pub(super) fn name_of(login: &str) -> &str {
    let name = login.split_once('@').map_or(login, |(name, _)| name);
    name.rsplit_once('\\').map_or(name, |(_, name)| name)
}

fn propose_convention(evidence: &Evidence<'_>, account: NodeIx) -> Vec<Candidate> {
    let Some(login) = login_name(evidence, account) else { return Vec::new() };
    let base = without_admin_affix(&login).unwrap_or(&login);
    let key: String = base.chars().filter(char::is_ascii_alphanumeric).collect();
    let key = key.trim_end_matches(|c: char| c.is_ascii_digit());
    if key.len() < 3 {
        return Vec::new();
    }
    named(evidence, account, key, &CONVENTION, NAME_ALONE, &format!("login `{login}` follows a naming convention"))
}

fn named(
    evidence: &Evidence<'_>,
    account: NodeIx,
    key: &str,
    strategy: &'static Strategy,
    confidence: f32,
    why: &str,
) -> Vec<Candidate> {
    let persons = evidence.names.find(key);
    persons
        .iter()
        .map(|person| {
            let survives = evidence.survives_gap(account, *person);
            Candidate {
                person: *person,
                confidence: if survives { confidence } else { confidence.min(0.65) },
                strategy: strategy.name,
                evidence: why.to_owned(),
                comparisons: Vec::new(),
            }
        })
        .collect()
}

/// Persons by keys made of their names: `@` and the name part of each work e-mail, and the usual conventions.
#[derive(Debug, Default)]
pub struct NameKeys {
    keys: Strings,
    persons: Runs<PersonIx>,
}

impl NameKeys {
    /// The keys of all persons.
    ///
    /// Cost: O(n log n) for n persons, six keys each at most.
    pub(super) fn of(people: &People) -> Self {
        let mut keys = Strings::default();
        let mut pairs: Vec<(u32, PersonIx)> = Vec::with_capacity(people.persons.len() * 6);
        let mut key = String::new();
        for (ix, person) in people.persons() {
            let mut add = |parts: [&str; 2]| {
                key.clear();
                for part in parts {
                    key.push_str(part);
                }
                let text = keys.add(&key);
                pairs.push((u32::try_from(text.to_usize()).unwrap_or(u32::MAX), ix));
            };
            for email in &person.emails {
                if let Some((name, _)) = people.text(*email).split_once('@') {
                    add(["@", name]);
                }
            }
            let given = letters(people.text_or_empty(person.given_name));
            let family = letters(people.text_or_empty(person.family_name));
            let (Some(initial), Some(last_initial)) = (given.get(..1), family.get(..1)) else { continue };
            let conventions = [
                [given.as_str(), family.as_str()],
                [&family, &given],
                [initial, &family],
                [&given, last_initial],
                [&family, initial],
            ];
            conventions.into_iter().filter(|[a, b]| a.len() + b.len() >= 3).for_each(&mut add);
        }
        Self { persons: Runs::of(keys.len(), pairs), keys }
    }

    /// The persons with a key, in order.
    fn find(&self, key: &str) -> &[PersonIx] {
        self.keys.find(key).map_or(&[], |key| self.persons.get(key.to_usize()))
    }
}

/// A name as it stands in logins: without accents, lower case, letters and digits only.
fn letters(name: &str) -> String {
    name.nfd().filter(char::is_ascii_alphanumeric).map(|c| c.to_ascii_lowercase()).collect()
}
