//! Queries beside a writer: each sees one committed state, and none keeps the log from being emptied afterwards.

use super::*;

/// Whether everything in the log could be brought into the file, and the log emptied: nobody reads from it.
async fn log_can_be_emptied(writer: &mut SqliteConnection) -> bool {
    let (busy, _, _): (i64, i64, i64) =
        sqlx::query_as("PRAGMA wal_checkpoint(TRUNCATE)").fetch_one(writer).await.expect("a checkpoint");
    busy == 0
}

async fn write_one(writer: &mut SqliteConnection, n: i64) {
    // Two rows in one transaction: a reader that saw one of them would have seen half of it.
    let sql = "INSERT INTO rules(name) VALUES ('one ' || ?1), ('two ' || ?1)";
    sqlx::query(sql).bind(n).execute(writer).await.expect("two rules");
}

#[tokio::test]
async fn every_query_sees_one_committed_state() {
    let scratch = Scratch::new().await;
    let mut reader = scratch.reader().await;
    let mut writer = scratch.connection().await;
    let sql = "SELECT sum(name LIKE 'one %'), sum(name LIKE 'two %') FROM rules";
    let writing = async {
        for n in 0..200 {
            write_one(&mut writer, n).await;
        }
    };
    let reading = async {
        let mut last = 0;
        while last < 200 {
            let found = rows(&mut reader, sql).await.rows.remove(0);
            let [Value::Integer(one), Value::Integer(two)] = found[..] else { panic!("{found:?}") };
            assert!(one == two && one >= last, "{found:?} after {last}");
            last = one;
        }
    };
    tokio::join!(writing, reading);
    assert!(log_can_be_emptied(&mut writer).await);
}

/// However a query ends, it holds nothing of the file afterwards: the prompt keeps its connection for hours.
#[tokio::test]
async fn a_query_that_has_ended_holds_nothing() {
    let scratch = Scratch::new().await;
    let mut reader = scratch.reader().await;
    let mut writer = scratch.connection().await;
    let numbers = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT i, count(name) FROM n, rules GROUP BY i % 9";
    let endless = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT i, name FROM n, rules";
    let cancelled = Cancel::default();
    cancelled.cancel();
    let short = Some(Duration::from_millis(30));
    let cases = [
        ("SELECT name FROM rules", Limits::default(), Some(QueryEndReason::Complete)),
        (endless, Limits { rows: Some(20), ..Limits::default() }, Some(QueryEndReason::RowLimit)),
        (numbers, Limits { time: short, ..Limits::default() }, Some(QueryEndReason::TimeLimit)),
        (endless, Limits { cancel: cancelled, ..Limits::default() }, Some(QueryEndReason::Cancelled)),
        (endless, Limits { row_bytes: Some(1), ..Limits::default() }, None),
        ("SELECT nothing FROM rules", Limits::default(), None),
        (
            "EXPLAIN SELECT name FROM rules",
            Limits { rows: Some(1), ..Limits::default() },
            Some(QueryEndReason::RowLimit),
        ),
    ];
    for (n, (sql, limits, reason)) in (0..).zip(cases) {
        let ended = reader.query(sql, &[], &limits, &mut Rows::default()).await.ok().map(|end| end.reason);
        assert_eq!(ended, reason, "{sql}");
        // What was asked last may be on its way out of SQLite; the next question comes after it.
        assert!(reader.is_usable() && reader.totals().await.is_ok());
        write_one(&mut writer, n).await;
        assert!(log_can_be_emptied(&mut writer).await, "{sql} holds the log");
    }
}

/// The names that the prompt completes: what the schema has, and nothing that SQLite keeps for itself.
#[tokio::test]
async fn the_catalogue_names_what_can_be_asked() {
    let scratch = Scratch::new().await;
    scratch.write("CREATE VIRTUAL TABLE notes USING fts5(body); CREATE INDEX plain ON rules(name)").await;
    let catalogue = scratch.reader().await.catalogue().await.expect("a catalogue");
    let named = |name: &str| catalogue.relations.iter().find(|relation| relation.name == name);
    let pages = named("pages").expect("a view");
    assert!(pages.is_view && pages.columns.contains(&"title".to_owned()) && pages.sql.starts_with("CREATE VIEW pages"));
    let rules = named("rules").expect("a table");
    assert!(!rules.is_view && rules.sql.contains(";\nCREATE INDEX plain ON rules(name);"), "{}", rules.sql);
    assert!(named("notes").is_some() && named("notes_data").is_none());
    assert!(catalogue.relations.iter().all(|r| !r.name.starts_with("sqlite_") && r.name != "_sqlx_migrations"));
    assert!(
        catalogue.functions.contains(&"json_each".to_owned()) || catalogue.functions.contains(&"json_valid".to_owned())
    );
    assert!(catalogue.keywords.contains(&"SELECT".to_owned()));
}
