//! `sqrawl crawl` and `sqrawl resume`: look at the file, decide, say what will happen, run one
//! session, say what happened.

use std::sync::Arc;

use serde_json::{Value, json};

use super::Exit;
use super::args::CrawlArgs;
use super::closing::{closing, exit_of_session, next_steps};
use super::files;
use super::opening::Opening;
use super::plan::{self, Plan, all_seeds, grants, widened};
use super::seeds::{GivenSeed, read_seeds};
use super::session;
use super::sources::Sources;
use super::terminal::Terminal;
use crate::config::{CRAWL, Change, changes};
use crate::engine::{Job, Summary};
use crate::fetch::HttpFetcher;
use crate::model::{Admission, CrawlSettings, CrawlUrl, EndedBy, Seed};
use crate::scope::Scope;
use crate::store::StoredCrawl;

/// `sqrawl crawl`.
///
/// # Errors
/// Wrong usage, or a database or session that failed.
pub(super) async fn crawl(args: CrawlArgs, sources: &Sources, terminal: &Terminal) -> anyhow::Result<Exit> {
    let given = read_seeds(&args.seeds, &args.input)?;
    let stored = files::stored_crawl(sources.path()).await?;
    let plan = plan::crawl(given, stored.as_ref(), args.add_seeds, sources.path())?;
    carry_out(plan, stored, args.dry_run, sources, terminal).await
}

/// `sqrawl resume`.
///
/// # Errors
/// Wrong usage, or a database or session that failed.
pub(super) async fn resume(sources: &Sources, terminal: &Terminal) -> anyhow::Result<Exit> {
    let stored = files::stored_crawl(sources.path()).await?;
    let plan = plan::resume(stored.as_ref(), sources.path())?;
    carry_out(plan, stored, false, sources, terminal).await
}

async fn carry_out(
    plan: Plan,
    stored: Option<StoredCrawl>,
    dry_run: bool,
    sources: &Sources,
    terminal: &Terminal,
) -> anyhow::Result<Exit> {
    let known = stored.as_ref().map(|stored| (&stored.settings, sources.path()));
    let settings = sources.crawl(known)?.settings;
    let new = match (plan, stored.as_ref()) {
        (Plan::Session(new), _) => new,
        (Plan::Complete, Some(stored)) if !dry_run => return already_complete(stored, &settings, sources, terminal),
        (Plan::Complete, _) => Vec::new(),
    };
    let prepared = Prepared::new(settings, new, stored)?;
    if dry_run {
        return prepared.print(sources, terminal);
    }
    prepared.run(sources, terminal).await
}

/// Everything a session needs, checked: nothing was touched yet.
struct Prepared {
    settings: CrawlSettings,
    new: Vec<GivenSeed>,
    seeds: Vec<Seed>,
    all: Vec<CrawlUrl>,
    changes: Vec<Change>,
    stored: Option<StoredCrawl>,
}

impl Prepared {
    fn new(settings: CrawlSettings, new: Vec<GivenSeed>, stored: Option<StoredCrawl>) -> anyhow::Result<Self> {
        let all = all_seeds(stored.as_ref(), &new);
        let scope = Scope::new(&settings, &all, &widened(stored.as_ref()))?;
        let seeds = new.iter().map(|seed| seed.judged(&scope)).collect();
        let changes = stored.as_ref().map(|stored| changes(CRAWL, &stored.settings, &settings)).unwrap_or_default();
        Ok(Prepared { settings, new, seeds, all, changes, stored })
    }

    fn opening(&self) -> Vec<String> {
        let (settings, seeds, given, changes) = (&self.settings, &self.all[..], &self.new[..], &self.changes[..]);
        Opening { settings, seeds, given, changes }.lines()
    }

    /// Seeds that the scope itself refuses, which no one would look for.
    fn refused(&self) -> impl Iterator<Item = String> {
        self.seeds.iter().filter_map(|seed| match &seed.candidate.admission {
            Admission::Queue => None,
            Admission::Exclude(rule) => Some(format!("seed {} is excluded by {}", seed.candidate.url, rule.as_str())),
        })
    }

    fn headline(&self, sources: &Sources) -> String {
        let file = sources.path().display();
        let Some(stored) = self.stored.as_ref().filter(|stored| !stored.seeds.is_empty()) else {
            return format!("sqrawl {}: a new crawl into {file}", env!("CARGO_PKG_VERSION"));
        };
        let ended = match stored.last_ended_by.as_deref() {
            Some("complete") => "was complete",
            Some("limit") => "stopped at a limit",
            Some("signal") => "was stopped",
            Some(_) => "ended with an error",
            None => "did not come to its end",
        };
        let totals = &stored.totals;
        format!(
            "sqrawl {}: going on with the crawl in {file}, which {ended}: {} pages, {} URLs still to do",
            env!("CARGO_PKG_VERSION"),
            totals.pages,
            totals.open()
        )
    }

    async fn run(self, sources: &Sources, terminal: &Terminal) -> anyhow::Result<Exit> {
        let origins = grants(self.stored.as_ref(), &self.new);
        let fetcher = HttpFetcher::new(&self.settings, &origins)?;
        let (store, stored) = files::open(sources.path(), self.settings.durable).await?;
        terminal.say(self.headline(sources));
        self.opening().into_iter().for_each(|line| terminal.say(line));
        self.refused().for_each(|line| terminal.warn(line));
        let settings = self.settings.clone();
        let job = Job { settings: self.settings, seeds: self.seeds, stored };
        let store = Arc::new(store);
        let ended = session::run(Arc::clone(&store), fetcher, job, sources, terminal).await;
        files::close(store).await;
        let summary = ended?;
        report(&summary, &next_steps(&summary, &settings, sources.path()), sources, terminal)
    }

    fn print(&self, sources: &Sources, terminal: &Terminal) -> anyhow::Result<Exit> {
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
                "database": sources.path(), "new_seeds": seeds, "seeds": stored, "settings": self.settings
            });
            serde_json::to_string_pretty(&all)? + "\n"
        } else {
            let mut lines = vec![format!("dry run: {} is not touched, nothing is fetched", sources.path().display())];
            lines.extend(self.opening());
            lines.extend(self.refused().map(|line| format!("  but      {line}")));
            let mut origins: Vec<String> = self.all.iter().map(|url| url.origin().to_string()).collect();
            origins.dedup();
            let asked = match self.settings.ignore_robots {
                true => "nobody is asked for robots.txt".to_owned(),
                false => format!("{}/robots.txt is asked first, and decides what may be fetched", origins.join(", ")),
            };
            lines.push(format!("  robots   {asked}"));
            lines.join("\n") + "\n"
        };
        terminal.data(text.as_bytes())?;
        Ok(Exit::Done)
    }
}

fn already_complete(
    stored: &StoredCrawl,
    settings: &CrawlSettings,
    sources: &Sources,
    terminal: &Terminal,
) -> anyhow::Result<Exit> {
    let summary = Summary {
        ended_by: EndedBy::Complete,
        limit: None,
        totals: stored.totals,
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
        terminal.data((serde_json::to_string_pretty(&summary_json(summary, sources)?)? + "\n").as_bytes())?;
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
