//! `sqrawl import`: lists of URLs, sitemaps and WARC files into the crawl in `--db`, without a network.

use std::collections::HashMap;
use std::fs::File;
use std::io::{self, BufRead, BufReader, Read};
use std::path::{Path, PathBuf};

use anyhow::Context;
use flate2::bufread::MultiGzDecoder;
use serde_json::json;

use super::Exit;
use super::args::ImportArgs;
use super::exit::UsageError;
use super::files::CrawlFile;
use super::plan::{self, all_seeds};
use super::signals;
use super::sources::Sources;
use super::terminal::{Terminal, shell_word};
use crate::config::units::{counted, grouped};
use crate::engine::{Clock, SystemClock};
use crate::import::{Answer, Counts, Found, Importer, Names, Records, answer, names};
use crate::model::{CrawlSettings, CrawlUrl, Host};
use crate::report::neutralise;
use crate::scope::UrlRules;
use crate::store::sqlite::read::Cancel;
use crate::store::{SessionOpen, Store};

/// Most bytes of a list or sitemap, unpacked: a sitemap has at most 50 MB.
const MOST_BYTES: u64 = 256 << 20;
/// Most URLs of one of them.
const MOST_URLS: usize = 1_000_000;
/// Bytes of an HTTP head that stand beside a body in a record.
const HEAD_BYTES: u64 = 512 * 1024;
/// Records that cannot be used and are named; the rest are counted.
const MOST_NAMED: u64 = 10;

/// Takes the files in.
///
/// # Errors
/// A file that cannot be read, a database that cannot be used.
pub(super) async fn run(args: ImportArgs, sources: &Sources, terminal: &Terminal) -> anyhow::Result<Exit> {
    let given: Vec<(PathBuf, Found)> =
        args.files.iter().map(|path| Ok((path.clone(), found(path)?))).collect::<anyhow::Result<_>>()?;
    let file = CrawlFile::look(sources.path()).await?;
    let stored = file.stored.as_ref();
    let settings = sources.crawl(stored.map(|stored| (&stored.settings, sources.path())))?.settings;
    let rules = UrlRules::new(&settings);
    let is_new = stored.is_none_or(|stored| stored.seeds.is_empty());
    let mut reading = Reading { settings: &settings, rules: &rules, terminal, wrong: 0 };
    let seeds = match is_new {
        true => reading.one_of_each_host(&given)?,
        false => all_seeds(stored, &[]),
    };
    let scope = plan::scope(&settings, &seeds, stored)?;
    if seeds.is_empty() {
        file.close().await?;
        return Err(UsageError("no URL was found in what is to be imported".to_owned()).into());
    }
    reading.wrong = 0;
    let (store, _) = file.open(settings.durable).await?;
    let clock = SystemClock::default();
    let open = SessionOpen {
        settings: &settings,
        version: env!("CARGO_PKG_VERSION"),
        delay_ms: settings.delay_ms.unwrap_or(0),
        recrawl: false,
        judging: false,
    };
    let start = store.begin_session(open, clock.now_ms()).await?;
    let cancel = Cancel::default();
    let flag = cancel.clone();
    let _signals = signals::on_first(move || flag.cancel());
    let mut importer = Importer::new(&store, start, &settings, &scope);
    let mut taken = Ok(());
    for (path, found) in &given {
        taken = reading.take(path, *found, &mut importer, &clock, &cancel).await;
        if taken.is_err() || cancel.is_cancelled() {
            break;
        }
    }
    // What failed first is the cause: after it the store takes nothing more.
    let finished = match taken {
        Ok(()) => importer.finish(cancel.is_cancelled(), clock.now_ms()).await.map_err(anyhow::Error::from),
        Err(error) => Err(error),
    };
    let wrong = reading.wrong;
    super::files::close(store).await;
    let (counts, totals) = finished?;
    say(&counts, wrong, sources, terminal);
    if sources.json {
        let all = json!({"database": sources.path(), "counts": counts, "unusable": wrong, "totals": totals});
        terminal.data((serde_json::to_string_pretty(&all)? + "\n").as_bytes())?;
    }
    if cancel.is_cancelled() {
        terminal.error("stopped by a signal; the same command goes on: what was taken in is passed over");
        return Ok(Exit::Stopped);
    }
    Ok(Exit::Done)
}

fn say(counts: &Counts, wrong: u64, sources: &Sources, terminal: &Terminal) {
    let Counts { new_urls, excluded, fetches, known, unsaid } = *counts;
    let (fetched, urls) = (if fetches == 1 { "fetch" } else { "fetches" }, counted(new_urls, "new URL"));
    terminal.say(format_args!("{}: {} {fetched}, {urls}", sources.path().display(), grouped(fetches)));
    let rest = [
        (excluded, "left out by the scope"),
        (known, "visited before"),
        (unsaid, "no answer of use, queued"),
        (wrong, "cannot be used"),
    ];
    for (n, what) in rest.into_iter().filter(|(n, _)| *n > 0) {
        terminal.say(format_args!("  {n} {what}"));
    }
    let db = sources.path().display().to_string();
    terminal.say(format_args!("crawl what is queued: sqrawl resume --db {}", shell_word(&db)));
}

/// The bytes of a file, unpacked where it is packed.
fn open(path: &Path) -> anyhow::Result<Box<dyn BufRead>> {
    let fault = |error: io::Error| UsageError(format!("{}: {error}", path.display()));
    let mut file = BufReader::with_capacity(256 * 1024, File::open(path).map_err(fault)?);
    let is_packed = file.fill_buf().map_err(fault)?.starts_with(&[0x1f, 0x8b]);
    Ok(match is_packed {
        true => Box::new(BufReader::with_capacity(256 * 1024, MultiGzDecoder::new(file))),
        false => Box::new(file),
    })
}

fn found(path: &Path) -> anyhow::Result<Found> {
    let mut start = Vec::new();
    let read = open(path)?.take(1024).read_to_end(&mut start);
    read.map_err(|error| UsageError(format!("{}: {error}", path.display())))?;
    Found::of(&start).ok_or_else(|| {
        let words = "neither a WARC file, nor a sitemap, nor a list of URLs in UTF-8: it holds bytes of 0";
        UsageError(format!("{}: {words}", path.display())).into()
    })
}

/// Reads files, and says what in them cannot be used.
struct Reading<'a> {
    settings: &'a CrawlSettings,
    rules: &'a UrlRules,
    terminal: &'a Terminal,
    wrong: u64,
}

impl Reading<'_> {
    async fn take(
        &mut self,
        path: &Path,
        found: Found,
        importer: &mut Importer<'_>,
        clock: &SystemClock,
        cancel: &Cancel,
    ) -> anyhow::Result<()> {
        if found != Found::Warc {
            let names = self.names(path, found)?;
            names.wrong.iter().for_each(|why| self.refuse(path, why));
            self.wrong += names.wrong_count - names.wrong.len() as u64;
            return Ok(importer.queue(&names.urls, clock.now_ms()).await?);
        }
        for read in self.answers(path)? {
            match read {
                Ok(answer) => importer.take(answer, clock.now_ms()).await?,
                Err(why) => self.refuse(path, &why),
            }
            if cancel.is_cancelled() {
                break;
            }
        }
        Ok(importer.flush(clock.now_ms()).await?)
    }

    fn refuse(&mut self, path: &Path, why: &str) {
        self.wrong += 1;
        if self.wrong <= MOST_NAMED {
            self.terminal.warn(format_args!("{}: {}", path.display(), neutralise(why)));
        }
    }

    fn names(&self, path: &Path, found: Found) -> anyhow::Result<Names> {
        let mut bytes = Vec::new();
        let read = open(path)?.take(MOST_BYTES + 1).read_to_end(&mut bytes);
        read.with_context(|| format!("{} cannot be read", path.display()))?;
        if bytes.len() as u64 > MOST_BYTES {
            return Err(UsageError(format!("{}: more than {MOST_BYTES} bytes; part it", path.display())).into());
        }
        Ok(names(found, &bytes, self.rules, MOST_URLS))
    }

    fn answers(&self, path: &Path) -> anyhow::Result<impl Iterator<Item = Result<Answer, String>> + use<>> {
        let (rules, most) = (self.rules.clone(), self.settings.max_body_bytes);
        let records = Records::new(open(path)?, most.saturating_add(HEAD_BYTES));
        Ok(records.filter_map(move |record| match record {
            Ok(record) => answer(record, &rules, most),
            Err(why) => Some(Err(why)),
        }))
    }

    /// A URL of every host that is named: what a new crawl is of.
    fn one_of_each_host(&mut self, given: &[(PathBuf, Found)]) -> anyhow::Result<Vec<CrawlUrl>> {
        let mut hosts: HashMap<Host, CrawlUrl> = HashMap::new();
        for (path, found) in given {
            let mut take = |url: CrawlUrl| {
                hosts.entry(url.host()).or_insert(url);
            };
            match found {
                Found::Warc => self.answers(path)?.flatten().for_each(|answer| take(answer.url)),
                found => self.names(path, *found)?.urls.into_iter().for_each(|(_, url)| take(url)),
            }
        }
        let mut urls: Vec<CrawlUrl> = hosts.into_values().collect();
        urls.sort_unstable();
        Ok(urls)
    }
}
