//! [`RobotsRules`]: the rules for one crawler, packed: one text, and a few numbers for each rule. They
//! are kept for as long as a host is crawled, so what a file of 500 KiB comes to is counted
//! ([`RobotsRules::bytes`]) and at most a few times as large as the file.

use std::cmp::Reverse;

use super::line::{Field, Line};
use super::pattern::{Path, Pattern, Span};

/// The rules for one crawler, in the order in which they decide.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct RobotsRules {
    /// Lines as they are shown and patterns in the normal spelling.
    text: Box<str>,
    rules: Box<[Rule]>,
    crawl_delay_ms: Option<u64>,
}

#[derive(Clone, Debug, PartialEq)]
struct Rule {
    pattern: Pattern,
    /// The line without its comment, bounded.
    line: Span,
    /// Of the line, from 1.
    number: u32,
    allow: bool,
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

    /// Judges a path with its query. `/robots.txt` is always allowed.
    pub fn check(&self, path_and_query: &str) -> RobotsCheck {
        let path = Path::new(path_and_query);
        if path.is_robots_txt() {
            return RobotsCheck { allowed: true, line: None };
        }
        match self.rules.iter().find(|rule| rule.pattern.matches(&self.text, &path)) {
            Some(rule) => {
                RobotsCheck { allowed: rule.allow, line: Some((rule.number, rule.line.of(&self.text).to_owned())) }
            }
            None => RobotsCheck { allowed: true, line: None },
        }
    }

    /// `Crawl-delay` in ms, at most [`Self::MAX_CRAWL_DELAY_MS`]; the longest when there are several.
    pub fn crawl_delay_ms(&self) -> Option<u64> {
        self.crawl_delay_ms
    }

    /// The memory they take, in bytes. The time of a check grows with it.
    pub fn bytes(&self) -> usize {
        size_of::<Self>() + self.text.len() + size_of_val::<[Rule]>(&self.rules)
    }
}

/// Rules while they are gathered, in the order of the file.
#[derive(Default)]
pub(super) struct Drafts<'t> {
    patterns: String,
    drafts: Vec<Draft<'t>>,
}

struct Draft<'t> {
    pattern: Pattern,
    octets: u32,
    line: &'t str,
    number: u32,
    allow: bool,
}

impl<'t> Drafts<'t> {
    /// Most bytes of a line that are kept to be shown.
    const MAX_LINE_BYTES: usize = 256;

    /// Adds the rule of a line, unless it is empty; and a second one for `Allow: /dir/index.html`: it
    /// allows `/dir/` too, which is how Google's parser reads it and how those who write it mean it.
    pub(super) fn add(&mut self, line: &Line<'t>) {
        if line.value.is_empty() {
            return;
        }
        self.push(line, line.value);
        let directory = line.value.rfind('/').filter(|&slash| line.value[slash..].starts_with("/index.htm"));
        if let (Field::Allow, Some(slash)) = (line.field, directory) {
            self.push(line, &format!("{}$", &line.value[..=slash]));
        }
    }

    fn push(&mut self, line: &Line<'t>, value: &str) {
        let (pattern, octets) = Pattern::push(&mut self.patterns, value);
        let shown = &line.text[..line.text.floor_char_boundary(Self::MAX_LINE_BYTES)];
        let allow = line.field == Field::Allow;
        self.drafts.push(Draft { pattern, octets, line: shown, number: line.number, allow });
    }

    /// Packs them. The longest pattern decides, and among equals the one that allows (RFC 9309 2.2.2),
    /// then the first in the file. Of rules with the same pattern one decides, and the others go.
    pub(super) fn finish(self, crawl_delay_ms: Option<u64>) -> RobotsRules {
        let Drafts { patterns, mut drafts } = self;
        let same = |draft: &Draft<'_>| (Reverse(draft.octets), draft.pattern.is_anchored());
        let text = |draft: &Draft<'_>| draft.pattern.written(&patterns);
        let rank = |draft: &Draft<'_>| (Reverse(draft.octets), !draft.allow, draft.number);
        drafts.sort_unstable_by(|a, b| {
            same(a).cmp(&same(b)).then_with(|| text(a).cmp(text(b))).then_with(|| rank(a).cmp(&rank(b)))
        });
        drafts.dedup_by(|later, first| same(later) == same(first) && text(later) == text(first));
        drafts.sort_unstable_by_key(rank);

        let bytes = drafts.iter().map(|draft| draft.line.len() + draft.pattern.bytes()).sum();
        let mut text = String::with_capacity(bytes);
        let rules = drafts
            .iter()
            .map(|draft| Rule {
                pattern: draft.pattern.copied(&patterns, &mut text),
                line: Span::push(&mut text, draft.line),
                number: draft.number,
                allow: draft.allow,
            })
            .collect();
        RobotsRules { text: text.into(), rules, crawl_delay_ms }
    }
}
