//! `sqrawl import` by the real binary: an archive goes round, lists and sitemaps are queued, damage is named.

use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::net::TcpListener;
use std::path::Path;
use std::process::Command;

use flate2::Compression;
use flate2::write::GzEncoder;
use tempfile::TempDir;

use super::{Ran, run, sqrawl};

#[track_caller]
pub(super) fn done(folder: &Path, args: &[&str]) -> (String, String) {
    let ran = run(sqrawl(folder).args(args));
    assert_eq!(ran.code, Some(0), "{args:?}: {}", ran.err);
    (ran.out, ran.err)
}

pub(super) fn query(folder: &Path, db: &str, sql: &str) -> String {
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
    // Every page, copies too: their payload stands in another record.
    let facts = "SELECT p.url, f.outcome, f.status, c.title, c.lang, c.words, lower(hex(c.hash)) AS hash, f.started_at,
                        f.noindex, p.canonical, f.links, lower(hex(b.data)) = '' AS empty, c.simhash, c.headings
                 FROM pages p JOIN fetches f ON f.id = p.fetch_id JOIN contents c ON c.id = f.content_id
                 JOIN bodies b ON b.content_id = c.id ORDER BY p.url";
    let (before, after) = (query(folder, "a.db", facts), query(folder, "b.db", facts));
    let copies = "SELECT count(*) - count(DISTINCT content_id) > 5 AS n FROM pages WHERE content_id IN (SELECT content_id FROM bodies)";
    assert_eq!(query(folder, "a.db", copies), "n\r\n1\r\n");
    assert!(before.lines().count() > 120, "{before}");
    assert_eq!(before, after, "{said}");
    let texts = "SELECT p.url, t.text FROM pages p JOIN texts t USING (content_id) JOIN bodies b USING (content_id) ORDER BY p.url";
    assert_eq!(query(folder, "a.db", texts), query(folder, "b.db", texts));
    let directories = "SELECT * FROM report_directories ORDER BY directory";
    assert!(query(folder, "b.db", directories).lines().count() > 10, "nobody was asked, and there are pages");
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
    // What the operator names himself makes the crawl one of his own.
    done(folder, &["add", "https://a.example/0", "-q"]);
    let (_, said) = done(folder, &["import", "sitemap.xml.gz"]);
    assert!(said.contains("1 left out by the scope"), "{said}");
    let urls = query(folder, "crawl.db", "SELECT substr(url, -2) || ' ' || state AS url FROM urls ORDER BY url");
    assert_eq!(urls, "url\r\n/0 queued\r\n/1 queued\r\n/2 queued\r\n/3 queued\r\n");
    done(folder, &["doctor"]);
    for (args, words) in [
        (vec!["import", "none.txt"], "none.txt: No such file"),
        (vec!["import", "empty.txt", "--db", "new.db"], "no URL was found"),
        (vec!["import", "binary", "--db", "new.db"], "binary: no text: it has bytes of 0"),
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
        "x.warc: 4 bytes that belong to no record",
        "6 cannot be used",
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

const HTTP: &str = "application/http; msgtype=response";

/// A record with further fields.
pub(super) fn record(kind: &str, uri: &str, fields: &[&str], block: &str) -> Vec<u8> {
    let mut head = format!("WARC/1.1\r\nWARC-Type: {kind}\r\nWARC-Target-URI: {uri}\r\n");
    let given = |name: &str| fields.iter().any(|field| field.starts_with(name));
    for field in ["WARC-Date: 2024-03-01T10:00:00Z".to_owned(), format!("Content-Type: {HTTP}")] {
        if !given(field.split(':').next().unwrap()) {
            head += &format!("{field}\r\n");
        }
    }
    fields.iter().for_each(|field| head += &format!("{field}\r\n"));
    format!("{head}Content-Length: {}\r\n\r\n{block}\r\n\r\n", block.len()).into_bytes()
}

pub(super) fn page(title: &str) -> String {
    format!("HTTP/1.1 200 OK\r\nContent-Type: text/html\r\n\r\n<title>{title}</title>")
}

pub(super) fn imported(folder: &Path, records: &[Vec<u8>]) -> String {
    // Each record a gzip member, as archives are.
    fs::write(folder.join("x.warc.gz"), records.iter().map(|record| packed(record)).collect::<Vec<_>>().concat())
        .unwrap();
    done(folder, &["import", "x.warc.gz"]).1
}

/// The last part of each URL with its state and title.
fn states(folder: &Path) -> Vec<String> {
    let sql =
        "SELECT replace(u.url, 'http://a.example/', '') || ' ' || u.state || ' ' || coalesce(p.title, '-') AS state
               FROM urls u LEFT JOIN pages p ON p.url_id = u.id ORDER BY u.url";
    query(folder, "crawl.db", sql).lines().skip(1).map(str::to_owned).collect()
}

#[test]
fn no_record_is_lost_without_being_counted() {
    let folder = TempDir::new().unwrap();
    let folder = folder.path();
    let url = |path: &str| format!("http://a.example/{path}");
    let segment = ["WARC-Segment-Number: 1"];
    let said = imported(
        folder,
        &[
            record("warcinfo", "", &["Content-Type: application/warc-fields"], "software: x\r\n"),
            record("Response", &url("case"), &["Content-Type: Application/HTTP;msgtype=response"], &page("Case")),
            record("resource", &url("file"), &["Content-Type: text/html"], "<title>File</title>"),
            record("resource", "file:///etc/passwd", &["Content-Type: text/plain"], "x"),
            record("conversion", &url("converted"), &["Content-Type: text/plain"], "x"),
            record("response", "dns:a.example", &["Content-Type: text/dns"], "x"),
            record("response", &url("part"), &segment, &page("Part")),
            record("continuation", &url("part"), &["WARC-Segment-Number: 2"], "x"),
            record(
                "request",
                &url("case"),
                &["Content-Type: application/http;msgtype=request"],
                "GET / HTTP/1.1\r\n\r\n",
            ),
        ],
    );
    assert_eq!(states(folder), ["case done Case", "file done File"]);
    for words in [
        "2 fetches",
        "1 resource: this kind of record is left out",
        "1 conversion: this",
        "1 response that is not HTTP: this",
        "2 segment: this",
    ] {
        assert!(said.contains(words), "{words}: {said}");
    }
    assert!(!said.contains("request") && !said.contains("warcinfo"), "{said}");
    let (json, _) = done(folder, &["import", "--json", "x.warc.gz"]);
    let json: serde_json::Value = serde_json::from_str(&json).unwrap();
    let left_out = serde_json::json!({"warcinfo": 1, "request": 1, "resource": 1, "conversion": 1, "segment": 2,
                                      "response that is not HTTP": 1});
    assert_eq!((&json["left_out"], &json["counts"]["known"]), (&left_out, &2.into()), "{json}");
}

#[test]
fn a_revisit_is_a_fetch_with_the_payload_that_it_refers_to() {
    let folder = TempDir::new().unwrap();
    let folder = folder.path();
    let url = |path: &str| format!("http://a.example/{path}");
    let digest = "WARC-Payload-Digest: sha1:ABCDEFGH";
    let profile = "WARC-Profile: http://netpreserve.org/warc/1.1/revisit/identical-payload-digest";
    let head = "HTTP/1.1 200 OK\r\nContent-Type: text/html\r\n\r\n";
    let said = imported(
        folder,
        &[
            record("response", &url("0"), &["WARC-Record-ID: <urn:uuid:1>", digest], &page("Original")),
            record("revisit", &url("by-id"), &[profile, "WARC-Refers-To: <urn:uuid:1>"], head),
            record("revisit", &url("by-digest"), &[profile, "WARC-Payload-Digest: sha1:abcdefgh"], head),
            record("revisit", &url("by-url"), &["WARC-Refers-To-Target-URI: http://a.example/0"], ""),
            record(
                "revisit",
                &url("other-day"),
                &["WARC-Refers-To-Target-URI: http://a.example/0", "WARC-Refers-To-Date: 2020-01-01T00:00:00Z"],
                head,
            ),
            record(
                "revisit",
                &url("other-digest"),
                &["WARC-Refers-To: <urn:uuid:1>", "WARC-Payload-Digest: sha1:X"],
                head,
            ),
            record("revisit", &url("nothing"), &[profile], head),
        ],
    );
    let wanted = [
        "0 done Original",
        "by-digest done Original",
        "by-id done Original",
        "by-url done Original",
        "nothing queued -",
        "other-day queued -",
        "other-digest queued -",
    ];
    assert_eq!(states(folder), wanted, "{said}");
    assert!(said.contains("4 fetches, 7 new URLs"), "{said}");
    assert!(said.contains("3 revisit: what it refers to is in none of the files, queued"), "{said}");
    assert_eq!(query(folder, "crawl.db", "SELECT count(DISTINCT content_id) AS n FROM pages"), "n\r\n1\r\n");
    done(folder, &["doctor"]);
}

#[test]
fn not_modified_and_partial_answers_are_asked_for_again() {
    let folder = TempDir::new().unwrap();
    let folder = folder.path();
    let statuses = ["304 Not Modified", "206 Partial Content", "408 Late", "429 Slow", "503 Busy", "404 Not Found"];
    let records: Vec<Vec<u8>> = statuses
        .iter()
        .map(|status| {
            record(
                "response",
                &format!("http://a.example/{}", &status[..3]),
                &[],
                &format!("HTTP/1.1 {status}\r\n\r\n"),
            )
        })
        .collect();
    let said = imported(folder, &records);
    let wanted = ["206 queued -", "304 queued -", "404 failed -", "408 queued -", "429 queued -", "503 queued -"];
    assert_eq!(states(folder), wanted);
    assert!(said.contains("5 no answer of use, queued"), "{said}");
}

#[test]
fn dates_of_every_legal_form_and_bodies_without_an_end() {
    let folder = TempDir::new().unwrap();
    let folder = folder.path();
    let chunked =
        "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n6\r\n wor";
    let dated = |path: &str, date: &str, http: &str| {
        record("response", &format!("http://a.example/{path}"), &[&format!("WARC-Date: {date}")], http)
    };
    let said = imported(
        folder,
        &[
            dated("day", "2024-03-01", &page("Day")),
            dated("east", "2024-03-01T12:00:00+02:00", &page("East")),
            dated("fine", "2024-03-01T10:00:00.123456789Z", &page("Fine")),
            dated("never", "tomorrow", &page("Never")),
            dated("text", "2024", chunked),
        ],
    );
    assert!(said.contains("http://a.example/never: WARC-Date \"tomorrow\" is no date"), "{said}");
    assert!(said.contains("1 of them without the end of the body"), "{said}");
    let rows = query(folder, "crawl.db", "SELECT fetched_at FROM pages ORDER BY url");
    let wanted = [
        "2024-03-01T00:00:00.000Z",
        "2024-03-01T10:00:00.000Z",
        "2024-03-01T10:00:00.123Z",
        "2024-01-01T00:00:00.000Z",
    ];
    assert_eq!(rows.lines().skip(1).collect::<Vec<_>>(), wanted);
    let text = "SELECT t.text || ' ' || c.parse_cut AS t FROM texts t JOIN contents c ON c.id = t.content_id WHERE c.parse_cut IS NOT NULL";
    assert_eq!(query(folder, "crawl.db", text), "t\r\nhello wor size\r\n");
}

#[test]
fn credentials_in_a_file_are_not_stored() {
    let folder = TempDir::new().unwrap();
    let folder = folder.path();
    let page = page("Page");
    imported(folder, &[record("response", "https://me:S3CRET@a.example/warc", &[], &page)]);
    fs::write(folder.join("s.xml"), "<urlset><url><loc>https://me:S3CRET@a.example/map</loc></url></urlset>").unwrap();
    fs::write(folder.join("list.txt"), "https://me:S3CRET@a.example/list\nhttps://a.example/other\n").unwrap();
    let (_, said) = done(folder, &["import", "s.xml", "list.txt"]);
    assert!(
        said.contains("line 1: the seed for \"a.example\" names credentials") && !said.contains("S3CRET"),
        "{said}"
    );
    let seeds = query(folder, "crawl.db", "SELECT given FROM seeds ORDER BY id");
    assert_eq!(seeds, "given\r\nhttps://a.example/warc\r\nhttps://a.example/map\r\nhttps://a.example/other\r\n");
    for file in fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()) {
        if file.file_name().unwrap().to_string_lossy().starts_with("crawl.db") {
            assert!(!fs::read(&file).unwrap().windows(6).any(|bytes| bytes == b"S3CRET"), "{}", file.display());
        }
    }
}

/// Read by `import`, `crawl -i` and `add -i` alike.
#[test]
fn lists_are_read_the_same_way_everywhere() {
    let folder = TempDir::new().unwrap();
    let folder = folder.path();
    let utf_16 = "\u{feff}https://a.example/4\r\n".encode_utf16().flat_map(u16::to_le_bytes).collect::<Vec<u8>>();
    fs::write(folder.join("1.txt"), "https://a.example/1 # comment\rhttps://a.example/2\r\rhttps://a.example/3#part\r")
        .unwrap();
    fs::write(folder.join("2.txt"), utf_16).unwrap();
    let given = |db: &str| query(folder, db, "SELECT url FROM urls ORDER BY url");
    let wanted = "url\r\nhttps://a.example/1\r\nhttps://a.example/2\r\nhttps://a.example/3\r\nhttps://a.example/4\r\n";
    done(folder, &["import", "1.txt", "2.txt"]);
    assert_eq!(given("crawl.db"), wanted);
    fs::write(folder.join("0.txt"), "https://a.example/0\n").unwrap();
    done(folder, &["import", "--db", "add.db", "0.txt"]);
    done(folder, &["add", "--db", "add.db", "-i", "1.txt", "-i", "2.txt"]);
    assert_eq!(given("add.db"), wanted.replace("url\r\n", "url\r\nhttps://a.example/0\r\n"));
    let plan = run(sqrawl(folder).args(["crawl", "--dry-run", "--db", "none.db", "-i", "1.txt", "-i", "2.txt"]));
    let shown = plan.out.clone() + &plan.err;
    let seeds = "https://a.example/1 https://a.example/2 https://a.example/3 and 1 more";
    assert!(shown.contains(seeds), "{shown}");

    let refused = |args: &[&str]| {
        let Ran { code, err, .. } = run(sqrawl(folder).args(args));
        assert_eq!(code, Some(2), "{args:?}: {err}");
        err
    };
    let two = "https://a.example/\thttps://b.example/\n";
    for (name, bytes, words) in [
        ("two.txt", two.as_bytes(), "line 1: white space in it; a line has one URL"),
        ("x.wacz", b"PK\x03\x04...", "x.wacz: a zip file; unzip it first"),
        ("x.warc.zst", b"\x28\xb5\x2f\xfd...", "x.warc.zst: packed with zstd"),
        ("wide.txt", b"h\0t\0t\0p\0", "wide.txt: no text: it has bytes of 0"),
    ] {
        fs::write(folder.join(name), bytes).unwrap();
        for args in [
            &["import", "--db", "new.db", name][..],
            &["crawl", "--db", "new.db", "-i", name],
            &["add", "--db", "add.db", "-i", name],
        ] {
            let err = refused(args);
            assert!(err.contains(words), "{args:?}: {err}");
        }
    }
    fs::write(folder.join("page.html"), "<html><a href=x>x</a></html>").unwrap();
    assert!(
        refused(&["import", "--db", "new.db", "page.html"]).contains("page.html: it: neither a sitemap nor a feed")
    );
    assert!(refused(&["crawl", "--db", "new.db", "-i", "page.html"]).contains("page.html: XML or HTML and no list"));
    assert!(!folder.join("new.db").exists());
}

#[test]
fn an_import_into_a_complete_crawl_leaves_it_complete() {
    let folder = TempDir::new().unwrap();
    let folder = folder.path();
    let ended = "SELECT s.ended_by, r.ended_ms IS NOT NULL AS is_complete, (SELECT count(*) FROM rounds) AS rounds
                 FROM sessions s JOIN rounds r ON r.id = s.round_id ORDER BY s.id DESC LIMIT 1";
    let ended = |folder: &Path| query(folder, "crawl.db", ended).lines().nth(1).unwrap().to_owned();
    imported(folder, &[record("response", "http://a.example/1", &[], &page("One"))]);
    assert_eq!(ended(folder), "complete,1,1", "an archive without links leaves nothing to do");
    imported(folder, &[record("response", "http://a.example/2", &[], &page("Two"))]);
    assert_eq!(ended(folder), "complete,1,1");
    imported(folder, &[record("response", "http://a.example/3", &[], &(page("Three") + "<a href=/4>4</a>"))]);
    assert_eq!(ended(folder), "import,0,1", "a page is queued");
    let (said, _) = done(folder, &["status"]);
    assert!(said.contains("ended by import") && said.contains("sqrawl resume"), "{said}");
    done(folder, &["doctor"]);
}

#[cfg(unix)]
#[test]
fn an_interrupt_is_taken_in_the_first_pass_of_an_import() {
    use super::series::{listens_for_interrupts, wait_until};

    let folder = TempDir::new().unwrap();
    let folder = folder.path();
    let pipe = folder.join("list.txt");
    assert!(std::process::Command::new("mkfifo").arg(&pipe).status().unwrap().success());
    let mut command = sqrawl(folder);
    let child = command.args(["import", "list.txt"]).stderr(std::process::Stdio::piped()).spawn().unwrap();
    // A list without an end, as long as it is read; nobody waits for the thread, which may wait for a reader.
    std::thread::spawn(move || {
        while let Ok(mut list) = fs::OpenOptions::new().write(true).open(&pipe) {
            while writeln!(list, "https://a.example/{}", "x".repeat(1000)).is_ok() {}
        }
    });
    wait_until(|| listens_for_interrupts(&child));
    super::crawls::signal(&child, rustix::process::Signal::INT);
    let output = child.wait_with_output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(3), "{said}");
    assert!(said.contains("stopped by a signal; nothing was taken in"), "{said}");
    assert!(!folder.join("crawl.db").exists());
}

/// Dates were judged as if it were 1970: every dated URL was left out as one of a calendar without end.
#[test]
fn dated_urls_were_no_part_of_an_import() {
    let folder = TempDir::new().unwrap();
    let folder = folder.path();
    let urls =
        ["https://a.example/2024/05/01/post", "https://a.example/archive?date=2024-05-01", "https://a.example/about"];
    fs::write(folder.join("list.txt"), urls.join("\n")).unwrap();
    let (_, err) = done(folder, &["import", "list.txt"]);
    assert!(err.contains("3 new URLs") && !err.contains("left out"), "{err}");
    let said = imported(folder, &[record("response", "https://a.example/2025/01/02/post", &[], &page("Post"))]);
    assert!(said.contains("1 fetch,"), "{said}");
}

/// Of two types the last one counts, as it does in a crawl.
#[test]
fn the_last_of_two_content_types_counts_in_an_import() {
    let folder = TempDir::new().unwrap();
    let answer = "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Type: text/html\r\n\r\n<title>Two</title>";
    imported(folder.path(), &[record("response", "http://a.example/1", &[], answer)]);
    assert_eq!(states(folder.path()), ["1 done Two"]);
}

/// URLs that waited before those of an archive, because their time had come or an import that died had queued them, had its
/// answers counted as known, and lost.
#[test]
fn answers_are_taken_whatever_waits_before_them() {
    let folder = TempDir::new().unwrap();
    let (folder, site) = (folder.path(), broken_site());
    let archive = |name: &str| {
        let url = |n| format!("{site}{name}/{n}");
        let records = (0..3).map(|n| record("response", &url(n), &[], &page(&format!("{name} {n}"))));
        let path = format!("{name}.warc");
        fs::write(folder.join(&path), records.collect::<Vec<_>>().concat()).unwrap();
        path
    };
    let count = |sql: &str| query(folder, "x.db", sql).lines().nth(1).unwrap().to_owned();
    let (first, second) = (archive("first"), archive("second"));
    let crawl = ["crawl", site.as_str(), "--db", "x.db", "--delay", "0", "--max-duration", "1s", "-q"];
    let crawled = run(sqrawl(folder).args(crawl));
    assert_eq!(crawled.code, Some(0), "{}", crawled.err);
    assert_ne!(count("SELECT count(*) FROM urls WHERE url LIKE '%/bad/%' AND state = 'scheduled'"), "0");
    for dies in [&first, &second] {
        let died = run(sqrawl(folder).args(["import", dies, "--db", "x.db"]).env("SQRAWL_FAILPOINT", "settling/begin"));
        assert_eq!(died.code, None, "{}", died.err);
    }
    let due = "UPDATE urls SET due_ms = 1 WHERE state = 'scheduled'";
    assert!(Command::new("sqlite3").arg(folder.join("x.db")).arg(due).status().unwrap().success());
    for lives in [&second, &first] {
        let (_, err) = done(folder, &["import", lives, "--db", "x.db"]);
        assert!(err.contains("3 fetches") && !err.contains("visited before"), "{err}");
    }
    let (_, err) = done(folder, &["import", &first, "--db", "x.db"]);
    assert!(err.contains("0 fetches") && err.contains("3 visited before"), "{err}");
    assert_eq!(count("SELECT count(*) FROM pages WHERE url LIKE '%/first/%' OR url LIKE '%/second/%'"), "6");
    done(folder, &["doctor", "--db", "x.db"]);
}

/// A site whose first page names nine that answer with 500.
fn broken_site() -> String {
    let links: String = (0..9).map(|n| format!("<a href=/bad/{n}>{n}</a>")).collect();
    site(move |path| match path {
        "/" => ("200 OK", String::new(), links.clone()),
        "/robots.txt" => ("404 None", String::new(), String::new()),
        _ => ("500 Broken", String::new(), String::new()),
    })
}

/// A site that answers with status, further header lines and body. Its URL ends with `/`.
pub(super) fn site(answer: impl Fn(&str) -> (&'static str, String, String) + Send + 'static) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let seed = format!("http://{}/", listener.local_addr().unwrap());
    std::thread::spawn(move || {
        for mut stream in listener.incoming().map_while(Result::ok) {
            let mut head = BufReader::new(&stream).lines().map_while(Result::ok).take_while(|line| !line.is_empty());
            let asked = head.next().unwrap_or_default();
            head.for_each(drop);
            let (status, fields, body) = answer(asked.split(' ').nth(1).unwrap_or_default());
            let head =
                format!("HTTP/1.1 {status}\r\n{fields}Content-Type: text/html\r\nContent-Length: {}\r\n", body.len());
            let _ = stream.write_all(format!("{head}Connection: close\r\n\r\n{body}").as_bytes());
        }
    });
    seed
}
