//! The session loop: begins a session, leases hosts to workers, and knows when it is over.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use tokio::sync::{mpsc, oneshot};
use tokio::task::{JoinHandle, JoinSet};

use crate::fetch::Fetcher;
use crate::model::{EndedBy, HostId, HostLease, LeasedUrl, Origin, RobotsRecord, Totals, UnixMs};
use crate::scope::{self, Scope};
use crate::store::{LeaseAsk, LeaseGrant, Refill, SessionOpen, SessionStart, Store, StoreError};

use super::hops::Hops;
use super::in_work::Board;
use super::judging::{changed_from, judge_again, scope_of};
use super::pages::PageBudget;
use super::shared::{Ask, Item, Parts, Shared};
use super::sitemaps;
use super::worker::Worker;
use super::writer::{self, QUEUE_ITEMS};
use super::{Clock, Control, EngineError, Job, Limit, Progress, Stop, Summary};

/// Hosts leased at once for each request slot: with a delay most hosts are waiting at any moment.
const HOSTS_PER_SLOT: u32 = 16;
/// Most hosts leased in one transaction.
const HOSTS_AT_ONCE: u32 = 128;
/// A lease runs out this long after the last leasing of its session.
const LEASE_MS: i64 = 10 * 60 * 1000;
/// Longest time without leasing; extends the leases.
const HEARTBEAT_MS: u64 = 60 * 1000;

/// See [`super::run`].
pub(super) async fn run<S: Store, F: Fetcher, C: Clock>(
    store: Arc<S>,
    fetcher: Arc<F>,
    clock: Arc<C>,
    job: Job,
    control: Control,
    progress: Arc<Progress>,
) -> Result<Summary, EngineError> {
    let began = clock.elapsed_ms();
    let scope = scope_of(&job)?;
    // What changed takes effect, and is recorded, when all of it is applied. After a crash in between
    // some of it is, and the next session judges everything again.
    let changed = changed_from(&job);
    let open = SessionOpen {
        settings: changed.map_or(&job.settings, |stored| &stored.settings),
        version: env!("CARGO_PKG_VERSION"),
        delay_ms: job.settings.delay_ms.unwrap_or(0),
        recrawl: job.recrawl,
        judging: changed.is_some(),
    };
    let start = store.begin_session(open, clock.now_ms()).await?;
    let session =
        Begun { store: Arc::clone(&store), clock: Arc::clone(&clock), start, scope, changed: changed.is_some(), began };
    let ended = session.conduct(fetcher, job, control, progress).await;
    if let Err(EngineError::Store(error)) = &ended {
        last_word(&*store, &start, error, clock.now_ms()).await;
    }
    ended
}

/// Says in the database that the session ended by an error, where that can still be said. A defect
/// of this program says nothing: its session counts as dead, and what was in work as suspect. Nor is anything
/// written into a file that was found damaged: it could harm what is left of it.
async fn last_word<S: Store>(store: &S, start: &SessionStart, error: &StoreError, now: UnixMs) {
    if matches!(error, StoreError::Corrupt { .. }) {
        return;
    }
    if let Err(again) = store.end_session(start, EndedBy::Error, now).await {
        tracing::debug!(%error, %again, "the end of the session could not be written");
    }
}

/// A session that is written in the store, and what it was begun for.
struct Begun<S, C> {
    store: Arc<S>,
    clock: Arc<C>,
    start: SessionStart,
    scope: Scope,
    /// Other URLs may belong to the crawl than before.
    changed: bool,
    began: u64,
}

impl<S: Store, C: Clock> Begun<S, C> {
    /// From the first seed to the end that is written in the store.
    async fn conduct<F: Fetcher>(
        self,
        fetcher: Arc<F>,
        job: Job,
        control: Control,
        progress: Arc<Progress>,
    ) -> Result<Summary, EngineError> {
        let Begun { store, clock, start, scope, changed, began } = self;
        if start.orphaned_hosts > 0 {
            tracing::info!(hosts = start.orphaned_hosts, "the session before ended without a word; its work goes on");
        }
        if start.suspects > 0 {
            tracing::info!(
                urls = start.suspects,
                "a process died with these in work; what may have killed it is tried alone, after everything else"
            );
        }
        if changed {
            judge_again(&*store, &job, &scope, clock.now_ms()).await?;
            sitemaps::of_known(&*store, &start, &job, &scope, clock.now_ms()).await?;
        }
        let admitted = store.admit(&start, &job.seeds, clock.now_ms()).await?;
        if changed {
            // Only now: what new seeds bring into scope was judged with them.
            store.record_settings(&start, &job.settings, clock.now_ms()).await?;
        }
        let (items, items_out) = mpsc::channel(QUEUE_ITEMS);
        let (desk, asks) = mpsc::unbounded_channel();
        let shared = Arc::new(Shared::new(Parts {
            most_in_flight: job.settings.concurrency.min(fetcher.most_in_flight()),
            fetcher,
            clock: Arc::clone(&clock),
            pages: PageBudget::new(job.settings.max_pages, start.round_pages),
            settings: job.settings,
            session: start.session,
            quiet_ms: start.quiet_from_ms.map(|at| u64::try_from(clock.now_ms().saturating_sub(at)).unwrap_or(0)),
            scope,
            work: Board::new(store.work_slots()),
            parse_threads: job.parse_threads,
            rehearsal: job.rehearsal,
            progress,
            writer: items,
            desk,
        }));
        // What was judged again and taken in is to be done too, whether or not this session commits anything.
        shared.progress.set_totals(admitted.totals);
        let writer = tokio::spawn(writer::write(
            Arc::clone(&store),
            Arc::clone(&shared),
            start,
            items_out,
            control.watch_mail(),
        ));
        let session = Session {
            store: Arc::clone(&store),
            shared: Arc::clone(&shared),
            asks,
            workers: JoinSet::new(),
            active: 0,
            refills: Vec::new(),
            robots: Vec::new(),
            hops: Hops::default(),
            look: true,
            alone: false,
            suspects: start.suspects > 0,
            wake_at: None,
            spent_ms: start.spent_ms,
            began,
        };
        let complete = session.run(Ending { task: writer, heard: false }, control).await?;
        let nothing_left = shared.progress.snapshot().totals.open() == 0;
        let ended_by = match (complete, shared.limit()) {
            (true, None) => EndedBy::Complete,
            (_, Some(Limit::MaxPages)) if nothing_left => EndedBy::Complete,
            (_, Some(_)) => EndedBy::Limit,
            (false, None) => EndedBy::Signal,
        };
        let totals = store.end_session(&start, ended_by, clock.now_ms()).await?;
        Ok(summary(&shared, ended_by, totals, clock.elapsed_ms().saturating_sub(began)))
    }
}

fn summary<F, C: Clock>(shared: &Shared<F, C>, ended_by: EndedBy, totals: Totals, elapsed_ms: u64) -> Summary {
    shared.progress.set_totals(totals);
    let seen = shared.progress.snapshot();
    Summary {
        ended_by,
        limit: shared.limit().filter(|_| ended_by == EndedBy::Limit),
        totals,
        outcomes: seen.outcomes,
        wire_bytes: seen.wire_bytes,
        elapsed_ms,
        commits: seen.commits,
        peak_body_bytes: shared.budget.peak_bytes(),
        seed_error: shared.seed_error(),
    }
}

/// The writer's task, ended with the session when that is dropped: it must not outlive it and
/// hold the database.
struct Ending {
    task: JoinHandle<Result<(), StoreError>>,
    /// Its result was taken; a task may be asked for it once.
    heard: bool,
}

impl Ending {
    /// Has the writer commit what it holds, and waits for its end.
    async fn last_word<F, C>(&mut self, shared: &Shared<F, C>) -> Result<(), EngineError> {
        if self.heard {
            return Ok(());
        }
        // A writer that failed has closed its queue.
        let _ = shared.writer.send(Item::End).await;
        self.heard = true;
        ended((&mut self.task).await)
    }
}

impl Drop for Ending {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// What a worker asks of the robots.txt of an origin of its host.
type LookUp = ((HostId, Origin), oneshot::Sender<Option<RobotsRecord>>);

struct Session<S, F, C> {
    store: Arc<S>,
    shared: Arc<Shared<F, C>>,
    asks: mpsc::UnboundedReceiver<Ask>,
    workers: JoinSet<()>,
    /// Leases not yet released in the store.
    active: u32,
    refills: Vec<(Refill, oneshot::Sender<Option<Vec<LeasedUrl>>>)>,
    /// Origins to be looked up. The workers take turns, so that they are few.
    robots: Vec<LookUp>,
    hops: Hops,
    /// Whether the store may have a ready host that it did not have at the last look.
    look: bool,
    /// Nothing else is in work or ready: the next leasing asks for a URL to be tried alone.
    alone: bool,
    /// Whether there were such URLs at the last look.
    suspects: bool,
    wake_at: Option<UnixMs>,
    spent_ms: u64,
    began: u64,
}

/// Why the loop goes on.
enum Event {
    Asked,
    WorkerEnded(Result<(), tokio::task::JoinError>),
    Stopped,
    Woken,
    WriterEnded(Result<(), EngineError>),
}

impl<S: Store, F: Fetcher, C: Clock> Session<S, F, C> {
    /// Runs until nothing is left (true) or the session is stopped (false).
    async fn run(mut self, mut writer: Ending, control: Control) -> Result<bool, EngineError> {
        let outcome = self.lease_until_over(&mut writer, control).await;
        let Err(error) = outcome else {
            writer.last_word(&self.shared).await?;
            return outcome;
        };
        self.shared.halt(Stop::Now);
        self.workers.shutdown().await;
        let last_word = writer.last_word(&self.shared).await;
        // The writer may have met the cause, of which this is only the echo.
        match last_word {
            Err(cause) if matches!(error, EngineError::Store(StoreError::Closed { .. })) => Err(cause),
            _ => Err(error),
        }
    }

    async fn lease_until_over(&mut self, writer: &mut Ending, control: Control) -> Result<bool, EngineError> {
        let mut outside = control.watch();
        let mut inside = self.shared.watch_stop();
        self.shared.halt(control.current());
        if self.shared.pages.exhausted() {
            self.shared.halt_at(Limit::MaxPages);
        }
        loop {
            self.check_duration();
            self.look |= self.wake_at.is_some_and(|at| at <= self.shared.clock.now_ms());
            let running = self.shared.stop() == Stop::Run;
            if running && !self.robots.is_empty() {
                self.look_up_robots().await?;
            }
            if running && (self.look || self.hops.look || !self.refills.is_empty()) {
                self.lease().await?;
            } else if !running {
                self.refills.clear();
                self.robots.clear();
                self.hops.clear();
            }
            self.shared.progress.set_active_hosts(u64::from(self.active));
            let over = self.active == 0 && (!running || (!self.look && self.wake_at.is_none()));
            if over && running && self.suspects {
                (self.look, self.alone) = (true, true);
                continue;
            }
            if over && running && !self.closes_inbox().await {
                continue;
            }
            if over {
                return Ok(running && !self.stuck_at_page_limits().await?);
            }
            let wait_ms = self.wait_ms();
            let event = tokio::select! {
                // What ends the session comes first.
                biased;
                end = &mut writer.task => { writer.heard = true; Event::WriterEnded(ended(end)) }
                _ = inside.changed() => Event::Stopped,
                _ = outside.changed() => Event::Stopped,
                Some(ended) = self.workers.join_next() => Event::WorkerEnded(ended),
                ask = self.asks.recv() => { self.take(ask); Event::Asked }
                () = self.shared.clock.sleep_ms(wait_ms) => Event::Woken,
            };
            match event {
                Event::Asked => {
                    while let Ok(ask) = self.asks.try_recv() {
                        self.take(Some(ask));
                    }
                }
                Event::Stopped => self.shared.halt(control.current()),
                Event::WorkerEnded(ended) => self.bury(ended)?,
                Event::Woken => self.look = true,
                Event::WriterEnded(end) => {
                    end?;
                    return Err(internal("writer", "it ended before the session"));
                }
            }
        }
    }

    /// Takes no more commands of the operator, unless one that was applied meanwhile gave work.
    async fn closes_inbox(&mut self) -> bool {
        let shared = Arc::clone(&self.shared);
        let mut takes = shared.takes_commands.lock().await;
        while let Ok(ask) = self.asks.try_recv() {
            self.take(Some(ask));
        }
        *takes = self.look;
        !self.look
    }

    fn take(&mut self, ask: Option<Ask>) {
        match ask {
            Some(Ask::Refill { refill, reply }) => self.refills.push((refill, reply)),
            Some(Ask::Robots { host, origin, reply }) => self.robots.push(((host, origin), reply)),
            Some(Ask::Hop(hop)) => self.hops.send(hop),
            Some(Ask::Committed { released, woken_hosts }) => {
                for key in &released {
                    self.hops.close_desk(*key);
                }
                self.active = self.active.saturating_sub(u32::try_from(released.len()).unwrap_or(u32::MAX));
                self.look |= woken_hosts > 0 || !released.is_empty();
            }
            None => {}
        }
    }

    /// One round of leasing: answers every refill, and starts workers for new hosts.
    async fn lease(&mut self) -> Result<(), EngineError> {
        let settings = &self.shared.settings;
        let most = settings.concurrency.saturating_mul(HOSTS_PER_SLOT).max(HOSTS_PER_SLOT);
        let room = most.saturating_sub(self.active).min(HOSTS_AT_ONCE);
        let hosts = if self.look { room } else { 0 };
        let now = self.shared.clock.now_ms();
        let (refills, replies): (Vec<_>, Vec<_>) = std::mem::take(&mut self.refills).into_iter().unzip();
        let keys: Vec<_> = refills.iter().map(|refill| refill.key).collect();
        let named = |host| (scope::registrable_domain(&host).map(|domain| domain.to_string()), host);
        let ask = LeaseAsk {
            session: self.shared.session,
            hosts,
            urls_per_host: settings.per_host.saturating_mul(4).max(16),
            until_ms: now.saturating_add(LEASE_MS),
            only: Vec::new(),
            alone: self.alone,
            refills,
            named: self.hops.wanted().into_iter().map(named).collect(),
        };
        let mut grant = self.store.lease(ask, now).await?;
        for (key, reply) in keys.into_iter().zip(replies) {
            let at = grant.refills.iter().position(|(granted, _)| *granted == key);
            // A worker that is gone needs no answer.
            let _ = reply.send(at.map(|at| grant.refills.swap_remove(at).1));
        }
        for lease in std::mem::take(&mut grant.named) {
            self.engage(lease);
        }
        if self.look {
            self.suspects &= !self.alone || !grant.hosts.is_empty() || grant.next_ready_ms.is_some();
            self.alone = false;
            self.employ(grant, hosts, room == 0);
        }
        Ok(())
    }

    async fn look_up_robots(&mut self) -> Result<(), EngineError> {
        let (origins, replies): (Vec<_>, Vec<_>) = std::mem::take(&mut self.robots).into_iter().unzip();
        for (record, reply) in self.store.robots_of(&origins).await?.into_iter().zip(replies) {
            // A worker that is gone needs no answer.
            let _ = reply.send(record);
        }
        Ok(())
    }

    fn employ(&mut self, grant: LeaseGrant, asked: u32, full: bool) {
        let got = u32::try_from(grant.hosts.len()).unwrap_or(u32::MAX);
        self.look = !full && asked > 0 && got >= asked;
        self.shared.crowded.store(full || got >= asked, Ordering::Relaxed);
        self.wake_at = if full { None } else { grant.next_ready_ms };
        for lease in grant.hosts {
            self.engage(lease);
        }
    }

    fn engage(&mut self, lease: HostLease) {
        self.active += 1;
        let hops = self.hops.open_desk(lease.key, &lease.host);
        self.workers.spawn(Worker::new(Arc::clone(&self.shared), lease, hops).run());
    }

    /// Takes in a worker that ended. One that broke off ends the session: its lease would never be
    /// released. After the last one nothing is left to wait for but the commit of what it gave back.
    fn bury(&self, ended: Result<(), tokio::task::JoinError>) -> Result<(), EngineError> {
        ended.map_err(|failure| internal("host worker", &failure.to_string()))?;
        if self.workers.is_empty() && self.active > 0 {
            // Where the writer has that much to do, it does not wait for more.
            let _ = self.shared.writer.try_send(Item::Hurry);
        }
        Ok(())
    }

    /// Work is left, but no host with work may give more pages. What else may be left is lost in the
    /// database: an error.
    async fn stuck_at_page_limits(&self) -> Result<bool, EngineError> {
        let stuck = self.store.left_at_page_limits().await? > 0;
        if stuck {
            self.shared.halt_at(Limit::MaxPagesPerHost);
        }
        Ok(stuck)
    }

    fn time_left_ms(&self) -> Option<u64> {
        let spent = self.spent_ms + self.shared.clock.elapsed_ms().saturating_sub(self.began);
        self.shared.settings.max_duration_ms.map(|max| max.saturating_sub(spent))
    }

    fn check_duration(&self) {
        if self.time_left_ms() == Some(0) {
            self.shared.halt_at(Limit::MaxDuration);
        }
    }

    /// Until the next host is ready, the time is over, or the leases want extending.
    fn wait_ms(&self) -> u64 {
        if self.shared.stop() != Stop::Run {
            return HEARTBEAT_MS;
        }
        let now = self.shared.clock.now_ms();
        let ready = self.wake_at.map(|at| u64::try_from(at.saturating_sub(now)).unwrap_or(0).max(1));
        HEARTBEAT_MS.min(ready.unwrap_or(u64::MAX)).min(self.time_left_ms().unwrap_or(u64::MAX))
    }
}

fn ended(end: Result<Result<(), StoreError>, tokio::task::JoinError>) -> Result<(), EngineError> {
    match end {
        Ok(result) => Ok(result?),
        Err(failure) => Err(internal("writer", &failure.to_string())),
    }
}

fn internal(part: &'static str, detail: &str) -> EngineError {
    EngineError::Internal { part, detail: detail.to_owned() }
}
