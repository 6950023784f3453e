//! `sqrawl search` by the real binary: what is typed, what is found as pages change, the index killed and beside a crawl.

use std::fs;
use std::path::Path;

use serde_json::Value;
use sqlx::{AssertSqlSafe, ConnectOptions, Connection};
use tempfile::TempDir;

use super::{Ran, run, sqrawl};

const SITE: &str = "
INSERT INTO rounds(id, started_ms) VALUES (1, 1000);
INSERT INTO sessions(id, round_id, started_ms, alive_ms, ended_ms, ended_by, version, config) VALUES
  (1, 1, 1000, 9000, 9500, 'signal', '0.1.0', '{\"scope\": \"host\"}');
INSERT INTO hosts(id, name, discovered_ms) VALUES (1, 'a.example', 1000), (2, 'sub.a.example', 1000);
INSERT INTO host_queue(host_id, delay_ms) VALUES (1, 1000), (2, 1000);
INSERT INTO contents(id, parser, hash, mime, size_bytes, words, lang, title, headings, description) VALUES
  (1, 1, x'01010101010101010101010101010101', 'text/html', 9, 9, 'en', 'Apples', '[[1,\"Fruit \\\"and\\\" more\"],[2,\"Trees\"]]', NULL),
  (2, 1, x'02020202020202020202020202020202', 'text/html', 9, 9, 'en-US', 'Pears', '[[1,\"About apples\"]]', 'pears'),
  (3, 1, x'03030303030303030303030303030303', 'text/html', 9, 9, 'de', 'Café', NULL, NULL),
  (4, 1, x'04040404040404040404040404040404', 'image/png', 9, NULL, NULL, NULL, NULL, NULL),
  (5, 1, x'05050505050505050505050505050505', 'text/html', 9, 9, 'en', 'Old', NULL, NULL);
INSERT INTO texts(content_id, text) VALUES
  (1, 'All about fruit. It is what''s written in C++: print(x) and the quick brown fox.'),
  (2, 'Nothing but pears here, and one of the apples among the many words of the text.'),
  (5, 'This is the outdated version about apples.');
INSERT INTO urls(id, host_id, state, depth, discovered_ms, seen_round, last_fetch_id, page_fetch_id, url) VALUES
  (1, 1, 'done', 1, 1, 1, 1, 1, 'https://a.example/apples?copy'),
  (2, 1, 'done', 0, 1, 1, 2, 2, 'https://a.example/apples'),
  (3, 2, 'done', 1, 1, 1, 3, 3, 'https://sub.a.example/pears'),
  (4, 1, 'done', 1, 1, 1, 4, 4, 'https://a.example/cafe'),
  (5, 1, 'done', 1, 1, 1, 5, 5, 'https://a.example/picture.png');
INSERT INTO fetches(id, url_id, host_id, round_id, session_id, started_ms, started_at, elapsed_ms, outcome, status, content_id) VALUES
  (1, 1, 1, 1, 1, 2000, '1970-01-01T00:00:02.000Z', 9, 'page', 200, 1),
  (2, 2, 1, 1, 1, 2000, '1970-01-01T00:00:02.000Z', 9, 'page', 200, 1),
  (3, 3, 2, 1, 1, 1769817600000, '2026-01-31T00:00:00.000Z', 9, 'page', 200, 2),
  (4, 4, 1, 1, 1, 2000, '1970-01-01T00:00:02.000Z', 9, 'page', 200, 3),
  (5, 5, 1, 1, 1, 2000, '1970-01-01T00:00:02.000Z', 9, 'page', 200, 4);
INSERT INTO fetches(id, url_id, host_id, round_id, session_id, started_ms, started_at, elapsed_ms, outcome, status, content_id) VALUES
  (6, 4, 1, 1, 1, 1000, '1970-01-01T00:00:01.000Z', 9, 'page', 200, 5);
";

async fn write(folder: &Path, sql: &str) {
    let options = sqlx::sqlite::SqliteConnectOptions::new().filename(folder.join("crawl.db"));
    let mut conn = options.pragma("foreign_keys", "OFF").connect().await.unwrap();
    sqlx::raw_sql(AssertSqlSafe(sql.to_owned())).execute(&mut conn).await.unwrap();
    conn.close().await.unwrap();
}

async fn number(folder: &Path, sql: &str) -> i64 {
    let mut conn = crate::open_raw(&folder.join("crawl.db")).await;
    let number = sqlx::query_scalar(AssertSqlSafe(sql.to_owned())).fetch_one(&mut conn).await.unwrap();
    conn.close().await.unwrap();
    number
}

async fn site() -> TempDir {
    use sqrawl::store::sqlite::{OpenMode, SqliteStore};
    let folder = TempDir::new().unwrap();
    let store = SqliteStore::open(&folder.path().join("crawl.db"), OpenMode::CreateOrOpen, false).await.unwrap();
    store.close().await.unwrap();
    write(folder.path(), SITE).await;
    folder
}

fn search(folder: &Path, args: &[&str]) -> Ran {
    run(sqrawl(folder).arg("search").args(args))
}

/// The rows of a search.
#[track_caller]
fn found(folder: &Path, args: &[&str]) -> Vec<Value> {
    let ran = search(folder, &[args, &["--json"]].concat());
    assert_eq!(ran.code, Some(0), "{args:?}: {}", ran.err);
    serde_json::from_str(&ran.out).unwrap_or_else(|error| panic!("{args:?}: {error}: {}", ran.out))
}

/// The paths of what is found.
#[track_caller]
fn paths(folder: &Path, args: &[&str]) -> Vec<String> {
    let url = |row: &Value| row["url"].as_str().unwrap().rsplit('/').next().unwrap().to_owned();
    found(folder, args).iter().map(url).collect()
}

#[tokio::test]
async fn what_is_typed_is_found_and_ranked() {
    let folder = site().await;
    let folder = folder.path();
    let cases: &[(&[&str], &[&str])] = &[
        // The title counts more than a heading, a copy is no result of its own.
        (&["apples"], &["apples", "pears"]),
        (&["c++"], &["apples"]),
        (&["what's", "print(x)"], &["apples"]),
        (&["quick-brown"], &["apples"]),
        (&["\"quick brown\" fox"], &["apples"]),
        (&["\"brown quick\""], &[]),
        (&["cafe"], &["cafe"]),
        (&["CAFÉ"], &["cafe"]),
        (&["pea*"], &["pears"]),
        (&["pea"], &[]),
        (&["fox OR pears"], &["pears", "apples"]),
        (&["apples NOT pears"], &["apples"]),
        (&["(fox OR café) NOT quick"], &["cafe"]),
        (&["headings:apples"], &["pears"]),
        (&["title:(apples OR café)"], &["cafe", "apples"]),
        (&["headings:and"], &["apples"]),
        // The levels of headings are no words.
        (&["headings:2"], &[]),
        (&["NEAR(pears apples, 5)"], &["pears"]),
        (&["^pears"], &["pears"]),
        (&["outdated"], &[]),
        (&["apples", "--host", "sub.a.example"], &["pears"]),
        (&["apples", "--host", "*.a.example"], &["apples", "pears"]),
        (&["apples", "--host", "A.example"], &["apples"]),
        (&["apples", "--since", "2026-01-31"], &["pears"]),
        (&["apples", "--since", "2026-01-31T00:00:01Z"], &[]),
        (&["apples", "--since", "2026-01-31T00:00Z"], &["pears"]),
        (&["apples", "--since", "2026-01-31T02:00+02:00"], &["pears"]),
        (&["apples", "--since", "2026-01-31T02:01+02:00"], &[]),
        (&["apples", "--since", "2h ago"], &[]),
        (&["apples", "--lang", "en-us"], &["pears"]),
        (&["apples", "--lang", "en"], &["apples", "pears"]),
        (&["apples", "--limit", "1"], &["apples"]),
    ];
    for (args, wanted) in cases {
        assert_eq!(paths(folder, args), *wanted, "{args:?}");
    }
    let row = &found(folder, &["fox"])[0];
    assert_eq!(
        (&row["title"], &row["urls"], &row["stale"], &row["host"]),
        (&"Apples".into(), &2.into(), &0.into(), &"a.example".into())
    );
    assert!(row["snippet"].as_str().unwrap().contains("quick brown [fox]"), "{row}");
    // No picture is indexed, and what has no text is known.
    assert_eq!(number(folder, "SELECT count(*) FROM search_docsize").await, 4);
    assert_eq!(number(folder, "SELECT group_concat(content_id) + 0 FROM search_textless").await, 3);
    assert_eq!(
        number(
            folder,
            "SELECT count(*) FROM documents WHERE rowid IN (SELECT rowid FROM search WHERE search MATCH 'fox')"
        )
        .await,
        1
    );
}

#[tokio::test]
async fn what_cannot_be_searched_is_explained() {
    let folder = site().await;
    for (args, words) in [
        (&["AND fox"][..], "AND has nothing before it"),
        (&["(fox"], "( is never closed"),
        (&["\"fox"], "a \" is never closed"),
        (&["++"], "there is no word in it"),
        (&["fox", "--since", "soon"], "--since soon: neither a date"),
        (&["fox", "--host", "a.example/x"], "--host a.example/x: no name of a host"),
        (&["fox", "--limit", "x"], "--limit x"),
        (&["fox", "--limit", "0"], "--limit 0: at least one"),
        (&["--no-update"], "nothing to search for"),
    ] {
        let ran = search(folder.path(), args);
        assert_eq!((ran.code, ran.out.as_str()), (Some(2), ""), "{args:?}");
        assert!(ran.err.starts_with("error: ") && ran.err.contains(words), "{args:?}: {}", ran.err);
    }
    let ran = search(folder.path(), &["fox", "--db", "none.db"]);
    assert_eq!(ran.code, Some(4), "{}", ran.err);
}

/// `snippet` took eight seconds for a word that a long page has 15,000 times.
#[tokio::test]
async fn a_common_word_of_a_long_page_took_the_time_of_its_square() {
    let folder = site().await;
    let text = format!("It begins here. {}", "grass and more ".repeat(60_000));
    write(folder.path(), &format!("UPDATE texts SET text = '{text}' WHERE content_id = 1")).await;
    write(folder.path(), "UPDATE contents SET words = 180003 WHERE id = 1").await;
    let began = std::time::Instant::now();
    let rows = found(folder.path(), &["grass", "--timeout", "20s"]);
    let snippet = rows[0]["snippet"].as_str().unwrap();
    assert!(snippet.starts_with("…[grass] and more [grass] and"), "{snippet} after {:?}", began.elapsed());
    assert!(snippet.len() < 400 && snippet.ends_with('…'), "{snippet}");
    let rows = found(folder.path(), &["title:apples"]);
    assert_eq!(rows[0]["snippet"], "", "nothing of a long text that has no match");
}

#[tokio::test]
async fn a_host_that_is_not_known_is_named() {
    let folder = site().await;
    let ran = search(folder.path(), &["apples", "--host", "no.example"]);
    assert!(ran.code == Some(0) && ran.err.contains("the crawl knows no host no.example"), "{}", ran.err);
    let ran = search(folder.path(), &["nowhere", "--host", "*.a.example"]);
    assert!(ran.code == Some(0) && !ran.err.contains("knows no host"), "{}", ran.err);
}

#[tokio::test]
async fn only_what_a_page_is_now_is_found() {
    let folder = site().await;
    let folder = folder.path();
    let ran = search(folder, &["apples", "--no-update"]);
    assert!(ran.err.contains("0 of 5 contents are indexed") && ran.out.lines().count() == 1, "{} {}", ran.err, ran.out);
    assert_eq!(paths(folder, &["fox"]), ["apples"]);
    // One copy is gone, the other one is found; then that one has another version, and then it is back.
    let fetch = |id: i64, url: i64, outcome: &str, content: &str| {
        let page = if outcome == "page" { format!(", page_fetch_id = {id}") } else { String::new() };
        format!(
            "INSERT INTO fetches(id, url_id, host_id, round_id, session_id, started_ms, started_at, elapsed_ms, outcome, status, content_id)
             VALUES ({id}, {url}, 1, 1, 1, 3000, '1970-01-01T00:00:03.000Z', 9, '{outcome}', 200, {content});
             UPDATE urls SET last_fetch_id = {id}{page} WHERE id = {url};"
        )
    };
    write(folder, &fetch(10, 2, "gone", "NULL")).await;
    assert_eq!(paths(folder, &["fox"]), ["apples?copy"]);
    assert_eq!(found(folder, &["fox"])[0]["urls"], 1, "what is gone is no URL of it");
    write(folder, &fetch(11, 1, "page", "5")).await;
    assert_eq!(paths(folder, &["fox"]), Vec::<String>::new());
    assert_eq!(paths(folder, &["outdated"]), ["apples?copy"]);
    write(folder, &fetch(12, 1, "redirect", "NULL")).await;
    assert_eq!(paths(folder, &["outdated"]), Vec::<String>::new());
    write(folder, &fetch(13, 1, "timeout", "NULL")).await;
    assert_eq!(found(folder, &["outdated"])[0]["stale"], 1);
    // A text that comes late.
    write(folder, "INSERT INTO texts VALUES (3, 'Coffee with a croissant')").await;
    assert_eq!(paths(folder, &["croissant"]), ["cafe"]);
    assert_eq!(number(folder, "SELECT count(*) FROM search_textless").await, 0);
    assert_eq!(paths(folder, &["café"]), ["cafe"]);
    let ran = run(sqrawl(folder).args(["query", "SELECT count(*) FROM search WHERE search MATCH 'croissant'"]));
    assert_eq!(ran.out, "count(*)\r\n1\r\n", "{}", ran.err);
}

/// Every moment of the first steps: what was committed is kept, nothing is indexed twice.
#[tokio::test]
async fn an_index_that_is_killed_goes_on() {
    for moment in [
        "indexing/begin",
        "indexing/commit",
        "indexing/after",
        "indexing/begin@2",
        "indexing/commit@2",
        "indexing/after@2",
    ] {
        let folder = site().await;
        let folder = folder.path();
        // Ten thousand more than a transaction takes.
        write(
            folder,
            "INSERT INTO contents(id, parser, hash, mime, size_bytes, words, title)
             WITH RECURSIVE n(i) AS (SELECT 6 UNION ALL SELECT i + 1 FROM n WHERE i < 10000)
             SELECT i, 1, unhex(printf('%032x', i + 1000000)), 'text/html', 9, 9, 'number' || i FROM n;
             INSERT INTO texts SELECT id, 'word' FROM contents WHERE id > 5;",
        )
        .await;
        let ran = run(sqrawl(folder).arg("search").env("SQRAWL_FAILPOINT", moment));
        assert_eq!(ran.code, None, "{moment}: {}", ran.err);
        let progress = number(folder, "SELECT content_id FROM search_progress").await;
        let rows = number(folder, "SELECT count(*) FROM search_docsize").await;
        assert_eq!(rows, if progress == 0 { 0 } else { progress - 1 }, "{moment}");
        assert!(progress < 10_000, "{moment}: it was killed too late to show anything");
        assert_eq!(progress == 0, matches!(moment, "indexing/begin" | "indexing/commit"), "{moment}");
        let ran = search(folder, &[]);
        assert_eq!(ran.code, Some(0), "{}", ran.err);
        assert!(ran.err.contains("the index is up to date"), "{}", ran.err);
        for (words, count) in [("word", 9995), ("number77", 1), ("apples", 3)] {
            let sql = format!("SELECT count(*) FROM search WHERE search MATCH '{words}'");
            assert_eq!(number(folder, &sql).await, count, "{moment}: {words}");
        }
        let ran = run(sqrawl(folder).args(["doctor", "--quick"]));
        assert!(!ran.err.contains("search") && !ran.out.contains("search"), "{} {}", ran.out, ran.err);
    }
}

/// Names of hosts are typed as people write them, and stored as DNS has them.
#[tokio::test]
async fn a_host_is_found_by_its_international_name() {
    let folder = site().await;
    let folder = folder.path();
    write(
        folder,
        "UPDATE hosts SET name = 'xn--bcher-kva.example' WHERE id = 2;
        UPDATE urls SET url = 'https://xn--bcher-kva.example/pears' WHERE id = 3",
    )
    .await;
    for host in ["bücher.example", "BÜCHER.example", "xn--bcher-kva.example", "*.bücher.example"] {
        assert_eq!(paths(folder, &["apples", "--host", host]), ["pears"], "{host}");
    }
}

#[tokio::test]
async fn without_words_json_says_how_far_the_index_is() {
    let folder = site().await;
    let ran = search(folder.path(), &["--json"]);
    assert_eq!(ran.code, Some(0), "{}", ran.err);
    let said: Value = serde_json::from_str(&ran.out).unwrap_or_else(|error| panic!("{error}: {:?}", ran.out));
    assert_eq!(
        (&said["complete"], &said["contents_added"], &said["contents_indexed"], &said["contents"]),
        (&true.into(), &5.into(), &5.into(), &5.into())
    );
}

/// FTS5's own check and rebuild do not work on an index of a view.
#[tokio::test]
async fn a_wrong_index_is_noticed_and_made_anew() {
    let folder = site().await;
    let folder = folder.path();
    assert_eq!(paths(folder, &["fox"]), ["apples"]);
    let doctor = |args: &[&str]| run(sqrawl(folder).arg("doctor").args(args));
    assert!(!doctor(&[]).out.contains("--rebuild"), "{}", doctor(&[]).out);
    for damage in [
        // Another text than the page's, as many rows as before.
        "INSERT INTO search(search, rowid, title, headings, description, text) SELECT 'delete', * FROM (SELECT rowid, title, headings, description, text FROM documents WHERE rowid = 1);
         INSERT INTO search(rowid, title, text) VALUES (1, 'Apples', 'something else')",
        "DELETE FROM search_docsize WHERE id = 1",
        "UPDATE search_progress SET content_id = 0",
        "INSERT INTO search(rowid, title) VALUES (77, 'of nothing')",
    ] {
        write(folder, damage).await;
        for args in [&[][..], &["--quick"]] {
            let ran = doctor(args);
            assert!(ran.out.contains("search_index") || ran.out.contains("full-text index"), "{damage}: {}", ran.out);
            assert!(ran.code == Some(4) && ran.out.contains("sqrawl search --rebuild"), "{damage}: {}", ran.out);
        }
        // Killed when it was emptied: the next search goes on.
        let ran = run(sqrawl(folder).args(["search", "--rebuild"]).env("SQRAWL_FAILPOINT", "indexing/begin"));
        assert_eq!(ran.code, None, "{}", ran.err);
        assert_eq!(number(folder, "SELECT count(*) FROM search_docsize").await, 0);
        assert_eq!(paths(folder, &["fox"]), ["apples"], "{damage}");
        assert!(!doctor(&[]).out.contains("--rebuild"), "{damage}: {}", doctor(&[]).out);
        assert_eq!(number(folder, "SELECT count(*) FROM search WHERE search MATCH 'apples'").await, 3);
    }
    for moment in ["emptying the index/begin", "emptying the index/commit", "emptying the index/after"] {
        let ran = run(sqrawl(folder).args(["search", "--rebuild", "fox"]).env("SQRAWL_FAILPOINT", moment));
        assert_eq!(ran.code, None, "{moment}: {}", ran.err);
        let rows = number(folder, "SELECT count(*) FROM search_docsize").await;
        assert_eq!(rows, if moment.ends_with("after") { 0 } else { 4 }, "{moment}");
        assert_eq!(paths(folder, &["fox"]), ["apples"], "{moment}");
    }
    let ran = search(folder, &["--rebuild", "--no-update", "fox"]);
    assert_eq!(ran.code, Some(2), "{}", ran.err);
}

#[cfg(unix)]
#[tokio::test]
async fn a_file_that_cannot_be_written_is_searched_as_it_is() {
    use std::os::unix::fs::PermissionsExt;
    let folder = site().await;
    let folder = folder.path();
    assert_eq!(paths(folder, &["fox"]), ["apples"]);
    write(folder, "INSERT INTO contents(id, parser, hash, mime, size_bytes, words) VALUES (6, 1, zeroblob(16), 'text/html', 9, 9)").await;
    // As in a folder that cannot be written, for root too: SQLite follows no link to the log's index.
    fs::set_permissions(folder.join("crawl.db"), fs::Permissions::from_mode(0o444)).unwrap();
    let root = rustix::process::geteuid().is_root();
    if root {
        std::os::unix::fs::symlink("nowhere", folder.join("crawl.db-shm")).unwrap();
    }
    let ran = search(folder, &["fox", "--json"]);
    assert_eq!(ran.code, Some(0), "{}", ran.err);
    assert!(ran.out.contains("/apples"), "{}", ran.out);
    assert!(ran.err.contains("cannot be brought up to date") && ran.err.contains("5 of 6"), "{}", ran.err);
}

/// Beside a crawl, which is not disturbed.
#[test]
fn a_running_crawl_is_searched() {
    let folder = TempDir::new().unwrap();
    let mut crawl = sqrawl(folder.path()).args(["demo", "-q", "--db", "crawl.db"]).spawn().unwrap();
    let mut asked = 0;
    while crawl.try_wait().unwrap().is_none() {
        let ran = search(folder.path(), &["kettle", "-f", "jsonl"]);
        // Before it there is no file.
        assert!(matches!(ran.code, Some(0 | 4)), "{}", ran.err);
        asked += 1;
    }
    assert!(crawl.wait().unwrap().success() && asked > 0);
    assert!(!paths(folder.path(), &["kettle"]).is_empty());
    let ran = run(sqrawl(folder.path()).arg("doctor"));
    assert_eq!(ran.code, Some(0), "{}{}", ran.out, ran.err);
}
