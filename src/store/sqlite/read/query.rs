//! [`Reader::query`](super::Reader::query): one statement that reads, streamed row by row.

use std::io;

use futures_util::TryStreamExt;
use sqlx::sqlite::SqliteArguments;
use sqlx::{Arguments, AssertSqlSafe, Column, Executor, SqlSafeStr, SqliteConnection, Statement};

use super::doctor::code_of;
use super::hint::with_names;
use super::limits::{Limits, Stopped, Watch};
use super::statement::{ReadStatement, Refused, read_statement};
use super::value::{RowSink, Value, read_row};
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
    if statement.parameters != params.len() {
        return Err(Failure::Refused(Refused::Parameters { wanted: statement.parameters, given: params.len() }));
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
    let sql = AssertSqlSafe(statement.sql.to_owned()).into_sql_str();
    let prepared = conn.prepare(sql.clone()).await.map_err(Failure::Sql)?;
    let names: Vec<String> = prepared.columns().iter().map(|column| column.name().to_owned()).collect();
    sink.columns(&names).map_err(Failure::Output)?;
    let query = sqlx::query_with(sql, bound(params).map_err(Failure::Sql)?).persistent(false);
    let mut found = query.fetch(conn);
    while let Some(row) = found.try_next().await.map_err(Failure::Sql)? {
        if limits.rows.is_some_and(|most| *rows >= most) {
            return Ok(QueryEndReason::RowLimit);
        }
        sink.row(read_row(&row).map_err(Failure::Sql)?).map_err(Failure::Output)?;
        *rows += 1;
        if limits.cancel.is_cancelled() {
            return Ok(QueryEndReason::Cancelled);
        }
    }
    Ok(QueryEndReason::Complete)
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
        7 => "the query needs more memory than it may use; select fewer or shorter columns".to_owned(),
        8 => "the query would change the database; a query only reads".to_owned(),
        13 => "the query needs more room for temporary files than the disk has".to_owned(),
        12 | 18 | 19 | 20 | 23 | 25 => message.to_owned(),
        _ => return None,
    };
    Some(StoreError::Query(text))
}
