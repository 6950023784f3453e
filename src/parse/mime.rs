//! [`MimeType`]: a `Content-Type` read as browsers read it (WHATWG MIME Sniffing 4.4), and
//! [`BodyKind`], what the extractor can do with a type.

/// Longest essence that is believed; a longer one counts as missing.
const MAX_ESSENCE_BYTES: usize = 127;

/// A parsed media type: the essence in lower case, and its `charset` when one is given.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct MimeType {
    /// `type/subtype`, lower case.
    pub(crate) essence: String,
    /// The first `charset` parameter, as written.
    pub(crate) charset: Option<String>,
}

impl MimeType {
    /// Parses a header value; `None` when it is not a media type at all.
    pub(crate) fn parse(value: &str) -> Option<MimeType> {
        let (essence, parameters) = value.split_once(';').unwrap_or((value, ""));
        let (kind, subtype) = trim(essence).split_once('/')?;
        if !is_token(kind) || !is_token(subtype) || kind.len() + subtype.len() >= MAX_ESSENCE_BYTES {
            return None;
        }
        let essence = format!("{}/{}", kind.to_ascii_lowercase(), subtype.to_ascii_lowercase());
        Some(MimeType { essence, charset: parameter(parameters, "charset") })
    }
}

/// The media type that `Content-Type` states (Fetch, "extract a MIME type"): the last one that is any, for
/// it may be sent more than once, as several lines or with commas. A charset said before of the same
/// essence holds for it too.
pub(crate) fn stated_type(value: &str) -> Option<MimeType> {
    let mut stated: Option<MimeType> = None;
    for next in members(value).filter_map(MimeType::parse).filter(|next| next.essence != "*/*") {
        let charset = stated.take().filter(|before| before.essence == next.essence).and_then(|before| before.charset);
        stated = Some(MimeType { charset: next.charset.or(charset), ..next });
    }
    stated
}

/// The members of a list: what commas outside quotes part (Fetch, "get, decode, and split").
fn members(value: &str) -> impl Iterator<Item = &str> {
    let (mut quoted, mut escaped) = (false, false);
    value.split(move |c| {
        let parts = c == ',' && !quoted;
        quoted ^= c == '"' && !escaped;
        escaped = quoted && c == '\\' && !escaped;
        parts
    })
}

/// What a media type means to the extractor.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum BodyKind {
    /// `text/html`: parsed as HTML.
    Html,
    /// `application/xhtml+xml`: parsed by the HTML parser, self-closing tags obeyed.
    Xhtml,
    /// XML of any other kind: its charset is told, nothing is extracted.
    Xml,
    /// JSON: UTF-8 unless the header says otherwise (RFC 8259 8.1).
    Json,
    /// `text/plain`, `text/markdown`, `text/csv` and the like: the body is the text.
    Prose,
    /// Other text (CSS, JavaScript …): its charset is told, nothing is extracted.
    Code,
    /// Anything else.
    Binary,
}

impl BodyKind {
    /// Sorts an essence as [`MimeType::parse`] gives it.
    pub(crate) fn of(essence: &str) -> BodyKind {
        match essence {
            "text/html" => BodyKind::Html,
            "application/xhtml+xml" => BodyKind::Xhtml,
            "text/xml" | "application/xml" => BodyKind::Xml,
            "application/json" | "text/json" => BodyKind::Json,
            "text/plain" | "text/markdown" | "text/x-markdown" | "text/csv" | "text/tab-separated-values" => {
                BodyKind::Prose
            }
            "application/javascript"
            | "application/ecmascript"
            | "application/x-javascript"
            | "application/x-ecmascript" => BodyKind::Code,
            other if other.ends_with("+xml") => BodyKind::Xml,
            other if other.ends_with("+json") => BodyKind::Json,
            other if other.starts_with("text/") => BodyKind::Code,
            _ => BodyKind::Binary,
        }
    }
}

/// The first parameter of that name; later ones do not count.
fn parameter(mut rest: &str, wanted: &str) -> Option<String> {
    while !rest.is_empty() {
        let (name, after) = match rest.find([';', '=']) {
            Some(at) if rest.as_bytes()[at] == b'=' => (trim(&rest[..at]), &rest[at + 1..]),
            Some(at) => {
                rest = &rest[at + 1..];
                continue;
            }
            None => return None,
        };
        let (value, after) = parameter_value(after);
        if name.eq_ignore_ascii_case(wanted) && !value.is_empty() {
            return Some(value);
        }
        rest = after;
    }
    None
}

/// A value, quoted or bare, and what follows the `;` after it.
fn parameter_value(text: &str) -> (String, &str) {
    let Some(quoted) = text.strip_prefix('"') else {
        let (value, rest) = text.split_once(';').unwrap_or((text, ""));
        return (trim(value).to_owned(), rest);
    };
    let mut value = String::new();
    let mut chars = quoted.char_indices();
    while let Some((at, c)) = chars.next() {
        match c {
            '"' => return (value, quoted[at..].split_once(';').map_or("", |(_, rest)| rest)),
            '\\' => value.extend(chars.next().map(|(_, escaped)| escaped)),
            _ => value.push(c),
        }
    }
    (value, "")
}

/// HTTP white space (Fetch 2.2): tab, line feed, carriage return, space.
fn trim(text: &str) -> &str {
    text.trim_matches(['\t', '\n', '\r', ' '])
}

/// An HTTP token (RFC 9110 5.6.2), not empty.
fn is_token(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|b| b.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&b))
}

#[cfg(test)]
mod tests {
    use super::{BodyKind, MimeType, stated_type};

    fn check(value: &str, expected: Option<(&str, Option<&str>)>) {
        let parsed = MimeType::parse(value);
        let parsed = parsed.as_ref().map(|m| (m.essence.as_str(), m.charset.as_deref()));
        assert_eq!(parsed, expected, "{value:?}");
    }

    #[test]
    fn content_types_as_servers_write_them() {
        check("text/html", Some(("text/html", None)));
        check(" Text/HTML ; Charset=\"UTF-8\" ", Some(("text/html", Some("UTF-8"))));
        check("text/html;charset=utf-8;charset=latin1", Some(("text/html", Some("utf-8"))));
        check("text/html; foo; charset=koi8-r", Some(("text/html", Some("koi8-r"))));
        check("text/html; x=\"a;charset=b\\\"\"; charset=c", Some(("text/html", Some("c"))));
        check("text/html; charset=\"unclosed", Some(("text/html", Some("unclosed"))));
        check("text/html; charset=", Some(("text/html", None)));
        check("text/html, text/plain", None);
        check("html", None);
        check("", None);
        check("text/", None);
        check("/html", None);
        check("te xt/html", None);
        check(&format!("text/{}", "x".repeat(200)), None);
    }

    #[test]
    fn of_several_types_the_last_one_counts() {
        for (value, expected) in [
            ("text/html", Some(("text/html", None))),
            ("image/png, text/html", Some(("text/html", None))),
            ("text/html, image/png", Some(("image/png", None))),
            ("text/html;charset=gbk, text/html", Some(("text/html", Some("gbk")))),
            ("text/html;charset=gbk, text/html;charset=big5", Some(("text/html", Some("big5")))),
            ("text/html;charset=gbk;a=b, text/html;x=y", Some(("text/html", Some("gbk")))),
            ("text/html;charset=gbk, text/plain, text/html", Some(("text/html", None))),
            ("text/html;charset=gbk, x/x, text/html;x=y", Some(("text/html", None))),
            ("text/plain;charset=gbk, text/html", Some(("text/html", None))),
            ("text/html, */*", Some(("text/html", None))),
            ("text/html;charset=gbk, */*, text/html", Some(("text/html", Some("gbk")))),
            ("text/html, cannot-parse, ,", Some(("text/html", None))),
            ("text/html;\", \", text/plain", Some(("text/plain", None))),
            ("text/html;x=\"a,image/png\\\",b/c\"", Some(("text/html", None))),
            ("text/html;x=\"unclosed, image/png", Some(("text/html", None))),
            ("*/*", None),
            (",", None),
            ("", None),
        ] {
            let stated = stated_type(value);
            let stated = stated.as_ref().map(|m| (m.essence.as_str(), m.charset.as_deref()));
            assert_eq!(stated, expected, "{value:?}");
        }
    }

    #[test]
    fn kinds_follow_the_essence() {
        for (essence, kind) in [
            ("text/html", BodyKind::Html),
            ("application/xhtml+xml", BodyKind::Xhtml),
            ("image/svg+xml", BodyKind::Xml),
            ("application/ld+json", BodyKind::Json),
            ("text/markdown", BodyKind::Prose),
            ("text/css", BodyKind::Code),
            ("application/javascript", BodyKind::Code),
            ("application/pdf", BodyKind::Binary),
        ] {
            assert_eq!(BodyKind::of(essence), kind, "{essence}");
        }
    }
}
