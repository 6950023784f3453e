//! The crawl in a database: [`Store`], the verbs of the crawl loop, each one transaction over many
//! items; [`sqlite`] implements it. [`StoreError`] says what is wrong with a database and what to
//! do about it.
//!
//! Only this room knows SQL. `settle` is the heart: page, body, text, links, new URLs, fetch row,
//! URL state and host state of a whole batch of visits become visible together or not at all.

pub mod body;
mod error;
pub mod sqlite;

pub use error::StoreError;

use std::future::Future;
use std::sync::Arc;

use crate::model::{
    Admission, Applied, Candidate, Command, CrawlSettings, CrawlUrl, EndedBy, Host, HostId, HostLease, HostUpdate,
    LeaseKey, LeasedUrl, Origin, Release, Retry, RobotsFetch, RobotsRecord, RoundId, Rule, Seed, SessionId, Totals,
    UnixMs, UrlId, UrlPattern, Visit, WorkStage,
};

/// What the store knows of a crawl before a session begins.
#[derive(Clone, Debug)]
pub struct StoredCrawl {
    /// Settings of the latest session.
    pub settings: CrawlSettings,
    /// Seeds of the current round, in the order given.
    pub seeds: Vec<StoredSeed>,
    /// What the operator has left out.
    pub skips: Vec<UrlPattern>,
    /// Whether the current round is complete.
    pub complete: bool,
    /// How the latest session ended; `None` after a crash.
    pub last_ended_by: Option<String>,
    /// The latest session died or failed while it applied other settings or seeds: some URLs are judged by
    /// them, and some are not.
    pub judging: bool,
    /// Counters.
    pub totals: Totals,
}

impl StoredCrawl {
    /// Whether the latest session left nothing to do, or came to a limit: a recrawl begins a new
    /// round then.
    pub fn round_is_over(&self) -> bool {
        self.complete || matches!(self.last_ended_by.as_deref(), Some("complete" | "limit"))
    }

    /// Whether all of its seeds come from imports.
    pub fn is_made_by_imports(&self) -> bool {
        self.seeds.iter().all(|seed| seed.is_imported)
    }
}

/// A seed as stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredSeed {
    /// As typed.
    pub given: String,
    /// Canonical text.
    pub url: String,
    /// A literal or localhost seed allows its own origin.
    pub grants_origin: bool,
    /// Whether the crawl is of it, see [`Seed::grants_scope`].
    pub grants_scope: bool,
    /// A list, a sitemap or an archive named it.
    pub is_imported: bool,
    /// The hosts that its redirects brought into scope, by name.
    pub widened_to: Vec<Host>,
}

impl StoredSeed {
    /// Its URL, where the crawl is of it. One that this program would not write is left to `doctor`.
    pub fn place(&self) -> Option<CrawlUrl> {
        CrawlUrl::stored(&self.url).ok().filter(|_| self.grants_scope)
    }
}

/// How a session begins.
#[derive(Clone, Debug)]
pub struct SessionOpen<'a> {
    /// Resolved settings, stored with the session.
    pub settings: &'a CrawlSettings,
    /// Version of the program.
    pub version: &'a str,
    /// The delay the settings ask for, in ms; 0 when they leave it to the host. A host whose lease a
    /// dead process left behind waits at least this long.
    pub delay_ms: u64,
    /// Begin a new round over every URL known, when the one before is complete or came to a limit;
    /// one that was interrupted goes on.
    pub recrawl: bool,
    /// URLs are going to be judged by settings or seeds that are not stored yet: until
    /// [`Store::record_settings`] says that this is done, a death leaves some of them judged so.
    pub judging: bool,
}

/// A session that has begun.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SessionStart {
    /// This session.
    pub session: SessionId,
    /// Its round: the open one, or a new one when there was none.
    pub round: RoundId,
    /// Time that earlier sessions of the round took, in ms.
    pub spent_ms: u64,
    /// From when on the session before certainly made no request any more: its end, or `now` when it
    /// ended without a word. `None`: there was none.
    pub quiet_from_ms: Option<UnixMs>,
    /// Pages that earlier sessions of the round fetched.
    pub round_pages: u64,
    /// Hosts whose lease a dead process left behind.
    pub orphaned_hosts: u64,
    /// URLs that were in work when a process died: to be watched, or to be tried alone.
    pub suspects: u64,
    /// Counters.
    pub totals: Totals,
}

/// More URLs for a host that is leased already.
#[derive(Clone, Debug, PartialEq)]
pub struct Refill {
    /// The lease.
    pub key: LeaseKey,
    /// Leased and not yet settled: not to be handed out again.
    pub held: Vec<UrlId>,
    /// Most URLs to add.
    pub want: u32,
}

/// One round of leasing: new hosts and more URLs for held ones, in one transaction.
#[derive(Clone, Debug)]
pub struct LeaseAsk {
    /// Who leases.
    pub session: SessionId,
    /// Most new hosts.
    pub hosts: u32,
    /// Most URLs for each of them.
    pub urls_per_host: u32,
    /// When the leases run out unless extended; leasing extends every lease of the session.
    pub until_ms: UnixMs,
    /// More URLs for held hosts.
    pub refills: Vec<Refill>,
    /// Hosts to be leased although they may have no work and need not be known: another host's
    /// robots.txt is redirected to them. With their registrable domains.
    pub named: Vec<(Option<String>, Host)>,
    /// Unless empty: of the new hosts these URLs that wait, due or not, and not those that come next.
    pub only: Vec<CrawlUrl>,
    /// Nothing else is in work or ready: lease a URL that is to be tried alone.
    pub alone: bool,
}

/// What leasing gave.
#[derive(Clone, Debug, Default)]
pub struct LeaseGrant {
    /// New hosts, the longest ready first.
    pub hosts: Vec<HostLease>,
    /// Of the hosts that were asked for by name those that nobody holds; one that is ready as well
    /// may stand among `hosts` instead.
    pub named: Vec<HostLease>,
    /// For each refill with a valid lease, in the order asked: the URLs (none: nothing is due now)
    /// with the pages the host may still give.
    pub refills: Vec<(LeaseKey, Vec<LeasedUrl>)>,
    /// When the next host that nobody holds becomes ready, or the next URL may be tried alone if that
    /// was asked for; `None`: there is none.
    pub next_ready_ms: Option<UnixMs>,
}

/// A batch for one settle transaction.
#[derive(Clone, Debug, Default)]
pub struct Settlement {
    /// Visits, in the order they ended.
    pub visits: Vec<Visit>,
    /// robots.txt results. Never in `urls`.
    pub robots: Vec<Arc<RobotsRecord>>,
    /// Requests that were made for them.
    pub robots_fetches: Vec<RobotsFetch>,
    /// Sitemaps that a robots.txt names; no page leads to them.
    pub sitemaps: Vec<Candidate>,
    /// What changed about leased hosts without a visit: a robots.txt that asks for a delay.
    pub hosts: Vec<(LeaseKey, HostUpdate)>,
    /// Leases that end, after the visits and robots of this batch.
    pub releases: Vec<Release>,
}

/// What a settle did.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Settled {
    /// Visits that changed their URL.
    pub applied: u64,
    /// URLs whose visit was dropped: the lease was lost, or the URL had left its leased state.
    pub dropped: Vec<UrlId>,
    /// URLs seen for the first time, excluded ones included.
    pub new_urls: u64,
    /// Hosts that got work while nobody held them.
    pub woken_hosts: u64,
    /// Counters after the commit.
    pub totals: Totals,
}

/// What a batch needs of the disk.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct RoomWanted {
    /// Bytes that the batch will write, about.
    pub batch_bytes: u64,
    /// Bytes that are to stay free.
    pub min_free_bytes: u64,
    /// Size from which on a log that somebody's long read transaction keeps from being emptied is
    /// not to grow.
    pub max_log_bytes: u64,
}

/// Whether there is room for a batch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Room {
    /// It may be settled.
    Free,
    /// Not before somebody's long read transaction ends.
    Crowded {
        /// Size of the log.
        log_bytes: u64,
        /// Who reads, as far as the system tells.
        readers: Vec<String>,
    },
}

/// Seeds taken in.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Admitted {
    /// Seeds that were not seeds of this round before.
    pub new_seeds: u64,
    /// URLs that were unknown.
    pub new_urls: u64,
    /// Counters after the commit.
    pub totals: Totals,
}

/// A URL whose admission may be another under other settings.
#[derive(Clone, Debug, PartialEq)]
pub struct Judged {
    /// Its row.
    pub id: UrlId,
    /// The URL.
    pub url: CrawlUrl,
    /// Links from a seed.
    pub depth: u32,
    /// Redirects in a row.
    pub hops: u32,
    /// Whether it is a seed that the crawl is of.
    pub is_seed: bool,
    /// Whether it was imported into a crawl that has its scope.
    pub is_given: bool,
    /// Whether it stands in `sitemaps`.
    pub is_sitemap: bool,
    /// What excludes it; `None`: it is to be visited.
    pub rule: Option<Rule>,
}

/// A command that waits in the inbox.
#[derive(Clone, Debug, PartialEq)]
pub struct Waiting {
    /// Its row.
    pub id: i64,
    /// What it says; or, where it says nothing that this program knows, why.
    pub command: Result<Command, String>,
}

/// The word on a URL that is still to be visited or excluded; `None`: it stays what it is.
pub type Judge<'a> = &'a (dyn Fn(&Judged) -> Option<Admission> + Send + Sync);

/// What a command comes to.
#[derive(Clone, Copy)]
pub enum Change<'a> {
    /// Takes seeds in.
    Add {
        /// The seeds.
        seeds: &'a [Seed],
        /// What they bring into scope of what was left out as [`Rule::SCOPE`]; `None`: nothing.
        judge: Option<Judge<'a>>,
    },
    /// Leaves out what these patterns name, or no longer.
    Skip {
        /// The patterns.
        patterns: &'a [UrlPattern],
        /// Takes them back.
        undo: bool,
        /// What this makes of the URLs that wait; taken back, of those that [`Rule::SKIP`] excludes.
        judge: Judge<'a>,
    },
    /// Queues what was visited.
    Retry {
        /// How their latest attempts ended.
        retry: &'a Retry,
        /// Of the URLs that ended so the ones that are meant.
        chosen: &'a (dyn Fn(&CrawlUrl) -> bool + Send + Sync),
    },
    /// It cannot be applied, for this reason.
    Refuse(&'a str),
}

/// What a process works on, noted where it outlives the process; the next session reads it when it begins.
/// Advice: it is never waited for, and may be lost.
pub trait WorkSlots: Send + Sync + std::fmt::Debug {
    /// Notes what a slot works on; `None`: nothing any more.
    fn set(&self, slot: u32, work: Option<(UrlId, WorkStage)>);
}

/// The verbs of the crawl loop. Each is one transaction and takes as many items as it is given;
/// the number of statements does not depend on them. An error leaves nothing half done.
pub trait Store: Send + Sync + 'static {
    /// Where a session notes what it works on.
    fn work_slots(&self) -> Arc<dyn WorkSlots>;

    /// What the database holds, or `None` when no crawl was ever begun in it.
    fn stored_crawl(&self) -> impl Future<Output = Result<Option<StoredCrawl>, StoreError>> + Send;

    /// Begins a session. Hosts that a dead process left leased are freed, and wait their delay
    /// from `now`.
    fn begin_session(
        &self,
        open: SessionOpen<'_>,
        now: UnixMs,
    ) -> impl Future<Output = Result<SessionStart, StoreError>> + Send;

    /// Takes seeds in; known ones change nothing but their depth.
    fn admit(
        &self,
        start: &SessionStart,
        seeds: &[Seed],
        now: UnixMs,
    ) -> impl Future<Output = Result<Admitted, StoreError>> + Send;

    /// URLs that are still to be visited or excluded, by id from `after`, at most `most`.
    fn open_names(&self, after: UrlId, most: u32) -> impl Future<Output = Result<Vec<Judged>, StoreError>> + Send;

    /// Queues excluded URLs, or excludes waiting ones. To be called before hosts are leased. The
    /// number of URLs that changed.
    fn rejudge(
        &self,
        verdicts: &[(UrlId, Admission)],
        now: UnixMs,
    ) -> impl Future<Output = Result<u64, StoreError>> + Send;

    /// Replaces the settings of the session, and applies their page limit, when what they change has
    /// been judged and new seeds are taken in.
    fn record_settings(
        &self,
        start: &SessionStart,
        settings: &CrawlSettings,
        now: UnixMs,
    ) -> impl Future<Output = Result<(), StoreError>> + Send;

    /// robots.txt results with their rows, by row from `after`, at most `most`.
    fn robots_known(
        &self,
        after: i64,
        most: u32,
    ) -> impl Future<Output = Result<Vec<(i64, RobotsRecord)>, StoreError>> + Send;

    /// The robots.txt results of these origins, in the order asked; `None`: it was never asked for.
    fn robots_of(
        &self,
        origins: &[(HostId, Origin)],
    ) -> impl Future<Output = Result<Vec<Option<RobotsRecord>>, StoreError>> + Send;

    /// Leases hosts that are ready at `now`, and more URLs for held ones.
    fn lease(&self, ask: LeaseAsk, now: UnixMs) -> impl Future<Output = Result<LeaseGrant, StoreError>> + Send;

    /// URLs that are open at hosts which have given all the pages they may. To be asked when nothing is leased,
    /// ready, waiting or to be tried alone: nothing else can be open then. An error when something is, for
    /// nothing would ever lead to it.
    fn left_at_page_limits(&self) -> impl Future<Output = Result<u64, StoreError>> + Send;

    /// Settles a batch.
    fn settle(
        &self,
        start: &SessionStart,
        batch: &Settlement,
        now: UnixMs,
    ) -> impl Future<Output = Result<Settled, StoreError>> + Send;

    /// Commands that wait, the oldest first, at most `most`.
    fn inbox(&self, most: u32) -> impl Future<Output = Result<Vec<Waiting>, StoreError>> + Send;

    /// Applies the command of this row, and marks it as applied, in one transaction; `None` when it was applied
    /// before. A URL that is in work meanwhile and leaves its state by this has its visit dropped when that is settled.
    fn apply(
        &self,
        id: i64,
        change: Change<'_>,
        now: UnixMs,
    ) -> impl Future<Output = Result<Option<Applied>, StoreError>> + Send;

    /// Whether there is room for a batch; to be asked before each. Not a promise: others write to
    /// the same disk. An error when there is too little, and nothing to wait for.
    fn room(&self, wanted: RoomWanted) -> impl Future<Output = Result<Room, StoreError>> + Send {
        let _ = wanted;
        async { Ok(Room::Free) }
    }

    /// Ends the session: frees its leases, and ends the round when `ended_by` is `Complete`. With
    /// `Error` it may be called after an error of any other verb; it then waits for nobody.
    fn end_session(
        &self,
        start: &SessionStart,
        ended_by: EndedBy,
        now: UnixMs,
    ) -> impl Future<Output = Result<Totals, StoreError>> + Send;
}
