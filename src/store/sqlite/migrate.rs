//! Migrations: from the schema of a file to that of this program. [`Schema`] is what a file is to have.
//!
//! All steps that a file lacks run in one transaction, with what checks them: a process that dies in
//! between, or a step that fails, leaves the file as it was, for the version that wrote it as well.
//! Before that a copy is kept beside it, because nobody can go back behind a migration that succeeded.

use std::path::{Path, PathBuf};

use sqlx::migrate::{MigrateError, Migrator};
use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection};
use sqlx::{ConnectOptions, Connection, Executor};

use crate::failpoint;
use crate::store::StoreError;

use super::copy::{self, Part};
use super::fault::store_error;
use super::header::{self, Header, SCHEMA_VERSION};
use super::open::{FOREIGN_KEYS, beside};

/// The migrations of this program.
pub(super) static MIGRATOR: Migrator = sqlx::migrate!("migrations/sqlite");

/// What a file is to have when it is open.
#[derive(Clone, Copy, Debug)]
pub struct Schema<'a> {
    migrator: &'a Migrator,
    version: u32,
}

impl Schema<'static> {
    /// That of this program.
    pub const THIS: Schema<'static> = Schema { migrator: &MIGRATOR, version: SCHEMA_VERSION };
}

impl<'a> Schema<'a> {
    /// Another one, for tests of migrations: the last of these sets `user_version` to `version`.
    pub fn of(migrator: &'a Migrator, version: u32) -> Self {
        Schema { migrator, version }
    }

    /// Its version.
    pub fn version(self) -> u32 {
        self.version
    }
}

/// The version of the file's schema; 0: none yet.
///
/// # Errors
/// [`StoreError`] when it cannot be read.
pub(super) async fn version(connection: &mut SqliteConnection, path: &Path) -> Result<u32, StoreError> {
    let version: i64 = sqlx::query_scalar("PRAGMA user_version")
        .fetch_one(connection)
        .await
        .map_err(|error| store_error(path, "reading the schema version", error))?;
    // One that is no number of ours is not known either.
    Ok(u32::try_from(version).unwrap_or(u32::MAX))
}

/// Brings the file, which has the schema `found` (0: none), to `schema`.
///
/// # Errors
/// [`StoreError`]; the file is as it was.
pub(super) async fn migrate(
    connection: &mut SqliteConnection,
    path: &Path,
    found: u32,
    schema: Schema<'_>,
) -> Result<(), StoreError> {
    failpoint::reach("migrating", "begin", "");
    if found == schema.version {
        run(connection, path, schema).await?;
    } else if found == 0 {
        in_one_transaction(connection, path, schema).await?;
    } else {
        let copy = keep_copy(connection, path, found, schema).await?;
        in_one_transaction(connection, path, schema).await?;
        tracing::warn!(
            "{} was migrated from schema version {found} to {}; as it was it is kept in {}, which may be removed",
            path.display(),
            schema.version,
            copy.display()
        );
    }
    failpoint::reach("migrating", "after", "");
    Ok(())
}

async fn in_one_transaction(
    connection: &mut SqliteConnection,
    path: &Path,
    schema: Schema<'_>,
) -> Result<(), StoreError> {
    let fault = |error| store_error(path, "migrating", error);
    // A step may build a table anew; with foreign keys on, dropping the old one would delete what refers to
    // it (https://www.sqlite.org/lang_altertable.html 7). They are checked as a whole before the COMMIT.
    connection.execute("PRAGMA foreign_keys = OFF").await.map_err(fault)?;
    let mut tx = connection.begin_with("BEGIN IMMEDIATE").await.map_err(fault)?;
    run(&mut tx, path, schema).await?;
    check_foreign_keys(&mut tx, path).await?;
    failpoint::reach("migrating", "commit", "");
    tx.commit().await.map_err(fault)?;
    if FOREIGN_KEYS {
        connection.execute("PRAGMA foreign_keys = ON").await.map_err(fault)?;
    }
    Ok(())
}

/// Runs the steps that the file lacks, and looks whether those it has are these.
async fn run(connection: &mut SqliteConnection, path: &Path, schema: Schema<'_>) -> Result<(), StoreError> {
    let corrupt = |detail: String| StoreError::Corrupt { path: path.to_owned(), detail };
    schema.migrator.run_direct(None, &mut *connection, false).await.map_err(|error| match error {
        MigrateError::Execute(error) | MigrateError::ExecuteMigration(error, _) => {
            store_error(path, "migrating", error)
        }
        MigrateError::VersionMissing(found) => {
            StoreError::Newer { path: path.to_owned(), found, known: schema.version.into() }
        }
        MigrateError::VersionMismatch(version) => {
            corrupt(format!("_sqlx_migrations.checksum: version {version} was made by another schema"))
        }
        other => corrupt(format!("_sqlx_migrations: {other}")),
    })?;
    let version = version(connection, path).await?;
    if version == schema.version {
        return Ok(());
    }
    Err(corrupt(format!("user_version is {version}, but _sqlx_migrations says {}", schema.version)))
}

async fn check_foreign_keys(connection: &mut SqliteConnection, path: &Path) -> Result<(), StoreError> {
    let sql = "SELECT \"table\" || ' row ' || coalesce(rowid, '?') || ' names a missing row of ' || parent
               FROM pragma_foreign_key_check LIMIT 1";
    let broken: Option<String> = sqlx::query_scalar(sql)
        .fetch_optional(connection)
        .await
        .map_err(|error| store_error(path, "migrating", error))?;
    match broken {
        Some(row) => {
            Err(StoreError::Corrupt { path: path.to_owned(), detail: format!("it cannot be migrated: {row}") })
        }
        None => Ok(()),
    }
}

/// Keeps the file as it is in `FILE.v1.bak`; where that is. A copy of this very state that is there already,
/// of an interrupted migration or of the operator, is as good; another name of the file itself is none.
async fn keep_copy(
    connection: &mut SqliteConnection,
    path: &Path,
    found: u32,
    schema: Schema<'_>,
) -> Result<PathBuf, StoreError> {
    let copy = beside(path, &format!(".v{found}.bak"));
    if !copy::is_same(path, &copy) && is_copy_of(connection, &copy, found).await {
        return Ok(copy);
    }
    tracing::warn!(
        "{} has schema version {found} and is migrated to {}; a copy is made first: {}",
        path.display(),
        schema.version,
        copy.display()
    );
    let kept = async {
        let part = Part::create(path, &copy)?;
        copy::write(connection, path, &part).await?;
        part.finish()
    };
    match kept.await {
        Ok(_) => Ok(copy),
        Err(cause) => Err(StoreError::NotMigrated {
            path: path.to_owned(),
            found: found.into(),
            known: schema.version.into(),
            copy,
            cause: Box::new(cause),
        }),
    }
}

/// The latest rows, which every version has: two files of a crawl in which they agree are the same.
const STATE: &str = "SELECT (SELECT coalesce(max(id), 0) FROM sessions), (SELECT coalesce(max(id), 0) FROM fetches),
                            (SELECT coalesce(max(id), 0) FROM urls), (SELECT coalesce(max(alive_ms), 0) FROM sessions)";

async fn is_copy_of(connection: &mut SqliteConnection, copy: &Path, version: u32) -> bool {
    if !matches!(header::read(copy), Ok(Header::Crawl(found)) if found == version) {
        return false;
    }
    let options = SqliteConnectOptions::new().filename(copy).read_only(true).immutable(true);
    let Ok(mut there) = options.connect().await else { return false };
    let kept: Option<(i64, i64, i64, i64)> = sqlx::query_as(STATE).fetch_one(&mut there).await.ok();
    let _ = there.close().await;
    let here: Option<(i64, i64, i64, i64)> = sqlx::query_as(STATE).fetch_one(connection).await.ok();
    kept.is_some() && kept == here
}
