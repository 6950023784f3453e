//! [`WarcFormat`]: WARC 1.1 (ISO 28500:2017, <https://iipc.github.io/warc-specifications/specifications/warc-format/warc-1.1/>).
//!
//! A file begins with a `warcinfo` record. Each answer gives a `response`, a `request` and a `metadata` record, each a gzip
//! member of its own in a file that is packed. An answer whose payload stands in the file already is a `revisit` that
//! refers to it, so every file can be replayed by itself; a 304 is a `revisit` of what it confirmed.
//!
//! What is not kept cannot be written: the record of an answer without its body says `WARC-Truncated: unspecified`, and
//! requests are rebuilt from the settings. The `warcinfo` says so.

use std::collections::HashMap;
use std::io::{self, Write};
use std::path::Path;

use libdeflater::{CompressionLvl, Compressor};
use sha1::{Digest, Sha1};
use url::Url;

use super::cdxj::{self, Entry, Index};
use super::format::{RefersTo, RowFormat};
use super::http_head::{one_line, request_head, response_head};
use crate::store::sqlite::read::{FetchMark, StoredFetch};

const SAME_PAYLOAD: &str = "http://netpreserve.org/warc/1.1/revisit/identical-payload-digest";
const NOT_MODIFIED: &str = "http://netpreserve.org/warc/1.1/revisit/server-not-modified";
/// As in the bodies of the database.
const LEVEL: i32 = 6;

/// Who made the records.
#[derive(Clone, Debug, Default)]
pub(crate) struct Maker {
    /// The crawl's identity.
    pub(crate) crawl: String,
    /// When the export began, ISO 8601.
    pub(crate) date: String,
    /// `User-Agent` of each session.
    pub(crate) agents: HashMap<i64, String>,
    /// Whether robots.txt was obeyed by all sessions.
    pub(crate) obeyed_robots: bool,
}

/// Writes WARC files.
pub(crate) struct WarcFormat {
    maker: Maker,
    packer: Option<Compressor>,
    index: Option<Index>,
    file: String,
    offset: u64,
    /// The fetch whose response record holds a content, in this file.
    held: HashMap<i64, i64>,
}

/// Fields of a record's head, in order.
type Fields = Vec<(&'static str, String)>;

impl WarcFormat {
    /// `index_folder`: with an index, which may need room there.
    pub(crate) fn new(maker: Maker, packed: bool, index_folder: Option<&Path>) -> Self {
        let level = CompressionLvl::new(LEVEL).unwrap_or_default();
        WarcFormat {
            maker,
            packer: packed.then(|| Compressor::new(level)),
            index: index_folder.map(Index::new),
            file: String::new(),
            offset: 0,
            held: HashMap::new(),
        }
    }

    /// Where the record begins, and its length in the file.
    fn write(&mut self, fields: &Fields, block: &[&[u8]], out: &mut dyn Write) -> io::Result<(u64, u64)> {
        let record = record(fields, block);
        let bytes = match &mut self.packer {
            Some(packer) => packed(packer, &record)?,
            None => record,
        };
        out.write_all(&bytes)?;
        let at = self.offset;
        self.offset += bytes.len() as u64;
        Ok((at, bytes.len() as u64))
    }

    fn id(&self, kind: &str, what: &str) -> String {
        record_id(&self.maker.crawl, kind, what)
    }

    /// The record of the answer; its id.
    fn answer(&mut self, row: &StoredFetch, referred: Option<&FetchMark>, out: &mut dyn Write) -> io::Result<String> {
        let body = row.body.as_deref().unwrap_or_default();
        let status = row.status.and_then(|status| u16::try_from(status).ok()).unwrap_or_default();
        let kind = match (self.refers_to(row), referred) {
            (RefersTo::Nothing, _) | (_, None) => "response",
            _ => "revisit",
        };
        let head = response_head(status, row.headers.as_deref(), body.len());
        // One name for both kinds: who refers to it need not know which it was.
        let id = self.id("response", &row.fetch_id.to_string());
        let is_whole = row.body.is_some() || head.announced == Some(0) || matches!(status, 204 | 304);
        let digest = is_whole.then(|| base32(&Sha1::digest(body)));
        let mut fields = self.fields_of(row, kind, &id);
        let payload: &[u8] = if kind == "revisit" { &[] } else { body };
        // pywb answers with the head of a revisit, 304 for every page of a second round, unless there is none. Then it takes
        // head and payload of the record with this digest (resolvingloader.py).
        let is_confirmed = kind == "revisit" && row.outcome == "unchanged" && row.body.is_some();
        let block = if is_confirmed { "" } else { head.text.as_str() };
        fields.push(("WARC-Block-Digest", block_digest(&[block.as_bytes(), payload])));
        let digest = digest.filter(|_| row.outcome != "unchanged" || is_confirmed);
        if let Some(digest) = &digest {
            fields.push(("WARC-Payload-Digest", format!("sha1:{digest}")));
        }
        match referred.filter(|_| kind == "revisit") {
            Some(referred) => {
                let profile = if row.outcome == "unchanged" { NOT_MODIFIED } else { SAME_PAYLOAD };
                fields.push(("WARC-Profile", profile.to_owned()));
                fields.push(("WARC-Refers-To", self.id("response", &referred.fetch_id.to_string())));
                fields.push(("WARC-Refers-To-Target-URI", referred.url.clone()));
                fields.push(("WARC-Refers-To-Date", referred.fetched_at.clone()));
            }
            None => {
                if !is_whole {
                    fields.push(("WARC-Truncated", "unspecified".to_owned()));
                }
                if let (Some(mime), true) = (&row.mime, row.body.is_some()) {
                    fields.push(("WARC-Identified-Payload-Type", one_line(mime)));
                }
                if let (Some(content), true) = (row.content_id, row.body.is_some()) {
                    self.held.entry(content).or_insert(row.fetch_id);
                }
            }
        }
        if !block.is_empty() {
            fields.push(("Content-Type", "application/http;msgtype=response".to_owned()));
        }
        let (offset, length) = self.write(&fields, &[block.as_bytes(), payload], out)?;
        let mime = if kind == "revisit" { "warc/revisit" } else { row.mime.as_deref().unwrap_or("unk") };
        let digest = digest.as_deref();
        let (url, date, file) = (row.url.as_str(), row.fetched_at.as_str(), self.file.as_str());
        let line = cdxj::line(&Entry { url, date, mime, status, digest, length, offset, file });
        self.index.as_mut().map_or(Ok(()), |index| index.add(line))?;
        Ok(id)
    }

    fn fields_of(&self, row: &StoredFetch, kind: &'static str, id: &str) -> Fields {
        let mut fields = vec![
            ("WARC-Type", kind.to_owned()),
            ("WARC-Record-ID", id.to_owned()),
            ("WARC-Date", row.fetched_at.clone()),
            ("WARC-Target-URI", row.url.clone()),
        ];
        fields.extend(row.address.iter().map(|address| ("WARC-IP-Address", one_line(address))));
        fields
    }

    fn request(&mut self, row: &StoredFetch, answer: &str, out: &mut dyn Write) -> io::Result<()> {
        let Ok(url) = Url::parse(&row.url) else { return Ok(()) };
        let host = match url.port() {
            Some(port) => format!("{}:{port}", url.host_str().unwrap_or_default()),
            None => url.host_str().unwrap_or_default().to_owned(),
        };
        let agent = self.maker.agents.get(&row.session_id).map_or("sqrawl", String::as_str);
        let head = request_head(&url[url::Position::BeforePath..url::Position::AfterQuery], &host, agent);
        let id = self.id("request", &row.fetch_id.to_string());
        let mut fields = self.fields_of(row, "request", &id);
        fields.push(("WARC-Concurrent-To", answer.to_owned()));
        fields.push(("WARC-Block-Digest", block_digest(&[head.as_bytes()])));
        fields.push(("Content-Type", "application/http;msgtype=request".to_owned()));
        self.write(&fields, &[head.as_bytes()], out).map(drop)
    }

    fn metadata(&mut self, row: &StoredFetch, answer: &str, out: &mut dyn Write) -> io::Result<()> {
        let mut lines = format!("fetchTimeMs: {}\r\nx-sqrawl-fetch-id: {}\r\n", row.elapsed_ms, row.fetch_id);
        lines += &format!("x-sqrawl-depth: {}\r\nx-sqrawl-outcome: {}\r\n", row.depth, row.outcome);
        let said = [("via", &row.via), ("charsetForLinkExtraction", &row.charset), ("x-sqrawl-hash", &row.hash)];
        for (name, value) in said {
            lines.extend(value.iter().map(|value| format!("{name}: {}\r\n", one_line(value))));
        }
        let id = self.id("metadata", &row.fetch_id.to_string());
        let mut fields = self.fields_of(row, "metadata", &id);
        fields.push(("WARC-Concurrent-To", answer.to_owned()));
        fields.push(("WARC-Block-Digest", block_digest(&[lines.as_bytes()])));
        fields.push(("Content-Type", "application/warc-fields".to_owned()));
        self.write(&fields, &[lines.as_bytes()], out).map(drop)
    }
}

impl RowFormat for WarcFormat {
    fn begin(&mut self, name: &str, out: &mut dyn Write) -> io::Result<()> {
        name.clone_into(&mut self.file);
        self.offset = 0;
        self.held.clear();
        let robots = if self.maker.obeyed_robots { "obey" } else { "ignore" };
        let lines = format!(
            "software: sqrawl/{}\r\nformat: WARC File Format 1.1\r\n\
             conformsTo: http://iipc.github.io/warc-specifications/specifications/warc-format/warc-1.1/\r\n\
             isPartOf: sqrawl-{}\r\nrobots: {robots}\r\n\
             description: exported from a crawl database, where bodies are decoded; Content-Encoding, Transfer-Encoding \
             and Content-Length as received are X-Archive-Orig-* headers. Requests are rebuilt from the settings of the \
             crawl. HTTP version and reason phrase of responses are not the server's own; values of Set-Cookie are \
             left out. Bodies of redirects and errors are not kept: WARC-Truncated.\r\n",
            env!("CARGO_PKG_VERSION"),
            self.maker.crawl
        );
        let fields = vec![
            ("WARC-Type", "warcinfo".to_owned()),
            ("WARC-Record-ID", self.id("warcinfo", &format!("{} {}", self.maker.date, self.file))),
            ("WARC-Date", self.maker.date.clone()),
            ("WARC-Filename", one_line(name)),
            ("WARC-Block-Digest", block_digest(&[lines.as_bytes()])),
            ("Content-Type", "application/warc-fields".to_owned()),
        ];
        self.write(&fields, &[lines.as_bytes()], out).map(drop)
    }

    fn refers_to(&self, row: &StoredFetch) -> RefersTo {
        // Where the payload stands; what a 304 confirmed may have been a copy itself.
        let held = row.content_id.filter(|_| row.body.is_some()).and_then(|content| self.held.get(&content));
        match held {
            Some(fetch) => RefersTo::Fetch(*fetch),
            None if row.outcome == "unchanged" => RefersTo::Confirmed,
            None => RefersTo::Nothing,
        }
    }

    fn row(&mut self, row: &StoredFetch, referred: Option<&FetchMark>, out: &mut dyn Write) -> io::Result<bool> {
        let answer = self.answer(row, referred, out)?;
        self.request(row, &answer, out)?;
        self.metadata(row, &answer, out)?;
        Ok(true)
    }

    fn index(&mut self, out: &mut dyn Write) -> io::Result<()> {
        self.index.as_mut().map_or(Ok(()), |index| index.write(out))
    }
}

/// A record as it stands in a file that is not packed.
fn record(fields: &Fields, block: &[&[u8]]) -> Vec<u8> {
    let length: usize = block.iter().map(|part| part.len()).sum();
    let mut record = Vec::with_capacity(length + 1024);
    record.extend_from_slice(b"WARC/1.1\r\n");
    for (name, value) in fields {
        record.extend_from_slice(format!("{name}: {value}\r\n").as_bytes());
    }
    record.extend_from_slice(format!("Content-Length: {length}\r\n\r\n").as_bytes());
    block.iter().for_each(|part| record.extend_from_slice(part));
    record.extend_from_slice(b"\r\n\r\n");
    record
}

fn packed(packer: &mut Compressor, record: &[u8]) -> io::Result<Vec<u8>> {
    let mut bytes = vec![0; packer.gzip_compress_bound(record.len())];
    let length = packer.gzip_compress(record, &mut bytes).map_err(|e| io::Error::other(e.to_string()))?;
    bytes.truncate(length);
    Ok(bytes)
}

fn block_digest(block: &[&[u8]]) -> String {
    let mut hasher = Sha1::new();
    block.iter().for_each(|part| hasher.update(part));
    format!("sha1:{}", base32(&hasher.finalize()))
}

/// A name for a record that is the same whenever it is written: a UUID of version 8 (RFC 9562 5.8), of a hash.
fn record_id(crawl: &str, kind: &str, what: &str) -> String {
    let mut id: [u8; 16] = [0; 16];
    id.copy_from_slice(&blake3::hash(format!("{crawl}\n{kind}\n{what}").as_bytes()).as_bytes()[..16]);
    id[6] = id[6] & 0x0f | 0x80;
    id[8] = id[8] & 0x3f | 0x80;
    let hex: String = id.iter().map(|byte| format!("{byte:02x}")).collect();
    format!("<urn:uuid:{}-{}-{}-{}-{}>", &hex[..8], &hex[8..12], &hex[12..16], &hex[16..20], &hex[20..])
}

/// RFC 4648 6; 20 bytes need no padding.
pub(crate) fn base32(bytes: &[u8]) -> String {
    const ALPHABET: &[u8; 32] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
    let mut text = String::with_capacity(bytes.len().div_ceil(5) * 8);
    let (mut buffer, mut bits) = (0_u32, 0);
    for byte in bytes {
        buffer = buffer << 8 | u32::from(*byte);
        bits += 8;
        while bits >= 5 {
            bits -= 5;
            text.push(char::from(ALPHABET[(buffer >> bits & 31) as usize]));
        }
    }
    if bits > 0 {
        text.push(char::from(ALPHABET[(buffer << (5 - bits) & 31) as usize]));
    }
    text
}

#[cfg(test)]
mod tests;
