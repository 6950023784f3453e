//! [`Copies`]: a bounded memory of which content how many URLs of a host served in this session.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use crate::model::HostId;

/// URLs of one host that may serve the same content before links of further ones are no longer
/// followed. A page with eight addresses is a careless site; one with hundreds is a trap.
const MOST_COPIES: u32 = 8;

/// Contents that are remembered at least; twice as many at most, about 4 MiB.
const REMEMBERED: usize = 32 * 1024;

type Key = (HostId, [u8; 16]);

/// How often contents were served. The memory has two halves: when the younger one is full, the older
/// one is forgotten. A content that keeps coming moves to the younger half and stays.
#[derive(Debug)]
pub(super) struct Copies(Mutex<Halves>);

#[derive(Debug)]
struct Halves {
    young: HashMap<Key, u32>,
    old: HashMap<Key, u32>,
    room: usize,
}

impl Default for Copies {
    fn default() -> Self {
        Copies::with_room(REMEMBERED)
    }
}

impl Copies {
    fn with_room(room: usize) -> Self {
        Copies(Mutex::new(Halves { young: HashMap::new(), old: HashMap::new(), room }))
    }

    /// Notes that one more URL of the host served the content. Whether [`MOST_COPIES`] others did
    /// before.
    pub(super) fn one_more(&self, host: HostId, hash: [u8; 16]) -> bool {
        let mut halves = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        halves.add((host, hash)) > MOST_COPIES
    }
}

impl Halves {
    fn add(&mut self, key: Key) -> u32 {
        let before = self.young.get(&key).or_else(|| self.old.get(&key)).copied().unwrap_or(0);
        let now = before.saturating_add(1);
        if self.young.len() >= self.room && !self.young.contains_key(&key) {
            self.old = std::mem::take(&mut self.young);
        }
        self.young.insert(key, now);
        now
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hash(n: u32) -> [u8; 16] {
        let mut hash = [0; 16];
        hash[..4].copy_from_slice(&n.to_le_bytes());
        hash
    }

    #[test]
    fn the_ninth_copy_is_one_more() {
        let copies = Copies::default();
        let seen: Vec<bool> = (0..10).map(|_| copies.one_more(HostId(1), hash(7))).collect();
        assert_eq!(seen, [false, false, false, false, false, false, false, false, true, true]);
        assert!(!copies.one_more(HostId(2), hash(7)), "another host has its own count");
        assert!(!copies.one_more(HostId(1), hash(8)), "another content too");
    }

    #[test]
    fn the_memory_is_bounded_and_keeps_what_comes_again() {
        let copies = Copies::with_room(10);
        for n in 0..1000 {
            copies.one_more(HostId(1), hash(n));
            let often = copies.one_more(HostId(1), hash(u32::MAX));
            assert_eq!(often, n >= MOST_COPIES, "{n}");
        }
        let halves = copies.0.lock().unwrap();
        assert!(halves.young.len() <= 10 && halves.old.len() <= 10);
        assert!(!halves.young.contains_key(&(HostId(1), hash(0))) && !halves.old.contains_key(&(HostId(1), hash(0))));
    }
}
