//! [`OwnProcess`]: reads a page that may kill whoever reads it, in a process of this program that does nothing
//! else. It is called with [`ARGUMENT`] and nothing more, and gets its script on stdin.

use std::ffi::OsString;
use std::io::{Read, Write};
use std::path::PathBuf;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use futures_util::future::BoxFuture;

use super::Exit;
use crate::config::process_environment;
use crate::engine::{Rehearse, Rehearsed, carry_out};
use crate::failpoint;

/// The only argument of such a process.
const ARGUMENT: &str = "--read-a-page-from-stdin";
/// Between two looks at whether it has ended.
const LOOK: Duration = Duration::from_millis(5);

/// Starts processes that read a page.
#[derive(Debug)]
pub(super) struct OwnProcess;

impl Rehearse for OwnProcess {
    fn rehearse(&self, script: Arc<Vec<u8>>) -> BoxFuture<'static, Rehearsed> {
        Box::pin(async move {
            let unwanted = Unwanted::default();
            let seen = Arc::clone(&unwanted.0);
            let watched = tokio::task::spawn_blocking(move || watch(&script, &seen)).await;
            watched.unwrap_or_else(|failure| Rehearsed::Unknown(failure.to_string()))
        })
    }
}

/// Says, once it is dropped, that nobody waits any more.
#[derive(Debug, Default)]
struct Unwanted(Arc<AtomicBool>);

impl Drop for Unwanted {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

fn watch(script: &[u8], unwanted: &AtomicBool) -> Rehearsed {
    match start().and_then(|child| end_of(child, script, unwanted)) {
        Ok(status) => judge(status),
        Err(error) => Rehearsed::Unknown(error.to_string()),
    }
}

fn start() -> std::io::Result<Child> {
    let mut command = Command::new(this_program()?);
    command.arg(ARGUMENT).stdin(Stdio::piped()).stdout(Stdio::null());
    // What a terminal sends is for the crawl to answer.
    #[cfg(unix)]
    std::os::unix::process::CommandExt::process_group(&mut command, 0);
    command.spawn()
}

/// On Linux the very file that runs, also when another version stands in its place by now.
fn this_program() -> std::io::Result<PathBuf> {
    let own = PathBuf::from("/proc/self/exe");
    if cfg!(target_os = "linux") && own.exists() { Ok(own) } else { std::env::current_exe() }
}

fn end_of(mut child: Child, script: &[u8], unwanted: &AtomicBool) -> std::io::Result<ExitStatus> {
    if let Some(mut stdin) = child.stdin.take() {
        // One that died meanwhile reads nothing more; how it ended is told below.
        let _ = stdin.write_all(script);
    }
    loop {
        if let Some(status) = child.try_wait()? {
            return Ok(status);
        }
        if unwanted.load(Ordering::Relaxed) {
            let _ = child.kill();
            child.wait()?;
            return Err(std::io::Error::other("nobody waited for it any more"));
        }
        std::thread::sleep(LOOK);
    }
}

fn judge(status: ExitStatus) -> Rehearsed {
    match status {
        status if status.success() => Rehearsed::Lived,
        status if is_crash(status) => Rehearsed::Died(status.to_string()),
        status => Rehearsed::Unknown(status.to_string()),
    }
}

/// Whether the process died of what it did. SIGKILL is the system's way to free memory; an operator who
/// kills this program means the crawl, which would not be here to see it.
#[cfg(unix)]
fn is_crash(status: ExitStatus) -> bool {
    use rustix::process::Signal;
    let crashes =
        [Signal::ABORT, Signal::BUS, Signal::FPE, Signal::ILL, Signal::KILL, Signal::SEGV, Signal::SYS, Signal::TRAP];
    let signal = std::os::unix::process::ExitStatusExt::signal(&status);
    crashes.iter().any(|crash| Some(crash.as_raw()) == signal)
}

/// Nothing is told apart here.
#[cfg(not(unix))]
fn is_crash(_status: ExitStatus) -> bool {
    false
}

/// Whether this process is to read a page and nothing else.
pub(super) fn is_meant(arguments: &[OsString]) -> bool {
    matches!(arguments, [_, argument] if argument == ARGUMENT)
}

/// Reads the page, on a thread as large as those of a crawl.
pub(super) fn perform() -> Exit {
    be_the_first_to_go();
    for (_, text) in process_environment().iter().filter(|(name, _)| name == failpoint::VARIABLE) {
        let _ = failpoint::arm(text);
    }
    let mut script = Vec::new();
    if std::io::stdin().read_to_end(&mut script).is_err() {
        return Exit::Failed;
    }
    match std::thread::spawn(move || carry_out(&script)).join() {
        Ok(Ok(())) => Exit::Done,
        Ok(Err(_)) => Exit::Usage,
        Err(_) => Exit::Failed,
    }
}

/// Goes with the crawl when that is killed, and before it when memory is short.
#[cfg(target_os = "linux")]
fn be_the_first_to_go() {
    // Without either it comes to its end all the same.
    let _ = rustix::process::set_parent_process_death_signal(Some(rustix::process::Signal::KILL));
    let _ = std::fs::write("/proc/self/oom_score_adj", "1000");
}

#[cfg(not(target_os = "linux"))]
fn be_the_first_to_go() {}

#[cfg(all(test, unix))]
mod tests {
    use super::*;

    #[test]
    fn a_kill_and_a_crash_are_proof_and_a_farewell_is_none() {
        let ended = |script: &str| judge(Command::new("sh").args(["-c", script]).status().unwrap());
        assert_eq!(ended("exit 0"), Rehearsed::Lived);
        for (script, proves) in [
            ("kill -ABRT $$", true),
            ("kill -SEGV $$", true),
            ("kill -BUS $$", true),
            ("kill -KILL $$", true),
            ("kill -TERM $$", false),
            ("kill -INT $$", false),
            ("exit 1", false),
        ] {
            assert_eq!(matches!(ended(script), Rehearsed::Died(_)), proves, "{script}");
        }
    }
}
