//! All reports of a crawl as one HTML page: [`write()`] takes a [`Document`] of [`Section`]s.
//!
//! The page is whole in itself: it loads nothing, runs nothing (its content security policy says so) and every text from
//! the crawl is escaped. Each section holds few rows, so a page of any crawl takes the same memory.

mod chart;
mod escape;
mod facts;
mod table;

use std::io::{self, Write};

use super::catalogue::{Report, Topic};
use super::words::{counted, moment, number, size};
use crate::model::{Totals, UnixMs};
use crate::store::sqlite::read::{RowSink, Value};
use escape::{MOST_CHARS, cut, text};

/// Rows of a table; the page says how many more there are.
pub const MOST_ROWS: u64 = 100;

const STYLE: &str = include_str!("style.css");

/// Nothing but the page's own style: no script, no image, no font, no request to anybody.
const POLICY: &str = "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'";

/// What the page tells.
#[derive(Clone, Debug)]
pub struct Document {
    /// The crawl's file, as the reader would name it on the command line.
    pub database: String,
    /// Where the crawl began: some seeds.
    pub seeds: Vec<String>,
    /// How many seeds there are.
    pub seed_count: u64,
    /// When the page was made.
    pub made_ms: UnixMs,
    /// How the crawl stands, in a few words.
    pub standing: String,
    /// Counters of the crawl.
    pub totals: Totals,
    /// Hosts that are known.
    pub hosts: u64,
    /// Bytes of the database file and its log.
    pub file_bytes: u64,
    /// The reports, in the order of the catalogue.
    pub sections: Vec<Section>,
}

/// The first rows of one report.
#[derive(Clone, Debug)]
pub struct Section {
    /// Which report.
    pub report: &'static Report,
    /// Names of its columns.
    columns: Vec<String>,
    rows: Vec<Vec<Value>>,
    /// Rows that it has in all; of a report that was cut short, those that came.
    pub total: u64,
    /// Why it was cut short.
    pub cut_short: Option<String>,
}

impl Section {
    /// A section that waits for its rows.
    pub fn new(report: &'static Report) -> Section {
        Section { report, columns: Vec::new(), rows: Vec::new(), total: 0, cut_short: None }
    }

    fn is_finding(&self) -> bool {
        self.report.is_problem && self.total > 0
    }
}

impl RowSink for Section {
    fn columns(&mut self, names: &[String]) -> io::Result<()> {
        self.columns = names.to_vec();
        Ok(())
    }

    fn row(&mut self, values: Vec<Value>) -> io::Result<()> {
        self.total += 1;
        if self.total <= MOST_ROWS {
            self.rows.push(values.into_iter().map(shortened).collect());
        }
        Ok(())
    }
}

/// A cell as long as it is of use: a URL may be linked whole.
fn shortened(value: Value) -> Value {
    match value {
        Value::Text(long) if long.len() > 4 * MOST_CHARS => {
            let is_url = long.starts_with("http") && long.len() <= 2_000;
            Value::Text(if is_url { long } else { cut(&long) })
        }
        Value::Blob(bytes) => Value::Text(format!("{} bytes", bytes.len())),
        other => other,
    }
}

/// Writes the page.
///
/// # Errors
/// What the output says.
pub fn write(out: &mut impl Write, document: &Document) -> io::Result<()> {
    let title = match document.seeds.first() {
        Some(seed) => format!("Crawl of {}", host_of(seed)),
        None => "Crawl report".to_owned(),
    };
    write!(
        out,
        "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta http-equiv=\"Content-Security-Policy\" content=\"{POLICY}\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <meta name=\"color-scheme\" content=\"light dark\">\n<meta name=\"referrer\" content=\"no-referrer\">\n\
         <meta name=\"robots\" content=\"noindex, nofollow\">\n\
         <meta name=\"generator\" content=\"sqrawl {}\">\n<title>{}</title>\n<style>\n{STYLE}</style>\n</head>\n<body>\n",
        env!("CARGO_PKG_VERSION"),
        text(&title),
    )?;
    heading(out, document, &title)?;
    writeln!(out, "<main>")?;
    cards(out, document)?;
    facts::charts(out, &document.sections)?;
    overview(out, &document.sections)?;
    for topic in Topic::ALL {
        let sections: Vec<&Section> = document.sections.iter().filter(|s| s.report.topic == topic).collect();
        if sections.is_empty() {
            continue;
        }
        writeln!(out, "<h2>{}</h2>", topic.name())?;
        for section in sections {
            table::section(out, section, &document.database)?;
        }
    }
    writeln!(out, "</main>")?;
    writeln!(
        out,
        "<footer>Made by sqrawl {} from {}. Everything here is in that file: ask it with <code>sqrawl query</code> or \
         any SQLite tool.</footer>\n</body>\n</html>",
        env!("CARGO_PKG_VERSION"),
        text(&document.database),
    )?;
    out.flush()
}

fn heading(out: &mut impl Write, document: &Document, title: &str) -> io::Result<()> {
    let seeds: Vec<String> = document.seeds.iter().map(|seed| escape::link(seed)).collect();
    let more = document.seed_count.saturating_sub(document.seeds.len() as u64);
    let more = if more > 0 { format!(" and {} more", number(more)) } else { String::new() };
    writeln!(
        out,
        "<header><p class=\"brand\">sqrawl report</p>\n<h1>{}</h1>\n<p class=\"sub\">{}{more}</p>\n\
         <p class=\"sub\">{} · {} ({}) · made {}</p></header>",
        text(title),
        seeds.join(" "),
        text(&document.standing),
        text(&document.database),
        size(document.file_bytes),
        moment(document.made_ms),
    )
}

fn cards(out: &mut impl Write, document: &Document) -> io::Result<()> {
    let totals = &document.totals;
    let known = totals.queued + totals.scheduled + totals.done + totals.failed + totals.excluded;
    let findings = document.sections.iter().filter(|section| section.is_finding()).count() as u64;
    writeln!(out, "<section class=\"cards\" aria-label=\"Summary\">")?;
    for (label, value, tone) in [
        ("pages fetched", totals.pages, ""),
        ("URLs known", known, ""),
        ("hosts", document.hosts, ""),
        ("URLs failed", totals.failed, if totals.failed > 0 { " bad" } else { "" }),
        ("still to do", totals.open(), ""),
        ("reports with findings", findings, if findings > 0 { " warn" } else { " good" }),
    ] {
        writeln!(out, "<div class=\"card{tone}\"><b>{}</b><span>{label}</span></div>", number(value))?;
    }
    writeln!(out, "</section>")
}

/// Every report in a line: what was found first, then what was looked for in vain.
fn overview(out: &mut impl Write, sections: &[Section]) -> io::Result<()> {
    let problems = || sections.iter().filter(|section| section.report.is_problem);
    writeln!(out, "<h2>Findings</h2>")?;
    if problems().any(Section::is_finding) {
        writeln!(out, "<ul class=\"findings\">")?;
        for section in problems().filter(|section| section.is_finding()) {
            let report = section.report;
            writeln!(
                out,
                "<li><a href=\"#{name}\"><b>{name}</b><span class=\"count\">{}</span></a><p>{}</p></li>",
                number(section.total),
                text(report.meaning),
                name = report.name,
            )?;
        }
        writeln!(out, "</ul>")?;
    }
    let clean: Vec<String> = problems()
        .filter(|section| section.total == 0 && section.cut_short.is_none())
        .map(|section| format!("<li><span>{}</span></li>", section.report.name))
        .collect();
    if !clean.is_empty() {
        let found = counted(clean.len() as u64, "report", "reports");
        writeln!(
            out,
            "<p class=\"clean\">Nothing was found by {found}:</p><ul class=\"clean\">{}</ul>",
            clean.join("")
        )?;
    }
    Ok(())
}

/// The host with its port, for people.
fn host_of(url: &str) -> &str {
    let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
    rest.split(['/', '?', '#']).next().unwrap_or(rest)
}

#[cfg(test)]
mod tests;
