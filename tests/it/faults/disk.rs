//! No room, limits on files, read-only media, I/O errors.

use std::process::{Command, Stdio};

use crate::cli::Ran;

use super::{Body, PACE, World, can, check_said, in_shell, run};

/// A disk of its own for each test, in a mount namespace that needs no root where users may make one.
const NAMESPACE: [&str; 2] = ["-rm", "--propagation=private"];

pub(super) fn has_namespaces() -> bool {
    can("unshare", &["-rm", "sh", "-c", "mount -t tmpfs -o size=1m tmpfs /mnt"])
}

/// Runs a script in a folder whose `disk` is a file system of so many kB; what it printed. `crawl`, `resume` and
/// `doctor` are the verbs on `disk/a.db`.
pub(super) fn on_small_disk(world: &World, kb: u32, script: &str) -> String {
    std::fs::create_dir_all(world.path().join("disk")).unwrap();
    let prelude = format!(
        "set -u\nmount -t tmpfs -o size={kb}k tmpfs disk\n\
         on() {{ local verb=$1; shift; \"$SQRAWL\" $verb --db disk/a.db \"$@\" 2>said; echo \"${{verb%% *}} $?\"; grep ^error: said; }}\n\
         crawl() {{ on \"crawl $SEED\" {pace} --no-progress \"$@\"; }}\n\
         resume() {{ on resume --no-progress \"$@\"; }}\n",
        pace = PACE.join(" ")
    );
    let mut command = Command::new("unshare");
    command.args(NAMESPACE).args(["bash", "-c", &(prelude + script)]);
    command.env_clear().env("PATH", "/usr/sbin:/usr/bin:/sbin:/bin").current_dir(world.path()).stdin(Stdio::null());
    command.env("SQRAWL", env!("CARGO_BIN_EXE_sqrawl")).env("SEED", world.site.seed());
    let Ran { out, err, .. } = run(&mut command);
    assert_eq!(err, "", "{out}");
    out
}

/// The disk is full while a batch is settled: nothing half-written. Whether the session can still say in the
/// database how it ended depends on the last free pages.
#[test]
fn a_disk_that_is_full_ends_the_session_with_its_remedy() {
    if !has_namespaces() {
        return;
    }
    let world = World::new();
    let said = on_small_disk(
        &world,
        700,
        "crawl --min-free 0
         sqlite3 disk/a.db 'PRAGMA integrity_check; PRAGMA foreign_key_check; SELECT ifnull(ended_by, 0) FROM sessions'
         on doctor >doctor.txt; head -n 1 doctor.txt | cut -d' ' -f2
         mount -o remount,size=64m disk
         resume --min-free 0
         on doctor | tail -n 1
         cp disk/a.db crawl.db",
    );
    let lines: Vec<&str> = said.lines().collect();
    assert_eq!(lines[0], "crawl 4", "{said}");
    assert!(
        lines[1].contains("no space left for ") && lines[1].contains("free some, then: sqrawl resume --db "),
        "{said}"
    );
    assert_eq!(lines[2], "ok", "{said}");
    assert!(["error", "0"].contains(&lines[3]), "{said}");
    assert_eq!(lines.last(), Some(&"doctor 0"), "{said}");
    assert_eq!(world.result("crawl.db"), world.undisturbed());
}

/// Long before that, a batch that would take of `--min-free` is not begun.
#[test]
fn little_space_ends_the_session_before_the_disk_is_full() {
    if !has_namespaces() {
        return;
    }
    let world = World::new();
    let said = on_small_disk(
        &world,
        8_000,
        "crawl --min-free 7500kB
         df --output=avail disk | tail -n 1
         mount -o remount,size=64m disk
         resume
         cp disk/a.db crawl.db",
    );
    let lines: Vec<&str> = said.lines().collect();
    assert_eq!(lines[0], "crawl 4", "{said}");
    assert!(
        lines[1].contains("only 7.") && lines[1].contains("(--min-free and the commit itself); free some"),
        "{said}"
    );
    assert!(lines[2].trim().parse::<u32>().unwrap() > 7_000, "{said}");
    assert_eq!(lines[3], "resume 0", "{said}");
    assert_eq!(world.result("crawl.db"), world.undisturbed());
}

/// What was committed is in the log first and takes room a second time when it is moved into the file. That, too,
/// is kept from `--min-free`: here the log is larger than what is to stay free.
#[test]
fn moving_the_log_into_the_file_leaves_min_free_alone() {
    if !has_namespaces() {
        return;
    }
    let world = World::of(120, Body::File(200_000));
    let said = on_small_disk(
        &world,
        16_000,
        "crawl --store-body all --min-free 4000kB
         df --output=avail disk | tail -n 1
         sqlite3 disk/a.db 'SELECT ended_by FROM sessions'
         mount -o remount,size=64m disk
         resume
         on doctor | tail -n 1",
    );
    let lines: Vec<&str> = said.lines().collect();
    assert_eq!(lines[0], "crawl 4", "{said}");
    assert!(lines[1].contains("(--min-free and the commit itself); free some"), "{said}");
    assert!(lines[2].trim().parse::<u32>().unwrap() >= 3_900, "{said}");
    assert_eq!(lines[3..], ["error", "resume 0", "doctor 0"], "{said}");
}

/// There is no room for the file's first pages, or for the index of its log.
#[test]
fn a_disk_that_was_full_before_is_left_as_it_was() {
    if !has_namespaces() {
        return;
    }
    let world = World::new();
    for free_kb in [0, 4, 12, 32, 48, 100] {
        let script = format!(
            "dd if=/dev/zero of=disk/others bs=1k count=$((1000 - {free_kb})) status=none
             crawl --min-free 0
             rm disk/others; mount -o remount,size=64m disk
             crawl --min-free 0
             on doctor | tail -n 1
             cp disk/a.db crawl.db"
        );
        let said = on_small_disk(&world, 1_000, &script);
        let lines: Vec<&str> = said.lines().collect();
        assert_eq!(lines[0], "crawl 4", "{free_kb} kB free: {said}");
        assert!(lines[1].contains("no space left for "), "{free_kb} kB free: {said}");
        assert_eq!(lines[2..], ["crawl 0", "doctor 0"], "{free_kb} kB free: {said}");
        assert_eq!(world.result("crawl.db"), world.undisturbed());
    }
}

/// `doctor --repair` has no room for what it would change: nothing is changed, and with room it is.
#[test]
fn a_repair_on_a_full_disk_changes_nothing() {
    if !has_namespaces() {
        return;
    }
    let world = World::new();
    world.undisturbed();
    let kb = std::fs::metadata(world.path().join("calm.db")).unwrap().len() / 1024;
    let script =
        "cp calm.db wrong.db; sqlite3 wrong.db 'UPDATE host_queue SET pages = pages + 7'; cp wrong.db disk/a.db
             md5sum <disk/a.db
             on 'doctor --repair' >out; head -n 2 out
             md5sum <disk/a.db; rm -f disk/*-wal disk/*-shm
             mount -o remount,size=64m disk
             on doctor | tail -n 1; on 'doctor --repair' | tail -n 1; on doctor | tail -n 1
             cp disk/a.db crawl.db";
    for free_kb in [4, 36, 44] {
        let said = on_small_disk(&world, kb as u32 + free_kb, script);
        let lines: Vec<&str> = said.lines().collect();
        assert_eq!(lines[1], "doctor 4", "{said}");
        assert!(lines[2].contains("no space left for "), "{said}");
        assert_eq!(lines[0], lines[3], "{said}");
        assert_eq!(lines[4..], ["doctor 4", "doctor 0", "doctor 0"], "{said}");
        assert_eq!(world.result("crawl.db"), world.undisturbed());
    }
}

/// A medium that is mounted read-only: nothing is written, and what can be read is read.
#[test]
fn a_read_only_medium_is_read_and_not_crawled_into() {
    if !has_namespaces() {
        return;
    }
    let world = World::new();
    let said = on_small_disk(
        &world,
        256_000,
        "crawl --max-pages 50 >/dev/null
         mount -o remount,ro disk; md5sum disk/a.db; ls -A disk
         crawl; resume
         on status >/dev/null; on doctor | tail -n 1
         md5sum disk/a.db; ls -A disk
         mount -o remount,rw disk
         resume --max-pages none
         cp disk/a.db crawl.db",
    );
    let lines: Vec<&str> = said.lines().collect();
    assert_eq!(lines[0..2], lines[7..9], "{said}");
    assert_eq!((lines[2], lines[4], lines[6], lines[9]), ("crawl 4", "resume 4", "doctor 0", "resume 0"), "{said}");
    for line in [lines[3], lines[5]] {
        assert!(
            line.contains("cannot be written: ") && line.contains("make the file and its folder writable"),
            "{said}"
        );
    }
    assert_eq!(world.result("crawl.db"), world.undisturbed());
}

/// `ulimit -f`: without care the system would end the process by SIGXFSZ.
#[test]
fn a_limit_on_the_size_of_files_is_named() {
    let world = World::new();
    let seed = world.site.seed();
    // Into 64 kB not even the schema goes; behind 460 kB of it the rest holds a part of the crawl and the word of its end.
    for kb in [64, 1_200] {
        for part in ["", "-wal", "-shm"] {
            let _ = std::fs::remove_file(world.path().join(format!("crawl.db{part}")));
        }
        let ran = run(&mut in_shell(&world, &format!("ulimit -f {kb}"), &world.crawl(&seed, &[])));
        check_said(&ran, 4, &["the largest size that a file may have here", "`ulimit -f`", "sqrawl resume --db "]);
        if kb == 1_200 {
            assert_eq!(world.ends(), ["error"]);
        }
    }
    world.check_goes_on(&[]);
}

/// The disk answers with EIO, once or from some moment on, to writing and to syncing.
#[test]
fn an_io_error_ends_the_session_with_its_remedy() {
    if !can("strace", &["-f", "-o", "/dev/null", "-e", "inject=fsync:error=EIO", "true"]) {
        return;
    }
    let seeded = World::new();
    let calm = seeded.undisturbed();
    for (call, when) in
        [("pwrite64", "40"), ("pwrite64", "200+"), ("pwrite64", "3+"), ("fsync", "1+"), ("pread64", "5+")]
    {
        let world =
            World { site: seeded.site.clone(), folder: tempfile::TempDir::new().unwrap(), calm: calm.to_vec().into() };
        let seed = world.site.seed();
        let setup = format!(
            "exec strace -f -o /dev/null -e trace={call} -e inject={call}:error=EIO:when={when} \"$0\" \"$@\"; false"
        );
        let ran = run(&mut in_shell(&world, &setup, &world.crawl(&seed, &[])));
        check_said(&ran, 4, &["failed: ", "disk I/O error", "look at the disk and its quota", "sqrawl resume --db "]);
        world.check_goes_on(&[]);
    }
}
