//! [`Parsers`]: threads of their own that parse, as many as there are cores, and let the others go first.
//!
//! Each thread that ever held a tree keeps some of its memory, 10 MB or so. When every page was given to whichever
//! blocking thread of the runtime was free, a dozen of them parsed in turn; and those also look up names, so they
//! cannot be asked to step back.

use std::any::Any;
use std::collections::VecDeque;
use std::panic::AssertUnwindSafe;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};

use tokio::sync::oneshot;

type Work = Box<dyn FnOnce() + Send>;

/// What is to be parsed, first come first served. The threads begin when there is work for them, and end with this.
#[derive(Debug)]
pub(super) struct Parsers {
    shared: Arc<Shared>,
    most_threads: usize,
}

#[derive(Debug, Default)]
struct Shared {
    queue: Mutex<Queue>,
    more: Condvar,
}

#[derive(Default)]
struct Queue {
    work: VecDeque<Work>,
    threads: usize,
    /// Threads that wait for work.
    idle: usize,
    over: bool,
}

/// Why there is no result: what was said in the panic.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Panicked(pub(super) String);

impl Parsers {
    /// At most so many threads work at once. With none, the runtime's blocking ones do: those are what tokio's paused
    /// clock waits for.
    pub(super) fn new(most_threads: usize) -> Self {
        Parsers { shared: Arc::default(), most_threads }
    }

    /// Runs the work when it is its turn. Work whose future is dropped is done all the same, until the session ends.
    pub(super) async fn run<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, Panicked> {
        let (done, result) = oneshot::channel();
        self.hand_in(Box::new(move || {
            let result = std::panic::catch_unwind(AssertUnwindSafe(work));
            // Nobody may be waiting any more.
            let _ = done.send(result.map_err(|payload| Panicked(text_of(&*payload))));
        }));
        // Only the end of a session drops work.
        result.await.unwrap_or_else(|_| Err(Panicked("cancelled".to_owned())))
    }

    fn hand_in(&self, work: Work) {
        if self.most_threads == 0 {
            tokio::task::spawn_blocking(work);
            return;
        }
        let mut queue = self.shared.lock();
        if queue.idle <= queue.work.len() && queue.threads < self.most_threads {
            let shared = Arc::clone(&self.shared);
            let began = std::thread::Builder::new().name("parse".to_owned()).spawn(move || shared.work());
            queue.threads += usize::from(began.is_ok());
        }
        // A system that gives no thread has it done here.
        if queue.threads == 0 {
            drop(queue);
            return work();
        }
        queue.work.push_back(work);
        self.shared.more.notify_one();
    }
}

impl Drop for Parsers {
    fn drop(&mut self) {
        let mut queue = self.shared.lock();
        queue.over = true;
        let unbegun = std::mem::take(&mut queue.work);
        drop(queue);
        self.shared.more.notify_all();
        drop(unbegun);
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn work(&self) {
        step_back();
        while let Some(work) = self.next() {
            work();
        }
    }

    fn next(&self) -> Option<Work> {
        let mut queue = self.lock();
        loop {
            if queue.over {
                return None;
            }
            if let Some(work) = queue.work.pop_front() {
                return Some(work);
            }
            queue.idle += 1;
            queue = self.more.wait(queue).unwrap_or_else(PoisonError::into_inner);
            queue.idle -= 1;
        }
    }
}

impl std::fmt::Debug for Queue {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Queue { work, threads, idle, over } = self;
        let mut debug = f.debug_struct("Queue");
        debug.field("work", &work.len()).field("threads", threads).field("idle", idle).field("over", over).finish()
    }
}

/// How much nicer than the threads that wait for the network most of the time, and give it work.
#[cfg(target_os = "linux")]
const NICER: i32 = 5;

/// A thread that parses lets others go first. With a site that answers in 50 ms and two cores, 64 requests in flight
/// gave 5 to 10 % more pages a second. Linux alone has a priority for each thread.
fn step_back() {
    #[cfg(target_os = "linux")]
    {
        use rustix::process::{getpriority_process, setpriority_process};
        let this = Some(rustix::thread::gettid());
        // Where it is not allowed it is as well.
        let _ = getpriority_process(this).and_then(|niceness| setpriority_process(this, niceness + NICER));
    }
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

    #[tokio::test(start_paused = true)]
    async fn a_paused_clock_waits_for_the_runtimes_threads() {
        let (go, gone) = std::sync::mpsc::channel::<()>();
        let parsers = Parsers::new(0);
        let parse = parsers.run(move || gone.recv().is_err());
        let ticked = tokio::time::timeout(std::time::Duration::from_millis(1), parse);
        let (parsed, ()) = tokio::join!(ticked, async { drop(go) });
        assert_eq!(parsed, Ok(Ok(true)));
        assert_eq!(parsers.run(|| panic!("page")).await, Err::<(), _>(Panicked("page".to_owned())));
    }

    #[tokio::test]
    async fn threads_end_with_the_session() {
        let parsers = Parsers::new(2);
        let (last_word, ended) = std::sync::mpsc::channel::<()>();
        // Dropped with the thread that ran it.
        std::thread_local! { static HELD: std::cell::RefCell<Option<std::sync::mpsc::Sender<()>>> = const { std::cell::RefCell::new(None) } }
        parsers.run(move || HELD.set(Some(last_word))).await.unwrap();
        assert_eq!(ended.try_recv(), Err(std::sync::mpsc::TryRecvError::Empty));
        drop(parsers);
        assert_eq!(ended.recv(), Err(std::sync::mpsc::RecvError));
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
