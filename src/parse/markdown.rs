//! [`markdown`]: a page as CommonMark (with the tables of GitHub's dialect), for readers that want its structure and not its
//! markup; [`decoded`], a body as text.
//!
//! Where a page has one `main` element it is that, else the body without `nav` and `footer`. What is never shown is left
//! out, as in the plain text. Links and images are absolute. A table that holds headings, lists or other tables lays a
//! page out, and its cells are paragraphs. The work is linear in the tree, which is as bounded as that of a crawl.

use std::borrow::Cow;

use encoding_rs::Encoding;
use scraper::{Html, Node};
use url::Url;

use super::elements::effect;
use super::mime::BodyKind;
use super::names::{Attr, Element, Tag};
use super::{ParseLimits, flow, tree};

/// Levels of lists and quotes that are indented; a deeper one stands with these.
const MOST_LEVELS: usize = 16;
/// A paragraph longer than this loses the markup of what is open in it.
const MOST_LINE_BYTES: usize = 64 * 1024;

/// A body as text in its charset, without byte order mark; `None` when the charset is unknown.
pub fn decoded<'a>(body: &'a [u8], charset: &str) -> Option<Cow<'a, str>> {
    Some(super::decode(Encoding::for_label(charset.as_bytes())?, body))
}

/// A page as Markdown, at most [`ParseLimits::max_text_bytes`] of it; `None` when it is neither HTML nor plain text.
/// `base` is its URL.
pub fn markdown(body: &[u8], mime: &str, charset: Option<&str>, base: &str, limits: &ParseLimits) -> Option<String> {
    let kind = BodyKind::of(mime);
    let text = decoded(body, charset?)?;
    match kind {
        BodyKind::Html | BodyKind::Xhtml => {
            let (html, _) = tree::build(&text, kind == BodyKind::Xhtml, limits, &mut || false);
            Some(of_tree(&html, base, limits.max_text_bytes))
        }
        BodyKind::Prose => Some(super::prose(&text, limits.max_text_bytes).0),
        _ => None,
    }
}

/// A node of scraper's tree, which gives the type no name of its own.
type Ref<'a> = <scraper::ElementRef<'a> as std::ops::Deref>::Target;

fn of_tree(html: &Html, base: &str, most_bytes: usize) -> String {
    let mut only = html.tree.root();
    let mut mains = html.tree.root().descendants().filter(|node| tag_of(node) == Some(Tag::Main));
    let whole = match (mains.next(), mains.next()) {
        (Some(main), None) => {
            only = main;
            false
        }
        _ => true,
    };
    let base = html
        .tree
        .root()
        .descendants()
        .filter(|node| tag_of(node) == Some(Tag::Base))
        .find_map(|node| Url::parse(base).ok()?.join(&attribute(&node, Attr::Href)?).ok())
        .or_else(|| Url::parse(base).ok());
    let mut writer = Writer { base, whole, most_bytes, ..Writer::default() };
    let mut node = only;
    // By hand, as in the walk: a recursion would follow the page's nesting onto the stack.
    loop {
        let entered = match node.value() {
            Node::Text(text) => {
                writer.text(text);
                false
            }
            Node::Element(_) => writer.open(&node),
            _ => true,
        };
        if entered && let Some(child) = node.first_child() {
            node = child;
            continue;
        }
        loop {
            if node.value().is_element() {
                writer.close(&node);
            }
            if node == only || writer.out.len() >= most_bytes {
                return writer.finish();
            }
            if let Some(next) = node.next_sibling() {
                node = next;
                break;
            }
            let Some(parent) = node.parent() else { return writer.finish() };
            node = parent;
        }
    }
}

fn tag_of(node: &Ref<'_>) -> Option<Tag> {
    node.value().as_element().map(Element::tag)
}

fn attribute(node: &Ref<'_>, name: Attr) -> Option<String> {
    node.value().as_element()?.attribute(name).map(Cow::into_owned)
}

/// Markup around a piece of a line.
#[derive(Debug)]
struct Span {
    mark: &'static str,
    href: Option<String>,
    start: usize,
}

#[derive(Debug)]
enum Level {
    Quote,
    /// A list with the number of its next item; `None`: it is not numbered.
    List(Option<u64>),
}

#[derive(Debug, Default)]
struct Writer {
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
    fn text(&mut self, text: &str) {
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
    fn open(&mut self, node: &Ref<'_>) -> bool {
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

    fn close(&mut self, node: &Ref<'_>) {
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
        if self.spans.iter().any(|span| span.mark == mark) {
            return;
        }
        if self.gap && !self.line.is_empty() {
            self.line.push(' ');
            self.gap = false;
        }
        self.spans.push(Span { mark, href, start: self.line.len() });
    }

    fn end(&mut self, mark: &str) {
        let Some(at) = self.spans.iter().rposition(|span| span.mark == mark) else { return };
        let span = self.spans.remove(at);
        if span.start > self.line.len() {
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

    fn finish(mut self) -> String {
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

fn is_item(line: &str) -> bool {
    line.starts_with("- ") || line.split_once(". ").is_some_and(|(number, _)| number.parse::<u64>().is_ok())
}

/// Characters that would be markup, `_` only where it could be: not inside a word.
fn escape(word: &str, out: &mut String) {
    let mut before = ' ';
    let mut rest = word.chars().peekable();
    while let Some(c) = rest.next() {
        let inside = before.is_alphanumeric() && rest.peek().is_some_and(|next| next.is_alphanumeric());
        if matches!(c, '*' | '`' | '[' | ']' | '<' | '\\') || (c == '_' && !inside) {
            out.push('\\');
        }
        out.push(c);
        before = c;
    }
}

/// A backslash where a paragraph would begin like a heading, an item or a quote.
fn needs_guard(text: &str) -> &'static str {
    let first = text.split(' ').next().unwrap_or_default();
    let is_mark = matches!(first, "-" | "+") || first.starts_with('>') || first.bytes().all(|b| b == b'#');
    let is_rule = text.bytes().all(|b| matches!(b, b'-' | b'=' | b' '));
    if is_mark || is_rule { "\\" } else { "" }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[track_caller]
    fn check(html: &str, wanted: &str) {
        let limits = ParseLimits::default();
        let found = markdown(html.as_bytes(), "text/html", Some("utf-8"), "https://a.example/d/", &limits);
        assert_eq!(found.as_deref(), Some(wanted), "{html}");
    }

    #[test]
    fn blocks() {
        check("<title>x</title><h1>One</h1><p>a  b\nc<p>d", "# One\n\na b c\n\nd\n");
        check("<ul><li>a<li>b<ul><li>c</ul></ul>z", "- a\n- b\n  - c\n\nz\n");
        check("<ol><li>a<li>b</ol>", "1. a\n2. b\n");
        check("<blockquote><p>a<p>b</blockquote>", "> a\n\n> b\n");
        check("<pre>a\n  b *\n</pre><hr>", "```\na\n  b *\n```\n\n---\n");
        check("a<br>b", "a\\\nb\n");
        check("<p># no heading<p>- none<p>1 < 2", "\\# no heading\n\n\\- none\n\n1 \\< 2\n");
        check("", "");
    }

    #[test]
    fn inline_markup() {
        check("a <b>b </b>c <i>d</i> <code>e*f</code>", "a **b** c *d* `e*f`\n");
        check("see <a href='../x?y=(1)'>the <b>page</b></a>.", "see [the **page**](https://a.example/x?y=%281%29).\n");
        check("<a href='javascript:x()'>t</a> <a href='#f'></a>u", "t u\n");
        check("<img alt='A b' src=i.png> <img src=j.png>", "![A b](https://a.example/d/i.png)\n");
        check("snake_case _x_ [y]", "snake_case \\_x\\_ \\[y\\]\n");
        check("<base href='https://b.example/'><a href=q>t</a>", "[t](https://b.example/q)\n");
    }

    #[test]
    fn tables_of_data_and_of_layout() {
        check("<table><tr><th>a<th>b<tr><td>1|2<td><p>3</table>z", "| a | b |\n| --- | --- |\n| 1\\|2 | 3 |\n\nz\n");
        check("<table><tr><td><h2>t</h2>x<td>y</table>", "## t\n\nx\n\ny\n");
    }

    #[test]
    fn only_what_is_said() {
        check("<nav>n</nav><p>a<script>s</script><p hidden>h</p><footer>f</footer>", "a\n");
        check("<nav>n</nav><div>o</div><main><p>a</main>", "a\n");
        assert_eq!(markdown(b"a", "image/png", Some("utf-8"), "", &ParseLimits::default()), None);
        assert_eq!(markdown(b"a*", "text/plain", Some("utf-8"), "", &ParseLimits::default()).as_deref(), Some("a*"));
    }

    proptest! {
        #[test]
        fn whatever_a_page_holds_it_ends(pieces in prop::collection::vec(prop::sample::select(vec![
            "<p>", "<a href=x>", "</a>", "<b>", "</b>", "<table>", "<tr>", "<td>", "</table>", "<ul>", "<li>", "</ul>",
            "<pre>", "</pre>", "text ", "<main>", "</main>", "<h2>", "<br>", "<code>", "<blockquote>", "<nav>", "é",
        ]), 0..60)) {
            let limits = ParseLimits { max_text_bytes: 200, ..ParseLimits::default() };
            let html = pieces.concat();
            let found = markdown(html.as_bytes(), "text/html", Some("utf-8"), "https://a.example/", &limits).unwrap();
            prop_assert!(found.len() <= 201);
        }
    }
}
