//! Why an account is linked, why not, and what would change it: a sentence for a manager, then the evidence of every rung.

use std::fmt::Write as _;

use jiff::Timestamp;
use muster_connectors::record::FactState;

use crate::access::Privilege;
use crate::check::Estate;
use crate::check::links::candidates;
use crate::cli::names::quoted_address;
use crate::cli::prose::fill;
use crate::cli::tables::{plain_table, right_align};
use crate::diagnostic::visible;
use crate::graph::NodeIx;
use crate::people::churn::{percent, unread_people};
use crate::people::{Candidate, Comparison, PersonIx, Prober, Rung, RungAnswer, STRATEGIES, Situation, Standing, fold};

/// Candidates whom a sentence or a list of ways names; the others are counted.
const LISTED: usize = 5;
/// Persons of nearly the same name that a page about nobody's account lists.
const NEAREST: usize = 3;
/// Jaro–Winkler likeness from which a name counts as nearly the same.
const NEAR: f64 = 0.88;
/// Columns of running text.
const WIDTH: usize = 100;

/// All there is to say about one account.
pub(in crate::cli) struct Page<'a> {
    pub(in crate::cli) estate: &'a Estate,
    pub(in crate::cli) prober: &'a Prober<'a>,
    pub(in crate::cli) now: Timestamp,
    pub(in crate::cli) account: NodeIx,
}

impl Page<'_> {
    /// The whole page.
    pub(super) fn text(&self) -> String {
        let (graph, people) = (&self.estate.graph, &self.estate.people);
        let node = graph.node(self.account);
        let class = people.class(self.account);
        let affiliated = people.affiliation(graph, self.account, self.now);
        let mut text = format!(
            "account {} in {} (id {})\n\n{}\n\nWhat would change it:\n{}\n",
            visible(graph.name(self.account)),
            visible(graph.system_name(node.system)),
            visible(graph.text(node.id)),
            fill(&visible(&self.verdict()), WIDTH),
            self.remedy().iter().map(|way| bullet(way)).collect::<String>(),
        );
        let mut facts = vec![
            ("situation", self.situation().as_str().to_owned()),
            ("class", format!("{}, because {}", class.class, visible(&class.evidence))),
            (
                "affiliation",
                format!(
                    "{}, because {}",
                    affiliated.affiliation.map_or("unknown".to_owned(), |known| known.to_string()),
                    visible(&affiliated.evidence)
                ),
            ),
        ];
        if let Some(account) = graph.account(self.account) {
            facts.push(("lifecycle", account.lifecycle.to_string()));
            facts.push(("created", account.created.to_string()));
            facts.push(("last activity", account.last_activity.to_string()));
        }
        let privilege = match self.estate.access.privilege(graph, self.account) {
            Privilege::Certain(level) => level.to_string(),
            Privilege::Undecided { at_most, why, .. } => format!("at most {at_most}: {}", visible(&why)),
        };
        facts.push(("privilege", privilege));
        let way = self.estate.access.way(graph, self.account).unwrap_or_default();
        facts.extend(way.iter().map(|step| ("way to administration", visible(step).into_owned())));
        let held_back = self.estate.access.held_back(graph, self.account);
        facts.extend(held_back.iter().map(|why| ("held back", visible(why).into_owned())));
        for (name, value) in facts {
            writeln!(text, "  {name}: {value}").expect("a string takes everything");
        }
        text.push('\n');
        text.push_str(&self.evidence());
        text.push('\n');
        text
    }

    fn situation(&self) -> Situation {
        self.estate.people.situation(self.account, self.now)
    }

    /// One sentence, or two: whose account it is, and why that is said.
    pub(in crate::cli) fn verdict(&self) -> String {
        let (graph, people) = (&self.estate.graph, &self.estate.people);
        let node = graph.node(self.account);
        let account = format!("`{}` in {}", graph.name(self.account), graph.system_name(node.system));
        let found = candidates(self.estate, self.account).1;
        let persons: Vec<PersonIx> = found.iter().map(|one| one.person).collect();
        if let Some(link) = people.link(self.account) {
            return self.linked(&account, link);
        }
        match self.situation() {
            // These are of links only, which are told above.
            Situation::Confirmed | Situation::Unqualified | Situation::SourceMissing => account,
            Situation::Found => {
                let Some(best) = found.first() else { return account };
                format!(
                    "{account} probably belongs to {}, who {}, but it is not linked: {}. That makes {} %, and {} % are needed \
                     without a person's word.",
                    self.name(best.person),
                    self.standing(best.person),
                    best.evidence,
                    percent(best.confidence),
                    percent(self.estate.people.thresholds().definite),
                )
            }
            Situation::Ambiguous => format!(
                "{account} fits {} persons equally well: {}. It is linked to none of them, because nothing tells them apart.",
                persons.len(),
                self.names(&persons)
            ),
            Situation::FoundAlreadyLinked => format!(
                "{account} was given to {} persons by decisions: {}. It is linked to none of them until one decision is taken back.",
                persons.len(),
                self.names(&persons)
            ),
            Situation::Unassigned => match people.decided().never(self.account) {
                Some(never) => format!("{account} is nobody's: {}.", never.sentence()),
                None => format!(
                    "Nobody in HR corresponds to {account}: neither an employee id, an id at another issuer, an address nor its \
                     name leads to a person. {}",
                    self.use_of_it()
                ),
            },
            Situation::Indeterminate => format!(
                "Whose {account} is cannot be said: nobody among the persons that were read fits, and HR was not read completely."
            ),
            Situation::TargetIgnored => {
                let class = people.class(self.account);
                format!(
                    "{account} is not looked for in HR, because it is a {} account: {}.",
                    class.class, class.evidence
                )
            }
        }
    }

    fn linked(&self, account: &str, link: &Candidate) -> String {
        let certainty = match percent(link.confidence) {
            100 => "decided".to_owned(),
            confidence => format!("{confidence} % sure"),
        };
        let standing = self.standing(link.person);
        let consequence = match self.situation() {
            Situation::Unqualified => ", so that nobody should use it",
            Situation::Indeterminate => "; but HR is not believed at the moment, so nothing is concluded from that",
            Situation::SourceMissing => {
                ". Whether that means a leaver or a lost row, HR does not say, so nothing is concluded for now"
            }
            Situation::Confirmed
            | Situation::Found
            | Situation::FoundAlreadyLinked
            | Situation::Ambiguous
            | Situation::Unassigned
            | Situation::TargetIgnored => "",
        };
        let person = self.name(link.person);
        format!("{account} belongs to {person}, who {standing}{consequence}. That is {certainty}: {}.", link.evidence)
    }

    /// What would change the verdict: each a sentence, the likeliest way first.
    pub(in crate::cli) fn remedy(&self) -> Vec<String> {
        let (graph, people) = (&self.estate.graph, &self.estate.people);
        let system = graph.system_name(graph.node(self.account).system);
        let address = quoted_address(graph, self.account);
        let command = |verb: &str, person: Option<PersonIx>| {
            let person =
                person.map(|person| format!(" {}", crate::cli::names::quoted(people.key(person)))).unwrap_or_default();
            format!("muster links {verb} {address}{person} --reason \"…\"")
        };
        let found = candidates(self.estate, self.account).1;
        let mut ways = self.read_first();
        if let Some(link) = people.link(self.account) {
            if self.situation() == Situation::SourceMissing {
                let person = self.name(link.person);
                ways.push(format!("HR lists {person} again: everything is then as it was before."));
                ways.push(format!(
                    "HR says that {person} has left, with the last day: the account is then a leaver's, and is closed in {system}."
                ));
                ways.push(format!(
                    "HR says neither for longer than `vanish_days` of `[people]`: CTL-003 then asks whoever answers for the feed, \
                     {person} counts as nobody of HR, and the account is linked to nobody."
                ));
            }
            if self.situation() == Situation::Unqualified {
                ways.push(format!(
                    "The account is closed in {system}, or HR has an employment of the person that runs."
                ));
            }
            if crate::people::is_decision(link.strategy) {
                ways.push(format!("The decision is taken back: `{}`.", command("unpin", None)));
            } else {
                ways.push(format!("It is somebody else's: `{}`.", command("reject", Some(link.person))));
                ways.push(format!("It is certain: `{}`.", command("accept", Some(link.person))));
                ways.push(format!(
                    "What it rests on ({}) is no longer on both sides, or a stronger rung names somebody else.",
                    link.strategy
                ));
            }
            return ways;
        }
        match self.situation() {
            Situation::Confirmed | Situation::Unqualified | Situation::SourceMissing => {}
            Situation::Found => {
                let person = found.first().map(|one| one.person);
                ways.push(format!("It is right: `{}`.", command("accept", person)));
                ways.push(format!("It is wrong: `{}`.", command("reject", person)));
                ways.push(format!(
                    "{system} stores the person's employee id, or an address that HR has as the work e-mail."
                ));
            }
            Situation::Ambiguous => {
                for one in found.iter().take(LISTED) {
                    ways.push(format!("It is {}'s: `{}`.", self.name(one.person), command("accept", Some(one.person))));
                }
                ways.push(format!(
                    "{system} stores the employee id of one of them, or HR corrects two records that are one human."
                ));
            }
            Situation::FoundAlreadyLinked => {
                for one in found {
                    let unpin = command("unpin", Some(one.person));
                    ways.push(format!("It is not {}'s: `{unpin}`.", self.name(one.person)));
                }
            }
            Situation::Unassigned if people.decided().never(self.account).is_some() => {
                ways.push(format!("The decision is taken back: `{}`.", command("unpin", None)));
                ways.push(format!("Nobody needs it: it is disabled in {system}."));
            }
            Situation::Unassigned | Situation::Indeterminate => {
                ways.push(format!("Somebody knows whose it is: `muster links pin {address} PERSON --reason \"…\"`."));
                ways.push(format!("{system} stores an employee id or address that HR has, or HR has the person."));
                ways.push(format!(
                    "It is no person's account: {system} says so (its class), or `{}`.",
                    command("never", None)
                ));
                if self.situation() == Situation::Unassigned && self.is_active() {
                    ways.push(format!("Nobody claims it: it is disabled in {system}."));
                }
            }
            Situation::TargetIgnored => {
                ways.push(format!(
                    "A person uses it as their own: `muster links pin {address} PERSON --reason \"…\"`."
                ));
                ways.push(format!("{system} says that it is a human's account (its class)."));
            }
        }
        ways
    }

    /// What must be read before anything can be concluded from somebody's absence.
    fn read_first(&self) -> Vec<String> {
        if !matches!(self.situation(), Situation::Indeterminate | Situation::SourceMissing) {
            return Vec::new();
        }
        let unread = unread_people(&self.estate.graph);
        if unread.is_empty() && self.situation() == Situation::Indeterminate {
            return vec!["An HR feed is configured and read: there is none in the snapshot.".to_owned()];
        }
        unread.into_iter().map(|feed| format!("HR is read completely first: {feed}.")).collect()
    }

    /// Every rung, then every candidate field by field.
    pub(in crate::cli) fn evidence(&self) -> String {
        let rungs = self.prober.rungs(self.account);
        let mut text = "Evidence, strongest first:\n".to_owned();
        let mut table = plain_table(&["  rung", "answer", "compared", "found"]);
        for rung in &rungs {
            table.add_row([
                format!("  {}", rung.name),
                rung.answer.as_str().to_owned(),
                visible(&rung.compared).into_owned(),
                visible(&self.found(rung)).into_owned(),
            ]);
        }
        lines(&mut text, &table);
        let decided = candidates(self.estate, self.account).1;
        let mut told: Vec<PersonIx> = Vec::new();
        for candidate in decided.iter().chain(rungs.iter().flat_map(|rung| &rung.candidates)) {
            if !told.contains(&candidate.person) {
                if told.is_empty() {
                    text.push_str("\nCandidates:\n");
                }
                told.push(candidate.person);
                self.candidate(candidate, &mut text);
            }
        }
        if told.is_empty() {
            let near = self.nearest();
            if !near.is_empty() {
                text.push_str("\nPersons of nearly the same name, for whoever asks around (they count for nothing):\n");
                for person in near {
                    writeln!(text, "  {}, who {}", visible(&self.name(person)), self.standing(person))
                        .expect("a string takes everything");
                }
            }
        }
        text
    }

    /// What a rung found, and why that did not decide.
    fn found(&self, rung: &Rung) -> String {
        let named: Vec<String> = rung
            .candidates
            .iter()
            .take(NEAREST)
            .map(|one| format!("{} {} %", self.name(one.person), percent(one.confidence)))
            .collect();
        let more = rung.candidates.len().saturating_sub(NEAREST);
        let named =
            format!("{}{}", named.join(", "), if more == 0 { String::new() } else { format!(" and {more} more") });
        match rung.answer {
            RungAnswer::Decides => named,
            // Only the weighing of everything takes over from a rung above it.
            RungAnswer::Outranked if self.is_weighed_after(rung) => {
                format!("{named}; weighed again with everything else")
            }
            RungAnswer::Outranked => format!("{named}; a stronger rung had decided"),
            RungAnswer::Silent => "nobody".to_owned(),
            RungAnswer::TooWeak => {
                format!("{named}; below the {} % of a candidate", percent(self.estate.people.thresholds().candidate))
            }
            RungAnswer::Refused => {
                let decided = self.estate.people.decided();
                let never = decided.never(self.account);
                let rejected = rung.candidates.iter().find_map(|one| decided.rejection(self.account, one.person));
                let why = never.or(rejected).map(crate::people::LinkDecision::sentence).unwrap_or_default();
                format!("{named}; {why}")
            }
            RungAnswer::NotAsked => {
                let class = self.estate.people.class(self.account).class;
                let would = if rung.candidates.is_empty() { String::new() } else { format!("; it would name {named}") };
                format!("speaks only for humans' accounts, and this is a {class} account{would}")
            }
        }
    }

    /// Whether the rung that decided stands below this one.
    fn is_weighed_after(&self, rung: &Rung) -> bool {
        let place = |name: &str| STRATEGIES.iter().position(|strategy| strategy.name == name);
        let deciding = candidates(self.estate, self.account).1.first();
        deciding.and_then(|one| place(one.strategy)).zip(place(rung.name)).is_some_and(|(decides, own)| decides > own)
    }

    fn candidate(&self, candidate: &Candidate, text: &mut String) {
        let (graph, people) = (&self.estate.graph, &self.estate.people);
        let evidence = visible(&candidate.evidence).into_owned();
        let line = format!(
            "{} %  {}, who {}, by {}: {evidence}",
            percent(candidate.confidence),
            visible(&self.name(candidate.person)),
            self.standing(candidate.person),
            candidate.strategy
        );
        writeln!(text, "  {line}").expect("a string takes everything");
        if !self.prober.survives_gap(self.account, candidate.person) {
            let created = graph.account(self.account).map(|facts| facts.created.to_string()).unwrap_or_default();
            let start = people.person(candidate.person).employments.last().and_then(|one| one.start);
            let start = start.map_or("an unknown day".to_owned(), |day| day.to_string());
            writeln!(
                text,
                "        across an employment gap: the account was made {created}, the last employment begins {start}; addresses and\n        \
                 names are handed on, so they alone never link across it"
            )
            .expect("a string takes everything");
        }
        if let Some(decision) = people.decided().rejection(self.account, candidate.person) {
            writeln!(text, "        {}", visible(&decision.sentence())).expect("a string takes everything");
        }
        if !candidate.comparisons.is_empty() {
            lines(text, &self.comparisons(&candidate.comparisons));
        }
    }

    fn comparisons(&self, comparisons: &[Comparison]) -> comfy_table::Table {
        let people = &self.estate.people;
        let mut table = plain_table(&["        field", "likeness", "account", "HR", "bits"]);
        for one in comparisons {
            let side = |text: Option<crate::graph::Text>| visible(people.text_or_empty(text)).into_owned();
            table.add_row([
                format!("        {}", visible(people.text(one.field))),
                one.level.to_owned(),
                side(one.account),
                side(one.person),
                format!("{:+.1}", one.bits),
            ]);
        }
        right_align(&mut table, &[4]);
        table
    }

    /// Persons whose names are nearly the account's.
    fn nearest(&self) -> Vec<PersonIx> {
        let (graph, people) = (&self.estate.graph, &self.estate.people);
        let Some(facts) = graph.account(self.account) else { return Vec::new() };
        let name = graph.node(self.account).name.map(|name| fold(graph.text(name)));
        let login = facts.login.map(|login| {
            let login = fold(graph.text(login));
            let local = login.split('@').next().unwrap_or_default();
            local.replace(['.', '_', '-'], " ")
        });
        let own: Vec<String> = [name, login].into_iter().flatten().filter(|name| name.len() > 3).collect();
        let likeness = |person: PersonIx| {
            let name = fold(people.name(person));
            own.iter().map(|own| strsim::jaro_winkler(own, &name)).fold(0.0, f64::max)
        };
        let mut near: Vec<(f64, PersonIx)> =
            people.persons().map(|(ix, _)| (likeness(ix), ix)).filter(|(likeness, _)| *likeness >= NEAR).collect();
        near.sort_by(|a, b| b.0.total_cmp(&a.0).then(a.1.cmp(&b.1)));
        near.into_iter().take(NEAREST).map(|(_, person)| person).collect()
    }

    /// Whether anybody can use the account, and did.
    fn use_of_it(&self) -> String {
        let Some(facts) = self.estate.graph.account(self.account) else { return String::new() };
        if !self.is_active() {
            return format!("It is {}, so that nobody can use it.", facts.lifecycle);
        }
        match (facts.last_activity.at(), facts.last_activity.state()) {
            (Some(at), _) => {
                format!("It can be used, and last was on {}.", day(at))
            }
            (None, FactState::Never) => "It can be used, and never was.".to_owned(),
            (None, _) => "It can be used; whether it is, the system does not tell.".to_owned(),
        }
    }

    fn is_active(&self) -> bool {
        self.estate.graph.account(self.account).is_some_and(|facts| facts.lifecycle.is_active())
    }

    fn name(&self, person: PersonIx) -> String {
        format!("{} ({})", self.estate.people.name(person), self.estate.people.key(person))
    }

    fn names(&self, persons: &[PersonIx]) -> String {
        let names: Vec<String> = persons.iter().take(LISTED).map(|person| self.name(*person)).collect();
        match persons.len().saturating_sub(LISTED) {
            0 => names.join(", "),
            more => format!("{} and {more} more", names.join(", ")),
        }
    }

    fn standing(&self, person: PersonIx) -> String {
        standing(self.estate, person, self.now)
    }
}

/// "is employed", "left on 2026-03-31": the predicate of a sentence about a person.
pub(in crate::cli) fn standing(estate: &Estate, person: PersonIx, now: Timestamp) -> String {
    match estate.people.standing(person, now) {
        Standing::Employed => "is employed".to_owned(),
        Standing::OnLeave => "is employed and on leave".to_owned(),
        Standing::Future { start } => start.map_or("starts later".to_owned(), |day| format!("starts on {day}")),
        Standing::Ended { .. } => {
            left_on(estate, person, now).map_or("has left".to_owned(), |day| format!("left on {day}"))
        }
        Standing::Unknown => match estate.people.person(person).vanished {
            Some(seen) => format!("is gone from HR without a termination, last seen on {}", day(seen)),
            None => "has no employment that HR describes".to_owned(),
        },
    }
}

/// "employed", "left on 2026-03-31": the same in a word or two.
pub(in crate::cli) fn word(standing: &str) -> &str {
    standing.strip_prefix("is ").unwrap_or(standing)
}

/// Department of a person's running employment, else of the last one.
pub(in crate::cli) fn department(estate: &Estate, person: PersonIx, now: Timestamp) -> Option<&str> {
    let people = &estate.people;
    let employments = &people.person(person).employments;
    let running = employments.iter().rev().find(|one| people.employment_standing(one, now).is_employed());
    running.or(employments.last())?.department.map(|name| people.text(name))
}

/// The last day of whoever has left: HR's own, else the day of the instant.
fn left_on(estate: &Estate, person: PersonIx, now: Timestamp) -> Option<jiff::civil::Date> {
    let people = &estate.people;
    let ended = people.person(person).employments.iter().filter_map(|one| match people.employment_standing(one, now) {
        Standing::Ended { at, .. } => Some((at?, one.end)),
        Standing::Employed | Standing::OnLeave | Standing::Future { .. } | Standing::Unknown => None,
    });
    let (at, last_day) = ended.max()?;
    Some(last_day.unwrap_or_else(|| day(at)))
}

fn day(at: Timestamp) -> jiff::civil::Date {
    at.to_zoned(jiff::tz::TimeZone::UTC).date()
}

fn bullet(sentence: &str) -> String {
    format!("  - {}\n", fill(&visible(sentence), WIDTH - 4).replace('\n', "\n    "))
}

fn lines(text: &mut String, table: &comfy_table::Table) {
    for line in table.lines() {
        text.push_str(line.trim_end());
        text.push('\n');
    }
}
