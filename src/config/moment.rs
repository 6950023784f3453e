//! [`moment_ms`]: a moment, as people write it.

use crate::model::UnixMs;

use super::units::duration_ms;

/// Which moment of a day its date alone means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OfDay {
    /// Its first millisecond: since that day.
    Start,
    /// Its last one: as it was on that day.
    End,
}

/// Reads a moment into Unix ms: `2026-11-23` (`of_day`, in UTC), `2026-11-23T10:00Z` (also with seconds, with a space
/// for the `T`, without the `Z`, and with an offset from UTC, `+02:00`), or `2h ago`, `3d`.
///
/// # Errors
/// What is wrong, without the value.
pub fn moment_ms(text: &str, now: UnixMs, of_day: OfDay) -> Result<UnixMs, String> {
    let wrong = || {
        "neither a date (2026-11-23), nor a time (2026-11-23T10:00Z, 2026-11-23T12:00+02:00), nor an age (2h ago, 7d)"
            .to_owned()
    };
    let text = text.trim();
    let is_date = |text: &str| text.len() >= 10 && text.as_bytes()[4] == b'-' && text.as_bytes()[7] == b'-';
    if !is_date(text) {
        let age = text.strip_suffix("ago").unwrap_or(text).trim();
        let has_unit = age.ends_with(|c: char| c.is_ascii_alphabetic());
        let age = duration_ms(age).ok().filter(|_| has_unit).ok_or_else(wrong)?;
        return Ok(now.saturating_sub_unsigned(age));
    }
    let (date, time) = text.split_at_checked(10).ok_or_else(wrong)?;
    let (time, offset_ms) = split_offset(time.trim_start_matches(['T', 't', ' '])).ok_or_else(wrong)?;
    let time = match time.len() {
        0 if of_day == OfDay::Start => "00:00:00".to_owned(),
        0 => "23:59:59.999".to_owned(),
        5 => format!("{time}:00"),
        _ => time.to_owned(),
    };
    let read = humantime::parse_rfc3339(&format!("{date}T{time}Z")).map_err(|_| wrong())?;
    let since = read.duration_since(std::time::UNIX_EPOCH).map_err(|_| wrong())?;
    let at_ms = UnixMs::try_from(since.as_millis()).map_err(|_| wrong())?;
    Ok(at_ms.saturating_sub(offset_ms))
}

/// The time of day, and how far its clock is ahead of UTC, in ms; `None`: that is no offset (RFC 3339 5.6, or without the
/// colon, or of whole hours).
fn split_offset(time: &str) -> Option<(&str, i64)> {
    let Some(at) = time.find(['+', '-']) else { return Some((time.trim_end_matches(['Z', 'z']), 0)) };
    let (time, offset) = (time.get(..at)?, time.get(at..)?);
    let digits: String = offset.chars().skip(1).filter(|c| *c != ':').collect();
    let number = |range: std::ops::Range<usize>| digits.get(range)?.parse::<i64>().ok();
    let (hours, minutes) = match digits.len() {
        _ if !digits.bytes().all(|b| b.is_ascii_digit()) => return None,
        2 => (number(0..2)?, 0),
        4 => (number(0..2)?, number(2..4)?),
        _ => return None,
    };
    let sign = if offset.starts_with('-') { -1 } else { 1 };
    (hours < 24 && minutes < 60 && !time.is_empty())
        .then_some((time.trim_end(), sign * (hours * 60 + minutes) * 60_000))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moments_are_read_as_people_write_them() {
        // 2026-11-23T12:00:00Z
        let now = 1_795_435_200_000;
        for (text, expected) in [
            ("2026-11-23", Some(now + 43_199_999)),
            ("2026-11-23T10:00Z", Some(now - 7_200_000)),
            ("2026-11-23 10:00", Some(now - 7_200_000)),
            ("2026-11-23T10:00:30Z", Some(now - 7_170_000)),
            ("2026-11-23T10:00:30.250Z", Some(now - 7_169_750)),
            ("2026-11-23T12:00+02:00", Some(now - 7_200_000)),
            ("2026-11-23 08:30:00 -0130", Some(now - 7_200_000)),
            ("2026-11-23T15:00+05", Some(now - 7_200_000)),
            ("2026-11-23T12:00+2", None),
            ("2026-11-23T12:00+02:60", None),
            ("2026-11-23+02:00", None),
            ("2h ago", Some(now - 7_200_000)),
            ("3d", Some(now - 259_200_000)),
            ("yesterday", None),
            ("2026-13-01", None),
            ("2026-11-23T25:00", None),
            ("12", None),
            ("", None),
            ("ééééééé-é", None),
        ] {
            assert_eq!(moment_ms(text, now, OfDay::End).ok(), expected, "{text}");
        }
        assert_eq!(moment_ms("2026-11-23", now, OfDay::Start), Ok(now - 43_200_000));
    }
}
