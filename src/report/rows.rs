//! [`Format`] and [`RowWriter`]: the rows of a query as a table, CSV, JSON, JSON lines or Markdown,
//! written while they arrive.

use std::collections::{HashMap, HashSet};
use std::io::{self, Write};

use serde_json::{Map, Number};

use super::neutral::neutralise;
use super::table::TableWriter;
use crate::store::sqlite::read::{RowSink, Value};

/// How rows are written. In all of them column names come first (CSV, table, Markdown) or with
/// every row (JSON, JSON lines).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// For people: fits the terminal, long cells are cut and end in `…`, NULL is empty, a BLOB is
    /// `x'` with its first bytes and its size. The first rows decide the column widths.
    Table,
    /// RFC 4180, lines end in CRLF. NULL is an empty field, a BLOB is lower-case hex.
    Csv,
    /// One array with an object per row. Integers are exact, infinities are null, a BLOB is
    /// lower-case hex. A repeated column name gets `_2`, `_3` …
    Json,
    /// As [`Format::Json`], an object per line and no array.
    Jsonl,
    /// A GitHub table; a BLOB is lower-case hex.
    Markdown,
}

impl Format {
    /// Every format with the name that `-f` takes.
    pub const ALL: [(&'static str, Format); 5] = [
        ("table", Format::Table),
        ("csv", Format::Csv),
        ("json", Format::Json),
        ("jsonl", Format::Jsonl),
        ("markdown", Format::Markdown),
    ];

    /// Reads the name.
    pub fn from_name(name: &str) -> Option<Format> {
        Self::ALL.iter().find(|(known, _)| *known == name).map(|(_, format)| *format)
    }
}

/// What the output can show.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub struct Look {
    /// Columns of the terminal; `None`: no limit. Tables only.
    pub width: Option<u16>,
    /// The output is a terminal: control characters are neutralised in CSV too.
    pub terminal: bool,
    /// The terminal cannot show box-drawing characters.
    pub ascii: bool,
}

/// Writes rows in a format as they arrive. [`RowWriter::finish`] must be called at the end, also
/// when the query stopped early: it closes arrays and tables.
pub struct RowWriter<W: Write> {
    writer: Writer<W>,
    begun: bool,
    rows: u64,
}

enum Writer<W: Write> {
    Table(Box<TableWriter<W>>),
    Csv { csv: Box<csv::Writer<W>>, terminal: bool },
    Json { out: W, keys: Vec<String>, lines: bool },
    Markdown { out: W },
}

impl<W: Write> RowWriter<W> {
    /// A writer; `out` should be buffered.
    pub fn new(format: Format, look: Look, out: W) -> Self {
        let writer = match format {
            Format::Table => Writer::Table(Box::new(TableWriter::new(look, out))),
            Format::Csv => {
                let csv = csv::WriterBuilder::new().terminator(csv::Terminator::CRLF).flexible(true).from_writer(out);
                Writer::Csv { csv: Box::new(csv), terminal: look.terminal }
            }
            Format::Json => Writer::Json { out, keys: Vec::new(), lines: false },
            Format::Jsonl => Writer::Json { out, keys: Vec::new(), lines: true },
            Format::Markdown => Writer::Markdown { out },
        };
        RowWriter { writer, begun: false, rows: 0 }
    }

    /// Ends the output after a failure: the rows before it stay, as a whole document. Without columns
    /// nothing was written, and nothing is.
    ///
    /// # Errors
    /// As for [`RowWriter::finish`].
    pub fn finish_early(self) -> io::Result<()> {
        let empty_table = self.rows == 0 && matches!(self.writer, Writer::Table(_));
        if self.begun && !empty_table { self.finish().map(drop) } else { Ok(()) }
    }

    /// Ends the output and flushes it; the number of rows written.
    ///
    /// # Errors
    /// What the output says; a closed pipe is no error.
    pub fn finish(mut self) -> io::Result<u64> {
        let rows = self.rows;
        let end = match &mut self.writer {
            Writer::Table(table) => table.finish(),
            Writer::Csv { csv, .. } => csv.flush(),
            Writer::Json { out, lines: true, .. } | Writer::Markdown { out } => out.flush(),
            Writer::Json { out, lines: false, keys } => {
                let opened = rows > 0 || !keys.is_empty();
                let close: &[u8] = if rows > 0 {
                    b"\n]\n"
                } else if opened {
                    b"]\n"
                } else {
                    b"[]\n"
                };
                out.write_all(close).and_then(|()| out.flush())
            }
        };
        match end {
            Err(e) if e.kind() == io::ErrorKind::BrokenPipe => Ok(rows),
            other => other.map(|()| rows),
        }
    }
}

impl<W: Write> RowSink for RowWriter<W> {
    fn columns(&mut self, names: &[String]) -> io::Result<()> {
        self.begun = true;
        match &mut self.writer {
            Writer::Table(table) => table.columns(names),
            Writer::Csv { csv, terminal } => {
                csv_record(csv, names.iter().map(|n| printable(n, *terminal).into_bytes()))
            }
            Writer::Json { out, keys, lines } => {
                *keys = unique_keys(names);
                if *lines { Ok(()) } else { out.write_all(b"[") }
            }
            Writer::Markdown { out } => markdown_header(out, names),
        }
    }

    fn row(&mut self, values: Vec<Value>) -> io::Result<()> {
        self.rows += 1;
        match &mut self.writer {
            Writer::Table(table) => table.row(&values),
            Writer::Csv { csv, terminal } => csv_record(csv, values.iter().map(|v| csv_field(v, *terminal))),
            Writer::Json { out, keys, lines } => {
                if !*lines {
                    out.write_all(if self.rows == 1 { b"\n" } else { b",\n" })?;
                }
                out.write_all(json_object(keys, values).as_bytes())?;
                if *lines { out.write_all(b"\n") } else { Ok(()) }
            }
            Writer::Markdown { out } => markdown_row(out, values.iter().map(markdown_cell)),
        }
    }
}

/// Writes rows that are in memory already.
///
/// # Errors
/// What the output says; a closed pipe is no error.
pub fn write_rows<W: Write>(
    format: Format,
    look: Look,
    columns: &[String],
    rows: impl IntoIterator<Item = Vec<Value>>,
    out: W,
) -> io::Result<u64> {
    let mut writer = RowWriter::new(format, look, out);
    let write = || -> io::Result<()> {
        writer.columns(columns)?;
        rows.into_iter().try_for_each(|row| writer.row(row))
    };
    match write() {
        Err(e) if e.kind() == io::ErrorKind::BrokenPipe => Ok(writer.rows),
        Err(e) => Err(e),
        Ok(()) => writer.finish(),
    }
}

/// Lower-case hexadecimal digits of bytes.
pub(super) fn hex(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let mut out = String::with_capacity(bytes.len() * 2);
    for b in bytes {
        out.push(char::from(DIGITS[usize::from(b >> 4)]));
        out.push(char::from(DIGITS[usize::from(b & 15)]));
    }
    out
}

/// SQLite's own spelling of a REAL, so that a whole number still reads as a REAL.
pub(super) fn real(value: f64) -> String {
    match value {
        v if v == f64::INFINITY => "Inf".to_owned(),
        v if v == f64::NEG_INFINITY => "-Inf".to_owned(),
        v => format!("{v:?}"),
    }
}

fn printable(text: &str, terminal: bool) -> String {
    if terminal { neutralise(text).into_owned() } else { text.to_owned() }
}

fn csv_record(csv: &mut csv::Writer<impl Write>, fields: impl Iterator<Item = Vec<u8>>) -> io::Result<()> {
    csv.write_record(fields).map_err(|e| match e.into_kind() {
        csv::ErrorKind::Io(e) => e,
        other => io::Error::other(format!("{other:?}")),
    })
}

fn csv_field(value: &Value, terminal: bool) -> Vec<u8> {
    match value {
        Value::Null => Vec::new(),
        Value::Integer(n) => n.to_string().into_bytes(),
        Value::Real(x) => real(*x).into_bytes(),
        Value::Text(text) => printable(text, terminal).into_bytes(),
        Value::Blob(bytes) => hex(bytes).into_bytes(),
    }
}

/// JSON objects cannot hold a name twice, a joined result can.
fn unique_keys(names: &[String]) -> Vec<String> {
    let mut taken: HashSet<String> = HashSet::with_capacity(names.len());
    let mut next: HashMap<&str, usize> = HashMap::new();
    let mut keys = Vec::with_capacity(names.len());
    for name in names {
        let n = next.entry(name).or_insert(1);
        let mut key = name.clone();
        while !taken.insert(key.clone()) {
            *n += 1;
            key = format!("{name}_{n}");
        }
        keys.push(key);
    }
    keys
}

fn json_object(keys: &[String], values: Vec<Value>) -> String {
    let object: Map<String, serde_json::Value> = keys.iter().cloned().zip(values.into_iter().map(json_value)).collect();
    json_text(&serde_json::Value::Object(object))
}

fn json_value(value: Value) -> serde_json::Value {
    match value {
        Value::Null => serde_json::Value::Null,
        Value::Integer(n) => n.into(),
        Value::Real(x) => Number::from_f64(x).map_or(serde_json::Value::Null, serde_json::Value::Number),
        Value::Text(text) => text.into(),
        Value::Blob(bytes) => hex(&bytes).into(),
    }
}

/// JSON in which the characters a terminal might act on are written as `\u` escapes: the same
/// value for every reader, and safe to look at.
pub(super) fn json_text(value: &serde_json::Value) -> String {
    escape_harmful(&value.to_string())
}

/// Escapes what JSON lets stand: DEL, C1 and bidirectional controls occur only inside strings.
/// Line feeds and spaces between tokens stay.
pub(super) fn escape_harmful(json: &str) -> String {
    let harmful = |c: char| c != '\n' && super::neutral::is_harmful(c);
    if !json.contains(harmful) {
        return json.to_owned();
    }
    let mut out = String::with_capacity(json.len() + 16);
    for c in json.chars() {
        if harmful(c) {
            let mut units = [0; 2];
            c.encode_utf16(&mut units).iter().for_each(|unit| out.push_str(&format!("\\u{unit:04x}")));
        } else {
            out.push(c);
        }
    }
    out
}

fn markdown_header(out: &mut impl Write, names: &[String]) -> io::Result<()> {
    markdown_row(out, names.iter().map(|n| markdown_text(n)))?;
    markdown_row(out, names.iter().map(|_| "---".to_owned()))
}

fn markdown_row(out: &mut impl Write, cells: impl Iterator<Item = String>) -> io::Result<()> {
    let mut line = String::from("|");
    for cell in cells {
        line.push(' ');
        line.push_str(&cell);
        line.push_str(" |");
    }
    line.push('\n');
    out.write_all(line.as_bytes())
}

fn markdown_cell(value: &Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::Integer(n) => n.to_string(),
        Value::Real(x) => real(*x),
        Value::Text(text) => markdown_text(text),
        Value::Blob(bytes) => hex(bytes),
    }
}

/// Nothing from a page may end the cell, become markup or load an image.
fn markdown_text(text: &str) -> String {
    let unified = text.replace("\r\n", "\n").replace('\r', "\n");
    let mut out = String::with_capacity(text.len());
    for (n, line) in unified.split('\n').enumerate() {
        if n > 0 {
            out.push_str("<br>");
        }
        let mut before = ' ';
        let line = neutralise(line);
        let mut rest = line.chars().peekable();
        while let Some(c) = rest.next() {
            match c {
                '\\' | '|' | '`' | '*' | '[' | ']' | '~' => out.extend(['\\', c]),
                // Inside a word it is no markup, and URLs have it there.
                '_' if before.is_alphanumeric() && rest.peek().is_some_and(|c| c.is_alphanumeric()) => out.push(c),
                '_' => out.extend(['\\', c]),
                '<' => out.push_str("&lt;"),
                '&' => out.push_str("&amp;"),
                c => out.push(c),
            }
            before = c;
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rows() -> (Vec<String>, Vec<Vec<Value>>) {
        let text = |s: &str| Value::Text(s.to_owned());
        let columns = ["id", "url", "url"].map(str::to_owned).to_vec();
        let first = vec![Value::Integer(i64::MAX), text("a,\"b\"\r\n|<i>\u{1b}\u{9b}"), Value::Null];
        let second = vec![Value::Real(2.0), Value::Blob(vec![0, 0xab]), Value::Real(f64::INFINITY)];
        (columns, vec![first, second])
    }

    fn written(format: Format, terminal: bool) -> String {
        let (columns, rows) = rows();
        let mut out = Vec::new();
        let look = Look { terminal, ..Look::default() };
        assert_eq!(write_rows(format, look, &columns, rows, &mut out).expect("memory"), 2);
        String::from_utf8(out).expect("text")
    }

    #[test]
    fn csv_is_rfc_4180() {
        let wanted = "id,url,url\r\n9223372036854775807,\"a,\"\"b\"\"\r\n|<i>\u{1b}\u{9b}\",\r\n2.0,00ab,Inf\r\n";
        assert_eq!(written(Format::Csv, false), wanted);
        let on_terminal = written(Format::Csv, true);
        assert!(on_terminal.contains("\"a,\"\"b\"\"␍␊|<i>␛<U+009B>\""), "{on_terminal}");
    }

    #[test]
    fn json_is_exact_and_harmless() {
        let objects = [
            r#"{"id":9223372036854775807,"url":"a,\"b\"\r\n|<i>\u001b\u009b","url_2":null}"#,
            r#"{"id":2.0,"url":"00ab","url_2":null}"#,
        ];
        assert_eq!(written(Format::Json, false), format!("[\n{}\n]\n", objects.join(",\n")));
        assert_eq!(written(Format::Jsonl, true), objects.map(|o| format!("{o}\n")).concat());
        let back: serde_json::Value = serde_json::from_str(&written(Format::Json, true)).expect("JSON");
        assert_eq!(back[0]["url"], "a,\"b\"\r\n|<i>\u{1b}\u{9b}");
    }

    #[test]
    fn markdown_cells_stay_cells() {
        let wanted = "| id | url | url |\n| --- | --- | --- |\n| 9223372036854775807 | a,\"b\"<br>\\|&lt;i>␛&lt;U+009B> |  |\n| 2.0 | 00ab | Inf |\n";
        assert_eq!(written(Format::Markdown, false), wanted);
    }

    #[test]
    fn markdown_of_a_page_is_text() {
        for (text, wanted) in [
            ("_a_ b_c ~d~", "\\_a\\_ b_c \\~d\\~"),
            ("![x](y) **z**", "!\\[x\\](y) \\*\\*z\\*\\*"),
            ("a\rb\r\nc\n", "a<br>b<br>c<br>"),
            ("<script>&amp;", "&lt;script>&amp;amp;"),
            ("C:\\|x", "C:\\\\\\|x"),
        ] {
            assert_eq!(markdown_text(text), wanted);
        }
    }

    #[test]
    fn names_of_columns_are_as_harmless_as_cells() {
        let columns = ["a\u{1b}]0;x\u{7}|\u{202e}".to_owned()];
        for (name, format) in Format::ALL {
            let mut out = Vec::new();
            let look = Look { terminal: true, width: Some(80), ascii: false };
            write_rows(format, look, &columns, [vec![Value::Integer(1)]], &mut out).expect("memory");
            let text = String::from_utf8(out).expect("text");
            let harmful = |c: char| !matches!(c, '\r' | '\n') && super::super::neutral::is_harmful(c);
            assert!(!text.contains(harmful) && text.contains('a'), "{name}: {text:?}");
        }
    }

    #[test]
    fn a_result_that_fails_on_its_way_is_still_a_document() {
        let columns = ["a".to_owned()];
        for (format, begun, wanted) in [
            (Format::Json, true, "[]\n"),
            (Format::Json, false, ""),
            (Format::Table, true, ""),
            (Format::Csv, true, "a\r\n"),
        ] {
            let mut out = Vec::new();
            let mut writer = RowWriter::new(format, Look::default(), &mut out);
            if begun {
                writer.columns(&columns).expect("memory");
            }
            writer.finish_early().expect("memory");
            assert_eq!(String::from_utf8(out).expect("text"), wanted, "{format:?}");
        }
    }

    #[test]
    fn nothing_is_still_a_document() {
        let columns = ["a".to_owned()];
        for (format, wanted) in [
            (Format::Json, "[]\n"),
            (Format::Jsonl, ""),
            (Format::Csv, "a\r\n"),
            (Format::Markdown, "| a |\n| --- |\n"),
        ] {
            let mut out = Vec::new();
            write_rows(format, Look::default(), &columns, Vec::new(), &mut out).expect("memory");
            assert_eq!(String::from_utf8(out).expect("text"), wanted, "{format:?}");
        }
    }

    #[test]
    fn repeated_columns_get_keys_of_their_own() {
        let names = ["a", "a", "a_2", "a"].map(str::to_owned);
        assert_eq!(unique_keys(&names), ["a", "a_2", "a_2_2", "a_3"]);
    }

    /// As `head` leaves a pipe.
    struct Closed;

    impl Write for Closed {
        fn write(&mut self, _: &[u8]) -> io::Result<usize> {
            Err(io::ErrorKind::BrokenPipe.into())
        }

        fn flush(&mut self) -> io::Result<()> {
            Err(io::ErrorKind::BrokenPipe.into())
        }
    }

    #[test]
    fn a_closed_pipe_is_no_error_and_a_full_disk_is_one() {
        let (columns, rows) = rows();
        for (_, format) in Format::ALL {
            assert!(write_rows(format, Look::default(), &columns, rows.clone(), Closed).is_ok(), "{format:?}");
        }
        let mut full = [0; 4];
        assert!(write_rows(Format::Csv, Look::default(), &columns, rows, &mut full[..]).is_err());
    }
}
