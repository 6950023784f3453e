//! Other people's tools open the file while a crawl writes it, and replay what is exported of it. What is not installed is skipped, visibly;
//! `scripts/stock-tools` installs all of it and runs these tests.

use std::env;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;
use tempfile::TempDir;

use super::crawls::{World, signal, slower_crawl};
use super::shelf::Shelf;
use super::{run, sqrawl};
use crate::conformance::sqlite::shell;

/// The Python with the tools: that of the folder in `SQRAWL_TOOLS`, or the one on the path.
fn python() -> Command {
    let python = match env::var_os("SQRAWL_TOOLS") {
        Some(folder) => PathBuf::from(folder).join("bin/python3"),
        None => PathBuf::from("python3"),
    };
    Command::new(python)
}

fn has(module: &str) -> bool {
    let has = python().args(["-c", &format!("import {module}")]).output().is_ok_and(|ran| ran.status.success());
    if !has {
        eprintln!("SKIPPED: no {module} for Python on this machine (scripts/stock-tools)");
    }
    has
}

/// Runs it with the file of a crawl that is running before and after; what it prints.
fn beside_a_crawl(script: &str) -> String {
    let world = World::new();
    let child = slower_crawl(&world, "3s");
    let ran = python().args(["-c", script, "crawl.db"]).current_dir(world.path()).output().unwrap();
    let running = world.json(&["status"]).1["running"].clone();
    signal(&child, rustix::process::Signal::INT);
    child.wait_with_output().unwrap();
    assert!(ran.status.success(), "{}", String::from_utf8_lossy(&ran.stderr));
    assert_eq!(running, true, "the crawl ended before the tool");
    assert_eq!(world.run(&["doctor"]).code, Some(0));
    String::from_utf8(ran.stdout).unwrap()
}

#[test]
fn the_shell_reads_beside_a_crawl() {
    let world = World::new();
    let child = slower_crawl(&world, "3s");
    let database = world.path().join("crawl.db");
    let pages = shell::ask(&database, "SELECT count(*) > 0 FROM pages");
    let views = shell::ask(&database, "SELECT name FROM sqlite_schema WHERE type IN ('table', 'view')");
    for view in views.iter().flat_map(|names| names.lines()) {
        shell::ask(&database, &format!("SELECT count(*) FROM \"{view}\""));
    }
    signal(&child, rustix::process::Signal::INT);
    child.wait_with_output().unwrap();
    assert!(pages.is_none_or(|pages| pages == "1\n"));
}

#[test]
fn pandas_reads_beside_a_crawl() {
    if !has("pandas") {
        return;
    }
    let said = beside_a_crawl(
        "import sqlite3, sys, pandas
db = sqlite3.connect(f'file:{sys.argv[1]}?mode=ro', uri=True)
pages = pandas.read_sql('SELECT * FROM pages', db)
names = [n for (n,) in db.execute(\"SELECT name FROM sqlite_schema WHERE type IN ('table','view')\")]
for name in names:
    pandas.read_sql(f'SELECT * FROM \"{name}\"', db)
print(len(pages) > 0, str(pages['status'].dtype), len(names) > 30)",
    );
    assert_eq!(said, "True int64 True\n");
}

#[test]
fn datasette_reads_beside_a_crawl() {
    if !has("datasette") {
        return;
    }
    let said = beside_a_crawl(
        "import subprocess, sys
run = lambda path: subprocess.run([sys.executable, '-m', 'datasette', sys.argv[1], '--get', path], check=True, capture_output=True, text=True).stdout
print(run('/crawl/pages.json?_shape=array').strip())
print(run('/crawl/report_status.json?_shape=array').strip())
assert 'report_broken_links' in run('/crawl')",
    );
    for line in said.lines() {
        let rows: Value = serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {said}"));
        assert!(rows.as_array().is_some_and(|rows| !rows.is_empty()), "{said}");
    }
}

#[test]
fn duckdb_reads_beside_a_crawl() {
    if !has("duckdb") || !has("duckdb_extension_sqlite") {
        return;
    }
    let said = beside_a_crawl(
        // The package's file has another name than the extension, by which DuckDB finds its entry point.
        "import glob, os, shutil, sqlite3, sys, tempfile, duckdb, duckdb_extension_sqlite
home = os.path.dirname(duckdb_extension_sqlite.__file__)
[packaged] = glob.glob(os.path.join(home, '**', '*.duckdb_extension'), recursive=True)
con = duckdb.connect()
with tempfile.TemporaryDirectory() as folder:
    con.execute(f\"LOAD '{shutil.copy(packaged, os.path.join(folder, 'sqlite_scanner.duckdb_extension'))}'\")
con.execute(f\"ATTACH '{sys.argv[1]}' AS crawl (TYPE sqlite, READ_ONLY)\")
db = sqlite3.connect(f'file:{sys.argv[1]}?mode=ro', uri=True)
names = [n for (n,) in db.execute(\"SELECT name FROM sqlite_schema WHERE type IN ('table','view') AND name NOT LIKE 'sqlite%'\")]
for name in names:
    if name not in ('report_redirect_chains', 'report_redirect_loops'):  # recursive
        con.execute(f'SELECT * FROM crawl.\"{name}\"').fetchall()
(pages,) = con.execute('SELECT count(*) FROM crawl.pages').fetchone()
(answers,) = con.execute('SELECT count(*) FROM crawl.report_status').fetchone()
print(pages > 0, answers > 0, len(names) > 20)",
    );
    assert_eq!(said, "True True True\n");
}

/// pywb gives every page that was exported, as the crawler got it, and looks it up by the keys of the index.
#[test]
fn pywb_replays_what_is_exported() {
    if !has("pywb") {
        return;
    }
    let demo = TempDir::new().unwrap();
    let ran = run(sqrawl(demo.path()).args(["demo", "-q", "--db", "crawl.db"]));
    assert_eq!(ran.code, Some(0), "{}", ran.err);
    assert!(replayed(demo.path()) > 100);
    // URLs that are spelled in more than one way.
    let paths = [
        "/p?q=%2F",
        "/p?x=%27",
        "/p?b=2&a=1",
        "/p?x=a+b",
        "/a//b",
        "/A/",
        "/caf%C3%A9",
        "/~user",
        "/p?u=http%3A%2F%2Fe.example%2F",
    ];
    let shelf = Shelf::open(|_| {
        let html = "content-type: text/html".to_owned();
        let links: String = paths.iter().map(|path| format!("<a href=\"{path}\">x</a>")).collect();
        let pages =
            paths.iter().map(|path| (format!("a.localhost{path}"), (html.clone(), format!("<p>{path}").into_bytes())));
        pages.chain([("a.localhost/".to_owned(), (html.clone(), links.into_bytes()))]).collect()
    });
    shelf.crawl(&["crawl", &format!("http://a.localhost:{}/", shelf.port), "--delay", "0", "-q"]);
    assert_eq!(replayed(shelf.path()), 1 + paths.len());
}

/// How many pages pywb gives; all that there are.
fn replayed(folder: &Path) -> usize {
    for args in [&["site.cdxj"][..], &["pages.jsonl", "--fields", "url,fetched_at,body_base64"]] {
        let ran = run(sqrawl(folder).args(["export", "-q", "-o"]).args(args));
        assert_eq!(ran.code, Some(0), "{}", ran.err);
    }
    for (name, place) in [("site.warc.gz", "archive/site.warc.gz"), ("site.cdxj", "indexes/index.cdxj")] {
        let place = folder.join("collections/site").join(place);
        fs::create_dir_all(place.parent().unwrap()).unwrap();
        fs::copy(folder.join(name), place).unwrap();
    }
    let script = "from gevent.monkey import patch_all; patch_all()
import base64, json
from pywb.apps.frontendapp import FrontEndApp
from pywb.utils.canonicalize import canonicalize
from werkzeug.test import Client
for line in open('site.cdxj'):
    key, time, entry = line.split(' ', 2)
    assert key == canonicalize(json.loads(entry)['url']), line
client = Client(FrontEndApp())
replayed = 0
for line in open('pages.jsonl'):
    page = json.loads(line)
    if page['body_base64'] is None:
        continue
    time = ''.join(c for c in page['fetched_at'] if c.isdigit())[:14]
    answer = client.get('/site/%sid_/%s' % (time, page['url']))
    assert answer.status_code == 200, (page['url'], answer.status)
    assert answer.get_data() == base64.b64decode(page['body_base64']), page['url']
    replayed += 1
print('replayed', replayed)";
    let ran = python().args(["-c", script]).current_dir(folder).output().unwrap();
    let (out, err) = (String::from_utf8_lossy(&ran.stdout), String::from_utf8_lossy(&ran.stderr));
    let said = out.lines().find_map(|line| line.strip_prefix("replayed "));
    said.unwrap_or_else(|| panic!("{out}{err}")).parse().unwrap()
}
