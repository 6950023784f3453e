//! From the end of a request to the writer: the gate learns from it, the rest goes its way.

use std::collections::HashSet;
use std::sync::Arc;

use tokio::sync::mpsc;

use crate::fetch::{Fetcher, Reservation};
use crate::model::{Exchange, ExchangeEnd, Ledger, Outcome, RobotsFetch, UrlId};
use crate::politeness::pace;
use crate::verdict;

use super::super::Limit;
use super::super::digest::{self, Landing};
use super::super::flight::{Errand, Flown};
use super::super::hops::{Hop, HopEnd};
use super::super::pages::PagePermit;
use super::super::reading::{self, Arrived, Reading};
use super::super::robots::{self, Chase};
use super::super::shared::{Item, Shared};
use super::{Clock, Worker};

/// Most characters of a `Retry-After` that are kept.
const MAX_RETRY_AFTER_CHARS: usize = 64;

impl<F: Fetcher, C: Clock> Worker<F, C> {
    /// Takes in what came back.
    pub(super) fn land(&mut self, flown: Flown) {
        self.shared.progress.request_ended();
        let Flown { errand, exchange, departure, page, bytes, work } = flown;
        let (now, elapsed) = (self.shared.clock.now_ms(), self.shared.clock.elapsed_ms());
        let outcome = verdict::classify(&exchange, false);
        self.unreachable = matches!(outcome, Outcome::Connect | Outcome::Dns);
        let mut ledger = departure.ledger;
        if outcome == Outcome::BlockedAddress {
            // No request was made.
            self.gate.take_back(&departure);
            ledger = Ledger::default();
        } else {
            let jitter = self.shared.clock.jitter();
            let effect = verdict::host_effect(&exchange, self.gate.failures(), now, jitter);
            self.gate.observe(effect, pace::learn(self.gate.pace(), &exchange), elapsed);
            self.apply_delay();
        }
        match errand {
            Errand::Robots(chase) => {
                self.note_robots_fetch(&chase, &exchange, outcome, ledger);
                self.chasing = false;
                self.land_robots(chase, exchange, Some(bytes));
            }
            Errand::Hop(Hop { chase, reply, .. }) => {
                self.note_robots_fetch(&chase, &exchange, outcome, ledger);
                // A worker that is gone needs no answer.
                let _ = reply.send(HopEnd::Asked { exchange, bytes: Some(bytes) });
            }
            Errand::Url(leased) => {
                let host = self.gate.update(now, elapsed);
                let landing = Landing { key: self.lease.key, leased, exchange, ledger, host, bytes, work };
                let shared = Arc::clone(&self.shared);
                let settled = self.settled.0.clone();
                self.digests.push(Box::pin(hand_on(shared, landing, page, settled)));
            }
        }
    }

    /// What another host's worker says. When it ended before it could ask, the book still says so.
    pub(super) fn come_back(&mut self, end: Option<HopEnd>) {
        let Some((chase, _)) = self.away.take() else { return };
        match end {
            Some(HopEnd::Asked { exchange, bytes }) => self.land_robots(chase, exchange, bytes),
            Some(HopEnd::Later { ms, why }) => self.read(chase, Arrived::Later { ms, why }),
            None => {}
        }
    }

    fn note_robots_fetch(&mut self, chase: &Chase, exchange: &Exchange, outcome: Outcome, ledger: Ledger) {
        if outcome == Outcome::BlockedAddress {
            return;
        }
        let retry_after = exchange.header("retry-after");
        let fetch = RobotsFetch {
            key: self.lease.key,
            origin: chase.origin.clone(),
            url: chase.url.clone(),
            hops: chase.hops,
            started_ms: exchange.started_ms,
            elapsed_ms: exchange.elapsed_ms,
            outcome,
            status: exchange.status,
            retry_after: retry_after.map(|value| value.chars().take(MAX_RETRY_AFTER_CHARS).collect()),
            ledger,
            wire_bytes: exchange.wire_bytes,
            address: exchange.address.map(|address| address.to_string()),
            error: match &exchange.end {
                ExchangeEnd::Failed { detail, .. } => Some(detail.clone()),
                ExchangeEnd::Complete { .. } => None,
            },
        };
        let host = self.gate.update(self.shared.clock.now_ms(), self.shared.clock.elapsed_ms());
        self.send(Item::RobotsFetch { fetch: Box::new(fetch), host });
    }

    fn land_robots(&mut self, chase: Chase, exchange: Exchange, bytes: Option<Reservation>) {
        if !robots::is_blocked(&chase, &exchange) {
            let jitter = self.shared.clock.jitter();
            return self.read(chase, Arrived::Asked { exchange, bytes, jitter });
        }
        if self.queue.front().is_some_and(|leased| leased.url.origin() == chase.origin) {
            self.settle_unasked(|attempt, _| verdict::after_refused_address(attempt, &exchange));
        }
    }

    /// Has what arrived read, and what it says of the URLs that wait. Until then nothing is asked for: there may
    /// be a Crawl-delay in it. So nobody waits for bytes here who holds some for a request.
    fn read(&mut self, chase: Chase, arrived: Arrived) {
        self.ticket = None;
        if let Some(errand) = self.errand.take() {
            self.put_back(errand);
        }
        let landing = reading::Landing {
            known: self.book.entry(&chase.origin).cloned(),
            chase,
            arrived,
            now: self.shared.clock.now_ms(),
        };
        let (shared, waiting) = (Arc::clone(&self.shared), self.waiting());
        self.reading = Some(Box::pin(reading::land(shared, self.lease.key.host_id, landing, waiting)));
    }

    /// Takes in a robots.txt that was looked up, or has come.
    pub(super) fn learn(&mut self, reading: Option<Reading>) {
        self.reading = None;
        let Some(Reading { files, checks, news }) = reading else {
            // Only a session that ends gives no answer.
            self.lost = true;
            return;
        };
        let waiting: HashSet<UrlId> = self.queue.iter().map(|leased| leased.id).collect();
        self.book.learn(files, checks, |url| waiting.contains(&url));
        self.apply_delay();
        let Some(reading::News { record, sitemaps, bytes }) = news else { return };
        if let Some(error) = &record.error {
            tracing::info!(origin = %record.origin, error, "robots.txt could not be had");
        }
        let host = self.gate.update(self.shared.clock.now_ms(), self.shared.clock.elapsed_ms());
        self.send(Item::Robots { record, bytes, sitemaps, key: self.lease.key, host });
    }

    /// Sets the delay by what is known now: settings, robots.txt, and the strength of the host.
    pub(super) fn apply_delay(&mut self) {
        let (settings, crawl_delay_ms) = (&self.shared.settings, self.book.crawl_delay_ms());
        self.gate.set_delay(pace::paced_delay(settings, &self.lease.host, crawl_delay_ms, self.gate.pace()));
    }
}

/// Digests a landing and gives the visit to the writer.
async fn hand_on<F: Fetcher, C: Clock>(
    shared: Arc<Shared<F, C>>,
    mut landing: Landing,
    page: PagePermit,
    settled: mpsc::UnboundedSender<UrlId>,
) {
    // A redirect of a seed may have led there since it was leased.
    landing.leased.may_widen |= shared.is_led(&landing.leased.url);
    let (leased, work) = (landing.leased.clone(), landing.work.clone());
    let (visit, bytes) = digest::digest(&shared, landing).await;
    tracing::debug!(
        url = %leased.url,
        outcome = visit.outcome.as_str(),
        status = visit.status,
        elapsed_ms = visit.elapsed_ms,
        wire_bytes = visit.wire_bytes,
        "visited"
    );
    if let Some(host) = &visit.widens {
        tracing::warn!(seed = %leased.url, %host, "a seed redirects to another host, which is in scope from now on");
        shared.widen(host.clone());
    }
    if let Some(what) = digest::seed_failure(&leased, &visit) {
        shared.seed_failed(what);
    }
    let last_page = visit.outcome == Outcome::Page && shared.pages.spend(page);
    let led = visit.target.filter(|_| leased.may_widen).map(|target| visit.candidates[target].url.clone());
    // The writer is gone only when the session has failed.
    let _ = shared.writer.send(Item::Visit { visit: Box::new(visit), bytes: Some(bytes), work, settled }).await;
    if let Some(url) = led {
        // Only now: what is written of it comes after what leads to it.
        shared.lead(url);
    }
    if last_page {
        shared.halt_at(Limit::MaxPages);
    }
}
