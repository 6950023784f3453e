//! [`Body`]: a stored body unpacked, and [`ContentIdentity`], what it must hash to.

use libdeflater::{DecompressionError, Decompressor};

/// The identity of a content: (media type, charset, body) to 16 bytes. The store does not know how
/// it is made; the caller hands in the function that made it.
pub type ContentIdentity = fn(&str, Option<&str>, &[u8]) -> [u8; 16];

/// The largest body that is unpacked, in bytes.
const MOST_BYTES: u64 = 1 << 30;
/// A zlib stream expands at most about 1032 times.
const MOST_EXPANSION: u64 = 1040;

/// A stored body as it was parsed: decoded from the transfer, in its own charset.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Body {
    /// Media type.
    pub mime: String,
    /// Encoding name, for text.
    pub charset: Option<String>,
    /// The bytes.
    pub bytes: Vec<u8>,
}

/// Unpacks `bodies.data`.
///
/// # Errors
/// What is wrong with it, in words.
pub(super) fn unpack(codec: &str, size_bytes: i64, data: Vec<u8>) -> Result<Vec<u8>, String> {
    let size = u64::try_from(size_bytes).map_err(|_| format!("its size is {size_bytes} bytes"))?;
    match codec {
        "raw" if data.len() as u64 == size => Ok(data),
        "raw" => Err(format!("{} bytes are stored where {size} are announced", data.len())),
        "zlib" => inflate(&data, size),
        other => Err(format!("the codec '{other}' is unknown")),
    }
}

fn inflate(data: &[u8], size: u64) -> Result<Vec<u8>, String> {
    let possible = (data.len() as u64).saturating_mul(MOST_EXPANSION).min(MOST_BYTES);
    if size > possible {
        return Err(format!("{} packed bytes cannot hold {size} bytes", data.len()));
    }
    let mut bytes = vec![0; usize::try_from(size).map_err(|_| "it is too large for this machine".to_owned())?];
    match Decompressor::new().zlib_decompress(data, &mut bytes) {
        Ok(n) if n as u64 == size => Ok(bytes),
        Ok(n) => Err(format!("it unpacks to {n} bytes where {size} are announced")),
        Err(DecompressionError::BadData) => Err("it cannot be unpacked: the zlib data is damaged".to_owned()),
        Err(DecompressionError::InsufficientSpace) => {
            Err(format!("it unpacks to more than the {size} bytes announced"))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn packed(bytes: &[u8]) -> Vec<u8> {
        let mut compressor = libdeflater::Compressor::new(libdeflater::CompressionLvl::default());
        let mut out = vec![0; compressor.zlib_compress_bound(bytes.len())];
        let n = compressor.zlib_compress(bytes, &mut out).expect("room enough");
        out.truncate(n);
        out
    }

    #[test]
    fn unpacks_what_was_packed_and_names_what_was_not() {
        let body = b"<p>hello</p>".repeat(50);
        let size = i64::try_from(body.len()).expect("small");
        assert_eq!(unpack("zlib", size, packed(&body)), Ok(body.clone()));
        assert_eq!(unpack("raw", size, body.clone()), Ok(body.clone()));
        assert_eq!(unpack("raw", 0, Vec::new()), Ok(Vec::new()));
        let wrong = [
            unpack("raw", size + 1, body.clone()),
            unpack("zlib", size - 1, packed(&body)),
            unpack("zlib", size + 1, packed(&body)),
            unpack("zlib", size, body.clone()),
            unpack("zlib", i64::MAX, packed(&body)),
            unpack("zlib", -1, packed(&body)),
            unpack("zstd", size, body),
        ];
        for result in wrong {
            assert!(result.is_err(), "{result:?}");
        }
    }
}
