//! Whole crawls by the real binary, against the demo web on loopback.

use std::fs;
use std::path::Path;
use std::process::{Child, Stdio};
use std::time::Duration;

use serde_json::Value;
use sqrawl::demo::DemoWeb;
use tempfile::TempDir;
use tokio::runtime::Runtime;

use super::{Ran, run, sqrawl};

/// Nothing here takes as long; a run that does is stuck.
pub(super) const WATCHDOG: Duration = Duration::from_secs(120);

/// The demo web and a folder to crawl into.
pub(super) struct World {
    _runtime: Runtime,
    web: DemoWeb,
    folder: TempDir,
}

impl World {
    pub(super) fn new() -> World {
        let runtime = Runtime::new().unwrap();
        let web = runtime.block_on(DemoWeb::start()).unwrap();
        World { _runtime: runtime, web, folder: TempDir::new().unwrap() }
    }

    pub(super) fn url(&self, host: &str) -> String {
        format!("http://{host}:{}/", self.web.port())
    }

    pub(super) fn path(&self) -> &Path {
        self.folder.path()
    }

    pub(super) fn run(&self, args: &[&str]) -> Ran {
        run(sqrawl(self.path()).args(args))
    }

    pub(super) fn json(&self, args: &[&str]) -> (Option<i32>, Value, String) {
        let ran = self.run(&[args, &["--json"]].concat());
        let value = serde_json::from_str(&ran.out).unwrap_or_else(|error| panic!("{error}: {} {}", ran.out, ran.err));
        (ran.code, value, ran.err)
    }

    pub(super) fn rows(&self, sql: &str) -> Value {
        self.json(&["query", sql]).1
    }
}

#[test]
fn demo_crawls_its_web_and_answers_three_questions() {
    let world = World::new();
    let ran = world.run(&["demo"]);
    assert_eq!(ran.code, Some(0), "{}", ran.err);
    assert_eq!(ran.out.matches('╞').count(), 3, "{}", ran.out);
    for words in ["Ελληνικός καφές", "お茶の時間", "Чай и самовар", "Le thé à l'été", "windows-1251", "Clove spices"]
    {
        assert!(ran.out.contains(words), "{words} is not in {}", ran.out);
    }
    for words in ["the crawl is complete", "135 pages", "7 robots"] {
        assert!(ran.err.contains(words), "{words} is not in {}", ran.err);
    }
    let one = |sql: &str| {
        let ran = world.run(&["query", "--db", "demo.db", "-f", "csv", sql]);
        assert_eq!(ran.code, Some(0), "{}", ran.err);
        ran.out.lines().nth(1).unwrap_or_default().to_owned()
    };
    assert_eq!(one("SELECT count(*) FROM urls WHERE url LIKE '%/cart/%' AND page_fetch_id IS NOT NULL"), "0");
    assert_eq!(one("SELECT max(depth) FROM pages"), "8");
    assert_eq!(
        one("SELECT count(*) FROM report_excluded WHERE rule IN ('robots', 'scope', 'max_depth', 'nofollow')"),
        "4"
    );
    assert_eq!(one("SELECT sum(is_loop) FROM report_redirect_chains WHERE start LIKE '%/round'"), "2");

    let ran = world.run(&["demo"]);
    assert_eq!(ran.code, Some(0), "{}", ran.err);
    assert!(ran.err.contains("holds a former demo, which is replaced"), "{}", ran.err);
    assert!(!world.path().join("crawl.db").exists());
}

#[test]
fn queries_of_the_readme_give_rows() {
    let readme = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("README.md")).unwrap();
    let sql = readme.split("```sql\n").nth(1).and_then(|rest| rest.split("```").next()).expect("SQL in the README");
    let world = World::new();
    assert_eq!(world.run(&["demo", "-q"]).code, Some(0));
    let mut asked = 0;
    for statement in sql.split(';').map(str::trim).filter(|statement| !statement.is_empty()) {
        let ran = world.run(&["query", "--db", "demo.db", "-f", "jsonl", statement]);
        assert_eq!(ran.code, Some(0), "{statement}: {}", ran.err);
        assert!(!ran.out.is_empty(), "{statement} gives no row");
        asked += 1;
    }
    assert_eq!(asked, 10);
}

#[test]
fn a_limit_is_named_and_raised_by_resume() {
    let world = World::new();
    let seed = world.url("shop.localhost");
    let (code, summary, err) = world.json(&["crawl", &seed, "--max-pages", "10"]);
    assert_eq!((code, &summary["ended_by"], &summary["limit_flag"]), (Some(0), &"limit".into(), &"--max-pages".into()));
    assert_eq!(summary["totals"]["pages"], 10);
    assert!(err.contains("because a seed was typed so"), "{err}");
    assert!(err.contains("go on with:  sqrawl resume --db ./crawl.db --max-pages 20"), "{err}");

    let (code, summary, err) = world.json(&["resume", "--max-pages", "none"]);
    assert_eq!((code, &summary["ended_by"]), (Some(0), &"complete".into()), "{err}");
    assert!(err.contains("changed  max-pages 10 → none"), "{err}");
    assert!(err.contains("going on with a crawl that stopped at a limit: 10 pages"), "{err}");

    let before = world.rows("SELECT count(*) AS n FROM fetches");
    for args in [&["resume"][..], &["crawl"], &["crawl", &seed]] {
        let (code, summary, err) = world.json(args);
        assert_eq!((code, &summary["ended_by"]), (Some(0), &"complete".into()), "{args:?}");
        assert!(err.contains("nothing is left to do"), "{err}");
    }
    assert_eq!(world.rows("SELECT count(*) AS n FROM fetches"), before);
}

#[test]
fn a_file_with_another_crawl_asks_for_add_seeds() {
    let world = World::new();
    let (calm, slow) = (world.url("calm.localhost"), world.url("slow.localhost"));
    assert_eq!(world.run(&["crawl", &calm, "--max-pages", "2", "-q"]).code, Some(0));
    let ran = world.run(&["crawl", &slow]);
    assert_eq!(ran.code, Some(2), "{}", ran.err);
    let wanted = format!("error: ./crawl.db holds the crawl of {calm}; {slow} is not among its seeds.");
    assert!(ran.err.contains(&wanted), "{}", ran.err);
    let (code, summary, err) = world.json(&["crawl", &slow, "--add-seeds", "--max-pages", "none"]);
    assert_eq!((code, &summary["ended_by"]), (Some(0), &"complete".into()), "{err}");
    let hosts = world.rows("SELECT host, count(*) AS n FROM pages GROUP BY host ORDER BY host");
    assert_eq!(hosts, serde_json::json!([{"host": "calm.localhost", "n": 6}, {"host": "slow.localhost", "n": 9}]));
}

#[test]
fn no_seed_that_can_be_fetched_is_an_exit_code() {
    let world = World::new();
    let seed = format!("http://127.0.0.1:{}/", world.web.port());
    let ran = world.run(&["crawl", &seed]);
    assert_eq!(ran.code, Some(5), "{}", ran.err);
    assert!(ran.err.contains(&format!("no seed could be fetched: {seed}")), "{}", ran.err);
    // It is a crawl all the same, and no demo may take its place.
    let ran = world.run(&["demo", "--db", "crawl.db"]);
    assert_eq!(ran.code, Some(2), "{}", ran.err);
    assert!(ran.err.contains("crawl.db holds a crawl that is no demo; choose another --db"), "{}", ran.err);
}

#[test]
fn a_seed_from_a_file_allows_nothing() {
    let world = World::new();
    fs::write(world.path().join("seeds.txt"), world.url("shop.localhost")).unwrap();
    let ran = world.run(&["crawl", "-i", "seeds.txt"]);
    assert_eq!(ran.code, Some(5), "{}", ran.err);
    assert!(ran.err.contains("--allow-net"), "{}", ran.err);
    let (code, summary, err) =
        world.json(&["crawl", "-i", "seeds.txt", "--db", "x.db", "--allow-net", "127.0.0.0/8", "--max-pages", "3"]);
    assert_eq!((code, &summary["totals"]["pages"]), (Some(0), &3.into()), "{err}");
}

#[test]
fn quiet_is_quiet() {
    let world = World::new();
    let ran = world.run(&["crawl", &world.url("calm.localhost"), "-q"]);
    assert_eq!((ran.code, ran.out.as_str(), ran.err.as_str()), (Some(0), "", ""));
}

/// Starts a crawl that takes its time and waits until it has committed a page.
#[cfg(unix)]
pub(super) fn slow_crawl(world: &World) -> Child {
    slower_crawl(world, "400ms")
}

/// The same with another delay: nine pages.
#[cfg(unix)]
#[allow(clippy::zombie_processes, reason = "a panic ends the whole test process, and every caller waits")]
pub(super) fn slower_crawl(world: &World, delay: &str) -> Child {
    let mut command = sqrawl(world.path());
    command.args(["crawl", &world.url("slow.localhost"), "--delay", delay]);
    let child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let started = std::time::Instant::now();
    loop {
        let ran = world.run(&["query", "-f", "csv", "SELECT count(*) FROM pages"]);
        if ran.out.lines().nth(1).is_some_and(|n| n != "0") {
            return child;
        }
        assert!(started.elapsed() < WATCHDOG, "no page was committed: {}", ran.err);
        std::thread::sleep(Duration::from_millis(20));
    }
}

#[cfg(unix)]
pub(super) fn signal(child: &Child, signal: rustix::process::Signal) {
    let id = rustix::process::Pid::from_raw(i32::try_from(child.id()).unwrap()).unwrap();
    rustix::process::kill_process(id, signal).unwrap();
}

#[cfg(unix)]
#[test]
fn a_signal_drains_and_resume_goes_on() {
    use rustix::process::Signal;
    for kind in [Signal::INT, Signal::TERM, Signal::HUP] {
        let world = World::new();
        let child = slow_crawl(&world);
        signal(&child, kind);
        let output = child.wait_with_output().unwrap();
        let err = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(3), "{kind:?}: {err}");
        assert!(err.contains(" in flight (at most 10 s); press Ctrl-C again to stop at once"), "{err}");
        assert!(err.contains("resume with: sqrawl resume --db ./crawl.db"), "{err}");
        let (code, summary, err) = world.json(&["resume", "--delay", "0"]);
        assert_eq!((code, &summary["ended_by"]), (Some(0), &"complete".into()), "{err}");
        assert_eq!(summary["totals"]["pages"], 9);
        assert!(err.contains("going on with a crawl that was stopped"), "{err}");
    }
}

/// The server takes the connection and says nothing, so that only the second signal can end it.
#[cfg(unix)]
#[test]
fn a_second_signal_stops_at_once() {
    use std::io::BufRead;
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let seed = format!("http://127.0.0.1:{}/", listener.local_addr().unwrap().port());
    let folder = TempDir::new().unwrap();
    let mut command = sqrawl(folder.path());
    command.args(["crawl", &seed, "--timeout", "10m", "--read-timeout", "10m"]);
    let mut child = command.stderr(Stdio::piped()).spawn().unwrap();
    let _held = listener.accept().unwrap();
    let mut lines = std::io::BufReader::new(child.stderr.take().unwrap()).lines().map(Result::unwrap);
    signal(&child, rustix::process::Signal::INT);
    assert!(lines.any(|line| line.starts_with("finishing 1 request in flight")));
    signal(&child, rustix::process::Signal::INT);
    assert!(lines.any(|line| line == "stopping at once"));
    assert!(lines.any(|line| line.starts_with("stopped by a signal")));
    assert_eq!(child.wait().unwrap().code(), Some(3));
}

#[cfg(unix)]
#[test]
fn a_running_crawl_is_watched_and_not_disturbed() {
    let world = World::new();
    let child = slow_crawl(&world);
    let ran = world.run(&["resume"]);
    assert_eq!(ran.code, Some(4), "{}", ran.err);
    assert!(ran.err.contains("is in use by another crawl"), "{}", ran.err);
    let (code, status, err) = world.json(&["status"]);
    assert_eq!((code, &status["running"]), (Some(0), &true.into()), "{err}");
    let (code, config, _) = world.json(&["config", "show"]);
    assert_eq!((code, &config["crawl"]["delay_ms"]["value"]), (Some(0), &400.into()));
    assert_eq!(config["crawl"]["delay_ms"]["origin"]["from"], "stored");
    signal(&child, rustix::process::Signal::KILL);
    child.wait_with_output().unwrap();
    let (code, summary, err) = world.json(&["resume", "--delay", "0"]);
    assert_eq!((code, &summary["totals"]["pages"]), (Some(0), &9.into()), "{err}");
    assert!(err.contains("going on with a crawl that did not come to its end"), "{err}");
    assert_eq!(world.run(&["doctor"]).code, Some(0));
}

#[test]
fn show_tells_one_page() {
    let world = World::new();
    let seed = world.url("shop.localhost");
    assert_eq!(world.run(&["crawl", &seed, "--max-pages", "3", "-q"]).code, Some(0));
    let (code, facts, _) = world.json(&["show", &seed]);
    assert_eq!((code, &facts["page"]["title"]), (Some(0), &"The Corner Shop".into()));
    let body = world.run(&["show", &seed, "--body"]);
    assert_eq!(body.out, sqrawl::demo::answer("shop.localhost", "/", world.web.port()).text());
    assert!(world.run(&["show", &seed, "--text"]).out.contains("Everything a kitchen shelf can hold."));
    assert!(world.run(&["show", &seed, "--headers"]).out.contains("content-type: text/html; charset=utf-8\n"));
    let unknown = world.run(&["show", "https://nowhere.test/"]);
    assert_eq!(unknown.code, Some(1));
    assert!(unknown.err.starts_with("error: https://nowhere.test/ is not in the database"), "{}", unknown.err);
}

/// A seed is spelled by the rules in force, and known again when they change.
#[test]
fn a_seed_is_known_under_other_rules_of_spelling() {
    let world = World::new();
    let bare = world.url("docs.localhost");
    let seed = format!("{bare}?PHPSESSID=9682993c8daa2c5497996114facdc805");
    let as_typed = world.run(&["crawl", &seed, "--max-depth", "0", "--url-rules", "-session_ids"]);
    assert_eq!(as_typed.code, Some(0), "{}", as_typed.err);
    assert_eq!(world.json(&["show", &seed]).1["url"], seed.as_str());
    let again = world.run(&["crawl", &seed, "--url-rules", "+session_ids", "--max-depth", "1"]);
    assert_eq!(again.code, Some(0), "{}", again.err);
    assert_eq!(world.json(&["show", &seed]).1["url"], seed.as_str(), "known URLs keep their spelling");
    let other = World::new();
    let seed = format!("{}?PHPSESSID=9682993c8daa2c5497996114facdc805&utm_a=1&b", other.url("docs.localhost"));
    other.run(&["crawl", &seed, "--max-depth", "0", "--drop-param", "utm_*"]);
    assert_eq!(other.json(&["show", &seed]).1["url"], format!("{}?b", other.url("docs.localhost")));
}

#[test]
fn query_formats_and_ends() {
    let world = World::new();
    assert_eq!(world.run(&["crawl", &world.url("calm.localhost"), "--max-pages", "1", "-q"]).code, Some(0));
    let sql = "SELECT 1 AS a, 'x' AS b, NULL AS c";
    for (format, wanted) in [
        ("csv", "a,b,c\r\n1,x,\r\n"),
        ("json", "[\n{\"a\":1,\"b\":\"x\",\"c\":null}\n]\n"),
        ("jsonl", "{\"a\":1,\"b\":\"x\",\"c\":null}\n"),
        ("markdown", "| a | b | c |\n| --- | --- | --- |\n| 1 | x |  |\n"),
    ] {
        assert_eq!(world.run(&["query", "-f", format, sql]).out, wanted);
    }
    let mut child =
        sqrawl(world.path()).args(["query", "-"]).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    std::io::Write::write_all(&mut child.stdin.take().unwrap(), b"SELECT 2 AS two;\n").unwrap();
    assert_eq!(child.wait_with_output().unwrap().stdout, b"two\r\n2\r\n");

    let ran = world.run(&["query", "--json", "-- a comment first\nSELECT 3 AS three"]);
    assert_eq!(ran.out, "[\n{\"three\":3}\n]\n", "{}", ran.err);

    let ran = world.run(&["query", "DELETE FROM urls"]);
    assert!(ran.code == Some(1) && ran.err.starts_with("error: "), "{:?} {}", ran.code, ran.err);
    let endless = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT count(*) FROM n";
    let ran = world.run(&["query", "--timeout", "200ms", endless]);
    assert!(ran.code == Some(1) && ran.err.contains("--timeout gives it longer"), "{:?} {}", ran.code, ran.err);
    let ran = world.run(&["query", "--timeout", "soon", sql]);
    assert!(ran.code == Some(2) && ran.err.starts_with("error: --timeout soon: "), "{}", ran.err);
}
