//! Faults of the machine, met by the real binary: each has one clear line with its cause and remedy, the
//! documented exit code, a file that is whole, and a `resume` that goes on when the fault is gone.
//!
//! - `copies`: backups.
//! - `disk`: no room, limits on files, read-only media, I/O errors.
//! - `migrations`: files of an earlier schema.
//! - `others`: other programs that lock or read the file.
//! - `file`: files that were damaged, cut, or made by another version.
//! - `process`: signals, closed terminals, few open files, little memory.
//!
//! What the system must help with (mount namespaces, strace, script) is skipped with a line that begins with
//! `SKIPPED` where it does not.

mod copies;
mod disk;
mod file;
mod migrations;
mod others;
mod process;
mod site;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use tempfile::TempDir;

use crate::cli::{Ran, run, sqrawl};
use site::{Body, Site, WATCHDOG};

/// Quick, and with enough in flight that a fault meets more than one request.
const PACE: [&str; 6] = ["-c", "8", "--per-host", "8", "--delay", "0"];

/// A site and a folder to crawl it into.
struct World {
    site: Arc<Site>,
    folder: TempDir,
    calm: OnceLock<Vec<String>>,
}

impl World {
    /// 120 pages of 6 kB.
    fn new() -> World {
        World::of(120, Body::Text(6_000))
    }

    fn of(pages: usize, body: Body) -> World {
        World { site: Site::open(pages, body), folder: TempDir::new().unwrap(), calm: OnceLock::new() }
    }

    fn path(&self) -> &Path {
        self.folder.path()
    }

    fn db(&self) -> PathBuf {
        self.path().join("crawl.db")
    }

    /// A verb on `crawl.db`.
    fn command(&self, args: &[&str]) -> Command {
        let mut command = sqrawl(self.path());
        command.args(args);
        command
    }

    fn run(&self, args: &[&str]) -> Ran {
        run(&mut self.command(args))
    }

    /// The arguments of a crawl of the whole site into `crawl.db`.
    fn crawl<'a>(&self, seed: &'a str, more: &[&'a str]) -> Vec<&'a str> {
        [&["crawl", seed][..], &PACE, more].concat()
    }

    /// Begins a crawl that is to meet a fault after so many answers, and waits for that moment.
    fn crawl_until(&self, answers: usize, more: &[&str]) -> Life {
        self.site.hold_after(answers);
        let seed = self.site.seed();
        let life = Life::start(&mut self.command(&self.crawl(&seed, more)), self.path());
        self.site.wait_until_held();
        life
    }

    /// What a crawl that nobody disturbs makes of the site.
    fn undisturbed(&self) -> &[String] {
        self.calm.get_or_init(|| {
            let seed = self.site.seed();
            let ran = self.run(&self.crawl(&seed, &["--db", "calm.db", "-q"]));
            assert_eq!(ran.code, Some(0), "{}", ran.err);
            self.result("calm.db")
        })
    }

    fn result(&self, db: &str) -> Vec<String> {
        let sql = "SELECT u.url, u.state, u.depth, c.title, hex(c.hash), length(b.data), length(t.text),
                     (SELECT count(*) FROM links l WHERE l.source_id = u.id) AS links
                   FROM urls u LEFT JOIN fetches f ON f.id = u.page_fetch_id LEFT JOIN contents c ON c.id = f.content_id
                   LEFT JOIN bodies b ON b.content_id = c.id LEFT JOIN texts t ON t.content_id = c.id ORDER BY u.url";
        let ran = self.run(&["query", "-f", "csv", "--db", db, sql]);
        assert_eq!(ran.code, Some(0), "{}", ran.err);
        ran.out.lines().map(str::to_owned).collect()
    }

    /// The file keeps every promise.
    fn check_sound(&self) {
        let ran = self.run(&["doctor"]);
        assert_eq!(ran.code, Some(0), "{}{}", ran.out, ran.err);
    }

    /// False: there is no file, or it was left before it had its tables.
    fn holds_a_crawl(&self) -> bool {
        let ran = self.run(&["status"]);
        let none = ran.code == Some(4) && ran.err.contains("does not exist; start a crawl with: ");
        assert!(none || ran.code == Some(0), "{}", ran.err);
        !none
    }

    /// How the sessions ended, the last one last; `-` for one that said nothing.
    fn ends(&self) -> Vec<String> {
        let ran = self.run(&["query", "-f", "csv", "SELECT coalesce(ended_by, '-') AS e FROM sessions ORDER BY id"]);
        assert_eq!(ran.code, Some(0), "{}", ran.err);
        ran.out.lines().skip(1).map(str::to_owned).collect()
    }

    /// The fault is gone: the crawl goes on, and its result is that of an undisturbed one.
    fn check_goes_on(&self, more: &[&str]) {
        self.site.release();
        if self.holds_a_crawl() {
            self.check_sound();
        }
        let seed = self.site.seed();
        let ran = self.run(&self.crawl(&seed, more));
        assert_eq!(ran.code, Some(0), "{}", ran.err);
        self.check_sound();
        let (wild, calm) = (self.result("crawl.db"), self.undisturbed());
        assert_eq!(wild.len(), calm.len());
        for (wild, calm) in wild.iter().zip(calm) {
            assert_eq!(wild, calm);
        }
    }
}

/// A fault was met: its exit code, and one line that says cause and remedy.
#[track_caller]
fn check_said(ran: &Ran, code: i32, words: &[&str]) {
    assert_eq!(ran.code, Some(code), "{}", ran.err);
    let errors: Vec<&str> = ran.err.lines().filter(|line| line.starts_with("error: ")).collect();
    assert_eq!(errors.len(), 1, "{}", ran.err);
    for word in words {
        assert!(errors[0].contains(word), "{word:?} is not in {:?}", errors[0]);
    }
    for word in ["panicked", "RUST_BACKTRACE", "defect"] {
        assert!(!ran.err.contains(word), "{}", ran.err);
    }
}

/// docs/durability.md names a test for every fault.
#[test]
fn every_fault_names_its_test() {
    let page = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/durability.md")).unwrap();
    let mut named = 0;
    for table in page.split("\n\n").filter(|table| table.lines().next().is_some_and(|line| line.ends_with("| test |")))
    {
        for row in table.lines().skip(2) {
            let tests = crate::behaviours::named(row);
            assert!(!tests.is_empty(), "no test in: {row}");
            for test in tests {
                assert!(crate::behaviours::exists(test), "there is no test {test}");
                named += 1;
            }
        }
    }
    assert!(named > 25, "{named}");
}

/// A process of the binary, killed when dropped.
struct Life {
    child: Child,
    stderr: PathBuf,
}

impl Life {
    fn start(command: &mut Command, folder: &Path) -> Life {
        let stderr = folder.join("stderr.txt");
        let child = command.stdout(Stdio::null()).stderr(fs::File::create(&stderr).unwrap()).spawn().unwrap();
        Life { child, stderr }
    }

    fn said(&self) -> String {
        fs::read_to_string(&self.stderr).unwrap_or_default()
    }

    fn signal(&self, signal: rustix::process::Signal) {
        let pid = rustix::process::Pid::from_child(&self.child);
        rustix::process::kill_process(pid, signal).unwrap();
    }

    /// Polls until `seen`.
    fn wait_until(&mut self, what: &str, mut seen: impl FnMut(&str) -> bool) {
        let began = Instant::now();
        while !seen(&self.said()) {
            assert!(self.child.try_wait().unwrap().is_none(), "it ended before {what}:\n{}", self.said());
            assert!(began.elapsed() < WATCHDOG, "still waiting: {what}\n{}", self.said());
            std::thread::sleep(Duration::from_millis(2));
        }
    }

    fn kill(mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    fn end(mut self) -> Ran {
        let began = Instant::now();
        let status: ExitStatus = loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                break status;
            }
            assert!(began.elapsed() < WATCHDOG, "it does not end:\n{}", self.said());
            std::thread::sleep(Duration::from_millis(2));
        };
        Ran { code: status.code(), out: String::new(), err: self.said() }
    }
}

impl Drop for Life {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Whether a command can be run here and succeeds; says so when not.
fn can(program: &str, args: &[&str]) -> bool {
    let can = Command::new(program).args(args).output().is_ok_and(|ran| ran.status.success());
    if !can {
        eprintln!("SKIPPED: {program} {} does not work here", args.join(" "));
    }
    can
}

/// The binary behind a shell that sets something up first.
fn in_shell(world: &World, setup: &str, args: &[&str]) -> Command {
    let mut command = Command::new("bash");
    let script = format!("{setup} && exec \"$0\" \"$@\"");
    command.args(["-c", &script, env!("CARGO_BIN_EXE_sqrawl")]).args(args);
    command.env_clear().env("PATH", "/usr/sbin:/usr/bin:/sbin:/bin").current_dir(world.path()).stdin(Stdio::null());
    command
}
