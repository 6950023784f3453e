//! [`encoding_of`]: which encoding a body is in, in the HTML standard's order (13.2.3): byte order
//! mark, `Content-Type`, the document's own declaration, then a guess.

use chardetng::{EncodingDetector, Iso2022JpDetection, Utf8Detection};
use encoding_rs::{Encoding, UTF_8, UTF_16BE, UTF_16LE};

use super::mime::BodyKind;
use super::prescan::{css_encoding, meta_encoding, xml_encoding};

/// Bytes that the guess looks at.
const GUESS_BYTES: usize = 1 << 20;

/// The encoding of a text body. `label` is the `charset` of the header; `host` hints at the region
/// when the encoding has to be guessed.
pub(crate) fn encoding_of(kind: BodyKind, label: Option<&str>, body: &[u8], host: &str) -> &'static Encoding {
    if let Some((encoding, _)) = Encoding::for_bom(body) {
        return encoding;
    }
    let labelled = label.and_then(|label| Encoding::for_label(label.as_bytes()));
    if let Some(encoding) = labelled.filter(|encoding| can_be(encoding, kind, body)) {
        return encoding;
    }
    let declared = match kind {
        BodyKind::Html => meta_encoding(body).or_else(|| xml_encoding(body)),
        BodyKind::Xhtml => xml_encoding(body).or_else(|| meta_encoding(body)),
        BodyKind::Xml => xml_encoding(body).or(Some(UTF_8)),
        BodyKind::Json => Some(UTF_8),
        BodyKind::Code => css_encoding(body),
        BodyKind::Prose | BodyKind::Binary => None,
    };
    declared.unwrap_or_else(|| guess(body, host))
}

/// An XML body begins with ASCII. One that has no NUL there is not UTF-16, whatever its label says: the
/// one lie about XML that would cost the whole document.
fn can_be(encoding: &'static Encoding, kind: BodyKind, body: &[u8]) -> bool {
    let wide = [UTF_16LE, UTF_16BE].contains(&encoding);
    !(wide && kind == BodyKind::Xml && body.len() >= 2 && !body[..2].contains(&0))
}

/// UTF-8 when the body is valid in it, else what chardetng finds likely.
fn guess(body: &[u8], host: &str) -> &'static Encoding {
    // ISO-2022-JP is ASCII with escapes: only those need the detector to tell.
    if std::str::from_utf8(body).is_ok() && !body.contains(&0x1b) {
        return UTF_8;
    }
    let start = &body[..body.len().min(GUESS_BYTES)];
    let mut detector = EncodingDetector::new(Iso2022JpDetection::Allow);
    detector.feed(start, start.len() == body.len());
    detector.guess(top_level_domain(host), Utf8Detection::Allow)
}

/// The last label of a host name, in the form the detector insists on.
fn top_level_domain(host: &str) -> Option<&[u8]> {
    let label = host.rsplit('.').next()?.as_bytes();
    let fits = !label.is_empty() && label.iter().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || *b == b'-');
    fits.then_some(label)
}

#[cfg(test)]
mod tests {
    use super::encoding_of;
    use crate::parse::mime::BodyKind;

    fn check(kind: BodyKind, label: Option<&str>, body: &[u8], expected: &str) {
        let shown = String::from_utf8_lossy(body);
        assert_eq!(encoding_of(kind, label, body, "example.com").name(), expected, "{label:?} {shown:?}");
    }

    #[test]
    fn byte_order_mark_then_header_then_declaration() {
        let meta = b"<meta charset=big5>";
        check(BodyKind::Html, Some("koi8-r"), b"\xef\xbb\xbf<meta charset=big5>", "UTF-8");
        check(BodyKind::Html, Some("koi8-r"), b"\xff\xfea\x00", "UTF-16LE");
        check(BodyKind::Html, Some("koi8-r"), meta, "KOI8-R");
        check(BodyKind::Html, Some("utf-16be"), b"\x00a", "UTF-16BE");
        check(BodyKind::Html, Some("nonsense"), meta, "Big5");
        check(BodyKind::Html, None, meta, "Big5");
        check(BodyKind::Html, None, b"<?xml encoding='gbk'?>", "GBK");
        check(BodyKind::Html, None, b"<?xml encoding='gbk'?><meta charset=big5>", "Big5");
        check(BodyKind::Xhtml, None, b"<?xml encoding='gbk'?><meta charset=big5>", "GBK");
        check(BodyKind::Xml, None, b"<a>\xe9</a>", "UTF-8");
        check(BodyKind::Xml, Some("utf-16"), b"<a>\xe9</a>", "UTF-8");
        check(BodyKind::Xml, Some("utf-16"), b"<\0a\0>\0", "UTF-16LE");
        check(BodyKind::Json, None, b"\"\xe9\"", "UTF-8");
        check(BodyKind::Code, None, b"@charset \"gbk\";", "GBK");
        check(BodyKind::Prose, None, meta, "UTF-8");
    }

    #[test]
    fn undeclared_encodings_are_guessed() {
        check(BodyKind::Html, None, b"plain ASCII", "UTF-8");
        check(BodyKind::Html, None, "grüße".as_bytes(), "UTF-8");
        check(BodyKind::Html, None, b"Gr\xfc\xdfe aus K\xf6ln und M\xfcnchen, sch\xf6n hier", "windows-1252");
        let russian = "Все счастливые семьи похожи друг на друга";
        check(BodyKind::Prose, None, &encoding_rs::KOI8_R.encode(russian).0, "KOI8-U");
        check(BodyKind::Prose, None, &encoding_rs::WINDOWS_1251.encode(russian).0, "windows-1251");
        let japanese = "吾輩は猫である。名前はまだ無い。";
        for encoding in [encoding_rs::SHIFT_JIS, encoding_rs::EUC_JP, encoding_rs::ISO_2022_JP] {
            check(BodyKind::Html, None, &encoding.encode(japanese).0, encoding.name());
        }
    }

    #[test]
    fn any_host_is_a_harmless_hint() {
        for host in ["", ".", "[::1]", "127.0.0.1", "EXAMPLE.COM", "bücher.example.", "xn--p1ai"] {
            encoding_of(BodyKind::Html, None, b"\xe4\xe5", host);
        }
    }
}
