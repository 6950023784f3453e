//! One worker per leased host: it waits for the host's gate, asks, and hands on what comes back,
//! until the host has nothing more to do now.
//!
//! ```text
//! queue ─> robots book ─> gate, address, page permit, slot, bytes, rate ─> fetch ─> digest ─> writer
//!   ▲                                                                                           │
//!   └──────────────── refill (asks the session loop) <──────── settled (after COMMIT) <─────────┘
//! ```
//!
//! A URL is *held* from lease to commit: until then the store still has it queued and would hand
//! it out again. The lease is released when nothing is held any longer.
//!
//! What the robots.txt of *another* host is redirected to comes in as a `Hop`, and takes its turn
//! like everything else that this host is asked for.
//!
//! `asking` gets from a URL to a request, `landing` from its end to the writer; `guests` has the hops.

mod asking;
mod guests;
mod landing;

use std::collections::{HashSet, VecDeque};
use std::sync::Arc;
use std::sync::atomic::Ordering;

use futures_util::StreamExt;
use futures_util::future::BoxFuture;
use futures_util::stream::FuturesUnordered;
use tokio::sync::{mpsc, oneshot};

use crate::fetch::Fetcher;
use crate::model::{HostLease, LeasedUrl, Origin, Release, UrlId};
use crate::store::Refill;

use super::flight::{Errand, Flown, Ticket};
use super::gate::Gate;
use super::hops::{Hop, HopEnd};
use super::reading::{self, Reading, Waiting};
use super::robots::{Chase, RobotsBook};
use super::shared::{Ask, Item, Shared};
use super::sitemaps;
use super::{Clock, Stop};

use guests::Guests;

/// A host that must wait longer than this gives its lease back.
const LONGEST_WAIT_MS: u64 = 10_000;
/// Time for requests in flight to end once the session drains, in ms.
pub(super) const DRAIN_MS: u64 = 10_000;
/// URLs visited under one lease before others that wait get their turn.
const TURN_URLS: u64 = 64;

type Refilled = oneshot::Receiver<Option<Vec<LeasedUrl>>>;

/// One host's worker.
pub(super) struct Worker<F, C> {
    shared: Arc<Shared<F, C>>,
    lease: HostLease,
    per_host: usize,
    gate: Gate,
    book: RobotsBook,
    /// [`RobotsShelf::forgotten`](super::shelf::RobotsShelf::forgotten) when the book last did so.
    forgotten: u64,
    /// A robots.txt that is being looked up, or has come.
    reading: Option<BoxFuture<'static, Option<Reading>>>,
    queue: VecDeque<LeasedUrl>,
    held: HashSet<UrlId>,
    /// A robots.txt of this host is being asked for.
    chasing: bool,
    /// One that was redirected to another host, whose worker asks.
    away: Option<(Chase, oneshot::Receiver<HopEnd>)>,
    /// What other hosts' workers need from this host.
    hops: mpsc::UnboundedReceiver<Hop>,
    guests: Guests,
    /// The last request was one of theirs.
    guest_was_last: bool,
    errand: Option<Errand>,
    ticket: Option<BoxFuture<'static, Option<Ticket>>>,
    flights: FuturesUnordered<BoxFuture<'static, Flown>>,
    digests: FuturesUnordered<BoxFuture<'static, ()>>,
    /// Held by those of them that take a visit without a request to the writer.
    unasked: Arc<()>,
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
    pub(super) fn new(shared: Arc<Shared<F, C>>, mut lease: HostLease, hops: mpsc::UnboundedReceiver<Hop>) -> Self {
        let queue: VecDeque<LeasedUrl> = std::mem::take(&mut lease.urls).into();
        let settings = &shared.settings;
        let per_host = settings.per_host.max(1) as usize;
        let robots = std::mem::take(&mut lease.robots);
        let book = RobotsBook::new(!robots.more, settings.tries, settings.ignore_robots);
        let gate = Gate::new(&lease, per_host == 1, shared.clock.now_ms(), shared.clock.elapsed_ms());
        let mut worker = Worker {
            held: queue.iter().map(|url| url.id).collect(),
            per_host,
            gate,
            book,
            forgotten: shared.robots.forgotten(),
            reading: None,
            queue,
            chasing: false,
            away: None,
            hops,
            guests: Guests::default(),
            guest_was_last: false,
            errand: None,
            ticket: None,
            flights: FuturesUnordered::new(),
            digests: FuturesUnordered::new(),
            unasked: Arc::default(),
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
        let is_known = !robots.short.is_empty() || !robots.long.is_empty();
        if is_known && !worker.shared.settings.ignore_robots {
            // Whatever is asked for first, the longest Crawl-delay of the host holds.
            let (shared, waiting) = (Arc::clone(&worker.shared), worker.waiting());
            worker.reading = Some(Box::pin(reading::begin(shared, worker.lease.key.host_id, robots, waiting)));
        }
        worker
    }

    /// Works until the host has nothing to do now or the session stops, then releases the lease.
    pub(super) async fn run(mut self) {
        let mut stop = self.shared.watch_stop();
        let sitemaps = sitemaps::without_robots(&self.shared, self.queue.iter().map(|leased| leased.url.origin()));
        if !sitemaps.is_empty() {
            self.send(Item::Sitemaps(sitemaps));
        }
        while self.shared.stop() == Stop::Run && !self.lost {
            while let Ok(hop) = self.hops.try_recv() {
                self.welcome(hop);
            }
            self.top_up();
            self.plan();
            if self.is_finished() {
                break;
            }
            self.hurry_if_stuck().await;
            tokio::select! {
                // In a fixed order, so that a simulated crawl repeats itself; each of them comes to an end. What has
                // come back is taken in before the next request starts: it may ask for a pause.
                biased;
                _ = stop.changed() => {}
                Some(flown) = self.flights.next(), if !self.flights.is_empty() => self.land(flown),
                Some(()) = self.digests.next(), if !self.digests.is_empty() => {}
                Some(url) = self.settled.1.recv() => self.forget_settled(url),
                Some(hop) = self.hops.recv() => self.welcome(hop),
                answer = from_away(&mut self.away), if self.away.is_some() => self.come_back(answer),
                reading = wait_for(&mut self.reading), if self.reading.is_some() => self.learn(reading),
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
        while !(self.flights.is_empty() && self.digests.is_empty() && self.reading.is_none())
            && shared.stop() < Stop::Now
        {
            tokio::select! {
                biased;
                _ = stop.changed() => {}
                Some(flown) = self.flights.next(), if !self.flights.is_empty() => self.land(flown),
                Some(()) = self.digests.next(), if !self.digests.is_empty() => {}
                reading = wait_for(&mut self.reading), if self.reading.is_some() => self.learn(reading),
                () = &mut time_over => break,
            }
        }
        for _ in 0..self.flights.len() {
            self.shared.progress.request_ended();
            // Abandoned: for the host it ends now.
            self.gate.rest(shared.clock.elapsed_ms());
        }
        let host = self.gate.update(shared.clock.now_ms(), shared.clock.elapsed_ms());
        // The writer is gone only when the session has failed; then there is nobody to tell.
        let _ = shared.writer.send(Item::Release(Release { key: self.lease.key, host })).await;
    }

    /// Whether the lease can be given back: nothing held, and nothing to wait for here.
    fn is_finished(&self) -> bool {
        let idle = self.flights.is_empty() && self.digests.is_empty() && self.refill.is_none();
        let guests = !self.guests.is_empty() || matches!(self.errand, Some(Errand::Hop(_)));
        if !idle || guests || self.away.is_some() || self.reading.is_some() {
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

    /// Looks up what is known of an origin, and what it says of the URLs that wait.
    fn look_up(&mut self, origin: Origin) {
        let (shared, waiting) = (Arc::clone(&self.shared), self.waiting());
        self.reading = Some(Box::pin(reading::look_up(shared, self.lease.key.host_id, vec![origin], waiting)));
    }

    fn waiting(&self) -> Vec<Waiting> {
        let url = |leased: &LeasedUrl| Waiting {
            id: leased.id,
            origin: leased.url.origin(),
            path: leased.url.path_and_query().to_owned(),
        };
        self.queue.iter().map(url).collect()
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
        let idle = self.errand.is_none() && self.flights.is_empty() && self.digests.is_empty();
        if idle && self.dry && self.queue.is_empty() && !self.hurried && !self.held.is_empty() {
            self.hurried = true;
            let _ = self.shared.writer.send(Item::Hurry).await;
        }
    }

    fn send(&self, item: Item) {
        self.send_holding(item, ());
    }

    /// Sends it, and lets go of `held` when the writer has it.
    fn send_holding(&self, item: Item, held: impl Send + 'static) {
        let writer = self.shared.writer.clone();
        self.digests.push(Box::pin(async move {
            // The writer is gone only when the session has failed.
            let _ = writer.send(item).await;
            drop(held);
        }));
    }
}

async fn wait_for<T>(awaited: &mut Option<BoxFuture<'static, T>>) -> T {
    match awaited {
        Some(awaited) => awaited.await,
        None => std::future::pending().await,
    }
}

/// What another host's worker says; `None`: it ended before it asked.
async fn from_away(away: &mut Option<(Chase, oneshot::Receiver<HopEnd>)>) -> Option<HopEnd> {
    match away {
        Some((_, answer)) => answer.await.ok(),
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
