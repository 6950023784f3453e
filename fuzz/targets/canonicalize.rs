//! Canonicalisation: a fixed point by every set of rules, whatever the base and the document's
//! encoding, and always something that the store takes.
//!
//! Input: the first line is the label of an encoding, the second a base, the rest the reference.

#![no_main]

use libfuzzer_sys::fuzz_target;
use sqrawl::model::{CrawlSettings, CrawlUrl, Named, UrlRule};
use sqrawl::scope::{Document, UrlRules, canonicalize, seed_url};
use url::Url;

fuzz_target!(|input: &[u8]| {
    let input = String::from_utf8_lossy(input);
    let mut parts = input.splitn(3, '\n');
    let mut next = || parts.next().unwrap_or_default();
    let (label, base, reference) = (next(), next(), next());
    let charset = (!label.is_empty()).then_some(label);
    let base = Url::parse(base).ok();

    let all = CrawlSettings {
        url_rules: UrlRule::ALL.iter().copied().collect(),
        drop_params: ["utm_*", "a", "f%5b"].map(str::to_owned).to_vec(),
        ..CrawlSettings::default()
    };
    for rules in [UrlRules::default(), UrlRules::none(), UrlRules::new(&all)] {
        // A page's links need the URL parser only where they are not plain.
        let quick = base.as_ref().map(|base| Document::new(Some(base), charset, &rules).canonicalize(reference));
        let quick = quick.map(|found| found.map(|(url, _)| url));
        let close = canonicalize(reference, base.as_ref(), charset, &rules);
        assert!(quick.is_none_or(|quick| quick == close), "read in two ways");
        if let Ok(url) = close {
            check(&url);
            let elsewhere = Url::parse("https://elsewhere.example/a/b?c").unwrap();
            for (base, charset) in [(None, None), (Some(&elsewhere), Some("shift_jis")), (base.as_ref(), charset)] {
                assert_eq!(canonicalize(url.as_str(), base, charset, &rules).as_ref(), Ok(&url), "not a fixed point");
            }
            // A fragment never reaches the server. White space before it does, and at the end it does not.
            let with_fragment = format!("{}#frag%41ment", reference.trim_end_matches(|c: char| c <= ' '));
            assert_eq!(canonicalize(&with_fragment, base.as_ref(), charset, &rules).as_ref(), Ok(&url));
        }
        if let Ok(seed) = seed_url(reference, &rules) {
            check(&seed.url);
            assert_eq!(seed_url(seed.url.as_str(), &rules).map(|again| again.url), Ok(seed.url));
        }
    }
});

fn check(url: &CrawlUrl) {
    let text = url.as_str();
    assert_eq!(CrawlUrl::stored(text).as_ref(), Ok(url), "the store would not give it back");
    assert!(text.len() <= CrawlUrl::MAX_BYTES);
    assert!(text.bytes().all(|b| b.is_ascii_graphic()), "{text:?}");
    assert!(!text.contains('#') && !url.host_str().is_empty() && url.path_and_query().starts_with('/'));
    assert_eq!(url.as_str(), format!("{}{}", url.origin(), url.path_and_query()), "nothing else stands in it");
    let origin = url.origin();
    assert_eq!((origin.host.as_str(), origin.port), (url.host_str(), url.port()));
}
