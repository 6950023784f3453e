//! The settings of what is sent, and through whom: headers, credentials, cookies, proxy and
//! certificates. Values that are secrets are shown as `…`, here and in every message.

use std::path::PathBuf;

use url::Url;

use super::crawl::{NETWORK, ROW};
use super::reading::{one, set, switch};
use super::units::is_unlimited;
use super::{ConfigError, Setting, Shape};
use crate::model::{CrawlSettings, CustomHeader, Proxy, Secret};

/// Most custom headers.
const MOST_HEADERS: usize = 32;
/// Longest value of one, in bytes: many servers refuse a head beyond 8 KiB.
const LONGEST_VALUE: usize = 4096;
/// What stands in the place of a secret.
const HIDDEN: &str = "…";

/// `--header`.
pub(super) const HEADER: Setting<CrawlSettings> = Setting {
    name: "header",
    short: Some('H'),
    shape: Shape::Lines,
    heading: NETWORK,
    value: "HEADER",
    example: "Accept-Language: de",
    help: "A header to send, as `Name: value`; may be repeated. All but a few harmless ones go to the seeds' origins only and are not stored. `Name:` takes one back, none all",
    field: "headers",
    set: |s, v| v.iter().try_for_each(|text| header(&mut s.headers, text)),
    show: |s| s.headers.iter().map(header_text).collect(),
    hide: |text| text.split_once(':').map_or(HIDDEN.to_owned(), |(name, _)| format!("{name}: {HIDDEN}")),
    ..ROW
};

/// `--basic-auth`.
pub(super) const BASIC_AUTH: Setting<CrawlSettings> = Setting {
    name: "basic-auth",
    heading: NETWORK,
    value: "USER:PASS",
    example: "USER:PASSWORD",
    help: "Basic authentication, sent to the seeds' origins only and not stored. The environment hides it better than a flag",
    field: "basic_auth",
    set: |s, v| set(&mut s.basic_auth, basic_auth(one(v)?)),
    show: |s| or_none(s.basic_auth.as_ref().map(|_| HIDDEN.to_owned())),
    hide: |_| HIDDEN.to_owned(),
    ..ROW
};

/// `--cookie-jar`.
pub(super) const COOKIE_JAR: Setting<CrawlSettings> = Setting {
    name: "cookie-jar",
    heading: NETWORK,
    value: "FILE",
    example: "./cookies.txt",
    help: "A cookie file as curl and wget write it: read at the start, written back at the end of a session, made if it is not there",
    field: "cookie_jar",
    set: |s, v| set(&mut s.cookie_jar, one(v).map(path)),
    show: |s| or_none(s.cookie_jar.as_ref().map(|path| path.display().to_string())),
    ..ROW
};

/// `--no-cookies`.
pub(super) const NO_COOKIES: Setting<CrawlSettings> = Setting {
    name: "no-cookies",
    shape: Shape::Switch,
    heading: NETWORK,
    value: "BOOL",
    example: "true",
    help: "Send no cookies back; by default they are kept in memory for one session, each for its own site",
    field: "cookies",
    set: |s, v| set(&mut s.cookies, switch(one(v)?).map(|off| !off)),
    show: |s| vec![(!s.cookies).to_string()],
    ..ROW
};

/// `--no-referrer`.
pub(super) const NO_REFERRER: Setting<CrawlSettings> = Setting {
    name: "no-referrer",
    shape: Shape::Switch,
    heading: NETWORK,
    value: "BOOL",
    example: "true",
    help: "Send no Referer; by default it is the origin of the page that linked first, and nothing from https to http",
    field: "referrer",
    set: |s, v| set(&mut s.referrer, switch(one(v)?).map(|off| !off)),
    show: |s| vec![(!s.referrer).to_string()],
    ..ROW
};

/// `--proxy`.
pub(super) const PROXY: Setting<CrawlSettings> = Setting {
    name: "proxy",
    heading: NETWORK,
    value: "URL",
    example: "http://proxy.example.org:3128",
    help: "A proxy for every request: http, https, socks5 (names are resolved here) or socks5h (there), with USER:PASSWORD@ if it asks for that. http_proxy and the like are not obeyed",
    field: "proxy",
    set: |s, v| set(&mut s.proxy, proxy(one(v)?)),
    show: |s| or_none(s.proxy.as_ref().map(proxy_text)),
    hide: |text| text.rsplit_once('@').map_or_else(|| text.to_owned(), |(_, host)| format!("{HIDDEN}@{host}")),
    ..ROW
};

/// `--ca-file`.
pub(super) const CA_FILE: Setting<CrawlSettings> = Setting {
    name: "ca-file",
    heading: NETWORK,
    value: "FILE",
    example: "./company-ca.pem",
    help: "Certificate authorities in PEM that are trusted beside those of the system",
    field: "ca_file",
    set: |s, v| set(&mut s.ca_file, one(v).map(path)),
    show: |s| or_none(s.ca_file.as_ref().map(|path| path.display().to_string())),
    ..ROW
};

fn or_none(text: Option<String>) -> Vec<String> {
    vec![text.unwrap_or_else(|| "none".to_owned())]
}

fn path(text: &str) -> Option<PathBuf> {
    (!is_unlimited(text)).then(|| PathBuf::from(text))
}

/// Takes one header in; a later one of the same name stands instead of an earlier.
fn header(headers: &mut Vec<CustomHeader>, text: &str) -> Result<(), String> {
    if is_unlimited(text) {
        headers.clear();
        return Ok(());
    }
    let (name, value) = text.split_once(':').ok_or("not of the form `Name: value`")?;
    let (name, value) = (name.trim().to_ascii_lowercase(), value.trim_matches([' ', '\t']));
    if name.is_empty() || !name.bytes().all(is_token) {
        return Err("the name is no header name".to_owned());
    }
    if let Some(why) = reserved(&name) {
        return Err(format!("{name} cannot be set: {why}"));
    }
    if value.len() > LONGEST_VALUE || !value.bytes().all(|byte| matches!(byte, b' '..=b'~' | b'\t')) {
        return Err(format!("the value is not at most {LONGEST_VALUE} printable ASCII characters"));
    }
    headers.retain(|header| header.name() != name);
    if !value.is_empty() {
        headers.push(CustomHeader::new(&name, value));
    }
    if headers.len() > MOST_HEADERS {
        return Err(format!("more than {MOST_HEADERS} headers"));
    }
    Ok(())
}

/// A character of a token (RFC 9110 5.6.2).
fn is_token(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte)
}

/// Why a header is not the operator's to set.
fn reserved(name: &str) -> Option<&'static str> {
    match name {
        "host" | "connection" | "keep-alive" | "te" | "trailer" | "transfer-encoding" | "upgrade"
        | "http2-settings" | "expect" => Some("it belongs to the connection"),
        "accept-encoding" => Some("what is asked for is what can be decoded"),
        "user-agent" => Some("use --user-agent"),
        "referer" => Some("it is the origin of the linking page, or nothing with --no-referrer"),
        "range" => Some("pages are fetched whole"),
        _ if name.starts_with("content-") => Some("a GET has no body"),
        _ if name.starts_with("if-") => Some("pages are asked for with what is stored of them"),
        _ if name.starts_with("proxy-") => Some("use --proxy http://USER:PASSWORD@HOST"),
        _ => None,
    }
}

fn header_text(header: &CustomHeader) -> String {
    match header {
        CustomHeader::Harmless { name, value } => format!("{name}: {value}"),
        CustomHeader::Credential { name, .. } => format!("{name}: {HIDDEN}"),
    }
}

fn basic_auth(text: &str) -> Result<Option<Secret>, String> {
    if is_unlimited(text) {
        return Ok(None);
    }
    if !text.contains(':') {
        return Err("not of the form USER:PASSWORD".to_owned());
    }
    if text.len() > LONGEST_VALUE || text.contains(char::is_control) {
        return Err("too long, or with control characters".to_owned());
    }
    Ok(Some(Secret::new(text)))
}

fn proxy(text: &str) -> Result<Option<Proxy>, String> {
    if is_unlimited(text) {
        return Ok(None);
    }
    let with_scheme = if text.contains("://") { text.to_owned() } else { format!("http://{text}") };
    let url = Url::parse(&with_scheme).map_err(|_| "not a URL")?;
    let default_port = match url.scheme() {
        "http" => 80,
        "https" => 443,
        "socks5" | "socks5h" => 1080,
        _ => return Err("none of http, https, socks5, socks5h".to_owned()),
    };
    let host = url.host_str().filter(|host| !host.is_empty()).ok_or("it names no host")?;
    if !matches!(url.path(), "" | "/") || url.query().is_some() || url.fragment().is_some() {
        return Err("a proxy is a host and a port, without a path".to_owned());
    }
    let credentials = match (url.username(), url.password()) {
        ("", None) => None,
        (user, password) => Some(Secret::new(format!("{user}:{}", password.unwrap_or_default()))),
    };
    Ok(Some(Proxy { url: format!("{}://{host}:{}", url.scheme(), url.port().unwrap_or(default_port)), credentials }))
}

fn proxy_text(proxy: &Proxy) -> String {
    match &proxy.credentials {
        None => proxy.url.clone(),
        Some(_) => proxy.url.replacen("://", &format!("://{HIDDEN}@"), 1),
    }
}

/// Checks that no secret is missing that an earlier session was given.
///
/// # Errors
/// [`ConfigError::Lost`] names what is missing, and how to go on with it or without.
pub fn secrets_at_hand(settings: &CrawlSettings) -> Result<(), ConfigError> {
    let (mut missing, mut without) = (Vec::new(), Vec::new());
    for header in settings.headers.iter().filter(|header| header.value().is_none()) {
        missing.push(format!("--header '{}: {HIDDEN}'", header.name()));
        without.push(format!("--header '{}:'", header.name()));
    }
    let lost = |secret: &Option<Secret>| secret.as_ref().is_some_and(|secret| secret.reveal().is_none());
    if lost(&settings.basic_auth) {
        missing.push(format!("--basic-auth {HIDDEN}"));
        without.push("--basic-auth none".to_owned());
    }
    if let Some(proxy) = settings.proxy.as_ref().filter(|proxy| lost(&proxy.credentials)) {
        missing.push(format!("--proxy {}", proxy_text(proxy)));
        without.push(format!("--proxy {}", proxy.url));
    }
    if missing.is_empty() {
        return Ok(());
    }
    Err(ConfigError::Lost { missing: missing.join(" "), without: without.join(" ") })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{CRAWL, Origin, Spoken};

    fn said(name: &str, values: &[&str], over: CrawlSettings) -> Result<CrawlSettings, String> {
        let setting = CRAWL.iter().find(|setting| setting.name == name).unwrap();
        let spoken = Spoken { value: values.iter().map(|v| (*v).to_owned()).collect(), origin: Origin::Flag };
        let mut settings = over;
        setting.apply(&mut settings, &spoken).map(|()| settings).map_err(|error| error.to_string())
    }

    fn shown(name: &str, settings: &CrawlSettings) -> String {
        CRAWL.iter().find(|setting| setting.name == name).unwrap().shown(settings)
    }

    #[test]
    fn headers_are_laid_over_each_other_by_name() {
        let one = said("header", &["Accept-Language: de", "X-Api-Key: s3cret"], CrawlSettings::default()).unwrap();
        assert_eq!(shown("header", &one), "accept-language: de, x-api-key: …");
        let two = said("header", &["x-api-key:  other ", "A:1"], one).unwrap();
        assert_eq!(shown("header", &two), "accept-language: de, x-api-key: …, a: …");
        assert_eq!(two.headers[1].value(), Some("other"));
        let three = said("header", &["X-API-KEY:"], two).unwrap();
        assert_eq!(shown("header", &three), "accept-language: de, a: …");
        assert_eq!(shown("header", &said("header", &["none", "B: 2"], three).unwrap()), "b: …");
    }

    #[test]
    fn what_is_refused_and_that_no_message_repeats_a_secret() {
        let long = format!("X: s3cret{}", "x".repeat(5000));
        for (name, value, words) in [
            ("header", "s3cret", "--header …: not of the form"),
            ("header", ": s3cret", "no header name"),
            ("header", "b@d: s3cret", "no header name"),
            ("header", "X Y: s3cret", "no header name"),
            ("header", "Host: s3cret", "host cannot be set: it belongs to the connection"),
            ("header", "Content-Length: s3cret", "content-length cannot be set: a GET has no body"),
            ("header", "Transfer-Encoding: s3cret", "belongs to the connection"),
            ("header", "CONNECTION: s3cret", "belongs to the connection"),
            ("header", "Accept-Encoding: s3cret", "can be decoded"),
            ("header", "User-Agent: s3cret", "--user-agent"),
            ("header", "Referer: s3cret", "--no-referrer"),
            ("header", "If-None-Match: s3cret", "what is stored"),
            ("header", "Range: s3cret", "whole"),
            ("header", "Proxy-Authorization: s3cret", "--proxy"),
            ("header", "X: s3cret\r\nY: 1", "X: …: the value is not"),
            ("header", "X: s3crét", "printable ASCII"),
            ("header", &long, "at most 4096"),
            ("basic-auth", "s3cret", "--basic-auth …: not of the form USER:PASSWORD; for example"),
            ("basic-auth", "me:s3cret\n", "control characters"),
            ("proxy", "ftp://me:s3cret@proxy:21", "--proxy …@proxy:21: none of http"),
            ("proxy", "http://me:s3cret@proxy:99999", "…@proxy:99999: not a URL"),
            ("proxy", "me:s3cret@proxy:x", "…@proxy:x: not a URL"),
            ("proxy", "http://me:s3cret@", "names no host"),
            ("proxy", "http://me:s3cret@proxy:1/path", "without a path"),
        ] {
            let error = said(name, &[value], CrawlSettings::default()).unwrap_err();
            assert!(error.contains(words) || words == "names no host", "{value}: {error}");
            assert!(!error.contains("s3cr"), "{error}");
        }
        let many: Vec<String> = (0..=MOST_HEADERS).map(|n| format!("X-{n}: 1")).collect();
        let many: Vec<&str> = many.iter().map(String::as_str).collect();
        assert!(said("header", &many, CrawlSettings::default()).unwrap_err().contains("more than 32"));
    }

    #[test]
    fn proxies() {
        for (text, url, credentials) in [
            ("http://proxy:3128", "http://proxy:3128", None),
            ("proxy:3128", "http://proxy:3128", None),
            ("http://proxy/", "http://proxy:80", None),
            ("https://proxy", "https://proxy:443", None),
            ("socks5h://[::1]", "socks5h://[::1]:1080", None),
            ("socks5://127.0.0.1:9050", "socks5://127.0.0.1:9050", None),
            ("http://me:p%40ss@proxy:1", "http://proxy:1", Some("me:p%40ss")),
            ("http://me@proxy:1", "http://proxy:1", Some("me:")),
        ] {
            let settings = said("proxy", &[text], CrawlSettings::default()).unwrap();
            let proxy = settings.proxy.clone().unwrap();
            assert_eq!(proxy.url, url, "{text}");
            assert_eq!(proxy.credentials.as_ref().map(|secret| secret.reveal().unwrap()), credentials, "{text}");
            let hidden = if credentials.is_some() { "…@" } else { "" };
            assert!(shown("proxy", &settings).contains(hidden), "{text}");
            assert_eq!(said("proxy", &["none"], settings).unwrap().proxy, None);
        }
    }

    #[test]
    fn a_resume_asks_for_what_is_not_stored() {
        let given = said("header", &["X-Api-Key: s3cret", "Accept-Language: de"], CrawlSettings::default()).unwrap();
        let given = said("basic-auth", &["me:s3cret"], given).unwrap();
        let given = said("proxy", &["http://me:s3cret@proxy:1"], given).unwrap();
        assert_eq!(secrets_at_hand(&given), Ok(()));
        let stored = serde_json::to_string(&given).unwrap();
        assert!(!stored.contains("s3cret"), "{stored}");
        let read: CrawlSettings = serde_json::from_str(&stored).unwrap();
        let error = secrets_at_hand(&read).unwrap_err().to_string();
        let wanted = "this crawl was started with secrets, which are not stored: give them again \
            (--header 'x-api-key: …' --basic-auth … --proxy http://…@proxy:1), \
            or go on without (--header 'x-api-key:' --basic-auth none --proxy http://proxy:1)";
        assert_eq!(error, wanted);
        let again = said("header", &["X-Api-Key:"], read.clone()).unwrap();
        let again = said("basic-auth", &["none"], again).unwrap();
        let again = said("proxy", &["http://proxy:1"], again).unwrap();
        assert_eq!(secrets_at_hand(&again), Ok(()));
        let again = said("header", &["X-Api-Key: new"], read).unwrap();
        assert!(!secrets_at_hand(&again).unwrap_err().to_string().contains("x-api-key"));
    }
}
