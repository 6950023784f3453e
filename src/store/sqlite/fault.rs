//! From what SQLite says to [`StoreError`]. Codes: <https://www.sqlite.org/rescode.html>.

use std::path::Path;

use crate::store::StoreError;

const BUSY: i32 = 5;
const LOCKED: i32 = 6;
const READONLY: i32 = 8;
const IOERR: i32 = 10;
const CORRUPT: i32 = 11;
const FULL: i32 = 13;
const NOTADB: i32 = 26;

/// Names the fault. `what` was being done.
pub(super) fn store_error(path: &Path, what: &'static str, error: sqlx::Error) -> StoreError {
    let path = path.to_owned();
    let detail = error.to_string();
    match primary_code(&error) {
        Some(BUSY | LOCKED) => StoreError::Locked { path },
        Some(READONLY) => StoreError::ReadOnly { path, cause: detail },
        Some(FULL) => StoreError::DiskFull { path },
        Some(CORRUPT | NOTADB) => StoreError::Corrupt { path, detail },
        _ => StoreError::Database { path, what, detail, source: Some(Box::new(error)) },
    }
}

/// Whether the connection can be trusted with a further statement. After these SQLite may have
/// rolled back by itself, and a further statement would commit on its own.
pub(super) fn leaves_connection_usable(error: &sqlx::Error) -> bool {
    match error {
        sqlx::Error::Database(_) => {
            !matches!(primary_code(error), Some(FULL | IOERR | CORRUPT | NOTADB | READONLY) | None)
        }
        sqlx::Error::ColumnDecode { .. } | sqlx::Error::ColumnNotFound(_) | sqlx::Error::RowNotFound => true,
        _ => false,
    }
}

fn primary_code(error: &sqlx::Error) -> Option<i32> {
    let code = error.as_database_error()?.code()?;
    code.parse::<i32>().ok().map(|extended| extended & 0xff)
}
