//! Indexes and views as this program makes them, and the note of the migrations that did.

use sqlx::FromRow;

use crate::store::StoreError;

use super::super::migrate::MIGRATOR;
use super::super::read::{OBJECTS, SchemaObject};
use super::super::writer::{Tx, sql};
use super::Repaired;

/// What is in the file.
pub(super) async fn objects(tx: &mut Tx<'_>) -> Result<Vec<SchemaObject>, StoreError> {
    let rows = tx.rows(sql(OBJECTS)).await?;
    rows.iter().map(|row| SchemaObject::from_row(row).map_err(|error| tx.corrupt(error.to_string()))).collect()
}

/// Makes the indexes and views that are missing or say something else. A table that is missing held rows:
/// nothing makes those. Where something of another kind has the name, it is somebody's, and stays.
pub(super) async fn make_again(
    tx: &mut Tx<'_>,
    found: &[SchemaObject],
    expected: &[SchemaObject],
) -> Result<Repaired, StoreError> {
    let mut count = 0;
    for wanted in expected.iter().filter(|wanted| matches!(wanted.kind.as_str(), "index" | "view")) {
        let Some(text) = wanted.sql.as_deref() else { continue };
        match found.iter().find(|object| object.name == wanted.name) {
            Some(there) if there.kind != wanted.kind || there.is(wanted) => continue,
            Some(_) => tx.run_text(&format!("DROP {} \"{}\"", wanted.kind, wanted.name)).await?,
            None => {}
        }
        tx.run_text(text).await?;
        count += 1;
    }
    Ok(Repaired { what: "indexes and views that were missing or changed", count })
}

/// Notes the migrations again when the note is not that of this program, and every table is.
pub(super) async fn note_migrations(
    tx: &mut Tx<'_>,
    found: &[SchemaObject],
    expected: &[SchemaObject],
) -> Result<Repaired, StoreError> {
    let mut repaired = Repaired { what: "notes of the migrations that made the file", count: 0 };
    let mut tables = expected.iter().filter(|wanted| wanted.kind == "table");
    if !tables.all(|wanted| found.iter().any(|object| object.is(wanted))) {
        return Ok(repaired);
    }
    for migration in MIGRATOR.iter() {
        repaired.count += tx
            .execute(
                sql("INSERT INTO _sqlx_migrations(version, description, success, checksum, execution_time)
                     VALUES (?1, ?2, 1, ?3, 0)
                     ON CONFLICT(version) DO UPDATE SET description = excluded.description, success = 1,
                       checksum = excluded.checksum WHERE (success, checksum) IS NOT (1, excluded.checksum)")
                .bind(migration.version)
                .bind(migration.description.to_string())
                .bind(migration.checksum.to_vec()),
            )
            .await?;
    }
    let latest = MIGRATOR.iter().map(|migration| migration.version).max().unwrap_or(0);
    repaired.count += tx.execute(sql("DELETE FROM _sqlx_migrations WHERE version > ?1").bind(latest)).await?;
    Ok(repaired)
}
