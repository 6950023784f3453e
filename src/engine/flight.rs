//! One request: the [`Errand`], the [`Ticket`] it needs to start, and how it comes back as
//! [`Flown`].

use std::sync::Arc;

use tokio::sync::OwnedSemaphorePermit;

use crate::fetch::{Fetcher, Reservation};
use crate::model::{Exchange, FetchRequest, LeasedUrl, Ledger, Overflow};

use super::Clock;
use super::pages::PagePermit;
use super::robots::{self, Chase};
use super::shared::Shared;

/// What is to be asked for next.
#[derive(Clone, Debug)]
pub(super) enum Errand {
    Robots(Chase),
    Url(LeasedUrl),
}

/// Everything a request needs before it may start, but for the host's gate.
pub(super) struct Ticket {
    pub(super) page: PagePermit,
    pub(super) slot: OwnedSemaphorePermit,
    pub(super) bytes: Reservation,
}

/// A request that came back.
pub(super) struct Flown {
    pub(super) errand: Errand,
    pub(super) exchange: Exchange,
    pub(super) ledger: Ledger,
    pub(super) page: PagePermit,
    pub(super) bytes: Reservation,
}

/// Waits until a request may start as far as the session is concerned. Nothing scarce is held
/// while the host's own delay runs.
pub(super) async fn ticket<F: Fetcher, C: Clock>(shared: Arc<Shared<F, C>>, wait_ms: u64, wants_page: bool) -> Ticket {
    if wait_ms > 0 {
        shared.clock.sleep_ms(wait_ms).await;
    }
    let page = if wants_page { shared.pages.permit().await } else { None };
    let slot = Arc::clone(&shared.slots).acquire_owned().await.expect("the slot semaphore is never closed");
    let bytes = shared.budget.reserve().await;
    while let Err(missing_ms) = shared.rate.take(shared.clock.elapsed_ms()) {
        shared.clock.sleep_ms(missing_ms).await;
    }
    Ticket { page, slot, bytes }
}

/// Makes the request.
pub(super) async fn fly<F: Fetcher, C: Clock>(
    shared: Arc<Shared<F, C>>,
    errand: Errand,
    ledger: Ledger,
    ticket: Ticket,
) -> Flown {
    let Ticket { page, slot, mut bytes } = ticket;
    let request = match &errand {
        Errand::Robots(chase) => FetchRequest {
            url: chase.url.clone(),
            validators: None,
            referrer: None,
            max_body_bytes: robots::MAX_BYTES,
            overflow: Overflow::Truncate,
        },
        Errand::Url(leased) => FetchRequest {
            url: leased.url.clone(),
            validators: leased.validators.clone(),
            referrer: leased.referrer.clone(),
            max_body_bytes: shared.settings.max_body_bytes,
            overflow: Overflow::Fail,
        },
    };
    let exchange = shared.fetcher.fetch(request, &mut bytes).await;
    drop(slot);
    Flown { errand, exchange, ledger, page, bytes }
}
