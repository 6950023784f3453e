//! Header fields that the crawler obeys: `Retry-After`, `Link`, `Refresh`, `X-Robots-Tag`.
//!
//! Input: the first line is a moment in ms, the rest the value.

#![no_main]

use libfuzzer_sys::fuzz_target;
use sqrawl::parse::{Directives, directives, link_header, refresh_header};
use sqrawl::politeness::retry_after_ms;

const DAY_MS: u64 = 86_400_000;

fuzz_target!(|input: &[u8]| {
    let input = String::from_utf8_lossy(input);
    let (now, value) = input.split_once('\n').unwrap_or_default();
    let now = now.parse().unwrap_or(0);

    if let Some(wait) = retry_after_ms(value, now) {
        assert!(wait <= DAY_MS);
        assert_eq!(Some(wait), retry_after_ms(&format!(" {value}\t"), now));
    }

    let links = link_header(value);
    assert!(links.len() <= 1000 && links.len() <= value.matches('<').count());
    for (at, link) in links.iter().enumerate() {
        assert_eq!(link.position as usize, at);
        assert!(!link.href.contains('\0'));
    }

    if let Some(link) = refresh_header(value) {
        assert!(value.contains(&link.href) || link.href.len() < value.len());
        assert!(!link.href.contains('\0'));
    }

    let both = |agent: &str| {
        (directives(None, std::iter::once(value), agent), directives(Some(value), std::iter::empty(), agent))
    };
    let (header, meta) = both("sqrawl");
    assert_eq!((header, meta), both("SQRAWL"));
    // A directive that is not there is not obeyed, and a second header adds to the first.
    let lower = value.to_ascii_lowercase();
    for found in [header, meta] {
        assert!(!found.noindex || lower.contains("noindex") || lower.contains("none"));
        assert!(!found.nofollow || lower.contains("nofollow") || lower.contains("none"));
    }
    let with_none = directives(None, [value, "none"].into_iter(), "sqrawl");
    assert_eq!(with_none, Directives { noindex: true, nofollow: true });
});
