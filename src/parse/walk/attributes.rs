//! What the attributes of one element say: its references, and what `meta`, `base` and `html` tell of
//! the whole page.

use html5ever::{LocalName, local_name, ns};
use scraper::node::Element;

use super::{MAX_DESCRIPTION_CHARS, Walk};
use crate::model::LinkKind;
use crate::parse::flow::{Flow, Room};
use crate::parse::references::{MAX_ANCHOR_CHARS, MAX_HREF_BYTES, link_kind, refresh, says_nofollow, srcset};
use crate::parse::structured::is_json_ld;

const MAX_LANG_CHARS: usize = 64;

impl Walk<'_> {
    /// The references of one element. The place of the link that takes the element's text is given.
    pub(super) fn references(&mut self, element: &Element) -> Option<usize> {
        match element.name.ns {
            ns!(html) => self.html_references(element),
            ns!(svg) => self.svg_references(element),
            _ => None,
        }
    }

    fn html_references(&mut self, element: &Element) -> Option<usize> {
        match element.name.local {
            local_name!("a") => return self.anchor(element),
            local_name!("area") => {
                let position = self.anchor(element)?;
                self.label(Some(position), element);
            }
            local_name!("link") => self.link_element(element),
            local_name!("img") => self.image(element),
            local_name!("input") if is(element, local_name!("type"), "image") => self.image(element),
            local_name!("source") => {
                self.add(LinkKind::Media, element, local_name!("src"));
                self.srcset(element, local_name!("srcset"));
            }
            local_name!("video") => {
                self.add(LinkKind::Media, element, local_name!("src"));
                self.add(LinkKind::Img, element, local_name!("poster"));
            }
            local_name!("audio") | local_name!("track") | local_name!("embed") => {
                self.add(LinkKind::Media, element, local_name!("src"));
            }
            local_name!("object") => {
                self.add(LinkKind::Media, element, local_name!("data"));
            }
            local_name!("iframe") | local_name!("frame") => {
                self.add(LinkKind::Frame, element, local_name!("src"));
            }
            local_name!("script") => {
                self.add(LinkKind::Script, element, local_name!("src"));
                if attribute(element, local_name!("type")).is_some_and(is_json_ld) {
                    self.json_ld.begin();
                }
            }
            local_name!("form") => self.form(element),
            local_name!("meta") => self.meta(element),
            local_name!("base") => self.base(element),
            local_name!("html") => self.language(element),
            local_name!("body") | local_name!("table") | local_name!("td") | local_name!("th") => {
                self.add(LinkKind::Img, element, local_name!("background"));
            }
            _ => {}
        }
        None
    }

    fn svg_references(&mut self, element: &Element) -> Option<usize> {
        let kind = match element.name.local {
            local_name!("a") => LinkKind::A,
            local_name!("image") | local_name!("feImage") | local_name!("use") => LinkKind::Img,
            local_name!("script") => LinkKind::Script,
            _ => return None,
        };
        let href = attribute(element, local_name!("href")).or_else(|| xlink_href(element))?;
        let nofollow = attribute(element, local_name!("rel")).is_some_and(says_nofollow);
        self.links.add(kind, href, nofollow)
    }

    fn add(&mut self, kind: LinkKind, element: &Element, name: LocalName) -> Option<usize> {
        self.links.add(kind, attribute(element, name)?, false)
    }

    fn anchor(&mut self, element: &Element) -> Option<usize> {
        let href = attribute(element, local_name!("href"))?;
        let nofollow = attribute(element, local_name!("rel")).is_some_and(says_nofollow);
        self.links.add(LinkKind::A, href, nofollow)
    }

    fn link_element(&mut self, element: &Element) {
        let rel = attribute(element, local_name!("rel")).unwrap_or_default();
        let Some(kind) = link_kind(rel, attribute(element, local_name!("as")).unwrap_or_default()) else { return };
        if let Some(href) = attribute(element, local_name!("href")) {
            self.links.add(kind, href, says_nofollow(rel));
        }
        if kind == LinkKind::Img {
            self.srcset(element, local_name!("imagesrcset"));
        }
    }

    fn image(&mut self, element: &Element) {
        let position = self.add(LinkKind::Img, element, local_name!("src"));
        self.label(position, element);
        self.srcset(element, local_name!("srcset"));
    }

    fn srcset(&mut self, element: &Element, name: LocalName) {
        for candidate in attribute(element, name).into_iter().flat_map(srcset) {
            self.links.add(LinkKind::Img, candidate, false);
        }
    }

    /// The `alt` of an image labels the image, and the link around it.
    fn label(&mut self, position: Option<usize>, element: &Element) {
        let Some(alt) = attribute(element, local_name!("alt")) else { return };
        if let Some(position) = position {
            self.links.set_anchor(position, Flow::fold(alt, Room::Chars(MAX_ANCHOR_CHARS)).finish_some());
        }
        if let Some(link) = self.open_links.last_mut() {
            link.alt.gap();
            link.alt.push(alt);
        }
    }

    fn form(&mut self, element: &Element) {
        let method = attribute(element, local_name!("method")).unwrap_or_default();
        if !method.eq_ignore_ascii_case("post") && !method.eq_ignore_ascii_case("dialog") {
            let nofollow = attribute(element, local_name!("rel")).is_some_and(says_nofollow);
            if let Some(action) = attribute(element, local_name!("action")) {
                self.links.add(LinkKind::Form, action, nofollow);
            }
        }
    }

    fn meta(&mut self, element: &Element) {
        let Some(content) = attribute(element, local_name!("content")) else { return };
        if is(element, local_name!("http-equiv"), "refresh") {
            if let Some(url) = refresh(content) {
                self.links.add(LinkKind::Refresh, url, false);
            }
            return;
        }
        let name = attribute(element, local_name!("name")).unwrap_or_default().trim_ascii();
        let property = attribute(element, local_name!("property")).filter(|property| !property.is_empty());
        self.open_graph.add(property.unwrap_or(name), content);
        if name.eq_ignore_ascii_case("description") && self.description.is_none() {
            let text = Flow::fold(content, Room::Chars(MAX_DESCRIPTION_CHARS));
            self.note_size(text.full());
            self.description = text.finish_some();
        } else if name.eq_ignore_ascii_case("robots") || (!name.is_empty() && name.eq_ignore_ascii_case(self.agent)) {
            if !self.robots.is_empty() {
                self.robots.push(", ");
            }
            self.robots.push(content);
        }
    }

    fn base(&mut self, element: &Element) {
        if self.base.is_none()
            && let Some(href) = attribute(element, local_name!("href"))
        {
            let href = href.trim_matches(|c: char| c <= ' ');
            self.note_size(href.len() > MAX_HREF_BYTES);
            self.base = Some(href).filter(|href| href.len() <= MAX_HREF_BYTES).map(str::to_owned);
        }
    }

    fn language(&mut self, element: &Element) {
        let lang = attribute(element, local_name!("lang")).or_else(|| attribute(element, local_name!("xml:lang")));
        self.lang = lang.map(|lang| lang.chars().take(MAX_LANG_CHARS).collect());
    }
}

/// The value of an attribute without namespace.
fn attribute(element: &Element, name: LocalName) -> Option<&str> {
    let found = element.attrs.iter().find(|(held, _)| held.local == name && held.ns == ns!());
    found.map(|(_, value)| &**value)
}

fn xlink_href(element: &Element) -> Option<&str> {
    let found = element.attrs.iter().find(|(held, _)| held.local == local_name!("href") && held.ns == ns!(xlink));
    found.map(|(_, value)| &**value)
}

fn is(element: &Element, name: LocalName, value: &str) -> bool {
    attribute(element, name).is_some_and(|held| held.trim_ascii().eq_ignore_ascii_case(value))
}
