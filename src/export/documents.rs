//! [`Documents`]: the text of pages, plain or as Markdown, with where it comes from: what sets of texts are made of.

use std::io::{self, Write};

use serde_json::json;

use super::format::RowFormat;
use crate::parse::{self, ParseLimits};
use crate::store::sqlite::read::{FetchMark, StoredFetch};

/// What of a page is its text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Prose {
    /// As a reader sees it, without markup.
    Plain,
    /// With its structure.
    Markdown,
}

/// How documents stand in a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Shape {
    /// One JSON object a line.
    Lines,
    /// One after the other, each behind a head between `---` lines whose values are JSON, which YAML reads.
    Headed,
}

/// Writes documents. A page without text is left out.
pub(crate) struct Documents {
    pub(crate) prose: Prose,
    pub(crate) shape: Shape,
}

impl RowFormat for Documents {
    fn row(&mut self, row: &StoredFetch, _: Option<&FetchMark>, out: &mut dyn Write) -> io::Result<bool> {
        let text = match self.prose {
            Prose::Plain => row.text.clone().unwrap_or_default(),
            Prose::Markdown => markdown(row).unwrap_or_default(),
        };
        if text.trim().is_empty() {
            return Ok(false);
        }
        let (url, title, lang, hash) = (&row.url, &row.title, &row.lang, &row.hash);
        match self.shape {
            Shape::Lines => {
                let name = if self.prose == Prose::Plain { "text" } else { "markdown" };
                let line = json!({"url": url, "title": title, "lang": lang, "words": row.words, "hash": hash,
                                  "fetched_at": row.fetched_at, name: text});
                serde_json::to_writer(&mut *out, &line)?;
                out.write_all(b"\n")?;
            }
            Shape::Headed => {
                write!(
                    out,
                    "---\nurl: {}\ntitle: {}\nlang: {}\nwords: {}\nhash: {}\nfetched_at: {}\n---\n\n{}\n\n",
                    json!(url),
                    json!(title),
                    json!(lang),
                    json!(row.words),
                    json!(hash),
                    json!(row.fetched_at),
                    text.trim_end()
                )?;
            }
        }
        Ok(true)
    }
}

fn markdown(row: &StoredFetch) -> Option<String> {
    let (body, mime) = (row.body.as_ref()?, row.mime.as_ref()?);
    parse::markdown(body, mime, row.charset.as_deref(), &row.url, &ParseLimits::default())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn page() -> StoredFetch {
        StoredFetch {
            url: "https://a.example/".to_owned(),
            title: Some("A: \"b\"\n---".to_owned()),
            lang: Some("en".to_owned()),
            words: Some(2),
            hash: Some("00ff".to_owned()),
            fetched_at: "2025-01-01T00:00:00.000Z".to_owned(),
            mime: Some("text/html".to_owned()),
            charset: Some("utf-8".to_owned()),
            text: Some("two words\n".to_owned()),
            body: Some(b"<p>two <b>words</b>".to_vec()),
            ..StoredFetch::default()
        }
    }

    fn written(prose: Prose, shape: Shape, page: &StoredFetch) -> (bool, String) {
        let mut out = Vec::new();
        let written = Documents { prose, shape }.row(page, None, &mut out).unwrap();
        (written, String::from_utf8(out).unwrap())
    }

    #[test]
    fn a_document_says_where_it_comes_from() {
        let (_, lines) = written(Prose::Markdown, Shape::Lines, &page());
        assert_eq!(
            lines,
            "{\"url\":\"https://a.example/\",\"title\":\"A: \\\"b\\\"\\n---\",\"lang\":\"en\",\"words\":2,\
             \"hash\":\"00ff\",\"fetched_at\":\"2025-01-01T00:00:00.000Z\",\"markdown\":\"two **words**\\n\"}\n"
        );
        let (_, headed) = written(Prose::Plain, Shape::Headed, &page());
        assert_eq!(
            headed,
            "---\nurl: \"https://a.example/\"\ntitle: \"A: \\\"b\\\"\\n---\"\nlang: \"en\"\nwords: 2\nhash: \"00ff\"\n\
             fetched_at: \"2025-01-01T00:00:00.000Z\"\n---\n\ntwo words\n\n"
        );
    }

    #[test]
    fn no_text_is_no_document() {
        let empty = StoredFetch { text: Some(" \n".to_owned()), body: None, ..page() };
        for prose in [Prose::Plain, Prose::Markdown] {
            assert_eq!(written(prose, Shape::Lines, &empty), (false, String::new()));
        }
    }
}
