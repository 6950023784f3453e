//! [`DemoWeb`]: the demo web on a loopback port, plain HTTP/1.1 with keep-alive, GET and HEAD.

use std::io;
use std::net::Ipv4Addr;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::{JoinHandle, JoinSet};

use super::{Answer, HOSTS, answer};

/// The longest request head.
const MAX_HEAD_BYTES: usize = 16 * 1024;
/// Connections at a time; more wait in the system's queue.
const MAX_CONNECTIONS: usize = 256;
/// A connection that says nothing for so long is closed.
const IDLE: Duration = Duration::from_secs(10);

/// The demo web, served until dropped.
#[derive(Debug)]
pub struct DemoWeb {
    port: u16,
    task: JoinHandle<()>,
}

impl DemoWeb {
    /// Starts to serve on a port that the system chooses, on 127.0.0.1.
    ///
    /// # Errors
    /// What the system says about listening.
    pub async fn start() -> io::Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let port = listener.local_addr()?.port();
        Ok(DemoWeb { port, task: tokio::spawn(serve(listener, port)) })
    }

    /// The port.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// The home page of every host.
    pub fn seeds(&self) -> Vec<String> {
        HOSTS.iter().map(|host| format!("http://{host}:{}/", self.port)).collect()
    }
}

impl Drop for DemoWeb {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn serve(listener: TcpListener, port: u16) {
    // Dropped with the task, it ends the connections too.
    let mut connections = JoinSet::new();
    loop {
        while connections.len() >= MAX_CONNECTIONS {
            connections.join_next().await;
        }
        match listener.accept().await {
            Ok((stream, _)) => {
                connections.spawn(converse(stream, port));
            }
            // Out of file handles, mostly: others will be closed soon.
            Err(_) => tokio::time::sleep(Duration::from_millis(50)).await,
        }
        while connections.try_join_next().is_some() {}
    }
}

/// One connection. Whatever ends it is the client's business.
async fn converse(mut stream: TcpStream, port: u16) {
    let mut buffer = Vec::new();
    while let Some(head) = next_head(&mut stream, &mut buffer).await {
        let Some(request) = Request::parse(&head) else {
            let _ =
                stream.write_all(b"HTTP/1.1 400 Bad Request\r\nconnection: close\r\ncontent-length: 0\r\n\r\n").await;
            return;
        };
        let answer = answer(&request.host, &request.target, port);
        if answer.think_ms > 0 {
            tokio::time::sleep(Duration::from_millis(answer.think_ms)).await;
        }
        if stream.write_all(&wire(&answer, request.head_only)).await.is_err() || request.close {
            return;
        }
    }
}

/// The bytes up to and with the next empty line; `None` when the client is done, silent or rude.
async fn next_head(stream: &mut TcpStream, buffer: &mut Vec<u8>) -> Option<Vec<u8>> {
    loop {
        if let Some(end) = buffer.windows(4).position(|four| four == b"\r\n\r\n") {
            return Some(buffer.drain(..end + 4).collect());
        }
        if buffer.len() > MAX_HEAD_BYTES {
            return None;
        }
        let read = tokio::time::timeout(IDLE, stream.read_buf(buffer)).await.ok()?.ok()?;
        if read == 0 {
            return None;
        }
    }
}

/// What the server understands of a request.
#[derive(Debug, PartialEq, Eq)]
struct Request {
    host: String,
    target: String,
    head_only: bool,
    close: bool,
}

impl Request {
    fn parse(head: &[u8]) -> Option<Request> {
        let text = std::str::from_utf8(head).ok()?;
        let mut words = text.split("\r\n").next()?.split(' ');
        let (method, target) = (words.next()?, words.next()?);
        if !matches!(method, "GET" | "HEAD") || !target.starts_with('/') {
            return None;
        }
        let header = |name: &str| {
            let mut all = text.split("\r\n").skip(1).filter_map(|line| line.split_once(':'));
            all.find(|(known, _)| known.eq_ignore_ascii_case(name)).map(|(_, value)| value.trim())
        };
        let host = header("host")?.to_ascii_lowercase();
        let host = host.rsplit_once(':').map_or(host.as_str(), |(name, _)| name).to_owned();
        let close = header("connection").is_some_and(|value| value.eq_ignore_ascii_case("close"));
        Some(Request { host, target: target.to_owned(), head_only: method == "HEAD", close })
    }
}

fn wire(answer: &Answer, head_only: bool) -> Vec<u8> {
    let mut head = format!("HTTP/1.1 {} Demo\r\ncontent-length: {}\r\n", answer.status, answer.body.len());
    for (name, value) in &answer.headers {
        head.push_str(&format!("{name}: {value}\r\n"));
    }
    head.push_str("\r\n");
    let body: &[u8] = if head_only { &[] } else { &answer.body };
    [head.as_bytes(), body].concat()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn it_answers_over_a_socket_by_host_name() {
        let web = DemoWeb::start().await.unwrap();
        let mut stream = TcpStream::connect((Ipv4Addr::LOCALHOST, web.port())).await.unwrap();
        let ask = "GET /product/1 HTTP/1.1\r\nHost: shop.localhost:1\r\n\r\n\
                   GET / HTTP/1.1\r\nHost: nobody\r\nConnection: close\r\n\r\n";
        stream.write_all(ask.as_bytes()).await.unwrap();
        let mut text = String::new();
        stream.read_to_string(&mut text).await.unwrap();
        assert!(text.starts_with("HTTP/1.1 200 Demo\r\n") && text.contains("<title>Assam tea</title>"), "{text}");
        assert!(text.contains("HTTP/1.1 404 Demo\r\n"), "{text}");
    }

    #[test]
    fn what_is_no_request() {
        for head in ["", "GET\r\n\r\n", "POST / HTTP/1.1\r\nHost: x\r\n\r\n", "GET / HTTP/1.1\r\n\r\n"] {
            assert_eq!(Request::parse(head.as_bytes()), None, "{head:?}");
        }
    }
}
