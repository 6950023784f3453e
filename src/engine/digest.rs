//! From a landed response to a visit: parsing and packing off the async threads, then the verdict.

use std::sync::Arc;

use crate::failpoint;
use crate::fetch::Reservation;
use crate::model::{
    Exchange, ExchangeEnd, FailureKind, HostUpdate, LeaseKey, LeasedUrl, Ledger, Outcome, ParseCut, SitemapEntry, Visit,
};
use crate::parse::{self, BodyFacts, ParseLimits};
use crate::scope::Scope;
use crate::store;
use crate::verdict::{self, Attempt, Policy};

use super::Clock;
use super::copies::Copies;
use super::in_work::InWork;
use super::rehearsal;
use super::shared::Shared;

/// Most work that reading one document may cost its thread, in ms, and the same again to resolve what it
/// names. The caps decide before it; this is a backstop. It is work and not time: on a busy machine the same page gives the same links.
const PARSE_MS: u64 = 5_000;
/// The same of a sitemap, which may be five times as long as a page and is read in linear time.
const SITEMAP_PARSE_MS: u64 = 30_000;

/// Most kB of bodies that are parsed at the same time; a larger body is parsed alone. A tree takes up
/// to 80 bytes for each byte of HTML (`<p>x<p>x…`, measured), up to 80 MB at the cap on nodes, and
/// stands outside the byte budget: without this bound every core could build such a tree at once.
pub(super) const MOST_PARSED_KB: u32 = 2_000;

/// A response with all that belongs to it.
#[derive(Debug)]
pub(super) struct Landing {
    pub(super) key: LeaseKey,
    pub(super) leased: LeasedUrl,
    pub(super) exchange: Exchange,
    pub(super) ledger: Ledger,
    pub(super) host: HostUpdate,
    pub(super) bytes: Reservation,
    pub(super) work: Option<Arc<InWork>>,
}

/// Makes the visit. What is returned holds as many bytes of the budget as the visit has.
pub(super) async fn digest<F, C: Clock>(shared: &Shared<F, C>, landing: Landing) -> (Visit, Reservation)
where
    F: Send + Sync + 'static,
{
    let Landing { key, leased, exchange, ledger, host, mut bytes, work } = landing;
    let now = shared.clock.now_ms();
    let jitter = shared.clock.jitter();
    let visit = if verdict::may_hold_page(&exchange) {
        let room = Arc::clone(&shared.parsed_kb).acquire_many_owned(parsed_kb(&exchange)).await;
        let room = room.expect("the parse semaphore is never closed");
        let head = exchange.without_content();
        let job = ParseJob {
            settings: Arc::clone(&shared.settings),
            scope: shared.scope(),
            agent: Arc::clone(&shared.agent),
            clock: Arc::clone(&shared.clock),
            copies: Arc::clone(&shared.copies),
            exchange,
        };
        if let Some(work) = work.as_ref().filter(|_| leased.deaths.is_some()) {
            // It is parsed in another process first.
            work.parsing();
        }
        let parsed_url = leased.clone();
        let parsed_work = work.clone();
        let parsed = match rehearsal::proof(shared, &leased, &job.exchange).await {
            Some(deaths) => Err(deaths),
            None => {
                let parse = move || {
                    if let Some(work) = &parsed_work {
                        work.parsing();
                    }
                    let visit =
                        job.run(Attempt { key, leased: &parsed_url, ledger, host, one_copy_more: false, now, jitter });
                    // When nobody waits for this thread any more, the page is in work all the same.
                    drop((room, parsed_work));
                    visit
                };
                shared.parsers.run(parse).await.map_err(|panicked| panicked.0)
            }
        };
        parsed.unwrap_or_else(|failure| {
            tracing::error!(url = %leased.url, "the parser failed; please report this page");
            let attempt = Attempt { key, leased: &leased, ledger, host, one_copy_more: false, now, jitter };
            verdict::after_parser_failure(&attempt, &head, &failure)
        })
    } else {
        let scope = shared.scope();
        let policy = Policy { settings: &shared.settings, scope: &scope, agent: &shared.agent };
        let attempt = Attempt { key, leased: &leased, ledger, host, one_copy_more: false, now, jitter };
        verdict::after_exchange(&policy, &attempt, &exchange, None, &mut || false)
    };
    if let Some(work) = &work {
        work.waiting();
    }
    bytes.finish(weight_bytes(&visit)).await;
    (visit, bytes)
}

/// How much of [`MOST_PARSED_KB`] a parse takes. A gzip file is a sitemap that packs twenty times, or is
/// soon looked through.
fn parsed_kb(exchange: &Exchange) -> u32 {
    let bytes = match &exchange.end {
        ExchangeEnd::Complete { body, .. } if body.starts_with(b"\x1f\x8b") => body.len().saturating_mul(20),
        ExchangeEnd::Complete { body, .. } => body.len(),
        ExchangeEnd::Failed { .. } => 0,
    };
    u32::try_from(bytes / 1_000).unwrap_or(u32::MAX).clamp(1, MOST_PARSED_KB)
}

/// What a parse thread needs; it owns everything.
pub(super) struct ParseJob<C> {
    pub(super) settings: Arc<crate::model::CrawlSettings>,
    pub(super) scope: Arc<Scope>,
    pub(super) agent: Arc<str>,
    pub(super) clock: Arc<C>,
    pub(super) copies: Arc<Copies>,
    pub(super) exchange: Exchange,
}

impl<C: Clock> ParseJob<C> {
    pub(super) fn run(mut self, mut attempt: Attempt<'_>) -> Visit {
        let (body, truncated) = match &mut self.exchange.end {
            ExchangeEnd::Complete { body, truncated } => (std::mem::take(body), *truncated),
            ExchangeEnd::Failed { .. } => (Vec::new(), false),
        };
        let policy = Policy { settings: &self.settings, scope: &self.scope, agent: &self.agent };
        let leased = attempt.leased;
        let content_type = self.exchange.content_type();
        let facts = BodyFacts {
            url: &leased.url,
            content_type: content_type.as_deref(),
            agent: &self.agent,
            is_sitemap: leased.is_sitemap,
            truncated,
        };
        let settings = &self.settings;
        let limits =
            ParseLimits { parser: settings.parser, max_page_bytes: settings.max_body_bytes, ..ParseLimits::default() };
        let patience_ms = if leased.is_sitemap { SITEMAP_PARSE_MS } else { PARSE_MS };
        failpoint::reach("parsing", "page", leased.url.as_str());
        let mut deadline = deadline_of(&*self.clock, patience_ms);
        let mut page = parse::parse(&body, facts, &limits, &mut deadline);
        if page.too_big {
            // It had the room of a sitemap, and is none: what it would have come to without.
            let detail = format!("the body is longer than {} bytes, and no sitemap", limits.max_page_bytes);
            self.exchange.end = ExchangeEnd::Failed { kind: FailureKind::TooBig, detail };
            return verdict::after_exchange(&policy, &attempt, &self.exchange, None, &mut || false);
        }
        if truncated {
            page.cut = page.cut.or(Some(ParseCut::Size));
        }
        // Without links there is nothing to follow, and a copy costs nothing more.
        attempt.one_copy_more = !page.links.is_empty() && self.copies.one_more(attempt.key.host_id, page.hash);
        let packed = verdict::keeps_body(self.settings.store_body, &page.mime).then(|| store::body::pack(&body));
        // What the page names needs room of its own: of a sitemap as much as its body took.
        drop(body);
        let mut deadline = deadline_of(&*self.clock, patience_ms);
        verdict::after_exchange(&policy, &attempt, &self.exchange, Some((page, packed)), &mut deadline)
    }
}

/// Tells when this thread has worked for so long from now on.
fn deadline_of<C: Clock>(clock: &C, patience_ms: u64) -> impl FnMut() -> bool {
    let end = clock.worked_ms().saturating_add(patience_ms);
    move || clock.worked_ms() > end
}

/// Bytes a visit holds until it is committed, about.
fn weight_bytes(visit: &Visit) -> u64 {
    let content = visit.content.as_ref().map_or(0, |content| {
        let texts = [&content.text, &content.json_ld, &content.open_graph];
        let texts: usize = texts.into_iter().flatten().map(String::len).sum();
        content.body.as_ref().map_or(0, |body| body.data.len()) + texts
    });
    let names: usize = visit.candidates.iter().map(|c| c.url.as_str().len() + size_of_val(c)).sum();
    let entry = |entry: &SitemapEntry| {
        let texts = [&entry.lastmod, &entry.changefreq];
        size_of_val(entry) + texts.into_iter().flatten().map(String::len).sum::<usize>()
    };
    let links = visit.links.iter().map(|link| {
        let anchor = link.anchor.as_ref().map_or(0, String::len);
        size_of_val(link) + anchor + link.entry.as_deref().map_or(0, entry)
    });
    let links: usize = links.sum();
    (content + names + links) as u64
}

/// Whether the visit is worth telling as the failure of a seed.
pub(super) fn seed_failure(leased: &LeasedUrl, visit: &Visit) -> Option<String> {
    let good = matches!(visit.outcome, Outcome::Page | Outcome::Unchanged | Outcome::Redirect);
    (leased.depth == 0 && !good).then(|| {
        let status = visit.status.map(|status| format!(" {status}")).unwrap_or_default();
        let detail = visit.error.as_deref().map(|error| format!(": {error}")).unwrap_or_default();
        format!("{}: {}{status}{detail}", leased.url, visit.outcome.as_str())
    })
}
