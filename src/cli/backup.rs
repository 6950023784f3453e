//! `sqrawl backup`: a consistent copy, also while a crawl runs.

use std::path::Path;
use std::time::Duration;

use serde_json::json;

use super::Exit;
use super::args::BackupArgs;
use super::signals::{self, Stopped};
use super::sources::Sources;
use super::terminal::{Terminal, shell_word};
use crate::config::units::{about_bytes, about_duration};
use crate::engine::{Clock, SystemClock};
use crate::store::sqlite::read::{Limits, Reader};

/// Between two looks at the size of the copy.
const TICK: Duration = Duration::from_millis(200);

/// Makes the copy.
///
/// # Errors
/// A database that cannot be read, a copy that cannot be written.
pub(super) async fn run(args: BackupArgs, sources: &Sources, terminal: &Terminal) -> anyhow::Result<Exit> {
    let clock = SystemClock::default();
    // A large file takes as long as it takes.
    let budget = Limits { time: None, ..Limits::default() };
    let mut reader = Reader::open_to_copy(sources.path()).await?;
    let expected = reader.copy_bytes().await?;
    let cancel = budget.cancel.clone();
    let _signals = signals::on_first(terminal, move || cancel.cancel());
    let shown = follow(&args.file, expected, terminal);
    let copied = reader.copy_into(&args.file, &budget).await;
    drop(shown);
    terminal.hide_bar();
    reader.close().await;
    if budget.cancel.is_cancelled() && copied.is_err() {
        terminal.error(format_args!("stopped by a signal; nothing of {} was left behind", args.file.display()));
        return Ok(Exit::Stopped);
    }
    let bytes = copied?;
    let elapsed_ms = clock.elapsed_ms();
    let (from, to) = (sources.path().display(), args.file.display().to_string());
    let db = shell_word(&to);
    terminal.say(format_args!("copied {from} into {to}: {} in {}", about_bytes(bytes), about_duration(elapsed_ms)));
    terminal.say(format_args!("check it:    sqrawl doctor --db {db}"));
    terminal.say(format_args!("go on in it: sqrawl resume --db {db}"));
    if sources.json {
        let all = json!({
            "database": sources.path(), "backup": args.file, "size_bytes": bytes, "elapsed_ms": elapsed_ms
        });
        terminal.data((serde_json::to_string_pretty(&all)? + "\n").as_bytes())?;
    }
    Ok(Exit::Done)
}

/// Shows how far the copy is, on a terminal, until it is dropped.
fn follow(copy: &Path, expected: u64, terminal: &Terminal) -> Option<Stopped> {
    let bar = terminal.show_bar()?.clone();
    let style = indicatif::ProgressStyle::with_template("{spinner} {elapsed} {wide_msg}");
    bar.set_style(style.unwrap_or_else(|_| indicatif::ProgressStyle::default_spinner()));
    let unfinished = Reader::unfinished_copy(copy);
    Some(Stopped(tokio::spawn(async move {
        loop {
            let bytes = tokio::fs::metadata(&unfinished).await.map_or(0, |file| file.len());
            bar.set_message(format!("{} of about {} copied", about_bytes(bytes), about_bytes(expected)));
            bar.tick();
            tokio::time::sleep(TICK).await;
        }
    })))
}
