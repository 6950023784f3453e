//! Pauses: [`host_delay`] between two requests, [`backoff_ms`] after failures, [`retry_after_ms`]
//! on the server's word.

use std::time::{Duration, UNIX_EPOCH};

use crate::model::{CrawlSettings, DelayBy, Host, UnixMs};

/// The pause between two requests to a host when the operator names none.
const DEFAULT_DELAY_MS: u64 = 1_000;

/// The first pause after a failure.
const BACKOFF_BASE_MS: u64 = 2_000;

/// By how much every further failure lengthens it.
const BACKOFF_FACTOR: u64 = 4;

/// The longest pause after failures: one hour.
pub(super) const BACKOFF_MAX_MS: u64 = 3_600_000;

/// The longest `Retry-After` that is obeyed: one day.
const RETRY_AFTER_MAX_MS: u64 = 86_400_000;

/// The delay in force between two requests to a host, in ms, and who asked for it: the slowest of
/// setting and `Crawl-delay` rules. Without a setting it is 1,000 ms, and 0 for a loopback host.
/// `--ignore-robots` lifts `Crawl-delay`, a setting of 0 does not.
pub fn host_delay(settings: &CrawlSettings, host: &Host, crawl_delay_ms: Option<u64>) -> (u64, DelayBy) {
    let default = if host.is_loopback() { 0 } else { DEFAULT_DELAY_MS };
    let set = settings.delay_ms.unwrap_or(default);
    match crawl_delay_ms {
        Some(asked) if asked > set && !settings.ignore_robots => (asked, DelayBy::Robots),
        _ => (set, DelayBy::Setting),
    }
}

/// How long to wait after `failures` failures in a row (≥ 1), in ms. `jitter` in [0, 1).
///
/// 2 s, and four times as long after each further failure, up to one hour; spread by a quarter
/// either way, so that what failed together does not come back together.
pub fn backoff_ms(failures: u32, jitter: f64) -> u64 {
    let steps = failures.saturating_sub(1);
    let wait = BACKOFF_FACTOR.saturating_pow(steps).saturating_mul(BACKOFF_BASE_MS).min(BACKOFF_MAX_MS);
    let jitter = if jitter.is_finite() { jitter.clamp(0.0, 1.0) } else { 0.5 };
    ((wait as f64 * (0.75 + jitter / 2.0)) as u64).min(BACKOFF_MAX_MS)
}

/// `Retry-After` (RFC 9110 10.2.3) as ms from `now`, at most one day; `None` when it is neither
/// seconds nor a date. A date that has passed gives 0.
pub fn retry_after_ms(value: &str, now: UnixMs) -> Option<u64> {
    let value = value.trim();
    if !value.is_empty() && value.bytes().all(|b| b.is_ascii_digit()) {
        // More digits than fit are more than a day.
        let seconds = value.parse::<u64>().unwrap_or(u64::MAX);
        return Some(seconds.saturating_mul(1_000).min(RETRY_AFTER_MAX_MS));
    }
    let date = httpdate::parse_http_date(value).ok()?;
    let now = Duration::from_millis(u64::try_from(now).unwrap_or(0));
    let wait = date.duration_since(UNIX_EPOCH).unwrap_or_default().saturating_sub(now);
    Some(u64::try_from(wait.as_millis()).unwrap_or(u64::MAX).min(RETRY_AFTER_MAX_MS))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const NAME: &str = "example.com";

    #[track_caller]
    fn check_delay(host: &str, set: Option<u64>, asked: Option<u64>, ignore_robots: bool, expected: (u64, DelayBy)) {
        let settings = CrawlSettings { delay_ms: set, ignore_robots, ..CrawlSettings::default() };
        assert_eq!(host_delay(&settings, &Host::new(host), asked), expected, "{host} {set:?} {asked:?}");
    }

    #[test]
    fn the_slowest_rules() {
        check_delay(NAME, None, None, false, (1_000, DelayBy::Setting));
        check_delay(NAME, Some(0), None, false, (0, DelayBy::Setting));
        check_delay(NAME, Some(250), None, false, (250, DelayBy::Setting));
        check_delay(NAME, None, Some(5_000), false, (5_000, DelayBy::Robots));
        check_delay(NAME, Some(0), Some(5_000), false, (5_000, DelayBy::Robots));
        check_delay(NAME, Some(9_000), Some(5_000), false, (9_000, DelayBy::Setting));
        check_delay(NAME, None, Some(100), false, (1_000, DelayBy::Setting));
        check_delay(NAME, Some(0), Some(5_000), true, (0, DelayBy::Setting));
    }

    #[test]
    fn this_machine_is_not_spared() {
        for host in ["localhost", "a.localhost", "127.0.0.1", "[::1]"] {
            check_delay(host, None, None, false, (0, DelayBy::Setting));
            check_delay(host, Some(70), None, false, (70, DelayBy::Setting));
            check_delay(host, None, Some(70), false, (70, DelayBy::Robots));
        }
        check_delay("192.168.0.1", None, None, false, (1_000, DelayBy::Setting));
    }

    #[test]
    fn backoff_grows_to_an_hour() {
        let middle: Vec<u64> = (0..9).map(|failures| backoff_ms(failures, 0.5)).collect();
        assert_eq!(middle, [2_000, 2_000, 8_000, 32_000, 128_000, 512_000, 2_048_000, 3_600_000, 3_600_000]);
        assert_eq!((backoff_ms(1, 0.0), backoff_ms(1, 1.0)), (1_500, 2_500));
        assert_eq!(backoff_ms(u32::MAX, f64::NAN), 3_600_000);
        assert_eq!(backoff_ms(1, -7.0), 1_500);
    }

    #[track_caller]
    fn check_retry_after(value: &str, expected: Option<u64>) {
        // 2026-11-06T08:49:37Z
        assert_eq!(retry_after_ms(value, 1_793_954_977_000), expected, "{value:?}");
    }

    #[test]
    fn retry_after_is_seconds_or_a_date() {
        check_retry_after("120", Some(120_000));
        check_retry_after(" 0 ", Some(0));
        check_retry_after("86401", Some(86_400_000));
        check_retry_after(&"9".repeat(400), Some(86_400_000));
        check_retry_after("Fri, 06 Nov 2026 08:50:37 GMT", Some(60_000));
        check_retry_after("Friday, 06-Nov-26 08:50:37 GMT", Some(60_000));
        check_retry_after("Fri Nov  6 08:50:37 2026", Some(60_000));
        check_retry_after("Sun, 06 Nov 1994 08:49:37 GMT", Some(0));
        check_retry_after("Fri, 31 Dec 9999 23:59:59 GMT", Some(86_400_000));
    }

    #[test]
    fn other_retry_after_values_are_nothing() {
        for value in ["", " ", "-1", "+5", "1.5", "soon", "10 s", "2026-11-06T08:50:37Z", "1e9", "٣"] {
            check_retry_after(value, None);
        }
    }

    proptest! {
        #[test]
        fn pauses_are_bounded(failures: u32, jitter: f64, value in any::<String>(), now: i64) {
            prop_assert!((1_500..=3_600_000).contains(&backoff_ms(failures, jitter)));
            prop_assert!(retry_after_ms(&value, now).is_none_or(|wait| wait <= 86_400_000));
        }
    }
}
