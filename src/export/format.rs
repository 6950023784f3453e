//! [`Format`], its name and what a file name says of it; [`RowFormat`], what each writer does.

use std::io::{self, Write};

use serde::{Deserialize, Serialize};

use crate::store::sqlite::read::{FetchMark, Kept, Parts, StoredFetch};

/// How pages are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Format {
    /// One JSON object a line.
    Jsonl,
    /// RFC 4180.
    Csv,
    /// WARC 1.1 (ISO 28500:2017).
    Warc,
    /// WARC 1.1 with a CDXJ index beside each file.
    Cdxj,
    /// sitemap.xml (sitemaps.org).
    Sitemap,
    /// Plain text with its source.
    Text,
    /// Markdown with its source.
    Markdown,
}

impl Format {
    /// What the name of a file says; `.gz` at its end is looked past.
    pub fn of_name(name: &str) -> Option<Format> {
        let name = name.to_ascii_lowercase();
        let name = name.strip_suffix(".gz").unwrap_or(&name);
        Some(match name.rsplit_once('.')?.1 {
            "jsonl" | "ndjson" => Format::Jsonl,
            "csv" => Format::Csv,
            "warc" => Format::Warc,
            "cdxj" => Format::Cdxj,
            "xml" => Format::Sitemap,
            "txt" => Format::Text,
            "md" | "markdown" => Format::Markdown,
            _ => return None,
        })
    }

    /// Which fetches it writes.
    pub fn kept(self) -> Kept {
        match self {
            Format::Warc | Format::Cdxj => Kept::Responses,
            Format::Jsonl | Format::Csv => Kept::LatestPages,
            Format::Sitemap | Format::Text | Format::Markdown => Kept::LivePages,
        }
    }

    /// The large columns that it needs whatever is asked for.
    pub(crate) fn parts(self) -> Parts {
        Parts { text: self == Format::Text, body: matches!(self, Format::Warc | Format::Cdxj | Format::Markdown) }
    }
}

/// Which other fetch a row refers to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum RefersTo {
    Nothing,
    /// The one with this id.
    Fetch(i64),
    /// The one that it confirms.
    Confirmed,
}

/// Writes rows into files.
pub(crate) trait RowFormat: Send {
    /// The file with this name begins.
    fn begin(&mut self, _name: &str, _out: &mut dyn Write) -> io::Result<()> {
        Ok(())
    }

    /// Which other fetch has to be known to write this one.
    fn refers_to(&self, _row: &StoredFetch) -> RefersTo {
        RefersTo::Nothing
    }

    /// One row; whether it was written.
    fn row(&mut self, row: &StoredFetch, referred: Option<&FetchMark>, out: &mut dyn Write) -> io::Result<bool>;

    /// The file ends.
    fn end(&mut self, _out: &mut dyn Write) -> io::Result<()> {
        Ok(())
    }

    /// What stands beside the file that has ended: its index, written into the second.
    fn index(&mut self, _out: &mut dyn Write) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_says_its_format() {
        let cases = [
            ("a.jsonl", Some(Format::Jsonl)),
            ("a.NDJSON.gz", Some(Format::Jsonl)),
            ("a.b.csv", Some(Format::Csv)),
            ("site.warc.gz", Some(Format::Warc)),
            ("site.warc", Some(Format::Warc)),
            ("site.cdxj", Some(Format::Cdxj)),
            ("sitemap.xml.gz", Some(Format::Sitemap)),
            ("a.txt", Some(Format::Text)),
            ("a.md", Some(Format::Markdown)),
            ("a.gz", None),
            ("a", None),
            ("-", None),
        ];
        for (name, wanted) in cases {
            assert_eq!(Format::of_name(name), wanted, "{name}");
        }
    }
}
