//! [`Effect`]: what an element does to the text around it and in it. [`is_void`], [`holds_no_elements`]: what may be in it.

use super::names::{Attr, Element, Namespace, Tag};

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
pub(crate) fn effect(element: &impl Element) -> Effect {
    match element.namespace() {
        Namespace::Html => {
            let effect = html_effect(element);
            Effect { unseen: effect.unseen || is_hidden(element), ..effect }
        }
        Namespace::Svg => svg_effect(element),
        Namespace::MathMl => {
            let unseen = matches!(element.tag(), Tag::Annotation | Tag::AnnotationXml);
            Effect { unseen, ..Effect::default() }
        }
        Namespace::Other => Effect::default(),
    }
}

fn html_effect(element: &impl Element) -> Effect {
    let none = Effect::default();
    let line = Effect { line: true, ..none };
    let unseen = Effect { unseen: true, ..none };
    match element.tag() {
        Tag::A => Effect { link: true, ..none },
        Tag::H1 => Effect { heading: Some(1), ..line },
        Tag::H2 => Effect { heading: Some(2), ..line },
        Tag::H3 => Effect { heading: Some(3), ..line },
        Tag::H4 => Effect { heading: Some(4), ..line },
        Tag::H5 => Effect { heading: Some(5), ..line },
        Tag::H6 => Effect { heading: Some(6), ..line },
        Tag::Title => Effect { title: true, ..unseen },
        Tag::Template => Effect { inert: !is_shadow_root(element), ..none },
        Tag::Pre | Tag::Listing | Tag::Xmp | Tag::Plaintext => Effect { preformatted: true, ..line },
        Tag::Textarea => Effect { preformatted: true, ..line },
        Tag::Td | Tag::Th => Effect { cell: true, ..none },
        Tag::Script
        | Tag::Style
        | Tag::Iframe
        | Tag::Noembed
        | Tag::Noframes
        | Tag::Audio
        | Tag::Canvas
        | Tag::Video
        | Tag::Datalist
        | Tag::Rp => unseen,
        _ if is_block(element.tag()) => line,
        _ => none,
    }
}

fn svg_effect(element: &impl Element) -> Effect {
    let none = Effect::default();
    match element.tag() {
        Tag::A => Effect { link: true, ..none },
        Tag::Text => Effect { line: true, ..none },
        Tag::Title | Tag::Desc | Tag::Metadata | Tag::Script | Tag::Style => Effect { unseen: true, ..none },
        _ => none,
    }
}

/// Elements that the HTML standard's style sheet (15.3) renders as blocks, and the two line breaks.
fn is_block(tag: Tag) -> bool {
    matches!(
        tag,
        Tag::Address
            | Tag::Article
            | Tag::Aside
            | Tag::Blockquote
            | Tag::Body
            | Tag::Br
            | Tag::Caption
            | Tag::Center
            | Tag::Dd
            | Tag::Details
            | Tag::Dialog
            | Tag::Dir
            | Tag::Div
            | Tag::Dl
            | Tag::Dt
            | Tag::Fieldset
            | Tag::Figcaption
            | Tag::Figure
            | Tag::Footer
            | Tag::Form
            | Tag::Head
            | Tag::Header
            | Tag::Hgroup
            | Tag::Hr
            | Tag::Legend
            | Tag::Li
            | Tag::Main
            | Tag::Menu
            | Tag::Nav
            | Tag::Ol
            | Tag::Optgroup
            | Tag::Option
            | Tag::P
            | Tag::Search
            | Tag::Section
            | Tag::Select
            | Tag::Summary
            | Tag::Table
            | Tag::Tbody
            | Tag::Tfoot
            | Tag::Thead
            | Tag::Tr
            | Tag::Ul
    )
}

/// `hidden`, unless the reader's search would find it (HTML 6.1).
fn is_hidden(element: &impl Element) -> bool {
    element.attribute(Attr::Hidden).is_some_and(|value| !value.eq_ignore_ascii_case("until-found"))
}

/// Content of a declarative shadow root is shown (HTML 4.12.3).
fn is_shadow_root(element: &impl Element) -> bool {
    let mode = element.attribute(Attr::Shadowrootmode);
    mode.is_some_and(|value| value.eq_ignore_ascii_case("open") || value.eq_ignore_ascii_case("closed"))
}

/// Void elements (HTML 13.1.2) and their retired kin: never open.
pub(crate) fn is_void(tag: Tag) -> bool {
    matches!(
        tag,
        Tag::Area
            | Tag::Base
            | Tag::Basefont
            | Tag::Bgsound
            | Tag::Br
            | Tag::Col
            | Tag::Embed
            | Tag::Frame
            | Tag::Hr
            | Tag::Img
            | Tag::Image
            | Tag::Input
            | Tag::Keygen
            | Tag::Link
            | Tag::Meta
            | Tag::Param
            | Tag::Source
            | Tag::Track
            | Tag::Wbr
    )
}

/// Elements that hold no elements, as their content is text to the tokenizer, or that never nest (`html`, `head`, `body`).
pub(crate) fn holds_no_elements(tag: Tag) -> bool {
    is_void(tag)
        || matches!(
            tag,
            Tag::Html
                | Tag::Head
                | Tag::Body
                | Tag::Iframe
                | Tag::Noembed
                | Tag::Noframes
                | Tag::Plaintext
                | Tag::Script
                | Tag::Style
                | Tag::Textarea
                | Tag::Title
                | Tag::Xmp
        )
}
