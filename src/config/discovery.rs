//! How URLs are found: the kinds of links that are followed, and sitemaps.

use super::crawl::{ROW, SCOPE};
use super::reading::{one, set, switch};
use super::units::is_unlimited;
use super::{Setting, Shape};
use crate::model::{CrawlSettings, LinkKind};

/// `--follow`.
pub(super) const FOLLOW: Setting<CrawlSettings> = Setting {
    name: "follow",
    shape: Shape::List,
    heading: SCOPE,
    value: "KINDS",
    example: "+form,-alternate",
    help: "Kinds of links that are followed; the others are recorded only. A list (a,canonical), or changes to the default (+form,-alternate)",
    field: "follow",
    set: |s, v| set(&mut s.follow, kinds(v)),
    show: |s| s.follow.iter().map(|kind| kind.as_str().to_owned()).collect(),
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

/// Reads a list of kinds. One that begins with a sign is a change to the default; `default`, `all` and
/// `none` stand for lists.
fn kinds(values: &[String]) -> Result<Vec<LinkKind>, String> {
    let words: Vec<&str> = values.iter().flat_map(|value| value.split(',')).map(str::trim).collect();
    let mut chosen: Vec<LinkKind> = match words.first() {
        Some(first) if first.starts_with(['+', '-']) => LinkKind::FOLLOWED.to_vec(),
        _ => Vec::new(),
    };
    for word in words {
        match word.strip_prefix('-') {
            Some(name) => {
                let gone = named(name)?;
                chosen.retain(|kind| !gone.contains(kind));
            }
            None => chosen.extend(named(word.strip_prefix('+').unwrap_or(word))?),
        }
    }
    Ok(LinkKind::ALL.into_iter().filter(|kind| chosen.contains(kind)).collect())
}

fn named(name: &str) -> Result<Vec<LinkKind>, String> {
    match name {
        "default" => Ok(LinkKind::FOLLOWED.to_vec()),
        "all" => Ok(LinkKind::ALL.to_vec()),
        _ if is_unlimited(name) => Ok(Vec::new()),
        _ => match LinkKind::ALL.into_iter().find(|kind| kind.as_str() == name) {
            Some(kind) => Ok(vec![kind]),
            None => Err(format!("no kind of link; there are default, all, none, {}", names(&LinkKind::ALL))),
        },
    }
}

fn names(kinds: &[LinkKind]) -> String {
    kinds.iter().map(|kind| kind.as_str()).collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(values: &[&str], expected: &str) {
        let values: Vec<String> = values.iter().map(|value| (*value).to_owned()).collect();
        assert_eq!(kinds(&values).map(|kinds| names(&kinds)).as_deref(), Ok(expected), "{values:?}");
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
        check(&["none"], "");
        check(&["all"], &names(&LinkKind::ALL));
        check(&["all,-img"], &names(&LinkKind::ALL).replace("img, ", ""));
        check(&["a, img"], "a, img");
        check(&["-default,a"], "a");
    }

    #[test]
    fn what_is_shown_is_read_back() {
        for settings in [CrawlSettings::default(), CrawlSettings { follow: Vec::new(), ..CrawlSettings::default() }] {
            let shown = FOLLOW.shown(&settings);
            assert_eq!(kinds(&[shown]), Ok(settings.follow));
        }
    }

    #[test]
    fn other_words_are_refused() {
        for value in ["", "link,", "A", "+", "links", "a b", "--a"] {
            assert!(kinds(&[value.to_owned()]).is_err(), "{value:?}");
        }
    }
}
