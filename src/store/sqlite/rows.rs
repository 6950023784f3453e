//! Reading columns back. A value that this program never wrote is named with table and column.

use sqlx::Row;
use sqlx::sqlite::SqliteRow;

use crate::model::{CrawlUrl, DelayBy, Origin, Pause, RobotsHop, RobotsRecord, RobotsVerdict, Scheme, Totals};
use crate::store::StoreError;

use super::writer::{Tx, sql};

/// Reads one column, named in the error.
pub(super) fn get<'r, T>(tx: &Tx<'_>, row: &'r SqliteRow, column: &'static str) -> Result<T, StoreError>
where
    T: sqlx::Decode<'r, sqlx::Sqlite> + sqlx::Type<sqlx::Sqlite>,
{
    row.try_get(column).map_err(|error| tx.corrupt(format!("{column}: {error}")))
}

/// A count or a size: an INTEGER that is never negative.
pub(super) fn count(tx: &Tx<'_>, row: &SqliteRow, column: &'static str) -> Result<u64, StoreError> {
    u64::try_from(get::<i64>(tx, row, column)?).map_err(|_| tx.corrupt(format!("{column} is negative")))
}

/// A small count.
pub(super) fn small(tx: &Tx<'_>, row: &SqliteRow, column: &'static str) -> Result<u32, StoreError> {
    u32::try_from(get::<i64>(tx, row, column)?).map_err(|_| tx.corrupt(format!("{column} is out of range")))
}

/// A canonical URL.
pub(super) fn url(tx: &Tx<'_>, row: &SqliteRow) -> Result<CrawlUrl, StoreError> {
    let text: &str = get(tx, row, "url")?;
    CrawlUrl::stored(text).map_err(|why| tx.corrupt(format!("urls.url {text:?}: {why}")))
}

/// A list of ids from `json_group_array`.
pub(super) fn ids(tx: &Tx<'_>, row: &SqliteRow, column: &'static str) -> Result<Vec<i64>, StoreError> {
    let text: Option<&str> = get(tx, row, column)?;
    serde_json::from_str(text.unwrap_or("[]")).map_err(|error| tx.corrupt(format!("{column}: {error}")))
}

/// A row of `robots` joined with its host's name.
pub(super) fn robots(tx: &Tx<'_>, row: &SqliteRow) -> Result<RobotsRecord, StoreError> {
    let scheme = match get::<&str>(tx, row, "scheme")? {
        "http" => Scheme::Http,
        _ => Scheme::Https,
    };
    let port = u16::try_from(get::<i64>(tx, row, "port")?).map_err(|_| tx.corrupt("robots.port".to_owned()))?;
    let verdict = get::<&str>(tx, row, "verdict")?;
    let status: Option<i64> = get(tx, row, "status")?;
    let hop = match get::<Option<&str>>(tx, row, "hop_url")? {
        None => None,
        Some(text) => {
            let url = CrawlUrl::stored(text).map_err(|why| tx.corrupt(format!("robots.hop_url {text:?}: {why}")))?;
            Some(RobotsHop { url, hops: small(tx, row, "hops")? })
        }
    };
    Ok(RobotsRecord {
        origin: Origin { scheme, host: crate::model::Host::new(get::<String>(tx, row, "name")?), port },
        verdict: RobotsVerdict::from_name(verdict)
            .ok_or_else(|| tx.corrupt(format!("robots.verdict is {verdict:?}")))?,
        status: status.and_then(|status| u16::try_from(status).ok()),
        fetched_ms: get(tx, row, "fetched_ms")?,
        answered_ms: get(tx, row, "answered_ms")?,
        expires_ms: get(tx, row, "expires_ms")?,
        failures: small(tx, row, "failures")?,
        error: get(tx, row, "error")?,
        body: get(tx, row, "body")?,
        hop,
    })
}

/// What a host is left alone for, from `pause_ms` and `pause_by`.
pub(super) fn pause(tx: &Tx<'_>, row: &SqliteRow) -> Result<Option<Pause>, StoreError> {
    let Some(by) = get::<Option<&str>>(tx, row, "pause_by")? else { return Ok(None) };
    let known = DelayBy::from_name(by).ok_or_else(|| tx.corrupt(format!("host_queue.pause_by is {by:?}")))?;
    Ok(Some(Pause { ms: count(tx, row, "pause_ms")?, by: known }))
}

/// The counters.
pub(super) async fn totals(tx: &mut Tx<'_>) -> Result<Totals, StoreError> {
    let rows = tx.rows(sql("SELECT name, n FROM totals")).await?;
    let mut totals = Totals::default();
    for row in &rows {
        let n = count(tx, row, "n")?;
        match get::<&str>(tx, row, "name")? {
            "queued" => totals.queued = n,
            "scheduled" => totals.scheduled = n,
            "done" => totals.done = n,
            "failed" => totals.failed = n,
            "excluded" => totals.excluded = n,
            "fetches" => totals.fetches = n,
            "pages" => totals.pages = n,
            _ => {}
        }
    }
    Ok(totals)
}
