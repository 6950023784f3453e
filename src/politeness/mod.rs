//! How often and whether a host may be asked.

pub mod robots;

pub use robots::{RobotsCheck, RobotsFile, RobotsRules};

use crate::model::{CrawlSettings, DelayBy, Exchange, Host, Origin, RobotsRecord, UnixMs};

/// The delay in force between two requests to a host, in ms, and who asked for it: the slowest of
/// setting and `Crawl-delay` rules.
pub fn host_delay(_settings: &CrawlSettings, _host: &Host, _crawl_delay_ms: Option<u64>) -> (u64, DelayBy) {
    todo!()
}

/// How long to wait after `failures` failures in a row (≥ 1), in ms. `jitter` in [0, 1).
pub fn backoff_ms(_failures: u32, _jitter: f64) -> u64 {
    todo!()
}

/// `Retry-After` as ms from `now`, bounded; `None` when it is neither seconds nor a date.
pub fn retry_after_ms(_value: &str, _now: UnixMs) -> Option<u64> {
    todo!()
}

/// What a robots.txt fetch means (RFC 9309 2.3.1). `last` is the final exchange of a chain of
/// redirects; `hops_exceeded` says that the chain was longer than five; `known` is what was
/// stored before. `jitter` in [0, 1).
pub fn robots_record(
    _origin: &Origin,
    _last: &Exchange,
    _hops_exceeded: bool,
    _known: Option<&RobotsRecord>,
    _now: UnixMs,
    _jitter: f64,
) -> RobotsRecord {
    todo!()
}
