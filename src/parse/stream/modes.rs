//! Which rules take a tag: the insertion modes, and those before, after and instead of the body
//! (HTML 13.2.6.4.1 to 13.2.6.4.6, and 13.2.6.4.16 to the end).

use super::construction::{Construction, Mode};
use super::start_tag::StartTag;
use crate::parse::names::Tag;
use crate::parse::tokens::RawText;

impl<'a> Construction<'a, '_> {
    /// A start tag by the rules of a mode.
    pub(super) fn start_in(&mut self, mode: Mode, token: StartTag<'_, 'a>) {
        match mode {
            _ if token.tag == Tag::Html && !matches!(mode, Mode::Initial | Mode::BeforeHtml | Mode::InTemplate) => {
                self.late_html(token);
            }
            Mode::BeforeHtml if token.tag == Tag::Html => {
                self.insert(token);
                self.mode = Mode::BeforeHead;
            }
            Mode::BeforeHead if token.tag == Tag::Head => {
                self.insert(token);
                self.had_head = true;
                self.mode = Mode::InHead;
            }
            Mode::Initial | Mode::BeforeHtml | Mode::BeforeHead | Mode::AfterBody => self.start_after_way(token),
            Mode::InHead => self.start_in_head(token),
            Mode::InHeadNoscript => match token.tag {
                Tag::Basefont | Tag::Bgsound | Tag::Link | Tag::Meta | Tag::Noframes | Tag::Style => {
                    self.start_in_head(token);
                }
                Tag::Head | Tag::Noscript => {}
                _ => self.start_after_way(token),
            },
            Mode::AfterHead => self.start_after_head(token),
            Mode::InBody => self.start_in_body(token),
            Mode::InTemplate => self.start_in_template(token),
            Mode::InFrameset | Mode::AfterFrameset | Mode::AfterAfterFrameset => self.start_in_frameset(token),
            Mode::InTable | Mode::InCaption | Mode::InColumnGroup | Mode::InTableBody | Mode::InRow | Mode::InCell => {
                self.start_in_table_mode(mode, token)
            }
        }
    }

    /// An end tag by the rules of a mode.
    pub(super) fn end_in(&mut self, mode: Mode, tag: Tag, name: &'a str) {
        match mode {
            Mode::Initial => {
                self.make_way();
                self.end(name);
            }
            Mode::BeforeHtml | Mode::BeforeHead => {
                if matches!(tag, Tag::Head | Tag::Body | Tag::Html | Tag::Br) {
                    self.make_way();
                    self.end(name);
                }
            }
            Mode::InHead => match tag {
                Tag::Head => self.make_way(),
                Tag::Body | Tag::Html | Tag::Br => {
                    self.make_way();
                    self.end(name);
                }
                Tag::Template => self.end_template(),
                _ => {}
            },
            Mode::InHeadNoscript => match tag {
                Tag::Noscript => self.make_way(),
                Tag::Br => {
                    self.make_way();
                    self.end(name);
                }
                _ => {}
            },
            Mode::AfterHead => match tag {
                Tag::Template => self.end_template(),
                Tag::Body | Tag::Html | Tag::Br => {
                    self.make_way();
                    self.end(name);
                }
                _ => {}
            },
            Mode::InBody => self.end_in_body(tag, name),
            Mode::InTemplate => {
                if tag == Tag::Template {
                    self.end_template();
                }
            }
            Mode::AfterBody => {
                if tag != Tag::Html {
                    self.make_way();
                    self.end(name);
                }
            }
            Mode::InFrameset => {
                if tag == Tag::Frameset && self.stack.len() > 1 {
                    self.pop();
                    if !self.stack.current_is(Tag::Frameset) {
                        self.mode = Mode::AfterFrameset;
                    }
                }
            }
            Mode::AfterFrameset => {
                if tag == Tag::Html {
                    self.mode = Mode::AfterAfterFrameset;
                }
            }
            Mode::AfterAfterFrameset => {}
            Mode::InTable | Mode::InCaption | Mode::InColumnGroup | Mode::InTableBody | Mode::InRow | Mode::InCell => {
                self.end_in_table_mode(mode, tag, name)
            }
        }
    }

    /// The tag does not belong here: the next mode takes it.
    pub(super) fn start_after_way(&mut self, token: StartTag<'_, 'a>) {
        self.make_way();
        self.start(token);
    }

    pub(super) fn late_html(&mut self, token: StartTag<'_, 'a>) {
        if !self.stack.has(Tag::Template) {
            self.walk.late_html(&token);
        }
    }

    pub(super) fn start_in_head(&mut self, token: StartTag<'_, 'a>) {
        match token.tag {
            Tag::Base | Tag::Basefont | Tag::Bgsound | Tag::Link | Tag::Meta => self.insert_void(token),
            Tag::Title => self.insert_raw(token, RawText::Replaceable),
            Tag::Noframes | Tag::Style => self.insert_raw(token, RawText::Raw),
            Tag::Noscript => {
                self.insert(token);
                self.mode = Mode::InHeadNoscript;
            }
            Tag::Script => self.insert_raw(token, RawText::Script),
            Tag::Template => {
                self.push_marker();
                self.frameset_ok = false;
                self.mode = Mode::InTemplate;
                self.template_modes.push(Mode::InTemplate);
                self.insert(token);
            }
            Tag::Head => {}
            _ => self.start_after_way(token),
        }
    }

    pub(super) fn end_template(&mut self) {
        if !self.stack.has(Tag::Template) {
            return;
        }
        self.pop_through(|tag| tag == Tag::Template);
        self.clear_to_marker();
        self.template_modes.pop();
        self.reset_mode();
    }

    fn start_after_head(&mut self, token: StartTag<'_, 'a>) {
        match token.tag {
            Tag::Body => {
                self.insert(token);
                self.frameset_ok = false;
                self.mode = Mode::InBody;
            }
            Tag::Frameset => {
                self.insert(token);
                self.mode = Mode::InFrameset;
            }
            tag if of_head(tag) => self.start_in_head(token),
            Tag::Head => {}
            _ => self.start_after_way(token),
        }
    }

    fn start_in_template(&mut self, token: StartTag<'_, 'a>) {
        let mode = match token.tag {
            tag if of_head(tag) => return self.start_in_head(token),
            Tag::Caption | Tag::Colgroup | Tag::Tbody | Tag::Tfoot | Tag::Thead => Mode::InTable,
            Tag::Col => Mode::InColumnGroup,
            Tag::Tr => Mode::InTableBody,
            Tag::Td | Tag::Th => Mode::InRow,
            _ => Mode::InBody,
        };
        self.template_modes.pop();
        self.template_modes.push(mode);
        self.mode = mode;
        self.start(token);
    }

    fn start_in_frameset(&mut self, token: StartTag<'_, 'a>) {
        match token.tag {
            Tag::Frameset if self.mode == Mode::InFrameset => self.insert(token),
            Tag::Frame if self.mode == Mode::InFrameset => self.insert_void(token),
            Tag::Noframes => self.start_in_head(token),
            _ => {}
        }
    }
}

/// Whether a start tag is taken by the rules of the head in modes after it too (HTML 13.2.6.4.6, 13.2.6.4.7, 13.2.6.4.18).
pub(super) fn of_head(tag: Tag) -> bool {
    matches!(
        tag,
        Tag::Base
            | Tag::Basefont
            | Tag::Bgsound
            | Tag::Link
            | Tag::Meta
            | Tag::Noframes
            | Tag::Script
            | Tag::Style
            | Tag::Template
            | Tag::Title
    )
}
