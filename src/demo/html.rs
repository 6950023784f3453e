//! [`Answer`]: one response of the demo web; [`Html`]: the few elements its pages are made of.

use std::fmt::Write as _;
use std::io::{Read, Write as _};

use encoding_rs::Encoding;

/// One response.
#[derive(Clone, Debug)]
pub struct Answer {
    /// HTTP status.
    pub status: u16,
    /// Headers but Content-Length; lower-case names, the type first.
    pub headers: Vec<(&'static str, String)>,
    /// The body as sent.
    pub body: Vec<u8>,
    /// How long the server thinks before it answers, in ms.
    pub think_ms: u64,
    encoding: &'static Encoding,
}

impl Answer {
    /// A UTF-8 page.
    pub fn page(html: String) -> Self {
        Answer::typed("text/html; charset=utf-8", html)
    }

    /// A body of any type.
    pub fn typed(mime: &str, body: impl Into<Vec<u8>>) -> Self {
        Answer {
            status: 200,
            headers: vec![("content-type", mime.to_owned())],
            body: body.into(),
            think_ms: 0,
            encoding: encoding_rs::UTF_8,
        }
    }

    /// A short page with another status.
    pub fn status(status: u16, words: &str) -> Self {
        Answer { status, ..Html::new("en", words).answer() }
    }

    /// A redirect.
    pub fn redirect(status: u16, to: &str) -> Self {
        Answer { status, ..Answer::typed("text/plain", "moved\n") }.with("location", to)
    }

    /// The same with one header more.
    pub fn with(mut self, name: &'static str, value: &str) -> Self {
        self.headers.push((name, value.to_owned()));
        self
    }

    /// The same after some thought.
    pub fn after_ms(mut self, think_ms: u64) -> Self {
        self.think_ms = think_ms;
        self
    }

    /// The same packed with gzip.
    pub fn gzip(mut self) -> Self {
        let mut packed = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
        // Writing to memory cannot fail; if it did, the body would go out as it is.
        if packed.write_all(&self.body).is_ok()
            && let Ok(body) = packed.finish()
        {
            self.body = body;
            self.headers.push(("content-encoding", "gzip".to_owned()));
        }
        self
    }

    /// The same text in another encoding, which the header names when `said`.
    pub fn encoded(mut self, encoding: &'static Encoding, said: bool) -> Self {
        let text = String::from_utf8_lossy(&self.body).into_owned();
        // encoding_rs decodes UTF-16 only: the web must not write it.
        self.body = if encoding == encoding_rs::UTF_16LE {
            std::iter::once(0xfeff).chain(text.encode_utf16()).flat_map(u16::to_le_bytes).collect()
        } else {
            encoding.encode(&text).0.into_owned()
        };
        self.encoding = encoding;
        self.headers[0].1 =
            if said { format!("text/html; charset={}", encoding.name()) } else { "text/html".to_owned() };
        self
    }

    /// How the body is encoded.
    pub fn encoding(&self) -> &'static Encoding {
        self.encoding
    }

    /// The first value of a header; `name` in lower case.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(known, _)| *known == name).map(|(_, value)| value.as_str())
    }

    /// The body as text, unpacked and decoded.
    pub fn text(&self) -> String {
        let mut plain = Vec::new();
        let packed = self.header("content-encoding").is_some();
        if !packed || flate2::read::GzDecoder::new(&self.body[..]).read_to_end(&mut plain).is_err() {
            plain.clone_from(&self.body);
        }
        self.encoding.decode(&plain).0.into_owned()
    }
}

/// A page in the making.
#[derive(Debug)]
pub(super) struct Html {
    head: String,
    body: String,
    lang: &'static str,
}

impl Html {
    /// A page with a title, which is its heading too.
    pub(super) fn new(lang: &'static str, title: &str) -> Self {
        Html { head: format!("<title>{title}</title>\n"), body: format!("<h1>{title}</h1>\n"), lang }
    }

    /// An element of the head, as it is.
    pub(super) fn head(mut self, element: &str) -> Self {
        let _ = writeln!(self.head, "{element}");
        self
    }

    /// A description.
    pub(super) fn describe(self, text: &str) -> Self {
        self.head(&format!("<meta name=\"description\" content=\"{text}\">"))
    }

    /// A paragraph.
    pub(super) fn text(self, text: &str) -> Self {
        self.raw(&format!("<p>{text}</p>"))
    }

    /// A second heading.
    pub(super) fn heading(self, text: &str) -> Self {
        self.raw(&format!("<h2>{text}</h2>"))
    }

    /// A link.
    pub(super) fn link(self, href: &str, text: &str) -> Self {
        self.raw(&format!("<a href=\"{href}\">{text}</a>"))
    }

    /// An element of the body, as it is.
    pub(super) fn raw(mut self, element: &str) -> Self {
        let _ = writeln!(self.body, "{element}");
        self
    }

    /// The page as an answer.
    pub(super) fn answer(&self) -> Answer {
        let Html { head, body, lang } = self;
        Answer::page(format!(
            "<!doctype html>\n<html lang=\"{lang}\">\n<head>\n{head}</head>\n<body>\n{body}</body>\n</html>\n"
        ))
    }
}
