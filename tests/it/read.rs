//! The read side: queries that cannot write, limits that stop, facts that are right, damage found.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{ConnectOptions, Connection, SqliteConnection};
use sqrawl::report::{self, Look};
use sqrawl::store::StoreError;
use sqrawl::store::sqlite::read::{
    Cancel, DoctorOptions, Limits, Lookup, QueryEndReason, Reader, RowSink, Rows, Severity, ShowLimits, Value,
};
use sqrawl::store::sqlite::{OpenMode, SqliteStore};
use tempfile::TempDir;

/// A crawl of two hosts: a start page, a page with a body, a redirect to it, a missing page, one
/// waiting and one excluded.
const CRAWL: &str = include_str!("read_crawl.sql");

/// A folder with one crawl database.
struct Scratch {
    folder: TempDir,
    path: PathBuf,
}

impl Scratch {
    async fn new() -> Scratch {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("crawl.db");
        create(&path).await;
        let scratch = Scratch { folder, path };
        scratch.write(CRAWL).await;
        scratch
    }

    async fn connection(&self) -> SqliteConnection {
        let options = SqliteConnectOptions::new().filename(&self.path).pragma("foreign_keys", "OFF");
        options.connect().await.expect("a connection")
    }

    /// Writes behind the crawl's back.
    async fn write(&self, sql: &'static str) {
        let mut conn = self.connection().await;
        sqlx::raw_sql(sql).execute(&mut conn).await.expect(sql);
        conn.close().await.expect("closed");
    }

    async fn reader(&self) -> Reader {
        Reader::open(&self.path).await.expect("a crawl database")
    }

    /// Every file of the folder but the log's index, in which readers mark their place.
    fn files(&self) -> BTreeMap<PathBuf, Vec<u8>> {
        files_in(self.folder.path()).into_iter().filter(|(path, _)| !path.ends_with("crawl.db-shm")).collect()
    }
}

fn files_in(folder: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let entries = std::fs::read_dir(folder).expect("a folder");
    entries
        .map(|entry| entry.expect("an entry").path())
        .map(|p| (p.clone(), std::fs::read(p).unwrap_or_default()))
        .collect()
}

async fn create(path: &Path) {
    let store = SqliteStore::open(path, OpenMode::CreateOrOpen, false).await.expect("a new file");
    store.close().await.expect("closed");
}

async fn rows(reader: &mut Reader, sql: &str) -> Rows {
    let mut rows = Rows::default();
    reader.query(sql, &[], &Limits::default(), &mut rows).await.expect(sql);
    rows
}

async fn refusal(reader: &mut Reader, sql: &str) -> String {
    let limits = Limits { time: Some(Duration::from_secs(5)), ..Limits::default() };
    match reader.query(sql, &[], &limits, &mut Rows::default()).await {
        Err(StoreError::Query(message)) => message,
        other => panic!("{sql:?} gave {other:?}"),
    }
}

fn text(value: &str) -> Value {
    Value::Text(value.to_owned())
}

#[tokio::test]
async fn a_query_gives_every_kind_of_value_as_it_is_stored() {
    let scratch = Scratch::new().await;
    let mut reader = scratch.reader().await;
    let found =
        rows(&mut reader, "SELECT NULL a, -9223372036854775808 b, 1.5 c, 'é' d, x'00ff' e, CAST(x'61ff62' AS TEXT) f")
            .await;
    assert_eq!(found.columns, ["a", "b", "c", "d", "e", "f"]);
    let wanted = vec![
        Value::Null,
        Value::Integer(i64::MIN),
        Value::Real(1.5),
        text("é"),
        Value::Blob(vec![0, 255]),
        text("a\u{fffd}b"),
    ];
    assert_eq!(found.rows, [wanted]);
}

#[tokio::test]
async fn a_query_without_rows_still_names_its_columns() {
    let scratch = Scratch::new().await;
    let found = rows(&mut scratch.reader().await, "SELECT url, title FROM pages WHERE 0").await;
    assert_eq!((found.columns, found.rows.len()), (vec!["url".to_owned(), "title".to_owned()], 0));
}

#[tokio::test]
async fn parameters_are_values_and_must_be_given() {
    let scratch = Scratch::new().await;
    let mut reader = scratch.reader().await;
    let mut found = Rows::default();
    let given = [text("' OR 1 --"), Value::Integer(7), Value::Blob(vec![1]), Value::Real(0.5), Value::Null];
    reader.query("SELECT ?, ?, ?, ?, ?", &given, &Limits::default(), &mut found).await.expect("bound");
    assert_eq!(found.rows, [given.to_vec()]);
    assert!(refusal(&mut reader, "SELECT ?").await.contains("1 parameter(s) and 0 value(s)"));
}

#[tokio::test]
async fn the_documented_kinds_of_statement_run() {
    let scratch = Scratch::new().await;
    let mut reader = scratch.reader().await;
    for sql in [
        "SELECT count(*) FROM urls",
        "  -- comment\n WITH a AS (SELECT 1 x) SELECT x FROM a ORDER BY x LIMIT 1; -- end",
        "VALUES (1), (2)",
        "EXPLAIN SELECT 1",
        "EXPLAIN QUERY PLAN SELECT * FROM urls",
        "SELECT * FROM (SELECT 1 UNION ALL SELECT 2) ORDER BY 1 DESC",
        "SELECT name FROM pragma_table_info('urls')",
        "SELECT value FROM json_each('[1,2]')",
        "SELECT url, row_number() OVER (ORDER BY id) FROM urls",
    ] {
        assert!(!rows(&mut reader, sql).await.rows.is_empty(), "{sql}");
    }
}

/// Statements that would write, read another file or change the connection.
const FORBIDDEN: &[&str] = &[
    "VACUUM",
    "VACUUM INTO 'DIR/out.db'",
    "SELECT 1; VACUUM INTO 'DIR/out.db'",
    "SELECT 1 /* */ ; /* */ VACUUM INTO 'DIR/out.db' --",
    "SELECT $a('); VACUUM INTO 'DIR/out.db' --'",
    "SELECT #x(\"); VACUUM INTO 'DIR/out.db' --\"",
    "EXPLAIN VACUUM INTO 'DIR/out.db'",
    "EXPLAIN PRAGMA query_only = 0",
    "EXPLAIN QUERY PLAN PRAGMA query_only = 0",
    "ATTACH 'DIR/other.db' AS other",
    "ATTACH 'DIR/new.db' AS other",
    "SELECT 1; ATTACH 'DIR/new.db' AS other",
    "PRAGMA query_only = 0",
    "PRAGMA journal_mode = DELETE",
    "PRAGMA user_version = 9",
    "PRAGMA temp_store_directory = 'DIR'",
    "PRAGMA wal_checkpoint(TRUNCATE)",
    "INSERT INTO rules(name) VALUES ('x')",
    "REPLACE INTO rules(id, name) VALUES (1, 'x')",
    "UPDATE urls SET state = 'done'",
    "DELETE FROM urls",
    "WITH a AS (SELECT 1) INSERT INTO rules(name) SELECT 'x'",
    "WITH a AS (SELECT 1) UPDATE urls SET depth = 9",
    "WITH a AS (SELECT 1) DELETE FROM urls",
    "WITH a AS (SELECT 1) DELETE FROM urls RETURNING *",
    "EXPLAIN WITH a AS (SELECT 1) DELETE FROM urls",
    "CREATE TABLE x(y)",
    "CREATE TEMP TABLE x(y)",
    "CREATE VIRTUAL TABLE x USING fts5(y)",
    "DROP TABLE urls",
    "ALTER TABLE urls RENAME TO x",
    "REINDEX",
    "ANALYZE",
    "BEGIN IMMEDIATE",
    "SAVEPOINT x",
    "DETACH main",
    "SELECT load_extension('DIR/evil.so')",
    "SELECT writefile('DIR/out.txt', 'x')",
    "SELECT readfile('DIR/other.db')",
    "SELECT edit('x')",
    "SELECT * FROM fsdir('DIR')",
    "SELECT * FROM pragma_wal_checkpoint",
    "SELECT * FROM pragma_journal_mode('delete')",
    "SELECT * FROM pragma_user_version(9)",
    "SELECT * FROM pragma_query_only(0)",
    "SELECT * FROM sqlite_dbpage",
    "SELECT fts3_tokenizer('simple', x'0000000000000000')",
    "SELECT * FROM urls) ; DELETE FROM urls; SELECT * FROM (SELECT 1",
    "SELECT 1)",
    "\u{feff};VACUUM INTO 'DIR/out.db'",
];

#[tokio::test]
async fn nothing_that_a_query_says_changes_or_reads_another_file() {
    let scratch = Scratch::new().await;
    std::fs::write(scratch.folder.path().join("other.db"), b"secret").expect("written");
    let mut reader = scratch.reader().await;
    rows(&mut reader, "SELECT 1").await;
    let before = scratch.files();
    let folder = scratch.folder.path().to_str().expect("UTF-8");
    for sql in FORBIDDEN {
        let sql = sql.replace("DIR", folder);
        let message = refusal(&mut reader, &sql).await;
        assert!(!message.is_empty() && !message.contains("secret"), "{sql}: {message}");
        assert_eq!(scratch.files(), before, "{sql} changed the folder");
    }
    // What the connection may do has not changed either.
    assert_eq!(rows(&mut reader, "SELECT query_only FROM pragma_query_only").await.rows, [[Value::Integer(1)]]);
    let databases = rows(&mut reader, "SELECT name FROM pragma_database_list WHERE name <> 'temp'").await;
    assert_eq!(databases.rows, [[text("main")]]);
}

/// Every PRAGMA that can be called as a table, with and without an argument.
#[tokio::test]
async fn no_pragma_function_writes() {
    let scratch = Scratch::new().await;
    let mut reader = scratch.reader().await;
    let pragmas = rows(&mut reader, "SELECT name FROM pragma_pragma_list ORDER BY name").await;
    let before = scratch.files();
    for row in &pragmas.rows {
        let Value::Text(name) = &row[0] else { panic!("{row:?}") };
        for call in [format!("pragma_{name}"), format!("pragma_{name}(1)"), format!("pragma_{name}('main')")] {
            // Whether it exists is SQLite's business.
            let _ = reader.query(&format!("SELECT * FROM {call}"), &[], &Limits::default(), &mut Rows::default()).await;
            assert_eq!(scratch.files(), before, "{call}");
        }
    }
    assert_eq!(rows(&mut reader, "SELECT query_only FROM pragma_query_only").await.rows, [[Value::Integer(1)]]);
    assert!(pragmas.rows.len() > 30);
}

#[tokio::test]
async fn an_unknown_name_is_answered_with_those_that_exist() {
    let scratch = Scratch::new().await;
    let mut reader = scratch.reader().await;
    for (sql, wanted) in [
        ("SELECT * FROM page", &["no such table: page", "did you mean pages?", "report_status"][..]),
        ("SELECT titel FROM pages", &["no such column: titel", "did you mean title?", "columns of pages: url_id, url"]),
        ("SELECT p.titel FROM pages p JOIN hosts", &["did you mean title?", "columns of hosts: id, name"]),
        ("SELECT 1 +", &["is the query complete?"]),
        ("SELECT count( FROM urls", &["near \"FROM\": syntax error"]),
        ("SELECT nosuch(1)", &["no such function: nosuch"]),
        ("DELETE FROM urls", &["DELETE is not run", "SELECT, WITH, VALUES or EXPLAIN"]),
    ] {
        let message = refusal(&mut reader, sql).await;
        assert!(wanted.iter().all(|part| message.contains(part)), "{sql}: {message}");
    }
}

const ENDLESS: &str = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT count(*) FROM n";

#[tokio::test]
async fn the_time_limit_stops_an_endless_query_and_the_reader_goes_on() {
    let scratch = Scratch::new().await;
    let mut reader = scratch.reader().await;
    let limits = Limits { time: Some(Duration::from_millis(50)), ..Limits::default() };
    let end = reader.query(ENDLESS, &[], &limits, &mut Rows::default()).await.expect("an end");
    assert_eq!((end.rows, end.reason), (0, QueryEndReason::TimeLimit));
    assert_eq!(rows(&mut reader, "SELECT 1").await.rows, [[Value::Integer(1)]]);
}

#[tokio::test]
async fn cancelling_stops_an_endless_query() {
    let scratch = Scratch::new().await;
    let mut reader = scratch.reader().await;
    let cancel = Cancel::default();
    let limits = Limits { time: None, cancel: cancel.clone(), ..Limits::default() };
    let mut sink = Rows::default();
    let query = reader.query(ENDLESS, &[], &limits, &mut sink);
    let (end, ()) = tokio::join!(query, async { cancel.cancel() });
    assert_eq!(end.expect("an end").reason, QueryEndReason::Cancelled);
}

#[tokio::test]
async fn the_row_limit_says_whether_there_was_more() {
    let scratch = Scratch::new().await;
    let mut reader = scratch.reader().await;
    for (limit, wanted, reason) in
        [(2, 2, QueryEndReason::RowLimit), (3, 3, QueryEndReason::Complete), (0, 0, QueryEndReason::RowLimit)]
    {
        let limits = Limits { rows: Some(limit), ..Limits::default() };
        let mut found = Rows::default();
        let end = reader.query("VALUES (1), (2), (3)", &[], &limits, &mut found).await.expect("an end");
        assert_eq!((end.rows, found.rows.len(), end.reason), (wanted, wanted as usize, reason));
    }
}

/// Takes a few rows and then is gone, like `head`.
struct Closing(u32);

impl RowSink for Closing {
    fn columns(&mut self, _: &[String]) -> std::io::Result<()> {
        Ok(())
    }

    fn row(&mut self, _: Vec<Value>) -> std::io::Result<()> {
        self.0 = self.0.checked_sub(1).ok_or(std::io::ErrorKind::BrokenPipe)?;
        Ok(())
    }
}

#[tokio::test]
async fn a_closed_output_ends_a_query_that_would_never_end() {
    let scratch = Scratch::new().await;
    let mut reader = scratch.reader().await;
    let sql = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT i FROM n";
    let limits = Limits { time: None, ..Limits::default() };
    let end = reader.query(sql, &[], &limits, &mut Closing(5)).await.expect("an end");
    assert_eq!((end.rows, end.reason), (5, QueryEndReason::OutputClosed));
    assert_eq!(rows(&mut reader, "SELECT 1").await.rows.len(), 1);
}

#[tokio::test]
async fn a_reader_sees_what_is_committed_while_it_is_open() {
    let scratch = Scratch::new().await;
    let mut reader = scratch.reader().await;
    let count = "SELECT count(*) FROM rules";
    let before = rows(&mut reader, count).await;
    scratch.write("INSERT INTO rules(name) VALUES ('later')").await;
    assert_ne!(rows(&mut reader, count).await, before);
}

#[tokio::test]
async fn status_counts_what_the_crawl_did() {
    let scratch = Scratch::new().await;
    let status = scratch.reader().await.status(50_000).await.expect("a status");
    assert!(!status.running);
    assert_eq!((status.totals.done, status.totals.queued, status.totals.excluded), (4, 1, 1));
    assert_eq!((status.totals.fetches, status.totals.pages), (5, 2));
    assert_eq!((status.rounds, status.sessions), (1, 2));
    let session = status.session.expect("a session");
    assert_eq!((session.id, session.fetches, session.pages, session.wire_bytes), (2, 4, 1, 900));
    assert_eq!((session.ended_by.as_deref(), session.ended_ms), (Some("signal"), Some(30_000)));
    // One page between the first request at 20 s and the end at 30 s.
    assert_eq!((session.pages_per_second, session.fetches_per_second_now), (0.1, 0.4));
    assert!(status.attempts.all && status.attempts.counted == 5);
    let first = &status.attempts.outcomes[0];
    assert_eq!((first.outcome.as_str(), first.status, first.count), ("page", Some(200), 2));
    assert_eq!((status.hosts.known, status.hosts.with_work, status.hosts.ready, status.hosts.leased), (2, 1, 1, 0));
    assert_eq!(status.busiest.iter().map(|h| (h.host.as_str(), h.queued)).collect::<Vec<_>>(), [("a.example", 1)]);
    assert_eq!(status.next_due.map(|d| (d.host, d.ready_ms)), Some(("a.example".to_owned(), 40_000)));
    assert_eq!(status.eta_ms, None);
    assert!(status.files.database_bytes > 0);
}

#[tokio::test]
async fn show_tells_all_about_a_page() {
    let scratch = Scratch::new().await;
    let mut reader = scratch.reader().await;
    let url = "https://a.example/page";
    let Lookup::Known(facts) = reader.show(url, ShowLimits::default(), &Limits::default()).await.expect("a lookup")
    else {
        panic!("unknown");
    };
    assert_eq!((facts.state.as_str(), facts.depth, facts.host.as_str()), ("done", 1, "a.example"));
    assert_eq!(facts.via.as_deref(), Some("https://a.example/"));
    let page = facts.page.as_ref().expect("a page");
    assert_eq!(
        (page.title.as_deref(), page.words, page.has_body, page.has_text),
        (Some("A page"), Some(2), true, true)
    );
    assert_eq!(page.headings, [(1, "Top".to_owned()), (2, "Sub".to_owned())]);
    assert!(page.stale, "a later attempt failed");
    assert_eq!(facts.attempt_count, 2);
    assert_eq!(facts.history.iter().map(|a| a.outcome.as_str()).collect::<Vec<_>>(), ["timeout", "page"]);
    assert_eq!(facts.headers, [("Content-Type".to_owned(), "text/html".to_owned())]);
    assert_eq!((facts.links_out.count, facts.links_in.count), (2, 1));
    assert_eq!(facts.links_out.links[0].url, "https://a.example/gone");
    assert_eq!(facts.links_in.links[0].anchor.as_deref(), Some("the page"));
    let body = reader.body(url).await.expect("readable").expect("kept");
    assert_eq!((body.bytes.as_slice(), body.mime.as_str()), (&b"<p>hello</p>"[..], "text/html"));
    assert_eq!(reader.text(url).await.expect("readable").as_deref(), Some("hello there"));
}

#[tokio::test]
async fn show_follows_a_redirect_and_lists_no_more_than_asked() {
    let scratch = Scratch::new().await;
    let mut reader = scratch.reader().await;
    let limits = ShowLimits { links: 1, attempts: 1 };
    let Lookup::Known(old) = reader.show("https://a.example/old", limits, &Limits::default()).await.expect("a lookup")
    else {
        panic!("unknown");
    };
    assert_eq!(old.redirects.iter().map(|h| h.url.as_str()).collect::<Vec<_>>(), ["https://a.example/page"]);
    assert_eq!(reader.body("https://a.example/old").await.expect("readable"), None);
    let Lookup::Known(start) = reader.show("https://a.example/", limits, &Limits::default()).await.expect("a lookup")
    else {
        panic!("unknown");
    };
    assert_eq!((start.links_out.count, start.links_out.links.len()), (3, 1));
    assert_eq!(start.seed.as_deref(), Some("a.example"));
}

#[tokio::test]
async fn an_unknown_url_is_answered_with_near_ones() {
    let scratch = Scratch::new().await;
    let mut reader = scratch.reader().await;
    for (url, wanted) in [
        ("http://www.a.example/page/", "did you mean https://a.example/page?"),
        ("https://a.example/page?x=1", "did you mean https://a.example/page?"),
        ("https://nowhere.example/", "no page that was read names it"),
    ] {
        match reader.show(url, ShowLimits::default(), &Limits::default()).await.expect("a lookup") {
            Lookup::Unknown(unknown) => assert!(unknown.to_string().contains(wanted), "{unknown}"),
            Lookup::Known(facts) => panic!("{facts:?}"),
        }
    }
}

#[tokio::test]
async fn a_sound_database_is_sound() {
    let scratch = Scratch::new().await;
    let options = DoctorOptions { identity: Some(|_, _, body| [body.len() as u8; 16]), ..DoctorOptions::default() };
    let diagnosis = scratch.reader().await.doctor(options, &Limits::default()).await.expect("a diagnosis");
    assert_eq!(diagnosis.findings, []);
    assert_eq!(diagnosis.bodies_checked, 1);
}

/// Damage planted behind the crawl's back, and the check that must find it.
const DAMAGE: &[(&str, &str)] = &[
    ("UPDATE totals SET n = n + 1 WHERE name = 'done'", "totals"),
    ("DELETE FROM totals WHERE name = 'queued'", "totals"),
    ("UPDATE totals SET n = 77 WHERE name = 'pages'", "totals"),
    ("UPDATE host_queue SET done = done + 1 WHERE host_id = 1", "host_counters"),
    ("DELETE FROM host_queue WHERE host_id = 2", "host_without_queue"),
    ("UPDATE host_queue SET ready_ms = NULL WHERE host_id = 1", "host_asleep"),
    ("UPDATE urls SET host_id = 2 WHERE id = 3", "url_host"),
    ("UPDATE urls SET last_fetch_id = NULL WHERE id = 4", "settled_without_attempt"),
    ("UPDATE urls SET last_fetch_id = 1 WHERE id = 2", "last_fetch"),
    ("UPDATE urls SET last_fetch_id = 9999 WHERE id = 2", "last_fetch"),
    ("UPDATE urls SET page_fetch_id = 3 WHERE id = 1", "page_fetch"),
    ("UPDATE urls SET page_fetch_id = 4 WHERE id = 4", "page_fetch"),
    ("UPDATE fetches SET host_id = 2 WHERE id = 1", "fetch_host"),
    ("UPDATE fetches SET content_id = NULL WHERE id = 1", "page_without_content"),
    (
        "INSERT INTO contents(id, parser, hash, mime, size_bytes) VALUES (99, 1, zeroblob(16), 'text/html', 0)",
        "orphan_content",
    ),
    ("UPDATE fetches SET target_id = 1 WHERE id = 4", "redirect_without_target"),
    ("UPDATE bodies SET size_bytes = 11", "body_size"),
    ("UPDATE bodies SET size_bytes = 11", "bodies"),
    ("UPDATE bodies SET data = x'00'", "bodies"),
    ("UPDATE bodies SET data = CAST('<p>HELLO!</p>' AS BLOB), size_bytes = 13", "bodies"),
    ("UPDATE host_queue SET pages = 7 WHERE host_id = 1", "host_pages"),
    ("PRAGMA ignore_check_constraints = ON; UPDATE host_queue SET lease_session = 2 WHERE host_id = 1", "lease"),
    ("DROP TABLE in_flight", "schema"),
    ("DROP TABLE links", "schema"),
    ("DELETE FROM hosts WHERE id = 2", "foreign_keys"),
    ("UPDATE links SET target_id = 4242 WHERE target_id = 6", "foreign_keys"),
    ("DELETE FROM contents", "foreign_keys"),
    ("PRAGMA ignore_check_constraints = ON; UPDATE urls SET due_ms = 5 WHERE id = 1", "constraints"),
    ("PRAGMA ignore_check_constraints = ON; UPDATE urls SET state = 'lost' WHERE id = 1", "constraints"),
    ("DROP INDEX urls_queue", "schema"),
    ("DROP VIEW pages", "schema"),
    ("PRAGMA writable_schema = ON; UPDATE sqlite_schema SET rootpage = 2 WHERE name = 'rules'", "integrity"),
];

#[tokio::test]
async fn doctor_finds_each_kind_of_damage() {
    for (sql, check) in DAMAGE {
        let scratch = Scratch::new().await;
        scratch.write(sql).await;
        let options = DoctorOptions { identity: Some(|_, _, body| [body.len() as u8; 16]), ..DoctorOptions::default() };
        let diagnosis = scratch.reader().await.doctor(options, &Limits::default()).await.expect(sql);
        let finding = diagnosis.findings.iter().find(|f| f.check == *check);
        let finding = finding.unwrap_or_else(|| panic!("{sql}: {check} not in {:#?}", diagnosis.findings));
        assert_eq!(finding.severity, Severity::Damage, "{sql}");
        assert!(!diagnosis.is_sound());
        let parts = [&finding.location, &finding.what, &finding.remedy];
        assert!(parts.iter().all(|part| !part.is_empty()) && !finding.examples.is_empty(), "{finding:?}");
    }
}

#[tokio::test]
async fn what_a_kill_leaves_is_no_damage() {
    let scratch = Scratch::new().await;
    scratch
        .write(
            "UPDATE sessions SET ended_ms = NULL, ended_by = NULL WHERE id = 2;
             UPDATE host_queue SET lease_session = 2, lease_until_ms = 60000, ready_ms = NULL WHERE host_id = 1",
        )
        .await;
    let diagnosis =
        scratch.reader().await.doctor(DoctorOptions::default(), &Limits::default()).await.expect("a diagnosis");
    let found: Vec<_> = diagnosis.findings.iter().map(|f| (f.check, f.severity)).collect();
    assert_eq!(found, [("sessions", Severity::Info), ("leases", Severity::Info)]);
    assert!(diagnosis.is_sound());
}

#[tokio::test]
async fn a_body_that_cannot_be_unpacked_is_corrupt_and_no_panic() {
    let scratch = Scratch::new().await;
    scratch.write("UPDATE bodies SET codec = 'zlib', size_bytes = 9000000000000000000").await;
    let error = scratch.reader().await.body("https://a.example/page").await.expect_err("damaged");
    assert!(matches!(&error, StoreError::Corrupt { detail, .. } if detail.contains("bodies.data")), "{error}");
}

/// As in a folder that cannot be written: the log's index cannot be made. (SQLite follows no link.)
#[cfg(unix)]
#[tokio::test]
async fn a_folder_that_cannot_be_written_is_read_when_nothing_is_in_the_log() {
    let scratch = Scratch::new().await;
    let index = scratch.folder.path().join("crawl.db-shm");
    std::os::unix::fs::symlink("nowhere", index).expect("linked");
    let mut reader = scratch.reader().await;
    assert!(reader.is_frozen());
    assert_eq!(rows(&mut reader, "SELECT count(*) FROM urls").await.rows, [[Value::Integer(6)]]);
    reader.close().await;
    std::fs::write(scratch.folder.path().join("crawl.db-wal"), b"something").expect("written");
    match Reader::open(&scratch.path).await.err() {
        Some(error @ StoreError::ReadOnly { .. }) => assert!(error.to_string().contains("log"), "{error}"),
        other => panic!("{other:?}"),
    }
}

/// The lines that a person looks for, and nothing that a terminal would act on.
#[tokio::test]
async fn what_was_found_reads_well() {
    let scratch = Scratch::new().await;
    let mut reader = scratch.reader().await;
    let look = Look { width: Some(100), terminal: true, ascii: false };
    scratch.write("UPDATE contents SET title = 'A ' || char(27) || '[2Jpage'").await;
    let status = report::status(&reader.status(50_000).await.expect("a status"), look);
    let facts = match reader.show("https://a.example/page", ShowLimits::default(), &Limits::default()).await {
        Ok(Lookup::Known(facts)) => facts,
        other => panic!("{other:?}"),
    };
    let page = report::page(&facts, look);
    let exact = report::json(&facts).expect("JSON");
    scratch
        .write("UPDATE totals SET n = 5 WHERE name = 'done'; UPDATE sessions SET ended_ms = NULL, ended_by = NULL")
        .await;
    let diagnosis = reader.doctor(DoctorOptions::default(), &Limits::default()).await.expect("a diagnosis");
    let diagnosis = report::diagnosis(&diagnosis, look);
    let killed = report::status(&reader.status(50_000).await.expect("a status"), look);
    for (text, lines) in [
        (
            &status,
            &["not running; session 2 ended by signal at 1970-01-01T00:00:30Z (20s ago); go on with: sqrawl resume"][..],
        ),
        (
            &status,
            &["  queued                  1\n", "next due     a.example 10s ago", "│ page     ┆    200 ┆        2 │"],
        ),
        (&killed, &["not running; session 2 died after 1970-01-01T00:00:29Z (21s ago); nothing was lost"]),
        (&page, &["title        A ␛[2Jpage\n", "a later attempt gave no page", "\n  Top\n    Sub\n", "links in (1)"]),
        (&exact, &["A \\u001b[2Jpage", "\"duplicates\": 0"]),
        (
            &diagnosis,
            &["DAMAGED", "damage: a counter of the crawl", "done: 5 stored, 4 counted", "note: a session did not end"],
        ),
    ] {
        assert!(!text.chars().any(|c| c != '\n' && report::is_harmful(c)), "{text}");
        assert!(lines.iter().all(|line| text.contains(line)), "{lines:?} in\n{text}");
    }
}
