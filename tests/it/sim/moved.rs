//! A robots.txt that lives elsewhere is found, whatever waits lie on the way to it.

use std::time::Duration;

use sqrawl::engine::Control;
use sqrawl::model::{CrawlSettings, EndedBy, Outcome};

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
