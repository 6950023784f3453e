//! Batches as SQL parameters: rows as one JSON text, blobs as one blob with offsets.

use serde::Serialize;

/// Rows as JSON, one array a row, for `json_each`, or for `jsonb_each`, whose arrays need not be parsed once more.
pub(super) fn rows(rows: &[impl Serialize]) -> String {
    // Only maps with keys that are no strings, or a failing Serialize, could fail here.
    serde_json::to_string(rows).unwrap_or_else(|_| "[]".to_owned())
}

/// Text without NUL: SQLite's JSON ends a text there, and PostgreSQL refuses it.
pub(super) fn clean(text: &str) -> std::borrow::Cow<'_, str> {
    if text.contains('\0') { text.replace('\0', "").into() } else { text.into() }
}

/// Lower-case hexadecimal, for `unhex`.
pub(super) fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write;
    bytes.iter().fold(String::with_capacity(bytes.len() * 2), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

/// Many blobs in one parameter.
#[derive(Debug, Default)]
pub(super) struct Blobs {
    pub(super) bytes: Vec<u8>,
}

impl Blobs {
    /// Adds one; its offset from 1 and its length, as `substr` wants them.
    pub(super) fn add(&mut self, blob: &[u8]) -> (usize, usize) {
        let at = self.bytes.len() + 1;
        self.bytes.extend_from_slice(blob);
        (at, blob.len())
    }
}

/// A moment as ISO-8601 in UTC with milliseconds. Civil date from days: Hinnant,
/// <https://howardhinnant.github.io/date_algorithms.html>.
pub(super) fn iso8601(unix_ms: i64) -> String {
    let (days, ms) = (unix_ms.div_euclid(86_400_000), unix_ms.rem_euclid(86_400_000));
    let shifted = days + 719_468;
    let (era, day_of_era) = (shifted.div_euclid(146_097), shifted.rem_euclid(146_097));
    let year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month + 2) / 5 + 1;
    let month = if month < 10 { month + 3 } else { month - 9 };
    let year = year_of_era + era * 400 + i64::from(month <= 2);
    let (hour, minute, second) = (ms / 3_600_000, ms / 60_000 % 60, ms / 1000 % 60);
    format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}.{:03}Z", ms % 1000)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moments_read_as_iso8601() {
        for (ms, text) in [
            (0, "1970-01-01T00:00:00.000Z"),
            (951_782_400_123, "2000-02-29T00:00:00.123Z"),
            (1_700_000_000_000, "2023-11-14T22:13:20.000Z"),
            (4_107_542_399_999, "2100-02-28T23:59:59.999Z"),
            (-1, "1969-12-31T23:59:59.999Z"),
        ] {
            assert_eq!(iso8601(ms), text);
        }
    }

    #[test]
    fn blobs_are_found_again() {
        let mut blobs = Blobs::default();
        assert_eq!(blobs.add(b"abc"), (1, 3));
        assert_eq!(blobs.add(b""), (4, 0));
        assert_eq!(blobs.add(b"de"), (4, 2));
    }
}
