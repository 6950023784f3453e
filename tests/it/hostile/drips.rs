//! Every place where a server can hold a request by saying a little now and then. Each ends at a
//! limit of its own, and the watchdog of the desk is the only clock.

use std::net::Ipv4Addr;
use std::time::Duration;

use sqrawl::model::{CrawlSettings, ExchangeEnd, FailureKind::*, Proxy};
use tokio::io::AsyncWriteExt;
use tokio::net::TcpListener;

use super::desk::{Case, Expected::Failed, assert_end, check_with, fetch, fetcher, get, patient};
use super::server::{RawServer, Reply, message};

const PAUSE: Duration = Duration::from_millis(20);
const TOTAL: &str = "not done within 1500 ms";

fn impatient() -> CrawlSettings {
    CrawlSettings { timeout_ms: 1_500, ..patient() }
}

fn drip(head: impl Into<Vec<u8>>, piece: &str) -> Reply {
    Reply::Drip { head: head.into(), piece: piece.as_bytes().to_vec(), pause: PAUSE }
}

#[tokio::test]
async fn a_drip_ends_at_the_total_limit_wherever_it_is() {
    let chunked = message("HTTP/1.1 200 OK\nTransfer-Encoding: chunked", "");
    let with = |more: &str| [chunked.as_slice(), more.as_bytes()].concat();
    let length = message("HTTP/1.1 200 OK\nContent-Length: 90000", "");
    let cases = [
        ("header lines", drip("HTTP/1.1 200 OK\r\n", "X: y\r\n"), 0),
        ("a header value", drip("HTTP/1.1 200 OK\r\nX: ", "y"), 0),
        ("interim responses", drip("", "HTTP/1.1 103 Early Hints\r\n\r\n"), 0),
        ("a body with a length", drip(length, "x"), 200),
        ("chunks", drip(chunked.clone(), "1\r\nx\r\n"), 200),
        ("a chunk", drip(with("ffff\r\n"), "x"), 200),
        ("a chunk's extension", drip(with("1;"), "x"), 200),
        ("trailers", drip(with("1\r\nx\r\n0\r\n"), "X: y\r\n"), 200),
        ("a trailer", drip(with("1\r\nx\r\n0\r\nX: "), "y"), 200),
    ];
    let settings = impatient();
    let checks = cases
        .map(|(name, reply, status)| check_with(Case::new(name, reply, status, Failed(Timeout, TOTAL)), &settings));
    futures_util::future::join_all(checks).await;
}

/// What is no number any more, or too many of them, ends sooner; so it must not end later.
#[tokio::test]
async fn a_drip_of_nonsense_ends_no_later() {
    let chunked = message("HTTP/1.1 200 OK\nTransfer-Encoding: chunked", "");
    for (name, reply) in [
        ("the status line", drip("HTTP/1.1 ", "2")),
        ("empty lines", drip("", "\r\n")),
        ("a chunk's size", drip(chunked, "0")),
    ] {
        let server = RawServer::start(reply).await;
        let exchange = fetch(&fetcher(&impatient(), &[&server.url()]), get(&server.url())).await;
        assert!(matches!(exchange.end, ExchangeEnd::Failed { .. }), "{name}: {exchange:?}");
    }
}

/// Says what it is told to, a byte at a time, to whoever connects.
async fn handshake_drip(bytes: &'static [u8]) -> (u16, tokio::task::JoinHandle<()>) {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let task = tokio::spawn(async move {
        let mut open = Vec::new();
        while let Ok((mut stream, _)) = listener.accept().await {
            open.push(tokio::spawn(async move {
                for byte in bytes.iter().cycle() {
                    tokio::time::sleep(PAUSE).await;
                    if stream.write_all(&[*byte]).await.is_err() {
                        break;
                    }
                }
            }));
        }
    });
    (port, task)
}

#[tokio::test]
async fn a_handshake_that_drips_ends_at_the_connect_limit() {
    // The head of a TLS record that says it is 16 kB long, and then its content.
    let (port, task) = handshake_drip(&[0x16, 0x03, 0x03, 0x40, 0x00, 0x02, 0x00, 0x3f, 0xfc]).await;
    let settings = CrawlSettings { connect_timeout_ms: 700, ..patient() };
    let url = format!("https://127.0.0.1:{port}/");
    let exchange = fetch(&fetcher(&settings, &[&url]), get(&url)).await;
    assert_end("TLS", &exchange.end, &Failed(Timeout, ""));
    task.abort();
}

#[tokio::test]
async fn a_proxy_that_drips_ends_at_the_connect_limit() {
    for (scheme, said) in [
        ("http", &b"HTTP/1.1 200 OK\r\nX: yyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyy"[..]),
        ("socks5h", &[5]),
    ] {
        let (port, task) = handshake_drip(said).await;
        let proxy = Some(Proxy { url: format!("{scheme}://127.0.0.1:{port}"), credentials: None });
        let settings = CrawlSettings { connect_timeout_ms: 700, proxy, ..patient() };
        let exchange = fetch(&fetcher(&settings, &[]), get("https://example.org/")).await;
        let failed = matches!(&exchange.end, ExchangeEnd::Failed { kind: Timeout | Connect, .. });
        assert!(failed, "{scheme}: {exchange:?}");
        assert_eq!((exchange.status, exchange.address), (None, None), "{scheme}");
        task.abort();
    }
}
