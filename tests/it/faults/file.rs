//! Files that were damaged, cut, or made by another version.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use super::{World, check_said};

fn beside(world: &World, suffix: &str) -> PathBuf {
    world.path().join(format!("crawl.db{suffix}"))
}

/// A crawl with a session that ended and one that was killed, whose commits are in the log.
fn killed() -> World {
    let world = World::new();
    let seed = world.site.seed();
    let ran = world.run(&world.crawl(&seed, &["--max-pages", "20", "-q"]));
    assert_eq!(ran.code, Some(0), "{}", ran.err);
    let mut life = world.crawl_until(60, &["--max-pages", "none"]);
    let log = beside(&world, "-wal");
    life.wait_until("a commit", |_| fs::metadata(&log).is_ok_and(|log| log.len() > 200_000));
    life.kill();
    world
}

/// What is left beside the file after a crash is cut, scribbled over, or gone: whatever of the log can be read is
/// taken up to its last whole commit, and the crawl goes on from there.
#[test]
fn a_log_that_was_cut_or_lost_costs_its_commits_and_nothing_else() {
    let world = killed();
    let [main, log, index] = ["", "-wal", "-shm"].map(|suffix| fs::read(beside(&world, suffix)).unwrap());
    let cut = |eighths: usize| log[..log.len() * eighths / 8].to_vec();
    let mut scribbled = log.clone();
    let middle = scribbled.len() / 2;
    scribbled[middle..middle + 1000].fill(0xAA);
    type Bytes = Option<Vec<u8>>;
    let cases: [(&str, Bytes, Bytes); 9] = [
        ("as it was", Some(log.clone()), Some(index.clone())),
        ("no index", Some(log.clone()), None),
        ("an index of nonsense", Some(log.clone()), Some(vec![0x5A; index.len()])),
        ("no log", None, Some(index.clone())),
        ("neither", None, None),
        ("an empty log", Some(Vec::new()), Some(index.clone())),
        ("a log cut after 3/8", Some(cut(3)), Some(index.clone())),
        ("a log cut in its last frame", Some(log[..log.len() - 17].to_vec()), None),
        ("a log with nonsense in its middle", Some(scribbled), Some(index.clone())),
    ];
    for (what, log, index) in cases {
        fs::write(beside(&world, ""), &main).unwrap();
        for (suffix, bytes) in [("-wal", log), ("-shm", index)] {
            match bytes {
                Some(bytes) => fs::write(beside(&world, suffix), bytes).unwrap(),
                None => fs::remove_file(beside(&world, suffix)).unwrap_or_default(),
            }
        }
        println!("{what}");
        world.check_goes_on(&["--max-pages", "none"]);
    }
}

/// SQLite removes the log of a file that is empty, or that it makes: what was committed last stands there alone.
#[test]
fn a_log_without_its_file_is_refused_by_every_verb_and_left_alone() {
    let world = killed();
    let [main, log] = ["", "-wal"].map(|suffix| fs::read(beside(&world, suffix)).unwrap());
    let seed = world.site.seed();
    let verbs: [&[&str]; 9] = [
        &["status"],
        &["query", "SELECT 1"],
        &["show", &seed],
        &["doctor"],
        &["doctor", "--repair"],
        &["backup", "copy.db"],
        &["resume"],
        &["crawl", &seed],
        &["crawl", &seed, "--dry-run"],
    ];
    for empty in [true, false] {
        fs::remove_file(beside(&world, "")).unwrap();
        if empty {
            fs::write(beside(&world, ""), "").unwrap();
        }
        for verb in verbs {
            check_said(&world.run(verb), 4, &["is missing or empty, but its write-ahead log ", "put the file back"]);
            assert_eq!(fs::read(beside(&world, "-wal")).ok().as_ref(), Some(&log), "{verb:?}");
            assert_eq!(fs::read(beside(&world, "")).ok(), empty.then(Vec::new), "{verb:?}");
            assert!(!world.path().join("copy.db").exists());
        }
    }
    fs::write(beside(&world, ""), &main).unwrap();
    world.check_goes_on(&["--max-pages", "none"]);
}

/// A pipe or a device in the place of the file, or of the log: nobody waits for it, and nothing appears beside it.
#[test]
fn what_is_no_file_is_refused_at_once() {
    let world = World::new();
    let seed = world.site.seed();
    assert_eq!(world.run(&world.crawl(&seed, &["--db", "calm.db", "--max-pages", "3", "-q"])).code, Some(0));
    let pipe = |name: &str| assert!(Command::new("mkfifo").arg(world.path().join(name)).status().unwrap().success());
    pipe("pipe.db");
    pipe("calm.db-wal");
    let names = || fs::read_dir(world.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect::<BTreeSet<_>>();
    let before = names();
    let verbs: [&[&str]; 5] = [&["status"], &["doctor"], &["backup", "copy.db"], &["resume"], &["crawl", &seed]];
    for verb in verbs {
        for (db, words) in [("pipe.db", "is not a SQLite database"), ("/dev/null", "is not a SQLite database")] {
            // Ended by force if it waits.
            let patience = Command::new("timeout")
                .args(["-s", "KILL", "20", env!("CARGO_BIN_EXE_sqrawl")])
                .args(verb)
                .args(["--db", db])
                .current_dir(world.path())
                .output()
                .unwrap();
            let said = String::from_utf8_lossy(&patience.stderr);
            assert!(patience.status.code() == Some(4) && said.contains(words), "{verb:?} {db}: {said}");
        }
    }
    let ran = Command::new("timeout")
        .args(["-s", "KILL", "20", env!("CARGO_BIN_EXE_sqrawl"), "resume", "--db", "calm.db"])
        .current_dir(world.path())
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&ran.stderr);
    assert!(ran.status.code() == Some(4) && said.contains("calm.db-wal: it is no file"), "{said}");
    assert_eq!(names(), before);
    for beside in ["/dev/null-journal", "/dev/null-wal", "/dev/null-lock"] {
        assert!(!Path::new(beside).exists());
    }
}

/// Overwrites the first page of a table or an index.
fn scribble_over(world: &World, name: &str) {
    let sql = format!("PRAGMA wal_checkpoint(TRUNCATE); SELECT rootpage FROM sqlite_schema WHERE name = '{name}'");
    let output = Command::new("sqlite3").arg(world.db()).arg(sql).output().unwrap();
    let said = String::from_utf8(output.stdout).unwrap();
    let page: usize = said.lines().last().unwrap().parse().unwrap();
    let mut bytes = fs::read(world.db()).unwrap();
    bytes[(page - 1) * 8192..][..8192].fill(0xAA);
    fs::write(world.db(), &bytes).unwrap();
}

/// Met while pages are committed: the session does not say that it ended, and wakes and frees nobody.
#[test]
fn nothing_is_written_into_a_file_that_was_found_damaged() {
    let world = killed();
    world.check_sound();
    scribble_over(&world, "contents");
    world.site.release();
    let ran = world.run(&["resume"]);
    check_said(&ran, 4, &["is damaged: ", "look at it with: sqrawl doctor --db "]);
    assert_eq!(world.ends(), ["limit", "-", "-"]);
    let sql = "SELECT count(*) AS n FROM host_queue WHERE lease_session = (SELECT max(id) FROM sessions)";
    assert_eq!(world.run(&["query", "-f", "csv", sql]).out, "n\r\n1\r\n");
}

/// A page of the file is overwritten: said, with the remedy, by everything that meets it.
#[test]
fn a_damaged_page_is_named() {
    let world = killed();
    world.check_sound();
    scribble_over(&world, "urls");
    let ran = world.run(&["resume"]);
    check_said(&ran, 4, &["is damaged: ", "malformed", "look at it with: sqrawl doctor --db "]);
    let ran = world.run(&["doctor"]);
    assert_eq!(ran.code, Some(4), "{}", ran.err);
    assert!(ran.out.contains(".recover"), "{}", ran.out);
    let ran = world.run(&["query", "SELECT sum(depth) FROM urls"]);
    check_said(&ran, 4, &["is damaged: ", "sqrawl doctor --db "]);
}

/// A file of a later version is nobody's here, whatever the verb.
#[test]
fn a_newer_file_is_refused_by_every_verb_and_left_alone() {
    let world = World::new();
    let seed = world.site.seed();
    assert_eq!(world.run(&world.crawl(&seed, &["--max-pages", "3", "-q"])).code, Some(0));
    let set = Command::new("sqlite3").arg(world.db()).arg("PRAGMA user_version = 99").status().unwrap();
    assert!(set.success());
    let before = fs::read(world.db()).unwrap();
    let verbs: [&[&str]; 6] =
        [&["crawl", &seed], &["resume"], &["status"], &["query", "SELECT 1"], &["show", &seed], &["doctor"]];
    for verb in verbs {
        let ran = world.run(verb);
        check_said(&ran, 4, &["has schema version 99, this sqrawl knows ", "use a newer sqrawl"]);
        assert_eq!(fs::read(world.db()).unwrap(), before, "{verb:?}");
        assert!(!beside(&world, "-wal").exists() && !beside(&world, "-shm").exists(), "{verb:?}");
    }
}

/// Runs SQL in the stock shell, which writes to a schema only when it is told so.
fn shell(world: &World, sql: &str) {
    let output = Command::new("sqlite3").arg("-bail").arg(world.db()).arg(sql).output().unwrap();
    assert!(output.status.success() && output.stderr.is_empty(), "{sql}: {output:?}");
}

/// An index of the queue lost its rows: the session ended with exit code 0 and "stopped at a limit:
/// --max-pages-per-host", though no host was at one.
#[test]
fn a_queue_that_cannot_be_found_was_taken_for_a_page_limit() {
    let world = World::new();
    let seed = world.site.seed();
    assert_eq!(world.run(&world.crawl(&seed, &["--max-pages", "20", "-q"])).code, Some(0));
    // Built anew while its text says that nothing belongs to it.
    let text = |from: &str, to: &str| {
        format!(
            "PRAGMA writable_schema = ON;
             UPDATE sqlite_schema SET sql = replace(sql, '''{from}''', '''{to}''') WHERE name = 'urls_queue'"
        )
    };
    shell(&world, &text("queued", "nothing"));
    shell(&world, "REINDEX urls_queue");
    shell(&world, &text("nothing", "queued"));
    for _ in 0..2 {
        let ran = world.run(&["resume", "--max-pages", "none"]);
        check_said(&ran, 4, &["URLs to visit that nothing in it leads to", "sqrawl doctor --repair --db "]);
        assert_eq!(world.ends().last().map(String::as_str), Some("error"));
    }
    let ran = world.run(&["doctor", "--repair"]);
    assert_eq!(ran.code, Some(0), "{}{}", ran.out, ran.err);
    world.check_goes_on(&["--max-pages", "none"]);
}
