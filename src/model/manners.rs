//! How politely a host is asked: [`Ledger`] of one request with [`DelayBy`], and what is
//! remembered between requests and sessions: [`Pace`], [`Pause`], both in [`HostUpdate`]; with
//! [`Release`], the end of a lease, and [`RobotsFetch`], the request of a robots.txt.

use super::{CrawlUrl, LeaseKey, Origin, Outcome, UnixMs};

/// Who asked for the delay before a request; the value of `delay_by`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DelayBy {
    /// `--delay` or its default.
    Setting,
    /// `Crawl-delay` in robots.txt.
    Robots,
    /// `Retry-After`.
    RetryAfter,
    /// Backoff after failures.
    Backoff,
    /// The host answers slowly.
    ResponseTime,
    /// The host answers with errors, or not in time.
    Errors,
}

impl DelayBy {
    /// All of them.
    pub const ALL: [DelayBy; 6] =
        [Self::Setting, Self::Robots, Self::RetryAfter, Self::Backoff, Self::ResponseTime, Self::Errors];

    /// The stable name in the database.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Setting => "setting",
            Self::Robots => "robots",
            Self::RetryAfter => "retry_after",
            Self::Backoff => "backoff",
            Self::ResponseTime => "response_time",
            Self::Errors => "errors",
        }
    }

    /// Reads the name back.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|by| by.as_str() == name)
    }
}

/// The politeness ledger of one request. Where both times are known, `applied_ms >= asked_ms`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Ledger {
    /// The longest wait in force when the request started, in ms: the delay, or a pause.
    pub asked_ms: Option<u64>,
    /// Who asked for it.
    pub asked_by: Option<DelayBy>,
    /// What was kept, in ms: since the end of the host's response before it, or since the start of
    /// that request when several may run at a time. `None`: no request before it is known.
    pub applied_ms: Option<u64>,
}

/// What a host's answers say of its strength; see `politeness::pace`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Pace {
    /// Smoothed time of its answers, in ms; `None`: none came yet.
    pub response_ms: Option<u32>,
    /// How often the delay is doubled because of errors.
    pub strain: u8,
}

/// A wait that is longer than the delay.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pause {
    /// How long, in ms, when it was asked for.
    pub ms: u64,
    /// Who asked for it.
    pub by: DelayBy,
}

/// What a visit changes about its host.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct HostUpdate {
    /// Grows with every state that a worker tells under one lease: parsing takes its time, so states
    /// need not arrive in the order in which they were true.
    pub order: u64,
    /// No request before this moment. The store keeps the later of this and what it has.
    pub polite_ms: UnixMs,
    /// The delay in force, in ms.
    pub delay_ms: u64,
    /// Consecutive host-level failures.
    pub failures: u32,
    /// From when the delay counts: the end of the host's last response, or the start of the last
    /// request when several may run at a time. `None`: no request is known.
    pub asked_ms: Option<UnixMs>,
    /// How strong the host seems.
    pub pace: Pace,
    /// What `polite_ms` waits for when it is not the delay.
    pub pause: Option<Pause>,
}

/// The end of a lease, settled after the visits made under it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Release {
    /// The lease.
    pub key: LeaseKey,
    /// State of the host as the worker leaves it.
    pub host: HostUpdate,
}

/// One request for a robots.txt, or for what one was redirected to; a row of `robots_fetches`.
#[derive(Clone, Debug, PartialEq)]
pub struct RobotsFetch {
    /// The lease of the host that was asked.
    pub key: LeaseKey,
    /// Whose robots.txt it is to be.
    pub origin: Origin,
    /// What was asked for.
    pub url: CrawlUrl,
    /// Redirects in a row that led there; 0: the origin's own file.
    pub hops: u32,
    /// When the request started.
    pub started_ms: UnixMs,
    /// How long it took.
    pub elapsed_ms: u64,
    /// How it ended.
    pub outcome: Outcome,
    /// HTTP status.
    pub status: Option<u16>,
    /// `Retry-After` as received, bounded.
    pub retry_after: Option<String>,
    /// Politeness ledger.
    pub ledger: Ledger,
    /// Body bytes on the wire.
    pub wire_bytes: u64,
    /// The connected address.
    pub address: Option<String>,
    /// What went wrong, in words.
    pub error: Option<String>,
}
