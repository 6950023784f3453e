//! What a crawl made of a behaviour, read from its database: [`Facts`], and [`compare`] with what it
//! must be.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection};
use sqlx::{Column, ConnectOptions, Connection, Row};
use tokio::runtime::Runtime;

use super::behaviour::Behaviour;

const COLUMNS: &str = "SELECT u.url, u.state,
    CASE u.state WHEN 'excluded' THEN 'excluded ' || r.name WHEN 'queued' THEN 'queued' WHEN 'scheduled' THEN 'scheduled'
        ELSE f.outcome || coalesce(' ' || f.status, '') END AS ends,
    f.error, f.delay_by, c.title, c.mime, c.charset, c.parse_cut AS cut, c.lang, c.size_bytes AS bytes,
    length(c.title) AS title_length, t.text,
    (SELECT count(1) FROM links l WHERE l.source_id = u.id) AS links, p.url AS target, k.url AS canonical
    FROM urls u LEFT JOIN rules r ON r.id = u.rule_id LEFT JOIN fetches f ON f.id = u.last_fetch_id
    LEFT JOIN contents c ON c.id = f.content_id LEFT JOIN texts t ON t.content_id = c.id
    LEFT JOIN urls p ON p.id = f.target_id LEFT JOIN urls k ON k.id = f.canonical_id ORDER BY u.url";

/// Everything that is known of every URL: column by name, by URL.
pub(super) struct Facts {
    pub(super) urls: BTreeMap<String, BTreeMap<String, String>>,
}

/// A reader of databases from outside.
pub(super) struct Reader {
    runtime: Runtime,
}

impl Reader {
    pub(super) fn new() -> Reader {
        Reader { runtime: tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap() }
    }

    /// Rows with every column as text; `None` when there is no such table yet.
    pub(super) fn rows(&self, db: &Path, sql: &'static str, host: &str) -> Option<Vec<BTreeMap<String, String>>> {
        self.runtime.block_on(async {
            let options =
                SqliteConnectOptions::new().filename(db).read_only(true).busy_timeout(Duration::from_secs(60));
            let mut connection: SqliteConnection = options.connect().await.ok()?;
            let rows = sqlx::query(sql).bind(host).fetch_all(&mut connection).await.ok()?;
            connection.close().await.ok()?;
            let text = |row: &sqlx::sqlite::SqliteRow| {
                let value = |at: usize| row.get_unchecked::<Option<String>, _>(at).unwrap_or_default();
                row.columns().iter().map(|column| (column.name().to_owned(), value(column.ordinal()))).collect()
            };
            Some(rows.iter().map(text).collect())
        })
    }

    pub(super) fn facts(&self, db: &Path) -> Option<Facts> {
        let rows = self.rows(db, COLUMNS, "")?;
        Some(Facts { urls: rows.into_iter().map(|row| (row["url"].clone(), row)).collect() })
    }
}

/// Whether a crawl did what it must; what it did instead. `alone`: the database holds nothing else.
pub(super) fn compare(behaviour: &Behaviour, facts: &Facts, alone: bool) -> Result<(), String> {
    let mut wrong = Vec::new();
    for (url, ends) in &behaviour.ends {
        let found = facts.urls.get(url).map_or("unknown", |row| row["ends"].as_str());
        if found != ends {
            let error = facts.urls.get(url).map_or("", |row| row["error"].as_str());
            wrong.push(format!("{url} must end as {ends:?} and is {found:?} {error:?}"));
        }
    }
    let own = behaviour.url("/");
    for (url, row) in &facts.urls {
        let is_extra = !behaviour.ends.contains_key(url) && (alone || url.starts_with(&own));
        if is_extra && !behaviour.open_ended {
            wrong.push(format!("{url} is {:?}, and nothing names it", row["ends"]));
        }
        let is_done = ["page", "unchanged", "redirect"].contains(&row["ends"].split(' ').next().unwrap_or_default());
        if (row["state"] == "done") != is_done {
            wrong.push(format!("{url} is {} with {:?}", row["state"], row["ends"]));
        }
    }
    for (url, column, value) in &behaviour.facts {
        let found = facts.urls.get(url).map_or("unknown", |row| row[*column].as_str());
        let fits = if matches!(*column, "error" | "text") { found.contains(value.as_str()) } else { found == value };
        if !fits {
            let found: String = found.chars().take(300).collect();
            wrong.push(format!("{column} of {url} must be {value:?} and is {found:?}"));
        }
    }
    if wrong.is_empty() { Ok(()) } else { Err(format!("{}:\n  {}", behaviour.name, wrong.join("\n  "))) }
}

/// Whether its queries answer what they must.
pub(super) fn ask(behaviour: &Behaviour, reader: &Reader, db: &Path) -> Result<(), String> {
    for (sql, value) in &behaviour.says {
        let rows = reader.rows(db, sql, &behaviour.host()).unwrap_or_default();
        let found: Vec<&String> = rows.iter().flat_map(BTreeMap::values).collect();
        if found != [value] {
            return Err(format!("{}: {sql}\n  must be {value:?} and is {found:?}", behaviour.name));
        }
    }
    Ok(())
}
