use proptest::prelude::*;

use super::super::pattern::{Path, Pattern};
use super::*;

/// The meaning of a pattern, spelled out: exponential, for short texts.
fn matches_by_trying(pattern: &[u8], path: &[u8]) -> bool {
    match pattern {
        [] => true,
        b"$" => path.is_empty(),
        [b'*', rest @ ..] => (0..=path.len()).any(|skip| matches_by_trying(rest, &path[skip..])),
        [first, rest @ ..] => path.first() == Some(first) && matches_by_trying(rest, &path[1..]),
    }
}

fn robots_like() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        prop::sample::select(vec![
            "User-agent: *\n",
            "User-agent: FooBot\n",
            "User-agent: BarBot\n",
            "Disallow: /",
            "Allow: /",
            "Disallow:",
            "Crawl-delay: 1",
            "Sitemap: x",
            "\n",
            "\r",
            "\r\n",
            "a",
            "b",
            "*",
            "$",
            "%61",
            "%2",
            "%",
            "/",
            "#",
            ":",
            " ",
            "\t",
            "é",
            "\0",
            "\u{feff}",
            "index.html",
        ])
        .prop_map(str::to_owned),
        any::<char>().prop_map(String::from),
    ];
    prop::collection::vec(piece, 0..40).prop_map(|pieces| pieces.concat())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1000))]

    #[test]
    fn matching_is_what_trying_everything_finds(pattern in "[/*]?[ab*]{0,8}[$]?", path in "/[ab]{0,9}") {
        let mut text = String::new();
        let (parsed, _) = Pattern::push(&mut text, &pattern);
        let found = parsed.matches(&text, &Path::new(&path));
        prop_assert_eq!(found, matches_by_trying(pattern.as_bytes(), path.as_bytes()));
    }

    /// The same where pieces stand in many places.
    #[test]
    fn places_are_those_that_looking_from_the_left_finds(pieces in "(/|/a)?(([*][ab]{1,3}){1,8})[*]?", path in "/[ab]{20,90}") {
        let mut rest = Some(path.as_str());
        for (nth, piece) in pieces.split('*').enumerate() {
            let at = rest.and_then(|rest| if nth == 0 { rest.starts_with(piece).then_some(0) } else { rest.find(piece) });
            rest = at.map(|at| &rest.unwrap_or_default()[at + piece.len()..]);
        }
        let mut text = String::new();
        let (pattern, _) = Pattern::push(&mut text, &pieces);
        prop_assert_eq!(pattern.matches(&text, &Path::new(&path)), rest.is_some());
    }

    #[test]
    fn any_text_is_read(text in robots_like(), agent in any::<String>(), path in any::<String>()) {
        let file = RobotsFile::parse(&text);
        let rules = file.rules_for(&agent);
        let check = rules.check(&path);
        prop_assert!(check.allowed || check.line.is_some());
        if let Some((number, line)) = check.line {
            prop_assert!(number >= 1 && line.len() <= 256);
        }
        prop_assert!(rules.crawl_delay_ms().is_none_or(|ms| ms <= 3_600_000));
        prop_assert_eq!(rules.check("/robots.txt").allowed, true);
    }

    #[test]
    fn a_group_of_another_agent_changes_nothing(text in robots_like(), group in "(Disallow|Allow): /[ab*$]{0,3}", path in "/[ab]{0,6}") {
        let ours = format!("{text}\nUser-agent: FooBot\nDisallow: /ab\n");
        let with = format!("{ours}\nUser-agent: Unrelated\n{group}\nCrawl-delay: 50\n");
        let (ours, with) = (RobotsFile::parse(&ours).rules_for("FooBot"), RobotsFile::parse(&with).rules_for("FooBot"));
        prop_assert_eq!(ours.check(&path), with.check(&path));
        prop_assert_eq!(ours.crawl_delay_ms(), with.crawl_delay_ms());
    }

    #[test]
    fn line_ends_are_all_alike(text in robots_like(), path in "/[ab]{0,6}") {
        let lines: Vec<&str> = text.split(['\r', '\n']).collect();
        let results = ["\n", "\r", "\r\n"].map(|end| verdict(&lines.join(end), "FooBot", &path));
        prop_assert_eq!(results[0], results[1]);
        prop_assert_eq!(results[0], results[2]);
    }

    #[test]
    fn escaping_what_needs_no_escape_changes_nothing(path in "/[a-c]{1,6}", pattern in "/[a-c*]{0,6}") {
        let escaped: String = path.bytes().map(|b| if b == b'/' { "/".to_owned() } else { format!("%{b:02x}") }).collect();
        let text = format!("User-agent: *\nDisallow: {pattern}");
        prop_assert_eq!(verdict(&text, "x", &path), verdict(&text, "x", &escaped));
    }

    #[test]
    fn the_order_of_rules_changes_nothing(mut rules in prop::collection::vec("(Disallow|Allow): /[ab*]{0,4}[$]?", 0..6), path in "/[ab]{0,6}") {
        let forwards = verdict(&format!("User-agent: *\n{}", rules.join("\n")), "x", &path).0;
        rules.reverse();
        prop_assert_eq!(forwards, verdict(&format!("User-agent: *\n{}", rules.join("\n")), "x", &path).0);
    }

    #[test]
    fn the_deciding_line_is_of_the_file(text in robots_like(), path in "/[ab/]{0,6}") {
        if let Some((number, line)) = RobotsFile::parse(&text).rules_for("FooBot").check(&path).line {
            let lines: Vec<String> = text.replace("\r\n", "\n").split(['\r', '\n']).map(str::to_owned).collect();
            let told = lines.get(number as usize - 1);
            prop_assert!(told.is_some_and(|told| told.contains(&line)), "{number}: {line:?} and {told:?}");
        }
    }

    #[test]
    fn fragments_and_versions_change_nothing(text in robots_like(), path in "/[ab/*$?]{0,6}") {
        let file = RobotsFile::parse(&text);
        let check = file.rules_for("FooBot").check(&path);
        prop_assert_eq!(&check, &file.rules_for("FooBot").check(&format!("{path}#b")));
        prop_assert_eq!(&check, &file.rules_for("fOObOT/2.1").check(&path));
    }

    #[test]
    fn slashes_in_a_query_are_their_escapes(pattern in "/[ab*]{0,3}[?][ab/?*]{0,5}", query in "[ab/?]{0,6}") {
        let text = format!("User-agent: *\nDisallow: {pattern}");
        let escaped = query.replace('/', "%2F").replace('?', "%3f");
        prop_assert_eq!(verdict(&text, "x", &format!("/a?{query}")), verdict(&text, "x", &format!("/a?{escaped}")));
    }
}
