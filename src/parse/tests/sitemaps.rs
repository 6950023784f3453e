//! Sitemaps of every form, whole and broken.

use std::fmt::Write as _;
use std::io::Write as _;

use flate2::Compression;
use flate2::write::GzEncoder;
use proptest::prelude::*;

use crate::model::{CrawlUrl, LinkKind, Page, ParseCut, SitemapEntry};
use crate::parse::{BodyFacts, ParseLimits, parse};

const XML: &str = "application/xml";

/// Parses a body served at `path` with this media type.
fn served(body: &[u8], content_type: Option<&str>, path: &str, is_sitemap: bool) -> Page {
    let url = CrawlUrl::stored(&format!("https://example.com{path}")).expect("a canonical URL");
    let facts = BodyFacts { url: &url, content_type, agent: "sqrawl", is_sitemap, truncated: false };
    parse(body, facts, &ParseLimits::default(), &mut || false)
}

fn xml(body: &str) -> Page {
    served(body.as_bytes(), Some(XML), "/map", false)
}

fn gz(plain: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(plain).unwrap();
    encoder.finish().unwrap()
}

fn hrefs(page: &Page) -> Vec<&str> {
    page.links.iter().map(|link| link.href.as_str()).collect()
}

/// The addresses of a sitemap, in order.
#[track_caller]
fn check(body: &str, expected: &[&str]) {
    let page = xml(body);
    assert_eq!(hrefs(&page), expected, "{body}");
    assert!(page.links.iter().enumerate().all(|(at, link)| link.position as usize == at));
    assert_eq!((page.cut, page.links_cut, page.text), (None, 0, None), "{body}");
}

#[test]
fn what_an_entry_says() {
    let page = xml("<?xml version='1.0' encoding='UTF-8'?>\n<!-- made by hand -->\n\
        <urlset xmlns='http://www.sitemaps.org/schemas/sitemap/0.9'>\n\
        <url><loc> https://example.com/a?b=1&amp;c=2 </loc><lastmod>2026-11-01T10:00:00+01:00</lastmod>\
        <changefreq>Daily</changefreq><priority>0.8</priority></url>\n\
        <url><priority>1.5</priority><changefreq>often</changefreq><lastmod>last week</lastmod>\
        <loc><![CDATA[https://example.com/b]]></loc></url>\n\
        <url><loc>https://example.com/c</loc><priority>NaN</priority><lastmod>2026</lastmod></url></urlset>");
    let entries: Vec<_> =
        page.links.iter().map(|link| (link.kind, &*link.href, *link.entry.clone().unwrap())).collect();
    let full = SitemapEntry {
        lastmod: Some("2026-11-01T10:00:00+01:00".to_owned()),
        priority: Some(0.8),
        changefreq: Some("daily".to_owned()),
        is_sitemap: false,
    };
    let year = SitemapEntry { lastmod: Some("2026".to_owned()), ..SitemapEntry::default() };
    assert_eq!(
        entries,
        [
            (LinkKind::Sitemap, "https://example.com/a?b=1&c=2", full),
            (LinkKind::Sitemap, "https://example.com/b", SitemapEntry::default()),
            (LinkKind::Sitemap, "https://example.com/c", year),
        ]
    );
    assert_eq!((page.mime.as_str(), page.charset.as_deref()), (XML, Some("utf-8")));
}

#[test]
fn an_index_names_sitemaps() {
    let page = xml("<sitemapindex><sitemap><loc>/1.xml</loc><lastmod>2026-01-01</lastmod></sitemap>\
                    <sitemap><loc>/2.xml.gz</loc></sitemap><url><loc>/no</loc></url></sitemapindex>");
    assert_eq!(hrefs(&page), ["/1.xml", "/2.xml.gz"]);
    assert!(page.links.iter().all(|link| link.entry.as_ref().is_some_and(|entry| entry.is_sitemap)));
    assert_eq!(page.links[0].entry.as_ref().and_then(|entry| entry.lastmod.as_deref()), Some("2026-01-01"));
}

#[test]
fn namespaces_or_none() {
    for (open, p) in [("<urlset", ""), ("<urlset xmlns='x'", ""), ("<sm:urlset xmlns:sm='x'", "sm:"), ("<URLSET", "")] {
        let body = format!("{open}><{p}url><{p}loc>/a</{p}loc></{p}url></{p}urlset>");
        check(&body, &["/a"]);
    }
    check(
        "<sm:urlset><url><loc>/no</loc></url><sm:url><loc>/no</loc><sm:loc>/a</sm:loc></sm:url></sm:urlset>",
        &["/a"],
    );
}

#[test]
fn other_vocabularies_are_passed_over_but_alternates_count() {
    check(
        "<urlset><url><loc>/a</loc><image:image><image:loc>/i.jpg</image:loc></image:image>\
         <video:video><video:content_loc>/v</video:content_loc></video:video>\
         <image xmlns='x'><loc>/i2.jpg</loc></image><news:news><loc>/n</loc></news:news></url></urlset>",
        &["/a"],
    );
    let page = xml("<urlset>\
        <url><loc>/en</loc><xhtml:link rel='alternate' hreflang='de' href='/de'/><xhtml:link rel='alternate' href='/en'/></url>\
        <url><loc>/de</loc><xhtml:link rel='alternate' href='/de'/><xhtml:link rel='alternate' href='/en'></xhtml:link>\
        <xhtml:link rel='canonical' href='/no'/></url></urlset>");
    let found: Vec<_> = page.links.iter().map(|link| (link.kind, &*link.href, link.entry.is_some())).collect();
    assert_eq!(
        found,
        [
            (LinkKind::Alternate, "/de", false),
            (LinkKind::Alternate, "/en", false),
            (LinkKind::Sitemap, "/en", true),
            (LinkKind::Sitemap, "/de", true)
        ]
    );
}

#[test]
fn bad_xml_gives_what_can_be_read() {
    check("<urlset><url><loc>/a?b&c</loc></url></urlset>", &["/a?b&c"]);
    check("<urlset><url><loc>/a&nbsp;b&#228;&unknown;</loc></url>", &["/a\u{a0}bä&unknown;"]);
    check("<urlset><url><loc>/a</loc></url><url><loc>/b</loc>", &["/a", "/b"]);
    check("<urlset><url><loc>/a</loc></url><url><loc>/b", &["/a"]);
    check("<urlset><url><loc>/a</loc></url><url><loc>/b</lo", &["/a"]);
    check("<urlset><url><loc>/a</lo></url><url><loc>/b</loc></url>", &["/a", "/b"]);
    check("<urlset><url><loc>/a<lastmod>2026</lastmod></url><url><loc>/b</loc></url>", &["/a", "/b"]);
    check(
        "<urlset><url><loc>/a</loc><url><loc>/b</loc></urlset></urlset><url><loc>/c</loc></url>",
        &["/a", "/b", "/c"],
    );
    check("<urlset><url><loc>/a</url></loc><url><loc>/b<x></url></urlset>", &["/a", "/b"]);
    check("<urlset><url></loc></x></url><url><x><loc>/no</loc></x><loc>/a</loc></url>", &["/a"]);
    check("<urlset><url><x></url><url><loc>/a</loc></url>", &["/a"]);
    check(
        "<urlset><!x><url><loc>/a</loc></url><!-- -- <url><loc>/no</loc></url> --><url><loc>/b</loc></url>",
        &["/a", "/b"],
    );
    check("<urlset><url><loc>/a</loc><loc>/second</loc></url><url><loc></loc></url><url/></urlset>", &["/a"]);
    check("<urlset><url><loc>/a</loc><loc/></url></urlset>", &["/a"]);
    check("\n\n <urlset><url><loc>\n/a\n</loc></url></urlset> trailing", &["/a"]);
    check("<urlset><url><loc>/a\0b</loc></url></urlset>", &["/ab"]);
    check("<urlset/>", &[]);
    let quote = format!("<urlset><url x=\"><loc>/lost</loc></url>{}<url><loc>/kept</loc></url>", " ".repeat(100_000));
    check(&quote, &["/kept"]);
}

#[test]
fn nothing_that_a_document_type_declares_is_expanded() {
    check(
        "<!DOCTYPE urlset SYSTEM 'http://evil.example/x.dtd' [<!ENTITY a '/x'><!ENTITY b SYSTEM 'file:///etc/passwd'>\
         <!ENTITY c '&a;&a;&a;&a;'>]><urlset><url><loc>/1&a;&c;</loc></url><url><loc>&b;</loc></url></urlset>",
        &["/1&a;&c;", "&b;"],
    );
    let mut laughs = String::from("<!DOCTYPE lolz [<!ENTITY l0 'lol'>");
    for n in 1..10 {
        let _ = write!(laughs, "<!ENTITY l{n} '{}'>", format!("&l{};", n - 1).repeat(10));
    }
    check(&(laughs + "]><urlset><url><loc>/&l9;</loc></url></urlset>"), &["/&l9;"]);
}

#[test]
fn charsets_and_wrong_declarations() {
    let body = "<urlset><url><loc>/ü</loc></url></urlset>";
    let wide = |to: fn(u16) -> [u8; 2]| body.encode_utf16().flat_map(to).collect::<Vec<u8>>();
    let latin1 = encoding_rs::WINDOWS_1252.encode(body).0;
    let declared = |encoding: &str| format!("<?xml version='1.0' encoding='{encoding}'?>").into_bytes();
    for (body, content_type) in [
        (body.as_bytes().to_vec(), XML),
        ([b"\xef\xbb\xbf", body.as_bytes()].concat(), XML),
        ([b"\xff\xfe", &*wide(u16::to_le_bytes)].concat(), XML),
        ([b"\xfe\xff", &*wide(u16::to_be_bytes)].concat(), "application/xml; charset=utf-8"),
        (wide(u16::to_le_bytes), "application/xml; charset=utf-16le"),
        ([&*declared("iso-8859-1"), &*latin1].concat(), XML),
        (latin1.to_vec(), "text/xml; charset=iso-8859-1"),
        ([&*declared("utf-16"), body.as_bytes()].concat(), XML),
        ([&*declared("no-such-thing"), body.as_bytes()].concat(), "application/xml; charset=utf-16"),
        (gz(&[&*declared("iso-8859-1"), &*latin1].concat()), "application/gzip"),
        (gz(&[b"\xff\xfe", &*wide(u16::to_le_bytes)].concat()), "application/xml; charset=utf-8"),
    ] {
        let page = served(&body, Some(content_type), "/map", false);
        assert_eq!(hrefs(&page), ["/ü"], "{content_type} {:?}", String::from_utf8_lossy(&body));
    }
}

#[test]
fn the_root_decides_whatever_the_type_says() {
    let map = b"<?xml version='1.0'?><urlset><url><loc>/a</loc></url></urlset>";
    let packed = gz(map);
    let page = |body: &[u8], content_type: Option<&str>, path: &str, named: bool| {
        served(body, content_type, path, named).links.iter().filter(|link| link.kind == LinkKind::Sitemap).count()
    };
    for content_type in
        ["text/xml", XML, "application/foo+xml", "text/plain; charset=utf-8", "application/octet-stream"]
    {
        assert_eq!(page(map, Some(content_type), "/x", false), 1, "{content_type}");
    }
    for content_type in
        ["application/gzip", "application/x-gzip", "application/octet-stream", XML, "text/plain;charset=x"]
    {
        assert_eq!(page(&packed, Some(content_type), "/x", false), 1, "{content_type}");
    }
    assert_eq!((page(map, None, "/x", false), page(&packed, None, "/x", false)), (1, 1));
    for content_type in ["text/html", "application/xhtml+xml"] {
        assert_eq!(page(map, Some(content_type), "/x", false), 0, "HTML is believed");
        assert_eq!(page(map, Some(content_type), "/x", true), 1, "unless it is named as a sitemap");
        assert_eq!(page(map, Some(content_type), "/Sitemap-1.xml", false), 1, "or names itself one");
    }
    assert_eq!(page(map, Some("image/png"), "/x", true), 0);
    assert_eq!(page(&packed, Some("image/png"), "/sitemap.xml.gz", false), 1);
    assert_eq!(page(b"<html><urlset><url><loc>/a</loc></url></urlset>", Some(XML), "/x", false), 0);
    assert_eq!(page(b"<br>Warning: x<urlset><url><loc>/a</loc></url></urlset>", Some(XML), "/x", true), 1);
    for content_type in [XML, "text/plain", "text/html", "application/octet-stream"] {
        let text_first = |noise: usize| {
            format!("Warning: x\n{}<urlset><url><loc>/a</loc></url></urlset>", "x\n".repeat(noise)).into_bytes()
        };
        assert_eq!(page(&text_first(0), Some(content_type), "/x", true), 1, "{content_type}");
        assert_eq!(page(&text_first(0), Some(content_type), "/x", false), 0, "{content_type}");
        assert_eq!(page(&text_first(50_000), Some(content_type), "/x", true), 0, "{content_type}");
    }
    let html = served(b"<!doctype html><title>404</title><a href=/b>b</a>", Some("text/html"), "/sitemap.xml", true);
    assert_eq!((html.title.as_deref(), hrefs(&html)), (Some("404"), vec!["/b"]), "a page stays a page");
}

#[test]
fn text_sitemaps() {
    let list = "https://example.com/a\r\n\n  HTTP://example.com/b \n# no\n/c\nftp://example.com/d\nhttps://x y\nhttps://example.com/e";
    let expected = ["https://example.com/a", "HTTP://example.com/b", "https://example.com/e"];
    for (body, content_type, path, named) in [
        (list.as_bytes().to_vec(), Some("text/plain"), "/list", true),
        (list.as_bytes().to_vec(), Some("text/plain; charset=utf-8"), "/sitemap.txt", false),
        (list.as_bytes().to_vec(), None, "/sitemaps/1.txt", false),
        (gz(list.as_bytes()), Some("application/gzip"), "/sitemap.txt.gz", false),
        ([b"\xef\xbb\xbf", list.as_bytes()].concat(), Some("text/plain; charset=x"), "/sitemap.txt", false),
    ] {
        let page = served(&body, content_type, path, named);
        assert_eq!((hrefs(&page), page.text.as_deref()), (expected.to_vec(), None), "{content_type:?} {path}");
    }
    let prose = served(list.as_bytes(), Some("text/plain; charset=utf-8"), "/list.txt", false);
    assert_eq!((prose.links.len(), prose.text.as_deref()), (0, Some(list)), "a text that nobody calls a sitemap");
    let late = format!("{}{list}", "noise\n".repeat(11_000));
    assert_eq!(served(late.as_bytes(), Some("text/plain"), "/sitemap.txt", true).links.len(), 0, "noise first");
    let empty = served(b"Not found\n", Some("text/plain; charset=utf-8"), "/sitemap.txt", true);
    assert_eq!(empty.text.as_deref(), Some("Not found\n"));
}

#[test]
fn an_address_that_was_cut_off_is_none() {
    let list = (0..20_000).fold(String::new(), |all, n| all + &format!("https://example.com/{}\n", n * 7919 % 10_007));
    let known: Vec<&str> = list.lines().collect();
    let packed = gz(list.as_bytes());
    let cut = [(&list.as_bytes()[..list.len() - 2], true), (&packed[..packed.len() / 2], false), (&packed[..], true)];
    for (body, truncated) in cut {
        let url = CrawlUrl::stored("https://example.com/sitemap.txt").unwrap();
        let facts =
            BodyFacts { url: &url, content_type: Some("text/plain"), agent: "sqrawl", is_sitemap: true, truncated };
        let page = parse(body, facts, &ParseLimits::default(), &mut || false);
        let found = hrefs(&page);
        assert!(found.len() > 5_000 && found == known[..found.len()], "{:?}", found.last());
    }
    // Whole, it may end without a line break.
    let page = served(list.trim_end().as_bytes(), Some("text/plain"), "/sitemap.txt", true);
    assert_eq!(page.links.len(), known.len());
}

#[test]
fn entries_beyond_the_cap_are_counted() {
    let many = |n: usize, entry: &dyn Fn(usize) -> String| {
        (0..n).fold("<urlset>".to_owned(), |all, n| all + &entry(n)) + "</urlset>"
    };
    let page = xml(&many(50_010, &|n| format!("<url><loc>/{n}</loc></url>")));
    assert_eq!((page.links.len(), page.links_cut, page.cut), (50_000, 10, Some(ParseCut::Links)));
    let page = xml(&many(30_000, &|n| {
        format!(
            "<url><loc>/{n}</loc><xhtml:link rel='alternate' href='/{n}/de'/><xhtml:link rel='alternate' href='/{n}/fr'/></url>"
        )
    }));
    let alternates = page.links.iter().filter(|link| link.kind == LinkKind::Alternate).count();
    assert_eq!((page.links.len(), alternates, page.links_cut), (80_000, 50_000, 10_000));
    let long = "x".repeat(15_000);
    let page = xml(&many(2000, &|n| format!("<url><loc>/{n}/{long}</loc></url>")));
    assert!(page.links.iter().map(|link| link.href.len()).sum::<usize>() <= 16 << 20);
    assert_eq!((page.links.len() + page.links_cut as usize, page.cut), (2000, Some(ParseCut::Links)));
    let page = xml(&format!("<urlset><url><loc>/{}</loc></url><url><loc>/a</loc></url></urlset>", "x".repeat(20_000)));
    assert_eq!((hrefs(&page), page.links_cut, page.cut), (vec!["/a"], 1, Some(ParseCut::Size)));
    let list = (0..50_001).fold(String::new(), |all, n| all + &format!("https://example.com/{n}\n"));
    let page = served(list.as_bytes(), Some("text/plain"), "/sitemap.txt", false);
    assert_eq!((page.links.len(), page.links_cut, page.cut), (50_000, 1, Some(ParseCut::Links)));
}

#[test]
fn bombs_end_at_their_limit() {
    let mut bomb = b"<urlset><url><loc>/a</loc></url>".to_vec();
    bomb.resize(60 << 20, b' ');
    bomb.extend(b"<url><loc>/b</loc></url></urlset>");
    let page = served(&gz(&bomb), Some("application/gzip"), "/sitemap.xml.gz", true);
    assert_eq!((hrefs(&page), page.cut), (vec!["/a"], Some(ParseCut::Size)));
    let nested = served(&gz(&gz(b"<urlset><url><loc>/a</loc></url></urlset>")), Some("application/gzip"), "/x", true);
    assert_eq!((nested.links.len(), nested.cut), (0, None), "one layer is undone");
}

#[test]
fn hostile_sitemaps_are_read_in_linear_time() {
    for (body, entries) in [
        ("<url>".repeat(1 << 18), 0),
        ("<url><loc>".repeat(1 << 17), 0),
        ("<url><loc>x".repeat(1 << 17) + "</loc></url>", 1),
        ("<".repeat(4 << 18), 0),
        ("<!x>".repeat(1 << 18), 0),
        ("<!--".repeat(1 << 18), 0),
        ("<![CDATA[".repeat(1 << 17), 0),
        ("<!DOCTYPE x [".repeat(1 << 16), 0),
        ("&".repeat(4 << 18), 0),
        ("<url><loc>/&amp;".repeat(1 << 16) + "</loc>", 1),
        (format!("<url {}>", "a='b' ".repeat(1 << 17)), 0),
    ] {
        let page = xml(&format!("<urlset>{body}"));
        assert_eq!(page.links.len(), entries, "{body:.40}");
    }
}

#[test]
fn what_has_the_room_of_a_sitemap_and_is_none_is_too_big() {
    let limits = ParseLimits { max_page_bytes: 50, ..ParseLimits::default() };
    let url = CrawlUrl::stored("https://example.com/sitemap.xml").unwrap();
    let long = |text: &str| text.repeat(20);
    for (body, content_type, truncated, too_big) in [
        (long("<urlset><url><loc>/1</loc>"), XML, true, false),
        (long("http://example.com/1\n"), "text/plain", false, false),
        (long("<p>x"), "text/html", false, true),
        (long("noise"), "text/plain", false, true),
        (long("\0\u{1}\u{2}"), "image/png", false, true),
        (long("<x/>"), XML, false, true),
        ("<p>x".to_owned(), "text/html", true, true),
        ("<p>x".to_owned(), "text/html", false, false),
    ] {
        let facts =
            BodyFacts { url: &url, content_type: Some(content_type), agent: "sqrawl", is_sitemap: true, truncated };
        let page = parse(body.as_bytes(), facts, &limits, &mut || false);
        assert_eq!(page.too_big, too_big, "{content_type} {body}");
        assert!(!too_big || (page.text.is_none() && page.links.is_empty()), "{body}");
    }
}

#[test]
fn a_deadline_keeps_what_was_read() {
    let body = (0..20_000).fold("<urlset>".to_owned(), |all, n| all + &format!("<url><loc>/{n}</loc></url>"));
    let url = CrawlUrl::stored("https://example.com/").unwrap();
    let facts = BodyFacts { url: &url, content_type: Some(XML), agent: "sqrawl", is_sitemap: false, truncated: false };
    let mut asked = 0;
    let page = parse(body.as_bytes(), facts, &ParseLimits::default(), &mut || {
        asked += 1;
        asked == 3
    });
    assert_eq!(page.cut, Some(ParseCut::Time));
    assert!((1000..5000).contains(&page.links.len()), "{}", page.links.len());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn any_soup_is_data(
        body in "(<urlset>|<sitemapindex>|<url>|</url>|<loc>|</loc>|<sitemap>|<lastmod|&amp;|&#|<!\\[CDATA\\[|\\]\\]>|<!--|-->|[ -~]|\\PC|\u{0}){0,120}",
        named: bool,
        packed: bool,
    ) {
        let body = format!("<urlset>{body}");
        let bytes = if packed { gz(body.as_bytes()) } else { body.into_bytes() };
        let page = served(&bytes, Some(XML), "/x", named);
        prop_assert!(page.links.iter().all(|link| !link.href.contains('\0') && link.href.trim() == link.href));
        prop_assert_eq!(page.cut, None);
    }

    #[test]
    fn what_a_well_formed_sitemap_names_is_found(paths in prop::collection::vec("/[a-z0-9?=&<>'\"]{0,12}", 0..40)) {
        let escaped = |path: &String| path.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;");
        let body = paths.iter().fold("<urlset>".to_owned(), |all, path| all + &format!("<url><loc>{}</loc></url>", escaped(path)));
        let page = xml(&(body + "</urlset>"));
        prop_assert_eq!(hrefs(&page), paths.iter().map(String::as_str).collect::<Vec<_>>());
    }
}
