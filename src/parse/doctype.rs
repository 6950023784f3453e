//! [`doctype`]: what a document type declaration says (HTML 13.2.5.53 to 13.2.5.68).

use html5ever::tokenizer::Doctype;

use super::markup::is_space;

/// Reads a declaration: what stands after `<!doctype`, up to and with the first `>`.
pub(super) fn doctype(declaration: &str) -> Doctype {
    let (rest, is_ended) = match declaration.strip_suffix('>') {
        Some(rest) => (rest, true),
        None => (declaration, false),
    };
    let mut reading = Reading { rest, is_broken: !is_ended };
    reading.skip_space();
    let name = reading.name();
    reading.skip_space();
    let (mut public_id, mut system_id) = (None, None);
    if reading.keyword("public") {
        public_id = reading.quoted();
        reading.skip_space();
        if public_id.is_some() && !reading.rest.is_empty() {
            system_id = reading.quoted();
        }
    } else if reading.keyword("system") {
        system_id = reading.quoted();
    } else if !reading.rest.is_empty() {
        reading.is_broken = true;
    }
    let owned = |text: &str| text.replace('\0', "\u{fffd}").into();
    Doctype {
        force_quirks: reading.is_broken || name.is_empty(),
        name: (!name.is_empty()).then(|| name.to_ascii_lowercase().replace('\0', "\u{fffd}").into()),
        public_id: public_id.map(owned),
        system_id: system_id.map(owned),
    }
}

struct Reading<'a> {
    rest: &'a str,
    is_broken: bool,
}

impl<'a> Reading<'a> {
    fn skip_space(&mut self) {
        self.rest = self.rest.trim_start_matches(|c: char| c.is_ascii() && is_space(c as u8));
    }

    fn name(&mut self) -> &'a str {
        let end = self.rest.bytes().position(is_space).unwrap_or(self.rest.len());
        let (name, rest) = self.rest.split_at(end);
        self.rest = rest;
        name
    }

    fn keyword(&mut self, word: &str) -> bool {
        let found = self.rest.get(..word.len()).is_some_and(|start| start.eq_ignore_ascii_case(word));
        if found {
            self.rest = &self.rest[word.len()..];
            self.skip_space();
        }
        found
    }

    /// An identifier in quotes. One that does not end is kept and breaks the declaration.
    fn quoted(&mut self) -> Option<&'a str> {
        let Some(quote) = self.rest.chars().next().filter(|c| matches!(c, '"' | '\'')) else {
            self.is_broken = true;
            return None;
        };
        let inner = &self.rest[1..];
        let Some((id, rest)) = inner.split_once(quote) else {
            self.is_broken = true;
            self.rest = "";
            return Some(inner);
        };
        self.rest = rest;
        Some(id)
    }
}
