//! The insertion modes in tables (HTML 13.2.6.4.9 to 13.2.6.4.15).

use super::body::is_hidden_input;
use super::construction::{Construction, Mode};
use super::stack::{Scope, is_table_part};
use super::start_tag::StartTag;
use crate::parse::names::Tag;

fn is_section(tag: Tag) -> bool {
    matches!(tag, Tag::Tbody | Tag::Tfoot | Tag::Thead)
}

fn is_cell(tag: Tag) -> bool {
    matches!(tag, Tag::Td | Tag::Th)
}

/// What stays open when a table's part is closed.
fn is_table(tag: Tag) -> bool {
    matches!(tag, Tag::Table | Tag::Template | Tag::Html)
}

fn is_section_context(tag: Tag) -> bool {
    is_section(tag) || matches!(tag, Tag::Template | Tag::Html)
}

fn is_row_context(tag: Tag) -> bool {
    matches!(tag, Tag::Tr | Tag::Template | Tag::Html)
}

impl<'a> Construction<'a, '_> {
    /// A start tag in a table.
    pub(super) fn start_in_table_mode(&mut self, mode: Mode, token: StartTag<'_, 'a>) {
        match mode {
            Mode::InCaption if is_table_part(token.tag) => {
                if self.close_caption() {
                    self.start(token);
                }
            }
            Mode::InCell if is_table_part(token.tag) => {
                if self.stack.any_in_scope(Scope::Table, |open| open.is_one_of(is_cell)) {
                    self.close_cell();
                    self.start(token);
                }
            }
            Mode::InCaption | Mode::InCell => self.start_in_body(token),
            Mode::InColumnGroup => match token.tag {
                Tag::Col => self.insert_void(token),
                Tag::Template => self.start_in_head(token),
                _ if self.stack.current_is(Tag::Colgroup) => self.start_after_way(token),
                _ => {}
            },
            Mode::InTableBody => self.start_in_section(token),
            Mode::InRow => self.start_in_row(token),
            _ => self.start_in_table(token),
        }
    }

    fn start_in_table(&mut self, token: StartTag<'_, 'a>) {
        match token.tag {
            Tag::Caption => {
                self.pop_to(is_table);
                self.push_marker();
                self.insert(token);
                self.mode = Mode::InCaption;
            }
            Tag::Colgroup => {
                self.pop_to(is_table);
                self.insert(token);
                self.mode = Mode::InColumnGroup;
            }
            Tag::Col => {
                self.pop_to(is_table);
                self.insert_implied(Tag::Colgroup);
                self.mode = Mode::InColumnGroup;
                self.start(token);
            }
            section if is_section(section) => {
                self.pop_to(is_table);
                self.insert(token);
                self.mode = Mode::InTableBody;
            }
            Tag::Td | Tag::Th | Tag::Tr => {
                self.pop_to(is_table);
                self.insert_implied(Tag::Tbody);
                self.mode = Mode::InTableBody;
                self.start(token);
            }
            Tag::Table => {
                if self.end_table() {
                    self.start(token);
                }
            }
            Tag::Style | Tag::Script | Tag::Template => self.start_in_head(token),
            Tag::Input if is_hidden_input(&token) => self.insert_void(token),
            Tag::Form => {
                if self.form.is_none() && !self.stack.has(Tag::Template) {
                    self.insert_void(token);
                    self.form = Some(self.last_id());
                }
            }
            // The tree would have it before the table.
            _ => self.start_in_body(token),
        }
    }

    fn start_in_section(&mut self, token: StartTag<'_, 'a>) {
        match token.tag {
            Tag::Tr => {
                self.pop_to(is_section_context);
                self.insert(token);
                self.mode = Mode::InRow;
            }
            Tag::Td | Tag::Th => {
                self.pop_to(is_section_context);
                self.insert_implied(Tag::Tr);
                self.mode = Mode::InRow;
                self.start(token);
            }
            Tag::Caption | Tag::Col | Tag::Colgroup | Tag::Tbody | Tag::Tfoot | Tag::Thead => {
                if self.end_section() {
                    self.start(token);
                }
            }
            _ => self.start_in_table(token),
        }
    }

    fn start_in_row(&mut self, token: StartTag<'_, 'a>) {
        match token.tag {
            Tag::Td | Tag::Th => {
                self.pop_to(is_row_context);
                self.insert(token);
                self.mode = Mode::InCell;
                self.push_marker();
            }
            part if is_table_part(part) => {
                if self.end_row() {
                    self.start(token);
                }
            }
            _ => self.start_in_table(token),
        }
    }

    /// An end tag in a table.
    pub(super) fn end_in_table_mode(&mut self, mode: Mode, tag: Tag, name: &'a str) {
        match (mode, tag) {
            (Mode::InCaption, Tag::Caption | Tag::Table) => {
                if self.close_caption() && tag == Tag::Table {
                    self.end(name);
                }
            }
            (Mode::InCell, Tag::Td | Tag::Th) => {
                if self.stack.in_scope(Scope::Table, tag) {
                    self.imply_ends(None);
                    self.pop_through(|held| held == tag);
                    self.clear_to_marker();
                    self.mode = Mode::InRow;
                }
            }
            (Mode::InCell, Tag::Table | Tag::Tbody | Tag::Tfoot | Tag::Thead | Tag::Tr) => {
                if self.stack.in_scope(Scope::Table, tag) {
                    self.close_cell();
                    self.end(name);
                }
            }
            (Mode::InCell, Tag::Body | Tag::Caption | Tag::Col | Tag::Colgroup | Tag::Html) => {}
            (Mode::InCaption, Tag::Body | Tag::Html) => {}
            (Mode::InCaption, part) if is_table_part(part) => {}
            (Mode::InCaption | Mode::InCell, _) => self.end_in_body(tag, name),
            (Mode::InColumnGroup, _) => self.end_in_column_group(tag, name),
            (Mode::InRow, Tag::Tr) => {
                self.end_row();
            }
            (Mode::InRow, Tag::Table) => {
                if self.end_row() {
                    self.end(name);
                }
            }
            (Mode::InRow, Tag::Tbody | Tag::Tfoot | Tag::Thead) => {
                if self.stack.in_scope(Scope::Table, tag) && self.end_row() {
                    self.end(name);
                }
            }
            (Mode::InTableBody, Tag::Tbody | Tag::Tfoot | Tag::Thead) => {
                if self.stack.in_scope(Scope::Table, tag) {
                    self.close_section();
                }
            }
            (Mode::InTableBody, Tag::Table) => {
                if self.end_section() {
                    self.end(name);
                }
            }
            (_, Tag::Table) => {
                self.end_table();
            }
            (_, Tag::Body | Tag::Html) => {}
            (_, part) if is_table_part(part) => {}
            (_, Tag::Template) => self.end_template(),
            _ => self.end_in_body(tag, name),
        }
    }

    fn end_in_column_group(&mut self, tag: Tag, name: &'a str) {
        match tag {
            Tag::Col => {}
            Tag::Template => self.end_template(),
            Tag::Colgroup if self.stack.current_is(Tag::Colgroup) => self.make_way(),
            Tag::Colgroup => {}
            _ if self.stack.current_is(Tag::Colgroup) => {
                self.make_way();
                self.end(name);
            }
            _ => {}
        }
    }

    fn close_caption(&mut self) -> bool {
        let open = self.stack.in_scope(Scope::Table, Tag::Caption);
        if open {
            self.pop_through(|tag| tag == Tag::Caption);
            self.clear_to_marker();
            self.mode = Mode::InTable;
        }
        open
    }

    fn close_cell(&mut self) {
        self.pop_through(is_cell);
        self.clear_to_marker();
        self.mode = Mode::InRow;
    }

    fn end_row(&mut self) -> bool {
        let open = self.stack.in_scope(Scope::Table, Tag::Tr);
        if open {
            self.pop_to(is_row_context);
            self.pop();
            self.mode = Mode::InTableBody;
        }
        open
    }

    fn end_section(&mut self) -> bool {
        let open = self.stack.any_in_scope(Scope::Table, |open| open.is_one_of(is_section));
        if open {
            self.close_section();
        }
        open
    }

    fn close_section(&mut self) {
        self.pop_to(is_section_context);
        self.pop();
        self.mode = Mode::InTable;
    }

    fn end_table(&mut self) -> bool {
        let open = self.stack.in_scope(Scope::Table, Tag::Table);
        if open {
            self.pop_through(|tag| tag == Tag::Table);
            self.reset_mode();
        }
        open
    }

    /// The mode that the open elements ask for (HTML 13.2.4.1, reset the insertion mode appropriately).
    pub(super) fn reset_mode(&mut self) {
        for (_, open) in self.stack.inwards().filter(|(_, open)| open.is_one_of(|_| true)) {
            self.mode = match open.tag {
                Tag::Td | Tag::Th => Mode::InCell,
                Tag::Tr => Mode::InRow,
                Tag::Tbody | Tag::Tfoot | Tag::Thead => Mode::InTableBody,
                Tag::Caption => Mode::InCaption,
                Tag::Colgroup => Mode::InColumnGroup,
                Tag::Table => Mode::InTable,
                Tag::Template => self.template_modes.last().copied().unwrap_or(Mode::InTemplate),
                Tag::Head => Mode::InHead,
                Tag::Body => Mode::InBody,
                Tag::Frameset => Mode::InFrameset,
                Tag::Html if self.had_head => Mode::AfterHead,
                Tag::Html => Mode::BeforeHead,
                _ => continue,
            };
            return;
        }
        self.mode = Mode::InBody;
    }
}
