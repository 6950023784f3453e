//! A series of exports that is stopped, killed, replaced, run twice at once, and goes on after the site has changed.

use std::collections::HashMap;
use std::fs;
use std::path::Path;
use std::process::{Child, Stdio};

use rustix::process::Signal;
use serde_json::Value;

use super::crawls::signal;
use super::export::{chain, crawl, export, exported, files_of, lines, manifest, number, query, urls_of};
use super::shelf::{Answer, Shelf};
use super::{run, sqrawl};

/// A condition that is never worked out.
const ENDLESS: &str =
    "words >= (WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT count(*) FROM n)";

/// A process that does not outlive a test that fails.
struct Running(Option<Child>);

impl Drop for Running {
    fn drop(&mut self) {
        if let Some(mut child) = self.0.take() {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

fn started(folder: &Path, args: &[&str]) -> Running {
    let mut command = sqrawl(folder);
    let child = command.arg("export").args(args).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let child = Running(Some(child));
    wait_until(|| listens_for_interrupts(child.0.as_ref().unwrap()));
    child
}

pub(super) fn wait_until(mut is_so: impl FnMut() -> bool) {
    for _ in 0..6_000 {
        if is_so() {
            return;
        }
        std::thread::sleep(std::time::Duration::from_millis(10));
    }
    panic!("it did not come to that in a minute");
}

/// Whether SIGINT would be taken instead of ending the process.
pub(super) fn listens_for_interrupts(child: &Child) -> bool {
    let status = fs::read_to_string(format!("/proc/{}/status", child.id())).unwrap();
    let mask = status.lines().find_map(|line| line.strip_prefix("SigCgt:")).unwrap().trim().to_owned();
    u64::from_str_radix(&mask, 16).unwrap() >> 1 & 1 == 1
}

fn interrupted(mut child: Running) -> String {
    let child = child.0.take().unwrap();
    signal(&child, Signal::INT);
    let output = child.wait_with_output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(3), "{said}");
    said
}

fn names(folder: &Path) -> Vec<String> {
    let mut names: Vec<String> =
        fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.retain(|name| !name.starts_with("crawl.db"));
    names.sort();
    names
}

#[test]
fn an_interrupted_export_with_force_leaves_the_one_that_is_there() {
    let shelf = chain(20);
    let folder = shelf.path();
    crawl(&shelf, 20);
    let series = ["-o", "s.jsonl", "--fields", "url", "--max-size", "200B"];
    exported(folder, &series);
    let before = (names(folder), urls_of(folder, "s.jsonl"));
    assert!(before.0.len() > 3, "{:?}", before.0);
    let said = interrupted(started(folder, &[&series[..], &["--force", "--where", ENDLESS]].concat()));
    assert!(said.contains("what was there is as it was"), "{said}");
    assert_eq!((names(folder), urls_of(folder, "s.jsonl")), before);
    let ran = export(folder, &[&series[..], &["--since", "auto"]].concat());
    assert!(ran.code == Some(0) && ran.err.contains("nothing new"), "{}", ran.err);
}

#[test]
fn an_export_with_force_that_dies_leaves_the_old_one_or_becomes_the_new_one() {
    let shelf = chain(20);
    let folder = shelf.path();
    crawl(&shelf, 20);
    let old = ["-o", "s.jsonl", "--fields", "url", "--max-size", "100B"];
    let new = ["-o", "s.jsonl", "--fields", "url,depth", "--max-size", "300B"];
    let all: Vec<String> = query(folder, "SELECT url FROM pages ORDER BY fetch_id")
        .iter()
        .map(|row| row["url"].as_str().unwrap().to_owned())
        .collect();
    for (moment, is_new) in
        [("files", false), ("manifest", true), ("name", true), ("name@2", true), ("name@3", true), ("replaced", true)]
    {
        exported(folder, &[&old[..], &["--force"]].concat());
        let before = names(folder).len();
        let mut command = sqrawl(folder);
        command.arg("export").args(new).arg("--force").env("SQRAWL_FAILPOINT", format!("exporting/{moment}"));
        let ran = run(&mut command);
        assert!(ran.code.is_none(), "{moment}: {}", ran.err);
        let series = if is_new { new } else { old };
        exported(folder, &[&series[..], &["--since", "auto"]].concat());
        assert_eq!(urls_of(folder, "s.jsonl"), all, "{moment}");
        let files = manifest(folder, "s.jsonl")["files"].as_array().unwrap().len();
        assert_eq!(files_of(folder, "s.jsonl").len(), files, "{moment}");
        assert_eq!((names(folder).len() < before, names(folder).len()), (is_new, files + 1), "{moment}");
        assert_eq!(manifest(folder, "s.jsonl")["replaced"], Value::Null, "{moment}");
    }
}

#[test]
fn a_series_whose_files_are_lost_is_not_gone_on_with() {
    let shelf = chain(9);
    let folder = shelf.path();
    crawl(&shelf, 9);
    let series = ["-o", "s.jsonl", "--fields", "url", "--max-size", "100B", "--since", "auto"];
    exported(folder, &series);
    let second = folder.join("s-00002.jsonl");
    let bytes = fs::read(&second).unwrap();
    for damage in [None, Some(&bytes[1..])] {
        match damage {
            None => fs::remove_file(&second).unwrap(),
            Some(bytes) => fs::write(&second, bytes).unwrap(),
        }
        let ran = export(folder, &series);
        assert_eq!(ran.code, Some(2), "{}", ran.err);
        assert!(ran.err.contains("s-00002.jsonl is not there as ./s.jsonl.manifest.json names it"), "{}", ran.err);
    }
    fs::write(&second, &bytes).unwrap();
    assert!(export(folder, &series).err.contains("nothing new"));
}

#[test]
fn two_exports_into_one_file_do_not_run_at_once() {
    let shelf = chain(6);
    let folder = shelf.path();
    crawl(&shelf, 6);
    let series = ["-o", "s.jsonl", "--fields", "url", "--max-size", "100B"];
    // It has written nothing yet, and is to write it all the same.
    let first = started(folder, &[&series[..], &["--where", ENDLESS]].concat());
    wait_until(|| folder.join("s.jsonl.sqrawl-lock").exists());
    for more in [&["--since", "auto"][..], &["--force"]] {
        let ran = export(folder, &[&series[..], more].concat());
        assert_eq!(ran.code, Some(2), "{}", ran.err);
        assert!(ran.err.contains("another export writes ./s.jsonl"), "{}", ran.err);
    }
    interrupted(first);
    assert_eq!(names(folder), Vec::<String>::new());
    exported(folder, &series);
    assert_eq!(urls_of(folder, "s.jsonl").len(), 6);
}

fn page(text: &str, links: &str) -> Option<Answer> {
    Some(("content-type: text/html".to_owned(), format!("<title>{text}</title><p>{text} {links}").into_bytes()))
}

/// `/a`, `/b` and `/c`, which the first page names together with `/new`.
fn three_pages() -> Shelf {
    let links = "<a href=/a>a</a> <a href=/b>b</a> <a href=/c>c</a> <a href=/new>new</a>";
    let shelf = Shelf::open(|_| {
        let pages =
            [("/", "Start", links), ("/a", "First text", ""), ("/b", "Second text", ""), ("/c", "Third text", "")];
        pages
            .into_iter()
            .map(|(path, text, links)| (format!("a.localhost{path}"), page(text, links).unwrap()))
            .collect::<HashMap<_, _>>()
    });
    let seed = format!("http://a.localhost:{}/", shelf.port);
    shelf.crawl(&["crawl", &seed, "--delay", "0", "-q"]);
    shelf
}

fn again(shelf: &Shelf) {
    shelf.crawl(&["resume", "--recrawl", "-q"]);
}

/// The last part of each URL with a value of its row.
fn values(folder: &Path, args: &[&str], field: &str) -> Vec<String> {
    let value = |row: &Value| match &row[field] {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    };
    let files = ["values.jsonl", "values.jsonl.manifest.json"].map(|name| folder.join(name));
    exported(folder, &[&["-o", "values.jsonl"], args].concat());
    let rows = lines(&fs::read_to_string(&files[0]).unwrap());
    files.iter().for_each(|file| fs::remove_file(file).unwrap());
    let mut values: Vec<String> = rows
        .iter()
        .map(|row| format!("{} {}", row["url"].as_str().unwrap().rsplit('/').next().unwrap(), value(row)))
        .collect();
    values.sort();
    values
}

/// The content that `/a` had is in the first file; when `/a` has another one and `/new` has it, it is a copy all the same.
#[test]
fn a_content_is_written_once_though_its_page_has_changed_since() {
    let shelf = three_pages();
    let folder = shelf.path();
    for kind in ["exact", "near"] {
        let file = format!("{kind}.jsonl");
        exported(folder, &["-f", "text", "-o", &file, "--dedupe", kind, "--since", "auto"]);
    }
    shelf.change("a.localhost/a", page("Another text", ""));
    shelf.change("a.localhost/new", page("First text", ""));
    again(&shelf);
    for kind in ["exact", "near"] {
        let file = format!("{kind}.jsonl");
        let cursor = manifest(folder, &file)["cursor"].to_string();
        for since in [format!("{file}.manifest.json"), cursor] {
            let new = values(folder, &["-f", "text", "--dedupe", kind, "--since", &since], "url");
            assert_eq!(new.len(), 1, "{kind} {since}: {new:?}");
        }
        exported(folder, &["-f", "text", "-o", &file, "--dedupe", kind, "--since", "auto"]);
        let urls = urls_of(folder, &file);
        assert_eq!((urls.len(), urls.iter().filter(|url| url.ends_with("/new")).count()), (5, 0), "{kind}: {urls:?}");
        assert_eq!(manifest(folder, &file)["contents"], "1-5", "{kind}");
    }
    // What was replaced before it was ever exported stands in no file: whoever has it now is no copy.
    shelf.change("a.localhost/b", page("Never exported", ""));
    again(&shelf);
    shelf.change("a.localhost/b", page("Fourth text", ""));
    shelf.change("a.localhost/new", page("Never exported", ""));
    again(&shelf);
    exported(folder, &["-f", "text", "-o", "exact.jsonl", "--dedupe", "exact", "--since", "auto"]);
    let urls = urls_of(folder, "exact.jsonl");
    assert!(urls[5..].iter().any(|url| url.ends_with("/new")), "{urls:?}");
}

#[test]
fn pages_that_are_gone_are_told_and_no_part_of_sets_of_texts() {
    let shelf = three_pages();
    let folder = shelf.path();
    exported(folder, &["-o", "s.jsonl", "--since", "auto"]);
    exported(folder, &["-o", "b.jsonl", "--where", "url LIKE '%/b'", "--since", "auto"]);
    assert_eq!(values(folder, &[], "stale"), [" 0", "a 0", "b 0", "c 0"]);
    shelf.change("a.localhost/a", None);
    shelf.change("a.localhost/b", Some((format!("location: http://a.localhost:{}/c", shelf.port), Vec::new())));
    again(&shelf);
    // All of them: the latest good copy, and what became of it.
    assert_eq!(values(folder, &[], "stale"), [" 0", "a 1", "b 1", "c 0"]);
    assert_eq!(values(folder, &[], "last_outcome"), [" page", "a gone", "b redirect", "c page"]);
    assert_eq!(values(folder, &["--where", "stale = 0"], "status"), [" 200", "c 200"]);
    // What is new: that they are gone, too.
    exported(folder, &["-o", "s.jsonl", "--since", "auto"]);
    let text = fs::read_to_string(folder.join("s-00002.jsonl")).unwrap();
    let mut told: Vec<String> = lines(&text)
        .iter()
        .filter(|row| row["stale"] == 1)
        .map(|row| format!("{} {} {}", row["status"], row["last_outcome"], row["title"]))
        .collect();
    told.sort();
    assert_eq!(told, ["301 \"redirect\" null", "404 \"gone\" null"], "{text}");
    assert_eq!(lines(&text).len(), 4, "the two that are still there were fetched again: {text}");
    // A condition is one over the page that there was.
    exported(folder, &["-o", "b.jsonl", "--where", "url LIKE '%/b'", "--since", "auto"]);
    assert_eq!(lines(&fs::read_to_string(folder.join("b-00002.jsonl")).unwrap()).len(), 1);
    // Told once.
    assert!(export(folder, &["-o", "s.jsonl", "--since", "auto"]).err.contains("nothing new"));
    for format in ["text", "markdown"] {
        assert_eq!(values(folder, &["-f", format], "title"), [" Start", "c Third text"], "{format}");
    }
    exported(folder, &["-o", "sitemap.xml"]);
    assert_eq!(fs::read_to_string(folder.join("sitemap.xml")).unwrap().matches("<loc>").count(), 2);
    // A page that comes back is a page again.
    shelf.change("a.localhost/a", page("Back again", ""));
    again(&shelf);
    assert_eq!(values(folder, &["--where", "url LIKE '%/a'"], "last_outcome"), ["a page"]);
    assert_eq!(number(folder, "SELECT count(*) FROM pages"), 4);
}
