//! Pages that kill the process, crawled by the real binary: everything else is crawled, and they are
//! given up with proof.

use std::io::{BufRead, BufReader, Write};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::path::Path;
use std::thread;

use tempfile::TempDir;

use crate::cli::{Ran, run, sqrawl};

/// Lives after which a crawl should long be complete.
const MOST_LIVES: usize = 20;

/// Serves `/`, which links to `/0` … `/9`; its port.
fn site() -> u16 {
    serve_site((0..10).map(|n| format!("<a href={n}>{n}</a>")).collect())
}

/// Serves this as `/`, and small pages.
fn serve_site(root: String) -> u16 {
    let root: &'static str = root.leak();
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let port = listener.local_addr().unwrap().port();
    thread::spawn(move || {
        for stream in listener.incoming() {
            thread::spawn(move || serve(&stream.unwrap(), root));
        }
    });
    port
}

fn serve(mut stream: &TcpStream, root: &str) {
    let mut lines = BufReader::new(stream).lines().map_while(Result::ok);
    while let Some(first) = lines.next() {
        let path = first.split(' ').nth(1).unwrap().to_owned();
        while lines.next().is_some_and(|line| !line.is_empty()) {}
        let (status, body) = match path.as_str() {
            "/robots.txt" => ("404 Not Found", String::new()),
            "/" => ("200 OK", root.to_owned()),
            path => ("200 OK", format!("<title>{path}</title>")),
        };
        let head = format!("HTTP/1.1 {status}\r\ncontent-type: text/html\r\ncontent-length: {}\r\n\r\n", body.len());
        if stream.write_all((head + &body).as_bytes()).is_err() {
            return;
        }
    }
}

/// Crawls, dying at each page whose URL ends so.
fn life(folder: &Path, port: u16, dies_of: &str) -> Ran {
    let seed = format!("http://127.0.0.1:{port}/");
    let mut command = sqrawl(folder);
    command.args(["crawl", &seed, "-c", "4", "--per-host", "4", "--no-progress", "-q"]);
    if !dies_of.is_empty() {
        command.env("SQRAWL_FAILPOINT", format!("parsing/page=:{port}/{dies_of}"));
    }
    run(&mut command)
}

/// Crawls until it is complete; the number of deaths on the way.
fn crawl(folder: &Path, port: u16, dies_of: &str) -> usize {
    for deaths in 0..MOST_LIVES {
        let ran = life(folder, port, dies_of);
        match ran.code {
            Some(0) => return deaths,
            None => {}
            Some(code) => panic!("exit {code}: {}", ran.err),
        }
    }
    panic!("not complete after {MOST_LIVES} lives");
}

fn query(folder: &Path, sql: &str) -> Vec<String> {
    let ran = run(sqrawl(folder).args(["query", "-f", "csv", sql]));
    assert_eq!(ran.code, Some(0), "{}", ran.err);
    ran.out.lines().skip(1).map(str::to_owned).collect()
}

fn doctor(folder: &Path) -> String {
    let ran = run(sqrawl(folder).args(["doctor"]));
    assert_eq!(ran.code, Some(0), "{}{}", ran.out, ran.err);
    ran.out
}

const STATES: &str = "SELECT state, count(*) FROM urls GROUP BY state ORDER BY state";
const WHY_FAILED: &str =
    "SELECT f.outcome, f.error FROM urls u JOIN fetches f ON f.id = u.last_fetch_id WHERE u.state = 'failed'";

#[test]
fn a_page_that_kills_the_process_is_given_up_and_the_rest_is_crawled() {
    let (folder, port) = (TempDir::new().unwrap(), site());
    let bad = format!("http://127.0.0.1:{port}/7");
    assert_eq!(life(folder.path(), port, "7").code, None);
    let noted = doctor(folder.path());
    assert!(noted.contains("a session did not end by itself"), "{noted}");
    // It comes as far as to hold back what was in work.
    let failpoint = "leasing/begin";
    let seed = format!("http://127.0.0.1:{port}/");
    let ran = run(sqrawl(folder.path()).args(["crawl", &seed]).env("SQRAWL_FAILPOINT", failpoint));
    assert_eq!(ran.code, None);
    let noted = doctor(folder.path());
    assert!(noted.contains("it is tried alone, after all others") && noted.contains(&bad), "{noted}");
    // The next life crawls everything else first, and sees processes die of this page alone.
    let ran = life(folder.path(), port, "7");
    assert_eq!(ran.code, Some(0), "{}", ran.err);
    assert_eq!(ran.err.matches("failpoint parsing/page reached").count(), 3, "{}", ran.err);
    assert_eq!(query(folder.path(), STATES), ["done,10", "failed,1"]);
    let why = query(folder.path(), WHY_FAILED);
    assert_eq!(why.len(), 1);
    assert!(why[0].contains("crashed") && why[0].contains("3 processes died of it one after the other"), "{why:?}");
    assert!(why[0].contains("signal: 6 (SIGABRT)"), "{why:?}");
    let noted = doctor(folder.path());
    assert!(noted.contains("a page was given up") && noted.contains(&bad), "{noted}");
    let shown = run(sqrawl(folder.path()).args(["show", &bad]));
    assert!(shown.out.contains("crashed") && shown.out.contains("3 processes died"), "{}", shown.out);
    assert_eq!(query(folder.path(), "SELECT count(*) FROM suspects"), ["0"]);
}

/// A page that is parsed after all is no page that was given up.
#[test]
fn a_page_that_killed_once_and_then_did_not_is_a_page() {
    let (folder, port) = (TempDir::new().unwrap(), site());
    assert_eq!(life(folder.path(), port, "3").code, None);
    assert_eq!(crawl(folder.path(), port, ""), 0);
    assert_eq!(query(folder.path(), STATES), ["done,11"]);
    assert_eq!(query(folder.path(), "SELECT count(*) FROM suspects"), ["0"]);
}

/// A page that killed whoever asked for it, or wrote it to the database, was never found out: each life
/// died of it, and nobody was named.
#[test]
fn a_death_outside_the_parse_was_never_proven() {
    let (folder, port) = (TempDir::new().unwrap(), site());
    let asked = format!("asking/page=:{port}/7");
    for failpoint in [asked.as_str(), "settling/page=/7"] {
        let seed = format!("http://127.0.0.1:{port}/");
        let folder = folder.path().join(&failpoint[..6]);
        std::fs::create_dir(&folder).unwrap();
        let mut deaths = 0;
        loop {
            let mut command = sqrawl(&folder);
            command.args(["crawl", &seed, "-c", "4", "--per-host", "4", "--no-progress", "-q"]);
            match run(command.env("SQRAWL_FAILPOINT", failpoint)).code {
                Some(code) => break assert_eq!(code, 0),
                None => deaths += 1,
            }
            assert!(deaths <= MOST_LIVES, "{failpoint}: it stalls");
        }
        assert_eq!(deaths, 12, "{failpoint}: noticed twice, and tried ten times");
        assert_eq!(query(&folder, STATES), ["done,10", "failed,1"], "{failpoint}");
        let why = "crashed,given up: the process died 10 times in a row while it worked on this page and nothing else";
        assert_eq!(query(&folder, WHY_FAILED), [why], "{failpoint}");
    }
}

/// Killed with SIGKILL at three lives in a row, each while it was being parsed alone, a page that takes its time
/// was given up.
#[test]
fn three_kills_blamed_an_innocent_page() {
    let words: String = (0..100_000).map(|n| format!("<p>word{n} <a href=\"#{n}\">x</a>")).collect();
    let (folder, port) = (TempDir::new().unwrap(), serve_site(format!("<title>big</title>{words}")));
    let seed = format!("http://127.0.0.1:{port}/");
    let start = || {
        let mut command = sqrawl(folder.path());
        command.args(["crawl", &seed, "--no-progress", "-q"]).spawn().unwrap()
    };
    for nth in 0..4 {
        let mut crawl = start();
        while !std::fs::read_to_string(folder.path().join("crawl.db-lock")).is_ok_and(|notes| is_parsing(&notes, nth)) {
            assert_eq!(crawl.try_wait().unwrap(), None, "it ended before it was killed");
            std::thread::yield_now();
        }
        crawl.kill().unwrap();
        assert_eq!(crawl.wait().unwrap().code(), None);
    }
    assert_eq!(start().wait().unwrap().code(), Some(0));
    assert_eq!(query(folder.path(), STATES), ["done,1"]);
    assert_eq!(query(folder.path(), "SELECT count(*) FROM suspects"), ["0"]);
}

/// Whether the life after so many others notes that it parses.
fn is_parsing(notes: &str, before: usize) -> bool {
    notes.contains(&format!("session {} ", before + 1)) && notes.contains(" parsing")
}

/// Whoever opened the file between two lives took away what the dead one had noted: the page killed each life
/// for ever, and what came behind it was never reached.
#[test]
fn who_opens_the_file_between_two_lives_lost_the_proof() {
    let (folder, port) = (TempDir::new().unwrap(), site());
    let seed = format!("http://127.0.0.1:{port}/");
    let others: [(&[&str], i32); 5] = [
        (&["doctor", "--repair"], 0),
        (&["crawl", "https://refused.example/"], 2),
        (&["crawl", &seed, "--dry-run"], 0),
        (&["backup", "copy.db"], 0),
        (&["status"], 0),
    ];
    let mut deaths = 0;
    while life(folder.path(), port, "7").code.is_none() {
        deaths += 1;
        assert!(deaths <= 5, "it stalls");
        for (args, code) in others {
            let ran = run(sqrawl(folder.path()).args(args));
            assert_eq!(ran.code, Some(code), "{args:?}: {}{}", ran.out, ran.err);
        }
        std::fs::remove_file(folder.path().join("copy.db")).unwrap();
    }
    assert_eq!(query(folder.path(), STATES), ["done,10", "failed,1"]);
}

/// The only page there is: everything hangs on it, and the crawl still comes to an end.
#[test]
fn a_seed_that_kills_the_process_is_given_up() {
    let (folder, port) = (TempDir::new().unwrap(), site());
    let seed = format!("http://127.0.0.1:{port}/");
    let mut ends = Vec::new();
    while ends.len() < MOST_LIVES && ends.last().is_none_or(Option::is_none) {
        let mut command = sqrawl(folder.path());
        command.args(["crawl", &seed, "--no-progress", "-q"]).env("SQRAWL_FAILPOINT", "parsing/page");
        ends.push(run(&mut command).code);
    }
    assert_eq!(ends, [None, Some(5)], "no seed could be fetched");
    assert_eq!(query(folder.path(), STATES), ["failed,1"]);
}
