//! [`Stack`]: the open elements, and the sets of tags that the construction of a tree goes by.

use crate::parse::elements::is_void;
use crate::parse::names::{Namespace, Tag};

/// An open element.
#[derive(Clone, Copy, Debug)]
pub(super) struct Open<'a> {
    pub(super) tag: Tag,
    pub(super) namespace: Namespace,
    /// As written; tells elements apart that no rule knows.
    pub(super) name: &'a str,
    /// Different for every element of the page.
    pub(super) id: u32,
    /// Its end tag came, but an element in it is open: only those in it are still to be closed.
    pub(super) gone: bool,
}

impl Open<'_> {
    /// Whether it is the HTML element `tag`.
    pub(super) fn is(&self, tag: Tag) -> bool {
        self.tag == tag && self.is_one_of(|_| true)
    }

    /// Whether it is an HTML element of a set.
    pub(super) fn is_one_of(&self, set: impl Fn(Tag) -> bool) -> bool {
        self.namespace == Namespace::Html && !self.gone && set(self.tag)
    }

    /// Whether text in it, and start tags but for two, are HTML (HTML 13.2.6, MathML text integration point).
    pub(super) fn is_mathml_text(&self) -> bool {
        self.namespace == Namespace::MathMl && matches!(self.tag, Tag::Mi | Tag::Mo | Tag::Mn | Tag::Ms | Tag::Mtext)
    }

    /// Whether its content is HTML although it is SVG.
    pub(super) fn is_svg_html(&self) -> bool {
        self.namespace == Namespace::Svg && matches!(self.tag, Tag::ForeignObject | Tag::Desc | Tag::Title)
    }

    /// Whether a search for an open element goes no further.
    fn ends(&self, scope: Scope) -> bool {
        if self.namespace != Namespace::Html {
            return scope != Scope::Table && (self.is_mathml_text() || self.is_svg_html());
        }
        match self.tag {
            Tag::Html | Tag::Table | Tag::Template => true,
            _ if scope == Scope::Table => false,
            Tag::Applet | Tag::Caption | Tag::Td | Tag::Th | Tag::Marquee | Tag::Object | Tag::Select => true,
            Tag::Ol | Tag::Ul => scope == Scope::ListItem,
            Tag::Button => scope == Scope::Button,
            _ => false,
        }
    }
}

/// How far up an end tag looks for its element (HTML 13.2.4.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Scope {
    Default,
    ListItem,
    Button,
    Table,
}

/// The open elements, outermost first.
pub(super) struct Stack<'a> {
    entries: Vec<Open<'a>>,
    /// How many HTML elements of each tag are open.
    counts: [u32; Tag::COUNT],
}

impl<'a> Stack<'a> {
    pub(super) fn new() -> Self {
        Stack { entries: Vec::with_capacity(32), counts: [0; Tag::COUNT] }
    }

    pub(super) fn len(&self) -> usize {
        self.entries.len()
    }

    pub(super) fn current(&self) -> Option<&Open<'a>> {
        self.entries.last()
    }

    /// Open elements, innermost first, with their places.
    pub(super) fn inwards(&self) -> impl Iterator<Item = (usize, &Open<'a>)> {
        self.entries.iter().enumerate().rev()
    }

    pub(super) fn current_is(&self, tag: Tag) -> bool {
        self.current().is_some_and(|open| open.is(tag))
    }

    pub(super) fn current_is_one_of(&self, set: impl Fn(Tag) -> bool) -> bool {
        self.current().is_some_and(|open| open.is_one_of(set))
    }

    /// Whether an HTML element `tag` is open anywhere.
    pub(super) fn has(&self, tag: Tag) -> bool {
        self.counts[tag as usize] > 0
    }

    pub(super) fn push(&mut self, open: Open<'a>) {
        self.count(&open, 1);
        self.entries.push(open);
    }

    pub(super) fn pop(&mut self) -> Option<Open<'a>> {
        let open = self.entries.pop()?;
        self.count(&open, -1);
        Some(open)
    }

    pub(super) fn remove(&mut self, place: usize) {
        let open = self.entries.remove(place);
        self.count(&open, -1);
    }

    /// Forgets an element of which others are still open.
    pub(super) fn forget(&mut self, place: usize) {
        if let Some(mut open) = self.entries.get(place).copied() {
            self.count(&open, -1);
            open.gone = true;
            self.entries[place] = open;
        }
    }

    fn count(&mut self, open: &Open<'_>, by: i32) {
        if open.is_one_of(|_| true) {
            let count = &mut self.counts[open.tag as usize];
            *count = count.saturating_add_signed(by);
        }
    }

    pub(super) fn place_of(&self, id: u32) -> Option<usize> {
        self.inwards().find(|(_, open)| open.id == id && !open.gone).map(|(place, _)| place)
    }

    /// Whether an HTML element `tag` is in scope.
    pub(super) fn in_scope(&self, scope: Scope, tag: Tag) -> bool {
        self.has(tag) && self.any_in_scope(scope, |open| open.is(tag))
    }

    pub(super) fn any_in_scope(&self, scope: Scope, wanted: impl Fn(&Open<'a>) -> bool) -> bool {
        for open in self.entries.iter().rev().filter(|open| !open.gone) {
            if wanted(open) {
                return true;
            }
            if open.ends(scope) {
                return false;
            }
        }
        false
    }

    /// The innermost block, cell or the like that is open inside the element at `place`.
    pub(super) fn last_special_above(&self, place: usize) -> Option<usize> {
        let inner = &self.entries[place + 1..];
        inner.iter().rposition(|open| open.is_one_of(is_special)).map(|at| place + 1 + at)
    }

    /// Whether the blocks in the element at `place` leave it when a formatting element around it ends: it is neither
    /// one of them nor repeated in them.
    pub(super) fn is_left_by_blocks(&self, place: usize) -> bool {
        let open = &self.entries[place];
        !open.gone && !open.is_one_of(|tag| is_special(tag) || is_formatting(tag))
    }
}

pub(super) fn is_heading(tag: Tag) -> bool {
    matches!(tag, Tag::H1 | Tag::H2 | Tag::H3 | Tag::H4 | Tag::H5 | Tag::H6)
}

/// Elements whose end tag may be left out (HTML 13.2.6.3, generate implied end tags).
pub(super) fn has_implied_end(tag: Tag) -> bool {
    matches!(
        tag,
        Tag::Dd | Tag::Dt | Tag::Li | Tag::Option | Tag::Optgroup | Tag::P | Tag::Rb | Tag::Rp | Tag::Rt | Tag::Rtc
    )
}

/// Elements that no inline end tag reaches through (HTML 13.2.4.2, special).
pub(super) fn is_special(tag: Tag) -> bool {
    is_void(tag) && tag != Tag::Keygen && tag != Tag::Image
        || is_heading(tag)
        || is_table_part(tag)
        || matches!(
            tag,
            Tag::Address
                | Tag::Applet
                | Tag::Article
                | Tag::Aside
                | Tag::Blockquote
                | Tag::Body
                | Tag::Button
                | Tag::Center
                | Tag::Dd
                | Tag::Details
                | Tag::Dir
                | Tag::Div
                | Tag::Dl
                | Tag::Dt
                | Tag::Fieldset
                | Tag::Figcaption
                | Tag::Figure
                | Tag::Footer
                | Tag::Form
                | Tag::Frameset
                | Tag::Head
                | Tag::Header
                | Tag::Hgroup
                | Tag::Html
                | Tag::Iframe
                | Tag::Isindex
                | Tag::Li
                | Tag::Listing
                | Tag::Main
                | Tag::Marquee
                | Tag::Menu
                | Tag::Nav
                | Tag::Noembed
                | Tag::Noframes
                | Tag::Noscript
                | Tag::Object
                | Tag::Ol
                | Tag::P
                | Tag::Plaintext
                | Tag::Pre
                | Tag::Script
                | Tag::Section
                | Tag::Select
                | Tag::Style
                | Tag::Summary
                | Tag::Table
                | Tag::Template
                | Tag::Textarea
                | Tag::Title
                | Tag::Ul
                | Tag::Xmp
        )
}

/// Formatting elements (HTML 13.2.4.2): a block that outlives one has it inside again.
pub(super) fn is_formatting(tag: Tag) -> bool {
    matches!(
        tag,
        Tag::A
            | Tag::B
            | Tag::Big
            | Tag::Code
            | Tag::Em
            | Tag::Font
            | Tag::I
            | Tag::Nobr
            | Tag::S
            | Tag::Small
            | Tag::Strike
            | Tag::Strong
            | Tag::Tt
            | Tag::U
    )
}

/// Parts of a table, each of which ends others.
pub(super) fn is_table_part(tag: Tag) -> bool {
    matches!(
        tag,
        Tag::Caption | Tag::Col | Tag::Colgroup | Tag::Tbody | Tag::Td | Tag::Tfoot | Tag::Th | Tag::Thead | Tag::Tr
    )
}

/// Start tags that end SVG and MathML around them (HTML 13.2.6.5); `font` does with some attributes.
pub(super) fn ends_foreign_content(tag: Tag) -> bool {
    is_heading(tag)
        || matches!(
            tag,
            Tag::B
                | Tag::Big
                | Tag::Blockquote
                | Tag::Body
                | Tag::Br
                | Tag::Center
                | Tag::Code
                | Tag::Dd
                | Tag::Div
                | Tag::Dl
                | Tag::Dt
                | Tag::Em
                | Tag::Embed
                | Tag::Head
                | Tag::Hr
                | Tag::I
                | Tag::Img
                | Tag::Li
                | Tag::Listing
                | Tag::Menu
                | Tag::Meta
                | Tag::Nobr
                | Tag::Ol
                | Tag::P
                | Tag::Pre
                | Tag::Ruby
                | Tag::S
                | Tag::Small
                | Tag::Span
                | Tag::Strong
                | Tag::Strike
                | Tag::Sub
                | Tag::Sup
                | Tag::Table
                | Tag::Tt
                | Tag::U
                | Tag::Ul
                | Tag::Var
        )
}
