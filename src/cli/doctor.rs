//! `sqrawl doctor`: checks what the database promises, and makes right what can be made right.

use std::path::Path;

use super::Exit;
use super::args::DoctorArgs;
use super::signals;
use super::sources::Sources;
use super::terminal::Terminal;
use crate::engine::{Clock, SystemClock};
use crate::report;
use crate::store::sqlite::read::{DoctorOptions, Limits, Reader};
use crate::store::sqlite::{OpenMode, Repaired, SqliteStore};

/// Bodies that a quick look unpacks.
const QUICK_BODIES: u32 = 100;

/// Examines the database, after a repair when one is asked for; a broken promise is exit code 4.
///
/// # Errors
/// A database that cannot be examined at all, or not be repaired: in use, read-only.
pub(super) async fn run(args: DoctorArgs, sources: &Sources, terminal: &Terminal) -> anyhow::Result<Exit> {
    let repaired = if args.repair { repair(sources.path()).await? } else { Vec::new() };
    let whole = DoctorOptions { identity: Some(crate::parse::content_hash), ..DoctorOptions::default() };
    let options = match args.quick {
        true => DoctorOptions { quick: true, bodies: Some(QUICK_BODIES), ..whole },
        false => whole,
    };
    // A large file takes as long as it takes; Ctrl-C ends it.
    let budget = Limits { time: None, ..Limits::default() };
    let mut reader = Reader::open(sources.path()).await?;
    let cancel = budget.cancel.clone();
    let _signals = signals::on_first(terminal, move || cancel.cancel());
    let examined = reader.doctor(options, &budget).await;
    reader.close().await;
    if budget.cancel.is_cancelled() && examined.is_err() {
        terminal.error("stopped by a signal; nothing can be said of the file");
        return Ok(Exit::Stopped);
    }
    let mut diagnosis = examined?;
    diagnosis.repaired = repaired;
    for finding in &mut diagnosis.findings {
        finding.remedy = terminal.hint(&finding.remedy).into_owned();
    }
    let text = if sources.json { report::json(&diagnosis)? } else { report::diagnosis(&diagnosis, terminal.look()) };
    let exit = if diagnosis.is_sound() { Exit::Done } else { Exit::Database };
    Ok(terminal.verdict(text.as_bytes(), exit)?)
}

async fn repair(path: &Path) -> anyhow::Result<Vec<Repaired>> {
    let store = SqliteStore::open(path, OpenMode::AsItIs, true).await?;
    let repaired = store.repair(SystemClock::default().now_ms()).await;
    store.close().await?;
    Ok(repaired?)
}
