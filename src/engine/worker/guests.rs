//! [`Guests`]: what other hosts' workers need from this host, because their robots.txt leads here.
//!
//! Whoever waits here holds the lease of a host of its own, so nobody may stay for long. A guest that
//! cannot be served within [`LONGEST_STAY_MS`] is told when to come back, each at another time, and
//! early: it is to be there when the gate opens.

use std::collections::VecDeque;

use crate::fetch::Fetcher;
use crate::model::{Exchange, ExchangeEnd, FailureKind};

use super::super::flight::Errand;
use super::super::hops::{Hop, HopEnd};
use super::asking::DEAD_HOST_FAILURES;
use super::{Clock, Worker};

/// Most time from sending a hop to its request. With the request that is under way meanwhile this is how
/// long one host can keep the lease of another.
pub(in super::super) const LONGEST_STAY_MS: u64 = 60_000;

/// So long before its turn a guest is to come back; and the shortest time that it is sent away for.
const EARLY_MS: u64 = 30_000;

/// The longest time that a guest is sent away for, as after failures.
const LONGEST_ABSENCE_MS: u64 = 3_600_000;

/// When the host may be asked.
#[derive(Clone, Copy, Debug)]
struct Opening {
    elapsed_ms: u64,
    /// Until the gate opens.
    wait_ms: u64,
    /// From one guest to the next.
    turn_ms: u64,
}

/// Who waits for a request to this host.
#[derive(Debug, Default)]
pub(super) struct Guests {
    waiting: VecDeque<Hop>,
    /// The turn of the last one who was told to come back.
    told_ms: u64,
}

impl Guests {
    pub(super) fn is_empty(&self) -> bool {
        self.waiting.is_empty()
    }

    pub(super) fn put_back(&mut self, hop: Hop) {
        self.waiting.push_front(hop);
    }

    /// Whether a hop that comes last now has its turn in time.
    fn has_room(&self, at: Opening) -> bool {
        let ahead = self.waiting.len() as u64;
        at.wait_ms.saturating_add(ahead.saturating_mul(at.turn_ms)) <= LONGEST_STAY_MS
    }

    /// The ms after which one who cannot stay is to come back, behind all who were told before.
    fn absence_ms(&mut self, at: Opening) -> u64 {
        let ahead = self.waiting.len() as u64;
        let behind_waiting = at.wait_ms.saturating_add(ahead.saturating_mul(at.turn_ms));
        let behind_told = self.told_ms.saturating_add(at.turn_ms).saturating_sub(at.elapsed_ms);
        let turn = behind_waiting.max(behind_told).min(LONGEST_ABSENCE_MS + EARLY_MS);
        self.told_ms = at.elapsed_ms.saturating_add(turn);
        turn.saturating_sub(EARLY_MS).max(EARLY_MS)
    }
}

impl<F: Fetcher, C: Clock> Worker<F, C> {
    fn opening(&self) -> Opening {
        let elapsed_ms = self.shared.clock.elapsed_ms();
        let answer_ms = self.gate.pace().response_ms.map_or(0, u64::from) / self.per_host.max(1) as u64;
        let request_ms = self.gate.delay_ms().saturating_add(answer_ms);
        // Guests and the host's own URLs take turns.
        let turn_ms = if self.queue.is_empty() { request_ms } else { request_ms.saturating_mul(2) };
        Opening { elapsed_ms, wait_ms: self.gate.wait_ms(elapsed_ms), turn_ms }
    }

    /// Takes a hop in, or sends it away.
    pub(super) fn welcome(&mut self, hop: Hop) {
        if self.guests.has_room(self.opening()) {
            self.guests.waiting.push_back(hop);
        } else {
            self.turn_away(hop);
        }
    }

    /// Sends those away who would have to stay for too long. They come in the order of their times but
    /// for the few that waited for a lease of this host.
    pub(super) fn see_off(&mut self) {
        while let Some(hop) = self.guests.waiting.front()
            && self.stays_too_long(hop)
        {
            let Some(hop) = self.guests.waiting.pop_front() else { return };
            self.turn_away(hop);
        }
    }

    /// Plans the request of the next guest; false: there is none.
    pub(super) fn plan_guest(&mut self) -> bool {
        let Some(hop) = self.guests.waiting.pop_front() else { return false };
        self.prepare(Errand::Hop(hop));
        true
    }

    pub(super) fn stays_too_long(&self, hop: &Hop) -> bool {
        let elapsed_ms = self.shared.clock.elapsed_ms();
        elapsed_ms.saturating_add(self.gate.wait_ms(elapsed_ms)) > hop.until_ms
    }

    /// Tells a guest when to come back. Of a host that is left alone because it failed again and again,
    /// nothing is to be had: its guests have failed like its own URLs.
    pub(super) fn turn_away(&mut self, hop: Hop) {
        let failures = self.gate.failures();
        let end = if failures >= DEAD_HOST_FAILURES {
            let exchange = Exchange {
                started_ms: self.shared.clock.now_ms(),
                elapsed_ms: 0,
                status: None,
                headers: Vec::new(),
                end: ExchangeEnd::Failed {
                    kind: FailureKind::Connect,
                    detail: format!("not tried: {} failed {failures} times in a row", self.lease.host),
                },
                wire_bytes: 0,
                address: None,
            };
            HopEnd::Asked { exchange, bytes: None }
        } else {
            let ms = self.guests.absence_ms(self.opening());
            let seconds = ms.div_ceil(1000);
            HopEnd::Later { ms, why: format!("{} is to be asked no sooner than in {seconds} s", self.lease.host) }
        };
        // A worker that is gone needs no answer.
        let _ = hop.reply.send(end);
    }
}

#[cfg(test)]
mod tests {
    use tokio::sync::oneshot;

    use super::*;
    use crate::engine::robots::Chase;
    use crate::model::CrawlUrl;

    fn hop() -> Hop {
        let url = CrawlUrl::stored("http://hub.test/a").unwrap();
        Hop { chase: Chase { origin: url.origin(), url, hops: 1 }, until_ms: 0, reply: oneshot::channel().0 }
    }

    /// How many of so many who come at once may stay, and when the others are to come back, in s.
    #[track_caller]
    fn check(come: usize, wait_s: u64, turn_s: u64, stay: usize, back_s: &[u64]) {
        let mut guests = Guests::default();
        let at = Opening { elapsed_ms: 7_000_000, wait_ms: wait_s * 1_000, turn_ms: turn_s * 1_000 };
        let mut back = Vec::new();
        for _ in 0..come {
            match guests.has_room(at) {
                true => guests.waiting.push_back(hop()),
                false => back.push(guests.absence_ms(at) / 1_000),
            }
        }
        assert_eq!((guests.waiting.len(), back.as_slice()), (stay, back_s), "{wait_s} s, {turn_s} s");
    }

    #[test]
    fn nobody_stays_for_longer_than_a_minute() {
        check(3, 0, 0, 3, &[]);
        check(3, 60, 0, 3, &[]);
        check(8, 0, 20, 4, &[50, 70, 90, 110]);
        check(4, 45, 20, 1, &[35, 55, 75]);
        check(4, 60, 120, 1, &[150, 270, 390]);
        check(3, 61, 0, 0, &[31, 31, 31]);
        check(3, 100, 240, 0, &[70, 310, 550]);
        check(3, 86_400, 5, 0, &[3_600, 3_600, 3_600]);
    }

    #[test]
    fn nobody_is_sent_away_for_no_time() {
        let at = Opening { elapsed_ms: 7_000_000, wait_ms: 0, turn_ms: 0 };
        assert_eq!(Guests::default().absence_ms(at), EARLY_MS);
    }
}
