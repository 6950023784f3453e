//! [`Value`], one cell as SQLite holds it, and [`RowSink`], where the rows of a query go.

use std::io;

use sqlx::sqlite::SqliteRow;
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
        "TEXT" => <Vec<u8> as Decode<Sqlite>>::decode(raw).map(|bytes| Value::Text(lossy(bytes))),
        _ => <Vec<u8> as Decode<Sqlite>>::decode(raw).map(Value::Blob),
    };
    value.map_err(sqlx::Error::Decode)
}

fn lossy(bytes: Vec<u8>) -> String {
    String::from_utf8(bytes).unwrap_or_else(|e| String::from_utf8_lossy(e.as_bytes()).into_owned())
}
