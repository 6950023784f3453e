//! `sqrawl rank` by the real binary: the demo crawl ranked, killed, and ranked again.

use std::path::Path;

use serde_json::Value;
use tempfile::TempDir;

use super::{run, sqrawl};

fn query(folder: &Path, sql: &str) -> Vec<Value> {
    let ran = run(sqrawl(folder).args(["query", "--json", sql]));
    assert_eq!(ran.code, Some(0), "{sql}: {}", ran.err);
    serde_json::from_str(&ran.out).unwrap()
}

/// The graph as SQL sees it, redirects of one hop followed, and one iteration of the equation over the ranks that are kept:
/// they solve it.
const RESIDUE: &str = "
WITH page AS (SELECT u.id FROM urls u JOIN fetches l ON l.id = u.last_fetch_id
              WHERE u.page_fetch_id IS NOT NULL AND l.outcome NOT IN ('gone', 'redirect') AND u.id NOT IN (SELECT url_id FROM sitemaps)),
led AS (SELECT u.id, CASE WHEN l.outcome = 'redirect' THEN l.target_id ELSE u.id END AS to_id
        FROM urls u JOIN fetches l ON l.id = u.last_fetch_id),
twice AS (SELECT a.id, b.to_id FROM led a JOIN led b ON b.id = a.to_id),
edge AS MATERIALIZED (
  SELECT DISTINCT l.source_id, t.to_id AS target_id FROM links l JOIN twice t ON t.id = l.target_id
  JOIN urls u ON u.id = l.source_id JOIN fetches f ON f.id = u.page_fetch_id
  WHERE l.kind = 'a' AND l.nofollow = 0 AND f.nofollow = 0 AND l.source_id <> t.to_id
    AND l.source_id IN (SELECT id FROM page) AND t.to_id IN (SELECT id FROM page)),
degree AS MATERIALIZED (SELECT source_id, count(*) AS n FROM edge GROUP BY source_id),
kept AS MATERIALIZED (SELECT url_id, rank FROM ranks),
lost AS (SELECT sum(rank) AS rank FROM kept WHERE url_id NOT IN (SELECT source_id FROM degree)),
given AS (SELECT e.target_id AS url_id, sum(k.rank / d.n) AS rank
          FROM edge e JOIN degree d USING (source_id) JOIN kept k ON k.url_id = e.source_id GROUP BY e.target_id)
SELECT count(*) AS ranked, (SELECT count(*) FROM page) AS pages, sum(k.rank) AS total, (SELECT count(*) FROM edge) AS links,
       (SELECT links FROM rank_runs) AS said, (SELECT count(*) FROM rank_runs) AS runs,
       sum(abs(k.rank - (0.15 + 0.85 * (SELECT rank FROM lost)) / (SELECT count(*) FROM page) - 0.85 * coalesce(g.rank, 0))) AS residue
FROM kept k LEFT JOIN given g USING (url_id)";

/// The fewest links from a seed to each page, as SQL sees it.
const CLICKS: &str = "
WITH RECURSIVE page AS (SELECT p.id FROM current_pages p WHERE p.id NOT IN (SELECT url_id FROM sitemaps)),
led AS MATERIALIZED (SELECT u.id, coalesce(r.end_id, u.id) AS to_id FROM urls u LEFT JOIN redirect_ends r ON r.url_id = u.id),
edge AS MATERIALIZED (
  SELECT DISTINCT l.source_id, t.to_id AS target_id FROM links l JOIN led t ON t.id = l.target_id
  JOIN urls u ON u.id = l.source_id JOIN fetches f ON f.id = u.page_fetch_id
  WHERE l.kind = 'a' AND l.nofollow = 0 AND f.nofollow = 0
    AND l.source_id IN (SELECT id FROM page) AND t.to_id IN (SELECT id FROM page)),
click(id, n) AS (
  SELECT t.to_id, 0 FROM seeds s JOIN led t ON t.id = s.url_id
  UNION SELECT e.target_id, c.n + 1 FROM click c JOIN edge e ON e.source_id = c.id WHERE c.n < 30),
wanted AS (SELECT id, min(n) AS n FROM click GROUP BY id)
SELECT count(*) AS pages, sum(k.depth IS w.n) AS right, count(k.depth) AS reached, max(k.depth) AS deepest,
       (SELECT starts_by || ' ' || starts FROM rank_runs) AS starts
FROM ranks k LEFT JOIN wanted w ON w.id = k.url_id";

/// Reports took the depth at which a crawl came to a page first for its click depth, and 0 for all that was imported.
#[test]
fn click_depths_are_counted_from_where_people_begin() {
    let folder = TempDir::new().unwrap();
    let folder = folder.path();
    assert_eq!(run(sqrawl(folder).args(["demo", "-q", "--db", "crawl.db"])).code, Some(0));
    let before = query(folder, "SELECT sum(ranked) AS ranked, sum(pages) AS pages FROM report_depths");
    assert!(before[0]["ranked"] == 0 && before[0]["pages"].as_u64() > Some(50), "{before:?}");
    assert_eq!(query(folder, "SELECT DISTINCT depth_by FROM report_deep")[0]["depth_by"], "crawl");
    // A page that was come to the long way round.
    let change = |sql: &str| {
        let script = format!("import sqlite3; db = sqlite3.connect('crawl.db'); db.executescript(\"\"\"{sql}\"\"\")");
        std::process::Command::new("python3")
            .args(["-c", &script])
            .current_dir(folder)
            .status()
            .is_ok_and(|s| s.success())
    };
    assert!(change("UPDATE urls SET depth = 9 WHERE depth = 1"), "python3 is needed");
    let ran = run(sqrawl(folder).args(["rank", "--limit", "0", "-f", "csv"]));
    assert_eq!(ran.code, Some(0), "{}", ran.err);
    assert!(ran.err.contains("(the seeds)"), "{}", ran.err);
    let clicks = &query(folder, CLICKS)[0];
    assert!(clicks["pages"].as_u64() > Some(50) && clicks["right"] == clicks["pages"], "{clicks}");
    assert!(
        clicks["deepest"].as_u64() > Some(3) && clicks["starts"].as_str().unwrap().starts_with("seeds "),
        "{clicks}"
    );
    let near = query(
        folder,
        "SELECT u.url FROM urls u JOIN ranks k ON k.url_id = u.id WHERE k.depth = 1 AND u.depth = 9 LIMIT 1",
    );
    let near = near[0]["url"].as_str().unwrap();
    let deep = query(folder, "SELECT url, depth_by FROM report_deep");
    assert!(deep.iter().all(|row| row["depth_by"] == "rank" && row["url"] != near), "{deep:?}");
    let shown = run(sqrawl(folder).args(["show", near]));
    assert!(shown.out.lines().any(|line| line.contains("clicks") && line.contains("1; PageRank")), "{}", shown.out);
    let explained = run(sqrawl(folder).args(["explain", near, "--json"]));
    let explained: Value = serde_json::from_str(&explained.out).unwrap();
    assert_eq!(
        (&explained["state"]["click_depth"], &explained["state"]["depth"]),
        (&1.into(), &9.into()),
        "{explained}"
    );

    // As after an import: nothing is a seed.
    assert!(change("DELETE FROM seeds"), "python3 is needed");
    let ran = run(sqrawl(folder).args(["rank", "--limit", "0", "-f", "csv"]));
    assert!(ran.code == Some(0) && ran.err.contains("the root page of each host"), "{}", ran.err);
    let roots = query(
        folder,
        "SELECT min(k.depth) AS low, max(k.depth) AS high FROM ranks k JOIN urls u ON u.id = k.url_id WHERE u.url LIKE 'http://%/'",
    );
    assert_eq!((&roots[0]["low"], &roots[0]["high"]), (&0.into(), &0.into()));
}

#[test]
fn ranks_are_those_of_the_graph_and_replaced_as_one() {
    let folder = TempDir::new().unwrap();
    let folder = folder.path();
    assert_eq!(run(sqrawl(folder).args(["demo", "-q", "--db", "crawl.db"])).code, Some(0));
    assert!(query(folder, "SELECT * FROM report_pagerank").is_empty());
    // Nothing counts before all of it is written.
    for moment in ["ranking/commit", "ranking/after@2", "finishing the ranks/commit"] {
        let ran = run(sqrawl(folder).arg("rank").env("SQRAWL_FAILPOINT", moment));
        assert_eq!(ran.code, None, "{moment}: {}", ran.err);
        assert!(query(folder, "SELECT * FROM report_pagerank").is_empty(), "{moment}");
    }
    let ran = run(sqrawl(folder).args(["rank", "--json", "--limit", "3"]));
    assert_eq!(ran.code, Some(0), "{}", ran.err);
    let rows: Vec<Value> = serde_json::from_str(&ran.out).unwrap();
    assert_eq!(rows, query(folder, "SELECT * FROM report_pagerank ORDER BY rank DESC, url LIMIT 3"));
    let all = &query(folder, RESIDUE)[0];
    assert!(all["ranked"].as_u64() > Some(50) && all["ranked"] == all["pages"], "{all}");
    assert!(all["links"].as_u64() > Some(100) && all["links"] == all["said"] && all["runs"] == 1, "{all}");
    assert!((all["total"].as_f64().unwrap() - 1.0).abs() < 1e-9 && all["residue"].as_f64().unwrap() < 2e-6, "{all}");

    // What is killed behind the last word has replaced them.
    let first = &query(folder, "SELECT finished_ms, damping FROM rank_runs")[0]["finished_ms"];
    let ran =
        run(sqrawl(folder).args(["rank", "--damping", "0.5"]).env("SQRAWL_FAILPOINT", "removing old ranks/begin"));
    assert_eq!(ran.code, None, "{}", ran.err);
    let seen = query(folder, "SELECT count(*) AS n, sum(rank) AS total, min(finished_ms) AS at FROM report_pagerank");
    assert_eq!(seen[0]["n"], all["pages"]);
    assert!((seen[0]["total"].as_f64().unwrap() - 1.0).abs() < 1e-9 && seen[0]["at"] != *first, "{seen:?}");
    assert_eq!(run(sqrawl(folder).arg("rank")).code, Some(0));
    assert_eq!(query(folder, RESIDUE)[0]["runs"], 1);
    let ran = run(sqrawl(folder).arg("doctor"));
    assert_eq!(ran.code, Some(0), "{}{}", ran.out, ran.err);

    for (args, words) in [
        (["--damping", "1"], "--damping 1: not a number from 0 to less than 1"),
        (["--tolerance", "x"], "--tolerance x"),
        (["--max-iterations", "0"], "--max-iterations 0"),
        (["--memory", "x"], "--memory x"),
    ] {
        let ran = run(sqrawl(folder).arg("rank").args(args));
        assert!(ran.code == Some(2) && ran.err.contains(words), "{args:?}: {}", ran.err);
    }
    let ran = run(sqrawl(folder).args(["rank", "--memory", "10B"]));
    assert!(ran.code == Some(1) && ran.err.contains("give them more: --memory 2GB"), "{}", ran.err);
    let ran = run(sqrawl(folder).args(["rank", "--max-iterations", "1", "-f", "csv"]));
    assert!(ran.code == Some(0) && ran.err.contains("still changed"), "{}", ran.err);
}
