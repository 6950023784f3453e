//! Bodies as they are stored: the `sqlar` convention (<https://sqlite.org/sqlar.html>), a zlib
//! stream unless that is not smaller. The stock `sqlite3` shell reads them with
//! `sqlar_uncompress(data, size_bytes)`, Python with `zlib.decompress(data)`.

use std::cell::RefCell;

use libdeflater::{CompressionLvl, Compressor, Decompressor};

use crate::model::{Codec, StoredBody};

/// zlib's fastest. Measured on generated pages of 42 kB: level 1 takes 133 µs for a ratio of 3.98, level 3 takes 267 µs
/// for 4.16, level 6 takes 400 µs for 4.37; on documentation of 98 kB: 300, 420 and 620 µs for 6.23, 6.61 and 7.07. Twice the
/// time buys a twentieth of the bodies, which are half of the file.
const LEVEL: i32 = 1;

/// What a thread keeps to pack the next body in; of a larger one the room is given back.
const KEPT_BYTES: usize = 256 * 1024;

thread_local! {
    static PACKER: RefCell<Packer> = RefCell::new(Packer::new());
}

/// A compressor, which costs a tenth of packing a page to make, and room for what it writes: taken anew for each body
/// and cut to a third, it left holes between those that wait for their commit.
struct Packer {
    compressor: Compressor,
    room: Vec<u8>,
}

impl Packer {
    fn new() -> Self {
        Packer { compressor: Compressor::new(CompressionLvl::new(LEVEL).unwrap_or_default()), room: Vec::new() }
    }

    /// The zlib stream; `None`: it is not smaller.
    fn pack(&mut self, body: &[u8]) -> Option<Vec<u8>> {
        let most = self.compressor.zlib_compress_bound(body.len());
        if self.room.len() < most {
            self.room.resize(most, 0);
        }
        let length = self.compressor.zlib_compress(body, &mut self.room).ok().filter(|length| *length < body.len());
        let packed = length.map(|length| self.room[..length].to_vec());
        if self.room.len() > KEPT_BYTES {
            self.room = Vec::new();
        }
        packed
    }
}

/// Packs a body.
pub fn pack(body: &[u8]) -> StoredBody {
    let packed = PACKER.with_borrow_mut(|packer| packer.pack(body));
    let (codec, data) = packed.map_or_else(|| (Codec::Raw, body.to_vec()), |data| (Codec::Zlib, data));
    StoredBody { codec, size_bytes: body.len() as u64, data }
}

/// Unpacks a body; `None` when it is not what it says it is.
pub fn unpack(codec: Codec, data: &[u8], size_bytes: u64) -> Option<Vec<u8>> {
    let size = usize::try_from(size_bytes).ok()?;
    match codec {
        Codec::Raw => (data.len() == size).then(|| data.to_vec()),
        Codec::Zlib => {
            let mut body = vec![0; size];
            let got = Decompressor::new().zlib_decompress(data, &mut body).ok()?;
            (got == size).then_some(body)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bodies_come_back_as_they_were() {
        let noise: Vec<u8> = (0..2000u32).map(|n| (n.wrapping_mul(2_654_435_761) >> 13) as u8).collect();
        for body in [&b""[..], b"x", &b"hello ".repeat(500), &noise] {
            let stored = pack(body);
            assert_eq!(stored.size_bytes, body.len() as u64);
            assert!(stored.data.len() <= body.len());
            assert_eq!(unpack(stored.codec, &stored.data, stored.size_bytes).as_deref(), Some(body));
        }
        assert_eq!(pack(&b"hello ".repeat(500)).codec, Codec::Zlib);
        assert_eq!(pack(b"x").codec, Codec::Raw);
    }

    #[test]
    fn what_is_damaged_is_not_unpacked() {
        let stored = pack(&b"hello ".repeat(500));
        assert_eq!(unpack(stored.codec, &stored.data, stored.size_bytes + 1), None);
        assert_eq!(unpack(stored.codec, &stored.data[1..], stored.size_bytes), None);
        assert_eq!(unpack(Codec::Raw, b"abc", 2), None);
    }
}
