//! Framing and length of bodies.

use sqrawl::model::FailureKind::*;

use super::desk::{Case, Expected::*, LIMIT, ask, body, check};
use super::server::{Reply, message};

fn chunked(body: &str) -> Reply {
    Reply::http("HTTP/1.1 200 OK\nTransfer-Encoding: chunked", body)
}

fn said(length: &str, body: &str) -> Reply {
    Reply::http(&format!("HTTP/1.1 200 OK\nContent-Length: {length}"), body)
}

#[tokio::test]
async fn lengths_that_are_true_and_lengths_that_are_not() {
    for case in [
        Case::new("true", said("5", "hello"), 200, body("hello")),
        Case::new("empty", said("0", ""), 200, body("")),
        Case::new("longer than said", said("5", "hello and more"), 200, body("hello")),
        Case::new(
            "shorter than said",
            said("500", "hello"),
            200,
            Failed(Protocol, "end of file before message length"),
        ),
        Case::new("negative", said("-5", "hello"), 0, Failed(Protocol, "invalid content-length")),
        Case::new("no number", said("five", "hello"), 0, Failed(Protocol, "invalid content-length")),
        Case::new("past u64", said("99999999999999999999", "hello"), 0, Failed(Protocol, "invalid content-length")),
        Case::new("two lengths", said("5\nContent-Length: 6", "hello!"), 0, Failed(Protocol, "invalid content-length")),
        Case::new("the same twice", said("5\nContent-Length: 5", "hello"), 200, body("hello")),
        Case::new("huge", said("18446744073709551000", "hello"), 200, Failed(TooBig, "Content-Length")),
        Case::new("no length", Reply::http("HTTP/1.1 200 OK", "hello"), 200, body("hello")),
        Case::new("HTTP/1.0", Reply::http("HTTP/1.0 200 OK", "hello"), 200, body("hello")),
    ] {
        check(case).await;
    }
}

#[tokio::test]
async fn a_body_said_to_be_too_long_is_not_read() {
    let head = message(&format!("HTTP/1.1 200 OK\nContent-Length: {}", LIMIT + 1), "");
    let exchange = check(Case::new("too long", Reply::Silence(head), 200, Failed(TooBig, "100000"))).await;
    assert_eq!(exchange.wire_bytes, 0);
}

#[tokio::test]
async fn chunks_whole_and_broken() {
    let long = format!("{:x}\r\n{}\r\n0\r\n\r\n", 50_000, "x".repeat(50_000));
    let extensions = format!("5;{}\r\nhello\r\n0\r\n\r\n", "a=b;".repeat(10_000));
    let trailers = format!("5\r\nhello\r\n0\r\n{}\r\n", "X: y\r\n".repeat(100_000));
    for case in [
        Case::new("whole", chunked("5\r\nhello\r\n6\r\n world\r\n0\r\n\r\n"), 200, body("hello world")),
        Case::new("one long", chunked(&long), 200, body("x".repeat(50_000))),
        Case::new("extension", chunked("5;a=\"b\"\r\nhello\r\n0\r\n\r\n"), 200, body("hello")),
        Case::new("trailers", chunked("5\r\nhello\r\n0\r\nX: y\r\n\r\n"), 200, body("hello")),
        Case::new("no last chunk", chunked("5\r\nhello\r\n"), 200, Failed(Protocol, "unexpected EOF")),
        Case::new("cut chunk", chunked("ff\r\nhello"), 200, Failed(Protocol, "end of file")),
        Case::new("no size", chunked("hello"), 200, Failed(Protocol, "chunk size")),
        Case::new("negative size", chunked("-5\r\nhello\r\n0\r\n\r\n"), 200, Failed(Protocol, "chunk size")),
        Case::new("size past u64", chunked("fffffffffffffffff\r\nhello"), 200, Failed(Protocol, "chunk size")),
        Case::new("huge size", chunked("ffffffffffffff0\r\nhello"), 200, Failed(Protocol, "end of file")),
        Case::new("long extensions", chunked(&extensions), 200, Failed(Protocol, "chunk extension")),
        Case::new("many trailers", chunked(&trailers), 200, Failed(Protocol, "trailers")),
        Case::new(
            "length and chunks",
            Reply::http("HTTP/1.1 200 OK\nContent-Length: 3\nTransfer-Encoding: chunked", "5\r\nhello\r\n0\r\n\r\n"),
            200,
            body("hello"),
        ),
    ] {
        check(case).await;
    }
}

#[tokio::test]
async fn statuses_without_a_body_have_none() {
    for (name, status) in [("204", 204), ("304", 304)] {
        let reply = Reply::http(&format!("HTTP/1.1 {status} None\nContent-Length: 5\nX-Kept: yes"), "hello");
        let exchange = check(Case::new(name, reply, status, body(""))).await;
        assert_eq!((exchange.header("x-kept"), exchange.wire_bytes), (Some("yes"), 0), "{name}");
    }
}

#[tokio::test]
async fn errors_keep_status_headers_and_body() {
    for (name, status) in [("404", 404), ("500", 500), ("429", 429), ("999", 999)] {
        let reply = Reply::http(&format!("HTTP/1.1 {status} Sorry\nRetry-After: 7\nContent-Length: 5"), "sorry");
        let exchange = check(Case::new(name, reply, status, body("sorry"))).await;
        assert_eq!(exchange.header("retry-after"), Some("7"), "{name}");
        assert_eq!(exchange.wire_bytes, 5, "{name}");
    }
}

#[tokio::test]
async fn a_head_is_kept_when_its_body_breaks() {
    let exchange = ask(said("500\nETag: \"1\"", "hello")).await;
    assert_eq!((exchange.status, exchange.header("etag"), exchange.wire_bytes), (Some(200), Some("\"1\""), 5));
}

#[tokio::test]
async fn the_limit_holds_to_the_byte() {
    let exact = "x".repeat(LIMIT);
    let over = "x".repeat(LIMIT + 1);
    let close = |text: &str| Reply::http("HTTP/1.1 200 OK", text);
    let length = |text: &str| said(&text.len().to_string(), text);
    let whole = || body(&exact);
    let cut = || Truncated(exact.clone().into_bytes());
    for case in [
        Case::new("exact, said", length(&exact), 200, whole()),
        Case::new("exact, said", length(&exact), 200, whole()).truncating(),
        Case::new("exact", close(&exact), 200, whole()),
        Case::new("exact", close(&exact), 200, whole()).truncating(),
        Case::new("over, said", length(&over), 200, Failed(TooBig, "by its Content-Length")),
        Case::new("over, said", length(&over), 200, cut()).truncating(),
        Case::new("over", close(&over), 200, Failed(TooBig, "on the wire")),
        Case::new("over", close(&over), 200, cut()).truncating(),
        Case::new("nothing wanted", close("x"), 200, Failed(TooBig, "0 bytes")).limit(0),
        Case::new("nothing wanted", close("x"), 200, Truncated(Vec::new())).limit(0).truncating(),
        Case::new("nothing wanted or given", close(""), 200, body("")).limit(0),
    ] {
        check(case).await;
    }
}

#[tokio::test]
async fn an_endless_body_ends_at_the_limit() {
    let endless = || Reply::Endless { head: message("HTTP/1.1 200 OK", ""), piece: vec![b'x'; 65_536] };
    let limit = 3_000_000;
    let failed = Case::new("endless", endless(), 200, Failed(TooBig, "3000000")).limit(limit);
    let exchange = check(failed).await;
    assert!(exchange.wire_bytes < limit as u64 + 1_000_000, "{}", exchange.wire_bytes);
    let cut = Case::new("endless", endless(), 200, Truncated(vec![b'x'; limit])).limit(limit).truncating();
    check(cut).await;
}
