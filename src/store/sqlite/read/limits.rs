//! [`Limits`] of a query, [`Cancel`] to stop one from outside, and the watch that enforces both
//! from within SQLite: dropping a future stops no statement, only the progress handler does.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU8, Ordering};
use std::time::{Duration, Instant};

/// What one query may cost. It is looked at every thousand steps of SQLite's virtual machine;
/// a single call of a slow function (`randomblob(999999999)`) is not cut in two.
#[derive(Clone, Debug)]
pub struct Limits {
    /// Most rows; `None`: all of them. Default none.
    pub rows: Option<u64>,
    /// Longest time, waiting for the output included; `None`: unlimited. Default 60 s. While a
    /// query runs the crawl's log file cannot be emptied and grows.
    pub time: Option<Duration>,
    /// Most bytes of the values of one row; `None`: as many as SQLite's memory holds. Default 64 MB. A
    /// row with more is an error.
    pub row_bytes: Option<u64>,
    /// Stops the query when set.
    pub cancel: Cancel,
}

impl Default for Limits {
    fn default() -> Self {
        Limits {
            rows: None,
            time: Some(Duration::from_secs(60)),
            row_bytes: Some(64_000_000),
            cancel: Cancel::default(),
        }
    }
}

/// A flag that stops running queries from another task, a signal handler for instance. Clones
/// share it.
#[derive(Clone, Debug, Default)]
pub struct Cancel(Arc<AtomicBool>);

impl Cancel {
    /// Stops what runs, and whatever is begun with this flag afterwards.
    pub fn cancel(&self) {
        self.0.store(true, Ordering::Relaxed);
    }

    /// Whether it was set.
    pub fn is_cancelled(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}

/// Steps of SQLite's virtual machine between two looks at the clock: some 10 µs.
pub(super) const STEP_OPS: i32 = 1000;

/// [`Watch::stopped`] of a query that has ended.
const OVER: u8 = 3;

#[allow(clippy::disallowed_methods, reason = "a limit on real time, which no row depends on")]
fn clock() -> Instant {
    Instant::now()
}

/// Why a statement was stopped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Stopped {
    Time,
    Cancelled,
}

/// Shared by the progress handler and the code that reads the result.
#[derive(Clone, Debug)]
pub(super) struct Watch {
    deadline: Option<Instant>,
    cancel: Cancel,
    stopped: Arc<AtomicU8>,
}

impl Watch {
    pub(super) fn start(limits: &Limits) -> Self {
        // A time too long to add is no limit.
        let deadline = limits.time.and_then(|time| clock().checked_add(time));
        Watch { deadline, cancel: limits.cancel.clone(), stopped: Arc::new(AtomicU8::new(0)) }
    }

    /// False stops the statement; the reason is kept.
    pub(super) fn go_on(&self) -> bool {
        let reason = if self.stopped.load(Ordering::Relaxed) == OVER {
            return false;
        } else if self.cancel.is_cancelled() {
            2
        } else if self.deadline.is_some_and(|deadline| clock() >= deadline) {
            1
        } else {
            return true;
        };
        self.stopped.store(reason, Ordering::Relaxed);
        false
    }

    /// The query has ended, and what SQLite still does for it is for nobody.
    pub(super) fn end(&self) {
        self.stopped.store(OVER, Ordering::Relaxed);
    }

    pub(super) fn stopped(&self) -> Option<Stopped> {
        match self.stopped.load(Ordering::Relaxed) {
            1 => Some(Stopped::Time),
            2 => Some(Stopped::Cancelled),
            _ => None,
        }
    }
}
