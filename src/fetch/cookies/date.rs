//! [`parse`]: the dates of `Expires`, by the forgiving algorithm of bis 5.1.1: the first token that
//! looks like a time is the time, and so on, in any order.

use crate::model::UnixMs;

const MONTHS: [&[u8; 3]; 12] =
    [b"jan", b"feb", b"mar", b"apr", b"may", b"jun", b"jul", b"aug", b"sep", b"oct", b"nov", b"dec"];

/// Reads a cookie date, in Unix ms; `None` when a part is missing or out of range.
pub(super) fn parse(text: &[u8]) -> Option<UnixMs> {
    let (mut time, mut day, mut month, mut year) = (None, None, None, None);
    for token in text.split(|&byte| is_delimiter(byte)).filter(|token| !token.is_empty()) {
        if time.is_none()
            && let Some(found) = time_of(token)
        {
            time = Some(found);
        } else if day.is_none()
            && let Some(found) = number(token, 1, 2)
        {
            day = Some(found);
        } else if month.is_none()
            && let Some(found) = month_of(token)
        {
            month = Some(found);
        } else if year.is_none()
            && let Some(found) = number(token, 2, 4)
        {
            year = Some(found);
        }
    }
    let ((hour, minute, second), day, month, year) = (time?, day?, month?, year?);
    let year = match year {
        70..=99 => year + 1900,
        0..=69 => year + 2000,
        _ => year,
    };
    if year < 1601 || hour > 23 || minute > 59 || second > 59 || !(1..=days_of(year, month)).contains(&day) {
        return None;
    }
    Some((((days_since_1970(year, month, day) * 24 + hour) * 60 + minute) * 60 + second) * 1000)
}

fn is_delimiter(byte: u8) -> bool {
    matches!(byte, 0x09 | 0x20..=0x2f | 0x3b..=0x40 | 0x5b..=0x60 | 0x7b..=0x7e)
}

/// Digits at the start of a token, between `least` and `most` of them, with no digit after.
fn number(token: &[u8], least: usize, most: usize) -> Option<i64> {
    let digits = token.iter().take_while(|byte| byte.is_ascii_digit()).count();
    if !(least..=most).contains(&digits) {
        return None;
    }
    std::str::from_utf8(&token[..digits]).ok()?.parse().ok()
}

fn time_of(token: &[u8]) -> Option<(i64, i64, i64)> {
    let mut parts = token.splitn(3, |&byte| byte == b':');
    let whole = |part: &[u8]| number(part, 1, 2).filter(|_| part.len() <= 2);
    let (hour, minute) = (whole(parts.next()?)?, whole(parts.next()?)?);
    Some((hour, minute, number(parts.next()?, 1, 2)?))
}

/// From 0.
fn month_of(token: &[u8]) -> Option<i64> {
    let start = token.get(..3)?.to_ascii_lowercase();
    MONTHS.iter().position(|month| month[..] == start).and_then(|at| i64::try_from(at).ok())
}

fn is_leap(year: i64) -> bool {
    year % 4 == 0 && (year % 100 != 0 || year % 400 == 0)
}

fn days_of(year: i64, month: i64) -> i64 {
    match month {
        1 => 28 + i64::from(is_leap(year)),
        3 | 5 | 8 | 10 => 30,
        _ => 31,
    }
}

fn days_since_1970(year: i64, month: i64, day: i64) -> i64 {
    let before = year - 1;
    let leap_days = before / 4 - before / 100 + before / 400 - (1969 / 4 - 1969 / 100 + 1969 / 400);
    let months: i64 = (0..month).map(|month| days_of(year, month)).sum();
    (year - 1970) * 365 + leap_days + months + day - 1
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_of_servers() {
        for (text, expected) in [
            ("Thu, 01 Jan 1970 00:00:00 GMT", Some(0)),
            ("Sun, 06 Nov 1994 08:49:37 GMT", Some(784_111_777)),
            ("Sunday, 06-Nov-94 08:49:37 GMT", Some(784_111_777)),
            ("Sun Nov  6 08:49:37 1994", Some(784_111_777)),
            ("1994 nOvember 6th 8:49:37.5 whatever", Some(784_111_777)),
            ("29 Feb 2000 00:00:00", Some(951_782_400)),
            ("01 Jan 38 00:00:00", Some(2_145_916_800)),
            ("31 Dec 9999 23:59:59", Some(253_402_300_799)),
            ("01 Jan 1601 00:00:00", Some(-11_644_473_600)),
            ("29 Feb 1900 00:00:00", None),
            ("31 Apr 2024 00:00:00", None),
            ("01 Jan 1600 00:00:00", None),
            ("01 Jan 2024 24:00:00", None),
            ("01 Jan 2024 00:60:00", None),
            ("0 Jan 2024 00:00:00", None),
            ("01 Foo 2024 00:00:00", None),
            ("01 Jan 20240 00:00:00", None),
            ("01 Jan 2024", None),
            ("tomorrow", None),
            ("", None),
        ] {
            assert_eq!(parse(text.as_bytes()), expected.map(|seconds: i64| seconds * 1000), "{text}");
        }
    }

    proptest::proptest! {
        #[test]
        fn agrees_with_http_dates(seconds in 0..253_402_300_799_u64) {
            let time = std::time::UNIX_EPOCH + std::time::Duration::from_secs(seconds);
            let text = httpdate::fmt_http_date(time);
            proptest::prop_assert_eq!(parse(text.as_bytes()), Some(seconds as i64 * 1000), "{}", text);
        }

        #[test]
        fn nothing_panics(text: Vec<u8>) {
            let _ = parse(&text);
        }
    }
}
