//! [`Control`]: how a session is stopped from outside.

use std::sync::Arc;

use tokio::sync::watch;

/// How far a stop goes; later values are stronger.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Stop {
    /// Go on.
    Run,
    /// Start no request; let those in flight end (at most ten seconds), settle, end.
    Drain,
    /// Abandon requests in flight; settle what has ended; end.
    Now,
}

/// A handle on a session; clones share it.
#[derive(Clone, Debug)]
pub struct Control {
    sender: Arc<watch::Sender<Stop>>,
    mail: Arc<watch::Sender<u64>>,
}

impl Default for Control {
    fn default() -> Self {
        Control { sender: Arc::new(watch::Sender::new(Stop::Run)), mail: Arc::default() }
    }
}

impl Control {
    /// Asks the session to drain. Returns whether it was running until now.
    pub fn drain(&self) -> bool {
        self.raise(Stop::Drain)
    }

    /// Asks the session to stop at once. Returns whether this is new.
    pub fn stop_now(&self) -> bool {
        self.raise(Stop::Now)
    }

    /// What was asked so far.
    pub fn current(&self) -> Stop {
        *self.sender.borrow()
    }

    /// Has the session look into the inbox of its store soon: between two batches.
    pub fn look_into_inbox(&self) {
        self.mail.send_modify(|looks| *looks += 1);
    }

    pub(crate) fn watch_mail(&self) -> watch::Receiver<u64> {
        self.mail.subscribe()
    }

    pub(crate) fn watch(&self) -> watch::Receiver<Stop> {
        self.sender.subscribe()
    }

    fn raise(&self, to: Stop) -> bool {
        self.sender.send_if_modified(|stop| {
            let raised = to > *stop;
            if raised {
                *stop = to;
            }
            raised
        })
    }
}
