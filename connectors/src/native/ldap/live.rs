//! A directory as its server answers, page by page.
//!
//! ```text
//!   server ──► ldap3's task (BER) ──► this task (pages, ranges, verdicts) ──► a thread (Intake: records) ──► sink
//! ```
//!
//! The next page is asked for as soon as the last one ended, while the thread still maps it; the channel between them
//! holds a few hundred entries, so a slow store slows the server down.

use std::collections::HashSet;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{mpsc, oneshot};

use super::attributes::{Attr, Entry, Flavour};
use super::client::{self, Answer, Client, Failure, Found, Login, PageEnd, RootDse, Target};
use super::intake::{Intake, Unresolved};
use super::mapping::Reading;
use super::{code, dn, reference_gap};
use crate::scope::{Gap, Probe};
use crate::secret::{CredentialSource, Environment, Secret};
use crate::sink::{Sink, SinkClosed};
use crate::{ConnectorError, Run};

/// Entries handed to the mapping thread at once.
const BUNDLE: usize = 256;
/// Bundles between the two.
const BUNDLES: usize = 4;
/// Names looked up again after the last page: more than that are not created during one scan.
const SECOND_LOOKS: usize = 1000;
/// Times that a busy server is asked again, with doubled waits.
const BUSY_RETRIES: u32 = 3;
/// First wait for a busy server.
const BUSY_WAIT: Duration = Duration::from_millis(250);
/// Pages without an entry that a server may send in a row.
const EMPTY_PAGES: u32 = 1000;

/// A server to read.
#[derive(Debug, Clone)]
pub(super) struct Server {
    /// Where.
    pub(super) target: Target,
    /// The folder that relative paths count from.
    pub(super) folder: PathBuf,
    /// The environment, for the secret.
    pub(super) environment: Arc<Environment>,
    /// Bases as configured; none means the server's naming contexts.
    pub(super) bases: Vec<String>,
    /// Naming contexts that are read elsewhere.
    pub(super) elsewhere: Vec<String>,
    /// Bind DN.
    pub(super) bind_dn: Option<String>,
    /// Where its password is kept.
    pub(super) credential: Option<CredentialSource>,
    /// Whether to bind by SASL EXTERNAL.
    pub(super) external: bool,
    /// Entries a page.
    pub(super) page_size: i32,
    /// Flavour, when it is not to be asked.
    pub(super) flavour: Option<Flavour>,
    /// Whether e-mail addresses count as verified.
    pub(super) emails_verified: bool,
}

/// What the mapping thread is told.
enum Message {
    Entries(usize, Vec<Entry>),
    Page(usize),
    Gap(usize, Gap),
    Fail(usize, Gap),
    MembershipGap(usize, Gap),
    Unresolved(oneshot::Sender<Vec<(usize, String)>>),
    Finish(Unresolved),
}

/// Why reading ends early.
enum Stop {
    /// The run was cancelled, or nobody takes records any more.
    Stopped,
}

impl From<Failure> for ConnectorError {
    fn from(failure: Failure) -> Self {
        match failure {
            Failure::Cancelled => Self::Stopped,
            Failure::Gap(gap) => Self::Failed(gap),
        }
    }
}

impl Server {
    /// Connects, binds and reads the root DSE.
    async fn open(&self, run: &Run) -> Result<(Client, RootDse), ConnectorError> {
        let secret = match &self.credential {
            Some(source) => Some(source.fetch(&self.environment, &self.folder).await?),
            None => None,
        };
        let mut client = Client::connect(&self.target, &self.folder, &run.cancel).await?;
        client.bind(self.login(secret.as_ref())).await?;
        let root = client.root_dse().await?;
        Ok((client, root))
    }

    fn login<'a>(&'a self, secret: Option<&'a Secret>) -> Login<'a> {
        match (&self.bind_dn, secret) {
            (Some(dn), Some(secret)) => Login::Simple(dn, secret),
            _ if self.external => Login::External,
            _ => Login::Anonymous,
        }
    }

    fn identity(&self) -> &str {
        match (&self.bind_dn, self.external) {
            (Some(dn), _) => dn,
            (None, true) => "(external)",
            (None, false) => "(anonymous)",
        }
    }

    /// Reads every base.
    pub(super) async fn collect(&self, run: &Run, sink: &Sink) -> Result<(), ConnectorError> {
        let (client, root) = match self.open(run).await {
            Ok(opened) => opened,
            Err(error) => {
                self.fail_bases(sink, &error, run).await?;
                return Err(error);
            }
        };
        let bases = if self.bases.is_empty() { data_contexts(&root) } else { self.bases.clone() };
        if bases.is_empty() {
            let gap = Gap::new(code::BASE, "the server names no naming context")
                .cause("the bind DN may not read the root DSE")
                .fix("set `base`");
            return Err(ConnectorError::Failed(gap));
        }
        let flavour = self.flavour.unwrap_or_else(|| client::flavour(&root));
        let reading = Reading { at: Some(run.now), emails_verified: self.emails_verified };
        let mut intake = Intake::open(sink, &bases, &self.elsewhere, reading);
        intake.each(|scope| scope.identity(self.identity()));
        intake.probe(&Probe { permission: "bind".to_owned(), granted: Some(true), detail: None });
        let (messages, inbox) = mpsc::channel(BUNDLES);
        let mapping = tokio::task::spawn_blocking(move || map(intake, inbox));
        let mut reader = Walk {
            client,
            attrs: Attr::requested(flavour),
            page_size: self.page_size,
            elsewhere: &self.elsewhere,
            run,
            messages,
        };
        let walked = reader.walk(&bases, flavour).await;
        let Walk { client, messages, .. } = reader;
        drop(messages);
        client.unbind().await;
        if let Err(Stop::Stopped) = walked {
            // The thread ends by itself and its scopes are reported as failed.
            if run.cancel.is_cancelled() {
                return Err(ConnectorError::Stopped);
            }
        }
        tokio::select! {
            () = run.cancel.cancelled() => Err(ConnectorError::Stopped),
            mapped = mapping => match mapped {
                Ok(outcome) => Ok(outcome?),
                Err(error) => Err(ConnectorError::Failed(
                    Gap::new(code::MALFORMED, "the entries could not be turned into records")
                        .cause(error.to_string())
                        .fix("report this as a fault of muster"),
                )),
            },
        }
    }

    /// Reports every configured base as failed when the server could not be opened.
    async fn fail_bases(&self, sink: &Sink, error: &ConnectorError, run: &Run) -> Result<(), ConnectorError> {
        let gap = match error {
            ConnectorError::Stopped => return Ok(()),
            ConnectorError::Failed(gap) => gap.clone(),
            ConnectorError::Secret(error) => Gap::new(code::BIND, format!("no password for `{}`", self.identity()))
                .cause(error.to_string())
                .fix("set what `credential` names"),
        };
        let reading = Reading { at: Some(run.now), emails_verified: false };
        let mut intake = Intake::open(sink, &self.bases, &self.elsewhere, reading);
        intake.fail_all(&gap);
        let finishing = tokio::task::spawn_blocking(move || intake.finish(Unresolved::Dangling));
        match finishing.await {
            Ok(finished) => Ok(finished?),
            Err(_panicked) => Err(ConnectorError::Stopped),
        }
    }

    /// Who we are, and what we may read.
    pub(super) async fn probe(&self, run: &Run) -> Result<Vec<Probe>, ConnectorError> {
        let (mut client, root) = self.open(run).await?;
        let mut probes =
            vec![Probe { permission: format!("bind as {}", self.identity()), granted: Some(true), detail: None }];
        probes.push(Probe {
            permission: "paged results".to_owned(),
            granted: Some(root.pages),
            detail: (!root.pages).then(|| "the root DSE does not announce 1.2.840.113556.1.4.319".to_owned()),
        });
        let flavour = self.flavour.unwrap_or_else(|| client::flavour(&root));
        let bases = if self.bases.is_empty() { data_contexts(&root) } else { self.bases.clone() };
        for base in &bases {
            probes.extend(probe_base(&mut client, base, flavour).await?);
        }
        client.unbind().await;
        Ok(probes)
    }
}

/// Reads a first page of the base, and says which of the attributes that matter it shows.
async fn probe_base(client: &mut Client, base: &str, flavour: Flavour) -> Result<Vec<Probe>, ConnectorError> {
    let telling: &[Attr] = match flavour {
        Flavour::ActiveDirectory => &[
            Attr::ObjectGuid,
            Attr::UserAccountControl,
            Attr::PwdLastSet,
            Attr::LastLogonTimestamp,
            Attr::AccountExpires,
            Attr::PrimaryGroupId,
            Attr::Member,
        ],
        Flavour::OpenLdap => &[Attr::EntryUuid, Attr::Mail, Attr::Member, Attr::PwdChangedTime, Attr::PwdLastSuccess],
    };
    let mut page = client.page(base, &Attr::requested(flavour), 500, Vec::new()).await?;
    let (mut seen, mut entries) = (0_u128, 0_u32);
    while let Some(answer) = page.next().await? {
        if let Answer::Found(found) = answer {
            entries += 1;
            found.entry.iter().for_each(|(attr, _)| seen |= attr.bit());
        }
    }
    let end = page.end().await?;
    if end.result.rc != 0 {
        let gap = client::refusal("the search", &end.result);
        return Ok(vec![Probe { permission: format!("search {base}"), granted: Some(false), detail: Some(gap.what) }]);
    }
    let search = Probe {
        permission: format!("search {base}"),
        granted: Some(entries > 0),
        detail: (entries == 0).then(|| "the search succeeds and shows no entry".to_owned()),
    };
    let attribute = |attr: &Attr| {
        let granted = seen & attr.bit() != 0;
        let detail = (!granted).then(|| format!("none of the first {entries} entries shows it"));
        Probe { permission: format!("read {} in {base}", attr.name()), granted: Some(granted), detail }
    };
    Ok(std::iter::once(search).chain(telling.iter().map(attribute)).collect())
}

/// The naming contexts that can hold accounts: not configuration, schema or DNS zones, nor one inside another.
fn data_contexts(root: &RootDse) -> Vec<String> {
    let names: Vec<String> = root.contexts.iter().map(|name| dn::normalise(name)).collect();
    let holds_accounts = |(position, name): &(usize, &String)| {
        let inside = names.iter().enumerate().any(|(other, base)| other != *position && dn::is_within(name, base));
        !inside && !super::holds_no_accounts(name)
    };
    let kept = names.iter().enumerate().filter(holds_accounts);
    kept.map(|(position, _)| root.contexts[position].clone()).collect()
}

/// The mapping thread.
fn map(mut intake: Intake, mut inbox: mpsc::Receiver<Message>) -> Result<(), SinkClosed> {
    while let Some(message) = inbox.blocking_recv() {
        match message {
            Message::Entries(base, entries) => entries.iter().try_for_each(|entry| intake.entry(base, entry))?,
            Message::Page(base) => intake.page(base),
            Message::Gap(base, gap) => intake.gap(base, &gap),
            Message::Fail(base, gap) => intake.fail(base, &gap),
            Message::MembershipGap(base, gap) => intake.membership_gap(base, gap),
            Message::Unresolved(answer) => {
                let _gone = answer.send(intake.unresolved());
            }
            Message::Finish(unresolved) => return intake.finish(unresolved),
        }
    }
    // The reader stopped: the scopes are dropped unfinished, and so reported as failed.
    Err(SinkClosed)
}

/// Reads bases and tells the mapping thread.
struct Walk<'a> {
    client: Client,
    attrs: Vec<&'static str>,
    page_size: i32,
    elsewhere: &'a [String],
    run: &'a Run,
    messages: mpsc::Sender<Message>,
}

impl Walk<'_> {
    async fn walk(&mut self, bases: &[String], flavour: Flavour) -> Result<(), Stop> {
        for (index, base) in bases.iter().enumerate() {
            self.base(index, base).await?;
        }
        self.second_look().await?;
        self.tell(Message::Finish(match flavour {
            Flavour::ActiveDirectory => Unresolved::Hidden,
            Flavour::OpenLdap => Unresolved::Dangling,
        }))
        .await
    }

    /// Tells the mapping thread; waits while it is behind, but not when the run is cancelled.
    async fn tell(&self, message: Message) -> Result<(), Stop> {
        tokio::select! {
            biased;
            () = self.run.cancel.cancelled() => Err(Stop::Stopped),
            sent = self.messages.send(message) => sent.map_err(|_gone| Stop::Stopped),
        }
    }

    /// Reads a base to its end, or says why not.
    async fn base(&mut self, index: usize, base: &str) -> Result<(), Stop> {
        let mut pages = Pages::default();
        let mut cookie = Vec::new();
        let mut busy = 0;
        loop {
            let (end, read) = match self.page(index, base, cookie.clone(), &mut pages).await? {
                Ok(page) => page,
                Err(gap) => return self.broken(index, base, gap, &pages).await,
            };
            self.tell(Message::Page(index)).await?;
            match end.result.rc {
                0 => {}
                51 | 52 if busy < BUSY_RETRIES && read == 0 => {
                    self.wait(BUSY_WAIT * 2_u32.pow(busy)).await?;
                    busy += 1;
                    continue;
                }
                _ => {
                    let what = format!("the search below `{base}`, after {} entries,", pages.entries);
                    return self.broken(index, base, client::refusal(&what, &end.result), &pages).await;
                }
            }
            busy = 0;
            if end.cookie.is_empty() {
                return Ok(());
            }
            if let Some(gap) = pages.turn(base) {
                return self.tell(Message::Fail(index, gap)).await;
            }
            cookie = end.cookie;
        }
    }

    /// A base that ended early: partial when something was read, failed when nothing was.
    async fn broken(&self, index: usize, base: &str, gap: Gap, pages: &Pages) -> Result<(), Stop> {
        if pages.entries == 0 {
            return self.tell(Message::Fail(index, gap)).await;
        }
        let what = format!("`{base}` was not read to its end: {}", gap.what);
        self.tell(Message::Gap(index, Gap { what, ..gap })).await
    }

    async fn wait(&self, time: Duration) -> Result<(), Stop> {
        tokio::select! {
            () = self.run.cancel.cancelled() => Err(Stop::Stopped),
            () = tokio::time::sleep(time) => Ok(()),
        }
    }

    /// Reads a page: how it ended, and how many entries it had. The inner error is a connection that broke.
    async fn page(
        &mut self,
        index: usize,
        base: &str,
        cookie: Vec<u8>,
        pages: &mut Pages,
    ) -> Result<Result<(PageEnd, u64), Gap>, Stop> {
        let mut page = match self.client.page(base, &self.attrs, self.page_size, cookie).await {
            Ok(page) => page,
            Err(failure) => return gap_of(failure).map(Err),
        };
        let before = pages.entries;
        let mut bundle = Vec::with_capacity(BUNDLE);
        let broken = loop {
            match page.next().await {
                Ok(None) => break None,
                Ok(Some(Answer::Found(found))) => {
                    pages.saw(&found.entry);
                    bundle.push(self.complete(index, found).await?);
                    if bundle.len() == BUNDLE {
                        let full = std::mem::replace(&mut bundle, Vec::with_capacity(BUNDLE));
                        self.tell(Message::Entries(index, full)).await?;
                    }
                }
                Ok(Some(Answer::References(urls))) => self.references(index, base, &urls).await?,
                Ok(Some(Answer::Malformed)) => {
                    let gap = Gap::new(code::MALFORMED, "an entry of the answer cannot be read")
                        .cause("it is not a search result entry as RFC 4511 has it, or its DN is not UTF-8")
                        .fix("see whether `ldapsearch` can read it, and report what you find");
                    self.tell(Message::Gap(index, gap)).await?;
                }
                Err(failure) => break Some(gap_of(failure)?),
            }
        };
        self.tell(Message::Entries(index, bundle)).await?;
        if let Some(gap) = broken {
            return Ok(Err(gap));
        }
        match page.end().await {
            Ok(end) => Ok(Ok((end, pages.entries - before))),
            Err(failure) => gap_of(failure).map(Err),
        }
    }

    async fn references(&self, index: usize, base: &str, urls: &[String]) -> Result<(), Stop> {
        let base = dn::normalise(base);
        // Several URLs name the same entries on several servers.
        if let Some(gap) = urls.first().and_then(|url| reference_gap(url, &base, self.elsewhere)) {
            self.tell(Message::Gap(index, gap)).await?;
        }
        Ok(())
    }

    /// Fetches what is missing of long attributes.
    async fn complete(&mut self, index: usize, found: Found) -> Result<Entry, Stop> {
        let Found { mut entry, unfinished } = found;
        for (attr, first) in unfinished {
            let mut low = first;
            loop {
                let asked = vec![format!("{};range={low}-*", attr.name())];
                let part = match self.client.entry(&entry.dn, asked).await {
                    Ok(part) => part.and_then(|part| client::next_part(part, attr, low)),
                    Err(failure) => {
                        let gap = gap_of(failure)?;
                        self.tell(Message::MembershipGap(index, range_gap(&entry, attr, low).cause(gap.what))).await?;
                        break;
                    }
                };
                let Some((values, next)) = part else {
                    let gap = range_gap(&entry, attr, low)
                        .cause("the server's answer did not go on where the last one ended");
                    self.tell(Message::MembershipGap(index, gap)).await?;
                    break;
                };
                entry.add(attr, values);
                match next {
                    Some(next) => low = next,
                    None => break,
                }
            }
        }
        Ok(entry)
    }

    /// Reads names that members or groups mention and no page showed: they may have been created while we read.
    async fn second_look(&mut self) -> Result<(), Stop> {
        let (answer, asked) = oneshot::channel();
        self.tell(Message::Unresolved(answer)).await?;
        let unresolved = asked.await.map_err(|_gone| Stop::Stopped)?;
        let attrs: Vec<String> = self.attrs.iter().map(|attr| (*attr).to_owned()).collect();
        for (index, name) in unresolved.into_iter().take(SECOND_LOOKS) {
            match self.client.entry(&name, attrs.clone()).await {
                Ok(Some(found)) => {
                    let entry = self.complete(index, found).await?;
                    self.tell(Message::Entries(index, vec![entry])).await?;
                }
                Ok(None) => {}
                Err(failure) => {
                    let gap = gap_of(failure)?;
                    return self.tell(Message::Gap(index, gap)).await;
                }
            }
        }
        Ok(())
    }
}

fn gap_of(failure: Failure) -> Result<Gap, Stop> {
    match failure {
        Failure::Cancelled => Err(Stop::Stopped),
        Failure::Gap(gap) => Ok(gap),
    }
}

fn range_gap(entry: &Entry, attr: Attr, low: u64) -> Gap {
    Gap::new(code::RANGE, format!("`{}` of `{}` could not be read from value {low} on", attr.name(), entry.dn))
        .fix("collect again; if it stays, read the group with `ldapsearch` and see what the server answers")
}

/// The pages of a base so far.
#[derive(Default)]
struct Pages {
    entries: u64,
    in_page: u64,
    hash: DefaultHasher,
    seen: HashSet<u64>,
    empty: u32,
}

impl Pages {
    fn saw(&mut self, entry: &Entry) {
        self.entries += 1;
        self.in_page += 1;
        entry.dn.hash(&mut self.hash);
    }

    /// Ends a page that says there are more; a gap when the server goes in circles.
    ///
    /// The cookie alone proves nothing: Samba sends the same one for every page of a search. A page whose names were
    /// all on an earlier page, in the same order, does.
    fn turn(&mut self, base: &str) -> Option<Gap> {
        let hash = std::mem::take(&mut self.hash).finish();
        let repeated = if std::mem::take(&mut self.in_page) == 0 {
            self.empty += 1;
            self.empty >= EMPTY_PAGES
        } else {
            self.empty = 0;
            !self.seen.insert(hash)
        };
        repeated.then(|| {
            Gap::new(code::LOOP, format!("the server repeats a page of `{base}` after {} entries", self.entries))
                .cause("its paging cookie leads back to where it was, so entries may be missing")
                .fix("use another `page_size`, or read the directory from an LDIF export")
        })
    }
}
