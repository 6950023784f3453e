//! Encodings that a document declares in its own first bytes: [`meta_encoding`] (the HTML
//! standard's prescan, 13.2.3.2), [`xml_encoding`] (its XML declaration) and [`css_encoding`].

use encoding_rs::{Encoding, UTF_8, UTF_16BE, UTF_16LE, WINDOWS_1252, X_USER_DEFINED};

/// Bytes that are searched.
const PRESCAN_BYTES: usize = 1024;

/// The encoding that a `meta` element in the first 1024 bytes declares.
pub(crate) fn meta_encoding(body: &[u8]) -> Option<&'static Encoding> {
    let mut scan = Scan { bytes: &body[..body.len().min(PRESCAN_BYTES)], at: 0 };
    while let Some(rest) = scan.rest() {
        if rest.starts_with(b"<!--") {
            // The dashes that open a comment may close it: `<!-->`.
            scan.at += 2;
            scan.skip_past(b"-->")?;
        } else if is_meta(rest) {
            scan.at += 5;
            if let Some(found) = scan.meta()? {
                return Some(found);
            }
        } else if is_tag(rest) {
            scan.skip_while(|b| !is_space(b) && b != b'>')?;
            while scan.attribute()?.is_some() {}
        } else if [&b"<!"[..], b"</", b"<?"].iter().any(|start| rest.starts_with(start)) {
            scan.skip_past(b">")?;
        } else {
            scan.at += 1;
        }
    }
    None
}

/// The `encoding` of an XML declaration, or UTF-16 when the declaration itself is in it.
pub(crate) fn xml_encoding(body: &[u8]) -> Option<&'static Encoding> {
    if body.starts_with(b"<\0?\0x\0") {
        return Some(UTF_16LE);
    }
    if body.starts_with(b"\0<\0?\0x") {
        return Some(UTF_16BE);
    }
    let head = body[..body.len().min(PRESCAN_BYTES)].strip_prefix(b"<?xml")?;
    let declaration = &head[..head.iter().position(|&b| b == b'>')?];
    let start = find(declaration, b"encoding")? + b"encoding".len();
    let value = skip_space(skip_space(&declaration[start..]).strip_prefix(b"=")?);
    let quote = *value.first().filter(|&&q| q == b'"' || q == b'\'')?;
    let value = &value[1..];
    let label = &value[..value.iter().position(|&b| b == quote)?];
    declared(label)
}

/// The `@charset` of a style sheet (CSS Syntax 3.2): the exact bytes count.
pub(crate) fn css_encoding(body: &[u8]) -> Option<&'static Encoding> {
    let rest = body[..body.len().min(PRESCAN_BYTES)].strip_prefix(b"@charset \"")?;
    declared(&rest[..find(rest, b"\";")?])
}

/// A label inside a document was read as ASCII, so it cannot mean UTF-16.
fn declared(label: &[u8]) -> Option<&'static Encoding> {
    let encoding = Encoding::for_label(label)?;
    Some(if encoding == UTF_16LE || encoding == UTF_16BE {
        UTF_8
    } else if encoding == X_USER_DEFINED {
        WINDOWS_1252
    } else {
        encoding
    })
}

/// A position in the first bytes. Methods give `None` when the bytes end before the answer: the
/// standard then gives up.
struct Scan<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl<'a> Scan<'a> {
    fn rest(&self) -> Option<&'a [u8]> {
        self.bytes.get(self.at..).filter(|rest| !rest.is_empty())
    }

    fn byte(&self) -> Option<u8> {
        self.bytes.get(self.at).copied()
    }

    fn skip_past(&mut self, end: &[u8]) -> Option<()> {
        self.at += find(self.rest()?, end)? + end.len();
        Some(())
    }

    fn skip_while(&mut self, keep: impl Fn(u8) -> bool) -> Option<()> {
        self.at += self.rest()?.iter().position(|&b| !keep(b))?;
        Some(())
    }

    /// The attributes of a `meta`: the encoding it declares, if it does.
    fn meta(&mut self) -> Option<Option<&'static Encoding>> {
        let mut seen: Vec<Vec<u8>> = Vec::new();
        let (mut pragma, mut need_pragma, mut charset) = (false, None, None);
        while let Some((name, value)) = self.attribute()? {
            if seen.contains(&name) {
                continue;
            }
            match name.as_slice() {
                b"http-equiv" => pragma |= value == b"content-type",
                b"content" if charset.is_none() => {
                    charset = content_charset(&value).and_then(declared);
                    need_pragma = charset.map(|_| true).or(need_pragma);
                }
                b"charset" => {
                    charset = declared(&value);
                    need_pragma = Some(false);
                }
                _ => {}
            }
            seen.push(name);
        }
        Some(charset.filter(|_| pragma || need_pragma == Some(false)))
    }

    /// "Get an attribute": name and value in lower case; `Some(None)` at the end of the tag.
    fn attribute(&mut self) -> Option<Option<(Vec<u8>, Vec<u8>)>> {
        self.skip_while(|b| is_space(b) || b == b'/')?;
        if self.byte()? == b'>' {
            return Some(None);
        }
        let mut name = Vec::new();
        loop {
            match self.byte()? {
                b'=' if !name.is_empty() => break,
                b if is_space(b) => {
                    self.skip_while(is_space)?;
                    if self.byte()? != b'=' {
                        return Some(Some((name, Vec::new())));
                    }
                    break;
                }
                b'/' | b'>' => return Some(Some((name, Vec::new()))),
                b => name.push(b.to_ascii_lowercase()),
            }
            self.at += 1;
        }
        self.at += 1;
        self.skip_while(is_space)?;
        Some(Some((name, self.value()?)))
    }

    fn value(&mut self) -> Option<Vec<u8>> {
        let first = self.byte()?;
        let quoted = first == b'"' || first == b'\'';
        self.at += usize::from(quoted);
        let start = self.at;
        self.skip_while(|b| if quoted { b != first } else { !is_space(b) && b != b'>' })?;
        let value = self.bytes[start..self.at].to_ascii_lowercase();
        self.at += usize::from(quoted);
        Some(value)
    }
}

/// "Extracting a character encoding from a meta element" (HTML 2.6.5), on lower-case bytes.
fn content_charset(mut content: &[u8]) -> Option<&[u8]> {
    loop {
        let after = find(content, b"charset")? + b"charset".len();
        content = &content[after..];
        if let Some(value) = skip_space(content).strip_prefix(b"=") {
            let value = skip_space(value);
            return match value.first()? {
                quote @ (b'"' | b'\'') => {
                    let end = value[1..].iter().position(|b| b == quote)?;
                    Some(&value[1..=end])
                }
                _ => {
                    let end = value.iter().position(|&b| is_space(b) || b == b';');
                    Some(&value[..end.unwrap_or(value.len())])
                }
            };
        }
    }
}

fn is_meta(rest: &[u8]) -> bool {
    rest.len() > 5 && rest[..5].eq_ignore_ascii_case(b"<meta") && (is_space(rest[5]) || rest[5] == b'/')
}

fn is_tag(rest: &[u8]) -> bool {
    let name = rest.strip_prefix(b"</").or_else(|| rest.strip_prefix(b"<"));
    name.and_then(|n| n.first()).is_some_and(u8::is_ascii_alphabetic)
}

fn is_space(byte: u8) -> bool {
    matches!(byte, b'\t' | b'\n' | 0x0c | b'\r' | b' ')
}

fn skip_space(bytes: &[u8]) -> &[u8] {
    &bytes[bytes.iter().position(|&b| !is_space(b)).unwrap_or(bytes.len())..]
}

fn find(haystack: &[u8], needle: &[u8]) -> Option<usize> {
    haystack.windows(needle.len()).position(|window| window == needle)
}

#[cfg(test)]
mod tests {
    use super::{css_encoding, meta_encoding, xml_encoding};

    fn check(html: &str, expected: Option<&str>) {
        assert_eq!(meta_encoding(html.as_bytes()).map(|e| e.name()), expected, "{html:?}");
    }

    #[test]
    fn meta_charsets() {
        check("<meta charset=utf-8>", Some("UTF-8"));
        check("<META  CHARSET = 'ISO-8859-1' >", Some("windows-1252"));
        check("<meta/charset=\"koi8-r\"/>", Some("KOI8-R"));
        check("<meta name=x charset=shift_jis>", Some("Shift_JIS"));
        check("<meta charset=nonsense><meta charset=big5>", Some("Big5"));
        check("<meta charset=utf-16le>", Some("UTF-8"));
        check("<meta charset=x-user-defined>", Some("windows-1252"));
        check("<meta charset=utf-8 charset=big5>", Some("UTF-8"));
        check("<metacharset=utf-8>", None);
        check("<meta charset>", None);
        check("<meta charset=utf-8", None);
    }

    #[test]
    fn meta_pragmas() {
        let pragma = "<meta http-equiv=Content-Type content='text/html; charset=windows-1251'>";
        check(pragma, Some("windows-1251"));
        check("<meta content='text/html; charset=\"gbk\"' http-equiv=content-type>", Some("GBK"));
        check("<meta content='text/html; charset=gbk'>", None);
        check("<meta http-equiv=content-type content='charset x charset = euc-jp;y'>", Some("EUC-JP"));
        check("<meta http-equiv=content-type content='charset=\"euc-jp'>", None);
        check("<meta http-equiv=refresh content='0; charset=gbk'>", None);
    }

    #[test]
    fn what_is_no_meta_is_passed_over() {
        check("<!-- <meta charset=big5> --><meta charset=utf-8>", Some("UTF-8"));
        check("<!--><meta charset=utf-8>", Some("UTF-8"));
        check("<!-- <meta charset=big5>", None);
        check("<a title='<meta charset=big5>'><meta charset=utf-8>", Some("UTF-8"));
        check("</p title=\"<meta charset=big5>\"><meta charset=utf-8>", Some("UTF-8"));
        check("<?x <meta charset=big5?><meta charset=utf-8>", Some("UTF-8"));
        check("a < b <meta charset=utf-8>", Some("UTF-8"));
        check(&format!("{}<meta charset=utf-8>", " ".repeat(1004)), Some("UTF-8"));
        check(&format!("{}<meta charset=utf-8>", " ".repeat(1010)), None);
    }

    #[test]
    fn xml_and_css_declarations() {
        for (text, expected) in [
            ("<?xml version=\"1.0\" encoding=\"iso-8859-2\"?>", Some("ISO-8859-2")),
            ("<?xml version='1.0' encoding = 'utf-16'?>", Some("UTF-8")),
            ("<?xml version='1.0'?>", None),
            ("<?xml encoding=utf-8?>", None),
            (" <?xml encoding='utf-8'?>", None),
            ("<\0?\0x\0m\0", Some("UTF-16LE")),
        ] {
            assert_eq!(xml_encoding(text.as_bytes()).map(|e| e.name()), expected, "{text:?}");
        }
        assert_eq!(css_encoding(b"@charset \"big5\";a{}").map(|e| e.name()), Some("Big5"));
        assert_eq!(css_encoding(b"@charset 'big5';"), None);
    }
}
