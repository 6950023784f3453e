//! [`Diagnosis`]: the promises checked, in one read transaction, so that a crawl may run meanwhile.

use serde::Serialize;
use sqlx::{AssertSqlSafe, Row, SqliteConnection};

use super::body::{ContentIdentity, unpack};
use super::checks::{self, Check};
use super::indexed;
use super::schema::{self, SchemaObject};
use super::token::check_expressions;
use crate::model::CrawlSettings;
use crate::store::sqlite::Repaired;

/// Damaged rows named for a finding of [`checks`].
const EXAMPLES: usize = 5;
/// Examples of any finding.
const MOST_EXAMPLES: usize = 20;

/// Contents that are searched for in the full-text index.
const SEARCHES: u32 = 1000;
/// The same for a quick look.
const QUICK_SEARCHES: u32 = 100;

/// How thorough to be.
#[derive(Clone, Copy, Debug)]
pub struct DoctorOptions {
    /// `quick_check` instead of `integrity_check`: indexes are not compared with their tables, and foreign
    /// keys, each of which is a search, are left out.
    pub quick: bool,
    /// Bodies that are unpacked, spread evenly; `None`: every one. Default 1,000.
    pub bodies: Option<u32>,
    /// Makes the identity of a content, to be compared with the stored one; `None`: only the size
    /// is compared.
    pub identity: Option<ContentIdentity>,
}

impl Default for DoctorOptions {
    fn default() -> Self {
        DoctorOptions { quick: false, bodies: Some(1000), identity: None }
    }
}

/// What a finding means.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// Worth knowing; nothing is wrong.
    Info,
    /// A promise is broken.
    Damage,
}

/// One thing found.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Finding {
    /// Stable name of the check.
    pub check: &'static str,
    /// What it means.
    pub severity: Severity,
    /// Table and column.
    pub location: String,
    /// What is wrong.
    pub what: String,
    /// Rows concerned.
    pub count: u64,
    /// Some of them.
    pub examples: Vec<String>,
    /// What to do.
    pub remedy: String,
}

/// The result of [`Reader::doctor`](super::Reader::doctor).
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Diagnosis {
    /// The database file.
    pub database: String,
    /// Its schema version.
    pub schema_version: i64,
    /// Checks that were made, by name.
    pub checks: Vec<&'static str>,
    /// Bodies that were unpacked.
    pub bodies_checked: u64,
    /// What was found, damage first.
    pub findings: Vec<Finding>,
    /// What was made right before.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub repaired: Vec<Repaired>,
}

impl Diagnosis {
    /// Whether no promise is broken.
    pub fn is_sound(&self) -> bool {
        self.findings.iter().all(|f| f.severity == Severity::Info)
    }
}

/// Examines the database inside the caller's transaction. `expected` is the schema of a fresh
/// database of the same version.
pub(super) async fn examine(
    conn: &mut SqliteConnection,
    database: String,
    options: DoctorOptions,
    running: bool,
    expected: &[SchemaObject],
) -> Result<Diagnosis, sqlx::Error> {
    let schema_version = sqlx::query_scalar("PRAGMA user_version").fetch_one(&mut *conn).await?;
    let mut diagnosis = Diagnosis {
        database,
        schema_version,
        checks: Vec::new(),
        bodies_checked: 0,
        findings: Vec::new(),
        repaired: Vec::new(),
    };
    examine_schema(conn, expected, &mut diagnosis).await?;
    diagnosis.add("integrity", integrity(conn, options.quick).await)?;
    if !options.quick {
        diagnosis.add("foreign_keys", foreign_keys(conn).await)?;
    }
    diagnosis.add("constraints", constraints(conn, expected).await)?;
    for check in checks::all().filter(|check| check.quick || !options.quick) {
        diagnosis.add(check.name, promise(conn, check).await)?;
    }
    let bodies = bodies(conn, options, &mut diagnosis.bodies_checked).await;
    diagnosis.add("bodies", bodies)?;
    diagnosis.add("search_index", search_index(conn, options.quick).await)?;
    diagnosis.add("settings", settings(conn).await)?;
    diagnosis.add("sessions", dead_sessions(conn, running).await)?;
    diagnosis.add("leases", dead_leases(conn, running).await)?;
    diagnosis.add("suspects", suspects(conn).await)?;
    diagnosis.add("crashed", crashed(conn).await)?;
    diagnosis.findings.sort_by_key(|f| std::cmp::Reverse(f.severity));
    Ok(diagnosis)
}

impl Diagnosis {
    /// Records what a check found. A page that cannot be read ends the check and not the examination;
    /// so does a missing table, which the first check has named.
    fn add(&mut self, check: &'static str, found: Result<Option<Finding>, sqlx::Error>) -> Result<(), sqlx::Error> {
        self.checks.push(check);
        let finding = match found {
            Err(e) if is_corruption(&e) => {
                damage(check, "the file", "SQLite cannot read the file", vec![e.to_string()]).map(|f| f.remedy(RECOVER))
            }
            Err(e) if code_of(&e) == Some(SQLITE_ERROR) && self.findings.iter().any(|f| f.check == "schema") => None,
            other => other?,
        };
        self.findings.extend(finding);
        Ok(())
    }
}

/// SQLite could not make sense of the statement: a table or column of it does not exist.
const SQLITE_ERROR: i64 = 1;

/// `SQLITE_CORRUPT` or `SQLITE_NOTADB`.
fn is_corruption(error: &sqlx::Error) -> bool {
    matches!(code_of(error), Some(11 | 26))
}

/// SQLite's primary result code.
pub(super) fn code_of(error: &sqlx::Error) -> Option<i64> {
    let code = error.as_database_error()?.code()?.parse::<i64>().ok()?;
    Some(code & 0xff)
}

const RECOVER: &str =
    "save what is readable with: sqlite3 FILE .recover | sqlite3 NEW; check the disk, then crawl again";

/// What the schema is, and what the file says that made it.
async fn examine_schema(
    conn: &mut SqliteConnection,
    expected: &[SchemaObject],
    diagnosis: &mut Diagnosis,
) -> Result<(), sqlx::Error> {
    let found = match schema::objects(conn).await {
        Ok(found) => found,
        Err(error) => return diagnosis.add("schema", Err(error)),
    };
    let schema::Differences { broken, triggers, others } = schema::compare(&found, expected);
    let broken =
        damage("schema", "sqlite_schema", "a table, index or view is missing, or not that of this schema", broken);
    let remedy = "sqrawl doctor --repair makes indexes and views anew; with a table its rows are gone: take them from a \
                  backup, or start a new crawl";
    diagnosis.add("schema", Ok(broken.map(|f| f.remedy(remedy))))?;
    let triggers =
        damage("triggers", "sqlite_schema", "a trigger that is not sqrawl's changes what a crawl writes", triggers);
    let remedy =
        "unless you made it and know what it does: DROP TRIGGER; a crawl may fail by it, or break its promises";
    diagnosis.add("triggers", Ok(triggers.map(|f| f.remedy(remedy).info())))?;
    let others = damage("objects", "sqlite_schema", "tables, indexes or views that are not sqrawl's", others);
    let remedy = "nothing to do, they are yours; each index makes a crawl slower, and a UNIQUE one may end it";
    diagnosis.add("objects", Ok(others.map(|f| f.remedy(remedy).info())))?;
    let wrong = schema::migrations(conn).await.map(|wrong| {
        damage(
            "migrations",
            "_sqlx_migrations",
            "the file does not say that this schema made it: no crawl goes on in it",
            wrong,
        )
        .map(|f| f.remedy("sqrawl doctor --repair notes it again, when the schema is sound"))
    });
    diagnosis.add("migrations", wrong)
}

async fn integrity(conn: &mut SqliteConnection, quick: bool) -> Result<Option<Finding>, sqlx::Error> {
    // At most MOST_EXAMPLES lines. (The table function would take a number for a table's name.)
    let sql = if quick { "PRAGMA quick_check(20)" } else { "PRAGMA integrity_check(20)" };
    let lines: Vec<String> = sqlx::query_scalar(sql).fetch_all(conn).await?;
    let lines: Vec<String> = lines.into_iter().filter(|line| line != "ok").collect();
    Ok(damage("integrity", "the file", "SQLite finds the file damaged", lines).map(|f| f.remedy(RECOVER)))
}

/// The CHECK clauses of the schema. SQLite's `integrity_check` leaves them out on a read-only
/// connection, where it does not even parse them.
async fn constraints(conn: &mut SqliteConnection, expected: &[SchemaObject]) -> Result<Option<Finding>, sqlx::Error> {
    let mut broken = Vec::new();
    for table in expected.iter().filter(|o| o.kind == "table") {
        let checks = check_expressions(table.sql.as_deref().unwrap_or_default());
        if checks.is_empty() {
            continue;
        }
        // One pass over the table for all of them.
        let counts: Vec<String> = checks.iter().map(|check| format!("count(*) FILTER (WHERE NOT ({check}))")).collect();
        let sql = format!("SELECT {} FROM \"{}\"", counts.join(", "), table.name);
        let row = sqlx::query(AssertSqlSafe(sql)).fetch_one(&mut *conn).await?;
        for (at, check) in checks.iter().enumerate() {
            let count: i64 = row.try_get(at)?;
            if count > 0 {
                broken.push(format!("{}: {count} row(s) break CHECK ({check})", table.name));
            }
        }
    }
    Ok(damage("constraints", "see the examples", "a row holds a value that the schema forbids", broken)
        .map(|f| f.remedy("write to the database only through sqrawl; start a new crawl")))
}

async fn foreign_keys(conn: &mut SqliteConnection) -> Result<Option<Finding>, sqlx::Error> {
    let sql = "SELECT \"table\" || ' row ' || coalesce(rowid, '?') || ' names a missing row of ' || parent
               FROM pragma_foreign_key_check";
    let rows = counted(conn, sql).await?;
    Ok(rows
        .finding("foreign_keys", "a row names another one that does not exist")
        .map(|f| f.location("see the examples").remedy("write to the database only through sqrawl; start a new crawl")))
}

async fn promise(conn: &mut SqliteConnection, check: &Check) -> Result<Option<Finding>, sqlx::Error> {
    let rows = counted(conn, check.sql).await?;
    Ok(rows
        .finding(check.name, check.what)
        .map(|f| Finding { severity: check.severity, ..f.location(check.location).remedy(check.remedy) }))
}

/// Damaged rows: how many, and some of them.
struct Counted {
    count: u64,
    examples: Vec<String>,
}

impl Counted {
    fn finding(self, check: &'static str, what: &str) -> Option<Finding> {
        let mut finding = damage(check, "", what, self.examples)?;
        finding.count = self.count;
        Some(finding)
    }
}

async fn counted(conn: &mut SqliteConnection, sql: &'static str) -> Result<Counted, sqlx::Error> {
    use futures_util::TryStreamExt;
    let mut rows = sqlx::query_scalar::<_, Option<String>>(sql).fetch(conn);
    let mut counted = Counted { count: 0, examples: Vec::new() };
    while let Some(row) = rows.try_next().await? {
        counted.count += 1;
        if counted.examples.len() < EXAMPLES {
            counted.examples.push(row.unwrap_or_else(|| "a row of NULLs".to_owned()));
        }
    }
    Ok(counted)
}

fn damage(check: &'static str, location: &str, what: &str, rows: Vec<String>) -> Option<Finding> {
    if rows.is_empty() {
        return None;
    }
    Some(Finding {
        check,
        severity: Severity::Damage,
        location: location.to_owned(),
        what: what.to_owned(),
        count: rows.len() as u64,
        examples: rows.into_iter().take(MOST_EXAMPLES).collect(),
        remedy: String::new(),
    })
}

impl Finding {
    fn location(mut self, location: &str) -> Self {
        location.clone_into(&mut self.location);
        self
    }

    fn remedy(mut self, remedy: &str) -> Self {
        remedy.clone_into(&mut self.remedy);
        self
    }

    fn info(mut self) -> Self {
        self.severity = Severity::Info;
        self
    }
}

#[derive(sqlx::FromRow)]
struct BodyRow {
    id: i64,
    mime: String,
    charset: Option<String>,
    hash: Vec<u8>,
    codec: String,
    size_bytes: i64,
    data: Vec<u8>,
}

/// Unpacks bodies one by one and names those that are not what they should be.
async fn bodies(
    conn: &mut SqliteConnection,
    options: DoctorOptions,
    checked: &mut u64,
) -> Result<Option<Finding>, sqlx::Error> {
    let sql = "SELECT c.id, c.mime, c.charset, c.hash, b.codec, b.size_bytes, b.data
               FROM bodies b JOIN contents c ON c.id = b.content_id WHERE b.content_id = ?";
    let mut damaged = Vec::new();
    for id in body_sample(conn, options.bodies).await? {
        let row: Option<BodyRow> = sqlx::query_as(sql).bind(id).fetch_optional(&mut *conn).await?;
        damaged.extend(row.and_then(|row| wrong_body(row, options.identity)));
        *checked += 1;
    }
    Ok(damage("bodies", "bodies.data", "a stored body is not what was parsed", damaged)
        .map(|f| f.remedy("crawl the page again; check the disk")))
}

fn wrong_body(row: BodyRow, identity: Option<ContentIdentity>) -> Option<String> {
    let bytes = match unpack(&row.codec, row.size_bytes, row.data) {
        Ok(bytes) => bytes,
        Err(why) => return Some(format!("content {}: {why}", row.id)),
    };
    let found = identity?(&row.mime, row.charset.as_deref(), &bytes);
    (found.as_slice() != row.hash).then(|| format!("content {}: its hash differs from the stored one", row.id))
}

/// Every n-th body, so that old and new ones are looked at alike.
async fn body_sample(conn: &mut SqliteConnection, most: Option<u32>) -> Result<Vec<i64>, sqlx::Error> {
    let count: i64 = sqlx::query_scalar("SELECT count(*) FROM bodies").fetch_one(&mut *conn).await?;
    let step = most.map_or(1, |most| (count / i64::from(most.max(1))).max(1));
    let most = most.map_or(-1, i64::from);
    let sql = "SELECT content_id FROM (SELECT content_id, row_number() OVER (ORDER BY content_id) - 1 AS n FROM bodies)
               WHERE n % ? = 0 LIMIT ?";
    sqlx::query_scalar(sql).bind(step).bind(most).fetch_all(conn).await
}

/// Whether the full-text index has what it should, and some of it is found.
async fn search_index(conn: &mut SqliteConnection, quick: bool) -> Result<Option<Finding>, sqlx::Error> {
    let mut wrong = indexed::missing_rows(conn).await?;
    wrong.extend(indexed::unfound(conn, if quick { QUICK_SEARCHES } else { SEARCHES }).await?);
    Ok(damage("search_index", "search", "the full-text index is not that of the contents", wrong)
        .map(|f| f.remedy("sqrawl search --rebuild makes it anew; nothing is lost")))
}

/// Settings that no crawl could go on with.
async fn settings(conn: &mut SqliteConnection) -> Result<Option<Finding>, sqlx::Error> {
    let rows: Vec<(i64, String)> = sqlx::query_as("SELECT id, config FROM sessions").fetch_all(conn).await?;
    let wrong = |text: &str| match serde_json::from_str::<CrawlSettings>(text) {
        Err(error) => Some(error.to_string()),
        // Every session says it. What later versions add need not be there.
        Ok(_) if !text.contains(r#""scope""#) => Some("no settings are in it".to_owned()),
        Ok(_) => None,
    };
    let wrong = rows.iter().filter_map(|(id, text)| Some(format!("session {id}: {}", wrong(text)?))).collect();
    Ok(damage("settings", "sessions.config", "the settings of a session do not read back", wrong).map(|f| {
        f.remedy(
            "copy them from another session: UPDATE sessions SET config = (SELECT config FROM sessions WHERE id = …)",
        )
    }))
}

async fn dead_sessions(conn: &mut SqliteConnection, running: bool) -> Result<Option<Finding>, sqlx::Error> {
    // The latest session may be the one that runs now.
    let sql = if running {
        "SELECT 'session ' || id FROM sessions WHERE ended_ms IS NULL AND id < (SELECT max(id) FROM sessions)"
    } else {
        "SELECT 'session ' || id FROM sessions WHERE ended_ms IS NULL"
    };
    let rows = counted(conn, sql).await?;
    Ok(rows
        .finding("sessions", "a session did not end by itself: the process was killed, or the machine stopped")
        .map(|f| f.location("sessions.ended_ms").remedy("nothing was lost; sqrawl resume goes on").info()))
}

async fn dead_leases(conn: &mut SqliteConnection, running: bool) -> Result<Option<Finding>, sqlx::Error> {
    let sql = if running {
        "SELECT h.name FROM host_queue k JOIN hosts h ON h.id = k.host_id
         WHERE k.lease_session < (SELECT max(id) FROM sessions)"
    } else {
        "SELECT h.name FROM host_queue k JOIN hosts h ON h.id = k.host_id WHERE k.lease_session IS NOT NULL"
    };
    let rows = counted(conn, sql).await?;
    Ok(rows.finding("leases", "a host is held by a session that is dead").map(|f| {
        f.location("host_queue.lease_session").remedy("nothing to do: the next sqrawl resume frees it").info()
    }))
}

async fn suspects(conn: &mut SqliteConnection) -> Result<Option<Finding>, sqlx::Error> {
    let rows = counted(
        conn,
        "SELECT u.url || ', died of ' || s.deaths || ' times in a row' FROM suspects s CROSS JOIN urls u ON u.id = s.url_id
         WHERE s.held ORDER BY s.deaths DESC, u.id",
    )
    .await?;
    Ok(rows.finding("suspects", "a page was in work when the process died: it is tried alone, after all others").map(
        |f| {
            f.location("suspects")
                .remedy("nothing to do: sqrawl resume tries it, and gives it up when there is proof")
                .info()
        },
    ))
}

async fn crashed(conn: &mut SqliteConnection) -> Result<Option<Finding>, sqlx::Error> {
    let rows = counted(
        conn,
        "SELECT u.url || ': ' || coalesce(f.error, '') FROM urls u JOIN fetches f ON f.id = u.last_fetch_id
         WHERE u.state = 'failed' AND f.outcome = 'crashed' ORDER BY u.id",
    )
    .await?;
    Ok(rows
        .finding("crashed", "a page was given up because this program died of it")
        .map(|f| f.location("fetches.outcome").remedy("please report the page: this is a defect of sqrawl").info()))
}
