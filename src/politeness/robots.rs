//! robots.txt (RFC 9309), read the way Google's open parser reads it where the RFC leaves room.
//!
//! - [`RobotsFile`] knows the groups of a text; [`RobotsFile::rules_for`] merges those of one
//!   crawler into [`RobotsRules`].
//! - [`RobotsRules::check`] gives a [`RobotsCheck`]: the verdict and the line that decided.
//!
//! Below: `line` splits the text into fields, `rules` keeps what counts for one crawler, `pattern`
//! matches paths.
//!
//! Absent: regular expressions (a piece between wildcards is looked up in an index of the path),
//! `Host`, `Clean-param`, `Request-rate`, `noindex` and other records that no standard knows.

mod line;
mod pattern;
mod rules;

use line::{Field, Line, lines};
pub use rules::{RobotsCheck, RobotsRules};

/// A robots.txt with its groups.
///
/// Only agents and sitemaps are kept; rules are read again for the crawler that asks. A file of
/// 500 KiB may have 64,000 lines, and those of other crawlers' groups need no memory.
///
/// `Crawl-delay` is grouped apart from the rules: a record that RFC 9309 does not define must not
/// end a group of rules (2.2.4), but whoever writes `User-agent: a`, `Crawl-delay: 9`,
/// `User-agent: b` does not mean b to wait.
#[derive(Clone, Debug, PartialEq)]
pub struct RobotsFile<'t> {
    text: &'t str,
    agents: Vec<AgentLine<'t>>,
    sitemaps: Vec<&'t str>,
}

#[derive(Clone, Debug, PartialEq)]
struct AgentLine<'t> {
    agent: Agent<'t>,
    place: Place,
}

#[derive(Clone, Debug, PartialEq)]
enum Agent<'t> {
    /// `*`
    Any,
    /// The value's first word, up to a `/`.
    Named(&'t str),
}

impl<'t> RobotsFile<'t> {
    /// Longest text that is read, in bytes; what follows the last whole line within them is
    /// ignored (RFC 9309 2.5 asks for at least this much).
    pub const MAX_BYTES: usize = 500 * 1024;

    /// Parses; never fails.
    pub fn parse(text: &'t str) -> Self {
        let text = whole_lines(text, Self::MAX_BYTES);
        let (mut agents, mut sitemaps) = (Vec::new(), Vec::new());
        for (place, line) in placed(text) {
            match line.field {
                Field::UserAgent => agents.push(AgentLine { agent: Agent::read(line.value), place }),
                Field::Sitemap if !line.value.is_empty() => sitemaps.push(line.value),
                _ => {}
            }
        }
        RobotsFile { text, agents, sitemaps }
    }

    /// The merged rules of the groups that name `product_token`, else of `*`. The token is
    /// compared without regard to case; what follows a `/` in it is ignored.
    pub fn rules_for(&self, product_token: &str) -> RobotsRules {
        let token = product_token.split('/').next().unwrap_or_default().trim();
        let mut agents = self.agents_where(|agent| agent.names(token));
        if agents.is_empty() {
            agents = self.agents_where(|agent| *agent == Agent::Any);
        }
        let (Some(last), false) = (self.agents.last(), agents.is_empty()) else { return RobotsRules::default() };
        let mut groups = vec![false; last.place.group as usize + 1];
        let mut delay_groups = vec![false; last.place.delay_group as usize + 1];
        for line in agents {
            groups[line.place.group as usize] = true;
            delay_groups[line.place.delay_group as usize] = true;
        }
        let mut rules = rules::Drafts::default();
        let mut delay_ms = None;
        for (place, line) in placed(self.text) {
            match line.field {
                Field::Allow | Field::Disallow if groups[place.group as usize] => rules.add(&line),
                Field::CrawlDelay if delay_groups[place.delay_group as usize] => {
                    delay_ms = delay_ms.max(crawl_delay(line.value));
                }
                _ => {}
            }
        }
        rules.finish(delay_ms)
    }

    fn agents_where(&self, wanted: impl Fn(&Agent<'_>) -> bool) -> Vec<&AgentLine<'t>> {
        self.agents.iter().filter(|line| wanted(&line.agent)).collect()
    }

    /// `Sitemap` lines, in order, as written; they belong to no group.
    pub fn sitemaps(&self) -> &[&'t str] {
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

/// The groups that a line belongs to, counted from 1; in group 0 is what stands before the first
/// agent and is nobody's.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Place {
    group: u32,
    delay_group: u32,
    after_rule: bool,
    after_delay: bool,
}

impl Place {
    /// So the first agent opens a group.
    const START: Place = Place { group: 0, delay_group: 0, after_rule: true, after_delay: true };

    /// A `User-agent` line opens a new group when something else came between it and the one before.
    fn step(&mut self, field: Field) {
        match field {
            Field::UserAgent => {
                self.group += u32::from(self.after_rule);
                self.delay_group += u32::from(self.after_rule || self.after_delay);
                (self.after_rule, self.after_delay) = (false, false);
            }
            Field::Allow | Field::Disallow => self.after_rule = true,
            Field::CrawlDelay => self.after_delay = true,
            Field::Sitemap => {}
        }
    }
}

/// The lines that say something, with their groups.
fn placed(text: &str) -> impl Iterator<Item = (Place, Line<'_>)> {
    lines(text).scan(Place::START, |place, line| {
        place.step(line.field);
        Some((*place, line))
    })
}

impl<'t> Agent<'t> {
    /// `*` may be followed by a word, which is ignored (as in Google's parser).
    fn read(value: &'t str) -> Self {
        let word = value.split(|c: char| c.is_whitespace() || c == '/').next().unwrap_or_default();
        if word == "*" { Agent::Any } else { Agent::Named(word) }
    }

    /// A product token is letters, `_` and `-` (RFC 9309 2.2.1): of `x2000` it is `x`.
    fn names(&self, token: &str) -> bool {
        let Agent::Named(word) = self else { return false };
        let end = word.find(|c: char| !c.is_ascii_alphabetic() && !matches!(c, '_' | '-')).unwrap_or(word.len());
        !token.is_empty() && (word.eq_ignore_ascii_case(token) || word[..end].eq_ignore_ascii_case(token))
    }
}

/// `Crawl-delay` in ms: a decimal number of seconds, at most [`RobotsRules::MAX_CRAWL_DELAY_MS`].
fn crawl_delay(value: &str) -> Option<u64> {
    let end = value.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(value.len());
    // Digits and dots only: neither a sign nor `inf` nor `nan` gets this far.
    let seconds: f64 = value[..end].parse().ok()?;
    Some((seconds * 1000.0).ceil().min(RobotsRules::MAX_CRAWL_DELAY_MS as f64) as u64)
}

#[cfg(test)]
mod tests;
