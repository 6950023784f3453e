//! XML as the web writes it: [`XmlPieces`] reads a [`TextSource`] tag by tag and goes on after
//! whatever is wrong; [`Children`] follows a record's direct children through mismatched tags.
//!
//! A document type is passed over: nothing it declares is expanded, and nothing it names is loaded.

mod entity;
mod source;

use std::borrow::Cow;
use std::cell::Cell;
use std::ops::ControlFlow;

use quick_xml::Reader;
use quick_xml::events::{BytesStart, Event};
use quick_xml::name::QName;

pub(crate) use source::{TextSource, is_gzip};

use crate::model::ParseCut;

/// Open elements that are remembered; the reader would keep the names of all.
const MAX_OPEN: usize = 4096;
/// Bytes between two questions for the time.
const PIECE_BYTES: u64 = 16 * 1024;

/// A name in two parts: `image:loc`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Name<'a> {
    /// Empty without a colon.
    pub(crate) prefix: &'a str,
    pub(crate) local: &'a str,
}

impl<'a> Name<'a> {
    fn of(name: QName<'a>) -> Self {
        let (prefix, local) = name.into_inner().split_once(':').unwrap_or(("", name.into_inner()));
        Name { prefix, local }
    }

    /// Whether this is the local name, in any case: XML tells cases apart, those who write it by
    /// hand do not.
    pub(crate) fn is(self, local: &str) -> bool {
        self.local.eq_ignore_ascii_case(local)
    }
}

/// A start tag.
pub(crate) struct Tag<'a> {
    pub(crate) name: Name<'a>,
    event: &'a BytesStart<'a>,
}

impl Tag<'_> {
    /// The value of an attribute, by its name as written, references resolved.
    pub(crate) fn attribute(&self, name: &str) -> Option<String> {
        let mut attributes = self.event.attributes();
        let held =
            attributes.with_checks(false).flatten().find(|held| held.key.into_inner().eq_ignore_ascii_case(name))?;
        Some(entity::expanded(&held.value).into_owned())
    }
}

/// What is read next.
pub(crate) enum Piece<'a> {
    /// A start tag; an empty element is one and [`Piece::Close`].
    Open(Tag<'a>),
    /// An end tag, whether or not it ends what is open.
    Close(Name<'a>),
    /// Text, or a part of one.
    Text(&'a str),
    /// Something could not be read and was left out.
    Gap,
}

/// A reader of XML that no document can stop before its end.
pub(crate) struct XmlPieces<'a> {
    reader: Reader<TextSource<'a>>,
    open: usize,
}

/// How the document ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct XmlEnd {
    /// The limit that ended it early.
    pub(crate) cut: Option<ParseCut>,
}

impl<'a> XmlPieces<'a> {
    /// A reader from the beginning of the text.
    pub(crate) fn new(source: TextSource<'a>) -> Self {
        XmlPieces { reader: tolerant(source), open: 0 }
    }

    /// Hands every piece to `take` until it breaks off, the text ends or the time is over. A tag or a run of
    /// text longer than `max_piece` bytes at that moment is a [`Piece::Gap`]. `take` is told how many bytes
    /// were read so far.
    pub(crate) fn read(
        mut self,
        max_piece: &Cell<usize>,
        out_of_time: &mut dyn FnMut() -> bool,
        take: &mut dyn FnMut(Piece<'_>, u64) -> ControlFlow<()>,
    ) -> XmlEnd {
        let mut buffer = Vec::new();
        let mut asked_at = 0;
        loop {
            buffer.clear();
            self.reader.get_mut().allow(max_piece.get());
            let event = self.reader.read_event_into(&mut buffer);
            let given = self.reader.get_ref().given();
            let flow = match event {
                Ok(Event::Eof) => return XmlEnd { cut: self.reader.get_ref().cut() },
                Ok(event) => self.hand_on(event, given, take),
                Err(_) => {
                    self = self.afresh();
                    take(Piece::Gap, given)
                }
            };
            if flow.is_break() {
                return XmlEnd { cut: None };
            }
            if self.open > MAX_OPEN {
                self = self.afresh();
            }
            if given - asked_at >= PIECE_BYTES {
                asked_at = given;
                if out_of_time() {
                    return XmlEnd { cut: Some(ParseCut::Time) };
                }
            }
        }
    }

    fn hand_on(
        &mut self,
        event: Event<'_>,
        given: u64,
        take: &mut dyn FnMut(Piece<'_>, u64) -> ControlFlow<()>,
    ) -> ControlFlow<()> {
        match event {
            Event::Start(tag) => {
                self.open += 1;
                take(Piece::Open(Tag { name: Name::of(tag.name()), event: &tag }), given)
            }
            Event::Empty(tag) => {
                take(Piece::Open(Tag { name: Name::of(tag.name()), event: &tag }), given)?;
                take(Piece::Close(Name::of(tag.name())), given)
            }
            Event::End(tag) => {
                self.open = self.open.saturating_sub(1);
                take(Piece::Close(Name::of(tag.name())), given)
            }
            Event::Text(text) => take(Piece::Text(&text.into_inner()), given),
            Event::CData(text) => take(Piece::Text(&text.into_inner()), given),
            Event::GeneralRef(name) => {
                let name = name.into_inner();
                let text = entity::resolve(&name).map_or_else(|| Cow::Owned(format!("&{name};")), Cow::Owned);
                take(Piece::Text(&text), given)
            }
            Event::Comment(_) | Event::Decl(_) | Event::PI(_) | Event::DocType(_) | Event::Eof => {
                ControlFlow::Continue(())
            }
        }
    }

    /// A new reader over the rest of the text: the old one stops at an error, and has forgotten
    /// nothing of what is open.
    fn afresh(self) -> Self {
        XmlPieces { reader: tolerant(self.reader.into_inner()), open: 0 }
    }
}

fn tolerant(source: TextSource<'_>) -> Reader<TextSource<'_>> {
    let mut reader = Reader::from_reader(source);
    let config = reader.config_mut();
    config.check_end_names = false;
    config.allow_unmatched_ends = true;
    config.allow_dangling_amp = true;
    reader
}

/// Follows the elements inside a record, so that only its direct children count (`image:loc` in
/// `image:image` in `url` is no `loc` of the `url`). An end tag with the name of the child that is
/// open ends it, whatever was left open inside.
#[derive(Debug, Default)]
pub(crate) struct Children {
    child: String,
    open: usize,
}

impl Children {
    /// Goes into an element; whether it is a direct child.
    pub(crate) fn open(&mut self, name: Name<'_>) -> bool {
        self.open += 1;
        if self.open == 1 {
            self.child.clear();
            self.child.push_str(name.local);
        }
        self.open == 1
    }

    /// Comes out of an element; whether a direct child ends.
    pub(crate) fn close(&mut self, name: Name<'_>) -> bool {
        let inside = self.open > 0;
        self.open = if name.is(&self.child) { 0 } else { self.open.saturating_sub(1) };
        inside && self.open == 0
    }

    /// Whatever is open is not, from here on.
    pub(crate) fn leave_all(&mut self) {
        self.open = 0;
    }
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;
    use std::ops::ControlFlow;

    use super::{Piece, TextSource, XmlPieces};
    use crate::model::ParseCut;

    fn pieces(text: &str, max_piece: usize) -> String {
        let mut shown = String::new();
        let end = XmlPieces::new(TextSource::new(text.as_bytes(), None)).read(
            &Cell::new(max_piece),
            &mut || false,
            &mut |piece, _| {
                match piece {
                    Piece::Open(tag) => shown.push_str(&format!("<{}|{}>", tag.name.prefix, tag.name.local)),
                    Piece::Close(name) => shown.push_str(&format!("</{}|{}>", name.prefix, name.local)),
                    Piece::Text(text) => shown.push_str(text),
                    Piece::Gap => shown.push('#'),
                }
                ControlFlow::Continue(())
            },
        );
        assert_eq!(end.cut, None);
        shown
    }

    #[track_caller]
    fn check(text: &str, expected: &str) {
        assert_eq!(pieces(text, 1000), expected, "{text}");
    }

    #[test]
    fn well_formed_documents() {
        check("<?xml version='1.0'?><!-- c --><a:b c='d'>x<e/>y</a:b>", "<a|b>x<|e></|e>y</a|b>");
        check("<a>&lt;<![CDATA[&lt;<b>]]>&#65;</a>", "<|a><&lt;<b>A</|a>");
        check("<!DOCTYPE a SYSTEM 'file:///etc/passwd' [<!ENTITY x '<b/>'>]><a>&x;</a>", "<|a>&x;</|a>");
    }

    #[test]
    fn broken_documents_are_read_to_their_end() {
        check("<a>1 & 2 &b c</a>", "<|a>1 & 2 &b c</|a>");
        check("<a><b></c></a></d>", "<|a><|b></|c></|a></|d>");
        check("<a><!x><b>", "<|a>#x><|b>");
        check("<a></ ><b>", "<|a></| ><|b>");
        check("<a b=c d e='f'><g", "<|a>#");
        check("<a><b></a", "<|a><|b>#");
        check("<a><!-- b", "<|a>#");
        check("<a><![CDATA[ b", "<|a>#");
        check("&", "&");
        check("", "");
        check("<", "#");
    }

    #[test]
    fn long_pieces_are_left_out() {
        let long = "x".repeat(5000);
        assert_eq!(pieces(&format!("<a>{long}</a><b>"), 1000), "<|a>#####</|a><|b>");
        assert_eq!(pieces(&format!("<a><!--{long}--><b>"), 2000), format!("<|a>##{}--><|b>", "x".repeat(1004)));
    }

    #[test]
    fn attributes_of_any_form() {
        let text = "<a one='1&amp;2&3' TWO=\"&#228;\" three=3 four five='5' one='again'>";
        let mut found = Vec::new();
        XmlPieces::new(TextSource::new(text.as_bytes(), None)).read(
            &Cell::new(1000),
            &mut || false,
            &mut |piece, _| {
                if let Piece::Open(tag) = piece {
                    found = ["one", "two", "five", "six"].map(|name| tag.attribute(name)).to_vec();
                }
                ControlFlow::Break(())
            },
        );
        let found: Vec<_> = found.iter().map(Option::as_deref).collect();
        assert_eq!(found, [Some("1&2&3"), Some("ä"), Some("5"), None]);
    }

    #[test]
    fn what_never_closes_holds_no_memory_and_the_time_is_asked_for() {
        let deep = "<a>".repeat(100_000);
        let (mut opened, mut asked) = (0, 0);
        let end = XmlPieces::new(TextSource::new(deep.as_bytes(), None)).read(
            &Cell::new(1000),
            &mut || {
                asked += 1;
                asked == 10
            },
            &mut |piece, _| {
                opened += usize::from(matches!(piece, Piece::Open(_)));
                ControlFlow::Continue(())
            },
        );
        assert_eq!(end.cut, Some(ParseCut::Time));
        assert!((10 * 16 * 1024 / 3..60_000).contains(&opened), "{opened}");
    }
}
