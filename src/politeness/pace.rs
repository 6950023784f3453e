//! The adaptive part of the delay: [`learn`] reads the strength of a host off its answers into a
//! [`Pace`], [`paced_delay`] makes the delay of it.
//!
//! Two signs are read. *Time*: answers that take long on average say that the host has little to
//! spare; it is then left alone for a multiple of what an answer takes it. *Errors*: 5xx, 429 and
//! silence say that it is too much already; each one doubles the delay, each good answer halves it
//! again. Heritrix (`delay-factor` 5 times the last answer) and Scrapy's AutoThrottle (a delay of
//! one answer time, which errors never shorten) do the same with other numbers.

use crate::model::{CrawlSettings, DelayBy, Exchange, ExchangeEnd, FailureKind, Host, Pace};

use super::delay::host_delay;

/// From this average on answers count as slow, in ms. With the factor below it is what the
/// ordinary delay of a second allows for anyway.
const SLOW_MS: u32 = 500;

/// A slow host rests so many times as long as it works: a third of its time is ours at most.
/// Heritrix has five, AutoThrottle one.
const REST_FACTOR: u64 = 2;

/// Each answer moves the average by a fourth of its difference: one slow page is no slow host, ten
/// in a row are.
const SMOOTHING: i64 = 4;

/// Most doublings: 16 times the delay.
const MAX_STRAIN: u8 = 4;

/// The delay that errors double where there is none, or a shorter one, in ms.
const LEAST_STRAINED_MS: u64 = 500;

/// What is read off the answers never asks for more than a minute.
const MAX_PACED_MS: u64 = 60_000;

/// The longest answer that counts, in ms; no answer takes longer than `--timeout` anyway.
const MAX_RESPONSE_MS: u64 = 3_600_000;

/// What one exchange says.
enum Sign {
    /// It did its work in this time, in ms.
    Good(u64),
    /// It failed for want of strength, in this time.
    Strained(u64),
    /// Nothing: nobody was reached, or the answer was cut off on this side.
    Nothing,
}

fn sign(exchange: &Exchange) -> Sign {
    let ms = exchange.elapsed_ms;
    match (&exchange.end, exchange.status) {
        (_, Some(429 | 500..=599)) => Sign::Strained(ms),
        (ExchangeEnd::Failed { kind: FailureKind::Timeout, .. }, _) => Sign::Strained(ms),
        (ExchangeEnd::Complete { .. }, Some(_)) => Sign::Good(ms),
        _ => Sign::Nothing,
    }
}

/// The pace after one more exchange. An error in no time makes no host faster: it moves the
/// average up only.
pub fn learn(pace: Pace, exchange: &Exchange) -> Pace {
    match sign(exchange) {
        Sign::Good(ms) => {
            Pace { response_ms: Some(smoothed(pace.response_ms, ms)), strain: pace.strain.saturating_sub(1) }
        }
        Sign::Strained(ms) => Pace {
            response_ms: pace.response_ms.map(|mean| mean.max(smoothed(Some(mean), ms))),
            strain: pace.strain.saturating_add(1).min(MAX_STRAIN),
        },
        Sign::Nothing => pace,
    }
}

fn smoothed(mean_ms: Option<u32>, ms: u64) -> u32 {
    let ms = u32::try_from(ms.min(MAX_RESPONSE_MS)).unwrap_or(u32::MAX);
    let Some(mean) = mean_ms else { return ms };
    let (mean, ms) = (i64::from(mean), i64::from(ms));
    u32::try_from(mean + (ms - mean) / SMOOTHING).unwrap_or(0)
}

/// The delay in force between two requests to a host, in ms, and who asked for it: the slowest of
/// [`host_delay`] and what the pace asks for. With several requests at a time the rest that a slow
/// host gets is shared among them.
///
/// A loopback host with no delay set and none asked for is this machine's own: nothing is added.
/// Neither is where `adaptive` is off.
pub fn paced_delay(settings: &CrawlSettings, host: &Host, crawl_delay_ms: Option<u64>, pace: Pace) -> (u64, DelayBy) {
    let asked = host_delay(settings, host, crawl_delay_ms);
    let own_machine = host.is_loopback() && settings.delay_ms.is_none() && asked.0 == 0;
    if !settings.adaptive || own_machine {
        return asked;
    }
    let (mut ms, mut by) = asked;
    let rest_ms = rest_ms(pace, settings.per_host);
    if rest_ms > ms {
        (ms, by) = (rest_ms, DelayBy::ResponseTime);
    }
    if pace.strain > 0 {
        let doubled = ms.max(LEAST_STRAINED_MS) << pace.strain.min(MAX_STRAIN);
        if doubled.min(MAX_PACED_MS) > ms {
            (ms, by) = (doubled.min(MAX_PACED_MS), DelayBy::Errors);
        }
    }
    (ms, by)
}

fn rest_ms(pace: Pace, per_host: u32) -> u64 {
    match pace.response_ms {
        Some(mean) if mean >= SLOW_MS => (u64::from(mean) * REST_FACTOR / u64::from(per_host.max(1))).min(MAX_PACED_MS),
        _ => 0,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn exchange(status: Option<u16>, elapsed_ms: u64, failure: Option<FailureKind>) -> Exchange {
        let end = match failure {
            Some(kind) => ExchangeEnd::Failed { kind, detail: String::new() },
            None => ExchangeEnd::Complete { body: Vec::new(), truncated: false },
        };
        Exchange { started_ms: 0, elapsed_ms, status, headers: Vec::new(), end, wire_bytes: 0, address: None }
    }

    fn good(ms: u64) -> Exchange {
        exchange(Some(200), ms, None)
    }

    fn pace(response_ms: u32, strain: u8) -> Pace {
        Pace { response_ms: Some(response_ms), strain }
    }

    #[test]
    fn one_slow_page_is_no_slow_host() {
        let mut mean = Pace::default();
        for (ms, expected) in [(100, 100), (100, 100), (1_300, 400), (100, 325), (100, 269)] {
            mean = learn(mean, &good(ms));
            assert_eq!(mean, pace(expected, 0));
        }
        for _ in 0..20 {
            mean = learn(mean, &good(3_000));
        }
        assert!(mean.response_ms.is_some_and(|ms| ms > 2_900), "{mean:?}");
        for _ in 0..30 {
            mean = learn(mean, &good(10));
        }
        assert!(mean.response_ms.is_some_and(|ms| ms < 30), "{mean:?}");
    }

    #[track_caller]
    fn check_learned(before: Pace, exchange: &Exchange, expected: Pace) {
        assert_eq!(learn(before, exchange), expected, "{exchange:?}");
    }

    #[test]
    fn errors_double_and_good_answers_halve() {
        for status in [429, 500, 502, 503, 504, 599] {
            check_learned(pace(200, 0), &exchange(Some(status), 50, None), pace(200, 1));
            check_learned(pace(200, 4), &exchange(Some(status), 50, None), pace(200, 4));
        }
        check_learned(pace(200, 1), &exchange(None, 30_000, Some(FailureKind::Timeout)), pace(7_650, 2));
        check_learned(pace(200, 1), &exchange(Some(200), 30_000, Some(FailureKind::Timeout)), pace(7_650, 2));
        for status in [200, 204, 301, 304, 403, 404, 410] {
            check_learned(pace(200, 3), &exchange(Some(status), 200, None), pace(200, 2));
        }
        // Nobody was reached, or the answer was cut off here: no sign of the host's strength.
        for kind in [FailureKind::Dns, FailureKind::Connect, FailureKind::Tls, FailureKind::BlockedAddress] {
            check_learned(pace(200, 3), &exchange(None, 9_000, Some(kind)), pace(200, 3));
        }
        for kind in [FailureKind::TooBig, FailureKind::Protocol] {
            check_learned(pace(200, 3), &exchange(Some(200), 9_000, Some(kind)), pace(200, 3));
        }
    }

    #[track_caller]
    fn check(host: &str, settings: &CrawlSettings, crawl_delay: Option<u64>, pace: Pace, expected: (u64, DelayBy)) {
        let got = paced_delay(settings, &Host::new(host), crawl_delay, pace);
        assert_eq!(got, expected, "{host} {crawl_delay:?} {pace:?}");
    }

    #[test]
    fn a_slow_host_rests_twice_as_long_as_it_works() {
        let auto = CrawlSettings::default();
        let name = "example.com";
        check(name, &auto, None, Pace::default(), (1_000, DelayBy::Setting));
        check(name, &auto, None, pace(500, 0), (1_000, DelayBy::Setting));
        check(name, &auto, None, pace(700, 0), (1_400, DelayBy::ResponseTime));
        check(name, &auto, Some(5_000), pace(700, 0), (5_000, DelayBy::Robots));
        check(name, &auto, Some(5_000), pace(4_000, 0), (8_000, DelayBy::ResponseTime));
        check(name, &auto, None, pace(45_000, 0), (60_000, DelayBy::ResponseTime));
        let four = CrawlSettings { per_host: 4, delay_ms: Some(0), ..CrawlSettings::default() };
        check(name, &four, None, pace(499, 0), (0, DelayBy::Setting));
        check(name, &four, None, pace(800, 0), (400, DelayBy::ResponseTime));
    }

    #[test]
    fn errors_make_it_sixteen_times_as_long_at_most() {
        let auto = CrawlSettings::default();
        let name = "example.com";
        for (strain, ms) in [(1, 2_000), (2, 4_000), (3, 8_000), (4, 16_000), (9, 16_000)] {
            check(name, &auto, None, pace(10, strain), (ms, DelayBy::Errors));
        }
        check(name, &auto, None, pace(3_000, 2), (24_000, DelayBy::Errors));
        check(name, &auto, None, pace(10_000, 4), (60_000, DelayBy::Errors));
        check(name, &auto, Some(50_000), pace(10, 1), (60_000, DelayBy::Errors));
        // What the site itself asks for is not cut down to the minute.
        check(name, &auto, Some(90_000), pace(10, 4), (90_000, DelayBy::Robots));
        let none = CrawlSettings { delay_ms: Some(0), ..CrawlSettings::default() };
        check(name, &none, None, pace(10, 0), (0, DelayBy::Setting));
        check(name, &none, None, pace(10, 1), (1_000, DelayBy::Errors));
    }

    #[test]
    fn this_machine_is_asked_as_fast_as_it_answers() {
        let auto = CrawlSettings::default();
        for host in ["localhost", "127.0.0.1", "[::1]"] {
            check(host, &auto, None, pace(9_000, 4), (0, DelayBy::Setting));
            check(host, &auto, Some(2_000), pace(10, 1), (4_000, DelayBy::Errors));
            let set = CrawlSettings { delay_ms: Some(100), ..CrawlSettings::default() };
            check(host, &set, None, pace(600, 0), (1_200, DelayBy::ResponseTime));
        }
    }

    #[test]
    fn it_can_be_turned_off() {
        let off = CrawlSettings { adaptive: false, ..CrawlSettings::default() };
        check("example.com", &off, None, pace(9_000, 4), (1_000, DelayBy::Setting));
        check("example.com", &off, Some(2_000), pace(9_000, 4), (2_000, DelayBy::Robots));
    }

    proptest! {
        #[test]
        fn the_pace_is_bounded(
            answers in prop::collection::vec((any::<u64>(), prop::option::of(100u16..999)), 0..60),
            delay in prop::option::of(0u64..90_000_000),
            crawl_delay in prop::option::of(0u64..3_600_000),
        ) {
            let settings = CrawlSettings { delay_ms: delay, ..CrawlSettings::default() };
            let host = Host::new("example.com");
            let asked = host_delay(&settings, &host, crawl_delay).0;
            let mut pace = Pace::default();
            for (ms, status) in answers {
                let failure = status.is_none().then_some(FailureKind::Timeout);
                pace = learn(pace, &exchange(status, ms, failure));
                let (ms, _) = paced_delay(&settings, &host, crawl_delay, pace);
                prop_assert!(ms >= asked && ms <= asked.max(60_000));
            }
        }
    }
}
