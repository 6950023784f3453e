//! [`Scope`]: the ordered list of named rules, with [`NamedBy`] and [`PatternError`].

use std::collections::HashSet;

use regex::{Regex, RegexBuilder};

use super::domain::registrable;
use super::skips::Skips;
use super::trap::Traps;
use super::url_rules::UrlRules;
use crate::model::{Admission, CrawlSettings, CrawlUrl, Host, PatternRule, Rule, ScopeKind, Trap, UnixMs, UrlPattern};

/// The path by which a URL was named.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NamedBy {
    /// Links from a seed.
    pub depth: u32,
    /// Redirects in a row.
    pub hops: u32,
    /// Whether this kind of link is followed.
    pub followed: bool,
    /// Whether the link, or its page, says nofollow (and that is obeyed).
    pub nofollow: bool,
    /// Whether the operator typed it.
    pub seed: bool,
    /// The trap that the page which names it is caught in: one of those that only a page can show.
    pub trap: Option<Trap>,
    /// When it was named.
    pub now: UnixMs,
}

/// A pattern that is no regular expression, or too large a one.
#[derive(Debug, thiserror::Error)]
#[error("{flag} {pattern:?} is not a usable regular expression: {detail}")]
pub struct PatternError {
    /// `--include`, `--exclude`, `skip` or `retry`.
    pub flag: &'static str,
    /// As typed.
    pub pattern: String,
    /// What is wrong, on one line.
    pub detail: String,
}

/// The scope of a crawl: an ordered list of named rules, of which the first that objects names
/// the rejection: `not_followed_kind`, `nofollow`, `scope`, the patterns (`exclude:…`,
/// `not_included`), `max_depth`, `max_redirects`, the traps (`trap:…`), what the operator skips. A seed passes
/// all of them but the exclude patterns and the last: it was asked for by name.
#[derive(Clone, Debug)]
pub struct Scope {
    reach: Reach,
    patterns: Patterns,
    max_depth: Option<u32>,
    max_redirects: u32,
    traps: Traps,
    skips: Skips,
    url_rules: UrlRules,
}

impl Scope {
    /// Builds the scope from the settings, the crawl's seeds and the hosts that redirects of
    /// seeds brought in.
    ///
    /// # Errors
    /// [`PatternError`] names the pattern.
    pub fn new(settings: &CrawlSettings, seeds: &[CrawlUrl], widened: &[Host]) -> Result<Self, PatternError> {
        let mut reach = Reach::new(settings.scope, seeds);
        for host in widened {
            reach.widen(host.as_str());
        }
        Ok(Scope {
            reach,
            patterns: Patterns::new(&settings.patterns)?,
            max_depth: settings.max_depth,
            max_redirects: settings.max_redirects,
            traps: Traps::new(&settings.traps),
            skips: Skips::default(),
            url_rules: UrlRules::new(settings),
        })
    }

    /// How references become URLs in this crawl.
    pub fn url_rules(&self) -> &UrlRules {
        &self.url_rules
    }

    /// Whether this trap is looked for.
    pub fn looks_for(&self, trap: Trap) -> bool {
        self.traps.has(trap)
    }

    /// Brings another host into scope. It counts like a seed's host: with `domain` its registrable
    /// domain comes with it, with `prefix` the directories of all seeds do, on this host, over
    /// either scheme and any port.
    pub fn widen(&mut self, host: Host) {
        self.reach.widen(host.as_str());
    }

    /// Takes in one more seed. What lies near it is in scope from now on; whether it was not before.
    pub fn take_seed(&mut self, seed: &CrawlUrl) -> bool {
        let new = !self.reach.contains(seed);
        self.reach.take_seed(seed);
        new
    }

    /// What the operator skips.
    pub fn skips(&self) -> &Skips {
        &self.skips
    }

    /// The same scope without what these patterns name.
    ///
    /// # Errors
    /// [`PatternError`] names the pattern that is no regular expression.
    pub fn skipping(self, patterns: &[UrlPattern]) -> Result<Self, PatternError> {
        Ok(Scope { skips: Skips::new("skip", patterns)?, ..self })
    }

    /// Skips these from now on, and nothing else.
    pub fn set_skips(&mut self, skips: Skips) {
        self.skips = skips;
    }

    /// Whether something on the origin of this URL may belong to the crawl, patterns aside.
    pub fn reaches(&self, root: &CrawlUrl) -> bool {
        match &self.reach {
            Reach::Prefix { places, widened, .. } => {
                let origin = root.origin_str();
                let lies_there = |place: &String| place.strip_prefix(origin).is_some_and(|path| path.starts_with('/'));
                widened.contains(root.host_str()) || places.0.iter().any(lies_there)
            }
            reach => reach.contains(root),
        }
    }

    /// Accepts a URL, or names the rule that rejects it. Allocates little when it accepts:
    /// for punycode names with `domain`, and for queries of many parameters.
    pub fn judge(&self, url: &CrawlUrl, by: NamedBy) -> Admission {
        let rejected = if by.seed { self.patterns.exclude(url) } else { self.reject(url, by) };
        let rejected = rejected.or_else(|| self.skips.contain(url).then_some(Rule::SKIP));
        rejected.map_or(Admission::Queue, Admission::Exclude)
    }

    /// Judges a URL of a list that the operator gives to a crawl that there is: it widens no scope as a seed does, and no
    /// trap keeps it away.
    pub fn judge_given(&self, url: &CrawlUrl) -> Admission {
        let rejected = (!self.reach.contains(url)).then_some(Rule::SCOPE).or_else(|| self.named_against(url));
        rejected.map_or(Admission::Queue, Admission::Exclude)
    }

    /// The rule of a pattern, or of what the operator skips, that such a URL is refused by wherever it lies.
    pub fn named_against(&self, url: &CrawlUrl) -> Option<Rule> {
        self.patterns.reject(url).or_else(|| self.skips.contain(url).then_some(Rule::SKIP))
    }

    /// The pattern that decides about this URL, where one does.
    pub fn deciding_pattern(&self, url: &CrawlUrl) -> Option<PatternRule> {
        self.patterns.first_match(url).map(|pattern| match pattern.rejects {
            Some(_) => PatternRule::Exclude(pattern.regex.as_str().to_owned()),
            None => PatternRule::Include(pattern.regex.as_str().to_owned()),
        })
    }

    fn reject(&self, url: &CrawlUrl, by: NamedBy) -> Option<Rule> {
        let named = |rejects: bool, rule: Rule| rejects.then_some(rule);
        named(!by.followed, Rule::KIND)
            .or_else(|| named(by.nofollow, Rule::NOFOLLOW))
            .or_else(|| named(!self.reach.contains(url), Rule::SCOPE))
            .or_else(|| self.patterns.reject(url))
            .or_else(|| named(self.max_depth.is_some_and(|most| by.depth > most), Rule::DEPTH))
            .or_else(|| named(by.hops > self.max_redirects, Rule::REDIRECTS))
            .or_else(|| self.traps.find(url, by.trap, by.hops > 0, by.now).map(Trap::rule))
    }
}

/// What lies near enough to the seeds.
#[derive(Clone, Debug)]
enum Reach {
    Host(HashSet<String>),
    /// Hosts are kept beside domains for those that have no registrable domain.
    Domain {
        hosts: HashSet<String>,
        domains: HashSet<String>,
    },
    Prefix {
        /// Origin and directory of every seed, as text.
        places: PrefixSet,
        /// Directory of every seed, which counts on widened hosts.
        directories: PrefixSet,
        widened: HashSet<String>,
    },
    Any,
}

impl Reach {
    fn new(kind: ScopeKind, seeds: &[CrawlUrl]) -> Self {
        let hosts = || seeds.iter().map(|seed| seed.host_str().to_owned()).collect();
        match kind {
            ScopeKind::Host => Reach::Host(hosts()),
            ScopeKind::Domain => Reach::Domain {
                hosts: hosts(),
                domains: seeds.iter().filter_map(|seed| registrable(seed.host_str())).map(str::to_owned).collect(),
            },
            ScopeKind::Prefix => Reach::Prefix {
                places: PrefixSet::new(seeds.iter().map(|seed| place_of(seed).to_owned())),
                directories: PrefixSet::new(seeds.iter().map(|seed| directory_of(seed).to_owned())),
                widened: HashSet::new(),
            },
            ScopeKind::Any => Reach::Any,
        }
    }

    fn take_seed(&mut self, seed: &CrawlUrl) {
        match self {
            Reach::Prefix { places, directories, .. } => {
                places.add(place_of(seed).to_owned());
                directories.add(directory_of(seed).to_owned());
            }
            other => other.widen(seed.host_str()),
        }
    }

    fn widen(&mut self, host: &str) {
        match self {
            Reach::Host(hosts) | Reach::Prefix { widened: hosts, .. } => {
                hosts.insert(host.to_owned());
            }
            Reach::Domain { hosts, domains } => {
                hosts.insert(host.to_owned());
                domains.extend(registrable(host).map(str::to_owned));
            }
            Reach::Any => {}
        }
    }

    fn contains(&self, url: &CrawlUrl) -> bool {
        let host = url.host_str();
        match self {
            Reach::Host(hosts) => hosts.contains(host),
            Reach::Domain { hosts, domains } => {
                hosts.contains(host) || registrable(host).is_some_and(|domain| domains.contains(domain))
            }
            Reach::Prefix { places, directories, widened } => {
                places.start(url.as_str()) || (widened.contains(host) && directories.start(url.path()))
            }
            Reach::Any => true,
        }
    }
}

/// The path up to its last `/`.
fn directory_of(url: &CrawlUrl) -> &str {
    let path = url.path();
    path.rfind('/').map_or("/", |slash| &path[..=slash])
}

/// The URL up to the last `/` of its path.
fn place_of(url: &CrawlUrl) -> &str {
    &url.as_str()[..url.origin_str().len() + directory_of(url).len()]
}

/// Sorted texts, none of which starts with another.
#[derive(Clone, Debug)]
struct PrefixSet(Vec<String>);

impl PrefixSet {
    fn new(prefixes: impl Iterator<Item = String>) -> Self {
        let mut sorted: Vec<String> = prefixes.collect();
        sorted.sort_unstable();
        sorted.dedup_by(|later, kept| later.starts_with(kept.as_str()));
        PrefixSet(sorted)
    }

    fn add(&mut self, prefix: String) {
        if self.start(&prefix) {
            return;
        }
        let at = self.0.partition_point(|known| *known < prefix);
        let after = at + self.0[at..].partition_point(|known| known.starts_with(prefix.as_str()));
        self.0.splice(at..after, [prefix]);
    }

    /// Whether one of them starts `text`. Everything between a prefix of `text` and `text` itself
    /// starts with that prefix, so only the greatest one not above `text` can be it.
    fn start(&self, text: &str) -> bool {
        let above = self.0.partition_point(|prefix| prefix.as_str() <= text);
        above.checked_sub(1).is_some_and(|at| text.starts_with(self.0[at].as_str()))
    }
}

/// The operator's patterns in their order.
#[derive(Clone, Debug)]
struct Patterns {
    list: Vec<Pattern>,
    has_include: bool,
}

#[derive(Clone, Debug)]
struct Pattern {
    regex: Regex,
    /// The rule of an exclude pattern; `None`: an include pattern.
    rejects: Option<Rule>,
}

impl Patterns {
    fn new(rules: &[PatternRule]) -> Result<Self, PatternError> {
        let list = rules.iter().map(Pattern::new).collect::<Result<Vec<_>, _>>()?;
        let has_include = list.iter().any(|pattern| pattern.rejects.is_none());
        Ok(Patterns { list, has_include })
    }

    fn first_match(&self, url: &CrawlUrl) -> Option<&Pattern> {
        self.list.iter().find(|pattern| pattern.regex.is_match(url.as_str()))
    }

    /// The rule of the exclude pattern that decides, when one does.
    fn exclude(&self, url: &CrawlUrl) -> Option<Rule> {
        self.first_match(url)?.rejects.clone()
    }

    fn reject(&self, url: &CrawlUrl) -> Option<Rule> {
        match self.first_match(url) {
            Some(pattern) => pattern.rejects.clone(),
            None => self.has_include.then_some(Rule::NOT_INCLUDED),
        }
    }
}

/// Most bytes of a compiled pattern. Matching is linear in the URL whatever the pattern; this
/// bounds the factor.
const MAX_COMPILED_BYTES: usize = 4 * 1024 * 1024;

impl Pattern {
    fn new(rule: &PatternRule) -> Result<Self, PatternError> {
        let (flag, pattern, rejects) = match rule {
            PatternRule::Include(pattern) => ("--include", pattern, None),
            PatternRule::Exclude(pattern) => ("--exclude", pattern, Some(Rule::exclude(pattern))),
        };
        Ok(Pattern { regex: compile(flag, pattern)?, rejects })
    }
}

/// Compiles the pattern of a flag or a verb.
pub(super) fn compile(flag: &'static str, pattern: &str) -> Result<Regex, PatternError> {
    RegexBuilder::new(pattern).size_limit(MAX_COMPILED_BYTES).build().map_err(|error| PatternError {
        flag,
        pattern: pattern.to_owned(),
        detail: one_line(&error),
    })
}

/// What is wrong with a pattern. The message of the regex crate draws the place on lines above.
fn one_line(error: &regex::Error) -> String {
    if let regex::Error::CompiledTooBig(limit) = error {
        return format!("it compiles to more than {limit} bytes");
    }
    let text = error.to_string();
    let last = text.lines().rfind(|line| !line.trim().is_empty()).unwrap_or_default().trim();
    last.strip_prefix("error: ").unwrap_or(last).to_owned()
}

#[cfg(test)]
mod tests;
