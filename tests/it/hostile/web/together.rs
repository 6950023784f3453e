//! All behaviours in one crawl, beside an ordinary site.

use std::path::Path;
use std::time::Duration;

use super::behaviour::Behaviour;
use super::facts::{Reader, ask, compare};
use super::place::Place;
use super::run::Run;
use super::{EVERY, SHELVES, Shelf, arguments, ordinary, seeds};

/// Between those of the hurried and the patient: what stalls costs twenty seconds, an honest answer
/// is there long before.
const TIMEOUTS: [&str; 6] = ["--timeout", "20s", "--connect-timeout", "6s", "--read-timeout", "6s"];

/// The longest chains are of 60 requests to one host; all hosts are asked at the same time.
const MOST_TIME: Duration = Duration::from_secs(300);

/// Everything that the database says of the ordinary site.
const ORDINARY: &str = "SELECT u.url, u.state, f.outcome, f.status, c.title, hex(c.hash) AS hash, length(t.text) AS text,
    (SELECT json_group_array(json_array(l.kind, l.position, l.anchor, p.url))
        FROM (SELECT * FROM links WHERE source_id = u.id ORDER BY position) l JOIN urls p ON p.id = l.target_id) AS links
    FROM urls u JOIN hosts h ON h.id = u.host_id LEFT JOIN fetches f ON f.id = u.last_fetch_id
    LEFT JOIN contents c ON c.id = f.content_id LEFT JOIN texts t ON t.content_id = c.id WHERE h.name = ?1 ORDER BY u.url";

/// What still waits, by host.
const WAITING: &str = "SELECT h.name FROM urls u JOIN hosts h ON h.id = u.host_id
    WHERE u.state IN ('queued', 'scheduled') AND ?1 = '' GROUP BY h.name";

fn site_of(reader: &Reader, db: &Path) -> Vec<std::collections::BTreeMap<String, String>> {
    reader.rows(db, ORDINARY, "ordinary.localhost").expect("a crawl")
}

/// Whether nothing waits but what must, and that waits as it must.
fn is_over(behaviours: &[Behaviour], reader: &Reader, db: &Path) -> Result<(), String> {
    let waiting = reader.rows(db, WAITING, "").ok_or("no crawl in the database")?;
    let waits: Vec<&Behaviour> = behaviours.iter().filter(|behaviour| behaviour.waits()).collect();
    let may_wait = |host: &String| waits.iter().any(|behaviour| behaviour.host() == *host);
    if waiting.is_empty() || !waiting.iter().all(|row| may_wait(&row["name"])) {
        return Err(format!("waiting: {waiting:?}"));
    }
    let facts = reader.facts(db).ok_or("no crawl in the database")?;
    waits.iter().try_for_each(|behaviour| {
        compare(behaviour, &facts, false)?;
        ask(behaviour, reader, db)
    })
}

#[test]
fn an_ordinary_site_comes_out_complete_beside_all_of_them() {
    let reader = Reader::new();
    let shelves: Vec<Shelf> = SHELVES.iter().map(|(_, _, shelf)| *shelf).chain([ordinary::shelf as Shelf]).collect();
    let place = Place::open(&shelves);
    let flags = [&EVERY[..], &TIMEOUTS, &["--retries", "0"]];
    let site = place.behaviours.iter().find(|behaviour| behaviour.name == ordinary::NAME).unwrap();

    let mut alone = Run::start("the ordinary site", MOST_TIME, &arguments(&flags, seeds(site)));
    alone.finish(0, |_| Err("it must end by itself".to_owned()));
    compare(site, &reader.facts(&alone.db()).unwrap(), true).unwrap();

    let all = place.behaviours.iter().filter(|behaviour| !behaviour.apart).flat_map(seeds);
    let mut together = Run::start("all together", MOST_TIME, &arguments(&flags, all));
    together.finish(0, |db| is_over(&place.behaviours, &reader, db));
    let (time, bytes) = together.figures();
    println!("{} behaviours together: {} s, {} MB", place.behaviours.len(), time.as_secs(), bytes / 1_000_000);

    let (quiet, loud) = (site_of(&reader, &alone.db()), site_of(&reader, &together.db()));
    assert!(quiet.len() >= ordinary::PAGES, "{}", quiet.len());
    assert_eq!(quiet.len(), loud.len(), "URLs of the ordinary site");
    for (quiet, loud) in quiet.iter().zip(&loud) {
        assert_eq!(quiet, loud);
    }
    let facts = reader.facts(&together.db()).unwrap();
    let mut wrong = Vec::new();
    for behaviour in place.behaviours.iter().filter(|behaviour| !behaviour.lone) {
        // With every parser at work, the deadline of a parse may come before its other limits.
        let own = behaviour.url("/");
        let is_cut = facts.urls.iter().any(|(url, row)| url.starts_with(&own) && row["cut"] == "time");
        let found = compare(behaviour, &facts, false).and_then(|()| ask(behaviour, &reader, &together.db()));
        wrong.extend(found.err().filter(|_| !is_cut));
    }
    assert!(wrong.is_empty(), "\n{}", wrong.join("\n\n"));
    assert_eq!(place.forbidden_connections(), 0, "an address was connected that nobody allowed");
}
