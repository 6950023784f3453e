//! Canonicalisation: a fixed point, whatever the base and the document's encoding, and always
//! something that the store takes.
//!
//! Input: the first line is the label of an encoding, the second a base, the rest the reference.

#![no_main]

use libfuzzer_sys::fuzz_target;
use sqrawl::model::CrawlUrl;
use sqrawl::scope::{canonicalize, seed_url};
use url::Url;

fuzz_target!(|input: &[u8]| {
    let input = String::from_utf8_lossy(input);
    let mut parts = input.splitn(3, '\n');
    let mut next = || parts.next().unwrap_or_default();
    let (label, base, reference) = (next(), next(), next());
    let charset = (!label.is_empty()).then_some(label);
    let base = Url::parse(base).ok();

    if let Ok(url) = canonicalize(reference, base.as_ref(), charset) {
        check(&url);
        let elsewhere = Url::parse("https://elsewhere.example/a/b?c").unwrap();
        for (base, charset) in [(None, None), (Some(&elsewhere), Some("shift_jis")), (base.as_ref(), charset)] {
            assert_eq!(canonicalize(url.as_str(), base, charset).as_ref(), Ok(&url), "not a fixed point");
        }
        // A fragment never reaches the server.
        let with_fragment = format!("{reference}#frag%41ment");
        assert_eq!(canonicalize(&with_fragment, base.as_ref(), charset).as_ref(), Ok(&url));
    }
    if let Ok(seed) = seed_url(reference) {
        check(&seed.url);
        assert_eq!(seed_url(seed.url.as_str()).map(|again| again.url), Ok(seed.url));
    }
});

fn check(url: &CrawlUrl) {
    let text = url.as_str();
    assert_eq!(CrawlUrl::stored(text).as_ref(), Ok(url), "the store would not give it back");
    assert!(text.len() <= CrawlUrl::MAX_BYTES);
    assert!(text.bytes().all(|b| b.is_ascii_graphic()), "{text:?}");
    assert!(!text.contains('#') && !url.host_str().is_empty() && url.path_and_query().starts_with('/'));
    assert!(url.as_url().username().is_empty() && url.as_url().password().is_none());
    let origin = url.origin();
    assert_eq!((origin.host.as_str(), origin.port), (url.host_str(), url.port()));
}
