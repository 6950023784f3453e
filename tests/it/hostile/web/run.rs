//! [`Run`]: one crawl by the real binary, watched from outside: how long it lives, how much memory it
//! takes, how it ends.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Child, Stdio};
use std::time::{Duration, Instant};

use tempfile::TempDir;

use crate::cli::{run, sqrawl};

/// Most memory of a crawl, whatever it meets.
const MOST_BYTES: u64 = 300_000_000;
/// Time between two looks at the process.
const LOOK: Duration = Duration::from_millis(10);
/// Looks at the process between two looks into its database.
const LOOKS_INSIDE: u32 = 10;

/// A crawl that runs. It is killed when dropped.
pub(super) struct Run {
    child: Child,
    folder: TempDir,
    what: String,
    began: Instant,
    most_time: Duration,
    peak_bytes: u64,
}

impl Run {
    /// Starts a crawl. It fails the test when it is still there after `most_time`, which is derived
    /// from the crawl's own limits and far beyond what it needs.
    pub(super) fn start(what: &str, most_time: Duration, args: &[String]) -> Run {
        let folder = TempDir::new().unwrap();
        let file = |name: &str| Stdio::from(File::create(folder.path().join(name)).unwrap());
        let child = sqrawl(folder.path())
            .args(["crawl", "--no-progress"])
            .args(args)
            .stdout(file("stdout.txt"))
            .stderr(file("stderr.txt"))
            .spawn()
            .unwrap();
        Run { child, folder, what: what.to_owned(), began: Instant::now(), most_time, peak_bytes: 0 }
    }

    pub(super) fn db(&self) -> PathBuf {
        self.folder.path().join("crawl.db")
    }

    /// Waits for the end, or until `enough`, after which the crawl is told to stop. Asserts the exit
    /// code (3 when it was told), the memory it took and the health of what it left.
    pub(super) fn finish(&mut self, exit: i32, mut enough: impl FnMut(&Path) -> Result<(), String>) {
        let (mut is_told, mut looks) = (false, 0);
        let status = loop {
            self.peak_bytes = self.peak_bytes.max(peak_bytes(self.child.id()));
            if let Some(status) = self.child.try_wait().unwrap() {
                break status;
            }
            let in_time = self.began.elapsed() < self.most_time;
            looks += 1;
            if !is_told && (looks % LOOKS_INSIDE == 0 || !in_time) {
                match enough(&self.db()) {
                    Ok(()) => {
                        is_told = true;
                        self.tell_to_stop();
                    }
                    Err(missing) => assert!(in_time, "{}: it does not end\n{missing}\n{}", self.what, self.said()),
                }
            }
            assert!(in_time, "{}: it does not end\n{}", self.what, self.said());
            std::thread::sleep(LOOK);
        };
        let expected = if is_told { 3 } else { exit };
        assert_eq!(status.code(), Some(expected), "{}: {}", self.what, self.said());
        assert!(self.peak_bytes <= MOST_BYTES, "{}: {} MB", self.what, self.peak_bytes / 1_000_000);
        let doctor = run(sqrawl(self.folder.path()).arg("doctor"));
        assert_eq!(doctor.code, Some(0), "{}: {}{}", self.what, doctor.out, doctor.err);
    }

    /// Time and memory, for the record.
    pub(super) fn figures(&self) -> (Duration, u64) {
        (self.began.elapsed(), self.peak_bytes)
    }

    fn tell_to_stop(&self) {
        let id = rustix::process::Pid::from_raw(i32::try_from(self.child.id()).unwrap()).unwrap();
        rustix::process::kill_process(id, rustix::process::Signal::TERM).unwrap();
    }

    /// What another command says of the crawl, on both streams.
    pub(super) fn ask(&self, args: &[&str]) -> String {
        let ran = run(sqrawl(self.folder.path()).args(args));
        assert_eq!(ran.code, Some(0), "{args:?}: {}", ran.err);
        ran.out + &ran.err
    }

    /// What it wrote to stderr.
    pub(super) fn said(&self) -> String {
        fs::read_to_string(self.folder.path().join("stderr.txt")).unwrap_or_default()
    }
}

impl Drop for Run {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The most memory a process had resident so far; 0 where there is no /proc, or no process.
fn peak_bytes(process: u32) -> u64 {
    let status = fs::read_to_string(format!("/proc/{process}/status")).unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    line.and_then(|line| line.trim().strip_suffix(" kB")?.parse::<u64>().ok()).map_or(0, |kb| kb * 1024)
}
