//! `sqrawl backup`: beside a crawl, and what can go wrong with it.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::process::Command;

use rustix::process::Signal;

use super::disk::{has_namespaces, on_small_disk};
use super::{Life, World, check_said, in_shell, run};

/// Names in a folder, without the log and the index that a reader leaves beside the crawl.
fn names(folder: &Path) -> Vec<String> {
    let mut names: Vec<String> =
        fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.retain(|name| !name.starts_with("crawl.db-"));
    names.sort();
    names
}

/// A crawl that runs is copied; both go on, the copy in a process of its own, to the same result.
#[test]
fn a_running_crawl_is_copied_and_the_copy_goes_on() {
    let world = World::new();
    let mut life = world.crawl_until(60, &[]);
    life.wait_until("some commits", |_| {
        world.run(&["query", "-f", "csv", "SELECT count(*) > 20 AS n FROM fetches"]).out.contains("n\r\n1")
    });
    let ran = world.run(&["backup", "copy.db", "--json"]);
    assert_eq!(ran.code, Some(0), "{}", ran.err);
    let said: serde_json::Value = serde_json::from_str(&ran.out).unwrap();
    assert_eq!(said["size_bytes"], fs::metadata(world.path().join("copy.db")).unwrap().len());
    assert!(ran.err.contains("check it:    sqrawl doctor --db copy.db\n"), "{}", ran.err);
    assert!(!world.path().join("copy.db.part").exists());
    // The copy is whole while the original still runs, and says that its session did not end.
    assert_eq!(world.run(&["doctor", "--db", "copy.db"]).code, Some(0));
    world.site.release();
    let ran = world.run(&["resume", "--db", "copy.db"]);
    assert_eq!(ran.code, Some(0), "{}", ran.err);
    assert!(ran.err.contains("going on with a crawl that did not come to its end"), "{}", ran.err);
    let ran = life.end();
    assert_eq!(ran.code, Some(0), "{}", ran.err);
    for db in ["crawl.db", "copy.db"] {
        assert_eq!(world.run(&["doctor", "--db", db]).code, Some(0));
        assert_eq!(world.result(db), world.undisturbed(), "{db}");
    }
}

/// No file is ever written over, nor a log that somebody left of one: it would be taken for the copy's.
#[test]
fn a_copy_replaces_nothing() {
    let world = World::new();
    world.undisturbed();
    for name in ["copy.db", "copy.db-wal", "copy.db-journal"] {
        let there = world.path().join(name);
        fs::write(&there, "somebody's").unwrap();
        let ran = world.run(&["backup", "copy.db", "--db", "calm.db"]);
        check_said(&ran, 2, &[name, "exists and is not overwritten"]);
        assert_eq!(fs::read_to_string(&there).unwrap(), "somebody's");
        fs::remove_file(&there).unwrap();
    }
    let before = names(world.path());
    let cases: [(&[&str], &str); 4] = [
        (&["backup", "calm.db", "--db", "calm.db"], "exists and is not overwritten"),
        (&["backup", "nowhere/copy.db", "--db", "calm.db"], "cannot be written"),
        (&["backup", "copy.db", "--db", "no.db"], "no.db does not exist"),
        (&["backup", "copy.db", "--db", "stderr.txt"], "is not a SQLite database"),
    ];
    fs::write(world.path().join("stderr.txt"), "words").unwrap();
    for (args, words) in cases {
        let ran = world.run(args);
        assert!(matches!(ran.code, Some(2 | 4)) && ran.err.contains(words), "{args:?}: {}", ran.err);
    }
    fs::remove_file(world.path().join("stderr.txt")).unwrap();
    assert_eq!(names(world.path()), before);
}

/// Whatever has the name under which a copy is written, and is none that was begun: a file, the crawl itself, a link,
/// a pipe, a folder with something else in it.
#[test]
fn a_copy_takes_nothing_for_its_unfinished_self_that_is_another_file() {
    let world = World::new();
    world.undisturbed();
    let at = |name: &str| world.path().join(name);
    let crawl = fs::read(at("calm.db")).unwrap();
    let important = |name: &str| fs::write(at(name), "somebody's").unwrap();
    let folder = || fs::create_dir(at("copy.db.part")).unwrap();
    type Case<'a> = (&'a str, &'a str, Box<dyn Fn() + 'a>, &'a str);
    let cases: [Case; 8] = [
        ("a file", "calm.db", Box::new(|| important("copy.db.part")), "copy.db.part"),
        ("a crawl", "calm.db", Box::new(|| fs::write(at("copy.db.part"), &crawl).unwrap()), "copy.db.part"),
        (
            "the crawl itself",
            "copy.db.part",
            Box::new(|| fs::write(at("copy.db.part"), &crawl).unwrap()),
            "copy.db.part",
        ),
        (
            "a link",
            "calm.db",
            Box::new(|| {
                important("other");
                symlink("other", at("copy.db.part")).unwrap()
            }),
            "other",
        ),
        (
            "a link in its folder",
            "calm.db",
            Box::new(|| {
                folder();
                important("other");
                symlink("../other", at("copy.db.part/sqrawl-copy")).unwrap()
            }),
            "other",
        ),
        (
            "a second name in its folder",
            "calm.db",
            Box::new(|| {
                folder();
                important("other");
                fs::hard_link(at("other"), at("copy.db.part/sqrawl-copy")).unwrap()
            }),
            "other",
        ),
        (
            "something else in its folder",
            "calm.db",
            Box::new(|| {
                folder();
                important("copy.db.part/other");
                important("copy.db.part/sqrawl-copy")
            }),
            "copy.db.part/sqrawl-copy",
        ),
        (
            "the crawl itself in its folder",
            "copy.db.part/sqrawl-copy",
            Box::new(|| {
                folder();
                fs::write(at("copy.db.part/sqrawl-copy"), &crawl).unwrap()
            }),
            "copy.db.part/sqrawl-copy",
        ),
    ];
    for (what, source, make, precious) in cases {
        println!("{what}");
        make();
        let before = fs::read(at(precious)).unwrap();
        check_said(
            &world.run(&["backup", "copy.db", "--db", source]),
            2,
            &["copy.db.part", "exists and is not overwritten"],
        );
        assert_eq!(fs::read(at(precious)).unwrap(), before, "{what}");
        assert!(!at("copy.db").exists());
        fs::remove_file(at("other")).unwrap_or_default();
        fs::remove_file(at("copy.db.part")).or_else(|_| fs::remove_dir_all(at("copy.db.part"))).unwrap();
    }
    let pipe = Command::new("mkfifo").arg(at("copy.db.part")).status().unwrap();
    assert!(pipe.success());
    check_said(
        &world.run(&["backup", "copy.db", "--db", "calm.db"]),
        2,
        &["copy.db.part exists and is not overwritten"],
    );
}

/// A crawl with 200 MB of somebody's rows, and a copy of it that was stopped in the middle.
fn in_the_middle(world: &World) -> Life {
    let seed = world.site.seed();
    assert_eq!(world.run(&world.crawl(&seed, &["--max-pages", "3", "-q"])).code, Some(0));
    let sql =
        "CREATE TABLE rows_of_somebody AS WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 200)
               SELECT zeroblob(1000000) AS x FROM n";
    assert!(Command::new("sqlite3").arg(world.db()).arg(sql).status().unwrap().success());
    let part = world.path().join("copy.db.part/sqrawl-copy");
    let mut life = Life::start(&mut world.command(&["backup", "copy.db"]), world.path());
    life.wait_until("the copy begins", |_| fs::metadata(&part).is_ok_and(|part| part.len() > 1_000_000));
    life.signal(Signal::STOP);
    assert!(part.exists(), "the copy was made too soon for this test");
    life
}

/// Ctrl-C and its like end the copy, and nothing of it stays.
#[test]
fn a_copy_that_is_stopped_leaves_nothing() {
    for signal in [Signal::INT, Signal::TERM, Signal::HUP] {
        let world = World::new();
        let life = in_the_middle(&world);
        life.signal(signal);
        life.signal(Signal::CONT);
        check_said(&life.end(), 3, &["stopped by a signal; nothing of copy.db was left behind"]);
        assert_eq!(names(world.path()), ["crawl.db", "stderr.txt"]);
    }
}

/// Two copies of one name cannot be written at once; what a killed one left is taken over.
#[test]
fn a_copy_that_was_killed_is_begun_again() {
    let world = World::new();
    let life = in_the_middle(&world);
    let ran = world.run(&["backup", "copy.db"]);
    check_said(&ran, 4, &["the copy ", "another process writes "]);
    life.kill();
    assert!(names(world.path()).contains(&"copy.db.part".to_owned()));
    let ran = world.run(&["backup", "copy.db"]);
    assert_eq!(ran.code, Some(0), "{}", ran.err);
    assert_eq!(names(world.path()), ["copy.db", "crawl.db", "stderr.txt"]);
    assert_eq!(world.run(&["doctor", "--db", "copy.db"]).code, Some(0));
}

/// The disk of the copy is full at once, or in the middle: said, and nothing stays. The crawl and its file are
/// not touched.
#[test]
fn a_copy_for_which_there_is_no_space_leaves_nothing() {
    if !has_namespaces() {
        return;
    }
    let world = World::new();
    world.undisturbed();
    let kb = fs::metadata(world.path().join("calm.db")).unwrap().len() / 1000;
    for (part_of_ten, words) in [(0, "which takes about"), (5, "which takes about"), (9, "no space for the copy")] {
        let script = "\"$SQRAWL\" backup disk/copy.db --db calm.db 2>&1; echo \"backup $?\"; ls -A disk";
        let said = on_small_disk(&world, (kb * part_of_ten / 10).max(4) as u32, script);
        let lines: Vec<&str> = said.lines().collect();
        assert!(lines[0].starts_with("error: no space for the copy ") && lines[0].contains(words), "{said}");
        assert!(lines[0].contains("nothing of it was left behind"), "{said}");
        assert_eq!(lines[1..], ["backup 4"], "{said}");
    }
}

/// The limit on the size of files is met by the copy, not by the crawl: there is nothing to resume.
#[test]
fn a_copy_that_is_larger_than_files_may_be_says_so() {
    let world = World::new();
    world.undisturbed();
    let before = names(world.path());
    let ran = run(&mut in_shell(&world, "ulimit -f 100", &["backup", "copy.db", "--db", "calm.db"]));
    check_said(
        &ran,
        4,
        &["the copy ", "copy.db would be larger than a file may be here, 102.4 kB (`ulimit -f`); raise that"],
    );
    assert!(!ran.err.contains("resume"), "{}", ran.err);
    assert_eq!(names(world.path()), before);
}

/// From a medium that is mounted read-only.
#[test]
fn a_read_only_medium_is_copied() {
    if !has_namespaces() {
        return;
    }
    let world = World::new();
    world.undisturbed();
    let script = "cp calm.db disk/a.db; mount -o remount,ro disk; on 'backup copy.db'";
    assert_eq!(on_small_disk(&world, 64_000, script), "backup 0\n");
    assert_eq!(world.result("copy.db"), world.undisturbed());
}
