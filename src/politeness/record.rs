//! [`robots_record`]: what a fetch of robots.txt comes to; [`robots_on_its_way`]: while it is redirected,
//! [`robots_put_off`]: to a host that has to wait, and [`robots_next`]: where to ask then.

use encoding_rs::{Encoding, UTF_8};

use super::delay::{BACKOFF_MAX_MS, backoff_ms, retry_after_ms};
use super::robots::{RobotsCheck, RobotsFile, last_line_end, whole_lines};
use crate::model::{CrawlUrl, Exchange, ExchangeEnd, Origin, RobotsHop, RobotsRecord, RobotsVerdict, UnixMs};

/// How long an answer holds: a day, whatever its caching headers say (RFC 9309 2.4).
const GOOD_FOR_MS: UnixMs = 86_400_000;

/// How long the last answer keeps ruling while no other is to be had: thirty days, the period that
/// RFC 9309 2.3.1.4 names. The RFC would then allow everything; here nothing is allowed, because
/// a site that fails for so long has not agreed to anything.
const STALE_FOR_MS: UnixMs = 30 * 86_400_000;

/// What a robots.txt fetch means (RFC 9309 2.3.1). `last` is the final exchange of a chain of
/// redirects; `hops_exceeded` says that the chain was longer than five; `known` is what was
/// stored before. `jitter` in [0, 1).
///
/// - 2xx: its rules, for 24 h.
/// - 3xx but 304 that leads nowhere or on and on, 4xx but 429: everything is allowed, for 24 h.
/// - Anything else (304, 429, 5xx, no answer, an address that is refused): the last answer keeps ruling
///   for thirty days from when it came; without one nothing is allowed. Asked again after a backoff
///   that grows with `failures`, or after `Retry-After` when that is longer; at most an hour.
pub fn robots_record(
    origin: &Origin,
    last: &Exchange,
    hops_exceeded: bool,
    known: Option<&RobotsRecord>,
    now: UnixMs,
    jitter: f64,
) -> RobotsRecord {
    let answered = |verdict: RobotsVerdict, body: Option<String>, error: Option<&str>| RobotsRecord {
        origin: origin.clone(),
        verdict,
        status: last.status,
        fetched_ms: now,
        answered_ms: Some(now),
        expires_ms: now.saturating_add(GOOD_FOR_MS),
        failures: 0,
        error: error.map(str::to_owned),
        body,
        hop: None,
    };
    match meaning(last, hops_exceeded) {
        Meaning::Rules(body) => answered(RobotsVerdict::Rules, Some(body), None),
        Meaning::Absent(why) => answered(RobotsVerdict::AllowAll, None, why),
        Meaning::Unreachable(why) => unreachable(origin, last, why, known, now, jitter),
    }
}

/// The three ways in which a fetch of robots.txt ends.
enum Meaning {
    Rules(String),
    /// There is none; with a reason where the status alone does not say so.
    Absent(Option<&'static str>),
    /// It is not known whether there is one.
    Unreachable(String),
}

fn meaning(last: &Exchange, hops_exceeded: bool) -> Meaning {
    if hops_exceeded {
        return Meaning::Absent(Some("more than 5 redirects in a row"));
    }
    match (last.status, &last.end) {
        // The status alone decides; a broken body changes nothing.
        (Some(400..=428 | 430..=499), _) => Meaning::Absent(None),
        (_, ExchangeEnd::Failed { detail, .. }) => Meaning::Unreachable(detail.clone()),
        (Some(200..=299), ExchangeEnd::Complete { body, truncated }) => Meaning::Rules(text_of(body, *truncated)),
        // Nothing was asked that 304 could answer: requests for robots.txt carry no validators.
        (Some(300..=303 | 305..=399), _) => Meaning::Absent(Some("a redirect that leads nowhere")),
        (Some(status), _) => Meaning::Unreachable(format!("HTTP status {status}")),
        (None, _) => Meaning::Unreachable("no response".to_owned()),
    }
}

fn unreachable(
    origin: &Origin,
    last: &Exchange,
    why: String,
    known: Option<&RobotsRecord>,
    now: UnixMs,
    jitter: f64,
) -> RobotsRecord {
    let failures = known.map_or(0, |record| record.failures).saturating_add(1);
    let asked = last.header("retry-after").and_then(|value| retry_after_ms(value, now)).unwrap_or(0);
    let wait = backoff_ms(failures, jitter).max(asked).min(BACKOFF_MAX_MS);
    let expires_ms = now.saturating_add_unsigned(wait);
    RobotsRecord { expires_ms, failures, error: Some(why), ..undecided(origin, last, known, now) }
}

/// The record of an origin whose robots.txt is redirected, until it is known what is there. What was known
/// is kept and decides nothing: the file is to be asked for at `hop` before anything else, in whichever
/// lease, session or process that comes to be.
pub fn robots_on_its_way(
    origin: &Origin,
    last: &Exchange,
    hop: RobotsHop,
    known: Option<&RobotsRecord>,
    now: UnixMs,
) -> RobotsRecord {
    RobotsRecord { hop: Some(hop), ..undecided(origin, last, known, now) }
}

/// The record while the host that a robots.txt is redirected to cannot be asked, for `wait_ms` but an hour at
/// most. That is no failure of anyone's.
pub fn robots_put_off(known: &RobotsRecord, wait_ms: u64, why: String, now: UnixMs) -> RobotsRecord {
    let expires_ms = now.saturating_add_unsigned(wait_ms.min(BACKOFF_MAX_MS));
    RobotsRecord { expires_ms, error: Some(why), ..known.clone() }
}

/// Where to ask for the robots.txt of a record that does not hold: where it was redirected to, within a
/// day; else `None`, and its own place.
pub fn robots_next(record: &RobotsRecord, now: UnixMs) -> Option<&RobotsHop> {
    let age_ms = now.saturating_sub(record.fetched_ms);
    record.hop.as_ref().filter(|_| (0..GOOD_FOR_MS).contains(&age_ms))
}

/// A record that does not hold, with what keeps ruling of the one before.
fn undecided(origin: &Origin, last: &Exchange, known: Option<&RobotsRecord>, now: UnixMs) -> RobotsRecord {
    let stale = known.filter(|record| record.verdict != RobotsVerdict::DisallowAll && !is_too_old(record, now));
    RobotsRecord {
        origin: origin.clone(),
        verdict: stale.map_or(RobotsVerdict::DisallowAll, |record| record.verdict),
        status: last.status,
        fetched_ms: now,
        answered_ms: known.and_then(|record| record.answered_ms),
        expires_ms: now,
        failures: known.map_or(0, |record| record.failures),
        error: None,
        body: stale.and_then(|record| record.body.clone()),
        hop: None,
    }
}

/// Whether its answer is too old to keep ruling.
fn is_too_old(record: &RobotsRecord, now: UnixMs) -> bool {
    record.answered_ms.is_none_or(|at| at.saturating_add(STALE_FOR_MS) <= now)
}

/// Whether a record still holds at `now`, and its file need not be asked for. One from the future
/// does not: the clock has jumped.
pub fn robots_holds(record: &RobotsRecord, now: UnixMs) -> bool {
    now < record.expires_ms && record.expires_ms.saturating_sub(now) <= GOOD_FOR_MS
}

/// What a stored robots.txt says of a URL of its origin to the crawler of this product token, with
/// the line that decides: the same as the crawl obeyed, for URLs that were refused and for those
/// that were not. `None`: the file could not be had, and nothing is allowed until it can.
pub fn robots_verdict(record: &RobotsRecord, url: &CrawlUrl, product_token: &str) -> Option<RobotsCheck> {
    match (record.verdict, record.body.as_deref()) {
        (RobotsVerdict::DisallowAll, _) => None,
        (RobotsVerdict::Rules, Some(text)) => {
            Some(RobotsFile::parse(text).rules_for(product_token).check(url.path_and_query()))
        }
        _ => Some(RobotsCheck { allowed: true, line: None }),
    }
}

/// The body as text of at most [`RobotsFile::MAX_BYTES`], without NUL; of whole lines when it was
/// cut.
fn text_of(body: &[u8], truncated: bool) -> String {
    let within = &body[..body.len().min(RobotsFile::MAX_BYTES)];
    let mut text = decoded(within);
    text.retain(|c| c != '\0');
    if truncated || within.len() < body.len() {
        text.truncate(last_line_end(&text));
    }
    // Bytes that are not UTF-8 decode to three each, so the text may be too long where the body is not.
    let kept = whole_lines(&text, RobotsFile::MAX_BYTES).len();
    text.truncate(kept);
    text
}

/// UTF-8, as RFC 9309 2.3 asks, unless a byte order mark says UTF-16: some editors write it, and
/// what such a file forbids would be lost (2.2.2 lets crawlers bridge it).
fn decoded(body: &[u8]) -> String {
    let encoding = Encoding::for_bom(body).map_or(UTF_8, |(encoding, _)| encoding);
    encoding.decode_without_bom_handling(body).0.into_owned()
}

#[cfg(test)]
mod tests;
