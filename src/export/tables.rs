//! [`JsonLines`] and [`CsvLines`]: the fields of pages, a line each.

use std::io::{self, Write};

use serde_json::{Map, Value};

use super::field::{Cell, Field};
use super::format::RowFormat;
use crate::store::sqlite::read::{FetchMark, StoredFetch};

/// One JSON object a line. Values that are JSON in the database are JSON here too.
pub(crate) struct JsonLines(pub(crate) Vec<Field>);

impl RowFormat for JsonLines {
    fn row(&mut self, row: &StoredFetch, _: Option<&FetchMark>, out: &mut dyn Write) -> io::Result<bool> {
        let object: Map<String, Value> =
            self.0.iter().map(|field| (field.name.to_owned(), value(field.of(row)))).collect();
        serde_json::to_writer(&mut *out, &object)?;
        out.write_all(b"\n")?;
        Ok(true)
    }
}

fn value(cell: Cell<'_>) -> Value {
    match cell {
        Cell::Null => Value::Null,
        Cell::Integer(n) => n.into(),
        Cell::Text(text) => text.into_owned().into(),
        Cell::Json(json) => serde_json::from_str(json).unwrap_or_else(|_| json.into()),
    }
}

/// RFC 4180: a line of names first, CRLF at each end; NULL is empty, JSON stands as text.
pub(crate) struct CsvLines(pub(crate) Vec<Field>);

impl CsvLines {
    fn line<'a>(out: &mut dyn Write, cells: impl Iterator<Item = Cell<'a>>) -> io::Result<()> {
        let mut writer = csv::WriterBuilder::new().terminator(csv::Terminator::CRLF).from_writer(Vec::new());
        for cell in cells {
            match cell {
                Cell::Null => writer.write_field(""),
                Cell::Integer(n) => writer.write_field(n.to_string()),
                Cell::Text(text) => writer.write_field(text.as_bytes()),
                Cell::Json(json) => writer.write_field(json),
            }
            .map_err(io::Error::other)?;
        }
        writer.write_record(None::<&[u8]>).map_err(io::Error::other)?;
        out.write_all(&writer.into_inner().map_err(|e| io::Error::other(e.to_string()))?)
    }
}

impl RowFormat for CsvLines {
    fn begin(&mut self, _: &str, out: &mut dyn Write) -> io::Result<()> {
        Self::line(out, self.0.iter().map(|field| Cell::Text(field.name.into())))
    }

    fn row(&mut self, row: &StoredFetch, _: Option<&FetchMark>, out: &mut dyn Write) -> io::Result<bool> {
        Self::line(out, self.0.iter().map(|field| field.of(row)))?;
        Ok(true)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(mut format: impl RowFormat) -> String {
        let page = StoredFetch {
            url: "https://a.example/".to_owned(),
            title: Some("a, \"b\"\u{1b}\n".to_owned()),
            status: Some(200),
            headers: Some(r#"[["server","x"]]"#.to_owned()),
            charset: Some("windows-1252".to_owned()),
            body: Some(b"\xe9\0".to_vec()),
            ..StoredFetch::default()
        };
        let mut out = Vec::new();
        format.begin("x", &mut out).unwrap();
        assert!(format.row(&page, None, &mut out).unwrap());
        format.end(&mut out).unwrap();
        String::from_utf8(out).unwrap()
    }

    fn fields(names: &str) -> Vec<Field> {
        names.split(',').map(|name| Field::named(name).unwrap()).collect()
    }

    #[test]
    fn values_keep_their_types() {
        let names = "url,status,title,lang,headers,body,body_base64";
        assert_eq!(
            written(JsonLines(fields(names))),
            "{\"url\":\"https://a.example/\",\"status\":200,\"title\":\"a, \\\"b\\\"\\u001b\\n\",\"lang\":null,\
             \"headers\":[[\"server\",\"x\"]],\"body\":\"é\\u0000\",\"body_base64\":\"6QA=\"}\n"
        );
        assert_eq!(
            written(CsvLines(fields("url,status,title,lang,headers"))),
            "url,status,title,lang,headers\r\nhttps://a.example/,200,\"a, \"\"b\"\"\u{1b}\n\",,\
             \"[[\"\"server\"\",\"\"x\"\"]]\"\r\n"
        );
        assert_eq!(written(CsvLines(fields("lang"))), "lang\r\n\"\"\r\n");
    }
}
