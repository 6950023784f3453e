//! [`Turns`]: when each host may be asked next, known to all workers.
//!
//! A host is asked by its own worker, which keeps its gate. But a robots.txt may be redirected to
//! another host, and that request is the other host's too: every request takes its host's turn
//! here, whoever makes it.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use crate::model::Host;

/// Hosts remembered before those whose time has passed are forgotten.
const REMEMBERED: usize = 4096;

/// The next turn of each host, in ms of `Clock::elapsed_ms`.
#[derive(Debug, Default)]
pub(super) struct Turns {
    next: Mutex<HashMap<Host, u64>>,
}

impl Turns {
    /// Takes the host's turn; the next one comes `delay_ms` later.
    ///
    /// # Errors
    /// The ms that are missing.
    pub(super) fn take(&self, host: &Host, delay_ms: u64, elapsed_ms: u64) -> Result<(), u64> {
        let mut next = self.next.lock().unwrap_or_else(PoisonError::into_inner);
        match next.get(host) {
            Some(at) if *at > elapsed_ms => return Err(*at - elapsed_ms),
            _ => {}
        }
        note(&mut next, host, delay_ms, elapsed_ms);
        Ok(())
    }

    /// The request was never made: the turn is still to be had.
    pub(super) fn give_back(&self, host: &Host) {
        self.next.lock().unwrap_or_else(PoisonError::into_inner).remove(host);
    }

    /// A response of the host ended now: its next turn is not before `delay_ms` from here.
    pub(super) fn rest(&self, host: &Host, delay_ms: u64, elapsed_ms: u64) {
        note(&mut self.next.lock().unwrap_or_else(PoisonError::into_inner), host, delay_ms, elapsed_ms);
    }
}

fn note(next: &mut HashMap<Host, u64>, host: &Host, delay_ms: u64, elapsed_ms: u64) {
    if delay_ms == 0 {
        return;
    }
    if next.len() >= REMEMBERED {
        next.retain(|_, at| *at > elapsed_ms);
    }
    let at = next.entry(host.clone()).or_default();
    *at = (*at).max(elapsed_ms.saturating_add(delay_ms));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_host_has_one_turn_at_a_time_whoever_asks() {
        let (turns, hub, other) = (Turns::default(), Host::new("hub.test"), Host::new("other.test"));
        assert_eq!(turns.take(&hub, 1000, 0), Ok(()));
        assert_eq!(turns.take(&hub, 1000, 400), Err(600));
        assert_eq!(turns.take(&other, 1000, 400), Ok(()));
        assert_eq!(turns.take(&hub, 1000, 1000), Ok(()));
        turns.rest(&hub, 1000, 1500);
        assert_eq!(turns.take(&hub, 1000, 2000), Err(500));
    }

    #[test]
    fn what_is_past_is_forgotten() {
        let turns = Turns::default();
        for n in 0..REMEMBERED as u64 + 10 {
            turns.rest(&Host::new(format!("h{n}.test")), 5, n * 10);
        }
        assert!(turns.next.lock().unwrap().len() <= REMEMBERED);
    }
}
