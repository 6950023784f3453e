//! robots.txt (RFC 9309), read the way Google's open parser reads it where the RFC leaves room.
//!
//! - [`RobotsFile`] holds the rules of all groups; [`RobotsFile::rules_for`] merges those of one
//!   crawler into [`RobotsRules`].
//! - [`RobotsRules::check`] gives a [`RobotsCheck`]: the verdict and the line that decided.
//!
//! Below: `line` splits the text into fields, `pattern` matches paths.
//!
//! Absent: regular expressions (one rule of a hundred `*a` is matched in one pass over the path),
//! `Host`, `Clean-param`, `Request-rate`, `noindex` and other records that no standard knows.

mod line;
mod pattern;

use line::{Field, Line, lines};
use pattern::{Path, PathPattern};

/// A parsed robots.txt.
///
/// Lines are kept flat, each with the number of its group. `Crawl-delay` is grouped apart from
/// the rules: a record that RFC 9309 does not define must not end a group of rules (2.2.4), but
/// whoever writes `User-agent: a`, `Crawl-delay: 9`, `User-agent: b` does not mean b to wait.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct RobotsFile {
    agents: Vec<AgentLine>,
    rules: Vec<RuleLine>,
    /// (delay group, ms)
    delays: Vec<(usize, u64)>,
    sitemaps: Vec<String>,
}

#[derive(Clone, Debug, PartialEq)]
struct AgentLine {
    agent: Agent,
    group: usize,
    delay_group: usize,
}

#[derive(Clone, Debug, PartialEq)]
enum Agent {
    /// `*`
    Any,
    /// The value's first word, up to a `/`.
    Named(String),
}

#[derive(Clone, Debug, PartialEq)]
struct RuleLine {
    group: usize,
    allow: bool,
    number: u32,
    /// The line without its comment, bounded.
    text: String,
    value: String,
}

impl RobotsFile {
    /// Longest text that is read, in bytes; what follows the last whole line within them is
    /// ignored (RFC 9309 2.5 asks for at least this much).
    pub const MAX_BYTES: usize = 500 * 1024;

    /// Parses; never fails.
    pub fn parse(text: &str) -> Self {
        let mut file = RobotsFile::default();
        let mut place = Place::default();
        for line in lines(whole_lines(text, Self::MAX_BYTES)) {
            file.read(&line, &mut place);
        }
        file
    }

    fn read(&mut self, line: &Line<'_>, place: &mut Place) {
        match line.field {
            Field::UserAgent => {
                place.name_agent();
                let agent = Agent::read(line.value);
                self.agents.push(AgentLine { agent, group: place.group, delay_group: place.delay_group });
            }
            Field::Sitemap if !line.value.is_empty() => self.sitemaps.push(line.value.to_owned()),
            Field::Sitemap => {}
            // Rules and delays before the first agent are nobody's.
            _ if self.agents.is_empty() => {}
            Field::Allow | Field::Disallow => {
                place.after_rule = true;
                if !line.value.is_empty() {
                    self.rules.push(RuleLine::read(line, place.group));
                }
            }
            Field::CrawlDelay => {
                place.after_delay = true;
                self.delays.extend(crawl_delay(line.value).map(|ms| (place.delay_group, ms)));
            }
        }
    }

    /// The merged rules of the groups that name `product_token`, else of `*`. The token is
    /// compared without regard to case; what follows a `/` in it is ignored.
    pub fn rules_for(&self, product_token: &str) -> RobotsRules {
        let token = product_token.split('/').next().unwrap_or_default().trim();
        let mut agents = self.agents_where(|agent| agent.names(token));
        if agents.is_empty() {
            agents = self.agents_where(|agent| *agent == Agent::Any);
        }
        let mut groups = vec![false; self.agents.len()];
        let mut delay_groups = groups.clone();
        for line in agents {
            groups[line.group] = true;
            delay_groups[line.delay_group] = true;
        }
        let rules = self.rules.iter().filter(|rule| groups[rule.group]).flat_map(Rule::of_line).collect();
        let delays = self.delays.iter().filter(|(group, _)| delay_groups[*group]);
        RobotsRules::new(rules, delays.map(|(_, ms)| *ms).max())
    }

    fn agents_where(&self, wanted: impl Fn(&Agent) -> bool) -> Vec<&AgentLine> {
        self.agents.iter().filter(|line| wanted(&line.agent)).collect()
    }

    /// `Sitemap` lines, in order, as written; they belong to no group.
    pub fn sitemaps(&self) -> &[String] {
        &self.sitemaps
    }
}

/// The longest beginning of `text` that has at most `limit` bytes and, when it is cut, ends with
/// a line.
pub(super) fn whole_lines(text: &str, limit: usize) -> &str {
    if text.len() <= limit {
        return text;
    }
    let cut = &text[..text.floor_char_boundary(limit)];
    &cut[..last_line_end(cut)]
}

/// Where the last whole line of a text that was cut ends. Half a line could say the opposite of
/// the whole: `Disallow: /` of `Disallow: /tmp`. Text without any line end is kept: it is one
/// endless line, which is cut anyway when it is read.
pub(super) fn last_line_end(cut: &str) -> usize {
    cut.rfind(['\n', '\r']).map_or(cut.len(), |end| end + 1)
}

/// Where the parser stands: a `User-agent` line opens a new group when something else came
/// between it and the one before.
#[derive(Default)]
struct Place {
    group: usize,
    delay_group: usize,
    after_rule: bool,
    after_delay: bool,
}

impl Place {
    fn name_agent(&mut self) {
        self.group += usize::from(self.after_rule);
        self.delay_group += usize::from(self.after_rule || self.after_delay);
        (self.after_rule, self.after_delay) = (false, false);
    }
}

impl Agent {
    /// `*` may be followed by a word, which is ignored (as in Google's parser).
    fn read(value: &str) -> Self {
        let word = value.split(|c: char| c.is_whitespace() || c == '/').next().unwrap_or_default();
        if word == "*" { Agent::Any } else { Agent::Named(word.to_owned()) }
    }

    /// A product token is letters, `_` and `-` (RFC 9309 2.2.1): of `x2000` it is `x`.
    fn names(&self, token: &str) -> bool {
        let Agent::Named(word) = self else { return false };
        let end = word.find(|c: char| !c.is_ascii_alphabetic() && !matches!(c, '_' | '-')).unwrap_or(word.len());
        !token.is_empty() && (word.eq_ignore_ascii_case(token) || word[..end].eq_ignore_ascii_case(token))
    }
}

impl RuleLine {
    /// Most bytes of a line that are kept to be shown.
    const MAX_TEXT_BYTES: usize = 256;

    fn read(line: &Line<'_>, group: usize) -> Self {
        RuleLine {
            group,
            allow: line.field == Field::Allow,
            number: line.number,
            text: line.text[..line.text.floor_char_boundary(Self::MAX_TEXT_BYTES)].to_owned(),
            value: line.value.to_owned(),
        }
    }
}

/// `Crawl-delay` in ms: a decimal number of seconds, at most [`RobotsRules::MAX_CRAWL_DELAY_MS`].
fn crawl_delay(value: &str) -> Option<u64> {
    let end = value.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(value.len());
    // Digits and dots only: neither a sign nor `inf` nor `nan` gets this far.
    let seconds: f64 = value[..end].parse().ok()?;
    Some((seconds * 1000.0).ceil().min(RobotsRules::MAX_CRAWL_DELAY_MS as f64) as u64)
}

/// The rules for one crawler, in the order in which they decide.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct RobotsRules {
    rules: Vec<Rule>,
    crawl_delay_ms: Option<u64>,
}

#[derive(Clone, Debug, PartialEq)]
struct Rule {
    pattern: PathPattern,
    allow: bool,
    number: u32,
    text: String,
}

impl Rule {
    /// The rule of a line, and a second one for `Allow: /dir/index.html`: it allows `/dir/` too,
    /// which is how Google's parser reads it and how those who write it mean it.
    fn of_line(line: &RuleLine) -> impl Iterator<Item = Rule> + use<> {
        let directory =
            line.value.rfind('/').filter(|&slash| line.allow && line.value[slash..].starts_with("/index.htm"));
        let directory = directory.map(|slash| PathPattern::new(&format!("{}$", &line.value[..=slash])));
        let (allow, number, text) = (line.allow, line.number, line.text.clone());
        [Some(PathPattern::new(&line.value)), directory].into_iter().flatten().map(move |pattern| Rule {
            pattern,
            allow,
            number,
            text: text.clone(),
        })
    }
}

/// What the rules say of one path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RobotsCheck {
    /// Whether it may be fetched.
    pub allowed: bool,
    /// The deciding line: its number from 1 and its text. `None`: no rule matches.
    pub line: Option<(u32, String)>,
}

impl RobotsRules {
    /// The longest `Crawl-delay` that is obeyed, in ms: one hour. Beyond it a crawl of any size
    /// never ends, and a typing error is likelier than a wish.
    pub const MAX_CRAWL_DELAY_MS: u64 = 3_600_000;

    fn new(mut rules: Vec<Rule>, crawl_delay_ms: Option<u64>) -> Self {
        // The longest pattern decides, and among equals the one that allows (RFC 9309 2.2.2).
        rules.sort_by_key(|rule| (std::cmp::Reverse(rule.pattern.octets()), !rule.allow));
        RobotsRules { rules, crawl_delay_ms }
    }

    /// Judges a path with its query. `/robots.txt` is always allowed.
    pub fn check(&self, path_and_query: &str) -> RobotsCheck {
        let path = Path::new(path_and_query);
        if path.is_robots_txt() {
            return RobotsCheck { allowed: true, line: None };
        }
        match self.rules.iter().find(|rule| rule.pattern.matches(&path)) {
            Some(rule) => RobotsCheck { allowed: rule.allow, line: Some((rule.number, rule.text.clone())) },
            None => RobotsCheck { allowed: true, line: None },
        }
    }

    /// `Crawl-delay` in ms, at most [`Self::MAX_CRAWL_DELAY_MS`]; the longest when there are several.
    pub fn crawl_delay_ms(&self) -> Option<u64> {
        self.crawl_delay_ms
    }
}

#[cfg(test)]
mod tests;
