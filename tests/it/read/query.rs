//! Queries: they cannot write, and their limits stop them.

use super::*;

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
    let mut named = Rows::default();
    let sql = "SELECT :a, @b || $a, ?7 AS seven, ':a'";
    let given = [text("x"), text("y"), Value::Null];
    reader.query(sql, &given, &Limits::default(), &mut named).await.expect("bound");
    // One parameter has one spelling: the first.
    assert_eq!(named.columns, [":a", "@b || :a", "seven", "':a'"]);
    assert_eq!(named.rows, [[text("x"), text("yx"), Value::Null, text(":a")]]);
    assert!(refusal(&mut reader, "SELECT ?").await.contains("1 parameter(s) and was given 0 value(s)"));
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
pub(super) const FORBIDDEN: &[&str] = &[
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

/// Every question in the documentation has columns, and the fixture answers all but the empty ones.
#[tokio::test]
async fn the_documented_questions_are_answered() {
    let scratch = Scratch::new().await;
    let mut reader = scratch.reader().await;
    let page = include_str!("../../../docs/query.md");
    let questions: Vec<&str> = page.split("```sql\n").skip(1).filter_map(|part| part.split("```").next()).collect();
    assert!(questions.len() >= 6);
    for question in questions {
        assert!(!rows(&mut reader, question).await.rows.is_empty(), "{question}");
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
    let large = Limits { row_bytes: Some(9), ..Limits::default() };
    let mut found = Rows::default();
    let error = reader.query("VALUES ('123456789', 7), ('é', x'0102030405060708')", &[], &large, &mut found).await;
    let words = error.expect_err("a row of ten bytes").to_string();
    assert!(words.contains("row 2 has values of 10 bytes, and a row may have 9"), "{words}");
    assert_eq!(found.rows.len(), 1);
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
