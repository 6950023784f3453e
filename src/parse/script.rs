//! [`ScriptEscape`]: whether a script's text is inside a comment in which a `<script>` was opened.
//! There `</script>` ends only that inner one (HTML 13.2.5.20 to 13.2.5.31).

use super::markup::is_space;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Plain,
    Escaped,
    DoubleEscaped,
}

/// Follows a script's text from its beginning.
#[derive(Clone, Copy, Debug)]
pub(crate) struct ScriptEscape {
    state: State,
    at: usize,
}

impl ScriptEscape {
    /// A script whose text begins at `at`.
    pub(crate) fn new(at: usize) -> Self {
        ScriptEscape { state: State::Plain, at }
    }

    /// Whether the `</script` at `end_tag` ends only an inner script; reads on to behind it.
    pub(crate) fn swallows(&mut self, bytes: &[u8], end_tag: usize) -> bool {
        while self.at < end_tag {
            if self.state == State::Plain {
                // Most scripts hold no comment. One may begin before the end tag and reach beyond it.
                let upto = bytes.len().min(end_tag + 3);
                let comment = memchr::memmem::find(&bytes[self.at..upto], b"<!--");
                self.at = comment.map_or(end_tag, |found| self.at + found);
            }
            if self.at < end_tag {
                self.step(bytes);
            }
        }
        let swallowed = self.state == State::DoubleEscaped;
        if swallowed {
            self.state = State::Escaped;
        }
        self.at = self.at.max(end_tag + "</script".len());
        swallowed
    }

    fn step(&mut self, bytes: &[u8]) {
        let rest = &bytes[self.at..];
        match self.state {
            State::Plain if rest.starts_with(b"<!--") => {
                // Its own dashes may be those of the `-->` that ends it.
                self.state = State::Escaped;
                self.at += 2;
            }
            State::Escaped | State::DoubleEscaped if rest.starts_with(b"-->") => {
                self.state = State::Plain;
                self.at += 3;
            }
            State::Escaped if opens_script(rest) => {
                self.state = State::DoubleEscaped;
                self.at += "<script".len();
            }
            _ => self.at += 1,
        }
    }
}

fn opens_script(rest: &[u8]) -> bool {
    rest.get(..7).is_some_and(|tag| tag.eq_ignore_ascii_case(b"<script"))
        && rest.get(7).is_some_and(|&b| is_space(b) || b == b'/' || b == b'>')
}

#[cfg(test)]
mod tests {
    use super::ScriptEscape;

    fn check(text: &str, swallowed: &[bool]) {
        let mut escape = ScriptEscape::new(0);
        let found: Vec<bool> =
            text.match_indices("</script").map(|(at, _)| escape.swallows(text.as_bytes(), at)).collect();
        assert_eq!(found, swallowed, "{text}");
    }

    #[test]
    fn an_end_tag_inside_a_comment_inside_a_script_ends_only_the_inner_one() {
        check("x</script>", &[false]);
        check("<!--</script>", &[false]);
        check("<!--<script></script </title>", &[true]);
        check("<!--<script></script></script>", &[true, false]);
        check("<!--<script>--></script>", &[false]);
        check("<!--><script></script>", &[false]);
        check("<!---><script></script>", &[false]);
        check("<!--<SCRIPT/></script><script ></script></script>", &[true, true, false]);
        check("<!--<scripts></script>", &[false]);
    }
}
