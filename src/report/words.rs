//! Numbers, sizes, times and durations as people read them.

use std::time::{Duration, SystemTime};

use crate::model::UnixMs;

/// `1,234,567`
pub(super) fn number(n: u64) -> String {
    let digits = n.to_string();
    let mut out = String::with_capacity(digits.len() + digits.len() / 3);
    for (i, digit) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

/// `1 page`, `2 pages`
pub(super) fn counted(n: u64, one: &str, many: &str) -> String {
    format!("{} {}", number(n), if n == 1 { one } else { many })
}

/// `1.2 MB`, powers of 1000.
pub(super) fn size(bytes: u64) -> String {
    bytesize::ByteSize::b(bytes).display().si().to_string()
}

/// `2026-01-31T12:00:00Z`; the number itself when it is no moment of this era.
pub(super) fn moment(ms: UnixMs) -> String {
    // Up to the end of the year 9999, the last that the format can write.
    const LAST_MS: i64 = 253_402_300_799_999;
    match u64::try_from(ms) {
        Ok(since) if ms <= LAST_MS => {
            let time = SystemTime::UNIX_EPOCH + Duration::from_millis(since);
            humantime::format_rfc3339_seconds(time).to_string()
        }
        _ => format!("{ms} ms"),
    }
}

/// `3m 20s`: rounded to what matters at that length, at least one second.
pub(super) fn duration(ms: u64) -> String {
    let seconds = (ms / 1000).max(1);
    let rounded = match seconds {
        0..3_600 => seconds,
        3_600..172_800 => seconds / 60 * 60,
        _ => seconds / 3_600 * 3_600,
    };
    humantime::format_duration(Duration::from_secs(rounded)).to_string()
}

/// `in 3m 20s` or `5s ago`.
pub(super) fn from_now(ms: UnixMs, now: UnixMs) -> String {
    match ms.saturating_sub(now) {
        ahead if ahead >= 1000 => format!("in {}", duration(ahead.unsigned_abs())),
        behind if behind <= -1000 => format!("{} ago", duration(behind.unsigned_abs())),
        _ => "now".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_like_speech() {
        for (n, wanted) in [(0, "0"), (999, "999"), (1000, "1,000"), (1_234_567, "1,234,567")] {
            assert_eq!(number(n), wanted);
        }
        assert_eq!(counted(1, "page", "pages"), "1 page");
        assert_eq!(size(1_500_000), "1.5 MB");
        assert_eq!(moment(0), "1970-01-01T00:00:00Z");
        assert_eq!(moment(-1), "-1 ms");
        assert_eq!(moment(i64::MAX), format!("{} ms", i64::MAX));
        for (ms, wanted) in [(0, "1s"), (200_500, "3m 20s"), (3_725_000, "1h 2m"), (200_000_000, "2days 7h")] {
            assert_eq!(duration(ms), wanted);
        }
        for (ms, wanted) in [(5_000, "in 5s"), (-5_000, "5s ago"), (500, "now"), (i64::MIN, "292271023years")] {
            assert!(from_now(ms, 0).starts_with(wanted), "{}", from_now(ms, 0));
        }
    }
}
