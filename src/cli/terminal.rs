//! [`Terminal`]: where words go. Data to stdout, everything else to stderr, around the progress
//! bar. What pages say is neutralised before it gets here.

use std::borrow::Cow;
use std::fmt::Display;
use std::io::{self, IsTerminal, Write};

use anstyle::{AnsiColor, Style};
use indicatif::{ProgressBar, ProgressDrawTarget};

use super::Exit;
use crate::config::{Color, Database, RunOptions};
use crate::report::{Look, neutralise, with_database};

/// Columns of a table that goes to no terminal.
const WIDTH: u16 = 120;

/// An error of stdout that says so, of the same kind.
pub(super) fn unwritten(error: io::Error) -> io::Error {
    let words = format!("the output cannot be written: {error}; send it elsewhere, or make room for it");
    io::Error::new(error.kind(), words)
}

/// The two streams of this process.
#[derive(Clone, Debug)]
pub(super) struct Terminal {
    bar: ProgressBar,
    quiet: bool,
    animated: bool,
    colored: bool,
    /// The database as a shell reads it, where it is not the one that commands take by themselves.
    database: Option<String>,
}

impl Terminal {
    /// Looks at the streams once. `no_color`: the variable `NO_COLOR` is set and not empty; `dumb`:
    /// the terminal moves no cursor.
    pub(super) fn new(options: &RunOptions, no_color: bool, dumb: bool) -> Self {
        let err = io::stderr().is_terminal();
        let colored = match options.color {
            Color::Always => true,
            Color::Never => false,
            Color::Auto => err && !no_color && !dumb,
        };
        Terminal {
            bar: ProgressBar::hidden(),
            quiet: options.quiet,
            animated: err && !dumb && !options.quiet && !options.no_progress,
            colored,
            database: (options.database != Database::default())
                .then(|| shell_word(&options.database.path().display().to_string()).into_owned()),
        }
    }

    /// Commands that a text proposes, with the database that this one asks.
    pub(super) fn hint<'a>(&self, text: &'a str) -> Cow<'a, str> {
        match &self.database {
            Some(database) => with_database(text, database),
            None => Cow::Borrowed(text),
        }
    }

    /// Whether stderr has colours.
    pub(super) fn colored(&self) -> bool {
        self.colored
    }

    /// Whether stdout is a terminal.
    pub(super) fn out_is_terminal(&self) -> bool {
        io::stdout().is_terminal()
    }

    /// Shows the bar, where there is one.
    pub(super) fn show_bar(&self) -> Option<&ProgressBar> {
        if !self.animated {
            return None;
        }
        self.bar.set_draw_target(ProgressDrawTarget::stderr_with_hz(10));
        Some(&self.bar)
    }

    /// Takes the bar away.
    pub(super) fn hide_bar(&self) {
        self.bar.finish_and_clear();
        self.bar.set_draw_target(ProgressDrawTarget::hidden());
    }

    /// A line on stderr, unless `-q`.
    pub(super) fn say(&self, text: impl Display) {
        if !self.quiet {
            self.put(&format!("{}\n", self.hint(&text.to_string())));
        }
    }

    /// A line on stderr that begins with `warning:`, unless `-q`.
    pub(super) fn warn(&self, text: impl Display) {
        if !self.quiet {
            let text = text.to_string();
            self.put(&format!("{} {}\n", self.styled("warning:", AnsiColor::Yellow), self.hint(&text)));
        }
    }

    /// A line on stderr that begins with `error:`.
    pub(super) fn error(&self, text: impl Display) {
        let text = text.to_string();
        self.put(&format!("{} {}\n", self.styled("error:", AnsiColor::Red), self.hint(&text)));
    }

    /// What stdout can show.
    pub(super) fn look(&self) -> Look {
        let terminal = self.out_is_terminal();
        let width = if terminal { comfy_table::Table::new().width() } else { Some(WIDTH) };
        Look { width, terminal, ascii: false }
    }

    /// Data on stdout, as it is.
    ///
    /// # Errors
    /// What the stream says; a closed pipe is [`io::ErrorKind::BrokenPipe`].
    pub(super) fn data(&self, bytes: &[u8]) -> io::Result<()> {
        let mut out = io::stdout().lock();
        out.write_all(bytes).and_then(|()| out.flush()).map_err(unwritten)
    }

    /// The same for words that `exit` says in short; gives that back. When nobody reads them it has to be enough,
    /// and when they cannot be written a failure stays the one it was.
    ///
    /// # Errors
    /// What the stream says, where all else had succeeded; never a closed pipe.
    pub(super) fn verdict(&self, bytes: &[u8], exit: Exit) -> io::Result<Exit> {
        match self.data(bytes) {
            Err(error) if error.kind() == io::ErrorKind::BrokenPipe => {}
            Err(error) if exit != Exit::Done => self.error(error),
            said => said?,
        }
        Ok(exit)
    }

    fn styled(&self, word: &str, color: AnsiColor) -> String {
        if !self.colored {
            return word.to_owned();
        }
        let style = Style::new().fg_color(Some(color.into())).bold();
        format!("{style}{word}{style:#}")
    }

    /// A closed stderr is nobody's to complain to: its errors are dropped.
    fn put(&self, text: &str) {
        self.bar.suspend(|| {
            let _ = io::stderr().lock().write_all(text.as_bytes());
        });
    }
}

/// Log lines go where every other word goes, so that they do not cut the bar.
impl<'a> tracing_subscriber::fmt::MakeWriter<'a> for Terminal {
    type Writer = Line<'a>;

    fn make_writer(&'a self) -> Line<'a> {
        Line { terminal: self, bytes: Vec::new() }
    }
}

/// One log line, written when it is whole.
#[derive(Debug)]
pub(super) struct Line<'a> {
    terminal: &'a Terminal,
    bytes: Vec<u8>,
}

impl Write for Line<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.bytes.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Drop for Line<'_> {
    fn drop(&mut self) {
        self.terminal.put(&String::from_utf8_lossy(&self.bytes));
    }
}

/// A word as a POSIX shell reads it, for the commands that messages propose.
pub(super) fn shell_word(word: &str) -> Cow<'_, str> {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_./:=@%+,".contains(c);
    if !word.is_empty() && word.chars().all(plain) {
        return Cow::Borrowed(word);
    }
    Cow::Owned(format!("'{}'", neutralise(word).replace('\'', r"'\''")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_for_a_shell() {
        for (word, wanted) in [("./crawl.db", "./crawl.db"), ("a b", "'a b'"), ("it's", r"'it'\''s'"), ("", "''")] {
            assert_eq!(shell_word(word), wanted);
        }
    }
}
