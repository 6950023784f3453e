//! What the attributes of one element say: its references, and what `meta`, `base` and `html` tell of
//! the whole page.

use std::borrow::Cow;

use super::{MAX_DESCRIPTION_CHARS, Walk};
use crate::model::LinkKind;
use crate::parse::flow::{Flow, Room};
use crate::parse::names::{Attr, Element, Namespace, Tag};
use crate::parse::references::{self, MAX_ANCHOR_CHARS, MAX_HREF_BYTES, link_kind, refresh, srcset};
use crate::parse::structured::is_json_ld;

const MAX_LANG_CHARS: usize = 64;

impl Walk<'_> {
    /// The references of one element. The place of the link that takes the element's text is given.
    pub(super) fn references(&mut self, element: &impl Element) -> Option<usize> {
        match element.namespace() {
            Namespace::Html => self.html_references(element),
            Namespace::Svg => self.svg_references(element),
            Namespace::MathMl | Namespace::Other => None,
        }
    }

    fn html_references(&mut self, element: &impl Element) -> Option<usize> {
        match element.tag() {
            Tag::A => return self.anchor(element),
            Tag::Area => {
                let position = self.anchor(element)?;
                self.label(Some(position), element);
            }
            Tag::Link => self.link_element(element),
            Tag::Img => self.image(element),
            Tag::Input if is(element, Attr::Type, "image") => self.image(element),
            Tag::Source => {
                self.add(LinkKind::Media, element, Attr::Src);
                self.srcset(element, Attr::Srcset);
            }
            Tag::Video => {
                self.add(LinkKind::Media, element, Attr::Src);
                self.add(LinkKind::Img, element, Attr::Poster);
            }
            Tag::Audio | Tag::Track | Tag::Embed => {
                self.add(LinkKind::Media, element, Attr::Src);
            }
            Tag::Object => {
                self.add(LinkKind::Media, element, Attr::Data);
            }
            Tag::Iframe | Tag::Frame => {
                self.add(LinkKind::Frame, element, Attr::Src);
            }
            Tag::Script => {
                self.add(LinkKind::Script, element, Attr::Src);
                if element.attribute(Attr::Type).is_some_and(|held| is_json_ld(&held)) {
                    self.json_ld.begin();
                }
            }
            Tag::Form => self.form(element),
            Tag::Meta => self.meta(element),
            Tag::Base => self.base(element),
            Tag::Html => self.language(element),
            Tag::Body | Tag::Table | Tag::Td | Tag::Th => {
                self.add(LinkKind::Img, element, Attr::Background);
            }
            _ => {}
        }
        None
    }

    fn svg_references(&mut self, element: &impl Element) -> Option<usize> {
        let kind = match element.tag() {
            Tag::A => LinkKind::A,
            Tag::Image | Tag::FeImage | Tag::Use => LinkKind::Img,
            Tag::Script => LinkKind::Script,
            _ => return None,
        };
        let href = element.attribute(Attr::Href).or_else(|| element.attribute(Attr::XlinkHref))?;
        let nofollow = says_nofollow(element);
        self.links.add(kind, &href, nofollow)
    }

    fn add(&mut self, kind: LinkKind, element: &impl Element, name: Attr) -> Option<usize> {
        self.links.add(kind, &element.attribute(name)?, false)
    }

    fn anchor(&mut self, element: &impl Element) -> Option<usize> {
        let href = element.attribute(Attr::Href)?;
        let nofollow = says_nofollow(element);
        self.links.add(LinkKind::A, &href, nofollow)
    }

    fn link_element(&mut self, element: &impl Element) {
        let rel = element.attribute(Attr::Rel).unwrap_or_default();
        let Some(kind) = link_kind(&rel, &element.attribute(Attr::As).unwrap_or_default()) else { return };
        if let Some(href) = element.attribute(Attr::Href) {
            self.links.add(kind, &href, references::says_nofollow(&rel));
        }
        if kind == LinkKind::Img {
            self.srcset(element, Attr::Imagesrcset);
        }
    }

    fn image(&mut self, element: &impl Element) {
        let position = self.add(LinkKind::Img, element, Attr::Src);
        self.label(position, element);
        self.srcset(element, Attr::Srcset);
    }

    fn srcset(&mut self, element: &impl Element, name: Attr) {
        let Some(value) = element.attribute(name) else { return };
        for candidate in srcset(&value) {
            self.links.add(LinkKind::Img, candidate, false);
        }
    }

    /// The `alt` of an image labels the image, and the link around it.
    fn label(&mut self, position: Option<usize>, element: &impl Element) {
        let Some(alt) = element.attribute(Attr::Alt) else { return };
        if let Some(position) = position {
            self.links.set_anchor(position, Flow::fold(&alt, Room::Chars(MAX_ANCHOR_CHARS)).finish_some());
        }
        if let Some(link) = self.open_links.last_mut() {
            link.alt.gap();
            link.alt.push(&alt);
        }
    }

    fn form(&mut self, element: &impl Element) {
        let method = element.attribute(Attr::Method).unwrap_or_default();
        if !method.eq_ignore_ascii_case("post") && !method.eq_ignore_ascii_case("dialog") {
            let nofollow = says_nofollow(element);
            if let Some(action) = element.attribute(Attr::Action) {
                self.links.add(LinkKind::Form, &action, nofollow);
            }
        }
    }

    fn meta(&mut self, element: &impl Element) {
        let Some(content) = element.attribute(Attr::Content) else { return };
        if is(element, Attr::HttpEquiv, "refresh") {
            if let Some(url) = refresh(&content) {
                self.links.add(LinkKind::Refresh, url, false);
            }
            return;
        }
        let name = element.attribute(Attr::Name).unwrap_or_default();
        let name = name.trim_ascii();
        let property = element.attribute(Attr::Property).filter(|property| !property.is_empty());
        self.open_graph.add(property.as_deref().unwrap_or(name), &content);
        if name.eq_ignore_ascii_case("description") && self.description.is_none() {
            let text = Flow::fold(&content, Room::Chars(MAX_DESCRIPTION_CHARS));
            self.note_size(text.full());
            self.description = text.finish_some();
        } else if name.eq_ignore_ascii_case("robots") || (!name.is_empty() && name.eq_ignore_ascii_case(self.agent)) {
            if !self.robots.is_empty() {
                self.robots.push(", ");
            }
            self.robots.push(&content);
        }
    }

    fn base(&mut self, element: &impl Element) {
        if self.base.is_none()
            && let Some(href) = element.attribute(Attr::Href)
        {
            let href = href.trim_matches(|c: char| c <= ' ');
            self.note_size(href.len() > MAX_HREF_BYTES);
            self.base = Some(href).filter(|href| href.len() <= MAX_HREF_BYTES).map(str::to_owned);
        }
    }

    /// Of several `html` tags each adds what the ones before did not say.
    pub(super) fn language(&mut self, element: &impl Element) {
        let cut = |lang: Cow<'_, str>| lang.chars().take(MAX_LANG_CHARS).collect();
        self.lang = self.lang.take().or_else(|| element.attribute(Attr::Lang).map(cut));
        self.xml_lang = self.xml_lang.take().or_else(|| element.attribute(Attr::XmlLang).map(cut));
    }
}

fn is(element: &impl Element, name: Attr, value: &str) -> bool {
    element.attribute(name).is_some_and(|held| held.trim_ascii().eq_ignore_ascii_case(value))
}

fn says_nofollow(element: &impl Element) -> bool {
    element.attribute(Attr::Rel).is_some_and(|rel| references::says_nofollow(&rel))
}
