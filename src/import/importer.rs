//! [`Importer`]: URLs and answers into the frontier, a transaction for many of them.

use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, HashSet};

use super::http::Answer;
use crate::model::{
    Admission, CrawlSettings, CrawlUrl, EndedBy, Exchange, ExchangeEnd, Host, HostLease, HostUpdate, LeasedFrom,
    LeasedUrl, Ledger, ParseCut, Release, Seed, SeedSource, Totals, UnixMs, Visit,
};
use crate::parse::{self, BodyFacts, ParseLimits};
use crate::scope::{Scope, registrable_domain};
use crate::store::sqlite::SqliteStore;
use crate::store::{LeaseAsk, SessionStart, Settlement, Store, StoreError, body};
use crate::verdict::{self, Attempt, Policy};

/// URLs in one transaction.
const URLS_AT_ONCE: usize = 4_096;
/// Answers in one transaction, and bytes of their bodies.
const ANSWERS_AT_ONCE: usize = 256;
const BYTES_AT_ONCE: usize = 4 << 20;
const LEASE_MS: i64 = 600_000;

/// What came of an import.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize)]
pub struct Counts {
    /// URLs that the crawl did not know.
    pub new_urls: u64,
    /// URLs that the scope leaves out.
    pub excluded: u64,
    /// Answers that are fetches now.
    pub fetches: u64,
    /// Answers whose URL has been visited in this round.
    pub known: u64,
    /// Hosts that redirects of the crawl's own seeds brought into scope.
    pub new_hosts: u64,
    /// Answers that say nothing of the page: 5xx, 429, 304, 206 and the like. Their URLs are queued.
    pub unsaid: u64,
    /// Of the fetches, those whose body has no end.
    pub cut: u64,
}

/// How an import ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ended {
    /// All that was given is taken in.
    Whole,
    /// It is, and what is known is to be judged again before the crawl is complete.
    Open,
    /// The operator stopped it.
    Stopped,
    /// Something failed.
    Failed,
}

/// Takes in what is read, in a session that has begun.
pub struct Importer<'a> {
    store: &'a SqliteStore,
    start: SessionStart,
    settings: &'a CrawlSettings,
    scope: Scope,
    /// Whether the crawl is of what is imported.
    grants_scope: bool,
    agent: String,
    answers: Vec<Answer>,
    bytes: usize,
    /// What came of it so far.
    pub counts: Counts,
}

impl<'a> Importer<'a> {
    /// For a session of the store with these settings. `grants_scope`: the crawl is of what is imported; else its scope
    /// stays as it is.
    pub fn new(
        store: &'a SqliteStore,
        start: SessionStart,
        settings: &'a CrawlSettings,
        scope: Scope,
        grants_scope: bool,
    ) -> Self {
        let (agent, counts) = (settings.product_token(), Counts::default());
        Importer { store, start, settings, scope, grants_scope, agent, answers: Vec::new(), bytes: 0, counts }
    }

    /// Queues URLs.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn queue(
        &mut self,
        urls: &[(String, CrawlUrl)],
        source: SeedSource,
        now: UnixMs,
    ) -> Result<(), StoreError> {
        for some in urls.chunks(URLS_AT_ONCE) {
            let seeds = some.iter().map(|(given, url)| self.seed(given, url, source));
            let seeds: Vec<Seed> = seeds.filter(is_in).collect();
            self.counts.excluded += (some.len() - seeds.len()) as u64;
            self.admit(&seeds, now).await?;
        }
        Ok(())
    }

    /// Takes an answer; it is a fetch after [`Importer::flush`] at the latest.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn take(&mut self, answer: Answer, now: UnixMs) -> Result<(), StoreError> {
        self.bytes += answer.body.len();
        self.answers.push(answer);
        if self.answers.len() < ANSWERS_AT_ONCE && self.bytes < BYTES_AT_ONCE {
            return Ok(());
        }
        self.flush(now).await
    }

    /// Makes fetches of the answers that were taken.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn flush(&mut self, now: UnixMs) -> Result<(), StoreError> {
        self.bytes = 0;
        let answers = std::mem::take(&mut self.answers);
        let (said, unsaid): (Vec<Answer>, Vec<Answer>) = answers.into_iter().partition(says_something);
        let mut wanted: BTreeMap<CrawlUrl, Answer> = BTreeMap::new();
        for answer in said {
            // Of several the first is taken; a round visits a URL once.
            match wanted.entry(answer.url.clone()) {
                Entry::Occupied(_) => self.counts.known += 1,
                Entry::Vacant(place) => {
                    place.insert(answer);
                }
            }
        }
        // What redirects of seeds lead to may be among the others, and hosts that they bring into scope.
        for _ in 0..=self.settings.max_redirects {
            let any = wanted.values().any(is_redirect);
            if !any || self.visit(&mut wanted, true, now).await? == 0 {
                break;
            }
        }
        let seeds = wanted.values().map(|answer| self.seed(&answer.given, &answer.url, SeedSource::Archive));
        let seeds: Vec<Seed> = seeds.filter(is_in).collect();
        self.admit(&seeds, now).await?;
        self.visit(&mut wanted, false, now).await?;
        // What the scope lets in and does not wait has been visited.
        let visited = seeds.iter().filter(|seed| wanted.remove(&seed.candidate.url).is_some());
        self.counts.known += visited.count() as u64;
        self.counts.excluded += wanted.len() as u64;
        let unsaid: Vec<(String, CrawlUrl)> = unsaid.into_iter().map(|answer| (answer.given, answer.url)).collect();
        let excluded_before = self.counts.excluded;
        self.queue(&unsaid, SeedSource::Archive, now).await?;
        self.counts.unsaid += unsaid.len() as u64 - (self.counts.excluded - excluded_before);
        Ok(())
    }

    /// Ends the session. A round of which nothing is left to do is complete, as it is after a crawl; links that were
    /// judged before the scope grew are left to the next session.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn finish(mut self, ended: Ended, now: UnixMs) -> Result<(Counts, Totals), StoreError> {
        if ended != Ended::Failed {
            self.flush(now).await?;
        }
        let open = self.store.admit(&self.start, &[], now).await?.totals.open();
        let ended_by = match ended {
            Ended::Whole if open == 0 && self.counts.new_hosts == 0 => EndedBy::Complete,
            Ended::Whole | Ended::Open => EndedBy::Import,
            Ended::Stopped => EndedBy::Signal,
            Ended::Failed => EndedBy::Error,
        };
        let totals = self.store.end_session(&self.start, ended_by, now).await?;
        Ok((self.counts, totals))
    }

    fn seed(&self, given: &str, url: &CrawlUrl, source: SeedSource) -> Seed {
        verdict::imported_seed(given.to_owned(), source, self.grants_scope, url.clone(), &self.policy())
    }

    /// What the scope refuses is no seed.
    async fn admit(&mut self, seeds: &[Seed], now: UnixMs) -> Result<(), StoreError> {
        if !seeds.is_empty() {
            self.counts.new_urls += self.store.admit(&self.start, seeds, now).await?.new_urls;
        }
        Ok(())
    }

    /// Makes fetches of answers whose URL waits in the crawl, whatever the scope says of others; how many. `leading`: of
    /// redirects alone that may bring hosts into scope.
    async fn visit(
        &mut self,
        wanted: &mut BTreeMap<CrawlUrl, Answer>,
        leading: bool,
        now: UnixMs,
    ) -> Result<usize, StoreError> {
        if wanted.is_empty() {
            return Ok(0);
        }
        let hosts: HashSet<Host> = wanted.keys().map(CrawlUrl::host).collect();
        let ask = LeaseAsk {
            session: self.start.session,
            hosts: 0,
            urls_per_host: 0,
            until_ms: now + LEASE_MS,
            refills: Vec::new(),
            named: hosts.into_iter().map(|host| (registrable_domain(&host).map(|d| d.to_string()), host)).collect(),
            only: wanted.keys().cloned().collect(),
            alone: false,
        };
        let grant = self.store.lease(ask, now).await?;
        let mut batch = Settlement::default();
        for lease in grant.named.iter().chain(&grant.hosts) {
            let mut host = Self::left_alone(lease);
            for leased in &lease.urls {
                if !self.is_meant(leased, leading, wanted) {
                    continue;
                }
                let Some(answer) = wanted.remove(&leased.url) else { continue };
                // What may is taken among those that lead; the rest is further away than redirects are followed.
                let leased = &LeasedUrl { may_widen: leased.may_widen && leading, ..leased.clone() };
                self.counts.cut += u64::from(answer.is_cut);
                host.order += 1;
                let attempt = Attempt {
                    key: lease.key,
                    leased,
                    ledger: Ledger { asked_ms: None, asked_by: None, applied_ms: None },
                    host,
                    one_copy_more: false,
                    now,
                    jitter: 0.5,
                };
                batch.visits.push(self.visit_of(answer, &attempt));
            }
            host.order += 1;
            batch.releases.push(Release { key: lease.key, host });
        }
        if self.counts.new_hosts == 0 && batch.visits.iter().any(|visit| visit.widens.is_some()) {
            self.store.judge_later(&self.start, now).await?;
        }
        let settled = self.store.settle(&self.start, &batch, now).await?;
        self.counts.fetches += settled.applied;
        self.counts.new_urls += settled.new_urls;
        let visits = batch.visits.len();
        let widened: HashSet<Host> = batch.visits.into_iter().filter_map(|visit| visit.widens).collect();
        self.counts.new_hosts += widened.len() as u64;
        widened.into_iter().for_each(|host| self.scope.widen(host));
        Ok(visits)
    }

    /// What nobody was allowed to ask for is taken where the scope lets it in.
    fn is_meant(&self, leased: &LeasedUrl, leading: bool, wanted: &BTreeMap<CrawlUrl, Answer>) -> bool {
        let waits = || leased.from != LeasedFrom::Excluded || self.scope.judge_given(&leased.url) == Admission::Queue;
        let leads = || leased.may_widen && wanted.get(&leased.url).is_some_and(is_redirect);
        (!leading || leads()) && waits()
    }

    fn policy(&self) -> Policy<'_> {
        Policy { settings: self.settings, scope: &self.scope, agent: &self.agent }
    }

    /// Nothing was asked of the host: it is as it was.
    fn left_alone(lease: &HostLease) -> HostUpdate {
        HostUpdate {
            order: 0,
            polite_ms: lease.polite_ms,
            delay_ms: lease.delay_ms,
            failures: lease.failures,
            asked_ms: lease.asked_ms,
            pace: lease.pace,
            pause: lease.pause,
        }
    }

    fn visit_of(&self, answer: Answer, attempt: &Attempt<'_>) -> Visit {
        let policy = self.policy();
        let Answer { url, started_ms, status, headers, body, wire_bytes, is_cut, address, .. } = answer;
        let exchange = Exchange {
            started_ms,
            elapsed_ms: 0,
            status: Some(status),
            headers,
            wire_bytes,
            end: ExchangeEnd::Complete { body: Vec::new(), truncated: false },
            address,
        };
        if !verdict::may_hold_page(&exchange) {
            return verdict::after_exchange(&policy, attempt, &exchange, None, &mut || false);
        }
        let content_type = exchange.content_type();
        let facts = BodyFacts {
            url: &url,
            content_type: content_type.as_deref(),
            agent: &self.agent,
            is_sitemap: attempt.leased.is_sitemap,
            truncated: false,
        };
        let settings = self.settings;
        let limits =
            ParseLimits { parser: settings.parser, max_page_bytes: settings.max_body_bytes, ..ParseLimits::default() };
        let mut page = parse::parse(&body, facts, &limits, &mut || false);
        if is_cut {
            page.cut = page.cut.or(Some(ParseCut::Size));
        }
        let packed = verdict::keeps_body(settings.store_body, &page.mime).then(|| body::pack(&body));
        verdict::after_exchange(&policy, attempt, &exchange, Some((page, packed)), &mut || false)
    }
}

fn is_redirect(answer: &Answer) -> bool {
    (300..400).contains(&answer.status)
}

fn is_in(seed: &Seed) -> bool {
    seed.candidate.admission == Admission::Queue
}

/// Whether an answer says something of the page. Not that it is as it was, a part of it, or that it cannot be had now:
/// whoever has to say it again is asked by the crawl.
fn says_something(answer: &Answer) -> bool {
    (200..500).contains(&answer.status) && !matches!(answer.status, 206 | 304 | 408 | 421 | 425 | 429)
}
