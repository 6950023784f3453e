//! From what SQLite says to [`StoreError`]. Codes: <https://www.sqlite.org/rescode.html>.

use std::path::Path;

use crate::store::StoreError;

use super::disk::{self, Hold};

const BUSY: i32 = 5;
const LOCKED: i32 = 6;
const NOMEM: i32 = 7;
const READONLY: i32 = 8;
const IOERR: i32 = 10;
const CORRUPT: i32 = 11;
const FULL: i32 = 13;
const CANTOPEN: i32 = 14;
const NOTADB: i32 = 26;

/// Names the fault. `what` was being done.
pub(super) fn store_error(path: &Path, what: &'static str, error: sqlx::Error) -> StoreError {
    let path = path.to_owned();
    let detail = words_of(&error);
    match primary_code(&error) {
        Some(BUSY | LOCKED) => {
            let holders = disk::holders(&path, Hold::Writing);
            StoreError::Locked { path, holders }
        }
        Some(READONLY) => StoreError::ReadOnly { path, cause: detail },
        Some(FULL) => StoreError::DiskFull { path },
        // Where only the index of the log cannot grow, SQLite says no more than that.
        Some(IOERR | CANTOPEN) if disk::is_full(&path) => StoreError::DiskFull { path },
        Some(IOERR) => match disk::file_size_limit(&path) {
            Some(limit_bytes) => StoreError::FileSizeLimit { path, limit_bytes },
            None => StoreError::Io { path, what, detail },
        },
        Some(CANTOPEN) => StoreError::CannotOpen { path, detail },
        Some(CORRUPT | NOTADB) => StoreError::Corrupt { path, detail },
        _ => StoreError::Database { path, what, detail, source: Some(Box::new(error)) },
    }
}

/// What SQLite says, with its full code where that tells more.
pub(super) fn words_of(error: &sqlx::Error) -> String {
    let Some(database) = error.as_database_error() else { return error.to_string() };
    match database.code().and_then(|code| code.parse::<i32>().ok()) {
        Some(code) if code > 0xff => format!("{} (SQLite code {code})", database.message()),
        _ => database.message().to_owned(),
    }
}

/// Whether the connection can be trusted with a further statement. After these SQLite may have
/// rolled back by itself, and a further statement would commit on its own.
pub(super) fn leaves_connection_usable(error: &sqlx::Error) -> bool {
    match error {
        sqlx::Error::Database(_) => {
            !matches!(primary_code(error), Some(NOMEM | FULL | IOERR | CORRUPT | NOTADB | READONLY | CANTOPEN) | None)
        }
        sqlx::Error::ColumnDecode { .. } | sqlx::Error::ColumnNotFound(_) | sqlx::Error::RowNotFound => true,
        _ => false,
    }
}

pub(super) fn primary_code(error: &sqlx::Error) -> Option<i32> {
    let code = error.as_database_error()?.code()?;
    code.parse::<i32>().ok().map(|extended| extended & 0xff)
}
