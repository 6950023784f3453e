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
        if self.full {
            return;
        }
        if text.starts_with(char::is_whitespace) {
            self.gap();
        }
        for word in text.split_whitespace() {
            self.bridge();
            self.add(word);
            self.gap = Gap::Space;
        }
        if !text.ends_with(char::is_whitespace) && !text.is_empty() {
            self.gap = Gap::None;
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

#[cfg(test)]
mod tests {
    use super::{Flow, Room};

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
}
