//! [`markdown`]: a page as CommonMark (with the tables of GitHub's dialect), for readers that want its structure and not its
//! markup; [`decoded`], a body as text.
//!
//! Where a page has one `main` element it is that, else the body without `nav` and `footer`. What is never shown is left
//! out, as in the plain text. Links and images are absolute. A table that holds headings, lists or other tables lays a
//! page out, and its cells are paragraphs. The work is linear in the tree, which is as bounded as that of a crawl.

mod escape;
mod writer;

use std::borrow::Cow;

use encoding_rs::Encoding;
use scraper::{Html, Node};
use url::Url;

use super::mime::BodyKind;
use super::names::{Attr, Element, Tag};
use super::{ParseLimits, tree};
use writer::Writer;

/// A body as text in its charset, without byte order mark; `None` when the charset is unknown.
pub fn decoded<'a>(body: &'a [u8], charset: &str) -> Option<Cow<'a, str>> {
    Some(super::decode(Encoding::for_label(charset.as_bytes())?, body))
}

/// A page as Markdown, at most [`ParseLimits::max_text_bytes`] of it; `None` when it is neither HTML nor plain text.
/// `base` is its URL.
pub fn markdown(body: &[u8], mime: &str, charset: Option<&str>, base: &str, limits: &ParseLimits) -> Option<String> {
    let kind = BodyKind::of(mime);
    let text = decoded(body, charset?)?;
    match kind {
        BodyKind::Html | BodyKind::Xhtml => {
            let (html, _) = tree::build(&text, kind == BodyKind::Xhtml, limits, &mut || false);
            Some(of_tree(&html, base, limits.max_text_bytes))
        }
        BodyKind::Prose => Some(super::prose(&text, limits.max_text_bytes).0),
        _ => None,
    }
}

/// A node of scraper's tree, which gives the type no name of its own.
type Ref<'a> = <scraper::ElementRef<'a> as std::ops::Deref>::Target;

fn of_tree(html: &Html, base: &str, most_bytes: usize) -> String {
    let mut only = html.tree.root();
    let mut mains = html.tree.root().descendants().filter(|node| tag_of(node) == Some(Tag::Main));
    let whole = match (mains.next(), mains.next()) {
        (Some(main), None) => {
            only = main;
            false
        }
        _ => true,
    };
    let base = html
        .tree
        .root()
        .descendants()
        .filter(|node| tag_of(node) == Some(Tag::Base))
        .find_map(|node| Url::parse(base).ok()?.join(&attribute(&node, Attr::Href)?).ok())
        .or_else(|| Url::parse(base).ok());
    let mut writer = Writer::new(base, whole, most_bytes);
    let mut node = only;
    // By hand, as in the walk: a recursion would follow the page's nesting onto the stack.
    loop {
        let entered = match node.value() {
            Node::Text(text) => {
                writer.text(text);
                false
            }
            Node::Element(_) => writer.open(&node),
            _ => true,
        };
        if entered && let Some(child) = node.first_child() {
            node = child;
            continue;
        }
        loop {
            if node.value().is_element() {
                writer.close(&node);
            }
            if node == only || writer.is_full() {
                return writer.finish();
            }
            if let Some(next) = node.next_sibling() {
                node = next;
                break;
            }
            let Some(parent) = node.parent() else { return writer.finish() };
            node = parent;
        }
    }
}

fn tag_of(node: &Ref<'_>) -> Option<Tag> {
    node.value().as_element().map(Element::tag)
}

fn attribute(node: &Ref<'_>, name: Attr) -> Option<String> {
    node.value().as_element()?.attribute(name).map(Cow::into_owned)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[track_caller]
    fn check(html: &str, wanted: &str) {
        let limits = ParseLimits::default();
        let found = markdown(html.as_bytes(), "text/html", Some("utf-8"), "https://a.example/d/", &limits);
        assert_eq!(found.as_deref(), Some(wanted), "{html}");
    }

    #[test]
    fn blocks() {
        check("<title>x</title><h1>One</h1><p>a  b\nc<p>d", "# One\n\na b c\n\nd\n");
        check("<ul><li>a<li>b<ul><li>c</ul></ul>z", "- a\n- b\n  - c\n\nz\n");
        check("<ol><li>a<li>b</ol>", "1. a\n2. b\n");
        check("<blockquote><p>a<p>b</blockquote>", "> a\n\n> b\n");
        check("<pre>a\n  b *\n</pre><hr>", "```\na\n  b *\n```\n\n---\n");
        check("a<br>b", "a\\\nb\n");
        check("<p># no heading<p>- none<p>1 < 2", "\\# no heading\n\n\\- none\n\n1 \\< 2\n");
        check("", "");
    }

    #[test]
    fn inline_markup() {
        check("a <b>b </b>c <i>d</i> <code>e*f</code>", "a **b** c *d* `e*f`\n");
        check("see <a href='../x?y=(1)'>the <b>page</b></a>.", "see [the **page**](https://a.example/x?y=%281%29).\n");
        check("<a href='javascript:x()'>t</a> <a href='#f'></a>u", "t u\n");
        check("<img alt='A b' src=i.png> <img src=j.png>", "![A b](https://a.example/d/i.png)\n");
        check("snake_case _x_ [y]", "snake_case \\_x\\_ \\[y\\]\n");
        check("<base href='https://b.example/'><a href=q>t</a>", "[t](https://b.example/q)\n");
    }

    #[test]
    fn elements_in_elements_of_their_kind_end_where_they_do() {
        check(
            "<b>a<br>é<i>b <b>c</b> d</i></b><b>e</b>",
            "**a\\\né*b c d*\\*\\*e**\n".replace("\\*\\*", "****").as_str(),
        );
        check("<b><br>é<a href=x><b><p>f", "**é[f](https://a.example/d/x)**\n");
    }

    #[test]
    fn tables_of_data_and_of_layout() {
        check("<table><tr><th>a<th>b<tr><td>1|2<td><p>3</table>z", "| a | b |\n| --- | --- |\n| 1\\|2 | 3 |\n\nz\n");
        check("<table><tr><td><h2>t</h2>x<td>y</table>", "## t\n\nx\n\ny\n");
    }

    #[test]
    fn only_what_is_said() {
        check("<nav>n</nav><p>a<script>s</script><p hidden>h</p><footer>f</footer>", "a\n");
        check("<nav>n</nav><div>o</div><main><p>a</main>", "a\n");
        assert_eq!(markdown(b"a", "image/png", Some("utf-8"), "", &ParseLimits::default()), None);
        assert_eq!(markdown(b"a*", "text/plain", Some("utf-8"), "", &ParseLimits::default()).as_deref(), Some("a*"));
    }

    proptest! {
        #[test]
        fn whatever_a_page_holds_it_ends(pieces in prop::collection::vec(prop::sample::select(vec![
            "<p>", "<a href=x>", "</a>", "<b>", "</b>", "<table>", "<tr>", "<td>", "</table>", "<ul>", "<li>", "</ul>",
            "<pre>", "</pre>", "text ", "<main>", "</main>", "<h2>", "<br>", "<code>", "<blockquote>", "<nav>", "é",
        ]), 0..60)) {
            let limits = ParseLimits { max_text_bytes: 200, ..ParseLimits::default() };
            let html = pieces.concat();
            let found = markdown(html.as_bytes(), "text/html", Some("utf-8"), "https://a.example/", &limits).unwrap();
            prop_assert!(found.len() <= 201);
        }
    }
}
