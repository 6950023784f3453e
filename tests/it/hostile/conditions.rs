//! Conditional requests and the answers that are not 200.

use sqrawl::model::{Exchange, FetchRequest, Validators};

use super::desk::{Case, Expected, assert_end, body, check, fetch, fetcher, get, patient};
use super::server::{RawServer, Reply};

fn validators(etag: Option<&str>, last_modified: Option<&str>) -> Option<Validators> {
    Some(Validators { etag: etag.map(str::to_owned), last_modified: last_modified.map(str::to_owned) })
}

/// Asks with validators; gives the exchange and the conditional lines that were sent.
async fn ask(validators: Option<Validators>, reply: Reply) -> (Exchange, Vec<String>) {
    let server = RawServer::start(reply).await;
    let request = FetchRequest { validators, ..get(&server.url()) };
    let exchange = fetch(&fetcher(&patient(), &[&server.url()]), request).await;
    let head = server.heads().pop().unwrap();
    let mut sent: Vec<String> = head.lines().filter(|line| line.starts_with("if-")).map(str::to_owned).collect();
    sent.sort();
    (exchange, sent)
}

#[tokio::test]
async fn validators_go_back_as_they_came() {
    let date = "Mon, 01 Jan 2024 00:00:00 GMT";
    let long = format!("\"{}\"", "x".repeat(2000));
    for (given, expected) in [
        (
            validators(Some("\"1\""), Some(date)),
            vec!["if-modified-since: Mon, 01 Jan 2024 00:00:00 GMT", "if-none-match: \"1\""],
        ),
        (validators(Some("W/\"weak\""), None), vec!["if-none-match: W/\"weak\""]),
        // Servers compare what they sent, however wrong it is.
        (validators(Some("unquoted"), None), vec!["if-none-match: unquoted"]),
        (validators(None, Some("yesterday")), vec!["if-modified-since: yesterday"]),
        (validators(Some("a\r\nX-Injected: 1"), Some("b\nX: 1")), vec![]),
        (validators(Some(&long), None), vec![]),
        (validators(Some(""), Some("")), vec![]),
        (None, vec![]),
    ] {
        let reply = Reply::http("HTTP/1.1 200 OK\nContent-Length: 3", "new");
        let (exchange, sent) = ask(given.clone(), reply).await;
        assert_eq!(sent, expected, "{given:?}");
        assert_end("a 200 to a condition is a page like any", &exchange.end, &body("new"));
    }
}

#[tokio::test]
async fn a_304_has_no_body_whatever_it_says() {
    for (name, head, rest) in [
        ("bare", "HTTP/1.1 304 Not Modified", ""),
        ("length", "HTTP/1.1 304 Not Modified\nContent-Length: 500", ""),
        ("with a body", "HTTP/1.1 304 Not Modified\nContent-Length: 4", "body"),
        ("chunked", "HTTP/1.1 304 Not Modified\nTransfer-Encoding: chunked", "4\r\nbody\r\n0\r\n\r\n"),
        ("packed", "HTTP/1.1 304 Not Modified\nContent-Encoding: gzip", ""),
    ] {
        for given in [validators(Some("\"1\""), None), None] {
            let (exchange, _) = ask(given, Reply::http(&format!("{head}\nETag: \"2\""), rest)).await;
            assert_end(name, &exchange.end, &body(""));
            assert_eq!((exchange.status, exchange.header("etag"), exchange.wire_bytes), (Some(304), Some("\"2\""), 0));
        }
    }
}

#[tokio::test]
async fn a_part_that_nobody_asked_for_is_kept_as_it_came_and_no_page() {
    let head = "HTTP/1.1 206 Partial Content\nContent-Range: bytes 0-3/1000\nContent-Length: 4";
    let exchange = check(Case::new("206", Reply::http(head, "part"), 206, body("part"))).await;
    let outcome = sqrawl::verdict::classify(&exchange, false);
    assert_eq!(outcome.as_str(), "http_error");
}

#[tokio::test]
async fn statuses_that_hold_nothing_or_something_odd() {
    for (name, head, rest, status, expected) in [
        ("204", "HTTP/1.1 204 No Content", "", 204, ""),
        ("205", "HTTP/1.1 205 Reset Content\nContent-Length: 0", "", 205, ""),
        ("205 with a body", "HTTP/1.1 205 Reset Content\nContent-Length: 4", "body", 205, "body"),
        ("300 with a Location", "HTTP/1.1 300 Multiple Choices\nLocation: /b\nContent-Length: 4", "list", 300, "list"),
        ("305", "HTTP/1.1 305 Use Proxy\nLocation: http://evil.test/\nContent-Length: 0", "", 305, ""),
        ("306", "HTTP/1.1 306 Switch Proxy\nLocation: /b\nContent-Length: 0", "", 306, ""),
        ("401", "HTTP/1.1 401 Unauthorized\nWWW-Authenticate: Basic\nContent-Length: 2", "no", 401, "no"),
        ("407", "HTTP/1.1 407 Proxy Authentication Required\nContent-Length: 0", "", 407, ""),
        ("000", "HTTP/1.1 000 Zero\nContent-Length: 0", "", 0, ""),
        ("600", "HTTP/1.1 600 Odd\nContent-Length: 2", "ok", 600, "ok"),
    ] {
        let expected =
            if status == 0 { Expected::Failed(sqrawl::model::FailureKind::Protocol, "") } else { body(expected) };
        check(Case::new(name, Reply::http(head, rest), status, expected)).await;
    }
}

#[tokio::test]
async fn of_two_locations_the_first_counts_and_no_location_is_followed_here() {
    let head = "HTTP/1.1 302 Found\nLocation: /first\nLocation: /second\nContent-Length: 0";
    let exchange = check(Case::new("two", Reply::http(head, ""), 302, body(""))).await;
    assert_eq!(exchange.header("location"), Some("/first"));
    for location in
        ["", "#top", "?q", "//other.test/", "ftp://files.test/", "javascript:1", "http://[::1", "/a b\u{e9}"]
    {
        let head = format!("HTTP/1.1 301 Moved\nLocation: {location}\nContent-Length: 0");
        let exchange = check(Case::new("odd", Reply::http(&head, ""), 301, body(""))).await;
        assert_eq!(exchange.header("location"), Some(location));
    }
}

/// The other place is not asked, now or later.
#[tokio::test]
async fn an_alternative_service_is_not_used() {
    let other = RawServer::start(Reply::http("HTTP/1.1 200 OK\nContent-Length: 2", "no")).await;
    let head = format!(
        "HTTP/1.1 200 OK\nAlt-Svc: h2=\":{0}\"; ma=3600; persist=1, h3=\":{0}\", http/1.1=\"127.0.0.1:{0}\"\nContent-Length: 2",
        other.port
    );
    let server = RawServer::start(Reply::http(&head, "ok")).await;
    let fetcher = fetcher(&patient(), &[&server.url(), &other.url()]);
    for _ in 0..3 {
        assert_end("alt-svc", &fetch(&fetcher, get(&server.url())).await.end, &body("ok"));
    }
    assert_eq!((server.accepted(), other.accepted()), (3, 0));
}
