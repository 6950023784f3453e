//! [`Contents`]: which contents were met or written, in little memory and as a short text.
//!
//! Ids of contents are dense, so a bit for each of them takes less than any list: an eighth of a byte where most are in the
//! set. As text they are ranges, `1-99,101`, which is what a manifest holds.

use std::collections::BTreeMap;

/// Ids that share one block of bits.
const BLOCK_BITS: u32 = 16;
/// No crawl has as many contents; the bits up to here take 256 MB.
const MOST_ID: u32 = (1 << 31) - 1;
const WORDS: usize = 1 << (BLOCK_BITS - 6);

/// A set of contents by their ids.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Contents(BTreeMap<u32, Box<[u64]>>);

impl Contents {
    /// Takes one in; whether it is new.
    pub(crate) fn insert(&mut self, id: u32) -> bool {
        let block = self.0.entry(id >> BLOCK_BITS).or_insert_with(|| vec![0; WORDS].into_boxed_slice());
        let word = &mut block[(id >> 6) as usize % WORDS];
        let bit = 1 << (id % 64);
        let is_new = *word & bit == 0;
        *word |= bit;
        is_new
    }

    /// Takes in all from `first` to `last`.
    fn insert_range(&mut self, first: u32, last: u32) {
        for word in first >> 6..=last >> 6 {
            let from = if word == first >> 6 { u64::MAX << (first % 64) } else { u64::MAX };
            let upto = if word == last >> 6 { u64::MAX >> (63 - last % 64) } else { u64::MAX };
            let block = word >> (BLOCK_BITS - 6);
            let block = self.0.entry(block).or_insert_with(|| vec![0; WORDS].into_boxed_slice());
            block[word as usize % WORDS] |= from & upto;
        }
    }

    /// Takes one out.
    pub(crate) fn remove(&mut self, id: u32) {
        if let Some(block) = self.0.get_mut(&(id >> BLOCK_BITS)) {
            block[(id >> 6) as usize % WORDS] &= !(1 << (id % 64));
        }
    }

    /// The highest one.
    pub(crate) fn last(&self) -> Option<u32> {
        self.0.iter().rev().find_map(|(block, words)| {
            let (n, word) = (0_u32..).zip(words.iter()).filter(|(_, word)| **word != 0).last()?;
            Some((block << BLOCK_BITS) + n * 64 + word.ilog2())
        })
    }

    /// All of them, ascending.
    pub(crate) fn ids(&self) -> impl Iterator<Item = u32> + '_ {
        self.0.iter().flat_map(|(block, words)| {
            let first = block << BLOCK_BITS;
            let of_word = |(word, n): (&u64, u32)| {
                let word = *word;
                (0..64).filter(move |bit| word >> bit & 1 == 1).map(move |bit| n * 64 + bit)
            };
            words.iter().zip(0_u32..).flat_map(of_word).map(move |id| first + id)
        })
    }

    /// As text.
    pub(crate) fn to_ranges(&self) -> String {
        let mut text = String::new();
        let mut ids = self.ids().peekable();
        while let Some(first) = ids.next() {
            let mut last = first;
            while let Some(next) = ids.next_if(|next| *next == last + 1) {
                last = next;
            }
            let comma = if text.is_empty() { "" } else { "," };
            text += &if first == last { format!("{comma}{first}") } else { format!("{comma}{first}-{last}") };
        }
        text
    }

    /// From text; `None` when it is none of [`Contents::to_ranges`], or has ids that no crawl comes to.
    pub(crate) fn of_ranges(text: &str) -> Option<Self> {
        let mut contents = Contents::default();
        let mut least = 0;
        for range in text.split(',').filter(|_| !text.is_empty()) {
            let (first, last) = range.split_once('-').unwrap_or((range, range));
            let (first, last): (u32, u32) = (first.parse().ok()?, last.parse().ok()?);
            // Ascending: no id is looked at twice, however long the text is.
            if first < least || last < first || last > MOST_ID {
                return None;
            }
            contents.insert_range(first, last);
            least = last + 1;
        }
        Some(contents)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn ranges_are_short_and_read_back() {
        let cases: [(&[u32], &str); 5] = [
            (&[], ""),
            (&[5], "5"),
            (&[3, 1, 2], "1-3"),
            (&[1, 2, 4, 65_535, 65_536], "1-2,4,65535-65536"),
            (&[MOST_ID], "2147483647"),
        ];
        for (ids, text) in cases {
            let mut contents = Contents::default();
            assert!(ids.iter().all(|id| contents.insert(*id)) && !ids.iter().any(|id| contents.insert(*id)));
            assert_eq!((contents.to_ranges().as_str(), Contents::of_ranges(text)), (text, Some(contents)));
        }
        for none in ["x", "1,", "1-", "-1", "1-2-3", "3-2", "2,1", "1-3,3", "2147483648"] {
            assert_eq!(Contents::of_ranges(none), None, "{none}");
        }
        let mut contents = Contents::of_ranges("60-200,400000000").unwrap();
        assert_eq!((contents.last(), contents.0.len()), (Some(400_000_000), 2));
        contents.remove(400_000_000);
        contents.remove(70);
        contents.remove(9_999_999);
        assert_eq!((contents.last(), contents.to_ranges().as_str()), (Some(200), "60-69,71-200"));
    }

    proptest! {
        #[test]
        fn what_goes_in_comes_out(ids in prop::collection::btree_set(0_u32..300_000, 0..200)) {
            let mut contents = Contents::default();
            ids.iter().for_each(|id| { contents.insert(*id); });
            prop_assert_eq!(contents.ids().collect::<Vec<_>>(), ids.into_iter().collect::<Vec<_>>());
            prop_assert_eq!(Contents::of_ranges(&contents.to_ranges()), Some(contents));
        }
    }
}
