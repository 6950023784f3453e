//! How URLs are found: the kinds of links that are followed, and sitemaps.

use std::collections::BTreeSet;

use super::crawl::{ROW, SCOPE};
use super::names::{names, names_text};
use super::reading::{one, set, switch};
use super::{Setting, Shape};
use crate::model::{CrawlSettings, LinkKind};

/// `--follow`.
pub(super) const FOLLOW: Setting<CrawlSettings> = Setting {
    name: "follow",
    shape: Shape::Names,
    heading: SCOPE,
    value: "KINDS",
    example: "+form,-alternate",
    help: "Kinds of links that are followed; the others are recorded only. A list (a,canonical), or changes to the default (+form,-alternate)",
    field: "follow",
    set: |s, v| set(&mut s.follow, names(v, followed()).map(in_order)),
    show: |s| names_text(&s.follow.iter().copied().collect()),
    ..ROW
};

/// `--sitemaps`.
pub(super) const SITEMAPS: Setting<CrawlSettings> = Setting {
    name: "sitemaps",
    shape: Shape::Switch,
    heading: SCOPE,
    value: "BOOL",
    example: "true",
    help: "Read the sitemaps that each robots.txt names, or /sitemap.xml where it names none, as further seeds",
    field: "sitemaps",
    set: |s, v| set(&mut s.sitemaps, switch(one(v)?)),
    show: |s| vec![s.sitemaps.to_string()],
    ..ROW
};

fn followed() -> BTreeSet<LinkKind> {
    LinkKind::FOLLOWED.into_iter().collect()
}

/// The kinds in the order of [`LinkKind::ALL`].
fn in_order(kinds: BTreeSet<LinkKind>) -> Vec<LinkKind> {
    LinkKind::ALL.into_iter().filter(|kind| kinds.contains(kind)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(values: &[&str], expected: &str) {
        let values: Vec<String> = values.iter().map(|value| (*value).to_owned()).collect();
        let mut settings = CrawlSettings::default();
        (FOLLOW.set)(&mut settings, &values).unwrap();
        assert_eq!(FOLLOW.shown(&settings), expected, "{values:?}");
    }

    #[test]
    fn lists_and_changes() {
        let default = "a, canonical, alternate, frame, next, prev, refresh, link, sitemap, feed";
        check(&["default"], default);
        check(&["a"], "a");
        check(&["feed,a", "canonical"], "a, canonical, feed");
        check(&["+form"], &default.replace("refresh", "form, refresh"));
        check(&["+form", "-alternate,-feed"], "a, canonical, frame, next, prev, form, refresh, link, sitemap");
        check(&["-form"], default);
        check(&["none"], "none");
        check(&["all"], "all");
        let all = LinkKind::ALL.map(LinkKind::as_str).join(", ");
        check(&["all,-img"], &all.replace("img, ", ""));
        check(&["a, img"], "a, img");
        check(&["-default,a"], "a");
    }

    #[test]
    fn what_is_shown_is_read_back() {
        for follow in [LinkKind::FOLLOWED.to_vec(), Vec::new(), LinkKind::ALL.to_vec(), vec![LinkKind::Img]] {
            let before = CrawlSettings { follow, ..CrawlSettings::default() };
            let mut after = CrawlSettings::default();
            (FOLLOW.set)(&mut after, &[FOLLOW.shown(&before)]).unwrap();
            assert_eq!(after.follow, before.follow);
        }
    }

    #[test]
    fn other_words_are_refused() {
        for value in ["", "link,", "A", "+", "links", "a b", "--a"] {
            assert!((FOLLOW.set)(&mut CrawlSettings::default(), &[value.to_owned()]).is_err(), "{value:?}");
        }
    }
}
