//! [`answer`]: asks one statement, writes its rows to stdout, and says why they ended.

use std::io::BufWriter;

use super::super::Exit;
use super::super::signals::Asked;
use super::super::terminal::{Terminal, unwritten};
use super::guard::guard;
use super::terms::Terms;
use crate::config::units::{about_duration, counted};
use crate::report::RowWriter;
use crate::store::StoreError;
use crate::store::sqlite::read::{QueryEnd, QueryEndReason, Reader, Refused, Value};

/// Asks one statement with the values of its parameters.
///
/// # Errors
/// A statement that is refused or fails, an output that cannot be written, a file at fault.
pub(super) async fn answer(
    reader: &mut Reader,
    sql: &str,
    values: &[Value],
    terms: &Terms,
    asked: Asked,
    terminal: &Terminal,
) -> anyhow::Result<Exit> {
    let end = ask(reader, sql, values, terms, asked, terminal).await?;
    Ok(said(end, terms, terminal))
}

/// The same without a word of how it ended.
///
/// # Errors
/// As for [`answer`].
pub(super) async fn ask(
    reader: &mut Reader,
    sql: &str,
    values: &[Value],
    terms: &Terms,
    asked: Asked,
    terminal: &Terminal,
) -> anyhow::Result<QueryEnd> {
    let limits = terms.limits(terminal);
    let _guard = guard(&limits, asked, terminal);
    let out = BufWriter::new(std::io::stdout());
    let mut rows = RowWriter::new(terms.format(terminal), terminal.look(), out);
    match reader.query(sql, values, &limits, &mut rows).await {
        Ok(end) => {
            rows.finish().map_err(unwritten)?;
            Ok(end)
        }
        Err(error) => {
            // An output that cannot be written is the error itself.
            let _ = rows.finish_early();
            Err(error.into())
        }
    }
}

/// What is said of an end that is none, with the exit code.
pub(super) fn said(end: QueryEnd, terms: &Terms, terminal: &Terminal) -> Exit {
    let rows = counted(end.rows, "row");
    match end.reason {
        QueryEndReason::Complete | QueryEndReason::OutputClosed => Exit::Done,
        QueryEndReason::RowLimit => {
            terminal.warn(format_args!("stopped after {rows}, and there are more; --max-rows none gives them all"));
            Exit::Done
        }
        QueryEndReason::TimeLimit => {
            let time = about_duration(terms.time_ms.unwrap_or_default());
            terminal.error(format_args!("stopped after {time} and {rows}; --timeout gives it longer"));
            Exit::Failed
        }
        QueryEndReason::Cancelled => {
            terminal.error(format_args!("stopped by a signal after {rows}"));
            Exit::Stopped
        }
    }
}

/// A statement that is refused before the database is asked.
pub(super) fn refused(why: Refused) -> StoreError {
    StoreError::Query(why.to_string())
}
