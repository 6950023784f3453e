//! `sqrawl status`: how the crawl stands, also while one runs.

use super::Exit;
use super::sources::Sources;
use super::terminal::Terminal;
use crate::engine::{Clock, SystemClock};
use crate::report;
use crate::store::sqlite::read::Reader;

/// Prints the status.
///
/// # Errors
/// A database that cannot be read.
pub(super) async fn run(sources: &Sources, terminal: &Terminal) -> anyhow::Result<Exit> {
    let mut reader = Reader::open(sources.path()).await?;
    let status = reader.status(SystemClock::default().now_ms()).await?;
    reader.close().await;
    let text = if sources.json { report::json(&status)? } else { report::status(&status, terminal.look()) };
    terminal.data(text.as_bytes())?;
    Ok(Exit::Done)
}
