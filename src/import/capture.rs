//! [`capture`]: what a record of an archive is for a crawl. An [`Answer`], a [`Revisit`] whose payload stands in another
//! record, or nothing, by the kind of the record.

use std::net::IpAddr;

use super::dates;
use super::http::{Answer, Message, TOO_LARGE, head, message};
use super::warc::Record;
use crate::model::{CrawlUrl, Header, UnixMs};
use crate::scope::{UrlRules, host_behind_credentials, seed_url, without_credentials};

/// What a record is.
#[derive(Clone, Debug, PartialEq)]
pub enum Capture {
    /// An answer of a server.
    Answer(Box<Answer>),
    /// An answer with the payload of another record.
    Revisit(Box<Revisit>),
    /// Nothing that a crawl takes in; its kind.
    LeftOut(&'static str),
}

/// A record that says that its payload was the same as another one's.
#[derive(Clone, Debug, PartialEq)]
pub struct Revisit {
    /// URL, time and address.
    pub(crate) of: Target,
    /// Its head, where there is one.
    pub(crate) head: Option<(u16, Vec<Header>)>,
    /// `WARC-Refers-To`.
    pub(crate) refers_to: Option<String>,
    /// `WARC-Refers-To-Target-URI`.
    pub(crate) uri: Option<String>,
    /// `WARC-Refers-To-Date`.
    pub(crate) date: Option<String>,
    /// `WARC-Payload-Digest`.
    pub(crate) digest: Option<String>,
}

/// What a record is about.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Target {
    pub(crate) given: String,
    pub(crate) url: CrawlUrl,
    pub(crate) started_ms: UnixMs,
    pub(crate) address: Option<IpAddr>,
}

impl Revisit {
    /// The URL, as it is given and as it is crawled.
    pub fn url(&self) -> (String, CrawlUrl) {
        (self.of.given.clone(), self.of.url.clone())
    }

    /// The answer, with the payload of the record that it refers to.
    pub(crate) fn with(self, original: Answer) -> Answer {
        let Answer { status, headers, body, wire_bytes, is_cut, .. } = original;
        let (status, headers) = match self.head {
            // A page that was not modified is the page.
            Some((304, _)) | None => (status, headers),
            Some((own, mut own_headers)) => {
                let kind = |header: &&Header| header.name == "content-type";
                if !own_headers.iter().any(|header| kind(&header)) {
                    own_headers.extend(headers.iter().find(kind).cloned());
                }
                (own, own_headers)
            }
        };
        answer_of(self.of, Message { status, headers, body, wire_bytes, is_cut })
    }
}

/// The URL that a record is about, where it may be one that is crawled: all of it need not be read for that.
pub fn url_of(record: &Record, rules: &UrlRules) -> Option<CrawlUrl> {
    let kind = record.field("warc-type")?.to_ascii_lowercase();
    let is_page = matches!(kind.as_str(), "response" | "resource" | "revisit");
    seed_url(uri(record).filter(|_| is_page)?, rules).ok().map(|seed| seed.url)
}

/// What a record is. `most_body`: most bytes of a body, decoded.
///
/// # Errors
/// Why it cannot be used.
pub fn capture(record: Record, rules: &UrlRules, most_body: u64) -> Result<Capture, String> {
    let kind = record.field("warc-type").ok_or("a record without a type")?.to_ascii_lowercase();
    let content_type = record.field("content-type").map(str::to_ascii_lowercase);
    let is_http = content_type.as_ref().is_none_or(|kind| kind.starts_with("application/http"));
    let is_web = uri(&record).is_some_and(|uri| {
        let scheme = uri.split(':').next().unwrap_or_default();
        ["http", "https"].iter().any(|web| scheme.eq_ignore_ascii_case(web))
    });
    if record.field("warc-segment-number").is_some() {
        return Ok(Capture::LeftOut("segment"));
    }
    match kind.as_str() {
        "response" if is_http => answer(&record, rules, most_body).map(|answer| Capture::Answer(Box::new(answer))),
        "response" => Ok(Capture::LeftOut("response that is not HTTP")),
        "resource" if is_web => resource(record, rules, most_body).map(|answer| Capture::Answer(Box::new(answer))),
        "revisit" => revisit(&record, rules).map(|revisit| Capture::Revisit(Box::new(revisit))),
        other => {
            const KINDS: [&str; 6] = ["warcinfo", "request", "metadata", "conversion", "continuation", "resource"];
            Ok(Capture::LeftOut(KINDS.into_iter().find(|known| *known == other).unwrap_or("unknown")))
        }
    }
}

/// The answer in a record that holds a payload itself.
pub(crate) fn original(record: Record, rules: &UrlRules, most_body: u64) -> Result<Answer, String> {
    match capture(record, rules, most_body)? {
        Capture::Answer(answer) => Ok(*answer),
        _ => Err("the record that it refers to holds no payload".to_owned()),
    }
}

fn uri(record: &Record) -> Option<&str> {
    record.field("warc-target-uri").map(|uri| uri.trim_matches(['<', '>']))
}

fn answer(record: &Record, rules: &UrlRules, most_body: u64) -> Result<Answer, String> {
    let of = target(record, rules)?;
    let fault = |why: &str| format!("{}: {why}", of.given);
    if record.is_cut {
        return Err(fault(TOO_LARGE));
    }
    let message = message(&record.block, most_body).map_err(|why| fault(&why))?;
    // Of what is no page the head says enough.
    if record.field("warc-truncated").is_some() && (200..300).contains(&message.status) {
        return Err(fault("only a part of it is in the file (WARC-Truncated)"));
    }
    Ok(answer_of(of, message))
}

/// A file that was taken in without a server: its block is the page.
fn resource(record: Record, rules: &UrlRules, most_body: u64) -> Result<Answer, String> {
    let of = target(&record, rules)?;
    let fault = |why: &str| format!("{}: {why}", of.given);
    if record.is_cut || record.block.len() as u64 > most_body {
        return Err(fault(TOO_LARGE));
    }
    if record.field("warc-truncated").is_some() {
        return Err(fault("only a part of it is in the file (WARC-Truncated)"));
    }
    let kind = record.field("content-type").map(|kind| kind.replace('\0', ""));
    let headers = kind.map(|value| Header { name: "content-type".to_owned(), value }).into_iter().collect();
    let wire_bytes = record.block.len() as u64;
    Ok(answer_of(of, Message { status: 200, headers, body: record.block, wire_bytes, is_cut: false }))
}

fn revisit(record: &Record, rules: &UrlRules) -> Result<Revisit, String> {
    let field = |name: &str| record.field(name).map(str::to_owned);
    Ok(Revisit {
        of: target(record, rules)?,
        head: head(&record.block).map(|(status, headers, _)| (status, headers)),
        refers_to: field("warc-refers-to"),
        uri: field("warc-refers-to-target-uri"),
        date: field("warc-refers-to-date"),
        digest: field("warc-payload-digest"),
    })
}

fn target(record: &Record, rules: &UrlRules) -> Result<Target, String> {
    let given = uri(record).ok_or("a record without a URL")?;
    let shown = without_credentials(given);
    let url = seed_url(given, rules).map_err(|why| format!("{shown}: {why}"))?.url;
    let date = record.field("warc-date").ok_or_else(|| format!("{shown}: without a date"))?;
    let started_ms = dates::unix_ms(date).ok_or_else(|| format!("{shown}: WARC-Date {date:?} is no date"))?;
    let address = record.field("warc-ip-address").and_then(|address| address.parse().ok());
    Ok(Target { given: given_of(given, &url), url, started_ms, address })
}

/// What of a URL is kept as it was given: nothing of it where it names credentials.
pub(crate) fn given_of(given: &str, url: &CrawlUrl) -> String {
    match host_behind_credentials(given) {
        Some(_) => url.as_str().to_owned(),
        None => given.to_owned(),
    }
}

fn answer_of(of: Target, message: Message) -> Answer {
    let Message { status, headers, body, wire_bytes, is_cut } = message;
    let Target { given, url, started_ms, address } = of;
    Answer { given, url, started_ms, status, headers, body, wire_bytes, is_cut, address }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record(kind: &str, uri: &str, block: &str) -> Record {
        let field = |name: &str, value: &str| (name.to_owned(), value.to_owned());
        Record {
            fields: vec![
                field("warc-type", kind),
                field("warc-target-uri", uri),
                field("warc-date", "2025-01-01"),
                field("warc-ip-address", "192.0.2.1"),
            ],
            block: block.as_bytes().to_vec(),
            ..Record::default()
        }
    }

    fn with(mut record: Record, name: &str, value: &str) -> Record {
        record.fields.push((name.to_owned(), value.to_owned()));
        record
    }

    fn read(record: Record) -> Result<Capture, String> {
        capture(record, &UrlRules::none(), 100)
    }

    fn taken(record: Record) -> Answer {
        match read(record) {
            Ok(Capture::Answer(answer)) => *answer,
            other => panic!("{other:?}"),
        }
    }

    const HTTP: &str = "HTTP/1.1 200 OK\r\nContent-Type: text/html\r\n\r\nabc";

    #[test]
    fn a_record_is_what_it_says_in_any_case() {
        let page = taken(record("response", "<http://a.example/x>", HTTP));
        assert_eq!((page.given.as_str(), page.url.as_str()), ("http://a.example/x", "http://a.example/x"));
        assert_eq!((page.started_ms, page.body.len(), page.status), (1_735_689_600_000, 3, 200));
        let odd =
            with(record("Response", "HTTP://a.example/x", HTTP), "content-type", "Application/HTTP;msgtype=response");
        assert_eq!(taken(odd).body, b"abc");
        let file = taken(with(record("resource", "http://a.example/f", "abc"), "content-type", "text/plain"));
        assert_eq!((file.status, &file.body[..], file.headers[0].value.as_str()), (200, &b"abc"[..], "text/plain"));
        let left = [
            (record("request", "http://a.example/", "GET / HTTP/1.1\r\n\r\n"), "request"),
            (record("Conversion", "http://a.example/", "x"), "conversion"),
            (record("resource", "file:///etc/x", "x"), "resource"),
            (record("continuation", "http://a.example/", "x"), "continuation"),
            (record("screenshot", "http://a.example/", "x"), "unknown"),
            (with(record("response", "dns:a.example", "x"), "content-type", "text/dns"), "response that is not HTTP"),
            (with(record("response", "http://a.example/", HTTP), "warc-segment-number", "1"), "segment"),
        ];
        for (record, kind) in left {
            assert_eq!(read(record), Ok(Capture::LeftOut(kind)));
        }
    }

    #[test]
    fn what_cannot_be_used_says_why() {
        let cut = |record| Record { is_cut: true, ..record };
        let long = "x".repeat(101);
        let cases = [
            (cut(record("response", "http://a.example/", HTTP)), "http://a.example/: larger than --max-body"),
            (record("resource", "http://a.example/", &long), "http://a.example/: larger than --max-body"),
            (with(record("response", "http://a.example/", HTTP), "warc-truncated", "length"), "only a part"),
            (record("response", "http://a.example/", "hello"), "not the head of a response"),
            (record("response", "mailto:x@a.example", HTTP), "mailto:x@a.example: only http"),
            (Record::default(), "without a type"),
        ];
        for (record, words) in cases {
            let why = read(record).unwrap_err();
            assert!(why.contains(words), "{why}");
        }
        let mut undated = record("response", "http://me:s3cret@a.example/", HTTP);
        undated.fields[2].1 = "soon".to_owned();
        assert_eq!(read(undated).unwrap_err(), "…@a.example/: WARC-Date \"soon\" is no date");
    }

    #[test]
    fn credentials_are_no_part_of_what_is_given() {
        let page = taken(record("response", "https://me:s3cret@a.example/x", HTTP));
        assert_eq!((page.given.as_str(), page.url.as_str()), ("https://a.example/x", "https://a.example/x"));
    }

    #[test]
    fn a_revisit_has_the_payload_of_another_record() {
        let original = taken(record("response", "http://a.example/1", HTTP));
        let resolved = |block: &str| match read(record("revisit", "http://a.example/2", block)).unwrap() {
            Capture::Revisit(revisit) => revisit.with(original.clone()),
            other => panic!("{other:?}"),
        };
        let cases = [
            ("", 200, "content-type"),
            ("HTTP/1.1 304 Not Modified\r\nX: y\r\n\r\n", 200, "content-type"),
            ("HTTP/1.1 203 x\r\nX: y\r\n\r\n", 203, "x"),
        ];
        for (block, status, header) in cases {
            let answer = resolved(block);
            assert_eq!((answer.url.as_str(), &answer.body[..]), ("http://a.example/2", &b"abc"[..]));
            assert_eq!((answer.status, answer.headers[0].name.as_str()), (status, header), "{block}");
            assert!(answer.headers.iter().any(|header| header.name == "content-type"), "{block}");
        }
    }
}
