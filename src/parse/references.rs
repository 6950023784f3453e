//! [`References`]: the links of a page as they are found, and what an attribute value must be to
//! count as one. [`srcset`] and [`refresh`] are the HTML standard's parsers for values that hold
//! more than one reference, or more than a reference.

use crate::model::{LinkKind, ParseCut, RawLink, SitemapEntry};

/// Longest reference that is kept; longer ones are counted only. Above the longest URL that is
/// stored, so that the scope still sees and names those that are merely too long.
pub(crate) const MAX_HREF_BYTES: usize = 16 * 1024;
/// Bytes of all references of a page: the tree builder can repeat a long one many times.
pub(crate) const MAX_LINK_BYTES: usize = 8 << 20;
/// Longest link text.
pub(crate) const MAX_ANCHOR_CHARS: usize = 256;

/// Collects links in document order, up to the caps.
#[derive(Debug)]
pub(crate) struct References {
    links: Vec<RawLink>,
    max_links: usize,
    bytes_left: usize,
    /// References beyond a cap.
    pub(crate) dropped: u32,
    /// The first cap that was reached.
    pub(crate) cut: Option<ParseCut>,
}

impl References {
    /// No links yet.
    pub(crate) fn new(max_links: usize) -> Self {
        References::with_room(max_links, MAX_LINK_BYTES)
    }

    /// No links yet, and room for `max_links` of `max_bytes` in all.
    pub(crate) fn with_room(max_links: usize, max_bytes: usize) -> Self {
        References { links: Vec::new(), max_links, bytes_left: max_bytes, dropped: 0, cut: None }
    }

    /// Adds a reference. Its place in the list is given when it was kept.
    pub(crate) fn add(&mut self, kind: LinkKind, value: &str, nofollow: bool) -> Option<usize> {
        let reference = reference(value, kind)?;
        if let Some(cut) = self.refuses(reference) {
            self.dropped = self.dropped.saturating_add(1);
            self.cut = self.cut.or(Some(cut));
            return None;
        }
        self.bytes_left -= reference.len();
        let place = self.links.len();
        let position = u32::try_from(place).unwrap_or(u32::MAX);
        self.links.push(RawLink {
            href: without_breaks(reference),
            kind,
            nofollow,
            position,
            anchor: None,
            entry: None,
        });
        Some(place)
    }

    /// Counts a link that is not kept.
    pub(crate) fn drop_one(&mut self) {
        self.dropped = self.dropped.saturating_add(1);
        self.cut = self.cut.or(Some(ParseCut::Links));
    }

    fn refuses(&self, reference: &str) -> Option<ParseCut> {
        if reference.len() > MAX_HREF_BYTES {
            return Some(ParseCut::Size);
        }
        (self.links.len() >= self.max_links || reference.len() > self.bytes_left).then_some(ParseCut::Links)
    }

    /// Gives a link its text.
    pub(crate) fn set_anchor(&mut self, position: usize, anchor: Option<String>) {
        if let Some(link) = self.links.get_mut(position) {
            link.anchor = anchor;
        }
    }

    /// Notes what a sitemap says of a link.
    pub(crate) fn set_entry(&mut self, position: usize, entry: SitemapEntry) {
        if let Some(link) = self.links.get_mut(position) {
            link.entry = Some(Box::new(entry));
        }
    }

    /// Links kept so far.
    pub(crate) fn count(&self) -> usize {
        self.links.len()
    }

    /// Whether one of the last few links from `position` on has this reference.
    pub(crate) fn names_lately(&self, position: usize, reference: &str) -> bool {
        self.links.iter().skip(position).rev().take(8).any(|link| link.href == reference)
    }

    /// The links in order.
    pub(crate) fn finish(self) -> Vec<RawLink> {
        self.links
    }
}

/// The value without the white space around it (URL 4.4). `None` for what names no other resource:
/// a fragment of this page, `data:`, and an empty value where browsers load nothing for it.
fn reference(value: &str, kind: LinkKind) -> Option<&str> {
    let trimmed = value.trim_matches(|c: char| c <= ' ');
    let leads_back = matches!(kind, LinkKind::A | LinkKind::Form);
    let data = trimmed.get(..5).is_some_and(|scheme| scheme.eq_ignore_ascii_case("data:"));
    (!trimmed.starts_with('#') && !data && (leads_back || !trimmed.is_empty())).then_some(trimmed)
}

/// URLs may be broken over lines: tabs and line breaks in them do not count (URL 4.4). NUL goes with
/// them; HTML has none, a header might.
fn without_breaks(reference: &str) -> String {
    let breaks = |byte: u8| matches!(byte, b'\t' | b'\n' | b'\r' | b'\0');
    if reference.bytes().any(breaks) { reference.replace(['\t', '\n', '\r', '\0'], "") } else { reference.to_owned() }
}

/// The candidates of a `srcset` (HTML 4.8.4.2.1), descriptors left out.
pub(crate) fn srcset(mut value: &str) -> impl Iterator<Item = &str> {
    std::iter::from_fn(move || {
        value = value.trim_start_matches(|c: char| c.is_ascii_whitespace() || c == ',');
        if value.is_empty() {
            return None;
        }
        let end = value.find(|c: char| c.is_ascii_whitespace()).unwrap_or(value.len());
        let (url, rest) = value.split_at(end);
        let bare = url.trim_end_matches(',');
        value = if bare.len() < url.len() { rest } else { after_descriptors(rest) };
        Some(bare)
    })
}

/// What follows the comma that ends a candidate; commas in parentheses do not.
fn after_descriptors(text: &str) -> &str {
    let mut inside = false;
    for (at, c) in text.char_indices() {
        match c {
            '(' => inside = true,
            ')' => inside = false,
            ',' if !inside => return &text[at + 1..],
            _ => {}
        }
    }
    ""
}

/// The URL in the `content` of a refresh (HTML 4.2.5.3, shared declarative refresh steps); `None`
/// when the value is no refresh or reloads the page itself.
pub(crate) fn refresh(content: &str) -> Option<&str> {
    let space = |c: char| c.is_ascii_whitespace();
    let text = content.trim_start_matches(space);
    let after_time = text.trim_start_matches(|c: char| c.is_ascii_digit());
    if after_time.len() == text.len() && !text.starts_with('.') {
        return None;
    }
    let rest = after_time.trim_start_matches(|c: char| c.is_ascii_digit() || c == '.');
    if !rest.starts_with(|c: char| space(c) || matches!(c, ';' | ',')) {
        return None;
    }
    let rest = rest.trim_start_matches(space);
    let rest = rest.strip_prefix([';', ',']).unwrap_or(rest).trim_start_matches(space);
    let url = after_url_equals(rest).unwrap_or(rest);
    let url = match url.chars().next() {
        Some(quote @ ('"' | '\'')) => url[1..].split(quote).next().unwrap_or_default(),
        _ => url,
    };
    Some(url).filter(|url| !url.is_empty())
}

/// What follows `url =`.
fn after_url_equals(text: &str) -> Option<&str> {
    let name = text.get(..3).filter(|name| name.eq_ignore_ascii_case("url"))?;
    let rest = text[name.len()..].trim_start_matches(|c: char| c.is_ascii_whitespace());
    Some(rest.strip_prefix('=')?.trim_start_matches(|c: char| c.is_ascii_whitespace()))
}

/// Whether a `rel` says not to vouch for the link.
pub(crate) fn says_nofollow(rel: &str) -> bool {
    let refuses = |token: &str| ["nofollow", "ugc", "sponsored"].iter().any(|word| token.eq_ignore_ascii_case(word));
    rel.split_ascii_whitespace().any(refuses)
}

/// The kind of a `link` element by its `rel` and `as`; `None` for relations that lead to nothing a
/// crawl could use.
pub(crate) fn link_kind(rel: &str, destination: &str) -> Option<LinkKind> {
    let has = |name: &str| rel.split_ascii_whitespace().any(|token| token.eq_ignore_ascii_case(name));
    let starts = |name: &str| rel.split_ascii_whitespace().any(|t| t.to_ascii_lowercase().starts_with(name));
    if has("canonical") {
        Some(LinkKind::Canonical)
    } else if has("stylesheet") {
        Some(LinkKind::Style)
    } else if has("alternate") {
        Some(LinkKind::Alternate)
    } else if has("next") {
        Some(LinkKind::Next)
    } else if has("prev") || has("previous") {
        Some(LinkKind::Prev)
    } else if has("icon") || has("mask-icon") || starts("apple-touch-") || has("image_src") {
        Some(LinkKind::Img)
    } else if has("modulepreload") {
        Some(LinkKind::Script)
    } else if has("preload") || has("prefetch") {
        destination_kind(destination, has("prefetch"))
    } else if has("manifest") {
        Some(LinkKind::Media)
    } else {
        let documents = rel.split_ascii_whitespace().any(|token| !NO_DOCUMENT.contains(&&*token.to_ascii_lowercase()));
        (documents && !starts("schema.")).then_some(LinkKind::Link)
    }
}

/// Relations that name an origin, an endpoint or a vocabulary, not a page.
const NO_DOCUMENT: [&str; 10] = [
    "preconnect",
    "dns-prefetch",
    "expect",
    "pingback",
    "webmention",
    "edituri",
    "wlwmanifest",
    "profile",
    "nofollow",
    "https://api.w.org/",
];

/// What a preload is of. A prefetch without `as` is of a page the reader may go to next.
fn destination_kind(destination: &str, prefetch: bool) -> Option<LinkKind> {
    Some(match destination.to_ascii_lowercase().as_str() {
        "script" | "worker" | "serviceworker" | "sharedworker" => LinkKind::Script,
        "style" => LinkKind::Style,
        "image" => LinkKind::Img,
        "document" | "iframe" | "frame" => LinkKind::Frame,
        "" if prefetch => LinkKind::Link,
        "" => return None,
        _ => LinkKind::Media,
    })
}

#[cfg(test)]
mod tests {
    use super::{References, link_kind, refresh, says_nofollow, srcset};
    use crate::model::{LinkKind, ParseCut};

    #[test]
    fn srcset_candidates() {
        for (value, expected) in [
            ("a.png 1x, b.png 2x", &["a.png", "b.png"][..]),
            ("a.png, b.png", &["a.png", "b.png"]),
            (" ,, a.png 100w 50h , b.png(x,y) 1x,c", &["a.png", "b.png(x,y)", "c"]),
            ("a f(1, 2), b", &["a", "b"]),
            ("data:image/png;base64,AA== 1x, b", &["data:image/png;base64,AA==", "b"]),
            ("a,b 1x", &["a,b"]),
            ("", &[]),
            (", ,", &[]),
        ] {
            assert_eq!(srcset(value).collect::<Vec<_>>(), expected, "{value:?}");
        }
    }

    #[test]
    fn refresh_urls() {
        for (content, expected) in [
            ("0; url=/next", Some("/next")),
            ("5;URL='a b' c", Some("a b")),
            (" 0,url = \"x\"y", Some("x")),
            ("0; /plain", Some("/plain")),
            ("0 /plain", Some("/plain")),
            ("1.5; url=x", Some("x")),
            (".5; url=x", Some("x")),
            ("0; url/x", Some("url/x")),
            ("0; u", Some("u")),
            ("0; 'quoted'", Some("quoted")),
            ("0", None),
            ("5;", None),
            ("5; url=", None),
            ("0url=x", None),
            ("url=x", None),
            ("-1; url=x", None),
            ("", None),
        ] {
            assert_eq!(refresh(content), expected, "{content:?}");
        }
    }

    #[test]
    fn link_relations() {
        use LinkKind::*;
        for (rel, destination, expected) in [
            ("canonical", "", Some(Canonical)),
            ("Alternate", "", Some(Alternate)),
            ("alternate stylesheet", "", Some(Style)),
            ("prev", "", Some(Prev)),
            ("next nofollow", "", Some(Next)),
            ("shortcut icon", "", Some(Img)),
            ("apple-touch-icon-precomposed", "", Some(Img)),
            ("preload", "script", Some(Script)),
            ("preload", "font", Some(Media)),
            ("preload", "", None),
            ("prefetch", "", Some(Link)),
            ("prefetch", "style", Some(Style)),
            ("modulepreload", "", Some(Script)),
            ("manifest", "", Some(Media)),
            ("help", "", Some(Link)),
            ("license", "", Some(Link)),
            ("dns-prefetch preconnect", "", None),
            ("EditURI", "", None),
            ("schema.DC", "", None),
            ("", "", None),
        ] {
            assert_eq!(link_kind(rel, destination), expected, "{rel:?} {destination:?}");
        }
        assert!(says_nofollow("external NoFollow") && says_nofollow("ugc") && says_nofollow("sponsored"));
        assert!(!says_nofollow("nofollowing"));
    }

    #[test]
    fn references_are_cleaned_and_capped() {
        let mut links = References::new(4);
        for (kind, value, kept) in [
            (LinkKind::A, " \n/a\tb\r\n ", true),
            (LinkKind::A, "", true),
            (LinkKind::Img, "", false),
            (LinkKind::A, "#top", false),
            (LinkKind::Img, "DATA:image/gif;base64,AA", false),
            (LinkKind::A, "?q#f", true),
            (LinkKind::A, "mailto:x@y", true),
            (LinkKind::A, "/one-too-many", false),
            (LinkKind::A, &"x".repeat(super::MAX_HREF_BYTES + 1), false),
        ] {
            assert_eq!(links.add(kind, value, false).is_some(), kept, "{value:.40}");
        }
        assert_eq!((links.dropped, links.cut), (2, Some(ParseCut::Links)));
        let hrefs: Vec<String> = links.finish().into_iter().map(|link| link.href).collect();
        assert_eq!(hrefs, ["/ab", "", "?q#f", "mailto:x@y"]);
    }

    #[test]
    fn the_bytes_of_all_references_are_capped() {
        let mut links = References::new(usize::MAX);
        let long = "x".repeat(super::MAX_HREF_BYTES);
        let kept = (0..2000).filter(|_| links.add(LinkKind::A, &long, false).is_some()).count();
        assert_eq!(kept, super::MAX_LINK_BYTES / super::MAX_HREF_BYTES);
        assert_eq!(links.dropped as usize, 2000 - kept);
    }
}
