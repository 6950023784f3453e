//! [`Formatting`]: the links that are opened again when a block has closed them, and the ends of links and of other
//! formatting elements (HTML 13.2.4.3).

use std::collections::VecDeque;

use super::construction::Construction;
use super::stack::Scope;
use super::start_tag::StartTag;
use crate::parse::names::{Attr, Namespace, Tag};
use crate::parse::references::MAX_LINK_BYTES;
use crate::parse::tokens::{Attribute, Attributes};

/// Entries of the list. A page needs one for each open link, cell, caption, template and object; those that a page
/// leaves behind without an end tag are forgotten, the oldest first.
const MAX_ENTRIES: usize = 1024;

/// An entry of the list of active formatting elements. Of these only links matter to what is found.
enum Entry<'a> {
    /// Around cells, captions, templates and objects.
    Marker,
    Link {
        id: u32,
        name: &'a str,
        attributes: Vec<Attribute<'a>>,
    },
}

/// The list of active formatting elements.
pub(super) struct Formatting<'a> {
    entries: VecDeque<Entry<'a>>,
    /// Bytes of links that may yet be repeated because their end tag is missing.
    repeats_left: usize,
}

impl<'a> Formatting<'a> {
    pub(super) fn new() -> Self {
        Formatting { entries: VecDeque::new(), repeats_left: 2 * MAX_LINK_BYTES }
    }

    fn last(&self) -> Option<&Entry<'a>> {
        self.entries.back()
    }

    fn push(&mut self, entry: Entry<'a>) {
        if self.entries.len() >= MAX_ENTRIES {
            self.entries.pop_front();
        }
        self.entries.push_back(entry);
    }

    fn pop(&mut self) -> Option<Entry<'a>> {
        self.entries.pop_back()
    }
}

impl<'a> Construction<'a, '_> {
    pub(super) fn push_marker(&mut self) {
        self.formatting.push(Entry::Marker);
    }

    pub(super) fn clear_to_marker(&mut self) {
        while let Some(Entry::Link { .. }) = self.formatting.pop() {}
    }

    /// Opens an `a`, which ends one that is open.
    pub(super) fn insert_link(&mut self, token: StartTag<'_, 'a>) {
        if let Some(&Entry::Link { id, .. }) = self.formatting.last() {
            self.end_formatting(Tag::A, token.name);
            if matches!(self.formatting.last(), Some(Entry::Link { .. })) {
                self.formatting.pop();
                if let Some(place) = self.stack.place_of(id) {
                    self.remove(place);
                }
            }
        }
        self.reconstruct();
        self.insert(token);
        let attributes = token.attributes.0.to_vec();
        self.formatting.push(Entry::Link { id: self.last_id(), name: token.name, attributes });
    }

    /// Opens a link again that a block has closed although its own end tag did not come.
    pub(super) fn reconstruct(&mut self) {
        let Some(Entry::Link { id, .. }) = self.formatting.last() else { return };
        if self.stack.place_of(*id).is_some() {
            return;
        }
        let Some(Entry::Link { name, attributes, .. }) = self.formatting.pop() else { return };
        let size = attributes.iter().map(Attribute::size).sum();
        let Some(left) = self.formatting.repeats_left.checked_sub(size) else {
            // By now the room for links is used up.
            if Attributes(&attributes).get(Attr::Href).is_some() {
                self.walk.drop_link();
            }
            return;
        };
        self.formatting.repeats_left = left;
        let token = StartTag {
            name,
            tag: Tag::A,
            namespace: Namespace::Html,
            self_closing: false,
            attributes: Attributes(&attributes),
        };
        self.insert(token);
        self.formatting.push(Entry::Link { id: self.last_id(), name, attributes });
    }

    /// The end tag of a formatting element (HTML 13.2.6.4.7, the adoption agency algorithm). Around an
    /// open block the element ends where its end tag stands.
    pub(super) fn end_formatting(&mut self, tag: Tag, name: &str) {
        let link = match self.formatting.last() {
            Some(&Entry::Link { id, .. }) if tag == Tag::A => Some(id),
            _ if tag == Tag::A => return self.end_other(tag, name),
            _ => None,
        };
        let place = match link {
            Some(id) => self.stack.place_of(id),
            None if !self.stack.has(tag) => return,
            None => self.stack.inwards().find(|(_, open)| open.is(tag)).map(|(place, _)| place),
        };
        let Some(place) = place else {
            if link.is_some() {
                self.formatting.pop();
            }
            return;
        };
        let id = self.stack.inwards().find(|(at, _)| *at == place).map(|(_, open)| open.id);
        if !self.stack.any_in_scope(Scope::Default, |open| Some(open.id) == id) {
            return;
        }
        match self.stack.last_special_above(place) {
            Some(block) => self.end_around_block(place, block),
            None => self.truncate(place),
        }
        if link.is_some() {
            self.formatting.pop();
        }
    }

    /// Ends the formatting element at `place` while blocks are open in it, the innermost at `block`. What stands
    /// between and is neither a block nor formatting ends too, and so does all that is open in the innermost.
    fn end_around_block(&mut self, place: usize, block: usize) {
        self.truncate(block + 1);
        for at in (place + 1..block).rev() {
            if self.stack.is_left_by_blocks(at) {
                self.remove(at);
            }
        }
        self.remove(place);
    }

    /// Ends an element in which others are open.
    fn remove(&mut self, place: usize) {
        self.stack.remove(place);
        self.walk.end_early(place);
    }
}

#[cfg(test)]
mod tests {
    use super::{Entry, Formatting, MAX_ENTRIES};

    #[test]
    fn markers_and_links_that_a_page_leaves_behind_are_forgotten() {
        let mut list = Formatting::new();
        list.push(Entry::Link { id: 0, name: "a", attributes: Vec::new() });
        for _ in 0..3 * MAX_ENTRIES {
            list.push(Entry::Marker);
        }
        list.push(Entry::Link { id: 1, name: "a", attributes: Vec::new() });
        assert_eq!(list.entries.len(), MAX_ENTRIES);
        assert!(matches!(list.last(), Some(Entry::Link { id: 1, .. })));
        assert!(matches!(list.entries.front(), Some(Entry::Marker)));
    }
}
