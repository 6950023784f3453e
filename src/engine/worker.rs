//! One worker per leased host: it waits for the host's gate, asks, and hands on what comes back,
//! until the host has nothing more to do now.
//!
//! ```text
//! queue ─> robots book ─> gate, page permit, slot, bytes, rate ─> fetch ─> digest ─> writer
//!   ▲                                                                                  │
//!   └──────────────── refill (asks the session loop) <──── settled (after COMMIT) <────┘
//! ```
//!
//! A URL is *held* from lease to commit: until then the store still has it queued and would hand
//! it out again. The lease is released when nothing is held any longer.

use std::collections::{HashSet, VecDeque};
use std::sync::Arc;
use std::sync::atomic::Ordering;

use futures_util::StreamExt;
use futures_util::future::BoxFuture;
use futures_util::stream::FuturesUnordered;
use tokio::sync::{OwnedSemaphorePermit, mpsc, oneshot};

use crate::fetch::{Fetcher, Reservation};
use crate::model::{
    Exchange, FetchRequest, HostLease, LeasedUrl, Ledger, Outcome, Overflow, Release, RobotsRecord, UrlId, Visit,
};
use crate::politeness;
use crate::store::Refill;
use crate::verdict::{self, Attempt};

use super::digest::{self, Landing};
use super::gate::Gate;
use super::pages::PagePermit;
use super::robots::{self, Chase, Landed, RobotsBook, Say};
use super::shared::{Ask, Item, Shared};
use super::{Clock, Limit, Stop};

/// A host that must wait longer than this gives its lease back.
const LONGEST_WAIT_MS: u64 = 10_000;
/// Time for requests in flight to end once the session drains, in ms.
pub(super) const DRAIN_MS: u64 = 10_000;
/// Failures in a row after which a host's URLs are given up untried while it is backed off.
const DEAD_HOST_FAILURES: u32 = 8;
/// URLs visited under one lease before others that wait get their turn.
const TURN_URLS: u64 = 64;

/// What is to be asked for next.
#[derive(Clone, Debug)]
enum Errand {
    Robots(Chase),
    Url(LeasedUrl),
}

/// Everything a request needs before it may start, but for the host's gate.
struct Ticket {
    page: PagePermit,
    slot: OwnedSemaphorePermit,
    bytes: Reservation,
}

/// A request that came back.
struct Flown {
    errand: Errand,
    exchange: Exchange,
    ledger: Ledger,
    page: PagePermit,
    bytes: Reservation,
}

type Refilled = oneshot::Receiver<Option<Vec<LeasedUrl>>>;

/// One host's worker.
pub(super) struct Worker<F, C> {
    shared: Arc<Shared<F, C>>,
    lease: HostLease,
    per_host: usize,
    gate: Gate,
    book: RobotsBook,
    queue: VecDeque<LeasedUrl>,
    held: HashSet<UrlId>,
    chase: Option<Chase>,
    chasing: bool,
    errand: Option<Errand>,
    ticket: Option<BoxFuture<'static, Ticket>>,
    flights: FuturesUnordered<BoxFuture<'static, Flown>>,
    digests: FuturesUnordered<BoxFuture<'static, ()>>,
    settled: (mpsc::UnboundedSender<UrlId>, mpsc::UnboundedReceiver<UrlId>),
    refill: Option<Refilled>,
    /// The last refill gave nothing; ask again only after a commit.
    dry: bool,
    hurried: bool,
    lost: bool,
    /// The last request found no one to talk to.
    unreachable: bool,
    started: u64,
}

impl<F: Fetcher, C: Clock> Worker<F, C> {
    pub(super) fn new(shared: Arc<Shared<F, C>>, mut lease: HostLease) -> Self {
        let queue: VecDeque<LeasedUrl> = std::mem::take(&mut lease.urls).into();
        let settings = &shared.settings;
        let per_host = settings.per_host.max(1) as usize;
        let records = std::mem::take(&mut lease.robots);
        let book = RobotsBook::new(records, Arc::clone(&shared.agent), settings.tries, settings.ignore_robots);
        let gate =
            Gate::new(lease.polite_ms, lease.failures, per_host == 1, shared.clock.now_ms(), shared.clock.elapsed_ms());
        let mut worker = Worker {
            held: queue.iter().map(|url| url.id).collect(),
            per_host,
            gate,
            book,
            queue,
            chase: None,
            chasing: false,
            errand: None,
            ticket: None,
            flights: FuturesUnordered::new(),
            digests: FuturesUnordered::new(),
            settled: mpsc::unbounded_channel(),
            refill: None,
            dry: false,
            hurried: false,
            lost: false,
            unreachable: false,
            started: 0,
            lease,
            shared,
        };
        worker.apply_delay();
        worker
    }

    /// Works until the host has nothing to do now or the session stops, then releases the lease.
    pub(super) async fn run(mut self) {
        let mut stop = self.shared.watch_stop();
        while self.shared.stop() == Stop::Run && !self.lost {
            self.top_up();
            self.plan();
            if self.is_finished() {
                break;
            }
            self.hurry_if_stuck().await;
            tokio::select! {
                _ = stop.changed() => {}
                Some(flown) = self.flights.next(), if !self.flights.is_empty() => self.land(flown),
                Some(()) = self.digests.next(), if !self.digests.is_empty() => {}
                Some(url) = self.settled.1.recv() => self.forget_settled(url),
                ticket = wait_for(&mut self.ticket), if self.ticket.is_some() => self.start(ticket),
                urls = answer(&mut self.refill), if self.refill.is_some() => self.refilled(urls),
            }
        }
        self.wind_down(stop).await;
    }

    /// Lets what is in flight end, as far as the stop allows, and gives the lease back.
    async fn wind_down(mut self, mut stop: tokio::sync::watch::Receiver<Stop>) {
        self.ticket = None;
        let shared = Arc::clone(&self.shared);
        let time_over = shared.clock.sleep_ms(DRAIN_MS);
        tokio::pin!(time_over);
        while !(self.flights.is_empty() && self.digests.is_empty()) && shared.stop() < Stop::Now {
            tokio::select! {
                Some(flown) = self.flights.next(), if !self.flights.is_empty() => self.land(flown),
                Some(()) = self.digests.next(), if !self.digests.is_empty() => {}
                _ = stop.changed() => {}
                () = &mut time_over => break,
            }
        }
        for _ in 0..self.flights.len() {
            self.shared.progress.request_ended();
        }
        let host = self.gate.update(shared.clock.now_ms(), shared.clock.elapsed_ms());
        // The writer is gone only when the session has failed; then there is nobody to tell.
        let _ = shared.writer.send(Item::Release(Release { key: self.lease.key, host })).await;
    }

    /// Whether the lease can be given back: nothing held, and nothing to wait for here.
    fn is_finished(&self) -> bool {
        let idle = self.flights.is_empty() && self.digests.is_empty() && self.refill.is_none();
        if !idle {
            return false;
        }
        let nothing_left = self.queue.is_empty() && self.held.is_empty() && self.dry;
        let unsettled = self.held.len() > self.queue.len();
        nothing_left || (!unsettled && (self.waits_long() || self.pages_left() == 0))
    }

    fn waits_long(&self) -> bool {
        self.gate.wait_ms(self.shared.clock.elapsed_ms()) > LONGEST_WAIT_MS
    }

    fn pages_left(&self) -> u64 {
        self.lease.pages_left.map_or(u64::MAX, |left| left.saturating_sub(self.started))
    }

    /// Asks for more URLs before the queue runs out.
    fn top_up(&mut self) {
        let low_water = self.per_host * 2;
        let turn_over = self.started >= TURN_URLS && self.shared.crowded.load(Ordering::Relaxed);
        if self.refill.is_some() || self.dry || self.queue.len() >= low_water || turn_over {
            self.dry |= turn_over && self.refill.is_none();
            return;
        }
        let (reply, answer) = oneshot::channel();
        let refill = Refill {
            key: self.lease.key,
            held: self.held.iter().copied().collect(),
            want: u32::try_from((self.per_host * 4).max(16)).unwrap_or(u32::MAX),
        };
        if self.shared.desk.send(Ask::Refill { refill, reply }).is_ok() {
            self.refill = Some(answer);
        }
    }

    fn refilled(&mut self, urls: Option<Vec<LeasedUrl>>) {
        match urls {
            None => self.lost = true,
            Some(urls) => {
                self.dry = urls.is_empty();
                self.hurried = false;
                for url in urls {
                    if self.held.insert(url.id) {
                        self.queue.push_back(url);
                    }
                }
            }
        }
    }

    fn forget_settled(&mut self, url: UrlId) {
        self.held.remove(&url);
        while let Ok(url) = self.settled.1.try_recv() {
            self.held.remove(&url);
        }
        self.dry = false;
    }

    /// With nothing to ask for until its visits are committed, the worker asks the writer to
    /// commit early.
    async fn hurry_if_stuck(&mut self) {
        let stuck = self.dry && self.queue.is_empty() && self.flights.is_empty() && self.digests.is_empty();
        if stuck && !self.hurried && !self.held.is_empty() {
            self.hurried = true;
            let _ = self.shared.writer.send(Item::Hurry).await;
        }
    }

    /// Settles what needs no request, and gets a ticket for the next request.
    fn plan(&mut self) {
        while self.errand.is_none() && !self.chasing {
            if self.flights.len() >= self.per_host || self.shared.pages.exhausted() {
                return;
            }
            if let Some(chase) = self.chase.take() {
                return self.prepare(Errand::Robots(chase));
            }
            if self.pages_left() == 0 {
                return;
            }
            let Some(leased) = self.queue.front() else { return };
            let now = self.shared.clock.now_ms();
            if self.is_dead() {
                self.settle_unasked(verdict::after_dead_host);
                continue;
            }
            match self.book.say(leased, now) {
                Say::Allowed => {
                    let Some(leased) = self.queue.pop_front() else { return };
                    return self.prepare(Errand::Url(leased));
                }
                Say::Refused(line) => {
                    self.settle_unasked(|attempt, _| verdict::after_robots_refusal(attempt, line));
                }
                Say::GivenUp { outcome, status, error } => {
                    self.settle_unasked(|attempt, _| {
                        verdict::after_unreachable_robots(attempt, outcome, status, &error)
                    });
                }
                Say::Ask(chase, from) => {
                    let wait = u64::try_from(from.saturating_sub(now)).unwrap_or(0);
                    self.gate.pause(wait, crate::model::DelayBy::Backoff, self.shared.clock.elapsed_ms());
                    return self.prepare(Errand::Robots(chase));
                }
            }
        }
    }

    /// A host that failed again and again, could not even be connected at the last try, and is to
    /// be left alone now, gets no request: its URLs are given up. After the pause one is tried.
    fn is_dead(&self) -> bool {
        self.unreachable
            && self.gate.failures() >= DEAD_HOST_FAILURES
            && self.gate.wait_ms(self.shared.clock.elapsed_ms()) > 0
    }

    /// Hands on a visit for the first URL of the queue without a request.
    fn settle_unasked(&mut self, make: impl FnOnce(&Attempt<'_>, u32) -> Visit) {
        let Some(leased) = self.queue.pop_front() else { return };
        let (now, elapsed) = (self.shared.clock.now_ms(), self.shared.clock.elapsed_ms());
        let attempt = Attempt {
            key: self.lease.key,
            leased: &leased,
            ledger: Ledger::default(),
            host: self.gate.update(now, elapsed),
            now,
            jitter: self.shared.clock.jitter(),
        };
        let visit = make(&attempt, self.gate.failures());
        if let Some(what) = digest::seed_failure(&leased, &visit) {
            self.shared.seed_failed(what);
        }
        let item = Item::Visit { visit: Box::new(visit), bytes: None, settled: self.settled.0.clone() };
        self.send(item);
    }

    fn send(&self, item: Item) {
        let writer = self.shared.writer.clone();
        self.digests.push(Box::pin(async move {
            // The writer is gone only when the session has failed.
            let _ = writer.send(item).await;
        }));
    }

    fn prepare(&mut self, errand: Errand) {
        if self.waits_long() {
            return self.put_back(errand);
        }
        let shared = Arc::clone(&self.shared);
        let wait_ms = self.gate.wait_ms(shared.clock.elapsed_ms());
        let wants_page = matches!(errand, Errand::Url(_));
        self.errand = Some(errand);
        self.ticket = Some(Box::pin(ticket(shared, wait_ms, wants_page)));
    }

    fn put_back(&mut self, errand: Errand) {
        match errand {
            Errand::Url(leased) => self.queue.push_front(leased),
            Errand::Robots(chase) => self.chase = (chase.hops > 0).then_some(chase),
        }
    }

    /// Starts the request the ticket was got for, unless the gate has closed meanwhile.
    fn start(&mut self, ticket: Ticket) {
        self.ticket = None;
        let Some(errand) = self.errand.take() else { return };
        let ledger = match self.gate.take(self.shared.clock.elapsed_ms()) {
            Ok(ledger) => ledger,
            Err(_) => return self.prepare(errand),
        };
        self.started += u64::from(matches!(errand, Errand::Url(_)));
        self.chasing = matches!(errand, Errand::Robots(_));
        self.shared.progress.request_started();
        let shared = Arc::clone(&self.shared);
        self.flights.push(Box::pin(fly(shared, errand, ledger, ticket)));
    }

    /// Takes in what came back: the gate learns from it, the rest goes its way.
    fn land(&mut self, flown: Flown) {
        self.shared.progress.request_ended();
        let (now, elapsed) = (self.shared.clock.now_ms(), self.shared.clock.elapsed_ms());
        let jitter = self.shared.clock.jitter();
        let effect = verdict::host_effect(&flown.exchange, self.gate.failures(), now, jitter);
        let outcome = verdict::classify(&flown.exchange, false);
        self.unreachable = matches!(outcome, Outcome::Connect | Outcome::Dns);
        self.gate.observe(effect, outcome != Outcome::BlockedAddress, elapsed);
        match flown.errand {
            Errand::Robots(chase) => self.land_robots(&chase, &flown.exchange),
            Errand::Url(leased) => {
                let host = self.gate.update(now, elapsed);
                let landing = Landing {
                    key: self.lease.key,
                    leased,
                    exchange: flown.exchange,
                    ledger: flown.ledger,
                    host,
                    bytes: flown.bytes,
                };
                let shared = Arc::clone(&self.shared);
                let settled = self.settled.0.clone();
                self.digests.push(Box::pin(hand_on(shared, landing, flown.page, settled)));
            }
        }
    }

    fn land_robots(&mut self, chase: &Chase, exchange: &Exchange) {
        self.chasing = false;
        let (now, jitter) = (self.shared.clock.now_ms(), self.shared.clock.jitter());
        match self.book.landed(chase, exchange, now, jitter) {
            Landed::Hop(next) => self.chase = Some(next),
            Landed::Blocked => {}
            Landed::Record(record) => self.keep_robots(record),
        }
    }

    fn keep_robots(&mut self, record: Box<RobotsRecord>) {
        if let Some(error) = &record.error {
            tracing::info!(origin = %record.origin, error, "robots.txt could not be had");
        }
        self.apply_delay();
        let host = self.gate.update(self.shared.clock.now_ms(), self.shared.clock.elapsed_ms());
        self.send(Item::Robots { record, key: self.lease.key, host });
    }

    fn apply_delay(&mut self) {
        let settings = &self.shared.settings;
        self.gate.set_delay(politeness::host_delay(settings, &self.lease.host, self.book.crawl_delay_ms()));
    }
}

/// Waits until a request may start as far as the session is concerned. Nothing scarce is held
/// while the host's own delay runs.
async fn ticket<F: Fetcher, C: Clock>(shared: Arc<Shared<F, C>>, wait_ms: u64, wants_page: bool) -> Ticket {
    if wait_ms > 0 {
        shared.clock.sleep_ms(wait_ms).await;
    }
    let page = if wants_page { shared.pages.permit().await } else { None };
    let slot = Arc::clone(&shared.slots).acquire_owned().await.expect("the slot semaphore is never closed");
    let bytes = shared.budget.reserve().await;
    while let Err(missing_ms) = shared.rate.take(shared.clock.elapsed_ms()) {
        shared.clock.sleep_ms(missing_ms).await;
    }
    Ticket { page, slot, bytes }
}

async fn fly<F: Fetcher, C: Clock>(shared: Arc<Shared<F, C>>, errand: Errand, ledger: Ledger, ticket: Ticket) -> Flown {
    let Ticket { page, slot, mut bytes } = ticket;
    let request = match &errand {
        Errand::Robots(chase) => FetchRequest {
            url: chase.url.clone(),
            validators: None,
            max_body_bytes: robots::MAX_BYTES,
            overflow: Overflow::Truncate,
        },
        Errand::Url(leased) => FetchRequest {
            url: leased.url.clone(),
            validators: leased.validators.clone(),
            max_body_bytes: shared.settings.max_body_bytes,
            overflow: Overflow::Fail,
        },
    };
    let exchange = shared.fetcher.fetch(request, &mut bytes).await;
    drop(slot);
    Flown { errand, exchange, ledger, page, bytes }
}

/// Digests a landing and gives the visit to the writer.
async fn hand_on<F: Fetcher, C: Clock>(
    shared: Arc<Shared<F, C>>,
    landing: Landing,
    page: PagePermit,
    settled: mpsc::UnboundedSender<UrlId>,
) {
    let leased = landing.leased.clone();
    let (visit, bytes) = digest::digest(&shared, landing).await;
    tracing::debug!(
        url = %leased.url,
        outcome = visit.outcome.as_str(),
        status = visit.status,
        elapsed_ms = visit.elapsed_ms,
        wire_bytes = visit.wire_bytes,
        "visited"
    );
    if let Some(host) = &visit.widens {
        tracing::warn!(seed = %leased.url, %host, "a seed redirects to another host, which is in scope from now on");
        shared.widen(host.clone());
    }
    if let Some(what) = digest::seed_failure(&leased, &visit) {
        shared.seed_failed(what);
    }
    let last_page = visit.outcome == Outcome::Page && shared.pages.spend(page);
    // The writer is gone only when the session has failed.
    let _ = shared.writer.send(Item::Visit { visit: Box::new(visit), bytes: Some(bytes), settled }).await;
    if last_page {
        shared.halt_at(Limit::MaxPages);
    }
}

async fn wait_for(ticket: &mut Option<BoxFuture<'static, Ticket>>) -> Ticket {
    match ticket {
        Some(ticket) => ticket.await,
        None => std::future::pending().await,
    }
}

/// The answer to a refill; a session loop that is gone counts as a lost lease.
async fn answer(refill: &mut Option<Refilled>) -> Option<Vec<LeasedUrl>> {
    let urls = match refill {
        Some(answer) => answer.await.ok().flatten(),
        None => std::future::pending().await,
    };
    *refill = None;
    urls
}
