//! [`Parsers`]: as many threads that parse as there are cores, each for as long as there is something to parse.
//!
//! Each thread that ever held a tree keeps some of its memory, 10 MB or so. When every page was given to whichever
//! blocking thread of the runtime was free, a dozen of them parsed in turn.

use std::any::Any;
use std::collections::VecDeque;
use std::panic::AssertUnwindSafe;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::oneshot;

type Job = Box<dyn FnOnce() + Send>;

/// What is to be parsed, first come first served.
#[derive(Debug)]
pub(super) struct Parsers {
    queue: Arc<Mutex<Queue>>,
    most_threads: usize,
}

#[derive(Default)]
struct Queue {
    jobs: VecDeque<Job>,
    threads: usize,
}

/// Why there is no result: what was said in the panic.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Panicked(pub(super) String);

impl Parsers {
    /// At most so many threads work at once, one at least.
    pub(super) fn new(most_threads: usize) -> Self {
        Parsers { queue: Arc::default(), most_threads: most_threads.max(1) }
    }

    /// Runs the job when it is its turn. A job whose future is dropped runs all the same.
    pub(super) async fn run<T: Send + 'static>(&self, job: impl FnOnce() -> T + Send + 'static) -> Result<T, Panicked> {
        let (done, result) = oneshot::channel();
        let job = Box::new(move || {
            let result = std::panic::catch_unwind(AssertUnwindSafe(job));
            // Nobody may be waiting any more.
            let _ = done.send(result.map_err(|payload| Panicked(text_of(&*payload))));
        });
        if self.add(job) {
            let queue = Arc::clone(&self.queue);
            tokio::task::spawn_blocking(move || work(&queue));
        }
        // Only a runtime that ends drops a job.
        result.await.unwrap_or_else(|_| Err(Panicked("cancelled".to_owned())))
    }

    /// Whether one more thread is to work.
    fn add(&self, job: Job) -> bool {
        let mut queue = lock(&self.queue);
        queue.jobs.push_back(job);
        let more = queue.threads < self.most_threads;
        queue.threads += usize::from(more);
        more
    }
}

impl std::fmt::Debug for Queue {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Queue").field("jobs", &self.jobs.len()).field("threads", &self.threads).finish()
    }
}

fn lock(queue: &Mutex<Queue>) -> MutexGuard<'_, Queue> {
    queue.lock().unwrap_or_else(PoisonError::into_inner)
}

fn work(queue: &Mutex<Queue>) {
    while let Some(job) = next(queue) {
        job();
    }
}

fn next(queue: &Mutex<Queue>) -> Option<Job> {
    let mut queue = lock(queue);
    let job = queue.jobs.pop_front();
    queue.threads -= usize::from(job.is_none());
    job
}

fn text_of(payload: &(dyn Any + Send)) -> String {
    let text = payload.downcast_ref::<&str>().map(|text| (*text).to_owned());
    text.or_else(|| payload.downcast_ref::<String>().cloned()).unwrap_or_else(|| "panic".to_owned())
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[tokio::test]
    async fn a_panic_is_told_and_the_thread_goes_on() {
        let parsers = Parsers::new(1);
        assert_eq!(parsers.run(|| panic!("page {}", 7)).await, Err::<(), _>(Panicked("page 7".to_owned())));
        assert_eq!(parsers.run(|| panic!("page")).await, Err::<(), _>(Panicked("page".to_owned())));
        assert_eq!(parsers.run(|| 7).await, Ok(7));
    }

    /// A dozen blocking threads parsed for two cores, and each kept the memory of its largest tree.
    #[tokio::test]
    async fn every_parse_had_a_thread_of_its_own() {
        let parsers = Arc::new(Parsers::new(2));
        // Nobody ends before all are there.
        let (go, gone) = tokio::sync::watch::channel(());
        let jobs: Vec<_> = (0..50)
            .map(|_| {
                let (parsers, mut gone, handle) =
                    (Arc::clone(&parsers), gone.clone(), tokio::runtime::Handle::current());
                tokio::spawn(async move {
                    let job = move || {
                        let _ = handle.block_on(gone.changed());
                        std::thread::current().id()
                    };
                    parsers.run(job).await
                })
            })
            .collect();
        tokio::task::yield_now().await;
        drop((go, gone));
        let threads = futures_util::future::join_all(jobs).await.into_iter().map(|thread| thread.unwrap().unwrap());
        let threads: HashSet<_> = threads.collect();
        assert!(threads.len() <= 2, "{threads:?}");
    }

    #[tokio::test]
    async fn jobs_run_side_by_side() {
        let parsers = Parsers::new(2);
        let meet = Arc::new(std::sync::Barrier::new(2));
        let both = [Arc::clone(&meet), meet].map(|meet| parsers.run(move || meet.wait().is_leader()));
        let leaders = futures_util::future::join_all(both).await;
        assert_eq!(leaders.iter().filter(|leader| **leader == Ok(true)).count(), 1);
    }
}
