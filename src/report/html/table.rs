//! One report of the page: what it is, its first rows, and how to get all of them.

use std::io::{self, Write};

use super::Section;
use super::escape::{cut, link, text};
use crate::report::rows::real;
use crate::report::with_database;
use crate::report::words::{counted, number};
use crate::store::sqlite::read::Value;

/// Columns that hold URLs. A title that looks like one is no link.
const URL_COLUMNS: [&str; 14] = [
    "url",
    "other_url",
    "source",
    "target",
    "start",
    "final",
    "resource",
    "sitemap",
    "canonical",
    "named_by",
    "example",
    "directory",
    "link",
    "page",
];

/// Writes the section. Reports without rows say so in a line.
pub(super) fn section(out: &mut impl Write, section: &Section, database: &str) -> io::Result<()> {
    let report = section.report;
    let tone = if section.is_finding() { " class=\"found\"" } else { "" };
    writeln!(
        out,
        "<details id=\"{name}\"{tone}{open}><summary><h3>{name}</h3><span class=\"count\">{total}</span>\
         <span class=\"meaning\">{meaning}</span></summary>",
        name = report.name,
        open = if section.total > 0 { " open" } else { "" },
        total = number(section.total),
        meaning = text(report.meaning),
    )?;
    if let Some(why) = &section.cut_short {
        writeln!(out, "<p class=\"alert\">{}</p>", text(why))?;
    }
    if section.total > 0 {
        writeln!(out, "<p class=\"next\">Next: {}.</p>", text(&with_database(report.next_step, database)))?;
        table(out, section)?;
        let shown = section.rows.len() as u64;
        let rows = if section.total > shown {
            format!("{} of {} rows are shown.", number(shown), number(section.total))
        } else {
            format!("{}.", counted(section.total, "row", "rows"))
        };
        writeln!(
            out,
            "<p class=\"more\">{rows} All: <code>sqrawl report {} --db {} -f csv</code> or <code>{}</code></p>",
            report.name,
            text(database),
            text(&report.sql()),
        )?;
    } else if section.cut_short.is_none() {
        writeln!(out, "<p class=\"next\">No rows.</p>")?;
    }
    writeln!(out, "</details>")
}

fn table(out: &mut impl Write, section: &Section) -> io::Result<()> {
    write!(out, "<div class=\"scroll\"><table><thead><tr>")?;
    let numeric: Vec<bool> = (0..section.columns.len()).map(|column| is_numeric(section, column)).collect();
    for (name, numeric) in section.columns.iter().zip(&numeric) {
        write!(out, "<th{}>{}</th>", if *numeric { " class=\"n\"" } else { "" }, text(name))?;
    }
    writeln!(out, "</tr></thead><tbody>")?;
    for row in &section.rows {
        write!(out, "<tr>")?;
        for ((value, name), numeric) in row.iter().zip(&section.columns).zip(&numeric) {
            let class = if *numeric { " class=\"n\"" } else { "" };
            write!(out, "<td{class} data-label=\"{}\">{}</td>", text(name), cell(name, value))?;
        }
        writeln!(out, "</tr>")?;
    }
    writeln!(out, "</tbody></table></div>")
}

fn is_numeric(section: &Section, column: usize) -> bool {
    let mut values = section.rows.iter().filter_map(|row| row.get(column)).filter(|value| **value != Value::Null);
    let first = values.next();
    first.is_some() && first.into_iter().chain(values).all(|value| matches!(value, Value::Integer(_) | Value::Real(_)))
}

fn cell(column: &str, value: &Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::Integer(n) => integer(column, *n),
        Value::Real(x) => real(*x),
        Value::Text(url) if URL_COLUMNS.contains(&column) => link(url),
        Value::Text(words) => text(&cut(words)),
        Value::Blob(bytes) => format!("{} bytes", bytes.len()),
    }
}

/// Digits in groups, but not those of an identity.
fn integer(column: &str, n: i64) -> String {
    match u64::try_from(n) {
        Ok(n) if !column.ends_with("_id") => number(n),
        _ => n.to_string(),
    }
}
