//! What was in work when the process died is held back, tried alone, and blamed only with proof.

use sqrawl::model::{EndedBy, LeasedFrom, UrlId, WorkStage};
use sqrawl::store::{LeaseAsk, LeaseGrant, Store};

use super::backend::Backend;
use super::crawl::Crawl;

const SEEDS: [&str; 3] = ["https://a.example/", "https://a.example/bad", "https://b.example/"];
const STANDING: &str = "SELECT u.url, s.held, s.deaths FROM suspects s JOIN urls u ON u.id = s.url_id ORDER BY u.id";

impl<B: Backend> Crawl<B> {
    /// The process dies with these URLs in work.
    async fn die_of(&mut self, work: &[(&str, WorkStage)]) {
        let slots = self.store().work_slots();
        for (slot, (url, stage)) in (0..).zip(work) {
            let id = self.value(&format!("SELECT id FROM urls WHERE url = '{url}'")).await.parse().expect("an id");
            slots.set(slot, Some((UrlId(id), *stage)));
        }
        drop(slots);
        self.crash().await;
        self.now += 60_000;
    }

    async fn deaths_of(&self, url: &str) -> String {
        self.value(&format!("SELECT deaths FROM suspects JOIN urls ON id = url_id WHERE url = '{url}'")).await
    }

    async fn alone(&self) -> LeaseGrant {
        self.ask(LeaseAsk { hosts: 10, urls_per_host: 10, alone: true, ..self.empty_ask() }).await
    }

    /// Visits everything that is not held back.
    async fn visit_the_others(&mut self) -> Vec<String> {
        let mut visited = Vec::new();
        for lease in self.lease(10, 10).await.hosts {
            let visits = lease.urls.iter().map(|url| self.page(&lease, url)).collect();
            visited.extend(lease.urls.iter().map(|url| url.url.as_str().to_owned()));
            self.settle_visits(visits).await;
            self.release(&lease).await;
        }
        self.now += 60_000;
        visited.sort();
        visited
    }
}

pub async fn what_was_parsed_at_a_death_is_tried_alone_and_last<B: Backend>() {
    let mut crawl = Crawl::<B>::of(&SEEDS).await;
    crawl.lease(10, 10).await;
    crawl.die_of(&[(SEEDS[1], WorkStage::Parsing), (SEEDS[2], WorkStage::Asked)]).await;
    assert_eq!(crawl.start.suspects, 2);
    assert_eq!(crawl.rows(STANDING).await, [[SEEDS[1], "1", "0"], [SEEDS[2], "0", "0"]]);
    crawl.check().await;
    // While others are ready, nothing is tried alone.
    assert_eq!(crawl.visit_the_others().await, [SEEDS[0], SEEDS[2]]);
    crawl.check().await;
    assert_eq!(crawl.rows(STANDING).await, [[SEEDS[1], "1", "0"]], "what is visited is cleared");
    let nothing = crawl.lease(10, 10).await;
    assert_eq!((nothing.hosts.len(), nothing.next_ready_ms), (0, None), "it is nobody's turn");
    let mut grant = crawl.alone().await;
    let lease = grant.hosts.remove(0);
    assert_eq!(lease.urls.len(), 1);
    let url = &lease.urls[0];
    assert_eq!((url.url.as_str(), url.deaths, url.from), (SEEDS[1], Some(0), LeasedFrom::Scheduled));
    assert!(crawl.alone().await.hosts.is_empty(), "one at a time");
    crawl.settle_visits(vec![crawl.page(&lease, url)]).await;
    crawl.release(&lease).await;
    assert_eq!(crawl.rows(STANDING).await, Vec::<Vec<String>>::new());
    assert_eq!(crawl.value("SELECT count(*) FROM urls WHERE state = 'done'").await, "3");
    crawl.check().await;
}

/// Operators kill processes, too: a URL that was only asked for is watched, and held back the second time.
pub async fn what_was_asked_for_at_two_deaths_is_held_back<B: Backend>() {
    let mut crawl = Crawl::<B>::of(&SEEDS).await;
    for (held, deaths) in [("0", "0"), ("1", "0"), ("1", "1")] {
        crawl.die_of(&[(SEEDS[1], WorkStage::Asked)]).await;
        assert_eq!(crawl.rows(STANDING).await, [[SEEDS[1], held, deaths]]);
        crawl.check().await;
    }
    assert_eq!(crawl.visit_the_others().await, [SEEDS[0], SEEDS[2]]);
    // Another URL was in work: what is held back stays so.
    crawl.die_of(&[(SEEDS[0], WorkStage::Asked)]).await;
    assert_eq!(crawl.rows(STANDING).await, [[SEEDS[1], "1", "0"]]);
}

pub async fn a_death_of_something_else_forgets_what_was_only_asked_for<B: Backend>() {
    let mut crawl = Crawl::<B>::of(&SEEDS).await;
    crawl.die_of(&[(SEEDS[1], WorkStage::Asked)]).await;
    crawl.die_of(&[(SEEDS[2], WorkStage::Asked)]).await;
    assert_eq!(crawl.rows(STANDING).await, [[SEEDS[2], "0", "0"]]);
    crawl.end(EndedBy::Signal).await;
    assert_eq!(crawl.rows(STANDING).await, Vec::<Vec<String>>::new());
    assert_eq!(crawl.start.suspects, 0);
}

/// However far it came: what was tried alone is what the process died of, if it died of anything.
pub async fn deaths_of_what_is_tried_alone_are_counted_at_every_stage<B: Backend>() {
    let mut crawl = Crawl::<B>::of(&SEEDS).await;
    let parsing = [(SEEDS[1], WorkStage::Parsing)];
    crawl.die_of(&parsing).await;
    assert_eq!(crawl.rows(STANDING).await, [[SEEDS[1], "1", "0"]], "nobody had tried it for that");
    crawl.die_of(&parsing).await;
    assert_eq!(crawl.rows(STANDING).await, [[SEEDS[1], "1", "1"]]);
    // In a row: this death may have been the other page's.
    crawl.die_of(&[(SEEDS[1], WorkStage::Parsing), (SEEDS[0], WorkStage::Parsing)]).await;
    assert_eq!(crawl.rows(STANDING).await, [[SEEDS[0], "1", "0"], [SEEDS[1], "1", "0"]]);
    for (deaths, stage) in (1..).zip([WorkStage::Asked, WorkStage::Settling, WorkStage::Parsing]) {
        crawl.die_of(&[(SEEDS[1], stage)]).await;
        crawl.visit_the_others().await;
        let grant = crawl.alone().await;
        let url = &grant.hosts[0].urls[0];
        assert_eq!(
            (url.url.as_str(), url.deaths),
            (SEEDS[1], Some(deaths)),
            "the one with the most deaths comes first"
        );
    }
    crawl.check().await;
}

/// One of them kills whoever settles it. Of more than are held back for having been asked for, it was
/// overlooked for ever.
pub async fn what_was_settled_at_two_deaths_is_held_back_all_of_it<B: Backend>() {
    let urls: Vec<String> = (0..150).map(|n| format!("https://a.example/{n}")).collect();
    let urls: Vec<&str> = urls.iter().map(String::as_str).collect();
    for (stage, held) in [(WorkStage::Asked, "100"), (WorkStage::Settling, "150")] {
        let mut crawl = Crawl::<B>::of(&urls).await;
        let work: Vec<_> = urls.iter().map(|url| (*url, stage)).collect();
        for (death, expected) in ["0", held].into_iter().enumerate() {
            crawl.die_of(&work).await;
            assert_eq!(crawl.value("SELECT count(*) FROM suspects WHERE held").await, expected, "{stage:?} {death}");
        }
        crawl.check().await;
    }
}

/// Only what was in work at a death was looked at: three deaths with any number of others between them were
/// three in a row.
pub async fn a_death_at_another_moment_left_the_count_as_it_was<B: Backend>() {
    let parsing = [(SEEDS[1], WorkStage::Parsing)];
    for between in [&[][..], &[(SEEDS[0], WorkStage::Asked)], &[(SEEDS[0], WorkStage::Parsing)]] {
        let mut crawl = Crawl::<B>::of(&SEEDS).await;
        for _ in 0..3 {
            crawl.die_of(&parsing).await;
        }
        assert_ne!(crawl.deaths_of(SEEDS[1]).await, "0");
        crawl.die_of(between).await;
        assert_eq!(crawl.deaths_of(SEEDS[1]).await, "0", "{between:?}");
        crawl.check().await;
    }
}

/// A process that died as soon as it had taken in what another left would have had it taken in twice.
pub async fn what_a_session_left_is_taken_in_once<B: Backend>() {
    let mut crawl = Crawl::<B>::of(&SEEDS).await;
    for _ in 0..2 {
        crawl.die_of(&[(SEEDS[1], WorkStage::Parsing)]).await;
    }
    let before = crawl.deaths_of(SEEDS[1]).await;
    assert_ne!(before, "0");
    // Its own notes are not there yet.
    crawl.backend.change("UPDATE sessions SET id = 99 WHERE id = (SELECT max(id) FROM sessions)").await;
    crawl.die_of(&[(SEEDS[1], WorkStage::Parsing)]).await;
    assert_eq!(crawl.deaths_of(SEEDS[1]).await, "0", "those are the notes of another session than the one that died");
}

pub async fn a_host_that_must_wait_keeps_its_suspect_waiting<B: Backend>() {
    let mut crawl = Crawl::<B>::of(&SEEDS[1..2]).await;
    crawl.die_of(&[(SEEDS[1], WorkStage::Parsing)]).await;
    let polite = crawl.now + 5_000;
    crawl.backend.change(&format!("UPDATE host_queue SET polite_ms = {polite}")).await;
    let grant = crawl.alone().await;
    assert_eq!((grant.hosts.len(), grant.next_ready_ms), (0, Some(polite)));
    crawl.now = polite;
    assert_eq!(crawl.alone().await.hosts.len(), 1);
}

pub async fn losing_the_suspects_costs_nothing<B: Backend>() {
    let mut crawl = Crawl::<B>::of(&SEEDS).await;
    crawl.die_of(&[(SEEDS[1], WorkStage::Parsing)]).await;
    crawl.backend.change("DELETE FROM suspects").await;
    crawl.crash().await;
    crawl.now += 60_000;
    crawl.check().await;
    assert_eq!(crawl.visit_the_others().await, SEEDS);
}

pub async fn a_recrawl_still_holds_back_what_killed<B: Backend>() {
    let mut crawl = Crawl::<B>::of(&SEEDS).await;
    crawl.die_of(&[(SEEDS[1], WorkStage::Parsing)]).await;
    crawl.visit_the_others().await;
    crawl.recrawl(Some(EndedBy::Limit)).await;
    crawl.now += 60_000;
    assert_eq!(crawl.visit_the_others().await, [SEEDS[0], SEEDS[2]]);
    crawl.check().await;
}
