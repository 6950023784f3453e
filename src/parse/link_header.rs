//! [`link_header`]: references in a `Link` header (RFC 8288). [`refresh_header`]: the one in a
//! `Refresh` header.

use super::references::{References, refresh, says_nofollow};
use crate::model::{LinkKind, RawLink};

/// Links that one header value may give.
const MAX_LINKS: usize = 1000;

/// The references with relation canonical, alternate, next or prev in a `Link` value, in order.
/// A link with an `anchor` parameter is about another resource and left out (RFC 8288 3.2).
pub fn link_header(value: &str) -> Vec<RawLink> {
    let mut links = References::new(MAX_LINKS);
    let mut rest = value;
    while let Some((_, after)) = rest.split_once('<') {
        let Some((target, parameters)) = after.split_once('>') else { break };
        let parsed = Parameters::read(parameters);
        if let Some(kind) = parsed.kind() {
            links.add(kind, target, parsed.nofollow());
        }
        rest = parsed.rest;
    }
    links.finish()
}

/// The reference in a `Refresh` header, which browsers read like the meta element of that name
/// (HTML 7.4.6.4).
pub fn refresh_header(value: &str) -> Option<RawLink> {
    let mut links = References::new(1);
    links.add(LinkKind::Refresh, refresh(value)?, false);
    links.finish().pop()
}

/// The parameters of one link.
struct Parameters<'a> {
    rel: Option<String>,
    anchored: bool,
    /// What follows the comma after the link.
    rest: &'a str,
}

impl<'a> Parameters<'a> {
    fn read(text: &'a str) -> Self {
        let mut parameters = Parameters { rel: None, anchored: false, rest: text };
        loop {
            let text = parameters.rest.trim_start();
            let Some(text) = text.strip_prefix(';') else {
                // A comma, the end, or what should not be there: go on at the next comma.
                parameters.rest = text.split_once(',').map_or("", |(_, rest)| rest);
                return parameters;
            };
            let end = text.find(['=', ';', ',']).unwrap_or(text.len());
            let name = text[..end].trim();
            let (value, rest) = match text[end..].strip_prefix('=') {
                Some(value) => parameter_value(value.trim_start()),
                None => (String::new(), &text[end..]),
            };
            parameters.rest = rest;
            // The first `rel` counts (RFC 8288 3.3).
            if name.eq_ignore_ascii_case("rel") && parameters.rel.is_none() {
                parameters.rel = Some(value);
            } else if name.eq_ignore_ascii_case("anchor") {
                parameters.anchored = true;
            }
        }
    }

    fn kind(&self) -> Option<LinkKind> {
        let rel = self.rel.as_deref().filter(|_| !self.anchored)?;
        let has = |name: &str| rel.split_ascii_whitespace().any(|token| token.eq_ignore_ascii_case(name));
        if has("canonical") {
            Some(LinkKind::Canonical)
        } else if has("alternate") {
            (!has("stylesheet")).then_some(LinkKind::Alternate)
        } else if has("next") {
            Some(LinkKind::Next)
        } else {
            (has("prev") || has("previous")).then_some(LinkKind::Prev)
        }
    }

    fn nofollow(&self) -> bool {
        self.rel.as_deref().is_some_and(says_nofollow)
    }
}

/// A token or a quoted string (RFC 9110 5.6.4), and what follows it.
fn parameter_value(text: &str) -> (String, &str) {
    let Some(quoted) = text.strip_prefix('"') else {
        let end = text.find([';', ',']).unwrap_or(text.len());
        return (text[..end].trim().to_owned(), &text[end..]);
    };
    let mut value = String::new();
    let mut chars = quoted.char_indices();
    while let Some((at, c)) = chars.next() {
        match c {
            '"' => return (value, &quoted[at + 1..]),
            '\\' => value.extend(chars.next().map(|(_, escaped)| escaped)),
            _ => value.push(c),
        }
    }
    (value, "")
}

#[cfg(test)]
mod tests {
    use super::{link_header, refresh_header};
    use crate::model::LinkKind::{self, Alternate, Canonical, Next, Prev, Refresh};

    fn check(value: &str, expected: &[(LinkKind, &str)]) {
        let found = link_header(value);
        let found: Vec<_> = found.iter().map(|link| (link.kind, link.href.as_str())).collect();
        assert_eq!(found, expected, "{value:?}");
    }

    #[test]
    fn refresh_headers() {
        for (value, expected) in [
            ("0;url=/next", Some("/next")),
            ("5; URL='a b'", Some("a b")),
            ("3", None),
            ("soon; url=/next", None),
            ("", None),
        ] {
            let found = refresh_header(value);
            assert_eq!(
                found.as_ref().map(|link| (link.kind, link.href.as_str())),
                expected.map(|url| (Refresh, url)),
                "{value:?}"
            );
        }
    }

    #[test]
    fn links_in_headers() {
        check("<https://x/a>; rel=canonical", &[(Canonical, "https://x/a")]);
        check("</a>;rel=\"Next\", </b> ; REL = prev", &[(Next, "/a"), (Prev, "/b")]);
        check("</a>; rel=\"start next\"; title=\"a, <b>; \\\" c\", </b>; rel=prev", &[(Next, "/a"), (Prev, "/b")]);
        check("</feed>; rel=alternate; type=\"application/rss+xml\"", &[(Alternate, "/feed")]);
        check("</a,b;c>; rel=next", &[(Next, "/a,b;c")]);
        check("</a>; rel=next; rel=prev", &[(Next, "/a")]);
        check("</s.css>; rel=\"alternate stylesheet\"", &[]);
        check("</s.css>; rel=preload; as=style", &[]);
        check("</a>; rel=next; anchor=\"/other\", </b>; rel=next", &[(Next, "/b")]);
        check("</a>, </b>; rel=next", &[(Next, "/b")]);
    }

    #[test]
    fn broken_values_give_what_is_whole() {
        check("", &[]);
        check("nothing", &[]);
        check("<unclosed; rel=next", &[]);
        check("</a>; rel=\"next", &[(Next, "/a")]);
        check("</a> junk; rel=next, </b>; rel=next", &[(Next, "/b")]);
        check("</a>;;; rel=next;", &[(Next, "/a")]);
        check(", ,</a>; rel=next", &[(Next, "/a")]);
    }

    #[test]
    fn nul_in_a_header_reaches_no_link() {
        check("</\0a\0>; rel=next", &[(Next, "/a")]);
    }

    #[test]
    fn nofollow_and_order() {
        let links = link_header("</a>; rel=\"next nofollow\", </b>; rel=canonical");
        let facts: Vec<_> = links.iter().map(|link| (link.position, link.nofollow)).collect();
        assert_eq!(facts, [(0, true), (1, false)]);
    }
}
