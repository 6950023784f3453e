//! [`StartTag`]: a tag and the element it makes, as the rules of extraction look at it.

use std::borrow::Cow;

use crate::parse::names::{Attr, Element, Namespace, Tag};
use crate::parse::tokens::Attributes;

/// A start tag, and the element it makes in `namespace`.
#[derive(Clone, Copy, Debug)]
pub(super) struct StartTag<'t, 'a> {
    pub(super) name: &'a str,
    pub(super) tag: Tag,
    pub(super) namespace: Namespace,
    pub(super) self_closing: bool,
    pub(super) attributes: Attributes<'t, 'a>,
}

impl Element for StartTag<'_, '_> {
    fn namespace(&self) -> Namespace {
        self.namespace
    }

    fn tag(&self) -> Tag {
        self.tag
    }

    fn attribute(&self, name: Attr) -> Option<Cow<'_, str>> {
        self.attributes.get(name)
    }
}
