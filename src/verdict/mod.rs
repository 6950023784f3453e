//! What a finished exchange means for the crawl: pure decisions, from what the web sent to the
//! [`Visit`] that the store settles.
//!
//! - [`Policy`]: settings, scope and agent, the same for the whole session.
//! - [`Attempt`]: the leased URL, when it was tried and how politely.
//! - [`classify`] names the [`Outcome`]; [`after_exchange`] makes the visit of a request,
//!   [`after_robots_refusal`], [`after_unreachable_robots`] and [`after_refused_address`] those of a
//!   request that was never made.
//! - [`host_effect`] says what the exchange means for its host.

mod naming;
mod outcome;
mod rejudge;
mod seeds;
mod sitemaps;

#[cfg(test)]
mod tests;

pub use naming::outlinks;
pub use outcome::{HostEffect, classify, host_effect, is_definite, may_hold_page};
pub use rejudge::{NamedBefore, judge_again, judges_otherwise};
pub use seeds::{imported_seed, seed};
pub use sitemaps::{MAX_SITEMAP_STEPS, sitemaps_of, usual_sitemap};

use crate::model::{
    BodyPolicy, Content, CrawlSettings, Exchange, ExchangeEnd, HostUpdate, LeaseKey, LeasedUrl, Ledger, NextState,
    Outcome, Page, ParseCut, Rule, StoredBody, Trap, UnixMs, Validators, Visit,
};
use crate::parse::{self, Directives};
use crate::politeness;
use crate::scope::Scope;

use naming::Names;

/// Most bytes of response headers that are stored with a fetch; later ones are left out.
pub const MAX_STORED_HEADER_BYTES: usize = 16 * 1024;

/// What the whole session decides by.
#[derive(Clone, Copy, Debug)]
pub struct Policy<'a> {
    /// Settings of the crawl.
    pub settings: &'a CrawlSettings,
    /// Which URLs belong to it.
    pub scope: &'a Scope,
    /// Product token of this crawler.
    pub agent: &'a str,
}

/// One try of one URL.
#[derive(Clone, Copy, Debug)]
pub struct Attempt<'a> {
    /// The lease it runs under.
    pub key: LeaseKey,
    /// The URL.
    pub leased: &'a LeasedUrl,
    /// How long the host was left alone before, and on whose word.
    pub ledger: Ledger,
    /// What changes about the host.
    pub host: HostUpdate,
    /// Whether the content that it gave was served before by so many other URLs of its host that this
    /// copy of it leads nowhere new.
    pub one_copy_more: bool,
    /// When the try ended.
    pub now: UnixMs,
    /// In [0, 1), for backoff.
    pub jitter: f64,
}

/// The visit of a request that was made. `page` is the parsed body with its packed form when
/// [`may_hold_page`] said so; what it names is resolved until `out_of_time`, which is asked between
/// pieces of 256 links.
pub fn after_exchange(
    policy: &Policy<'_>,
    attempt: &Attempt<'_>,
    exchange: &Exchange,
    page: Option<(Page, Option<StoredBody>)>,
    out_of_time: &mut dyn FnMut() -> bool,
) -> Visit {
    let outcome = classify(exchange, attempt.leased.validators.is_some());
    let mut visit = bare_visit(attempt, outcome, exchange.started_ms);
    visit.elapsed_ms = exchange.elapsed_ms;
    visit.status = exchange.status;
    visit.ledger = attempt.ledger;
    visit.wire_bytes = Some(exchange.wire_bytes);
    visit.address = exchange.address.map(|address| address.to_string());
    visit.headers = stored_headers(exchange);
    if let ExchangeEnd::Failed { detail, .. } = &exchange.end {
        visit.error = Some(detail.clone());
    }
    settle_state(policy, attempt, exchange, &mut visit);
    match outcome {
        Outcome::Page => {
            let validator =
                |name| exchange.header(name).filter(|text| Validators::can_be_sent(text)).map(str::to_owned);
            visit.etag = validator("etag");
            visit.last_modified = validator("last-modified");
            if let Some(page) = page {
                record_page(policy, attempt, exchange, page, out_of_time, &mut visit);
            }
        }
        Outcome::Redirect => record_redirect(policy, attempt, exchange, &mut visit),
        _ => {}
    }
    visit
}

/// The visit of a URL that robots.txt forbids: excluded, with the line that says so.
pub fn after_robots_refusal(attempt: &Attempt<'_>, line: Option<(u32, String)>) -> Visit {
    let mut visit = bare_visit(attempt, Outcome::Robots, attempt.now);
    visit.next = NextState::Excluded(Rule::ROBOTS);
    visit.error = line.map(|(number, text)| format!("robots.txt line {number}: {text}"));
    visit
}

/// The visit of a URL whose origin's robots.txt could not be had in all its tries: given up with
/// the outcome of those tries (RFC 9309 2.3.1.4: unreachable means disallowed).
pub fn after_unreachable_robots(attempt: &Attempt<'_>, outcome: Outcome, status: Option<u16>, error: &str) -> Visit {
    let mut visit = bare_visit(attempt, outcome, attempt.now);
    visit.next = NextState::Failed;
    visit.error = Some(format!("robots.txt could not be had: {error}"));
    visit.status = status;
    visit
}

/// The visit of a URL of an origin that the address guard refuses, as robots.txt met it first.
pub fn after_refused_address(attempt: &Attempt<'_>, robots: &Exchange) -> Visit {
    let mut visit = bare_visit(attempt, Outcome::BlockedAddress, robots.started_ms);
    visit.elapsed_ms = robots.elapsed_ms;
    visit.wire_bytes = Some(robots.wire_bytes);
    visit.next = NextState::Excluded(Rule::ADDRESS);
    if let ExchangeEnd::Failed { detail, .. } = &robots.end {
        visit.error = Some(detail.clone());
    }
    visit
}

/// The visit of a URL whose host stopped answering: given up without a request.
pub fn after_dead_host(attempt: &Attempt<'_>, failures: u32) -> Visit {
    let mut visit = bare_visit(attempt, Outcome::Connect, attempt.now);
    visit.next = NextState::Failed;
    visit.error = Some(format!("not tried: the host failed {failures} times in a row"));
    visit
}

/// The visit of a URL whose body broke the parser: a defect of this program, kept from stopping
/// the crawl.
pub fn after_parser_failure(attempt: &Attempt<'_>, exchange: &Exchange, detail: &str) -> Visit {
    let mut visit = bare_visit(attempt, Outcome::Crashed, exchange.started_ms);
    visit.elapsed_ms = exchange.elapsed_ms;
    visit.status = exchange.status;
    visit.ledger = attempt.ledger;
    visit.wire_bytes = Some(exchange.wire_bytes);
    visit.error = Some(format!("the parser failed: {detail}"));
    visit.next = NextState::Failed;
    visit
}

/// The visit of a URL at which the process died so many times in a row with nothing else in work: given
/// up without a request.
pub fn after_deaths(attempt: &Attempt<'_>, deaths: u32) -> Visit {
    let mut visit = bare_visit(attempt, Outcome::Crashed, attempt.now);
    visit.next = NextState::Failed;
    visit.error = Some(format!(
        "given up: the process died {deaths} times in a row while it worked on this page and nothing else"
    ));
    visit
}

fn bare_visit(attempt: &Attempt<'_>, outcome: Outcome, started_ms: UnixMs) -> Visit {
    Visit {
        key: attempt.key,
        url_id: attempt.leased.id,
        from: attempt.leased.from,
        started_ms,
        elapsed_ms: 0,
        outcome,
        status: None,
        next: NextState::Done,
        attempts: 0,
        content: None,
        candidates: Vec::new(),
        links: Vec::new(),
        target: None,
        canonical: None,
        discarded: Vec::new(),
        noindex: false,
        nofollow: false,
        ledger: Ledger::default(),
        wire_bytes: None,
        etag: None,
        last_modified: None,
        address: None,
        error: None,
        headers: Vec::new(),
        host: attempt.host,
        widens: None,
    }
}

fn settle_state(policy: &Policy<'_>, attempt: &Attempt<'_>, exchange: &Exchange, visit: &mut Visit) {
    let tried = attempt.leased.attempts.saturating_add(1);
    visit.next = match visit.outcome {
        Outcome::Page | Outcome::Unchanged | Outcome::Redirect => NextState::Done,
        Outcome::BlockedAddress => NextState::Excluded(Rule::ADDRESS),
        outcome if is_definite(outcome, exchange.status) => NextState::Failed,
        _ if tried >= policy.settings.tries => NextState::Failed,
        _ => {
            let asked = exchange.header("retry-after").and_then(|v| politeness::retry_after_ms(v, attempt.now));
            let wait = politeness::backoff_ms(tried, attempt.jitter).max(asked.unwrap_or(0));
            visit.attempts = tried;
            NextState::Scheduled { due_ms: attempt.now.saturating_add_unsigned(wait) }
        }
    };
}

fn record_page(
    policy: &Policy<'_>,
    attempt: &Attempt<'_>,
    exchange: &Exchange,
    (mut page, body): (Page, Option<StoredBody>),
    out_of_time: &mut dyn FnMut() -> bool,
    visit: &mut Visit,
) {
    let Directives { noindex, nofollow } =
        parse::directives(page.meta_robots.as_deref(), exchange.headers_named("x-robots-tag"), policy.agent);
    visit.noindex = noindex;
    visit.nofollow = nofollow;
    let obeyed_nofollow = nofollow && !policy.settings.ignore_robots;
    let trap = trap_of(policy, attempt, &page);
    let mut names = Names::new(policy, attempt.leased, attempt.now, trap);
    let header_links = exchange.headers_named("link").flat_map(parse::link_header);
    let refresh = exchange.header("refresh").and_then(parse::refresh_header);
    let late = names.add_page(&mut page, header_links.chain(refresh), obeyed_nofollow, out_of_time);
    names.write_to(visit);
    let text = page.text.filter(|_| policy.settings.store_text);
    visit.content = Some(Content {
        hash: page.hash,
        mime: page.mime,
        charset: page.charset,
        size_bytes: page.size_bytes,
        simhash: page.simhash,
        meta_robots: page.meta_robots,
        parse_cut: page.cut.or(late.then_some(ParseCut::Time)),
        parser: policy.settings.parser.version(),
        words: page.words,
        lang: page.lang,
        title: page.title,
        description: page.description,
        headings: page.headings,
        json_ld: page.json_ld,
        open_graph: page.open_graph,
        soft_404: page.soft_404,
        text,
        body,
    });
}

/// What the page itself is caught in. A seed, and what it redirects to, was asked for by name: without
/// its links there would be no crawl.
fn trap_of(policy: &Policy<'_>, attempt: &Attempt<'_>, page: &Page) -> Option<Trap> {
    let caught = [(page.soft_404, Trap::Soft404), (attempt.one_copy_more, Trap::SameContent)];
    let looked_for = |trap: &Trap| attempt.leased.depth > 0 && policy.scope.looks_for(*trap);
    caught.into_iter().filter(|(is, _)| *is).map(|(_, trap)| trap).find(looked_for)
}

fn record_redirect(policy: &Policy<'_>, attempt: &Attempt<'_>, exchange: &Exchange, visit: &mut Visit) {
    let Some(location) = exchange.header("location") else { return };
    let mut names = Names::new(policy, attempt.leased, attempt.now, None);
    let comes_back = may_come_back(policy, attempt, exchange);
    names.add_redirect(location, comes_back);
    names.write_to(visit);
    match visit.target.and_then(|at| visit.candidates.get(at)) {
        None => visit.error = Some(format!("redirects to what is no crawlable URL: {}", clipped(location, 200))),
        Some(target) if target.url == attempt.leased.url => come_back(attempt, comes_back, visit),
        Some(_) => {}
    }
}

/// Whether a redirect of a URL to itself asks to be called again with the cookie that it sets: it is,
/// as one more of its tries. Without one it would say the same for ever.
fn may_come_back(policy: &Policy<'_>, attempt: &Attempt<'_>, exchange: &Exchange) -> bool {
    let tried = attempt.leased.attempts.saturating_add(1);
    policy.settings.cookies && exchange.header("set-cookie").is_some() && tried < policy.settings.tries
}

fn come_back(attempt: &Attempt<'_>, again: bool, visit: &mut Visit) {
    if again {
        visit.next = NextState::Scheduled { due_ms: attempt.now };
        visit.attempts = attempt.leased.attempts.saturating_add(1);
        visit.error = Some("redirects to itself and sets a cookie: asked again with it".to_owned());
    } else {
        visit.error = Some("redirects to itself".to_owned());
    }
}

/// Whether the settings keep the body of this media type.
pub fn keeps_body(policy: BodyPolicy, mime: &str) -> bool {
    match policy {
        BodyPolicy::All => true,
        BodyPolicy::None => false,
        BodyPolicy::Html => matches!(mime, "text/html" | "application/xhtml+xml"),
    }
}

fn stored_headers(exchange: &Exchange) -> Vec<(String, String)> {
    let mut room = MAX_STORED_HEADER_BYTES;
    let mut kept = Vec::with_capacity(exchange.headers.len());
    for header in &exchange.headers {
        let size = header.name.len() + header.value.len();
        if size > room {
            break;
        }
        room -= size;
        let value = if header.name == "set-cookie" { without_value(&header.value) } else { header.value.clone() };
        kept.push((header.name.clone(), value));
    }
    kept
}

/// A `Set-Cookie` line without the value: who has it may be able to act as the crawl's operator.
fn without_value(line: &str) -> String {
    let (pair, attributes) = line.find(';').map_or((line, ""), |at| line.split_at(at));
    let name = pair.split_once('=').map(|(name, _)| format!("{name}=")).unwrap_or_default();
    format!("{name}…{attributes}")
}

fn clipped(text: &str, max_chars: usize) -> String {
    text.chars().filter(|c| !c.is_control()).take(max_chars).collect()
}
