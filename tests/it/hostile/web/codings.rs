//! Content codings, true, false, broken and explosive.

use std::io::Write;

use flate2::Compression;
use flate2::write::{DeflateEncoder, GzEncoder, ZlibEncoder};

use super::super::server::Reply;
use super::behaviour::{At, Behaviour, raw};

const PAGE: &[u8] = b"<title>X</title><p>a page that is packed";

fn coded(coding: &str, body: impl AsRef<[u8]>) -> Reply {
    raw(&format!("HTTP/1.1 200 OK\nContent-Type: text/html\nContent-Encoding: {coding}"), body)
}

fn gzip(plain: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(plain).unwrap();
    encoder.finish().unwrap()
}

fn zlib(plain: &[u8]) -> Vec<u8> {
    let mut encoder = ZlibEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(plain).unwrap();
    encoder.finish().unwrap()
}

fn deflate(plain: &[u8]) -> Vec<u8> {
    let mut encoder = DeflateEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(plain).unwrap();
    encoder.finish().unwrap()
}

fn brotli(plain: &[u8]) -> Vec<u8> {
    let mut packed = Vec::new();
    brotli::CompressorWriter::new(&mut packed, 65_536, 1, 22).write_all(plain).unwrap();
    packed
}

fn zstd(plain: &[u8]) -> Vec<u8> {
    zstd::encode_all(plain, 1).unwrap()
}

/// 50 MB of nothing, under 60 kB when packed; many times the limit.
fn nothing() -> Vec<u8> {
    vec![0; 50_000_000]
}

pub(super) fn shelf(at: &At) -> Vec<Behaviour> {
    [read(at), broken(at), bombs(at)].concat()
}

fn read(at: &At) -> Vec<Behaviour> {
    let new = |name, server, crawl, reply| Behaviour::new(at, name, server, crawl).x(reply, "page 200").title("X");
    vec![
        new("gzip-false", "says gzip over plain text", "reads it as it came", coded("gzip", PAGE)),
        new("gzip-twice-said", "says gzip twice and packs once", "unpacks once", coded("gzip, gzip", gzip(PAGE))),
        new("gzip-twice", "packs twice", "unpacks twice", coded("gzip, gzip", gzip(&gzip(PAGE)))),
        new(
            "gzip-members",
            "sends gzip in two members",
            "joins them",
            coded("gzip", [gzip(&PAGE[..9]), gzip(&PAGE[9..])].concat()),
        ),
        new(
            "gzip-padded",
            "sends bytes after the packed page",
            "passes over them",
            coded("gzip", [gzip(PAGE), vec![0; 99]].concat()),
        ),
        new("coding-unknown", "names a coding that there is not", "reads it as it came", coded("utf-8", PAGE)),
        new("deflate-raw", "sends deflate without its frame", "unpacks it", coded("deflate", deflate(PAGE))),
        new(
            "four-codings",
            "packs four times, four ways",
            "unpacks all",
            coded("deflate,gzip,zstd,br", brotli(&zstd(&gzip(&zlib(PAGE))))),
        ),
        Behaviour::new(at, "gzip-unsaid", "sends gzip without saying so, as HTML", "keeps the bytes as they came")
            .x(raw("HTTP/1.1 200 OK\nContent-Type: text/html", gzip(PAGE)), "page 200"),
        Behaviour::new(
            at,
            "gzip-100000-members",
            "sends a hundred thousand empty members",
            "an empty page in linear time",
        )
        .x(coded("gzip", gzip(b"").repeat(100_000)), "page 200")
        .fact("/x", "bytes", "0"),
    ]
}

fn broken(at: &At) -> Vec<Behaviour> {
    let new = |name, server, reply, error| {
        Behaviour::new(at, name, server, "a protocol failure").x(reply, "protocol 200").error(error)
    };
    let page = PAGE.repeat(100);
    let half = |packed: Vec<u8>| packed[..packed.len() / 2].to_vec();
    let mut wrong_sum = gzip(&page);
    let sum = wrong_sum.len() - 6;
    wrong_sum[sum] ^= 0xff;
    // A zstd frame whose header asks for a window of a gigabyte.
    let window = [&[0x28, 0xb5, 0x2f, 0xfd, 0x00, 20 << 3][..], &zstd(&page)[5..]].concat();
    vec![
        new("gzip-half", "breaks off within gzip", coded("gzip", half(gzip(&page))), "content coding gzip"),
        new("gzip-wrong-sum", "sends gzip with a wrong checksum", coded("gzip", wrong_sum), "content coding gzip"),
        new("br-half", "breaks off within brotli", coded("br", half(brotli(&page))), "content coding br"),
        new("br-false", "says brotli over plain text", coded("br", PAGE), "content coding br"),
        new("zstd-half", "breaks off within zstd", coded("zstd", half(zstd(&page))), "content coding zstd"),
        new("zstd-window", "asks zstd for a window of 1 GiB", coded("zstd", window), "content coding zstd"),
        new("compress", "uses a coding that was not asked for", coded("compress", "x"), "`compress`"),
        new("five-codings", "says gzip five times", coded("gzip,gzip,gzip,gzip,gzip", "x"), "more than 4"),
    ]
}

fn bombs(at: &At) -> Vec<Behaviour> {
    let nothing = nothing();
    let new = |name, server, coding: &str, body: Vec<u8>| {
        assert!(body.len() < 1_000_000, "{name}: {}", body.len());
        Behaviour::new(at, name, server, "stops unpacking at the limit: too big")
            .x(coded(coding, body), "too_big 200")
            .error("the decoded body is longer than 3000000 bytes")
    };
    let packed = gzip(&nothing);
    vec![
        new("bomb-gzip-nested", "sends 500 MB packed twice with gzip", "gzip, gzip", gzip(&packed.repeat(10))),
        new("bomb-gzip", "sends 50 MB packed with gzip", "gzip", packed),
        new("bomb-deflate", "sends 50 MB packed with deflate", "deflate", zlib(&nothing)),
        new("bomb-br", "sends 50 MB packed with brotli", "br", brotli(&nothing)),
        new("bomb-zstd", "sends 50 MB packed with zstd", "zstd", zstd(&nothing)),
    ]
}
