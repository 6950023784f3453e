//! [`Sitemap`]: sitemap.xml (<https://www.sitemaps.org/protocol.html>), and [`sitemap_index`] over several.

use std::fmt::Write as _;
use std::io::{self, Write};
use std::time::UNIX_EPOCH;

use super::format::RowFormat;
use crate::store::sqlite::read::{FetchMark, StoredFetch};

/// Most URLs of a file.
pub(crate) const MOST_URLS: u64 = 50_000;
/// A file with more bytes takes no more URLs; the protocol's limit is 50 MB before packing, 52,428,800 bytes.
pub(crate) const MOST_BYTES: u64 = 52_400_000;
/// The protocol wants less than 2,048 characters.
const MOST_URL_CHARS: usize = 2_047;

const XMLNS: &str = "http://www.sitemaps.org/schemas/sitemap/0.9";

/// Writes the pages that search engines may show.
pub(crate) struct Sitemap;

impl RowFormat for Sitemap {
    fn begin(&mut self, _: &str, out: &mut dyn Write) -> io::Result<()> {
        write!(out, "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<urlset xmlns=\"{XMLNS}\">\n")
    }

    fn row(&mut self, row: &StoredFetch, _: Option<&FetchMark>, out: &mut dyn Write) -> io::Result<bool> {
        if !is_indexable(row) {
            return Ok(false);
        }
        write!(out, "<url><loc>{}</loc>", escaped(&row.url))?;
        if let Some(day) = row.last_modified.as_deref().and_then(w3c_time) {
            write!(out, "<lastmod>{day}</lastmod>")?;
        }
        out.write_all(b"</url>\n")?;
        Ok(true)
    }

    fn end(&mut self, out: &mut dyn Write) -> io::Result<()> {
        out.write_all(b"</urlset>\n")
    }
}

/// The index of the sitemaps with these URLs.
pub(crate) fn sitemap_index(urls: &[String]) -> String {
    let mut text = format!("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<sitemapindex xmlns=\"{XMLNS}\">\n");
    for url in urls {
        // Writing into a String does not fail.
        let _ = writeln!(text, "<sitemap><loc>{}</loc></sitemap>", escaped(url));
    }
    text.push_str("</sitemapindex>\n");
    text
}

/// A document that is there, may be indexed and is no copy of another.
fn is_indexable(row: &StoredFetch) -> bool {
    let document = ["text/html", "application/xhtml+xml", "application/pdf"];
    matches!(row.status, Some(200 | 304))
        && row.mime.as_deref().is_some_and(|mime| document.contains(&mime))
        && (row.noindex, row.stale) == (0, 0)
        && row.soft_404 != Some(1)
        && row.canonical.as_ref().is_none_or(|canonical| *canonical == row.url)
        && row.url.len() <= MOST_URL_CHARS
}

/// `Last-Modified` as a W3C date with time; `None` when it is no date of HTTP.
fn w3c_time(http_date: &str) -> Option<String> {
    let time = httpdate::parse_http_date(http_date).ok().filter(|time| *time > UNIX_EPOCH)?;
    Some(humantime::format_rfc3339_seconds(time).to_string())
}

fn escaped(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => safe.push_str("&amp;"),
            '<' => safe.push_str("&lt;"),
            '>' => safe.push_str("&gt;"),
            '"' => safe.push_str("&quot;"),
            '\'' => safe.push_str("&apos;"),
            c if c.is_control() => {}
            c => safe.push(c),
        }
    }
    safe
}

#[cfg(test)]
mod tests {
    use super::*;

    fn page() -> StoredFetch {
        StoredFetch {
            url: "https://a.example/?a=1&b='2'".to_owned(),
            status: Some(200),
            mime: Some("text/html".to_owned()),
            ..StoredFetch::default()
        }
    }

    #[track_caller]
    fn check(page: &StoredFetch, wanted: &str) {
        let mut out = Vec::new();
        let written = Sitemap.row(page, None, &mut out).unwrap();
        assert_eq!((String::from_utf8(out).unwrap().as_str(), written), (wanted, !wanted.is_empty()));
    }

    #[test]
    fn only_what_search_engines_may_show() {
        let plain = "<url><loc>https://a.example/?a=1&amp;b=&apos;2&apos;</loc></url>\n";
        check(&page(), plain);
        check(&StoredFetch { status: Some(304), canonical: Some(page().url), ..page() }, plain);
        let dated = StoredFetch { last_modified: Some("Fri, 31 Jan 2025 12:00:00 GMT".to_owned()), ..page() };
        check(&dated, &plain.replace("</loc>", "</loc><lastmod>2025-01-31T12:00:00Z</lastmod>"));
        check(&StoredFetch { last_modified: Some("yesterday".to_owned()), ..page() }, plain);
        for hidden in [
            StoredFetch { noindex: 1, ..page() },
            StoredFetch { stale: 1, ..page() },
            StoredFetch { soft_404: Some(1), ..page() },
            StoredFetch { mime: Some("text/css".to_owned()), ..page() },
            StoredFetch { mime: None, ..page() },
            StoredFetch { status: Some(203), ..page() },
            StoredFetch { canonical: Some("https://a.example/".to_owned()), ..page() },
            StoredFetch { url: "https://a.example/".repeat(200), ..page() },
        ] {
            check(&hidden, "");
        }
    }

    #[test]
    fn an_index_names_its_files() {
        let index = sitemap_index(&["https://a.example/s-00001.xml".to_owned()]);
        assert!(
            index.contains("<sitemap><loc>https://a.example/s-00001.xml</loc></sitemap>\n</sitemapindex>"),
            "{index}"
        );
    }
}
