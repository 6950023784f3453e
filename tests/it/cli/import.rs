//! `sqrawl import` by the real binary: an archive goes round, lists and sitemaps are queued, damage is named.

use std::fs;
use std::io::Write;
use std::path::Path;

use flate2::Compression;
use flate2::write::GzEncoder;
use tempfile::TempDir;

use super::{run, sqrawl};

#[track_caller]
fn done(folder: &Path, args: &[&str]) -> (String, String) {
    let ran = run(sqrawl(folder).args(args));
    assert_eq!(ran.code, Some(0), "{args:?}: {}", ran.err);
    (ran.out, ran.err)
}

fn query(folder: &Path, db: &str, sql: &str) -> String {
    done(folder, &["query", "--db", db, "-f", "csv", sql]).0
}

fn packed(plain: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(plain).unwrap();
    encoder.finish().unwrap()
}

/// What a crawl has of its pages is there again after it was written into an archive and read back.
#[test]
fn an_archive_goes_round() {
    let folder = TempDir::new().unwrap();
    let folder = folder.path();
    done(folder, &["demo", "-q", "--db", "a.db"]);
    done(folder, &["export", "--db", "a.db", "-o", "a.warc.gz", "-q"]);
    let (_, said) = done(folder, &["import", "--db", "b.db", "a.warc.gz"]);
    // Facts of pages; copies of one payload are revisits, whose body stands in the first one's record.
    let facts = "SELECT u.url, f.outcome, f.status, c.title, c.lang, c.words, lower(hex(c.hash)) AS hash, f.started_at, f.noindex,
                        k.url AS canonical, f.links
                 FROM fetches f JOIN urls u ON u.id = f.url_id JOIN contents c ON c.id = f.content_id
                 LEFT JOIN urls k ON k.id = f.canonical_id JOIN bodies b ON b.content_id = c.id
                 WHERE f.outcome = 'page' AND f.id = (SELECT min(id) FROM fetches WHERE content_id = f.content_id)
                 ORDER BY u.url";
    let (before, after) = (query(folder, "a.db", facts), query(folder, "b.db", facts));
    assert!(before.lines().count() > 100, "{before}");
    assert_eq!(before, after, "{said}");
    let texts = "SELECT count(*), sum(length(text)) FROM texts";
    assert_eq!(query(folder, "b.db", texts).lines().count(), 2);
    let redirects = "SELECT count(*) > 3 FROM report_redirects";
    assert!(query(folder, "b.db", redirects).contains('1'));
    assert_eq!(query(folder, "b.db", "SELECT count(*) FROM requests"), "count(*)\r\n0\r\n", "nothing was asked for");
    let ran = run(sqrawl(folder).args(["doctor", "--db", "b.db"]));
    assert_eq!(ran.code, Some(0), "{}{}", ran.out, ran.err);
    // Once more: everything is known.
    let fetches = query(folder, "b.db", "SELECT count(*) FROM fetches");
    let (_, said) = done(folder, &["import", "--db", "b.db", "a.warc.gz"]);
    assert!(said.contains("0 fetches, 0 new URLs") && said.contains("visited before"), "{said}");
    assert_eq!(query(folder, "b.db", "SELECT count(*) FROM fetches"), fetches);
}

#[test]
fn lists_and_sitemaps_are_queued_through_the_scope() {
    let folder = TempDir::new().unwrap();
    let folder = folder.path();
    fs::write(folder.join("list.txt"), "# seeds\nhttps://a.example/1\nmailto:x\nhttps://a.example/2\n").unwrap();
    let sitemap = "<?xml version='1.0'?><urlset><url><loc>https://a.example/3</loc></url>\
                   <url><loc>https://b.example/</loc></url></urlset>";
    fs::write(folder.join("sitemap.xml.gz"), packed(sitemap.as_bytes())).unwrap();
    let (_, said) = done(folder, &["import", "list.txt"]);
    assert!(said.contains("list.txt: line 3: ") && said.contains("2 new URLs"), "{said}");
    let (_, said) = done(folder, &["import", "sitemap.xml.gz"]);
    assert!(said.contains("1 left out by the scope"), "{said}");
    let urls = query(folder, "crawl.db", "SELECT url, state FROM urls ORDER BY url");
    let wanted =
        "url,state\r\nhttps://a.example/1,queued\r\nhttps://a.example/2,queued\r\nhttps://a.example/3,queued\r\n";
    assert_eq!(urls, wanted);
    done(folder, &["doctor"]);
    for (args, words) in [
        (vec!["import", "none.txt"], "none.txt: No such file"),
        (vec!["import", "empty.txt", "--db", "new.db"], "no URL was found"),
        (vec!["import", "binary", "--db", "new.db"], "binary: neither a WARC file, nor a sitemap, nor a list of URLs"),
    ] {
        fs::write(folder.join("binary"), b"\x7fELF\x02\x01\0\0https://a.example/\n").unwrap();
        fs::write(folder.join("empty.txt"), "# nothing\n").unwrap();
        let ran = run(sqrawl(folder).args(&args));
        assert_eq!(ran.code, Some(2), "{}", ran.err);
        assert!(ran.err.contains(words), "{}", ran.err);
    }
    assert!(!folder.join("new.db").exists());
}

/// An import was said to have been stopped by a signal, and a sitemap that was cut off was taken for a whole one.
#[test]
fn an_import_ends_as_an_import() {
    let folder = TempDir::new().unwrap();
    let folder = folder.path();
    fs::write(folder.join("cut.xml"), "<urlset><url><loc>https://a.example/1</loc></url><url><loc>https://a.exa")
        .unwrap();
    let (_, said) = done(folder, &["import", "cut.xml"]);
    assert!(said.contains("cut.xml: its end: missing") && said.contains("1 new URL"), "{said}");
    assert_eq!(query(folder, "crawl.db", "SELECT ended_by FROM sessions"), "ended_by\r\nimport\r\n");
    let (status, _) = done(folder, &["status"]);
    assert!(status.contains("ended by import") && status.contains("go on with: sqrawl resume"), "{status}");
    done(folder, &["doctor"]);
}

/// Records that are none, are too large or end too early are named, and the others are taken in.
#[test]
fn damage_in_an_archive_is_named() {
    let folder = TempDir::new().unwrap();
    let folder = folder.path();
    let record = |path: &str, http: &[u8]| {
        let head = format!(
            "WARC/1.0\r\nWARC-Type: response\r\nWARC-Target-URI: http://a.example/{path}\r\nWARC-Date: 2020-02-03T04:05:06Z\r\n\
             Content-Type: application/http; msgtype=response\r\nContent-Length: {}\r\n\r\n",
            http.len()
        );
        [head.as_bytes(), http, b"\r\n\r\n"].concat()
    };
    let html = |coding: &str, body: &[u8]| {
        [format!("HTTP/1.1 200 OK\r\nContent-Type: text/html\r\n{coding}\r\n").as_bytes(), body].concat()
    };
    let bomb = packed(&vec![b' '; 30_000_000]);
    let gzip = "Content-Encoding: gzip\r\n";
    let plain = [
        record("good", &html("", b"<title>Good</title><a href=next>n</a>")),
        record("packed", &html(gzip, &packed(b"<title>Packed</title>"))),
        record("chunked", &html("Transfer-Encoding: chunked\r\n", b"7\r\n<title>\r\n7\r\nChunked\r\n0\r\n\r\n")),
        record("bomb", &html(gzip, &bomb)),
        record("not-http", b"hello"),
        b"WARC/1.0\r\nWARC-Type: response\r\n\r\n".to_vec(),
        b"junk\r\n\r\n".to_vec(),
        record("gone", b"HTTP/1.1 404 Not Found\r\n\r\nno"),
        record("busy", b"HTTP/1.1 503 Busy\r\n\r\nno"),
        record("huge", &html("", &vec![b'x'; 11_000_000])),
        record("last", &html("", b"<title>Last</title>"))[..230].to_vec(),
    ]
    .concat();
    fs::write(folder.join("x.warc"), &plain).unwrap();
    let (_, said) = done(folder, &["import", "x.warc"]);
    for words in [
        "http://a.example/bomb: larger than 10000000 bytes when unpacked",
        "http://a.example/not-http: not the head of a response",
        "a record without a length",
        "http://a.example/huge: larger than --max-body",
        "the last record ends too early",
        "5 cannot be used",
        "4 fetches",
    ] {
        assert!(said.contains(words), "{words} in {said}");
    }
    let pages = query(folder, "crawl.db", "SELECT url, title, fetched_at FROM pages ORDER BY url");
    let at = "2020-02-03T04:05:06.000Z";
    let wanted =
        ["chunked,Chunked", "good,Good", "packed,Packed"].map(|page| format!("http://a.example/{page},{at}\r\n"));
    assert_eq!(pages, format!("url,title,fetched_at\r\n{}", wanted.concat()));
    let rest = "SELECT url, state FROM urls WHERE page_fetch_id IS NULL ORDER BY url";
    let wanted =
        "url,state\r\nhttp://a.example/busy,queued\r\nhttp://a.example/gone,failed\r\nhttp://a.example/next,queued\r\n";
    assert_eq!(query(folder, "crawl.db", rest), wanted);
    done(folder, &["doctor"]);
    // A packed file that breaks off.
    let whole = packed(&plain[..2_000]);
    fs::write(folder.join("y.warc.gz"), &whole[..whole.len() - 20]).unwrap();
    let (_, said) = done(folder, &["import", "--db", "y.db", "y.warc.gz"]);
    assert!(said.contains("it cannot be read any further"), "{said}");
}
