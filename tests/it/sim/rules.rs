//! What a robots.txt said rules on, over leases and processes: while it cannot be had, and before it is read again.

use std::sync::Mutex;
use std::time::Duration;

use sqrawl::engine::{Clock, Control};
use sqrawl::fetch::{Fetcher, Reservation};
use sqrawl::model::{CrawlSettings, Exchange, ExchangeEnd, FetchRequest, Header};

use super::World;
use super::clock::SimClock;

const HOUR_MS: u64 = 3_600_000;
const RULES: &str = "User-agent: *\nDisallow: /private/\n";

/// A host that answers everything for 20 hours, and 503 to robots.txt from then on.
struct Forgetful {
    clock: SimClock,
    asked: Mutex<Vec<(u64, String)>>,
}

impl Fetcher for Forgetful {
    async fn fetch(&self, request: FetchRequest, reservation: &mut Reservation) -> Exchange {
        let (at_ms, target) = (self.clock.elapsed_ms(), request.url.path_and_query().to_owned());
        let (status, body) = match target.strip_prefix("/page/") {
            None if at_ms > 20 * HOUR_MS => (503, String::new()),
            None => (200, RULES.to_owned()),
            Some(number) => {
                let next = number.parse::<u64>().unwrap() + 1;
                (200, format!("<a href=/page/{next}>.</a><a href=/private/{next}>.</a>"))
            }
        };
        self.asked.lock().unwrap().push((at_ms, target));
        tokio::time::sleep(Duration::from_millis(20)).await;
        reservation.cover(body.len() as u64).await;
        Exchange {
            started_ms: self.clock.now_ms() - 20,
            elapsed_ms: 20,
            status: Some(status),
            headers: vec![Header { name: "content-type".to_owned(), value: "text/html".to_owned() }],
            wire_bytes: body.len() as u64,
            end: ExchangeEnd::Complete { body: body.into_bytes(), truncated: false },
            address: None,
        }
    }
}

/// The text is not kept by whoever has read it: it has to be found again when it is to be stored again.
#[test]
fn a_robots_txt_that_cannot_be_had_rules_on_in_every_lease_and_process() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().start_paused(true).build().unwrap();
    runtime.block_on(async {
        let fetcher = Forgetful { clock: SimClock::new(1), asked: Mutex::default() };
        let world = World::of(1, fetcher, vec!["http://a.test/page/0".to_owned()]);
        // Every page takes a lease of its own.
        let settings = CrawlSettings { delay_ms: Some(HOUR_MS / 2), ..CrawlSettings::default() };
        for _ in 0..3 {
            let control = Control::default();
            let handle = control.clone();
            tokio::spawn(async move {
                tokio::time::sleep(Duration::from_millis(15 * HOUR_MS)).await;
                handle.drain();
            });
            world.run(settings.clone(), control).await;
        }
        let asked = world.fetcher.asked.lock().unwrap().clone();
        let robots: Vec<u64> =
            asked.iter().filter(|(_, path)| path == "/robots.txt").map(|(at, _)| at / HOUR_MS).collect();
        let late_pages = asked.iter().filter(|(at, path)| *at > 25 * HOUR_MS && path.starts_with("/page/")).count();
        println!("robots.txt after {robots:?} h, {late_pages} pages afterwards");
        assert!(robots.len() > 5 && robots[0] == 0 && robots[1] == 24, "once a day, then again and again: {robots:?}");
        assert!(late_pages > 10, "{late_pages} pages while it could not be had");
        assert!(asked.iter().all(|(_, path)| !path.starts_with("/private/")), "{asked:?}");
        let mut file = crate::open_raw(&world.db()).await;
        let row: (String, String, i64) =
            sqlx::query_as("SELECT verdict, body, failures FROM robots").fetch_one(&mut file).await.unwrap();
        assert_eq!((row.0.as_str(), row.1.as_str()), ("rules", RULES));
        assert!(row.2 > 3, "{} failures", row.2);
        let refused: i64 = sqlx::query_scalar("SELECT count(*) FROM urls WHERE state = 'excluded'")
            .fetch_one(&mut file)
            .await
            .unwrap();
        assert!(refused > 40, "{refused}");
    });
    runtime.shutdown_timeout(Duration::from_secs(5));
}

/// A host with a long file at one port, which asks for a delay, and pages at another.
struct TwoPorts {
    clock: SimClock,
    asked: Mutex<Vec<(u64, String)>>,
}

impl Fetcher for TwoPorts {
    async fn fetch(&self, request: FetchRequest, reservation: &mut Reservation) -> Exchange {
        let (port, target) = (request.url.origin().port, request.url.path_and_query());
        let body = match target.strip_prefix("/page/") {
            None if port == 80 => format!("User-agent: *\nCrawl-delay: 7\n{}", "#".repeat(100_000)),
            None => RULES.to_owned(),
            Some(_) if port == 80 => String::new(),
            Some(number) => format!("<a href=/page/{}>.</a>", number.parse::<u64>().unwrap() + 1),
        };
        self.asked.lock().unwrap().push((self.clock.elapsed_ms(), request.url.as_str().to_owned()));
        reservation.cover(body.len() as u64).await;
        Exchange {
            started_ms: self.clock.now_ms(),
            elapsed_ms: 0,
            status: Some(200),
            headers: vec![Header { name: "content-type".to_owned(), value: "text/html".to_owned() }],
            wire_bytes: body.len() as u64,
            end: ExchangeEnd::Complete { body: body.into_bytes(), truncated: false },
            address: None,
        }
    }
}

/// A long file is not in the lease: it is looked up, and read, before anything of the host is asked for.
#[test]
fn a_delay_in_a_long_robots_txt_holds_for_the_first_request_of_a_resume() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().start_paused(true).build().unwrap();
    runtime.block_on(async {
        let fetcher = TwoPorts { clock: SimClock::new(1), asked: Mutex::default() };
        let seeds = ["http://a.test/page/0", "http://a.test:81/page/0"].map(str::to_owned).to_vec();
        let world = World::of(1, fetcher, seeds);
        let mut first_of_resume = 0;
        for _ in 0..2 {
            first_of_resume = world.fetcher.asked.lock().unwrap().len();
            let control = Control::default();
            let handle = control.clone();
            tokio::spawn(async move {
                tokio::time::sleep(Duration::from_secs(90)).await;
                handle.drain();
            });
            world.run(CrawlSettings::default(), control).await;
        }
        let asked = world.fetcher.asked.lock().unwrap().clone();
        let resumed = &asked[first_of_resume..];
        assert!(resumed.len() > 5 && resumed.iter().all(|(_, url)| url.contains(":81/page/")), "{asked:?}");
        let gaps: Vec<u64> = resumed.windows(2).map(|two| two[1].0 - two[0].0).collect();
        assert!(gaps.iter().all(|gap| *gap >= 7_000), "{gaps:?}");
    });
    runtime.shutdown_timeout(Duration::from_secs(5));
}
