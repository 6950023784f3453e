//! `report --all`: every report in one HTML page, written whole or not at all.

use std::fs::{self, File};
use std::io::BufWriter;
use std::path::{Path, PathBuf};

use anyhow::Context;
use serde_json::json;

use super::Asking;
use crate::cli::Exit;
use crate::cli::exit::UsageError;
use crate::cli::files::held_by_database;
use crate::cli::terminal::{shell_word, unwritten};
use crate::config::units::{about_bytes, about_duration, counted};
use crate::engine::{Clock, SystemClock};
use crate::model::UnixMs;
use crate::report::html::{self, Document, Section};
use crate::report::{self, REPORTS, Report};
use crate::store::sqlite::read::{QueryEndReason, Rows, Status, Value};

/// Seeds named in the heading.
const MOST_SEEDS: u64 = 3;

/// A file that the page may go into.
pub(super) struct Target {
    file: PathBuf,
    part: PathBuf,
}

impl Target {
    /// Looks at the place before any work is done.
    ///
    /// # Errors
    /// The file is the crawl itself, another database, or a folder.
    pub(super) fn check(file: &Path, database: &Path) -> Result<Target, UsageError> {
        let refuse = |why: &str| {
            let shown = file.display();
            Err(UsageError(format!("--output {shown}: {why}; for example --output report.html")))
        };
        let Some(name) = file.file_name() else { return refuse("no name of a file") };
        if file.is_dir() {
            return refuse("a folder");
        }
        if let Some(what) = held_by_database(file, database) {
            return refuse(what);
        }
        let mut part = name.to_owned();
        part.push(format!(".{}.part", std::process::id()));
        Ok(Target { file: file.to_owned(), part: file.with_file_name(part) })
    }

    /// Writes the page beside its place and moves it there; its size.
    fn fill(&self, document: &Document) -> anyhow::Result<u64> {
        let written = self.write_part(document);
        if written.is_err() {
            let _ = fs::remove_file(&self.part);
        }
        written.with_context(|| format!("{} cannot be written", self.file.display()))
    }

    fn write_part(&self, document: &Document) -> std::io::Result<u64> {
        let mut out = BufWriter::new(File::create(&self.part)?);
        html::write(&mut out, document)?;
        let file = out.into_inner()?;
        file.sync_all()?;
        let bytes = file.metadata()?.len();
        fs::rename(&self.part, &self.file)?;
        Ok(bytes)
    }
}

/// Asks for every report, one after the other, and writes the page to the target, or to stdout.
///
/// # Errors
/// A database that cannot be read, a page that cannot be written.
pub(super) async fn write_all(asking: &mut Asking<'_>, target: Option<Target>) -> anyhow::Result<Exit> {
    let clock = SystemClock::default();
    let now = clock.now_ms();
    let status = asking.reader.status(now).await?;
    let seeds = seeds(asking).await?;
    let mut sections = Vec::with_capacity(REPORTS.len());
    let mut lines = Vec::new();
    for report in REPORTS {
        follow(asking, report, sections.len());
        let began = clock.elapsed_ms();
        let section = ask(asking, report).await;
        asking.terminal.hide_bar();
        let Some(section) = section? else { return Ok(Exit::Stopped) };
        let elapsed_ms = clock.elapsed_ms() - began;
        lines.push(json!({
            "name": report.name, "rows": section.total, "complete": section.cut_short.is_none(),
            "elapsed_ms": elapsed_ms
        }));
        sections.push(section);
    }
    let cut_short = sections.iter().filter(|section| section.cut_short.is_some()).count() as u64;
    let document = document(asking, status, seeds, now, sections);
    let Some(target) = target else {
        let mut out = BufWriter::new(std::io::stdout().lock());
        html::write(&mut out, &document).map_err(unwritten)?;
        return Ok(ending(asking, cut_short));
    };
    let bytes = target.fill(&document)?;
    let elapsed_ms = clock.elapsed_ms();
    let file = target.file.display();
    asking.terminal.say(format_args!(
        "wrote {file}: {} in {}, {}",
        counted(REPORTS.len() as u64, "report"),
        about_duration(elapsed_ms),
        about_bytes(bytes)
    ));
    if asking.sources.json {
        let all = json!({
            "database": asking.sources.path(), "file": target.file, "size_bytes": bytes, "elapsed_ms": elapsed_ms,
            "reports": lines
        });
        asking.terminal.data(report::json(&all)?.as_bytes())?;
    }
    Ok(ending(asking, cut_short))
}

fn ending(asking: &Asking<'_>, cut_short: u64) -> Exit {
    if cut_short == 0 {
        return Exit::Done;
    }
    let reports = counted(cut_short, "report");
    asking.terminal.error(format_args!("{reports} took longer than the time limit; --timeout gives it longer"));
    Exit::Failed
}

/// The first rows of a report; `None`: stopped by a signal.
async fn ask(asking: &mut Asking<'_>, report: &'static Report) -> anyhow::Result<Option<Section>> {
    let mut section = Section::new(report);
    let (reason, total) = asking.ask(report, Some(html::MOST_ROWS), &mut section).await?;
    section.total = total;
    match reason {
        QueryEndReason::Cancelled => {
            asking.terminal.error("stopped by a signal; nothing was written");
            return Ok(None);
        }
        QueryEndReason::TimeLimit => {
            let time = about_duration(asking.time_ms.unwrap_or_default());
            section.cut_short = Some(format!("Stopped after {time}: rows are missing. --timeout gives it longer."));
        }
        QueryEndReason::Complete | QueryEndReason::RowLimit | QueryEndReason::OutputClosed => {}
    }
    Ok(Some(section))
}

/// The first seeds, and how many there are.
async fn seeds(asking: &mut Asking<'_>) -> anyhow::Result<(Vec<String>, u64)> {
    let sql = format!(
        "SELECT u.url, (SELECT count(DISTINCT url_id) FROM seeds) AS rows_in_all
         FROM (SELECT s.url_id, min(s.id) AS first FROM seeds s GROUP BY s.url_id) s
         JOIN urls u ON u.id = s.url_id ORDER BY s.first LIMIT {MOST_SEEDS}"
    );
    let mut seeds = Rows::default();
    let mut rows = report::Bounded::told(&mut seeds, MOST_SEEDS);
    asking.reader.query(&sql, &[], &asking.limits, &mut rows).await?;
    let all = rows.rows();
    let text = |row: Vec<Value>| match row.into_iter().next() {
        Some(Value::Text(url)) => Some(url),
        _ => None,
    };
    Ok((seeds.rows.into_iter().filter_map(text).collect(), all))
}

fn document(
    asking: &Asking<'_>,
    status: Status,
    (seeds, seed_count): (Vec<String>, u64),
    made_ms: UnixMs,
    sections: Vec<Section>,
) -> Document {
    let ended = status.session.as_ref().and_then(|session| session.ended_by.as_deref());
    let standing = match ended {
        _ if status.running => "a crawl is running: the numbers grow",
        Some("complete") => "the crawl is complete",
        Some("limit") => "the crawl reached a limit",
        Some("import") => "files were taken in last; what they name is still to be crawled",
        _ => "the crawl was stopped before its end",
    };
    let file_bytes = status.files.database_bytes + status.files.wal_bytes;
    Document {
        database: shell_word(&asking.sources.path().display().to_string()).into_owned(),
        seeds,
        seed_count,
        made_ms,
        standing: standing.to_owned(),
        totals: status.totals,
        hosts: status.hosts.known,
        file_bytes,
        sections,
    }
}

/// Says on a terminal which report is asked for.
fn follow(asking: &Asking<'_>, report: &Report, done: usize) {
    if let Some(bar) = asking.terminal.show_bar() {
        let style = indicatif::ProgressStyle::with_template("{spinner} {wide_msg}");
        bar.set_style(style.unwrap_or_else(|_| indicatif::ProgressStyle::default_spinner()));
        bar.set_message(format!("{} of {}: {}", done + 1, REPORTS.len(), report.name));
        bar.tick();
    }
}
