//! [`unix_ms`]: dates as they stand in WARC files.

use std::time::{Duration, UNIX_EPOCH};

use crate::model::UnixMs;

/// A moment of `WARC-Date`: the forms of W3C-DTF (<https://www.w3.org/TR/NOTE-datetime>), which WARC 1.1 (5.4) allows from
/// the year alone to parts of a second, with `Z` or an offset, and the 14 digits of older archives. What is left out is the
/// beginning of what is said. `None`: it is no date, or before 1970.
pub(crate) fn unix_ms(date: &str) -> Option<UnixMs> {
    let date = date.trim();
    if date.bytes().all(|b| b.is_ascii_digit()) && (4..=14).contains(&date.len()) && date.len().is_multiple_of(2) {
        const FIRST: &str = "00000101000000";
        let all = format!("{date}{}", &FIRST[date.len()..]);
        let part = |from: usize, to: usize| &all[from..to];
        let [year, month, day] = [part(0, 4), part(4, 6), part(6, 8)];
        return parsed(&format!("{year}-{month}-{day}T{}:{}:{}", part(8, 10), part(10, 12), part(12, 14)), 0);
    }
    let Some((day, time)) = date.split_once(['T', 't', ' ']) else {
        return match date.len() {
            7 => parsed(&format!("{date}-01T00:00:00"), 0),
            10 => parsed(&format!("{date}T00:00:00"), 0),
            _ => None,
        };
    };
    let (time, offset_ms) = match time.rfind(['Z', 'z', '+', '-']) {
        Some(at) => (&time[..at], offset_ms(&time[at..])?),
        None => (time, 0),
    };
    let seconds = if time.len() == 5 { ":00" } else { "" };
    parsed(&format!("{day}T{time}{seconds}"), offset_ms)
}

/// A moment to the second or finer, at an offset from UTC.
fn parsed(text: &str, offset_ms: i64) -> Option<UnixMs> {
    let moment = humantime::parse_rfc3339(&format!("{text}Z")).ok()?;
    let ms = i64::try_from(moment.duration_since(UNIX_EPOCH).unwrap_or(Duration::ZERO).as_millis()).ok()?;
    ms.checked_sub(offset_ms).filter(|ms| *ms >= 0)
}

/// `Z`, `+hh:mm`, `-hh:mm` and the same without a colon.
fn offset_ms(text: &str) -> Option<i64> {
    let sign = match text.chars().next()? {
        'Z' | 'z' => return (text.len() == 1).then_some(0),
        '+' => 1,
        _ => -1,
    };
    let digits: String = text[1..].chars().filter(|c| *c != ':').collect();
    if digits.len() != 4 || !digits.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    let (hours, minutes): (i64, i64) = (digits[..2].parse().ok()?, digits[2..].parse().ok()?);
    (hours < 24 && minutes < 60).then_some(sign * (hours * 60 + minutes) * 60_000)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_form_that_warc_allows_is_read() {
        let cases = [
            ("2024-03-01T10:00:00Z", Some(1_709_287_200_000)),
            ("2024-03-01T10:00:00.123456789Z", Some(1_709_287_200_123)),
            ("2024-03-01T10:00:00.5Z", Some(1_709_287_200_500)),
            ("2024-03-01T12:00:00+02:00", Some(1_709_287_200_000)),
            ("2024-03-01T04:30:00-0530", Some(1_709_287_200_000)),
            ("2024-03-01T10:00Z", Some(1_709_287_200_000)),
            ("2024-03-01T10:00:00", Some(1_709_287_200_000)),
            ("20240301100000", Some(1_709_287_200_000)),
            ("2024-03-01", Some(1_709_251_200_000)),
            ("2024-03", Some(1_709_251_200_000)),
            ("2024", Some(1_704_067_200_000)),
            ("1970-01-01T00:00:00Z", Some(0)),
            ("1969-12-31T23:59:59Z", None),
            ("2024-13-01", None),
            ("2024-02-30T00:00:00Z", None),
            ("2024-03-01T10:00:00+2:00", None),
            ("2024-03-01T10:00:00+25:00", None),
            ("2024-03-01T10:00:00Zx", None),
            ("yesterday", None),
            ("20240", None),
            ("", None),
            ("ü24-03-01", None),
        ];
        for (date, wanted) in cases {
            assert_eq!(unix_ms(date), wanted, "{date}");
        }
    }
}
