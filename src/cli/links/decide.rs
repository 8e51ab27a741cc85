//! From what was asked to what is written: each request is held against the evidence, the other requests and what was decided
//! before. Nothing is written unless all of it can be.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::io::Write as _;

use jiff::civil::Date;
use rustc_hash::FxHashMap;

use super::{Bulk, Room, done};
use crate::check::links::candidates;
use crate::cli::names;
use crate::cli::outcome::{Failure, Outcome};
use crate::cli::output::open;
use crate::cli::tables::plain_table;
use crate::config::policy::edit::{Block, NewDecision, Signature, Withdrawal};
use crate::config::policy::{Ruling, WrittenDecision};
use crate::diagnostic::{Diagnostic, visible};
use crate::graph::NodeIx;
use crate::people::{PersonIx, Prober};

/// The environment's name of who decides.
const AUTHOR: &str = "MUSTER_AUTHOR";

/// One decision that somebody asks for.
#[derive(Debug, Clone)]
pub(super) struct Request {
    /// File and line, where it was read from a list.
    pub(super) line: Option<String>,
    pub(super) ruling: Ruling,
    pub(super) account: NodeIx,
    pub(super) person: Option<PersonIx>,
    pub(super) reason: String,
    pub(super) expires: Option<Date>,
}

/// What will be written.
#[derive(Debug, Default)]
pub(super) struct Judged {
    new: Vec<(NewDecision, Vec<String>)>,
    withdrawn: Vec<Withdrawal>,
    /// Requests that say what is written already.
    known: usize,
}

impl Judged {
    /// Decisions to be written.
    pub(super) fn len(&self) -> usize {
        self.new.len()
    }
}

/// Where decisions are taken and signed.
pub(super) struct Desk<'a> {
    room: &'a Room<'a>,
    signed: Signature,
    before: FxHashMap<(&'a str, &'a str), Vec<(Block, &'a WrittenDecision)>>,
}

impl<'a> Desk<'a> {
    /// Opens it for `author`, else for who the environment says.
    ///
    /// # Errors
    /// Nobody signs.
    pub(super) fn new(room: &'a Room<'a>, author: Option<&str>) -> Result<Self, Failure> {
        let environment = room.session.environment.get(AUTHOR).map(String::as_str);
        let author = author.or(environment).map(str::trim).filter(|author| !author.is_empty());
        let Some(author) = author else {
            return Err(Diagnostic::error("LNK008", "a decision needs an author")
                .cause(format!("neither --author nor {AUTHOR} names one"))
                .fix(format!("add `--author you@company.example`, or set {AUTHOR} in your environment"))
                .into());
        };
        let on = room.now.to_zoned(room.config.timezone.value.clone()).date();
        let mut before: FxHashMap<(&str, &str), Vec<(Block, &WrittenDecision)>> = FxHashMap::default();
        for (block, decision) in room.config.policy.blocks() {
            before.entry((&decision.system, &decision.account)).or_default().push((block, decision));
        }
        Ok(Self { room, signed: Signature { author: author.to_owned(), on }, before })
    }

    /// Holds requests against the evidence, each other and what was decided before.
    ///
    /// # Errors
    /// Every request that cannot be granted, with its line.
    pub(super) fn judge(&self, requests: Vec<Request>) -> Result<Judged, Failure> {
        let mut problems = Vec::new();
        let mut judged = Judged::default();
        let mut taken: BTreeMap<NodeIx, Vec<Request>> = BTreeMap::new();
        for request in requests {
            match self.fill(request) {
                Ok(request) => {
                    let earlier = taken.entry(request.account).or_default();
                    if earlier.iter().any(|other| other.ruling == request.ruling && other.person == request.person) {
                        continue;
                    }
                    match earlier.iter().find(|other| excludes(&request, other)) {
                        Some(other) => problems.push(self.contradiction(&request, other)),
                        None => earlier.push(request),
                    }
                }
                Err(problem) => problems.push(*problem),
            }
        }
        for request in taken.into_values().flatten() {
            self.write_down(&request, &mut judged);
        }
        if problems.is_empty() { Ok(judged) } else { Err(Failure::Told(problems)) }
    }

    /// The request with its person, when the evidence bears it.
    fn fill(&self, mut request: Request) -> Result<Request, Box<Diagnostic>> {
        let estate = &self.room.estate;
        let found = candidates(estate, request.account).1;
        let address = names::address(&estate.graph, request.account);
        let line = request.line.clone();
        let refused = |what: String| Diagnostic { at: line.clone(), ..Diagnostic::error("LNK005", what) };
        if let Some(day) = request.expires.filter(|day| *day < self.signed.on) {
            let problem = refused(format!("the decision about {address} would have expired on {day}"));
            return Err(problem.fix("give a day that is still to come").into());
        }
        match (request.ruling, request.person) {
            (Ruling::Never, _) => request.person = None,
            (Ruling::Pin, Some(_)) => {}
            (Ruling::Pin, None) => {
                return Err(refused(format!("{address} is pinned to nobody")).fix("name the person").into());
            }
            (Ruling::Accept | Ruling::Reject, None) => match found {
                [one] => request.person = Some(one.person),
                [] => {
                    return Err(refused(format!("{address} has no candidate"))
                        .fix("tie it with `muster links pin ACCOUNT PERSON`, or say `never` when it is nobody's")
                        .into());
                }
                several => {
                    let names: Vec<String> = several
                        .iter()
                        .map(|one| {
                            format!(
                                "`{}` ({})",
                                visible(estate.people.key(one.person)),
                                visible(estate.people.name(one.person))
                            )
                        })
                        .collect();
                    return Err(refused(format!("{address} has {} candidates", several.len()))
                        .cause(format!("they are {}", names.join(", ")))
                        .fix("name the person")
                        .into());
                }
            },
            (Ruling::Accept | Ruling::Reject, Some(person)) => {
                let is_candidate = found.iter().any(|one| one.person == person)
                    || (request.ruling == Ruling::Accept && self.any_rung_names(request.account, person));
                if !is_candidate && request.ruling == Ruling::Accept {
                    let name = visible(estate.people.name(person));
                    return Err(refused(format!("nothing says that {address} is {name}'s"))
                        .cause("no strategy names that person for this account")
                        .fix("look with `muster links show`; `muster links pin` ties it whatever the evidence says")
                        .into());
                }
            }
        }
        Ok(request)
    }

    fn any_rung_names(&self, account: NodeIx, person: PersonIx) -> bool {
        let estate = &self.room.estate;
        let prober = Prober::new(&estate.graph, &estate.people, self.room.now);
        prober.rungs(account).iter().any(|rung| rung.candidates.iter().any(|one| one.person == person))
    }

    fn contradiction(&self, request: &Request, other: &Request) -> Diagnostic {
        let address = names::address(&self.room.estate.graph, request.account);
        let what =
            format!("`{}` and `{}` of {address} contradict each other", other.ruling.as_str(), request.ruling.as_str());
        let problem = Diagnostic::error("LNK007", what).fix("leave one of the two rows without a decision");
        let problem = match &other.line {
            Some(line) => problem.cause(format!("the other one is at {line}")),
            None => problem,
        };
        Diagnostic { at: request.line.clone(), ..problem }
    }

    /// What a granted request writes, and what it takes back.
    fn write_down(&self, request: &Request, judged: &mut Judged) {
        let (graph, people) = (&self.room.estate.graph, &self.room.estate.people);
        let node = graph.node(request.account);
        let mut replaces = Vec::new();
        let mut withdrawn = Vec::new();
        for (block, decision) in self.on(request.account) {
            let names_person = |person: &String| request.person.is_some_and(|ix| people.find(person).contains(&ix));
            let same_person = decision.person.as_ref().is_some_and(names_person);
            let is_same = decision.ruling == request.ruling && (same_person || request.ruling == Ruling::Never);
            if is_same && decision.reason == request.reason && decision.expires == request.expires {
                judged.known += 1;
                return;
            }
            let replaced = is_same
                || match request.ruling {
                    Ruling::Pin | Ruling::Accept => decision.ruling != Ruling::Reject || same_person,
                    Ruling::Reject => decision.ruling.ties() && same_person,
                    Ruling::Never => decision.ruling.ties(),
                };
            if replaced {
                replaces.push(format!("{} at {}", decision.ruling.as_str(), decision.place));
                withdrawn.push(Withdrawal {
                    block,
                    reason: format!("replaced by {}: {}", request.ruling.as_str(), request.reason),
                });
            }
        }
        judged.withdrawn.extend(withdrawn);
        judged.new.push((
            NewDecision {
                ruling: request.ruling,
                system: graph.system_name(node.system).to_owned(),
                account: graph.text(node.id).to_owned(),
                account_name: graph.name(request.account).to_owned(),
                person: request.person.map(|person| people.key(person).to_owned()),
                person_name: request.person.map(|person| people.name(person).to_owned()).unwrap_or_default(),
                reason: request.reason.clone(),
                expires: request.expires,
            },
            replaces,
        ));
    }

    /// What was decided before about an account, by whichever of its names.
    fn on(&self, account: NodeIx) -> Vec<(Block, &'a WrittenDecision)> {
        let graph = &self.room.estate.graph;
        let node = graph.node(account);
        let facts = graph.account(account);
        let names = [Some(node.id), facts.and_then(|facts| facts.login), facts.and_then(|facts| facts.native_name)];
        let mut names: Vec<&str> = names.into_iter().flatten().map(|name| graph.text(name)).collect();
        names.sort_unstable();
        names.dedup();
        let system = graph.system_name(node.system);
        let found = names.iter().filter_map(|name| self.before.get(&(system, *name))).flatten().copied();
        let mut found: Vec<(Block, &WrittenDecision)> = found.collect();
        found.sort_by_key(|(block, _)| *block);
        found
    }

    /// Takes back what was decided about an account, which need not be there any more.
    ///
    /// # Errors
    /// Nothing was decided about it.
    pub(super) fn unpin(
        &self,
        name: &str,
        person: Option<&str>,
        reason: &str,
        dry_run: bool,
    ) -> Result<Outcome, Failure> {
        if reason.trim().is_empty() {
            return Err(Diagnostic::error("CLI001", "a decision needs a reason")
                .fix("say why it is taken back")
                .into());
        }
        let policy = &self.room.config.policy;
        let as_written = || {
            let blocks = policy.blocks();
            let named = |decision: &WrittenDecision| {
                decision.account == name || format!("{}:{}", decision.system, decision.account) == name
            };
            blocks.filter(|(_, decision)| named(decision)).collect::<Vec<_>>()
        };
        let mut found = match names::account(&self.room.estate, name) {
            Ok(account) => self.on(account),
            Err(failure) => {
                let written = as_written();
                if written.is_empty() {
                    return Err(failure);
                }
                written
            }
        };
        if let Some(person) = person {
            let people = &self.room.estate.people;
            let meant = names::persons(&self.room.estate, person);
            found.retain(|(_, decision)| {
                let key = decision.person.as_deref().unwrap_or_default();
                key == person || people.find(key).iter().any(|one| meant.contains(one))
            });
        }
        if found.is_empty() {
            return Err(Diagnostic::error("LNK005", format!("nothing that counts was decided about `{name}`"))
                .fix("`muster links show` tells what was decided about an account")
                .into());
        }
        let mut out = open(None)?;
        for (_, decision) in &found {
            let person = decision.person.as_deref().map(|person| format!(" {person}")).unwrap_or_default();
            let line = format!("{} {}:{}{person}", decision.ruling.as_str(), decision.system, decision.account);
            writeln!(
                out,
                "takes back {} ({}), by {}: {}",
                visible(&line),
                decision.place,
                visible(&decision.author),
                visible(&decision.reason)
            )?;
        }
        out.close()?;
        let withdrawn: Vec<Withdrawal> =
            found.iter().map(|(block, _)| Withdrawal { block: *block, reason: reason.trim().to_owned() }).collect();
        let number = decisions(withdrawn.len());
        if dry_run {
            return Ok(done(format!("dry run: {number} would be taken back")));
        }
        let written = policy.write_decisions(&self.room.config.policy_folder.value, &[], &withdrawn, &self.signed)?;
        Ok(done(format!("{number} taken back in {}; it counts from the next check", files(&written))))
    }

    /// Shows what will be written, and writes it where that is confirmed. `left_out` accounts had several candidates, `none` says
    /// why there may be nothing to do.
    ///
    /// # Errors
    /// The number was not confirmed or is another one, or the policy folder cannot be written.
    pub(super) fn settle(&self, judged: Judged, left_out: usize, bulk: &Bulk, none: &str) -> Result<Outcome, Failure> {
        let left_out = match left_out {
            0 => String::new(),
            1 => "; 1 account with several candidates was left out".to_owned(),
            more => format!("; {more} accounts with several candidates were left out"),
        };
        if judged.new.is_empty() {
            return Ok(done(format!(
                "{}{left_out}",
                if judged.known > 0 { "all of it is decided already, in the same words" } else { none }
            )));
        }
        let number = judged.new.len();
        let replaced = match judged.withdrawn.len() {
            0 => String::new(),
            more => format!(", {} replaced", decisions(more)),
        };
        let known = match judged.known {
            0 => String::new(),
            more => format!("; {} written already", decisions(more)),
        };
        Self::preview(&judged)?;
        if bulk.dry_run {
            return Ok(done(format!("dry run: {} would be written{replaced}{known}{left_out}", decisions(number))));
        }
        if bulk.confirm != Some(number) {
            let mut what = format!("{} {} to be written", decisions(number), if number == 1 { "is" } else { "are" });
            if let Some(other) = bulk.confirm {
                write!(what, ", not the {other} that --confirm says").expect("a string takes everything");
            }
            return Err(Diagnostic::error("LNK006", what)
                .effect("nothing was written")
                .fix(format!("look at the list above (`--dry-run` shows it alone), then add `--confirm {number}`"))
                .into());
        }
        let new: Vec<NewDecision> = judged.new.into_iter().map(|(decision, _)| decision).collect();
        let folder = &self.room.config.policy_folder.value;
        let written = self.room.config.policy.write_decisions(folder, &new, &judged.withdrawn, &self.signed)?;
        let file = files(&written);
        Ok(done(format!(
            "{} written to {file}{replaced}{known}{left_out}; it counts from the next check",
            decisions(number)
        )))
    }

    /// What will be written, for whoever confirms it.
    fn preview(judged: &Judged) -> Result<(), Failure> {
        let mut table = plain_table(&["decision", "account", "name", "person", "replaces"]);
        for (decision, replaces) in &judged.new {
            let person = decision.person.as_ref().map(|key| format!("{} ({key})", decision.person_name));
            table.add_row([
                decision.ruling.as_str().to_owned(),
                visible(&format!("{}:{}", decision.system, decision.account)).into_owned(),
                visible(&decision.account_name).into_owned(),
                visible(person.as_deref().unwrap_or("nobody")).into_owned(),
                visible(&replaces.join(", ")).into_owned(),
            ]);
        }
        let mut out = open(None)?;
        for line in table.lines() {
            writeln!(out, "{}", line.trim_end())?;
        }
        out.close()
    }
}

/// Whether two requests about one account cannot both hold.
fn excludes(one: &Request, other: &Request) -> bool {
    match (one.ruling.ties(), other.ruling.ties()) {
        (true, true) => one.person != other.person,
        (false, false) => false,
        (true, false) => other.ruling == Ruling::Never || other.person == one.person,
        (false, true) => one.ruling == Ruling::Never || other.person == one.person,
    }
}

fn decisions(number: usize) -> String {
    if number == 1 { "1 decision".to_owned() } else { format!("{number} decisions") }
}

fn files(written: &[std::path::PathBuf]) -> String {
    written.iter().map(|path| format!("`{}`", path.display())).collect::<Vec<_>>().join(" and ")
}
