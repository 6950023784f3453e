//! [`Skips`]: the URLs that an operator names, by URL, host or regular expression.

use std::collections::HashSet;

use regex::Regex;

use super::rules::{PatternError, compile};
use crate::model::{CrawlUrl, UrlPattern};

/// A set of patterns, compiled.
#[derive(Clone, Debug, Default)]
pub struct Skips {
    patterns: Vec<UrlPattern>,
    urls: HashSet<String>,
    hosts: HashSet<String>,
    regexes: Vec<Regex>,
}

impl Skips {
    /// Compiles the patterns of the verb `verb`.
    ///
    /// # Errors
    /// [`PatternError`] names the pattern that is no regular expression.
    pub fn new(verb: &'static str, patterns: &[UrlPattern]) -> Result<Self, PatternError> {
        let mut skips = Skips { patterns: patterns.to_vec(), ..Skips::default() };
        for pattern in patterns {
            match pattern {
                UrlPattern::Url(url) => drop(skips.urls.insert(url.clone())),
                UrlPattern::Host(host) => drop(skips.hosts.insert(host.clone())),
                UrlPattern::Regex(regex) => skips.regexes.push(compile(verb, regex)?),
            }
        }
        Ok(skips)
    }

    /// With some more patterns.
    ///
    /// # Errors
    /// As [`Skips::new`].
    pub fn with(&self, more: &[UrlPattern]) -> Result<Self, PatternError> {
        let mut all = self.patterns.clone();
        all.extend(more.iter().filter(|pattern| !self.patterns.contains(pattern)).cloned());
        Skips::new("skip", &all)
    }

    /// Without some of its patterns.
    ///
    /// # Errors
    /// As [`Skips::new`].
    pub fn without(&self, fewer: &[UrlPattern]) -> Result<Self, PatternError> {
        let rest: Vec<UrlPattern> = self.patterns.iter().filter(|pattern| !fewer.contains(pattern)).cloned().collect();
        Skips::new("skip", &rest)
    }

    /// Whether there is no pattern.
    pub fn is_empty(&self) -> bool {
        self.patterns.is_empty()
    }

    /// Whether one of them names the URL.
    pub fn contain(&self, url: &CrawlUrl) -> bool {
        !self.is_empty()
            && (self.hosts.contains(url.host_str())
                || self.urls.contains(url.as_str())
                || self.regexes.iter().any(|regex| regex.is_match(url.as_str())))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pattern_names_a_url_a_host_or_what_it_matches() {
        let regex = |text: &str| UrlPattern::Regex(text.to_owned());
        let skips = Skips::new(
            "skip",
            &[
                UrlPattern::Url("https://a.test/x".to_owned()),
                UrlPattern::Host("b.test".to_owned()),
                regex(r"/calendar/\d+"),
            ],
        );
        let skips = skips.unwrap();
        for (url, named) in [
            ("https://a.test/x", true),
            ("https://a.test/x?y", false),
            ("http://a.test/x", false),
            ("https://b.test/", true),
            ("http://b.test:8080/any", true),
            ("https://www.b.test/", false),
            ("https://c.test/calendar/12", true),
            ("https://c.test/calendar/", false),
        ] {
            assert_eq!(skips.contain(&CrawlUrl::stored(url).unwrap()), named, "{url}");
        }
        let fewer = skips.without(&[regex(r"/calendar/\d+")]).unwrap();
        assert!(!fewer.contain(&CrawlUrl::stored("https://c.test/calendar/12").unwrap()));
        assert!(fewer.with(&[regex("12$")]).unwrap().contain(&CrawlUrl::stored("https://c.test/calendar/12").unwrap()));
        assert!(fewer.with(&[regex("(")]).is_err());
    }
}
