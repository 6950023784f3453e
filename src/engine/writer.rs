//! The writer: the one place where visits become rows. It gathers what the workers hand in and
//! settles each batch in one transaction; bytes are given back after the COMMIT. What the operator asks for meanwhile is
//! applied between two batches.

use std::sync::Arc;

use tokio::sync::{mpsc, watch};

use crate::failpoint;
use crate::fetch::{ByteBudget, Fetcher, Reservation};
use crate::model::{Admission, LeaseKey, Rule, UrlId};
use crate::scope::Skips;
use crate::store::{Room, RoomWanted, SessionStart, Settlement, Store, StoreError};

use super::in_work::InWork;
use super::inbox;
use super::shared::{Ask, Item, Shared};
use super::{Clock, Stop};

/// Items that may wait for the writer; a full queue slows the workers.
pub(super) const QUEUE_ITEMS: usize = 256;
/// Most visits of a batch.
const BATCH_VISITS: usize = 400;
/// Bytes of the budget that a batch holds after which it takes no more: as much can wait while it is written. When it
/// took all that may wait, nothing could be finished meanwhile, and a quarter of the slots went empty again and again.
const BATCH_HELD_BYTES: u64 = ByteBudget::FINISHED_BYTES / 2;
/// URLs named by a batch after which it takes no more visits. A sitemap may name as many by itself, and
/// settling them takes some 150 MB.
const BATCH_NAMES: usize = 50_000;
/// Longest wait for a batch to fill, in ms.
const BATCH_MS: u64 = 500;
/// The same for the first batches of a session: one that is killed soon, again and again, gets on.
const FIRST_BATCH_MS: u64 = 20;
/// How many batches are first ones.
const FIRST_BATCHES: u64 = 8;
/// What a URL that a batch names takes in rows and indexes, about.
const NAME_BYTES: u64 = 400;
/// Between two looks whether there is room again, in ms.
const ROOM_LOOK_MS: u64 = 500;
/// Between two lines about it.
const ROOM_SAY_MS: u64 = 60_000;

/// A batch while it is gathered, with what follows its commit.
#[derive(Debug, Default)]
struct Batch {
    settlement: Settlement,
    bytes: usize,
    names: usize,
    held: Vec<Reservation>,
    held_bytes: u64,
    work: Vec<Arc<InWork>>,
    settled: Vec<(mpsc::UnboundedSender<UrlId>, UrlId)>,
    hurry: bool,
    /// The operator asks for something.
    mail: bool,
    end: bool,
}

impl Batch {
    fn add(&mut self, item: Item) {
        match item {
            Item::Visit { visit, bytes, work, settled } => {
                self.bytes += visit.content.as_ref().and_then(|c| c.body.as_ref()).map_or(0, |b| b.data.len());
                self.names += visit.candidates.len();
                self.settled.push((settled, visit.url_id));
                self.settlement.visits.push(*visit);
                bytes.into_iter().for_each(|bytes| self.hold(bytes));
                self.work.extend(work);
            }
            Item::Robots { record, bytes, sitemaps, key, host } => {
                self.bytes += record.body.as_ref().map_or(0, String::len);
                self.hold(bytes);
                self.settlement.robots.push(record);
                self.settlement.sitemaps.extend(sitemaps);
                self.settlement.hosts.push((key, host));
            }
            Item::RobotsFetch { fetch, host } => {
                self.settlement.hosts.push((fetch.key, host));
                self.settlement.robots_fetches.push(*fetch);
            }
            Item::Sitemaps(sitemaps) => self.settlement.sitemaps.extend(sitemaps),
            Item::Release(release) => self.settlement.releases.push(release),
            Item::Hurry => self.hurry = true,
            Item::End => self.end = true,
        }
    }

    fn hold(&mut self, bytes: Reservation) {
        self.held_bytes += bytes.used_bytes();
        self.held.push(bytes);
    }

    fn is_full(&self) -> bool {
        self.end
            || self.mail
            || self.held_bytes >= BATCH_HELD_BYTES
            || self.settlement.visits.len() >= BATCH_VISITS
            || self.names >= BATCH_NAMES
    }

    /// Bytes that settling it writes, about.
    fn weight_bytes(&self) -> u64 {
        let texts = self.settlement.visits.iter().filter_map(|visit| visit.content.as_ref()?.text.as_ref());
        let texts: usize = texts.map(String::len).sum();
        let links: usize = self.settlement.visits.iter().map(|visit| visit.links.len()).sum();
        (self.bytes + texts) as u64 + (self.names + links) as u64 * NAME_BYTES
    }

    /// Leaves out what the operator has skipped since the pages that name it were read.
    fn leave_out(&mut self, skips: &Skips) {
        if skips.is_empty() {
            return;
        }
        let named = self.settlement.visits.iter_mut().flat_map(|visit| &mut visit.candidates);
        for candidate in named.chain(&mut self.settlement.sitemaps) {
            if candidate.admission == Admission::Queue && skips.contain(&candidate.url) {
                candidate.admission = Admission::Exclude(Rule::SKIP);
            }
        }
    }

    /// Notes that all its pages are being written. One that has to wait long for room does not count.
    fn note_settling(&self) {
        self.work.iter().for_each(|work| work.settling());
        for content in self.settlement.visits.iter().filter_map(|visit| visit.content.as_ref()) {
            failpoint::reach("settling", "page", content.title.as_deref().unwrap_or_default());
        }
    }

    fn is_empty(&self) -> bool {
        let Settlement { visits, robots, robots_fetches, sitemaps, hosts, releases } = &self.settlement;
        let robots = robots.is_empty() && robots_fetches.is_empty();
        visits.is_empty() && robots && sitemaps.is_empty() && hosts.is_empty() && releases.is_empty()
    }
}

/// Settles until [`Item::End`].
///
/// # Errors
/// The first error of the store; nothing of that batch is committed, and the session is stopped.
pub(super) async fn write<S: Store, F: Fetcher, C: Clock>(
    store: Arc<S>,
    shared: Arc<Shared<F, C>>,
    start: SessionStart,
    mut items: mpsc::Receiver<Item>,
    mut mail: watch::Receiver<u64>,
) -> Result<(), StoreError> {
    loop {
        let mut batch = gather(&shared, &mut items, &mut mail).await;
        batch.leave_out(shared.scope().skips());
        if !batch.is_empty() {
            let settled = async {
                wait_for_room(&*store, &shared, batch.weight_bytes()).await?;
                batch.note_settling();
                store.settle(&start, &batch.settlement, shared.clock.now_ms()).await
            };
            let settled = match settled.await {
                Ok(settled) => settled,
                Err(error) => {
                    shared.halt(Stop::Now);
                    return Err(error);
                }
            };
            if !settled.dropped.is_empty() {
                tracing::debug!(visits = settled.dropped.len(), "visits dropped: lease lost or URL moved on");
            }
            shared.progress.committed(&batch.settlement.visits, settled.totals);
            shared.robots.committed(&batch.settlement.robots);
            batch.held.clear();
            batch.work.clear();
            announce(&shared, &batch, settled.woken_hosts);
        }
        if batch.mail
            && let Err(error) = inbox::take(&*store, &shared).await
        {
            shared.halt(Stop::Now);
            return Err(error);
        }
        if batch.end {
            return Ok(());
        }
    }
}

/// Waits until the operator asks for something.
async fn arrival(mail: &mut watch::Receiver<u64>) {
    if mail.changed().await.is_err() {
        std::future::pending().await
    }
}

/// Waits while somebody's long read transaction keeps the log from being emptied and it is as large as
/// it may get. A session that is being stopped commits what it holds all the same.
async fn wait_for_room<S: Store, F, C: Clock>(
    store: &S,
    shared: &Shared<F, C>,
    batch_bytes: u64,
) -> Result<(), StoreError> {
    let (min_free_bytes, max_log_bytes) = (shared.settings.min_free_bytes, shared.settings.max_log_bytes);
    let wanted = RoomWanted { batch_bytes, min_free_bytes, max_log_bytes };
    let mut stop = shared.watch_stop();
    let mut say_at_ms = 0;
    while let Room::Crowded { log_bytes, readers } = store.room(wanted).await? {
        if shared.stop() != Stop::Run {
            return Ok(());
        }
        if shared.clock.elapsed_ms() >= say_at_ms {
            say_at_ms = shared.clock.elapsed_ms() + ROOM_SAY_MS;
            tracing::warn!(
                log_bytes,
                readers = readers.join("; "),
                "the crawl waits until another program ends its long read transaction: the write-ahead log (-wal) may \
                 not get larger (--max-log)"
            );
        }
        tokio::select! {
            () = shared.clock.sleep_ms(ROOM_LOOK_MS) => {}
            _ = stop.changed() => {}
        }
    }
    if say_at_ms > 0 {
        tracing::warn!("the write-ahead log is empty again: the crawl goes on");
    }
    Ok(())
}

/// Waits for a first item, then for more until the batch is full, its time is over, bodies wait for the
/// room of what it holds, or a worker is in a hurry while the crawl has little else to do.
async fn gather<F, C: Clock>(
    shared: &Shared<F, C>,
    items: &mut mpsc::Receiver<Item>,
    mail: &mut watch::Receiver<u64>,
) -> Batch {
    let mut batch = Batch::default();
    tokio::select! {
        biased;
        item = items.recv() => match item {
            Some(item) => batch.add(item),
            None => batch.end = true,
        },
        () = arrival(mail) => batch.mail = true,
    }
    let young = shared.progress.commits() < FIRST_BATCHES;
    let time_over = shared.clock.sleep_ms(if young { FIRST_BATCH_MS } else { BATCH_MS });
    tokio::pin!(time_over);
    while !batch.is_full() {
        if batch.hurry && items.is_empty() && is_idle(shared) {
            break;
        }
        tokio::select! {
            biased;
            item = items.recv() => match item {
                Some(item) => batch.add(item),
                None => batch.end = true,
            },
            () = shared.budget.crowded(), if !batch.held.is_empty() => {
                // Who was let in by the last commit is on its way here, and may not know it yet.
                tokio::task::yield_now().await;
                if items.is_empty() && shared.budget.is_crowded() {
                    break;
                }
            }
            () = arrival(mail) => batch.mail = true,
            () = &mut time_over => break,
        }
    }
    batch
}

/// Whether at least half of the request slots are free.
fn is_idle<F, C>(shared: &Shared<F, C>) -> bool {
    shared.slots.available_permits() * 2 >= shared.most_in_flight as usize
}

fn announce<F, C>(shared: &Shared<F, C>, batch: &Batch, woken_hosts: u64) {
    // A receiver that is gone needs no answer: its worker was stopped.
    for (worker, url) in &batch.settled {
        let _ = worker.send(*url);
    }
    let released: Vec<LeaseKey> = batch.settlement.releases.iter().map(|release| release.key).collect();
    if woken_hosts > 0 || !released.is_empty() {
        let _ = shared.desk.send(Ask::Committed { released, woken_hosts });
    }
}

#[cfg(test)]
mod tests {
    use super::super::shelf::tests::record;
    use super::*;
    use crate::fetch::ByteBudget;
    use crate::model::{HostId, HostUpdate};

    /// A full queue of them was one batch of 500 MB.
    #[tokio::test]
    async fn texts_of_robots_filled_no_batch() {
        let budget = ByteBudget::new(64 * 1024 * 1024, 1024 * 1024, 1000);
        let mut batch = Batch::default();
        let mut texts = 0;
        while !batch.is_full() {
            let record = record("a.test", &"#".repeat(500 * 1024));
            let mut bytes = budget.reserve().await;
            bytes.cover(500 * 1024).await;
            let key = LeaseKey { host_id: HostId(1), fence: 1 };
            let host = HostUpdate::default();
            batch.add(Item::Robots { record: record.into(), bytes, sitemaps: Vec::new(), key, host });
            texts += 1;
            assert!(texts <= 9, "{texts}");
        }
        assert_eq!(texts, 9);
        assert_eq!(budget.used_bytes(), 9 * 500 * 1024, "until they are committed");
    }
}
