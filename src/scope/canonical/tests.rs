use proptest::prelude::*;

use super::*;
use crate::model::{CrawlSettings, Named, UrlRule};

/// By the rules of the default settings.
fn canonicalize(raw: &str, base: Option<&Url>, charset: Option<&str>) -> Result<CrawlUrl, NotCrawlable> {
    super::canonicalize(raw, base, charset, &UrlRules::default())
}

#[track_caller]
fn check(raw: &str, expected: &str) {
    check_in(raw, None, None, expected);
}

#[track_caller]
fn check_in(raw: &str, base: Option<&str>, charset: Option<&str>, expected: &str) {
    let base = base.map(|text| Url::parse(text).expect("a base"));
    let url = canonicalize(raw, base.as_ref(), charset).unwrap_or_else(|e| panic!("{raw:?}: {e}"));
    assert_eq!(url.as_str(), expected, "{raw:?}");
    assert_eq!(canonicalize(url.as_str(), base.as_ref(), charset).as_ref(), Ok(&url), "{raw:?} is no fixed point");
    assert_eq!(CrawlUrl::stored(url.as_str()).as_ref(), Ok(&url), "{raw:?} does not read back");
}

#[track_caller]
fn check_error(raw: &str, expected: NotCrawlable) {
    assert_eq!(canonicalize(raw, None, None), Err(expected), "{raw:?}");
}

#[track_caller]
fn check_distinct(one: &str, other: &str) {
    assert_ne!(canonicalize(one, None, None).expect(one), canonicalize(other, None, None).expect(other));
}

#[test]
fn the_url_standard_comes_first() {
    check("HTTP://EXAMPLE.com:80", "http://example.com/");
    check("https://example.com:443/", "https://example.com/");
    check("https://example.com:0443/", "https://example.com/");
    check("https://example.com:80/", "https://example.com:80/");
    check(" \n http://example.com/a\tb\r\n/c ", "http://example.com/ab/c");
    check("http:\\\\example.com\\a\\..\\b", "http://example.com/b");
    check("https://example.com/a/./b/../c", "https://example.com/a/c");
    check("https://example.com/../../x", "https://example.com/x");
    check("https://example.com/a b?c d", "https://example.com/a%20b?c%20d");
    check("https://example.com/é?é", "https://example.com/%C3%A9?%C3%A9");
    check("https://bücher.example/", "https://xn--bcher-kva.example/");
    check("http://0x7f.1/", "http://127.0.0.1/");
    check("http://[0:0::1]/", "http://[::1]/");
    check("https://ex%61mple.com/", "https://example.com/");
}

#[test]
fn fragments_are_dropped() {
    check("https://example.com/a#b", "https://example.com/a");
    check("https://example.com/#!/route?x", "https://example.com/");
    check("https://example.com/#", "https://example.com/");
    check(&format!("https://example.com/#:~:text={}", "x".repeat(100_000)), "https://example.com/");
    check("https://example.com/a #b", "https://example.com/a%20");
    check("https://example.com/?a # b ", "https://example.com/?a%20");
    check_in("#top", Some("https://example.com/a?b"), None, "https://example.com/a?b");
}

#[test]
fn what_is_far_too_long_is_not_normalised() {
    let escaped = "%61".repeat(2_000);
    check(&format!("https://example.com/{escaped}"), &format!("https://example.com/{}", "a".repeat(2_000)));
    check(&format!("https://{escaped}:{escaped}@example.com/"), "https://example.com/");
    let rules = rules(&[], &["x"]);
    let with = |bytes| super::canonicalize(&format!("https://a.example/?x={}", "y".repeat(bytes)), None, None, &rules);
    assert_eq!(with(8_000).as_ref().map(CrawlUrl::as_str), Ok("https://a.example/"));
    assert_eq!(with(9_000), Err(NotCrawlable::TooLong), "whatever the rules would leave of it");
    let base = Url::parse(&format!("http://h/{}/", "%aa".repeat(20_000))).unwrap();
    assert_eq!(canonicalize("x", Some(&base), None), Err(NotCrawlable::TooLong));
    check_in("/x", Some(base.as_str()), None, "http://h/x");
}

#[test]
fn credentials_are_dropped() {
    check("https://user:secret@example.com/", "https://example.com/");
    check("https://user@example.com/@x", "https://example.com/@x");
    check("https://:@example.com/", "https://example.com/");
}

#[test]
fn the_root_dot_is_stripped() {
    check("https://example.com./a.", "https://example.com/a.");
    check("https://example.com.:8443/", "https://example.com:8443/");
    check("http://127.0.0.1./", "http://127.0.0.1/");
    check("http://localhost./", "http://localhost/");
    for raw in ["https://example.com../", "https://.example.com/", "https://a..example/", "https://./", "https://../"] {
        check_error(raw, NotCrawlable::Host);
    }
}

#[test]
fn escapes_are_normalised() {
    check("https://example.com/%7euser/%c3%a9", "https://example.com/~user/%C3%A9");
    check("https://example.com/%61%2Fb?%62=%26%3d", "https://example.com/a%2Fb?b=%26%3D");
    check("https://example.com/%c3%a9", "https://example.com/%C3%A9");
    check("https://example.com/?%3d", "https://example.com/?%3D");
    check("https://example.com/%2541", "https://example.com/%2541");
    check("https://example.com/%25%34%31", "https://example.com/%2541");
    // Dots: the parser removes the segments that are nothing but dots, the others stay.
    check("https://example.com/a/%2e%2E/b", "https://example.com/b");
    check("https://example.com/a/.%2e", "https://example.com/");
    check("https://example.com/a/%2e", "https://example.com/a/");
    check("https://example.com/a/%2e%2e%2e/b", "https://example.com/a/.../b");
    check("https://example.com/a/%2ehtaccess", "https://example.com/a/.htaccess");
    check("https://example.com/?%2e%2e/", "https://example.com/?../");
}

#[test]
fn malformed_escapes_are_left_alone() {
    for url in [
        "https://example.com/%",
        "https://example.com/%4",
        "https://example.com/100%?%61",
        "https://example.com/%zz%61",
        "https://example.com/%%34%31",
        "https://example.com/%4%31",
        "https://example.com/%u00%34%31",
        "https://example.com/a?%%34%31",
    ] {
        let expected = url.replace("/100%?%61", "/100%?a");
        check(url, &expected);
    }
}

#[test]
fn an_empty_query_is_dropped() {
    check("https://example.com/?", "https://example.com/");
    check("https://example.com/a?#b", "https://example.com/a");
    check("https://example.com?", "https://example.com/");
    check("https://example.com/a??", "https://example.com/a??");
}

#[test]
fn what_servers_tell_apart_stays_apart() {
    for (one, other) in [
        ("http://example.com/", "https://example.com/"),
        ("https://www.example.com/", "https://example.com/"),
        ("https://example.com/", "https://example.com:8443/"),
        ("https://example.com/a", "https://example.com/a/"),
        ("https://example.com/a", "https://example.com/A"),
        ("https://example.com//a", "https://example.com/a"),
        ("https://example.com/a%2Fb", "https://example.com/a/b"),
        ("https://example.com/a%3Fb", "https://example.com/a?b"),
        ("https://example.com/a+b", "https://example.com/a%20b"),
        ("https://example.com/a%2Bb", "https://example.com/a+b"),
        ("https://example.com/?a=1&b=2", "https://example.com/?b=2&a=1"),
        ("https://example.com/?a=1&a=1", "https://example.com/?a=1"),
        ("https://example.com/?a", "https://example.com/?a="),
        ("https://example.com/?a%26b", "https://example.com/?a&b"),
        ("https://example.com/?", "https://example.com/??"),
        ("https://example.com/index.html", "https://example.com/"),
        ("https://example.com/a;v=1", "https://example.com/a"),
        ("https://example.com/?sid=42", "https://example.com/"),
        ("https://example.com/?utm_source=x", "https://example.com/"),
    ] {
        check_distinct(one, other);
    }
}

/// The rules with these names, and these parameters dropped.
pub(super) fn rules(names: &[UrlRule], drop: &[&str]) -> UrlRules {
    UrlRules::new(&CrawlSettings {
        url_rules: names.iter().copied().collect(),
        drop_params: drop.iter().map(|name| (*name).to_owned()).collect(),
        ..CrawlSettings::default()
    })
}

#[track_caller]
fn check_by(rules: &UrlRules, raw: &str, expected: &str, removed: (bool, bool)) {
    let raw = format!("https://example.com{raw}");
    let (url, got) = Document::new(None, None, rules).canonicalize(&raw).expect("a URL");
    assert_eq!(url.as_str(), format!("https://example.com{expected}"), "{raw}");
    assert_eq!((got.session_id, got.parameter), removed, "{raw}");
    let again = Document::new(None, None, rules).canonicalize(url.as_str());
    assert_eq!(again, Ok((url, Removed::default())), "{raw} is no fixed point");
}

#[test]
fn session_ids_are_taken_out() {
    let on = rules(&[UrlRule::SessionIds], &[]);
    let id = "9682993c8daa2c5497996114facdc805";
    for (raw, expected) in [
        (format!("/a;jsessionid={id}"), "/a"),
        (format!("/a;JSESSIONID={id}/b;v=1;jsessionid={id};w?q"), "/a/b;v=1;w?q"),
        (format!("/a;jsessionid={id}?x=1&PHPSESSID={id}&y=2"), "/a?x=1&y=2"),
        (format!("/?phpsessid={id}"), "/"),
        (format!("/a?x&&sid={id}"), "/a?x&"),
        (format!("/a?&sid={id}"), "/a"),
        ("/a?CFID=1169580&CFTOKEN=48630702&d=22%2F08".to_owned(), "/a?d=22%2F08"),
        ("/a?ASPSESSIONIDAQBSDSRT=EOHBLBDDPFCLHKPGGKLILNAM".to_owned(), "/a"),
        ("/app/(S(lit3py55t21z5v55vlm25s55))/page.aspx".to_owned(), "/app/page.aspx"),
        ("/(X(1)S(lit3py55t21z5v55vlm25s55))".to_owned(), "/"),
        (format!("/;jsessionid={id}/x"), "//x"),
    ] {
        check_by(&on, &raw, expected, (true, false));
        check_by(&UrlRules::none(), &raw, &raw, (false, false));
    }
    // Without it the segment would lead one level up.
    check_by(&on, &format!("/a/..;jsessionid={id}/b"), &format!("/a/..;jsessionid={id}/b"), (false, false));
    check_by(&on, &format!("/a/%2e;jsessionid={id}"), &format!("/a/%2e;jsessionid={id}"), (false, false));
    for kept in ["/a?CFID=1169580", "/a;v=jsessionid", "/a?sid=42", "/wiki/Mercury_(planet)", "/a?sid"] {
        check_by(&on, kept, kept, (false, false));
    }
    // A broken escape keeps the others from being read, until it is taken away.
    let all = UrlRules::default();
    check_by(&all, "/%61;jsessionid=127.0.0.1%", "/a", (true, false));
    check_by(&all, &format!("/%7E;jsessionid=1234567%;%73id={id}"), "/~", (true, false));
    // Escaped letters of a name are read first.
    check(&format!("https://example.com/a?%50HPSESSID={id}&b"), "https://example.com/a?b");
}

#[test]
fn parameters_are_dropped_by_name_alone() {
    let none = rules(&[], &[]);
    check_by(&none, "/?utm_source=a&gclid=b", "/?utm_source=a&gclid=b", (false, false));
    let some = rules(&[UrlRule::Escapes], &["utm_*", "gclid", "f%5b%5d"]);
    check_by(&some, "/a?utm_source=a&b=1&utm_medium&gclid=&c", "/a?b=1&c", (false, true));
    check_by(&some, "/a?utm_source=a", "/a", (false, true));
    check_by(&some, "/a?%75tm_source=a&f%5B%5D=1&b", "/a?b", (false, true));
    check_by(&some, "/a?UTM_source=a&gclids=1&xutm_=2&=utm_", "/a?UTM_source=a&gclids=1&xutm_=2&=utm_", (false, false));
    check_by(&rules(&[], &["*"]), "/a?b=1&c", "/a", (false, true));
}

#[test]
fn queries_are_sorted_only_when_asked() {
    let on = rules(&[UrlRule::SortQuery], &[]);
    check_by(&on, "/?b=2&a=2&c&a=1&b=1", "/?a=2&a=1&b=2&b=1&c", (false, false));
    check_by(&on, "/?b&&a", "/?&a&b", (false, false));
    check("https://example.com/?b=2&a=2&c&a=1&&b=1&b=1", "https://example.com/?b=2&a=2&c&a=1&&b=1&b=1");
}

#[test]
fn rules_that_are_off_leave_the_url_to_the_standard() {
    check_by(&UrlRules::none(), "/%7euser/%c3%a9?", "/%7euser/%c3%a9?", (false, false));
    check_by(&rules(&[UrlRule::Escapes], &[]), "/%7euser?", "/~user?", (false, false));
    check_by(&rules(&[UrlRule::EmptyQuery], &[]), "/%7euser?", "/%7euser", (false, false));
    // What is never sent, and what names the same host, has no switch.
    let bare = super::canonicalize("https://u:p@EXAMPLE.com.:443/a#b", None, None, &UrlRules::none());
    assert_eq!(bare.expect("a URL").as_str(), "https://example.com/a");
}

#[test]
fn references_are_resolved() {
    let base = Some("https://example.com/dir/page.html?q#f");
    check_in("", base, None, "https://example.com/dir/page.html?q");
    check_in("?", base, None, "https://example.com/dir/page.html");
    check_in("?a", base, None, "https://example.com/dir/page.html?a");
    check_in("x", base, None, "https://example.com/dir/x");
    check_in("../x", base, None, "https://example.com/x");
    check_in("/x", base, None, "https://example.com/x");
    check_in("//example.org", base, None, "https://example.org/");
    check_in("https:x", base, None, "https://example.com/dir/x");
    check_in("a:80/x".strip_prefix("a:").unwrap(), base, None, "https://example.com/dir/80/x");
}

#[test]
fn queries_are_encoded_in_the_charset_of_the_page() {
    let base = Some("https://example.com/é?é");
    check_in("?q=é", base, Some("iso-8859-1"), "https://example.com/%C3%A9?q=%E9");
    check_in("/é?q=é", base, Some("windows-1252"), "https://example.com/%C3%A9?q=%E9");
    check_in("?q=日本", base, Some("shift_jis"), "https://example.com/%C3%A9?q=%93%FA%96{");
    check_in("?q=日本", base, Some("EUC-JP"), "https://example.com/%C3%A9?q=%C6%FC%CB%DC");
    check_in("?q=é", base, Some("utf-16le"), "https://example.com/%C3%A9?q=%C3%A9");
    check_in("?q=é", base, Some("no such label"), "https://example.com/%C3%A9?q=%C3%A9");
    check_in("https://example.org/?é", None, Some("latin1"), "https://example.org/?%E9");
}

#[test]
fn what_a_charset_lacks_becomes_an_escaped_character_reference() {
    check_in("https://e.com/?q=\u{2603}&x", None, Some("latin1"), "https://e.com/?q=%26%239731%3B&x");
    let long = "\u{2603}".repeat(100);
    check_in(
        &format!("https://e.com/?{long}"),
        None,
        Some("latin1"),
        &format!("https://e.com/?{}", "%26%239731%3B".repeat(100)),
    );
}

#[test]
fn what_is_no_crawlable_url_says_why() {
    check_error("", NotCrawlable::Syntax);
    check_error("page.html", NotCrawlable::Syntax);
    check_error("http://", NotCrawlable::Host);
    check_error("https:///", NotCrawlable::Host);
    check_error("http://a b/", NotCrawlable::Syntax);
    check_error("http://a\0b/", NotCrawlable::Syntax);
    check_error("http://example.com:65536/", NotCrawlable::Syntax);
    check_error("http://[::1/", NotCrawlable::Syntax);
    check_error("mailto:me@example.com", NotCrawlable::Scheme);
    check_error(" JavaScript:void(0)", NotCrawlable::Scheme);
    check_error("javascript://a b", NotCrawlable::Scheme);
    check_error("java\nscript:x", NotCrawlable::Scheme);
    check_error("ftp://example.com/", NotCrawlable::Scheme);
    check_error("view-source:https://example.com/", NotCrawlable::Scheme);
    check_error(&format!("data:text/plain,{}", "x".repeat(200_000)), NotCrawlable::Scheme);
}

#[test]
fn length_is_counted_in_the_canonical_text() {
    let of_length = |bytes: usize| format!("https://example.com/{}", "a".repeat(bytes - 20));
    check(&of_length(2083), &of_length(2083));
    check_error(&of_length(2084), NotCrawlable::TooLong);
    check_error(&of_length(1_000_000), NotCrawlable::TooLong);
    // Three bytes each when decoded, nine when escaped.
    check_error(&format!("https://example.com/{}", "日".repeat(300)), NotCrawlable::TooLong);
    check(&format!("https://example.com/{}", "%61".repeat(2000)), &format!("https://example.com/{}", "a".repeat(2000)));
}

#[test]
fn controls_cannot_appear() {
    check("https://example.com/a\0b?c\u{1b}d\0", "https://example.com/a%00b?c%1Bd");
    check("https://example.com/\u{7f}\u{85}", "https://example.com/%7F%C2%85");
}

/// Strings that reach deep into the parser more often than arbitrary ones do.
pub(super) fn url_like() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        prop::sample::select(vec![
            "http:",
            "https:",
            "//",
            "/",
            "\\",
            "?",
            "#",
            "@",
            ":",
            ";",
            "&",
            "=",
            ".",
            "..",
            "%",
            "%2",
            "%2e",
            "%2E",
            "%2F",
            "%61",
            "%7e",
            "%c3%a9",
            "%25",
            "%u0041",
            "[",
            "]",
            "[::1]",
            "127.0.0.1",
            "0x7f",
            "1",
            "80",
            "443",
            "example",
            "com",
            "co.uk",
            "xn--",
            "xn--bcher-kva",
            "é",
            "日本",
            "\u{200d}",
            "\u{ad}",
            "\u{2603}",
            "\0",
            "\t",
            "\n",
            " ",
            "'",
            "\"",
            "|",
            "^",
            "{",
            "a",
            "A",
            "data:",
            "*",
            "$",
            ";jsessionid=",
            "PHPSESSID=",
            "sid=",
            "9682993c8daa2c5497996114facdc805",
            "(S(lit3py55t21z5v55vlm25s55))",
            "CFID=1",
            "CFTOKEN=12345678",
            "utm_",
            "-",
            "_",
            "~",
            "。",
            "ß",
        ])
        .prop_map(str::to_owned),
        any::<char>().prop_map(String::from),
    ];
    let tail = prop::collection::vec(piece, 0..16).prop_map(|pieces| pieces.concat());
    let head = prop::sample::select(vec!["", "http://", "https://", "https://example.com/", "//h/"]);
    (head, tail).prop_map(|(head, tail)| format!("{head}{tail}"))
}

pub(super) fn charset_label() -> impl Strategy<Value = Option<&'static str>> {
    prop::sample::select(vec![None, Some("latin1"), Some("shift_jis"), Some("iso-2022-jp"), Some("gb18030"), Some("x")])
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    #[test]
    fn canonical_urls_are_fixed_points(raw in url_like(), base in url_like(), charset in charset_label()) {
        let base = Url::parse(&base).ok();
        if let Ok(url) = canonicalize(&raw, base.as_ref(), charset) {
            let text = url.as_str();
            prop_assert!(text.len() <= CrawlUrl::MAX_BYTES);
            prop_assert!(text.bytes().all(|b| (0x21..0x7f).contains(&b)), "{text:?}");
            prop_assert!(!text.contains('#') && !url.origin_str().contains('@'));
            prop_assert!(!url.host_str().ends_with('.') && url.query() != Some(""));
            prop_assert_eq!(canonicalize(text, None, None), Ok(url.clone()));
            prop_assert_eq!(canonicalize(text, base.as_ref(), charset), Ok(url.clone()));
            prop_assert_eq!(CrawlUrl::stored(text), Ok(url.clone()));
        }
    }

    #[test]
    fn every_combination_of_rules_has_fixed_points(
        raw in url_like(),
        names in prop::sample::subsequence(UrlRule::ALL, 0..=UrlRule::ALL.len()),
        drop in prop::sample::subsequence(vec!["utm_*", "a", "sid*", "%41", "*"], 0..=3),
    ) {
        let rules = rules(&names, &drop);
        if let Ok(url) = super::canonicalize(&raw, None, None, &rules) {
            let again = Document::new(None, None, &rules).canonicalize(url.as_str());
            prop_assert_eq!(again, Ok((url.clone(), Removed::default())), "{}", raw);
            prop_assert_eq!(CrawlUrl::stored(url.as_str()), Ok(url));
        }
    }

    #[test]
    fn any_text_and_any_base_are_taken(raw in any::<String>(), base in any::<String>()) {
        let base = Url::parse(&base).ok();
        if let Ok(url) = canonicalize(&raw, base.as_ref(), None) {
            prop_assert_eq!(canonicalize(url.as_str(), None, None), Ok(url.clone()));
        }
    }

    /// Only unreserved escapes are decoded: what a server sees after decoding is unchanged.
    #[test]
    fn the_decoded_path_is_unchanged(segments in "(/[a-c%2][a-c0-9%FfeE]{0,12}){1,4}") {
        let parsed = Url::parse(&format!("https://example.com{segments}")).expect("a URL");
        let url = canonicalize(parsed.as_str(), None, None).expect("a URL");
        prop_assert_eq!(decoded(url.path()), decoded(parsed.path()));
    }
}

/// Every well-formed escape decoded, in one pass.
fn decoded(text: &str) -> Vec<u8> {
    let mut out = Vec::new();
    let mut rest = text.as_bytes();
    while let Some((&first, tail)) = rest.split_first() {
        match escaped_octet(tail) {
            Some(octet) if first == b'%' => {
                out.push(octet);
                rest = &tail[2..];
            }
            _ => {
                out.push(first);
                rest = tail;
            }
        }
    }
    out
}
