//! `--recrawl` by the real binary, against a small site that changes between two rounds.

use std::io::{BufRead, BufReader, Write};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;

use tempfile::TempDir;

use super::{Ran, run, sqrawl};

/// A site with `/` (never changes, has an etag), `/news` (changes with every edition), `/old` (gone in the
/// second edition) and `/same` (has only a date).
struct Site {
    port: u16,
    edition: Arc<AtomicUsize>,
    /// Path of each request with its conditional headers.
    log: Arc<Mutex<Vec<String>>>,
}

impl Site {
    fn open() -> Site {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let port = listener.local_addr().unwrap().port();
        let site = Site { port, edition: Arc::new(AtomicUsize::new(1)), log: Arc::default() };
        let (edition, log) = (Arc::clone(&site.edition), Arc::clone(&site.log));
        thread::spawn(move || {
            for stream in listener.incoming() {
                let (edition, log) = (Arc::clone(&edition), Arc::clone(&log));
                thread::spawn(move || serve(&stream.unwrap(), &edition, &log));
            }
        });
        site
    }

    fn log(&self) -> Vec<String> {
        let mut log = std::mem::take(&mut *self.log.lock().unwrap());
        log.sort();
        log
    }
}

fn serve(mut stream: &TcpStream, edition: &AtomicUsize, log: &Mutex<Vec<String>>) {
    let mut lines = BufReader::new(stream).lines().map_while(Result::ok);
    while let Some(first) = lines.next() {
        let path = first.split(' ').nth(1).unwrap().to_owned();
        let head: Vec<String> = lines.by_ref().take_while(|line| !line.is_empty()).collect();
        let asked = head.iter().find(|line| line.starts_with("if-")).cloned().unwrap_or_default();
        log.lock().unwrap().push(format!("{path} {asked}").trim().to_owned());
        let edition = edition.load(Ordering::SeqCst);
        let (status, headers, body) = match path.as_str() {
            "/" if asked == "if-none-match: W/\"one\"" => ("304 Not Modified", "", String::new()),
            "/" => {
                ("200 OK", "etag: W/\"one\"\r\n", "<a href=news>n</a> <a href=old>o</a> <a href=same>s</a>".to_owned())
            }
            "/news" => ("200 OK", "", format!("edition {edition}")),
            "/same" if !asked.is_empty() => ("304 Not Modified", "", String::new()),
            "/same" => ("200 OK", "last-modified: Sun, 01 Nov 2026 10:00:00 GMT\r\n", "same".to_owned()),
            "/old" if edition == 1 => ("200 OK", "", "old".to_owned()),
            _ => ("404 Not Found", "", "none".to_owned()),
        };
        let length =
            if status.starts_with("304") { String::new() } else { format!("content-length: {}\r\n", body.len()) };
        let answer = format!("HTTP/1.1 {status}\r\ncontent-type: text/html\r\n{headers}{length}\r\n{body}");
        if stream.write_all(answer.as_bytes()).is_err() {
            return;
        }
    }
}

fn crawl(site: &Site, folder: &TempDir, more: &[&str]) -> Ran {
    let seed = format!("http://127.0.0.1:{}/", site.port);
    let ran = run(sqrawl(folder.path()).args(["crawl", &seed]).args(more));
    assert_eq!(ran.code, Some(0), "{}", ran.err);
    ran
}

fn rows(folder: &TempDir, sql: &str) -> String {
    let ran = run(sqrawl(folder.path()).args(["query", "-f", "csv", sql]));
    assert_eq!(ran.code, Some(0), "{}", ran.err);
    ran.out
}

#[test]
fn a_recrawl_transfers_only_what_has_changed() {
    let (site, folder) = (Site::open(), TempDir::new().unwrap());
    crawl(&site, &folder, &[]);
    assert_eq!(site.log(), ["/", "/news", "/old", "/robots.txt", "/same"]);
    let again = crawl(&site, &folder, &[]);
    assert!(again.err.contains("nothing is left to do"), "{}", again.err);
    assert!(site.log().is_empty(), "without the flag nothing is asked for");

    site.edition.store(2, Ordering::SeqCst);
    let ran = crawl(&site, &folder, &["--recrawl"]);
    assert!(ran.err.contains("a new round: 4 URLs to visit again"), "{}", ran.err);
    let date = "/same if-modified-since: Sun, 01 Nov 2026 10:00:00 GMT";
    assert_eq!(site.log(), ["/ if-none-match: W/\"one\"", "/news", "/old", date], "robots.txt is fresh");
    let rounds = "SELECT f.round_id, substr(u.url, instr(u.url, '1:') + 7) AS path, f.outcome
                  FROM fetches f JOIN urls u ON u.id = f.url_id ORDER BY f.round_id, u.url";
    assert_eq!(
        rows(&folder, rounds).lines().skip(1).map(|line| line.replace("\r", "")).collect::<Vec<_>>(),
        [
            "1,/,page",
            "1,/news,page",
            "1,/old,page",
            "1,/same,page",
            "2,/,unchanged",
            "2,/news,page",
            "2,/old,gone",
            "2,/same,unchanged"
        ]
    );
    let pages = rows(&folder, "SELECT count(*), sum(stale), count(DISTINCT content_id) FROM pages");
    assert_eq!(pages.lines().nth(1), Some("4,1,4"), "the last copy of what is gone is kept, and said to be stale");
    let versions = rows(&folder, "SELECT count(*) FROM contents");
    assert_eq!(versions.lines().nth(1), Some("5"), "both editions are kept");
    assert_eq!(run(sqrawl(folder.path()).arg("doctor")).code, Some(0));
}

#[test]
fn page_limits_hold_for_each_round() {
    let (site, folder) = (Site::open(), TempDir::new().unwrap());
    crawl(&site, &folder, &["--max-pages", "2", "--delay", "0"]);
    let ran = crawl(&site, &folder, &["--recrawl", "--max-pages", "9"]);
    assert!(ran.err.contains("a new round"), "{}", ran.err);
    let pages =
        rows(&folder, "SELECT round_id, count(*) FROM fetches WHERE outcome IN ('page', 'unchanged') GROUP BY 1");
    assert_eq!(pages.lines().skip(1).collect::<Vec<_>>(), ["1,2", "2,4"]);
}
