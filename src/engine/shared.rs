//! [`Shared`]: what every part of a running session holds on to.

use std::collections::HashSet;
use std::sync::atomic::AtomicBool;
use std::sync::{Arc, Mutex, PoisonError, RwLock};

use tokio::sync::{Semaphore, mpsc, oneshot, watch};

use crate::fetch::{ByteBudget, Reservation};
use crate::model::{
    Candidate, CrawlSettings, CrawlUrl, Host, HostId, HostUpdate, LeaseKey, LeasedUrl, Origin, Release, RobotsFetch,
    RobotsRecord, SessionId, UrlId, Visit,
};
use crate::scope::Scope;
use crate::store::Refill;

use super::addresses::Addresses;
use super::copies::Copies;
use super::digest::MOST_PARSED_KB;
use super::gate::RateGate;
use super::hops::Hop;
use super::in_work::{Board, InWork};
use super::pages::PageBudget;
use super::parsers::Parsers;
use super::reading::READERS;
use super::rehearsal::Rehearse;
use super::shelf::{RobotsShelf, SHELF_BYTES};
use super::{Clock, Limit, Progress, Stop};

/// Bodies on their way, for each request slot: while one comes another one is parsed, or waits for it.
const BODIES_PER_SLOT: usize = 2;
/// Most ends of redirects of seeds that a session keeps in mind.
const MOST_LED: usize = 10_000;

/// What goes to the writer, in order.
#[derive(Debug)]
pub(super) enum Item {
    /// A visit with the bytes it holds; its URL is named to `settled` after the commit. Without a request it
    /// is not noted as work.
    Visit {
        visit: Box<Visit>,
        bytes: Option<Reservation>,
        work: Option<Arc<InWork>>,
        settled: mpsc::UnboundedSender<UrlId>,
    },
    /// A robots.txt result with the bytes its text holds, the sitemaps it names and the delay that its host
    /// has from now on.
    Robots { record: Arc<RobotsRecord>, bytes: Reservation, sitemaps: Vec<Candidate>, key: LeaseKey, host: HostUpdate },
    /// Sitemaps of a host that is not asked for its robots.txt.
    Sitemaps(Vec<Candidate>),
    /// A request for a robots.txt, with what it changes about the host that was asked.
    RobotsFetch { fetch: Box<RobotsFetch>, host: HostUpdate },
    /// The end of a lease; everything visited under it came before.
    Release(Release),
    /// A worker has nothing to do until its visits are committed.
    Hurry,
    /// Commit what there is and end.
    End,
}

/// What goes to the session loop.
#[derive(Debug)]
pub(super) enum Ask {
    /// A worker wants more URLs. The answer is `None` when its lease is lost.
    Refill { refill: Refill, reply: oneshot::Sender<Option<Vec<LeasedUrl>>> },
    /// A worker needs what is stored of an origin of its host.
    Robots { host: HostId, origin: Origin, reply: oneshot::Sender<Option<RobotsRecord>> },
    /// A robots.txt is redirected to a host that another worker has.
    Hop(Hop),
    /// Leases ended, and hosts were woken, by a commit.
    Committed { released: Vec<LeaseKey>, woken_hosts: u64 },
}

/// Held by the session loop, every worker and the writer.
#[derive(Debug)]
pub(super) struct Shared<F, C> {
    pub(super) fetcher: Arc<F>,
    pub(super) clock: Arc<C>,
    pub(super) settings: Arc<CrawlSettings>,
    pub(super) agent: Arc<str>,
    pub(super) session: SessionId,
    pub(super) budget: ByteBudget,
    /// Requests in flight.
    pub(super) slots: Arc<Semaphore>,
    /// How many slots there are.
    pub(super) most_in_flight: u32,
    pub(super) parsers: Parsers,
    /// Bodies being parsed, by their size in kB.
    pub(super) parsed_kb: Arc<Semaphore>,
    /// The robots.txt files at hand.
    pub(super) robots: RobotsShelf,
    /// More of them being read.
    pub(super) readers: Semaphore,
    pub(super) pages: PageBudget,
    pub(super) rate: RateGate,
    pub(super) addresses: Addresses,
    pub(super) copies: Arc<Copies>,
    /// What the session works on.
    pub(super) work: Arc<Board>,
    pub(super) rehearsal: Option<Arc<dyn Rehearse>>,
    pub(super) progress: Arc<Progress>,
    pub(super) writer: mpsc::Sender<Item>,
    pub(super) desk: mpsc::UnboundedSender<Ask>,
    /// More hosts are ready than may be leased: workers are to take turns.
    pub(super) crowded: AtomicBool,
    /// Whether commands of the operator are still taken; held while some are applied.
    pub(super) takes_commands: tokio::sync::Mutex<bool>,
    scope: RwLock<Arc<Scope>>,
    halt: watch::Sender<Stop>,
    limit: Mutex<Option<Limit>>,
    seed_error: Mutex<Option<String>>,
    /// Where redirects of seeds led, in this session: such a URL may be leased already.
    led: Mutex<HashSet<CrawlUrl>>,
}

/// The parts [`Shared`] is made of.
pub(super) struct Parts<F, C> {
    pub(super) fetcher: Arc<F>,
    pub(super) clock: Arc<C>,
    pub(super) settings: CrawlSettings,
    pub(super) session: SessionId,
    /// How long ago the session before certainly made no request any more.
    pub(super) quiet_ms: Option<u64>,
    pub(super) pages: PageBudget,
    /// `--concurrency`, or less where the machine has no more.
    pub(super) most_in_flight: u32,
    pub(super) scope: Scope,
    pub(super) work: Arc<Board>,
    pub(super) parse_threads: usize,
    pub(super) rehearsal: Option<Arc<dyn Rehearse>>,
    pub(super) progress: Arc<Progress>,
    pub(super) writer: mpsc::Sender<Item>,
    pub(super) desk: mpsc::UnboundedSender<Ask>,
}

impl<F, C: Clock> Shared<F, C> {
    pub(super) fn new(parts: Parts<F, C>) -> Self {
        let settings = parts.settings;
        let most_in_flight = parts.most_in_flight.max(1) as usize;
        Shared {
            fetcher: parts.fetcher,
            agent: settings.product_token().into(),
            session: parts.session,
            budget: ByteBudget::new(
                settings.memory_bytes,
                settings.largest_visit_bytes(),
                most_in_flight * BODIES_PER_SLOT,
            ),
            slots: Arc::new(Semaphore::new(most_in_flight)),
            most_in_flight: parts.most_in_flight.max(1),
            parsers: Parsers::new(parts.parse_threads),
            parsed_kb: Arc::new(Semaphore::new(MOST_PARSED_KB as usize)),
            robots: RobotsShelf::new(SHELF_BYTES),
            readers: Semaphore::new(READERS),
            pages: parts.pages,
            rate: RateGate::new(settings.rate_per_second, parts.quiet_ms, parts.clock.elapsed_ms()),
            addresses: Addresses::new(settings.per_ip),
            copies: Arc::default(),
            settings: Arc::new(settings),
            clock: parts.clock,
            work: parts.work,
            rehearsal: parts.rehearsal,
            progress: parts.progress,
            writer: parts.writer,
            desk: parts.desk,
            crowded: AtomicBool::new(false),
            takes_commands: tokio::sync::Mutex::new(true),
            scope: RwLock::new(Arc::new(parts.scope)),
            halt: watch::Sender::new(Stop::Run),
            limit: Mutex::new(None),
            seed_error: Mutex::new(None),
            led: Mutex::default(),
        }
    }

    /// The scope as it is now.
    pub(super) fn scope(&self) -> Arc<Scope> {
        Arc::clone(&self.scope.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// Brings a host into scope from now on.
    pub(super) fn widen(&self, host: Host) {
        self.change_scope(|scope| scope.widen(host));
    }

    /// A redirect of a seed leads to this URL. It is known to every later lease, so that of very many not all are kept.
    pub(super) fn lead(&self, url: CrawlUrl) {
        let mut led = self.led.lock().unwrap_or_else(PoisonError::into_inner);
        if led.len() < MOST_LED {
            led.insert(url);
        }
    }

    /// Whether one does.
    pub(super) fn is_led(&self, url: &CrawlUrl) -> bool {
        self.led.lock().unwrap_or_else(PoisonError::into_inner).contains(url)
    }

    /// Changes the scope from now on.
    pub(super) fn change_scope<T>(&self, change: impl FnOnce(&mut Scope) -> T) -> T {
        let mut scope = self.scope.write().unwrap_or_else(PoisonError::into_inner);
        change(Arc::make_mut(&mut scope))
    }

    /// Stops the session, at least as far as `to`.
    pub(super) fn halt(&self, to: Stop) {
        self.halt.send_if_modified(|stop| {
            let raised = to > *stop;
            if raised {
                *stop = to;
            }
            raised
        });
    }

    /// Drains the session because a limit is reached.
    pub(super) fn halt_at(&self, limit: Limit) {
        self.limit.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert(limit);
        self.halt(Stop::Drain);
    }

    /// The limit that was reached, if one was.
    pub(super) fn limit(&self) -> Option<Limit> {
        *self.limit.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// How far the session is stopped.
    pub(super) fn stop(&self) -> Stop {
        *self.halt.borrow()
    }

    /// Tells of stops from now on.
    pub(super) fn watch_stop(&self) -> watch::Receiver<Stop> {
        self.halt.subscribe()
    }

    /// Keeps the first failure of a seed.
    pub(super) fn seed_failed(&self, what: String) {
        self.seed_error.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert(what);
    }

    /// The first failure of a seed.
    pub(super) fn seed_error(&self) -> Option<String> {
        self.seed_error.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}
