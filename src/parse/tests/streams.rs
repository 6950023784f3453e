//! The stream against the tree: what both say of the same page.

use std::path::PathBuf;

use proptest::prelude::*;

use super::trees::{FIXTURES, formatted_soup, is_plain};
use super::{BodyFacts, ParseLimits, parse, parsed_by};
use crate::model::{CrawlUrl, Page, ParseCut, Parser};

/// One page, read by one parser within its limits.
fn read(text: &str, parser: Parser, xhtml: bool, limits: ParseLimits) -> Page {
    let content_type = if xhtml { "application/xhtml+xml; charset=utf-8" } else { "text/html; charset=utf-8" };
    parsed_by(parser, text.as_bytes(), Some(content_type), &limits)
}

fn check(text: &str) {
    for xhtml in [false, true] {
        let of = |parser| read(text, parser, xhtml, ParseLimits::default());
        assert_eq!(of(Parser::Stream), of(Parser::Scraper), "{text:.200}");
    }
}

/// Pages of [`FIXTURES`] of which a tree says something else; `docs/extraction.md` has the reasons.
const OTHERWISE: [&str; 2] = ["<a href=1><p>x<a href=2>", "<table><tr><td>1<td>2<tr>x<div>foster"];

#[test]
fn malformed_pages_say_the_same_without_a_tree() {
    for fixture in FIXTURES.iter().filter(|fixture| !OTHERWISE.iter().any(|start| fixture.starts_with(start))) {
        check(fixture);
    }
}

#[test]
fn pieces_of_long_texts_join() {
    for fixture in FIXTURES.iter().filter(|fixture| !OTHERWISE.iter().any(|start| fixture.starts_with(start))) {
        for shift in [16 * 1024 - 9, 16 * 1024 - 4, 16 * 1024 - 1] {
            check(&format!("<p>{}{fixture}", "ä".repeat(shift / 2)));
            check(&format!("<pre>\n{}&amp;\r\n{fixture}", "ä".repeat(shift / 2)));
        }
    }
}

#[test]
fn what_formatting_forms_and_ends_of_blocks_do_to_links_and_headings() {
    for page in [
        "<p><a href=1>x<p>y<div>z</div></a>w",
        "<p><a href=1>x<table><tr><td>y<a href=2>z</table>w</a>v",
        "<h1><a href=1>x</h1><h2>y</a>z</h2>",
        "<h1>a<p>b</h1>c<h2>d<h3>e</h2>f",
        "<a href=1>x<a href=2>y</a>z</a>w",
        "<form action=/1><div><input></form>x<form action=/2></div>y</form>z",
        "<table><form action=/1><tr><td><form action=/2><input></form></td></tr></form></table>x",
        "<ul><li>a<li><p>b<ul><li>c</ul>d</ul><dl><dt>e<dd>f<dt>g</dl>",
        "<select><option>a<option selected>b<optgroup><option>c</select>d<select><input name=e>f",
        "<p hidden>a<p>b<div hidden>c<p>d</div>e<b hidden>f</b>g",
        "<template><a href=1>x</a><tr><td>y</template><a href=2>z</a>",
        "<html><head><title>a</title></head><title>b</title><body><title>c</title><svg><title>d</title></svg>",
        "<html lang=en><body><html lang=de xml:lang=fr>x",
        "x<html xml:lang=fr><html lang=de>",
        "<base><base href=/a><base href=/b><noscript><meta name=robots content=none></noscript>",
        "<p>a</p></p>b</br>c</h1>d</li>e</a>f</table>g</body>h</html>i",
        "<button>a<p>b<button>c</button>d</p>e",
        "<object><a href=1>x</object>y<marquee><a href=2>z</marquee>w</a>v",
        "<ruby>a<rp>(<rt>b<rp>)</ruby><nobr>c<nobr>d</nobr>e",
        "<div>\0a</div><title>\0b</title><svg>\0c</svg><a href=d\0>e</a>",
        "<a href='?a=1&copy=2&amp;b&#x41;&lang=x&notit;' rel='nofollow&nbsp;'>&copy=2&notit;</a>",
        "<a HREF=x href=y Href=z>1</a><A/href=w>2</A>",
        "<svg><a href=1>x<p>y</svg>z<math><mi><a href=2>w</math>",
        "<svg><a xlink:href=1>x</a><use href=2 /><feImage href=3></feImage><image xlink:href=4></svg>",
        "<textarea>\n\na</textarea><pre>\n\nb</pre><pre>&#10;c</pre><pre><b>\nd</b></pre>",
        "<script type=application/ld+json>{\"a\": \"</b>\"}</script><script>x</script>",
        "<body><frameset><frame src=x></frameset>",
        "<frameset><frame src=x><noframes><a href=y></noframes></frameset>z",
    ] {
        check(page);
    }
}

#[test]
fn what_is_open_beside_a_block_ends_with_the_formatting_around_both() {
    for page in [
        "<em><address><svg></em><iframe src=1>x</iframe><a href=2>y</a>",
        "<b><button><video src=1></b>after<h2>it</h2>",
        "<b><video><div></b>after",
        "<font><rp><p></font>after</p>the paragraph",
        "<nobr><div><math><nobr>x<a href=1>y</a>",
        "<b><custom-element hidden><p></b>after<p>it",
        "<b><p><a href=1>x</b>y</a>",
    ] {
        check(page);
    }
}

#[test]
fn an_html_tag_in_a_template_is_content_of_the_body() {
    check("<template shadowrootmode=open><html lang=en><colgroup><form action=1>x</template>y");
}

#[test]
fn nul_in_a_cdata_section_below_html_content_is_dropped() {
    check("<svg><foreignObject><![CDATA[a\0&amp;b]]></foreignObject><![CDATA[c\0d]]></svg>");
    check("<math><mi><![CDATA[a\0b]]></mi></math>");
}

#[test]
fn links_around_blocks_and_content_beside_cells_stay_where_they_are_written() {
    fn hrefs(page: &Page) -> Vec<&str> {
        page.links.iter().map(|link| link.href.as_str()).collect()
    }
    for (text, stream, tree, stream_links, tree_links) in [
        ("<a href=1>a<p>b</a>c", "a\nbc", "a\nbc", &["1"][..], &["1", "1"][..]),
        ("<table><tr>a<td>b</table>", "a\tb", "a\nb", &[], &[]),
        ("<table><tr><td>a<tr><a href=1>b</a><td>c</table>", "a\nb\tc", "b\na\nc", &["1"], &["1"]),
    ] {
        let of = |parser| read(text, parser, false, ParseLimits::default());
        let (streamed, built) = (of(Parser::Stream), of(Parser::Scraper));
        assert_eq!((streamed.text.as_deref(), built.text.as_deref()), (Some(stream), Some(tree)), "{text}");
        assert_eq!((&*hrefs(&streamed), &*hrefs(&built)), (stream_links, tree_links), "{text}");
    }
}

/// Soup whose nodes a tree leaves where they were written, and repeats none of.
fn unmoved_soup() -> impl Strategy<Value = String> {
    formatted_soup().prop_map(|mut text| {
        let formatting = ["<a", "<b>", "<b lang", "<b class", "<b ID", "<i>", "<nobr", "<font"];
        for moved in ["<table", "<frameset", "<template"].into_iter().chain(formatting) {
            while text.contains(moved) {
                text = text.replace(moved, "");
            }
        }
        text
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1000))]

    #[test]
    fn soup_says_the_same_without_a_tree(text in unmoved_soup()) {
        check(&text);
    }

    #[test]
    fn soup_never_panics(text in formatted_soup(), depth in 0_usize..6) {
        for xhtml in [false, true] {
            read(&text, Parser::Stream, xhtml, ParseLimits::default());
            read(&text, Parser::Stream, xhtml, ParseLimits { max_depth: depth, max_attributes: 0, ..ParseLimits::default() });
        }
    }
}

/// A page whose last link is still there.
fn check_hostile(body: &str, cut: Option<ParseCut>) -> Page {
    let body = format!("{body}<p>the end<a href=/last>last</a>");
    let page = read(&body, Parser::Stream, false, ParseLimits::default());
    assert_eq!(page.cut, cut, "{body:.60}");
    assert!(page.text.as_deref().unwrap_or_default().contains("the end"), "{body:.60}");
    assert_eq!(page.links.last().map(|link| link.href.as_str()), Some("/last"), "{body:.60}");
    page
}

#[test]
fn hostile_pages_are_read_to_their_end() {
    for nest in ["<ul><li>x", "<div>", "<custom-element>", "<table><tr><td>", "<blockquote><p>", "<svg><g>"] {
        check_hostile(&nest.repeat(20_000), Some(ParseCut::Depth));
    }
    check_hostile(&"<button><b>".repeat(20_000), None);
    let nested = format!("{}{}", "<div>".repeat(5000), "</div>".repeat(5000));
    let page = check_hostile(&format!("{nested}<h1>after</h1>"), Some(ParseCut::Depth));
    assert_eq!(page.headings, [(1, "after".to_owned())]);
    check_hostile(&(0..4000).map(|i| format!("<b i{i}><p>x")).collect::<String>(), None);
    check_hostile(&"<p><b>x</p>".repeat(4000), None);
    check_hostile(&"<b><p>x</b></p>".repeat(4000), None);
    check_hostile(&format!("{}{}", "<span>".repeat(500), "</x></p></b></a>".repeat(50_000)), None);
    let attributes: String = (0..80_000).map(|i| format!("a{i}=b ")).collect();
    let page = check_hostile(&format!("<p {attributes} id=last><a href=/in>x</a>"), Some(ParseCut::Size));
    assert_eq!(page.links[0].href, "/in");
    check_hostile(&format!("<script><!--<script>{}--></script>", "</script \"<script>".repeat(5_000)), None);
    check_hostile(&format!("<title>{}</title>", "</titl".repeat(150)), None);
    check_hostile(&format!("<!--{}-->", "- ".repeat(1 << 20)), None);
    check_hostile(&format!("<p>{}", "&aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa&#".repeat(1 << 15)), None);
    for open in ["<!--", "<!", "<?", "<script>", "<style>", "<textarea>", "<svg><![CDATA[", "<plaintext>", "<a b='"] {
        let body = format!("<a href=/kept>x</a>{open}{}", "<p>y ".repeat(20_000));
        let page = read(&body, Parser::Stream, false, ParseLimits::default());
        assert_eq!((page.links.len(), page.cut), (1, None), "{open}");
    }
}

#[test]
fn a_long_link_repeated_in_every_block_takes_no_more_than_its_room() {
    let body = format!("<p><a href={}>{}", "x".repeat(16_000), "<p>y".repeat(9000));
    let page = read(&body, Parser::Stream, false, ParseLimits::default());
    assert!(page.links.iter().map(|link| link.href.len()).sum::<usize>() <= 8 << 20);
    assert!(page.links_cut > 0 && page.cut == Some(ParseCut::Links));
}

#[test]
fn a_deadline_keeps_what_was_read_without_a_tree() {
    let url = CrawlUrl::stored("https://example.com/").expect("a canonical URL");
    let facts =
        BodyFacts { url: &url, content_type: Some("text/html"), agent: "sqrawl", is_sitemap: false, truncated: false };
    let limits = ParseLimits { parser: Parser::Stream, ..ParseLimits::default() };
    for text in [format!("first{}<p>last", "<p>x".repeat(20_000)), format!("first{}last", "x ".repeat(40_000))] {
        let mut asked = 0;
        let page = parse(text.as_bytes(), facts, &limits, &mut || {
            asked += 1;
            asked == 2
        });
        let shown = page.text.unwrap_or_default();
        assert_eq!((page.cut, asked), (Some(ParseCut::Time), 2));
        assert!(shown.contains("first") && !shown.contains("last"));
    }
}

/// `SQRAWL_HTML=/usr/share cargo test --release --lib real_sites -- --ignored --nocapture`
#[test]
#[ignore = "by hand: SQRAWL_HTML names a folder of pages"]
#[allow(clippy::disallowed_methods)] // nothing that a crawl reads
fn real_sites_say_the_same_without_a_tree_and_give_the_tree_of_plain_scraper() {
    let mut folders = vec![PathBuf::from(std::env::var_os("SQRAWL_HTML").expect("SQRAWL_HTML names a folder"))];
    let (mut pages, mut links, mut different) = (0, 0, Vec::new());
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
            let path = entry.path();
            let is_html = path.extension().is_some_and(|extension| extension == "html" || extension == "htm");
            match entry.file_type() {
                Ok(kind) if kind.is_dir() => folders.push(path),
                Ok(kind) if kind.is_file() && is_html => {
                    let Ok(body) = std::fs::read(&path) else { continue };
                    let text = String::from_utf8_lossy(&body);
                    let of = |parser| read(&text, parser, false, ParseLimits::default());
                    let (stream, tree) = (of(Parser::Stream), of(Parser::Scraper));
                    pages += 1;
                    links += tree.links.len();
                    if stream != tree || !is_plain(&text) {
                        different.push(path);
                    }
                }
                _ => {}
            }
        }
    }
    println!("{pages} pages with {links} links, {} differ", different.len());
    assert_eq!(different, [] as [PathBuf; 0]);
}
