//! Status lines and headers.

use sqrawl::model::{ExchangeEnd, FailureKind::*, FetchRequest, Validators};

use super::desk::{Case, Expected::Failed, body, check, fetch, fetcher, get, patient, url};
use super::server::{RawServer, Reply, free_port};

#[tokio::test]
async fn what_is_no_response() {
    let cases = [
        Case::new("closed", Reply::Close, 0, Failed(Connect, "connection closed before message completed")),
        Case::new("reset", Reply::Reset, 0, Failed(Connect, "reset")),
        Case::new(
            "closed in the head",
            Reply::Bytes(b"HTTP/1.1 200 OK\r\nContent-".to_vec()),
            0,
            Failed(Connect, "connection closed before message completed"),
        ),
        Case::new("HTTP/0.9", Reply::Bytes(b"<p>hello</p>\r\n".to_vec()), 0, Failed(Protocol, "invalid HTTP version")),
        Case::new("noise", Reply::Bytes((0..=255).collect()), 0, Failed(Protocol, "invalid HTTP")),
        Case::new("SSH", Reply::Bytes(b"SSH-2.0-OpenSSH_9.2\r\n".to_vec()), 0, Failed(Protocol, "invalid HTTP")),
        Case::new("HTTP/2 unasked", Reply::Bytes(vec![0, 0, 0, 4, 0, 0, 0, 0, 0]), 0, Failed(Protocol, "invalid HTTP")),
        Case::new("no number", Reply::http("HTTP/1.1 okay", ""), 0, Failed(Protocol, "invalid HTTP status")),
        Case::new("NUL", Reply::http("HTTP/1.1 200 OK\nX-Nul: a\0b", ""), 0, Failed(Protocol, "invalid HTTP header")),
        Case::new("HTTP/9.9", Reply::http("HTTP/9.9 200 OK", ""), 0, Failed(Protocol, "invalid HTTP version")),
    ];
    for case in cases {
        check(case).await;
    }
}

#[tokio::test]
async fn interim_responses_are_passed_over() {
    let mut flood = "HTTP/1.1 100 Continue\r\n\r\n".repeat(1000);
    flood.push_str("HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
    let exchange = check(Case::new("1xx", Reply::Bytes(flood.into_bytes()), 200, body("ok"))).await;
    assert_eq!(exchange.header("link"), None);
}

#[tokio::test]
async fn too_many_or_too_long_headers() {
    let many = |count: usize| {
        let lines = (0..count).map(|n| format!("\nX-{n}: {n}")).collect::<String>();
        Reply::http(&format!("HTTP/1.1 200 OK{lines}\nContent-Length: 2"), "ok")
    };
    let long =
        |length: usize| Reply::http(&format!("HTTP/1.1 200 OK\nContent-Length: 2\nX: {}", "x".repeat(length)), "ok");
    let endless = Reply::Endless { head: b"HTTP/1.1 200 OK\r\nX: ".to_vec(), piece: vec![b'x'; 4096] };
    for case in [
        Case::new("255 headers", many(255), 200, body("ok")),
        Case::new("300 headers", many(300), 0, Failed(TooBig, "message head is too large")),
        Case::new("300 kB", long(300_000), 200, body("ok")),
        Case::new("1 MB", long(1_000_000), 0, Failed(TooBig, "message head is too large")),
        Case::new("endless", endless, 0, Failed(TooBig, "message head is too large")),
    ] {
        let kept: usize = check(case).await.headers.iter().map(|header| header.name.len() + header.value.len()).sum();
        assert!(kept <= 64 * 1024, "{kept}");
    }
}

#[tokio::test]
async fn careless_headers_are_read_as_browsers_read_them() {
    let mut reply =
        b"HTTP/1.1 200\r\nX-Folded: one\r\n  two\r\n\tthree\r\nX-Space : 1\r\nb@d name: 1\r\nnonsense\r\n".to_vec();
    reply.extend(b"Location: /caf\xe9/\xff\r\nX-UTF8: \xc3\xa9\r\nSet-Cookie: a=1\r\nSet-Cookie: b=2\r\n");
    reply.extend(b"UPPER:  padded \r\nEmpty:\r\nContent-Length: 2\r\n\r\nok");
    let exchange = check(Case::new("careless", Reply::Bytes(reply), 200, body("ok"))).await;
    for (name, value) in [
        ("x-folded", Some("one two three")),
        ("x-space", Some("1")),
        ("location", Some("/caf%E9/%FF")),
        ("x-utf8", Some("é")),
        ("upper", Some("padded")),
        ("empty", Some("")),
        ("nonsense", None),
    ] {
        assert_eq!(exchange.header(name), value, "{name}");
    }
    assert_eq!(exchange.headers_named("set-cookie").collect::<Vec<_>>(), ["a=1", "b=2"]);
}

#[tokio::test]
async fn a_redirect_is_handed_back_and_its_target_is_left_alone() {
    let target = RawServer::start(Reply::http("HTTP/1.1 200 OK\nContent-Length: 2", "no")).await;
    for status in [301, 302, 303, 307, 308] {
        let head = format!("HTTP/1.1 {status} Moved\nLocation: {}\nContent-Length: 5", target.url());
        let exchange = check(Case::new("redirect", Reply::http(&head, "moved"), status, body(""))).await;
        assert_eq!(exchange.header("location"), Some(target.url().as_str()));
        assert_eq!(exchange.wire_bytes, 5);
    }
    assert_eq!(target.accepted(), 0);
}

#[tokio::test]
async fn the_body_of_a_redirect_can_do_no_harm() {
    let head = "HTTP/1.1 301 Moved\nLocation: /there";
    for (name, reply) in [
        ("endless", Reply::Endless { head: super::server::message(head, ""), piece: vec![b'x'; 65_536] }),
        ("said too long", Reply::http(&format!("{head}\nContent-Length: 99999999"), "x")),
        ("broken chunks", Reply::http(&format!("{head}\nTransfer-Encoding: chunked"), "zz\r\n")),
        ("unknown coding", Reply::http(&format!("{head}\nContent-Encoding: compress\nContent-Length: 1"), "x")),
    ] {
        let exchange = check(Case::new(name, reply, 301, body(""))).await;
        assert_eq!(exchange.header("location"), Some("/there"), "{name}");
        assert!(exchange.wire_bytes < 1_000_000, "{name}: {}", exchange.wire_bytes);
    }
    let without = Reply::http("HTTP/1.1 301 Moved\nContent-Length: 5", "moved");
    check(Case::new("no Location", without, 301, body("moved"))).await;
}

#[tokio::test]
async fn what_is_sent() {
    let server = RawServer::start(Reply::http("HTTP/1.1 304 Not Modified\nETag: \"2\"", "")).await;
    let origin = format!("127.0.0.1:{}", server.port);
    let fetcher = fetcher(&patient(), &[&server.url()]);
    let validators = Validators {
        etag: Some("W/\"1\"".to_owned()),
        last_modified: Some("Mon, 01 Jan 2024 00:00:00 GMT".to_owned()),
    };
    let request = FetchRequest {
        url: url(&format!("http://{origin}/a%20b?q=1")),
        validators: Some(validators),
        ..get(&server.url())
    };
    let exchange = fetch(&fetcher, request).await;
    assert_eq!((exchange.status, exchange.header("etag")), (Some(304), Some("\"2\"")));
    assert_eq!(exchange.end, ExchangeEnd::Complete { body: Vec::new(), truncated: false });
    fetch(&fetcher, get(&server.url())).await;
    let heads = server.heads();
    let mut lines = heads[0].lines().filter(|line| !line.is_empty()).collect::<Vec<_>>();
    lines[1..].sort_unstable();
    let agent = format!("user-agent: sqrawl/{}", env!("CARGO_PKG_VERSION"));
    let host = format!("host: {origin}");
    let expected = [
        "GET /a%20b?q=1 HTTP/1.1",
        "accept-encoding: gzip, deflate, br, zstd",
        "accept: text/html,application/xhtml+xml,application/xml;q=0.9,text/plain;q=0.8,*/*;q=0.5",
        &host,
        "if-modified-since: Mon, 01 Jan 2024 00:00:00 GMT",
        "if-none-match: W/\"1\"",
        &agent,
    ];
    assert_eq!(lines, expected);
    assert!(!heads[1].contains("if-"), "{}", heads[1]);
}

#[tokio::test]
async fn no_connection() {
    let nowhere = format!("http://127.0.0.1:{}/", free_port().await);
    let exchange = fetch(&fetcher(&patient(), &[&nowhere]), get(&nowhere)).await;
    super::desk::assert_end("refused", &exchange.end, &Failed(Connect, "refused"));
    let exchange = fetch(&fetcher(&patient(), &[]), get("http://no.such.name.invalid/")).await;
    super::desk::assert_end("no name", &exchange.end, &Failed(Dns, "no.such.name.invalid has no address"));
    assert_eq!((exchange.status, exchange.address, exchange.wire_bytes), (None, None, 0));
}
