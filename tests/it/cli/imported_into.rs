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
    // A link from a seed leads to them, too.
    let site = site(|path| match path {
        "/" => ("200 OK", String::new(), "<title>Seed</title><a href=/go>1</a><a href=/listed>2</a>".to_owned()),
        "/listed" => ("301 Moved", "Location: http://listed.example/\r\n".to_owned(), String::new()),
        "/robots.txt" => ("404 None", String::new(), String::new()),
        _ => ("200 OK", String::new(), "<title>Page</title>".to_owned()),
    });
    crawl(folder, &[&site, "--max-pages", "1"]);
    import(folder, &[(&format!("{site}go"), moved("http://archived.example/"))]);
    fs::write(folder.join("list.txt"), format!("{site}listed")).unwrap();
    done(folder, &["import", "list.txt", "-q"]);
    done(folder, &["resume", "-q", "--max-pages", "none"]);
    let away = "SELECT u.url || ' ' || u.state || ' ' || r.name FROM urls u LEFT JOIN rules r ON r.id = u.rule_id
                WHERE u.url LIKE '%.example/' ORDER BY u.url";
    let wanted = "http://archived.example/ excluded scope http://listed.example/ excluded scope";
    assert_eq!(value(folder, away), wanted);
    assert_eq!(value(folder, "SELECT count(*) FROM seed_hosts"), "0");
    let sources = "SELECT group_concat(source || grants_scope) FROM seeds";
    assert_eq!(value(folder, sources), "\"argument1,archive0,import0\"");
    done(folder, &["doctor"]);
    // In any order, a list that a crawl begins with is one of its seeds, as that of `crawl -i` is; an archive is what it holds.
    let redirect = record("response", &format!("{site}listed"), &[], &moved("http://listed.example/"));
    fs::write(folder.join("listed.warc"), redirect).unwrap();
    for (files, wanted) in [
        (&["list.txt"][..], "queued"),
        (&["x.warc"], "excluded"),
        (&["listed.warc"], "excluded"),
        (&["listed.warc", "list.txt"], "queued"),
    ] {
        done(folder, &[&["import", "--db", "new.db", "-q"], files].concat());
        // Nobody answers at the other host.
        let resume = ["resume", "--db", "new.db", "-q", "--max-duration", "1s", "--allow-net", "127.0.0.0/8"];
        run(sqrawl(folder).args(resume));
        let state = "SELECT iif(rule_id IS NULL, 'queued', 'excluded') AS state FROM urls WHERE url LIKE '%.example/'";
        assert_eq!(query(folder, "new.db", state), format!("state\r\n{wanted}\r\n"), "{files:?}");
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

/// A seed that waits leads over a URL that the archive brings, and on to another host: the archive had seemed to be the one who
/// named it. What stands before the redirect is judged again, and what could not be had is asked for.
#[test]
fn the_redirects_of_a_seed_ended_at_what_was_imported() {
    let folder = TempDir::new().unwrap();
    let folder = folder.path();
    let site = busy_site("", "");
    let (seed, step, end) = (format!("{site}start"), format!("{site}step"), "http://www.a.example/");
    crawl(folder, &[&seed]);
    let busy = "HTTP/1.1 503 Busy\r\n\r\n".to_owned();
    let linking = page("Linking") + &format!("<a href={end}linked>1</a>");
    let linking = (&*format!("{site}linking"), linking);
    import(folder, std::slice::from_ref(&linking));
    let state = |path: &str| value(folder, &format!("SELECT state FROM urls WHERE url = '{end}{path}'"));
    assert_eq!(state("linked"), "excluded");
    let answers =
        [(end, page("End")), (&*format!("{end}busy"), busy), (&*step, moved(end)), (&*seed, moved(&step)), linking];
    let said = import(folder, &answers);
    for words in [
        "3 fetches,",
        "1 host into scope by redirects of seeds",
        "1 visited before",
        "1 no answer of use, queued",
        "sqrawl resume",
    ] {
        assert!(said.contains(words), "{words}: {said}");
    }
    assert!(!said.contains("left out"), "{said}");
    assert_eq!(value(folder, "SELECT url FROM pages WHERE title = 'End'"), end);
    assert_eq!((state("busy"), state("linked")), ("queued".to_owned(), "excluded".to_owned()));
    run(sqrawl(folder).args(["resume", "-q", "--max-duration", "200ms"]));
    let rule = format!("SELECT r.name FROM urls u JOIN rules r ON r.id = u.rule_id WHERE u.url = '{end}linked'");
    assert_eq!(value(folder, &rule), "", "it is judged again");
    done(folder, &["doctor"]);
}

/// Whoever crawls with other settings had imported URLs judged like links: as traps, for instance.
#[test]
fn what_is_imported_was_judged_again_as_a_trap() {
    let folder = TempDir::new().unwrap();
    let folder = folder.path();
    let site = site(|path| match path {
        "/robots.txt" => ("404 None", String::new(), String::new()),
        _ => ("200 OK", String::new(), format!("<title>Page</title><a href={path}/deeper>1</a>")),
    });
    crawl(folder, &[&site, "--max-depth", "0"]);
    let given = format!("{site}cal/2399/05/x\n{site}a/b/a/b/a/b/a/b/\n");
    fs::write(folder.join("list.txt"), given).unwrap();
    done(folder, &["import", "list.txt", "-q"]);
    let (said, _) = done(folder, &["explain", &format!("{site}cal/2399/05/x")]);
    assert!(!said.contains("trap"), "{said}");
    done(folder, &["resume", "-q", "--max-redirects", "7", "--delay", "0"]);
    let pages = "SELECT count(*) FILTER (WHERE state = 'done'), count(*) FILTER (WHERE state = 'excluded') FROM urls";
    assert_eq!(value(folder, pages), "3,3", "and no link of theirs is followed: the crawl has a depth");
    done(folder, &["doctor"]);
}

/// Of each host one folder was let in, where a scope is one of folders.
#[test]
fn an_import_left_out_folders_that_it_names() {
    let folder = TempDir::new().unwrap();
    let folder = folder.path();
    let import = |urls: &[&str]| {
        fs::write(folder.join("list.txt"), urls.join("\n")).unwrap();
        let ran = run(sqrawl(folder).args(["import", "list.txt"]).env("SQRAWL_SCOPE", "prefix"));
        assert_eq!(ran.code, Some(0), "{}", ran.err);
        assert!(!ran.err.contains("left out"), "{}", ran.err);
    };
    import(&["http://a.example/1/a", "http://a.example/2/b", "http://b.example/3/c"]);
    let judging = "SELECT judging FROM sessions ORDER BY id DESC LIMIT 1";
    import(&["http://a.example/1/z"]);
    assert_eq!(value(folder, judging), "0");
    import(&["http://a.example/4/d"]);
    assert_eq!(value(folder, judging), "1");
    assert_eq!(value(folder, "SELECT count(*) FROM urls WHERE state = 'queued'"), "5");
}

/// `crawl URL` of what was imported went on with the crawl and left the URL the import's: an address that is typed was not connected.
#[test]
fn who_types_what_was_imported_makes_it_his_own() {
    let folder = TempDir::new().unwrap();
    let folder = folder.path();
    let site = busy_site("", "<title>Seed</title>");
    fs::write(folder.join("list.txt"), &site).unwrap();
    done(folder, &["import", "list.txt", "-q"]);
    assert_eq!(value(folder, "SELECT source FROM seeds"), "import");
    crawl(folder, &[&site]);
    assert_eq!(value(folder, "SELECT source || grants_origin FROM seeds"), "argument1");
    assert_eq!(value(folder, "SELECT title FROM pages"), "Seed");
    let (said, _) = done(folder, &["explain", &site]);
    assert!(said.contains("as a seed, typed"), "{said}");
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
    let named = |url: &str| done(folder, &["explain", url]).0;
    let limit = "SELECT group_concat(coalesce(page_limit, 'none')) FROM host_queue ORDER BY host_id";
    done(folder, &["crawl", &site, "--scope", "any", "--max-pages-per-host", "5", "--max-pages", "1", "-q"]);
    assert_eq!(value(folder, limit), "\"none,5\"");
    import(folder, &[("http://other.example/2", page("Two"))]);
    assert!(named("http://other.example/2").contains("by an imported archive"));
    fs::write(folder.join("list.txt"), "http://other.example/3").unwrap();
    done(folder, &["import", "list.txt", "-q"]);
    assert!(named("http://other.example/3").contains("by an imported list or sitemap"));
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

/// A redirect for a seed that robots.txt excludes and that the patterns are against had the import go round without end.
#[test]
fn an_import_of_what_robots_txt_and_the_patterns_are_against_had_no_end() {
    let folder = TempDir::new().unwrap();
    let folder = folder.path();
    let seed = busy_site("User-agent: *\nDisallow: /private\n", "") + "private";
    run(sqrawl(folder).args(["crawl", &seed, "--include", "/docs/", "--delay", "0", "-q"]));
    assert_eq!(value(folder, "SELECT state FROM urls"), "excluded");
    let said = import(folder, &[(&seed, moved("http://a.example/docs/"))]);
    assert!(said.contains("0 fetches,") && said.contains("1 left out by the scope"), "{said}");
    assert_eq!(value(folder, "SELECT count(*) FROM hosts"), "1");
    done(folder, &["doctor"]);
}

/// Each step of a seed's redirects counted as the first, so that an import followed them further than a crawl does.
#[test]
fn an_import_followed_redirects_without_a_limit() {
    let folder = TempDir::new().unwrap();
    let folder = folder.path();
    let site = busy_site("", "");
    let chain = |n: usize| if n < 12 { format!("{site}chain/{n}") } else { "http://far.example/".to_owned() };
    crawl(folder, &[&chain(0)]);
    let answers: Vec<(String, String)> = (0..12).map(|n| (chain(n), moved(&chain(n + 1)))).collect();
    let answers: Vec<(&str, String)> = answers.iter().map(|(url, answer)| (url.as_str(), answer.clone())).collect();
    // The last two are further away than ten redirects, but the archive names them.
    let said = import(folder, &answers);
    assert!(said.contains("12 fetches,") && !said.contains("into scope"), "{said}");
    let far = "SELECT r.name FROM urls u JOIN rules r ON r.id = u.rule_id WHERE u.url = 'http://far.example/'";
    assert_eq!(value(folder, far), "scope");
    // One step fewer, and it is the tenth.
    let other = TempDir::new().unwrap();
    let other = other.path();
    crawl(other, &[&chain(3)]);
    let said = import(other, &answers[3..]);
    assert!(said.contains("9 fetches,") && said.contains("1 host into scope"), "{said}");
}

/// A host of which the patterns let in nothing seemed new at each import: a complete crawl was none any more.
#[test]
fn what_the_patterns_leave_out_made_a_crawl_incomplete() {
    let folder = TempDir::new().unwrap();
    let folder = folder.path();
    let page = record("response", "http://a.example/1", &[], &page("One"));
    fs::write(folder.join("x.warc"), page).unwrap();
    fs::write(folder.join("list.txt"), "http://b.example/x\n").unwrap();
    let import = |files: &[&str]| run(sqrawl(folder).arg("import").args(files).env("SQRAWL_EXCLUDE", "/x$"));
    for n in 1..3 {
        assert_eq!(import(&["x.warc", "list.txt"]).code, Some(0));
        assert_eq!(value(folder, &format!("SELECT ended_by FROM sessions WHERE id = {n}")), "complete");
    }
    fs::remove_file(folder.join("crawl.db")).unwrap();
    let ran = import(&["list.txt"]);
    assert!(ran.code == Some(2) && ran.err.contains("the patterns leave out every URL"), "{}", ran.err);
}
