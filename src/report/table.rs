//! [`TableWriter`]: rows as a table that fits the terminal. The first rows decide the widths, the
//! later ones follow as they arrive; many columns in little room become one block per row.

use std::io::{self, Write};

use comfy_table::presets::{ASCII_FULL_CONDENSED, NOTHING, UTF8_FULL_CONDENSED};
use comfy_table::{Cell, CellAlignment, ColumnConstraint, ContentArrangement, Row, Table, Width};

use super::neutral::neutralise;
use super::rows::{Look, hex, real};
use crate::store::sqlite::read::Value;

/// Rows that are laid out at a time; the first so many decide the widths.
const CHUNK_ROWS: usize = 200;
/// Characters of a cell that are looked at: more never fit beside anything else.
const CELL_CHARS: usize = 1000;
/// Bytes of a BLOB that are shown.
const BLOB_BYTES: usize = 8;
/// Taken for a terminal that says it has no columns.
const USUAL_WIDTH: u16 = 80;
/// A terminal narrower than this is written as if it had so many columns.
const SMALLEST_WIDTH: u16 = 20;
/// A column cut to fewer characters says little; one that needs fewer takes those.
const LEAST_WIDTH: u16 = 12;
/// Space and border beside each column.
const BORDER_WIDTH: u16 = 3;
/// Stands in no neutralised text, so that a cell is cut where the room ends and not at a space.
const NO_DELIMITER: char = '\u{0}';

pub(super) struct TableWriter<W: Write> {
    out: W,
    look: Look,
    names: Vec<String>,
    waiting: Vec<Vec<Cell>>,
    written: u64,
    /// Set once the first rows are written.
    layout: Option<Layout>,
}

enum Layout {
    Table {
        widths: Vec<u16>,
        bottom: String,
    },
    /// One block of lines for each row.
    Blocks,
}

impl<W: Write> TableWriter<W> {
    pub(super) fn new(mut look: Look, out: W) -> Self {
        // A terminal of no width is one that does not know it.
        look.width = look.width.map(|width| if width == 0 { USUAL_WIDTH } else { width.max(SMALLEST_WIDTH) });
        TableWriter { out, look, names: Vec::new(), waiting: Vec::new(), written: 0, layout: None }
    }

    pub(super) fn columns(&mut self, names: &[String]) -> io::Result<()> {
        self.names = names.iter().map(|name| cut(&neutralise(name))).collect();
        Ok(())
    }

    pub(super) fn row(&mut self, values: &[Value]) -> io::Result<()> {
        self.waiting.push(values.iter().map(table_cell).collect());
        if self.waiting.len() >= CHUNK_ROWS { self.flush_rows() } else { Ok(()) }
    }

    pub(super) fn finish(&mut self) -> io::Result<()> {
        if !self.names.is_empty() {
            self.flush_rows()?;
            if let Some(Layout::Table { bottom, .. }) = self.layout.take() {
                writeln!(self.out, "{bottom}")?;
            }
        }
        self.out.flush()
    }

    fn flush_rows(&mut self) -> io::Result<()> {
        let rows = std::mem::take(&mut self.waiting);
        if rows.is_empty() && self.written > 0 {
            return Ok(());
        }
        let first_row = self.written;
        self.written += rows.len() as u64;
        match self.layout.take() {
            None if self.needs_blocks(&rows) && rows.is_empty() => return self.write_names(),
            None if self.needs_blocks(&rows) => self.layout = Some(Layout::Blocks),
            None => return self.write_table(rows, None),
            Some(Layout::Table { widths, bottom }) => return self.write_table(rows, Some((widths, bottom))),
            Some(Layout::Blocks) => self.layout = Some(Layout::Blocks),
        }
        rows.into_iter().zip(first_row..).try_for_each(|(row, n)| self.write_block(row, n + 1))
    }

    /// Whether the terminal is too narrow for a table that is of use.
    fn needs_blocks(&self, rows: &[Vec<Cell>]) -> bool {
        let Some(width) = self.look.width else { return false };
        let mut table = Table::new();
        table.set_header(self.names.clone()).add_rows(rows.iter().cloned());
        let needed = table.column_max_content_widths().into_iter().map(|w| w.min(LEAST_WIDTH) + BORDER_WIDTH);
        needed.map(u32::from).sum::<u32>() + 1 > u32::from(width)
    }

    /// The first rows with the columns' names above, the later ones as wide as those.
    fn write_table(&mut self, rows: Vec<Vec<Cell>>, known: Option<(Vec<u16>, String)>) -> io::Result<()> {
        let is_first = known.is_none();
        let (widths, bottom) = known.unwrap_or_else(|| {
            let bottom = self.lines(rows.clone(), true, None).pop().unwrap_or_default();
            (widths_of(&bottom), bottom)
        });
        let rows = rows.into_iter().map(|row| row.into_iter().zip(&widths).map(|(cell, w)| fitted(cell, *w)).collect());
        let mut lines = self.lines(rows.collect(), is_first, Some(&widths));
        lines.pop();
        for line in lines.iter().skip(usize::from(!is_first)) {
            writeln!(self.out, "{line}")?;
        }
        self.layout = Some(Layout::Table { widths, bottom });
        Ok(())
    }

    /// Rows between two borders, of these widths or of those that they need.
    fn lines(&self, rows: Vec<Vec<Cell>>, with_names: bool, widths: Option<&[u16]>) -> Vec<String> {
        let mut table = self.table(if self.look.ascii { ASCII_FULL_CONDENSED } else { UTF8_FULL_CONDENSED });
        if with_names {
            table.set_header(self.names.clone());
        }
        rows.into_iter().for_each(|row| add_row(&mut table, row));
        // Only columns that exist take a width.
        let widths = widths.into_iter().flatten();
        table.set_constraints(widths.map(|w| ColumnConstraint::Absolute(Width::Fixed(*w))));
        table.lines().collect()
    }

    /// The columns of a result without rows, where they do not fit beside each other.
    fn write_names(&mut self) -> io::Result<()> {
        writeln!(self.out, "-[ no rows ]-")?;
        self.names.iter().try_for_each(|name| writeln!(self.out, " {name}"))
    }

    /// One row as a list of names and values.
    fn write_block(&mut self, row: Vec<Cell>, number: u64) -> io::Result<()> {
        writeln!(self.out, "-[ row {number} ]-")?;
        let mut table = self.table(NOTHING);
        for (name, value) in self.names.iter().zip(row) {
            add_row(&mut table, vec![Cell::new(name), value.set_alignment(CellAlignment::Left)]);
        }
        table.set_constraints([ColumnConstraint::ContentWidth]);
        writeln!(self.out, "{}", table.trim_fmt())
    }

    fn table(&self, style: comfy_table::TableStyle) -> Table {
        let mut table = Table::new();
        table.force_no_tty().load_style(style).set_delimiter(NO_DELIMITER);
        if let Some(width) = self.look.width {
            table.set_width(width).set_content_arrangement(ContentArrangement::Dynamic);
        }
        table
    }
}

fn add_row(table: &mut Table, cells: Vec<Cell>) {
    let mut row = Row::from(cells);
    row.max_height(1);
    table.add_row(row);
}

/// A URL that is wider than its column, `width` with its padding, without its middle: the URLs of a site begin alike.
fn fitted(cell: Cell, width: u16) -> Cell {
    let (text, room) = (cell.content(), usize::from(width.saturating_sub(2)));
    let is_url = (text.starts_with("http://") || text.starts_with("https://")) && text.is_ascii();
    if !is_url || text.len() <= room || room < usize::from(LEAST_WIDTH) {
        return cell;
    }
    let head = room / 3;
    Cell::new(format!("{}…{}", &text[..head], &text[text.len() - (room - head - 1)..]))
}

/// Column widths, padding included, read off a border line like `+----+---+`.
fn widths_of(border: &str) -> Vec<u16> {
    let inner = border.trim_matches(|c| matches!(c, '+' | '└' | '┘'));
    inner.split(['+', '┴']).map(|part| u16::try_from(part.chars().count()).unwrap_or(u16::MAX)).collect()
}

fn table_cell(value: &Value) -> Cell {
    match value {
        Value::Null => Cell::new(""),
        Value::Integer(n) => Cell::new(n).set_alignment(CellAlignment::Right),
        Value::Real(x) => Cell::new(real(*x)).set_alignment(CellAlignment::Right),
        Value::Text(text) => Cell::new(cut(&neutralise(&text[..prefix_end(text)]))),
        Value::Blob(bytes) => Cell::new(blob(bytes)),
    }
}

/// `x'0a0b…' (12345 bytes)`; a short BLOB whole.
fn blob(bytes: &[u8]) -> String {
    if bytes.len() <= BLOB_BYTES {
        return format!("x'{}'", hex(bytes));
    }
    format!("x'{}…' ({} bytes)", hex(&bytes[..BLOB_BYTES]), bytes.len())
}

/// Where the part of a text ends that can be shown, so that a long one costs no more.
fn prefix_end(text: &str) -> usize {
    text.char_indices().nth(CELL_CHARS + 1).map_or(text.len(), |(i, _)| i)
}

fn cut(text: &str) -> String {
    match text.char_indices().nth(CELL_CHARS) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::{Format, write_rows};

    fn table(look: Look, columns: &[&str], rows: Vec<Vec<Value>>) -> String {
        let columns: Vec<String> = columns.iter().map(|c| (*c).to_owned()).collect();
        let mut out = Vec::new();
        write_rows(Format::Table, look, &columns, rows, &mut out).expect("memory");
        String::from_utf8(out).expect("text")
    }

    fn text(value: &str) -> Value {
        Value::Text(value.to_owned())
    }

    #[test]
    fn cells_are_cut_to_the_terminal() {
        let look = Look { width: Some(30), terminal: true, ascii: true };
        let rows = vec![
            vec![Value::Integer(1), text("https://a.example/a/very/long/path")],
            vec![Value::Null, text("日本語日本語日本語日本語")],
        ];
        let wanted = "\
+----+-----------------------+
| id | url                   |
+============================+
|  1 | https:/…ery/long/path |
|    | 日本語日本語日本語日… |
+----+-----------------------+
";
        assert_eq!(table(look, &["id", "url"], rows), wanted);
    }

    /// Every URL of a site was cut to the same beginning.
    #[test]
    fn urls_of_a_site_were_cut_to_what_they_share() {
        let look = Look { width: Some(60), terminal: true, ascii: true };
        let url = |path: &str| text(&format!("https://docs.example.org/a/long/folder/of/pages/{path}.html"));
        let rows = vec![vec![url("one"), url("two")], vec![url("three"), text(&"x".repeat(99))]];
        let out = table(look, &["source", "target"], rows);
        for part in ["one.html |", "two.html |", "three.html |", "| https://d…", "xxx… |"] {
            assert!(out.contains(part), "{part} in\n{out}");
        }
        assert!(out.lines().all(|line| line.chars().count() <= 60), "{out}");
    }

    #[test]
    fn many_columns_in_little_room_become_blocks() {
        let look = Look { width: Some(20), terminal: true, ascii: true };
        let row = vec![text("a"), Value::Real(0.5), Value::Blob(vec![1; 9])];
        let few = vec![text("a"), Value::Real(0.5), Value::Integer(9)];
        assert!(table(look, &["a", "b", "c"], vec![few]).starts_with("+---+-----+---+\n"), "short columns fit");
        let wanted = "-[ row 1 ]-\n a    a\n b    0.5\n url  x'0101010101…\n";
        assert_eq!(table(look, &["a", "b", "url"], vec![row]), wanted);
    }

    #[test]
    fn a_terminal_that_does_not_know_its_width_gets_the_usual_one() {
        let rows = || vec![vec![text(&"x".repeat(200))]];
        let wide = |width| table(Look { width, terminal: true, ascii: true }, &["x"], rows()).find('\n');
        assert_eq!([wide(Some(0)), wide(Some(1)), wide(Some(60))], [Some(80), Some(20), Some(60)]);
    }

    #[test]
    fn later_rows_take_the_widths_of_the_first() {
        let look = Look { width: None, terminal: false, ascii: true };
        let rows = (0..500).map(|n| vec![Value::Integer(n), text(&"x".repeat(if n < 300 { 3 } else { 9 }))]).collect();
        let out = table(look, &["n", "x"], rows);
        let lines: Vec<&str> = out.lines().collect();
        assert_eq!(lines.len(), 504, "two borders, a header and its line");
        assert!(lines.iter().all(|line| line.chars().count() == lines[0].chars().count()), "{out}");
        assert_eq!((lines[3], lines[503 - 1]), ("|   0 | xxx |", "| 499 | xx… |"));
    }

    #[test]
    fn no_rows_still_show_the_columns() {
        let look = Look { width: Some(40), terminal: true, ascii: true };
        assert_eq!(table(look, &["a", "b"], Vec::new()), "+---+---+\n| a | b |\n+=======+\n+---+---+\n");
        assert_eq!(table(look, &[], Vec::new()), "");
        let names = ["a_long_name", "another_name", "a_third_name", "x"];
        let wanted = "-[ no rows ]-\n a_long_name\n another_name\n a_third_name\n x\n";
        assert_eq!(table(look, &names, Vec::new()), wanted);
    }

    #[test]
    fn what_a_page_says_cannot_reach_the_terminal() {
        let look = Look { width: Some(60), terminal: true, ascii: true };
        let out = table(look, &["a\x1b[2J"], vec![vec![text("\x1b]0;title\x07\r\n\u{202e}")]]);
        assert!(!out.chars().any(|c| c != '\n' && crate::report::is_harmful(c)), "{out:?}");
        assert!(out.contains("␛]0;title␇␍␊<U+202E>"), "{out}");
    }
}
