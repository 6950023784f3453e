//! A defect of the program, a panic, at one page: it ends the session and not the process. The notes of what
//! was in work stay, as if the process had died, and the page is found out in the end.

use std::sync::Arc;
use std::time::Duration;

use sqrawl::engine::{self, Control, EngineError, Job, Progress};
use sqrawl::fetch::{Fetcher, Reservation};
use sqrawl::model::{CrawlSettings, EndedBy, Exchange, ExchangeEnd, FetchRequest, Header};
use sqrawl::store::Store;

use super::store::SimStore;
use super::{World, seeds, settings};

const SITE: &str = "http://site.test/";
const BAD: &str = "/3";

/// A page that links to five others; the path is the title. It may break at [`BAD`].
struct Site {
    breaks: bool,
}

impl Fetcher for Site {
    async fn fetch(&self, request: FetchRequest, reservation: &mut Reservation) -> Exchange {
        let path = request.url.path_and_query();
        tokio::time::sleep(Duration::from_millis(20)).await;
        assert!(!(self.breaks && path == BAD), "a defect at {path}");
        let links: String = (0..5).map(|n| format!("<a href=\"/{n}\">on</a>")).collect();
        let body = format!("<title>{path}</title>{links}").into_bytes();
        reservation.cover(body.len() as u64).await;
        Exchange {
            started_ms: 1_700_000_000_000,
            elapsed_ms: 20,
            status: Some(if path == "/robots.txt" { 404 } else { 200 }),
            headers: vec![Header { name: "content-type".to_owned(), value: "text/html; charset=utf-8".to_owned() }],
            wire_bytes: body.len() as u64,
            end: ExchangeEnd::Complete { body, truncated: false },
            address: None,
        }
    }
}

/// The breaking part.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Part {
    Worker,
    Writer,
}

/// The session as the program runs it; false: it broke off.
async fn session(world: &World<Site>, part: Part) -> bool {
    let breaks_at = (part == Part::Writer).then_some(BAD);
    let store = Arc::new(SimStore::breaking_at(breaks_at, world.open().await));
    let stored = store.stored_crawl().await.unwrap();
    let settings = CrawlSettings { per_host: 2, ..settings() };
    let job = Job { settings, seeds: seeds(&world.seeds), recrawl: false, stored, rehearsal: None, parse_threads: 0 };
    let (fetcher, clock) = (Arc::clone(&world.fetcher), Arc::clone(&world.clock));
    match engine::run(store, fetcher, clock, job, Control::default(), Arc::new(Progress::default())).await {
        Ok(summary) => {
            assert_eq!(summary.ended_by, EndedBy::Complete);
            true
        }
        Err(EngineError::Internal { .. }) => false,
        Err(other) => panic!("{other}"),
    }
}

fn check(part: Part) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().start_paused(true).build().unwrap();
    runtime.block_on(async {
        let world = World::of(1, Site { breaks: part == Part::Worker }, vec![SITE.to_owned()]);
        let mut defects = 0;
        while !session(&world, part).await {
            defects += 1;
            assert!(defects <= 20, "{part:?}: it stalls");
            let left = std::fs::read_to_string(world.folder.path().join("crawl.db-lock")).expect("the notes stay");
            assert!(left.contains(if part == Part::Worker { "asked" } else { "settling" }), "{part:?}: {left}");
        }
        let states = world.states().await;
        let bad = &states["http://site.test/3"];
        assert_eq!((bad.0.as_str(), bad.1.as_deref()), ("failed", Some("crashed")), "{part:?} after {defects}");
        assert_eq!(states.values().filter(|(state, _)| state == "done").count(), 5, "{part:?}: {states:?}");
    });
    runtime.shutdown_timeout(Duration::from_secs(5));
}

/// The notes went with the session: the page ended each of them, exit code 1, for ever.
#[test]
fn a_defect_at_a_page_stalled_the_crawl() {
    check(Part::Worker);
    check(Part::Writer);
}
