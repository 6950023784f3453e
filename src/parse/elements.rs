//! [`Effect`]: what an element does to the text around it and in it.

use html5ever::{local_name, ns};
use scraper::node::Element;

/// What an element does to text.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Effect {
    /// Its content is not part of the document: a `template` that is no shadow root.
    pub(crate) inert: bool,
    /// Its text is never shown.
    pub(crate) unseen: bool,
    /// White space in it counts.
    pub(crate) preformatted: bool,
    /// It stands on lines of its own.
    pub(crate) line: bool,
    /// It is a cell of a table row.
    pub(crate) cell: bool,
    /// It is the document's title.
    pub(crate) title: bool,
    /// Its text is the text of a link.
    pub(crate) link: bool,
    /// Its level when it is a heading.
    pub(crate) heading: Option<u8>,
}

/// The effect of one element.
pub(crate) fn effect(element: &Element) -> Effect {
    match element.name.ns {
        ns!(html) => {
            let effect = html_effect(element);
            Effect { unseen: effect.unseen || is_hidden(element), ..effect }
        }
        ns!(svg) => svg_effect(element),
        ns!(mathml) => {
            let unseen = matches!(element.name.local, local_name!("annotation") | local_name!("annotation-xml"));
            Effect { unseen, ..Effect::default() }
        }
        _ => Effect::default(),
    }
}

fn html_effect(element: &Element) -> Effect {
    let none = Effect::default();
    let line = Effect { line: true, ..none };
    let unseen = Effect { unseen: true, ..none };
    match element.name.local {
        local_name!("a") => Effect { link: true, ..none },
        local_name!("h1") => Effect { heading: Some(1), ..line },
        local_name!("h2") => Effect { heading: Some(2), ..line },
        local_name!("h3") => Effect { heading: Some(3), ..line },
        local_name!("h4") => Effect { heading: Some(4), ..line },
        local_name!("h5") => Effect { heading: Some(5), ..line },
        local_name!("h6") => Effect { heading: Some(6), ..line },
        local_name!("title") => Effect { title: true, ..unseen },
        local_name!("template") => Effect { inert: !is_shadow_root(element), ..none },
        local_name!("pre") | local_name!("listing") | local_name!("xmp") | local_name!("plaintext") => {
            Effect { preformatted: true, ..line }
        }
        local_name!("textarea") => Effect { preformatted: true, ..line },
        local_name!("td") | local_name!("th") => Effect { cell: true, ..none },
        local_name!("script")
        | local_name!("style")
        | local_name!("iframe")
        | local_name!("noembed")
        | local_name!("noframes")
        | local_name!("audio")
        | local_name!("canvas")
        | local_name!("video")
        | local_name!("datalist")
        | local_name!("rp") => unseen,
        _ if is_block(element) => line,
        _ => none,
    }
}

fn svg_effect(element: &Element) -> Effect {
    let none = Effect::default();
    match element.name.local {
        local_name!("a") => Effect { link: true, ..none },
        local_name!("text") => Effect { line: true, ..none },
        local_name!("title")
        | local_name!("desc")
        | local_name!("metadata")
        | local_name!("script")
        | local_name!("style") => Effect { unseen: true, ..none },
        _ => none,
    }
}

/// Elements that the HTML standard's style sheet (15.3) renders as blocks, and the two line breaks.
fn is_block(element: &Element) -> bool {
    matches!(
        element.name.local,
        local_name!("address")
            | local_name!("article")
            | local_name!("aside")
            | local_name!("blockquote")
            | local_name!("body")
            | local_name!("br")
            | local_name!("caption")
            | local_name!("center")
            | local_name!("dd")
            | local_name!("details")
            | local_name!("dialog")
            | local_name!("dir")
            | local_name!("div")
            | local_name!("dl")
            | local_name!("dt")
            | local_name!("fieldset")
            | local_name!("figcaption")
            | local_name!("figure")
            | local_name!("footer")
            | local_name!("form")
            | local_name!("head")
            | local_name!("header")
            | local_name!("hgroup")
            | local_name!("hr")
            | local_name!("legend")
            | local_name!("li")
            | local_name!("main")
            | local_name!("menu")
            | local_name!("nav")
            | local_name!("ol")
            | local_name!("optgroup")
            | local_name!("option")
            | local_name!("p")
            | local_name!("search")
            | local_name!("section")
            | local_name!("select")
            | local_name!("summary")
            | local_name!("table")
            | local_name!("tbody")
            | local_name!("tfoot")
            | local_name!("thead")
            | local_name!("tr")
            | local_name!("ul")
    )
}

/// `hidden`, unless the reader's search would find it (HTML 6.1).
fn is_hidden(element: &Element) -> bool {
    let hidden = element.attrs.iter().find(|(name, _)| name.local == local_name!("hidden"));
    hidden.is_some_and(|(_, value)| !value.eq_ignore_ascii_case("until-found"))
}

/// Content of a declarative shadow root is shown (HTML 4.12.3).
fn is_shadow_root(element: &Element) -> bool {
    let mode = element.attrs.iter().find(|(name, _)| name.local == local_name!("shadowrootmode"));
    mode.is_some_and(|(_, value)| value.eq_ignore_ascii_case("open") || value.eq_ignore_ascii_case("closed"))
}
