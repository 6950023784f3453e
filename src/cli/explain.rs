//! `sqrawl explain`: why a URL is crawled, or is not.

use super::Exit;
use super::args::ExplainArgs;
use super::exit::UsageError;
use super::sources::Sources;
use super::terminal::Terminal;
use crate::engine::{Clock, SystemClock};
use crate::report;
use crate::scope::{spelling, without_credentials};
use crate::store::sqlite::read::{Limits, Reader};

/// Explains the URL.
///
/// # Errors
/// What is no URL, a database that cannot be read.
pub(super) async fn run(args: ExplainArgs, sources: &Sources, terminal: &Terminal) -> anyhow::Result<Exit> {
    let mut reader = Reader::open(sources.path()).await?;
    let settings = reader.settings().await?.unwrap_or_default();
    let given = without_credentials(&args.url);
    let spelled = spelling(&args.url, &settings).map_err(|why| UsageError(format!("{given:?} is no URL: {why}")))?;
    // A known URL may be older than the rules, or the target of a redirect.
    let spellings = [spelled.as_written.url.clone(), spelled.seed.url.clone()];
    let records = reader.url_records(&spellings, &Limits::default()).await?;
    reader.close().await;
    let mut found = crate::explain::explain(&given, &spelled, &records, SystemClock::default().now_ms())?;
    found.due.why = terminal.hint(&found.due.why).into_owned();
    if let Some(scope) = &mut found.scope {
        scope.reason = terminal.hint(&scope.reason).into_owned();
    }
    let text = if sources.json { report::json(&found)? } else { report::explanation(&found, terminal.look()) };
    terminal.data(text.as_bytes())?;
    Ok(Exit::Done)
}
