use proptest::prelude::*;

use super::*;
use crate::model::{Host, HostId, LeaseKey, LeasedRobots};

const FINE: HostEffect = HostEffect { failures: 0, pause_ms: None };

fn lease(polite_ms: UnixMs) -> HostLease {
    HostLease {
        key: LeaseKey { host_id: HostId(1), fence: 1 },
        host: Host::new("a.test"),
        polite_ms,
        pause: None,
        delay_ms: 0,
        asked_ms: None,
        pace: Pace::default(),
        failures: 0,
        pages_left: None,
        robots: LeasedRobots::default(),
        urls: Vec::new(),
    }
}

fn gate(one_at_a_time: bool, delay_ms: u64) -> Gate {
    let mut gate = Gate::new(&lease(0), one_at_a_time, 1_000, 0);
    gate.set_delay((delay_ms, DelayBy::Setting));
    gate
}

fn paused(failures: u32, ms: u64, by: DelayBy) -> HostEffect {
    HostEffect { failures, pause_ms: Some((ms, by)) }
}

impl Gate {
    fn applied(&mut self, elapsed_ms: u64) -> Result<Option<u64>, u64> {
        self.take(elapsed_ms).map(|departure| departure.ledger.applied_ms)
    }

    #[track_caller]
    fn check_ledger(&mut self, elapsed_ms: u64, asked: (u64, DelayBy), applied_ms: Option<u64>) {
        let ledger = self.take(elapsed_ms).expect("it may start").ledger;
        let expected = Ledger { asked_ms: Some(asked.0), asked_by: Some(asked.1), applied_ms };
        assert_eq!(ledger, expected);
    }
}

#[test]
fn starts_are_a_delay_apart() {
    let mut gate = gate(false, 1000);
    assert_eq!(gate.applied(0), Ok(None));
    assert_eq!(gate.applied(1), Err(999));
    assert_eq!(gate.applied(1000), Ok(Some(1000)));
    gate.observe(FINE, Pace::default(), 1900);
    assert_eq!(gate.applied(1999), Err(1));
    assert_eq!(gate.applied(5000), Ok(Some(4000)));
    assert_eq!(gate.applied(5500), Err(500), "nothing is saved up");
}

#[test]
fn one_at_a_time_counts_from_the_end() {
    let mut gate = gate(true, 1000);
    assert_eq!(gate.applied(0), Ok(None));
    gate.observe(FINE, Pace::default(), 700);
    assert_eq!(gate.applied(1000), Err(700));
    assert_eq!(gate.applied(1800), Ok(Some(1100)));
}

#[test]
fn a_longer_delay_counts_from_the_request_before() {
    let mut gate = gate(false, 0);
    assert!(gate.take(100).is_ok());
    gate.set_delay((2000, DelayBy::Robots));
    assert_eq!(gate.applied(200), Err(1900));
    gate.check_ledger(2100, (2000, DelayBy::Robots), Some(2000));
}

#[test]
fn a_longer_delay_counts_from_the_end_with_one_at_a_time() {
    let mut gate = gate(true, 20);
    assert!(gate.take(0).is_ok());
    gate.observe(FINE, Pace::default(), 30);
    gate.set_delay((100, DelayBy::Robots));
    assert_eq!(gate.applied(129), Err(1), "robots.txt came at 30 and asks for 100 ms");
    assert!(gate.take(130).is_ok());
}

#[test]
fn pauses_are_kept_and_named() {
    let mut gate = gate(true, 10);
    assert!(gate.take(0).is_ok());
    gate.observe(paused(1, 5000, DelayBy::RetryAfter), Pace::default(), 50);
    assert_eq!(gate.wait_ms(50), 5000);
    let (first, update) = (gate.update(1_000_000, 50), gate.update(1_000_000, 50));
    assert!(update.order > first.order, "the later one counts");
    assert_eq!((update.polite_ms, update.asked_ms), (1_005_000, Some(1_000_000)));
    assert_eq!(update.pause, Some(Pause { ms: 5000, by: DelayBy::RetryAfter }));
    gate.check_ledger(5050, (5000, DelayBy::RetryAfter), Some(5000));
    assert_eq!(gate.update(1_005_000, 5050).pause, None, "it is over");
    gate.observe(FINE, Pace::default(), 5060);
    gate.check_ledger(5070, (10, DelayBy::Setting), Some(10));
}

#[test]
fn the_longer_of_pause_and_delay_is_named() {
    let mut gate = gate(true, 1000);
    assert!(gate.take(0).is_ok());
    gate.observe(paused(0, 400, DelayBy::RetryAfter), Pace::default(), 50);
    assert_eq!(gate.update(0, 50).pause, None);
    gate.check_ledger(1050, (1000, DelayBy::Setting), Some(1000));
    gate.observe(paused(0, 4000, DelayBy::Backoff), Pace::default(), 1100);
    gate.set_delay((9000, DelayBy::Errors));
    gate.check_ledger(10_100, (9000, DelayBy::Errors), Some(9000));
}

/// Every request for a robots.txt asks the gate for a pause, most of them for none at all.
#[test]
fn no_pause_is_nobodys_word() {
    let mut gate = gate(true, 1000);
    assert!(gate.take(0).is_ok());
    gate.observe(FINE, Pace::default(), 50);
    gate.pause(0, DelayBy::Backoff, 9_000);
    gate.check_ledger(9_000, (1000, DelayBy::Setting), Some(8_950));
    gate.observe(paused(1, 5000, DelayBy::RetryAfter), Pace::default(), 9_100);
    gate.pause(0, DelayBy::Backoff, 14_200);
    gate.check_ledger(14_200, (5000, DelayBy::RetryAfter), Some(5_100));
}

/// The wait for a robots.txt and that for its host come of one `Retry-After`, by two clocks.
#[test]
fn of_two_pauses_that_end_together_the_first_is_named() {
    let mut gate = gate(true, 1000);
    assert!(gate.take(0).is_ok());
    gate.observe(paused(1, 5000, DelayBy::RetryAfter), Pace::default(), 50);
    gate.pause(4_901, DelayBy::Backoff, 150);
    assert_eq!(gate.wait_ms(150), 4_901, "and both are kept");
    gate.check_ledger(5_051, (5000, DelayBy::RetryAfter), Some(5_001));
    gate.observe(paused(1, 5000, DelayBy::RetryAfter), Pace::default(), 6_000);
    gate.pause(5_010, DelayBy::Backoff, 6_000);
    gate.check_ledger(11_010, (5_010, DelayBy::Backoff), Some(5_010));
}

#[test]
fn an_earlier_promise_is_kept_but_not_for_years() {
    let gate = Gate::new(&lease(61_000), true, 1_000, 500);
    assert_eq!(gate.wait_ms(500), 60_000);
    let gate = Gate::new(&lease(i64::MAX), true, 1_000, 0);
    assert_eq!(gate.wait_ms(0), MAX_WAIT_MS);
}

#[test]
fn the_ledger_goes_on_where_an_earlier_lease_ended() {
    let pause = Some(Pause { ms: 9_000, by: DelayBy::RetryAfter });
    let before = HostLease { asked_ms: Some(92_000), pause, ..lease(101_000) };
    let mut gate = Gate::new(&before, true, 100_000, 7);
    gate.set_delay((1_000, DelayBy::Setting));
    assert_eq!(gate.applied(1_006), Err(1));
    gate.check_ledger(1_007, (9_000, DelayBy::RetryAfter), Some(9_000));

    let mut gate = Gate::new(&HostLease { asked_ms: Some(92_000), ..lease(0) }, true, 100_000, 7);
    gate.set_delay((30_000, DelayBy::Setting));
    assert_eq!(gate.applied(7), Err(22_000), "a delay that was raised counts from the last request");
    gate.check_ledger(22_007, (30_000, DelayBy::Setting), Some(30_000));

    let mut set_back = Gate::new(&HostLease { asked_ms: Some(200_000), ..lease(0) }, true, 100_000, 7);
    assert_eq!(set_back.applied(7), Ok(None), "the clock was set back: nothing is known");
}

#[test]
fn a_request_that_was_never_made_costs_no_delay() {
    let mut gate = gate(true, 1000);
    let departure = gate.take(0).unwrap();
    gate.take_back(&departure);
    let departure = gate.take(1).unwrap();
    gate.observe(FINE, Pace::default(), 5);
    gate.take_back(&departure);
    assert_eq!(gate.applied(6), Err(999), "another was made meanwhile");
}

#[test]
fn a_request_that_was_never_made_ends_no_pause() {
    let mut gate = gate(false, 10);
    assert!(gate.take(0).is_ok());
    let blocked = gate.take(10).unwrap();
    gate.observe(paused(1, 60_000, DelayBy::RetryAfter), Pace::default(), 15);
    gate.take_back(&blocked);
    assert_eq!(gate.wait_ms(15), 60_000);
}

#[test]
fn no_delay_means_no_wait() {
    let mut gate = gate(false, 0);
    for _ in 0..100 {
        assert!(gate.take(7).is_ok());
    }
    let rate = RateGate::new(None, Some(0), 0);
    assert!((0..100).all(|_| rate.take(7).is_ok()));
}

#[test]
fn the_rate_holds_for_all() {
    let rate = RateGate::new(Some(2.0), None, 0);
    assert_eq!(rate.take(0), Ok(()));
    assert_eq!(rate.take(0), Err(500));
    assert_eq!(rate.take(499), Err(1));
    assert_eq!(rate.take(500), Ok(()));
}

#[test]
fn the_rate_holds_from_one_session_to_the_next() {
    for (quiet_ms, missing) in [(0, Some(500)), (200, Some(300)), (500, None), (90_000, None)] {
        let rate = RateGate::new(Some(2.0), Some(quiet_ms), 40);
        assert_eq!(rate.take(40).err(), missing, "{quiet_ms}");
    }
}

proptest! {
    /// Whatever happens: a request starts no earlier than delay and pauses allow, and its ledger
    /// proves it.
    #[test]
    fn what_was_applied_is_no_less_than_what_was_asked_for(
        one_at_a_time: bool,
        steps in prop::collection::vec((0u8..6, 0u64..5_000), 1..60),
    ) {
        let mut gate = gate(one_at_a_time, 100);
        let (mut elapsed, mut paused_until, mut flights) = (0, 0, 0u32);
        let bys = [DelayBy::Setting, DelayBy::Errors];
        for (what, ms) in steps {
            elapsed += ms / 2;
            match what {
                0 => gate.set_delay((ms, bys[(ms % 2) as usize])),
                1 if flights > 0 => {
                    flights -= 1;
                    gate.observe(paused(1, ms * 3, DelayBy::RetryAfter), Pace::default(), elapsed);
                    paused_until = paused_until.max(elapsed + ms * 3);
                }
                2 if flights > 0 => {
                    flights -= 1;
                    gate.observe(FINE, Pace::default(), elapsed);
                }
                _ if !(one_at_a_time && flights > 0) => {
                    elapsed += gate.wait_ms(elapsed);
                    let ledger = gate.take(elapsed).expect("it waited").ledger;
                    flights += 1;
                    prop_assert!(elapsed >= paused_until);
                    prop_assert!(ledger.applied_ms.is_none_or(|applied| Some(applied) >= ledger.asked_ms), "{ledger:?}");
                }
                _ => {}
            }
        }
    }
}
