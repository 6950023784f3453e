//! [`Flow`]: text with its white space folded, up to a limit.

/// Most text that is kept.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Room {
    /// Unicode scalar values.
    Chars(usize),
    /// UTF-8 bytes.
    Bytes(usize),
}

/// What stands between two words; the wider one wins.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Gap {
    None,
    Space,
    Cell,
    Line,
}

/// Collects text: each run of Unicode white space becomes one space, none at the start or end of a
/// line; what does not fit is left out.
#[derive(Debug)]
pub(crate) struct Flow {
    out: String,
    room: Room,
    gap: Gap,
    full: bool,
}

impl Flow {
    /// An empty text.
    pub(crate) fn new(room: Room) -> Self {
        Flow { out: String::new(), room, gap: Gap::None, full: false }
    }

    /// Folds a whole text at once.
    pub(crate) fn fold(text: &str, room: Room) -> Self {
        let mut flow = Flow::new(room);
        flow.push(text);
        flow
    }

    /// Adds inline text.
    pub(crate) fn push(&mut self, text: &str) {
        let mut at = 0;
        while at < text.len() && !self.full {
            let folded = folded_len(&text[at..]);
            if folded > 0 {
                self.bridge();
                self.add(&text[at..at + folded]);
                at += folded;
            }
            let spaces = space_len(&text.as_bytes()[at..]);
            if spaces > 0 {
                self.gap();
                at += spaces;
            }
        }
    }

    /// Adds preformatted text: its spaces and line breaks stay.
    pub(crate) fn push_preformatted(&mut self, text: &str) {
        if !self.full && !text.is_empty() {
            self.bridge();
            self.add(text);
        }
    }

    /// The next word stands apart.
    pub(crate) fn gap(&mut self) {
        self.gap = self.gap.max(Gap::Space);
    }

    /// The next word begins a new cell of a row.
    pub(crate) fn cell(&mut self) {
        self.gap = self.gap.max(Gap::Cell);
    }

    /// The next word begins a new line.
    pub(crate) fn line(&mut self) {
        self.gap = Gap::Line;
    }

    /// Whether nothing was collected.
    pub(crate) fn is_empty(&self) -> bool {
        self.out.is_empty()
    }

    /// Whether something did not fit.
    pub(crate) fn full(&self) -> bool {
        self.full
    }

    /// The text.
    pub(crate) fn finish(mut self) -> String {
        self.out.truncate(self.out.trim_end().len());
        self.out
    }

    /// The text, unless there is none.
    pub(crate) fn finish_some(self) -> Option<String> {
        Some(self.finish()).filter(|text| !text.is_empty())
    }

    /// Writes the gap before the next word, unless the text begins or has just broken its line.
    fn bridge(&mut self) {
        let gap = std::mem::replace(&mut self.gap, Gap::None);
        if !self.out.is_empty() && !self.out.ends_with('\n') {
            self.add(match gap {
                Gap::None => "",
                Gap::Space => " ",
                Gap::Cell => "\t",
                Gap::Line => "\n",
            });
        }
    }

    fn add(&mut self, text: &str) {
        let kept = match &mut self.room {
            Room::Bytes(left) => {
                let kept = text.floor_char_boundary((*left).min(text.len()));
                *left -= kept;
                kept
            }
            Room::Chars(left) if text.is_ascii() => {
                let kept = text.len().min(*left);
                *left -= kept;
                kept
            }
            Room::Chars(left) => {
                let kept = text.char_indices().nth(*left).map_or(text.len(), |(at, _)| at);
                *left -= text[..kept].chars().count();
                kept
            }
        };
        self.out.push_str(&text[..kept]);
        self.full |= kept < text.len();
    }
}

/// Runs between Unicode white space.
pub(crate) fn words(text: &str) -> usize {
    let (mut rest, mut at, mut words) = (text.as_bytes(), 0, 0);
    while let Some(unclear) = unclear_at(rest, at) {
        match wide_space_len(&rest[unclear..]) {
            0 => at = unclear + 1,
            len => {
                words += plain_words(&rest[..unclear]);
                (rest, at) = (&rest[unclear + len..], 0);
            }
        }
    }
    words + plain_words(rest)
}

/// The next place from `at` on where white space beyond ASCII may begin.
fn unclear_at(bytes: &[u8], mut at: usize) -> Option<usize> {
    while let Some(piece) = bytes[at..].first_chunk::<32>() {
        if piece.iter().fold(false, |found, &byte| found | is_unclear(byte)) {
            break;
        }
        at += 32;
    }
    bytes[at..].iter().position(|&byte| is_unclear(byte)).map(|further| at + further)
}

/// Words of a text without white space beyond ASCII, counted by their first bytes: without a branch, and few
/// enough at once for a byte, so that the compiler takes many in one step.
fn plain_words(text: &[u8]) -> usize {
    const AT_ONCE: usize = u8::MAX as usize;
    let is_space = |byte: u8| (byte == b' ') | (byte.wrapping_sub(b'\t') < 5);
    let begins = |(&before, &byte): (&u8, &u8)| u8::from(is_space(before) & !is_space(byte));
    let Some((&first, rest)) = text.split_first() else { return 0 };
    let pieces = text.chunks(AT_ONCE).zip(rest.chunks(AT_ONCE));
    let later = pieces.map(|(before, piece)| usize::from(before.iter().zip(piece).map(begins).sum::<u8>()));
    usize::from(!is_space(first)) + later.sum::<usize>()
}

/// What a byte can begin: something that is no white space, the one space that stays as it is, other
/// white space, or a character that has to be looked at.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Class {
    Word,
    Blank,
    Space,
    Unclear,
}

/// Classes of all bytes. White space beyond ASCII begins with C2 (U+0085, U+00A0), E1 (U+1680), E2 (U+2000 to
/// U+205F) or E3 (U+3000).
const CLASSES: [Class; 256] = {
    let mut classes = [Class::Word; 256];
    classes[b' ' as usize] = Class::Blank;
    let mut control = 0x09;
    while control <= 0x0d {
        classes[control] = Class::Space;
        control += 1;
    }
    let mut byte = 0;
    while byte < 256 {
        if is_unclear(byte as u8) {
            classes[byte] = Class::Unclear;
        }
        byte += 1;
    }
    classes
};

/// Whether white space beyond ASCII may begin here.
const fn is_unclear(byte: u8) -> bool {
    (byte == 0xc2) | (byte == 0xe1) | (byte == 0xe2) | (byte == 0xe3)
}

fn class(bytes: &[u8], at: usize) -> Option<Class> {
    bytes.get(at).map(|&byte| CLASSES[usize::from(byte)])
}

/// Bytes at the beginning that need no folding: words with single spaces between them.
fn folded_len(text: &str) -> usize {
    let bytes = text.as_bytes();
    let mut at = plain_len(bytes, 0);
    loop {
        match class(bytes, at) {
            Some(Class::Word) => at += 1,
            Some(Class::Blank) => match class(bytes, at + 1) {
                Some(Class::Word) if at > 0 => at += 2,
                Some(Class::Unclear) if at > 0 && wide_space_len(&bytes[at + 1..]) == 0 => at += 2,
                _ => return at,
            },
            Some(Class::Unclear) if wide_space_len(&bytes[at..]) > 0 => return at,
            // Signs of punctuation stand alone, letters that begin so do not.
            Some(Class::Unclear) if matches!(bytes[at], 0xc2 | 0xe2) => at = plain_len(bytes, at + 1),
            Some(Class::Unclear) => at += 1,
            None | Some(Class::Space) => return at,
        }
    }
}

/// Where the bytes end that are seen at a glance to need no folding, 32 at a time. They begin at `at`, behind a word
/// or at the beginning, and the last of them is of a word.
fn plain_len(bytes: &[u8], mut at: usize) -> usize {
    while let Some(piece) = bytes[at..].first_chunk::<32>() {
        let odd = |byte: u8| is_unclear(byte) | (byte.wrapping_sub(b'\t') < 5);
        let is_odd = piece.iter().fold(false, |found, &byte| found | odd(byte));
        let pairs = piece.iter().zip(&piece[1..]);
        let is_doubled = pairs.fold(false, |found, (&one, &next)| found | ((one == b' ') & (next == b' ')));
        if is_odd | is_doubled | (at == 0 && piece[0] == b' ') {
            break;
        }
        at += if piece[31] == b' ' { 31 } else { 32 };
    }
    at
}

/// Bytes of white space at the beginning.
fn space_len(bytes: &[u8]) -> usize {
    let mut at = 0;
    loop {
        at += match class(bytes, at) {
            Some(Class::Blank | Class::Space) => 1,
            Some(Class::Unclear) => match wide_space_len(&bytes[at..]) {
                0 => return at,
                len => len,
            },
            None | Some(Class::Word) => return at,
        };
    }
}

/// Bytes of the white space beyond ASCII that stands at the beginning of these.
fn wide_space_len(bytes: &[u8]) -> usize {
    match bytes {
        [0xc2, 0x85 | 0xa0, ..] => 2,
        [0xe1, 0x9a, 0x80, ..] | [0xe2, 0x81, 0x9f, ..] | [0xe3, 0x80, 0x80, ..] => 3,
        [0xe2, 0x80, 0x80..=0x8a | 0xa8 | 0xa9 | 0xaf, ..] => 3,
        _ => 0,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::{Flow, Room, wide_space_len, words};

    #[test]
    fn white_space_folds_across_pieces() {
        let mut flow = Flow::new(Room::Bytes(100));
        for piece in ["  a", "b ", "", " \n ", "c\u{a0}\u{3000}d", "\t"] {
            flow.push(piece);
        }
        assert_eq!(flow.finish(), "ab c d");
    }

    #[test]
    fn lines_cells_and_preformatted_text() {
        let mut flow = Flow::new(Room::Bytes(100));
        flow.line();
        flow.push("a ");
        flow.cell();
        flow.cell();
        flow.push(" b");
        flow.cell();
        flow.line();
        flow.line();
        flow.push_preformatted("x\n  y\n");
        flow.line();
        flow.push(" z ");
        flow.line();
        assert_eq!(flow.finish(), "a\tb\nx\n  y\nz");
    }

    #[test]
    fn limits_keep_whole_characters() {
        let bytes = Flow::fold("äöü", Room::Bytes(3));
        assert!(bytes.full());
        assert_eq!(bytes.finish(), "ä");
        let chars = Flow::fold("ä ö ü", Room::Chars(3));
        assert!(chars.full());
        assert_eq!(chars.finish(), "ä ö");
        let exact = Flow::fold("äöü", Room::Chars(3));
        assert!(!exact.full());
        assert_eq!(exact.finish(), "äöü");
    }

    #[test]
    fn white_space_is_what_unicode_says() {
        for c in (0x80..=0x10_ffff).filter_map(char::from_u32) {
            let len = wide_space_len(c.to_string().as_bytes());
            assert_eq!(len, if c.is_whitespace() { c.len_utf8() } else { 0 }, "{c:?}");
        }
    }

    proptest! {
        #[test]
        fn folding_is_splitting_and_joining(text in "([ a\\n\u{85}\u{a0}\u{a1}\u{2003}\u{201c}\u{3000}\u{3042}x]|a word and others, |[x]{30,36}){0,40}", cut in 0_usize..400) {
            let cut = text.floor_char_boundary(cut);
            let mut flow = Flow::new(Room::Bytes(1000));
            flow.push(&text[..cut]);
            flow.push(&text[cut..]);
            prop_assert_eq!(words(&text), text.split_whitespace().count());
            prop_assert_eq!(flow.finish(), text.split_whitespace().collect::<Vec<_>>().join(" "));
        }
    }
}
