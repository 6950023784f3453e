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
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let port = listener.local_addr().unwrap().port();
    thread::spawn(move || {
        for stream in listener.incoming() {
            thread::spawn(move || serve(&stream.unwrap()));
        }
    });
    port
}

fn serve(mut stream: &TcpStream) {
    let mut lines = BufReader::new(stream).lines().map_while(Result::ok);
    while let Some(first) = lines.next() {
        let path = first.split(' ').nth(1).unwrap().to_owned();
        while lines.next().is_some_and(|line| !line.is_empty()) {}
        let (status, body) = match path.as_str() {
            "/robots.txt" => ("404 Not Found", String::new()),
            "/" => ("200 OK", (0..10).map(|n| format!("<a href={n}>{n}</a>")).collect()),
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

#[test]
fn a_page_that_kills_the_process_is_given_up_and_the_rest_is_crawled() {
    let (folder, port) = (TempDir::new().unwrap(), site());
    let bad = format!("http://127.0.0.1:{port}/7");
    assert_eq!(life(folder.path(), port, "7").code, None);
    let noted = doctor(folder.path());
    assert!(noted.contains("a session did not end by itself"), "{noted}");
    // The next life crawls everything else first, and dies of this page alone.
    assert_eq!(life(folder.path(), port, "7").code, None);
    // What was parsed beside it at the first death may be held back, too.
    let open = "SELECT state FROM urls WHERE state <> 'done' AND id NOT IN (SELECT url_id FROM suspects WHERE held)";
    assert_eq!(query(folder.path(), open), Vec::<String>::new());
    let noted = doctor(folder.path());
    assert!(noted.contains("it is tried alone, after all others") && noted.contains(&bad), "{noted}");
    let deaths = 2 + crawl(folder.path(), port, "7");
    assert!((3..=5).contains(&deaths), "{deaths}");
    assert_eq!(query(folder.path(), STATES), ["done,10", "failed,1"]);
    let last =
        "SELECT f.outcome, f.error FROM urls u JOIN fetches f ON f.id = u.last_fetch_id WHERE u.state = 'failed'";
    assert_eq!(
        query(folder.path(), last),
        ["crashed,given up: the process died 3 times in a row while it parsed this page and worked on nothing else"]
    );
    let noted = doctor(folder.path());
    assert!(noted.contains("cannot parse it") && noted.contains(&bad), "{noted}");
    let shown = run(sqrawl(folder.path()).args(["show", &bad]));
    assert!(shown.out.contains("crashed") && shown.out.contains("3 times in a row"), "{}", shown.out);
    assert_eq!(query(folder.path(), "SELECT count(*) FROM suspects"), ["0"]);
}

/// A page that is parsed after all is no page that was given up.
#[test]
fn a_page_that_killed_twice_and_then_did_not_is_a_page() {
    let (folder, port) = (TempDir::new().unwrap(), site());
    for _ in 0..3 {
        assert_eq!(life(folder.path(), port, "3").code, None);
    }
    assert_eq!(crawl(folder.path(), port, ""), 0);
    assert_eq!(query(folder.path(), STATES), ["done,11"]);
    assert_eq!(query(folder.path(), "SELECT count(*) FROM suspects"), ["0"]);
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
    assert_eq!(ends, [None, None, None, Some(5)], "no seed could be fetched");
    assert_eq!(query(folder.path(), STATES), ["failed,1"]);
}
