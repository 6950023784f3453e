//! `sqrawl status --watch`: the same picture again and again, until the crawl ends.

use std::time::Duration;

use super::Exit;
use super::exit::UsageError;
use super::signals;
use super::sources::Sources;
use super::terminal::Terminal;
use crate::config::units::{about_bytes, about_duration, duration_ms, grouped};
use crate::engine::{Clock, SystemClock};
use crate::report;
use crate::store::sqlite::read::{Cancel, Reader, Status};

/// Between two looks, unless said otherwise, in ms.
const INTERVAL_MS: u64 = 2_000;
/// A look reads some tens of thousands of rows.
const SHORTEST_MS: u64 = 200;
/// How soon an end is noticed, in ms.
const STEP_MS: u64 = 50;
/// To the upper left corner.
const HOME: &str = "\x1b[H";
/// Takes away what the line, and what the screen, had before.
const REST_OF_LINE: &str = "\x1b[K";
const REST_OF_SCREEN: &str = "\x1b[J";

/// Shows the status at an interval, on a terminal in place of the one before, elsewhere a line each.
///
/// # Errors
/// A wrong interval, a database that cannot be read.
pub(super) async fn run(interval: Option<&str>, sources: &Sources, terminal: &Terminal) -> anyhow::Result<Exit> {
    let interval_ms = interval.map_or(Ok(INTERVAL_MS), duration_ms);
    let interval_ms = interval_ms.map_err(|why| UsageError(format!("--interval: {why}; for example --interval 5s")))?;
    let cancel = Cancel::default();
    let flag = cancel.clone();
    let _signals = signals::on_first(terminal, move || flag.cancel());
    let mut reader = Reader::open(sources.path()).await?;
    let redraws = terminal.out_is_terminal() && !sources.json;
    let mut first = true;
    loop {
        let status = reader.status(SystemClock::default().now_ms()).await?;
        let text = match (sources.json, redraws) {
            (true, _) => serde_json::to_string(&status)? + "\n",
            (_, true) => frame(&report::status(&status, terminal.look()), std::mem::take(&mut first)),
            _ => line(&status) + "\n",
        };
        terminal.data(text.as_bytes())?;
        if !status.running || !wait(interval_ms.max(SHORTEST_MS), &cancel).await {
            break;
        }
    }
    reader.close().await;
    Ok(Exit::Done)
}

/// The picture over the one before.
fn frame(text: &str, first: bool) -> String {
    let lines: String = text.lines().map(|line| format!("{line}{REST_OF_LINE}\n")).collect();
    let clear = if first { format!("{HOME}{REST_OF_SCREEN}") } else { HOME.to_owned() };
    format!("{clear}{lines}{REST_OF_SCREEN}")
}

fn line(status: &Status) -> String {
    let totals = &status.totals;
    let mut line = format!(
        "{}: {} pages, {} done, {} failed, {} to do, {} excluded",
        if status.running { "running" } else { "not running" },
        grouped(totals.pages),
        grouped(totals.done),
        grouped(totals.failed),
        grouped(totals.open()),
        grouped(totals.excluded)
    );
    if let Some(session) = status.session.as_ref().filter(|_| status.running) {
        line += &format!(", {} fetches/s, {}", session.fetches_per_second_now, about_bytes(session.wire_bytes));
    }
    if let Some(eta) = status.eta_ms {
        line += &format!(", about {} left", about_duration(eta));
    }
    line
}

/// Waits; false: the operator wants no more.
async fn wait(ms: u64, cancel: &Cancel) -> bool {
    for _ in 0..ms.div_ceil(STEP_MS) {
        if cancel.is_cancelled() {
            return false;
        }
        tokio::time::sleep(Duration::from_millis(STEP_MS)).await;
    }
    !cancel.is_cancelled()
}
