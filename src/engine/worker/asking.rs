//! From a URL of the queue to a request: what robots.txt says, the gate, the ticket.

use std::sync::Arc;

use tokio::sync::oneshot;

use crate::fetch::Fetcher;
use crate::model::{DEATHS_THAT_PROVE, DelayBy, Ledger, Visit};
use crate::verdict::{self, Attempt};

use super::super::digest;
use super::super::flight::{Errand, Ticket, fly, ticket};
use super::super::hops::Hop;
use super::super::robots::{Chase, Say};
use super::super::shared::{Ask, Item};
use super::guests::LONGEST_STAY_MS;
use super::{Clock, LONGEST_WAIT_MS, Worker};

/// Failures in a row after which a host's URLs are given up untried while it is backed off.
pub(super) const DEAD_HOST_FAILURES: u32 = 8;

/// Visits without a request of one host that may wait for the writer: hosts give up their URLs faster than they are written, and
/// a thousand hosts have a quarter of a million.
const MOST_UNASKED: usize = 32;

/// A host whose address is crowded gives its lease back for this long, and up to as long again.
const CROWDED_MS: u64 = 10_000;

impl<F: Fetcher, C: Clock> Worker<F, C> {
    /// Settles what needs no request, and gets a ticket for the next request: one of a guest and one of
    /// its own in turn.
    pub(super) fn plan(&mut self) {
        self.see_off();
        while self.errand.is_none() && self.reading.is_none() && self.flights.len() < self.per_host {
            let planned = match self.guest_was_last {
                true => self.plan_own() || self.plan_guest(),
                false => self.plan_guest() || self.plan_own(),
            };
            if !planned {
                return;
            }
        }
    }

    /// Plans the next request of its own, or settles a URL without one; false: there is nothing to do now.
    fn plan_own(&mut self) -> bool {
        if self.chasing || self.away.is_some() || self.shared.pages.exhausted() || self.pages_left() == 0 {
            return false;
        }
        let Some(leased) = self.queue.front() else { return false };
        if self.shared.scope().skips().contain(&leased.url) {
            // The store has it excluded, or will by the time it is asked for more.
            self.held.remove(&leased.id);
            self.queue.pop_front();
            return true;
        }
        let now = self.shared.clock.now_ms();
        if let Some(deaths) = leased.deaths.filter(|deaths| *deaths >= DEATHS_THAT_PROVE) {
            return self.settle_in_turn(|attempt, _| verdict::after_deaths(attempt, deaths));
        }
        if self.is_dead() {
            return self.settle_in_turn(verdict::after_dead_host);
        }
        let forgotten = self.shared.robots.forgotten();
        if std::mem::replace(&mut self.forgotten, forgotten) != forgotten {
            self.book.forget_failed();
        }
        match self.book.say(leased, now) {
            Say::Allowed => {
                let Some(leased) = self.queue.pop_front() else { return false };
                self.prepare(Errand::Url(leased));
                self.errand.is_some()
            }
            Say::LookUp(origin) => {
                self.look_up(origin);
                false
            }
            Say::Refused(line) => self.settle_in_turn(|attempt, _| verdict::after_robots_refusal(attempt, line)),
            Say::GivenUp { outcome, status, error } => {
                self.settle_in_turn(|attempt, _| verdict::after_unreachable_robots(attempt, outcome, status, &error))
            }
            Say::Ask(chase, from) => self.plan_robots(chase, u64::try_from(from.saturating_sub(now)).unwrap_or(0)),
        }
    }

    /// Plans the request for a robots.txt after `wait_ms`, or has another host's worker make it.
    fn plan_robots(&mut self, chase: Chase, wait_ms: u64) -> bool {
        let is_away = chase.url.host_str() != self.lease.host.as_str();
        // The other host has a gate of its own.
        if is_away && wait_ms <= LONGEST_WAIT_MS {
            self.send_away(chase);
            return false;
        }
        self.gate.pause(wait_ms, DelayBy::Backoff, self.shared.clock.elapsed_ms());
        if !is_away {
            self.prepare(Errand::Robots(chase));
        }
        self.errand.is_some()
    }

    /// A host that failed again and again, could not even be connected at the last try, and is to
    /// be left alone now, gets no request: its URLs are given up. After the pause one is tried.
    fn is_dead(&self) -> bool {
        self.unreachable
            && self.gate.failures() >= DEAD_HOST_FAILURES
            && self.gate.wait_ms(self.shared.clock.elapsed_ms()) > 0
    }

    /// The same as [`Self::settle_unasked`], unless many of those wait for the writer; false: not now, and one of them
    /// says when.
    fn settle_in_turn(&mut self, make: impl FnOnce(&Attempt<'_>, u32) -> Visit) -> bool {
        let in_turn = Arc::strong_count(&self.unasked) <= MOST_UNASKED;
        if in_turn {
            self.settle_unasked(make);
        }
        in_turn
    }

    /// Hands on a visit for the first URL of the queue without a request.
    pub(super) fn settle_unasked(&mut self, make: impl FnOnce(&Attempt<'_>, u32) -> Visit) {
        let Some(leased) = self.queue.pop_front() else { return };
        let (now, elapsed) = (self.shared.clock.now_ms(), self.shared.clock.elapsed_ms());
        let attempt = Attempt {
            key: self.lease.key,
            leased: &leased,
            ledger: Ledger::default(),
            host: self.gate.update(now, elapsed),
            one_copy_more: false,
            now,
            jitter: self.shared.clock.jitter(),
        };
        let visit = make(&attempt, self.gate.failures());
        if let Some(what) = digest::seed_failure(&leased, &visit) {
            self.shared.seed_failed(what);
        }
        let item = Item::Visit { visit: Box::new(visit), bytes: None, work: None, settled: self.settled.0.clone() };
        self.send_holding(item, Arc::clone(&self.unasked));
    }

    pub(super) fn prepare(&mut self, errand: Errand) {
        let wait_ms = self.gate.wait_ms(self.shared.clock.elapsed_ms());
        let errand = match errand {
            Errand::Hop(hop) if self.stays_too_long(&hop) => return self.turn_away(hop),
            Errand::Hop(hop) => Errand::Hop(hop),
            other if self.waits_long() => return self.put_back(other),
            other => other,
        };
        let shared = Arc::clone(&self.shared);
        let wants_page = matches!(errand, Errand::Url(_));
        self.ticket = Some(Box::pin(ticket(shared, wait_ms, errand.url().clone(), wants_page)));
        self.errand = Some(errand);
    }

    pub(super) fn put_back(&mut self, errand: Errand) {
        match errand {
            Errand::Url(leased) => self.queue.push_front(leased),
            // The book says so again.
            Errand::Robots(_) => {}
            Errand::Hop(hop) => self.guests.put_back(hop),
        }
    }

    /// Has another host's worker ask where this host's robots.txt is redirected to.
    fn send_away(&mut self, chase: Chase) {
        let (reply, answer) = oneshot::channel();
        let until_ms = self.shared.clock.elapsed_ms().saturating_add(LONGEST_STAY_MS);
        // The session loop is gone only when the session ends, and this worker with it.
        let _ = self.shared.desk.send(Ask::Hop(Hop { chase: chase.clone(), until_ms, reply }));
        self.away = Some((chase, answer));
    }

    /// Starts the request the ticket was got for, unless the gate has closed meanwhile.
    pub(super) fn start(&mut self, ticket: Option<Ticket>) {
        self.ticket = None;
        let Some(errand) = self.errand.take() else { return };
        let elapsed = self.shared.clock.elapsed_ms();
        let Some(ticket) = ticket else {
            let spread = (self.shared.clock.jitter() * CROWDED_MS as f64) as u64;
            self.gate.hold(CROWDED_MS + 1 + spread, elapsed);
            return self.prepare(errand);
        };
        let Ok(departure) = self.gate.take(elapsed) else { return self.prepare(errand) };
        self.started += u64::from(matches!(errand, Errand::Url(_)));
        self.chasing |= matches!(errand, Errand::Robots(_));
        self.guest_was_last = matches!(errand, Errand::Hop(_));
        self.shared.progress.request_started();
        let shared = Arc::clone(&self.shared);
        self.flights.push(Box::pin(fly(shared, errand, departure, ticket)));
    }
}
