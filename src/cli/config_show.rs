//! `sqrawl config show`: every setting, its value and where it came from.

use serde_json::{Map, Value, json};

use super::Exit;
use super::files;
use super::sources::Sources;
use super::terminal::Terminal;
use crate::config::{CRAWL, RUN, Row, rows};
use crate::report::neutralise;

/// Prints the settings that `crawl` or `resume` would use with the same flags.
///
/// # Errors
/// A setting that cannot be read, or what stdout says.
pub(super) async fn run(sources: &Sources, terminal: &Terminal) -> anyhow::Result<Exit> {
    // A file that cannot be read keeps nobody from seeing the rest.
    let stored = files::stored_crawl(sources.path()).await.unwrap_or_else(|error| {
        terminal.warn(error);
        None
    });
    let crawl = sources.crawl(stored.as_ref().map(|stored| (&stored.settings, sources.path())))?;
    let (run_rows, crawl_rows) = (rows(RUN, &sources.run), rows(CRAWL, &crawl));
    let text = if sources.json {
        let exact = serde_json::to_value(&crawl.settings)?;
        let run: Map<String, Value> = run_rows.iter().map(|row| entry(row, json!(row.value))).collect();
        let crawl = crawl_rows.iter().map(|row| entry(row, exact.get(row.field).cloned().unwrap_or_default()));
        let all = json!({ "run": run, "crawl": crawl.collect::<Map<String, Value>>() });
        format!("{}\n", serde_json::to_string_pretty(&all)?)
    } else {
        let all: Vec<&Row> = run_rows.iter().chain(&crawl_rows).collect();
        table(&all)
    };
    terminal.data(text.as_bytes())?;
    Ok(Exit::Done)
}

fn entry(row: &Row, exact: Value) -> (String, Value) {
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
