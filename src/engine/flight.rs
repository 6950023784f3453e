//! One request: the [`Errand`], the [`Ticket`] it needs to start, and how it comes back as
//! [`Flown`].

use std::sync::Arc;

use tokio::sync::OwnedSemaphorePermit;

use crate::failpoint;
use crate::fetch::{Fetcher, Reservation};
use crate::model::{CrawlUrl, Exchange, FetchRequest, LeasedUrl, Overflow};

use super::Clock;
use super::addresses::AddressPermit;
use super::gate::Departure;
use super::hops::Hop;
use super::in_work::InWork;
use super::pages::PagePermit;
use super::robots::{self, Chase};
use super::shared::Shared;

/// The longest wait for a turn at an address; after it the host gives its lease to another, so
/// that a crowded server does not keep the whole session waiting.
const LONGEST_ADDRESS_WAIT_MS: u64 = 10_000;

/// What is to be asked for next.
#[derive(Debug)]
pub(super) enum Errand {
    /// The robots.txt of an origin of this host, or where it leads on this host.
    Robots(Chase),
    /// What the robots.txt of another host was redirected to.
    Hop(Hop),
    Url(LeasedUrl),
}

impl Errand {
    pub(super) fn url(&self) -> &CrawlUrl {
        match self {
            Errand::Robots(chase) | Errand::Hop(Hop { chase, .. }) => &chase.url,
            Errand::Url(leased) => &leased.url,
        }
    }
}

/// Everything a request needs before it may start, but for the host's gate.
pub(super) struct Ticket {
    pub(super) address: AddressPermit,
    pub(super) page: PagePermit,
    pub(super) slot: OwnedSemaphorePermit,
    pub(super) bytes: Reservation,
}

/// A request that came back.
pub(super) struct Flown {
    pub(super) errand: Errand,
    pub(super) exchange: Exchange,
    pub(super) departure: Departure,
    pub(super) page: PagePermit,
    pub(super) bytes: Reservation,
    /// Of a URL.
    pub(super) work: Option<Arc<InWork>>,
}

/// Waits until a request to `url` may start as far as the session is concerned. Nothing scarce is
/// held while the host's own delay runs, nor while others have the turns of its address. `None`:
/// they have had them for too long.
pub(super) async fn ticket<F: Fetcher, C: Clock>(
    shared: Arc<Shared<F, C>>,
    wait_ms: u64,
    url: CrawlUrl,
    wants_page: bool,
) -> Option<Ticket> {
    if wait_ms > 0 {
        shared.clock.sleep_ms(wait_ms).await;
    }
    let address = match shared.addresses.are_limited() {
        true => address_turn(&shared, &url).await?,
        false => None,
    };
    let page = if wants_page { shared.pages.permit().await } else { None };
    let slot = Arc::clone(&shared.slots).acquire_owned().await.expect("the slot semaphore is never closed");
    let bytes = shared.budget.reserve().await;
    while let Err(missing_ms) = shared.rate.take(shared.clock.elapsed_ms()) {
        shared.clock.sleep_ms(missing_ms).await;
    }
    Some(Ticket { address, page, slot, bytes })
}

async fn address_turn<F: Fetcher, C: Clock>(shared: &Shared<F, C>, url: &CrawlUrl) -> Option<AddressPermit> {
    let address = shared.fetcher.address_of(url).await;
    tokio::select! {
        biased;
        permit = shared.addresses.turn(address) => Some(permit),
        () = shared.clock.sleep_ms(LONGEST_ADDRESS_WAIT_MS) => None,
    }
}

/// Makes the request.
pub(super) async fn fly<F: Fetcher, C: Clock>(
    shared: Arc<Shared<F, C>>,
    errand: Errand,
    departure: Departure,
    ticket: Ticket,
) -> Flown {
    let Ticket { address, page, slot, mut bytes } = ticket;
    let request = match &errand {
        Errand::Robots(Chase { url, .. }) | Errand::Hop(Hop { chase: Chase { url, .. }, .. }) => FetchRequest {
            url: url.clone(),
            validators: None,
            referrer: None,
            max_body_bytes: robots::MAX_BYTES,
            overflow: Overflow::Truncate,
        },
        Errand::Url(leased) => {
            // What a sitemap that is too long names up to there is of use all the same.
            let (max_body_bytes, overflow) = match leased.is_sitemap {
                true => (shared.settings.sitemap_body_bytes(), Overflow::Truncate),
                false => (shared.settings.max_body_bytes, Overflow::Fail),
            };
            FetchRequest {
                url: leased.url.clone(),
                validators: leased.validators.clone(),
                referrer: leased.referrer.clone(),
                max_body_bytes,
                overflow,
            }
        }
    };
    let work = match &errand {
        Errand::Url(leased) => Some(Arc::new(shared.work.asked(leased.id))),
        Errand::Robots(_) | Errand::Hop(_) => None,
    };
    failpoint::reach("asking", "page", request.url.as_str());
    let exchange = shared.fetcher.fetch(request, &mut bytes).await;
    drop((slot, address));
    Flown { errand, exchange, departure, page, bytes, work }
}
