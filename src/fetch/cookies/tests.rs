use super::*;

const NOW: UnixMs = 1_700_000_000_000;

fn url(text: &str) -> CrawlUrl {
    CrawlUrl::stored(text).unwrap()
}

fn set(jar: &CookieJar, from: &str, line: &str) {
    jar.take_in(&url(from), std::iter::once(line.as_bytes()), NOW);
}

fn sent(jar: &CookieJar, to: &str) -> String {
    jar.header(&url(to), &[], NOW).map_or_else(String::new, |value| value.to_str().unwrap().to_owned())
}

/// After `from` said `line`, a request to each URL carries what stands beside it.
#[track_caller]
fn check(from: &str, line: &str, requests: &[(&str, &str)]) {
    let jar = CookieJar::default();
    set(&jar, from, line);
    for (to, expected) in requests {
        assert_eq!(sent(&jar, to), *expected, "{line:?} from {from}, to {to}");
    }
}

#[test]
fn a_cookie_goes_back_to_its_own_host() {
    check(
        "http://shop.example.com/a/b",
        "id=1",
        &[
            ("http://shop.example.com/a/c", "id=1"),
            ("https://shop.example.com/a/c", "id=1"),
            ("http://shop.example.com:8080/a/", "id=1"),
            ("http://example.com/a/", ""),
            ("http://x.shop.example.com/a/", ""),
            ("http://myshop.example.com/a/", ""),
            ("http://shop.example.com/b", ""),
            ("http://shop.example.com/ab", ""),
        ],
    );
}

#[test]
fn domain_widens_to_what_the_host_lies_in() {
    for line in ["id=1; Domain=example.com", "id=1; domain=.EXAMPLE.com", "id=1;Domain=evil.test;Domain=example.com"] {
        check(
            "http://a.example.com/",
            line,
            &[
                ("http://a.example.com/", "id=1"),
                ("http://example.com/", "id=1"),
                ("http://b.c.example.com/", "id=1"),
                ("http://notexample.com/", ""),
                ("http://example.com.evil.test/", ""),
            ],
        );
    }
    for (from, line) in [
        ("http://a.example.com/", "id=1; Domain=b.example.com"),
        ("http://a.example.com/", "id=1; Domain=x.a.example.com"),
        ("http://a.example.com/", "id=1; Domain=ample.com"),
        ("http://a.example.com/", "id=1; Domain=com"),
        ("http://a.example.com/", "id=1; Domain=com."),
        ("http://a.example.com/", "id=1; Domain=example.com."),
        ("http://a.example.co.uk/", "id=1; Domain=co.uk"),
        ("http://a.github.io/", "id=1; Domain=github.io"),
        ("http://a.xn--p1ai/", "id=1; Domain=xn--p1ai"),
        ("http://a.xn--55qx5d.cn/", "id=1; Domain=xn--55qx5d.cn"),
        ("http://a.localhost/", "id=1; Domain=localhost"),
        ("http://a.internal/", "id=1; Domain=internal"),
        ("http://10.1.2.3/", "id=1; Domain=2.3"),
        ("http://10.1.2.3/", "id=1; Domain=.3"),
        ("http://a.example.com/", "id=1; Domain=exämple.com"),
    ] {
        let jar = CookieJar::default();
        set(&jar, from, line);
        assert!(jar.is_empty(), "{line:?} from {from}");
    }
}

#[test]
fn a_public_suffix_may_set_cookies_for_itself_alone() {
    let requests = [("http://github.io/", "id=1"), ("http://a.github.io/", "")];
    check("http://github.io/", "id=1; Domain=github.io", &requests);
    check("http://10.1.2.3/", "id=1; Domain=10.1.2.3", &[("http://10.1.2.3/", "id=1"), ("http://10.1.2.4/", "")]);
    check("http://[2001:db8::1]/", "id=1", &[("http://[2001:db8::1]/x", "id=1"), ("http://[2001:db8::2]/", "")]);
    check("http://a.test/", "id=1; Domain=", &[("http://a.test/", "id=1"), ("http://b.a.test/", "")]);
}

#[test]
fn paths() {
    for (from, line, path, expected) in [
        ("/", "Path=/docs", "/docs", true),
        ("/", "Path=/docs", "/docs/", true),
        ("/", "Path=/docs", "/docs/a", true),
        ("/", "Path=/docs", "/docs2", false),
        ("/", "Path=/docs", "/", false),
        ("/", "Path=/docs/", "/docs", false),
        ("/", "Path=/docs/", "/docs/a", true),
        ("/a/b", "Path=/", "/", true),
        ("/a/b", "Path=relative", "/a/x", true),
        ("/a/b", "Path=relative", "/relative", false),
        ("/a/b", "Path=/x; Path", "/a/c", true),
        ("/a", "", "/b", true),
        ("/a/b/", "", "/a/b/c", true),
        ("/a/b/", "", "/a/c", false),
    ] {
        let line = format!("id=1; {line}");
        let wanted = if expected { "id=1" } else { "" };
        check(&format!("http://a.test{from}"), &line, &[(&format!("http://a.test{path}"), wanted)]);
    }
}

#[test]
fn plain_http_hides_no_secure_cookie_below_it_among_many() {
    let below = |hosts: usize, secure_below: Option<usize>| {
        let jar = CookieJar::default();
        for n in 0..2_000 {
            set(&jar, &format!("https://h{n}.myexample.com/"), "id=1; Secure");
            set(&jar, &format!("https://h{n}.example.org/"), "id=1; Secure");
        }
        for n in 0..hosts {
            let attribute = if secure_below == Some(n) { "; Secure" } else { "" };
            set(&jar, &format!("https://h{n}.example.com/"), &format!("id=1{attribute}"));
        }
        set(&jar, "http://www.example.com/", "id=2; Domain=example.com");
        sent(&jar, "http://example.com/") == "id=2"
    };
    assert!(below(0, None), "cookies of others are nothing to it");
    assert!(below(MOST_BELOW, None));
    assert!(!below(MOST_BELOW, Some(MOST_BELOW - 1)));
    assert!(!below(MOST_BELOW + 1, None), "what would have to be looked through for too long is not set");
}

#[test]
fn secure_cookies_are_for_https() {
    check("https://a.test/", "id=1; Secure", &[("https://a.test/", "id=1"), ("http://a.test/", "")]);
    check("http://a.test/", "id=1; Secure", &[("https://a.test/", "")]);
    let jar = CookieJar::default();
    set(&jar, "https://a.test/", "id=good; Secure; Domain=a.test");
    for line in ["id=bad", "id=bad; Path=/", "id=bad; Domain=a.test", "id=bad; Path=/x"] {
        for from in ["http://a.test/", "http://b.a.test/"] {
            set(&jar, from, line);
        }
    }
    assert_eq!(sent(&jar, "https://b.a.test/x"), "id=good", "plain http does not stand in for https");
    set(&jar, "http://a.test/", "other=1");
    assert_eq!(sent(&jar, "https://a.test/"), "id=good; other=1");
    let jar = CookieJar::default();
    set(&jar, "https://b.a.test/", "id=good; Secure");
    set(&jar, "http://a.test/", "id=bad; Domain=a.test");
    set(&jar, "http://a.test/", "id=mine");
    assert_eq!((sent(&jar, "https://b.a.test/"), sent(&jar, "http://a.test/")), ("id=good".into(), "id=mine".into()));
}

#[test]
fn prefixes_are_promises() {
    let good = ["__Secure-a=1; Secure", "__Host-a=1; Secure; Path=/", "__host-a=1; secure; path=/"];
    let bad = [
        "__Secure-a=1",
        "__SECURE-a=1",
        "__Host-a=1; Secure; Path=/x",
        "__Host-a=1; Secure; Path=/; Domain=a.test",
        "__Host-a=1; Path=/",
        "__Host-a=1; Secure",
        "__Host-a=1; Secure; Path=/; Path",
        "=__Host-a=1; Secure; Path=/",
        "__Secure-a",
    ];
    for (lines, kept) in [(&good[..], 1), (&bad[..], 0)] {
        for line in lines {
            let jar = CookieJar::default();
            set(&jar, "https://a.test/", line);
            assert_eq!(jar.len(), kept, "{line}");
        }
    }
}

#[test]
fn the_end_of_a_cookie() {
    for (line, alive) in [
        ("id=1", true),
        ("id=1; Max-Age=60", true),
        ("id=1; Max-Age=0", false),
        ("id=1; Max-Age=-1", false),
        ("id=1; Max-Age=99999999999999999999", true),
        ("id=1; Max-Age=soon", true),
        ("id=1; Expires=Thu, 01 Jan 1970 00:00:00 GMT", false),
        ("id=1; Expires=Thu, 01 Jan 2099 00:00:00 GMT", true),
        ("id=1; Expires=whenever", true),
        ("id=1; Max-Age=60; Expires=Thu, 01 Jan 1970 00:00:00 GMT", true),
        ("id=1; Expires=Thu, 01 Jan 2099 00:00:00 GMT; Max-Age=0", false),
    ] {
        let jar = CookieJar::default();
        set(&jar, "http://a.test/", "id=0");
        set(&jar, "http://a.test/", line);
        assert_eq!(sent(&jar, "http://a.test/"), if alive { "id=1" } else { "" }, "{line}");
    }
    let jar = CookieJar::default();
    set(&jar, "http://a.test/", "id=1; Max-Age=60");
    set(&jar, "http://a.test/", "long=1; Max-Age=999999999999");
    let later = |ms| jar.header(&url("http://a.test/"), &[], NOW + ms).is_some_and(|v| v.as_bytes().contains(&b'i'));
    assert!(later(59_999) && !later(60_000));
    assert!(jar.header(&url("http://a.test/"), &[], NOW + LONGEST_LIFE_MS).is_none(), "400 days at most");
}

#[test]
fn lines_that_are_read_and_lines_that_are_not() {
    let long = format!("id={}", "x".repeat(4094));
    let too_long = format!("id={}", "x".repeat(4095));
    let long_path = format!("id=1; Path=/{}", "x".repeat(1024));
    for (line, expected) in [
        ("a=b=c; x", "a=b=c"),
        ("  a  =  b c  ; Secure=", ""),
        ("alone", "alone"),
        ("=value", "value"),
        ("a=", "a="),
        ("=", ""),
        ("", ""),
        (";a=b", ""),
        ("a=\"quoted; b\"", "a=\"quoted"),
        ("a=1\u{7}", ""),
        ("a=1\tb", ""),
        ("a=é", "a=é"),
        (long_path.as_str(), "id=1"),
        (long.as_str(), long.as_str()),
        (too_long.as_str(), ""),
    ] {
        let jar = CookieJar::default();
        set(&jar, "http://a.test/", line);
        let header = jar.header(&url("http://a.test/"), &[], NOW);
        assert_eq!(header.as_ref().map_or(&b""[..], HeaderValue::as_bytes), expected.as_bytes(), "{line}");
    }
}

#[test]
fn the_longest_path_first_then_the_oldest() {
    let jar = CookieJar::default();
    for line in ["b=1", "a=1", "deep=1; Path=/x/y", "b=2", "wide=1; Domain=a.test"] {
        set(&jar, "http://h.a.test/", line);
    }
    assert_eq!(sent(&jar, "http://h.a.test/x/y/z"), "deep=1; b=2; a=1; wide=1");
    let without = jar.header(&url("http://h.a.test/"), &[b"a"], NOW).unwrap();
    assert_eq!(without, "b=2; wide=1");
    assert!(without.is_sensitive());
}

#[test]
fn a_jar_is_bounded_and_forgets_the_oldest_use() {
    let jar = CookieJar::default();
    for n in 0..MAX_PER_DOMAIN + 20 {
        set(&jar, "https://a.test/", &format!("n{n}={}", if n == 1 { "1; Secure" } else { "1" }));
        sent(&jar, "https://a.test/nowhere");
    }
    assert_eq!(jar.len(), MAX_PER_DOMAIN);
    let header = sent(&jar, "https://a.test/");
    assert_eq!(header.split("; ").count(), MAX_SENT);
    assert!(header.starts_with("n1=1; "), "secure cookies stay longest: {}", &header[..40]);

    let jar = CookieJar::default();
    let lines = (0..200).map(|n| format!("n{n}=1")).collect::<Vec<_>>();
    jar.take_in(&url("http://a.test/"), lines.iter().map(String::as_bytes), NOW);
    assert_eq!(jar.len(), MAX_PER_RESPONSE);

    let jar = CookieJar::default();
    let big = "x".repeat(4000);
    set(&jar, "http://first.test/", "id=1");
    for n in 0..2500 {
        set(&jar, &format!("http://h{n}.test/"), &format!("id={big}"));
        sent(&jar, "http://first.test/");
        assert!(jar.lock().bytes <= MAX_JAR_BYTES);
    }
    assert_eq!(sent(&jar, "http://first.test/"), "id=1", "what is used stays");
    assert_eq!((sent(&jar, "http://h0.test/"), sent(&jar, "http://h2499.test/").len()), (String::new(), 4003));
    let counted: usize = {
        let jar = jar.lock();
        jar.domains.iter().flat_map(|(domain, kept)| kept.iter().map(|c| c.bytes(domain))).sum()
    };
    assert_eq!(counted, jar.lock().bytes);
    let names: BTreeSet<String> = jar.lock().domains.keys().map(|domain| upside_down(domain)).collect();
    assert_eq!(names, jar.lock().tree);

    let jar = CookieJar::default();
    for n in 0..5 {
        set(&jar, "http://a.test/", &format!("n{n}={big}"));
    }
    assert!(sent(&jar, "http://a.test/").len() <= MAX_SENT_BYTES);
}

#[test]
fn files_of_curl_and_wget_are_read() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("cookies.txt");
    let text = "# Netscape HTTP Cookie File\r\n\n# a comment\n\
        .example.com\tTRUE\t/\tFALSE\t1800000000\twide\tw\n\
        www.example.com\tFALSE\t/docs\tTRUE\t0\tnarrow\tn=1; x\r\n\
        #HttpOnly_www.example.com\tFALSE\t/\tFALSE\t1800000000.25\thidden\th\n\
        www.example.com\tFALSE\t/\tFALSE\t1600000000\told\to\n\
        127.0.0.1\tFALSE\t/\tFALSE\t0\tlocal\n";
    std::fs::write(&path, text).unwrap();
    let jar = CookieJar::open(&path, NOW).unwrap();
    let expected = [
        ("https://www.example.com/docs/a", "narrow=n=1; x; wide=w; hidden=h"),
        ("http://www.example.com/docs/a", "wide=w; hidden=h"),
        ("http://a.example.com/", "wide=w"),
        ("http://example.org/", ""),
        ("http://127.0.0.1:8080/", "local="),
    ];
    for (to, wanted) in expected {
        assert_eq!(sent(&jar, to), wanted, "{to}");
    }
    set(&jar, "http://www.example.com/", "late=1; HttpOnly");
    jar.save(&path).unwrap();
    let again = CookieJar::open(&path, NOW).unwrap();
    assert_eq!(again.len(), 5);
    for (to, _) in expected {
        assert_eq!(sent(&again, to), sent(&jar, to), "{to}");
    }
    let text = std::fs::read_to_string(&path).unwrap();
    assert!(text.contains("\n#HttpOnly_www.example.com\tFALSE\t/\tFALSE\t0\tlate\t1\n"), "{text}");
    assert!(text.contains("\n.example.com\tTRUE\t/\tFALSE\t1800000000\twide\tw\n"), "{text}");
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1, "nothing else is left");
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    }
}

#[test]
fn files_that_are_none_are_refused_by_line_and_without_values() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("cookies.txt");
    for (line, words) in [
        ("[{\"domain\": \"s3cret\"}]", "line 2: 1 fields"),
        ("a.test FALSE / FALSE 0 id s3cret", "line 2: 1 fields"),
        ("a.test\tFALSE\t/\tFALSE\t0\tid\ts3cret\tmore", "line 2: 8 fields"),
        ("a.test\tMAYBE\t/\tFALSE\t0\tid\ts3cret", "second field is neither"),
        ("a.test\tFALSE\t/\t\t0\tid\ts3cret", "fourth field is neither"),
        ("a.test\tFALSE\tdocs\tFALSE\t0\tid\ts3cret", "path does not begin"),
        ("a.test\tFALSE\t/\tFALSE\tnever\tid\ts3cret", "expiry is no number"),
        ("\tFALSE\t/\tFALSE\t0\tid\ts3cret", "no domain"),
        ("http://a.test/\tFALSE\t/\tFALSE\t0\tid\ts3cret", "no domain"),
        (".co.uk\tTRUE\t/\tFALSE\t0\tid\ts3cret", "co.uk is a public suffix"),
        ("a.test\tFALSE\t/\tFALSE\t0\t__Host-id\ts3cret", "__Host-"),
        ("a.test\tFALSE\t/\tFALSE\t0\tid\ts3\u{1}cret", "a control character"),
    ] {
        std::fs::write(&path, format!("# Netscape HTTP Cookie File\n{line}\n")).unwrap();
        let error = CookieJar::open(&path, NOW).unwrap_err().to_string();
        assert!(error.contains(words) && error.contains("line 2"), "{line:?}: {error}");
        assert!(!error.contains("cret"), "{error}");
    }
    let missing = CookieJar::open(&folder.path().join("none"), NOW).unwrap_err();
    assert!(matches!(missing, CookieFileError::Io { .. }), "{missing}");
}

proptest::proptest! {
    #[test]
    fn whatever_is_said_the_jar_stands(lines: Vec<Vec<u8>>) {
        let jar = CookieJar::default();
        let here = url("https://a.b.example.com/x");
        jar.take_in(&here, lines.iter().map(Vec::as_slice), NOW);
        let _ = jar.header(&here, &[], NOW);
        proptest::prop_assert!(jar.header(&url("https://example.org/x"), &[], NOW).is_none());
    }
}
