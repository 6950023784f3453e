//! Manners on a large scale: many hosts, every trouble, restarts in good order and by kill, judged
//! from the servers' side and by the ledger in SQL.
//!
//! In short by default; `SQRAWL_SIM_HOUR=1` runs an hour with a thousand hosts.

use std::time::Duration;

use sqlx::Row;
use sqrawl::engine::Control;
use sqrawl::model::CrawlSettings;

use super::World;
use super::clock::Chance;
use super::town::{Findings, Town, TownPlan, TownServer, judge};

const POLITENESS_PAGE: &str = include_str!("../../../docs/politeness.md");

/// The queries that the page gives for an audit; each lists breaches.
fn audit() -> Vec<&'static str> {
    let section = POLITENESS_PAGE.split("## Audit").nth(1).expect("a section");
    section.split("```sql\n").skip(1).filter_map(|rest| rest.split("```").next()).collect()
}

fn settings() -> CrawlSettings {
    CrawlSettings {
        scope: sqrawl::model::ScopeKind::Any,
        // As in the queries of the page.
        rate_per_second: Some(40.0),
        per_ip: Some(2),
        ..CrawlSettings::default()
    }
}

/// How a process ends.
#[derive(Clone, Copy, Debug)]
enum End {
    Killed,
    Drained,
}

impl World<TownServer> {
    fn town(seed: u64, plan: TownPlan) -> Self {
        let town = Town::new(seed, plan);
        let seeds = town.seeds();
        World::of(seed, TownServer::new(town), seeds)
    }

    /// One process of at most `ms`.
    async fn live(&self, settings: &CrawlSettings, end: End, ms: u64) {
        let control = Control::default();
        self.fetcher.process_starts();
        match end {
            End::Killed => {
                let run = self.run(settings.clone(), control);
                if tokio::time::timeout(Duration::from_millis(ms), run).await.is_err() {
                    self.fetcher.process_is_killed();
                }
            }
            End::Drained => {
                let handle = control.clone();
                let time = tokio::spawn(async move {
                    tokio::time::sleep(Duration::from_millis(ms)).await;
                    handle.drain();
                });
                self.run(settings.clone(), control).await;
                time.abort();
            }
        }
    }

    /// What the audit of the page finds, and the ledger in numbers.
    async fn audited(&self) -> (Vec<String>, Vec<(String, i64, i64)>) {
        let mut file = crate::open_raw(&self.db()).await;
        let mut breaches = Vec::new();
        for query in audit() {
            let rows = sqlx::query(query).fetch_all(&mut file).await.unwrap_or_else(|error| panic!("{query}: {error}"));
            if let Some(row) = rows.first() {
                let columns = (0..row.len()).map(|n| {
                    let text: Option<String> = row.try_get_unchecked(n).ok();
                    text.unwrap_or_default()
                });
                breaches.push(format!("{} rows, first {:?}: {query}", rows.len(), columns.collect::<Vec<_>>()));
            }
        }
        let sums = "SELECT delay_by, count(*), sum(delay_applied_ms IS NULL) FROM requests GROUP BY 1 ORDER BY 1";
        let sums = sqlx::query_as(sums).fetch_all(&mut file).await.unwrap();
        (breaches, sums)
    }

    async fn assert_polite(&self, settings: &CrawlSettings) -> Findings {
        let findings = judge(&self.fetcher, settings);
        let (audited, sums) = self.audited().await;
        let log = self.fetcher.log();
        println!(
            "{} hosts, {} min: {} requests ({} for robots.txt), {} processes, {} killed; most in flight {} in all, {} to an address",
            self.fetcher.town.plan.hosts,
            self.fetcher.now() / 60_000,
            log.len(),
            log.iter().filter(|asked| asked.robots.is_some()).count(),
            self.fetcher.births().len(),
            self.fetcher.deaths().len(),
            findings.most_in_flight.0,
            findings.most_in_flight.1,
        );
        println!("  checked by the servers: {:?}", findings.checked);
        println!("  in the ledger (who asked, requests, first ones): {sums:?}");
        let first: Vec<&String> = findings.breaches.iter().take(5).collect();
        let (served, sql) = (findings.breaches.len(), audited.len());
        println!("  breaches: {served} seen by the servers, {sql} queries of the audit with rows");
        assert!(first.is_empty() && audited.is_empty(), "servers: {served} {first:#?}\nledger: {audited:#?}");
        let ledger: i64 = sums.iter().map(|(_, requests, _)| requests).sum();
        let unwritten = log.len() as i64 - ledger;
        println!("  {unwritten} requests died with their process before they were written");
        assert!((0..=self.fetcher.deaths().len() as i64 * 100).contains(&unwritten), "{unwritten}");
        findings
    }
}

fn on_paused_clock<Fut: Future<Output = ()>>(body: Fut) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().start_paused(true).build().unwrap();
    runtime.block_on(body);
    runtime.shutdown_timeout(Duration::from_secs(5));
}

#[test]
fn an_hour_of_troubles_breaks_no_rule_of_politeness() {
    let full = std::env::var("SQRAWL_SIM_HOUR").is_ok();
    let (hosts, minutes, most_pages) = if full { (1_000, 60, 60) } else { (90, 10, 24) };
    on_paused_clock(async move {
        let plan = TownPlan { hosts, lasts_ms: minutes * 60_000, troubled: true, many_origins: false, most_pages };
        let world = World::town(7, plan);
        let mut chance = Chance::new(11);
        // Each fifth of the time: two lives that are killed, one of them very young, and one that is
        // stopped in good order.
        for _ in 0..5 {
            let fifth = plan.lasts_ms / 5;
            let (young, middle) = (200 + chance.below(4_000), fifth / 4 + chance.below(fifth / 4));
            world.live(&settings(), End::Killed, middle).await;
            world.live(&settings(), End::Killed, young).await;
            world.live(&settings(), End::Drained, fifth - middle - young).await;
        }
        let findings = world.assert_polite(&settings()).await;
        for rule in [
            "delay",
            "Crawl-delay",
            "Retry-After",
            "backoff",
            "adaptive pace",
            "robots.txt first",
            "--per-ip",
            "--rate",
        ] {
            assert!(findings.checked.get(rule).is_some_and(|n| *n >= 10), "{rule}: {:?}", findings.checked);
        }
        assert_eq!(findings.most_in_flight.1, 2, "addresses are shared");
        assert!(world.fetcher.deaths().len() >= 8, "{:?}", world.fetcher.deaths());
    });
}

/// Nothing bursts after a restart, however often the process dies.
#[test]
fn a_crawl_that_dies_every_second_breaks_no_rule_of_politeness() {
    on_paused_clock(async {
        let plan = TownPlan { hosts: 24, lasts_ms: 60_000, troubled: true, many_origins: false, most_pages: 12 };
        let world = World::town(3, plan);
        let mut chance = Chance::new(5);
        for _ in 0..40 {
            world.live(&settings(), End::Killed, 100 + chance.below(2_400)).await;
        }
        world.live(&settings(), End::Drained, 60_000).await;
        let findings = world.assert_polite(&settings()).await;
        assert_eq!(world.fetcher.deaths().len(), 40);
        assert!(findings.checked["delay"] > 200, "{:?}", findings.checked);
    });
}

/// With no delay that would hide it: the rate of the session holds from one to the next.
#[test]
fn the_rate_holds_over_restarts() {
    on_paused_clock(async {
        let plan = TownPlan { hosts: 20, lasts_ms: 60_000, troubled: false, many_origins: false, most_pages: 4 };
        let world = World::town(6, plan);
        let settings = CrawlSettings { delay_ms: Some(0), rate_per_second: Some(2.0), per_ip: None, ..settings() };
        let mut chance = Chance::new(8);
        for n in 0..20 {
            let end = if n % 2 == 0 { End::Killed } else { End::Drained };
            world.live(&settings, end, 400 + chance.below(900)).await;
        }
        let findings = judge(&world.fetcher, &settings);
        assert!(findings.checked["--rate"] > 15, "{:?}", findings.checked);
        assert!(findings.breaches.is_empty(), "{:#?}", findings.breaches.iter().take(5).collect::<Vec<_>>());
    });
}

/// Several requests at a time: the delay counts from their starts.
#[test]
fn several_requests_at_a_time_break_no_rule_of_politeness() {
    on_paused_clock(async {
        let plan = TownPlan { hosts: 30, lasts_ms: 240_000, troubled: true, many_origins: true, most_pages: 20 };
        let world = World::town(4, plan);
        let settings = CrawlSettings { per_host: 5, delay_ms: Some(200), ..settings() };
        world.live(&settings, End::Killed, 40_000).await;
        world.live(&settings, End::Drained, 100_000).await;
        world.live(&settings, End::Drained, 100_000).await;
        let findings = judge(&world.fetcher, &settings);
        println!("{:?}", findings.checked);
        assert!(findings.checked["delay"] > 500 && findings.checked["Retry-After"] > 20);
        assert!(findings.breaches.is_empty(), "{:#?}", findings.breaches.iter().take(5).collect::<Vec<_>>());
        let mut file = crate::open_raw(&world.db()).await;
        let wrong = "SELECT count(*) FROM requests WHERE delay_applied_ms < delay_asked_ms";
        let wrong: i64 = sqlx::query_scalar(wrong).fetch_one(&mut file).await.unwrap();
        assert_eq!(wrong, 0);
    });
}
