//! [`Terms`]: what a statement may cost, and how its rows are written.

use std::path::Path;
use std::time::Duration;

use super::super::args::{QueryArgs, QueryFormat};
use super::super::exit::UsageError;
use super::super::terminal::Terminal;
use crate::config::units::{bytes, count, duration_ms, is_unlimited};
use crate::report::Format;
use crate::store::StoreError;
use crate::store::sqlite::read::{Limits, Reader};

/// Longest time of a statement unless said otherwise.
const TIMEOUT_MS: u64 = 60_000;
/// Most rows of a table on a terminal unless said otherwise: nobody reads more.
const TABLE_ROWS: u64 = 10_000;
/// Most memory of SQLite unless said otherwise: a statement can ask for a value of a gigabyte.
pub(in crate::cli) const MEMORY_BYTES: u64 = 512_000_000;
/// With less SQLite has no room for its own pages.
const LEAST_MEMORY_BYTES: u64 = 8_000_000;
/// The part of that memory that the values of one row may take: they are copied on their way out.
const ROW_PART: u64 = 8;

/// What every statement of a run may cost and how its rows are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Terms {
    /// Longest time in ms; `None`: unlimited.
    pub(super) time_ms: Option<u64>,
    /// Most rows, where they are said; `Some(None)`: unlimited.
    pub(super) rows: Option<Option<u64>>,
    /// Most memory of SQLite.
    pub(super) memory_bytes: u64,
    /// Whether sorts may become temporary files, which no limit holds.
    pub(super) temp_files: bool,
    /// How rows are written, where it is said.
    pub(super) format: Option<Format>,
}

impl Terms {
    /// Reads the flags.
    ///
    /// # Errors
    /// A value that is none.
    pub(super) fn read(args: &QueryArgs, json: bool) -> Result<Self, UsageError> {
        let rows =
            args.max_rows.as_deref().map(|text| rows(text).map_err(|why| wrong("--max-rows", text, &why, "500")));
        let memory = args.memory.as_deref().map(memory).transpose()?;
        Ok(Terms {
            time_ms: time_limit(args.timeout.as_deref())?,
            rows: rows.transpose()?,
            memory_bytes: memory.unwrap_or(MEMORY_BYTES),
            temp_files: args.temp_files,
            format: args.format.map(named).or(json.then_some(Format::Json)),
        })
    }

    /// Opens the database, bounded.
    ///
    /// # Errors
    /// A database that cannot be read.
    pub(super) async fn open(&self, path: &Path) -> Result<Reader, StoreError> {
        let mut reader = Reader::open(path).await?;
        reader.limit_memory(self.memory_bytes).await?;
        if !self.temp_files {
            reader.sort_in_memory().await?;
        }
        Ok(reader)
    }

    /// How rows are written here.
    pub(super) fn format(&self, terminal: &Terminal) -> Format {
        self.format.unwrap_or_else(|| usual(terminal))
    }

    /// What a statement may cost here.
    pub(super) fn limits(&self, terminal: &Terminal) -> Limits {
        let read_by_people = terminal.out_is_terminal() && self.format(terminal) == Format::Table;
        Limits {
            rows: self.rows.unwrap_or(read_by_people.then_some(TABLE_ROWS)),
            time: self.time_ms.map(Duration::from_millis),
            row_bytes: Some(self.memory_bytes / ROW_PART),
            ..Limits::default()
        }
    }
}

/// `-f`, else what `--json` says, else what is usual.
pub(in crate::cli) fn format_of(said: Option<QueryFormat>, json: bool, terminal: &Terminal) -> Format {
    said.map(named).or(json.then_some(Format::Json)).unwrap_or_else(|| usual(terminal))
}

fn usual(terminal: &Terminal) -> Format {
    if terminal.out_is_terminal() { Format::Table } else { Format::Csv }
}

/// `--timeout` in ms, or what is usual; `None`: no limit.
///
/// # Errors
/// No duration.
pub(in crate::cli) fn time_limit(said: Option<&str>) -> Result<Option<u64>, UsageError> {
    said.map_or(Ok(Some(TIMEOUT_MS)), |text| time(text).map_err(|why| wrong("--timeout", text, &why, "5m")))
}

/// Reads a longest time in ms, or none.
///
/// # Errors
/// What is wrong, without the value.
pub(super) fn time(text: &str) -> Result<Option<u64>, String> {
    if is_unlimited(text) { Ok(None) } else { duration_ms(text).map(Some) }
}

/// Reads a number of rows, or none.
///
/// # Errors
/// What is wrong, without the value.
pub(super) fn rows(text: &str) -> Result<Option<u64>, String> {
    if is_unlimited(text) { Ok(None) } else { count(text).map(Some) }
}

fn memory(text: &str) -> Result<u64, UsageError> {
    match bytes(text) {
        Ok(n) if n >= LEAST_MEMORY_BYTES => Ok(n),
        Ok(_) => Err(wrong("--memory", text, "at least 8MB", "1GB")),
        Err(why) => Err(wrong("--memory", text, &why, "1GB")),
    }
}

fn wrong(flag: &str, text: &str, why: &str, example: &str) -> UsageError {
    UsageError(format!("{flag} {text}: {why}; for example {flag} {example}"))
}

fn named(format: QueryFormat) -> Format {
    match format {
        QueryFormat::Table => Format::Table,
        QueryFormat::Csv => Format::Csv,
        QueryFormat::Json => Format::Json,
        QueryFormat::Jsonl => Format::Jsonl,
        QueryFormat::Markdown => Format::Markdown,
    }
}
