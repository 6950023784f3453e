//! `--parser` by the real binary: both parsers fill a database with the same rows, and take turns on one.

use std::path::Path;

use sqrawl::demo::DemoWeb;
use tempfile::TempDir;
use tokio::runtime::Runtime;

use super::{run, sqrawl};

/// What a crawl knows, without the moments and the order of its requests.
const KNOWN: [&str; 5] = [
    "SELECT u.url, u.state, u.depth, u.hops, u.attempts, r.name AS rule FROM urls u LEFT JOIN rules r ON r.id = u.rule_id ORDER BY u.url",
    "SELECT u.url, f.outcome, f.status, hex(c.hash) AS hash, t.url AS target, k.url AS canonical, f.noindex, f.nofollow, f.links
     FROM fetches f JOIN urls u ON u.id = f.url_id LEFT JOIN contents c ON c.id = f.content_id
     LEFT JOIN urls t ON t.id = f.target_id LEFT JOIN urls k ON k.id = f.canonical_id ORDER BY u.url, f.id",
    "SELECT source, target, kind, nofollow, position, anchor FROM page_links ORDER BY source, target, kind",
    "SELECT hex(hash) AS hash, mime, charset, size_bytes, simhash, meta_robots, parse_cut, words, lang, title, description, headings,
            soft_404, open_graph, json_ld FROM contents ORDER BY hash",
    "SELECT hex(c.hash) AS hash, t.text FROM texts t JOIN contents c ON c.id = t.content_id ORDER BY c.hash",
];

fn rows(folder: &Path, db: &str, sql: &str) -> Vec<String> {
    let ran = run(sqrawl(folder).args(["query", "--db", db, "-f", "jsonl", sql]));
    assert_eq!(ran.code, Some(0), "{sql}: {}", ran.err);
    ran.out.lines().map(str::to_owned).collect()
}

fn crawl(folder: &Path, db: &str, more: &[&str]) {
    let ran = run(sqrawl(folder).args(["crawl", "-q", "--db", db]).args(more));
    assert_eq!(ran.code, Some(0), "{}", ran.err);
}

/// The demo web, and a seed for each of its hosts.
fn web() -> (Runtime, DemoWeb, Vec<String>) {
    let runtime = Runtime::new().unwrap();
    let web = runtime.block_on(DemoWeb::start()).unwrap();
    let seeds = sqrawl::demo::HOSTS.iter().map(|host| format!("http://{host}:{}/", web.port())).collect();
    (runtime, web, seeds)
}

#[test]
fn both_parsers_fill_a_database_with_the_same_rows() {
    let (folder, (_runtime, _web, seeds)) = (TempDir::new().unwrap(), web());
    let seeds = seeds.iter().map(String::as_str);
    for parser in ["scraper", "stream"] {
        let more: Vec<&str> = seeds.clone().chain(["--max-depth", "8", "--retries", "0", "--parser", parser]).collect();
        crawl(folder.path(), &format!("{parser}.db"), &more);
    }
    for sql in KNOWN {
        let (built, streamed) = (rows(folder.path(), "scraper.db", sql), rows(folder.path(), "stream.db", sql));
        assert!(built.len() > 100, "{} rows of {sql}", built.len());
        assert_eq!(streamed, built, "{sql}");
    }
    for (db, version) in [("scraper.db", "{\"parser\":1}"), ("stream.db", "{\"parser\":1001}")] {
        assert_eq!(rows(folder.path(), db, "SELECT DISTINCT parser FROM contents"), [version]);
        assert_eq!(run(sqrawl(folder.path()).args(["doctor", "--db", db])).code, Some(0));
    }
}

#[test]
fn a_resume_with_another_parser_goes_on_with_what_is_left() {
    let (folder, (_runtime, _web, seeds)) = (TempDir::new().unwrap(), web());
    crawl(folder.path(), "crawl.db", &[&seeds[1], "--max-pages", "10"]);
    let ran = run(sqrawl(folder.path()).args(["resume", "--parser", "stream", "--max-pages", "none"]));
    assert_eq!(ran.code, Some(0), "{}", ran.err);
    assert!(ran.err.contains("parser scraper → stream"), "{}", ran.err);
    crawl(folder.path(), "whole.db", &[&seeds[1]]);
    for sql in KNOWN {
        assert_eq!(rows(folder.path(), "crawl.db", sql), rows(folder.path(), "whole.db", sql), "{sql}");
    }
    let versions = rows(folder.path(), "crawl.db", "SELECT parser, count(*) >= 10 AS many FROM contents GROUP BY 1");
    assert_eq!(versions, ["{\"parser\":1,\"many\":1}", "{\"parser\":1001,\"many\":1}"]);
}

#[test]
fn an_unknown_parser_is_an_error_of_use() {
    let folder = TempDir::new().unwrap();
    let ran = run(sqrawl(folder.path()).args(["crawl", "http://127.0.0.1:9/", "--parser", "lxml"]));
    assert_eq!(ran.code, Some(2), "{}", ran.err);
    assert!(ran.err.contains("neither scraper nor stream"), "{}", ran.err);
}
