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
const BLOB_BYTES: usize = 16;
/// Least columns of a terminal that a column of the table needs, borders included, to be of use.
const LEAST_WIDTH: usize = 8;
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

struct Layout {
    widths: Vec<u16>,
    bottom: String,
}

impl<W: Write> TableWriter<W> {
    pub(super) fn new(look: Look, out: W) -> Self {
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
            if let Some(layout) = self.layout.take() {
                writeln!(self.out, "{}", layout.bottom)?;
            }
        }
        self.out.flush()
    }

    fn flush_rows(&mut self) -> io::Result<()> {
        let rows = std::mem::take(&mut self.waiting);
        let first_row = self.written;
        self.written += rows.len() as u64;
        if self.is_too_narrow() {
            return rows.into_iter().zip(first_row..).try_for_each(|(row, n)| self.write_block(row, n + 1));
        }
        let mut table = self.table(if self.look.ascii { ASCII_FULL_CONDENSED } else { UTF8_FULL_CONDENSED });
        if let Some(layout) = &self.layout {
            table.set_constraints(layout.widths.iter().map(|w| ColumnConstraint::Absolute(Width::Fixed(*w))));
        } else {
            table.set_header(self.names.clone());
        }
        rows.into_iter().for_each(|row| add_row(&mut table, row));
        let mut lines: Vec<String> = table.lines().collect();
        let bottom = lines.pop().unwrap_or_default();
        let skip = usize::from(self.layout.is_some());
        for line in lines.iter().skip(skip) {
            writeln!(self.out, "{line}")?;
        }
        self.layout.get_or_insert_with(|| Layout { widths: widths_of(&bottom), bottom });
        Ok(())
    }

    fn is_too_narrow(&self) -> bool {
        self.look.width.is_some_and(|width| self.names.len() * LEAST_WIDTH > usize::from(width))
    }

    /// One row as a list of names and values.
    fn write_block(&mut self, row: Vec<Cell>, number: u64) -> io::Result<()> {
        writeln!(self.out, "-[ row {number} ]-")?;
        let mut table = self.table(NOTHING);
        for (name, value) in self.names.iter().zip(row) {
            add_row(&mut table, vec![Cell::new(name), value.set_alignment(CellAlignment::Left)]);
        }
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
