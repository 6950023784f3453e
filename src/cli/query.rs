//! `sqrawl query`: one statement that reads, as a table or for other programs.

use std::io::{BufWriter, Read};
use std::time::Duration;

use anyhow::Context;

use super::Exit;
use super::args::{QueryArgs, QueryFormat};
use super::exit::UsageError;
use super::signals;
use super::sources::Sources;
use super::terminal::{Terminal, unwritten};
use crate::config::units::{about_duration, duration_ms, is_unlimited};
use crate::report::{Format, RowWriter};
use crate::store::sqlite::read::{Limits, MAX_SQL_BYTES, QueryEndReason, Reader};

/// Longest time of a statement unless `--timeout` says otherwise.
const TIMEOUT_MS: u64 = 60_000;

/// Most memory of SQLite: a statement can ask for a value of a gigabyte.
const MEMORY_BYTES: u32 = 512 * 1024 * 1024;

/// Runs the statement.
///
/// # Errors
/// A statement that is refused or fails, a database that cannot be read.
pub(super) async fn run(args: QueryArgs, sources: &Sources, terminal: &Terminal) -> anyhow::Result<Exit> {
    let sql = if args.sql == "-" { from_stdin()? } else { args.sql.clone() };
    let time_ms = time_limit(args.timeout.as_deref())?;
    let limits = Limits { time: time_ms.map(Duration::from_millis), ..Limits::default() };
    let mut reader = Reader::open(sources.path()).await?;
    reader.limit_memory(MEMORY_BYTES).await?;
    let cancel = limits.cancel.clone();
    let _signals = signals::on_first(move || cancel.cancel());
    let mut rows = RowWriter::new(format(&args, sources, terminal), terminal.look(), BufWriter::new(std::io::stdout()));
    let ended = reader.query(&sql, &[], &limits, &mut rows).await;
    reader.close().await;
    let end = ended?;
    rows.finish().map_err(unwritten)?;
    match end.reason {
        QueryEndReason::Complete | QueryEndReason::OutputClosed | QueryEndReason::RowLimit => Ok(Exit::Done),
        QueryEndReason::TimeLimit => {
            let time = about_duration(time_ms.unwrap_or_default());
            terminal.error(format_args!("stopped after {time} and {} rows; --timeout gives it longer", end.rows));
            Ok(Exit::Failed)
        }
        QueryEndReason::Cancelled => {
            terminal.error(format_args!("stopped by a signal after {} rows", end.rows));
            Ok(Exit::Stopped)
        }
    }
}

fn format(args: &QueryArgs, sources: &Sources, terminal: &Terminal) -> Format {
    match args.format {
        Some(QueryFormat::Table) => Format::Table,
        Some(QueryFormat::Csv) => Format::Csv,
        Some(QueryFormat::Json) => Format::Json,
        Some(QueryFormat::Jsonl) => Format::Jsonl,
        Some(QueryFormat::Markdown) => Format::Markdown,
        None if sources.json => Format::Json,
        None if terminal.out_is_terminal() => Format::Table,
        None => Format::Csv,
    }
}

fn from_stdin() -> anyhow::Result<String> {
    let mut sql = String::new();
    let most = MAX_SQL_BYTES as u64 + 1;
    std::io::stdin().lock().take(most).read_to_string(&mut sql).context("the statement cannot be read from stdin")?;
    Ok(sql)
}

fn time_limit(said: Option<&str>) -> Result<Option<u64>, UsageError> {
    match said {
        None => Ok(Some(TIMEOUT_MS)),
        Some(text) if is_unlimited(text) => Ok(None),
        Some(text) => duration_ms(text)
            .map(Some)
            .map_err(|detail| UsageError(format!("--timeout {text}: {detail}; for example --timeout 5m"))),
    }
}
