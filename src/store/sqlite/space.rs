//! [`Space`]: whether a batch can be settled, and whether the write-ahead log can be moved into the file, with what
//! the disk has left.

use crate::store::RoomWanted;

use super::open::LOG_LIMIT_BYTES;

/// What the disk has, and what the log has of it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Space {
    pub(super) free_bytes: u64,
    pub(super) log_bytes: u64,
    /// What the file grows by when the log is moved into it.
    pub(super) growth_bytes: u64,
}

impl Space {
    /// For the log, and for the file when the log is moved into it.
    pub(super) fn needed_bytes(self, wanted: RoomWanted) -> u64 {
        let RoomWanted { batch_bytes, min_free_bytes, .. } = wanted;
        batch_bytes.saturating_mul(2).saturating_add(self.growth_bytes).saturating_add(min_free_bytes)
    }

    /// Whether a batch can be settled and `--min-free` be kept. Without that the disk says when it is full.
    pub(super) fn holds(self, wanted: RoomWanted) -> bool {
        wanted.min_free_bytes == 0 || self.free_bytes >= self.needed_bytes(wanted)
    }

    /// Whether there is so much that the log can still be moved when it has grown by a further batch, which
    /// may take more than was thought.
    pub(super) fn holds_twice_the_log(self, wanted: RoomWanted) -> bool {
        let with_margin = self.needed_bytes(wanted).saturating_add(self.growth_bytes);
        wanted.min_free_bytes == 0 || self.free_bytes >= with_margin
    }

    /// Whether a log that nobody could empty may take the batch.
    pub(super) fn log_fits(self, wanted: RoomWanted) -> bool {
        self.log_bytes.saturating_add(wanted.batch_bytes) <= wanted.max_log_bytes.max(LOG_LIMIT_BYTES)
    }

    /// Whether the log can be moved into the file and `--min-free` be kept: while somebody reads, it would
    /// give nothing back.
    pub(super) fn can_be_moved(self, wanted: RoomWanted) -> bool {
        self.free_bytes >= self.growth_bytes.saturating_add(wanted.min_free_bytes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn room_counts_what_moving_the_log_takes() {
        const MB: u64 = 1_000_000;
        // Free, log, growth, --min-free; whether a batch of 4 MB can be settled, and the log be moved after that, too;
        // whether the log may take it, and can be moved now.
        let cases = [
            (100, 0, 0, 64, (true, true, true, true)),
            (72, 0, 0, 64, (true, true, true, true)),
            (71, 0, 0, 64, (false, false, true, true)),
            (140, 32, 30, 64, (true, true, true, true)),
            (120, 32, 30, 64, (true, false, true, true)),
            (100, 32, 30, 64, (false, false, true, true)),
            (100, 40, 37, 64, (false, false, true, false)),
            // Pages that the file has already take no room in it.
            (72, 60, 0, 64, (true, true, true, true)),
            // Until the disk is full.
            (1, 0, 0, 0, (true, true, true, true)),
            (1, 60, 60, 0, (true, true, true, false)),
            // Longer than --max-log: waited for when it can be moved, and not when there is no room for that.
            (900, 1_000, 200, 64, (true, true, false, true)),
            (900, 1_000, 840, 64, (false, false, false, false)),
            (900, 1_000, 950, 0, (true, true, false, false)),
        ];
        for (free, log, growth, min_free, outcome) in cases {
            let space = Space { free_bytes: free * MB, log_bytes: log * MB, growth_bytes: growth * MB };
            let wanted = RoomWanted { batch_bytes: 4 * MB, min_free_bytes: min_free * MB, max_log_bytes: 1_000 * MB };
            let found = (
                space.holds(wanted),
                space.holds_twice_the_log(wanted),
                space.log_fits(wanted),
                space.can_be_moved(wanted),
            );
            assert_eq!(found, outcome, "{space:?} {min_free}");
        }
    }
}
