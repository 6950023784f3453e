//! [`classify`]: from an exchange to its [`Outcome`]; [`host_effect`]: what it says of the host.

use crate::model::{DelayBy, Exchange, ExchangeEnd, FailureKind, Outcome, UnixMs};
use crate::politeness;

/// Names the outcome. `conditional`: validators were sent, so that a 304 means something.
pub fn classify(exchange: &Exchange, conditional: bool) -> Outcome {
    if let ExchangeEnd::Failed { kind, .. } = &exchange.end {
        return of_failure(*kind, exchange);
    }
    match exchange.status.unwrap_or(0) {
        206 => Outcome::HttpError,
        200..=299 => Outcome::Page,
        304 if conditional => Outcome::Unchanged,
        301 | 302 | 303 | 307 | 308 if exchange.header("location").is_some() => Outcome::Redirect,
        404 | 410 => Outcome::Gone,
        429 => Outcome::RateLimited,
        503 if exchange.header("retry-after").is_some() => Outcome::RateLimited,
        _ => Outcome::HttpError,
    }
}

/// The outcome of a failed exchange. Where the status has said all there is to say, it counts
/// more than a body that did not come through.
fn of_failure(kind: FailureKind, exchange: &Exchange) -> Outcome {
    match exchange.status {
        Some(301 | 302 | 303 | 307 | 308) if exchange.header("location").is_some() => return Outcome::Redirect,
        Some(404 | 410) => return Outcome::Gone,
        Some(429) => return Outcome::RateLimited,
        Some(400..=599) => return Outcome::HttpError,
        _ => {}
    }
    match kind {
        FailureKind::Timeout => Outcome::Timeout,
        FailureKind::Dns => Outcome::Dns,
        FailureKind::Connect => Outcome::Connect,
        FailureKind::Tls => Outcome::Tls,
        FailureKind::Protocol => Outcome::Protocol,
        FailureKind::BlockedAddress => Outcome::BlockedAddress,
        FailureKind::TooBig => Outcome::TooBig,
    }
}

/// Whether another try cannot be expected to end differently.
pub fn is_definite(outcome: Outcome, status: Option<u16>) -> bool {
    match outcome {
        Outcome::Page
        | Outcome::Unchanged
        | Outcome::Redirect
        | Outcome::Gone
        | Outcome::Tls
        | Outcome::TooBig
        | Outcome::BlockedAddress
        | Outcome::Robots
        | Outcome::Crashed => true,
        Outcome::RateLimited | Outcome::Timeout | Outcome::Dns | Outcome::Connect | Outcome::Protocol => false,
        Outcome::HttpError => !matches!(status, Some(408 | 425 | 500 | 502 | 503 | 504 | 520..=530)),
    }
}

/// Whether the body is to be parsed: the exchange is a page.
pub fn may_hold_page(exchange: &Exchange) -> bool {
    classify(exchange, true) == Outcome::Page
}

/// The longest wait before a redirect is followed that its host is left alone for.
const MAX_REDIRECT_WAIT_MS: u64 = 60_000;

/// What one exchange says of its host.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HostEffect {
    /// Consecutive host-level failures from here.
    pub failures: u32,
    /// How long the whole host is to be left alone from now, and on whose word.
    pub pause_ms: Option<(u64, DelayBy)>,
}

/// What the exchange says of its host after `failures` failures in a row.
///
/// An answer, whatever it says or however broken it is, shows that the host is there: it ends the
/// row, and its trouble is the URL's own. No answer at all counts: a name that does not resolve at
/// once, no connection and silence from the third in a row, for one URL may be at fault.
///
/// `Retry-After` (RFC 9110 10.2.3) on 429 and 5xx pauses the host as long as it asks for; 429
/// without it backs off. On 3xx it concerns one redirect: the host is paused for a minute at most.
/// On what is not asked for again, 413 and other 4xx, it means nothing.
pub fn host_effect(exchange: &Exchange, failures: u32, now: UnixMs, jitter: f64) -> HostEffect {
    let outcome = classify(exchange, true);
    let asked = exchange.header("retry-after").and_then(|value| politeness::retry_after_ms(value, now));
    let asked = match exchange.status {
        Some(429 | 500..=599) => asked,
        Some(300..=399) => asked.map(|ms| ms.min(MAX_REDIRECT_WAIT_MS)),
        _ => None,
    };
    if let Some(ms) = asked {
        let failures = if outcome == Outcome::RateLimited { failures.saturating_add(1) } else { 0 };
        return HostEffect { failures, pause_ms: Some((ms, DelayBy::RetryAfter)) };
    }
    let patience = match outcome {
        Outcome::RateLimited | Outcome::Dns => 1,
        Outcome::Connect | Outcome::Timeout if exchange.status.is_none() => 3,
        Outcome::BlockedAddress => return HostEffect { failures, pause_ms: None },
        _ => return HostEffect { failures: 0, pause_ms: None },
    };
    let failures = failures.saturating_add(1);
    let pause_ms =
        (failures >= patience).then(|| (politeness::backoff_ms(failures + 1 - patience, jitter), DelayBy::Backoff));
    HostEffect { failures, pause_ms }
}
