//! [`Writer`]: elements and texts of a page, in document order, into blocks of Markdown.

use url::Url;

use super::escape::{escape, is_item, needs_guard};
use super::{Ref, attribute, tag_of};
use crate::parse::elements::effect;
use crate::parse::flow;
use crate::parse::names::{Attr, Tag};

/// Levels of lists and quotes that are indented; a deeper one stands with these.
const MOST_LEVELS: usize = 16;
/// A paragraph longer than this loses the markup of what is open in it.
const MOST_LINE_BYTES: usize = 64 * 1024;

/// Markup around a piece of a line.
#[derive(Debug)]
struct Span {
    mark: &'static str,
    href: Option<String>,
    /// Where in the line it begins.
    start: usize,
    /// Elements of the same kind in it, which add nothing.
    inner: usize,
}

#[derive(Debug)]
enum Level {
    Quote,
    /// A list with the number of its next item; `None`: it is not numbered.
    List(Option<u64>),
}

/// What was written so far, and what is open.
#[derive(Debug, Default)]
pub(super) struct Writer {
    base: Option<Url>,
    whole: bool,
    most_bytes: usize,
    out: String,
    /// The paragraph that is being written, white space folded.
    line: String,
    gap: bool,
    /// What the paragraph begins with: signs of a heading, of an item.
    lead: String,
    levels: Vec<Level>,
    spans: Vec<Span>,
    pre: usize,
    code: String,
    /// Cells of the row that is open; `None`: not in a table of data.
    row: Option<Vec<String>>,
    rows: usize,
    tables: usize,
}

impl Writer {
    /// `whole`: of a page without a part that is said to be the main one.
    pub(super) fn new(base: Option<Url>, whole: bool, most_bytes: usize) -> Self {
        Writer { base, whole, most_bytes, ..Writer::default() }
    }

    /// Whether there is no room for more.
    pub(super) fn is_full(&self) -> bool {
        self.out.len() >= self.most_bytes
    }

    /// A text.
    pub(super) fn text(&mut self, text: &str) {
        if self.pre > 0 {
            self.code.push_str(text);
            return;
        }
        let code = self.spans.iter().any(|span| span.mark == "`");
        for (at, word) in text.split(char::is_whitespace).enumerate() {
            self.gap |= at > 0;
            if word.is_empty() {
                continue;
            }
            if self.gap && !self.line.is_empty() && !self.line.ends_with('\n') {
                self.line.push(' ');
            }
            self.gap = false;
            if code {
                self.line.push_str(&word.replace('`', "'"));
            } else {
                escape(word, &mut self.line);
            }
        }
        if self.line.len() > MOST_LINE_BYTES {
            self.spans.clear();
            self.flush();
        }
    }

    /// Whether what is in the element counts.
    pub(super) fn open(&mut self, node: &Ref<'_>) -> bool {
        let (Some(element), Some(tag)) = (node.value().as_element(), tag_of(node)) else { return true };
        let effect = effect(element);
        if effect.unseen || effect.inert || (self.whole && matches!(tag, Tag::Nav | Tag::Footer)) || tag == Tag::Head {
            return false;
        }
        if self.pre > 0 {
            self.pre += usize::from(effect.preformatted);
            if tag == Tag::Br {
                self.code.push('\n');
            }
            return true;
        }
        match tag {
            Tag::Br => self.line.push_str(if self.line.is_empty() || self.is_inline() { " " } else { "\\\n" }),
            Tag::Strong | Tag::B => self.begin("**", None),
            Tag::Em | Tag::I => self.begin("*", None),
            Tag::Code | Tag::Tt => self.begin("`", None),
            Tag::A => {
                let href = attribute(node, Attr::Href).and_then(|href| self.absolute(&href));
                self.begin("[", Some(href.unwrap_or_default()));
            }
            Tag::Img => self.image(node),
            Tag::Table => self.open_table(node),
            Tag::Tr if self.row.is_some() => self.row = Some(Vec::new()),
            Tag::Td | Tag::Th if self.row.is_none() => self.edge(),
            _ if effect.line => self.open_block(tag, effect.heading),
            _ => {}
        }
        if effect.preformatted && !self.is_inline() {
            self.pre = 1;
        }
        true
    }

    fn open_block(&mut self, tag: Tag, heading: Option<u8>) {
        self.edge();
        if self.is_inline() {
            return;
        }
        match tag {
            Tag::Hr => self.block("---"),
            Tag::Ul | Tag::Menu => self.levels.push(Level::List(None)),
            Tag::Ol => self.levels.push(Level::List(Some(1))),
            Tag::Blockquote => self.levels.push(Level::Quote),
            Tag::Li => {
                let number = self.levels.iter_mut().rev().find_map(|level| match level {
                    Level::List(number) => Some(number),
                    Level::Quote => None,
                });
                self.lead = match number {
                    Some(Some(n)) => {
                        *n += 1;
                        format!("{}. ", *n - 1)
                    }
                    _ => "- ".to_owned(),
                };
            }
            _ => {}
        }
        if let Some(level) = heading {
            self.lead = format!("{} ", "#".repeat(usize::from(level)));
        }
    }

    /// The element ends.
    pub(super) fn close(&mut self, node: &Ref<'_>) {
        let (Some(element), Some(tag)) = (node.value().as_element(), tag_of(node)) else { return };
        let effect = effect(element);
        if effect.unseen || effect.inert || (self.whole && matches!(tag, Tag::Nav | Tag::Footer)) || tag == Tag::Head {
            return;
        }
        if self.pre > 0 {
            self.pre -= usize::from(effect.preformatted);
            if self.pre == 0 {
                self.fenced();
            }
            return;
        }
        match tag {
            Tag::Strong | Tag::B => self.end("**"),
            Tag::Em | Tag::I => self.end("*"),
            Tag::Code | Tag::Tt => self.end("`"),
            Tag::A => self.end("["),
            Tag::Td | Tag::Th if self.row.is_some() => self.close_cell(),
            Tag::Tr if self.row.is_some() => self.close_row(),
            Tag::Table => {
                self.tables = self.tables.saturating_sub(1);
                if self.row.take().is_some() {
                    self.out.push('\n');
                }
                self.edge();
            }
            Tag::Br => {}
            _ if effect.line || effect.cell => {
                self.edge();
                if !self.is_inline() {
                    self.lead.clear();
                    if matches!(tag, Tag::Ul | Tag::Menu | Tag::Ol | Tag::Blockquote) {
                        self.levels.pop();
                    }
                }
            }
            _ => {}
        }
    }

    /// Whether blocks cannot stand here: in a link, or in a cell of data.
    fn is_inline(&self) -> bool {
        self.row.is_some() || self.spans.iter().any(|span| span.href.is_some())
    }

    /// The start or end of a block.
    fn edge(&mut self) {
        if self.is_inline() {
            self.gap = true;
        } else {
            self.flush();
        }
    }

    fn flush(&mut self) {
        // Markup does not go from one paragraph to the next.
        self.spans.retain_mut(|span| {
            span.start = 0;
            span.href.is_none()
        });
        self.gap = false;
        let line = std::mem::take(&mut self.line);
        let text = line.trim_matches(|c: char| c == ' ' || c == '\n').trim_end_matches("\\").trim_end();
        if !text.is_empty() {
            let lead = std::mem::take(&mut self.lead);
            let guard = if lead.is_empty() { needs_guard(text) } else { "" };
            self.block(&format!("{lead}{guard}{text}"));
        }
    }

    /// A block of lines, with what is before it on each.
    fn block(&mut self, lines: &str) {
        if !self.out.is_empty() && !self.out.ends_with("\n\n") {
            let tight = is_item(lines) && self.last_is_item();
            self.out.push_str(if tight { "" } else { "\n" });
        }
        let lists = self.levels.iter().filter(|level| matches!(level, Level::List(_))).count();
        let marked = is_item(lines);
        for (at, line) in lines.lines().enumerate() {
            let mut nested = lists.saturating_sub(usize::from(marked && at == 0));
            for level in self.levels.iter().take(MOST_LEVELS) {
                match level {
                    Level::Quote => self.out.push_str("> "),
                    Level::List(number) if nested > 0 => {
                        nested -= 1;
                        self.out.push_str(if number.is_some() { "   " } else { "  " });
                    }
                    Level::List(_) => {}
                }
            }
            self.out.push_str(line);
            self.out.push('\n');
        }
    }

    fn last_is_item(&self) -> bool {
        let last =
            self.out.trim_end_matches('\n').rsplit('\n').next().unwrap_or_default().trim_start_matches([' ', '>']);
        is_item(last)
    }

    fn fenced(&mut self) {
        let code = std::mem::take(&mut self.code);
        let code = code.trim_matches('\n').trim_end();
        if code.is_empty() {
            return;
        }
        let mut fence = "```".to_owned();
        while code.contains(&fence) {
            fence.push('`');
        }
        let lead = std::mem::take(&mut self.lead);
        if !lead.is_empty() {
            self.block(lead.trim_end());
        }
        self.block(&format!("{fence}\n{code}\n{fence}"));
    }

    fn begin(&mut self, mark: &'static str, href: Option<String>) {
        if let Some(outer) = self.spans.iter_mut().find(|span| span.mark == mark) {
            outer.inner += 1;
            return;
        }
        if self.gap && !self.line.is_empty() {
            self.line.push(' ');
            self.gap = false;
        }
        self.spans.push(Span { mark, href, start: self.line.len(), inner: 0 });
    }

    fn end(&mut self, mark: &str) {
        let Some(at) = self.spans.iter().rposition(|span| span.mark == mark) else { return };
        if self.spans[at].inner > 0 {
            self.spans[at].inner -= 1;
            return;
        }
        let span = self.spans.remove(at);
        // What began in it and has not ended is somewhere else in what is written now.
        self.spans.truncate(at);
        if !self.line.is_char_boundary(span.start) {
            return;
        }
        let inner = self.line.split_off(span.start);
        let text = inner.trim();
        self.gap |= inner.ends_with(char::is_whitespace);
        match &span.href {
            _ if text.is_empty() => {}
            Some(href) if href.is_empty() => self.line.push_str(text),
            Some(href) => self.line.push_str(&format!("[{text}]({href})")),
            None => self.line.push_str(&format!("{}{text}{}", span.mark, span.mark)),
        }
    }

    fn image(&mut self, node: &Ref<'_>) {
        let alt = flow::Flow::fold(&attribute(node, Attr::Alt).unwrap_or_default(), flow::Room::Chars(512)).finish();
        let Some(src) = attribute(node, Attr::Src).and_then(|src| self.absolute(&src)) else { return };
        if alt.is_empty() {
            return;
        }
        if self.gap && !self.line.is_empty() {
            self.line.push(' ');
            self.gap = false;
        }
        self.line.push_str("![");
        escape(&alt, &mut self.line);
        self.line.push_str(&format!("]({src})"));
    }

    /// An http or https URL that cannot end the parentheses it stands in.
    fn absolute(&self, reference: &str) -> Option<String> {
        let url = match &self.base {
            Some(base) => base.join(reference.trim()).ok()?,
            None => Url::parse(reference.trim()).ok()?,
        };
        let text = url.as_str().replace('(', "%28").replace(')', "%29");
        matches!(url.scheme(), "http" | "https").then_some(text)
    }

    fn open_table(&mut self, node: &Ref<'_>) {
        if self.row.is_some() || self.is_inline() {
            self.gap = true;
            self.tables += 1;
            return;
        }
        self.flush();
        self.tables += 1;
        let lays_out = node.descendants().skip(1).any(|inner| {
            use Tag::{Blockquote, Dl, H1, H2, H3, H4, H5, H6, Ol, Pre, Table, Ul};
            tag_of(&inner)
                .is_some_and(|tag| matches!(tag, Table | H1 | H2 | H3 | H4 | H5 | H6 | Ul | Ol | Dl | Pre | Blockquote))
        });
        if !lays_out {
            self.row = Some(Vec::new());
            self.rows = 0;
            if !self.out.is_empty() {
                self.out.push('\n');
            }
        }
    }

    fn close_cell(&mut self) {
        self.spans.clear();
        self.gap = false;
        let cell = std::mem::take(&mut self.line).trim().replace('\n', " ").replace('|', "\\|");
        if let Some(row) = &mut self.row {
            row.push(cell);
        }
    }

    fn close_row(&mut self) {
        let Some(row) = self.row.replace(Vec::new()) else { return };
        if row.iter().all(String::is_empty) {
            return;
        }
        self.out.push_str(&format!("| {} |\n", row.join(" | ")));
        if self.rows == 0 {
            self.out.push_str(&format!("|{}\n", " --- |".repeat(row.len())));
        }
        self.rows += 1;
    }

    /// All of it.
    pub(super) fn finish(mut self) -> String {
        self.row = None;
        self.spans.clear();
        self.flush();
        if self.pre > 0 {
            self.fenced();
        }
        let mut text = self.out.replace('\0', "");
        text.truncate(text.floor_char_boundary(self.most_bytes));
        let kept = text.trim_end().len();
        text.truncate(kept);
        text.push('\n');
        if kept == 0 { String::new() } else { text }
    }
}
