//! TLS and HTTP/2, with certificates that only these tests trust (`certs/make` makes them).

use std::net::Ipv4Addr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use bytes::Bytes;
use h2::server::SendResponse;
use sqrawl::fetch::{FetchSetupError, HttpFetcher, Trust};
use sqrawl::model::{CrawlSettings, FailureKind::*, Overflow};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::crypto::aws_lc_rs;
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};

use super::desk::{Expected, Expected::*, LIMIT, assert_end, body, fetch, fetcher, get, patient, url};
use super::server::{RawServer, Reply};

pub(crate) const CA: &[u8] = include_bytes!("certs/ca.pem");
const CERTIFICATE: &[u8] = include_bytes!("certs/server.pem");
const EXPIRED: &[u8] = include_bytes!("certs/expired.pem");
const SELF_SIGNED: &[u8] = include_bytes!("certs/own.pem");
const KEY: &[u8] = include_bytes!("certs/server.key");

/// An HTTP/2 server for `secure.localhost`. The path decides what it does.
pub(crate) struct SecureServer {
    pub(crate) port: u16,
    connections: Arc<AtomicUsize>,
    task: tokio::task::JoinHandle<()>,
}

impl SecureServer {
    pub(crate) async fn start() -> Self {
        Self::with(CERTIFICATE).await
    }

    async fn with(certificate: &[u8]) -> Self {
        let provider = Arc::new(aws_lc_rs::default_provider());
        let certificates = vec![CertificateDer::from_pem_slice(certificate).unwrap()];
        let mut config = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(certificates, PrivateKeyDer::from_pem_slice(KEY).unwrap())
            .unwrap();
        config.alpn_protocols = vec![b"h2".to_vec()];
        let acceptor = TlsAcceptor::from(Arc::new(config));
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let connections = Arc::new(AtomicUsize::new(0));
        let count = Arc::clone(&connections);
        let task = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                count.fetch_add(1, Ordering::SeqCst);
                tokio::spawn(serve(acceptor.clone(), stream));
            }
        });
        SecureServer { port, connections, task }
    }

    pub(crate) fn url(&self, path: &str) -> String {
        format!("https://secure.localhost:{}{path}", self.port)
    }
}

impl Drop for SecureServer {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn serve(acceptor: TlsAcceptor, stream: TcpStream) {
    let Ok(stream) = acceptor.accept(stream).await else { return };
    let Ok(mut connection) = h2::server::handshake(stream).await else { return };
    while let Some(Ok((request, respond))) = connection.accept().await {
        tokio::spawn(answer(request.uri().path().to_owned(), respond));
    }
}

async fn answer(path: String, mut respond: SendResponse<Bytes>) -> Option<()> {
    let head = http::Response::builder().header("X-Path", &path);
    match path.as_str() {
        "/refused" => respond.send_reset(h2::Reason::REFUSED_STREAM),
        "/long-head" => {
            let long = (0..100).fold(head, |head, n| head.header(format!("x-{n}"), "x".repeat(10_000)));
            respond.send_response(long.body(()).ok()?, true).ok()?;
        }
        "/reset" => {
            let mut stream = respond.send_response(head.body(()).ok()?, false).ok()?;
            stream.send_data(Bytes::from_static(b"half"), false).ok()?;
            tokio::task::yield_now().await;
            stream.send_reset(h2::Reason::INTERNAL_ERROR);
        }
        "/endless" => {
            let mut stream = respond.send_response(head.body(()).ok()?, false).ok()?;
            loop {
                stream.reserve_capacity(65_536);
                let room = std::future::poll_fn(|context| stream.poll_capacity(context)).await?.ok()?;
                stream.send_data(Bytes::from(vec![b'x'; room]), false).ok()?;
            }
        }
        _ => {
            let mut stream = respond.send_response(head.body(()).ok()?, false).ok()?;
            stream.send_data(Bytes::from_static(b"over HTTP/2"), false).ok()?;
            let trailers = http::HeaderMap::from_iter([(http::header::ETAG, http::HeaderValue::from_static("late"))]);
            stream.send_trailers(trailers).ok()?;
        }
    }
    Some(())
}

pub(crate) fn trusting(server: &SecureServer) -> HttpFetcher {
    let origin = url(&server.url("/")).origin();
    HttpFetcher::with_trust(&patient(), &[origin], Trust::Only(CA.to_vec())).unwrap()
}

#[tokio::test]
async fn http_2_is_spoken_where_the_server_offers_it() {
    let server = SecureServer::start().await;
    let fetcher = trusting(&server);
    for (path, status, expected) in [
        ("/", Some(200), body("over HTTP/2")),
        ("/again", Some(200), body("over HTTP/2")),
        ("/endless", Some(200), Failed(TooBig, "on the wire")),
        ("/reset", Some(200), Failed(Protocol, "stream error")),
        ("/refused", None, Failed(Protocol, "refused stream")),
        ("/after", Some(200), body("over HTTP/2")),
        ("/long-head", None, Failed(Protocol, "http2 error")),
    ] {
        let exchange = fetch(&fetcher, get(&server.url(path))).await;
        assert_end(path, &exchange.end, &expected);
        assert_eq!(exchange.status, status, "{path}");
        assert_eq!(exchange.header("x-path"), status.map(|_| path));
        assert_eq!(exchange.address.is_some_and(|address| address.is_loopback()), status.is_some(), "{path}");
    }
    assert_eq!(server.connections.load(Ordering::SeqCst), 1, "one connection carried everything");
    let request = sqrawl::model::FetchRequest { overflow: Overflow::Truncate, ..get(&server.url("/endless")) };
    assert_end("cut", &fetch(&fetcher, request).await.end, &Truncated(vec![b'x'; LIMIT]));
}

/// A connection that a grant opened stays open, and is not lent to an origin without one.
#[tokio::test]
async fn an_open_connection_serves_its_own_origin_alone() {
    let server = SecureServer::start().await;
    let fetcher = trusting(&server);
    for _ in 0..2 {
        assert_end("granted", &fetch(&fetcher, get(&server.url("/"))).await.end, &body("over HTTP/2"));
        for host in ["other.localhost", "127.0.0.1", "[::ffff:127.0.0.1]"] {
            let other = fetch(&fetcher, get(&format!("https://{host}:{}/", server.port))).await;
            assert_end(host, &other.end, &Failed(BlockedAddress, "--allow-net"));
        }
    }
    assert_eq!(server.connections.load(Ordering::SeqCst), 1);
}

#[tokio::test]
async fn certificates_are_checked() {
    let server = SecureServer::start().await;
    let port = server.port;
    let unknown = fetcher(&patient(), &[&server.url("/")]);
    let failed = |words| -> Expected { Failed(Tls, words) };
    assert_end(
        "issuer",
        &fetch(&unknown, get(&server.url("/"))).await.end,
        &failed("nobody trusted has signed the certificate"),
    );
    for (name, certificate, words) in [
        ("expired", EXPIRED, "the certificate has expired: "),
        ("self-signed", SELF_SIGNED, "nobody trusted has signed the certificate"),
    ] {
        let server = SecureServer::with(certificate).await;
        let exchange = fetch(&trusting(&server), get(&server.url("/"))).await;
        assert_end(name, &exchange.end, &failed(words));
        assert_eq!((exchange.status, exchange.address), (None, None), "{name}");
    }
    let trusting = trusting(&server);
    for host in ["other.localhost", "127.0.0.1"] {
        let wrong = format!("https://{host}:{port}/");
        trusting.grant(url(&wrong).origin());
        assert_end("name", &fetch(&trusting, get(&wrong)).await.end, &failed("the certificate is for another name: "));
    }
}

#[tokio::test]
async fn tls_to_a_plain_port_and_back() {
    let plain = RawServer::start(Reply::Eager(b"HTTP/1.1 400 Bad Request\r\n\r\n".to_vec())).await;
    let secure_url = format!("https://127.0.0.1:{}/", plain.port);
    let asked = fetch(&fetcher(&patient(), &[&secure_url]), get(&secure_url)).await;
    assert_end("TLS to plain", &asked.end, &Failed(Tls, "the port does not speak TLS: "));
    let secure = SecureServer::start().await;
    let plain_url = format!("http://secure.localhost:{}/", secure.port);
    let asked = fetch(&fetcher(&patient(), &[&plain_url]), get(&plain_url)).await;
    assert_end("plain to TLS", &asked.end, &Failed(Protocol, "invalid HTTP"));
}

#[test]
fn certificates_that_are_none_are_refused_with_a_reason() {
    let made = HttpFetcher::with_trust(
        &CrawlSettings::default(),
        &[],
        Trust::Only(b"-----BEGIN CERTIFICATE-----\nx\n-----END CERTIFICATE-----\n".to_vec()),
    );
    assert!(matches!(made, Err(FetchSetupError::Roots(_) | FetchSetupError::Client(_))), "{made:?}");
}
