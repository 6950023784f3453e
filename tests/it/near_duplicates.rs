//! `report_near_duplicates` against every pair compared one by one.

use std::collections::BTreeSet;

use crate::conformance::backend::Sqlite;
use crate::conformance::crawl::{Crawl, content, named};
use crate::sim::clock::Chance;

const HOST: &str = "https://a.example";

/// A crawl of one page for each fingerprint, `/0` for the first.
async fn crawl_of(hashes: &[Option<u64>]) -> Crawl<Sqlite> {
    let urls: Vec<String> = (0..hashes.len()).map(|n| format!("{HOST}/{n}")).collect();
    let crawl = Crawl::of(&urls.iter().map(String::as_str).collect::<Vec<_>>()).await;
    let lease = crawl.lease(1, 100_000).await.hosts.remove(0);
    assert_eq!(lease.urls.len(), hashes.len());
    let visits = lease.urls.iter().map(|url| {
        let mut visit = crawl.page(&lease, url);
        let path = url.url.path_and_query();
        let mut content = content(path);
        content.simhash = hashes[path[1..].parse::<usize>().expect("a number")];
        visit.content = Some(content);
        visit
    });
    crawl.settle_visits(visits.collect()).await;
    crawl
}

/// (one, other, distance), the lesser number first.
async fn reported(crawl: &Crawl<Sqlite>) -> BTreeSet<(usize, usize, u32)> {
    let number = |url: &str| url[HOST.len() + 1..].parse::<usize>().expect("a number");
    let rows = crawl.rows("SELECT url, other_url, distance FROM report_near_duplicates").await;
    let pairs: BTreeSet<_> = rows
        .iter()
        .map(|row| {
            let (one, other) = (number(&row[0]), number(&row[1]));
            (one.min(other), one.max(other), row[2].parse().expect("a distance"))
        })
        .collect();
    assert_eq!(pairs.len(), rows.len(), "a pair twice");
    pairs
}

/// Fingerprints of which many are a few bits from another, the sign bit not spared.
fn fingerprints(count: usize, seed: u64) -> Vec<Option<u64>> {
    let mut chance = Chance::new(seed);
    let mut all: Vec<Option<u64>> =
        vec![Some(0), Some(1 << 63), Some(u64::MAX), Some(u64::MAX >> 1), Some(7), Some(15)];
    while all.len() < count {
        let hash = match chance.below(10) {
            0 => None,
            1..4 => all[chance.below(all.len() as u64) as usize]
                .map(|near| (0..chance.below(6)).fold(near, |hash, _| hash ^ 1 << chance.below(64))),
            _ => Some(chance.next()),
        };
        all.push(hash);
    }
    all
}

#[tokio::test]
async fn the_view_finds_what_comparing_every_pair_finds() {
    let hashes = fingerprints(1_500, 7);
    let mut expected = BTreeSet::new();
    for (one, first) in hashes.iter().enumerate() {
        for (other, second) in hashes.iter().enumerate().skip(one + 1) {
            if let (Some(first), Some(second)) = (first, second) {
                let distance = (first ^ second).count_ones();
                if distance <= 3 {
                    expected.insert((one, other, distance));
                }
            }
        }
    }
    assert!(expected.len() > 100, "{}", expected.len());
    assert_eq!(reported(&crawl_of(&hashes).await).await, expected);
}

#[tokio::test]
async fn exact_copies_and_pages_that_name_their_original_are_left_out() {
    let paths = ["/0", "/1", "/2", "/3"].map(|path| format!("{HOST}{path}"));
    let crawl = Crawl::<Sqlite>::of(&paths.each_ref().map(String::as_str)).await;
    crawl
        .round_trip(|visit, url| {
            let path = url.url.path_and_query();
            // 0 and 1 serve the same; 2 is near; 3 is near and says that it is a copy of 0.
            let mut content = content(if path == "/1" { "/0" } else { path });
            content.simhash = Some(if path < "/2" { 1 } else { 3 });
            visit.content = Some(content);
            if path == "/3" {
                visit.candidates.push(named(&paths[0]));
                visit.canonical = Some(0);
            }
        })
        .await;
    assert_eq!(
        crawl.rows("SELECT url, other_url, distance, title, other_title FROM report_near_duplicates").await,
        [[&paths[0], &paths[2], "1", "/0", "/2"]]
    );
}

/// Contents that all share a band are compared 64 at a time, by an index, whatever they are.
#[tokio::test]
async fn the_work_is_bounded() {
    let crawl = crawl_of(&(0..1_000).map(|n| Some(n << 40)).collect::<Vec<_>>()).await;
    let plan = crawl.rows("EXPLAIN QUERY PLAN SELECT * FROM report_near_duplicates").await.concat().join("\n");
    assert!(plan.contains("USING AUTOMATIC COVERING INDEX (part=?)"), "{plan}");
    let pairs = reported(&crawl).await.len();
    assert!((1_000..126 * 1_000).contains(&pairs), "{pairs}");
}
