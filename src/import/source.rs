//! [`Source`]: the bytes of a file, unpacked where it is packed, with the places where reading can begin again.
//!
//! A WARC file that is packed is a row of gzip members, as a rule one for each record. A place is the first byte of one, or
//! any byte of a file that is not packed.

use std::fs::File;
use std::io::{self, BufRead, BufReader, Read, Seek, SeekFrom};
use std::path::Path;

use flate2::bufread::GzDecoder;

const BUFFER_BYTES: usize = 256 * 1024;
const GZIP: [u8; 2] = [0x1f, 0x8b];

/// Bytes that may be read again from some places.
pub trait Placed: BufRead {
    /// The place of the next byte, from where [`open_at`] reads on; `None`: it has none.
    ///
    /// # Errors
    /// When the next bytes cannot be read.
    fn place(&mut self) -> io::Result<Option<u64>>;
}

/// Bytes in memory have no places.
impl Placed for &[u8] {
    fn place(&mut self) -> io::Result<Option<u64>> {
        Ok(None)
    }
}

impl<P: Placed + ?Sized> Placed for Box<P> {
    fn place(&mut self) -> io::Result<Option<u64>> {
        (**self).place()
    }
}

/// The bytes of a file, unpacked where it is packed.
///
/// # Errors
/// When it cannot be read.
pub fn open(path: &Path) -> io::Result<Box<dyn Placed>> {
    open_at(path, 0)
}

/// The same from a place on.
///
/// # Errors
/// When it cannot be read.
pub(crate) fn open_at(path: &Path, place: u64) -> io::Result<Box<dyn Placed>> {
    let mut file = File::open(path)?;
    if place > 0 {
        file.seek(SeekFrom::Start(place))?;
    }
    let mut counted = Counted { from: BufReader::with_capacity(BUFFER_BYTES, file), at: place };
    Ok(match counted.fill_buf()?.starts_with(&GZIP) {
        true => Box::new(Members::new(counted)),
        false => Box::new(counted),
    })
}

struct Counted {
    from: BufReader<File>,
    /// Place of the next byte.
    at: u64,
}

impl Read for Counted {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        let read = self.from.read(out)?;
        self.at += read as u64;
        Ok(read)
    }
}

impl BufRead for Counted {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        self.from.fill_buf()
    }

    fn consume(&mut self, amount: usize) {
        self.at += amount as u64;
        self.from.consume(amount);
    }
}

impl Placed for Counted {
    fn place(&mut self) -> io::Result<Option<u64>> {
        Ok(Some(self.at))
    }
}

/// gzip members one after the other. What is in the buffer is of one member: so its place is known.
struct Members {
    decoder: Option<GzDecoder<Counted>>,
    /// Place of the member.
    began: u64,
    /// Whether a byte of it was given away.
    is_begun: bool,
    buffer: Vec<u8>,
    at: usize,
    filled: usize,
}

impl Members {
    fn new(from: Counted) -> Self {
        let began = from.at;
        let buffer = vec![0; BUFFER_BYTES];
        Members { decoder: Some(GzDecoder::new(from)), began, is_begun: false, buffer, at: 0, filled: 0 }
    }

    /// Begins the next member; false at the end of the file.
    fn next(&mut self, mut from: Counted) -> io::Result<bool> {
        // Tapes and some tools fill up with zeros.
        loop {
            let zeros = from.fill_buf()?.iter().take_while(|byte| **byte == 0).count();
            if zeros == 0 {
                break;
            }
            from.consume(zeros);
        }
        if from.fill_buf()?.is_empty() {
            return Ok(false);
        }
        (self.began, self.is_begun) = (from.at, false);
        self.decoder = Some(GzDecoder::new(from));
        Ok(true)
    }
}

impl BufRead for Members {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        while self.at == self.filled {
            let Some(decoder) = &mut self.decoder else { return Ok(&[]) };
            let read = decoder.read(&mut self.buffer)?;
            (self.at, self.filled) = (0, read);
            if read == 0 {
                let ended = self.decoder.take().map(GzDecoder::into_inner);
                if !ended.map_or(Ok(false), |from| self.next(from))? {
                    return Ok(&[]);
                }
            }
        }
        Ok(&self.buffer[self.at..self.filled])
    }

    fn consume(&mut self, amount: usize) {
        self.is_begun |= amount > 0;
        self.at += amount;
    }
}

impl Read for Members {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        let read = self.fill_buf()?.read(out)?;
        self.consume(read);
        Ok(read)
    }
}

impl Placed for Members {
    fn place(&mut self) -> io::Result<Option<u64>> {
        self.fill_buf()?;
        Ok((!self.is_begun).then_some(self.began))
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use flate2::Compression;
    use flate2::write::GzEncoder;

    use super::*;

    fn packed(plain: &[u8]) -> Vec<u8> {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
        encoder.write_all(plain).unwrap();
        encoder.finish().unwrap()
    }

    #[test]
    fn members_are_read_on_from_their_places() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("x.gz");
        let parts = [packed(b"one\n"), packed(b""), packed(b"two\nthree\n"), vec![0; 30]];
        std::fs::write(&path, parts.concat()).unwrap();
        let mut source = open(&path).unwrap();
        let mut places = Vec::new();
        let mut line = String::new();
        while {
            places.push(source.place().unwrap());
            line.clear();
            source.read_line(&mut line).unwrap() > 0
        } {}
        let third = (parts[0].len() + parts[1].len()) as u64;
        assert_eq!(places[..3], [Some(0), Some(third), None]);
        let read = |place| {
            let mut text = String::new();
            open_at(&path, place).unwrap().read_to_string(&mut text).unwrap();
            text
        };
        assert_eq!((read(0).as_str(), read(third).as_str()), ("one\ntwo\nthree\n", "two\nthree\n"));
        std::fs::write(&path, b"one\ntwo\n").unwrap();
        assert_eq!(read(4), "two\n");
        // Broken data is an error, and no end.
        std::fs::write(&path, [&packed(b"one\n")[..], b"junk"].concat()).unwrap();
        assert!(open(&path).unwrap().read_to_end(&mut Vec::new()).is_err());
    }
}
