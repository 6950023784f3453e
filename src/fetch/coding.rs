//! Content codings (RFC 9110 8.4): [`codings_of`] reads the header, [`Coding::unpack`] undoes one
//! coding of a body in memory, never producing more than it is allowed. Pure and synchronous;
//! `body` runs it on the blocking threads.
//!
//! Servers mislabel. What cannot be the coding it is labelled with, because the magic number is
//! missing, is taken as it is; what starts like it and then breaks is an error.

use std::io::{self, Read};

use brotli::enc::StandardAlloc;
use brotli::{BrotliDecompressStream, BrotliResult, BrotliState};
use flate2::bufread::{DeflateDecoder, GzDecoder, ZlibDecoder};

/// What is asked for: everything that can be undone.
pub(super) const ACCEPTED: &str = "gzip, deflate, br, zstd";

/// Most codings of one body.
pub(super) const MAX_CODINGS: usize = 4;

/// Largest window of a zstd frame, as a power of two: 8 MB (RFC 9659 3).
const ZSTD_WINDOW_LOG_MAX: u32 = 23;

/// Least room that is made at a time, in bytes.
const STEP_BYTES: usize = 16 * 1024;

/// A coding that can be undone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Coding {
    /// RFC 1952, any number of members.
    Gzip,
    /// RFC 1950 (zlib) by the book, RFC 1951 (raw) by the habit of some servers.
    Deflate,
    /// RFC 7932, without the large-window extension.
    Brotli,
    /// RFC 8878.
    Zstd,
}

/// What came out of one coding.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Unpacked {
    /// The bytes so far.
    pub(super) bytes: Vec<u8>,
    /// Why there are no more.
    pub(super) end: UnpackEnd,
}

/// Why unpacking ended.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum UnpackEnd {
    /// That is all.
    Whole,
    /// There is more than was allowed.
    Full,
    /// The stream is broken or ends too early.
    Broken(String),
}

/// The codings of a body, in the order they were applied, from the values of `Content-Encoding`.
///
/// Names that no registry knows (`utf-8`, `none`, …) are not codings but mistakes, and are passed
/// over as browsers do.
///
/// # Errors
/// A sentence, when a coding is real but cannot be undone, or when there are more than
/// [`MAX_CODINGS`].
pub(super) fn codings_of<'a>(values: impl IntoIterator<Item = &'a str>) -> Result<Vec<Coding>, String> {
    let mut codings = Vec::new();
    for name in values.into_iter().flat_map(|value| value.split(',')) {
        match name.trim().to_ascii_lowercase().as_str() {
            "gzip" | "x-gzip" => codings.push(Coding::Gzip),
            "deflate" => codings.push(Coding::Deflate),
            "br" => codings.push(Coding::Brotli),
            "zstd" => codings.push(Coding::Zstd),
            known @ ("compress" | "x-compress" | "exi" | "pack200-gzip" | "aes128gcm" | "dcb" | "dcz" | "sdch") => {
                return Err(format!("content coding `{known}` was not asked for and cannot be undone"));
            }
            _ => {}
        }
        if codings.len() > MAX_CODINGS {
            return Err(format!("more than {MAX_CODINGS} content codings"));
        }
    }
    Ok(codings)
}

/// Undoes the codings of a body that was kept as it came, giving at most `allowance` bytes. `values` are those of
/// `Content-Encoding`.
///
/// # Errors
/// Why it cannot be read, in words.
pub fn undo_codings<'a>(
    mut body: Vec<u8>,
    values: impl IntoIterator<Item = &'a str>,
    allowance: usize,
) -> Result<Vec<u8>, String> {
    for coding in codings_of(values)?.into_iter().rev().collect::<Vec<_>>() {
        // What is labelled and is none was undone before it was kept.
        if !coding.fits(&body) || body.is_empty() {
            continue;
        }
        let unpacked = coding.unpack(&body, allowance);
        match unpacked.end {
            UnpackEnd::Whole => body = unpacked.bytes,
            UnpackEnd::Full => return Err(format!("larger than {allowance} bytes when unpacked")),
            UnpackEnd::Broken(why) => return Err(format!("{} cannot be undone: {why}", coding.name())),
        }
    }
    Ok(body)
}

impl Coding {
    /// Whether `input` can be this coding at all. Deflate and brotli have no magic number.
    pub(super) fn fits(self, input: &[u8]) -> bool {
        match self {
            Coding::Gzip => input.starts_with(&[0x1f, 0x8b]),
            Coding::Zstd => is_zstd(input),
            Coding::Deflate | Coding::Brotli => true,
        }
    }

    /// Undoes the coding, giving at most `allowance` bytes.
    pub(super) fn unpack(self, input: &[u8], allowance: usize) -> Unpacked {
        match self {
            Coding::Gzip => unpack(&mut Gzip(GzDecoder::new(input)), allowance),
            Coding::Deflate if is_zlib(input) => unpack(&mut ZlibDecoder::new(input), allowance),
            Coding::Deflate => unpack(&mut DeflateDecoder::new(input), allowance),
            Coding::Brotli => unpack(&mut Brotli::new(input), allowance),
            Coding::Zstd => match zstd_reader(input) {
                Ok(mut reader) => unpack(&mut reader, allowance),
                Err(error) => Unpacked { bytes: Vec::new(), end: UnpackEnd::Broken(error.to_string()) },
            },
        }
    }

    /// The registered name.
    pub(super) fn name(self) -> &'static str {
        match self {
            Coding::Gzip => "gzip",
            Coding::Deflate => "deflate",
            Coding::Brotli => "br",
            Coding::Zstd => "zstd",
        }
    }
}

/// A frame (RFC 8878 3.1.1) or a skippable frame (3.1.2).
fn is_zstd(input: &[u8]) -> bool {
    match input {
        [0x28, 0xb5, 0x2f, 0xfd, ..] => true,
        [first, 0x2a, 0x4d, 0x18, ..] => first & 0xf0 == 0x50,
        _ => false,
    }
}

/// A zlib header: deflate, a window of at most 32 KiB, and a check of both bytes (RFC 1950 2.2).
fn is_zlib(input: &[u8]) -> bool {
    match input {
        [cmf, flg, ..] => cmf & 0x0f == 8 && cmf >> 4 <= 7 && u16::from_be_bytes([*cmf, *flg]) % 31 == 0,
        _ => false,
    }
}

fn zstd_reader(input: &[u8]) -> io::Result<zstd::Decoder<'static, &[u8]>> {
    let mut decoder = zstd::Decoder::with_buffer(input)?;
    decoder.window_log_max(ZSTD_WINDOW_LOG_MAX)?;
    Ok(decoder)
}

/// Reads to the end or to the allowance. The capacity never passes the allowance.
fn unpack(reader: &mut dyn Read, allowance: usize) -> Unpacked {
    let mut bytes = Vec::new();
    let mut filled = 0;
    let end = loop {
        if filled == allowance {
            break match reader.read(&mut [0]) {
                Ok(0) => UnpackEnd::Whole,
                Ok(_) => UnpackEnd::Full,
                Err(error) => UnpackEnd::Broken(error.to_string()),
            };
        }
        if filled == bytes.len() {
            let more = filled.max(STEP_BYTES).min(allowance - filled);
            bytes.reserve_exact(more);
            bytes.resize(filled + more, 0);
        }
        match reader.read(&mut bytes[filled..]) {
            Ok(0) => break UnpackEnd::Whole,
            Ok(count) => filled += count,
            Err(error) => break UnpackEnd::Broken(error.to_string()),
        }
    };
    bytes.truncate(filled);
    Unpacked { bytes, end }
}

/// gzip members in a row. What follows the last one and is no member is passed over, as gzip(1)
/// does: servers pad.
struct Gzip<'a>(GzDecoder<&'a [u8]>);

impl Read for Gzip<'_> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        loop {
            let count = self.0.read(into)?;
            let rest = *self.0.get_ref();
            if count > 0 || !Coding::Gzip.fits(rest) {
                return Ok(count);
            }
            self.0.reset(rest);
        }
    }
}

/// A brotli stream. The reader of the crate itself accepts large windows, which `br` does not
/// allow and which would hold up to 1 GiB, and refuses what follows the stream.
struct Brotli<'a> {
    input: &'a [u8],
    state: BrotliState<StandardAlloc, StandardAlloc, StandardAlloc>,
    ended: bool,
}

impl<'a> Brotli<'a> {
    fn new(input: &'a [u8]) -> Self {
        let alloc = StandardAlloc::default;
        Brotli { input, state: BrotliState::new_strict(alloc(), alloc(), alloc()), ended: false }
    }
}

impl Read for Brotli<'_> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        if self.ended {
            return Ok(0);
        }
        let (mut available_in, mut consumed) = (self.input.len(), 0);
        let (mut available_out, mut produced, mut total) = (into.len(), 0, 0);
        let result = BrotliDecompressStream(
            &mut available_in,
            &mut consumed,
            self.input,
            &mut available_out,
            &mut produced,
            into,
            &mut total,
            &mut self.state,
        );
        self.input = &self.input[consumed..];
        match result {
            BrotliResult::ResultSuccess => self.ended = true,
            BrotliResult::ResultFailure => {
                return Err(io::Error::new(io::ErrorKind::InvalidData, "corrupt brotli stream"));
            }
            // All of the input was offered, so it ends too early; what it gave so far comes first.
            BrotliResult::NeedsMoreInput if produced == 0 => {
                return Err(io::Error::new(io::ErrorKind::UnexpectedEof, "the brotli stream ends too early"));
            }
            BrotliResult::NeedsMoreInput | BrotliResult::NeedsMoreOutput => {}
        }
        Ok(produced)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use flate2::Compression;
    use flate2::write::{DeflateEncoder, GzEncoder, ZlibEncoder};
    use proptest::prelude::*;
    use std::io::Write;

    const ALL: [Coding; 4] = [Coding::Gzip, Coding::Deflate, Coding::Brotli, Coding::Zstd];

    fn pack(coding: Coding, plain: &[u8]) -> Vec<u8> {
        match coding {
            Coding::Gzip => {
                let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
                encoder.write_all(plain).unwrap();
                encoder.finish().unwrap()
            }
            Coding::Deflate => {
                let mut encoder = ZlibEncoder::new(Vec::new(), Compression::default());
                encoder.write_all(plain).unwrap();
                encoder.finish().unwrap()
            }
            Coding::Brotli => {
                let mut packed = Vec::new();
                let mut encoder = brotli::CompressorWriter::new(&mut packed, 4096, 5, 22);
                encoder.write_all(plain).unwrap();
                drop(encoder);
                packed
            }
            Coding::Zstd => zstd::encode_all(plain, 3).unwrap(),
        }
    }

    fn whole(bytes: &[u8]) -> Unpacked {
        Unpacked { bytes: bytes.to_vec(), end: UnpackEnd::Whole }
    }

    #[test]
    fn the_header_lists_codings() {
        use Coding::*;
        for (values, expected) in [
            (&["gzip"][..], Ok(vec![Gzip])),
            (&["GZip , x-gzip"], Ok(vec![Gzip, Gzip])),
            (&["deflate", "br, zstd"], Ok(vec![Deflate, Brotli, Zstd])),
            (&["identity", "", " , ", "utf-8, none"], Ok(vec![])),
            (&["gzip,gzip,gzip,gzip"], Ok(vec![Gzip; 4])),
            (&["gzip,gzip,gzip", "gzip,gzip"], Err("more than 4 content codings")),
            (&["compress"], Err("content coding `compress` was not asked for and cannot be undone")),
            (&["gzip, dcz"], Err("content coding `dcz` was not asked for and cannot be undone")),
        ] {
            assert_eq!(codings_of(values.iter().copied()), expected.map_err(str::to_owned), "{values:?}");
        }
    }

    #[test]
    fn the_allowance_holds_to_the_byte() {
        let plain = vec![b'x'; 100_000];
        for coding in ALL {
            let packed = pack(coding, &plain);
            assert_eq!(coding.unpack(&packed, 100_000), whole(&plain), "{coding:?}");
            assert_eq!(coding.unpack(&packed, 100_001), whole(&plain), "{coding:?}");
            let full = coding.unpack(&packed, 99_999);
            assert_eq!((full.bytes.len(), full.end), (99_999, UnpackEnd::Full), "{coding:?}");
            assert!(full.bytes.capacity() <= 99_999, "{coding:?}: {}", full.bytes.capacity());
            assert_eq!(coding.unpack(&packed, 0).end, UnpackEnd::Full, "{coding:?}");
        }
    }

    #[test]
    fn a_stream_that_ends_too_early_is_broken_wherever_it_ends() {
        let plain: Vec<u8> = (0..400u32).flat_map(|n| n.to_string().into_bytes()).collect();
        for coding in ALL {
            let packed = pack(coding, &plain);
            for cut in 2..packed.len() {
                let cut_short = coding.unpack(&packed[..cut], plain.len() * 2);
                assert!(matches!(cut_short.end, UnpackEnd::Broken(_)), "{coding:?} cut at {cut}: {:?}", cut_short.end);
                assert!(plain.starts_with(&cut_short.bytes), "{coding:?} cut at {cut}");
            }
        }
    }

    #[test]
    fn deflate_is_read_with_and_without_the_zlib_header() {
        let mut encoder = DeflateEncoder::new(Vec::new(), Compression::default());
        encoder.write_all(b"hello").unwrap();
        let raw = encoder.finish().unwrap();
        assert_eq!(Coding::Deflate.unpack(&raw, 100), whole(b"hello"));
        assert_eq!(Coding::Deflate.unpack(&pack(Coding::Deflate, b"hello"), 100), whole(b"hello"));
    }

    #[test]
    fn gzip_members_are_joined_and_padding_is_passed_over() {
        let mut packed = pack(Coding::Gzip, b"one ");
        packed.extend(pack(Coding::Gzip, b""));
        packed.extend(pack(Coding::Gzip, b"two"));
        assert_eq!(Coding::Gzip.unpack(&packed, 100), whole(b"one two"));
        packed.extend([0; 512]);
        assert_eq!(Coding::Gzip.unpack(&packed, 100), whole(b"one two"));
    }

    #[test]
    fn zstd_frames_are_joined_and_a_wide_window_is_refused() {
        let mut packed = pack(Coding::Zstd, b"one ");
        packed.extend(pack(Coding::Zstd, b"two"));
        assert_eq!(Coding::Zstd.unpack(&packed, 100), whole(b"one two"));
        // A frame header that asks for a window of 2^30 bytes, then an empty last block.
        let wide = [0x28, 0xb5, 0x2f, 0xfd, 0x00, 20 << 3, 0x01, 0x00, 0x00];
        assert!(matches!(Coding::Zstd.unpack(&wide, 100).end, UnpackEnd::Broken(_)));
    }

    #[test]
    fn brotli_padding_is_passed_over_and_large_windows_are_refused() {
        let mut packed = pack(Coding::Brotli, b"hello");
        packed.extend(*b"padding");
        assert_eq!(Coding::Brotli.unpack(&packed, 100), whole(b"hello"));
        let mut params = brotli::enc::BrotliEncoderParams { large_window: true, lgwin: 28, ..Default::default() };
        params.size_hint = 5;
        let mut large = Vec::new();
        brotli::BrotliCompress(&mut &b"hello"[..], &mut large, &params).unwrap();
        assert!(matches!(Coding::Brotli.unpack(&large, 100).end, UnpackEnd::Broken(_)), "{large:?}");
    }

    #[test]
    fn what_lacks_the_magic_number_does_not_fit() {
        for coding in [Coding::Gzip, Coding::Zstd] {
            assert!(coding.fits(&pack(coding, b"x")), "{coding:?}");
            assert!(!coding.fits(b"<!doctype html>"), "{coding:?}");
            assert!(!coding.fits(b""), "{coding:?}");
        }
    }

    proptest! {
        #[test]
        fn what_was_packed_comes_back(plain: Vec<u8>) {
            for coding in ALL {
                let packed = pack(coding, &plain);
                prop_assert_eq!(coding.unpack(&packed, plain.len()), whole(&plain), "{:?}", coding);
            }
        }

        /// Noise, and noise behind a true beginning, never panics and never passes the allowance.
        #[test]
        fn noise_is_survived(noise: Vec<u8>, keep in 0usize..40) {
            for coding in ALL {
                let mut start = pack(coding, b"a true beginning of a page, a page");
                start.truncate(keep);
                start.extend(&noise);
                for input in [&noise, &start] {
                    prop_assert!(coding.unpack(input, 10_000).bytes.len() <= 10_000);
                }
            }
        }
    }
}
