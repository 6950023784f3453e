//! robots.txt: any text is read, and what the matcher says of it stays within its promises.
//!
//! Input: the first line is a path, the second the crawler, the rest the file.

#![no_main]

use libfuzzer_sys::fuzz_target;
use sqrawl::politeness::{RobotsCheck, RobotsFile, RobotsRules};

fuzz_target!(|input: &[u8]| {
    let input = String::from_utf8_lossy(input);
    let mut parts = input.splitn(3, '\n');
    let mut next = || parts.next().unwrap_or_default();
    let (path, agent, text) = (next(), next(), next());

    let file = RobotsFile::parse(text);
    let rules = file.rules_for(agent);
    let check = rules.check(path);

    match &check.line {
        Some((number, line)) => {
            let lines = lines(text);
            let told = lines.get(*number as usize - 1).unwrap_or_else(|| panic!("line {number} of {}", lines.len()));
            assert!(told.contains(line.as_str()) && line.len() <= 256, "{line:?} is not from {told:?}");
        }
        None => assert!(check.allowed, "refused by no line"),
    }
    assert_eq!(rules.check("/robots.txt"), RobotsCheck { allowed: true, line: None });
    assert!(rules.crawl_delay_ms().is_none_or(|ms| ms <= RobotsRules::MAX_CRAWL_DELAY_MS));
    assert!(file.sitemaps().iter().all(|sitemap| !sitemap.is_empty() && text.contains(*sitemap)));

    // What does not change the meaning does not change the answer.
    assert_eq!(check, rules.check(&format!("{path}#fragment")));
    assert_eq!(check, rules.check(&escaped(path)), "{path:?} escaped");
    let version = format!("{agent}/1.0");
    assert_eq!(check, file.rules_for(&version).check(path), "{version:?}");
    if text.len() < RobotsFile::MAX_BYTES / 2 {
        let other = lines(text).join("\r");
        let other = RobotsFile::parse(&other).rules_for(agent);
        assert_eq!((check, rules.crawl_delay_ms()), (other.check(path), other.crawl_delay_ms()));
    }
});

fn lines(text: &str) -> Vec<&str> {
    let mut lines = Vec::new();
    let mut rest = text;
    while let Some(end) = rest.find(['\n', '\r']) {
        lines.push(&rest[..end]);
        rest = &rest[end + if rest[end..].starts_with("\r\n") { 2 } else { 1 }..];
    }
    lines.push(rest);
    lines
}

/// Letters as escapes, which stand for the same; those of existing escapes are left alone.
fn escaped(path: &str) -> String {
    let bytes = path.as_bytes();
    let in_escape = |at: usize| (1..=2).any(|back| at >= back && bytes[at - back] == b'%');
    let mut out = String::new();
    for (at, c) in path.char_indices() {
        if c.is_ascii_alphabetic() && !in_escape(at) {
            out.push_str(&format!("%{:02x}", c as u32));
        } else {
            out.push(c);
        }
    }
    out
}
