//! [`answer`]: the HTTP response in a record, as the crawler would have got it.

use std::net::IpAddr;
use std::time::UNIX_EPOCH;

use super::warc::Record;
use crate::fetch::undo_codings;
use crate::model::{CrawlUrl, Header, UnixMs};
use crate::scope::{UrlRules, seed_url};

/// Most header lines that are kept.
const MOST_HEADERS: usize = 256;

/// One answer of a server.
#[derive(Clone, Debug, PartialEq)]
pub struct Answer {
    /// As it stands in the record.
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
    /// Who answered.
    pub address: Option<IpAddr>,
}

/// The answer in a record; `None` when it holds none. `most_body`: most bytes of a body, decoded.
///
/// # Errors
/// Why the answer cannot be used.
pub fn answer(record: Record, rules: &UrlRules, most_body: u64) -> Option<Result<Answer, String>> {
    let kind = record.field("warc-type")?;
    let is_http = record.field("content-type").is_none_or(|kind| kind.starts_with("application/http"));
    (kind == "response" && is_http).then(|| read(record, rules, most_body))
}

fn read(record: Record, rules: &UrlRules, most_body: u64) -> Result<Answer, String> {
    let given = record.field("warc-target-uri").ok_or("a response without a URL")?.trim_matches(['<', '>']).to_owned();
    let url = seed_url(&given, rules).map_err(|why| format!("{given}: {why}"))?.url;
    let fault = |why: &str| format!("{given}: {why}");
    if record.is_cut {
        return Err(fault("larger than --max-body"));
    }
    let date = record.field("warc-date").ok_or_else(|| fault("without a date"))?;
    let date = humantime::parse_rfc3339(date).map_err(|_| fault("without a date"))?;
    let started_ms = date.duration_since(UNIX_EPOCH).ok().and_then(|since| i64::try_from(since.as_millis()).ok());
    let (status, headers, raw) = head(&record.block).ok_or_else(|| fault("not the head of a response"))?;
    // Of what is no page the head says enough.
    if record.field("warc-truncated").is_some() && (200..300).contains(&status) {
        return Err(fault("only a part of it is in the file (WARC-Truncated)"));
    }
    let values = |name: &str| headers.iter().filter(|h| h.name == name).map(|h| h.value.clone()).collect::<Vec<_>>();
    let most = usize::try_from(most_body).unwrap_or(usize::MAX);
    let wire_bytes = raw.len() as u64;
    let is_chunked = values("transfer-encoding").iter().any(|value| value.to_ascii_lowercase().contains("chunked"));
    // Some tools undo the chunks and leave the header.
    let body = if is_chunked { unchunked(raw).unwrap_or_else(|| raw.to_vec()) } else { raw.to_vec() };
    let codings = values("content-encoding");
    let body = undo_codings(body, codings.iter().map(String::as_str), most).map_err(|why| fault(&why))?;
    Ok(Answer {
        started_ms: started_ms.ok_or_else(|| fault("without a date"))?,
        address: record.field("warc-ip-address").and_then(|address| address.parse().ok()),
        given,
        url,
        status,
        headers,
        body,
        wire_bytes,
    })
}

/// Status, headers and what follows them.
fn head(block: &[u8]) -> Option<(u16, Vec<Header>, &[u8])> {
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

/// The chunks of a body put together (RFC 9112 7.1); `None` when it has none.
fn unchunked(mut raw: &[u8]) -> Option<Vec<u8>> {
    let mut body = Vec::new();
    loop {
        let end = memchr::memchr(b'\n', raw)?;
        let size = std::str::from_utf8(&raw[..end]).ok()?.split(';').next()?.trim();
        let size = usize::from_str_radix(size, 16).ok()?;
        raw = &raw[end + 1..];
        if size == 0 {
            return Some(body);
        }
        body.extend_from_slice(raw.get(..size)?);
        raw = raw.get(size..)?;
        raw = raw.strip_prefix(b"\r\n").or(raw.strip_prefix(b"\n"))?;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record(http: &str) -> Record {
        let field = |name: &str, value: &str| (name.to_owned(), value.to_owned());
        Record {
            fields: vec![
                field("warc-type", "response"),
                field("warc-target-uri", "<http://a.example/x>"),
                field("warc-date", "2025-01-01T00:00:00Z"),
                field("warc-ip-address", "192.0.2.1"),
            ],
            block: http.as_bytes().to_vec(),
            is_cut: false,
        }
    }

    #[test]
    fn a_response_is_read_as_it_came() {
        let rules = UrlRules::none();
        let http = "HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2;x\r\nde\r\n0\r\n\r\n";
        let found = answer(record(http), &rules, 100).unwrap().unwrap();
        assert_eq!(
            (found.url.as_str(), found.status, found.started_ms),
            ("http://a.example/x", 200, 1_735_689_600_000)
        );
        assert_eq!((&found.body[..], found.headers[0].name.as_str()), (&b"abcde"[..], "content-type"));
        let plain = answer(record("HTTP/1.0 404 No\nX: y\n\nabc"), &rules, 100).unwrap().unwrap();
        assert_eq!((plain.status, &plain.body[..]), (404, &b"abc"[..]));
        for bad in ["", "HTTP/1.1 200 OK\r\n", "GET / HTTP/1.1\r\n\r\n", "HTTP/1.1 20 x\r\n\r\n"] {
            assert!(answer(record(bad), &rules, 100).unwrap().is_err(), "{bad:?}");
        }
        let mut request = record("GET / HTTP/1.1\r\n\r\n");
        request.fields[0].1 = "request".to_owned();
        assert_eq!(answer(request, &rules, 100), None);
        let cut = Record { is_cut: true, ..record("HTTP/1.1 200 OK\r\n\r\n") };
        assert!(answer(cut, &rules, 100).unwrap().unwrap_err().contains("--max-body"));
    }
}
