//! What a page says, by example.

use proptest::prelude::*;

use super::{html, parsed, parsed_by};
use crate::model::{Page, ParseCut, Parser};
use crate::parse::ParseLimits;

fn text_of(body: &str) -> String {
    html(body).text.expect("HTML has text")
}

#[test]
fn plain_text_reads_as_shown() {
    for (body, expected) in [
        ("<p>One <b>two</b>\n three<p>Four", "One two three\nFour"),
        ("a<br>b<br><br>c<hr>d", "a\nb\nc\nd"),
        ("<div><div>  x  </div></div>y", "x\ny"),
        ("<table><tr><th>a<th>b<tr><td>1<td><p>2</p></table>", "a\tb\n1\n2"),
        ("<ul><li>a<li>b</ul>c", "a\nb\nc"),
        ("<pre>fn x()\n    y;\n</pre>z", "fn x()\n    y;\nz"),
        ("a&nbsp;b \u{3000} c", "a b c"),
        ("f<i>oo</i>bar", "foobar"),
        ("<title>T</title><script>s</script><style>s</style><p>x<template><p>t</template>", "x"),
        ("<noscript><p>shown</p></noscript>", "shown"),
        ("<p hidden>no</p><p hidden=until-found>yes</p>", "yes"),
        ("<div><template shadowrootmode=open><p>shadow</p></template>light</div>", "shadow\nlight"),
        ("<video>no</video><canvas>no</canvas><object>yes</object><iframe>no</iframe>", "yes"),
        ("<svg><title>no</title><text>yes</text></svg>", "yes"),
        ("<math><semantics><mi>x</mi><annotation>no</annotation></semantics></math>", "x"),
        ("<select><option>a<option>b</select>", "a\nb"),
        ("<ruby>漢<rp>(</rp><rt>kan</rt><rp>)</rp></ruby>", "漢kan"),
        ("", ""),
    ] {
        assert_eq!(text_of(body), expected, "{body}");
    }
}

#[test]
fn words_are_counted_between_white_space() {
    for (body, words) in [("", 0), ("one", 1), ("<p>one<p>two three", 3), ("吾輩は猫である", 1), ("a - b", 3)] {
        assert_eq!(html(body).words, Some(words), "{body}");
    }
}

#[test]
fn title_and_description() {
    for (body, title, description) in [
        ("<title> A \n &amp; B </title>", Some("A & B"), None),
        ("<svg><title>no</title></svg><title>yes</title>", Some("yes"), None),
        ("<title>first</title><title>second</title>", Some("first"), None),
        ("<title> </title>", None, None),
        ("<p>x<title>in body</title>", Some("in body"), None),
        ("<meta name=Description content=' d \n e '><meta name=description content=f>", None, Some("d e")),
        ("<meta name=description content=''><meta name=description content=f>", None, Some("f")),
        ("<template><title>no</title><meta name=description content=no></template>", None, None),
    ] {
        let page = html(body);
        assert_eq!((page.title.as_deref(), page.description.as_deref()), (title, description), "{body}");
    }
}

#[test]
fn headings_in_order() {
    let page = html("<h1>A <b>b</b></h1><h3> <a href=x>C</a>\n</h3><h2></h2><h6><p>D</p>e</h6><h2 hidden>no</h2>");
    let headings: Vec<_> = page.headings.iter().map(|(level, text)| (*level, text.as_str())).collect();
    assert_eq!(headings, [(1, "A b"), (3, "C"), (6, "D e")]);
    let many = html(&"<h2>x</h2>".repeat(300));
    assert_eq!(many.headings.len(), 200);
    let long = html(&format!("<h1>{}</h1>", "ä".repeat(300)));
    assert_eq!(long.headings[0].1.chars().count(), 256);
}

#[test]
fn language_stated_or_detected() {
    let german = "Der Hund lief über die Straße, weil er auf der anderen Seite eine Katze gesehen hatte.";
    for (body, lang) in [
        ("<html lang=pt_BR><p>x".to_owned(), Some("pt-br")),
        ("<html xml:lang=fr><p>x".to_owned(), Some("fr")),
        (format!("<html lang=''><p>{german}"), Some("de")),
        (format!("<p>{german}"), Some("de")),
        (format!("<html lang=nl><p>{german}"), Some("nl")),
        ("<p>404".to_owned(), None),
    ] {
        assert_eq!(html(&body).lang.as_deref(), lang, "{body}");
    }
}

#[test]
fn robots_and_base() {
    let page = html(
        "<base target=_top><base href=' /b/ '><base href=/c/><meta name=ROBOTS content='noindex, noarchive'>\
         <meta name=googlebot content=none><meta name=Sqrawl content=nofollow>",
    );
    assert_eq!(page.meta_robots.as_deref(), Some("noindex, noarchive, nofollow"));
    assert_eq!(page.base.as_deref(), Some("/b/"));
    let none = html("<p>x");
    assert_eq!((none.meta_robots, none.base), (None, None));
}

#[test]
fn structured_data() {
    let page = html(
        "<meta property='og:title' content='A &amp; B'><meta name=og:type content=article><meta property=og:image content=/1>\
         <meta property='og:image' content='/2'><meta name=twitter:card content=summary><meta property=x:y content=no>\
         <meta property=og:description content='D' name=description>\
         <script type='application/ld+json'>{\"@type\": \"Article\", \"name\": \"a &amp; <b>\"}</script>\
         <script>{\"no\": 1}</script><script type=application/ld+json>{broken</script>\
         <template><script type=application/ld+json>{\"no\": 2}</script><meta property=og:url content=no></template>\
         <svg><script type=application/ld+json>{\"no\": 3}</script></svg><noscript><meta property=og:site_name content=N></noscript>",
    );
    let graph = "{\"og:title\":\"A & B\",\"og:type\":\"article\",\"og:image\":[\"/1\",\"/2\"],\"twitter:card\":\"summary\",\
                 \"og:description\":\"D\",\"og:site_name\":\"N\"}";
    assert_eq!(page.open_graph.as_deref(), Some(graph));
    assert_eq!(page.json_ld.as_deref(), Some("[{\"@type\":\"Article\",\"name\":\"a &amp; <b>\"},\"{broken\"]"));
    assert_eq!((page.description.as_deref(), page.cut), (Some("D"), None));
    let many = html(&"<script type=application/ld+json>{}</script>".repeat(100));
    assert_eq!((many.json_ld.map(|json| json.matches("{}").count()), many.cut), (Some(64), Some(ParseCut::Size)));
    let none = html("<p>x");
    assert_eq!((none.json_ld, none.open_graph), (None, None));
}

#[test]
fn charsets_reach_the_text() {
    let limits = ParseLimits::default();
    let umlauts = "<title>Grüße</title>";
    let latin1 = encoding_rs::WINDOWS_1252.encode(umlauts).0;
    let declared = [b"<meta charset=iso-8859-1>".as_slice(), &latin1].concat();
    let utf16: Vec<u8> = umlauts.encode_utf16().flat_map(u16::to_be_bytes).collect();
    let with_bom = [b"\xef\xbb\xbf".as_slice(), umlauts.as_bytes()].concat();
    for (body, content_type, charset) in [
        (umlauts.as_bytes(), "text/html", "utf-8"),
        (&with_bom, "text/html; charset=latin1", "utf-8"),
        (&latin1, "text/html; charset=latin1", "windows-1252"),
        (&declared, "text/html", "windows-1252"),
        (&utf16, "text/html; charset=utf-16be", "utf-16be"),
    ] {
        let page = parsed(body, Some(content_type), &limits);
        assert_eq!(page.charset.as_deref(), Some(charset), "{content_type}");
        assert_eq!(page.title.as_deref(), Some("Grüße"), "{content_type}");
    }
    let broken = parsed(b"<title>a\xffb</title>", Some("text/html; charset=utf-8"), &limits);
    assert_eq!(broken.title.as_deref(), Some("a\u{fffd}b"));
}

#[test]
fn other_types_get_what_they_have() {
    let limits = ParseLimits::default();
    for (content_type, body, mime, charset, text) in [
        (Some("text/plain"), &b"a\0 <b>\r\nc"[..], "application/octet-stream", None, None),
        (Some("text/plain;charset=utf-8"), b"a\0 <b>\r\nc", "text/plain", Some("utf-8"), Some("a <b>\r\nc")),
        (Some("text/markdown"), b"# x", "text/markdown", Some("utf-8"), Some("# x")),
        (Some("text/csv"), b"a,b", "text/csv", Some("utf-8"), Some("a,b")),
        (Some("text/css"), b"a{}", "text/css", Some("utf-8"), None),
        (Some("application/json"), b"{}", "application/json", Some("utf-8"), None),
        (Some("application/rss+xml"), b"<?xml encoding='gbk'?>", "application/rss+xml", Some("gbk"), None),
        (Some("application/pdf"), b"%PDF-", "application/pdf", None, None),
        (None, b"<!doctype html><a href=x>", "text/html", Some("utf-8"), Some("")),
        (None, b"\x89PNG\r\n\x1a\n", "image/png", None, None),
    ] {
        let page = parsed(body, content_type, &limits);
        let found = (page.mime.as_str(), page.charset.as_deref(), page.text.as_deref());
        assert_eq!(found, (mime, charset, text), "{content_type:?}");
        assert_eq!(page.links.len(), usize::from(mime == "text/html"));
    }
}

#[test]
fn the_same_body_as_another_type_is_another_content() {
    let limits = ParseLimits::default();
    let hash = |content_type| parsed(b"<p>x", Some(content_type), &limits).hash;
    assert_eq!(hash("text/html"), hash("text/html; charset=utf-8"));
    assert_ne!(hash("text/html"), hash("text/html; charset=latin1"));
    assert_ne!(hash("text/html"), hash("text/plain;charset=utf-8"));
}

#[test]
fn long_values_are_cut_and_say_so() {
    let limits = ParseLimits { max_text_bytes: 5, ..ParseLimits::default() };
    let long = "x".repeat(5000);
    for (body, cut) in [
        (format!("<title>{long}</title>"), true),
        (format!("<meta name=description content={long}>"), true),
        ("<p>ääää".to_owned(), true),
        ("<p>ä ä".to_owned(), false),
    ] {
        let page = parsed(body.as_bytes(), Some("text/html; charset=utf-8"), &limits);
        assert_eq!(page.cut, cut.then_some(ParseCut::Size), "{body:.40}");
        assert!(page.title.unwrap_or_default().len() <= 1024);
        assert!(page.description.unwrap_or_default().len() <= 2048);
        assert!(page.text.unwrap_or_default().len() <= 5);
    }
    let plain = parsed("ääää".as_bytes(), Some("text/markdown"), &limits);
    assert_eq!((plain.text.as_deref(), plain.cut), (Some("ää"), Some(ParseCut::Size)));
}

/// Every string of a page.
fn strings(page: &Page) -> Vec<&str> {
    let mut all: Vec<&str> = vec![&page.mime];
    let single = [&page.charset, &page.title, &page.description, &page.lang, &page.text, &page.base, &page.meta_robots];
    all.extend(single.into_iter().flatten().map(String::as_str));
    all.extend(page.headings.iter().map(|(_, text)| text.as_str()));
    all.extend(page.links.iter().flat_map(|link| [Some(link.href.as_str()), link.anchor.as_deref()]).flatten());
    all
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn any_bytes_give_a_page_without_nul(
        body in prop::collection::vec(any::<u8>(), 0..2000),
        content_type in prop::option::of("[a-z]{0,4}(/|text/html|text/plain)(; ?charset=[a-z0-9-]{0,10})?"),
    ) {
        let page = parsed(&body, content_type.as_deref(), &ParseLimits::default());
        prop_assert!(strings(&page).iter().all(|text| !text.contains('\0')));
        prop_assert_eq!(&page, &parsed(&body, content_type.as_deref(), &ParseLimits::default()));
    }

    #[test]
    fn any_text_as_html_gives_ordered_links(body in "(<a href=|<img src=|<p>|[ -~]|\\PC|\u{0}){0,200}") {
        for parser in [Parser::Scraper, Parser::Stream] {
            let page = parsed_by(parser, body.as_bytes(), Some("text/html; charset=utf-8"), &ParseLimits::default());
            prop_assert!(strings(&page).iter().all(|text| !text.contains('\0')));
            prop_assert!(page.links.iter().enumerate().all(|(at, link)| link.position as usize == at));
        }
    }

    #[test]
    fn any_header_is_data(value in "\\PC*") {
        crate::parse::link_header(&value);
        crate::parse::directives(Some(&value), [value.as_str()].into_iter(), "sqrawl");
    }
}
