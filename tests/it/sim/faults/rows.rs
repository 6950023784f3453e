//! [`Rows`]: what stands in the database between two lives, and whether it may stand there.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use sqlx::{AssertSqlSafe, ConnectOptions, Connection, Row, SqliteConnection};
use sqrawl::store::sqlite::read::{DoctorOptions, Limits, Reader};

use super::web::{Answer, How, Web};
use crate::conformance::crawl::RECOUNTS;

/// One row as text; `-` is NULL.
type Texts = Vec<String>;

/// Columns of [`Rows::urls`].
const URLS: &str =
    "SELECT u.url, u.state, r.name, u.page_fetch_id, f.outcome, f.status, t.url, c.title, hex(c.hash), k.url
    FROM urls u LEFT JOIN rules r ON r.id = u.rule_id LEFT JOIN fetches f ON f.id = u.last_fetch_id
    LEFT JOIN urls t ON t.id = f.target_id LEFT JOIN fetches p ON p.id = u.page_fetch_id
    LEFT JOIN contents c ON c.id = p.content_id LEFT JOIN urls k ON k.id = p.canonical_id";

/// A URL.
#[derive(Clone, Debug, PartialEq)]
pub struct Url {
    pub state: String,
    pub rule: String,
    pub page_fetch: String,
    /// How its last visit ended: outcome, status and redirect target.
    pub last: [String; 3],
    /// The page that is stored: title, hash, canonical URL.
    pub page: [String; 3],
}

/// A fetch: its URL, when it started, how it ended, what it gave, whether a request was made.
#[derive(Clone, Debug, PartialEq)]
pub struct Fetch {
    pub url: String,
    pub started_ms: i64,
    pub outcome: String,
    content: String,
    pub requested: bool,
}

#[derive(Clone, Debug, Default)]
pub struct Rows {
    pub urls: BTreeMap<String, Url>,
    pub fetches: BTreeMap<i64, Fetch>,
    /// (URL, started_ms) of requests for a robots.txt.
    pub robots_fetches: BTreeSet<(String, i64)>,
    /// Source, kind, target, nofollow, position, anchor.
    pub links: BTreeSet<Texts>,
    /// What a seed is, a sitemap, a host that came into scope, an entry of a sitemap, a discarded reference.
    pub others: BTreeSet<Texts>,
    /// Hosts of which rules are known.
    pub ruled: BTreeSet<String>,
    /// How the latest session ended, and whether the round did.
    pub ended: Option<(String, bool)>,
}

impl Rows {
    /// Reads the file, if there is a crawl in it, and checks every promise that one look can judge.
    pub async fn read(path: &Path) -> Result<Rows, String> {
        let file = sqlx::sqlite::SqliteConnectOptions::new().filename(path).read_only(true).connect().await;
        let Ok(mut file) = file else { return Ok(Rows::default()) };
        let tables = texts(&mut file, "SELECT count(*) FROM sqlite_schema WHERE name = 'sessions'").await;
        let rows = match tables[0][0].as_str() {
            "0" => Ok(Rows::default()),
            _ => match check(&mut file).await {
                Ok(()) => Ok(Rows::of(&mut file).await),
                Err(what) => Err(what),
            },
        };
        file.close().await.unwrap();
        rows
    }

    async fn of(file: &mut SqliteConnection) -> Rows {
        let mut rows = Rows::default();
        for row in texts(file, URLS).await {
            let [url, state, rule, page_fetch, outcome, status, target, title, hash, canonical] = columns(row);
            let (last, page) = ([outcome, status, target], [title, hash, canonical]);
            rows.urls.insert(url, Url { state, rule, page_fetch, last, page });
        }
        let fetches = "SELECT f.id, u.url, f.started_ms, f.outcome, f.content_id, f.delay_asked_ms IS NOT NULL
            FROM fetches f JOIN urls u ON u.id = f.url_id";
        for row in texts(file, fetches).await {
            let [id, url, started, outcome, content, requested] = columns(row);
            let fetch = Fetch { url, started_ms: number(&started), outcome, content, requested: requested == "1" };
            rows.fetches.insert(number(&id), fetch);
        }
        for row in texts(file, "SELECT url, started_ms FROM robots_fetches").await {
            rows.robots_fetches.insert((row[0].clone(), number(&row[1])));
        }
        let links = "SELECT s.url, l.kind, t.url, l.nofollow, l.position, l.anchor
            FROM links l JOIN urls s ON s.id = l.source_id JOIN urls t ON t.id = l.target_id";
        rows.links = texts(file, links).await.into_iter().collect();
        let others = "SELECT 'seed', u.url, s.given FROM seeds s JOIN urls u ON u.id = s.url_id
            UNION ALL SELECT 'sitemap', u.url, '' FROM sitemaps m JOIN urls u ON u.id = m.url_id
            UNION ALL SELECT 'widened', u.url, h.name FROM seed_hosts w JOIN seeds s ON s.id = w.seed_id
              JOIN urls u ON u.id = s.url_id JOIN hosts h ON h.id = w.host_id
            UNION ALL SELECT 'entry', s.url, t.url FROM sitemap_entries e JOIN urls s ON s.id = e.source_id
              JOIN urls t ON t.id = e.target_id
            UNION ALL SELECT 'discarded', name, discarded FROM rules WHERE discarded > 0
            UNION ALL SELECT 'text', u.url, x.text FROM texts x JOIN fetches f ON f.content_id = x.content_id
              JOIN urls u ON u.page_fetch_id = f.id";
        rows.others = texts(file, others).await.into_iter().collect();
        let ruled = "SELECT h.name FROM robots r JOIN hosts h ON h.id = r.host_id WHERE r.verdict = 'rules'";
        rows.ruled = texts(file, ruled).await.into_iter().flatten().collect();
        let ended = "SELECT coalesce(s.ended_by, ''), r.ended_ms IS NOT NULL
            FROM sessions s JOIN rounds r ON r.id = s.round_id ORDER BY s.id DESC LIMIT 1";
        rows.ended = texts(file, ended).await.pop().map(|row| (row[0].clone(), row[1] == "1"));
        rows
    }

    pub fn open(&self) -> usize {
        self.urls.values().filter(|url| matches!(url.state.as_str(), "queued" | "scheduled")).count()
    }

    /// What must not have happened since `before`.
    pub fn assert_follows(&self, before: &Rows) -> Result<(), String> {
        for (url, was) in &before.urls {
            let Some(is) = self.urls.get(url) else { return Err(format!("{url} has left the database")) };
            if is.page_fetch == was.page_fetch && is.page != was.page {
                return Err(format!("{url} changed without a fetch: {:?} and now {:?}", was.page, is.page));
            }
            if matches!(was.state.as_str(), "done" | "failed") && (is.state != was.state || is.last != was.last) {
                return Err(format!("{url} was settled and is not as it was: {was:?} and now {is:?}"));
            }
        }
        for (id, was) in &before.fetches {
            if self.fetches.get(id) != Some(was) {
                return Err(format!("fetch {id} changed: {was:?} and now {:?}", self.fetches.get(id)));
            }
        }
        Ok(())
    }

    /// A page stands there with its title and with all its links, or not at all.
    pub fn assert_whole(&self, web: &Web) -> Result<(), String> {
        let mut found: BTreeMap<&str, BTreeSet<(&str, &str)>> = BTreeMap::new();
        for link in &self.links {
            found.entry(&link[0]).or_default().insert((&link[1], &link[2]));
        }
        for (url, row) in &self.urls {
            let found = found.remove(url.as_str()).unwrap_or_default();
            if row.page_fetch == "-" {
                if !found.is_empty() {
                    return Err(format!("{url} has links and no page"));
                }
                continue;
            }
            let Some((_, links)) = web.page_of(url) else { return Err(format!("{url} is no page")) };
            let is_sitemap = matches!(web.answer(url), Answer::Sitemap { .. });
            let kind = |how: How| match how {
                _ if is_sitemap => "sitemap",
                How::Plain | How::Nofollow => "a",
                How::Image => "img",
                How::Canonical => "canonical",
            };
            let wanted: BTreeSet<(&str, &str)> = links.iter().map(|link| (kind(link.how), link.to.as_str())).collect();
            if found != wanted {
                return Err(format!("{url} has the links {found:?}, not {wanted:?}"));
            }
            let title = web.title_of(url).unwrap_or_else(|| "-".to_owned());
            if row.page[0] != title {
                return Err(format!("{url} has the title {:?}", row.page[0]));
            }
        }
        match found.keys().next() {
            Some(source) => Err(format!("{source} has links and is no URL")),
            None => Ok(()),
        }
    }

    /// What is the same however often a crawl was disturbed. Left out: ids, times, depths, tries,
    /// the page that named a URL first. A robots.txt that could not be had is remembered over a
    /// restart, how it failed is not.
    pub fn determined(&self) -> BTreeSet<Texts> {
        let mut all = self.links.clone();
        all.extend(self.others.iter().cloned());
        for (url, row) in &self.urls {
            let Url { state, rule, last: [outcome, status, target], page, .. } = row.clone();
            let mut texts = vec!["url".to_owned(), url.clone(), state];
            if row.state != "failed" {
                texts.extend([rule, outcome, status, target]);
            }
            texts.extend(page);
            all.insert(texts);
        }
        all
    }
}

/// The recounts of the conformance suite, and whether every row that is named exists.
async fn check(file: &mut SqliteConnection) -> Result<(), String> {
    for (what, sql) in RECOUNTS.iter().copied().chain([("foreign keys", "PRAGMA foreign_key_check")]) {
        let wrong = texts(file, sql).await;
        if !wrong.is_empty() {
            return Err(format!("{what}: {} rows, first {:?}", wrong.len(), wrong[0]));
        }
    }
    Ok(())
}

/// What `sqrawl doctor` says, of every body.
pub async fn examine(path: &Path) -> Result<(), String> {
    let options =
        DoctorOptions { bodies: None, identity: Some(sqrawl::parse::content_hash), ..DoctorOptions::default() };
    let mut reader = Reader::open(path).await.map_err(|error| error.to_string())?;
    let diagnosis = reader.doctor(options, &Limits::default()).await.map_err(|error| error.to_string())?;
    reader.close().await;
    if diagnosis.is_sound() { Ok(()) } else { Err(format!("doctor: {:#?}", diagnosis.findings)) }
}

async fn texts(file: &mut SqliteConnection, sql: &str) -> Vec<Texts> {
    let rows = sqlx::query(AssertSqlSafe(sql.to_owned())).fetch_all(file).await;
    let rows = rows.unwrap_or_else(|error| panic!("{sql}: {error}"));
    let text = |row: &sqlx::sqlite::SqliteRow, n: usize| {
        let text: Option<String> = row.try_get_unchecked(n).unwrap();
        text.unwrap_or_else(|| "-".to_owned())
    };
    rows.iter().map(|row| (0..row.len()).map(|n| text(row, n)).collect()).collect()
}

fn columns<const N: usize>(row: Texts) -> [String; N] {
    row.try_into().unwrap_or_else(|row| panic!("{row:?} has not {N} columns"))
}

fn number(text: &str) -> i64 {
    text.parse().unwrap_or_else(|_| panic!("{text} is no number"))
}
