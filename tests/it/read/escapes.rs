//! Attempts to write or to escape through `sqrawl query`, by the real binary, while a writer has the file open
//! and its log is filled: not a byte of it changes, and no file comes into being.

use std::io::Write;
use std::process::{Command, Output, Stdio};

use super::query::FORBIDDEN;
use super::*;

/// More of what must fail, in the words of one who knows SQLite. `DIR` is the folder of the database.
const MUST_FAIL: &[&str] = &[
    // A second statement, hidden.
    "SELECT 1;\nVACUUM INTO 'DIR/out.db'",
    "SELECT 1; -- one\nATTACH 'DIR/out.db' AS o",
    "SELECT 1 /* ; */; DELETE FROM urls",
    "SELECT '/*'; DELETE FROM urls --*/",
    "SELECT \"a;b\"; DELETE FROM urls",
    "SELECT [a';b]; DELETE FROM urls",
    "SELECT `;`; DELETE FROM urls; --`",
    "SELECT 1--\r; DELETE FROM urls\n; DELETE FROM urls",
    "/* /* */ DELETE FROM urls; */ SELECT 1",
    "SELECT 1 /*/ ; */ ; DELETE FROM urls",
    "SELECT x'00'; DELETE FROM urls",
    "SELECT @a::b('); DELETE FROM urls; --)",
    "SELECT :a; UPDATE urls SET depth = 9",
    "\u{feff}\u{feff};;DELETE FROM urls",
    "SELECT 1\0; DELETE FROM urls",
    // One statement that is more than it looks.
    "SELECT * FROM (DELETE FROM urls RETURNING *)",
    "SELECT (INSERT INTO rules(name) VALUES ('x') RETURNING 1)",
    "WITH a AS (DELETE FROM urls RETURNING id) SELECT * FROM a",
    "WITH a AS (INSERT INTO rules(name) VALUES ('x') RETURNING id) SELECT * FROM a",
    "WITH RECURSIVE a(x) AS (VALUES (1)) REPLACE INTO rules(id, name) SELECT x, 'x' FROM a",
    "VALUES (1) UNION DELETE FROM urls",
    "SELECT 1 UNION ALL VACUUM INTO 'DIR/out.db'",
    "SELECT * INTO OUTFILE 'DIR/out.txt' FROM urls",
    "SELECT 1 FOR UPDATE",
    "EXPLAIN DELETE FROM urls",
    "EXPLAIN QUERY PLAN VACUUM INTO 'DIR/out.db'",
    "EXPLAIN QUERY PLAN ATTACH 'DIR/out.db' AS o",
    "EXPLAIN PRAGMA wal_checkpoint(TRUNCATE)",
    "EXPLAIN SELECT 1; DELETE FROM urls",
    // Other statements.
    "pRaGmA journal_mode = off",
    "PRAGMA main.locking_mode = EXCLUSIVE",
    "PRAGMA hard_heap_limit = 0",
    "PRAGMA trusted_schema = ON",
    "PRAGMA writable_schema = ON",
    "PRAGMA optimize",
    "PRAGMA incremental_vacuum",
    "PRAGMA schema_version = 99",
    "CREATE TEMP VIEW pages AS SELECT 1",
    "CREATE TRIGGER t AFTER INSERT ON urls BEGIN DELETE FROM urls; END",
    "INSERT INTO sqlite_schema VALUES ('table', 'x', 'x', 0, 'CREATE TABLE x(y)')",
    "UPDATE sqlite_schema SET sql = ''",
    "DELETE FROM sqlite_sequence",
    "COMMIT",
    "ROLLBACK",
    "RELEASE x",
    "BEGIN EXCLUSIVE",
    ".shell touch DIR/out.txt",
    ".output DIR/out.txt",
    ".backup DIR/out.db",
    "(SELECT 1)",
    "",
    ";",
    // Functions and tables that reach outside.
    "SELECT load_extension('DIR/other.db', 'sqlite3_init')",
    "SELECT \"load_extension\"('DIR/other.db')",
    "SELECT writefile('DIR/out.txt', data) FROM bodies",
    "SELECT sqlite_attach('DIR/out.db', 'o', NULL)",
    "SELECT sqlite_rename_table(0, 0, 0, 0, 0, 0, 0)",
    "SELECT fts3_tokenizer('simple', x'4141414141414141')",
    "SELECT * FROM csv('DIR/other.db')",
    "SELECT * FROM 'DIR/other.db'.sqlite_schema",
    "SELECT * FROM other.sqlite_schema",
    "SELECT * FROM pragma_journal_mode('delete')",
    "SELECT * FROM pragma_locking_mode('exclusive')",
    "SELECT * FROM pragma_hard_heap_limit(0)",
    "SELECT * FROM pragma_wal_checkpoint('truncate')",
    "SELECT * FROM pragma_writable_schema(1)",
    "SELECT * FROM pragma_query_only(0), pragma_user_version(9)",
];

/// What is a query, whether SQLite runs it or not; it does not write either.
const MAY_RUN: &[&str] = &[
    "SELECT * FROM pragma_optimize(-1)",
    "SELECT * FROM pragma_optimize",
    "SELECT * FROM pragma_integrity_check(1)",
    "SELECT * FROM pragma_incremental_vacuum(100)",
    "SELECT * FROM pragma_foreign_key_check",
    "SELECT fts3_tokenizer('simple')",
    "SELECT rtreecheck('urls')",
    "SELECT * FROM dbstat",
    "SELECT * FROM sqlite_dbpage",
    "SELECT changes(), total_changes(), last_insert_rowid()",
    "SELECT * FROM temp.sqlite_schema",
    "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n LIMIT 100000) SELECT i FROM n ORDER BY -i LIMIT 1",
    "SELECT /* ; DELETE FROM urls */ ';DELETE FROM urls' -- ; DELETE FROM urls",
    "EXPLAIN SELECT * FROM urls",
];

struct Attempts {
    scratch: Scratch,
    /// Where the binary is started: a relative path leads here.
    folder: TempDir,
    /// Keeps the log filled and the file open, as a running crawl does.
    _writer: SqliteConnection,
}

impl Attempts {
    async fn new() -> Attempts {
        let scratch = Scratch::new().await;
        std::fs::write(scratch.folder.path().join("other.db"), b"secret").expect("written");
        let mut writer = scratch.connection().await;
        sqlx::query("INSERT INTO rules(name) VALUES ('of the writer')").execute(&mut writer).await.expect("a rule");
        Attempts { scratch, folder: tempfile::tempdir().expect("a folder"), _writer: writer }
    }

    fn query(&self, args: &[&str], stdin: Option<&str>) -> Output {
        let mut sqrawl = Command::new(env!("CARGO_BIN_EXE_sqrawl"));
        sqrawl.env_clear().current_dir(self.folder.path()).arg("--db").arg(&self.scratch.path);
        sqrawl.args(["query", "-f", "csv", "--timeout", "20s"]).args(args).stdin(Stdio::piped());
        let mut child = sqrawl.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("a process");
        let mut to = child.stdin.take().expect("a pipe");
        to.write_all(stdin.unwrap_or_default().as_bytes()).expect("written");
        drop(to);
        child.wait_with_output().expect("an end")
    }

    /// Every file with its bytes, of the log's index, in which readers mark their place, the size alone; and what is
    /// in the folder that the binary was started in.
    fn world(&self) -> BTreeMap<PathBuf, Vec<u8>> {
        let mut world = self.scratch.files();
        let index = self.scratch.folder.path().join("crawl.db-shm");
        world.insert(index.clone(), std::fs::metadata(index).expect("an index").len().to_be_bytes().to_vec());
        world.extend(files_in(self.folder.path()));
        world
    }
}

#[tokio::test]
async fn no_attempt_to_write_or_escape_changes_a_byte() {
    let attempts = Attempts::new().await;
    let folder = attempts.scratch.folder.path().to_str().expect("UTF-8").to_owned();
    let before = attempts.world();
    assert!(before[&attempts.scratch.folder.path().join("crawl.db-wal")].len() > 1000, "the log is empty");
    let mut tried = 0;
    let must_fail = FORBIDDEN.iter().chain(MUST_FAIL).map(|sql| (sql, true));
    for (sql, must_fail) in must_fail.chain(MAY_RUN.iter().map(|sql| (sql, false))) {
        let sql = sql.replace("DIR", &folder);
        // A NUL cannot stand in an argument.
        let ran = attempts.query(&["-"], Some(&sql));
        let (out, err) = (String::from_utf8_lossy(&ran.stdout), String::from_utf8_lossy(&ran.stderr));
        assert!(!must_fail || matches!(ran.status.code(), Some(1 | 2)), "{sql:?} gave {:?}: {out}{err}", ran.status);
        assert!(!must_fail || err.starts_with("error: "), "{sql:?}: {out}{err}");
        assert!(!out.contains("secret") && !err.contains("secret"), "{sql:?}: {out}{err}");
        assert!(attempts.world() == before, "{sql:?} changed something");
        tried += 1;
    }
    assert!(tried >= 40, "only {tried} attempts");
}

/// A value is a value, whatever it says; and a name is looked up and never put into the text.
#[tokio::test]
async fn a_parameter_is_no_way_out() {
    let attempts = Attempts::new().await;
    let before = attempts.world();
    let evil = "x'); DELETE FROM urls; VACUUM INTO 'out.db'; --";
    let ran = attempts.query(&["-p", &format!("v={evil}"), "SELECT :v AS v"], None);
    assert_eq!(String::from_utf8_lossy(&ran.stdout), format!("v\r\n{evil}\r\n"));
    for name in ["1) ; DELETE FROM urls; --", "a'", "a::b(;)"] {
        let ran = attempts.query(&["-p", &format!("{name}=1"), "SELECT :a"], None);
        assert_eq!(ran.status.code(), Some(2), "{name}");
    }
    assert!(attempts.world() == before);
}

/// A file that came from elsewhere: what its views say does not run what a query may not say.
#[tokio::test]
async fn a_view_of_a_foreign_hand_does_not_reach_outside_either() {
    let mut attempts = Attempts::new().await;
    let views = "CREATE VIEW evil_load AS SELECT load_extension('/tmp/x.so') AS x;
                 CREATE VIEW evil_token AS SELECT fts3_tokenizer('simple', x'41') AS x;
                 CREATE VIEW evil_read AS SELECT readfile('/etc/passwd') AS x;";
    sqlx::raw_sql(views).execute(&mut attempts._writer).await.expect("three views");
    let before = attempts.world();
    for view in ["evil_load", "evil_token", "evil_read"] {
        let ran = attempts.query(&[&format!("SELECT * FROM {view}")], None);
        assert!(!ran.status.success(), "{view}: {}", String::from_utf8_lossy(&ran.stdout));
    }
    assert!(attempts.world() == before);
}
