//! Servers that take their time. The pauses of these tests are the servers', and no test measures
//! one: each ends because a limit of its own is reached, or hangs into the watchdog.

use std::time::Duration;

use sqrawl::fetch::{ByteBudget, Fetcher};
use sqrawl::model::{CrawlSettings, ExchangeEnd, FailureKind::*};

use super::desk::{Case, Expected::Failed, body, check_with, fetcher, get, patient};
use super::server::{RawServer, Reply, message};

fn read_limit() -> CrawlSettings {
    CrawlSettings { read_timeout_ms: 400, connect_timeout_ms: 400, ..patient() }
}

fn total_limit() -> CrawlSettings {
    CrawlSettings { timeout_ms: 1_500, ..patient() }
}

const PAUSE: Duration = Duration::from_millis(20);

#[tokio::test]
async fn silence_ends_at_the_read_limit() {
    for case in [
        Case::new("no answer", Reply::Silence(Vec::new()), 0, Failed(Timeout, "no response head within 800 ms")),
        Case::new(
            "half a head",
            Reply::Silence(b"HTTP/1.1 200 OK\r\nX".to_vec()),
            0,
            Failed(Timeout, "no response head"),
        ),
        Case::new(
            "half a body",
            Reply::Silence(message("HTTP/1.1 200 OK\nContent-Length: 9", "half")),
            200,
            Failed(Timeout, "no more of the body within 400 ms"),
        ),
    ] {
        check_with(case, &read_limit()).await;
    }
}

#[tokio::test]
async fn a_drip_escapes_the_read_limit_and_not_the_total_one() {
    let head = message("HTTP/1.1 200 OK", "");
    let body = Reply::Drip { head, piece: b"x".to_vec(), pause: PAUSE };
    check_with(Case::new("body", body, 200, Failed(Timeout, "not done within 1500 ms")), &total_limit()).await;
    let head = Reply::Drip { head: b"HTTP/1.1 200 OK\r\nX: ".to_vec(), piece: b"x".to_vec(), pause: PAUSE };
    check_with(Case::new("head", head, 0, Failed(Timeout, "not done within 1500 ms")), &total_limit()).await;
}

#[tokio::test]
async fn a_flood_of_interim_responses_ends_at_the_total_limit() {
    let piece = b"HTTP/1.1 100 Continue\r\n\r\n".to_vec();
    let flood = Reply::Endless { head: Vec::new(), piece };
    check_with(Case::new("1xx", flood, 0, Failed(Timeout, "not done within 1500 ms")), &total_limit()).await;
}

#[tokio::test]
async fn a_redirect_that_drips_is_still_a_redirect() {
    let head = message("HTTP/1.1 302 Found\nLocation: /there", "");
    let reply = Reply::Drip { head, piece: b"x".to_vec(), pause: PAUSE };
    let exchange = check_with(Case::new("redirect", reply, 302, body("")), &patient()).await;
    assert_eq!(exchange.header("location"), Some("/there"));
}

/// Two bodies that fit one after the other and not together both arrive, whatever else holds the
/// memory, and the bound holds.
#[tokio::test]
async fn bodies_that_do_not_fit_together_wait_for_each_other() {
    const SIZE: usize = 4_000_000;
    let server =
        RawServer::start(Reply::http(&format!("HTTP/1.1 200 OK\nContent-Length: {SIZE}"), vec![b'x'; SIZE])).await;
    let fetcher = fetcher(&patient(), &[&server.url()]);
    let budget = ByteBudget::new(9_000_000, SIZE as u64, 1000);
    let fetches = (0..8).map(|_| async {
        let mut reservation = budget.reserve().await;
        let request = sqrawl::model::FetchRequest { max_body_bytes: SIZE as u64, ..get(&server.url()) };
        match fetcher.fetch(request, &mut reservation).await.end {
            ExchangeEnd::Complete { body, .. } => body.len(),
            ExchangeEnd::Failed { detail, .. } => panic!("{detail}"),
        }
    });
    let sizes = futures_util::future::join_all(fetches).await;
    assert_eq!(sizes, [SIZE; 8]);
    assert_eq!(budget.used_bytes(), 0);
    assert!(budget.peak_bytes() <= budget.limit_bytes(), "{}", budget.peak_bytes());
}
