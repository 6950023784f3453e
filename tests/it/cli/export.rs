//! `sqrawl export` by the real binary: every format of the demo crawl, series that are killed, and `--follow`.

use std::collections::HashMap;
use std::fmt::Write as _;
use std::fs;
use std::io::{BufRead, BufReader, Read};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use rustix::process::Signal;
use serde_json::Value;
use tempfile::TempDir;

use super::crawls::signal;
use super::series::{listens_for_interrupts, wait_until};
use super::shelf::{Answer, Shelf};
use super::{Ran, run, sqrawl};

/// The demo crawl in a folder of its own.
pub(super) fn demo() -> TempDir {
    let folder = TempDir::new().unwrap();
    let ran = run(sqrawl(folder.path()).args(["demo", "-q", "--db", "crawl.db"]));
    assert_eq!(ran.code, Some(0), "{}", ran.err);
    folder
}

pub(super) fn export(folder: &Path, args: &[&str]) -> Ran {
    run(sqrawl(folder).arg("export").args(args))
}

#[track_caller]
pub(super) fn exported(folder: &Path, args: &[&str]) -> String {
    let ran = export(folder, args);
    assert_eq!(ran.code, Some(0), "{args:?}: {}", ran.err);
    ran.out
}

/// The rows of a query, each as a JSON object.
pub(super) fn query(folder: &Path, sql: &str) -> Vec<Value> {
    let ran = run(sqrawl(folder).args(["query", "--json", sql]));
    assert_eq!(ran.code, Some(0), "{sql}: {}", ran.err);
    serde_json::from_str(&ran.out).unwrap()
}

pub(super) fn number(folder: &Path, sql: &str) -> u64 {
    query(folder, sql)[0].as_object().unwrap().values().next().unwrap().as_u64().unwrap()
}

pub(super) fn lines(text: &str) -> Vec<Value> {
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

pub(super) fn manifest(folder: &Path, name: &str) -> Value {
    let text = fs::read_to_string(folder.join(format!("{name}.manifest.json"))).unwrap();
    serde_json::from_str(&text).unwrap()
}

fn unpacked(path: &Path) -> String {
    let mut text = String::new();
    flate2::read::MultiGzDecoder::new(fs::File::open(path).unwrap()).read_to_string(&mut text).unwrap();
    text
}

#[test]
fn tables_have_the_pages_of_the_view() {
    let folder = demo();
    let folder = folder.path();
    let pages = number(folder, "SELECT count(*) FROM pages");
    exported(folder, &["-o", "pages.jsonl", "--headers", "--text"]);
    let rows = lines(&fs::read_to_string(folder.join("pages.jsonl")).unwrap());
    assert_eq!(rows.len() as u64, pages);
    let view = query(
        folder,
        "SELECT url, status, title, lang, words, noindex, fetched_at, fetch_id FROM pages ORDER BY fetch_id",
    );
    for (row, wanted) in rows.iter().zip(&view) {
        wanted.as_object().unwrap().iter().for_each(|(name, value)| assert_eq!(row[name], *value, "{name}"));
    }
    assert!(rows[0]["headers"][0].is_array() && rows[0]["text"].is_string(), "{}", rows[0]);

    // The manifest says what is in the file.
    let said = manifest(folder, "pages.jsonl");
    let file = &said["files"][0];
    let bytes = fs::read(folder.join("pages.jsonl")).unwrap();
    assert_eq!(file["blake3"], blake3::hash(&bytes).to_hex().to_string());
    assert_eq!((file["bytes"].as_u64(), file["rows"].as_u64()), (Some(bytes.len() as u64), Some(pages)));
    assert_eq!(said["cursor"], number(folder, "SELECT max(id) FROM fetches"));
    assert_eq!(said["complete"], true);

    // Fields, conditions, bodies, packing, stdout.
    let csv = exported(
        folder,
        &["-f", "csv", "-o", "-", "--fields", "words,url", "--where", "lang = 'en' AND words > 20 -- x"],
    );
    let wanted = query(folder, "SELECT words, url FROM pages WHERE lang = 'en' AND words > 20 ORDER BY fetch_id");
    let mut text = "words,url\r\n".to_owned();
    wanted.iter().for_each(|row| write!(text, "{},{}\r\n", row["words"], row["url"].as_str().unwrap()).unwrap());
    assert!(wanted.len() > 5);
    assert_eq!(csv, text);
    exported(
        folder,
        &["-o", "b.jsonl.gz", "--fields", "url", "--body", "--where", "url_id IN (SELECT url_id FROM seeds)"],
    );
    let bodies = lines(&unpacked(&folder.join("b.jsonl.gz")));
    assert_eq!(bodies.len() as u64, number(folder, "SELECT count(*) FROM pages p JOIN seeds s USING (url_id)"));
    assert!(bodies.iter().all(|row| row["body"].as_str().unwrap().contains('<')));

    // A reader that goes away is no error.
    let mut child = sqrawl(folder).args(["export", "-o", "-", "--body"]).stdout(Stdio::piped()).spawn().unwrap();
    let mut first = String::new();
    BufReader::new(child.stdout.take().unwrap()).read_line(&mut first).unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(0));
}

#[test]
fn what_does_not_fit_is_named_and_leaves_what_is_there() {
    let folder = demo();
    let folder = folder.path();
    exported(folder, &["-o", "a.jsonl", "--fields", "url"]);
    let before = fs::read(folder.join("a.jsonl")).unwrap();
    fs::write(folder.join("mine.csv"), "mine").unwrap();
    exported(folder, &["-o", "s.xml"]);
    let cases: [(&[&str], &str); 18] = [
        (&["-o", "s.xml"], "exists; --force replaces it, or choose another -o"),
        (&["-o", "a.jsonl"], "a.jsonl.manifest.json exists; --since auto writes what is new into another file"),
        (&["-o", "mine.csv"], "mine.csv exists"),
        (&["-o", "mine.csv", "--since", "auto"], "no manifest of an export beside it names it"),
        (&["-o", "a.jsonl", "--since", "auto"], "is of an export with other options"),
        (&["-o", "pages"], "its name says no format; give one, for example -f jsonl"),
        (&["-o", "x.csv", "--fields", "url,titel"], "--fields titel: none of url, status, title"),
        (&["-o", "x.csv", "--where", "titel = 1"], "did you mean title? columns of pages: url_id, url"),
        (&["-o", "x.csv", "--where", "1) UNION SELECT (1"], "it has a ')' too many"),
        (&["-o", "x.csv", "--where", "1; DELETE FROM urls"], "it is one expression, and has no ';'"),
        (&["-o", "x.csv", "--where", "words >"], "is the query complete?"),
        (&["-o", "x.warc", "--text"], "are for jsonl and csv"),
        (&["-o", "x.jsonl", "--follow"], "--follow writes jsonl or csv onto stdout"),
        (&["-o", "-", "--since", "auto"], "on stdout give a manifest or a cursor"),
        (&["-o", "-", "--since", "999999"], "--since 999999: the last fetch of"),
        (&["-o", "x.csv", "--since", "nothing.json"], "neither auto, nor a cursor, nor a manifest"),
        (&["-o", "s.xml", "--since", "5"], "a sitemap is always the whole site"),
        (&["-o", "x.csv", "--max-size", "big"], "--max-size big: not a size"),
    ];
    for (args, words) in cases {
        let ran = export(folder, args);
        assert_eq!(ran.code, Some(2), "{args:?}: {}", ran.err);
        assert!(ran.err.contains(words), "{args:?}: {}", ran.err);
    }
    assert_eq!(export(folder, &["--db", "none.db", "-o", "x.csv"]).code, Some(4));
    assert_eq!(fs::read(folder.join("a.jsonl")).unwrap(), before);
    assert_eq!(fs::read(folder.join("mine.csv")).unwrap(), b"mine");
    assert!(!folder.join("x.csv").exists() && !folder.join("x.csv.sqrawl-part").exists());

    exported(folder, &["-o", "mine.csv", "--force"]);
    assert!(fs::read_to_string(folder.join("mine.csv")).unwrap().starts_with("url,status,"));
    // Another crawl has another identity, whatever its fetches are called.
    let other = demo();
    let manifest = folder.join("a.jsonl.manifest.json");
    let ran = export(other.path(), &["-o", "-", "--since", manifest.to_str().unwrap()]);
    assert_eq!(ran.code, Some(2), "{}", ran.err);
    assert!(ran.err.contains("holds another crawl"), "{}", ran.err);
}

#[test]
fn archives_sitemaps_and_texts() {
    let folder = demo();
    let folder = folder.path();
    exported(folder, &["-o", "site.cdxj", "--max-size", "40kB"]);
    let said = manifest(folder, "site.cdxj");
    let names: Vec<&str> =
        said["files"].as_array().unwrap().iter().map(|file| file["name"].as_str().unwrap()).collect();
    assert_eq!(names[..4], ["site.warc.gz", "site.cdxj", "site-00002.warc.gz", "site-00002.cdxj"]);
    let answers = number(folder, "SELECT count(*) FROM fetches WHERE status IS NOT NULL");
    assert_eq!(said["rows"], answers);
    let mut kinds: HashMap<String, u64> = HashMap::new();
    let mut payloads = Vec::new();
    for name in names.iter().filter(|name| name.ends_with(".gz")) {
        let bytes = fs::read(folder.join(name)).unwrap();
        let index = fs::read_to_string(folder.join(name.replace(".warc.gz", ".cdxj"))).unwrap();
        assert!(index.lines().is_sorted());
        for line in index.lines() {
            let entry: Value = serde_json::from_str(line.splitn(3, ' ').nth(2).unwrap()).unwrap();
            let field = |name: &str| entry[name].as_str().unwrap().parse::<usize>().unwrap();
            let member = &bytes[field("offset")..field("offset") + field("length")];
            let mut record = String::new();
            // Bodies are in many charsets.
            let mut plain = Vec::new();
            flate2::read::GzDecoder::new(member).read_to_end(&mut plain).unwrap();
            record.push_str(&String::from_utf8_lossy(&plain));
            assert!(record.contains(&format!("WARC-Target-URI: {}\r\n", entry["url"].as_str().unwrap())), "{record}");
            *kinds.entry(record.lines().nth(1).unwrap().to_owned()).or_default() += 1;
            payloads.extend(entry["digest"].as_str().filter(|_| entry["mime"] != "warc/revisit").map(str::to_owned));
        }
    }
    assert_eq!(kinds.values().sum::<u64>(), answers);
    assert!(kinds["WARC-Type: response"] > 100, "{kinds:?}");
    assert!(payloads.contains(&"-".to_owned()), "the answers without a body have no digest");
    check_with_warcio(folder, &names);
    // Which copies share a file depends on the order of the crawl; in one file all of them do.
    exported(folder, &["-o", "whole.warc.gz"]);
    let copies = number(
        folder,
        "SELECT count(*) - count(DISTINCT f.content_id) FROM fetches f JOIN bodies b ON b.content_id = f.content_id",
    );
    let archive = fs::read(folder.join("whole.warc.gz")).unwrap();
    let mut plain = Vec::new();
    flate2::read::MultiGzDecoder::new(&archive[..]).read_to_end(&mut plain).unwrap();
    let revisits = String::from_utf8_lossy(&plain).matches("\r\nWARC-Type: revisit\r\n").count();
    assert_eq!((copies > 5, revisits as u64), (true, copies));
    check_with_warcio(folder, &["whole.warc.gz"]);

    exported(folder, &["-o", "sitemap.xml"]);
    let sitemap = fs::read_to_string(folder.join("sitemap.xml")).unwrap();
    let wanted = "SELECT count(*) FROM pages p JOIN contents c ON c.id = p.content_id
                  WHERE p.status IN (200, 304) AND p.noindex = 0 AND p.stale = 0 AND c.soft_404 = 0
                    AND (p.canonical IS NULL OR p.canonical = p.url) AND p.mime IN ('text/html', 'application/pdf')";
    let count = sitemap.matches("<loc>").count();
    assert_eq!(count as u64, number(folder, wanted));
    assert!((count as u64) < number(folder, "SELECT count(*) FROM pages"));
    exported(folder, &["-o", "many.xml", "--max-size", "2kB", "--base-url", "https://a.example/maps"]);
    let index = fs::read_to_string(folder.join("many.xml")).unwrap();
    assert!(index.contains("<sitemap><loc>https://a.example/maps/many-00001.xml</loc></sitemap>"), "{index}");
    let parts = index.matches("<sitemap>").count();
    let urls: usize = (1..=parts)
        .map(|n| fs::read_to_string(folder.join(format!("many-{n:05}.xml"))).unwrap().matches("<loc>").count())
        .sum();
    assert_eq!((parts > 2, urls), (true, count));

    let texts = |args: &[&str]| lines(&exported(folder, &[&["-o", "-"], args].concat()));
    let all = texts(&["--fields", "url,text"]).into_iter().filter(|row| !row["text"].as_str().unwrap_or("").is_empty());
    let all = all.count();
    exported(folder, &["-f", "text", "-o", "texts.jsonl"]);
    let plain = lines(&fs::read_to_string(folder.join("texts.jsonl")).unwrap());
    assert_eq!(plain.len(), all);
    exported(folder, &["-f", "text", "-o", "once.jsonl", "--dedupe", "exact"]);
    let once = lines(&fs::read_to_string(folder.join("once.jsonl")).unwrap());
    assert!(once.len() < all);
    let mut hashes: Vec<&str> = once.iter().map(|row| row["hash"].as_str().unwrap()).collect();
    hashes.sort_unstable();
    assert!(hashes.is_sorted_by(|a, b| a < b), "every content stands once");
    exported(folder, &["-f", "text", "-o", "near.jsonl", "--dedupe", "near"]);
    assert!(lines(&fs::read_to_string(folder.join("near.jsonl")).unwrap()).len() < once.len());
    exported(folder, &["-o", "pages.md"]);
    let markdown = fs::read_to_string(folder.join("pages.md")).unwrap();
    assert!(markdown.contains("---\n\n# ") && markdown.contains("](http://"), "{markdown}");
}

/// `warcio check` of PyPI, where it is installed: in the folder of `SQRAWL_TOOLS`, or on the path.
fn check_with_warcio(folder: &Path, names: &[&str]) {
    let tools = std::env::var_os("SQRAWL_TOOLS").map(|tools| PathBuf::from(tools).join("bin"));
    let path = std::env::var_os("PATH").unwrap_or_default();
    let folders = tools.into_iter().chain(std::env::split_paths(&path));
    let Some(warcio) = folders.map(|folder| folder.join("warcio")).find(|program| program.is_file()) else {
        eprintln!("SKIPPED: no warcio on this machine (scripts/stock-tools)");
        return;
    };
    for name in names.iter().filter(|name| name.ends_with(".warc.gz")) {
        let ran = Command::new(&warcio).arg("check").arg(folder.join(name)).output().unwrap();
        let said = String::from_utf8_lossy(&ran.stdout).into_owned() + &String::from_utf8_lossy(&ran.stderr);
        assert!(ran.status.success() && !said.contains("failed"), "{name}: {said}");
    }
}

/// Pages that each name the next one.
pub(super) fn chain(pages: u32) -> Shelf {
    Shelf::open(|port| {
        (0..pages)
            .map(|n| {
                let page = format!("<title>Page {n}</title><a href=http://a.localhost:{port}/{}>next</a>", n + 1);
                let name = if n == 0 { "a.localhost/".to_owned() } else { format!("a.localhost/{n}") };
                (name, ("content-type: text/html".to_owned(), page.into_bytes()) as Answer)
            })
            .collect()
    })
}

pub(super) fn crawl(shelf: &Shelf, pages: u32) {
    let seed = format!("http://a.localhost:{}/", shelf.port);
    shelf.crawl(&["crawl", &seed, "--delay", "0", "--max-pages", &pages.to_string(), "-q"]);
}

/// URLs in the files that the manifest names, each of which is there and is what the manifest says.
pub(super) fn urls_of(folder: &Path, name: &str) -> Vec<String> {
    let mut urls = Vec::new();
    for file in manifest(folder, name)["files"].as_array().unwrap() {
        let bytes = fs::read(folder.join(file["name"].as_str().unwrap())).unwrap();
        assert_eq!(file["blake3"], blake3::hash(&bytes).to_hex().to_string(), "{file}");
        let rows = lines(std::str::from_utf8(&bytes).unwrap());
        assert_eq!(file["rows"], rows.len());
        urls.extend(rows.iter().map(|row| row["url"].as_str().unwrap().to_owned()));
    }
    urls
}

pub(super) fn files_of(folder: &Path, name: &str) -> Vec<PathBuf> {
    let stem = name.split('.').next().unwrap();
    let mut files: Vec<PathBuf> = fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.file_name().unwrap().to_string_lossy().starts_with(stem))
        .filter(|path| path.extension().is_some_and(|ending| ending == "jsonl"))
        .collect();
    files.sort();
    files
}

/// Killed between any two steps, a series has every page once in the files that its manifest names, and no file under
/// a final name that the manifest does not name.
#[test]
fn a_series_goes_on_after_every_death() {
    let shelf = chain(120);
    let folder = shelf.path();
    let args = ["-o", "s.jsonl", "--fields", "url", "--max-size", "200B", "--since", "auto"];
    let mut deaths = 0;
    for (round, moment) in
        ["files", "manifest", "name", "files@2", "manifest@2", "name@3", "files@3"].iter().enumerate()
    {
        crawl(&shelf, 8 + 16 * round as u32);
        let mut command = sqrawl(folder);
        command.arg("export").args(args).env("SQRAWL_FAILPOINT", format!("exporting/{moment}"));
        let ran = run(&mut command);
        deaths += u32::from(ran.code.is_none());
        assert!(ran.code.is_none(), "{moment}: {}", ran.err);
        let path = folder.join("s.jsonl.manifest.json");
        if path.exists() {
            let named: Vec<PathBuf> = manifest(folder, "s.jsonl")["files"]
                .as_array()
                .unwrap()
                .iter()
                .map(|file| folder.join(file["name"].as_str().unwrap()))
                .collect();
            assert!(files_of(folder, "s.jsonl").iter().all(|file| named.contains(file)), "{moment}: {named:?}");
        } else {
            assert!(files_of(folder, "s.jsonl").is_empty(), "{moment}");
        }
        if round % 2 == 1 {
            exported(folder, &args);
            assert_eq!(urls_of(folder, "s.jsonl").len() as u64, number(folder, "SELECT count(*) FROM pages"));
        }
    }
    assert_eq!(deaths, 7);
    exported(folder, &args);
    let all: Vec<String> = query(folder, "SELECT url FROM pages ORDER BY fetch_id")
        .iter()
        .map(|row| row["url"].as_str().unwrap().to_owned())
        .collect();
    assert_eq!(urls_of(folder, "s.jsonl"), all);
    let left: Vec<_> = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert!(!left.iter().any(|name| name.to_string_lossy().ends_with(".sqrawl-part")), "{left:?}");
    // Once more: nothing is new, and nothing is written.
    let files = files_of(folder, "s.jsonl");
    let ran = export(folder, &args);
    assert!(ran.err.contains("nothing new"), "{}", ran.err);
    assert_eq!(files_of(folder, "s.jsonl"), files);
    // From the manifest, and from the number in it.
    crawl(&shelf, 120);
    let cursor = manifest(folder, "s.jsonl")["cursor"].to_string();
    let since = |cursor: &str| exported(folder, &["-o", "-", "--fields", "url", "--since", cursor]);
    assert_eq!(since(&cursor), since("s.jsonl.manifest.json"));
    assert_eq!(lines(&since(&cursor)).len() + all.len(), 120);
}

/// One that died with its files named is whole, whatever comes of the next one that is to take its place.
#[test]
fn an_export_with_force_that_dies_twice_loses_nothing() {
    let shelf = chain(20);
    let folder = shelf.path();
    crawl(&shelf, 20);
    let new = ["-o", "s.jsonl", "--fields", "url,depth", "--max-size", "300B"];
    exported(folder, &["-o", "s.jsonl", "--fields", "url", "--max-size", "100B"]);
    for moment in ["manifest", "files"] {
        let mut command = sqrawl(folder);
        command.arg("export").args(new).arg("--force").env("SQRAWL_FAILPOINT", format!("exporting/{moment}"));
        assert!(run(&mut command).code.is_none(), "{moment}");
    }
    assert_eq!(urls_of(folder, "s.jsonl").len(), 20);
    assert_eq!(files_of(folder, "s.jsonl").len(), manifest(folder, "s.jsonl")["files"].as_array().unwrap().len());
    assert!(export(folder, &[&new[..], &["--since", "auto"]].concat()).err.contains("nothing new"));
}

fn written(text: &str) -> Option<Answer> {
    Some(("content-type: text/html".to_owned(), format!("<title>{text}</title><p>{text}").into_bytes()))
}

/// Who was told that a page is gone has its content no more: it is written when it is met again, under whatever URL.
#[test]
fn a_page_that_comes_back_is_no_copy_of_itself() {
    let shelf = Shelf::open(|_| {
        let links = "Start <a href=/a>a</a> <a href=/b>b</a> <a href=/new>new</a>";
        let pages = [("/", links), ("/a", "First text"), ("/b", "Second text")];
        pages.into_iter().map(|(path, text)| (format!("a.localhost{path}"), written(text).unwrap())).collect()
    });
    let folder = shelf.path();
    crawl(&shelf, 10);
    let next = || {
        for kind in ["exact", "near"] {
            exported(folder, &["-o", &format!("{kind}.jsonl"), "--dedupe", kind, "--since", "auto"]);
        }
        ["exact.jsonl", "near.jsonl"].map(|name| {
            let urls = urls_of(folder, name);
            let count = |end: &str| urls.iter().filter(|url| url.ends_with(end)).count();
            (count("/a"), count("/b"), count("/new"))
        })
    };
    let again = || shelf.crawl(&["resume", "--recrawl", "-q"]);
    assert_eq!(next(), [(1, 1, 0); 2]);
    shelf.change("a.localhost/a", None);
    shelf.change("a.localhost/b", None);
    again();
    assert_eq!(next(), [(2, 2, 0); 2], "both are told to be gone");
    shelf.change("a.localhost/a", written("First text"));
    shelf.change("a.localhost/new", written("Second text"));
    again();
    assert_eq!(next(), [(3, 3, 1); 2], "one is back, the other one under another name; it is told again to be gone");
    again();
    assert_eq!(next().map(|(a, _, _)| a), [3; 2], "what is back is a copy from then on");
    // A manifest that was written by hand: its contents are none of this crawl.
    let path = folder.join("exact.jsonl.manifest.json");
    let text = fs::read_to_string(&path).unwrap();
    let mut wrong: Value = serde_json::from_str(&text).unwrap();
    wrong["contents"] = "0-400000000".into();
    fs::write(&path, wrong.to_string()).unwrap();
    let ran = export(folder, &["-o", "exact.jsonl", "--dedupe", "exact", "--since", "auto"]);
    assert_eq!(ran.code, Some(2), "{}", ran.err);
    assert!(ran.err.contains("names the content 400000000"), "{}", ran.err);
}

/// Also while it only looks at what was exported before.
#[test]
fn an_export_that_leaves_out_copies_is_stopped_by_a_signal() {
    let folder = demo();
    let endless = "words >= (WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT count(*) FROM n)";
    for output in ["-", "s.jsonl"] {
        let mut command = sqrawl(folder.path());
        command.args(["export", "-o", output, "--since", "5", "--dedupe", "exact", "--where", endless]);
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        wait_until(|| listens_for_interrupts(&child));
        signal(&child, Signal::INT);
        let mut said = String::new();
        child.stderr.take().unwrap().read_to_string(&mut said).unwrap();
        assert_eq!(child.wait().unwrap().code(), Some(3), "{output}: {said}");
        assert!(said.contains("stopped by a signal") && !said.contains("reading"), "{output}: {said}");
        assert!(!folder.path().join("s.jsonl.manifest.json").exists());
    }
}

/// What a power loss takes from the end of a crawl makes the cursor worth nothing: its fetch is another one.
#[test]
fn a_cursor_that_the_crawl_does_not_hold_is_refused() {
    let shelf = chain(12);
    let folder = shelf.path();
    crawl(&shelf, 6);
    fs::copy(folder.join("crawl.db"), folder.join("before.db")).unwrap();
    crawl(&shelf, 9);
    exported(folder, &["-o", "s.jsonl", "--since", "auto"]);
    fs::rename(folder.join("before.db"), folder.join("crawl.db")).unwrap();
    let ran = export(folder, &["-o", "s.jsonl", "--since", "auto"]);
    assert_eq!(ran.code, Some(2), "{}", ran.err);
    assert!(ran.err.contains("does not hold the fetch"), "{}", ran.err);
    crawl(&shelf, 12);
    let ran = export(folder, &["-o", "s.jsonl", "--since", "auto"]);
    assert_eq!(ran.code, Some(2), "the fetch has the same number and is another one: {}", ran.err);
}

#[test]
fn follow_has_every_page_of_a_crawl_that_runs() {
    let shelf = chain(30);
    let folder = shelf.path();
    crawl(&shelf, 2);
    let mut follower = sqrawl(folder)
        .args(["export", "-o", "-", "--follow", "--fields", "url"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut rows = BufReader::new(follower.stdout.take().unwrap()).lines();
    let first: Vec<String> = rows.by_ref().take(2).map(Result::unwrap).collect();
    // Everything before was read while nothing else ran; the rest comes as the crawl commits it.
    crawl(&shelf, 30);
    let rest: Vec<String> = rows.by_ref().take(28).map(Result::unwrap).collect();
    let killed = Command::new("kill").args(["-INT", &follower.id().to_string()]).status().unwrap();
    assert!(killed.success());
    let mut said = String::new();
    follower.stderr.take().unwrap().read_to_string(&mut said).unwrap();
    assert_eq!(follower.wait().unwrap().code(), Some(3), "{said}");
    assert!(said.contains("30 rows; cursor "), "{said}");
    assert!(rows.next().is_none());
    let all = first.into_iter().chain(rest).map(|line| line + "\n").collect::<String>();
    let ended = exported(folder, &["-o", "-", "--follow", "--until-complete", "--fields", "url"]);
    assert_eq!(all, ended);
    assert_eq!(lines(&ended).len(), 30);
}

/// `--force` replaced the crawl that was read, and any other.
#[test]
fn an_export_replaced_a_database() {
    let folder = demo();
    let folder = folder.path();
    fs::copy(folder.join("crawl.db"), folder.join("other.db")).unwrap();
    std::os::unix::fs::symlink("crawl.db", folder.join("link")).unwrap();
    fs::write(folder.join("crawl.db-wal"), "").unwrap();
    let before = fs::read(folder.join("crawl.db")).unwrap();
    for (output, what) in [
        ("crawl.db", "the crawl itself"),
        ("link", "the crawl itself"),
        ("./crawl.db-wal", "the crawl itself"),
        ("other.db", "a database, which is not overwritten"),
    ] {
        for format in ["jsonl", "warc", "sitemap"] {
            let ran = export(folder, &["-o", output, "-f", format, "--force"]);
            assert_eq!(ran.code, Some(2), "{output}: {}", ran.err);
            assert!(ran.err.contains(&format!("-o {output}: {what}; choose another -o")), "{}", ran.err);
        }
    }
    assert!(
        fs::read(folder.join("crawl.db")).unwrap() == before && fs::read(folder.join("other.db")).unwrap() == before
    );
    assert!(!folder.join("crawl.db.manifest.json").exists());
}

/// With an output that nobody reads a report outlived its time limit and every signal, and a crawl stood still behind its
/// read transaction; an export did not even end at the second signal.
#[test]
fn an_output_that_nobody_reads_held_a_report_for_ever() {
    let folder = demo();
    let folder = folder.path();
    let rules = "INSERT INTO rules(name, discarded) SELECT 'exclude:' || hex(randomblob(60)), 1 FROM
                 (WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n LIMIT 20000) SELECT i FROM n)";
    assert!(Command::new("sqlite3").arg(folder.join("crawl.db")).arg(rules).status().unwrap().success());
    let begun = |args: &[&str]| {
        let mut command = sqrawl(folder);
        let mut child = command.args(args).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let mut out = BufReader::new(child.stdout.take().unwrap());
        out.read_line(&mut String::new()).unwrap();
        (child, out)
    };
    let report = ["report", "excluded", "-f", "csv", "--limit", "none", "--timeout"];
    let (child, _open) = begun(&[&report[..], &["1s"]].concat());
    let output = child.wait_with_output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.code() == Some(1) && said.contains("stopped at its time limit"), "{said}");
    let (child, _open) = begun(&[&report[..], &["none"]].concat());
    signal(&child, Signal::INT);
    let output = child.wait_with_output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.code() == Some(3) && said.contains("stopped by a signal"), "{said}");
    let (child, _open) = begun(&["export", "-o", "-", "--body"]);
    signal(&child, Signal::INT);
    signal(&child, Signal::TERM);
    let output = child.wait_with_output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.code() == Some(3) && said.contains("stopped at once, by a second signal"), "{said}");
}
