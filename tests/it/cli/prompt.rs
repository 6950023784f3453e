//! The prompt of `sqrawl query`, driven by keys through a terminal of its own.

use std::fs::{self, File};
use std::io::{Read, Write};
use std::os::fd::OwnedFd;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Child, Command};
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};
use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
use rustix::termios::{Winsize, tcsetwinsize};
use tempfile::TempDir;

use super::sqrawl;

/// Nothing here takes as long; what does is stuck.
const WATCHDOG: Duration = Duration::from_secs(60);
const PROMPT: &str = "sqrawl> ";
const CTRL_C: &str = "\x03";
const CTRL_D: &str = "\x04";
const UP: &str = "\x1b[A";
/// Counts without end.
const ENDLESS: &str = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT count(*) FROM n;\r";

/// The binary on a terminal.
struct Typist {
    child: Child,
    keys: File,
    shown: Receiver<Vec<u8>>,
    /// What was shown and not yet waited for.
    rest: String,
}

impl Typist {
    fn start(folder: &Path, args: &[&str]) -> Typist {
        let (ours, theirs) = terminal();
        let mut command: Command = sqrawl(folder);
        command.args(["query", "--db", "site.db", "--color", "never"]).args(args);
        command.env("TERM", "xterm").env("HOME", folder.join("home"));
        let theirs = File::from(theirs);
        let end = || theirs.try_clone().expect("a descriptor");
        let child = command.stdin(end()).stdout(end()).stderr(end()).spawn().expect("the binary starts");
        let keys = File::from(ours);
        let mut screen = keys.try_clone().expect("a descriptor");
        let (send, shown) = channel();
        std::thread::spawn(move || {
            let mut bytes = [0; 4096];
            // A terminal whose last process is gone gives an error.
            while let Ok(n @ 1..) = screen.read(&mut bytes) {
                if send.send(bytes[..n].to_vec()).is_err() {
                    break;
                }
            }
        });
        let mut typist = Typist { child, keys, shown, rest: String::new() };
        typist.sees("Ctrl-D leaves");
        typist.is_asked();
        typist
    }

    fn types(&mut self, keys: &str) {
        self.keys.write_all(keys.as_bytes()).expect("a terminal");
    }

    /// Waits until these words are shown; what was shown up to there.
    #[track_caller]
    fn sees(&mut self, words: &str) -> String {
        let stuck = Instant::now() + WATCHDOG;
        loop {
            if let Some(at) = self.rest.find(words) {
                let rest = self.rest.split_off(at + words.len());
                return std::mem::replace(&mut self.rest, rest);
            }
            let left = stuck.saturating_duration_since(Instant::now());
            match self.shown.recv_timeout(left) {
                Ok(bytes) => self.rest.push_str(&String::from_utf8_lossy(&bytes)),
                Err(error) => {
                    panic!("{words:?} is not shown ({error}): {:?}", self.rest.get(..2000).unwrap_or(&self.rest))
                }
            }
        }
    }

    /// Waits for the next prompt: keys that come before it are the terminal's, and Ctrl-D is lost there.
    #[track_caller]
    fn is_asked(&mut self) {
        self.sees(PROMPT);
    }

    /// Types a line and waits for words of its answer, which may not stand in the line.
    #[track_caller]
    fn asks(&mut self, line: &str, words: &str) -> String {
        assert!(!line.contains(words), "the echo would be taken for the answer");
        self.types(line);
        self.types("\r");
        let shown = self.sees(words);
        self.is_asked();
        shown
    }

    /// Types a command that says nothing.
    #[track_caller]
    fn sets(&mut self, line: &str) {
        self.types(line);
        self.types("\r");
        self.is_asked();
    }

    #[track_caller]
    fn leaves(mut self, keys: &str) {
        self.types(keys);
        // The terminal is gone with its last process.
        let stuck = Instant::now() + WATCHDOG;
        while let Ok(bytes) = self.shown.recv_timeout(stuck.saturating_duration_since(Instant::now())) {
            self.rest.push_str(&String::from_utf8_lossy(&bytes));
        }
        assert!(self.child.try_wait().is_ok() && Instant::now() < stuck, "does not leave: {:?}", self.rest);
        assert_eq!(self.child.wait().expect("an end").code(), Some(0));
    }
}

impl Drop for Typist {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Both ends of a new terminal of 100 columns.
pub(super) fn terminal() -> (OwnedFd, OwnedFd) {
    let ours = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY).expect("a terminal");
    grantpt(&ours).expect("granted");
    unlockpt(&ours).expect("unlocked");
    let name = ptsname(&ours, Vec::new()).expect("a name").into_string().expect("UTF-8");
    let theirs = fs::OpenOptions::new().read(true).write(true).open(name).expect("the other end");
    let size = Winsize { ws_row: 40, ws_col: 100, ws_xpixel: 0, ws_ypixel: 0 };
    tcsetwinsize(&theirs, size).expect("a size");
    (ours, theirs.into())
}

/// A folder with a small crawl in `site.db`.
fn folder() -> TempDir {
    let folder = TempDir::new().expect("a folder");
    fs::create_dir(folder.path().join("home")).expect("a home");
    let made = std::process::Command::new(env!("CARGO_BIN_EXE_sqrawl"))
        .env_clear()
        .current_dir(folder.path())
        .args(["crawl", "-q", "--db", "site.db", "http://127.0.0.1:1/", "--retries", "0"])
        .output()
        .expect("the binary starts");
    assert!(folder.path().join("site.db").exists(), "{}", String::from_utf8_lossy(&made.stderr));
    folder
}

#[test]
fn statements_commands_and_keys() {
    let folder = folder();
    let mut typist = Typist::start(folder.path(), &["-p", "n=40"]);
    // Over two lines, with a parameter, and the words of the answer on the screen.
    typist.types("SELECT :n + 2\r");
    let shown = typist.asks("  AS answer;", "1 row");
    assert!(shown.contains("│     42 │"), "{shown:?}");
    // Two statements in one line; the faulty one ends it, and not the prompt.
    typist.asks("SELECT 20 + 3; SELECT nowhere; SELECT 4000 + 4;", "no such column");
    assert!(typist.asks("SELECT 50 + 5;", "55 │").find("4004").is_none());
    typist.asks("DELETE FROM urls;", "DELETE is not run");
    typist.asks("SELECT :missing;", "has no value; for example -p missing=VALUE");
    typist.sets(".param missing=7");
    typist.asks("SELECT :missing * 11;", "77 │");
    // Commands.
    typist.asks(".help", "as Ctrl-D does");
    assert!(typist.asks(".tables", "report_titles").contains("pages"));
    typist.asks(".schema round*", "there is no table or view round*");
    typist.asks(".schema Pages", "CREATE VIEW pages");
    typist.sets(".mode jsonl");
    typist.asks("SELECT 60 + 6 AS n, char(27) || '[2J' AS e;", r#"{"n":66,"e":"\u001b[2J"}"#);
    typist.asks(".mode", "jsonl");
    typist.sets(".rows 2");
    typist.asks("VALUES (71), (72), (73);", "stopped after 2 rows");
    typist.sets(".timeout 100ms");
    typist.types(ENDLESS);
    typist.sees("stopped after 0.1 s");
    typist.is_asked();
    typist.asks(".dump", "is no command");
    // Ctrl-C throws away what is typed; Ctrl-D leaves.
    typist.types("SELECT 'never ended");
    typist.types(CTRL_C);
    typist.is_asked();
    typist.asks("SELECT 80 + 8 AS n;", r#"{"n":88}"#);
    typist.leaves(CTRL_D);
}

#[test]
fn a_running_statement_is_stopped_and_the_prompt_stays() {
    let folder = folder();
    let mut typist = Typist::start(folder.path(), &["--no-history", "--timeout", "none"]);
    typist.sets(".mode csv");
    typist.types("WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT i FROM n;\r");
    typist.sees("\n1000\r");
    let pid = Pid::from_child(&typist.child);
    kill_process(pid, Signal::INT).expect("sent");
    typist.sees("stopped by a signal after");
    typist.is_asked();
    // Out of memory takes the connection along, and the prompt gets another one.
    typist.asks("SELECT hex(zeroblob(150000000));", "needs more memory");
    typist.asks("SELECT 90 + 9 AS n;", "99\r");
    typist.leaves(".quit\r");
    assert!(!folder.path().join("home/.local").exists(), "no history is kept");
}

#[test]
fn names_are_completed() {
    let folder = folder();
    let mut typist = Typist::start(folder.path(), &[]);
    typist.types("SEL\t 'url' AS found, count(*) FROM report_tit\t;\r");
    typist.sees("│ url ");
    typist.is_asked();
    typist.types("SELECT p.cano\t FROM pages AS p WHERE p.fetched\t IS 1;\r");
    typist.sees("0 rows");
    typist.is_asked();
    typist.types(".sch\t ru\t\r");
    typist.sees("CREATE TABLE rules");
    typist.is_asked();
    typist.leaves(CTRL_D);
}

#[test]
fn history_is_kept_for_its_owner_alone() {
    let folder = folder();
    let file = folder.path().join("home/.local/state/sqrawl/query_history");
    let mut typist = Typist::start(folder.path(), &[]);
    typist.asks("SELECT 100 + 1 AS n;", "101 │");
    // What begins with a space is not remembered.
    typist.asks(" SELECT 200 + 2 AS n;", "202 │");
    typist.leaves(CTRL_D);
    let text = fs::read_to_string(&file).expect("a history");
    assert!(text.contains("SELECT 100 + 1") && !text.contains("200"), "{text}");
    let mode = |path: &Path| fs::metadata(path).expect("metadata").permissions().mode() & 0o777;
    assert_eq!((mode(&file), mode(file.parent().expect("a folder"))), (0o600, 0o700));
    let mut typist = Typist::start(folder.path(), &[]);
    typist.types(UP);
    typist.types("\r");
    typist.sees("101 │");
    typist.is_asked();
    typist.leaves(CTRL_D);
    // A history that cannot be kept is said, and nothing else.
    fs::remove_file(&file).expect("removed");
    fs::create_dir(&file).expect("a folder in its place");
    let mut typist = Typist::start(folder.path(), &[]);
    typist.asks("SELECT 110 + 1 AS n;", "111 │");
    typist.leaves(CTRL_D);
}
