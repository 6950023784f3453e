//! [`Reader::query`](super::Reader::query): one statement that reads, streamed row by row.

use std::io;

use futures_util::TryStreamExt;
use sqlx::sqlite::SqliteArguments;
use sqlx::{Arguments, AssertSqlSafe, Column, Either, Executor, SqlSafeStr, SqliteConnection, Statement};

use super::doctor::code_of;
use super::hint::with_names;
use super::limits::{Limits, Stopped, Watch};
use super::statement::{ReadStatement, Refused, read_statement};
use super::value::{RowSink, Value, read_row, row_bytes};
use crate::store::StoreError;

/// How a query ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct QueryEnd {
    /// Rows handed to the sink.
    pub rows: u64,
    /// Why no more came.
    pub reason: QueryEndReason,
}

/// Why a query gave no more rows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum QueryEndReason {
    /// There are no more.
    Complete,
    /// [`Limits::rows`] was reached and there are more.
    RowLimit,
    /// [`Limits::time`] was reached.
    TimeLimit,
    /// [`Limits::cancel`] was set.
    Cancelled,
    /// Nobody reads the output any longer (a closed pipe).
    OutputClosed,
}

/// What went wrong, before it is known which file it concerns.
pub(super) enum Failure {
    Refused(Refused),
    Sql(sqlx::Error),
    Output(io::Error),
    /// A row over [`Limits::row_bytes`].
    Row(RowTooLarge),
    /// A row found no memory to be handed over in, which ends the thread that has the connection. What is
    /// asked of it afterwards may never be answered.
    Crashed,
}

/// A row that is not handed over.
#[derive(Clone, Copy, Debug, thiserror::Error)]
#[error(
    "row {row} has values of {bytes} bytes, and a row may have {most}; select fewer columns, or parts of them: \
     substr(column, 1, 1000)"
)]
pub(super) struct RowTooLarge {
    row: u64,
    bytes: u64,
    most: u64,
}

/// Runs the one statement of `sql`.
pub(super) async fn run(
    conn: &mut SqliteConnection,
    sql: &str,
    params: &[Value],
    limits: &Limits,
    watch: &Watch,
    sink: &mut (dyn RowSink + Send),
) -> Result<QueryEnd, Failure> {
    let statement = read_statement(sql).map_err(Failure::Refused)?;
    let (wanted, given) = (statement.parameters.len(), params.len());
    if wanted != given {
        return Err(Failure::Refused(Refused::Parameters { wanted, given }));
    }
    let mut rows = 0;
    let reason = match stream(conn, &statement, params, limits, &mut rows, sink).await {
        Ok(reason) => reason,
        Err(Failure::Output(e)) if e.kind() == io::ErrorKind::BrokenPipe => QueryEndReason::OutputClosed,
        // An interrupted statement fails; that is the end asked for and no failure.
        Err(Failure::Sql(e)) => match watch.stopped() {
            Some(Stopped::Time) => QueryEndReason::TimeLimit,
            Some(Stopped::Cancelled) => QueryEndReason::Cancelled,
            None => return Err(Failure::Sql(e)),
        },
        Err(other) => return Err(other),
    };
    Ok(QueryEnd { rows, reason })
}

async fn stream(
    conn: &mut SqliteConnection,
    statement: &ReadStatement<'_>,
    params: &[Value],
    limits: &Limits,
    rows: &mut u64,
    sink: &mut (dyn RowSink + Send),
) -> Result<QueryEndReason, Failure> {
    // Compiled and not run: SQLite's own parser agrees that this is one query expression.
    conn.prepare(AssertSqlSafe(statement.caged()).into_sql_str()).await.map_err(Failure::Sql)?;
    let sql = AssertSqlSafe(statement.numbered().to_owned()).into_sql_str();
    let prepared = conn.prepare(sql.clone()).await.map_err(Failure::Sql)?;
    let names: Vec<String> = prepared.columns().iter().map(|column| statement.column_name(column.name())).collect();
    sink.columns(&names).map_err(Failure::Output)?;
    let query = sqlx::query_with(sql, bound(params).map_err(Failure::Sql)?).persistent(false);
    let mut found = conn.fetch_many(query);
    while let Some(step) = found.try_next().await.map_err(Failure::Sql)? {
        let row = match step {
            Either::Right(row) => row,
            Either::Left(_) => return Ok(QueryEndReason::Complete),
        };
        if limits.rows.is_some_and(|most| *rows >= most) {
            return Ok(QueryEndReason::RowLimit);
        }
        if let Some(most) = limits.row_bytes {
            let bytes = row_bytes(&row).map_err(Failure::Sql)?;
            if bytes > most {
                return Err(Failure::Row(RowTooLarge { row: *rows + 1, bytes, most }));
            }
        }
        let values = read_row(&row).map_err(Failure::Sql)?;
        drop(row);
        sink.row(values).map_err(Failure::Output)?;
        *rows += 1;
        if limits.cancel.is_cancelled() {
            return Ok(QueryEndReason::Cancelled);
        }
    }
    // The stream ends without a word of the statement's end: nobody is there to say it.
    Err(Failure::Crashed)
}

fn bound(params: &[Value]) -> Result<SqliteArguments, sqlx::Error> {
    let mut arguments = SqliteArguments::default();
    for value in params {
        match value {
            Value::Null => arguments.add(None::<i64>),
            Value::Integer(n) => arguments.add(*n),
            Value::Real(x) => arguments.add(*x),
            Value::Text(text) => arguments.add(text.clone()),
            Value::Blob(bytes) => arguments.add(bytes.clone()),
        }
        .map_err(sqlx::Error::Encode)?;
    }
    Ok(arguments)
}

/// The failure in words; `None` when it does not concern the query but the file.
pub(super) async fn explain(conn: &mut SqliteConnection, error: &sqlx::Error, sql: &str) -> Option<StoreError> {
    let message = error.as_database_error()?.message();
    let text = match code_of(error)? {
        1 if message.contains("near \")\"") || message == "incomplete input" => {
            format!("{message} (is the query complete?)")
        }
        1 => with_names(conn, message, sql).await,
        7 => return Some(out_of_memory()),
        8 => "the query would change the database; a query only reads".to_owned(),
        13 => "the query needs more room for temporary files than the disk has".to_owned(),
        12 | 18 | 19 | 20 | 23 | 25 => message.to_owned(),
        _ => return None,
    };
    Some(StoreError::Query(text))
}

pub(super) fn out_of_memory() -> StoreError {
    let words = "the query needs more memory than it may use; select fewer or shorter columns, give it more (--memory), or let \
         it sort in files of any size (--temp-files)";
    StoreError::Query(words.to_owned())
}
