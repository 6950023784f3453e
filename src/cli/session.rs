//! One session of the engine as seen from a terminal: [`run`] listens for signals, shows progress,
//! and hands back the [`Summary`].

use std::future::Future;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

use super::progress::{Bounds, follow};
use super::signals::{Stopped, listen};
use super::sources::Sources;
use super::terminal::Terminal;
use crate::engine::{self, Control, Job, Progress, Summary, SystemClock};
use crate::fetch::{Fetcher, ensure_open_files};
use crate::store::Store;
use crate::store::sqlite::Inbox;

/// How long the end of the program waits for threads that do not come back, of a name server that
/// does not answer for instance.
const GRACE: Duration = Duration::from_millis(500);

/// Between two looks into the inbox of the crawl.
const INBOX_LOOK: Duration = Duration::from_millis(250);

/// Runs a future on all cores. Threads that are stuck in the system do not hold the end up.
///
/// # Errors
/// When the threads cannot be started, and what the future says.
pub(super) fn on_all_cores<T>(future: impl Future<Output = anyhow::Result<T>>) -> anyhow::Result<T> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build();
    let runtime = runtime.context("the threads of the crawl cannot be started")?;
    let result = runtime.block_on(future);
    runtime.shutdown_timeout(GRACE);
    result
}

/// Runs one session to its end.
///
/// # Errors
/// [`engine::EngineError`]; everything committed before is kept.
pub(super) async fn run<S: Store, F: Fetcher>(
    store: Arc<S>,
    fetcher: F,
    job: Job,
    sources: &Sources,
    terminal: &Terminal,
) -> anyhow::Result<Summary> {
    if let Some(few) = ensure_open_files(job.settings.concurrency) {
        terminal.warn(few);
    }
    let (control, progress, clock) =
        (Control::default(), Arc::new(Progress::default()), Arc::new(SystemClock::default()));
    let bounds = Bounds::from(&job.settings);
    let lines = !sources.run.settings.no_progress;
    let inbox = Postman::start(sources.path().to_owned(), control.clone());
    let _signals = Stopped(tokio::spawn(listen(control.clone(), Arc::clone(&progress), terminal.clone())));
    let shown = follow(Arc::clone(&progress), Arc::clone(&clock), terminal.clone(), bounds, lines);
    let shown = Stopped(tokio::spawn(shown));
    let ended = engine::run(store, Arc::new(fetcher), clock, job, control, progress).await;
    inbox.stop().await;
    drop(shown);
    terminal.hide_bar();
    Ok(ended?)
}

/// Looks whether somebody put something into the inbox, and tells the session.
struct Postman {
    stop: oneshot::Sender<()>,
    task: JoinHandle<()>,
}

impl Postman {
    fn start(path: PathBuf, control: Control) -> Self {
        let (stop, stopped) = oneshot::channel();
        Postman { stop, task: tokio::spawn(deliver(path, control, stopped)) }
    }

    /// Its connection is closed before the store's, which puts the log back into the file.
    async fn stop(self) {
        drop(self.stop);
        let _ = self.task.await;
    }
}

async fn deliver(path: PathBuf, control: Control, mut stopped: oneshot::Receiver<()>) {
    let mut inbox = match Inbox::attach(&path).await {
        Ok(inbox) => inbox,
        Err(error) => return tracing::warn!(%error, "sqrawl add, skip and retry will be heard after this session"),
    };
    loop {
        tokio::select! {
            _ = &mut stopped => break,
            () = tokio::time::sleep(INBOX_LOOK) => {}
        }
        match inbox.waits().await {
            Ok(true) => control.look_into_inbox(),
            Ok(false) => {}
            // The session meets the cause itself, if it lasts.
            Err(error) => tracing::debug!(%error, "the inbox cannot be read"),
        }
    }
    inbox.close().await;
}
