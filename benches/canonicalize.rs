//! What the links of a page cost until they are candidates: canonicalised, and judged by the scope.
//!
//! `cargo bench --bench canonicalize`; times are of a page's 50 links, items are links.

use std::hint::black_box;

use divan::Bencher;
use divan::counter::ItemsCount;
use sqrawl::model::{Admission, CrawlSettings, CrawlUrl, UnixMs};
use sqrawl::scope::{NamedBy, Scope, UrlRules, canonicalize};
use url::Url;

const LINKS: usize = 50;

fn main() {
    divan::main();
}

fn base() -> Url {
    Url::parse("https://www.example.com/topics/7/an-ordinary-page-123.html").expect("a URL")
}

/// References as an ordinary page writes them, decoded: most of them paths, some relative, some to elsewhere.
fn ordinary() -> Vec<String> {
    (0..LINKS)
        .map(|n| match n % 10 {
            0 => format!("https://www.example.com/topics/{n}/written-in-full-{n}.html"),
            1 => format!("https://elsewhere.example/a-page-of-another-host/{n}/"),
            2 => format!("../{n}/relative-to-the-folder-{n}.html"),
            3 => format!("/read?id={n}&view=full&section=garden"),
            4 => format!("/topics/{n}/with-a-part-{n}.html#part-{n}"),
            _ => format!("/topics/{n}/from-the-root-{n}.html"),
        })
        .collect()
}

/// References that take work: escapes, letters beyond ASCII, session ids, dots, long queries.
fn intricate() -> Vec<String> {
    let parameters: String = (0..20).map(|n| format!("&p{n}=%c3%a9{n}")).collect();
    (0..LINKS)
        .map(|n| match n % 5 {
            0 => format!("/caf%C3%A9/%7euser/%41-{n}.html"),
            1 => format!("/größe/straße-{n}?q=über grün"),
            2 => format!("/a/./b/../c/{n};jsessionid=0123456789ABCDEF0123456789ABCDEF"),
            3 => format!("HTTPS://WWW.Example.COM:443//x\\y/{n}"),
            _ => format!("/list?page={n}{parameters}"),
        })
        .collect()
}

fn canonical(bencher: Bencher<'_, '_>, links: &[String]) {
    let (base, rules) = (base(), UrlRules::default());
    bencher.counter(ItemsCount::new(links.len())).bench_local(|| {
        for link in links {
            black_box(canonicalize(black_box(link), Some(&base), None, &rules)).ok();
        }
    });
}

#[divan::bench]
fn ordinary_links(bencher: Bencher<'_, '_>) {
    canonical(bencher, &ordinary());
}

#[divan::bench]
fn intricate_links(bencher: Bencher<'_, '_>) {
    canonical(bencher, &intricate());
}

/// The floor: the standard's parser alone.
#[divan::bench]
fn ordinary_links_plain_url(bencher: Bencher<'_, '_>) {
    let (base, links) = (base(), ordinary());
    bencher.counter(ItemsCount::new(links.len())).bench_local(|| {
        for link in &links {
            black_box(base.join(black_box(link))).ok();
        }
    });
}

/// All traps looked for, the hosts of the seeds.
#[divan::bench]
fn judge_ordinary_links(bencher: Bencher<'_, '_>) {
    let (base, rules) = (base(), UrlRules::default());
    let urls: Vec<CrawlUrl> =
        ordinary().iter().map(|link| canonicalize(link, Some(&base), None, &rules).expect("a URL")).collect();
    let seed = CrawlUrl::stored("https://www.example.com/").expect("a URL");
    let scope = Scope::new(&CrawlSettings::default(), &[seed], &[]).expect("a scope");
    let now: UnixMs = 1_720_000_000_000;
    let by = NamedBy { depth: 2, hops: 0, followed: true, nofollow: false, seed: false, trap: None, now };
    let queued = urls.iter().filter(|url| matches!(scope.judge(url, by), Admission::Queue)).count();
    assert_eq!(queued, LINKS * 9 / 10, "all but those to elsewhere");
    bencher.counter(ItemsCount::new(urls.len())).bench_local(|| {
        for url in &urls {
            black_box(scope.judge(black_box(url), by));
        }
    });
}
