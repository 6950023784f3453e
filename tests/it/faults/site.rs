//! [`Site`]: a deterministic web on loopback that can keep its answers back, so that a fault comes at a
//! moment that is known.

use std::io::{BufRead, BufReader, Write};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::sync::{Arc, Condvar, Mutex, MutexGuard};
use std::thread;
use std::time::Duration;

/// Nothing here takes as long; a wait that does is a failure, not a delay.
pub(super) const WATCHDOG: Duration = Duration::from_secs(120);

struct State {
    answered: usize,
    /// Requests that came and are kept waiting.
    waiting: usize,
    /// Requests beyond so many stay without an answer.
    most: usize,
}

/// Page n of a binary tree links to pages 2n+1 and 2n+2. It ends with the test process.
pub(super) struct Site {
    port: u16,
    pages: usize,
    body: Body,
    state: Mutex<State>,
    changed: Condvar,
}

/// What pages hold beside their links.
#[derive(Clone, Copy, Debug)]
pub(super) enum Body {
    /// So many bytes of text.
    Text(usize),
    /// Every page but the first is a file of so many bytes, which do not pack.
    File(usize),
}

impl Site {
    pub(super) fn open(pages: usize, body: Body) -> Arc<Site> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let port = listener.local_addr().unwrap().port();
        let state = Mutex::new(State { answered: 0, waiting: 0, most: usize::MAX });
        let site = Arc::new(Site { port, pages, body, state, changed: Condvar::new() });
        let serving = Arc::clone(&site);
        thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                let site = Arc::clone(&serving);
                // A connection that breaks is the crawler's end, not ours.
                thread::spawn(move || site.serve(&stream));
            }
        });
        site
    }

    pub(super) fn seed(&self) -> String {
        format!("http://127.0.0.1:{}/", self.port)
    }

    /// Keeps every answer back after the next `more`, robots.txt not counted.
    pub(super) fn hold_after(&self, more: usize) {
        let mut state = self.lock();
        state.most = state.answered + more;
        self.changed.notify_all();
    }

    /// Answers everything.
    pub(super) fn release(&self) {
        self.lock().most = usize::MAX;
        self.changed.notify_all();
    }

    /// Waits until everything was answered that may be.
    pub(super) fn wait_until_held(&self) {
        let state = self.lock();
        let (_state, late) =
            self.changed.wait_timeout_while(state, WATCHDOG, |state| state.answered < state.most).unwrap();
        assert!(!late.timed_out(), "the crawl does not ask");
    }

    /// Waits until so many requests are kept waiting.
    pub(super) fn wait_until_waiting(&self, requests: usize) {
        let state = self.lock();
        let (_state, late) =
            self.changed.wait_timeout_while(state, WATCHDOG, |state| state.waiting < requests).unwrap();
        assert!(!late.timed_out(), "the crawl does not ask");
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap()
    }

    fn serve(&self, mut stream: &TcpStream) {
        let mut lines = BufReader::new(stream).lines().map_while(Result::ok);
        while let Some(first) = lines.next() {
            while lines.next().is_some_and(|line| !line.is_empty()) {}
            let path = first.split(' ').nth(1).unwrap_or_default().to_owned();
            if path != "/robots.txt" {
                let mut state = self.lock();
                state.waiting += 1;
                self.changed.notify_all();
                let mut state = self.changed.wait_while(state, |state| state.answered >= state.most).unwrap();
                state.waiting -= 1;
                state.answered += 1;
                drop(state);
                self.changed.notify_all();
            }
            if stream.write_all(&self.answer(&path)).is_err() {
                return;
            }
        }
    }

    fn answer(&self, path: &str) -> Vec<u8> {
        let name = if path == "/" { "0" } else { &path[1..] };
        let Some(n) = name.parse::<usize>().ok().filter(|n| *n < self.pages) else {
            return b"HTTP/1.1 404 Not Found\r\ncontent-length: 0\r\n\r\n".to_vec();
        };
        let children: Vec<usize> = match self.body {
            Body::Text(_) => vec![2 * n + 1, 2 * n + 2],
            Body::File(_) => {
                if n == 0 {
                    (1..self.pages).collect()
                } else {
                    Vec::new()
                }
            }
        };
        let links: String =
            children.iter().filter(|n| **n < self.pages).map(|n| format!("<a href=/{n}>{n}</a> ")).collect();
        let (kind, body) = match self.body {
            Body::File(bytes) if n > 0 => ("application/octet-stream", noise(n, bytes)),
            Body::File(_) => ("text/html", format!("<title>All</title>{links}").into_bytes()),
            Body::Text(bytes) => {
                let text: String = noise(n, bytes / 2).iter().map(|byte| format!("{byte:02x}")).collect();
                ("text/html", format!("<title>Page {n}</title>{links}<p>{text}").into_bytes())
            }
        };
        let head = format!("HTTP/1.1 200 OK\r\ncontent-type: {kind}\r\ncontent-length: {}\r\n\r\n", body.len());
        [head.into_bytes(), body].concat()
    }
}

/// Bytes that are the same every time (SplitMix64).
fn noise(seed: usize, bytes: usize) -> Vec<u8> {
    let mut state = seed as u64;
    let words = std::iter::repeat_with(|| {
        state = state.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = state;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    });
    words.flat_map(u64::to_le_bytes).take(bytes).collect()
}
