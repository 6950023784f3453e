//! The first lines of a crawl: what is about to happen, to what, how fast, and where it is kept.

use crate::cli::seeds::GivenSeed;
use crate::config::Change;
use crate::config::units::{about_bytes, about_duration, grouped, show_duration, show_rate};
use crate::model::{CrawlSettings, CrawlUrl, CustomHeader, Host, PatternRule, Proxy, ScopeKind};
use crate::politeness::host_delay;

/// Seeds that are named; the rest are counted.
const NAMED: usize = 3;

/// What the first lines are about.
#[derive(Debug)]
pub(super) struct Opening<'a> {
    /// Settings that apply.
    pub(super) settings: &'a CrawlSettings,
    /// Every seed of the crawl.
    pub(super) seeds: &'a [CrawlUrl],
    /// Seeds of this command.
    pub(super) given: &'a [GivenSeed],
    /// What differs from the stored settings.
    pub(super) changes: &'a [Change],
}

impl Opening<'_> {
    /// One line per subject, with its name in front.
    pub(super) fn lines(&self) -> Vec<String> {
        let settings = self.settings;
        let mut lines = vec![
            subject("seeds", &self.seeds()),
            subject("scope", &self.scope()),
            subject("limits", &limits(settings)),
            subject("pace", &self.pace()),
            subject("agent", &agent(settings)),
        ];
        lines.extend(sent(settings).map(|text| subject("sent", &text)));
        lines.extend(settings.proxy.as_ref().map(|proxy| subject("proxy", &through(proxy))));
        for origin in self.given.iter().filter_map(GivenSeed::grant) {
            lines.push(subject("allowed", &format!("{origin}, because a seed was typed so")));
        }
        if !self.changes.is_empty() {
            let changes: Vec<String> =
                self.changes.iter().map(|c| format!("{} {} → {}", c.name, c.from, c.to)).collect();
            lines.push(subject("changed", &changes.join(", ")));
        }
        lines
    }

    fn seeds(&self) -> String {
        let named: Vec<&str> = self.seeds.iter().take(NAMED).map(CrawlUrl::as_str).collect();
        let more = self.seeds.len().saturating_sub(NAMED);
        let rest = if more > 0 { format!(" and {} more", grouped(more as u64)) } else { String::new() };
        format!("{}{rest}", named.join(" "))
    }

    fn scope(&self) -> String {
        let kind = match self.settings.scope {
            ScopeKind::Host => "the seeds' hosts",
            ScopeKind::Domain => "the seeds' domains",
            ScopeKind::Prefix => "the seeds' folders",
            ScopeKind::Any => "any host",
        };
        let depth = match self.settings.max_depth {
            None => "any depth".to_owned(),
            Some(0) => "the seeds alone".to_owned(),
            Some(1) => "1 link deep".to_owned(),
            Some(depth) => format!("{depth} links deep"),
        };
        let patterns: Vec<String> = self.settings.patterns.iter().map(pattern).collect();
        [kind.to_owned(), depth].into_iter().chain(patterns).collect::<Vec<_>>().join(", ")
    }

    /// The slowest and the fastest seed host say how long this may take.
    fn pace(&self) -> String {
        let settings = self.settings;
        let delay = |host: &Host| host_delay(settings, host, None).0;
        let slowest = self.seeds.iter().map(|url| delay(&url.host())).max();
        let mut parts = Vec::new();
        match slowest {
            None | Some(0) => parts.push(format!("no delay, {} at a time per host", settings.per_host)),
            Some(ms) => {
                let hourly = (3_600_000 / ms).max(1);
                parts.push(format!(
                    "{} between requests to one host: about {} pages an hour from each",
                    show_duration(ms),
                    grouped(hourly)
                ));
                parts.extend(self.long_wait(ms));
            }
        }
        if let Some(rate) = settings.rate_per_second {
            parts.push(format!("at most {} in all", show_rate(rate)));
        }
        parts.push(format!("{} requests in flight in all", grouped(settings.concurrency.into())));
        parts.join("; ")
    }

    /// Says so when the page limit is further than an hour away and one host must give it all.
    fn long_wait(&self, delay_ms: u64) -> Option<String> {
        let hosts: std::collections::BTreeSet<&str> = self.seeds.iter().map(CrawlUrl::host_str).collect();
        let one_host = hosts.len() == 1 && matches!(self.settings.scope, ScopeKind::Host | ScopeKind::Prefix);
        let total_ms = self.settings.max_pages?.saturating_mul(delay_ms);
        let spoken = one_host && total_ms > 3_600_000;
        spoken.then(|| format!("the page limit is {} away at that pace (--delay)", about_duration(total_ms)))
    }
}

fn subject(name: &str, text: &str) -> String {
    format!("  {name:<8} {text}")
}

fn pattern(rule: &PatternRule) -> String {
    match rule {
        PatternRule::Include(regex) => format!("with {regex:?}"),
        PatternRule::Exclude(regex) => format!("without {regex:?}"),
    }
}

fn limits(settings: &CrawlSettings) -> String {
    let mut parts =
        vec![settings.max_pages.map_or_else(|| "any number of pages".to_owned(), |n| format!("{} pages", grouped(n)))];
    if let Some(n) = settings.max_pages_per_host {
        parts.push(format!("{} for a host that is no seed's", grouped(n)));
    }
    if let Some(ms) = settings.max_duration_ms {
        parts.push(show_duration(ms));
    }
    parts.push(format!("{} a body", about_bytes(settings.max_body_bytes)));
    parts.join(", ")
}

/// What goes to the seeds' origins alone.
fn sent(settings: &CrawlSettings) -> Option<String> {
    let headers = settings.headers.iter().filter(|header| matches!(header, CustomHeader::Credential { .. }));
    let mut names: Vec<&str> = headers.map(CustomHeader::name).collect();
    names.extend(settings.basic_auth.as_ref().map(|_| "basic authentication"));
    (!names.is_empty()).then(|| format!("{} to the seeds' origins only; not stored", names.join(", ")))
}

fn through(proxy: &Proxy) -> String {
    format!("{} connects, and decides by itself which addresses; literal private ones are refused here", proxy.url)
}

fn agent(settings: &CrawlSettings) -> String {
    let robots =
        if settings.ignore_robots { "robots.txt is ignored (--ignore-robots)" } else { "robots.txt is obeyed" };
    format!("{}; {robots}", settings.user_agent())
}
