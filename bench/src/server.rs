//! [`serve`]: HTTP/1.1 with as little work for a request as will do, on one thread.
//!
//! A page is put together anew for each request, which takes about as long as sending it; only compressed
//! pages are kept.

use std::io::{self, Write};
use std::net::Ipv4Addr;
use std::rc::Rc;
use std::time::Duration;

use bytes::Buf;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use crate::page::Page;
use crate::stats::{Stats, add};
use crate::web::Web;

/// A longer head is not answered.
const LONGEST_HEAD: usize = 64 * 1024;
const ROBOTS: &[u8] = b"User-agent: *\nDisallow: /assets/private/\nAllow: /\n";
const ASSET: &[u8] = b"GIF89a\x01\0\x01\0\0\0\0;";

/// What every connection needs.
pub struct Site {
    pub web: Web,
    pub stats: Stats,
    pub latency: Duration,
    /// Of each page, where pages are served compressed.
    pub packed: Option<Vec<Box<[u8]>>>,
}

/// Gzip as a web server makes it.
pub fn gzip(bytes: &[u8]) -> Box<[u8]> {
    let mut compressor = libdeflater::Compressor::new(libdeflater::CompressionLvl::new(6).expect("a level"));
    let mut packed = vec![0; compressor.gzip_compress_bound(bytes.len())];
    let length = compressor.gzip_compress(bytes, &mut packed).expect("there is room");
    packed.truncate(length);
    packed.into_boxed_slice()
}

/// All pages compressed, on all cores.
pub fn pack(web: &Web) -> Vec<Box<[u8]>> {
    let threads = std::thread::available_parallelism().map_or(1, |n| n.get());
    let share = web.plan.pages.div_ceil(threads).max(1);
    let mut packed = vec![Box::default(); web.plan.pages];
    std::thread::scope(|scope| {
        for (n, slots) in packed.chunks_mut(share).enumerate() {
            scope.spawn(move || {
                let (mut page, mut html) = (Page::new(web), Vec::new());
                for (at, slot) in slots.iter_mut().enumerate() {
                    page.write(n * share + at, &mut html);
                    *slot = gzip(&html);
                }
            });
        }
    });
    packed
}

/// Listens on the same port of 127.0.0.1, 127.0.0.2, …; 0 takes one that is free on all.
pub async fn listen(hosts: usize, port: u16) -> io::Result<Vec<TcpListener>> {
    for _ in 0..20 {
        let mut listeners: Vec<TcpListener> = Vec::with_capacity(hosts);
        for host in 0..hosts {
            let port = listeners.first().map_or(Ok(port), |first| first.local_addr().map(|address| address.port()))?;
            match TcpListener::bind((Ipv4Addr::new(127, 0, 0, 1 + host as u8), port)).await {
                Ok(listener) => listeners.push(listener),
                Err(error) if error.kind() == io::ErrorKind::AddrInUse && host > 0 => break,
                Err(error) => return Err(error),
            }
        }
        if listeners.len() == hosts {
            return Ok(listeners);
        }
    }
    Err(io::Error::new(io::ErrorKind::AddrInUse, "no port is free on all hosts"))
}

/// Answers until the task is dropped.
pub async fn serve(site: Rc<Site>, host: usize, listener: TcpListener) {
    loop {
        // Out of file descriptors: some will be closed.
        let Ok((stream, _)) = listener.accept().await else {
            tokio::time::sleep(Duration::from_millis(10)).await;
            continue;
        };
        let site = Rc::clone(&site);
        // A client that goes away is no concern of the server.
        tokio::task::spawn_local(async move { connection(&site, host, stream).await.ok() });
    }
}

async fn connection(site: &Site, host: usize, mut stream: TcpStream) -> io::Result<()> {
    stream.set_nodelay(true)?;
    let (mut asked, mut counted) = (Vec::with_capacity(4096), false);
    let mut answer = Answer { page: Page::new(&site.web), head: Vec::new(), body: Vec::new(), scratch: Vec::new() };
    loop {
        let length = loop {
            if let Some(at) = asked.windows(4).position(|bytes| bytes == b"\r\n\r\n") {
                break at + 4;
            }
            if asked.len() > LONGEST_HEAD || stream.read_buf(&mut asked).await? == 0 {
                return Ok(());
            }
        };
        let request = Request::read(&asked[..length]);
        if !request.is_control() && !std::mem::replace(&mut counted, true) {
            add(&site.stats.connections, 1);
        }
        if !site.latency.is_zero() && !request.is_control() {
            tokio::time::sleep(site.latency).await;
        }
        let close = request.close;
        let (head, body) = answer.to(site, host, &request);
        let bytes = (head.len() + body.len()) as u64;
        // Both in one call of the system.
        stream.write_all_buf(&mut Buf::chain(head, body)).await?;
        if !request.is_control() {
            add(&site.stats.bytes, bytes);
        }
        if close {
            return stream.shutdown().await;
        }
        asked.drain(..length);
    }
}

/// What matters of a request.
struct Request<'a> {
    path: &'a [u8],
    /// HEAD
    headless: bool,
    gzip: bool,
    close: bool,
}

impl<'a> Request<'a> {
    fn read(head: &'a [u8]) -> Self {
        let mut lines = head.split(|byte| *byte == b'\n');
        let mut words = lines.next().unwrap_or_default().split(|byte| *byte == b' ');
        let method = words.next().unwrap_or_default();
        let path = words.next().unwrap_or_default();
        let mut request = Request {
            path,
            headless: method == b"HEAD",
            gzip: false,
            close: words.next().is_some_and(|version| version.starts_with(b"HTTP/1.0")),
        };
        for line in lines {
            let Some(colon) = line.iter().position(|byte| *byte == b':') else { continue };
            let (name, value) = line.split_at(colon);
            if name.eq_ignore_ascii_case(b"connection") {
                request.close = contains(value, b"close") || (request.close && !contains(value, b"keep-alive"));
            } else if name.eq_ignore_ascii_case(b"accept-encoding") {
                request.gzip = contains(value, b"gzip");
            }
        }
        request
    }

    /// Asked for by the runner, not by a crawler.
    fn is_control(&self) -> bool {
        matches!(self.path, b"/stats" | b"/reset" | b"/pages")
    }
}

fn contains(value: &[u8], word: &[u8]) -> bool {
    value.windows(word.len()).any(|part| part.eq_ignore_ascii_case(word))
}

/// The memory of a connection.
struct Answer<'w> {
    page: Page<'w>,
    head: Vec<u8>,
    body: Vec<u8>,
    scratch: Vec<u8>,
}

impl<'w> Answer<'w> {
    /// Head and body.
    fn to<'a>(&'a mut self, site: &'a Site, host: usize, request: &Request<'_>) -> (&'a [u8], &'a [u8]) {
        let (mut status, mut kind, mut coding) = ("200 OK", "text/html; charset=utf-8", "");
        let stats = &site.stats;
        self.body.clear();
        let mut kept: Option<&[u8]> = None;
        match request.path {
            b"/stats" => {
                kind = "application/json";
                self.body.extend_from_slice(stats.json().as_bytes());
            }
            b"/reset" => stats.reset(),
            b"/pages" => {
                kind = "text/plain";
                list(&site.web, &mut self.body);
            }
            b"/robots.txt" => {
                kind = "text/plain";
                add(&stats.robots, 1);
                kept = Some(ROBOTS);
            }
            path => match site.web.find(host, path, &mut self.scratch) {
                Some(page) => {
                    if !request.headless {
                        stats.page(page);
                    }
                    match site.packed.as_ref().filter(|_| request.gzip) {
                        Some(packed) => {
                            coding = "Content-Encoding: gzip\r\nVary: Accept-Encoding\r\n";
                            kept = Some(&packed[page]);
                        }
                        None => self.page.write(page, &mut self.body),
                    }
                }
                None if [&b"/assets/"[..], b"/img/", b"/favicon"].iter().any(|start| path.starts_with(start)) => {
                    kind = "image/gif";
                    add(&stats.assets, 1);
                    kept = Some(ASSET);
                }
                None => {
                    status = "404 Not Found";
                    stats.unknown(path);
                    kept = Some(b"<!DOCTYPE html><title>Not found</title><h1>Not found</h1>\n");
                }
            },
        }
        let body = kept.unwrap_or(&self.body);
        self.head.clear();
        write!(
            self.head,
            "HTTP/1.1 {status}\r\nServer: bench\r\nDate: Mon, 01 Jul 2024 12:00:00 GMT\r\nContent-Type: {kind}\r\n\
             Last-Modified: Sat, 01 Jun 2024 08:00:00 GMT\r\nETag: \"{:x}\"\r\nCache-Control: max-age=3600\r\n\
             X-Content-Type-Options: nosniff\r\nReferrer-Policy: same-origin\r\n{coding}Content-Length: {}\r\n{}\r\n",
            body.len() * 31,
            body.len(),
            if request.close { "Connection: close\r\n" } else { "Connection: keep-alive\r\n" }
        )
        .expect("memory takes it");
        (&self.head, if request.headless { &[] } else { body })
    }
}

/// Every page's URL, one a line.
fn list(web: &Web, out: &mut Vec<u8>) {
    for page in 0..web.plan.pages {
        web.origin(web.host(page), out);
        web.path(page, out);
        out.push(b'\n');
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn requests_are_read() {
        let check = |head: &str, path: &str, headless, gzip, close| {
            let request = Request::read(head.as_bytes());
            let read = (request.path, request.headless, request.gzip, request.close);
            assert_eq!(read, (path.as_bytes(), headless, gzip, close), "{head}");
        };
        check("GET /a?b HTTP/1.1\r\nHost: x\r\n\r\n", "/a?b", false, false, false);
        check("HEAD / HTTP/1.1\r\naccept-Encoding: br, GZIP;q=1\r\n\r\n", "/", true, true, false);
        check("GET / HTTP/1.1\r\nConnection: Close\r\n\r\n", "/", false, false, true);
        check("GET / HTTP/1.0\r\n\r\n", "/", false, false, true);
        check("GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n", "/", false, false, false);
        check("\r\n\r\n", "", false, false, false);
    }
}
