//! `sqrawl add`, `skip` and `retry`: change the frontier, through the inbox of a crawl that runs, or at once.

use std::path::Path;
use std::time::Duration;

use serde_json::json;

use super::Exit;
use super::args::{AddArgs, RetryArgs, SkipArgs};
use super::config_show::stored_settings;
use super::exit::UsageError;
use super::seeds::{GivenSeed, read_seeds};
use super::sources::Sources;
use super::terminal::{Terminal, shell_word};
use crate::config::units::{counted, show_duration};
use crate::engine::{self, Clock, SystemClock};
use crate::model::{AddedUrl, Applied, Command, CrawlSettings, Outcome, Retry, UrlPattern};
use crate::report::neutralise;
use crate::scope::{Skips, UrlRules, host_name, seed_url, without_credentials};
use crate::store::StoreError;
use crate::store::sqlite::{Inbox, OpenMode, SqliteStore};

/// URLs of one command: a crawl commits its pages between two of them.
const URLS_AT_ONCE: usize = 1_000;
/// How long a verb waits for the crawl that runs, in ms.
const PATIENCE_MS: u64 = 60_000;
/// Between two looks.
const LOOK: Duration = Duration::from_millis(100);
/// What says that a text beginning with http:// or https:// is a pattern and no URL.
const OF_PATTERNS: [char; 5] = ['\\', '^', '$', '*', '|'];

/// `sqrawl add`.
///
/// # Errors
/// What is no URL, a file without a crawl, a database that cannot be used.
pub(super) async fn add(args: AddArgs, sources: &Sources, terminal: &Terminal) -> anyhow::Result<Exit> {
    let settings = settings_of(sources.path()).await?;
    let given = read_seeds(&args.urls, &args.input, &UrlRules::new(&settings))?;
    if given.is_empty() {
        return Err(UsageError("no URL is given; for example: sqrawl add https://example.org/new".to_owned()).into());
    }
    let added = |seed: &GivenSeed| AddedUrl {
        given: seed.given.clone(),
        source: seed.source,
        url: seed.url.as_str().to_owned(),
        grants_origin: seed.grants_origin,
    };
    let commands = given.chunks(URLS_AT_ONCE).map(|some| Command::Add(some.iter().map(added).collect())).collect();
    let what = counted(given.len() as u64, "URL");
    carry_out(Errand { commands, what: format!("add {what}"), waits: !args.no_wait, settings }, sources, terminal).await
}

/// `sqrawl skip`.
///
/// # Errors
/// A pattern that is none, a file without a crawl, a database that cannot be used.
pub(super) async fn skip(args: SkipArgs, sources: &Sources, terminal: &Terminal) -> anyhow::Result<Exit> {
    let settings = settings_of(sources.path()).await?;
    let mut patterns = patterns(&args.patterns, "skip", &settings, sources.path()).await?;
    let what = match args.undo {
        true => format!("no longer skip {}", neutralise(&args.patterns.join(", "))),
        false => format!("skip {}", named(&patterns)),
    };
    if args.undo {
        patterns.extend(otherwise(&args.patterns, &patterns));
    }
    let commands = vec![Command::Skip { patterns, undo: args.undo }];
    carry_out(Errand { commands, what, waits: !args.no_wait, settings }, sources, terminal).await
}

/// `sqrawl retry`.
///
/// # Errors
/// A status, outcome or pattern that is none, a file without a crawl, a database that cannot be used.
pub(super) async fn retry(args: RetryArgs, sources: &Sources, terminal: &Terminal) -> anyhow::Result<Exit> {
    let statuses = args.status.iter().map(|text| status_range(text)).collect::<Result<_, _>>()?;
    for outcome in &args.outcome {
        let known: Vec<&str> = Outcome::ALL.iter().map(|outcome| outcome.as_str()).collect();
        if !known.contains(&outcome.as_str()) {
            return Err(UsageError(format!("--outcome {outcome}: none of {}", known.join(", "))).into());
        }
    }
    let settings = settings_of(sources.path()).await?;
    let patterns = patterns(&args.patterns, "retry", &settings, sources.path()).await?;
    let retry = Retry { statuses, outcomes: args.outcome, patterns };
    let how: Vec<&str> = args.status.iter().chain(&retry.outcomes).map(String::as_str).collect();
    let how = if how.is_empty() { String::new() } else { format!(" after {}", how.join(", ")) };
    let what = match retry.patterns.is_empty() {
        true if how.is_empty() => "retry what failed".to_owned(),
        true => format!("retry what ended{how}"),
        false => format!("retry {}{how}", named(&retry.patterns)),
    };
    let commands = vec![Command::Retry(retry)];
    carry_out(Errand { commands, what, waits: !args.no_wait, settings }, sources, terminal).await
}

async fn settings_of(path: &Path) -> anyhow::Result<CrawlSettings> {
    match stored_settings(path).await? {
        Some(settings) => Ok(settings),
        None => {
            let path = path.display().to_string();
            let db = shell_word(&path);
            Err(UsageError(format!("{db} holds no crawl yet; start one with: sqrawl crawl URL --db {db}")).into())
        }
    }
}

fn named(patterns: &[UrlPattern]) -> String {
    let named: Vec<String> =
        patterns.iter().map(|pattern| format!("{} {}", pattern.kind(), neutralise(pattern.text()))).collect();
    named.join(", ")
}

/// What each text is: a URL where it begins with http:// or https:// and has nothing of a pattern in it, a host where
/// the crawl knows one of that name, else a regular expression.
async fn patterns(
    given: &[String],
    verb: &'static str,
    settings: &CrawlSettings,
    path: &Path,
) -> anyhow::Result<Vec<UrlPattern>> {
    let rules = UrlRules::new(settings);
    let mut patterns = Vec::with_capacity(given.len());
    if given.is_empty() {
        return Ok(patterns);
    }
    let mut inbox = Inbox::open(path).await?;
    for text in given {
        if text.trim().is_empty() {
            let words = format!("{verb}: an empty pattern is every URL; if that is meant, say .*");
            return Err(UsageError(words).into());
        }
        let is_url = ["http://", "https://"].iter().any(|scheme| text.starts_with(scheme));
        let host = host_name(text).unwrap_or_else(|| text.to_ascii_lowercase());
        patterns.push(if is_url && !text.contains(OF_PATTERNS) {
            let seed = seed_url(text, &rules)
                .map_err(|why| UsageError(format!("{:?} is no URL: {why}", without_credentials(text))))?;
            UrlPattern::Url(seed.url.as_str().to_owned())
        } else if inbox.knows_host(&host).await? || (!text.is_ascii() && host.is_ascii()) {
            UrlPattern::Host(host)
        } else if !text.is_ascii() {
            return Err(unmatched(text).into());
        } else {
            UrlPattern::Regex(text.clone())
        });
    }
    inbox.close().await;
    Skips::new(verb, &patterns)?;
    Ok(patterns)
}

/// The other kind of each pattern: what is the name of a host now was a regular expression when the crawl did not know that
/// host, and whoever takes it back does not know.
fn otherwise(given: &[String], patterns: &[UrlPattern]) -> Vec<UrlPattern> {
    let other = |(text, pattern): (&String, &UrlPattern)| match pattern {
        UrlPattern::Host(_) => Some(UrlPattern::Regex(text.clone())),
        UrlPattern::Regex(_) => host_name(text).map(UrlPattern::Host),
        UrlPattern::Url(_) => None,
    };
    given.iter().zip(patterns).filter_map(other).collect()
}

/// Crawled URLs are ASCII.
fn unmatched(text: &str) -> UsageError {
    let words = "matches no URL, because all of them are ASCII: write é as %C3%A9, and the name of a host alone or in ASCII (xn--…)";
    UsageError(format!("{text:?} {words}"))
}

/// `404`, `5xx`, `500-503`.
fn status_range(text: &str) -> Result<(u16, u16), UsageError> {
    let wrong = || UsageError(format!("--status {text}: no status code; for example --status 5xx, 404 or 500-503"));
    let code = |text: &str| text.parse::<u16>().ok().filter(|code| (100..=599).contains(code)).ok_or_else(wrong);
    if let Some(hundreds) = text.strip_suffix("xx") {
        let first = code(&format!("{hundreds}00"))?;
        return Ok((first, first + 99));
    }
    match text.split_once('-') {
        Some((from, to)) => Ok((code(from)?, code(to)?)),
        None => Ok((code(text)?, code(text)?)),
    }
}

/// What is to be done.
struct Errand {
    commands: Vec<Command>,
    /// In words.
    what: String,
    waits: bool,
    settings: CrawlSettings,
}

/// Posts the commands, and sees to it that they are applied: by the crawl that runs, or by this process.
async fn carry_out(errand: Errand, sources: &Sources, terminal: &Terminal) -> anyhow::Result<Exit> {
    let (path, clock) = (sources.path(), SystemClock::default());
    let mut inbox = Inbox::open(path).await?;
    let mut ids = Vec::with_capacity(errand.commands.len());
    for command in &errand.commands {
        ids.push(inbox.post(command, clock.now_ms()).await?);
    }
    inbox.close().await;
    let until_ms = clock.elapsed_ms() + PATIENCE_MS;
    loop {
        // Nothing of this process may have the file open when the store looks at it.
        let here = match SqliteStore::open(path, OpenMode::AsItIs, errand.settings.durable).await {
            Ok(store) => {
                let applied = engine::apply_waiting(&store, clock.now_ms()).await;
                store.close().await?;
                applied?;
                true
            }
            Err(StoreError::InUse { .. }) => false,
            Err(error) => return Err(error.into()),
        };
        if let Some(results) = results(path, &ids).await? {
            return answer(&errand, &results, !here, sources, terminal);
        }
        if !errand.waits {
            terminal.say(format_args!("{}: {}: left for the crawl that runs", path.display(), errand.what));
            if sources.json {
                let all = json!({"database": path, "applied": false, "inbox": ids});
                terminal.data((serde_json::to_string_pretty(&all)? + "\n").as_bytes())?;
            }
            return Ok(Exit::Done);
        }
        if clock.elapsed_ms() > until_ms {
            anyhow::bail!(
                "the crawl that runs has not applied it within {}; it stays in the inbox, and is applied when the crawl \
                 gets to it, or when the next one begins",
                show_duration(PATIENCE_MS)
            );
        }
        tokio::time::sleep(LOOK).await;
    }
}

/// What came of the commands; `None`: one waits.
async fn results(path: &Path, ids: &[i64]) -> anyhow::Result<Option<Vec<Applied>>> {
    let mut inbox = Inbox::open(path).await?;
    let mut results = Vec::with_capacity(ids.len());
    for id in ids {
        match inbox.result(*id).await? {
            Some(result) => results.push(result),
            None => break,
        }
    }
    inbox.close().await;
    Ok((results.len() == ids.len()).then_some(results))
}

fn answer(
    errand: &Errand,
    results: &[Applied],
    by_crawl: bool,
    sources: &Sources,
    terminal: &Terminal,
) -> anyhow::Result<Exit> {
    let sum = |of: fn(&Applied) -> u64| results.iter().map(of).sum::<u64>();
    let (new_urls, queued, excluded) = (sum(|r| r.new_urls), sum(|r| r.queued), sum(|r| r.excluded));
    let refused = results.iter().find_map(|result| result.refused.clone());
    let db = sources.path().display().to_string();
    if sources.json {
        let all = json!({
            "database": sources.path(), "applied": refused.is_none(), "by_running_crawl": by_crawl, "new_urls": new_urls,
            "queued": queued, "excluded": excluded, "patterns": sum(|r| r.patterns), "refused": refused,
        });
        terminal.data((serde_json::to_string_pretty(&all)? + "\n").as_bytes())?;
    }
    if let Some(why) = refused {
        anyhow::bail!("{}: {why}", errand.what);
    }
    if matches!(errand.commands.first(), Some(Command::Skip { undo: true, .. })) && sum(|r| r.patterns) == 0 {
        let list = "sqrawl query 'SELECT kind, pattern FROM skips' lists what is";
        terminal.say(format_args!("{db}: {}: nothing of the kind was skipped; {list}", errand.what));
        return Ok(Exit::Done);
    }
    let by = if by_crawl { "applied by the crawl that runs" } else { "applied" };
    terminal.say(format_args!("{db}: {}: {by}", errand.what));
    let counts = [(new_urls, "new"), (queued, "more to visit"), (excluded, "more excluded")];
    let counts: Vec<String> = counts.iter().map(|(n, what)| format!("{n} {what}")).collect();
    terminal.say(format_args!("  {}", counts.join(", ")));
    if queued == 0 && matches!(errand.commands.first(), Some(Command::Add(_))) && excluded == 0 {
        terminal.say("  all of them are known; sqrawl retry URL visits one again");
    }
    if queued == 0 && matches!(errand.commands.first(), Some(Command::Retry(_))) {
        terminal.say(
            "  what is meant was not visited, waits already or is skipped; sqrawl explain URL says what became of one",
        );
    }
    if !by_crawl && queued > 0 {
        terminal.say(format_args!("go on with: sqrawl resume --db {}", shell_word(&db)));
    }
    Ok(Exit::Done)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn statuses_are_codes_hundreds_and_ranges() {
        let read = |text: &str| status_range(text).ok();
        assert_eq!(read("404"), Some((404, 404)));
        assert_eq!(read("5xx"), Some((500, 599)));
        assert_eq!(read("500-503"), Some((500, 503)));
        for wrong in ["", "xx", "4x", "40", "4444", "500-", "all", "9xx", "600"] {
            assert_eq!(read(wrong), None, "{wrong}");
        }
    }
}
