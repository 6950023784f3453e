//! The import rule: which room may import which, and what a room may reach outside this crate.
//! Read from the source text, so a forbidden import fails here before anyone has to argue about it.
//!
//! [`ROOMS`] is the rule; `ARCHITECTURE.md` gives its reasons. Test modules are exempt.

mod source;

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use source::Source;

/// A file longer than this (without its test modules) holds more than one thing.
const MOST_LINES: usize = 500;

/// Names that say nothing about what is inside.
const NAMES_THAT_SAY_NOTHING: [&str; 9] =
    ["utils", "util", "helpers", "helper", "common", "manager", "misc", "types", "data"];

const CORE: [&str; 8] = ["model", "scope", "politeness", "frontier", "parse", "verdict", "search", "graph"];

/// Each room with the rooms that it may import. `*`: all of them.
const ROOMS: [(&str, &[&str]); 19] = [
    // core
    ("model", &[]),
    ("scope", &["model"]),
    ("politeness", &["model"]),
    ("frontier", &["model"]),
    ("parse", &["model"]),
    ("verdict", &["model", "scope", "politeness", "frontier", "parse"]),
    // What is typed into a search, and what is shown of what is found.
    ("search", &[]),
    // The link graph in memory.
    ("graph", &[]),
    // adapters
    ("fetch", &["model"]),
    ("store", &["model", "failpoint"]),
    // shell
    ("failpoint", &[]),
    ("engine", &["failpoint", "model", "scope", "politeness", "frontier", "parse", "verdict", "store", "fetch"]),
    // It asks the functions that the crawl asks, about what is stored.
    ("explain", &["model", "scope", "politeness", "verdict", "store"]),
    ("report", &["model", "store", "explain"]),
    // It turns stored HTML into Markdown, and dies between two files where a test wants it to.
    ("export", &["failpoint", "model", "parse", "store"]),
    // A page from an archive goes the way of every page, and its codings are those of the web.
    ("import", &["model", "scope", "politeness", "frontier", "parse", "verdict", "store", "fetch"]),
    ("config", &["model", "scope"]),
    ("demo", &["*"]),
    ("cli", &["*"]),
];

/// Crates that only some rooms may use. In the core, a crate has to stand in [`CORE_CRATES`] too.
const OWNED: [(&str, &[&str]); 16] = [
    ("sqlx", &["store"]),
    ("reqwest", &["fetch"]),
    ("rustix", &["fetch", "store", "engine", "cli"]),
    ("governor", &["engine"]),
    ("tokio", &["fetch", "store", "engine", "report", "demo", "cli", "main"]),
    ("clap", &["cli", "config", "main"]),
    ("whatlang", &["parse"]),
    ("clap_complete", &["cli", "main"]),
    ("dotenvy", &["cli", "config", "main"]),
    ("indicatif", &["cli"]),
    ("tracing_subscriber", &["cli", "main"]),
    ("anyhow", &["cli", "demo", "main"]),
    ("comfy_table", &["cli", "report"]),
    ("rustyline", &["cli"]),
    ("sha1", &["export"]),
    ("base64", &["export"]),
];

/// All that the core may use of other crates: none of them does I/O, waits, or reads a clock.
const CORE_CRATES: [&str; 23] = [
    "std",
    "core",
    "alloc",
    "blake3",
    "bytes",
    "chardetng",
    "encoding_rs",
    "flate2",
    "html5ever",
    "memchr",
    "httpdate",
    "ipnet",
    "libdeflater",
    "mime",
    "psl",
    "quick_xml",
    "regex",
    "scraper",
    "serde",
    "serde_json",
    "thiserror",
    "url",
    "whatlang",
];

/// What the core may not use of the standard library: the world, the clock, and chance.
const NOT_IN_CORE: [&str; 19] = [
    "std::env",
    "std::fs",
    "std::hash::RandomState",
    "std::hash::DefaultHasher",
    "std::collections::hash_map::RandomState",
    "std::collections::hash_map::DefaultHasher",
    "std::io::stderr",
    "std::io::stdin",
    "std::io::stdout",
    "std::net::TcpListener",
    "std::net::TcpStream",
    "std::net::ToSocketAddrs",
    "std::net::UdpSocket",
    "std::os",
    "std::process",
    "std::sync::mpsc",
    "std::thread",
    "std::time::Instant",
    "std::time::SystemTime",
];

/// Only these rooms open connections.
const SOCKETS: [&str; 6] = [
    "tokio::net",
    "std::net::TcpListener",
    "std::net::TcpStream",
    "std::net::ToSocketAddrs",
    "std::net::UdpSocket",
    "std::os::unix::net",
];
const MAY_OPEN_SOCKETS: [&str; 2] = ["fetch", "demo"];

#[test]
fn every_room_keeps_the_import_rule() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let crates = dependencies(&fs::read_to_string(root.join("Cargo.toml")).unwrap());
    let mut files = Vec::new();
    rust_files(&root.join("src"), &mut files);
    let sources: Vec<(String, Vec<String>, Source)> = files
        .iter()
        .map(|file| {
            let name = file.strip_prefix(root).unwrap().to_string_lossy().replace('\\', "/");
            let module = module_of(&name);
            let source = Source::read(&fs::read_to_string(file).unwrap(), &module);
            (name, module, source)
        })
        .collect();
    let test_modules: Vec<Vec<String>> = sources
        .iter()
        .flat_map(|(_, module, source)| {
            source.test_files.iter().map(|name| [&module[..], std::slice::from_ref(name)].concat())
        })
        .collect();
    let faults: Vec<String> = sources
        .iter()
        .filter(|(_, module, _)| !test_modules.iter().any(|test| module.starts_with(test)))
        .flat_map(|(name, _, source)| faults(name, source, &crates))
        .collect();
    assert!(sources.len() > 10, "only {} files were found", sources.len());
    assert!(faults.is_empty(), "{} faults:\n{}", faults.len(), faults.join("\n"));
}

#[test]
fn rooms_of_the_rule_are_free_of_cycles() {
    for (room, imports) in ROOMS.iter().filter(|(_, imports)| *imports != ["*"]) {
        let mut reached = BTreeSet::new();
        let mut open: Vec<&str> = imports.to_vec();
        while let Some(next) = open.pop() {
            if reached.insert(next) {
                open.extend(ROOMS.iter().find(|(name, _)| *name == next).expect("a room that is none").1);
            }
        }
        assert!(!reached.contains(room), "{room} reaches itself");
    }
}

/// What is wrong with one file, one line each.
fn faults(name: &str, source: &Source, crates: &BTreeSet<String>) -> Vec<String> {
    let module = module_of(name);
    let room = room_of(name, &module);
    let mut faults = Vec::new();
    let mut fault = |line: usize, text: String| faults.push(format!("{name}:{line}: {text}"));
    let Some(allowed) = allowed_rooms(&room) else {
        fault(1, format!("`{room}` is no room; give it a line in ROOMS (tests/it/rooms.rs) and in ARCHITECTURE.md"));
        return faults;
    };
    if source.lines > MOST_LINES {
        fault(1, format!("{} lines without its tests; part it (most {MOST_LINES})", source.lines));
    }
    for (module, line) in source.modules.iter().chain(module.last().map(|last| (last.clone(), 1)).iter()) {
        if NAMES_THAT_SAY_NOTHING.contains(&module.as_str()) {
            fault(*line, format!("`{module}` says nothing about what is inside"));
        }
    }
    for (macro_name, line) in &source.macros {
        if CORE.contains(&room.as_str()) && ["print", "println", "eprint", "eprintln", "dbg"].contains(&&**macro_name) {
            fault(*line, format!("the core prints nothing ({macro_name}!)"));
        }
    }
    for path in &source.paths {
        let problem = match path.segments[0].as_str() {
            "crate" | "sqrawl" => room_problem(&room, allowed, &path.segments),
            first if is_module_of(first, source) => None,
            first => crate_problem(&room, first, &path.segments, crates),
        };
        if let Some(problem) = problem {
            fault(path.line, problem);
        }
    }
    faults
}

fn room_problem(room: &str, allowed: &[&str], path: &[String]) -> Option<String> {
    let target = path.get(1)?;
    if target == "*" && room != "main" {
        return Some("imports the whole crate; name the room".to_owned());
    }
    let is_room = ROOMS.iter().any(|(name, _)| name == target);
    if !is_room {
        return (room != "lib" && room != "main").then(|| format!("`{}` is in no room", path.join("::")));
    }
    let may = target == room || allowed == ["*"] || allowed.contains(&target.as_str());
    (!may).then(|| format!("{room} may not import {target} ({})", path.join("::")))
}

fn crate_problem(room: &str, first: &str, path: &[String], crates: &BTreeSet<String>) -> Option<String> {
    let is_crate = crates.contains(first) || ["std", "core", "alloc"].contains(&first);
    if !is_crate || path.len() == 1 {
        return None;
    }
    if let Some((_, owners)) = OWNED.iter().find(|(name, _)| *name == first)
        && !owners.contains(&room)
    {
        return Some(format!("{room} may not use {first}, which belongs to {}", owners.join(", ")));
    }
    if !MAY_OPEN_SOCKETS.contains(&room)
        && let Some(socket) = SOCKETS.iter().find(|socket| reaches(path, socket))
    {
        return Some(format!("{room} may not open connections ({socket})"));
    }
    if !CORE.contains(&room) {
        return None;
    }
    if !CORE_CRATES.contains(&first) {
        return Some(format!("the core may not use {first}"));
    }
    let world = NOT_IN_CORE.iter().find(|banned| reaches(path, banned))?;
    Some(format!("{room} is core: no {world}; take what it gives as an argument"))
}

/// Whether `path` is `banned`, something in it, or a module through which it could be reached.
fn reaches(path: &[String], banned: &str) -> bool {
    let banned: Vec<&str> = banned.split("::").collect();
    let path: Vec<&str> = path.iter().map(String::as_str).collect();
    if path.last() == Some(&"*") || path.last() == Some(&"self") {
        return reaches_from(&path[..path.len() - 1], &banned);
    }
    reaches_from(&path, &banned)
}

fn reaches_from(path: &[&str], banned: &[&str]) -> bool {
    path.starts_with(banned) || banned.starts_with(path)
}

/// A module that the file declares hides a crate of the same name.
fn is_module_of(name: &str, source: &Source) -> bool {
    source.modules.iter().any(|(module, _)| module == name)
}

fn allowed_rooms(room: &str) -> Option<&'static [&'static str]> {
    match room {
        "lib" | "main" => Some(&["*"]),
        _ => ROOMS.iter().find(|(name, _)| *name == room).map(|(_, allowed)| *allowed),
    }
}

fn room_of(name: &str, module: &[String]) -> String {
    module.first().cloned().unwrap_or_else(|| name.trim_start_matches("src/").trim_end_matches(".rs").to_owned())
}

/// `src/a/b.rs` is the module a::b, `src/a/mod.rs` a, `src/lib.rs` and `src/main.rs` the root.
fn module_of(name: &str) -> Vec<String> {
    let path = name.trim_start_matches("src/").trim_end_matches(".rs");
    let mut module: Vec<String> = path.split('/').map(str::to_owned).collect();
    if matches!(module.last().map(String::as_str), Some("mod" | "lib" | "main")) {
        module.pop();
    }
    module
}

/// Names of the dependencies as they are written in code.
fn dependencies(cargo_toml: &str) -> BTreeSet<String> {
    let toml: toml::Table = cargo_toml.parse().unwrap();
    let mut tables = vec![toml["dependencies"].as_table().unwrap()];
    if let Some(targets) = toml.get("target").and_then(toml::Value::as_table) {
        tables.extend(targets.values().filter_map(|target| target.get("dependencies")?.as_table()));
    }
    tables.iter().flat_map(|table| table.keys()).map(|name| name.replace('-', "_")).collect()
}

fn rust_files(folder: &Path, files: &mut Vec<PathBuf>) {
    let mut entries: Vec<PathBuf> = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    entries.sort();
    for path in entries {
        if path.is_dir() {
            rust_files(&path, files);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            files.push(path);
        }
    }
}

/// Checks that `text`, as the file `name`, has exactly the faults that contain these words.
#[track_caller]
fn check(name: &str, text: &str, expected: &[&str]) {
    let crates = ["sqlx", "reqwest", "tokio", "tracing", "url", "mime", "whatlang", "anyhow", "governor"];
    let crates = crates.into_iter().map(str::to_owned).collect();
    let found = faults(name, &Source::read(text, &module_of(name)), &crates);
    let fits = found.len() == expected.len() && found.iter().zip(expected).all(|(fault, words)| fault.contains(words));
    assert!(fits, "{name}: {text:?}\nexpected {expected:?}\nfound {found:#?}");
}

#[test]
fn a_forbidden_room_is_found_however_it_is_named() {
    check("src/scope/mod.rs", "use crate::model::CrawlUrl;", &[]);
    check("src/scope/mod.rs", "use crate::parse::Page;", &["src/scope/mod.rs:1: scope may not import parse"]);
    check("src/scope/a.rs", "use crate::{model::Host, store::{self, Store as S}};", &["import store", "import store"]);
    check("src/scope/a.rs", "\nfn f() { crate::fetch::f::<u8>() }", &[":2: scope may not import fetch"]);
    check("src/scope/a.rs", "use super::super::engine;", &["import engine"]);
    check("src/scope/a.rs", "use super::engine;", &[]);
    check("src/scope/a.rs", "use self::super::super::engine::run as go;", &["import engine"]);
    check("src/scope/mod.rs", "mod inner { use super::super::engine; }", &["import engine"]);
    check("src/scope/mod.rs", "mod inner { use super::engine; } use super::store;", &["import store"]);
    check("src/scope/mod.rs", "use crate::*;", &["whole crate"]);
    check("src/scope/mod.rs", "use super::*;", &["whole crate"]);
    check("src/fetch/http.rs", "use sqrawl::store::Store;", &["fetch may not import store"]);
    check("src/engine/mod.rs", "use crate::{store, fetch, verdict, cli};", &["engine may not import cli"]);
    check("src/main.rs", "use sqrawl::{cli, engine};", &[]);
    check("src/scope/mod.rs", "use crate::Everything;", &["`crate::Everything` is in no room"]);
    check("src/odd.rs", "", &["`odd` is no room"]);
}

#[test]
fn a_forbidden_crate_or_part_of_the_world_is_found() {
    check("src/store/sqlite/mod.rs", "use sqlx::Row; use tokio::sync::Mutex;", &[]);
    check("src/engine/mod.rs", "fn f() { sqlx::query(\"\") }", &["engine may not use sqlx"]);
    check("src/cli/mod.rs", "use reqwest::Client;", &["cli may not use reqwest"]);
    check("src/parse/mod.rs", "use whatlang::detect; use url::Url;", &[]);
    check("src/model/mod.rs", "use whatlang::detect;", &["model may not use whatlang"]);
    check("src/verdict.rs", "fn f() { tracing::info!(\"x\") }", &["core may not use tracing"]);
    check("src/verdict.rs", "use std::time::Duration;", &[]);
    check("src/verdict.rs", "use std::time::{Duration, Instant};", &["no std::time::Instant"]);
    check("src/verdict.rs", "use std::time::{self};", &["no std::time::Instant"]);
    check("src/verdict.rs", "use std::time; fn f() { time::Instant::now() }", &["no std::time::Instant"]);
    check("src/verdict.rs", "use std::*;", &["may not open connections"]);
    check("src/verdict.rs", "fn f() { std::fs::read(p); println!(); }", &["prints nothing", "no std::fs"]);
    check("src/model/ids.rs", "use std::net::IpAddr; fn f(a: u8, b: u8) -> bool { a != b }", &[]);
    check("src/engine/mod.rs", "use tokio::net::TcpStream;", &["may not open connections"]);
    check("src/report/mod.rs", "use anyhow::Result;", &["report may not use anyhow"]);
    check("src/frontier/mod.rs", "#[tokio::main] fn f() {}", &["frontier may not use tokio"]);
}

#[test]
fn what_only_looks_like_an_import_is_none() {
    check("src/scope/mod.rs", "// use crate::store;\n/* crate::store /* x */ crate::store */", &[]);
    check("src/scope/mod.rs", r####"const A: &str = "crate::store"; const B: &str = r#"x" crate::store"#;"####, &[]);
    check("src/scope/mod.rs", r"fn f<'a>(x: &'a str) { let q = '\''; let c = 'x'; let b = b'\\'; }", &[]);
    check("src/scope/mod.rs", "#[cfg(test)]\nmod tests { use crate::store::Store; use tokio::time; }", &[]);
    check("src/scope/mod.rs", "#[cfg(test)]\n#[allow(x)]\npub(crate) mod tests { use crate::store; }", &[]);
    check("src/scope/mod.rs", "#[cfg(test)]\nmod t {} fn f() { crate::store::f() }", &["import store"]);
    check("src/scope/mod.rs", "#[cfg(test)]\nfn t() {} mod a { use crate::store::f; }", &["import store"]);
    check("src/parse/mod.rs", "mod tokio; use tokio::sniff;", &[]);
}

#[test]
fn size_and_names_are_judged() {
    check("src/scope/mod.rs", &"fn f() {}\n".repeat(MOST_LINES), &[]);
    check("src/scope/mod.rs", &"fn f() {}\n".repeat(MOST_LINES + 1), &["501 lines"]);
    let tests = format!("fn f() {{}}\n#[cfg(test)]\nmod tests {{\n{}}}\n", "fn f() {}\n".repeat(MOST_LINES));
    check("src/scope/mod.rs", &tests, &[]);
    check("src/scope/mod.rs", "mod utils;", &["`utils` says nothing"]);
    check("src/scope/helpers.rs", "", &["`helpers` says nothing"]);
}
