//! `sqrawl query`: one statement that reads, as a table or for other programs; without one, on a
//! terminal, a [`prompt`].
//!
//! - [`terms`]: what a statement may cost and how its rows are written.
//! - [`parameters`]: `-p NAME=VALUE`.
//! - [`answer`]: asks the database, writes the rows, says why they ended.

mod answer;
mod command;
mod complete;
mod editor;
mod guard;
mod history;
mod parameters;
mod prompt;
mod terms;

use std::io::{IsTerminal, Read};

use anyhow::Context;

use super::Exit;
use super::args::QueryArgs;
use super::exit::UsageError;
use super::signals::Asked;
use super::sources::Sources;
use super::terminal::Terminal;
use crate::store::sqlite::read::{MAX_SQL_BYTES, read_statement};
use answer::{answer, refused};
pub(super) use guard::guard;
use parameters::Given;
use terms::Terms;
pub(super) use terms::{MEMORY_BYTES, format_of, time_limit};

/// Runs the statement, or the prompt.
///
/// # Errors
/// A statement that is refused or fails, a database that cannot be read.
pub(super) async fn run(args: QueryArgs, sources: &Sources, terminal: &Terminal) -> anyhow::Result<Exit> {
    let terms = Terms::read(&args, sources.json)?;
    let given = Given::read(&args.param)?;
    let sql = match args.sql.as_deref() {
        Some("-") => from_stdin()?,
        Some(sql) => sql.to_owned(),
        None if std::io::stdin().is_terminal() && terminal.out_is_terminal() => {
            let history = if args.no_history { None } else { history::file(|name| sources.variable(name)) };
            return prompt::run(sources.path(), terms, given, history, terminal).await;
        }
        None => {
            let words = "no statement is given; for example: sqrawl query 'SELECT url, title FROM pages LIMIT 10', or \
                         sqrawl query - to read it from stdin; the prompt needs a terminal";
            return Err(UsageError(words.to_owned()).into());
        }
    };
    let mut reader = terms.open(sources.path()).await?;
    let values = given.values(&read_statement(&sql).map_err(refused)?.parameters, true)?;
    let exit = answer(&mut reader, &sql, &values, &terms, Asked::listen(), terminal).await;
    reader.close().await;
    exit
}

fn from_stdin() -> anyhow::Result<String> {
    let mut sql = String::new();
    let most = MAX_SQL_BYTES as u64 + 1;
    std::io::stdin().lock().take(most).read_to_string(&mut sql).context("the statement cannot be read from stdin")?;
    Ok(sql)
}
