//! [`LineEditor`]: a statement or command from the terminal, with history and completion. It is the one place that
//! knows rustyline, which has the terminal in its own mode while a line is typed, and only then.

use std::path::PathBuf;

use rustyline::completion::Completer;
use rustyline::error::ReadlineError;
use rustyline::highlight::Highlighter;
use rustyline::hint::Hinter;
use rustyline::history::FileHistory;
use rustyline::validate::{ValidationContext, ValidationResult, Validator};
use rustyline::{ColorMode, CompletionType, Config, Context, Editor, Helper};

use super::complete::complete;
use super::history::prepare;
use crate::report::neutralise;
use crate::store::sqlite::read::{Catalogue, statements};

/// Statements that are remembered.
const REMEMBERED: usize = 1000;

/// What came from the terminal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Typed {
    /// A command, or statements of which the last one is ended.
    Text(String),
    /// Ctrl-C: what was typed is thrown away.
    Nothing,
    /// Ctrl-D on an empty line, or the terminal is gone.
    End,
}

/// Reads from the terminal.
pub(super) struct LineEditor {
    editor: Editor<Assistant, FileHistory>,
    history: Option<PathBuf>,
}

impl LineEditor {
    /// An editor that completes names of the catalogue; `history` is its file, `None`: none is kept.
    ///
    /// # Errors
    /// A terminal that cannot be used.
    pub(super) fn new(catalogue: Catalogue, history: Option<PathBuf>, colored: bool) -> anyhow::Result<Self> {
        let config = Config::builder()
            .max_history_size(REMEMBERED)?
            .history_ignore_dups(true)?
            .history_ignore_space(true)
            .completion_type(CompletionType::List)
            .color_mode(if colored { ColorMode::Enabled } else { ColorMode::Disabled })
            .build();
        let mut editor = Editor::with_config(config)?;
        editor.set_helper(Some(Assistant { catalogue }));
        Ok(LineEditor { editor, history })
    }

    /// Reads what was typed in earlier runs. After an error nothing is kept.
    ///
    /// # Errors
    /// What cannot be read or made, safe for a terminal.
    pub(super) fn load_history(&mut self) -> Result<(), String> {
        let Some(file) = self.history.take() else { return Ok(()) };
        let loaded = prepare(&file).map_err(|e| e.to_string()).and_then(|()| match self.editor.load_history(&file) {
            Err(ReadlineError::Io(e)) if e.kind() == std::io::ErrorKind::NotFound => Ok(()),
            other => other.map_err(|e| e.to_string()),
        });
        let words = |why: String| neutralise(&format!("{}: {why}", file.display())).into_owned();
        loaded.map_err(words)?;
        self.history = Some(file);
        Ok(())
    }

    /// Waits for the next statement or command.
    ///
    /// # Errors
    /// A terminal that cannot be read.
    pub(super) fn read(&mut self, prompt: &str) -> anyhow::Result<Typed> {
        match self.editor.readline(prompt) {
            Ok(text) => Ok(Typed::Text(text)),
            Err(ReadlineError::Interrupted) => Ok(Typed::Nothing),
            Err(ReadlineError::Eof) => Ok(Typed::End),
            Err(error) => Err(error.into()),
        }
    }

    /// Remembers it, in the file too, before it is run: the run may be the last one. A file that cannot be written
    /// any more costs nothing but the memory.
    pub(super) fn remember(&mut self, text: &str) {
        let added = self.editor.add_history_entry(text).unwrap_or(false);
        if let Some(file) = self.history.as_ref().filter(|_| added)
            && let Err(error) = self.editor.append_history(file)
        {
            tracing::warn!(%error, "the history of the prompt cannot be written");
        }
    }
}

/// What helps while typing.
struct Assistant {
    catalogue: Catalogue,
}

impl Helper for Assistant {}
impl Highlighter for Assistant {}

impl Hinter for Assistant {
    type Hint = String;
}

impl Completer for Assistant {
    type Candidate = String;

    fn complete(&self, line: &str, at: usize, _: &Context<'_>) -> rustyline::Result<(usize, Vec<String>)> {
        Ok(complete(line, at, &self.catalogue))
    }
}

impl Validator for Assistant {
    fn validate(&self, context: &mut ValidationContext) -> rustyline::Result<ValidationResult> {
        Ok(if is_whole(context.input()) { ValidationResult::Valid(None) } else { ValidationResult::Incomplete })
    }
}

/// Whether the return key ends what is typed: after a command, a `;` and in an empty line.
fn is_whole(text: &str) -> bool {
    text.trim_start().starts_with('.') || text.trim().is_empty() || statements(text).1
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_statement_is_whole_at_its_separator() {
        for (text, whole) in [
            ("", true),
            ("  \n", true),
            (".tables", true),
            ("SELECT 1", false),
            ("SELECT 1;", true),
            ("SELECT ';", false),
            ("SELECT 1; -- and more", true),
            ("SELECT 1;\nSELECT 2", false),
        ] {
            assert_eq!(is_whole(text), whole, "{text:?}");
        }
    }
}
