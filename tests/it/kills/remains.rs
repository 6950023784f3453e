//! What a file holds: [`examine`] what a dead process left, compare it [`later`](Remains::lost_since)
//! with itself, and at the [`end`](Result) with the file of a crawl that nobody disturbed.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::path::{Path, PathBuf};

use super::life::{Reader, doctor, sidecar};

/// What never changes once it is committed, as long as the round lasts. The first column names the row.
const KEPT: [(&str, &str); 11] = [
    ("url", "SELECT url FROM urls"),
    (
        "settled URL",
        "SELECT url, state, rule_id, last_fetch_id, page_fetch_id, attempts FROM urls
         WHERE state IN ('done','failed','excluded')",
    ),
    ("fetch", "SELECT f.id || ' ' || u.url, f.* FROM fetches f JOIN urls u ON u.id = f.url_id"),
    (
        "content",
        "SELECT hex(hash), id, mime, charset, size_bytes, simhash, words, parser, lang, title, headings, parse_cut
         FROM contents",
    ),
    (
        "body",
        "SELECT hex(c.hash), b.codec, b.size_bytes, hex(b.data) FROM bodies b JOIN contents c ON c.id = b.content_id",
    ),
    ("text", "SELECT hex(c.hash), t.text FROM texts t JOIN contents c ON c.id = t.content_id"),
    (
        "link",
        "SELECT s.url || ' ' || l.kind || ' ' || t.url, l.nofollow, l.position, l.anchor
         FROM links l JOIN urls s ON s.id = l.source_id JOIN urls t ON t.id = l.target_id",
    ),
    (
        "sitemap entry",
        "SELECT s.url || ' ' || t.url, e.lastmod, e.priority, e.changefreq
         FROM sitemap_entries e JOIN urls s ON s.id = e.source_id JOIN urls t ON t.id = e.target_id",
    ),
    ("robots fetch", "SELECT id, session_id, started_ms, elapsed_ms, outcome, url FROM robots_fetches"),
    ("seed", "SELECT u.url, s.given, s.source FROM seeds s JOIN urls u ON u.id = s.url_id"),
    ("ended session", "SELECT id, ended_ms, ended_by FROM sessions WHERE ended_ms IS NOT NULL"),
];

/// What a dead process left.
#[derive(Default)]
pub(super) struct Remains {
    /// Rows of [`KEPT`], by kind and name, with a hash of the rest.
    kept: BTreeMap<(&'static str, String), u64>,
    /// URLs with a committed fetch.
    pub(super) visited: BTreeSet<String>,
}

/// A copy of what a dead process left, so that its own successor is the first to recover the original.
pub(super) struct Copy {
    folder: tempfile::TempDir,
}

impl Copy {
    pub(super) fn of(db: &Path) -> Copy {
        let copy = Copy { folder: tempfile::tempdir().unwrap() };
        for (from, to) in [(db.to_owned(), copy.db()), (sidecar(db, "-wal"), sidecar(&copy.db(), "-wal"))] {
            if from.exists() {
                fs::copy(from, to).unwrap();
            }
        }
        copy
    }

    fn db(&self) -> PathBuf {
        self.folder.path().join("copy.db")
    }
}

/// Checks what a dead process left. What is wrong with it goes to `faults`.
pub(super) fn examine(reader: &Reader, copy: &Copy, faults: &mut Vec<String>) -> Remains {
    let copy = copy.db();
    if fs::metadata(&copy).map_or(0, |meta| meta.len()) == 0 {
        return Remains::default();
    }
    match reader.rows(&copy, "PRAGMA integrity_check") {
        Some(rows) if rows == [["ok"]] => {}
        found => faults.push(format!("integrity_check: {found:?}")),
    }
    match reader.rows(&copy, "PRAGMA foreign_key_check") {
        Some(rows) if rows.is_empty() => {}
        found => faults.push(format!("foreign_key_check: {found:?}")),
    }
    if reader.rows(&copy, "SELECT 1 FROM totals LIMIT 1").is_none() {
        // It died before the schema was there: no crawl yet, nothing to be lost.
        return Remains::default();
    }
    let diagnosis = doctor(&copy);
    if !diagnosis.status.success() {
        let said = [diagnosis.stdout, diagnosis.stderr].concat();
        faults.push(format!("doctor: {}: {}", diagnosis.status, String::from_utf8_lossy(&said)));
    }
    let crashed =
        reader.rows(&copy, "SELECT u.url FROM fetches f JOIN urls u ON u.id = f.url_id WHERE f.outcome = 'crashed'");
    for row in crashed.unwrap_or_default() {
        faults.push(format!("given up as crashed, and it was not to blame: {}", row[0]));
    }
    Remains::read(reader, &copy)
}

impl Remains {
    fn read(reader: &Reader, db: &Path) -> Remains {
        let mut kept = BTreeMap::new();
        for (kind, sql) in KEPT {
            let rows = reader.rows(db, sql).unwrap_or_else(|| panic!("{kind}: cannot be read"));
            kept.extend(rows.into_iter().map(|mut row| {
                let mut hasher = DefaultHasher::new();
                row[1..].hash(&mut hasher);
                ((kind, row.swap_remove(0)), hasher.finish())
            }));
        }
        let visited = "SELECT DISTINCT u.url FROM fetches f JOIN urls u ON u.id = f.url_id";
        let visited = reader.rows(db, visited).expect("visits").into_iter().map(|mut row| row.remove(0)).collect();
        Remains { kept, visited }
    }

    /// URLs that were in the file `before` and are not in this one; and what else was in it and is gone or
    /// changed, by name.
    pub(super) fn lost_since(&self, before: &Remains) -> (Vec<String>, Vec<String>) {
        let (mut lost, mut changed) = (Vec::new(), Vec::new());
        for ((kind, name), hash) in &before.kept {
            match self.kept.get(&(*kind, name.clone())) {
                Some(now) if now == hash => {}
                None if *kind == "url" => lost.push(name.clone()),
                now => {
                    let how = if now.is_none() { "is gone" } else { "has changed" };
                    changed.push(format!("{kind} {how}: {name}"));
                }
            }
        }
        (lost, changed)
    }
}

/// What two crawls of one site have to agree on, as sets of rows.
pub(super) type Result = BTreeMap<&'static str, BTreeSet<Vec<String>>>;

/// Reads it. The first column of `urls` is the URL.
pub(super) fn result(reader: &Reader, db: &Path) -> Result {
    let parts = [
        (
            "urls",
            "SELECT u.url, u.state, r.name, f.outcome, f.status, t.url, c.title, c.mime, hex(c.hash), c.words
             FROM urls u LEFT JOIN rules r ON r.id = u.rule_id LEFT JOIN fetches f ON f.id = u.last_fetch_id
             LEFT JOIN urls t ON t.id = f.target_id LEFT JOIN contents c ON c.id = f.content_id",
        ),
        (
            "links",
            "SELECT s.url, t.url, l.kind, l.nofollow, l.position, l.anchor
             FROM links l JOIN urls s ON s.id = l.source_id JOIN urls t ON t.id = l.target_id",
        ),
        (
            "sitemap entries",
            "SELECT s.url, t.url, e.lastmod, e.priority, e.changefreq
             FROM sitemap_entries e JOIN urls s ON s.id = e.source_id JOIN urls t ON t.id = e.target_id",
        ),
        (
            "bodies",
            "SELECT hex(c.hash), b.codec, b.size_bytes, hex(b.data), t.text
             FROM contents c LEFT JOIN bodies b ON b.content_id = c.id LEFT JOIN texts t ON t.content_id = c.id",
        ),
        ("robots", "SELECT h.name, r.port, r.verdict, r.status, r.body FROM robots r JOIN hosts h ON h.id = r.host_id"),
        (
            "counts of hosts",
            "SELECT h.name, q.pages, q.queued, q.scheduled, q.done, q.failed, q.excluded
             FROM host_queue q JOIN hosts h ON h.id = q.host_id",
        ),
        ("counts", "SELECT name, n FROM totals"),
    ];
    parts
        .map(|(name, sql)| (name, reader.rows(db, sql).unwrap_or_else(|| panic!("{name}")).into_iter().collect()))
        .into()
}

/// URLs that `calm` has and `wild` has not, and every other difference.
pub(super) fn differences(calm: &Result, wild: &Result) -> (Vec<String>, Vec<String>) {
    let names = |result: &Result| -> BTreeSet<String> { result["urls"].iter().map(|row| row[0].clone()).collect() };
    let lost: Vec<String> = names(calm).difference(&names(wild)).cloned().collect();
    let mut other = Vec::new();
    for (part, rows) in calm {
        let missing = rows.difference(&wild[part]).filter(|row| *part != "urls" || !lost.contains(&row[0]));
        other.extend(missing.map(|row| format!("{part}: not in the disturbed crawl: {}", brief(row))));
        other.extend(
            wild[part].difference(rows).map(|row| format!("{part}: only in the disturbed crawl: {}", brief(row))),
        );
    }
    (lost, other)
}

fn brief(row: &[String]) -> String {
    row.iter().map(|column| column.chars().take(40).collect::<String>()).collect::<Vec<_>>().join(" | ")
}

/// The comparison can fail: what is tampered with is told by kind and name, and damage is a fault.
#[test]
fn what_is_gone_and_what_has_changed_is_told() {
    let folder = tempfile::tempdir().unwrap();
    let db = folder.path().join("demo.db");
    let demo = super::life::program(folder.path()).args(["demo", "-q", "--db"]).arg(&db).output().unwrap();
    assert!(demo.status.success(), "{}", String::from_utf8_lossy(&demo.stderr));
    let reader = Reader::new();
    let mut faults = Vec::new();
    let before = examine(&reader, &Copy::of(&db), &mut faults);
    assert_eq!((before.lost_since(&before), &faults), ((Vec::new(), Vec::new()), &Vec::new()));
    let undisturbed = result(&reader, &db);
    assert_eq!(differences(&undisturbed, &undisturbed), (Vec::new(), Vec::new()));
    let page = reader.rows(&db, "SELECT min(url) FROM pages").unwrap()[0][0].clone();
    reader.runtime.block_on(async {
        use sqlx::{ConnectOptions, Connection};
        let options = sqlx::sqlite::SqliteConnectOptions::new().filename(&db).foreign_keys(false);
        let mut connection = options.connect().await.unwrap();
        for sql in [
            "UPDATE urls SET url = url || '?' WHERE url = (SELECT min(url) FROM pages)",
            "UPDATE texts SET text = text || '!' WHERE content_id = 1",
            "DELETE FROM bodies WHERE content_id = 2",
            "DELETE FROM seeds",
            "UPDATE urls SET state = 'failed' WHERE id = (SELECT max(url_id) FROM pages)",
        ] {
            sqlx::query(sql).execute(&mut connection).await.unwrap();
        }
        connection.close().await.unwrap();
    });
    let now = examine(&reader, &Copy::of(&db), &mut faults);
    let (lost, changed) = now.lost_since(&before);
    assert_eq!(lost, std::slice::from_ref(&page));
    for kind in ["text has changed", "body is gone", "seed is gone", "settled URL has changed"] {
        assert!(changed.iter().any(|line| line.starts_with(kind)), "{kind}: {changed:#?}");
    }
    assert!(faults.iter().any(|fault| fault.starts_with("doctor: ")), "{faults:?}");
    let (lost, other) = differences(&undisturbed, &result(&reader, &db));
    assert_eq!(lost, [page]);
    for part in ["urls: only", "bodies: not", "links: not"] {
        assert!(other.iter().any(|line| line.starts_with(part)), "{part}: {other:#?}");
    }
}
