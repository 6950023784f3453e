//! [`Records`]: the records of a WARC file (ISO 28500, versions 0.17 to 1.1), one after the other.
//!
//! Nothing in a file is trusted. A head has a limit, and so has a block; what passes it is read past and given without its
//! end. After what is no record the search goes on at the next line that begins one, as it does after a lie about a length.

use std::io::{self, BufRead, Read};

use super::source::Placed;

/// Longest line and most bytes of a head.
const MOST_LINE_BYTES: u64 = 16 * 1024;
const MOST_HEAD_BYTES: usize = 128 * 1024;

/// One record.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Record {
    /// Names in lower case, and values, in order.
    pub fields: Vec<(String, String)>,
    /// The block.
    pub block: Vec<u8>,
    /// Whether the block is longer than what was kept of it.
    pub is_cut: bool,
    /// Where it can be read again.
    pub place: Option<u64>,
}

impl Record {
    /// The first field of this name, in lower case.
    pub fn field(&self, name: &str) -> Option<&str> {
        self.fields.iter().find(|(held, _)| held == name).map(|(_, value)| value.as_str())
    }
}

/// Reads records; the items are what was found, or why something is none.
pub struct Records<R> {
    from: R,
    most_block: u64,
    over: bool,
    /// What was found behind bytes that belong to no record.
    next: Option<Result<Record, String>>,
}

impl<R: Placed> Records<R> {
    /// `most_block`: bytes of a block that are kept.
    pub fn new(from: R, most_block: u64) -> Self {
        Records { from, most_block, over: false, next: None }
    }

    /// The next line without its end; `None` at the end of the file.
    fn line(&mut self) -> io::Result<Option<Vec<u8>>> {
        let mut line = Vec::new();
        let read = self.from.by_ref().take(MOST_LINE_BYTES).read_until(b'\n', &mut line)?;
        if read == 0 {
            return Ok(None);
        }
        // The rest of a line that is too long is lines of its own, and none that begins a record.
        while matches!(line.last(), Some(b'\n' | b'\r')) {
            line.pop();
        }
        Ok(Some(line))
    }

    /// Past what is no record; how many bytes that were, and whether and where a record begins.
    fn begin(&mut self) -> io::Result<(u64, Option<Option<u64>>)> {
        let mut passed = 0;
        loop {
            let place = self.from.place()?;
            let Some(line) = self.line()? else { return Ok((passed, None)) };
            if line.starts_with(b"WARC/") {
                return Ok((passed, Some(place)));
            }
            passed += line.len() as u64;
        }
    }

    fn find(&mut self) -> io::Result<Option<Result<Record, String>>> {
        let (passed, place) = self.begin()?;
        let found = place.map(|place| self.record(place)).transpose()?;
        if passed == 0 {
            return Ok(found);
        }
        self.next = found;
        Ok(Some(Err(format!("{passed} bytes that belong to no record"))))
    }

    fn record(&mut self, place: Option<u64>) -> io::Result<Result<Record, String>> {
        let mut record = Record { place, ..Record::default() };
        let mut head = 0;
        loop {
            let Some(line) = self.line()? else { return Ok(Err("a head ends too early".to_owned())) };
            if line.is_empty() {
                break;
            }
            head += line.len();
            if head > MOST_HEAD_BYTES {
                return Ok(Err(format!("a head of more than {MOST_HEAD_BYTES} bytes")));
            }
            let line = String::from_utf8_lossy(&line);
            if let Some((name, value)) = line.split_once(':') {
                record.fields.push((name.trim().to_ascii_lowercase(), value.trim().to_owned()));
            }
        }
        let length = record.field("content-length").and_then(|length| length.parse::<u64>().ok());
        let Some(length) = length else { return Ok(Err("a record without a length".to_owned())) };
        let kept = length.min(self.most_block);
        self.from.by_ref().take(kept).read_to_end(&mut record.block)?;
        let rest = io::copy(&mut self.from.by_ref().take(length - kept), &mut io::sink())?;
        if record.block.len() as u64 + rest < length {
            return Ok(Err("the last record ends too early".to_owned()));
        }
        record.is_cut = rest > 0;
        Ok(Ok(record))
    }
}

impl<R: Placed> Iterator for Records<R> {
    type Item = Result<Record, String>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.next.is_some() {
            return self.next.take();
        }
        if self.over {
            return None;
        }
        match self.find() {
            Ok(found) => found,
            // Packed data that is broken cannot be read any further.
            Err(error) => {
                self.over = true;
                Some(Err(format!("it cannot be read any further: {error}")))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn read(file: &[u8], most: u64) -> Vec<Result<Record, String>> {
        Records::new(file, most).collect()
    }

    #[test]
    fn records_one_after_the_other() {
        let file =
            b"WARC/1.0\r\nWARC-Type: a\r\nContent-Length: 3\r\n\r\nx\ny\r\n\r\njunk\nWARC/1.1\r\nWARC-Type: b\r\n\
                     Content-Length: 5\r\n\r\n12345\r\n\r\nWARC/1.1\r\n\r\nWARC/1.1\r\nContent-Length: 9\r\n\r\n1";
        let mut found = read(file, 4);
        assert_eq!(found.len(), 5);
        assert_eq!(found.remove(1), Err("4 bytes that belong to no record".to_owned()));
        let blocks: Vec<_> = found[..2].iter().map(|r| r.as_ref().map(|r| (&r.block[..], r.is_cut))).collect();
        assert_eq!(blocks, [Ok((&b"x\ny"[..], false)), Ok((&b"1234"[..], true))]);
        assert_eq!(found[0].as_ref().unwrap().field("warc-type"), Some("a"));
        assert_eq!(found[2], Err("a record without a length".to_owned()));
        assert_eq!(found[3], Err("the last record ends too early".to_owned()));
    }

    proptest! {
        #[test]
        fn any_bytes_come_to_an_end(file in prop::collection::vec(any::<u8>(), 0..400), cut in 0_usize..90) {
            let good = b"WARC/1.0\r\nContent-Length: 30\r\n\r\nabc";
            read(&[&good[..cut.min(good.len())], &file].concat(), 10);
        }
    }
}
