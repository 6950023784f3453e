use super::*;
use crate::model::{FailureKind, Header, Host, Scheme};
use crate::politeness::RobotsFile;

const NOW: UnixMs = 1_793_954_977_000;
const DAY: UnixMs = 86_400_000;

fn origin() -> Origin {
    Origin { scheme: Scheme::Https, host: Host::new("example.com"), port: 443 }
}

fn answer(status: u16, body: &[u8]) -> Exchange {
    Exchange {
        started_ms: NOW - 50,
        elapsed_ms: 50,
        status: Some(status),
        headers: Vec::new(),
        end: ExchangeEnd::Complete { body: body.to_vec(), truncated: false },
        wire_bytes: body.len() as u64,
        address: None,
    }
}

fn failure(kind: FailureKind) -> Exchange {
    let end = ExchangeEnd::Failed { kind, detail: "it broke".to_owned() };
    Exchange { status: None, end, ..answer(200, b"") }
}

fn record(last: &Exchange, known: Option<&RobotsRecord>) -> RobotsRecord {
    robots_record(&origin(), last, false, known, NOW, 0.5)
}

fn known(verdict: RobotsVerdict, failures: u32) -> RobotsRecord {
    RobotsRecord {
        origin: origin(),
        verdict,
        status: Some(200),
        fetched_ms: NOW - 2 * DAY,
        answered_ms: (verdict != RobotsVerdict::DisallowAll).then_some(NOW - 2 * DAY),
        expires_ms: NOW - DAY,
        failures,
        error: None,
        hop: None,
        body: (verdict == RobotsVerdict::Rules).then(|| "User-agent: *\nDisallow: /old".to_owned()),
    }
}

#[test]
fn an_answer_holds_for_a_day() {
    let got = record(&answer(200, b"User-agent: *\nDisallow: /x"), Some(&known(RobotsVerdict::DisallowAll, 7)));
    let expected = RobotsRecord {
        origin: origin(),
        verdict: RobotsVerdict::Rules,
        status: Some(200),
        fetched_ms: NOW,
        answered_ms: Some(NOW),
        expires_ms: NOW + DAY,
        failures: 0,
        error: None,
        body: Some("User-agent: *\nDisallow: /x".to_owned()),
        hop: None,
    };
    assert_eq!(got, expected);
}

#[test]
fn robots_txt_in_utf_16_is_obeyed() {
    let text = "\u{feff}User-agent: *\r\nDisallow: /é";
    let encoded = |bytes: fn(u16) -> [u8; 2]| text.encode_utf16().flat_map(bytes).collect::<Vec<u8>>();
    for body in [text.as_bytes().to_vec(), encoded(u16::to_le_bytes), encoded(u16::to_be_bytes)] {
        let record = record(&answer(200, &body), None);
        let rules = RobotsFile::parse(&record.body.expect("a text")).rules_for("x");
        assert_eq!(rules.check("/%C3%A9").line, Some((2, "Disallow: /é".to_owned())), "{body:?}");
    }
}

#[track_caller]
fn check_absent(last: &Exchange, hops_exceeded: bool) {
    for before in [None, Some(known(RobotsVerdict::Rules, 0)), Some(known(RobotsVerdict::DisallowAll, 3))] {
        let got = robots_record(&origin(), last, hops_exceeded, before.as_ref(), NOW, 0.5);
        assert_eq!((got.verdict, got.expires_ms, got.failures), (RobotsVerdict::AllowAll, NOW + DAY, 0), "{last:?}");
        assert_eq!((got.status, got.body), (last.status, None), "{last:?}");
    }
}

#[test]
fn no_robots_txt_allows_everything() {
    for status in [400, 401, 403, 404, 410, 418, 428, 430, 451, 499, 300, 301, 305, 308] {
        check_absent(&answer(status, b"User-agent: *\nDisallow: /"), false);
    }
    check_absent(&answer(302, b""), true);
    // The body of a 404 may be broken.
    check_absent(&Exchange { status: Some(404), ..failure(FailureKind::Protocol) }, false);
}

#[track_caller]
fn check_unreachable(last: &Exchange) {
    let first = record(last, None);
    assert_eq!((first.verdict, first.failures, first.expires_ms), (RobotsVerdict::DisallowAll, 1, NOW + 2_000));
    assert!(first.body.is_none() && first.error.is_some(), "{last:?}");
    let second = record(last, Some(&first));
    assert_eq!((second.verdict, second.failures, second.expires_ms), (RobotsVerdict::DisallowAll, 2, NOW + 8_000));
    for verdict in [RobotsVerdict::Rules, RobotsVerdict::AllowAll] {
        let before = known(verdict, 1);
        let stale = record(last, Some(&before));
        assert_eq!((stale.verdict, &stale.body), (verdict, &before.body), "the stale copy rules: {last:?}");
        assert_eq!((stale.failures, stale.expires_ms, stale.status), (2, NOW + 8_000, last.status));
        assert!(stale.error.is_some());
    }
}

#[test]
fn an_unreachable_robots_txt_allows_nothing_unless_an_answer_is_known() {
    // 304 says that a copy which nobody has claimed to have is still good.
    for status in [304, 429, 500, 502, 503, 599, 100, 999] {
        check_unreachable(&answer(status, b"User-agent: *\nAllow: /"));
    }
    for kind in [
        FailureKind::Timeout,
        FailureKind::Dns,
        FailureKind::Connect,
        FailureKind::Tls,
        FailureKind::Protocol,
        FailureKind::BlockedAddress,
        FailureKind::TooBig,
    ] {
        check_unreachable(&failure(kind));
        // A head arrived, a body to rely on did not.
        check_unreachable(&Exchange { status: Some(200), ..failure(kind) });
    }
}

#[test]
fn the_stale_copy_rules_for_thirty_days() {
    for verdict in [RobotsVerdict::Rules, RobotsVerdict::AllowAll] {
        let mut latest = RobotsRecord { answered_ms: Some(NOW - 30 * DAY + 1), ..known(verdict, 700) };
        latest = record(&answer(500, b""), Some(&latest));
        assert_eq!((latest.verdict, latest.answered_ms), (verdict, Some(NOW - 30 * DAY + 1)));
        latest = robots_record(&origin(), &answer(500, b""), false, Some(&latest), NOW + 1, 0.5);
        assert_eq!((latest.verdict, &latest.body), (RobotsVerdict::DisallowAll, &None), "thirty days are over");
        latest = robots_record(&origin(), &answer(404, b""), false, Some(&latest), NOW + 2, 0.5);
        assert_eq!((latest.verdict, latest.answered_ms), (RobotsVerdict::AllowAll, Some(NOW + 2)));
    }
}

#[test]
fn a_record_holds_until_it_expires_and_not_for_years_when_the_clock_jumps() {
    let answered = record(&answer(404, b""), None);
    for (at, holds) in [(NOW, true), (NOW + DAY - 1, true), (NOW + DAY, false), (NOW - 1, false), (0, false)] {
        assert_eq!(robots_holds(&answered, at), holds, "{at}");
    }
}

#[track_caller]
fn check_verdict(record: &RobotsRecord, path: &str, expected: Option<(bool, Option<(u32, &str)>)>) {
    let url = CrawlUrl::stored(&format!("https://example.com{path}")).unwrap();
    let got = robots_verdict(record, &url, "FooBot");
    let got = got.as_ref().map(|check| (check.allowed, check.line.as_ref().map(|(n, text)| (*n, text.as_str()))));
    assert_eq!(got, expected, "{path}");
}

#[test]
fn a_stored_record_explains_every_url() {
    let text = b"User-agent: *\nDisallow: /\n\nUser-agent: foobot\nDisallow: /x # mine\nAllow: /x/y\n";
    let rules = record(&answer(200, text), None);
    check_verdict(&rules, "/x?q", Some((false, Some((5, "Disallow: /x")))));
    check_verdict(&rules, "/x/y/z", Some((true, Some((6, "Allow: /x/y")))));
    check_verdict(&rules, "/z", Some((true, None)));
    check_verdict(&record(&answer(404, b""), None), "/x", Some((true, None)));
    check_verdict(&record(&answer(503, b""), None), "/x", None);
    check_verdict(&record(&answer(503, b""), Some(&rules)), "/x", Some((false, Some((5, "Disallow: /x")))));
}

#[test]
fn a_redirect_decides_nothing_and_is_followed_within_a_day() {
    let hop = RobotsHop { url: CrawlUrl::stored("https://b.example/r.txt").unwrap(), hops: 2 };
    let moved = answer(302, b"");
    for before in [None, Some(known(RobotsVerdict::Rules, 2)), Some(known(RobotsVerdict::DisallowAll, 2))] {
        let got = robots_on_its_way(&origin(), &moved, hop.clone(), before.as_ref(), NOW);
        let had = before.as_ref();
        assert_eq!(got.verdict, had.map_or(RobotsVerdict::DisallowAll, |before| before.verdict));
        assert_eq!(got.body, had.and_then(|before| before.body.clone()));
        assert_eq!(got.failures, had.map_or(0, |before| before.failures), "nothing has failed");
        assert_eq!(got.answered_ms, had.and_then(|before| before.answered_ms));
        assert!(!robots_holds(&got, NOW));
        for (at, next) in [(NOW, Some(&hop)), (NOW + DAY - 1, Some(&hop)), (NOW + DAY, None), (NOW - 1, None)] {
            assert_eq!(robots_next(&got, at), next, "{at}");
        }
        let put_off = robots_put_off(&got, 90_000, "in 90 s".to_owned(), NOW + 7);
        let expected = RobotsRecord { expires_ms: NOW + 90_007, error: Some("in 90 s".to_owned()), ..got.clone() };
        assert_eq!(put_off, expected, "nothing has failed");
        assert_eq!(robots_put_off(&got, u64::MAX, String::new(), NOW).expires_ms, NOW + 3_600_000);
        for last in [answer(404, b""), answer(200, b""), answer(503, b"")] {
            assert_eq!(robots_next(&record(&last, Some(&got)), NOW), None, "it has arrived: {last:?}");
        }
    }
}

#[test]
fn the_reason_is_kept_in_words() {
    assert_eq!(record(&answer(503, b""), None).error.as_deref(), Some("HTTP status 503"));
    assert_eq!(record(&failure(FailureKind::Dns), None).error.as_deref(), Some("it broke"));
    assert_eq!(record(&answer(404, b""), None).error, None);
}

#[test]
fn the_wait_is_bounded() {
    let mut before = known(RobotsVerdict::DisallowAll, u32::MAX);
    assert_eq!(record(&answer(500, b""), Some(&before)).expires_ms, NOW + 3_600_000);
    before.failures = 0;
    let asking = |value: &str| {
        let headers = vec![Header { name: "retry-after".to_owned(), value: value.to_owned() }];
        record(&Exchange { headers, ..answer(503, b"") }, Some(&before)).expires_ms - NOW
    };
    assert_eq!(asking("600"), 600_000);
    assert_eq!(asking("1"), 2_000);
    assert_eq!(asking("7200"), 3_600_000);
    assert_eq!(asking("soon"), 2_000);
}

#[track_caller]
fn check_body(body: &[u8], truncated: bool, expected: &str) {
    let last = Exchange { end: ExchangeEnd::Complete { body: body.to_vec(), truncated }, ..answer(200, b"") };
    let got = record(&last, None).body.expect("rules");
    assert_eq!(got.len(), expected.len());
    assert!(got == expected);
}

#[test]
fn the_body_is_bounded_text_of_whole_lines() {
    check_body(b"", false, "");
    check_body(b"a\0b\xff\nc", false, "ab\u{fffd}\nc");
    check_body(b"Disallow: /a\nDisallow: /", true, "Disallow: /a\n");
    check_body(b"Disallow: /a\nDisallow: /b\n", true, "Disallow: /a\nDisallow: /b\n");
    check_body(b"Disallow: /a", true, "Disallow: /a");

    let long = "Disallow: /tmp\n".repeat(40_000);
    let lines = RobotsFile::MAX_BYTES / 15;
    check_body(long.as_bytes(), false, &long[..lines * 15]);
    // Three bytes for every one that is not UTF-8.
    let invalid = b"\xff\xff\xff\xff\xff\xff\xff\xff\xff\n".repeat(40_000);
    check_body(&invalid, false, &format!("{}\n", "\u{fffd}".repeat(9)).repeat(RobotsFile::MAX_BYTES / 28));
}
