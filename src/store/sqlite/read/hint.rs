//! What to write instead: the names that exist, when SQLite says that one does not.

use sqlx::SqliteConnection;

use super::token::names_in;

/// Most names in one message.
const MOST_NAMES: usize = 40;

/// SQLite's message, followed by the names that exist.
pub(super) async fn with_names(conn: &mut SqliteConnection, message: &str, sql: &str) -> String {
    let hint = if let Some(wanted) = message.strip_prefix("no such table: ") {
        let tables = tables(conn).await;
        list("tables and views", wanted, &tables)
    } else if let Some(wanted) = message.strip_prefix("no such column: ") {
        column_hint(conn, wanted, sql).await
    } else {
        None
    };
    match hint {
        Some(hint) => format!("{message}; {hint}"),
        None => message.to_owned(),
    }
}

async fn tables(conn: &mut SqliteConnection) -> Vec<String> {
    let sql =
        "SELECT name FROM sqlite_schema WHERE type IN ('table', 'view') AND name NOT LIKE 'sqlite\\_%' ESCAPE '\\'
               ORDER BY type DESC, name";
    sqlx::query_scalar(sql).fetch_all(conn).await.unwrap_or_default()
}

/// The columns of every table that the query names.
async fn column_hint(conn: &mut SqliteConnection, wanted: &str, sql: &str) -> Option<String> {
    let words = names_in(sql);
    let used: Vec<String> =
        tables(conn).await.into_iter().filter(|table| words.iter().any(|w| w.eq_ignore_ascii_case(table))).collect();
    let mut hints = Vec::new();
    for table in used.iter().take(4) {
        let columns: Vec<String> = sqlx::query_scalar("SELECT name FROM pragma_table_info(?)")
            .bind(table)
            .fetch_all(&mut *conn)
            .await
            .unwrap_or_default();
        hints.extend(list(&format!("columns of {table}"), wanted, &columns));
    }
    (!hints.is_empty()).then(|| hints.join("; "))
}

/// The nearest name first, when one is near.
fn list(what: &str, wanted: &str, names: &[String]) -> Option<String> {
    if names.is_empty() {
        return None;
    }
    let wanted = wanted.rsplit('.').next().unwrap_or(wanted).to_ascii_lowercase();
    let near = names
        .iter()
        .map(|name| (distance(&wanted, &name.to_ascii_lowercase()), name))
        .filter(|(d, name)| *d <= 2 && *d < name.len())
        .min_by_key(|(d, _)| *d);
    let shown: Vec<&str> = names.iter().take(MOST_NAMES).map(String::as_str).collect();
    let more = if names.len() > MOST_NAMES { ", …" } else { "" };
    let listed = format!("{what}: {}{more}", shown.join(", "));
    Some(match near {
        Some((_, name)) => format!("did you mean {name}? {listed}"),
        None => listed,
    })
}

/// Levenshtein distance over bytes; names longer than 64 bytes are never near.
fn distance(a: &str, b: &str) -> usize {
    if a.len() > 64 || b.len() > 64 {
        return usize::MAX;
    }
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, x) in a.bytes().enumerate() {
        let mut diagonal = row[0];
        row[0] = i + 1;
        for (j, y) in b.bytes().enumerate() {
            let replaced = diagonal + usize::from(x != y);
            diagonal = row[j + 1];
            row[j + 1] = replaced.min(row[j] + 1).min(row[j + 1] + 1);
        }
    }
    row[b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_edits() {
        for (a, b, wanted) in [("", "", 0), ("a", "", 1), ("titel", "title", 2), ("url", "urls", 1), ("abc", "xyz", 3)]
        {
            assert_eq!(distance(a, b), wanted, "{a} {b}");
        }
    }
}
