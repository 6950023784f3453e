//! The URL standard's own test data, each case as a link in an HTML page: parsed, resolved and
//! canonicalised as a crawl does it.

use std::collections::BTreeSet;

use serde::Deserialize;
use sqrawl::model::{
    CrawlSettings, CrawlUrl, Exchange, ExchangeEnd, Header, HostId, HostUpdate, LeaseKey, LeasedFrom, LeasedUrl,
    Ledger, Rule, ScopeKind, UrlId, UrlRule, Visit,
};
use sqrawl::parse::{self, BodyFacts, ParseLimits};
use sqrawl::scope::Scope;
use sqrawl::verdict::{self, Attempt, Policy};

const DATA: &str = include_str!("data/urltestdata.json");

/// Cases that come out otherwise, by reason, as (input, what the crawl makes of it). `docs/urls.md`
/// argues each reason.
mod deviations {
    /// A link to a place on the same page names no other page.
    pub const FRAGMENT_ALONE: &[(&str, Option<&str>)] =
        &[("#", None), ("#/", None), ("#\\", None), ("#;?", None), ("#β", None), ("#link", None)];

    /// A host with an empty label cannot be resolved.
    pub const EMPTY_LABEL: &[(&str, Option<&str>)] =
        &[("http://./", None), ("http://../", None), ("http://foo.09..", None)];

    /// HTML reads U+0000 as U+FFFD, before the URL is parsed.
    pub const NUL_IN_HTML: &[(&str, Option<&str>)] = &[
        (
            "\0\u{1b}\u{4}\u{12} http://example.com/\u{1f} \r ",
            Some("https://page.test/%EF%BF%BD%1B%04%12%20http://example.com/"),
        ),
        ("https://x/\0y", Some("https://x/%EF%BF%BDy")),
        ("https://x/?\0y", Some("https://x/?%EF%BF%BDy")),
    ];

    /// The rule `empty_query`.
    pub const EMPTY_QUERY: &[(&str, Option<&str>)] = &[
        ("?", Some("http://example.org/foo/bar")),
        ("http://example.org/test?#", Some("http://example.org/test")),
        ("https://x/?#\0y", Some("https://x/")),
        ("https://x/?#\u{ffff}y", Some("https://x/")),
    ];

    /// The rule `escapes`.
    pub const ESCAPES: &[(&str, Option<&str>)] = &[
        ("/a%2fc", Some("http://example.org/a%2Fc")),
        ("/a/%2f/c", Some("http://example.org/a/%2F/c")),
        ("http://example.com/foo/%2e./%2e%2e/.%2e/%2e.bar", Some("http://example.com/..bar")),
        ("http://example.com/foo%41%7a", Some("http://example.com/fooAz")),
        ("http://example.com/foo%00%51", Some("http://example.com/foo%00Q")),
        ("http://example.com/%3A%3a%3C%3c", Some("http://example.com/%3A%3A%3C%3C")),
        ("http://www/foo%2Ehtml", Some("http://www/foo.html")),
    ];
}

/// One case of the data: `href` is what `input` comes to, seen from `base`.
#[derive(Debug, Deserialize)]
struct Case {
    input: String,
    base: Option<String>,
    href: Option<String>,
}

impl Case {
    fn all() -> Vec<Case> {
        let all: Vec<serde_json::Value> = serde_json::from_str(DATA).expect("JSON");
        let cases = all.into_iter().filter(serde_json::Value::is_object);
        cases.map(|case| serde_json::from_value(case).expect("a case")).collect()
    }

    /// A page of another scheme than the case's URL: of the same one, `http:x` would be relative.
    fn page(&self) -> &'static str {
        if self.text().to_ascii_lowercase().starts_with("https") { "http://page.test/" } else { "https://page.test/" }
    }

    /// The reference without what counts nowhere in it.
    fn text(&self) -> String {
        self.input.trim_matches(|c: char| c <= ' ').replace(['\t', '\n', '\r'], "")
    }

    /// Without a base the data has no URL for a relative reference, and a page always has one.
    fn is_relative_to_nothing(&self) -> bool {
        let text = self.text();
        let scheme = text.split(':').next().filter(|scheme| scheme.len() < text.len()).unwrap_or_default();
        let is_scheme = scheme.starts_with(|c: char| c.is_ascii_alphabetic())
            && scheme.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '+' | '-' | '.'));
        self.base.is_none() && !is_scheme
    }

    fn html(&self) -> String {
        let escaped = |text: &str| text.replace('&', "&amp;").replace('"', "&quot;").replace('\r', "&#13;");
        let base = self.base.iter().map(|base| format!("<base href=\"{}\">", escaped(base))).collect::<String>();
        format!("<title>x</title>{base}<a href=\"{}\">x</a>", escaped(&self.input))
    }

    /// What a crawl is to make of it by the standard alone: an http URL, without what is never sent.
    fn by_the_standard(&self) -> Got {
        let Some(href) = &self.href else { return Got::No };
        if !href.starts_with("http://") && !href.starts_with("https://") {
            return Got::No;
        }
        let sent = href.split('#').next().unwrap_or_default();
        let (scheme, rest) = sent.split_once("//").expect("an authority");
        let (authority, path) = rest.split_at(rest.find('/').expect("a path"));
        let host = authority.rsplit('@').next().unwrap_or_default();
        Got::Url(format!("{scheme}//{host}{path}"))
    }
}

/// What came of a link.
#[derive(Clone, Debug, PartialEq)]
enum Got {
    /// It names this URL.
    Url(String),
    /// It is no link, or its reference was discarded.
    No,
}

fn crawled(case: &Case, settings: &CrawlSettings) -> Got {
    let visit = visit(settings, case.page(), &case.html());
    match (&visit.candidates[..], &visit.discarded[..]) {
        ([one], []) => Got::Url(one.url.as_str().to_owned()),
        ([], [(rule, 1)]) if [Rule::SCHEME, Rule::SYNTAX, Rule::TOO_LONG].contains(rule) => Got::No,
        ([], []) => Got::No,
        other => panic!("{case:?}: {other:?}"),
    }
}

fn visit(settings: &CrawlSettings, url: &str, html: &str) -> Visit {
    let scope = Scope::new(settings, &[], &[]).expect("no patterns");
    let leased = LeasedUrl {
        id: UrlId(1),
        url: CrawlUrl::stored(url).expect("a URL"),
        depth: 0,
        hops: 0,
        attempts: 0,
        deaths: None,
        from: LeasedFrom::Queued,
        may_widen: false,
        is_sitemap: false,
        referrer: None,
        validators: None,
    };
    let attempt = Attempt {
        key: LeaseKey { host_id: HostId(1), fence: 1 },
        leased: &leased,
        ledger: Ledger::default(),
        host: HostUpdate::default(),
        one_copy_more: false,
        now: 1_700_000_000_000,
        jitter: 0.0,
    };
    let content_type = "text/html; charset=utf-8";
    let facts = BodyFacts {
        url: &leased.url,
        content_type: Some(content_type),
        agent: "sqrawl",
        is_sitemap: false,
        truncated: false,
    };
    let page = parse::parse(html.as_bytes(), facts, &ParseLimits::default(), &mut || false);
    let exchange = Exchange {
        started_ms: 0,
        elapsed_ms: 0,
        status: Some(200),
        headers: vec![Header { name: "content-type".to_owned(), value: content_type.to_owned() }],
        end: ExchangeEnd::Complete { body: html.as_bytes().to_vec(), truncated: false },
        wire_bytes: 0,
        address: None,
    };
    let policy = Policy { settings, scope: &scope, agent: "sqrawl" };
    verdict::after_exchange(&policy, &attempt, &exchange, Some((page, None)), &mut || false)
}

/// Every case, but for these deviations and the references that are relative to nothing.
fn check(url_rules: BTreeSet<UrlRule>, deviations: &[&[(&str, Option<&str>)]]) {
    let settings = CrawlSettings { scope: ScopeKind::Any, url_rules, ..CrawlSettings::default() };
    let (mut checked, mut deviating, mut wrong) = (0, 0, Vec::new());
    for case in Case::all().iter().filter(|case| !case.is_relative_to_nothing()) {
        let standard = case.by_the_standard();
        let deviation = deviations.iter().copied().flatten().find(|(input, _)| *input == case.input);
        let expected = match deviation {
            Some((_, Some(url))) => Got::Url((*url).to_owned()),
            Some((_, None)) => Got::No,
            None => standard.clone(),
        };
        checked += 1;
        deviating += usize::from(expected != standard);
        let got = crawled(case, &settings);
        if got != expected {
            wrong.push(format!("{:?} from {:?}: expected {expected:?}, got {got:?}", case.input, case.base));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert_eq!(checked, 811, "the data changed");
    assert_eq!(deviating, deviations.iter().map(|list| list.len()).sum::<usize>(), "a deviation that is none");
}

#[test]
fn links_are_read_as_the_url_standard_says() {
    use deviations::{EMPTY_LABEL, FRAGMENT_ALONE, NUL_IN_HTML};
    check(BTreeSet::new(), &[FRAGMENT_ALONE, EMPTY_LABEL, NUL_IN_HTML]);
}

#[test]
fn the_rules_of_spelling_change_only_what_they_say() {
    use deviations::{EMPTY_LABEL, EMPTY_QUERY, ESCAPES, FRAGMENT_ALONE, NUL_IN_HTML};
    check(UrlRule::defaults(), &[FRAGMENT_ALONE, EMPTY_LABEL, NUL_IN_HTML, EMPTY_QUERY, ESCAPES]);
}
