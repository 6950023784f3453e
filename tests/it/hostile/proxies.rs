//! Proxies: what they are asked, what they are told, and what is never sent to them.

use std::net::Ipv4Addr;
use std::sync::{Arc, Mutex};

use sqrawl::fetch::{Fetcher, HttpFetcher, Trust};
use sqrawl::model::{CrawlSettings, FailureKind::*, Proxy, Secret};
use tokio::io::{AsyncReadExt, AsyncWriteExt, copy_bidirectional};
use tokio::net::{TcpListener, TcpStream};

use super::desk::{Expected::Failed, assert_end, body, fetch, fetcher, get, patient, url};
use super::secure::{CA, SecureServer};
use super::server::{RawServer, Reply, free_port};

/// A proxy for tunnels, `CONNECT` and SOCKS 5, that notes whom it is asked for and connects the
/// port on 127.0.0.1 whatever the name.
struct Tunnel {
    port: u16,
    asked: Arc<Mutex<Vec<String>>>,
    task: tokio::task::JoinHandle<()>,
}

impl Tunnel {
    async fn start() -> Tunnel {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let asked = Arc::new(Mutex::new(Vec::new()));
        let notes = Arc::clone(&asked);
        let task = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(serve(stream, Arc::clone(&notes)));
            }
        });
        Tunnel { port, asked, task }
    }

    fn asked(&self) -> Vec<String> {
        self.asked.lock().unwrap().clone()
    }
}

impl Drop for Tunnel {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn serve(mut client: TcpStream, asked: Arc<Mutex<Vec<String>>>) -> std::io::Result<()> {
    let note = |text: String| asked.lock().unwrap().push(text);
    let port = match client.read_u8().await? {
        5 => socks(&mut client, note).await?,
        first => connect(&mut client, first, note).await?,
    };
    let mut server = TcpStream::connect((Ipv4Addr::LOCALHOST, port)).await?;
    copy_bidirectional(&mut client, &mut server).await.map(drop)
}

async fn connect(client: &mut TcpStream, first: u8, note: impl Fn(String)) -> std::io::Result<u16> {
    let mut head = vec![first];
    while !head.ends_with(b"\r\n\r\n") {
        head.push(client.read_u8().await?);
    }
    let head = String::from_utf8(head).unwrap();
    let port = head.split_whitespace().nth(1).and_then(|target| target.rsplit(':').next()).unwrap().parse().unwrap();
    note(head);
    client.write_all(b"HTTP/1.1 200 Fine\r\n\r\n").await?;
    Ok(port)
}

/// RFC 1928, with RFC 1929 where the client offers it.
async fn socks(client: &mut TcpStream, note: impl Fn(String)) -> std::io::Result<u16> {
    let mut methods = vec![0; client.read_u8().await?.into()];
    client.read_exact(&mut methods).await?;
    let with_password = methods.contains(&2);
    client.write_all(&[5, if with_password { 2 } else { 0 }]).await?;
    let text = async |client: &mut TcpStream| {
        let mut bytes = vec![0; client.read_u8().await?.into()];
        client.read_exact(&mut bytes).await?;
        std::io::Result::Ok(String::from_utf8(bytes).unwrap())
    };
    if with_password {
        client.read_u8().await?;
        let user = text(client).await?;
        note(format!("{user}:{}", text(client).await?));
        client.write_all(&[1, 0]).await?;
    }
    let mut request = [0; 4];
    client.read_exact(&mut request).await?;
    let host = match request[3] {
        1 => Ipv4Addr::from_bits(client.read_u32().await?).to_string(),
        3 => text(client).await?,
        _ => std::net::Ipv6Addr::from_bits(client.read_u128().await?).to_string(),
    };
    let port = client.read_u16().await?;
    note(format!("{host}:{port}"));
    client.write_all(&[5, 0, 0, 1, 0, 0, 0, 0, 0, 0]).await?;
    Ok(port)
}

fn through(url: String, credentials: Option<&str>) -> CrawlSettings {
    CrawlSettings { proxy: Some(Proxy { url, credentials: credentials.map(Secret::new) }), ..patient() }
}

#[tokio::test]
async fn an_http_proxy_is_asked_for_the_whole_url() {
    let proxy = RawServer::start(Reply::http("HTTP/1.1 200 OK\nContent-Length: 2", "ok")).await;
    let settings = through(format!("http://127.0.0.1:{}", proxy.port), Some("me:p%40ss"));
    let fetcher = fetcher(&settings, &[]);
    let exchange = fetch(&fetcher, get("http://example.org/a?b")).await;
    assert_end("proxy", &exchange.end, &body("ok"));
    assert_eq!(exchange.address, None, "the address of the proxy is not the host's");
    let head = proxy.heads().pop().unwrap();
    assert!(head.starts_with("GET http://example.org/a?b HTTP/1.1\r\n"), "{head}");
    assert!(head.contains("\r\nproxy-authorization: Basic bWU6cEBzcw==\r\n"), "{head}");
    assert!(head.contains("\r\nhost: example.org\r\n"), "{head}");
    assert_eq!(fetcher.address_of(&url("http://1.1.1.1/")).await, None);
    assert!(!format!("{fetcher:?}").contains("p%40ss") && !format!("{fetcher:?}").contains("p@ss"));
}

#[tokio::test]
async fn a_tunnel_leads_to_https_and_the_certificate_is_checked() {
    let (proxy, server) = (Tunnel::start().await, SecureServer::start().await);
    let origin = url(&server.url("/")).origin();
    for (scheme, host) in [("http", "secure.localhost"), ("socks5h", "secure.localhost"), ("socks5", "127.0.0.1")] {
        let settings = through(format!("{scheme}://127.0.0.1:{}", proxy.port), Some("me:s3cret"));
        let fetcher =
            HttpFetcher::with_trust(&settings, std::slice::from_ref(&origin), Trust::Only(CA.to_vec())).unwrap();
        let exchange = fetch(&fetcher, get(&server.url("/"))).await;
        assert_end(scheme, &exchange.end, &body("over HTTP/2"));
        let asked = proxy.asked().concat();
        assert!(asked.contains(&format!("{host}:{}", server.port)), "{scheme}: {asked}");
        assert!(asked.contains("bWU6czNjcmV0") || asked.contains("me:s3cret"), "{scheme}: {asked}");
        let unknown = self::fetcher(&settings, &[&server.url("/")]);
        let exchange = fetch(&unknown, get(&server.url("/"))).await;
        assert_end(scheme, &exchange.end, &Failed(Tls, "nobody trusted has signed the certificate"));
    }
}

/// The server hears the crawl's headers, the proxy only where to connect.
#[tokio::test]
async fn a_tunnel_is_not_told_what_the_server_is() {
    let (proxy, server) = (Tunnel::start().await, SecureServer::start().await);
    let origin = url(&server.url("/")).origin();
    let settings = CrawlSettings {
        basic_auth: Some(Secret::new("me:s3cret")),
        headers: vec![sqrawl::model::CustomHeader::new("X-Api-Key", "s3cret")],
        ..through(format!("http://127.0.0.1:{}", proxy.port), None)
    };
    let fetcher = HttpFetcher::with_trust(&settings, std::slice::from_ref(&origin), Trust::Only(CA.to_vec())).unwrap();
    fetcher.confide(origin);
    assert_end("tunnel", &fetch(&fetcher, get(&server.url("/"))).await.end, &body("over HTTP/2"));
    let head = proxy.asked().concat().to_lowercase();
    assert!(head.starts_with("connect ") && !head.contains("authorization") && !head.contains("x-api-key"), "{head}");
}

#[tokio::test]
async fn what_must_be_private_is_never_sent_to_a_proxy() {
    let http = RawServer::start(Reply::http("HTTP/1.1 200 OK\nContent-Length: 2", "no")).await;
    let tunnel = Tunnel::start().await;
    for proxy in [
        format!("http://127.0.0.1:{}", http.port),
        format!("http://localhost:{}", http.port),
        format!("socks5://localhost:{}", tunnel.port),
        format!("socks5h://127.0.0.1:{}", tunnel.port),
    ] {
        let fetcher = fetcher(&through(proxy.clone(), None), &[]);
        for target in [
            "http://127.0.0.1/",
            "http://0x7f.1/",
            "http://[::1]/",
            "http://[::ffff:10.0.0.1]/",
            "http://169.254.169.254/latest/meta-data/",
            "http://192.168.1.1/",
            "http://localhost/",
            "https://any.localhost/",
            "http://localhost./",
        ] {
            let exchange = fetch(&fetcher, get(target)).await;
            assert_end(target, &exchange.end, &Failed(BlockedAddress, ""));
        }
    }
    assert_eq!((http.accepted(), tunnel.asked().len()), (0, 0));
}

#[tokio::test]
async fn a_granted_origin_is_reached_through_the_proxy_like_any() {
    let proxy = RawServer::start(Reply::http("HTTP/1.1 200 OK\nContent-Length: 2", "ok")).await;
    let settings = through(format!("http://localhost:{}", proxy.port), None);
    let exchange = fetch(&fetcher(&settings, &["http://127.0.0.1:9/"]), get("http://127.0.0.1:9/x")).await;
    assert_end("granted", &exchange.end, &body("ok"));
    assert!(proxy.heads()[0].starts_with("GET http://127.0.0.1:9/x "), "{:?}", proxy.heads());
}

#[tokio::test]
async fn a_proxy_that_fails_is_a_failure_of_its_kind() {
    let nowhere = format!("http://127.0.0.1:{}", free_port().await);
    let exchange = fetch(&fetcher(&through(nowhere, None), &[]), get("http://example.org/")).await;
    assert_end("no proxy", &exchange.end, &Failed(Connect, "refused"));
    let exchange =
        fetch(&fetcher(&through("http://no.such.proxy.invalid:1".to_owned(), None), &[]), get("http://example.org/"))
            .await;
    assert_end("no name", &exchange.end, &Failed(Dns, "no.such.proxy.invalid"));
    for (name, reply, words) in [
        (
            "asks for a password",
            "HTTP/1.1 407 Proxy Authentication Required\nProxy-Authenticate: Basic",
            "authorization required",
        ),
        ("refuses", "HTTP/1.1 403 Forbidden", "unsuccessful"),
        ("cannot reach it", "HTTP/1.1 502 Bad Gateway", "unsuccessful"),
        ("no HTTP", "SSH-2.0-x", ""),
    ] {
        let proxy = RawServer::start(Reply::http(reply, "")).await;
        let settings = through(format!("http://127.0.0.1:{}", proxy.port), Some("me:s3cret"));
        let exchange = fetch(&fetcher(&settings, &[]), get("https://example.org/")).await;
        assert_end(name, &exchange.end, &Failed(Connect, words));
        assert!(!format!("{exchange:?}").contains("s3cret"));
        assert!(proxy.heads()[0].starts_with("CONNECT example.org:443 HTTP/1.1\r\n"), "{:?}", proxy.heads());
    }
    // Plain http: the answer of the proxy is the answer.
    let proxy =
        RawServer::start(Reply::http("HTTP/1.1 407 Proxy Authentication Required\nContent-Length: 0", "")).await;
    let exchange =
        fetch(&fetcher(&through(format!("http://127.0.0.1:{}", proxy.port), None), &[]), get("http://example.org/"))
            .await;
    assert_eq!(exchange.status, Some(407));
}
