//! Queries that would never end, or take everything: each ends at its limit, says so in words that name the
//! remedy, and has the exit code of it. By the real binary, for the limits concern the whole process.

use std::io::{BufRead, BufReader, Read};
use std::process::{Command, Stdio};

use super::*;

/// The binary on a database.
fn sqrawl(scratch: &Scratch, args: &[&str]) -> Command {
    let mut sqrawl = Command::new(env!("CARGO_BIN_EXE_sqrawl"));
    sqrawl.env_clear().arg("--db").arg(&scratch.path).arg("query").args(args).stdin(Stdio::null());
    sqrawl
}

/// Exit code, stdout and stderr.
fn query(scratch: &Scratch, args: &[&str]) -> (Option<i32>, String, String) {
    let ran = sqrawl(scratch, args).output().expect("a process");
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    (ran.status.code(), text(&ran.stdout), text(&ran.stderr))
}

/// Counts without end.
const NUMBERS: &str = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n)";

#[tokio::test]
async fn what_never_ends_stops_at_its_time() {
    let scratch = Scratch::new().await;
    let many: Vec<String> = (0..40).map(|n| format!("urls AS u{n}")).collect();
    for sql in [
        format!("{NUMBERS} SELECT count(*) FROM n"),
        format!("{NUMBERS} SELECT max(n.i) FROM n, n AS m"),
        format!("SELECT count(*) FROM {}", many.join(", ")),
        format!("{NUMBERS} SELECT i FROM n ORDER BY i % 7, i"),
        format!("{NUMBERS} SELECT DISTINCT i % 3 FROM n"),
        format!("EXPLAIN QUERY PLAN {NUMBERS} SELECT * FROM n WHERE 0"),
    ] {
        let (code, _, err) = query(&scratch, &["--timeout", "300ms", "-f", "csv", &sql]);
        if sql.starts_with("EXPLAIN") {
            assert_eq!((code, err.as_str()), (Some(0), ""), "a plan takes no time");
            continue;
        }
        assert_eq!(code, Some(1), "{sql}: {err}");
        assert!(err.contains("stopped after 0.3 s and") && err.contains("--timeout gives it longer"), "{sql}: {err}");
    }
}

/// SQLite looks up between two steps; this is one.
#[tokio::test]
async fn a_call_that_takes_for_ever_is_left_behind() {
    let scratch = Scratch::new().await;
    let sql = "SELECT instr(hex(zeroblob(20000000)), hex(zeroblob(10000000)) || 'x')";
    let (code, out, err) = query(&scratch, &["--timeout", "100ms", "-f", "csv", sql]);
    assert_eq!((code, out.as_str()), (Some(1), ""), "{err}");
    assert!(err.contains("stopped at its time limit, in the middle of a row"), "{err}");
}

#[tokio::test]
async fn what_takes_all_memory_stops_at_its_limit() {
    let scratch = Scratch::new().await;
    for sql in [
        "SELECT length(hex(zeroblob(400000000)))",
        "SELECT length(printf('%.*c', 900000000, 'x'))",
        "SELECT length(replace(hex(zeroblob(100000)), '0', hex(zeroblob(100000))))",
        // As large as it may be, but handed over it is there twice.
        "SELECT hex(zeroblob(150000000))",
        "SELECT zeroblob(300000000)",
    ] {
        let (code, out, err) = query(&scratch, &["-f", "csv", sql]);
        assert_eq!(code, Some(1), "{sql}: {err}");
        assert!(
            err.contains("needs more memory") || err.contains("too big") || err.contains("a row may have"),
            "{sql}: {err}"
        );
        assert!(!err.contains("defect") && out.len() < 100, "{sql}: {err}");
    }
    let (code, _, err) = query(
        &scratch,
        &[
            "--memory",
            "16MB",
            "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n LIMIT 3000)
         SELECT length(group_concat(hex(zeroblob(10000)))) FROM n",
        ],
    );
    assert!(code == Some(1) && err.contains("--memory"), "{err}");
}

/// A sort of what never ends took hundreds of megabytes of /tmp in seconds, beside every limit.
#[tokio::test]
async fn sorts_write_no_files_without_limit() {
    let scratch = Scratch::new().await;
    let large = |limit: &str| {
        format!(
            "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n {limit}), b(x) AS (SELECT randomblob(60000) FROM n)"
        )
    };
    for sql in [
        format!("{} SELECT length(x) FROM b ORDER BY x", large("")),
        format!("{} SELECT count(DISTINCT x) FROM b", large("")),
        format!("{} SELECT length(x), count(*) FROM b GROUP BY x", large("")),
        format!("{}, m AS MATERIALIZED (SELECT x FROM b) SELECT length(x) FROM m", large("")),
    ] {
        let (code, out, err) = query(&scratch, &["--memory", "48MB", "--timeout", "60s", "-f", "csv", &sql]);
        assert_eq!(code, Some(1), "{sql}: {err}");
        assert!(err.contains("needs more memory") && err.contains("--temp-files"), "{sql}: {err}");
        assert!(out.len() < 100, "{sql}: {out}");
    }
    let sorted = format!("{} SELECT count(*) FROM (SELECT x FROM b ORDER BY x LIMIT 1999)", large("LIMIT 2000"));
    let (code, out, err) = query(&scratch, &["--memory", "48MB", "--temp-files", "-f", "csv", &sorted]);
    assert_eq!((code, out.as_str()), (Some(0), "count(*)\r\n1999\r\n"), "{err}");
}

#[tokio::test]
async fn a_row_over_its_size_is_named_and_the_rows_before_it_stay() {
    let scratch = Scratch::new().await;
    let sql = "VALUES (1, 'a'), (2, zeroblob(1100000)), (3, 'c')";
    let (code, out, err) = query(&scratch, &["--memory", "8MB", "-f", "json", sql]);
    assert_eq!(code, Some(1));
    assert!(err.contains("row 2 has values of 1100000 bytes, and a row may have 1000000"), "{err}");
    assert_eq!(out, "[\n{\"column1\":1,\"column2\":\"a\"}\n]\n");
}

#[tokio::test]
async fn a_limit_of_rows_is_said_when_it_is_reached() {
    let scratch = Scratch::new().await;
    let endless = format!("{NUMBERS} SELECT i FROM n");
    let (code, out, err) = query(&scratch, &["--max-rows", "3", "-f", "csv", &endless]);
    assert_eq!((code, out.as_str()), (Some(0), "i\r\n1\r\n2\r\n3\r\n"));
    assert!(err.contains("stopped after 3 rows, and there are more; --max-rows none gives them all"), "{err}");
    let (code, out, err) = query(&scratch, &["--max-rows", "3", "-f", "csv", "VALUES (1), (2), (3)"]);
    assert_eq!((code, out.lines().count(), err.as_str()), (Some(0), 4, ""));
}

#[tokio::test]
async fn wrong_limits_are_usage() {
    let scratch = Scratch::new().await;
    for (args, words) in [
        (["--timeout", "soon"], "--timeout soon: not a duration"),
        (["--max-rows", "many"], "--max-rows many: not a whole number"),
        (["--memory", "1MB"], "--memory 1MB: at least 8MB"),
        (["-p", "a"], "-p a: has no ="),
        (["-p", "a=1"], "-p a: the statement has no parameter of this name; it has none"),
    ] {
        let (code, out, err) = query(&scratch, &[args[0], args[1], "SELECT 1"]);
        assert_eq!((code, out.as_str()), (Some(2), ""), "{args:?}");
        assert!(err.contains(words), "{args:?}: {err}");
    }
    let (code, _, err) = query(&scratch, &["SELECT :host, ?, @depth", "-p", "1=x"]);
    assert!(code == Some(2) && err.contains("parameter host, depth has no value; for example -p host=VALUE"), "{err}");
    let (code, _, err) = query(&scratch, &[]);
    assert!(code == Some(2) && err.contains("no statement is given; for example: sqrawl query"), "{err}");
}

/// A signal to a query in the middle of its rows: they stop, with the exit code of a signal.
#[cfg(unix)]
#[tokio::test]
async fn a_signal_stops_a_query() {
    use rustix::process::{Pid, Signal, kill_process};
    let scratch = Scratch::new().await;
    let endless = format!("{NUMBERS} SELECT i FROM n");
    for signal in [Signal::INT, Signal::TERM] {
        let mut command = sqrawl(&scratch, &["-f", "csv", "--timeout", "none", &endless]);
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("a process");
        let mut out = BufReader::new(child.stdout.take().expect("a pipe"));
        out.read_line(&mut String::new()).expect("a row");
        kill_process(Pid::from_child(&child), signal).expect("sent");
        std::io::copy(&mut out, &mut std::io::sink()).expect("the rest");
        let mut err = String::new();
        child.stderr.take().expect("a pipe").read_to_string(&mut err).expect("words");
        assert_eq!(child.wait().expect("an end").code(), Some(3), "{err}");
        assert!(err.contains("stopped by a signal after"), "{err}");
    }
}
