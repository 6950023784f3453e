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
    assert!(left_out.contains(&&"foreign_keys") && left_out.contains(&&"started_at"), "{left_out:?}");
}

/// Damage planted behind the crawl's back, and the checks that must find it; no others may.
const DAMAGE: &[(&str, &str)] = &[
    ("UPDATE totals SET n = n + 1 WHERE name = 'done'", "totals"),
    ("DELETE FROM totals WHERE name = 'queued'", "totals"),
    ("DELETE FROM totals WHERE name = 'scheduled'", "totals"),
    ("UPDATE totals SET n = 77 WHERE name = 'pages'", "totals"),
    ("UPDATE host_queue SET done = done + 1 WHERE host_id = 1", "host_counters"),
    ("UPDATE host_queue SET pages = 7 WHERE host_id = 1", "host_pages"),
    ("DELETE FROM host_queue WHERE host_id = 2", "host_without_queue"),
    ("UPDATE host_queue SET ready_ms = NULL WHERE host_id = 1", "host_asleep"),
    ("UPDATE host_queue SET ready_ms = 1 WHERE host_id = 2", "host_ready"),
    ("UPDATE host_queue SET page_limit = 2 WHERE host_id = 1", "host_ready"),
    (
        "INSERT INTO suspects(url_id, session_id, held, deaths) VALUES (5, 2, 1, 0);
         UPDATE urls SET state = 'scheduled', due_ms = 253402300799000 WHERE id = 5;
         UPDATE host_queue SET queued = 0, scheduled = 1 WHERE host_id = 1;
         UPDATE totals SET n = CASE name WHEN 'queued' THEN 0 ELSE 1 END WHERE name IN ('queued', 'scheduled')",
        "host_ready",
    ),
    ("UPDATE host_queue SET polite_ms = 100000000000000 WHERE host_id = 1", "far_wait"),
    ("UPDATE host_queue SET ready_ms = 100000000000000 WHERE host_id = 1", "far_wait"),
    (
        "UPDATE urls SET state = 'scheduled', due_ms = 253402300799001 WHERE id = 5;
         UPDATE host_queue SET queued = 0, scheduled = 1 WHERE host_id = 1;
         UPDATE totals SET n = CASE name WHEN 'queued' THEN 0 ELSE 1 END WHERE name IN ('queued', 'scheduled')",
        "far_wait",
    ),
    (
        "PRAGMA ignore_check_constraints = ON; UPDATE host_queue SET lease_session = 2 WHERE host_id = 1",
        "constraints lease",
    ),
    ("UPDATE rounds SET ended_ms = 30000", "round_end"),
    (
        "INSERT INTO rounds(id, started_ms) VALUES (2, 40000); UPDATE host_queue SET pages = 0;
         INSERT INTO seeds(round_id, url_id, given, source) VALUES (2, 1, 'a.example', 'argument')",
        "round_end",
    ),
    ("DELETE FROM seeds", "seed_gone seeds"),
    ("UPDATE seeds SET url_id = 5", "seed_gone"),
    ("INSERT INTO suspects(url_id, session_id, held, deaths) VALUES (3, 2, 0, 0)", "suspect_settled"),
    (
        "INSERT INTO robots(host_id, scheme, port, verdict, fetched_ms, expires_ms) VALUES (1, 'https', 443, 'rules', 1, 2)",
        "robots_without_rules",
    ),
    (
        "INSERT INTO robots_fetches(host_id, session_id, started_ms, elapsed_ms, outcome, hops, origin, url)
         VALUES (1, 77, 1, 1, 'page', 0, 'https://a.example', 'https://a.example/robots.txt')",
        "foreign_keys",
    ),
    ("UPDATE sessions SET config = '{}' WHERE id = 1", "settings"),
    (r#"UPDATE sessions SET config = '{"scope": "galaxy"}' WHERE id = 1"#, "settings"),
    ("UPDATE urls SET host_id = 2 WHERE id = 3", "fetch_host host_counters url_host"),
    ("UPDATE hosts SET name = 'a.examp' WHERE id = 1", "url_host"),
    ("UPDATE hosts SET name = 'a.example/' WHERE id = 1", "url_host"),
    ("UPDATE urls SET url = 'https://a.example@b.example/next' WHERE id = 5", "url_host"),
    (
        "UPDATE hosts SET name = '[fe80' WHERE id = 2; UPDATE urls SET url = 'http://[fe80::1]/' WHERE id = 6",
        "url_host",
    ),
    ("UPDATE urls SET seen_round = 99 WHERE id = 1", "seen_round"),
    ("UPDATE urls SET seen_round = 0 WHERE id = 1", "seen_round"),
    ("UPDATE urls SET last_fetch_id = NULL WHERE id = 4", "last_fetch settled_without_attempt"),
    ("UPDATE urls SET last_fetch_id = 1 WHERE id = 2", "last_fetch url_state"),
    ("UPDATE urls SET last_fetch_id = 9999 WHERE id = 2", "last_fetch"),
    ("UPDATE urls SET page_fetch_id = 3 WHERE id = 1", "page_fetch page_links"),
    ("UPDATE urls SET page_fetch_id = 4 WHERE id = 4", "page_fetch"),
    ("UPDATE urls SET page_fetch_id = NULL WHERE id = 2", "page_fetch page_links"),
    (
        "UPDATE fetches SET outcome = 'timeout' WHERE id = 3; UPDATE fetches SET target_id = NULL WHERE id = 3",
        "url_state",
    ),
    (
        "UPDATE urls SET state = 'failed' WHERE id = 1; UPDATE host_queue SET done = 1, failed = 3 WHERE host_id = 1;
         UPDATE totals SET n = CASE name WHEN 'done' THEN 1 ELSE 3 END WHERE name IN ('done', 'failed')",
        "url_state",
    ),
    ("UPDATE fetches SET host_id = 2 WHERE id = 4", "fetch_host"),
    (
        "INSERT INTO rounds(id, started_ms, ended_ms) VALUES (0, 1, 1);
         INSERT INTO seeds(round_id, url_id, given, source) VALUES (0, 1, 'a.example', 'argument');
         UPDATE fetches SET round_id = 0 WHERE id = 4",
        "fetch_round",
    ),
    ("UPDATE fetches SET started_ms = started_ms + 1 WHERE id = 4", "started_at"),
    ("UPDATE fetches SET target_id = 1 WHERE id = 4", "target_without_redirect"),
    ("UPDATE fetches SET target_id = NULL WHERE id = 3", "redirect_without_target"),
    ("UPDATE fetches SET content_id = NULL WHERE id = 1", "page_without_content"),
    ("UPDATE fetches SET outcome = 'unchanged' WHERE id = 5", "page_fetch unchanged_without_content url_state"),
    ("UPDATE bodies SET size_bytes = 11", "bodies body_size"),
    ("UPDATE bodies SET data = x'00'", "bodies"),
    ("UPDATE bodies SET data = CAST('<p>HELLO!</p>' AS BLOB), size_bytes = 13", "bodies body_size"),
    ("DELETE FROM bodies", "body_gone"),
    ("INSERT INTO search(rowid, title) VALUES (77, 'of nothing')", "search_index"),
    ("UPDATE search_progress SET content_id = 2", "search_index"),
    ("DELETE FROM texts", "text_gone"),
    ("DELETE FROM links WHERE source_id = 1", "page_links"),
    ("DELETE FROM links WHERE source_id = 1 AND target_id = 2", "page_links"),
    ("INSERT INTO links(source_id, target_id, kind, position) VALUES (3, 2, 'a', 0)", "page_links"),
    ("UPDATE fetches SET links = NULL WHERE id = 2", "page_links"),
    ("INSERT INTO sitemap_entries(source_id, target_id) VALUES (2, 5)", "entry_without_link"),
    ("DROP TABLE suspects", "schema"),
    ("DROP TABLE sitemap_entries", "schema"),
    ("ALTER TABLE texts ADD COLUMN more TEXT", "schema"),
    ("DROP INDEX seeds_url", "schema"),
    ("DROP INDEX urls_queue", "schema"),
    ("DROP INDEX fetches_url; CREATE INDEX fetches_url ON fetches(started_ms)", "schema"),
    ("DROP VIEW pages", "schema"),
    ("DROP VIEW pages; CREATE VIEW pages AS SELECT 1 AS url_id", "schema"),
    ("DROP VIEW pages; CREATE TABLE pages(url_id INTEGER)", "schema"),
    ("DELETE FROM _sqlx_migrations", "migrations"),
    ("UPDATE _sqlx_migrations SET checksum = x'00'", "migrations"),
    (
        "INSERT INTO _sqlx_migrations SELECT 7, description, installed_on, 1, checksum, 0 FROM _sqlx_migrations",
        "migrations",
    ),
    ("DELETE FROM hosts WHERE id = 2", "foreign_keys"),
    ("UPDATE links SET target_id = 4242 WHERE target_id = 6", "foreign_keys"),
    ("DELETE FROM contents WHERE id = 1", "foreign_keys"),
    ("PRAGMA ignore_check_constraints = ON; UPDATE urls SET due_ms = 5 WHERE id = 1", "constraints"),
    (
        "PRAGMA ignore_check_constraints = ON; UPDATE urls SET state = 'lost' WHERE id = 6",
        "constraints host_counters totals",
    ),
    (
        "PRAGMA writable_schema = ON; UPDATE sqlite_schema SET rootpage = 2 WHERE name = 'rules'",
        "foreign_keys integrity",
    ),
];

fn thorough() -> DoctorOptions {
    DoctorOptions { identity: Some(|_, _, body| [body.len() as u8; 16]), ..DoctorOptions::default() }
}

#[tokio::test]
async fn doctor_finds_each_kind_of_damage() {
    let mut wrong = Vec::new();
    for (sql, expected) in DAMAGE {
        let scratch = Scratch::new().await;
        scratch.write(sql).await;
        let diagnosis = scratch.reader().await.doctor(thorough(), &Limits::default()).await.expect(sql);
        let damage = diagnosis.findings.iter().filter(|finding| finding.severity == Severity::Damage);
        let mut found: Vec<_> = damage.map(|finding| finding.check).collect();
        found.sort_unstable();
        if found.join(" ") != *expected {
            wrong.push(format!("{sql}: {expected} expected, found {:#?}", diagnosis.findings));
        }
        for finding in diagnosis.findings {
            let parts = [&finding.location, &finding.what, &finding.remedy];
            assert!(parts.iter().all(|part| !part.is_empty()) && !finding.examples.is_empty(), "{finding:?}");
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n\n"));
}

/// Every check has its damage in the list above, or a test of its own.
#[tokio::test]
async fn every_check_is_seen_to_find_something() {
    let checks = Scratch::new().await.reader().await.doctor(thorough(), &Limits::default()).await.expect("read").checks;
    let listed: Vec<_> = DAMAGE.iter().flat_map(|(_, found)| found.split(' ')).collect();
    let missing: Vec<_> = checks.into_iter().filter(|check| !listed.contains(check)).collect();
    assert_eq!(
        missing,
        ["triggers", "objects", "index_rows", "orphan_content", "sessions", "leases", "suspects", "crashed"],
        "notes, and damage that takes more than a statement"
    );
}

/// Where nothing leads to the queue although its rows are there: the index is built anew while its text says
/// that nothing belongs to it.
#[tokio::test]
async fn a_quick_look_misses_no_index_of_the_queue() {
    for (index, from, to) in [
        ("urls_queue", "''queued''", "''nothing''"),
        ("urls_schedule", "''scheduled''", "''queued''"),
        ("host_queue_ready", "IS NOT NULL", "IS NULL"),
        ("host_queue_leased", "IS NOT NULL", "IS NULL"),
    ] {
        let scratch = Scratch::new().await;
        if index == "host_queue_leased" {
            let lease =
                "UPDATE host_queue SET lease_session = 2, lease_until_ms = 60000, ready_ms = NULL WHERE host_id = 1";
            scratch.write(lease).await;
        }
        let text = |from: &str, to: &str| {
            format!(
                "PRAGMA writable_schema = ON;
                 UPDATE sqlite_schema SET sql = replace(sql, '{from}', '{to}') WHERE name = '{index}'"
            )
        };
        for sql in [text(from, to), format!("REINDEX {index}"), text(to, from)] {
            scratch.write_text(sql).await;
        }
        let quick = DoctorOptions { quick: true, ..thorough() };
        let diagnosis = scratch.reader().await.doctor(quick, &Limits::default()).await.expect(index);
        let damage = diagnosis.findings.iter().filter(|finding| finding.severity == Severity::Damage);
        let found: Vec<_> = damage.map(|finding| finding.check).collect();
        assert_eq!(found, ["index_rows"], "{index}");
        assert!(diagnosis.findings[0].examples[0].starts_with(index), "{diagnosis:?}");
        scratch.repair().await;
        let diagnosis = scratch.reader().await.doctor(thorough(), &Limits::default()).await.expect(index);
        assert!(diagnosis.is_sound(), "{index}: {diagnosis:?}");
    }
}

/// The database is the interface: what others put beside the crawl is noted, and no damage.
#[tokio::test]
async fn what_others_put_into_the_file_is_noted() {
    for (sql, expected) in [
        ("CREATE VIEW mine AS SELECT url FROM pages", "objects"),
        ("CREATE INDEX mine ON urls(depth)", "objects"),
        ("CREATE TABLE mine(a); CREATE TRIGGER mine_too AFTER INSERT ON mine BEGIN SELECT 1; END", "objects"),
        ("CREATE TRIGGER mine AFTER INSERT ON urls BEGIN DELETE FROM links; END", "triggers"),
        ("ANALYZE", ""),
        ("VACUUM", ""),
    ] {
        let scratch = Scratch::new().await;
        scratch.write(sql).await;
        let diagnosis = scratch.reader().await.doctor(thorough(), &Limits::default()).await.expect(sql);
        let found: Vec<_> = diagnosis.findings.iter().map(|finding| finding.check).collect();
        assert_eq!(found.join(" "), expected, "{sql}");
        assert!(diagnosis.is_sound(), "{sql}");
        scratch.repair().await;
        let after = scratch.reader().await.doctor(thorough(), &Limits::default()).await.expect(sql);
        assert_eq!(after.findings, diagnosis.findings, "{sql}: a repair leaves it alone");
    }
}

/// docs/durability.md lists the checks, and which of them a quick look makes.
#[tokio::test]
async fn the_page_lists_every_check() {
    let page =
        std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/durability.md")).expect("a page");
    let section = page.split("\n## doctor\n").nth(1).and_then(|rest| rest.split("\n## ").next()).expect("a section");
    let rows = section.lines().filter_map(|line| line.strip_prefix("| `"));
    let cells = rows.map(|row| row.split('|').map(str::trim).collect::<Vec<_>>());
    let mut listed: Vec<_> =
        cells.map(|cells| (cells[0].trim_end_matches('`').to_owned(), cells[2] == "yes")).collect();
    let scratch = Scratch::new().await;
    let mut reader = scratch.reader().await;
    let all = reader.doctor(thorough(), &Limits::default()).await.expect("a diagnosis").checks;
    let quick = DoctorOptions { quick: true, ..thorough() };
    let quick = reader.doctor(quick, &Limits::default()).await.expect("a diagnosis").checks;
    let mut made: Vec<_> = all.iter().map(|check| ((*check).to_owned(), quick.contains(check))).collect();
    listed.sort();
    made.sort();
    assert_eq!(listed, made);
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
        INSERT INTO urls(host_id, state, depth, via_id, discovered_ms, seen_round, url)
        SELECT 1, 'queued', 3, 1, 4000, 1, 'https://a.example/' || (SELECT max(id) + 1 FROM urls);
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
    ("DROP VIEW pages; CREATE VIEW pages AS SELECT 1 AS url_id", "indexes and views"),
    ("DROP INDEX fetches_url; CREATE INDEX fetches_url ON fetches(started_ms)", "indexes and views"),
    ("DELETE FROM _sqlx_migrations", "notes of the migrations"),
    ("UPDATE _sqlx_migrations SET success = 0", "notes of the migrations"),
    (
        "INSERT INTO _sqlx_migrations SELECT 7, description, installed_on, 1, checksum, 0 FROM _sqlx_migrations",
        "notes of the",
    ),
    ("DELETE FROM totals WHERE name = 'scheduled'", "counters of the crawl"),
    ("UPDATE urls SET page_fetch_id = NULL WHERE id = 2", "last good copies"),
    ("UPDATE fetches SET outcome = 'timeout', target_id = NULL WHERE id = 3", "URLs queued again, as"),
    ("UPDATE urls SET state = 'failed' WHERE id = 1", "URLs that are done"),
    ("UPDATE urls SET seen_round = 99 WHERE id = 1", "rounds in which URLs were named"),
    ("UPDATE fetches SET started_at = '' WHERE id = 4", "moments of attempts"),
    (
        "INSERT INTO robots(host_id, scheme, port, verdict, fetched_ms, expires_ms) VALUES (1, 'https', 443, 'rules', 1, 2)",
        "robots.txt without their text",
    ),
    ("INSERT INTO suspects(url_id, session_id, held, deaths) VALUES (3, 2, 0, 0)", "suspects that were visited"),
    ("UPDATE rounds SET ended_ms = 30000", "ends of rounds"),
    ("UPDATE urls SET state = 'scheduled', due_ms = 253402300799001 WHERE id = 5", "due times of URLs"),
];

#[tokio::test]
async fn what_follows_from_other_rows_is_made_right() {
    for (sql, words) in REPAIRS {
        let scratch = Scratch::new().await;
        scratch.write(sql).await;
        let repaired = scratch.repair().await;
        assert!(repaired.iter().any(|step| step.what.starts_with(words)), "{sql}: {repaired:?}");
        assert_eq!(scratch.repair().await, [], "{sql}: nothing is left to be done");
        let diagnosis = scratch.reader().await.doctor(thorough(), &Limits::default()).await.expect(sql);
        assert!(diagnosis.is_sound(), "{sql}: {:#?}", diagnosis.findings);
        create(&scratch.path).await;
    }
}

/// With every repair every host is looked at; that is no row of the list.
#[tokio::test]
async fn a_host_that_sleeps_is_woken() {
    for sql in [
        "UPDATE host_queue SET ready_ms = NULL WHERE host_id = 1",
        "UPDATE host_queue SET ready_ms = 1 WHERE host_id = 2",
        "UPDATE host_queue SET page_limit = 2 WHERE host_id = 1",
        "UPDATE host_queue SET polite_ms = 100000000000000, ready_ms = 100000000000000 WHERE host_id = 1",
    ] {
        let scratch = Scratch::new().await;
        scratch.write(sql).await;
        scratch.repair().await;
        let diagnosis = scratch.reader().await.doctor(thorough(), &Limits::default()).await.expect("read");
        assert_eq!(diagnosis.findings, [], "{sql}");
    }
}

/// A repair removed contents that no attempt names, with their bodies: where attempts had lost the name of
/// their content, the only copies.
#[tokio::test]
async fn a_repair_deleted_what_was_crawled() {
    let scratch = Scratch::new().await;
    scratch.write("UPDATE fetches SET content_id = NULL WHERE id = 2").await;
    let kept = "SELECT (SELECT count(*) FROM contents), (SELECT count(*) FROM bodies), (SELECT count(*) FROM texts)";
    let before = rows(&mut scratch.reader().await, kept).await.rows;
    scratch.repair().await;
    let mut reader = scratch.reader().await;
    assert_eq!(rows(&mut reader, kept).await.rows, before);
    let diagnosis = reader.doctor(DoctorOptions::default(), &Limits::default()).await.expect("a diagnosis");
    let found: Vec<_> = diagnosis.findings.iter().map(|finding| (finding.check, finding.severity)).collect();
    assert_eq!(found, [("page_without_content", Severity::Damage), ("orphan_content", Severity::Info)]);
    assert!(diagnosis.findings[0].remedy.contains("nothing says which"), "{diagnosis:?}");
}
