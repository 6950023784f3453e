//! [`Progress`]: what a running session looks like from outside, without asking the database.

use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};

use crate::model::{Outcome, Totals, Visit};

/// Live counters of a session.
#[derive(Debug, Default)]
pub struct Progress {
    totals: Mutex<Totals>,
    visits: [AtomicU64; Outcome::ALL.len()],
    wire_bytes: AtomicU64,
    in_flight: AtomicU64,
    active_hosts: AtomicU64,
    commits: AtomicU64,
}

/// One look at [`Progress`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProgressSnapshot {
    /// Counters of the whole crawl as of the last commit.
    pub totals: Totals,
    /// Visits of this session by outcome (only those that occurred).
    pub outcomes: Vec<(Outcome, u64)>,
    /// Body bytes on the wire in this session.
    pub wire_bytes: u64,
    /// Requests in flight.
    pub in_flight: u64,
    /// Hosts leased.
    pub active_hosts: u64,
    /// Settle transactions.
    pub commits: u64,
}

impl ProgressSnapshot {
    /// Visits of this session that ended in a failure of the host, the network or the guard.
    pub fn errors(&self) -> u64 {
        let good = [Outcome::Page, Outcome::Unchanged, Outcome::Redirect, Outcome::Robots];
        self.outcomes.iter().filter(|(outcome, _)| !good.contains(outcome)).map(|(_, n)| n).sum()
    }

    /// Pages of this session.
    pub fn pages(&self) -> u64 {
        self.outcomes.iter().filter(|(outcome, _)| *outcome == Outcome::Page).map(|(_, n)| n).sum()
    }
}

impl Progress {
    /// The counters as they are now.
    pub fn snapshot(&self) -> ProgressSnapshot {
        ProgressSnapshot {
            totals: *self.totals.lock().unwrap_or_else(std::sync::PoisonError::into_inner),
            outcomes: Outcome::ALL
                .into_iter()
                .map(|outcome| (outcome, self.visits[outcome as usize].load(Ordering::Relaxed)))
                .filter(|(_, n)| *n > 0)
                .collect(),
            wire_bytes: self.wire_bytes.load(Ordering::Relaxed),
            in_flight: self.in_flight.load(Ordering::Relaxed),
            active_hosts: self.active_hosts.load(Ordering::Relaxed),
            commits: self.commits.load(Ordering::Relaxed),
        }
    }

    pub(crate) fn set_totals(&self, totals: Totals) {
        *self.totals.lock().unwrap_or_else(std::sync::PoisonError::into_inner) = totals;
    }

    pub(crate) fn committed(&self, visits: &[Visit], totals: Totals) {
        for visit in visits {
            self.visits[visit.outcome as usize].fetch_add(1, Ordering::Relaxed);
            self.wire_bytes.fetch_add(visit.wire_bytes.unwrap_or(0), Ordering::Relaxed);
        }
        self.commits.fetch_add(1, Ordering::Relaxed);
        self.set_totals(totals);
    }

    pub(crate) fn commits(&self) -> u64 {
        self.commits.load(Ordering::Relaxed)
    }

    pub(crate) fn request_started(&self) {
        self.in_flight.fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn request_ended(&self) {
        self.in_flight.fetch_sub(1, Ordering::Relaxed);
    }

    pub(crate) fn set_active_hosts(&self, hosts: u64) {
        self.active_hosts.store(hosts, Ordering::Relaxed);
    }
}
