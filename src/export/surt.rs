//! [`surt`]: the key by which replay tools look a URL up, as pywb makes it.
//!
//! These are the rules of the Internet Archive's URL keys (the package `surt` of PyPI, which pywb uses): what is escaped is
//! unescaped as often as it goes and escaped once, the host stands backwards without `www.`, all is in lower case, the query's parts
//! are sorted, and well-known session ids are left out. An index with other keys has records that no replay finds.

use std::sync::LazyLock;

use regex::Regex;
use url::{Host, Url};

/// What stays as it is, beside letters and digits; everything else is `%xx`, `#` and `%` too.
const UNESCAPED: &[u8] = b"!\"$&'()*+,-./:;<=>?@[\\]^_`{|}~";

/// The sortable form of a URL of http or https.
pub(crate) fn surt(text: &str) -> String {
    let Ok(url) = Url::parse(text) else { return text.to_ascii_lowercase() };
    let mut key = match url.host() {
        // No brackets, and not backwards.
        Some(Host::Ipv6(address)) => address.to_string(),
        _ => backwards(url.host_str().unwrap_or_default()),
    };
    if let Some(port) = url.port() {
        key.push_str(&format!(":{port}"));
    }
    key.push(')');
    key.push_str(&path_key(url.path()));
    let query = url.query().filter(|query| !query.is_empty()).map(query_key).filter(|query| !query.is_empty());
    query.iter().for_each(|query| key.extend(["?", query]));
    key
}

fn backwards(host: &str) -> String {
    let host = host.trim_matches('.').to_ascii_lowercase();
    let bare = host.split_once('.').filter(|(first, _)| is_www(first)).map(|(_, rest)| rest);
    let mut parts: Vec<&str> = bare.unwrap_or(&host).split('.').collect();
    parts.reverse();
    parts.join(",")
}

fn is_www(label: &str) -> bool {
    label.strip_prefix("www").is_some_and(|rest| rest.bytes().all(|b| b.is_ascii_digit()))
}

fn path_key(path: &str) -> String {
    let path = escaped(&plain_path(&unescaped(path.as_bytes()))).to_ascii_lowercase();
    let path = without(&path, PATH_SESSION_IDS.as_slice());
    match path.strip_suffix('/') {
        Some(rest) if !rest.is_empty() => rest.to_owned(),
        _ => path,
    }
}

/// Without dot segments and empty ones; a slash at the end stays.
fn plain_path(path: &[u8]) -> Vec<u8> {
    let mut kept: Vec<&[u8]> = Vec::new();
    for part in path.split(|byte| *byte == b'/').skip(1) {
        match part {
            b"." => {}
            b".." if kept.pop().is_some() => {}
            part => kept.push(part),
        }
    }
    let last = kept.pop().unwrap_or_default();
    let mut plain = vec![b'/'];
    for part in kept.into_iter().filter(|part| !part.is_empty()) {
        plain.extend_from_slice(part);
        plain.push(b'/');
    }
    plain.extend_from_slice(last);
    plain
}

fn query_key(query: &str) -> String {
    let query = without(&escaped(&unescaped(query.as_bytes())), QUERY_SESSION_IDS.as_slice()).to_ascii_lowercase();
    let mut parts: Vec<&str> = query.split('&').collect();
    // By name, then by value: a name without a value is before one with any.
    parts.sort_by_key(|part| part.split_once('=').map_or((*part, None), |(name, value)| (name, Some(value))));
    parts.join("&")
}

/// Until nothing is escaped any more.
fn unescaped(text: &[u8]) -> Vec<u8> {
    let mut text = text.to_vec();
    loop {
        let plain: Vec<u8> = percent_decoded(&text);
        if plain == text {
            return plain;
        }
        text = plain;
    }
}

fn percent_decoded(text: &[u8]) -> Vec<u8> {
    let hex = |byte: Option<&u8>| byte.and_then(|byte| char::from(*byte).to_digit(16));
    let mut plain = Vec::with_capacity(text.len());
    let mut at = 0;
    while let Some(byte) = text.get(at) {
        match (byte, hex(text.get(at + 1)), hex(text.get(at + 2))) {
            (b'%', Some(high), Some(low)) => {
                plain.extend(u8::try_from(high << 4 | low));
                at += 3;
            }
            _ => {
                plain.push(*byte);
                at += 1;
            }
        }
    }
    plain
}

fn escaped(plain: &[u8]) -> String {
    let mut text = String::with_capacity(plain.len());
    for byte in plain {
        match byte.is_ascii_alphanumeric() || UNESCAPED.contains(byte) {
            true => text.push(char::from(*byte)),
            false => text.push_str(&format!("%{byte:02X}")),
        }
    }
    text
}

/// Patterns whose first and second group are what stays.
type Patterns<const N: usize> = LazyLock<[Option<Regex>; N]>;

static PATH_SESSION_IDS: Patterns<2> = LazyLock::new(|| {
    [r"(?i)^(.*/)\((?:[a-z]\([0-9a-z]{24}\))+\)/([^?]+\.aspx.*)$", r"(?i)^(.*/)\([0-9a-z]{24}\)/([^?]+\.aspx.*)$"]
        .map(|pattern| Regex::new(pattern).ok())
});

static QUERY_SESSION_IDS: Patterns<5> = LazyLock::new(|| {
    [
        r"(?i)^(.*)jsessionid=[0-9a-z]{32}(?:&(.*))?$",
        r"(?i)^(.*)phpsessid=[0-9a-z]{32}(?:&(.*))?$",
        r"(?i)^(.*)sid=[0-9a-z]{32}(?:&(.*))?$",
        r"(?i)^(.*)aspsessionid[a-z]{8}=[a-z]{24}(?:&(.*))?$",
        r"(?i)^(.*)cfid=[^&]+&cftoken=[^&]+(?:&(.*))?$",
    ]
    .map(|pattern| Regex::new(pattern).ok())
});

fn without(text: &str, patterns: &[Option<Regex>]) -> String {
    let mut text = text.to_owned();
    for pattern in patterns.iter().flatten() {
        if let Some(found) = pattern.captures(&text) {
            let group = |n| found.get(n).map_or("", |group| group.as_str());
            text = group(1).to_owned() + group(2);
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What pywb 2.10 (surt 0.3.1) answers for each of these.
    #[test]
    fn keys_are_those_of_pywb() {
        let cases = [
            ("http://q.example/", "example,q)/"),
            ("http://q.example/a/", "example,q)/a"),
            ("http://q.example/A/B", "example,q)/a/b"),
            ("http://q.example/a//b", "example,q)/a/b"),
            ("http://q.example//", "example,q)/"),
            ("http://q.example/a/b//", "example,q)/a/b"),
            ("http://q.example/a?b=2&a=1&c", "example,q)/a?a=1&b=2&c"),
            ("http://q.example/a?a=1&a=0&a", "example,q)/a?a&a=0&a=1"),
            ("http://q.example/a?a=&a", "example,q)/a?a&a="),
            ("http://q.example/x?", "example,q)/x"),
            ("http://q.example/x?&a=1", "example,q)/x?&a=1"),
            ("http://q.example/p?z=1&", "example,q)/p?&z=1"),
            ("http://q.example/p?a=b=c", "example,q)/p?a=b=c"),
            ("http://q.example/p?b", "example,q)/p?b"),
            ("http://q.example/%7Euser/", "example,q)/~user"),
            ("http://q.example/caf%C3%A9", "example,q)/caf%c3%a9"),
            ("http://q.example/a%20b", "example,q)/a%20b"),
            ("http://q.example/%41", "example,q)/a"),
            ("http://q.example/%2541", "example,q)/a"),
            ("http://q.example/%252541", "example,q)/a"),
            ("http://q.example/p?q=%2F", "example,q)/p?q=/"),
            ("http://q.example/p?q=%252F", "example,q)/p?q=/"),
            ("http://q.example/p?q=100%", "example,q)/p?q=100%25"),
            ("http://q.example/p?q=%zz", "example,q)/p?q=%25zz"),
            ("http://q.example/p?Q=A&q=a", "example,q)/p?q=a&q=a"),
            ("http://q.example/p?x=%27", "example,q)/p?x='"),
            ("http://q.example/p?x='", "example,q)/p?x='"),
            ("http://q.example/p?x=a+b", "example,q)/p?x=a+b"),
            ("http://q.example/p?x=a%20b", "example,q)/p?x=a%20b"),
            ("http://q.example/p?x=%26y", "example,q)/p?x=&y"),
            ("http://q.example/p?x=%23", "example,q)/p?x=%23"),
            ("http://q.example/p?x=%3D&w", "example,q)/p?w&x=="),
            ("http://q.example/p?u=http%3A%2F%2Fe.example%2F%3Fa%3D1", "example,q)/p?u=http://e.example/?a=1"),
            ("http://q.example/a%2Fb", "example,q)/a/b"),
            ("http://q.example/a%2F%2Fb", "example,q)/a/b"),
            ("http://q.example/a%3Fb", "example,q)/a?b"),
            ("http://q.example/a%23b", "example,q)/a%23b"),
            ("http://q.example/a|b", "example,q)/a|b"),
            ("http://q.example/(x)/", "example,q)/(x)"),
            ("http://q.example/%22q%22", "example,q)/\"q\""),
            ("http://q.example/%5Bx%5D", "example,q)/[x]"),
            ("http://q.example/a%00b", "example,q)/a%00b"),
            ("http://q.example/%E6%9D%B1?%E6%9D%B1=%C3%BC", "example,q)/%e6%9d%b1?%e6%9d%b1=%c3%bc"),
            ("http://q.example/a%FFb", "example,q)/a%ffb"),
            ("http://q.example/a%2F..%2Fb", "example,q)/b"),
            ("http://q.example/..%2Fx", "example,q)/../x"),
            (
                "http://q.example/a;jsessionid=0123456789ABCDEF0123456789ABCDEF",
                "example,q)/a;jsessionid=0123456789abcdef0123456789abcdef",
            ),
            ("http://q.example/a?PHPSESSID=0123456789abcdef0123456789abcdef&x=1", "example,q)/a?x=1"),
            ("http://q.example/a?x=1&sid=0123456789abcdef0123456789abcdef", "example,q)/a?&x=1"),
            ("http://q.example/a?jsessionid=0123456789abcdef0123456789abcdef", "example,q)/a"),
            ("http://q.example/a?y=1&CFID=1&CFTOKEN=2&z=1", "example,q)/a?y=1&z=1"),
            ("http://q.example/a?ASPSESSIONIDAAAAAAAA=abcdefghijklmnopqrstuvwx", "example,q)/a"),
            ("http://q.example/(a(0123456789abcdefghijklmn))/x.aspx", "example,q)/x.aspx"),
            ("http://q.example/d/(0123456789abcdefghijklmn)/x.aspx?b=1", "example,q)/d/x.aspx?b=1"),
            ("http://q.example/default.aspx?x=1", "example,q)/default.aspx?x=1"),
            ("http://q.example/d/?a=1", "example,q)/d?a=1"),
            ("http://q.example/?a", "example,q)/?a"),
            ("http://q.example/p?x", "example,q)/p?x"),
            ("http://q.example/a/?", "example,q)/a"),
            ("http://q.example/a.", "example,q)/a."),
            ("http://q.example/robots.txt", "example,q)/robots.txt"),
            ("https://www.Example.org/", "org,example)/"),
            ("http://www2.example.org/A/b/", "org,example)/a/b"),
            ("http://wwwx.example/", "example,wwwx)/"),
            ("http://www.com/", "com)/"),
            ("http://www/", "www)/"),
            ("http://a.www.example/", "example,www,a)/"),
            ("http://10.1.2.3/z", "3,2,1,10)/z"),
            ("https://10.1.2.3:8443/z", "3,2,1,10:8443)/z"),
            ("http://[2001:db8::1]/v6", "2001:db8::1)/v6"),
            ("http://[2001:db8::1]:8080/v6/", "2001:db8::1:8080)/v6"),
            ("http://xn--bcher-kva.example/i", "example,xn--bcher-kva)/i"),
            ("https://q.example:8443/p", "example,q:8443)/p"),
            ("http://q.example:443/p", "example,q:443)/p"),
            ("http://docs.localhost:99/x", "localhost,docs:99)/x"),
            ("http://example.org:8080/?b=2&a=1", "org,example:8080)/?a=1&b=2"),
        ];
        for (url, wanted) in cases {
            assert_eq!(surt(url), wanted, "{url}");
        }
        assert!(PATH_SESSION_IDS.iter().chain(QUERY_SESSION_IDS.iter()).all(Option::is_some), "a pattern is none");
    }
}
