//! One request, and everything that must be true of it whatever the server does.

use std::time::Duration;

use sqrawl::fetch::{ByteBudget, Fetcher, HttpFetcher, Trust};
use sqrawl::model::{CrawlSettings, CrawlUrl, Exchange, ExchangeEnd, FailureKind, FetchRequest, Overflow};

use super::server::{RawServer, Reply};

/// The body limit of every case, unless it says otherwise.
pub(crate) const LIMIT: usize = 100_000;

/// Nothing here takes near as long; it may only abort.
const WATCHDOG: Duration = Duration::from_secs(120);

/// What must come of it.
#[derive(Clone, Debug)]
pub(crate) enum Expected {
    Body(Vec<u8>),
    Truncated(Vec<u8>),
    /// The kind, and words that the detail holds.
    Failed(FailureKind, &'static str),
}

pub(crate) fn body(bytes: impl AsRef<[u8]>) -> Expected {
    Expected::Body(bytes.as_ref().to_vec())
}

/// One case of the shelf.
pub(crate) struct Case {
    pub(crate) name: &'static str,
    pub(crate) reply: Reply,
    pub(crate) status: Option<u16>,
    pub(crate) expected: Expected,
    pub(crate) overflow: Overflow,
    pub(crate) limit: usize,
}

impl Case {
    pub(crate) fn new(name: &'static str, reply: Reply, status: u16, expected: Expected) -> Self {
        let status = (status != 0).then_some(status);
        Case { name, reply, status, expected, overflow: Overflow::Fail, limit: LIMIT }
    }

    pub(crate) fn truncating(self) -> Self {
        Case { overflow: Overflow::Truncate, ..self }
    }

    pub(crate) fn limit(self, limit: usize) -> Self {
        Case { limit, ..self }
    }
}

/// Times that no honest server of a test reaches, however busy the machine.
pub(crate) fn patient() -> CrawlSettings {
    CrawlSettings {
        timeout_ms: 100_000,
        connect_timeout_ms: 50_000,
        read_timeout_ms: 50_000,
        ..CrawlSettings::default()
    }
}

pub(crate) fn url(text: &str) -> CrawlUrl {
    CrawlUrl::stored(text).unwrap()
}

pub(crate) fn get(text: &str) -> FetchRequest {
    FetchRequest {
        url: url(text),
        validators: None,
        referrer: None,
        max_body_bytes: LIMIT as u64,
        overflow: Overflow::Fail,
    }
}

/// A fetcher that may connect these origins and the public internet.
pub(crate) fn fetcher(settings: &CrawlSettings, granted: &[&str]) -> HttpFetcher {
    let grants = granted.iter().map(|text| url(text).origin()).collect::<Vec<_>>();
    HttpFetcher::with_trust(settings, &grants, Trust::Only(Vec::new())).unwrap()
}

/// Fetches within a budget that has room for one body, packed and unpacked, and no more.
pub(crate) async fn fetch(fetcher: &HttpFetcher, request: FetchRequest) -> Exchange {
    let budget = ByteBudget::new(0, request.max_body_bytes, 1000);
    let mut reservation = budget.reserve().await;
    let exchange = tokio::time::timeout(WATCHDOG, fetcher.fetch(request, &mut reservation)).await.expect("it hangs");
    assert!(budget.peak_bytes() <= budget.limit_bytes(), "{} > {}", budget.peak_bytes(), budget.limit_bytes());
    let held = match &exchange.end {
        ExchangeEnd::Complete { body, .. } => body.len() as u64,
        ExchangeEnd::Failed { detail, .. } => {
            assert!(!detail.is_empty() && detail.len() <= 512 && !detail.contains(char::is_control), "{detail:?}");
            0
        }
    };
    assert_eq!(budget.used_bytes(), held, "what stays covered is the body");
    drop(reservation);
    assert_eq!(budget.used_bytes(), 0);
    exchange
}

/// Asks a server that says `reply`, with patience.
pub(crate) async fn ask(reply: Reply) -> Exchange {
    let server = RawServer::start(reply).await;
    fetch(&fetcher(&patient(), &[&server.url()]), get(&server.url())).await
}

pub(crate) async fn check(case: Case) -> Exchange {
    check_with(case, &patient()).await
}

pub(crate) async fn check_with(case: Case, settings: &CrawlSettings) -> Exchange {
    let Case { name, reply, status, expected, overflow, limit } = case;
    let server = RawServer::start(reply).await;
    let request = FetchRequest { overflow, max_body_bytes: limit as u64, ..get(&server.url()) };
    let exchange = fetch(&fetcher(settings, &[&server.url()]), request).await;
    assert_end(name, &exchange.end, &expected);
    assert_eq!(exchange.status, status, "{name}: {exchange:?}");
    assert_eq!(exchange.address.is_some(), status.is_some(), "{name}");
    assert_eq!(server.accepted(), 1, "{name}: asked once and never again");
    exchange
}

pub(crate) fn assert_end(name: &str, end: &ExchangeEnd, expected: &Expected) {
    match (end, expected) {
        (ExchangeEnd::Complete { body, truncated: false }, Expected::Body(wanted)) => assert_same(name, body, wanted),
        (ExchangeEnd::Complete { body, truncated: true }, Expected::Truncated(wanted)) => {
            assert_same(name, body, wanted)
        }
        (ExchangeEnd::Failed { kind, detail }, Expected::Failed(wanted, words)) => {
            assert_eq!(kind, wanted, "{name}: {detail}");
            assert!(detail.contains(words), "{name}: {detail:?} does not say {words:?}");
        }
        _ => panic!("{name}: expected {}, got {}", short(expected), short(end)),
    }
}

fn assert_same(name: &str, body: &[u8], wanted: &[u8]) {
    assert!(body == wanted, "{name}: {} bytes, not the {} expected: {}", body.len(), wanted.len(), short(body));
}

fn short(value: impl std::fmt::Debug) -> String {
    format!("{value:?}").chars().take(300).collect()
}
