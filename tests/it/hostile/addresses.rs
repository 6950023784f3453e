//! The address guard: what it refuses is never connected, whatever it is called.

use sqrawl::fetch::Fetcher;
use sqrawl::model::{CrawlSettings, ExchangeEnd, FailureKind};

use super::desk::{Expected::*, assert_end, body, fetch, fetcher, get, patient, url};
use super::server::{RawServer, Reply};

async fn server() -> RawServer {
    RawServer::start(Reply::http("HTTP/1.1 200 OK\nContent-Length: 2", "ok")).await
}

#[tokio::test]
async fn loopback_in_every_spelling_is_refused_and_not_connected() {
    let server = server().await;
    let fetcher = fetcher(&patient(), &[]);
    let port = server.port;
    for host in [
        "127.0.0.1",
        "127.0.0.1.",
        "127.1",
        "0x7f.1",
        "0x7f000001",
        "2130706433",
        "017700000001",
        "0177.0.0.01",
        "127.255.255.254",
        "0.0.0.0",
        "0",
        "[::1]",
        "[::]",
        "[::ffff:127.0.0.1]",
        "[::ffff:7f00:1]",
        "[::127.0.0.1]",
        "[64:ff9b::127.0.0.1]",
        "[64:ff9b:1::127.0.0.1]",
        "[2002:7f00:1::]",
        "１２７.0.0.1",
        "localhost",
        "LOCALHOST",
        "localhost.",
        "any.name.localhost",
        "%6cocalhost",
    ] {
        let exchange = fetch(&fetcher, get(&format!("http://{host}:{port}/"))).await;
        assert_end(host, &exchange.end, &Failed(FailureKind::BlockedAddress, "--allow-net"));
        assert_eq!((exchange.status, exchange.address), (None, None), "{host}");
    }
    assert_eq!(server.accepted(), 0);
}

/// Whatever listens on the machine, on either family: no connection, not only no request.
#[tokio::test]
async fn nothing_that_listens_is_connected() {
    let mut listeners = Vec::new();
    for address in ["127.0.0.1:0", "127.0.0.2:0", "0.0.0.0:0", "[::1]:0", "[::]:0"] {
        // A machine without IPv6 has nothing to protect there.
        listeners.extend(tokio::net::TcpListener::bind(address).await.ok());
    }
    assert!(listeners.len() >= 3);
    let fetcher = fetcher(&patient(), &[]);
    for listener in &listeners {
        let port = listener.local_addr().unwrap().port();
        for host in
            ["127.0.0.1", "127.0.0.2", "[::1]", "[::]", "0.0.0.0", "[::ffff:127.0.0.2]", "localhost", "a.localhost"]
        {
            for scheme in ["http", "https"] {
                let exchange = fetch(&fetcher, get(&format!("{scheme}://{host}:{port}/robots.txt"))).await;
                assert_end(host, &exchange.end, &Failed(FailureKind::BlockedAddress, "--allow-net"));
            }
        }
    }
    for listener in listeners {
        let accepted = futures_util::FutureExt::now_or_never(listener.accept());
        assert!(accepted.is_none(), "{accepted:?} on {:?}", listener.local_addr());
    }
}

/// No spelling gets a zone past the parser, and none of these is another name for this machine.
#[test]
fn hosts_that_are_no_urls() {
    for text in [
        "http://[fe80::1%25eth0]/",
        "http://[fe80::1%eth0]/",
        "http://[::1%25lo]/",
        "http://[::127.0.0.1.]/",
        "http://1.2.3.4.5/",
        "http://256.1.1.1/",
        "http://0x100000000/",
        "http://127.0.0.1%00.example.org/",
    ] {
        assert!(sqrawl::model::CrawlUrl::stored(text).is_err(), "{text}");
    }
}

#[tokio::test]
async fn private_networks_and_metadata_services_are_refused() {
    let fetcher = fetcher(&patient(), &[]);
    for address in ["10.0.0.1", "172.16.0.1", "192.168.1.1", "169.254.169.254", "100.64.0.1", "[fe80::1]", "[fd00::1]"]
    {
        for scheme in ["http", "https"] {
            let exchange = fetch(&fetcher, get(&format!("{scheme}://{address}/latest/meta-data/"))).await;
            assert_end(address, &exchange.end, &Failed(FailureKind::BlockedAddress, "is not connected"));
        }
    }
}

#[tokio::test]
async fn a_grant_reaches_its_own_origin_alone() {
    let (granted, other) = (server().await, server().await);
    let (port, other_port) = (granted.port, other.port);
    for host in ["127.0.0.1", "localhost", "shop.localhost"] {
        let fetcher = fetcher(&patient(), &[&format!("http://{host}:{port}/")]);
        let exchange = fetch(&fetcher, get(&format!("http://{host}:{port}/page"))).await;
        assert_end(host, &exchange.end, &body("ok"));
        assert!(exchange.address.is_some_and(|address| address.is_loopback()));
        for outside in [
            format!("http://{host}:{other_port}/"),
            format!("https://{host}:{port}/"),
            format!("http://other.localhost:{port}/"),
            format!("http://127.0.0.2:{port}/"),
            format!("http://[::ffff:127.0.0.1]:{port}/"),
        ] {
            let exchange = fetch(&fetcher, get(&outside)).await;
            assert_end(&outside, &exchange.end, &Failed(FailureKind::BlockedAddress, "--allow-net"));
        }
    }
    assert_eq!((granted.accepted(), other.accepted()), (3, 0));
}

#[tokio::test]
async fn a_grant_can_be_added_while_it_runs() {
    let server = server().await;
    let fetcher = fetcher(&patient(), &[]);
    let text = format!("http://late.localhost:{}/", server.port);
    assert!(matches!(fetch(&fetcher, get(&text)).await.end, ExchangeEnd::Failed { .. }));
    fetcher.grant(url(&text).origin());
    assert_end("granted", &fetch(&fetcher, get(&text)).await.end, &body("ok"));
}

#[tokio::test]
async fn an_allowed_network_is_connected_by_address_and_by_name() {
    let server = server().await;
    let settings = CrawlSettings { allow_net: vec!["127.0.0.0/8".parse().unwrap()], ..patient() };
    let fetcher = fetcher(&settings, &[]);
    for host in ["127.0.0.1", "localhost", "a.localhost", "[::ffff:127.0.0.1]"] {
        let exchange = fetch(&fetcher, get(&format!("http://{host}:{}/", server.port))).await;
        assert_end(host, &exchange.end, &body("ok"));
    }
    let exchange = fetch(&fetcher, get(&format!("http://[::1]:{}/", server.port))).await;
    assert_end("[::1]", &exchange.end, &Failed(FailureKind::BlockedAddress, "--allow-net ::1/128"));
}

#[tokio::test]
async fn the_address_of_a_url_is_known_without_connecting() {
    let server = server().await;
    let granted = format!("http://shop.localhost:{}/", server.port);
    let fetcher = fetcher(&patient(), &[&granted]);
    for (text, expected) in [
        ("http://1.1.1.1/", Some("1.1.1.1")),
        ("http://[2606:4700::1111]/a", Some("2606:4700::1111")),
        ("http://127.0.0.1/", None),
        ("http://[::ffff:10.0.0.1]/", None),
        ("http://localhost/", None),
        ("http://no.such.name.invalid/", None),
        (&granted, Some("127.0.0.1")),
    ] {
        let address = fetcher.address_of(&url(text)).await;
        assert_eq!(address.map(|address| address.to_string()).as_deref(), expected, "{text}");
    }
    assert_eq!(server.accepted(), 0);
}
