//! Feeds: what they link to, and what they are called.

use proptest::prelude::*;

use super::parsed;
use crate::model::LinkKind::{self, *};
use crate::model::{Page, ParseCut};
use crate::parse::ParseLimits;

fn feed(body: &str) -> Page {
    parsed(body.as_bytes(), Some("application/rss+xml; charset=utf-8"), &ParseLimits::default())
}

#[track_caller]
fn check(body: &str, expected: &[(LinkKind, &str)]) {
    let page = feed(body);
    let found: Vec<_> = page.links.iter().map(|link| (link.kind, link.href.as_str())).collect();
    assert_eq!(found, expected, "{body}");
}

#[test]
fn rss() {
    let body = "<?xml version='1.0'?><rss version='2.0' xmlns:atom='http://www.w3.org/2005/Atom'><channel>\
        <title> News &amp; more </title><link>https://example.com/</link><description>All <![CDATA[the <b>news</b>]]></description>\
        <language>en-GB</language><atom:link rel='self' href='/feed'/><atom:link rel='next' href='/feed?page=2'/>\
        <image><url>/logo.png</url><title>no</title><link>/no</link></image>\
        <item><title>One</title><link>/1?a=1&amp;b=2</link><guid>https://example.com/1</guid>\
          <enclosure url='/1.mp3' length='1' type='audio/mpeg'/><comments>/1#comments</comments></item>\
        <item><guid isPermaLink='false'>https://example.com/no</guid><title>Two</title><description>&lt;a href='/no'&gt;</description>\
          <source url='/no'><title>no</title></source><media:content url='/2.mp4'/><link>/2</link></item>\
        <item><guid isPermaLink='true'>https://example.com/3</guid><link>https://example.com/3</link></item>\
        <item><guid>tag:example.com,2026:4</guid></item></channel></rss>";
    check(
        body,
        &[
            (Feed, "https://example.com/"),
            (Next, "/feed?page=2"),
            (Feed, "/1?a=1&b=2"),
            (Feed, "https://example.com/1"),
            (Media, "/1.mp3"),
            (Feed, "/1#comments"),
            (Media, "/2.mp4"),
            (Feed, "/2"),
            (Feed, "https://example.com/3"),
        ],
    );
    let page = feed(body);
    assert_eq!(page.title.as_deref(), Some("News & more"));
    assert_eq!(page.description.as_deref(), Some("All the <b>news</b>"));
    assert_eq!((page.lang.as_deref(), page.text), (Some("en-gb"), None));
    let anchors: Vec<_> = page.links.iter().map(|link| link.anchor.as_deref()).collect();
    assert_eq!(anchors[..3], [None, None, Some("One")]);
    assert_eq!(anchors[7], Some("Two"));
}

#[test]
fn rss_of_other_versions() {
    check(
        "<rdf:RDF xmlns='http://purl.org/rss/1.0/'><channel rdf:about='/rdf'><title>T</title><link>/</link>\
         <items><rdf:Seq><rdf:li resource='/no'/></rdf:Seq></items></channel>\
         <image><link>/no</link></image><item rdf:about='/1'><title>One</title><link>/1</link></item></rdf:RDF>",
        &[(Feed, "/"), (Feed, "/1")],
    );
    check(
        "<rss version='0.91'><channel><link>/</link><item><link>/1</link></item></channel></rss>",
        &[(Feed, "/"), (Feed, "/1")],
    );
}

#[test]
fn atom() {
    let body = "<feed xmlns='http://www.w3.org/2005/Atom' xml:lang='de' xml:base='https://example.com/blog/'>\
        <title type='text'>Blog</title><subtitle>Von allem</subtitle><link href='/'/><link rel='self' href='/atom'/>\
        <link rel='hub' href='/hub'/><link rel='prev-archive' href='2025'/><icon>/no.png</icon>\
        <author><name>A</name><uri>/no</uri></author>\
        <entry><title type='html'>&lt;i&gt;Eins&lt;/i&gt;</title><link rel='alternate' href='1'/><link rel='enclosure' href='1.ogg'/>\
          <link rel='edit' href='no'/><link rel='related' href='r'/><id>urn:1</id><author><uri>no</uri></author>\
          <content type='xhtml'><div><a href='no'>x</a><link href='no'/></div></content>\
          <source><link href='no'/><title>no</title></source></entry>\
        <entry><content src='2.pdf' type='application/pdf'/></entry></feed>";
    check(body, &[(Feed, "/"), (Prev, "2025"), (Feed, "1"), (Media, "1.ogg"), (Link, "r"), (Link, "2.pdf")]);
    let page = feed(body);
    assert_eq!((page.title.as_deref(), page.description.as_deref()), (Some("Blog"), Some("Von allem")));
    assert_eq!((page.lang.as_deref(), page.base.as_deref()), (Some("de"), Some("https://example.com/blog/")));
    assert_eq!(page.links[2].anchor.as_deref(), Some("<i>Eins</i>"));
}

#[test]
fn a_base_of_a_feed_has_the_length_of_a_reference() {
    for (bytes, cut) in [(10_000, None), (60_000, Some(ParseCut::Size))] {
        let base = format!("http://h/{}", "%aa".repeat(bytes / 3));
        let page = feed(&format!("<rss xml:base='{base}'><channel><item><link>1</link></item></channel></rss>"));
        assert_eq!((page.base == Some(base), page.cut, page.links.len()), (cut.is_none(), cut, 1));
    }
}

#[test]
fn broken_feeds_give_what_can_be_read() {
    let item = "<item><link>/1</link></item>";
    check(
        &format!("<rss><channel><item><description><p>x<br></description><link>/0</link></item>{item}"),
        &[(Feed, "/0"), (Feed, "/1")],
    );
    check(&format!("<rss><channel><item><link>/0</link>{item}</channel>"), &[(Feed, "/0"), (Feed, "/1")]);
    check(&format!("<rss><channel><title>A & B&nbsp;C</title><x>{item}"), &[(Feed, "/1")]);
    assert_eq!(feed("<rss><channel><title>A & B&nbsp;C&eacute;</title>").title.as_deref(), Some("A & B Cé"));
    let long =
        format!("<rss><channel><item><description><![CDATA[{}<link>/no</link>]]></description>", "x".repeat(900_000));
    check(&format!("{long}<link>/0</link></item>{item}"), &[(Feed, "/0"), (Feed, "/1")]);
    check("<rss><channel><item><link> </link><enclosure/></item></channel>", &[]);
}

#[test]
fn a_feed_is_told_by_its_root() {
    let body = b"<?xml version='1.0'?><rss><channel><link>/</link></channel></rss>";
    for (content_type, links) in [
        ("text/xml", 1),
        ("application/atom+xml", 1),
        ("text/plain; charset=utf-8", 1),
        ("application/octet-stream", 1),
        ("text/html", 0),
    ] {
        let page = parsed(body, Some(content_type), &ParseLimits::default());
        assert_eq!(page.links.len(), links, "{content_type}");
    }
    check("<svg><a href='/no'/></svg>", &[]);
}

#[test]
fn json_feeds() {
    let body = r#"{"version":"https://jsonfeed.org/version/1.1","title":"T \u0000\u00fc","description":"D","language":"fr",
        "home_page_url":"/","next_url":"/2","feed_url":"/no","items":[{"id":"1","url":"/1","title":"One",
        "external_url":"https://other.example/","attachments":[{"url":"/1.mp3","mime_type":"audio/mpeg"}]},{"id":"2"}]}"#;
    for content_type in ["application/feed+json", "application/json"] {
        let page = parsed(body.as_bytes(), Some(content_type), &ParseLimits::default());
        let found: Vec<_> = page.links.iter().map(|link| (link.kind, &*link.href, link.anchor.as_deref())).collect();
        let other = "https://other.example/";
        assert_eq!(
            found,
            [
                (Feed, "/", None),
                (Next, "/2", None),
                (Feed, "/1", Some("One")),
                (Link, other, Some("One")),
                (Media, "/1.mp3", None)
            ]
        );
        assert_eq!((page.title.as_deref(), page.lang.as_deref()), (Some("T ü"), Some("fr")));
    }
    for other in ["{\"items\":[{\"url\":\"/1\"}]}", "{\"version\":\"https://jsonfeed.org/version/1\",\"items\":3}", "["]
    {
        assert_eq!(parsed(other.as_bytes(), Some("application/json"), &ParseLimits::default()).links, []);
    }
}

#[test]
fn links_of_a_feed_have_the_caps_of_a_page() {
    let body = (0..25).fold("<rss><channel>".to_owned(), |all, n| all + &format!("<item><link>/{n}</link></item>"));
    let limits = ParseLimits { max_links: 10, ..ParseLimits::default() };
    let page = parsed(body.as_bytes(), Some("application/rss+xml"), &limits);
    assert_eq!((page.links.len(), page.links_cut, page.cut), (10, 15, Some(ParseCut::Links)));
    let guids = format!("<rss><channel><item>{}", "<guid>https://example.com/1</guid><link>/2</link>".repeat(50_000));
    assert_eq!(feed(&guids).links.len(), 2, "an item that repeats itself");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn any_soup_is_data(
        body in "(<item>|</item>|<entry>|<link>|</link>|<link href='/a'/>|<guid>http://x/|</guid>|<title>|</title>|&amp;|<!\\[CDATA\\[|\\]\\]>|<channel>|[ -~]|\\PC|\u{0}){0,100}",
        root in "(rss|feed|rdf:RDF)",
    ) {
        let page = feed(&format!("<{root}>{body}"));
        let texts = page.links.iter().flat_map(|link| [Some(&link.href), link.anchor.as_ref()]);
        let texts = texts.chain([page.title.as_ref(), page.description.as_ref()]).flatten();
        prop_assert!(texts.into_iter().all(|text| !text.contains('\0')));
        prop_assert!(page.links.iter().enumerate().all(|(at, link)| link.position as usize == at));
        prop_assert_eq!(page.cut, None);
    }

    #[test]
    fn any_json_is_data(body in "\\PC{0,200}", title in "\\PC{0,20}") {
        parsed(body.as_bytes(), Some("application/feed+json"), &ParseLimits::default());
        let feed = serde_json::json!({ "title": title, "items": [{ "url": body, "title": title }] }).to_string();
        let page = parsed(feed.as_bytes(), Some("application/feed+json"), &ParseLimits::default());
        prop_assert!(page.links.len() <= 1);
    }
}
