//! What the links of a page cost until they are candidates: canonicalised, and judged by the scope.
//!
//! `cargo bench --bench canonicalize`; times are of a page's links, items are links.

use std::hint::black_box;

use divan::Bencher;
use divan::counter::ItemsCount;
use sqrawl::model::{
    Admission, CrawlSettings, CrawlUrl, Exchange, ExchangeEnd, HostId, HostUpdate, LeaseKey, LeasedFrom, LeasedUrl,
    Ledger, LinkKind, Page, RawLink, UnixMs, UrlId,
};
use sqrawl::scope::{NamedBy, Scope, UrlRules, canonicalize};
use sqrawl::verdict::{Attempt, Policy, after_exchange};
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

/// What a page of a site with articles and a menu links to: a third as whole URLs, some with queries, and
/// pictures, styles and scripts beside them.
fn links_of_a_page() -> Vec<RawLink> {
    let article = |n: usize| match n % 8 {
        0 => format!("https://www.example.com/archive/2019/{}/some-words-of-a-title-{n}.html", 1 + n % 12),
        1 => format!("//www.example.com/topics/{n}/some-words-of-a-title-{n}"),
        2 => format!("https://other.example/essays/on-something-{n}/"),
        3 => format!("../../topics/{n}/relative-to-the-folder-{n}.html"),
        4 => format!("/read?id={n}&view=full&section=garden"),
        5 => format!("/topics/{n}/with-a-part-{n}.html#part-{n}"),
        _ => format!("/topics/{n}/from-the-root-{n}.html"),
    };
    let articles = (0..53).map(|n| (LinkKind::A, article(n)));
    let pictures = (0..12).map(|n| (LinkKind::Img, format!("/img/what-it-shows-{}-{}.jpg", n / 3, n % 3)));
    let head = [(LinkKind::Style, "/assets/main.css?v=31".to_owned()), (LinkKind::Script, "/assets/app.js".to_owned())];
    let all = head.into_iter().chain(articles).chain(pictures);
    let link = |(position, (kind, href)): (u32, (LinkKind, String))| RawLink {
        href,
        kind,
        nofollow: false,
        position,
        anchor: (kind == LinkKind::A).then(|| "Some words of a title".to_owned()),
        entry: None,
    };
    (0..).zip(all).map(link).collect()
}

/// Everything that follows from a page: its links resolved, judged and gathered, each once.
#[divan::bench]
fn visit_of_a_page(bencher: Bencher<'_, '_>) {
    let seed = CrawlUrl::stored("https://www.example.com/").expect("a URL");
    let settings = CrawlSettings::default();
    let scope = Scope::new(&settings, &[seed], &[]).expect("a scope");
    let leased = LeasedUrl {
        id: UrlId(7),
        url: CrawlUrl::stored(base().as_str()).expect("a URL"),
        depth: 3,
        hops: 0,
        attempts: 0,
        deaths: None,
        from: LeasedFrom::Queued,
        may_widen: false,
        is_sitemap: false,
        referrer: None,
        validators: None,
    };
    let exchange = Exchange {
        started_ms: 1_720_000_000_000,
        elapsed_ms: 50,
        status: Some(200),
        headers: Vec::new(),
        end: ExchangeEnd::Complete { body: Vec::new(), truncated: false },
        wire_bytes: 10_000,
        address: None,
    };
    let attempt = Attempt {
        key: LeaseKey { host_id: HostId(1), fence: 1 },
        leased: &leased,
        ledger: Ledger::default(),
        host: HostUpdate::default(),
        one_copy_more: false,
        now: 1_720_000_000_000,
        jitter: 0.5,
    };
    let policy = Policy { settings: &settings, scope: &scope, agent: "sqrawl" };
    let page = Page { charset: Some("utf-8".to_owned()), links: links_of_a_page(), ..Page::default() };
    bencher
        .counter(ItemsCount::new(page.links.len()))
        .with_inputs(|| page.clone())
        .bench_local_values(|page| after_exchange(&policy, &attempt, &exchange, Some((page, None)), &mut || false));
}
