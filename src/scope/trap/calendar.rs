//! Calendars whose next and previous day never end: a date in a query or a path that lies far from
//! today.

use crate::model::{CrawlUrl, UnixMs};

const MS_A_YEAR: i64 = 31_556_952_000;
const SECONDS_A_YEAR: i64 = MS_A_YEAR / 1000;

/// Years around now, both included.
#[derive(Clone, Copy)]
struct Window {
    back: i64,
    ahead: i64,
}

/// Archives keep their pages under dates, newspapers those of three centuries.
const OF_PATHS: Window = Window { back: 300, ahead: 10 };

/// Queries are made by programs, also for days on which nothing happened.
const OF_QUERIES: Window = Window { back: 200, ahead: 3 };

/// Whether the URL names a day or a month outside its window. A year alone is no date: catalogues
/// sort by it, and there are few of them.
pub(super) fn is_far_away(url: &CrawlUrl, now: UnixMs) -> bool {
    let this_year = 1970 + now.div_euclid(MS_A_YEAR);
    let far = |year: i64, window: Window| !(this_year - window.back..=this_year + window.ahead).contains(&year);
    let query = url.query().unwrap_or_default();
    years_of_query(query).any(|year| far(year, OF_QUERIES)) || years_of_path(url.path()).any(|year| far(year, OF_PATHS))
}

/// The years of `/2031/12`, `/2031/12/24` and `/2031-12-24`.
fn years_of_path(path: &str) -> impl Iterator<Item = i64> {
    let segments = path.split('/').skip(1);
    let apart = segments.clone().zip(segments.clone().skip(1)).filter_map(|(year, month)| {
        let (year, month) = (number(year, 4)?, number(month, 2)?);
        (1..=12).contains(&month).then_some(year)
    });
    apart.chain(segments.filter_map(year_of_date))
}

/// The years of the dates in a query: a value that is a date whatever its name, a number whose name
/// speaks of a date, and a year with a month beside it.
fn years_of_query(query: &str) -> impl Iterator<Item = i64> {
    let parameters = || query.split('&').filter_map(|parameter| parameter.split_once('='));
    let has_month = parameters().any(|(name, _)| has_word(name, &["month", "mon", "day", "week"]));
    parameters().filter_map(move |(name, value)| {
        if has_month && has_word(name, &["year", "yr", "yyyy"]) {
            return number(value, 4);
        }
        year_of_date(value).or_else(|| year_of_number(name, value))
    })
}

/// `2031-12-24`, `2031-12`, `2031/12/24`, `2031.12.24`: four digits, two, and none or two, parted the
/// same way, with nothing behind them or the time of the day.
fn year_of_date(text: &str) -> Option<i64> {
    number(text.get(..4)?, 4)?;
    if let Some(year) = slashed(text) {
        return Some(year);
    }
    let (date, time) = text.split_at_checked(10).unwrap_or((text, ""));
    if !time.is_empty() && !time.starts_with(['T', 't', '+', '%', ' ', '_']) {
        return None;
    }
    let parted = |by: char| {
        let mut parts = date.split(by);
        let (year, month) = (number(parts.next()?, 4)?, number(parts.next()?, 2)?);
        let day = parts.next().map_or(Some(1), |day| number(day, 2))?;
        let is_date = (1..=12).contains(&month) && (1..=31).contains(&day) && parts.next().is_none();
        is_date.then_some(year)
    };
    parted('-').or_else(|| parted('.'))
}

/// A date whose slashes are escaped, as in a query, or not.
fn slashed(text: &str) -> Option<i64> {
    if text.len() > 14 {
        return None;
    }
    let plain = text.to_ascii_uppercase().replace("%2F", "/");
    let mut parts = plain.split('/');
    let (year, month) = (number(parts.next()?, 4)?, number(parts.next()?, 2)?);
    let day = parts.next().map_or(Some(1), |day| number(day, 2))?;
    ((1..=12).contains(&month) && (1..=31).contains(&day)).then_some(year)
}

/// `date=20311224`, `month=203112`, `date=1956528000` (seconds since 1970).
fn year_of_number(name: &str, value: &str) -> Option<i64> {
    if !has_word(name, &["date", "day", "month", "mon", "cal", "calendar", "timestamp"]) {
        return None;
    }
    let part = |from: usize, to: usize| value.get(from..to).and_then(|digits| number(digits, to - from));
    let month = (1..=12).contains(&part(4, 6)?);
    match value.len() {
        6 => part(0, 4).filter(|_| month),
        8 => part(0, 4).filter(|_| month && part(6, 8).is_some_and(|day| (1..=31).contains(&day))),
        9..=12 => number(value, value.len()).map(|seconds| 1970 + seconds.div_euclid(SECONDS_A_YEAR)),
        _ => None,
    }
}

/// Whether one of the words is a part of the name: `tribe-bar-date`, `startDate`, `cal_month`, `date`.
fn has_word(name: &str, words: &[&str]) -> bool {
    let is_word = |part: &str| words.iter().any(|word| part.eq_ignore_ascii_case(word));
    let camel = name.rfind(|c: char| c.is_ascii_uppercase()).map_or("", |at| &name[at..]);
    is_word(camel) || name.split(|c: char| !c.is_ascii_alphanumeric()).any(is_word)
}

/// So many digits.
fn number(text: &str, digits: usize) -> Option<i64> {
    let all = text.len() == digits && text.bytes().all(|b| b.is_ascii_digit());
    all.then(|| text.parse().ok()).flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// 2026-07-01.
    const NOW: UnixMs = 1_782_864_000_000;

    #[track_caller]
    fn check(rest: &str, expected: bool) {
        let url = CrawlUrl::stored(&format!("https://example.com{rest}")).expect("a URL");
        assert_eq!(is_far_away(&url, NOW), expected, "{rest}");
    }

    #[test]
    fn queries_far_from_now() {
        check("/cal?date=2029-12-24", false);
        check("/cal?date=2030-01-01", true);
        check("/cal?date=1826-01-01", false);
        check("/cal?date=1825-12-31", true);
        check("/cal?x=2031-12", true);
        check("/cal?d=2031%2F12%2F24", true);
        check("/cal?d=2031/12/24", true);
        check("/cal?from=2031-12-24T10:00", true);
        check("/cal?year=2031&month=4", true);
        check("/cal?month=4&year=2027", false);
        check("/cal?cal_month=4&cal_year=1066", true);
        check("/cal?tribe-bar-date=2040-01-01", true);
        check("/cal?date=20311224", true);
        check("/cal?startDate=20311224", true);
        check("/cal?month=203112", true);
        check("/cal?date=1956528000", true);
        check("/cal?timestamp=1782864000", false);
        check("/cal?date=99999999999", true);
    }

    #[test]
    fn paths_far_from_now() {
        check("/2036/12/24/post", false);
        check("/2037/01/", true);
        check("/events/2037-01/", true);
        check("/events/2037-01-31", true);
        check("/paper/1726/01/02", false);
        check("/paper/1725/12/31", true);
        check("/events/9999/12/", true);
    }

    #[test]
    fn what_is_no_date() {
        check("/?year=1066", false);
        check("/?year=2100", false);
        check("/2100/", false);
        check("/2100/report.html", false);
        check("/2100/99/", false);
        check("/item/9999/1234", false);
        check("/?id=20991231", false);
        check("/?id=9999999999", false);
        check("/?date=20993231", false);
        check("/?date=", false);
        check("/?phone=2100-12-2345", false);
        check("/?part=9999-01-22-7", false);
        check("/?day=3", false);
        check("/?update=99999999999", false);
        check("/?v=2100.1.2", false);
        check("/9999-01-22-name.html", false);
        check("/?d=日本2031-12", false);
    }
}
