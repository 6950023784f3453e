//! The crawl loop: leases hosts, asks them politely, parses, and settles; one session from start
//! to stop.
//!
//! - [`run`] is one session; [`Job`] what it is to do, [`Summary`] what came of it.
//! - [`Control`] stops it from outside; [`Progress`] shows it from outside.
//! - [`Clock`] is its only source of time, so that a simulated web can drive this very loop.
//!
//! Inside: `session` asks the store for ready hosts and starts one `worker` per host; a worker
//! waits for its `gate` (politeness) and for a turn at the host's address (`addresses`), fetches, has
//! the body parsed off the async threads, and hands the visit to the `writer`, which settles batches
//! in one transaction each. What robots.txt says stands in the worker's book (`robots`), written from
//! the files that the session has at hand (`shelf`, `reading`). What is in work is noted where it outlives the process
//! (`in_work`), what the operator asks for meanwhile is taken from the `inbox` between two batches, and what may have
//! killed one is read in another first (`rehearsal`).

mod addresses;
mod clock;
mod control;
mod copies;
mod digest;
mod flight;
mod gate;
mod hops;
mod in_work;
mod inbox;
mod judging;
mod pages;
mod parsers;
mod progress;
mod reading;
mod rehearsal;
mod robots;
mod session;
mod shared;
mod shelf;
mod sitemaps;
mod worker;
mod writer;

pub use clock::{Clock, SystemClock};
pub use control::{Control, Stop};
pub use inbox::apply_waiting;
pub use progress::{Progress, ProgressSnapshot};
pub use rehearsal::{Rehearse, Rehearsed, carry_out};

use std::sync::Arc;

use crate::fetch::Fetcher;
use crate::model::{CrawlSettings, EndedBy, Outcome, Seed, Totals};
use crate::store::{Store, StoreError, StoredCrawl};

/// What a session is to do.
#[derive(Clone, Debug)]
pub struct Job {
    /// Resolved settings; stored with the session.
    pub settings: CrawlSettings,
    /// Seeds to take in; may be empty when `stored` has some.
    pub seeds: Vec<Seed>,
    /// Begin a new round over every URL known (`--recrawl`).
    pub recrawl: bool,
    /// What the store held before this session (`Store::stored_crawl`).
    pub stored: Option<StoredCrawl>,
    /// Reads pages that may kill the process in others; `None`: they are read in this one.
    pub rehearsal: Option<Arc<dyn Rehearse>>,
    /// Threads that parse, one for each core as a rule. Without any the runtime's blocking ones do, which tokio's paused
    /// clock waits for.
    pub parse_threads: usize,
}

/// How many threads the machine runs at once.
pub fn cores() -> usize {
    std::thread::available_parallelism().map_or(1, std::num::NonZeroUsize::get)
}

/// The limit that ended a session.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Limit {
    /// `--max-pages`.
    MaxPages,
    /// `--max-pages-per-host`: every host with work left has reached it.
    MaxPagesPerHost,
    /// `--max-duration`.
    MaxDuration,
}

impl Limit {
    /// The flag that raises it.
    pub fn flag(self) -> &'static str {
        match self {
            Limit::MaxPages => "--max-pages",
            Limit::MaxPagesPerHost => "--max-pages-per-host",
            Limit::MaxDuration => "--max-duration",
        }
    }
}

/// What came of a session.
#[derive(Clone, Debug, PartialEq, serde::Serialize)]
pub struct Summary {
    /// Why it ended.
    pub ended_by: EndedBy,
    /// Which limit, when it was one.
    pub limit: Option<Limit>,
    /// Counters of the whole crawl.
    pub totals: Totals,
    /// Visits of this session by outcome (only those that occurred).
    pub outcomes: Vec<(Outcome, u64)>,
    /// Body bytes on the wire in this session.
    pub wire_bytes: u64,
    /// Length of this session in ms.
    pub elapsed_ms: u64,
    /// Settle transactions of this session.
    pub commits: u64,
    /// Most bytes of bodies held at once in this session.
    pub peak_body_bytes: u64,
    /// The first failure of a seed in this session, in words: `URL: what happened`.
    pub seed_error: Option<String>,
}

/// Why a session could not go on. What was committed before is kept.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum EngineError {
    /// The database.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// An include or exclude pattern.
    #[error(transparent)]
    Pattern(#[from] crate::scope::PatternError),
    /// A part of the engine ended early: a defect of this program.
    #[error("internal failure in the {part}: {detail}; everything committed is kept")]
    Internal {
        /// Which part.
        part: &'static str,
        /// What it said.
        detail: String,
    },
}

/// Runs one session until nothing is left, a limit is reached, `control` stops it or the database
/// fails.
///
/// # Errors
/// [`EngineError`]; everything committed before is kept, and the same call goes on from there.
pub async fn run<S: Store, F: Fetcher, C: Clock>(
    store: Arc<S>,
    fetcher: Arc<F>,
    clock: Arc<C>,
    job: Job,
    control: Control,
    progress: Arc<Progress>,
) -> Result<Summary, EngineError> {
    session::run(store, fetcher, clock, job, control, progress).await
}
