//! Signals: the first one drains the session, the second stops it at once.

use std::sync::Arc;

use tokio::task::JoinHandle;

use super::Exit;
use super::terminal::Terminal;
use crate::config::units::counted;
use crate::engine::{Control, Progress};

/// Listens until the future is dropped. SIGINT, SIGTERM and SIGHUP mean the same; a SIGHUP that
/// was ignored from the start (nohup) stays ignored.
#[cfg(unix)]
pub(super) async fn listen(control: Control, progress: Arc<Progress>, terminal: Terminal) {
    let mut asked = Asked::listen();
    loop {
        asked.next().await;
        stop(&control, &progress, &terminal);
    }
}

/// The signals that ask for an end.
#[cfg(unix)]
pub(super) struct Asked {
    interrupt: Option<tokio::signal::unix::Signal>,
    terminate: Option<tokio::signal::unix::Signal>,
    hangup: Option<tokio::signal::unix::Signal>,
}

#[cfg(unix)]
impl Asked {
    /// All of them, from now on.
    pub(super) fn listen() -> Self {
        use tokio::signal::unix::SignalKind;
        Asked {
            terminate: opened(SignalKind::terminate()),
            hangup: if hangup_ignored() { None } else { opened(SignalKind::hangup()) },
            ..Self::listen_for_interrupt()
        }
    }

    /// Ctrl-C alone, from now on.
    pub(super) fn listen_for_interrupt() -> Self {
        Asked { interrupt: opened(tokio::signal::unix::SignalKind::interrupt()), terminate: None, hangup: None }
    }

    /// Waits for one of them.
    pub(super) async fn next(&mut self) {
        tokio::select! {
            () = arrival(&mut self.interrupt) => {}
            () = arrival(&mut self.terminate) => {}
            () = arrival(&mut self.hangup) => {}
        }
    }
}

#[cfg(unix)]
fn opened(kind: tokio::signal::unix::SignalKind) -> Option<tokio::signal::unix::Signal> {
    let opened = tokio::signal::unix::signal(kind);
    opened.inspect_err(|error| tracing::warn!(%error, "a signal cannot be listened for")).ok()
}

/// Ctrl-C.
#[cfg(not(unix))]
pub(super) struct Asked;

#[cfg(not(unix))]
impl Asked {
    pub(super) fn listen() -> Self {
        Asked
    }

    pub(super) fn listen_for_interrupt() -> Self {
        Asked
    }

    pub(super) async fn next(&mut self) {
        if tokio::signal::ctrl_c().await.is_err() {
            std::future::pending::<()>().await;
        }
    }
}

#[cfg(unix)]
async fn arrival(signal: &mut Option<tokio::signal::unix::Signal>) {
    match signal {
        Some(signal) => {
            signal.recv().await;
        }
        None => std::future::pending().await,
    }
}

/// Listens for Ctrl-C until the future is dropped.
#[cfg(not(unix))]
pub(super) async fn listen(control: Control, progress: Arc<Progress>, terminal: Terminal) {
    while tokio::signal::ctrl_c().await.is_ok() {
        stop(&control, &progress, &terminal);
    }
}

fn stop(control: &Control, progress: &Progress, terminal: &Terminal) {
    if control.drain() {
        let requests = counted(progress.snapshot().in_flight, "request");
        terminal.say(format_args!("finishing {requests} in flight (at most 10 s); press Ctrl-C again to stop at once"));
    } else if control.stop_now() {
        terminal.say("stopping at once");
    }
}

/// Has a file that may not grow any more (`ulimit -f`) fail the write instead of ending the process:
/// SIGXFSZ is taken from now on, and dropped. To be called in the runtime.
#[cfg(unix)]
pub(super) fn outlive_file_size_limit() {
    use tokio::signal::unix::{SignalKind, signal};
    let taken = signal(SignalKind::from_raw(rustix::process::Signal::XFSZ.as_raw()));
    if let Err(error) = taken {
        tracing::warn!(%error, "a limit on the size of files would end this process without a word");
    }
}

/// There is no such signal here.
#[cfg(not(unix))]
pub(super) fn outlive_file_size_limit() {}

/// Calls back at the first signal that [`listen`] would drain a session for, and ends the process at the second one, until
/// what it returns is dropped: who asks twice does not want to wait for an output that nobody reads.
pub(super) fn on_first(terminal: &Terminal, call: impl FnOnce() + Send + 'static) -> Stopped {
    let terminal = terminal.clone();
    Stopped(tokio::spawn(async move {
        let mut asked = Asked::listen();
        asked.next().await;
        call();
        asked.next().await;
        leave(&terminal, "stopped at once, by a second signal", Exit::Stopped);
    }))
}

/// Ends the process from another thread than the one that works. Whatever is written is written so that a crash may come
/// at any moment.
#[expect(clippy::disallowed_methods, reason = "the thread that would come back to main is the one that does not end")]
pub(super) fn leave(terminal: &Terminal, words: &str, exit: Exit) -> ! {
    terminal.error(words);
    std::process::exit(exit.code().into())
}

/// A task that ends with its owner.
#[derive(Debug)]
pub(super) struct Stopped(pub(super) JoinHandle<()>);

impl Drop for Stopped {
    fn drop(&mut self) {
        self.0.abort();
    }
}

/// Whether this process was started with SIGHUP ignored, as nohup does. The standard library
/// cannot ask; Linux tells in /proc (signal 1 is the lowest bit). Elsewhere: no.
#[cfg(unix)]
fn hangup_ignored() -> bool {
    std::fs::read_to_string("/proc/self/status").is_ok_and(|status| ignores_hangup(&status))
}

#[cfg(unix)]
fn ignores_hangup(status: &str) -> bool {
    let mask = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    mask.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok()).is_some_and(|mask| mask & 1 == 1)
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;

    #[test]
    fn nohup_is_seen() {
        assert!(ignores_hangup("Name:\tx\nSigIgn:\t0000000000001001\n"));
        assert!(!ignores_hangup("Name:\tx\nSigIgn:\t0000000000001000\n"));
        assert!(!ignores_hangup(""));
    }
}
