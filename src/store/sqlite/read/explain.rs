//! What is stored that decides about one URL, whether it is known or not: [`UrlRecords`].

use serde::Serialize;
use sqlx::{Connection, SqliteConnection};

use super::facts::{Attempt, Hop};
use super::limits::Limits;
use super::reader::{Reader, stopped_or};
use super::show;
use crate::model::{
    CrawlSettings, CrawlUrl, Host, Origin, RobotsHop, RobotsRecord, RobotsVerdict, Scheme, UnixMs, UrlPattern,
};
use crate::store::sqlite::fault::store_error;
use crate::store::sqlite::inbox::SKIPS_SQL;
use crate::store::sqlite::session::SEEDS_SQL;
use crate::store::sqlite::suspects::HELD_MS;
use crate::store::{StoreError, StoredSeed};

/// Attempts that are listed, the latest first.
const MOST_ATTEMPTS: u32 = 20;
/// Origins of the host whose robots.txt is read for its `Crawl-delay`.
const MOST_ORIGINS: u32 = 64;
/// URLs before one in the queue of its host are counted up to here.
pub const MOST_AHEAD: i64 = 100_000;

/// All that decides about one URL. Times are Unix ms.
#[derive(Clone, Debug)]
pub struct UrlRecords {
    /// The crawl; `None`: none was begun in the file.
    pub crawl: Option<CrawlRecord>,
    /// The spelling that was looked up last, or is known.
    pub url: CrawlUrl,
    /// What is known of it.
    pub known: Option<KnownUrl>,
    /// Known URLs that look like it.
    pub near: Vec<String>,
    /// Its host, when it is known.
    pub host: Option<HostRecord>,
    /// What is known of the robots.txt of the host's origins, that of the URL first.
    pub robots: Vec<RobotsRecord>,
}

/// How the crawl stands.
#[derive(Clone, Debug)]
pub struct CrawlRecord {
    /// Settings of the latest session.
    pub settings: CrawlSettings,
    /// Seeds of the latest round.
    pub seeds: Vec<StoredSeed>,
    /// What the operator has left out.
    pub skips: Vec<UrlPattern>,
    /// `rounds.id` of the latest round.
    pub round_id: i64,
    /// Whether nothing is left to do in it.
    pub complete: bool,
    /// How the latest session ended.
    pub ended_by: Option<String>,
    /// Whether a process crawls now.
    pub running: bool,
    /// Pages of the round.
    pub round_pages: u64,
    /// Time that the sessions of the round took, in ms.
    pub spent_ms: u64,
}

/// One row of `urls`, and what hangs on it.
#[derive(Clone, Debug)]
pub struct KnownUrl {
    /// The row.
    pub row: UrlState,
    /// Attempts in all.
    pub attempt_count: u64,
    /// The latest of them, the latest first.
    pub attempts: Vec<Attempt>,
    /// Where its redirect leads, hop by hop.
    pub redirects: Vec<Hop>,
}

/// One row of `urls`.
#[derive(Clone, Debug, sqlx::FromRow)]
pub struct UrlState {
    /// `urls.id`.
    pub id: i64,
    /// Its host.
    pub host_id: i64,
    /// `queued`, `scheduled`, `done`, `failed` or `excluded`.
    pub state: String,
    /// The rule that excluded it.
    pub rule: Option<String>,
    /// Links from a seed, as first seen.
    pub depth: u32,
    /// Clicks from the nearest start, as `sqrawl rank` counted them last.
    pub click_depth: Option<i64>,
    /// When it did; `None`: the page was not ranked.
    pub ranked_ms: Option<UnixMs>,
    /// Redirects in a row.
    pub hops: u32,
    /// Lower is earlier.
    pub priority: i64,
    /// Failed tries in this run of tries.
    pub attempts: u32,
    /// When it is tried again.
    pub due_ms: Option<UnixMs>,
    /// When it was first named.
    pub discovered_ms: UnixMs,
    /// The last round in which a seed or a page named it.
    pub seen_round: i64,
    /// The page that named it first.
    pub via: Option<String>,
    /// What kind of link it was there.
    pub link_kind: Option<String>,
    /// With this text.
    pub anchor: Option<String>,
    /// Marked nofollow.
    pub link_nofollow: Option<bool>,
    /// That page redirected to it.
    pub via_redirects: bool,
    /// As typed, when it is a seed.
    pub seed: Option<String>,
    /// The value of `seeds.source`.
    pub seed_source: Option<String>,
    /// The crawl is of it.
    pub seed_grants_scope: Option<bool>,
    /// Named as a sitemap by robots.txt or by an index.
    pub is_sitemap: bool,
    /// URLs of the host before it in the queue, when it is queued; at most [`MOST_AHEAD`].
    pub ahead: Option<i64>,
    /// Deaths in a row while it was tried alone; `None`: nothing speaks against it.
    pub deaths: Option<i64>,
    /// It is held back, and tried alone when nothing else is left.
    pub held: bool,
    /// The session that died with it in work.
    pub died_in_session: Option<i64>,
}

/// One row of `host_queue`.
#[derive(Clone, Debug, Serialize, sqlx::FromRow)]
pub struct HostRecord {
    /// Its name.
    pub name: String,
    /// When a worker may take it; `None`: leased, no work, or at its page limit.
    pub ready_ms: Option<UnixMs>,
    /// No request may start before.
    pub polite_ms: UnixMs,
    /// Between two requests, as last asked for.
    pub delay_ms: i64,
    /// From when the delay counts; `None`: never asked.
    pub asked_ms: Option<UnixMs>,
    /// What it is left alone for beside the delay.
    pub pause_ms: Option<i64>,
    /// Who asked for that.
    pub pause_by: Option<String>,
    /// Smoothed time of its answers.
    pub response_ms: Option<u32>,
    /// Doublings of the delay because of errors.
    pub strain: u8,
    /// Failures in a row.
    pub failures: i64,
    /// The session that works on it.
    pub lease_session: Option<i64>,
    /// Until when.
    pub lease_until_ms: Option<UnixMs>,
    /// Most pages of the host; `None`: no limit of its own.
    pub page_limit: Option<i64>,
    /// Pages of this round.
    pub pages: i64,
    /// URLs by state.
    pub queued: i64,
    /// URLs by state.
    pub scheduled: i64,
    /// URLs by state.
    pub done: i64,
    /// URLs by state.
    pub failed: i64,
    /// URLs by state.
    pub excluded: i64,
}

impl Reader {
    /// What decides about a URL: of these spellings the first one that is known, else the last one.
    ///
    /// # Errors
    /// [`StoreError`] when the file is at fault, or `budget` does not suffice.
    pub async fn url_records(&mut self, spellings: &[CrawlUrl], budget: &Limits) -> Result<UrlRecords, StoreError> {
        let watch = self.watch(budget).await?;
        let running = self.is_running();
        let collected = async {
            let mut snapshot = self.conn.begin().await?;
            let records = collect(&mut snapshot, spellings, running).await?;
            snapshot.rollback().await?;
            Ok(records)
        };
        let found = collected.await.map_err(|e| stopped_or(&self.path, "explaining the URL", &watch, e))?;
        found.map_err(|detail| StoreError::Corrupt { path: self.path.clone(), detail })
    }

    /// Settings of the latest session; `None`: no crawl was begun.
    ///
    /// # Errors
    /// [`StoreError`] when the file is at fault.
    pub async fn settings(&mut self) -> Result<Option<CrawlSettings>, StoreError> {
        let sql = "SELECT config FROM sessions ORDER BY id DESC LIMIT 1";
        let read: Result<Option<String>, _> = sqlx::query_scalar(sql).fetch_optional(&mut self.conn).await;
        let config = read.map_err(|e| store_error(&self.path, "reading the settings", e))?;
        let corrupt = |detail| StoreError::Corrupt { path: self.path.clone(), detail };
        config.map(|config| settings_of(&config).map_err(corrupt)).transpose()
    }
}

fn settings_of(config: &str) -> Result<CrawlSettings, String> {
    serde_json::from_str(config).map_err(|error| format!("sessions.config: {error}"))
}

/// The outer error is SQLite's, the inner one names what is no value of this program.
type Collected<T> = Result<Result<T, String>, sqlx::Error>;

async fn collect(conn: &mut SqliteConnection, spellings: &[CrawlUrl], running: bool) -> Collected<UrlRecords> {
    let crawl = match crawl(conn, running).await? {
        Ok(crawl) => crawl,
        Err(why) => return Ok(Err(why)),
    };
    let mut found = None;
    for url in spellings {
        if let Some(row) = state_of(conn, url).await? {
            found = Some((url.clone(), row));
            break;
        }
    }
    let Some(url) = found.as_ref().map(|(url, _)| url).or(spellings.last()).cloned() else {
        return Ok(Err("no URL was asked for".to_owned()));
    };
    let (known, near) = match found {
        None => (None, show::near(conn, url.as_str()).await?),
        Some((_, row)) => {
            let known = KnownUrl {
                attempt_count: show::count(conn, "SELECT count(*) FROM fetches WHERE url_id = ?", row.id).await?,
                attempts: show::history(conn, row.id, i64::MAX, MOST_ATTEMPTS).await?,
                redirects: show::redirects(conn, row.id).await?,
                row,
            };
            (Some(known), Vec::new())
        }
    };
    let host = host(conn, url.host_str()).await?;
    Ok(robots(conn, &url).await?.map(|robots| UrlRecords { crawl, url, known, near, host, robots }))
}

async fn crawl(conn: &mut SqliteConnection, running: bool) -> Collected<Option<CrawlRecord>> {
    type Row = (String, Option<String>, i64, bool, i64, i64);
    let sql = "SELECT s.config, s.ended_by, r.id, r.ended_ms IS NOT NULL,
                      (SELECT n FROM totals WHERE name = 'pages') - r.pages_before,
                      (SELECT sum(max(coalesce(o.ended_ms, o.alive_ms) - o.started_ms, 0)) FROM sessions o
                       WHERE o.round_id = r.id)
               FROM sessions s JOIN rounds r ON r.id = s.round_id ORDER BY s.id DESC LIMIT 1";
    let row: Option<Row> = sqlx::query_as(sql).fetch_optional(&mut *conn).await?;
    let Some((config, ended_by, round_id, complete, pages, spent)) = row else { return Ok(Ok(None)) };
    let settings = match settings_of(&config) {
        Ok(settings) => settings,
        Err(why) => return Ok(Err(why)),
    };
    type Seeds = Vec<(String, String, bool, bool, bool, String, i64)>;
    let rows: Seeds = sqlx::query_as(SEEDS_SQL).bind(round_id).bind(0).bind(-1).fetch_all(&mut *conn).await?;
    let seeds = rows.into_iter().map(|(given, url, grants_origin, grants_scope, is_imported, hosts, _)| {
        let names: Vec<String> = serde_json::from_str(&hosts).map_err(|error| format!("seed_hosts: {error}"))?;
        let widened_to = names.into_iter().map(Host::new).collect();
        Ok(StoredSeed { given, url, grants_origin, grants_scope, is_imported, widened_to })
    });
    let seeds = match seeds.collect::<Result<Vec<_>, String>>() {
        Ok(seeds) => seeds,
        Err(why) => return Ok(Err(why)),
    };
    let rows: Vec<(String, String)> = sqlx::query_as(SKIPS_SQL).fetch_all(conn).await?;
    let skips = rows.into_iter().filter_map(|(kind, pattern)| UrlPattern::from_stored(&kind, &pattern)).collect();
    let (round_pages, spent_ms) = (u64::try_from(pages).unwrap_or(0), u64::try_from(spent).unwrap_or(0));
    Ok(Ok(Some(CrawlRecord { settings, seeds, skips, round_id, complete, ended_by, running, round_pages, spent_ms })))
}

async fn state_of(conn: &mut SqliteConnection, url: &CrawlUrl) -> Result<Option<UrlState>, sqlx::Error> {
    let sql = "SELECT u.id, u.host_id, u.state, r.name AS rule, u.depth, u.hops, u.priority, u.attempts, u.due_ms,
                      u.discovered_ms, u.seen_round, v.url AS via, l.kind AS link_kind, l.anchor, l.nofollow AS link_nofollow,
                      EXISTS (SELECT 1 FROM fetches f WHERE f.url_id = u.via_id AND f.target_id = u.id) AS via_redirects,
                      s.given AS seed, s.source AS seed_source,
                      s.grants_scope AS seed_grants_scope,
                      EXISTS (SELECT 1 FROM sitemaps m WHERE m.url_id = u.id) AS is_sitemap,
                      CASE WHEN u.state = 'queued' THEN (SELECT count(*) FROM (
                        SELECT 1 FROM urls q WHERE q.host_id = u.host_id AND q.state = 'queued'
                          AND (q.priority, q.id) < (u.priority, u.id) LIMIT ?2)) END AS ahead,
                      k.depth AS click_depth,
                      CASE WHEN k.url_id IS NOT NULL THEN (SELECT max(w.finished_ms) FROM rank_runs w) END AS ranked_ms,
                      p.deaths, coalesce(p.held, 0) OR coalesce(u.due_ms = ?3, 0) AS held, p.session_id AS died_in_session
               FROM urls u LEFT JOIN rules r ON r.id = u.rule_id LEFT JOIN urls v ON v.id = u.via_id
               LEFT JOIN links l ON l.source_id = u.via_id AND l.target_id = u.id AND l.position = (
                 SELECT min(m.position) FROM links m WHERE m.source_id = u.via_id AND m.target_id = u.id)
               LEFT JOIN seeds s ON s.id = (
                 SELECT o.id FROM seeds o WHERE o.url_id = u.id ORDER BY o.source IN ('import', 'archive'), o.id LIMIT 1)
               LEFT JOIN suspects p ON p.url_id = u.id LEFT JOIN current_ranks k ON k.url_id = u.id
               WHERE u.url = ?1";
    sqlx::query_as(sql).bind(url.as_str()).bind(MOST_AHEAD).bind(HELD_MS).fetch_optional(conn).await
}

async fn host(conn: &mut SqliteConnection, name: &str) -> Result<Option<HostRecord>, sqlx::Error> {
    let sql = "SELECT h.name, q.ready_ms, q.polite_ms, q.delay_ms, q.asked_ms, q.pause_ms, q.pause_by, q.response_ms, q.strain,
                      q.failures, q.lease_session, q.lease_until_ms, q.page_limit, q.pages, q.queued, q.scheduled, q.done,
                      q.failed, q.excluded
               FROM hosts h JOIN host_queue q ON q.host_id = h.id WHERE h.name = ?";
    sqlx::query_as(sql).bind(name).fetch_optional(conn).await
}

#[derive(sqlx::FromRow)]
struct RobotsRow {
    scheme: String,
    port: u16,
    verdict: String,
    status: Option<u16>,
    fetched_ms: i64,
    answered_ms: Option<i64>,
    expires_ms: i64,
    failures: u32,
    error: Option<String>,
    body: Option<String>,
    hop_url: Option<String>,
    hops: Option<u32>,
}

async fn robots(conn: &mut SqliteConnection, url: &CrawlUrl) -> Collected<Vec<RobotsRecord>> {
    let own = url.origin();
    let sql =
        "SELECT r.scheme, r.port, r.verdict, r.status, r.fetched_ms, r.answered_ms, r.expires_ms, r.failures, r.error,
                      r.body, r.hop_url, r.hops
               FROM hosts h JOIN robots r ON r.host_id = h.id WHERE h.name = ?1
               ORDER BY r.scheme = ?2 AND r.port = ?3 DESC, r.id LIMIT ?4";
    let rows: Vec<RobotsRow> = sqlx::query_as(sql)
        .bind(url.host_str())
        .bind(own.scheme.as_str())
        .bind(own.port)
        .bind(MOST_ORIGINS)
        .fetch_all(conn)
        .await?;
    Ok(rows.into_iter().map(|row| record_of(row, &own.host)).collect())
}

fn record_of(row: RobotsRow, host: &Host) -> Result<RobotsRecord, String> {
    let scheme = if row.scheme == "http" { Scheme::Http } else { Scheme::Https };
    let hop = match row.hop_url {
        None => None,
        Some(text) => {
            let url = CrawlUrl::stored(&text).map_err(|why| format!("robots.hop_url {text:?}: {why}"))?;
            Some(RobotsHop { url, hops: row.hops.unwrap_or(1) })
        }
    };
    Ok(RobotsRecord {
        origin: Origin { scheme, host: host.clone(), port: row.port },
        verdict: RobotsVerdict::from_name(&row.verdict)
            .ok_or_else(|| format!("robots.verdict is {:?}", row.verdict))?,
        status: row.status,
        fetched_ms: row.fetched_ms,
        answered_ms: row.answered_ms,
        expires_ms: row.expires_ms,
        failures: row.failures,
        error: row.error,
        body: row.body,
        hop,
    })
}
