//! `sqrawl import`: lists of URLs, sitemaps and WARC files into the crawl in `--db`, without a network.

use std::collections::{BTreeMap, HashMap};
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use anyhow::Context;
use serde_json::json;

use super::Exit;
use super::args::ImportArgs;
use super::exit::UsageError;
use super::files::CrawlFile;
use super::plan::{self, all_seeds};
use super::seeds::{given_url, unreadable};
use super::signals;
use super::sources::Sources;
use super::terminal::{Terminal, shell_word};
use crate::config::units::{counted, grouped};
use crate::engine::{Clock, SystemClock};
use crate::import::{
    Capture, Counts, Ended, Found, Importer, ListLines, Names, Payloads, Placed, Record, Records, capture, open,
    sitemap, url_of,
};
use crate::model::{CrawlSettings, CrawlUrl, ScopeKind, SeedSource};
use crate::report::neutralise;
use crate::scope::{Scope, UrlRules};
use crate::store::sqlite::read::Cancel;
use crate::store::{SessionOpen, Store, StoredCrawl};
use crate::verdict;

/// Most bytes of a sitemap, unpacked; it has at most 50 MB.
const MOST_BYTES: u64 = 256 << 20;
/// Most URLs of one.
const MOST_URLS: usize = 1_000_000;
/// URLs of a list that are handed on together.
const URLS_AT_ONCE: usize = 4_096;
/// Bytes of an HTTP head that stand beside a body in a record.
const HEAD_BYTES: u64 = 512 * 1024;
/// What cannot be used and is named; the rest is counted.
const MOST_NAMED: u64 = 10;
/// Records that are no pages in any archive.
const BESIDE_PAGES: [&str; 3] = ["warcinfo", "request", "metadata"];

/// Takes the files in.
///
/// # Errors
/// A file that cannot be read, a database that cannot be used.
pub(super) async fn run(args: ImportArgs, sources: &Sources, terminal: &Terminal) -> anyhow::Result<Exit> {
    let cancel = Cancel::default();
    let flag = cancel.clone();
    let _signals = signals::on_first(terminal, move || flag.cancel());
    let mut given: Vec<(PathBuf, Found)> =
        args.files.iter().map(|path| Ok((path.clone(), found(path)?))).collect::<anyhow::Result<_>>()?;
    // What a list names may bring in where it is redirected to: an archive that has the redirect comes after it.
    given.sort_by_key(|(_, found)| *found == Found::Warc);
    let file = CrawlFile::look(sources.path()).await?;
    let stored = file.stored.as_ref();
    let settings = sources.crawl(stored.map(|stored| (&stored.settings, sources.path())))?.settings;
    let rules = UrlRules::new(&settings);
    let grants_scope = stored.is_none_or(StoredCrawl::is_made_by_imports);
    let mut reading = Reading::new(&settings, &rules, terminal, &cancel);
    let seeds = all_seeds(stored, &[]);
    let mut scope = plan::scope(&settings, &seeds, stored)?;
    let named = if grants_scope { reading.one_of_each_place(&given, &scope).await? } else { Vec::new() };
    let is_wider = named.iter().filter(|url| scope.take_seed(url)).count() > 0;
    if cancel.is_cancelled() {
        file.close().await?;
        terminal.error("stopped by a signal; nothing was taken in");
        return Ok(Exit::Stopped);
    }
    if seeds.is_empty() && named.is_empty() {
        file.close().await?;
        if reading.names_any {
            let words = "the patterns leave out every URL of what is to be imported";
            return Err(UsageError(words.to_owned()).into());
        }
        reading.say_wrong(&given)?;
        return Err(UsageError("no URL was found in what is to be imported".to_owned()).into());
    }
    // Where other URLs belong to the crawl than before, the next session that crawls judges what is known.
    let judging = stored
        .is_some_and(|stored| is_wider || stored.judging || verdict::judges_otherwise(&stored.settings, &settings));
    let (store, _) = file.open(settings.durable).await?;
    let clock = SystemClock::default();
    let open = SessionOpen {
        settings: &settings,
        version: env!("CARGO_PKG_VERSION"),
        delay_ms: settings.delay_ms.unwrap_or(0),
        recrawl: false,
        judging,
    };
    let start = store.begin_session(open, clock.now_ms()).await?;
    let mut importer = Importer::new(&store, start, &settings, scope, grants_scope);
    let mut taken = Ok(());
    for (path, found) in &given {
        taken = reading.take(path, *found, &mut importer, &clock).await;
        if taken.is_err() || cancel.is_cancelled() {
            break;
        }
    }
    let ended = match (&taken, cancel.is_cancelled()) {
        (Err(_), _) => Ended::Failed,
        (Ok(()), true) => Ended::Stopped,
        (Ok(()), false) if judging => Ended::Open,
        (Ok(()), false) => Ended::Whole,
    };
    let finished = importer.finish(ended, clock.now_ms()).await;
    let (wrong, left_out) = (reading.wrong, reading.left_out);
    super::files::close(store).await;
    // What failed first is the cause: after it the store may take nothing more.
    taken?;
    let (counts, totals) = finished?;
    say(&counts, &left_out, wrong, terminal, sources);
    if totals.open() > 0 || judging || counts.new_hosts > 0 {
        let db = sources.path().display().to_string();
        terminal.say(format_args!("crawl what is queued: sqrawl resume --db {}", shell_word(&db)));
    }
    if sources.json {
        let all = json!({"database": sources.path(), "counts": counts, "left_out": left_out, "unusable": wrong,
                         "totals": totals});
        terminal.data((serde_json::to_string_pretty(&all)? + "\n").as_bytes())?;
    }
    if ended == Ended::Stopped {
        terminal.error("stopped by a signal; the same command goes on: what was taken in is passed over");
        return Ok(Exit::Stopped);
    }
    Ok(Exit::Done)
}

fn say(counts: &Counts, left_out: &BTreeMap<&str, u64>, wrong: u64, terminal: &Terminal, sources: &Sources) {
    let Counts { new_urls, excluded, fetches, known, unsaid, cut, new_hosts } = *counts;
    let (fetched, urls) = (if fetches == 1 { "fetch" } else { "fetches" }, counted(new_urls, "new URL"));
    terminal.say(format_args!("{}: {} {fetched}, {urls}", sources.path().display(), grouped(fetches)));
    if new_hosts > 0 {
        let hosts = counted(new_hosts, "host");
        let again = if excluded > 0 { "; the same import again takes in what stands before those" } else { "" };
        terminal.say(format_args!("  {hosts} into scope by redirects of seeds{again}"));
    }
    let rest = [
        (cut, "of them without the end of the body"),
        (excluded, "left out by the scope"),
        (known, "visited before"),
        (unsaid, "no answer of use, queued"),
    ];
    for (n, what) in rest.into_iter().filter(|(n, _)| *n > 0) {
        terminal.say(format_args!("  {n} {what}"));
    }
    for (kind, n) in left_out.iter().filter(|(kind, _)| !BESIDE_PAGES.contains(kind)) {
        let what = match *kind {
            REVISIT => "revisit: what it refers to is in none of the files, queued",
            kind => &format!("{kind}: this kind of record is left out"),
        };
        terminal.say(format_args!("  {n} {what}"));
    }
    if wrong > 0 {
        terminal.say(format_args!("  {wrong} cannot be used"));
    }
}

/// The kind of records whose payload was not found.
const REVISIT: &str = "revisit";

fn found(path: &Path) -> anyhow::Result<Found> {
    let fault = |error: io::Error| UsageError(format!("{}: {error}", path.display()));
    let mut start = Vec::new();
    open(path).map_err(fault)?.take(1024).read_to_end(&mut start).map_err(fault)?;
    Found::of(&start).map_err(|why| UsageError(format!("{}: {why}", path.display())).into())
}

/// Reads files, and says what in them cannot be used.
struct Reading<'a> {
    settings: &'a CrawlSettings,
    rules: &'a UrlRules,
    terminal: &'a Terminal,
    cancel: &'a Cancel,
    payloads: Payloads,
    wrong: u64,
    /// Whether a URL was found.
    names_any: bool,
    /// Records by their kind.
    left_out: BTreeMap<&'static str, u64>,
}

impl<'a> Reading<'a> {
    fn new(settings: &'a CrawlSettings, rules: &'a UrlRules, terminal: &'a Terminal, cancel: &'a Cancel) -> Self {
        let (payloads, left_out) = (Payloads::default(), BTreeMap::new());
        Reading { settings, rules, terminal, cancel, payloads, wrong: 0, names_any: false, left_out }
    }

    async fn take(
        &mut self,
        path: &Path,
        found: Found,
        importer: &mut Importer<'_>,
        clock: &SystemClock,
    ) -> anyhow::Result<()> {
        match found {
            Found::Warc => self.take_archive(path, importer, clock).await,
            Found::Sitemap => {
                let names = self.names(path)?;
                self.refuse_all(path, &names);
                Ok(importer.queue(&names.urls, SeedSource::Import, clock.now_ms()).await?)
            }
            Found::List => self.take_list(path, importer, clock).await,
        }
    }

    async fn take_list(&mut self, path: &Path, importer: &mut Importer<'_>, clock: &SystemClock) -> anyhow::Result<()> {
        let mut lines = lines(path)?;
        let mut urls = Vec::new();
        while !self.cancel.is_cancelled() {
            let line = lines.next();
            let is_end = line.is_none();
            match line.map(|line| self.url(path, line)).transpose()? {
                Some(Ok(named)) => urls.push(named),
                Some(Err(why)) => self.refuse(path, &why),
                None => {}
            }
            if is_end || urls.len() >= URLS_AT_ONCE {
                importer.queue(&urls, SeedSource::Import, clock.now_ms()).await?;
                urls.clear();
            }
            if is_end {
                break;
            }
        }
        Ok(())
    }

    /// The URL of a line as it was given and as it is crawled, or what is wrong with it.
    fn url(&self, path: &Path, line: Line) -> anyhow::Result<Result<(String, CrawlUrl), String>> {
        let (number, said) = line.with_context(|| format!("{} cannot be read", path.display()))?;
        let read = said.and_then(|text| given_url(&text, self.rules).map(|seed| (text, seed.url)));
        Ok(read.map_err(|why| format!("line {number}: {why}")))
    }

    async fn take_archive(
        &mut self,
        path: &Path,
        importer: &mut Importer<'_>,
        clock: &SystemClock,
    ) -> anyhow::Result<()> {
        self.payloads.begin(path);
        for record in self.records(path)? {
            if self.cancel.is_cancelled() {
                break;
            }
            match record.and_then(|record| self.capture(record)) {
                Ok(Capture::Answer(answer)) => importer.take(*answer, clock.now_ms()).await?,
                Ok(Capture::Revisit(revisit)) => {
                    let (url, most) = (revisit.url(), self.settings.max_body_bytes);
                    let found = self.payloads.resolve(*revisit, self.rules, most, most.saturating_add(HEAD_BYTES));
                    match found.with_context(|| format!("{} cannot be read", path.display()))? {
                        Some(answer) => importer.take(answer, clock.now_ms()).await?,
                        None => {
                            *self.left_out.entry(REVISIT).or_default() += 1;
                            importer.queue(&[url], SeedSource::Archive, clock.now_ms()).await?;
                        }
                    }
                }
                Ok(Capture::LeftOut(kind)) => *self.left_out.entry(kind).or_default() += 1,
                Err(why) => self.refuse(path, &why),
            }
        }
        Ok(importer.flush(clock.now_ms()).await?)
    }

    fn capture(&mut self, record: Record) -> Result<Capture, String> {
        let kind = record.field("warc-type").unwrap_or_default();
        if ["response", "resource"].iter().any(|held| kind.eq_ignore_ascii_case(held)) {
            self.payloads.note(&record);
        }
        capture(record, self.rules, self.settings.max_body_bytes)
    }

    fn refuse(&mut self, path: &Path, why: &str) {
        self.wrong += 1;
        if self.wrong <= MOST_NAMED {
            self.terminal.warn(format_args!("{}: {}", path.display(), neutralise(why)));
        }
    }

    fn refuse_all(&mut self, path: &Path, names: &Names) {
        names.wrong.iter().for_each(|why| self.refuse(path, why));
        self.wrong += names.wrong_count - names.wrong.len() as u64;
    }

    /// Why files in which nothing was found have nothing.
    fn say_wrong(&mut self, given: &[(PathBuf, Found)]) -> anyhow::Result<()> {
        for (path, found) in given {
            match found {
                Found::Sitemap => self.refuse_all(path, &self.names(path)?),
                Found::List => {
                    for line in lines(path)? {
                        if let Err(why) = self.url(path, line)? {
                            self.refuse(path, &why);
                        }
                    }
                }
                Found::Warc => {
                    for record in self.records(path)? {
                        if let Err(why) = record {
                            self.refuse(path, &why);
                        }
                    }
                    self.refuse(path, "no record of it has a page of http or https");
                }
            }
        }
        Ok(())
    }

    fn names(&self, path: &Path) -> anyhow::Result<Names> {
        let mut bytes = Vec::new();
        let read = open(path).and_then(|file| file.take(MOST_BYTES + 1).read_to_end(&mut bytes));
        read.with_context(|| format!("{} cannot be read", path.display()))?;
        if bytes.len() as u64 > MOST_BYTES {
            return Err(UsageError(format!("{}: more than {MOST_BYTES} bytes; part it", path.display())).into());
        }
        Ok(sitemap(&bytes, self.rules, MOST_URLS))
    }

    fn records(&self, path: &Path) -> anyhow::Result<Records<Box<dyn Placed>>> {
        let file = open(path).with_context(|| format!("{} cannot be read", path.display()))?;
        Ok(Records::new(file, self.settings.max_body_bytes.saturating_add(HEAD_BYTES)))
    }

    /// A URL of every host that is named, or of every folder where the scope is one of folders: what a new crawl is of.
    /// A URL that the patterns are against is of no use for that.
    async fn one_of_each_place(&mut self, given: &[(PathBuf, Found)], scope: &Scope) -> anyhow::Result<Vec<CrawlUrl>> {
        let mut places: HashMap<String, CrawlUrl> = HashMap::new();
        let mut names_any = false;
        for (path, found) in given {
            let mut urls: Box<dyn Iterator<Item = anyhow::Result<Option<CrawlUrl>>>> = match found {
                Found::Warc => {
                    let file = open(path).with_context(|| format!("{} cannot be read", path.display()))?;
                    Box::new(
                        Records::new(file, 0).map(|record| Ok(url_of(&record.ok().unwrap_or_default(), self.rules))),
                    )
                }
                Found::Sitemap => Box::new(self.names(path)?.urls.into_iter().map(|(_, url)| Ok(Some(url)))),
                Found::List => Box::new(lines(path)?.map(|line| Ok(self.url(path, line)?.ok().map(|(_, url)| url)))),
            };
            let mut read = 0_usize;
            while let Some(url) = urls.next().filter(|_| !self.cancel.is_cancelled()) {
                let url = url?;
                names_any |= url.is_some();
                if let Some(url) = url.filter(|url| scope.named_against(url).is_none()) {
                    places.entry(place_of(&url, self.settings.scope).to_owned()).or_insert(url);
                }
                read += 1;
                if read.is_multiple_of(URLS_AT_ONCE) {
                    // A signal is taken by another task.
                    tokio::task::yield_now().await;
                }
            }
        }
        self.names_any |= names_any;
        let mut urls: Vec<CrawlUrl> = places.into_values().collect();
        urls.sort_unstable();
        Ok(urls)
    }
}

/// What a seed brings into the crawl.
fn place_of(url: &CrawlUrl, scope: ScopeKind) -> &str {
    match (scope, url.path().rfind('/')) {
        (ScopeKind::Prefix, Some(slash)) => &url.as_str()[..=url.origin_str().len() + slash],
        _ => url.host_str(),
    }
}

type Line = io::Result<(u64, Result<String, String>)>;

fn lines(path: &Path) -> anyhow::Result<ListLines<'static>> {
    let name = path.display().to_string();
    let file = open(path).map_err(|error| unreadable(error, &name))?;
    ListLines::begin(file).map_err(|error| unreadable(error, &name))
}
