//! [`TextSource`]: the text of a body as a stream, for readers that must not hold it whole. It undoes
//! a gzip file, decodes the charset, and bounds both.

use std::io::{BufRead, Error, Read, Result};

use encoding_rs::{CoderResult, Decoder, Encoding};
use flate2::bufread::MultiGzDecoder;

use crate::model::{LARGEST_SITEMAP_BYTES, ParseCut};
use crate::parse::charset;
use crate::parse::mime::BodyKind;

/// Most bytes that a packed byte may become. Sitemaps, as repetitive as they are, pack 10 to 100
/// times; deflate could make 1032 of one.
const MAX_RATIO: u64 = 250;
/// What may be unpacked whatever the ratio.
const FREE_UNPACKED_BYTES: u64 = 1 << 20;
/// Bytes read at a time.
const CHUNK_BYTES: usize = 16 * 1024;
/// Bytes that a declared encoding is looked for in.
const HEAD_BYTES: usize = 1024;

/// Whether a body is a gzip file (RFC 1952 2.3.1, deflate being the only method).
pub(crate) fn is_gzip(body: &[u8]) -> bool {
    body.starts_with(b"\x1f\x8b\x08")
}

/// The text, piece by piece. It ends where the body does, where a gzip stream breaks, or at a limit.
pub(crate) struct TextSource<'a> {
    bytes: Box<dyn Read + 'a>,
    /// Bytes that may still be read.
    left: u64,
    decoder: Decoder,
    raw: Vec<u8>,
    ended: bool,
    text: Vec<u8>,
    at: usize,
    /// Bytes of text given so far.
    given: u64,
    /// Bytes that may be given before [`TextSource::allow`] is called again.
    allowance: usize,
    cut: Option<ParseCut>,
    /// Whether a gzip stream broke off: there was more.
    broke: bool,
}

impl<'a> TextSource<'a> {
    /// The text of a body. `label` is the charset that its header states; it speaks of the file, so
    /// it says nothing of what a gzip file holds.
    pub(crate) fn new(body: &'a [u8], label: Option<&str>) -> Self {
        let packed = is_gzip(body);
        let (mut bytes, left): (Box<dyn Read + 'a>, u64) = if packed {
            let by_ratio = (body.len() as u64).saturating_mul(MAX_RATIO).max(FREE_UNPACKED_BYTES);
            (Box::new(MultiGzDecoder::new(body)), by_ratio.min(LARGEST_SITEMAP_BYTES))
        } else {
            (Box::new(body), body.len() as u64)
        };
        let mut raw = Vec::with_capacity(CHUNK_BYTES);
        let room = HEAD_BYTES.min(usize::try_from(left).unwrap_or(HEAD_BYTES));
        let stop = read_up_to(&mut bytes, &mut raw, room);
        let encoding = encoding_of(&raw, label.filter(|_| !packed));
        TextSource {
            bytes,
            left: left - raw.len() as u64,
            decoder: encoding.new_decoder_with_bom_removal(),
            raw,
            ended: stop != Stop::Full,
            text: Vec::new(),
            at: 0,
            given: 0,
            allowance: usize::MAX,
            cut: None,
            broke: stop == Stop::Broken,
        }
    }

    /// Lets so many more bytes through; beyond them a read fails. So one token cannot grow without
    /// bound.
    pub(crate) fn allow(&mut self, bytes: usize) {
        self.allowance = bytes;
    }

    /// Bytes of text given so far.
    pub(crate) fn given(&self) -> u64 {
        self.given
    }

    /// The limit that ended the text early.
    pub(crate) fn cut(&self) -> Option<ParseCut> {
        self.cut
    }

    /// Whether there was more than the text that was given.
    pub(crate) fn is_part(&self) -> bool {
        self.broke || self.cut.is_some()
    }

    /// Whether the text begins as markup does, white space aside.
    pub(crate) fn begins_as_markup(&mut self) -> bool {
        loop {
            let Ok(text) = self.fill_buf() else { return false };
            let space = text.iter().take_while(|byte| byte.is_ascii_whitespace()).count();
            if space < text.len() || text.is_empty() {
                return text.get(space) == Some(&b'<');
            }
            self.consume(space);
        }
    }

    /// Decodes the next piece; the text stays empty at the end.
    fn refill(&mut self) {
        self.text.clear();
        self.at = 0;
        while self.text.is_empty() && !(self.ended && self.raw.is_empty()) {
            if self.raw.is_empty() {
                self.read_on();
            }
            self.decode();
        }
    }

    fn read_on(&mut self) {
        let room = CHUNK_BYTES.min(usize::try_from(self.left).unwrap_or(CHUNK_BYTES));
        let stop = read_up_to(&mut self.bytes, &mut self.raw, room);
        self.ended = stop != Stop::Full;
        self.broke = stop == Stop::Broken;
        self.left -= self.raw.len() as u64;
        if self.left == 0 && !self.ended {
            // Whether there is more shows by reading on.
            self.cut = (!matches!(self.bytes.read(&mut [0]), Ok(0) | Err(_))).then_some(ParseCut::Size);
            self.ended = true;
        }
    }

    fn decode(&mut self) {
        let room = self.decoder.max_utf8_buffer_length(self.raw.len()).unwrap_or(CHUNK_BYTES * 4);
        self.text.resize(room, 0);
        let (result, read, written, _) = self.decoder.decode_to_utf8(&self.raw, &mut self.text, self.ended);
        debug_assert_eq!((result, read), (CoderResult::InputEmpty, self.raw.len()));
        self.text.truncate(written);
        // No text holds a NUL; XML forbids it anyway.
        if self.text.contains(&0) {
            self.text.retain(|&byte| byte != 0);
        }
        self.raw.clear();
    }
}

/// XML that says nothing is UTF-8. Sniffed from the first bytes, so that a broken declaration does
/// not cost the document.
fn encoding_of(head: &[u8], label: Option<&str>) -> &'static Encoding {
    charset::encoding_of(BodyKind::Xml, label, head, "")
}

/// Why a read stopped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stop {
    Full,
    Ended,
    Broken,
}

/// Reads until there are `wanted` bytes, or the stream ends or breaks.
fn read_up_to(bytes: &mut dyn Read, into: &mut Vec<u8>, wanted: usize) -> Stop {
    into.clear();
    into.resize(wanted, 0);
    let mut filled = 0;
    let stop = loop {
        if filled == wanted {
            break Stop::Full;
        }
        match bytes.read(&mut into[filled..]) {
            Ok(0) => break Stop::Ended,
            Err(_) => break Stop::Broken,
            Ok(count) => filled += count,
        }
    };
    into.truncate(filled);
    stop
}

impl Read for TextSource<'_> {
    fn read(&mut self, into: &mut [u8]) -> Result<usize> {
        let text = self.fill_buf()?;
        let count = text.len().min(into.len());
        into[..count].copy_from_slice(&text[..count]);
        self.consume(count);
        Ok(count)
    }
}

impl BufRead for TextSource<'_> {
    fn fill_buf(&mut self) -> Result<&[u8]> {
        if self.at == self.text.len() {
            self.refill();
        }
        let text = &self.text[self.at..];
        let mut room = text.len().min(self.allowance);
        // Whole characters only: what is given up in the middle goes on with text.
        while room < text.len() && text[room] & 0xc0 == 0x80 && room > 0 {
            room -= 1;
        }
        if room == 0 && !text.is_empty() {
            return Err(Error::other("longer than is allowed"));
        }
        Ok(&text[..room])
    }

    fn consume(&mut self, count: usize) {
        self.at += count;
        self.given += count as u64;
        self.allowance = self.allowance.saturating_sub(count);
    }
}

#[cfg(test)]
mod tests {
    use std::io::{Read, Write};

    use flate2::Compression;
    use flate2::write::GzEncoder;

    use super::TextSource;
    use crate::model::{LARGEST_SITEMAP_BYTES, ParseCut};

    fn gz(plain: &[u8]) -> Vec<u8> {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
        encoder.write_all(plain).unwrap();
        encoder.finish().unwrap()
    }

    fn read(body: &[u8], label: Option<&str>) -> (String, Option<ParseCut>) {
        let mut source = TextSource::new(body, label);
        let mut text = String::new();
        source.read_to_string(&mut text).expect("UTF-8");
        assert_eq!(source.given(), text.len() as u64);
        (text, source.cut())
    }

    #[track_caller]
    fn check(body: &[u8], label: Option<&str>, expected: &str) {
        assert_eq!(read(body, label), (expected.to_owned(), None));
    }

    #[test]
    fn charsets() {
        let utf16 = |text: &str| text.encode_utf16().flat_map(u16::to_le_bytes).collect::<Vec<u8>>();
        check("<ü>".as_bytes(), None, "<ü>");
        check(b"\xef\xbb\xbf<a>", None, "<a>");
        check(b"<?xml version='1.0' encoding='iso-8859-1'?>\xfc", None, "<?xml version='1.0' encoding='iso-8859-1'?>ü");
        check(b"\xfc", Some("latin1"), "ü");
        check(b"\xfc", None, "\u{fffd}");
        check(&[b"\xff\xfe", &*utf16("<ü>")].concat(), None, "<ü>");
        check(&utf16("<?xml?><ü>"), None, "<?xml?><ü>");
        check(&utf16("<ü>"), Some("utf-16"), "<ü>");
        check(b"<?xml encoding='utf-16'?><a>", Some("utf-16"), "<?xml encoding='utf-16'?><a>");
        check(b"<?xml encoding='nonsense'?>", Some("nonsense"), "<?xml encoding='nonsense'?>");
        check(b"", None, "");
        check(b"a\0b", None, "ab");
        let long = "ä€😀".repeat(20_000);
        check(long.as_bytes(), None, &long);
    }

    #[test]
    fn gzip_files() {
        check(&gz("<ü>".as_bytes()), Some("latin1"), "<ü>");
        check(&[gz(b"<a>"), gz(b"</a>")].concat(), None, "<a></a>");
        check(&[gz(b"<a>"), vec![0; 100]].concat(), None, "<a>");
        let noise: String = (0..200_000u32).map(|n| n.wrapping_mul(2_654_435_761).to_string()).collect();
        let broken = gz(noise.as_bytes());
        let (text, cut) = read(&broken[..broken.len() / 2], None);
        assert!(noise.starts_with(&text) && text.len() > noise.len() / 3, "{}", text.len());
        assert_eq!(cut, None);
    }

    #[test]
    fn gzip_bombs() {
        for (bytes, expected) in [(900_000, 900_000), (60 << 20, 0), (1 << 20, 1 << 20)] {
            let packed = gz(&vec![b' '; bytes]);
            let (text, cut) = read(&packed, None);
            let limit = (packed.len() * 250).max(1 << 20).min(LARGEST_SITEMAP_BYTES as usize);
            assert_eq!(text.len(), if expected > 0 { expected } else { limit }, "{bytes}");
            assert_eq!(cut, (expected == 0).then_some(ParseCut::Size), "{bytes}");
        }
    }

    #[test]
    fn an_allowance_ends_a_read_and_can_be_renewed() {
        let mut source = TextSource::new(b"0123456789", None);
        let mut text = Vec::new();
        source.allow(4);
        assert!(source.read_to_end(&mut text).is_err());
        assert_eq!(text, b"0123");
        source.allow(6);
        source.read_to_end(&mut text).expect("exactly what is left");
        assert_eq!(text, b"0123456789");
    }
}
