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
