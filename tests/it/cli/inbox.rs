//! `add`, `skip`, `retry` and `status --watch`, beside a crawl that runs and without one.

use std::io::{BufRead, BufReader, Write};
use std::net::{SocketAddr, TcpListener};
use std::process::Stdio;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::crawls::{WATCHDOG, World, signal, slow_crawl};
use super::{Ran, run, sqrawl};

fn wait_for(world: &World, sql: &str) {
    let began = Instant::now();
    while world.rows(sql)[0]["n"] == 0 {
        assert!(began.elapsed() < WATCHDOG, "still waiting for {sql}");
        std::thread::sleep(Duration::from_millis(20));
    }
}

fn sound(world: &World) {
    let ran = world.run(&["doctor"]);
    assert_eq!(ran.code, Some(0), "{}{}", ran.out, ran.err);
}

fn with_failpoint(world: &World, failpoint: &str, args: &[&str]) -> Ran {
    run(sqrawl(world.path()).args(args).env("SQRAWL_FAILPOINT", failpoint))
}

#[test]
fn a_running_crawl_honours_what_is_asked_of_it() {
    let world = World::new();
    let child = slow_crawl(&world);
    let (calm, shop) = (world.url("calm.localhost"), world.url("shop.localhost"));

    let (code, answer, err) = world.json(&["add", &calm]);
    assert_eq!((code, &answer["applied"], &answer["queued"]), (Some(0), &json!(true), &json!(1)), "{err}");
    assert_eq!(answer["by_running_crawl"], true);
    assert!(err.contains("applied by the crawl that runs"), "{err}");
    // Its address is not public: the crawl that runs was told that it is allowed.
    wait_for(&world, "SELECT count(*) AS n FROM pages WHERE host = 'calm.localhost'");

    assert_eq!(world.json(&["add", &shop]).1["new_urls"], 1);
    wait_for(&world, "SELECT count(*) AS n FROM urls WHERE url LIKE '%shop.%' AND state = 'queued' AND depth > 0");
    let (code, answer, err) = world.json(&["skip", "shop.localhost"]);
    assert_eq!((code, &answer["by_running_crawl"]), (Some(0), &json!(true)), "{err}");
    assert!(answer["excluded"].as_u64() > Some(0), "{answer}");
    assert!(err.contains("skip host shop.localhost"), "{err}");
    let waiting = "SELECT count(*) AS n FROM frontier WHERE host = 'shop.localhost'";
    assert_eq!(world.rows(waiting)[0]["n"], 0);
    let (_, explained, err) = world.json(&["explain", &format!("{shop}never-seen")]);
    assert_eq!(
        (&explained["is_known"], &explained["scope"]["rule"]),
        (&json!(false), &json!("skip")),
        "{explained} {err}"
    );
    assert_eq!(world.rows("SELECT kind, pattern FROM skips"), json!([{"kind": "host", "pattern": "shop.localhost"}]));

    let (code, answer, err) = world.json(&["retry", &calm]);
    assert_eq!((code, &answer["queued"]), (Some(0), &json!(1)), "{err}");
    wait_for(
        &world,
        "SELECT count(*) > 1 AS n FROM fetches f JOIN urls u ON u.id = f.url_id WHERE u.url LIKE '%calm.%' AND u.depth = 0",
    );
    assert_eq!(world.rows(waiting)[0]["n"], 0, "what is found later is left out, too");

    let (code, answer, err) = world.json(&["skip", "--undo", "shop.localhost"]);
    assert_eq!((code, &answer["applied"]), (Some(0), &json!(true)), "{err}");
    assert!(answer["queued"].as_u64() > Some(0), "{answer}");
    signal(&child, rustix::process::Signal::INT);
    child.wait_with_output().unwrap();
    sound(&world);
    let (code, summary, err) = world.json(&["resume", "--delay", "0"]);
    assert_eq!((code, &summary["ended_by"]), (Some(0), &json!("complete")), "{err}");
    assert_eq!(
        world.rows("SELECT count(*) AS n FROM urls u JOIN rules r ON r.id = u.rule_id WHERE r.name = 'skip'")[0]["n"],
        0
    );
    assert_eq!(world.rows("SELECT count(*) AS n FROM inbox WHERE applied_ms IS NULL")[0]["n"], 0);
    sound(&world);
}

#[test]
fn without_a_crawl_that_runs_it_is_done_at_once() {
    let world = World::new();
    let (calm, shop) = (world.url("calm.localhost"), world.url("shop.localhost"));
    let ran = world.run(&["add", &calm]);
    assert!(ran.code == Some(2) && ran.err.contains("holds no crawl yet"), "{}", ran.err);
    assert_eq!(world.run(&["crawl", &calm, "-q"]).code, Some(0));

    let ran = world.run(&["skip", "/product/[3-9]"]);
    assert_eq!(ran.code, Some(0), "{}", ran.err);
    assert!(ran.err.contains("skip regex /product/[3-9]: applied\n"), "{}", ran.err);
    std::fs::write(world.path().join("more.txt"), format!("# one\n{shop}\n")).unwrap();
    // A file grants nothing; a URL that is typed does.
    let ran = world.run(&["add", "-i", "more.txt", &shop]);
    assert_eq!(ran.code, Some(0), "{}", ran.err);
    assert!(ran.err.contains("add 1 URL: applied\n  1 new, 1 more to visit, 0 more excluded\n"), "{}", ran.err);
    assert!(ran.err.contains("go on with: sqrawl resume --db ./crawl.db"), "{}", ran.err);
    let ran = world.run(&["status"]);
    assert!(ran.out.contains("go on with: sqrawl resume"), "{}", ran.out);
    sound(&world);
    let (code, summary, err) = world.json(&["resume", "--retries", "0"]);
    assert_eq!((code, &summary["ended_by"]), (Some(0), &json!("complete")), "{err}");
    assert!(err.contains("going on with a crawl that was complete"), "{err}");
    let skipped = "SELECT count(*) AS n, count(u.last_fetch_id) AS asked FROM urls u JOIN rules r ON r.id = u.rule_id WHERE r.name = 'skip'";
    let skipped = world.rows(skipped);
    assert!(skipped[0]["n"].as_u64() > Some(0) && skipped[0]["asked"] == 0, "{skipped}");

    let failed = world.rows("SELECT count(*) AS n FROM urls WHERE state = 'failed'")[0]["n"].clone();
    for (args, queued) in [
        (&["retry", "--status", "5xx"][..], json!(1)),
        (&["retry", "--status", "404,410", "no-such-page"], json!(1)),
        (&["retry", "--outcome", "timeout"], json!(0)),
        (&["retry", &shop], json!(1)),
    ] {
        let (code, answer, err) = world.json(args);
        assert_eq!((code, &answer["queued"]), (Some(0), &queued), "{args:?} {err}");
    }
    sound(&world);
    assert_eq!(world.json(&["resume", "--retries", "0"]).1["ended_by"], "complete");
    assert_eq!(world.rows("SELECT count(*) AS n FROM urls WHERE state = 'failed'")[0]["n"], failed);
    sound(&world);

    for (args, words) in [
        (&["skip", "("][..], "error: skip \"(\" is not a usable regular expression"),
        (&["skip", "https://"], "error: \"https://\" is no URL"),
        (&["skip", ""], "error: skip: an empty pattern is every URL; if that is meant, say .*"),
        (&["retry", "--status", "many"], "error: --status many: no status code; for example --status 5xx"),
        (&["retry", "--status", "9xx"], "error: --status 9xx: no status code"),
        (&["retry", "--outcome", "bad"], "error: --outcome bad: none of page, unchanged"),
        (&["add"], "error: no URL is given"),
        (&["status", "--watch", "--interval", "soon"], "error: --interval: not a duration"),
    ] {
        let ran = world.run(args);
        assert!(ran.code == Some(2) && ran.err.starts_with(words), "{args:?}: {}", ran.err);
    }
}

#[test]
fn urls_are_added_from_stdin() {
    let world = World::new();
    assert_eq!(world.run(&["crawl", &world.url("calm.localhost"), "-q"]).code, Some(0));
    for (args, line) in [(&["add", "-"][..], "one"), (&["add", "-i", "-"], "two")] {
        let mut command = sqrawl(world.path());
        command.args(args).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let lines = format!("# a comment\n\n{}{line}\n", world.url("calm.localhost"));
        std::io::Write::write_all(&mut child.stdin.take().unwrap(), lines.as_bytes()).unwrap();
        let ran = child.wait_with_output().unwrap();
        let said = String::from_utf8_lossy(&ran.stderr).into_owned();
        assert_eq!(ran.status.code(), Some(0), "{said}");
        assert!(said.contains("add 1 URL: applied\n  1 new, 1 more to visit"), "{said}");
    }
    let sources = world.rows("SELECT source, count(*) AS n FROM seeds GROUP BY source ORDER BY source");
    assert_eq!(sources, json!([{"source": "argument", "n": 1}, {"source": "stdin", "n": 2}]));
    sound(&world);
}

#[test]
fn what_is_not_waited_for_is_applied_by_the_crawl() {
    let world = World::new();
    let child = slow_crawl(&world);
    let (code, answer, err) = world.json(&["add", "--no-wait", &world.url("calm.localhost")]);
    // A quick crawl may have applied it before anybody looks.
    let is_applied = answer["applied"] == json!(true);
    let words = if is_applied { "applied by the crawl that runs" } else { "left for the crawl that runs" };
    let is_told = if is_applied { answer["by_running_crawl"] == json!(true) } else { answer["inbox"][0].is_i64() };
    assert!(code == Some(0) && is_told && err.contains(words), "{answer} {err}");
    wait_for(&world, "SELECT count(*) AS n FROM inbox WHERE applied_ms IS NOT NULL");
    wait_for(&world, "SELECT count(*) AS n FROM pages WHERE host = 'calm.localhost'");
    signal(&child, rustix::process::Signal::INT);
    child.wait_with_output().unwrap();
    // Nobody runs: it is applied at once, and says so.
    let (code, answer, err) = world.json(&["skip", "--no-wait", "calm.localhost"]);
    assert_eq!(
        (code, &answer["applied"], &answer["by_running_crawl"]),
        (Some(0), &json!(true), &json!(false)),
        "{err}"
    );
    sound(&world);
}

/// Whatever dies in the middle of it, a command is applied exactly once.
#[test]
fn a_command_outlives_every_death() {
    for (moment, applied) in [
        ("applying a command/begin", false),
        ("applying a command/statement@3", false),
        ("applying a command/commit", false),
        ("applying a command/after", true),
    ] {
        let world = World::new();
        let (calm, shop) = (world.url("calm.localhost"), world.url("shop.localhost"));
        assert_eq!(world.run(&["crawl", &calm, "-q"]).code, Some(0));
        let ran = with_failpoint(&world, moment, &["add", &shop]);
        assert_eq!(ran.code, None, "{moment}: {}", ran.err);
        let rows = world.rows("SELECT applied_ms, (SELECT count(*) FROM seeds) AS seeds FROM inbox");
        assert_eq!(rows[0]["applied_ms"] != Value::Null, applied, "{moment}: {rows}");
        assert_eq!(rows[0]["seeds"], if applied { 2 } else { 1 }, "{moment}");
        let (code, summary, err) = world.json(&["resume", "--max-pages", "12"]);
        assert_eq!((code, &summary["totals"]["pages"]), (Some(0), &json!(12)), "{moment}: {err}");
        let after = world.rows("SELECT applied_ms, (SELECT count(*) FROM seeds) AS seeds FROM inbox");
        assert_eq!(after[0]["seeds"], 2, "{moment}");
        assert!(!applied || after == rows, "{moment}: it was applied twice");
        sound(&world);
    }
}

/// The crawl dies while it applies the command; whoever asked takes it over.
#[test]
fn who_asked_does_what_a_dying_crawl_left() {
    let world = World::new();
    let mut command = sqrawl(world.path());
    command.args(["crawl", &world.url("slow.localhost"), "--delay", "400ms"]);
    command.env("SQRAWL_FAILPOINT", "applying a command/commit").stderr(Stdio::null()).stdout(Stdio::null());
    let mut child = command.spawn().unwrap();
    let began = Instant::now();
    let pages = || world.run(&["query", "-f", "csv", "SELECT count(*) FROM pages"]).out;
    while pages().lines().nth(1).is_none_or(|n| n == "0") {
        assert!(began.elapsed() < WATCHDOG, "no page was committed");
        std::thread::sleep(Duration::from_millis(20));
    }
    let (code, answer, err) = world.json(&["add", &world.url("calm.localhost")]);
    assert_eq!((code, &answer["by_running_crawl"], &answer["queued"]), (Some(0), &json!(false), &json!(1)), "{err}");
    assert_eq!(child.wait().unwrap().code(), None, "the crawl was killed");
    sound(&world);
}

/// On a terminal each picture is written over the one before, and what that had more is taken away.
#[test]
fn a_watch_redraws_the_screen() {
    let world = World::new();
    let child = slow_crawl(&world);
    let (ours, theirs) = super::prompt::terminal();
    let mut command = sqrawl(world.path());
    command.args(["status", "--watch", "--interval", "200ms"]).env("TERM", "xterm");
    let mut watch = command.stdout(std::fs::File::from(theirs)).stderr(Stdio::null()).spawn().unwrap();
    drop(command);
    let mut screen = std::fs::File::from(ours);
    let (mut shown, mut bytes) = (Vec::new(), [0; 4096]);
    // A terminal whose last process is gone gives an error.
    while let Ok(n @ 1..) = std::io::Read::read(&mut screen, &mut bytes) {
        shown.extend_from_slice(&bytes[..n]);
    }
    assert_eq!(watch.wait().unwrap().code(), Some(0));
    child.wait_with_output().unwrap();
    let shown = String::from_utf8_lossy(&shown).into_owned();
    let pictures: Vec<&str> = shown.split("\x1b[H").collect();
    assert!(pictures.len() > 3 && pictures[0].is_empty(), "{shown:?}");
    assert!(pictures[1].starts_with("\x1b[J") && pictures[1].contains("running; session 1"), "{shown:?}");
    assert!(pictures.iter().skip(1).all(|picture| picture.ends_with("\x1b[J")), "{shown:?}");
    assert!(pictures[pictures.len() - 1].contains("not running"), "{shown:?}");
    assert!(
        pictures[2].lines().all(|line| line.trim_end().ends_with("\x1b[K") || line.contains("\x1b[J")),
        "{shown:?}"
    );
}

#[test]
fn a_watch_ends_with_its_crawl() {
    let world = World::new();
    let child = slow_crawl(&world);
    let ran = world.run(&["status", "--watch", "--interval", "200ms", "--json"]);
    child.wait_with_output().unwrap();
    assert_eq!(ran.code, Some(0), "{}", ran.err);
    let seen: Vec<Value> = ran.out.lines().map(|line| serde_json::from_str(line).expect("an object a line")).collect();
    assert!(seen.len() > 2, "{}", seen.len());
    assert_eq!(seen[0]["running"], true);
    assert_eq!(seen[seen.len() - 1]["running"], false);
    assert_eq!(seen[seen.len() - 1]["totals"]["pages"], 9);
    let ran = world.run(&["status", "--watch"]);
    assert_eq!(ran.out, "not running: 9 pages, 9 done, 0 failed, 0 to do, 0 excluded\n");
}

/// It was stored as a pattern that no URL can match, and reported as applied.
#[test]
fn an_international_host_is_skipped_by_its_name() {
    let world = World::new();
    let seed = world.url("blog.localhost");
    assert_eq!(world.run(&["crawl", &seed, "-q", "--max-pages", "1", "--delay", "0"]).code, Some(0));
    let (code, answer, err) = world.json(&["skip", "bücher.example"]);
    assert_eq!((code, &answer["patterns"]), (Some(0), &json!(1)), "{err}");
    assert_eq!(
        world.rows("SELECT kind, pattern FROM skips"),
        json!([{"kind": "host", "pattern": "xn--bcher-kva.example"}])
    );
    let (_, explained, err) = world.json(&["explain", "https://Bücher.example/x"]);
    assert_eq!(explained["scope"]["accepted"], false, "{explained} {err}");
    let ran = world.run(&["skip", "/é.*/"]);
    assert!(
        ran.code == Some(2) && ran.err.contains("URLs are ASCII") | ran.err.contains("all of them are ASCII"),
        "{}",
        ran.err
    );
    assert_eq!(world.json(&["skip", "--undo", "BÜCHER.example"]).1["patterns"], 1);
    assert_eq!(world.rows("SELECT count(*) AS n FROM skips")[0]["n"], 0);
}

/// What was skipped before the crawl knew the host is a regular expression, and stayed one for ever.
#[test]
fn a_host_that_was_skipped_before_it_was_known_can_be_undone() {
    let world = World::new();
    let seed = world.url("blog.localhost");
    assert_eq!(world.run(&["crawl", &seed, "-q", "--max-pages", "1", "--delay", "0"]).code, Some(0));
    assert_eq!(world.json(&["skip", "late.localhost"]).1["patterns"], 1);
    assert_eq!(world.rows("SELECT kind FROM skips")[0]["kind"], "regex");
    assert_eq!(world.json(&["add", "http://late.localhost/"]).1["new_urls"], 1);
    assert_eq!(world.rows("SELECT count(*) AS n FROM hosts WHERE name = 'late.localhost'")[0]["n"], 1);
    let (code, answer, err) = world.json(&["skip", "--undo", "late.localhost"]);
    assert_eq!((code, &answer["patterns"]), (Some(0), &json!(1)), "{err}");
    assert_eq!(world.rows("SELECT count(*) AS n FROM skips")[0]["n"], 0);
}

#[test]
fn a_retry_of_what_was_never_seen_says_so() {
    let world = World::new();
    let seed = world.url("blog.localhost");
    assert_eq!(world.run(&["crawl", &seed, "-q", "--max-pages", "1", "--delay", "0"]).code, Some(0));
    let ran = world.run(&["retry", "https://nowhere.example/"]);
    assert!(ran.code == Some(0) && ran.err.contains("what is meant was not visited"), "{}", ran.err);
    let ran = world.run(&["retry", &seed]);
    assert!(ran.code == Some(0) && !ran.err.contains("was not visited"), "{}", ran.err);
}

/// Once robots.txt could not be had in all its tries, whoever tried again was told so for half a minute, and later for an
/// hour, without a request.
#[test]
fn a_retry_after_robots_could_not_be_had_asks_again() {
    let world = World::new();
    let (address, mended) = broken_site();
    let seed = format!("http://{address}/");
    let ran = world.run(&["crawl", &seed, "--retries", "0", "--no-progress"]);
    assert!(ran.code == Some(5) && ran.err.contains("robots.txt could not be had"), "{}", ran.err);
    let again = "sqrawl retry --db ./crawl.db --outcome http_error && sqrawl resume --db ./crawl.db";
    assert!(ran.err.contains(&format!("once more:   {again}")), "{}", ran.err);

    mended.store(true, Ordering::Relaxed);
    assert_eq!(world.json(&["retry", "--outcome", "http_error"]).1["queued"], 1);
    let ran = world.run(&["resume", "--no-progress"]);
    assert_eq!(ran.code, Some(0), "{}", ran.err);
    assert_eq!(world.rows("SELECT url FROM pages"), json!([{"url": seed}]));
    sound(&world);
}

/// The worker of a host that a crawl holds kept what it knew of a robots.txt.
#[test]
fn a_retry_beside_a_crawl_asks_a_held_host_again_for_its_robots() {
    let world = World::new();
    let ((address, mended), busy) = (broken_site(), busy_site());
    let (seed, other) = (format!("http://{busy}/"), format!("http://{address}/"));
    let crawl = ["crawl", seed.as_str(), other.as_str(), "--retries", "0", "--no-progress"];
    let child = sqrawl(world.path()).args(crawl).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    let is_failed = format!("SELECT count(*) AS n FROM urls WHERE url = '{other}' AND state = 'failed'");
    let began = Instant::now();
    while !world.path().join("crawl.db").exists() || world.run(&["query", "SELECT 1 FROM seeds"]).code != Some(0) {
        assert!(began.elapsed() < WATCHDOG, "no crawl begins");
    }
    wait_for(&world, &is_failed);
    mended.store(true, Ordering::Relaxed);
    let (code, answer, err) = world.json(&["retry", &other]);
    assert_eq!((code, &answer["by_running_crawl"], &answer["queued"]), (Some(0), &json!(true), &json!(1)), "{err}");
    wait_for(&world, &format!("SELECT count(*) AS n FROM urls WHERE url = '{other}' AND state IN ('done', 'failed')"));
    assert_eq!(world.rows(&format!("SELECT state FROM urls WHERE url = '{other}'")), json!([{"state": "done"}]));
    let held = "SELECT count(*) AS n FROM host_queue WHERE lease_session IS NOT NULL AND queued > 0";
    assert_eq!(world.rows(held)[0]["n"], 1, "the host was held all the time");
    signal(&child, rustix::process::Signal::INT);
    child.wait_with_output().unwrap();
    sound(&world);
}

/// A site that takes a while for each of its many pages.
fn busy_site() -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let links: String = (0..2_000).map(|n| format!("<a href=/{n}>{n}</a>")).collect();
    std::thread::spawn(move || {
        for mut stream in listener.incoming().map_while(Result::ok) {
            let lines = BufReader::new(&stream).lines().map_while(Result::ok).take_while(|line| !line.is_empty());
            let is_robots = lines.take(1).any(|line| line.contains("/robots.txt"));
            let status = if is_robots { "404 None" } else { "200 OK" };
            std::thread::sleep(Duration::from_millis(20));
            let head = format!("HTTP/1.1 {status}\r\nContent-Type: text/html\r\nContent-Length: {}\r\n", links.len());
            let _ = stream.write_all(format!("{head}Connection: close\r\n\r\n{links}").as_bytes());
        }
    });
    address
}

/// A site that answers with 503 until it is mended, and then has one page and no robots.txt.
fn broken_site() -> (SocketAddr, Arc<AtomicBool>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let mended = Arc::new(AtomicBool::new(false));
    let is_mended = Arc::clone(&mended);
    std::thread::spawn(move || {
        for mut stream in listener.incoming().map_while(Result::ok) {
            let mut asked = String::new();
            let mut lines = BufReader::new(&stream).lines().map_while(Result::ok).take_while(|line| !line.is_empty());
            asked.extend(lines.by_ref().take(1));
            lines.for_each(drop);
            let status = match (is_mended.load(Ordering::Relaxed), asked.contains("/robots.txt")) {
                (false, _) => "503 Broken",
                (true, true) => "404 None",
                (true, false) => "200 OK",
            };
            let answer = format!(
                "HTTP/1.1 {status}\r\nContent-Type: text/html\r\nContent-Length: 2\r\nConnection: close\r\n\r\nhi"
            );
            let _ = stream.write_all(answer.as_bytes());
        }
    });
    (address, mended)
}

#[test]
fn an_undo_of_nothing_says_so() {
    let world = World::new();
    let seed = world.url("blog.localhost");
    assert_eq!(world.run(&["crawl", &seed, "-q", "--max-pages", "1", "--delay", "0"]).code, Some(0));
    let ran = world.run(&["skip", "--undo", "nothing"]);
    assert_eq!(ran.code, Some(0), "{}", ran.err);
    assert!(ran.err.contains("nothing of the kind was skipped") && !ran.err.contains("applied"), "{}", ran.err);
    assert_eq!(world.json(&["skip", "--undo", "nothing"]).1["patterns"], 0);
}
