//! Published cases of robots.txt: Google's, the standards' own examples, and those of other parsers.
//! `tests/data/robots/README.md` has sources and form; `docs/robots-peers.md` argues the differences.
//!
//! URLs go the way of the crawler: canonicalised, then judged by the path that would be asked for.

use serde_json::Value;
use sqrawl::model::NotCrawlable;
use sqrawl::politeness::RobotsFile;
use sqrawl::scope::{UrlRules, canonicalize};
use url::{Position, Url};

/// (suite, its cases, expectations in them, expectations that do not hold here)
const SUITES: [(&str, &str, usize, usize); 7] = [
    ("google", include_str!("../../data/robots/published/google.json"), 140, 3),
    ("google-spec-test", include_str!("../../data/robots/published/google-spec-test.json"), 392, 6),
    ("standards", include_str!("../../data/robots/published/standards.json"), 164, 0),
    ("crawler-commons", include_str!("../../data/robots/published/crawler-commons.json"), 252, 12),
    ("protego", include_str!("../../data/robots/published/protego.json"), 434, 20),
    ("python", include_str!("../../data/robots/published/python.json"), 51, 1),
    ("robots-parser", include_str!("../../data/robots/published/robots-parser.json"), 130, 1),
];

/// One case: a file, a crawler, and what it may fetch.
struct Case<'a>(&'a Value);

impl Case<'_> {
    fn urls(&self, field: &str) -> impl Iterator<Item = &str> {
        self.0[field].as_array().into_iter().flatten().filter_map(Value::as_str)
    }

    /// (URL, whether the publisher allows it)
    fn expectations(&self) -> impl Iterator<Item = (&str, bool)> {
        let allowed = self.urls("allowed").map(|url| (url, true));
        allowed.chain(self.urls("disallowed").map(|url| (url, false)))
    }

    fn text(&self, field: &str) -> &str {
        self.0[field].as_str().unwrap_or_else(|| panic!("{field} of {}", self.0))
    }
}

/// Path and query as they would be asked for. Some suites have longer URLs than are ever asked for.
fn path_of(url: &str) -> String {
    let base = Url::parse("http://example.com/").unwrap();
    match canonicalize(url, Some(&base), None, &UrlRules::default()) {
        Ok(url) => url.path_and_query().to_owned(),
        Err(NotCrawlable::TooLong) => Url::parse(url).unwrap()[Position::BeforePath..Position::AfterQuery].to_owned(),
        Err(error) => panic!("{url}: {error}"),
    }
}

/// Adds what is wrong to `wrong`; gives the number of expectations, and of those that are said to differ.
fn check(suite: &str, case: &Case, wrong: &mut Vec<String>) -> (usize, usize) {
    let (name, agent) = (case.text("case"), case.text("agent"));
    let rules = RobotsFile::parse(case.text("robots")).rules_for(agent);
    let (mut count, mut differing) = (0, 0);
    for (url, published) in case.expectations() {
        count += 1;
        let why = case.0["differs"][url].as_str();
        differing += usize::from(why.is_some());
        let check = rules.check(&path_of(url));
        if check.allowed != (published ^ why.is_some()) {
            wrong.push(format!("{suite}, {name}: {agent} {url}: {check:?}, published {published}, differs: {why:?}"));
        }
    }
    if let Some(delay) = case.0.get("crawl_delay_ms") {
        let differs = case.0["differs"]["crawl_delay_ms"].is_string();
        (count, differing) = (count + 1, differing + usize::from(differs));
        if (rules.crawl_delay_ms() != delay.as_u64()) != differs {
            wrong.push(format!("{suite}, {name}: {agent} waits {:?}, published {delay}", rules.crawl_delay_ms()));
        }
    }
    (count, differing)
}

#[test]
fn published_cases_hold_but_for_those_that_are_argued() {
    let mut wrong = Vec::new();
    for (suite, text, expected, differing) in SUITES {
        let cases: Vec<Value> = serde_json::from_str(text).unwrap();
        let counts: Vec<(usize, usize)> = cases.iter().map(|case| check(suite, &Case(case), &mut wrong)).collect();
        let sum = (counts.iter().map(|(n, _)| n).sum(), counts.iter().map(|(_, n)| n).sum());
        if sum != (expected, differing) {
            wrong.push(format!("{suite}: {sum:?} expectations and differences"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// The number of the line that decides on `/x` for `bar` in a file of Google's `robots_test.cc`.
#[track_caller]
fn check_line_of_bar(file: &[u8], expected: Option<u32>) {
    let rules = RobotsFile::parse(&String::from_utf8_lossy(file)).rules_for("bar");
    assert_eq!(rules.check("/x").line.map(|(number, _)| number), expected, "{:?}", String::from_utf8_lossy(file));
}

#[test]
fn google_counts_lines_of_any_ending() {
    check_line_of_bar(b"User-Agent: foo\nAllow: /some/path\nUser-Agent: bar\n\n\nDisallow: /\n", Some(6));
    check_line_of_bar(b"User-Agent: foo\r\nAllow: /some/path\r\nUser-Agent: bar\r\n\r\n\r\nDisallow: /\r\n", Some(6));
    check_line_of_bar(b"User-Agent: foo\rAllow: /some/path\rUser-Agent: bar\r\r\rDisallow: /\r", Some(6));
    check_line_of_bar(b"User-Agent: foo\nAllow: /some/path\nUser-Agent: bar\n\n\nDisallow: /", Some(6));
    check_line_of_bar(b"User-Agent: foo\nAllow: /some/path\r\nUser-Agent: bar\n\r\n\nDisallow: /", Some(6));
}

#[test]
fn google_skips_byte_order_marks_and_halves_of_them() {
    for mark in [&b"\xEF\xBB\xBF"[..], b"\xEF\xBB", b"\xEF"] {
        check_line_of_bar(&[mark, b"User-Agent: bar\nAllow: /\n"].concat(), Some(2));
    }
    check_line_of_bar(b"\xEF\x11\xBFUser-Agent: bar\nAllow: /\n", None);
    check_line_of_bar(b"User-Agent: bar\n\xEF\xBB\xBFAllow: /\n", None);
}

#[test]
fn google_finds_sitemaps_anywhere() {
    let rules = "User-Agent: foo\nAllow: /some/path\nUser-Agent: bar\n\n\n";
    for text in [
        format!("{rules}Sitemap: http://foo.bar/sitemap.xml\n"),
        format!("Sitemap: http://foo.bar/sitemap.xml\n{rules}"),
    ] {
        assert_eq!(RobotsFile::parse(&text).sitemaps(), ["http://foo.bar/sitemap.xml"], "{text}");
    }
}

#[test]
fn google_cuts_endless_lines() {
    const MAX_LINE_LEN: usize = 2083 * 8;
    let filled =
        |letter: &str, field: &str| format!("/x/{}", letter.repeat(MAX_LINE_LEN - "/x/".len() * 2 - field.len() + 1));
    let allowed = |text: &str, path: &str| RobotsFile::parse(text).rules_for("FooBot").check(path).allowed;

    let line = filled("a", "disallow: ");
    let text = format!("user-agent: FooBot\ndisallow: {line}/qux\n");
    assert!(allowed(&text, "/fux"));
    assert!(!allowed(&text, &format!("{line}/fux")));

    let (a, b) = (filled("a", "allow: "), filled("b", "allow: "));
    let text = format!("user-agent: FooBot\ndisallow: /\nallow: {a}/qux\nallow: {b}/qux\n");
    assert!(!allowed(&text, "/"));
    assert!(allowed(&text, &format!("{a}/qux")));
    assert!(allowed(&text, &format!("{b}/fux")));
}
