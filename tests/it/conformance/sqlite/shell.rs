//! The stock `sqlite3` shell reads everything, bodies included.

use std::path::Path;
use std::process::Command;

use sqrawl::model::Rule;
use sqrawl::store::body;

use crate::conformance::backend::Sqlite;
use crate::conformance::crawl::{Crawl, content, excluded, link, named};

/// What the shell prints; `None` when there is no shell.
pub fn ask(path: &Path, sql: &str) -> Option<String> {
    let ran = match Command::new("sqlite3").arg("-readonly").arg(path).arg(sql).output() {
        Ok(ran) => ran,
        Err(_) => {
            eprintln!("SKIPPED: no sqlite3 shell on this machine");
            return None;
        }
    };
    assert!(ran.status.success(), "{sql}: {}", String::from_utf8_lossy(&ran.stderr));
    Some(String::from_utf8_lossy(&ran.stdout).into_owned())
}

#[tokio::test]
async fn the_stock_shell_reads_bodies_and_views_during_a_crawl() {
    let crawl = Crawl::<Sqlite>::of(&["https://a.example/", "https://a.example/small"]).await;
    let long = "<p>hello hello hello hello</p>".repeat(200);
    crawl
        .round_trip(|visit, url| {
            link(visit, named("https://a.example/next"));
            link(visit, excluded("https://other.example/", Rule::SCOPE));
            let content = visit.content.insert(content(url.url.as_str()));
            let text = if url.url.as_str().ends_with("small") { "x" } else { &long };
            content.body = Some(body::pack(text.as_bytes()));
            content.size_bytes = text.len() as u64;
        })
        .await;
    let path = crawl.backend.path();
    let unpack = "SELECT codec, CAST(sqlar_uncompress(data, size_bytes) AS TEXT) FROM bodies ORDER BY content_id";
    let Some(bodies) = ask(&path, unpack) else { return };
    assert_eq!(bodies, format!("zlib|{long}\nraw|x\n"));
    let views = ask(&path, "SELECT name FROM sqlite_schema WHERE type IN ('view', 'table')").expect("a shell");
    for view in views.lines() {
        ask(&path, &format!("SELECT * FROM {view}"));
    }
    assert_eq!(ask(&path, "PRAGMA integrity_check; PRAGMA foreign_key_check").expect("a shell"), "ok\n");
}
