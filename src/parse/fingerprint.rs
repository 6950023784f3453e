//! [`content_hash`], the identity of a body, and [`simhash`], which is close for texts that are
//! alike. Both are stored, so a change in either is a new [`version`](crate::model::Parser::version).

/// Fewest words that are fingerprinted: shorter texts are alike by chance.
const MIN_WORDS: usize = 8;

/// blake3, cut to 128 bits, of what was parsed. Each part is preceded by its length, so that no
/// two different triples make the same input.
pub fn content_hash(mime: &str, charset: Option<&str>, body: &[u8]) -> [u8; 16] {
    let mut hasher = blake3::Hasher::new();
    for part in [mime.as_bytes(), charset.unwrap_or_default().as_bytes(), body] {
        hasher.update(&(part.len() as u64).to_le_bytes());
        hasher.update(part);
    }
    let mut short = [0; 16];
    hasher.finalize_xof().fill(&mut short);
    short
}

/// Charikar's simhash over the overlapping triples of words: two texts that share most of their
/// triples differ in few bits. Words are runs of letters and digits in lower case; in scripts that
/// put no spaces between words every character is one. `None` under 8 words.
pub(crate) fn simhash(text: &str) -> Option<u64> {
    let mut bits = BitCounts::default();
    let (mut before, mut last, mut words) = (0, 0, 0_usize);
    for_each_word(text, |word| {
        words += 1;
        if words >= 3 {
            bits.add(mix(mix(before).wrapping_add(last)).wrapping_add(word));
        }
        (before, last) = (last, word);
    });
    (words >= MIN_WORDS).then(|| bits.majority())
}

/// Calls back with the hash of each word.
fn for_each_word(text: &str, mut found: impl FnMut(u64)) {
    let mut hash = EMPTY;
    let mut at = 0;
    while let Some(&byte) = text.as_bytes().get(at) {
        if byte.is_ascii() {
            at += 1;
            match WORD_BYTES[usize::from(byte)] {
                0 if hash == EMPTY => {}
                0 => found(mix(std::mem::replace(&mut hash, EMPTY))),
                lower => hash = step(hash, char::from(lower)),
            }
            continue;
        }
        let Some(c) = text[at..].chars().next() else { break };
        at += c.len_utf8();
        let (c, alone, joins) = sort(c);
        if hash != EMPTY && !joins {
            found(mix(std::mem::replace(&mut hash, EMPTY)));
        }
        if alone {
            found(mix(step(EMPTY, c)));
        } else if joins {
            hash = step(hash, c);
        }
    }
    if hash != EMPTY {
        found(mix(hash));
    }
}

/// ASCII letters and digits in lower case; 0 for what is no part of a word.
const WORD_BYTES: [u8; 256] = {
    let mut table = [0; 256];
    let mut byte = 0;
    while byte < 128 {
        if (byte as u8).is_ascii_alphanumeric() {
            table[byte] = (byte as u8).to_ascii_lowercase();
        }
        byte += 1;
    }
    table
};

/// A character beyond ASCII in lower case, whether it is a word by itself, and whether it joins its neighbours.
fn sort(c: char) -> (char, bool, bool) {
    let c = c.to_lowercase().next().unwrap_or(c);
    let alone = is_unspaced(c);
    (c, alone, !alone && c.is_alphanumeric())
}

/// FNV-1a, over characters instead of bytes.
const EMPTY: u64 = 0xcbf2_9ce4_8422_2325;

fn step(hash: u64, c: char) -> u64 {
    (hash ^ u64::from(c)).wrapping_mul(0x0000_0100_0000_01b3)
}

/// The finalizer of MurmurHash3: every input bit reaches every output bit.
fn mix(mut hash: u64) -> u64 {
    hash = (hash ^ (hash >> 33)).wrapping_mul(0xff51_afd7_ed55_8ccd);
    hash = (hash ^ (hash >> 33)).wrapping_mul(0xc4ce_b9fe_1a85_ec53);
    hash ^ (hash >> 33)
}

/// Han, Kana, Thai, Lao, Khmer and Myanmar letters.
fn is_unspaced(c: char) -> bool {
    matches!(c, '\u{e01}'..='\u{eff}' | '\u{1000}'..='\u{109f}' | '\u{1780}'..='\u{17d3}' | '\u{3040}'..='\u{30ff}'
        | '\u{3400}'..='\u{4dbf}' | '\u{4e00}'..='\u{9fff}' | '\u{f900}'..='\u{faff}' | '\u{20000}'..='\u{3ffff}')
}

/// How often each of 64 bits was set. Eight counters of 8 bits share a word, so that adding a hash
/// takes eight additions; before one can overflow they are emptied into wide ones.
#[derive(Default)]
struct BitCounts {
    narrow: [u64; 8],
    held: u8,
    wide: Wide,
    total: u64,
}

struct Wide([u64; 64]);

impl Default for Wide {
    fn default() -> Self {
        Wide([0; 64])
    }
}

impl BitCounts {
    fn add(&mut self, hash: u64) {
        for (counters, byte) in self.narrow.iter_mut().zip(hash.to_le_bytes()) {
            *counters += SPREAD[usize::from(byte)];
        }
        self.held += 1;
        if self.held == u8::MAX {
            self.empty();
        }
    }

    fn empty(&mut self) {
        let counts = self.narrow.iter().flat_map(|counters| counters.to_le_bytes());
        for (wide, count) in self.wide.0.iter_mut().zip(counts) {
            *wide += u64::from(count);
        }
        self.total += u64::from(self.held);
        (self.narrow, self.held) = ([0; 8], 0);
    }

    /// The bits that were set more often than not.
    fn majority(mut self) -> u64 {
        self.empty();
        let set = self.wide.0.iter().enumerate().filter(|(_, count)| **count * 2 > self.total);
        set.fold(0, |bits, (at, _)| bits | 1 << at)
    }
}

/// A byte's bits, one in each byte of a word.
const SPREAD: [u64; 256] = {
    let mut table = [0; 256];
    let mut byte = 0;
    while byte < 256 {
        let mut bit = 0;
        while bit < 8 {
            table[byte] |= ((byte as u64 >> bit) & 1) << (8 * bit);
            bit += 1;
        }
        byte += 1;
    }
    table
};

#[cfg(test)]
mod tests {
    use super::{content_hash, simhash};

    #[test]
    fn parts_of_the_hash_do_not_run_into_each_other() {
        let all = [
            content_hash("text/html", Some("utf-8"), b"x"),
            content_hash("text/htmlu", Some("tf-8"), b"x"),
            content_hash("text/html", None, b"utf-8x"),
            content_hash("text/html", Some("utf-8"), b""),
            content_hash("text/plain", Some("utf-8"), b"x"),
        ];
        for (at, hash) in all.iter().enumerate() {
            assert!(!all[..at].contains(hash));
        }
        assert_eq!(all[0], content_hash("text/html", Some("utf-8"), b"x"));
    }

    #[test]
    fn the_fingerprint_of_a_stored_text_never_changes() {
        let text = "The quick brown fox jumps over the lazy dog and runs away.";
        assert_eq!(simhash(text), Some(2_444_792_015_198_118_022));
        assert_eq!(content_hash("text/html", Some("utf-8"), b"hello")[..4], [98, 127, 115, 243]);
    }

    #[test]
    fn short_texts_have_no_fingerprint() {
        assert_eq!(simhash(""), None);
        assert_eq!(simhash("one two three four five six seven"), None);
        assert!(simhash("one two three four five six seven eight").is_some());
        assert!(simhash("吾輩は猫である。名前").is_some());
    }

    #[test]
    fn alike_texts_are_close_and_others_are_not() {
        let words = |seed: u64| {
            let next = move |state: &mut u64| {
                *state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(seed);
                Some(format!("w{}", *state >> 52))
            };
            std::iter::successors(Some(seed), |s| Some(*s))
                .scan(seed, move |s, _| next(s))
                .take(600)
                .collect::<Vec<_>>()
        };
        let (one, other) = (words(1), words(3));
        let mut edited = one.clone();
        edited[300] = "changed".to_owned();
        let distance = |a: &[String], b: &[String]| {
            let (a, b) = (simhash(&a.join(" ")).unwrap(), simhash(&b.join(", ").to_uppercase()).unwrap());
            (a ^ b).count_ones()
        };
        assert_eq!(distance(&one, &one), 0, "case and punctuation do not count");
        assert!(distance(&one, &edited) <= 6, "{}", distance(&one, &edited));
        assert!(distance(&one, &other) >= 16, "{}", distance(&one, &other));
    }
}
