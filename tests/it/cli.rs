//! The command line as its users meet it: the real binary, its words and its exit codes.

mod charsets;
mod crawls;
mod export;
mod identity;
mod import;
mod imported_into;
#[cfg(unix)]
mod inbox;
mod parsers;
#[cfg(unix)]
mod prompt;
mod rank;
mod recipes;
mod recrawls;
mod rot;
mod rounds;
mod search;
#[cfg(unix)]
mod series;
mod shelf;
mod sitemaps;
#[cfg(unix)]
mod tools;

use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};

use snapbox::{assert_data_eq, file, str};
use tempfile::TempDir;

/// What a run of the binary gave.
pub(crate) struct Ran {
    pub(crate) code: Option<i32>,
    pub(crate) out: String,
    pub(crate) err: String,
}

/// The binary in a folder, with nothing in its environment.
pub(crate) fn sqrawl(folder: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_sqrawl"));
    command.env_clear().current_dir(folder).stdin(Stdio::null());
    command
}

pub(crate) fn run(command: &mut Command) -> Ran {
    let output = command.output().expect("the binary starts");
    Ran {
        code: output.status.code(),
        out: String::from_utf8_lossy(&output.stdout).into_owned(),
        err: String::from_utf8_lossy(&output.stderr).into_owned(),
    }
}

fn in_empty_folder(args: &[&str]) -> Ran {
    let folder = TempDir::new().unwrap();
    let ran = run(sqrawl(folder.path()).args(args));
    let left: Vec<_> = fs::read_dir(folder.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert!(left.is_empty(), "{args:?} left {left:?}");
    ran
}

#[test]
fn help() {
    let ran = in_empty_folder(&["--help"]);
    assert_eq!(ran.code, Some(0));
    assert_data_eq!(ran.out, file!["cli/help.txt"]);
    let ran = in_empty_folder(&["crawl", "-h"]);
    assert_eq!(ran.code, Some(0));
    assert_data_eq!(ran.out.replace(env!("CARGO_PKG_VERSION"), "VERSION"), file!["cli/help_crawl.txt"]);
}

#[test]
fn wrong_usage_is_named_and_leaves_nothing() {
    let cases: [(&[&str], &str); 24] = [
        (&["crawl"], "error: no seed is given; for example: sqrawl crawl https://example.org/\n"),
        (
            &["crawl", "mailto:x@example.org"],
            "error: \"mailto:x@example.org\" is no seed: only http and https are crawled; for example \
             https://example.org/\n",
        ),
        (
            &["crawl", "x.test", "--delay", "soon"],
            "error: --delay soon: not a duration (ms, s, m, h, d); for example --delay 1s\n",
        ),
        (
            &["crawl", "x.test", "-c", "0"],
            "error: --concurrency 0: between 1 and 10000; for example --concurrency 16\n",
        ),
        (
            &["crawl", "x.test", "--limit", "0"],
            "error: --max-pages 0: at least 1, or none; for example --max-pages 5000\n",
        ),
        (
            &["crawl", "x.test", "--max-body", "huge"],
            "error: --max-body huge: not a size (B, kB, MB, GB, KiB, MiB, GiB); for example --max-body 10MB\n",
        ),
        (
            &["crawl", "x.test", "--max-body", "1GB"],
            "error: --memory 128MiB cannot hold a body of --max-body 1GB; for example --memory 1920MiB\n",
        ),
        (
            &["crawl", "x.test", "--rate", "2/fortnight"],
            "error: --rate 2/fortnight: not a rate (per s, m or h); for example --rate 2/s\n",
        ),
        (
            &["crawl", "x.test", "--scope", "world"],
            "error: --scope world: none of host, domain, prefix, any; for example --scope domain\n",
        ),
        (
            &["crawl", "x.test", "--allow-net", "everyone"],
            "error: --allow-net everyone: not a network in CIDR notation; for example --allow-net 10.0.0.0/8\n",
        ),
        (
            &["crawl", "x.test", "--traps", "-calender"],
            "error: --traps -calender: none of path_repeats, path_depth, query_growth, calendar, session_id, self_link, \
             soft_404, same_content, all, none; for example --traps -calendar\n",
        ),
        (
            &["crawl", "x.test", "--url-rules", "sorted"],
            "error: --url-rules sorted: none of escapes, empty_query, session_ids, sort_query, all, none; for example \
             --url-rules +sort_query,-session_ids\n",
        ),
        (
            &["crawl", "x.test", "--drop-param", "a=b"],
            "error: --drop-param a=b: not the name of a query parameter as a URL spells it, with * at its end at most; \
             for example --drop-param utm_*\n",
        ),
        (
            &["crawl", "x.test", "--durable=perhaps"],
            "error: --durable=perhaps: neither true nor false; for example --durable=true\n",
        ),
        (&["crawl", "x.test", "-i", "seeds.txt"], "error: --input seeds.txt: No such file or directory (os error 2)\n"),
        (
            &["crawl", "x.test", "--config", "p.toml"],
            "error: p.toml: cannot be read: No such file or directory (os error 2)\n",
        ),
        (
            &["status", "--db", "postgres://u:secret@h/d"],
            "error: --db postgres://…@h/d: PostgreSQL is not in this version; use a SQLite file; for example --db ./site.db\n",
        ),
        (
            &["status", "--db", "mysql://u@h/d"],
            "error: --db mysql://…@h/d: neither a path nor a sqlite: URL; for example --db ./site.db\n",
        ),
        (
            &["status", "--color", "pink"],
            "error: --color pink: none of auto, always, never; for example --color never\n",
        ),
        (&["resume"], "error: ./crawl.db holds no crawl yet; start one with: sqrawl crawl URL --db ./crawl.db\n"),
        (
            &["crawl", "x.test", "-q", "-v"],
            "error: the argument '--quiet[=<BOOL>]' cannot be used with '--verbose...'\n",
        ),
        (&["crawl", "x.test", "--depth", "3"], "error: unexpected argument '--depth' found\n"),
        (&["query"], "error: no statement is given; for example: sqrawl query 'SELECT url, title FROM pages LIMIT 10'"),
        (&["fetch"], "error: unrecognized subcommand 'fetch'\n"),
    ];
    for (args, words) in cases {
        let ran = in_empty_folder(args);
        assert!(ran.err.starts_with(words), "{args:?}: {}", ran.err);
        assert_eq!((ran.code, ran.out.as_str()), (Some(2), ""), "{args:?}");
    }
}

#[test]
fn a_pattern_that_is_none_is_named() {
    let ran = in_empty_folder(&["crawl", "x.test", "--include", "("]);
    assert_eq!(ran.code, Some(2));
    assert!(ran.err.starts_with("error: --include \"(\" is not a usable regular expression: "), "{}", ran.err);
}

#[test]
fn bad_lines_of_a_seed_file_are_named() {
    let folder = TempDir::new().unwrap();
    let seeds = "\u{feff}https://a.test/\n# a comment\n\n  b.test/x  \nmailto:x@example.org\nhttp://\n";
    fs::write(folder.path().join("seeds.txt"), seeds).unwrap();
    let ran = run(sqrawl(folder.path()).args(["crawl", "-i", "seeds.txt"]));
    assert_eq!(ran.code, Some(2));
    assert!(ran.err.contains("seeds.txt, line 5: \"mailto:x@example.org\" is no seed"), "{}", ran.err);
    assert!(ran.err.contains("seeds.txt, line 6: \"http://\" is no seed"), "{}", ran.err);
    assert!(!folder.path().join("crawl.db").exists());
}

#[test]
fn a_dry_run_reads_every_kind_of_seed_and_touches_nothing() {
    let folder = TempDir::new().unwrap();
    fs::write(folder.path().join("seeds.txt"), "https://a.test/\n# no\nb.test\nhttp://localhost:1/file\n").unwrap();
    let mut command = sqrawl(folder.path());
    command.args(["crawl", "localhost:8000/x", "-", "-i", "seeds.txt", "--dry-run", "--exclude", "/x$"]);
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    std::io::Write::write_all(&mut child.stdin.take().unwrap(), b"https://c.test/\nhttps://a.test\n").unwrap();
    let output = child.wait_with_output().unwrap();
    let wanted = str![[r#"
dry run: nothing is fetched, and ./crawl.db is not made
  seeds    http://localhost:8000/x https://c.test/ https://a.test/ and 2 more
  scope    the seeds' hosts, any depth, without "/x$"
  limits   100,000 pages, 10,000 for a host that is no seed's, 10.0 MB a body
  pace     1s between requests to one host: about 3,600 pages an hour from each; 64 requests in flight in all
  agent    sqrawl/[..]; robots.txt is obeyed
  allowed  http://localhost:8000, because a seed was typed so
  but      seed http://localhost:8000/x is excluded by exclude:/x$
  robots   robots.txt of http://localhost:8000, https://c.test, https://a.test, https://b.test, http://localhost:1 is asked first, and decides what may be fetched

"#]];
    assert_data_eq!(String::from_utf8_lossy(&output.stdout).into_owned(), wanted);
    assert_eq!(output.status.code(), Some(0));
    assert!(!folder.path().join("crawl.db").exists());
}

#[test]
fn config_show_names_every_origin() {
    let folder = TempDir::new().unwrap();
    fs::write(folder.path().join(".env"), "SQRAWL_RATE=30/m\nSQRAWL_DELAY=9s\nSQRAWL_DEALY=1\nnonsense\n").unwrap();
    fs::write(folder.path().join("p.toml"), "timeout = '5s'\nrate = '9/s'\nexclude = ['\\.pdf$']\n").unwrap();
    let mut command = sqrawl(folder.path());
    command.env("SQRAWL_DELAY", "2s").env("SQRAWL_MAX_DEPTH", "7").env("DATABASE_URL", "sqlite:y.db");
    let ran = run(command.args(["config", "show", "--config", "p.toml", "-d", "3"]));
    assert_eq!(ran.code, Some(0), "{}", ran.err);
    let lines = [
        ("db", "y.db", "environment"),
        ("max-depth", "3", "flag"),
        ("delay", "2s", "environment"),
        ("rate", "30/m", ".env"),
        ("timeout", "5s", "profile p.toml"),
        ("patterns", "-\\.pdf$", "profile p.toml"),
        ("retries", "2", "default"),
    ];
    for (name, value, origin) in lines {
        let line = ran.out.lines().find(|line| line.split_whitespace().next() == Some(name)).unwrap_or_default();
        let columns: Vec<&str> = line.split("  ").map(str::trim).filter(|part| !part.is_empty()).collect();
        assert_eq!(columns, [name, value, origin]);
    }
    assert!(ran.err.contains("SQRAWL_DEALY (.env) is no setting of sqrawl"), "{}", ran.err);
    assert!(ran.err.contains(".env: 1 lines are not NAME=VALUE"), "{}", ran.err);
}

#[test]
fn config_show_as_json_is_exact() {
    let ran = in_empty_folder(&["config", "show", "--json", "--max-body", "2MiB", "--rate", "30/m"]);
    let all: serde_json::Value = serde_json::from_str(&ran.out).unwrap();
    assert_eq!(all["crawl"]["max_body_bytes"]["value"], 2_097_152);
    assert_eq!(all["crawl"]["max_body_bytes"]["origin"]["from"], "flag");
    assert_eq!(all["crawl"]["rate_per_second"]["value"], 0.5);
    assert_eq!(all["crawl"]["max_redirects"]["origin"]["from"], "default");
    assert_eq!(all["run"]["database"]["variable"], "DATABASE_URL");
}

#[test]
fn patterns_are_asked_in_the_order_given() {
    let show = |args: &[&str]| {
        let ran = in_empty_folder(&[&["config", "show", "--json"], args].concat());
        let all: serde_json::Value = serde_json::from_str(&ran.out).unwrap();
        all["crawl"]["patterns"]["text"].as_str().unwrap().to_owned()
    };
    assert_eq!(show(&["--include", "a", "--exclude", "b", "--include", "c"]), "+a, -b, +c");
    assert_eq!(show(&["--exclude", "b", "--include=-c", "--exclude", "-d"]), "-b, +-c, --d");
}

#[test]
fn a_wrong_value_is_refused_wherever_it_stands() {
    let folder = TempDir::new().unwrap();
    fs::write(folder.path().join("p.toml"), "delay = '1s'\ndealy = '2s'\n").unwrap();
    let ran = run(sqrawl(folder.path()).args(["config", "show", "--config", "p.toml"]));
    assert_eq!(ran.err, "error: p.toml: there is no setting \"dealy\"; did you mean \"delay\"?\n");
    let ran = run(sqrawl(folder.path()).env("SQRAWL_RETRIES", "many").args(["config", "show", "--retries", "1"]));
    assert_eq!(ran.err, "error: SQRAWL_RETRIES=many: not a whole number; for example SQRAWL_RETRIES=1\n");
    assert_eq!(ran.code, Some(2));
}

#[test]
fn completions_for_every_shell() {
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        let ran = in_empty_folder(&["completions", shell]);
        assert!(ran.code == Some(0) && ran.out.contains("max-depth"), "{shell}: {}", ran.err);
    }
}

#[test]
fn a_reader_that_goes_away_is_told_nothing() {
    let folder = TempDir::new().unwrap();
    let mut child = sqrawl(folder.path())
        .args(["completions", "bash"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    drop(child.stdout.take());
    let output = child.wait_with_output().unwrap();
    assert_eq!((output.status.code(), output.stderr.as_slice()), (Some(0), &b""[..]));
}

#[test]
fn a_file_that_is_no_crawl_is_refused_and_unchanged() {
    let folder = TempDir::new().unwrap();
    fs::write(folder.path().join("x.db"), "these are notes, not a database\n").unwrap();
    for args in [&["status"][..], &["crawl", "https://a.test/"], &["resume"], &["doctor"], &["query", "SELECT 1"]] {
        let ran = run(sqrawl(folder.path()).args(args).args(["--db", "x.db"]));
        assert_eq!(ran.code, Some(4), "{args:?}: {}", ran.err);
        assert!(ran.err.contains("x.db is not a SQLite database and was left unchanged"), "{}", ran.err);
        let text = fs::read_to_string(folder.path().join("x.db")).unwrap();
        assert_eq!(text, "these are notes, not a database\n");
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1, "{args:?} left something beside it");
    }
    let ran = run(sqrawl(folder.path()).args(["status", "--db", "nowhere.db"]));
    assert!(ran.code == Some(4) && ran.err.contains("nowhere.db does not exist;"), "{}", ran.err);
}
