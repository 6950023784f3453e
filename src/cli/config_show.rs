//! `sqrawl config show`: every setting, its value and where it came from.

use std::path::Path;

use serde_json::{Map, json};

use super::Exit;
use super::sources::Sources;
use super::terminal::Terminal;
use crate::config::{CRAWL, RUN, Row, rows};
use crate::model::CrawlSettings;
use crate::report::neutralise;
use crate::store::StoreError;
use crate::store::sqlite::read::{Limits, Reader, Rows, Value};

/// Prints the settings that `crawl` or `resume` would use with the same flags.
///
/// # Errors
/// A setting that cannot be read, or what stdout says.
pub(super) async fn run(sources: &Sources, terminal: &Terminal) -> anyhow::Result<Exit> {
    // A file that cannot be read keeps nobody from seeing the rest.
    let stored = stored_settings(sources.path()).await.unwrap_or_else(|error| {
        terminal.warn(format_args!("what the database holds is not shown: {error}"));
        None
    });
    let crawl = sources.crawl(stored.as_ref().map(|settings| (settings, sources.path())))?;
    let (run_rows, crawl_rows) = (rows(RUN, &sources.run), rows(CRAWL, &crawl));
    let text = if sources.json {
        let exact = serde_json::to_value(&crawl.settings)?;
        let run: Map<String, serde_json::Value> = run_rows.iter().map(|row| entry(row, json!(row.value))).collect();
        let crawl = crawl_rows.iter().map(|row| entry(row, exact.get(row.field).cloned().unwrap_or_default()));
        let all = json!({ "run": run, "crawl": crawl.collect::<Map<String, serde_json::Value>>() });
        format!("{}\n", serde_json::to_string_pretty(&all)?)
    } else {
        let all: Vec<&Row> = run_rows.iter().chain(&crawl_rows).collect();
        table(&all)
    };
    terminal.data(text.as_bytes())?;
    Ok(Exit::Done)
}

/// The settings of the latest session, read beside whatever crawl may be running.
pub(super) async fn stored_settings(path: &Path) -> Result<Option<CrawlSettings>, StoreError> {
    if !path.exists() {
        return Ok(None);
    }
    let mut reader = Reader::open(path).await?;
    let mut rows = Rows::default();
    let sql = "SELECT config FROM sessions ORDER BY id DESC LIMIT 1";
    let read = reader.query(sql, &[], &Limits::default(), &mut rows).await;
    reader.close().await;
    read?;
    let Some(Value::Text(config)) = rows.rows.first().and_then(|row| row.first()) else { return Ok(None) };
    let corrupt = |error: serde_json::Error| StoreError::Corrupt {
        path: path.to_owned(),
        detail: format!("sessions.config: {error}"),
    };
    serde_json::from_str(config).map(Some).map_err(corrupt)
}

fn entry(row: &Row, exact: serde_json::Value) -> (String, serde_json::Value) {
    let fields = json!({
        "setting": row.name,
        "value": exact,
        "text": row.value,
        "origin": row.origin,
        "variable": row.variable,
    });
    (row.field.to_owned(), fields)
}

fn table(rows: &[&Row]) -> String {
    let wide = |text: fn(&Row) -> &str| rows.iter().map(|row| text(row).chars().count()).max().unwrap_or(0).min(48);
    let (name, value) = (wide(|row| row.name), wide(|row| &row.value));
    let line = |a: &str, b: &str, c: &str| format!("{a:<name$}  {b:<value$}  {c}\n");
    let mut text = line("setting", "value", "origin");
    for row in rows {
        text.push_str(&line(row.name, &neutralise(&row.value), &neutralise(&row.origin.to_string())));
    }
    text
}
