//! What exchanges come to, case by case.

use super::*;
use crate::model::{
    Admission, CrawlUrl, DelayBy, FailureKind, Header, HostId, LeasedFrom, LinkKind, PatternRule, RawLink, UrlId,
    Validators,
};

const NOW: UnixMs = 1_700_000_000_000;

fn leased(url: &str) -> LeasedUrl {
    LeasedUrl {
        id: UrlId(7),
        url: CrawlUrl::stored(url).unwrap(),
        depth: 3,
        hops: 0,
        attempts: 0,
        deaths: None,
        from: LeasedFrom::Queued,
        may_widen: false,
        is_sitemap: false,
        referrer: None,
        validators: None,
    }
}

fn exchange(status: u16, headers: &[(&str, &str)], body: &str) -> Exchange {
    Exchange {
        started_ms: NOW - 50,
        elapsed_ms: 50,
        status: Some(status),
        headers: headers.iter().map(|(n, v)| Header { name: (*n).to_owned(), value: (*v).to_owned() }).collect(),
        end: ExchangeEnd::Complete { body: body.as_bytes().to_vec(), truncated: false },
        wire_bytes: body.len() as u64,
        address: None,
    }
}

fn failed(kind: FailureKind, status: Option<u16>) -> Exchange {
    let end = ExchangeEnd::Failed { kind, detail: "what happened".to_owned() };
    Exchange { status, end, ..exchange(0, &[], "") }
}

fn visit_with(settings: &CrawlSettings, leased: &LeasedUrl, exchange: &Exchange, page: Option<Page>) -> Visit {
    visit_of_copy(settings, leased, exchange, page, false)
}

fn visit_of_copy(
    settings: &CrawlSettings,
    leased: &LeasedUrl,
    exchange: &Exchange,
    page: Option<Page>,
    one_copy_more: bool,
) -> Visit {
    visit_until(settings, leased, exchange, page, one_copy_more, &mut || false)
}

fn visit_until(
    settings: &CrawlSettings,
    leased: &LeasedUrl,
    exchange: &Exchange,
    page: Option<Page>,
    one_copy_more: bool,
    out_of_time: &mut dyn FnMut() -> bool,
) -> Visit {
    let seeds = [CrawlUrl::stored("https://a.example/").unwrap()];
    let scope = Scope::new(settings, &seeds, &[]).unwrap();
    let policy = Policy { settings, scope: &scope, agent: "sqrawl" };
    let attempt = Attempt {
        key: LeaseKey { host_id: HostId(1), fence: 1 },
        leased,
        ledger: Ledger::default(),
        host: HostUpdate::default(),
        one_copy_more,
        now: NOW,
        jitter: 0.5,
    };
    after_exchange(&policy, &attempt, exchange, page.map(|page| (page, None)), out_of_time)
}

fn visit(leased: &LeasedUrl, exchange: &Exchange) -> Visit {
    visit_with(&CrawlSettings::default(), leased, exchange, None)
}

fn link(href: &str, kind: LinkKind, nofollow: bool) -> RawLink {
    RawLink { href: href.to_owned(), kind, nofollow, position: 0, anchor: None, entry: None }
}

fn admissions(visit: &Visit) -> Vec<(&str, &str)> {
    visit
        .candidates
        .iter()
        .map(|c| {
            (
                c.url.as_str(),
                match &c.admission {
                    Admission::Queue => "queue",
                    Admission::Exclude(rule) => rule.as_str(),
                },
            )
        })
        .collect()
}

#[test]
fn every_status_has_its_outcome_and_state() {
    let retry = |n: i64| NextState::Scheduled { due_ms: n };
    let after_2s = NOW + politeness::backoff_ms(1, 0.5) as i64;
    let cases: &[(Exchange, Outcome, NextState)] = &[
        (exchange(200, &[], "x"), Outcome::Page, NextState::Done),
        (exchange(204, &[], ""), Outcome::Page, NextState::Done),
        (exchange(206, &[], "x"), Outcome::HttpError, NextState::Failed),
        (exchange(301, &[("location", "/b")], ""), Outcome::Redirect, NextState::Done),
        (exchange(308, &[("location", "/b")], ""), Outcome::Redirect, NextState::Done),
        (exchange(301, &[], ""), Outcome::HttpError, NextState::Failed),
        (exchange(300, &[("location", "/b")], ""), Outcome::HttpError, NextState::Failed),
        (exchange(304, &[], ""), Outcome::HttpError, NextState::Failed),
        (exchange(401, &[], ""), Outcome::HttpError, NextState::Failed),
        (exchange(404, &[], "no"), Outcome::Gone, NextState::Failed),
        (exchange(410, &[], "no"), Outcome::Gone, NextState::Failed),
        (exchange(429, &[], ""), Outcome::RateLimited, retry(after_2s)),
        (exchange(503, &[("retry-after", "60")], ""), Outcome::RateLimited, retry(NOW + 60_000)),
        (exchange(503, &[], ""), Outcome::HttpError, retry(after_2s)),
        (exchange(500, &[], ""), Outcome::HttpError, retry(after_2s)),
        (exchange(501, &[], ""), Outcome::HttpError, NextState::Failed),
        (failed(FailureKind::Timeout, None), Outcome::Timeout, retry(after_2s)),
        (failed(FailureKind::Dns, None), Outcome::Dns, retry(after_2s)),
        (failed(FailureKind::Connect, None), Outcome::Connect, retry(after_2s)),
        (failed(FailureKind::Protocol, Some(200)), Outcome::Protocol, retry(after_2s)),
        (failed(FailureKind::Tls, None), Outcome::Tls, NextState::Failed),
        (failed(FailureKind::TooBig, Some(200)), Outcome::TooBig, NextState::Failed),
        (failed(FailureKind::TooBig, Some(404)), Outcome::Gone, NextState::Failed),
        (failed(FailureKind::BlockedAddress, None), Outcome::BlockedAddress, NextState::Excluded(Rule::ADDRESS)),
    ];
    for (exchange, outcome, next) in cases {
        let visit = visit(&leased("https://a.example/a"), exchange);
        assert_eq!((visit.outcome, &visit.next), (*outcome, next), "{exchange:?}");
    }
}

#[test]
fn the_last_try_gives_up() {
    let url = LeasedUrl { attempts: 2, ..leased("https://a.example/a") };
    let visit = visit(&url, &failed(FailureKind::Timeout, None));
    assert_eq!((visit.next, visit.attempts), (NextState::Failed, 0));
    let url = LeasedUrl { attempts: 1, ..leased("https://a.example/a") };
    let visit = self::visit(&url, &failed(FailureKind::Timeout, None));
    assert_eq!(visit.attempts, 2);
    assert!(matches!(visit.next, NextState::Scheduled { due_ms } if due_ms >= NOW + 6_000));
}

#[test]
fn not_modified_means_something_only_when_asked_for() {
    let url = LeasedUrl { validators: Some(Validators::default()), ..leased("https://a.example/a") };
    assert_eq!(visit(&url, &exchange(304, &[], "")).outcome, Outcome::Unchanged);
}

#[test]
fn only_validators_that_can_be_sent_back_are_kept() {
    let (long, longest) = ("x".repeat(1025), "x".repeat(1024));
    for (etag, kept) in [
        ("\"1\"", true),
        ("W/\"weak\"", true),
        ("unquoted", true),
        (longest.as_str(), true),
        ("", false),
        ("\"\u{fffd}\"", false),
        (long.as_str(), false),
    ] {
        let visit =
            visit(&leased("https://a.example/a"), &exchange(200, &[("etag", etag), ("last-modified", etag)], "x"));
        let expected = kept.then_some(etag);
        assert_eq!((visit.etag.as_deref(), visit.last_modified.as_deref()), (expected, expected), "{etag}");
    }
}

#[test]
fn a_redirect_to_itself_is_asked_again_only_with_a_new_cookie() {
    let (with_cookie, without) = (
        exchange(302, &[("set-cookie", "seen=1"), ("location", "#top")], ""),
        exchange(302, &[("location", "/a?x")], ""),
    );
    let no_cookies = CrawlSettings { cookies: false, ..CrawlSettings::default() };
    let cases = [
        (CrawlSettings::default(), &with_cookie, 0, NextState::Scheduled { due_ms: NOW }, 1, "asked again"),
        (CrawlSettings::default(), &with_cookie, 2, NextState::Done, 0, "redirects to itself"),
        (CrawlSettings::default(), &without, 0, NextState::Done, 0, "redirects to itself"),
        (no_cookies, &with_cookie, 0, NextState::Done, 0, "redirects to itself"),
    ];
    for (settings, exchange, attempts, next, counted, words) in cases {
        let url = LeasedUrl { attempts, ..leased("https://a.example/a?x") };
        let visit = visit_with(&settings, &url, exchange, None);
        assert_eq!((visit.outcome, visit.next, visit.attempts), (Outcome::Redirect, next, counted), "{words}");
        assert!(visit.error.as_deref().is_some_and(|error| error.contains(words)), "{:?}", visit.error);
    }
    let elsewhere = exchange(302, &[("set-cookie", "seen=1"), ("location", "/b")], "");
    let visit = visit(&leased("https://a.example/a"), &elsewhere);
    assert_eq!((visit.next, visit.error), (NextState::Done, None));
}

#[test]
fn values_of_cookies_are_not_stored() {
    let headers = [
        ("set-cookie", "id=s3cret; Path=/; Secure"),
        ("set-cookie", "s3cret"),
        ("set-cookie", "a=s3=cret; =x"),
        ("x-other", "kept=yes"),
    ];
    let visit = visit(&leased("https://a.example/a"), &exchange(200, &headers, ""));
    let kept: Vec<&str> = visit.headers.iter().map(|(_, value)| value.as_str()).collect();
    assert_eq!(kept, ["id=…; Path=/; Secure", "…", "a=…; =x", "kept=yes"]);
}

#[test]
fn a_redirect_keeps_the_depth_and_counts_the_hop() {
    let url = LeasedUrl { hops: 2, ..leased("https://a.example/a") };
    let visit = visit(&url, &exchange(302, &[("location", "../b#top")], ""));
    let target = &visit.candidates[visit.target.unwrap()];
    assert_eq!((target.url.as_str(), target.depth, target.hops), ("https://a.example/b", 3, 3));
    assert_eq!(target.admission, Admission::Queue);
    let url = LeasedUrl { hops: 10, ..leased("https://a.example/a") };
    let visit = self::visit(&url, &exchange(302, &[("location", "/b")], ""));
    assert_eq!(admissions(&visit), [("https://a.example/b", "max_redirects")]);
}

#[test]
fn a_redirect_to_what_is_no_page_says_so() {
    let visit = visit(&leased("https://a.example/a"), &exchange(302, &[("location", "mailto:x@y.z")], ""));
    assert_eq!((visit.target, visit.discarded.as_slice()), (None, &[(Rule::SCHEME, 1)][..]));
    assert!(visit.error.unwrap().contains("mailto:x@y.z"));
}

#[test]
fn only_a_seed_brings_its_target_into_scope() {
    let away = exchange(301, &[("location", "https://www.a.example/")], "");
    let seed = LeasedUrl { depth: 0, may_widen: true, ..leased("https://a.example/") };
    let visit_of_seed = visit(&seed, &away);
    assert_eq!(visit_of_seed.widens.as_ref().map(|h| h.as_str()), Some("www.a.example"));
    assert_eq!(admissions(&visit_of_seed), [("https://www.a.example/", "queue")]);
    let other = visit(&leased("https://a.example/x"), &away);
    assert_eq!((other.widens.clone(), admissions(&other)), (None, vec![("https://www.a.example/", "scope")]));
}

#[test]
fn broken_pages_do_not_hold_their_host() {
    let mut failures = 0;
    for broken in [
        failed(FailureKind::Protocol, None),
        failed(FailureKind::Protocol, Some(200)),
        exchange(500, &[], ""),
        failed(FailureKind::Timeout, Some(200)),
        failed(FailureKind::Tls, None),
        failed(FailureKind::Protocol, None),
        failed(FailureKind::Connect, None),
    ] {
        let effect = host_effect(&broken, failures, NOW, 0.5);
        assert_eq!(effect.pause_ms, None, "{broken:?}");
        failures = effect.failures;
    }
    assert_eq!(failures, 1, "the answers before the closed connection ended the row");
}

#[test]
fn a_chain_of_hosts_does_not_widen_the_scope_for_ever() {
    let away = exchange(301, &[("location", "https://next.example/")], "");
    let seed = LeasedUrl { depth: 0, hops: 10, may_widen: true, ..leased("https://a.example/") };
    let visit = visit(&seed, &away);
    assert_eq!(visit.widens, None);
    assert!(visit.candidates.iter().all(|candidate| candidate.admission != Admission::Queue));
}

#[test]
fn a_page_names_each_url_once_by_its_best_path() {
    let page = Page {
        mime: "text/html".to_owned(),
        base: Some("/sub/".to_owned()),
        links: vec![
            link("x", LinkKind::Img, false),
            link("x", LinkKind::A, false),
            link("y", LinkKind::A, true),
            link("https://b.example/", LinkKind::A, false),
            link("mailto:a@b.c", LinkKind::A, false),
            link("http://[", LinkKind::A, false),
            link("/canon", LinkKind::Canonical, false),
            link("z.png", LinkKind::Img, false),
        ],
        links_cut: 4,
        ..Page::default()
    };
    let settings = CrawlSettings::default();
    let visit = visit_with(&settings, &leased("https://a.example/dir/p"), &exchange(200, &[], "x"), Some(page));
    assert_eq!(
        admissions(&visit),
        [
            ("https://a.example/sub/x", "queue"),
            ("https://a.example/sub/y", "nofollow"),
            ("https://b.example/", "scope"),
            ("https://a.example/canon", "queue"),
            ("https://a.example/sub/z.png", "not_followed_kind"),
        ]
    );
    assert_eq!(visit.links.len(), 6);
    assert_eq!(visit.canonical, Some(3));
    assert_eq!(visit.discarded, [(Rule::SCHEME, 1), (Rule::SYNTAX, 1), (Rule::LINKS_CUT, 4)]);
    assert!(visit.candidates.iter().all(|c| c.depth == 4 && c.hops == 0));
}

#[test]
fn nofollow_is_obeyed_unless_robots_are_ignored() {
    let page = || Page {
        mime: "text/html".to_owned(),
        meta_robots: Some("nofollow".to_owned()),
        links: vec![link("x", LinkKind::A, false)],
        ..Page::default()
    };
    let polite = CrawlSettings::default();
    let visit = visit_with(&polite, &leased("https://a.example/p"), &exchange(200, &[], "x"), Some(page()));
    assert!(visit.nofollow);
    assert_eq!(admissions(&visit), [("https://a.example/x", "nofollow")]);
    let rude = CrawlSettings { ignore_robots: true, ..polite };
    let visit = visit_with(&rude, &leased("https://a.example/p"), &exchange(200, &[], "x"), Some(page()));
    assert!(visit.nofollow, "what the page says is recorded all the same");
    assert_eq!(admissions(&visit), [("https://a.example/x", "queue")]);
}

#[test]
fn header_links_count_too() {
    let settings = CrawlSettings { patterns: vec![PatternRule::Exclude("secret".to_owned())], ..Default::default() };
    let answer = exchange(200, &[("link", "</c>; rel=\"canonical\", </secret>; rel=next")], "x");
    let page = Page { mime: "text/html".to_owned(), ..Page::default() };
    let visit = visit_with(&settings, &leased("https://a.example/p"), &answer, Some(page));
    assert_eq!(visit.canonical, Some(0));
    assert_eq!(admissions(&visit), [("https://a.example/c", "queue"), ("https://a.example/secret", "exclude:secret")]);
}

#[test]
fn headers_are_stored_up_to_their_limit() {
    let long = "v".repeat(MAX_STORED_HEADER_BYTES - 10);
    let answer = exchange(200, &[("a", "1"), ("b", &long), ("c", &long)], "");
    let visit = visit(&leased("https://a.example/a"), &answer);
    assert_eq!(visit.headers.iter().map(|(n, _)| n.as_str()).collect::<Vec<_>>(), ["a", "b"]);
}

#[test]
fn hosts_are_left_alone_when_they_ask_or_fail() {
    let effect = |exchange: &Exchange, failures| host_effect(exchange, failures, NOW, 0.5);
    let limited = effect(&exchange(429, &[("retry-after", "120")], ""), 0);
    assert_eq!(limited.pause_ms, Some((120_000, DelayBy::RetryAfter)));
    let unknown = effect(&failed(FailureKind::Dns, None), 0);
    assert_eq!((unknown.failures, unknown.pause_ms.map(|p| p.1)), (1, Some(DelayBy::Backoff)));
    assert_eq!(effect(&failed(FailureKind::Connect, None), 0), HostEffect { failures: 1, pause_ms: None });
    let refused = effect(&failed(FailureKind::Connect, None), 2);
    assert_eq!(refused.pause_ms, Some((politeness::backoff_ms(1, 0.5), DelayBy::Backoff)));
    assert_eq!(effect(&failed(FailureKind::Timeout, None), 0).pause_ms, None);
    assert!(effect(&failed(FailureKind::Timeout, None), 2).pause_ms.is_some());
    assert_eq!(effect(&exchange(404, &[], ""), 4), HostEffect { failures: 0, pause_ms: None });
    assert_eq!(effect(&failed(FailureKind::BlockedAddress, None), 4).failures, 4);
}

#[test]
fn retry_after_counts_where_the_server_speaks_of_itself() {
    let pause = |status, seconds: &str| {
        host_effect(&exchange(status, &[("retry-after", seconds), ("location", "/x")], ""), 2, NOW, 0.5).pause_ms
    };
    for status in [429, 500, 502, 503, 504, 521] {
        assert_eq!(pause(status, "120"), Some((120_000, DelayBy::RetryAfter)), "{status}");
        assert_eq!(pause(status, "999999"), Some((86_400_000, DelayBy::RetryAfter)), "{status}");
    }
    // It is about one redirect, and must not stop a host for a day.
    for status in [301, 302, 303, 307, 308] {
        assert_eq!(pause(status, "5"), Some((5_000, DelayBy::RetryAfter)), "{status}");
        assert_eq!(pause(status, "86400"), Some((60_000, DelayBy::RetryAfter)), "{status}");
    }
    for status in [200, 404, 408, 413, 425] {
        assert_eq!(pause(status, "120"), None, "{status}");
    }
    assert_eq!(pause(503, "soon"), Some((politeness::backoff_ms(3, 0.5), DelayBy::Backoff)));
    assert_eq!(pause(500, "soon"), None);
}

/// Links of a page whose base was `data:` or `javascript:` were lost.
#[test]
fn a_base_that_cannot_be_one_loses_no_links() {
    for (base, expected) in [
        ("data:text/html,x", "https://a.example/dir/found"),
        ("javascript:/x/", "https://a.example/dir/found"),
        ("http://[::1", "https://a.example/dir/found"),
        ("/other/", "https://a.example/other/found"),
    ] {
        let page =
            Page { base: Some(base.to_owned()), links: vec![link("found", LinkKind::A, false)], ..Page::default() };
        let exchange = exchange(200, &[], "");
        let visit = visit_with(&CrawlSettings::default(), &leased("https://a.example/dir/"), &exchange, Some(page));
        assert_eq!(admissions(&visit), [(expected, "queue")], "{base}");
    }
}

const SESSION: &str = "9682993c8daa2c5497996114facdc805";

#[test]
fn what_is_taken_out_of_links_is_counted() {
    let links = [format!("x?sid={SESSION}"), format!("x;jsessionid={SESSION}?utm_a=1"), "y?utm_b".to_owned()];
    let page = Page {
        mime: "text/html".to_owned(),
        links: links.iter().map(|href| link(href, LinkKind::A, false)).collect(),
        ..Page::default()
    };
    let settings = CrawlSettings { drop_params: vec!["utm_*".to_owned()], ..CrawlSettings::default() };
    let visit = visit_with(&settings, &leased("https://a.example/"), &exchange(200, &[], "x"), Some(page));
    assert_eq!(admissions(&visit), [("https://a.example/x", "queue"), ("https://a.example/y", "queue")]);
    assert_eq!(visit.discarded, [(Rule::SESSION_IDS, 2), (Rule::DROP_PARAM, 2)]);
}

#[test]
fn what_is_no_url_to_crawl_is_counted_and_not_stored() {
    let too_long = format!("/{}", "a".repeat(CrawlUrl::MAX_BYTES));
    let hrefs = [&too_long, "mailto:a@b.c", "javascript:void(0)", "ftp://b.example/", "tel:1", "http://[", "/good"];
    let links = hrefs.iter().map(|href| link(href, LinkKind::A, false)).collect();
    let page = Page { mime: "text/html".to_owned(), links, ..Page::default() };
    let visit =
        visit_with(&CrawlSettings::default(), &leased("https://a.example/"), &exchange(200, &[], "x"), Some(page));
    assert_eq!(admissions(&visit), [("https://a.example/good", "queue")]);
    assert_eq!(visit.discarded, [(Rule::TOO_LONG, 1), (Rule::SCHEME, 4), (Rule::SYNTAX, 1)]);
}

#[test]
fn links_that_take_too_long_to_resolve_are_counted() {
    let links = (0..1_000).map(|n| link(&format!("/{n}"), LinkKind::A, false)).collect();
    let page = Page { mime: "text/html".to_owned(), links, ..Page::default() };
    let mut asked = 0;
    let mut third = || {
        asked += 1;
        asked == 3
    };
    let (from, answer) = (leased("https://a.example/"), exchange(200, &[], "x"));
    let visit = visit_until(&CrawlSettings::default(), &from, &answer, Some(page), false, &mut third);
    assert_eq!((visit.links.len(), visit.discarded), (767, vec![(Rule::LINKS_CUT, 233)]));
    assert_eq!(visit.content.unwrap().parse_cut, Some(ParseCut::Time));
}

#[test]
fn a_redirect_to_itself_with_a_session_id_keeps_it() {
    let target = |from: &str, to: &str| {
        let visit = visit(&leased(from), &exchange(302, &[("location", to)], ""));
        visit.candidates[visit.target.unwrap()].url.as_str().to_owned()
    };
    let to_itself = format!("/a?PHPSESSID={SESSION}#top");
    assert_eq!(target("https://a.example/a", &to_itself), format!("https://a.example/a?PHPSESSID={SESSION}"));
    assert_eq!(target("https://a.example/b", &to_itself), "https://a.example/a");
    assert_eq!(target("https://a.example/~u", "/%7Eu"), "https://a.example/%7Eu");
    // With a cookie the session is carried by that.
    let headers = [("location", to_itself.as_str()), ("set-cookie", "PHPSESSID=1")];
    let with_cookie = |attempts| {
        let visit = visit(&LeasedUrl { attempts, ..leased("https://a.example/a") }, &exchange(302, &headers, ""));
        (visit.candidates[visit.target.unwrap()].url.as_str().to_owned(), visit.next.as_str())
    };
    assert_eq!(with_cookie(0), ("https://a.example/a".to_owned(), "scheduled"));
    assert_eq!(with_cookie(2), (format!("https://a.example/a?PHPSESSID={SESSION}"), "done"));
    // Not without end: from there it leads to what is known.
    let with_session = format!("https://a.example/a?PHPSESSID={SESSION}");
    assert_eq!(target(&with_session, "/a?PHPSESSID=ffffffffffffffffffffffff"), "https://a.example/a");
}

#[test]
fn links_of_a_page_that_is_a_trap_are_recorded_and_not_followed() {
    let page = |soft_404: bool| Page {
        mime: "text/html".to_owned(),
        soft_404,
        links: vec![link("x", LinkKind::A, false), link("https://b.example/", LinkKind::A, false)],
        ..Page::default()
    };
    let check = |settings: &CrawlSettings, soft_404: bool, copy: bool, rule: &str| {
        let from = leased("https://a.example/");
        let visit = visit_of_copy(settings, &from, &exchange(200, &[], "x"), Some(page(soft_404)), copy);
        assert_eq!(admissions(&visit), [("https://a.example/x", rule), ("https://b.example/", "scope")]);
        assert_eq!((visit.outcome, visit.links.len()), (Outcome::Page, 2));
        assert_eq!(visit.content.unwrap().soft_404, soft_404);
    };
    let all = CrawlSettings::default();
    check(&all, false, false, "queue");
    check(&all, true, false, "trap:soft_404");
    check(&all, false, true, "trap:same_content");
    let without_soft = CrawlSettings { traps: [Trap::SameContent].into(), ..CrawlSettings::default() };
    check(&without_soft, true, true, "trap:same_content");
    let none = CrawlSettings { traps: [].into(), ..CrawlSettings::default() };
    check(&none, true, true, "queue");
    // A seed's links are followed whatever it says.
    let seed = LeasedUrl { depth: 0, ..leased("https://a.example/") };
    let visit = visit_of_copy(&all, &seed, &exchange(200, &[], "x"), Some(page(true)), true);
    assert_eq!(admissions(&visit)[0], ("https://a.example/x", "queue"));
}
