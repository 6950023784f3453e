//! Reports: their answers for a crawl of which everything is known, how they are found, and the page of all of them.

use std::collections::BTreeMap;
use std::process::{Command, Output};

use sqrawl::report::{REPORTS, Report};

use super::*;

/// A site with one of each problem.
const SITE: &str = include_str!("reports.sql");

/// What each report says of it; columns are parted by `|`, and `~` is the site.
const ANSWERS: &[(&str, &[&str])] = &[
    (
        "broken-links",
        &[
            "~/busy|rate_limited|429|~/busy|~/docs/one|a|",
            "~/crash|crashed||~/crash|~/docs/one|a|",
            "~/down|timeout||~/down|~/|a|",
            "~/gone|gone|404|~/gone|~/|a|Gone",
            "~/gone|gone|404|~/gone|~/docs/one|img|A picture",
            "~/gone|gone|404|~/gone|~/sitemap.xml|sitemap|",
            "~/gone|gone|404|~/gone|~/wrong|canonical|",
            "~/loop|loop|||~/|a|",
            "~/short|gone|404|~/gone|~/|a|",
            "~/shorter|gone|404|~/gone|~/|a|",
        ],
    ),
    (
        "redirects",
        &[
            "~/loop|301|~/pool|redirect|301",
            "~/moved|301|~/docs/one|page|200",
            "~/old|301|~/docs/one|page|200",
            "~/older|302|~/old|redirect|301",
            "~/pool|301|~/loop|redirect|301",
            "~/short|302|~/gone|gone|404",
            "~/shorter|302|~/short|redirect|302",
        ],
    ),
    ("redirect-chains", &["~/loop|~/loop|2|1", "~/older|~/docs/one|2|0", "~/pool|~/pool|2|1", "~/shorter|~/gone|2|0"]),
    ("redirect-loops", &["~/loop|~/loop|2", "~/pool|~/pool|2"]),
    ("mixed-content", &["~/|http://cdn.a.test/x.js|script"]),
    ("orphans", &["~/lonely|~/sitemap.xml|done", "~/next|~/sitemap.xml|queued"]),
    (
        "sitemap-problems",
        &[
            "~/sitemap.xml|~/gone|broken|gone|404|",
            "~/sitemap.xml|~/wrong|canonical|page|200|",
            "~/sitemap.xml|~/private|excluded|robots||robots",
            "~/sitemap.xml|~/old|redirect|redirect|301|",
        ],
    ),
    ("unlinked", &["~/sitemap.xml|0|", "~/lonely|5|~/sitemap.xml", "~/flaky|6|~/"]),
    ("external-links", &["~/|https://b.test/|b.test|Elsewhere|1"]),
    (
        "inlinks",
        &[
            "~/docs/one|2|1",
            "~/|1|1",
            "~/busy|1|1",
            "~/crash|1|1",
            "~/docs/copy?of=/one/|1|1",
            "~/docs/two|1|1",
            "~/down|1|1",
            "~/gone|1|1",
            "~/huge|1|1",
            "~/later|1|1",
            "~/loop|1|1",
            "~/older|1|1",
            "~/print|1|1",
            "~/private|1|1",
            "~/short|1|1",
            "~/shorter|1|1",
            "~/twice|1|1",
            "~/wrong|1|1",
            "https://b.test/|1|1",
        ],
    ),
    (
        "pagerank",
        &[
            "~/docs/one|0.5|1.5|1|A title of several|4000",
            "~/|0.25|0.75|0|A title that goes on and on until nobody who searches for it sees its end anymore|4000",
            "~/wrong|0.125|0.375|7|Not found|4000",
            "~/print|0.0625|0.1875||A title of several|4000",
        ],
    ),
    ("duplicates", &["2|2|~/docs/copy?of=/one/|A title of several|600"]),
    (
        "duplicate-urls",
        &[
            "~/docs/copy?of=/one/|~/docs/copy?of=/one/|2|A title of several|2",
            "~/docs/one|~/docs/copy?of=/one/|2|A title of several|2",
        ],
    ),
    ("near-duplicates", &["~/docs/copy?of=/one/|~/docs/two|1|A title of several|A title of several"]),
    (
        "titles",
        &[
            "~/docs/copy?of=/one/|A title of several|duplicate|3",
            "~/docs/one|A title of several|duplicate|3",
            "~/docs/two|A title of several|duplicate|3",
            "~/|A title that goes on and on until nobody who searches for it sees its end anymore|long|1",
            "~/lonely||missing|1",
        ],
    ),
    (
        "descriptions",
        &[
            "~/docs/copy?of=/one/|The same for several|duplicate|3",
            "~/docs/one|The same for several|duplicate|3",
            "~/docs/two|The same for several|duplicate|3",
            "~/|What it is. It says so at a length that no search engine shows, because people read a sentence or two of what they look for and never all of what somebody had to say.|long|1",
            "~/lonely||missing|1",
        ],
    ),
    (
        "canonicals",
        &[
            "~/wrong|~/gone|broken|failed|gone|404",
            "~/twice|~/print|chain|done|page|200",
            "~/twice|~/print|several|done|page|200",
        ],
    ),
    ("soft-404", &["~/wrong|200|Not found|5"]),
    ("content-types", &["text/html|9|2002806|2000000|681|~/", "application/xml|1|900|900|50|~/sitemap.xml"]),
    ("languages", &["en|6|90|~/", "|1|5|~/print", "de|1|40|~/lonely", "nl|1|5|~/flaky"]),
    (
        "depths",
        &[
            "|1|1|1|~/print",
            "0|3|2|1|~/",
            "1|17|4|1|http://cdn.a.test/x.js",
            "2|3|0|0|~/busy",
            "5|1|1|0|~/lonely",
            "6|2|1|0|~/flaky",
            "7|1|1|1|~/wrong",
            "8|1|0|1|~/removed",
        ],
    ),
    (
        "deep",
        &[
            "~/wrong|7|rank|Not found|~/",
            "~/flaky|6|crawl|A title that nobody has|~/",
            "~/lonely|5|crawl||~/sitemap.xml",
        ],
    ),
    ("directories", &["~/|24|6|7|4|2|2|1|1|2", "~/docs/|3|3|0|0|0|0|0|0|0"]),
    ("slow", &["~/flaky|3000|103", "~/lonely|2500|2000000"]),
    ("large", &["~/lonely|2000000|text/html|2500"]),
    (
        "status",
        &[
            "page|200|9|353|~/",
            "redirect|301|4|10|~/loop",
            "redirect|302|3|10|~/older",
            "gone|404|2|10|~/gone",
            "crashed||1|10|~/crash",
            "gone|410|1|10|~/removed",
            "http_error|500|1|10|~/flaky",
            "http_error|503|1|70|~/later",
            "rate_limited|429|1|10|~/busy",
            "robots||1|0|~/private",
            "timeout||1|10|~/down",
            "too_big|200|1|10|~/huge",
        ],
    ),
    (
        "errors",
        &[
            "a.test|gone|404|2|0|~/gone|",
            "a.test|crashed||1|0|~/crash|it ended the process",
            "a.test|gone|410|1|0|~/removed|",
            "a.test|http_error|500|1|0|~/flaky|",
            "a.test|http_error|503|1|1|~/later|",
            "a.test|rate_limited|429|1|0|~/busy|",
            "a.test|timeout||1|0|~/down|no answer in 30 s",
            "a.test|too_big|200|1|0|~/huge|more than 10 MB",
        ],
    ),
    ("robots-blocked", &["~/private|robots.txt line 2: Disallow: /private|~/"]),
    ("hosts", &["a.test|10|0|0|0|0|0|1000|", "b.test|0|0|0|0|0|0|1000|", "cdn.a.test|0|0|0|0|0|0|1000|"]),
    ("politeness", &["a.test|setting|30|1000|1001|0"]),
];

async fn site() -> Scratch {
    Scratch::of(SITE).await
}

fn cell(value: &Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::Integer(n) => n.to_string(),
        Value::Real(number) => number.to_string(),
        Value::Text(text) => text.replace("https://a.test/", "~/"),
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn every_report_answers_as_it_should() {
    let scratch = site().await;
    let mut reader = scratch.reader().await;
    let known: BTreeMap<&str, &[&str]> = ANSWERS.iter().copied().collect();
    for report in REPORTS {
        let found = rows(&mut reader, &report.sql()).await;
        assert!(!found.rows.is_empty(), "{} is empty", report.name);
        let lines: Vec<String> =
            found.rows.iter().map(|row| row.iter().map(cell).collect::<Vec<_>>().join("|")).collect();
        match known.get(report.name) {
            Some(wanted) => assert_eq!(lines, *wanted, "{}", report.name),
            None => assert_eq!(report.name, "excluded"),
        }
        let counted = rows(&mut reader, &report.count_sql()).await;
        assert_eq!(counted.rows, [[Value::Integer(lines.len() as i64)]], "{}", report.name);
    }
    let excluded = rows(&mut reader, "SELECT rule, urls, example FROM report_excluded WHERE urls > 0 ORDER BY 1").await;
    let lines: Vec<String> =
        excluded.rows.iter().map(|row| row.iter().map(cell).collect::<Vec<_>>().join("|")).collect();
    assert_eq!(lines, ["not_followed_kind|1|http://cdn.a.test/x.js", "robots|1|~/private", "scope|1|https://b.test/"]);
}

/// Who counts pages counts those that there are.
#[tokio::test]
async fn pages_say_which_of_them_are_gone() {
    let mut reader = site().await.reader().await;
    let sql = "SELECT url, stale, gone FROM pages WHERE stale OR gone ORDER BY url";
    let found = rows(&mut reader, sql).await.rows;
    let lines: Vec<String> = found.iter().map(|row| row.iter().map(cell).collect::<Vec<_>>().join("|")).collect();
    assert_eq!(lines, ["~/flaky|1|0", "~/moved|1|1", "~/old-sitemap.xml|1|1", "~/removed|1|1"]);
    let apart =
        "SELECT count(*) FROM pages p LEFT JOIN current_pages c ON c.id = p.url_id WHERE (c.id IS NULL) <> p.gone";
    assert_eq!(rows(&mut reader, apart).await.rows, [[Value::Integer(0)]]);
}

/// The views, the list and the page that explains them name the same reports.
#[tokio::test]
async fn every_report_is_a_view_and_explained() {
    let scratch = site().await;
    let sql = "SELECT name FROM sqlite_schema WHERE type = 'view' AND name LIKE 'report\\_%' ESCAPE '\\' ORDER BY 1";
    let views = rows(&mut scratch.reader().await, sql).await.rows;
    let views: Vec<String> = views.iter().map(|row| cell(&row[0])).collect();
    let mut listed: Vec<String> = REPORTS.iter().map(Report::view).collect();
    listed.sort();
    assert_eq!(views, listed);
    let page = include_str!("../../../docs/reports.md");
    let headings: Vec<&str> = page.lines().filter_map(|line| line.strip_prefix("### `")?.strip_suffix('`')).collect();
    assert_eq!(headings, REPORTS.iter().map(|report| report.name).collect::<Vec<_>>());
    let mut reader = scratch.reader().await;
    for report in REPORTS {
        let part = page.split(&format!("### `{}`\n", report.name)).nth(1).expect(report.name);
        let part = part.split("\n#").next().unwrap();
        let columns = rows(&mut reader, &format!("SELECT * FROM {} LIMIT 0", report.view())).await.columns;
        let columns: Vec<String> = columns.iter().map(|column| format!("`{column}`")).collect();
        for said in [report.meaning, report.next_step, &columns.join(", "), &format!("(schema.md#{})", report.view())] {
            assert!(part.contains(said), "docs/reports.md, {}: {said}", report.name);
        }
        assert!(page.contains(&format!("| `{}` |", report.name)), "no time of {} is stated", report.name);
    }
}

/// A lookup for each row that reads a whole table, or an index of a whole table made for one question, takes
/// minutes on a large crawl.
#[tokio::test]
async fn no_report_searches_a_table_for_each_row() {
    let scratch = site().await;
    let mut reader = scratch.reader().await;
    for report in REPORTS {
        let plan = rows(&mut reader, &format!("EXPLAIN QUERY PLAN {}", report.sql())).await;
        let steps: Vec<(i64, i64, String)> = plan
            .rows
            .iter()
            .map(|row| match &row[..] {
                [Value::Integer(id), Value::Integer(parent), _, Value::Text(step)] => (*id, *parent, step.clone()),
                other => panic!("{other:?}"),
            })
            .collect();
        let whole = steps.iter().map(|(_, _, step)| step.as_str()).collect::<Vec<_>>().join("\n");
        for table in ["l", "u", "f", "c"] {
            assert!(!whole.contains(&format!("SEARCH {table} USING AUTOMATIC")), "{}:\n{whole}", report.name);
        }
        assert!(!whole.contains("SCAN u USING INDEX sqlite_autoindex_urls"), "{}:\n{whole}", report.name);
        assert!(!whole.contains("SCAN s USING INDEX sqlite_autoindex_urls"), "{}:\n{whole}", report.name);
        assert!(whole.matches("SCAN l").count() <= 1, "{}:\n{whole}", report.name);
        let mut inside: Vec<i64> = Vec::new();
        for (id, parent, step) in &steps {
            if step.starts_with("CORRELATED") || inside.contains(parent) {
                inside.push(*id);
                assert!(!step.starts_with("SCAN"), "{}:\n{whole}", report.name);
            }
        }
    }
}

fn report(scratch: &Scratch, args: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_sqrawl"));
    command.env_clear().current_dir(scratch.folder.path()).arg("report").args(args).output().expect("a process")
}

#[tokio::test]
async fn reports_are_listed_and_printed() {
    let scratch = site().await;
    let out = |args: &[&str]| {
        let output = report(&scratch, args);
        let words = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(0), "{args:?}: {words}");
        (String::from_utf8(output.stdout).expect("text"), words)
    };
    let (list, _) = out(&[]);
    for report in REPORTS {
        assert!(list.lines().any(|line| line.split_whitespace().next() == Some(report.name)), "{list}");
        assert!(list.contains(report.meaning));
    }
    let listed: serde_json::Value = serde_json::from_str(&out(&["--json"]).0).expect("JSON");
    assert_eq!(
        (listed[0]["name"].as_str(), listed[0]["view"].as_str()),
        (Some("broken-links"), Some("report_broken_links"))
    );
    let slow = "url,elapsed_ms,size_bytes\r\nhttps://a.test/flaky,3000,103\r\nhttps://a.test/lonely,2500,2000000\r\n";
    assert_eq!(out(&["slow"]), (slow.to_owned(), String::new()), "data alone, into a pipe");
    let rows: serde_json::Value = serde_json::from_str(&out(&["report_titles", "--json"]).0).expect("JSON");
    assert_eq!((rows.as_array().map(Vec::len), &rows[3]["problem"]), (Some(5), &"long".into()));
    let (rows, words) = out(&["broken-links", "-f", "jsonl", "--limit", "2"]);
    assert_eq!((rows.lines().count(), words.as_str()), (2, "2 of 10 rows; --limit none shows all\n"));
    for (args, said) in [
        (&["brokn-links"][..], "error: there is no report \"brokn-links\"; did you mean broken-links"),
        (&["slow", "--limit", "few"], "error: --limit few: not a whole number; for example --limit 100, or none"),
        (&["slow", "--timeout", "soon"], "error: --timeout soon: "),
        (&["--all", "--json"], "error: --all writes HTML to stdout; with --json it needs -o FILE"),
        (&["slow", "--all"], "cannot be used with"),
        (&["-o", "x.html"], "--all"),
        (&["-f", "csv"], "NAME"),
    ] {
        let output = report(&scratch, args);
        let words = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(output.status.code() == Some(2) && words.contains(said), "{args:?}: {words}");
    }
    let output = report(&scratch, &["near-duplicates", "--timeout", "0ms"]);
    let words = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.code() == Some(1) && words.contains("--timeout gives it longer"), "{words}");
}

/// A person is told what the rows are, and what to do about them.
#[tokio::test]
async fn on_a_terminal_the_meaning_and_the_next_step_are_said() {
    let scratch = site().await;
    let sqrawl = env!("CARGO_BIN_EXE_sqrawl");
    let mut script = Command::new("script");
    script.current_dir(scratch.folder.path()).env("TERM", "xterm").args([
        "-qec",
        &format!("{sqrawl} report slow"),
        "/dev/null",
    ]);
    let Ok(output) = script.output() else {
        eprintln!("skipped: no script(1), so there is no terminal to print on");
        return;
    };
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    let report = Report::named("slow").expect("a report");
    for part in [report.meaning, report.next_step, "https://a.test/lonely", "2 rows"] {
        assert!(said.contains(part), "{part} is not in {said}");
    }
}

/// After a second round pages that were gone, or redirected, were still duplicates, titles and sources of broken links.
#[tokio::test]
async fn pages_that_are_gone_were_reported_on() {
    let scratch = site().await;
    scratch
        .write(
            "INSERT INTO fetches(id, url_id, host_id, round_id, session_id, started_ms, started_at, elapsed_ms, outcome, status, target_id)
             VALUES (30, 2, 1, 1, 1, 3000, '1970-01-01T00:00:03.000Z', 9, 'gone', 410, NULL),
                    (31, 15, 1, 1, 1, 3000, '1970-01-01T00:00:03.000Z', 9, 'redirect', 301, 1),
                    (32, 16, 1, 1, 1, 3000, '1970-01-01T00:00:03.000Z', 9, 'http_error', 500, NULL);
             UPDATE urls SET last_fetch_id = 30, state = 'failed' WHERE id = 2;
             UPDATE urls SET last_fetch_id = 31 WHERE id = 15;
             UPDATE urls SET last_fetch_id = 32, state = 'failed' WHERE id = 16;",
        )
        .await;
    let lines = |name: &str| {
        let output = report(&scratch, &[name, "-f", "csv"]);
        assert_eq!(output.status.code(), Some(0), "{name}");
        String::from_utf8(output.stdout).expect("text")
    };
    for name in ["duplicates", "duplicate-urls", "titles", "descriptions", "near-duplicates", "slow", "large", "deep"] {
        let rows = lines(name);
        for gone in ["/docs/one", "/lonely"] {
            assert!(!rows.lines().any(|row| row.split(',').any(|cell| cell.ends_with(gone))), "{name}: {rows}");
        }
    }
    assert_eq!(lines("duplicates").lines().count(), 1, "the other copy is gone");
    let broken = lines("broken-links");
    assert!(
        broken.contains("https://a.test/docs/one,gone,410,https://a.test/docs/one,https://a.test/,a,One"),
        "{broken}"
    );
    assert!(!broken.contains("A picture"), "it stood on a page that is gone: {broken}");
    assert!(lines("soft-404").contains("/wrong"), "an error keeps the last good copy");
    assert!(!lines("inlinks").contains("https://a.test/,"), "the other link is its own: {}", lines("inlinks"));
}

/// What a page has in it was said to be linked from nowhere.
#[tokio::test]
async fn pictures_of_a_page_were_unlinked() {
    let scratch = site().await;
    let before = report(&scratch, &["unlinked", "-f", "csv"]).stdout;
    assert!(String::from_utf8_lossy(&before).contains("/lonely"));
    scratch
        .write("INSERT INTO links(source_id, target_id, kind, nofollow, position) VALUES (1, 15, 'img', 0, 99)")
        .await;
    let after = report(&scratch, &["unlinked", "-f", "csv"]).stdout;
    assert!(!String::from_utf8_lossy(&after).contains("/lonely"), "{}", String::from_utf8_lossy(&after));
}

#[tokio::test]
async fn gates_decide_the_exit_code() {
    let scratch = site().await;
    let words = |output: &Output| String::from_utf8_lossy(&output.stderr).into_owned();
    for (args, code, said) in [
        (&["--fail-on", "broken-links>0"][..], 10, "error: gate failed: broken-links>0 (10 rows)"),
        (&["--fail-on", "broken_links > 10"], 0, "gate held: not broken-links>10 (10 rows)"),
        (&["--fail-on", "slow<1", "--fail-on", " slow >= 2 "], 10, "error: gate failed: slow>=2 (2 rows)"),
        (&["slow", "--fail-on", "slow=2"], 10, "gate failed: slow=2"),
        (&["slow", "--fail-on", "slow!=2"], 0, "gate held"),
        (&["--all", "--fail-on", "orphans<=2"], 10, "gate failed: orphans<=2 (2 rows)"),
        (&["--fail-on", "broken-links"], 2, "for example --fail-on 'broken-links>0'"),
        (&["--fail-on", "links>0"], 2, "there is no report \"links\"; did you mean broken-links"),
        (&["--fail-on", "slow>many"], 2, "a whole number of rows stands after >"),
    ] {
        let output = report(&scratch, args);
        assert_eq!(output.status.code(), Some(code), "{args:?}: {}", words(&output));
        assert!(words(&output).contains(said), "{args:?}: {}", words(&output));
    }
    let output = report(&scratch, &["--json", "-q", "--fail-on", "slow>0", "--fail-on", "slow>2"]);
    let said: serde_json::Value = serde_json::from_slice(&output.stdout).expect("JSON");
    let gates = serde_json::json!([
        { "gate": "slow>0", "report": "slow", "rows": 2, "failed": true },
        { "gate": "slow>2", "report": "slow", "rows": 2, "failed": false },
    ]);
    assert_eq!((&said["failed"], &said["gates"], output.status.code()), (&1.into(), &gates, Some(10)));
}

/// What is proposed asks the file that was asked, not the one of that folder.
#[tokio::test]
async fn hints_name_the_database_that_was_asked() {
    let scratch = site().await;
    std::fs::rename(&scratch.path, scratch.folder.path().join("my crawl.db")).expect("moved");
    let output = report(&scratch, &["--db", "my crawl.db", "--fail-on", "slow>0"]);
    let words = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(words.contains("sqrawl report --db 'my crawl.db' slow lists them"), "{words}");
    let page = String::from_utf8(report(&scratch, &["--db", "my crawl.db", "--all"]).stdout).expect("text");
    assert!(
        page.contains("sqrawl show --db &#39;my crawl.db&#39; FINAL")
            || page.contains("sqrawl show --db 'my crawl.db' FINAL"),
        "{page}"
    );
    // How many URLs failed is no number of links.
    assert!(page.contains("<b>8</b><span>URLs failed</span>"), "{page}");
}

const EVIL: &str = "</td></title><script>document.title='taken'</script><img src=x onerror=\"document.title='taken'\">";

#[tokio::test]
async fn the_page_is_whole_and_what_pages_say_stays_text() {
    let scratch = site().await;
    let evil = EVIL.replace('\'', "''");
    scratch
        .write_text(format!("UPDATE contents SET title = '{evil}' WHERE id = 7; UPDATE links SET anchor = '{evil}'"))
        .await;
    std::fs::write(scratch.folder.path().join("report.html"), "an older one").expect("written");
    let output = report(&scratch, &["--all", "--json", "-o", "report.html"]);
    assert_eq!(output.status.code(), Some(0), "{}", String::from_utf8_lossy(&output.stderr));
    let said: serde_json::Value = serde_json::from_slice(&output.stdout).expect("JSON");
    assert_eq!(said["reports"].as_array().map(Vec::len), Some(REPORTS.len()));
    let html = std::fs::read_to_string(scratch.folder.path().join("report.html")).expect("a page");
    assert_eq!(said["size_bytes"], html.len());
    assert!(!html.contains("<script") && !html.contains("<img") && html.contains("&lt;script&gt;"), "{html}");
    for report in REPORTS {
        assert!(html.contains(&format!("<details id=\"{}\"", report.name)), "{}", report.name);
    }
    let files: Vec<_> =
        scratch.files().into_keys().filter(|path| path.extension().is_some_and(|e| e == "part")).collect();
    assert_eq!(files, Vec::<PathBuf>::new());
    assert_eq!(
        String::from_utf8(report(&scratch, &["--all"]).stdout).expect("text").matches("<details").count(),
        REPORTS.len()
    );
    in_a_browser(&scratch.folder.path().join("report.html"));
}

/// As a browser reads the page, at two widths. Left out, visibly, where there is none.
fn in_a_browser(page: &Path) {
    let browser = ["chromium", "chromium-browser", "google-chrome"].into_iter().find(|name| {
        std::env::var_os("PATH").is_some_and(|path| std::env::split_paths(&path).any(|dir| dir.join(name).is_file()))
    });
    let Some(browser) = browser else {
        eprintln!("skipped: no chromium on the PATH, so the page is not looked at in a browser");
        return;
    };
    let profile = tempfile::tempdir().expect("a folder");
    let ask = |width: u32, what: &str| {
        let mut command = Command::new(browser);
        command.args([
            "--headless",
            "--no-sandbox",
            "--disable-gpu",
            "--no-first-run",
            "--disable-background-networking",
        ]);
        command.args(["--disable-component-update", "--disable-sync", "--hide-scrollbars"]);
        command.arg(format!("--user-data-dir={}", profile.path().display())).arg(format!("--window-size={width},900"));
        command.arg(what).arg(format!("file://{}", page.display()));
        command.output().expect("a browser")
    };
    let dom = String::from_utf8(ask(1280, "--dump-dom").stdout).expect("text");
    assert!(dom.contains("<title>Crawl of a.test</title>"), "{dom:.2000}");
    assert_eq!(dom.matches("<details ").count(), REPORTS.len());
    assert!(!dom.contains("<script") && !dom.contains("<img"), "a page's words became markup");
    for width in [1280, 390] {
        let shot = profile.path().join(format!("{width}.png"));
        ask(width, &format!("--screenshot={}", shot.display()));
        assert!(std::fs::metadata(&shot).is_ok_and(|shot| shot.len() > 10_000), "no picture of {width} columns");
    }
}

#[tokio::test]
async fn the_page_overwrites_no_database_and_leaves_nothing_when_stopped() {
    let scratch = site().await;
    std::os::unix::fs::symlink("crawl.db", scratch.folder.path().join("link.html")).expect("linked");
    std::fs::copy(&scratch.path, scratch.folder.path().join("other.html")).expect("copied");
    std::fs::create_dir(scratch.folder.path().join("folder")).expect("made");
    report(&scratch, &["slow"]);
    let before = scratch.files();
    for (file, said) in [
        ("crawl.db", "the crawl itself"),
        ("./crawl.db", "the crawl itself"),
        ("link.html", "the crawl itself"),
        ("crawl.db-wal", "the crawl itself"),
        ("other.html", "a database, which is not overwritten"),
        ("folder", "a folder"),
        ("nowhere/x.html", "nowhere/x.html cannot be written"),
    ] {
        let output = report(&scratch, &["--all", "-o", file]);
        let words = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(!output.status.success() && words.contains(said), "{file}: {words}");
    }
    let output = report(&scratch, &["--all", "-o", "late.html", "--timeout", "0ms"]);
    assert_eq!(output.status.code(), Some(1), "{}", String::from_utf8_lossy(&output.stderr));
    std::fs::remove_file(scratch.folder.path().join("late.html")).expect("the page says what is missing");
    assert_eq!(scratch.files(), before);
}
