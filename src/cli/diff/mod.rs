//! `sqrawl diff`: what differs between two rounds; [`links`]: which links came and went.

mod links;

use std::io::{BufWriter, Write};
use std::time::Duration;

use serde_json::json;

use crate::cli::Exit;
use crate::cli::args::DiffArgs;
use crate::cli::exit::UsageError;
use crate::cli::query::{format_of, guard, time_limit};
use crate::cli::signals::{self, Asked};
use crate::cli::sources::Sources;
use crate::cli::terminal::{Terminal, unwritten};
use crate::config::units::{about_duration, count, counted, grouped, is_unlimited};
use crate::report::{self, ChangesTable, Format, RowWriter};
use crate::store::sqlite::read::{Change, DiffCounts, DiffOptions, Limits, QueryEndReason, Reader, RoundSpan};

/// Rows on a terminal unless `--limit` says otherwise.
const ROWS_ON_TERMINAL: u64 = 50;

/// Compares two rounds.
///
/// # Errors
/// A round that is not there, a database that cannot be read, output that cannot be written.
pub(in crate::cli) async fn run(args: DiffArgs, sources: &Sources, terminal: &Terminal) -> anyhow::Result<Exit> {
    let options = options(&args, terminal)?;
    let time_ms = time_limit(args.timeout.as_deref())?;
    let whole = sources.json && args.format.is_none();
    let limits = Limits { time: time_ms.map(Duration::from_millis), ..Limits::default() };
    let mut reader = Reader::open(sources.path()).await?;
    let cancel = limits.cancel.clone();
    let _signals = signals::on_first(terminal, move || cancel.cancel());
    let rounds = reader.rounds().await?;
    let (before, after) = chosen(&rounds, args.before.as_deref(), args.after.as_deref())?;
    say_what_is_incomplete(before, after, terminal);

    let format = if whole { Format::Json } else { format_of(args.format, sources.json, terminal) };
    let mut out = BufWriter::new(std::io::stdout());
    if whole {
        let head = report::json(&json!({ "before": before, "after": after }))?;
        // The object goes on with the rows, which are written as they come.
        let head = head.trim_end().trim_end_matches('}').trim_end();
        write!(out, "{head},\n  \"rows\": ").map_err(unwritten)?;
    }
    let mut rows = RowWriter::new(format, terminal.look(), out);
    if args.links {
        // Of several statements each may take its time.
        let _guard = guard(&Limits { time: None, ..limits.clone() }, Asked::listen(), terminal);
        let comparison = links::Comparison { before, after, limits: &limits, most: options.limit };
        let found = links::list(&mut reader, &comparison, &mut rows).await?;
        let shown = rows.finish().map_err(unwritten)?;
        reader.close().await;
        if whole {
            terminal.data(format!(",\n  \"counts\": {}\n}}\n", serde_json::to_string(&found.counts)?).as_bytes())?;
        }
        return Ok(links::said(&found, shown, time_ms, args.exit_code, terminal));
    }
    let guard = guard(&limits, Asked::listen(), terminal);
    let (end, counts) = if format == Format::Table {
        let mut table = ChangesTable(&mut rows);
        reader.diff(before, after, &options, &limits, &mut table).await?
    } else {
        reader.diff(before, after, &options, &limits, &mut rows).await?
    };
    drop(guard);
    let shown = rows.finish().map_err(unwritten)?;
    reader.close().await;
    if whole {
        let counts = serde_json::to_string(&counts)?;
        terminal.data(format!(",\n  \"counts\": {counts}\n}}\n").as_bytes())?;
    }
    match end.reason {
        QueryEndReason::TimeLimit => {
            let time = about_duration(time_ms.unwrap_or_default());
            terminal.error(format_args!("stopped after {time} and {shown} rows; --timeout gives it longer"));
            return Ok(Exit::Failed);
        }
        QueryEndReason::Cancelled => {
            terminal.error(format_args!("stopped by a signal after {shown} rows"));
            return Ok(Exit::Stopped);
        }
        QueryEndReason::Complete | QueryEndReason::OutputClosed | QueryEndReason::RowLimit => {}
    }
    let all = options.only.iter().map(|change| counts.of(*change)).sum::<u64>();
    say_counts(before, after, &counts, terminal);
    if shown < all {
        terminal.say(format_args!("{} of {} rows; --limit none shows all", grouped(shown), grouped(all)));
    }
    Ok(if args.exit_code && all > 0 { Exit::Gate } else { Exit::Done })
}

fn options(args: &DiffArgs, terminal: &Terminal) -> Result<DiffOptions, UsageError> {
    let named = |name: &String| {
        Change::from_name(name.trim()).ok_or_else(|| {
            UsageError(format!("--only {name}: none of new, gone, moved, changed; for example --only new,gone"))
        })
    };
    let only = args.only.iter().map(named).collect::<Result<Vec<_>, _>>()?;
    let limit = match args.limit.as_deref() {
        Some(text) if is_unlimited(text) => None,
        Some(text) => Some(
            count(text)
                .map_err(|why| UsageError(format!("--limit {text}: {why}; for example --limit 100, or none")))?,
        ),
        None => terminal.out_is_terminal().then_some(ROWS_ON_TERMINAL),
    };
    Ok(DiffOptions { only: if only.is_empty() { Change::ALL.to_vec() } else { only }, limit })
}

/// The two rounds; without names the last one and the one before it, and with one name that and the last.
fn chosen<'a>(
    rounds: &'a [RoundSpan],
    before: Option<&str>,
    after: Option<&str>,
) -> Result<(&'a RoundSpan, &'a RoundSpan), UsageError> {
    if rounds.len() < 2 {
        let words = "there are no two rounds to compare; sqrawl resume --recrawl makes another one";
        return Err(UsageError(words.to_owned()));
    }
    let pair = (named(rounds, before.unwrap_or("prev"))?, named(rounds, after.unwrap_or("last"))?);
    if pair.0.id == pair.1.id {
        return Err(UsageError(format!("both are round {}; for example: sqrawl diff prev last", pair.0.id)));
    }
    Ok(pair)
}

fn named<'a>(rounds: &'a [RoundSpan], name: &str) -> Result<&'a RoundSpan, UsageError> {
    let found = match name {
        "last" => rounds.last(),
        "prev" => rounds.iter().rev().nth(1),
        _ => rounds
            .iter()
            .find(|round| round.name.as_deref() == Some(name))
            .or_else(|| rounds.iter().find(|round| round.id.to_string() == name)),
    };
    found.ok_or_else(|| {
        let known: Vec<String> = rounds.iter().map(shown).collect();
        UsageError(format!("there is no round {name}; there are {}, and the names last and prev", known.join(", ")))
    })
}

fn shown(round: &RoundSpan) -> String {
    match &round.name {
        Some(name) => format!("{} ({})", round.id, report::neutralise(name)),
        None => round.id.to_string(),
    }
}

fn say_what_is_incomplete(before: &RoundSpan, after: &RoundSpan, terminal: &Terminal) {
    if !before.complete {
        let id = shown(before);
        terminal.warn(format_args!("round {id} is not complete: pages that it did not come to are listed as new"));
    }
    if !after.complete {
        let id = shown(after);
        terminal.warn(format_args!("round {id} is not complete: what it has not visited yet is not listed"));
    }
}

fn say_counts(before: &RoundSpan, after: &RoundSpan, counts: &DiffCounts, terminal: &Terminal) {
    let (a, b) = (shown(before), shown(after));
    let (was, is) = (counted(counts.pages_before, "page"), counted(counts.pages_after, "page"));
    let differ: Vec<String> =
        Change::ALL.iter().map(|change| format!("{} {}", grouped(counts.of(*change)), change.as_str())).collect();
    let same = grouped(counts.same);
    terminal.say(format_args!("round {a} ({was}) and round {b} ({is}): {}, {same} the same", differ.join(", ")));
    if counts.not_visited > 0 {
        let pages = counted(counts.not_visited, "page");
        terminal.say(format_args!("{pages} of round {a} not visited in round {b} yet"));
    }
}
