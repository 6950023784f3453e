//! Headers: what a request says, and what is kept of what a response says.

use reqwest::header::{
    ACCEPT, ACCEPT_ENCODING, CONTENT_ENCODING, HeaderMap, HeaderName, HeaderValue, IF_MODIFIED_SINCE, IF_NONE_MATCH,
    LINK, LOCATION, REFRESH,
};

use super::coding;
use crate::model::{Header, Validators};

/// What is wanted most first. No language is preferred: a crawl stores what a site gives everyone.
const ACCEPTED: &str = "text/html,application/xhtml+xml,application/xml;q=0.9,text/plain;q=0.8,*/*;q=0.5";

/// Most bytes kept of one value. No URL that is crawled is near as long.
const MAX_VALUE_BYTES: usize = 8 * 1024;

/// Most bytes kept of all names and values.
const MAX_HEADERS_BYTES: usize = 64 * 1024;

/// Headers of every request, beside `Host` and `User-Agent`.
pub(super) fn of_every_request() -> HeaderMap {
    HeaderMap::from_iter([
        (ACCEPT, HeaderValue::from_static(ACCEPTED)),
        (ACCEPT_ENCODING, HeaderValue::from_static(coding::ACCEPTED)),
    ])
}

/// Headers of a conditional request (RFC 9110 13.1.2, 13.1.3). A validator that cannot be a
/// header value is left out: the worst is a full response.
pub(super) fn conditional(validators: Option<&Validators>) -> HeaderMap {
    let mut headers = HeaderMap::new();
    let Some(validators) = validators else { return headers };
    let mut put = |name: HeaderName, value: &Option<String>| {
        let sendable = value.as_deref().filter(|value| Validators::can_be_sent(value));
        if let Some(value) = sendable.and_then(|value| HeaderValue::from_str(value).ok()) {
            headers.insert(name, value);
        }
    };
    put(IF_NONE_MATCH, &validators.etag);
    put(IF_MODIFIED_SINCE, &validators.last_modified);
    headers
}

/// The headers as data: NUL removed, bytes that are not UTF-8 replaced, long values cut, and the
/// rest left out once [`MAX_HEADERS_BYTES`] are reached.
pub(super) fn kept(headers: &HeaderMap) -> Vec<Header> {
    let mut kept = Vec::with_capacity(headers.len());
    let mut bytes = 0;
    for (name, value) in headers {
        let value = if is_reference(name) { reference(value) } else { readable(value) };
        bytes += name.as_str().len() + value.len();
        if bytes > MAX_HEADERS_BYTES {
            break;
        }
        kept.push(Header { name: name.as_str().to_owned(), value });
    }
    kept
}

/// The content codings the response names.
pub(super) fn codings(headers: &HeaderMap) -> Result<Vec<coding::Coding>, String> {
    let values = headers.get_all(CONTENT_ENCODING).into_iter().map(readable).collect::<Vec<_>>();
    coding::codings_of(values.iter().map(String::as_str))
}

/// Headers that hold URLs.
fn is_reference(name: &HeaderName) -> bool {
    *name == LOCATION || *name == REFRESH || *name == LINK
}

/// A value that holds a URL. Servers write raw bytes of whatever charset there; where those are not
/// UTF-8 they are percent-encoded, so that the request that follows carries the very same bytes.
fn reference(value: &HeaderValue) -> String {
    let bytes = value.as_bytes();
    if std::str::from_utf8(bytes).is_ok() || bytes.len() > MAX_VALUE_BYTES {
        return readable(value);
    }
    let mut text = String::with_capacity(bytes.len() * 2);
    for &byte in bytes {
        match byte {
            0 => {}
            1..=0x7f => text.push(char::from(byte)),
            _ => text.push_str(&format!("%{byte:02X}")),
        }
    }
    text
}

fn readable(value: &HeaderValue) -> String {
    let bytes = value.as_bytes();
    let mut text = String::from_utf8_lossy(&bytes[..bytes.len().min(MAX_VALUE_BYTES)]).into_owned();
    text.retain(|char| char != '\0');
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn validators(etag: &str, last_modified: &str) -> Validators {
        Validators { etag: Some(etag.to_owned()), last_modified: Some(last_modified.to_owned()) }
    }

    #[test]
    fn validators_are_sent_as_they_were_received() {
        let long = "x".repeat(Validators::MAX_BYTES + 1);
        for (given, expected) in [
            (None, vec![]),
            (Some(Validators::default()), vec![]),
            (
                Some(validators("W/\"1\"", "yesterday")),
                vec![("if-none-match", "W/\"1\""), ("if-modified-since", "yesterday")],
            ),
            (Some(validators("a\r\nCookie: b", "")), vec![]),
            (Some(validators(&long, "now")), vec![("if-modified-since", "now")]),
        ] {
            let headers = conditional(given.as_ref());
            let sent = headers.iter().map(|(name, value)| (name.as_str(), value.to_str().unwrap())).collect::<Vec<_>>();
            assert_eq!(sent, expected);
        }
    }

    #[test]
    fn values_are_text_and_bounded() {
        let mut headers = HeaderMap::new();
        headers.insert("location", HeaderValue::from_bytes(b"/caf\xe9/\xff?a%20b").unwrap());
        headers.insert("x-latin", HeaderValue::from_bytes(b"caf\xe9").unwrap());
        headers.insert("x-long", HeaderValue::from_bytes(&[b'x'; 100_000]).unwrap());
        let kept = super::kept(&headers);
        assert_eq!(kept[0], Header { name: "location".to_owned(), value: "/caf%E9/%FF?a%20b".to_owned() });
        assert_eq!(kept[1], Header { name: "x-latin".to_owned(), value: "caf\u{fffd}".to_owned() });
        assert_eq!(kept[2].value.len(), MAX_VALUE_BYTES);
        for n in 0..100 {
            headers.append("x-more", HeaderValue::from_bytes(&[b'0' + n % 10; 2000]).unwrap());
        }
        let bytes: usize = super::kept(&headers).iter().map(|header| header.name.len() + header.value.len()).sum();
        assert!((MAX_HEADERS_BYTES - 2100..=MAX_HEADERS_BYTES).contains(&bytes), "{bytes}");
    }
}
