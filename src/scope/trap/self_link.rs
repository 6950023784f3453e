//! Paths that contain their own host or whole URLs again: a link written without its scheme
//! (`www.example.com/a`) is relative, and each copy of the page makes it longer.

use super::glance::bare_host;
use crate::model::CrawlUrl;

/// URLs within a path from which it is a trap whatever they name: an archive's copy of an archive's
/// copy has two.
const MIN_SCHEMES: usize = 3;

/// Whether the path holds its own host twice, or its own host followed by the segments before it
/// (`/a/www.example.com/a/…`), or three URLs. One mention is none: sites have pages about hosts,
/// archives and proxies hold whole URLs.
pub(super) fn contains_itself(url: &CrawlUrl) -> bool {
    let path = url.path();
    let host = bare_host(url);
    let schemes = path.split('/').filter(|segment| is_scheme(segment)).count();
    schemes >= MIN_SCHEMES || names_itself(path, host)
}

fn names_itself(path: &str, host: &str) -> bool {
    let mut mentions = path.split('/').skip(1).enumerate().filter(|(_, segment)| is_host(segment, host));
    let first = mentions.next();
    first.is_some_and(|(nth, _)| mentions.next().is_some() || begins_again(path, nth))
}

/// Whether what follows the `nth` segment begins with what stands before it.
fn begins_again(path: &str, nth: usize) -> bool {
    let segments = || path.split('/').skip(1);
    // `/a/https://host/a`: the scheme and the empty segment behind it belong to the host.
    let before = segments().take(nth).take_while(|segment| !is_scheme(segment));
    let mut after = segments().skip(nth + 1);
    let mut before = before.peekable();
    before.peek().is_some() && before.all(|segment| after.next() == Some(segment))
}

/// `www.` says no other host, and a port may follow.
fn is_host(segment: &str, host: &str) -> bool {
    let name = segment.split(':').next().unwrap_or_default();
    let name =
        name.get(..4).filter(|start| start.eq_ignore_ascii_case("www.")).map_or(name, |start| &name[start.len()..]);
    !host.is_empty() && name.eq_ignore_ascii_case(host)
}

fn is_scheme(segment: &str) -> bool {
    segment.eq_ignore_ascii_case("http:") || segment.eq_ignore_ascii_case("https:")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(url: &str, expected: bool) {
        assert_eq!(contains_itself(&CrawlUrl::stored(url).expect("a URL")), expected, "{url}");
    }

    #[test]
    fn paths_that_hold_their_own_host_again() {
        check("https://www.site.com/a/www.site.com/a/", true);
        check("https://www.site.com/a/b/www.site.com/a/b/c", true);
        check("https://www.site.com/a/site.com/a/x", true);
        check("https://site.com/www.site.com/www.site.com/", true);
        check("https://site.com/x/WWW.Site.com/y/www.site.com/", true);
        check("https://site.com/a/https://site.com/a/b", true);
        check("https://site.com/a/http:/site.com/a/b", true);
        check("https://site.com:8080/a/site.com:8080/a/b", true);
        check("http://127.0.0.1/a/127.0.0.1/a", true);
        check("https://site.com/x/http:/y/http:/z/http:/", true);
    }

    #[test]
    fn one_mention_is_none() {
        check("https://site.com/", false);
        check("https://site.com/www.site.com/", false);
        check("https://site.com/www.site.com/page", false);
        check("https://site.com/a/site.com/b", false);
        check("https://whois.example/lookup/whois.example", false);
        check("https://site.com/about-site.com/site.com.html", false);
        check("https://site.com/redirect?to=https://site.com/a/site.com/a", false);
    }

    #[test]
    fn archives_hold_urls() {
        check("https://web.archive.org/web/20200101000000/https://example.com/a/b", false);
        check("https://web.archive.org/web/2020/https://web.archive.org/web/2019/http://example.com/", false);
        check("https://web.archive.org/web/2020/https://archive.example/web/2019/http://example.com/", false);
        check("https://proxy.example/https://example.com/https://example.com/", false);
    }
}
