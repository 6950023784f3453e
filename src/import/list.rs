//! [`ListLines`]: what stands in a list of URLs, a line at a time. [`not_a_list`]: what a file is that is none.
//!
//! Lines end with LF, CR LF or CR. Empty ones and those that begin with `#` are passed over, and so is what follows a `#`
//! behind white space. A list is in UTF-8, or in UTF-16 with a byte order mark.

use std::io::{self, BufRead, BufReader, Cursor, Read};

use encoding_rs::{Decoder, UTF_16BE, UTF_16LE};

/// Longest line, in bytes.
const MOST_LINE_BYTES: usize = 64 * 1024;
/// By how much of its beginning a file is known.
const START_BYTES: u64 = 1024;

const BOM: &[u8] = b"\xef\xbb\xbf";

/// Why a file that begins like this is no list of URLs; `None`: it may be one.
pub fn not_a_list(start: &[u8]) -> Option<&'static str> {
    let is_utf_16 = start.starts_with(b"\xff\xfe") || start.starts_with(b"\xfe\xff");
    let text = start.strip_prefix(BOM).unwrap_or(start).trim_ascii_start();
    match start {
        [b'P', b'K', 3 | 5, 4 | 6, ..] => {
            Some("a zip file; unzip it first, and import what is in it (of a WACZ: archive/*.warc.gz)")
        }
        [0x28, 0xb5, 0x2f, 0xfd, ..] => Some("packed with zstd; unpack it first: zstd -d"),
        [0xfd, b'7', b'z', b'X', b'Z', 0, ..] => Some("packed with xz; unpack it first: xz -d"),
        [b'B', b'Z', b'h', b'1'..=b'9', ..] => Some("packed with bzip2; unpack it first: bzip2 -d"),
        [0x1f, 0x8b, ..] => Some("packed with gzip; sqrawl import takes such a list, and gzip -d unpacks it"),
        _ if is_utf_16 => None,
        _ if text.starts_with(b"WARC/") => Some("a WARC file; sqrawl import takes it"),
        _ if text.starts_with(b"<") => Some("XML or HTML and no list of URLs; sqrawl import takes sitemaps and feeds"),
        _ if start.contains(&0) => {
            Some("no text: it has bytes of 0; a list is in UTF-8, or in UTF-16 with a byte order mark")
        }
        _ => None,
    }
}

/// The lines of a list that say something, each with its number from 1, or what is wrong with it.
pub struct ListLines<'a> {
    from: Box<dyn BufRead + 'a>,
    number: u64,
    /// Whether the last line ended with CR: LF ends the same one.
    after_cr: bool,
}

impl<'a> ListLines<'a> {
    /// Looks at the beginning.
    ///
    /// # Errors
    /// [`io::ErrorKind::InvalidData`] says what it is instead; others when it cannot be read.
    pub fn begin(mut from: impl BufRead + 'a) -> io::Result<Self> {
        let mut start = Vec::new();
        from.by_ref().take(START_BYTES).read_to_end(&mut start)?;
        if let Some(why) = not_a_list(&start) {
            return Err(io::Error::new(io::ErrorKind::InvalidData, why));
        }
        Ok(ListLines { from: in_utf_8(start, from), number: 0, after_cr: false })
    }

    /// The next line without its end, and whether all of it was kept; `None` at the end.
    fn line(&mut self) -> io::Result<Option<(Vec<u8>, bool)>> {
        let (mut line, mut is_whole, mut is_any) = (Vec::new(), true, false);
        loop {
            let buffer = self.from.fill_buf()?;
            if buffer.is_empty() {
                return Ok(is_any.then_some((line, is_whole)));
            }
            if std::mem::take(&mut self.after_cr) && buffer[0] == b'\n' {
                self.from.consume(1);
                continue;
            }
            is_any = true;
            let end = memchr::memchr2(b'\n', b'\r', buffer);
            let piece = &buffer[..end.unwrap_or(buffer.len())];
            is_whole &= line.len() + piece.len() <= MOST_LINE_BYTES;
            if is_whole {
                line.extend_from_slice(piece);
            }
            self.after_cr = end.is_some_and(|end| buffer[end] == b'\r');
            let used = end.map_or(buffer.len(), |end| end + 1);
            self.from.consume(used);
            if end.is_some() {
                return Ok(Some((line, is_whole)));
            }
        }
    }
}

impl Iterator for ListLines<'_> {
    type Item = io::Result<(u64, Result<String, String>)>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            let (line, is_whole) = match self.line() {
                Ok(line) => line?,
                Err(error) => return Some(Err(error)),
            };
            self.number += 1;
            if !is_whole {
                return Some(Ok((self.number, Err(format!("longer than {MOST_LINE_BYTES} bytes")))));
            }
            let line = if self.number == 1 { line.strip_prefix(BOM).unwrap_or(&line) } else { &line[..] };
            let said = match std::str::from_utf8(line) {
                Ok(text) => match said(text) {
                    "" => continue,
                    text => one_url(text),
                },
                Err(_) => Err("not UTF-8".to_owned()),
            };
            return Some(Ok((self.number, said)));
        }
    }
}

/// A line without comment and white space around it.
fn said(line: &str) -> &str {
    let line = line.trim();
    let is_comment = |at: &usize| *at == 0 || line[..*at].ends_with(char::is_whitespace);
    let comment = line.match_indices('#').map(|(at, _)| at).find(is_comment);
    line[..comment.unwrap_or(line.len())].trim_end()
}

fn one_url(text: &str) -> Result<String, String> {
    if text.contains(char::is_whitespace) {
        return Err("white space in it; a line has one URL, in which a space is %20".to_owned());
    }
    Ok(text.to_owned())
}

/// The rest behind its beginning, as UTF-8.
fn in_utf_8<'a>(start: Vec<u8>, rest: impl BufRead + 'a) -> Box<dyn BufRead + 'a> {
    let encoding = match start[..] {
        [0xff, 0xfe, ..] => Some(UTF_16LE),
        [0xfe, 0xff, ..] => Some(UTF_16BE),
        _ => None,
    };
    let from = Cursor::new(start).chain(rest);
    match encoding {
        Some(encoding) => {
            let decoder = encoding.new_decoder_with_bom_removal();
            Box::new(BufReader::new(Decoded { from, decoder, is_over: false }))
        }
        None => Box::new(from),
    }
}

struct Decoded<R> {
    from: R,
    decoder: Decoder,
    is_over: bool,
}

impl<R: BufRead> Read for Decoded<R> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        // A buffer with room for one character at least: it belongs to the BufReader around this.
        while !self.is_over {
            let bytes = self.from.fill_buf()?;
            let is_last = bytes.is_empty();
            let (result, used, written, _) = self.decoder.decode_to_utf8(bytes, out, is_last);
            self.from.consume(used);
            self.is_over = is_last && result == encoding_rs::CoderResult::InputEmpty;
            if written > 0 {
                return Ok(written);
            }
        }
        Ok(0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(list: &[u8]) -> Vec<String> {
        let shown = |line: io::Result<(u64, Result<String, String>)>| match line.unwrap() {
            (number, Ok(url)) => format!("{number} {url}"),
            (number, Err(why)) => format!("{number}! {why}"),
        };
        // A reader that gives a byte at a time: nothing depends on where a piece ends.
        let slowly = ListLines::begin(BufReader::with_capacity(1, list)).unwrap().map(shown).collect::<Vec<_>>();
        assert_eq!(ListLines::begin(list).unwrap().map(shown).collect::<Vec<_>>(), slowly);
        slowly
    }

    #[test]
    fn lines_end_in_every_way() {
        let wanted = ["1 https://a.example/", "3 b.example"];
        for end in ["\n", "\r\n", "\r"] {
            let list = ["https://a.example/", "", " b.example\t", "# c", ""].join(end);
            assert_eq!(read(list.as_bytes()), wanted, "{end:?}");
            assert_eq!(read(&[BOM, list.as_bytes()].concat()), wanted, "{end:?}");
            let units = || "\u{feff}".encode_utf16().chain(list.encode_utf16());
            let (little, big): (Vec<u8>, Vec<u8>) =
                (units().flat_map(u16::to_le_bytes).collect(), units().flat_map(u16::to_be_bytes).collect());
            assert_eq!((read(&little), read(&big)), (read(list.as_bytes()), read(list.as_bytes())), "{end:?}");
        }
        assert_eq!(read(b""), Vec::<String>::new());
    }

    #[test]
    fn what_is_behind_a_url_is_no_part_of_it() {
        let list = "https://a.example/z # comment\nhttps://a.example/#part\n\t#x\nhttps://a.example/#p\t#c #d\n";
        assert_eq!(
            read(list.as_bytes()),
            ["1 https://a.example/z", "2 https://a.example/#part", "4 https://a.example/#p"]
        );
        for two in ["https://a.example/\thttps://b.example/", "https://a.example/ x", "a.example/\u{a0}x"] {
            let said = read(two.as_bytes());
            assert!(said[0].starts_with("1! white space in it; a line has one URL"), "{said:?}");
        }
        let long = format!("{}\nhttps://a.example/\n", "x".repeat(MOST_LINE_BYTES + 1));
        assert_eq!(read(long.as_bytes()), ["1! longer than 65536 bytes", "2 https://a.example/"]);
        assert_eq!(read(b"\xff\xffx\nb.example"), ["1! not UTF-8", "2 b.example"]);
    }

    #[test]
    fn files_that_are_no_lists_are_named() {
        let cases: [(&[u8], &str); 9] = [
            (b"PK\x03\x04xx", "a zip file"),
            (b"\x28\xb5\x2f\xfdx", "zstd"),
            (b"\xfd7zXZ\0", "xz"),
            (b"BZh9", "bzip2"),
            (b"\x1f\x8b\x08", "gzip"),
            (b"WARC/1.0\r\n", "a WARC file"),
            (b"\xef\xbb\xbf <?xml", "XML or HTML"),
            (b"h\0t\0t\0p\0", "bytes of 0"),
            (b"\x7fELF\x02\0\0", "bytes of 0"),
        ];
        for (start, words) in cases {
            let error = ListLines::begin(start).err().unwrap();
            assert!(error.kind() == io::ErrorKind::InvalidData && error.to_string().contains(words), "{error}");
        }
    }
}
