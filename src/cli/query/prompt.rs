//! The prompt of `sqrawl query`: [`run`] reads statements and commands from the terminal until Ctrl-D. Every statement is a read
//! transaction of its own and ends with its rows, so that a crawl can empty its log while somebody thinks.

use std::path::{Path, PathBuf};

use super::super::Exit;
use super::super::exit::UsageError;
use super::super::signals::Asked;
use super::super::terminal::Terminal;
use super::super::words_of;
use super::answer::{ask, refused, said};
use super::command::{COMMANDS, Command};
use super::editor::{LineEditor, Typed};
use super::parameters::Given;
use super::terms::Terms;
use crate::config::units::counted;
use crate::report::{Format, neutralise, neutralise_lines, write_rows};
use crate::store::sqlite::read::{Catalogue, QueryEndReason, Reader, Relation, Value, read_statement, statements};

const PROMPT: &str = "sqrawl> ";

/// Asks until the user leaves.
///
/// # Errors
/// A database or a terminal that cannot be used; a statement that fails is said and forgotten.
pub(super) async fn run(
    path: &Path,
    terms: Terms,
    given: Given,
    history: Option<PathBuf>,
    terminal: &Terminal,
) -> anyhow::Result<Exit> {
    let mut reader = terms.open(path).await?;
    let catalogue = reader.catalogue().await?;
    let mut editor = LineEditor::new(catalogue.clone(), history, terminal.colored())?;
    if let Err(why) = editor.load_history() {
        terminal.warn(format_args!("the history is not kept: {why}; --no-history does without"));
    }
    terminal.say(format_args!(
        "{}: a statement ends with ;   Tab completes, .help lists commands, Ctrl-D leaves",
        neutralise(&path.display().to_string())
    ));
    // From now on Ctrl-C stops a statement and not the process.
    let _interrupts = Asked::listen_for_interrupt();
    let mut prompt = Prompt { reader, catalogue, terms, given, terminal };
    loop {
        // Other tasks go on while this thread waits for keys.
        match tokio::task::block_in_place(|| editor.read(PROMPT))? {
            Typed::End => break,
            Typed::Nothing => {}
            Typed::Text(text) if text.trim().is_empty() => {}
            Typed::Text(text) => {
                editor.remember(text.trim_end());
                if prompt.obey(&text).await? == Next::Leave {
                    break;
                }
            }
        }
    }
    prompt.reader.close().await;
    Ok(Exit::Done)
}

/// What comes after a line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Next {
    Line,
    Leave,
}

/// The prompt between two lines.
struct Prompt<'a> {
    reader: Reader,
    catalogue: Catalogue,
    terms: Terms,
    given: Given,
    terminal: &'a Terminal,
}

impl Prompt<'_> {
    /// Runs what was typed. What goes wrong is said; the statements after it are not run.
    ///
    /// # Errors
    /// A database that cannot be used any longer.
    async fn obey(&mut self, text: &str) -> anyhow::Result<Next> {
        let done = if text.trim_start().starts_with('.') {
            match Command::read(text) {
                Ok(Command::Quit) => return Ok(Next::Leave),
                Ok(command) => self.command(command),
                Err(why) => Err(UsageError(why).into()),
            }
        } else {
            self.statements(text).await
        };
        if let Err(error) = done {
            self.terminal.error(words_of(&error));
            self.reopen().await?;
        }
        Ok(Next::Line)
    }

    async fn statements(&mut self, text: &str) -> anyhow::Result<()> {
        for sql in statements(text).0 {
            let values = self.given.values(&read_statement(sql).map_err(refused)?.parameters, false)?;
            let asked = Asked::listen_for_interrupt();
            let end = ask(&mut self.reader, sql, &values, &self.terms, asked, self.terminal).await?;
            if end.reason == QueryEndReason::Complete {
                self.terminal.say(counted(end.rows, "row"));
            } else {
                said(end, &self.terms, self.terminal);
            }
            if end.reason == QueryEndReason::Cancelled {
                break;
            }
        }
        Ok(())
    }

    /// A statement that ran out of memory has taken the connection along.
    async fn reopen(&mut self) -> anyhow::Result<()> {
        if !self.reader.is_usable() {
            self.reader = Reader::attach(self.reader.path()).await?;
            if !self.terms.temp_files {
                self.reader.sort_in_memory().await?;
            }
        }
        Ok(())
    }

    fn command(&mut self, command: Command) -> anyhow::Result<()> {
        let said = |words: String| self.terminal.data(format!("{words}\n").as_bytes());
        match command {
            Command::Quit => {}
            Command::Help => {
                let lines = COMMANDS.map(|(name, argument, does)| format!("{name:<9} {argument:<11} {does}"));
                said(lines.join("\n"))?;
            }
            Command::Mode(None) => {
                let mode = self.terms.format(self.terminal);
                said(Format::ALL.iter().find(|(_, format)| *format == mode).map_or("", |(name, _)| name).to_owned())?;
            }
            Command::Mode(mode) => self.terms.format = mode,
            Command::Rows(rows) => self.terms.rows = Some(rows),
            Command::Timeout(time_ms) => self.terms.time_ms = time_ms,
            Command::Tables => self.tables()?,
            Command::Schema(name) => said(self.schema(name.as_deref())?)?,
            Command::Param(Some(text)) => {
                self.given.set(&text).map_err(|why| UsageError(format!(".param {}: {why}", neutralise(&text))))?;
            }
            Command::Param(None) => {
                let rows =
                    self.given.pairs().iter().map(|(name, value)| vec![Value::Text(name.clone()), value.clone()]);
                self.print(&["name", "value"], rows.collect())?;
            }
        }
        Ok(())
    }

    fn tables(&self) -> anyhow::Result<()> {
        let row = |relation: &Relation| {
            let kind = if relation.is_view { "view" } else { "table" };
            [relation.name.as_str(), kind, &relation.columns.join(", ")].map(|s| Value::Text(s.to_owned())).to_vec()
        };
        self.print(&["name", "kind", "columns"], self.catalogue.relations.iter().map(row).collect())
    }

    /// How one of them was made, or all.
    fn schema(&self, name: Option<&str>) -> anyhow::Result<String> {
        let wanted = |known: &str| name.is_none_or(|name| name.eq_ignore_ascii_case(known));
        let found: Vec<&str> =
            self.catalogue.relations.iter().filter(|r| wanted(&r.name)).map(|r| r.sql.as_str()).collect();
        match name {
            Some(name) if found.is_empty() => {
                let words = format!("there is no table or view {}; .tables lists them", neutralise(name));
                Err(UsageError(words).into())
            }
            _ => Ok(neutralise_lines(&found.join("\n\n")).into_owned()),
        }
    }

    fn print(&self, columns: &[&str], rows: Vec<Vec<Value>>) -> anyhow::Result<()> {
        let columns: Vec<String> = columns.iter().map(|name| (*name).to_owned()).collect();
        let out = std::io::stdout().lock();
        write_rows(self.terms.format(self.terminal), self.terminal.look(), &columns, rows, out)?;
        Ok(())
    }
}
