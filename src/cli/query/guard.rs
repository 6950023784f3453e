//! The last resort against a statement that does not end: [`guard`]. SQLite is asked to stop it, by a
//! limit or a signal, but looks up only between two steps; one call of a function can take hours, and
//! an output that nobody reads holds it for ever.

use std::time::Duration;

use super::super::Exit;
use super::super::signals::{Asked, Stopped, leave};
use super::super::terminal::Terminal;
use crate::store::sqlite::read::Limits;

/// How long a statement that was asked to stop may take for it.
const GRACE: Duration = Duration::from_secs(2);

/// Cancels the statement at the first signal, until what it returns is dropped. Ends the process at the
/// second one, or when the statement outlives its end.
pub(in crate::cli) fn guard(limits: &Limits, mut asked: Asked, terminal: &Terminal) -> Stopped {
    let (cancel, time, terminal) = (limits.cancel.clone(), limits.time, terminal.clone());
    Stopped(tokio::spawn(async move {
        tokio::select! {
            () = asked.next() => {
                cancel.cancel();
                tokio::select! {
                    () = asked.next() => {}
                    () = tokio::time::sleep(GRACE) => {}
                }
                leave(&terminal, "stopped by a signal, in the middle of a row", Exit::Stopped);
            }
            () = outlived(time) => {
                let words = "stopped at its time limit, in the middle of a row: one call of a function takes too long, \
                             or nobody reads the output";
                leave(&terminal, words, Exit::Failed);
            }
        }
    }))
}

async fn outlived(time: Option<Duration>) {
    match time.and_then(|time| time.checked_add(GRACE)) {
        Some(time) => tokio::time::sleep(time).await,
        None => std::future::pending().await,
    }
}
