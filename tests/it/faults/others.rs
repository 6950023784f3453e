//! Other programs that lock the file, or read it for long.

use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection};
use sqlx::{AssertSqlSafe, ConnectOptions, Connection, Executor};
use tokio::runtime::Runtime;

use super::{Body, World, check_said};

/// This process with the file open, as any other program would have it.
struct Other {
    runtime: Runtime,
    connection: Option<SqliteConnection>,
}

impl Other {
    fn open(world: &World) -> Other {
        let runtime = Runtime::new().unwrap();
        let connection = runtime.block_on(SqliteConnectOptions::new().filename(world.db()).connect()).unwrap();
        Other { runtime, connection: Some(connection) }
    }

    fn run(&mut self, sql: &str) {
        let connection = self.connection.as_mut().unwrap();
        self.runtime.block_on(connection.execute(AssertSqlSafe(sql.to_owned()))).unwrap();
    }
}

impl Drop for Other {
    fn drop(&mut self) {
        let connection = self.connection.take().unwrap();
        self.runtime.block_on(connection.close()).unwrap();
    }
}

/// A write transaction that does not end: after ten seconds the crawl says who has the file.
#[test]
fn a_long_write_of_another_program_is_named() {
    let world = World::new();
    let life = world.crawl_until(40, &[]);
    let mut other = Other::open(&world);
    other.run("BEGIN IMMEDIATE");
    world.site.release();
    let ran = life.end();
    let me = format!("process {}", std::process::id());
    let who = if cfg!(target_os = "linux") { me.as_str() } else { "another program" };
    check_said(
        &ran,
        4,
        &["stayed locked by another program", who, "end its write transaction, then: sqrawl resume --db "],
    );
    other.run("ROLLBACK");
    assert_eq!(world.ends(), ["-"], "nobody else could write that it ended");
    world.check_goes_on(&[]);
}

/// A write transaction that ends in time is waited for.
#[test]
fn a_short_write_of_another_program_is_waited_for() {
    let world = World::new();
    let life = world.crawl_until(40, &[]);
    let mut other = Other::open(&world);
    for _ in 0..3 {
        world.site.wait_until_waiting(4);
        other.run("BEGIN IMMEDIATE");
        world.site.hold_after(4);
        world.site.wait_until_held();
        other.run("ROLLBACK");
    }
    world.site.release();
    let ran = life.end();
    assert_eq!(ran.code, Some(0), "{}", ran.err);
    assert_eq!(world.result("crawl.db"), world.undisturbed());
}

/// A read transaction that does not end keeps the log from being emptied: the reader is named, the log
/// stays within its bound, and the crawl goes on by itself when the reader is gone.
#[test]
fn a_long_reader_is_named_and_its_log_bounded() {
    let world = World::of(150, Body::File(1_000_000));
    let most = ["--store-body", "all", "--max-log", "64MiB"];
    let mut life = world.crawl_until(20, &most);
    let mut other = Other::open(&world);
    other.run("BEGIN");
    other.run("SELECT count(*) FROM urls");
    world.site.release();
    life.wait_until("the crawl waits", |said| said.contains("the crawl waits until another program ends"));
    let said = life.said();
    if cfg!(target_os = "linux") {
        assert!(said.contains(&format!("process {}", std::process::id())), "{said}");
    }
    let log = || std::fs::metadata(world.path().join("crawl.db-wal")).map_or(0, |log| log.len());
    // What leases write between two batches is not asked for beforehand: a few pages each.
    assert!(log() <= (64 << 20) + (1 << 20), "{}", log());
    other.run("ROLLBACK");
    life.wait_until("the crawl goes on", |said| said.contains("the crawl goes on"));
    let ran = life.end();
    assert_eq!(ran.code, Some(0), "{}", ran.err);
    world.check_sound();
    assert_eq!(world.ends(), ["complete"]);
}

/// A crawl that waits for a reader is stopped as any other.
#[test]
fn a_crawl_that_waits_for_a_reader_can_be_stopped() {
    let world = World::of(150, Body::File(1_000_000));
    let mut life = world.crawl_until(20, &["--store-body", "all", "--max-log", "64MiB"]);
    let mut other = Other::open(&world);
    other.run("BEGIN");
    other.run("SELECT count(*) FROM urls");
    world.site.release();
    life.wait_until("the crawl waits", |said| said.contains("the crawl waits until another program ends"));
    life.signal(rustix::process::Signal::INT);
    let ran = life.end();
    assert_eq!(ran.code, Some(3), "{}", ran.err);
    other.run("ROLLBACK");
    world.check_sound();
    assert_eq!(world.ends(), ["signal"]);
}
