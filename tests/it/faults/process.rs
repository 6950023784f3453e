//! Signals, closed terminals, few open files, little memory.

use std::fs;
use std::io::Read;
use std::process::{Command, Stdio};

use super::{Body, Life, World, can, check_said, in_shell, run};

/// Stopped (Ctrl-Z, a suspended machine) and let go on.
#[test]
fn a_crawl_that_was_stopped_for_a_while_goes_on() {
    use rustix::process::Signal;
    let world = World::new();
    let life = world.crawl_until(50, &[]);
    for _ in 0..3 {
        world.site.wait_until_waiting(4);
        life.signal(Signal::STOP);
        // The answers come while nobody reads them.
        world.site.hold_after(4);
        world.site.wait_until_held();
        let ran = world.run(&["status"]);
        assert_eq!(ran.code, Some(0), "{}", ran.err);
        life.signal(Signal::CONT);
    }
    world.site.release();
    let ran = life.end();
    assert_eq!(ran.code, Some(0), "{}", ran.err);
    world.check_sound();
    assert_eq!(world.result("crawl.db"), world.undisturbed());
}

/// Whoever read stderr is gone: the crawl is not.
#[test]
fn a_closed_stderr_stops_nothing() {
    let world = World::new();
    let seed = world.site.seed();
    let mut command = world.command(&world.crawl(&seed, &["-vv"]));
    let mut child = command.stderr(Stdio::piped()).stdout(Stdio::null()).spawn().unwrap();
    let mut some = [0; 10];
    child.stderr.take().unwrap().read_exact(&mut some).unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(0));
    world.check_sound();
    assert_eq!(world.result("crawl.db"), world.undisturbed());
}

/// Whoever was to read the summary is gone: the exit code still says how the crawl ended.
#[test]
fn a_closed_stdout_does_not_hide_how_the_crawl_ended() {
    let world = World::new();
    let seed = world.site.seed();
    for (answers, signal, code) in [(20, true, 3), (usize::MAX / 2, false, 0)] {
        world.site.hold_after(answers);
        let mut command = world.command(&world.crawl(&seed, &["--json"]));
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
        drop(child.stdout.take());
        if signal {
            world.site.wait_until_held();
            let pid = rustix::process::Pid::from_child(&child);
            rustix::process::kill_process(pid, rustix::process::Signal::TERM).unwrap();
            world.site.release();
        }
        assert_eq!(child.wait().unwrap().code(), Some(code));
    }
    assert_eq!(world.ends(), ["signal", "complete"]);
}

/// Ctrl-C had the shell's 130, as if the program had died of it.
#[cfg(target_os = "linux")]
#[test]
fn a_doctor_that_is_stopped_says_so() {
    let world = World::new();
    let seed = world.site.seed();
    assert_eq!(world.run(&world.crawl(&seed, &["--max-pages", "3", "-q"])).code, Some(0));
    let sql =
        "CREATE TABLE rows_of_somebody AS WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 1000000)
         SELECT hex(i * 2654435761 % 4294967296) AS x FROM n; CREATE INDEX index_of_somebody ON rows_of_somebody(x)";
    assert!(Command::new("sqlite3").arg(world.db()).arg(sql).status().unwrap().success());
    let mut life = Life::start(&mut world.command(&["doctor"]), world.path());
    let status = format!("/proc/{}/status", life.child.id());
    life.wait_until("it listens for Ctrl-C", |_| {
        let status = fs::read_to_string(&status).unwrap_or_default();
        let caught = status.lines().find_map(|line| line.strip_prefix("SigCgt:")).unwrap_or("0");
        u64::from_str_radix(caught.trim(), 16).unwrap() & 2 != 0
    });
    life.signal(rustix::process::Signal::INT);
    check_said(&life.end(), 3, &["stopped by a signal; nothing can be said of the file"]);
}

/// stdout is a file on a full disk: said, and no success. How a crawl ended is still said by the exit code.
#[test]
fn a_full_stdout_is_said() {
    if !can("test", &["-c", "/dev/full"]) {
        return;
    }
    let world = World::new();
    let seed = world.site.seed();
    let full = |args: &[&str]| run(world.command(args).stdout(fs::File::create("/dev/full").unwrap()));
    let words = ["the output cannot be written: No space left on device", "send it elsewhere, or make room for it"];

    check_said(&full(&world.crawl(&seed, &["--json", "--max-pages", "30"])), 1, &words);
    check_said(&full(&["resume", "--json", "--max-pages", "none"]), 1, &words);
    assert_eq!(world.ends(), ["limit", "complete"]);
    let nothing = world.crawl("http://127.0.0.1:9/", &["--json", "--db", "nothing.db", "--retries", "0"]);
    check_said(&full(&nothing), 5, &words);

    let verbs: [&[&str]; 11] = [
        &["status"],
        &["query", "SELECT url FROM urls"],
        &["query", "-f", "table", "SELECT 1"],
        &["query", "-f", "json", "SELECT 1"],
        &["query", "SELECT json_group_array(url) FROM urls, contents"],
        &["show", &seed],
        &["show", "--text", &seed],
        &["doctor"],
        &["config", "show"],
        &["completions", "bash"],
        &["--help"],
    ];
    for args in verbs {
        check_said(&full(args), 1, &words);
    }
}

/// stderr, with the log and the progress, is a file on a full disk: nobody reads it, and the crawl goes on.
#[test]
fn a_full_stderr_stops_nothing() {
    if !can("test", &["-c", "/dev/full"]) {
        return;
    }
    let world = World::new();
    let seed = world.site.seed();
    let full = || fs::File::create("/dev/full").unwrap();
    let code = |args: &[&str]| world.command(args).stdout(Stdio::null()).stderr(full()).status().unwrap().code();
    assert_eq!(code(&world.crawl(&seed, &["-vvv", "--max-pages", "30"])), Some(0));
    assert_eq!(code(&["resume", "--max-pages", "none"]), Some(0));
    assert_eq!(code(&["resume", "--max-pages", "many"]), Some(2));
    assert_eq!(world.ends(), ["limit", "complete"]);
    assert_eq!(world.result("crawl.db"), world.undisturbed());
}

/// Nor what the doctor found.
#[test]
fn a_closed_stdout_does_not_hide_what_the_doctor_found() {
    let world = World::of(9, Body::Text(100));
    let seed = world.site.seed();
    assert_eq!(world.run(&world.crawl(&seed, &["-q"])).code, Some(0));
    let damage = "UPDATE totals SET n = n + 1";
    for (sql, code) in [("SELECT 1", 0), (damage, 4)] {
        assert!(Command::new("sqlite3").arg(world.db()).arg(sql).stdout(Stdio::null()).status().unwrap().success());
        for args in [&["doctor"][..], &["doctor", "--json"]] {
            let mut child = world.command(args).stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
            drop(child.stdout.take());
            assert_eq!(child.wait().unwrap().code(), Some(code), "{args:?}");
            assert_eq!(in_shell(&world, "exec >&-", args).status().unwrap().code(), Some(code), "{args:?}");
            // A full disk is a failure of its own, and hides no damage.
            let full = in_shell(&world, "exec >/dev/full", args).stderr(Stdio::null()).status().unwrap();
            assert_eq!(full.code(), Some(if code == 0 { 1 } else { code }), "{args:?}");
        }
    }
}

/// The terminal is closed: the system sends SIGHUP and takes stderr away, and the crawl ends in good order.
#[test]
fn a_closed_terminal_ends_the_crawl_in_good_order() {
    if !can("script", &["-qec", "true", "/dev/null"]) {
        return;
    }
    let world = World::new();
    world.site.hold_after(30);
    let seed = world.site.seed();
    let command = [&[env!("CARGO_BIN_EXE_sqrawl")][..], &world.crawl(&seed, &[])].concat().join(" ");
    let mut script = Command::new("script");
    script.args(["-qec", &command, "/dev/null"]).current_dir(world.path()).stdin(Stdio::null()).stdout(Stdio::null());
    let mut terminal = script.spawn().unwrap();
    world.site.wait_until_held();
    terminal.kill().unwrap();
    terminal.wait().unwrap();
    world.site.release();
    // Its lock file goes with it.
    let lock = world.path().join("crawl.db-lock");
    let began = std::time::Instant::now();
    while lock.exists() {
        assert!(began.elapsed() < super::WATCHDOG, "the crawl does not end");
        std::thread::sleep(std::time::Duration::from_millis(5));
    }
    assert_eq!(world.ends(), ["signal"]);
    world.check_goes_on(&[]);
}

/// 64 open files, with 64 requests in flight asked for and more than enough pages to ask for at once.
#[test]
fn few_open_files_cost_no_page() {
    let world = World::of(120, Body::File(500));
    let seed = world.site.seed();
    let crawl = ["crawl", &seed, "-c", "64", "--per-host", "64", "--delay", "0"];
    world.site.hold_after(1);
    let life = Life::start(&mut in_shell(&world, "ulimit -n 64", &crawl), world.path());
    // As many as there are files for; the rest waits for these.
    world.site.wait_until_waiting(8);
    world.site.release();
    let ran = life.end();
    assert_eq!(ran.code, Some(0), "{}", ran.err);
    assert!(ran.err.contains("warning: only 64 files may be open"), "{}", ran.err);
    assert!(ran.err.contains("no more than 8 requests are in flight; raise it (`ulimit -n`)"), "{}", ran.err);
    world.check_sound();
    assert_eq!(world.result("crawl.db"), world.undisturbed());
    let ran = world.run(&["query", "-f", "csv", "SELECT count(*) AS n FROM fetches"]);
    assert_eq!(ran.out, "n\r\n120\r\n", "every page at the first try");
}

/// Too little memory to start, to crawl, or to end: whatever the process dies of, the file is whole.
#[test]
fn little_memory_harms_nothing() {
    let world = World::new();
    let seed = world.site.seed();
    let mut codes = Vec::new();
    for mb in [20, 60, 100, 140, 200, 300, 400] {
        let setup = format!("ulimit -c 0; ulimit -v {}", mb * 1000);
        let life = Life::start(&mut in_shell(&world, &setup, &world.crawl(&seed, &[])), world.path());
        let ran = life.end();
        codes.push((mb, ran.code));
        if world.holds_a_crawl() {
            world.check_sound();
        }
    }
    println!("{codes:?}");
    world.check_goes_on(&[]);
}
