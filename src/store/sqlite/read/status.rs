//! [`Status`]: where a crawl stands, in one read transaction.

use std::path::Path;

use serde::Serialize;
use sqlx::SqliteConnection;

use crate::model::{CrawlSettings, Totals, UnixMs};
use crate::store::sqlite::open::beside;

/// Attempts that are looked at, the latest ones: so many take some 0.05 s to count.
const MOST_ATTEMPTS: i64 = 50_000;
/// Hosts listed as the busiest, or as left alone.
const BUSIEST: i64 = 10;
/// The latest stretch of the session, for the rate now, in ms.
const NOW_WINDOW_MS: i64 = 60_000;

/// Where a crawl stands. Numbers are exact; times are Unix ms.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Status {
    /// The database file.
    pub database: String,
    /// When this was asked.
    pub at_ms: UnixMs,
    /// Whether a process crawls into the file now.
    pub running: bool,
    /// Counters by state.
    pub totals: Totals,
    /// Rounds begun so far.
    pub rounds: u64,
    /// The latest round.
    pub round: Option<RoundLine>,
    /// Sessions begun so far.
    pub sessions: u64,
    /// The latest session.
    pub session: Option<SessionLine>,
    /// The latest attempts by outcome.
    pub attempts: Attempts,
    /// Hosts.
    pub hosts: HostCounts,
    /// Hosts with the most open URLs, the busiest first; at most ten.
    pub busiest: Vec<HostLine>,
    /// Hosts with open URLs that are left alone for longer than their delay, the longest first; at
    /// most ten.
    pub left_alone: Vec<LeftAlone>,
    /// The host that is due first.
    pub next_due: Option<NextDue>,
    /// How long the URLs known now will take, in ms: what is open at the present rate, or the
    /// longest queue of one host at its delay, whichever is more. `None`: no crawl is running, or
    /// it is too young to tell.
    pub eta_ms: Option<u64>,
    /// What the files take.
    pub files: FileSizes,
}

/// One pass over the site.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct RoundLine {
    /// `rounds.id`.
    pub id: i64,
    /// The operator's label.
    pub name: Option<String>,
    /// When it began.
    pub started_ms: UnixMs,
    /// When it was complete.
    pub ended_ms: Option<UnixMs>,
}

/// One life of one process.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct SessionLine {
    /// `sessions.id`.
    pub id: i64,
    /// When it began.
    pub started_ms: UnixMs,
    /// When it last wrote.
    pub alive_ms: UnixMs,
    /// When it ended; `None` while it runs and after a crash.
    pub ended_ms: Option<UnixMs>,
    /// `complete`, `limit`, `signal`, `disk_full` or `error`; `None` while it runs and after a crash.
    pub ended_by: Option<String>,
    /// Version of the program.
    pub version: String,
    /// Its attempts among [`Attempts::counted`].
    pub fetches: u64,
    /// Its pages among them.
    pub pages: u64,
    /// Body bytes its attempts took on the wire.
    pub wire_bytes: u64,
    /// Pages a second over the whole session, as far as it was counted.
    pub pages_per_second: f64,
    /// Attempts a second over its last minute.
    pub fetches_per_second_now: f64,
}

/// The latest attempts, of all sessions, by outcome.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Attempts {
    /// How many were counted: at most 50,000.
    pub counted: u64,
    /// Whether that is all of them.
    pub all: bool,
    /// The most frequent first.
    pub outcomes: Vec<OutcomeCount>,
}

/// Attempts that ended alike.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct OutcomeCount {
    /// `fetches.outcome`.
    pub outcome: String,
    /// HTTP status, when there was a response.
    pub status: Option<i64>,
    /// How many.
    pub count: u64,
}

/// Hosts in numbers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub struct HostCounts {
    /// Known.
    pub known: u64,
    /// With open URLs.
    pub with_work: u64,
    /// Ready to be visited now.
    pub ready: u64,
    /// Held by a worker, or by one that died.
    pub leased: u64,
}

/// One host's queue.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct HostLine {
    /// Its name.
    pub host: String,
    /// URLs waiting.
    pub queued: u64,
    /// URLs waiting for a due time.
    pub scheduled: u64,
    /// URLs settled.
    pub done: u64,
    /// URLs given up.
    pub failed: u64,
    /// The delay in force, in ms.
    pub delay_ms: u64,
    /// Consecutive failures of the host.
    pub failures: u64,
}

/// A host that asked to be left alone, or that gives no answer.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct LeftAlone {
    /// Its name.
    pub host: String,
    /// Until when.
    pub until_ms: UnixMs,
    /// `retry_after` or `backoff`.
    pub by: String,
    /// Consecutive failures of the host.
    pub failures: u64,
    /// URLs that wait for it.
    pub open: u64,
}

/// When the next host may be visited.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct NextDue {
    /// Its name.
    pub host: String,
    /// When; in the past when it only waits for a free worker.
    pub ready_ms: UnixMs,
}

/// Bytes on disk.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub struct FileSizes {
    /// The database file.
    pub database_bytes: u64,
    /// Its write-ahead log.
    pub wal_bytes: u64,
}

/// Collects the status inside the caller's transaction.
pub(super) async fn collect(
    conn: &mut SqliteConnection,
    path: &Path,
    running: bool,
    now: UnixMs,
) -> Result<Status, sqlx::Error> {
    let totals = totals(conn).await?;
    let (round, rounds) = latest_round(conn).await?;
    let (session, sessions, attempts, settings) = latest_session(conn, totals.fetches).await?;
    let hosts = host_counts(conn, now).await?;
    let mut status = Status {
        database: path.display().to_string(),
        at_ms: now,
        running,
        totals,
        rounds,
        round,
        sessions,
        session,
        attempts,
        hosts,
        busiest: busiest(conn).await?,
        left_alone: left_alone(conn, now).await?,
        next_due: next_due(conn).await?,
        eta_ms: None,
        files: file_sizes(path),
    };
    if running {
        status.eta_ms = eta_ms(&status, longest_host_ms(conn).await?, settings.and_then(|s| s.max_pages));
    }
    Ok(status)
}

pub(super) async fn totals(conn: &mut SqliteConnection) -> Result<Totals, sqlx::Error> {
    let rows: Vec<(String, i64)> = sqlx::query_as("SELECT name, n FROM totals").fetch_all(conn).await?;
    let n = |name: &str| rows.iter().find(|(known, _)| known == name).map_or(0, |(_, n)| count(*n));
    Ok(Totals {
        queued: n("queued"),
        scheduled: n("scheduled"),
        done: n("done"),
        failed: n("failed"),
        excluded: n("excluded"),
        fetches: n("fetches"),
        pages: n("pages"),
    })
}

async fn latest_round(conn: &mut SqliteConnection) -> Result<(Option<RoundLine>, u64), sqlx::Error> {
    type Row = (i64, Option<String>, i64, Option<i64>, i64);
    let sql =
        "SELECT id, name, started_ms, ended_ms, (SELECT count(*) FROM rounds) FROM rounds ORDER BY id DESC LIMIT 1";
    let row: Option<Row> = sqlx::query_as(sql).fetch_optional(conn).await?;
    Ok(match row {
        Some((id, name, started_ms, ended_ms, n)) => (Some(RoundLine { id, name, started_ms, ended_ms }), count(n)),
        None => (None, 0),
    })
}

async fn latest_session(
    conn: &mut SqliteConnection,
    fetches: u64,
) -> Result<(Option<SessionLine>, u64, Attempts, Option<CrawlSettings>), sqlx::Error> {
    type Row = (i64, i64, i64, Option<i64>, Option<String>, String, String, i64);
    let sql = "SELECT id, started_ms, alive_ms, ended_ms, ended_by, version, config, (SELECT count(*) FROM sessions)
               FROM sessions ORDER BY id DESC LIMIT 1";
    let row: Option<Row> = sqlx::query_as(sql).fetch_optional(&mut *conn).await?;
    let Some((id, started_ms, alive_ms, ended_ms, ended_by, version, config, n)) = row else {
        return Ok((None, 0, Attempts { all: true, ..Attempts::default() }, None));
    };
    let until = ended_ms.unwrap_or(alive_ms).max(started_ms);
    let recent = recent_attempts(conn, id, until.saturating_sub(NOW_WINDOW_MS)).await?;
    let mut line = SessionLine {
        id,
        started_ms,
        alive_ms,
        ended_ms,
        ended_by,
        version,
        fetches: 0,
        pages: 0,
        wire_bytes: 0,
        pages_per_second: 0.0,
        fetches_per_second_now: 0.0,
    };
    rates(&mut line, &recent, until);
    Ok((Some(line), count(n), by_outcome(&recent, fetches), serde_json::from_str(&config).ok()))
}

/// Attempts that agree in everything counted.
#[derive(sqlx::FromRow)]
struct AttemptGroup {
    outcome: String,
    status: Option<i64>,
    in_session: bool,
    in_window: bool,
    n: i64,
    wire_bytes: i64,
    first_ms: i64,
}

async fn recent_attempts(
    conn: &mut SqliteConnection,
    session: i64,
    window_from: i64,
) -> Result<Vec<AttemptGroup>, sqlx::Error> {
    // Ids grow with time, so the latest attempts are one walk along the end of the table.
    let sql = "SELECT outcome, status, session_id = ? AS in_session, started_ms >= ? AS in_window, count(*) AS n,
                      coalesce(sum(wire_bytes), 0) AS wire_bytes, min(started_ms) AS first_ms
               FROM (SELECT outcome, status, session_id, started_ms, wire_bytes FROM fetches ORDER BY id DESC LIMIT ?)
               GROUP BY 1, 2, 3, 4";
    sqlx::query_as(sql).bind(session).bind(window_from).bind(MOST_ATTEMPTS).fetch_all(conn).await
}

fn rates(line: &mut SessionLine, groups: &[AttemptGroup], until: i64) {
    let own: Vec<&AttemptGroup> = groups.iter().filter(|g| g.in_session).collect();
    let Some(first_ms) = own.iter().map(|g| g.first_ms).min() else { return };
    let sum =
        |wanted: &dyn Fn(&AttemptGroup) -> bool| -> u64 { own.iter().filter(|g| wanted(g)).map(|g| count(g.n)).sum() };
    line.fetches = sum(&|_| true);
    line.pages = sum(&|g| g.outcome == "page");
    line.wire_bytes = own.iter().map(|g| count(g.wire_bytes)).sum();
    line.pages_per_second = per_second(line.pages, until - first_ms);
    let window_ms = (until - first_ms).min(NOW_WINDOW_MS);
    line.fetches_per_second_now = per_second(sum(&|g| g.in_window), window_ms);
}

fn by_outcome(groups: &[AttemptGroup], fetches: u64) -> Attempts {
    let mut outcomes: Vec<OutcomeCount> = Vec::new();
    for group in groups {
        match outcomes.iter_mut().find(|o| o.outcome == group.outcome && o.status == group.status) {
            Some(known) => known.count += count(group.n),
            None => outcomes.push(OutcomeCount {
                outcome: group.outcome.clone(),
                status: group.status,
                count: count(group.n),
            }),
        }
    }
    outcomes.sort_by(|a, b| b.count.cmp(&a.count).then_with(|| a.outcome.cmp(&b.outcome)));
    let counted = outcomes.iter().map(|o| o.count).sum();
    Attempts { counted, all: counted >= fetches, outcomes }
}

async fn host_counts(conn: &mut SqliteConnection, now: UnixMs) -> Result<HostCounts, sqlx::Error> {
    let sql = "SELECT (SELECT count(*) FROM hosts), coalesce(sum(queued + scheduled > 0), 0),
                      coalesce(sum(ready_ms <= ?), 0), coalesce(sum(lease_session IS NOT NULL), 0) FROM host_queue";
    let (known, with_work, ready, leased): (i64, i64, i64, i64) = sqlx::query_as(sql).bind(now).fetch_one(conn).await?;
    Ok(HostCounts { known: count(known), with_work: count(with_work), ready: count(ready), leased: count(leased) })
}

async fn busiest(conn: &mut SqliteConnection) -> Result<Vec<HostLine>, sqlx::Error> {
    let sql = "SELECT h.name, q.queued, q.scheduled, q.done, q.failed, q.delay_ms, q.failures
               FROM host_queue q JOIN hosts h ON h.id = q.host_id
               WHERE q.queued + q.scheduled > 0 ORDER BY q.queued + q.scheduled DESC, h.name LIMIT ?";
    let rows: Vec<(String, i64, i64, i64, i64, i64, i64)> = sqlx::query_as(sql).bind(BUSIEST).fetch_all(conn).await?;
    let line = |(host, queued, scheduled, done, failed, delay_ms, failures)| HostLine {
        host,
        queued: count(queued),
        scheduled: count(scheduled),
        done: count(done),
        failed: count(failed),
        delay_ms: count(delay_ms),
        failures: count(failures),
    };
    Ok(rows.into_iter().map(line).collect())
}

async fn left_alone(conn: &mut SqliteConnection, now: UnixMs) -> Result<Vec<LeftAlone>, sqlx::Error> {
    let sql = "SELECT h.name, q.polite_ms, q.pause_by, q.failures, q.queued + q.scheduled
               FROM host_queue q JOIN hosts h ON h.id = q.host_id
               WHERE q.pause_by IS NOT NULL AND q.polite_ms > ? AND q.queued + q.scheduled > 0
               ORDER BY q.polite_ms DESC, h.name LIMIT ?";
    let rows: Vec<(String, i64, String, i64, i64)> =
        sqlx::query_as(sql).bind(now).bind(BUSIEST).fetch_all(conn).await?;
    let line = |(host, until_ms, by, failures, open)| LeftAlone {
        host,
        until_ms,
        by,
        failures: count(failures),
        open: count(open),
    };
    Ok(rows.into_iter().map(line).collect())
}

async fn next_due(conn: &mut SqliteConnection) -> Result<Option<NextDue>, sqlx::Error> {
    let sql = "SELECT h.name, q.ready_ms FROM host_queue q JOIN hosts h ON h.id = q.host_id
               WHERE q.ready_ms IS NOT NULL ORDER BY q.ready_ms LIMIT 1";
    let row: Option<(String, i64)> = sqlx::query_as(sql).fetch_optional(conn).await?;
    Ok(row.map(|(host, ready_ms)| NextDue { host, ready_ms }))
}

/// The time that the longest queue of one host takes at that host's delay.
async fn longest_host_ms(conn: &mut SqliteConnection) -> Result<u64, sqlx::Error> {
    let sql =
        "SELECT coalesce(max(min(queued + scheduled, coalesce(page_limit - pages, queued + scheduled)) * delay_ms), 0)
               FROM host_queue";
    Ok(count(sqlx::query_scalar(sql).fetch_one(conn).await?))
}

fn eta_ms(status: &Status, longest_host_ms: u64, max_pages: Option<u64>) -> Option<u64> {
    let left = max_pages.map_or(u64::MAX, |most| most.saturating_sub(status.totals.pages));
    let open = status.totals.open().min(left);
    let rate = status.session.as_ref()?.fetches_per_second_now;
    if open == 0 {
        return Some(0);
    }
    if rate <= 0.0 {
        return None;
    }
    let at_rate = (open as f64 / rate * 1000.0) as u64;
    // With a page limit in sight the longest queue need not be emptied.
    Some(if open < status.totals.open() { at_rate } else { at_rate.max(longest_host_ms) })
}

fn file_sizes(path: &Path) -> FileSizes {
    let size = |p: &Path| std::fs::metadata(p).map_or(0, |m| m.len());
    FileSizes { database_bytes: size(path), wal_bytes: size(&beside(path, "-wal")) }
}

/// Nothing counted is negative in a sound database.
fn count(n: i64) -> u64 {
    u64::try_from(n).unwrap_or(0)
}

fn per_second(n: u64, ms: i64) -> f64 {
    if ms <= 0 { 0.0 } else { (n as f64 / (ms as f64 / 1000.0) * 100.0).round() / 100.0 }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rate_is_per_second_and_never_infinite() {
        assert_eq!(per_second(10, 2_000), 5.0);
        assert_eq!(per_second(1, 3_000), 0.33);
        assert_eq!(per_second(7, 0), 0.0);
        assert_eq!(per_second(7, -5), 0.0);
    }
}
