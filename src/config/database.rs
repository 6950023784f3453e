//! [`Database`]: where a crawl is kept, from `--db` or `DATABASE_URL`.

use std::path::{Path, PathBuf};

/// A SQLite file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Database(PathBuf);

impl Default for Database {
    fn default() -> Self {
        Database(PathBuf::from("./crawl.db"))
    }
}

impl Database {
    /// The file at a path.
    pub fn at(path: &Path) -> Self {
        Database(path.to_owned())
    }

    /// Reads a path, `sqlite:PATH` or `sqlite://PATH` (`sqlite:///PATH` is absolute). What stands
    /// behind `?` in such a URL is for other programs and is passed over; `%20` and the like are
    /// decoded.
    ///
    /// # Errors
    /// What is wrong, without the value.
    pub fn parse(text: &str) -> Result<Self, String> {
        let path = match scheme(text) {
            None => PathBuf::from(text),
            Some("sqlite") => url_path(text)?,
            Some("postgres" | "postgresql") => {
                return Err("PostgreSQL is not in this version; use a SQLite file".to_owned());
            }
            Some(_) => return Err("neither a path nor a sqlite: URL".to_owned()),
        };
        if path.as_os_str().is_empty() || path == Path::new(":memory:") {
            return Err("names no file".to_owned());
        }
        Ok(Database(path))
    }

    /// The file.
    pub fn path(&self) -> &Path {
        &self.0
    }
}

/// A URL scheme before `:`, of two letters at least so that `C:\crawl.db` stays a path.
fn scheme(text: &str) -> Option<&str> {
    let (scheme, rest) = text.split_once(':')?;
    let named = scheme.len() > 1 && scheme.bytes().all(|b| b.is_ascii_alphabetic());
    (named && (scheme == "sqlite" || rest.starts_with("//"))).then_some(scheme)
}

fn url_path(url: &str) -> Result<PathBuf, String> {
    let rest = url.strip_prefix("sqlite:").unwrap_or(url);
    let rest = rest.strip_prefix("//").unwrap_or(rest);
    let encoded = rest.split_once('?').map_or(rest, |(path, _)| path);
    let mut decoded = Vec::with_capacity(encoded.len());
    let mut bytes = encoded.bytes();
    while let Some(byte) = bytes.next() {
        decoded.push(if byte == b'%' { hex_pair(&mut bytes).ok_or("has a % without two hex digits")? } else { byte });
    }
    String::from_utf8(decoded).map(PathBuf::from).map_err(|_| "is not UTF-8 once decoded".to_owned())
}

fn hex_pair(bytes: &mut impl Iterator<Item = u8>) -> Option<u8> {
    let high = char::from(bytes.next()?).to_digit(16)?;
    let low = char::from(bytes.next()?).to_digit(16)?;
    u8::try_from(high * 16 + low).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_and_urls() {
        let cases = [
            ("crawl.db", Some("crawl.db")),
            ("./a b.db", Some("./a b.db")),
            ("/var/x.db", Some("/var/x.db")),
            ("sqlite:crawl.db", Some("crawl.db")),
            ("sqlite://crawl.db", Some("crawl.db")),
            ("sqlite:///var/x.db", Some("/var/x.db")),
            ("sqlite://a%20b.db?mode=rwc", Some("a b.db")),
            (r"C:\crawl.db", Some(r"C:\crawl.db")),
            ("odd:name.db", Some("odd:name.db")),
            ("sqlite://a%2", None),
            ("sqlite://", None),
            ("sqlite::memory:", None),
            (":memory:", None),
            ("postgres://u@h/db", None),
            ("postgresql://u@h/db", None),
            ("mysql://u@h/db", None),
        ];
        for (text, wanted) in cases {
            assert_eq!(Database::parse(text).ok().map(|db| db.0), wanted.map(PathBuf::from), "{text}");
        }
        assert!(Database::parse("postgres://h/d").unwrap_err().contains("not in this version"));
    }
}
