//! [`Addresses`]: `--per-ip`, requests in flight to one address, whatever host names lead there.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, PoisonError, Weak};

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// Addresses remembered before those that nobody asks are forgotten. More than these are known
/// only while that many are asked, or waited for, at a time.
const REMEMBERED: usize = 1024;

/// How many requests each address has.
#[derive(Debug)]
pub(super) struct Addresses {
    per_ip: Option<usize>,
    busy: Mutex<HashMap<IpAddr, Weak<Semaphore>>>,
}

/// The right to one request to an address; `None` inside when there is no limit.
pub(super) type AddressPermit = Option<OwnedSemaphorePermit>;

impl Addresses {
    pub(super) fn new(per_ip: Option<u32>) -> Self {
        Addresses { per_ip: per_ip.map(|n| n.max(1) as usize), busy: Mutex::default() }
    }

    /// Whether there is a limit, so that it is worth knowing an address.
    pub(super) fn are_limited(&self) -> bool {
        self.per_ip.is_some()
    }

    /// Waits for a turn, in the order asked for. An address that is not known has no limit.
    pub(super) async fn turn(&self, address: Option<IpAddr>) -> AddressPermit {
        let turns = self.turns(address?)?;
        Some(turns.acquire_owned().await.expect("the semaphore of an address is never closed"))
    }

    fn turns(&self, address: IpAddr) -> Option<Arc<Semaphore>> {
        let per_ip = self.per_ip?;
        let mut busy = self.busy.lock().unwrap_or_else(PoisonError::into_inner);
        if busy.len() >= REMEMBERED {
            busy.retain(|_, turns| turns.strong_count() > 0);
        }
        // An IPv4 address in IPv6 clothes is the same machine.
        let entry = busy.entry(address.to_canonical()).or_default();
        let turns = entry.upgrade().unwrap_or_else(|| Arc::new(Semaphore::new(per_ip)));
        *entry = Arc::downgrade(&turns);
        Some(turns)
    }
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt;

    use super::*;

    fn address(text: &str) -> Option<IpAddr> {
        Some(text.parse().unwrap())
    }

    #[test]
    fn an_address_has_so_many_turns_at_a_time() {
        let addresses = Addresses::new(Some(2));
        let try_turn = |text: &str| addresses.turn(address(text)).now_or_never().flatten();
        let (first, second) = (try_turn("192.0.2.1"), try_turn("::ffff:192.0.2.1"));
        assert!(first.is_some() && second.is_some());
        assert!(try_turn("192.0.2.1").is_none());
        assert!(try_turn("192.0.2.2").is_some());
        drop(first);
        assert!(try_turn("192.0.2.1").is_some());
    }

    #[test]
    fn without_a_limit_or_an_address_nobody_waits() {
        let (limited, free) = (Addresses::new(Some(1)), Addresses::new(None));
        for _ in 0..3 {
            assert!(limited.turn(None).now_or_never().is_some_and(|permit| permit.is_none()));
            assert!(free.turn(address("192.0.2.1")).now_or_never().is_some_and(|permit| permit.is_none()));
        }
    }

    #[test]
    fn addresses_that_nobody_asks_are_forgotten() {
        let addresses = Addresses::new(Some(1));
        let held: Vec<_> =
            (0..50).map(|n| addresses.turn(address(&format!("198.51.100.{n}"))).now_or_never()).collect();
        for n in 0..REMEMBERED * 2 {
            let text = format!("2001:db8::{n:x}");
            drop(addresses.turn(address(&text)).now_or_never());
        }
        assert!(addresses.busy.lock().unwrap().len() <= REMEMBERED);
        assert!(addresses.turn(address("198.51.100.7")).now_or_never().is_none(), "this one is asked");
        drop(held);
    }
}
