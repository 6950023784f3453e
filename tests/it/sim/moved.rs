//! A robots.txt that lives elsewhere is found, whatever waits lie on the way to it.

use std::time::Duration;

use sqrawl::engine::Control;
use sqrawl::model::{CrawlSettings, EndedBy, FailureKind, Outcome};

use super::World;
use super::town::{Findings, RobotsManner, Town, TownPlan, TownServer, judge};

const QUIET: TownPlan = TownPlan { hosts: 2, lasts_ms: 60_000, troubled: false, many_origins: false, most_pages: 1 };

/// A town in which every robots.txt is `Here` until a test says otherwise.
fn town(hosts: u64) -> Town {
    let mut town = Town::new(3, TownPlan { hosts, ..QUIET });
    for host in &mut town.hosts {
        host.robots = RobotsManner::Here;
    }
    town
}

fn on_paused_clock<Fut: Future<Output = ()>>(body: Fut) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().start_paused(true).build().unwrap();
    runtime.block_on(body);
    runtime.shutdown_timeout(Duration::from_secs(5));
}

fn settings(delay_ms: u64) -> CrawlSettings {
    CrawlSettings { delay_ms: Some(delay_ms), scope: sqrawl::model::ScopeKind::Any, ..CrawlSettings::default() }
}

/// One process that is to be done within `hours` of virtual time, and politely.
async fn crawl(world: &World<TownServer>, settings: &CrawlSettings, hours: u64) -> Findings {
    world.fetcher.process_starts();
    let run = world.run(settings.clone(), Control::default());
    let summary = tokio::time::timeout(Duration::from_secs(hours * 3_600), run).await;
    let log = world.fetcher.log();
    let summary = summary.unwrap_or_else(|_| panic!("not done; {} requests, last {:?}", log.len(), log.last()));
    assert_eq!(summary.ended_by, EndedBy::Complete);
    let lost: Vec<_> = world.states().await.into_iter().filter(|(_, (state, _))| state != "done").collect();
    let lost: Vec<_> = lost
        .into_iter()
        .filter(|(url, (_, outcome))| !url.contains("/private/") && outcome.as_deref() != Some(Outcome::Gone.as_str()))
        .collect();
    assert!(lost.is_empty(), "{lost:?}");
    let findings = judge(&world.fetcher, settings);
    assert!(findings.breaches.is_empty(), "{:#?}", findings.breaches.iter().take(5).collect::<Vec<_>>());
    findings
}

fn world(town: Town) -> World<TownServer> {
    let seeds = town.seeds();
    World::of(1, TownServer::new(town), seeds)
}

/// A worker gives its host back when it has to wait for longer than ten seconds. It then forgot where
/// the robots.txt had been redirected to, and the next one began at its beginning, for ever.
#[test]
fn a_robots_txt_that_moved_on_its_own_host_is_found_however_long_the_delay() {
    on_paused_clock(async {
        for delay_ms in [700, 15_000] {
            let mut town = town(4);
            for (n, host) in town.hosts.iter_mut().enumerate() {
                host.robots = RobotsManner::Moved(n as u32 + 1);
            }
            let world = world(town);
            let findings = crawl(&world, &settings(delay_ms), 2).await;
            assert!(findings.robots_asked.values().all(|times| *times == 1), "{:?}", findings.robots_asked);
        }
    });
}

/// The moment at which the last of the hosts in `range` had given its first page.
fn last_seed(world: &World<TownServer>, range: std::ops::Range<usize>) -> u64 {
    let log = world.fetcher.log();
    let seeds = log.iter().filter(|asked| range.contains(&asked.host) && asked.url.ends_with("/p0"));
    seeds.map(|asked| asked.end).max().unwrap()
}

/// Whoever waited for a redirect to another host kept its lease for as long as that took: a thousand names
/// with one slow target stopped the crawl of every other host.
#[test]
fn one_slow_target_of_redirects_keeps_nobody_else_waiting() {
    on_paused_clock(async {
        // 32 hosts are leased at a time.
        let (guests, others) = (1..61, 61..81);
        let mut town = town(others.end as u64);
        for host in &mut town.hosts {
            (host.latency_ms, host.pages) = (50, 3);
        }
        town.hosts[0].latency_ms = 4_000;
        for guest in guests.clone() {
            town.hosts[guest].robots = RobotsManner::Elsewhere(0);
        }
        let world = world(town);
        let settings = CrawlSettings { concurrency: 2, ..settings(1_000) };
        let findings = crawl(&world, &settings, 6).await;
        let (last_other, last_guest) = (last_seed(&world, others), last_seed(&world, guests));
        println!("others begun after {last_other} ms, guests after {last_guest} ms");
        assert!(last_other < 120_000, "the others have begun after {last_other} ms");
        assert!(findings.robots_asked.values().all(|times| *times == 1), "{:?}", findings.robots_asked);
        assert!(last_guest < 3_600_000, "everyone has had a turn after {last_guest} ms");
    });
}

/// Who was told to wait for its turn had failed, and was given up after three such failures. Now it is told
/// when to come, which is before the host may be asked again: its own pages would else always be first.
#[test]
fn a_target_of_redirects_with_a_long_delay_lets_everyone_in() {
    on_paused_clock(async {
        let guests = 1..7;
        let mut town = town(guests.end as u64);
        for guest in guests.clone() {
            (town.hosts[guest].robots, town.hosts[guest].pages) = (RobotsManner::Elsewhere(0), 2);
        }
        town.hosts[0].pages = 300;
        let world = world(town);
        let findings = crawl(&world, &settings(120_000), 48).await;
        let last_guest = last_seed(&world, guests.clone());
        let log = world.fetcher.log();
        let hops: Vec<u64> =
            log.iter().filter(|a| a.host == 0 && a.url.contains("/robots-of/")).map(|a| a.start / 1000).collect();
        println!("hops at {hops:?} s; guests begun after {last_guest} ms");
        assert_eq!(hops.len(), guests.len());
        assert!(*hops.last().unwrap() < 7_200, "{hops:?}");
        assert!(findings.robots_asked.values().all(|times| *times == 1), "{:?}", findings.robots_asked);
        let own = log.iter().filter(|a| a.host == 0 && a.robots.is_none() && a.start / 1000 < *hops.last().unwrap());
        assert!(own.count() >= 4, "its own pages have their turn too");
    });
}

/// Guests of a host that is gone fail as its own URLs do, and the crawl ends.
#[test]
fn a_target_of_redirects_that_is_gone_ends_the_wait_of_everyone() {
    on_paused_clock(async {
        let guests = 1..41;
        let mut town = town(guests.end as u64);
        town.hosts[0].gone = Some((0..u64::MAX, FailureKind::Connect));
        for guest in guests.clone() {
            town.hosts[guest].robots = RobotsManner::Elsewhere(0);
        }
        let world = world(town);
        world.fetcher.process_starts();
        let run = world.run(settings(1_000), Control::default());
        let summary = tokio::time::timeout(Duration::from_secs(24 * 3_600), run).await.expect("it ends");
        assert_eq!((summary.ended_by, summary.totals.pages), (EndedBy::Complete, 0));
        let tries = world.fetcher.log().iter().filter(|asked| asked.host == 0).count();
        println!("{tries} tries in {} s", world.fetcher.now() / 1_000);
        assert!(tries < 3 * guests.len(), "{tries}");
        let states = world.states().await;
        assert!(states.values().all(|(state, outcome)| state == "failed" && outcome.as_deref() == Some("connect")));
    });
}

/// The address of a host was refused when its robots.txt was asked for. For as long as the lease lasted
/// everything was allowed then: a name that came to lead to a public address was crawled without its rules.
#[test]
fn a_host_whose_address_was_refused_is_asked_for_robots_when_it_can_be() {
    on_paused_clock(async {
        let mut town = town(1);
        let host = &mut town.hosts[0];
        (host.latency_ms, host.pages) = (40, 3);
        host.gone = Some((0..10, FailureKind::BlockedAddress));
        let origin = host.origins[0].clone();
        let seeds = ["p0", "p1", "p2", "private/p1"].map(|path| format!("{origin}/{path}"));
        let world = World::of(1, TownServer::new(town), seeds.to_vec());
        world.fetcher.process_starts();
        let run = world.run(settings(1_000), Control::default());
        tokio::time::timeout(Duration::from_secs(3_600), run).await.expect("it ends");
        let findings = judge(&world.fetcher, &settings(1_000));
        // What the guard refuses is no request, and so needs no delay after it.
        let breaches: Vec<_> = findings.breaches.iter().filter(|breach| breach.starts_with("robots.txt")).collect();
        assert!(breaches.is_empty(), "{breaches:#?}");
        let states = world.states().await;
        let ends = |url: &String| {
            let (state, outcome) = &states[url];
            format!("{state} {}", outcome.as_deref().unwrap_or("-"))
        };
        let ends = seeds.each_ref().map(ends);
        assert_eq!(ends.iter().filter(|end| *end == "excluded blocked_address").count(), 1, "{ends:?}");
        assert_eq!(ends.iter().filter(|end| *end == "excluded robots").count(), 1, "{ends:?}");
        assert_eq!(findings.robots_asked.values().sum::<u64>(), 2, "once in vain");
    });
}
