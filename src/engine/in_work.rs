//! [`InWork`] says of a URL that it is in work, as long as it lives: where the process may die, the
//! next one knows of what.

use std::sync::{Arc, Mutex, PoisonError};

use crate::model::{UrlId, WorkStage};
use crate::store::WorkSlots;

/// The slots of a session.
#[derive(Debug)]
pub(super) struct Board {
    slots: Arc<dyn WorkSlots>,
    free: Mutex<Free>,
}

#[derive(Debug, Default)]
struct Free {
    returned: Vec<u32>,
    /// The first that was never used.
    next: u32,
}

/// A URL in work.
#[derive(Debug)]
pub(super) struct InWork {
    board: Arc<Board>,
    slot: u32,
    url: UrlId,
}

impl Board {
    pub(super) fn new(slots: Arc<dyn WorkSlots>) -> Arc<Self> {
        Arc::new(Board { slots, free: Mutex::default() })
    }

    /// Notes that the URL is being asked for.
    pub(super) fn asked(self: &Arc<Self>, url: UrlId) -> InWork {
        let slot = self.free.lock().unwrap_or_else(PoisonError::into_inner).take();
        self.slots.set(slot, Some((url, WorkStage::Asked)));
        InWork { board: Arc::clone(self), slot, url }
    }
}

impl Free {
    fn take(&mut self) -> u32 {
        self.returned.pop().unwrap_or_else(|| {
            self.next += 1;
            self.next - 1
        })
    }
}

impl InWork {
    /// Notes that what the URL sent is being parsed.
    pub(super) fn parsing(&self) {
        self.board.slots.set(self.slot, Some((self.url, WorkStage::Parsing)));
    }

    /// Notes that nobody works on it until it is settled: the writer has others before it, hundreds maybe.
    pub(super) fn waiting(&self) {
        self.board.slots.set(self.slot, None);
    }

    /// Notes that its visit is being written to the store.
    pub(super) fn settling(&self) {
        self.board.slots.set(self.slot, Some((self.url, WorkStage::Settling)));
    }
}

impl Drop for InWork {
    fn drop(&mut self) {
        // A defect of this program breaks off what it was at: the session is as good as dead, of this.
        if std::thread::panicking() {
            return;
        }
        self.board.slots.set(self.slot, None);
        self.board.free.lock().unwrap_or_else(PoisonError::into_inner).returned.push(self.slot);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    type Told = (u32, Option<(UrlId, WorkStage)>);

    #[derive(Debug, Default)]
    struct Recorded(Mutex<Vec<Told>>);

    impl WorkSlots for Recorded {
        fn set(&self, slot: u32, work: Option<(UrlId, WorkStage)>) {
            self.0.lock().unwrap().push((slot, work));
        }
    }

    #[test]
    fn a_slot_is_free_when_its_work_is_over() {
        let recorded = Arc::new(Recorded::default());
        let board = Board::new(recorded.clone());
        let (first, second) = (board.asked(UrlId(7)), board.asked(UrlId(8)));
        first.parsing();
        first.waiting();
        first.settling();
        drop(first);
        let third = board.asked(UrlId(9));
        drop((second, third));
        let (asked, parsing, settling) = (WorkStage::Asked, WorkStage::Parsing, WorkStage::Settling);
        assert_eq!(
            *recorded.0.lock().unwrap(),
            [
                (0, Some((UrlId(7), asked))),
                (1, Some((UrlId(8), asked))),
                (0, Some((UrlId(7), parsing))),
                (0, None),
                (0, Some((UrlId(7), settling))),
                (0, None),
                (0, Some((UrlId(9), asked))),
                (1, None),
                (0, None),
            ]
        );
    }

    /// The notes went with the session that broke off: the same page broke off the next one, and so on.
    #[test]
    fn a_defect_took_its_notes_along() {
        let recorded = Arc::new(Recorded::default());
        let board = Board::new(recorded.clone());
        let broken_off = std::thread::spawn(move || {
            let _work = board.asked(UrlId(7));
            panic!("a defect");
        });
        assert!(broken_off.join().is_err());
        assert_eq!(*recorded.0.lock().unwrap(), [(0, Some((UrlId(7), WorkStage::Asked)))]);
    }
}
