//! [`Value`], one cell as SQLite holds it, and [`RowSink`], where the rows of a query go.

use std::io;

use sqlx::sqlite::{SqliteRow, SqliteValueRef};
use sqlx::{Decode, Row, Sqlite, TypeInfo, ValueRef};

/// One cell.
#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    /// SQL NULL.
    Null,
    /// INTEGER, 64 bits with sign.
    Integer(i64),
    /// REAL; may be infinite, never NaN (SQLite stores NaN as NULL).
    Real(f64),
    /// TEXT; bytes that are not UTF-8 became U+FFFD.
    Text(String),
    /// BLOB.
    Blob(Vec<u8>),
}

/// Takes rows one by one, so that a result of any size needs the memory of a few rows.
pub trait RowSink {
    /// The column names, once, before any row, also when there will be none. Names may repeat.
    ///
    /// # Errors
    /// What the output says; [`io::ErrorKind::BrokenPipe`] ends the query without an error.
    fn columns(&mut self, names: &[String]) -> io::Result<()>;

    /// One row, with as many values as there are columns.
    ///
    /// # Errors
    /// As for [`RowSink::columns`].
    fn row(&mut self, values: Vec<Value>) -> io::Result<()>;
}

/// All rows in memory, for results that are known to be small.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Rows {
    /// Column names.
    pub columns: Vec<String>,
    /// The rows.
    pub rows: Vec<Vec<Value>>,
}

impl RowSink for Rows {
    fn columns(&mut self, names: &[String]) -> io::Result<()> {
        self.columns = names.to_vec();
        Ok(())
    }

    fn row(&mut self, values: Vec<Value>) -> io::Result<()> {
        self.rows.push(values);
        Ok(())
    }
}

/// Reads a row without trusting declared types: in SQLite every cell has a type of its own.
pub(super) fn read_row(row: &SqliteRow) -> Result<Vec<Value>, sqlx::Error> {
    (0..row.len()).map(|i| read_value(row, i)).collect()
}

/// Bytes of the texts and BLOBs of a row, of which nothing is copied.
pub(super) fn row_bytes(row: &SqliteRow) -> Result<u64, sqlx::Error> {
    let mut sum = 0;
    for index in 0..row.len() {
        let raw = row.try_get_raw(index)?;
        if matches!(raw.type_info().name(), "TEXT" | "BLOB") {
            sum += borrowed(raw)?.len() as u64;
        }
    }
    Ok(sum)
}

fn read_value(row: &SqliteRow, index: usize) -> Result<Value, sqlx::Error> {
    let raw = row.try_get_raw(index)?;
    if raw.is_null() {
        return Ok(Value::Null);
    }
    let kind = raw.type_info().name().to_owned();
    let value = match kind.as_str() {
        "INTEGER" => <i64 as Decode<Sqlite>>::decode(raw).map(Value::Integer),
        "REAL" => <f64 as Decode<Sqlite>>::decode(raw).map(Value::Real),
        // As bytes: decoding a String fails on text that is not UTF-8.
        "TEXT" => return borrowed(raw).map(|bytes| Value::Text(String::from_utf8_lossy(bytes).into_owned())),
        _ => return borrowed(raw).map(|bytes| Value::Blob(bytes.to_vec())),
    };
    value.map_err(sqlx::Error::Decode)
}

fn borrowed(raw: SqliteValueRef<'_>) -> Result<&[u8], sqlx::Error> {
    <&[u8] as Decode<Sqlite>>::decode(raw).map_err(sqlx::Error::Decode)
}
