//! `sqrawl export`: pages into files or onto stdout, for other programs.

use std::io::{self, BufWriter, Write};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use super::Exit;
use super::args::{DedupeKind, ExportArgs, ExportFormat};
use super::exit::UsageError;
use super::files::held_by_database;
use super::signals::{self, Stopped};
use super::sources::Sources;
use super::terminal::{Terminal, shell_word};
use crate::config::units::{about_bytes, bytes, counted, is_unlimited};
use crate::engine::{Clock, SystemClock};
use crate::export::{
    Bounds, Cursor, Dedupe, ExportError, Field, Format, Job, Manifest, Start, Stream, Summary, Target, field_names,
    to_files,
};
use crate::report::neutralise_lines;
use crate::scope::{UrlRules, seed_url};
use crate::store::StoreError;
use crate::store::sqlite::read::Reader;

/// Most memory of SQLite, as for a query.
const MEMORY_BYTES: u64 = 512_000_000;
/// Size of WARC files unless `--max-size` says otherwise: what archives recommend (ISO 28500 annex C).
const WARC_BYTES: u64 = 1_000_000_000;
/// Between two looks for new pages: a look costs some ten microseconds.
const LOOK_EVERY: Duration = Duration::from_millis(250);
const TICK: Duration = Duration::from_millis(200);

/// Writes the export.
///
/// # Errors
/// Arguments that do not fit, files that are there, a database that cannot be read.
pub(super) async fn run(args: ExportArgs, sources: &Sources, terminal: &Terminal) -> anyhow::Result<Exit> {
    let job = job(&args)?;
    if let Some(what) = held_by_database(&args.output, sources.path()) {
        return Err(UsageError(format!("-o {}: {what}; choose another -o", args.output.display())).into());
    }
    let mut reader = Reader::open(sources.path()).await?;
    reader.limit_memory(MEMORY_BYTES).await?;
    if let Some(condition) = &job.condition {
        reader.check_condition(condition).await.map_err(|error| match error {
            StoreError::Query(why) => anyhow::Error::new(UsageError(format!("--where {condition}: {why}"))),
            other => other.into(),
        })?;
    }
    let bounds = Bounds::default();
    let cancel = bounds.cancel.clone();
    let _signals = signals::on_first(terminal, move || cancel.cancel());
    let start = start(&args, &mut reader).await?;
    let ended = if args.output == Path::new("-") {
        let after = if let Start::After { cursor, contents } = start { (cursor, contents) } else { (0, None) };
        onto_stdout(&args, job, after, &mut reader, &bounds, terminal).await
    } else {
        into_files(&args, &job, &start, &mut reader, &bounds, sources, terminal).await
    };
    reader.close().await;
    ended
}

async fn into_files(
    args: &ExportArgs,
    job: &Job,
    start: &Start,
    reader: &mut Reader,
    bounds: &Bounds,
    sources: &Sources,
    terminal: &Terminal,
) -> anyhow::Result<Exit> {
    let name = || UsageError(format!("-o {}: not the name of a file", args.output.display()));
    let target = Target::new(&args.output).ok_or_else(name)?;
    let target = if job.format == Format::Cdxj { target.of_index() } else { target };
    let shown = show(bounds, terminal);
    let written = to_files(reader, job, &target, start, args.force, &now(), bounds).await;
    drop(shown);
    terminal.hide_bar();
    let summary = written?;
    say(&summary, &target, terminal);
    if sources.json {
        terminal.data((serde_json::to_string_pretty(&summary)? + "\n").as_bytes())?;
    }
    if summary.complete {
        return Ok(Exit::Done);
    }
    if summary.unchanged {
        terminal.error("stopped by a signal; nothing was written, and what was there is as it was");
        return Ok(Exit::Stopped);
    }
    terminal.error(format_args!(
        "stopped by a signal; what is whole is in {}, and --since auto goes on after it",
        summary.manifest.display()
    ));
    Ok(Exit::Stopped)
}

fn say(summary: &Summary, target: &Target, terminal: &Terminal) {
    for file in &summary.files {
        let path = target.path_of(&file.name);
        let (rows, size) = (counted(file.rows, "row"), about_bytes(file.bytes));
        terminal.say(format_args!("{}: {rows}, {size}", path.display()));
    }
    if summary.files.is_empty() && summary.complete {
        terminal.say("nothing new");
    }
    if summary.unchanged {
        return;
    }
    terminal.say(format_args!("cursor {}: {}", summary.cursor, shell_word(&summary.manifest.display().to_string())));
}

async fn onto_stdout(
    args: &ExportArgs,
    job: Job,
    (after, contents): (Cursor, Option<String>),
    reader: &mut Reader,
    bounds: &Bounds,
    terminal: &Terminal,
) -> anyhow::Result<Exit> {
    let to_terminal = terminal.out_is_terminal();
    if to_terminal && matches!(job.format, Format::Warc | Format::Cdxj) {
        return Err(UsageError("WARC records are nothing for a terminal; give -o FILE".to_owned()).into());
    }
    let out: Box<dyn Write> = if to_terminal {
        Box::new(Neutral::default())
    } else {
        Box::new(BufWriter::with_capacity(1 << 16, io::stdout()))
    };
    let begin = (after, contents.as_deref());
    let begun = Stream::begin(reader, job, begin, &now(), bounds.clone(), args.follow, out).await?;
    let Some(mut stream) = begun else {
        terminal.error("stopped by a signal");
        return Ok(Exit::Stopped);
    };
    let is_whole = loop {
        // Asked before the pages are: what a crawl commits at its end is seen then.
        let ended = args.follow && args.until_complete && !reader.is_running();
        let went_on = stream.catch_up(reader).await;
        let went_on = match went_on {
            Err(ExportError::Output(error)) if error.kind() == io::ErrorKind::BrokenPipe => return Ok(Exit::Done),
            other => other?,
        };
        if !went_on || !args.follow || ended {
            break went_on;
        }
        stream.flush()?;
        if !wait(bounds).await {
            break false;
        }
    };
    let (cursor, rows) = (stream.cursor(), stream.rows());
    stream.finish()?;
    terminal.say(format_args!("{}; cursor {cursor}: --since {cursor} goes on from here", counted(rows, "row")));
    if is_whole {
        return Ok(Exit::Done);
    }
    terminal.error("stopped by a signal");
    Ok(Exit::Stopped)
}

/// False: it was stopped.
async fn wait(bounds: &Bounds) -> bool {
    tokio::time::sleep(LOOK_EVERY).await;
    !bounds.cancel.is_cancelled()
}

/// Text for a terminal, a line at a time.
#[derive(Debug, Default)]
struct Neutral(Vec<u8>);

impl Write for Neutral {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.extend_from_slice(bytes);
        let Some(end) = self.0.iter().rposition(|byte| *byte == b'\n') else { return Ok(bytes.len()) };
        let lines: Vec<u8> = self.0.drain(..=end).collect();
        let text = String::from_utf8_lossy(&lines).replace("\r\n", "\n");
        io::stdout().write_all(neutralise_lines(&text).as_bytes())?;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        io::stdout().flush()
    }
}

/// What the arguments ask for.
fn job(args: &ExportArgs) -> Result<Job, UsageError> {
    let name = args.output.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    let on_stdout = args.output == Path::new("-");
    let format = match args.format {
        Some(said) => format_of(said),
        None if on_stdout => Format::Jsonl,
        None => Format::of_name(&name).ok_or_else(|| {
            UsageError(format!("-o {}: its name says no format; give one, for example -f jsonl", args.output.display()))
        })?,
    };
    let refuse = |wrong: bool, words: &str| if wrong { Err(UsageError(words.to_owned())) } else { Ok(()) };
    let is_table = matches!(format, Format::Jsonl | Format::Csv);
    let fields_said = !args.fields.is_empty() || args.text || args.body || args.headers;
    refuse(fields_said && !is_table, "--fields, --text, --body and --headers are for jsonl and csv")?;
    refuse(args.follow && !(on_stdout && is_table), "--follow writes jsonl or csv onto stdout: -f jsonl -o -")?;
    refuse(args.force && on_stdout, "--force is for files")?;
    refuse(on_stdout && args.max_size.is_some(), "--max-size is for files")?;
    refuse(on_stdout && format == Format::Cdxj, "an index is a file beside its WARC file; give -o FILE.cdxj")?;
    refuse(on_stdout && format == Format::Sitemap, "a sitemap is one or more files; give -o sitemap.xml")?;
    refuse(format == Format::Sitemap && args.since.is_some(), "a sitemap is always the whole site; leave --since out")?;
    refuse(args.base_url.is_some() && format != Format::Sitemap, "--base-url is for a sitemap")?;
    if let Some(url) = args.base_url.as_deref().filter(|url| !is_web_url(url)) {
        let words = "neither http:// nor https:// and a host; for example --base-url https://example.org/maps/";
        return Err(UsageError(format!("--base-url {url}: {words}")));
    }
    refuse(
        args.dedupe.is_some() && matches!(format, Format::Warc | Format::Cdxj),
        "--dedupe is for pages; in WARC files a copy is a revisit record that refers to the first one",
    )?;
    refuse(format == Format::Cdxj && !name.ends_with(".cdxj"), "the name of an index ends in .cdxj")?;
    Ok(Job {
        format,
        fields: if is_table { fields(args)? } else { Vec::new() },
        condition: args.condition.clone(),
        dedupe: args.dedupe.map(|kind| match kind {
            DedupeKind::Exact => Dedupe::Exact,
            DedupeKind::Near => Dedupe::Near,
        }),
        max_bytes: max_bytes(args.max_size.as_deref(), format)?,
        lines: Format::of_name(&name) == Some(Format::Jsonl),
        base_url: args.base_url.clone(),
    })
}

fn is_web_url(text: &str) -> bool {
    let is_absolute = text.starts_with("http://") || text.starts_with("https://");
    is_absolute && seed_url(text, &UrlRules::none()).is_ok()
}

fn format_of(said: ExportFormat) -> Format {
    match said {
        ExportFormat::Jsonl => Format::Jsonl,
        ExportFormat::Csv => Format::Csv,
        ExportFormat::Warc => Format::Warc,
        ExportFormat::Cdxj => Format::Cdxj,
        ExportFormat::Sitemap => Format::Sitemap,
        ExportFormat::Text => Format::Text,
        ExportFormat::Markdown => Format::Markdown,
    }
}

fn fields(args: &ExportArgs) -> Result<Vec<Field>, UsageError> {
    let named = |name: &str| {
        Field::named(name).ok_or_else(|| UsageError(format!("--fields {name}: none of {}", field_names().join(", "))))
    };
    let mut fields = match args.fields.is_empty() {
        true => Field::defaults(),
        false => args.fields.iter().map(|name| named(name.trim())).collect::<Result<_, _>>()?,
    };
    for (said, name) in [(args.headers, "headers"), (args.text, "text"), (args.body, "body")] {
        if said && !fields.iter().any(|field| field.name == name) {
            fields.push(named(name)?);
        }
    }
    Ok(fields)
}

fn max_bytes(said: Option<&str>, format: Format) -> Result<Option<u64>, UsageError> {
    match said {
        None if matches!(format, Format::Warc | Format::Cdxj) => Ok(Some(WARC_BYTES)),
        None => Ok(None),
        Some(text) if is_unlimited(text) => Ok(None),
        Some(text) => match bytes(text) {
            Ok(0) => Err(UsageError(format!("--max-size {text}: at least a byte; for example --max-size 1GB"))),
            Ok(most) => Ok(Some(most)),
            Err(why) => Err(UsageError(format!("--max-size {text}: {why}; for example --max-size 1GB"))),
        },
    }
}

/// Where the export begins; a manifest has to fit the crawl.
async fn start(args: &ExportArgs, reader: &mut Reader) -> anyhow::Result<Start> {
    let on_stdout = args.output == Path::new("-");
    match args.since.as_deref() {
        None => Ok(Start::After { cursor: 0, contents: None }),
        Some("auto") if on_stdout => {
            Err(UsageError("--since auto is for files; on stdout give a manifest or a cursor".to_owned()).into())
        }
        Some("auto") => Ok(Start::Auto),
        Some(said) => match said.parse::<Cursor>() {
            Ok(cursor) => {
                let last = reader.last_fetch_id().await?;
                if !(0..=last).contains(&cursor) {
                    let words = format!("--since {cursor}: the last fetch of {} is {last}", reader.path().display());
                    return Err(UsageError(words).into());
                }
                Ok(Start::After { cursor, contents: None })
            }
            Err(_) => {
                let path = Path::new(said);
                let none = || UsageError(format!("--since {said}: neither auto, nor a cursor, nor a manifest"));
                let manifest = Manifest::read(path)?.ok_or_else(none)?;
                manifest.fits(reader, path).await?;
                Ok(Start::After { cursor: manifest.cursor, contents: manifest.contents })
            }
        },
    }
}

fn now() -> String {
    let ms = u64::try_from(SystemClock::default().now_ms()).unwrap_or(0);
    humantime::format_rfc3339_seconds(std::time::UNIX_EPOCH + Duration::from_millis(ms)).to_string()
}

/// Shows how far the export is, on a terminal, until it is dropped.
fn show(bounds: &Bounds, terminal: &Terminal) -> Option<Stopped> {
    let bar = terminal.show_bar()?.clone();
    let style = indicatif::ProgressStyle::with_template("{spinner} {elapsed} {wide_msg}");
    bar.set_style(style.unwrap_or_else(|_| indicatif::ProgressStyle::default_spinner()));
    let progress = Arc::clone(&bounds.progress);
    Some(Stopped(tokio::spawn(async move {
        loop {
            bar.set_message(format!("{} exported", counted(progress.rows.load(Ordering::Relaxed), "row")));
            bar.tick();
            tokio::time::sleep(TICK).await;
        }
    })))
}
