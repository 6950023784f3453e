//! [`Seen`]: which contents were met, so that copies can be left out.
//!
//! Fingerprints differ in at most 3 of 64 bits between near duplicates; then one of four bands of 16 bits is equal
//! (Manku, Jain and Das Sarma 2007). In a band only the latest 64 with the same bits are compared, so that a site of
//! one template costs no more than another. A million contents take some 40 MB.

use std::collections::HashMap;

use super::contents::Contents;
use super::job::Dedupe;

const MOST_BITS: u32 = 3;
const MOST_COMPARED: usize = 64;
const BANDS: usize = 4;

/// What was met.
#[derive(Debug)]
pub(crate) struct Seen {
    dedupe: Option<Dedupe>,
    contents: Contents,
    prints: Vec<u64>,
    /// Fingerprints that were forgotten: how many there were then.
    released: HashMap<u64, usize>,
    /// Of each band and its bits, the last fingerprint that has them, from 1; 0: none.
    last: Vec<u32>,
    /// Of each fingerprint, the one before it in each band.
    before: Vec<[u32; BANDS]>,
}

impl Seen {
    pub(crate) fn new(dedupe: Option<Dedupe>) -> Self {
        let last = if dedupe == Some(Dedupe::Near) { vec![0; BANDS << 16] } else { Vec::new() };
        Seen {
            dedupe,
            contents: Contents::default(),
            prints: Vec::new(),
            released: HashMap::new(),
            last,
            before: Vec::new(),
        }
    }

    /// Whether anything is to be left out.
    pub(crate) fn is_asked(&self) -> bool {
        self.dedupe.is_some()
    }

    /// Takes in what an earlier export has written.
    pub(crate) fn remember(&mut self, content: i64, simhash: Option<i64>) {
        if let (Ok(id), Some(dedupe)) = (u32::try_from(content), self.dedupe)
            && self.contents.insert(id)
            && let (Some(print), Dedupe::Near) = (simhash, dedupe)
        {
            self.hold(print.cast_unsigned());
        }
    }

    /// All contents that were met.
    pub(crate) fn contents(&self) -> &Contents {
        &self.contents
    }

    /// Whether the content, or nearly the same, was met before. From now on it was.
    pub(crate) fn is_copy(&mut self, content: Option<i64>, simhash: Option<i64>) -> bool {
        let Some(dedupe) = self.dedupe else { return false };
        let is_new = content.and_then(|id| u32::try_from(id).ok()).is_none_or(|id| self.contents.insert(id));
        if !is_new {
            return true;
        }
        match simhash {
            Some(print) if dedupe == Dedupe::Near => self.is_near(print.cast_unsigned()),
            _ => false,
        }
    }

    /// Forgets a content: who has it next is no copy. Nor is who has one with the same fingerprint.
    pub(crate) fn release(&mut self, content: u32, simhash: Option<i64>) {
        self.contents.remove(content);
        if let (Some(print), Some(Dedupe::Near)) = (simhash, self.dedupe) {
            self.released.insert(print.cast_unsigned(), self.prints.len());
        }
    }

    /// A near copy is not remembered itself: else a chain of small changes would take all of a site along.
    fn is_near(&mut self, print: u64) -> bool {
        for band in 0..BANDS {
            let mut at = self.last[place(band, print)];
            for _ in 0..MOST_COMPARED {
                if at == 0 {
                    break;
                }
                let held = at as usize - 1;
                let is_released = self.released.get(&self.prints[held]).is_some_and(|upto| held < *upto);
                if !is_released && (self.prints[held] ^ print).count_ones() <= MOST_BITS {
                    return true;
                }
                at = self.before[held][band];
            }
        }
        self.hold(print);
        false
    }

    fn hold(&mut self, print: u64) {
        self.prints.push(print);
        let number = u32::try_from(self.prints.len()).unwrap_or(u32::MAX);
        let mut before = [0; BANDS];
        for (band, before) in before.iter_mut().enumerate() {
            *before = std::mem::replace(&mut self.last[place(band, print)], number);
        }
        self.before.push(before);
    }
}

fn place(band: usize, print: u64) -> usize {
    band << 16 | (print >> (16 * band) & 0xffff) as usize
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn copies_are_told() {
        let mut none = Seen::new(None);
        assert!(!none.is_copy(Some(1), Some(5)) && !none.is_copy(Some(1), Some(5)));
        let mut exact = Seen::new(Some(Dedupe::Exact));
        let met = [(Some(1), Some(5)), (Some(2), Some(5)), (Some(1), None), (None, None), (None, None)];
        assert_eq!(met.map(|(content, print)| exact.is_copy(content, print)), [false, false, true, false, false]);
        let mut near = Seen::new(Some(Dedupe::Near));
        let print = 0x0123_4567_89ab_cdef_i64;
        let met = [(1, print), (2, print ^ 7), (3, print ^ 15), (4, -1), (5, -1 ^ (1 << 63)), (4, 0)];
        let copies = met.map(|(content, print)| near.is_copy(Some(content), Some(print)));
        assert_eq!(copies, [false, true, false, false, true, true]);
        let mut later = Seen::new(Some(Dedupe::Near));
        later.remember(1, Some(print));
        assert!(later.is_copy(Some(1), None) && later.is_copy(Some(2), Some(print ^ 7)));
        later.release(1, Some(print));
        assert!(!later.is_copy(Some(1), Some(print)), "it has come back");
        assert!(later.is_copy(Some(1), Some(print)) && later.is_copy(Some(3), Some(print ^ 1)));
    }
}
