//! What requests say of who asks, and to whom: credentials, cookies, `Referer`.

use std::sync::Arc;

use sqrawl::fetch::{CookieJar, HttpFetcher};
use sqrawl::model::{CrawlSettings, CustomHeader, FetchRequest, Secret};

use super::desk::{body, fetch, fetcher, get, patient, url};
use super::server::{RawServer, Reply};

const HOSTS: [&str; 4] = ["a.shop.localhost", "b.shop.localhost", "other.localhost", "127.0.0.1"];

/// One server under several names, and a fetcher that may connect every one of them.
struct Town {
    server: RawServer,
    fetcher: HttpFetcher,
}

impl Town {
    async fn new(reply: &str, settings: CrawlSettings) -> Town {
        let server = RawServer::start(Reply::http(reply, "ok")).await;
        let granted = HOSTS.map(|host| format!("http://{host}:{}/", server.port));
        let fetcher = fetcher(&settings, &granted.each_ref().map(String::as_str));
        Town { server, fetcher }
    }

    fn url(&self, host: &str, path: &str) -> String {
        format!("http://{host}:{}{path}", self.server.port)
    }

    /// Asks, and gives the request head as it came.
    async fn ask(&self, request: FetchRequest) -> String {
        let exchange = fetch(&self.fetcher, request).await;
        super::desk::assert_end("town", &exchange.end, &body("ok"));
        self.server.heads().pop().unwrap()
    }

    async fn head(&self, host: &str, path: &str) -> String {
        self.ask(get(&self.url(host, path))).await
    }

    async fn cookie(&self, host: &str, path: &str) -> Option<String> {
        line(&self.head(host, path).await, "cookie").map(str::to_owned)
    }
}

fn line<'a>(head: &'a str, name: &str) -> Option<&'a str> {
    head.lines().find_map(|line| line.strip_prefix(&format!("{name}: ")))
}

const OK: &str = "HTTP/1.1 200 OK\nContent-Length: 2";

#[tokio::test]
async fn credentials_go_to_the_origins_they_were_confided_to_and_nowhere_else() {
    let headers = vec![
        CustomHeader::new("X-Api-Key", "s3cret"),
        CustomHeader::new("Accept-Language", "de"),
        CustomHeader::new("Cookie", "login=s3cret"),
    ];
    let settings = CrawlSettings { headers, basic_auth: Some(Secret::new("me:s3:cret")), ..patient() };
    let town = Town::new(OK, settings).await;
    let neighbour = RawServer::start(Reply::http(OK, "ok")).await;
    town.fetcher.grant(url(&neighbour.url()).origin());
    town.fetcher.confide(url(&town.url("a.shop.localhost", "/")).origin());
    for path in ["/", "/robots.txt", "/deep/page?q=1"] {
        let head = town.head("a.shop.localhost", path).await;
        for (name, value) in [
            ("x-api-key", "s3cret"),
            ("authorization", "Basic bWU6czM6Y3JldA=="),
            ("cookie", "login=s3cret"),
            ("accept-language", "de"),
        ] {
            assert_eq!(line(&head, name), Some(value), "{path}: {head}");
        }
    }
    // Another name on the same port, another port of the same machine: other origins.
    let strangers = [town.head("b.shop.localhost", "/").await, town.head("127.0.0.1", "/robots.txt").await, {
        fetch(&town.fetcher, get(&neighbour.url())).await;
        neighbour.heads().pop().unwrap()
    }];
    for head in strangers {
        assert!(!head.contains("s3cret") && !head.contains("authorization") && !head.contains("x-api-key"), "{head}");
        assert_eq!(line(&head, "accept-language"), Some("de"), "{head}");
    }
    assert!(!format!("{:?}", town.fetcher).contains("s3cret"));
}

#[tokio::test]
async fn nothing_is_confided_by_default() {
    let settings = CrawlSettings { basic_auth: Some(Secret::new("me:s3cret")), ..patient() };
    let town = Town::new(OK, settings).await;
    assert_eq!(line(&town.head("127.0.0.1", "/").await, "authorization"), None);
}

#[tokio::test]
async fn an_accept_of_ones_own_replaces_the_usual_one() {
    let settings = CrawlSettings { headers: vec![CustomHeader::new("Accept", "text/html")], ..patient() };
    let head = Town::new(OK, settings).await.head("127.0.0.1", "/").await;
    assert_eq!(head.lines().filter(|line| line.starts_with("accept:")).collect::<Vec<_>>(), ["accept: text/html"]);
}

#[tokio::test]
async fn cookies_go_back_where_they_came_from() {
    let town = Town::new(
        &format!("{OK}\nSet-Cookie: id=1; Path=/shop\nSet-Cookie: b=2; Path=/; Domain=shop.localhost"),
        patient(),
    )
    .await;
    assert_eq!(town.cookie("a.shop.localhost", "/robots.txt").await, None, "the first time there is none");
    assert_eq!(town.cookie("a.shop.localhost", "/shop/x").await.as_deref(), Some("id=1; b=2"));
    assert_eq!(town.cookie("a.shop.localhost", "/elsewhere").await.as_deref(), Some("b=2"));
    assert_eq!(
        town.cookie("b.shop.localhost", "/shop/x").await.as_deref(),
        Some("b=2"),
        "its domain's, not its neighbour's"
    );
    assert_eq!(town.cookie("other.localhost", "/shop/x").await, None);
    assert_eq!(town.cookie("127.0.0.1", "/shop/x").await, None);
}

#[tokio::test]
async fn redirects_and_errors_set_cookies_too() {
    for reply in [
        "HTTP/1.1 302 Found\nLocation: /b\nContent-Length: 2",
        "HTTP/1.1 404 Not Found\nContent-Length: 2",
        "HTTP/1.1 503 Busy\nContent-Length: 2",
    ] {
        let town = Town::new(&format!("{reply}\nSet-Cookie: id=1"), patient()).await;
        for expected in [None, Some("id=1")] {
            fetch(&town.fetcher, get(&town.url("127.0.0.1", "/"))).await;
            assert_eq!(line(&town.server.heads().pop().unwrap(), "cookie"), expected, "{reply}");
        }
    }
}

#[tokio::test]
async fn no_cookies_means_none() {
    let settings = CrawlSettings { cookies: false, ..patient() };
    let mut town = Town::new(&format!("{OK}\nSet-Cookie: id=1"), settings).await;
    town.fetcher = town.fetcher.with_cookies(Arc::new(CookieJar::default()));
    for _ in 0..2 {
        assert_eq!(town.cookie("127.0.0.1", "/").await, None);
    }
    assert!(town.fetcher.cookies().is_none());
}

#[tokio::test]
async fn cookies_of_a_file_stand_beside_written_ones_and_written_names_win() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("cookies.txt");
    std::fs::write(&path, "127.0.0.1\tFALSE\t/\tFALSE\t0\tid\tjar\n127.0.0.1\tFALSE\t/\tFALSE\t0\tmore\tjar\n")
        .unwrap();
    let settings = CrawlSettings { headers: vec![CustomHeader::new("Cookie", "id=mine; x=1")], ..patient() };
    let mut town = Town::new(OK, settings).await;
    town.fetcher = town.fetcher.with_cookies(Arc::new(CookieJar::open(&path, 0).unwrap()));
    assert_eq!(town.cookie("127.0.0.1", "/").await.as_deref(), Some("id=jar; more=jar"));
    town.fetcher.confide(url(&town.url("127.0.0.1", "/")).origin());
    assert_eq!(town.cookie("127.0.0.1", "/").await.as_deref(), Some("id=mine; x=1; more=jar"));
}

#[tokio::test]
async fn a_referer_is_an_origin_and_never_leaks_from_https() {
    let on = Town::new(OK, patient()).await;
    let off = Town::new(OK, CrawlSettings { referrer: false, ..patient() }).await;
    for (from, expected) in [
        (None, None),
        (Some("http://example.org/secret/path?q=1"), Some("http://example.org/")),
        (Some("http://example.org:8080/"), Some("http://example.org:8080/")),
        (Some("https://example.org/"), None),
    ] {
        for (town, expected) in [(&on, expected), (&off, None)] {
            let referrer = from.map(|text| url(text).origin());
            let head = town.ask(FetchRequest { referrer, ..get(&town.url("127.0.0.1", "/")) }).await;
            assert_eq!(line(&head, "referer"), expected, "{from:?}");
        }
    }
}
