//! `report_external_links`: links of the site with most pages and links of others are found in two ways, with one meaning.

use crate::conformance::backend::Sqlite;
use crate::conformance::crawl::{Crawl, content, excluded, link, named, seed};
use sqrawl::model::{Candidate, Rule, Seed};
use sqrawl::scope;
use sqrawl::store::Store;

const PAGES: [&str; 5] = [
    "https://www.a.example/",
    "https://www.a.example/two",
    "https://docs.a.example/",
    "https://b.example/",
    "http://127.0.0.1/",
];

/// With the domain that its host has.
fn at_home(candidate: Candidate) -> Candidate {
    Candidate { domain: scope::registrable_domain(&candidate.url.host()), ..candidate }
}

#[tokio::test]
async fn of_every_site_that_was_crawled() {
    let crawl = Crawl::<Sqlite>::new().await;
    let seeds: Vec<_> = PAGES.iter().map(|url| seed(url)).collect();
    let seeds: Vec<_> =
        seeds.into_iter().map(|seed| Seed { candidate: at_home(seed.candidate.clone()), ..seed }).collect();
    crawl.store().admit(&crawl.start, &seeds, crawl.now).await.expect("admitted");
    for lease in crawl.lease(4, 10).await.hosts {
        let visits = lease.urls.iter().map(|url| {
            let mut visit = crawl.page(&lease, url);
            visit.content = Some(content(url.url.as_str()));
            // Everything links to everything, and to what is not crawled.
            for page in PAGES.iter().filter(|page| **page != url.url.as_str()) {
                link(&mut visit, at_home(named(page)));
            }
            link(&mut visit, at_home(excluded("https://cdn.b.example/x", Rule::SCOPE)));
            link(&mut visit, at_home(excluded("https://c.example/", Rule::SCOPE)));
            visit
        });
        crawl.settle_visits(visits.collect()).await;
    }
    let mut expected = Vec::new();
    let site = |url: &str| {
        let host = url.split('/').nth(2).unwrap_or_default();
        if host.ends_with("example") { host.rsplit('.').take(2).collect::<Vec<_>>().join(".") } else { host.to_owned() }
    };
    for source in PAGES {
        for target in PAGES.into_iter().chain(["https://cdn.b.example/x", "https://c.example/"]) {
            if site(source) != site(target) {
                expected.push(vec![source.to_owned(), target.to_owned()]);
            }
        }
    }
    expected.sort();
    let found = |order: &str| format!("SELECT source, target FROM report_external_links ORDER BY {order}");
    assert_eq!(expected.len(), 3 * 4 + 5 + 6);
    assert_eq!(crawl.rows(&found("source, target")).await, expected);
    let hosts = "SELECT DISTINCT host FROM report_external_links WHERE source = 'https://b.example/' ORDER BY host";
    assert_eq!(crawl.rows(hosts).await.concat(), ["127.0.0.1", "c.example", "docs.a.example", "www.a.example"]);
}

/// What lies elsewhere is found without a look at each target.
#[tokio::test]
async fn targets_are_not_looked_up_one_by_one() {
    let crawl = Crawl::<Sqlite>::of(&PAGES).await;
    let plan = crawl.rows("EXPLAIN QUERY PLAN SELECT * FROM report_external_links").await.concat().join("\n");
    let at = |what: &str| plan.find(what).unwrap_or_else(|| panic!("no {what} in\n{plan}"));
    assert!(
        at("SEARCH l USING PRIMARY KEY (source_id=?)") < at("SEARCH w USING AUTOMATIC COVERING INDEX (id=?)"),
        "{plan}"
    );
    assert!(at("SEARCH w USING AUTOMATIC COVERING INDEX (id=?)") < at("SEARCH t USING INTEGER PRIMARY KEY"), "{plan}");
}
