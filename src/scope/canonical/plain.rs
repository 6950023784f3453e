//! [`PlainBase`]: most references are a path of letters, digits and a few signs on the document's own origin, in
//! which the URL parser and the rules find nothing to do. They are put behind the origin as they are.

use std::borrow::Cow;

use memchr::memchr;
use url::{Position, Url};

use super::canonicalize;
use crate::model::CrawlUrl;
use crate::scope::url_rules::{Removed, UrlRules};

/// A base whose origin is canonical.
#[derive(Debug)]
pub(super) struct PlainBase {
    /// The root of its origin.
    root: CrawlUrl,
    /// The path up to its last `/`, when nothing in it needs a closer look.
    folder: Option<String>,
}

impl PlainBase {
    /// `None` when the origin is not written as in a [`CrawlUrl`].
    pub(super) fn new(base: &Url) -> Option<Self> {
        let origin = &base[..Position::BeforePath];
        let root = canonicalize(&format!("{origin}/"), None, None, &UrlRules::none()).ok()?;
        let folder = base.path().rfind('/').map(|slash| &base.path()[..=slash]);
        let folder = folder.filter(|folder| is_plain(folder) && !has_dot_segment(folder)).map(str::to_owned);
        (root.origin_str() == origin).then_some(PlainBase { root, folder })
    }

    /// The reference as a URL; `None` when it needs a closer look.
    pub(super) fn resolve(&self, raw: &str, rules: &UrlRules) -> Option<CrawlUrl> {
        let reference = memchr(b'#', raw.as_bytes()).map_or(raw, |hash| &raw[..hash]);
        let (folder, rest) = self.folder_of(reference)?;
        let (path, query) = match memchr(b'?', rest.as_bytes()) {
            Some(mark) => (&rest[..mark], Some(&rest[mark + 1..])),
            None => (rest, None),
        };
        let plain = is_plain(path) && !has_dot_segment(path) && query.is_none_or(|query| is_left_alone(query, rules));
        plain.then(|| self.root.with_path(folder, path, query).ok())?
    }

    /// The folder that a reference begins in, and its rest, which begins with a letter, a digit or the query.
    fn folder_of<'a>(&'a self, reference: &'a str) -> Option<(&'a str, &'a str)> {
        let origin = self.root.origin_str();
        let without_scheme = origin.find('/').map_or(origin, |slashes| &origin[slashes..]);
        let on_origin = reference.strip_prefix(origin).or_else(|| reference.strip_prefix(without_scheme));
        if let Some(rest) = on_origin.unwrap_or(reference).strip_prefix('/') {
            // Another slash might begin a host.
            let begins = |byte: &u8| byte.is_ascii_alphanumeric() || *byte == b'?';
            return rest.as_bytes().first().is_none_or(begins).then_some(("/", rest));
        }
        let mut folder = self.folder.as_deref().filter(|_| on_origin.is_none())?;
        let mut rest = reference;
        while let Some(further) = rest.strip_prefix("../") {
            folder = parent(folder);
            rest = further;
        }
        // A colon might end a scheme.
        let is_path = rest.as_bytes().first().is_some_and(u8::is_ascii_alphanumeric) && !rest.contains(':');
        is_path.then_some((folder, rest))
    }
}

/// The folder that holds this one; the root holds itself.
fn parent(folder: &str) -> &str {
    let bare = folder.strip_suffix('/').unwrap_or(folder);
    bare.rfind('/').map_or("/", |slash| &folder[..=slash])
}

/// Whether neither the parser nor a rule changes these characters in a path, wherever they stand.
fn is_plain(path: &str) -> bool {
    path.bytes().all(|byte| PLAIN[usize::from(byte)])
}

/// Letters, digits, and of the rest what needs no escape (WHATWG URL, "path percent-encode set") and begins no
/// escape, session id or dot segment.
const PLAIN: [bool; 256] = {
    let mut plain = [false; 256];
    let mut byte = 0_u8;
    while byte < 128 {
        plain[byte as usize] = byte.is_ascii_alphanumeric()
            || matches!(
                byte,
                b'/' | b'-' | b'_' | b'.' | b'~' | b'!' | b'$' | b'&' | b'*' | b'+' | b',' | b'=' | b':' | b'@'
            );
        byte += 1;
    }
    plain
};

/// Whether a segment begins with a dot, as those do that lead elsewhere.
fn has_dot_segment(path: &str) -> bool {
    path.starts_with('.') || memchr::memmem::find(path.as_bytes(), b"/.").is_some()
}

/// Whether neither the parser (WHATWG URL, "special-query percent-encode set") nor a rule changes the query.
fn is_left_alone(query: &str, rules: &UrlRules) -> bool {
    let untouched = |byte: u8| byte.is_ascii_graphic() && !matches!(byte, b'"' | b'#' | b'<' | b'>' | b'\'');
    let whole = || matches!(rules.query(query, &mut Removed::default()), Some(Cow::Borrowed(kept)) if kept == query);
    !query.is_empty() && query.bytes().all(untouched) && whole()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::model::{Named, UrlRule};
    use crate::scope::canonical::tests::{charset_label, rules, url_like};
    use crate::scope::canonical::{Document, canonicalize_closely};

    #[track_caller]
    fn check(base: &str, reference: &str, expected: Option<&str>) {
        let base = Url::parse(base).expect("a URL");
        let found = PlainBase::new(&base).and_then(|base| base.resolve(reference, &UrlRules::default()));
        assert_eq!(found.as_ref().map(CrawlUrl::as_str), expected, "{reference:?} on {base}");
    }

    #[test]
    fn what_pages_write_is_plain() {
        let base = "https://a.example/topics/7/page.html?x=1";
        check(base, "/", Some("https://a.example/"));
        check(base, "/#top", Some("https://a.example/"));
        check(base, "/?p=7", Some("https://a.example/?p=7"));
        check(base, "/wiki/Talk:A_thing,_and_more", Some("https://a.example/wiki/Talk:A_thing,_and_more"));
        check(base, "/a//b.html?q=%20x&y=[1]#z", Some("https://a.example/a//b.html?q=%20x&y=[1]"));
        check(base, "https://a.example/b", Some("https://a.example/b"));
        check(base, "//a.example/b", Some("https://a.example/b"));
        check(base, "next.html", Some("https://a.example/topics/7/next.html"));
        check(base, "../../x/y", Some("https://a.example/x/y"));
        check(base, "../../../../x", Some("https://a.example/x"));
        check("http://a.example:8080", "b", Some("http://a.example:8080/b"));
        check("https://a.example/%7e/(x)/", "/b", Some("https://a.example/b"));
    }

    #[test]
    fn what_needs_a_closer_look_is_not() {
        let base = "https://a.example/topics/7/page.html?x=1";
        for reference in [
            "",
            "?",
            "#",
            "?q",
            ".",
            "..",
            "../",
            "./x",
            "../../.x",
            "/.",
            "/a/../b",
            "/a/.b",
            "//b.example/",
            "//a.example",
            "/\\b",
            "///b",
            "https://a.example",
            "https://a.example.evil/",
            "https://a.example:81/",
            "https://a.example//b",
            "http://a.example/",
            "HTTPS://a.example/b",
            "/a b",
            " /a",
            "/a ",
            "/a\tb",
            "/é",
            "/%41",
            "/a;jsessionid=1",
            "/(S(1))/",
            "/a?",
            "/a?é",
            "/a?'",
            "/a?%41",
            "/a?utm=1&PHPSESSID=9682993c8daa2c5497996114facdc805",
            "x:y",
            "mailto:x",
            "a/b:c",
            "/a\\b",
        ] {
            check(base, reference, None);
        }
        check("https://a.example/%7e/", "b", None);
        check("https://a.example/%7e/x/", "../../b", None);
        check("https://a.example./x/", "/b", None);
        check("https://me@a.example/x/", "/b", None);
        check("ftp://a.example/x/", "/b", None);
        check("data:text/html,x", "/b", None);
        check("https://a.example/", &format!("/{}", "x".repeat(CrawlUrl::MAX_BYTES)), None);
    }

    fn reference() -> impl Strategy<Value = String> {
        let plain = prop::sample::select(vec!["a", "B7", "/", "-", "x.html", "=", "&y=1"]);
        let odd = prop::sample::select(vec![
            "//",
            "../",
            ".",
            ":",
            "@",
            "?",
            "?",
            "#",
            "+",
            "%20",
            "%41",
            ";",
            "(",
            "'",
            "\\",
            "|",
            "^",
            "~",
            "*",
            ",",
            "[",
            "{",
            " ",
            "é",
            "&sid=9682993c8daa2c5497996114facdc805",
            "&utm_x=1",
            "b=2&a=1",
        ]);
        let piece = prop_oneof![3 => plain, 1 => odd];
        let head = prop::sample::select(vec![
            "",
            "/",
            "/a",
            "a",
            "../",
            "../a",
            "https://a.example/a",
            "https://a.example",
            "//a.example/",
            "http://a.example/",
            "https://a.example:8080/",
            "https:",
        ]);
        (head, prop::collection::vec(piece, 0..10)).prop_map(|(head, tail)| head.to_owned() + &tail.concat())
    }

    fn base() -> impl Strategy<Value = String> {
        prop_oneof![3 => reference().prop_map(|rest| format!("https://a.example/{rest}")), 1 => url_like()]
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(4000))]

        #[test]
        fn a_plain_reference_is_what_a_closer_look_finds(
            raw in prop_oneof![3 => reference(), 1 => url_like()],
            base in base(),
            charset in charset_label(),
            names in prop::sample::subsequence(UrlRule::ALL, 0..=UrlRule::ALL.len()),
            drop in prop::sample::subsequence(vec!["utm_*", "a"], 0..=2),
        ) {
            let rules = rules(&names, &drop);
            if let Ok(base) = Url::parse(&base) {
                let document = Document::new(Some(&base), charset, &rules);
                let closely = canonicalize_closely(&raw, Some(&base), document.encoding, &rules);
                if let (Ok((quick, _)), Ok((close, _))) = (document.canonicalize(&raw), &closely) {
                    prop_assert_eq!(quick.origin(), close.origin());
                    prop_assert_eq!((quick.path(), quick.query()), (close.path(), close.query()));
                }
                prop_assert_eq!(document.canonicalize(&raw), closely);
            }
        }
    }
}
