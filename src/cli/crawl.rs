//! `sqrawl crawl` and `sqrawl resume`: look at the file, decide, say what will happen, run one
//! session, say what happened.

use std::collections::HashSet;
use std::path::PathBuf;
use std::sync::Arc;

use serde_json::{Value, json};

use super::Exit;
use super::args::CrawlArgs;
use super::closing::{closing, exit_of_session, next_steps};
use super::cookie_file::CookieFile;
use super::files::{self, CrawlFile};
use super::opening::Opening;
use super::plan::{self, Plan, all_seeds, grants};
use super::rehearsal::OwnProcess;
use super::seeds::{GivenSeed, read_seeds};
use super::session;
use super::sources::Sources;
use super::terminal::Terminal;
use crate::config::units::{counted, grouped};
use crate::config::{CRAWL, changes, secrets_at_hand};
use crate::engine::{self, Clock, Job, Summary, SystemClock};
use crate::fetch::HttpFetcher;
use crate::model::{Admission, CrawlSettings, CrawlUrl, EndedBy, Origin, Seed, Totals};
use crate::scope::UrlRules;
use crate::store::StoredCrawl;
use crate::verdict;

/// `sqrawl crawl`.
///
/// # Errors
/// Wrong usage, or a database or session that failed.
pub(super) async fn crawl(args: CrawlArgs, sources: &Sources, terminal: &Terminal) -> anyhow::Result<Exit> {
    let file = match args.dry_run {
        true => CrawlFile::look_only(sources.path()).await?,
        false => CrawlFile::look(sources.path()).await?,
    };
    let plan = plan_of(&args, file.stored.as_ref(), sources);
    let wish = Wish { dry_run: args.dry_run, recrawl: args.recrawl };
    carry_out(plan, file, wish, sources, terminal).await
}

/// `sqrawl resume`.
///
/// # Errors
/// Wrong usage, or a database or session that failed.
pub(super) async fn resume(recrawl: bool, sources: &Sources, terminal: &Terminal) -> anyhow::Result<Exit> {
    let file = CrawlFile::look(sources.path()).await?;
    let plan = plan::resume(file.stored.as_ref(), sources.path()).map_err(anyhow::Error::from);
    carry_out(plan, file, Wish { dry_run: false, recrawl }, sources, terminal).await
}

/// What is asked for beside the crawl itself.
#[derive(Clone, Copy, Debug)]
struct Wish {
    dry_run: bool,
    recrawl: bool,
}

/// Seeds are spelled as the settings say, of which the file holds some.
fn plan_of(args: &CrawlArgs, stored: Option<&StoredCrawl>, sources: &Sources) -> anyhow::Result<Plan> {
    let settings = settings(stored, sources)?;
    let given = read_seeds(&args.seeds, &args.input, &UrlRules::new(&settings))?;
    Ok(plan::crawl(given, stored, args.add_seeds, sources.path())?)
}

fn settings(stored: Option<&StoredCrawl>, sources: &Sources) -> anyhow::Result<CrawlSettings> {
    Ok(sources.crawl(stored.map(|stored| (&stored.settings, sources.path())))?.settings)
}

async fn carry_out(
    plan: anyhow::Result<Plan>,
    file: CrawlFile,
    wish: Wish,
    sources: &Sources,
    terminal: &Terminal,
) -> anyhow::Result<Exit> {
    let stored = file.stored.as_ref();
    let prepared = plan.and_then(|plan| prepare(plan, stored, wish.recrawl, sources));
    let (work, settings) = match prepared {
        Ok(prepared) => prepared,
        Err(error) => {
            file.close().await?;
            return Err(error);
        }
    };
    match (work, file.stored.as_ref()) {
        (Some(prepared), _) if !wish.dry_run => prepared.run(file, settings, sources, terminal).await,
        (Some(prepared), _) => {
            file.close().await?;
            prepared.print(&settings, sources, terminal)
        }
        (None, stored) => {
            let totals = stored.map(|stored| stored.totals).unwrap_or_default();
            file.close().await?;
            already_complete(totals, &settings, sources, terminal)
        }
    }
}

/// The settings, and the work unless there is none left.
fn prepare(
    plan: Plan,
    stored: Option<&StoredCrawl>,
    recrawl: bool,
    sources: &Sources,
) -> anyhow::Result<(Option<Prepared>, CrawlSettings)> {
    let recrawl = recrawl && stored.is_some_and(StoredCrawl::round_is_over);
    let settings = settings(stored, sources)?;
    let prepared = match plan {
        // Other settings may admit what the complete crawl had left out.
        Plan::Complete
            if recrawl || stored.is_some_and(|stored| verdict::judges_otherwise(&stored.settings, &settings)) =>
        {
            Some(Prepared::new(&settings, Vec::new(), stored, recrawl)?)
        }
        Plan::Complete => None,
        Plan::Session(new) => Some(Prepared::new(&settings, new, stored, recrawl)?),
    };
    Ok((prepared, settings))
}

/// Everything a session needs, checked: nothing was changed yet.
struct Prepared {
    headline: String,
    opening: Vec<String>,
    seeds: Vec<Seed>,
    all: Vec<CrawlUrl>,
    grants: Vec<Origin>,
    recrawl: bool,
    /// The cookie file that the crawl had before.
    stored_cookie_jar: Option<PathBuf>,
}

impl Prepared {
    fn new(
        settings: &CrawlSettings,
        new: Vec<GivenSeed>,
        stored: Option<&StoredCrawl>,
        recrawl: bool,
    ) -> anyhow::Result<Self> {
        let all = all_seeds(stored, &new);
        let scope = plan::scope(settings, &all, stored)?;
        let changes = stored.map(|stored| changes(CRAWL, &stored.settings, settings)).unwrap_or_default();
        let opening = Opening { settings, seeds: &all, given: &new, changes: &changes };
        Ok(Prepared {
            headline: headline(stored, recrawl),
            opening: opening.lines(),
            seeds: new.iter().map(|seed| seed.judged(&scope)).collect(),
            grants: grants(stored, &new),
            stored_cookie_jar: stored.and_then(|stored| stored.settings.cookie_jar.clone()),
            all,
            recrawl,
        })
    }

    /// Seeds that the scope itself refuses, which no one would look for.
    fn refused(&self) -> impl Iterator<Item = String> {
        self.seeds.iter().filter_map(|seed| match &seed.candidate.admission {
            Admission::Queue => None,
            Admission::Exclude(rule) => Some(format!("seed {} is excluded by {}", seed.candidate.url, rule.as_str())),
        })
    }

    async fn run(
        self,
        file: CrawlFile,
        settings: CrawlSettings,
        sources: &Sources,
        terminal: &Terminal,
    ) -> anyhow::Result<Exit> {
        secrets_at_hand(&settings)?;
        let cookies = self.cookie_file(&settings)?;
        let fetcher = HttpFetcher::new(&settings, &self.grants)?;
        self.all.iter().for_each(|seed| fetcher.confide(seed.origin()));
        let fetcher = cookies.iter().fold(fetcher, |fetcher, file| fetcher.with_cookies(file.jar()));
        let (store, stored) = file.open(settings.durable).await?;
        terminal.say(format_args!("{}: {}", sources.path().display(), self.headline));
        self.opening.iter().for_each(|line| terminal.say(line));
        cookies.iter().for_each(|file| terminal.say(file.line()));
        self.refused().for_each(|line| terminal.warn(line));
        let job = Job {
            settings: settings.clone(),
            seeds: self.seeds,
            recrawl: self.recrawl,
            stored,
            rehearsal: Some(Arc::new(OwnProcess)),
            parse_threads: engine::cores(),
        };
        let ended = session::run(Arc::clone(&store), fetcher, job, sources, terminal).await;
        files::close(store).await;
        cookies.iter().for_each(|file| file.write_back(terminal));
        let summary = ended?;
        report(&summary, &next_steps(&summary, &settings, sources.path()), sources, terminal)
    }

    fn cookie_file(&self, settings: &CrawlSettings) -> anyhow::Result<Option<CookieFile>> {
        let Some(path) = settings.cookie_jar.as_deref() else { return Ok(None) };
        let had_it = self.stored_cookie_jar.as_deref() == Some(path);
        CookieFile::open(path, had_it, SystemClock::default().now_ms()).map(Some)
    }

    fn print(&self, settings: &CrawlSettings, sources: &Sources, terminal: &Terminal) -> anyhow::Result<Exit> {
        let text = if sources.json {
            let seed = |seed: &Seed| {
                let excluded_by = match &seed.candidate.admission {
                    Admission::Queue => Value::Null,
                    Admission::Exclude(rule) => json!(rule.as_str()),
                };
                json!({ "url": seed.candidate.url.as_str(), "given": seed.given, "excluded_by": excluded_by })
            };
            let seeds: Vec<Value> = self.seeds.iter().map(seed).collect();
            let stored: Vec<&str> = self.all.iter().map(CrawlUrl::as_str).collect();
            let all = json!({
                "database": sources.path(), "new_seeds": seeds, "seeds": stored, "settings": settings
            });
            serde_json::to_string_pretty(&all)? + "\n"
        } else {
            let path = sources.path();
            let kept = match path.exists() {
                true => format!("the crawl in {} stays as it is", path.display()),
                false => format!("{} is not made", path.display()),
            };
            let mut lines = vec![format!("dry run: nothing is fetched, and {kept}")];
            lines.extend(self.opening.iter().cloned());
            lines.extend(self.refused().map(|line| format!("  but      {line}")));
            let asked = match settings.ignore_robots {
                true => "nobody is asked for robots.txt".to_owned(),
                false => {
                    format!("robots.txt of {} is asked first, and decides what may be fetched", origins_of(&self.all))
                }
            };
            lines.push(format!("  robots   {asked}"));
            lines.join("\n") + "\n"
        };
        terminal.data(text.as_bytes())?;
        Ok(Exit::Done)
    }
}

/// Most origins that are named.
const NAMED_ORIGINS: usize = 5;

/// The origins, each once.
fn origins_of(urls: &[CrawlUrl]) -> String {
    let mut seen = HashSet::new();
    let origins: Vec<String> =
        urls.iter().map(|url| url.origin().to_string()).filter(|origin| seen.insert(origin.clone())).collect();
    let more = origins.len().saturating_sub(NAMED_ORIGINS);
    let more = if more > 0 { format!(" and {} more", grouped(more as u64)) } else { String::new() };
    origins.into_iter().take(NAMED_ORIGINS).collect::<Vec<_>>().join(", ") + &more
}

fn headline(stored: Option<&StoredCrawl>, recrawl: bool) -> String {
    let Some(stored) = stored.filter(|stored| !stored.seeds.is_empty()) else { return "a new crawl".to_owned() };
    let ended = match stored.last_ended_by.as_deref() {
        Some("complete") => "was complete",
        Some("limit") => "stopped at a limit",
        Some("signal") => "was stopped",
        Some("import") => "took in files last",
        Some(_) => "ended with an error",
        None => "did not come to its end",
    };
    let totals = &stored.totals;
    if recrawl {
        let known = counted(totals.done + totals.failed + totals.open(), "URL");
        return format!("a new round: {known} to visit again; what has not changed is not transferred again");
    }
    let (pages, open) = (counted(totals.pages, "page"), counted(totals.open(), "URL"));
    format!("going on with a crawl that {ended}: {pages}, {open} still to do")
}

fn already_complete(
    totals: Totals,
    settings: &CrawlSettings,
    sources: &Sources,
    terminal: &Terminal,
) -> anyhow::Result<Exit> {
    let summary = Summary {
        ended_by: EndedBy::Complete,
        limit: None,
        totals,
        outcomes: Vec::new(),
        wire_bytes: 0,
        elapsed_ms: 0,
        commits: 0,
        peak_body_bytes: 0,
        seed_error: None,
    };
    terminal.say(format_args!("{}: nothing is left to do", sources.path().display()));
    report(&summary, &next_steps(&summary, settings, sources.path()), sources, terminal)
}

/// The last lines, and the summary as JSON where that is asked for.
pub(super) fn report(
    summary: &Summary,
    next: &[String],
    sources: &Sources,
    terminal: &Terminal,
) -> anyhow::Result<Exit> {
    for line in closing(summary).iter().chain(next) {
        terminal.say(line);
    }
    let exit = exit_of_session(summary);
    if exit == Exit::NoSeed && sources.run.settings.quiet {
        terminal.error(&closing(summary)[0]);
    }
    if sources.json {
        let text = serde_json::to_string_pretty(&summary_json(summary, sources)?)? + "\n";
        return Ok(terminal.verdict(text.as_bytes(), exit)?);
    }
    Ok(exit)
}

fn summary_json(summary: &Summary, sources: &Sources) -> anyhow::Result<Value> {
    let mut value = serde_json::to_value(summary)?;
    let outcomes = summary.outcomes.iter().map(|(outcome, n)| (outcome.as_str().to_owned(), json!(n)));
    value["outcomes"] = Value::Object(outcomes.collect());
    value["limit_flag"] = json!(summary.limit.map(crate::engine::Limit::flag));
    value["database"] = json!(sources.path());
    Ok(value)
}
