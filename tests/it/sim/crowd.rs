//! Many at once: robots.txt is asked for once however many URLs wait for it, and those who wait for
//! a crowded server hold nothing that others need.

use std::collections::{BTreeMap, BTreeSet};
use std::net::{IpAddr, Ipv4Addr};
use std::time::Duration;

use sqrawl::engine::Control;
use sqrawl::model::{CrawlSettings, EndedBy, FailureKind, ScopeKind};

use super::World;
use super::town::{RobotsManner, Town, TownPlan, TownServer, judge};

const QUIET: TownPlan = TownPlan { hosts: 60, lasts_ms: 60_000, troubled: false, many_origins: true, most_pages: 8 };

fn world(town: Town) -> World<TownServer> {
    let seeds = town.seeds();
    World::of(1, TownServer::new(town), seeds)
}

fn on_paused_clock<Fut: Future<Output = ()>>(body: Fut) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().start_paused(true).build().unwrap();
    runtime.block_on(body);
    runtime.shutdown_timeout(Duration::from_secs(5));
}

#[test]
fn every_origin_is_asked_for_robots_once_however_many_wait() {
    on_paused_clock(async {
        for seed in 0..2 {
            let world = world(Town::new(seed, QUIET));
            let settings = CrawlSettings {
                scope: ScopeKind::Any,
                delay_ms: Some(0),
                concurrency: 128,
                per_host: 64,
                adaptive: false,
                ..CrawlSettings::default()
            };
            world.fetcher.process_starts();
            let summary = world.run(settings.clone(), Control::default()).await;
            assert_eq!(summary.ended_by, EndedBy::Complete);
            let findings = judge(&world.fetcher, &settings);
            assert!(findings.breaches.is_empty(), "{:#?}", findings.breaches.iter().take(5).collect::<Vec<_>>());
            assert!(findings.most_in_flight.0 >= 64, "{:?}", findings.most_in_flight);
            let origins: BTreeMap<String, u64> = world
                .fetcher
                .town
                .hosts
                .iter()
                .flat_map(|host| &host.origins)
                .map(|origin| (origin.clone(), 1))
                .collect();
            assert_eq!(findings.robots_asked, origins, "each of them once");
            let elsewhere = world.fetcher.town.hosts.iter().filter(|h| matches!(h.robots, RobotsManner::Elsewhere(_)));
            assert!(elsewhere.count() > 5 && summary.totals.pages > 500, "{}", summary.totals.pages);
        }
    });
}

/// Thirty hosts on one slow server, and ten with a server each, with four requests at a time.
#[test]
fn a_crowded_server_keeps_nobody_else_waiting() {
    on_paused_clock(async {
        let mut town = Town::new(5, TownPlan { hosts: 40, many_origins: false, most_pages: 6, ..QUIET });
        for (n, host) in town.hosts.iter_mut().enumerate() {
            let crowded = n < 30;
            host.robots = RobotsManner::Missing;
            host.latency_ms = if crowded { 4_000 } else { 20 };
            host.address = IpAddr::V4(Ipv4Addr::new(198, 51, 100, if crowded { 1 } else { n as u8 }));
        }
        let world = world(town);
        let settings = CrawlSettings {
            delay_ms: Some(100),
            concurrency: 4,
            per_ip: Some(1),
            adaptive: false,
            ..CrawlSettings::default()
        };
        world.fetcher.process_starts();
        let summary = world.run(settings.clone(), Control::default()).await;
        assert_eq!(summary.ended_by, EndedBy::Complete);
        let findings = judge(&world.fetcher, &settings);
        assert!(findings.breaches.is_empty(), "{:#?}", findings.breaches.iter().take(5).collect::<Vec<_>>());
        assert_eq!(findings.most_in_flight.1, 1);
        let log = world.fetcher.log();
        let last = |crowded: bool| log.iter().filter(|a| (a.host < 30) == crowded).map(|a| a.end).max().unwrap();
        assert!(last(false) < 8_000, "the others were done after {} ms", last(false));
        assert!(last(true) > 200_000, "{} ms", last(true));
    });
}

/// A host that is gone for forty minutes is tried once a pause, and is crawled again when it is back.
#[test]
fn a_dead_host_is_tried_once_a_pause_and_comes_back() {
    on_paused_clock(async {
        let mut town = Town::new(2, TownPlan { hosts: 2, many_origins: false, most_pages: 1, ..QUIET });
        let gone = 120_000..2_520_000;
        for host in &mut town.hosts {
            host.robots = RobotsManner::Missing;
            host.pages = 2_000;
        }
        // One is slow to name pages of the other, which dies after two minutes.
        town.hosts[0].robots = RobotsManner::Here;
        town.hosts[0].crawl_delay_ms = Some(20_000);
        town.hosts[1].gone = Some((gone.clone(), FailureKind::Connect));
        let world = world(town);
        let settings = CrawlSettings { delay_ms: Some(15_000), ..CrawlSettings::default() };
        world.fetcher.process_starts();
        let control = Control::default();
        let handle = control.clone();
        tokio::spawn(async move {
            tokio::time::sleep(Duration::from_millis(3_600_000)).await;
            handle.drain();
        });
        world.run(settings.clone(), control).await;
        let findings = judge(&world.fetcher, &settings);
        assert!(findings.breaches.is_empty(), "{:#?}", findings.breaches.iter().take(5).collect::<Vec<_>>());
        let log = world.fetcher.log();
        let tries: Vec<u64> = log
            .iter()
            .filter(|asked| asked.host == 1 && asked.failure.is_some())
            .map(|asked| asked.start / 1000)
            .collect();
        assert!((7..=9).contains(&tries.len()), "{tries:?}");
        let back = log.iter().filter(|asked| asked.host == 1 && asked.start > gone.end && asked.answered);
        let pages: BTreeSet<&str> = back.filter(|a| a.status == Some(200)).map(|asked| asked.url.as_str()).collect();
        assert!(pages.len() > 20, "{} pages after it was back", pages.len());
        let given_up = world.states().await.into_values().filter(|(state, _)| state == "failed").count();
        println!("tried at {tries:?} s, {given_up} URLs given up, {} pages afterwards", pages.len());
        assert!(given_up > 5, "{given_up}");
    });
}

/// What the last workers gave back waited half a second for more to commit, at the end of every crawl.
#[test]
fn the_end_of_a_crawl_waited_for_a_full_batch() {
    on_paused_clock(async {
        let mut town = Town::new(3, TownPlan { hosts: 3, many_origins: false, most_pages: 1, ..QUIET });
        for host in &mut town.hosts {
            host.robots = RobotsManner::Missing;
            host.latency_ms = 20;
            host.pages = 40;
        }
        let world = world(town);
        let settings = CrawlSettings { delay_ms: Some(100), adaptive: false, ..CrawlSettings::default() };
        world.fetcher.process_starts();
        let summary = world.run(settings, Control::default()).await;
        assert_eq!(summary.ended_by, EndedBy::Complete);
        assert!(summary.commits > 10, "the first ones are early ones: {}", summary.commits);
        let last = world.fetcher.log().iter().map(|asked| asked.end).max().unwrap();
        assert!(summary.elapsed_ms - last < 100, "the last page was there after {last} of {} ms", summary.elapsed_ms);
    });
}
