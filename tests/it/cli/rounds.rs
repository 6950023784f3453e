//! `diff`, `show --at` and `explain` by the real binary, on a small site that changes between two rounds.

mod diff;
mod explain;
mod show;

use std::io::{BufRead, BufReader, Write};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use serde_json::Value;
use tempfile::TempDir;

use super::{Ran, run, sqrawl};

/// A site in two editions, and what was crawled of it.
struct World {
    port: u16,
    edition: Arc<AtomicUsize>,
    folder: TempDir,
}

impl World {
    fn new() -> World {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let port = listener.local_addr().unwrap().port();
        let world = World { port, edition: Arc::new(AtomicUsize::new(1)), folder: TempDir::new().unwrap() };
        let edition = Arc::clone(&world.edition);
        thread::spawn(move || {
            for stream in listener.incoming() {
                let edition = Arc::clone(&edition);
                thread::spawn(move || serve(&stream.unwrap(), &edition));
            }
        });
        world
    }

    /// Crawled in both editions.
    fn crawled_twice() -> World {
        let world = World::new();
        let seed = world.url("");
        let args = ["--exclude", "/private/", "--max-depth", "3", "--delay", "0"];
        let ran = world.run(&[&["crawl", &seed], &args[..]].concat());
        assert_eq!(ran.code, Some(0), "{}", ran.err);
        world.edition.store(2, Ordering::SeqCst);
        let ran = world.run(&["resume", "--recrawl"]);
        assert_eq!(ran.code, Some(0), "{}", ran.err);
        world
    }

    fn url(&self, path: &str) -> String {
        format!("http://127.0.0.1:{}/{path}", self.port)
    }

    fn run(&self, args: &[&str]) -> Ran {
        run(sqrawl(self.folder.path()).args(args))
    }

    fn json(&self, args: &[&str]) -> Value {
        let ran = self.run(&[args, &["--json"]].concat());
        assert_eq!(ran.code, Some(0), "{args:?}: {}", ran.err);
        serde_json::from_str(&ran.out).unwrap_or_else(|error| panic!("{error}: {}", ran.out))
    }
}

fn page(title: &str, text: &str, links: &[&str]) -> (&'static str, String, String) {
    let links: String = links.iter().map(|link| format!("<a href=\"/{link}\">to {link}</a> ")).collect();
    ("200 OK", String::new(), format!("<title>{title}</title><p>{text}</p>{links}"))
}

/// Status line, further header lines and body.
fn answer(path: &str, edition: usize) -> (&'static str, String, String) {
    let redirect = |to: &str| ("301 Moved Permanently", format!("location: {to}\r\n"), String::new());
    match (path, edition) {
        ("/robots.txt", _) => {
            ("200 OK", String::new(), "User-agent: *\nDisallow: /secret\nCrawl-delay: 0.01\n".to_owned())
        }
        ("/", 1) => {
            page("Start", "one", &["news", "old", "same", "goes", "letter", "copy", "hop", "secret", "private/x"])
        }
        ("/", _) => page("Start", "two", &["news", "same", "fresh", "post", "copy"]),
        ("/news", 1) => page("News of May", "spring", &["same"]),
        ("/news", _) => page("News of June", "summer", &["same", "fresh"]),
        ("/old", 1) => page("Old", "to be removed", &[]),
        ("/goes", 1) => page("Goes", "will redirect", &[]),
        ("/goes", _) => redirect("/hop"),
        ("/hop", 1) => redirect("/same"),
        ("/hop", _) => redirect("/fresh"),
        ("/letter", 1) | ("/post", 2) => page("A letter", "the very same letter", &[]),
        ("/same" | "/copy", _) => page("Same", "always the same", &[]),
        ("/fresh", 2) => page("Fresh", "was not there before", &[]),
        _ => ("404 Not Found", String::new(), "none".to_owned()),
    }
}

fn serve(mut stream: &TcpStream, edition: &AtomicUsize) {
    let mut lines = BufReader::new(stream).lines().map_while(Result::ok);
    while let Some(first) = lines.next() {
        lines.by_ref().take_while(|line| !line.is_empty()).for_each(drop);
        let path = first.split(' ').nth(1).unwrap_or_default();
        let (status, headers, body) = answer(path, edition.load(Ordering::SeqCst));
        let kind = if path == "/robots.txt" { "text/plain" } else { "text/html" };
        let length = body.len();
        let head = format!("HTTP/1.1 {status}\r\ncontent-type: {kind}\r\n{headers}content-length: {length}\r\n\r\n");
        if stream.write_all(format!("{head}{body}").as_bytes()).is_err() {
            return;
        }
    }
}
