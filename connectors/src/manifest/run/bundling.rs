//! Gathers the calls of streams that are `bundled`, and hands each its own answer.
//!
//! ```text
//!   list ──► [`Session::together`] ──► queue ──► bundle ──► one POST ──► answers apart ──► each judged by the rules, as if alone
//!   list ──►        waits            ──►  │         └─ full, or nothing is on its way
//!   list ──►                              └─ not before its limits let it
//! ```
//!
//! A bundle leaves when it is full; one that is not leaves when no other is on its way, so that few are sent half empty and none waits
//! for a moment by the clock (as Nagle's algorithm gathers bytes, RFC 896). Whatever is wrong with the bundle itself, its calls are
//! made alone, and what they say then decides: what the bundle could not tell is never told as nothing.

use std::collections::VecDeque;
use std::convert::Infallible;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use futures::stream::{FuturesUnordered, StreamExt as _};
use http::header::DATE;
use tokio::sync::{Notify, oneshot};

use super::bundle::{self, Envelope};
use super::limits::Toll;
use super::session::{Answered, Question, Session};
use super::transport::Reply;
use super::trouble::Trouble;
use super::wire::Outgoing;
use crate::manifest::scope::Scope;

/// How often everybody else is let go first while the queue does not grow.
const PATIENCE: u32 = 4;

/// Calls that wait to be sent together.
#[derive(Debug)]
pub(super) struct Bundling {
    envelope: Envelope,
    queue: Mutex<VecDeque<Waiting>>,
    /// Somebody came into the queue.
    grew: Notify,
    /// No bundle is sent any more.
    off: AtomicBool,
    /// Numbers the calls of the run: an answer to another bundle than its own is known by its ids.
    next: AtomicU64,
}

/// A call in the queue.
#[derive(Debug)]
struct Waiting {
    call: Outgoing,
    /// Its address inside.
    inside: String,
    cost: u64,
    back: oneshot::Sender<Back>,
}

/// What became of a call in the queue.
#[derive(Debug)]
pub(super) enum Back {
    /// Its own answer.
    Reply(Box<Reply>),
    /// The system asks to wait longer than a scan waits.
    TooLong(Duration),
    /// The bundle does not tell: it is made alone.
    Alone,
}

impl Bundling {
    pub(super) fn new(envelope: Envelope) -> Self {
        Self {
            envelope,
            queue: Mutex::default(),
            grew: Notify::new(),
            off: AtomicBool::new(false),
            next: AtomicU64::new(1),
        }
    }

    fn queue(&self) -> std::sync::MutexGuard<'_, VecDeque<Waiting>> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Session {
    /// Calls that one bundle holds; 1 where there are none.
    pub(crate) fn bundled(&self) -> usize {
        self.bundling.as_ref().map_or(1, |bundling| bundling.envelope.most())
    }

    /// Asks together with others; `None` when the call is to be made alone.
    pub(super) async fn together(&self, question: &Question<'_>) -> Result<Option<Back>, Trouble> {
        let Some(bundling) = self.bundling.as_ref().filter(|_| question.bundled) else { return Ok(None) };
        let Some(inside) = bundling.envelope.inside(&question.request) else { return Ok(None) };
        if bundling.off.load(Ordering::Relaxed) {
            return Ok(None);
        }
        let (back, told) = oneshot::channel();
        let waiting = Waiting { call: question.request.clone(), inside, cost: question.cost, back };
        bundling.queue().push_back(waiting);
        bundling.grew.notify_one();
        match told.await {
            Ok(Back::Alone) => Ok(None),
            Ok(back) => Ok(Some(back)),
            Err(_closed) => Err(Trouble::Stopped),
        }
    }

    /// Sends what waits, for as long as it is polled: beside whatever asks.
    pub(crate) async fn bundle(&self) -> Infallible {
        let Some(bundling) = &self.bundling else { return std::future::pending().await };
        let mut on_their_way = FuturesUnordered::new();
        loop {
            bundling.settle().await;
            let (bundle, soonest) = self.gather(bundling, on_their_way.is_empty());
            if !bundle.is_empty() {
                on_their_way.push(self.carry(bundling, bundle));
                continue;
            }
            let pause = async {
                match soonest {
                    Some(pause) => self.clock.wait(pause).await,
                    None => std::future::pending().await,
                }
            };
            tokio::select! {
                biased;
                Some(()) = on_their_way.next(), if !on_their_way.is_empty() => {}
                () = bundling.grew.notified() => {}
                () = pause => {}
            }
        }
    }

    /// Takes the next bundle off the queue: a full one, or what there is when it `may_be_small`. When nothing can be sent only because of
    /// limits, says how long.
    fn gather(&self, bundling: &Bundling, may_be_small: bool) -> (Vec<Waiting>, Option<Duration>) {
        let most = bundling.envelope.most();
        let mut queue = bundling.queue();
        let (mut bundle, mut later): (Vec<Waiting>, VecDeque<Waiting>) = Default::default();
        let mut soonest: Option<Duration> = None;
        while bundle.len() < most
            && let Some(waiting) = queue.pop_front()
        {
            if waiting.back.is_closed() {
                continue;
            }
            let tolls: Vec<Toll<'_>> = bundle.iter().chain([&waiting]).map(Waiting::toll).collect();
            match self.limiter().room(&tolls) {
                Ok(Duration::ZERO) => bundle.push(waiting),
                Ok(pause) => {
                    soonest = Some(soonest.map_or(pause, |soonest| soonest.min(pause)));
                    later.push_back(waiting);
                }
                Err(asked) => {
                    let _nobody_waits = waiting.back.send(Back::TooLong(asked));
                }
            }
        }
        if bundle.len() < most && !may_be_small {
            // Back to its place before those that came later.
            bundle.drain(..).rev().for_each(|waiting| later.push_front(waiting));
        }
        later.append(&mut queue);
        *queue = later;
        (bundle, soonest)
    }

    /// Sends a bundle and gives everybody in it an answer.
    async fn carry(&self, bundling: &Bundling, bundle: Vec<Waiting>) {
        let first = bundling.next.fetch_add(bundle.len() as u64, Ordering::Relaxed);
        let ids: Vec<String> = (first..).take(bundle.len()).map(|id| id.to_string()).collect();
        let calls = ids.iter().zip(&bundle).map(|(id, waiting)| (id.as_str(), &waiting.call, waiting.inside.as_str()));
        let tolls: Vec<Toll<'_>> = bundle.iter().map(Waiting::toll).collect();
        let question = Question {
            request: bundling.envelope.pack(calls),
            way: None,
            scope: &Scope::new(),
            cost: 0,
            child: false,
            bundled: false,
            tolls: Some(&tolls),
            expired: None,
            needs: &[],
        };
        let told = match self.ask(&question).await {
            Ok(Answered::Reply(reply)) => bundle::open(&reply.body, &ids).map(|answers| (reply, answers)),
            Ok(Answered::Gap(gap) | Answered::Gone(gap) | Answered::Restart(gap)) => Err(gap.what),
            Ok(Answered::Empty) => Err("the system says that there is nothing".into()),
            Err(Trouble::Stopped) => return, // whoever waits sees that nobody will answer
            Err(trouble) => Err(trouble.gap("the bundle").what),
        };
        let (reply, answers) = match told {
            Ok((reply, answers)) => (Some(reply), answers),
            Err(why) => {
                if !bundling.off.swap(true, Ordering::Relaxed) {
                    self.tell(&format!("calls are made one by one from now on: {why}"));
                }
                (None, Vec::new())
            }
        };
        let answers = answers.into_iter().chain(std::iter::repeat(None));
        for (waiting, answer) in bundle.into_iter().zip(answers) {
            let back = match (&reply, answer) {
                (Some(reply), Some(answer)) => Back::Reply(Box::new(alone(&waiting.call, answer, reply))),
                (_, _) => Back::Alone,
            };
            let _nobody_waits = waiting.back.send(back);
        }
        if bundling.off.load(Ordering::Relaxed) {
            for waiting in bundling.queue().drain(..) {
                let _nobody_waits = waiting.back.send(Back::Alone);
            }
        }
    }
}

impl Waiting {
    fn toll(&self) -> Toll<'_> {
        Toll { path: self.call.url.path(), cost: self.cost }
    }
}

impl Bundling {
    /// Lets everybody go first who may have something to add.
    async fn settle(&self) {
        let (mut before, mut idle) = (0, 0);
        while idle < PATIENCE {
            let waiting = self.queue().len();
            if waiting == 0 || waiting >= self.envelope.most() {
                return;
            }
            idle = if waiting == before { idle + 1 } else { 0 };
            before = waiting;
            tokio::task::yield_now().await;
        }
    }
}

/// The answer out of a bundle as the reply that would have come to its call.
fn alone(call: &Outgoing, answer: bundle::Answer, bundle: &Reply) -> Reply {
    let bytes = if answer.status.is_success() { Bytes::new() } else { answer.incoming().body };
    let bundle::Answer { status, mut headers, body } = answer;
    if let Some(date) = bundle.headers.get(DATE).filter(|_| !headers.contains_key(DATE)) {
        headers.insert(DATE, date.clone());
    }
    let (request, url) = (call.shown(), call.url.clone());
    Reply { request, url, status, headers, body, illegible: None, bytes, token: bundle.token }
}
