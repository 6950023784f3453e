//! Real robots.txt files under concurrency: 64 threads ask one parsed file, and a crawl with 64
//! requests in flight meets forty origins at once, each with a robots.txt of the real web.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::path::Path;
use std::sync::{Arc, Barrier, Mutex};
use std::thread;

use serde_json::Value;
use sqrawl::politeness::{RobotsCheck, RobotsFile};
use sqrawl::scope::{UrlRules, canonicalize};
use tempfile::TempDir;
use url::Url;

use crate::cli::{run, sqrawl};

const ORIGINS: usize = 40;
const PATHS_OF_AN_ORIGIN: usize = 24;

/// (name, text) of the real files, in the order of their names.
fn real_files() -> Vec<(String, String)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/robots/real");
    let mut files: Vec<_> = fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .map(|path| (path.file_name().unwrap().to_string_lossy().into_owned(), fs::read(path).unwrap()))
        .map(|(name, bytes)| (name, String::from_utf8_lossy(&bytes).replace('\0', "")))
        .collect();
    files.sort();
    files
}

/// Paths near the rules of a file: what a pattern matches, more of it and less of it, and the same
/// with a letter escaped; as the crawler would ask for them.
fn paths_near(text: &str) -> BTreeSet<String> {
    let values = text.split(['\n', '\r']).filter_map(|line| {
        let (field, value) = line.split('#').next()?.split_once(':')?;
        let value = value.trim();
        (field.to_ascii_lowercase().contains("allow") && value.starts_with(['/', '*'])).then_some(value)
    });
    let mut paths = BTreeSet::new();
    for value in values {
        let path = value.trim_end_matches('$').replace('*', "x").trim_start_matches('/').to_owned();
        let less = &path[..path.char_indices().next_back().map_or(0, |(at, _)| at)];
        let escaped = path.replacen('a', "%61", 1);
        for near in [&*path, &format!("{path}x"), &format!("{path}/y?z=1"), less, &escaped] {
            paths.extend(canonical(&format!("/{}", near.trim_start_matches('/'))));
        }
    }
    paths
}

fn canonical(path: &str) -> Option<String> {
    let base = Url::parse("http://example.com/").unwrap();
    canonicalize(path, Some(&base), None, &UrlRules::default()).ok().map(|url| url.path_and_query().to_owned())
}

/// What a parsed file says to three crawlers of a dozen paths.
fn ask(file: &RobotsFile<'_>, paths: &[String]) -> Vec<RobotsCheck> {
    let rules = ["sqrawl", "Googlebot", "*"].map(|agent| file.rules_for(agent));
    rules.iter().flat_map(|rules| paths.iter().map(|path| rules.check(path))).collect()
}

#[test]
fn sixty_four_threads_read_one_file_alike() {
    let texts = real_files();
    let files: Vec<_> = texts
        .iter()
        .step_by(2)
        .map(|(name, text)| {
            let paths: Vec<String> = paths_near(text).into_iter().step_by(5).take(12).collect();
            let file = RobotsFile::parse(text);
            let alone = ask(&file, &paths);
            (name, file, paths, alone)
        })
        .collect();
    let together = Barrier::new(64);
    thread::scope(|scope| {
        for _ in 0..64 {
            scope.spawn(|| {
                for (name, file, paths, alone) in &files {
                    together.wait();
                    assert_eq!(&ask(file, paths), alone, "{name}");
                }
            });
        }
    });
}

/// Origins on loopback addresses of their own. All of them answer every path; what was asked of
/// each is noted.
struct Origins {
    ports: Vec<u16>,
    asked: Arc<Mutex<BTreeMap<(usize, String), usize>>>,
}

impl Origins {
    /// Origin 0 links to the paths of all others, one page for each.
    fn start(files: &[(String, BTreeSet<String>)]) -> Origins {
        let listeners: Vec<TcpListener> =
            (0..=files.len()).map(|n| TcpListener::bind((address(n), 0)).expect("a loopback address")).collect();
        let ports: Vec<u16> = listeners.iter().map(|listener| listener.local_addr().unwrap().port()).collect();
        let mut hub = BTreeMap::from([("/".to_owned(), links((1..=files.len()).map(|n| format!("/of/{n}"))))]);
        for (n, (_, paths)) in (1..).zip(files) {
            let of = paths.iter().map(|path| format!("http://{}:{}{path}", address(n), ports[n]));
            hub.insert(format!("/of/{n}"), links(of));
        }
        let asked: Arc<Mutex<BTreeMap<_, _>>> = Arc::default();
        for (n, listener) in listeners.into_iter().enumerate() {
            let robots = n.checked_sub(1).map(|n| files[n].0.clone()).unwrap_or_default();
            let pages = if n == 0 { std::mem::take(&mut hub) } else { BTreeMap::new() };
            let (asked, answers) = (Arc::clone(&asked), Arc::new((robots, pages)));
            thread::spawn(move || {
                for stream in listener.incoming().flatten() {
                    let (asked, answers) = (Arc::clone(&asked), Arc::clone(&answers));
                    thread::spawn(move || answer(stream, n, &answers.0, &answers.1, &asked));
                }
            });
        }
        Origins { ports, asked }
    }
}

fn address(origin: usize) -> Ipv4Addr {
    Ipv4Addr::new(127, 0, 1, u8::try_from(origin + 1).unwrap())
}

fn links(urls: impl Iterator<Item = String>) -> String {
    urls.map(|url| format!("<a href=\"{}\">x</a>\n", url.replace('&', "&amp;").replace('"', "&quot;"))).collect()
}

/// Reads one request, notes it, answers it, and closes.
fn answer(
    mut stream: TcpStream,
    origin: usize,
    robots: &str,
    pages: &BTreeMap<String, String>,
    asked: &Mutex<BTreeMap<(usize, String), usize>>,
) {
    let mut lines = BufReader::new(stream.try_clone().unwrap()).lines().map_while(Result::ok);
    let Some(request) = lines.next() else { return };
    while lines.next().is_some_and(|line| !line.is_empty()) {}
    let target = request.split(' ').nth(1).unwrap_or_default().to_owned();
    let (kind, body) = match pages.get(&target) {
        Some(page) => ("text/html", page.as_str()),
        None if target == "/robots.txt" => ("text/plain", robots),
        None => ("text/html", "<p>A page."),
    };
    *asked.lock().unwrap().entry((origin, target)).or_default() += 1;
    let head = format!(
        "HTTP/1.1 200 OK\r\ncontent-type: {kind}; charset=utf-8\r\ncontent-length: {}\r\nconnection: close\r\n\r\n",
        body.len()
    );
    // Whoever hangs up early is seen by what it asked for.
    let _ = stream.write_all(format!("{head}{body}").as_bytes());
}

/// Files that allow some of the paths near their rules and forbid others, and ask for no patience.
fn files_with_both() -> Vec<(String, BTreeSet<String>)> {
    let mut files = Vec::new();
    for (_, text) in real_files() {
        let rules = RobotsFile::parse(&text).rules_for("sqrawl");
        let near = paths_near(&text);
        let (allowed, forbidden): (Vec<_>, Vec<_>) = near.into_iter().partition(|path| rules.check(path).allowed);
        if rules.crawl_delay_ms().is_none() && allowed.len() > 2 && forbidden.len() > 2 {
            let half = PATHS_OF_AN_ORIGIN / 2;
            files.push((text, allowed.into_iter().take(half).chain(forbidden.into_iter().take(half)).collect()));
        }
    }
    files.truncate(ORIGINS);
    assert_eq!(files.len(), ORIGINS);
    files
}

#[test]
fn no_forbidden_path_is_asked_for_by_sixty_four_requests_at_once() {
    let files = files_with_both();
    let origins = Origins::start(&files);
    let folder = TempDir::new().unwrap();
    let seed = format!("http://{}:{}/", address(0), origins.ports[0]);
    let ran = run(sqrawl(folder.path())
        .args(["crawl", &seed, "--scope", "any", "--allow-net", "127.0.0.0/8", "--delay", "0"])
        .args(["--concurrency", "64", "--per-host", "4", "--no-progress"]));
    assert_eq!(ran.code, Some(0), "{}", ran.err);

    let asked = origins.asked.lock().unwrap().clone();
    let mut wrong = Vec::new();
    let mut counts = (0, 0);
    for (n, (text, paths)) in (1..).zip(&files) {
        let rules = RobotsFile::parse(text).rules_for("sqrawl");
        for path in paths {
            let allowed = rules.check(path).allowed;
            let times = asked.get(&(n, path.clone())).copied().unwrap_or_default();
            let expected = usize::from(allowed);
            counts = (counts.0 + expected, counts.1 + 1 - expected);
            if times != expected {
                wrong.push(format!("{}{path}: asked for {times} times, allowed: {allowed}", address(n)));
            }
        }
        let robots = asked.get(&(n, "/robots.txt".to_owned())).copied();
        if robots != Some(1) {
            wrong.push(format!("{}: robots.txt was asked for {robots:?} times", address(n)));
        }
    }
    assert!(wrong.is_empty(), "{}\n{}", wrong.join("\n"), ran.err);
    // Nothing else either: each request was one that was expected, or the hub's.
    let others: Vec<_> =
        asked.keys().filter(|(n, path)| *n > 0 && path != "/robots.txt" && !files[n - 1].1.contains(path)).collect();
    assert!(others.is_empty(), "{others:?}");

    // The database says of each forbidden URL that robots.txt forbids it.
    let sql = "SELECT count(*) AS n FROM urls JOIN rules ON rules.id = rule_id WHERE rules.name = 'robots'";
    let ran = run(sqrawl(folder.path()).args(["query", "--json", sql]));
    let rows: Value = serde_json::from_str(&ran.out).unwrap_or_else(|error| panic!("{error}: {} {}", ran.out, ran.err));
    assert!(counts.0 > 100 && counts.1 > 100, "{counts:?} say little");
    assert_eq!(rows[0]["n"], counts.1, "{}", ran.out);
}
