//! Why a URL is crawled, or is not: [`explain`] makes an [`Explanation`] of what is stored.
//!
//! Nothing is decided here. Every word comes from the functions that the crawl itself asks (scope, politeness, verdict), put to the
//! stored settings, seeds, robots.txt and host; for a URL that nobody has named, it is what would happen.
//!
//! `due` says when it is visited next; `word` has the structs of the parts.

mod due;
mod word;

pub use word::{Due, Explanation, FirstNamed, HostWord, LastWords, LimitWord, RobotsWord, ScopeWord, StateWord};

use crate::model::{
    Admission, CrawlSettings, CrawlUrl, Host, Pace, PatternRule, RobotsRecord, RobotsVerdict, Rule, ScopeKind, UnixMs,
};
use crate::politeness::{self, RobotsFile};
use crate::scope::{NamedBy, PatternError, Scope, Spelling};
use crate::store::StoredSeed;
use crate::store::sqlite::read::{CrawlRecord, HostRecord, KnownUrl, UrlRecords};
use crate::verdict::{self, NamedBefore};

/// How far from a seed a URL is taken to be that nobody has named: a page that a seed links to.
const ASSUMED_DEPTH: u32 = 1;

/// Explains a URL at `now`. `given` is what was typed, without credentials.
///
/// # Errors
/// [`PatternError`]: a stored pattern is none.
pub fn explain(
    given: &str,
    spelling: &Spelling,
    records: &UrlRecords,
    now: UnixMs,
) -> Result<Explanation, PatternError> {
    let url = &records.url;
    let default = CrawlSettings::default();
    let settings = records.crawl.as_ref().map_or(&default, |crawl| &crawl.settings);
    let known = records.known.as_ref();
    let scope = records.crawl.as_ref().map(|crawl| scope_word(crawl, url, known, now)).transpose()?;
    let robots = robots_word(settings, url, &records.robots, now);
    let host = records.host.as_ref().map(|host| host_word(settings, host, &records.robots, now));
    let limits = records.crawl.as_ref().map_or_else(Vec::new, |crawl| limits_reached(crawl, records.host.as_ref()));
    let due = due::due(records, scope.as_ref(), &robots, &limits, now);
    Ok(Explanation {
        given: given.to_owned(),
        url: url.as_str().to_owned(),
        at_ms: now,
        canonical: spelling.seed.url.as_str().to_owned(),
        spelling: spelling.steps.clone(),
        is_known: known.is_some(),
        first_named: known.map(first_named),
        state: known.map(|known| state_word(known, settings)),
        scope,
        robots,
        host,
        limits_reached: limits,
        attempt_count: known.map_or(0, |known| known.attempt_count),
        attempts: known.map_or_else(Vec::new, |known| known.attempts.clone()),
        due,
        redirects: known.map_or_else(Vec::new, |known| known.redirects.clone()),
        last_words: known.and_then(last_words),
        near: records.near.clone(),
    })
}

fn first_named(known: &KnownUrl) -> FirstNamed {
    let row = &known.row;
    let is_imported = matches!(row.seed_source.as_deref(), Some("import" | "archive"));
    let by = match (&row.via, row.link_kind.as_deref()) {
        (None, _) if row.seed.is_some() && !is_imported => "seed",
        (None, _) if row.is_sitemap && !is_imported => "robots",
        (None, _) => "import",
        (Some(_), Some("sitemap")) => "sitemap",
        (Some(_), Some(_)) => "link",
        (Some(_), None) if row.via_redirects => "redirect",
        (Some(_), None) => "former_link",
    };
    FirstNamed {
        by,
        at_ms: row.discovered_ms,
        page: row.via.clone(),
        kind: row.link_kind.clone(),
        anchor: row.anchor.clone(),
        nofollow: row.link_nofollow.unwrap_or(false),
        seed: row.seed.clone(),
        seed_source: row.seed_source.clone(),
    }
}

fn state_word(known: &KnownUrl, settings: &CrawlSettings) -> StateWord {
    let row = &known.row;
    StateWord {
        state: row.state.clone(),
        rule: row.rule.clone(),
        depth: row.depth,
        click_depth: row.click_depth,
        ranked_ms: row.ranked_ms,
        max_depth: settings.max_depth,
        hops: row.hops,
        max_redirects: settings.max_redirects,
        failed_tries: row.attempts,
        most_tries: settings.tries,
        priority: row.priority,
        seen_round: row.seen_round,
        ahead: row.ahead,
    }
}

fn scope_word(
    crawl: &CrawlRecord,
    url: &CrawlUrl,
    known: Option<&KnownUrl>,
    now: UnixMs,
) -> Result<ScopeWord, PatternError> {
    let settings = &crawl.settings;
    let seeds: Vec<CrawlUrl> = crawl.seeds.iter().filter_map(StoredSeed::place).collect();
    let widened: Vec<Host> = crawl.seeds.iter().flat_map(|seed| seed.widened_to.clone()).collect();
    let scope = Scope::new(settings, &seeds, &widened)?.skipping(&crawl.skips)?;
    let named = |depth, seed| NamedBy { depth, hops: 0, followed: true, nofollow: false, seed, trap: None, now };
    let (admission, assumed) = match known {
        None => (scope.judge(url, named(ASSUMED_DEPTH, false)), true),
        Some(known) => {
            let row = &known.row;
            let rule = row.rule.as_deref().map(|name| Rule(name.to_owned().into()));
            let before = NamedBefore {
                url,
                depth: row.depth,
                hops: row.hops,
                is_seed: row.seed_grants_scope == Some(true),
                is_given: row.seed_grants_scope == Some(false),
                is_sitemap: row.is_sitemap,
                rule: rule.as_ref(),
            };
            let stays = || rule.clone().map_or(Admission::Queue, Admission::Exclude);
            (verdict::judge_again(settings, &scope, &before, now).unwrap_or_else(stays), false)
        }
    };
    let rule = match &admission {
        Admission::Queue => None,
        Admission::Exclude(rule) => Some(rule),
    };
    let pattern = scope.deciding_pattern(url);
    // Whoever types a URL asks for it by name, but neither robots.txt nor the address guard is asked less.
    let refused = rule.is_some_and(|rule| [Rule::ROBOTS, Rule::ADDRESS].contains(rule));
    let as_seed = !refused && scope.judge(url, named(0, true)) == Admission::Queue;
    Ok(ScopeWord {
        accepted: rule.is_none(),
        rule: rule.map(|rule| rule.as_str().to_owned()),
        reason: reason(rule, settings, &seeds, pattern.as_ref()),
        pattern: pattern.map(|pattern| match pattern {
            PatternRule::Include(text) => format!("--include {text}"),
            PatternRule::Exclude(text) => format!("--exclude {text}"),
        }),
        assumed_depth: assumed.then_some(ASSUMED_DEPTH),
        accepted_as_seed: as_seed,
    })
}

/// What a rule says, with the setting behind it.
fn reason(rule: Option<&Rule>, settings: &CrawlSettings, seeds: &[CrawlUrl], pattern: Option<&PatternRule>) -> String {
    let near = match settings.scope {
        ScopeKind::Host => "the seeds' hosts",
        ScopeKind::Domain => "the seeds' domains",
        ScopeKind::Prefix => "the seeds' folders",
        ScopeKind::Any => "any host",
    };
    let Some(rule) = rule else {
        return match pattern {
            Some(PatternRule::Include(text)) => format!("it belongs to {near}, and --include {text} matches"),
            _ => format!("it belongs to {near}, and no rule objects"),
        };
    };
    match rule.as_str() {
        "scope" => {
            let first: Vec<&str> = seeds.iter().map(CrawlUrl::as_str).take(3).collect();
            let more = if seeds.len() > first.len() { " …" } else { "" };
            format!("--scope has {near}, which it does not belong to: {}{more}", first.join(" "))
        }
        "not_included" => "none of the --include patterns matches".to_owned(),
        "max_depth" => match settings.max_depth {
            Some(most) => format!("it is more than --max-depth {most} links from a seed"),
            None => "it was further than --max-depth from a seed".to_owned(),
        },
        "max_redirects" => format!("more than --max-redirects {} redirects in a row led to it", settings.max_redirects),
        "not_followed_kind" => "only kinds of links name it that are not followed (--follow)".to_owned(),
        "nofollow" => "only links marked nofollow name it".to_owned(),
        "robots" => "robots.txt forbids it".to_owned(),
        "address" => "its host has an address that is not public (--allow-net)".to_owned(),
        "skip" => "sqrawl skip left it out; sqrawl skip --undo takes that back".to_owned(),
        "sitemap_steps" => "too many indexes or redirects lead to this sitemap".to_owned(),
        other => match (other.strip_prefix("exclude:"), other.strip_prefix("trap:")) {
            (Some(pattern), _) => format!("--exclude {pattern} matches"),
            (_, Some(trap)) => format!("it looks like a trap of the kind {trap} (--traps)"),
            _ => other.to_owned(),
        },
    }
}

/// `records` begins with the record of the URL's origin, where there is one.
fn robots_word(settings: &CrawlSettings, url: &CrawlUrl, records: &[RobotsRecord], now: UnixMs) -> RobotsWord {
    let origin = url.origin();
    let record = records.first().filter(|record| record.origin == origin);
    let check = record.and_then(|record| politeness::robots_verdict(record, url, &settings.product_token()));
    let line = check.as_ref().and_then(|check| check.line.clone());
    let refuses = record.is_some_and(|record| record.verdict == RobotsVerdict::DisallowAll);
    RobotsWord {
        origin: origin.to_string(),
        agent: settings.product_token(),
        is_ignored: settings.ignore_robots,
        verdict: record.map(|record| record.verdict.as_str()),
        allowed: check.map(|check| check.allowed).or(refuses.then_some(false)),
        line: line.as_ref().map(|(number, _)| *number),
        text: line.map(|(_, text)| text),
        status: record.and_then(|record| record.status),
        fetched_ms: record.map(|record| record.fetched_ms),
        age_ms: record.map(|record| now.saturating_sub(record.fetched_ms)),
        expires_ms: record.map(|record| record.expires_ms),
        is_fresh: record.is_some_and(|record| politeness::robots_holds(record, now)),
        error: record.and_then(|record| record.error.clone()),
    }
}

fn host_word(settings: &CrawlSettings, host: &HostRecord, robots: &[RobotsRecord], now: UnixMs) -> HostWord {
    let token = settings.product_token();
    let crawl_delay_ms = robots
        .iter()
        .filter(|record| record.verdict == RobotsVerdict::Rules)
        .filter_map(|record| RobotsFile::parse(record.body.as_deref()?).rules_for(&token).crawl_delay_ms())
        .max();
    let pace = Pace { response_ms: host.response_ms, strain: host.strain };
    let (delay_ms, by) = politeness::pace::paced_delay(settings, &Host::new(&host.name), crawl_delay_ms, pace);
    let paused = host.polite_ms > now && host.pause_by.is_some();
    HostWord {
        is_leased: host.lease_session.is_some(),
        delay_ms,
        delay_by: by.as_str(),
        crawl_delay_ms,
        delay_setting_ms: settings.delay_ms,
        paused_until_ms: paused.then_some(host.polite_ms),
        host: host.clone(),
    }
}

fn limits_reached(crawl: &CrawlRecord, host: Option<&HostRecord>) -> Vec<LimitWord> {
    let settings = &crawl.settings;
    let of_host = host.and_then(|host| Some((u64::try_from(host.page_limit?).ok()?, u64::try_from(host.pages).ok()?)));
    let all = [
        ("--max-pages", settings.max_pages.map(|limit| (limit, crawl.round_pages))),
        ("--max-pages-per-host", of_host),
        ("--max-duration", settings.max_duration_ms.map(|limit| (limit, crawl.spent_ms))),
    ];
    let reached =
        all.into_iter().filter_map(|(flag, numbers)| numbers.map(|(limit, now)| LimitWord { flag, limit, now }));
    reached.filter(|word| word.now >= word.limit).collect()
}

fn last_words(known: &KnownUrl) -> Option<LastWords> {
    let row = &known.row;
    let crashed = known.attempts.iter().find(|attempt| attempt.outcome == "crashed");
    (row.deaths.is_some() || row.held || crashed.is_some()).then(|| LastWords {
        is_held: row.held,
        deaths: row.deaths.and_then(|n| u64::try_from(n).ok()).unwrap_or(0),
        session: row.died_in_session,
        words: crashed.and_then(|attempt| attempt.error.clone()),
    })
}
