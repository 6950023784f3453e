//! [`Watch`]: asks the clock while a page is read.

/// Bytes of a page between two looks at the clock, and bytes of a text that are decoded at once.
pub(super) const PIECE_BYTES: usize = 16 * 1024;

/// The clock, asked after every [`PIECE_BYTES`].
pub(super) struct Watch<'c> {
    /// Where in the page it was asked last.
    asked_at: usize,
    out_of_time: &'c mut dyn FnMut() -> bool,
}

impl<'c> Watch<'c> {
    /// `out_of_time`: whether no time is left.
    pub(super) fn new(out_of_time: &'c mut dyn FnMut() -> bool) -> Self {
        Watch { asked_at: 0, out_of_time }
    }

    /// Whether time is up; `read`: bytes of the page that were read.
    pub(super) fn is_over(&mut self, read: usize) -> bool {
        if read < self.asked_at + PIECE_BYTES {
            return false;
        }
        self.asked_at = read;
        (self.out_of_time)()
    }
}
