//! Files of earlier schemas: every released one is kept as a real file (`tests/it/data/schema`), and a
//! second migration that only these tests know shows what happens when one is run, fails or is killed.
//!
//! Until a version is released its file is made anew with each change of its migration:
//! `SQRAWL_FIXTURE=1 cargo test --locked --test it every_released_schema`.

use std::fs;
use std::io::{Read, Write};
use std::path::{Path, PathBuf};
use std::process::Command;

use sqlx::migrate::Migrator;
use sqrawl::store::StoreError;
use sqrawl::store::sqlite::{OpenMode, SCHEMA_VERSION, Schema, SqliteStore};
use tempfile::TempDir;
use tokio::runtime::Runtime;

use super::disk::has_namespaces;
use super::{Body, World};
use crate::cli::{Ran, run, sqrawl};

const REMAKE: &str = "make it anew with: SQRAWL_FIXTURE=1 cargo test --locked --test it every_released_schema";

fn fixtures() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it/data/schema")
}

/// A crawl of the schema `version`, unpacked as `crawl.db` into a folder of its own.
fn unpacked(version: u32) -> TempDir {
    let packed = fixtures().join(format!("v{version}.db.gz"));
    let packed = fs::read(&packed).unwrap_or_else(|error| panic!("{}: {error}; {REMAKE}", packed.display()));
    let mut bytes = Vec::new();
    flate2::read::GzDecoder::new(packed.as_slice()).read_to_end(&mut bytes).unwrap();
    let folder = TempDir::new().unwrap();
    fs::write(folder.path().join("crawl.db"), bytes).unwrap();
    folder
}

/// The real binary of this version on such a file.
fn this(folder: &TempDir, args: &[&str]) -> Ran {
    run(sqrawl(folder.path()).args(args))
}

fn version_of(file: &Path) -> u32 {
    u32::from_be_bytes(fs::read(file).unwrap()[60..64].try_into().unwrap())
}

/// Makes the file of the present schema: a complete crawl of nine pages by the real binary.
fn make_fixture() {
    let world = World::of(9, Body::Text(100));
    let seed = world.site.seed();
    let ran = world.run(&world.crawl(&seed, &["-q"]));
    assert_eq!(ran.code, Some(0), "{}", ran.err);
    let mut packed = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
    packed.write_all(&fs::read(world.db()).unwrap()).unwrap();
    fs::create_dir_all(fixtures()).unwrap();
    fs::write(fixtures().join(format!("v{SCHEMA_VERSION}.db.gz")), packed.finish().unwrap()).unwrap();
}

#[test]
fn every_released_schema_is_migrated() {
    if std::env::var_os("SQRAWL_FIXTURE").is_some() {
        make_fixture();
    }
    for version in 1..=SCHEMA_VERSION {
        let folder = unpacked(version);
        let ran = this(&folder, &["resume"]);
        assert_eq!(ran.code, Some(0), "version {version}: {}\n{REMAKE}", ran.err);
        assert!(ran.err.contains("nothing is left to do"), "{}", ran.err);
        assert_eq!(version_of(&folder.path().join("crawl.db")), SCHEMA_VERSION);
        let ran = this(&folder, &["doctor"]);
        assert_eq!(ran.code, Some(0), "version {version}: {}{}", ran.out, ran.err);
        let ran = this(&folder, &["query", "-f", "csv", "SELECT title FROM pages ORDER BY title"]);
        let titles: String = (0..9).map(|n| format!("Page {n}\r\n")).collect();
        assert_eq!(ran.out, format!("title\r\n{titles}"), "{}", ran.err);
        let copy = folder.path().join(format!("crawl.db.v{version}.bak"));
        assert_eq!(copy.exists(), version < SCHEMA_VERSION, "version {version}");
    }
}

/// A later version of this program: its migrations are those of this one and some more.
struct Later {
    runtime: Runtime,
    migrator: Migrator,
    _folder: TempDir,
}

/// Builds a table anew that others refer to, as changes of a column's type do.
const NEXT: &str = "CREATE TABLE rounds_anew (id INTEGER PRIMARY KEY, name TEXT UNIQUE, started_ms INTEGER NOT NULL,
  ended_ms INTEGER, pages_before INTEGER NOT NULL DEFAULT 0, note TEXT NOT NULL DEFAULT 'migrated') STRICT;
INSERT INTO rounds_anew(id, name, started_ms, ended_ms, pages_before) SELECT * FROM rounds;
DROP TABLE rounds;
ALTER TABLE rounds_anew RENAME TO rounds;
CREATE TABLE heap AS WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 5000)
  SELECT randomblob(10000) AS x FROM n;
PRAGMA user_version = 2;";

impl Later {
    fn with(next: &str) -> Later {
        let folder = TempDir::new().unwrap();
        let ours = Path::new(env!("CARGO_MANIFEST_DIR")).join("migrations/sqlite");
        for file in fs::read_dir(ours).unwrap().map(|entry| entry.unwrap().path()) {
            fs::copy(&file, folder.path().join(file.file_name().unwrap())).unwrap();
        }
        fs::write(folder.path().join("9999_next.sql"), next).unwrap();
        let runtime = Runtime::new().unwrap();
        let migrator = runtime.block_on(Migrator::new(folder.path())).unwrap();
        Later { runtime, migrator, _folder: folder }
    }

    /// Opens the file and closes it.
    fn open(&self, db: &Path, mode: OpenMode) -> Result<(), StoreError> {
        self.runtime.block_on(async {
            let schema = Schema::of(&self.migrator, SCHEMA_VERSION + 1);
            SqliteStore::open_with(db, mode, false, schema).await?.close().await
        })
    }
}

fn next() -> Later {
    Later::with(&NEXT.replace("user_version = 2", &format!("user_version = {}", SCHEMA_VERSION + 1)))
}

/// The file is that of this version still, and sound.
#[track_caller]
fn check_as_before(folder: &TempDir) {
    assert_eq!(this(folder, &["doctor"]).code, Some(0));
    let ran = this(folder, &["resume"]);
    assert!(ran.code == Some(0) && ran.err.contains("nothing is left to do"), "{}", ran.err);
}

fn copy_of(folder: &TempDir) -> PathBuf {
    folder.path().join(format!("crawl.db.v{SCHEMA_VERSION}.bak"))
}

fn value(db: &Path, sql: &str) -> String {
    let output = Command::new("sqlite3").arg(db).arg(sql).output().unwrap();
    String::from_utf8(output.stdout).unwrap().trim().to_owned()
}

#[test]
fn a_file_is_migrated_and_kept_as_it_was() {
    let (folder, later) = (unpacked(SCHEMA_VERSION), next());
    let db = folder.path().join("crawl.db");
    for _ in 0..2 {
        later.open(&db, OpenMode::MustExist).unwrap();
        assert_eq!(version_of(&db), SCHEMA_VERSION + 1);
    }
    assert_eq!(value(&db, "SELECT note, (SELECT count(*) FROM sessions) FROM rounds"), "migrated|1");
    assert_eq!(value(&db, "PRAGMA integrity_check; PRAGMA foreign_key_check"), "ok");
    // Nobody of this version touches it any more.
    for verb in [&["resume"][..], &["status"], &["backup", "other.db"]] {
        let ran = this(&folder, verb);
        assert!(ran.code == Some(4) && ran.err.contains("use a newer sqrawl"), "{verb:?}: {}", ran.err);
    }
    // The copy takes its place.
    fs::rename(copy_of(&folder), &db).unwrap();
    check_as_before(&folder);
}

/// Dies right before the COMMIT of a migration; called by the test below in a process of its own.
#[test]
#[ignore = "it kills its process"]
fn die_in_a_migration() {
    let Some(db) = std::env::var_os("SQRAWL_TEST_DIE_IN") else { return };
    sqrawl::failpoint::arm("migrating/commit").unwrap();
    next().open(Path::new(&db), OpenMode::MustExist).unwrap();
    unreachable!("it lives");
}

/// Killed in the middle: the version that wrote the file goes on with it, and the next start of the later one
/// migrates it, with the copy that was made before.
#[test]
fn a_migration_that_is_killed_leaves_the_old_file() {
    let folder = unpacked(SCHEMA_VERSION);
    let db = folder.path().join("crawl.db");
    let mut child = Command::new(std::env::current_exe().unwrap());
    child.args(["--exact", "faults::migrations::die_in_a_migration", "--ignored", "--nocapture"]);
    let output = child.env("SQRAWL_TEST_DIE_IN", &db).output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.code().is_none() && said.contains("failpoint migrating/commit reached"), "{said}");
    assert!(fs::metadata(folder.path().join("crawl.db-wal")).unwrap().len() > 1_000_000, "it was in the middle");
    check_as_before(&folder);
    let copied = fs::metadata(copy_of(&folder)).unwrap().modified().unwrap();
    next().open(&db, OpenMode::MustExist).unwrap();
    assert_eq!(version_of(&db), SCHEMA_VERSION + 1);
    assert_eq!(fs::metadata(copy_of(&folder)).unwrap().modified().unwrap(), copied, "the copy was still good");
}

/// Tries a migration and says how it ended; called by the test below in a process of its own.
#[test]
#[ignore = "another test calls it"]
fn try_a_migration() {
    let Some(db) = std::env::var_os("SQRAWL_TEST_TRY") else { return };
    match next().open(Path::new(&db), OpenMode::MustExist) {
        Ok(()) => println!("said: migrated"),
        Err(error) => println!("said: {error}"),
    }
}

/// No room for the copy, for the first pages of the log, or for what a step writes: the old file, and its version
/// goes on with it. With room it is migrated, and the copy that was made before still serves.
#[test]
fn a_migration_on_a_full_disk_leaves_the_old_file() {
    if !has_namespaces() {
        return;
    }
    let kb = fs::metadata(unpacked(SCHEMA_VERSION).path().join("crawl.db")).unwrap().len() / 1024;
    let copy_full = "a copy is kept: no space for the copy ";
    for (free_kb, words) in [(60, copy_full), (kb + 72, "no space left for "), (kb + 9_000, "no space left for ")] {
        let folder = unpacked(SCHEMA_VERSION);
        let script = format!(
            "set -eu; mkdir disk; mount -t tmpfs -o size={}k tmpfs disk; cp crawl.db disk/
             try() {{ \"$0\" --exact faults::migrations::try_a_migration --ignored --nocapture | grep '^said: '; }}
             try; mkdir full; cp disk/* full/
             mount -o remount,size=200m disk; try; rm crawl.db; cp disk/* .",
            kb + free_kb
        );
        let mut command = Command::new("unshare");
        command.args(["-rm", "--propagation=private", "bash", "-c", &script]).arg(std::env::current_exe().unwrap());
        let Ran { out, err, .. } =
            run(command.current_dir(folder.path()).env("SQRAWL_TEST_TRY", folder.path().join("disk/crawl.db")));
        let lines: Vec<&str> = out.lines().collect();
        assert!(lines[0].contains(words) && lines[0].contains("free some"), "{free_kb} kB free: {out}{err}");
        assert_eq!(lines[1..], ["said: migrated"], "{free_kb} kB free: {out}{err}");
        assert_eq!(version_of(&folder.path().join("crawl.db")), SCHEMA_VERSION + 1);
        let full = folder.path().join("full");
        assert_eq!(version_of(&full.join("crawl.db")), SCHEMA_VERSION, "{free_kb} kB free");
        assert_eq!(run(sqrawl(&full).arg("doctor")).code, Some(0), "{free_kb} kB free");
        let ran = run(sqrawl(&full).arg("resume"));
        assert!(ran.code == Some(0) && ran.err.contains("nothing is left to do"), "{}", ran.err);
    }
}

/// Killed between two writes of its COMMIT: the page that says which version the file is, is the first of them.
#[test]
fn a_migration_that_is_killed_in_its_commit_leaves_the_old_file() {
    let later = Later::with(&format!(
        "ALTER TABLE rounds ADD COLUMN note TEXT; CREATE TABLE heap AS SELECT zeroblob(20000) AS x; PRAGMA user_version = {}",
        SCHEMA_VERSION + 1
    ));
    let made = unpacked(SCHEMA_VERSION);
    let db = made.path().join("crawl.db");
    let main = fs::read(&db).unwrap();
    // Its log as it was at the end of the COMMIT.
    let log = later.runtime.block_on(async {
        let schema = Schema::of(&later.migrator, SCHEMA_VERSION + 1);
        let store = SqliteStore::open_with(&db, OpenMode::MustExist, false, schema).await.unwrap();
        let log = fs::read(made.path().join("crawl.db-wal")).unwrap();
        store.close().await.unwrap();
        log
    });
    let frames = log.len() / 8216;
    assert!(frames > 6, "{frames}");
    let killed_after = |frame: usize| {
        let folder = TempDir::new().unwrap();
        fs::write(folder.path().join("crawl.db"), &main).unwrap();
        fs::write(folder.path().join("crawl.db-wal"), &log[..32 + frame * 8216]).unwrap();
        folder
    };
    for frame in 1..frames {
        let folder = killed_after(frame);
        let ran = this(&folder, &["status"]);
        assert_eq!(ran.code, Some(0), "after {frame} of {frames}: {}", ran.err);
        check_as_before(&folder);
        let folder = killed_after(frame);
        let db = folder.path().join("crawl.db");
        later.open(&db, OpenMode::MustExist).unwrap();
        assert_eq!(
            (version_of(&db), copy_of(&folder).exists()),
            (SCHEMA_VERSION + 1, true),
            "after {frame} of {frames}"
        );
    }
    let ran = this(&killed_after(frames), &["status"]);
    assert!(ran.code == Some(4) && ran.err.contains("use a newer sqrawl"), "{}", ran.err);
}

/// A step that fails in its middle, one that would leave rows without those they name, and one that forgets
/// what it is: nothing of them stays.
#[test]
fn a_migration_that_fails_changes_nothing() {
    let cases = [
        ("CREATE TABLE half (x); INSERT INTO nowhere VALUES (1);", "no such table: nowhere"),
        ("DELETE FROM hosts; PRAGMA user_version = 2;", "it cannot be migrated: "),
        ("CREATE TABLE half (x);", "user_version is "),
    ];
    for (sql, words) in cases {
        let folder = unpacked(SCHEMA_VERSION);
        let db = folder.path().join("crawl.db");
        let later = Later::with(&sql.replace("user_version = 2", &format!("user_version = {}", SCHEMA_VERSION + 1)));
        let error = later.open(&db, OpenMode::MustExist).unwrap_err().to_string();
        assert!(error.contains(words), "{error}");
        assert_eq!(version_of(&db), SCHEMA_VERSION);
        assert_eq!(value(&db, "SELECT count(*) FROM sqlite_schema WHERE name = 'half'"), "0");
        check_as_before(&folder);
    }
}

/// Without a copy nothing is migrated; one that is another crawl's, or an older state of this one, is none.
#[test]
fn without_a_copy_nothing_is_migrated() {
    let others = unpacked(SCHEMA_VERSION);
    assert_eq!(value(&others.path().join("crawl.db"), "UPDATE sessions SET alive_ms = alive_ms - 1"), "");
    let older_state = fs::read(others.path().join("crawl.db")).unwrap();
    for there in [b"somebody's".to_vec(), older_state] {
        let folder = unpacked(SCHEMA_VERSION);
        let db = folder.path().join("crawl.db");
        fs::write(copy_of(&folder), &there).unwrap();
        let error = next().open(&db, OpenMode::MustExist).unwrap_err();
        assert!(matches!(error, StoreError::NotMigrated { .. }), "{error:?}");
        let said = error.to_string();
        assert!(said.contains("exists and is not overwritten") && said.contains("sqrawl backup"), "{said}");
        assert_eq!(fs::read(copy_of(&folder)).unwrap(), there);
        check_as_before(&folder);
        // A copy that the operator makes elsewhere and links is as good.
        let elsewhere = TempDir::new().unwrap();
        let copy = elsewhere.path().join("copy.db");
        assert_eq!(this(&folder, &["backup", copy.to_str().unwrap()]).code, Some(0));
        fs::remove_file(copy_of(&folder)).unwrap();
        std::os::unix::fs::symlink(&copy, copy_of(&folder)).unwrap();
        next().open(&db, OpenMode::MustExist).unwrap();
        assert_eq!(version_of(&db), SCHEMA_VERSION + 1);
    }
}

/// A link to the file, or a second name of it, would be migrated with it.
#[test]
fn another_name_of_the_file_is_no_copy_of_it() {
    for make in [
        |file: &Path, name: &Path| std::os::unix::fs::symlink(file, name).unwrap(),
        |file: &Path, name: &Path| fs::hard_link(file, name).unwrap(),
    ] {
        let folder = unpacked(SCHEMA_VERSION);
        let db = folder.path().join("crawl.db");
        make(&db, &copy_of(&folder));
        let error = next().open(&db, OpenMode::MustExist).unwrap_err();
        assert!(matches!(error, StoreError::NotMigrated { .. }), "{error:?}");
        assert!(error.to_string().contains("exists and is not overwritten"), "{error}");
        check_as_before(&folder);
    }
}

/// Nor is a schema made that is not there: of a file whose creation was interrupted. No file of an earlier version is
/// needed to see that `doctor --repair` opens files as they are.
#[test]
fn a_look_or_a_repair_makes_no_schema() {
    let folder = TempDir::new().unwrap();
    let db = folder.path().join("crawl.db");
    value(&db, &format!("PRAGMA application_id = {}", sqrawl::store::sqlite::APPLICATION_ID));
    let before = fs::read(&db).unwrap();
    for verb in [&["doctor", "--repair"][..], &["doctor"], &["status"]] {
        let ran = this(&folder, verb);
        assert!(
            ran.code == Some(4) && ran.err.contains("does not exist; start a crawl with: "),
            "{verb:?}: {}",
            ran.err
        );
        assert_eq!(fs::read(&db).unwrap(), before, "{verb:?}");
    }
    assert_eq!(this(&folder, &["crawl", "https://a.example/", "--dry-run"]).code, Some(0));
    assert_eq!(fs::read(&db).unwrap(), before);
}

/// What only looks (`crawl --dry-run`) says what migrates, and does not.
#[test]
fn a_look_migrates_nothing() {
    let folder = unpacked(SCHEMA_VERSION);
    let db = folder.path().join("crawl.db");
    let before = fs::read(&db).unwrap();
    let error = next().open(&db, OpenMode::AsItIs).unwrap_err();
    assert!(matches!(error, StoreError::Older { .. }), "{error:?}");
    assert!(error.to_string().contains("migrate it with: sqrawl resume --db "), "{error}");
    assert_eq!(fs::read(&db).unwrap(), before);
    assert!(!copy_of(&folder).exists());
}
