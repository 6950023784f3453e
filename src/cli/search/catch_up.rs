//! [`catch_up`]: brings the index up to date, in short transactions beside a crawl that runs.

use std::path::Path;

use super::super::terminal::Terminal;
use crate::config::units::grouped;
use crate::engine::{Clock, SystemClock};
use crate::store::StoreError;
use crate::store::sqlite::SearchIndex;
use crate::store::sqlite::read::Cancel;

/// How it went.
pub(super) enum Caught {
    /// What was there when it began is indexed, unless it was stopped.
    Whole {
        /// Contents that were looked at.
        contents: u64,
    },
    /// The file cannot be written, or not now, in words.
    Unwritable(String),
    /// It was not to be done.
    NotAsked,
}

/// Indexes what was there when it began: a crawl that runs adds to it all the time.
///
/// # Errors
/// A file that is no crawl, or that fails.
pub(super) async fn catch_up(path: &Path, cancel: &Cancel, terminal: &Terminal) -> anyhow::Result<Caught> {
    let clock = SystemClock::default();
    let mut index = match SearchIndex::open(path).await {
        Ok(index) => index,
        Err(error @ (StoreError::ReadOnly { .. } | StoreError::CannotOpen { .. })) => {
            return Ok(Caught::Unwritable(error.to_string()));
        }
        Err(error) => return Err(error.into()),
    };
    let bar = terminal.show_bar().cloned();
    if let Some(bar) = &bar {
        let style = indicatif::ProgressStyle::with_template("{spinner} {elapsed} {wide_msg}");
        bar.set_style(style.unwrap_or_else(|_| indicatif::ProgressStyle::default_spinner()));
    }
    let first = index.progress().await;
    let stepped = async {
        let first = first?;
        let mut progress = first;
        while (progress.late_texts || progress.content_id < first.last_id) && !cancel.is_cancelled() {
            progress = index.step(clock.now_ms()).await?;
            if let Some(bar) = &bar {
                let (done, all) = (progress.content_id.unsigned_abs(), progress.last_id.unsigned_abs());
                bar.set_message(format!("{} of {} contents indexed", grouped(done), grouped(all)));
                bar.tick();
            }
        }
        Ok((progress.content_id - first.content_id).unsigned_abs())
    };
    let stepped: Result<u64, StoreError> = stepped.await;
    terminal.hide_bar();
    let closed = index.close().await;
    match stepped {
        Ok(contents) => closed.map(|()| Caught::Whole { contents }).map_err(Into::into),
        Err(error @ (StoreError::ReadOnly { .. } | StoreError::CannotOpen { .. } | StoreError::LongLog { .. })) => {
            Ok(Caught::Unwritable(error.to_string()))
        }
        Err(error) => Err(error.into()),
    }
}
