//! The schema of a file against that of this program: [`SchemaObject`]s and migrations.
//!
//! The database is the interface, and views, indexes and tables beside those of the crawl are anybody's right;
//! what the crawl made is to be as it made it.

use std::collections::HashMap;

use sqlx::SqliteConnection;

use super::token::significant_tokens;
use crate::store::sqlite::migrate::MIGRATOR;

/// An object of a schema.
#[derive(Clone, Debug, PartialEq, sqlx::FromRow)]
pub(in crate::store::sqlite) struct SchemaObject {
    /// `table`, `index`, `view` or `trigger`.
    pub(in crate::store::sqlite) kind: String,
    pub(in crate::store::sqlite) name: String,
    /// The table it belongs to; its own name for tables and views.
    pub(in crate::store::sqlite) of: String,
    /// The `CREATE` statement; NULL for automatic indexes.
    pub(in crate::store::sqlite) sql: Option<String>,
}

impl SchemaObject {
    /// Whether this is the object that `wanted` is, said in the same words; white space and comments aside.
    /// The list of migrations is made by a library, which may say it otherwise.
    pub(in crate::store::sqlite) fn is(&self, wanted: &SchemaObject) -> bool {
        let words = |sql: &Option<String>| {
            let sql = sql.clone().unwrap_or_default();
            let tokens = significant_tokens(&sql).unwrap_or_default();
            tokens.iter().map(|token| sql[token.start..token.end].to_owned()).collect::<Vec<_>>()
        };
        (&self.kind, &self.name) == (&wanted.kind, &wanted.name)
            && (self.sql == wanted.sql || wanted.name == MIGRATIONS || words(&self.sql) == words(&wanted.sql))
    }
}

/// The list of migrations.
const MIGRATIONS: &str = "_sqlx_migrations";

/// Gives every object of a schema, as [`SchemaObject`]s.
pub(in crate::store::sqlite) const OBJECTS: &str =
    r#"SELECT type AS kind, name, tbl_name AS "of", sql FROM sqlite_schema"#;

/// Reads every object of a schema.
pub(in crate::store::sqlite) async fn objects(conn: &mut SqliteConnection) -> Result<Vec<SchemaObject>, sqlx::Error> {
    sqlx::query_as(OBJECTS).fetch_all(conn).await
}

/// How a schema differs from the one expected.
#[derive(Debug, Default)]
pub(super) struct Differences {
    /// Expected, and missing or another.
    pub(super) broken: Vec<String>,
    /// Triggers of others on what is expected.
    pub(super) triggers: Vec<String>,
    /// Other objects of others.
    pub(super) others: Vec<String>,
}

/// Compares what was found with what is expected.
pub(super) fn compare(found: &[SchemaObject], expected: &[SchemaObject]) -> Differences {
    let by_name: HashMap<&str, &SchemaObject> = found.iter().map(|object| (object.name.as_str(), object)).collect();
    let ours: HashMap<&str, &SchemaObject> = expected.iter().map(|object| (object.name.as_str(), object)).collect();
    let mut differences = Differences::default();
    for wanted in expected {
        let what = match by_name.get(wanted.name.as_str()) {
            Some(there) if there.is(wanted) => continue,
            Some(there) if there.kind == wanted.kind => "is another",
            Some(_) | None => "is missing",
        };
        differences.broken.push(format!("{} {} {what}", wanted.kind, wanted.name));
    }
    // SQLite's own hold statistics and counters.
    for object in found.iter().filter(|object| !object.name.starts_with("sqlite_")) {
        if ours.get(object.name.as_str()).is_some_and(|wanted| wanted.kind == object.kind) {
            continue;
        }
        let on_ours = object.of != object.name && ours.contains_key(object.of.as_str());
        let place = if on_ours { format!(" on {}", object.of) } else { String::new() };
        let named = format!("{} {}{place}", object.kind, object.name);
        if object.kind == "trigger" && on_ours {
            differences.triggers.push(named);
        } else {
            differences.others.push(named);
        }
    }
    differences
}

/// Whether the file says that it was made by the migrations that made this program's schema; what differs.
pub(super) async fn migrations(conn: &mut SqliteConnection) -> Result<Vec<String>, sqlx::Error> {
    let rows: Vec<(i64, bool, Vec<u8>)> =
        sqlx::query_as("SELECT version, success, checksum FROM _sqlx_migrations").fetch_all(conn).await?;
    let mut wrong = Vec::new();
    for wanted in MIGRATOR.iter() {
        match rows.iter().find(|(version, ..)| *version == wanted.version) {
            None => wrong.push(format!("version {} is not noted", wanted.version)),
            Some((_, _, checksum)) if *checksum != *wanted.checksum => {
                wrong.push(format!("version {} was made by another schema", wanted.version));
            }
            Some((_, false, _)) => wrong.push(format!("version {} is noted as failed", wanted.version)),
            Some(_) => {}
        }
    }
    let unknown = rows.iter().filter(|(version, ..)| !MIGRATOR.version_exists(*version));
    wrong.extend(unknown.map(|(version, ..)| format!("version {version} is noted, and not known")));
    Ok(wrong)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn object(kind: &str, name: &str, of: &str, sql: &str) -> SchemaObject {
        SchemaObject { kind: kind.into(), name: name.into(), of: of.into(), sql: Some(sql.into()) }
    }

    #[test]
    fn what_is_said_in_other_words_is_another() {
        let wanted = object("view", "v", "v", "CREATE VIEW v AS SELECT 1 -- one");
        for (sql, same) in [
            ("CREATE VIEW v AS\n  SELECT /* */ 1", true),
            ("CREATE VIEW v AS SELECT 1 -- one", true),
            ("CREATE VIEW v AS SELECT 2", false),
            ("CREATE VIEW v AS SELECT 1, 'open", false),
        ] {
            assert_eq!(object("view", "v", "v", sql).is(&wanted), same, "{sql}");
        }
        assert!(!object("table", "v", "v", "CREATE VIEW v AS SELECT 1").is(&wanted));
    }

    #[test]
    fn what_is_missing_and_what_is_anybodys_is_told_apart() {
        let expected =
            [object("table", "t", "t", "CREATE TABLE t(a)"), object("index", "i", "t", "CREATE INDEX i ON t(a)")];
        let found = [
            object("table", "t", "t", "CREATE TABLE t(a, b)"),
            object("table", "i", "i", "CREATE TABLE i(a)"),
            object("trigger", "r", "t", "CREATE TRIGGER r"),
            object("trigger", "s", "i2", "CREATE TRIGGER s"),
            object("index", "j", "t", "CREATE INDEX j ON t(b)"),
            object("table", "sqlite_stat1", "sqlite_stat1", "CREATE TABLE sqlite_stat1(tbl,idx,stat)"),
        ];
        let differences = compare(&found, &expected);
        assert_eq!(differences.broken, ["table t is another", "index i is missing"]);
        assert_eq!(differences.triggers, ["trigger r on t"]);
        assert_eq!(differences.others, ["table i", "trigger s", "index j on t"]);
    }
}
