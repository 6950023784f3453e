//! The short form of fuzz targets whose properties no room tests for itself: pages within tight
//! caps, and headers that say nothing that is not there.

use proptest::prelude::*;
use sqrawl::model::{CrawlUrl, Page, Parser};
use sqrawl::parse::{BodyFacts, Directives, ParseLimits, directives, link_header, parse};

const TIGHT: ParseLimits = ParseLimits {
    parser: Parser::Scraper,
    max_page_bytes: 1 << 20,
    max_depth: 8,
    max_nodes: 64,
    max_attributes: 4,
    max_links: 3,
    max_text_bytes: 40,
};

fn page(body: &str, content_type: &str, parser: Parser) -> Page {
    let url = CrawlUrl::stored("https://example.com/dir/page?q").unwrap();
    let facts =
        BodyFacts { url: &url, content_type: Some(content_type), agent: "sqrawl", is_sitemap: false, truncated: false };
    parse(body.as_bytes(), facts, &ParseLimits { parser, ..TIGHT }, &mut || false)
}

fn html_like() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        prop::sample::select(vec![
            "<a href=x>",
            "<a href=\"y&amp;z\" rel=nofollow>",
            "</a>",
            "<img srcset='a 1x, b 2x'>",
            "<base href=/b/>",
            "<table>",
            "<td>",
            "<b 1>",
            "<p>",
            "<div>",
            "</div>",
            "<svg>",
            "<math>",
            "<title>",
            "</title>",
            "<template>",
            "<select>",
            "<option>",
            "<textarea>",
            "<script>",
            "</script>",
            "<!--",
            "-->",
            "<meta name=robots content=none>",
            "<h1>",
            "<html lang=de>",
            "<meta http-equiv=refresh content='0;url=r'>",
            "&#x0;",
            "\0",
            "text ",
            "ä",
            "<br>",
        ])
        .prop_map(str::to_owned),
        any::<char>().prop_map(String::from),
    ];
    prop::collection::vec(piece, 0..60).prop_map(|pieces| pieces.concat())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn pages_stay_within_tight_caps(body in html_like(), xhtml: bool, stream: bool) {
        let parser = if stream { Parser::Stream } else { Parser::Scraper };
        let content_type = if xhtml { "application/xhtml+xml; charset=utf-8" } else { "text/html; charset=utf-8" };
        let read = page(&body, content_type, parser);
        prop_assert!(read.links.len() <= TIGHT.max_links);
        prop_assert!(read.links_cut == 0 || (read.links.len() == TIGHT.max_links && read.cut.is_some()));
        let text = read.text.as_deref().unwrap_or_default();
        prop_assert!(text.len() <= TIGHT.max_text_bytes);
        prop_assert_eq!(read.words.unwrap_or_default() as usize, text.split_whitespace().count());
        prop_assert!(read.links.iter().all(|link| !link.href.contains('\0')));
        prop_assert_eq!(&read, &page(&body, content_type, parser));
    }

    #[test]
    fn link_headers_hold_no_more_links_than_brackets(value in "([<>;,=\"\\\\ /\0a]|rel=|next|canonical|nofollow|anchor=){0,40}") {
        let links = link_header(&value);
        prop_assert!(links.len() <= value.matches('<').count());
        prop_assert!(links.iter().all(|link| !link.href.contains('\0')));
        prop_assert!(links.iter().enumerate().all(|(at, link)| link.position as usize == at));
    }

    #[test]
    fn directives_are_said_to_be_obeyed(value in "([,;: *a-c]|noindex|nofollow|none|sqrawl:|other:|max-snippet:){0,12}") {
        let header = directives(None, [value.as_str()].into_iter(), "sqrawl");
        let meta = directives(Some(&value), std::iter::empty(), "sqrawl");
        for found in [header, meta] {
            prop_assert!(!found.noindex || value.contains("noindex") || value.contains("none"));
            prop_assert!(!found.nofollow || value.contains("nofollow") || value.contains("none"));
        }
        prop_assert_eq!(header, directives(None, [value.as_str()].into_iter(), "SQRAWL"));
        let both = directives(None, [value.as_str(), "none"].into_iter(), "sqrawl");
        prop_assert_eq!(both, Directives { noindex: true, nofollow: true });
    }
}
