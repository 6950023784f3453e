//! [`computed_type`]: the media type of a body from its header and its first bytes, by the WHATWG
//! MIME Sniffing standard. Left out: the feed-or-HTML rule (an explicit HTML type is believed) and
//! MP3 without an ID3 tag.

use super::mime::{MimeType, stated_type};

/// Bytes that are looked at (MIME Sniffing 5.2).
const HEADER_BYTES: usize = 1445;

/// `Content-Type` values that Apache sent for every unknown file (MIME Sniffing 5.1): the only
/// ones for which `text/plain` is doubted.
const APACHE_DEFAULTS: [&str; 4] =
    ["text/plain", "text/plain; charset=ISO-8859-1", "text/plain; charset=iso-8859-1", "text/plain; charset=UTF-8"];

/// HTML signatures (MIME Sniffing 7.1); all but the comment need a tag-terminating byte after them.
const HTML_SIGNATURES: [&str; 16] = [
    "<!doctype html",
    "<html",
    "<head",
    "<script",
    "<iframe",
    "<h1",
    "<div",
    "<font",
    "<table",
    "<a",
    "<style",
    "<title",
    "<b",
    "<body",
    "<br",
    "<p",
];

/// (offset, bytes, media type) of formats told by fixed bytes.
type Signature = (usize, &'static [u8], &'static str);

const DOCUMENTS: [Signature; 2] = [(0, b"%PDF-", "application/pdf"), (0, b"%!PS-Adobe-", "application/postscript")];

const IMAGES: [Signature; 8] = [
    (0, b"\x00\x00\x01\x00", "image/x-icon"),
    (0, b"\x00\x00\x02\x00", "image/x-icon"),
    (0, b"BM", "image/bmp"),
    (0, b"GIF87a", "image/gif"),
    (0, b"GIF89a", "image/gif"),
    (8, b"WEBPVP", "image/webp"),
    (0, b"\x89PNG\r\n\x1a\n", "image/png"),
    (0, b"\xff\xd8\xff", "image/jpeg"),
];

const MEDIA: [Signature; 6] = [
    (8, b"AIFF", "audio/aiff"),
    (0, b"ID3", "audio/mpeg"),
    (0, b"OggS\x00", "application/ogg"),
    (0, b"MThd\x00\x00\x00\x06", "audio/midi"),
    (8, b"AVI ", "video/avi"),
    (8, b"WAVE", "audio/wave"),
];

const ARCHIVES: [Signature; 4] = [
    (0, b"\x1f\x8b\x08", "application/x-gzip"),
    (0, b"PK\x03\x04", "application/zip"),
    (0, b"Rar!\x1a\x07\x00", "application/x-rar-compressed"),
    (0, b"Rar \x1a\x07\x00", "application/x-rar-compressed"),
];

/// The media type to treat a body as, with the `charset` of the header when the type is the
/// header's.
pub(crate) fn computed_type(content_type: Option<&str>, body: &[u8]) -> MimeType {
    let header = &body[..body.len().min(HEADER_BYTES)];
    let supplied = content_type.and_then(stated_type);
    let Some(supplied) = supplied.filter(|s| !is_unknown(&s.essence)) else {
        return bare(unknown_type(header));
    };
    if content_type.is_some_and(|v| APACHE_DEFAULTS.contains(&v)) {
        let essence = text_or_binary(header);
        return if essence == supplied.essence { supplied } else { bare(essence) };
    }
    let better = match supplied.essence.split('/').next() {
        Some("image") if !supplied.essence.ends_with("+xml") => signature(&IMAGES, header),
        Some("audio" | "video") => media(header),
        _ => None,
    };
    better.map_or(supplied, bare)
}

fn is_unknown(essence: &str) -> bool {
    matches!(essence, "unknown/unknown" | "application/unknown" | "*/*")
}

fn bare(essence: &str) -> MimeType {
    MimeType { essence: essence.to_owned(), charset: None }
}

/// MIME Sniffing 7.1: no usable `Content-Type`.
fn unknown_type(header: &[u8]) -> &'static str {
    let text = header.trim_ascii_start();
    if looks_like_html(text) {
        "text/html"
    } else if text.starts_with(b"<?xml") {
        "text/xml"
    } else {
        let binary = signature(&DOCUMENTS, header)
            .or_else(|| has_bom(header).then_some("text/plain"))
            .or_else(|| signature(&IMAGES, header))
            .or_else(|| media(header))
            .or_else(|| signature(&ARCHIVES, header));
        binary.unwrap_or_else(|| text_or_binary(header))
    }
}

/// MIME Sniffing 7.2.
fn text_or_binary(header: &[u8]) -> &'static str {
    if has_bom(header) || !header.iter().any(|&b| is_binary_byte(b)) {
        "text/plain"
    } else {
        "application/octet-stream"
    }
}

fn has_bom(header: &[u8]) -> bool {
    [&b"\xfe\xff"[..], b"\xff\xfe", b"\xef\xbb\xbf"].iter().any(|bom| header.starts_with(bom))
}

/// A binary data byte (MIME Sniffing 3).
fn is_binary_byte(byte: u8) -> bool {
    matches!(byte, 0x00..=0x08 | 0x0b | 0x0e..=0x1a | 0x1c..=0x1f)
}

fn looks_like_html(text: &[u8]) -> bool {
    text.starts_with(b"<!--")
        || HTML_SIGNATURES.iter().any(|signature| {
            text.get(..signature.len()).is_some_and(|start| start.eq_ignore_ascii_case(signature.as_bytes()))
                && matches!(text.get(signature.len()), Some(b' ' | b'>'))
        })
}

fn signature(table: &[Signature], header: &[u8]) -> Option<&'static str> {
    let found = table.iter().find(|(offset, bytes, _)| {
        let container = match *bytes {
            b"AIFF" => &b"FORM"[..],
            _ => b"RIFF",
        };
        (*offset == 0 || header.starts_with(container))
            && header.get(*offset..).is_some_and(|rest| rest.starts_with(bytes))
    });
    found.map(|(_, _, essence)| *essence)
}

fn media(header: &[u8]) -> Option<&'static str> {
    signature(&MEDIA, header)
        .or_else(|| is_mp4(header).then_some("video/mp4"))
        .or_else(|| is_webm(header).then_some("video/webm"))
}

/// MIME Sniffing 6.2.1: an `ftyp` box that names an `mp4` brand.
fn is_mp4(header: &[u8]) -> bool {
    let Some(size) = header.first_chunk::<4>().map(|b| u32::from_be_bytes(*b) as usize) else { return false };
    if header.len() < 12 || header.len() < size || !size.is_multiple_of(4) || &header[4..8] != b"ftyp" {
        return false;
    }
    let brands = header.get(16..size).unwrap_or_default();
    header[8..].starts_with(b"mp4") || brands.chunks(4).any(|brand| brand.starts_with(b"mp4"))
}

/// MIME Sniffing 6.2.2, shortened: an EBML head that names `webm` in its first 64 bytes.
fn is_webm(header: &[u8]) -> bool {
    header.starts_with(b"\x1a\x45\xdf\xa3") && header[..header.len().min(64)].windows(4).any(|w| w == b"webm")
}

#[cfg(test)]
mod tests {
    use super::computed_type;

    fn check(content_type: Option<&str>, body: &[u8], expected: &str) {
        let computed = computed_type(content_type, body);
        let shown = String::from_utf8_lossy(body);
        assert_eq!(computed.essence, expected, "{content_type:?} {shown:?}");
    }

    #[test]
    fn missing_types_are_sniffed() {
        for (body, expected) in [
            (&b""[..], "text/plain"),
            (b"hello", "text/plain"),
            (b"\x00\x01\x02", "application/octet-stream"),
            (b"\xef\xbb\xbf\x00", "text/plain"),
            (b"\xfe\xff\x00a", "text/plain"),
            (b"  \r\n\t<!DOCTYPE html>", "text/html"),
            (b"<!doctype HTML ", "text/html"),
            (b"<html>", "text/html"),
            (b"<p>", "text/html"),
            (b"<!--x", "text/html"),
            (b"<pre>", "text/plain"),
            (b"<html", "text/plain"),
            (b"<?xml version=\"1.0\"?>", "text/xml"),
            (b"%PDF-1.7", "application/pdf"),
            (b"%!PS-Adobe-3.0", "application/postscript"),
            (b"GIF89a...", "image/gif"),
            (b"\x89PNG\r\n\x1a\n...", "image/png"),
            (b"\xff\xd8\xff\xe0", "image/jpeg"),
            (b"RIFF\x01\x02\x03\x04WEBPVP8 ", "image/webp"),
            (b"RIFF\x01\x02\x03\x04WAVEfmt ", "audio/wave"),
            (b"FORM\x01\x02\x03\x04AIFF", "audio/aiff"),
            (b"ID3\x03", "audio/mpeg"),
            (b"\x00\x00\x00\x18ftypisom\x00\x00\x02\x00isommp41", "video/mp4"),
            (b"\x1a\x45\xdf\xa3\x93\x42\x82\x84webm", "video/webm"),
            (b"\x1f\x8b\x08\x00", "application/x-gzip"),
            (b"PK\x03\x04", "application/zip"),
            (b"Rar!\x1a\x07\x00", "application/x-rar-compressed"),
        ] {
            check(None, body, expected);
        }
        check(Some("nonsense"), b"<html>", "text/html");
        check(Some("*/*"), b"<html>", "text/html");
        check(Some("application/unknown"), b"%PDF-", "application/pdf");
    }

    #[test]
    fn stated_types_are_believed_except_where_the_standard_doubts() {
        check(Some("text/html; charset=utf-8"), b"%PDF-1.7", "text/html");
        check(Some("application/xhtml+xml"), b"hello", "application/xhtml+xml");
        check(Some("application/octet-stream"), b"<html>", "application/octet-stream");
        check(Some("text/plain"), b"<html>", "text/plain");
        check(Some("text/plain"), b"\x00\x01", "application/octet-stream");
        check(Some("text/plain;charset=utf-8"), b"\x00\x01", "text/plain");
        check(Some("image/png"), b"GIF89a", "image/gif");
        check(Some("image/png"), b"<html>", "image/png");
        check(Some("image/svg+xml"), b"GIF89a", "image/svg+xml");
        check(Some("audio/mpeg"), b"OggS\x00", "application/ogg");
        assert_eq!(computed_type(Some("text/plain; charset=UTF-8"), b"x").charset.as_deref(), Some("UTF-8"));
    }
}
