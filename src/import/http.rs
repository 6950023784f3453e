//! [`message`]: the HTTP response in a record, as the crawler would have got it. [`Answer`]: what it is for a crawl.

use std::net::IpAddr;

use crate::fetch::undo_codings;
use crate::model::{CrawlUrl, Header, UnixMs};

/// Most header lines that are kept.
const MOST_HEADERS: usize = 256;

/// One answer of a server.
#[derive(Clone, Debug, PartialEq)]
pub struct Answer {
    /// As it stands in the record, without credentials.
    pub given: String,
    /// Its URL.
    pub url: CrawlUrl,
    /// When it was asked for.
    pub started_ms: UnixMs,
    /// Status.
    pub status: u16,
    /// Headers in order.
    pub headers: Vec<Header>,
    /// The body, decoded.
    pub body: Vec<u8>,
    /// Bytes of the body in the record.
    pub wire_bytes: u64,
    /// Whether the end of the body is missing.
    pub is_cut: bool,
    /// Who answered.
    pub address: Option<IpAddr>,
}

/// The head and the body of an HTTP message.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Message {
    pub(crate) status: u16,
    pub(crate) headers: Vec<Header>,
    /// Decoded.
    pub(crate) body: Vec<u8>,
    pub(crate) wire_bytes: u64,
    pub(crate) is_cut: bool,
}

/// Reads a message; `most_body`: most bytes of a body, decoded.
///
/// # Errors
/// Why it is none that can be used.
pub(crate) fn message(block: &[u8], most_body: u64) -> Result<Message, String> {
    let (status, headers, raw) = head(block).ok_or("not the head of a response")?;
    let values = |name: &str| headers.iter().filter(|h| h.name == name).map(|h| h.value.clone()).collect::<Vec<_>>();
    let most = usize::try_from(most_body).unwrap_or(usize::MAX);
    let wire_bytes = raw.len() as u64;
    let is_chunked = values("transfer-encoding").iter().any(|value| value.to_ascii_lowercase().contains("chunked"));
    // Some tools undo the chunks and leave the header.
    let whole = || (raw.to_vec(), false);
    let (body, is_cut) = if is_chunked { unchunked(raw).unwrap_or_else(whole) } else { whole() };
    let codings = values("content-encoding");
    let body = undo_codings(body, codings.iter().map(String::as_str), most)?;
    if body.len() > most {
        return Err(TOO_LARGE.to_owned());
    }
    Ok(Message { status, headers, body, wire_bytes, is_cut })
}

/// Why a body is not taken.
pub(crate) const TOO_LARGE: &str = "larger than --max-body";

/// Status, headers and what follows them.
pub(crate) fn head(block: &[u8]) -> Option<(u16, Vec<Header>, &[u8])> {
    let mut rest = block;
    let mut line = || -> Option<String> {
        let end = memchr::memchr(b'\n', rest)?;
        let line = String::from_utf8_lossy(&rest[..end]).trim_end_matches('\r').to_owned();
        rest = &rest[end + 1..];
        Some(line)
    };
    let first = line()?;
    let status = first.strip_prefix("HTTP/")?.split(' ').nth(1)?.parse().ok().filter(|s| (100..1000).contains(s))?;
    let mut headers = Vec::new();
    loop {
        let line = line()?;
        if line.is_empty() {
            break;
        }
        if let Some((name, value)) = line.split_once(':').filter(|_| headers.len() < MOST_HEADERS) {
            let (name, value) = (name.trim().to_ascii_lowercase(), value.trim().replace('\0', ""));
            headers.push(Header { name, value });
        }
    }
    Some((status, headers, rest))
}

/// The chunks of a body put together (RFC 9112 7.1), and whether their end is missing; `None` when it has none.
fn unchunked(mut raw: &[u8]) -> Option<(Vec<u8>, bool)> {
    let mut body = Vec::new();
    let mut is_first = true;
    loop {
        let size = memchr::memchr(b'\n', raw).and_then(|end| {
            let size = std::str::from_utf8(&raw[..end]).ok()?.split(';').next()?.trim();
            Some((usize::from_str_radix(size, 16).ok()?, end + 1))
        });
        let (size, at) = match size {
            Some(size) => size,
            None if is_first => return None,
            None => return Some((body, true)),
        };
        is_first = false;
        raw = &raw[at..];
        if size == 0 {
            return Some((body, false));
        }
        let Some(chunk) = raw.get(..size) else {
            body.extend_from_slice(raw);
            return Some((body, true));
        };
        body.extend_from_slice(chunk);
        raw = &raw[size..];
        raw = raw.strip_prefix(b"\r\n").or(raw.strip_prefix(b"\n")).unwrap_or(raw);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn body(http: &str) -> (String, bool) {
        let message = message(http.as_bytes(), 100).unwrap();
        (String::from_utf8(message.body).unwrap(), message.is_cut)
    }

    #[test]
    fn a_response_is_read_as_it_came() {
        let http = "HTTP/1.1 200 OK\r\nContent-Type: text/html\r\n\r\nabc";
        let found = message(http.as_bytes(), 100).unwrap();
        assert_eq!((found.status, &found.body[..], found.headers[0].name.as_str()), (200, &b"abc"[..], "content-type"));
        assert_eq!((found.wire_bytes, found.is_cut), (3, false));
        assert_eq!(message(b"HTTP/1.0 404 No\nX: y\n\nabc", 100).unwrap().status, 404);
        for bad in ["", "HTTP/1.1 200 OK\r\n", "GET / HTTP/1.1\r\n\r\n", "HTTP/1.1 20 x\r\n\r\n"] {
            assert!(message(bad.as_bytes(), 100).is_err(), "{bad:?}");
        }
        assert_eq!(message(http.as_bytes(), 2), Err(TOO_LARGE.to_owned()));
    }

    /// A body whose last chunk is missing was taken with the sizes of its chunks in it.
    #[test]
    fn chunks_are_put_together_also_without_the_last_one() {
        let cases = [
            ("3\r\nabc\r\n2;x\r\nde\r\n0\r\n\r\n", "abcde", false),
            ("3\nabc\n0\n\n", "abc", false),
            ("3\r\nabc\r\n2\r\nde\r\n", "abcde", true),
            ("3\r\nabc\r\n2\r\nd", "abcd", true),
            ("3\r\nabc\r\n", "abc", true),
            ("3\r\nab", "ab", true),
            ("3\r\nabc\r\nzz\r\n", "abc", true),
            // No chunks at all.
            ("<title>abc</title>\n", "<title>abc</title>\n", false),
            ("", "", false),
        ];
        for (raw, wanted, is_cut) in cases {
            let http = format!("HTTP/1.1 200 OK\r\nTransfer-Encoding: Chunked\r\n\r\n{raw}");
            assert_eq!(body(&http), (wanted.to_owned(), is_cut), "{raw:?}");
        }
    }
}
