//! Pages made to stall a parser. What is asserted is what was kept and which cap said so; that the
//! tests end at all is the other half.

use super::html;
use crate::model::{Page, ParseCut};
use crate::parse::ParseLimits;
use crate::parse::tree::build;

const KB: usize = 1024;

/// A page whose last link is still there.
fn check(body: &str, cut: Option<ParseCut>) -> Page {
    let page = html(&format!("{body}<p>the end<a href=/last>last</a>"));
    assert_eq!(page.cut, cut, "{body:.60}");
    assert!(page.text.as_deref().unwrap_or_default().contains("the end"), "{body:.60}");
    assert_eq!(page.links.last().map(|link| link.href.as_str()), Some("/last"), "{body:.60}");
    page
}

#[test]
fn nested_lists() {
    check(&"<ul><li>".repeat(512 * KB / 8), Some(ParseCut::Depth));
    let texts = check(&"<ul><li>x".repeat(10_000), Some(ParseCut::Depth));
    assert_eq!(texts.words, Some(10_003), "words that stood in dropped elements stay apart");
}

#[test]
fn nested_blocks_of_many_names() {
    check(&"<div>".repeat(100_000), Some(ParseCut::Depth));
    check(&"<span>".repeat(20_000), Some(ParseCut::Depth));
    check(&"<custom-element>".repeat(10_000), Some(ParseCut::Depth));
    check(&"<table><tr><td>".repeat(5_000), Some(ParseCut::Depth));
    check(&"<table><div>".repeat(5_000), None);
    check(&"<blockquote><p>".repeat(5_000), Some(ParseCut::Depth));
    check(&"<svg><g>".repeat(5_000), Some(ParseCut::Depth));
    check(&"<button><b>".repeat(5_000), Some(ParseCut::Depth));
}

#[test]
fn templates_and_framesets() {
    let body = format!("{}{}", "<template>".repeat(10_000), "</template>".repeat(10_000));
    check(&body, Some(ParseCut::Depth));
    let frames = html(&"<frameset>".repeat(10_000));
    assert_eq!(frames.cut, Some(ParseCut::Depth));
}

#[test]
fn closed_nesting_leaves_the_rest_of_the_page_whole() {
    let nested = format!("{}{}", "<div>".repeat(5000), "</div>".repeat(5000));
    let page = check(&format!("{nested}<h1>after</h1><ul><li>a</li><li>b</li></ul>"), Some(ParseCut::Depth));
    assert_eq!(page.headings, [(1, "after".to_owned())]);
    let (tree, _) = build(&format!("{nested}<p>x"), false, &ParseLimits::default(), &mut || false);
    assert!(tree.html().ends_with("</div><p>x</p></body></html>"));
}

#[test]
fn dropped_tags_are_forgotten_once_their_parent_is_closed() {
    let first = ["<div>".repeat(600), "<section>".repeat(100), "</div>".repeat(600)].concat();
    let second = format!("{}<section>x</section>y", "<div>".repeat(509));
    let (tree, cut) = build(&(first + &second), false, &ParseLimits::default(), &mut || false);
    assert_eq!(cut, Some(ParseCut::Depth));
    assert!(tree.html().contains("<div><section>x</section>y</div>"));
}

#[test]
fn no_depth_beyond_the_limit() {
    let limits = ParseLimits { max_depth: 50, ..ParseLimits::default() };
    for body in ["<div>", "</x><div>", "<p><div>", "<ul><li>", "<table><td>", "<b><div></b>", "<i><table><td>"] {
        let (tree, cut) = build(&body.repeat(2000), false, &limits, &mut || false);
        let deepest = tree.tree.nodes().map(|node| node.ancestors().count()).max().unwrap_or_default();
        assert!(deepest <= 60, "{body}: {deepest}");
        assert!(cut.is_some(), "{body}: {deepest}");
    }
}

#[test]
fn links_below_the_depth_limit_are_kept() {
    let page = html(&"<div><a href=x>y</a>".repeat(2000));
    assert_eq!((page.links.len(), page.cut), (2000, Some(ParseCut::Depth)));
    assert_eq!(page.text.unwrap_or_default().matches('y').count(), 2000);
}

#[test]
fn formatting_elements_that_multiply() {
    let body: String = (0..4000).map(|i| format!("<b lang={i}><p>x")).collect();
    let page = html(&format!("<a href=/first>f</a>{body}"));
    assert_eq!(page.cut, Some(ParseCut::Nodes));
    assert_eq!(page.links[0].href, "/first");
    let fonts: String = (0..4000).map(|i| format!("<div><font size={i}></div>")).collect();
    assert_eq!(html(&fonts).cut, Some(ParseCut::Nodes));
    let read =
        "action alt as background color content data face href lang method name poster rel size src srcset type ";
    let wide = format!("<p><b {read}>{}", "<p>x".repeat(8000));
    assert_eq!(html(&wide).cut, Some(ParseCut::Nodes), "clones of many attributes count as well");
}

#[test]
fn one_tag_with_many_attributes() {
    let attributes: String = (0..80_000).map(|i| format!("a{i}=b ")).collect();
    let page = check(&format!("<p id=first {attributes} id=last><a href=/in>x</a>"), Some(ParseCut::Size));
    assert_eq!(page.links[0].href, "/in");
    check(&format!("<p></p {attributes}>"), Some(ParseCut::Size));
    check(&format!("<script>x</script {attributes}>"), Some(ParseCut::Size));
    check(&format!("<title>x</title {attributes}>"), Some(ParseCut::Size));
    check(&format!("<svg><g {attributes}/></svg>"), Some(ParseCut::Size));
    let never_closed = html(&format!("<a href=/kept>x</a><p {attributes}"));
    assert_eq!((never_closed.links.len(), never_closed.cut), (1, Some(ParseCut::Size)));
}

#[test]
fn attributes_up_to_the_limit_are_kept() {
    let attributes: String = (0..511).map(|i| format!("a{i}=b ")).collect();
    check(&format!("<a {attributes} href=/in>x</a>"), None);
    let page = check(&format!("<a {attributes} b=c href=/in>x</a>"), Some(ParseCut::Size));
    assert_eq!(page.links.len(), 1, "the 513th attribute is gone");
}

#[test]
fn attributes_of_many_html_tags() {
    let tags: String =
        (0..200).map(|i| (0..50).fold("<html".to_owned(), |t, j| format!("{t} a{i}x{j}")) + ">").collect();
    check(&tags, None);
}

#[test]
fn names_without_number() {
    let attributes: String =
        (0..60).map(|i| (0..500).fold("<p".to_owned(), |t, j| format!("{t} attr-{i}-{j}")) + ">").collect();
    let page = check(&format!("<p data-known=1 id=x>{attributes}<p data-known=2><a href=/in>in</a>"), None);
    assert_eq!(page.links[0].href, "/in");
    let elements: String = (0..20_000).map(|i| format!("<element-{i}>x </element-{i}>")).collect();
    assert_eq!(check(&elements, Some(ParseCut::Size)).words, Some(20_002));
}

#[test]
fn unclosed_constructs() {
    for open in ["<!--", "<!", "<?", "<script>", "<style>", "<xmp>", "<textarea>", "<svg><![CDATA[", "<plaintext>"] {
        let page = html(&format!("<a href=/kept>x</a>{open}{}", "<p>y ".repeat(20_000)));
        assert_eq!((page.links.len(), page.cut), (1, None), "{open}");
    }
    for quote in ["<a b='", "<a b=\"", "</a b='", "<a href="] {
        let page = html(&format!("<a href=/kept>x</a>{}", quote.repeat(50_000)));
        assert_eq!(page.links[0].href, "/kept", "{quote}");
    }
}

#[test]
fn scripts_that_almost_end() {
    check(&format!("<script><!--<script>{}--></script>", "</script \"<script>".repeat(5_000)), None);
    check(&format!("<script>{}</script>", "</scrip </".repeat(50_000)), None);
    check(&format!("<title>{}</title>", "</titl".repeat(150)), None);
}

#[test]
fn values_of_megabytes() {
    let page = check(&format!("<img src='data:image/png;base64,{}'>", "A".repeat(4 << 20)), None);
    assert_eq!(page.links.len(), 1);
    check(&format!("<!--{}-->", "- ".repeat(1 << 20)), None);
    check(&format!("<p data-x='{}'>", "<p> &amp; ".repeat(1 << 17)), None);
    let srcset = check(&format!("<img srcset='{}'>", "a,(".repeat(100_000)), Some(ParseCut::Size));
    assert_eq!(srcset.links_cut, 1);
}

#[test]
fn a_long_link_repeated_by_the_tree_builder() {
    let page = html(&format!("<p><a href={}>{}", "x".repeat(16_000), "<p>y".repeat(9000)));
    let bytes: usize = page.links.iter().map(|link| link.href.len()).sum();
    assert!(bytes <= 8 << 20, "{bytes}");
    assert_eq!((page.links.len() + page.links_cut as usize, page.cut), (9001, Some(ParseCut::Links)));
}

#[test]
fn more_nodes_than_the_limit() {
    let limits = ParseLimits { max_nodes: 1000, ..ParseLimits::default() };
    let (tree, cut) = build(&"<p>x".repeat(5000), false, &limits, &mut || false);
    assert_eq!(cut, Some(ParseCut::Nodes));
    assert!((1000..1100).contains(&tree.tree.nodes().len()));
}
