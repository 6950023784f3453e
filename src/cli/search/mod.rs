//! `sqrawl search`: pages by their words.
//!
//! - [`catch_up`]: the index is brought up to date first.
//! - [`listing`]: what is found, as people read it.

mod catch_up;
mod listing;

use std::io::BufWriter;
use std::path::Path;
use std::time::Duration;

use serde_json::json;

use super::Exit;
use super::args::SearchArgs;
use super::exit::UsageError;
use super::query::{MEMORY_BYTES, format_of, guard, time_limit};
use super::signals::{self, Asked};
use super::sources::Sources;
use super::terminal::{Terminal, shell_word, unwritten};
use crate::config::units::{about_duration, count, counted, grouped, is_unlimited};
use crate::config::{OfDay, moment_ms};
use crate::engine::{Clock, SystemClock};
use crate::report::{self, RowWriter, neutralise};
use crate::scope::host_name;
use crate::search::{FOUND, FOUND_END, expression};
use crate::store::StoreError;
use crate::store::sqlite::SearchIndex;
use crate::store::sqlite::read::{Cancel, Hits, Limits, QueryEndReason, Reader, RowSink, Rows, Value, read_statement};
use catch_up::{Caught, catch_up};
use listing::Listing;

/// Most rows unless `--limit` says otherwise.
const ROWS: u64 = 10;
/// Words of a snippet.
const SNIPPET_WORDS: u32 = 24;

/// Brings the index up to date and searches it.
///
/// # Errors
/// Words that are no search, a database that cannot be read, output that cannot be written.
pub(super) async fn run(args: SearchArgs, sources: &Sources, terminal: &Terminal) -> anyhow::Result<Exit> {
    let typed = args.words.join(" ");
    let hits = (!args.words.is_empty()).then(|| hits(&args, &typed)).transpose()?;
    let time_ms = time_limit(args.timeout.as_deref())?;
    if hits.is_none() && args.no_update {
        let words = "nothing to search for, and --no-update; for example: sqrawl search crawler";
        return Err(UsageError(words.to_owned()).into());
    }
    let cancel = Cancel::default();
    let asked = cancel.clone();
    let _signals = signals::on_first(terminal, move || asked.cancel());
    // Before the file is opened for reading: opening one twice in a process would drop its locks.
    if args.rebuild {
        rebuild(sources.path()).await?;
    }
    let caught = if args.no_update { Caught::NotAsked } else { catch_up(sources.path(), &cancel, terminal).await? };
    let mut reader = Reader::open(sources.path()).await?;
    reader.limit_memory(MEMORY_BYTES).await?;
    say_what_is_missing(&caught, &mut reader, hits.is_none(), terminal).await?;
    let exit = match hits {
        _ if cancel.is_cancelled() => {
            terminal.error("stopped by a signal; what is indexed is kept, and the next search goes on there");
            Ok(Exit::Stopped)
        }
        None if sources.json => index_json(&caught, &mut reader, sources, terminal).await,
        None => Ok(Exit::Done),
        Some(mut hits) => {
            let limits = Limits { time: time_ms.map(Duration::from_millis), cancel, ..Limits::default() };
            let found = find(&args, &mut hits, &mut reader, &limits, sources, terminal).await;
            let unknown = match &found {
                Ok((_, 0)) => unknown_host(&hits, &mut reader, &limits).await?,
                _ => None,
            };
            if let Some(host) = unknown {
                terminal.warn(format_args!("the crawl knows no host {host}; sqrawl report hosts lists them"));
            }
            found.map(|(reason, rows)| said(reason, rows, &args, time_ms, terminal))
        }
    };
    reader.close().await;
    exit
}

/// Searches; why it ended and how many rows were written.
async fn find(
    args: &SearchArgs,
    hits: &mut Hits,
    reader: &mut Reader,
    limits: &Limits,
    sources: &Sources,
    terminal: &Terminal,
) -> anyhow::Result<(QueryEndReason, u64)> {
    let as_list = args.format.is_none() && !sources.json && terminal.out_is_terminal();
    let out = BufWriter::new(std::io::stdout());
    let _guard = guard(limits, Asked::listen(), terminal);
    if as_list {
        hits.marks = [FOUND.to_string(), FOUND_END.to_string()];
        let mut listing = Listing::new(terminal.colored(), terminal.look().width, out);
        let end = ask(reader, hits, limits, &mut listing).await?;
        let rows = listing.finish().map_err(unwritten)?;
        return Ok((end, rows));
    }
    let mut rows = RowWriter::new(format_of(args.format, sources.json, terminal), terminal.look(), out);
    match ask(reader, hits, limits, &mut rows).await {
        Ok(end) => Ok((end, rows.finish().map_err(unwritten)?)),
        Err(error) => {
            let _ = rows.finish_early();
            Err(error)
        }
    }
}

/// The host that was asked for, when the crawl has none of that name.
async fn unknown_host(hits: &Hits, reader: &mut Reader, limits: &Limits) -> anyhow::Result<Option<String>> {
    let Some(host) = &hits.host else { return Ok(None) };
    let sql = "SELECT 1 FROM hosts h WHERE h.name = :host OR (:subdomains AND h.name LIKE '%.' || :host) LIMIT 1";
    let mut found = Rows::default();
    let values = [Value::Text(host.clone()), Value::Integer(hits.subdomains.into())];
    reader.query(sql, &values, limits, &mut found).await?;
    Ok(found.rows.is_empty().then(|| neutralise(host).into_owned()))
}

async fn ask(
    reader: &mut Reader,
    hits: &Hits,
    limits: &Limits,
    sink: &mut (dyn RowSink + Send),
) -> anyhow::Result<QueryEndReason> {
    debug_assert_eq!(read_statement(Hits::sql()).map(|read| read.parameters.len()), Ok(hits.values().len()));
    match reader.query(Hits::sql(), &hits.values(), limits, sink).await {
        Ok(end) => Ok(end.reason),
        // What `expression` lets through and FTS5 does not.
        Err(StoreError::Query(why)) if why.contains("fts5") => {
            Err(UsageError(format!("{why}; quote words to search for them as they are: '\"…\"'")).into())
        }
        Err(error) => Err(error.into()),
    }
}

fn said(reason: QueryEndReason, rows: u64, args: &SearchArgs, time_ms: Option<u64>, terminal: &Terminal) -> Exit {
    match reason {
        QueryEndReason::TimeLimit => {
            let time = about_duration(time_ms.unwrap_or_default());
            terminal.error(format_args!("stopped after {time} and {rows} rows; --timeout gives it longer"));
            return Exit::Failed;
        }
        QueryEndReason::Cancelled => {
            terminal.error(format_args!("stopped by a signal after {}", counted(rows, "row")));
            return Exit::Stopped;
        }
        QueryEndReason::Complete | QueryEndReason::RowLimit | QueryEndReason::OutputClosed => {}
    }
    if rows == 0 {
        terminal.say("nothing was found; fewer words, a prefix (crawl*) or OR find more");
    } else if args.limit.is_none() && rows >= ROWS {
        terminal.say(format_args!("the best {ROWS}; --limit shows more"));
    }
    Exit::Done
}

/// Empties the index, so that it is made anew; what dies after that goes on there.
async fn rebuild(path: &Path) -> anyhow::Result<()> {
    let mut index = SearchIndex::open(path).await?;
    let emptied = index.empty().await;
    index.close().await?;
    Ok(emptied?)
}

/// How far the index is.
async fn index_json(
    caught: &Caught,
    reader: &mut Reader,
    sources: &Sources,
    terminal: &Terminal,
) -> anyhow::Result<Exit> {
    let progress = reader.index_progress().await?;
    let added = if let Caught::Whole { contents } = caught { *contents } else { 0 };
    let all = json!({
        "database": sources.path(), "complete": progress.is_complete(), "contents_added": added,
        "contents_indexed": progress.content_id, "contents": progress.last_id, "has_texts": reader.has_texts().await?,
    });
    terminal.data(report::json(&all)?.as_bytes())?;
    Ok(Exit::Done)
}

async fn say_what_is_missing(
    caught: &Caught,
    reader: &mut Reader,
    is_update: bool,
    terminal: &Terminal,
) -> anyhow::Result<()> {
    let progress = reader.index_progress().await?;
    match caught {
        Caught::Unwritable(cause) => {
            terminal.warn(format_args!("the index cannot be brought up to date: {cause}"));
        }
        Caught::Whole { .. } | Caught::NotAsked => {}
    }
    if !progress.is_complete() {
        let (indexed, all) = (grouped(progress.content_id.unsigned_abs()), grouped(progress.last_id.unsigned_abs()));
        terminal.warn(format_args!("{indexed} of {all} contents are indexed; the others are not found"));
    }
    if !reader.has_texts().await? {
        terminal.say("no texts are kept (--no-text): titles, headings and descriptions are searched");
    }
    if let (true, Caught::Whole { contents }) = (is_update, caught) {
        let added = counted(*contents, "content");
        let standing = if progress.is_complete() { "the index is up to date: " } else { "" };
        terminal.say(format_args!("{standing}{added} added"));
    }
    Ok(())
}

/// What the arguments ask for.
fn hits(args: &SearchArgs, typed: &str) -> anyhow::Result<Hits> {
    let wrong = |why| UsageError(format!("{}: {why}", shell_word(typed)));
    let below = args.host.as_deref().and_then(|host| host.strip_prefix("*."));
    let host = below.or(args.host.as_deref()).map(|host| {
        let wrong = || {
            UsageError(format!("--host {}: no name of a host; for example --host docs.example.org", shell_word(host)))
        };
        host_name(host).ok_or_else(wrong)
    });
    Ok(Hits {
        expression: expression(typed).map_err(wrong)?,
        subdomains: below.is_some(),
        host: host.transpose()?,
        since_ms: args.since.as_deref().map(since).transpose()?,
        lang: args.lang.as_deref().map(|lang| lang.to_lowercase().replace('_', "-")),
        marks: ["[".to_owned(), "]".to_owned()],
        snippet_words: SNIPPET_WORDS,
        most: most(args.limit.as_deref())?,
    })
}

fn most(said: Option<&str>) -> Result<Option<u64>, UsageError> {
    match said {
        None => Ok(Some(ROWS)),
        Some(text) if is_unlimited(text) => Ok(None),
        Some(text) => match count(text) {
            Ok(0) => Err(UsageError("--limit 0: at least one; for example --limit 50".to_owned())),
            Ok(most) => Ok(Some(most)),
            Err(why) => Err(UsageError(format!("--limit {text}: {why}; for example --limit 50"))),
        },
    }
}

/// `--since` as Unix ms.
fn since(text: &str) -> Result<i64, UsageError> {
    let wrong = |why| UsageError(format!("--since {text}: {why}; for example --since 2026-01-31, --since 7d"));
    moment_ms(text, SystemClock::default().now_ms(), OfDay::Start).map_err(wrong)
}
