//! Human units: durations, sizes, rates and counts, in and out.
//!
//! What is shown can be read again and gives the same value.

use std::time::Duration;

use bytesize::ByteSize;

/// Whether the text lifts a limit: `none` or `unlimited`.
pub fn is_unlimited(text: &str) -> bool {
    matches!(text, "none" | "unlimited")
}

/// Reads a duration into ms: `250ms`, `1s`, `1.5s`, `1h 30m`, `24h`, `7d`; a bare number is
/// seconds.
///
/// # Errors
/// What is wrong, without the value.
pub fn duration_ms(text: &str) -> Result<u64, String> {
    let bare = text.bytes().all(|b| b.is_ascii_digit() || b == b'.') && !text.is_empty();
    let with_unit = if bare { format!("{text}s") } else { text.to_owned() };
    let duration: Duration =
        humantime::parse_duration(&with_unit).map_err(|_| "not a duration (ms, s, m, h, d)".to_owned())?;
    if !duration.subsec_nanos().is_multiple_of(1_000_000) {
        return Err("finer than a millisecond".to_owned());
    }
    u64::try_from(duration.as_millis()).map_err(|_| "too long".to_owned())
}

/// Shows ms exactly: `250ms`, `1s`, `1m30s`, `24h`.
pub fn show_duration(ms: u64) -> String {
    const UNITS: [(u64, &str); 4] = [(3_600_000, "h"), (60_000, "m"), (1_000, "s"), (1, "ms")];
    let mut rest = ms;
    let mut text = String::new();
    for (unit, name) in UNITS {
        if rest >= unit {
            text.push_str(&format!("{}{name}", rest / unit));
            rest %= unit;
        }
    }
    if text.is_empty() { "0s".to_owned() } else { text }
}

/// Shows a length of time roughly, two units at most: `3d 4h`, `7m 12s`, `0.4 s`.
pub fn about_duration(ms: u64) -> String {
    let seconds = ms / 1000;
    match seconds {
        0..=9 => format!("{}.{} s", seconds, ms % 1000 / 100),
        10..=59 => format!("{seconds} s"),
        60..=3_599 => format!("{}m {}s", seconds / 60, seconds % 60),
        3_600..=86_399 => format!("{}h {}m", seconds / 3600, seconds % 3600 / 60),
        _ => format!("{}d {}h", seconds / 86_400, seconds % 86_400 / 3600),
    }
}

/// Reads a size into bytes: `10MB` (10,000,000), `10MiB` (10,485,760), `64k`, `4096`.
///
/// # Errors
/// What is wrong, without the value.
pub fn bytes(text: &str) -> Result<u64, String> {
    let size: ByteSize = text.parse().map_err(|_| "not a size (B, kB, MB, GB, KiB, MiB, GiB)".to_owned())?;
    Ok(size.as_u64())
}

/// Shows bytes exactly: `10MB`, `128MiB`, `1234B`.
pub fn show_bytes(n: u64) -> String {
    const UNITS: [(u64, &str); 6] =
        [(1_000_000_000, "GB"), (1 << 30, "GiB"), (1_000_000, "MB"), (1 << 20, "MiB"), (1_000, "kB"), (1 << 10, "KiB")];
    let exact = UNITS.iter().find(|(unit, _)| n >= *unit && n.is_multiple_of(*unit));
    exact.map_or_else(|| format!("{n}B"), |(unit, name)| format!("{}{name}", n / unit))
}

/// Shows bytes roughly: `1.2 MB`.
pub fn about_bytes(n: u64) -> String {
    ByteSize(n).display().si().to_string()
}

/// Reads a rate into events a second: `2/s`, `30/m`, `100/h`; a bare number is a second.
///
/// # Errors
/// What is wrong, without the value.
pub fn rate(text: &str) -> Result<f64, String> {
    let (number, per) = text.split_once('/').unwrap_or((text, "s"));
    let seconds = match per.trim() {
        "s" | "sec" | "second" => 1.0,
        "m" | "min" | "minute" => 60.0,
        "h" | "hour" => 3600.0,
        _ => return Err("not a rate (per s, m or h)".to_owned()),
    };
    let number: f64 = number.trim().parse().map_err(|_| "not a rate".to_owned())?;
    if !number.is_finite() || number <= 0.0 {
        return Err("a rate is greater than 0".to_owned());
    }
    Ok(number / seconds)
}

/// Shows a rate exactly where a whole number per second, minute or hour gives it.
pub fn show_rate(per_second: f64) -> String {
    for (seconds, name) in [(1.0, "s"), (60.0, "m"), (3600.0, "h")] {
        let number = (per_second * seconds).round();
        if number >= 1.0 && number / seconds == per_second {
            return format!("{number}/{name}");
        }
    }
    format!("{per_second}/s")
}

/// Reads a count: digits, with `_` between them where it helps.
///
/// # Errors
/// What is wrong, without the value.
pub fn count(text: &str) -> Result<u64, String> {
    let digits: String = text.chars().filter(|c| *c != '_').collect();
    if digits.is_empty() || !digits.bytes().all(|b| b.is_ascii_digit()) {
        return Err("not a whole number".to_owned());
    }
    digits.parse().map_err(|_| "too large".to_owned())
}

/// Shows a count with its thousands apart: `12,345`.
pub fn grouped(n: u64) -> String {
    let digits = n.to_string();
    let mut text = String::with_capacity(digits.len() + digits.len() / 3);
    for (i, digit) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// A count with its noun: `1 error`, `2,000 errors`.
pub fn counted(n: u64, noun: &str) -> String {
    format!("{} {noun}{}", grouped(n), if n == 1 { "" } else { "s" })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn check<T: PartialEq + std::fmt::Debug>(read: impl Fn(&str) -> Result<T, String>, cases: &[(&str, Option<T>)]) {
        for (text, wanted) in cases {
            assert_eq!(read(text).ok().as_ref(), wanted.as_ref(), "{text:?}");
        }
    }

    #[test]
    fn durations() {
        check(
            duration_ms,
            &[
                ("250ms", Some(250)),
                ("1s", Some(1_000)),
                ("1.5s", Some(1_500)),
                ("0", Some(0)),
                ("2", Some(2_000)),
                ("0.25", Some(250)),
                ("1h30m", Some(5_400_000)),
                ("1h 30m", Some(5_400_000)),
                ("24h", Some(86_400_000)),
                ("", None),
                (".", None),
                ("soon", None),
                ("-1s", None),
                ("1us", None),
                ("99999999999999999999s", None),
            ],
        );
    }

    #[test]
    fn sizes() {
        check(
            bytes,
            &[
                ("10MB", Some(10_000_000)),
                ("10MiB", Some(10_485_760)),
                ("10 mb", Some(10_000_000)),
                ("4096", Some(4_096)),
                ("1.5kB", Some(1_500)),
                ("ten", None),
                ("-1", None),
                ("", None),
            ],
        );
    }

    #[test]
    fn rates_and_counts() {
        check(rate, &[("2/s", Some(2.0)), ("30/m", Some(0.5)), ("0.5", Some(0.5)), ("0", None), ("inf/s", None)]);
        check(rate, &[("2/x", None), ("/s", None), ("nan", None)]);
        check(count, &[("100_000", Some(100_000)), ("0", Some(0)), ("1e3", None), ("_", None), ("-1", None)]);
    }

    #[test]
    fn rough_figures() {
        assert_eq!(about_duration(430), "0.4 s");
        assert_eq!(about_duration(432_000), "7m 12s");
        assert_eq!(about_duration(100_000_000), "1d 3h");
        assert_eq!(grouped(1_234_567), "1,234,567");
        assert_eq!(grouped(12), "12");
        assert_eq!(counted(1, "host"), "1 host");
        assert_eq!(counted(2_000, "host"), "2,000 hosts");
        assert_eq!(about_bytes(1_234_567), "1.2 MB");
    }

    proptest! {
        #[test]
        fn what_is_shown_is_read_back(n in any::<u32>(), seconds in prop_oneof![Just(1.0), Just(60.0), Just(3600.0)]) {
            prop_assert_eq!(duration_ms(&show_duration(n.into())), Ok(n.into()));
            prop_assert_eq!(bytes(&show_bytes(n.into())), Ok(n.into()));
            let per_second = f64::from(n.max(1)) / seconds;
            prop_assert_eq!(rate(&show_rate(per_second)), Ok(per_second));
        }

        #[test]
        fn nothing_panics(text in "\\PC*") {
            let _ = (duration_ms(&text), bytes(&text), rate(&text), count(&text));
        }
    }
}
