//! Below the caps the guarded builder gives exactly the tree of plain scraper.

use html5ever::driver::{ParseOpts, parse_document};
use html5ever::ns;
use html5ever::tendril::TendrilSink;
use html5ever::tree_builder::TreeBuilderOpts;
use proptest::prelude::*;
use scraper::{Html, HtmlTreeSink, Node};

use crate::model::ParseCut;
use crate::parse::ParseLimits;
use crate::parse::names::Attr;
use crate::parse::tree::build;

/// Whether [`build`] gives the tree of plain scraper.
pub(super) fn is_plain(text: &str) -> bool {
    let (tree, cut) = build(text, false, &ParseLimits::default(), &mut || false);
    cut.is_none() && as_read(tree).html() == as_read(plain(text)).html()
}

/// What scraper does, but for scripting, which is off here.
fn plain(text: &str) -> Html {
    let tree_builder = TreeBuilderOpts { scripting_enabled: false, ..TreeBuilderOpts::default() };
    let options = ParseOpts { tree_builder, ..ParseOpts::default() };
    parse_document(HtmlTreeSink::new(Html::new_document()), options).one(text)
}

/// The tree without what [`build`] leaves out because nobody reads it: comments, the text of scripts and styles, and
/// attributes that no rule looks at.
fn as_read(mut html: Html) -> Html {
    for node in html.tree.values_mut() {
        if let Node::Element(element) = node {
            element.attrs.retain(|(name, _)| {
                let prefix = name.prefix.iter().map(|prefix| format!("{prefix}:")).collect::<String>();
                Attr::of((prefix + &name.local).as_bytes()).is_some()
            });
        }
    }
    let comments: Vec<_> = html.tree.nodes().filter(|node| node.value().is_comment()).map(|node| node.id()).collect();
    for comment in comments {
        html.tree.get_mut(comment).unwrap().detach();
    }
    let is_code = |parent: &Node| {
        let name = parent.as_element().map(|element| &element.name);
        name.is_some_and(|name| name.ns == ns!(html) && ["script", "style"].contains(&&*name.local))
    };
    let texts: Vec<_> = html.tree.nodes().filter(|node| node.value().is_text()).collect();
    let texts = texts.into_iter().filter(|text| text.parent().is_some_and(|parent| is_code(parent.value())));
    let texts: Vec<_> = texts.map(|text| text.id()).collect();
    for text in texts {
        html.tree.get_mut(text).unwrap().detach();
    }
    html
}

fn check(text: &str) {
    let (tree, cut) = build(text, false, &ParseLimits::default(), &mut || false);
    assert_eq!(as_read(tree).html(), as_read(plain(text)).html(), "{text:.200}");
    assert_eq!(cut, None, "{text:.200}");
}

#[test]
fn of_scripts_and_styles_only_data_is_read() {
    for (text, read) in [
        ("<script>if (a) b</script>", false),
        ("<script type=application/ld+json>if (a) b</script>", true),
        ("<SCRIPT type='Application/LD+JSON'>if (a) b</SCRIPT>", true),
        ("<script type='application/ld&#43;json'>if (a) b</script>", true),
        ("<script src=x.js>if (a) b", false),
        ("<style>if (a) b</style>", false),
        ("<style type='application/ld+json'>if (a) b</style>", false),
        ("<svg><style>if (a) b</style></svg>", true),
        ("<textarea>if (a) b</textarea>", true),
    ] {
        let (tree, _) = build(text, false, &ParseLimits::default(), &mut || false);
        assert_eq!(tree.html().contains("if (a) b"), read, "{text}");
    }
}

#[test]
fn attributes_that_nobody_reads_tell_formatting_elements_apart() {
    check(
        "<b hidden class=0><b hidden class=1><b hidden class=2><b hidden class=3><div>x</b></b></b></b>y<a href=z>l</a>",
    );
    check("<p><b id=1 class=0><b class=1><b id=1><b CLASS=0 id=1>x</p>y</b></b></b> z</b> w");
    check("<p><font size=1 x=1><font size=1 x=1><font x=1 size=1><font size=1 x=1>a<p>b");
}

#[test]
fn of_attributes_only_those_are_read_that_some_rule_looks_at() {
    let text = "<p class=a LANG=de lang=en data-x=y onclick='z'><a HREF='?a&amp;b' href=c>d</a><svg><a xlink:href=e xlink:title=f>";
    let (tree, _) = build(text, false, &ParseLimits::default(), &mut || false);
    let expected = "<html><head></head><body><p lang=\"de\"><a href=\"?a&amp;b\">d</a>\
                    <svg><a xlink:href=\"e\"></a></svg></p></body></html>";
    assert_eq!(tree.html(), expected);
}

pub(super) const FIXTURES: [&str; 34] = [
    "",
    "plain text & no tags &amp; &notit; &#x80; &#0;",
    "<!DOCTYPE html><html lang=en><head><title>T</title></head><body><p>One<p>Two</body></html>",
    "<!-- a --><!DOCTYPE html PUBLIC \"-//W3C//DTD HTML 4.01//EN\" \"x>y\"><p>x",
    "<p>a<b>b<i>c</b>d</i>e<div>f</p>g</div>",
    "<a href=1><p>x<a href=2>y</p>z</a>",
    "<table><tr><td>1<td>2<tr>x<div>foster</div><b>b<tr><td>3</b></table>after",
    "<table><table><td><table>a</table></table>b",
    "<ul><li>1<li>2<ul><li>3</ul><li>4</ul>",
    "<dl><dt>a<dd>b<dt>c</dl><select><option>1<option>2<optgroup><option>3</select>",
    "<script>if (a < b) { x = '<p>'; } // </scripty> </script ><p>x",
    "<script><!--\n<script>document.write('</script>')</script>\n--></script><p title=\"a>b\">x",
    "<script><!--<script></script \"'><a b=c></script>--></script><p>x",
    "<style>p > a { } </style/><textarea>\n<p>&amp;</p></textarea x><title>&lt;<b></title><xmp><i></xmp>",
    "<noscript><img src=x><a href=y>z</a></noscript>",
    "<head><noscript><link rel=x><img src=y></noscript><meta charset=latin1></head>",
    "<iframe><p></iframe><noembed><a></noembed><noframes><b></noframes>c",
    "<svg><title><p>x</p></title><style><a></style><![CDATA[<b>&amp;]]]]>y<foreignObject><![CDATA[z]]><div>w</svg>v",
    "<math><mi>x<mglyph><annotation-xml encoding=text/html><p>y</annotation-xml><![CDATA[>]]></math>",
    "<svg><script>a<b></script><desc><p></desc><a xlink:href=#x>l</a><font color=red>f",
    "<template><tr><td>x</template><template shadowrootmode=open><p>y</template>",
    "<div><template shadowrootmode=closed><slot></slot></template></div>",
    "<frameset><frame src=a><noframes><p></noframes></frameset><p>gone",
    "<body a=1><body b=2><html c=3><head d=4><p>x",
    "<!-- <p> --!><p>1<!--><p>2<!---><p>3<!----><p>4<!-- -- ---><p>5<!-",
    "<!x <p>><?php echo '>' ?><![CDATA[ <p> ]]></ p></><//><p>x",
    "<p a=1 a=2 b='>' c=\"'\" d=e/f / g = h i==j k=\"l\"m='n'o=\"\">x</p a=\"</p>\">y",
    "<pre>\n\nx</pre><listing>\r\ny</listing><plaintext><p>&amp;</plaintext>z",
    "<form><input><form><input type=hidden></form><button><p>x<button>y",
    "<h1>a<h2>b</h1><nobr>c<nobr>d<object><b>e</object>f<marquee><i>g</marquee>h",
    "<p>x\0y<textarea>\0</textarea><a href='\0'>z<svg>\0</svg>",
    "<p \0rel=c \0lang=d lang\0=e>x<p lang=f>",
    "<pre><!-- -->\nx</pre><table><!-- --><tr><td>a<!-- -->\n</table>",
    "<a href=unclosed title='never ends <p>x</p>",
];

#[test]
fn malformed_pages_give_the_tree_of_plain_scraper() {
    for fixture in FIXTURES {
        check(fixture);
    }
}

#[test]
fn tags_across_pieces_give_the_tree_of_plain_scraper() {
    for fixture in FIXTURES {
        for shift in [16 * 1024 - 9, 16 * 1024 - 4, 16 * 1024 - 1] {
            check(&format!("<p>{}{fixture}", "ä".repeat(shift / 2)));
            check(&format!("<p>\n{}{fixture}", "ä".repeat(shift / 2)));
        }
    }
}

#[test]
fn nesting_up_to_the_limit_gives_the_tree_of_plain_scraper() {
    // html and body are the first two of the 512.
    check(&"<div>".repeat(510));
    check(&format!("{}x{}<p>y", "<div>".repeat(510), "</div>".repeat(510)));
    check(&format!("{}{}", "<div>".repeat(510), "<img><br><script>x</script>".repeat(20)));
    check(&format!("{}<p>y", "<ul><li>x</li></ul>".repeat(3000)));
    check(&format!("{}<p>y", "<div><span>".repeat(255)).repeat(2).replace("<p>y<div>", &"</div>".repeat(255)));
}

#[test]
fn self_closing_tags_close_in_xhtml_only() {
    let text = "<title/><script src='x'/><p>a<a name='b'/>c<br/><svg><path/></svg>d</p>";
    let (xhtml, _) = build(text, true, &ParseLimits::default(), &mut || false);
    let expected = "<html><head><title></title><script src=\"x\"></script></head><body><p>a<a name=\"b\"></a>c<br>\
                    <svg><path></path></svg>d</p></body></html>";
    assert_eq!(xhtml.html(), expected);
    let (html, _) = build(text, false, &ParseLimits::default(), &mut || false);
    assert_eq!(html.html(), as_read(plain(text)).html());
}

#[test]
fn a_deadline_keeps_what_was_read() {
    let text = format!("<p>first{}<p>last", "<p>x".repeat(10_000));
    let mut asked = 0;
    let (tree, cut) = build(&text, false, &ParseLimits::default(), &mut || {
        asked += 1;
        asked == 2
    });
    let (shown, whole) = (tree.html(), plain(&text).html());
    assert_eq!((cut, asked), (Some(ParseCut::Time), 2));
    assert!(shown.contains("first") && !shown.contains("last"));
    assert!(shown.len() > 16 * 1024 && shown.len() < whole.len());
}

/// Tag soup out of pieces that move a tokenizer between its states.
pub(super) fn soup() -> impl Strategy<Value = String> {
    let piece = prop::sample::select(vec![
        "<div>",
        "</div>",
        "<p ",
        "<p>",
        "</p",
        ">",
        "/>",
        "<",
        "</",
        "=",
        "\"",
        "'",
        " ",
        "\n",
        "a",
        "b=c",
        "rel=c",
        "ALT='&amp;y'",
        "content=\"<p>\"",
        "<!--",
        "-->",
        "--!>",
        "-",
        "!",
        "<!",
        "<?",
        "<![CDATA[",
        "]]>",
        "<svg>",
        "</svg>",
        "<math>",
        "<mi>",
        "<foreignObject>",
        "<desc>",
        "<script>",
        "</script>",
        "</script ",
        "<script",
        "<style>",
        "</style>",
        "<title>",
        "</title>",
        "<textarea>",
        "</textarea>",
        "<xmp>",
        "</xmp>",
        "<iframe>",
        "</iframe>",
        "<noscript>",
        "</noscript>",
        "<table>",
        "<tr>",
        "<td>",
        "</table>",
        "<ul>",
        "<li>",
        "</ul>",
        "<template>",
        "</template>",
        "<select>",
        "<option>",
        "<form>",
        "<button>",
        "<plaintext>",
        "<frameset>",
        "<body>",
        "<html>",
        "</body>",
        "</html>",
        "<head>",
        "&amp;",
        "&am",
        "\0",
        "ä",
        "\r",
        "<object>",
        "</object>",
        "<h1>",
        "</h2>",
        "<br>",
    ]);
    prop::collection::vec(piece, 0..60).prop_map(|pieces| pieces.concat())
}

/// Soup with the formatting elements, whose attributes matter to the tree.
pub(super) fn formatted_soup() -> impl Strategy<Value = String> {
    let formatting = prop::sample::select(vec![
        "<a>",
        "<a href=x>",
        "</a>",
        "<b>",
        "<b lang=1>",
        "<b class=1>",
        "<b class=2 id=x>",
        "<b ID=x class=2>",
        "<b class=3>",
        "</b>",
        "<i>",
        "</i>",
        "<nobr>",
        "</nobr>",
        "<font color=x>",
        "</font>",
        "<p>",
        "</p>",
        "<table>",
        "<td>",
        "</table>",
        "<div>",
        "</div>",
        "x",
        "<svg>",
        "<marquee>",
        "</marquee>",
        "<template>",
        "</template>",
        "<aside>",
        "</aside>",
        "<button>",
        "<select>",
        "<frameset>",
    ]);
    (soup(), prop::collection::vec(formatting, 0..60)).prop_map(|(soup, pieces)| pieces.concat() + &soup)
}

/// The tree without attributes.
fn shape(html: &Html) -> Vec<String> {
    let nodes = html.tree.root().descendants().map(|node| match node.value() {
        Node::Element(element) => format!("{} {}", node.ancestors().count(), element.name()),
        other => format!("{} {other:?}", node.ancestors().count()),
    });
    nodes.collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1500))]

    #[test]
    fn soup_gives_the_tree_of_plain_scraper(text in formatted_soup()) {
        let (tree, cut) = build(&text, false, &ParseLimits::default(), &mut || false);
        prop_assert_eq!(as_read(tree).html(), as_read(plain(&text)).html());
        prop_assert_eq!(cut, None);
    }

    #[test]
    fn leaving_attributes_out_changes_no_structure(text in soup()) {
        let limits = ParseLimits { max_attributes: 1, ..ParseLimits::default() };
        let (tree, _) = build(&text, false, &limits, &mut || false);
        prop_assert_eq!(shape(&as_read(tree)), shape(&as_read(plain(&text))));
    }

    #[test]
    fn small_caps_never_panic(text in formatted_soup(), depth in 0_usize..6, nodes in 0_usize..30) {
        let limits = ParseLimits { max_depth: depth, max_nodes: nodes, max_attributes: 0, ..ParseLimits::default() };
        for xhtml in [false, true] {
            build(&text, xhtml, &limits, &mut || false);
        }
    }
}
