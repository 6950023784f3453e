//! [`build`]: text to tree, in bounded time.
//!
//! The text is scanned for tags ahead of the tokenizer ([`super::tags`]) and fed in pieces of at
//! most 16 kB with the clock asked between them; the tokens pass the
//! [`NestingFilter`] on their way to the tree builder. The scan knows comments by itself and asks
//! the filter where only the tree builder knows: whether a tag began raw text, and whether a CDATA
//! section is one. Scripts and styles are scanned for their end and not fed: nobody reads them, and on the
//! web they are much of a page.

use html5ever::TokenizerResult;
use html5ever::buffer_queue::BufferQueue;
use html5ever::tendril::StrTendril;
use html5ever::tokenizer::{Tokenizer, TokenizerOpts};
use scraper::Html;

use super::ParseLimits;
use super::nesting::NestingFilter;
use super::script::ScriptEscape;
use super::tags::{self, comment_len};
use crate::model::ParseCut;

/// Bytes between two looks at the clock.
const PIECE_BYTES: usize = 16 * 1024;

/// Names whose content may be raw text; the filter tells whether it is.
const RAW_TEXT: [&[u8]; 9] =
    [b"iframe", b"noembed", b"noframes", b"plaintext", b"script", b"style", b"textarea", b"title", b"xmp"];

/// Parses a document. Where a cap cuts it short the tree holds what came before, and the first such
/// cap is told.
pub(crate) fn build(
    text: &str,
    xhtml: bool,
    limits: &ParseLimits,
    out_of_time: &mut dyn FnMut() -> bool,
) -> (Html, Option<ParseCut>) {
    let tokenizer = Tokenizer::new(NestingFilter::new(*limits, xhtml), TokenizerOpts::default());
    let mut feed = Feed { text, tokenizer, queue: BufferQueue::default(), fed: 0, unasked: 0, out_of_time };
    if feed.document(limits.max_attributes).is_some() {
        feed.tokenizer.end();
    }
    feed.tokenizer.sink.into_tree()
}

/// The text, how far the tokenizer has read it, and the clock. Methods give `None` when the parse
/// is over before the text is.
struct Feed<'a> {
    text: &'a str,
    tokenizer: Tokenizer<NestingFilter>,
    queue: BufferQueue,
    fed: usize,
    unasked: usize,
    out_of_time: &'a mut dyn FnMut() -> bool,
}

/// Text in which there are no tags but the end of its element.
struct RawText<'a> {
    name: &'a str,
    script: Option<ScriptEscape>,
    /// Whether anybody wants it in the tree.
    is_read: bool,
}

/// Whether a script with these attributes, as they are written, may be JSON-LD. Names of types are rarely
/// written in character references.
fn may_be_data(attributes: &str) -> bool {
    let attributes = attributes.as_bytes();
    attributes.contains(&b'&') || attributes.windows(4).any(|piece| piece.eq_ignore_ascii_case(b"json"))
}

impl Feed<'_> {
    fn document(&mut self, max_attributes: usize) -> Option<()> {
        let bytes = self.text.as_bytes();
        let mut at = 0;
        while let Some(open) = memchr::memchr(b'<', bytes.get(at..).unwrap_or_default()) {
            at += open;
            at = match bytes.get(at + 1..).unwrap_or_default() {
                [b'!', b'-', b'-', rest @ ..] => at + 4 + comment_len(rest),
                [b'!', b'[', b'C', b'D', b'A', b'T', b'A', b'[', ..] => self.cdata(at)?,
                [b'!' | b'?', ..] => self.past(at, ">"),
                [b'/', b'>', ..] => at + 3,
                [b'/', c, ..] if c.is_ascii_alphabetic() => self.tag(at + 2, max_attributes)?.end,
                [b'/', _, ..] => self.past(at, ">"),
                [c, ..] if c.is_ascii_alphabetic() => self.start_tag(at + 1, max_attributes)?,
                _ => at + 1,
            };
        }
        self.to(self.text.len())
    }

    /// The end of the first `end` after `at`, or of the text.
    fn past(&self, at: usize, end: &str) -> usize {
        self.text[at..].find(end).map_or(self.text.len(), |found| at + found + end.len())
    }

    fn cdata(&mut self, at: usize) -> Option<usize> {
        self.to(at)?;
        Some(self.past(at, if self.tokenizer.sink.in_foreign_content() { "]]>" } else { ">" }))
    }

    /// Measures the tag whose name begins at `name`; attributes beyond the limit are left out.
    fn tag(&mut self, name: usize, max_attributes: usize) -> Option<tags::Tag> {
        let tag = tags::measure(self.text.as_bytes(), name, max_attributes);
        if let Some((start, end)) = tag.excess.filter(|(start, _)| *start >= self.fed) {
            self.to(start)?;
            // Without it a slash before the excess would close the element.
            self.push(" ");
            self.fed = end;
            self.tokenizer.sink.note(ParseCut::Size);
        }
        Some(tag)
    }

    /// Goes past a start tag, and past its raw text when it has such.
    fn start_tag(&mut self, name: usize, max_attributes: usize) -> Option<usize> {
        let tag = self.tag(name, max_attributes)?;
        let (name, attributes) = (&self.text[name..tag.name_end], &self.text[tag.name_end..tag.end]);
        if !RAW_TEXT.iter().any(|raw| name.as_bytes().eq_ignore_ascii_case(raw)) {
            return Some(tag.end);
        }
        self.to(tag.end)?;
        let mut at = tag.end;
        let is_script = name.eq_ignore_ascii_case("script");
        let mut raw = RawText {
            name,
            script: is_script.then(|| ScriptEscape::new(at)),
            is_read: !(name.eq_ignore_ascii_case("style") || is_script && !may_be_data(attributes)),
        };
        while self.tokenizer.sink.in_raw_text() && self.fed < self.text.len() {
            at = self.end_of_raw_text(at, &mut raw, max_attributes)?;
        }
        Some(at)
    }

    /// Feeds through the next end tag that may end the raw text. Inside a comment inside a script
    /// it does not, so the search goes on just after its name.
    fn end_of_raw_text(&mut self, from: usize, raw: &mut RawText<'_>, max_attributes: usize) -> Option<usize> {
        let Some(end) = tags::raw_text_end(self.text.as_bytes(), from, raw.name, raw.script.as_mut()) else {
            self.skip_unread(self.text.len(), raw);
            self.to(self.text.len())?;
            return Some(self.text.len());
        };
        self.skip_unread(end, raw);
        let name = end + "</".len();
        let tag = self.tag(name, max_attributes)?;
        self.to(tag.end)?;
        Some(if self.tokenizer.sink.in_raw_text() { name + raw.name.len() } else { tag.end })
    }

    fn skip_unread(&mut self, end: usize, raw: &RawText<'_>) {
        if !raw.is_read {
            self.fed = self.fed.max(end);
        }
    }

    /// Feeds the text up to `end`, in pieces.
    fn to(&mut self, end: usize) -> Option<()> {
        while self.fed < end {
            let piece = self.text.floor_char_boundary(end.min(self.fed + PIECE_BYTES));
            let from = std::mem::replace(&mut self.fed, piece);
            self.push(&self.text[from..piece]);
            self.unasked += piece - from;
            if self.unasked >= PIECE_BYTES {
                self.unasked = 0;
                if (self.out_of_time)() {
                    self.tokenizer.sink.note(ParseCut::Time);
                    return None;
                }
            }
            if self.tokenizer.sink.stopped() {
                return None;
            }
        }
        Some(())
    }

    fn push(&self, piece: &str) {
        self.queue.push_back(StrTendril::from(piece));
        // The tokenizer pauses after scripts and charset declarations; neither changes anything here.
        while !matches!(self.tokenizer.feed(&self.queue), TokenizerResult::Done) {}
    }
}
