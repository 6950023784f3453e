//! The charts of the page, from the rows of reports that count things.

use std::io::{self, Write};

use super::Section;
use super::chart::{Bar, Chart, bars};
use crate::store::sqlite::read::Value;

/// Writes them; those without numbers are left out.
pub(super) fn charts(out: &mut impl Write, sections: &[Section]) -> io::Result<()> {
    let of = |name: &str| sections.iter().find(|section| section.report.name == name);
    writeln!(out, "<section class=\"charts\" aria-label=\"Charts\">")?;
    let charts = [
        ("How URLs ended", "URLs", of("status"), &["outcome", "status"][..], "urls"),
        ("Depth in links", "pages", of("depths"), &["depth"], "pages"),
        ("Media types", "pages", of("content-types"), &["mime"], "pages"),
        ("Languages", "pages", of("languages"), &["lang"], "pages"),
        ("Hosts", "pages", of("hosts"), &["host"], "pages"),
        ("Why URLs were left out", "URLs", of("excluded"), &["rule"], "urls"),
    ];
    for (title, unit, section, labels, value) in charts {
        let Some(section) = section else { continue };
        let is_whole = section.total == section.rows.len() as u64;
        bars(out, Chart { title, unit, bars: section.bars(labels, value), is_whole })?;
    }
    writeln!(out, "</section>")
}

impl Section {
    /// A bar for each row: some columns are its label, one its number.
    fn bars(&self, labels: &[&str], value: &str) -> Vec<Bar> {
        let at = |name: &str| self.columns.iter().position(|column| column == name);
        let Some(value) = at(value) else { return Vec::new() };
        let labels: Vec<usize> = labels.iter().filter_map(|name| at(name)).collect();
        let bar = |row: &Vec<Value>| {
            let Some(Value::Integer(n)) = row.get(value) else { return None };
            let words: Vec<String> = labels.iter().filter_map(|at| row.get(*at)).filter_map(word).collect();
            let label = if words.is_empty() { "unknown".to_owned() } else { words.join(" ") };
            let tone = tone(words.first().map_or("", String::as_str));
            Some(Bar { tone, label, value: u64::try_from(*n).unwrap_or(0) })
        };
        self.rows.iter().filter_map(bar).collect()
    }
}

fn word(value: &Value) -> Option<String> {
    match value {
        Value::Text(text) if text.is_empty() => None,
        Value::Text(text) => Some(text.clone()),
        Value::Integer(n) => Some(n.to_string()),
        _ => None,
    }
}

/// Outcomes have a colour; everything else has the usual one.
fn tone(label: &str) -> &'static str {
    match label {
        "gone" | "http_error" | "timeout" | "dns" | "connect" | "tls" | "protocol" | "crashed" | "too_big" => "bad",
        "redirect" | "rate_limited" | "robots" | "blocked_address" => "warn",
        _ => "plain",
    }
}
