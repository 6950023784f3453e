//! The body: what a start or end tag opens and closes there (HTML 13.2.6.4.7).

use super::construction::{Construction, Mode};
use super::modes::of_head;
use super::stack::{Scope, is_formatting, is_heading, is_special};
use super::start_tag::StartTag;
use crate::parse::names::{Attr, Namespace, Tag};
use crate::parse::tokens::RawText;

impl<'a> Construction<'a, '_> {
    /// A start tag in the body.
    pub(super) fn start_in_body(&mut self, token: StartTag<'_, 'a>) {
        match token.tag {
            tag if of_head(tag) => self.start_in_head(token),
            Tag::Html => self.late_html(token),
            Tag::Body => self.frameset_ok = self.frameset_ok && self.stack.has(Tag::Template),
            Tag::Frameset => self.start_frameset(token),
            Tag::Address
            | Tag::Article
            | Tag::Aside
            | Tag::Blockquote
            | Tag::Center
            | Tag::Details
            | Tag::Dialog
            | Tag::Dir
            | Tag::Div
            | Tag::Dl
            | Tag::Fieldset
            | Tag::Figcaption
            | Tag::Figure
            | Tag::Footer
            | Tag::Header
            | Tag::Hgroup
            | Tag::Main
            | Tag::Menu
            | Tag::Nav
            | Tag::Ol
            | Tag::P
            | Tag::Search
            | Tag::Section
            | Tag::Summary
            | Tag::Ul => self.insert_block(token),
            heading if is_heading(heading) => {
                self.close_p();
                if self.stack.current_is_one_of(is_heading) {
                    self.pop();
                }
                self.insert(token);
            }
            Tag::Pre | Tag::Listing => {
                self.insert_block(token);
                self.ignore_line_break = true;
                self.frameset_ok = false;
            }
            Tag::Form => self.start_form(token),
            Tag::Li | Tag::Dd | Tag::Dt => self.start_item(token),
            Tag::Plaintext => {
                self.close_p();
                self.insert_raw(token, RawText::Endless);
            }
            Tag::Button => {
                if self.stack.in_scope(Scope::Default, Tag::Button) {
                    self.imply_ends(None);
                    self.pop_through(|tag| tag == Tag::Button);
                }
                self.insert_inline(token);
                self.frameset_ok = false;
            }
            Tag::A => {
                self.insert_link(token);
            }
            Tag::Nobr => {
                self.reconstruct();
                if self.stack.in_scope(Scope::Default, Tag::Nobr) {
                    self.end_formatting(Tag::Nobr, token.name);
                }
                self.insert_inline(token);
            }
            Tag::Applet | Tag::Marquee | Tag::Object => {
                self.insert_inline(token);
                self.push_marker();
                self.frameset_ok = false;
            }
            Tag::Table => {
                if !self.quirks {
                    self.close_p();
                }
                self.insert(token);
                self.frameset_ok = false;
                self.mode = Mode::InTable;
            }
            _ => self.start_inline(token),
        }
    }

    fn start_inline(&mut self, token: StartTag<'_, 'a>) {
        match token.tag {
            Tag::Area | Tag::Br | Tag::Embed | Tag::Img | Tag::Keygen | Tag::Wbr => self.insert_inline_void(token),
            Tag::Image => self.insert_inline_void(StartTag { tag: Tag::Img, ..token }),
            Tag::Input => {
                if self.stack.in_scope(Scope::Default, Tag::Select) {
                    self.pop_through(|tag| tag == Tag::Select);
                }
                let frameset_ok = self.frameset_ok && is_hidden_input(&token);
                self.insert_inline_void(token);
                self.frameset_ok = frameset_ok;
            }
            Tag::Param | Tag::Source | Tag::Track => self.insert_void(token),
            Tag::Hr => {
                self.close_p();
                if self.stack.in_scope(Scope::Default, Tag::Select) {
                    self.imply_ends(None);
                }
                self.insert_void(token);
                self.frameset_ok = false;
            }
            Tag::Textarea => {
                self.ignore_line_break = true;
                self.frameset_ok = false;
                self.insert_raw(token, RawText::Replaceable);
            }
            Tag::Xmp => {
                self.close_p();
                self.reconstruct();
                self.frameset_ok = false;
                self.insert_raw(token, RawText::Raw);
            }
            Tag::Iframe => {
                self.frameset_ok = false;
                self.insert_raw(token, RawText::Raw);
            }
            Tag::Noembed => self.insert_raw(token, RawText::Raw),
            Tag::Select => {
                if self.stack.in_scope(Scope::Default, Tag::Select) {
                    self.pop_through(|tag| tag == Tag::Select);
                } else {
                    self.insert_inline(token);
                    self.frameset_ok = false;
                }
            }
            Tag::Option | Tag::Optgroup => {
                if self.stack.in_scope(Scope::Default, Tag::Select) {
                    self.imply_ends(Some(Tag::Optgroup).filter(|_| token.tag == Tag::Option));
                } else if self.stack.current_is(Tag::Option) {
                    self.pop();
                }
                self.insert_inline(token);
            }
            Tag::Rb | Tag::Rtc | Tag::Rp | Tag::Rt => {
                if self.stack.in_scope(Scope::Default, Tag::Ruby) {
                    self.imply_ends(Some(Tag::Rtc).filter(|_| matches!(token.tag, Tag::Rp | Tag::Rt)));
                }
                self.insert(token);
            }
            Tag::Math | Tag::Svg => {
                self.reconstruct();
                let namespace = if token.tag == Tag::Svg { Namespace::Svg } else { Namespace::MathMl };
                self.insert_foreign(StartTag { namespace, ..token });
            }
            Tag::Caption
            | Tag::Col
            | Tag::Colgroup
            | Tag::Frame
            | Tag::Head
            | Tag::Tbody
            | Tag::Td
            | Tag::Tfoot
            | Tag::Th
            | Tag::Thead
            | Tag::Tr => {}
            _ => self.insert_inline(token),
        }
    }

    fn insert_block(&mut self, token: StartTag<'_, 'a>) {
        self.close_p();
        self.insert(token);
    }

    fn insert_inline(&mut self, token: StartTag<'_, 'a>) {
        self.reconstruct();
        self.insert(token);
    }

    fn insert_inline_void(&mut self, token: StartTag<'_, 'a>) {
        self.reconstruct();
        self.insert_void(token);
        self.frameset_ok = false;
    }

    fn start_frameset(&mut self, token: StartTag<'_, 'a>) {
        if self.frameset_ok && self.stack.has(Tag::Body) {
            self.truncate(1);
            self.insert(token);
            self.mode = Mode::InFrameset;
        }
    }

    fn start_form(&mut self, token: StartTag<'_, 'a>) {
        let in_template = self.stack.has(Tag::Template);
        if self.form.is_some() && !in_template {
            return;
        }
        self.insert_block(token);
        if !in_template {
            self.form = Some(self.last_id());
        }
    }

    /// `li`, `dd` and `dt` end the one before them.
    fn start_item(&mut self, token: StartTag<'_, 'a>) {
        let list = token.tag == Tag::Li;
        self.frameset_ok = false;
        let closes = |tag| if list { tag == Tag::Li } else { matches!(tag, Tag::Dd | Tag::Dt) };
        let stops = |tag| is_special(tag) && !matches!(tag, Tag::Address | Tag::Div | Tag::P);
        let found =
            self.stack.inwards().map(|(_, open)| open).find(|open| open.is_one_of(|tag| closes(tag) || stops(tag)));
        if let Some(tag) = found.map(|open| open.tag).filter(|&tag| closes(tag)) {
            self.close(tag);
        }
        self.insert_block(token);
    }

    /// An end tag in the body.
    pub(super) fn end_in_body(&mut self, tag: Tag, name: &'a str) {
        match tag {
            Tag::Template => self.end_template(),
            Tag::Body | Tag::Html => {
                if self.stack.in_scope(Scope::Default, Tag::Body) {
                    self.mode = Mode::AfterBody;
                }
            }
            Tag::Address
            | Tag::Article
            | Tag::Aside
            | Tag::Blockquote
            | Tag::Button
            | Tag::Center
            | Tag::Details
            | Tag::Dialog
            | Tag::Dir
            | Tag::Div
            | Tag::Dl
            | Tag::Fieldset
            | Tag::Figcaption
            | Tag::Figure
            | Tag::Footer
            | Tag::Header
            | Tag::Hgroup
            | Tag::Listing
            | Tag::Main
            | Tag::Menu
            | Tag::Nav
            | Tag::Ol
            | Tag::Pre
            | Tag::Search
            | Tag::Section
            | Tag::Select
            | Tag::Summary
            | Tag::Ul => {
                self.end_block(tag);
            }
            Tag::Form => self.end_form(),
            Tag::P => {
                if !self.stack.in_scope(Scope::Button, Tag::P) {
                    self.insert_implied(Tag::P);
                }
                self.close(Tag::P);
            }
            Tag::Li | Tag::Dd | Tag::Dt => {
                let scope = if tag == Tag::Li { Scope::ListItem } else { Scope::Default };
                if self.stack.in_scope(scope, tag) {
                    self.close(tag);
                }
            }
            heading if is_heading(heading) => {
                if self.stack.any_in_scope(Scope::Default, |open| open.is_one_of(is_heading)) {
                    self.pop_through(is_heading);
                }
            }
            formatting if is_formatting(formatting) => self.end_formatting(tag, name),
            Tag::Applet | Tag::Marquee | Tag::Object => {
                if self.end_block(tag) {
                    self.clear_to_marker();
                }
            }
            Tag::Br => {
                self.reconstruct();
                self.insert_implied(Tag::Br);
                self.pop();
                self.frameset_ok = false;
            }
            _ => self.end_other(tag, name),
        }
    }

    fn end_block(&mut self, tag: Tag) -> bool {
        let open = self.stack.in_scope(Scope::Default, tag);
        if open {
            self.pop_through(|held| held == tag);
        }
        open
    }

    fn end_form(&mut self) {
        if self.stack.has(Tag::Template) {
            self.end_block(Tag::Form);
            return;
        }
        let Some(id) = self.form.take() else { return };
        if !self.stack.any_in_scope(Scope::Default, |open| open.id == id) {
            return;
        }
        self.imply_ends(None);
        if self.stack.current().is_some_and(|open| open.id == id) {
            self.pop();
        } else if let Some(place) = self.stack.place_of(id) {
            self.stack.forget(place);
        }
    }
}

pub(super) fn is_hidden_input(token: &StartTag<'_, '_>) -> bool {
    token.attributes.get(Attr::Type).is_some_and(|held| held.eq_ignore_ascii_case("hidden"))
}
