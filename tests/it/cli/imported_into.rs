//! `sqrawl import` into a crawl that there is: what the crawl is of, how polite it is and what it waits for stay as they are.

use std::fs;
use std::path::Path;

use tempfile::TempDir;

use super::import::{done, page, query, record, site};
use super::{run, sqrawl};

fn value(folder: &Path, sql: &str) -> String {
    query(folder, "crawl.db", sql).lines().skip(1).collect::<Vec<_>>().join(" ")
}

/// Imports these captures and says what was told.
fn import(folder: &Path, answers: &[(&str, String)]) -> String {
    let records: Vec<_> = answers.iter().map(|(url, answer)| record("response", url, &[], answer)).collect();
    fs::write(folder.join("x.warc"), records.concat()).unwrap();
    done(folder, &["import", "x.warc"]).1
}

fn moved(to: &str) -> String {
    format!("HTTP/1.1 301 Moved\r\nLocation: {to}\r\n\r\n")
}

/// Every page but the first answers with 503, so it waits.
fn busy_site(robots: &'static str, first: &'static str) -> String {
    site(move |path| match path {
        "/" => ("200 OK", String::new(), first.to_owned()),
        "/robots.txt" => ("200 OK", String::new(), robots.to_owned()),
        _ => ("503 Busy", String::new(), String::new()),
    })
}

fn crawl(folder: &Path, more: &[&str]) {
    done(folder, &[&["crawl", "--delay", "0", "--max-duration", "500ms", "-q"], more].concat());
}

/// The next request to the host did not wait for what its robots.txt asks for.
#[test]
fn an_import_forgot_the_delay_that_robots_txt_asks_for() {
    let folder = TempDir::new().unwrap();
    let folder = folder.path();
    let site = busy_site("User-agent: *\nCrawl-delay: 7\n", "<a href=/later>later</a>");
    crawl(folder, &[&site]);
    let delay = "SELECT delay_ms, asked_ms IS NOT NULL FROM host_queue";
    assert_eq!(value(folder, delay), "7000,1");
    let said = import(folder, &[(&format!("{site}later"), page("Later"))]);
    assert!(said.contains("1 fetch,"), "{said}");
    assert_eq!(value(folder, delay), "7000,1");
    done(folder, &["doctor"]);
}

/// Every URL of an archive brought the host that it redirects to into the scope, and so did a listed one when it was crawled.
#[test]
fn redirects_of_what_is_imported_widened_the_scope() {
    let folder = TempDir::new().unwrap();
    let folder = folder.path();
    let site = site(|path| match path {
        "/listed" => ("301 Moved", "Location: http://listed.example/\r\n".to_owned(), String::new()),
        "/robots.txt" => ("404 None", String::new(), String::new()),
        _ => ("200 OK", String::new(), "<title>Page</title>".to_owned()),
    });
    crawl(folder, &[&site]);
    import(folder, &[(&format!("{site}go"), moved("http://archived.example/"))]);
    fs::write(folder.join("list.txt"), format!("{site}listed")).unwrap();
    done(folder, &["import", "list.txt", "-q"]);
    done(folder, &["resume", "-q"]);
    let away = "SELECT u.url || ' ' || u.state || ' ' || r.name FROM urls u LEFT JOIN rules r ON r.id = u.rule_id
                WHERE u.url LIKE '%.example/' ORDER BY u.url";
    let wanted = "http://archived.example/ excluded scope http://listed.example/ excluded scope";
    assert_eq!(value(folder, away), wanted);
    assert_eq!(value(folder, "SELECT count(*) FROM seed_hosts"), "0");
    for (path, words) in [("", "as a seed, typed"), ("go", "by an imported archive"), ("listed", "by an imported list")]
    {
        let (said, _) = done(folder, &["explain", &format!("{site}{path}")]);
        assert!(said.contains(words), "{said}");
    }
    let sources = "SELECT group_concat(source || grants_scope) FROM seeds";
    assert_eq!(value(folder, sources), "\"argument1,archive0,import0\"");
    done(folder, &["doctor"]);
    // A list that a crawl begins with is one of its seeds, as that of `crawl -i` is; an archive is what it holds.
    for (file, wanted) in [("list.txt", "queued"), ("x.warc", "excluded")] {
        done(folder, &["import", file, "--db", "new.db", "-q"]);
        // Nobody answers at the other host.
        let resume = ["resume", "--db", "new.db", "-q", "--max-duration", "1s", "--allow-net", "127.0.0.0/8"];
        run(sqrawl(folder).args(resume));
        let state = "SELECT iif(rule_id IS NULL, 'queued', 'excluded') AS state FROM urls WHERE url LIKE '%.example/'";
        assert_eq!(query(folder, "new.db", state), format!("state\r\n{wanted}\r\n"), "{file}");
        fs::remove_file(folder.join("new.db")).unwrap();
    }
}

/// The answer for a seed that waits was left out, where the patterns of the crawl let in other URLs only.
#[test]
fn the_answer_for_what_a_crawl_waits_for_was_left_out_by_its_scope() {
    let folder = TempDir::new().unwrap();
    let folder = folder.path();
    let site = busy_site("", "");
    let seed = format!("{site}start");
    crawl(folder, &[&seed, "--include", "/docs/"]);
    assert_eq!(value(folder, "SELECT state FROM urls"), "scheduled");
    // What a seed redirects to belongs to the crawl, wherever in the archive it stands.
    let (target, other) = ("http://a.example/docs/", "http://b.example/docs/");
    let answers = [(target, page("Target")), (other, page("Other")), (&seed, moved(target))];
    let said = import(folder, &answers);
    assert!(said.contains("2 fetches,") && said.contains("1 left out by the scope"), "{said}");
    assert_eq!(value(folder, "SELECT url || ' ' || title FROM pages"), format!("{target} Target"));
    assert_eq!(value(folder, "SELECT h.name FROM seed_hosts w JOIN hosts h ON h.id = w.host_id"), "a.example");
    done(folder, &["doctor"]);
}

/// It was counted as visited before, and was dropped; had the crawl not met its URL, it would have become a page.
#[test]
fn the_answer_for_what_robots_txt_excludes_was_dropped() {
    let folder = TempDir::new().unwrap();
    let folder = folder.path();
    let site = busy_site("User-agent: *\nDisallow: /private\n", "<a href=/private/1>1</a>");
    crawl(folder, &[&site]);
    let state = "SELECT state FROM urls WHERE url LIKE '%/private/1'";
    assert_eq!(value(folder, state), "excluded");
    let answers: Vec<_> = (1..3).map(|n| (format!("{site}private/{n}"), page("Private"))).collect();
    let answers: Vec<_> = answers.iter().map(|(url, answer)| (url.as_str(), answer.clone())).collect();
    let said = import(folder, &answers);
    assert!(said.contains("2 fetches,") && !said.contains("visited before"), "{said}");
    assert_eq!(value(folder, state), "done");
    assert_eq!(value(folder, "SELECT count(*) FROM report_robots_blocked"), "0");
    let said = import(folder, &answers);
    assert!(said.contains("0 fetches,") && said.contains("2 visited before"), "{said}");
    done(folder, &["doctor"]);
}

/// One URL of an import let a host give more pages than any that is no seed's may.
#[test]
fn an_import_lifted_the_page_limit_of_a_host() {
    let folder = TempDir::new().unwrap();
    let folder = folder.path();
    let site = busy_site("", "<a href=http://other.example/1>1</a>");
    let limit = "SELECT group_concat(coalesce(page_limit, 'none')) FROM host_queue ORDER BY host_id";
    done(folder, &["crawl", &site, "--scope", "any", "--max-pages-per-host", "5", "--max-pages", "1", "-q"]);
    assert_eq!(value(folder, limit), "\"none,5\"");
    import(folder, &[("http://other.example/2", page("Two"))]);
    done(folder, &["import", "x.warc", "-q"]);
    assert_eq!(value(folder, limit), "\"none,5\"");
    done(folder, &["doctor"]);
}

/// An import that was stopped left out the hosts that it had not come to when it was run again, and so did the second of two
/// imports that one command would have taken in together.
#[test]
fn a_second_import_left_out_the_hosts_that_the_first_did_not_name() {
    let folder = TempDir::new().unwrap();
    let folder = folder.path();
    let site = site(|_| ("404 None", String::new(), String::new()));
    let link = page("First") + &format!("<a href={site}linked>linked</a>");
    import(folder, &[("http://a.example/", link)]);
    let linked = "SELECT state FROM urls WHERE url LIKE '%/linked'";
    assert_eq!(value(folder, linked), "excluded");
    let said = import(folder, &[(&format!("{site}second"), page("Second"))]);
    assert!(said.contains("1 fetch,") && !said.contains("left out"), "{said}");
    // Nothing is queued yet, but the link leads into the crawl by now.
    assert!(said.contains("sqrawl resume"), "{said}");
    assert_eq!(value(folder, "SELECT ended_by FROM sessions WHERE id = 2"), "import");
    done(folder, &["import", "x.warc", "-q"]);
    let resumed = run(sqrawl(folder).args(["resume", "-q", "--allow-net", "127.0.0.0/8", "--delay", "0"]));
    assert_eq!(resumed.code, Some(0), "{}", resumed.err);
    assert_eq!(value(folder, linked), "failed");
    done(folder, &["doctor"]);
}
