//! Signals, closed terminals, few open files, little memory.

use std::io::Read;
use std::process::{Command, Stdio};

use super::{Body, Life, World, can, in_shell};

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
