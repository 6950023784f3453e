//! Damage is found, and nothing else is called damage.

use super::*;

#[tokio::test]
async fn a_sound_database_is_sound() {
    let scratch = Scratch::new().await;
    let options = DoctorOptions { identity: Some(|_, _, body| [body.len() as u8; 16]), ..DoctorOptions::default() };
    let diagnosis = scratch.reader().await.doctor(options, &Limits::default()).await.expect("a diagnosis");
    assert_eq!(diagnosis.findings, []);
    assert_eq!(diagnosis.bodies_checked, 1);
}

/// A search for every foreign key took more than half of the time of a quick look at a large crawl, and each
/// constraint went through its table alone.
#[tokio::test]
async fn a_quick_look_follows_no_foreign_key() {
    let scratch = Scratch::new().await;
    let mut checks = Vec::new();
    for quick in [true, false] {
        let options = DoctorOptions { quick, ..DoctorOptions::default() };
        checks.push(scratch.reader().await.doctor(options, &Limits::default()).await.expect("a diagnosis").checks);
    }
    let left_out: Vec<_> = checks[1].iter().filter(|check| !checks[0].contains(check)).collect();
    assert_eq!(left_out, [&"foreign_keys"]);
}

/// Damage planted behind the crawl's back, and the check that must find it.
const DAMAGE: &[(&str, &str)] = &[
    ("UPDATE totals SET n = n + 1 WHERE name = 'done'", "totals"),
    ("DELETE FROM totals WHERE name = 'queued'", "totals"),
    ("UPDATE totals SET n = 77 WHERE name = 'pages'", "totals"),
    ("UPDATE host_queue SET done = done + 1 WHERE host_id = 1", "host_counters"),
    ("DELETE FROM host_queue WHERE host_id = 2", "host_without_queue"),
    ("UPDATE host_queue SET ready_ms = NULL WHERE host_id = 1", "host_asleep"),
    ("UPDATE urls SET host_id = 2 WHERE id = 3", "url_host"),
    ("UPDATE urls SET last_fetch_id = NULL WHERE id = 4", "settled_without_attempt"),
    ("UPDATE urls SET last_fetch_id = 1 WHERE id = 2", "last_fetch"),
    ("UPDATE urls SET last_fetch_id = 9999 WHERE id = 2", "last_fetch"),
    ("UPDATE urls SET page_fetch_id = 3 WHERE id = 1", "page_fetch"),
    ("UPDATE urls SET page_fetch_id = 4 WHERE id = 4", "page_fetch"),
    ("UPDATE fetches SET host_id = 2 WHERE id = 1", "fetch_host"),
    ("UPDATE fetches SET content_id = NULL WHERE id = 1", "page_without_content"),
    ("UPDATE fetches SET target_id = 1 WHERE id = 4", "redirect_without_target"),
    ("UPDATE bodies SET size_bytes = 11", "body_size"),
    ("UPDATE bodies SET size_bytes = 11", "bodies"),
    ("UPDATE bodies SET data = x'00'", "bodies"),
    ("UPDATE bodies SET data = CAST('<p>HELLO!</p>' AS BLOB), size_bytes = 13", "bodies"),
    ("UPDATE host_queue SET pages = 7 WHERE host_id = 1", "host_pages"),
    ("PRAGMA ignore_check_constraints = ON; UPDATE host_queue SET lease_session = 2 WHERE host_id = 1", "lease"),
    ("DROP TABLE suspects", "schema"),
    ("DROP TABLE links", "schema"),
    ("DELETE FROM hosts WHERE id = 2", "foreign_keys"),
    ("UPDATE links SET target_id = 4242 WHERE target_id = 6", "foreign_keys"),
    ("DELETE FROM contents", "foreign_keys"),
    ("PRAGMA ignore_check_constraints = ON; UPDATE urls SET due_ms = 5 WHERE id = 1", "constraints"),
    ("PRAGMA ignore_check_constraints = ON; UPDATE urls SET state = 'lost' WHERE id = 1", "constraints"),
    ("DROP INDEX urls_queue", "schema"),
    ("DROP VIEW pages", "schema"),
    ("PRAGMA writable_schema = ON; UPDATE sqlite_schema SET rootpage = 2 WHERE name = 'rules'", "integrity"),
];

#[tokio::test]
async fn doctor_finds_each_kind_of_damage() {
    for (sql, check) in DAMAGE {
        let scratch = Scratch::new().await;
        scratch.write(sql).await;
        let options = DoctorOptions { identity: Some(|_, _, body| [body.len() as u8; 16]), ..DoctorOptions::default() };
        let diagnosis = scratch.reader().await.doctor(options, &Limits::default()).await.expect(sql);
        let finding = diagnosis.findings.iter().find(|f| f.check == *check);
        let finding = finding.unwrap_or_else(|| panic!("{sql}: {check} not in {:#?}", diagnosis.findings));
        assert_eq!(finding.severity, Severity::Damage, "{sql}");
        assert!(!diagnosis.is_sound());
        let parts = [&finding.location, &finding.what, &finding.remedy];
        assert!(parts.iter().all(|part| !part.is_empty()) && !finding.examples.is_empty(), "{finding:?}");
    }
}

#[tokio::test]
async fn what_a_kill_leaves_is_no_damage() {
    let scratch = Scratch::new().await;
    scratch
        .write(
            "UPDATE sessions SET ended_ms = NULL, ended_by = NULL WHERE id = 2;
             UPDATE host_queue SET lease_session = 2, lease_until_ms = 60000, ready_ms = NULL WHERE host_id = 1",
        )
        .await;
    let diagnosis =
        scratch.reader().await.doctor(DoctorOptions::default(), &Limits::default()).await.expect("a diagnosis");
    let found: Vec<_> = diagnosis.findings.iter().map(|f| (f.check, f.severity)).collect();
    assert_eq!(found, [("sessions", Severity::Info), ("leases", Severity::Info)]);
    assert!(diagnosis.is_sound());
}

/// Counters and rows change together; a reader that saw them apart would find damage.
#[tokio::test]
async fn doctor_raises_no_alarm_beside_a_writer() {
    const STEP: &str = "BEGIN IMMEDIATE;
        INSERT INTO urls(host_id, state, depth, discovered_ms, seen_round, url)
        SELECT 1, 'queued', 3, 4000, 1, 'https://a.example/' || (SELECT max(id) + 1 FROM urls);
        UPDATE host_queue SET queued = queued + 1 WHERE host_id = 1;
        UPDATE totals SET n = n + 1 WHERE name = 'queued';
        COMMIT";
    let scratch = Scratch::new().await;
    let mut reader = scratch.reader().await;
    let mut writer = scratch.connection().await;
    let write = async {
        for _ in 0..300 {
            sqlx::raw_sql(STEP).execute(&mut writer).await.expect("written");
        }
    };
    let read = async {
        let mut seen = Vec::new();
        while seen.last().is_none_or(|n| *n < 301) {
            let diagnosis = reader.doctor(DoctorOptions::default(), &Limits::default()).await.expect("a diagnosis");
            assert_eq!(diagnosis.findings, []);
            seen.push(reader.totals().await.expect("totals").queued);
        }
        seen
    };
    let ((), seen) = tokio::join!(write, read);
    assert!(seen.is_sorted());
}

/// Damage that follows from other rows, and the words of its repair.
const REPAIRS: &[(&str, &str)] = &[
    ("UPDATE totals SET n = n + 1 WHERE name = 'done'", "counters of the crawl"),
    ("DELETE FROM totals WHERE name = 'queued'", "counters of the crawl"),
    ("UPDATE totals SET n = 77 WHERE name = 'pages'", "counters of the crawl"),
    ("UPDATE host_queue SET done = done + 1 WHERE host_id = 1", "counters of hosts"),
    ("DELETE FROM host_queue WHERE host_id = 2", "queues of hosts"),
    ("UPDATE host_queue SET pages = 7 WHERE host_id = 1", "pages of hosts"),
    ("UPDATE urls SET last_fetch_id = NULL WHERE id = 4", "latest attempts"),
    ("UPDATE urls SET last_fetch_id = 1 WHERE id = 2", "latest attempts"),
    ("UPDATE urls SET page_fetch_id = 3 WHERE id = 1", "last good copies"),
    ("UPDATE fetches SET host_id = 2 WHERE id = 1", "hosts under which attempts are filed"),
    ("UPDATE fetches SET target_id = 1 WHERE id = 4", "redirect targets"),
    ("PRAGMA ignore_check_constraints = ON; UPDATE host_queue SET lease_session = 2 WHERE host_id = 1", "leases"),
    ("DROP INDEX urls_queue", "indexes and views"),
    ("DROP VIEW pages", "indexes and views"),
];

#[tokio::test]
async fn what_follows_from_other_rows_is_made_right() {
    for (sql, words) in REPAIRS {
        let scratch = Scratch::new().await;
        scratch.write(sql).await;
        let store = SqliteStore::open(&scratch.path, OpenMode::MustExist, false).await.expect(sql);
        let repaired = store.repair(10_000).await.expect(sql);
        assert!(repaired.iter().any(|step| step.what.starts_with(words)), "{sql}: {repaired:?}");
        assert_eq!(store.repair(10_000).await.expect(sql), [], "{sql}: nothing is left to be done");
        store.close().await.expect(sql);
        let options = DoctorOptions { identity: Some(|_, _, body| [body.len() as u8; 16]), ..DoctorOptions::default() };
        let diagnosis = scratch.reader().await.doctor(options, &Limits::default()).await.expect(sql);
        assert!(diagnosis.is_sound(), "{sql}: {:#?}", diagnosis.findings);
    }
}

/// A host that nothing wakes is woken with every repair; that is no row of the list.
#[tokio::test]
async fn a_host_that_sleeps_is_woken() {
    let scratch = Scratch::new().await;
    scratch.write("UPDATE host_queue SET ready_ms = NULL WHERE host_id = 1").await;
    let store = SqliteStore::open(&scratch.path, OpenMode::MustExist, false).await.expect("a store");
    store.repair(10_000).await.expect("repaired");
    store.close().await.expect("closed");
    let diagnosis = scratch.reader().await.doctor(DoctorOptions::default(), &Limits::default()).await.expect("read");
    assert!(diagnosis.findings.iter().all(|finding| finding.check != "host_asleep"), "{:#?}", diagnosis.findings);
}

/// A repair removed contents that no attempt names, with their bodies: where attempts had lost the name of
/// their content, the only copies.
#[tokio::test]
async fn a_repair_deleted_what_was_crawled() {
    let scratch = Scratch::new().await;
    scratch.write("UPDATE fetches SET content_id = NULL WHERE id = 2").await;
    let kept = "SELECT (SELECT count(*) FROM contents), (SELECT count(*) FROM bodies), (SELECT count(*) FROM texts)";
    let before = rows(&mut scratch.reader().await, kept).await.rows;
    let store = SqliteStore::open(&scratch.path, OpenMode::MustExist, false).await.expect("a store");
    store.repair(10_000).await.expect("repaired");
    store.close().await.expect("closed");
    let mut reader = scratch.reader().await;
    assert_eq!(rows(&mut reader, kept).await.rows, before);
    let diagnosis = reader.doctor(DoctorOptions::default(), &Limits::default()).await.expect("a diagnosis");
    let found: Vec<_> = diagnosis.findings.iter().map(|finding| (finding.check, finding.severity)).collect();
    assert_eq!(found, [("page_without_content", Severity::Damage), ("orphan_content", Severity::Info)]);
    assert!(diagnosis.findings[0].remedy.contains("nothing says which"), "{diagnosis:?}");
}
