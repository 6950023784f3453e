//! The large crawl that `scripts/large-store` measures (`examples/populate`): what it claims to hold, it
//! holds, and it is a crawl like any other.

#[path = "../../examples/populate/crawl.rs"]
mod crawl;
#[path = "../../examples/populate/varied.rs"]
mod varied;
#[path = "../../examples/populate/web.rs"]
mod web;

use std::path::Path;

use sqlx::{AssertSqlSafe, Row};
use sqrawl::store::sqlite::read::{DoctorOptions, Limits, Reader};
use sqrawl::store::sqlite::{OpenMode, SqliteStore};
use sqrawl::store::{LeaseAsk, SessionOpen, Store};

use web::Web;

const BASE: &str = "http://h{n}.localhost:8080/";

/// 3,000 URLs of 40 hosts, 150 of them visited.
async fn fill(path: &Path, seed: u64) -> Vec<String> {
    let web = Web::new(BASE, 40, 3000, seed).unwrap();
    let filled = crawl::fill(path, &web, 150, false, 1).await.unwrap();
    assert_eq!((filled.totals.done, filled.totals.pages, filled.totals.queued), (150, 150, 2850));
    assert_eq!(filled.leases.len(), filled.settles.len());
    let mut connection = crate::open_raw(path).await;
    let mut rows = Vec::new();
    for (table, key) in [
        ("urls", "id"),
        ("hosts", "id"),
        ("host_queue", "host_id"),
        ("seeds", "id"),
        ("robots", "id"),
        ("fetches", "id"),
        ("contents", "id"),
        ("links", "source_id, target_id, kind"),
        ("totals", "name"),
        ("sessions", "id"),
    ] {
        let columns = format!("SELECT group_concat('quote(' || name || ')', '||') FROM pragma_table_info('{table}')");
        let columns: String = sqlx::query_scalar(AssertSqlSafe(columns)).fetch_one(&mut connection).await.unwrap();
        let all = sqlx::query(AssertSqlSafe(format!("SELECT {columns} FROM {table} ORDER BY {key}")));
        rows.extend(all.fetch_all(&mut connection).await.unwrap().iter().map(|row| row.get::<String, _>(0)));
    }
    rows
}

#[tokio::test]
async fn a_made_up_crawl_is_sound_and_depends_on_its_seed_alone() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name);
    let (one, again, other) = (fill(&path("1"), 1).await, fill(&path("2"), 1).await, fill(&path("3"), 2).await);
    assert!(one.len() > 6000, "{} rows", one.len());
    assert!(one == again, "the same seed gave other rows");
    assert!(one != other, "another seed gave the same rows");
    let mut reader = Reader::open(&path("1")).await.unwrap();
    let options =
        DoctorOptions { identity: Some(sqrawl::parse::content_hash), bodies: None, ..DoctorOptions::default() };
    let diagnosis = reader.doctor(options, &Limits::default()).await.unwrap();
    assert_eq!((diagnosis.findings, diagnosis.bodies_checked), (vec![], 150));
    reader.close().await;
    assert!(
        crawl::fill(&path("1"), &Web::new(BASE, 40, 3000, 1).unwrap(), 150, false, 1).await.is_err(),
        "it was there already"
    );
}

#[tokio::test]
async fn a_made_up_crawl_can_go_on() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("crawl.db");
    fill(&path, 1).await;
    let store = SqliteStore::open(&path, OpenMode::MustExist, false).await.unwrap();
    let stored = store.stored_crawl().await.unwrap().expect("a crawl");
    assert_eq!((stored.complete, stored.judging, stored.seeds.len()), (false, false, 10));
    assert_eq!(stored.last_ended_by.as_deref(), Some("signal"));
    let now = 1_800_000_000_000;
    let open = SessionOpen { settings: &stored.settings, version: "1", delay_ms: 0, recrawl: false, judging: false };
    let start = store.begin_session(open, now).await.unwrap();
    let ask = LeaseAsk {
        session: start.session,
        hosts: 100,
        urls_per_host: 1000,
        until_ms: now + 1,
        refills: Vec::new(),
        named: Vec::new(),
        only: Vec::new(),
        alone: false,
    };
    let hosts = store.lease(ask, now).await.unwrap().hosts;
    let of = |name: &str| hosts.iter().find(|lease| lease.host.as_str() == name).map_or(0, |lease| lease.urls.len());
    // Shares of 1 / 1 and 1 / 20 of all URLs.
    assert!(of("h0.localhost") > 10 * of("h19.localhost"), "{} and {}", of("h0.localhost"), of("h19.localhost"));
    assert_eq!(hosts.iter().map(|lease| lease.urls.len()).sum::<usize>(), 2850);
    store.close().await.unwrap();
}

#[test]
fn what_does_not_fit_is_refused() {
    for (base, hosts, urls) in
        [("http://h.localhost/", 1, 1), (BASE, 0, 1), (BASE, 3, 2), ("h{n}", 1, 1), ("http://h{n}.localhost/x", 1, 1)]
    {
        assert!(Web::new(base, hosts, urls, 1).is_err(), "{base} {hosts} {urls}");
    }
    let web = Web::new(BASE, 2, 1_000_000, 1).unwrap();
    assert!(web.new_on(0, 10).is_err(), "a page of 100,000 links");
    let named: u64 = (0..1000).map(|nth| web.new_on(nth, 1000).unwrap().count() as u64).sum();
    assert_eq!(named + web.seeds().count() as u64, 1_000_000);
    for number in [0, 1, 2, 77, 999_999] {
        assert_eq!(web.number(&web.url(number)), Some(number));
    }
}

/// The time limit of what was read before was taken for that of the whole graph: `rank` of a million pages broke off after
/// a minute.
#[tokio::test]
async fn the_graph_has_time_of_its_own_for_each_range() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("crawl.db");
    fill(&path, 1).await;
    let mut reader = Reader::open(&path).await.unwrap();
    let over = Limits { time: Some(std::time::Duration::ZERO), ..Limits::default() };
    let mut rows = sqrawl::store::sqlite::read::Rows::default();
    let pages = "SELECT * FROM links a, links b";
    let end = reader.query(pages, &[], &over, &mut rows).await.unwrap();
    assert_eq!(end.reason, sqrawl::store::sqlite::read::QueryEndReason::TimeLimit);
    assert_eq!(reader.graph_nodes(0, 3000).await.unwrap().len(), 150);
    let _ = reader.query(pages, &[], &over, &mut rows).await.unwrap();
    let mut sources = 0;
    reader.graph_links(0, 3000, |_, _| sources += 1).await.unwrap();
    assert_eq!(sources, 150);
    reader.close().await;
}

/// 3,200 visits of 3,400 URLs on 12 hosts, twice.
async fn fill_varied(path: &Path) {
    let web = Web::new("https://h{n}.example.org/", 12, 3400, 1).unwrap();
    let filled = crawl::fill(path, &web, 3200, true, 2).await.unwrap();
    assert!(filled.totals.pages > 2400, "{:?}", filled.totals);
}

#[tokio::test]
async fn a_varied_crawl_has_rows_for_every_report_and_is_sound() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("crawl.db");
    fill_varied(&path).await;
    let mut connection = crate::open_raw(&path).await;
    for report in sqrawl::report::REPORTS {
        // Ranks are computed when they are asked for.
        if report.name == "pagerank" {
            continue;
        }
        let rows: i64 = sqlx::query_scalar(AssertSqlSafe(report.count_sql())).fetch_one(&mut connection).await.unwrap();
        println!("{:20} {rows}", report.name);
        assert!(rows > 0, "{} is empty", report.name);
    }
    let outcomes = "SELECT count(*) FROM (SELECT DISTINCT round_id, outcome FROM fetches)";
    let outcomes: i64 = sqlx::query_scalar(outcomes).fetch_one(&mut connection).await.unwrap();
    assert!(outcomes >= 14, "{outcomes} outcomes in two rounds");
    let mut reader = Reader::open(&path).await.unwrap();
    let options =
        DoctorOptions { identity: Some(sqrawl::parse::content_hash), bodies: None, ..DoctorOptions::default() };
    let diagnosis = reader.doctor(options, &Limits::default()).await.unwrap();
    assert_eq!(diagnosis.findings, vec![]);
    reader.close().await;
}
