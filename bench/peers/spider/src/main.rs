//! spider with pages and links into SQLite: `spider-peer DATABASE IN-FLIGHT SEED…`
//!
//! One `Website` for each seed's host, as spider follows one host each, with an equal share of the requests in
//! flight. They cannot share one semaphore: a crawl that has links and no request under way ends when no permit is
//! free. What spider keeps of links is the attribute as written: not resolved, entities and all.

use rusqlite::{Connection, params};
use spider::page::Page;
use spider::website::Website;
use tokio::sync::broadcast::error::RecvError;
use tokio::sync::mpsc;

/// Pages in one transaction, as sqrawl has them.
const BATCH: usize = 400;
/// What spider's channel drops when the reader is slower is lost; this many pages may wait.
const WAITING: usize = 8192;

#[tokio::main]
async fn main() {
    let mut args = std::env::args().skip(1);
    let database = args.next().expect("a database");
    let in_flight: usize = args.next().and_then(|n| n.parse().ok()).expect("a number of requests");
    let (pages, to_store) = mpsc::channel::<Page>(256);
    let store = std::thread::spawn(move || store(&database, to_store));
    let seeds: Vec<String> = args.collect();
    let share = in_flight.div_ceil(seeds.len());
    let crawls: Vec<_> = seeds.into_iter().map(|seed| tokio::spawn(crawl(seed, share, pages.clone()))).collect();
    drop(pages);
    for crawl in crawls {
        crawl.await.expect("a crawl");
    }
    store.join().expect("the store");
}

async fn crawl(seed: String, in_flight: usize, pages: mpsc::Sender<Page>) {
    let mut website = Website::new(&seed);
    website
        .with_respect_robots_txt(true)
        .with_user_agent(Some("spider-peer/1.0"))
        .with_concurrency_limit(Some(in_flight))
        .with_return_page_links(true)
        .with_delay(0);
    let mut found = website.subscribe(WAITING);
    let forward = tokio::spawn(async move {
        loop {
            match found.recv().await {
                Ok(page) => pages.send(page).await.expect("the store"),
                Err(RecvError::Lagged(n)) => eprintln!("{n} pages lost"),
                Err(RecvError::Closed) => return,
            }
        }
    });
    website.crawl().await;
    website.unsubscribe();
    drop(website);
    forward.await.expect("no panic");
}

fn store(path: &str, mut pages: mpsc::Receiver<Page>) {
    let mut database = Connection::open(path).expect("a database");
    database
        .execute_batch(
            "PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL;
             CREATE TABLE pages (id INTEGER PRIMARY KEY, url TEXT NOT NULL UNIQUE, status INTEGER, headers TEXT, title TEXT, html BLOB);
             CREATE TABLE links (page_id INTEGER NOT NULL, target TEXT NOT NULL);",
        )
        .expect("tables");
    let mut batch = Vec::with_capacity(BATCH);
    while pages.blocking_recv_many(&mut batch, BATCH) > 0 {
        while batch.len() < BATCH {
            match pages.blocking_recv() {
                Some(page) => batch.push(page),
                None => break,
            }
        }
        write(&mut database, &batch).expect("a transaction");
        batch.clear();
    }
}

fn write(database: &mut Connection, batch: &[Page]) -> rusqlite::Result<()> {
    let transaction = database.transaction()?;
    {
        let mut page_row = transaction
            .prepare("INSERT OR IGNORE INTO pages (url, status, headers, title, html) VALUES (?1, ?2, ?3, ?4, ?5)")?;
        let mut link_row = transaction.prepare("INSERT INTO links (page_id, target) VALUES (?1, ?2)")?;
        for page in batch {
            let headers = page.headers.as_ref().map(|headers| {
                let pairs: Vec<_> = headers
                    .iter()
                    .map(|(name, value)| (name.as_str(), String::from_utf8_lossy(value.as_bytes())))
                    .collect();
                serde_json::to_string(&pairs).expect("JSON")
            });
            let title = page.get_metadata().as_ref().and_then(|metadata| metadata.title.as_deref());
            let row = params![page.get_url(), page.status_code.as_u16(), headers, title, page.get_html_bytes_u8()];
            if page_row.execute(row)? == 0 {
                continue;
            }
            let id = transaction.last_insert_rowid();
            for link in page.page_links.iter().flat_map(|links| links.iter()) {
                link_row.execute(params![id, link.inner().as_str()])?;
            }
        }
    }
    transaction.commit()
}
