//! Content codings, true, false, broken and explosive.

use std::io::Write;

use flate2::Compression;
use flate2::write::{DeflateEncoder, GzEncoder, ZlibEncoder};
use sqrawl::model::FailureKind::*;

use super::desk::{Case, Expected::*, LIMIT, body, check};
use super::server::Reply;

fn coded(coding: &str, body: impl AsRef<[u8]>) -> Reply {
    let length = body.as_ref().len();
    Reply::http(&format!("HTTP/1.1 200 OK\nContent-Encoding: {coding}\nContent-Length: {length}"), body)
}

fn gzip(plain: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
    encoder.write_all(plain).unwrap();
    encoder.finish().unwrap()
}

fn zlib(plain: &[u8]) -> Vec<u8> {
    let mut encoder = ZlibEncoder::new(Vec::new(), Compression::best());
    encoder.write_all(plain).unwrap();
    encoder.finish().unwrap()
}

fn deflate(plain: &[u8]) -> Vec<u8> {
    let mut encoder = DeflateEncoder::new(Vec::new(), Compression::best());
    encoder.write_all(plain).unwrap();
    encoder.finish().unwrap()
}

fn brotli(plain: &[u8]) -> Vec<u8> {
    let mut packed = Vec::new();
    brotli::CompressorWriter::new(&mut packed, 65_536, 5, 22).write_all(plain).unwrap();
    packed
}

fn zstd(plain: &[u8]) -> Vec<u8> {
    zstd::encode_all(plain, 3).unwrap()
}

/// A page that packs like a page.
fn page() -> Vec<u8> {
    (0..2000).flat_map(|n| format!("<p>Paragraph {n} of {}</p>\n", n * 7919 % 1000).into_bytes()).collect()
}

#[tokio::test]
async fn true_codings_are_undone_and_the_wire_is_counted() {
    let page = page();
    assert!(page.len() < LIMIT);
    for (name, packed) in [
        ("gzip", gzip(&page)),
        ("X-GZIP", gzip(&page)),
        ("deflate", zlib(&page)),
        ("deflate", deflate(&page)),
        ("br", brotli(&page)),
        ("zstd", zstd(&page)),
        ("identity", page.clone()),
        ("gzip, gzip", gzip(&gzip(&page))),
        ("gzip, br", brotli(&gzip(&page))),
        ("deflate,gzip,zstd,br", brotli(&zstd(&gzip(&zlib(&page))))),
    ] {
        let exchange = check(Case::new(name, coded(name, &packed), 200, body(&page))).await;
        assert_eq!(exchange.wire_bytes, packed.len() as u64, "{name}");
        assert_eq!(exchange.header("content-encoding"), Some(name), "as it was sent");
    }
}

#[tokio::test]
async fn false_labels_are_seen_through() {
    let plain = b"<!doctype html><p>plain";
    for case in [
        Case::new("plain as gzip", coded("gzip", plain), 200, body(plain)),
        Case::new("plain as zstd", coded("zstd", plain), 200, body(plain)),
        Case::new("once, said twice", coded("gzip, gzip", gzip(plain)), 200, body(plain)),
        Case::new("no coding at all", coded("utf-8", plain), 200, body(plain)),
        Case::new("none", coded("none", plain), 200, body(plain)),
        Case::new("gzip unlabelled", Reply::http("HTTP/1.1 200 OK", gzip(plain)), 200, body(gzip(plain))),
        Case::new("empty gzip", coded("gzip", ""), 200, body("")),
        Case::new("empty br", coded("br", ""), 200, body("")),
        Case::new("empty deflate", coded("deflate", ""), 200, body("")),
        Case::new("empty zstd", coded("zstd", ""), 200, body("")),
        Case::new("padded gzip", coded("gzip", [gzip(plain), vec![0; 100]].concat()), 200, body(plain)),
        Case::new("padded br", coded("br", [brotli(plain), vec![0; 100]].concat()), 200, body(plain)),
        Case::new(
            "two members",
            coded("gzip", [gzip(plain), gzip(b" twice")].concat()),
            200,
            body(b"<!doctype html><p>plain twice"),
        ),
    ] {
        check(case).await;
    }
}

#[tokio::test]
async fn what_cannot_be_undone_is_a_protocol_failure() {
    let page = page();
    let half = |packed: Vec<u8>| packed[..packed.len() / 2].to_vec();
    let mut corrupt = gzip(&page);
    let middle = corrupt.len() / 2;
    corrupt[middle] ^= 0xff;
    for case in [
        Case::new("half gzip", coded("gzip", half(gzip(&page))), 200, Failed(Protocol, "content coding gzip")),
        Case::new("half zlib", coded("deflate", half(zlib(&page))), 200, Failed(Protocol, "content coding deflate")),
        Case::new("half br", coded("br", half(brotli(&page))), 200, Failed(Protocol, "content coding br")),
        Case::new("half zstd", coded("zstd", half(zstd(&page))), 200, Failed(Protocol, "content coding zstd")),
        Case::new("corrupt gzip", coded("gzip", corrupt), 200, Failed(Protocol, "content coding gzip")),
        Case::new("bare magic", coded("gzip", [0x1f, 0x8b]), 200, Failed(Protocol, "content coding gzip")),
        Case::new("plain as br", coded("br", "<!doctype html><p>plain"), 200, Failed(Protocol, "content coding br")),
        Case::new(
            "plain as deflate",
            coded("deflate", "<!doctype html>"),
            200,
            Failed(Protocol, "content coding deflate"),
        ),
        Case::new("compress", coded("compress", "x"), 200, Failed(Protocol, "`compress`")),
        Case::new("dictionary", coded("dcb", "x"), 200, Failed(Protocol, "`dcb`")),
        Case::new("five codings", coded("gzip,gzip,gzip,gzip,gzip", "x"), 200, Failed(Protocol, "more than 4")),
    ] {
        check(case).await;
    }
}

/// 300 MB of nothing, packed; many times the limit, whatever is unpacked first.
#[tokio::test]
async fn bombs_end_at_the_limit() {
    let limit = 5_000_000;
    let nothing = vec![0; 100_000_000];
    let gzip_bomb = gzip(&nothing).repeat(3);
    let brotli_bomb = brotli(&nothing);
    let zstd_bomb = zstd(&nothing);
    let inside_out = gzip(&gzip_bomb);
    for (coding, bomb) in [
        ("gzip", gzip_bomb),
        ("deflate", zlib(&nothing)),
        ("br", brotli_bomb),
        ("zstd", zstd_bomb),
        ("gzip, gzip", inside_out),
    ] {
        assert!(bomb.len() < limit, "{coding}: {}", bomb.len());
        let failed = Case::new(
            coding,
            coded(coding, &bomb),
            200,
            Failed(TooBig, "the decoded body is longer than 5000000 bytes"),
        );
        let exchange = check(failed.limit(limit)).await;
        assert_eq!(exchange.wire_bytes, bomb.len() as u64, "{coding}");
        let cut = Case::new(coding, coded(coding, &bomb), 200, Truncated(vec![0; limit]));
        check(cut.limit(limit).truncating()).await;
    }
}

#[tokio::test]
async fn the_limit_counts_decoded_bytes_to_the_byte() {
    for (coding, pack) in [
        ("gzip", gzip as fn(&[u8]) -> Vec<u8>),
        ("deflate", zlib),
        ("deflate", deflate),
        ("br", brotli),
        ("zstd", zstd),
    ] {
        let exact = vec![b'x'; LIMIT];
        let over = vec![b'x'; LIMIT + 1];
        check(Case::new(coding, coded(coding, pack(&exact)), 200, body(&exact))).await;
        check(Case::new(coding, coded(coding, pack(&over)), 200, Failed(TooBig, "100000"))).await;
        check(Case::new(coding, coded(coding, pack(&over)), 200, Truncated(exact)).truncating()).await;
    }
}

/// The wire is cut first: what came of the stream is unpacked, and says that it is not all.
#[tokio::test]
async fn a_packed_body_is_truncated_on_the_wire_too() {
    let page = page();
    let packed = gzip(&page);
    let case = Case::new("cut gzip", coded("gzip", &packed), 200, Truncated(page[..packed.len() / 2].to_vec()));
    check(case.limit(packed.len() / 2).truncating()).await;
    let case = Case::new("long gzip", coded("gzip", &packed), 200, Failed(TooBig, "by its Content-Length"));
    check(case.limit(packed.len() / 2)).await;
}

/// A hundred thousand empty members: the work is linear in what was sent.
#[tokio::test]
async fn many_empty_gzip_members() {
    let bomb = gzip(b"").repeat(100_000);
    check(Case::new("members", coded("gzip", &bomb), 200, body("")).limit(bomb.len())).await;
}
