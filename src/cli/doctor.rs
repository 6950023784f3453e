//! `sqrawl doctor`: checks what the database promises.

use super::Exit;
use super::sources::Sources;
use super::terminal::Terminal;
use crate::report;
use crate::store::sqlite::read::{DoctorOptions, Limits, Reader};

/// Examines the database; a broken promise is exit code 4.
///
/// # Errors
/// A database that cannot be examined at all.
pub(super) async fn run(sources: &Sources, terminal: &Terminal) -> anyhow::Result<Exit> {
    let options = DoctorOptions { identity: Some(crate::parse::content_hash), ..DoctorOptions::default() };
    // A large file takes as long as it takes; Ctrl-C ends it.
    let budget = Limits { time: None, ..Limits::default() };
    let mut reader = Reader::open(sources.path()).await?;
    let diagnosis = reader.doctor(options, &budget).await?;
    reader.close().await;
    let text = if sources.json { report::json(&diagnosis)? } else { report::diagnosis(&diagnosis, terminal.look()) };
    terminal.data(text.as_bytes())?;
    Ok(if diagnosis.is_sound() { Exit::Done } else { Exit::Database })
}
