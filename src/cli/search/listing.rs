//! [`Listing`]: what is found, for a terminal: title, URL and snippet of each, with what was found in bold.

use std::io::{self, Write};

use anstyle::Style;

use crate::report::neutralise;
use crate::search::marked;
use crate::store::sqlite::read::{RowSink, Value};

/// Writes rows whose first columns are URL, title and snippet.
pub(super) struct Listing<W: Write> {
    colored: bool,
    width: usize,
    rows: u64,
    out: W,
}

impl<W: Write> Listing<W> {
    /// `width`: columns of the terminal.
    pub(super) fn new(colored: bool, width: Option<u16>, out: W) -> Self {
        Listing { colored, width: width.map_or(100, usize::from).max(20), rows: 0, out }
    }

    /// Ends it; how many rows there were.
    ///
    /// # Errors
    /// What the output says; a closed pipe is no error.
    pub(super) fn finish(mut self) -> io::Result<u64> {
        match self.out.flush() {
            Err(error) if error.kind() != io::ErrorKind::BrokenPipe => Err(error),
            _ => Ok(self.rows),
        }
    }

    fn emphasized(&self, text: &str) -> String {
        if self.colored {
            let bold = Style::new().bold();
            return format!("{bold}{text}{bold:#}");
        }
        format!("[{text}]")
    }

    /// The snippet in lines of the terminal's width, broken between words.
    fn snippet(&self, snippet: &str) -> String {
        let (mut text, mut column) = (String::new(), 0);
        for (word, wide) in self.words(snippet) {
            if column > 0 && column + 1 + wide > self.width - INDENT.len() {
                text.push_str(&format!("\n{INDENT}"));
                column = 0;
            } else if column > 0 {
                text.push(' ');
                column += 1;
            }
            text.push_str(&word);
            column += wide;
        }
        text
    }

    /// What stands between blanks, with the columns it takes; what was found may be a part of it.
    fn words(&self, snippet: &str) -> Vec<(String, usize)> {
        let mut words = vec![(String::new(), 0)];
        for (found, part) in marked(snippet) {
            for (at, piece) in part.split(char::is_whitespace).enumerate() {
                if at > 0 {
                    words.push((String::new(), 0));
                }
                let safe = neutralise(piece);
                let Some((word, wide)) = words.last_mut().filter(|_| !piece.is_empty()) else { continue };
                *wide += safe.chars().count() + if found && !self.colored { 2 } else { 0 };
                word.push_str(&if found { self.emphasized(&safe) } else { safe.into_owned() });
            }
        }
        words.retain(|(word, _)| !word.is_empty());
        words
    }
}

const INDENT: &str = "   ";
/// Most lines of a title.
const TITLE_LINES: usize = 2;

impl<W: Write> RowSink for Listing<W> {
    fn columns(&mut self, _: &[String]) -> io::Result<()> {
        Ok(())
    }

    fn row(&mut self, values: Vec<Value>) -> io::Result<()> {
        self.rows += 1;
        let text = |at: usize| match values.get(at) {
            Some(Value::Text(text)) => text.as_str(),
            _ => "",
        };
        let (url, title) = (neutralise(text(0)), neutralise(text(1)));
        // A title may have a thousand characters.
        let title = match title.char_indices().nth(TITLE_LINES * self.width) {
            Some((end, _)) => format!("{}…", &title[..end]).into(),
            None => title,
        };
        let heading = if title.is_empty() { &url } else { &title };
        let heading = if self.colored { self.emphasized(heading) } else { heading.to_string() };
        writeln!(self.out, "{}. {heading}", self.rows)?;
        if !title.is_empty() {
            writeln!(self.out, "{INDENT}{url}")?;
        }
        let snippet = self.snippet(text(2));
        if !snippet.is_empty() {
            writeln!(self.out, "{INDENT}{snippet}")?;
        }
        writeln!(self.out)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_row_is_read_at_a_glance_and_cannot_act_on_the_terminal() {
        let mut out = Vec::new();
        let mut listing = Listing::new(false, Some(40), &mut out);
        let texts = [
            "https://a.example/",
            "A \x1b[2Jtitle",
            "…it \u{2}found\u{3}, and \u{2}found\u{3}\n\x1b]0;x it again among many words",
        ];
        listing.row(texts.map(|text| Value::Text(text.to_owned())).to_vec()).unwrap();
        listing.row(vec![Value::Text("https://b.example/".to_owned()), Value::Null, Value::Null]).unwrap();
        listing
            .row(["https://c.example/", &"x".repeat(99), ""].map(|text| Value::Text(text.to_owned())).to_vec())
            .unwrap();
        assert_eq!(listing.finish().unwrap(), 3);
        let wanted = "1. A ␛[2Jtitle\n   https://a.example/\n   …it [found], and [found] ␛]0;x it\n   again among many words\n\n\
                      2. https://b.example/\n\n";
        let wanted = format!("{wanted}3. {}…\n   https://c.example/\n\n", "x".repeat(80));
        assert_eq!(String::from_utf8(out).unwrap(), wanted);
    }

    #[test]
    fn what_is_found_is_bold_where_there_are_colours() {
        let listing = Listing::new(true, None, Vec::new());
        assert_eq!(listing.snippet("a\u{2}b\u{3}c"), "a\u{1b}[1mb\u{1b}[0mc");
    }
}
