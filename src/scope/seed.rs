//! [`seed_url`]: what an operator typed, read as they meant it.

use std::borrow::Cow;
use std::net::Ipv6Addr;

use super::{UrlRules, canonicalize};
use crate::model::{CrawlUrl, NotCrawlable};

/// What an operator typed as a seed.
#[derive(Clone, Debug, PartialEq)]
pub struct SeedUrl {
    /// The canonical URL.
    pub url: CrawlUrl,
    /// Typed as a literal address or `localhost`.
    pub grants_origin: bool,
}

/// Reads a seed as typed: without a scheme it gets https, or http when its host is `localhost`,
/// a name below it, or a literal address in any spelling that the URL parser takes for one.
/// Surrounding white space and a byte order mark are ignored.
///
/// # Errors
/// [`NotCrawlable`] when it is none.
pub fn seed_url(given: &str, rules: &UrlRules) -> Result<SeedUrl, NotCrawlable> {
    let text = given.trim_matches(|c: char| c.is_whitespace() || c.is_control() || c == '\u{feff}');
    let url = match scheme_of(text) {
        _ if text.parse::<Ipv6Addr>().is_ok() => canonicalize(&format!("http://[{text}]/"), None, None, rules)?,
        Some(scheme) if scheme.eq_ignore_ascii_case("http") || scheme.eq_ignore_ascii_case("https") => {
            canonicalize(text, None, None, rules)?
        }
        Some(_) => return Err(NotCrawlable::Scheme),
        None => without_scheme(text, rules)?,
    };
    let grants_origin = is_local_or_address(&url);
    Ok(SeedUrl { url, grants_origin })
}

/// The name of a host as the crawl knows it, of one that was typed: lower case, an international name in ASCII
/// (`Bücher.example` is `xn--bcher-kva.example`), an address as the URL parser writes it. `None`: that is no name of a host.
pub fn host_name(given: &str) -> Option<String> {
    let text = given.trim();
    let bracketed = text.parse::<Ipv6Addr>().map(|_| format!("[{text}]"));
    let text = bracketed.as_deref().unwrap_or(text);
    let is_address = text.starts_with('[') && text.ends_with(']');
    if text.contains(['/', '\\', '?', '#', '@', '%', '*'])
        || text.contains(char::is_whitespace)
        || (text.contains(':') && !is_address)
    {
        return None;
    }
    canonicalize(&format!("http://{text}/"), None, None, &UrlRules::none()).ok().map(|url| url.host_str().to_owned())
}

/// Schemes whose URLs hold an `@` by nature.
const WITH_AT: [&str; 5] = ["mailto", "sip", "sips", "xmpp", "acct"];

/// Where a user name or a password stands before the host, in any spelling that the URL parser or a
/// reader takes for one: the host behind it.
pub fn host_behind_credentials(given: &str) -> Option<&str> {
    let text = given.trim_start_matches(|c: char| c.is_whitespace() || c.is_control() || c == '\u{feff}');
    let rest = match scheme_of(text) {
        Some(scheme) if WITH_AT.iter().any(|with| scheme.eq_ignore_ascii_case(with)) => return None,
        Some(scheme) => text.get(scheme.len() + 1..)?,
        None => text,
    };
    let authority = rest.trim_start_matches(['/', '\\', '\t', '\r', '\n']);
    Some(authority.split(['/', '\\', '?', '#']).next()?.rsplit_once('@')?.1)
}

/// What was typed, without what may be credentials: a password with a `/` in it makes a text that names
/// no host, and a message about it must not repeat it.
pub fn without_credentials(given: &str) -> Cow<'_, str> {
    match given.rsplit_once('@') {
        // `mailto:me@` looks like a name and a password, and is neither.
        Some((before, rest)) if !before.trim_start().to_ascii_lowercase().starts_with("mailto:") => {
            Cow::Owned(format!("…@{rest}"))
        }
        _ => Cow::Borrowed(given),
    }
}

/// The scheme that was typed. `example.com:8443/x` and `localhost:80` have none, though the URL
/// standard reads their host as one.
fn scheme_of(text: &str) -> Option<&str> {
    let (scheme, rest) = text.split_once(':')?;
    let is_scheme = scheme.starts_with(|c: char| c.is_ascii_alphabetic())
        && scheme.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'+' | b'-' | b'.'));
    (is_scheme && !reads_as_host(scheme, rest)).then_some(scheme)
}

/// Whether what stands before the first colon is a host: a port follows (empty only behind a name
/// that cannot be taken for a scheme), and then nothing or the path. `tel:` and `sms:` numbers
/// are no ports.
fn reads_as_host(before: &str, after: &str) -> bool {
    if ["http", "https", "tel", "sms"].iter().any(|scheme| before.eq_ignore_ascii_case(scheme)) {
        return false;
    }
    let rest = after.trim_start_matches(|c: char| c.is_ascii_digit());
    let has_port = rest.len() < after.len();
    let ends = rest.is_empty() || rest.starts_with(['/', '?', '#']);
    ends && (has_port || (before.contains('.') && !rest.starts_with("//")))
}

fn without_scheme(text: &str, rules: &UrlRules) -> Result<CrawlUrl, NotCrawlable> {
    let rest = text.strip_prefix("//").unwrap_or(text);
    // `/etc/hosts` is a path, and the parser would find the host `etc` in it.
    if rest.starts_with(['/', '\\']) {
        return Err(NotCrawlable::Syntax);
    }
    let secure = canonicalize(&format!("https://{rest}"), None, None, rules)?;
    // Read again and not rewritten: a port of 443 is the default of one scheme only.
    if !is_local_or_address(&secure) {
        return Ok(secure);
    }
    canonicalize(&format!("http://{rest}"), None, None, rules)
}

fn is_local_or_address(url: &CrawlUrl) -> bool {
    let name = url.host_str();
    name == "localhost" || name.ends_with(".localhost") || url.host().literal().is_some()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn seed_url(given: &str) -> Result<SeedUrl, NotCrawlable> {
        super::seed_url(given, &UrlRules::default())
    }

    #[test]
    fn names_of_hosts_are_those_of_the_url_parser() {
        for (given, wanted) in [
            ("Docs.Example", Some("docs.example")),
            (" bücher.example ", Some("xn--bcher-kva.example")),
            ("xn--bcher-kva.example", Some("xn--bcher-kva.example")),
            ("127.0.0.1", Some("127.0.0.1")),
            ("::1", Some("[::1]")),
            ("[::1]", Some("[::1]")),
            ("a.example:80", None),
            ("a.example/x", None),
            ("https://a.example", None),
            ("*.example", None),
            ("a b", None),
            ("", None),
        ] {
            assert_eq!(host_name(given).as_deref(), wanted, "{given}");
        }
    }

    #[track_caller]
    fn check(given: &str, expected: &str, grants_origin: bool) {
        let seed = seed_url(given).unwrap_or_else(|e| panic!("{given}: {e}"));
        assert_eq!((seed.url.as_str(), seed.grants_origin), (expected, grants_origin), "{given}");
    }

    #[track_caller]
    #[test]
    fn credentials_are_seen_in_every_spelling() {
        for (given, expected) in [
            ("https://me:s3cret@example.org/", true),
            ("  HTTP://me@example.org", true),
            ("http:me:s3cret@example.org/", true),
            ("http:/\\me:s3cret@example.org", true),
            ("http:\t//me:s3cret@example.org", true),
            ("//me:s3cret@example.org/", true),
            ("me@example.org/x", true),
            ("me:s3cret@example.org", true),
            ("ftp://me:s3cret@example.org", true),
            ("https://example.org/@user", false),
            ("https://example.org?q=a@b", false),
            ("https://example.org#a@b", false),
            ("example.org:8080/a@b", false),
            ("mailto:me@example.org", false),
        ] {
            assert_eq!(host_behind_credentials(given).is_some(), expected, "{given:?}");
        }
    }

    fn check_error(given: &str, expected: NotCrawlable) {
        assert_eq!(seed_url(given), Err(expected), "{given}");
    }

    #[test]
    fn a_scheme_is_kept() {
        check("http://example.com", "http://example.com/", false);
        check("HTTPS://Example.COM/a#b", "https://example.com/a", false);
        check("http:example.com/x", "http://example.com/x", false);
        check("https://127.0.0.1/", "https://127.0.0.1/", true);
        check("https://user:secret@example.com/", "https://example.com/", false);
    }

    #[test]
    fn a_name_gets_https() {
        check("example.com", "https://example.com/", false);
        check(" \texample.com/a b?c \r\n", "https://example.com/a%20b?c", false);
        check("\u{feff}example.com", "https://example.com/", false);
        check("//example.com/x", "https://example.com/x", false);
        check("bücher.example", "https://xn--bcher-kva.example/", false);
        check("example.com/x:y", "https://example.com/x:y", false);
        check("intranet", "https://intranet/", false);
    }

    #[test]
    fn a_port_is_no_scheme() {
        check("example.com:8443", "https://example.com:8443/", false);
        check("example.com:8443/path?q#f", "https://example.com:8443/path?q", false);
        check("example.com:", "https://example.com/", false);
        check("example.com:/x", "https://example.com/x", false);
        check("intranet:8080/x", "https://intranet:8080/x", false);
        check("localhost:8080/x", "http://localhost:8080/x", true);
        check("LOCALHOST:8080", "http://localhost:8080/", true);
    }

    #[test]
    fn local_hosts_and_addresses_get_http_and_grant_their_origin() {
        check("localhost", "http://localhost/", true);
        check("a.b.localhost:81/", "http://a.b.localhost:81/", true);
        check("localhost.", "http://localhost/", true);
        check("127.0.0.1:80", "http://127.0.0.1/", true);
        check("127.0.0.1:443", "http://127.0.0.1:443/", true);
        check("[::1]:80", "http://[::1]/", true);
        check("[::1]:81/x", "http://[::1]:81/x", true);
        check("::1", "http://[::1]/", true);
        check("fe80::1", "http://[fe80::1]/", true);
        check("192.0.2.7/x", "http://192.0.2.7/x", true);
        check("0x7f.1", "http://127.0.0.1/", true);
        check("2130706433", "http://127.0.0.1/", true);
        check("http://0177.0.0.1/", "http://127.0.0.1/", true);
        check("http://127.0.0.1./", "http://127.0.0.1/", true);
        check("http://%31%32%37.0.0.1/", "http://127.0.0.1/", true);
        check("http://１２７.0.0.1/", "http://127.0.0.1/", true);
        check("2130706433:8080", "http://127.0.0.1:8080/", true);
        // Only looks local.
        check("notlocalhost", "https://notlocalhost/", false);
        check("localhost.example", "https://localhost.example/", false);
        check("127.0.0.1.example", "https://127.0.0.1.example/", false);
    }

    #[test]
    fn what_is_no_seed_says_why() {
        check_error("", NotCrawlable::Host);
        check_error("mailto:me@example.com", NotCrawlable::Scheme);
        check_error("ftp://example.com/", NotCrawlable::Scheme);
        check_error("file:///etc/passwd", NotCrawlable::Scheme);
        check_error("tel:5551", NotCrawlable::Scheme);
        check_error("javascript:alert(1)", NotCrawlable::Scheme);
        check_error("/etc/passwd", NotCrawlable::Syntax);
        check_error("./page.html", NotCrawlable::Host);
        check_error("../page.html", NotCrawlable::Host);
        check_error("?q", NotCrawlable::Host);
        check_error("example.com:99999", NotCrawlable::Syntax);
        check_error("exa mple.com", NotCrawlable::Syntax);
        check_error("http://", NotCrawlable::Host);
        check_error("[::1", NotCrawlable::Syntax);
    }

    proptest! {
        #[test]
        fn anything_may_be_typed(given in any::<String>(), host in "[a-z0-9.:\\[\\]@/-]{0,20}") {
            for text in [given, host] {
                let with = url::Url::parse(&text).is_ok_and(|url| !url.username().is_empty() || url.password().is_some());
                let is_web = url::Url::parse(&text).is_ok_and(|url| matches!(url.scheme(), "http" | "https"));
                prop_assert!(!(with && is_web) || host_behind_credentials(&text).is_some(), "{text:?}");
                if let Ok(seed) = seed_url(&text) {
                    let again = seed_url(seed.url.as_str());
                    prop_assert_eq!(again, Ok(seed), "{}", text);
                }
            }
        }
    }
}
