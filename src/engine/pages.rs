//! [`PageBudget`]: `--max-pages` over all sessions of a crawl, exact under concurrency.
//!
//! Every request that may give a page takes a permit first. A page uses its permit up; anything
//! else gives it back. So never more pages are fetched than the limit allows.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// Pages the crawl may still fetch.
#[derive(Debug)]
pub(super) struct PageBudget {
    permits: Option<Arc<Semaphore>>,
    left: AtomicU64,
}

/// The right to fetch one page; `None` inside when there is no limit.
pub(super) type PagePermit = Option<OwnedSemaphorePermit>;

impl PageBudget {
    /// `max_pages` of which `fetched` are there already.
    pub(super) fn new(max_pages: Option<u64>, fetched: u64) -> Self {
        let left = max_pages.map(|max| max.saturating_sub(fetched));
        let permits = left.map(|left| {
            Arc::new(Semaphore::new(usize::try_from(left).unwrap_or(usize::MAX).min(Semaphore::MAX_PERMITS)))
        });
        PageBudget { permits, left: AtomicU64::new(left.unwrap_or(u64::MAX)) }
    }

    /// Waits for a permit. Never returns when all pages are fetched: the session ends then.
    pub(super) async fn permit(&self) -> PagePermit {
        match &self.permits {
            None => None,
            Some(permits) => {
                Some(Arc::clone(permits).acquire_owned().await.expect("the page semaphore is never closed"))
            }
        }
    }

    /// Uses a permit up. Returns whether it was the last one.
    pub(super) fn spend(&self, permit: PagePermit) -> bool {
        let Some(permit) = permit else { return false };
        permit.forget();
        self.left.fetch_sub(1, Ordering::Relaxed) == 1
    }

    /// Whether nothing is left.
    pub(super) fn exhausted(&self) -> bool {
        self.left.load(Ordering::Relaxed) == 0
    }
}
