//! [`moment_ms`]: a moment in the past, as people write it.

use crate::model::UnixMs;

use super::units::duration_ms;

/// Reads a moment into Unix ms: `2026-11-23` (the end of that day, UTC), `2026-11-23T10:00Z` (also with seconds, with a space
/// for the `T`, and without the `Z`), or `2h ago`, `3d`.
///
/// # Errors
/// What is wrong, without the value.
pub fn moment_ms(text: &str, now: UnixMs) -> Result<UnixMs, String> {
    let wrong = || "neither a date (2026-11-23), nor a time (2026-11-23T10:00Z), nor an age (2h ago)".to_owned();
    let text = text.trim();
    let is_date = |text: &str| text.len() >= 10 && text.as_bytes()[4] == b'-' && text.as_bytes()[7] == b'-';
    if !is_date(text) {
        let age = text.strip_suffix("ago").unwrap_or(text).trim();
        let has_unit = age.ends_with(|c: char| c.is_ascii_alphabetic());
        let age = duration_ms(age).ok().filter(|_| has_unit).ok_or_else(wrong)?;
        return Ok(now.saturating_sub_unsigned(age));
    }
    let (date, time) = text.split_at_checked(10).ok_or_else(wrong)?;
    let time = time.trim_start_matches(['T', 't', ' ']).trim_end_matches(['Z', 'z']);
    let time = match time.len() {
        0 => "23:59:59.999".to_owned(),
        5 => format!("{time}:00"),
        _ => time.to_owned(),
    };
    let read = humantime::parse_rfc3339(&format!("{date}T{time}Z")).map_err(|_| wrong())?;
    let since = read.duration_since(std::time::UNIX_EPOCH).map_err(|_| wrong())?;
    UnixMs::try_from(since.as_millis()).map_err(|_| wrong())
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
            ("2h ago", Some(now - 7_200_000)),
            ("3d", Some(now - 259_200_000)),
            ("yesterday", None),
            ("2026-13-01", None),
            ("2026-11-23T25:00", None),
            ("12", None),
            ("", None),
            ("ééééééé-é", None),
        ] {
            assert_eq!(moment_ms(text, now).ok(), expected, "{text}");
        }
    }
}
