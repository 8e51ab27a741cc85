//! From what was asked to what is written: nothing is written unless all of it can be.

use std::io::Write as _;

use jiff::civil::Date;
use muster_reports::view::{Finding, State, View};

use super::{Action, Decision, show};
use crate::cli::outcome::{Exit, Failure, Outcome};
use crate::cli::output::open;
use crate::cli::session::Session;
use crate::config::Config;
use crate::config::policy::Handling;
use crate::config::policy::edit::Signature;
use crate::config::policy::edit::findings::{Changes, NewException, NewHandling, Release, about};
use crate::diagnostic::{Diagnostic, visible};
use crate::rules::ctl::exception_lapsed;

/// The environment's name of who decides.
const AUTHOR: &str = "MUSTER_AUTHOR";

/// Shortest start of a fingerprint that names a finding.
const SHORTEST: usize = 4;

/// Where decisions are taken and signed.
struct Desk<'a> {
    config: &'a Config,
    signed: Signature,
    changes: Changes,
    problems: Vec<Diagnostic>,
    /// Findings that are decided so already.
    known: usize,
}

/// Takes a decision about findings.
///
/// # Errors
/// [`Failure`] with everything that keeps it from being taken; nothing is written then.
pub(super) fn run(action: &Action, session: &Session, config: &Config, view: &View) -> Result<Outcome, Failure> {
    let decision = match action {
        Action::Ack { decision }
        | Action::Snooze { decision, .. }
        | Action::Accept { decision, .. }
        | Action::Owner { decision, .. }
        | Action::Reopen { decision } => decision,
        Action::List | Action::Show { .. } => return Ok(Outcome::answered()),
    };
    let signed = signature(session, config, decision.author.as_deref())?;
    let mut desk = Desk { config, signed, changes: Changes::default(), problems: Vec::new(), known: 0 };
    let findings = desk.named(view, &decision.fingerprints);
    match action {
        Action::Ack { .. } => desk.handle(&findings, Handling::Acknowledge, decision, None, None),
        Action::Snooze { until, .. } => desk.handle(&findings, Handling::Snooze, decision, Some(*until), None),
        Action::Owner { to, .. } => desk.handle(&findings, Handling::Owner, decision, None, Some(to)),
        Action::Accept { .. } => desk.accept(&findings, action),
        Action::Reopen { .. } => desk.reopen(&findings, decision),
        Action::List | Action::Show { .. } => {}
    }
    desk.settle(&findings, decision.dry_run)
}

/// Who decides, and on which day.
///
/// # Errors
/// Nobody signs.
pub(in crate::cli) fn signature(
    session: &Session,
    config: &Config,
    author: Option<&str>,
) -> Result<Signature, Failure> {
    let environment = session.environment.get(AUTHOR).map(String::as_str);
    let author = author.or(environment).map(str::trim).filter(|author| !author.is_empty());
    let Some(author) = author else {
        return Err(Diagnostic::error("LNK008", "a decision needs an author")
            .cause(format!("neither --author nor {AUTHOR} names one"))
            .fix(format!("add `--author you@company.example`, or set {AUTHOR} in your environment"))
            .into());
    };
    let on = session.now(config).to_zoned(config.timezone.value.clone()).date();
    Ok(Signature { author: author.to_owned(), on })
}

impl Desk<'_> {
    /// The findings that are meant, each once, in the order of the view.
    fn named<'v>(&mut self, view: &'v View, starts: &[String]) -> Vec<&'v Finding> {
        let standing: Vec<&Finding> = view.findings.iter().chain(&view.unconfirmed).collect();
        let mut places = Vec::new();
        for start in starts {
            let wanted = start.to_lowercase();
            let fits = |text: &str| wanted.len() >= SHORTEST && text.starts_with(&wanted);
            let of = |is: &dyn Fn(&Finding) -> bool| -> Vec<usize> {
                standing.iter().enumerate().filter(|(_, one)| is(one)).map(|(place, _)| place).collect()
            };
            let single = of(&|one| fits(&one.fingerprint));
            let folded = of(&|one| one.fold.as_ref().is_some_and(|fold| fits(&fold.key)));
            let mut keys: Vec<&str> =
                folded.iter().filter_map(|place| Some(standing[*place].fold.as_ref()?.key.as_str())).collect();
            keys.dedup();
            match (single.len() + keys.len(), single.first()) {
                (1, Some(place)) => places.push(*place),
                (1, None) => places.extend(folded),
                (0, _) => self.problems.push(
                    Diagnostic::error("CHK002", format!("no finding's fingerprint starts with `{start}`"))
                        .cause(format!("at least {SHORTEST} digits name one; what is resolved is not decided about"))
                        .fix("`muster findings list` shows them"),
                ),
                (_, _) => self.problems.push(
                    Diagnostic::error("CHK002", format!("several findings' fingerprints start with `{start}`"))
                        .fix("write more of it"),
                ),
            }
        }
        places.sort_unstable();
        places.dedup();
        places.into_iter().map(|place| standing[place]).collect()
    }

    fn refuse(&mut self, what: String, fix: &str) {
        self.problems.push(Diagnostic::error("FND001", what).fix(fix));
    }

    /// The reason, which only an owner does not need.
    fn reason(&mut self, decision: &Decision, default: Option<&str>) -> String {
        let given = decision.reason.as_deref().map(str::trim).filter(|reason| !reason.is_empty());
        if given.or(default).is_none() {
            self.problems.push(
                Diagnostic::error("CLI001", "a decision needs a reason")
                    .fix("add `--reason \"…\"`: who reviews it must understand it"),
            );
        }
        given.or(default).unwrap_or_default().to_owned()
    }

    fn last_day(&mut self, until: Date) {
        if until < self.signed.on {
            self.refuse(format!("the decision would have ended on {until}"), "give a day that is still to come");
        }
    }

    fn handle(
        &mut self,
        findings: &[&Finding],
        verdict: Handling,
        decision: &Decision,
        until: Option<Date>,
        owner: Option<&String>,
    ) {
        let reason = self.reason(decision, (verdict == Handling::Owner).then_some("routed by hand"));
        if let Some(until) = until {
            self.last_day(until);
        }
        if owner.is_some_and(|owner| owner.trim().is_empty()) {
            self.refuse("nobody is named as owner".to_owned(), "name who has to act; `reopen` takes a decision back");
        }
        for finding in findings {
            if let (Some(id), Handling::Acknowledge | Handling::Snooze) = (&finding.exception, verdict) {
                let what = format!("{} is accepted already ({id})", visible(&about(finding)));
                self.refuse(what, "take it back with `muster findings reopen` first");
                continue;
            }
            let mut is_known = false;
            for (place, before) in self.config.policy.findings.iter().enumerate() {
                if before.withdrawn || before.verdict != verdict || before.finding != finding.fingerprint {
                    continue;
                }
                is_known = before.reason == reason && before.until == until && before.owner.as_ref() == owner;
                // A finding that came back is acknowledged anew.
                is_known &= verdict != Handling::Acknowledge || finding.state == State::Acknowledged;
                if !is_known {
                    self.changes.withdrawn.push((place, format!("replaced: {reason}")));
                }
            }
            if is_known {
                self.known += 1;
                continue;
            }
            self.changes.new.push(NewHandling {
                verdict,
                finding: finding.fingerprint.clone(),
                about: about(finding),
                owner: owner.map(|owner| owner.trim().to_owned()),
                until,
                reason: reason.clone(),
            });
        }
    }

    fn accept(&mut self, findings: &[&Finding], action: &Action) {
        let Action::Accept { decision, until, approver, risk_owner, mitigation, id } = action else { return };
        let reason = self.reason(decision, None);
        self.last_day(*until);
        let days =
            crate::check::options(self.config).map_or(0, |options| options.value(&exception_lapsed::RULE, "max_days"));
        let longest = jiff::Span::new().try_days(days).ok().and_then(|span| self.signed.on.checked_add(span).ok());
        if let Some(longest) = longest.filter(|longest| until > longest) {
            let what = format!("a risk is accepted for at most {days} days, until {longest}");
            self.refuse(what, "give an earlier day, or change `max_days` of `[rules.CTL-009]` in a review");
        }
        let owner = risk_owner.clone().unwrap_or_else(|| self.signed.author.clone());
        let (owner, approver) = (owner.trim().to_owned(), approver.trim().to_owned());
        if owner.is_empty() || approver.is_empty() {
            self.refuse("an accepted risk has an owner and an approver".to_owned(), "name both");
        } else if owner.to_lowercase() == approver.to_lowercase() {
            let what = format!("{} would own and approve the risk", visible(&owner));
            self.refuse(what, "have somebody else approve it, or name who answers for it with --risk-owner");
        }
        for finding in findings {
            if let Some(id) = &finding.exception {
                let what = format!("{} is accepted already ({id})", visible(&about(finding)));
                self.refuse(what, "take it back with `muster findings reopen` first, or change its block");
            }
        }
        let exceptions = &self.config.policy.exceptions;
        let id = id.clone().unwrap_or_else(|| {
            let numbers = exceptions.iter().filter_map(|one| one.id.strip_prefix("EX-")?.parse::<u32>().ok());
            format!("EX-{:04}", numbers.max().unwrap_or_default().saturating_add(1))
        });
        if let Some(other) = exceptions.iter().find(|one| one.id == id) {
            let what = format!("there is an exception `{}` already, at {}", visible(&id), other.place);
            self.refuse(what, "give another --id");
        }
        let mut evidence: Vec<String> = findings.iter().map(|finding| finding.evidence_hash.clone()).collect();
        evidence.sort();
        evidence.dedup();
        let named = |finding: &&Finding| (finding.fingerprint.clone(), about(finding));
        self.changes.exception = Some(NewException {
            id,
            findings: findings.iter().map(named).collect(),
            evidence,
            owner,
            approver,
            reason,
            expires: *until,
            mitigation: mitigation.clone(),
        });
    }

    fn reopen(&mut self, findings: &[&Finding], decision: &Decision) {
        let reason = self.reason(decision, None);
        let policy = &self.config.policy;
        let mut touched = vec![false; findings.len()];
        for (place, before) in policy.findings.iter().enumerate().filter(|(_, before)| !before.withdrawn) {
            if let Some(at) = findings.iter().position(|finding| finding.fingerprint == before.finding) {
                touched[at] = true;
                self.changes.withdrawn.push((place, reason.clone()));
            }
        }
        for (place, before) in policy.exceptions.iter().enumerate().filter(|(_, before)| !before.withdrawn) {
            let mut released = Vec::new();
            for (at, finding) in findings.iter().enumerate() {
                if before.findings.contains(&finding.fingerprint) {
                    touched[at] = true;
                    released.push(finding.fingerprint.clone());
                }
            }
            let release = match released.len() {
                0 => continue,
                all if all == before.findings.len() => Release::Whole,
                _ => Release::Findings(released),
            };
            self.changes.released.push((place, release, reason.clone()));
        }
        for (finding, _) in findings.iter().zip(touched).filter(|(_, touched)| !touched) {
            match &finding.exception {
                Some(id) => {
                    let place = policy.exceptions.iter().find(|one| one.id == *id).map(|one| one.place.to_string());
                    let what = format!("{} is accepted by {id}, which covers more than it", visible(&about(finding)));
                    let fix = format!("change the block at {} in a review", place.unwrap_or_default());
                    self.refuse(what, &fix);
                }
                None => self.refuse(
                    format!("nothing that counts was decided about {}", visible(&about(finding))),
                    "`muster findings show` tells what was decided",
                ),
            }
        }
    }

    /// Shows what will be written, and writes it.
    fn settle(self, findings: &[&Finding], dry_run: bool) -> Result<Outcome, Failure> {
        if !self.problems.is_empty() {
            return Err(Failure::Told(self.problems));
        }
        let changes = &self.changes;
        if *changes == Changes::default() {
            return Ok(Outcome::new(Exit::Clean, "this is decided already, in the same words"));
        }
        let mut out = open(None)?;
        for finding in findings {
            let (state, about) = (show::state(finding), about(finding));
            writeln!(
                out,
                "{} {} ({state}): {}",
                &finding.fingerprint[..12],
                visible(&about),
                visible(&finding.message)
            )?;
        }
        out.close()?;
        let number = match findings.len() - self.known {
            1 => "1 finding".to_owned(),
            more => format!("{more} findings"),
        };
        if dry_run {
            return Ok(Outcome::new(Exit::Clean, format!("dry run: a decision about {number} would be written")));
        }
        let policy = &self.config.policy;
        let written = policy.write_findings(&self.config.policy_folder.value, changes, &self.signed)?;
        let files: Vec<String> = written.iter().map(|path| format!("`{}`", path.display())).collect();
        let id = changes.exception.as_ref().map(|one| format!(" as {}", one.id)).unwrap_or_default();
        let told =
            format!("a decision about {number} was written{id} to {}; review and commit it", files.join(" and "));
        Ok(Outcome::new(Exit::Clean, told))
    }
}
