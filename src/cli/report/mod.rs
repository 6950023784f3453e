//! `sqrawl report`: the named reports of a crawl, gates for builds, and all of them as one HTML page ([`page`]).

mod gates;
mod page;

use std::io::BufWriter;
use std::time::Duration;

use serde_json::json;

use super::Exit;
use super::args::ReportArgs;
use super::exit::UsageError;
use super::query::{MEMORY_BYTES, format_of, guard, time_limit};
use super::signals::{self, Asked};
use super::sources::Sources;
use super::terminal::{Terminal, shell_word, unwritten};
use crate::config::units::{about_duration, count, counted, grouped, is_unlimited};
use crate::report::{self, Bounded, Format, Gate, REPORTS, Report, RowWriter, Topic};
use crate::store::sqlite::read::{Limits, QueryEndReason, Reader, RowSink, Rows, Value};

/// Rows on a terminal unless `--limit` says otherwise.
const ROWS_ON_TERMINAL: u64 = 50;

/// Lists the reports, prints one, judges gates, or writes the page.
///
/// # Errors
/// A name that is no report, a gate that is none, a database that cannot be read, output that cannot be written.
pub(super) async fn run(args: ReportArgs, sources: &Sources, terminal: &Terminal) -> anyhow::Result<Exit> {
    let report = args.name.as_deref().map(named).transpose()?;
    let gates = args.fail_on.iter().map(|text| gate(text)).collect::<Result<Vec<_>, _>>()?;
    let most = most_rows(args.limit.as_deref(), terminal)?;
    let time_ms = time_limit(args.timeout.as_deref())?;
    if report.is_none() && gates.is_empty() && !args.all {
        return list(sources, terminal);
    }
    if args.all && args.output.is_none() && sources.json {
        return Err(UsageError("--all writes HTML to stdout; with --json it needs -o FILE".to_owned()).into());
    }
    if args.all && args.format.is_some() {
        return Err(UsageError("--all writes HTML; name one report for --format".to_owned()).into());
    }
    let target = args.output.as_deref().map(|file| page::Target::check(file, sources.path())).transpose()?;
    let limits = Limits { time: time_ms.map(Duration::from_millis), ..Limits::default() };
    let mut reader = Reader::open(sources.path()).await?;
    reader.limit_memory(MEMORY_BYTES).await?;
    let cancel = limits.cancel.clone();
    let _signals = signals::on_first(terminal, move || cancel.cancel());
    let mut asking = Asking { reader, limits, time_ms, sources, terminal };
    let printed = match report {
        Some(report) => asking.print(report, format_of(args.format, sources.json, terminal), most).await,
        None if args.all => page::write_all(&mut asking, target).await,
        None => Ok(Exit::Done),
    };
    let ended = match printed {
        Ok(Exit::Done) => gates::judge(&mut asking, &gates, report.is_none() && !args.all).await,
        other => other,
    };
    asking.reader.close().await;
    ended
}

/// A database that is asked, within limits.
struct Asking<'a> {
    reader: Reader,
    limits: Limits,
    time_ms: Option<u64>,
    sources: &'a Sources,
    terminal: &'a Terminal,
}

impl Asking<'_> {
    /// The rows of a report into `rows`, which takes `most` of them, and how many there are in all. Where they come
    /// unsorted the rest is counted by SQLite, which is quicker than to hand over millions of rows.
    async fn ask(
        &mut self,
        report: &Report,
        most: Option<u64>,
        rows: &mut (dyn RowSink + Send),
    ) -> anyhow::Result<(QueryEndReason, u64)> {
        let (sql, limit, mut rows) = match most {
            Some(most) if report.is_sorted() => (report.first_sql(most), None, Bounded::told(rows, most)),
            most => (report.sql(), most, Bounded::new(rows)),
        };
        let limits = Limits { rows: limit, ..self.limits.clone() };
        let guard = guard(&limits, Asked::listen(), self.terminal);
        let end = self.reader.query(&sql, &[], &limits, &mut rows).await?;
        drop(guard);
        if end.reason != QueryEndReason::RowLimit {
            return Ok((end.reason, rows.rows()));
        }
        let (reason, all) = self.count(report).await?;
        Ok((reason, all.max(rows.rows())))
    }

    /// How many rows a report has.
    async fn count(&mut self, report: &Report) -> anyhow::Result<(QueryEndReason, u64)> {
        let mut found = Rows::default();
        let end = self.reader.query(&report.count_sql(), &[], &self.limits, &mut found).await?;
        let rows = match found.rows.first().map(Vec::as_slice) {
            Some([Value::Integer(n)]) => u64::try_from(*n).unwrap_or(0),
            _ => 0,
        };
        Ok((end.reason, rows))
    }

    /// One report, its meaning before it and the next step after it where a person reads.
    async fn print(&mut self, report: &Report, format: Format, most: Option<u64>) -> anyhow::Result<Exit> {
        let terminal = self.terminal;
        let to_person = terminal.out_is_terminal();
        if to_person {
            terminal.say(format_args!("{}: {}", report.name, report.meaning));
        }
        let mut rows = RowWriter::new(format, terminal.look(), BufWriter::new(std::io::stdout()));
        let (reason, all) = self.ask(report, most, &mut rows).await?;
        let shown = rows.finish().map_err(unwritten)?;
        if let Some(exit) = self.stopped(reason, shown) {
            return Ok(exit);
        }
        if shown < all {
            terminal.say(format_args!("{} of {} rows; --limit none shows all", grouped(shown), grouped(all)));
        } else if to_person {
            terminal.say(counted(all, "row"));
        }
        if to_person && all > 0 {
            terminal.say(format_args!("next: {}", report.next_step));
        }
        Ok(Exit::Done)
    }

    /// Says why a query ended before its end; `None`: it did not.
    fn stopped(&self, reason: QueryEndReason, rows: u64) -> Option<Exit> {
        match reason {
            QueryEndReason::Complete | QueryEndReason::OutputClosed | QueryEndReason::RowLimit => None,
            QueryEndReason::TimeLimit => {
                let time = about_duration(self.time_ms.unwrap_or_default());
                self.terminal.error(format_args!("stopped after {time} and {rows} rows; --timeout gives it longer"));
                Some(Exit::Failed)
            }
            QueryEndReason::Cancelled => {
                self.terminal.error(format_args!("stopped by a signal after {rows} rows"));
                Some(Exit::Stopped)
            }
        }
    }
}

fn named(name: &str) -> Result<&'static Report, UsageError> {
    Report::named(name).ok_or_else(|| UsageError(report::unknown(name)))
}

fn gate(text: &str) -> Result<Gate, UsageError> {
    Gate::read(text).map_err(|why| {
        UsageError(format!("--fail-on {}: {why}; for example --fail-on 'broken-links>0'", shell_word(text)))
    })
}

/// `--limit`, or what is usual: some rows on a terminal, all of them elsewhere.
fn most_rows(said: Option<&str>, terminal: &Terminal) -> Result<Option<u64>, UsageError> {
    match said {
        Some(text) if is_unlimited(text) => Ok(None),
        Some(text) => count(text)
            .map(Some)
            .map_err(|detail| UsageError(format!("--limit {text}: {detail}; for example --limit 100, or none"))),
        None => Ok(terminal.out_is_terminal().then_some(ROWS_ON_TERMINAL)),
    }
}

fn list(sources: &Sources, terminal: &Terminal) -> anyhow::Result<Exit> {
    if sources.json {
        let all: Vec<_> = REPORTS
            .iter()
            .map(|report| {
                json!({
                    "name": report.name, "topic": report.topic.name(), "view": report.view(),
                    "is_problem": report.is_problem, "meaning": report.meaning, "next_step": report.next_step,
                })
            })
            .collect();
        terminal.data(report::json(&all)?.as_bytes())?;
        return Ok(Exit::Done);
    }
    let width = REPORTS.iter().map(|report| report.name.len()).max().unwrap_or(0);
    let mut text = String::new();
    for topic in Topic::ALL {
        text.push_str(&format!("{}\n", topic.name()));
        for report in REPORTS.iter().filter(|report| report.topic == topic) {
            text.push_str(&format!("  {:width$}  {}\n", report.name, report.meaning));
        }
    }
    terminal.data(text.as_bytes())?;
    terminal.say("one of them: sqrawl report NAME; all as a page: sqrawl report --all -o report.html");
    Ok(Exit::Done)
}
