use super::*;

mod large;
mod properties;

/// Whether `agent` may fetch `path` under `text`, and the number of the deciding line.
fn verdict(text: &str, agent: &str, path: &str) -> (bool, Option<u32>) {
    let check = RobotsFile::parse(text).rules_for(agent).check(path);
    (check.allowed, check.line.map(|(number, _)| number))
}

#[track_caller]
fn check(text: &str, agent: &str, allowed: &[&str], disallowed: &[&str]) {
    for path in allowed {
        assert!(verdict(text, agent, path).0, "{agent} must be allowed {path} by\n{text}");
    }
    for path in disallowed {
        assert!(!verdict(text, agent, path).0, "{agent} must not be allowed {path} by\n{text}");
    }
}

/// One rule that disallows, and what it covers.
#[track_caller]
fn check_pattern(pattern: &str, matching: &[&str], other: &[&str]) {
    check(&format!("User-agent: *\nDisallow: {pattern}\n"), "x", other, matching);
}

#[test]
fn nothing_is_forbidden_by_nothing() {
    for text in
        ["", "\n\n", "# only a comment", "Sitemap: /x", "garbage", "User-agent: *", "User-agent: other\nDisallow: /"]
    {
        check(text, "FooBot", &["/", "/x", ""], &[]);
    }
}

#[test]
fn rules_before_the_first_agent_are_nobodys() {
    let text = "Disallow: /\nCrawl-delay: 9\nUser-agent: FooBot\nDisallow: /x";
    check(text, "FooBot", &["/y"], &["/x"]);
    assert_eq!(RobotsFile::parse(text).rules_for("FooBot").crawl_delay_ms(), None);
}

#[test]
fn the_own_group_replaces_that_of_all() {
    let text = "User-agent: *\nDisallow: /\n\nUser-agent: FooBot\nDisallow: /x/\n";
    check(text, "FooBot", &["/", "/y"], &["/x/y"]);
    check(text, "BarBot", &[], &["/", "/y"]);
    // Even where it is empty, and wherever it stands.
    check("User-agent: FooBot\nDisallow:\n\nUser-agent: *\nDisallow: /", "FooBot", &["/x"], &[]);
    check("User-agent: *\nDisallow: /\nUser-agent: FooBot\n", "FooBot", &["/x"], &[]);
}

#[test]
fn groups_of_one_agent_are_merged() {
    let text =
        "User-agent: FooBot\nDisallow: /a\n\nUser-agent: BarBot\nDisallow: /b\n\nUser-agent: foobot\nDisallow: /c";
    check(text, "FooBot", &["/b"], &["/a", "/c"]);
    let text = "User-agent: *\nDisallow: /a\n\nUser-agent: *\nDisallow: /b";
    check(text, "FooBot", &["/c"], &["/a", "/b"]);
}

#[test]
fn agents_in_a_row_share_a_group() {
    let text = "User-agent: FooBot\n\n# comment\nUser-agent: BarBot\nDisallow: /x\nUser-agent: BazBot\nDisallow: /y";
    check(text, "FooBot", &["/y"], &["/x"]);
    check(text, "BarBot", &["/y"], &["/x"]);
    check(text, "BazBot", &["/x"], &["/y"]);
}

#[test]
fn only_rules_end_a_group() {
    for other in ["", "Sitemap: https://example.com/s.xml", "Invalid-Unknown-Line: x", "Crawl-delay: 2", "nonsense"] {
        let text = format!("User-agent: BarBot\n{other}\nUser-agent: *\nDisallow: /\n");
        check(&text, "BarBot", &[], &["/x"]);
        check(&text, "FooBot", &[], &["/x"]);
        let text = format!("User-agent: FooBot\n{other}\nDisallow: /x\n");
        check(&text, "FooBot", &["/y"], &["/x"]);
    }
}

#[track_caller]
fn check_agent(value: &str, agent: &str, expected: bool) {
    let text = format!("User-agent: {value}\nDisallow: /");
    assert_eq!(!verdict(&text, agent, "/x").0, expected, "{value:?} names {agent:?}");
}

#[test]
fn agents_are_product_tokens() {
    for value in ["FooBot", "FOOBOT", "foobot", "FooBot/1.0", "FooBot 2.1 (x)", " FooBot\t", "FooBot # mine", "FooBot2"]
    {
        check_agent(value, "FooBot", true);
        check_agent(value, "fOObOT", true);
        check_agent(value, "FooBot/0.1", true);
    }
    for value in ["Foo", "FooBots", "FooBot-Image", "x FooBot", "", "/FooBot", "FooBot_", "BarBot"] {
        check_agent(value, "FooBot", false);
    }
    check_agent("MJ12bot", "MJ12bot", true);
    check_agent("my_bot-x", "my_bot-x", true);
    check_agent("Foo Bar", "Foo Bar", false);
    check_agent("", "", false);
    check_agent("*", "", true);
}

#[test]
fn the_star_may_be_followed_by_words() {
    check_agent("*", "x", true);
    check_agent("* # everyone", "x", true);
    check_agent("* bots", "x", true);
    check_agent("*bots", "x", false);
    check_agent("**", "x", false);
}

#[test]
fn fields_are_found_in_any_case_and_in_frequent_misspellings() {
    for agent in
        ["USER-AGENT:", "user-agent :", "  User-Agent:", "useragent:", "user agent:", "User-agents:", "user-agent"]
    {
        for rule in
            ["DISALLOW:", "disallow", "Dissallow:", "dissalow:", "disalow:", "diasllow:", "disallaw:", "disallow \t:"]
        {
            check(&format!("{agent} FooBot\n{rule} /x"), "FooBot", &["/y"], &["/x"]);
        }
    }
    check("user-agent: FooBot\ndisallow: /\nALLOW : /x", "FooBot", &["/x"], &["/y"]);
    // No misspellings of these: other fields.
    check("user-agent: FooBot\nno-allow: /\ndis-allow: /\nnoindex: /\nfoo: /", "FooBot", &["/x"], &[]);
}

#[test]
fn a_forgotten_colon_needs_exactly_two_words() {
    check("User-agent FooBot\nDisallow /x", "FooBot", &["/y"], &["/x"]);
    check("User-agent \t FooBot\nDisallow\t/x", "FooBot", &["/y"], &["/x"]);
    check("User-agent: FooBot\nDisallow /x /y", "FooBot", &["/x", "/y"], &[]);
    check("User-agent: FooBot\nDisallow", "FooBot", &["/x", "/y"], &[]);
}

#[test]
fn comments_white_space_and_line_ends() {
    check(
        "user-agent: FooBot # one\n# two\n  disallow:/x#three\ndisallow: \t /y \t \n",
        "FooBot",
        &["/", "/z"],
        &["/x", "/y"],
    );
    for end in ["\n", "\r", "\r\n", "\n\n", "\r\n\r\n"] {
        let text = ["User-agent: FooBot", "Disallow: /x", "", "Disallow: /y"].join(end);
        check(&text, "FooBot", &["/z"], &["/x", "/y"]);
    }
    check("User-agent: FooBot\nDisallow: /a b", "FooBot", &["/a"], &["/a b", "/a%20b"]);
}

#[test]
fn the_deciding_line_is_told() {
    let text = "# first\r\nUser-agent: *\rDisallow: /a # why\n\n  Allow: /a/b\r\nDisallow:/\u{e9}\nDisallow: /a/b\n";
    let rules = RobotsFile::parse(text).rules_for("x");
    let line = |path: &str| rules.check(path).line;
    assert_eq!(line("/a/c"), Some((3, "Disallow: /a".to_owned())));
    assert_eq!(line("/a/b"), Some((5, "Allow: /a/b".to_owned())));
    assert_eq!(line("/%C3%A9"), Some((6, "Disallow:/é".to_owned())));
    assert_eq!(line("/z"), None);

    let long = format!("User-agent: *\nDisallow: /{}", "é".repeat(5000));
    let (number, text) =
        RobotsFile::parse(&long).rules_for("x").check(&format!("/{}", "é".repeat(6000))).line.expect("a line");
    assert!(number == 2 && text.len() <= 256 && text.starts_with("Disallow: /éé"));
}

#[test]
fn a_byte_order_mark_is_skipped() {
    for mark in ["", "\u{feff}", "\u{fffd}"] {
        check(&format!("{mark}User-agent: FooBot\nDisallow: /x"), "FooBot", &["/y"], &["/x"]);
    }
    // In the middle it is garbage, and so is half of one with something in between.
    check("User-agent: FooBot\n\u{feff}Disallow: /x", "FooBot", &["/x"], &[]);
    check("\u{fffd}\u{11}\u{fffd}User-agent: FooBot\nDisallow: /x", "FooBot", &["/x"], &[]);
}

#[test]
fn the_longest_pattern_decides() {
    check("User-agent: *\nDisallow: /x/page.html\nAllow: /x/\n", "x", &["/x/", "/x/page"], &["/x/page.html"]);
    check("User-agent: *\nDisallow: /x/\nAllow: /x/page.html\n", "x", &["/x/page.html"], &["/x/", "/x/page"]);
    check("User-agent: *\nAllow: /page\nDisallow: /*.html\n", "x", &["/page"], &["/page.html"]);
    check("User-agent: *\nAllow: /x/page.\nDisallow: /*.html\n", "x", &["/x/page.html"], &["/x/y.html"]);
    check("User-agent: *\nAllow: /$\nDisallow: /\n", "x", &["/"], &["/page.htm"]);
    check("User-agent: *\nAllow: /p\nDisallow: /\n", "x", &["/page"], &["/q"]);
    check("User-agent: *\nAllow: /page\nDisallow: /*.ph\n", "x", &["/page.php5", "/page"], &["/x.ph"]);
    // The length is that of the octets: é has two, escaped six.
    check("User-agent: *\nDisallow: /é\nAllow: /??????\n", "x", &[], &["/é"]);
    check("User-agent: *\nDisallow: /%62%61%7A\nAllow: /ba**\n", "x", &["/baz"], &[]);
}

#[test]
fn equal_patterns_allow() {
    check("User-agent: *\nDisallow: /x\nAllow: /x\n", "x", &["/x"], &[]);
    check("User-agent: *\nAllow: /x\nDisallow: /x\n", "x", &["/x"], &[]);
    check("User-agent: *\nAllow: /folder\nDisallow: /*lder\n", "x", &["/folder"], &[]);
    check("User-agent: *\nDisallow: \nAllow: \n", "x", &["/x"], &[]);
}

#[test]
fn paths_match_from_their_beginning_and_with_their_case() {
    check_pattern("/", &["/", "/x", "/x?y", "", "?y"], &["/robots.txt"]);
    check_pattern(
        "/fish",
        &["/fish", "/fish.html", "/fish/salmon", "/fishheads", "/fish.php?id=x"],
        &["/Fish", "/cat/fish", "/?id=fish", "/fis"],
    );
    check_pattern("/fish/", &["/fish/", "/fish/x", "/fish/?x"], &["/fish", "/fish.html"]);
    check_pattern("/x?y=", &["/x?y=", "/x?y=1"], &["/x", "/x?z&y="]);
    // Neither slash nor star in front: no path begins so.
    check_pattern("fish", &[], &["/fish", "/", "/x/fish"]);
    check_pattern("https://example.com/fish", &[], &["/fish"]);
}

#[test]
fn wildcards() {
    check_pattern("/fish*", &["/fish", "/fish.html", "/fishheads/x"], &["/Fish.asp", "/catfish"]);
    check_pattern("/*.php", &["/x.php", "/a/x.php?p", "/x.php.html", "/.php"], &["/", "/windows.PHP", "/php"]);
    check_pattern("*.php", &["/x.php", "/.php"], &["/php"]);
    check_pattern("/*.php$", &["/x.php", "/a/b.php", "/.php"], &["/x.php?p", "/x.php/", "/x.php5"]);
    check_pattern("/fish*.php", &["/fish.php", "/fishheads/cat.php?p"], &["/Fish.PHP", "/x/fish.php"]);
    check_pattern("/*/private/", &["/a/private/", "/a/b/private/x", "//private/"], &["/private/", "/a/private"]);
    check_pattern("*", &["/", "/x"], &[]);
    check_pattern("***", &["/", "/x"], &[]);
    check_pattern("/a**b***c", &["/abc", "/a1b2c3"], &["/acb"]);
    check_pattern("/*a*a$", &["/aa", "/a/a", "/aaa"], &["/a", "/aab"]);
    check_pattern("/ab*ba$", &["/abba", "/abxba"], &["/aba"]);
}

#[test]
fn a_dollar_is_the_end_in_the_last_place_only() {
    check_pattern("/x$", &["/x"], &["/xy", "/x?y", "/x$"]);
    check_pattern("/x*$", &["/x", "/xy"], &["/y"]);
    check_pattern("/x$y", &["/x$y", "/x%24yz"], &["/x", "/xy"]);
    check_pattern("/x$$", &["/x$", "/x%24"], &["/x", "/x$$", "/x$y"]);
    check_pattern("$", &[], &["/", "/x"]);
    check_pattern("/x%24", &["/x$", "/x$y", "/x%24y"], &["/x"]);
    check_pattern("/a%2Ab", &["/a*b", "/a%2ab", "/a%2Abc"], &["/ab", "/axb"]);
}

#[test]
fn escapes_are_the_characters_they_stand_for() {
    check_pattern("/%62%61%7A", &["/baz", "/%62%61%7a", "/b%61zz"], &["/bay"]);
    check_pattern("/baz", &["/baz", "/%62az"], &[]);
    check_pattern("/%7Ejoe/", &["/~joe/", "/%7ejoe/"], &["/joe/"]);
    check_pattern("/~joe/", &["/%7ejoe/"], &[]);
    check_pattern("/%c3%a9", &["/é", "/%C3%A9", "/%c3%a9"], &["/e", "/%E9"]);
    check_pattern("/é", &["/é", "/%C3%A9x", "/%c3%a9"], &["/%c3%a8"]);
    check_pattern("/ツ", &["/%E3%83%84", "/ツ"], &["/%E3%83"]);
    check_pattern("/a%3cd", &["/a%3cd", "/a%3Cd", "/a<d"], &[]);
    check_pattern("/a<d", &["/a%3cd", "/a%3Cd"], &[]);
    check_pattern("/?q='x'", &["/?q=%27x%27", "/?q='x'"], &[]);
}

#[test]
fn reserved_characters_differ_from_their_escapes() {
    check_pattern("/a%2Fb", &["/a%2fb", "/a%2Fbc"], &["/a/b"]);
    check_pattern("/a/b", &["/a/b"], &["/a%2fb"]);
    check_pattern("/a%3Fb", &["/a%3fb"], &["/a?b"]);
    check_pattern("/a%26b", &["/a%26b"], &["/a&b"]);
    check_pattern("/a%2541", &["/a%2541"], &["/aA", "/a%41"]);
    check_pattern("/a=b", &["/a=b"], &["/a%3Db"]);
    check_pattern("/a?b%26c", &["/a?b%26c"], &["/a?b&c"]);
}

/// RFC 9309 2.2.2 has `?baz=https://foo.bar` match `?baz=https%3A%2F%2Ffoo.bar`.
#[test]
fn reserved_characters_that_separate_nothing_are_their_escapes() {
    let spellings = ["/x?u=http://e.org/y?t", "/x?u=http%3A%2F%2Fe.org%2Fy%3Ft", "/x?u=http:%2f%2fe.org/y%3ft"];
    for pattern in spellings.into_iter().chain(["/*u=http://e.org/", "/x?u=http%3A//*.org%2Fy?t$"]) {
        check_pattern(pattern, &spellings, &["/x?u=http", "/x?u=http:e.org"]);
    }
    check_pattern("/wiki/User:", &["/wiki/User:A", "/wiki/User%3AA", "/wiki/User%3aA"], &["/wiki/User"]);
    check_pattern("/*filter%5B", &["/a?filter[b]", "/a?filter%5Bb%5D", "/a?filter%5bb"], &["/a?filter"]);
    // Where they may separate they stay apart: in the path, and where that cannot be told.
    check_pattern("/*u=http%3A%2F%2F", &["/x?u=http%3A%2F%2Fe", "/x?u=http:%2f%2fe"], &["/x?u=http://e"]);
    check_pattern("/a%2Fb?c", &["/a%2Fb?c"], &["/a/b?c"]);
    check_pattern("/*/b?c%2F", &["/a/b?c/", "/a/b?c%2F"], &["/a%2Fb?c/"]);
    check_pattern("/a%3Fb=/", &["/a%3Fb=/"], &["/a?b=/", "/a%3Fb=%2F"]);
}

#[test]
fn malformed_escapes_match_themselves() {
    check_pattern("/100%", &["/100%", "/100%x", "/100%25"], &["/100"]);
    check_pattern("/%zz", &["/%zz"], &["/zz"]);
    check_pattern("/%4", &["/%4", "/%4x"], &[]);
}

#[test]
fn fragments_do_not_count() {
    check_pattern("/x$", &["/x#y", "/x#"], &["/y#/x"]);
}

#[test]
fn robots_txt_itself_is_always_allowed() {
    check(
        "User-agent: *\nDisallow: /\nDisallow: /robots.txt",
        "x",
        &["/robots.txt", "/%72obots.txt"],
        &["/robots.txt/x", "/a/robots.txt", "/Robots.txt"],
    );
    assert_eq!(verdict("User-agent: *\nDisallow: /robots.txt", "x", "/robots.txt"), (true, None));
}

/// As Google's parser does: whoever allows the index page of a directory means the directory.
#[test]
fn allowing_an_index_page_allows_its_directory() {
    let text = "User-agent: *\nAllow: /allowed/index.html\nDisallow: /\n";
    check(text, "x", &["/allowed/", "/allowed/index.html"], &["/allowed/index.htm", "/allowed/x", "/", "/other"]);
    assert_eq!(verdict(text, "x", "/allowed/"), (true, Some(2)));
    check("User-agent: *\nAllow: /a/index.htm\nDisallow: /", "x", &["/a/", "/a/index.html"], &["/a/b"]);
    check("User-agent: *\nDisallow: /a/index.html\n", "x", &["/a/"], &["/a/index.html"]);
}

#[track_caller]
fn check_crawl_delay(text: &str, agent: &str, expected: Option<u64>) {
    assert_eq!(RobotsFile::parse(text).rules_for(agent).crawl_delay_ms(), expected, "{agent}: {text:?}");
}

#[test]
fn crawl_delay_is_seconds_and_bounded() {
    for (value, expected) in [
        ("10", Some(10_000)),
        ("0", Some(0)),
        ("0.5", Some(500)),
        (".25", Some(250)),
        ("2.", Some(2_000)),
        ("1.0004", Some(1_001)),
        ("5s", Some(5_000)),
        ("5 # comment", Some(5_000)),
        ("3600", Some(3_600_000)),
        ("86400", Some(3_600_000)),
        ("1e9", Some(1_000)),
        ("", None),
        ("-1", None),
        ("inf", None),
        ("NaN", None),
        ("infinity", None),
        ("ten", None),
        (".", None),
        ("1.2.3", None),
    ] {
        check_crawl_delay(&format!("User-agent: *\nCrawl-delay: {value}"), "x", expected);
    }
    check_crawl_delay(&format!("User-agent: *\nCrawl-delay: {}", "9".repeat(5000)), "x", Some(3_600_000));
    for field in ["crawl-delay", "CRAWL-DELAY", "Crawldelay", "crawl delay"] {
        check_crawl_delay(&format!("User-agent: *\n{field}: 7"), "x", Some(7_000));
    }
}

#[test]
fn crawl_delay_is_that_of_the_own_group() {
    let text = "User-agent: a\nCrawl-delay: 9\nUser-agent: b\nUser-agent: c\nDisallow: /x\nCrawl-delay: 3\nUser-agent: *\nCrawl-delay: 1\n";
    check_crawl_delay(text, "a", Some(9_000));
    check_crawl_delay(text, "b", Some(3_000));
    check_crawl_delay(text, "c", Some(3_000));
    check_crawl_delay(text, "d", Some(1_000));
    check_crawl_delay("User-agent: *\nCrawl-delay: 1\n\nUser-agent: a\nDisallow: /x", "a", None);
    // Several: the slowest.
    check_crawl_delay("User-agent: a\nCrawl-delay: 5\nCrawl-delay: 7\nUser-agent: A\nCrawl-delay: 6", "a", Some(7_000));
}

#[test]
fn sitemaps_belong_to_no_group() {
    let text = "Sitemap: https://example.com/1.xml\nUser-agent: a\nSITEMAP : https://example.com/2.xml # b\nDisallow: /x\nsite-map: /3.xml\nSitemap:\n";
    let file = RobotsFile::parse(text);
    assert_eq!(file.sitemaps(), ["https://example.com/1.xml", "https://example.com/2.xml", "/3.xml"]);
    check(text, "a", &["/y"], &["/x"]);
}

#[test]
fn endless_lines_are_cut() {
    let longest = 2083 * 8 - 1;
    // With the field before it and one `/` behind it, the path fills the line.
    let path = |field: &str| format!("/{}", "a".repeat(longest - field.len() - 2));
    let allowed = |text: &str, path: &str| verdict(text, "FooBot", path).0;

    let forbidden = path("disallow: ");
    let text = format!("user-agent: FooBot\ndisallow: {forbidden}/cut\n");
    assert!(!allowed(&text, &format!("{forbidden}/other")));
    assert!(allowed(&text, &forbidden));

    let permitted = path("allow: ");
    let text = format!("user-agent: FooBot\ndisallow: /\nallow: {permitted}/cut\n");
    assert!(allowed(&text, &format!("{permitted}/other")));
    assert!(!allowed(&text, &permitted));
}

#[test]
fn endless_files_are_cut_at_a_line() {
    let rules = "User-agent: *\nDisallow: /tmp\n";
    let filler = format!("#{}\n", "-".repeat(RobotsFile::MAX_BYTES - rules.len() - 10));
    let text = format!("{rules}{filler}Disallow: /not-read\n");
    // Seven bytes of the last line lie within the bound; `Disallow: /` would forbid everything.
    check(&text, "x", &["/", "/not-read"], &["/tmp"]);
    let padded = format!("{rules}{}Disallow: /not-read\n", &filler[..filler.len() - 5].replace("---\n", "\n"));
    check(&padded, "x", &["/", "/not-read"], &["/tmp"]);
}
